//! What people have to be told: incidents and the outbox entries that follow from them.

use std::sync::Arc;

use super::{
    Action, Engine,
    remind::{has_digests, plan_reminder},
    story::each_once,
    watched::{Open, Watched},
};
use crate::{
    model::{
        Batch, ChannelName, ComponentState, Entry, EntryKey, EntryState, Incident, IncidentId,
        Kind, Moment, OnCallName, Outage, Slot, Story, TargetId, Told, Verdict,
        planned::Acknowledgement,
    },
    route::Case,
};

impl Engine {
    /// Compares what people were told of a target with what is, and writes down what they have to hear.
    ///
    /// The one place that opens, changes and closes incidents. Answers with the incident that this belongs to.
    pub(super) fn settle_accounts(
        &mut self,
        now: Moment,
        slot: Slot,
        batch: &mut Batch,
    ) -> Option<IncidentId> {
        self.watch_deploys(now, slot, batch);
        self.note_unrest(now, slot);
        self.note_parents(now, slot);
        let disaster = self.note_disaster(slot);
        let incident = self.settle(now, slot, batch);
        self.tell_disaster(now, disaster, batch);
        self.watch_recovered(now, slot, batch);
        incident
    }

    fn settle(&mut self, now: Moment, slot: Slot, batch: &mut Batch) -> Option<IncidentId> {
        let watched = self.at_mut(slot)?;
        watched.hold = None;
        if let Some(number) = watched.common {
            let incident = self.settle_common(now, slot, number, batch);
            self.set_wake(slot);
            return incident;
        }
        if watched.is_unjudged()
            && let Some(open) = &watched.incident
        {
            // An incident that was found open ends when looks say so, not because there were none yet.
            let id = open.incident.id.clone();
            self.set_wake(slot);
            return Some(id);
        }
        let (told, standing) = (watched.told(), watched.standing());
        let incident = match (told, standing) {
            _ if self.is_damped(now, slot, batch) => self.at(slot)?.open_incident(),
            (None, None) => {
                self.plans.forget_kept(slot);
                None
            }
            (None, Some(verdict)) if self.is_held(now, slot, verdict) => None,
            (None, Some(verdict)) => self.gather(now, slot, verdict, batch),
            (Some(told), Some(verdict)) if told == verdict => self.at(slot)?.open_incident(),
            (Some(told), Some(verdict)) if verdict > told && self.is_held(now, slot, verdict) => {
                self.at(slot)?.open_incident()
            }
            (Some(_), Some(verdict)) => {
                let check = self.at(slot)?.deciding();
                self.change(now, slot, verdict, check, batch)
            }
            (Some(_), None) => self.close(now, slot, batch),
        };
        self.tell_other_shortfalls(now, slot, batch);
        self.await_steady(now, slot);
        self.set_wake(slot);
        incident
    }

    /// Opens an incident of one target.
    pub(super) fn open(
        &mut self,
        now: Moment,
        slot: Slot,
        verdict: Verdict,
        batch: &mut Batch,
    ) -> Option<IncidentId> {
        self.incidents += 1;
        let number = self.incidents;
        let decision = self.decision(slot, verdict)?;
        let watched = self.at(slot)?;
        let target = &watched.target;
        let check = watched.deciding();
        let mut incident = Incident {
            targets: vec![target.id.clone()],
            severity: watched.severity(),
            since: watched.checks[check].state.since,
            verdict,
            worst: verdict,
            remind_after: decision.remind_after,
            seen: seen_before(watched),
            ..Incident::begun(number, now.at)
        };
        watched.note_told(&mut incident, check);
        let story = Arc::new(self.story(now, slot, &decision.to, None));
        for (channel, mention) in decision.to {
            batch.entries.push(entry(
                &incident,
                channel.clone(),
                Kind::Opened,
                now,
                mention.clone(),
                &story,
            ));
            incident.told.push(Told {
                channel,
                at: now.at,
                mention,
            });
        }
        incident.sequence += 1;
        let watched = self.at_mut(slot)?;
        watched.note_heard(&mut incident, now);
        let remind = plan_reminder(&mut incident, now);
        batch.incidents.push(incident.clone());
        let id = incident.id.clone();
        watched.hold = None;
        watched.incident = Some(Box::new(Open { incident, remind }));
        self.plans.forget_kept(slot);
        self.await_steady(now, slot);
        self.opened_lately(now.tick, slot);
        Some(id)
    }

