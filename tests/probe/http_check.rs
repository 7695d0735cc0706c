//! `http:` from the file to what a look says: what is sent, what is expected, where redirects lead.

use std::net::SocketAddr;

use expect_test::{Expect, expect};
use hekate::{
    config::{Environment, Format, load_text},
    model::plan::Question,
};
use tokio::{io::AsyncReadExt as _, sync::mpsc};

use super::stage::{PATIENT, answering, look_with, ok, prober, read_head, send, serve, told};

/// The question of a file whose only target has this check.
fn asked(check: &str) -> Question {
    let text = format!(
        "channels: {{ alerts: \"https://hooks.slack.com/services/T0/B0/not-a-secret\" }}\n\
         targets: [ {{ name: api, http: {check} }} ]\n"
    );
    let outcome = load_text(
        "targets.yaml",
        &text,
        &Environment::of([("TOKEN", "s3cr3t-token")]),
    );
    let said = outcome.report.render(Format::Human, false);
    let plan = outcome.plan.unwrap_or_else(|| panic!("{said}"));
    plan.targets[0].checks[0].question.clone()
}

async fn check(address: SocketAddr, expectation: &str, expected: Expect) {
    let question = asked(&format!("{{ url: \"http://{address}/x\", {expectation} }}"));
    let seen = look_with(&prober(), &question, PATIENT).await;
    expected.assert_eq(&told(&seen));
}

fn json(body: &str) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Shard: eu-7\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

#[tokio::test]
async fn what_is_expected_holds_or_is_named() {
    let address = answering(json(
        r#"{"queue": {"depth": 7}, "items": [1], "state": "UP"}"#,
    ))
    .await;
    let cases = [
        ("expect: {}", expect!["healthy"]),
        ("expect: { status: 200 }", expect!["healthy"]),
        ("expect: { status: [\"201-299\", 200] }", expect!["healthy"]),
        (
            "expect: { status: [404, \"5xx\"] }",
            expect!["refused unexpected: HTTP 200 (expected 404 or 5xx)"],
        ),
        (
            "expect: { header: { content-type: \"^application/json\", X-Shard: \"^eu-\", Content-Length: \"^5\" } }",
            expect!["healthy"],
        ),
        (
            "expect: { header: { x-shard: \"^us-\" } }",
            expect!["explicit unexpected: header `x-shard` does not match `^us-`"],
        ),
        (
            "expect: { header: { x-cache: hit } }",
            expect!["explicit unexpected: header `x-cache` is missing"],
        ),
        (
            "expect: { json: [\"$.queue.depth < 10\", \"$.items exists\", \"$.error missing\"] }",
            expect!["healthy"],
        ),
        (
            "expect: { json: \"$.queue.depth < 5\" }",
            expect!["explicit unexpected: `$.queue.depth < 5` does not hold"],
        ),
        (
            "expect: { body: '\"state\": \"(UP|OK)\"' }",
            expect!["healthy"],
        ),
        (
            "expect: { body: DOWN }",
            expect!["explicit unexpected: the body does not match `DOWN`"],
        ),
        (
            "expect: { body: DOWN, then: degraded }",
            expect!["degraded unexpected: the body does not match `DOWN`"],
        ),
        ("expect: { max_bytes: 52 }", expect!["healthy"]),
        (
            "expect: { max_bytes: 51 }",
            expect!["explicit unexpected: the body is longer than 51 bytes"],
        ),
        ("expect: { max_duration: 5s }", expect!["healthy"]),
    ];
    for (expectation, expected) in cases {
        check(address, expectation, expected).await;
    }
}

#[tokio::test]
async fn answers_of_every_kind_are_looked_at_with_care() {
    let page = answering(ok("<h1>hello</h1>")).await;
    check(
        page,
        "expect: { json: \"$.a exists\" }",
        expect!["explicit unexpected: the body is no JSON"],
    )
    .await;
    let broken = answering("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await;
    check(
        broken,
        "method: GET",
        expect!["refused unexpected: HTTP 503 (expected 2xx)"],
    )
    .await;
    let packed =
        answering("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nxx").await;
    check(
        packed,
        "expect: { body: x }",
        expect!["explicit unexpected: the body came in an encoding that is not known"],
    )
    .await;
    check(packed, "expect: {}", expect!["healthy"]).await;
    let long = answering(ok(&"x".repeat(300_000))).await;
    check(
        long,
        "expect: { max_bytes: 262144 }",
        expect!["explicit unexpected: the body is longer than 262144 bytes"],
    )
    .await;
    check(
        long,
        "expect: { json: \"$.a exists\" }",
        expect!["explicit unexpected: the body is too long to be read as JSON"],
    )
    .await;
    let slow = serve(|mut stream| async move {
        read_head(&mut stream).await;
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        send(&mut stream, &ok("late")).await;
    })
    .await;
    let question = asked(&format!(
        "{{ url: \"http://{slow}/\", expect: {{ max_duration: 10ms }} }}"
    ));
    let seen = look_with(&prober(), &question, PATIENT).await;
    assert!(told(&seen).ends_with("(allowed 10 ms)"), "{}", told(&seen));
}

/// A server that writes down what it was sent, and answers so.
async fn hearing(
    answer: impl Fn(&str) -> Vec<u8> + Clone + Send + 'static,
) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let (heard, requests) = mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let (heard, answer) = (heard.clone(), answer.clone());
        async move {
            let mut request = read_head(&mut stream).await;
            let length = request
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            let mut body = vec![0; length];
            if stream.read_exact(&mut body).await.is_ok() {
                request.push_str(&String::from_utf8_lossy(&body));
            }
            let _nobody_asks = heard.send(request.clone());
            send(&mut stream, &answer(&request)).await;
        }
    })
    .await;
    (address, requests)
}

