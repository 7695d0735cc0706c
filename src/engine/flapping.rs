//! Who goes up and down all the time is told once, and nobody is heard of too often.
//!
//! What is to be told when is decided by [`crate::judge::flapping`]; here it is carried out. An incident that is told as
//! flapping stays open until there is rest: a target that flaps and has an incident of its own is heard of by that one only,
//! and one of several is not closed while one of its members flaps. Its follow-ups tell how the members are, at their growing
//! gaps, and no later than it takes to see that a member stays down.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Action, Engine,
    correlate::Shared,
    hold::Hold,
    remind::{DOUBT_WAIT, plan_reminder},
    watched::Watched,
};
use crate::{
    judge::flapping::{News, Restlessness, STEADY, Said, Telling},
    model::{
        Batch, ChannelName, CheckRecord, Entry, Incident, Kind, Moment, Slot, TargetId, Tick,
        ToldFlapping, Verdict, cause::Member, unrest::Flapping,
    },
};

/// Of incidents with more members it is not written down with each message how often people heard of each of them.
const REMEMBERED_MAX: usize = 20;

impl Engine {
    /// Takes in how a target is now.
    pub(super) fn note_unrest(&mut self, now: Moment, slot: Slot) {
        if let Some(watched) = self.at_mut(slot).filter(|watched| !watched.is_unjudged()) {
            let verdict = watched.settled();
            watched.restless.note(now, verdict);
        }
    }

    /// Whether it counts how often a target changes and is heard of is up to the file.
    ///
    /// If it does no more, what was told as flapping is a trouble like any other, and nothing has to wait any longer. Answers
    /// who may have waited.
    pub(super) fn heed_flapping(&mut self, now: Moment, batch: &mut Batch) -> Vec<Slot> {
        let is_ignored = !self.plan.damps_flapping;
        let mut freed = Vec::new();
        for (slot, watched) in (0..).map(Slot).zip(&mut self.watched) {
            let Some(watched) = watched else { continue };
            if watched.restless.ignore(is_ignored, now) {
                freed.push(slot);
            }
        }
        for slot in &freed {
            let open = self.at(*slot).and_then(|watched| watched.incident.as_ref());
            if open.is_some_and(|open| open.incident.flapping.is_some()) {
                self.go_on_as_ordinary(now, *slot, batch);
            }
        }
        if !freed.is_empty() {
            self.commons.open.hurry(now.tick);
        }
        freed
    }

    /// Whether nothing but its flapping, or how often it was heard of, decides what is told of a target now; that is done
    /// then.
    pub(super) fn is_damped(&mut self, now: Moment, slot: Slot, batch: &mut Batch) -> bool {
        let Some(watched) = self.at(slot) else {
            return false;
        };
        let (said, truth) = (watched.said(), watched.standing());
        let is_flapping = said.is_some_and(|said| said.is_flapping);
        match watched.telling(now.tick) {
            Telling::Wait(until) => {
                self.hush(slot, until, is_flapping);
                true
            }
            Telling::Ordinary => {
                self.go_on_as_ordinary(now, slot, batch);
                true
            }
            Telling::Truth if is_flapping => {
                let verdict = truth.unwrap_or(Verdict::Operational);
                // That it lasts is news like a beginning.
                let is_no_better = said.is_some_and(|said| verdict >= said.verdict);
                let is_news = truth.is_some() && is_no_better;
                let check = watched.deciding();
                if !is_news || !self.is_held(now, slot, verdict) {
                    self.change(now, slot, verdict, check, batch);
                }
                true
            }
            Telling::Nothing | Telling::Truth | Telling::End => false,
        }
    }

    /// Sees to it that what lasts is told in time.
    pub(super) fn await_steady(&mut self, now: Moment, slot: Slot) {
        let Some(watched) = self.at(slot) else { return };
        let is_flapping = watched.said().is_some_and(|said| said.is_flapping);
        if let Telling::Wait(until) = watched.telling(now.tick)
            && watched.hold.is_none()
        {
            self.hush(slot, until, is_flapping);
        }
    }

