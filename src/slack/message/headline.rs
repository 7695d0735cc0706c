//! What a message says first: one line of blocks, and everything in words.

use super::Context;
use crate::{
    model::{Entry, Kind, Severity, Story, Verdict, plan::OnCall, unrest::Flapping},
    slack::{
        look,
        mrkdwn::{Markup, NAME_MAX, neutral, span},
    },
};

/// What the words should not be longer than, so that a lock screen shows them whole; our choice. Longer, and the id at the
/// end would be cut off; shorter, and there is no room for a reason.
const TEXT_WANTED: usize = 150;
/// The least that is kept of a reason, however long the rest is.
const REASON_LEAST: usize = 24;
/// The most that is kept of the text of a notice.
const NOTICE_MAX: usize = 240;

/// Everything in words, without any markup: `DOWN: master blue – HTTP 503, since 14:02:10 CEST · #k7f2`.
pub(super) fn text(entry: &Entry, context: &Context<'_>) -> String {
    let story = &entry.story;
    let name = neutral(&story.name(), NAME_MAX);
    if let Some(words) = flapping_text(entry, &name, context) {
        return format!("{words} · #{}{}", entry.key.incident, unusual(context));
    }
    let (before, after, reason_max) = match entry.kind {
        Kind::Opened | Kind::Noted => (
            format!("{}{name}", opening(story)),
            format!(", since {}", context.clock(story.since)),
            TEXT_WANTED,
        ),
        Kind::Changed => (
            format!("{}{name}{}", opening(story), was(story)),
            format!(", since {}", context.clock(story.since)),
            TEXT_WANTED,
        ),
        Kind::Reminder => (
            format!(
                "STILL {}{name} for {}",
                opening(story),
                span(context.now.since(story.since))
            ),
            String::new(),
            TEXT_WANTED,
        ),
        Kind::Recovered => (recovered(story, &name, context), String::new(), 0),
        Kind::Removed => (removed(story, &name, context), String::new(), 0),
        Kind::Split => (format!("SPLIT: {name}"), String::new(), TEXT_WANTED),
        // News of a group says whose it is by itself.
        Kind::Notice if story.target.is_some() => (
            name,
            format!(", since {}", context.clock(story.since)),
            TEXT_WANTED,
        ),
        Kind::Notice => (format!("hekate: {name}"), String::new(), NOTICE_MAX),
    };
    let id = format!(" · #{}", entry.key.incident);
    let taken = [&before, &after, &id]
        .into_iter()
        .map(|part| part.chars().count())
        .sum::<usize>()
        + 3;
    let room = if reason_max > TEXT_WANTED {
        reason_max
    } else {
        reason_max
            .saturating_sub(taken)
            .max(REASON_LEAST.min(reason_max))
    };
    let reason = neutral(&story.reason.words, room);
    let dash = if reason.is_empty() { "" } else { " – " };
    let note = story.notes.first().map_or_else(String::new, |note| {
        format!(" ({})", neutral(note, TEXT_WANTED))
    });
    format!(
        "{before}{dash}{reason}{after}{note}{id}{}",
        unusual(context)
    )
}

/// What is said of one that goes up and down, or that did and stays as it is now; of any other nothing.
fn flapping_text(entry: &Entry, name: &str, context: &Context<'_>) -> Option<String> {
    let story = &entry.story;
    let flapping = story.flapping.as_deref().filter(|_| story.many.is_none())?;
    let still = match entry.kind {
        Kind::Opened | Kind::Changed | Kind::Noted => "",
        Kind::Reminder => "STILL ",
        Kind::Recovered | Kind::Removed | Kind::Notice | Kind::Split => return None,
    };
    if is_unsteady(story) {
        let often = how_often(flapping, context);
        return Some(format!(
            "{still}FLAPPING: {name}, {often} – {}",
            flapping.timeline
        ));
    }
    let since = context.clock(story.since);
    let stays = match story.to {
        Verdict::Operational => "it stays up",
        Verdict::Suspect | Verdict::Unknown | Verdict::Degraded | Verdict::Down => "it stays so",
    };
    let reason = match story.to {
        Verdict::Operational => String::new(),
        Verdict::Suspect | Verdict::Unknown | Verdict::Degraded | Verdict::Down => {
            format!(" – {}", neutral(&story.reason.words, TEXT_WANTED / 2))
        }
    };
    Some(format!(
        "{still}{}{name}, {stays} after flapping{reason}, since {since}",
        opening(story)
    ))
}

/// Whether a message says that its target goes up and down.
pub(super) fn is_unsteady(story: &Story) -> bool {
    let flapping = story.flapping.as_deref();
    flapping.is_some_and(|flapping| !flapping.is_steady)
}

