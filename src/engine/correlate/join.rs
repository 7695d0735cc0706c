//! Who joins an incident that is open already.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::super::{Engine, tell::entry, watched::Open};
use super::{JOIN_WITHIN, Shared, TOGETHER_WITHIN, picture, words::story_of};
use crate::{
    judge::{cause, flapping::News},
    model::{
        Batch, ChannelName, IncidentId, Kind, Moment, OnCallName, Slot, Tick, Told, Verdict,
        cause::{Cause, Common},
    },
};

impl Engine {
    /// Adds targets to an open incident of this very cause, if there is one that still grows.
    pub(super) fn join_all(
        &mut self,
        now: Moment,
        cause: &Cause,
        slots: &[Slot],
        batch: &mut Batch,
    ) -> bool {
        let verdicts = slots.iter().filter_map(|slot| self.at(*slot)?.standing());
        let news = News::of(verdicts.max().unwrap_or(Verdict::Operational));
        let Some(number) = self.growing(now.tick, cause, news) else {
            return false;
        };
        for slot in slots {
            self.enter(now, *slot, number, batch);
        }
        true
    }

    /// Adds one target to an open incident with which it shares a cause: one of several targets, or one that becomes so.
    pub(super) fn join(
        &mut self,
        now: Moment,
        slot: Slot,
        verdict: Verdict,
        batch: &mut Batch,
    ) -> Option<IncidentId> {
        if verdict == Verdict::Unknown || !self.plan.groups_incidents {
            return None;
        }
        let own: BTreeSet<_> = self.traits(now.tick, slot).into_iter().collect();
        let news = News::of(verdict);
        let known = own.iter();
        let known = known.filter_map(|cause| self.growing(now.tick, cause, news));
        if let Some(number) = known.max() {
            return self.enter(now, slot, number, batch);
        }
        let (cause, other) = self.partner(now, slot, &own, news)?;
        let number = self.share(now, cause, other)?;
        self.enter(now, slot, number, batch)
    }

    /// The open incident of this cause that others may still join. One of which people may not hear such news now is none: who
    /// joined it would have to wait for what was told of others.
    fn growing(&self, now: Tick, cause: &Cause, news: News) -> Option<u64> {
        let has_room = |shared: &Shared| self.room_for(now, &shared.open.incident, news).is_none();
        self.commons.open.growing(cause, now, has_room)
    }

    /// The target of an open incident of its own, told a short while ago, that shares a cause with this one.
    ///
    /// What says little about two, such as the same error, is believed of three that were told one by one: the others of them
    /// must have been told a moment ago.
    fn partner(
        &mut self,
        now: Moment,
        slot: Slot,
        own: &BTreeSet<Cause>,
        news: News,
    ) -> Option<(Cause, Slot)> {
        let mut alike: BTreeMap<Cause, usize> = BTreeMap::new();
        for (other, ago) in self.partners(now.tick, slot, news) {
            let theirs = self.traits(now.tick, other);
            for cause in theirs.into_iter().filter(|cause| own.contains(cause)) {
                if !may_be_shared(&cause, ago) {
                    continue;
                }
                let count = alike.entry(cause.clone()).or_insert(1);
                *count += 1;
                let count = *count;
                if cause::is_believed(&cause, count, self.census(now.tick, &cause)) {
                    return Some((cause, other));
                }
            }
        }
        None
    }

    /// Those of whom people were told a short while ago, each by itself, the latest first, and how long ago: they are bad,
    /// and people may hear of them now.
    pub(super) fn partners(&self, now: Tick, slot: Slot, news: News) -> Vec<(Slot, Duration)> {
        let recent = self.recent.iter().rev();
        let partners = recent.filter_map(|(other, at)| {
            let watched = self.at(*other)?;
            let open = watched.incident.as_ref()?;
            // Its end may have to wait until people may hear of it again, and who flaps keeps the others from theirs.
            let is_over = watched.standing().is_none() || watched.restless.is_flapping();
            let has_room = watched.restless.room(now, news).is_none();
            let is_fit = *other != slot
                && !is_over
                && has_room
                && open.incident.verdict != Verdict::Unknown
                && !watched.is_told_alone();
            is_fit.then(|| (*other, now.since(*at)))
        });
        partners.filter(|(_, ago)| *ago <= JOIN_WITHIN).collect()
    }

