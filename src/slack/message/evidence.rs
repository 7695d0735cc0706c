//! What a verdict rests on, as blocks beside the coloured bar.

use super::{Context, small_print};
use crate::{
    model::{
        CheckKind, ComponentState, Entry, Kind, Phases, Story, Verdict, cause::own_incident,
        notification::Many, observation::Detail, release::CHANGES_MAX, text,
    },
    slack::{
        block::{Block, Rich},
        look,
        mrkdwn::{Markup, NAME_MAX, span},
    },
};

/// The most characters of a reason.
const REASON_MAX: usize = 300;
/// The most components that are named; the rest is counted.
const COMPONENTS_MAX: usize = 2;
/// The most characters of what a component says.
const COMPONENT_MAX: usize = 120;
/// The most notes about what people planned or did.
const NOTES_MAX: usize = 4;
/// The most lines of news: what came of a release, and what changed with it.
const NEWS_MAX: usize = 1 + CHANGES_MAX;
/// The most kinds of trouble that a recovery lists.
const SEEN_MAX: usize = 5;

/// All that stands beside the bar.
pub(super) fn blocks(entry: &Entry, context: &Context<'_>) -> Vec<Block> {
    let story = &entry.story;
    match entry.kind {
        Kind::Opened | Kind::Changed | Kind::Reminder | Kind::Noted => vec![
            Block::rich(match &story.many {
                Some(many) => members(many),
                None => what_failed(story),
            }),
            Block::fields(&fields(entry, context)),
            Block::rich(planned(story)),
            small_print(entry, context, &who_answered(story)),
        ],
        Kind::Split => {
            let mut words = Rich::new();
            words.foreign(&story.reason.words, REASON_MAX);
            let several = story.many.as_deref().map_or_else(Rich::new, members);
            vec![
                Block::rich(words),
                Block::rich(several),
                Block::rich(planned(story)),
                small_print(entry, context, ""),
            ]
        }
        Kind::Recovered | Kind::Removed => vec![
            Block::fields(&past_fields(entry, context)),
            Block::rich(match &story.many {
                Some(many) => members(many),
                None => seen(story),
            }),
            Block::rich(planned(story)),
            small_print(entry, context, ""),
        ],
        Kind::Notice => {
            let mut words = Rich::new();
            words.foreign(&story.reason.words, REASON_MAX);
            vec![
                Block::rich(words),
                Block::rich(notes(story, NEWS_MAX)),
                small_print(entry, context, ""),
            ]
        }
    }
}

/// What people planned or did about it.
fn planned(story: &Story) -> Rich {
    notes(story, NOTES_MAX)
}

fn notes(story: &Story, max: usize) -> Rich {
    let mut rich = Rich::new();
    for (at, note) in story.notes.iter().take(max).enumerate() {
        if at > 0 {
            rich.end_line();
        }
        rich.own("• ").foreign(note, REASON_MAX);
    }
    rich
}

/// How each of several is: a line each, and how many more there are.
fn members(many: &Many) -> Rich {
    let mut rich = Rich::new();
    for one in &many.members {
        rich.emoji(look::circle(one.verdict))
            .own(" ")
            .foreign(&one.title, NAME_MAX)
            .own(" ");
        if own_incident(&one.words).is_some() {
            rich.foreign(&one.words, COMPONENT_MAX).end_line();
            continue;
        }
        match one.verdict {
            Verdict::Operational => rich.own("operational"),
            bad @ (Verdict::Suspect | Verdict::Unknown | Verdict::Degraded | Verdict::Down) => {
                rich.bold(bad.as_str())
            }
        };
        if !one.words.is_empty() {
            rich.own(" · ").foreign(&one.words, COMPONENT_MAX);
        }
        rich.end_line();
    }
    let more = (many.total as usize).saturating_sub(many.members.len());
    if more > 0 {
        rich.own(&format!("and {more} more"));
    }
    rich
}

/// The reason, the worst component, and what was answered: one line and a box.
fn what_failed(story: &Story) -> Rich {
    let mut rich = Rich::new();
    if let Some(flapping) = &story.flapping
        && !flapping.timeline.is_empty()
    {
        rich.bold("Lately")
            .own("  ")
            .own(&flapping.timeline)
            .end_line();
    }
    let label = match story.to {
        Verdict::Down => "What failed",
        Verdict::Degraded => "What falls short",
        Verdict::Unknown => "Why it cannot be seen (this is no verdict about the target)",
        Verdict::Operational | Verdict::Suspect => "What was seen",
    };
    if !story.reason.words.is_empty() {
        rich.bold(label)
            .own("  ")
            .foreign(&story.reason.words, REASON_MAX);
    }
    if let Some(detail) = &story.detail {
        if let Some(note) = &detail.note {
            rich.own(" · ").foreign(note, COMPONENT_MAX);
        }
        // The reason often is what the one component says; nobody reads it twice.
        let is_said = detail.components.iter().all(|component| {
            component
                .message
                .as_ref()
                .is_some_and(|message| story.reason.words.contains(message.as_str()))
        });
        if !is_said || detail.components.len() > 1 {
            components(&mut rich, detail);
        }
        if let Some(excerpt) = &detail.excerpt {
            rich.preformatted(excerpt, text::FOREIGN_MAX);
        }
    }
    rich
}

