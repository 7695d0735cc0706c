use std::fmt::Write as _;

use expect_test::expect;
use serde_json::json;

use super::*;
use crate::slack::origin::Home;

fn happening(event: &Value) -> Value {
    json!({
        "type": "event_callback", "event_id": "Ev1", "event_time": 1_790_000_000, "team_id": "T1", "api_app_id": "A1",
        "authorizations": [
            { "is_bot": true, "user_id": "U0HEKATE", "team_id": "T1" },
            { "is_bot": false, "user_id": "U1" },
        ],
        "event": event,
    })
}

fn mention(text: &str) -> Value {
    json!({
        "type": "app_mention", "user": "U1", "team": "T1", "channel": "C1", "ts": "1790000000.000100", "text": text,
    })
}

fn direct(text: &str) -> Value {
    json!({
        "type": "message", "channel_type": "im", "user": "U1", "team": "T1", "channel": "D1", "ts": "1790000000.000200",
        "text": text,
    })
}

fn ordinary(text: &str) -> Value {
    let mut event = direct(text);
    event["channel_type"] = json!("channel");
    event["channel"] = json!("C0CORE001");
    event
}

fn read(event: &Value) -> Result<Happening, NotACallback> {
    match Callback::of_payload(&happening(event))? {
        Callback::Happened(happening) => Ok(*happening),
        other @ (Callback::Challenge(_) | Callback::Other { .. }) => panic!("{other:?}"),
    }
}

fn said(event: &Value) -> Said {
    match read(event).unwrap().event {
        Event::Said(said) => said,
        other @ (Event::HomeOpened { .. } | Event::NotForUs(_) | Event::Other { .. }) => {
            panic!("{other:?}")
        }
    }
}

