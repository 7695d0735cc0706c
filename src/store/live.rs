//! Live state: what hekate needs to go on after a restart, kept in memory beside the disk and folded from batches.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::schema::{Form, Time, v1};
use crate::model::{
    IncidentId, Loaded,
    action::{ATTEMPTS_MAX, Stage},
    lapse::LAPSES_MAX,
    living::LIVING_MAX,
    release::RELEASES_MAX,
};

/// What a living message is found by: its incident and its channel.
pub(super) type LivingKey = (String, String);

/// Memories, open incidents, outbox, plans of people and counters.
///
/// Two of these are compared at every start: the journal's and sled's. A difference that the end of the journal does
/// not explain is a loss.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Live {
    pub(super) checks: BTreeMap<v1::CheckId, v1::Check>,
    pub(super) open: BTreeMap<u64, v1::Incident>,
    pub(super) outbox: BTreeMap<v1::EntryKey, v1::Entry>,
    /// Plans of people that have not ended, by number.
    pub(super) planned: BTreeMap<u64, v1::Planned>,
    pub(super) lapses: BTreeMap<(Time, v1::LapseKind), v1::Lapse>,
    /// The last attempts at actions, by number.
    pub(super) attempts: BTreeMap<u64, v1::Attempt>,
    /// Messages that are edited as their incidents go on.
    pub(super) living: BTreeMap<LivingKey, v1::Living>,
    /// The last releases, by number.
    pub(super) releases: BTreeMap<u64, v1::Release>,
    /// The highest incident number ever given out.
    pub(super) last_incident: u64,
    /// The highest number of a plan ever given out.
    pub(super) last_plan: u64,
    pub(super) last_at: Option<Time>,
}

impl Live {
    /// Changes it as this batch says: renames, then what is forgotten, then what is written, then what is finished.
    pub(super) fn apply(&mut self, batch: &v1::Batch) {
        if !batch.renamed.is_empty() {
            self.rename(&batch.renamed);
        }
        // Most batches forget nothing, and there may be tens of thousands of checks.
        if !batch.forgotten.is_empty() {
            let forgotten: HashSet<&str> = batch.forgotten.iter().map(String::as_str).collect();
            self.checks
                .retain(|check, _| !forgotten.contains(check.target.as_str()));
        }
        for check in &batch.checks {
            self.checks.insert(check.check.clone(), check.clone());
        }
        for incident in &batch.incidents {
            self.last_incident = self.last_incident.max(incident.number);
            if incident.closed_at.is_none() {
                self.open.insert(incident.number, incident.clone());
            } else {
                self.open.remove(&incident.number);
            }
        }
        for entry in &batch.entries {
            // Notices have numbers of their own and no incident; theirs must not be given out again either.
            if let Some(number) = IncidentId::new(entry.key.incident.as_str()).number() {
                self.last_incident = self.last_incident.max(number);
            }
            self.outbox.insert(entry.key.clone(), entry.clone());
        }
        for finished in &batch.finished {
            self.outbox.remove(&finished.key);
        }
        for planned in &batch.planned {
            let number = planned.id.number;
            self.last_plan = self.last_plan.max(number);
            if planned.ended.is_none() {
                self.planned.insert(number, planned.clone());
            } else {
                self.planned.remove(&number);
            }
        }
        for lapse in &batch.lapses {
            self.lapses.insert((lapse.from, lapse.kind), lapse.clone());
        }
        while self.lapses.len() > LAPSES_MAX {
            self.lapses.pop_first();
        }
        for attempt in &batch.attempts {
            self.attempts.insert(attempt.id, attempt.clone());
        }
        if !batch.attempts.is_empty() {
            self.let_go_of_attempts();
        }
        self.keep_living(&batch.living);
        for release in &batch.releases {
            self.releases.insert(release.id, release.clone());
        }
        while self.releases.len() > RELEASES_MAX {
            self.releases.pop_first();
        }
        self.last_at = Some(batch.at);
    }

    /// Writes living messages and takes away those that are nowhere; of too many the oldest go.
    fn keep_living(&mut self, living: &[v1::Living]) {
        for message in living {
            let key = (message.incident.clone(), message.channel.clone());
            if message.spot.is_some() {
                self.living.insert(key, message.clone());
            } else {
                self.living.remove(&key);
            }
        }
        while self.living.len() > LIVING_MAX {
            let oldest = self.living.iter().min_by_key(|(_, living)| living.begun_at);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            self.living.remove(&key);
        }
    }

    /// Lets go of the oldest attempts that are over when there are too many.
    fn let_go_of_attempts(&mut self) {
        let is_over = |attempt: &v1::Attempt| {
            let stage: Stage = attempt.stage.into_model();
            stage.is_over()
        };
        let over = self.attempts.values().filter(|attempt| is_over(attempt));
        let too_many = over.clone().count().saturating_sub(ATTEMPTS_MAX);
        let numbers: Vec<_> = over.take(too_many).map(|attempt| attempt.id).collect();
        for number in numbers {
            self.attempts.remove(&number);
        }
    }

    fn rename(&mut self, renamed: &[(String, String)]) {
        let (moved, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.checks)
            .into_values()
            .map(|mut check| {
                let is_moved = rename_one(&mut check.check.target, renamed);
                (is_moved, check)
            })
            .partition(|(is_moved, _)| *is_moved);
        // What is moved to a name wins over what was left behind there.
        for (_, check) in others.into_iter().chain(moved) {
            self.checks.insert(check.check.clone(), check);
        }
        for incident in self.open.values_mut() {
            rename_in(incident, renamed);
        }
    }

