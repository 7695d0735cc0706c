//! A stand-in for the channels: what it does with each attempt, and what arrived.

use std::{collections::HashMap, time::Duration};

use hekate::{
    model::{ChannelName, Delivery, EntryKey, Kind},
    notify::courier::Parcel,
};

/// How a channel behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mood {
    /// It says ok.
    Ok,
    /// It takes the message, and its answer is lost.
    LosesAnswers,
    /// It says 500; the message did not arrive.
    Broken,
    /// Nobody is there.
    Away,
    /// It says 429.
    Throttles(Duration),
    /// The webhook is gone.
    Refuses,
    /// It takes the connection and says nothing.
    Hangs,
}

/// One message that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) at: Duration,
    pub(crate) channel: ChannelName,
    pub(crate) keys: Vec<EntryKey>,
    pub(crate) kinds: Vec<Kind>,
    /// Of each entry whether it was meant for another channel.
    pub(crate) is_in_place: Vec<bool>,
    pub(crate) is_repeat: bool,
    pub(crate) line: String,
}

/// All channels.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    moods: HashMap<ChannelName, Vec<(Duration, Mood)>>,
    pub(crate) arrived: Vec<Arrived>,
}

impl Receiver {
    /// From this time on the channel behaves like this.
    pub(crate) fn turn(&mut self, channel: &str, at: Duration, mood: Mood) {
        self.moods
            .entry(ChannelName::new(channel))
            .or_default()
            .push((at, mood));
    }

    fn mood(&self, channel: &ChannelName, at: Duration) -> Mood {
        let moods = self.moods.get(channel).map_or(&[][..], Vec::as_slice);
        moods
            .iter()
            .rev()
            .find(|(from, _)| *from <= at)
            .map_or(Mood::Ok, |(_, mood)| *mood)
    }

    /// Whether the channel has been well for so long before this time, and stays so for a while, that nothing of an
    /// earlier trouble can keep a message.
    pub(crate) fn is_well(&self, channel: &ChannelName, at: Duration) -> bool {
        let moods = self.moods.get(channel).map_or(&[][..], Vec::as_slice);
        let from = at.saturating_sub(Duration::from_mins(75));
        let until = at + Duration::from_mins(1);
        self.mood(channel, from) == Mood::Ok
            && moods
                .iter()
                .filter(|(turn, _)| *turn > from && *turn < until)
                .all(|(_, mood)| *mood == Mood::Ok)
    }

    /// Takes an attempt: how it ends, and after how long.
    pub(crate) fn take(
        &mut self,
        now: Duration,
        parcel: &Parcel,
        can_send: bool,
    ) -> (Duration, Delivery) {
        if !can_send {
            let retry = Delivery::Retry {
                after: None,
                is_throttled: false,
                why: String::from("no connection within 5 s"),
            };
            return (Duration::from_secs(5), retry);
        }
        let unsure = |why: &str| Delivery::Unsure {
            why: why.to_owned(),
        };
        match self.mood(&parcel.channel, now) {
            Mood::Ok => {
                self.write_down(now, parcel);
                (Duration::from_millis(120), Delivery::Accepted)
            }
            Mood::LosesAnswers => {
                self.write_down(now, parcel);
                (Duration::from_secs(10), unsure("the answer was lost"))
            }
            Mood::Broken => (Duration::from_millis(80), unsure("HTTP 500")),
            Mood::Hangs => (Duration::from_secs(10), unsure("no answer within 10 s")),
            Mood::Away => {
                let why = String::from("connection refused");
                (
                    Duration::from_millis(5),
                    Delivery::Retry {
                        after: None,
                        is_throttled: false,
                        why,
                    },
                )
            }
            Mood::Throttles(after) => {
                let why = String::from("HTTP 429");
                (
                    Duration::from_millis(60),
                    Delivery::Retry {
                        after: Some(after),
                        is_throttled: true,
                        why,
                    },
                )
            }
            Mood::Refuses => {
                let why = String::from("HTTP 404 no_service");
                (
                    Duration::from_millis(60),
                    Delivery::Refused {
                        why,
                        is_malformed: false,
                    },
                )
            }
        }
    }

    fn write_down(&mut self, now: Duration, parcel: &Parcel) {
        let story = &parcel.newest().story;
        let kinds: Vec<_> = parcel.entries.iter().map(|entry| entry.kind).collect();
        let told: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
        let mention = parcel
            .newest()
            .mention
            .as_ref()
            .map(|name| format!(" @{name}"))
            .unwrap_or_default();
        let repeat = if parcel.is_repeat { " (repeat)" } else { "" };
        let late = parcel
            .late
            .as_ref()
            .map(|late| format!(" (late by {} s)", late.by.as_secs()))
            .unwrap_or_default();
        self.arrived.push(Arrived {
            at: now,
            channel: parcel.channel.clone(),
            keys: parcel
                .entries
                .iter()
                .map(|entry| entry.key.clone())
                .collect(),
            kinds,
            is_in_place: parcel
                .entries
                .iter()
                .map(|entry| entry.instead_of.is_some())
                .collect(),
            is_repeat: parcel.is_repeat,
            line: format!(
                "#{}{mention} {} {}{repeat}{late}",
                parcel.channel,
                told.join("+"),
                story.title
            ),
        });
    }
}
