use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::command::act::Filled;

/// A click on a private message, as Slack describes it.
fn click() -> Value {
    json!({
        "type": "block_actions",
        "user": { "id": "U1", "username": "eva", "name": "eva.n", "team_id": "T1" },
        "team": { "id": "T1", "domain": "example" },
        "enterprise": null,
        "is_enterprise_install": false,
        "api_app_id": "A1",
        "token": "old",
        "container": {
            "type": "message", "message_ts": "1792929600.000100", "channel_id": "C1", "is_ephemeral": true,
        },
        "channel": { "id": "C1", "name": "core" },
        "trigger_id": "1.2.3",
        "response_url": "https://hooks.slack.com/actions/T1/1/abc",
        "actions": [{
            "type": "button", "block_id": "b", "action_id": "hekate.show.2", "action_ts": "1792929601.1",
            "value": "1 status problems", "text": { "type": "plain_text", "text": "Problems only" },
        }],
    })
}

fn read(payload: &Value) -> Result<Interaction, NotAnInteraction> {
    Interaction::of_payload(payload, ResponseUrl::parse)
}

fn clicked(payload: &Value) -> Click {
    match read(payload) {
        Ok(Interaction::Click(click)) => *click,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_click_is_read_from_a_form_and_from_an_envelope() {
    let payload = click();
    let seen = clicked(&payload);
    assert_eq!(
        seen.action,
        Ok(Action::say("status problems", Place::Instead))
    );
    assert_eq!((seen.user.id.as_str(), seen.who()), ("U1", "eva"));
    assert_eq!(
        (seen.origin.team_id.as_str(), seen.channel_id.as_str()),
        ("T1", "C1")
    );
    assert_eq!(seen.trigger_id, "1.2.3");
    assert!(seen.is_private && !seen.is_home && seen.response_url.is_some());

    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish();
    let of_form = Interaction::parse(form.as_bytes(), ResponseUrl::parse);
    assert_eq!(of_form, read(&payload));
}

#[test]
fn a_choice_is_what_was_chosen_in_that_block() {
    let mut payload = click();
    payload["actions"][0] = json!({
        "type": "external_select", "block_id": "pick1 show|health|", "action_id": PICK,
        "selected_option": { "text": { "type": "plain_text", "text": "blue" }, "value": "master/blue" },
    });
    assert_eq!(
        clicked(&payload).action,
        Ok(Action::say("health master/blue", Place::Instead))
    );
    payload["actions"][0]["block_id"] = json!("old");
    assert_eq!(clicked(&payload).action, Err(BadAction::Version));
    payload["actions"][0]["selected_option"] = json!(null);
    payload["actions"][0]["block_id"] = json!("pick1 show|health|");
    assert_eq!(clicked(&payload).action, Err(BadAction::Value));
}

#[test]
fn what_is_typed_into_a_menu_is_cleaned() {
    let payload = json!({
        "type": "block_suggestion", "user": { "id": "U1" }, "block_id": "pick1 ask|why|", "action_id": PICK,
        "value": "ma\u{202e}ster  <!channel>",
    });
    let Ok(Interaction::Search(search)) = read(&payload) else {
        panic!("{payload}")
    };
    assert_eq!(search.typed, "master <!channel>");
    assert_eq!(search.pick.unwrap().before, "why");
}

/// A form that was sent, as Slack describes it.
fn form(callback_id: &str, private_metadata: &str) -> Value {
    let input = |value: Value| json!({ "type": "plain_text_input", "value": value });
    json!({
        "type": "view_submission",
        "user": { "id": "U1", "username": "eva", "name": "eva.n", "team_id": "T1" },
        "team": { "id": "T1", "domain": "example" },
        "trigger_id": "1.2.3",
        "view": {
            "id": "V1", "type": "modal", "hash": "1.x",
            "callback_id": callback_id, "private_metadata": private_metadata,
            "state": { "values": {
                "name": { "name": input(json!(" master\u{202e}  blue ")) },
                "reason": { "reason": input(json!(null)) },
            } },
        },
        "response_urls": [],
    })
}

fn filled(payload: &Value) -> Result<Filled, BadAction> {
    match read(payload) {
        Ok(Interaction::Submission(submission)) => {
            assert_eq!(
                (submission.user.id.as_str(), submission.user.name.as_str()),
                ("U1", "eva")
            );
            submission.filled
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_form_is_what_was_typed_into_it_for_the_question_that_it_names() {
    let mut payload = form("hekate.action.type_name", "1 k7f2q");
    let mut expected = Filled {
        nonce: String::from("k7f2q"),
        name: String::from("master blue"),
        why: None,
    };
    assert_eq!(filled(&payload), Ok(expected.clone()));
    payload["view"]["state"]["values"]["reason"]["reason"]["value"] = json!("it <!channel> hangs");
    expected.why = Some(String::from("it <!channel> hangs"));
    assert_eq!(filled(&payload), Ok(expected.clone()));
    payload["view"]["state"] = json!(null);
    (expected.name, expected.why) = (String::new(), None);
    assert_eq!(filled(&payload), Ok(expected));
    for (callback_id, private_metadata, why) in [
        ("", "1 k7f2q", BadAction::Unknown),
        ("hekate.dismiss", "1 -", BadAction::Unknown),
        ("hekate.action.confirm", "1 k7f2q", BadAction::Unknown),
        ("hekate.action.type_name", "k7f2q", BadAction::Version),
        ("hekate.action.type_name", "1 k7 f2q", BadAction::Value),
    ] {
        assert_eq!(
            filled(&form(callback_id, private_metadata)),
            Err(why),
            "{callback_id}"
        );
    }
    payload["view"] = json!("V1");
    assert_eq!(read(&payload), Err(NotAnInteraction::Missing("view")));
    let mut nobody = form("hekate.action.type_name", "1 k7f2q");
    nobody["user"] = json!({});
    assert_eq!(read(&nobody), Err(NotAnInteraction::Missing("user.id")));
}

#[test]
fn what_nothing_of_ours_causes_is_named() {
    for kind in ["view_closed", "shortcut", "new\nthing"] {
        let Ok(Interaction::Other { kind: named }) = read(&json!({ "type": kind })) else {
            panic!("{kind}")
        };
        assert_eq!(named, kind.replace('\n', " "));
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    let without = |path: &str| {
        let mut payload = click();
        *payload.pointer_mut(path).unwrap() = Value::Null;
        read(&payload)
    };
    for (path, name) in [
        ("/type", "type"),
        ("/user", "user.id"),
        ("/user/id", "user.id"),
        ("/actions", "actions"),
    ] {
        assert_eq!(without(path), Err(NotAnInteraction::Missing(name)));
    }
    let mut foreign = click();
    foreign["response_url"] = json!("https://hooks.slack.com.evil.test/x");
    assert!(matches!(
        read(&foreign),
        Err(NotAnInteraction::ResponseUrl(_))
    ));
    for form in [
        "",
        "payload=",
        "payload=%7B",
        "payload=%5B%5D",
        "payload=null",
        "payload=%7B%7D&payload=%7B%7D",
        "text=x",
    ] {
        let read = Interaction::parse(form.as_bytes(), ResponseUrl::parse);
        assert!(read.is_err(), "{form}");
    }
}

#[test]
fn what_is_missing_beside_is_empty() {
    let payload = json!({
        "type": "block_actions", "user": { "id": "U1" }, "container": { "type": "view" },
        "actions": [{}], "trigger_id": "x".repeat(500),
    });
    let seen = clicked(&payload);
    assert_eq!(seen.action, Err(BadAction::Unknown));
    assert!(seen.is_home && !seen.is_private && seen.trigger_id.is_empty());
    assert_eq!(seen.who(), "U1");
}

proptest! {
    #[test]
    fn no_bytes_make_it_stumble(form in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Interaction::parse(&form, ResponseUrl::parse);
    }
}
