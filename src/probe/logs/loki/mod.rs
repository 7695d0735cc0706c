//! Grafana Loki.
//!
//! One question for each subject: selectors are the file's own, so two of them cannot be joined into one question without
//! understanding them. Loki keeps no time of taking in, and its ring is asked directly, so a line can be found as soon as it
//! is accepted. `/ready` still says 503 seconds after questions are answered again; it is a word for people, not a gate.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::HeaderValue;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::model::{
    Timestamp,
    logs::{CanaryMark, LogFault, LogFaultKind, LogSource, LogStore, Reading, Statement, Subject},
    text::clean,
};

use super::{
    FUTURE_MAX, Store,
    claimed::believed,
    each::each,
    marks,
    web::{Answered, Web, strange},
};

/// The tenant.
const TENANT: &str = "x-scope-orgid";
/// So many canaries are looked for at once. Loki's own default limit is 5,000 lines.
const CANARIES_MAX: &str = "1000";
/// How far a canary's own stamp may be off from the time of which we know that we sent it.
const CANARY_MARGIN: Duration = Duration::from_mins(1);
/// Of its own words so much is shown.
const WORDS_MAX: usize = 120;

/// Grafana Loki.
pub(super) struct Loki {
    web: Web,
    tenant: Option<HeaderValue>,
}

impl Loki {
    pub(super) fn open(web: Web, source: &LogSource) -> Self {
        let tenant = if let LogStore::Loki { tenant, .. } = &source.store {
            tenant
                .as_ref()
                .and_then(|tenant| HeaderValue::from_str(tenant).ok())
        } else {
            None
        };
        Self { web, tenant }
    }

    async fn newest(&self, subject: &Subject, now: Timestamp) -> Result<Reading, LogFault> {
        let answer = self
            .range(&subject.query, now - subject.lookback, now, "1", "backward")
            .await?;
        let mut newest = None;
        for entry in entries(&answer)? {
            newest = newest.max(Some(time(entry)?));
        }
        Ok(Reading {
            event: newest.map(|at| believed(at, now)).transpose()?,
            ingest: None,
            is_partial: has_warnings(&answer),
        })
    }

    /// Lines from then on, up to what may be believed.
    async fn range(
        &self,
        query: &str,
        from: Timestamp,
        now: Timestamp,
        limit: &str,
        direction: &str,
    ) -> Result<Value, LogFault> {
        let (start, end) = (nanos(from), nanos(now + FUTURE_MAX));
        let parameters = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("limit", limit),
            ("direction", direction),
        ];
        let answered = self
            .ask("/loki/api/v1/query_range", &parameters, now)
            .await?;
        match answered.fault() {
            Some(fault) => Err(fault),
            None => answered.json(),
        }
    }

    async fn ask(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Answered, LogFault> {
        let request = self.web.request_with(Method::GET, path, parameters);
        self.web.ask(self.for_tenant(request), now).await
    }

    fn for_tenant(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.tenant {
            Some(tenant) => request.header(TENANT, tenant),
            None => request,
        }
    }
}

impl Store for Loki {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
        limit: Duration,
    ) -> BoxFuture<'a, Vec<Result<Reading, LogFault>>> {
        Box::pin(each(limit, subjects, move |subject| {
            self.newest(subject, now)
        }))
    }

    fn find<'a>(
        &'a self,
        monitor: &'a str,
        unseen: &'a [CanaryMark],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<u64>, LogFault>> {
        Box::pin(async move {
            let Some(oldest) = unseen.iter().map(|mark| mark.sent_at).min() else {
                return Ok(Vec::new());
            };
            let query = format!(
                r#"{{app="hekate",hekate_monitor={}}} |= "{}""#,
                marks::quoted(monitor),
                marks::KEY
            );
            // The oldest first: the watermark cannot pass the one that is missing.
            let answer = self
                .range(&query, oldest - CANARY_MARGIN, now, CANARIES_MAX, "forward")
                .await?;
            let mut lines = Vec::new();
            for entry in entries(&answer)? {
                lines.push(entry.get(1).and_then(Value::as_str).unwrap_or_default());
            }
            Ok(marks::seen(lines, monitor, unseen))
        })
    }

    fn state(&self, now: Timestamp) -> BoxFuture<'_, Option<Statement>> {
        Box::pin(async move {
            let answered = self.ask("/ready", &[], now).await.ok()?;
            let words = clean(&String::from_utf8_lossy(&answered.body), WORDS_MAX);
            (answered.status.as_u16() == 503 && !words.is_empty()).then(|| Statement {
                complete_until: None,
                drains_within: None,
                words: format!("it says of itself: {words}"),
            })
        })
    }

    fn skew_ms(&self) -> Option<i64> {
        self.web.skew_ms()
    }
}

/// All lines of all streams; each stream is sorted for itself, so their order says nothing.
fn entries(answer: &Value) -> Result<Vec<&Value>, LogFault> {
    let data = answer.get("data").ok_or_else(shape)?;
    match data.get("resultType").and_then(Value::as_str) {
        Some("streams") => {}
        Some("matrix" | "vector" | "scalar") => {
            return Err(LogFault::new(
                LogFaultKind::BadQuery,
                "the query counts lines; one that gives the lines themselves is wanted, such as {app=\"x\"}",
            ));
        }
        Some(_) | None => return Err(shape()),
    }
    let streams = data.get("result").and_then(Value::as_array);
    let mut entries = Vec::new();
    for stream in streams.ok_or_else(shape)? {
        let values = stream.get("values").and_then(Value::as_array);
        entries.extend(values.ok_or_else(shape)?);
    }
    Ok(entries)
}

/// The time of an entry: `["1795309200000000000", "line"]`, nanoseconds as text.
fn time(entry: &Value) -> Result<Timestamp, LogFault> {
    let nanos: i64 = entry
        .get(0)
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .ok_or_else(shape)?;
    Ok(Timestamp::from_millis(nanos.div_euclid(1_000_000)))
}

fn has_warnings(answer: &Value) -> bool {
    answer
        .get("warnings")
        .and_then(Value::as_array)
        .is_some_and(|warnings| !warnings.is_empty())
}

fn nanos(at: Timestamp) -> String {
    (i128::from(at.as_millis().max(0)) * 1_000_000).to_string()
}

fn shape() -> LogFault {
    strange("Loki")
}

#[cfg(test)]
mod tests;
