//! What is owed to a channel, and what became of an attempt to deliver it.

use std::{sync::Arc, time::Duration};

use super::{
    incident::Outage,
    judgement::Good,
    living::Spot,
    names::{ChannelName, CheckKind, IncidentId, OnCallName, TargetId},
    observation::{Detail, Phases},
    plan::Severity,
    planned::Attended,
    roles::Role,
    time::Timestamp,
    unrest::Flapping,
    verdict::{Reason, Rule, Verdict},
};

/// Which message this is; unique for ever.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntryKey {
    /// The incident it belongs to; notices have one of their own.
    pub incident: IncidentId,
    /// Runs up within the incident.
    pub sequence: u32,
    /// Where it goes.
    pub channel: ChannelName,
}

/// What a message is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// A trouble begins.
    Opened,
    /// An open trouble changed: down became degraded, or the other way.
    Changed,
    /// It is still bad.
    Reminder,
    /// It is over.
    Recovered,
    /// The target was taken out of the file while the trouble was open.
    Removed,
    /// hekate's own trouble or news, for `ops`.
    Notice,
    /// Somebody did something about it, or something that people have done goes on: only messages that live show that, and nobody
    /// else hears of it.
    Noted,
    /// Somebody split it: all of it that is bad is told by incidents of their own from now on.
    Split,
}

impl Kind {
    /// The word for records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Changed => "changed",
            Self::Reminder => "reminder",
            Self::Recovered => "recovered",
            Self::Removed => "removed",
            Self::Notice => "notice",
            Self::Noted => "noted",
            Self::Split => "split",
        }
    }
}

/// The facts of a message, complete in themselves, so that it can be rendered after a restart and a change of the file.
#[derive(Clone, PartialEq, Debug)]
pub struct Story {
    /// Whom it is about; absent in a notice.
    pub target: Option<TargetId>,
    /// What people call it, such as `master blue`; of a notice its headline. Not foreign text.
    pub title: String,
    /// Its icon, an emoji in colon form; identity, never state.
    pub icon: Option<String>,
    /// How bad it is for people.
    pub severity: Severity,
    /// The check that decided.
    pub check: Option<CheckKind>,
    /// Before.
    pub from: Verdict,
    /// Now.
    pub to: Verdict,
    /// Since when it is `to`.
    pub since: Timestamp,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Why; for a notice its text.
    pub reason: Reason,
    /// Of the looks that decided, how many spoke for `to` …
    pub looks_for: u16,
    /// … out of how many.
    pub looks_of: u16,
    /// The parts of the deciding look.
    pub phases: Phases,
    /// What the deciding look brought along.
    pub detail: Option<Box<Detail>>,
    /// The last good look before it.
    pub last_good: Option<Good>,
    /// What is over, in a recovery or removal.
    pub outage: Option<Outage>,
    /// Where to read what to do.
    pub runbook_url: Option<String>,
    /// Everybody who is told it, this channel or not: nobody of them has to hear it in place of another one.
    pub also_told: Vec<ChannelName>,
    /// What the rest of its group does, such as `master green operational`, at most 3; and what it blocks.
    pub siblings: Vec<String>,
    /// What its log says, if one is read: `last line 6 s ago via Graylog (lag 4 s)`. Not foreign text.
    pub log: Option<String>,
    /// Its role, if it has one.
    pub role: Option<Role>,
    /// If it is about several targets: how each of them is.
    pub many: Option<Box<Many>>,
    /// What people planned or did about it, one clause each: why it is told late, who has taken it on. May be foreign.
    pub notes: Vec<String>,
    /// If it goes up and down: how often, and how it went.
    pub flapping: Option<Box<Flapping>>,
    /// What people do about it, for messages that live; of an end absent.
    pub attended: Option<Box<Attended>>,
}

/// How several targets are that are told as one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Many {
    /// Those that are told here, the bad ones first, at most [`Many::SHOWN_MAX`].
    pub members: Vec<One>,
    /// How many are told here.
    pub total: u32,
    /// How many of them are not bad any more.
    pub back: u32,
}

impl Many {
    /// More members than this are counted, not named.
    pub const SHOWN_MAX: usize = 12;
}

/// One of several.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct One {
    /// What people call it, with its role. Not foreign text.
    pub title: String,
    /// How it is; `Operational` if it is back.
    pub verdict: Verdict,
    /// Why; may be foreign.
    pub words: String,
    /// Since when.
    pub since: Timestamp,
}

impl Story {
    /// Its title with its role: `master blue (active)`.
    pub fn name(&self) -> String {
        match self.role {
            Some(role) => format!("{} ({})", self.title, role.words()),
            None => self.title.clone(),
        }
    }

