//! A bot's calls against real sockets: what certainly did not leave the house, what may have been done, and that the token is never
//! said. What follows from each of these for a message is lived through by `notify::courier`'s random lives of bots.

use std::fmt::Write as _;

use expect_test::expect;
use hekate::{
    model::{Secret, Timestamp},
    notify::errand::{Body, Fault},
};
use serde_json::json;

use super::{CANARY, Script, receiver, sender};

/// What became of one call, in words, and how often it was made.
async fn call(script: Script) -> String {
    let (host, mut seen) = receiver(script).await;
    let said = bid(&host).await;
    let mut requests = 0;
    while seen.try_recv().is_ok() {
        requests += 1;
    }
    assert_eq!(requests, 1, "it is made once, whatever is answered: {said}");
    said
}

async fn bid(host: &str) -> String {
    let token = Secret::new(format!("xoxb-{CANARY}"));
    let address = format!("http://{host}/api/chat.postMessage");
    let now = Timestamp::from_millis(1_769_846_400_000);
    let body = Body::Json(json!({ "channel": "C0CORE", "text": "master blue is down" }));
    let said = match sender().bid(&address, &token, now, body).await {
        Ok(answer) => format!("done: {answer}"),
        Err(fault) => {
            let kind = match &fault {
                Fault::Later(_) => "again later",
                Fault::Throttled { after, .. } => {
                    return format!("slower, {after:?}: {}", fault.why());
                }
                Fault::Lost(_) => "may have been done",
                Fault::Malformed(_) => "in plain words",
                Fault::Gone(_) => "gone",
                Fault::Refused(_) => "refused for good",
            };
            format!("{kind}: {}", fault.why())
        }
    };
    assert!(!said.to_lowercase().contains("canary"), "{said}");
    assert!(!said.contains(host), "{said}");
    said
}

/// An answer of Slack's with this status, these headers and this body.
fn answer(status: &str, headers: &str, body: &str) -> Script {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    Script::Answer(text.leak())
}

#[tokio::test]
async fn a_bot_at_every_fault_knows_what_may_have_been_done() {
    let no = |error: &str| {
        answer(
            "200 OK",
            "",
            &json!({ "ok": false, "error": error }).to_string(),
        )
    };
    let date =
        "Date: Sat, 31 Jan 2026 09:00:00 GMT\r\nRetry-After: Sat, 31 Jan 2026 09:10:00 GMT\r\n";
    let cases = [
        ("well", answer("200 OK", "", "{\"ok\":true,\"ts\":\"1.2\"}")),
        (
            "a slower pace",
            answer(
                "429 Too Many",
                "Retry-After: 37\r\n",
                "{\"ok\":false,\"error\":\"ratelimited\"}",
            ),
        ),
        ("a slower pace until then", answer("429 Too Many", date, "")),
        ("a slower pace, no header", no("ratelimited")),
        (
            "a fault of Slack's",
            answer("500 Oh", "", "<html>oh</html>"),
        ),
        ("a gateway", answer("502 Bad Gateway", "", "")),
        (
            "not now",
            answer(
                "503 Later",
                "",
                "{\"ok\":false,\"error\":\"service_unavailable\"}",
            ),
        ),
        ("an inner fault", no("fatal_error")),
        ("the token is revoked", no("token_revoked")),
        ("the account is gone", no("account_inactive")),
        ("the workspace is gone", no("team_disabled")),
        ("the channel is gone", no("channel_not_found")),
        ("the channel is archived", no("is_archived")),
        ("the form is refused", no("invalid_blocks")),
        ("the message is gone", no("message_not_found")),
        ("a word to come", no("a_word_to_come")),
        (
            "a redirect",
            answer(
                "307 There",
                &format!("Location: http://127.0.0.1:9/{CANARY}\r\n"),
                "",
            ),
        ),
        (
            "a guest network",
            answer(
                "200 OK",
                "Content-Type: text/html\r\n",
                "<html>Welcome</html>",
            ),
        ),
        (
            "another protocol",
            Script::Answer("SSH-2.0-OpenSSH_9.2\r\n"),
        ),
        (
            "cut off",
            Script::Answer("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{\"ok\":tr"),
        ),
        ("closed", Script::Close),
        ("reset", Script::Reset),
    ];
    let mut out = String::new();
    for (what, script) in cases {
        writeln!(out, "{what}: {}", call(script).await).expect("a text takes everything");
    }
    expect![[r#"
        well: done: {"ok":true,"ts":"1.2"}
        a slower pace: slower, Some(37s): ratelimited: it asks for a slower pace
        a slower pace until then: slower, Some(600s): HTTP 429, and no answer of Slack's
        a slower pace, no header: slower, None: ratelimited: it asks for a slower pace
        a fault of Slack's: may have been done: HTTP 500, and no answer of Slack's
        a gateway: may have been done: HTTP 502, and no answer of Slack's
        not now: again later: service_unavailable
        an inner fault: may have been done: fatal_error: a fault on Slack's side
        the token is revoked: refused for good: token_revoked: the token was revoked
        the account is gone: refused for good: account_inactive: the bot or its workspace was deleted
        the workspace is gone: again later: team_disabled
        the channel is gone: refused for good: channel_not_found: the channel does not exist, or is private and the bot was not invited
        the channel is archived: refused for good: is_archived: the channel is archived
        the form is refused: in plain words: invalid_blocks: Slack cannot show this form of the message
        the message is gone: gone: message_not_found: the message was deleted
        a word to come: again later: a_word_to_come
        a redirect: refused for good: HTTP 307, and no answer of Slack's
        a guest network: refused for good: HTTP 200, and no answer of Slack's
        another protocol: may have been done: the connection broke before an answer came
        cut off: may have been done: HTTP 200, but the answer was cut off
        closed: may have been done: the connection broke before an answer came
        reset: may have been done: the connection broke before an answer came
    "#]].assert_eq(&out);
}

#[tokio::test]
async fn a_bot_without_a_connection_has_certainly_done_nothing() {
    let refused = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback");
        listener.local_addr().expect("it is bound").to_string()
    };
    assert_eq!(bid(&refused).await, "again later: connection refused");
}

#[tokio::test]
async fn a_silent_slack_may_have_done_it() {
    assert_eq!(
        call(Script::Silence).await,
        "may have been done: no answer within 10 s"
    );
}

#[tokio::test]
async fn a_call_carries_the_token_once_and_what_only_reads_is_a_form() {
    let ok = answer("200 OK", "", "{\"ok\":true}");
    let (host, mut seen) = receiver(ok).await;
    let token = Secret::new(format!("xoxb-{CANARY}"));
    let address = format!("http://{host}/api/conversations.history");
    let body = Body::Form(vec![
        ("channel", String::from("C0CORE")),
        ("cursor", String::from("a=b&c")),
    ]);
    let now = Timestamp::from_millis(0);
    sender()
        .bid(&address, &token, now, body)
        .await
        .expect("it is well");
    let request = seen.recv().await.expect("it answered a request");
    assert_eq!(request.matches(CANARY).count(), 1, "{request}");
    let bearer = format!("authorization: Bearer xoxb-{CANARY}");
    assert!(request.contains(&bearer), "{request}");
    assert!(
        request.contains("content-type: application/x-www-form-urlencoded"),
        "{request}"
    );
    assert!(
        request.ends_with("channel=C0CORE&cursor=a%3Db%26c"),
        "{request}"
    );
}
