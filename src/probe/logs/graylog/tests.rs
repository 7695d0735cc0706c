use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    state::{Journal, Node, node, statement},
    *,
};
use crate::{
    model::{logs::StoreCredentials, plan::Credentials, secret::Secret},
    probe::logs::stage::{
        Asked, Does, NOW, StandIn, ago, any_json, mark, says, strange_answers, subject, told,
    },
};

/// What Graylog says of itself.
fn greeting(version: &str) -> Does {
    says(json!({
        "cluster_id": "0b14d5b9-93e1-4b3f-8c1a-f6e1b3f3a6e5",
        "node_id": "5ca1ab1e-0000-4000-a000-000000000000",
        "version": version,
        "tagline": "Manage your logs in the dark and have lasers going and make it look like you're from space!",
    }))
}

fn greets(asked: &Asked) -> bool {
    asked.line.ends_with(" /api/")
}

/// One message in the form of the newer search.
fn rows(cells: Value) -> Value {
    let mut said = json!({
        "schema": [
            { "column_type": "field", "type": "date", "field": "timestamp", "name": "field: timestamp" },
            { "column_type": "field", "type": "date", "field": "gl2_receive_timestamp", "name": "field: gl2_receive_timestamp" },
            { "column_type": "field", "type": "date", "field": "gl2_processing_timestamp", "name": "field: gl2_processing_timestamp" },
        ],
        "metadata": { "effective_timerange": { "type": "absolute", "from": "2026-08-22T09:45:00.000Z", "to": "2026-08-22T10:00:30.000Z" } },
    });
    said["datarows"] = cells;
    said
}

fn good_rows() -> Value {
    rows(json!([[
        "2026-08-22T09:59:48.500Z",
        "2026-08-22 09:59:49.000",
        "2026-08-22 09:59:49.250"
    ]]))
}

/// One message in the form of the legacy search.
fn legacy(message: &Value) -> Value {
    json!({
        "query": "level:3",
        "built_query": "{}",
        "used_indices": [],
        "messages": [{ "highlight_ranges": {}, "message": message, "index": "graylog_0" }],
        "fields": ["timestamp"],
        "time": 3,
        "total_results": 1,
        "from": "2026-08-22T09:45:00.000Z",
        "to": "2026-08-22T10:00:30.000Z",
    })
}

fn good_legacy() -> Value {
    legacy(&json!({
        "_id": "a", "timestamp": "2026-08-22T09:59:48.500Z", "gl2_receive_timestamp": "2026-08-22 09:59:49.000"
    }))
}

async fn server(
    version: &'static str,
    search: impl Fn(&Asked) -> Does + Send + Sync + 'static,
) -> StandIn {
    StandIn::with(move |asked| {
        if greets(asked) {
            greeting(version)
        } else {
            search(asked)
        }
    })
    .await
}

fn graylog(server: &StandIn) -> Graylog {
    Graylog::open(server.web("/", None))
}

async fn readings(graylog: &Graylog, subjects: &[Subject]) -> String {
    let readings = graylog.read(subjects, NOW, crate::probe::logs::ROUND).await;
    assert_eq!(readings.len(), subjects.len());
    readings.iter().map(|one| told(one) + "\n").collect()
}

