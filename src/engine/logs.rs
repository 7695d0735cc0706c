//! Stores of logs: one round of questions serves every target whose log is in that store.
//!
//! The store is a target like any other, judged by whether it answers and how far behind it is. What its answer means for
//! each target's log is decided here, one after the other, each against the same watermark, and then judged as a look.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{
    Action, Engine, Looked,
    look::result,
    unreadable::{self, Found, Readable},
    watched::Watched,
};
use crate::{
    judge::{
        freshness::{self, Life},
        watermark,
    },
    model::{
        Batch, FailureClass, LookId, Memory, Moment, Observation, Outcome, Phases, Policy, Slot,
        SourceName, Timestamp, Verdict,
        board::LogFacts,
        logs::{
            LogAnswer, LogAsk, LogMemory, LogRow, LogSource, LogStoreQuestion, Reading, Subject,
            Witness,
        },
        pauses::PauseFacts,
        plan::Question,
        roles::Role,
    },
};

/// How often the memory of a store is written down when nothing else makes it be.
const REMEMBER_EVERY: Duration = Duration::from_mins(1);
/// So many rounds in a row a store has to be well before a question to it is called wrong.
const GOOD_ROUNDS: u8 = 2;

/// A store is asked no more often than this because somebody who logs into it does not answer …
const HASTENED_EVERY: Duration = Duration::from_secs(4);
/// … and not at all while more lines of ours than these are on their way.
const UNSEEN_WHEN_HASTENED: usize = 12;

/// Who reads which store.
#[derive(Debug, Default)]
pub(super) struct Readers {
    by_source: HashMap<SourceName, Vec<Reader>>,
    /// Where the stores themselves are.
    stores: HashMap<SourceName, (Slot, u8)>,
}

/// One target's log.
#[derive(Clone, Copy, Debug)]
struct Reader {
    slot: Slot,
    check: u8,
    subject: usize,
}

impl Engine {
    /// Finds out anew who reads which store; after every change of the plan.
    pub(super) fn bind_readers(&mut self) {
        let mut subjects: HashMap<(SourceName, &Subject), usize> = HashMap::new();
        let mut stores = HashMap::new();
        for (place, store) in self.stores() {
            stores.insert(store.source.name.clone(), place);
            for (index, subject) in store.subjects.iter().enumerate() {
                subjects.insert((store.source.name.clone(), subject), index);
            }
        }
        let mut by_source: HashMap<SourceName, Vec<Reader>> = HashMap::new();
        for (index, watched) in self.watched.iter().enumerate() {
            let Some(watched) = watched else { continue };
            for (check, asked) in (0_u8..).zip(&watched.target.checks) {
                let Question::LogFreshness(question) = &asked.question else {
                    continue;
                };
                let key = (question.source.clone(), &question.subject);
                if let Some(subject) = subjects.get(&key) {
                    by_source
                        .entry(question.source.clone())
                        .or_default()
                        .push(Reader {
                            slot: Slot(u32::try_from(index).unwrap_or(u32::MAX)),
                            check,
                            subject: *subject,
                        });
                }
            }
        }
        self.readers = Readers { by_source, stores };
    }

    fn stores(&self) -> impl Iterator<Item = ((Slot, u8), &LogStoreQuestion)> {
        let watched = self.watched.iter().enumerate();
        let checks = watched.filter_map(|(index, watched)| {
            let slot = Slot(u32::try_from(index).unwrap_or(u32::MAX));
            Some((slot, (0_u8..).zip(&watched.as_ref()?.target.checks)))
        });
        checks.flat_map(|(slot, checks)| {
            checks.filter_map(move |(check, asked)| {
                let Question::LogStore(store) = &asked.question else {
                    return None;
                };
                Some(((slot, check), &**store))
            })
        })
    }

