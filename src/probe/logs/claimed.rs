//! Times that somebody claims for the newest line, and whether they can be believed.
//!
//! A store that searches lines is asked with an upper bound. An exporter or an endpoint only says one time, and if that is
//! wrong there is no other one: such a claim is a fault, neither life nor silence.

use crate::model::{
    Timestamp,
    logs::{LogFault, LogFaultKind},
    text::span,
};

use super::FUTURE_MAX;

/// 2000-01-01, in seconds: no line that anybody waits for is older.
const OLDEST_SECONDS: f64 = 946_684_800.0;
/// Ten years, in seconds: what is further ahead is counted in another unit, and not by a clock that is off.
const AHEAD_SECONDS_MAX: f64 = 315_360_000.0;

/// What a number counts, all since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    const ALL: [Self; 4] = [Self::Seconds, Self::Millis, Self::Micros, Self::Nanos];

    const fn in_a_second(self) -> f64 {
        match self {
            Self::Seconds => 1.0,
            Self::Millis => 1e3,
            Self::Micros => 1e6,
            Self::Nanos => 1e9,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Millis => "milliseconds",
            Self::Micros => "microseconds",
            Self::Nanos => "nanoseconds",
        }
    }
}

/// The time if it is not too far ahead of now.
pub(super) fn believed(at: Timestamp, now: Timestamp) -> Result<Timestamp, LogFault> {
    if at <= now + FUTURE_MAX {
        return Ok(at);
    }
    let ahead = span(at.since(now));
    Err(bad(format!(
        "the newest line is stamped {ahead} ahead of our clock, which is not believed"
    )))
}

/// The time that a number stands for. Zero is how exporters say that there was no line yet: absent.
pub(super) fn number(
    value: f64,
    unit: Unit,
    now: Timestamp,
) -> Result<Option<Timestamp>, LogFault> {
    if !value.is_finite() {
        return Err(bad(format!("it says {value}, which is no time")));
    }
    // A float may say minus zero.
    if value.abs() < f64::EPSILON {
        return Ok(None);
    }
    let seconds = value / unit.in_a_second();
    if is_of_our_days(seconds, now) {
        return believed(at(seconds), now).map(Some);
    }
    let meant = Unit::ALL
        .into_iter()
        .find(|other| is_of_our_days(value / other.in_a_second(), now));
    let said = unit.as_str();
    let value = shown(value);
    Err(bad(match meant {
        Some(other) => format!(
            "it says {value}, which are {} since 1970, where {said} are wanted",
            other.as_str()
        ),
        None if seconds < OLDEST_SECONDS => format!(
            "it says {value}, too little for {said} since 1970; if that is an age, the time itself is wanted"
        ),
        None => format!("it says {value}, too much for {said} since 1970"),
    }))
}

/// The time so many seconds ago.
pub(super) fn age(seconds: f64, now: Timestamp) -> Result<Timestamp, LogFault> {
    if !seconds.is_finite() {
        return Err(bad(format!("it says {seconds}, which is no age")));
    }
    let now_seconds = at_seconds(now);
    let then = now_seconds - seconds;
    if then < OLDEST_SECONDS {
        let seconds = shown(seconds);
        return Err(bad(format!(
            "it says an age of {seconds} s, which is before the year 2000; if that is a time, an age is wanted"
        )));
    }
    believed(at(then), now)
}

/// Not before 2000 and not too far ahead.
fn is_of_our_days(seconds: f64, now: Timestamp) -> bool {
    (OLDEST_SECONDS..=at_seconds(now) + AHEAD_SECONDS_MAX).contains(&seconds)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of a float saturates, and what is out of range was sorted out before"
)]
fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1e3).round() as i64)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "whole milliseconds are exact for the next hundred thousand years"
)]
fn at_seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1e3
}

