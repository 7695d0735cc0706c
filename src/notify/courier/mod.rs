//! Decides what is sent when.
//!
//! [`Courier`] is a plain state machine: whoever drives it says what time it is and carries out the [`Step`]s in their
//! order. It promises, for every channel:
//!
//! * entries of one incident are told in the order in which they happened, one attempt at a time, at least 1 s apart;
//! * an entry stays until the channel took it, or until it was told as a part of another one, or for 72 h, or until
//!   somebody else was told in the channel's place because it is no longer in the file — and each of these ends is stored;
//! * nothing is sent twice unless the first answer was lost, and then the message says so;
//! * whoever was told of a trouble in place of a refusing channel hears of its end: it is told only after whoever owns the
//!   incidents has stored that it will be ([`Step::StandsIn`]).
//!
//! What it does with a [`Delivery`]:
//!
//! | delivery | next |
//! |---|---|
//! | accepted | finished, together with all that was folded into it |
//! | retry | back-off of 1, 2, 4, 8, 15, 30 s (± 20 %), as long as it takes |
//! | retry, throttled | waits as long as the receiver asks (30 s by default, at most 1 h); does not count as an attempt |
//! | unsure | as retry; the next attempt is marked as a repeat |
//! | any of these for 15 min | what is critical is told to a fallback that works as well; the attempts go on |
//! | refused, malformed | once more as plain text, then parked and told to the fallback; the others go on |
//! | refused, with a bot that has a webhook beside it | the webhook is used; the bot is tried again every hour |
//! | refused | the channel is closed: all that waits is parked and told to the fallback; tried again every hour |
//!
//! What waits for quiet hours to end ([`Entry::held_until`]) is told then, all of it as one; what a channel's budget has no
//! room for is told as one when it has (see `budget`).
//!
//! Of a channel that a bot tells, each incident has one message that is edited as it goes on (see `living`), and what may have
//! arrived is looked for before it is told again.
//!
//! Ages are counted in ticks. Only an entry of an earlier process brings an age along that was computed from dates,
//! and such an entry is given up only after an attempt by this process.

mod attempt;
mod budget;
mod handover;
mod lane;
mod living;
#[cfg(test)]
mod living_tests;
mod notice;
mod outgoing;
mod parcel;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod unreachable;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod workspace;
#[cfg(test)]
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::model::{
    Channel, ChannelName, Delivery, Entry, EntryKey, EntryState, IncidentId, Kind, Moment, Tick,
};

pub use self::notice::Notice;
pub use self::parcel::{
    ChannelTrouble, GoOn, Late, LateReason, Outlook, Parcel, Search, Step, Trouble, Way,
};
use self::{
    budget::Budget,
    handover::Told,
    lane::{Form, Item, Lane, PACE, Refusal, is_closing},
    outgoing::Outgoing,
    unreachable::origin_of,
};

/// How many attempts may be under way at once, over all channels.
const IN_FLIGHT_MAX: usize = 8;
/// How long a throttled channel waits when it does not say for how long.
const THROTTLE_DEFAULT: Duration = Duration::from_secs(30);
/// The longest wait that a receiver is granted; above it the next attempt asks again.
const WAIT_MAX: Duration = Duration::from_hours(1);
/// How often a channel or a message that was refused is tried again.
const PROBE_EVERY: Duration = Duration::from_hours(1);
/// A channel at which all attempts fail for so long cannot be reached: somebody else has to hear of what is critical.
const UNREACHABLE_AFTER: Duration = Duration::from_mins(15);
/// After so many messages in a row that are refused as malformed it is the channel and not the messages.
const MALFORMED_MAX: usize = 3;

/// Empties the outbox. See the [module](self) for what it promises.
#[derive(Debug)]
pub struct Courier {
    lanes: BTreeMap<ChannelName, Lane>,
    ops: Option<ChannelName>,
    chance: u64,
    /// What channels took, so that nobody is told twice when a fallback is looked for.
    told: Told,
    /// Who hears of an incident in place of whom.
    stand_ins: BTreeMap<(IncidentId, ChannelName), BTreeSet<ChannelName>>,
    /// Entries that came since the last poll.
    fresh: Vec<EntryKey>,
    outgoing: Outgoing,
    /// Whether it is known that nothing was ever sent.
    is_first: bool,
}

