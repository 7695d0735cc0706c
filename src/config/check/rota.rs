//! `rota:` of an on-call entry.

use std::collections::HashSet;

use chrono::{Datelike as _, NaiveDateTime, Timelike as _, Weekday};
use chrono_tz::Tz;

use super::{Check, maintenance::Edge};
use crate::{
    config::{
        code::Code,
        decode::{At, OneOrMany},
        raw,
        report::Problem,
        source::Span,
    },
    model::{
        rota::{Cycle, Override, Rota, Shift},
        text::clean,
    },
};

/// A year of weeks.
const WEEKS_MAX: usize = 52;

/// The days as the file names them, each with its longer word.
const DAYS: [(&str, &str, Weekday); 7] = [
    ("mon", "monday", Weekday::Mon),
    ("tue", "tuesday", Weekday::Tue),
    ("wed", "wednesday", Weekday::Wed),
    ("thu", "thursday", Weekday::Thu),
    ("fri", "friday", Weekday::Fri),
    ("sat", "saturday", Weekday::Sat),
    ("sun", "sunday", Weekday::Sun),
];

impl Check<'_> {
    /// Who is on call when.
    pub(super) fn rota(&self, at: &At<raw::rota::Rota>, zone: Tz) -> Option<Rota> {
        let raw = at.value.as_ref()?;
        let zone = match &raw.timezone {
            Some(at) => self.timezone(at),
            None => Some(zone),
        };
        let usual = match (&raw.shifts, &raw.rotation) {
            (Some(shifts), Some(rotation)) => {
                self.report(
                    Problem::new(
                        Code::Both,
                        rotation.span,
                        "this rota has both `shifts` and `rotation`",
                    )
                    .other(shifts.span, "and here")
                    .help("keep `shifts` for what is the same in every week, `rotation` for people who take turns"),
                );
                None
            }
            (None, Some(rotation)) => self.rotation(rotation),
            (shifts, None) => {
                let shifts = self.weekly(shifts.as_ref(), at.span);
                shifts.map(|shifts| (shifts, Cycle::WEEKLY))
            }
        };
        // With a wrong zone the times would be wrong as well, and that one mistake is said.
        let zone = zone?;
        let overrides = self.overrides(raw.overrides.as_ref(), zone);
        let (shifts, cycle) = usual?;
        Some(Rota {
            timezone: zone,
            shifts,
            cycle,
            overrides,
        })
    }

    /// The shifts of a week.
    fn weekly(
        &self,
        listed: Option<&At<Vec<At<raw::rota::Shift>>>>,
        rota: Span,
    ) -> Option<Vec<Shift>> {
        let is_told = ["shifts", "rotation"]
            .iter()
            .any(|key| self.findings.was_meant(rota, key));
        let is_empty = match listed {
            Some(list) => list.value.as_ref().is_some_and(Vec::is_empty),
            None => !is_told,
        };
        if is_empty {
            self.report(
                Problem::new(Code::Rota, rota, "nobody is ever on call in this rota")
                    .help("add `shifts: [{ who: U…, from: \"mon 09:00\" }]`, or a `rotation`"),
            );
            return None;
        }
        let mut begun = HashSet::new();
        let mut shifts = Some(Vec::new());
        // All of them, so that everything that is wrong is said at once.
        for at in listed?.value.as_ref()? {
            let shift = self.shift(at).filter(|shift| {
                let is_first = begun.insert((shift.weekday, shift.minute));
                if !is_first {
                    self.report(
                        Problem::new(
                            Code::Rota,
                            at.span,
                            format!("another shift begins at {} as well", shift.begins()),
                        )
                        .help("two who are on call together are one shift: `who: [U…, U…]`"),
                    );
                }
                is_first
            });
            shifts = shifts.zip(shift).map(|(mut shifts, shift)| {
                shifts.push(shift);
                shifts
            });
        }
        shifts
    }

    /// People who take turns: a shift a week each, at the same time of the week.
    fn rotation(&self, at: &At<raw::rota::Rotation>) -> Option<(Vec<Shift>, Cycle)> {
        let raw = at.value.as_ref()?;
        self.lacks(
            at.span,
            "this rotation",
            &[("who", raw.who.is_some()), ("starts", raw.starts.is_some())],
        );
        let starts = raw.starts.as_ref().and_then(|at| self.starts(at));
        let listed = raw.who.as_ref()?;
        let who = listed.value.as_ref()?;
        if who.is_empty() || who.len() > WEEKS_MAX {
            self.report(
                Problem::new(
                    Code::Rota,
                    listed.span,
                    format!("{} people cannot take turns", who.len()),
                )
                .help(format!(
                    "name 1 to {WEEKS_MAX}, one for each week: `who: [U…, U…]`"
                )),
            );
            return None;
        }
        let turns: Vec<_> = who
            .iter()
            .map(|at| self.people_named(at, "this week"))
            .collect();
        let turns: Option<Vec<_>> = turns.into_iter().collect();
        let (starts, turns) = (starts?, turns?);
        let weeks = u32::try_from(turns.len()).ok()?;
        let minute = u16::try_from(starts.hour() * 60 + starts.minute()).ok()?;
        let shifts = (0..).zip(turns).map(|(week, users)| Shift {
            users,
            week,
            weekday: starts.weekday(),
            minute,
        });
        let cycle = Cycle {
            first: starts.date(),
            weeks,
        };
        Some((shifts.collect(), cycle))
    }

    /// `2026-11-23 09:00`, by the clocks of the rota's zone.
    fn starts(&self, at: &At<String>) -> Option<NaiveDateTime> {
        let text = self.text(at, "`starts` of a rotation")?;
        let starts = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text.trim(), form).ok());
        if starts.is_none() {
            self.report(
                Problem::new(
                    Code::Rota,
                    at.span,
                    format!("`{}` is no day and time", clean(&text, 40)),
                )
                .help("write the day on which the first of them began, and the time at which they hand over: \"2026-11-23 09:00\""),
            );
        }
        starts
    }

    /// Who stands in, the earliest first.
    fn overrides(&self, at: Option<&At<Vec<At<raw::rota::Override>>>>, zone: Tz) -> Vec<Override> {
        let list = at.and_then(|at| at.value.as_ref());
        let list = list.map_or(&[][..], Vec::as_slice);
        let mut placed: Vec<_> = list
            .iter()
            .filter_map(|at| Some((self.stands_in(at, zone)?, at.span)))
            .collect();
        placed.sort_by_key(|(one, _)| one.from);
        for pair in placed.windows(2) {
            if let [(first, other), (second, span)] = pair
                && second.from < first.until
            {
                self.report(
                    Problem::new(Code::Rota, *span, "two stand in at the same time")
                        .other(*other, "this one is not over by then")
                        .help("two who stand in together are one: `who: [U…, U…]`"),
                );
            }
        }
        placed.into_iter().map(|(one, _)| one).collect()
    }

    fn stands_in(&self, at: &At<raw::rota::Override>, zone: Tz) -> Option<Override> {
        let raw = at.value.as_ref()?;
        let keys = [
            ("who", raw.who.is_some()),
            ("from", raw.from.is_some()),
            ("to", raw.to.is_some()),
        ];
        self.lacks(at.span, "an override", &keys);
        let time = |at: &At<String>, key, edge| self.local_time(at, (key, Code::Rota), zone, edge);
        let from = raw.from.as_ref();
        let from = from.and_then(|at| time(at, "`from`", Edge::From));
        let to = raw.to.as_ref();
        let until = to.and_then(|at| time(at, "`to`", Edge::To));
        let users = self.people_named(raw.who.as_ref()?, "then");
        let (from, until) = (from?, until?);
        if until <= from {
            self.report(
                Problem::new(Code::Rota, to?.span, "this override cannot end then")
                    .label("it does not come after `from`"),
            );
            return None;
        }
        Some(Override {
            users: users?,
            from,
            until,
        })
    }

    /// Says which of its keys something lacks.
    fn lacks(&self, span: Span, what: &str, keys: &[(&str, bool)]) {
        for (key, has) in keys {
            if !has && !self.findings.was_meant(span, key) {
                self.report(Problem::new(
                    Code::Missing,
                    span,
                    format!("{what} has no `{key}`"),
                ));
            }
        }
    }

    /// At least one person.
    fn people_named(&self, at: &At<OneOrMany<String>>, when: &str) -> Option<Vec<String>> {
        let OneOrMany(who) = at.value.as_ref()?;
        let users: Vec<_> = who
            .iter()
            .map(|at| self.slack_id(at, &["U", "W"], "a user"))
            .collect();
        let users: Option<Vec<_>> = users.into_iter().collect();
        if users.as_ref().is_some_and(Vec::is_empty) {
            self.report(
                Problem::new(Code::Rota, at.span, format!("nobody is on call {when}"))
                    .help("name somebody: `U…`"),
            );
            return None;
        }
        users
    }

    fn shift(&self, at: &At<raw::rota::Shift>) -> Option<Shift> {
        let raw = at.value.as_ref()?;
        let keys = [("who", raw.who.is_some()), ("from", raw.from.is_some())];
        self.lacks(at.span, "a shift", &keys);
        let begins = raw.from.as_ref().and_then(|at| self.begins(at));
        let OneOrMany(who) = raw.who.as_ref()?.value.as_ref()?;
        let users: Option<Vec<_>> = who
            .iter()
            .map(|at| self.slack_id(at, &["U", "W"], "a user"))
            .collect();
        let (weekday, minute) = begins?;
        let users = users?;
        if users.is_empty() {
            self.report(
                Problem::new(Code::Rota, at.span, "nobody is on call in this shift")
                    .help("add `who: U…`, or let the shift before it go on: remove this one"),
            );
            return None;
        }
        Some(Shift {
            users,
            week: 0,
            weekday,
            minute,
        })
    }

    /// `mon 09:00`.
    fn begins(&self, at: &At<String>) -> Option<(Weekday, u16)> {
        let text = self.text(at, "`from` of a shift")?;
        let begins = begins_in(&text);
        if begins.is_none() {
            self.report(
                Problem::new(
                    Code::Rota,
                    at.span,
                    format!("`{}` is no time of the week", clean(&text, 40)),
                )
                .help("write the day and the time in quotes: \"mon 09:00\""),
            );
        }
        begins
    }
}

fn begins_in(text: &str) -> Option<(Weekday, u16)> {
    let (day, time) = text.trim().split_once(char::is_whitespace)?;
    let day = day.to_lowercase();
    let (.., weekday) = DAYS
        .iter()
        .find(|(short, long, _)| day == *short || day == *long)?;
    let (hour, minute) = time.trim().split_once(':')?;
    let is_number = |text: &str| text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(hour) || minute.len() != 2 || !is_number(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some((*weekday, hour * 60 + minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_week_is_a_day_and_a_time() {
        for (text, expected) in [
            ("mon 09:00", Some((Weekday::Mon, 540))),
            (" Sunday  23:59 ", Some((Weekday::Sun, 1_439))),
            ("thu 0:00", Some((Weekday::Thu, 0))),
            ("mon 24:00", None),
            ("mon 9", None),
            ("mon 9:5", None),
            ("mon +9:00", None),
            ("09:00", None),
            ("day 09:00", None),
            ("mon 09:00 CET", None),
            ("", None),
        ] {
            assert_eq!(begins_in(text), expected, "{text}");
        }
    }
}
