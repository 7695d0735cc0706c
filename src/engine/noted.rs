//! What people do about an open incident: a step of the messages that live, and of no other message.
//!
//! Whoever takes an incident on, silences it or ends a silence has done something that those who look at its message have to
//! see; nobody has to be called for it. So the step goes only where a bot edits messages, mentions nobody, and is stored in the
//! commit of what was done.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Engine,
    correlate::story_of_shared,
    tell::{entry, told_of},
    watched::Open,
};
use crate::model::{
    Batch, ChannelName, Incident, IncidentId, Kind, Moment, Slot, Story,
    plan::Destination,
    planned::{Ended, PlanKind, Planned, Silent},
};

/// So many targets are named in what somebody did; the rest is counted.
const NAMED_MAX: usize = 4;

/// What somebody did.
#[derive(Debug)]
pub(super) struct Deed {
    /// As a clause; may be foreign.
    pub(super) words: String,
    /// The user's id in Slack of whoever has to do something because of that.
    pub(super) calls: Option<String>,
}

impl Engine {
    /// Shows what somebody did about the incidents of these targets, each of which is shown once.
    pub(super) fn note_deed(
        &mut self,
        now: Moment,
        slots: &BTreeSet<Slot>,
        deed: &Deed,
        batch: &mut Batch,
    ) {
        let mut shown = BTreeSet::new();
        for &slot in slots {
            let Some(watched) = self.at(slot) else {
                continue;
            };
            match watched.common {
                Some(number) if shown.insert(number) => {
                    self.note_shared(now, number, deed, batch);
                }
                Some(_) => {}
                None => self.note_alone(now, slot, deed, batch),
            }
        }
    }

    fn note_alone(&mut self, now: Moment, slot: Slot, deed: &Deed, batch: &mut Batch) {
        let open = self
            .at(slot)
            .and_then(|watched| watched.incident.as_deref());
        let Some(Open { incident, .. }) = open else {
            return;
        };
        let to = self.lived_in(incident);
        if to.is_empty() {
            return;
        }
        let hearers: Vec<_> = told_of(incident).collect();
        let story = Arc::new(done(self.story(now, slot, &hearers, None), deed));
        let open = self
            .at_mut(slot)
            .and_then(|watched| watched.incident.as_deref_mut());
        if let Some(Open { incident, .. }) = open {
            for channel in to {
                batch
                    .entries
                    .push(entry(incident, channel, Kind::Noted, now, None, &story));
            }
            count(incident, batch);
        }
    }

    pub(super) fn note_shared(&mut self, now: Moment, number: u64, deed: &Deed, batch: &mut Batch) {
        let Some(shared) = self.commons.open.get(number) else {
            return;
        };
        let to = self.lived_in(&shared.open.incident);
        if to.is_empty() {
            return;
        }
        let silent = self.silent(&shared.open.incident);
        self.commons.open.change(number, |open| {
            let incident = &mut open.incident;
            for channel in to {
                let story = story_of_shared(incident, Some(&channel), Kind::Noted, now);
                let mut story = done(story, deed);
                if let Some(attended) = &mut story.attended {
                    attended.silent = silent;
                }
                let story = Arc::new(story);
                batch
                    .entries
                    .push(entry(incident, channel, Kind::Noted, now, None, &story));
            }
            count(incident, batch);
        });
    }

    /// The channels that were told of it in which a bot edits messages.
    fn lived_in(&self, incident: &Incident) -> Vec<ChannelName> {
        let told = incident.told.iter().map(|told| &told.channel);
        told.filter(|channel| self.is_edited(channel))
            .cloned()
            .collect()
    }

    /// Whether a bot edits messages in this channel.
    pub(super) fn is_edited(&self, channel: &ChannelName) -> bool {
        self.plan
            .channels
            .get(channel)
            .is_some_and(|channel| match channel.destination {
                Destination::SlackBot { .. } => true,
                Destination::SlackWebhook { .. } | Destination::SignedWebhook { .. } => false,
            })
    }

    /// That all that is still bad of an incident of several is silenced, if it is, and what of that ends first.
    fn silent(&self, incident: &Incident) -> Option<Silent> {
        let bad = incident.common.iter().flat_map(|common| common.bad());
        let until = bad.map(|member| {
            let slot = self.index.get(&member.target).copied()?;
            self.silence_over(slot)
        });
        let until = until.collect::<Option<Vec<_>>>()?.into_iter();
        until.min_by_key(|silent| silent.until)
    }

    /// Whether whoever looks at this channel sees a plan over these in the messages of their open incidents.
    pub(super) fn is_seen_there(&self, channel: &ChannelName, slots: &BTreeSet<Slot>) -> bool {
        let is_told = |incident: &Incident| {
            let mut told = incident.told.iter();
            told.any(|told| told.channel == *channel)
        };
        self.is_edited(channel)
            && slots
                .iter()
                .all(|slot| self.incident_at(*slot).is_some_and(is_told))
    }

    fn incident_at(&self, slot: Slot) -> Option<&Incident> {
        let watched = self.at(slot)?;
        let shared = watched
            .common
            .and_then(|number| self.commons.open.get(number));
        let open = shared.map(|shared| &shared.open);
        let open = open.or(watched.incident.as_deref())?;
        Some(&open.incident)
    }

    /// Shows that a plan over these began or ended.
    pub(super) fn note_plan(
        &mut self,
        now: Moment,
        planned: &Planned,
        slots: &BTreeSet<Slot>,
        batch: &mut Batch,
    ) {
        let titles = slots.iter().filter_map(|slot| self.at(*slot));
        let mut titles = titles.map(|watched| watched.target.title());
        let mut names: Vec<_> = titles.by_ref().take(NAMED_MAX).collect();
        let more = titles.count();
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let deed = Deed {
            words: words(planned, &names.join(", "), self.plan.server.timezone),
            calls: None,
        };
        self.note_deed(now, slots, &deed, batch);
    }

    /// The targets of an open incident that are still watched.
    pub(super) fn slots_of_incident(&self, id: &IncidentId) -> BTreeSet<Slot> {
        let slots = self.index.values().copied();
        slots
            .filter(|slot| {
                let incident = self.incident_at(*slot);
                incident.is_some_and(|incident| incident.id == *id)
            })
            .collect()
    }
}

/// A story with what somebody did.
fn done(mut story: Story, deed: &Deed) -> Story {
    let attended = story.attended.get_or_insert_default();
    deed.words.clone_into(&mut attended.deed);
    attended.calls.clone_from(&deed.calls);
    story
}

/// One more step of an incident is written.
fn count(incident: &mut Incident, batch: &mut Batch) {
    incident.sequence += 1;
    batch.incidents.push(incident.clone());
}

/// `jan@laptop silenced master blue until 22 Nov 16:20:00 CET: db restore (s41)`, `silence s41 is over`.
fn words(planned: &Planned, names: &str, zone: chrono_tz::Tz) -> String {
    let (id, by) = (planned.id, &planned.by);
    let what = match id.kind {
        PlanKind::Silence => format!("silenced {names}"),
        PlanKind::Maintenance => format!("put {names} into maintenance"),
        PlanKind::Deploy => format!("announced a deploy of {names}"),
    };
    match &planned.ended {
        None => {
            let until = planned.end(&planned.until.words(zone));
            format!("{by} {what} until {until}: {} ({id})", planned.why)
        }
        Some(Ended { by: Some(by), .. }) => format!("{by} ended {} {id}", id.kind.as_str()),
        Some(Ended { by: None, .. }) => format!("{} {id} is over", id.kind.as_str()),
    }
}
