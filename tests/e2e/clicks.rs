//! What people press in Slack, by signed requests and over connections, and what strangers try with it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::{
    door::Door,
    home::{Hekate, Home},
    receiver::Receiver,
    slash::{ANOTHER_SECRET, SECRET, Signed},
    socket_mode::stand_in::StandIn,
    targets::{Mood, Targets},
    wait::until,
};

const ROUTE: &str = "/slack/interactive";

struct Stage {
    door: Door,
    hekate: Hekate,
    slack: StandIn,
    targets: Targets,
    _receiver: Receiver,
    _home: Home,
}

impl Stage {
    /// `api` is down, and told; `web` is well.
    async fn start(door: Door) -> Self {
        let (targets, receiver) = (Targets::start().await, Receiver::start().await);
        let slack = StandIn::start().await;
        targets.set("api", Mood::Down);
        let mut home = Home::new(&receiver, &["alerts"]);
        let key = door.key(&mut home);
        let section = format!("slack: {{ {key}, base_url: \"{}\" }}\n", slack.base_url());
        home.write(&(section + &targets.section(&["api", "web"])));
        let hekate = home.start().await;
        door.is_open(&slack).await;
        hekate.shows("web", "operational").await;
        receiver.hear_down("alerts").await;
        let stage = Self {
            door,
            hekate,
            slack,
            targets,
            _receiver: receiver,
            _home: home,
        };
        stage.is_trusted().await;
        stage
    }

    /// Waits until nobody could have recorded before the start what is signed now.
    async fn is_trusted(&self) {
        let id = self.incident().await;
        until("what is pressed is believed", async || {
            let said = self
                .hears("eva", "hekate.false_alarm", &format!("1 i:{id}"))
                .await;
            words(&said).contains("is still open").then_some(())
        })
        .await;
    }

    async fn incident(&self) -> String {
        let target = self.hekate.target("api").await;
        let id = target["incident"].as_str().expect("it is told");
        id.to_owned()
    }

    /// Somebody presses it; what came to the address for answers.
    async fn hears(&self, name: &str, action_id: &str, value: &str) -> Value {
        self.hears_of(&click(&self.slack, name, action_id, value))
            .await
    }

    async fn hears_of(&self, payload: &Value) -> Value {
        let before = self.slack.responses().len();
        self.press(payload).await;
        until("there is an answer", async || {
            self.slack.responses().get(before).cloned()
        })
        .await
    }

    async fn press(&self, payload: &Value) {
        match self.door {
            Door::Request => {
                let answer = signed(payload).send_to(&self.hekate, ROUTE).await;
                assert_eq!((answer.status, answer.body.as_str()), (200, ""));
            }
            Door::Connection => {
                let id = next();
                self.hand_over(&id, payload);
                let said = self.slack.acknowledged(&id).await;
                assert_eq!(said, json!({ "envelope_id": id }));
            }
        }
    }

    fn hand_over(&self, id: &str, payload: &Value) {
        let envelope = json!({
            "envelope_id": id, "type": "interactive", "accepts_response_payload": true, "payload": payload,
        });
        self.slack
            .say(self.slack.open_lines()[0], &envelope.to_string());
    }

    async fn fate(&self, fate: &str) -> f64 {
        let series =
            format!("hekate_slack_envelopes_total{{type=\"interactive\",outcome=\"{fate}\"}}");
        self.hekate.metric(&series).await.unwrap_or_default()
    }
}

/// Another word each time.
fn next() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("e.{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn click(slack: &StandIn, name: &str, action_id: &str, value: &str) -> Value {
    json!({
        "type": "block_actions", "api_app_id": "A1", "team": { "id": "T1" },
        "user": { "id": format!("U{}", name.to_uppercase()), "username": name },
        "container": { "type": "message", "message_ts": "1.2", "channel_id": "C1", "is_ephemeral": true },
        "channel": { "id": "C1" }, "trigger_id": next(), "response_url": slack.response_url(),
        "actions": [{ "type": "button", "block_id": "b", "action_id": action_id, "value": value }],
    })
}

fn form(payload: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", payload)
        .finish()
}