#[tokio::test]
async fn a_new_graylog_is_asked_by_post_with_the_streams_in_the_body() {
    let server = server("6.2.3+0b1c2d3", |_| says(good_rows())).await;
    let graylog = graylog(&server);
    let said = readings(&graylog, &[subject("source:app", &["a1", "b2"])]).await;
    assert_eq!(said, "11500 ms ago, in 11000 ms ago\n");
    assert_eq!(server.lines(), ["GET /api/", "POST /api/search/messages"]);
    let asked = server.asked();
    assert_eq!(asked[1].header("x-requested-by"), "hekate");
    assert_eq!(asked[1].header("accept"), "application/json");
    assert_eq!(asked[1].header("content-type"), "application/json");
    expect![[r#"
        {
          "fields": [
            "timestamp",
            "gl2_receive_timestamp",
            "gl2_processing_timestamp"
          ],
          "from": 0,
          "query": "source:app",
          "size": 1,
          "sort": "timestamp",
          "sort_order": "desc",
          "streams": [
            "a1",
            "b2"
          ],
          "timerange": {
            "from": "2026-08-22T09:45:00.000Z",
            "to": "2026-08-22T10:00:30.000Z",
            "type": "absolute"
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&asked[1].json()).unwrap());
}

#[tokio::test]
async fn an_older_graylog_is_asked_by_the_legacy_search_stream_by_stream() {
    for version in ["2.5.2+34194a8", "3.3.16", "4.3.9+e2c6648", "5.0.13+083613e"] {
        let server = server(version, |asked| {
            if asked.line.contains("filter=streams%3Ab2") {
                says(good_legacy())
            } else {
                says(json!({ "messages": [], "total_results": 0 }))
            }
        })
        .await;
        let said = readings(
            &graylog(&server),
            &[subject("level:<=3 \"a&b\"", &["a1", "b2"])],
        )
        .await;
        assert_eq!(said, "11500 ms ago, in 11000 ms ago\n", "{version}");
        expect![[r#"
            GET /api/
            GET /api/search/universal/absolute?query=level%3A%3C%3D3+%22a%26b%22&from=2026-08-22T09%3A45%3A00.000Z&to=2026-08-22T10%3A00%3A30.000Z&limit=1&offset=0&fields=timestamp%2Cgl2_receive_timestamp%2Cgl2_processing_timestamp&sort=timestamp%3Adesc&decorate=false&filter=streams%3Aa1
            GET /api/search/universal/absolute?query=level%3A%3C%3D3+%22a%26b%22&from=2026-08-22T09%3A45%3A00.000Z&to=2026-08-22T10%3A00%3A30.000Z&limit=1&offset=0&fields=timestamp%2Cgl2_receive_timestamp%2Cgl2_processing_timestamp&sort=timestamp%3Adesc&decorate=false&filter=streams%3Ab2"#]]
        .assert_eq(&server.lines().join("\n"));
    }
}

#[tokio::test]
async fn the_base_address_may_end_with_api_or_not_and_the_api_may_be_at_the_root() {
    let cases = [
        ("/", "/api/", "POST /api/search/messages"),
        ("/api", "/api/", "POST /api/search/messages"),
        ("/api/", "/api/", "POST /api/search/messages"),
        ("/logs", "/logs/api/", "POST /logs/api/search/messages"),
        ("/logs/api", "/logs/api/", "POST /logs/api/search/messages"),
        ("/", "/", "POST /search/messages"),
    ];
    for (base, api, search) in cases {
        let server = StandIn::with(move |asked| {
            if asked.line == format!("GET {api}") {
                greeting("6.0.0-beta.2")
            } else if asked.line.starts_with("POST") {
                says(good_rows())
            } else {
                Does::Says(404, String::from("<html>nothing here</html>"))
            }
        })
        .await;
        let graylog = Graylog::open(server.web(base, None));
        for _ in 0..2 {
            let said = readings(&graylog, &[subject("*", &[])]).await;
            assert_eq!(said, "11500 ms ago, in 11000 ms ago\n", "{base} {api}");
        }
        let lines = server.lines();
        assert_eq!(lines.iter().filter(|line| *line == search).count(), 2);
        let greetings = lines.iter().filter(|line| **line == format!("GET {api}"));
        assert_eq!(greetings.count(), 1, "the greeting is asked for once");
    }
}

#[test]
fn versions_choose_the_search() {
    let dialects = [
        "2.0.0",
        "4.3.15+x",
        "5.0.9",
        "5.1.0-rc.1",
        "5.1",
        "5",
        "6.1.2",
        "10.0.0",
        "dev",
    ]
    .map(|version| {
        let greeting = json!({ "version": version, "node_id": "n" });
        (version, dialect::dialect(&greeting).unwrap())
    });
    let universal: Vec<&str> = dialects
        .iter()
        .filter(|(_, dialect)| *dialect == Dialect::Universal)
        .map(|(version, _)| *version)
        .collect();
    assert_eq!(universal, ["2.0.0", "4.3.15+x", "5.0.9", "5"]);
    assert!(
        dialect::dialect(&json!({ "version": "8.15.0", "tagline": "You Know, for Search" }))
            .is_err()
    );
}

#[tokio::test]
async fn who_we_are_is_said_in_graylogs_ways() {
    let cases = [
        (
            StoreCredentials::Token(Secret::new("t0ken")),
            "Basic dDBrZW46dG9rZW4=",
        ),
        (
            StoreCredentials::Common(Credentials::Basic {
                username: String::from("session-id"),
                password: Secret::new("session"),
            }),
            "Basic c2Vzc2lvbi1pZDpzZXNzaW9u",
        ),
        (
            StoreCredentials::Common(Credentials::Bearer(Secret::new("proxy"))),
            "Bearer proxy",
        ),
    ];
    for (credentials, expected) in cases {
        let server = server("6.1.0", |_| says(good_rows())).await;
        let graylog = Graylog::open(server.web("/", Some(credentials)));
        readings(&graylog, &[subject("*", &[])]).await;
        for asked in server.asked() {
            assert_eq!(asked.header("authorization"), expected, "{}", asked.line);
        }
    }
}

/// One subject is read from a server that searches so.
async fn check(version: &'static str, does: Does, expected: Expect) {
    let server = server(version, move |_| does.clone()).await;
    expected.assert_eq(
        readings(&graylog(&server), &[subject("a AND", &["a1"])])
            .await
            .trim_end(),
    );
}

#[tokio::test]
async fn what_the_newer_search_answers() {
    let new = "6.3.0";
    let future = "2026-08-22T10:00:30.001Z";
    check(new, says(rows(json!([]))), expect!["-, in -"]).await;
    check(
        new,
        says(rows(json!([["2026-08-22T11:59:59.000+02:00", "-", "-"]]))),
        expect!["1000 ms ago, in -"],
    )
    .await;
    check(
        new,
        says(rows(json!([[
            "2026-08-22T11:59:59.000+0200",
            null,
            "2026-08-22 09:59:59.500"
        ]]))),
        expect!["1000 ms ago, in 500 ms ago"],
    )
    .await;
    check(
        new,
        says(rows(json!([["-", "2026-08-22 09:59:59", "-"]]))),
        expect!["-, in 1000 ms ago"],
    )
    .await;
    check(
        new,
        says(rows(json!([["2026-08-22T10:00:30.000Z", "-", "-"]]))),
        expect!["-30000 ms ago, in -"],
    )
    .await;
    check(
        new,
        says(rows(json!([[future, "-", "-"]]))),
        expect!["-, in - (partial)"],
    )
    .await;
    check(
        new,
        says(rows(json!([[1_787_392_799_000_i64, "-", "-"]]))),
        expect!["1000 ms ago, in -"],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_answer_of_the_newer_search() {
    let new = "6.3.0";
    check(
        new,
        says(rows(json!([["-", "-", "-"]]))),
        expect!["unreachable: its newest message carries no time"],
    )
    .await;
    check(
        new,
        says(rows(json!([["yesterday", "-", "-"]]))),
        expect![[r#"unreachable: the time of its newest message is no time: "yesterday""#]],
    )
    .await;
    check(new, says(rows(json!([[["2026-08-22T10:00:00.000Z"], "-", "-"]]))), expect![[r#"unreachable: the time of its newest message is no time: ["2026-08-22T10:00:00.000Z"]"#]]).await;
    check(
        new,
        says(rows(json!([{ "timestamp": 1 }]))),
        expect!["unreachable: a row of its answer is no list"],
    )
    .await;
    check(
        new,
        says(rows(json!({}))),
        expect!["unreachable: its answer is not that of Graylog's search"],
    )
    .await;
    check(
        new,
        says(json!({ "schema": [], "datarows": [["2026-08-22T09:59:59.000Z"]] })),
        expect!["unreachable: its newest message carries no time"],
    )
    .await;
}

#[tokio::test]
async fn what_the_legacy_search_answers() {
    let old = "4.2.1";
    check(
        old,
        says(json!({ "messages": [], "total_results": 0 })),
        expect!["-, in -"],
    )
    .await;
    check(
        old,
        says(legacy(&json!({ "timestamp": "2026-08-22T09:59:59.000Z" }))),
        expect!["1000 ms ago, in -"],
    )
    .await;
    check(
        old,
        says(legacy(&json!({ "timestamp": "2036-08-22T09:59:59.000Z" }))),
        expect!["-, in - (partial)"],
    )
    .await;
    check(
        old,
        says(legacy(&json!("text"))),
        expect!["unreachable: its newest message carries no time"],
    )
    .await;
    check(
        old,
        says(json!({ "messages": null })),
        expect!["unreachable: its answer is not that of Graylog's search"],
    )
    .await;
    let gone = json!({ "type": "ApiError", "message": "Unable to perform search query", "details": ["blocked by: [FORBIDDEN/12]"] });
    check(
        old,
        Does::Says(500, gone.to_string()),
        expect!["unreachable: HTTP 500: Unable to perform search query"],
    )
    .await;
}

#[tokio::test]
async fn errors_have_their_classes() {
    let error = |status, message: &str| {
        Does::Says(
            status,
            json!({ "type": "ApiError", "message": message }).to_string(),
        )
    };
    let new = "6.3.0";
    check(new, error(400, "Failed to obtain results. Elasticsearch exception [type=cluster_block_exception]"), expect!["unreachable: HTTP 400: Failed to obtain results. Elasticsearch exception [type=cluster_block_exception]"]).await;
    check(new, Does::Says(400, json!({ "type": "SearchError", "message": "Cannot parse query", "line": 1, "column": 6, "details": [] }).to_string()), expect!["bad_query: HTTP 400: Cannot parse query (line 1, column 6 of the query)"]).await;
    check(
        new,
        error(401, "Bad credentials"),
        expect!["auth: HTTP 401: Bad credentials"],
    )
    .await;
    check(
        new,
        error(403, "Not authorized to access streams: a1"),
        expect!["auth: HTTP 403: Not authorized to access streams: a1"],
    )
    .await;
    check(
        new,
        error(404, "HTTP 404 Not Found"),
        expect!["not_found: HTTP 404: HTTP 404 Not Found"],
    )
    .await;
    check(
        new,
        error(405, "HTTP 405 Method Not Allowed"),
        expect!["not_found: HTTP 405: HTTP 405 Method Not Allowed"],
    )
    .await;
    check(
        new,
        Does::Says(429, String::new()),
        expect!["overloaded: HTTP 429"],
    )
    .await;
    check(
        new,
        Does::Says(500, String::from("oh\u{202e} no")),
        expect!["unreachable: HTTP 500: oh no"],
    )
    .await;
    check(
        new,
        Does::Says(503, json!({ "message": 7 }).to_string()),
        expect![[r#"unreachable: HTTP 503: {"message":7}"#]],
    )
    .await;
    check(
        new,
        Does::Says(302, String::new()),
        expect!["unreachable: HTTP 302"],
    )
    .await;
}

#[tokio::test]
async fn answers_that_are_not_graylogs_are_no_silence() {
    for (name, does) in strange_answers() {
        for version in ["3.0.0", "6.3.0"] {
            let does = does.clone();
            let server = server(version, move |_| does.clone()).await;
            let found = graylog(&server)
                .read(&[subject("*", &["a"])], NOW, crate::probe::logs::ROUND)
                .await;
            let fault = found[0].clone().unwrap_err();
            assert_eq!(fault.kind, LogFaultKind::Unreachable, "{name}");
        }
        let server = StandIn::with(move |_| does.clone()).await;
        let graylog = graylog(&server);
        let found = graylog
            .read(&[subject("*", &["a"])], NOW, crate::probe::logs::ROUND)
            .await;
        assert_eq!(
            found[0].clone().unwrap_err().kind,
            LogFaultKind::Unreachable,
            "{name}"
        );
        assert_eq!(graylog.state(NOW).await, None, "{name}");
    }
}

#[tokio::test]
async fn a_search_that_hangs_is_left_when_its_time_is_up() {
    let server = server("6.3.0", |_| Does::Hangs).await;
    let graylog = graylog(&server);
    let subjects = [subject("*", &[])];
    let reading = tokio::time::timeout(
        Duration::from_millis(300),
        graylog.read(&subjects, NOW, crate::probe::logs::ROUND),
    );
    assert!(reading.await.is_err());
}

#[tokio::test]
async fn secrets_do_not_come_back_in_words() {
    let server = StandIn::with(|asked| {
        Does::Says(
            401,
            format!("you are {} or t0ken?", asked.header("authorization")),
        )
    })
    .await;
    let token = StoreCredentials::Token(Secret::new("t0ken"));
    let graylog = Graylog::open(server.web("/", Some(token)));
    assert_eq!(
        readings(&graylog, &[subject("*", &[])]).await,
        "auth: HTTP 401: you are Basic (redacted) or (redacted)?\n"
    );
}

#[tokio::test]
async fn each_subject_has_its_own_answer_in_its_own_place() {
    let server = server("6.3.0", |asked| match asked.json()["query"].as_str() {
        Some("bad") => Does::Says(400, String::from("{\"message\":\"no\"}")),
        Some("silent") => says(rows(json!([]))),
        _ => says(good_rows()),
    })
    .await;
    let graylog = graylog(&server);
    let subjects: Vec<Subject> = ["a", "bad", "b", "silent", "c", "d", "e"]
        .map(|query| subject(query, &[]))
        .into();
    expect![[r#"
        11500 ms ago, in 11000 ms ago
        bad_query: HTTP 400: no
        11500 ms ago, in 11000 ms ago
        -, in -
        11500 ms ago, in 11000 ms ago
        11500 ms ago, in 11000 ms ago
        11500 ms ago, in 11000 ms ago
    "#]]
    .assert_eq(&readings(&graylog, &subjects).await);
}

#[tokio::test]
async fn an_upgrade_is_noticed_when_the_old_search_is_gone() {
    let is_new = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let switch = std::sync::Arc::clone(&is_new);
    let server = StandIn::with(move |asked| {
        let is_new = is_new.load(std::sync::atomic::Ordering::SeqCst);
        match (greets(asked), is_new, asked.line.starts_with("POST")) {
            (true, false, _) => greeting("4.3.0"),
            (true, true, _) => greeting("8.0.0"),
            (false, false, false) => says(good_legacy()),
            (false, true, true) => says(good_rows()),
            _ => Does::Says(
                404,
                String::from("{\"type\":\"ApiError\",\"message\":\"HTTP 404 Not Found\"}"),
            ),
        }
    })
    .await;
    let graylog = graylog(&server);
    let ask = [subject("*", &["a"])];
    assert_eq!(
        readings(&graylog, &ask).await,
        "11500 ms ago, in 11000 ms ago\n"
    );
    switch.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(
        readings(&graylog, &ask).await,
        "not_found: HTTP 404: HTTP 404 Not Found\n"
    );
    assert_eq!(
        readings(&graylog, &ask).await,
        "11500 ms ago, in 11000 ms ago\n"
    );
}

#[test]
fn a_line_of_one_stream_is_proof_of_life_whatever_became_of_the_other() {
    let found = Reading {
        event: Some(ago(5)),
        ..Reading::default()
    };
    let older = Reading {
        event: Some(ago(50)),
        ..Reading::default()
    };
    let nothing = Reading::default();
    let fault = LogFault::new(LogFaultKind::Auth, "no");
    assert_eq!(answer::newer(Ok(older), Ok(found)), Ok(found));
    assert_eq!(answer::newer(Ok(nothing), Ok(nothing)), Ok(nothing));
    let partial = Reading {
        is_partial: true,
        ..found
    };
    assert_eq!(answer::newer(Ok(found), Err(fault.clone())), Ok(partial));
    assert_eq!(answer::newer(Err(fault.clone()), Ok(found)), Ok(partial));
    assert_eq!(
        answer::newer(Ok(nothing), Err(fault.clone())),
        Err(fault.clone())
    );
    assert_eq!(answer::newer(Err(fault.clone()), Ok(nothing)), Err(fault));
}

fn canary_rows(cells: Value) -> Value {
    let mut said = json!({
        "schema": [{ "field": "timestamp" }, { "field": "hekate_canary" }, { "field": "message" }],
    });
    said["datarows"] = cells;
    said
}

#[tokio::test]
async fn canaries_are_found_by_their_field_or_in_their_text() {
    let server = server("6.3.0", |_| {
        says(canary_rows(json!([
            ["2026-08-22T09:59:00.000Z", "home-9", "x"],
            [
                "2026-08-22T09:59:00.000Z",
                "-",
                "hekate canary hekate_canary=home-7 number=7 sent_ns=1"
            ],
            ["2026-08-22T09:59:00.000Z", "home-9", "again"],
            ["2026-08-22T09:59:00.000Z", "home-3", "not asked for"],
            [
                "2026-08-22T09:59:00.000Z",
                "other-8",
                "hekate_canary=other-8"
            ],
            ["2026-08-22T09:59:00.000Z", 8, null],
        ])))
    })
    .await;
    let unseen = [mark(7, 120), mark(8, 90), mark(9, 60)];
    let graylog = graylog(&server);
    assert_eq!(graylog.find("home", &unseen, NOW).await, Ok(vec![7, 9]));
    let asked = server.asked()[1].json();
    assert_eq!(
        asked["query"],
        "hekate_canary:(\"home-7\" OR \"home-8\" OR \"home-9\") OR message:(\"hekate_canary=home-7\" OR \"hekate_canary=home-8\" OR \"hekate_canary=home-9\")"
    );
    assert_eq!(asked["timerange"]["from"], ago(180).to_string());
    assert_eq!(
        asked["timerange"]["to"],
        (NOW + Duration::from_secs(30)).to_string()
    );
}

#[tokio::test]
async fn many_canaries_are_looked_for_in_parts_that_fit_into_an_address() {
    let server = server("2.4.0", |asked| {
        let numbers = [1_u64, 55]
            .into_iter()
            .filter(|number| asked.line.contains(&format!("home-{number}%22")));
        let messages: Vec<Value> = numbers
            .map(|number| json!({ "message": { "hekate_canary": format!("home-{number}") } }))
            .collect();
        says(json!({ "messages": messages }))
    })
    .await;
    let unseen: Vec<CanaryMark> = (1..=60).map(|number| mark(number, 600 - number)).collect();
    assert_eq!(
        graylog(&server).find("home", &unseen, NOW).await,
        Ok(vec![1, 55])
    );
    let searches: Vec<usize> = server.asked()[1..]
        .iter()
        .map(|asked| asked.line.len())
        .collect();
    assert_eq!(searches.len(), 2);
    assert!(
        searches.iter().all(|length| *length < 8_000),
        "{searches:?}"
    );
}

/// What a node says of its processing.
fn status(ingest: &str, indexed: &str) -> Value {
    json!({ "receive_times": { "ingest": ingest, "post_processing": indexed, "post_indexing": indexed } })
}

fn journal(waiting: u64, append: u64, read: u64) -> Value {
    json!({
        "enabled": true, "append_events_per_second": append, "read_events_per_second": read,
        "uncommitted_journal_entries": waiting, "journal_size": 1, "journal_size_limit": 5_368_709_120_u64,
        "number_of_segments": 1, "oldest_segment": "2026-08-22T09:00:00.000Z", "journal_config": {},
    })
}

const RECENT: &str = "2026-08-22T09:59:50.000Z";
const OLD: &str = "2026-08-22T09:40:00.000Z";
const NEVER: &str = "1970-01-01T00:00:00.000Z";

#[tokio::test]
async fn a_graylog_with_nothing_to_do_has_everything_searchable_but_the_last_moment() {
    let server = server("6.3.0", |asked| match &*asked.line {
        "GET /api/cluster/processing/status" => says(json!({ "n1": status(NEVER, NEVER), "n2": { "receive_times": { "ingest": OLD, "post_indexing": OLD } } })),
        "GET /api/cluster/n1/journal" | "GET /api/cluster/n2/journal" => says(journal(0, 0, 0)),
        "GET /api/system/lbstatus" => says("ALIVE"),
        line => panic!("{line}"),
    })
    .await;
    let said = graylog(&server).state(NOW).await.unwrap();
    assert_eq!(said.complete_until, Some(ago(33)));
    assert_eq!(said.drains_within, None);
    assert_eq!(said.words, "nothing waits in the journal");
}

#[tokio::test]
async fn a_busy_node_holds_the_watermark_and_says_how_long_it_will_take() {
    let server = server("6.3.0", |asked| match &*asked.line {
        "GET /api/cluster/processing/status" => says(json!({
            "n1": { "call_executed": true, "response": { "code": 200, "entity": status(RECENT, OLD) } },
            "n2": status(RECENT, RECENT),
        })),
        "GET /api/cluster/n1/journal" => says(journal(12_000, 100, 300)),
        "GET /api/cluster/n2/journal" => says(journal(0, 100, 100)),
        "GET /api/system/lbstatus" => Does::Says(429, String::from("THROTTLED")),
        line => panic!("{line}"),
    })
    .await;
    let said = graylog(&server).state(NOW).await.unwrap();
    assert_eq!(said.complete_until, Some(ago(20 * 60 + 30)));
    assert_eq!(said.drains_within, Some(Duration::from_mins(1)));
    assert_eq!(
        said.words,
        "12,000 messages in the journal, it asks for less traffic"
    );
}

#[tokio::test]
async fn without_the_word_of_all_nodes_nothing_is_complete() {
    for (total, complete) in [(1, true), (2, false)] {
        let server = server("2.5.0", move |asked| match &*asked.line {
            "GET /api/system/journal" => says(journal(0, 0, 0)),
            "GET /api/system/cluster/nodes" => says(json!({ "nodes": [], "total": total })),
            "GET /api/system/lbstatus" => Does::Says(503, String::from("DEAD")),
            _ => Does::Says(404, String::from("{}")),
        })
        .await;
        let said = graylog(&server).state(NOW).await.unwrap();
        assert_eq!(said.complete_until.is_some(), complete);
        assert!(
            said.words.ends_with("it asks for no traffic"),
            "{}",
            said.words
        );
        assert_eq!(said.words.contains("not all nodes can be asked"), !complete);
    }
}

#[tokio::test]
async fn a_moment_of_work_does_not_take_back_what_was_complete() {
    let rounds = std::sync::atomic::AtomicU64::new(0);
    let server = server("6.3.0", move |asked| match &*asked.line {
        "GET /api/cluster/processing/status" => says(json!({ "n1": status(RECENT, OLD) })),
        "GET /api/system/journal" => says(journal(
            rounds.fetch_add(1, std::sync::atomic::Ordering::SeqCst),
            0,
            0,
        )),
        _ => says("ALIVE"),
    })
    .await;
    let graylog = graylog(&server);
    let idle = graylog.state(NOW).await.unwrap();
    let later = NOW + Duration::from_secs(30);
    let busy = graylog.state(later).await.unwrap();
    assert_eq!(idle.complete_until, Some(ago(33)));
    assert_eq!(busy.complete_until, idle.complete_until);
    assert_eq!(busy.words, "1 message in the journal");
    // Our clock was set back by an hour: what was said lies in the future now and counts no more.
    let back = graylog.state(ago(3_600)).await.unwrap();
    assert!(back.complete_until.unwrap() < ago(3_600));
}

#[test]
fn what_nodes_say_together() {
    let idle = Node {
        has_answered: true,
        received: Some(ago(2)),
        indexed: Some(ago(2)),
        journal: Some(Journal {
            waiting: 0,
            appended_per_second: 0.0,
            read_per_second: 0.0,
        }),
    };
    let busy = |journal, indexed| Node {
        indexed,
        journal,
        ..idle.clone()
    };
    let waits = |waiting, append, read| {
        Some(Journal {
            waiting,
            appended_per_second: append,
            read_per_second: read,
        })
    };
    let until = |nodes: &[Node]| statement(nodes, Some("ALIVE"), NOW).unwrap();
    assert_eq!(statement(&[], None, NOW), None);
    assert_eq!(statement(&[Node::default()], None, NOW), None);
    assert_eq!(until(&[]).complete_until, None);
    assert_eq!(until(&[idle.clone(), Node::default()]).complete_until, None);
    // The slowest node decides; a node that never indexed anything and has a backlog says nothing.
    assert_eq!(
        until(&[
            busy(waits(5, 1.0, 2.0), Some(ago(100))),
            busy(waits(9, 1.0, 2.0), Some(ago(70)))
        ])
        .complete_until,
        Some(ago(130))
    );
    assert_eq!(
        until(&[idle.clone(), busy(waits(5, 1.0, 2.0), None)]).complete_until,
        None
    );
    // Clocks of nodes may be ahead; nobody can search what is not written yet.
    assert_eq!(
        until(&[busy(
            waits(5, 1.0, 2.0),
            Some(NOW + Duration::from_mins(10))
        )])
        .complete_until,
        Some(ago(33))
    );
    // Without a journal the times have to be equal.
    assert_eq!(
        until(&[busy(None, Some(ago(2)))]).complete_until,
        Some(ago(33))
    );
    assert_eq!(
        until(&[busy(None, Some(ago(9)))]).complete_until,
        Some(ago(39))
    );
    // A backlog that does not shrink has no end.
    assert_eq!(until(&[busy(waits(5, 2.0, 2.0), None)]).drains_within, None);
    assert_eq!(
        until(&[busy(waits(u64::MAX, 0.0, 0.1), None)]).drains_within,
        Some(Duration::from_hours(7 * 24))
    );
}

/// Words that Graylog uses.
const WORDS: &[&str] = &[
    "schema",
    "datarows",
    "field",
    "timestamp",
    "gl2_receive_timestamp",
    "gl2_processing_timestamp",
    "messages",
    "message",
    "hekate_canary",
    "home-7",
    "hekate_canary=home-7",
    "receive_times",
    "ingest",
    "post_indexing",
    "response",
    "entity",
    "uncommitted_journal_entries",
    "append_events_per_second",
    "read_events_per_second",
    "enabled",
    "version",
    "node_id",
    "line",
    "column",
];

fn any_rows() -> impl Strategy<Value = Value> {
    let cell = any_json(WORDS);
    proptest::collection::vec(proptest::collection::vec(cell, 0..4), 0..3)
        .prop_map(|cells| rows(json!(cells)))
}

proptest! {
    #[test]
    fn no_answer_panics_and_no_reading_lies_in_the_future(
        said in prop_oneof![any_json(WORDS), any_rows(), any_json(WORDS).prop_map(|message| legacy(&message))],
    ) {
        for dialect in [Dialect::Messages, Dialect::Universal] {
            if let Ok(found) = answer::reading(dialect, &said, NOW) {
                prop_assert!(found.event <= Some(NOW + FUTURE_MAX));
                prop_assert!(found.ingest <= Some(NOW + FUTURE_MAX));
            }
            let marks = [mark(7, 60)];
            if let Ok(seen) = answer::canaries(dialect, &said, "home", &marks) {
                prop_assert!(seen.is_empty() || seen == [7]);
            }
        }
        let _ = dialect::dialect(&said);
        let one = node(Some(&said), Some(&said));
        if let Some(statement) = statement(&[one], None, NOW) {
            prop_assert!(statement.complete_until < Some(NOW));
        }
    }
}