/// Whether one target went up and down before its end.
const fn has_flapped(story: &Story) -> bool {
    story.flapping.is_some() && story.many.is_none()
}

/// `bad 3 times in 22 min`.
fn how_often(flapping: &Flapping, context: &Context<'_>) -> String {
    let length = context.now.since(flapping.since);
    format!("bad {} times in {}", flapping.outages, span(length))
}

/// What it was before, if it was something else.
fn was(story: &Story) -> String {
    if story.many.is_some() && story.from == story.to {
        return String::new();
    }
    format!(", {}", before(story))
}

/// What is unusual about this delivery.
pub(super) fn unusual(context: &Context<'_>) -> String {
    let mut out = String::new();
    if let Some(why) = context.late {
        out.push_str(" (told at ");
        out.push_str(&context.clock(context.now));
        out.push_str(", ");
        out.push_str(&neutral(why, NAME_MAX));
        out.push(')');
    }
    if context.is_repeat {
        out.push_str(" (repeat: first delivery unconfirmed)");
    }
    out
}

/// Whether everybody has to know that it is down.
pub(super) const fn is_disaster(story: &Story) -> bool {
    matches!(
        (story.severity, story.to),
        (Severity::Disaster, Verdict::Down)
    )
}

/// The mark and the verb; of an unknown the sentence is about us, not about the target.
const fn opening(story: &Story) -> &'static str {
    match story.to {
        Verdict::Down if is_disaster(story) => "DISASTER, DOWN: ",
        Verdict::Operational => "OPERATIONAL: ",
        Verdict::Suspect => "SUSPECT: ",
        Verdict::Unknown => "UNKNOWN: cannot see ",
        Verdict::Degraded => "DEGRADED: ",
        Verdict::Down => "DOWN: ",
    }
}

/// What it was before; of what stays the same for another reason, that it stays.
fn before(story: &Story) -> String {
    if story.from == story.to {
        String::from("still")
    } else {
        format!("was {}", story.from.as_str())
    }
}

/// What is over, by what it was at its worst.
const fn over(worst: Verdict) -> (&'static str, &'static str) {
    match worst {
        Verdict::Down => ("UP AGAIN", "was down"),
        Verdict::Degraded => ("WELL AGAIN", "was degraded"),
        Verdict::Unknown => ("SEEN AGAIN", "could not be seen for"),
        Verdict::Operational | Verdict::Suspect => ("OPERATIONAL", "was in doubt"),
    }
}

fn worst(story: &Story) -> Verdict {
    story
        .outage
        .as_ref()
        .map_or(story.from, |outage| outage.worst)
}

fn recovered(story: &Story, name: &str, context: &Context<'_>) -> String {
    let (mark, mut was) = over(worst(story));
    if has_flapped(story) {
        was = "was flapping";
    }
    let how = match &story.outage {
        Some(outage) => format!(
            ", {was} {} ({})",
            span(outage.until.since(outage.since)),
            context.clocks(outage.since, outage.until)
        ),
        None => String::new(),
    };
    let now = match story.to {
        Verdict::Operational => String::new(),
        Verdict::Suspect | Verdict::Unknown | Verdict::Degraded | Verdict::Down => {
            format!(", now {}", story.to.as_str())
        }
    };
    let flapped = match &story.flapping {
        Some(flapping) => format!(", bad {} times in all", flapping.outages),
        None => String::new(),
    };
    format!("{mark}: {name}{how}{flapped}{now}")
}

fn removed(story: &Story, name: &str, context: &Context<'_>) -> String {
    let since = story
        .outage
        .as_ref()
        .map_or(story.since, |outage| outage.since);
    format!(
        "NO LONGER WATCHED: {name}, taken out of the file while {} since {}",
        worst(story).as_str(),
        context.clock(since)
    )
}

/// The first line of blocks; the only place of a mention.
pub(super) fn line(entry: &Entry, context: &Context<'_>, on_call: Option<&OnCall>) -> Markup {
    let story = &entry.story;
    let mut line = Markup::new();
    match entry.kind {
        Kind::Opened | Kind::Changed | Kind::Reminder | Kind::Noted => {
            state_line(&mut line, entry, context);
        }
        Kind::Recovered => recovered_line(&mut line, story, context),
        Kind::Removed => {
            line.own(":heavy_minus_sign: *NO LONGER WATCHED*  ");
            identity(&mut line, story);
            line.own("  ·  taken out of the file while ")
                .own(worst(story).as_str());
        }
        Kind::Split => {
            line.own(":heavy_minus_sign: *SPLIT*  ");
            identity(&mut line, story);
        }
        Kind::Notice => {
            line.own(match story.severity {
                Severity::Disaster | Severity::Critical | Severity::Warning => ":warning: ",
                Severity::Info => ":information_source: ",
            })
            .bold(&story.title);
            if story.target.is_some() {
                line.own("  ·  since ")
                    .near(story.since, context.now, context.timezone);
            }
        }
    }
    if let Some(on_call) = on_call {
        let mut mention = Markup::new();
        mention.mention(on_call, context.now);
        if !mention.is_empty() {
            line.own("  ·  ").append(&mention);
        }
    }
    line
}

