//! What a store has to remember, kept in memory. Opening the real store for every world would take most of the time of
//! a run, so most worlds live on this one; in the others both are kept and compared at every start.

use std::collections::BTreeMap;

use hekate::model::{
    Batch, CheckId, CheckRecord, Entry, EntryKey, Incident, IncidentId, Loaded, TargetId,
    Timestamp,
    action::Attempt,
    lapse::Lapse,
    planned::Planned,
    release::{Release, ReleaseId},
};

/// The order of records on the disk.
type Place = (String, u32, String);

/// A store without a disk.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    checks: BTreeMap<CheckId, CheckRecord>,
    open: BTreeMap<u64, Incident>,
    outbox: BTreeMap<Place, Entry>,
    incidents: u64,
    last_at: Option<Timestamp>,
    lapses: BTreeMap<(Timestamp, &'static str), Lapse>,
    planned: BTreeMap<u64, Planned>,
    attempts: BTreeMap<u64, Attempt>,
    releases: BTreeMap<ReleaseId, Release>,
    plans: u64,
}

fn place(key: &EntryKey) -> Place {
    (
        key.incident.to_string(),
        key.sequence,
        key.channel.to_string(),
    )
}

fn new_name<'a>(renamed: &'a [(TargetId, TargetId)], target: &TargetId) -> Option<&'a TargetId> {
    renamed
        .iter()
        .find(|(old, _)| old == target)
        .map(|(_, new)| new)
}

impl Ledger {
    /// One commit: renames, then what is forgotten, then what is written, then what is finished.
    pub(crate) fn commit(&mut self, batch: &Batch) {
        if batch.is_empty() {
            return;
        }
        if !batch.renamed.is_empty() {
            self.rename(&batch.renamed);
        }
        for target in &batch.forgotten {
            self.checks.retain(|check, _| check.target != *target);
        }
        for record in &batch.checks {
            let mut record = record.clone();
            record.state.trail = None;
            self.checks.insert(record.check.clone(), record);
        }
        for incident in &batch.incidents {
            self.incidents = self.incidents.max(incident.number);
            if incident.is_open() {
                self.open.insert(incident.number, incident.clone());
            } else {
                self.open.remove(&incident.number);
            }
        }
        for entry in &batch.entries {
            let number = entry.key.incident.number().unwrap_or(0);
            self.incidents = self.incidents.max(number);
            self.outbox.insert(place(&entry.key), entry.clone());
        }
        for planned in &batch.planned {
            self.plans = self.plans.max(planned.id.number);
            if planned.ended.is_none() {
                self.planned.insert(planned.id.number, planned.clone());
            } else {
                self.planned.remove(&planned.id.number);
            }
        }
        for release in &batch.releases {
            self.releases.insert(release.id, release.clone());
        }
        for attempt in &batch.attempts {
            self.attempts.insert(attempt.id.0, attempt.clone());
        }
        for lapse in &batch.lapses {
            let key = (lapse.from, lapse.kind.as_str());
            self.lapses.insert(key, lapse.clone());
        }
        for finished in &batch.finished {
            self.outbox.remove(&place(&finished.key));
        }
        self.last_at = Some(batch.at);
    }

    fn rename(&mut self, renamed: &[(TargetId, TargetId)]) {
        let (moved, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.checks)
            .into_values()
            .partition(|record| new_name(renamed, &record.check.target).is_some());
        // What is moved to a name wins over what was left behind there.
        for mut record in others.into_iter().chain(moved) {
            if let Some(new) = new_name(renamed, &record.check.target) {
                record.check.target = new.clone();
            }
            self.checks.insert(record.check.clone(), record);
        }
        for target in self
            .open
            .values_mut()
            .flat_map(|incident| &mut incident.targets)
        {
            if let Some(new) = new_name(renamed, target) {
                *target = new.clone();
            }
        }
    }

    /// What is known at a start.
    pub(crate) fn loaded(&self) -> Loaded {
        let mut outbox: Vec<_> = self.outbox.values().cloned().collect();
        let number = |id: &IncidentId| id.number().unwrap_or(u64::MAX);
        outbox.sort_by_key(|entry| {
            let key = &entry.key;
            (entry.created_at, number(&key.incident), key.sequence)
        });
        Loaded {
            checks: self.checks.values().cloned().collect(),
            open: self.open.values().cloned().collect(),
            incidents: self.incidents,
            outbox,
            last_at: self.last_at,
            lapses: self.lapses.values().cloned().collect(),
            planned: self.planned.values().cloned().collect(),
            plans: self.plans,
            attempts: self.attempts.values().cloned().collect(),
            // Its channels are webhooks, whose messages nobody can edit.
            living: Vec::new(),
            releases: self.releases.values().cloned().collect(),
        }
    }
}
