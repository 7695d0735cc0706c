//! A server that answers as stores of logs do, and remembers what it was asked.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::Response,
};
use futures_util::stream;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::net::TcpListener;
use url::Url;

use crate::model::{
    Timestamp,
    logs::{
        Canary, CanaryMark, CanaryPath, HttpStore, LogFault, LogSource, LogStore, Reading,
        StoreCredentials, Subject,
    },
    names::SourceName,
    plan::TlsSettings,
};

use super::web::{Tls, Web};

/// What the server was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// `POST /api/search/messages?a=b`
    pub(super) line: String,
    pub(super) headers: http::HeaderMap,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What the server does.
#[derive(Clone, Debug)]
pub(super) enum Does {
    /// A status, a body.
    Says(u16, String),
    /// Begins a good answer and drops the connection.
    Breaks(&'static str),
    /// Never answers.
    Hangs,
}

/// A good answer.
pub(super) fn says(body: impl Into<Text>) -> Does {
    Does::Says(200, body.into().0)
}

/// What can be said: text, or JSON as text.
pub(super) struct Text(String);

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Self(words.to_owned())
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Self(words)
    }
}

impl From<Value> for Text {
    fn from(value: Value) -> Self {
        Self(value.to_string())
    }
}

type Script = Arc<dyn Fn(&Asked) -> Does + Send + Sync>;

/// The server; it ends with the test's runtime.
pub(super) struct StandIn {
    pub(super) url: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    pub(super) async fn with(script: impl Fn(&Asked) -> Does + Send + Sync + 'static) -> Self {
        let script: Script = Arc::new(script);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new()
            .fallback(answer)
            .with_state((script, Arc::clone(&asked)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url: url.parse().unwrap(),
            asked,
        }
    }

    /// What it was asked so far, in order.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The first lines of what it was asked, sorted.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.asked().into_iter().map(|asked| asked.line).collect();
        lines.sort();
        lines
    }

    pub(super) fn http(&self, path: &str, credentials: Option<StoreCredentials>) -> HttpStore {
        let mut url = self.url.clone();
        url.set_path(path);
        HttpStore {
            url,
            credentials,
            headers: Vec::new(),
            tls: TlsSettings::default(),
        }
    }

    pub(super) fn web(&self, path: &str, credentials: Option<StoreCredentials>) -> Web {
        Web::open(&self.http(path, credentials), &Tls::new()).unwrap()
    }
}

async fn answer(
    State((script, asked)): State<(Script, Arc<Mutex<Vec<Asked>>>)>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let one = Asked {
        line: format!("{} {}", head.method, head.uri),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let does = script(&one);
    asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(one);
    match does {
        Does::Says(status, body) => Response::builder()
            .status(status)
            .body(Body::from(body))
            .unwrap(),
        Does::Breaks(body) => {
            let parts = [
                Ok(Bytes::from_static(body.as_bytes())),
                Err(io::Error::other("gone")),
            ];
            Response::new(Body::from_stream(stream::iter(parts)))
        }
        Does::Hangs => std::future::pending().await,
    }
}

/// 2026-08-22T10:00:00Z.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_787_392_800_000);

/// So long before now.
pub(super) fn ago(seconds: u64) -> Timestamp {
    NOW - Duration::from_secs(seconds)
}

pub(super) fn subject(query: &str, streams: &[&str]) -> Subject {
    Subject {
        query: query.to_owned(),
        streams: streams.iter().map(|&stream| stream.to_owned()).collect(),
        lookback: Duration::from_mins(15),
    }
}

/// A canary sent so long before now.
pub(super) fn mark(number: u64, seconds: u64) -> CanaryMark {
    CanaryMark {
        number,
        sent_at: ago(seconds),
    }
}

pub(super) fn source(store: LogStore, via: Option<CanaryPath>) -> LogSource {
    LogSource {
        name: SourceName::new("main"),
        store,
        canary: via.map(|via| Canary {
            via,
            give_up: Duration::from_mins(10),
        }),
        lag_limit: Duration::from_secs(90),
        reorder_margin: Duration::from_secs(10),
        channel: None,
        startup_grace: Duration::ZERO,
    }
}

/// One line for people about what became of a question.
pub(super) fn told(reading: &Result<Reading, LogFault>) -> String {
    match reading {
        Ok(found) => {
            let age = |at: Option<Timestamp>| {
                at.map_or_else(
                    || String::from("-"),
                    |at| format!("{} ms ago", NOW.as_millis() - at.as_millis()),
                )
            };
            let partial = if found.is_partial { " (partial)" } else { "" };
            format!("{}, in {}{partial}", age(found.event), age(found.ingest))
        }
        Err(fault) => format!("{}: {}", fault.kind.as_str(), fault.words),
    }
}

/// Answers that no store gives, and what each of them is.
pub(super) fn strange_answers() -> Vec<(&'static str, Does)> {
    let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(10 * 1024 * 1024));
    vec![
        ("cut in the middle", Does::Breaks("{\"datarows\":[[")),
        ("nothing", says("")),
        ("not JSON", says("OK")),
        ("half of JSON", says("{\"a\":")),
        (
            "a login page",
            says("<!DOCTYPE html><title>Sign in</title>"),
        ),
        ("null", says("null")),
        ("a number", says("7")),
        ("a list", says("[]")),
        ("an empty object", says("{}")),
        ("deep", says("[".repeat(100_000))),
        ("10 MiB", says(huge)),
    ]
}

/// Any JSON, with the words that stores use, so that it gets somewhere.
pub(super) fn any_json(
    words: &'static [&'static str],
) -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (1_787_000_000_000_i64..1_788_000_000_000).prop_map(Value::from),
        Just(Value::from("2026-08-22T09:59:00.000Z")),
        Just(Value::from("9026-08-22T09:59:00.000Z")),
        Just(Value::from("-")),
        proptest::sample::select(words).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        let key = prop_oneof![
            8 => proptest::sample::select(words).prop_map(str::to_owned),
            1 => ".{0,5}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}
