//! A channel that fails for long without refusing anything: who else hears of what is critical.
//!
//! Mostly it is all of Slack that fails, or our own network, and then telling another channel of the same would only double
//! what comes later. So the fallback has to be somewhere else, or has to have taken a message while this channel failed;
//! and because a fallback may be quiet, it first hears of the trouble itself, which shows whether it can be reached.

use crate::model::{ChannelName, Kind, Moment, plan::Destination};

use super::{
    Courier, Item, Lane, Step, Trouble, UNREACHABLE_AFTER, is_closing,
    lane::{Failing, Origin},
};

impl Courier {
    /// Says which channels cannot be reached, and tells fallbacks that work what is critical.
    pub(super) fn hand_over_unreachable(&mut self, now: Moment) {
        let names: Vec<_> = self
            .lanes
            .iter()
            .filter(|(_, lane)| {
                let is_long = lane
                    .failing
                    .as_ref()
                    .is_some_and(|failing| now.tick.since(failing.began) >= UNREACHABLE_AFTER);
                is_long && lane.queue.iter().any(|item| lane.is_urgent(item))
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            let heir = self.heir_of_unreachable(&name);
            let Some(failing) = self
                .lanes
                .get_mut(&name)
                .and_then(|lane| lane.failing.as_mut())
            else {
                continue;
            };
            if !failing.is_said {
                failing.is_said = true;
                let said = Trouble::Unreachable {
                    channel: name.clone(),
                    why: failing.why.clone(),
                    since: failing.since,
                    told_instead: heir.clone(),
                };
                self.outgoing.say(Step::Report(said));
            }
            if heir.is_some() {
                self.hand_over_from(now, &name, heir.as_ref(), Lane::is_urgent);
            }
        }
    }

    /// The channel answered, or has another address: what failed before is over.
    pub(super) fn reached(&mut self, now: Moment, channel: &ChannelName) {
        let failing = self
            .lanes
            .get_mut(channel)
            .and_then(|lane| lane.failing.take());
        if let Some(failing) = failing.filter(|failing| failing.is_said) {
            self.outgoing.say(Step::Report(Trouble::Reached {
                channel: channel.clone(),
                since: failing.since,
                until: now.at,
            }));
        }
    }

    /// The first of the fallbacks that is known to get messages, or may well get them because it is somewhere else.
    fn heir_of_unreachable(&self, channel: &ChannelName) -> Option<ChannelName> {
        let first = self.lanes.get(channel)?;
        let failing = first.failing.as_ref()?;
        let mut asked = vec![channel];
        let mut lane = first;
        loop {
            let next = lane.fallback.as_ref()?;
            if asked.contains(&next) {
                return None;
            }
            asked.push(next);
            lane = self.lanes.get(next)?;
            let is_well = !lane.is_gone() && !lane.is_closed() && lane.failing.is_none();
            let is_elsewhere = lane.origin.is_some() && lane.origin != first.origin;
            if is_well && (is_elsewhere || lane.has_worked_during(failing)) {
                return Some(next.clone());
            }
        }
    }
}

impl Lane {
    /// Whether this is critical, still goes on, was tried here, and nobody was told in this channel's place.
    fn is_urgent(&self, item: &Item) -> bool {
        let entry = &item.entry;
        let is_beginning = match entry.kind {
            Kind::Opened | Kind::Changed => true,
            Kind::Reminder
            | Kind::Recovered
            | Kind::Removed
            | Kind::Notice
            | Kind::Noted
            | Kind::Split => false,
        };
        let is_over = || {
            self.queue.iter().any(|other| {
                other.entry.key.incident == entry.key.incident && is_closing(other.entry.kind)
            })
        };
        is_beginning
            && entry.story.severity.is_critical()
            && !item.is_handed_over
            && !self.is_gone()
            && self.fallback.is_some()
            && self.tried_at.is_some_and(|at| at >= item.entered)
            && !self.is_incident_flying(&entry.key)
            && !is_over()
    }

    /// Whether it took a message while another channel failed, which has failed again since.
    fn has_worked_during(&self, failing: &Failing) -> bool {
        self.accepted_at
            .is_some_and(|at| at > failing.began && failing.tried > at)
    }
}

/// Whom this address belongs to; nobody knows of an address that cannot be read.
pub(super) fn origin_of(destination: &Destination) -> Option<Origin> {
    let url = match destination {
        Destination::SlackWebhook { url } | Destination::SignedWebhook { url, .. } => url.expose(),
        Destination::SlackBot { base_url, .. } => base_url,
    };
    let url = url::Url::parse(url).ok()?;
    Some(url.origin())
}