impl Courier {
    /// A courier without channels and entries; `seed` decides the jitter of its waits.
    pub fn new(seed: u64) -> Self {
        Self {
            lanes: BTreeMap::new(),
            ops: None,
            chance: seed,
            told: Told::default(),
            stand_ins: BTreeMap::new(),
            fresh: Vec::new(),
            outgoing: Outgoing::default(),
            is_first: false,
        }
    }

    /// The first courier of all: nothing was ever sent, so that all of each channel's budget is there.
    pub fn first(seed: u64) -> Self {
        Self {
            is_first: true,
            ..Self::new(seed)
        }
    }

    /// Takes the channels of the file, at the start (before [`Courier::restore`]) and after each reload.
    ///
    /// What waits for a channel that vanished goes to its fallback, else to `ops`, else to the first channel. A channel
    /// whose address changed is tried at once, whatever it refused before.
    pub fn configure(
        &mut self,
        now: Moment,
        channels: &BTreeMap<ChannelName, Channel>,
        ops: Option<&ChannelName>,
    ) {
        self.tell_stand_ins(now);
        self.ops = ops.cloned();
        for (name, lane) in &mut self.lanes {
            if !channels.contains_key(name) {
                lane.channel = None;
                lane.refusal = None;
            }
        }
        let mut elsewhere = Vec::new();
        for (name, channel) in channels {
            let lane = self.lanes.entry(name.clone()).or_default();
            let is_elsewhere = lane
                .channel
                .as_ref()
                .is_none_or(|before| before.destination != channel.destination);
            if is_elsewhere {
                lane.reopen(now);
                lane.spared = None;
                lane.channel_id = None;
                lane.origin = origin_of(&channel.destination);
                elsewhere.push(name.clone());
            }
            lane.fallback.clone_from(&channel.fallback);
            let before = lane.channel.as_ref().map(|before| before.max_messages);
            if before != Some(channel.max_messages) {
                let allowance = channel.max_messages;
                let is_first = self.is_first;
                lane.budget = allowance.map(|allowance| Budget::new(allowance, now.tick, is_first));
            }
            lane.channel = Some(channel.clone());
        }
        self.is_first = false;
        for name in elsewhere {
            self.reached(now, &name);
        }
        self.rehome(now);
    }

    /// Takes the outbox of an earlier process, oldest first, at the start.
    ///
    /// An attempt that was under way may have arrived. What was parked is tried at once: a restart often is the repair.
    pub fn restore(&mut self, now: Moment, entries: Vec<Entry>) {
        for mut entry in entries {
            entry.state = entry.state.after_crash();
            if self.has(&entry.key) {
                continue;
            }
            self.restore_stand_in(&entry);
            let begins_at = entry.held_until.unwrap_or(entry.created_at);
            let age = now.at.since(begins_at.max(entry.created_at));
            let lane = self.lanes.entry(entry.key.channel.clone()).or_default();
            if let EntryState::Parked { why, since, .. } = &entry.state
                && lane.refusal.is_none()
            {
                lane.refusal = Some(Refusal {
                    why: why.clone(),
                    since: *since,
                    probe_at: Some(now.tick),
                });
            }
            if entry.attempts > 0 {
                // The process before may have sent it a moment ago.
                lane.not_before = now.tick + PACE;
            }
            let mut item = Item::new(entry, now, age);
            item.is_restored = true;
            item.is_handed_over = matches!(
                item.entry.state,
                EntryState::Parked {
                    is_handed_over: true,
                    ..
                }
            );
            lane.insert(item);
        }
        self.rehome(now);
    }

    /// Takes an entry that is committed. A key that is known already changes nothing.
    pub fn enqueue(&mut self, now: Moment, entry: Entry) {
        if self.has(&entry.key) {
            return;
        }
        if self.told.is_latest(&entry.key) {
            // It was told in the place of another channel before it came by itself.
            self.outgoing.finish(&entry, "folded", now);
            self.note_end(&entry);
            return;
        }
        if entry.kind == Kind::Opened && entry.key.sequence > 0 {
            self.note_newcomer(&entry.key);
        }
        self.fresh.push(entry.key.clone());
        self.lanes
            .entry(entry.key.channel.clone())
            .or_default()
            .insert(Item::new(entry, now, Duration::ZERO));
    }

