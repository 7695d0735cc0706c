//! What people say to the bot, by signed requests and over connections: it answers them, once, and nobody else.

use std::sync::atomic::{AtomicU64, Ordering};

use hekate::clock::Clock;
use serde_json::{Value, json};

use super::{
    door::Door,
    home::{Hekate, Home},
    receiver::Receiver,
    slash::{ANOTHER_SECRET, SECRET, Signed},
    socket_mode::stand_in::{BOT_TOKEN, Bid, StandIn},
    targets::{Mood, Targets},
    wait::until,
    wire::Answer,
};

const ROUTE: &str = "/slack/events";
const POST: &str = "chat.postMessage";
const EPHEMERAL: &str = "chat.postEphemeral";

struct Stage {
    door: Door,
    hekate: Hekate,
    slack: StandIn,
    _targets: Targets,
    receiver: Receiver,
    home: Home,
}

impl Stage {
    /// `api` is down, and told; `web` is well.
    async fn start(door: Door) -> Self {
        Self::start_with(door, "").await
    }

    /// The same, with more in the file.
    async fn start_with(door: Door, more: &str) -> Self {
        Self::start_at(StandIn::start().await, door, more).await
    }

    /// The same, in front of this Slack.
    async fn start_at(slack: StandIn, door: Door, more: &str) -> Self {
        let (targets, receiver) = (Targets::start().await, Receiver::start().await);
        targets.set("api", Mood::Down);
        let mut home = Home::new(&receiver, &["alerts", "ops"]);
        home.set("BOT_TOKEN", BOT_TOKEN);
        let key = door.key(&mut home);
        let section = format!(
            "slack: {{ {key}, bot_token: \"${{BOT_TOKEN}}\", base_url: \"{}\" }}\nroutes: [{{ to: alerts }}]\n",
            slack.base_url()
        );
        home.write(&(section + &targets.section(&["api", "web"]) + more));
        let hekate = home.start().await;
        door.is_open(&slack).await;
        hekate.shows("web", "operational").await;
        receiver.hear_down("alerts").await;
        Self {
            door,
            hekate,
            slack,
            _targets: targets,
            receiver,
            home,
        }
    }

    /// Hands it over as Slack does, and waits until it is acknowledged.
    async fn hand_over(&self, payload: &Value) {
        match self.door {
            Door::Request => {
                let answer = signed(payload).send_to(&self.hekate, ROUTE).await;
                assert_eq!(
                    (answer.status, answer.body.as_str()),
                    (200, ""),
                    "{payload}"
                );
            }
            Door::Connection => {
                let id = format!("e.{}", next());
                let envelope = json!({
                    "envelope_id": id, "type": "events_api", "accepts_response_payload": false, "payload": payload,
                    "retry_attempt": 0, "retry_reason": "",
                });
                self.slack
                    .say(self.slack.open_lines()[0], &envelope.to_string());
                let said = self.slack.acknowledged(&id).await;
                assert_eq!(said, json!({ "envelope_id": id }));
            }
        }
    }

    /// Somebody presses something.
    async fn click(&self, payload: &Value) {
        match self.door {
            Door::Request => {
                let form: String =
                    form_urlencoded::byte_serialize(payload.to_string().as_bytes()).collect();
                let signed = Signed::of(format!("payload={form}"), SECRET, 0);
                let answer = signed.send_to(&self.hekate, "/slack/interactive").await;
                assert_eq!(answer.status, 200, "{}", answer.body);
            }
            Door::Connection => {
                let id = format!("c.{}", next());
                let envelope = json!({
                    "envelope_id": id, "type": "interactive", "accepts_response_payload": true, "payload": payload,
                });
                self.slack
                    .say(self.slack.open_lines()[0], &envelope.to_string());
                self.slack.acknowledged(&id).await;
            }
        }
    }

    /// What the bot says to it with this method.
    async fn hears(&self, payload: &Value, method: &str) -> Value {
        let before = self.slack.calls(method).len();
        self.hand_over(payload).await;
        until(&format!("the bot answers with {method}"), async || {
            self.slack.calls(method).get(before).cloned()
        })
        .await
    }

