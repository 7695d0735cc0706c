//! Forms in which a name is typed, by signed requests and over connections: opened, sent, and what happens if Slack shows none.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
};

use hekate::clock::Clock;
use serde_json::{Value, json};

use super::{
    door::Door,
    home::{Hekate, Home},
    receiver::Receiver,
    slash::{SECRET, Signed},
    socket_mode::stand_in::{BOT_TOKEN, Bid, StandIn},
    targets::Targets,
    wait::until,
};

const OPEN: &str = "views.open";

/// A pair, an action whose name has to be typed, and what it posts to.
struct Stage {
    door: Door,
    hekate: Hekate,
    slack: StandIn,
    receiver: Receiver,
    _targets: Targets,
    home: Home,
}

impl Stage {
    async fn start(door: Door) -> Self {
        let (targets, receiver) = (Targets::start().await, Receiver::start().await);
        let slack = StandIn::start().await;
        let mut home = Home::new(&receiver, &["ops"]);
        home.set("BOT_TOKEN", BOT_TOKEN);
        let key = door.key(&mut home);
        home.write(&format!(
            "slack: {{ {key}, bot_token: \"${{BOT_TOKEN}}\", base_url: \"{}\" }}\n\
             groups: {{ master: {{ active: {{ file: active.txt }} }} }}\n\
             targets:\n  - {{ name: blue, group: master, health: \"{}\" }}\n  - {{ name: green, group: master, health: \"{}\" }}\n\
             actions:\n  force_restart:\n    when: {{ role: any }}\n    allow: {{ users: [UEVA, UJAN] }}\n    reason: required\n    \
             http: {{ method: POST, url: \"{}\", json: '{{\"text\": \"{{name}} because {{reason}}\"}}' }}\n",
            slack.base_url(),
            targets.url("blue"),
            targets.url("green"),
            receiver.url("deeds"),
        ));
        fs::write(home.path().join("active.txt"), "blue").expect("the folder takes files");
        let hekate = home.start().await;
        door.is_open(&slack).await;
        until("the roles are read", async || {
            (hekate.target("master/blue").await["role"] == "active").then_some(())
        })
        .await;
        Self {
            door,
            hekate,
            slack,
            receiver,
            _targets: targets,
            home,
        }
    }

    /// What Slack shows to somebody who types this, as often as it takes until it is believed.
    async fn types(&self, name: &str, text: &str) -> Value {
        until(&format!("{text} is believed"), async || {
            let said = self.typed(name, text).await;
            let words = said["text"].as_str().unwrap_or_default();
            (!words.contains("before hekate was started")).then_some(said)
        })
        .await
    }

    async fn typed(&self, name: &str, text: &str) -> Value {
        let id = next();
        let user = format!("U{}", name.to_uppercase());
        match self.door {
            Door::Request => {
                let fields = [
                    ("team_id", "T1"),
                    ("channel_id", "C1"),
                    ("channel_name", "test"),
                    ("user_id", &user),
                    ("user_name", name),
                    ("command", "/roih"),
                    ("text", text),
                    ("trigger_id", &id),
                ];
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(fields);
                let signed = Signed::of(form.finish(), SECRET, 0);
                signed.send(&self.hekate).await.json()
            }
            Door::Connection => {
                let mut envelope = self.slack.command(&id, text);
                envelope["payload"]["user_id"] = json!(user);
                envelope["payload"]["user_name"] = json!(name);
                self.say_over_line(&id, &envelope).await
            }
        }
    }

    async fn say_over_line(&self, id: &str, envelope: &Value) -> Value {
        self.slack
            .say(self.slack.open_lines()[0], &envelope.to_string());
        self.slack.acknowledged(id).await["payload"].clone()
    }

    /// Hands over what somebody did; the answer to it, null if it is none.
    async fn does(&self, payload: &Value) -> Value {
        match self.door {
            Door::Request => {
                let form = form_urlencoded::Serializer::new(String::new())
                    .append_pair("payload", &payload.to_string())
                    .finish();
                let signed = Signed::of(form, SECRET, 0);
                let answer = signed.send_to(&self.hekate, "/slack/interactive").await;
                assert_eq!(answer.status, 200, "{}", answer.body);
                serde_json::from_str(&answer.body).unwrap_or_default()
            }
            Door::Connection => {
                let id = next();
                let envelope = json!({
                    "envelope_id": id, "type": "interactive", "accepts_response_payload": true, "payload": payload,
                });
                self.say_over_line(&id, &envelope).await
            }
        }
    }

    /// The form that was shown last.
    fn form(&self) -> Value {
        let calls = self.slack.calls(OPEN);
        calls.last().expect("a form was shown")["view"].clone()
    }

    /// Somebody sends a form, with this typed into it.
    async fn sends(&self, name: &str, view: &Value, typed: &str, why: &str) -> Value {
        let input = |value: &str| json!({ "type": "plain_text_input", "value": value });
        let mut view = view.clone();
        view["id"] = json!("V1");
        view["state"] = json!({ "values": {
            "name": { "name": input(typed) }, "reason": { "reason": input(why) },
        } });
        self.does(&json!({
            "type": "view_submission", "api_app_id": "A1", "team": { "id": "T1" }, "trigger_id": next(),
            "user": { "id": format!("U{}", name.to_uppercase()), "username": name }, "view": view,
        }))
        .await
    }

