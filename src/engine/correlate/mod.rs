//! Several targets that are bad for one reason are told as one.
//!
//! A trouble that stands alone is told at once. If others are in question at the same moment it waits until they are
//! decided, at most ten seconds; then those with one cause become one incident, with one message a channel. Who joins
//! later is told in a follow-up, and so is who is back; the end is told to all when the last one is back.
//!
//! An incident is written down whenever people hear of it, not with every change of a member: how the members are is in
//! the memories of their checks, and a thousand members that change one by one must not cost a million lines.

mod join;
mod ledger;
mod member;
mod roster;
mod siblings;
mod split;
mod traits;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

pub(super) use self::words::{story_of as story_of_shared, title as title_of_shared};
use self::{ledger::Ledger, roster::Roster, traits::is_telling, words::story_of};
use super::{
    Action, Engine,
    remind::plan_reminder,
    tell::entry,
    watched::{Open, Watched},
};
use crate::{
    judge::{
        cause::{self, Census},
        flapping::News,
    },
    model::{
        Batch, ChannelName, Incident, IncidentId, Kind, Moment, OnCallName, Slot, TargetId, Tick,
        Told, Verdict,
        cause::{Cause, Common, Member},
    },
    route::{self, Case},
};

/// For so long a trouble waits for others that are in question, to be told together with them.
const WAIT: Duration = Duration::from_secs(10);
/// Who waited short ago, and was kept from being told by a look that contradicted it, does not wait again.
const WAITED: Duration = Duration::from_secs(20);
/// Who waits since before a restart and was seen again waits so long for those that were not.
const UNSEEN_WAIT: Duration = Duration::from_secs(5);
/// So many others in question make it worth waiting, if they have nothing in common that is known; also one in a hundred.
const OTHERS: usize = 2;
/// More that are in question are not compared one by one.
const COMPARED_MAX: usize = 50;
/// Who has the same cause belongs to an incident that last grew no longer ago than this …
const JOIN_WITHIN: Duration = Duration::from_mins(10);
/// … and no longer than this, if all that they share is the time.
const TOGETHER_WITHIN: Duration = Duration::from_secs(30);
/// From one message about what changed in an incident to the next.
const FOLLOW_UP_GAP: Duration = Duration::from_mins(1);
/// That time doubles with each message from the second on, up to 32 min: who goes up and down for hours is no news.
const FOLLOW_UP_DOUBLINGS: u32 = 5;

/// What is told together, and what waits to be.
#[derive(Debug, Default)]
pub(super) struct Commons {
    /// Who is in question now, and perhaps some that are not any more.
    pub(super) suspects: BTreeSet<Slot>,
    /// Who waits to be told.
    waiting: BTreeSet<Slot>,
    /// Since when the first of them does.
    waiting_since: Option<Tick>,
    /// Until when those of them that were seen again wait for those that were not.
    unseen_until: Option<Tick>,
    /// Incidents of several targets.
    pub(super) open: Ledger,
    /// Whether what an earlier process knew is being taken over.
    pub(super) is_starting: bool,
    /// How many are bad where many are, as it was counted a moment ago.
    counted: HashMap<Cause, (Tick, Census)>,
}

/// An open incident of several targets.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) open: Open,
    roster: Roster,
    /// When it last grew.
    pub(super) grew: Tick,
    /// When people last heard of it.
    pub(super) told: Option<Tick>,
    /// When they hear of what has changed since then.
    pub(super) follow_up: Option<Tick>,
    /// Whom that concerns.
    pub(super) unsaid: BTreeSet<ChannelName>,
    /// What each channel was told last.
    pub(super) said: BTreeMap<ChannelName, Picture>,
    /// How often they heard of changes.
    pub(super) follow_ups: u32,
    /// While nobody is bad and somebody flaps: when it is over, if nothing happens.
    pub(super) rests_at: Option<Tick>,
}

