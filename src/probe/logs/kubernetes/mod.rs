//! Kubernetes: the last line of every running pod that a label selector matches.
//!
//! Pods come and go, so they are looked up in every round. The time is the one at which the node read the line.

pub(in crate::probe) mod query;

use std::time::Duration;

use chrono::DateTime;
use futures_util::future::BoxFuture;
use http::header::ACCEPT;
use reqwest::Method;
use serde_json::Value;

use crate::model::{
    Timestamp,
    logs::{CanaryMark, LogFault, LogFaultKind, Reading, Subject},
};

use super::{
    Store,
    claimed::believed,
    each::{each, limit_of},
    web::{Answered, Web, strange},
};

use query::Query;

/// So many pods are asked for their last line; with more the answer is called incomplete.
const PODS_MAX: &str = "20";
/// Of a line only its beginning is fetched, where its time stands; what it says is nobody's business here.
const LINE_BYTES_MAX: &str = "64";

/// Kubernetes.
pub(super) struct Kubernetes {
    web: Web,
}

/// Some pods, and whether there are more.
struct Pods {
    names: Vec<String>,
    are_more: bool,
}

impl Kubernetes {
    pub(super) fn open(web: Web) -> Self {
        Self { web }
    }

    async fn newest(
        &self,
        subject: &Subject,
        now: Timestamp,
        limit: Duration,
    ) -> Result<Reading, LogFault> {
        let query = Query::read(&subject.query)?;
        let running = [
            ("fieldSelector", "status.phase=Running"),
            ("limit", PODS_MAX),
        ];
        let pods = self.pods(&query, &running, now).await?;
        if pods.names.is_empty() {
            let any = self.pods(&query, &[("limit", "1")], now).await?;
            if any.names.is_empty() {
                return Err(LogFault::new(
                    LogFaultKind::NotFound,
                    format!("no pod in {} matches {}", query.namespace, query.selector),
                ));
            }
            return Ok(Reading::default());
        }
        let lines = each(limit, &pods.names, |pod| self.last_line(&query, pod, now)).await;
        summed_up(lines, pods.are_more)
    }

    async fn pods(
        &self,
        query: &Query<'_>,
        narrowed: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Pods, LogFault> {
        let path = format!("/api/v1/namespaces/{}/pods", query.namespace);
        let mut parameters = vec![("labelSelector", query.selector)];
        parameters.extend(narrowed);
        let answered = self.ask(&path, &parameters, now).await?;
        if let Some(fault) = refusal(&answered) {
            return Err(fault);
        }
        let list = answered.json()?;
        let items = list.get("items");
        // An empty list is written as null by some servers.
        let items = match items {
            Some(Value::Array(items)) => items.as_slice(),
            Some(Value::Null) => &[],
            Some(_) | None => return Err(shape()),
        };
        let mut names = Vec::with_capacity(items.len());
        for item in items {
            let name = item.pointer("/metadata/name").and_then(Value::as_str);
            // It becomes a part of a path.
            let name = name.filter(|name| query::is_name(name)).ok_or_else(shape)?;
            names.push(name.to_owned());
        }
        let goes_on = list.pointer("/metadata/continue").and_then(Value::as_str);
        Ok(Pods {
            names,
            are_more: goes_on.is_some_and(|token| !token.is_empty()),
        })
    }

    /// The time of the last line; absent if the pod has none, or is not there yet or any more.
    async fn last_line(
        &self,
        query: &Query<'_>,
        pod: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, LogFault> {
        let path = format!("/api/v1/namespaces/{}/pods/{pod}/log", query.namespace);
        let mut parameters = vec![
            ("tailLines", "1"),
            ("timestamps", "true"),
            ("limitBytes", LINE_BYTES_MAX),
        ];
        if let Some(container) = query.container {
            parameters.push(("container", container));
        }
        let answered = self.ask(&path, &parameters, now).await?;
        if let Some(fault) = refusal(&answered) {
            let is_waiting =
                fault.kind == LogFaultKind::BadQuery && fault.words.contains("is waiting to start");
            return if is_waiting || fault.kind == LogFaultKind::NotFound {
                Ok(None)
            } else {
                Err(fault)
            };
        }
        time(&answered.body)?
            .map(|at| believed(at, now))
            .transpose()
    }

    async fn ask(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Answered, LogFault> {
        let request = self.web.request_with(Method::GET, path, parameters);
        // A log is text; with `application/json` alone some versions refuse it.
        let request = request.header(ACCEPT, "application/json, */*;q=0.5");
        self.web.ask(request, now).await
    }
}

impl Store for Kubernetes {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
        limit: Duration,
    ) -> BoxFuture<'a, Vec<Result<Reading, LogFault>>> {
        Box::pin(each(limit, subjects, move |subject| {
            self.newest(subject, now, limit_of(limit))
        }))
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
                "Kubernetes takes no lines from outside, so no canary can be found in it",
            ))
        })
    }

    fn skew_ms(&self) -> Option<i64> {
        self.web.skew_ms()
    }
}

/// The newest line of all pods. Pods that could not be read make it incomplete; if none could, that is what it says.
fn summed_up(
    lines: Vec<Result<Option<Timestamp>, LogFault>>,
    are_more: bool,
) -> Result<Reading, LogFault> {
    let mut newest = None;
    let mut fault = None;
    for line in lines {
        match line {
            Ok(at) => newest = newest.max(Some(at)),
            Err(why) => {
                fault.get_or_insert(why);
            }
        }
    }
    match (newest, fault) {
        (None, Some(fault)) => Err(fault),
        (newest, fault) => Ok(Reading {
            event: newest.flatten(),
            ingest: None,
            is_partial: are_more || fault.is_some(),
        }),
    }
}

/// `2026-11-22T01:00:00.123456789Z text`; absent if there is no line.
fn time(body: &[u8]) -> Result<Option<Timestamp>, LogFault> {
    let text = String::from_utf8_lossy(body);
    let mut newest = None;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let stamp = line.split(' ').next().unwrap_or_default();
        let at = DateTime::parse_from_rfc3339(stamp).map_err(|_| shape())?;
        newest = newest.max(Some(Timestamp::from(at.to_utc())));
    }
    Ok(newest)
}

/// The fault, with the words of `{"kind":"Status","message":…}` if it has some.
pub(in crate::probe) fn refusal(answered: &Answered) -> Option<LogFault> {
    let fault = answered.fault()?;
    let body = answered.json().ok();
    let message = body.as_ref().and_then(|body| body.get("message")?.as_str());
    Some(match message {
        Some(message) => LogFault::new(
            fault.kind,
            format!("HTTP {}: {message}", answered.status.as_u16()),
        ),
        None => fault,
    })
}

fn shape() -> LogFault {
    strange("Kubernetes")
}

#[cfg(test)]
mod tests;
