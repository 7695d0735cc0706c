//! The queue of one channel, and which of its entries make up the next parcel.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use crate::model::{
    Channel, Entry, EntryKey, EntryState, IncidentId, Kind, Living, Moment, Severity, Tick,
    Timestamp, plan::Destination,
};

pub(super) use url::Origin;

use super::{Late, LateReason, Way, budget::Budget, living::Spared};

/// Slack's budget is one message per second and channel; short bursts would be let through and are not used.
/// Source: Slack, "Rate limits".
pub(super) const PACE: Duration = Duration::from_secs(1);
/// From this age on an entry is told together with what happened since.
pub(super) const FOLD_AGE: Duration = Duration::from_mins(1);
/// From this age on an entry is given up.
pub(super) const EXPIRY: Duration = Duration::from_hours(72);
/// No quiet hours are longer, whatever a moved clock makes of them.
const HELD_MAX: Duration = Duration::from_hours(50);
/// But not before this process has tried for so long: after a long absence the network may need its time as well.
const TRIED_MIN: Duration = Duration::from_hours(1);
/// From so many late messages on they are told as one.
const SUMMARY_MESSAGES_MIN: usize = 5;
/// From so many messages on that wait beside each other they are told as one though none is late: one a second, the last would be.
const CROWD_MESSAGES_MIN: usize = 10;
/// At most so many entries are told when quiet hours end, or when a budget has room again; a person reads a line for each
/// incident.
const HELD_ENTRIES_MAX: usize = 60;
/// At most so many entries are told as one summary: what a person can read, and what fits into one Slack message.
const SUMMARY_ENTRIES_MAX: usize = 20;

/// One channel and what is owed to it, in the order in which it is told.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// What the file says of it; absent once it was taken out of the file.
    pub(super) channel: Option<Channel>,
    /// What the file said last; kept so that a channel that vanished still has its heir.
    pub(super) fallback: Option<crate::model::ChannelName>,
    pub(super) queue: Vec<Item>,
    /// What it may still get, if the file limits that.
    pub(super) budget: Option<Budget>,
    /// Incidents of which this channel is told only once it is stored that it has to hear of their end.
    pub(super) held: BTreeSet<IncidentId>,
    pub(super) flight: Option<Flight>,
    /// No attempt begins before this: pace, back-off or `Retry-After`.
    pub(super) not_before: Tick,
    /// Failed attempts in a row.
    pub(super) failures: usize,
    /// Messages in a row that were refused as malformed in every form.
    pub(super) malformed: usize,
    pub(super) refusal: Option<Refusal>,
    /// That attempts fail for a passing reason; absent while they do not.
    pub(super) failing: Option<Failing>,
    /// When it last took a message.
    pub(super) accepted_at: Option<Tick>,
    /// Whom its address belongs to: channels of one origin mostly fail together.
    pub(super) origin: Option<Origin>,
    /// The last thing that kept a message, and when.
    pub(super) kept: Option<(Tick, String)>,
    /// When the last attempt ended.
    pub(super) tried_at: Option<Tick>,
    /// The messages that are edited as their incidents go on.
    pub(super) living: BTreeMap<IncidentId, Living>,
    /// That its bot is refused and its webhook is used.
    pub(super) spared: Option<Spared>,
    /// Slack's id of the channel, if a bot learned it.
    pub(super) channel_id: Option<String>,
}

/// That a channel takes nothing.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) why: String,
    pub(super) since: Timestamp,
    /// When it is tried again; absent while it is open on trial, its end being not yet certain.
    pub(super) probe_at: Option<Tick>,
}

/// That the attempts at a channel fail for a passing reason.
#[derive(Debug)]
pub(super) struct Failing {
    pub(super) why: String,
    pub(super) since: Timestamp,
    /// When the first of them ended.
    pub(super) began: Tick,
    /// When the last of them was begun.
    pub(super) tried: Tick,
    /// Whether it was said that the channel cannot be reached.
    pub(super) is_said: bool,
}

/// An attempt that was begun.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) key: EntryKey,
    pub(super) began: Tick,
    /// The entries on their way, with the state to return to if it certainly failed.
    pub(super) members: Vec<(EntryKey, EntryState)>,
    /// What is not told, and need not be when they are.
    pub(super) beside: Vec<EntryKey>,
    pub(super) form: Form,
    pub(super) way: Way,
    /// The sender answers long before this; past it the attempt is taken for lost.
    pub(super) deadline: Tick,
    /// Whether the deadline was moved because nobody polled for a long time, as after a suspend.
    pub(super) is_extended: bool,
}

/// How a message is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Rich,
    Plain,
}

