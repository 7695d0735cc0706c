//! What becomes of the members of an incident of several: worse, better, renamed, gone.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::super::{
    Engine,
    remind::{DOUBT_WAIT, plan_reminder},
    tell::{end, entry},
    watched::{Open, Watched},
};
use super::{
    Shared, case,
    join::spread,
    picture, shared_members,
    words::{GONE, story_of},
};
use crate::{
    judge::flapping::News,
    model::{
        Batch, ChannelName, Incident, IncidentId, Kind, Moment, OnCallName, Slot, TargetId, Tick,
        Verdict,
    },
    route,
};

/// Who is back is told after so long, if by then not all are.
const BACK_AFTER: Duration = Duration::from_secs(30);

impl Engine {
    /// A member of an incident of several changed.
    pub(in crate::engine) fn settle_common(
        &mut self,
        now: Moment,
        slot: Slot,
        number: u64,
        batch: &mut Batch,
    ) -> Option<IncidentId> {
        let watched = self.at(slot)?;
        let id = watched.target.id.clone();
        // A certificate that is to be renewed keeps no incident of others open; it is told by itself when this one is over.
        let standing = watched.standing();
        let is_well = watched.nothing_but_endings().is_some();
        let is_only_ending = watched.is_only_ending();
        let state = &watched.checks[watched.deciding()].state;
        let (words, since) = (state.reason.words.clone(), watched.since());
        if watched.is_unjudged() {
            return Some(self.commons.open.get(number)?.open.incident.id.clone());
        }
        let mut shared = self.commons.open.take(number)?;
        let known = shared.open.incident.id.clone();
        let Some((before, until)) = shared
            .member(&id)
            .map(|member| (member.verdict, member.until))
        else {
            // The incident goes on without it.
            self.commons.open.put(number, shared);
            return Some(known);
        };
        // Who is back was seen to be, and is not bad again because the process that saw it has ended.
        let is_back = is_well || is_only_ending && until.is_some();
        let standing = standing.filter(|_| !is_back);
        let mut soon = None;
        let mut is_changed = false;
        let worse = standing.filter(|verdict| until.is_some() || *verdict > before);
        if worse.is_some_and(|verdict| self.is_held(now, slot, verdict)) {
            self.commons.open.put(number, shared);
            return Some(known);
        }
        match standing {
            None if until.is_none() => {
                shared.change(&id, |member| member.until = Some(since));
                soon = Some(BACK_AFTER);
            }
            None => {}
            Some(verdict) => {
                let is_anew = until.is_some();
                if is_anew || before != verdict {
                    soon = Some(Duration::ZERO);
                }
                shared.change(&id, |member| {
                    member.until = None;
                    member.verdict = verdict;
                    member.words = words;
                });
                if is_anew || verdict > before {
                    let to = self.heard_by(slot, &mut shared, verdict);
                    shared.plan_follow_up(now.tick, Duration::ZERO, &id);
                    shared.forget_acknowledgement(now, batch);
                    if verdict == Verdict::Down {
                        shared.tell_if_it_lasts(now.tick);
                    }
                    spread(now, &mut shared, to, batch);
                    soon = None;
                    is_changed = true;
                }
            }
        }
        if let Some(wait) = soon {
            shared.plan_follow_up(now.tick, wait, &id);
        } else if !is_changed {
            self.commons.open.put(number, shared);
            return Some(known);
        }
        self.let_go(now, number, shared, batch);
        Some(known)
    }

    /// Whoever would be told of a member as it is hears of it with whatever is told of the incident next.
    pub(in crate::engine) fn prepare_member(&mut self, slot: Slot) {
        let number = self.at(slot).and_then(|watched| watched.common);
        let shared = number.and_then(|number| Some((number, self.commons.open.take(number)?)));
        if let Some((number, mut shared)) = shared {
            self.heard_by(slot, &mut shared, Verdict::Down);
            self.commons.open.put(number, shared);
        }
    }