    /// A told trouble became another one. Who was told hears of it; who has to hear of the new one and was not told, too.
    pub(super) fn change(
        &mut self,
        now: Moment,
        slot: Slot,
        verdict: Verdict,
        check: usize,
        batch: &mut Batch,
    ) -> Option<IncidentId> {
        let decision = self.decision(slot, verdict)?;
        let incident = &self.at(slot)?.incident.as_ref()?.incident;
        let was_worse = incident.worst >= verdict;
        // It is not what somebody has taken on any more.
        if let Some(open) = &mut self.at_mut(slot)?.incident {
            open.incident.acknowledged = None;
        }
        let incident = &self.at(slot)?.incident.as_ref()?.incident;
        let mut hearers: Vec<_> = told_of(incident).collect();
        if !was_worse {
            hearers.extend(decision.to.iter().cloned());
        }
        let story = Arc::new(self.story_of(now, slot, check, &hearers, None));
        let watched = self.at_mut(slot)?;
        let mut open = watched.incident.take()?;
        let had_digests = has_digests(&open.incident);
        watched.note_told(&mut open.incident, check);
        if watched.note_heard(&mut open.incident, now) {
            open.remind = None;
        }
        let incident = &mut open.incident;
        for told in &mut incident.told {
            let wanted = decision
                .to
                .iter()
                .find(|(channel, _)| *channel == told.channel);
            // One mention a channel and incident, and only when it gets worse than it ever was.
            let mention = wanted.and_then(|(_, mention)| mention.clone());
            let mention = mention.filter(|_| told.mention.is_none() && !was_worse);
            told.mention = told.mention.take().or_else(|| mention.clone());
            let key = EntryKey {
                incident: incident.id.clone(),
                sequence: incident.sequence,
                channel: told.channel.clone(),
            };
            batch
                .entries
                .push(entry_of(key, Kind::Changed, now, mention, &story));
        }
        if !was_worse {
            tell_newcomers(incident, decision.to, now, &story, batch);
            if !decision.remind_after.is_empty() {
                // It is worse than what the reminders so far were about.
                incident.remind_after = decision.remind_after;
                incident.reminders = 0;
                open.remind = None;
            }
        }
        incident.sequence += 1;
        incident.verdict = verdict;
        incident.worst = incident.worst.max(verdict);
        if has_digests(incident) != had_digests {
            incident.reminders = 0;
            open.remind = None;
        }
        let is_quiet = verdict == Verdict::Unknown || open.incident.is_only_ending();
        if is_quiet || open.remind.is_none() {
            open.remind = plan_reminder(&mut open.incident, now);
        }
        batch.incidents.push(open.incident.clone());
        let id = open.incident.id.clone();
        self.at_mut(slot)?.incident = Some(open);
        self.plans.forget_kept(slot);
        Some(id)
    }

    fn close(&mut self, now: Moment, slot: Slot, batch: &mut Batch) -> Option<IncidentId> {
        let watched = self.at_mut(slot)?;
        let Open { mut incident, .. } = *watched.incident.take()?;
        if incident.worst == Verdict::Down {
            watched.down_ended = Some(now.tick);
        }
        let until = watched.since();
        let outage = outage(&incident, until);
        let to: Vec<_> = told_of(&incident).collect();
        let mut story = self.story(now, slot, &to, Some(outage));
        story
            .notes
            .extend(incident.acknowledged.as_ref().map(Acknowledgement::words));
        let entries = to_all(&incident, &Arc::new(story));
        end(&mut incident, Kind::Recovered, now, entries, batch);
        if let Some(watched) = self.at_mut(slot) {
            watched.restless.tell(now);
            if incident.flapping.is_some() {
                watched.restless.rest();
            }
        }
        Some(incident.id)
    }

    /// Closes the incident of a target that is no longer in the file.
    pub(super) fn close_removed(
        now: Moment,
        target: &TargetId,
        mut incident: Incident,
        batch: &mut Batch,
    ) {
        let outage = outage(&incident, now.at);
        let title = target.as_str().replacen('/', " ", 1);
        let words = String::from("it was taken out of the file, so nobody looks at it any more");
        let to: Vec<_> = told_of(&incident).collect();
        let story = Story {
            target: Some(target.clone()),
            from: incident.verdict,
            to: Verdict::Unknown,
            since: incident.since,
            outage: Some(outage),
            severity: incident.severity,
            also_told: each_once(&to),
            ..Story::plain(title, words, now.at)
        };
        let entries = to_all(&incident, &Arc::new(story));
        end(&mut incident, Kind::Removed, now, entries, batch);
    }

