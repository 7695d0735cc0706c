//! Event in, actions out: the heart, pure and synchronous.
//!
//! [`Engine::handle`] is told what happened and when, and answers with everything that is to be done, in order. It reads
//! no clock, opens no file or socket, and the only chance in it comes from the seed it was made with; so the simulation
//! in the tests runs exactly what runs in production. [`Event`] is the closed list of all that can wake hekate, and
//! [`Action`] the closed list of all that it can do.

mod account;
mod act;
mod blindness;
mod budget;
mod claim;
mod correlate;
mod disaster;
mod facts;
mod flapping;
mod heartbeat;
mod hold;
mod job;
mod lapse;
mod logs;
mod look;
mod mark;
mod noted;
mod parents;
mod planned;
mod quiet;
mod released;
mod remind;
mod replan;
mod roles;
mod shift;
mod shortfall;
mod story;
mod swap;
mod tell;
mod trouble;
mod unreadable;
mod watched;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    model::{
        Batch, ChannelName, CheckRecord, GroupName, Incident, IncidentId, Loaded, LookId, Moment,
        Observation, Plan, Slot, Target, TargetId, Tick, Timestamp, Verdict,
        action::{Answered, Ongoing, Ordered, Ran},
        board::{Facts, LogFacts},
        heartbeat::Push,
        job::{JobFacts, Ping},
        logs::LogAsk,
        plan::Parent,
        planned::{Agenda, Answer, Asked},
        roles::RoleFacts,
        witness::{Round, RoundOrder},
    },
    schedule::{Due, EARLIEST, Schedule, phase},
};
pub use act::{Reread, RereadAnswer, Run};
use disaster::Production;
pub(crate) use shift::{PAST_FOR, PAST_MAX};
use watched::Watched;

/// Not-up targets are looked at within this time after a start, however long their interval is.
const FIRST_LOOK_OF_BAD: Duration = Duration::from_secs(10);
/// Having been away for longer than this is told to `ops`.
const AWAY_TOLD_OVER: Duration = Duration::from_mins(2);

/// All that can wake hekate.
#[derive(Debug)]
pub enum Event {
    /// Time has passed, and a deadline may have come.
    Due,
    /// A look came back.
    Observed(Observation),
    /// The file changed and is good.
    Replanned(Arc<Plan>),
    /// The process stood still, or somebody moved the clock: nothing that was in question can be trusted.
    Interrupted,
    /// Somebody called: a sign of life of a target, or the newest line of a log.
    Pushed(Push),
    /// A job called; answered by an [`Action::Heard`] with the same number.
    Pinged(u64, TargetId, Ping),
    /// Something of our own is broken, or works again.
    Troubled(Trouble),
    /// A channel is to hear of an incident in place of another one, so it has to hear of the end as well.
    StoodIn(IncidentId, ChannelName),
    /// Somebody who deploys says who of a group is active.
    RoleSaid(GroupName, String),
    /// A store that could not be read at the start can be read now, and this was in it all along.
    Found(Box<Loaded>),
    /// What the witnesses said, all of them asked at once.
    Witnessed(Round),
    /// Somebody wishes something to be planned or taken on; answered by an [`Action::Answer`].
    Planned(Asked),
    /// Somebody wants something done to a target; answered by an [`Action::Ordered`].
    Ordered(Ordered),
    /// Who is active, read right before something is done.
    Reread(RereadAnswer),
    /// How far doing something has come.
    Ongoing(Ongoing),
    /// How doing something ended.
    Ran(Ran),
    /// What was over before this process began, the newest first; asked of the store at the start.
    Recalled(Vec<Incident>),
    /// Somebody said what an incident that is over was worth: the incident as it was stored, with its mark.
    Marked(Box<Incident>),
    /// The end: remember what is worth it.
    Stop,
}

