//! The loop that owns the engine: waits for one event, reads the clock once, carries the actions out in order.

use std::{collections::HashMap, pin::Pin, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    burning::{self, Budgets},
    latencies::Counting,
    orders,
    post::Mail,
    signs::Signs,
    systemd::Watchdog,
};
use crate::{
    clock::Clock,
    engine::{Action, Engine, Event, Looked, Order, Run},
    model::{
        Batch, Board, CheckId, Moment, Observation, Outcome, Slot, TargetId, Tick, Timestamp,
        action::Answered, board::Row, latency::is_timed, planned::Answer, witness::RoundOrder,
    },
    probe::{Freshness, Prober},
    store::Writer,
    telemetry::Metrics,
    web::Pulse,
};

/// The loop turns at least this often, so that a stall is noticed and the watchdog is fed.
const TURN: Duration = Duration::from_millis(500);
/// A turn that comes later than this was held up: nothing that was in question meanwhile can be trusted.
const STALL: Duration = Duration::from_secs(1);
/// Events taken in before deadlines are looked at again.
const EVENTS_A_TURN: usize = 512;

/// What is on its way into the store, and what is said when everything before it has got there.
pub(super) enum Committing {
    /// A batch.
    Batch(Pin<Box<dyn Future<Output = ()> + Send>>, Arc<Batch>),
    /// The answer to the wish with this number.
    Answer(u64, Box<Answer>),
    /// The answer to the order with this number.
    Ordered(u64, Box<Answered>),
    /// That the call of a job with this number was taken in.
    Heard(u64),
    /// Something to be done.
    Run(Box<Run>),
}

/// What the loop works with.
pub(super) struct Heart {
    pub(super) clock: Clock,
    pub(super) engine: Engine,
    pub(super) inbox: mpsc::UnboundedReceiver<Event>,
    pub(super) outside: Outside,
}

/// The world outside of the engine, as far as the engine's actions reach it.
pub(super) struct Outside {
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) clock: Clock,
    pub(super) prober: Prober,
    pub(super) writer: Writer,
    pub(super) mail: mpsc::UnboundedSender<Mail>,
    pub(super) committing: mpsc::UnboundedSender<Committing>,
    pub(super) board: Arc<ArcSwap<Board>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) signs: Arc<Signs>,
    pub(super) watchdog: Watchdog,
    pub(super) budgets: Budgets,
    pub(super) places: HashMap<Slot, Place>,
    pub(super) counting: Counting,
}

/// Where a slot's facts are shown.
pub(super) struct Place {
    id: TargetId,
    row: Option<Arc<Row>>,
}

impl Heart {
    /// Runs until it is told to stop, then remembers what is worth it.
    pub(super) async fn beat(mut self, first: Vec<Action>, stop: CancellationToken) {
        let mut actions = first;
        self.outside.carry_out(&mut actions);
        let mut last = self.clock.now();
        loop {
            let wanted = self
                .engine
                .next_deadline()
                .unwrap_or(Tick::from_micros(u64::MAX));
            let turn = wanted.min(last.tick + TURN);
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                event = self.inbox.recv() => event,
                () = tokio::time::sleep_until(self.clock.instant(turn)) => None,
            };
            let now = self.clock.now();
            self.mistrust(last, now, &mut actions);
            if let Some(event) = event {
                self.take_in(now, event, &mut actions);
                for _ in 0..EVENTS_A_TURN {
                    let Ok(event) = self.inbox.try_recv() else {
                        break;
                    };
                    self.take_in(now, event, &mut actions);
                }
            }
            if self
                .engine
                .next_deadline()
                .is_some_and(|due| due <= now.tick)
            {
                self.engine.handle(now, Event::Due, &mut actions);
            }
            self.engine.turned(now);
            self.outside.carry_out(&mut actions);
            self.outside.pulse.beat(now.tick);
            self.outside.watchdog.feed(now.tick);
            last = now;
        }
        self.engine
            .handle(self.clock.now(), Event::Stop, &mut actions);
        actions.retain(|action| matches!(action, Action::Commit(_)));
        self.outside.carry_out(&mut actions);
        self.outside.write_latencies(self.clock.now());
    }

    fn take_in(&mut self, now: Moment, event: Event, actions: &mut Vec<Action>) {
        if let Event::Observed(observation) = &event {
            self.outside.count(now, observation);
        }
        let is_plan = match &event {
            Event::Replanned(plan) => {
                self.outside.write_latencies(now);
                self.outside
                    .replan(&Board::of(plan, now.at, Some(&self.outside.board.load())).into());
                true
            }
            Event::Due
            | Event::Observed(_)
            | Event::Interrupted
            | Event::Pushed(_)
            | Event::Pinged(..)
            | Event::Troubled(_)
            | Event::StoodIn(..)
            | Event::RoleSaid(..)
            | Event::Found(_)
            | Event::Witnessed(_)
            | Event::Planned(_)
            | Event::Ordered(_)
            | Event::Reread(_)
            | Event::Ongoing(_)
            | Event::Recalled(_)
            | Event::Ran(_)
            | Event::Marked(_)
            | Event::Stop => false,
        };
        self.engine.handle(now, event, actions);
        if is_plan {
            tracing::info!(
                event = "config.taken",
                targets = self.outside.board.load().rows.len(),
                "the new plan holds"
            );
        }
    }

    /// Notices that the process stood still or that somebody moved the clock.
    fn mistrust(&mut self, last: Moment, now: Moment, actions: &mut Vec<Action>) {
        let elapsed = now.tick.since(last.tick);
        let is_stalled = elapsed > TURN + STALL;
        if !is_stalled && !now.is_stepped_since(last) {
            return;
        }
        tracing::warn!(
            event = "clock.mistrusted",
            held_up_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            wall_step_ms = now.wall_step_ms(last),
            "this process was held up or the clock was moved; what was in question is asked anew"
        );
        self.engine.handle(now, Event::Interrupted, actions);
        // Nobody listens any more only while the process ends.
        let _ = self.outside.mail.send(Mail::ClockStepped);
    }
}