    /// A member has become active, or its trouble a disaster: whoever would be told of that is told now.
    pub(in crate::engine) fn escalate_member(
        &mut self,
        now: Moment,
        slot: Slot,
        number: u64,
        batch: &mut Batch,
    ) {
        let Some(watched) = self.at(slot) else { return };
        let (id, title) = (watched.target.id.clone(), watched.title());
        let (standing, severity) = (watched.standing(), watched.severity());
        let Some(mut shared) = self.commons.open.take(number) else {
            return;
        };
        shared.change(&id, |member| member.title = title);
        let incident = &mut shared.open.incident;
        if severity > incident.severity {
            incident.severity = severity;
            batch.incidents.push(incident.clone());
        }
        if let Some(verdict) = standing.filter(|verdict| *verdict != Verdict::Unknown) {
            let to = self.heard_by(slot, &mut shared, verdict);
            spread(now, &mut shared, to, batch);
        }
        self.commons.open.put(number, shared);
    }

    /// An incident of one member that was found again is told on as a part of the one of several.
    pub(in crate::engine) fn take_over(
        &mut self,
        now: Moment,
        number: u64,
        mut found: Incident,
        batch: &mut Batch,
    ) {
        let Some(mut shared) = self.commons.open.take(number) else {
            return;
        };
        for target in &found.targets {
            let told = found.told.iter().map(|told| &told.channel);
            shared.change(target, |member| {
                for channel in told {
                    if !member.channels.contains(channel) {
                        member.channels.push(channel.clone());
                    }
                }
            });
        }
        super::super::hand_over(now, &mut found, &mut shared.open.incident);
        batch
            .incidents
            .extend([shared.open.incident.clone(), found]);
        self.commons.open.put(number, shared);
    }

    /// Who has to hear of a member, now that it is worse.
    pub(super) fn heard_by(
        &self,
        slot: Slot,
        shared: &mut Shared,
        verdict: Verdict,
    ) -> Vec<(ChannelName, Option<OnCallName>)> {
        let Some(watched) = self.at(slot) else {
            return Vec::new();
        };
        let decision = route::route(&self.plan, case(watched, verdict, shared));
        let id = &watched.target.id;
        shared.change(id, |member| {
            for (channel, _) in &decision.to {
                if !member.channels.contains(channel) {
                    member.channels.push(channel.clone());
                }
            }
        });
        if shared.open.incident.remind_after.is_empty() {
            shared.open.incident.remind_after = decision.remind_after;
        }
        decision.to
    }

    /// Keeps the incident as long as it has a bad member, and then tells everybody its end.
    ///
    /// The end is one for all: whoever stands in for a channel relies on nothing coming after it.
    pub(super) fn let_go(
        &mut self,
        now: Moment,
        number: u64,
        mut shared: Shared,
        batch: &mut Batch,
    ) {
        shared.rests_at = None;
        if shared.is_over() {
            shared.rests_at = self.rests_at(now.tick, &mut shared);
            if shared.rests_at.is_none() {
                self.close_common(now, shared, (Kind::Recovered, ""), batch);
                return;
            }
        }
        shared.open.incident.verdict = shared.worst();
        self.commons.open.put(number, shared);
    }

    pub(super) fn close_common(
        &mut self,
        now: Moment,
        shared: Shared,
        (kind, words): (Kind, &str),
        batch: &mut Batch,
    ) {
        let Open { mut incident, .. } = shared.open;
        let number = incident.number;
        let members: Vec<_> = shared_members(&incident)
            .map(|member| member.target.clone())
            .collect();
        for target in &members {
            let slot = self.index.get(target).copied();
            let Some(watched) = slot.and_then(|slot| self.at_mut(slot)) else {
                continue;
            };
            if watched.common == Some(number) {
                watched.common = None;
                if incident.worst == Verdict::Down {
                    watched.down_ended = Some(now.tick);
                }
            }
        }
        let mut entries = Vec::new();
        for told in &incident.told {
            let mut story = story_of(&incident, Some(&told.channel), kind, now);
            words.clone_into(&mut story.reason.words);
            entries.push((told.channel.clone(), Arc::new(story)));
        }
        end(&mut incident, kind, now, entries, batch);
        // What one of them still has of its own is told by itself.
        for target in &members {
            if let Some(slot) = self.index.get(target).copied() {
                self.let_rest(now.tick, slot);
                self.settle_accounts(now, slot, batch);
            }
        }
    }