impl Shared {
    pub(super) fn new(open: Open, now: Tick) -> Self {
        Self {
            roster: Roster::of(&open.incident),
            open,
            grew: now,
            told: Some(now),
            follow_up: None,
            unsaid: BTreeSet::new(),
            said: BTreeMap::new(),
            follow_ups: 0,
            rests_at: None,
        }
    }

    /// Everybody who was told was told how it is now.
    pub(super) fn note_said(&mut self) {
        let incident = &self.open.incident;
        let told = incident.told.iter();
        let said = told.map(|told| (told.channel.clone(), picture(incident, &told.channel)));
        self.said = said.collect();
        self.note_members();
    }

    /// Writes down with each member what its channels were told of it.
    pub(super) fn note_members(&mut self) {
        let said = std::mem::take(&mut self.said);
        for member in &mut self.common_mut().members {
            let told = member.channels.iter().filter_map(|channel| {
                let said = said.get(channel)?.get(&member.target)?;
                Some((channel.clone(), *said))
            });
            member.said = told.collect();
        }
        self.said = said;
    }

    /// After a restart: what was told is what was written down, and what was not told is told soon.
    pub(super) fn recall_said(&mut self, now: Tick) {
        let incident = &self.open.incident;
        let told = incident.told.iter().map(|told| {
            let members = shared_members(incident);
            let theirs = members.filter(|member| member.channels.contains(&told.channel));
            let said = theirs
                .filter_map(|member| Some((member.target.clone(), member.said_to(&told.channel)?)));
            (told.channel.clone(), said.collect())
        });
        self.said = told.collect();
        let members = self.common().members.iter();
        let unsaid: Vec<_> = members
            .filter(|member| {
                let mut channels = member.channels.iter();
                channels.any(|channel| member.said_to(channel) != Some(member.standing()))
            })
            .map(|member| member.target.clone())
            .collect();
        for target in unsaid {
            self.plan_follow_up(now, FOLLOW_UP_GAP, &target);
        }
    }

    /// It is not what somebody has taken on any more: reminders go on.
    pub(super) fn forget_acknowledgement(&mut self, now: Moment, batch: &mut Batch) {
        if self.open.incident.acknowledged.take().is_some() {
            self.open.remind = plan_reminder(&mut self.open.incident, now);
            batch.incidents.push(self.open.incident.clone());
        }
    }

    /// Plans to tell what changed about a member, after `wait` and not too often.
    pub(super) fn plan_follow_up(&mut self, now: Tick, wait: Duration, target: &TargetId) {
        let channels = self.member(target).map(|member| member.channels.clone());
        self.unsaid.extend(channels.unwrap_or_default());
        let gap = FOLLOW_UP_GAP * (1 << self.follow_ups.saturating_sub(1).min(FOLLOW_UP_DOUBLINGS));
        let at = self.told.map_or(now, |told| told + gap).max(now + wait);
        self.follow_up = Some(self.follow_up.map_or(at, |known| known.min(at)));
    }

    pub(super) fn common(&self) -> &Common {
        self.open
            .incident
            .common
            .as_deref()
            .expect("an incident of several says what they have in common")
    }

    pub(super) fn common_mut(&mut self) -> &mut Common {
        self.open
            .incident
            .common
            .as_deref_mut()
            .expect("an incident of several says what they have in common")
    }
}

/// A member as the routes see it: what they have in common is what it is about.
pub(super) fn case<'a>(watched: &'a Watched, verdict: Verdict, shared: &'a Shared) -> Case<'a> {
    let own = watched.case(verdict);
    match &shared.common().cause {
        Cause::Component(name) => Case {
            component: Some(name),
            ..own
        },
        Cause::Host(_)
        | Cause::Network(_)
        | Cause::Group(_)
        | Cause::Source(_)
        | Cause::Error(_)
        | Cause::Release(_)
        | Cause::Together => own,
    }
}

