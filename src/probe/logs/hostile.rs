//! Whatever a server answers: no panic, and nothing is believed that lies ahead.

use std::sync::{Arc, Mutex};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::model::logs::{CanaryMark, HttpStore, LogStore, TimeFormat, TimePlace};

use super::{
    FUTURE_MAX, Store,
    stand_in::{NOW, Reply, StandIn, open, subject},
};

/// The words that the stores use, so that random JSON comes past the first look.
const WORDS: [&str; 22] = [
    "status",
    "success",
    "error",
    "errorType",
    "data",
    "resultType",
    "streams",
    "vector",
    "scalar",
    "result",
    "metric",
    "value",
    "values",
    "newest",
    "items",
    "metadata",
    "name",
    "continue",
    "message",
    "warnings",
    "2026-11-22T00:59:30Z",
    "1795309170000000000",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(WORDS.as_slice()).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_map(|number| number.to_string()),
        1 => any::<String>(),
    ]
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        word().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((word(), inner), 0..5)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// An answer of the right shape with anything in its leaves.
fn almost() -> impl Strategy<Value = String> {
    (json(), word(), 0..5_usize).prop_map(|(leaf, word, shape)| {
        let word = serde_json::Value::from(word);
        match shape {
            0 => format!(
                r#"{{"status":"success","data":{{"resultType":"streams","result":[{{"values":[[{word},{leaf}]]}}]}}}}"#
            ),
            1 => format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{leaf},"value":[1,{word}]}}]}}}}"#
            ),
            2 => format!(r#"{{"newest":{word}}}"#),
            3 => format!(r#"{{"items":[{{"metadata":{{"name":{word}}}}}],"metadata":{leaf}}}"#),
            _ => format!(r#"{{"at":{leaf}}}"#),
        }
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        json().prop_map(|json| json.to_string().into_bytes()),
        almost().prop_map(String::into_bytes),
        almost().prop_map(String::into_bytes),
    ]
}

fn stores(http: &HttpStore) -> Vec<LogStore> {
    let mut stores = vec![
        LogStore::Loki {
            http: http.clone(),
            tenant: None,
        },
        LogStore::VictoriaLogs {
            http: http.clone(),
            tenant: None,
        },
        LogStore::Prometheus {
            http: http.clone(),
            is_victoria: true,
        },
        LogStore::Kubernetes(http.clone()),
    ];
    for format in [
        TimeFormat::Text,
        TimeFormat::UnixNanos,
        TimeFormat::AgeSeconds,
    ] {
        stores.push(LogStore::HttpJson {
            http: http.clone(),
            place: TimePlace::Pointer(String::from("/at")),
            format,
        });
    }
    stores
}

async fn ask_everything(stores: &[Arc<dyn Store>]) -> Result<(), TestCaseError> {
    let unseen = [CanaryMark {
        number: 1,
        sent_at: NOW,
    }];
    let subjects = [subject("prod/app=core")];
    for store in stores {
        for reading in store
            .read(&subjects, NOW, crate::probe::logs::ROUND)
            .await
            .into_iter()
            .flatten()
        {
            let latest = reading.event.max(reading.ingest);
            prop_assert!(
                latest.is_none_or(|at| at <= NOW + FUTURE_MAX),
                "{reading:?}"
            );
        }
        let seen = store.find("one", &unseen, NOW).await.unwrap_or_default();
        prop_assert!(seen.len() <= 1);
        if let Some(statement) = store.state(NOW).await {
            prop_assert!(statement.complete_until.is_none_or(|at| at <= NOW));
        }
    }
    Ok(())
}

#[test]
fn no_answer_panics_or_is_of_the_future() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let reply = Arc::new(Mutex::new(Reply::Closed));
    let says = Arc::clone(&reply);
    let stand_in = runtime.block_on(StandIn::start(move |_| says.lock().unwrap().clone()));
    let stores: Vec<_> = stores(&stand_in.http()).into_iter().map(open).collect();
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        cases: 96,
        ..Config::default()
    });
    let statuses = prop::sample::select(vec![200_u16, 200, 200, 200, 400, 404, 422, 429, 503]);
    runner
        .run(&(statuses, body()), |(status, body)| {
            *reply.lock().unwrap() = Reply::Whole {
                status,
                headers: Vec::new(),
                body,
            };
            runtime.block_on(ask_everything(&stores))
        })
        .unwrap();
}
