//! Requests and builds against a Jenkins that answers on loopback.

use std::{
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Response},
    routing::any,
};
use serde_json::{Value, json};

use super::*;
use crate::model::{
    Secret,
    action::{Allow, Confirm, Guard, HttpCall, JenkinsCall, When},
};

/// What a server heard and what it says.
#[derive(Clone)]
struct Stage {
    heard: Arc<Mutex<Vec<String>>>,
    polls: Arc<AtomicUsize>,
    /// How the build ends; nothing if never.
    result: Option<&'static str>,
    has_crumb: bool,
    /// The status of the question for a build.
    status: StatusCode,
}

impl Stage {
    fn new() -> Self {
        Self {
            heard: Arc::default(),
            polls: Arc::default(),
            result: Some("SUCCESS"),
            has_crumb: true,
            status: StatusCode::CREATED,
        }
    }

    async fn open(&self) -> String {
        // The same provider may be there already from another test.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(any(answer)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn answer(
    State(stage): State<Stage>,
    method: axum::http::Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let body = String::from_utf8_lossy(&body).into_owned();
    let mut line = format!("{method} {uri}");
    for name in ["authorization", "jenkins-crumb", "cookie", "content-type"] {
        if let Some(value) = text(name) {
            write!(line, " {name}={value}").expect("a string takes it");
        }
    }
    if !body.is_empty() {
        write!(line, " {body}").expect("a string takes it");
    }
    let is_poll = uri.path().contains("/queue/") || uri.path().ends_with("812/api/json");
    if !is_poll {
        stage.heard.lock().unwrap().push(line);
    }
    match uri.path() {
        "/crumbIssuer/api/json" if stage.has_crumb => {
            let crumb = json!({ "crumbRequestField": "Jenkins-Crumb", "crumb": "c0ffee" });
            (
                [("set-cookie", "JSESSIONID=s1; Path=/; HttpOnly")],
                crumb.to_string(),
            )
                .into_response()
        }
        "/job/ops/job/restart%20it/buildWithParameters" => (
            stage.status,
            [("location", "http://elsewhere.test/queue/item/7/")],
        )
            .into_response(),
        "/queue/item/7/api/json" => match stage.polls.fetch_add(1, Ordering::SeqCst) {
            0 => json!({ "why": "waiting" }).to_string().into_response(),
            1 => StatusCode::BAD_GATEWAY.into_response(),
            _ => json!({ "executable": { "number": 812 } })
                .to_string()
                .into_response(),
        },
        "/job/ops/job/restart%20it/812/api/json" => match stage.result {
            Some(result) => json!({ "building": false, "result": result }).to_string(),
            None => json!({ "building": true, "result": null }).to_string(),
        }
        .into_response(),
        "/moved" => (StatusCode::FOUND, [("location", "/done")]).into_response(),
        path if path.starts_with("/done") => StatusCode::OK.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// How it ended, whatever was told meanwhile.
async fn done(job: Job) -> Ran {
    run(job, |_| {}).await
}

fn job(call: Call) -> Job {
    Job {
        attempt: AttemptId(17),
        action: Arc::new(Action {
            name: String::from("restart"),
            aliases: Vec::new(),
            guard: Guard {
                when: When::default(),
                allow: Allow::default(),
                confirm: Confirm::No,
                needs_second_person: false,
                needs_reason: false,
                rate: None,
                expires_after: Duration::from_mins(1),
            },
            grace: Duration::from_mins(5),
            tell: None,
            call,
        }),
        target: TargetId::new("master/green"),
        name: String::from("green"),
        group: String::from("master"),
        asker: String::from("@alice"),
        reason: String::from("a&b={target}/../ž"),
    }
}

fn jenkins(address: &str) -> Call {
    Call::Jenkins(Box::new(JenkinsCall {
        url: Secret::new(address),
        job: vec![String::from("ops"), String::from("restart it")],
        user: String::from("hekate"),
        token: Secret::new("t0ken"),
        params: vec![
            (String::from("INSTANCE"), String::from("{name}")),
            (String::from("WHY"), String::from("{reason} {nothing}")),
        ],
        build_limit: Duration::from_secs(20),
        ca_pem: None,
    }))
}

fn http(method: &str, url: String) -> HttpCall {
    HttpCall {
        method: method.to_owned(),
        url: Secret::new(url),
        headers: vec![(String::from("X-Who"), Secret::new("hekate"))],
        credentials: None,
        params: Vec::new(),
        json: None,
        success: vec![(200, 299)],
        timeout: Duration::from_secs(5),
        ca_pem: None,
    }
}

#[tokio::test]
async fn a_build_is_asked_for_once_and_waited_for() {
    let stage = Stage::new();
    let address = stage.open().await;
    let ran = done(job(jenkins(&address))).await;
    assert_eq!((ran.result, ran.words.as_str()), (RanResult::Done, "done"));
    assert_eq!(ran.reference.as_deref(), Some("Jenkins #812"));
    let heard = stage.heard();
    assert_eq!(
        heard,
        [
            "GET /crumbIssuer/api/json authorization=Basic aGVrYXRlOnQwa2Vu",
            "POST /job/ops/job/restart%20it/buildWithParameters authorization=Basic aGVrYXRlOnQwa2Vu \
             jenkins-crumb=c0ffee cookie=JSESSIONID=s1 content-type=application/x-www-form-urlencoded \
             INSTANCE=green&WHY=a%26b%3D%7Btarget%7D%2F..%2F%C5%BE+%7Bnothing%7D",
        ]
    );
}

#[tokio::test]
async fn a_build_that_fails_or_never_ends_or_is_refused() {
    let mut stage = Stage::new();
    stage.result = Some("FAILURE");
    stage.has_crumb = false;
    let ran = done(job(jenkins(&stage.open().await))).await;
    assert_eq!(
        (ran.result, ran.words.as_str(), ran.reference.as_deref()),
        (
            RanResult::Failed,
            "the build ended as FAILURE",
            Some("Jenkins #812")
        )
    );

    let mut stage = Stage::new();
    stage.result = None;
    let mut call = jenkins(&stage.open().await);
    if let Call::Jenkins(call) = &mut call {
        call.build_limit = Duration::from_secs(4);
    }
    let ran = done(job(call)).await;
    assert_eq!(
        (ran.result, ran.words.as_str(), ran.reference.as_deref()),
        (
            RanResult::Unknown,
            "still building after 4 s",
            Some("Jenkins #812")
        )
    );

    let mut stage = Stage::new();
    stage.status = StatusCode::FORBIDDEN;
    let ran = done(job(jenkins(&stage.open().await))).await;
    assert_eq!(
        (ran.result, ran.words.as_str()),
        (
            RanResult::Failed,
            "Jenkins refused the build with HTTP 403: it does not let us in"
        )
    );
}

/// A proxy that had no answer does not know what became of the request, and neither do we.
#[tokio::test]
async fn what_a_proxy_had_no_answer_to_may_have_been_done() {
    for (status, result, words) in [
        (500, RanResult::Failed, ""),
        (502, RanResult::Unknown, ", so a proxy had no good answer"),
        (503, RanResult::Failed, ""),
        (504, RanResult::Unknown, ", so a proxy had no good answer"),
    ] {
        let mut stage = Stage::new();
        stage.status = StatusCode::from_u16(status).unwrap();
        let address = stage.open().await;
        let ran = done(job(jenkins(&address))).await;
        let said = format!("Jenkins refused the build with HTTP {status}");
        let said = if words.is_empty() {
            said
        } else {
            format!("Jenkins was asked, but it is HTTP {status}{words}")
        };
        assert_eq!((ran.result, ran.words), (result, said));
        let call = http(
            "POST",
            format!("{address}/job/ops/job/restart%20it/buildWithParameters"),
        );
        let ran = done(job(Call::Http(Box::new(call)))).await;
        assert_eq!(
            (ran.result, ran.words),
            (result, format!("HTTP {status}{words}"))
        );
    }
}

#[tokio::test]
async fn nobody_there_is_a_failure_and_no_answer_is_unknown() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = http("POST", format!("http://{address}/{{name}}?token=s3cret"));
    let silent = HttpCall {
        timeout: Duration::from_millis(300),
        ..silent
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ran = done(job(Call::Http(Box::new(silent.clone())))).await;
    assert_eq!(
        (ran.result, ran.words.as_str()),
        (RanResult::Unknown, "no answer in time")
    );
    drop(listener);
    let ran = done(job(Call::Http(Box::new(silent)))).await;
    assert_eq!(ran.result, RanResult::Failed);
    assert!(ran.words.starts_with("no connection"), "{}", ran.words);
    assert!(
        !ran.words.contains("s3cret") && !ran.words.contains("127.0.0.1"),
        "{}",
        ran.words
    );
}

#[tokio::test]
async fn one_request_with_everything_filled_in_and_no_redirect_followed() {
    let stage = Stage::new();
    let address = stage.open().await;
    let call = HttpCall {
        json: Some(json!({ "who": "{asker}", "what": ["{target}", 1], "why": "{reason}" })),
        ..http("POST", format!("{address}/done/{{name}}/{{reason}}"))
    };
    let ran = done(job(Call::Http(Box::new(call)))).await;
    assert_eq!(
        (ran.result, ran.words.as_str()),
        (RanResult::Done, "HTTP 200")
    );
    let call = HttpCall {
        params: vec![(String::from("i"), String::from("{target}"))],
        ..http("GET", format!("{address}/done?a=1"))
    };
    done(job(Call::Http(Box::new(call)))).await;
    let ran = done(job(Call::Http(Box::new(http(
        "POST",
        format!("{address}/moved"),
    )))))
    .await;
    assert_eq!(ran.words, "HTTP 302, and redirects are not followed");
    let heard = stage.heard();
    assert_eq!(heard.len(), 3, "{heard:?}");
    let (line, body) = heard[0]
        .split_once(" content-type=application/json ")
        .unwrap();
    assert_eq!(line, "POST /done/green/a%26b%3D%7Btarget%7D%2F..%2F%C5%BE");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        body,
        json!({ "who": "@alice", "what": ["master/green", 1], "why": "a&b={target}/../ž" })
    );
    assert_eq!(heard[1], "GET /done?a=1&i=master%2Fgreen");
    assert_eq!(heard[2], "POST /moved");
}

#[test]
fn what_is_filled_in_is_never_read_again_and_climbs_nowhere() {
    let mut job = job(jenkins("http://jenkins.test"));
    job.name = String::from("..");
    job.reason = String::from("{name}");
    assert_eq!(
        job.filled("{reason} {name} {other} {"),
        "{name} .. {other} {"
    );
    assert_eq!(
        job.filled_in_address("http://h/{name}/x"),
        "http://h/%2E%2E/x"
    );
}