    /// Adds a channel to those that were told of an open incident.
    ///
    /// Of an incident that has been closed meanwhile, the end is already on its way by the same detour.
    pub(super) fn stood_in(
        &mut self,
        now: Moment,
        incident: &IncidentId,
        channel: &ChannelName,
        actions: &mut Vec<Action>,
    ) {
        let alone = self.watched.iter_mut().flatten();
        let alone = alone.filter_map(|watched| watched.incident.as_deref_mut());
        let open = alone.chain(self.commons.open.opens_mut());
        let Some(open) = open.into_iter().find(|open| open.incident.id == *incident) else {
            return;
        };
        if open
            .incident
            .told
            .iter()
            .any(|told| told.channel == *channel)
        {
            return;
        }
        open.incident.told.push(Told {
            channel: channel.clone(),
            at: now.at,
            mention: None,
        });
        let mut batch = Batch::new(now.at);
        batch.incidents.push(open.incident.clone());
        actions.push(Action::Commit(Arc::new(batch)));
    }
}

/// Who was told of an incident, as those who hear of it next.
pub(super) fn told_of(
    incident: &Incident,
) -> impl Iterator<Item = (ChannelName, Option<OnCallName>)> {
    let told = incident.told.iter();
    told.map(|told| (told.channel.clone(), None))
}

/// What the looks that decided saw, as the beginning of the tally.
pub(super) fn seen_before(watched: &Watched) -> Vec<(String, u32)> {
    let watching = &watched.checks[watched.deciding()];
    let label = watching.last.label.clone();
    label
        .map(|label| (label, u32::from(watching.decision.looks_for).max(1)))
        .into_iter()
        .collect()
}

impl Watched {
    /// What there is to be told of it, for the routes.
    pub(super) fn case(&self, verdict: Verdict) -> Case<'_> {
        let target = &self.target;
        Case {
            target: &target.id,
            group: target.group.as_ref(),
            severity: self.severity(),
            verdict,
            role: self.role.as_ref().map(|standing| standing.role),
            component: self.component_down(),
        }
    }

    /// The component that the last body of the deciding check called down.
    fn component_down(&self) -> Option<&str> {
        let detail = self.checks[self.deciding()].last.detail.as_deref()?;
        let mut components = detail.components.iter();
        let down = components.find(|component| component.state == ComponentState::Down)?;
        Some(&down.name)
    }
}

pub(super) fn entry(
    incident: &Incident,
    channel: ChannelName,
    kind: Kind,
    now: Moment,
    mention: Option<OnCallName>,
    story: &Arc<Story>,
) -> Entry {
    let key = EntryKey {
        incident: incident.id.clone(),
        sequence: incident.sequence,
        channel,
    };
    entry_of(key, kind, now, mention, story)
}

pub(super) fn entry_of(
    key: EntryKey,
    kind: Kind,
    now: Moment,
    mention: Option<OnCallName>,
    story: &Arc<Story>,
) -> Entry {
    Entry {
        key,
        kind,
        created_at: now.at,
        mention,
        story: Arc::clone(story),
        state: EntryState::Queued,
        attempts: 0,
        held_until: None,
        instead_of: None,
    }
}

/// Tells of an open incident whoever has to hear of it and was not told yet.
fn tell_newcomers(
    incident: &mut Incident,
    to: Vec<(ChannelName, Option<OnCallName>)>,
    now: Moment,
    story: &Arc<Story>,
    batch: &mut Batch,
) {
    for (channel, mention) in to {
        if incident.told.iter().any(|told| told.channel == channel) {
            continue;
        }
        batch.entries.push(entry(
            incident,
            channel.clone(),
            Kind::Opened,
            now,
            mention.clone(),
            story,
        ));
        incident.told.push(Told {
            channel,
            at: now.at,
            mention,
        });
    }
}

/// One story for everybody who was told.
fn to_all(incident: &Incident, story: &Arc<Story>) -> Vec<(ChannelName, Arc<Story>)> {
    let told = incident.told.iter();
    told.map(|told| (told.channel.clone(), Arc::clone(story)))
        .collect()
}

/// Closes an incident and tells everybody who was told of it.
pub(super) fn end(
    incident: &mut Incident,
    kind: Kind,
    now: Moment,
    to: Vec<(ChannelName, Arc<Story>)>,
    batch: &mut Batch,
) {
    let verdict = to.first().map(|(_, story)| story.to);
    for (channel, story) in to {
        batch
            .entries
            .push(entry(incident, channel, kind, now, None, &story));
    }
    incident.sequence += 1;
    incident.closed_at = Some(now.at);
    incident.verdict = verdict.unwrap_or(Verdict::Operational);
    incident.remind_at = None;
    batch.incidents.push(incident.clone());
}

pub(super) fn outage(incident: &Incident, until: crate::model::Timestamp) -> Outage {
    Outage {
        worst: incident.worst,
        since: incident.since,
        until,
        seen: incident.seen.clone(),
    }
}