/// What is told together with an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Company {
    /// Nothing, or its own incident.
    Alone,
    /// Other incidents.
    Others,
}

/// One entry and what only this process knows of it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) entry: Entry,
    /// When this process got it.
    pub(super) entered: Tick,
    /// Until when it waits for quiet hours to end, if it does or did …
    pub(super) held: Option<Tick>,
    /// … and until when it is kept back with all that belongs to it, as far as was seen last.
    pub(super) kept_until: Option<Tick>,
    /// How old it was when it came. Its age grows by ticks, so that a jump of the clock does not matter.
    pub(super) age_before: Duration,
    pub(super) form: Form,
    /// When it is tried again after it was refused for what it is; absent otherwise.
    pub(super) retry_at: Option<Tick>,
    /// Not to be put into a summary again: one with it was refused.
    pub(super) is_alone: bool,
    /// Its fallback was told.
    pub(super) is_handed_over: bool,
    /// It comes from an earlier process.
    pub(super) is_restored: bool,
    /// With what the last attempt told it.
    pub(super) company: Company,
    /// Since when this process has known that it may have arrived.
    pub(super) unsure_since: Option<Tick>,
}

/// Until when an entry waits for quiet hours to end, if it does.
fn held(entry: &Entry, now: Moment) -> Option<Tick> {
    let wait = entry.held_until?.since(now.at).min(HELD_MAX);
    Some(now.tick + wait)
}

impl Item {
    pub(super) fn new(entry: Entry, now: Moment, age: Duration) -> Self {
        let held = held(&entry, now);
        Self {
            unsure_since: entry.state.is_unsure().then_some(now.tick),
            entry,
            entered: now.tick,
            held,
            kept_until: held.filter(|at| *at > now.tick),
            age_before: age,
            form: Form::Rich,
            retry_at: None,
            is_alone: false,
            is_handed_over: false,
            is_restored: false,
            company: Company::Alone,
        }
    }

    pub(super) fn age(&self, now: Tick) -> Duration {
        self.age_before.saturating_add(now.since(self.begins_at()))
    }

    /// From when on it is to be told.
    fn begins_at(&self) -> Tick {
        self.held.unwrap_or_default().max(self.entered)
    }

    /// When it becomes [`EXPIRY`] old, and was tried for [`TRIED_MIN`].
    pub(super) fn expires_at(&self) -> Tick {
        self.begins_at() + EXPIRY.saturating_sub(self.age_before).max(TRIED_MIN)
    }

    /// Whether an earlier process may have told the heir: in this channel's place, which the mark of an attempt hides,
    /// or in the place of another one that was told the same.
    pub(super) fn may_be_told_elsewhere(&self) -> bool {
        let went_to_others =
            self.entry.instead_of.is_some() || !self.entry.story.also_told.is_empty();
        self.is_restored && (self.entry.state.is_unsure() || went_to_others)
    }

    /// Whether quiet hours keep it back.
    pub(super) const fn is_held(&self) -> bool {
        self.kept_until.is_some()
    }

    pub(super) const fn is_parked(&self) -> bool {
        matches!(self.entry.state, EntryState::Parked { .. })
    }
}

/// Whether this ends an incident.
pub(super) const fn is_closing(kind: Kind) -> bool {
    match kind {
        Kind::Recovered | Kind::Removed | Kind::Split => true,
        Kind::Opened | Kind::Changed | Kind::Reminder | Kind::Notice | Kind::Noted => false,
    }
}

impl Lane {
    pub(super) const fn is_gone(&self) -> bool {
        self.channel.is_none()
    }

    /// Whether it takes nothing, as far as is known.
    pub(super) fn is_closed(&self) -> bool {
        self.refusal
            .as_ref()
            .is_some_and(|refusal| refusal.probe_at.is_some())
    }

    /// Whether the fallback was told in its place, or is owed it; what it is owed is counted there.
    pub(super) const fn is_told_elsewhere(&self, item: &Item) -> bool {
        item.is_handed_over && self.fallback.is_some()
    }

    /// Whether there is a second, plainer form of a message for it.
    pub(super) fn has_plain_form(&self) -> bool {
        self.channel
            .as_ref()
            .is_some_and(|channel| match channel.destination {
                Destination::SlackWebhook { .. } | Destination::SlackBot { .. } => true,
                Destination::SignedWebhook { .. } => false,
            })
    }

    pub(super) fn is_flying(&self, key: &EntryKey) -> bool {
        self.flight
            .as_ref()
            .is_some_and(|flight| flight.members.iter().any(|(member, _)| member == key))
    }

