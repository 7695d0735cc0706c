//! Who is let in, what is understood, and that hostile calls change nothing.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
};
use proptest::prelude::*;

use super::*;
use crate::{
    command::fixture,
    model::{
        Board, Check, CheckKind, Group, GroupName, Policy, SourceName,
        heartbeat::HeartbeatQuestion,
        logs::{LogSource, Subject},
    },
    web::{
        BODY_BYTES_MAX, router,
        tests::{Answer, World, send, world_of},
    },
};

const BEAT: &str = "the-token-of-the-beat";
const SHIPPER: &str = "the-token-of-the-shipper";

fn calling(group: Option<&str>, name: &str, kind: CheckKind, question: Question) -> Target {
    let mut target = fixture::target(group, name);
    target.checks = vec![Check {
        kind,
        policy: Policy::default(),
        question,
    }];
    target
}

fn world() -> World {
    let beat = |token: &str| {
        Question::Heartbeat(Arc::new(HeartbeatQuestion {
            every: Duration::from_hours(1),
            grace: Duration::from_mins(5),
            token: Secret::new(token),
        }))
    };
    let subject = |query: &str| Subject {
        query: query.to_owned(),
        streams: Vec::new(),
        lookback: Duration::from_mins(15),
    };
    let store = Question::LogStore(Arc::new(LogStoreQuestion {
        source: Arc::new(LogSource {
            name: SourceName::new("shipper"),
            store: LogStore::Push {
                token: Secret::new(SHIPPER),
            },
            canary: None,
            lag_limit: Duration::from_secs(90),
            reorder_margin: Duration::ZERO,
            startup_grace: Duration::from_mins(2),
            channel: None,
        }),
        subjects: vec![subject("blue"), subject("apps/blue log")],
    }));
    let group = |name: &str| Group {
        name: GroupName::new(name),
        aliases: Vec::new(),
        team: None,
        is_always_active: false,
        is_production: false,
    };
    let plan = fixture::plan_of(
        vec![group("jobs"), group(SOURCES)],
        vec![
            calling(Some("jobs"), "export", CheckKind::Heartbeat, beat(BEAT)),
            calling(None, "backup", CheckKind::Heartbeat, beat(SHIPPER)),
            fixture::target(Some("jobs"), "other"),
            calling(Some(SOURCES), "shipper", CheckKind::LogStore, store),
        ],
    );
    let board = Board::of(&plan, fixture::NOW, None);
    world_of(plan, board, &[])
}

fn request(method: Method, path: &str, token: Option<&str>, body: &str) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/v1/heartbeat/{path}"));
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

async fn post(router: &Router, path: &str, token: Option<&str>, body: &str) -> Answer {
    send(router, request(Method::POST, path, token, body)).await
}

fn beat_of(target: &str, failure: Option<&str>) -> Push {
    Push {
        target: TargetId::new(target),
        news: News::Beat {
            failure: failure.map(String::from),
        },
    }
}

fn line_of(query: &str, millis: Option<i64>, lag_ms: Option<u64>) -> Push {
    Push {
        target: TargetId::new("log source/shipper"),
        news: News::Line {
            query: query.to_owned(),
            written_at: millis.map(Timestamp::from_millis),
            lag: lag_ms.map(Duration::from_millis),
        },
    }
}

