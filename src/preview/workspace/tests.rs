use serde_json::json;

use super::*;

const TOKEN: &str = "xoxb-preview";
const ME: (&str, &str) = ("U0PREVIEW", "you");

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1_792_929_600_000 + second * 1_000)
}

fn workspace() -> Workspace {
    let mut workspace = Workspace::new(Secret::new(TOKEN));
    let channel = |key: &str| (key.to_owned(), format!("#{key}"));
    workspace.furnish(&[channel("alerts"), channel("ops")]);
    workspace
}

fn call(workspace: &mut Workspace, method: &str, arguments: &Value) -> Value {
    workspace.call(method, Some(TOKEN), arguments, at(0))
}

fn posted(workspace: &mut Workspace, arguments: &Value) -> String {
    let answer = call(workspace, "chat.postMessage", arguments);
    assert_eq!(answer["ok"], true, "{answer}");
    answer["ts"].as_str().unwrap().to_owned()
}

fn buttons() -> Value {
    json!([{ "type": "actions", "elements": [
        { "type": "button", "action_id": "hekate.ack", "value": "1 i:k1", "text": { "type": "plain_text", "text": "I'm on it" } },
        { "type": "static_select", "action_id": "hekate.silence", "options": [
            { "text": { "type": "plain_text", "text": "for 2 h" }, "value": "1 2h i:k1" },
        ] },
        { "type": "external_select", "action_id": "hekate.pick" },
    ] }])
}