impl Outside {
    pub(super) fn carry_out(&mut self, actions: &mut Vec<Action>) {
        for action in actions.drain(..) {
            match action {
                Action::Placed(slot, id) => {
                    self.write_latencies(self.clock.now());
                    let row = self.board.load().row(&id).cloned();
                    self.places.insert(slot, Place { id, row });
                }
                Action::Vacated(slot) => {
                    self.places.remove(&slot);
                }
                Action::Look(order) => self.look(order),
                Action::Commit(batch) => self.commit(batch),
                // The writer keeps the order of what it is given, so whatever is stored from now on comes after it.
                Action::Noted(incident, channel) => {
                    // Nobody listens any more only while the process ends.
                    let _ = self.mail.send(Mail::Noted(incident, channel));
                }
                Action::Looked(looked) => self.looked(looked),
                Action::Show(slot, facts) => {
                    if let Some(row) = self.places.get(&slot).and_then(|place| place.row.as_ref()) {
                        row.set_facts(*facts);
                    }
                }
                Action::ShowLog(slot, facts) => {
                    if let Some(row) = self.places.get(&slot).and_then(|place| place.row.as_ref()) {
                        row.set_log(facts);
                    }
                }
                Action::ShowRole(slot, facts) => {
                    if let Some(row) = self.places.get(&slot).and_then(|place| place.row.as_ref()) {
                        row.set_role(facts);
                    }
                }
                Action::ShowJob(slot, facts) => {
                    if let Some(row) = self.places.get(&slot).and_then(|place| place.row.as_ref()) {
                        row.set_job(facts);
                    }
                }
                Action::Heard(number) => {
                    // Nobody listens any more only while the process ends; then the call is not answered, and comes again.
                    let _ = self.committing.send(Committing::Heard(number));
                }
                Action::LookTrouble(why) => self.trouble(why.as_deref()),
                Action::AskWitnesses(order) => self.ask_witnesses(order),
                Action::Blind(blind) => self.blind(blind.as_ref()),
                Action::ShowAgenda(agenda) => self.board.load().agenda.store(agenda),
                Action::Answer(number, answer) => {
                    // Nobody listens any more only while the process ends.
                    let _ = self.committing.send(Committing::Answer(number, answer));
                }
                Action::Ordered(number, answer) => {
                    // Nobody listens any more only while the process ends.
                    let _ = self.committing.send(Committing::Ordered(number, answer));
                }
                Action::Reread(reread) => {
                    orders::reread(*reread, self.prober.clone(), self.events.clone());
                }
                Action::Run(run) => {
                    // Nobody listens any more only while the process ends; then it is not done.
                    let _ = self.committing.send(Committing::Run(run));
                }
            }
        }
    }

    fn look(&self, order: Order) {
        let (prober, events) = (self.prober.clone(), self.events.clone());
        let now = self.clock.now().tick;
        self.signs.began(now);
        self.metrics.look_began(now.since(order.planned));
        let metrics = Arc::clone(&self.metrics);
        let (clock, budgets) = (self.clock.clone(), Arc::clone(&self.budgets));
        tokio::spawn(async move {
            let Order {
                look,
                target,
                limit,
                is_fresh,
                ask,
                ..
            } = order;
            let ask = ask.unwrap_or_default();
            let freshness = if is_fresh {
                Freshness::Fresh
            } else {
                Freshness::AsConfigured
            };
            let question = &target.checks[usize::from(look.check)].question;
            let observation = if let Some(slo) = question.slo() {
                burning::look(look, slo, limit, &clock, budgets).await
            } else {
                prober
                    .look_with(look, question, limit, freshness, &ask)
                    .await
            };
            metrics.look_ended();
            // Nobody listens any more only while the process ends.
            let _ = events.send(Event::Observed(observation));
        });
    }

