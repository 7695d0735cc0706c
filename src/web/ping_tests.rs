//! Who is let in, what is understood, and that whoever calls is answered when it is stored.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{Method, Request},
};
use proptest::prelude::*;

use super::*;
use crate::{
    command::fixture,
    model::{
        Check, CheckKind, Group, GroupName, Policy, Secret, TargetId,
        job::{GROUP, JobKeys, Rhythm},
        plan::Question,
    },
    web::{
        router,
        tests::{Answer, World, send, world_of},
    },
};

const OWN: &str = "8c6e1e9a-1f0b-4f6f-9a3e-0f6a2b7c9d10";
const SERVER: &str = "the-token-of-the-server";
const KEY: &str = "the-ping-key-of-the-file";

fn job(name: &str, own: Option<&str>) -> Target {
    let mut target = fixture::target(Some(GROUP), name);
    target.checks = vec![Check {
        kind: CheckKind::Job,
        policy: Policy::default(),
        question: Question::Job(Arc::new(JobQuestion {
            rhythm: Rhythm::Every(Duration::from_hours(1)),
            grace: Duration::from_mins(5),
            max_runtime: None,
            third_party: None,
            third_party_exit_codes: Vec::new(),
            told_in: None,
            keys: JobKeys {
                own: own.map(Secret::new),
                server: Some(Secret::new(SERVER)),
                ping: Some(Secret::new(KEY)),
            },
        })),
    }];
    target
}

fn world() -> World {
    let group = Group {
        name: GroupName::new(GROUP),
        aliases: Vec::new(),
        team: None,
        is_always_active: false,
        is_production: false,
    };
    let plan = fixture::plan_of(
        vec![group],
        vec![
            job("hubspot_export", None),
            job("Nightly Backup", Some(OWN)),
            job("a b", None),
            job("a-b", None),
            job("A_B", None),
            fixture::target(None, "api"),
        ],
    );
    let board = Board::of(&plan, fixture::NOW, None);
    world_of(plan, board, &[])
}

async fn call(app: &Router, method: Method, path: &str, token: Option<&str>, body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    send(app, request.body(Body::from(body.to_owned())).unwrap()).await
}

/// What came of a call: the status, and what was handed on.
async fn came_of(world: &mut World, app: &Router, path: &str, token: Option<&str>) -> String {
    let answer = call(app, Method::GET, path, token, "").await;
    let handed_on = match world.pinged.try_recv() {
        Ok((target, ping)) => {
            let took = ping
                .took
                .map_or_else(String::new, |took| format!(" {took:?}"));
            format!(" {target} {:?} {:?}{took}", ping.what, ping.run)
        }
        Err(_) => String::new(),
    };
    format!("{}{handed_on}", answer.status.as_u16())
}

#[expect(clippy::too_many_lines, reason = "a table")]
#[tokio::test]
async fn the_forms_of_healthchecks_are_understood() {
    let mut world = world();
    let app = router(world.state.clone());
    for (path, token, expected) in [
        (
            format!("/ping/{KEY}/hubspot_export"),
            None,
            "200 job/hubspot_export Done \"\"",
        ),
        (
            format!("/ping/{KEY}/hubspot_export/start"),
            None,
            "200 job/hubspot_export Began \"\"",
        ),
        (
            format!("/ping/{KEY}/hubspot_export/fail"),
            None,
            "200 job/hubspot_export Failed(None) \"\"",
        ),
        (
            format!("/ping/{KEY}/hubspot_export/log"),
            None,
            "200 job/hubspot_export Noted \"\"",
        ),
        (
            format!("/ping/{KEY}/hubspot_export/0"),
            None,
            "200 job/hubspot_export Done \"\"",
        ),
        (
            format!("/ping/{KEY}/hubspot_export/3"),
            None,
            "200 job/hubspot_export Failed(Some(3)) \"\"",
        ),
        (format!("/ping/{KEY}/hubspot_export/256"), None, "404"),
        (format!("/ping/{KEY}/hubspot_export/stop"), None, "404"),
        (format!("/ping/{KEY}/hubspot_export/start/x"), None, "404"),
        // A slug is what the name is in paths.
        (
            format!("/ping/{KEY}/nightly-backup/start?create=1"),
            None,
            "200 job/Nightly Backup Began \"\"",
        ),
        (
            format!("/ping/{OWN}/start?rid=AAAA-1"),
            None,
            "200 job/Nightly Backup Began \"aaaa-1\"",
        ),
        (
            format!("/ping/{OWN}"),
            None,
            "200 job/Nightly Backup Done \"\"",
        ),
        (
            String::from("/ping/hubspot_export/fail"),
            Some(SERVER),
            "200 job/hubspot_export Failed(None) \"\"",
        ),
        (
            String::from("/ping/nightly-backup"),
            Some(OWN),
            "200 job/Nightly Backup Done \"\"",
        ),
        // The right name wins over those that are written like it; else nobody can say which is meant.
        (format!("/ping/{KEY}/a-b"), None, "200 job/a-b Done \"\""),
        (format!("/ping/{KEY}/a%20b"), None, "200 job/a b Done \"\""),
        (format!("/ping/{KEY}/A-B"), None, "409"),
        (
            format!("/ping/{KEY}/hubspot_export?rid=no%20words"),
            None,
            "400",
        ),
        (
            format!("/ping/{KEY}/hubspot_export?fault=nobody"),
            None,
            "400",
        ),
        (
            format!("/ping/{KEY}/hubspot_export?took_ms=724000"),
            None,
            "200 job/hubspot_export Done \"\" 724s",
        ),
        (
            format!("/ping/{KEY}/hubspot_export?took_ms=-1"),
            None,
            "400",
        ),
        (
            format!("/ping/{KEY}/hubspot_export?took_ms=99999999999999"),
            None,
            "400",
        ),
    ] {
        let found = came_of(&mut world, &app, &path, token).await;
        assert_eq!(found, expected, "{path}");
    }
}

