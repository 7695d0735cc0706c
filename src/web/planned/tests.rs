//! The routes: who may, what is handed on, and what comes back.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use proptest::prelude::*;
use serde_json::json;
use tokio::sync::oneshot;

use crate::{
    command::fixture,
    model::{
        Secret,
        plan::Matcher,
        planned::{
            Acknowledgement, Agenda, Answer, Done, Length, Person, PlanId, PlanKind, Planned,
            Refused, Wish,
        },
        release::{Announced, Announcement, Release, ReleaseId},
    },
    web::{
        Peer, router,
        tests::{HERE, World, send, world},
    },
};

pub(in crate::web) type Wished = Arc<Mutex<Vec<(Wish, Person)>>>;

/// A world whose engine does whatever is wished, or refuses it.
pub(in crate::web) fn obliging(refused: Option<Refused>) -> (World, Wished) {
    let mut world = world();
    let wished = Wished::default();
    let heard = Arc::clone(&wished);
    world.state.chat.wishes = Arc::new(move |wish, by| {
        let (sender, receiver) = oneshot::channel();
        let answer: Answer = match &refused {
            Some(refused) => Err(refused.clone()),
            None => Ok(done(&wish, &by)),
        };
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push((wish, by));
        sender.send(answer).expect("somebody waits");
        receiver
    });
    (world, wished)
}

fn done(wish: &Wish, by: &Person) -> Done {
    let planned = |kind, targets: &[crate::model::TargetId], release: Option<String>| Planned {
        id: PlanId { kind, number: 41 },
        matcher: Matcher {
            targets: targets.to_vec(),
            ..Matcher::default()
        },
        why: String::from("db restore"),
        release,
        by: by.clone(),
        from: fixture::NOW,
        until: fixture::NOW + std::time::Duration::from_hours(2),
        is_until_recovered: false,
        ended: None,
    };
    match wish {
        Wish::Begin {
            kind,
            targets,
            release,
            ..
        } => Done::Begun {
            planned: planned(*kind, targets, release.clone()),
            but: None,
        },
        Wish::End { id } => Done::Ended(planned(id.kind, &[], None)),
        Wish::HandOver { incident, to } => Done::Acknowledged {
            incident: incident.clone(),
            titles: vec![String::from("master green")],
            acknowledgement: Acknowledgement {
                by: to.clone(),
                at: fixture::NOW,
                why: Some(format!("handed over by {by}")),
            },
        },
        Wish::Split { incident, .. } => Done::Split {
            incident: incident.clone(),
            into: vec![(
                crate::model::IncidentId::new("k7f3"),
                String::from("master green"),
            )],
            is_over: false,
        },
        Wish::GiveBack { incident } => Done::GivenBack {
            incident: incident.clone(),
            titles: vec![String::from("master green")],
        },
        Wish::Announce(said) => announced(said, by),
        Wish::Acknowledge { incident, why, .. } => Done::Acknowledged {
            incident: incident.clone(),
            titles: vec![String::from("master green")],
            acknowledgement: Acknowledgement {
                by: by.clone(),
                at: fixture::NOW,
                why: why.clone(),
            },
        },
    }
}

fn announced(said: &Announcement, by: &Person) -> Done {
    Done::Announced(Box::new(Announced {
        release: Release {
            id: ReleaseId(12),
            title: said.title.clone(),
            targets: said.targets.clone(),
            version: said.version.clone(),
            by: by.clone(),
            changes: said.changes.clone(),
            url: said.url.clone(),
            key: said.key.clone(),
            at: fixture::NOW,
            before: Vec::new(),
            account: None,
            outcome: None,
        },
        is_repeat: said.key.as_deref() == Some("known"),
        deploy: None,
        but: None,
    }))
}

fn request(method: &Method, path: &str, peer: Peer, body: &str) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("Content-Type", "application/json")
        .body(Body::from(body.to_owned()))
        .expect("a request");
    request.extensions_mut().insert(peer);
    request
}

pub(in crate::web) fn heard(wished: &Wished) -> Vec<(Wish, Person)> {
    std::mem::take(&mut *wished.lock().unwrap_or_else(PoisonError::into_inner))
}

const BODY: &str = r#"{"words": "master", "for": "2h", "why": "db restore", "by": "jan@laptop"}"#;

