//! A script played in virtual time: the real engine decides, the real courier posts, and nothing leaves the stage.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{
    people, routing,
    scenery::{Scenery, Seen},
};
use crate::{
    config::script::{Doing, Script},
    engine::{Action, Engine, Event, Order, Settings, Trouble},
    model::{
        Batch, Board, ChannelName, CheckId, CheckRecord, Delivery, EntryKey, IncidentId, Kind,
        Loaded, Moment, Observation, OnCallName, Phases, Plan, Reason, Rule, Severity, Slot,
        SourceName, State, TargetId, Tick, Timestamp, Verdict,
        board::Facts,
        heartbeat::{News, Push},
        judgement::Good,
        logs::LogStore,
        notification::Entry,
        plan::Question,
        planned::{Answer, Asked},
        witness::Round,
    },
    notify::courier::{Courier, Parcel, Step},
    slack::message,
};

/// For so long before the script begins everything has been watched and was well.
pub const BEFORE: Duration = Duration::from_mins(10);
/// How often a log that is pushed says its newest line.
const PUSH_EVERY: Duration = Duration::from_secs(10);
/// How long witnesses take.
const WITNESSES_TAKE: Duration = Duration::from_millis(30);
/// How many looks may be in flight; as many as in a real process of a usual machine.
const LOOKS_MAX: usize = 256;

/// What came of a script.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// Every message that arrived, in order.
    pub messages: Vec<Message>,
    /// Every change of what is shown of a target, in order, those before the beginning at 0.
    pub states: Vec<Shown>,
    /// The steps that anything came of, by their place in the script.
    pub met: BTreeSet<usize>,
    /// What people said and nothing was done about.
    pub refused: Vec<Refusal>,
    /// What was touched.
    pub coverage: Coverage,
    /// How many looks were made.
    pub looks: u64,
}

/// A message that arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// When, counted from the beginning; of what was told before it, 0.
    pub after: Duration,
    /// Whether it came before the beginning.
    pub is_early: bool,
    /// Where.
    pub channel: ChannelName,
    /// What it is for; several if it tells several things at once.
    pub kinds: Vec<Kind>,
    /// Who is mentioned.
    pub mention: Option<OnCallName>,
    /// Its incident; of several the newest.
    pub incident: IncidentId,
    /// Whom it is about.
    pub targets: BTreeSet<TargetId>,
    /// All of it in words.
    pub text: String,
}

/// Something that people said and nothing was done about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The place of its step in the script.
    pub step: usize,
    /// Why, in one sentence without a full stop.
    pub words: String,
}

/// What is shown of a target from now on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// When, counted from the beginning.
    pub after: Duration,
    /// Of whom.
    pub target: TargetId,
    /// What.
    pub verdict: Verdict,
}

/// What scripts have touched: that of which people were told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    /// Routes that decided, by their place in [`Plan::routes`].
    pub routes: BTreeSet<usize>,
    /// States that were told.
    pub states: BTreeSet<Verdict>,
    /// Severities of what was told.
    pub severities: BTreeSet<Severity>,
    /// Targets of which anything was told.
    pub targets: BTreeSet<TargetId>,
}

impl Coverage {
    /// Takes in what another script has touched.
    pub fn join(&mut self, other: &Self) {
        self.routes.extend(&other.routes);
        self.states.extend(&other.states);
        self.severities.extend(&other.severities);
        self.targets.extend(other.targets.iter().cloned());
    }
}

/// Plays a script to its end. The same script and seed always come to the same; another seed draws other moments for the
/// looks, as another day would.
pub fn play(script: &Script, seed: u64) -> Played {
    let mut stage = Stage::set(script, seed);
    stage.run();
    let mut played = stage.played;
    played.met = stage.scenery.met;
    played
}

/// Plays a script and gives back what would have been stored.
#[cfg(test)]
pub(super) fn recorded(script: &Script, seed: u64) -> Vec<Batch> {
    let mut stage = Stage::set(script, seed);
    stage.run();
    stage.batches
}

/// What comes next.
#[derive(Debug)]
enum Coming {
    Step(usize),
    LookEnds {
        order: Box<Order>,
        started: Moment,
        seen: Box<Seen>,
    },
    SendEnds {
        key: EntryKey,
        delivery: Delivery,
    },
    Witnesses {
        number: u64,
        count: usize,
    },
    Beat {
        target: TargetId,
        every: Duration,
    },
    Lines {
        target: TargetId,
        source: SourceName,
    },
}