impl Commons {
    /// When something has to be told, apart from the targets' own deadlines.
    pub(super) fn next_deadline(&self) -> Option<Tick> {
        let waiting = self.waiting_since.map(|since| since + WAIT);
        let waiting = match (waiting, self.unseen_until) {
            (Some(at), Some(until)) => Some(at.max(until)),
            (waiting, _) => waiting,
        };
        waiting.into_iter().chain(self.open.next_deadline()).min()
    }
}

impl Engine {
    /// A trouble is to be told: at once if it stands alone, else with those that share its cause.
    pub(super) fn gather(
        &mut self,
        now: Moment,
        slot: Slot,
        verdict: Verdict,
        batch: &mut Batch,
    ) -> Option<IncidentId> {
        let watched = self.at(slot)?;
        let is_alone = watched.is_told_alone() || watched.is_only_ending();
        let is_grouped = self.plan.groups_incidents && !is_alone;
        if self.commons.waiting.contains(&slot) {
            return None;
        }
        // Decided before a restart and not told: what it has in common with others shows only when it is looked at again.
        let is_remembered = is_grouped && self.commons.is_starting;
        if is_remembered {
            self.commons.suspects.insert(slot);
        }
        if is_remembered
            || is_grouped
                && !self.has_waited(now.tick, slot)
                && self.is_worth_waiting(now.tick, slot)
            || self.is_parent_in_question(slot)
        {
            self.commons.waiting.insert(slot);
            self.commons.waiting_since.get_or_insert(now.tick);
            return None;
        }
        if !is_grouped {
            return self.open(now, slot, verdict, batch);
        }
        self.join(now, slot, verdict, batch)
            .or_else(|| self.open(now, slot, verdict, batch))
    }

    /// Whether it has just waited for others, and something else kept it from being told then.
    fn has_waited(&self, now: Tick, slot: Slot) -> bool {
        let waited = self.at(slot).and_then(|watched| watched.waited_until);
        waited.is_some_and(|until| now.since(until) <= WAITED)
    }

    /// Whether others are in question that may turn out to have the same cause.
    fn is_worth_waiting(&mut self, now: Tick, slot: Slot) -> bool {
        if !self.commons.waiting.is_empty() || self.plans.is_releasing() {
            return true;
        }
        let enough = OTHERS.max(self.index.len() / 100);
        let others = self.in_question(slot, enough);
        if others.len() >= enough {
            return true;
        }
        let own: BTreeSet<_> = self.traits(now, slot).into_iter().collect();
        others.into_iter().take(COMPARED_MAX).any(|other| {
            let theirs = self.traits(now, other);
            theirs
                .iter()
                .any(|cause| is_telling(cause) && own.contains(cause))
        })
    }

    /// Up to so many others that are in question. Who is not any more is forgotten on the way, by whatever that ended: a good
    /// look, an interruption, another question.
    fn in_question(&mut self, slot: Slot, most: usize) -> Vec<Slot> {
        let (mut found, mut refuted) = (Vec::new(), Vec::new());
        for other in &self.commons.suspects {
            if found.len() >= most {
                break;
            }
            if !self.is_in_question(*other) {
                refuted.push(*other);
            } else if *other != slot {
                found.push(*other);
            }
        }
        for other in refuted {
            self.commons.suspects.remove(&other);
        }
        found
    }

    /// Whether looks have not decided yet how it is: it fails, or it waits to be told and was not looked at since the start.
    fn is_in_question(&self, slot: Slot) -> bool {
        let is_waiting = self.commons.waiting.contains(&slot);
        self.at(slot).is_some_and(|watched| {
            let is_unseen = is_waiting && !watched.checks[watched.deciding()].is_seen;
            watched.is_suspect() || is_unseen
        })
    }