fn components(rich: &mut Rich, detail: &Detail) {
    for component in detail.components.iter().take(COMPONENTS_MAX) {
        rich.own(" · ")
            .foreign(&component.name, 60)
            .own(" ")
            .own(state_word(component.state));
        if let Some(message) = &component.message {
            rich.own(": ").foreign(message, COMPONENT_MAX);
        }
    }
    let more = detail.components.len().saturating_sub(COMPONENTS_MAX);
    if more > 0 {
        rich.own(&format!(
            " · and {more} more of {} components",
            detail.components_total
        ));
    }
}

/// Who answered, in words that are partly foreign: `answered by 10.0.0.7:443 via nginx/1.27`.
fn who_answered(story: &Story) -> String {
    let Some(detail) = &story.detail else {
        return String::new();
    };
    let address = detail.address.iter().map(|address| {
        let verb = if story.phases.first_byte_us.is_some() {
            "answered by"
        } else {
            "asked"
        };
        format!("{verb} {address}")
    });
    let via = detail.via.iter().map(|via| format!("via {via}"));
    address.chain(via).collect::<Vec<_>>().join(" ")
}

const fn state_word(state: ComponentState) -> &'static str {
    match state {
        ComponentState::Up => "up",
        ComponentState::Unknown => "unknown",
        ComponentState::Degraded => "degraded",
        ComponentState::PlannedDown => "down on purpose",
        ComponentState::Down => "down",
    }
}

fn fields(entry: &Entry, context: &Context<'_>) -> Vec<Markup> {
    let story = &entry.story;
    // Neither who calls us nor an error budget is looked at: nothing was counted, and nothing took time.
    let is_looked_at = story
        .check
        .is_none_or(|kind| !kind.calls_us() && kind != CheckKind::ErrorBudget);
    let mut confirmed = Markup::new();
    // A reminder is not a confirmation: how it was confirmed was told with the first message.
    if story.looks_of > 0 && entry.kind != Kind::Reminder && is_looked_at {
        confirmed
            .own("*Confirmed*  ")
            .number(usize::from(story.looks_for))
            .own(" of ")
            .number(usize::from(story.looks_of))
            .own(" looks");
        if story.reason.rule.has_span() {
            confirmed
                .own(" in ")
                .span(story.decided_at.since(story.since));
        }
    }
    let mut last_good = Markup::new();
    if let Some(good) = story.last_good {
        last_good
            .own("*Last good*  ")
            .near(good.at, context.now, context.timezone);
        if let Some(status) = good.status {
            last_good.own(" · HTTP ").number(usize::from(status));
        }
        if is_looked_at {
            last_good.own(" in ").span(good.took);
        }
    }
    let mut phases = Markup::new();
    let words = phase_words(&story.phases);
    if !words.is_empty() {
        phases.own("*Last look*  ").words(&words);
    }
    let mut siblings = Markup::new();
    for (at, sibling) in story.siblings.iter().enumerate() {
        siblings
            .own(if at == 0 { "*Beside it*  " } else { ", " })
            .words(sibling);
    }
    let mut log = Markup::new();
    if let Some(words) = &story.log {
        log.own("*Log*  ").words(words);
    }
    vec![confirmed, last_good, phases, log, siblings]
}

/// The parts of the deciding look in order, and the one that never ended: `connect 3 ms · tls 11 ms · first byte —`.
fn phase_words(phases: &Phases) -> String {
    let mut parts: Vec<String> = phases
        .finished()
        .map(|(name, took)| format!("{name} {}", span(took)))
        .collect();
    if !parts.is_empty() && phases.first_byte_us.is_none() {
        parts.push(String::from(match (phases.connect_us, phases.tls_us) {
            (None, _) => "connect —",
            (Some(_), None) => "then nothing",
            (Some(_), Some(_)) => "first byte —",
        }));
    }
    parts.join(" · ")
}

fn past_fields(entry: &Entry, context: &Context<'_>) -> Vec<Markup> {
    let story = &entry.story;
    let mut from_to = Markup::new();
    if let Some(outage) = &story.outage {
        from_to
            .own(match outage.worst {
                Verdict::Down => "*Down*  ",
                Verdict::Degraded => "*Degraded*  ",
                Verdict::Unknown => "*Not seen*  ",
                Verdict::Operational | Verdict::Suspect => "*In doubt*  ",
            })
            .near(outage.since, context.now, context.timezone)
            .own(" to ")
            .near(outage.until, context.now, context.timezone);
    }
    let mut now = Markup::new();
    if entry.kind == Kind::Recovered {
        if story.looks_of > 0 {
            now.own("*Now*  ")
                .number(usize::from(story.looks_for))
                .own(" of ")
                .number(usize::from(story.looks_of))
                .own(" looks are good");
        }
        if let Some(good) = story.last_good {
            now.own(if now.is_empty() { "*Now*  " } else { ", " });
            if let Some(status) = good.status {
                now.own("HTTP ").number(usize::from(status)).own(" ");
            }
            now.own("in ").span(good.took);
        }
    }
    vec![from_to, now]
}

fn seen(story: &Story) -> Rich {
    let mut rich = Rich::new();
    let Some(outage) = &story.outage else {
        return rich;
    };
    if outage.seen.is_empty() {
        return rich;
    }
    rich.bold("Seen meanwhile").own("\n");
    for (words, count) in outage.seen.iter().take(SEEN_MAX) {
        rich.own("• ")
            .foreign(words, COMPONENT_MAX)
            .own(&format!(" ({count}×)"))
            .end_line();
    }
    let more = outage.seen.len().saturating_sub(SEEN_MAX);
    if more > 0 {
        rich.own(&format!("• and {more} more kinds"));
    }
    rich
}
