//! The world in virtual time: one queue of what happens next, and a process that can be killed at any point.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use hekate::{
    engine::{Action, Engine, Event, Order, Settings},
    model::{
        Batch, Delivery, EntryKey, Extra, Family, Loaded, Moment, Observation, Phases, Plan,
        Target, TargetId, Tick, Timestamp, Verdict,
        logs::{LogAnswer, LogAsk, LogFault, LogFaultKind, Reading, Subject},
        plan::{Question, StoreSettings},
        planned::Window,
        witness::{Round, RoundOrder},
    },
    notify::courier::{Courier, Parcel, Step},
    store::Database,
};

use crate::{
    eyes::{self, Eyes},
    fleet, invariants,
    ledger::Ledger,
    parents::Dependencies,
    planned::Deed,
    receiver::Receiver,
    reference::{Chronicle, Look},
    trace::Trace,
    weather::{Noise, Sky, Weather},
};

/// Where the wall clock stands when a world begins: 2026-10-25 00:15 UTC. In Prague summer time ends 45 min later.
pub(crate) const GENESIS_MS: i64 = 1_792_887_300_000;

/// Whoever logs has written a line so long ago.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// What happens next.
#[derive(Debug)]
enum Coming {
    LookEnds {
        life: u32,
        order: Box<Order>,
        began: Duration,
        started: Moment,
        sky: Sky,
    },
    SendEnds {
        life: u32,
        key: EntryKey,
        delivery: Delivery,
    },
    RoundEnds {
        life: u32,
        round: Round,
    },
    Disturbance(Disturbance),
}

/// What befalls hekate itself.
#[derive(Clone, Debug)]
pub(crate) enum Disturbance {
    /// kill -9 and start again after this time.
    Kill(Duration),
    /// kill -9 right after the next so many commits: the commit is durable, nothing of it was sent.
    KillAfterCommits(u32),
    /// The process stands still for so long.
    Stall(Duration),
    /// The machine sleeps for so long: unlike in a stall, the monotonic clock stands still as well.
    Suspend(Duration),
    /// Somebody moves the wall clock by so many milliseconds.
    MoveClock(i64),
    /// The file changes to these targets.
    Reload(Vec<Target>),
    /// The file changes to all channels but these.
    LeaveOut(Vec<&'static str>),
    /// Somebody plans something, or takes something on.
    Deed(Deed),
}

pub(crate) struct World {
    disk: Disk,
    ledger: Ledger,
    engine: Option<Engine>,
    courier: Courier,
    targets: Vec<Target>,
    without: Vec<&'static str>,
    /// Channels that were not in the file at some time: what is meant for them may be told elsewhere.
    pub(crate) left_out: BTreeSet<&'static str>,
    pub(crate) now: Duration,
    /// When this life of the process began.
    born: Duration,
    /// For how long the machine has slept in this life.
    slept: Duration,
    life: u32,
    wall_moved_ms: i64,
    coming: BTreeMap<(Duration, u64), Coming>,
    serial: u64,
    pub(crate) weather: HashMap<TargetId, Weather>,
    pub(crate) eyes: Eyes,
    pub(crate) noise: Noise,
    pub(crate) receiver: Receiver,
    /// Times at which the process was not itself, with a margin: nothing can be promised of what happened then.
    pub(crate) disturbed: Vec<(Duration, Duration)>,
    kill_after_commits: Option<u32>,
    pub(crate) chronicle: Chronicle,
    pub(crate) checks: invariants::Running,
    pub(crate) trace: Trace,
    is_loud: bool,
    is_long: bool,
    /// What the file says beside the fleet.
    additions: Vec<fn(&mut Plan)>,
    /// The maintenance windows of the file.
    pub(crate) windows: Vec<Window>,
    /// Those whose trouble can wait.
    pub(crate) minor: Vec<&'static str>,
    /// Who depends on whom.
    pub(crate) dependencies: Dependencies,
    seed: u64,
}

/// Where what was committed is kept, beside the ledger.
enum Disk {
    /// The real store.
    Real {
        folder: tempfile::TempDir,
        database: Option<Box<Database>>,
    },
    /// Nowhere.
    None,
}

/// A folder that is fast to sync, if the machine has one.
fn scratch() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir()
        && let Ok(folder) = tempfile::tempdir_in(memory)
    {
        return folder;
    }
    tempfile::tempdir().expect("a scratch folder")
}

