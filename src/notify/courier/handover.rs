//! Who is told in whose place, and that whoever was told of a beginning hears of the end.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::model::{ChannelName, Entry, EntryKey, EntryState, IncidentId, Kind, Moment};

use super::{
    Courier, Form, Item, MALFORMED_MAX, PROBE_EVERY, Refusal, Step, Trouble, Way, is_closing,
    lane::{Flight, Lane},
};

/// How far a channel was told of an incident; the latest of them.
#[derive(Debug, Default)]
pub(super) struct Told {
    sequences: HashMap<(IncidentId, ChannelName), u32>,
    order: VecDeque<(IncidentId, ChannelName)>,
}

impl Told {
    /// Enough for every incident that a fallback could still be asked about, and a bound on memory.
    const MAX: usize = 10_000;

    pub(super) fn note(&mut self, key: &EntryKey) {
        let whom = (key.incident.clone(), key.channel.clone());
        if let Some(sequence) = self.sequences.get_mut(&whom) {
            *sequence = key.sequence.max(*sequence);
        } else {
            self.sequences.insert(whom.clone(), key.sequence);
            self.order.push_back(whom);
        }
        if self.order.len() > Self::MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.sequences.remove(&oldest);
        }
    }

    /// Whether this is the latest that the channel was told of the incident.
    pub(super) fn is_latest(&self, key: &EntryKey) -> bool {
        let whom = (key.incident.clone(), key.channel.clone());
        self.sequences.get(&whom) == Some(&key.sequence)
    }

    /// Whether the channel was told this or something later of the same incident.
    fn covers(&self, key: &EntryKey) -> bool {
        let whom = (key.incident.clone(), key.channel.clone());
        self.sequences
            .get(&whom)
            .is_some_and(|sequence| *sequence >= key.sequence)
    }
}

impl Courier {
    /// The receiver will not take it as it is.
    pub(super) fn refused(
        &mut self,
        now: Moment,
        flight: &Flight,
        why: String,
        is_malformed: bool,
    ) {
        self.put_back(flight, true);
        let channel = flight.key.channel.clone();
        let heir = self.heir_of_refusing(&channel);
        let Some(lane) = self.lanes.get_mut(&channel) else {
            return;
        };
        lane.failures = 0;
        let is_by_bot = lane.has_bot() && flight.way != Way::Spare;
        if is_by_bot && !is_malformed && self.spare(now, &channel, &why) {
            self.reached(now, &channel);
            return;
        }
        let Some(lane) = self.lanes.get_mut(&channel) else {
            return;
        };
        lane.kept = Some((now.tick, why.clone()));
        self.reached(now, &channel);
        let Some(lane) = self.lanes.get_mut(&channel) else {
            return;
        };
        if !is_malformed {
            self.close(now, &channel, why, heir);
            return;
        }
        let is_summary = flight
            .members
            .iter()
            .any(|(key, _)| key.incident != flight.key.incident);
        if flight.form == Form::Rich && lane.has_plain_form() {
            lane.each_member(flight, |item| item.form = Form::Plain);
            lane.probe_now(now);
        } else if is_summary {
            // One of them may spoil it for all: they are tried one by one.
            lane.each_member(flight, |item| {
                item.form = Form::Rich;
                item.is_alone = true;
            });
            lane.probe_now(now);
        } else {
            self.park_one(now, flight, why, heir);
        }
    }

    /// The channel takes nothing: nothing is sent there for an hour.
    fn close(
        &mut self,
        now: Moment,
        channel: &ChannelName,
        why: String,
        heir: Option<ChannelName>,
    ) {
        let Some(lane) = self.lanes.get_mut(channel).filter(|lane| !lane.is_gone()) else {
            return;
        };
        lane.malformed = 0;
        let probe_at = Some(now.tick + PROBE_EVERY);
        if let Some(refusal) = &mut lane.refusal {
            refusal.why = why;
            refusal.probe_at = probe_at;
            return;
        }
        self.outgoing.say(Step::Report(Trouble::Refuses {
            channel: channel.clone(),
            why: why.clone(),
            since: now.at,
            told_instead: heir,
        }));
        lane.refusal = Some(Refusal {
            why,
            since: now.at,
            probe_at,
        });
    }

