//! What can go wrong with the store, in words for people.

use std::{io, path::PathBuf, time::Duration};

use super::schema::VERSION;
use crate::model::Timestamp;

/// Why the store cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process works with this folder.
    #[error("the store in {} is in use by {}; only one hekate can work with a folder", path.display(), Holder(*pid, *since))]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process that holds it, as far as it could write it down.
        pid: Option<u32>,
        /// Since when it holds it.
        since: Option<Timestamp>,
    },
    /// The disk does not do what it is asked: full, read-only, not permitted, broken.
    #[error("cannot {doing} {}: {source}", path.display())]
    Disk {
        /// What was tried, such as `write`.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// sled reports an error.
    #[error("sled cannot {doing}: {why}")]
    Sled {
        /// What was tried.
        doing: &'static str,
        /// What it said.
        why: String,
    },
    /// sled panicked, or this module did; the panic was caught.
    #[error("the store panicked while it was to {doing}: {words}")]
    Panicked {
        /// What was tried.
        doing: &'static str,
        /// What the panic said.
        words: String,
    },
    /// sled did not come back.
    #[error("sled did not {doing} within {} s", after.as_secs())]
    Hung {
        /// What was tried.
        doing: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// A record was written by a newer hekate.
    #[error(
        "{what} has format {found}, and this hekate knows formats up to {VERSION}: a newer hekate wrote this store, use that one or a newer one"
    )]
    Newer {
        /// Which record.
        what: &'static str,
        /// Its format.
        found: u8,
    },
    /// A record cannot be understood.
    #[error("{what} cannot be read: {why}")]
    Damaged {
        /// Which record.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The store was closed, or an earlier write failed and it has to be opened anew.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    pub(super) fn disk(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk {
            doing,
            path,
            source,
        }
    }

    /// Whether the reason is that there is no space left.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Disk { source, .. } => says_full(source),
            Self::InUse { .. }
            | Self::Sled { .. }
            | Self::Panicked { .. }
            | Self::Hung { .. }
            | Self::Newer { .. }
            | Self::Damaged { .. }
            | Self::Closed => false,
        }
    }

    /// Whether waiting may help, so that it makes sense to run from memory and to try again: a full, read-only or
    /// failing disk. A store of a newer hekate or one that is in use needs a person.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Disk { .. }
            | Self::Sled { .. }
            | Self::Panicked { .. }
            | Self::Hung { .. }
            | Self::Damaged { .. }
            | Self::Closed => true,
            Self::InUse { .. } | Self::Newer { .. } => false,
        }
    }
}

/// Whether this error of the system means that there is no space left.
fn says_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

struct Holder(Option<u32>, Option<Timestamp>);

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0, self.1) {
            (Some(pid), Some(since)) => write!(f, "process {pid} since {since}"),
            (Some(pid), None) => write!(f, "process {pid}"),
            (None, _) => f.write_str("another process"),
        }
    }
}
