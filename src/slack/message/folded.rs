//! A backlog as one message: what happened while nobody could be told, and how it is now.

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

impl Past<'_> {
    fn is_open(&self) -> bool {
        match self.last.kind {
            Kind::Opened | Kind::Changed | Kind::Reminder => true,
            Kind::Recovered | Kind::Removed | Kind::Notice => false,
        }
    }
}

/// One message in place of these entries of one channel, for a backlog that has grown stale.
///
/// Each incident is one line: what is still open first, the worst on top, then what came and went. Those are mentioned
/// who would have been for something that is still open. `why_late` is one clause without a full stop, such as
/// `Slack was unreachable`.
pub fn render_folded(entries: &[Entry], context: &Context<'_>, why_late: &str) -> Message {
    let pasts = fold(entries);
    let open = pasts.iter().filter(|past| past.is_open()).count();
    let mention = mentions(&pasts, context);
    let mut lines = Rich::new();
    for past in pasts.iter().take(LINES_MAX) {
        line(&mut lines, past, context);
    }
    if pasts.len() > LINES_MAX {
        lines.own(&format!("+{} more", pasts.len() - LINES_MAX));
    }
    let mut first = Markup::new();
    first
        .own(":hourglass: *Told late*, at ")
        .near(context.now, context.now, context.timezone);
    first.own(", ").words(why_late);
    first.own(":  *").number(open).own(" still open*, ");
    first.number(pasts.len() - open).own(" over");
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
        &text(&pasts, open, context, why_late),
        mention.map(|markup| markup.as_str().to_owned()),
        vec![Block::section(&first)],
        vec![Attachment {
            color: color.map_or(look::NOTICE_COLOR, look::color),
            blocks: vec![Block::rich(lines), small_print(context)],
        }],
    )
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
        (!past.is_open(), std::cmp::Reverse(worst), past.since)
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
        if mention(on_call).is_none() {
            continue;
        }
        if !markup.is_empty() {
            markup.own(" ");
        }
        markup.mention(on_call);
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
        Kind::Removed => rich.emoji(":heavy_minus_sign:"),
        Kind::Opened | Kind::Changed | Kind::Reminder | Kind::Recovered => {
            rich.emoji(look::circle(shown))
        }
    };
    rich.emoji(story.icon.as_deref().unwrap_or_default())
        .bold(&story.title);
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
    rich.own(&format!(" · #{}", past.last.key.incident))
        .end_line();
}

fn text(pasts: &[Past<'_>], open: usize, context: &Context<'_>, why_late: &str) -> String {
    let mut out = String::new();
    if open > 0 {
        let names: Vec<String> = pasts
            .iter()
            .take(open.min(NAMES_MAX))
            .map(|past| {
                let story = &past.last.story;
                format!(
                    "{}: {} since {} #{}",
                    look::mark(story.to),
                    neutral(&story.title, NAME_MAX),
                    context.clock(story.since),
                    past.last.key.incident
                )
            })
            .collect();
        out.push_str(&names.join(", "));
        if open > NAMES_MAX {
            let _infallible = write!(out, ", +{} more", open - NAMES_MAX);
        }
        out.push_str(" · ");
    } else {
        out.push_str("All over: ");
    }
    let over = pasts.len() - open;
    if over > 0 {
        let names: Vec<String> = pasts[open..]
            .iter()
            .take(NAMES_MAX)
            .map(|past| over_words(past, context))
            .collect();
        out.push_str(&names.join(", "));
        if over > NAMES_MAX {
            let _infallible = write!(out, ", +{} more over", over - NAMES_MAX);
        }
        out.push_str(" · ");
    }
    let _infallible = write!(
        out,
        "told at {}, {}",
        context.clock(context.now),
        neutral(why_late, NAME_MAX)
    );
    out
}

fn over_words(past: &Past<'_>, context: &Context<'_>) -> String {
    let name = neutral(&past.last.story.title, NAME_MAX);
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