#[tokio::test]
async fn a_beat_is_a_get_or_a_post_and_may_tell_of_a_failure() {
    let World {
        state, mut pushed, ..
    } = world();
    let router = router(state);
    let fail = r#"{"state": "fail", "message": "disk\u0000 full <!channel>"}"#;
    for (method, path, body, failure) in [
        (Method::GET, "jobs/export", "", None),
        (Method::POST, "jobs/export", "", None),
        (Method::POST, "jobs/export", " \n", None),
        (Method::POST, "jobs/export?state=ok", "{}", None),
        (Method::GET, "jobs/export?state=fail", "", Some("")),
        (
            Method::POST,
            "jobs/export?state=fail",
            r#"{"state": "ok"}"#,
            Some(""),
        ),
        (
            Method::POST,
            "jobs/export",
            fail,
            Some("disk full <!channel>"),
        ),
        (
            Method::POST,
            "jobs/export",
            r#"{"message": "all well"}"#,
            None,
        ),
    ] {
        let answer = send(&router, request(method.clone(), path, Some(BEAT), body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {path} {body}");
        let push = pushed.try_recv().expect("it was handed on");
        assert_eq!(
            push,
            beat_of("jobs/export", failure),
            "{method} {path} {body}"
        );
    }
    let answer = post(&router, "backup", Some(SHIPPER), "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(pushed.try_recv(), Ok(beat_of("backup", None)));
}

#[tokio::test]
async fn whoever_has_no_token_learns_nothing() {
    let World {
        state, mut pushed, ..
    } = world();
    let router = router(state);
    let mut answers = Vec::new();
    for path in [
        "jobs/export",
        "jobs/other",
        "jobs/none",
        "shipper/blue",
        "none/blue",
        "backup",
        "jobs",
        "%00",
    ] {
        for token in [None, Some(""), Some("wrong"), Some("the-token-of-the-beaT")] {
            for body in ["", "{", r#"{"state": "what"}"#] {
                let answer = post(&router, path, token, body).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {token:?}");
                assert_eq!(answer.headers["www-authenticate"], "Bearer");
                answers.push(answer.body);
            }
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    // Right tokens of something else are wrong ones.
    for (path, token) in [
        ("jobs/export", SHIPPER),
        ("shipper/blue", BEAT),
        ("jobs/other", BEAT),
    ] {
        let answer = post(&router, path, Some(token), "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let mut twice = request(Method::POST, "jobs/export", Some(BEAT), "");
    let value = twice.headers()["authorization"].clone();
    twice.headers_mut().append("authorization", value);
    assert_eq!(send(&router, twice).await.status, StatusCode::UNAUTHORIZED);
    assert!(pushed.try_recv().is_err());
}

#[tokio::test]
async fn what_is_not_understood_is_no_beat() {
    let World {
        state, mut pushed, ..
    } = world();
    let router = router(state);
    let deep = "[".repeat(50_000);
    for (path, body) in [
        ("jobs/export?state=start", ""),
        ("jobs/export?sate=fail", ""),
        ("jobs/export", "fail"),
        ("jobs/export", r#"{"state": "FAIL"}"#),
        ("jobs/export", r#"{"status": "fail"}"#),
        ("jobs/export", r#"{"state": null, "x": 1}"#),
        ("jobs/export", "[]x"),
        ("jobs/export", deep.as_str()),
        ("shipper/blue", "hello"),
        ("shipper/blue", deep.as_str()),
        ("shipper/blue", r#"{"ts": "yesterday"}"#),
        ("shipper/blue", r#"{"ts": -1}"#),
        ("shipper/blue", r#"{"ts": 1e300}"#),
        ("shipper/blue", r#"{"ts": 1700000000, "lag_ms": -4}"#),
        ("shipper/blue", r#"{"time": 1700000000}"#),
        ("shipper/blue", r#"{"ts": [1]}"#),
        ("shipper/blue", "{\"ts\": 1700000000}\n{\"ts\""),
    ] {
        let token = if path.starts_with("jobs") {
            BEAT
        } else {
            SHIPPER
        };
        let answer = post(&router, path, Some(token), body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {body:.40}");
        assert_eq!(answer.error_code(), "not_understood");
        assert!(!answer.body.contains(token));
    }
    let long = format!("{{\"message\": \"{}\"}}", "x".repeat(BODY_BYTES_MAX));
    let answer = post(&router, "jobs/export", Some(BEAT), &long).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    for method in [Method::HEAD, Method::PUT, Method::DELETE] {
        let answer = send(&router, request(method, "jobs/export", Some(BEAT), "")).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    assert!(pushed.try_recv().is_err());
}

#[tokio::test]
async fn a_shipper_tells_of_the_newest_of_its_lines() {
    let World {
        state, mut pushed, ..
    } = world();
    let router = router(state);
    for (path, body, expected) in [
        ("shipper/blue", "", line_of("blue", None, None)),
        (
            "shipper/apps/blue%20log",
            "",
            line_of("apps/blue log", None, None),
        ),
        (
            "shipper/blue",
            r#"{"ts": "2027-01-15T08:00:00.5Z", "lag_ms": 200}"#,
            line_of("blue", Some(1_800_000_000_500), Some(200)),
        ),
        (
            "shipper/blue",
            r#"[{"ts": 1800000000.25}, {"ts": 1800000001000, "lag_ms": 5}, {"ts": "2020-01-01T00:00:00+01:00", "lag_ms": 4}]"#,
            line_of("blue", Some(1_800_000_001_000), Some(5)),
        ),
        (
            "shipper/blue",
            "{\"ts\": 1800000000}\n{\"ts\": 1800000002}\n{\"lag_ms\": 18446744073709551615}\n",
            line_of("blue", Some(1_800_000_002_000), Some(86_400_000)),
        ),
        ("shipper/blue", "[]", line_of("blue", None, None)),
    ] {
        let answer = post(&router, path, Some(SHIPPER), body).await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{path} {body}: {}",
            answer.body
        );
        assert_eq!(pushed.try_recv(), Ok(expected), "{path} {body}");
    }
    let answer = post(&router, "shipper/green", Some(SHIPPER), "").await;
    assert_eq!(answer.error_code(), "no_such_log");
    drop(pushed);
    let answer = post(&router, "shipper/blue", Some(SHIPPER), "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

proptest! {
    #[test]
    fn no_body_panics(body in prop_oneof![
        any::<Vec<u8>>(),
        "[\\[\\]{}\":,0-9.eE+-]{0,60}|(\\{\"(ts|lag_ms|state|message)\": ?[\"0-9a-z.:TZ+-]{0,30}\\}\n?){0,3}".prop_map(String::into_bytes),
    ], query in ".{0,30}") {
        let _ = line(&body);
        if let Ok(Some(words)) = said(Some(&query), &body) {
            prop_assert!(words.chars().count() <= FOREIGN_MAX);
        }
    }
}