#[tokio::test]
async fn plans_begin_and_end() {
    let (World { state, .. }, wished) = obliging(None);
    let router = router(state);
    for (path, kind, body) in [
        ("/v1/silences", PlanKind::Silence, BODY),
        ("/v1/maintenance", PlanKind::Maintenance, BODY),
        (
            "/v1/deploys",
            PlanKind::Deploy,
            r#"{"words": "green master", "release": "4.18.2"}"#,
        ),
    ] {
        let answer = send(&router, request(&Method::POST, path, HERE, body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        assert_eq!(answer.json()["plan"]["kind"], kind.as_str());
        let [(Wish::Begin { kind: begun, .. }, by)] = &heard(&wished)[..] else {
            panic!("one plan begins");
        };
        assert_eq!(*begun, kind);
        assert_eq!(by.slack_user, None);
        let id = PlanId { kind, number: 41 };
        let one = format!("{path}/{id}?by=eva&format=text");
        let answer = send(&router, request(&Method::DELETE, &one, HERE, "")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(answer.body.contains("has ended"), "{}", answer.body);
        let wished = heard(&wished);
        assert_eq!(wished[0].0, Wish::End { id });
        assert_eq!(wished[0].1.name, "eva");
        let answer = send(&router, request(&Method::GET, path, HERE, "")).await;
        assert_eq!(answer.json()["plans"], json!([]));
    }
}

#[tokio::test]
async fn an_incident_is_taken_on_by_its_id_or_its_target() {
    let (World { state, .. }, wished) = obliging(None);
    let router = router(state);
    for path in [
        "/v1/incidents/k7f2/ack",
        "/v1/incidents/%23k7f2/ack",
        "/v1/incidents/green%20master/ack",
    ] {
        let body = r#"{"why": "I restart it", "by": "jan@laptop"}"#;
        let answer = send(&router, request(&Method::POST, path, HERE, body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let acknowledged = &answer.json()["acknowledged"];
        assert_eq!(acknowledged["by"], "jan@laptop");
        assert_eq!(acknowledged["why"], "I restart it");
        assert_eq!(heard(&wished).len(), 1);
    }
    let path = "/v1/incidents/api/ack";
    let answer = send(&router, request(&Method::POST, path, HERE, "")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer.body.contains("api has no open incident"),
        "{}",
        answer.body
    );
    assert_eq!(heard(&wished), []);
}

#[tokio::test]
async fn an_incident_is_given_back_by_who_is_on_it() {
    let (World { state, .. }, wished) = obliging(None);
    let router = router(state);
    for path in [
        "/v1/incidents/k7f2/ack?by=jan@laptop",
        "/v1/incidents/green%20master/ack?by=jan@laptop",
    ] {
        let answer = send(&router, request(&Method::DELETE, path, HERE, "")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(answer.json()["incident"], "k7f2");
        assert_eq!(answer.json()["acknowledged"], json!(null));
        let [(Wish::GiveBack { incident }, by)] = &heard(&wished)[..] else {
            panic!("it is given back");
        };
        assert_eq!(
            (incident.as_str(), by.name.as_str()),
            ("k7f2", "jan@laptop")
        );
    }
    let path = "/v1/incidents/k7f2/ack?format=text";
    let answer = send(&router, request(&Method::DELETE, path, HERE, "")).await;
    assert!(answer.body.contains("reminders go on"), "{}", answer.body);
    heard(&wished);
    for (path, status) in [
        ("/v1/incidents/api/ack", StatusCode::UNPROCESSABLE_ENTITY),
        ("/v1/incidents/zzzz/ack", StatusCode::UNPROCESSABLE_ENTITY),
        ("/v1/incidents/k7f2/ack?whom=jan", StatusCode::BAD_REQUEST),
    ] {
        let answer = send(&router, request(&Method::DELETE, path, HERE, "")).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    assert_eq!(heard(&wished), []);
}

#[tokio::test]
async fn an_incident_is_split_whole_or_by_the_names_that_are_said() {
    let (World { state, .. }, wished) = obliging(None);
    let router = router(state);
    for (body, wanted) in [
        ("", &[][..]),
        (r#"{"by": "jan"}"#, &[]),
        (
            r#"{"words": "green master, api", "by": "jan"}"#,
            &["master/green", "api"],
        ),
    ] {
        let path = "/v1/incidents/k7f2/split";
        let answer = send(&router, request(&Method::POST, path, HERE, body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}: {}", answer.body);
        assert_eq!(answer.json()["into"][0]["incident"], "k7f3");
        let [(Wish::Split { incident, targets }, _)] = &heard(&wished)[..] else {
            panic!("it is split");
        };
        let targets: Vec<_> = targets.iter().map(crate::model::TargetId::as_str).collect();
        assert_eq!((incident.as_str(), &*targets), ("k7f2", wanted));
    }
    for (path, body, status) in [
        (
            "/v1/incidents/-/split",
            "",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "/v1/incidents/k7f2/split",
            r#"{"words": "nobody"}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "/v1/incidents/k7f2/split",
            r#"{"word": "api"}"#,
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let answer = send(&router, request(&Method::POST, path, HERE, body)).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.body);
        assert!(heard(&wished).is_empty(), "{path} {body}");
    }
}

#[tokio::test]
async fn an_incident_is_handed_over_to_a_name_or_a_user_of_slack() {
    let (World { state, .. }, wished) = obliging(None);
    let router = router(state);
    let path = "/v1/incidents/green%20master/hand-over";
    for (body, name, slack_user) in [
        (r#"{"to": "eva@laptop", "by": "jan"}"#, "eva@laptop", None),
        (r#"{"to": "@U0EVA", "by": "jan"}"#, "@U0EVA", None),
        (
            r#"{"to_slack_user": "U0EVA", "by": "jan"}"#,
            "@U0EVA",
            Some("U0EVA"),
        ),
    ] {
        let answer = send(&router, request(&Method::POST, path, HERE, body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(answer.json()["acknowledged"]["by"], name);
        let [(Wish::HandOver { incident, to }, by)] = &heard(&wished)[..] else {
            panic!("it is handed over");
        };
        assert_eq!((incident.as_str(), by.name.as_str()), ("k7f2", "jan"));
        assert_eq!(
            (to.name.as_str(), to.slack_user.as_deref()),
            (name, slack_user)
        );
    }
    let long = format!(r#"{{"to_slack_user": "U{}"}}"#, "0".repeat(100));
    for body in [
        "",
        r#"{"to": ""}"#,
        r#"{"to": "\u0007 "}"#,
        r#"{"to": "eva", "to_slack_user": "U0EVA"}"#,
        r#"{"to_slack_user": "eva"}"#,
        r#"{"to_slack_user": "S0TEAM"}"#,
        r#"{"to_slack_user": "U0EVA> <!channel"}"#,
        long.as_str(),
    ] {
        let answer = send(&router, request(&Method::POST, path, HERE, body)).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{body}: {}",
            answer.body
        );
        assert_eq!(answer.json()["error"]["code"], "bad_person", "{body}");
    }
    let path = "/v1/incidents/api/hand-over";
    let answer = send(
        &router,
        request(&Method::POST, path, HERE, r#"{"to": "eva"}"#),
    )
    .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(heard(&wished), []);
}

#[tokio::test]
async fn what_is_on_is_listed() {
    let (World { state, .. }, _) = obliging(None);
    let silence = planned_of(PlanKind::Silence);
    state.board.load().agenda.store(Arc::new(Agenda {
        made: vec![Arc::new(silence)],
        ..Agenda::default()
    }));
    let router = router(state);
    let answer = send(&router, request(&Method::GET, "/v1/silences", HERE, "")).await;
    assert_eq!(answer.json()["plans"][0]["id"], "s41");
    assert_eq!(answer.json()["windows"], json!(null));
    let text = send(
        &router,
        request(&Method::GET, "/v1/silences?format=text", HERE, ""),
    )
    .await;
    assert!(
        text.body.starts_with("`s41` 1 target until "),
        "{}",
        text.body
    );
    let answer = send(&router, request(&Method::GET, "/v1/maintenance", HERE, "")).await;
    assert_eq!(answer.json()["plans"], json!([]));
    assert_eq!(answer.json()["windows"], json!([]));
}

fn planned_of(kind: PlanKind) -> Planned {
    let wish = Wish::Begin {
        kind,
        targets: vec![crate::model::TargetId::new("api")],
        length: Length::For(std::time::Duration::from_hours(1)),
        why: String::new(),
        release: None,
    };
    let by = Person {
        name: String::from("jan"),
        slack_user: None,
    };
    match done(&wish, &by) {
        Done::Begun { planned, .. } => planned,
        other @ (Done::Ended(_)
        | Done::Acknowledged { .. }
        | Done::GivenBack { .. }
        | Done::Announced(_)
        | Done::Split { .. }) => {
            panic!("{other:?}")
        }
    }
}

#[tokio::test]
async fn only_whoever_may_read_may_plan_and_no_page_in_a_browser() {
    let (World { state, .. }, wished) = obliging(None);
    let elsewhere = Peer("192.0.2.1:4000".parse().expect("an address"));
    let open = router(state.clone());
    let mut plan = (*state.plan.load_full()).clone();
    plan.server.token = Some(Secret::new("a-token-of-many-characters"));
    state.plan.store(Arc::new(plan));
    let guarded = router(state.clone());
    for (method, path, body) in [
        (Method::POST, "/v1/silences", BODY),
        (Method::DELETE, "/v1/silences/s41", ""),
        (Method::GET, "/v1/silences", ""),
        (Method::POST, "/v1/incidents/k7f2/ack", "{}"),
        (Method::DELETE, "/v1/incidents/k7f2/ack", ""),
        (
            Method::POST,
            "/v1/incidents/k7f2/hand-over",
            r#"{"to": "eva"}"#,
        ),
    ] {
        let answer = send(&guarded, request(&method, path, HERE, body)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let mut plan = (*state.plan.load_full()).clone();
    plan.server.token = None;
    state.plan.store(Arc::new(plan));
    for path in ["/v1/silences", "/v1/maintenance", "/v1/deploys"] {
        let answer = send(&open, request(&Method::POST, path, elsewhere, BODY)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        for kind in ["", "text/plain", "application/x-www-form-urlencoded"] {
            let mut request = request(&Method::POST, path, HERE, BODY);
            if kind.is_empty() {
                request.headers_mut().remove("Content-Type");
            } else {
                let kind = kind.parse().expect("a header");
                request.headers_mut().insert("Content-Type", kind);
            }
            let answer = send(&open, request).await;
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        }
    }
    assert_eq!(heard(&wished), []);
}

#[tokio::test]
async fn what_is_not_understood_or_refused_is_said() {
    let (World { state, .. }, wished) = obliging(None);
    let understanding = router(state);
    for (body, status) in [
        ("", StatusCode::BAD_REQUEST),
        ("[]", StatusCode::BAD_REQUEST),
        (
            r#"{"words": "master", "fro": "2h"}"#,
            StatusCode::BAD_REQUEST,
        ),
        (
            r#"{"words": "master", "for": "ever", "why": "x"}"#,
            StatusCode::BAD_REQUEST,
        ),
        (
            r#"{"words": "", "for": "2h", "why": "x"}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            r#"{"words": "nobody", "for": "2h", "why": "x"}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            r#"{"words": "master", "for": "2h"}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            r#"{"words": "master", "why": "x"}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        let answer = send(
            &understanding,
            request(&Method::POST, "/v1/silences", HERE, body),
        )
        .await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert_eq!(heard(&wished), [], "{body}");
    }
    for path in ["/v1/silences/m3", "/v1/silences/blue", "/v1/silences/s0"] {
        let answer = send(&understanding, request(&Method::DELETE, path, HERE, "")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    for (is_missing, status) in [
        (true, StatusCode::NOT_FOUND),
        (false, StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let refused = Refused {
            is_missing,
            words: String::from("because"),
        };
        let (World { state, .. }, _) = obliging(Some(refused));
        let refusing = router(state);
        let answer = send(
            &refusing,
            request(&Method::POST, "/v1/silences", HERE, BODY),
        )
        .await;
        assert_eq!(answer.status, status);
        assert!(answer.body.contains("because"), "{}", answer.body);
    }
    // An engine that is gone.
    let World { state, .. } = world();
    let alone = router(state);
    let answer = send(&alone, request(&Method::POST, "/v1/silences", HERE, BODY)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is sent: an answer, and no wish of anybody without a name.
    #[test]
    fn whatever_is_sent_is_answered(body in proptest::collection::vec(any::<u8>(), 0..200), words in ".{0,40}", by in ".{0,200}") {
        let (World { state, .. }, wished) = obliging(None);
        let router = router(state);
        let named = json!({ "words": words, "for": "2h", "why": words, "by": by }).to_string();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        for body in [String::from_utf8_lossy(&body).into_owned(), named] {
            let answer = runtime.block_on(send(&router, request(&Method::POST, "/v1/silences", HERE, &body)));
            prop_assert!(answer.status.is_client_error() || answer.status == StatusCode::CREATED);
        }
        for (wish, by) in heard(&wished) {
            prop_assert!(!by.name.is_empty() && by.name.chars().count() <= 80);
            let Wish::Begin { targets, .. } = wish else { panic!("it was to begin") };
            prop_assert!(!targets.is_empty());
        }
    }
}
