//! The listener as others meet it: the routes by themselves, and the real thing over sockets.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::ArcSwap;
use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, StatusCode},
    middleware,
    routing::get,
};
use futures_util::stream;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use super::{
    BODY_BYTES_MAX, Peer, Pulse, Reload, State, guard, router, router_with,
    serve::{LIMITS, Limits, listen, serve_within},
};
use crate::{
    chat::{Chat, Readers},
    clock::Clock,
    command::fixture,
    model::{
        Board, ChannelName, Incident, IncidentId, Plan, Secret, Severity, TargetId, Tick,
        Timestamp, Told, Verdict,
        board::Ourselves,
        heartbeat::Push,
        job::Ping,
        lapse::{Lapse, LapseKind},
    },
    slack::signature::sign,
    telemetry::Metrics,
};

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const NEXT_SECRET: &str = "the-one-that-will-follow";
const FORM: &str = "team_id=T1&team_domain=a&channel_id=C1&channel_name=b&user_id=U1&user_name=c\
                    &command=%2Froih&text=status+green&trigger_id=1.2&api_app_id=A1";

/// A program on this machine.
pub(super) const HERE: Peer = Peer(SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    40_000,
));

/// A listener's state and the other ends of its doors.
pub(super) struct World {
    pub(super) state: State,
    reloads: mpsc::Receiver<Reload>,
    pub(super) pushed: mpsc::UnboundedReceiver<Push>,
    pub(super) pinged: mpsc::UnboundedReceiver<(TargetId, Ping)>,
}

pub(super) fn world() -> World {
    world_of(fixture::plan(), fixture::board(), &[SECRET, NEXT_SECRET])
}

pub(super) fn world_of(mut plan: Plan, board: Board, secrets: &[&str]) -> World {
    plan.slack.signing_secrets = secrets.iter().map(|text| Secret::new(*text)).collect();
    let (reload, reloads) = mpsc::channel(1);
    let (pushes, pushed) = mpsc::unbounded_channel();
    let (pings, pinged) = mpsc::unbounded_channel();
    let state = State {
        chat: Chat {
            board: Arc::new(ArcSwap::from_pointee(board)),
            plan: Arc::new(ArcSwap::from_pointee(plan)),
            metrics: Arc::new(Metrics::new()),
            clock: Clock::start(),
            incidents: Arc::new(|_: &_| Ok(None)),
            histories: Arc::new(|id: &_, _, _| Ok(fixture::transitions(TargetId::as_str(id)))),
            measures: Arc::new(|_: &_, _| Ok(Vec::new())),
            glances: Arc::new(|_| tokio::sync::oneshot::channel().1),
            by_hand: Arc::default(),
            wishes: Arc::new(|_, _| tokio::sync::oneshot::channel().1),
            orders: Arc::new(|_, _| tokio::sync::oneshot::channel().1),
            marked: Arc::new(|_| {}),
            readers: Readers::default(),
            sender: sender(),
            tell: Arc::new(|_| {}),
            losses: Arc::default(),
            pressed: Arc::default(),
            hall: Arc::default(),
            members: Arc::default(),
            turn: Arc::default(),
        },
        pulse: Arc::new(Pulse::new(Duration::from_hours(1))),
        reload,
        push: Arc::new(move |push| pushes.send(push).is_ok()),
        ping: Arc::new(move |target, ping| {
            let (stored, answer) = tokio::sync::oneshot::channel();
            if pings.send((target, ping)).is_ok() {
                let _ = stored.send(());
            }
            answer
        }),
        role_said: Arc::new(|_, _| {}),
        measures_each: Arc::new(|_: &_, _: &_| Ok(Vec::new())),
        times_answers: Arc::new(|_: &_, _, _: &_| Ok(Vec::new())),
        past: Arc::new(|_, _| Ok(Vec::new())),
    };
    World {
        state,
        reloads,
        pushed,
        pinged,
    }
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    pub(super) fn error_code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .expect("there is an error with a code")
            .to_owned()
    }
}

pub(super) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router
        .clone()
        .call(request)
        .await
        .expect("a router always answers");
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.expect("the body ends").to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(bytes.to_vec()).expect("the body is text"),
    }
}

pub(super) async fn get_of(router: &Router, path: &str) -> Answer {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    request.extensions_mut().insert(HERE);
    send(router, request).await
}

