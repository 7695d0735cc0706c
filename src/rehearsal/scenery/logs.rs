//! Stores of logs in a rehearsal: what can be found in them, and up to when.

use std::time::Duration;

use super::{A_MOMENT, Clocks, Scenery, Seen};
use crate::{
    config::script::Receiving,
    engine::Order,
    model::{
        Extra, Outcome, Plan, SourceName, TargetId, Timestamp,
        logs::{
            LogAnswer, LogAsk, LogFault, LogFaultKind, LogStore, LogStoreQuestion, Reading,
            Statement, Subject,
        },
        plan::Question,
        text::span,
    },
};

/// One store of logs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Store {
    pub(super) answers: Receiving,
    pub(super) lag: Duration,
    /// Up to when what was written can be found; never moves back.
    pub(super) horizon: Timestamp,
    pub(super) step: Option<usize>,
}

impl Scenery {
    /// When the newest line of a log was written that can be found now, and how far behind the store is; absent if no line
    /// comes.
    pub(in crate::rehearsal) fn newest(
        &mut self,
        source: &SourceName,
        subject: &Subject,
        now: Clocks,
    ) -> Option<(Clocks, Duration)> {
        let store = self.stores.get_mut(source)?;
        store.settle(now.world);
        if let Some(step) = store.step {
            self.met.insert(step);
        }
        let (horizon, lag) = (store.horizon, store.lag);
        // A map of pairs cannot be asked with parts of one; there are few silent logs.
        let silent = self
            .silent_logs
            .iter()
            .find(|((of, about), _)| of == source && about == subject);
        let newest = match silent {
            Some((_, since)) if since.world <= horizon => *since,
            Some(_) | None => Clocks {
                world: horizon,
                ours: now.ours,
            },
        };
        (now.world.since(newest.world) <= subject.lookback).then_some((newest, lag))
    }

    pub(super) fn round(
        &mut self,
        question: &LogStoreQuestion,
        order: &Order,
        now: Clocks,
    ) -> Seen {
        let ask = order.ask.as_deref().cloned().unwrap_or_default();
        let name = &question.source.name;
        let store = self.stores.get_mut(name);
        let receiving = match &store {
            _ if !self.is_network_up => Receiving::Silent,
            Some(store) => store.answers,
            None => Receiving::Ok,
        };
        if let Some(step) = store.and_then(|store| store.step) {
            self.met.insert(step);
        }
        let answer = match fault_of(receiving, order.limit) {
            Some(fault) => refused(question, &ask, &fault),
            None => self.answered(question, &ask, now),
        };
        Seen {
            took: if receiving == Receiving::Silent {
                order.limit
            } else {
                A_MOMENT
            },
            outcome: Outcome::Healthy,
            status: None,
            family: None,
            extra: Some(Box::new(Extra::Logs(answer))),
        }
    }

    fn answered(&mut self, question: &LogStoreQuestion, ask: &LogAsk, now: Clocks) -> LogAnswer {
        let source = &question.source;
        let is_here = is_of_this_machine(&source.store);
        let readings = question.subjects.iter().map(|subject| {
            let newest = self.newest(&source.name, subject, now);
            Ok(Reading {
                event: newest.map(|(newest, _)| if is_here { newest.ours } else { newest.world }),
                ingest: None,
                is_partial: false,
            })
        });
        let readings = readings.collect();
        let horizon = match self.stores.get_mut(&source.name) {
            Some(store) => {
                store.settle(now.world);
                store.horizon
            }
            None => now.world,
        };
        if let Some(mark) = ask.send {
            let key = (source.name.clone(), mark.number);
            self.canaries.insert(key, now.world);
        }
        let is_found = |number: u64| {
            let sent_at = self.canaries.get(&(source.name.clone(), number));
            sent_at.is_some_and(|sent_at| *sent_at <= horizon)
        };
        let unseen = ask.unseen.iter().map(|mark| mark.number);
        let seen = unseen.filter(|number| is_found(*number)).collect();
        LogAnswer {
            sent: ask.send.map(|_| Ok(())),
            seen: (!ask.unseen.is_empty()).then_some(Ok(seen)),
            statement: states(&source.store).then(|| Statement {
                complete_until: Some(horizon),
                drains_within: None,
                words: format!("complete up to {} ago", span(now.world.since(horizon))),
            }),
            skew_ms: (!is_here).then(|| now.world.as_millis() - now.ours.as_millis()),
            readings,
        }
    }
}

impl Store {
    /// What was written longer ago than the store is behind can be found by now.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.horizon = self.horizon.max(now - self.lag);
    }
}

/// The store and the question of a target's log.
pub(super) fn log_of(plan: &Plan, target: &TargetId) -> Option<(SourceName, Subject)> {
    let target = plan.targets.iter().find(|known| known.id == *target)?;
    target.checks.iter().find_map(|check| {
        if let Question::LogFreshness(question) = &check.question {
            Some((question.source.clone(), question.subject.clone()))
        } else {
            None
        }
    })
}

/// Whether lines carry the time of this machine's clock, and nobody else's clock can be compared with it.
const fn is_of_this_machine(store: &LogStore) -> bool {
    match store {
        LogStore::File { .. } | LogStore::Journald { .. } | LogStore::Docker { .. } => true,
        LogStore::Graylog(_)
        | LogStore::Elasticsearch { .. }
        | LogStore::Loki { .. }
        | LogStore::VictoriaLogs { .. }
        | LogStore::Prometheus { .. }
        | LogStore::JournalGateway(_)
        | LogStore::Kubernetes(_)
        | LogStore::HttpJson { .. }
        | LogStore::Push { .. } => false,
    }
}

/// Whether a store says by itself up to when it is complete.
const fn states(store: &LogStore) -> bool {
    match store {
        LogStore::Graylog(_) | LogStore::Prometheus { .. } | LogStore::JournalGateway(_) => true,
        LogStore::Elasticsearch { .. }
        | LogStore::Loki { .. }
        | LogStore::VictoriaLogs { .. }
        | LogStore::File { .. }
        | LogStore::Journald { .. }
        | LogStore::Docker { .. }
        | LogStore::Kubernetes(_)
        | LogStore::HttpJson { .. }
        | LogStore::Push { .. } => false,
    }
}

fn fault_of(receiving: Receiving, limit: Duration) -> Option<LogFault> {
    let (kind, words) = match receiving {
        Receiving::Ok => return None,
        Receiving::Error => (LogFaultKind::Unreachable, String::from("HTTP 500")),
        Receiving::Refused => (
            LogFaultKind::Unreachable,
            String::from("connection refused"),
        ),
        Receiving::Silent => (
            LogFaultKind::Unreachable,
            format!("no answer within {}", span(limit)),
        ),
        Receiving::Unauthorised => (LogFaultKind::Auth, String::from("HTTP 401")),
        Receiving::Throttled => (LogFaultKind::Overloaded, String::from("HTTP 429")),
    };
    Some(LogFault::new(kind, words))
}

fn refused(question: &LogStoreQuestion, ask: &LogAsk, fault: &LogFault) -> LogAnswer {
    LogAnswer {
        sent: ask.send.map(|_| Err(fault.clone())),
        seen: (!ask.unseen.is_empty()).then(|| Err(fault.clone())),
        statement: None,
        skew_ms: None,
        readings: question
            .subjects
            .iter()
            .map(|_| Err(fault.clone()))
            .collect(),
    }
}
