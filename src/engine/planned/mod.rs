//! What people have planned: whom it keeps from being told, when it begins and ends, and what is told then.
//!
//! A plan of a person ends after so much time on the monotonic clock, whatever somebody does to the wall clock; only a jump
//! forward ends it sooner. A window of the file opens and closes by the wall clock, because that is what it says.

mod release;
mod wish;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use release::Released;

use super::{
    Action, Engine,
    hold::Hold,
    roles::is_always_active,
    watched::{Open, Watched},
};
use crate::{
    model::{
        Batch, Moment, Plan, Slot, TargetId, Tick, Timestamp, Verdict,
        plan::Matcher,
        planned::{
            Agenda, Ended, HowEnded, Note, Person, PlanId, PlanKind, Planned, Silent, Window,
            WindowFacts,
        },
    },
    route,
};

/// So many reasons why something is told late are said.
const NOTES_MAX: usize = 3;

/// What is planned now.
#[derive(Debug, Default)]
pub(in crate::engine) struct Plans {
    /// Those that people made and that have not ended, oldest first.
    made: Vec<Standing>,
    /// The windows of the file, in its order.
    windows: Vec<Opening>,
    /// The highest number given out.
    last: u64,
    /// Whom a plan has kept from being told since they went bad, and the words for when they are told.
    kept: BTreeMap<Slot, Vec<String>>,
    /// Several that were kept are let go at once, so they are told together.
    is_releasing: bool,
    /// Whether the agenda is to be shown anew.
    is_changed: bool,
    /// Which release was put where a short while ago.
    lately: Vec<Released>,
    /// Whom a plan was about that ended because all of them recovered: they are to be shown anew.
    recovered: BTreeSet<Slot>,
}

/// A plan of a person that is on.
#[derive(Debug)]
struct Standing {
    planned: Arc<Planned>,
    reach: Reach,
    until: Tick,
    /// Of a deploy: whether what is deployed went down, so that it has to come back.
    was_down: bool,
}

/// A window of the file.
#[derive(Debug)]
struct Opening {
    reach: Reach,
    /// From when to when it is open, if it is.
    open: Option<(Timestamp, Timestamp)>,
    /// When it opens or closes next.
    changes: Option<Tick>,
}

/// Whom a plan is about; as its matcher, but quick for thousands of targets.
#[derive(Debug)]
struct Reach {
    targets: HashSet<TargetId>,
    rest: Matcher,
}

impl Reach {
    fn of(matcher: &Matcher) -> Self {
        Self {
            targets: matcher.targets.iter().cloned().collect(),
            rest: Matcher {
                targets: Vec::new(),
                ..matcher.clone()
            },
        }
    }

    fn takes(&self, watched: &Watched) -> bool {
        (self.targets.is_empty() || self.targets.contains(&watched.target.id))
            && route::misses(&self.rest, watched.case(watched.settled())).is_none()
    }
}

/// A plan that keeps a target from being told.
struct Over {
    note: Note,
    until: Tick,
    /// Whether it ends sooner, if the target recovers.
    is_until_recovered: bool,
    /// What is said of it when the target is told after all.
    later: String,
}

impl Plans {
    /// When something begins or ends.
    pub(in crate::engine) fn next_deadline(&self) -> Option<Tick> {
        let made = self.made.iter().map(|standing| standing.until);
        let windows = self.windows.iter().filter_map(|window| window.changes);
        made.chain(windows).min()
    }

    /// The highest number of a plan given out.
    pub(in crate::engine) const fn last_number(&self) -> u64 {
        self.last
    }

    /// The deploy that is announced for exactly these.
    pub(in crate::engine) fn deploy_of(&self, matcher: &Matcher) -> Option<PlanId> {
        let mut made = self.made.iter().map(|standing| &standing.planned);
        let is_it = |planned: &&Arc<Planned>| {
            planned.id.kind == PlanKind::Deploy && planned.matcher == *matcher
        };
        made.find(is_it).map(|planned| planned.id)
    }

    /// Whether those who are told now were kept from it together.
    pub(in crate::engine) const fn is_releasing(&self) -> bool {
        self.is_releasing
    }

    /// Nothing is owed to this target any more: it was told, or is well again.
    pub(in crate::engine) fn forget_kept(&mut self, slot: Slot) {
        self.kept.remove(&slot);
    }