    /// Takes the answer to [`Step::StandsIn`]: that the channel has to hear of the incident's end is stored by now, or with
    /// whatever is stored next, so it may hear of the beginning.
    pub fn noted(&mut self, incident: &IncidentId, channel: &ChannelName) {
        if let Some(lane) = self.lanes.get_mut(channel) {
            lane.held.remove(incident);
        }
    }

    /// The clock on the wall and ticks ran apart, because it was moved or the machine slept: what waits for the end of quiet
    /// hours waits until that time of day.
    pub fn clock_stepped(&mut self, now: Moment) {
        for lane in self.lanes.values_mut() {
            lane.clock_stepped(now);
        }
    }

    /// Everything that may begin now, most urgent first.
    pub fn poll(&mut self, now: Moment) -> Vec<Step> {
        for lane in self.lanes.values_mut() {
            lane.see_held(now.tick);
            lane.see_spared(now.tick);
        }
        self.give_up_lost(now);
        self.tell_stand_ins(now);
        self.rehome(now);
        self.expire(now);
        self.hand_over(now);
        self.hand_over_unreachable(now);
        let mut steps = self.outgoing.take(now);
        let room = IN_FLIGHT_MAX.saturating_sub(self.in_flight());
        if room > 0 {
            for (channel, places) in self.most_urgent(now).into_iter().take(room) {
                steps.push(self.begin(now, &channel, &places));
            }
        }
        steps
    }

    /// Takes what became of the parcel with this key. A key that is not on its way changes nothing.
    pub fn delivered(&mut self, now: Moment, key: &EntryKey, delivery: Delivery) -> Vec<Step> {
        let Some(lane) = self.lanes.get_mut(&key.channel) else {
            return Vec::new();
        };
        let Some(flight) = lane.flight.take_if(|flight| flight.key == *key) else {
            return Vec::new();
        };
        lane.tried_at = Some(now.tick);
        lane.not_before = now.tick + PACE;
        match delivery {
            Delivery::Accepted => self.accepted(now, &flight, None),
            Delivery::Posted(spot) => self.accepted(now, &flight, Some(spot)),
            Delivery::Retry {
                after,
                is_throttled: true,
                why,
            } => {
                let wait = after.unwrap_or(THROTTLE_DEFAULT).clamp(PACE, WAIT_MAX);
                self.wait(now, &flight, wait, why);
                self.put_back(&flight, false);
            }
            Delivery::Retry {
                after,
                is_throttled: false,
                why,
            } => {
                let wait = self.back_off(&key.channel).max(after.unwrap_or_default());
                self.wait(now, &flight, wait.min(WAIT_MAX), why);
                self.put_back(&flight, true);
            }
            Delivery::Unsure { why } => {
                if flight.way.is_message() {
                    lane.spend(now.tick);
                }
                let wait = self.back_off(&key.channel);
                self.wait(now, &flight, wait, why);
                self.put_back_unsure(now, &flight);
            }
            Delivery::Refused { why, is_malformed } => {
                self.refused(now, &flight, why, is_malformed);
            }
        }
        self.rehome(now);
        self.hand_over(now);
        self.hand_over_unreachable(now);
        self.outgoing.take(now)
    }

    /// When to poll next, at the latest; a tick that has passed means at once, none means that there is nothing to do
    /// until something comes.
    pub fn next_deadline(&self) -> Option<Tick> {
        if !self.outgoing.is_empty() || !self.fresh.is_empty() {
            return Some(Tick::ZERO);
        }
        let may_begin = self.in_flight() < IN_FLIGHT_MAX;
        self.lanes
            .values()
            .flat_map(|lane| {
                let begins_at = lane.ready_at().filter(|_| may_begin);
                let lost_at = lane.flight.as_ref().map(|flight| flight.deadline);
                [begins_at, lost_at, lane.expires_at()]
            })
            .flatten()
            .min()
    }

