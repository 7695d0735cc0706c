//! What calls us: signs of life of a target, and the newest line of a log whose shipper pushes.

use std::time::Duration;

use super::{names::TargetId, secret::Secret, time::Timestamp};

/// `heartbeat:` how often a target calls us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeartbeatQuestion {
    /// `every:` from one beat to the next, 10 s to 90 days.
    pub every: Duration,
    /// `grace:` how late a beat may be, 1 s to 7 days. Default a tenth of `every`, at least 1 min and at most 1 h.
    pub grace: Duration,
    /// What a caller has to know: the section's own token, else that of `server`.
    pub token: Secret,
}

impl HeartbeatQuestion {
    /// How long a beat is awaited after the one before.
    pub fn patience(&self) -> Duration {
        self.every.saturating_add(self.grace)
    }
}

/// The last beat of a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beat {
    /// When it came, by our clock.
    pub at: Timestamp,
    /// What it said if it told of a failure; empty if it said nothing more. Cleaned, at most 300 characters.
    pub failure: Option<String>,
}

/// A call that came in from outside, its caller known by the token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Push {
    /// Whom it is about: a target, or a store of logs.
    pub target: TargetId,
    /// What it says.
    pub news: News,
}

/// What a call says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// A beat; with words if it tells of a failure.
    Beat {
        /// As [`Beat::failure`].
        failure: Option<String>,
    },
    /// The newest line of a log.
    Line {
        /// The query that names the log.
        query: String,
        /// The line's own time; absent = now.
        written_at: Option<Timestamp>,
        /// How far behind the shipper says it is, at most a day.
        lag: Option<Duration>,
    },
}