struct Stage<'a> {
    script: &'a Script,
    plan: Arc<Plan>,
    engine: Option<Engine>,
    courier: Courier,
    scenery: Scenery,
    /// Counted from the beginning of watching, which is earlier than that of the script.
    now: Duration,
    coming: BTreeMap<(Duration, u64), Coming>,
    serial: u64,
    slots: HashMap<Slot, TargetId>,
    shown: HashMap<TargetId, Verdict>,
    /// What people see, and mean by what they say.
    board: Board,
    incidents: HashMap<IncidentId, BTreeSet<TargetId>>,
    played: Played,
    #[cfg(test)]
    batches: Vec<Batch>,
}

impl<'a> Stage<'a> {
    fn set(script: &'a Script, seed: u64) -> Self {
        let plan = Arc::clone(&script.plan);
        let began_at = script.starts_at - BEFORE;
        let mut stage = Self {
            script,
            engine: None,
            courier: Courier::new(seed),
            scenery: Scenery::new(&plan, began_at),
            now: Duration::ZERO,
            coming: BTreeMap::new(),
            serial: 0,
            slots: HashMap::new(),
            shown: HashMap::new(),
            board: Board::of(&plan, began_at, None),
            incidents: HashMap::new(),
            played: Played::default(),
            #[cfg(test)]
            batches: Vec::new(),
            plan: Arc::clone(&plan),
        };
        for (index, step) in script.steps.iter().enumerate() {
            stage.push(BEFORE + step.after, Coming::Step(index));
        }
        stage.plan_calls();
        let now = stage.moment();
        stage.courier.configure(now, &plan.channels, plan.ops());
        let settings = Settings {
            seed,
            looks_max: LOOKS_MAX,
        };
        let loaded = all_well(&plan, began_at);
        let (engine, actions) = Engine::start(Arc::clone(&plan), loaded, settings, now);
        stage.engine = Some(engine);
        stage.carry_out(actions);
        stage.post();
        stage.tell_roles();
        stage
    }

    /// Plans what comes in from outside by itself: beats, and lines that shippers push.
    fn plan_calls(&mut self) {
        let plan = Arc::clone(&self.plan);
        for target in &plan.targets {
            for check in &target.checks {
                if let Question::Heartbeat(question) = &check.question {
                    // One beat comes exactly at the beginning of the script.
                    let every = question.every;
                    let mut first = BEFORE;
                    while first > every {
                        first -= every;
                    }
                    let target = target.id.clone();
                    self.push(first, Coming::Beat { target, every });
                }
                if let Question::LogStore(question) = &check.question
                    && matches!(question.source.store, LogStore::Push { .. })
                {
                    let target = target.id.clone();
                    let source = question.source.name.clone();
                    self.push(Duration::ZERO, Coming::Lines { target, source });
                }
            }
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            tick: Tick::ZERO + self.now,
            at: self.script.starts_at - BEFORE + self.now,
        }
    }

    /// The time of the script.
    fn after(&self) -> Duration {
        self.now.saturating_sub(BEFORE)
    }

    fn push(&mut self, at: Duration, coming: Coming) {
        self.serial += 1;
        self.coming.insert((at, self.serial), coming);
    }

