//! `rota:` of an on-call entry.

use std::collections::HashSet;

use chrono::Weekday;
use chrono_tz::Tz;

use super::Check;
use crate::{
    config::{
        code::Code,
        decode::{At, OneOrMany},
        raw,
        report::Problem,
    },
    model::{
        rota::{Rota, Shift},
        text::clean,
    },
};

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
    /// The shifts of a week.
    pub(super) fn rota(&self, at: &At<raw::rota::Rota>, zone: Tz) -> Option<Rota> {
        let raw = at.value.as_ref()?;
        let timezone = raw.timezone.as_ref().map(|at| self.timezone(at));
        let listed = raw.shifts.as_ref();
        let is_meant = self.findings.was_meant(at.span, "shifts");
        let is_empty = match listed {
            Some(list) => list.value.as_ref().is_some_and(Vec::is_empty),
            None => !is_meant,
        };
        if is_empty {
            self.report(
                Problem::new(Code::Rota, at.span, "nobody is ever on call in this rota")
                    .help("add `shifts: [{ who: U…, from: \"mon 09:00\" }]`"),
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
        Some(Rota {
            timezone: timezone.unwrap_or(Some(zone))?,
            shifts: shifts?,
        })
    }

    fn shift(&self, at: &At<raw::rota::Shift>) -> Option<Shift> {
        let raw = at.value.as_ref()?;
        for (key, has) in [("who", raw.who.is_some()), ("from", raw.from.is_some())] {
            if !has && !self.findings.was_meant(at.span, key) {
                self.report(Problem::new(
                    Code::Missing,
                    at.span,
                    format!("a shift has no `{key}`"),
                ));
            }
        }
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
