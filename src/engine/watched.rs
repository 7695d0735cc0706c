//! What the engine holds of one target.

use std::sync::Arc;

use super::disaster::Part;
use super::heartbeat::PushedLogs;
use super::hold::Hold;
use super::remind::reminders_of;
use super::roles::Standing;
use crate::judge::flapping::Restlessness;
use crate::model::{
    Batch, CheckId, CheckRecord, Detail, Incident, IncidentId, Memory, Moment, Observation,
    Outcome, Phases, Policy, Rule, State, Target, TargetId, Tick, Timestamp, Verdict,
    board::LogFacts, logs::LogAsk, plan::Question, roles::RoleFacts,
};

/// One target with everything that is in question about it.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) target: Arc<Target>,
    /// One for each of the target's checks, in their order.
    pub(super) checks: Vec<Watching>,
    /// The trouble that people were told of.
    pub(super) incident: Option<Box<Open>>,
    /// The number of the incident of several targets that it belongs to.
    pub(super) common: Option<u64>,
    /// When it had waited for others long enough, and was not told because of something else.
    pub(super) waited_until: Option<Tick>,
    /// When the last outage that was told as down ended: a mere degradation soon after is held back for a while.
    pub(super) down_ended: Option<Tick>,
    /// How restless it is, and how often people heard of it lately.
    pub(super) restless: Restlessness,
    /// What keeps its trouble, or that it got worse, from being told.
    pub(super) hold: Option<Box<Hold>>,
    /// Whether what it depends on was down when it was last asked, and it is bad.
    pub(super) is_blocked: bool,
    /// When something that it depends on was last seen to be down no more.
    pub(super) parent_back: Option<Tick>,
    /// The entry of this target in the engine's list of wakes.
    pub(super) wake: Option<Tick>,
    /// When the memory of its log or store was last written down.
    pub(super) remembered: Tick,
    /// What is known of its log.
    pub(super) log: Option<Arc<LogFacts>>,
    /// What shippers said of the logs in this store.
    pub(super) pushed: PushedLogs,
    /// Its role, if it has one.
    pub(super) role: Option<Standing>,
    /// What it adds to its group, if that holds up production.
    pub(super) part: Part,
    /// Whether it is down with its whole group, or was when people were told of the incident that is open.
    pub(super) is_disaster: bool,
    /// Whether its role was shown.
    pub(super) is_role_shown: bool,
    /// Of the roles of a group, what was last shown of them.
    pub(super) role_reading: Option<Arc<RoleFacts>>,
    /// Of the roles of a group, who was active when they were last written down.
    pub(super) known_active: Vec<TargetId>,
}

/// One check of a target.
#[derive(Debug)]
pub(super) struct Watching {
    pub(super) state: State,
    /// The number of its last transition.
    pub(super) transitions: u64,
    /// The plan of its next look; older ones in the schedule are void.
    pub(super) generation: u32,
    /// When that look is to start.
    pub(super) planned: Tick,
    /// When the last look of the ordinary rhythm started.
    pub(super) regular_at: Tick,
    /// Whether the next look belongs to the ordinary rhythm.
    pub(super) is_next_regular: bool,
    /// The look in flight.
    pub(super) flight: Option<Flight>,
    /// Whether a look of this process has come back.
    pub(super) is_seen: bool,
    /// Whether nothing bears out yet what was seen last: it was silence that no witness has vouched for, or since then time
    /// stood still or something else came to be asked.
    pub(super) is_unproved: bool,
    /// How many of its last looks in a row met nothing wrong but an end that is near.
    pub(super) endings: u8,
    /// By how much its spans are stretched, as long as it is in question: never less than when that began.
    pub(super) stretch: u32,
    /// When it was last looked at because a sibling failed.
    pub(super) hurried_at: Option<Tick>,
    /// Since when its looks have met nothing but our own trouble.
    pub(super) own_trouble_since: Option<Tick>,
    /// What decided last.
    pub(super) decision: Decision,
    /// What the last look that was not plainly fine brought along.
    pub(super) last: Last,
    /// What its kind remembers beside the judge.
    pub(super) memory: Option<Box<Memory>>,
    /// Of a log: up to when rounds of this process have read all of it.
    pub(super) read_up_to: Option<Timestamp>,
    /// When the next beat is missed, if it is one that sends beats and none is missed yet.
    pub(super) awaited: Option<Tick>,
    /// When a beat was last written down.
    pub(super) beat_remembered: Option<Tick>,
}

/// A look in flight.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) number: u64,
    pub(super) planned: Tick,
    pub(super) is_regular: bool,
    /// What was asked beside the question itself.
    pub(super) ask: Option<Box<LogAsk>>,
    /// Whether something else is asked by now, so that its answer says nothing any more.
    pub(super) is_outdated: bool,
}

/// How the settled verdict came about.
#[derive(Clone, Debug, Default)]
pub(super) struct Decision {
    pub(super) at: Timestamp,
    pub(super) from: Option<Verdict>,
    pub(super) looks_for: u16,
    pub(super) looks_of: u16,
}

