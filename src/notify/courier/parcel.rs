//! What the courier says: what to send, what to store, what somebody should hear of.

use std::{fmt, time::Duration};

use crate::model::{Batch, ChannelName, Entry, EntryKey, IncidentId, Severity, Spot, Timestamp};

/// One thing to do. Steps are carried out in the order in which they are given.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Store `mark` first, then hand the parcel to the sender, then say what became of it with
    /// [`Courier::delivered`](super::Courier::delivered).
    Send {
        /// The entries of the parcel as `Sending`, with this attempt counted.
        mark: Batch,
        /// What to send.
        parcel: Parcel,
    },
    /// Only store.
    Commit(Batch),
    /// Something that whoever runs hekate should hear of, once.
    Report(Trouble),
    /// A channel hears of an incident in place of another one. It has to hear of the incident's end as well, so it
    /// belongs in [`Incident::told`](crate::model::Incident::told). It is told nothing of the incident before the answer
    /// [`Courier::noted`](super::Courier::noted). May be said again after a restart.
    StandsIn {
        /// The incident.
        incident: IncidentId,
        /// Who hears of it now.
        channel: ChannelName,
        /// In whose place.
        instead_of: ChannelName,
    },
}

/// One message for one channel.
#[derive(Clone, PartialEq, Debug)]
pub struct Parcel {
    /// The key of its newest entry; names the parcel. The same content keeps it, content that grew gets another.
    pub key: EntryKey,
    /// Where it goes.
    pub channel: ChannelName,
    /// One entry, or several to be told as one, in the order in which they happened; never empty.
    ///
    /// They are as they were before this attempt: an entry that may have arrived already is still `Unsure`.
    pub entries: Vec<Entry>,
    /// Whether an earlier attempt with any of the entries may have arrived: the message has to say so.
    pub is_repeat: bool,
    /// Why it comes late, if the oldest of its entries is older than 60 s.
    pub late: Option<Late>,
    /// Whether the rich form was refused as malformed, so that it is to be plain text now.
    pub is_plain: bool,
    /// How it is told, of a channel that a bot tells; of any other one it is always [`Way::Post`].
    pub way: Way,
    /// What a bot has to look for before it tells anything: an attempt before may have arrived.
    pub search: Option<Box<Search>>,
}

/// How a parcel is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// As a message that stays as it is.
    Post,
    /// The same, by the webhook that stands in for a bot that is refused.
    Spare,
    /// As a message that is edited from then on.
    Begin,
    /// By editing such a message, and by a line in its thread.
    GoOn(Box<GoOn>),
}

impl Way {
    /// Whether it is a message for everybody in the channel.
    pub const fn is_message(&self) -> bool {
        match self {
            Self::Post | Self::Spare | Self::Begin => true,
            Self::GoOn(message) => message.is_loud,
        }
    }
}

/// The message that a parcel goes on with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GoOn {
    /// Where it is.
    pub spot: Spot,
    /// The sequence of the entry that made it.
    pub begun_by: u32,
    /// Whether the line of the thread has to reach those who do not look there.
    pub is_loud: bool,
}

/// How to look for something that may have arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    /// It cannot be older.
    pub since: Timestamp,
    /// Whether it did not arrive if it is not found: every attempt before can be found.
    pub is_proof: bool,
    /// Whether to wait until it can be looked for, rather than to tell it again and say so.
    pub is_patient: bool,
    /// Slack's id of the channel, if it is known.
    pub channel_id: Option<String>,
}

impl Parcel {
    /// The newest entry: what is true now.
    ///
    /// # Panics
    ///
    /// Only if there is no entry, which the courier never makes.
    pub fn newest(&self) -> &Entry {
        self.entries
            .last()
            .expect("a parcel is made from at least one entry")
    }

    /// Whether it tells of what waited for quiet hours to end.
    pub fn is_digest(&self) -> bool {
        self.entries.iter().any(|entry| entry.held_until.is_some())
    }

