//! What is owed to the disk while it does not take anything: as few records as will do, in their order.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::Arc,
};

use crate::model::{Batch, Entry, EntryKey, batch::Finished};

/// How many transitions are kept while the disk does not take them; about 60 MB. Beyond that the oldest go. Of all else
/// only the newest of each is kept, so that it does not grow with time.
const HISTORY_MAX: usize = 20_000;

/// Batches that wait for the disk, merged.
///
/// Written, they leave the store in the state in which the batches one by one would have left it.
#[derive(Default, Debug)]
pub(super) struct Pending {
    batches: Vec<Batch>,
    /// How many records of history were dropped for want of room.
    dropped: usize,
}

impl Pending {
    /// Adds a batch behind all others.
    pub(super) fn push(&mut self, batch: &Batch) {
        // Renames and forgetting come first within a batch, so what they act on has to lie in one before it.
        let begins_anew = !batch.renamed.is_empty() || !batch.forgotten.is_empty();
        match self.batches.last_mut() {
            Some(last) if !begins_anew => merge(last, batch),
            Some(_) | None => self.batches.push(batch.clone()),
        }
        self.drop_history();
    }

    /// Whether nothing is owed.
    pub(super) const fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// How many records are owed.
    pub(super) fn len(&self) -> usize {
        self.batches.iter().map(records).sum()
    }

    /// How many records of history were dropped since this was last asked.
    pub(super) fn take_dropped(&mut self) -> usize {
        std::mem::take(&mut self.dropped)
    }

    /// All of it, in order; nothing is owed then.
    pub(super) fn take(&mut self) -> Vec<Arc<Batch>> {
        self.batches.drain(..).map(Arc::new).collect()
    }

    fn drop_history(&mut self) {
        let history: usize = self.batches.iter().map(history).sum();
        // A tenth at a time, so that the records are not moved for every one that comes.
        if history <= HISTORY_MAX + HISTORY_MAX / 10 {
            return;
        }
        let mut too_many = history - HISTORY_MAX;
        self.dropped += too_many;
        for batch in &mut self.batches {
            for history in [&mut batch.transitions, &mut batch.claimed] {
                let transitions = too_many.min(history.len());
                history.drain(..transitions);
                too_many -= transitions;
            }
        }
    }
}

fn records(batch: &Batch) -> usize {
    batch.checks.len()
        + batch.forgotten.len()
        + batch.renamed.len()
        + batch.transitions.len()
        + batch.claimed.len()
        + batch.incidents.len()
        + batch.entries.len()
        + batch.finished.len()
        + batch.planned.len()
        + batch.lapses.len()
        + batch.attempts.len()
        + batch.living.len()
        + batch.releases.len()
}

const fn history(batch: &Batch) -> usize {
    batch.transitions.len() + batch.claimed.len()
}

/// Makes of two batches one that does the same.
fn merge(into: &mut Batch, next: &Batch) {
    into.at = next.at;
    replace(&mut into.checks, &next.checks, |record| {
        record.check.clone()
    });
    into.transitions.extend(next.transitions.iter().cloned());
    into.claimed.extend(next.claimed.iter().cloned());
    replace(&mut into.incidents, &next.incidents, |incident| {
        incident.number
    });
    replace(&mut into.lapses, &next.lapses, |lapse| {
        (lapse.from, lapse.kind)
    });
    // An entry that is written again after it was finished is owed again.
    let written: HashSet<&EntryKey> = next.entries.iter().map(|entry| &entry.key).collect();
    into.finished
        .retain(|finished| !written.contains(&finished.key));
    replace(&mut into.entries, &next.entries, |entry: &Entry| {
        entry.key.clone()
    });
    // One that is finished needs no writing; that it is finished has to be said, for it may be on the disk.
    let finished: HashSet<&EntryKey> = next.finished.iter().map(|one| &one.key).collect();
    into.entries.retain(|entry| !finished.contains(&entry.key));
    replace(&mut into.finished, &next.finished, |one: &Finished| {
        one.key.clone()
    });
    replace(&mut into.planned, &next.planned, |planned| {
        planned.id.number
    });
    replace(&mut into.attempts, &next.attempts, |attempt| attempt.id);
    replace(&mut into.living, &next.living, |living| {
        (living.incident.clone(), living.channel.clone())
    });
    replace(&mut into.releases, &next.releases, |release| release.id);
}

/// Puts the newer records where older ones of the same key are, and behind them those with a new key.
fn replace<T: Clone, K: Eq + Hash>(into: &mut Vec<T>, next: &[T], key: impl Fn(&T) -> K) {
    let mut places: HashMap<K, usize> = HashMap::with_capacity(into.len());
    for (place, record) in into.iter().enumerate() {
        places.insert(key(record), place);
    }
    for record in next {
        if let Some(&place) = places.get(&key(record)) {
            into[place] = record.clone();
        } else {
            places.insert(key(record), into.len());
            into.push(record.clone());
        }
    }
}