    async fn ends(self) {
        self.hekate.stop().await;
        let words = self.home.words_of_all_runs();
        assert!(!words.contains("canary") && !words.contains(SECRET));
    }
}

/// Another word each time.
fn next() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("f.{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn words(answer: &Value) -> String {
    let text = answer["text"].as_str().unwrap_or_default();
    text.replace('＠', "@").replace('∶', ":")
}

async fn a_name_is_typed_into_a_form(door: Door) {
    let stage = Stage::start(door).await;
    let asked = stage.types("eva", "force restart master blue").await;
    assert!(words(&asked).contains("a form has opened"), "{asked}");
    let view = stage.form();
    assert!(view.to_string().contains("master blue"), "{view}");

    let wrong = stage.sends("eva", &view, "master green", "").await;
    assert_eq!(wrong["response_action"], "errors");
    assert_eq!(
        wrong["errors"],
        json!({
            "name": "master green is not its name; type master blue",
            "reason": "it has to be said why",
        })
    );
    let others = stage.sends("jan", &view, "blue", "").await;
    assert!(
        others.to_string().contains("only @eva can confirm it"),
        "{others}"
    );
    let mut forged = view.clone();
    forged["private_metadata"] = json!("1 aaaaa");
    let forged = stage.sends("eva", &forged, "master blue", "it hangs").await;
    assert!(
        forged.to_string().contains("nothing waits for the word"),
        "{forged}"
    );
    assert!(stage.receiver.told_to("deeds").is_empty());

    let done = stage.sends("eva", &view, " Master  Blue", "it hangs").await;
    assert_eq!(done["response_action"], "update");
    assert_eq!(done["view"]["type"], "modal");
    stage
        .receiver
        .hear("deeds", "that it was done", |told| {
            told.text == "blue because it hangs"
        })
        .await;
    let again = stage.sends("eva", &view, "master blue", "it hangs").await;
    assert_eq!(again["response_action"], "update");
    assert_eq!(stage.receiver.told_to("deeds").len(), 1, "it is done once");
    stage.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_typed_into_a_form_by_requests() {
    a_name_is_typed_into_a_form(Door::Request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_typed_into_a_form_over_connections() {
    a_name_is_typed_into_a_form(Door::Connection).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_to_the_bot_is_offered_the_form() {
    let stage = Stage::start(Door::Connection).await;
    // Slack gives no trigger along with words to a bot.
    stage.types("eva", "status").await;
    let id = next();
    let envelope = json!({
        "envelope_id": id, "type": "events_api", "accepts_response_payload": false,
        "payload": {
            "type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": id,
            "event_time": Clock::start().now().at.as_seconds() + 1,
            "authorizations": [{ "team_id": "T1", "user_id": "U0HEKATE", "is_bot": true }],
            "event": {
                "type": "message", "channel_type": "im", "user": "UEVA", "team": "T1", "channel": "D1",
                "ts": "1790000000.000100", "text": "force restart master blue",
            },
        },
    });
    stage.say_over_line(&id, &envelope).await;
    let said = until("the bot answers", async || {
        stage.slack.calls("chat.postMessage").pop()
    })
    .await;
    assert!(
        said.to_string().contains("hekate.action.type_name"),
        "{said}"
    );
    assert!(!words(&said).contains("a form has opened"), "{said}");
    assert!(stage.slack.calls(OPEN).is_empty());
    stage.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sees_no_form_types_the_same_words() {
    let stage = Stage::start(Door::Request).await;
    // A word of the trigger is nobody's fault; a missing right is told.
    stage.types("eva", "status").await;
    for (error, has_button) in [("expired_trigger_id", true), ("missing_scope", false)] {
        stage.slack.bid(OPEN, Bid::Error(error));
        let asked = stage.types("eva", "force restart master green").await;
        assert!(!words(&asked).contains("a form has opened"), "{asked}");
        let is_offered = asked.to_string().contains("hekate.action.type_name");
        assert_eq!(is_offered, has_button, "{error}: {asked}");
        let text = words(&asked);
        let (_, rest) = text.split_once("confirm ").expect("it can be typed");
        let word = rest.split(' ').next().expect("a word").to_owned();
        if has_button {
            let click = json!({
                "type": "block_actions", "api_app_id": "A1", "team": { "id": "T1" },
                "user": { "id": "UEVA", "username": "eva" }, "trigger_id": next(),
                "container": { "type": "message", "message_ts": "1.2", "channel_id": "C1", "is_ephemeral": true },
                "channel": { "id": "C1" }, "response_url": stage.slack.response_url(),
                "actions": [{ "type": "button", "block_id": "b", "action_id": "hekate.action.type_name", "value": format!("1 {word}") }],
            });
            let before = stage.slack.calls(OPEN).len();
            stage.does(&click).await;
            until("the button shows the form", async || {
                (stage.slack.calls(OPEN).len() > before).then_some(())
            })
            .await;
            assert!(stage.form().to_string().contains("master green"));
        }
        let no = stage
            .types("eva", &format!("confirm {word} master green"))
            .await;
        assert!(words(&no).contains("it has to be said why"), "{no}");
        let confirm = format!("confirm {word} master green because {error}");
        stage.types("eva", &confirm).await;
        stage
            .receiver
            .hear("deeds", "that it was done", |told| {
                told.text == format!("green because {error}")
            })
            .await;
    }
    stage
        .receiver
        .hear("ops", "that the bot lacks a right", |told| {
            told.text.contains("missing_scope")
        })
        .await;
    stage.ends().await;
}