/// Whether the file leaves it at telling less of what flaps. Where every message is counted, it does not.
const fn is_damped(seed: u64, is_long: bool) -> bool {
    !is_long && !seed.is_multiple_of(4)
}

impl World {
    /// A world on the real store.
    pub(crate) fn new(seed: u64, targets: Vec<Target>) -> Self {
        let disk = Disk::Real {
            folder: scratch(),
            database: None,
        };
        Self::begin_on(disk, seed, targets, false)
    }

    /// A world that lasts for years: without a disk, every target is told by itself and of every change, and single looks are
    /// not written down.
    pub(crate) fn alone(seed: u64, targets: Vec<Target>) -> Self {
        Self::begin_on(Disk::None, seed, targets, true)
    }

    /// A world without a disk: what was committed is kept in memory alone.
    pub(crate) fn in_memory(seed: u64, targets: Vec<Target>) -> Self {
        Self::begin_on(Disk::None, seed, targets, false)
    }

    fn begin_on(disk: Disk, seed: u64, targets: Vec<Target>, is_long: bool) -> Self {
        let mut world = Self {
            disk,
            ledger: Ledger::default(),
            engine: None,
            courier: Courier::new(seed),
            targets,
            without: Vec::new(),
            left_out: BTreeSet::new(),
            now: Duration::ZERO,
            born: Duration::ZERO,
            slept: Duration::ZERO,
            life: 0,
            wall_moved_ms: 0,
            coming: BTreeMap::new(),
            serial: 0,
            weather: HashMap::new(),
            eyes: Eyes::default(),
            noise: Noise::default(),
            receiver: Receiver::default(),
            disturbed: Vec::new(),
            kill_after_commits: None,
            chronicle: Chronicle::of(is_damped(seed, is_long)),
            checks: invariants::Running::default(),
            trace: Trace::default(),
            is_loud: std::env::var_os("HEKATE_SIM_SEED").is_some(),
            is_long,
            additions: Vec::new(),
            windows: Vec::new(),
            minor: Vec::new(),
            dependencies: Dependencies::default(),
            seed,
        };
        world.start();
        world
    }

    fn settings(&self) -> StoreSettings {
        let path = match &self.disk {
            Disk::Real { folder, .. } => folder.path().join("store"),
            Disk::None => PathBuf::from("nowhere"),
        };
        StoreSettings {
            path,
            retention: Duration::from_hours(24 * 400),
        }
    }

    fn plan(&self) -> Plan {
        let mut plan = fleet::plan(
            &self.settings().path,
            self.targets.clone(),
            &self.without,
            !self.is_long,
            is_damped(self.seed, self.is_long),
        );
        for add in &self.additions {
            add(&mut plan);
        }
        plan.maintenance = self.windows.clone().into();
        self.dependencies.write(&mut plan);
        fleet::make_minor(&mut plan, &self.minor);
        plan
    }

    /// From now on, what can wait is told in the morning.
    pub(crate) fn let_sleep(&mut self) {
        self.additions.push(fleet::let_sleep);
        self.reload();
    }

    /// From now on, two of the targets hold up production, and of disasters somebody else hears as well.
    pub(crate) fn hold_production(&mut self) {
        self.additions.push(fleet::hold_production);
        self.reload();
    }

    pub(crate) fn moment(&self) -> Moment {
        let at = GENESIS_MS
            + i64::try_from(self.now.as_millis()).expect("a short world")
            + self.wall_moved_ms;
        Moment {
            tick: Tick::ZERO + self.now.saturating_sub(self.born + self.slept),
            at: Timestamp::from_millis(at),
        }
    }

    /// The world's time of a timestamp written while the clock was not moved.
    pub(crate) fn time_of(&self, at: Timestamp) -> Duration {
        at.since(Timestamp::from_millis(GENESIS_MS + self.wall_moved_ms))
    }

