//! An endpoint that says when its newest line was: the cheapest signal there is, with no pipeline in between.

use std::time::Duration;

use chrono::DateTime;
use futures_util::future::BoxFuture;
use http::header::ACCEPT;
use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::model::{
    Timestamp,
    logs::{
        CanaryMark, LogFault, LogFaultKind, LogSource, LogStore, Reading, Subject, TimeFormat,
        TimePlace,
    },
};

use super::{
    Store,
    claimed::{self, Unit, believed},
    each::each,
    web::{Answered, Web},
};

/// Of a value that is no time so much is shown.
const SHOWN_MAX: usize = 60;

/// An endpoint that says when its newest line was.
pub(super) struct HttpJson {
    web: Web,
    place: TimePlace,
    format: TimeFormat,
}

impl HttpJson {
    pub(super) fn open(web: Web, source: &LogSource) -> Self {
        let (place, format) = if let LogStore::HttpJson { place, format, .. } = &source.store {
            (place.clone(), *format)
        } else {
            (TimePlace::Pointer(String::new()), TimeFormat::Text)
        };
        Self { web, place, format }
    }

    async fn newest(&self, url: Option<&Url>, now: Timestamp) -> Result<Reading, LogFault> {
        let request = url.and_then(|url| self.web.request_to(Method::GET, url));
        let request = request.ok_or_else(|| {
            bad("the query leads away from the server of the URL; a path on that server is wanted")
        })?;
        let answered = self
            .web
            .ask(request.header(ACCEPT, "application/json"), now)
            .await?;
        if let Some(fault) = answered.fault() {
            return Err(fault);
        }
        Ok(Reading {
            event: self.time(&answered, now)?,
            ingest: None,
            is_partial: false,
        })
    }

    fn time(&self, answered: &Answered, now: Timestamp) -> Result<Option<Timestamp>, LogFault> {
        match &self.place {
            TimePlace::Header(name) => {
                let value = answered.headers.get(name.as_str());
                let value = value.ok_or_else(|| bad(format!("its answer has no header {name}")))?;
                let text = String::from_utf8_lossy(value.as_bytes());
                read(&Value::from(text.trim()), self.format, now)
            }
            TimePlace::Pointer(pointer) => {
                let body = answered.json()?;
                let value = body.pointer(pointer);
                let value = value
                    .ok_or_else(|| bad(format!("there is nothing at {pointer} in its answer")))?;
                read(value, self.format, now)
            }
        }
    }
}

impl Store for HttpJson {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
        limit: Duration,
    ) -> BoxFuture<'a, Vec<Result<Reading, LogFault>>> {
        Box::pin(async move {
            let wanted: Vec<_> = subjects
                .iter()
                .map(|subject| joined(self.web.base(), &subject.query))
                .collect();
            let mut urls = wanted.clone();
            urls.sort_unstable();
            urls.dedup();
            let answers = each(limit, &urls, |url| self.newest(url.as_ref(), now)).await;
            wanted
                .iter()
                .map(|url| {
                    let place = urls.binary_search(url);
                    place.map_or_else(
                        |_| Err(bad("it was not asked")),
                        |place| answers[place].clone(),
                    )
                })
                .collect()
        })
    }

    fn find<'a>(
        &'a self,
        _monitor: &'a str,
        _unseen: &'a [CanaryMark],
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<u64>, LogFault>> {
        Box::pin(async {
            Err(LogFault::new(
                LogFaultKind::BadQuery,
                "an endpoint keeps no lines, so no canary can be found in it",
            ))
        })
    }

    fn skew_ms(&self) -> Option<i64> {
        self.web.skew_ms()
    }
}

/// Where a subject is asked: its query joined to the base address as a link on a page below it would be.
fn joined(base: &Url, query: &str) -> Option<Url> {
    let mut base = base.clone();
    if !query.is_empty() && !query.starts_with('?') {
        let folder = format!("{}/", base.path().trim_end_matches('/'));
        base.set_path(&folder);
    }
    base.join(query).ok()
}

/// The time that a value stands for; absent if it says that there was no line yet.
fn read(value: &Value, format: TimeFormat, now: Timestamp) -> Result<Option<Timestamp>, LogFault> {
    if value.is_null() {
        return Ok(None);
    }
    let unit = match format {
        TimeFormat::Text => return text(value, now).map(Some),
        TimeFormat::AgeSeconds => return claimed::age(float(value)?, now).map(Some),
        TimeFormat::Unix => Unit::Seconds,
        TimeFormat::UnixMillis => Unit::Millis,
        TimeFormat::UnixMicros => Unit::Micros,
        TimeFormat::UnixNanos => Unit::Nanos,
    };
    claimed::number(float(value)?, unit, now)
}

/// RFC 3339, or the date of HTTP.
fn text(value: &Value, now: Timestamp) -> Result<Timestamp, LogFault> {
    let said = value.as_str().map(str::trim).unwrap_or_default();
    let at = DateTime::parse_from_rfc3339(said).or_else(|_| DateTime::parse_from_rfc2822(said));
    let at = at.map_err(|_| {
        bad(format!(
            "it says {}, which is no time with a zone such as 2026-01-31T20:14:05Z",
            shown(value)
        ))
    })?;
    believed(Timestamp::from(at.to_utc()), now)
}

/// A number, or one that is written as text.
fn float(value: &Value) -> Result<f64, LogFault> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.ok_or_else(|| bad(format!("it says {}, which is no number", shown(value))))
}

fn shown(value: &Value) -> String {
    crate::model::text::clean(&value.to_string(), SHOWN_MAX)
}

fn bad(words: impl AsRef<str>) -> LogFault {
    LogFault::new(LogFaultKind::BadQuery, words)
}

#[cfg(test)]
mod tests;