fn signed(payload: &Value) -> Signed {
    Signed::of(form(&payload.to_string()), SECRET, 0)
}

/// As people read it.
fn words(response: &Value) -> String {
    let text = response["text"].as_str().unwrap_or_default();
    text.replace('＠', "@").replace('∶', ":")
}

async fn two_people_press_and_one_is_late(door: Door) {
    let stage = Stage::start(door).await;
    let id = stage.incident().await;
    let about = format!("1 i:{id}");

    let first = stage.hears("eva", "hekate.ack", &about).await;
    assert!(
        words(&first).starts_with(&format!("{id} (api) acknowledged by @eva")),
        "{first}"
    );
    assert_eq!(
        (&first["response_type"], &first["replace_original"]),
        (&json!("ephemeral"), &json!(false))
    );
    let second = stage.hears("jan", "hekate.ack", &about).await;
    assert!(
        words(&second).contains(&format!("@eva has been on {id} since")),
        "{second}"
    );
    assert!(second.to_string().contains("hekate.take_over"), "{second}");
    let over = stage.hears("jan", "hekate.take_over", &about).await;
    assert!(words(&over).contains("acknowledged by @jan"), "{over}");

    one_silence_comes_of_three_clicks(&stage, &id).await;

    stage.targets.set("api", Mood::Up);
    stage.hekate.shows("api", "operational").await;
    until("the incident is over", async || {
        stage.hekate.target("api").await["incident"]
            .is_null()
            .then_some(())
    })
    .await;
    // The store may know it a moment later than the board.
    until("a late click hears that it is over", async || {
        let late = stage.hears("eva", "hekate.ack", &about).await;
        words(&late)
            .contains(&format!("{id} (api) was over already"))
            .then_some(())
    })
    .await;
    let false_alarm = stage.hears("eva", "hekate.false_alarm", &about).await;
    assert!(
        words(&false_alarm).contains("marked as a false alarm"),
        "{false_alarm}"
    );
    until("the mark is stored", async || {
        let said = stage.hears("jan", "hekate.false_alarm", &about).await;
        words(&said).contains("@eva has said already").then_some(())
    })
    .await;

    answers_go_where_their_buttons_say(&stage).await;
    stage.hekate.stop().await;
}

async fn one_silence_comes_of_three_clicks(stage: &Stage, id: &str) {
    // Two of them, and somebody who presses twice.
    let mut payload = click(&stage.slack, "eva", "hekate.silence", "");
    payload["actions"][0]["selected_option"] = json!({ "value": format!("1 30m i:{id}") });
    let silenced = stage.hears_of(&payload).await;
    assert!(
        words(&silenced).starts_with("silenced 1 target"),
        "{silenced}"
    );
    let repeats = stage.fate("repeat").await;
    // The same click in another request.
    payload["again"] = json!(true);
    stage.press(&payload).await;
    until("the repeat is known as one", async || {
        (stage.fate("repeat").await > repeats).then_some(())
    })
    .await;
    let again = stage
        .hears("jan", "hekate.silence", &format!("1 30m i:{id}"))
        .await;
    assert!(
        words(&again).contains("@eva has silenced that already"),
        "{again}"
    );
    let silences = stage.hekate.get("/v1/silences").await.json();
    assert_eq!(
        silences["plans"].as_array().map(Vec::len),
        Some(1),
        "{silences}"
    );
}

