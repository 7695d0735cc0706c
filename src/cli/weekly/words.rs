//! What a week was like, for people, wikis and programs.

use std::fmt::Write as _;

use chrono_tz::Tz;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::super::past;
use crate::{
    command::{
        sli::{NOTHING_MEASURED, Sli, SloLine, clauses, escaped, sli_json, slo_json},
        text::padded,
    },
    model::{GroupName, Timestamp, text::span},
    rehearsal::{
        noise::Noise,
        weekly::{Incidents, Part, Weekly},
    },
};

/// What the targets without a group are called.
const NO_GROUP: &str = "without a group";
/// What SLOs of several groups, and all that was told, stand under.
const TOGETHER: &str = "together";

/// What there is to say under one heading: a word each, and what it is.
struct Block<'a> {
    title: &'a str,
    rows: Vec<(&'static str, String)>,
}

fn blocks(weekly: &Weekly, zone: Tz) -> Vec<Block<'_>> {
    let mut out: Vec<_> = weekly
        .parts
        .iter()
        .map(|part| of_part(part, zone))
        .collect();
    if weekly.parts.len() > 1 || !weekly.slos.is_empty() {
        let mut rows = budgets(&weekly.slos);
        told(&mut rows, &weekly.together);
        out.push(Block {
            title: TOGETHER,
            rows,
        });
    }
    out
}

fn of_part(part: &Part, zone: Tz) -> Block<'_> {
    let mut rows = Vec::new();
    if let Some(sli) = &part.sli {
        rows.push(("available", availability(sli, part, zone)));
    }
    rows.extend(budgets(&part.slos));
    told(&mut rows, &part.incidents);
    if let Some(noise) = &part.noisiest {
        rows.push(("noisiest", noisiest(noise)));
    }
    Block {
        title: title(part),
        rows,
    }
}

fn title(part: &Part) -> &str {
    part.group.as_ref().map_or(NO_GROUP, GroupName::as_str)
}

fn availability(sli: &Sli, part: &Part, zone: Tz) -> String {
    let share = sli.words();
    let mut said = vec![share.unwrap_or_else(|| NOTHING_MEASURED.to_owned())];
    let mut clauses = clauses(sli, &|at: Timestamp| at.words(zone));
    if let (Some(first), Some(title)) = (clauses.first_mut(), &part.longest_of) {
        let _infallible = write!(first, " ({title})");
    }
    said.append(&mut clauses);
    said.join(" · ")
}

fn budgets(slos: &[SloLine]) -> Vec<(&'static str, String)> {
    let row = |slo: &SloLine| {
        let sign = match slo.is_kept() {
            Some(true) => '\u{2714}',
            Some(false) => '\u{2716}',
            None => '?',
        };
        ("budget", format!("{sign} {}: {}", slo.name, slo.words()))
    };
    slos.iter().map(row).collect()
}

fn told(rows: &mut Vec<(&'static str, String)>, incidents: &Incidents) {
    let kinds = [
        (incidents.down, "down"),
        (incidents.degraded, "degraded"),
        (incidents.unknown, "unknown"),
    ];
    let kinds: Vec<_> = kinds
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let mut said = match incidents.begun {
        0 => String::from("none began"),
        begun => format!("{begun} began: {}", kinds.join(", ")),
    };
    if incidents.open > 0 {
        let _infallible = write!(said, "; {} still open", incidents.open);
    }
    rows.push(("incidents", said));
    if incidents.begun > 0 {
        let said = match incidents.acknowledged_within {
            Some(within) => format!(
                "{} of {}, half of those within {}",
                incidents.acknowledged,
                incidents.begun,
                span(within)
            ),
            None => String::from("none"),
        };
        rows.push(("acknowledged", said));
    }
}

/// As `report noise` says it, in one line.
fn noisiest(noise: &Noise) -> String {
    let text = past::noise_text(noise);
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    lines.join("; ")
}

/// A paragraph a group.
pub(super) fn text(weekly: &Weekly, zone: Tz) -> String {
    let blocks = blocks(weekly, zone);
    let words = blocks.iter().flat_map(|block| &block.rows);
    let width = words.map(|(word, _)| word.width()).max().unwrap_or(0);
    let mut out = String::new();
    for block in &blocks {
        let _infallible = writeln!(out, "{}", block.title);
        for (word, said) in &block.rows {
            let _infallible = writeln!(out, "  {}  {said}", padded(word, width));
        }
    }
    if out.is_empty() {
        out.push_str("no targets, and nothing was told\n");
    }
    out
}

/// A page for a wiki: a heading and a table a group.
pub(super) fn markdown(weekly: &Weekly, zone: Tz) -> String {
    let (from, until) = (
        weekly.window.from.words(zone),
        weekly.window.until.words(zone),
    );
    let mut out = format!("# From {from} to {until}\n");
    for block in blocks(weekly, zone) {
        let _infallible = write!(out, "\n## {}\n\n| | |\n|---|---|\n", escaped(block.title));
        for (word, said) in &block.rows {
            let _infallible = writeln!(out, "| {word} | {} |", escaped(said));
        }
    }
    out
}

/// A line a group: `master: 99.981%, 10 incidents`.
pub(super) fn short(weekly: &Weekly) -> String {
    let mut out = String::new();
    for part in &weekly.parts {
        let share = part.sli.as_ref().and_then(Sli::words);
        let share = share.as_deref().unwrap_or(NOTHING_MEASURED);
        let incidents = match part.incidents.begun {
            1 => String::from("1 incident"),
            count => format!("{count} incidents"),
        };
        let _infallible = writeln!(out, "{}: {share}, {incidents}", title(part));
    }
    out
}

/// For programs; `docs/sli.md` says what is what.
pub(super) fn json(weekly: &Weekly, known_since: Option<Timestamp>) -> Value {
    let part = |part: &Part| {
        json!({
            "group": part.group.as_ref().map(GroupName::as_str),
            "availability": part.sli.as_ref().map(sli_json),
            "longest_outage_of": part.longest_of,
            "slos": part.slos.iter().map(slo_json).collect::<Vec<_>>(),
            "incidents": counted(&part.incidents),
            "noisiest": part.noisiest.as_ref().map(past::noise_json),
        })
    };
    json!({
        "from": weekly.window.from.to_string(),
        "until": weekly.window.until.to_string(),
        "known_since": known_since.map(|at| at.to_string()),
        "groups": weekly.parts.iter().map(part).collect::<Vec<_>>(),
        "slos": weekly.slos.iter().map(slo_json).collect::<Vec<_>>(),
        "incidents": counted(&weekly.together),
    })
}

fn counted(incidents: &Incidents) -> Value {
    let within = incidents.acknowledged_within;
    json!({
        "begun": incidents.begun,
        "down": incidents.down,
        "degraded": incidents.degraded,
        "unknown": incidents.unknown,
        "open": incidents.open,
        "acknowledged": incidents.acknowledged,
        "acknowledged_within_median_s": within.map(|within| within.as_secs_f64()),
    })
}