/// All that hekate can do.
#[derive(Debug)]
pub enum Action {
    /// A target has a place in memory from now on.
    Placed(Slot, TargetId),
    /// A place in memory is empty from now on.
    Vacated(Slot),
    /// Look at something.
    Look(Order),
    /// Store this; when it is stored, its outbox entries may be sent.
    Commit(Arc<Batch>),
    /// That this channel has to hear of the end of this incident is in what was to be stored before.
    Noted(IncidentId, ChannelName),
    /// A look was taken in; for metrics and the age of the evidence.
    Looked(Looked),
    /// What is known of a target changed.
    Show(Slot, Box<Facts>),
    /// What is known of a target's log.
    ShowLog(Slot, Arc<LogFacts>),
    /// What is known of a target's role; absent when it has none any more.
    ShowRole(Slot, Option<Arc<RoleFacts>>),
    /// Looks say nothing because of our own trouble (why), or do again.
    LookTrouble(Option<String>),
    /// Ask the witnesses, all at once; the answer is an [`Event::Witnessed`] with the same number.
    AskWitnesses(RoundOrder),
    /// We see nothing (since when, and why), or see again.
    Blind(Option<(Timestamp, String)>),
    /// What is planned.
    ShowAgenda(Arc<Agenda>),
    /// What is known of a job.
    ShowJob(Slot, Arc<JobFacts>),
    /// The call of a job with this number was taken in; what it changed is stored first.
    Heard(u64),
    /// What became of the wish with this number; whatever was to be stored before is stored first.
    Answer(u64, Box<Answer>),
    /// What became of the order with this number; whatever was to be stored before is stored first.
    Ordered(u64, Box<Answered>),
    /// Read who is active; the answer is an [`Event::Reread`].
    Reread(Box<Reread>),
    /// Do this as soon as whatever was to be stored before is stored; the answer is an [`Event::Ran`].
    Run(Box<Run>),
}

/// One look to be made.
#[derive(Clone, Debug)]
pub struct Order {
    /// Which look it is; the observation has to carry it.
    pub look: LookId,
    /// When it was to start.
    pub planned: Tick,
    /// Whom to ask; the check is the one at [`LookId::check`].
    pub target: Arc<Target>,
    /// When to give up.
    pub limit: Duration,
    /// Whether to ask over a new connection whatever the file says.
    pub is_fresh: bool,
    /// What to ask beside the question itself, in a round of a store of logs.
    pub ask: Option<Box<LogAsk>>,
}

/// What a look meant for the numbers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Looked {
    /// Whose look it was.
    pub slot: Slot,
    /// When it was finished.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// How much later than planned it started.
    pub late: Duration,
    /// `healthy`, `degraded`, `unhealthy` or `unobservable`.
    pub result: &'static str,
    /// Whether it ran into the time of the next regular look.
    pub is_overrun: bool,
    /// Whether it met nothing but our own trouble, so that what is known is as old as before.
    pub is_own_trouble: bool,
}

/// Something of our own that is broken, or works again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// Names it, so that it is told once: `store`, `config`, `channel core_alerts`, …
    pub key: String,
    /// Whether it is over.
    pub is_over: bool,
    /// One clause, ours: `the store cannot be written`.
    pub title: String,
    /// What happened, in one clause; may be foreign.
    pub words: String,
    /// A channel that cannot be told, because it is the trouble.
    pub not_to: Option<ChannelName>,
}

/// What an engine is made with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The only source of chance.
    pub seed: u64,
    /// How many looks may be in flight at once.
    pub looks_max: usize,
}