/// Hundreds of digits help nobody.
fn shown(value: f64) -> String {
    if value.abs() < 1e20 {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

fn bad(words: String) -> LogFault {
    LogFault::new(LogFaultKind::BadQuery, words)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-22T01:00:00Z
    const NOW: Timestamp = Timestamp::from_millis(1_795_309_200_000);

    fn told<T: std::fmt::Debug>(claim: &Result<T, LogFault>) -> String {
        match claim {
            Ok(at) => format!("{at:?}"),
            Err(fault) => format!("{} {}", fault.kind.as_str(), fault.words),
        }
    }

    #[test]
    fn numbers_and_what_was_meant() {
        let claims = [
            ("a minute ago", 1_795_309_140.5, Unit::Seconds),
            ("milliseconds", 1_795_309_140_500.0, Unit::Millis),
            ("microseconds", 1_795_309_140_500_000.0, Unit::Micros),
            ("nanoseconds", 1_795_309_140_500_000_000.0, Unit::Nanos),
            ("no line yet", 0.0, Unit::Seconds),
            ("29 s ahead", 1_795_309_229.0, Unit::Seconds),
            ("31 s ahead", 1_795_309_231.0, Unit::Seconds),
            ("next year", 1_826_845_200.0, Unit::Seconds),
            ("millis for seconds", 1_795_309_140_500.0, Unit::Seconds),
            ("seconds for nanos", 1_795_309_140.0, Unit::Nanos),
            ("an age", 12.5, Unit::Seconds),
            ("before 1970", -5.0, Unit::Seconds),
            ("not a number", f64::NAN, Unit::Seconds),
            ("without end", f64::INFINITY, Unit::Seconds),
            ("without beginning", f64::NEG_INFINITY, Unit::Millis),
            ("huge", 1e300, Unit::Seconds),
        ];
        let mut table = String::new();
        for (name, value, unit) in claims {
            writeln!(table, "{name}: {}", told(&number(value, unit, NOW))).unwrap();
        }
        expect![[r#"
            a minute ago: Some(2026-11-22T00:59:00.500Z)
            milliseconds: Some(2026-11-22T00:59:00.500Z)
            microseconds: Some(2026-11-22T00:59:00.500Z)
            nanoseconds: Some(2026-11-22T00:59:00.500Z)
            no line yet: None
            29 s ahead: Some(2026-11-22T01:00:29.000Z)
            31 s ahead: bad_query the newest line is stamped 31 s ahead of our clock, which is not believed
            next year: bad_query the newest line is stamped 365 d ahead of our clock, which is not believed
            millis for seconds: bad_query it says 1795309140500, which are milliseconds since 1970, where seconds are wanted
            seconds for nanos: bad_query it says 1795309140, which are seconds since 1970, where nanoseconds are wanted
            an age: bad_query it says 12.5, too little for seconds since 1970; if that is an age, the time itself is wanted
            before 1970: bad_query it says -5, too little for seconds since 1970; if that is an age, the time itself is wanted
            not a number: bad_query it says NaN, which is no time
            without end: bad_query it says inf, which is no time
            without beginning: bad_query it says -inf, which is no time
            huge: bad_query it says 1e300, too much for seconds since 1970
        "#]].assert_eq(&table);
    }

    #[test]
    fn ages() {
        let mut table = String::new();
        for seconds in [0.0, 12.5, -29.0, -31.0, 1_795_309_140.0, f64::NAN] {
            writeln!(table, "{seconds}: {}", told(&age(seconds, NOW))).unwrap();
        }
        expect![[r#"
            0: 2026-11-22T01:00:00.000Z
            12.5: 2026-11-22T00:59:47.500Z
            -29: 2026-11-22T01:00:29.000Z
            -31: bad_query the newest line is stamped 31 s ahead of our clock, which is not believed
            1795309140: bad_query it says an age of 1795309140 s, which is before the year 2000; if that is a time, an age is wanted
            NaN: bad_query it says NaN, which is no age
        "#]].assert_eq(&table);
    }

    proptest! {
        /// Whatever is claimed, nothing is believed that is more than 30 s ahead, or older than this century.
        #[test]
        fn nothing_of_the_future_is_believed(value in any::<f64>(), unit in 0..4_usize) {
            let latest = NOW + FUTURE_MAX;
            if let Ok(Some(at)) = number(value, Unit::ALL[unit], NOW) {
                prop_assert!(at <= latest && at.as_millis() >= 946_684_800_000);
            }
            if let Ok(at) = age(value, NOW) {
                prop_assert!(at <= latest && at.as_millis() >= 946_684_800_000);
            }
        }
    }
}