    /// Whether this or another entry of its incident is on its way.
    pub(super) fn is_incident_flying(&self, key: &EntryKey) -> bool {
        self.flight.as_ref().is_some_and(|flight| {
            flight
                .members
                .iter()
                .any(|(member, _)| member.incident == key.incident)
        })
    }

    pub(super) fn has(&self, key: &EntryKey) -> bool {
        self.queue.iter().any(|item| item.entry.key == *key)
    }

    pub(super) fn item_mut(&mut self, key: &EntryKey) -> Option<&mut Item> {
        self.queue.iter_mut().find(|item| item.entry.key == *key)
    }

    /// Takes it into the queue: at the end, but never behind a later one of its own incident.
    pub(super) fn insert(&mut self, item: Item) {
        let key = &item.entry.key;
        let place = self
            .queue
            .iter()
            .position(|other| {
                other.entry.key.incident == key.incident && other.entry.key.sequence > key.sequence
            })
            .unwrap_or(self.queue.len());
        self.queue.insert(place, item);
    }

    pub(super) fn take(&mut self, key: &EntryKey) -> Option<Item> {
        let place = self.queue.iter().position(|item| item.entry.key == *key)?;
        Some(self.queue.remove(place))
    }

    /// The worst severity that waits here.
    pub(super) fn severity(&self) -> Severity {
        self.queue
            .iter()
            .map(|item| item.entry.story.severity)
            .max()
            .unwrap_or_default()
    }

    /// The places in the queue of what makes up the next parcel, if one may begin now.
    pub(super) fn pick(&self, now: Tick) -> Option<Vec<usize>> {
        if self.flight.is_some() || self.is_gone() || self.queue.is_empty() || now < self.gate() {
            return None;
        }
        let mut groups = self.groups();
        groups.retain(|group| !self.is_by_itself(group));
        let living = self.pick_by_itself(now);
        let others = self.pick_others(groups, now);
        match (living, others) {
            // What came first goes first.
            (Some(living), Some(others)) if others[0] < living[0] => Some(others),
            (Some(living), _) => Some(living),
            (None, others) => others,
        }
    }

    /// What is told by itself next.
    fn pick_by_itself(&self, now: Tick) -> Option<Vec<usize>> {
        let may_go = |group: &Vec<usize>| {
            self.is_by_itself(group)
                && self.held_until(group).is_none_or(|at| at <= now)
                && self.retry_at(group).is_none_or(|at| at <= now)
                && self.room_at(group) <= now
        };
        let mut ready: Vec<_> = self.groups().into_iter().filter(may_go).collect();
        // What was refused for what it is gives way to what was not.
        ready.sort_by_key(|group| self.retry_at(group).is_some());
        ready.first().map(|group| self.fold(group, now))
    }

    /// What is told as a message of its own next, or together with others.
    fn pick_others(&self, mut groups: Vec<Vec<usize>>, now: Tick) -> Option<Vec<usize>> {
        let all = groups.clone();
        groups.retain(|group| self.held_until(group).is_none_or(|at| at <= now));
        // What is urgent takes along what waits beside it.
        let may_go = groups.iter().any(|group| {
            self.budget_at(group) <= now && self.retry_at(group).is_none_or(|at| at <= now)
        });
        if !may_go {
            return None;
        }
        // What was refused for what it is gives way to what was not.
        let head = groups
            .iter()
            .find(|group| self.retry_at(group).is_none())
            .or_else(|| {
                groups
                    .iter()
                    .find(|group| self.retry_at(group).is_some_and(|at| at <= now))
            })?;
        self.digest(&all, head, now)
            .or_else(|| self.roll_up(&groups, head, now))
            .or_else(|| self.summary(&groups, head, now))
            .or_else(|| Some(self.fold(head, now)))
    }

    /// Everything whose quiet hours have ended, if `head` is among it.
    ///
    /// What was to wait until the same time goes together, though ticks and dates that were read at different times never agree
    /// to the millisecond.
    fn digest(&self, groups: &[Vec<usize>], head: &[usize], now: Tick) -> Option<Vec<usize>> {
        let until = |group: &[usize]| {
            let entries = group.iter().map(|&place| &self.queue[place].entry);
            entries.filter_map(|entry| entry.held_until).max()
        };
        if until(head).is_none() || !self.may_be_folded(head) {
            return None;
        }
        // What goes sooner, because something told before is over or something cannot wait, goes without the others.
        let is_morning = |place: &usize| self.queue[*place].held.is_none_or(|at| at <= now);
        if !head.iter().all(is_morning) {
            return Some(head.to_vec());
        }
        let is_over = |group: &[usize]| {
            let is_over = self.held_until(group).is_none_or(|at| at <= now);
            until(group).is_some_and(|at| is_over || Some(at) <= until(head))
        };
        let waited = groups.iter().filter(|group| is_over(group));
        Some(self.join(waited.filter(|group| self.may_be_folded(group))))
    }