    /// How many records differ between the two.
    pub(super) fn differences(&self, other: &Self) -> usize {
        fn count<K: Ord, V: PartialEq>(one: &BTreeMap<K, V>, two: &BTreeMap<K, V>) -> usize {
            let changed = one
                .iter()
                .filter(|(key, value)| two.get(key) != Some(value));
            let added = two.keys().filter(|key| !one.contains_key(key));
            changed.count() + added.count()
        }
        count(&self.checks, &other.checks)
            + count(&self.open, &other.open)
            + count(&self.outbox, &other.outbox)
            + count(&self.planned, &other.planned)
            + count(&self.lapses, &other.lapses)
            + count(&self.attempts, &other.attempts)
            + count(&self.living, &other.living)
            + count(&self.releases, &other.releases)
    }

    /// All of it, to be written; a copy would take as much memory again.
    pub(super) fn checkpoint(&self) -> v1::CheckpointOf<'_> {
        v1::CheckpointOf {
            checks: self.checks.values().collect(),
            open: self.open.values().collect(),
            outbox: self.outbox.values().collect(),
            planned: self.planned.values().collect(),
            lapses: self.lapses.values().collect(),
            attempts: self.attempts.values().collect(),
            living: self.living.values().collect(),
            releases: self.releases.values().collect(),
            incidents: self.last_incident,
            plans: self.last_plan,
            last_at: self.last_at,
        }
    }

    pub(super) fn to_loaded(&self) -> Loaded {
        let mut outbox: Vec<_> = self.outbox.values().collect();
        let numbers: HashMap<&str, u64> = self
            .outbox
            .keys()
            .map(|key| {
                let id = IncidentId::new(key.incident.as_str());
                (key.incident.as_str(), id.number().unwrap_or(u64::MAX))
            })
            .collect();
        outbox.sort_by_key(|entry| {
            let number = numbers.get(entry.key.incident.as_str());
            (entry.created_at, number, entry.key.sequence)
        });
        Loaded {
            checks: self
                .checks
                .values()
                .cloned()
                .map(Form::into_model)
                .collect(),
            open: self.open.values().cloned().map(Form::into_model).collect(),
            incidents: self.last_incident,
            outbox: outbox.into_iter().cloned().map(Form::into_model).collect(),
            planned: self
                .planned
                .values()
                .cloned()
                .map(Form::into_model)
                .collect(),
            plans: self.last_plan,
            last_at: self.last_at.into_model(),
            lapses: self
                .lapses
                .values()
                .cloned()
                .map(Form::into_model)
                .collect(),
            attempts: self
                .attempts
                .values()
                .cloned()
                .map(Form::into_model)
                .collect(),
            living: self
                .living
                .values()
                .cloned()
                .map(Form::into_model)
                .collect(),
            releases: self
                .releases
                .values()
                .cloned()
                .map(Form::into_model)
                .collect(),
        }
    }
}

impl From<v1::Checkpoint> for Live {
    fn from(checkpoint: v1::Checkpoint) -> Self {
        let key = |check: v1::Check| (check.check.clone(), check);
        Self {
            checks: checkpoint.checks.into_iter().map(key).collect(),
            open: checkpoint
                .open
                .into_iter()
                .map(|incident| (incident.number, incident))
                .collect(),
            outbox: checkpoint
                .outbox
                .into_iter()
                .map(|entry| (entry.key.clone(), entry))
                .collect(),
            planned: checkpoint
                .planned
                .into_iter()
                .map(|planned| (planned.id.number, planned))
                .collect(),
            lapses: checkpoint
                .lapses
                .into_iter()
                .map(|lapse| ((lapse.from, lapse.kind), lapse))
                .collect(),
            attempts: checkpoint
                .attempts
                .into_iter()
                .map(|attempt| (attempt.id, attempt))
                .collect(),
            living: checkpoint
                .living
                .into_iter()
                .map(|living| ((living.incident.clone(), living.channel.clone()), living))
                .collect(),
            releases: checkpoint
                .releases
                .into_iter()
                .map(|release| (release.id, release))
                .collect(),
            last_incident: checkpoint.incidents,
            last_plan: checkpoint.plans,
            last_at: checkpoint.last_at,
        }
    }
}

/// Gives the targets of an incident their new names.
pub(super) fn rename_in(incident: &mut v1::Incident, renamed: &[(String, String)]) {
    for target in &mut incident.targets {
        rename_one(target, renamed);
    }
}

/// Gives the targets of a plan their new names, and says whether any has one.
pub(super) fn rename_of(planned: &mut v1::Planned, renamed: &[(String, String)]) -> bool {
    let mut is_renamed = false;
    for target in planned.targets_mut() {
        is_renamed |= rename_one(target, renamed);
    }
    is_renamed
}

/// Gives a target its new name, and says whether it has one. All renames of a batch happen at once, so two targets can
/// swap their names.
pub(super) fn rename_one(target: &mut String, renamed: &[(String, String)]) -> bool {
    let new = renamed.iter().find(|(old, _)| old == target);
    if let Some((_, new)) = new {
        new.clone_into(target);
    }
    new.is_some()
}