    /// Asks the store of this target's log soon, if that can tell whether what does not answer lives.
    pub(super) fn hasten_log(&mut self, now: Moment, slot: Slot, check: u8) {
        let Some(watched) = self.at(slot) else { return };
        let Some(burst) = &watched.checks[usize::from(check)].state.burst else {
            return;
        };
        let log = watched.log_since(burst.since);
        let is_open = burst.weakest == FailureClass::Silent
            && log.is_some_and(|(row, life)| row == LogRow::Fresh && life != Life::Alive);
        let mut checks = watched.target.checks.iter();
        let source = checks.find_map(|check| {
            let Question::LogFreshness(question) = &check.question else {
                return None;
            };
            Some(&question.source)
        });
        let store = source.and_then(|source| self.readers.stores.get(source));
        let Some((slot, check)) = store.copied().filter(|_| is_open) else {
            return;
        };
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        // What is on its way for long shows that the store is behind: asking it more often proves nothing sooner.
        if watched.witness_mut(check).unseen.len() > UNSEEN_WHEN_HASTENED {
            return;
        }
        if watched.checks[usize::from(check)].is_seen {
            self.hurry(now, (slot, check), now.tick, HASTENED_EVERY);
        }
    }

    /// What the next round of this check should ask, if it is a round.
    pub(super) fn ask_of(&mut self, now: Moment, slot: Slot, check: u8) -> Option<Box<LogAsk>> {
        let asked = &self.at(slot)?.target.checks[usize::from(check)];
        let Question::LogStore(question) = &asked.question else {
            return None;
        };
        let source = Arc::clone(&question.source);
        let chance = self.draw_name();
        let watched = self.at_mut(slot)?;
        let witness = watched.witness_mut(check);
        Some(Box::new(watermark::plan_round(
            witness, &source, chance, now.at,
        )))
    }

    /// Takes in a round: what it means for the store, and then for every target whose log is in it.
    pub(super) fn round(
        &mut self,
        now: Moment,
        (slot, check): (Slot, u8),
        ask: &LogAsk,
        answer: &LogAnswer,
    ) -> Option<(Outcome, Arc<LogSource>)> {
        let watched = self.at_mut(slot)?;
        let Question::LogStore(question) = &watched.target.checks[usize::from(check)].question
        else {
            return None;
        };
        let source = Arc::clone(&question.source);
        let witness = watched.witness_mut(check);
        watermark::take_in(witness, &source, ask, answer, now.at);
        let outcome = watermark::store_outcome(witness, &source, answer, now.at);
        Some((outcome, source))
    }

    /// Judges the log of every target in this store, and remembers the round now and then.
    pub(super) fn read_logs(
        &mut self,
        now: Moment,
        (slot, check): (Slot, u8),
        source: &Arc<LogSource>,
        answer: &LogAnswer,
        actions: &mut Vec<Action>,
    ) {
        let Some(witness) = self
            .at_mut(slot)
            .map(|watched| watched.witness_mut(check).clone())
        else {
            return;
        };
        let readers = self
            .readers
            .by_source
            .get(&source.name)
            .cloned()
            .unwrap_or_default();
        // A store that is in trouble itself, or answers nobody, says nothing about what it is asked for.
        let answers_others =
            witness.good_rounds >= GOOD_ROUNDS && answer.readings.iter().any(Result::is_ok);
        let mut found = Vec::new();
        for reader in &readers {
            let reading = answer.readings.get(reader.subject);
            let reading = match reading {
                Some(Ok(reading)) => Ok(*reading),
                Some(Err(fault)) => Err(fault),
                None => continue,
            };
            let what = self.read_log(now, *reader, (source, &witness), reading, actions);
            if let Some(what) = what.filter(|_| answers_others) {
                found.push(Found {
                    slot: reader.slot,
                    check: reader.check,
                    what,
                });
            }
        }
        if !found.is_empty() {
            let mut batch = Batch::new(now.at);
            self.tell_unreadable(now, source, found, &mut batch);
            actions.push(Action::Commit(Arc::new(batch)));
        }
        let is_time = self
            .at(slot)
            .is_some_and(|watched| now.tick.since(watched.remembered) >= REMEMBER_EVERY);
        if is_time {
            self.remember_round(now, (slot, check), &readers, actions);
        }
    }

