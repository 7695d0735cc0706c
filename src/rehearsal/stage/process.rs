//! hekate as a process: how it starts from what is stored, takes over another file, and ends.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use super::{Coming, Shown, Stage};
use crate::{
    config::script::Ending,
    engine::{Action, Engine, Event, Settings},
    model::{
        Batch, Board, CheckId, CheckRecord, Plan, Reason, Rule, Slot, State, TargetId, Timestamp,
        Verdict, judgement::Good,
    },
    notify::courier::{Courier, Step},
    store::{self, InMemory},
};

/// How many looks may be in flight; as many as in a real process of a usual machine.
const LOOKS_MAX: usize = 256;
/// For so long a process that is told to end waits for attempts to send.
const LAST_ATTEMPTS: Duration = Duration::from_secs(5);

/// What ends with a process.
pub(super) struct Process {
    pub(super) engine: Engine,
    pub(super) courier: Courier,
    /// When it was started.
    pub(super) born: Duration,
    pub(super) slots: HashMap<Slot, TargetId>,
    /// What people see, and mean by what they say.
    pub(super) board: Board,
}

impl Stage<'_> {
    /// Starts hekate from what is stored, as `hekate run` does.
    pub(super) fn start(&mut self) {
        let now = self.moment();
        let plan = Arc::clone(&self.plan);
        // Chance is another one in every life.
        let seed = self.seed.wrapping_add(self.lives.wrapping_mul(0x9E37_79B9));
        self.lives += 1;
        let mut loaded = self.memory.loaded();
        let outbox = std::mem::take(&mut loaded.outbox);
        let living = std::mem::take(&mut loaded.living);
        let mut courier = match loaded.last_at {
            Some(_) => Courier::new(seed),
            None => Courier::first(seed),
        };
        courier.configure(now, &plan.mailboxes(), plan.ops());
        courier.restore_living(living);
        courier.restore(now, outbox);
        let settings = Settings {
            seed,
            looks_max: LOOKS_MAX,
        };
        let (engine, actions) = Engine::start(Arc::clone(&plan), loaded, settings, now);
        self.process = Some(Process {
            engine,
            courier,
            born: self.now,
            slots: HashMap::new(),
            board: Board::of(&plan, now.at, None),
        });
        self.push(self.now + store::ALIVE_EVERY, Coming::Alive);
        self.carry_out(actions);
        self.post();
    }

    /// Ends hekate, and starts it again later.
    pub(super) fn end(&mut self, index: usize, how: Ending, away: Duration) {
        if how == Ending::Orderly {
            self.remember();
        }
        self.process = None;
        self.coming.retain(|_, coming| !coming.is_of_process());
        self.push(self.now + away, Coming::Start(index));
    }

    /// What a process does that is told to end: it writes down what is worth it and stores the ends of attempts under way.
    fn remember(&mut self) {
        let now = self.moment();
        let Some(process) = &mut self.process else {
            return;
        };
        let mut actions = Vec::new();
        process.engine.handle(now, Event::Stop, &mut actions);
        actions.retain(|action| matches!(action, Action::Commit(_)));
        self.carry_out(actions);
        let until = self.now + LAST_ATTEMPTS;
        let attempts = self.coming.range(..=(until, u64::MAX));
        let ended: Vec<_> = attempts
            .filter_map(|((at, _), coming)| match coming {
                Coming::SendEnds { key, delivery } => Some((*at, key.clone(), delivery.clone())),
                Coming::Step(_)
                | Coming::Start(_)
                | Coming::Alive
                | Coming::LookEnds { .. }
                | Coming::Witnesses { .. }
                | Coming::Beat { .. }
                | Coming::Run { .. }
                | Coming::Says { .. }
                | Coming::Reread(_)
                | Coming::Ran(_)
                | Coming::Lines { .. } => None,
            })
            .collect();
        for (at, key, delivery) in ended {
            let at = now + at.saturating_sub(self.now);
            let Some(process) = &mut self.process else {
                return;
            };
            for step in process.courier.delivered(at, &key, delivery) {
                if let Step::Commit(batch) = step {
                    self.memory.commit(&batch);
                }
            }
        }
    }

    /// The file says something else from now on. While hekate is not running it is the next start that reads it.
    pub(super) fn reload(&mut self, index: usize, file: &Path, plan: &Arc<Plan>) {
        self.scenery.met.insert(index);
        file.clone_into(&mut self.file);
        let before = std::mem::replace(&mut self.plan, Arc::clone(plan));
        if *before == **plan {
            return;
        }
        let clocks = self.clocks();
        let fresh = self.scenery.replan(&before, plan, clocks.world);
        let now = self.moment();
        if let Some(process) = &mut self.process {
            process.board = Board::of(plan, now.at, Some(&process.board));
            process
                .courier
                .configure(now, &plan.mailboxes(), plan.ops());
            self.event(Event::Replanned(Arc::clone(plan)));
        }
        self.plan_calls(Some(&before));
        self.tell_roles(|group| fresh.contains(group));
        self.forget_gone();
    }

    /// Nothing is shown any more of what the file does not name.
    fn forget_gone(&mut self) {
        let after = self.after();
        let targets = &self.plan.targets;
        let mut gone: Vec<TargetId> = Vec::new();
        self.shown.retain(|id, _| {
            let is_left = targets.iter().any(|target| target.id == *id);
            if !is_left {
                gone.push(id.clone());
            }
            is_left
        });
        gone.sort();
        self.played
            .states
            .extend(gone.into_iter().map(|target| Shown {
                after,
                target,
                verdict: None,
            }));
    }

    /// Somebody moves the clock of the machine; a process that is running notices.
    pub(super) fn move_clock(&mut self, index: usize, by_ms: i64) {
        self.scenery.met.insert(index);
        let before = self.moment();
        self.ahead_ms = self.ahead_ms.saturating_add(by_ms);
        if self.moment().is_stepped_since(before) {
            self.event(Event::Interrupted);
            let now = self.moment();
            if let Some(process) = &mut self.process {
                process.courier.clock_stepped(now);
            }
        }
    }
}

/// The memory of one who has watched everything for a day, and all was well.
pub(super) fn all_well(plan: &Plan, now: Timestamp) -> InMemory {
    let day_ago = now - Duration::from_hours(24);
    let state = State {
        settled: Verdict::Operational,
        reason: Reason {
            rule: Rule::FirstLook,
            words: String::from("the first look was good"),
        },
        since: day_ago,
        ever_worked: true,
        last_good: Some(Good {
            at: now,
            took: Duration::from_millis(20),
            status: None,
        }),
        ..State::new(day_ago)
    };
    let checks = plan.targets.iter().flat_map(|target| {
        target.checks.iter().map(|check| CheckRecord {
            check: CheckId {
                target: target.id.clone(),
                kind: check.kind,
            },
            state: state.clone(),
            transitions: 1,
            at: now,
            memory: None,
            unrest: None,
        })
    });
    let mut memory = InMemory::default();
    memory.commit(&Batch {
        checks: checks.collect(),
        ..Batch::new(now)
    });
    memory
}
