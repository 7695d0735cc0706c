//! What must always hold, checked after every step, and what must hold in the end.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use hekate::{
    judge,
    model::{
        Batch, ChannelName, CheckId, EntryKey, EntryState, FailureClass, Incident, IncidentId,
        Kind, Loaded, Policy, Rule, TargetId, Transition, Verdict, witness::ROUND_LIMIT,
    },
    notify::courier::Parcel,
    store::Reader,
};

use crate::{receiver::Arrived, weather::Sky, world::World};

/// Between two messages to one channel.
const PACE: Duration = Duration::from_secs(1);

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Running {
    pub(crate) transitions: Vec<Transition>,
    last: HashMap<CheckId, (u64, Verdict)>,
    renamed: HashMap<TargetId, TargetId>,
    pub(crate) incidents: BTreeMap<IncidentId, Incident>,
    outbox: BTreeMap<EntryKey, EntryState>,
    sequences: HashMap<(ChannelName, IncidentId), u32>,
    arrived: HashMap<EntryKey, u32>,
    sends: HashMap<ChannelName, (Duration, u32)>,
    faults: Vec<String>,
    /// Since when hekate says that it is blind, and how often that was told.
    blind: Option<(Duration, u32)>,
    /// What ended in this event.
    sees: Option<(Duration, u32)>,
    /// When it was blind.
    pub(crate) blindness: Vec<(Duration, Duration)>,
    /// How many arrived messages a story has read.
    pub(crate) read: usize,
}

impl Running {
    fn fault(&mut self, text: String) {
        self.faults.push(text);
    }

    /// It says that it is blind, or sees again.
    pub(crate) fn sight(&mut self, now: Duration, is_blind: bool) {
        match (self.blind, is_blind) {
            (None, true) => self.blind = Some((now, 0)),
            (Some((since, _)), false) => {
                self.sees = self.blind.take();
                self.blindness.push((since, now));
            }
            (Some(_), true) | (None, false) => {
                self.fault(format!(
                    "at {now:?} it says again whether it is blind: {is_blind}"
                ));
            }
        }
    }

    /// Since when it says that it is blind.
    pub(crate) fn blind_since(&self) -> Option<Duration> {
        self.blind.map(|(since, _)| since)
    }

    /// An event was dealt with, whole.
    pub(crate) fn event(&mut self, now: Duration) {
        if let Some((since, told)) = self.sees.take()
            && !(1..=2).contains(&told)
        {
            self.fault(format!(
                "it was blind from {since:?} to {now:?}, and that was told {told} times"
            ));
        }
    }

    /// The process is gone, and with it what it thought.
    pub(crate) const fn killed(&mut self) {
        self.blind = None;
        self.sees = None;
    }

    /// While it is blind, no silence is believed; and of blindness itself people hear.
    fn seen_through(&mut self, batch: &Batch) {
        for transition in &batch.transitions {
            if self.blind.is_some()
                && transition.reason.rule == Rule::Confirmed(FailureClass::Silent)
            {
                self.fault(format!("{:?} was accused blindly", transition.check));
            }
        }
        let notices = batch.entries.iter().filter(|entry| {
            entry.kind == Kind::Notice
                && !self.outbox.contains_key(&entry.key)
                && entry.story.title.contains("blind")
        });
        let notices = u32::try_from(notices.count()).expect("a few");
        if let Some((_, told)) = self.sees.as_mut().or(self.blind.as_mut()) {
            *told += notices;
        }
    }

    /// A batch is durable.
    pub(crate) fn committed(&mut self, batch: &Batch) {
        self.seen_through(batch);
        for (old, new) in &batch.renamed {
            self.renamed.insert(old.clone(), new.clone());
            let moved: Vec<_> = self
                .last
                .keys()
                .filter(|check| check.target == *old)
                .cloned()
                .collect();
            for check in moved {
                let last = self.last.remove(&check).expect("it was listed");
                self.last.insert(
                    CheckId {
                        target: new.clone(),
                        kind: check.kind,
                    },
                    last,
                );
            }
        }
        for incident in &batch.incidents {
            self.incidents.insert(incident.id.clone(), incident.clone());
        }
        for transition in &batch.transitions {
            self.chained(transition);
        }
        for target in &batch.forgotten {
            self.last.retain(|check, _| check.target != *target);
        }
        for entry in &batch.entries {
            if !self.incidents.contains_key(&entry.key.incident) {
                self.fault(format!("{:?} belongs to no stored incident", entry.key));
            }
            self.outbox.insert(entry.key.clone(), entry.state.clone());
        }
        for finished in &batch.finished {
            if self.outbox.remove(&finished.key).is_none() {
                self.fault(format!(
                    "{:?} was finished and was not in the outbox",
                    finished.key
                ));
            }
        }
    }

