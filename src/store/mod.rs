//! Keeps every change: sled and a journal behind one door.
//!
//! A [`Database`] is the store itself and waits for the disk; a [`Writer`] owns one on threads of its own, and never
//! loses a batch: what cannot be written is kept in memory and written later. A [`Reader`] answers questions about the
//! past beside it.
//!
//! A commit is first a line of the journal (appended, `fdatasync`), then one transaction of sled over all trees, its
//! flush, and an `fdatasync` of our own. So the journal is never behind sled by an acknowledged commit: at every start
//! the live state of the two is compared, the end of the journal is written to sled again if a crash came between, and
//! whatever else differs is a loss that is repaired and told.
//!
//! Stored formats are in `schema` and nowhere else; sled is in `vault.rs` and nowhere else.

mod audit;
mod backup;
mod chronicle;
mod compact;
mod database;
mod error;
mod examine;
mod folder;
mod guarded;
mod in_memory;
mod journal;
mod keys;
mod latency;
mod live;
mod notice;
mod pending;
mod reader;
mod recovery;
mod refill;
mod schema;
mod survey;
mod vault;
mod writer;

#[cfg(test)]
mod tests;

pub use audit::{Audited, audit};
pub use backup::{Backup, Restored, backup, restore};
pub use chronicle::{Chronicle, chronicle};
pub use compact::{Compacted, Migrated, Progress, compact, migrate};
pub use database::{Database, Removed};
pub use error::Error;
pub use examine::{Examined, verify_journal};
pub use folder::{ROOM_BYTES, free_bytes};
pub use in_memory::InMemory;
pub use journal::Fault;
pub use notice::Notice;
pub use reader::{Reader, TargetPast};
pub use survey::{Survey, survey};
pub use writer::{Committed, News, Now, Status, Writer};

/// So often whoever writes a store notes beside it that they live.
///
/// It costs no history, and nothing hangs on a lost note; but a start that comes after less than this is not taken for a time
/// in which nobody looked.
pub const ALIVE_EVERY: std::time::Duration = std::time::Duration::from_secs(30);

/// When whoever wrote a store last lived, by its last batch and by what they noted beside it (see [`ALIVE_EVERY`]); absent for
/// a store that nobody wrote.
pub fn last_alive(
    written_at: Option<crate::model::Timestamp>,
    noted_at: Option<crate::model::Timestamp>,
) -> Option<crate::model::Timestamp> {
    written_at.map(|at| noted_at.map_or(at, |noted| at.max(noted)))
}

/// What to begin with when nothing of an existing store can be read: an empty memory whose incident numbers lie beyond
/// all that a store may have given out, so that no id means two things when it can be read again.
pub fn blind(now: crate::model::Timestamp) -> crate::model::Loaded {
    /// 2020-01-01, in minutes since 1970: no store is older. One incident a minute without a pause is beyond all use.
    const BEGINNING_MINUTES: i64 = 26_297_280;
    let minutes = now.as_seconds().div_euclid(60) - BEGINNING_MINUTES;
    crate::model::Loaded {
        incidents: u64::try_from(minutes).unwrap_or(0),
        plans: u64::try_from(minutes).unwrap_or(0),
        ..crate::model::Loaded::default()
    }
}