    pub(crate) fn verdict(&self, target: &TargetId) -> Option<Verdict> {
        self.engine
            .as_ref()
            .and_then(|engine| engine.verdict(target))
    }

    pub(crate) fn targets(&self) -> impl Iterator<Item = &TargetId> {
        self.targets.iter().map(|target| &target.id)
    }

    fn start(&mut self) {
        self.born = self.now;
        self.slept = Duration::ZERO;
        self.life += 1;
        let now = self.moment();
        let settings = self.settings();
        let loaded = self.ledger.loaded();
        if let Disk::Real { database, .. } = &mut self.disk {
            let (opened, found, notices) =
                Database::open(&settings, now.at).expect("the store opens");
            assert!(
                notices.is_empty(),
                "an orderly store has nothing to tell: {notices:?}"
            );
            assert_eq!(found, loaded, "the store remembers what was written");
            *database = Some(Box::new(opened));
        }
        self.checks.restarted(&loaded);
        // Whatever the process before said of its eyes, this one has said nothing yet.
        self.chronicle.sights.push((self.now, false));
        self.begin(loaded);
    }

    fn begin(&mut self, mut loaded: Loaded) {
        let now = self.moment();
        let plan = Arc::new(self.plan());
        let outbox = std::mem::take(&mut loaded.outbox);
        self.courier = Courier::new(self.seed ^ u64::from(self.life));
        self.courier.configure(now, &plan.channels, plan.ops());
        self.courier.restore(now, outbox);
        let settings = Settings {
            seed: self.seed.wrapping_add(u64::from(self.life)),
            looks_max: 64,
        };
        let (engine, actions) = Engine::start(plan, loaded, settings, now);
        self.engine = Some(engine);
        self.carry_out(actions);
        self.post();
    }

    fn push(&mut self, at: Duration, coming: Coming) {
        self.serial += 1;
        self.coming.insert((at, self.serial), coming);
    }

    /// Something will befall hekate.
    pub(crate) fn plan_disturbance(&mut self, at: Duration, disturbance: Disturbance) {
        self.push(at, Coming::Disturbance(disturbance));
    }

    pub(crate) fn weather(&mut self, target: &str, at: Duration, sky: Sky) {
        self.weather
            .entry(TargetId::new(target))
            .or_default()
            .turn(at, sky);
    }

    /// Whether our own network was well all that time, and a little before it.
    pub(crate) fn sees(&self, from: Duration, until: Duration) -> bool {
        let from = from.saturating_sub(Duration::from_mins(1));
        let mut troubles = self.eyes.troubles().into_iter();
        troubles.all(|(begin, end, _)| end < from || begin > until)
    }

    fn sky(&self, target: &TargetId, at: Duration) -> Sky {
        let sky = self
            .weather
            .get(target)
            .map_or(Sky::Fine, |weather| weather.at(at));
        let sky = self.noise.on(target, at, sky);
        sky.through(self.eyes.at(at))
    }

    /// Carries out the engine's actions; answers whether the process is still the same one.
    fn carry_out(&mut self, actions: Vec<Action>) -> bool {
        for action in actions {
            match action {
                Action::Look(order) => {
                    self.trace.look(self.now, order.look, order.limit);
                    let sky = self.sky(&order.target.id, self.now);
                    let (took, _) = sky.look(order.limit);
                    let ends = Coming::LookEnds {
                        life: self.life,
                        order: Box::new(order),
                        began: self.now,
                        started: self.moment(),
                        sky,
                    };
                    self.push(self.now + took, ends);
                }
                Action::Commit(batch) => {
                    if !self.commit(&batch) {
                        return false;
                    }
                    let now = self.moment();
                    for entry in &batch.entries {
                        self.courier.enqueue(now, entry.clone());
                    }
                }
                Action::Noted(incident, channel) => self.courier.noted(&incident, &channel),
                Action::AskWitnesses(order) => self.ask_witnesses(&order),
                Action::Blind(blind) => {
                    self.trace.add(&blind);
                    if self.is_loud {
                        println!("{:?} blind: {blind:?}", self.now);
                    }
                    self.chronicle.sights.push((self.now, blind.is_some()));
                    self.checks.sight(self.now, blind.is_some());
                }
                Action::Placed(..)
                | Action::Vacated(_)
                | Action::Looked(_)
                | Action::Show(..)
                | Action::ShowLog(..)
                | Action::ShowRole(..)
                | Action::ShowJob(..)
                | Action::Heard(_)
                | Action::LookTrouble(_)
                | Action::ShowAgenda(_)
                | Action::Ordered(..)
                | Action::Reread(_)
                | Action::Run(_) => {}
                Action::Answer(_, answer) => {
                    self.trace.add(&answer);
                    if self.is_loud {
                        println!("{:?} answers {answer:?}", self.now);
                    }
                    self.answered(&answer);
                }
            }
        }
        true
    }