/// The heart.
#[derive(Debug)]
pub struct Engine {
    plan: Arc<Plan>,
    watched: Vec<Option<Box<Watched>>>,
    index: HashMap<TargetId, Slot>,
    groups: HashMap<GroupName, Vec<Slot>>,
    /// How the groups do that hold up production.
    production: Production,
    /// Who is asked at which host.
    hosts: HashMap<String, Vec<Slot>>,
    /// Who depends on what.
    children: HashMap<Parent, Vec<Slot>>,
    schedule: Schedule,
    wakes: BTreeSet<(Tick, Slot)>,
    incidents: u64,
    looks: u64,
    void_below: u64,
    blind: look::Blind,
    troubles: VecDeque<String>,
    stalling: trouble::Stalling,
    chance: StdRng,
    readers: logs::Readers,
    role_book: roles::RoleBook,
    lookout: blindness::Lookout,
    commons: correlate::Commons,
    plans: planned::Plans,
    acts: act::Acts,
    shifts: shift::Shifts,
    releases: released::Releases,
    unclaimed: claim::Unclaimed,
    /// Who was told by itself lately, and when.
    recent: VecDeque<(Slot, Tick)>,
    /// When this process began to look, or to look again.
    looking_since: Timestamp,
    /// Times in which nobody was listening to jobs, oldest first.
    deafness: VecDeque<(Timestamp, Timestamp)>,
    /// When this process began.
    began: Timestamp,
    /// When it was last told anything: since then nobody listened, if this process stood still.
    handled: Moment,
}

impl Engine {
    /// An engine that continues where `loaded` ended; says what to do first.
    ///
    /// Entries of `loaded.outbox` are not its business: they go straight to the courier.
    pub fn start(
        plan: Arc<Plan>,
        loaded: Loaded,
        settings: Settings,
        now: Moment,
    ) -> (Self, Vec<Action>) {
        let mut engine = Self {
            plan,
            watched: Vec::new(),
            index: HashMap::new(),
            groups: HashMap::new(),
            production: Production::default(),
            hosts: HashMap::new(),
            children: HashMap::new(),
            schedule: Schedule::new(settings.looks_max),
            wakes: BTreeSet::new(),
            incidents: loaded.incidents.max(number_of(now.at)),
            looks: 0,
            void_below: 0,
            blind: look::Blind::default(),
            troubles: VecDeque::new(),
            stalling: trouble::Stalling::default(),
            chance: StdRng::seed_from_u64(settings.seed),
            readers: logs::Readers::default(),
            role_book: roles::RoleBook::default(),
            lookout: blindness::Lookout::default(),
            commons: correlate::Commons::default(),
            plans: planned::Plans::default(),
            acts: act::Acts::default(),
            shifts: shift::Shifts::default(),
            releases: released::Releases::default(),
            unclaimed: claim::Unclaimed::default(),
            recent: VecDeque::new(),
            looking_since: now.at,
            deafness: VecDeque::new(),
            began: now.at,
            handled: now,
        };
        let mut actions = Vec::new();
        engine.restore_shifts(now, loaded.last_at);
        engine.note_lapses(&loaded.lapses);
        engine.restore(loaded, now, &mut actions);
        engine.note_deafness(&actions);
        // Stored before anything else, as ever.
        let mut first = Vec::new();
        engine.turn_shifts(now, &mut first);
        actions.splice(0..0, first);
        engine.show_agenda(now, &mut actions);
        engine.look_out(now, &mut actions);
        engine.dispatch(now, &mut actions);
        engine.complete(now, &mut actions);
        (engine, actions)
    }

