//! `maintenance:` when work is planned, and at what.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;

use super::{
    Check,
    targets::{Groups, Targets},
};
use crate::{
    config::{
        code::Code, decode::At, raw::maintenance::Window as RawWindow, report::Problem,
        source::Span,
    },
    model::{
        Timestamp,
        calendar::{Recurring, Times},
        plan::Matcher,
        planned::Window,
        text::{clean, span},
    },
};

/// The shortest window and the longest: what is longer is no maintenance, it is out of use.
const DURATION: std::ops::RangeInclusive<Duration> =
    Duration::from_mins(1)..=Duration::from_hours(7 * 24);
/// So many windows one after the other are looked at for one that begins before the other has ended.
const COMPARED: usize = 400;
/// The forms of a time without a zone.
const LOCAL: [&str; 4] = [
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
];
/// A time from which windows are compared: before a change of the clock in most zones.
const COMPARED_FROM: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Which end of a window is read: where the clock says a time twice, a window is rather too long than too short.
#[derive(Clone, Copy)]
pub(super) enum Edge {
    From,
    To,
}

impl Check<'_> {
    /// The windows in the order of the file.
    pub(super) fn maintenance(
        &self,
        at: Option<At<Vec<At<RawWindow>>>>,
        zone: Tz,
        groups: &Groups,
        targets: &Targets,
    ) -> Arc<[Window]> {
        let list = at.and_then(|at| at.value).unwrap_or_default();
        let mut names: BTreeMap<String, Span> = BTreeMap::new();
        let mut out = Vec::new();
        for (index, at) in list.into_iter().enumerate() {
            let span = at.span;
            let Some(raw) = at.value else { continue };
            let name_span = raw.name.as_ref().map_or(span, |at| at.span);
            let name = raw.name.as_ref().and_then(|at| self.text(at, "`name`"));
            if raw.name.is_none() && !self.findings.was_meant(span, "name") {
                self.report(
                    Problem::new(Code::Missing, span, "this maintenance has no `name`")
                        .help("add `name: nightly rebuild`; people read it in messages"),
                );
            }
            let name = name.map(|name| clean(&name, 64));
            let who = match &name {
                Some(name) => format!("maintenance `{name}`"),
                None => format!("maintenance {}", index + 1),
            };
            if let Some(name) = &name
                && let Some(first) = names.insert(name.clone(), name_span)
            {
                self.report(
                    Problem::new(
                        Code::Twice,
                        name_span,
                        format!("two maintenances are called `{name}`"),
                    )
                    .other(first, "the first one"),
                );
            }
            let matcher = self.window_matcher(&raw, span, &who, groups, targets);
            let times = self.times(&raw, span, &who, zone);
            if let (Some(name), Some(matcher), Some(times)) = (name, matcher, times) {
                out.push(Window {
                    name,
                    matcher,
                    times,
                });
            }
        }
        out.into()
    }

    /// Whom it is about; absent if that is wrong.
    fn window_matcher(
        &self,
        raw: &RawWindow,
        span: Span,
        who: &str,
        groups: &Groups,
        targets: &Targets,
    ) -> Option<Matcher> {
        let Some(at) = &raw.r#match else {
            if !self.findings.was_meant(span, "match") {
                self.report(
                    Problem::new(
                        Code::Missing,
                        span,
                        format!("{who} does not say whom it is about"),
                    )
                    .help("add `match: { group: staging }`"),
                );
            }
            return None;
        };
        let typed = at.value.as_ref()?;
        let states = typed.state.as_ref().map(|at| ("state", at.span));
        let components = typed.component.as_ref().map(|at| ("component", at.span));
        if let Some((key, span)) = states.or(components) {
            self.report(
                Problem::new(
                    Code::Window,
                    span,
                    format!("{who} is about a {key}, and work is planned at targets"),
                )
                .help(format!(
                    "remove `{key}`; name a group, a target, a role or a severity"
                )),
            );
            return None;
        }
        let mut is_doubtful = false;
        let place = at.span;
        let matcher = self.matcher(at.clone(), who, groups, targets, &mut is_doubtful);
        if is_doubtful {
            return None;
        }
        if matcher == Matcher::default() {
            if !self.findings.was_meant(span, "match") {
                self.report(
                    Problem::new(
                        Code::Window,
                        place,
                        format!("{who} would be about everything"),
                    )
                    .help("name a group, a target, a role or a severity"),
                );
            }
            return None;
        }
        Some(matcher)
    }

    /// When it is; absent if that is wrong.
    fn times(&self, raw: &RawWindow, span: Span, who: &str, zone: Tz) -> Option<Times> {
        let zone = match &raw.timezone {
            Some(at) => self.timezone(at)?,
            None => zone,
        };
        match (&raw.schedule, &raw.from, &raw.to) {
            (Some(schedule), None, None) => self.recurring(raw, schedule, who, zone),
            (None, Some(from), Some(to)) => {
                if let Some(duration) = &raw.duration {
                    self.report(
                        Problem::new(
                            Code::Both,
                            duration.span,
                            format!("{who} has both `to` and `duration`"),
                        )
                        .other(to.span, "and here")
                        .help("keep `to`; `duration` belongs to `schedule`"),
                    );
                    return None;
                }
                self.once(from, to, who, zone)
            }
            (Some(schedule), from, to) => {
                let other = from.as_ref().or(to.as_ref());
                let other = other.map_or(schedule.span, |at| at.span);
                self.report(
                    Problem::new(
                        Code::Both,
                        other,
                        format!("{who} comes again and again and also once"),
                    )
                    .other(schedule.span, "again and again")
                    .help("keep `schedule` and `duration`, or `from` and `to`"),
                );
                None
            }
            (None, _, _) => {
                let is_told = ["schedule", "from", "to"]
                    .iter()
                    .any(|key| self.findings.was_meant(span, key));
                if !is_told {
                    self.report(
                        Problem::new(
                            Code::Missing,
                            span,
                            format!("{who} does not say when it is"),
                        )
                        .help(
                            "add `schedule: \"0 2 * * *\"` and `duration: 45m`, or `from` and `to`",
                        ),
                    );
                }
                None
            }
        }
    }

    fn recurring(
        &self,
        raw: &RawWindow,
        schedule: &At<String>,
        who: &str,
        zone: Tz,
    ) -> Option<Times> {
        let line = self.text(schedule, "`schedule`")?;
        let Some(duration) = &raw.duration else {
            self.report(
                Problem::new(
                    Code::Missing,
                    schedule.span,
                    format!("{who} does not say how long it is"),
                )
                .help("add `duration: 45m`"),
            );
            return None;
        };
        let duration = self.duration(duration, "`duration`", DURATION).value?;
        let (recurring, first) = self.cron(&line, schedule.span, who, zone, duration)?;
        if let Some(gap) = overlap(&recurring, first) {
            let at = raw.duration.as_ref().map_or(schedule.span, |at| at.span);
            self.report(
                Problem::new(
                    Code::Overlap,
                    at,
                    format!("{who} begins again before it has ended"),
                )
                .label(format!("it begins again after {}", span(gap)))
                .help("make it shorter, or the schedule rarer"),
            );
            return None;
        }
        Some(Times::Recurring(recurring))
    }

    /// A cron line, and when it first begins after the beginning of 2026; absent if it is none or never begins.
    pub(super) fn cron(
        &self,
        line: &str,
        span: Span,
        who: &str,
        zone: Tz,
        duration: Duration,
    ) -> Option<(Recurring, Timestamp)> {
        let recurring = match Recurring::parse(line, zone, duration) {
            Ok(recurring) => recurring,
            Err(why) => {
                self.report(
                    Problem::new(
                        Code::Schedule,
                        self.inner(span),
                        format!("`{}` is no cron line", clean(line, 64)),
                    )
                    .label(clean(&why, 120))
                    .help("five fields: minute hour day month weekday; `30 2 * * 1-5` is 02:30 on weekdays"),
                );
                return None;
            }
        };
        let Some(first) = recurring.opens_after(COMPARED_FROM) else {
            self.report(
                Problem::new(
                    Code::Schedule,
                    self.inner(span),
                    format!("{who} never begins"),
                )
                .label("no day is like this"),
            );
            return None;
        };
        Some((recurring, first))
    }

    fn once(&self, from: &At<String>, to: &At<String>, who: &str, zone: Tz) -> Option<Times> {
        let begin = self.local_time(from, ("`from`", Code::Window), zone, Edge::From);
        let end = self.local_time(to, ("`to`", Code::Window), zone, Edge::To);
        let (begin, end) = (begin?, end?);
        let length = end.since(begin);
        if DURATION.contains(&length) {
            return Some(Times::Once {
                from: begin,
                to: end,
            });
        }
        let label = if length == Duration::ZERO {
            String::from("it does not come after `from`")
        } else {
            format!("that is {}", span(length))
        };
        self.report(
            Problem::new(Code::Window, to.span, format!("{who} cannot end then"))
                .label(label)
                .other(from.span, "from here")
                .help("it may last from 1 min to 7 d"),
        );
        None
    }

    /// A time with its zone, or as the clock in `zone` says it.
    pub(super) fn local_time(
        &self,
        at: &At<String>,
        (key, code): (&str, Code),
        zone: Tz,
        edge: Edge,
    ) -> Option<Timestamp> {
        let text = self.text(at, key)?;
        let text = text.trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Some(Timestamp::from_millis(time.timestamp_millis()));
        }
        let mut forms = LOCAL.iter();
        let Some(local) = forms.find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        else {
            self.report(
                Problem::new(
                    code,
                    at.span,
                    format!("{key}: `{}` is no time", clean(text, 64)),
                )
                .help("write it as 2026-12-01 22:00, or with its zone: 2026-12-01T22:00:00+01:00"),
            );
            return None;
        };
        let time = match (zone.from_local_datetime(&local), edge) {
            (LocalResult::Single(time), _)
            | (LocalResult::Ambiguous(time, _), Edge::From)
            | (LocalResult::Ambiguous(_, time), Edge::To) => time,
            (LocalResult::None, _) => {
                self.report(
                    Problem::new(
                        code,
                        at.span,
                        format!("{key}: there is no {} in {zone}", clean(text, 64)),
                    )
                    .label("the clock skips it")
                    .help("write a time an hour earlier or later"),
                );
                return None;
            }
        };
        Some(Timestamp::from_millis(time.timestamp_millis()))
    }
}

/// The shortest time from one beginning to the next, if the window is not over by then.
fn overlap(recurring: &Recurring, first: Timestamp) -> Option<Duration> {
    let mut before = first;
    let mut shortest: Option<Duration> = None;
    for _ in 0..COMPARED {
        let Some(next) = recurring.opens_after(before) else {
            break;
        };
        let gap = next.since(before);
        shortest = Some(shortest.map_or(gap, |shortest| shortest.min(gap)));
        before = next;
    }
    shortest.filter(|gap| *gap <= recurring.duration)
}
