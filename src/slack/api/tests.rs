use std::fmt::Write as _;

use expect_test::expect;

use super::*;

#[test]
fn tokens_go_to_slack_or_stay_on_this_machine() {
    for (text, expected) in [
        (
            "https://slack.com",
            Some("https://slack.com/api/apps.connections.open"),
        ),
        (
            "https://slack-gov.com/",
            Some("https://slack-gov.com/api/apps.connections.open"),
        ),
        (
            "http://127.0.0.1:4000",
            Some("http://127.0.0.1:4000/api/apps.connections.open"),
        ),
        (
            "http://[::1]:4000",
            Some("http://[::1]:4000/api/apps.connections.open"),
        ),
        ("http://slack.com", None),
        ("https://slack.com.example.test", None),
        ("https://evilslack.com", None),
        ("https://slack.com:8443", None),
        ("https://slack.com@evil.example.test", None),
        ("https://user@slack.com", None),
        ("http://10.0.0.7", None),
        ("http://127.0.0.1.example.test", None),
        ("ftp://127.0.0.1", None),
        ("slack.com", None),
        ("", None),
    ] {
        let base = Base::parse(text);
        let method = base.map(|base| base.method(CONNECTIONS_OPEN)).ok();
        assert_eq!(method.as_deref(), expected, "{text}");
    }
}

#[test]
fn a_connection_is_made_to_slack_whatever_the_answer_says() {
    let slack = Base::parse("https://slack.com").unwrap();
    let stand_in = Base::parse("http://127.0.0.1:4000").unwrap();
    for (address, of_slack, of_stand_in) in [
        ("wss://wss-primary.slack.com/link/?ticket=1", true, true),
        ("wss://wss.slack-gov.com/link/?ticket=1", true, true),
        ("ws://wss-primary.slack.com/link/", false, false),
        ("https://wss-primary.slack.com/link/", false, false),
        ("wss://slack.com.evil.example.test/", false, false),
        ("wss://evil.example.test/?x=slack.com", false, false),
        ("wss://wss-primary.slack.com:8443/", false, false),
        ("ws://127.0.0.1:5000/link", false, true),
        ("ws://10.0.0.7/link", false, false),
        ("nonsense", false, false),
    ] {
        let address = Secret::new(address);
        let text = address.expose();
        assert_eq!(slack.connection(&address).is_ok(), of_slack, "{text}");
        assert_eq!(stand_in.connection(&address).is_ok(), of_stand_in, "{text}");
    }
}

#[test]
fn late_answers_go_to_slack_or_to_the_stand_in_that_asked() {
    let slack = Base::parse("https://slack.com").unwrap();
    let stand_in = Base::parse("http://127.0.0.1:4000").unwrap();
    for (text, of_slack, of_stand_in) in [
        ("https://hooks.slack.com/commands/T1/1/x", true, true),
        ("http://127.0.0.1:4000/response", false, true),
        ("http://127.0.0.1:4001/response", false, false),
        ("https://evil.example.test/commands", false, false),
    ] {
        assert_eq!(slack.response_url(text).is_ok(), of_slack, "{text}");
        assert_eq!(stand_in.response_url(text).is_ok(), of_stand_in, "{text}");
    }
}

#[test]
fn what_slack_says_to_the_wish_for_a_connection() {
    let mut lines = String::new();
    for (status, after, body) in [
        (200, None, r#"{"ok":true,"url":"wss://SECRET"}"#),
        (200, None, r#"{"ok":true}"#),
        (200, None, r#"{"ok":false,"error":"invalid_auth"}"#),
        (
            200,
            None,
            r#"{"ok":false,"error":"not_allowed_token_type"}"#,
        ),
        (200, None, r#"{"ok":false,"error":"internal_error"}"#),
        (200, None, r#"{"ok":false,"error":"too_many_websockets"}"#),
        (200, None, r#"{"ok":false,"error":"xapp-SECRET"}"#),
        (200, None, r#"{"ok":false,"error":"ratelimited"}"#),
        (429, Some(7), r#"{"ok":false,"error":"ratelimited"}"#),
        (429, None, ""),
        (401, None, "<html>SECRET"),
        (503, None, ""),
        (500, None, r#"{"ok":true,"url":"wss://SECRET"}"#),
        (200, None, "[1]"),
    ] {
        let said = opened(status, after.map(Duration::from_secs), body.as_bytes());
        let _infallible = writeln!(lines, "{status} {body} -> {said:?}");
    }
    expect![[r#"
        200 {"ok":true,"url":"wss://SECRET"} -> Address((redacted))
        200 {"ok":true} -> Failed("Slack said ok, but gave no address")
        200 {"ok":false,"error":"invalid_auth"} -> Refused("invalid_auth: the token is wrong, or calls from this address are not allowed")
        200 {"ok":false,"error":"not_allowed_token_type"} -> Refused("not_allowed_token_type: this is another kind of token; an app-level token begins with `xapp-`")
        200 {"ok":false,"error":"internal_error"} -> Failed("internal_error")
        200 {"ok":false,"error":"too_many_websockets"} -> Failed("too_many_websockets")
        200 {"ok":false,"error":"xapp-SECRET"} -> Failed("HTTP 200, and no answer of Slack's")
        200 {"ok":false,"error":"ratelimited"} -> Throttled { after: 30s }
        429 {"ok":false,"error":"ratelimited"} -> Throttled { after: 7s }
        429  -> Throttled { after: 30s }
        401 <html>SECRET -> Failed("HTTP 401, and no answer of Slack's")
        503  -> Failed("HTTP 503, and no answer of Slack's")
        500 {"ok":true,"url":"wss://SECRET"} -> Failed("HTTP 500, and no answer of Slack's")
        200 [1] -> Failed("HTTP 200, and no answer of Slack's")
    "#]].assert_eq(&lines);
}
