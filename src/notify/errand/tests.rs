//! What Slack's words mean, and what is taken from its answers.

use std::{fmt::Write as _, time::Duration};

use expect_test::expect;
use serde_json::{Value, json};

use super::{
    Answer, Call,
    answer::{Received, metadata, read},
};
use crate::model::{ChannelName, EntryKey, IncidentId, Spot};

fn key(incident: &str, sequence: u32) -> EntryKey {
    EntryKey {
        incident: IncidentId::new(incident),
        sequence,
        channel: ChannelName::new("alerts"),
    }
}

fn said(call: &Call, status: u16, body: &str) -> Answer {
    let received = Received {
        status,
        after: Some(Duration::from_secs(7)).filter(|_| status == 429),
        body: body.as_bytes(),
        is_whole: true,
    };
    read(call, &key("k7f2", 3), "#core-alerts", &received)
}

fn spot() -> Spot {
    Spot {
        channel_id: String::from("C0CORE"),
        ts: String::from("1.2"),
    }
}

const SAID: [(u16, &str); 20] = [
    (
        200,
        r#"{"ok":true,"channel":"C0CORE","ts":"1.2","message":{"text":"secret"}}"#,
    ),
    (200, r#"{"ok":true}"#),
    (200, "<html>Welcome to the guest network</html>"),
    (302, ""),
    (403, "Cannot POST /api/chat.postMessage xoxb-SECRET"),
    (408, ""),
    (429, r#"{"ok":false,"error":"ratelimited"}"#),
    (200, r#"{"ok":false,"error":"ratelimited"}"#),
    (500, ""),
    (503, r#"{"ok":false,"error":"service_unavailable"}"#),
    (200, r#"{"ok":false,"error":"internal_error"}"#),
    (200, r#"{"ok":false,"error":"a_word_to_come"}"#),
    (200, r#"{"ok":false,"error":"no word: SECRET"}"#),
    (200, r#"{"ok":false,"error":"not_in_channel"}"#),
    (
        200,
        r#"{"ok":false,"error":"restricted_action_thread_only_channel"}"#,
    ),
    (200, r#"{"ok":false,"error":"token_revoked"}"#),
    (200, r#"{"ok":false,"error":"invalid_blocks"}"#),
    (200, r#"{"ok":false,"error":"msg_too_long"}"#),
    (200, r#"{"ok":false,"error":"message_not_found"}"#),
    (200, r#"{"ok":false,"error":"edit_window_closed"}"#),
];

#[test]
fn what_slack_says_to_a_post_and_to_an_edit() {
    let post = Call::Post { is_repeat: false };
    let edit = Call::Update {
        spot: spot(),
        begun_by: 1,
    };
    let mut out = String::new();
    for (status, body) in SAID {
        let (one, two) = (said(&post, status, body), said(&edit, status, body));
        let text = format!("{one:?}");
        assert!(!text.contains("SECRET"), "{text}");
        writeln!(out, "{status} {body}\n    {text}").unwrap();
        if one != two {
            writeln!(out, "    edit: {two:?}").unwrap();
        }
    }
    expect![[r#"
        200 {"ok":true,"channel":"C0CORE","ts":"1.2","message":{"text":"secret"}}
            Posted(Spot { channel_id: "C0CORE", ts: "1.2" })
            edit: Done
        200 {"ok":true}
            Failed(Lost("Slack said ok, but not where the message is"))
            edit: Done
        200 <html>Welcome to the guest network</html>
            Failed(Refused("HTTP 200, and no answer of Slack's"))
        302 
            Failed(Refused("HTTP 302, and no answer of Slack's"))
        403 Cannot POST /api/chat.postMessage xoxb-SECRET
            Failed(Refused("HTTP 403, and no answer of Slack's"))
        408 
            Failed(Later("HTTP 408, and no answer of Slack's"))
        429 {"ok":false,"error":"ratelimited"}
            Failed(Throttled { after: Some(7s), why: "ratelimited: it asks for a slower pace" })
        200 {"ok":false,"error":"ratelimited"}
            Failed(Throttled { after: None, why: "ratelimited: it asks for a slower pace" })
        500 
            Failed(Lost("HTTP 500, and no answer of Slack's"))
        503 {"ok":false,"error":"service_unavailable"}
            Failed(Later("service_unavailable"))
        200 {"ok":false,"error":"internal_error"}
            Failed(Lost("internal_error: a fault on Slack's side"))
        200 {"ok":false,"error":"a_word_to_come"}
            Failed(Later("a_word_to_come"))
        200 {"ok":false,"error":"no word: SECRET"}
            Failed(Refused("HTTP 200, and no answer of Slack's"))
        200 {"ok":false,"error":"not_in_channel"}
            Failed(Refused("not_in_channel: the bot is not in the channel: invite it, or let it have `chat:write.public`"))
            edit: Failed(Gone("not_in_channel: the bot is not in the channel: invite it, or let it have `chat:write.public`"))
        200 {"ok":false,"error":"restricted_action_thread_only_channel"}
            Failed(Refused("restricted_action_thread_only_channel"))
        200 {"ok":false,"error":"token_revoked"}
            Failed(Refused("token_revoked: the token was revoked"))
        200 {"ok":false,"error":"invalid_blocks"}
            Failed(Malformed("invalid_blocks: Slack cannot show this form of the message"))
        200 {"ok":false,"error":"msg_too_long"}
            Failed(Malformed("msg_too_long: the message is too long"))
        200 {"ok":false,"error":"message_not_found"}
            Failed(Gone("message_not_found: the message was deleted"))
        200 {"ok":false,"error":"edit_window_closed"}
            Failed(Gone("edit_window_closed: the workspace lets nobody edit messages that are so old"))
    "#]].assert_eq(&out);
}

#[test]
fn what_is_ours_is_found_by_its_metadata() {
    let channel = ChannelName::new("alerts");
    let told = [key("k7f2", 1), key("k7f2", 3), key("m9x2", 1)];
    let ours = |ts: &str, told: &[EntryKey], does_live| json!({ "ts": ts, "text": "x", "metadata": metadata(&channel, told.iter(), does_live) });
    let body = json!({
        "ok": true,
        "messages": [
            ours("5.0", &told[..1], true),
            ours("4.0", &told, false),
            { "ts": "3.0", "text": "a person" },
            { "ts": "2.0", "metadata": { "event_type": "another_app", "event_payload": { "channel": "alerts", "told": "k7f2:9" } } },
            { "ts": "1.0", "metadata": metadata(&ChannelName::new("ops"), told.iter(), true) },
            { "ts": "0.5", "metadata": { "event_type": "hekate_incident", "event_payload": { "channel": "alerts", "told": "k7f2:x m9x2 :1", "lives": "no" } } },
        ],
        "response_metadata": { "next_cursor": "more" },
    });
    let call = Call::History {
        channel_id: String::from("C0CORE"),
        since: crate::model::Timestamp::from_millis(0),
        cursor: None,
    };
    let Answer::Messages { found, next } = said(&call, 200, &body.to_string()) else {
        panic!("it is a page");
    };
    assert_eq!(next.as_deref(), Some("more"));
    let found: Vec<_> = found
        .iter()
        .map(|found| {
            (
                found.spot.ts.as_str(),
                format!("{:?}", found.told),
                found.does_live,
            )
        })
        .collect();
    expect![[r#"
        [
            (
                "5.0",
                "[(\"k7f2\", 1)]",
                true,
            ),
            (
                "4.0",
                "[(\"k7f2\", 3), (\"m9x2\", 1)]",
                false,
            ),
            (
                "0.5",
                "[(\"\", 1)]",
                false,
            ),
        ]
    "#]]
    .assert_debug_eq(&found);
}

#[test]
fn a_channel_is_found_by_its_name() {
    let call = Call::Channels { cursor: None };
    let page = |channels: Value, cursor: &str| {
        let body = json!({ "ok": true, "channels": channels, "response_metadata": { "next_cursor": cursor } });
        said(&call, 200, &body.to_string())
    };
    assert_eq!(
        page(
            json!([{ "id": "C1", "name": "core" }, { "id": "C2", "name": "core-alerts" }]),
            ""
        ),
        Answer::Channels {
            id: Some(String::from("C2")),
            next: None
        }
    );
    assert_eq!(
        page(json!([{ "id": "C1", "name": "core" }]), "more"),
        Answer::Channels {
            id: None,
            next: Some(String::from("more"))
        }
    );
}
