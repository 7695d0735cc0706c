//! Who is on call when: shifts of a week that come again every week.

use std::time::Duration;

use chrono::{Datelike as _, Days, NaiveDate, Weekday};
use chrono_tz::Tz;

use super::{quiet_hours::moment, time::Timestamp};

/// So many days before today have the turn that is on: a shift lasts a week at most, and a zone may be a day off.
const DAYS_BEFORE: u64 = 9;
/// So many days have that turn and the one after it.
const DAYS: usize = 19;

/// `rota:` of an on-call entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rota {
    /// The zone of the clocks.
    pub timezone: Tz,
    /// The shifts in the order of the file; at least one, and no two begin at the same time.
    pub shifts: Vec<Shift>,
}

/// People, and from when on they are on call in every week, until the next shift begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shift {
    /// Users' ids, `U…` or `W…`; at least one.
    pub users: Vec<String>,
    /// The day on which it begins.
    pub weekday: Weekday,
    /// Minutes from its midnight, 0 to 1,439.
    pub minute: u16,
}

/// One time in which a shift is on call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn<'a> {
    /// Who.
    pub shift: &'a Shift,
    /// From when on.
    pub from: Timestamp,
    /// Until before then.
    pub until: Timestamp,
}

impl Rota {
    /// Who is on call at this time. Absent only at the ends of the calendar.
    ///
    /// Shifts begin at the times that clocks show there. A time that the clocks skip is the moment of the skip, and of one that
    /// they show twice the first counts.
    pub fn turn_at(&self, now: Timestamp) -> Option<Turn<'_>> {
        let begins = self.begins_around(now);
        let at = begins.iter().rposition(|(from, ..)| *from <= now)?;
        let (from, _, shift) = *begins.get(at)?;
        let (until, ..) = *begins.get(at + 1)?;
        Some(Turn { shift, from, until })
    }

    /// Everybody who ever is on call, once each, in the order of the file.
    pub fn people(&self) -> Vec<&String> {
        let mut people: Vec<&String> = Vec::new();
        for user in self.shifts.iter().flat_map(|shift| &shift.users) {
            if !people.contains(&user) {
                people.push(user);
            }
        }
        people
    }

    /// When shifts begin around this time, the earliest first. Two that begin in the same skipped hour are told apart by their
    /// order of the week: the later one takes over at once.
    fn begins_around(&self, now: Timestamp) -> Vec<(Timestamp, NaiveDate, &Shift)> {
        let today = now.to_utc().with_timezone(&self.timezone).date_naive();
        let first = today.checked_sub_days(Days::new(DAYS_BEFORE));
        let first = first.unwrap_or(NaiveDate::MIN);
        let mut begins: Vec<_> = first
            .iter_days()
            .take(DAYS)
            .flat_map(|day| {
                let of_day = self
                    .shifts
                    .iter()
                    .filter(move |one| one.weekday == day.weekday());
                of_day.filter_map(move |shift| {
                    let at = moment(self.timezone, day, shift.minute)?;
                    Some((at, day, shift))
                })
            })
            .collect();
        begins.sort_by_key(|(at, day, shift)| (*at, *day, shift.minute));
        begins
    }
}