    /// Tells what has waited, as soon as nothing is in question any more or the time is up; and what changed since people
    /// last heard of a common trouble.
    pub(super) fn tell_common(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let mut batch = Batch::new(now.at);
        if let Some(since) = self.commons.waiting_since {
            let is_time = now.tick.since(since) >= WAIT;
            if (is_time || self.is_nobody_in_question()) && !self.waits_for_unseen(now) {
                self.tell_waiting(now, &mut batch, actions);
            }
        }
        let is_due = |at: Option<Tick>| at.is_some_and(|at| at <= now.tick);
        let due = self.commons.open.due(now.tick);
        // An end says more than that all are back.
        for number in &due {
            let shared = self.commons.open.get(*number);
            if shared.is_some_and(|shared| is_due(shared.rests_at))
                && let Some(shared) = self.commons.open.take(*number)
            {
                self.let_go(now, *number, shared, &mut batch);
            }
        }
        for number in &due {
            let shared = self.commons.open.get(*number);
            if shared.is_some_and(|shared| is_due(shared.follow_up)) {
                self.follow_up(now, *number, &mut batch);
            }
        }
        for number in due {
            let shared = self.commons.open.get(number);
            if shared.is_some_and(|shared| is_due(shared.open.remind)) {
                self.remind_common(now, number, &mut batch);
            }
        }
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
    }

    /// Who waits together from before a restart on is told together, as soon as all of them were seen again; who was seen
    /// waits a moment for the others.
    fn waits_for_unseen(&mut self, now: Moment) -> bool {
        let waiting = self.commons.waiting.iter().copied();
        let (unseen, seen): (Vec<_>, Vec<_>) =
            waiting.partition(|slot| self.at(*slot).is_some_and(Watched::is_unseen));
        if unseen.is_empty() || seen.is_empty() || !self.plan.groups_incidents {
            self.commons.unseen_until = None;
            return false;
        }
        let until = self
            .commons
            .unseen_until
            .get_or_insert(now.tick + UNSEEN_WAIT);
        if now.tick >= *until {
            self.commons.unseen_until = None;
            return false;
        }
        for slot in unseen.into_iter().take(COMPARED_MAX) {
            let check = self.at(slot).map_or(0, Watched::deciding);
            let check = u8::try_from(check).unwrap_or(u8::MAX);
            self.hurry(now, (slot, check), now.tick, UNSEEN_WAIT);
        }
        true
    }

    fn tell_waiting(&mut self, now: Moment, batch: &mut Batch, actions: &mut Vec<Action>) {
        let waiting = std::mem::take(&mut self.commons.waiting);
        self.commons.waiting_since = None;
        let (mut bad, mut unseen) = (Vec::new(), Vec::new());
        for slot in waiting {
            let Some(watched) = self.at(slot) else {
                continue;
            };
            let is_told = watched.incident.is_some() || watched.common.is_some();
            let Some(standing) = watched.standing().filter(|_| !is_told) else {
                continue;
            };
            // They began to wait together, and are told together when somebody has looked.
            if self.plan.groups_incidents && watched.is_unseen() {
                self.commons.waiting.insert(slot);
                self.commons.waiting_since = Some(now.tick);
                continue;
            }
            // What is known by now may be a reason to tell nothing, as a parent that is down.
            if self.is_held(now, slot, standing) {
                if let Some(watched) = self.at_mut(slot) {
                    watched.waited_until = Some(now.tick);
                }
                self.set_wake(slot);
                self.show(slot, actions);
                continue;
            }
            let cases = match standing {
                Verdict::Unknown => &mut unseen,
                Verdict::Operational | Verdict::Suspect | Verdict::Degraded | Verdict::Down => {
                    &mut bad
                }
            };
            cases.push((slot, standing));
        }
        for cases in [bad, unseen] {
            let mut traits: Vec<_> = cases
                .iter()
                .map(|(slot, _)| self.traits(now.tick, *slot))
                .collect();
            // Whoever was told by itself a moment ago may have been the first of them.
            let partners = self.partners_of(now, &cases, &mut traits);
            let sets = if self.plan.groups_incidents {
                cause::divide(&traits, |cause| self.census(now.tick, cause))
            } else {
                Vec::new()
            };
            let mut alone: BTreeSet<_> = (0..cases.len()).collect();
            for set in sets {
                let new = set.members.iter().filter(|index| **index < cases.len());
                let members: Vec<_> = new.clone().map(|index| cases[*index].0).collect();
                for index in new {
                    alone.remove(index);
                }
                let known = set.members.iter().filter_map(|index| {
                    let partner = index.checked_sub(cases.len())?;
                    partners.get(partner).copied()
                });
                self.tell_set(now, set.cause, (&members, known.min()), batch);
                for slot in members {
                    self.show(slot, actions);
                }
            }
            for index in alone {
                let (slot, verdict) = cases[index];
                if self.join(now, slot, verdict, batch).is_none() {
                    self.open(now, slot, verdict, batch);
                }
                self.set_wake(slot);
                self.show(slot, actions);
            }
        }
    }

