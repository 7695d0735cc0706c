//! `VictoriaLogs`.
//!
//! One question for each subject. The window travels in the parameters `start` and `end`, which the server adds to the query
//! itself, so that a query with `or` or with pipes keeps its meaning; the newest time is asked for by a last pipe, so that
//! "nothing" is a word of the store and not only an empty body.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use reqwest::Method;
use serde_json::Value;

use crate::model::{
    Timestamp,
    logs::{CanaryMark, LogFault, LogFaultKind, LogSource, LogStore, Reading, Subject},
};

use super::{
    FUTURE_MAX, Store,
    claimed::believed,
    each::each,
    marks,
    web::{Web, form, strange},
};

/// How far a canary's own stamp may be off from the time of which we know that we sent it.
const CANARY_MARGIN: Duration = Duration::from_mins(1);
/// So many canaries are looked for at once.
const CANARIES_MAX: u32 = 1_000;

/// `VictoriaLogs`.
pub(super) struct VictoriaLogs {
    web: Web,
    tenant: Option<(u32, u32)>,
}

impl VictoriaLogs {
    pub(super) fn open(web: Web, source: &LogSource) -> Self {
        let tenant = if let LogStore::VictoriaLogs { tenant, .. } = &source.store {
            *tenant
        } else {
            None
        };
        Self { web, tenant }
    }

    async fn newest(&self, subject: &Subject, now: Timestamp) -> Result<Reading, LogFault> {
        // On a line of its own: the query may end with a comment.
        let query = format!(
            "{}\n| stats count() as lines, max(_time) as newest",
            subject.query
        );
        let rows = self.rows(&query, now - subject.lookback, now).await?;
        let mut newest = None;
        for row in &rows {
            let said = row.get("newest").and_then(Value::as_str);
            let said = said.ok_or_else(shape)?;
            if said.is_empty() {
                let lines = row.get("lines").and_then(Value::as_str);
                if lines.ok_or_else(shape)? == "0" {
                    continue;
                }
                // Without this a pipe too many would look like silence for ever.
                return Err(LogFault::new(
                    LogFaultKind::BadQuery,
                    "a pipe of the query takes the time of the lines away; it has to keep _time",
                ));
            }
            let at = DateTime::parse_from_rfc3339(said).map_err(|_| shape())?;
            newest = newest.max(Some(Timestamp::from(at.to_utc())));
        }
        Ok(Reading {
            event: newest.map(|at| believed(at, now)).transpose()?,
            ingest: None,
            is_partial: false,
        })
    }

    /// The rows of a query over the time from then on, up to what may be believed.
    async fn rows(
        &self,
        query: &str,
        from: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Value>, LogFault> {
        let (start, end) = (text(from), text(now + FUTURE_MAX));
        let body = form(&[("query", query), ("start", &start), ("end", &end)]);
        let mut request = self
            .web
            .request(Method::POST, "/select/logsql/query")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        if let Some((account, project)) = self.tenant {
            request = request
                .header("AccountID", account)
                .header("ProjectID", project);
        }
        let answered = self.web.ask(request, now).await?;
        if let Some(fault) = answered.fault() {
            return Err(fault);
        }
        let rows = serde_json::Deserializer::from_slice(&answered.body).into_iter();
        rows.map(|row: Result<Value, _>| row.ok().filter(Value::is_object).ok_or_else(shape))
            .collect()
    }
}

impl Store for VictoriaLogs {
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
                r#"{{app="hekate",hekate_monitor={}}} | fields _msg | limit {CANARIES_MAX}"#,
                marks::quoted(monitor),
            );
            let rows = self.rows(&query, oldest - CANARY_MARGIN, now).await?;
            let lines = rows
                .iter()
                .filter_map(|row| row.get("_msg").and_then(Value::as_str));
            Ok(marks::seen(lines, monitor, unseen))
        })
    }

    fn skew_ms(&self) -> Option<i64> {
        self.web.skew_ms()
    }
}

fn text(at: Timestamp) -> String {
    at.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn shape() -> LogFault {
    strange("VictoriaLogs")
}

#[cfg(test)]
mod tests;
