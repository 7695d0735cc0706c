use std::sync::atomic::AtomicU64;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::{
    model::{logs::StoreCredentials, secret::Secret},
    probe::logs::stage::{
        Asked, Does, NOW, StandIn, ago, any_json, mark, says, source, strange_answers, subject,
        told,
    },
};

/// What a search answers, with these buckets in place of subjects.
fn found(buckets: &Value) -> Value {
    json!({
        "took": 3,
        "timed_out": false,
        "_shards": { "total": 5, "successful": 5, "skipped": 0, "failed": 0 },
        "hits": { "max_score": null, "hits": [] },
        "aggregations": { "subjects": { "buckets": buckets } },
    })
}

fn bucket(count: u64, millis: &Value) -> Value {
    json!({ "doc_count": count, "event": { "value": millis, "value_as_string": "2026-08-22T09:59:48.500Z" } })
}

/// The same bucket for everything that was asked.
fn buckets(asked: &Asked, bucket: &Value) -> Value {
    let filters = &asked.json()["aggs"]["subjects"]["filters"]["filters"];
    let names = filters.as_object().unwrap().keys().cloned();
    found(&names.map(|name| (name, bucket.clone())).collect())
}

fn newest(seconds: u64) -> Value {
    json!(ago(seconds).as_millis())
}

fn store(server: &StandIn, ingest_field: Option<&str>, via: Option<CanaryPath>) -> Elastic {
    let http = server.http("/", None);
    let store = LogStore::Elasticsearch {
        http,
        index: String::from("logs-*,old/x"),
        time_field: String::from("@timestamp"),
        ingest_field: ingest_field.map(str::to_owned),
    };
    Elastic::open(server.web("/", None), &source(store, via))
}

fn plain(server: &StandIn) -> Elastic {
    store(server, None, None)
}

async fn readings(elastic: &Elastic, subjects: &[Subject]) -> String {
    let readings = elastic.read(subjects, NOW, crate::probe::logs::ROUND).await;
    assert_eq!(readings.len(), subjects.len());
    readings.iter().map(|one| told(one) + "\n").collect()
}