    /// The channel refuses this one message in every form; the others go on, unless it was not the first in a row.
    fn park_one(&mut self, now: Moment, flight: &Flight, why: String, heir: Option<ChannelName>) {
        let channel = &flight.key.channel;
        let Some(lane) = self.lanes.get_mut(channel) else {
            return;
        };
        let members: Vec<_> = lane
            .queue
            .iter()
            .filter(|item| flight.members.iter().any(|(key, _)| *key == item.entry.key))
            .collect();
        // What is refused again says nothing about the channel, or a few such messages would close it every hour.
        let is_new = members.iter().all(|item| item.retry_at.is_none());
        let was_said = members
            .iter()
            .any(|item| item.is_parked() || item.is_handed_over);
        lane.malformed += usize::from(is_new);
        lane.each_member(flight, |item| {
            item.form = Form::Rich;
            item.retry_at = Some(now.tick + PROBE_EVERY);
        });
        let title = lane
            .item_mut(&flight.key)
            .map(|item| item.entry.story.title.clone())
            .unwrap_or_default();
        // It answers to what it is sent, so it is no longer closed; whether it is well, the next message shows.
        if let Some(refusal) = &mut lane.refusal {
            refusal.probe_at = None;
        }
        if is_new && lane.malformed >= MALFORMED_MAX {
            self.close(now, channel, why, heir);
        } else if is_new && !was_said {
            self.outgoing.say(Step::Report(Trouble::RefusesOne {
                key: flight.key.clone(),
                title,
                why,
                told_instead: heir,
            }));
        }
    }