    /// Those who were told by themselves a moment ago and may have the same cause as one of these, with what they could have
    /// in common added to theirs.
    fn partners_of(
        &mut self,
        now: Moment,
        cases: &[(Slot, Verdict)],
        traits: &mut Vec<Vec<Cause>>,
    ) -> Vec<Slot> {
        let Some((slot, verdict)) = cases.first().copied() else {
            return Vec::new();
        };
        if verdict == Verdict::Unknown || !self.plan.groups_incidents {
            return Vec::new();
        }
        let news = News::of(
            cases
                .iter()
                .map(|(_, verdict)| *verdict)
                .max()
                .unwrap_or(verdict),
        );
        let partners = self.partners(now.tick, slot, news);
        for (partner, ago) in &partners {
            let mut theirs = self.traits(now.tick, *partner);
            theirs.retain(|cause| join::may_be_shared(cause, *ago));
            traits.push(theirs);
        }
        partners.into_iter().map(|(partner, _)| partner).collect()
    }

    /// Tells several that have one cause: with an incident about it that still grows, with that of `known`, who was told by
    /// itself, or with one of their own.
    fn tell_set(
        &mut self,
        now: Moment,
        cause: Cause,
        (members, known): (&[Slot], Option<Slot>),
        batch: &mut Batch,
    ) {
        if members.is_empty() || self.join_all(now, &cause, members, batch) {
            return;
        }
        let shared = known.and_then(|known| self.share(now, cause.clone(), known));
        match shared {
            Some(number) => {
                for slot in members {
                    self.enter(now, *slot, number, batch);
                }
            }
            None => self.open_common(now, cause, members, batch),
        }
    }

    /// Opens an incident of several targets.
    fn open_common(&mut self, now: Moment, cause: Cause, slots: &[Slot], batch: &mut Batch) {
        let slots: BTreeSet<_> = slots.iter().copied().collect();
        self.incidents += 1;
        let number = self.incidents;
        let population = self.census(now.tick, &cause).all.max(slots.len());
        let incident = Incident {
            common: Some(Box::new(Common {
                cause,
                population: u32::try_from(population).unwrap_or(u32::MAX),
                members: Vec::new(),
                flapping: None,
            })),
            ..Incident::begun(number, now.at)
        };
        let remind = None;
        let mut shared = Shared::new(Open { incident, remind }, now.tick);
        let mut to: Vec<(ChannelName, Option<OnCallName>)> = Vec::new();
        let mut notes: Vec<_> = slots
            .iter()
            .find_map(|slot| self.disaster_words(*slot))
            .into_iter()
            .collect();
        notes.extend(self.plans.notes_of(&slots));
        let since = slots
            .iter()
            .filter_map(|slot| Some(self.at(*slot)?.since()));
        if let Some(since) = since.min() {
            notes.extend(self.near_words(&slots, since));
        }
        for slot in slots {
            to.extend(self.admit(slot, number, &mut shared));
        }
        let worst = shared.worst();
        self.note_flapping(&mut shared);
        let incident = &mut shared.open.incident;
        (incident.verdict, incident.worst) = (worst, worst);
        for (channel, mention) in to {
            match incident
                .told
                .iter_mut()
                .find(|told| told.channel == channel)
            {
                Some(told) => told.mention = told.mention.take().or(mention),
                None => incident.told.push(Told {
                    channel,
                    at: now.at,
                    mention,
                }),
            }
        }
        for told in incident.told.clone() {
            let mut story = story_of(incident, Some(&told.channel), Kind::Opened, now);
            story.notes.clone_from(&notes);
            batch.entries.push(entry(
                incident,
                told.channel,
                Kind::Opened,
                now,
                told.mention,
                &Arc::new(story),
            ));
        }
        incident.sequence += 1;
        shared.open.remind = plan_reminder(incident, now);
        shared.note_said();
        batch.incidents.push(shared.open.incident.clone());
        self.commons.open.put(number, shared);
    }

