//! What a store holds and how large it is, read beside a running hekate.

use std::path::Path;

use super::{
    Error,
    journal::{self, Content},
};
use crate::model::Timestamp;

/// What a store holds, as its journal says.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Survey {
    /// The size of the journal.
    pub journal_bytes: u64,
    /// The size of sled's files.
    pub sled_bytes: u64,
    /// The size of everything else: the room that is kept, and what was set aside.
    pub other_bytes: u64,
    /// How many lines the journal has.
    pub lines: usize,
    /// The time of its oldest change.
    pub first_at: Option<Timestamp>,
    /// The time of its newest change.
    pub last_at: Option<Timestamp>,
    /// Memories of checks.
    pub checks: usize,
    /// Incidents that are open.
    pub open_incidents: usize,
    /// Messages that are owed.
    pub outbox: usize,
    /// Silences, maintenances and deploys that go on.
    pub planned: usize,
    /// Times in which nobody looked or nobody could see.
    pub lapses: usize,
    /// Attempts at actions.
    pub attempts: usize,
    /// Messages that are edited as their incidents go on.
    pub living: usize,
    /// Releases that are remembered.
    pub releases: usize,
}

/// Looks at the store in this folder. It only reads.
///
/// # Errors
///
/// [`Error::Disk`] if the folder cannot be read; [`Error::Newer`] if a newer hekate wrote it.
pub fn survey(folder: &Path) -> Result<Survey, Error> {
    let live = journal::read(folder)?.live.unwrap_or_default();
    let lines = journal::read_all(folder)?;
    let mut times = lines.iter().filter_map(|line| match &line.content {
        Content::Batch(batch) => Some(batch.at.0),
        Content::Checkpoint(_) => None,
    });
    let first_at = times.next();
    let mut out = Survey {
        lines: lines.len(),
        first_at,
        last_at: times.next_back().or(first_at),
        checks: live.checks.len(),
        open_incidents: live.open.len(),
        outbox: live.outbox.len(),
        planned: live.planned.len(),
        lapses: live.lapses.len(),
        attempts: live.attempts.len(),
        living: live.living.len(),
        releases: live.releases.len(),
        ..Survey::default()
    };
    let journal: Vec<_> = journal::files(folder)?;
    for path in &journal {
        out.journal_bytes += path.metadata().map_or(0, |found| found.len());
    }
    let sled = super::backup::size_of(&folder.join("sled"));
    let all = super::backup::size_of(folder);
    out.sled_bytes = sled;
    out.other_bytes = all.saturating_sub(sled).saturating_sub(out.journal_bytes);
    Ok(out)
}