    /// How telling goes.
    pub fn outlook(&self) -> Outlook {
        let mut outlook = Outlook {
            in_flight: self.in_flight(),
            ..Outlook::default()
        };
        for (name, lane) in &self.lanes {
            for item in &lane.queue {
                let is_refused = item.is_parked() || item.retry_at.is_some() || lane.is_closed();
                if is_refused {
                    outlook.parked += 1;
                    let is_critical = item.entry.story.severity.is_critical();
                    let is_told = lane.is_told_elsewhere(item);
                    outlook.parked_critical += usize::from(is_critical && !is_told);
                } else if item.is_held() {
                    outlook.held += 1;
                } else {
                    outlook.waiting += 1;
                    let created_at = item.entry.created_at;
                    outlook.oldest =
                        Some(outlook.oldest.map_or(created_at, |at| at.min(created_at)));
                }
            }
            let trouble = |why: &String, since| ChannelTrouble {
                channel: name.clone(),
                why: why.clone(),
                since,
            };
            if let Some(refusal) = lane.refusal.as_ref().filter(|_| !lane.is_gone()) {
                outlook.refusing.push(trouble(&refusal.why, refusal.since));
            }
            if let Some(spared) = lane.spared.as_ref().filter(|_| !lane.is_gone()) {
                outlook.spared.push(trouble(&spared.why, spared.since));
            }
            if let Some(failing) = lane.failing.as_ref().filter(|_| !lane.is_gone()) {
                outlook.failing.push(trouble(&failing.why, failing.since));
            }
        }
        outlook
    }

    /// How long the oldest entry has waited that is neither parked nor told elsewhere; counted in ticks, so that a wrong
    /// clock does not matter.
    pub fn oldest_waits(&self, now: Tick) -> Option<Duration> {
        self.lanes
            .values()
            .filter(|lane| !lane.is_closed() && !lane.is_saving(now))
            .flat_map(|lane| lane.queue.iter().map(move |item| (lane, item)))
            .filter(|(lane, item)| {
                !item.is_parked()
                    && !item.is_held()
                    && item.retry_at.is_none()
                    && !lane.is_told_elsewhere(item)
            })
            .map(|(_, item)| item.age(now))
            .max()
    }

    fn has(&self, key: &EntryKey) -> bool {
        self.lanes
            .get(&key.channel)
            .is_some_and(|lane| lane.has(key))
    }

    fn in_flight(&self) -> usize {
        self.lanes
            .values()
            .filter(|lane| lane.flight.is_some())
            .count()
    }

    /// The channels that may begin now with what they would send: those that are well first, of them the critical ones,
    /// then those that waited longest.
    fn most_urgent(&self, now: Moment) -> Vec<(ChannelName, Vec<usize>)> {
        let mut ready: Vec<_> = self
            .lanes
            .iter()
            .filter_map(|(name, lane)| {
                let places = lane.pick(now.tick)?;
                let age = places.iter().map(|&place| lane.queue[place].age(now.tick));
                // A channel that fails holds its place for long, so those that are well go first and are done in a moment.
                let is_well = lane.failures == 0;
                let rank = (is_well, lane.severity(), age.max().unwrap_or_default());
                Some((rank, name.clone(), places))
            })
            .collect();
        ready.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        ready
            .into_iter()
            .map(|(_, name, places)| (name, places))
            .collect()
    }

    /// Gives up what is too old, though not before this process has tried.
    fn expire(&mut self, now: Moment) {
        let mut given_up = Vec::new();
        for (name, lane) in &mut self.lanes {
            let overdue: Vec<_> = lane
                .queue
                .iter()
                .filter(|item| lane.expiry_of(item).is_some_and(|at| at <= now.tick))
                .map(|item| item.entry.key.clone())
                .collect();
            let mut messages = Vec::with_capacity(overdue.len());
            for key in overdue {
                if let Some(item) = lane.take(&key) {
                    self.outgoing.finish(&item.entry, "expired", now);
                    messages.push((key, item.entry.story.title.clone()));
                    given_up.push(item.entry);
                }
            }
            if !messages.is_empty() {
                self.outgoing.say(Step::Report(Trouble::Expired {
                    channel: name.clone(),
                    messages,
                    why: lane.last_words(),
                }));
            }
        }
        for entry in given_up {
            self.note_end(&entry);
        }
    }
}
