//! What was sought for somebody: how a target was, what a look by hand saw, and how available targets were.

use std::fmt::Write as _;

use super::{
    Attachment, Audience, Message,
    block::{Block, Rich},
    grid::Options,
    look,
    mrkdwn::{DateFormat, clock, neutral},
};
use crate::{
    command::{
        Availability, Fresh, History, Looked,
        sli::{NOTHING_MEASURED, Sli, clauses},
    },
    model::{Timestamp, Transition, Verdict, text::span},
};

/// The most characters of a reason.
const WORDS_MAX: usize = 200;
/// So many changes are shown, the latest.
const SHOWN_MAX: usize = 20;
/// The most facts of a look; a body may call many components by name.
const FACTS_MAX: usize = 20;

/// How a target changed, latest first.
pub(super) fn history(history: &History, options: &Options<'_>) -> Message {
    let title = neutral(&history.title, WORDS_MAX);
    let back = span(history.back);
    let count = history.transitions.len();
    let head = match count {
        0 => format!(": no change in the last {back}"),
        1 => format!(": one change in the last {back}"),
        several => format!(": {several} changes in the last {back}"),
    };
    let mut rich = Rich::new();
    rich.bold(&title).own(&head).end_line();
    let latest = history.transitions.iter().rev();
    for transition in latest.clone().take(SHOWN_MAX) {
        changed(&mut rich, transition, history.now, options);
    }
    if let Some(more) = count.checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        rich.own(&format!("and {more} before them")).end_line();
    }
    let mut text = format!("{title}{head}");
    if let Some(last) = latest.clone().next() {
        text.push_str(", the last to ");
        text.push_str(last.to.as_str());
    }
    let blocks = vec![Block::rich(rich)];
    Message::new(Audience::Asker, &text, None, blocks, Vec::new())
}

/// `• 14:02:10 DOWN no answer within 5 s · k7f2`
fn changed(rich: &mut Rich, transition: &Transition, now: Timestamp, options: &Options<'_>) {
    let at = transition.since;
    rich.own("\u{2022} ")
        .own(&clock(at, DateFormat::near(at, now), options.timezone))
        .own(" ")
        .emoji(look::circle(transition.to))
        .bold(look::mark(transition.to))
        .own(" ")
        .foreign(&transition.reason.words, WORDS_MAX);
    if let Some(incident) = &transition.incident {
        rich.own(" \u{b7} ").code(&format!("#{incident}"));
    }
    rich.end_line();
}

/// What a look by hand saw, and that it changes nothing.
pub(super) fn looked(looked: &Looked, options: &Options<'_>) -> Message {
    let (title, verdict) = (looked.line.title(), looked.line.verdict());
    let took = format!(" in a look by hand, {}", looked.took_words());
    let mut rich = Rich::new();
    rich.emoji(look::circle(verdict))
        .bold(&title)
        .own(" ")
        .bold(look::mark(verdict))
        .own(&took)
        .end_line();
    for fact in looked.facts().iter().take(FACTS_MAX) {
        rich.own("\u{2022} ")
            .bold(fact.label)
            .own("  ")
            .foreign(&fact.words, WORDS_MAX)
            .end_line();
    }
    let time = |at| clock(at, DateFormat::near(at, looked.now), options.timezone);
    rich.own(&looked.standing_words(&time)).end_line();
    let text = format!(
        "{}: {}{took} \u{2013} {}",
        look::mark(verdict),
        neutral(&title, WORDS_MAX),
        neutral(looked.line.why(), WORDS_MAX)
    );
    let facts = Attachment {
        color: look::color(verdict),
        blocks: vec![Block::rich(rich)],
    };
    Message::new(Audience::Asker, &text, None, Vec::new(), vec![facts])
}

