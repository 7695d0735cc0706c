//! What Graylog answers to a search: messages in either dialect, times in either form, and errors.

use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;

use crate::model::{
    Timestamp,
    logs::{CanaryMark, LogFault, LogFaultKind, Reading},
    text::clean,
};

use super::{Dialect, FIELDS};
use crate::probe::logs::{FUTURE_MAX, canary, web::Answered};

/// What stands in the place of a field that a message does not have.
const MISSING: &str = "-";
/// Of foreign text inside of a sentence so much is shown.
const QUOTED_MAX: usize = 60;

/// Why the answer is no good one; absent if it is.
///
/// A search cluster that is dead comes back as 400 whose text begins with "Failed to obtain results", so a 400 alone does
/// not say that the question was wrong.
pub(super) fn fault(answered: &Answered) -> Option<LogFault> {
    let general = answered.fault()?;
    let status = answered.status.as_u16();
    let Ok(said) = answered.json() else {
        return Some(general);
    };
    let Some(message) = ["message", "error"]
        .iter()
        .find_map(|key| said[*key].as_str())
    else {
        return Some(general);
    };
    let kind = match status {
        404 | 405 => LogFaultKind::NotFound,
        400 if message.starts_with("Failed to obtain results") => LogFaultKind::Unreachable,
        _ => general.kind,
    };
    let mut words = format!("HTTP {status}: {}", clean(message, 240));
    if let (Some(line), Some(column)) = (said["line"].as_u64(), said["column"].as_u64()) {
        words = format!("{words} (line {line}, column {column} of the query)");
    }
    Some(LogFault::new(kind, words))
}

/// What the newest message says.
pub(super) fn reading(
    dialect: Dialect,
    found: &Value,
    now: Timestamp,
) -> Result<Reading, LogFault> {
    let messages = Messages::of(dialect, found)?;
    let Some(first) = messages.rows.first() else {
        return Ok(Reading::default());
    };
    let [written, received, processed] = FIELDS.map(|field| messages.cell(first, field));
    let event = written.map(time).transpose()?;
    let ingest = received.or(processed).map(time).transpose()?;
    if event.is_none() && ingest.is_none() {
        return Err(strange("its newest message carries no time"));
    }
    let until = now + FUTURE_MAX;
    let is_future = |at: Option<Timestamp>| at.is_some_and(|at| at > until);
    Ok(Reading {
        event: event.filter(|at| *at <= until),
        ingest: ingest.filter(|at| *at <= until),
        // A later message hides an earlier one, so what is not believed leaves the answer incomplete.
        is_partial: is_future(event) || is_future(ingest),
    })
}

/// Of the answers to the same question about two streams, what both together say.
pub(super) fn newer(
    one: Result<Reading, LogFault>,
    other: Result<Reading, LogFault>,
) -> Result<Reading, LogFault> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok(Reading {
            event: one.event.max(other.event),
            ingest: one.ingest.max(other.ingest),
            is_partial: one.is_partial || other.is_partial,
        }),
        // A line of one stream is proof of life, whatever became of the other.
        (Ok(found), Err(_)) | (Err(_), Ok(found)) if found != Reading::default() => Ok(Reading {
            is_partial: true,
            ..found
        }),
        (Err(fault), _) | (_, Err(fault)) => Err(fault),
    }
}

/// The numbers of the canaries among these that were found, each once, in their order.
pub(super) fn canaries(
    dialect: Dialect,
    found: &Value,
    monitor: &str,
    marks: &[CanaryMark],
) -> Result<Vec<u64>, LogFault> {
    let messages = Messages::of(dialect, found)?;
    let all = |field: &str| -> Vec<&str> {
        let cells = messages.rows.iter().map(|row| messages.cell(row, field));
        cells.filter_map(|cell| cell?.as_str()).collect()
    };
    let (ids, lines) = (all(canary::FIELD), all("message"));
    Ok(canary::seen(&ids, &lines, monitor, marks))
}

/// The messages of an answer.
struct Messages<'a> {
    rows: Vec<Row<'a>>,
    /// The names of the columns, in the dialect that has rows.
    columns: Vec<&'a str>,
}

enum Row<'a> {
    Cells(&'a [Value]),
    Fields(&'a Value),
}

impl<'a> Messages<'a> {
    fn of(dialect: Dialect, found: &'a Value) -> Result<Self, LogFault> {
        let list = |key: &str| {
            found[key]
                .as_array()
                .ok_or_else(|| strange("its answer is not that of Graylog's search"))
        };
        match dialect {
            Dialect::Messages => Ok(Self {
                columns: list("schema")?
                    .iter()
                    .map(|column| column["field"].as_str().unwrap_or_default())
                    .collect(),
                rows: list("datarows")?
                    .iter()
                    .map(|row| row.as_array().map(|cells| Row::Cells(cells)))
                    .collect::<Option<_>>()
                    .ok_or_else(|| strange("a row of its answer is no list"))?,
            }),
            Dialect::Universal => Ok(Self {
                columns: Vec::new(),
                rows: list("messages")?
                    .iter()
                    .map(|message| Row::Fields(&message["message"]))
                    .collect(),
            }),
        }
    }

    /// A field of a message, if it has it.
    fn cell(&self, row: &Row<'a>, field: &str) -> Option<&'a Value> {
        let cell = match row {
            Row::Cells(cells) => {
                let column = self.columns.iter().position(|column| *column == field)?;
                cells.get(column)
            }
            Row::Fields(fields) => fields.get(field),
        };
        cell.filter(|cell| !cell.is_null() && cell.as_str() != Some(MISSING))
    }
}

/// A time in one of Graylog's forms: with a zone, as the index holds it (UTC, a space, no zone), or in milliseconds.
pub(super) fn time(said: &Value) -> Result<Timestamp, LogFault> {
    let at = match said {
        Value::String(text) => DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
            .map(|at| at.to_utc())
            .or_else(|_| {
                NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
                    .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f"))
                    .map(|at| at.and_utc())
            })
            .ok()
            .map(Timestamp::from),
        Value::Number(millis) => millis.as_i64().map(Timestamp::from_millis),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    at.ok_or_else(|| {
        strange(&format!(
            "the time of its newest message is no time: {}",
            clean(&said.to_string(), QUOTED_MAX)
        ))
    })
}

fn strange(words: &str) -> LogFault {
    LogFault::new(LogFaultKind::Unreachable, words)
}
