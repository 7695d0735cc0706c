//! The answer to `/roih status`: how everything is, in a form that fits the number of targets.
//!
//! * up to 30: one line each, problems first, then what is well by group;
//! * up to 200: totals, problems, and one row of circles a group in two columns;
//! * above: totals, a bar of ten circles for each group with a problem, the problems themselves, and the names of the
//!   groups in which all is well.
//!
//! What does not fit is cut, problems last, and the cut says so.

mod bar;
mod groups;
mod problems;

use std::fmt::Write as _;

use chrono_tz::Tz;

use super::{
    Audience, Message,
    block::{Block, Rich},
    look,
    mrkdwn::{DateFormat, Markup, clock, neutral, span, thousands},
};
use crate::{
    command::{Line, Status},
    model::{Timestamp, Verdict},
};
use problems::Problem;

/// Up to here every target has a line of its own.
const LINES_MAX: usize = 30;
/// Up to here every target has a circle of its own.
const CIRCLES_MAX: usize = 200;
/// The most problems in the words.
const SPOKEN_MAX: usize = 3;
/// The most characters of a reason in a line.
const REASON_MAX: usize = 120;
/// The most plans that keep targets from being told of.
const NOTES_MAX: usize = 5;
/// The most of hekate's own troubles.
const TROUBLES_MAX: usize = 3;

/// What a grid needs to know beside the facts.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The zone for times in plain words.
    pub timezone: Tz,
    /// How people reach the status page.
    pub public_url: Option<&'a str>,
}

/// The grid of these targets.
pub fn render(status: &Status, options: &Options<'_>) -> Message {
    let problems = problems::merged(status);
    let mut blocks = vec![Block::section(&totals(status))];
    blocks.extend(troubles(status));
    blocks.extend(notes(status, options));
    match status.counts.total() {
        0 => {}
        1..=LINES_MAX => {
            blocks.extend(problems::one_by_one(status, options));
            blocks.extend(groups::lines(status));
        }
        31..=CIRCLES_MAX => {
            blocks.push(problems::block(&problems, status, options));
            blocks.push(Block::divider());
            blocks.extend(groups::circles(status));
        }
        _ => {
            blocks.extend(groups::bars(status));
            blocks.push(problems::block(&problems, status, options));
            blocks.push(Block::section(&groups::healthy(status)));
        }
    }
    blocks.push(footer(status, options));
    Message::new(
        Audience::Asker,
        &text(status, &problems),
        None,
        blocks,
        Vec::new(),
    )
}

pub(super) fn totals(status: &Status) -> Markup {
    let mut line = Markup::new();
    let total = status.counts.total();
    line.own("*")
        .number(total)
        .own(if total == 1 { " target" } else { " targets" });
    if total > CIRCLES_MAX && status.sections.len() > 1 {
        line.own(" in ")
            .number(status.sections.len())
            .own(" groups");
    }
    line.own("*");
    if !status.selection.is_empty() {
        line.own(" for ").code(&status.selection);
    }
    for (verdict, count) in status.counts.present() {
        line.own("  ·  ")
            .emoji(look::circle(verdict))
            .number(count)
            .own(" ")
            .own(verdict.as_str());
    }
    line
}

/// What is wrong with hekate itself; why may be foreign text.
pub(super) fn troubles(status: &Status) -> Option<Block> {
    if status.troubles.is_empty() {
        return None;
    }
    let mut rich = Rich::new();
    for trouble in status.troubles.iter().take(TROUBLES_MAX) {
        rich.emoji(":warning:")
            .bold("hekate itself: ")
            .foreign(trouble, REASON_MAX)
            .end_line();
    }
    if status.troubles.len() > TROUBLES_MAX {
        rich.own(&format!("+{} more", status.troubles.len() - TROUBLES_MAX));
    }
    Some(Block::rich(rich))
}

