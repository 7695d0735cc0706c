//! A script played in virtual time: the real engine decides, the real courier posts, and nothing leaves the stage.

mod carry;
mod deeds;
mod process;
mod surroundings;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use self::{deeds::Speaker, process::Process};
use super::{
    people,
    scenery::{Clocks, Scenery, Seen},
};
#[cfg(test)]
use crate::model::Batch;
use crate::{
    config::script::{ActionOutcome, Doing, Script},
    engine::{Engine, Event, Order, RereadAnswer},
    model::{
        ChannelName, Delivery, EntryKey, IncidentId, Kind, Moment, Observation, OnCallName, Phases,
        Plan, Severity, SourceName, TargetId, Tick, Timestamp, Verdict,
        action::{self, AttemptId, Ran},
        planned::{Answer, Asked},
        witness::Round,
    },
    store::{self, InMemory},
};

/// For so long before the script begins everything has been watched and was well.
pub const BEFORE: Duration = Duration::from_mins(10);

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
    /// What became of what people wanted done, in order.
    pub deeds: Vec<Deed>,
    /// What was touched of each file that is tested.
    pub coverage: Coverages,
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

/// Something that became of what people wanted done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deed {
    /// When, counted from the beginning.
    pub after: Duration,
    /// The place of its step in the script.
    pub step: Option<usize>,
    /// What hekate calls it.
    pub attempt: AttemptId,
    /// The action's key.
    pub action: String,
    /// To what.
    pub target: TargetId,
    /// What became of it.
    pub outcome: ActionOutcome,
    /// In words.
    pub words: String,
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
    /// What; absent = nothing, since nobody watches it any more.
    pub verdict: Option<Verdict>,
}

/// What scripts have touched of each file that is tested, by the file as it was named to us.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverages(BTreeMap<PathBuf, Coverage>);

impl Coverages {
    /// What was touched of a file, if anything was told by it.
    pub fn of(&self, file: &Path) -> Option<&Coverage> {
        self.0.get(file)
    }

    /// Takes in what another script has touched.
    pub fn join(&mut self, other: &Self) {
        for (file, coverage) in &other.0 {
            self.of_mut(file).join(coverage);
        }
    }

    fn of_mut(&mut self, file: &Path) -> &mut Coverage {
        self.0.entry(file.to_owned()).or_default()
    }
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
    /// hekate is started again after the step with this index.
    Start(usize),
    /// hekate notes that it lives.
    Alive,
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
    /// Somebody of a step says something about what they want done.
    Says {
        index: usize,
        order: action::Order,
        speaker: Speaker,
    },
    /// Who is active was looked at, right before something is done.
    Reread(RereadAnswer),
    /// An action was answered.
    Ran(Ran),
    /// A job runs, if its rhythm is still the one of these words.
    Run {
        target: TargetId,
        rhythm: String,
    },
}

impl Coming {
    /// Whether a process waits for it, so that nothing comes of it when the process has ended.
    const fn is_of_process(&self) -> bool {
        match self {
            Self::LookEnds { .. }
            | Self::SendEnds { .. }
            | Self::Witnesses { .. }
            | Self::Reread(_)
            | Self::Ran(_)
            | Self::Alive => true,
            Self::Step(_)
            | Self::Start(_)
            | Self::Says { .. }
            | Self::Beat { .. }
            | Self::Lines { .. }
            | Self::Run { .. } => false,
        }
    }
}

