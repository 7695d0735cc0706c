//! What piles up while a decision is made, to leave as steps.

use std::collections::BTreeSet;

use crate::model::{Batch, Entry, EntryKey, Finished, Living, Moment};

use super::parcel::Step;

#[derive(Debug, Default)]
pub(super) struct Outgoing {
    entries: Vec<Entry>,
    finished: Vec<Finished>,
    living: Vec<Living>,
    /// Entries that were never stored yet.
    unstored: BTreeSet<EntryKey>,
    said: Vec<Step>,
    /// Steps that were made by an inner decision and leave first.
    earlier: Vec<Step>,
}

impl Outgoing {
    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
            && self.finished.is_empty()
            && self.living.is_empty()
            && self.said.is_empty()
            && self.earlier.is_empty()
    }

    /// Stores an entry as it is now; the last word about a key is the one that is stored.
    pub(super) fn write(&mut self, entry: &Entry) {
        self.entries.retain(|other| other.key != entry.key);
        self.entries.push(entry.clone());
    }

    /// Stores an entry that was not there before.
    pub(super) fn write_new(&mut self, entry: &Entry) {
        self.unstored.insert(entry.key.clone());
        self.write(entry);
    }

    /// Takes an entry out of the outbox; one that never came into it leaves no trace.
    pub(super) fn finish(&mut self, entry: &Entry, how: &'static str, now: Moment) {
        self.entries.retain(|other| other.key != entry.key);
        if self.unstored.remove(&entry.key) {
            return;
        }
        self.finished.push(Finished {
            key: entry.key.clone(),
            how,
            attempts: entry.attempts,
            at: now.at,
        });
    }

    /// Stores a living message as it is now, or that it is nowhere.
    pub(super) fn write_living(&mut self, living: Living) {
        let is_same =
            |other: &Living| other.incident == living.incident && other.channel == living.channel;
        self.living.retain(|other| !is_same(other));
        self.living.push(living);
    }

    pub(super) fn say(&mut self, step: Step) {
        self.said.push(step);
    }

    pub(super) fn give_back(&mut self, steps: Vec<Step>) {
        self.earlier.extend(steps);
    }

    /// All of it: what is to be stored as one batch, then what is to be said.
    pub(super) fn take(&mut self, now: Moment) -> Vec<Step> {
        let mut steps = std::mem::take(&mut self.earlier);
        self.unstored.clear();
        let batch = Batch {
            entries: std::mem::take(&mut self.entries),
            finished: std::mem::take(&mut self.finished),
            living: std::mem::take(&mut self.living),
            ..Batch::new(now.at)
        };
        if !batch.is_empty() {
            steps.push(Step::Commit(batch));
        }
        steps.append(&mut self.said);
        steps
    }
}
