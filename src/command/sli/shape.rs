//! What was measured, for programs, spreadsheets and wikis.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use super::{Availability, Line, NOTHING_MEASURED, SloLine};
use crate::{
    judge::sli::Sli,
    model::{Timestamp, text::span},
};

/// The answer to `sli`:
///
/// ```json
/// {"selection": "master", "from": "…", "until": "…", "window_ms": 2592000000, "targets": [{"id": "master/blue",
///  "group": "master", "title": "master blue", "ratio": 0.99982, "percent": "99.982%", "operational_ms": 2590000000,
///  "degraded_ms": 0, "down_ms": 467000, "maintenance_ms": 0, "not_measured_ms": 1533000, "outages": 2,
///  "longest_outage": {"from": "…", "lasted_ms": 300000}}], "together": {…}, "slos": [{"name": "master availability",
///  "objective": 0.999, "window_ms": 2592000000, "is_kept": true, "budget_ms": 2592000, "spent_ms": 467000,
///  "left_ms": 2125000, "left_percent": 81, "ratio": 0.99982, …}]}
/// ```
///
/// `ratio` is the share of `operational_ms`, `degraded_ms` and `down_ms` together in which it was not down; it and
/// `percent`, which is rounded down, are `null` where nothing was measured. `together` adds the times of all targets. An SLO is measured
/// over its own window; `is_kept` is `null` where nothing was measured.
pub fn json(availability: &Availability) -> Value {
    let target = |line: &Line| {
        let mut value = json!({
            "id": line.target.as_str(),
            "group": line.group.as_ref().map(crate::model::GroupName::as_str),
            "title": line.title,
        });
        merge(&mut value, sli(&line.sli));
        value
    };
    let lines = availability.lines.iter();
    json!({
        "selection": availability.selection,
        "from": availability.window.from.to_string(),
        "until": availability.window.until.to_string(),
        "window_ms": ms(availability.back()),
        "targets": lines.map(target).collect::<Vec<_>>(),
        "together": sli(&availability.together()),
        "slos": availability.slos.iter().map(slo).collect::<Vec<_>>(),
    })
}

/// How far an SLO is kept, as in the answer to `sli`.
pub fn slo(line: &SloLine) -> Value {
    let budget = line.budget();
    let mut value = json!({
        "name": line.name,
        "objective": f64::from(line.objective.thousandths()) / 100_000.0,
        "window_ms": ms(line.window),
        "is_kept": line.is_kept(),
        "budget_ms": ms(budget.allowed),
        "spent_ms": ms(budget.spent),
        "left_ms": ms(budget.left()),
        "left_percent": budget.left_percent(),
    });
    merge(&mut value, sli(&line.sli));
    value
}

/// What was measured, as in the answer to `sli`.
pub fn sli(sli: &Sli) -> Value {
    json!({
        "ratio": sli.ratio(),
        "percent": sli.words(),
        "operational_ms": ms(sli.operational),
        "degraded_ms": ms(sli.degraded),
        "down_ms": ms(sli.down),
        "maintenance_ms": ms(sli.maintenance),
        "not_measured_ms": ms(sli.not_measured),
        "outages": sli.outages,
        "longest_outage": sli.longest.map(|longest| json!({
            "from": longest.from.to_string(),
            "lasted_ms": ms(longest.lasted),
        })),
    })
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// A table as RFC 4180 has it, with a line of names on top: one target a line, in the order of the file.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc4180>.
pub fn csv(availability: &Availability) -> String {
    let mut out = String::from(
        "target,group,title,from,until,ratio,operational_s,degraded_s,down_s,maintenance_s,not_measured_s,outages,\
         longest_outage_from,longest_outage_s\r\n",
    );
    let (from, until) = (availability.window.from, availability.window.until);
    for line in &availability.lines {
        let measured = &line.sli;
        let group = line.group.as_ref().map_or("", |group| group.as_str());
        let texts = [line.target.as_str(), group, &line.title].map(field);
        let ratio = measured.ratio();
        let ratio = ratio.map_or_else(String::new, |ratio| ratio.to_string());
        let longest_from = measured.longest.map(|longest| longest.from.to_string());
        let longest = measured.longest.map(|longest| seconds(longest.lasted));
        let _infallible = write!(
            out,
            "{},{from},{until},{ratio},{},{},{},{},{},{},{},{}\r\n",
            texts.join(","),
            seconds(measured.operational),
            seconds(measured.degraded),
            seconds(measured.down),
            seconds(measured.maintenance),
            seconds(measured.not_measured),
            measured.outages,
            longest_from.unwrap_or_default(),
            longest.unwrap_or_default(),
        );
    }
    out
}

fn seconds(length: Duration) -> String {
    format!("{}", Duration::from_millis(ms(length)).as_secs_f64())
}

/// A text that no spreadsheet takes for a formula.
fn field(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    if guard.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        return text.to_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// A table in Markdown, the order being that of the file.
pub fn markdown(availability: &Availability) -> String {
    let (from, until) = (availability.window.from, availability.window.until);
    let mut out = format!("Availability from {from} to {until}\n\n");
    if let Some(nothing) = availability.nothing() {
        let _infallible = writeln!(out, "{}", escaped(&nothing));
        return out;
    }
    out.push_str(
        "| target | available | down | outages | longest outage | degraded | maintenance | not measured |\n\
         |---|---:|---:|---:|---|---:|---:|---:|\n",
    );
    for line in &availability.lines {
        table_row(&mut out, &escaped(&line.title), &line.sli);
    }
    if availability.lines.len() > 1 {
        table_row(&mut out, "**together**", &availability.together());
    }
    if !availability.slos.is_empty() {
        out.push_str("\n| SLO | how far it is kept |\n|---|---|\n");
    }
    for slo in &availability.slos {
        let _infallible = writeln!(out, "| {} | {} |", escaped(&slo.name), slo.words());
    }
    out
}

fn table_row(out: &mut String, title: &str, sli: &Sli) {
    let length = |length: Duration| match length {
        Duration::ZERO => String::new(),
        length => span(length),
    };
    let longest = sli.longest.map_or_else(String::new, |longest| {
        let (lasted, from) = (span(longest.lasted), Timestamp::to_string(&longest.from));
        format!("{lasted} from {from}")
    });
    let share = sli.words().unwrap_or_else(|| NOTHING_MEASURED.to_owned());
    let _infallible = writeln!(
        out,
        "| {title} | {share} | {} | {} | {longest} | {} | {} | {} |",
        length(sli.down),
        sli.outages,
        length(sli.degraded),
        length(sli.maintenance),
        length(sli.not_measured),
    );
}

/// A text in which nothing is markup of Markdown.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_punctuation() && !matches!(letter, '.' | ',' | '-' | '/' | ':') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