    fn ask_witnesses(&mut self, order: &RoundOrder) {
        let net = self.eyes.at(self.now);
        if self.is_loud {
            println!("{:?} round {} under {net:?}", self.now, order.number);
        }
        let Some((took, answers)) = eyes::round(net, &order.witnesses) else {
            return;
        };
        let round = Round {
            number: order.number,
            answers,
        };
        let life = self.life;
        self.push(self.now + took, Coming::RoundEnds { life, round });
    }

    /// Makes a batch durable; answers false if the process was killed right after it.
    fn commit(&mut self, batch: &Arc<Batch>) -> bool {
        self.trace.add(batch);
        for transition in batch.transitions.iter().filter(|_| self.is_loud) {
            println!(
                "{:?} {} is {} because of {:?}, under {:?}",
                self.now,
                transition.check.target,
                transition.to,
                transition.reason,
                transition.proof.policy.count
            );
        }
        self.ledger.commit(batch);
        for planned in &batch.planned {
            self.chronicle.works.stored(self.now, planned);
        }
        if let Disk::Real { database, .. } = &mut self.disk {
            database
                .as_mut()
                .expect("a running process has a store")
                .commit(&[Arc::clone(batch)])
                .expect("the disk is well");
        }
        self.checks.committed(batch);
        for entry in &batch.entries {
            if self.is_loud && entry.held_until.is_some() {
                println!(
                    "{:?} {:?} waits until {:?}",
                    self.now, entry.key, entry.held_until
                );
            }
            self.chronicle.written(self.now, self.life, entry);
        }
        match &mut self.kill_after_commits {
            Some(1) => {
                self.kill_after_commits = None;
                self.kill(Duration::from_secs(2));
                false
            }
            Some(count) => {
                *count -= 1;
                true
            }
            None => true,
        }
    }

    /// Lets the courier do what it wants to do now.
    fn post(&mut self) {
        loop {
            let steps = self.courier.poll(self.moment());
            if steps.is_empty() {
                return;
            }
            if !self.steps(steps) {
                return;
            }
        }
    }

    fn steps(&mut self, steps: Vec<Step>) -> bool {
        for step in steps {
            match step {
                Step::Commit(batch) => {
                    if !self.commit(&Arc::new(batch)) {
                        return false;
                    }
                }
                Step::Send { mark, parcel } => {
                    if !self.commit(&Arc::new(mark)) {
                        return false;
                    }
                    self.send(&parcel);
                }
                Step::StandsIn {
                    incident, channel, ..
                } => {
                    if !self.event(Event::StoodIn(incident, channel)) {
                        return false;
                    }
                }
                Step::Report(_) => {}
            }
        }
        true
    }

    fn send(&mut self, parcel: &Parcel) {
        self.checks.sending(self.now, self.life, parcel);
        if self.is_loud {
            let keys: Vec<_> = parcel
                .entries
                .iter()
                .map(|entry| (&entry.key, &entry.instead_of))
                .collect();
            let kinds: Vec<_> = parcel
                .entries
                .iter()
                .map(|entry| (entry.kind, entry.story.to))
                .collect();
            println!("{:?} sends {keys:?} {kinds:?}", self.now);
        }
        let before = self.receiver.arrived.len();
        let can_send = self.eyes.at(self.now).sends();
        let (took, delivery) = self.receiver.take(self.now, parcel, can_send);
        self.trace.add(&(self.now, &parcel.channel, &delivery));
        if let Some(arrived) = self.receiver.arrived.get(before) {
            self.trace.add(arrived);
            let reader = match &self.disk {
                Disk::Real { database, .. } => database.as_ref().map(|it| it.reader()),
                Disk::None => None,
            };
            self.checks.arrived(arrived, reader.as_ref());
        }
        let ends = Coming::SendEnds {
            life: self.life,
            key: parcel.key.clone(),
            delivery,
        };
        self.push(self.now + took, ends);
    }