    /// Parks what its channel refuses and tells the fallback, if there is one that takes it.
    pub(super) fn hand_over(&mut self, now: Moment) {
        let names: Vec<_> = self
            .lanes
            .iter()
            .filter(|(_, lane)| !lane.is_gone() && lane.queue.iter().any(|item| lane.owes(item)))
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            let heir = self.heir_of_refusing(&name);
            let is_owed = Lane::owes;
            self.hand_over_from(now, &name, heir.as_ref(), is_owed);
        }
    }

    /// Tells `heir` in place of this channel what it is owed.
    pub(super) fn hand_over_from(
        &mut self,
        now: Moment,
        name: &ChannelName,
        heir: Option<&ChannelName>,
        is_owed: impl Fn(&Lane, &Item) -> bool,
    ) {
        let Some(lane) = self.lanes.get(name) else {
            return;
        };
        if heir.is_none() && lane.fallback.is_some() {
            // The fallback refuses as well: they stay as they are, so that a restart tells it again.
            return;
        }
        let why = lane.last_words().unwrap_or_default();
        let owed: Vec<_> = lane
            .queue
            .iter()
            .filter(|item| is_owed(lane, item))
            .map(|item| {
                let key = item.entry.key.clone();
                let owes = heir.map_or(Owes::Nothing, |heir| owes(&lane.queue, &key, heir));
                (key, owes)
            })
            .collect();
        for (key, owes) in owed {
            let lane = self.lanes.get_mut(name);
            let Some(item) = lane.and_then(|lane| lane.item_mut(&key)) else {
                continue;
            };
            let original = item.entry.clone();
            let may_know = item.may_be_told_elsewhere();
            let age = item.age(now.tick);
            self.park(now, &key, &why, heir.is_some());
            if let Some(heir) = heir.filter(|_| owes != Owes::Nothing) {
                if owes == Owes::Copy {
                    self.copy(now, &original, heir, age, may_know);
                }
                self.note_stand_in(&original, name, heir);
                self.copy_what_follows(now, &key, heir, &why);
            }
        }
    }

    /// Writes down that this waits for a channel that does not take it, and whether somebody was told in its place.
    fn park(&mut self, now: Moment, key: &EntryKey, why: &str, is_told: bool) {
        let lane = self.lanes.get_mut(&key.channel);
        let Some(item) = lane.and_then(|lane| lane.item_mut(key)) else {
            return;
        };
        item.is_handed_over = is_told;
        // One that may have arrived stays `Unsure`: that must not be forgotten, the rest is known anyway.
        match &mut item.entry.state {
            EntryState::Queued => {
                item.entry.state = EntryState::Parked {
                    why: why.to_owned(),
                    since: now.at,
                    is_handed_over: is_told,
                };
                self.outgoing.write(&item.entry);
            }
            EntryState::Parked { is_handed_over, .. } if *is_handed_over != is_told => {
                *is_handed_over = is_told;
                self.outgoing.write(&item.entry);
            }
            EntryState::Parked { .. }
            | EntryState::Sending
            | EntryState::SendingFindable
            | EntryState::Unsure
            | EntryState::UnsureFindable => {}
        }
    }

    /// Owes `heir` what waits behind this entry of its incident: it came before there was a stand-in to tell it to. That is
    /// written down as it is of this entry, or a restart would tell it again.
    fn copy_what_follows(&mut self, now: Moment, key: &EntryKey, heir: &ChannelName, why: &str) {
        let Some(lane) = self.lanes.get(&key.channel) else {
            return;
        };
        let followers: Vec<_> = lane
            .queue
            .iter()
            .filter(|item| {
                let other = &item.entry;
                other.key.incident == key.incident
                    && other.key.sequence > key.sequence
                    && is_for_others(other.kind)
                    && owes(&lane.queue, &other.key, heir) == Owes::Copy
            })
            .map(|item| {
                let may_know = item.may_be_told_elsewhere();
                (item.entry.clone(), item.age(now.tick), may_know)
            })
            .collect();
        for (entry, age, may_know) in followers {
            self.park(now, &entry.key, why, true);
            self.copy(now, &entry, heir, age, may_know);
        }
    }

    /// Moves what waits for channels that are no longer in the file.
    pub(super) fn rehome(&mut self, now: Moment) {
        self.pass_over(now);
        let names: Vec<_> = self
            .lanes
            .iter()
            .filter(|(_, lane)| lane.is_gone() && !lane.queue.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            let Some(heir) = self.heir_of_gone(&name) else {
                continue;
            };
            let Some(lane) = self.lanes.get_mut(&name) else {
                continue;
            };
            // What goes with something that is on its way waits for it: the end must not leave before the beginning.
            let (staying, leaving): (Vec<_>, Vec<_>) = std::mem::take(&mut lane.queue)
                .into_iter()
                .partition(|item| lane.is_incident_flying(&item.entry.key));
            lane.queue = staying;
            for item in &leaving {
                let owes = owes(&leaving, &item.entry.key, &heir);
                if owes == Owes::Copy {
                    let may_know = item.may_be_told_elsewhere();
                    self.copy(now, &item.entry, &heir, item.age(now.tick), may_know);
                }
                if owes != Owes::Nothing {
                    self.note_stand_in(&item.entry, &name, &heir);
                }
                self.outgoing.finish(&item.entry, "handed over", now);
                self.note_end(&item.entry);
            }
        }
    }

    /// Tells those who were told of a trouble in somebody's place how it goes on.
    pub(super) fn tell_stand_ins(&mut self, now: Moment) {
        for key in std::mem::take(&mut self.fresh) {
            let whom = (key.incident.clone(), key.channel.clone());
            let Some(heirs) = self.stand_ins.get(&whom).cloned() else {
                continue;
            };
            let Some(entry) = self
                .lanes
                .get(&key.channel)
                .and_then(|lane| lane.queue.iter().find(|item| item.entry.key == key))
                .map(|item| item.entry.clone())
            else {
                continue;
            };
            if !is_for_others(entry.kind) {
                continue;
            }
            for heir in heirs
                .into_iter()
                .filter(|heir| !entry.story.also_told.contains(heir))
            {
                self.copy(now, &entry, &heir, Duration::ZERO, false);
            }
            if is_closing(entry.kind) {
                self.stand_ins.remove(&whom);
            }
        }
    }

    /// A channel hears of an incident for the first time while earlier messages about it wait for other channels: by what
    /// it hears now it knows more than they say, also after a restart.
    pub(super) fn note_newcomer(&mut self, key: &EntryKey) {
        for (name, lane) in &mut self.lanes {
            if *name == key.channel {
                continue;
            }
            for item in &mut lane.queue {
                let entry = &mut item.entry;
                let is_before =
                    entry.key.incident == key.incident && entry.key.sequence < key.sequence;
                if is_before && !entry.story.also_told.contains(&key.channel) {
                    let story = Arc::make_mut(&mut entry.story);
                    story.also_told.push(key.channel.clone());
                    self.outgoing.write(entry);
                }
            }
        }
    }

    /// What an entry of an earlier process says about who was told in whose place.
    ///
    /// It is said again, because that process may have died before it was written down. Only a copy that is still here
    /// says it: of one that was sent it was written down before, and something parked may have been told to nobody.
    pub(super) fn restore_stand_in(&mut self, entry: &Entry) {
        let channel = &entry.key.channel;
        if let Some(origin) = &entry.instead_of {
            self.note_stand_in(entry, origin, channel);
        }
    }

    fn note_stand_in(&mut self, entry: &Entry, instead_of: &ChannelName, heir: &ChannelName) {
        if entry.kind == Kind::Notice || is_closing(entry.kind) {
            return;
        }
        let incident = entry.key.incident.clone();
        if self.is_end_waiting(&incident, instead_of) {
            // It goes along with what is handed over, and nothing comes after it.
            return;
        }
        let instead_of = instead_of.clone();
        let is_new = self
            .stand_ins
            .entry((incident.clone(), instead_of.clone()))
            .or_default()
            .insert(heir.clone());
        if is_new {
            // Killed between the two, nobody would know any more that it was told.
            let lane = self.lanes.entry(heir.clone()).or_default();
            lane.held.insert(incident.clone());
            self.outgoing.say(Step::StandsIn {
                incident,
                channel: heir.clone(),
                instead_of,
            });
        }
    }

    /// Whether the end of this incident waits for this channel already.
    fn is_end_waiting(&self, incident: &IncidentId, channel: &ChannelName) -> bool {
        self.lanes.get(channel).is_some_and(|lane| {
            lane.queue
                .iter()
                .any(|item| item.entry.key.incident == *incident && is_closing(item.entry.kind))
        })
    }

    /// Owes `heir` what `original` says, unless it knows or will know.
    fn copy(
        &mut self,
        now: Moment,
        original: &Entry,
        heir: &ChannelName,
        age: Duration,
        may_know: bool,
    ) {
        let key = EntryKey {
            channel: heir.clone(),
            ..original.key.clone()
        };
        // Something older must not be told after something later.
        let is_overtaken = self
            .lanes
            .get(heir)
            .and_then(|lane| lane.flight.as_ref())
            .is_some_and(|flight| {
                flight.members.iter().any(|(other, _)| {
                    other.incident == key.incident && other.sequence > key.sequence
                })
            });
        if is_overtaken || self.has(&key) || self.told.covers(&key) {
            return;
        }
        let origin = original
            .instead_of
            .clone()
            .unwrap_or_else(|| original.key.channel.clone());
        let entry = Entry {
            key,
            state: if may_know {
                EntryState::Unsure
            } else {
                EntryState::Queued
            },
            attempts: 0,
            instead_of: (origin != *heir).then_some(origin),
            ..original.clone()
        };
        self.outgoing.write_new(&entry);
        let mut item = Item::new(entry, now, age);
        // What is not known of the original is not known of the copy, should that be handed on.
        item.is_restored = may_know;
        self.lanes.entry(heir.clone()).or_default().insert(item);
    }

    /// Who is told in place of a channel that refuses: its fallback, or that one's, and so on.
    fn heir_of_refusing(&self, channel: &ChannelName) -> Option<ChannelName> {
        let mut asked = BTreeSet::from([channel]);
        let mut lane = self.lanes.get(channel)?;
        loop {
            let next = lane.fallback.as_ref()?;
            if !asked.insert(next) {
                return None;
            }
            lane = self.lanes.get(next)?;
            if !lane.is_gone() && !lane.is_closed() {
                return Some(next.clone());
            }
        }
    }

    /// Who is told in place of a channel that is no longer in the file.
    fn heir_of_gone(&self, channel: &ChannelName) -> Option<ChannelName> {
        let is_there =
            |name: &&ChannelName| self.lanes.get(*name).is_some_and(|lane| !lane.is_gone());
        self.lanes
            .get(channel)
            .and_then(|lane| lane.fallback.as_ref())
            .filter(is_there)
            .or_else(|| self.ops.as_ref().filter(is_there))
            .or_else(|| self.lanes.keys().find(is_there))
            .cloned()
    }
}

