//! Our own line, sent into a store so that its return proves up to when everything can be searched.
//!
//! It goes the way that the file names: into an input of Graylog, a push, an index, an import, or into a file that a
//! shipper follows, which proves the shipper as well. Every line carries its id, `<monitor>-<number>`, as a field where
//! there are fields and as `hekate_canary=<monitor>-<number>` in its text. That a line was accepted says nothing more than
//! that; stored is what can be found.

mod append;
mod gelf_tcp;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use reqwest::{Method, RequestBuilder, header};
use serde_json::{Value, json};
use url::Url;

use crate::model::{
    logs::{CanaryMark, CanaryPath, HttpStore, LogFault, LogFaultKind, LogSource, LogStore},
    plan::TlsSettings,
};

use self::append::Appender;
use super::{
    elastic, marks,
    web::{Tls, Web, with_json},
};

/// The field that carries a canary's id.
pub(super) const FIELD: &str = "hekate_canary";
/// The metric whose value is the time, in seconds since 1970, at which the newest canary of a monitor was sent.
pub(super) const METRIC: &str = "hekate_canary_sent_timestamp_seconds";
/// A store may stamp a canary with a time of its own; it is looked for from this long before it was sent.
pub(super) const STAMP_LEEWAY: Duration = Duration::from_mins(1);
/// What every canary says, so that whoever meets one knows what it is.
const TEXT: &str = "hekate canary";

/// What is searched for: `<monitor>-<number>`.
pub(super) fn id(monitor: &str, number: u64) -> String {
    format!("{monitor}-{number}")
}

/// Those of the unseen that are among these ids or in the text of these lines, each once, in their order.
pub(super) fn seen(ids: &[&str], lines: &[&str], monitor: &str, unseen: &[CanaryMark]) -> Vec<u64> {
    let shown = marks::seen(lines.iter().copied(), monitor, unseen);
    unseen
        .iter()
        .map(|mark| mark.number)
        .filter(|number| shown.contains(number) || ids.contains(&&*id(monitor, *number)))
        .collect()
}

/// The line of a canary: fixed text, id, number, and when it was sent in nanoseconds since 1970.
pub(super) fn line(monitor: &str, mark: CanaryMark) -> String {
    format!(
        "{TEXT} {}{} number={} sent_ns={}",
        marks::KEY,
        id(monitor, mark.number),
        mark.number,
        nanos(mark)
    )
}

fn nanos(mark: CanaryMark) -> i64 {
    mark.sent_at.as_millis().saturating_mul(1_000_000)
}