    pub(crate) fn event(&mut self, event: Event) -> bool {
        let now = self.moment();
        let mut actions = Vec::new();
        let Some(engine) = self.engine.as_mut() else {
            return false;
        };
        engine.handle(now, event, &mut actions);
        let is_same = self.carry_out(actions);
        self.checks.event(self.now);
        is_same
    }

    fn kill(&mut self, away: Duration) {
        self.disturbed.push((
            self.now.saturating_sub(Duration::from_mins(1)),
            self.now + away + Duration::from_mins(1),
        ));
        self.engine = None;
        if let Disk::Real { database, .. } = &mut self.disk {
            *database = None;
        }
        self.checks.killed();
        self.now += away;
        self.chronicle.voids.push(self.now);
        self.start();
    }

    fn disturb(&mut self, disturbance: Disturbance) {
        if self.is_loud {
            println!("{:?} {disturbance:.40?}", self.now);
        }
        match disturbance {
            Disturbance::Kill(away) => self.kill(away),
            Disturbance::KillAfterCommits(count) => self.kill_after_commits = Some(count.max(1)),
            Disturbance::Stall(length) => self.stand_still(length),
            Disturbance::Suspend(length) => {
                self.slept += length;
                self.chronicle.works.slept(self.now, length);
                self.stand_still(length);
            }
            Disturbance::MoveClock(by_ms) => {
                self.disturbed.push((
                    self.now.saturating_sub(Duration::from_mins(1)),
                    self.now + Duration::from_mins(2),
                ));
                self.wall_moved_ms += by_ms;
                self.chronicle.works.clock_moved(self.now, by_ms);
                self.chronicle.voids.push(self.now);
                self.interrupt();
            }
            Disturbance::Reload(targets) => {
                let is_left = |id: &TargetId| targets.iter().any(|target| target.id == *id);
                let gone = self.targets().filter(|id| !is_left(id)).cloned();
                let gone: Vec<_> = gone.map(|id| (self.now, id)).collect();
                self.chronicle.taken_out.extend(gone);
                self.targets = targets;
                self.reload();
            }
            Disturbance::LeaveOut(channels) => {
                self.left_out.extend(&channels);
                self.without = channels;
                self.reload();
            }
            Disturbance::Deed(deed) => self.carry_deed(deed),
        }
    }

    fn stand_still(&mut self, length: Duration) {
        self.disturbed.push((
            self.now.saturating_sub(Duration::from_mins(1)),
            self.now + length + Duration::from_mins(2),
        ));
        self.now += length;
        self.chronicle.voids.push(self.now);
        self.interrupt();
    }

    pub(crate) fn reload(&mut self) {
        self.chronicle.reloads.push(self.now);
        let plan = Arc::new(self.plan());
        let now = self.moment();
        if self.event(Event::Replanned(Arc::clone(&plan))) {
            self.courier.configure(now, &plan.channels, plan.ops());
        }
    }

    /// Lets time pass until `end`.
    pub(crate) fn run_until(&mut self, end: Duration) {
        if self.is_loud {
            println!("our network: {:?}", self.eyes.troubles());
        }
        loop {
            let began = self.born + self.slept;
            let tick = |tick: Tick| began + tick.since(Tick::ZERO);
            let engine = self
                .engine
                .as_ref()
                .and_then(Engine::next_deadline)
                .map(tick);
            let courier = self.courier.next_deadline().map(tick);
            let next = self.coming.keys().next().copied();
            let due = [engine, courier, next.map(|(at, _)| at)]
                .into_iter()
                .flatten()
                .min();
            let Some(due) = due.filter(|due| *due <= end) else {
                break;
            };
            self.now = self.now.max(due);
            if let Some(key) = next.filter(|(at, _)| *at <= due) {
                let coming = self.coming.remove(&key).expect("it was the first");
                self.happen(coming);
            } else if engine.is_some_and(|engine| engine <= due) {
                self.event(Event::Due);
            }
            self.post();
            self.checks.step(self.now, self.seed);
        }
        self.now = self.now.max(end);
    }

