//! Messages that live: one for each incident in a channel that a bot tells, edited as the incident goes on.
//!
//! What lives is never told together with other things: its step is an edit and a line in its thread, which nobody who does not
//! look there hears of. Only what has to reach people is broadcast from the thread to the channel, and only that counts
//! against the channel's budget.

use std::time::Duration;

use crate::model::{
    ChannelName, Entry, EntryState, Kind, Living, Moment, Spot, Tick, living::LastTold,
    plan::Destination,
};

use super::{
    Courier, GoOn, PROBE_EVERY, Search, Step, Trouble, Way,
    lane::{Company, Flight, Item, Lane, is_closing},
};

/// The end of an outage that was so long is broadcast: who heard of it has gone away from the message by then. Shorter, and the
/// message that they look at turns green before their eyes; longer, and nobody would learn of a long one's end.
const LONG_OUTAGE: Duration = Duration::from_mins(15);
/// The same for an outage for which somebody was mentioned, and so stopped doing something else.
const LONG_FOR_MENTIONED: Duration = Duration::from_mins(5);
/// For so long is tried to look whether something arrived; then it is told again, and says so.
const SEARCH_FOR: Duration = Duration::from_mins(2);
/// Slack's clock and ours may differ by so much, and ours may have been moved since. Less, and a message would not be found where
/// time is wrong; more, and a busy channel has more messages than are read.
const SKEW: Duration = Duration::from_hours(24);

/// That a channel's bot is refused, and its webhook is used in its place.
#[derive(Debug)]
pub(super) struct Spared {
    pub(super) why: String,
    pub(super) since: crate::model::Timestamp,
    /// When the bot is tried again.
    pub(super) probe_at: Tick,
    /// Whether that has come.
    pub(super) is_due: bool,
}

impl Lane {
    /// Whether its messages go by a bot now.
    pub(super) fn is_bot(&self) -> bool {
        let is_tried = |spared: &Spared| spared.is_due;
        self.has_bot() && self.spared.as_ref().is_none_or(is_tried)
    }

    /// Sees whether a bot that was refused is to be tried again.
    pub(super) fn see_spared(&mut self, now: Tick) {
        if let Some(spared) = &mut self.spared {
            spared.is_due = spared.probe_at <= now;
        }
    }

    /// Whether the file says that its messages go by a bot.
    pub(super) fn has_bot(&self) -> bool {
        self.channel
            .as_ref()
            .is_some_and(|channel| match channel.destination {
                Destination::SlackBot { .. } => true,
                Destination::SlackWebhook { .. } | Destination::SignedWebhook { .. } => false,
            })
    }

    /// Whether there is a webhook for when its bot is refused.
    fn has_spare(&self) -> bool {
        self.channel
            .as_ref()
            .is_some_and(|channel| match &channel.destination {
                Destination::SlackBot { spare, .. } => spare.is_some(),
                Destination::SlackWebhook { .. } | Destination::SignedWebhook { .. } => false,
            })
    }

    /// The living message that these entries go on with.
    fn living_of(&self, group: &[usize]) -> Option<(&Living, &Spot)> {
        let entry = &self.queue[*group.first()?].entry;
        if !self.is_bot() {
            return None;
        }
        let living = self.living.get(&entry.key.incident)?;
        Some((living, living.spot.as_ref()?))
    }

    /// Whether these entries go on with a living message.
    pub(super) fn is_living(&self, group: &[usize]) -> bool {
        self.living_of(group).is_some()
    }

    /// Whether these entries are told by themselves: they go on with a living message, or an attempt before may have begun one.
    pub(super) fn is_by_itself(&self, group: &[usize]) -> bool {
        let may_live = |&place: &usize| {
            let item = &self.queue[place];
            item.entry.state == EntryState::UnsureFindable && item.company == Company::Alone
        };
        self.is_living(group) || (self.is_bot() && group.iter().any(may_live))
    }

    /// Whether these entries go on with a living message and disturb nobody.
    pub(super) fn is_quiet(&self, group: &[usize]) -> bool {
        self.living_of(group).is_some_and(|(living, _)| {
            let entries = group.iter().map(|&place| &self.queue[place].entry);
            !is_loud(living, entries)
        })
    }

    /// Whether these entries say nothing but what somebody did, and no message can show that now. They are kept only because an
    /// attempt before may have begun a message, which has to be looked for when the bot is back.
    pub(super) fn is_mute(&self, group: &[usize]) -> bool {
        let mut kinds = group.iter().map(|&place| self.queue[place].entry.kind);
        !self.is_bot() && kinds.all(|kind| kind == Kind::Noted)
    }

