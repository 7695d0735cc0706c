//! The sender against real sockets on the loopback interface: what certainly did not leave the house, what may have
//! arrived, and that no address is ever said.

mod bot;

use std::{process::Command, time::Duration};

use expect_test::{Expect, expect};
use hekate::{
    model::{Delivery, Secret, Timestamp, plan::Destination},
    notify::{
        dead_man::{Counts, ping},
        sender::{Payload, Sender},
        signed,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
};

/// Stands in every address and must never be said.
const CANARY: &str = "T0CANARY/B0CANARY/SeCrEtCaNaRy";

/// What a pretend receiver does once it has read a request.
#[derive(Clone, Copy)]
enum Script {
    /// Answers with these bytes and closes.
    Answer(&'static str),
    /// To GET the first, to anything else the second.
    Choose(&'static str, &'static str),
    /// Says this before it has read anything.
    Blurt(&'static str),
    /// Closes without a word.
    Close,
    /// Resets the connection.
    Reset,
    /// Says nothing, and keeps the connection.
    Silence,
    /// Begins an answer that never ends.
    Endless,
}

/// A receiver on a port of its own; every request it reads comes out of the second half.
async fn receiver(script: Script) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("the loopback interface is there");
    let address = listener.local_addr().expect("it is bound");
    let (requests, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(play(stream, script, requests.clone()));
        }
    });
    (address.to_string(), seen)
}

