//! The hours of the day in which somebody wants to hear only of what cannot wait.

use std::time::Duration;

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use super::{plan::Severity, time::Timestamp};

/// `quiet_hours:` of an on-call entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuietHours {
    /// Their beginning, minutes from midnight, 0 to 1,439.
    pub from_minute: u16,
    /// Their end, minutes from midnight, 0 to 1,440; not after the beginning = on the next day.
    pub to_minute: u16,
    /// In which zone.
    pub timezone: Tz,
    /// What waits until they are over; never `Critical`. Default `info` and `warning`.
    pub severities: Vec<Severity>,
}

impl QuietHours {
    /// When the quiet hours end that hold now, if some do.
    ///
    /// They begin and end at the times that clocks show there. A time that the clocks skip is the moment of the skip, and
    /// of one that they show twice the first counts.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_utc().with_timezone(&self.timezone).date_naive();
        let yesterday = today.checked_sub_days(Days::new(1));
        yesterday.into_iter().chain([today]).find_map(|day| {
            let (begins_at, ends_at) = self.on(day)?;
            (begins_at <= now && now < ends_at).then_some(ends_at)
        })
    }

    /// Whether this waits until they are over.
    pub fn holds(&self, severity: Severity) -> bool {
        !severity.is_critical() && self.severities.contains(&severity)
    }

    /// The quiet hours that begin on this day.
    fn on(&self, day: NaiveDate) -> Option<(Timestamp, Timestamp)> {
        let is_next_day = self.to_minute <= self.from_minute;
        let last = day.checked_add_days(Days::new(u64::from(is_next_day)))?;
        Some((
            moment(self.timezone, day, self.from_minute)?,
            moment(self.timezone, last, self.to_minute)?,
        ))
    }
}

/// When the clocks of a zone show so many minutes after the midnight of a day: of a time that they skip the moment of the skip, and
/// of one that they show twice the first.
pub(super) fn moment(zone: Tz, day: NaiveDate, minute: u16) -> Option<Timestamp> {
    let midnight = day.and_time(NaiveTime::MIN);
    let local = midnight.checked_add_signed(TimeDelta::minutes(i64::from(minute)))?;
    // No zone skips more than a day.
    (0..=24 * 60).find_map(|skipped| {
        let shown = local.checked_add_signed(TimeDelta::minutes(skipped))?;
        match zone.from_local_datetime(&shown) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(stamp(&at)),
            LocalResult::None => None,
        }
    })
}

fn stamp(at: &DateTime<Tz>) -> Timestamp {
    Timestamp::from_millis(at.timestamp_millis())
}

/// `max_messages:` how many messages a channel gets in which time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    /// So many, 1 to 1,000 …
    pub count: u32,
    /// … within this time, 1 min to 1 day.
    pub within: Duration,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nights(from: u16, to: u16) -> QuietHours {
        QuietHours {
            from_minute: from * 60,
            to_minute: to * 60,
            timezone: chrono_tz::Europe::Prague,
            severities: vec![Severity::Info, Severity::Warning],
        }
    }

    fn at(text: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(text)
            .expect("a time")
            .to_utc()
            .into()
    }

    #[test]
    fn they_hold_from_one_time_to_the_other_and_over_midnight() {
        for (from, to, now, until) in [
            (22, 7, "2026-06-10T19:59:59Z", None),
            (22, 7, "2026-06-10T20:00:00Z", Some("2026-06-11T05:00:00Z")),
            (22, 7, "2026-06-11T04:59:59Z", Some("2026-06-11T05:00:00Z")),
            (22, 7, "2026-06-11T05:00:00Z", None),
            (12, 13, "2026-06-10T10:30:00Z", Some("2026-06-10T11:00:00Z")),
            (12, 13, "2026-06-10T11:00:00Z", None),
            (20, 24, "2026-06-10T21:59:59Z", Some("2026-06-10T22:00:00Z")),
            (20, 24, "2026-06-10T22:00:00Z", None),
            // The night in which clocks go forward is an hour shorter, and the other one an hour longer.
            (22, 7, "2026-03-28T21:00:00Z", Some("2026-03-29T05:00:00Z")),
            (22, 7, "2026-10-24T20:00:00Z", Some("2026-10-25T06:00:00Z")),
        ] {
            assert_eq!(nights(from, to).until(at(now)), until.map(at), "{now}");
        }
    }

    #[test]
    fn a_time_that_is_skipped_or_shown_twice_is_one_moment() {
        let mut hours = nights(22, 2);
        hours.to_minute = 2 * 60 + 30;
        // From 2:00 clocks go to 3:00, which is 1:00 UTC.
        let skipped = hours.until(at("2026-03-29T00:00:00Z"));
        assert_eq!(skipped, Some(at("2026-03-29T01:00:00Z")));
        // 2:30 is shown at 0:30 and at 1:30 UTC.
        let twice = hours.until(at("2026-10-25T00:00:00Z"));
        assert_eq!(twice, Some(at("2026-10-25T00:30:00Z")));
        assert_eq!(hours.until(at("2026-10-25T00:45:00Z")), None);
    }

    #[test]
    fn what_is_critical_never_waits() {
        let mut hours = nights(22, 7);
        hours.severities.push(Severity::Critical);
        assert!(!hours.holds(Severity::Critical));
        assert!(hours.holds(Severity::Warning));
    }

    proptest! {
        #[test]
        fn nothing_is_held_for_longer_than_a_long_day(
            from in 0..1_440_u16, to in 0..=1_440_u16, seconds in 0..4_000_000_000_i64, zone in 0..500_usize,
        ) {
            let hours = QuietHours {
                from_minute: from,
                to_minute: to,
                timezone: chrono_tz::TZ_VARIANTS[zone],
                ..nights(0, 0)
            };
            let now = Timestamp::from_millis(seconds * 1_000);
            if let Some(until) = hours.until(now) {
                prop_assert!(until > now);
                prop_assert!(until.since(now) <= Duration::from_hours(50));
            }
        }
    }
}
