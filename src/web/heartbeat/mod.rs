//! Calls from outside: signs of life of targets, and the newest lines of logs whose shippers push.
//!
//! `/v1/heartbeat/<group>/<name>` (or `/v1/heartbeat/<name>`) for a target, `/v1/heartbeat/<source>/<query>` for a log.
//! Whoever calls has to send the token of what is called; to everybody else all names are alike.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Shared, access::has_token, trouble};
use crate::model::{
    Board, Secret, Target, TargetId, Timestamp,
    heartbeat::{News, Push},
    logs::{LogStore, LogStoreQuestion},
    plan::Question,
    text::{FOREIGN_MAX, clean},
};

/// The group in which stores of logs stand on the board.
const SOURCES: &str = "log source";
/// The longest delay that a shipper can tell.
const LAG_MAX: Duration = Duration::from_hours(24);
/// Numbers from here on are milliseconds since 1970, below they are seconds: the year 5138 in the one, 1973 in the other.
const MILLIS_FROM: f64 = 1e11;

/// `GET` or `POST /v1/heartbeat/…`
pub(super) async fn beat(
    State(shared): State<Shared>,
    method: Method,
    Path(whom): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method == Method::HEAD {
        // A link checker, not a sign of life.
        return trouble(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "a beat is a GET or a POST",
        );
    }
    let board = shared.board.load_full();
    let news = match called(&board, &whom, &headers) {
        Called::Nobody => return refused(),
        Called::Target(target) => {
            said(query.as_deref(), &body).map(|failure| (target, News::Beat { failure }))
        }
        Called::NoSuchLog => {
            return trouble(
                StatusCode::NOT_FOUND,
                "no_such_log",
                "no target's `log_freshness` has this query in this log source",
            );
        }
        Called::Log(target, query) => line(&body).map(|(written_at, lag)| {
            let news = News::Line {
                query,
                written_at,
                lag,
            };
            (target, news)
        }),
    };
    let push = match news {
        Ok((target, news)) => Push { target, news },
        Err(why) => return trouble(StatusCode::BAD_REQUEST, "not_understood", &why),
    };
    if (shared.push)(push) {
        Json(json!({ "status": "ok" })).into_response()
    } else {
        trouble(
            StatusCode::SERVICE_UNAVAILABLE,
            "stopping",
            "hekate is stopping",
        )
    }
}

/// Who is called, as far as the caller may know.
enum Called {
    /// Nobody with this token.
    Nobody,
    Target(TargetId),
    Log(TargetId, String),
    /// The token is that of the store, but nobody reads such a log from it.
    NoSuchLog,
}

/// All that may be meant by a path; the token decides.
fn called(board: &Board, whom: &str, headers: &HeaderMap) -> Called {
    // Somebody without a token waits as long for a name that exists as for one that does not.
    let nobody = Secret::new("");
    let target = board.row(&TargetId::new(whom)).map(|row| &row.target);
    let beat = target.and_then(|target| Some((target, token_of(target)?)));
    let is_beat = has_token(headers, beat.map_or(&nobody, |(_, token)| token));
    let (source, query) = whom.split_once('/').unwrap_or((whom, ""));
    let source = TargetId::new(format!("{SOURCES}/{source}"));
    let store = board.row(&source).and_then(|row| store_of(&row.target));
    let is_store = has_token(headers, store.map_or(&nobody, |(_, token)| token));
    match (beat.filter(|_| is_beat), store.filter(|_| is_store)) {
        (Some((target, _)), _) => Called::Target(target.id.clone()),
        (None, Some((store, _))) if store.subjects.iter().any(|subject| subject.query == query) => {
            Called::Log(source, query.to_owned())
        }
        (None, Some(_)) => Called::NoSuchLog,
        (None, None) => Called::Nobody,
    }
}

fn token_of(target: &Target) -> Option<&Secret> {
    let (_, question) = target.heartbeat()?;
    Some(&question.token)
}