async fn play(mut stream: TcpStream, script: Script, requests: mpsc::UnboundedSender<String>) {
    if let Script::Blurt(words) = script {
        drop(stream.write_all(words.as_bytes()).await);
    }
    let request = read_request(&mut stream).await;
    let is_get = request.starts_with("GET ");
    let _ = requests.send(request);
    match script {
        Script::Answer(answer) => drop(stream.write_all(answer.as_bytes()).await),
        Script::Choose(to_get, to_others) => {
            let answer = if is_get { to_get } else { to_others };
            drop(stream.write_all(answer.as_bytes()).await);
        }
        Script::Close | Script::Blurt(_) => {}
        Script::Reset => drop(stream.set_zero_linger()),
        Script::Silence => std::future::pending().await,
        Script::Endless => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let mut sent = stream.write_all(head.as_bytes()).await;
            while sent.is_ok() {
                sent = stream.write_all(b"4\r\nok..\r\n").await;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, length)| length.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return text,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
}

fn sender() -> Sender {
    // The second test to come here finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Sender::new().expect("a provider is installed and this machine has root certificates")
}

fn payload() -> Payload {
    Payload {
        id: String::from("k7f2-1-hook"),
        sent_at: Timestamp::from_millis(1_769_846_400_000),
        body: br#"{"text":"master blue is down"}"#.to_vec(),
    }
}

fn slack(scheme: &str, host: &str) -> Destination {
    Destination::SlackWebhook {
        url: Secret::new(format!("{scheme}://{host}/services/{CANARY}")),
    }
}

fn say(delivery: &Delivery) -> String {
    let text = format!("{delivery:?}");
    assert!(!text.to_lowercase().contains("canary"), "{text}");
    text
}

async fn check(destination: &Destination, expected: Expect) {
    let delivery = sender().deliver(destination, &payload()).await;
    expected.assert_eq(&say(&delivery));
}

async fn check_script(script: Script, expected: Expect) {
    let (host, mut seen) = receiver(script).await;
    check(&slack("http", &host), expected).await;
    assert!(seen.recv().await.is_some());
    assert!(seen.try_recv().is_err(), "it was sent more than once");
}

#[tokio::test]
async fn slack_gets_the_message_and_says_ok() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok";
    let (host, mut seen) = receiver(Script::Answer(answer)).await;
    check(&slack("http", &host), expect!["Accepted"]).await;
    let request = seen.recv().await.expect("it answered a request");
    expect![[r#"
        POST /services/T0CANARY/B0CANARY/SeCrEtCaNaRy HTTP/1.1
        content-type: application/json
        accept: */*
        user-agent: hekate/0.1.0
        host: (host)
        content-length: 30

        {"text":"master blue is down"}"#]]
    .assert_eq(&request.replace(&host, "(host)").replace("\r\n", "\n"));
}

#[tokio::test]
async fn every_answer_is_judged() {
    let cases = [
        (
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 14\r\n\r\ninvalid_blocks",
            expect![[
                r#"Refused { why: "HTTP 400, invalid_blocks: Slack cannot show this form of the message", is_malformed: true }"#
            ]],
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nno_service",
            expect![[
                r#"Refused { why: "HTTP 404, no_service: the webhook was removed or switched off", is_malformed: false }"#
            ]],
        ),
        (
            "HTTP/1.1 429 Too Many\r\nRetry-After: 37\r\nContent-Length: 0\r\n\r\n",
            expect![[
                r#"Retry { after: Some(37s), is_throttled: true, why: "HTTP 429, it asks for a slower pace" }"#
            ]],
        ),
        (
            "HTTP/1.1 429 Too Many\r\nDate: Sat, 31 Jan 2026 09:00:00 GMT\r\nRetry-After: Sat, 31 Jan 2026 09:10:00 GMT\r\n\r\n",
            expect![[
                r#"Retry { after: Some(600s), is_throttled: true, why: "HTTP 429, it asks for a slower pace" }"#
            ]],
        ),
        (
            "HTTP/1.1 500 Oh\r\nContent-Length: 12\r\n\r\nrollup_error",
            expect![[r#"Unsure { why: "HTTP 500, rollup_error: a fault on Slack's side" }"#]],
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
            expect![[
                r#"Refused { why: "HTTP 200, but the answer is not Slack's `ok`", is_malformed: false }"#
            ]],
        ),
        // Slack never compresses its one word; whoever does is not Slack, and is not asked to.
        (
            "HTTP/1.1 204 No Content\r\n\r\n",
            expect![[
                r#"Refused { why: "HTTP 204, but the answer is not Slack's `ok`", is_malformed: false }"#
            ]],
        ),
        (
            "SSH-2.0-OpenSSH_9.2\r\n",
            expect![[r#"Unsure { why: "the connection broke before an answer came" }"#]],
        ),
    ];
    for (answer, expected) in cases {
        check_script(Script::Answer(answer), expected).await;
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (trap, mut trapped) = receiver(Script::Answer(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ))
    .await;
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{trap}/{CANARY}\r\nContent-Length: 0\r\n\r\n"
    );
    check_script(
        Script::Answer(answer.leak()),
        expect![[
            r#"Refused { why: "HTTP 307, a redirect, which is not followed", is_malformed: false }"#
        ]],
    )
    .await;
    assert!(trapped.try_recv().is_err());
}

#[tokio::test]
async fn a_lost_answer_may_have_arrived() {
    check_script(
        Script::Close,
        expect![[r#"Unsure { why: "the connection broke before an answer came" }"#]],
    )
    .await;
    check_script(
        Script::Reset,
        expect![[r#"Unsure { why: "the connection broke before an answer came" }"#]],
    )
    .await;
    check_script(
        Script::Silence,
        expect![[r#"Unsure { why: "no answer within 10 s" }"#]],
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_judged_by_what_came() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok";
    check_script(
        Script::Answer(ok),
        expect![[r#"Unsure { why: "HTTP 200, but the answer was cut off" }"#]],
    )
    .await;
    let gone = "HTTP/1.1 410 Gone\r\nContent-Length: 200\r\n\r\nchannel_is";
    check_script(
        Script::Answer(gone),
        expect![[r#"Refused { why: "HTTP 410", is_malformed: false }"#]],
    )
    .await;
}

#[tokio::test]
async fn an_endless_answer_is_left() {
    check_script(Script::Endless, expect![[r#"Refused { why: "HTTP 200, but the answer is not Slack's `ok`", is_malformed: false }"#]]).await;
}

#[tokio::test]
async fn without_a_connection_it_certainly_stayed_here() {
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        listener.local_addr().expect("it is bound").to_string()
    };
    check(
        &slack("http", &refused),
        expect![[r#"Retry { after: None, is_throttled: false, why: "connection refused" }"#]],
    )
    .await;
    // No label of a name may be that long, so no resolver has to be asked.
    let no_name = format!("{}.test", "a".repeat(64));
    check(
        &slack("http", &no_name),
        expect![[r#"Retry { after: None, is_throttled: false, why: "its name was not found" }"#]],
    )
    .await;
}

#[tokio::test]
async fn a_connection_that_takes_too_long_certainly_stayed_here() {
    // A queue of one that nobody empties: the kernel drops what comes then.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("loopback");
    let listener = socket.listen(0).expect("it is bound");
    let address = listener.local_addr().expect("it is bound");
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        waiting.push(stream);
    }
    check(
        &slack("http", &address.to_string()),
        expect![[r#"Retry { after: None, is_throttled: false, why: "no connection within 3 s" }"#]],
    )
    .await;
}

#[tokio::test]
async fn a_failed_handshake_certainly_stayed_here() {
    // Nothing of TLS is said at all.
    let (silent, _seen) = receiver(Script::Silence).await;
    check(
        &slack("https", &silent),
        expect![[r#"Retry { after: None, is_throttled: false, why: "no connection within 3 s" }"#]],
    )
    .await;
    // Something that is no TLS.
    let (plain, _seen) = receiver(Script::Blurt("HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    check(
        &slack("https", &plain),
        expect![[r#"Retry { after: None, is_throttled: false, why: "TLS failed: received corrupt message of type InvalidContentType" }"#]],
    )
    .await;
    // A certificate that nobody vouches for.
    check(&slack("https", &stranger().await), expect![[r#"Retry { after: None, is_throttled: false, why: "TLS failed: invalid peer certificate: UnknownIssuer" }"#]]).await;
}

/// A TLS server with a certificate of its own making.
async fn stranger() -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made =
        rcgen::generate_simple_self_signed([String::from("127.0.0.1")]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("the key belongs to the certificate");
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(acceptor.accept(stream).await);
        }
    });
    address.to_string()
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_at_once() {
    for url in [
        "not an address SeCrEtCaNaRy",
        "ftp://hooks.example.test/SeCrEtCaNaRy",
        "",
    ] {
        let destination = Destination::SlackWebhook {
            url: Secret::new(url),
        };
        let delivery = sender().deliver(&destination, &payload()).await;
        let expected = Delivery::Refused {
            why: String::from("its address cannot be used"),
            is_malformed: false,
        };
        assert_eq!(delivery, expected, "{url}");
    }
}

#[tokio::test]
async fn a_signed_webhook_carries_its_name_its_time_and_its_signature() {
    let answer = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    let (host, mut seen) = receiver(Script::Answer(answer)).await;
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let destination = Destination::SignedWebhook {
        url: Secret::new(format!("http://{host}/hook")),
        secret: secret.clone(),
    };
    check(&destination, expect!["Accepted"]).await;
    let request = seen.recv().await.expect("it answered a request");
    let header = |name: &str| {
        request
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(String::from)
    };
    let sent = payload();
    let signature = signed::signature(&secret, &sent.id, 1_769_846_400, &sent.body);
    assert_eq!(header("webhook-id").as_deref(), Some("k7f2-1-hook"));
    assert_eq!(header("webhook-timestamp").as_deref(), Some("1769846400"));
    assert_eq!(header("webhook-signature"), Some(signature));
    assert!(request.ends_with(r#"{"text":"master blue is down"}"#));
}

#[tokio::test]
async fn a_ping_carries_counts_and_falls_back_to_get() {
    let fine = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let (host, mut seen) = receiver(Script::Answer(fine)).await;
    let url = Secret::new(format!("http://{host}/{CANARY}"));
    let counts = Counts {
        targets: 12,
        not_operational: 1,
        incidents: 1,
        waiting: 0,
        parked: 2,
    };
    assert_eq!(ping(&sender(), &url, &counts).await, Ok(()));
    let request = seen.recv().await.expect("it answered a request");
    expect![[r#"{"incidents":1,"not_operational":1,"parked":2,"targets":12,"waiting":0}"#]]
        .assert_eq(request.lines().last().unwrap_or_default());

    let no_post = "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n";
    let (host, mut seen) = receiver(Script::Choose(fine, no_post)).await;
    let url = Secret::new(format!("http://{host}/{CANARY}"));
    assert_eq!(ping(&sender(), &url, &counts).await, Ok(()));
    assert!(
        seen.recv()
            .await
            .is_some_and(|request| request.starts_with("POST "))
    );
    assert!(
        seen.recv()
            .await
            .is_some_and(|request| request.starts_with("GET "))
    );

    for script in [
        Script::Close,
        Script::Answer("HTTP/1.1 503 Oh\r\nContent-Length: 0\r\n\r\n"),
    ] {
        let (host, _seen) = receiver(script).await;
        let url = Secret::new(format!("http://{host}/{CANARY}"));
        let why = ping(&sender(), &url, &counts)
            .await
            .expect_err("it is not well");
        assert!(
            !why.to_lowercase().contains("canary") && !why.contains(&host),
            "{why}"
        );
    }
}

/// What the next test runs in a process of its own, because the environment belongs to all of a process.
#[tokio::test]
#[ignore = "needs the environment that the next test makes"]
async fn deliver_to_the_address_of_the_environment() {
    let host = std::env::var("HEKATE_TEST_RECEIVER").expect("the next test sets it");
    check(&slack("http", &host), expect!["Accepted"]).await;
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_not_asked() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let (host, mut seen) = receiver(Script::Answer(ok)).await;
    let (trap, mut trapped) = receiver(Script::Answer(ok)).await;
    let proxy = format!("http://{trap}");
    let mut child = Command::new(std::env::current_exe().expect("this test is a program"));
    child
        .args([
            "--ignored",
            "--exact",
            "deliver_to_the_address_of_the_environment",
        ])
        .env("HEKATE_TEST_RECEIVER", &host)
        .envs(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"].map(|name| (name, &proxy)))
        .env_remove("NO_PROXY");
    let output = tokio::task::spawn_blocking(move || child.output())
        .await
        .expect("it does not panic")
        .expect("it can be started");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(seen.try_recv().is_ok());
    assert!(trapped.try_recv().is_err());
}
