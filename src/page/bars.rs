//! The last days of targets and groups: a bar of one mark a day, and the same in words beside it.
//!
//! Each kind of day has a height and a colour of its own; days of one kind are one line with gaps, so that a bar is small.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{Level, Page, words::Phrase};
use crate::{
    command::{
        Line,
        days::{Bar, Bars, How},
    },
    model::Group,
};

/// The most bars of targets on a page; of more targets only those that are not well have one.
const TARGETS_MAX: usize = 40;
/// The most bars of groups on a page.
const GROUPS_MAX: usize = 100;
/// The newest days of a bar that say themselves what was, for whoever points at them.
const POINTED_MAX: usize = 20;
/// The newest days of an outage that are named.
const NAMED_MAX: usize = 3;

/// How wide a day is, and how high a bar.
const DAY: usize = 4;
const HEIGHT: usize = 20;

/// What kind of day a class of the style sheet is about.
const fn class(how: How) -> &'static str {
    match how {
        How::Down => "down",
        How::Degraded => "degraded",
        How::Maintenance => "maintenance",
        How::Well => "fine",
        How::InPart => "part",
        How::Unseen => "unseen",
    }
}

/// At which heights the marks of such a day are; the style sheet says how thick they are.
const fn heights(how: How) -> &'static [&'static str] {
    match how {
        // A broken line.
        How::Down => &["5.5", "14.5"],
        How::Degraded => &["12.5"],
        How::Maintenance | How::Well => &["10"],
        How::InPart => &["15.5"],
        How::Unseen => &["17"],
    }
}

/// Decides who has a bar, and how many have one already.
#[derive(Debug)]
pub(super) struct Shown {
    has_all_targets: bool,
    targets: usize,
    groups: usize,
}

impl Shown {
    /// On this page.
    pub(super) fn of(page: &Page<'_>) -> Self {
        Self {
            has_all_targets: page.lines().count() <= TARGETS_MAX,
            targets: 0,
            groups: 0,
        }
    }

    /// The days of a target.
    pub(super) fn target(&mut self, page: &Page<'_>, level: Level, line: &Line) -> Option<Markup> {
        let bars = page.bars?;
        let bar = bars.target(&line.target.id)?;
        let is_wanted = self.has_all_targets || level > Level::Fine;
        if !is_wanted || self.targets >= TARGETS_MAX {
            return None;
        }
        self.targets += 1;
        Some(days(page, bars, bar))
    }

    /// The days of a group.
    pub(super) fn group(&mut self, page: &Page<'_>, group: Option<&Group>) -> Markup {
        let found = page.bars.zip(group);
        let found = found.and_then(|(bars, group)| Some((bars, bars.group(&group.name)?)));
        let Some((bars, bar)) = found.filter(|_| self.groups < GROUPS_MAX) else {
            return html! {};
        };
        self.groups += 1;
        days(page, bars, bar)
    }
}

/// What the marks mean, and until when was counted.
pub(super) fn legend(page: &Page<'_>) -> Markup {
    let language = page.look.language;
    let Some(bars) = page.bars else {
        return html! { p.legend { (language.say(Phrase::NotCounted)) } };
    };
    html! {
        p.legend {
            (language.counted(&page.time(bars.until), &page.zone())) ": "
            @for how in How::ALL {
                span {
                    svg aria-hidden="true" width="6" height=(HEIGHT) viewBox={ "0 0 " (DAY) " " (HEIGHT) } preserveAspectRatio="none" {
                        path class=(class(how)) d=(strokes(how, &[(0, 1)])) {}
                    }
                    " " (language.day(how))
                } " "
            }
        }
    }
}

/// A bar, and what it shows in words.
pub(super) fn days(page: &Page<'_>, bars: &Bars, bar: &Bar) -> Markup {
    let width = bar.days().len() * DAY;
    let eventful = bar.days().iter().enumerate().rev();
    let eventful = eventful.filter(|(_, day)| day.how() >= How::Maintenance);
    html! {
        svg.days aria-hidden="true" viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" {
            @for how in How::ALL {
                @let runs = runs(bar, how);
                @if !runs.is_empty() { path class=(class(how)) d=(strokes(how, &runs)) {} }
            }
            @for (place, day) in eventful.take(POINTED_MAX) {
                rect x=(place * DAY) width=(DAY) height=(HEIGHT) {
                    title {
                        (page.look.language.date(bars.date(place))) ": " (page.look.language.day(day.how())) " "
                        (crate::model::text::span(day.length()))
                    }
                }
            }
        }
        span.days { (in_words(page, bars, bar)) }
    }
}

/// Each day by itself, the newest first.
pub(super) fn table(page: &Page<'_>, bars: &Bars, bar: &Bar) -> Markup {
    let language = page.look.language;
    html! {
        table.each {
            tbody {
                @for (place, day) in bar.days().iter().enumerate().rev() {
                    @let date = bars.date(place);
                    tr {
                        th scope="row" { time datetime=(date.to_string()) { (language.date(date)) } }
                        td { (language.day(day.how())) }
                        td { (crate::model::text::span(day.length())) }
                    }
                }
            }
        }
    }
}

/// From which place to before which one the days are of this kind.
fn runs(bar: &Bar, how: How) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for (place, day) in bar.days().iter().enumerate() {
        if day.how() != how {
            continue;
        }
        match out.last_mut() {
            Some((_, until)) if *until == place => *until = place + 1,
            Some(_) | None => out.push((place, place + 1)),
        }
    }
    out
}

/// As lines of an SVG path, with a gap after each day that the style sheet makes.
fn strokes(how: How, runs: &[(usize, usize)]) -> String {
    let mut out = String::new();
    for height in heights(how) {
        for (from, until) in runs {
            let _infallible = write!(out, "M{} {height}H{}", from * DAY, until * DAY);
        }
    }
    out
}

/// `99.97% of what was measured in 90 days; down: 2 days (3 Nov 14 min, 1 Nov 2 min); no data: 12 days`
fn in_words(page: &Page<'_>, bars: &Bars, bar: &Bar) -> String {
    let language = page.look.language;
    let days = bar.days();
    let mut out = match bar.total().words() {
        Some(share) => language.share(&share, days.len()),
        None => language.say(Phrase::NothingMeasured).to_owned(),
    };
    for how in How::ALL.into_iter().filter(|how| *how != How::Well) {
        let such = days.iter().enumerate().filter(|(_, day)| day.how() == how);
        let count = such.clone().count();
        if count == 0 {
            continue;
        }
        let _infallible = write!(out, "; {}: {}", language.day(how), language.days(count));
        if how != How::Down {
            continue;
        }
        let named = such.rev().take(NAMED_MAX).map(|(place, day)| {
            let length = crate::model::text::span(day.length());
            format!("{} {length}", language.date(bars.date(place)))
        });
        let named: Vec<_> = named.collect();
        let more = if count > NAMED_MAX { ", \u{2026}" } else { "" };
        let _infallible = write!(out, " ({}{more})", named.join(", "));
    }
    out
}
