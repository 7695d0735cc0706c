//! The one message of an incident in a channel that is edited as the incident goes on.

use super::{
    names::{ChannelName, IncidentId},
    notification::Story,
    plan::Severity,
    time::Timestamp,
    verdict::Verdict,
};

/// Where a message is in Slack; both words are Slack's and mean nothing to us.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Spot {
    /// The id of the conversation, such as `C0123456789`.
    pub channel_id: String,
    /// The message in it, such as `1792929348.000200`.
    pub ts: String,
}

/// At most so many are remembered; beyond that the oldest are forgotten, and their incidents go on in new messages. Each takes
/// some 200 bytes; a fleet has as many as it has open incidents, times the channels that were told.
pub const LIVING_MAX: usize = 10_000;

/// A message that stands for an incident in a channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Living {
    /// The incident.
    pub incident: IncidentId,
    /// The channel, as the file calls it.
    pub channel: ChannelName,
    /// Where it is; absent in a batch that takes it away: nothing comes after its end.
    pub spot: Option<Spot>,
    /// The sequence of the entry that made it, by which it can be found again.
    pub begun_by: u32,
    /// When that entry was written.
    pub begun_at: Timestamp,
    /// What was told last, and how bad that was for how many.
    pub told: LastTold,
    /// Whether anybody was mentioned for it.
    pub is_mentioned: bool,
}

/// What a channel was told last of an incident.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LastTold {
    /// The verdict.
    pub verdict: Verdict,
    /// How bad it is for people.
    pub severity: Severity,
    /// How many targets were bad.
    pub bad: u32,
}

impl LastTold {
    /// What this story tells.
    pub fn of(story: &Story) -> Self {
        Self {
            verdict: story.to,
            severity: story.severity,
            bad: match &story.many {
                Some(many) => many.total.saturating_sub(many.back),
                None => u32::from(story.to != Verdict::Operational),
            },
        }
    }

    /// Whether it is worse than what was told before.
    pub fn is_worse_than(self, before: Self) -> bool {
        self.verdict > before.verdict
            || (self.verdict != Verdict::Operational
                && (self.severity > before.severity || self.bad > before.bad))
    }
}

/// A message that tells of what people have done, or of the run of a job, from its beginning to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// What its entries belong to; no trouble of a target.
    pub incident: IncidentId,
    /// Where it is told.
    pub channel: ChannelName,
    /// The sequence of its newest entry.
    pub sequence: u32,
}