/// What an heir has to be told of one message in place of the channel that it was written for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Owes {
    /// The message, and how it goes on.
    Copy,
    /// How it goes on: this message, or a later one of its incident, was written for the heir as well.
    WhatFollows,
    /// Nothing: this message, or a later one of its incident, was handed over already. Whom that went to, perhaps
    /// before a restart, hears how it goes on; this heir was told nothing and would hear of an end without a beginning.
    Nothing,
}

/// What was told by this process is remembered; this can be seen from the outbox alone, so it outlives the process.
fn owes(items: &[Item], key: &EntryKey, heir: &ChannelName) -> Owes {
    let covers = |item: &&Item| {
        let other = &item.entry.key;
        let is_told = item.entry.kind != Kind::Noted;
        is_told && other.incident == key.incident && other.sequence >= key.sequence
    };
    let mut covering = items.iter().filter(covers);
    if covering.clone().any(|item| item.is_handed_over) {
        Owes::Nothing
    } else if covering.any(|item| item.entry.story.also_told.contains(heir)) {
        Owes::WhatFollows
    } else {
        Owes::Copy
    }
}

/// Whether those who hear of an incident in another channel's place hear of this.
const fn is_for_others(kind: Kind) -> bool {
    match kind {
        Kind::Opened
        | Kind::Changed
        | Kind::Recovered
        | Kind::Removed
        | Kind::Notice
        | Kind::Split => true,
        Kind::Reminder | Kind::Noted => false,
    }
}

impl Lane {
    /// Whether this item is refused and nobody was told in its place yet.
    ///
    /// What an earlier process was refused is tried once by this one before somebody else is told.
    fn owes(&self, item: &Item) -> bool {
        if item.is_restored && item.is_parked() && self.tried_at.is_none() {
            return false;
        }
        let is_refused = self.is_closed() || item.retry_at.is_some();
        let has_somebody = self.fallback.is_some() || !item.is_parked();
        is_refused
            && has_somebody
            && item.entry.kind != Kind::Noted
            && !item.is_held()
            && !item.is_handed_over
            && !self.is_flying(&item.entry.key)
    }

    fn each_member(&mut self, flight: &Flight, change: impl Fn(&mut Item)) {
        for (key, _) in &flight.members {
            if let Some(item) = self.item_mut(key) {
                change(item);
            }
        }
    }

    /// If this was a probe, it goes on at once: the channel answers to what it is sent.
    fn probe_now(&mut self, now: Moment) {
        if let Some(at) = self
            .refusal
            .as_mut()
            .and_then(|refusal| refusal.probe_at.as_mut())
        {
            *at = now.tick;
        }
    }
}
