//! Answers of the query API of Prometheus, and what is special in `VictoriaMetrics`'.
//!
//! Source: <https://prometheus.io/docs/prometheus/latest/querying/api/>

use serde_json::Value;

use crate::model::logs::{LogFault, LogFaultKind};

use crate::probe::logs::web::{Answered, strange};

/// What a query gave.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) samples: Vec<Sample>,
    /// There were warnings: something of it is missing.
    pub(super) is_partial: bool,
}

/// One series at one time.
#[derive(Debug)]
pub(super) struct Sample {
    labels: Value,
    pub(super) value: f64,
}

impl Sample {
    /// The job and the instance that it was scraped from.
    pub(super) fn target(&self) -> Option<(&str, &str)> {
        let label = |name| self.labels.get(name).and_then(Value::as_str);
        label("job").zip(label("instance"))
    }
}

/// Reads an answer of `/api/v1/query`.
pub(super) fn read(answered: &Answered, store: &str) -> Result<Answer, LogFault> {
    let body = answered.json();
    if let Some(fault) = answered.fault() {
        // Proxies answer with pages: then the status has to do.
        return Err(body
            .ok()
            .and_then(|body| refusal(answered, &body))
            .unwrap_or(fault));
    }
    let body = body?;
    let shape = || strange(store);
    if body.get("status").and_then(Value::as_str) != Some("success") {
        return Err(refusal(answered, &body).unwrap_or_else(shape));
    }
    let result = body.pointer("/data/result").ok_or_else(shape)?;
    let samples = match body.pointer("/data/resultType").and_then(Value::as_str) {
        Some("vector") => {
            let series = result.as_array().ok_or_else(shape)?;
            let samples = series.iter().map(|one| {
                Some(Sample {
                    labels: one.get("metric")?.clone(),
                    value: value(one.get("value")?)?,
                })
            });
            samples.collect::<Option<_>>().ok_or_else(shape)?
        }
        Some("scalar") => {
            let value = value(result).ok_or_else(shape)?;
            if value.is_nan() {
                return Err(LogFault::new(
                    LogFaultKind::NotFound,
                    "the query gives NaN: its scalar() finds no series, or more than one",
                ));
            }
            let labels = Value::Null;
            vec![Sample { labels, value }]
        }
        Some("matrix" | "string") => {
            return Err(LogFault::new(
                LogFaultKind::BadQuery,
                "the query gives no single number; one that gives the time of the newest line in seconds is wanted",
            ));
        }
        Some(_) | None => return Err(shape()),
    };
    let warnings = body.get("warnings").and_then(Value::as_array);
    // `VictoriaMetrics` in a cluster says so in a field of its own.
    let says_partial = body.get("isPartial").and_then(Value::as_bool);
    Ok(Answer {
        samples,
        is_partial: warnings.is_some_and(|warnings| !warnings.is_empty())
            || says_partial.unwrap_or_default(),
    })
}

/// `[1795309200.123, "1795309140"]`: when it was asked for, and the number as text.
fn value(pair: &Value) -> Option<f64> {
    match pair.as_array()?.as_slice() {
        // Rust reads `NaN`, `+Inf` and `-Inf` as well.
        [_, Value::String(text)] => text.parse().ok(),
        _ => None,
    }
}

/// The fault behind `{"status":"error","errorType":…,"error":…}`.
fn refusal(answered: &Answered, body: &Value) -> Option<LogFault> {
    let word = |name| body.get(name).and_then(Value::as_str);
    let (class, said) = word("errorType").zip(word("error"))?;
    let status = answered.status.as_u16();
    let kind = match (class, status) {
        (_, 401 | 403) => LogFaultKind::Auth,
        (_, 429) => LogFaultKind::Overloaded,
        ("bad_data" | "execution", _) => LogFaultKind::BadQuery,
        ("timeout" | "canceled" | "internal" | "unavailable", _) | (_, 499..=599) => {
            LogFaultKind::Unreachable
        }
        ("not_found", _) => LogFaultKind::NotFound,
        // `VictoriaMetrics` has this one number for whatever it does not do, its own haste included.
        (_, 422) if said.contains("timeout") || said.contains("deadline") => {
            LogFaultKind::Unreachable
        }
        _ => LogFaultKind::BadQuery,
    };
    Some(LogFault::new(kind, format!("HTTP {status}: {said}")))
}
