//! What watches the watchman: the dead-man ping, and the store's own trouble.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};

use super::{post::Telling, signs::Signs};
use crate::{
    clock::Clock,
    engine::{Event, Trouble},
    model::{Board, Plan, Verdict},
    notify::{
        dead_man::{Counts, DeadManFacts, may_ping, ping},
        sender::Sender,
    },
    store::Status,
    telemetry::Metrics,
};

/// What the dead-man ping rests on.
pub(super) struct DeadManWatch {
    pub(super) clock: Clock,
    pub(super) plan: Arc<ArcSwap<Plan>>,
    pub(super) board: Arc<ArcSwap<Board>>,
    pub(super) signs: Arc<Signs>,
    pub(super) telling: watch::Receiver<Telling>,
    pub(super) store: watch::Receiver<Status>,
    pub(super) sender: Sender,
}

impl DeadManWatch {
    /// Pings as often as the plan says, as long as everything that a ping stands for holds.
    pub(super) async fn keep(self) {
        let mut was_held = false;
        loop {
            let every = self
                .plan
                .load()
                .dead_man
                .as_ref()
                .map_or(Duration::from_mins(1), |dead_man| dead_man.every);
            tokio::time::sleep(every).await;
            let plan = self.plan.load_full();
            let Some(dead_man) = &plan.dead_man else {
                continue;
            };
            match may_ping(&self.facts(&plan)) {
                Ok(()) => {
                    was_held = false;
                    if let Err(why) = ping(&self.sender, &dead_man.url, &self.counts()).await {
                        tracing::warn!(event = "dead_man.failed", %why, "the dead-man service did not take the ping");
                    }
                }
                Err(reasons) => {
                    if !was_held {
                        tracing::error!(
                            event = "dead_man.held",
                            reasons = reasons.join(", "),
                            "the dead-man ping is held back"
                        );
                    }
                    was_held = true;
                }
            }
        }
    }

    fn facts(&self, plan: &Plan) -> DeadManFacts {
        let now = self.clock.now();
        let telling = self.telling.borrow().clone();
        let intervals = plan
            .targets
            .iter()
            .flat_map(|target| &target.checks)
            .map(|check| check.policy.interval);
        DeadManFacts {
            now: now.tick,
            interval: intervals.min().unwrap_or(Duration::from_secs(30)),
            scheduled_at: self.signs.last_began(),
            looked_at: self.signs.last_seen(),
            is_store_writable: matches!(*self.store.borrow(), Status::Well),
            blind_for: self
                .board
                .load()
                .ourselves
                .load()
                .blind
                .as_ref()
                .map(|(_, since)| now.at.since(*since)),
            oldest_waits: telling.waits_since.map(|since| now.tick.since(since)),
            parked_critical: telling.outlook.parked_critical,
        }
    }

    fn counts(&self) -> Counts {
        let board = self.board.load();
        let facts: Vec<_> = board.rows.iter().map(|row| row.facts()).collect();
        let outlook = &self.telling.borrow().outlook;
        Counts {
            targets: board.rows.len(),
            not_operational: facts
                .iter()
                .filter(|facts| facts.settled != Verdict::Operational)
                .count(),
            incidents: facts
                .iter()
                .filter(|facts| facts.incident.is_some())
                .count(),
            waiting: outlook.waiting,
            parked: outlook.parked,
        }
    }
}

/// Tells the engine and the board when the store cannot be written, and when it can again.
pub(super) async fn mind_the_store(
    mut status: watch::Receiver<Status>,
    board: Arc<ArcSwap<Board>>,
    events: mpsc::UnboundedSender<Event>,
) {
    loop {
        let now = status.borrow_and_update().clone();
        let trouble = match &now {
            Status::Well => None,
            Status::Trouble { why, since } => Some((why.clone(), *since)),
        };
        board.load().ourselves.rcu(|ourselves| {
            let mut ourselves = (**ourselves).clone();
            ourselves.store_trouble.clone_from(&trouble);
            ourselves
        });
        let event = Trouble {
            key: String::from("store"),
            is_over: trouble.is_none(),
            title: String::from("the store cannot be written"),
            words: trouble.map_or_else(
                || String::from("everything that had to wait has been written"),
                |(why, _)| format!("{why}; looking and telling go on from memory, a restart now would forget what changed"),
            ),
            not_to: None,
        };
        // Nobody listens any more only while the process ends.
        let _ = events.send(Event::Troubled(event));
        if status.changed().await.is_err() {
            return;
        }
    }
}

/// Measures now and then what the store takes on the disk.
pub(super) async fn measure_the_store(plan: Arc<ArcSwap<Plan>>, metrics: Arc<Metrics>) {
    loop {
        let path = plan.load().store.path.clone();
        let measuring = tokio::task::spawn_blocking(move || bytes_below(&path));
        if let Ok(bytes) = measuring.await {
            metrics.store_size(bytes);
        }
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
}

/// The sizes of all files below a folder; what cannot be read counts nothing.
fn bytes_below(folder: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