async fn answers_go_where_their_buttons_say(stage: &Stage) {
    let shared = stage.hears("eva", "hekate.share", "1 status").await;
    assert_eq!(shared["response_type"], "in_channel");
    assert!(shared.to_string().contains("shared by @eva"), "{shared}");
    let shown = stage.hears("eva", "hekate.show", "1 status problems").await;
    assert_eq!(shown["replace_original"], true);
    let gone = stage.hears("eva", "hekate.dismiss", "1 -").await;
    assert_eq!(gone, json!({ "delete_original": true }));
    for (action, value, words_of_it) in [
        ("hekate.reboot", "1 all", "nothing was done"),
        ("hekate.ack", "0 old", "nothing was done"),
        (
            "hekate.action.confirm",
            "1 nonce",
            "not done: nothing waits for the word",
        ),
    ] {
        let said = stage.hears("eva", action, value).await;
        assert!(words(&said).contains(words_of_it), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_press_and_one_is_late_by_requests() {
    two_people_press_and_one_is_late(Door::Request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_press_and_one_is_late_over_connections() {
    two_people_press_and_one_is_late(Door::Connection).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_strangers_send_does_nothing() {
    let stage = Stage::start(Door::Request).await;
    let hekate = &stage.hekate;
    let id = stage.incident().await;
    let payload = click(&stage.slack, "eva", "hekate.ack", &format!("1 i:{id}"));
    let body = form(&payload.to_string());
    let heard = stage.slack.responses().len();
    for (what, request) in [
        (
            "another secret",
            Signed::of(body.clone(), ANOTHER_SECRET, 0),
        ),
        ("an hour ago", Signed::of(body.clone(), SECRET, 3_600)),
        ("nothing", Signed::of(body.clone(), SECRET, 0).unsigned()),
        ("other words", signed(&payload).changed("UEVA", "UJAN")),
    ] {
        let answer = request.send_to(hekate, ROUTE).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (401, "not signed by Slack\n"),
            "{what}"
        );
    }
    let mut foreign = payload.clone();
    foreign["response_url"] = json!("https://hooks.slack.com.evil.test/x");
    for (what, body, status) in [
        ("no JSON", form("{"), 400),
        ("a list", form("[]"), 400),
        ("no payload", String::from("text=x"), 400),
        ("two payloads", format!("{body}&{body}"), 400),
        ("another host", form(&foreign.to_string()), 400),
        ("too much", form(&"x".repeat(600 * 1024)), 413),
        ("another kind", form("{\"type\":\"view_closed\"}"), 200),
        (
            "no view",
            form("{\"type\":\"view_submission\",\"user\":{\"id\":\"U1\"}}"),
            400,
        ),
    ] {
        let answer = Signed::of(body, SECRET, 0).send_to(hekate, ROUTE).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
    }
    assert_eq!(stage.slack.responses().len(), heard);
    assert!(hekate.target("api").await["acknowledged"].is_null());

    let search = json!({
        "type": "block_suggestion", "user": { "id": "U1" }, "block_id": "pick1 show|health|",
        "action_id": "hekate.pick", "value": "AP",
    });
    let options = signed(&search).send_to(hekate, ROUTE).await.json();
    assert_eq!(options["options"][0]["value"], "api", "{options}");

    // Once, whoever recorded it.
    let request = signed(&payload);
    assert_eq!(request.send_to(hekate, ROUTE).await.status, 200);
    assert_eq!(request.send_to(hekate, ROUTE).await.status, 401);
    let said = until("eva hears", async || {
        stage.slack.responses().get(heard).cloned()
    })
    .await;
    assert!(words(&said).contains("acknowledged by @eva"), "{said}");
    stage.hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_menu_is_filled_over_a_connection_and_an_envelope_acts_once() {
    let stage = Stage::start(Door::Connection).await;
    let search = json!({
        "type": "block_suggestion", "user": { "id": "U1" }, "block_id": "pick1 ask|why|",
        "action_id": "hekate.pick", "value": "",
    });
    stage.hand_over("s1", &search);
    let said = stage.slack.acknowledged("s1").await;
    let values: Vec<_> = said["payload"]["options"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|option| option["value"].clone())
        .collect();
    assert_eq!(values, ["api", "web"], "problems first: {said}");

    let heard = stage.slack.responses().len();
    let status = click(&stage.slack, "eva", "hekate.ask", "1 status");
    stage.hand_over("c1", &status);
    stage.hand_over("c1", &status);
    until("it is acknowledged twice", async || {
        (stage.slack.said_of("c1").len() == 2).then_some(())
    })
    .await;
    stage.hears("eva", "hekate.ask", "1 help").await;
    until("it was answered once", async || {
        (stage.slack.responses().len() == heard + 2).then_some(())
    })
    .await;
    stage.hekate.stop().await;
}