    /// Takes in what happened and says what to do, in order.
    ///
    /// `now` must not run backwards from call to call.
    pub fn handle(&mut self, now: Moment, event: Event, actions: &mut Vec<Action>) {
        let is_interrupted = matches!(event, Event::Interrupted);
        if is_interrupted {
            self.forget_sight();
        }
        // Before anything later is written, so that it shows afterwards whether it was told.
        self.turn_shifts(now, actions);
        self.turn_plans(now, is_interrupted, actions);
        self.turn_releases(now, actions);
        match event {
            Event::Due => self.wake(now, actions),
            Event::Observed(observation) => self.observed(now, observation, actions),
            Event::Replanned(plan) => self.replan(now, &plan, actions),
            Event::Interrupted => self.interrupted(now, actions),
            Event::Pushed(push) => self.pushed(now, push, actions),
            Event::Pinged(number, target, ping) => {
                self.pinged(now, &target, &ping, actions);
                actions.push(Action::Heard(number));
            }
            Event::Troubled(trouble) => self.troubled(now, trouble, actions),
            Event::StoodIn(incident, channel) => {
                self.stood_in(now, &incident, &channel, actions);
                actions.push(Action::Noted(incident, channel));
            }
            Event::RoleSaid(group, instance) => self.role_said(now, &group, &instance, actions),
            Event::Found(found) => self.found(now, *found, actions),
            Event::Witnessed(round) => self.witnessed(now, &round, actions),
            Event::Planned(asked) => self.asked(now, asked, actions),
            Event::Ordered(ordered) => self.ordered(now, ordered, actions),
            Event::Reread(answer) => self.reread(now, &answer, actions),
            Event::Ongoing(ongoing) => self.ongoing(now, ongoing, actions),
            Event::Ran(ran) => self.ran(now, ran, actions),
            Event::Recalled(incidents) => self.recalled(&incidents),
            Event::Marked(incident) => Self::marked(now, *incident, actions),
            Event::Stop => self.stop(now, actions),
        }
        self.turn_acts(now, actions);
        self.end_stalling(now, actions);
        self.handled = now;
        self.tell_common(now, actions);
        self.show_agenda(now, actions);
        self.complete(now, actions);
        let completed = actions.len();
        self.note_deafness(actions);
        self.look_out(now, actions);
        self.dispatch(now, actions);
        // What waited for witnesses may have been decided just now.
        self.complete(now, &mut actions[completed..]);
        self.note_pasts(now, actions);
        self.note_changes(actions);
    }

    /// Adds to what is to be stored what only shows when it is known who is told.
    fn complete(&mut self, now: Moment, actions: &mut [Action]) {
        self.claim(actions);
        self.count_told(now, actions);
        self.quieten(now, actions);
    }