fn identity(line: &mut Markup, story: &Story) {
    line.emoji(story.icon.as_deref().unwrap_or_default())
        .bold(&story.title);
    if let Some(role) = story.role {
        line.own(" (").own(role.words()).own(")");
    }
}

fn state_line(line: &mut Markup, entry: &Entry, context: &Context<'_>) {
    let story = &entry.story;
    line.emoji(look::circle(shown(story)))
        .own(match entry.kind {
            Kind::Reminder => "*STILL ",
            Kind::Opened
            | Kind::Changed
            | Kind::Recovered
            | Kind::Removed
            | Kind::Notice
            | Kind::Noted
            | Kind::Split => "*",
        });
    if let Some(flapping) = story.flapping.as_deref().filter(|_| story.many.is_none()) {
        flapping_line(line, story, flapping, context);
        return;
    }
    if is_disaster(story) {
        line.own("DISASTER, ");
    }
    line.own(look::mark(story.to)).own("*  ");
    identity(line, story);
    if story.flapping.is_some() {
        line.own("  ·  flapping");
    }
    if let (Kind::Changed, Some(many)) = (entry.kind, &story.many) {
        if many.back > 0 {
            line.own("  ·  ")
                .number(many.back as usize)
                .own(" of ")
                .number(many.total as usize)
                .own(" are back");
        }
    } else if entry.kind == Kind::Changed && story.from == story.to {
        line.own("  ·  still");
    } else if entry.kind == Kind::Changed {
        line.own("  ·  was ").own(story.from.as_str());
    }
    line.own(match story.to {
        Verdict::Unknown => "  ·  cannot see it since ",
        Verdict::Operational | Verdict::Suspect | Verdict::Degraded | Verdict::Down => {
            "  ·  since "
        }
    })
    .near(story.since, context.now, context.timezone);
    if entry.kind == Kind::Reminder {
        line.own(" (").span(context.now.since(story.since)).own(")");
    }
}

/// `FLAPPING  api · bad 3 times in 22 min`, or what it is and stays.
fn flapping_line(line: &mut Markup, story: &Story, flapping: &Flapping, context: &Context<'_>) {
    if flapping.is_steady {
        line.own(look::mark(story.to)).own("*  ");
        identity(line, story);
        line.own(match story.to {
            Verdict::Operational => "  ·  it stays up after flapping, since ",
            Verdict::Suspect | Verdict::Unknown | Verdict::Degraded | Verdict::Down => {
                "  ·  it stays so after flapping, since "
            }
        })
        .near(story.since, context.now, context.timezone);
        return;
    }
    line.own("FLAPPING*  ");
    identity(line, story);
    line.own("  ·  ")
        .own("bad ")
        .number(flapping.outages as usize)
        .own(" times in ")
        .span(context.now.since(flapping.since));
}

/// The verdict whose colour a message has: what goes up and down is not fine because it is up now.
pub(super) fn shown(story: &Story) -> Verdict {
    match story.to {
        Verdict::Operational if is_unsteady(story) => Verdict::Degraded,
        verdict @ (Verdict::Operational
        | Verdict::Suspect
        | Verdict::Unknown
        | Verdict::Degraded
        | Verdict::Down) => verdict,
    }
}

fn recovered_line(line: &mut Markup, story: &Story, context: &Context<'_>) {
    let (mark, mut was) = over(worst(story));
    if has_flapped(story) {
        was = "was flapping";
    }
    line.emoji(look::circle(story.to))
        .own("*")
        .own(mark)
        .own("*  ");
    identity(line, story);
    if story.to != Verdict::Operational {
        line.own("  ·  now ").own(story.to.as_str());
    }
    if let Some(outage) = &story.outage {
        line.own("  ·  ")
            .own(was)
            .own(" *")
            .span(outage.until.since(outage.since))
            .own("*, since ")
            .near(outage.since, context.now, context.timezone);
    }
    if let Some(flapping) = &story.flapping {
        line.own("  ·  bad ")
            .number(flapping.outages as usize)
            .own(" times");
    }
}