    fn ask_witnesses(&self, order: RoundOrder) {
        let (prober, events) = (self.prober.clone(), self.events.clone());
        tokio::spawn(async move {
            let round = prober.ask_witnesses(&order).await;
            // Nobody listens any more only while the process ends.
            let _ = events.send(Event::Witnessed(round));
        });
    }

    /// Shows on the board, in the log and in the metrics whether we see.
    fn blind(&self, blind: Option<&(Timestamp, String)>) {
        if let Some((_, why)) = blind {
            tracing::error!(
                event = "sight.lost",
                why,
                "no witness answers; nobody is accused of silence until one does"
            );
        } else {
            tracing::info!(event = "sight.regained", "witnesses answer again");
        }
        let board = self.board.load();
        if let (None, Some((_, since))) = (blind, &board.ourselves.load().blind) {
            self.metrics.was_blind(self.clock.now().at.since(*since));
        }
        board.ourselves.rcu(|ourselves| {
            let mut ourselves = (**ourselves).clone();
            ourselves.blind = blind.map(|(since, why)| (why.clone(), *since));
            ourselves
        });
    }

    fn commit(&self, batch: Arc<Batch>) {
        for transition in &batch.transitions {
            self.metrics.transition(transition.from, transition.to);
            tracing::info!(
                event = "target.transition",
                target = %transition.check.target,
                check = %transition.check.kind,
                from = %transition.from,
                to = %transition.to,
                rule = transition.reason.rule.as_str(),
                reason = %transition.reason.words,
                looks = transition.looks_of,
                incident = transition.incident.as_ref().map(tracing::field::display),
                "{} is {}", transition.check.target, transition.to,
            );
        }
        if !batch.lapses.is_empty() {
            self.board.load().ourselves.rcu(|ourselves| {
                let mut ourselves = (**ourselves).clone();
                batch.lapses.iter().for_each(|lapse| ourselves.note(lapse));
                ourselves
            });
        }
        let committed = self.writer.commit(Arc::clone(&batch));
        let done = async move {
            committed.await;
        };
        // Nobody listens any more only while the process ends; the writer has the batch by then.
        let _ = self
            .committing
            .send(Committing::Batch(Box::pin(done), batch));
    }

    /// Hands over what was counted of latencies: before a slot or a check means another one, and when it is due.
    fn write_latencies(&mut self, now: Moment) {
        if !self.counting.is_empty() {
            self.writer.note_latencies(self.counting.take(now));
        }
    }

    fn count(&mut self, now: Moment, observation: &Observation) {
        if self.counting.is_due(now) {
            self.writer.note_latencies(self.counting.take(now));
        }
        let row = self.places.get(&observation.look.slot);
        let check = row.and_then(|place| {
            let checks = &place.row.as_ref()?.target.checks;
            Some((place, checks.get(usize::from(observation.look.check))?))
        });
        if let Some((place, check)) = check {
            if is_timed(check.kind) {
                self.counting.add(observation, || CheckId {
                    target: place.id.clone(),
                    kind: check.kind,
                });
            }
            self.metrics
                .looked(check.kind, &observation.outcome, observation.took());
        }
        // Not being let in is an answer as well; only our own trouble shows nothing of the world.
        let is_own_trouble = matches!(
            &observation.outcome,
            Outcome::Unobservable(gap) if gap.kind.is_own()
        );
        if !is_own_trouble {
            self.signs.seen(observation.finished.tick);
        }
    }

    fn looked(&self, looked: Looked) {
        self.metrics.scheduler_lag(looked.late);
        if looked.is_overrun {
            self.metrics.overrun();
        }
        if let Some(row) = self
            .places
            .get(&looked.slot)
            .and_then(|place| place.row.as_ref())
            .filter(|_| !looked.is_own_trouble)
        {
            row.set_looked(looked.at, looked.took);
        }
    }

    fn replan(&mut self, board: &Arc<Board>) {
        for place in self.places.values_mut() {
            place.row = board.row(&place.id).cloned();
        }
        self.board.store(Arc::clone(board));
    }

    fn trouble(&self, why: Option<&str>) {
        let board = self.board.load();
        let since = self.clock.now().at;
        board.ourselves.rcu(|ourselves| {
            let mut ourselves = (**ourselves).clone();
            ourselves.look_trouble = why.map(|why| (why.to_owned(), since));
            ourselves
        });
    }
}