    /// Everything that waits, if there is more of it than the budget has room for.
    fn roll_up(&self, groups: &[Vec<usize>], head: &[usize], now: Tick) -> Option<Vec<usize>> {
        let budget = self.budget.as_ref()?;
        let waiting: Vec<_> = groups
            .iter()
            .filter(|group| self.may_be_folded(group))
            .collect();
        let is_more = waiting.len() > budget.room(now, false).max(1);
        (is_more && self.may_be_folded(head)).then(|| self.join(waiting.into_iter()))
    }

    /// Whether it can be told together with others: none of it was refused.
    fn may_be_folded(&self, group: &[usize]) -> bool {
        let is_alone = |&place: &usize| self.queue[place].is_alone;
        self.retry_at(group).is_none() && !group.iter().any(is_alone)
    }

    fn join<'a>(&self, groups: impl Iterator<Item = &'a Vec<usize>>) -> Vec<usize> {
        let mut places = Vec::new();
        // What is urgent is not left for a second message.
        let is_urgent = |group: &&Vec<usize>| {
            let urgent = |&place: &usize| self.queue[place].is_urgent();
            group.iter().any(urgent)
        };
        let (urgent, rest): (Vec<_>, Vec<_>) = groups.partition(is_urgent);
        for group in urgent.into_iter().chain(rest) {
            if !places.is_empty() && places.len() + group.len() > HELD_ENTRIES_MAX {
                break;
            }
            places.extend_from_slice(group);
        }
        places.sort_unstable();
        places
    }

    /// Until when a group waits for quiet hours to end, if it does.
    ///
    /// What happens to something of which the channel was told nothing waits with its beginning. Of something that was told
    /// before, the end is told at once, and so is anything that does not wait itself, with all that came before it. What
    /// somebody did is no reason to tell in the night what they did it about.
    fn held_until(&self, group: &[usize]) -> Option<Tick> {
        let items = || group.iter().map(|&place| &self.queue[place]);
        let has_end = items().any(|item| is_closing(item.entry.kind));
        let is_news = |item: &Item| !is_closing(item.entry.kind) && item.entry.kind != Kind::Noted;
        let has_news = items().any(|item| item.held.is_none() && is_news(item));
        let is_untold = items()
            .next()
            .is_some_and(|item| item.entry.kind == Kind::Opened);
        if has_news || (has_end && !is_untold) {
            return None;
        }
        items().filter_map(|item| item.held).max()
    }

    /// The clock on the wall and ticks ran apart: what still waits for quiet hours to end waits until that date.
    pub(super) fn clock_stepped(&mut self, now: Moment) {
        for item in &mut self.queue {
            if item.held.is_some_and(|at| at > now.tick) {
                item.held = held(&item.entry, now);
            }
        }
    }

    /// Sees which items wait for quiet hours to end.
    pub(super) fn see_held(&mut self, now: Tick) {
        for item in &mut self.queue {
            item.kept_until = None;
        }
        for group in self.groups() {
            let until = self.held_until(&group).filter(|at| *at > now);
            for place in group {
                self.queue[place].kept_until = until;
            }
        }
    }

    /// The earliest tick at which [`Lane::pick`] may find something.
    pub(super) fn ready_at(&self) -> Option<Tick> {
        if self.flight.is_some() || self.is_gone() {
            return None;
        }
        let earliest = self
            .groups()
            .iter()
            .map(|group| {
                let held = self.held_until(group).unwrap_or(Tick::ZERO);
                let retry = self.retry_at(group).unwrap_or(Tick::ZERO);
                held.max(retry).max(self.room_at(group))
            })
            .min()?;
        Some(earliest.max(self.gate()))
    }

    fn gate(&self) -> Tick {
        let probe_at = self.refusal.as_ref().and_then(|refusal| refusal.probe_at);
        self.not_before.max(probe_at.unwrap_or(Tick::ZERO))
    }

    /// The queue by message, without what is held: all of an incident is one, a notice is one by itself.
    fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut by_incident = HashMap::new();
        for (place, item) in self.queue.iter().enumerate() {
            if item.entry.kind == Kind::Notice && !item.entry.ends_account() {
                groups.push(vec![place]);
                continue;
            }
            if self.held.contains(&item.entry.key.incident) {
                continue;
            }
            let group = *by_incident
                .entry(&item.entry.key.incident)
                .or_insert(groups.len());
            match groups.get_mut(group) {
                Some(group) => group.push(place),
                None => groups.push(vec![place]),
            }
        }
        groups.retain(|group| !self.is_mute(group));
        groups
    }

    /// When a group may be tried: its newest entry decides, because with it the message is another one.
    fn retry_at(&self, group: &[usize]) -> Option<Tick> {
        group.last().and_then(|&place| self.queue[place].retry_at)
    }

    /// Which of a group is told now: all of it if it is late, else the first.
    fn fold(&self, group: &[usize], now: Tick) -> Vec<usize> {
        let first = &self.queue[group[0]];
        // "Still down" must not be said once it is known to be over.
        let is_outdated = first.entry.kind == Kind::Reminder
            && group
                .iter()
                .any(|&place| is_closing(self.queue[place].entry.kind));
        // By themselves they say nothing where no message is edited.
        let is_unseen = first.entry.kind == Kind::Noted && !self.is_bot();
        let was_refused = first.is_parked() || first.is_handed_over;
        // A later one may have been read already; the first alone would then come after it. Ages do not tell, because the
        // clock may have been moved before a restart.
        let is_later_read = group[1..]
            .iter()
            .any(|&place| self.queue[place].entry.state.is_unsure());
        if is_outdated || is_unseen || was_refused || is_later_read || first.age(now) >= FOLD_AGE {
            group.to_vec()
        } else {
            vec![group[0]]
        }
    }

    /// Many late messages as one, or a crowd of them, if `head` is the first of many.
    fn summary(&self, groups: &[Vec<usize>], head: &[usize], now: Tick) -> Option<Vec<usize>> {
        let is_late = |group: &&Vec<usize>| self.queue[group[0]].age(now) >= FOLD_AGE;
        let mut many: Vec<_> = groups
            .iter()
            .filter(|group| self.may_be_folded(group))
            .collect();
        if many.len() < CROWD_MESSAGES_MIN {
            many.retain(is_late);
        }
        if many.len() < SUMMARY_MESSAGES_MIN || many[0] != head {
            return None;
        }
        let mut places = Vec::new();
        for group in many {
            if places.len() + group.len() > SUMMARY_ENTRIES_MAX {
                break;
            }
            places.extend_from_slice(group);
        }
        places.sort_unstable();
        (!places.is_empty()).then_some(places)
    }

    /// Another address, or a channel that is back: what was refused or failed there says nothing about here.
    pub(super) fn reopen(&mut self, now: Moment) {
        self.failures = 0;
        self.malformed = 0;
        self.not_before = self.not_before.min(now.tick + PACE);
        if let Some(refusal) = &mut self.refusal {
            refusal.probe_at = Some(now.tick);
        }
        for item in &mut self.queue {
            item.retry_at = None;
        }
    }

    /// When an item is given up: never while it is on its way or before an attempt was made since it came.
    pub(super) fn expiry_of(&self, item: &Item) -> Option<Tick> {
        let was_tried = self.tried_at.is_some_and(|at| at >= item.entered);
        (was_tried && !self.is_flying(&item.entry.key)).then(|| item.expires_at())
    }

    pub(super) fn expires_at(&self) -> Option<Tick> {
        self.queue
            .iter()
            .filter_map(|item| self.expiry_of(item))
            .min()
    }

    /// Why the entries at these places come late, if they do.
    pub(super) fn lateness(&self, places: &[usize], now: Moment) -> Option<Late> {
        // What ended while it was held back is no later than what held it.
        let is_digest = places.iter().any(|&place| self.queue[place].held.is_some());
        let oldest = places
            .iter()
            .map(|&place| &self.queue[place])
            .filter(|item| !is_digest || item.held.is_some())
            .max_by_key(|item| item.age(now.tick))?;
        let by = oldest.age(now.tick);
        if by < FOLD_AGE {
            return None;
        }
        let why = match &self.kept {
            Some((at, why)) if *at >= oldest.entered => LateReason::Channel(why.clone()),
            Some(_) | None if oldest.entry.instead_of.is_some() => LateReason::FirstChannel,
            Some(_) | None if oldest.is_restored => LateReason::Restart,
            Some(_) | None if self.budget.is_some() => LateReason::Budget,
            Some(_) | None => LateReason::Queue,
        };
        Some(Late { by, why })
    }

    pub(super) fn last_words(&self) -> Option<String> {
        self.refusal
            .as_ref()
            .map(|refusal| refusal.why.clone())
            .or_else(|| self.kept.as_ref().map(|(_, why)| why.clone()))
    }
}