    /// Why these are told late.
    pub(in crate::engine) fn notes_of<'a>(
        &self,
        slots: impl IntoIterator<Item = &'a Slot>,
    ) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let kept = slots.into_iter().filter_map(|slot| self.kept.get(slot));
        for words in kept.flatten() {
            if out.len() < NOTES_MAX && !out.contains(words) {
                out.push(words.clone());
            }
        }
        out
    }
}

impl Engine {
    /// The plan that keeps this target from being told the longest, if there is one.
    fn plan_over(&self, slot: Slot) -> Option<Over> {
        let plans = &self.plans;
        if plans.made.is_empty() && plans.windows.is_empty() {
            return None;
        }
        let watched = self.at(slot)?;
        let made = plans.made.iter().filter(|standing| {
            standing.reach.takes(watched) && self.may_keep(&standing.planned, watched)
        });
        let made = made.map(|standing| over(standing, self.plan.server.timezone));
        let windows = self.plan.maintenance.iter().zip(&plans.windows);
        let windows = windows.filter_map(|(window, opening)| {
            let (_, to) = opening.open?;
            let until = opening.changes?;
            opening.reach.takes(watched).then(|| Over {
                note: Note {
                    kind: PlanKind::Maintenance,
                    name: window.name.clone(),
                    until: to,
                    by: None,
                },
                until,
                is_until_recovered: false,
                later: format!("held back by the maintenance window `{}`", window.name),
            })
        });
        made.chain(windows).max_by_key(|over| over.until)
    }

    /// A deploy keeps the active one of a pair from nothing: people use it.
    fn may_keep(&self, planned: &Planned, watched: &Watched) -> bool {
        planned.id.kind != PlanKind::Deploy || !self.is_in_use(watched)
    }

    /// Whether this is the active one of several, or may be.
    fn is_in_use(&self, watched: &Watched) -> bool {
        let is_active = watched
            .role
            .as_ref()
            .is_some_and(|standing| standing.role.is_active());
        is_active && !is_always_active(&self.plan, watched.target.group.as_ref())
    }

    /// What was planned keeps this target from being told.
    pub(in crate::engine) fn hold_planned(&self, slot: Slot) -> Option<Hold> {
        let over = self.plan_over(slot)?;
        let until = over.note.until.words(self.plan.server.timezone);
        Some(Hold {
            words: format!("{} until {until}", over.note.words()),
            until: Some(over.until),
            is_blocked: false,
        })
    }

    /// What a store remembers is not told anew before a look has seen it, nor because of silence that no witness vouches for,
    /// nor while looks say that it comes back.
    ///
    /// What is told together with others waits for its look among them.
    pub(in crate::engine) fn hold_unseen(&self, slot: Slot) -> Option<Hold> {
        let watched = self.at(slot)?;
        let is_alone = watched.is_told_alone() || watched.is_only_ending();
        if self.commons.is_starting && self.plan.groups_incidents && !is_alone {
            return None;
        }
        let check = watched.deciding();
        let is_asked = watched.is_asked(check);
        let watching = &watched.checks[check];
        let words = match () {
            () if watched.is_unseen() => {
                "it was not looked at since hekate started, or since time stood still"
            }
            () if is_asked && watching.is_unproved => "nobody vouches for what was seen last",
            () if watching.state.recovery.is_some() => "looks say that it is changing",
            () => return None,
        };
        Some(Hold {
            words: words.to_owned(),
            until: None,
            is_blocked: false,
        })
    }

