//! Who is on call when: shifts that come again every week, or people who take turns from week to week; and who stands in.

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
    /// In which weeks they come again.
    pub cycle: Cycle,
    /// Who is on call in place of that, the earliest first; no two at the same time.
    pub overrides: Vec<Override>,
}

/// Weeks that come again and again, before the first of them as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cycle {
    /// The day on which the first week begins, whatever day of the week that is.
    pub first: NaiveDate,
    /// How many weeks there are; at least one.
    pub weeks: u32,
}

impl Cycle {
    /// The same in every week.
    pub const WEEKLY: Self = Self {
        first: NaiveDate::MIN,
        weeks: 1,
    };

    /// Which of the weeks a day is in, from 0 on.
    fn week_of(self, day: NaiveDate) -> u32 {
        let days = day.signed_duration_since(self.first).num_days();
        let week = days.div_euclid(7).rem_euclid(i64::from(self.weeks.max(1)));
        u32::try_from(week).unwrap_or(0)
    }
}

/// People who are on call at one time in place of whoever would be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Override {
    /// Users' ids, `U…` or `W…`; at least one.
    pub users: Vec<String>,
    /// From when on.
    pub from: Timestamp,
    /// Until before then; later than `from`.
    pub until: Timestamp,
}

/// People, and from when on they are on call in every cycle, until the next shift begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shift {
    /// Users' ids, `U…` or `W…`; at least one.
    pub users: Vec<String>,
    /// In which week of the cycle it begins, from 0 on.
    pub week: u32,
    /// The day on which it begins.
    pub weekday: Weekday,
    /// Minutes from its midnight, 0 to 1,439.
    pub minute: u16,
}