    /// Whether nothing that merely is wrong as well is to be told of it now.
    pub(super) fn is_hushed(&mut self, now: Moment, slot: Slot) -> bool {
        let Some(watched) = self.at(slot) else {
            return true;
        };
        if watched.said().is_some_and(|said| said.is_flapping) {
            return true;
        }
        let until = watched.restless.room(now.tick, News::Other);
        if let Some(until) = until {
            self.hush(slot, until, false);
        }
        until.is_some()
    }

    fn hush(&mut self, slot: Slot, until: Tick, is_flapping: bool) {
        if let Some(watched) = self.at_mut(slot) {
            let words = if is_flapping {
                "it goes up and down; what lasts 5 min is told"
            } else if watched.is_in_doubt() {
                "it has to be seen again first"
            } else {
                "it was told often enough within the last hour"
            };
            watched.hold = Some(Box::new(Hold {
                words: String::from(words),
                until: Some(until),
                is_blocked: false,
            }));
        }
    }

    /// It does not flap any more and what was told is true: its incident goes on like any other.
    fn go_on_as_ordinary(&mut self, now: Moment, slot: Slot, batch: &mut Batch) {
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        watched.restless.rest();
        if let Some(open) = &mut watched.incident {
            open.incident.flapping = None;
            if open.remind.is_none() {
                open.remind = plan_reminder(&mut open.incident, now);
            }
            batch.incidents.push(open.incident.clone());
        }
    }

    /// Until when an incident of several stays open though nobody in it is bad: until all are at rest, and may be heard of.
    pub(super) fn rests_at(&mut self, now: Tick, shared: &mut Shared) -> Option<Tick> {
        self.note_flapping(shared);
        let members = self.restless_members(&shared.open.incident);
        members
            .into_iter()
            .flat_map(|restless| [restless.calms_at(now), restless.room(now, News::Other)])
            .flatten()
            .max()
    }

    /// When people may hear such news of an incident of several; absent if they may now.
    pub(super) fn room_for(&self, now: Tick, incident: &Incident, news: News) -> Option<Tick> {
        let members = self.restless_members(incident);
        let rooms = members.iter().map(|restless| restless.room(now, news));
        rooms.flatten().max()
    }

    /// When what changed in an incident of several is told, of which people may hear at this time; absent if now.
    ///
    /// What flaps is told when it has lasted. That somebody stays down waits for nothing else, however much was told.
    pub(super) fn told_at(
        &self,
        now: Tick,
        shared: &Shared,
        room_at: Option<Tick>,
    ) -> Option<Tick> {
        let news = self.news_of(shared);
        let lasting = news.iter().map(|(_, watched)| &watched.restless);
        let unsteady = lasting.filter(|restless| {
            shared.common().flapping.is_some()
                && restless.is_flapping()
                && !restless.has_lasted(now)
        });
        let steady_at: Vec<_> = unsteady.map(Restlessness::steady_at).collect();
        let is_mere_flapping = !news.is_empty() && steady_at.len() == news.len();
        let told_at = if is_mere_flapping {
            steady_at.into_iter().min().max(room_at)
        } else {
            room_at
        };
        let outages = news.iter().filter(|(verdict, _)| *verdict == Verdict::Down);
        let outage_at = outages.map(|(_, watched)| watched.restless.steady_at());
        let told_at = told_at.map(|at| outage_at.fold(at, Tick::min));
        told_at.filter(|at| *at > now)
    }

    /// Who in an incident of several is otherwise than some channel was told of it, and how.
    fn news_of(&self, shared: &Shared) -> Vec<(Verdict, &Watched)> {
        let is_told = |member: &&Member| {
            let mut channels = member.channels.iter();
            channels.all(|channel| {
                let said = shared.said.get(channel);
                let said = said.and_then(|said| said.get(&member.target));
                said == Some(&member.standing())
            })
        };
        let members = shared.common().members.iter();
        members
            .filter(|member| !is_told(member))
            .filter_map(|member| {
                let slot = self.index.get(&member.target)?;
                Some((member.standing(), self.at(*slot)?))
            })
            .collect()
    }