#[test]
fn a_message_is_posted_edited_answered_and_found_again() {
    let mut workspace = workspace();
    let told = json!({ "event_type": "hekate_incident", "event_payload": { "told": "k1:0" } });
    let message = json!({ "channel": "#alerts", "text": "DOWN", "metadata": told });
    let first = posted(&mut workspace, &message);
    let other = posted(&mut workspace, &message);
    assert!(other > first, "two messages of one moment are two");
    let edit = json!({ "channel": "C0PREVIEW001", "ts": first, "text": "UP AGAIN" });
    assert_eq!(call(&mut workspace, "chat.update", &edit)["ok"], true);
    let line = json!({ "channel": "C0PREVIEW001", "thread_ts": first, "text": "12:01 back", "reply_broadcast": true });
    let line = posted(&mut workspace, &line);

    let asked = json!({ "channel": "C0PREVIEW001", "oldest": "1792929600", "limit": "1" });
    let history = call(&mut workspace, "conversations.history", &asked);
    let times = |answer: &Value| -> Vec<String> {
        let messages = answer["messages"].as_array().unwrap().iter();
        messages
            .map(|one| one["ts"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(times(&history), [line.as_str()]);
    assert_eq!(history["response_metadata"]["next_cursor"], "1");
    // The first one is of the very moment that is asked from; Slack leaves it out.
    let asked = json!({ "channel": "C0PREVIEW001", "oldest": "1792929600", "cursor": "1" });
    let history = call(&mut workspace, "conversations.history", &asked);
    assert_eq!(times(&history), [other]);
    let asked = json!({ "channel": "C0PREVIEW001", "oldest": "1792929599", "cursor": "2" });
    let history = call(&mut workspace, "conversations.history", &asked);
    assert_eq!(times(&history), [first.as_str()]);
    assert_eq!(history["messages"][0]["text"], "UP AGAIN");
    assert_eq!(
        history["messages"][0]["metadata"], told,
        "an edit without metadata keeps them"
    );
    let asked = json!({ "channel": "C0PREVIEW001", "ts": first });
    let replies = call(&mut workspace, "conversations.replies", &asked);
    assert_eq!(times(&replies), [first, line]);
}

#[test]
fn what_slack_refuses_is_refused_in_its_words() {
    let mut workspace = workspace();
    let hello = json!({ "channel": "#alerts", "text": "hello" });
    workspace
        .hook("alerts", json!({ "text": "by webhook" }), at(0))
        .unwrap();
    let by_webhook = workspace.posts_of("alerts").next().unwrap().ts.clone();
    for (method, arguments, why) in [
        (
            "chat.postMessage",
            json!({ "channel": "#gone", "text": "x" }),
            "channel_not_found",
        ),
        (
            "chat.postMessage",
            json!({ "channel": "#alerts", "text": "" }),
            "no_text",
        ),
        (
            "chat.postMessage",
            json!({ "channel": "#alerts", "text": "x", "thread_ts": "1.2" }),
            "thread_not_found",
        ),
        (
            "chat.update",
            json!({ "channel": "#alerts", "text": "x", "ts": "1.2" }),
            "message_not_found",
        ),
        (
            "chat.update",
            json!({ "channel": "#alerts", "text": "x", "ts": by_webhook }),
            "cant_update_message",
        ),
        (
            "chat.update",
            json!({ "channel": "#ops", "text": "x", "ts": by_webhook }),
            "message_not_found",
        ),
        (
            "conversations.replies",
            json!({ "channel": "#alerts", "ts": "1.2" }),
            "thread_not_found",
        ),
        ("files.info", json!({}), "unknown_method"),
    ] {
        let answer = call(&mut workspace, method, &arguments);
        assert_eq!(
            answer,
            json!({ "ok": false, "error": why }),
            "{method} {arguments}"
        );
    }
    for (token, why) in [(None, "not_authed"), (Some("xoxb-other"), "invalid_auth")] {
        let answer = workspace.call("chat.postMessage", token, &hello, at(0));
        assert_eq!(answer["error"], why);
    }
    assert_eq!(workspace.hook("gone", hello, at(0)), Err("no_service"));
    assert_eq!(
        workspace.hook("alerts", json!({ "x": 1 }), at(0)),
        Err("no_text")
    );
    assert_eq!(workspace.count(), 1);
}

#[test]
fn a_click_carries_what_the_button_carries_and_nothing_that_was_not_shown() {
    let mut workspace = workspace();
    let message = json!({ "channel": "#alerts", "text": "DOWN", "attachments": [{ "color": "#E01E5A", "blocks": buttons() }] });
    let ts = posted(&mut workspace, &message);
    let part = "/attachments/0/blocks/0/elements/0";
    let press = |part, chosen| Press {
        ts: &ts,
        part,
        chosen,
    };
    let payload = workspace
        .pressed(
            press(part, None),
            ME,
            "http://127.0.0.1:1/bot/response",
            at(1),
        )
        .unwrap();
    assert_eq!(payload["type"], "block_actions");
    assert_eq!(payload["actions"][0]["value"], "1 i:k1");
    assert_eq!(payload["container"]["type"], "message_attachment");
    assert_eq!(payload["channel"]["id"], "C0PREVIEW001");
    assert_eq!(payload["message"]["text"], "DOWN");
    assert_eq!(payload["response_url"], "http://127.0.0.1:1/bot/response/1");

    let menu = "/attachments/0/blocks/0/elements/1";
    let chosen = workspace
        .pressed(press(menu, Some("1 2h i:k1")), ME, "", at(1))
        .unwrap();
    assert_eq!(
        chosen["actions"][0]["selected_option"]["value"],
        "1 2h i:k1"
    );
    assert_ne!(chosen["trigger_id"], payload["trigger_id"]);
    let search = "/attachments/0/blocks/0/elements/2";
    let asked = workspace.searched(press(search, None), "blue", ME).unwrap();
    assert_eq!(
        (&asked["type"], &asked["value"]),
        (&json!("block_suggestion"), &json!("blue"))
    );
    for (part, value) in [
        (menu, Some("1 8h i:k1")),
        (menu, None),
        (part, Some("1 i:k2")),
        ("/attachments/0/blocks/0/elements/7", None),
        ("/attachments/0/color", None),
        ("/metadata/elements/0", None),
        ("", None),
    ] {
        let press = press(part, value);
        assert_eq!(
            workspace.pressed(press, ME, "", at(1)),
            Err(NotThere),
            "{part}"
        );
    }
    let searched = workspace.searched(press(menu, None), "blue", ME);
    assert_eq!(searched, Err(NotThere));
}

#[test]
fn an_answer_goes_beside_in_place_of_or_away_with_what_was_pressed() {
    let mut workspace = workspace();
    let question = workspace.typed("ops", "/roih status", at(0));
    workspace.answered(
        "ops",
        json!({ "text": "all well", "blocks": buttons() }),
        at(0),
    );
    let seen = |workspace: &Workspace| -> Vec<(Kind, String, u32)> {
        let posts = workspace.posts_of("ops");
        posts
            .map(|post| {
                let text = post.payload["text"].as_str().unwrap().to_owned();
                (post.kind, text, post.edits)
            })
            .collect()
    };
    let ts = workspace.posts_of("ops").last().unwrap().ts.clone();
    let press = Press {
        ts: &ts,
        part: "/blocks/0/elements/0",
        chosen: None,
    };
    let payload = workspace.pressed(press, ME, "x", at(1)).unwrap();
    assert_eq!(payload["container"]["is_ephemeral"], true);
    assert_eq!(payload["message"], Value::Null);
    let id = payload["response_url"]
        .as_str()
        .unwrap()
        .trim_start_matches("x/")
        .to_owned();

    let again = json!({ "text": "still well", "replace_original": true });
    assert_eq!(workspace.respond(&id, again, at(2)), Ok(()));
    let shared =
        json!({ "text": "look", "response_type": "in_channel", "replace_original": false });
    assert_eq!(workspace.respond(&id, shared, at(2)), Ok(()));
    let typed = (Kind::Typed, String::from("/roih status"), 0);
    let shared = (Kind::Bot, String::from("look"), 0);
    let answer = (Kind::Private, String::from("still well"), 1);
    assert_eq!(seen(&workspace), [typed.clone(), answer, shared.clone()]);
    assert_eq!(
        workspace.respond(&id, json!({ "delete_original": true }), at(2)),
        Ok(())
    );
    assert_eq!(seen(&workspace), [typed, shared]);
    // Private posts are no news, what is shared is.
    assert_eq!((workspace.told(), workspace.count()), (1, 3));
    assert_eq!(workspace.unread("ops"), 1);
    workspace.read("ops");
    assert_eq!(workspace.unread("ops"), 0);

    for _ in 0..2 {
        assert_eq!(
            workspace.respond(&id, json!({ "text": "more" }), at(3)),
            Ok(())
        );
    }
    assert_eq!(
        workspace.respond(&id, json!({ "text": "x" }), at(3)),
        Err("used_url")
    );
    assert_eq!(
        workspace.respond("77", json!({ "text": "x" }), at(3)),
        Err("used_url")
    );
    let late = at(3_600);
    assert_eq!(
        workspace.respond(&question, json!({ "text": "x" }), late),
        Err("expired_url")
    );
}

#[test]
fn memory_is_bounded_in_number_and_in_size() {
    let mut workspace = workspace();
    for number in 0..KEPT + 20 {
        workspace
            .hook("alerts", json!({ "text": number.to_string() }), at(0))
            .unwrap();
    }
    assert_eq!(
        (workspace.posts.len(), workspace.count()),
        (KEPT, KEPT + 20)
    );
    assert_eq!(workspace.posts_from(KEPT + 18).count(), 2);
    for number in 0..PRIVATE_KEPT + 3 {
        let _address = workspace.typed("ops", &format!("/roih {number}"), at(0));
    }
    assert_eq!(workspace.posts_of("ops").count(), PRIVATE_KEPT);
    let large = "x".repeat(KEPT_BYTES / 4);
    for _ in 0..9 {
        workspace
            .hook("alerts", json!({ "text": large }), at(0))
            .unwrap();
    }
    assert_eq!(
        workspace.posts.len(),
        3,
        "the fourth would be too many bytes"
    );
    for _ in 0..ADDRESSES_KEPT + 5 {
        let _address = workspace.open_address("ops", None, at(0));
    }
    assert_eq!(workspace.addresses.len(), ADDRESSES_KEPT);
}

#[test]
fn channels_of_a_changed_file_keep_their_ids() {
    let mut workspace = workspace();
    let channel = |key: &str| (key.to_owned(), format!("#{key}"));
    workspace.furnish(&[channel("new"), channel("ops")]);
    let ids: Vec<_> = workspace
        .rooms()
        .iter()
        .map(|room| room.id.as_str())
        .collect();
    assert_eq!(ids, ["C0PREVIEW003", "C0PREVIEW002"]);
    assert_eq!(workspace.room("alerts"), None);
}

fn form() -> Value {
    json!({
        "type": "modal", "callback_id": "hekate.action.type_name", "private_metadata": "1 abcd",
        "title": { "type": "plain_text", "text": "Force restart" },
        "submit": { "type": "plain_text", "text": "Restart now" },
        "blocks": [
            { "type": "section", "text": { "type": "mrkdwn", "text": "*api* is DOWN" } },
            { "type": "input", "block_id": "name", "label": { "type": "plain_text", "text": "Type api" },
              "element": { "type": "plain_text_input", "action_id": "name" } },
            { "type": "input", "block_id": "reason", "label": { "type": "plain_text", "text": "Why?" },
              "element": { "type": "plain_text_input", "action_id": "reason" } },
        ],
    })
}

fn typed(name: &str) -> std::collections::BTreeMap<String, String> {
    std::collections::BTreeMap::from([(String::from("name"), name.to_owned())])
}

#[test]
fn a_form_is_opened_sent_corrected_and_answered() {
    let mut workspace = workspace();
    let trigger = workspace.trigger(at(0));
    let open = json!({ "trigger_id": trigger, "view": form() });
    assert_eq!(call(&mut workspace, "views.open", &open)["ok"], true);
    let shown = workspace.form().unwrap().clone();
    let sent = workspace.submitted(&shown.id, typed("web"), at(1)).unwrap();
    assert_eq!(sent["type"], "view_submission");
    assert_eq!(sent["view"]["private_metadata"], "1 abcd");
    assert_eq!(
        sent["view"]["state"]["values"],
        json!({
            "name": { "name": { "type": "plain_text_input", "value": "web" } },
            "reason": { "reason": { "type": "plain_text_input", "value": null } },
        })
    );
    let errors = json!({ "response_action": "errors", "errors": { "name": "type api" } });
    workspace.resolved(Some(&errors));
    let wrong = workspace.form().unwrap();
    assert_eq!(
        (wrong.errors["name"].as_str(), wrong.edits),
        ("type api", 1)
    );
    assert_eq!(wrong.typed["name"], "web", "it can be mended");
    workspace.submitted(&shown.id, typed("api"), at(2)).unwrap();
    assert!(workspace.form().unwrap().errors.is_empty());
    let mut done = form();
    done["blocks"] = json!([{ "type": "divider" }]);
    workspace.resolved(Some(&json!({ "response_action": "update", "view": done })));
    assert_eq!(
        workspace.form().unwrap().view["blocks"][0]["type"],
        "divider"
    );
    assert_eq!(
        call(
            &mut workspace,
            "views.update",
            &json!({ "view_id": shown.id, "view": form() })
        )["ok"],
        true
    );
    // Without an answer it closes, and what is closed cannot be sent.
    workspace.resolved(None);
    assert!(workspace.form().is_none());
    assert_eq!(
        workspace.submitted(&shown.id, typed("api"), at(3)),
        Err(NotThere)
    );
    assert_eq!(
        call(
            &mut workspace,
            "views.update",
            &json!({ "view_id": shown.id, "view": form() })
        )["error"],
        "not_found"
    );
}

#[test]
fn a_trigger_opens_one_form_in_time_and_only_one_that_slack_would_show() {
    let mut workspace = workspace();
    let trigger = workspace.trigger(at(-4));
    let late = json!({ "trigger_id": trigger, "view": form() });
    assert_eq!(
        call(&mut workspace, "views.open", &late)["error"],
        "expired_trigger_id"
    );
    let unknown = json!({ "trigger_id": "x", "view": form() });
    assert_eq!(
        call(&mut workspace, "views.open", &unknown)["error"],
        "invalid_trigger_id"
    );
    let trigger = workspace.trigger(at(-2));
    for (path, value) in [
        ("/type", json!("home")),
        ("/title/text", json!("x".repeat(25))),
        ("/submit", json!(null)),
        ("/blocks", json!([])),
    ] {
        let mut view = form();
        *view.pointer_mut(path).unwrap() = value;
        let open = json!({ "trigger_id": trigger, "view": view });
        assert_eq!(
            call(&mut workspace, "views.open", &open)["error"],
            "invalid_arguments",
            "{path}"
        );
    }
    let open = json!({ "trigger_id": trigger, "view": form() });
    assert_eq!(
        call(&mut workspace, "views.push", &open)["error"],
        "push_limit_reached"
    );
    assert_eq!(call(&mut workspace, "views.open", &open)["ok"], true);
    assert_eq!(
        call(&mut workspace, "views.open", &open)["error"],
        "exchanged_trigger_id"
    );
    for _ in 0..2 {
        let trigger = workspace.trigger(at(0));
        let push = json!({ "trigger_id": trigger, "view": form() });
        assert_eq!(call(&mut workspace, "views.push", &push)["ok"], true);
    }
    let fourth = json!({ "trigger_id": workspace.trigger(at(0)), "view": form() });
    assert_eq!(
        call(&mut workspace, "views.push", &fourth)["error"],
        "push_limit_reached"
    );
    workspace.resolved(Some(&json!({ "response_action": "clear" })));
    assert!(workspace.form().is_none());
}

#[test]
fn the_home_tab_is_the_reader_s_and_can_be_pressed() {
    let mut workspace = workspace();
    let publish = |user: &str, view: Value| json!({ "user_id": user, "view": view });
    let home = json!({ "type": "home", "blocks": buttons() });
    let other = publish("U0OTHER", home.clone());
    assert_eq!(call(&mut workspace, "views.publish", &other)["ok"], true);
    assert!(workspace.home().is_none());
    assert_eq!(
        call(&mut workspace, "views.publish", &publish(ME.0, form()))["error"],
        "invalid_arguments"
    );
    call(&mut workspace, "views.publish", &publish(ME.0, home));
    let press = Press {
        ts: HOME,
        part: "/blocks/0/elements/0",
        chosen: None,
    };
    let pressed = workspace.pressed(press, ME, "http://x", at(1)).unwrap();
    assert_eq!(pressed["container"]["type"], "view");
    assert_eq!(pressed["actions"][0]["value"], "1 i:k1");
    assert!(pressed["response_url"].is_null(), "{pressed}");
    let search = Press {
        part: "/blocks/0/elements/2",
        ..press
    };
    assert!(workspace.searched(search, "x", ME).is_ok());
    let none = Press {
        part: "/blocks/9/elements/0",
        ..press
    };
    assert_eq!(
        workspace.pressed(none, ME, "http://x", at(1)),
        Err(NotThere)
    );
}

#[test]
fn whoever_clicks_is_in_user_groups_only_where_that_was_said_and_anybody_can_be_chosen() {
    let mut workspace = workspace();
    let asked = json!({ "usergroup": "S0CORE01" });
    for members in [json!([]), json!([ME.0])] {
        let answer = call(&mut workspace, "usergroups.users.list", &asked);
        assert_eq!(answer["users"], members);
        workspace.admit_reader();
    }
    let select = json!([{ "type": "actions", "block_id": "hand 1 i:k1", "elements": [
        { "type": "users_select", "action_id": "hekate.hand_over" },
    ] }]);
    let message = json!({ "channel": "#alerts", "text": "DOWN", "blocks": select });
    let ts = posted(&mut workspace, &message);
    let press = |chosen| Press {
        ts: &ts,
        part: "/blocks/0/elements/0",
        chosen,
    };
    let chosen = workspace
        .pressed(press(Some("U0SOMEBODY")), ME, "http://x", at(1))
        .unwrap();
    assert_eq!(chosen["actions"][0]["selected_user"], "U0SOMEBODY");
    assert_eq!(chosen["actions"][0]["block_id"], "hand 1 i:k1");
    assert_eq!(
        workspace.pressed(press(None), ME, "http://x", at(1)),
        Err(NotThere)
    );
}