fn redirect(status: u16, to: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn what_is_written_is_sent_and_never_shown() {
    let (address, mut requests) = hearing(|_| json(r#"{"echo": "s3cr3t-token"}"#)).await;
    let question = asked(&format!(
        "{{ url: \"http://{address}/login\", method: POST, body: '{{\"password\": \"${{TOKEN}}\"}}', \
         headers: {{ Content-Type: application/json }}, bearer: \"${{TOKEN}}\", expect: {{ body: s3cr3t-other }} }}"
    ));
    let seen = look_with(&prober(), &question, PATIENT).await;
    let request = requests.recv().await.expect("it was asked");
    assert!(request.starts_with("POST /login HTTP/1.1\r\n"), "{request}");
    assert!(
        request.ends_with("\r\n\r\n{\"password\": \"s3cr3t-token\"}"),
        "{request}"
    );
    assert!(
        request
            .to_ascii_lowercase()
            .contains("authorization: bearer s3cr3t-token")
    );
    let shown = format!("{seen:?} {question:?}");
    assert!(!shown.contains("s3cr3t-token"), "{shown}");
}

#[tokio::test]
async fn a_redirect_is_the_answer_unless_it_is_to_be_followed() {
    let (address, mut requests) = hearing(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match path {
            "/x" => redirect(302, "/y?token=abcdef#there"),
            "/y?token=abcdef" => redirect(303, "/z"),
            _ => ok("here"),
        }
    })
    .await;
    check(
        address,
        "expect: {}",
        expect!["refused unexpected: HTTP 302 to /y (expected 2xx)"],
    )
    .await;
    check(
        address,
        "expect: { status: 302 }, follow_redirects: 3",
        expect!["healthy"],
    )
    .await;
    check(
        address,
        "follow_redirects: 1",
        expect!["refused unexpected: HTTP 303 to /z (expected 2xx)"],
    )
    .await;
    while requests.try_recv().is_ok() {}
    check(
        address,
        "method: POST, body: hello, follow_redirects: 2, expect: { body: here }",
        expect!["healthy"],
    )
    .await;
    let mut lines = Vec::new();
    while let Ok(request) = requests.try_recv() {
        lines.push(request.lines().next().unwrap_or_default().to_owned());
    }
    assert_eq!(
        lines,
        [
            "POST /x HTTP/1.1",
            "GET /y?token=abcdef HTTP/1.1",
            "GET /z HTTP/1.1"
        ]
    );
}

#[tokio::test]
async fn not_every_redirect_is_followed() {
    let (address, _requests) =
        hearing(
            |request| match request.split(' ').nth(1).unwrap_or_default() {
                "/loop" => redirect(307, "/loop"),
                "/down" => redirect(301, "ftp://files.example.test/"),
                _ => redirect(301, "http://169.254.169.254/latest/meta-data"),
            },
        )
        .await;
    for (path, expected) in [
        (
            "loop",
            expect!["refused unexpected: HTTP 307 to /loop (expected 2xx)"],
        ),
        (
            "down",
            expect!["refused unexpected: redirects to something that is not HTTP"],
        ),
        (
            "metadata",
            expect![
                "refused unexpected: redirects to a place that is not asked: address 169.254.169.254 is never looked at"
            ],
        ),
    ] {
        let question = asked(&format!(
            "{{ url: \"http://{address}/{path}\", follow_redirects: 10 }}"
        ));
        let seen = look_with(&prober(), &question, PATIENT).await;
        expected.assert_eq(&told(&seen));
    }
}

#[tokio::test]
async fn another_host_is_not_told_who_we_are() {
    let (other, mut strangers) = hearing(|_| ok("here")).await;
    let (address, mut friends) = hearing(move |request| {
        if request.starts_with("GET /first") {
            redirect(301, "/second")
        } else {
            redirect(301, &format!("http://{other}/there"))
        }
    })
    .await;
    let question = asked(&format!(
        "{{ url: \"http://{address}/first\", bearer: \"${{TOKEN}}\", headers: {{ X-Key: \"${{TOKEN}}\" }}, follow_redirects: 5 }}"
    ));
    let seen = look_with(&prober(), &question, PATIENT).await;
    assert_eq!(told(&seen), "healthy");
    for _ in 0..2 {
        let friend = friends.recv().await.expect("it was asked");
        assert_eq!(friend.matches("s3cr3t-token").count(), 2, "{friend}");
    }
    let stranger = strangers.recv().await.expect("it was asked");
    assert!(!stranger.contains("s3cr3t-token"), "{stranger}");
}
