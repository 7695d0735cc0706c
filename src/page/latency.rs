//! How long answers took, as charts of a day, a week and a quarter: drawn, said in a sentence, and number by number.
//!
//! A chart is a line of steps, one for each hour or day, so that one in which nothing was measured is a gap as wide as itself. The
//! two lines differ by more than their colour, and all words stand beside the drawing, which may be as narrow as it likes.

use std::{fmt::Write as _, time::Duration};

use maud::{Markup, html};

use super::{Page, Viewer, html::time, words::Phrase};
use crate::model::{
    CheckKind, Timestamp,
    latency::{Grain, Latencies},
    text::span,
};

/// How wide an hour or a day is, and how high a chart.
const STEP: usize = 10;
const HEIGHT: f64 = 100.0;

/// How far back a chart reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Window {
    /// 24 hours, the running one the last.
    Day,
    /// 7 days, hour by hour.
    Week,
    /// 90 days of UTC, the running one the last.
    Quarter,
}

impl Window {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Quarter];

    /// The one of this name: `24h`, `7d` or `90d`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.as_str() == name)
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Quarter => "90d",
        }
    }

    /// Of what it is made.
    pub const fn grain(self) -> Grain {
        match self {
            Self::Day | Self::Week => Grain::Hour,
            Self::Quarter => Grain::Day,
        }
    }

    const fn count(self) -> u32 {
        match self {
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Quarter => 90,
        }
    }

    /// When its hours or days begin, the oldest first, if it is now.
    pub fn begins(self, now: Timestamp) -> Vec<Timestamp> {
        self.grain().last(self.count(), now).collect()
    }
}

/// How long answers to one check took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chart {
    /// What was asked.
    pub kind: CheckKind,
    /// How far back it reaches.
    pub window: Window,
    /// Each hour or day with what was counted, the oldest first; those without looks are there and empty.
    pub points: Vec<(Timestamp, Latencies)>,
}

impl Chart {
    /// All of it as one.
    pub fn total(&self) -> Latencies {
        let mut total = Latencies::default();
        self.points
            .iter()
            .for_each(|(_, counted)| total.merge(counted));
        total
    }

    /// How many hours or days there are in which nothing was answered, since the first in which something was.
    fn gaps(&self) -> usize {
        let known = self
            .points
            .iter()
            .skip_while(|(_, counted)| is_gap(counted));
        known.filter(|(_, counted)| is_gap(counted)).count()
    }

    /// The upper end of the scale: the next of 1, 2, 3, 5 and 10 above everything drawn.
    fn top(&self) -> Duration {
        let longest = self
            .points
            .iter()
            .filter_map(|(_, counted)| counted.answers.percentile(95));
        let longest = longest.max().unwrap_or_default().as_secs_f64().max(0.000_1);
        let power = 10_f64.powf(longest.log10().floor());
        let nice = [1.0, 2.0, 3.0, 5.0, 10.0].map(|step| step * power);
        let top = nice.into_iter().find(|top| *top >= longest);
        Duration::from_secs_f64(top.unwrap_or(longest))
    }

    /// A line of steps for this percentile, with gaps.
    fn steps(&self, percent: u8, top: Duration) -> String {
        let mut out = String::new();
        let mut is_drawn = false;
        for (place, (_, counted)) in self.points.iter().enumerate() {
            let Some(took) = counted.answers.percentile(percent) else {
                is_drawn = false;
                continue;
            };
            let height = HEIGHT * (1.0 - took.as_secs_f64() / top.as_secs_f64());
            let (from, until) = (place * STEP, (place + 1) * STEP);
            let _infallible = if is_drawn {
                write!(out, "V{height:.1}H{until}")
            } else {
                write!(out, "M{from} {height:.1}H{until}")
            };
            is_drawn = true;
        }
        out
    }
}

/// Whether nothing was answered, so that there is nothing to draw.
fn is_gap(counted: &Latencies) -> bool {
    counted.answers.count() == 0
}

/// The charts of a target; nothing of one that has no check whose answers are timed.
pub(super) fn section(page: &Page<'_>, charts: &[Chart]) -> Markup {
    if charts.is_empty() {
        return html! {};
    }
    let say = |phrase| page.look.language.say(phrase);
    let known = charts.iter().filter(|chart| !is_gap(&chart.total()));
    let known: Vec<_> = known.collect();
    html! {
        section aria-labelledby="latency" {
            h2 #latency { (say(Phrase::Latency)) }
            @if known.is_empty() {
                p.note { (say(Phrase::NoLatency)) }
            } @else {
                p.legend {
                    span { (sample("p50")) " " (say(Phrase::Half)) } " "
                    span { (sample("p95")) " " (say(Phrase::NinetyFive)) } " "
                    span { (sample("gap")) " " (page.look.language.day(crate::command::days::How::Unseen)) }
                }
                @for chart in known { (figure(page, chart)) }
            }
        }
    }
}

/// A piece of a line as the chart has it.
fn sample(class: &str) -> Markup {
    html! {
        svg.sample aria-hidden="true" width="24" height="12" viewBox="0 0 24 12" {
            @if class == "gap" {
                rect.gap width="24" height="12" {}
            } @else {
                path class=(class) d="M0 6H24" {}
            }
        }
    }
}

