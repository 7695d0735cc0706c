//! What Slack signs for the app and comes from elsewhere: another workspace, a person of one, another app. They hear a sentence, `ops`
//! hears of them, and nothing is done, the same way by signed requests and over connections.

use std::sync::atomic::{AtomicU64, Ordering};

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

/// How hekate knows where it lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Knows {
    /// Slack says whose the bot is.
    ByBot,
    /// The file says it, and there is no bot.
    ByFile,
}

struct Stage {
    door: Door,
    /// Where hekate lives.
    team: &'static str,
    hekate: Hekate,
    slack: StandIn,
    receiver: Receiver,
    _home: Home,
}

impl Stage {
    async fn start(door: Door, knows: Knows) -> Self {
        let slack = StandIn::start().await;
        let (targets, receiver) = (Targets::start().await, Receiver::start().await);
        let mut home = Home::new(&receiver, &["alerts", "ops"]);
        home.set("BOT_TOKEN", BOT_TOKEN);
        let key = door.key(&mut home);
        let more = match knows {
            Knows::ByBot => "bot_token: \"${BOT_TOKEN}\"",
            Knows::ByFile => "team_id: T0001",
        };
        let section = format!(
            "slack: {{ {key}, {more}, base_url: \"{}\" }}\nroutes: [{{ to: alerts }}]\n",
            slack.base_url()
        );
        home.write(&(section + &targets.section(&["api"])));
        if knows == Knows::ByBot {
            // It is asked at the start, in vain: whoever comes first is not let in for that.
            slack.bid("auth.test", Bid::Error("internal_error"));
        }
        let hekate = home.start().await;
        door.is_open(&slack).await;
        let team = match knows {
            Knows::ByBot => "T1",
            Knows::ByFile => "T0001",
        };
        Self {
            door,
            team,
            hekate,
            slack,
            receiver,
            _home: home,
        }
    }

    /// The answer to somebody of this workspace who types this.
    async fn types(&self, team: &str, app: &str, text: &str) -> Value {
        let id = next();
        match self.door {
            Door::Request => {
                let fields = [
                    ("team_id", team),
                    ("api_app_id", app),
                    ("channel_id", "C1"),
                    ("user_id", "UEVA"),
                    ("user_name", "eva"),
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
                envelope["payload"]["team_id"] = json!(team);
                envelope["payload"]["api_app_id"] = json!(app);
                self.over_line(&id, &envelope).await
            }
        }
    }

    /// Hands over something that was pressed or sent; the answer to it, null if it is none.
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
                self.over_line(&id, &envelope).await
            }
        }
    }

    async fn over_line(&self, id: &str, envelope: &Value) -> Value {
        self.slack
            .say(self.slack.open_lines()[0], &envelope.to_string());
        self.slack.acknowledged(id).await["payload"].clone()
    }

    /// What comes to the address for answers after this was pressed.
    async fn hears(&self, payload: &Value) -> String {
        let before = self.slack.responses().len();
        self.does(payload).await;
        let said = until("there is an answer", async || {
            self.slack.responses().get(before).cloned()
        });
        words(&said.await)
    }

    /// A click on the button that silences, or what is said with the same members of another kind.
    fn pressed(&self, kind: &str) -> Value {
        json!({
            "type": kind, "api_app_id": "A1", "team": { "id": self.team },
            "user": { "id": "UEVA", "username": "eva", "team_id": self.team },
            "container": { "type": "message", "message_ts": "1.2", "channel_id": "C1", "is_ephemeral": true },
            "channel": { "id": "C1" }, "trigger_id": next(), "response_url": self.slack.response_url(),
            "actions": [{ "type": "button", "block_id": "b", "action_id": "hekate.silence", "value": "1 30m t:api" }],
            "block_id": "pick1 show|health|", "action_id": "hekate.pick", "value": "api",
            "view": { "callback_id": "hekate.action.type_name", "private_metadata": "1 abcd" },
        })
    }

    async fn silences(&self) -> usize {
        let silences = self.hekate.get("/v1/silences").await.body;
        silences.matches("\"id\"").count()
    }
}

/// Another word each time.
fn next() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("s.{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn words(answer: &Value) -> String {
    let text = answer["text"].as_str().unwrap_or_default();
    text.replace('＠', "@").replace('∶', ":")
}

const SILENCE: &str = "silence add api for 1h because of a test";

async fn nobody_from_elsewhere_is_obeyed(door: Door, knows: Knows) {
    let stage = Stage::start(door, knows).await;
    // The very first that comes at all is of another workspace.
    let said = words(&stage.types("T2", "A1", SILENCE).await);
    assert!(said.contains("another workspace"), "{said}");
    let said = words(&stage.types("T2", "A1", "status").await);
    assert!(said.contains("another workspace"), "{said}");

    let mut foreign = stage.pressed("block_actions");
    foreign["team"]["id"] = json!("T2");
    let said = stage.hears(&foreign).await;
    assert!(said.contains("another workspace"), "{said}");
    let mut guest = stage.pressed("block_actions");
    guest["user"]["team_id"] = json!("T3");
    let said = stage.hears(&guest).await;
    assert!(said.contains("you come from another one"), "{said}");
    let mut form = stage.pressed("view_submission");
    form["team"]["id"] = json!("T2");
    let said = stage.does(&form).await.to_string();
    assert!(said.contains("another workspace"), "{said}");
    let mut search = stage.pressed("block_suggestion");
    search["team"]["id"] = json!("T2");
    assert_eq!(stage.does(&search).await, json!({ "options": [] }));
    let own = stage.does(&stage.pressed("block_suggestion")).await;
    assert!(own.to_string().contains("api"), "{own}");
    if knows == Knows::ByBot {
        let said = words(&stage.types("T1", "A2", SILENCE).await);
        assert!(said.contains("another Slack app"), "{said}");
    }
    assert_eq!(stage.silences().await, 0);

    ops_hears_of_each_place_once(&stage, knows).await;

    // Whoever lives here is obeyed.
    until("a wish is believed", async || {
        let said = stage.types(stage.team, "A1", SILENCE).await;
        words(&said).contains("silenced").then_some(())
    })
    .await;
    assert_eq!(stage.silences().await, 1);
    stage.hekate.stop().await;
}

async fn ops_hears_of_each_place_once(stage: &Stage, knows: Knows) {
    let mut places = vec!["workspace T2", "workspace T3"];
    if knows == Knows::ByBot {
        places.push("the app A2");
    }
    for place in &places {
        stage
            .receiver
            .hear("ops", place, |told| told.text.contains(place))
            .await;
    }
    let told = stage.receiver.told_to("ops");
    let of_it = told
        .iter()
        .filter(|told| told.text.contains("somebody elsewhere"));
    assert_eq!(of_it.count(), places.len(), "{told:?}");
    let logged = stage.hekate.events("slack.foreign");
    assert!(logged.len() > places.len(), "{logged:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_from_elsewhere_is_obeyed_by_requests() {
    nobody_from_elsewhere_is_obeyed(Door::Request, Knows::ByBot).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_from_elsewhere_is_obeyed_over_connections() {
    nobody_from_elsewhere_is_obeyed(Door::Connection, Knows::ByBot).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_from_elsewhere_is_obeyed_without_a_bot_either() {
    nobody_from_elsewhere_is_obeyed(Door::Request, Knows::ByFile).await;
    nobody_from_elsewhere_is_obeyed(Door::Connection, Knows::ByFile).await;
}