fn now_seconds(state: &State, shift: i64) -> String {
    (state.clock.now().at.as_seconds() + shift).to_string()
}

/// What Slack would send.
fn signed(secret: &str, timestamp: &str, body: &str) -> Request<Body> {
    let signature = sign(&Secret::new(secret), timestamp, body.as_bytes());
    Request::post("/slack/command")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("X-Slack-Request-Timestamp", timestamp)
        .header("X-Slack-Signature", signature)
        .body(Body::from(body.to_owned()))
        .unwrap()
}

#[tokio::test]
async fn slack_is_answered_to_the_asker_alone() {
    let World { state, .. } = world();
    let timestamp = now_seconds(&state, 0);
    let router = router(state);
    let answer = send(&router, signed(SECRET, &timestamp, FORM)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "application/json");
    let body = answer.json();
    assert_eq!(body["response_type"], "ephemeral");
    let text = body["text"].as_str().unwrap();
    assert!(text.contains("master green"), "{text}");
    assert!(
        body["blocks"]
            .as_array()
            .is_some_and(|blocks| !blocks.is_empty())
    );
}

#[tokio::test]
async fn either_of_two_secrets_will_do() {
    let World { state, .. } = world();
    let timestamp = now_seconds(&state, 0);
    let router = router(state);
    for secret in [SECRET, NEXT_SECRET] {
        let answer = send(&router, signed(secret, &timestamp, FORM)).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn without_a_secret_there_is_no_such_route() {
    let World { state, .. } = world_of(fixture::plan(), fixture::board(), &[]);
    let timestamp = now_seconds(&state, 0);
    let router = router(state);
    let answer = send(&router, signed("", &timestamp, FORM)).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.body, get_of(&router, "/no/such/route").await.body);
}

/// Every way in which a request can be not Slack's.
fn forgeries(state: &State) -> Vec<(&'static str, Request<Body>)> {
    let timestamp = now_seconds(state, 0);
    let right = || signed(SECRET, &timestamp, FORM);
    let with = |name: &'static str, value: String| {
        let mut request = right();
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let without = |name| {
        let mut request = right();
        request.headers_mut().remove(name);
        request
    };
    let twice = |name| {
        let mut request = right();
        let value = request.headers()[name].clone();
        request.headers_mut().append(name, value);
        request
    };
    let signature = right().headers()["x-slack-signature"]
        .to_str()
        .unwrap()
        .to_owned();
    let mut other_body = right();
    *other_body.body_mut() = Body::from(FORM.replace("green", "blue"));
    let ssl_check = Request::post("/slack/command").body(Body::from("ssl_check=1&token=x"));
    let (time, proof) = ("x-slack-request-timestamp", "x-slack-signature");
    vec![
        (
            "unsigned",
            Request::post("/slack/command")
                .body(Body::from(FORM))
                .unwrap(),
        ),
        ("an unsigned ssl_check", ssl_check.unwrap()),
        ("no timestamp", without(time)),
        ("no signature", without(proof)),
        ("two timestamps", twice(time)),
        ("two signatures", twice(proof)),
        ("another secret", signed("another", &timestamp, FORM)),
        ("an empty secret", signed("", &timestamp, FORM)),
        ("too old", signed(SECRET, &now_seconds(state, -302), FORM)),
        (
            "from the future",
            signed(SECRET, &now_seconds(state, 302), FORM),
        ),
        ("a timestamp that is no number", signed(SECRET, "now", FORM)),
        ("an empty timestamp", signed(SECRET, "", FORM)),
        (
            "a timestamp with a sign",
            signed(SECRET, &format!("+{timestamp}"), FORM),
        ),
        ("another timestamp", with(time, now_seconds(state, -1))),
        (
            "a signature of another version",
            with(proof, signature.replace("v0", "v1")),
        ),
        (
            "a signature in capitals",
            with(proof, signature.to_uppercase()),
        ),
        ("a short signature", with(proof, signature[..40].to_owned())),
        ("a signature that is no text", {
            let mut request = right();
            let value = http::HeaderValue::from_bytes(b"v0=\xff\xfe").unwrap();
            request.headers_mut().insert(proof, value);
            request
        }),
        ("another body", other_body),
    ]
}

#[tokio::test]
async fn whatever_is_wrong_with_a_signature_the_refusal_is_the_same() {
    let World { state, .. } = world();
    let router = router(state.clone());
    let mut bodies = HashSet::new();
    for (why, request) in forgeries(&state) {
        let answer = send(&router, request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{why}");
        bodies.insert(answer.body);
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    // None of them has used up the signature of the true one.
    let answer = send(&router, signed(SECRET, &now_seconds(&state, 0), FORM)).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_captured_request_works_only_once() {
    let World { state, .. } = world();
    let timestamp = now_seconds(&state, 0);
    let router = router(state);
    let first = send(&router, signed(SECRET, &timestamp, FORM)).await;
    let second = send(&router, signed(SECRET, &timestamp, FORM)).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(second.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_body_is_read_up_to_its_limit() {
    let World { state, .. } = world();
    let timestamp = now_seconds(&state, 0);
    let router = router(state);
    let room = BODY_BYTES_MAX - FORM.len() - "&x=".len();
    let fits = format!("{FORM}&x={}", "a".repeat(room));
    let answer = send(&router, signed(SECRET, &timestamp, &fits)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let too_long = format!("{fits}a");
    let answer = send(&router, signed(SECRET, &timestamp, &too_long)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_signed_body_that_is_no_command_is_said_so() {
    let World { state, .. } = world();
    let timestamp = now_seconds(&state, 0);
    let router = router(state);
    for body in ["", "ssl_check=1", "command=%2Froih", "\u{0}\u{ffff}=="] {
        let answer = send(&router, signed(SECRET, &timestamp, body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.error_code(), "bad_command");
    }
}

/// What is made to be looked at; it says itself how long a browser may keep it.
const FOR_BROWSERS: [&str; 4] = ["/", "/page.css", "/page.js", "/badge/all.svg"];

const ROUTES: [(&str, Method); 14] = [
    ("/", Method::GET),
    ("/page.css", Method::GET),
    ("/page.js", Method::GET),
    ("/badge/all.svg", Method::GET),
    ("/slack/command", Method::POST),
    ("/healthz", Method::GET),
    ("/readyz", Method::GET),
    ("/metrics", Method::GET),
    ("/-/reload", Method::POST),
    ("/api/v1/status", Method::GET),
    ("/api/v1/suggest", Method::GET),
    ("/api/v1/lapses", Method::GET),
    ("/api/v1/targets/api/explain", Method::GET),
    ("/api/v1/targets/api/history", Method::GET),
];

#[tokio::test]
async fn every_route_refuses_other_methods() {
    let World { state, .. } = world();
    let router = router(state);
    for (path, method) in ROUTES {
        for other in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
            Method::TRACE,
        ] {
            if other == method {
                continue;
            }
            let request = Request::builder()
                .method(&other)
                .uri(path)
                .body(Body::empty());
            let answer = send(&router, request.unwrap()).await;
            assert_eq!(
                answer.status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{other} {path}"
            );
            assert_eq!(answer.error_code(), "method_not_allowed");
        }
    }
}

#[tokio::test]
async fn every_answer_is_of_no_use_to_a_browser() {
    let World { state, .. } = world();
    let router = router(state);
    let paths = ROUTES.map(|(path, _)| path);
    for path in paths
        .into_iter()
        .filter(|path| !FOR_BROWSERS.contains(path))
        .chain(["/nothing", "/api/v1/targets/nobody/explain"])
    {
        let answer = get_of(&router, path).await;
        assert_eq!(
            answer.headers["x-content-type-options"], "nosniff",
            "{path}"
        );
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        assert!(
            !answer.headers["content-type"]
                .to_str()
                .unwrap()
                .contains("html")
        );
    }
}

#[tokio::test]
async fn nothing_secret_leaves_by_any_route() {
    let World { state, .. } = world();
    let router = router(state);
    for (path, _) in ROUTES {
        for path in [path.to_owned(), format!("{path}?format=text")] {
            let answer = get_of(&router, &path).await;
            for secret in [
                SECRET,
                NEXT_SECRET,
                "do-not-show",
                "secret-host",
                "hooks.slack",
            ] {
                assert!(!answer.body.contains(secret), "{secret} by {path}");
            }
        }
    }
}

#[tokio::test]
async fn alive_is_who_turns() {
    let World { mut state, .. } = world();
    state.pulse = Arc::new(Pulse::new(Duration::ZERO));
    let router = router(state.clone());
    let answer = get_of(&router, "/healthz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["status"], "stuck");
    state.pulse.beat(Tick::from_micros(u64::MAX));
    let answer = get_of(&router, "/healthz").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["status"], "ok");
}

#[tokio::test]
async fn ready_is_who_has_seen_all_and_can_remember() {
    let World { state, .. } = world();
    let router = router(state.clone());
    let answer = get_of(&router, "/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["first_round"], false);

    let board = state.board.load_full();
    for row in &board.rows {
        row.set_looked(fixture::NOW, Duration::from_millis(1));
    }
    assert_eq!(get_of(&router, "/readyz").await.status, StatusCode::OK);

    // A target that the file gains later does not take readiness away.
    let mut plan = fixture::plan();
    plan.targets.push(Arc::new(fixture::target(None, "later")));
    let grown = Board::of(&plan, fixture::NOW, Some(&board));
    state.board.store(Arc::new(grown));
    assert_eq!(get_of(&router, "/readyz").await.status, StatusCode::OK);

    board.ourselves.store(Arc::new(Ourselves {
        store_trouble: Some((String::from("disk full"), fixture::NOW)),
        ..Ourselves::default()
    }));
    let answer = get_of(&router, "/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["store"], false);
}

#[tokio::test]
async fn status_is_given_as_json_and_as_text() {
    let World { state, .. } = world();
    let router = router(state);
    let answer = get_of(&router, "/api/v1/status?words=master").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["counts"]["down"], 1);
    assert_eq!(answer.json()["targets"][1]["id"], "master/green");
    assert_eq!(answer.json()["selection"], "master");

    let answer = get_of(&router, "/api/v1/status?words=master&format=text").await;
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    assert!(answer.body.contains("✖ down"), "{}", answer.body);
    assert!(!answer.body.contains('\u{1b}'));
    let answer = get_of(&router, "/api/v1/status?format=text&color=true").await;
    assert!(answer.body.contains("\u{1b}[31m"));
}

#[tokio::test]
async fn lapses_are_given_since_any_time() {
    let World { state, .. } = world();
    let lapse = Lapse {
        from: fixture::NOW,
        until: None,
        kind: LapseKind::Blind,
        words: String::from("nobody answers"),
    };
    state.board.load().ourselves.store(Arc::new(Ourselves {
        lapses: vec![lapse],
        ..Ourselves::default()
    }));
    let router = router(state);
    let answer = get_of(&router, "/api/v1/lapses?since=30d").await;
    assert_eq!(answer.status, StatusCode::OK);
    let from = fixture::NOW.to_string();
    assert_eq!(
        answer.json()["lapses"],
        serde_json::json!([{"from": from, "until": null, "kind": "blind", "words": "nobody answers"}])
    );
    let answer = get_of(&router, "/api/v1/lapses?since=yesterday").await;
    assert_eq!(answer.error_code(), "bad_since");
}

#[tokio::test]
async fn what_max_age_should_be_is_given_in_every_form() {
    let World { state, .. } = world();
    let router = router(state);
    let answer = get_of(&router, "/api/v1/suggest?words=master").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["targets"], serde_json::json!([]));
    for path in [
        "/api/v1/suggest?format=text",
        "/api/v1/suggest?format=short",
    ] {
        let answer = get_of(&router, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    }
    let answer = get_of(&router, "/api/v1/suggest?words=gren").await;
    assert_eq!(answer.error_code(), "unknown_name");
    let answer = get_of(&router, "/api/v1/suggest?wrods=green").await;
    assert_eq!(answer.error_code(), "bad_query");
}

#[tokio::test]
async fn a_name_that_nobody_has_is_answered_with_the_nearest() {
    let World { state, .. } = world();
    let router = router(state);
    for path in [
        "/api/v1/status?words=gren",
        "/api/v1/targets/gren/explain",
        "/api/v1/targets/gren/history",
    ] {
        let answer = get_of(&router, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.error_code(), "unknown_name");
        assert_eq!(answer.json()["error"]["nearest"][0], "green", "{path}");
    }
}

#[tokio::test]
async fn a_target_is_named_as_people_do() {
    let World { state, .. } = world();
    let router = router(state);
    for name in [
        "master/green",
        "master%2Fgreen",
        "green%20master",
        ":hekate-green:",
    ] {
        let answer = get_of(&router, &format!("/api/v1/targets/{name}/explain")).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
        assert_eq!(answer.json()["id"], "master/green");
        assert_eq!(answer.json()["told"][0]["channel"], "core_alerts");
    }
    let answer = get_of(&router, "/api/v1/targets/green/explain?format=text").await;
    assert!(answer.body.contains("#core-alerts"), "{}", answer.body);
    let answer = get_of(&router, "/api/v1/targets/master/explain").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.json()["error"]["candidates"][0], "master/blue");
    for nothing in ["/api/v1/targets/green/restart", "/api/v1/targets/green"] {
        assert_eq!(get_of(&router, nothing).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn history_asks_the_store_for_what_was_asked() {
    let World { mut state, .. } = world();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    state.chat.histories = Arc::new(move |id: &TargetId, since: Timestamp, limit: usize| {
        noted.lock().unwrap().push((id.clone(), since, limit));
        let mut backwards = fixture::transitions(id.as_str());
        backwards.reverse();
        Ok(backwards)
    });
    let router = router(state);
    let base = "/api/v1/targets/green/history";
    let answer = get_of(
        &router,
        &format!("{base}?since=2026-11-01T00:00:00Z&limit=7"),
    )
    .await;
    let numbers: Vec<_> = answer.json()["transitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|transition| transition["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    let text = get_of(
        &router,
        &format!("{base}?since=90d&limit=999999&format=text"),
    )
    .await;
    assert!(
        text.body.starts_with("master green (times in UTC)\n"),
        "{}",
        text.body
    );
    let asked = asked.lock().unwrap();
    let november = Timestamp::from_millis(1_793_491_200_000);
    assert_eq!(asked[0], (TargetId::new("master/green"), november, 7));
    assert_eq!(asked[1].2, 1_000);
}

/// What the store knows of an outage that is over.
pub(super) fn closed_incident() -> Incident {
    let at = |minute: i64| Timestamp::from_millis(1_795_000_000_000 + minute * 60_000);
    Incident {
        id: IncidentId::from_number(7),
        number: 7,
        targets: vec![TargetId::new("master/green")],
        severity: Severity::Critical,
        since: at(0),
        opened_at: at(1),
        closed_at: Some(at(9)),
        verdict: Verdict::Operational,
        worst: Verdict::Down,
        told: vec![Told {
            channel: ChannelName::new("core_alerts"),
            at: at(1),
            mention: None,
        }],
        sequence: 2,
        remind_after: Vec::new(),
        reminders: 0,
        remind_at: None,
        seen: vec![(String::from("HTTP 503"), 12)],
        mark: None,
        common: None,
        warned_at: None,
        flapping: None,
        is_short_otherwise: false,
        acknowledged: None,
    }
}

#[tokio::test]
async fn an_incident_that_is_over_is_found_by_its_id() {
    let World { mut state, .. } = world();
    let incident = closed_incident();
    let known = incident.clone();
    state.chat.incidents =
        Arc::new(move |id: &IncidentId| Ok((*id == known.id).then(|| known.clone())));
    let mine = incident.id.clone();
    state.chat.histories = Arc::new(move |id: &TargetId, _, _| {
        let mut transitions = fixture::transitions(id.as_str());
        transitions[1].incident = Some(mine.clone());
        Ok(transitions)
    });
    let router = router(state.clone());
    let id = incident.id.as_str();
    for words in [id.to_owned(), format!("%23{id}"), id.to_uppercase()] {
        let base = format!("/api/v1/targets/{words}");
        let answer = get_of(&router, &format!("{base}/explain")).await;
        let known = &answer.json()["incident"];
        assert_eq!(known["id"], id);
        assert_eq!(known["targets"][0], "master/green");
        assert_eq!(known["told"][0]["channel"], "core_alerts");
        let answer = get_of(&router, &format!("{base}/explain?format=text")).await;
        let first = format!("#{id} — master green was down since ");
        assert!(answer.body.starts_with(&first), "{}", answer.body);
        assert!(answer.body.contains("HTTP 503 (12×)"), "{}", answer.body);
        assert!(answer.body.contains("#core-alerts at"), "{}", answer.body);
        // Of the history only what belongs to it.
        let answer = get_of(&router, &format!("{base}/history")).await;
        let transitions = answer.json()["transitions"].as_array().unwrap().clone();
        assert_eq!(transitions.len(), 1);
        assert_eq!(transitions[0]["incident"], id);
    }
    for typed in [id.to_owned(), format!("status+%23{id}")] {
        let form = FORM.replace("status+green", &typed);
        let timestamp = now_seconds(&state, 0);
        let answer = send(&router, signed(SECRET, &timestamp, &form)).await;
        let said = answer.json()["text"].as_str().unwrap().to_owned();
        assert!(
            said.starts_with(&format!("#{id} master green was DOWN")),
            "{said}"
        );
    }
    let answer = get_of(&router, &format!("/api/v1/status?words={id}")).await;
    assert_eq!(answer.json()["incident"]["id"], id);
    // What nobody ever heard of is still said so.
    let answer = get_of(&router, "/api/v1/targets/zzzz/explain").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_store_that_cannot_answer_is_said_so() {
    let World { mut state, .. } = world();
    state.chat.histories = Arc::new(|_: &_, _, _| Err(String::from("the store cannot be read")));
    let answer = get_of(&router(state.clone()), "/api/v1/targets/api/history").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.error_code(), "store");

    state.chat.histories = Arc::new(|_: &_, _, _| panic!("a fault of ours"));
    let answer = get_of(&router(state), "/api/v1/targets/api/history").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn availability_is_measured_of_whom_the_question_selects() {
    let World { mut state, .. } = world();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    state.chat.measures = Arc::new(move |targets, window| {
        let ids: Vec<_> = targets.iter().map(ToString::to_string).collect();
        let hours = window.until.since(window.from).as_secs() / 3_600;
        noted.lock().unwrap().push((ids.join(" "), hours));
        let sli = crate::command::sli::Sli {
            down: Duration::from_secs(1),
            operational: Duration::from_secs(7),
            ..Default::default()
        };
        Ok(targets.iter().map(|target| (target.clone(), sli)).collect())
    });
    let router = router(state.clone());
    let both = "master/blue master/green";
    for (query, ids, hours) in [
        ("words=green&window=7d", "master/green", 7 * 24),
        ("group=master", both, 30 * 24),
        ("group=master,&target=master/blue", "master/blue", 30 * 24),
        (
            "target=master/green,api&words=master",
            "master/green",
            30 * 24,
        ),
    ] {
        let answer = get_of(&router, &format!("/api/v1/sli?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.body);
        let expected = (ids.to_owned(), hours);
        assert_eq!(asked.lock().unwrap().remove(0), expected, "{query}");
        assert_eq!(answer.json()["together"]["ratio"], 0.875, "{query}");
    }
    for (format, kind, beginning) in [
        ("text", "text/plain", "availability in the last 30 d, since"),
        ("short", "text/plain", "87.5%: master green"),
        ("csv", "text/csv", "target,group,"),
        ("markdown", "text/markdown", "Availability from "),
    ] {
        let path = format!("/api/v1/sli?words=green&format={format}");
        let answer = get_of(&router, &path).await;
        assert!(answer.body.starts_with(beginning), "{}", answer.body);
        let found = answer.headers["content-type"].to_str().unwrap();
        assert!(found.starts_with(kind), "{found}");
    }
}

#[tokio::test]
async fn a_measure_that_cannot_be_taken_is_said_so() {
    let World { mut state, .. } = world();
    let router = router(state.clone());
    for (query, status, code, nearest) in [
        ("words=gren", StatusCode::NOT_FOUND, "unknown_name", "green"),
        (
            "group=mastre",
            StatusCode::NOT_FOUND,
            "unknown_name",
            "master",
        ),
        (
            "target=master/blu",
            StatusCode::NOT_FOUND,
            "unknown_name",
            "master/blue",
        ),
        ("window=10s", StatusCode::BAD_REQUEST, "bad_window", ""),
        ("window=401d", StatusCode::BAD_REQUEST, "bad_window", ""),
        ("window=month", StatusCode::BAD_REQUEST, "bad_window", ""),
        ("windo=7d", StatusCode::BAD_REQUEST, "bad_query", ""),
        ("format=xml", StatusCode::BAD_REQUEST, "bad_query", ""),
    ] {
        let answer = get_of(&router, &format!("/api/v1/sli?{query}")).await;
        assert_eq!(answer.status, status, "{query}");
        assert_eq!(answer.error_code(), code, "{query}");
        let first = answer.json()["error"]["nearest"][0].clone();
        assert_eq!(first.as_str().unwrap_or_default(), nearest, "{query}");
    }
    state.chat.measures = Arc::new(|_: &_, _| Err(String::from("the store cannot be read")));
    let answer = get_of(&super::router(state), "/api/v1/sli").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.error_code(), "store");
}

#[tokio::test]
async fn a_question_with_mistakes_is_no_question() {
    let World { state, .. } = world();
    let router = router(state);
    for query in [
        "/api/v1/status?wrods=master",
        "/api/v1/status?format=xml",
        "/api/v1/status?color=maybe",
        "/api/v1/targets/api/history?limit=-1",
        "/api/v1/targets/api/history?since=yesterday",
        "/api/v1/targets/api/history?since=99999999999999999999y",
    ] {
        let answer = get_of(&router, query).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.error_code().starts_with("bad_"));
    }
}

fn reload_from(peer: Option<&str>) -> Request<Body> {
    let mut request = Request::post("/-/reload").body(Body::empty()).unwrap();
    if let Some(peer) = peer {
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(Peer(peer));
    }
    request
}

#[tokio::test]
async fn only_a_program_on_this_machine_may_reload() {
    let World {
        state, mut reloads, ..
    } = world();
    let router = router(state);
    let mut refused = vec![
        reload_from(None),
        reload_from(Some("192.0.2.1:4000")),
        reload_from(Some("[2001:db8::1]:4000")),
    ];
    for header in [
        "Origin",
        "Sec-Fetch-Site",
        "Forwarded",
        "X-Forwarded-For",
        "X-Real-IP",
        "Via",
    ] {
        let mut request = reload_from(Some("127.0.0.1:4000"));
        request.headers_mut().insert(header, "x".parse().unwrap());
        refused.push(request);
    }
    for request in refused {
        let what = format!("{request:?}");
        assert_eq!(
            send(&router, request).await.status,
            StatusCode::FORBIDDEN,
            "{what}"
        );
    }
    assert!(reloads.try_recv().is_err());
}

#[tokio::test]
async fn what_came_of_a_reload_is_told() {
    let World {
        state, mut reloads, ..
    } = world();
    let router = router(state);
    tokio::spawn(async move {
        for result in [Ok("2 targets more"), Err("targets.yaml:5:5: unknown field")] {
            let Reload { answer } = reloads.recv().await.unwrap();
            answer
                .send(result.map(str::to_owned).map_err(str::to_owned))
                .unwrap();
        }
        drop(reloads.recv().await);
    });
    for peer in ["127.0.0.1:4000", "[::1]:4000", "[::ffff:127.0.0.1]:4000"] {
        let answer = send(&router, reload_from(Some(peer))).await;
        match peer {
            "127.0.0.1:4000" => {
                assert_eq!(answer.status, StatusCode::OK);
                assert_eq!(answer.json()["summary"], "2 targets more");
            }
            "[::1]:4000" => {
                assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
                assert!(answer.body.contains("targets.yaml:5:5"));
            }
            _ => assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE),
        }
    }
    // Nobody listens any more.
    let answer = send(&router, reload_from(Some("127.0.0.1:4000"))).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_body_that_never_ends_ends_the_request() {
    let World { state, .. } = world();
    let router = router_with(state, Duration::from_millis(1));
    let endless = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let request = Request::post("/slack/command").body(endless).unwrap();
    let answer = send(&router, request).await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn a_panic_is_an_answer_like_any_other() {
    async fn fault() -> &'static str {
        panic!("a fault of ours")
    }
    let router = Router::new()
        .route("/", get(fault))
        .layer(middleware::from_fn_with_state(
            Duration::from_mins(1),
            guard,
        ));
    let answer = send(&router, Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.body.contains("a fault of ours"));
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
}

/// A running listener.
struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<()>,
    state: State,
}

fn run(world: World) -> Running {
    run_within(world, LIMITS)
}

fn run_within(World { state, .. }: World, limits: Limits) -> Running {
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve_within(listener, state.clone(), stop.clone(), limits));
    Running {
        address,
        stop,
        served,
        state,
    }
}

impl Running {
    async fn ask(&self, timestamp: &str, form: &str) -> (StatusCode, Value) {
        let request = signed(SECRET, timestamp, form);
        let (mut head, _) = request.into_parts();
        head.uri = format!("http://{}/slack/command", self.address)
            .parse()
            .unwrap();
        let request = Request::from_parts(head, Full::new(Bytes::from(form.to_owned())));
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request).await.expect("it is answered");
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_people_asking_at_once_about_a_thousand_targets_are_all_answered() {
    let targets = (0..1_000)
        .map(|number| fixture::target(None, &format!("target-{number}")))
        .collect();
    let plan = fixture::plan_of(Vec::new(), targets);
    let board = Board::of(&plan, fixture::NOW, None);
    // However slow this machine is now, none of them is turned away.
    let patient = Limits {
        grace: Duration::from_mins(5),
        queue: Duration::from_mins(5),
        stall: Duration::from_mins(5),
        ..LIMITS
    };
    let running = Arc::new(run_within(world_of(plan, board, &[SECRET]), patient));
    let timestamp = now_seconds(&running.state, 0);
    let mut asking = JoinSet::new();
    for person in 0..500 {
        let running = Arc::clone(&running);
        let timestamp = timestamp.clone();
        let form = FORM
            .replace("status+green", "")
            .replace("U1", &format!("U{person}"));
        asking.spawn(async move { running.ask(&timestamp, &form).await });
    }
    let answers = asking.join_all().await;
    assert_eq!(answers.len(), 500);
    for (status, body) in answers {
        assert_eq!(status, StatusCode::OK);
        assert!(
            body["text"].as_str().unwrap().contains("1,000"),
            "{}",
            body["text"]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_never_finish_their_question_do_not_keep_others_out() {
    let running = run(world());
    let mut slow = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        // It may have had to make room already.
        let _closed = stream
            .write_all(b"POST /slack/command HTTP/1.1\r\nHost: a\r\nX-")
            .await;
        slow.push(stream);
    }
    let timestamp = now_seconds(&running.state, 0);
    let (status, _) = running.ask(&timestamp, FORM).await;
    assert_eq!(status, StatusCode::OK);
    // The one that waited longest had to make room.
    let mut rest = Vec::new();
    let ended = slow[0].read_to_end(&mut rest).await;
    assert!(ended.is_err() || rest.is_empty());
}

/// What is answered to these bytes, until the connection ends.
async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn heads_are_read_up_to_their_limits() {
    let running = run(world());
    let head = |count: usize, length: usize| {
        let mut head = String::from("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
        for number in 0..count {
            head.extend(["X-", &number.to_string(), ": ", &"a".repeat(length), "\r\n"]);
        }
        head + "\r\n"
    };
    let answer = raw(running.address, head(1, 10_000).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = raw(running.address, head(60, 10).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for too_much in [head(1, 17_000), head(80, 10)] {
        let answer = raw(running.address, too_much.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let answer = raw(running.address, b"this is no HTTP\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let answer = raw(running.address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_end_ends_the_connection() {
    let head = Duration::from_millis(20);
    let running = run_within(world(), Limits { head, ..LIMITS });
    for begun in ["", "GET", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-"] {
        let answer = raw(running.address, begun.as_bytes()).await;
        assert!(!answer.contains(" 200 "), "{answer}");
    }
}

#[tokio::test]
async fn the_peer_is_known_to_the_routes() {
    let World {
        state,
        mut reloads,
        pushed,
        pinged,
    } = world();
    tokio::spawn(async move {
        let Reload { answer } = reloads.recv().await.unwrap();
        answer.send(Ok(String::from("nothing new"))).unwrap();
    });
    let (_, unused) = mpsc::channel(1);
    let running = run(World {
        state,
        reloads: unused,
        pushed,
        pinged,
    });
    let answer = raw(
        running.address,
        b"POST /-/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(
        answer.ends_with(r#"{"status":"reloaded","summary":"nothing new"}"#),
        "{answer}"
    );
}

#[tokio::test]
async fn the_listener_stops_although_somebody_stays_connected() {
    let running = run(world());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    running.stop.cancel();
    running.served.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
}

/// The way out of the house.
pub(super) fn sender() -> crate::notify::sender::Sender {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    crate::notify::sender::Sender::new().expect("there is a TLS provider")
}