impl Shift {
    /// `mon 09:00`, as the file says it.
    pub fn begins(&self) -> String {
        let day = self.weekday.to_string().to_lowercase();
        format!("{day} {:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

impl Turn<'_> {
    /// How long it lasts.
    pub fn length(&self) -> Duration {
        self.until.since(self.from)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn shift(user: &str, weekday: Weekday, minute: u16) -> Shift {
        Shift {
            users: vec![user.to_owned()],
            weekday,
            minute,
        }
    }

    fn prague(shifts: Vec<Shift>) -> Rota {
        Rota {
            timezone: chrono_tz::Europe::Prague,
            shifts,
        }
    }

    fn at(text: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(text)
            .expect("a time")
            .to_utc()
            .into()
    }

    #[test]
    fn a_shift_lasts_until_the_next_one_begins_in_every_week() {
        // The order of the file is not that of the week.
        let rota = prague(vec![
            shift("UBOB", Weekday::Thu, 18 * 60),
            shift("UALICE", Weekday::Mon, 9 * 60),
        ]);
        for (now, who, until) in [
            (
                "2026-11-23T08:59:59+01:00",
                "UBOB",
                "2026-11-23T09:00:00+01:00",
            ),
            (
                "2026-11-23T09:00:00+01:00",
                "UALICE",
                "2026-11-26T18:00:00+01:00",
            ),
            (
                "2026-11-26T17:59:59+01:00",
                "UALICE",
                "2026-11-26T18:00:00+01:00",
            ),
            (
                "2026-11-26T18:00:00+01:00",
                "UBOB",
                "2026-11-30T09:00:00+01:00",
            ),
            (
                "2026-12-31T23:00:00+01:00",
                "UBOB",
                "2027-01-04T09:00:00+01:00",
            ),
        ] {
            let turn = rota.turn_at(at(now)).expect("somebody");
            assert_eq!(turn.shift.users, [who], "{now}");
            assert_eq!(turn.until, at(until), "{now}");
        }
        assert_eq!(rota.people(), ["UBOB", "UALICE"]);
    }

    #[test]
    fn it_follows_the_clocks_through_both_changes() {
        // Half past two is skipped on 29 March, and is there twice on 25 October.
        let rota = prague(vec![
            shift("UALICE", Weekday::Sun, 2 * 60 + 30),
            shift("UBOB", Weekday::Wed, 9 * 60),
        ]);
        for (now, who) in [
            ("2026-03-29T01:59:59+01:00", "UBOB"),
            ("2026-03-29T03:00:00+02:00", "UALICE"),
            ("2026-10-25T02:29:59+02:00", "UBOB"),
            ("2026-10-25T02:30:00+02:00", "UALICE"),
            ("2026-10-25T02:15:00+01:00", "UALICE"),
        ] {
            let turn = rota.turn_at(at(now)).expect("somebody");
            assert_eq!(turn.shift.users, [who], "{now}");
        }
        // The same time by the clocks, an hour more of real time.
        let turn = rota
            .turn_at(at("2026-10-25T12:00:00+01:00"))
            .expect("somebody");
        assert_eq!(turn.until, at("2026-10-28T09:00:00+01:00"));
        assert_eq!(turn.length(), Duration::from_mins((3 * 24 + 7) * 60 + 30));
    }

    #[test]
    fn somebody_alone_is_always_on_call() {
        let rota = prague(vec![shift("UALICE", Weekday::Mon, 0)]);
        let turn = rota.turn_at(at("2026-11-22T12:00:00Z")).expect("somebody");
        assert_eq!(turn.from, at("2026-11-16T00:00:00+01:00"));
        assert_eq!(turn.until, at("2026-11-23T00:00:00+01:00"));
        assert_eq!(turn.shift.begins(), "mon 00:00");
    }

    proptest! {
        #[test]
        fn somebody_is_on_call_at_any_time_and_turns_leave_no_gap(
            seconds in 0_i64..4_000_000_000,
            begins in prop::collection::btree_set(0_u16..7 * 24 * 60, 1..12),
            zone in prop::sample::select(vec![
                chrono_tz::UTC, chrono_tz::Europe::Prague, chrono_tz::America::New_York, chrono_tz::Australia::Lord_Howe,
                chrono_tz::Pacific::Apia,
            ]),
        ) {
            let shifts = begins.iter().map(|begin| Shift {
                users: vec![format!("U{begin}")],
                weekday: Weekday::try_from(u8::try_from(begin / (24 * 60)).unwrap()).unwrap(),
                minute: begin % (24 * 60),
            });
            let rota = Rota { timezone: zone, shifts: shifts.collect() };
            let now = Timestamp::from_millis(seconds * 1_000);
            let turn = rota.turn_at(now).expect("somebody");
            prop_assert!(turn.from <= now && now < turn.until);
            prop_assert!(turn.length() <= Duration::from_hours(8 * 24));
            let next = rota.turn_at(turn.until).expect("somebody");
            prop_assert_eq!(next.from, turn.until);
            let same = rota.turn_at(Timestamp::from_millis(turn.until.as_millis() - 1));
            prop_assert_eq!(same, Some(turn));
        }
    }
}