/// Seconds since 1970 with three decimals, exactly.
fn seconds(mark: CanaryMark) -> String {
    let millis = mark.sent_at.as_millis().max(0);
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// How canaries get into one store, made ready once.
pub(super) struct Sender {
    way: Option<Result<Way, LogFault>>,
}

enum Way {
    GelfHttp(Web),
    GelfTcp(String),
    Push {
        web: Web,
        tenant: Vec<(&'static str, String)>,
    },
    Index {
        web: Web,
        index: String,
        time_field: String,
    },
    File(Arc<Appender>),
    Import {
        web: Web,
        is_json: bool,
    },
}

impl Sender {
    /// The way that the file names, if it names one; what is wrong with it is said when a canary is sent.
    pub(super) fn open(source: &LogSource, tls: &Tls) -> Self {
        let way = source
            .canary
            .as_ref()
            .map(|canary| Way::open(source, &canary.via, tls));
        Self { way }
    }

    /// Sends one canary. Good means accepted, which is not yet stored.
    pub(super) async fn send(&self, monitor: &str, mark: CanaryMark) -> Result<(), LogFault> {
        match &self.way {
            Some(Ok(way)) => way.send(monitor, mark).await,
            Some(Err(fault)) => Err(fault.clone()),
            None => Err(LogFault::new(
                LogFaultKind::Own,
                "this source has no way for a canary",
            )),
        }
    }
}

impl Way {
    fn open(source: &LogSource, via: &CanaryPath, tls: &Tls) -> Result<Self, LogFault> {
        let store = http_of(&source.store);
        let web = |url: &Url, path: &str| Web::open(&beside(store, url, path), tls);
        Ok(match via {
            CanaryPath::GelfHttp(url) => Self::GelfHttp(web(url, "/gelf")?),
            CanaryPath::GelfTcp(address) => Self::GelfTcp(address.clone()),
            CanaryPath::LokiPush(url) => Self::Push {
                web: web(url, push_path(&source.store))?,
                tenant: tenant(&source.store),
            },
            CanaryPath::ElasticIndex(index) => {
                let LogStore::Elasticsearch {
                    http, time_field, ..
                } = &source.store
                else {
                    return Err(LogFault::new(
                        LogFaultKind::Own,
                        "only Elasticsearch and OpenSearch take a canary into an index",
                    ));
                };
                Self::Index {
                    web: Web::open(http, tls)?,
                    index: index.clone(),
                    time_field: time_field.clone(),
                }
            }
            CanaryPath::File(path) => Self::File(Arc::new(Appender::new(path.clone()))),
            CanaryPath::Import(url) => Self::Import {
                is_json: url.path().trim_end_matches('/').ends_with("/import"),
                web: web(url, "/api/v1/import/prometheus")?,
            },
        })
    }

    async fn send(&self, monitor: &str, mark: CanaryMark) -> Result<(), LogFault> {
        match self {
            Self::GelfHttp(web) => {
                let request = web.request(Method::POST, "");
                post(web, with_json(request, &gelf(monitor, mark)), mark).await
            }
            Self::GelfTcp(address) => {
                gelf_tcp::send(address, &gelf(monitor, mark).to_string()).await
            }
            Self::Push { web, tenant } => {
                let mut request = web.request(Method::POST, "");
                for (name, value) in tenant {
                    request = request.header(*name, value);
                }
                post(web, with_json(request, &push(monitor, mark)), mark).await
            }
            Self::Index {
                web,
                index,
                time_field,
            } => index_document(web, index, time_field, monitor, mark).await,
            Self::File(appender) => {
                let line = document("time", monitor, mark).to_string();
                Arc::clone(appender).append(line).await
            }
            Self::Import { web, is_json } => {
                let request = web.request(Method::POST, "");
                let request = if *is_json {
                    with_json(request, &sample(monitor, mark))
                } else {
                    let monitor = escaped_label(monitor);
                    request
                        .header(header::CONTENT_TYPE, "text/plain")
                        .body(format!(
                            "{METRIC}{{monitor=\"{monitor}\"}} {}\n",
                            seconds(mark)
                        ))
                };
                post(web, request, mark).await
            }
        }
    }
}

/// Every 2xx is an acceptance: 202 of GELF, 204 of a push and an import.
async fn post(web: &Web, request: RequestBuilder, mark: CanaryMark) -> Result<(), LogFault> {
    let answered = web.ask(request, mark.sent_at).await?;
    answered.fault().map_or(Ok(()), Err)
}

/// A document with an id of its own, created and never replaced; one that is there already was accepted before.
async fn index_document(
    web: &Web,
    index: &str,
    time_field: &str,
    monitor: &str,
    mark: CanaryMark,
) -> Result<(), LogFault> {
    let path = format!(
        "/{}/_doc/{}",
        elastic::segment(index),
        elastic::segment(&id(monitor, mark.number))
    );
    let request = web.request_with(Method::PUT, &path, &[("op_type", "create")]);
    let request = with_json(
        elastic::authorized(web, request),
        &document(time_field, monitor, mark),
    );
    let answered = web.ask(request, mark.sent_at).await?;
    if answered.status == StatusCode::CONFLICT {
        return Ok(());
    }
    elastic::fault(&answered).map_or(Ok(()), Err)
}

/// Source: GELF payload specification 1.1; a field of one's own begins with an underline, which the store takes away.
fn gelf(monitor: &str, mark: CanaryMark) -> Value {
    json!({
        "version": "1.1",
        "host": "hekate",
        "short_message": line(monitor, mark),
        "timestamp": exact_seconds(mark),
        "level": 6,
        "_hekate_canary": id(monitor, mark.number),
    })
}

/// Graylog wants a number; a double holds milliseconds of this century exactly enough.
fn exact_seconds(mark: CanaryMark) -> Value {
    serde_json::from_str(&seconds(mark)).unwrap_or_else(|_| json!(mark.sent_at.as_seconds()))
}

/// A stream of our own, so that no query for an application meets it and it can be kept for a short time only.
fn push(monitor: &str, mark: CanaryMark) -> Value {
    json!({
        "streams": [{
            "stream": { "app": "hekate", "hekate_monitor": monitor },
            "values": [[nanos(mark).to_string(), line(monitor, mark)]],
        }],
    })
}

fn document(time_field: &str, monitor: &str, mark: CanaryMark) -> Value {
    let mut document = json!({
        "host": "hekate",
        "message": line(monitor, mark),
        FIELD: id(monitor, mark.number),
    });
    document[time_field] = json!(mark.sent_at.to_string());
    document
}

/// VictoriaMetrics' own form of a sample.
fn sample(monitor: &str, mark: CanaryMark) -> Value {
    json!({
        "metric": { "__name__": METRIC, "monitor": monitor },
        "values": [exact_seconds(mark)],
        "timestamps": [mark.sent_at.as_millis()],
    })
}

fn escaped_label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// How an intake is reached. It often listens on a port of its own, so what we are logged in to the store with goes only
/// to the very server that it is meant for.
fn beside(store: Option<&HttpStore>, url: &Url, path: &str) -> HttpStore {
    let mut url = url.clone();
    if url.path() == "/" {
        url.set_path(path);
    }
    let same = store.filter(|store| store.url.origin() == url.origin());
    HttpStore {
        credentials: same.and_then(|store| store.credentials.clone()),
        headers: same.map(|store| store.headers.clone()).unwrap_or_default(),
        tls: store.map_or_else(TlsSettings::default, |store| store.tls.clone()),
        url,
    }
}

/// Loki's path, and where VictoriaLogs has it.
const fn push_path(store: &LogStore) -> &'static str {
    match store {
        LogStore::VictoriaLogs { .. } => "/insert/loki/api/v1/push",
        LogStore::Graylog(_)
        | LogStore::Elasticsearch { .. }
        | LogStore::Loki { .. }
        | LogStore::Prometheus { .. }
        | LogStore::File { .. }
        | LogStore::Journald { .. }
        | LogStore::JournalGateway(_)
        | LogStore::Docker { .. }
        | LogStore::Kubernetes(_)
        | LogStore::HttpJson { .. }
        | LogStore::Push { .. } => "/loki/api/v1/push",
    }
}

fn tenant(store: &LogStore) -> Vec<(&'static str, String)> {
    match store {
        LogStore::Loki {
            tenant: Some(tenant),
            ..
        } => vec![("X-Scope-OrgID", tenant.clone())],
        LogStore::VictoriaLogs {
            tenant: Some((account, project)),
            ..
        } => vec![
            ("AccountID", account.to_string()),
            ("ProjectID", project.to_string()),
        ],
        LogStore::Graylog(_)
        | LogStore::Elasticsearch { .. }
        | LogStore::Loki { tenant: None, .. }
        | LogStore::VictoriaLogs { tenant: None, .. }
        | LogStore::Prometheus { .. }
        | LogStore::File { .. }
        | LogStore::Journald { .. }
        | LogStore::JournalGateway(_)
        | LogStore::Docker { .. }
        | LogStore::Kubernetes(_)
        | LogStore::HttpJson { .. }
        | LogStore::Push { .. } => Vec::new(),
    }
}

fn http_of(store: &LogStore) -> Option<&HttpStore> {
    match store {
        LogStore::Graylog(http)
        | LogStore::Elasticsearch { http, .. }
        | LogStore::Loki { http, .. }
        | LogStore::VictoriaLogs { http, .. }
        | LogStore::Prometheus { http, .. }
        | LogStore::JournalGateway(http)
        | LogStore::Kubernetes(http)
        | LogStore::HttpJson { http, .. } => Some(http),
        LogStore::File { .. }
        | LogStore::Journald { .. }
        | LogStore::Docker { .. }
        | LogStore::Push { .. } => None,
    }
}
