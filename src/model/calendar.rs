//! When something planned is on: once, or again and again by a cron line in a time zone.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{NaiveDate, NaiveTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;
use croner::{
    Cron,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};

use super::time::Timestamp;

/// A span of time that comes once, or again and again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Times {
    /// From this time on until before that one.
    Once {
        /// The beginning.
        from: Timestamp,
        /// The end; later than the beginning.
        to: Timestamp,
    },
    /// As a cron line says.
    Recurring(Recurring),
}

impl Times {
    /// From when to when the span is that is on at this time, if one is.
    pub fn open_at(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Once { from, to } => (*from <= at && at < *to).then_some((*from, *to)),
            Self::Recurring(recurring) => recurring.open_at(at),
        }
    }

    /// When the next one begins after this time, if one ever does.
    pub fn opens_after(&self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Once { from, .. } => Some(*from).filter(|from| *from > at),
            Self::Recurring(recurring) => recurring.opens_after(at),
        }
    }
}

/// A cron line of five fields in a time zone, and how long it is on each time.
///
/// The clock of a zone skips an hour in spring and repeats one in autumn. A line with one hour and one minute
/// (`30 2 * * *`) begins at the first moment after the skipped hour, and only the first time in the repeated one. A line
/// that says several (`*/30 * * * *`) follows the clock: nothing begins in the skipped hour, and both times in the
/// repeated one. The length is real time and is not changed by either.
#[derive(Clone, PartialEq, Eq)]
pub struct Recurring {
    cron: Box<Cron>,
    /// The zone of the hours in the line.
    pub timezone: Tz,
    /// How long it is on each time.
    pub duration: Duration,
}

/// The line, its zone and its length: what somebody would write.
impl fmt::Debug for Recurring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recurring")
            .field("line", &self.line())
            .field("timezone", &self.timezone.name())
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}

impl Recurring {
    /// Reads a line of five fields: minute, hour, day of the month, month, day of the week. `@daily` and its like will do too.
    ///
    /// # Errors
    ///
    /// What is wrong with the line, as a clause without a full stop.
    pub fn parse(line: &str, timezone: Tz, duration: Duration) -> Result<Self, String> {
        let fields = line.split_whitespace().count();
        if fields != 5 && !line.trim_start().starts_with('@') {
            let noun = if fields == 1 { "field" } else { "fields" };
            return Err(format!(
                "it has {fields} {noun}, not five: minute hour day month weekday"
            ));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(line).map_err(|error| in_our_words(&error))?;
        Ok(Self {
            cron: Box::new(cron),
            timezone,
            duration,
        })
    }

    /// The line.
    pub fn line(&self) -> &str {
        self.cron.as_str()
    }

    /// From when to when the span is that is on at this time, if one is.
    fn open_at(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let from = self.opened_by(at)?;
        let to = from + self.duration;
        (at < to).then_some((from, to))
    }

    /// When the last one began up to this time; absent if none did.
    pub fn opened_by(&self, at: Timestamp) -> Option<Timestamp> {
        let local = whole_seconds(at).to_utc().with_timezone(&self.timezone);
        let began = self.cron.find_previous_occurrence(&local, true).ok()?;
        Some(Timestamp::from_millis(began.timestamp_millis()))
    }

    /// When the next one begins after this time; absent if none does any more.
    pub fn opens_after(&self, at: Timestamp) -> Option<Timestamp> {
        let local = whole_seconds(at).to_utc().with_timezone(&self.timezone);
        let next = self.cron.find_next_occurrence(&local, false).ok()?;
        Some(Timestamp::from_millis(next.timestamp_millis()))
    }
}

/// What a line is not, without the names of whoever reads it.
fn in_our_words(error: &CronError) -> String {
    let words = match error {
        CronError::InvalidPattern(words)
        | CronError::IllegalCharacters(words)
        | CronError::ComponentError(words) => words.replace("CronPattern", "it"),
        CronError::EmptyPattern
        | CronError::InvalidDate
        | CronError::InvalidTime
        | CronError::TimeSearchLimitExceeded => error.to_string(),
    };
    let mut letters = words.trim_end_matches('.').chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_seconds().saturating_mul(1_000))
}

/// The zone with this name of the IANA database.
pub fn zone(name: &str) -> Option<Tz> {
    Tz::from_str(name).ok()
}