    /// Writes down how the most restless of those in an incident of several does, if one flaps.
    pub(super) fn note_flapping(&self, shared: &mut Shared) {
        let most = self.most_restless(&shared.open.incident);
        shared.common_mut().flapping = most;
    }

    fn most_restless(&self, incident: &Incident) -> Option<Flapping> {
        let members = self.restless_members(incident);
        let flapping = members.iter().filter(|restless| restless.is_flapping());
        let most = flapping.max_by_key(|restless| restless.stored().outages)?;
        Some(Flapping {
            outages: most.stored().outages,
            since: most.stored().since,
            timeline: String::new(),
            is_steady: false,
        })
    }

    fn restless_members(&self, incident: &Incident) -> Vec<&Restlessness> {
        let members = incident.common.iter().flat_map(|common| &common.members);
        members
            .filter_map(|member| self.at(*self.index.get(&member.target)?))
            .map(|watched| &watched.restless)
            .collect()
    }

    /// Those in an incident of several are at rest, as far as they are, now that it is over.
    pub(super) fn let_rest(&mut self, now: Tick, slot: Slot) {
        if let Some(watched) = self.at_mut(slot)
            && watched.restless.calms_at(now).is_none()
        {
            watched.restless.rest();
        }
    }

    /// Counts for each member of an incident of several that people were told of it, and writes down of whomever people were
    /// told that they were.
    pub(super) fn count_told(&mut self, now: Moment, actions: &mut [Action]) {
        // What several channels are told at one moment is heard once by each of their readers.
        let mut by_channel: BTreeMap<(TargetId, ChannelName), usize> = BTreeMap::new();
        let mut counted: BTreeMap<TargetId, usize> = BTreeMap::new();
        for action in actions {
            let Action::Commit(batch) = action else {
                continue;
            };
            // Of a notice nobody is the subject, and what people do about an incident they know themselves.
            let is_heard = |entry: &&Entry| !matches!(entry.kind, Kind::Notice | Kind::Noted);
            let mut heard_of = batch.entries.iter().filter(is_heard).peekable();
            if heard_of.peek().is_none() {
                continue;
            }
            let mut told = BTreeSet::new();
            for entry in heard_of {
                told.extend(entry.story.target.clone());
                if entry.story.many.is_none() {
                    continue;
                }
                let mut incidents = batch.incidents.iter();
                let incident = incidents.rfind(|incident| incident.id == entry.key.incident);
                let common = incident.and_then(|incident| incident.common.as_deref());
                let members = common.map_or(&[][..], |common| &common.members);
                let hearing = members
                    .iter()
                    .filter(|member| member.channels.contains(&entry.key.channel));
                for member in hearing {
                    let whom = (member.target.clone(), entry.key.channel.clone());
                    let heard = by_channel.entry(whom).or_default();
                    *heard += 1;
                    let counted = counted.entry(member.target.clone()).or_default();
                    if *heard <= *counted {
                        continue;
                    }
                    *counted = *heard;
                    let slot = self.index.get(&member.target).copied();
                    if let Some(watched) = slot.and_then(|slot| self.at_mut(slot)) {
                        watched.restless.tell(now);
                    }
                    // A thousand members must not cost a thousand lines with every message.
                    if members.len() <= REMEMBERED_MAX {
                        told.insert(member.target.clone());
                    }
                }
            }
            let records: Vec<_> = told
                .iter()
                .filter_map(|target| self.record_of_telling(now, target, batch))
                .collect();
            if !records.is_empty() {
                Arc::make_mut(batch).checks.extend(records);
            }
        }
    }

    /// What is to be remembered of somebody of whom people were told, unless it is in the batch.
    fn record_of_telling(
        &self,
        now: Moment,
        target: &TargetId,
        batch: &Batch,
    ) -> Option<CheckRecord> {
        let watched = self.at(*self.index.get(target)?)?;
        let known = batch.checks.iter().rev();
        let mut known = known.filter(|record| record.check.target == *target);
        let stored = watched.restless.stored();
        if known.any(|record| record.unrest.as_deref() == Some(stored)) {
            return None;
        }
        let decided = watched.checks.iter().position(|it| it.transitions > 0)?;
        Some(watched.record(decided, now.at))
    }
}

