//! The pauses of a log: how long it usually says nothing, as far as that was proved.
//!
//! A few numbers for each of the last days are all that is kept of a log, so that `hekate suggest` can say how long a
//! silence has to be before it means anything, for every kind of store and without asking it for more.

use std::time::Duration;

use super::time::Timestamp;

/// What is remembered of the pauses of one log.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Pauses {
    /// The pause that goes on.
    pub open: Option<Pause>,
    /// When the last round was that proved something; absent if the last one did not.
    pub proved_at: Option<Timestamp>,
    /// One for each day on which something was seen, oldest first; at most eight.
    pub days: Vec<PauseDay>,
}

/// A pause that goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pause {
    /// The line that it began with, or from when on lines could be seen at all.
    pub since: Timestamp,
    /// How much of it is proved so far.
    pub proved: Duration,
    /// Whether every round of it proved something, from its first line on.
    pub is_whole: bool,
    /// Whether people were told of it as silence.
    pub is_told: bool,
    /// Whether silence was expected in it, or the target did not work.
    pub is_excused: bool,
}

/// What one day (UTC) saw.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PauseDay {
    /// Days since 1970.
    pub day: u16,
    /// For how many seconds pauses could be seen.
    pub watched_s: u32,
    /// The longest pause that ended and was not told, in seconds, rounded up; 0 = none.
    pub longest_s: u32,
    /// Whether it was at most so long; else it was at least so long.
    pub is_longest_whole: bool,
    /// The longest pause that ended and had been told as silence, in seconds, rounded up; 0 = none.
    pub told_s: u32,
    /// Whether that was at most so long; else it was at least so long.
    pub is_told_whole: bool,
}

/// What follows from the pauses of the last days.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PauseFacts {
    /// How many of the last [`DAYS_WANTED`] days were seen for at least half.
    pub days: u8,
    /// The longest usual pause; absent if there was none.
    pub longest: Option<SeenPause>,
    /// A longer one that was told as silence, on one day only, so that it may have been an outage.
    pub told: Option<SeenPause>,
}

/// One pause, and what it asks of `max_age`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeenPause {
    /// How long it was, in whole seconds.
    pub length: Duration,
    /// Whether it was at most so long; else it was at least so long.
    pub is_whole: bool,
    /// The day (UTC) on which it ended, at midnight.
    pub day: Timestamp,
    /// A `max_age` of at least three times its length, rounded up to what people would write; absent if that is more
    /// than the file allows.
    pub wants: Option<Duration>,
}

/// So many days have to be seen before anything is suggested: a week has all kinds of days in it.
pub const DAYS_WANTED: u8 = 7;

impl PauseFacts {
    /// The `max_age` to write; absent while too little was seen.
    pub fn suggested(&self) -> Option<Duration> {
        let longest = self.longest.filter(|_| self.days >= DAYS_WANTED)?;
        longest.wants
    }
}