fn store_of(target: &Target) -> Option<(&LogStoreQuestion, &Secret)> {
    target
        .checks
        .iter()
        .find_map(|check| match &check.question {
            Question::LogStore(store) => match &store.source.store {
                LogStore::Push { token } => Some((store.as_ref(), token)),
                LogStore::Graylog(_)
                | LogStore::Elasticsearch { .. }
                | LogStore::Loki { .. }
                | LogStore::VictoriaLogs { .. }
                | LogStore::Prometheus { .. }
                | LogStore::File { .. }
                | LogStore::Journald { .. }
                | LogStore::JournalGateway(_)
                | LogStore::Docker { .. }
                | LogStore::Kubernetes(_)
                | LogStore::HttpJson { .. } => None,
            },
            Question::Health(_)
            | Question::Http(_)
            | Question::Metrics(_)
            | Question::Steps(_)
            | Question::LogFreshness(_)
            | Question::Heartbeat(_)
            | Question::Job(_)
            | Question::ErrorBudget(_)
            | Question::Roles(_)
            | Question::Tcp(_)
            | Question::Tls(_)
            | Question::Dns(_)
            | Question::Icmp(_)
            | Question::Websocket(_)
            | Question::Grpc(_) => None,
        })
}

fn refused() -> Response {
    let mut refusal = trouble(
        StatusCode::UNAUTHORIZED,
        "token_wanted",
        "nothing of this name takes this token: Authorization: Bearer …",
    );
    refusal
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    refusal
}

/// What a beat can say in its body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    state: Option<String>,
    message: Option<String>,
}

/// Whether a beat tells of a failure, and in which words; the error is a sentence for people.
fn said(query: Option<&str>, body: &[u8]) -> Result<Option<String>, String> {
    let mut is_failure = false;
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if key != "state" {
            let key = clean(&key, 40);
            return Err(format!(
                "`{key}` is not known; there is `state`, which is `ok` or `fail`"
            ));
        }
        is_failure |= is_fail(&value)?;
    }
    if body.trim_ascii().is_empty() {
        return Ok(is_failure.then(String::new));
    }
    let said: Said = serde_json::from_slice(body).map_err(|_error| {
        String::from(
            "the body is to be empty, or JSON such as {\"state\": \"fail\", \"message\": \"disk full\"}",
        )
    })?;
    if let Some(state) = &said.state {
        is_failure |= is_fail(state)?;
    }
    let message = said.message.unwrap_or_default();
    Ok(is_failure.then(|| clean(&message, FOREIGN_MAX / 2)))
}

fn is_fail(state: &str) -> Result<bool, String> {
    match state {
        "ok" => Ok(false),
        "fail" => Ok(true),
        other => Err(format!(
            "`state` is `ok` or `fail`, not `{}`",
            clean(other, 40)
        )),
    }
}

/// The newest time and the longest delay of all that a shipper says: nothing, one object, an array of them, or one a line.
/// The error is a sentence for people.
fn line(body: &[u8]) -> Result<(Option<Timestamp>, Option<Duration>), String> {
    let wrong = || {
        String::from(
            "the body is to be empty, or JSON such as {\"ts\": \"2026-01-31T12:00:00Z\", \"lag_ms\": 200}, a list of these, \
             or one a line",
        )
    };
    let mut newest = None;
    let mut lag = None;
    for value in serde_json::Deserializer::from_slice(body).into_iter::<Value>() {
        let value = value.map_err(|_error| wrong())?;
        let items = match value {
            Value::Array(items) => items,
            one @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)) => vec![one],
        };
        for item in items {
            let item: Line = serde_json::from_value(item).map_err(|_error| wrong())?;
            if let Some(ts) = &item.ts {
                newest = newest.max(Some(stamp(ts).ok_or_else(wrong)?));
            }
            if let Some(millis) = item.lag_ms {
                lag = lag.max(Some(Duration::from_millis(millis).min(LAG_MAX)));
            }
        }
    }
    Ok((newest, lag))
}

/// One thing that a shipper says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    ts: Option<Value>,
    lag_ms: Option<u64>,
}

/// RFC 3339, or seconds or milliseconds since 1970.
fn stamp(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => {
            let at = DateTime::parse_from_rfc3339(text).ok()?;
            Some(Timestamp::from(at.with_timezone(&Utc)))
        }
        Value::Number(number) => {
            let number = number
                .as_f64()
                .filter(|number| (0.0..1e15).contains(number))?;
            let millis = if number >= MILLIS_FROM {
                number
            } else {
                number * 1_000.0
            };
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it is between 0 and 10^15, and parts of milliseconds are not kept"
            )]
            Some(Timestamp::from_millis(millis as i64))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