    fn read_log(
        &mut self,
        now: Moment,
        reader: Reader,
        (source, witness): (&LogSource, &Witness),
        reading: Result<Reading, &crate::model::logs::LogFault>,
        actions: &mut Vec<Action>,
    ) -> Option<Readable> {
        let looking_since = self.looking_since;
        let is_blind = self.lookout.is_blind();
        let watched = self.at_mut(reader.slot)?;
        let target = Arc::clone(&watched.target);
        let Question::LogFreshness(question) = &target.checks[usize::from(reader.check)].question
        else {
            return None;
        };
        let role = watched.role.as_ref();
        let evidence = freshness::Evidence {
            now: now.at,
            looking_since,
            startup_grace: source.startup_grace,
            is_in_maintenance: false,
            is_blind,
            reading,
            watermark: witness.watermark,
            is_proved_by_canary: source.canary.is_some(),
            is_store_lagging: watermark::is_lagging(witness),
            lag_limit: source.lag_limit,
            gap_end: witness.gap_end,
            skew_ms: witness.skew_ms,
            grace_until: role.and_then(|role| role.grace_until),
            active_since: role.and_then(|role| role.active_since),
            is_expected_silent: question.is_silent_when_inactive
                && role.is_some_and(|role| role.role == Role::Inactive),
            is_failing_otherwise: watched.is_failing_beside(reader.check),
        };
        let is_log_only = target.checks.len() == 1;
        let memory = watched.log_mut(reader.check);
        let decision = freshness::decide(memory, question, &evidence);
        let outcome = freshness::outcome(&decision, &evidence, is_log_only);
        let readable = unreadable::changed(memory, question, &evidence, decision.row);
        let pauses = freshness::pause_facts(memory, now.at);
        let read_up_to = freshness::read_up_to(&evidence);
        let observation = read(now, reader, outcome);
        if is_log_only {
            // Nobody looks at it otherwise, so this is how old its evidence is.
            actions.push(Action::Looked(Looked {
                slot: reader.slot,
                at: now.at,
                took: Duration::ZERO,
                late: Duration::ZERO,
                result: result(&observation.outcome),
                is_overrun: false,
                is_own_trouble: decision.row == LogRow::Blind,
            }));
        }
        let facts = Arc::new(facts_of(source, &decision, pauses));
        if let Some(watched) = self.at_mut(reader.slot) {
            watched.log = Some(Arc::clone(&facts));
            let watching = &mut watched.checks[usize::from(reader.check)];
            (watching.is_seen, watching.is_unproved) = (true, false);
            watching.read_up_to = watching.read_up_to.max(read_up_to);
        }
        actions.push(Action::ShowLog(reader.slot, facts));
        self.weigh(now, &observation, true, actions);
        readable
    }

    /// Writes down what the store and its readers remember, in one commit.
    fn remember_round(
        &mut self,
        now: Moment,
        (slot, check): (Slot, u8),
        readers: &[Reader],
        actions: &mut Vec<Action>,
    ) {
        let mut batch = Batch::new(now.at);
        if let Some(watched) = self.at_mut(slot) {
            watched.remembered = now.tick;
            batch
                .checks
                .push(watched.record(usize::from(check), now.at));
        }
        for reader in readers {
            let Some(watched) = self.at_mut(reader.slot) else {
                continue;
            };
            // The newest line is read again after a restart; only what cannot be read again is worth a write.
            let is_old = now.tick.since(watched.remembered) >= REMEMBER_EVERY * 60;
            if is_old && watched.checks[usize::from(reader.check)].memory.is_some() {
                watched.remembered = now.tick;
                batch
                    .checks
                    .push(watched.record(usize::from(reader.check), now.at));
            }
        }
        actions.push(Action::Commit(Arc::new(batch)));
    }