    /// A message that is about no target: a headline and its words.
    pub fn plain(title: String, words: String, at: Timestamp) -> Self {
        Self {
            target: None,
            title,
            icon: None,
            severity: Severity::Warning,
            check: None,
            from: Verdict::Unknown,
            to: Verdict::Unknown,
            since: at,
            decided_at: at,
            reason: Reason {
                rule: Rule::NotYetSeen,
                words,
            },
            looks_for: 0,
            looks_of: 0,
            phases: Phases::default(),
            detail: None,
            last_good: None,
            outage: None,
            runbook_url: None,
            also_told: Vec::new(),
            siblings: Vec::new(),
            log: None,
            role: None,
            many: None,
            notes: Vec::new(),
            flapping: None,
            attended: None,
        }
    }
}

/// Where an entry stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EntryState {
    /// Waiting for its turn.
    Queued,
    /// An attempt was begun; after a crash this means `Unsure`.
    Sending,
    /// An attempt may have succeeded: the answer was lost. The next one is marked as a repeat.
    Unsure,
    /// As `Sending`, in a way in which can be asked whether it arrived; after a crash this means `UnsureFindable`.
    SendingFindable,
    /// As `Unsure`, and the receiver can be asked for it before the next attempt.
    UnsureFindable,
    /// The channel refuses it; tried again every hour and shown as our own fault.
    Parked {
        /// What the channel said.
        why: String,
        /// Since when.
        since: Timestamp,
        /// Whether another channel was told in its place, or is owed it.
        is_handed_over: bool,
    },
}

impl EntryState {
    /// What an attempt means of which the process that made it knows nothing any more: it may have arrived.
    #[must_use]
    pub fn after_crash(self) -> Self {
        match self {
            Self::Sending => Self::Unsure,
            Self::SendingFindable => Self::UnsureFindable,
            Self::Queued | Self::Unsure | Self::UnsureFindable | Self::Parked { .. } => self,
        }
    }

    /// Whether an attempt may have arrived.
    pub const fn is_unsure(&self) -> bool {
        match self {
            Self::Unsure | Self::UnsureFindable => true,
            Self::Queued | Self::Sending | Self::SendingFindable | Self::Parked { .. } => false,
        }
    }
}

/// One message owed to one channel.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Which one.
    pub key: EntryKey,
    /// What for.
    pub kind: Kind,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who is to be mentioned, if anybody.
    pub mention: Option<OnCallName>,
    /// The facts.
    pub story: Arc<Story>,
    /// Where it stands.
    pub state: EntryState,
    /// Attempts that were begun.
    pub attempts: u32,
    /// Until when it waits for quiet hours to end, to be told then with all that waited for it; absent if it waits for
    /// nothing.
    pub held_until: Option<Timestamp>,
    /// The channel it was first meant for, if it was handed to a fallback.
    pub instead_of: Option<ChannelName>,
}

impl Entry {
    /// Whether it tells how something goes on that people have done to a target, not what somebody did about an incident. The first
    /// of these begins a message of its own, and a notice ends it.
    pub fn is_account(&self) -> bool {
        self.kind == Kind::Noted && self.story.attended.is_none()
    }

    /// Whether it begins a message of what people have done.
    pub fn begins_account(&self) -> bool {
        self.is_account() && self.key.sequence == 0
    }

    /// Whether it ends such a message: a notice that is not the first thing told.
    pub fn ends_account(&self) -> bool {
        self.kind == Kind::Notice && self.key.sequence > 0
    }
}

/// What became of one attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The receiver said ok.
    Accepted,
    /// The same, and said where the message is: it can be edited.
    Posted(Spot),
    /// Certainly not delivered, for a passing reason: try again, if the receiver said so not before `after`.
    Retry {
        /// How long the receiver asks to wait.
        after: Option<Duration>,
        /// Whether the receiver asked for a slower pace (429): such an attempt does not count.
        is_throttled: bool,
        /// What happened, without any secret.
        why: String,
    },
    /// It may or may not have arrived.
    Unsure {
        /// What happened, without any secret.
        why: String,
    },
    /// The receiver will not take it, whatever is tried.
    Refused {
        /// What it said, without any secret.
        why: String,
        /// Whether it refuses this message for what it is (400) rather than everything: a plainer form may pass.
        is_malformed: bool,
    },
}

impl Delivery {
    /// The word for records and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted | Self::Posted(_) => "accepted",
            Self::Retry {
                is_throttled: true, ..
            } => "throttled",
            Self::Retry { .. } => "retry",
            Self::Unsure { .. } => "unsure",
            Self::Refused { .. } => "refused",
        }
    }
}