    /// How often something that was handed over came to this.
    async fn fate(&self, fate: &str) -> f64 {
        let series =
            format!("hekate_slack_envelopes_total{{type=\"events_api\",outcome=\"{fate}\"}}");
        self.hekate.metric(&series).await.unwrap_or_default()
    }

    /// Hands it over; it comes to this, and the bot says nothing.
    async fn is_left(&self, payload: &Value, fate: &str) {
        let before = (self.fate(fate).await, self.said());
        self.hand_over(payload).await;
        until(&format!("it is {fate}: {payload}"), async || {
            (self.fate(fate).await > before.0).then_some(())
        })
        .await;
        assert_eq!(self.said(), before.1, "{payload}");
    }

    /// How often the bot said something.
    fn said(&self) -> usize {
        self.slack.calls(POST).len() + self.slack.calls(EPHEMERAL).len()
    }

    /// Ends it; no secret was written anywhere.
    async fn end(self) {
        self.hekate.stop().await;
        let words = self.home.words_of_all_runs();
        assert!(!words.contains("canary") && !words.contains(SECRET));
    }
}

/// Another number each time.
fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Something that happens now.
fn happening(event: &Value) -> Value {
    json!({
        "type": "event_callback", "token": "old", "team_id": "T1", "api_app_id": "A1",
        "event_id": format!("Ev{}", next()), "event_time": Clock::start().now().at.as_seconds(),
        "authorizations": [{ "team_id": "T1", "user_id": "U0HEKATE", "is_bot": true }],
        "is_ext_shared_channel": false, "event": event,
    })
}

/// Somebody mentions the bot in a channel.
fn mention(words: &str) -> Value {
    happening(&json!({
        "type": "app_mention", "user": "UEVA", "team": "T1", "channel": "C1", "ts": format!("1790000000.{:06}", next()),
        "text": format!("<@U0HEKATE> {words}"),
    }))
}

/// Somebody writes to the bot alone.
fn direct(words: &str) -> Value {
    happening(&json!({
        "type": "message", "channel_type": "im", "user": "UEVA", "team": "T1", "channel": "D1",
        "ts": format!("1790000000.{:06}", next()), "text": words,
    }))
}

/// Somebody says something in a channel, to anybody.
fn ordinary(words: &str) -> Value {
    let mut payload = direct(words);
    payload["event"]["channel_type"] = json!("channel");
    payload["event"]["channel"] = json!("C0CORE001");
    payload
}

fn signed(payload: &Value) -> Signed {
    Signed::of(payload.to_string(), SECRET, 0)
}

fn words(said: &Value) -> String {
    let text = said["text"].as_str().unwrap_or_default();
    text.replace('＠', "@").replace('∶', ":")
}

async fn people_are_answered_where_they_speak(door: Door) {
    let stage = Stage::start(door).await;

    // A question is answered to everybody, in the thread of the mention.
    let asked = mention("status");
    let said = stage.hears(&asked, POST).await;
    assert!(
        words(&said).contains("api") && words(&said).contains("DOWN"),
        "{said}"
    );
    assert_eq!(
        (&said["channel"], &said["thread_ts"]),
        (&json!("C1"), &asked["event"]["ts"])
    );
    assert_eq!(
        (&said["parse"], &said["link_names"]),
        (&json!("none"), &json!(false))
    );
    assert!(!said.to_string().contains("hekate.share"), "{said}");
    // Of a thread it stays in the thread.
    let mut asked = mention("why api");
    asked["event"]["thread_ts"] = json!("1780000000.000001");
    let said = stage.hears(&asked, POST).await;
    assert_eq!(said["thread_ts"], "1780000000.000001");

    // What is not understood or not allowed is between the bot and who asked.
    let said = stage
        .hears(&mention("reboot <!channel> <@U2>"), EPHEMERAL)
        .await;
    assert!(words(&said).contains("is no command"), "{said}");
    assert_eq!(
        (&said["user"], &said["channel"]),
        (&json!("UEVA"), &json!("C1"))
    );
    assert!(said["thread_ts"].is_null(), "{said}");
    for call in ["<!channel>", "<@U2>", "@channel"] {
        assert!(!said.to_string().contains(call), "{call}: {said}");
    }
    // In a direct message there is nobody else.
    let said = stage.hears(&direct("status web"), POST).await;
    assert!(
        words(&said).contains("operational") && said["thread_ts"].is_null(),
        "{said}"
    );
    assert_eq!(said["channel"], "D1");
    let said = stage.hears(&direct("reboot"), POST).await;
    assert!(words(&said).contains("is no command"), "{said}");

    a_wish_is_done_once(&stage).await;
    stage.end().await;
}