/// How available targets were, the worst first.
pub(super) fn availability(availability: &Availability, options: &Options<'_>) -> Message {
    let until = availability.window.until;
    let time = |at: Timestamp| clock(at, DateFormat::near(at, until), options.timezone);
    let back = span(availability.back());
    let mut rich = Rich::new();
    rich.bold("Availability");
    let whom = match availability.selection.as_str() {
        "" => String::new(),
        selection => {
            rich.own(" of ").foreign(selection, WORDS_MAX);
            format!(" of {}", neutral(selection, WORDS_MAX))
        }
    };
    rich.own(&format!(" in the last {back}")).end_line();
    if let Some(nothing) = availability.nothing() {
        rich.foreign(&nothing, WORDS_MAX).end_line();
    }
    let lines = availability.worst_first();
    for line in lines.iter().take(SHOWN_MAX) {
        measured(&mut rich, &line.title, &line.sli, &time);
    }
    let more = lines.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        rich.own(&format!("and {more} that were no worse"))
            .end_line();
    }
    let together = availability.together();
    if lines.len() > 1 {
        let title = format!("together, {} targets", lines.len());
        measured(&mut rich, &title, &together, &time);
    }
    for slo in availability.slos.iter().take(SHOWN_MAX) {
        let mark = match slo.is_kept() {
            Some(true) => look::circle(Verdict::Operational),
            Some(false) => look::circle(Verdict::Down),
            None => look::circle(Verdict::Unknown),
        };
        rich.emoji(mark)
            .bold("SLO")
            .own(" ")
            .foreign(&slo.name, WORDS_MAX)
            .own(&format!(": {}", slo.words()))
            .end_line();
    }
    let more = availability.slos.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        rich.own(&format!("and {more} SLOs more")).end_line();
    }
    let share = together.words().unwrap_or_else(|| NOTHING_MEASURED.into());
    let mut text = format!("Availability{whom} in the last {back}: {share}");
    if let [worst, _, ..] = lines.as_slice() {
        let title = neutral(&worst.title, WORDS_MAX);
        let of_worst = worst.sli.words();
        let of_worst = of_worst.as_deref().unwrap_or(NOTHING_MEASURED);
        let _infallible = write!(text, ", at worst {title} {of_worst}");
    }
    let broken = availability
        .slos
        .iter()
        .filter(|slo| slo.is_kept() == Some(false));
    match broken.count() {
        0 => {}
        1 => text.push_str("; the error budget of one SLO is spent"),
        more => {
            let _infallible = write!(text, "; the error budgets of {more} SLOs are spent");
        }
    }
    let blocks = vec![Block::rich(rich)];
    Message::new(Audience::Asker, &text, None, blocks, Vec::new())
}

/// How fresh the data of jobs is.
pub(super) fn fresh(fresh: &Fresh, options: &Options<'_>) -> Message {
    let time = |at: Timestamp| clock(at, DateFormat::near(at, fresh.now), options.timezone);
    let mut rich = Rich::new();
    let headline = fresh.headline();
    rich.bold(&headline).end_line();
    for line in fresh.lines.iter().take(SHOWN_MAX) {
        rich.emoji(look::circle(line.verdict))
            .emoji(line.icon.as_deref().unwrap_or_default())
            .bold(&line.name);
        for (index, clause) in line.clauses(fresh.now, &time).iter().enumerate() {
            rich.own(if index == 0 { " " } else { " \u{b7} " })
                .foreign(clause, WORDS_MAX);
        }
        rich.end_line();
    }
    let more = fresh.lines.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        rich.own(&format!("and {more} more, none of them worse"))
            .end_line();
    }
    let mut text = neutral(&headline, WORDS_MAX);
    if let Some(worst) = fresh.lines.first().filter(|line| line.why.is_some()) {
        let words = worst.clauses(fresh.now, &time).join(" \u{b7} ");
        text.push_str(": ");
        if fresh.lines.len() > 1 {
            text.push_str(&neutral(&worst.name, WORDS_MAX));
            text.push_str(", ");
        }
        text.push_str(&neutral(&words, WORDS_MAX));
    }
    let blocks = vec![Block::rich(rich)];
    Message::new(Audience::Asker, &text, None, blocks, Vec::new())
}

/// `• 99.982% master blue: down 7 min 47 s in one outage from 14:02:10 · degraded 1 h`
fn measured(rich: &mut Rich, title: &str, sli: &Sli, time: &dyn Fn(Timestamp) -> String) {
    let share = sli.words();
    rich.own("\u{2022} ")
        .bold(share.as_deref().unwrap_or(NOTHING_MEASURED))
        .own(" ")
        .foreign(title, WORDS_MAX);
    let clauses = clauses(sli, time);
    if !clauses.is_empty() {
        rich.own(": ").own(&clauses.join(" \u{b7} "));
    }
    rich.end_line();
}