    /// Transitions of a check follow each other without a gap, and each can be judged again from its proof.
    fn chained(&mut self, transition: &Transition) {
        let (number, from) = self
            .last
            .get(&transition.check)
            .copied()
            .unwrap_or((0, Verdict::Unknown));
        if transition.number != number + 1 || transition.from != from {
            self.fault(format!(
                "{:?}: transition {} from {} follows {number} to {from}",
                transition.check, transition.number, transition.from
            ));
        }
        let again = judge::replay(&transition.proof);
        let agrees = again.as_ref().is_some_and(|again| {
            (again.to, again.since, &again.reason)
                == (transition.to, transition.since, &transition.reason)
        });
        if !agrees {
            self.fault(format!(
                "{:?}: the proof of {} says {again:?}",
                transition.check, transition.to
            ));
        }
        self.last
            .insert(transition.check.clone(), (transition.number, transition.to));
        self.transitions.push(transition.clone());
    }

    /// What a restart finds is what was made durable: no more and no less.
    pub(crate) fn restarted(&mut self, loaded: &Loaded) {
        for record in &loaded.checks {
            let known = self.last.get(&record.check).copied();
            if known != Some((record.transitions, record.state.settled)) {
                self.fault(format!(
                    "{:?} is loaded as {} after {} transitions, but was {known:?}",
                    record.check, record.state.settled, record.transitions
                ));
            }
        }
        if loaded.checks.len() != self.last.len() {
            self.fault(format!(
                "{} memories were loaded of {}",
                loaded.checks.len(),
                self.last.len()
            ));
        }
        let open: BTreeSet<_> = loaded.open.iter().map(|incident| &incident.id).collect();
        let known: BTreeSet<_> = self
            .incidents
            .values()
            .filter(|incident| incident.is_open())
            .map(|incident| &incident.id)
            .collect();
        let outbox: BTreeSet<_> = loaded.outbox.iter().map(|entry| &entry.key).collect();
        let owed: BTreeSet<_> = self.outbox.keys().collect();
        let faults = [
            (open != known).then(|| format!("open incidents {open:?}, but {known:?} were")),
            (outbox != owed).then(|| format!("the outbox holds {outbox:?}, but {owed:?} is owed")),
        ];
        self.faults.extend(faults.into_iter().flatten());
    }

    /// An attempt begins: its mark is durable, and the channel's pace is kept.
    pub(crate) fn sending(&mut self, now: Duration, life: u32, parcel: &Parcel) {
        for entry in &parcel.entries {
            if self.outbox.get(&entry.key) != Some(&EntryState::Sending) {
                self.fault(format!("{:?} is sent without a durable mark", entry.key));
            }
        }
        if let Some((last, in_life)) = self.sends.insert(parcel.channel.clone(), (now, life))
            && in_life == life
            && now < last + PACE
        {
            self.fault(format!(
                "#{} was sent to at {last:?} and again at {now:?}",
                parcel.channel
            ));
        }
    }

    /// A message arrived: it is stored, in order, and no unmarked copy.
    pub(crate) fn arrived(&mut self, arrived: &Arrived, reader: Option<&Reader>) {
        for key in &arrived.keys {
            let is_stored = match reader {
                Some(reader) => matches!(reader.incident(&key.incident), Ok(Some(_))),
                None => self.incidents.contains_key(&key.incident),
            };
            if !is_stored {
                self.fault(format!(
                    "{key:?} was told and its incident is not in the store"
                ));
            }
            let copies = self.arrived.entry(key.clone()).or_default();
            *copies += 1;
            if *copies > 1 && !arrived.is_repeat {
                self.faults.push(format!(
                    "{key:?} was told {copies} times, the last time without saying so"
                ));
            }
        }
        let mut newest: BTreeMap<&IncidentId, u32> = BTreeMap::new();
        for key in &arrived.keys {
            let sequence = newest.entry(&key.incident).or_default();
            *sequence = (*sequence).max(key.sequence);
        }
        for (incident, sequence) in newest {
            let last = self
                .sequences
                .entry((arrived.channel.clone(), incident.clone()))
                .or_default();
            if sequence < *last {
                self.faults.push(format!(
                    "#{} heard of {incident} step {sequence} after step {last}",
                    arrived.channel
                ));
            }
            *last = (*last).max(sequence);
        }
    }