    /// Tells what changed since people last heard of an incident.
    pub(super) fn follow_up(&mut self, now: Moment, number: u64, batch: &mut Batch) {
        let Some(mut shared) = self.commons.open.take(number) else {
            return;
        };
        let is_down = shared
            .common()
            .bad()
            .any(|member| member.verdict == Verdict::Down);
        let news = if is_down { News::Down } else { News::Other };
        self.note_flapping(&mut shared);
        let room_at = self.room_for(now.tick, &shared.open.incident, news);
        shared.follow_up = self.told_at(now.tick, &shared, room_at);
        if shared.follow_up.is_some() {
            self.commons.open.put(number, shared);
            return;
        }
        let mut to = std::mem::take(&mut shared.unsaid);
        // Who went bad and came back in between is no news.
        let incident = &shared.open.incident;
        to.retain(|channel| shared.said.get(channel) != Some(&picture(incident, channel)));
        to.retain(|channel| {
            let kept_until = self.kept_until(now, &shared, channel);
            if let Some(until) = kept_until {
                // Somebody may end it sooner.
                let again = until.min(now.tick + DOUBT_WAIT);
                shared.follow_up = Some(shared.follow_up.map_or(again, |at| at.min(again)));
                shared.unsaid.insert(channel.clone());
            }
            kept_until.is_none()
        });
        if to.is_empty() {
            self.commons.open.put(number, shared);
            return;
        }
        shared.told = Some(now.tick);
        shared.follow_ups += 1;
        say(now, &mut shared, Kind::Changed, Some(&to), batch);
        self.commons.open.put(number, shared);
    }