    /// A look may have ended what kept a target, or its end, from being told.
    pub(in crate::engine) fn settle_held(
        &mut self,
        now: Moment,
        slot: Slot,
        actions: &mut Vec<Action>,
    ) {
        let is_due = self.at(slot).is_some_and(|watched| {
            watched.hold.is_some()
                || watched.common.is_some() && watched.nothing_but_endings() == Some(true)
        });
        if !is_due {
            return;
        }
        let mut batch = Batch::new(now.at);
        self.settle_accounts(now, slot, &mut batch);
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
            self.show(slot, actions);
        }
    }

    /// Remembers what keeps this target from being told, for when it is.
    pub(in crate::engine) fn note_kept(&mut self, slot: Slot) {
        let Some(over) = self.plan_over(slot) else {
            return;
        };
        let words = self.plans.kept.entry(slot).or_default();
        if !words.contains(&over.later) {
            words.push(over.later);
        }
    }

    /// What the grid shows of plans over this target.
    pub(in crate::engine) fn note_of(&self, slot: Slot) -> Option<Note> {
        self.plan_over(slot).map(|over| over.note)
    }

    /// The silence or maintenance that somebody began over this target and that lasts the longest, if there is one.
    pub(in crate::engine) fn silence_over(&self, slot: Slot) -> Option<Silent> {
        let over = self.plan_over(slot)?;
        let is_of_people = over.note.by.is_some() && over.note.kind != PlanKind::Deploy;
        is_of_people.then_some(Silent {
            until: over.note.until,
            is_until_recovered: over.is_until_recovered,
        })
    }

    /// Until when reminders of this target are put off by a plan.
    pub(in crate::engine) fn quiet_until(&self, slot: Slot) -> Option<Tick> {
        self.plan_over(slot).map(|over| over.until)
    }

    /// A deploy has brought what it was announced for: the target went down and is back.
    pub(in crate::engine) fn watch_deploys(&mut self, now: Moment, slot: Slot, batch: &mut Batch) {
        let is_deploy = |standing: &Standing| standing.planned.id.kind == PlanKind::Deploy;
        if !self.plans.made.iter().any(is_deploy) {
            return;
        }
        let Some(watched) = self.at(slot) else { return };
        let (id, settled) = (watched.target.id.clone(), watched.settled());
        let mut over = Vec::new();
        for standing in self.plans.made.iter_mut().filter(|made| is_deploy(made)) {
            if !standing.reach.targets.contains(&id) {
                continue;
            }
            standing.was_down |= settled == Verdict::Down;
            if standing.was_down && settled == Verdict::Operational {
                over.push(standing.planned.id);
            }
        }
        for id in over {
            self.end_plan(now, id, HowEnded::CameBack, None, batch);
        }
    }

    /// Ends what was to end with the last trouble of those whom it is about, if this was the last of them.
    pub(in crate::engine) fn watch_recovered(
        &mut self,
        now: Moment,
        slot: Slot,
        batch: &mut Batch,
    ) {
        let Some(watched) = self.at(slot) else { return };
        let made = self.plans.made.iter();
        let over = made.filter(|standing| {
            standing.planned.is_until_recovered
                && standing.reach.targets.contains(&watched.target.id)
                && !self.is_any_bad(&standing.reach)
        });
        let over: Vec<_> = over.map(|standing| standing.planned.id).collect();
        for id in over {
            let slots = self.slots_of_plan(id);
            self.plans.recovered.extend(slots);
            self.end_plan(now, id, HowEnded::Recovered, None, batch);
        }
    }

    /// Whether anybody of these is bad, or belongs to an incident that is not over.
    fn is_any_bad(&self, reach: &Reach) -> bool {
        let slots = reach.targets.iter().filter_map(|id| self.index.get(id));
        let mut watched = slots.filter_map(|slot| self.at(*slot));
        watched.any(|watched| {
            let is_told = watched.incident.is_some() || watched.common.is_some();
            is_told || watched.standing().is_some()
        })
    }

    /// Ends and opens what is due; with a clock that was moved, whatever it says now.
    pub(in crate::engine) fn turn_plans(
        &mut self,
        now: Moment,
        is_moved: bool,
        actions: &mut Vec<Action>,
    ) {
        let is_due = self
            .plans
            .next_deadline()
            .is_some_and(|due| due <= now.tick);
        if !is_due && !is_moved {
            return;
        }
        let mut batch = Batch::new(now.at);
        let mut touched = BTreeSet::new();
        if is_moved {
            for standing in &mut self.plans.made {
                let left = standing.planned.until.since(now.at);
                standing.until = standing.until.min(now.tick + left);
            }
        }
        let made = self.plans.made.iter();
        let over = made.filter(|standing| standing.until <= now.tick);
        let over: Vec<_> = over.map(|standing| standing.planned.id).collect();
        for id in over {
            let slots = self.slots_of_plan(id).into_iter().collect();
            let ended = self.end_plan(now, id, HowEnded::Over, None, &mut batch);
            if let Some(ended) = ended.filter(|_| id.kind != PlanKind::Deploy) {
                self.note_plan(now, &ended, &slots, &mut batch);
            }
            touched.extend(slots);
        }
        let plan = Arc::clone(&self.plan);
        for (place, window) in plan.maintenance.iter().enumerate() {
            let is_due = self.plans.windows[place]
                .changes
                .is_some_and(|due| due <= now.tick);
            if !is_due && !is_moved {
                continue;
            }
            let opening = opening(window, now);
            if opening.open != self.plans.windows[place].open {
                self.plans.is_changed = true;
                touched.extend(self.slots_of(&opening.reach));
            }
            self.plans.windows[place] = opening;
        }
        self.resettle(now, &touched, &mut batch, actions);
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
    }

    /// Compares what is with what was told of those whom a plan does not keep from it any more; shows them.
    pub(in crate::engine) fn resettle(
        &mut self,
        now: Moment,
        slots: &BTreeSet<Slot>,
        batch: &mut Batch,
        actions: &mut Vec<Action>,
    ) {
        self.plans.is_releasing = slots.len() > 1;
        for slot in slots {
            self.wake_reminder(now, *slot);
            self.settle_accounts(now, *slot, batch);
            self.show(*slot, actions);
        }
        self.plans.is_releasing = false;
    }

    /// A reminder that was put off is due when it was due, not when the plan would have ended.
    fn wake_reminder(&mut self, now: Moment, slot: Slot) {
        if self.quiet_until(slot).is_some() {
            return;
        }
        let sooner = |open: &mut Open| {
            if let (Some(planned), Some(at)) = (&mut open.remind, open.incident.remind_at) {
                *planned = (*planned).min(now.tick + at.since(now.at));
            }
        };
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        match (watched.common, watched.incident.as_deref_mut()) {
            (Some(number), _) => {
                self.commons.open.change(number, sooner);
            }
            (None, Some(open)) => sooner(open),
            (None, None) => {}
        }
    }

    /// Takes over what a store remembers of plans, before anything is settled.
    pub(in crate::engine) fn restore_plans(
        &mut self,
        now: Moment,
        planned: Vec<Planned>,
        last: u64,
        batch: &mut Batch,
    ) {
        self.plans.last = self.plans.last.max(last);
        let planned = renamed(planned, batch);
        for planned in planned {
            if self
                .plans
                .made
                .iter()
                .any(|known| known.planned.id == planned.id)
            {
                continue;
            }
            self.plans.last = self.plans.last.max(planned.id.number);
            let whole = planned.until.since(planned.from);
            let left = planned.until.since(now.at).min(whole);
            let standing = Standing {
                reach: Reach::of(&planned.matcher),
                until: now.tick + left,
                was_down: false,
                planned: Arc::new(planned),
            };
            let zone = self.plan.server.timezone;
            let is_over = left == Duration::ZERO;
            if is_over {
                self.recall_kept(&standing, &over(&standing, zone).later);
            }
            let id = standing.planned.id;
            self.plans.made.push(standing);
            if is_over {
                self.end_plan(now, id, HowEnded::Over, None, batch);
            }
        }
        self.plans.windows = openings(&self.plan, now);
        self.plans.is_changed = true;
    }

    /// It ended while nobody was looking: whoever went bad before was kept from being told by it.
    fn recall_kept(&mut self, standing: &Standing, later: &str) {
        for slot in self.slots_of(&standing.reach) {
            let Some(watched) = self.at(slot) else {
                continue;
            };
            let since = watched.checks[watched.deciding()].state.since;
            let is_untold = watched.incident.is_none() && watched.standing().is_some();
            if is_untold && since < standing.planned.until {
                let words = self.plans.kept.entry(slot).or_default();
                words.push(later.to_owned());
            }
        }
    }

    /// The file changed: its windows may be others, and targets may be called otherwise.
    pub(in crate::engine) fn replan_plans(
        &mut self,
        now: Moment,
        renamed: &[(TargetId, TargetId)],
        actions: &mut Vec<Action>,
    ) {
        let mut batch = Batch::new(now.at);
        for standing in &mut self.plans.made {
            let mut planned = (*standing.planned).clone();
            if rename(&mut planned.matcher, renamed) {
                standing.reach = Reach::of(&planned.matcher);
                standing.planned = Arc::new(planned.clone());
                batch.planned.push(planned);
            }
        }
        let was_planned = !self.plans.windows.is_empty() || !self.plans.made.is_empty();
        self.plans.windows = openings(&self.plan, now);
        self.plans.is_changed = true;
        if was_planned || !self.plans.windows.is_empty() {
            let slots = self.index.values().copied().collect();
            self.resettle(now, &slots, &mut batch, actions);
        }
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
    }

    /// Shows what is planned, if that has changed.
    pub(in crate::engine) fn show_agenda(&mut self, now: Moment, actions: &mut Vec<Action>) {
        for slot in std::mem::take(&mut self.plans.recovered) {
            self.show(slot, actions);
        }
        let is_release_news = self.is_release_news();
        if !std::mem::take(&mut self.plans.is_changed) && !is_release_news {
            return;
        }
        let (releases, changes) = self.chronicle();
        let made = self.plans.made.iter();
        let windows = self.plan.maintenance.iter().zip(&self.plans.windows);
        let agenda = Agenda {
            made: made.map(|standing| Arc::clone(&standing.planned)).collect(),
            windows: windows
                .map(|(window, opening)| WindowFacts {
                    name: window.name.clone(),
                    open: opening.open,
                    opens_at: window.times.opens_after(now.at),
                })
                .collect(),
            releases,
            changes,
            near_within: self.plan.releases.near_within,
        };
        actions.push(Action::ShowAgenda(Arc::new(agenda)));
    }

    /// What people planned and what has not ended, the oldest first.
    pub(in crate::engine) fn made(&self) -> impl ExactSizeIterator<Item = &Planned> {
        self.plans.made.iter().map(|standing| &*standing.planned)
    }

    fn slots_of(&self, reach: &Reach) -> Vec<Slot> {
        let slots = self.index.values().copied();
        slots
            .filter(|slot| self.at(*slot).is_some_and(|watched| reach.takes(watched)))
            .collect()
    }

    pub(in crate::engine) fn slots_of_plan(&self, id: PlanId) -> Vec<Slot> {
        let made = self.plans.made.iter();
        let standing = made.into_iter().find(|known| known.planned.id == id);
        standing.map_or_else(Vec::new, |standing| self.slots_of(&standing.reach))
    }

    /// Writes down that a plan has ended.
    pub(in crate::engine) fn end_plan(
        &mut self,
        now: Moment,
        id: PlanId,
        how: HowEnded,
        by: Option<Person>,
        batch: &mut Batch,
    ) -> Option<Planned> {
        let made = &mut self.plans.made;
        let place = made.iter().position(|known| known.planned.id == id)?;
        let standing = made.remove(place);
        let mut planned = (*standing.planned).clone();
        planned.ended = Some(Ended {
            at: now.at,
            how,
            by,
        });
        self.plans.remember_release(now.tick, standing);
        batch.planned.push(planned.clone());
        self.plans.is_changed = true;
        Some(planned)
    }
}