#[test]
fn the_words_are_those_behind_the_mention() {
    let own = [String::from("U0HEKATE")];
    let mut out = String::new();
    for event in [
        mention("<@U0HEKATE> show tasks blue rh"),
        mention("hey <@U2>, <@U0HEKATE|hekate>: status &lt;blue&gt;"),
        mention("<@U0HEKATE>"),
        mention("<@U0HEKATE> why <@U2> and <@U0HEKATE>"),
        mention("<@U0HEKATEX> status"),
        mention("<@U0HEKATE status"),
        mention("<@U0HEKATE|a<b> status"),
        mention("status"),
        mention(""),
        direct("status blue"),
        direct(" <@U0HEKATE>, status"),
        direct("ack k7f2 because <@U0HEKATE> says so"),
        direct(""),
    ] {
        let said = said(&event);
        let words = said.words(&own).map(|typed| typed.text);
        writeln!(out, "{:?} {:?} -> {words:?}", said.venue, said.raw).unwrap();
    }
    expect![[r#"
        Channel "<@U0HEKATE> show tasks blue rh" -> Some("show tasks blue rh")
        Channel "hey <@U2>, <@U0HEKATE|hekate>: status &lt;blue&gt;" -> Some("status <blue>")
        Channel "<@U0HEKATE>" -> Some("")
        Channel "<@U0HEKATE> why <@U2> and <@U0HEKATE>" -> Some("why @U2 and @U0HEKATE")
        Channel "<@U0HEKATEX> status" -> None
        Channel "<@U0HEKATE status" -> None
        Channel "<@U0HEKATE|a<b> status" -> None
        Channel "status" -> None
        Channel "" -> None
        Direct "status blue" -> Some("status blue")
        Direct " <@U0HEKATE>, status" -> Some("status")
        Direct "ack k7f2 because <@U0HEKATE> says so" -> Some("ack k7f2 because @U0HEKATE says so")
        Direct "" -> Some("")
    "#]]
    .assert_eq(&out);
}

#[test]
fn what_no_person_said_just_now_is_nothing_to_answer() {
    let mut out = String::new();
    let marks = [
        ("bot_id", json!("B1")),
        ("bot_profile", json!({ "id": "B1" })),
        ("app_id", json!("A1")),
        ("subtype", json!("message_changed")),
        ("subtype", json!("bot_message")),
        ("edited", json!({ "user": "U1", "ts": "1.2" })),
        ("hidden", json!(true)),
        ("user", json!(null)),
        ("user", json!("USLACKBOT")),
        ("user", json!("")),
        ("user", json!({ "id": "U1" })),
    ];
    for (name, value) in marks {
        for mut event in [mention("<@U0HEKATE> status"), direct("status")] {
            event[name] = value.clone();
            let Event::NotForUs(why) = read(&event).unwrap().event else {
                panic!("{event}");
            };
            if event["type"] == "message" {
                writeln!(out, "{name}: {value}: {why}").unwrap();
            }
        }
    }
    for kind in ["mpim", "app_home"] {
        let mut event = direct("<@U0HEKATE> status");
        event["channel_type"] = json!(kind);
        assert!(
            matches!(read(&event).unwrap().event, Event::NotForUs(_)),
            "{kind}"
        );
    }
    // One that is only a picture is no mistake of Slack's, or it would be sent again.
    let mut picture = ordinary("");
    picture["text"] = json!(null);
    assert!(matches!(
        read(&picture).unwrap().event,
        Event::NotForUs("it was not said to the bot")
    ));
    // What is not hidden is not marked by saying so.
    let mut event = direct("status");
    event["hidden"] = json!(false);
    assert!(matches!(read(&event).unwrap().event, Event::Said(_)));
    expect![[r#"
        bot_id: "B1": a program said it
        bot_profile: {"id":"B1"}: a program said it
        app_id: "A1": a program said it
        subtype: "message_changed": it is no plain message
        subtype: "bot_message": it is no plain message
        edited: {"ts":"1.2","user":"U1"}: it was edited
        hidden: true: it is hidden
        user: null: no person said it
        user: "USLACKBOT": no person said it
        user: "": no person said it
        user: {"id":"U1"}: no person said it
    "#]]
    .assert_eq(&out);
}

#[test]
fn an_ordinary_message_is_overheard_unless_it_mentions_the_bot_or_no_person_said_it() {
    let own = [String::from("U0HEKATE")];
    for kind in ["channel", "group"] {
        let mut event = ordinary("when &lt;we&gt; have <@U2|time>");
        event["channel_type"] = json!(kind);
        event["thread_ts"] = json!("1790000000.000001");
        event["parent_user_id"] = json!("U0HEKATE");
        let said = said(&event);
        assert_eq!(said.venue, Venue::Overheard);
        assert_eq!(said.parent_user_id.as_deref(), Some("U0HEKATE"));
        let words = said.words(&own).map(|typed| typed.text);
        assert_eq!(words.as_deref(), Some("when <we> have @time"));
    }
    // That comes as a mention as well.
    assert_eq!(said(&ordinary("<@U0HEKATE> status")).words(&own), None);
    assert_eq!(said(&ordinary("ask <@U0HEKATE|hekate>")).words(&own), None);
    for (name, value) in [
        ("bot_id", json!("B1")),
        ("subtype", json!("message_changed")),
        ("subtype", json!("thread_broadcast")),
        ("edited", json!({ "user": "U1" })),
        ("user", json!("USLACKBOT")),
    ] {
        let mut event = ordinary("when we have time");
        event[name] = value;
        assert!(matches!(read(&event).unwrap().event, Event::NotForUs(_)));
    }
}

#[test]
fn what_cannot_be_read_is_said_so_and_what_is_not_known_is_named() {
    let mut out = String::new();
    let mut no_channel = mention("x");
    no_channel["channel"] = json!("C 1");
    let mut no_ts = mention("x");
    no_ts["ts"] = json!("1790000000");
    let mut no_text = mention("x");
    no_text["text"] = json!(["x"]);
    let mut no_id = happening(&mention("x"));
    no_id["event_id"] = json!("x".repeat(65));
    let mut no_team = happening(&mention("x"));
    no_team["team_id"] = json!(null);
    for payload in [
        json!([]),
        json!({}),
        json!({ "type": 5 }),
        json!({ "type": "event_callback" }),
        json!({ "type": "app_rate_limited\u{202e}", "team_id": "T1" }),
        json!({ "type": "url_verification", "challenge": "3eZbrw1aBm2rZg" }),
        json!({ "type": "url_verification", "challenge": "<script>" }),
        json!({ "type": "url_verification", "challenge": "x".repeat(201) }),
        json!({ "type": "url_verification" }),
        happening(&json!({ "type": "team_join" })),
        happening(
            &json!({ "type": "app_home_opened", "user": "U1", "tab": "home", "channel": "D1" }),
        ),
        happening(&json!({ "type": "app_home_opened", "user": "U1", "tab": "messages" })),
        happening(&json!({ "type": "app_home_opened", "user": "", "tab": "home" })),
        happening(&json!(null)),
        happening(&no_channel),
        happening(&no_ts),
        happening(&no_text),
        no_id,
        no_team,
    ] {
        let read = match Callback::of_payload(&payload) {
            Ok(Callback::Happened(happening)) => format!("{:?}", happening.event),
            Ok(other @ (Callback::Challenge(_) | Callback::Other { .. })) => format!("{other:?}"),
            Err(why) => why.to_string(),
        };
        writeln!(out, "{read}").unwrap();
    }
    for body in ["", "{", "null", "5"] {
        assert_eq!(
            Callback::parse(body.as_bytes()),
            Err(NotACallback::Form),
            "{body}"
        );
    }
    expect![[r#"
        it is no JSON object
        `type` is missing or is not what it should be
        `type` is missing or is not what it should be
        `event.type` is missing or is not what it should be
        Other { kind: "app_rate_limited" }
        Challenge("3eZbrw1aBm2rZg")
        `challenge` is missing or is not what it should be
        `challenge` is missing or is not what it should be
        `challenge` is missing or is not what it should be
        Other { kind: "team_join" }
        HomeOpened { user_id: "U1" }
        NotForUs("it is another tab")
        `event.user` is missing or is not what it should be
        `event.type` is missing or is not what it should be
        `event.channel` is missing or is not what it should be
        `event.ts` is missing or is not what it should be
        `event.text` is missing or is not what it should be
        `event_id` is missing or is not what it should be
        `team_id` is missing or is not what it should be
    "#]]
    .assert_eq(&out);
}

#[test]
fn a_bot_answers_for_its_own_workspace_and_app_only() {
    let answer = json!({
        "ok": true, "user_id": "U0HEKATE", "bot_id": "B0", "team_id": "T1", "enterprise_id": "E1", "app_id": "A1",
    });
    let identity = Identity::read(&answer).unwrap();
    let mut person = answer;
    person["bot_id"] = json!(null);
    assert_eq!(Identity::read(&person), None);
    let home = Home::new(None, Some(&identity)).unwrap();
    let mut out = String::new();
    for (path, value) in [
        ("/team_id", "T1"),
        ("/team_id", "E1"),
        ("/team_id", "T2"),
        ("/api_app_id", "A2"),
        ("/event/team", "T2"),
        ("/event/user_team", "T2"),
        ("/event/source_team", "T2"),
        ("/event/team", "E1"),
    ] {
        let mut payload = happening(&mention("<@U0HEKATE> status"));
        payload["event"]["user_team"] = json!("T1");
        payload["event"]["source_team"] = json!("T1");
        *payload.pointer_mut(path).unwrap() = json!(value);
        let Ok(Callback::Happened(happening)) = Callback::of_payload(&payload) else {
            panic!("{payload}");
        };
        assert_eq!(identity.users(&happening), ["U0HEKATE", "U0HEKATE"]);
        let admitted = home.admit(&happening.origin);
        let said = admitted.map_or_else(|why| why.to_string(), |()| String::from("let in"));
        writeln!(out, "{path} {value}: {said}").unwrap();
    }
    expect![[r#"
        /team_id T1: let in
        /team_id E1: let in
        /team_id T2: it happened in another workspace
        /api_app_id A2: it is for another app
        /event/team T2: somebody of another workspace did it
        /event/user_team T2: somebody of another workspace did it
        /event/source_team T2: somebody of another workspace did it
        /event/team E1: let in
    "#]]
    .assert_eq(&out);
}
