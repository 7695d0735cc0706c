//! Signs of life that targets send by themselves, and logs whose shippers push: nobody is asked, so time decides.
//!
//! A heartbeat is judged when a beat comes, and once when none came in time. A beat that may have come while nobody was
//! listening (before a start, during a suspend) is nobody's fault: then the whole wait begins anew.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{
    Action, Engine, Looked,
    watched::{Watched, Watching},
};
use crate::{
    judge::heartbeat,
    model::{
        Batch, Extra, LookId, Memory, Moment, Observation, Outcome, Phases, Slot, Target,
        Timestamp,
        heartbeat::{Beat, HeartbeatQuestion, News, Push},
        logs::{LogAnswer, LogStore, LogStoreQuestion, Reading, Statement},
        plan::Question,
        text::span,
    },
    schedule::{Due, next_start},
};

/// A beat is written down when the one that was written down before is older than this.
const REMEMBER_EVERY: Duration = Duration::from_mins(1);
/// Not having listened for longer than this may have cost a beat.
const DEAF: Duration = Duration::from_mins(1);
/// What a shipper says of its own delay holds for so long.
const STATED_FOR: Duration = Duration::from_mins(5);

/// What a shipper said of one log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pushed {
    newest: Timestamp,
    /// When that line was first heard of.
    heard_at: Timestamp,
    lag: Option<(Duration, Timestamp)>,
}

impl Pushed {
    /// The clock was moved: times that it now calls future are taken for now, or no line would be newer for a while.
    pub(super) fn void(&mut self, now: Timestamp) {
        self.newest = self.newest.min(now);
        self.heard_at = self.heard_at.min(now);
        self.lag = self.lag.map(|(lag, at)| (lag, at.min(now)));
    }
}

/// What shippers said of the logs of one store, by query.
pub(super) type PushedLogs = HashMap<String, Pushed>;

impl Engine {
    /// Takes in a call from outside.
    pub(super) fn pushed(&mut self, now: Moment, push: Push, actions: &mut Vec<Action>) {
        let Some(slot) = self.index.get(&push.target).copied() else {
            return;
        };
        match push.news {
            News::Beat { failure } => self.beaten(now, slot, failure, actions),
            News::Line {
                query,
                written_at,
                lag,
            } => {
                if let Some(watched) = self.at_mut(slot) {
                    watched.hear_of_line(now.at, query, written_at, lag);
                }
            }
        }
    }

    /// A beat came.
    fn beaten(
        &mut self,
        now: Moment,
        slot: Slot,
        failure: Option<String>,
        actions: &mut Vec<Action>,
    ) {
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        let Some((check, question)) = watched.heartbeat() else {
            return;
        };
        let watching = &mut watched.checks[usize::from(check)];
        let beat = Beat {
            at: now.at,
            failure,
        };
        let outcome = heartbeat::of_beat(&beat);
        watching.memory = Some(Box::new(Memory::Beat(beat)));
        watching.awaited = Some(now.tick + question.patience());
        let is_time = watching
            .beat_remembered
            .is_none_or(|at| now.tick.since(at) >= REMEMBER_EVERY);
        self.judge_beat(now, (slot, check), outcome, actions);
        self.listen_on(now, (slot, check));
        if is_time && let Some(watched) = self.at_mut(slot) {
            watched.checks[usize::from(check)].beat_remembered = Some(now.tick);
            let mut batch = Batch::new(now.at);
            batch
                .checks
                .push(watched.record(usize::from(check), now.at));
            actions.push(Action::Commit(Arc::new(batch)));
        }
    }