/// What a look brought along for people.
#[derive(Clone, Debug, Default)]
pub(super) struct Last {
    pub(super) phases: Phases,
    pub(super) detail: Option<Box<Detail>>,
    /// What was bad about it, in a few words; absent if nothing was.
    pub(super) label: Option<String>,
}

/// An open incident with its own deadline.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) incident: Incident,
    /// When the next reminder is due.
    pub(super) remind: Option<Tick>,
}

impl Watching {
    /// What was in question is asked anew; the verdict holds, and the next look has to bear it out.
    pub(super) fn void(&mut self) {
        crate::judge::void(&mut self.state);
        self.is_unproved = true;
    }

    pub(super) fn new(at: Timestamp) -> Self {
        Self {
            state: State::new(at),
            transitions: 0,
            generation: 0,
            planned: Tick::ZERO,
            regular_at: Tick::ZERO,
            is_next_regular: true,
            flight: None,
            is_seen: false,
            is_unproved: false,
            endings: 0,
            stretch: 1,
            hurried_at: None,
            own_trouble_since: None,
            decision: Decision {
                at,
                ..Decision::default()
            },
            last: Last::default(),
            memory: None,
            read_up_to: None,
            awaited: None,
            beat_remembered: None,
        }
    }
}

impl Last {
    pub(super) fn of(observation: &Observation) -> Self {
        Self {
            phases: observation.phases,
            detail: observation.detail.clone(),
            label: label(observation),
        }
    }
}

/// A short name for what a bad look saw, the same for looks that saw the same.
fn label(observation: &Observation) -> Option<String> {
    match &observation.outcome {
        Outcome::Healthy => None,
        Outcome::Unobservable(gap) if gap.kind.is_own() => None,
        Outcome::Unobservable(gap) => Some(gap.kind.as_str().replace('_', " ")),
        Outcome::Degraded(degradation) => Some(degradation.kind.as_str().replace('_', " ")),
        Outcome::Unhealthy(failure) => Some(match observation.status {
            Some(status) if status >= 400 => format!("HTTP {status}"),
            _ => failure.kind.as_str().replace('_', " "),
        }),
    }
}

impl Watched {
    pub(super) fn new(target: Arc<Target>, now: Moment) -> Self {
        let checks = target
            .checks
            .iter()
            .map(|_| Watching::new(now.at))
            .collect();
        Self {
            target,
            checks,
            incident: None,
            common: None,
            waited_until: None,
            down_ended: None,
            restless: Restlessness::new(now),
            hold: None,
            is_blocked: false,
            parent_back: None,
            wake: None,
            remembered: Tick::ZERO,
            log: None,
            pushed: PushedLogs::new(),
            role: None,
            part: Part::default(),
            is_disaster: false,
            is_role_shown: false,
            role_reading: None,
            known_active: Vec::new(),
        }
    }

    pub(super) fn policy(&self, check: u8) -> &Policy {
        &self.target.checks[usize::from(check)].policy
    }

    pub(super) fn policies(&self) -> Vec<Policy> {
        self.target
            .checks
            .iter()
            .map(|check| check.policy.clone())
            .collect()
    }

    /// Which checks are asked by themselves; a log is not, its store is.
    pub(super) fn asked(&self) -> Vec<bool> {
        self.target
            .checks
            .iter()
            .map(|check| !matches!(check.question, Question::LogFreshness(_)))
            .collect()
    }

    /// The check that decides: the worst; of equals the first that is about now, not about an end to come.
    pub(super) fn deciding(&self) -> usize {
        let worst = self.settled();
        (0..self.checks.len())
            .filter(|check| self.weighs(*check))
            .filter(|check| self.checks[*check].state.settled == worst)
            .min_by_key(|check| self.checks[*check].state.warned_at.is_some())
            .unwrap_or(0)
    }

    /// Since when it is as it is: if all is well, since the last of its checks is; else since the one that decides is bad.
    pub(super) fn since(&self) -> Timestamp {
        let deciding = self.checks[self.deciding()].state.since;
        if self.settled() != Verdict::Operational {
            return deciding;
        }
        let weighing = (0..self.checks.len()).filter(|check| self.weighs(*check));
        let since = weighing.map(|check| self.checks[check].state.since);
        since.max().unwrap_or(deciding)
    }

    /// Whether a check has a say: a log that cannot say anything has none beside an endpoint that can.
    pub(super) fn weighs(&self, check: usize) -> bool {
        let is_log = matches!(
            self.target.checks.get(check).map(|check| &check.question),
            Some(Question::LogFreshness(_))
        );
        !is_log || self.checks.len() == 1 || self.checks[check].state.settled != Verdict::Unknown
    }

    /// The worst settled verdict of its checks.
    pub(super) fn settled(&self) -> Verdict {
        self.worst(|check| self.checks[check].state.settled)
    }

    /// The worst verdict of its checks, if one of them still were as it was.
    pub(super) fn settled_with(&self, was: usize, verdict: Verdict) -> Verdict {
        self.worst(|check| match check {
            _ if check == was => verdict,
            check => self.checks[check].state.settled,
        })
    }