    /// The clock was moved or the process stood still: what stores proved says nothing any more.
    pub(super) fn void_witnesses(&mut self, now: Timestamp) {
        for watched in self.watched.iter_mut().flatten() {
            for pushed in watched.pushed.values_mut() {
                pushed.void(now);
            }
            for watching in &mut watched.checks {
                match watching.memory.as_deref_mut() {
                    Some(Memory::Witness(witness)) => watermark::void(witness, now),
                    Some(Memory::Log(log)) => {
                        freshness::void(log, now);
                        watching.read_up_to = None;
                    }
                    Some(Memory::Beat(_) | Memory::Roles(_) | Memory::Job(_)) | None => {}
                }
            }
        }
    }
}

/// What was read of a log, as a look would bring it.
fn read(now: Moment, reader: Reader, outcome: Outcome) -> Observation {
    Observation {
        look: LookId {
            slot: reader.slot,
            check: reader.check,
            number: 0,
        },
        started: now,
        finished: now,
        outcome,
        status: None,
        phases: Phases::default(),
        family: None,
        detail: None,
        extra: None,
    }
}

/// What people are shown of a decision.
fn facts_of(source: &LogSource, decision: &freshness::Decision, pauses: PauseFacts) -> LogFacts {
    LogFacts {
        source: source.name.clone(),
        title: source.store.title(),
        row: decision.row,
        newest: decision.newest,
        proved_to: decision.proved_to,
        pauses,
    }
}

impl Watched {
    pub(super) fn witness_mut(&mut self, check: u8) -> &mut Witness {
        let memory = &mut self.checks[usize::from(check)].memory;
        if !matches!(memory.as_deref(), Some(Memory::Witness(_))) {
            *memory = Some(Box::new(Memory::Witness(Witness::default())));
        }
        match memory.as_deref_mut() {
            Some(Memory::Witness(witness)) => witness,
            Some(Memory::Log(_) | Memory::Beat(_) | Memory::Roles(_) | Memory::Job(_)) | None => {
                unreachable!("it was just put there")
            }
        }
    }

    pub(super) fn log_mut(&mut self, check: u8) -> &mut LogMemory {
        let memory = &mut self.checks[usize::from(check)].memory;
        if !matches!(memory.as_deref(), Some(Memory::Log(_))) {
            *memory = Some(Box::new(Memory::Log(LogMemory::default())));
        }
        match memory.as_deref_mut() {
            Some(Memory::Log(log)) => log,
            Some(Memory::Witness(_) | Memory::Beat(_) | Memory::Roles(_) | Memory::Job(_))
            | None => {
                unreachable!("it was just put there")
            }
        }
    }

    /// Whether any other check says, or begins to say, that the target does not work.
    fn is_failing_beside(&self, log: u8) -> bool {
        self.checks.iter().enumerate().any(|(check, watching)| {
            check != usize::from(log)
                && (watching.state.settled == Verdict::Down
                    || watching
                        .state
                        .burst
                        .as_ref()
                        .is_some_and(|burst| burst.failures > 0))
        })
    }

    /// What its log said last, and since `since`, if it has one that was read.
    pub(super) fn log_since(&self, since: Timestamp) -> Option<(LogRow, Life)> {
        self.checks
            .iter()
            .find_map(|watching| match watching.memory.as_deref() {
                Some(Memory::Log(log)) => {
                    let life = freshness::life(log.newest, watching.read_up_to, since);
                    Some((log.row?, life))
                }
                Some(Memory::Witness(_) | Memory::Beat(_) | Memory::Roles(_) | Memory::Job(_))
                | None => None,
            })
    }

    /// The rules for a look at the endpoint, as its log bends them: a live log makes silence need longer, a provably silent
    /// one lets a failure be believed at once.
    pub(super) fn joint_policy(&self, check: u8) -> Policy {
        let asked = &self.target.checks[usize::from(check)];
        let mut policy = asked.policy.clone();
        if matches!(asked.question, Question::LogFreshness(_)) {
            return policy;
        }
        let burst = self.checks[usize::from(check)].state.burst.as_ref();
        if let Some((row, life)) = burst.and_then(|burst| self.log_since(burst.since)) {
            freshness::bend(&mut policy.spans, row, life);
        }
        policy
    }
}