    fn run(&mut self) {
        let end = BEFORE + self.script.ends_after;
        loop {
            let since_start = |tick: Tick| tick.since(Tick::ZERO);
            let engine = self.engine.as_ref().and_then(Engine::next_deadline);
            let engine = engine.map(since_start);
            let courier = self.courier.next_deadline().map(since_start);
            let next = self.coming.first_key_value().map(|((at, _), _)| *at);
            let due = [engine, courier, next].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= end) else {
                break;
            };
            self.now = self.now.max(due);
            if next.is_some_and(|at| at <= due) {
                if let Some((_, coming)) = self.coming.pop_first() {
                    self.happen(coming);
                }
            } else if engine.is_some_and(|engine| engine <= due) {
                self.event(Event::Due);
            }
            self.post();
        }
    }

    fn happen(&mut self, coming: Coming) {
        match coming {
            Coming::Step(index) => self.step(index),
            Coming::LookEnds {
                order,
                started,
                seen,
            } => {
                let observation = Observation {
                    look: order.look,
                    started,
                    finished: self.moment(),
                    outcome: seen.outcome,
                    status: seen.status,
                    phases: Phases::default(),
                    family: seen.family,
                    detail: None,
                    extra: seen.extra,
                };
                self.event(Event::Observed(observation));
            }
            Coming::SendEnds { key, delivery } => {
                let steps = self.courier.delivered(self.moment(), &key, delivery);
                self.steps(steps);
            }
            Coming::Witnesses { number, count } => {
                let is_up = self.scenery.is_network_up();
                let answer = || is_up.then_some(()).ok_or_else(|| String::from("no answer"));
                let answers = (0..count).map(|_| answer()).collect();
                self.event(Event::Witnessed(Round { number, answers }));
            }
            Coming::Beat { target, every } => {
                self.beat(&target);
                self.push(self.now + every, Coming::Beat { target, every });
            }
            Coming::Lines { target, source } => {
                self.lines(&target, &source);
                self.push(self.now + PUSH_EVERY, Coming::Lines { target, source });
            }
        }
    }

    fn step(&mut self, index: usize) {
        let doing = &self.script.steps[index].doing;
        let now = self.moment();
        let plan = Arc::clone(&self.plan);
        self.scenery.turn(&plan, now, index, doing);
        match doing {
            Doing::Beats { target, .. } => self.beat(target),
            Doing::Active { .. } => self.tell_roles(),
            Doing::Command { words } => self.say(index, words),
            Doing::Answer { .. }
            | Doing::Log { .. }
            | Doing::Source { .. }
            | Doing::Channel { .. }
            | Doing::OurNetwork { .. } => {}
        }
    }

    fn say(&mut self, index: usize, words: &str) {
        let words = match people::wish(&self.board, words, self.moment().at) {
            Ok(wish) => {
                self.event(Event::Planned(Asked {
                    number: index as u64,
                    wish,
                    by: people::somebody(),
                }));
                return;
            }
            Err(words) => words,
        };
        self.scenery.met.insert(index);
        self.played.refused.push(Refusal { step: index, words });
    }

    /// What became of what people said.
    fn answered(&mut self, number: u64, answer: Answer) {
        let step = usize::try_from(number).unwrap_or(usize::MAX);
        self.scenery.met.insert(step);
        if let Err(refused) = answer {
            let words = refused.words;
            self.played.refused.push(Refusal { step, words });
        }
    }

    fn beat(&mut self, target: &TargetId) {
        if let Some(news) = self.scenery.beat(target) {
            let target = target.clone();
            self.event(Event::Pushed(Push { target, news }));
        }
    }

    fn lines(&mut self, target: &TargetId, source: &SourceName) {
        if !self.scenery.is_network_up() {
            return;
        }
        let plan = Arc::clone(&self.plan);
        let now = self.moment().at;
        let stores = plan.targets.iter().filter(|known| known.id == *target);
        for check in stores.flat_map(|target| &target.checks) {
            let Question::LogStore(question) = &check.question else {
                continue;
            };
            for subject in &question.subjects {
                let Some((newest, lag)) = self.scenery.newest(source, subject, now) else {
                    continue;
                };
                let push = Push {
                    target: target.clone(),
                    news: News::Line {
                        query: subject.query.clone(),
                        written_at: Some(newest),
                        lag: Some(lag),
                    },
                };
                self.event(Event::Pushed(push));
            }
        }
    }

    /// Where whoever deploys says who is active, they say it.
    fn tell_roles(&mut self) {
        let plan = Arc::clone(&self.plan);
        for check in plan.targets.iter().flat_map(|target| &target.checks) {
            if let Question::Roles(roles) = &check.question
                && let Some(active) = self.scenery.the_active(roles)
            {
                self.event(Event::RoleSaid(roles.group.clone(), active.to_owned()));
            }
        }
    }

    fn event(&mut self, event: Event) {
        let now = self.moment();
        let mut actions = Vec::new();
        if let Some(engine) = &mut self.engine {
            engine.handle(now, event, &mut actions);
        }
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Placed(slot, target) => {
                    self.slots.insert(slot, target);
                }
                Action::Look(order) => {
                    let started = self.moment();
                    let seen = Box::new(self.scenery.look(&order, started));
                    self.played.looks += 1;
                    let ends = Coming::LookEnds {
                        order: Box::new(order),
                        started,
                        seen,
                    };
                    let took = if let Coming::LookEnds { seen, .. } = &ends {
                        seen.took
                    } else {
                        Duration::ZERO
                    };
                    self.push(self.now + took, ends);
                }
                Action::Commit(batch) => self.commit(&batch),
                Action::Noted(incident, channel) => self.courier.noted(&incident, &channel),
                Action::Show(slot, facts) => self.show(slot, *facts),
                Action::Answer(number, answer) => self.answered(number, *answer),
                Action::AskWitnesses(order) => {
                    let ends = Coming::Witnesses {
                        number: order.number,
                        count: order.witnesses.len(),
                    };
                    self.push(self.now + WITNESSES_TAKE, ends);
                }
                Action::Vacated(_)
                | Action::Looked(_)
                | Action::ShowLog(..)
                | Action::ShowRole(..)
                | Action::LookTrouble(_)
                | Action::ShowAgenda(_)
                | Action::Blind(_) => {}
            }
        }
    }

    fn show(&mut self, slot: Slot, facts: Facts) {
        let Some(target) = self.slots.get(&slot) else {
            return;
        };
        let verdict = facts.verdict;
        if let Some(row) = self.board.row(target) {
            row.set_facts(facts);
        }
        if self.shown.insert(target.clone(), verdict) != Some(verdict) {
            let target = target.clone();
            let after = self.after();
            self.played.states.push(Shown {
                after,
                target,
                verdict,
            });
        }
    }

    /// Everything is durable at once here; a store that is slow is not what a script is about.
    fn commit(&mut self, batch: &Batch) {
        #[cfg(test)]
        self.batches.push(batch.clone());
        for incident in &batch.incidents {
            let targets = incident.targets.iter().cloned().collect();
            self.incidents.insert(incident.id.clone(), targets);
        }
        let now = self.moment();
        for entry in &batch.entries {
            self.cover(entry);
            self.courier.enqueue(now, entry.clone());
        }
    }

    /// Notes what a new telling touched.
    fn cover(&mut self, entry: &Entry) {
        if !matches!(entry.kind, Kind::Opened | Kind::Changed) {
            return;
        }
        let verdict = entry.story.to;
        let coverage = &mut self.played.coverage;
        let about = self.incidents.get(&entry.key.incident);
        for id in about.into_iter().flatten() {
            let Some(target) = self.plan.targets.iter().find(|known| known.id == *id) else {
                continue;
            };
            let trace = routing::trace(&self.plan, target, verdict, entry.story.role, None);
            coverage.routes.extend(trace.decision.routes);
            coverage.states.insert(verdict);
            coverage.severities.insert(target.severity);
            coverage.targets.insert(id.clone());
        }
    }

    /// Lets the courier do what it wants to do now.
    fn post(&mut self) {
        loop {
            let steps = self.courier.poll(self.moment());
            if steps.is_empty() {
                return;
            }
            self.steps(steps);
        }
    }

    fn steps(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Commit(_) => {}
                Step::Send { parcel, .. } => self.send(&parcel),
                Step::StandsIn {
                    incident, channel, ..
                } => self.event(Event::StoodIn(incident, channel)),
                Step::Report(trouble) => {
                    let notice = trouble.notice();
                    self.event(Event::Troubled(Trouble {
                        key: notice.key,
                        is_over: notice.is_over,
                        title: notice.title,
                        words: notice.words,
                        not_to: notice.not_to,
                    }));
                }
            }
        }
    }

    fn send(&mut self, parcel: &Parcel) {
        let (took, delivery) = self.scenery.send(&parcel.channel);
        if delivery == Delivery::Accepted {
            let newest = parcel.newest();
            let about = |entry: &Entry| {
                let of_incident = self.incidents.get(&entry.key.incident).cloned();
                of_incident.unwrap_or_else(|| entry.story.target.iter().cloned().collect())
            };
            let message = Message {
                after: self.after(),
                is_early: self.now < BEFORE,
                channel: parcel.channel.clone(),
                kinds: parcel.entries.iter().map(|entry| entry.kind).collect(),
                mention: newest.mention.clone(),
                incident: newest.key.incident.clone(),
                targets: parcel.entries.iter().flat_map(about).collect(),
                text: message::of_parcel(&self.plan, parcel, self.moment().at)
                    .text()
                    .to_owned(),
            };
            self.played.messages.push(message);
        }
        let key = parcel.key.clone();
        self.push(self.now + took, Coming::SendEnds { key, delivery });
    }
}

/// The memory of one who has watched everything for a day, and all was well.
fn all_well(plan: &Plan, now: Timestamp) -> Loaded {
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
    Loaded {
        checks: checks.collect(),
        ..Loaded::default()
    }
}