    /// In place of a look, if this check is one that calls us; says whether it is.
    pub(super) fn listen(&mut self, now: Moment, due: Due, actions: &mut Vec<Action>) -> bool {
        if self.await_run(now, due, actions) {
            return true;
        }
        let is_blind = self.lookout.is_blind();
        let Some(watched) = self.at_mut(due.slot) else {
            return false;
        };
        let Some((check, question)) = watched.heartbeat().filter(|(at, _)| *at == due.check) else {
            return false;
        };
        let is_beside_looks = watched.asked().iter().filter(|is_asked| **is_asked).count() > 1;
        let watching = &mut watched.checks[usize::from(check)];
        (watching.is_seen, watching.is_unproved) = (true, false);
        if is_blind && watching.awaited.is_some() {
            // It may have called, and could not reach us.
            watching.awaited = watching
                .awaited
                .map(|until| until.max(now.tick + question.grace));
        }
        let is_missed = watching.awaited.is_some_and(|until| until <= now.tick);
        if is_missed {
            watching.awaited = None;
            let last = beat_of(watching).map(|beat| beat.at);
            let outcome = heartbeat::missed(&question, last, now.at);
            self.judge_beat(now, (due.slot, check), outcome, actions);
        }
        self.listen_on(now, (due.slot, check));
        if is_beside_looks {
            // How old the evidence is and how long it took is for the looks to say.
            return true;
        }
        actions.push(Action::Looked(Looked {
            slot: due.slot,
            at: now.at,
            took: Duration::ZERO,
            late: now.tick.since(due.planned),
            result: if is_missed { "unhealthy" } else { "healthy" },
            is_overrun: false,
            is_own_trouble: false,
        }));
        true
    }

    pub(super) fn judge_beat(
        &mut self,
        now: Moment,
        (slot, check): (Slot, u8),
        outcome: Outcome,
        actions: &mut Vec<Action>,
    ) {
        let observation = heard(now, (slot, check), 0, outcome, None);
        self.weigh(now, &observation, true, actions);
    }

    /// Plans when to listen again: at the deadline of the next beat, and now and then before it, so that the board knows
    /// that somebody listens.
    pub(super) fn listen_on(&mut self, now: Moment, (slot, check): (Slot, u8)) {
        let chance = self.draw();
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        let interval = watched.policy(check).interval;
        let watching = &mut watched.checks[usize::from(check)];
        watching.generation += 1;
        watching.is_next_regular = true;
        let regular = next_start(now.tick, interval, chance);
        let planned = watching
            .awaited
            .filter(|until| *until > now.tick)
            .map_or(regular, |until| until.min(regular));
        watching.planned = planned;
        let generation = watching.generation;
        self.schedule.add(Due {
            planned,
            slot,
            check,
            generation,
        });
    }

    /// Nobody listened for a moment, or for long: what may have come meanwhile is not missed.
    pub(super) fn excuse_beats(&mut self, now: Moment, deaf: Duration) {
        for watched in self.watched.iter_mut().flatten() {
            let Some((check, question)) = watched.heartbeat() else {
                continue;
            };
            let patience = if deaf > DEAF {
                question.patience()
            } else {
                question.grace
            };
            if let Some(awaited) = &mut watched.checks[usize::from(check)].awaited {
                *awaited = (*awaited).max(now.tick + patience);
            }
        }
    }

    /// A round of a store that is not asked because its shippers call us; says whether it is one.
    pub(super) fn recall(&mut self, now: Moment, look: LookId, actions: &mut Vec<Action>) -> bool {
        let looking_since = self.looking_since;
        let Some(watched) = self.at_mut(look.slot) else {
            return false;
        };
        let Some(Question::LogStore(question)) = watched
            .target
            .checks
            .get(usize::from(look.check))
            .map(|check| check.question.clone())
        else {
            return false;
        };
        if !matches!(question.source.store, LogStore::Push { .. }) {
            return false;
        }
        // Lines that were pushed while nobody listened are lost to us.
        let witness = watched.witness_mut(look.check);
        witness.gap_end = witness.gap_end.max(Some(looking_since));
        let answer = watched.what_was_pushed(&question, now.at);
        let answer = Some(Box::new(Extra::Logs(answer)));
        let observation = heard(
            now,
            (look.slot, look.check),
            look.number,
            Outcome::Healthy,
            answer,
        );
        self.observed(now, observation, actions);
        true
    }
}

impl Watched {
    /// The check that is a heartbeat, if there is one.
    pub(super) fn heartbeat(&self) -> Option<(u8, Arc<HeartbeatQuestion>)> {
        let (check, question) = self.target.heartbeat()?;
        Some((check, Arc::clone(question)))
    }