    /// Whether no message shows or will show what somebody did: none lives, and none is about to begin.
    fn is_unshown(&self, place: usize) -> bool {
        let entry = &self.queue[place].entry;
        if entry.kind != Kind::Noted || self.is_flying(&entry.key) {
            return false;
        }
        if entry.state == EntryState::UnsureFindable && !self.is_gone() && !self.is_bot() {
            return false;
        }
        let is_begun = || self.living.contains_key(&entry.key.incident);
        let is_before = |other: &Item| {
            other.entry.key.incident == entry.key.incident
                && (other.entry.kind != Kind::Noted || other.entry.begins_account())
        };
        let begins = || entry.begins_account() || self.queue[..place].iter().any(is_before);
        self.is_gone() || !self.is_bot() || !(is_begun() || begins())
    }

    /// The way of a parcel of these entries, which are told as one.
    pub(super) fn way(&self, places: &[usize]) -> Way {
        if !self.has_bot() {
            return Way::Post;
        }
        if !self.is_bot() {
            return Way::Spare;
        }
        let entries = || places.iter().map(|&place| &self.queue[place].entry);
        let first = &self.queue[places[0]].entry;
        if entries().any(|entry| entry.key.incident != first.key.incident) {
            return Way::Post;
        }
        if let Some((living, spot)) = self.living_of(places) {
            return Way::GoOn(Box::new(GoOn {
                spot: spot.clone(),
                begun_by: living.begun_by,
                is_loud: is_loud(living, entries()),
            }));
        }
        let is_one_by_itself = entries().any(|entry| {
            let is_digest = entry.held_until.is_some();
            let is_news = entry.kind == Kind::Notice && !entry.ends_account();
            let has_nothing_to_come = is_closing(entry.kind) || is_news;
            is_digest || has_nothing_to_come || entry.instead_of.is_some()
        });
        if is_one_by_itself {
            Way::Post
        } else {
            Way::Begin
        }
    }

    /// Which of these entries are told this way, and which need not be. What somebody did is for messages that live; the others
    /// tell what has to be told, as ever.
    pub(super) fn told(&self, places: &[usize], way: &Way) -> (Vec<usize>, Vec<usize>) {
        let does_live = match way {
            Way::Begin | Way::GoOn(_) => true,
            Way::Post | Way::Spare => false,
        };
        let is_told = |place: &usize| does_live || self.queue[*place].entry.kind != Kind::Noted;
        let (told, beside): (Vec<_>, Vec<_>) = places.iter().partition(|place| is_told(place));
        if told.is_empty() {
            (beside, told)
        } else {
            (told, beside)
        }
    }

    /// What has to be found out before these entries are sent, if an attempt before may have arrived.
    pub(super) fn search(&self, places: &[usize], now: Tick) -> Option<Box<Search>> {
        let unsure = || {
            places
                .iter()
                .map(|&place| &self.queue[place])
                .filter(|item| item.entry.state.is_unsure())
        };
        let since = unsure().map(|item| item.entry.created_at).min()?;
        let entries = places.iter().map(|&place| &self.queue[place].entry);
        let first = entries.map(|entry| entry.created_at).min()?;
        let doubted = unsure().filter_map(|item| item.unsure_since).min();
        self.is_bot().then(|| {
            Box::new(Search {
                since: since.min(first) - SKEW,
                is_proof: unsure().all(|item| item.entry.state == EntryState::UnsureFindable),
                is_patient: doubted.is_none_or(|at| now.since(at) < SEARCH_FOR),
                channel_id: self.channel_id.clone(),
            })
        })
    }

    /// What the mark of an attempt says: what cannot be asked for stays so.
    pub(super) fn marked(&self, before: &EntryState) -> EntryState {
        match before {
            EntryState::Unsure | EntryState::Sending => EntryState::Sending,
            EntryState::Queued
            | EntryState::SendingFindable
            | EntryState::UnsureFindable
            | EntryState::Parked { .. } => {
                if self.is_bot() {
                    EntryState::SendingFindable
                } else {
                    EntryState::Sending
                }
            }
        }
    }
}

/// Whether these steps have to reach people who do not look at the message.
fn is_loud<'a>(living: &Living, entries: impl Iterator<Item = &'a Entry>) -> bool {
    let mut before = living.told;
    let mut is_loud = false;
    for entry in entries {
        let told = LastTold::of(&entry.story);
        is_loud = match entry.kind {
            Kind::Opened | Kind::Changed => {
                is_loud || entry.mention.is_some() || told.is_worse_than(before)
            }
            Kind::Reminder => true,
            // Whatever went before: it is over.
            Kind::Recovered | Kind::Removed => is_end_loud(living, entry),
            // What goes on of a split one is told by messages of its own.
            Kind::Notice | Kind::Noted | Kind::Split => is_loud,
        };
        // What somebody did says how it is; what was told of that is what had to be.
        if entry.kind != Kind::Noted {
            before = told;
        }
    }
    is_loud
}

fn is_end_loud(living: &Living, entry: &Entry) -> bool {
    let Some(outage) = &entry.story.outage else {
        return false;
    };
    let length = outage.until.since(outage.since);
    length >= LONG_OUTAGE || (living.is_mentioned && length >= LONG_FOR_MENTIONED)
}

