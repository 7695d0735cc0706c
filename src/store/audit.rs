//! Who had what done, as the journal has it, read beside a running hekate.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    Error,
    journal::{self, Content},
    schema::Form,
};
use crate::model::{Timestamp, action::Attempt};

/// One step of an attempt, as it was written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audited {
    /// The number of its line in the journal; of the first, if more was learnt in the same step.
    pub line: u64,
    /// When it was written; absent if it is older than what the journal still has, so that only how it stood is known.
    pub at: Option<Timestamp>,
    /// How it stood then.
    pub attempt: Attempt,
}

/// Everything that the journal in this folder says of attempts, in the order in which it was written. It only reads, and a
/// running hekate does not mind; lines that are not whole are left out, and `hekate audit verify` names them.
///
/// # Errors
///
/// [`Error::Disk`] if the folder cannot be read; [`Error::Newer`] if a newer hekate wrote it.
pub fn audit(folder: &Path) -> Result<Vec<Audited>, Error> {
    let mut seen = BTreeSet::new();
    let mut out: Vec<Audited> = Vec::new();
    let mut newest = BTreeMap::new();
    for line in journal::read_all(folder)? {
        let number = line.position.number;
        match line.content {
            Content::Checkpoint(checkpoint) => {
                // A later checkpoint repeats what the lines before it said.
                let unseen = checkpoint.attempts.into_iter();
                for attempt in unseen.filter(|attempt| seen.insert(attempt.id)) {
                    out.push(Audited {
                        line: number,
                        at: None,
                        attempt: attempt.into_model(),
                    });
                }
            }
            Content::Batch(batch) => {
                for attempt in batch.attempts {
                    seen.insert(attempt.id);
                    let attempt: Attempt = attempt.into_model();
                    let before = newest.get(&attempt.id).copied();
                    match before.and_then(|place: usize| out.get_mut(place)) {
                        Some(known) if known.attempt.stage == attempt.stage => {
                            known.attempt = attempt;
                        }
                        Some(_) | None => {
                            newest.insert(attempt.id, out.len());
                            out.push(Audited {
                                line: number,
                                at: Some(batch.at.0),
                                attempt,
                            });
                        }
                    }
                }
            }
        }
    }
    Ok(out)
}