/// What keeps targets from being told of: nobody may take silence for health.
pub(super) fn notes(status: &Status, options: &Options<'_>) -> Option<Block> {
    if status.notes.is_empty() {
        return None;
    }
    let mut rich = Rich::new();
    for (note, count) in status.notes.iter().take(NOTES_MAX) {
        let until = clock(
            note.until,
            DateFormat::near(note.until, status.now),
            options.timezone,
        );
        rich.emoji(":no_bell:")
            .bold(&thousands(*count))
            .own(if *count == 1 { " target " } else { " targets " })
            .foreign(&note.words(), REASON_MAX)
            .own(" until ")
            .own(&until);
        if note.by.is_some() {
            rich.own(" ").code(&note.name);
        }
        rich.end_line();
    }
    let more = status.notes.len().saturating_sub(NOTES_MAX);
    if more > 0 {
        rich.own(&format!("+{more} more"));
    }
    Some(Block::rich(rich))
}

fn footer(status: &Status, options: &Options<'_>) -> Block {
    let mut measured = Markup::new();
    match status.measured_at {
        Some(at) => {
            measured
                .own("measured ")
                .near(at, status.now, options.timezone);
            if let Some(oldest) = status.oldest_at {
                measured
                    .own(" · oldest result ")
                    .span(whole_seconds(status.now, oldest));
            }
        }
        None => {
            measured.own("nothing was measured yet");
        }
    }
    let stale = status.lines().filter(|line| line.is_stale).count();
    let mut old = Markup::new();
    if stale > 0 && status.measured_at.is_some() {
        old.number(stale).own(if stale == 1 {
            " result is older than it should be"
        } else {
            " results are older than they should be"
        });
    }
    let mut more = Markup::new();
    more.code(&format!("{} status <words>", status.command))
        .own(" · ")
        .code(&format!("{} help", status.command));
    let mut page = Markup::new();
    if let Some(url) = options.public_url {
        page.link(url, "status page");
    }
    Block::context(&[measured, old, more, page])
}

/// How long ago, without parts of a second, which nobody reads.
fn whole_seconds(now: Timestamp, at: Timestamp) -> std::time::Duration {
    std::time::Duration::from_secs(now.since(at).as_secs())
}

/// Everything in words: `10 targets: 1 down, 9 operational. DOWN: master blue, HTTP 503, 4 min.`
fn text(status: &Status, problems: &[Problem<'_>]) -> String {
    let total = status.counts.total();
    let mut out = format!(
        "{} {}",
        thousands(total),
        if total == 1 { "target" } else { "targets" }
    );
    for (at, (verdict, count)) in status.counts.present().enumerate() {
        out.push_str(if at == 0 { ": " } else { ", " });
        out.push_str(&thousands(count));
        out.push(' ');
        out.push_str(verdict.as_str());
    }
    out.push('.');
    for problem in problems.iter().take(SPOKEN_MAX) {
        let _infallible = write!(
            out,
            " {}: {}, {}, {}.",
            look::mark(problem.verdict),
            neutral(&problem.names(2), 80),
            neutral(problem.why, 60),
            span(whole_seconds(status.now, problem.since))
        );
    }
    let more = problems.len().saturating_sub(SPOKEN_MAX);
    if more > 0 {
        let _infallible = write!(
            out,
            " And {more} more {}.",
            if more == 1 { "problem" } else { "problems" }
        );
    }
    let kept: usize = status.notes.iter().map(|(_, count)| count).sum();
    if kept > 0 {
        let _infallible = write!(
            out,
            " {} not told of: silenced or planned.",
            thousands(kept)
        );
    }
    if let Some(trouble) = status.troubles.first() {
        out.push_str(" hekate itself: ");
        out.push_str(&neutral(trouble, 80));
        out.push('.');
    }
    out
}

/// `4 min (since 11:54:00 UTC)`
pub(super) fn since_words(since: Timestamp, status: &Status, options: &Options<'_>) -> String {
    format!(
        "{} (since {})",
        span(whole_seconds(status.now, since)),
        clock(since, DateFormat::near(since, status.now), options.timezone)
    )
}

/// That a result is old, if it is.
fn stale_words(line: &Line, status: &Status) -> Option<String> {
    let (at, _) = line.looked.filter(|_| line.is_stale)?;
    Some(format!(
        " · last measured {} ago",
        span(whole_seconds(status.now, at))
    ))
}

/// The worst there is among these.
fn worst<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Verdict {
    lines
        .into_iter()
        .map(Line::verdict)
        .max()
        .unwrap_or(Verdict::Operational)
}