impl Courier {
    /// Takes the living messages of an earlier process, at the start.
    pub fn restore_living(&mut self, all: Vec<Living>) {
        for living in all {
            let lane = self.lanes.entry(living.channel.clone()).or_default();
            lane.living.entry(living.incident.clone()).or_insert(living);
        }
    }

    /// A parcel was taken: its message lives, or lives on, or has come to its end.
    pub(super) fn note_living(&mut self, flight: &Flight, spot: Option<Spot>) {
        let Some(lane) = self.lanes.get_mut(&flight.key.channel) else {
            return;
        };
        // A message that lives on may be where the file said before.
        if let (Some(spot), Way::Begin | Way::Post) = (&spot, &flight.way) {
            lane.channel_id = Some(spot.channel_id.clone());
        }
        let does_live = match flight.way {
            Way::Begin | Way::GoOn(_) => true,
            Way::Post | Way::Spare => false,
        };
        let members = || flight.members.iter().map(|(key, _)| key);
        let entries: Vec<&Entry> = lane
            .queue
            .iter()
            .map(|item| &item.entry)
            .filter(|entry| members().any(|key| *key == entry.key))
            .collect();
        let Some(newest) = entries.last().filter(|_| does_live) else {
            return;
        };
        let before = lane.living.get(&flight.key.incident);
        let news = entries.iter().rfind(|entry| entry.kind != Kind::Noted);
        let told = match (news, before) {
            (Some(news), _) => LastTold::of(&news.story),
            (None, Some(before)) => before.told,
            (None, None) => LastTold::of(&newest.story),
        };
        let living = match (spot, before) {
            (Some(spot), _) => Living {
                incident: flight.key.incident.clone(),
                channel: flight.key.channel.clone(),
                spot: Some(spot),
                begun_by: flight.key.sequence,
                begun_at: newest.created_at,
                told,
                is_mentioned: false,
            },
            (None, Some(before)) => Living {
                told,
                ..before.clone()
            },
            (None, None) => return,
        };
        let was_mentioned = before.is_some_and(|before| before.is_mentioned);
        let living = Living {
            is_mentioned: was_mentioned || entries.iter().any(|entry| entry.mention.is_some()),
            ..living
        };
        // Of what is over nothing is kept; it is taken away with its last entry.
        let is_last = |entry: &&Entry| is_closing(entry.kind) || entry.ends_account();
        if !entries.iter().any(is_last) {
            lane.living
                .insert(flight.key.incident.clone(), living.clone());
            self.outgoing.write_living(living);
        }
    }

    /// What people did is shown by a message that lives, or by none.
    pub(super) fn pass_over(&mut self, now: Moment) {
        for lane in self.lanes.values_mut() {
            let places = 0..lane.queue.len();
            let unshown: Vec<_> = places
                .filter(|&place| lane.is_unshown(place))
                .map(|place| lane.queue[place].entry.key.clone())
                .collect();
            for key in unshown {
                if let Some(item) = lane.take(&key) {
                    self.outgoing.finish(&item.entry, "passed over", now);
                }
            }
        }
    }

    /// An entry leaves the outbox, however: nothing comes after an end, so its message is what it is.
    pub(super) fn note_end(&mut self, entry: &Entry) {
        if !is_closing(entry.kind) && !entry.ends_account() {
            return;
        }
        let lane = self.lanes.get_mut(&entry.key.channel);
        let living = lane.and_then(|lane| lane.living.remove(&entry.key.incident));
        if let Some(living) = living {
            self.outgoing.write_living(Living {
                spot: None,
                ..living
            });
        }
    }

    /// The bot is refused for good: whether a webhook takes its place.
    pub(super) fn spare(&mut self, now: Moment, channel: &ChannelName, why: &str) -> bool {
        let Some(lane) = self.lanes.get_mut(channel).filter(|lane| lane.has_spare()) else {
            return false;
        };
        let probe_at = now.tick + PROBE_EVERY;
        if let Some(spared) = &mut lane.spared {
            spared.probe_at = probe_at;
            spared.is_due = false;
            why.clone_into(&mut spared.why);
            return true;
        }
        lane.spared = Some(Spared {
            why: why.to_owned(),
            since: now.at,
            probe_at,
            is_due: false,
        });
        self.outgoing.say(Step::Report(Trouble::BotRefused {
            channel: channel.clone(),
            why: why.to_owned(),
            since: now.at,
        }));
        true
    }

    /// The bot was taken: its webhook is not needed any more.
    pub(super) fn unspare(&mut self, now: Moment, channel: &ChannelName) {
        let spared = self
            .lanes
            .get_mut(channel)
            .and_then(|lane| lane.spared.take());
        if let Some(spared) = spared {
            self.outgoing.say(Step::Report(Trouble::BotTakenAgain {
                channel: channel.clone(),
                since: spared.since,
                until: now.at,
            }));
        }
    }
}
