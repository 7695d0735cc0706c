//! Whatever a store of logs answers, and whatever a line begins with.

use std::{sync::Arc, time::Duration};

use tokio::runtime::Runtime;

use super::{FUTURE_MAX, Store, docker, file, journal, open_store, web};
use crate::model::{
    Timestamp,
    logs::{
        CanaryMark, HttpStore, LogFault, LogSource, LogStore, Reading, Subject, TimeFormat,
        TimePlace,
    },
    names::SourceName,
    plan::TlsSettings,
};

/// Answers come from memory, so nobody waits for so long.
const LIMIT: Duration = Duration::from_secs(4);
/// 2026-11-22T01:00:00Z, the time of every question.
const NOW: Timestamp = Timestamp::from_millis(1_795_309_200_000);
/// Between the answers to one request and to the next.
const BETWEEN: &[u8] = b"\n---\n";

thread_local! {
    static TLS: web::Tls = web::Tls::new();
    static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime of one thread needs nothing");
}

/// The first byte chooses the store, the second the status; then come its answers, the last of which it repeats.
pub(crate) fn answers(bytes: &[u8]) {
    let [kind, status, rest @ ..] = bytes else {
        return;
    };
    match kind {
        b'd' => {
            return believed(docker::frames::newest(rest, NOW).map(|event| Reading {
                event,
                ..Reading::default()
            }));
        }
        b'J' => return believed(journal::newest(rest, NOW)),
        _ => {}
    }
    let source = source(store(*kind));
    let opened = TLS.with(|tls| open_store(&source, tls));
    let store = opened.expect("all of these can be opened");
    web::rehearse(status_of(*status), parts(rest));
    RUNTIME.with(|runtime| runtime.block_on(ask_everything(&store)));
}

/// The first byte chooses the zone and whether the line is at its end.
pub(crate) fn stamps(bytes: &[u8]) {
    let Some((&how, line)) = bytes.split_first() else {
        return;
    };
    let zones = [
        chrono_tz::UTC,
        chrono_tz::Europe::Prague,
        chrono_tz::America::St_Johns,
        chrono_tz::Pacific::Apia,
    ];
    let zone = zones[usize::from(how >> 1) % zones.len()];
    if let Some(at) = file::of_line(line, how % 2 == 0, zone, NOW) {
        assert!(at <= NOW && at.as_millis() >= 0, "{at:?}");
    }
}

async fn ask_everything(store: &Arc<dyn Store>) {
    let unseen = [CanaryMark {
        number: 1,
        sent_at: NOW,
    }];
    let subject = |query: &str| Subject {
        query: query.to_owned(),
        streams: vec![String::from("5f2a")],
        lookback: Duration::from_mins(15),
    };
    // Only one store takes each for a query, the others say so.
    for query in ["prod/app=core", "up{a=\"b\"}"] {
        for reading in store.read(&[subject(query)], NOW, LIMIT).await {
            believed(reading);
        }
    }
    let seen = store.find("one", &unseen, NOW).await.unwrap_or_default();
    assert!(seen.len() <= 1, "{seen:?}");
    if let Some(statement) = store.state(NOW).await {
        assert!(statement.complete_until.is_none_or(|at| at <= NOW));
    }
}

/// Nothing is believed that lies ahead.
fn believed(reading: Result<Reading, LogFault>) {
    match reading {
        Ok(reading) => {
            let latest = reading.event.max(reading.ingest);
            assert!(
                latest.is_none_or(|at| at <= NOW + FUTURE_MAX),
                "{reading:?}"
            );
        }
        Err(fault) => {
            let is_clean = !fault.words.chars().any(char::is_control);
            assert!(is_clean, "{:?}", fault.words);
        }
    }
}

fn parts(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    while let Some(at) = rest.windows(BETWEEN.len()).position(|five| five == BETWEEN) {
        parts.push(rest[..at].to_vec());
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest.to_vec());
    parts
}

fn status_of(byte: u8) -> u16 {
    match byte {
        b'0' => 404,
        b'1' => 401,
        b'3' => 302,
        b'4' => 400,
        b'5' => 503,
        b'9' => 429,
        b'u' => 422,
        _ => 200,
    }
}

fn store(kind: u8) -> LogStore {
    let http = HttpStore {
        url: "http://127.0.0.1:1/".parse().expect("it is an address"),
        credentials: None,
        headers: Vec::new(),
        tls: TlsSettings::default(),
    };
    let http_json = |http, format| LogStore::HttpJson {
        http,
        place: TimePlace::Pointer(String::from("/at")),
        format,
    };
    match kind {
        b'v' => LogStore::VictoriaLogs { http, tenant: None },
        b'p' | b'q' => LogStore::Prometheus {
            http,
            is_victoria: kind == b'q',
        },
        b'e' => LogStore::Elasticsearch {
            http,
            index: String::from("logs"),
            time_field: String::from("@timestamp"),
            ingest_field: Some(String::from("event.ingested")),
        },
        b'g' => LogStore::Graylog(http),
        b'j' => LogStore::JournalGateway(http),
        b'k' => LogStore::Kubernetes(http),
        b'h' => http_json(http, TimeFormat::Text),
        b'n' => http_json(http, TimeFormat::UnixNanos),
        b'a' => http_json(http, TimeFormat::AgeSeconds),
        _ => LogStore::Loki { http, tenant: None },
    }
}

fn source(store: LogStore) -> LogSource {
    LogSource {
        name: SourceName::new("logs"),
        store,
        canary: None,
        lag_limit: Duration::from_secs(90),
        reorder_margin: Duration::from_secs(10),
        channel: None,
        startup_grace: Duration::ZERO,
    }
}