    /// Turns the incident of one target into one of several.
    pub(super) fn share(&mut self, now: Moment, cause: Cause, slot: Slot) -> Option<u64> {
        let population = self.census(now.tick, &cause).all.max(2);
        let Open {
            mut incident,
            remind,
        } = *self.at_mut(slot)?.incident.take()?;
        let number = incident.number;
        let (since, remind_after) = (incident.since, incident.remind_after.clone());
        let told_as = incident.verdict;
        incident.common = Some(Box::new(Common {
            cause,
            population: u32::try_from(population).unwrap_or(u32::MAX),
            members: Vec::new(),
            flapping: None,
        }));
        // Of several that is told by how they are, one by one.
        incident.flapping = None;
        let told = incident.told.iter().map(|told| told.channel.clone());
        let channels: Vec<_> = told.collect();
        incident.targets.clear();
        let mut shared = Shared::new(Open { incident, remind }, now.tick);
        self.admit(slot, number, &mut shared);
        let watched = self.at(slot)?;
        let (target, is_disaster) = (watched.target.id.clone(), watched.is_disaster);
        shared.change(&target, |member| {
            // What matters for its end is who was told, not who would be now. Of a disaster those are told in a moment.
            let would_be = std::mem::take(&mut member.channels);
            // That may be less than what is known by now.
            member.said = channels
                .iter()
                .map(|channel| (channel.clone(), told_as))
                .collect();
            member.channels = channels;
            for channel in would_be.into_iter().filter(|_| is_disaster) {
                if !member.channels.contains(&channel) {
                    member.channels.push(channel);
                }
            }
            member.since = since;
        });
        shared.open.incident.remind_after = remind_after;
        shared.open.incident.since = since;
        shared.recall_said(now.tick);
        shared.follow_up = None;
        // A new trouble is told at once, however short ago the first one was.
        shared.told = None;
        self.commons.open.put(number, shared);
        self.set_wake(slot);
        Some(number)
    }

    /// A target becomes a member of an open incident: who was not told yet hears of it now, the others in a follow-up.
    pub(super) fn enter(
        &mut self,
        now: Moment,
        slot: Slot,
        number: u64,
        batch: &mut Batch,
    ) -> Option<IncidentId> {
        let target = self.at(slot)?.target.id.clone();
        let mut shared = self.commons.open.take(number)?;
        let to = self.admit(slot, number, &mut shared);
        shared.grew = now.tick;
        shared.plan_follow_up(now.tick, Duration::ZERO, &target);
        shared.forget_acknowledgement(now, batch);
        spread(now, &mut shared, to, batch);
        let id = shared.open.incident.id.clone();
        self.commons.open.put(number, shared);
        Some(id)
    }
}

/// Whether somebody may share this cause with one that was told by itself so long ago.
pub(super) fn may_be_shared(cause: &Cause, ago: Duration) -> bool {
    match cause {
        Cause::Network(_) | Cause::Error(_) => ago <= TOGETHER_WITHIN,
        // That it was the same moment is said only of what is told at one.
        Cause::Together => false,
        Cause::Host(_)
        | Cause::Component(_)
        | Cause::Source(_)
        | Cause::Group(_)
        | Cause::Release(_) => true,
    }
}

/// Tells an open incident to channels that have not heard of it; a first mention is worth a message of its own.
pub(super) fn spread(
    now: Moment,
    shared: &mut Shared,
    to: Vec<(ChannelName, Option<OnCallName>)>,
    batch: &mut Batch,
) {
    let worst = shared.worst();
    let incident = &mut shared.open.incident;
    let is_worse = worst > incident.worst;
    let mut is_told = false;
    incident.worst = incident.worst.max(worst);
    for (channel, mention) in to {
        let known = incident
            .told
            .iter_mut()
            .find(|told| told.channel == channel);
        let kind = match known {
            None => {
                incident.told.push(Told {
                    channel: channel.clone(),
                    at: now.at,
                    mention: mention.clone(),
                });
                Kind::Opened
            }
            Some(told) if is_worse || (told.mention.is_none() && mention.is_some()) => {
                told.mention = told.mention.take().or_else(|| mention.clone());
                Kind::Changed
            }
            Some(_) => continue,
        };
        let story = Arc::new(story_of(incident, Some(&channel), kind, now));
        shared.unsaid.remove(&channel);
        shared
            .said
            .insert(channel.clone(), picture(incident, &channel));
        batch
            .entries
            .push(entry(incident, channel, kind, now, mention, &story));
        is_told = true;
    }
    incident.verdict = worst;
    if shared.unsaid.is_empty() {
        shared.follow_up = None;
    }
    if is_told {
        shared.open.incident.sequence += 1;
        shared.note_members();
        batch.incidents.push(shared.open.incident.clone());
    }
}