/// Whoever says it is who does it; whatever is handed over again is not done again.
async fn a_wish_is_done_once(stage: &Stage) {
    let wish = "silence add web for 1h because of a test";
    let (asked, said) = until(
        "nobody could have recorded it before the start",
        async || {
            let asked = mention(wish);
            let before = stage.said();
            stage.hand_over(&asked).await;
            until("it is answered", async || {
                (stage.said() > before).then_some(())
            })
            .await;
            let said = stage.slack.calls(POST).pop()?;
            words(&said)
                .contains("silenced 1 target")
                .then_some((asked, said))
        },
    )
    .await;
    assert!(
        words(&said).contains("@UEVA") || said["channel"] == "C1",
        "{said}"
    );
    stage.is_left(&asked, "repeat").await;
    // The same message as another event.
    let mut again = asked.clone();
    again["event_id"] = json!("EvOther");
    stage.is_left(&again, "repeat").await;
    let silences = stage.hekate.get("/v1/silences").await.body;
    assert_eq!(silences.matches("of a test").count(), 1, "{silences}");
    assert!(silences.contains("@UEVA"), "{silences}");
    // Something of before the start may have been done by the process before this one.
    let mut old = mention("silence add api for 1h because of yesterday");
    old["event_time"] = json!(1_790_000_000);
    let said = stage.hears(&old, EPHEMERAL).await;
    assert!(words(&said).contains("nothing was done"), "{said}");
    // Whoever is handed something is mentioned, and known by their id.
    let said = stage
        .hears(&mention("hand over api to <@U0JAN|jan>"), POST)
        .await;
    assert!(words(&said).contains("@U0JAN"), "{said}");
    let said = stage
        .hears(&mention("hand over api to @jan"), EPHEMERAL)
        .await;
    assert!(words(&said).contains("not said to whom"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_answered_where_they_speak_by_requests() {
    people_are_answered_where_they_speak(Door::Request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_answered_where_they_speak_over_connections() {
    people_are_answered_where_they_speak(Door::Connection).await;
}

async fn nobody_else_is_answered(door: Door) {
    let stage = Stage::start(door).await;
    // Once it knows who it is.
    stage.hears(&mention("status"), POST).await;
    for (name, value) in [
        ("bot_id", json!("B7")),
        ("subtype", json!("message_changed")),
        ("edited", json!({ "user": "UEVA" })),
        ("user", json!("U0HEKATE")),
        ("user_team", json!("T2")),
        ("text", json!("status without a mention")),
    ] {
        let mut payload = mention("status");
        payload["event"][name] = value;
        stage.is_left(&payload, "ignored").await;
    }
    let overheard = ordinary("<@U0HEKATE> status");
    let mut foreign = mention("status");
    foreign["team_id"] = json!("T2");
    for payload in [
        overheard,
        foreign,
        happening(&json!({ "type": "team_join", "user": {} })),
        json!({ "type": "app_rate_limited", "team_id": "T1" }),
    ] {
        stage.is_left(&payload, "ignored").await;
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_is_answered_by_requests() {
    nobody_else_is_answered(Door::Request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_is_answered_over_connections() {
    nobody_else_is_answered(Door::Connection).await;
}

const REPLIES: &str = "replies:\n  - { when: when we have time, say: \"that means *never* <!channel> @here <@U2>\", channels: [C0CORE001], cooldown: 1h }\n  \
     - { when: [is it friday, status], say: it is not }\n";

/// Whether it is the first of the replies.
fn means_never(said: &Value) -> bool {
    words(said).contains("that means ∗never∗")
}

async fn words_of_the_file_are_answered_as_the_file_says(door: Door) {
    let stage = Stage::start_with(door, REPLIES).await;

    // Spoken to, it answers everybody, in the thread; nothing of it formats or mentions.
    let asked = mention("will you, WHEN we  have time?");
    let said = stage.hears(&asked, POST).await;
    assert!(means_never(&said), "{said}");
    assert_eq!(said["thread_ts"], asked["event"]["ts"]);
    for call in ["<!channel>", "<@U2>", "@here"] {
        assert!(!said["text"].to_string().contains(call), "{call}: {said}");
    }
    // In a text of this kind Slack parses nothing.
    let pieces = &said["blocks"][0]["elements"][0]["elements"];
    let all = json!("that means *never* <!channel> @here <@U2>");
    assert_eq!(*pieces, json!([{ "type": "text", "text": all }]), "{said}");
    // Within the cooldown it is not said there again, and the mention is answered as usual; elsewhere it is, and to one alone always.
    let said = stage.hears(&mention("when we have time"), EPHEMERAL).await;
    assert!(words(&said).contains("is no command"), "{said}");
    for _ in 0..2 {
        let said = stage.hears(&direct("when we have time"), POST).await;
        assert!(means_never(&said) && said["channel"] == "D1", "{said}");
    }
    // Commands win, whole words count, and what asks for nothing of the file is answered as ever.
    let said = stage.hears(&direct("status web"), POST).await;
    assert!(words(&said).contains("operational"), "{said}");
    let said = stage.hears(&direct("is it fridays"), POST).await;
    assert!(words(&said).contains("is no command"), "{said}");

    what_is_overheard_is_answered_where_the_file_allows_it(&stage).await;
    stage.end().await;
}

async fn what_is_overheard_is_answered_where_the_file_allows_it(stage: &Stage) {
    let mut below_own = ordinary("when we have time");
    below_own["event"]["thread_ts"] = json!("1780000000.000001");
    below_own["event"]["parent_user_id"] = json!("U0HEKATE");
    let mut of_a_program = ordinary("when we have time");
    of_a_program["event"]["bot_id"] = json!("B7");
    let mut edited = ordinary("when we have time");
    edited["event"]["subtype"] = json!("message_changed");
    let mut elsewhere = ordinary("when we have time");
    elsewhere["event"]["channel"] = json!("C0OTHER01");
    let mut own = ordinary("when we have time");
    own["event"]["user"] = json!("U0HEKATE");
    let mut foreign = ordinary("when we have time");
    foreign["event"]["user_team"] = json!("T2");
    let mut old = ordinary("when we have time");
    old["event_time"] = json!(1_790_000_000);
    for payload in [
        below_own,
        of_a_program,
        edited,
        elsewhere,
        own,
        foreign,
        old,
        ordinary("when we have timeouts"),
        // Of the file, but not for ordinary messages.
        ordinary("is it friday"),
        // It comes as a mention as well.
        ordinary("<@U0HEKATE> when we have time"),
    ] {
        stage.is_left(&payload, "ignored").await;
    }
    let (asked, said) = until("it was said since the start", async || {
        let (asked, before) = (ordinary("so, when we have time"), stage.said());
        let ignored = stage.fate("ignored").await;
        stage.hand_over(&asked).await;
        until("it is taken or left", async || {
            let is_left = stage.fate("ignored").await > ignored;
            (is_left || stage.said() > before).then_some(())
        })
        .await;
        (stage.said() > before).then(|| (asked, stage.slack.calls(POST).pop()))
    })
    .await;
    let said = said.expect("it was said in public");
    assert!(means_never(&said), "{said}");
    assert_eq!(
        (&said["channel"], &said["thread_ts"]),
        (&json!("C0CORE001"), &asked["event"]["ts"])
    );
    stage.is_left(&asked, "repeat").await;
    stage
        .is_left(&ordinary("when we have time"), "ignored")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_of_the_file_are_answered_as_the_file_says_by_requests() {
    words_of_the_file_are_answered_as_the_file_says(Door::Request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_of_the_file_are_answered_as_the_file_says_over_connections() {
    words_of_the_file_are_answered_as_the_file_says(Door::Connection).await;
}

/// Something that eva presses on her Home tab.
fn press(action_id: &str, value: &str) -> Value {
    json!({
        "type": "block_actions", "api_app_id": "A1", "team": { "id": "T1" },
        "user": { "id": "UEVA", "username": "eva" }, "container": { "type": "view", "view_id": "V1" },
        "view": { "type": "home" }, "trigger_id": format!("h.{}", next()),
        "actions": [{ "type": "button", "block_id": "b", "action_id": action_id, "value": value }],
    })
}

const GROUP: &str = "usergroups.users.list";
const PUBLISH: &str = "views.publish";

/// Waits until the newest view of eva's Home tab is so.
async fn sees(stage: &Stage, what: &str, is_so: impl Fn(&str) -> bool) -> String {
    until(what, async || {
        let shown = stage.slack.calls(PUBLISH).pop()?;
        assert_eq!(
            (&shown["user_id"], &shown["view"]["type"]),
            (&json!("UEVA"), &json!("home"))
        );
        let view = shown["view"]["blocks"].to_string();
        is_so(&view).then_some(view)
    })
    .await
}

async fn the_home_tab_is_shown_when_it_is_opened_and_after_a_click(door: Door) {
    let stage = Stage::start(door).await;
    let opened = || {
        happening(&json!({
            "type": "app_home_opened", "user": "UEVA", "channel": "D1", "tab": "home", "event_ts": "1790000000.1",
        }))
    };
    stage.hears(&opened(), PUBLISH).await;
    let view = sees(&stage, "the trouble is shown", |view| view.contains("api")).await;
    for words in [
        "Now",
        "Mine",
        "On call",
        "Try",
        "I'm on it",
        "Silence",
        "Details",
    ] {
        assert!(view.contains(words), "{words}: {view}");
    }
    let mut messages = opened();
    messages["event"]["tab"] = json!("messages");
    stage.is_left(&messages, "ignored").await;

    let target = stage.hekate.target("api").await;
    let about = format!("1 i:{}", target["incident"].as_str().expect("it is told"));
    until(
        "nobody could have recorded it before the start",
        async || {
            let before = stage.slack.calls(PUBLISH).len();
            stage.click(&press("hekate.ack", &about)).await;
            let shown = until("the view is shown again", async || {
                stage.slack.calls(PUBLISH).get(before).cloned()
            })
            .await;
            shown
                .to_string()
                .contains("acknowledged by @eva")
                .then_some(())
        },
    )
    .await;
    // It is hers, and she sees it as soon as she looks.
    stage.hears(&opened(), PUBLISH).await;
    sees(&stage, "it is hers", |view| {
        view.contains("you are on it since")
    })
    .await;

    what_is_silenced_has_its_end(&stage, &about, &opened).await;
    what_is_taken_on_is_given_back(&stage, &about).await;
    // A press from another workspace does nothing.
    let mut foreign = press("hekate.silence", &format!("1 30m {}", &about[2..]));
    foreign["team"]["id"] = json!("T2");
    stage.click(&foreign).await;
    sees(&stage, "it is refused", |view| {
        view.contains("another workspace")
    })
    .await;
    // An answer that is a form of its own fits as well.
    stage.click(&press("hekate.show", "1 why api")).await;
    sees(&stage, "the details", |view| view.contains("told")).await;
    // A form that Slack does not take is shown plainly.
    stage.slack.bid(PUBLISH, Bid::Error("invalid_blocks"));
    stage.hears(&opened(), PUBLISH).await;
    sees(&stage, "the plain view", |view| !view.contains("Mine")).await;
    stage.end().await;
}

/// A silence of hers has a button that ends it.
async fn what_is_silenced_has_its_end(stage: &Stage, about: &str, opened: &impl Fn() -> Value) {
    stage
        .click(&press("hekate.silence", &format!("1 30m {}", &about[2..])))
        .await;
    sees(stage, "it is silenced", |view| {
        view.contains("silenced 1 target")
    })
    .await;
    stage.hears(&opened(), PUBLISH).await;
    sees(stage, "the silence has its button", |view| {
        view.contains("1 silence end s1")
    })
    .await;
    stage.click(&press("hekate.show", "1 silence end s1")).await;
    sees(stage, "it has ended", |view| {
        view.contains("silence s1 of 1 target has ended")
    })
    .await;
}

/// What she has taken on she gives back with a button; then it is nobody's, and she hears so if she does it again.
async fn what_is_taken_on_is_given_back(stage: &Stage, about: &str) {
    let given_back = format!("1 ack end {}", &about[4..]);
    sees(stage, "what she is on has its button", |view| {
        view.contains(&given_back)
    })
    .await;
    stage.click(&press("hekate.show", &given_back)).await;
    sees(stage, "it is given back", |view| {
        view.contains("nobody is on") && view.contains("reminders go on")
    })
    .await;
    stage.click(&press("hekate.show", &given_back)).await;
    sees(stage, "it is nobody's", |view| {
        view.contains("nobody is on") && !view.contains("reminders go on")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_home_tab_is_shown_when_it_is_opened_and_after_a_click_by_requests() {
    the_home_tab_is_shown_when_it_is_opened_and_after_a_click(Door::Request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_home_tab_is_shown_when_it_is_opened_and_after_a_click_over_connections() {
    the_home_tab_is_shown_when_it_is_opened_and_after_a_click(Door::Connection).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_slack_did_not_sign_or_nobody_can_read_do_nothing() {
    let stage = Stage::start(Door::Request).await;
    let hekate = &stage.hekate;
    let challenge = json!({ "type": "url_verification", "challenge": "3eZbrw1aBm2rZg" });
    let answer = signed(&challenge).send_to(hekate, ROUTE).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "3eZbrw1aBm2rZg")
    );

    let body = mention("status").to_string();
    for (what, request) in [
        (
            "another secret",
            Signed::of(body.clone(), ANOTHER_SECRET, 0),
        ),
        ("old", Signed::of(body.clone(), SECRET, 400)),
        ("nothing", Signed::of(body.clone(), SECRET, 0).unsigned()),
        (
            "other words",
            Signed::of(body.clone(), SECRET, 0).changed("UEVA", "UJAN"),
        ),
        (
            "a challenge",
            Signed::of(challenge.to_string(), ANOTHER_SECRET, 0),
        ),
    ] {
        let answer = request.send_to(hekate, ROUTE).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (401, "not signed by Slack\n"),
            "{what}"
        );
    }
    let mut lacking = mention("status");
    lacking["event_id"] = json!(null);
    for (what, body, status) in [
        ("no JSON", String::from("{"), 400),
        ("a list", String::from("[]"), 400),
        ("a form", String::from("payload=%7B%7D"), 400),
        ("no id", lacking.to_string(), 400),
        (
            "no challenge",
            String::from("{\"type\":\"url_verification\"}"),
            400,
        ),
        (
            "too much",
            format!("{{\"type\":\"{}\"}}", "x".repeat(600 * 1024)),
            413,
        ),
        (
            "another kind",
            String::from("{\"type\":\"something_new\"}"),
            200,
        ),
    ] {
        let answer: Answer = Signed::of(body, SECRET, 0).send_to(hekate, ROUTE).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
    }
    assert_eq!(stage.said(), 0);
    // The same signed request once more is what Slack's own repeats may look like.
    let request = signed(&mention("status"));
    assert_eq!(request.send_to(hekate, ROUTE).await.status, 200);
    assert_eq!(request.send_to(hekate, ROUTE).await.status, 200);
    until("one of them is known as a repeat", async || {
        (stage.fate("repeat").await > 0.0 && stage.fate("late").await > 0.0).then_some(())
    })
    .await;
    assert_eq!(stage.said(), 1);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slack_that_will_not_have_it_is_waited_for_or_told_of_once() {
    let slack = StandIn::start().await;
    // Who the bot is cannot be asked, at the start or for somebody: nothing is said, and the next one asks again.
    slack.bid("auth.test", Bid::Error("internal_error"));
    slack.bid("auth.test", Bid::Error("internal_error"));
    let stage = Stage::start_at(slack, Door::Connection, "").await;
    let slack = &stage.slack;
    stage.is_left(&mention("status"), "undelivered").await;
    // Not so fast, and not like that: it is said, once.
    slack.bid(POST, Bid::Throttled(1));
    slack.bid(POST, Bid::Error("invalid_blocks"));
    stage.hand_over(&mention("status")).await;
    until("the plain words are said", async || {
        let calls = slack.calls(POST);
        (calls.len() == 3 && calls[2]["blocks"].is_null()).then_some(())
    })
    .await;
    // Nobody knows whether it was said, so it is not said again.
    let undelivered = stage.fate("undelivered").await;
    slack.bid(POST, Bid::Lost);
    stage.hand_over(&mention("status")).await;
    until("it is given up", async || {
        (stage.fate("undelivered").await > undelivered).then_some(())
    })
    .await;
    assert_eq!(slack.calls(POST).len(), 4);
    // A right is missing: `ops` hears it once, and that it is over.
    for _ in 0..2 {
        slack.bid(POST, Bid::Error("missing_scope"));
        let undelivered = stage.fate("undelivered").await;
        stage.hand_over(&mention("status")).await;
        until("it is refused", async || {
            (stage.fate("undelivered").await > undelivered).then_some(())
        })
        .await;
    }
    stage.hears(&mention("status"), POST).await;
    let title = "Slack refuses what the bot answers";
    stage
        .receiver
        .hear("ops", "that it is over", |told| {
            told.text.contains(&format!("over: {title}"))
        })
        .await;
    let told = stage.receiver.told_to("ops");
    let of_it = told
        .iter()
        .filter(|told| told.text.contains("missing_scope"));
    assert_eq!(of_it.count(), 1, "{told:?}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_obeys_who_slack_says_is_in_its_group_right_then() {
    // Nobody listens there: what matters is whether it is tried.
    let actions = "on_call: { core: { user_group: S0CORE01 } }\nactions:\n  restart:\n    allow: { groups: [S0CORE01] }\n    http: { url: \"http://127.0.0.1:9/restart\" }\n";
    let stage = Stage::start_with(Door::Connection, actions).await;
    let slack = &stage.slack;
    // Who is in a group that is on call is said as far as Slack says it.
    slack.let_in(&["UJAN", "UBOB"]);
    slack.bid(GROUP, Bid::Error("internal_error"));
    let said = stage.hears(&mention("on-call"), POST).await;
    assert!(words(&said).contains("is unknown"), "{said}");
    for _ in 0..2 {
        let said = stage.hears(&mention("on-call"), POST).await;
        assert!(words(&said).contains("(user UBOB and user UJAN)"), "{said}");
    }
    assert_eq!(slack.calls(GROUP).len(), 2);
    slack.let_in(&["UJAN"]);
    let refused = until(
        "nobody could have recorded it before the start",
        async || {
            let said = stage.hears(&mention("restart web"), EPHEMERAL).await;
            (!words(&said).contains("nothing was done")).then_some(said)
        },
    )
    .await;
    assert!(words(&refused).contains("does not obey you"), "{refused}");
    // Slack does not say: nobody may, whoever was in it before.
    slack.let_in(&["UEVA"]);
    slack.bid(GROUP, Bid::Error("missing_scope"));
    let refused = stage.hears(&mention("restart web"), EPHEMERAL).await;
    assert!(
        words(&refused).contains("nobody can say whether you are in"),
        "{refused}"
    );
    // It does: there is a question, and whoever left the group before the answer is refused.
    let asked = stage.hears(&mention("restart web"), EPHEMERAL).await;
    assert!(words(&asked).contains("restart web"), "{asked}");
    let nonce = word_of(&asked);
    slack.let_in(&[]);
    let refused = stage
        .hears(&mention(&format!("confirm {nonce}")), EPHEMERAL)
        .await;
    assert!(words(&refused).contains("does not obey you"), "{refused}");
    // Who is still in it has it done; what comes of it is told in public.
    slack.let_in(&["UEVA"]);
    let asked = stage.hears(&mention("restart web"), EPHEMERAL).await;
    let calls = slack.calls(GROUP).len();
    stage
        .hears(&mention(&format!("confirm {}", word_of(&asked))), POST)
        .await;
    assert_eq!(slack.calls(GROUP).len(), calls + 1);
    // What is only shown is answered by what Slack said a moment ago.
    stage.hears(&mention("show tasks web"), POST).await;
    assert_eq!(slack.calls(GROUP).len(), calls + 1);
    stage.end().await;
}

/// The word that confirms a question.
fn word_of(asked: &Value) -> String {
    let text = words(asked);
    let (_, rest) = text.split_once("confirm ").expect("it says how");
    rest.chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect()
}