    /// Whether it tells of more than one incident.
    pub fn is_summary(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.key.incident != self.key.incident)
    }

    /// The worst severity among its entries.
    pub fn severity(&self) -> Severity {
        self.entries
            .iter()
            .map(|entry| entry.story.severity)
            .max()
            .unwrap_or_default()
    }
}

/// How late a parcel is, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Late {
    /// The age of its oldest entry.
    pub by: Duration,
    /// What kept it.
    pub why: LateReason,
}

/// What kept a message; displays as a clause without a full stop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LateReason {
    /// The channel did not take it; what it said last.
    Channel(String),
    /// hekate was not running for a part of the time.
    Restart,
    /// The channel that it was meant for did not take it.
    FirstChannel,
    /// The channel got as many messages as it may.
    Budget,
    /// Other messages were before it.
    Queue,
}

impl fmt::Display for LateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(why) => write!(f, "the channel did not take it: {why}"),
            Self::Restart => f.write_str("hekate was restarted meanwhile"),
            Self::FirstChannel => f.write_str("the channel that it was meant for did not take it"),
            Self::Budget => {
                f.write_str("the channel gets no more messages than its `max_messages`")
            }
            Self::Queue => f.write_str("other messages were before it"),
        }
    }
}

/// Trouble with telling people, or its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// A channel refuses everything; said once until it ends.
    Refuses {
        /// Which channel.
        channel: ChannelName,
        /// What it said.
        why: String,
        /// Since when.
        since: Timestamp,
        /// Who gets its messages meanwhile, if anybody can.
        told_instead: Option<ChannelName>,
    },
    /// That channel takes messages again; what is parked follows now.
    TakesAgain {
        /// Which channel.
        channel: ChannelName,
        /// Since when it had refused.
        since: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// All attempts at a channel have failed for long; said once until it ends.
    Unreachable {
        /// Which channel.
        channel: ChannelName,
        /// What happened last.
        why: String,
        /// Since when.
        since: Timestamp,
        /// Who gets what is critical meanwhile, if anybody is known to get messages.
        told_instead: Option<ChannelName>,
    },
    /// That channel answers again.
    Reached {
        /// Which channel.
        channel: ChannelName,
        /// Since when it could not be reached.
        since: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// A channel refuses one message in every form, while it may take others.
    RefusesOne {
        /// Which message.
        key: EntryKey,
        /// Its headline.
        title: String,
        /// What the channel said.
        why: String,
        /// Who gets it instead, if anybody can.
        told_instead: Option<ChannelName>,
    },
    /// A channel's bot is refused for good, and its webhook is used in its place; said once until it ends.
    BotRefused {
        /// Which channel.
        channel: ChannelName,
        /// What Slack said.
        why: String,
        /// Since when.
        since: Timestamp,
    },
    /// That bot is not refused any more.
    BotTakenAgain {
        /// Which channel.
        channel: ChannelName,
        /// Since when it had been.
        since: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// Messages were given up after 72 h.
    Expired {
        /// The channel that did not get them.
        channel: ChannelName,
        /// Which ones, with their headlines, oldest first.
        messages: Vec<(EntryKey, String)>,
        /// What the channel said last, if anything.
        why: Option<String>,
    },
}

/// How telling goes, for the board and the metrics.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Outlook {
    /// Entries that wait or are on their way, parked ones not among them.
    pub waiting: usize,
    /// When the oldest of those was written.
    pub oldest: Option<Timestamp>,
    /// Entries that wait for quiet hours to end.
    pub held: usize,
    /// Attempts that were begun and have no answer yet.
    pub in_flight: usize,
    /// Entries that their channel refuses.
    pub parked: usize,
    /// Those of them that are critical and that nobody was told of in their place.
    pub parked_critical: usize,
    /// Channels that refuse messages.
    pub refusing: Vec<ChannelTrouble>,
    /// Channels whose last attempt failed for a passing reason.
    pub failing: Vec<ChannelTrouble>,
    /// Channels whose bot is refused, so that their webhook is used.
    pub spared: Vec<ChannelTrouble>,
}

/// One channel in trouble.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelTrouble {
    /// Which channel.
    pub channel: ChannelName,
    /// What it said last.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}
