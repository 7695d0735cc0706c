//! One attempt: how it begins, and what each outcome but a refusal does.

use std::time::Duration;

use crate::model::{Batch, ChannelName, Delivery, Entry, Moment, Spot};

use super::{
    Courier, PACE, Parcel, Step, Trouble, Way,
    lane::{Company, Failing, Flight, Form, Lane},
};

/// Waits after the first, second, … failure in a row; the last one repeats.
const BACK_OFF_SECONDS: [u64; 6] = [1, 2, 4, 8, 15, 30];
/// An attempt without an answer for so long is taken for lost; the sender's own limit is far below.
const LOST_AFTER: Duration = Duration::from_mins(2);
/// So much longer if nobody polled meanwhile: after a suspend the answer may be waiting to be read.
const LOST_GRACE: Duration = Duration::from_secs(30);

impl Courier {
    /// Begins an attempt with the entries at these places, of which there is at least one.
    pub(super) fn begin(&mut self, now: Moment, channel: &ChannelName, places: &[usize]) -> Step {
        let lane = self.lanes.entry(channel.clone()).or_default();
        let way = lane.way(places);
        let (places, beside) = &lane.told(places, &way);
        let lateness = lane.lateness(places, now);
        let search = lane.search(places, now.tick);
        let incident = &lane.queue[places[0]].entry.key.incident;
        let is_other = |&place: &usize| lane.queue[place].entry.key.incident != *incident;
        let company = if places.iter().any(is_other) {
            Company::Others
        } else {
            Company::Alone
        };
        let mut mark = Batch::new(now.at);
        let (entries, form) = lane.mark(places, company, &mut mark);
        let members: Vec<_> = entries
            .iter()
            .map(|entry| (entry.key.clone(), entry.state.clone()))
            .collect();
        let beside = beside.iter().map(|&place| &lane.queue[place].entry.key);
        let beside = beside.cloned().collect();
        let key = entries
            .last()
            .map(|entry| entry.key.clone())
            .expect("only what was picked is begun, and what is picked has at least one entry");
        lane.flight = Some(Flight {
            key: key.clone(),
            began: now.tick,
            members,
            beside,
            form,
            way: way.clone(),
            deadline: now.tick + LOST_AFTER,
            is_extended: false,
        });
        let is_repeat = entries.iter().any(|entry| entry.state.is_unsure());
        Step::Send {
            mark,
            parcel: Parcel {
                key,
                channel: channel.clone(),
                entries,
                is_repeat,
                late: lateness,
                is_plain: form == Form::Plain,
                way,
                search,
            },
        }
    }

    pub(super) fn accepted(&mut self, now: Moment, flight: &Flight, spot: Option<Spot>) {
        let channel = &flight.key.channel;
        let Some(lane) = self.lanes.get_mut(channel) else {
            return;
        };
        if flight.way.is_message() {
            lane.spend(now.tick);
        }
        lane.failures = 0;
        lane.malformed = 0;
        lane.accepted_at = Some(now.tick);
        self.reached(now, channel);
        if flight.way != Way::Spare {
            self.unspare(now, channel);
        }
        self.note_living(flight, spot);
        let Some(lane) = self.lanes.get_mut(channel) else {
            return;
        };
        if let Some(refusal) = lane.refusal.take()
            && lane.channel.is_some()
        {
            self.outgoing.say(Step::Report(Trouble::TakesAgain {
                channel: channel.clone(),
                since: refusal.since,
                until: now.at,
            }));
        }
        let taken: Vec<_> = flight
            .members
            .iter()
            .map(|(key, _)| key)
            .chain(&flight.beside)
            .filter_map(|key| lane.take(key))
            .collect();
        for item in taken {
            let key = &item.entry.key;
            let how = if *key == flight.key {
                "accepted"
            } else {
                "folded"
            };
            self.told.note(key);
            self.outgoing.finish(&item.entry, how, now);
            self.note_end(&item.entry);
        }
    }

    /// The channel is not tried again before `wait` has passed.
    pub(super) fn wait(&mut self, now: Moment, flight: &Flight, wait: Duration, why: String) {
        if let Some(lane) = self.lanes.get_mut(&flight.key.channel) {
            lane.not_before = lane.not_before.max(now.tick + wait);
            lane.kept = Some((now.tick, why.clone()));
            let failing = lane.failing.get_or_insert_with(|| Failing {
                why: String::new(),
                since: now.at,
                began: now.tick,
                tried: flight.began,
                is_said: false,
            });
            failing.why = why;
            failing.tried = flight.began;
        }
    }

    /// The next wait of a failing channel.
    pub(super) fn back_off(&mut self, channel: &ChannelName) -> Duration {
        let jitter = self.roll() % 401;
        let Some(lane) = self.lanes.get_mut(channel) else {
            return PACE;
        };
        let step = lane.failures.min(BACK_OFF_SECONDS.len() - 1);
        lane.failures = lane.failures.saturating_add(1);
        Duration::from_millis(BACK_OFF_SECONDS[step] * (800 + jitter))
    }

    /// The attempt certainly failed: everything is as it was before it, but for the count.
    pub(super) fn put_back(&mut self, flight: &Flight, does_count: bool) {
        let Some(lane) = self.lanes.get_mut(&flight.key.channel) else {
            return;
        };
        for (key, before) in &flight.members {
            if let Some(item) = lane.item_mut(key) {
                item.entry.state = before.clone();
                if !does_count {
                    item.entry.attempts = item.entry.attempts.saturating_sub(1);
                }
                self.outgoing.write(&item.entry);
            }
        }
    }

    pub(super) fn put_back_unsure(&mut self, now: Moment, flight: &Flight) {
        let Some(lane) = self.lanes.get_mut(&flight.key.channel) else {
            return;
        };
        for (key, _) in &flight.members {
            if let Some(item) = lane.item_mut(key) {
                item.entry.state = item.entry.state.clone().after_crash();
                item.unsure_since.get_or_insert(now.tick);
                self.outgoing.write(&item.entry);
            }
        }
    }

    /// An attempt without an answer may have arrived.
    pub(super) fn give_up_lost(&mut self, now: Moment) {
        let mut lost = Vec::new();
        for lane in self.lanes.values_mut() {
            let Some(flight) = lane.flight.as_mut() else {
                continue;
            };
            if now.tick < flight.deadline {
                continue;
            }
            if flight.is_extended {
                lost.push(flight.key.clone());
            } else {
                flight.is_extended = true;
                flight.deadline = now.tick + LOST_GRACE;
            }
        }
        for key in lost {
            let why = String::from("the attempt was lost");
            let steps = self.delivered(now, &key, Delivery::Unsure { why });
            self.outgoing.give_back(steps);
        }
    }

    /// The next number of a splitmix64 sequence: plenty for jitter, and the same for the same seed.
    fn roll(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Lane {
    /// Marks these entries as being sent; gives them as they were before, and how they are to be written.
    fn mark(&mut self, places: &[usize], company: Company, mark: &mut Batch) -> (Vec<Entry>, Form) {
        let mut entries = Vec::with_capacity(places.len());
        let mut form = Form::Rich;
        for &place in places {
            let marked = self.marked(&self.queue[place].entry.state);
            let item = &mut self.queue[place];
            entries.push(item.entry.clone());
            item.entry.state = marked;
            item.company = company;
            item.entry.attempts = item.entry.attempts.saturating_add(1);
            mark.entries.push(item.entry.clone());
            if item.form == Form::Plain {
                form = Form::Plain;
            }
        }
        (entries, form)
    }
}