    /// Makes a target a member of an incident; says who has to hear of it.
    pub(super) fn admit(
        &mut self,
        slot: Slot,
        number: u64,
        shared: &mut Shared,
    ) -> Vec<(ChannelName, Option<OnCallName>)> {
        let Some(watched) = self.at(slot) else {
            return Vec::new();
        };
        let verdict = watched.standing().unwrap_or(watched.settled());
        let decision = route::route(&self.plan, case(watched, verdict, shared));
        let state = &watched.checks[watched.deciding()].state;
        let member = Member {
            target: watched.target.id.clone(),
            title: watched.title(),
            verdict,
            words: state.reason.words.clone(),
            since: state.since,
            until: None,
            said: Vec::new(),
            channels: decision
                .to
                .iter()
                .map(|(channel, _)| channel.clone())
                .collect(),
        };
        let incident = &mut shared.open.incident;
        incident.severity = incident.severity.max(watched.severity());
        incident.since = incident.since.min(member.since);
        if incident.remind_after.is_empty() {
            incident.remind_after = decision.remind_after;
        }
        shared.enlist(member);
        if let Some(watched) = self.at_mut(slot) {
            watched.common = Some(number);
            watched.hold = None;
        }
        self.plans.forget_kept(slot);
        decision.to
    }

    /// Whether nobody is in question any more.
    fn is_nobody_in_question(&mut self) -> bool {
        while let Some(first) = self.commons.suspects.first().copied() {
            if self.is_in_question(first) {
                return false;
            }
            self.commons.suspects.remove(&first);
        }
        true
    }

    /// An incident of one target was opened; who has the same cause may join it for a while.
    pub(super) fn opened_lately(&mut self, now: Tick, slot: Slot) {
        while self.recent.front().is_some_and(|(_, at)| {
            now.since(*at) > JOIN_WITHIN || self.recent.len() >= COMPARED_MAX
        }) {
            self.recent.pop_front();
        }
        self.recent.push_back((slot, now));
    }
}

impl Shared {
    /// Whether others may still join.
    pub(super) fn grows(&self, now: Tick) -> bool {
        let within = match self.common().cause {
            Cause::Together | Cause::Error(_) => TOGETHER_WITHIN,
            Cause::Host(_)
            | Cause::Network(_)
            | Cause::Component(_)
            | Cause::Source(_)
            | Cause::Group(_)
            | Cause::Release(_) => JOIN_WITHIN,
        };
        now.since(self.grew) <= within && self.open.incident.verdict != Verdict::Unknown
    }
}

fn shared_members(incident: &Incident) -> impl Iterator<Item = &Member> + Clone {
    incident.common.iter().flat_map(|common| &common.members)
}

/// How the members are that a channel is told of.
pub(super) type Picture = HashMap<TargetId, Verdict>;

fn picture(incident: &Incident, channel: &ChannelName) -> Picture {
    shared_members(incident)
        .filter(|member| member.channels.contains(channel))
        .map(|member| (member.target.clone(), member.standing()))
        .collect()
}