    /// Nothing was wrong so far.
    pub(crate) fn step(&self, now: Duration, seed: u64) {
        assert!(
            self.faults.is_empty(),
            "at {now:?} of the world with HEKATE_SIM_SEED={seed}:\n{}",
            self.faults.join("\n")
        );
    }
}

/// The skies that can be a reason for being told as down while one look is bad and the next, too.
fn is_bad(sky: Sky) -> bool {
    !matches!(sky, Sky::Fine | Sky::Pausing | Sky::Unseen | Sky::Unnamed)
}

/// Everything has healed, and time enough has passed.
pub(crate) fn finally(world: &World, seed: u64) {
    let mut faults = Vec::new();
    let checks = &world.checks;
    for incident in checks.incidents.values() {
        if incident.is_open() {
            faults.push(format!(
                "{} of {:?} is still open",
                incident.id, incident.targets
            ));
        }
        for told in &incident.told {
            if world.left_out.contains(told.channel.as_str()) {
                continue;
            }
            let last = checks
                .sequences
                .get(&(told.channel.clone(), incident.id.clone()));
            if last.is_none_or(|last| last + 1 != incident.sequence) {
                faults.push(format!(
                    "#{} was to hear of {} ({:?}) up to step {}, and heard step {last:?}",
                    told.channel,
                    incident.id,
                    incident.targets,
                    incident.sequence - 1
                ));
            }
        }
    }
    if !checks.outbox.is_empty() {
        faults.push(format!("the outbox still holds {:?}", checks.outbox.keys()));
    }
    faults.extend(unseen(world));
    for target in world.targets() {
        if world.verdict(target) != Some(Verdict::Operational) {
            faults.push(format!("{target} is {:?}", world.verdict(target)));
        }
    }
    assert!(
        faults.is_empty(),
        "in the end of the world with HEKATE_SIM_SEED={seed}:\n{}",
        faults.join("\n")
    );
}

/// Within this time it is known that nothing can be seen any more: a round every 15 s, two in a row, 3 s each.
const BLIND_WITHIN: Duration = Duration::from_secs(25);
/// Within this time it is known that everything can be seen again.
const SEES_WITHIN: Duration = Duration::from_secs(15);

/// A loss of our own network that was not noticed, or not its end.
fn unseen(world: &World) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(since) = world.checks.blind_since() {
        faults.push(format!("it still is blind since {since:?}"));
    }
    let troubles = world.eyes.troubles();
    for (from, until, net) in &troubles {
        let (from, until) = (*from, *until);
        let near = |at: Duration| at + Duration::from_mins(1) > from && at < until + SEES_WITHIN;
        let is_alone = troubles.iter().all(|(begin, end, _)| {
            *begin == from || *end + SEES_WITHIN < from || *begin > until + SEES_WITHIN
        });
        let mut disturbed = world.disturbed.iter();
        let is_calm = world.chronicle.voids.iter().all(|at| !near(*at))
            && disturbed.all(|(begin, end)| *end < from || *begin > until + SEES_WITHIN);
        if !net.hides() || !is_alone || !is_calm || until < from + BLIND_WITHIN {
            continue;
        }
        let is_noticed = world.checks.blindness.iter().any(|(begin, end)| {
            *begin >= from
                && *begin <= from + BLIND_WITHIN
                && *end >= until
                && *end <= until + SEES_WITHIN
        });
        if !is_noticed {
            faults.push(format!(
                "our network was {net:?} from {from:?} to {until:?}, and it was blind {:?}",
                world.checks.blindness
            ));
        }
    }
    faults
}