    /// Until when a channel is not to hear what changed, if all of it is that members got worse who are kept from being told
    /// by something planned, or by what they depend on.
    fn kept_until(&self, now: Moment, shared: &Shared, channel: &ChannelName) -> Option<Tick> {
        let said = shared.said.get(channel);
        let members = shared.common().members.iter();
        let theirs = members.filter(|member| member.channels.contains(channel));
        let news = theirs.filter_map(|member| {
            let said = said.and_then(|said| said.get(&member.target).copied());
            let standing = member.standing();
            (said != Some(standing)).then_some((member, said.is_none_or(|said| standing > said)))
        });
        let kept = news.map(|(member, is_worse)| {
            let slot = *self.index.get(&member.target)?;
            let blocked = || self.hold_blocked(now, slot).and_then(|hold| hold.until);
            let until = self.quiet_until(slot).or_else(blocked)?;
            is_worse.then_some(until)
        });
        kept.collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    pub(super) fn remind_common(&mut self, now: Moment, number: u64, batch: &mut Batch) {
        let Some(mut shared) = self.commons.open.take(number) else {
            return;
        };
        let is_in_doubt = shared
            .common()
            .bad()
            .filter_map(|member| self.at(*self.index.get(&member.target)?))
            .all(Watched::is_in_doubt);
        let bad = || {
            let bad = shared.common().bad();
            bad.filter_map(|member| self.index.get(&member.target).copied())
        };
        let quiet: Option<Vec<_>> = bad().map(|slot| self.quiet_until(slot)).collect();
        if is_in_doubt {
            shared.open.remind = Some(now.tick + DOUBT_WAIT);
        } else if let Some(quiet_until) = quiet.and_then(|quiet| quiet.into_iter().min()) {
            shared.open.remind = Some(quiet_until);
        } else if let Some(at) = self.room_for(now.tick, &shared.open.incident, News::Again) {
            shared.open.remind = Some(at);
        } else {
            shared.told = Some(now.tick);
            shared.follow_up = None;
            shared.unsaid.clear();
            say(now, &mut shared, Kind::Reminder, None, batch);
            shared.open.incident.reminders += 1;
            shared.open.remind = plan_reminder(&mut shared.open.incident, now);
            batch.incidents.push(shared.open.incident.clone());
        }
        self.commons.open.put(number, shared);
    }

    /// A member was taken out of the file.
    pub(in crate::engine) fn remove_member(
        &mut self,
        now: Moment,
        number: u64,
        target: &TargetId,
        batch: &mut Batch,
    ) {
        let Some(mut shared) = self.commons.open.take(number) else {
            return;
        };
        shared.change(target, |member| {
            member.until = member.until.or(Some(now.at));
            member.words = String::from(GONE);
        });
        shared.plan_follow_up(now.tick, Duration::ZERO, target);
        if shared.is_over() {
            self.close_common(now, shared, (Kind::Removed, ""), batch);
        } else {
            self.let_go(now, number, shared, batch);
        }
    }

    /// A member has another name.
    pub(in crate::engine) fn rename_member(
        &mut self,
        was: &TargetId,
        slot: Slot,
        batch: &mut Batch,
    ) {
        let Some(watched) = self.at(slot) else { return };
        let (target, number) = (Arc::clone(&watched.target), watched.common);
        let Some((number, mut shared)) =
            number.and_then(|number| Some((number, self.commons.open.take(number)?)))
        else {
            return;
        };
        shared.rename(was, &target);
        batch.incidents.push(shared.open.incident.clone());
        self.commons.open.put(number, shared);
    }

    /// Takes over an open incident of several targets.
    pub(in crate::engine) fn reopen_common(
        &mut self,
        now: Moment,
        mut incident: Incident,
        batch: &mut Batch,
    ) {
        let number = incident.number;
        let longest = incident.remind_after.iter().max().copied();
        let remind = incident
            .remind_at
            .map(|at| now.tick + at.since(now.at).min(longest.unwrap_or_default()));
        let mut gone = Vec::new();
        let members = incident.common.iter_mut();
        // Who was split off has told its own trouble, even if that is over by now.
        let members = members.flat_map(|common| &mut common.members);
        for member in members.filter(|member| !member.is_split_off()) {
            let slot = self.index.get(&member.target).copied();
            match slot.and_then(|slot| self.at_mut(slot)) {
                Some(watched) if watched.incident.is_none() && watched.common.is_none() => {
                    watched.common = Some(number);
                }
                // It was told anew, by itself, while this incident was out of sight.
                Some(_) => member.until = member.until.or(Some(now.at)),
                None => gone.push(member.target.clone()),
            }
        }
        let mut shared = Shared::new(Open { incident, remind }, now.tick);
        shared.recall_said(now.tick);
        self.commons.open.put(number, shared);
        for target in &gone {
            self.remove_member(now, number, target, batch);
        }
        if let Some(shared) = self.commons.open.take(number) {
            self.let_go(now, number, shared, batch);
        }
    }
}

/// One message to everybody who was told, or to those of them whom it concerns.
fn say(
    now: Moment,
    shared: &mut Shared,
    kind: Kind,
    only: Option<&BTreeSet<ChannelName>>,
    batch: &mut Batch,
) {
    let incident = &mut shared.open.incident;
    let concerned = incident
        .told
        .iter()
        .filter(|told| only.is_none_or(|only| only.contains(&told.channel)));
    for told in concerned {
        let mention = told
            .mention
            .clone()
            .filter(|_| kind == Kind::Reminder && incident.reminders == 0);
        let story = Arc::new(story_of(incident, Some(&told.channel), kind, now));
        batch.entries.push(entry(
            incident,
            told.channel.clone(),
            kind,
            now,
            mention,
            &story,
        ));
    }
    let heard: Vec<_> = incident
        .told
        .iter()
        .filter(|told| only.is_none_or(|only| only.contains(&told.channel)))
        .map(|told| (told.channel.clone(), picture(incident, &told.channel)))
        .collect();
    shared.said.extend(heard);
    incident.sequence += 1;
    shared.note_members();
    batch.incidents.push(shared.open.incident.clone());
}
