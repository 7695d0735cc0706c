//! The span that people are told about.

use std::time::Duration;

use super::{
    cause::Common,
    names::{ChannelName, IncidentId, TargetId},
    plan::Severity,
    planned::Acknowledgement,
    time::Timestamp,
    verdict::Verdict,
};

/// From the first thing told about a trouble to the last.
///
/// What was *told* is kept apart from what *is*: a recovery goes to every channel in `told`, whatever routes say by then.
#[derive(Clone, PartialEq, Debug)]
pub struct Incident {
    /// The short word people say.
    pub id: IncidentId,
    /// Its running number; `id` is made from it.
    pub number: u64,
    /// Whom it is about, the first one being the one that opened it.
    pub targets: Vec<TargetId>,
    /// How bad it is for people, from the target.
    pub severity: Severity,
    /// Since when it is bad.
    pub since: Timestamp,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed, if it was.
    pub closed_at: Option<Timestamp>,
    /// What was last told.
    pub verdict: Verdict,
    /// The worst that was told.
    pub worst: Verdict,
    /// Who was told.
    pub told: Vec<Told>,
    /// How many messages it has caused per channel so far; the next entry's sequence.
    pub sequence: u32,
    /// The gaps between reminders, from the route; empty = none.
    pub remind_after: Vec<Duration>,
    /// Reminders given so far.
    pub reminders: u32,
    /// When the next reminder is due, if one is.
    pub remind_at: Option<Timestamp>,
    /// What was seen while it was open: words and how often, most often first, at most five.
    pub seen: Vec<(String, u32)>,
    /// What somebody said of it when it was over.
    pub mark: Option<Mark>,
    /// If it is about several targets: what they have in common, and how each of them is.
    pub common: Option<Box<Common>>,
    /// Of something that ends, such as a certificate: the warning that was told last.
    pub warned_at: Option<Duration>,
    /// If it was told as flapping: whether `verdict` was told as something that lasts.
    pub flapping: Option<ToldFlapping>,
    /// Whether it was told as degraded for something that does not merely end, and that has not passed since.
    pub is_short_otherwise: bool,
    /// Who has taken it on, if somebody has since it last changed.
    pub acknowledged: Option<Acknowledgement>,
}

impl Incident {
    /// One that begins now, of which nobody was told anything yet.
    pub fn begun(number: u64, at: Timestamp) -> Self {
        Self {
            id: IncidentId::from_number(number),
            number,
            targets: Vec::new(),
            severity: Severity::Info,
            since: at,
            opened_at: at,
            closed_at: None,
            verdict: Verdict::Operational,
            worst: Verdict::Operational,
            told: Vec::new(),
            sequence: 0,
            remind_after: Vec::new(),
            reminders: 0,
            remind_at: None,
            seen: Vec::new(),
            mark: None,
            common: None,
            warned_at: None,
            flapping: None,
            is_short_otherwise: false,
            acknowledged: None,
        }
    }

    /// Whether it has not been closed.
    pub const fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// Whether nothing was told but that something ends; its warnings are all the reminders it needs.
    pub const fn is_only_ending(&self) -> bool {
        matches!(self.verdict, Verdict::Degraded)
            && self.warned_at.is_some()
            && !self.is_short_otherwise
    }
}

/// What people were told last of an incident that flaps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ToldFlapping {
    /// That it goes up and down.
    Unsteady,
    /// That it is what it is now, because that has lasted.
    Steady,
}

/// What somebody said of an incident that is over: whether it was worth telling.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// What it was worth.
    pub worth: Worth,
    /// Why; cleaned, at most 300 characters.
    pub reason: String,
    /// Who says so, as they call themselves; cleaned, at most 100 characters.
    pub by: String,
    /// When they said it.
    pub at: Timestamp,
}

/// What an incident was worth to those who were told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Worth {
    /// Nothing was wrong, or nothing that anybody had to hear of.
    FalseAlarm,
    /// It was good to be told.
    Useful,
}

impl Worth {
    /// The word for people and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FalseAlarm => "false alarm",
            Self::Useful => "useful",
        }
    }

    /// The worth with this word, in any of the ways in which it is typed: `false-alarm`, `false_alarm`, `false alarm`.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.trim().to_lowercase().replace(['-', '_'], " ");
        [Self::FalseAlarm, Self::Useful]
            .into_iter()
            .find(|worth| worth.as_str() == word)
    }
}

/// A channel that was told of an incident and so has to hear of its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Which channel.
    pub channel: ChannelName,
    /// When the first entry for it was written.
    pub at: Timestamp,
    /// Who was mentioned there, if anybody.
    pub mention: Option<super::names::OnCallName>,
}

/// What a recovery tells of the trouble that is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outage {
    /// The worst verdict it had.
    pub worst: Verdict,
    /// From when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// What was seen meanwhile, most often first.
    pub seen: Vec<(String, u32)>,
}