    /// When [`Event::Due`] is wanted next.
    pub fn next_deadline(&self) -> Option<Tick> {
        let wake = self.wakes.first().map(|(tick, _)| *tick);
        let deadlines = [
            self.schedule.next_deadline(),
            wake,
            self.next_round(),
            self.commons.next_deadline(),
            self.plans.next_deadline(),
            self.acts.next_deadline(),
            self.shifts.next_deadline(),
            self.releases.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// How many looks are in flight.
    pub fn looks_in_flight(&self) -> usize {
        self.schedule.in_flight()
    }

    /// The settled verdict of a target, as the tests compare it.
    pub fn verdict(&self, target: &TargetId) -> Option<Verdict> {
        self.index
            .get(target)
            .and_then(|slot| self.at(*slot))
            .map(Watched::settled)
    }

    fn at(&self, slot: Slot) -> Option<&Watched> {
        self.watched.get(slot.0 as usize)?.as_deref()
    }

    fn at_mut(&mut self, slot: Slot) -> Option<&mut Watched> {
        self.watched.get_mut(slot.0 as usize)?.as_deref_mut()
    }

    /// Gives a target a place and plans its first looks.
    fn place(&mut self, watched: Watched, actions: &mut Vec<Action>) -> Slot {
        let slot = Slot(
            u32::try_from(self.watched.len())
                .expect("no process lives to see four thousand million targets"),
        );
        let id = watched.target.id.clone();
        self.watched.push(Some(Box::new(watched)));
        self.index.insert(id.clone(), slot);
        self.move_in(slot);
        actions.push(Action::Placed(slot, id));
        slot
    }

    /// Writes down to which group a target belongs and at which hosts it is asked.
    fn move_in(&mut self, slot: Slot) {
        let Some(watched) = self.at(slot) else { return };
        let group = watched.target.group.clone();
        let checks = watched.target.checks.iter();
        let hosts: BTreeSet<_> = checks.filter_map(|check| check.question.host()).collect();
        for host in hosts {
            self.hosts.entry(host).or_default().push(slot);
        }
        if let Some(group) = group {
            self.groups.entry(group).or_default().push(slot);
        }
        self.move_in_children(slot);
    }

    /// Plans the first looks of a target: spread over the shortest time from one look to the next, or over the first seconds
    /// if it is not up. The rest of the interval is left for what came before the first look, which for a large fleet is
    /// reading its file and its store.
    fn plan_first_looks(&mut self, now: Moment, slot: Slot) {
        let Some(watched) = self.at(slot) else { return };
        let is_fine = matches!(watched.settled(), Verdict::Operational);
        let is_new = watched
            .checks
            .iter()
            .all(|watching| watching.transitions == 0);
        let intervals: Vec<_> = watched
            .policies()
            .iter()
            .map(|policy| policy.interval)
            .collect();
        let is_asked = watched.asked();
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        watched.await_beat(now);
        watched.await_job(now);
        let job = watched.job().map(|(check, _)| check);
        let dues: Vec<_> = (0_u8..)
            .zip(&mut watched.checks)
            .zip(intervals)
            .filter(|((check, _), _)| is_asked[usize::from(*check)])
            .map(|((check, watching), interval)| {
                let spread = if is_fine || is_new {
                    interval.mul_f64(EARLIEST)
                } else {
                    interval.min(FIRST_LOOK_OF_BAD)
                };
                let share = now.tick + phase(slot.0 as usize, spread);
                let planned = if job == Some(check) {
                    // It costs nobody a question, and from when on its runs are due is to be written down first of all.
                    now.tick
                } else {
                    watching
                        .awaited
                        .map_or(share, |until| share.min(until.max(now.tick)))
                };
                watching.planned = planned;
                Due {
                    planned,
                    slot,
                    check,
                    generation: watching.generation,
                }
            })
            .collect();
        for due in dues {
            self.schedule.add(due);
        }
    }

    /// Takes over what a store remembers.
    fn restore(&mut self, loaded: Loaded, now: Moment, actions: &mut Vec<Action>) {
        let mut batch = Batch::new(now.at);
        let plan = Arc::clone(&self.plan);
        let mut roles = roles::remembered(&plan, &loaded.checks, now.at);
        let past = released::past_of(&loaded);
        let mut records = by_target(loaded.checks);
        let (mut shared, alone): (Vec<_>, Vec<_>) = loaded
            .open
            .into_iter()
            .partition(|incident| incident.common.is_some());
        let mut open = one_each(now, alone, &mut batch);
        for target in &plan.targets {
            let old = target
                .was
                .as_ref()
                .filter(|_| !records.contains_key(&target.id));
            let old = old.filter(|was| !plan.targets.iter().any(|other| other.id == **was));
            let known_as = old
                .filter(|was| records.contains_key(*was))
                .unwrap_or(&target.id)
                .clone();
            let mut watched = Watched::new(Arc::clone(target), now);
            watched.role = roles.remove(&target.id);
            watched.remember(records.remove(&known_as).unwrap_or_default(), now);
            if let Some(incident) = open.remove(&known_as) {
                watched.reopen(incident, now);
            } else {
                // Whether its parent was down a moment ago is not remembered.
                watched.parent_back = Some(now.tick);
            }
            if known_as != target.id {
                rename_members(&mut shared, &known_as, target);
                batch.renamed.push((known_as, target.id.clone()));
                watched.rename_incident(&mut batch);
            }
            self.place(watched, actions);
        }
        for incident in shared {
            self.reopen_common(now, incident, &mut batch);
        }
        // Everybody is asked below what there is to be told.
        self.heed_flapping(now, &mut batch);
        self.restore_plans(now, loaded.planned, loaded.plans, &mut batch);
        self.restore_acts(now, loaded.attempts, &mut batch);
        self.restore_releases(now, loaded.releases, &mut batch);
        self.note_changes_of(&past);
        self.count_production();
        self.commons.is_starting = true;
        for index in 0..self.watched.len() {
            let slot = Slot(u32::try_from(index).unwrap_or(u32::MAX));
            self.plan_first_looks(now, slot);
            self.set_wake(slot);
            self.settle_accounts(now, slot, &mut batch);
            self.show(slot, actions);
        }
        self.commons.is_starting = false;
        self.bind_readers();
        self.bind_roles(now, actions);
        for (target, incident) in open {
            Self::close_removed(now, &target, incident, &mut batch);
        }
        batch
            .forgotten
            .extend(records.into_keys().collect::<BTreeSet<_>>());
        if let Some(last_at) = loaded.last_at {
            Self::close_lapses(now.at, loaded.lapses, last_at, &mut batch);
            self.told_away(now, last_at, &mut batch);
        }
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
    }

    /// Joins what a store remembers with what has been learnt without it.
    ///
    /// An incident that is found open goes on, or, if the same trouble was told anew meanwhile, hands its channels over to
    /// that one, so that they hear of the end.
    fn found(&mut self, now: Moment, found: Loaded, actions: &mut Vec<Action>) {
        let mut batch = Batch::new(now.at);
        let past = released::past_of(&found);
        self.incidents = self.incidents.max(found.incidents);
        // They were there all along; whoever shows them hears of them now.
        batch.lapses.clone_from(&found.lapses);
        if let Some(last_at) = found.last_at {
            Self::close_lapses(self.began, found.lapses, last_at, &mut batch);
        }
        for record in found.checks {
            let slot = self.index.get(&record.check.target).copied();
            let Some(watched) = slot.and_then(|slot| self.at_mut(slot)) else {
                batch.forgotten.push(record.check.target);
                continue;
            };
            let kinds = watched.target.checks.iter().map(|check| check.kind);
            if let Some(index) = kinds.into_iter().position(|kind| kind == record.check.kind) {
                watched.checks[index].transitions += record.transitions;
                batch.checks.push(watched.record(index, now.at));
            }
        }
        self.restore_plans(now, found.planned, found.plans, &mut batch);
        self.restore_acts(now, found.attempts, &mut batch);
        self.restore_releases(now, found.releases, &mut batch);
        self.note_changes_of(&past);
        let (shared, alone): (Vec<_>, Vec<_>) = found
            .open
            .into_iter()
            .partition(|incident| incident.common.is_some());
        for incident in shared {
            self.reopen_common(now, incident, &mut batch);
        }
        for mut incident in alone {
            let slot = incident
                .targets
                .first()
                .and_then(|target| self.index.get(target).copied());
            let Some((slot, watched)) = slot.and_then(|slot| Some((slot, self.at_mut(slot)?)))
            else {
                let target = incident
                    .targets
                    .first()
                    .cloned()
                    .unwrap_or_else(|| TargetId::new("?"));
                Self::close_removed(now, &target, incident, &mut batch);
                continue;
            };
            if let Some(number) = watched.common {
                self.take_over(now, number, incident, &mut batch);
            } else if let Some(open) = &mut watched.incident {
                hand_over(now, &mut incident, &mut open.incident);
                batch.incidents.extend([open.incident.clone(), incident]);
            } else {
                watched.reopen(incident, now);
                self.settle_accounts(now, slot, &mut batch);
            }
            self.show(slot, actions);
        }
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
    }

    /// Says to `ops` that nobody was looking for a while.
    fn told_away(&mut self, now: Moment, last_at: Timestamp, batch: &mut Batch) {
        let away = now.at.since(last_at);
        if away > AWAY_TOLD_OVER {
            let words = format!(
                "the last sign of life is from {}; what happened since then was not seen",
                last_at.words(self.plan.server.timezone)
            );
            self.notice(
                now,
                "hekate is back; nobody was looking for a while",
                &words,
                None,
                batch,
            );
        }
    }

    /// Nothing that was in question can be trusted: forget it, and look anew, spread over a few seconds.
    fn interrupted(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.note_interruption(now, actions);
        self.void_below = self.looks + 1;
        self.void_witnesses(now.at);
        self.looking_since = now.at;
        self.void_rounds(now);
        let deaf = self.deaf(now);
        self.excuse_beats(now, deaf);
        let mut batch = Batch::new(now.at);
        Self::note_standstill(now, deaf, &mut batch);
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
        for index in 0..self.watched.len() {
            let slot = Slot(u32::try_from(index).unwrap_or(u32::MAX));
            let Some(watched) = self.at_mut(slot) else {
                continue;
            };
            let mut dues = Vec::new();
            let is_asked = watched.asked();
            for (check, policy) in (0_u8..).zip(watched.policies()) {
                let watching = &mut watched.checks[usize::from(check)];
                watching.void();
                if watching.flight.is_none() && is_asked[usize::from(check)] {
                    watching.generation += 1;
                    watching.is_next_regular = true;
                    let spread = policy.interval.min(FIRST_LOOK_OF_BAD);
                    // Never later than it would have been, or interruptions one after the other would keep it from ever being looked at.
                    let planned = watching.planned.min(now.tick + phase(index, spread));
                    watching.planned = planned;
                    dues.push(Due {
                        planned,
                        slot,
                        check,
                        generation: watching.generation,
                    });
                }
            }
            for due in dues {
                self.schedule.add(due);
            }
            self.show(slot, actions);
        }
    }

    /// Time stood still or jumped: how anything is now has to be seen before what was held back is told.
    fn forget_sight(&mut self) {
        for watched in self.watched.iter_mut().flatten() {
            for watching in &mut watched.checks {
                watching.is_seen = false;
            }
        }
    }

    /// Writes down what is worth remembering but was no change.
    fn stop(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let mut batch = Batch::new(now.at);
        for watched in self.watched.iter().flatten() {
            batch.checks.extend(watched.records(now.at));
            batch
                .incidents
                .extend(watched.incident.iter().map(|open| open.incident.clone()));
        }
        let shared = self.commons.open.values();
        batch
            .incidents
            .extend(shared.map(|shared| shared.open.incident.clone()));
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
    }

    /// A name that nobody else is likely to have.
    fn draw_name(&mut self) -> u32 {
        self.chance.random()
    }

    /// A number from 0 to 1.
    fn draw(&mut self) -> f64 {
        self.chance.random()
    }
}

/// A number that no incident had before this time, as far as there are no more than 360 incidents a day.
///
/// The store knows better. But when it is lost, or an older copy of it is put back, no id may mean two things to people.
/// Until the end of 2029 this gives ids of four letters.
fn number_of(now: Timestamp) -> u64 {
    /// 2026-01-01; no hekate is older.
    const BEGINNING: Timestamp = Timestamp::from_millis(1_767_225_600_000);
    now.since(BEGINNING).as_secs() / 240
}

/// Memories of checks, by whose they are.
fn by_target(checks: Vec<CheckRecord>) -> HashMap<TargetId, Vec<CheckRecord>> {
    let mut records: HashMap<TargetId, Vec<CheckRecord>> = HashMap::new();
    for record in checks {
        let target = record.check.target.clone();
        records.entry(target).or_default().push(record);
    }
    records
}

/// Open incidents by target. If a target has several, which no hekate writes, the others are handed over to the last.
fn one_each(
    now: Moment,
    mut open: Vec<Incident>,
    batch: &mut Batch,
) -> BTreeMap<TargetId, Incident> {
    open.sort_by_key(|incident| incident.number);
    let mut out: BTreeMap<TargetId, Incident> = BTreeMap::new();
    for mut incident in open {
        let Some(target) = incident.targets.first().cloned() else {
            continue;
        };
        if let Some(mut other) = out.remove(&target) {
            hand_over(now, &mut other, &mut incident);
            batch.incidents.extend([other, incident.clone()]);
        }
        out.insert(target, incident);
    }
    out
}

/// Writes the new name of a target into incidents of several.
fn rename_members(shared: &mut [Incident], was: &TargetId, target: &Target) {
    for incident in shared {
        for known in incident.targets.iter_mut().filter(|known| *known == was) {
            known.clone_from(&target.id);
        }
        let members = incident
            .common
            .iter_mut()
            .flat_map(|common| &mut common.members);
        for member in members.filter(|member| member.target == *was) {
            member.target.clone_from(&target.id);
            member.title = target.title();
        }
    }
}

/// Closes one incident without a word, and lets those who were told of it hear of the end of another one.
fn hand_over(now: Moment, from: &mut Incident, to: &mut Incident) {
    for told in &from.told {
        if to.told.iter().all(|known| known.channel != told.channel) {
            to.told.push(told.clone());
        }
    }
    from.closed_at = Some(now.at);
    from.remind_at = None;
}