    /// It is noticed that time stood still or was moved.
    fn interrupt(&mut self) {
        self.event(Event::Interrupted);
        self.courier.clock_stepped(self.moment());
    }

    fn happen(&mut self, coming: Coming) {
        match coming {
            Coming::LookEnds {
                life,
                order,
                began,
                started,
                sky,
            } if life == self.life => {
                let (_, outcome) = sky.look(order.limit);
                let ask = order.ask.as_ref();
                let logs = ask.map(|ask| Box::new(Extra::Logs(self.logs(&order.target, ask))));
                if !self.is_long {
                    self.chronicle.look(Look {
                        target: order.target.id.clone(),
                        began,
                        ended: self.now,
                        sky,
                        is_regular: !order.is_fresh,
                        life,
                        policy: order.target.checks[0].policy.clone(),
                    });
                }
                let observation = Observation {
                    look: order.look,
                    started,
                    finished: self.moment(),
                    outcome,
                    status: None,
                    phases: Phases::default(),
                    family: Some(Family::Spring3),
                    detail: sky.detail(),
                    extra: logs.or_else(|| sky.extra()),
                };
                self.event(Event::Observed(observation));
            }
            Coming::SendEnds {
                life,
                key,
                delivery,
            } if life == self.life => {
                let steps = self.courier.delivered(self.moment(), &key, delivery);
                self.steps(steps);
            }
            Coming::RoundEnds { life, round } if life == self.life => {
                self.event(Event::Witnessed(round));
            }
            // The process that waited for it is dead.
            Coming::LookEnds { .. } | Coming::SendEnds { .. } | Coming::RoundEnds { .. } => {}
            Coming::Disturbance(disturbance) => self.disturb(disturbance),
        }
    }

    /// What a store of logs answers now. Whatever is refused or drips is dead and writes nothing.
    fn logs(&self, store: &Target, ask: &LogAsk) -> LogAnswer {
        let Question::LogStore(question) = &store.checks[0].question else {
            unreachable!("only stores are asked for logs")
        };
        if self.eyes.at(self.now).hides() {
            let fault = || LogFault::new(LogFaultKind::Unreachable, "no answer");
            return LogAnswer {
                sent: Some(Err(fault())),
                seen: Some(Err(fault())),
                statement: None,
                skew_ms: None,
                readings: question.subjects.iter().map(|_| Err(fault())).collect(),
            };
        }
        let newest = |subject: &Subject| {
            let weather = self.weather.get(&TargetId::new(subject.query.as_str()));
            let last = weather
                .filter(|weather| matches!(weather.at(self.now), Sky::Refused | Sky::Drip))
                .map_or(self.now, |weather| weather.since(self.now));
            let ago = self.now.saturating_sub(last) + LINE_EVERY;
            Reading {
                event: (ago < subject.lookback).then(|| self.moment().at - ago),
                ..Reading::default()
            }
        };
        LogAnswer {
            sent: Some(Ok(())),
            seen: Some(Ok(ask.unseen.iter().map(|mark| mark.number).collect())),
            statement: None,
            skew_ms: None,
            readings: question.subjects.iter().map(newest).map(Ok).collect(),
        }
    }

    /// What arrived since the last call, a line each.
    pub(crate) fn told(&mut self) -> String {
        let lines: Vec<_> = self
            .receiver
            .arrived
            .iter()
            .skip(self.checks.read)
            .map(|arrived| {
                format!(
                    "{} {}\n",
                    humantime::format_duration(Duration::from_secs(arrived.at.as_secs())),
                    arrived.line
                )
            })
            .collect();
        self.checks.read = self.receiver.arrived.len();
        lines.concat()
    }
}

/// Whoever looks into a failure can tell whether it is still the same world.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!(
                "HEKATE_SIM_SEED={} had done {:016x} by {:?}",
                self.seed,
                self.trace.value(),
                self.now
            );
        }
    }
}