#[tokio::test]
async fn one_question_for_all_subjects_with_every_leniency_turned_off() {
    let server = StandIn::with(|_| {
        says(found(&json!({
            "s1": { "doc_count": 9, "event": { "value": 1_787_392_790_000.0 }, "ingest": { "value": 1.787_392_799_5e12 } },
            "s0": { "doc_count": 0, "event": { "value": null }, "ingest": { "value": null } },
        })))
    })
    .await;
    let elastic = store(&server, Some("event.ingested"), None);
    let mut wide = subject("service:a AND level:error", &[]);
    wide.lookback = Duration::from_hours(1);
    let said = readings(&elastic, &[wide, subject("", &[])]).await;
    assert_eq!(said, "-, in -\n10000 ms ago, in 500 ms ago\n");
    assert_eq!(
        server.lines(),
        [
            "POST /logs-*,old%2Fx/_search?allow_partial_search_results=false&allow_no_indices=false&ignore_unavailable=false"
        ]
    );
    expect![[r#"{"aggs":{"subjects":{"aggs":{"event":{"max":{"field":"@timestamp"}},"ingest":{"max":{"field":"event.ingested"}}},"filters":{"filters":{"s0":{"bool":{"filter":[{"range":{"@timestamp":{"format":"epoch_millis","gte":1787389200000,"lte":1787392830000}}},{"query_string":{"analyze_wildcard":true,"query":"service:a AND level:error"}}]}},"s1":{"bool":{"filter":[{"range":{"@timestamp":{"format":"epoch_millis","gte":1787391900000,"lte":1787392830000}}},{"match_all":{}}]}}}}}},"query":{"bool":{"filter":[{"range":{"@timestamp":{"format":"epoch_millis","gte":1787389200000,"lte":1787392830000}}}]}},"size":0,"timeout":"3s","track_total_hits":false}"#]].assert_eq(&server.asked()[0].body);
}

#[tokio::test]
async fn an_api_key_is_said_in_its_own_way() {
    let server =
        StandIn::with(|asked| Does::Says(401, asked.header("authorization").to_owned())).await;
    let key = StoreCredentials::Token(Secret::new("aWQ6a2V5"));
    let store = LogStore::Elasticsearch {
        http: server.http("/", Some(key.clone())),
        index: String::from("logs"),
        time_field: String::from("@timestamp"),
        ingest_field: None,
    };
    let elastic = Elastic::open(server.web("/", Some(key)), &source(store, None));
    assert_eq!(
        readings(&elastic, &[subject("*", &[])]).await,
        "auth: HTTP 401: ApiKey (redacted)\n"
    );
    assert_eq!(server.asked()[0].header("authorization"), "ApiKey aWQ6a2V5");
}

/// One subject is read from a server that answers so.
async fn check(does: Does, expected: Expect) {
    let server = StandIn::with(move |asked| {
        if asked.line.contains("/_field_caps") {
            says(json!({ "fields": { "@timestamp": { "date": { "searchable": true } } } }))
        } else {
            does.clone()
        }
    })
    .await;
    expected.assert_eq(
        readings(&plain(&server), &[subject("a", &[])])
            .await
            .trim_end(),
    );
}

/// The answer to one subject, changed.
fn changed(place: &str, value: Value) -> Does {
    let mut said = found(&json!({ "s0": bucket(3, &newest(10)) }));
    let (parent, key) = place.rsplit_once('/').unwrap();
    said.pointer_mut(parent).unwrap()[key] = value;
    says(said)
}

#[tokio::test]
async fn what_a_search_answers() {
    let bucket_place = "/aggregations/subjects/buckets/s0";
    check(changed("/took", json!(4)), expect!["10000 ms ago, in -"]).await;
    check(
        changed(bucket_place, bucket(0, &Value::Null)),
        expect!["-, in -"],
    )
    .await;
    check(
        changed("/timed_out", json!(true)),
        expect!["10000 ms ago, in - (partial)"],
    )
    .await;
    check(
        changed("/_shards/failed", json!(1)),
        expect!["10000 ms ago, in - (partial)"],
    )
    .await;
    check(
        changed(
            "/_clusters",
            json!({ "total": 2, "successful": 1, "skipped": 1 }),
        ),
        expect!["10000 ms ago, in - (partial)"],
    )
    .await;
    check(
        changed("/_shards/total", json!(0)),
        expect!["not_found: no index has this name"],
    )
    .await;
    check(
        changed("/hits", json!({ "total": 3, "hits": [] })),
        expect!["10000 ms ago, in -"],
    )
    .await;
    check(
        changed(
            "/hits",
            json!({ "total": { "value": 3, "relation": "eq" }, "hits": [] }),
        ),
        expect!["10000 ms ago, in -"],
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_believed_is_no_silence() {
    let bucket_place = "/aggregations/subjects/buckets/s0";
    let future = json!((NOW + Duration::from_secs(31)).as_millis());
    check(
        changed(bucket_place, bucket(3, &future)),
        expect!["-, in - (partial)"],
    )
    .await;
    check(
        changed(bucket_place, bucket(3, &Value::Null)),
        expect!["unreachable: it found lines, but does not say of when"],
    )
    .await;
    check(
        changed(bucket_place, bucket(3, &json!("2026"))),
        expect![[r#"unreachable: its newest time is no time: "2026""#]],
    )
    .await;
    check(
        changed(bucket_place, bucket(3, &json!(1e300))),
        expect!["unreachable: its newest time is no time: 1e+300"],
    )
    .await;
    check(
        changed(bucket_place, bucket(3, &json!(-1))),
        expect!["unreachable: its newest time is no time: -1"],
    )
    .await;
    check(
        changed(bucket_place, json!([])),
        expect!["unreachable: it does not say how many lines it found"],
    )
    .await;
    check(
        changed("/aggregations/subjects/buckets", json!({})),
        expect!["unreachable: it did not answer this"],
    )
    .await;
    check(
        changed("/aggregations/subjects/buckets", json!([])),
        expect!["unreachable: its answer is not that of a search"],
    )
    .await;
    check(
        changed("/timed_out", Value::Null),
        expect!["unreachable: its answer is not that of a search"],
    )
    .await;
}

fn error(status: u16, kind: &str, reason: &str) -> Does {
    let cause = json!({ "type": kind, "reason": reason });
    let said = json!({
        "error": {
            "root_cause": [cause],
            "type": "search_phase_execution_exception",
            "reason": "all shards failed",
            "phase": "query",
            "grouped": true,
            "failed_shards": [{ "shard": 0, "index": "logs-1", "reason": cause }],
        },
        "status": status,
    });
    Does::Says(status, said.to_string())
}

#[tokio::test]
async fn errors_have_their_classes() {
    check(
        error(
            400,
            "query_shard_exception",
            "Failed to parse query [a AND]",
        ),
        expect!["bad_query: HTTP 400: Failed to parse query [a AND]"],
    )
    .await;
    check(
        error(
            401,
            "security_exception",
            "missing authentication credentials",
        ),
        expect!["auth: HTTP 401: missing authentication credentials"],
    )
    .await;
    check(
        error(
            403,
            "security_exception",
            "action [indices:data/read/search] is unauthorized",
        ),
        expect!["auth: HTTP 403: action [indices:data/read/search] is unauthorized"],
    )
    .await;
    check(
        error(404, "index_not_found_exception", "no such index [logs]"),
        expect!["not_found: HTTP 404: no such index [logs]"],
    )
    .await;
    check(
        error(429, "es_rejected_execution_exception", "rejected execution"),
        expect!["overloaded: HTTP 429: rejected execution"],
    )
    .await;
    check(
        error(503, "circuit_breaking_exception", "[parent] Data too large"),
        expect!["overloaded: HTTP 503: [parent] Data too large"],
    )
    .await;
    check(
        error(503, "no_shard_available_action_exception", "no shard"),
        expect!["unreachable: HTTP 503: no shard"],
    )
    .await;
    check(
        error(500, "null_pointer_exception", ""),
        expect!["unreachable: HTTP 500: null_pointer_exception"],
    )
    .await;
    check(
        Does::Says(
            503,
            String::from("{\"error\":\"Open Distro not initialized\"}"),
        ),
        expect!["unreachable: HTTP 503: Open Distro not initialized"],
    )
    .await;
    check(
        Does::Says(502, String::from("<html>Bad Gateway</html>")),
        expect!["unreachable: HTTP 502: <html>Bad Gateway</html>"],
    )
    .await;
    check(
        Does::Says(429, String::new()),
        expect!["overloaded: HTTP 429"],
    )
    .await;
}

#[tokio::test]
async fn answers_that_are_not_the_stores_are_no_silence() {
    for (name, does) in strange_answers() {
        let server = StandIn::with(move |_| does.clone()).await;
        let elastic = plain(&server);
        let found = elastic
            .read(&[subject("*", &[])], NOW, crate::probe::logs::ROUND)
            .await;
        let fault = found[0].clone().unwrap_err();
        assert_eq!(fault.kind, LogFaultKind::Unreachable, "{name}");
        assert!(
            elastic.find("home", &[mark(1, 60)], NOW).await.is_err(),
            "{name}"
        );
        assert_eq!(elastic.state(NOW).await, None, "{name}");
    }
}

#[tokio::test]
async fn a_search_that_hangs_is_left_when_its_time_is_up() {
    let server = StandIn::with(|_| Does::Hangs).await;
    let elastic = plain(&server);
    let subjects = [subject("*", &[])];
    let reading = tokio::time::timeout(
        Duration::from_millis(300),
        elastic.read(&subjects, NOW, crate::probe::logs::ROUND),
    );
    assert!(reading.await.is_err());
}

#[tokio::test]
async fn a_query_that_is_not_understood_leaves_the_others_their_readings() {
    let server = StandIn::with(|asked| {
        if asked.body.contains("a AND") {
            error(
                400,
                "query_shard_exception",
                "Failed to parse query [a AND]",
            )
        } else {
            says(buckets(asked, &bucket(1, &newest(10))))
        }
    })
    .await;
    let elastic = plain(&server);
    let subjects = ["a", "a AND", "b"].map(|query| subject(query, &[]));
    let expected = "10000 ms ago, in -\nbad_query: HTTP 400: Failed to parse query [a AND]\n10000 ms ago, in -\n";
    assert_eq!(readings(&elastic, &subjects).await, expected);
    assert_eq!(server.lines().len(), 4, "all together, then each apart");
    // From then on the bad one is asked apart, and the rest together.
    assert_eq!(readings(&elastic, &subjects).await, expected);
    assert_eq!(server.lines().len(), 6);
    // When it is no longer wanted, nothing of it is left.
    readings(&elastic, &subjects[..1]).await;
    assert_eq!(server.lines().len(), 7);
    assert!(elastic.misunderstood().is_empty());
}

#[tokio::test]
async fn a_query_that_is_understood_again_is_asked_with_the_others() {
    let asked_so_far = AtomicU64::new(0);
    let server = StandIn::with(move |asked| {
        let number = asked_so_far.fetch_add(1, Ordering::SeqCst);
        if number < 4 && asked.body.contains("host:x") {
            error(400, "query_shard_exception", "failed to create query")
        } else {
            says(buckets(asked, &bucket(1, &newest(10))))
        }
    })
    .await;
    let elastic = plain(&server);
    let subjects = ["a", "host:x"].map(|query| subject(query, &[]));
    assert!(readings(&elastic, &subjects).await.contains("bad_query"));
    for _ in 0..3 {
        readings(&elastic, &subjects).await;
    }
    assert_eq!(
        readings(&elastic, &subjects).await,
        "10000 ms ago, in -\n10000 ms ago, in -\n"
    );
    assert!(elastic.misunderstood().is_empty());
}

#[tokio::test]
async fn a_fleet_is_asked_in_few_questions_and_keeps_its_order() {
    let server = StandIn::with(|asked| {
        let filters = asked.json()["aggs"]["subjects"]["filters"]["filters"].clone();
        let answers = filters.as_object().unwrap().iter().map(|(name, filter)| {
            let query = filter.pointer("/bool/filter/1/query_string/query").unwrap();
            let seconds: u64 = query.as_str().unwrap()[1..].parse().unwrap();
            (name.clone(), bucket(1, &newest(seconds)))
        });
        says(found(&answers.collect()))
    })
    .await;
    let subjects: Vec<Subject> = (1..=250)
        .map(|number| subject(&format!("q{number}"), &[]))
        .collect();
    let readings = plain(&server)
        .read(&subjects, NOW, crate::probe::logs::ROUND)
        .await;
    let expected: Vec<_> = (1..=250).map(|number| Some(ago(number))).collect();
    let events: Vec<_> = readings.into_iter().map(|one| one.unwrap().event).collect();
    assert_eq!(events, expected);
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_field_of_time_that_is_not_there_is_no_silence() {
    let cases = [
        (
            json!({ "fields": {} }),
            "bad_query: the field @timestamp of logs-*,old/x does not exist\n",
        ),
        (
            json!({ "fields": { "@timestamp": { "text": {} } } }),
            "bad_query: the field @timestamp of logs-*,old/x is no date\n",
        ),
        (
            json!({ "fields": { "@timestamp": { "date_nanos": {}, "unmapped": {} } } }),
            "-, in -\n",
        ),
        (
            json!([]),
            "bad_query: the field @timestamp of logs-*,old/x does not exist\n",
        ),
    ];
    for (caps, expected) in cases {
        let server = StandIn::with(move |asked| {
            if asked.line.starts_with("GET") {
                says(caps.clone())
            } else {
                says(buckets(asked, &bucket(0, &Value::Null)))
            }
        })
        .await;
        let elastic = plain(&server);
        assert_eq!(readings(&elastic, &[subject("a", &[])]).await, expected);
        readings(&elastic, &[subject("a", &[])]).await;
        let checks = server
            .lines()
            .iter()
            .filter(|line| line.starts_with("GET"))
            .count();
        assert_eq!(checks, if expected == "-, in -\n" { 1 } else { 2 });
        assert_eq!(
            server.lines()[0],
            "GET /logs-*,old%2Fx/_field_caps?fields=%40timestamp"
        );
    }
}

#[tokio::test]
async fn a_field_that_is_not_there_makes_no_flood_of_questions() {
    let server = StandIn::with(|asked| {
        if asked.line.starts_with("GET") {
            says(json!({ "fields": {} }))
        } else {
            says(buckets(asked, &bucket(0, &Value::Null)))
        }
    })
    .await;
    let elastic = plain(&server);
    let subjects: Vec<Subject> = (0..50)
        .map(|number| subject(&format!("q{number}"), &[]))
        .collect();
    for _ in 0..2 {
        let found = elastic
            .read(&subjects, NOW, crate::probe::logs::ROUND)
            .await;
        assert!(found.iter().all(is_bad_query));
    }
    assert_eq!(
        server.lines().len(),
        4,
        "a search and a look at the field each"
    );
}

#[tokio::test]
async fn canaries_are_found_by_id_by_field_or_in_their_text() {
    let server = StandIn::with(|_| {
        says(json!({
            "timed_out": false, "_shards": { "total": 1, "failed": 0 },
            "hits": { "hits": [
                { "_id": "home-9", "_source": {} },
                { "_id": "x", "_source": { "hekate_canary": "home-7" } },
                { "_id": "y", "_source": { "message": "hekate canary hekate_canary=home-8 number=8" } },
                { "_id": "home-9", "_source": { "hekate_canary": "home-9" } },
                { "_id": "home-1", "_source": {} },
                { "_id": 7, "_source": [] },
                null,
            ] },
        }))
    })
    .await;
    let unseen = [mark(7, 120), mark(8, 90), mark(9, 60), mark(10, 30)];
    let via = CanaryPath::ElasticIndex(String::from("hekate-canary"));
    let elastic = store(&server, None, Some(via));
    assert_eq!(elastic.find("home", &unseen, NOW).await, Ok(vec![7, 8, 9]));
    assert_eq!(elastic.find("home", &[], NOW).await, Ok(vec![]));
    assert!(server.lines()[0].starts_with("POST /hekate-canary/_search?"));
    let asked = server.asked()[0].json();
    assert_eq!(
        asked["query"]["bool"]["should"][0],
        json!({ "ids": { "values": ["home-7", "home-8", "home-9", "home-10"] } })
    );
    assert_eq!(
        asked["query"]["bool"]["filter"][0]["range"]["@timestamp"]["gte"],
        json!(ago(180).as_millis())
    );
}

#[tokio::test]
async fn settings_are_read_once_an_hour_and_claim_nothing() {
    let server = StandIn::with(|_| {
        says(json!({
            "logs-1": { "settings": { "index.refresh_interval": "30s" } },
            "logs-2": { "settings": {} },
        }))
    })
    .await;
    let elastic = plain(&server);
    for minute in [0, 1, 59, 60, 61] {
        let said = elastic
            .state(NOW + Duration::from_secs(minute * 60))
            .await
            .unwrap();
        assert_eq!(said.words, "new lines can be found after 30s");
        assert_eq!((said.complete_until, said.drains_within), (None, None));
    }
    assert_eq!(
        server.lines(),
        ["GET /logs-*,old%2Fx/_settings/index.refresh_interval?flat_settings=true"; 2]
    );
}

#[test]
fn what_settings_say() {
    let words = [
        json!({}),
        json!({ "a": { "settings": { "index": { "refresh_interval": "5s" } } } }),
        json!({ "a": { "settings": { "index.refresh_interval": "5s" } }, "b": { "settings": { "index.refresh_interval": "60s" } } }),
        json!({ "a": { "settings": { "index.refresh_interval": "-1" } } }),
        json!({ "a": { "settings": { "index.refresh_interval": 5 } } }),
        json!([]),
    ]
    .map(|said| answer::refresh(&said).unwrap_or_default());
    assert_eq!(
        words,
        [
            "",
            "new lines can be found after 5s",
            "new lines can be found after 5s or 60s, depending on the index",
            "an index of it does not refresh by itself",
            "",
            "",
        ]
    );
}

/// Words that these stores use.
const WORDS: &[&str] = &[
    "timed_out",
    "_shards",
    "total",
    "failed",
    "_clusters",
    "skipped",
    "aggregations",
    "subjects",
    "buckets",
    "s0",
    "s1",
    "doc_count",
    "event",
    "ingest",
    "value",
    "hits",
    "_id",
    "_source",
    "hekate_canary",
    "message",
    "home-7",
    "hekate_canary=home-7",
    "settings",
    "index.refresh_interval",
    "index",
    "refresh_interval",
];

proptest! {
    #[test]
    fn no_answer_panics_and_no_reading_lies_in_the_future(
        any in any_json(WORDS),
        one in any_json(WORDS),
        count in 0_u64..3,
    ) {
        let near = found(&json!({ "s0": { "doc_count": count, "event": { "value": one }, "ingest": any } }));
        for said in [any, near] {
            for reading in answer::readings(&said, 2, NOW).into_iter().flatten().flatten() {
                prop_assert!(reading.event <= Some(NOW + FUTURE_MAX));
                prop_assert!(reading.ingest <= Some(NOW + FUTURE_MAX));
            }
            if let Ok(seen) = answer::canaries(&said, "home", &[mark(7, 60)]) {
                prop_assert!(seen.is_empty() || seen == [7]);
            }
            let _ = answer::refresh(&said);
        }
    }
}