fn figure(page: &Page<'_>, chart: &Chart) -> Markup {
    let language = page.look.language;
    let (top, width) = (chart.top(), chart.points.len() * STEP);
    let name = format!("latency-{}-{}", chart.kind.as_str(), chart.window.as_str());
    let said = language.latency(chart.kind, chart.window, &in_words(&chart.total()));
    let gaps = language.gaps(chart.gaps(), chart.window);
    html! {
        figure.chart {
            figcaption { strong { (said) } }
            span.scale { (span(top)) }
            svg role="img" aria-labelledby={ (name) " " (name) "-gaps" } viewBox={ "0 0 " (width) " 100" } preserveAspectRatio="none" {
                title id=(name) { (said) }
                desc id={ (name) "-gaps" } { (gaps) }
                @for (place, (_, counted)) in chart.points.iter().enumerate() {
                    @if is_gap(counted) { rect.gap x=(place * STEP) width=(STEP) height="100" {} }
                }
                path.p95 d=(chart.steps(95, top)) {}
                path.p50 d=(chart.steps(50, top)) {}
            }
            p.axis {
                @if let Some((first, _)) = chart.points.first() { span { (moment(page, chart, *first)) } }
                span { (language.say(Phrase::Now)) }
            }
            details {
                summary { (language.say(Phrase::EachNumber)) }
                (table(page, chart))
            }
        }
    }
}

/// Half of them, and most of them.
fn in_words(counted: &Latencies) -> [String; 2] {
    [50, 95].map(|percent| {
        let took = counted.answers.percentile(percent);
        took.map_or_else(|| String::from("\u{2013}"), span)
    })
}

/// When an hour or a day began.
fn moment(page: &Page<'_>, chart: &Chart, at: Timestamp) -> Markup {
    match chart.window.grain() {
        Grain::Hour => time(page, at),
        Grain::Day => {
            let date = at.to_utc().date_naive();
            html! { time datetime=(date.to_string()) { (page.look.language.date(date)) } }
        }
    }
}

/// Each hour or day with anything to say, the newest first. Strangers are not told what failed.
fn table(page: &Page<'_>, chart: &Chart) -> Markup {
    let say = |phrase| page.look.language.say(phrase);
    let is_inside = page.look.viewer == Viewer::Insider;
    let known = chart.points.iter().rev();
    let known = known.filter(|(_, counted)| counted.looks() > 0);
    html! {
        @if chart.window.grain() == Grain::Day { p.note { (say(Phrase::DaysOfUtc)) } }
        table.each {
            thead {
                tr {
                    th scope="col" { (say(Phrase::Beginning)) }
                    th.number scope="col" { "p50" }
                    th.number scope="col" { "p95" }
                    th.number scope="col" { (say(Phrase::Looks)) }
                    @if is_inside { th.number scope="col" { (say(Phrase::Failures)) } }
                }
            }
            tbody {
                @for (at, counted) in known {
                    @let [half, most] = in_words(counted);
                    tr {
                        th scope="row" { (moment(page, chart, *at)) }
                        td.number { (half) }
                        td.number { (most) }
                        td.number { (counted.looks()) }
                        @if is_inside { td.number { (counted.failures()) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;

    fn chart(took_ms: &[Option<u64>]) -> Chart {
        let now = Timestamp::from_millis(1_792_396_800_000);
        let begins = Grain::Hour.last(u32::try_from(took_ms.len()).unwrap(), now);
        let points = begins.zip(took_ms).map(|(at, took)| {
            let mut counted = Latencies::default();
            if let Some(took) = took {
                counted.add(&Outcome::Healthy, Duration::from_millis(*took));
            }
            (at, counted)
        });
        Chart {
            kind: CheckKind::Health,
            window: Window::Day,
            points: points.collect(),
        }
    }

    #[test]
    fn a_gap_is_a_gap_and_one_point_is_a_line() {
        let drawn = chart(&[Some(120), None, Some(50), Some(120), None]);
        let ms = Duration::from_millis;
        assert_eq!(drawn.top(), ms(200));
        let steps = drawn.steps(50, drawn.top());
        let moves = steps.matches('M').count();
        assert_eq!(moves, 2, "{steps}");
        assert!(
            steps.starts_with("M0 ") && steps.contains("H10M20 "),
            "{steps}"
        );
        assert!(steps.ends_with("H40"), "{steps}");
        assert_eq!(drawn.gaps(), 2);
        // Before anything was measured there is no gap.
        assert_eq!(chart(&[None, None, Some(1)]).gaps(), 0);
    }

    #[test]
    fn the_scale_ends_above_the_highest_line() {
        for (longest, top) in [
            (0, 1),
            (9, 10),
            (11, 20),
            (26, 30),
            (333, 500),
            (700, 1_000),
            (4_000, 5_000),
        ] {
            let top = Duration::from_millis(top);
            let drawn = chart(&[Some(longest)]);
            if longest > 0 {
                assert_eq!(drawn.top(), top, "{longest}");
            }
            let steps = drawn.steps(95, drawn.top());
            assert!(!steps.contains('-') && !steps.contains("NaN"), "{steps}");
        }
        assert!(chart(&[None]).steps(95, chart(&[None]).top()).is_empty());
    }

    #[test]
    fn windows_are_known_by_their_names_and_end_now() {
        for window in Window::ALL {
            assert_eq!(Window::named(window.as_str()), Some(window));
            let now = Timestamp::from_millis(1_792_396_999_000);
            let begins = window.begins(now);
            assert_eq!(begins.last(), Some(&window.grain().begin(now)));
            assert!(
                begins
                    .windows(2)
                    .all(|two| two[1] == two[0] + window.grain().length())
            );
        }
        assert_eq!(Window::named("8d"), None);
    }
}