/// One time in which the same people are on call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn<'a> {
    /// Who; at least one.
    pub users: &'a [String],
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
        let overrides = || self.overrides.iter();
        if let Some(one) = overrides().find(|one| one.from <= now && now < one.until) {
            return Some(Turn {
                users: &one.users,
                from: one.from,
                until: one.until,
            });
        }
        let turn = self.usual_turn_at(now)?;
        let before = overrides().map(|one| one.until).filter(|at| *at <= now);
        let after = overrides().map(|one| one.from).filter(|at| *at > now);
        Some(Turn {
            from: before.fold(turn.from, Timestamp::max),
            until: after.fold(turn.until, Timestamp::min),
            ..turn
        })
    }

    /// Who would be on call if nobody stood in.
    fn usual_turn_at(&self, now: Timestamp) -> Option<Turn<'_>> {
        let begins = self.begins_around(now);
        let at = begins.iter().rposition(|(from, ..)| *from <= now)?;
        let (from, _, shift) = *begins.get(at)?;
        let (until, ..) = *begins.get(at + 1)?;
        Some(Turn {
            users: &shift.users,
            from,
            until,
        })
    }

    /// Everybody who ever is on call, once each, in the order of the file.
    pub fn people(&self) -> Vec<&String> {
        let mut people: Vec<&String> = Vec::new();
        let usual = self.shifts.iter().flat_map(|shift| &shift.users);
        let others = self.overrides.iter().flat_map(|one| &one.users);
        for user in usual.chain(others) {
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
                    .filter(move |one| one.weekday == day.weekday())
                    .filter(move |one| one.week == self.cycle.week_of(day));
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
            week: 0,
            weekday,
            minute,
        }
    }

    fn prague(shifts: Vec<Shift>) -> Rota {
        Rota {
            timezone: chrono_tz::Europe::Prague,
            shifts,
            cycle: Cycle::WEEKLY,
            overrides: Vec::new(),
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
            assert_eq!(turn.users, [who], "{now}");
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
            assert_eq!(turn.users, [who], "{now}");
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
        assert_eq!(rota.shifts[0].begins(), "mon 00:00");
    }

    /// Three people take turns from this day on.
    fn rotation(starts: &str, hour: u16, users: &[&str]) -> Rota {
        let first: NaiveDate = starts.parse().expect("a day");
        let shifts = (0..).zip(users).map(|(week, user)| Shift {
            week,
            ..shift(user, first.weekday(), hour * 60)
        });
        Rota {
            cycle: Cycle {
                first,
                weeks: u32::try_from(users.len()).expect("a few"),
            },
            ..prague(shifts.collect())
        }
    }

    #[test]
    fn people_take_turns_from_week_to_week_and_begin_again() {
        let rota = rotation("2026-11-25", 9, &["UALICE", "UBOB", "UCORA"]);
        for (now, who, until) in [
            // Before its first day it went on as well.
            (
                "2026-11-25T08:59:59+01:00",
                "UCORA",
                "2026-11-25T09:00:00+01:00",
            ),
            (
                "2026-11-25T09:00:00+01:00",
                "UALICE",
                "2026-12-02T09:00:00+01:00",
            ),
            (
                "2026-12-02T08:59:59+01:00",
                "UALICE",
                "2026-12-02T09:00:00+01:00",
            ),
            (
                "2026-12-02T09:00:00+01:00",
                "UBOB",
                "2026-12-09T09:00:00+01:00",
            ),
            (
                "2026-12-15T12:00:00+01:00",
                "UCORA",
                "2026-12-16T09:00:00+01:00",
            ),
            (
                "2026-12-16T09:00:00+01:00",
                "UALICE",
                "2026-12-23T09:00:00+01:00",
            ),
            (
                "2026-11-11T09:00:00+01:00",
                "UBOB",
                "2026-11-18T09:00:00+01:00",
            ),
            // Nine by the clocks, in summer too: 18 weeks later it is the first one's turn again.
            (
                "2027-03-31T08:59:59+02:00",
                "UCORA",
                "2027-03-31T09:00:00+02:00",
            ),
            (
                "2027-03-31T09:00:00+02:00",
                "UALICE",
                "2027-04-07T09:00:00+02:00",
            ),
        ] {
            let turn = rota.turn_at(at(now)).expect("somebody");
            assert_eq!(
                (turn.users, turn.until),
                (&[who.to_owned()][..], at(until)),
                "{now}"
            );
        }
        assert_eq!(rota.people(), ["UALICE", "UBOB", "UCORA"]);
    }

    #[test]
    fn whoever_stands_in_is_on_call_and_then_the_turn_goes_on() {
        let stands_in = |user: &str, from, until| Override {
            users: vec![user.to_owned()],
            from: at(from),
            until: at(until),
        };
        let mut rota = rotation("2026-12-21", 9, &["UALICE", "UBOB"]);
        rota.overrides = vec![
            stands_in(
                "UDAN",
                "2026-12-24T12:00:00+01:00",
                "2026-12-26T12:00:00+01:00",
            ),
            stands_in(
                "UEVA",
                "2026-12-28T08:00:00+01:00",
                "2026-12-28T10:00:00+01:00",
            ),
        ];
        let mut now = at("2026-12-21T10:00:00+01:00");
        let mut seen = Vec::new();
        for _ in 0..6 {
            let turn = rota.turn_at(now).expect("somebody");
            seen.push((
                turn.users[0].as_str(),
                turn.from.to_utc().format("%d %H:%M").to_string(),
            ));
            now = turn.until;
        }
        let expected = [
            ("UALICE", "21 08:00"),
            ("UDAN", "24 11:00"),
            ("UALICE", "26 11:00"),
            ("UEVA", "28 07:00"),
            ("UBOB", "28 09:00"),
            ("UALICE", "04 08:00"),
        ];
        assert_eq!(seen, expected.map(|(who, from)| (who, from.to_owned())));
        assert_eq!(rota.people(), ["UALICE", "UBOB", "UDAN", "UEVA"]);
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
                week: 0,
                weekday: Weekday::try_from(u8::try_from(begin / (24 * 60)).unwrap()).unwrap(),
                minute: begin % (24 * 60),
            });
            let rota = Rota { timezone: zone, shifts: shifts.collect(), cycle: Cycle::WEEKLY, overrides: Vec::new() };
            let now = Timestamp::from_millis(seconds * 1_000);
            let turn = rota.turn_at(now).expect("somebody");
            prop_assert!(turn.from <= now && now < turn.until);
            prop_assert!(turn.length() <= Duration::from_hours(8 * 24));
            let next = rota.turn_at(turn.until).expect("somebody");
            prop_assert_eq!(next.from, turn.until);
            let same = rota.turn_at(Timestamp::from_millis(turn.until.as_millis() - 1));
            prop_assert_eq!(same, Some(turn));
        }

        #[test]
        fn turns_of_a_rotation_leave_no_gap_whoever_stands_in(
            seconds in 1_000_000_000_i64..2_500_000_000,
            starts in -400_i64..400,
            (people, minute) in (1_u32..6, 0_u16..1_440),
            (from, hours) in (0_i64..2_000, 1_i64..400),
            zone in prop::sample::select(vec![chrono_tz::UTC, chrono_tz::Europe::Prague, chrono_tz::Australia::Lord_Howe]),
        ) {
            let now = Timestamp::from_millis(seconds * 1_000);
            let first = now.to_utc().date_naive() + chrono::TimeDelta::days(starts);
            let shifts = (0..people).map(|week| Shift { users: vec![format!("U{week}")], week, weekday: first.weekday(), minute });
            let hour = |hour: i64| Timestamp::from_millis((seconds + hour * 3_600) * 1_000);
            let rota = Rota {
                timezone: zone,
                shifts: shifts.collect(),
                cycle: Cycle { first, weeks: people },
                overrides: vec![Override { users: vec![String::from("USTAND")], from: hour(from), until: hour(from + hours) }],
            };
            let mut turn = rota.turn_at(now).expect("somebody");
            prop_assert!(turn.from <= now && now < turn.until);
            for _ in 0..12 {
                let next = rota.turn_at(turn.until).expect("somebody");
                prop_assert_eq!(next.from, turn.until);
                prop_assert!(next.until > next.from);
                let stands_in = next.from >= hour(from) && next.from < hour(from + hours);
                prop_assert_eq!(next.users[0] == "USTAND", stands_in);
                turn = next;
            }
        }
    }
}
