//! How everything around hekate is at the moment, as the story has it so far.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    clock::Clock,
    config::script::{Answer, Doing, Receiving},
    model::{TargetId, Timestamp},
};

/// How a target answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mood {
    pub(super) answer: Answer,
    pub(super) took: Duration,
    pub(super) says: Option<String>,
}

impl Default for Mood {
    fn default() -> Self {
        Self {
            answer: Answer::Ok,
            took: Duration::ZERO,
            says: None,
        }
    }
}

/// What is shared by all that pretends.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    clock: Clock,
    now: Arc<Mutex<Now>>,
    /// Says that something has changed.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Now {
    moods: HashMap<TargetId, Mood>,
    /// Logs to which nothing is written, since when.
    silent_logs: HashMap<TargetId, Timestamp>,
    store: Receiving,
    /// How far the store is behind, since when, and up to where it was complete then.
    lag: (Duration, Timestamp),
    is_network_up: bool,
}

impl Surroundings {
    /// All is well.
    pub(super) fn new(clock: Clock) -> Self {
        let at = clock.now().at;
        let now = Now {
            moods: HashMap::new(),
            silent_logs: HashMap::new(),
            store: Receiving::Ok,
            lag: (Duration::ZERO, at),
            is_network_up: true,
        };
        Self {
            clock,
            now: Arc::new(Mutex::new(now)),
            changed: watch::Sender::new(()),
        }
    }

    pub(super) const fn clock(&self) -> &Clock {
        &self.clock
    }

    fn now(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A step of the story happens. What people say is not for the surroundings, and a demo neither restarts hekate nor moves
    /// its clock or its file.
    pub(super) fn turn(&self, doing: &Doing) {
        let at = self.clock.now().at;
        let mut now = self.now();
        match doing {
            Doing::Answer {
                target,
                answer,
                took,
                says,
                ..
            } => {
                let mood = Mood {
                    answer: *answer,
                    took: took.unwrap_or_default(),
                    says: says.clone(),
                };
                now.moods.insert(target.clone(), mood);
            }
            Doing::Log { target, is_written } => {
                if *is_written {
                    now.silent_logs.remove(target);
                } else {
                    now.silent_logs.entry(target.clone()).or_insert(at);
                }
            }
            Doing::Source { answers, lag, .. } => {
                now.store = answers.unwrap_or(now.store);
                if let Some(lag) = lag {
                    let shown = now.shown_up_to(at);
                    now.lag = (*lag, shown.max(at - *lag));
                }
            }
            Doing::OurNetwork { is_up } => now.is_network_up = *is_up,
            Doing::Beats { .. }
            | Doing::Active { .. }
            | Doing::Channel { .. }
            | Doing::Command { .. }
            | Doing::Action { .. }
            | Doing::Run { .. }
            | Doing::Restart { .. }
            | Doing::Reload { .. }
            | Doing::Clock { .. } => {}
        }
        drop(now);
        self.changed.send_replace(());
    }

    /// How this target answers now.
    pub(super) fn mood(&self, target: &TargetId) -> Mood {
        let now = self.now();
        let mood = now.moods.get(target).cloned().unwrap_or_default();
        if now.is_network_up {
            mood
        } else {
            Mood {
                answer: Answer::Silent,
                ..mood
            }
        }
    }

    /// Whether this target takes connections now.
    pub(super) fn takes_connections(&self, target: &TargetId) -> bool {
        self.mood(target).answer != Answer::Refused
    }

    pub(super) fn is_network_up(&self) -> bool {
        self.now().is_network_up
    }

    /// How the store of logs answers now.
    pub(super) fn store(&self) -> Receiving {
        let now = self.now();
        if now.is_network_up {
            now.store
        } else {
            Receiving::Silent
        }
    }

    /// Up to when the store shows what was written.
    pub(super) fn shown_up_to(&self) -> Timestamp {
        let at = self.clock.now().at;
        self.now().shown_up_to(at)
    }

    /// When the newest line of a target was written of those that the store shows; every target writes all the time, unless
    /// the story says otherwise.
    pub(super) fn newest_line(&self, target: &TargetId) -> Timestamp {
        let at = self.clock.now().at;
        let now = self.now();
        let written = now.silent_logs.get(target).copied().unwrap_or(at);
        written.min(now.shown_up_to(at))
    }

    /// Waits until something has changed.
    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}

impl Now {
    /// A store that falls behind shows nothing new until it is as far behind as it will be.
    fn shown_up_to(&self, at: Timestamp) -> Timestamp {
        let (lag, horizon) = self.lag;
        (at - lag).max(horizon)
    }
}