    fn worst(&self, verdict: impl Fn(usize) -> Verdict) -> Verdict {
        (0..self.checks.len())
            .filter(|check| self.weighs(*check))
            .map(verdict)
            .max()
            .unwrap_or(Verdict::Unknown)
    }

    /// What people have to be told of it now, if anything: not having looked yet is no news.
    pub(super) fn standing(&self) -> Option<Verdict> {
        let state = &self.checks.get(self.deciding())?.state;
        match state.settled {
            Verdict::Operational | Verdict::Suspect => None,
            Verdict::Unknown if self.is_unjudged() => None,
            bad @ (Verdict::Unknown | Verdict::Degraded | Verdict::Down) => Some(bad),
        }
    }

    /// Takes over remembered states, each for the check of its kind.
    pub(super) fn remember(&mut self, mut records: Vec<CheckRecord>, now: Moment) {
        let newest = records.iter_mut().max_by_key(|record| record.at);
        if let Some(unrest) = newest.and_then(|record| record.unrest.take()) {
            self.restless = Restlessness::recall(*unrest, now);
        }
        for record in records {
            let kinds = self.target.checks.iter().map(|check| check.kind);
            if let Some(index) = kinds.into_iter().position(|kind| kind == record.check.kind) {
                let watching = &mut self.checks[index];
                watching.decision = Decision {
                    at: record.at,
                    ..Decision::default()
                };
                watching.state = record.state;
                watching.transitions = record.transitions;
                watching.memory = record.memory;
                if let Some(Memory::Log(log)) = watching.memory.as_deref_mut() {
                    crate::judge::freshness::void(log, now.at);
                }
                crate::judge::void(&mut watching.state);
            }
        }
    }

    /// Takes over an open incident; its reminder falls due after the time that was left.
    ///
    /// That time is computed from dates, so it is bounded by the longest that can have been left.
    pub(super) fn reopen(&mut self, incident: Incident, now: Moment) {
        let longest = reminders_of(&incident).iter().max();
        let longest = longest.copied().unwrap_or_default();
        let remind = incident
            .remind_at
            .map(|at| now.tick + at.since(now.at).min(longest));
        self.incident = Some(Box::new(Open { incident, remind }));
    }

    /// Whether nobody can say now whether the verdict still holds: it was not looked at since the start, our own trouble
    /// hides it, or the last looks contradict it.
    pub(super) fn is_in_doubt(&self) -> bool {
        let watching = &self.checks[self.deciding()];
        !watching.is_seen
            || watching.is_unproved
            || watching.own_trouble_since.is_some()
            || watching.state.recovery.is_some()
    }

    /// Whether looks of ours say how a check is.
    pub(super) fn is_asked(&self, check: usize) -> bool {
        self.asked()[check] && !self.target.checks[check].question.calls_us()
    }

    /// Whether no look of this process has seen yet how it is.
    pub(super) fn is_unseen(&self) -> bool {
        let check = self.deciding();
        self.is_asked(check) && !self.checks[check].is_seen
    }

    /// Whether the check that decides was never judged.
    pub(super) fn is_unjudged(&self) -> bool {
        let state = &self.checks[self.deciding()].state;
        state.settled == Verdict::Unknown && state.reason.rule == Rule::NotYetSeen
    }

    /// What people were told last of its own trouble.
    pub(super) fn told(&self) -> Option<Verdict> {
        self.incident.as_ref().map(|open| open.incident.verdict)
    }

    /// Its own open incident.
    pub(super) fn open_incident(&self) -> Option<IncidentId> {
        let open = self.incident.as_ref();
        open.map(|open| open.incident.id.clone())
    }

    /// Writes the new name into the open incident.
    pub(super) fn rename_incident(&mut self, batch: &mut Batch) {
        if let Some(open) = &mut self.incident {
            open.incident.targets = vec![self.target.id.clone()];
            batch.incidents.push(open.incident.clone());
        }
    }

    /// What a store has to remember of a check.
    pub(super) fn record(&self, check: usize, at: Timestamp) -> CheckRecord {
        let watching = &self.checks[check];
        let mut state = watching.state.clone();
        crate::judge::void(&mut state);
        CheckRecord {
            check: CheckId {
                target: self.target.id.clone(),
                kind: self.target.checks[check].kind,
            },
            state,
            transitions: watching.transitions,
            at,
            memory: watching.memory.clone(),
            unrest: self
                .restless
                .is_known()
                .then(|| Box::new(self.restless.stored().clone())),
        }
    }

    /// What a store has to remember of all checks that were ever decided.
    pub(super) fn records(&self, at: Timestamp) -> impl Iterator<Item = CheckRecord> {
        (0..self.checks.len())
            .filter(|check| {
                let watching = &self.checks[*check];
                watching.transitions > 0 || watching.memory.is_some()
            })
            .map(move |check| self.record(check, at))
    }

    /// When this target wants to be woken, apart from its looks.
    pub(super) fn own_deadline(&self) -> Option<Tick> {
        let remind = self.incident.as_ref().and_then(|open| open.remind);
        let until = self.hold.as_ref().and_then(|hold| hold.until);
        match (remind, until) {
            (Some(remind), Some(held)) => Some(remind.min(held)),
            (remind, held) => remind.or(held),
        }
    }
}
