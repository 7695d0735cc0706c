//! Two kinds of time, kept apart: what people read and what waits are measured with.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use chrono_tz::Tz;

/// A point in wall-clock time, for people and for records: milliseconds since 1970-01-01 UTC.
///
/// It may jump when somebody sets the clock, so no wait and no span of a judgement is computed from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The timestamp this many milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// How long after `earlier` this is; zero if it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// As people read it, in their zone: `22 Nov 14:02:07 CET`.
    pub fn words(self, zone: Tz) -> String {
        let local = self.to_utc().with_timezone(&zone);
        local.format("%-d %b %H:%M:%S %Z").to_string()
    }

    /// This time as a calendar date; times outside of chrono's range become the epoch.
    pub fn to_utc(self) -> DateTime<Utc> {
        Utc.timestamp_millis_opt(self.0)
            .single()
            .unwrap_or_default()
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

/// RFC 3339 in UTC with milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A point on the monotonic clock: microseconds since this process started.
///
/// Every wait, span and limit is computed from ticks. They mean nothing to another process and are never stored as a
/// date; what has to outlive a restart is stored as a [`Timestamp`] and turned into a tick once, at the start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Tick(u64);

impl Tick {
    /// The start of the process.
    pub const ZERO: Self = Self(0);

    /// The tick this many microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Tick {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

impl Sub<Duration> for Tick {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

/// One reading of both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Moment {
    /// For waits and spans.
    pub tick: Tick,
    /// For people and records.
    pub at: Timestamp,
}

impl Moment {
    /// How much further than time the wall clock went since `earlier`, in milliseconds; negative if it was moved back.
    pub fn wall_step_ms(self, earlier: Self) -> i64 {
        let elapsed = self.tick.since(earlier.tick).as_millis();
        let wall_ms = self.at.as_millis().saturating_sub(earlier.at.as_millis());
        wall_ms.saturating_sub(i64::try_from(elapsed).unwrap_or(i64::MAX))
    }

    /// Whether somebody moved the wall clock since `earlier`, or the machine slept.
    ///
    /// The two clocks may drift apart by 2 s between two readings, as NTP slews; more is a jump.
    pub fn is_stepped_since(self, earlier: Self) -> bool {
        /// In milliseconds.
        const DRIFT_MAX_MS: i64 = 2_000;
        self.wall_step_ms(earlier).abs() > DRIFT_MAX_MS
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self {
            tick: self.tick + span,
            at: self.at + span,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_moved_is_told_from_time_that_passed() {
        let moment = |tick_s: u64, at_ms: i64| Moment {
            tick: Tick::from_micros(tick_s * 1_000_000),
            at: Timestamp::from_millis(at_ms),
        };
        for (now, step_ms, is_stepped) in [
            (moment(10, 11_000), 0, false),
            (moment(10, 13_000), 2_000, false),
            (moment(10, 13_001), 2_001, true),
            (moment(10, 9_000), -2_000, false),
            (moment(10, 8_999), -2_001, true),
            (moment(0, 3_601_000), 3_600_000, true),
        ] {
            let earlier = moment(0, 1_000);
            let found = (now.wall_step_ms(earlier), now.is_stepped_since(earlier));
            assert_eq!(found, (step_ms, is_stepped), "{now:?}");
        }
    }
}