#[tokio::test]
async fn whoever_does_not_know_the_key_learns_nothing() {
    let mut world = world();
    let app = router(world.state.clone());
    let mut said = Vec::new();
    for (path, token) in [
        ("/ping/hubspot_export", None),
        ("/ping/nothing", None),
        ("/ping/hubspot_export", Some("wrong-token-of-nobody")),
        ("/ping/nothing", Some("wrong-token-of-nobody")),
        // The token of another job opens nothing here.
        ("/ping/hubspot_export", Some(OWN)),
        ("/ping/wrong-key-of-nobody/hubspot_export", None),
        ("/ping/the-token-of-the-server/hubspot_export", None),
        ("/ping/the-ping-key-of-the-file", None),
        ("/ping/the-ping-key-of-the-file/api", None),
        ("/ping//", None),
    ] {
        let answer = call(&app, Method::POST, path, token, "").await;
        said.push((answer.status, answer.body));
    }
    said.dedup();
    assert_eq!(said, [(StatusCode::NOT_FOUND, String::from("not found\n"))]);
    assert!(world.pinged.try_recv().is_err());
}

#[tokio::test]
async fn the_words_of_a_run_are_its_last_lines() {
    let mut world = world();
    let app = router(world.state.clone());
    let path = format!("/ping/{KEY}/hubspot_export/1");
    let long = "x".repeat(5_000);
    for (body, expected) in [
        ("", ""),
        ("one\n\ntwo \u{202e}three\r\n\n", "one · two three"),
        ("a\nb\nc\nd\n", "b · c · d"),
        (
            "{\"message\": \"18 204 rows\", \"fault\": \"third_party\"}",
            "18 204 rows",
        ),
        ("{\"rows\": 3}", "{\"rows\": 3}"),
    ] {
        let answer = call(&app, Method::POST, &path, None, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}");
        let (_, ping) = world.pinged.try_recv().unwrap();
        assert_eq!(ping.said, expected);
        assert_eq!(ping.fault.is_some(), body.contains("third_party"));
    }
    let answer = call(&app, Method::POST, &path, None, &format!("{long}\nthe end")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let (_, ping) = world.pinged.try_recv().unwrap();
    assert!(ping.said.ends_with("the end") && ping.said.chars().count() <= FOREIGN_MAX);
    let huge = "y".repeat(BODY_BYTES_MAX + 1);
    let answer = call(&app, Method::POST, &path, None, &huge).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn head_means_the_same_and_an_end_that_is_not_stored_is_not_confirmed() {
    let mut world = world();
    let app = router(world.state.clone());
    let path = format!("/ping/{KEY}/hubspot_export/start");
    let answer = call(&app, Method::HEAD, &path, None, "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["ping-body-limit"], "10000");
    let (target, ping) = world.pinged.try_recv().unwrap();
    assert_eq!(
        (target, ping.what),
        (TargetId::new("job/hubspot_export"), Pinged::Began)
    );
    // Nobody takes it any more: hekate is ending.
    world.pinged.close();
    while world.pinged.try_recv().is_ok() {}
    let answer = call(&app, Method::POST, &path, None, "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever a body says: its words are one line of at most 300 characters, and nothing breaks.
    #[test]
    fn any_body_becomes_one_line(body in proptest::collection::vec(any::<u8>(), 0..2_000), query in "\\PC{0,60}") {
        if let Ok(ping) = said(Pinged::Done, Some(&query), &body) {
            prop_assert!(ping.said.chars().count() <= FOREIGN_MAX);
            prop_assert_eq!(clean(&ping.said, FOREIGN_MAX), ping.said.clone());
            prop_assert!(ping.run.len() <= RUN_ID_MAX);
        }
    }
}