struct Stage<'a> {
    script: &'a Script,
    seed: u64,
    /// The file that is tested now, and what it says.
    file: PathBuf,
    plan: Arc<Plan>,
    /// hekate itself; absent while it is not running.
    process: Option<Process>,
    /// How often it was started.
    lives: u64,
    /// What outlives it.
    memory: InMemory,
    scenery: Scenery,
    /// Counted from the beginning of watching, which is earlier than that of the script.
    now: Duration,
    /// How far the clock of hekate's machine is ahead of all others, in milliseconds.
    ahead_ms: i64,
    coming: BTreeMap<(Duration, u64), Coming>,
    serial: u64,
    shown: HashMap<TargetId, Verdict>,
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
            seed,
            file: script.file.clone(),
            process: None,
            lives: 0,
            memory: process::all_well(&plan, began_at),
            scenery: Scenery::new(&plan, began_at),
            now: Duration::ZERO,
            ahead_ms: 0,
            coming: BTreeMap::new(),
            serial: 0,
            shown: HashMap::new(),
            incidents: HashMap::new(),
            played: Played::default(),
            #[cfg(test)]
            batches: Vec::new(),
            plan,
        };
        for (index, step) in script.steps.iter().enumerate() {
            stage.push(BEFORE + step.after, Coming::Step(index));
        }
        stage.plan_calls(None);
        stage.start();
        stage.tell_roles(|_| true);
        stage
    }

    /// What clocks show now.
    fn clocks(&self) -> Clocks {
        let world = self.script.starts_at - BEFORE + self.now;
        Clocks {
            world,
            ours: Timestamp::from_millis(world.as_millis().saturating_add(self.ahead_ms)),
        }
    }

    /// Now, as the process counts it.
    fn moment(&self) -> Moment {
        let born = self
            .process
            .as_ref()
            .map_or(self.now, |process| process.born);
        Moment {
            tick: Tick::ZERO + self.now.saturating_sub(born),
            at: self.clocks().ours,
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
            let process = self.process.as_ref();
            let deadline = |of: fn(&Process) -> Option<Tick>| {
                let process = process?;
                Some(process.born + of(process)?.since(Tick::ZERO))
            };
            let engine = deadline(|process| Engine::next_deadline(&process.engine));
            let courier = deadline(|process| process.courier.next_deadline());
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
                let now = self.moment();
                if let Some(process) = &mut self.process {
                    let steps = process.courier.delivered(now, &key, delivery);
                    self.steps(steps);
                }
            }
            Coming::Witnesses { number, count } => {
                let is_up = self.scenery.is_network_up();
                let answer = || is_up.then_some(()).ok_or_else(|| String::from("no answer"));
                let answers = (0..count).map(|_| answer()).collect();
                self.event(Event::Witnessed(Round { number, answers }));
            }
            Coming::Start(index) => {
                self.start();
                self.scenery.met.insert(index);
            }
            Coming::Alive => {
                self.memory.mark_alive(self.moment().at);
                self.push(self.now + store::ALIVE_EVERY, Coming::Alive);
            }
            Coming::Says {
                index,
                order,
                speaker,
            } => self.order(index, order, speaker),
            Coming::Reread(answer) => self.event(Event::Reread(answer)),
            Coming::Ran(ran) => self.event(Event::Ran(ran)),
            Coming::Beat { target, every } => self.beat_again(target, every),
            Coming::Lines { target, source } => self.lines_again(target, source),
            Coming::Run { target, rhythm } => self.run_again(target, rhythm),
        }
    }

    fn step(&mut self, index: usize) {
        let script = self.script;
        let doing = &script.steps[index].doing;
        let plan = Arc::clone(&self.plan);
        if self.process.is_none() {
            // That nobody sees it is what it is for.
            self.scenery.met.insert(index);
        }
        self.scenery.turn(&plan, self.clocks(), index, doing);
        match doing {
            Doing::Beats { target, .. } => self.beat(target),
            Doing::Active { .. } => self.tell_roles(|_| true),
            Doing::Command { words } => self.say(index, words),
            Doing::Action { words, .. } => self.ask(index, words),
            Doing::Restart { how, away } => self.end(index, *how, *away),
            Doing::Reload { file, plan } => self.reload(index, file, plan),
            Doing::Clock { by_ms } => self.move_clock(index, *by_ms),
            Doing::Answer { .. }
            | Doing::Log { .. }
            | Doing::Source { .. }
            | Doing::Channel { .. }
            | Doing::Run { .. }
            | Doing::OurNetwork { .. } => {}
        }
    }

    fn say(&mut self, index: usize, words: &str) {
        let at = self.moment().at;
        let understood = match &self.process {
            Some(process) => people::wish(&process.board, words, at),
            None => Err(String::from("hekate is not running")),
        };
        let words = match understood {
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
}