    /// As [`Watched::await_beat`], if the target was asked for another rhythm before.
    pub(super) fn await_changed_beat(&mut self, before: &Target, now: Moment) {
        let changed_to = self.target.heartbeat().map(|(_, question)| question);
        if before.heartbeat().map(|(_, question)| question) != changed_to {
            self.await_beat(now);
        }
    }

    /// Sets the deadline of the next beat, as somebody who has not listened before: a beat that may have come before now
    /// is waited for again.
    pub(super) fn await_beat(&mut self, now: Moment) {
        let Some((check, question)) = self.heartbeat() else {
            return;
        };
        let watching = &mut self.checks[usize::from(check)];
        let last = beat_of(watching).map(|beat| beat.at);
        let wait = heartbeat::wait_from_start(&question, last, now.at);
        watching.awaited = Some(now.tick + wait);
    }

    fn hear_of_line(
        &mut self,
        now: Timestamp,
        query: String,
        written_at: Option<Timestamp>,
        lag: Option<Duration>,
    ) {
        let is_asked_for = self
            .target
            .checks
            .iter()
            .any(|check| match &check.question {
                Question::LogStore(store) => {
                    store.subjects.iter().any(|subject| subject.query == query)
                }
                Question::Health(_)
                | Question::Http(_)
                | Question::Metrics(_)
                | Question::Steps(_)
                | Question::LogFreshness(_)
                | Question::Roles(_)
                | Question::Tcp(_)
                | Question::Tls(_)
                | Question::Dns(_)
                | Question::Icmp(_)
                | Question::Websocket(_)
                | Question::Grpc(_)
                | Question::Heartbeat(_)
                | Question::Job(_)
                | Question::ErrorBudget(_) => false,
            });
        if !is_asked_for {
            return;
        }
        // A line cannot have been written after we heard of it; a clock that runs ahead must not hide later silence.
        let newest = written_at.map_or(now, |at| at.min(now));
        let lag = lag.map(|lag| (lag, now));
        let pushed = self.pushed.entry(query).or_insert(Pushed {
            newest,
            heard_at: now,
            lag,
        });
        pushed.lag = lag;
        if newest > pushed.newest {
            pushed.newest = newest;
            pushed.heard_at = now;
        }
    }

    fn what_was_pushed(&self, question: &LogStoreQuestion, now: Timestamp) -> LogAnswer {
        let lags = question.subjects.iter().filter_map(|subject| {
            let (lag, stated_at) = self.pushed.get(&subject.query)?.lag?;
            (now.since(stated_at) <= STATED_FOR).then_some(lag)
        });
        let statement = lags.max().map(|lag| Statement {
            complete_until: Some(now - lag),
            drains_within: None,
            words: format!("the shipper says that it is {} behind", span(lag)),
        });
        let readings = question.subjects.iter().map(|subject| {
            let pushed = self.pushed.get(&subject.query);
            Ok(Reading {
                event: pushed.map(|pushed| pushed.newest),
                ingest: pushed.map(|pushed| pushed.heard_at),
                is_partial: false,
            })
        });
        LogAnswer {
            sent: None,
            seen: None,
            statement,
            skew_ms: None,
            readings: readings.collect(),
        }
    }
}

fn beat_of(watching: &Watching) -> Option<&Beat> {
    match watching.memory.as_deref() {
        Some(Memory::Beat(beat)) => Some(beat),
        Some(Memory::Witness(_) | Memory::Log(_) | Memory::Roles(_) | Memory::Job(_)) | None => {
            None
        }
    }
}

/// What was heard, in the form of a look that took no time.
fn heard(
    now: Moment,
    (slot, check): (Slot, u8),
    number: u64,
    outcome: Outcome,
    extra: Option<Box<Extra>>,
) -> Observation {
    Observation {
        look: LookId {
            slot,
            check,
            number,
        },
        started: now,
        finished: now,
        outcome,
        status: None,
        phases: Phases::default(),
        family: None,
        detail: None,
        extra,
    }
}