/// Plans with the names that their targets have now; those that changed are written down.
fn renamed(mut planned: Vec<Planned>, batch: &mut Batch) -> Vec<Planned> {
    for planned in &mut planned {
        if rename(&mut planned.matcher, &batch.renamed) {
            batch.planned.push(planned.clone());
        }
    }
    planned
}

/// Gives the targets of a matcher their new names; says whether any has one.
fn rename(matcher: &mut Matcher, renamed: &[(TargetId, TargetId)]) -> bool {
    let mut is_renamed = false;
    for target in &mut matcher.targets {
        if let Some((_, new)) = renamed.iter().find(|(old, _)| old == target) {
            target.clone_from(new);
            is_renamed = true;
        }
    }
    is_renamed
}

fn over(standing: &Standing, zone: chrono_tz::Tz) -> Over {
    let planned = &standing.planned;
    let Planned { id, by, why, .. } = &**planned;
    let later = match id.kind {
        PlanKind::Silence => format!("held back by silence {id} of {by}: {why}"),
        PlanKind::Maintenance => format!("held back by maintenance {id} of {by}: {why}"),
        PlanKind::Deploy => {
            let release = match &planned.release {
                Some(release) => format!("release {release}"),
                None if !why.is_empty() => why.clone(),
                None => String::from("the deploy"),
            };
            format!(
                "did not come back after {release}, announced {} by {by} ({id})",
                planned.from.words(zone)
            )
        }
    };
    Over {
        note: Note {
            kind: id.kind,
            name: id.to_string(),
            until: planned.until,
            by: Some(by.name.clone()),
        },
        until: standing.until,
        is_until_recovered: planned.is_until_recovered,
        later,
    }
}

fn openings(plan: &Plan, now: Moment) -> Vec<Opening> {
    plan.maintenance
        .iter()
        .map(|window| opening(window, now))
        .collect()
}

fn opening(window: &Window, now: Moment) -> Opening {
    let open = window.times.open_at(now.at);
    let changes = match open {
        Some((_, to)) => Some(to),
        None => window.times.opens_after(now.at),
    };
    Opening {
        reach: Reach::of(&window.matcher),
        open,
        // A tick is finer than a timestamp; a moment too late is a moment inside.
        changes: changes.map(|at| now.tick + at.since(now.at) + Duration::from_millis(1)),
    }
}