impl Shared {
    /// Somebody is down anew: if that lasts, it is told in time, whatever was told short ago.
    pub(super) fn tell_if_it_lasts(&mut self, now: Tick) {
        let by = now + STEADY;
        self.follow_up = self.follow_up.map(|at| at.min(by));
    }
}

impl Watched {
    /// What people were told last, as the judge of flapping asks.
    pub(super) fn said(&self) -> Option<Said> {
        let incident = &self.incident.as_ref()?.incident;
        Some(Said {
            verdict: incident.verdict,
            is_flapping: incident.flapping.is_some(),
            is_steady: incident.flapping == Some(ToldFlapping::Steady),
        })
    }

    /// What is to be told of it now. Of something that flaps nothing is told while looks have it in question.
    fn telling(&self, now: Tick) -> Telling {
        let said = self.said();
        let telling = self.restless.telling(said, self.standing(), now);
        let is_flapping = said.is_some_and(|said| said.is_flapping);
        let in_question = |watching: &super::watched::Watching| watching.state.burst.is_some();
        let is_in_question = self.checks.iter().any(in_question);
        let is_settled = !self.is_in_doubt() && !is_in_question && !self.is_answering();
        let is_worse = self.standing() > said.map(|said| said.verdict);
        match telling {
            Telling::Truth | Telling::End if is_flapping && !is_settled => {
                Telling::Wait(now + DOUBT_WAIT)
            }
            // It had to wait, and is no longer as sure as it was.
            Telling::Truth if is_worse && (self.is_recovering() || self.is_answering()) => {
                Telling::Wait(now + DOUBT_WAIT)
            }
            // It waited when the process ended, and nobody knows yet whether it still is so.
            Telling::Truth if is_worse && said.is_some() && self.is_in_doubt() => {
                Telling::Wait(now + DOUBT_WAIT)
            }
            Telling::End if is_in_question || self.is_hidden() => Telling::Wait(now + DOUBT_WAIT),
            Telling::Nothing
            | Telling::Wait(_)
            | Telling::Truth
            | Telling::End
            | Telling::Ordinary => telling,
        }
    }

    /// Whether our own trouble hides how it is.
    fn is_hidden(&self) -> bool {
        self.checks[self.deciding()].own_trouble_since.is_some()
    }

    /// Whether the last looks contradict its verdict.
    fn is_recovering(&self) -> bool {
        self.checks[self.deciding()].state.recovery.is_some()
    }

    /// Whether it is down, and since it answered for the first time no more looks failed than were good.
    fn is_answering(&self) -> bool {
        let state = &self.checks[self.deciding()].state;
        let (good, bad) = state.answered;
        state.settled == Verdict::Down && good > 0 && good >= bad
    }

    /// People hear of it: writes down whether as of something that flaps. Answers whether that is other than before.
    pub(super) fn note_heard(&mut self, incident: &mut Incident, now: Moment) -> bool {
        self.restless.tell(now);
        if !self.restless.is_flapping() && incident.flapping.is_none() {
            return false;
        }
        let told = if self.restless.has_lasted(now.tick) {
            ToldFlapping::Steady
        } else {
            ToldFlapping::Unsteady
        };
        let is_other = incident.flapping != Some(told);
        incident.flapping = Some(told);
        if is_other {
            incident.reminders = 0;
        }
        is_other
    }

    /// What a message says of its flapping.
    pub(super) fn flapping(&self, now: Moment) -> Option<Box<Flapping>> {
        let is_told = self.said().is_some_and(|said| said.is_flapping);
        if !is_told && !self.restless.is_flapping() {
            return None;
        }
        let is_steady = self.restless.has_lasted(now.tick);
        Some(Box::new(self.restless.words(now, is_steady)))
    }
}