/// Nothing was called down that was not, and everything was that had to be.
pub(crate) fn truthful(world: &World, seed: u64) {
    let mut faults = accused_wrongly(world);
    faults.extend(not_noticed(world));
    assert!(
        faults.is_empty(),
        "in the world with HEKATE_SIM_SEED={seed}:\n{}",
        faults.join("\n")
    );
}

/// What was called down and was not.
fn accused_wrongly(world: &World) -> Vec<String> {
    let mut faults = Vec::new();
    let policy = Policy::default();
    for transition in &world.checks.transitions {
        if transition.to != Verdict::Down {
            continue;
        }
        let (since, decided) = (
            world.time_of(transition.since),
            world.time_of(transition.at),
        );
        let Some(weather) = world.weather.get(&transition.check.target) else {
            faults.push(format!(
                "{:?} was called down and had no weather",
                transition.check
            ));
            continue;
        };
        // The last look may have begun so long before: it waits for its answer, and then for witnesses.
        let near = |at: Duration| {
            let from = at.saturating_sub(Duration::from_secs(6) + ROUND_LIMIT);
            weather
                .stretches(at + Duration::from_secs(1))
                .iter()
                .any(|(_, until, sky)| *until >= from && is_bad(*sky))
        };
        if !near(since) || !near(decided) || decided.saturating_sub(since) < policy.spans.explicit {
            faults.push(format!(
                "{:?} was called down from {since:?} to {decided:?}",
                transition.check
            ));
        }
    }
    faults
}

/// What was down for long enough and was not called so in time.
fn not_noticed(world: &World) -> Vec<String> {
    let mut faults = Vec::new();
    let policy = Policy::default();
    for (target, weather) in &world.weather {
        let stretches = weather.stretches(world.now);
        for (index, (from, until, sky)) in stretches.iter().enumerate() {
            let Some(class) = sky.class() else { continue };
            let bound = judge::contract(&policy, class).always_told_over;
            // What was something else a moment ago is decided as that first.
            let is_after_fine = index > 0
                && matches!(stretches[index - 1], (begin, end, Sky::Fine) if end >= begin + Duration::from_secs(40));
            let is_calm = world
                .disturbed
                .iter()
                .all(|(begin, end)| end < from || begin > until)
                && world.sees(*from, *until);
            if !is_after_fine || !is_calm || *until < *from + bound {
                continue;
            }
            let is_told = |worst: &[Verdict], within: Duration| {
                world.checks.transitions.iter().any(|transition| {
                    let at = world.time_of(transition.at);
                    let is_then = at >= *from && at <= *from + within;
                    transition.check.target == *target && worst.contains(&transition.to) && is_then
                })
            };
            // What is partly failing already is degraded within the bound, and down after the longer span of degraded targets.
            let patience = bound * 2 + Duration::from_secs(45);
            let told = is_told(&[Verdict::Down, Verdict::Degraded], bound)
                && (*until < *from + patience || is_told(&[Verdict::Down], patience));
            let was_down = world.checks.transitions.iter().rev().find(|transition| {
                transition.check.target == *target && world.time_of(transition.at) <= *from
            });
            let is_still_bad =
                was_down.is_none_or(|transition| transition.to != Verdict::Operational);
            if !told && !is_still_bad {
                faults.push(format!(
                    "{target} was {sky:?} from {from:?} to {until:?} and nobody noticed"
                ));
            }
        }
    }
    faults
}

/// Nobody hears more than what happened: one message a channel for each transition, and the reminders.
pub(crate) fn bounded(world: &World, seed: u64) {
    let mut messages: BTreeMap<&ChannelName, usize> = BTreeMap::new();
    for arrived in &world.receiver.arrived {
        let is_news = arrived
            .kinds
            .iter()
            .any(|kind| matches!(kind, Kind::Opened | Kind::Changed | Kind::Recovered));
        if is_news && !arrived.is_repeat {
            *messages.entry(&arrived.channel).or_default() += 1;
        }
    }
    // What is told apart because somebody wished so is told anew.
    let decided = world.chronicle.decided.iter();
    let parts = decided.filter(|(_, _, entry)| crate::planned::whole_of(entry).is_some());
    let transitions = world.checks.transitions.len() + parts.count();
    for (channel, count) in messages {
        assert!(
            count <= transitions,
            "#{channel} heard {count} times of {transitions} transitions, HEKATE_SIM_SEED={seed}"
        );
    }
}
