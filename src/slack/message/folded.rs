//! Several messages as one: what happened while they waited, and how it is now.

use std::{collections::BTreeMap, fmt::Write as _};

use super::Context;
use crate::{
    model::{Entry, IncidentId, Kind, Timestamp, Verdict},
    slack::{
        Attachment, Audience, Message,
        block::{Block, Rich},
        look,
        mrkdwn::{Markup, NAME_MAX, mention, neutral, span},
    },
};

/// The most lines; more are counted.
const LINES_MAX: usize = 20;
/// The most that the names of the others cost.
const REST_COST_MAX: usize = 1_500;
/// The most names in the words.
const NAMES_MAX: usize = 3;
/// The most characters of a reason.
const REASON_MAX: usize = 120;

/// What became of one incident within the backlog.
struct Past<'a> {
    /// The last that is to be told of it.
    last: &'a Entry,
    /// Since when it was bad.
    since: Timestamp,
    /// Until when; absent while it is open.
    until: Option<Timestamp>,
    /// The worst it was.
    worst: Verdict,
    /// Who would have been mentioned.
    mention: Option<&'a Entry>,
}

/// What is shown first comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Open,
    Over,
    Notice,
}

impl Past<'_> {
    fn stage(&self) -> Stage {
        match self.last.kind {
            Kind::Opened | Kind::Changed | Kind::Reminder | Kind::Noted => Stage::Open,
            Kind::Recovered | Kind::Removed | Kind::Split => Stage::Over,
            Kind::Notice => Stage::Notice,
        }
    }

    fn is_open(&self) -> bool {
        self.stage() == Stage::Open
    }
}

/// One message in place of these entries of one channel, for a backlog that has grown stale or long.
///
/// Each incident is one line: what is still open first, the worst on top, then what came and went. Those are mentioned
/// who would have been for something that is still open. Only what [`Context::late`] has a reason for is called late:
/// messages that merely waited for their turn are told together, and nobody is blamed. What waited for quiet hours to end
/// is called that ([`Context::is_digest`]).
pub fn render_folded(entries: &[Entry], context: &Context<'_>) -> Message {
    let pasts = fold(entries);
    let mention = mentions(&pasts, context);
    let mut first = Markup::new();
    if context.is_digest {
        first.own(":sunrise: *Quiet hours are over*, at ").near(
            context.now,
            context.now,
            context.timezone,
        );
    }
    match context.late {
        Some(why) if context.is_digest => {
            first.own(" (").words(why).own(")");
        }
        None if context.is_digest => {}
        Some(why) => {
            first
                .own(":hourglass: *Told late*, at ")
                .near(context.now, context.now, context.timezone)
                .own(", ")
                .words(why);
        }
        None => {
            first.own(":memo: *Several at once*, at ").near(
                context.now,
                context.now,
                context.timezone,
            );
        }
    }
    first
        .own(":  *")
        .number(count(&pasts, Stage::Open))
        .own(" still open*, ")
        .number(count(&pasts, Stage::Over))
        .own(" over");
    match count(&pasts, Stage::Notice) {
        0 => {}
        1 => {
            first.own(", 1 notice");
        }
        more => {
            first.own(", ").number(more).own(" notices");
        }
    }
    if let Some(mention) = &mention {
        first.own("  ·  ").append(mention);
    }
    let color = pasts
        .iter()
        .filter(|past| past.is_open())
        .map(|past| past.last.story.to)
        .max();
    Message::new(
        Audience::Channel,
        &text(&pasts, context),
        mention.map(|markup| markup.as_str().to_owned()),
        vec![Block::section(&first)],
        vec![Attachment {
            color: color.map_or(look::NOTICE_COLOR, look::color),
            blocks: vec![Block::rich(lines(&pasts, context)), small_print(context)],
        }],
    )
}

fn count(pasts: &[Past<'_>], stage: Stage) -> usize {
    pasts.iter().filter(|past| past.stage() == stage).count()
}

/// A line each, and beyond so many at least the names.
fn lines(pasts: &[Past<'_>], context: &Context<'_>) -> Rich {
    let mut rich = Rich::new();
    for past in pasts.iter().take(LINES_MAX) {
        line(&mut rich, past, context);
    }
    let rest = &pasts[pasts.len().min(LINES_MAX)..];
    if !rest.is_empty() {
        rich.own(&format!("+{} more", rest.len()));
    }
    let before = rich.cost();
    for (at, past) in rest.iter().enumerate() {
        if rich.cost() - before > REST_COST_MAX {
            rich.own(" …");
            break;
        }
        let story = &past.last.story;
        rich.own(if at == 0 { ": " } else { ", " })
            .foreign(&story.name(), NAME_MAX)
            .own(" ")
            .own(match past.stage() {
                Stage::Open => story.to.as_str(),
                Stage::Over => "over",
                Stage::Notice => "notice",
            })
            .own(&format!(" #{}", past.last.key.incident));
    }
    rich
}

/// The entries by incident, what is open first, the worst and the earliest on top.
fn fold(entries: &[Entry]) -> Vec<Past<'_>> {
    let mut by_incident: BTreeMap<&IncidentId, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        by_incident
            .entry(&entry.key.incident)
            .or_default()
            .push(entry);
    }
    let mut pasts: Vec<Past<'_>> = by_incident.into_values().filter_map(past).collect();
    pasts.sort_by_key(|past| {
        let worst = if past.is_open() {
            past.last.story.to
        } else {
            past.worst
        };
        (past.stage(), std::cmp::Reverse(worst), past.since)
    });
    pasts
}