/// When a day of this zone begins: at its midnight, of two midnights the first, and where the clock skips midnight, when it goes on.
pub fn begins_at(date: NaiveDate, zone: Tz) -> Timestamp {
    let midnight = date.and_time(NaiveTime::MIN);
    let begins = zone.from_local_datetime(&midnight).earliest();
    // The longest that was ever skipped is a whole day.
    let goes_on = || {
        let minutes = (1..=SKIPPED_MINUTES_MAX).map(TimeDelta::minutes);
        minutes
            .filter_map(|skipped| midnight.checked_add_signed(skipped))
            .find_map(|local| zone.from_local_datetime(&local).earliest())
    };
    let begins = begins.or_else(goes_on).map(|at| at.to_utc());
    begins.unwrap_or_else(|| midnight.and_utc()).into()
}

/// A day and a bit.
const SKIPPED_MINUTES_MAX: i64 = 25 * 60;

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use chrono::{DateTime, TimeZone as _};
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(
            DateTime::parse_from_rfc3339(text)
                .expect("a time")
                .timestamp_millis(),
        )
    }

    fn recurring(line: &str, zone_name: &str, minutes: u64) -> Recurring {
        let zone = zone(zone_name).expect("a zone");
        Recurring::parse(line, zone, Duration::from_mins(minutes)).expect("a line")
    }

    fn begins(recurring: &Recurring, from: &str, count: usize, expected: &Expect) {
        let mut now = at(from);
        let mut out = String::new();
        for _ in 0..count {
            now = recurring.opens_after(now).expect("it comes again");
            out.push_str(&now.words(recurring.timezone));
            out.push('\n');
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn an_hour_that_the_clock_skips_begins_when_it_goes_on() {
        // In Prague 02:00 is 03:00 on 2027-03-28, in New York on 2027-03-14.
        begins(
            &recurring("30 2 * * *", "Europe/Prague", 45),
            "2027-03-26T12:00:00Z",
            3,
            &expect![[r"
                27 Mar 02:30:00 CET
                28 Mar 03:00:00 CEST
                29 Mar 02:30:00 CEST
            "]],
        );
        begins(
            &recurring("0 2 * * SUN", "America/New_York", 45),
            "2027-03-08T12:00:00Z",
            2,
            &expect![[r"
                14 Mar 03:00:00 EDT
                21 Mar 02:00:00 EDT
            "]],
        );
    }

    #[test]
    fn an_hour_that_the_clock_repeats_begins_once() {
        // In Prague 03:00 is 02:00 again on 2026-10-25.
        let daily = recurring("30 2 * * *", "Europe/Prague", 45);
        begins(
            &daily,
            "2026-10-23T12:00:00Z",
            3,
            &expect![[r"
                24 Oct 02:30:00 CEST
                25 Oct 02:30:00 CEST
                26 Oct 02:30:00 CET
            "]],
        );
        // 02:30 CEST is 00:30 UTC, 02:30 CET is 01:30 UTC.
        assert!(
            Times::Recurring(daily.clone())
                .open_at(at("2026-10-25T01:14:59Z"))
                .is_some()
        );
        assert!(
            Times::Recurring(daily.clone())
                .open_at(at("2026-10-25T01:15:00Z"))
                .is_none()
        );
        assert!(
            Times::Recurring(daily)
                .open_at(at("2026-10-25T01:40:00Z"))
                .is_none()
        );
    }

    #[test]
    fn a_line_of_several_times_follows_the_clock() {
        begins(
            &recurring("*/30 * * * *", "Europe/Prague", 10),
            "2026-10-25T00:20:00Z",
            5,
            &expect![[r"
                25 Oct 02:30:00 CEST
                25 Oct 02:00:00 CET
                25 Oct 02:30:00 CET
                25 Oct 03:00:00 CET
                25 Oct 03:30:00 CET
            "]],
        );
    }

    #[test]
    fn the_length_is_real_time() {
        // From 01:30 CET on, four hours of which one is skipped on the clock.
        let long = Times::Recurring(recurring("30 1 * * *", "Europe/Prague", 240));
        let (from, to) = long.open_at(at("2027-03-28T01:00:00Z")).expect("on");
        assert_eq!(from, at("2027-03-28T00:30:00Z"));
        assert_eq!(to, at("2027-03-28T04:30:00Z"));
    }

    #[test]
    fn the_edges_belong_to_what_begins() {
        let daily = Times::Recurring(recurring("0 2 * * *", "UTC", 45));
        for (time, is_open) in [
            ("2026-11-22T01:59:59.999Z", false),
            ("2026-11-22T02:00:00Z", true),
            ("2026-11-22T02:44:59.999Z", true),
            ("2026-11-22T02:45:00Z", false),
        ] {
            assert_eq!(daily.open_at(at(time)).is_some(), is_open, "{time}");
        }
        let once = Times::Once {
            from: at("2026-11-22T02:00:00Z"),
            to: at("2026-11-22T02:45:00Z"),
        };
        assert_eq!(once.open_at(at("2026-11-22T01:59:59.999Z")), None);
        assert!(once.open_at(at("2026-11-22T02:00:00Z")).is_some());
        assert_eq!(once.open_at(at("2026-11-22T02:45:00Z")), None);
        assert_eq!(once.opens_after(at("2026-11-22T02:00:00Z")), None);
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let mut out = String::new();
        for line in [
            "",
            "0 2 * *",
            "0 0 2 * * *",
            "61 * * * *",
            "0 25 * * *",
            "x y z a b",
            "@sometimes",
        ] {
            let why = Recurring::parse(line, Tz::UTC, Duration::from_mins(1)).expect_err(line);
            writeln!(out, "{line:?}: {why}").expect("a string takes it");
        }
        expect![[r#"
            "": it has 0 fields, not five: minute hour day month weekday
            "0 2 * *": it has 4 fields, not five: minute hour day month weekday
            "0 0 2 * * *": it has 6 fields, not five: minute hour day month weekday
            "61 * * * *": number out of bounds
            "0 25 * * *": number out of bounds
            "x y z a b": it contains illegal character 'X' in part 'X'
            "@sometimes": pattern must have 5 fields when seconds are disallowed
        "#]]
        .assert_eq(&out);
    }

    #[test]
    fn a_day_that_never_comes_never_begins() {
        let never = recurring("0 0 31 2 *", "UTC", 1);
        assert_eq!(never.opens_after(at("2026-01-01T00:00:00Z")), None);
        assert_eq!(
            Times::Recurring(never).open_at(at("2026-01-01T00:00:00Z")),
            None
        );
    }

    #[test]
    fn a_day_begins_when_its_first_hour_does() {
        for (zone_name, date, begins) in [
            ("Europe/Prague", "2026-11-21", "2026-11-20T23:00:00Z"),
            // Days of 25 and of 23 hours.
            ("Europe/Prague", "2026-10-25", "2026-10-24T22:00:00Z"),
            ("Europe/Prague", "2026-10-26", "2026-10-25T23:00:00Z"),
            ("Europe/Prague", "2027-03-28", "2027-03-27T23:00:00Z"),
            ("Europe/Prague", "2027-03-29", "2027-03-28T22:00:00Z"),
            // In Cairo midnight is one o'clock.
            ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z"),
            // Havana has midnight twice.
            ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
            // Samoa had no such day at all.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
            ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
        ] {
            let date = date.parse().expect("a date");
            let zone = zone(zone_name).expect("a zone");
            assert_eq!(begins_at(date, zone), at(begins), "{zone_name} {date}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        /// Whatever the zone and the day: a daily line begins once a day of the calendar, each time is on from its first
        /// moment to its last, and what is on began at one of those times.
        #[test]
        fn a_daily_line_begins_once_on_every_day(
            zone_name in proptest::sample::select(vec![
                "Europe/Prague", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "UTC",
            ]),
            hour in 0_u32..24,
            minute in 0_u32..60,
            day in 0_i64..700,
            length in 1_u64..600,
        ) {
            let daily = recurring(&format!("{minute} {hour} * * *"), zone_name, length);
            let start = at("2026-01-01T00:00:00Z") + Duration::from_hours(24 * day.unsigned_abs());
            let mut now = start;
            let mut days = Vec::new();
            for _ in 0..4 {
                let next = daily.opens_after(now).expect("it comes again");
                prop_assert!(next > now);
                let times = Times::Recurring(daily.clone());
                let end = next + Duration::from_mins(length);
                prop_assert_eq!(times.open_at(next), Some((next, end)));
                let last = Timestamp::from_millis(end.as_millis() - 1);
                prop_assert_eq!(times.open_at(last), Some((next, end)));
                prop_assert_ne!(times.open_at(end), Some((next, end)));
                days.push(daily.timezone.from_utc_datetime(&next.to_utc().naive_utc()).date_naive());
                now = next;
            }
            for pair in days.windows(2) {
                prop_assert_eq!(pair[0].succ_opt(), Some(pair[1]));
            }
        }
    }
}