fn past(mut entries: Vec<&Entry>) -> Option<Past<'_>> {
    entries.sort_by_key(|entry| entry.key.sequence);
    let (first, last) = (*entries.first()?, *entries.last()?);
    let outage = last.story.outage.as_ref();
    let told = entries.iter().map(|entry| entry.story.to).max();
    Some(Past {
        last,
        since: outage.map_or(first.story.since, |outage| outage.since),
        until: outage.map(|outage| outage.until),
        worst: outage.map_or(told.unwrap_or(last.story.to), |outage| outage.worst),
        mention: entries
            .iter()
            .rev()
            .find(|entry| entry.mention.is_some())
            .copied(),
    })
}

/// Everybody who would have been mentioned for what is still open, each once.
fn mentions(pasts: &[Past<'_>], context: &Context<'_>) -> Option<Markup> {
    let mut names: Vec<_> = pasts
        .iter()
        .filter(|past| past.is_open())
        .filter_map(|past| past.mention?.mention.as_ref())
        .collect();
    names.sort();
    names.dedup();
    let mut markup = Markup::new();
    for on_call in names
        .into_iter()
        .filter_map(|name| context.on_call.get(name))
    {
        if mention(on_call, context.now).is_none() {
            continue;
        }
        if !markup.is_empty() {
            markup.own(" ");
        }
        markup.mention(on_call, context.now);
    }
    (!markup.is_empty()).then_some(markup)
}

fn line(rich: &mut Rich, past: &Past<'_>, context: &Context<'_>) {
    let story = &past.last.story;
    let shown = if past.is_open() {
        story.to
    } else {
        Verdict::Operational
    };
    match past.last.kind {
        Kind::Notice => {
            rich.emoji(":information_source:").bold(&story.title);
            rich.own(" at ").own(&context.clock(past.last.created_at));
            if !story.reason.words.is_empty() {
                rich.own(": ").foreign(&story.reason.words, REASON_MAX);
            }
            rich.end_line();
            return;
        }
        Kind::Removed | Kind::Split => rich.emoji(":heavy_minus_sign:"),
        Kind::Opened | Kind::Changed | Kind::Reminder | Kind::Recovered | Kind::Noted => {
            rich.emoji(look::circle(shown))
        }
    };
    rich.emoji(story.icon.as_deref().unwrap_or_default())
        .bold(&story.name());
    match past.until {
        Some(until) if !past.is_open() => {
            rich.own(&format!(
                " was {} {} ({})",
                past.worst.as_str(),
                context.clocks(past.since, until),
                span(until.since(past.since))
            ));
        }
        Some(_) | None if past.is_open() => {
            rich.own(" is ").bold(look::mark(story.to)).own(&format!(
                " since {} ({})",
                context.clock(story.since),
                span(context.now.since(story.since))
            ));
            rich.own(": ").foreign(&story.reason.words, REASON_MAX);
        }
        Some(_) | None => {
            rich.own(&format!(
                " was {} since {}",
                past.worst.as_str(),
                context.clock(past.since)
            ));
        }
    }
    if past.last.kind == Kind::Removed {
        rich.own(", taken out of the file");
    }
    if past.last.kind == Kind::Split {
        rich.own(", split into incidents of their own");
    }
    rich.own(&format!(" · #{}", past.last.key.incident))
        .end_line();
}

/// `DOWN: cart 01 since 12:59:15 CET #m3x9 · over: hooks was down … · told at 13:20:00 CET, Slack was unreachable`
fn text(pasts: &[Past<'_>], context: &Context<'_>) -> String {
    let mut out = String::from(if context.is_digest {
        "Quiet hours are over: "
    } else {
        ""
    });
    let sentences = [
        spoken(pasts, Stage::Open, |past| open_words(past, context)),
        spoken(pasts, Stage::Over, |past| over_words(past, context)),
        spoken(pasts, Stage::Notice, |past| {
            neutral(&past.last.story.title, NAME_MAX)
        }),
    ];
    for (label, sentence) in ["", "over: ", "notice: "].into_iter().zip(sentences) {
        if !sentence.is_empty() {
            out.push_str(label);
            out.push_str(&sentence);
            out.push_str(" · ");
        }
    }
    let _infallible = write!(out, "told at {}", context.clock(context.now));
    if let Some(why) = context.late {
        let _infallible = write!(out, ", {}", neutral(why, NAME_MAX));
    }
    out
}

/// The first few of a stage in words, and how many more there are.
fn spoken<'a>(
    pasts: &'a [Past<'a>],
    stage: Stage,
    words: impl Fn(&'a Past<'a>) -> String,
) -> String {
    let names: Vec<String> = pasts
        .iter()
        .filter(|past| past.stage() == stage)
        .take(NAMES_MAX)
        .map(words)
        .collect();
    let mut out = names.join(", ");
    let more = count(pasts, stage) - names.len();
    if more > 0 {
        let _infallible = write!(out, ", +{more} more");
    }
    out
}

fn open_words(past: &Past<'_>, context: &Context<'_>) -> String {
    let story = &past.last.story;
    format!(
        "{}: {} since {} #{}",
        look::mark(story.to),
        neutral(&story.name(), NAME_MAX),
        context.clock(story.since),
        past.last.key.incident
    )
}

fn over_words(past: &Past<'_>, context: &Context<'_>) -> String {
    let name = neutral(&past.last.story.name(), NAME_MAX);
    let id = &past.last.key.incident;
    match past.until {
        Some(until) => format!(
            "{name} was {} {} #{id}",
            past.worst.as_str(),
            context.clocks(past.since, until)
        ),
        None => format!("{name} #{id}"),
    }
}

fn small_print(context: &Context<'_>) -> Block {
    let mut link = Markup::new();
    if let Some(url) = context.public_url {
        link.link(url, "status page");
    }
    let mut repeat = Markup::new();
    if context.is_repeat {
        repeat.own("repeat: first delivery unconfirmed");
    }
    Block::context(&[link, repeat])
}
