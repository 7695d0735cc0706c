//! Socket Mode: Slack asks over connections that hekate holds, and nothing is lost while they come and go.

mod app;
mod second_opinion;
pub(crate) mod stand_in;

use std::{fs, time::Duration};

use serde_json::json;
use stand_in::{Happening, Hello, Open, StandIn, TOKEN};
use tokio::time::Instant;

use super::{
    home::{Hekate, Home},
    receiver::Receiver,
    targets::{Mood, Targets},
    wait::until,
};

/// A hekate with two targets, one of them down, that holds connections to a stand-in.
struct Stage {
    home: Home,
    hekate: Hekate,
    slack: StandIn,
    receiver: Receiver,
    _targets: Targets,
}

impl Stage {
    async fn start(slack: StandIn) -> Self {
        let (targets, receiver) = (Targets::start().await, Receiver::start().await);
        targets.set("api", Mood::Down);
        let home = Home::new(&receiver, &["alerts", "ops"]);
        fs::write(home.path().join("token"), TOKEN).expect("the folder takes files");
        let section = format!(
            "routes: [{{ to: [alerts] }}]\nslack: {{ app_token_file: token, base_url: \"{}\" }}\n",
            slack.base_url()
        );
        home.write(&(section + &targets.section(&["api", "web"])));
        let hekate = home.start().await;
        Self {
            home,
            hekate,
            slack,
            receiver,
            _targets: targets,
        }
    }

    /// Started, with both connections open and everything looked at.
    async fn ready() -> Self {
        let stage = Self::start(StandIn::start().await).await;
        stage.slack.has_lines(2).await;
        stage.hekate.shows("api", "down").await;
        stage.hekate.shows("web", "operational").await;
        stage
    }

    /// Ends it; nothing of what is secret was written anywhere.
    async fn end(self) {
        self.hekate.stop().await;
        let words = self.home.words_of_all_runs();
        for secret in [TOKEN, "TICKET-SECRET", "/response"] {
            assert!(!words.contains(secret), "{secret} is in the log: {words}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_answered_with_the_acknowledgement_or_at_their_address() {
    let stage = Stage::ready().await;
    let (slack, lines) = (&stage.slack, stage.slack.open_lines());
    slack.ask(lines[0], "e1", "status", true);
    let answer = slack.acknowledged("e1").await["payload"].clone();
    assert_eq!(answer["response_type"], "ephemeral");
    let text = answer["text"].as_str().expect("everything in words");
    assert!(text.contains("api") && text.contains("DOWN"), "{text}");

    slack.ask(lines[1], "e2", "status", false);
    let said = slack.acknowledged("e2").await;
    assert_eq!(said, json!({ "envelope_id": "e2" }));
    let late = until("the late answer comes", async || slack.responses().pop()).await;
    assert_eq!(late["text"], answer["text"]);

    // What has to be read from the store comes the same ways.
    slack.ask(lines[0], "e3", "sli api 1h", true);
    let answer = slack.acknowledged("e3").await["payload"].clone();
    assert_eq!(answer["response_type"], "ephemeral");
    let text = answer["text"].as_str().expect("everything in words");
    let head = "Availability of api in the last 1 h: ";
    assert!(text.starts_with(head) && text.contains('%'), "{text}");
    let words = answer["blocks"].to_string();
    assert!(words.contains("api") && words.contains("down "), "{words}");
    slack.ask(lines[1], "e4", "sli api 1h", false);
    let said = slack.acknowledged("e4").await;
    assert_eq!(said, json!({ "envelope_id": "e4" }));
    let late = until("the late answer comes", async || {
        let mut late = slack.responses().into_iter();
        late.find(|late| late["text"].as_str().is_some_and(|it| it.starts_with(head)))
    })
    .await;
    assert_eq!(late["response_type"], "ephemeral");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_handed_over_again_is_acknowledged_again_and_done_once() {
    let stage = Stage::ready().await;
    let (slack, lines) = (&stage.slack, stage.slack.open_lines());
    let wish = "silence add web for 1h because of a test";
    slack.ask(lines[0], "e1", wish, true);
    let answer = slack.acknowledged("e1").await;
    let text = answer["payload"]["text"].as_str().unwrap_or_default();
    assert!(text.contains("silenced"), "{answer}");
    // The same envelope on the other connection, and the same command in another envelope.
    slack.ask(lines[1], "e1", wish, true);
    let mut again = slack.command("e2", wish);
    again["payload"]["trigger_id"] = json!("t.e1");
    slack.say(lines[1], &again.to_string());
    assert_eq!(
        slack.acknowledged("e2").await,
        json!({ "envelope_id": "e2" })
    );
    until("the repeat is acknowledged", async || {
        (slack.said_of("e1").len() == 2).then_some(())
    })
    .await;
    assert_eq!(slack.said_of("e1")[1], json!({ "envelope_id": "e1" }));
    let silences = stage.hekate.get("/v1/silences").await.body;
    assert_eq!(silences.matches("of a test").count(), 1, "{silences}");
    let repeats = "hekate_slack_envelopes_total{type=\"slash_commands\",outcome=\"repeat\"}";
    assert_eq!(stage.hekate.metric(repeats).await, Some(2.0));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_takes_is_acknowledged_and_what_nobody_can_read_harms_nobody() {
    let stage = Stage::ready().await;
    let (slack, line) = (&stage.slack, stage.slack.open_lines()[0]);
    for (id, kind) in [
        ("i1", "interactive"),
        ("v1", "events_api"),
        ("o1", "something_new"),
    ] {
        let envelope = json!({ "envelope_id": id, "type": kind, "payload": { "type": "x" } });
        slack.say(line, &envelope.to_string());
        assert_eq!(slack.acknowledged(id).await, json!({ "envelope_id": id }));
    }
    for text in [
        "",
        "hello",
        "{",
        "[]",
        "null",
        "{\"type\":5}",
        "{\"type\":\"x\",\"envelope_id\":{}}",
    ] {
        slack.say(line, text);
    }
    slack.say_bytes(line, b"\x00\xff\xfe");
    // A command that lacks what it needs, and one whose address for late answers is not Slack's.
    let mut broken = slack.command("b1", "status");
    broken["payload"]["user_id"] = json!(null);
    slack.say(line, &broken.to_string());
    let mut foreign = slack.command("b2", "status");
    foreign["payload"]["response_url"] = json!("http://192.0.2.1/steal");
    slack.say(line, &foreign.to_string());
    for id in ["b1", "b2"] {
        assert_eq!(slack.acknowledged(id).await, json!({ "envelope_id": id }));
    }
    slack.ask(line, "e1", "status", true);
    assert!(slack.acknowledged("e1").await["payload"]["blocks"].is_array());
    assert_eq!(slack.open_lines().len(), 2);
    assert_eq!(slack.opens().len(), 2);
    let ignored = "hekate_slack_envelopes_total{type=\"interactive\",outcome=\"ignored\"}";
    assert_eq!(stage.hekate.metric(ignored).await, Some(1.0));
    stage.end().await;
}

/// Asks on every open connection, and waits for all answers.
async fn ask_all(slack: &StandIn, round: &str) {
    let lines = slack.open_lines();
    assert!(!lines.is_empty(), "nobody listens");
    for line in &lines {
        slack.ask(*line, &format!("{round}-{line}"), "status", true);
    }
    for line in lines {
        let said = slack.acknowledged(&format!("{round}-{line}")).await;
        assert!(said["payload"]["text"].is_string(), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_leaves_no_gap_and_takes_no_answer() {
    let stage = Stage::ready().await;
    let slack = &stage.slack;
    for (round, reason) in ["warning", "refresh_requested", "warning"]
        .into_iter()
        .enumerate()
    {
        let before = slack.has_lines(2).await;
        // One of them is asked in the moment in which it says that it will go, and after.
        slack.ask(before[0], &format!("before-{round}"), "status", true);
        slack.disconnect(before[0], reason);
        slack.ask(before[0], &format!("after-{round}"), "status", true);
        ask_all(slack, &format!("during-{round}")).await;
        for what in ["before", "after"] {
            let said = slack.acknowledged(&format!("{what}-{round}")).await;
            assert!(said["payload"]["text"].is_string(), "{said}");
        }
        // The other one is there before Slack ends the one of which it said so.
        slack.has_lines(3).await;
        ask_all(slack, &format!("beside-{round}")).await;
        slack.close(before[0]);
    }
    // Both at once.
    let before = slack.has_lines(2).await;
    for line in &before {
        slack.disconnect(*line, "refresh_requested");
    }
    slack.has_lines(4).await;
    ask_all(slack, "of four").await;
    for line in before {
        slack.close(line);
    }
    slack.has_lines(2).await;
    // At no time were there fewer than two.
    let mut open = 0_usize;
    let mut has_begun = false;
    for (_, happening) in slack.happenings() {
        match happening {
            Happening::Greeted(_) => open += 1,
            Happening::Ended(_) => open -= 1,
        }
        has_begun |= open == 2;
        assert!(!has_begun || open >= 2, "{:?}", slack.happenings());
    }
    ask_all(slack, "at the end").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_reset_of_all_connections_there_are_others_in_a_moment() {
    let stage = Stage::ready().await;
    let slack = &stage.slack;
    let before = slack.open_lines();
    let reset_at = Instant::now();
    for line in &before {
        slack.reset(*line);
    }
    let greeted_at = until("there is another one", async || {
        let happenings = slack.happenings();
        let mut greetings = happenings.into_iter().filter_map(|(at, happening)| {
            let is_new = matches!(happening, Happening::Greeted(line) if !before.contains(&line));
            is_new.then_some(at)
        });
        greetings.next()
    })
    .await;
    // It takes half a second at most, and this machine may have other things to do.
    let took = greeted_at - reset_at;
    assert!(took < Duration::from_secs(3), "{took:?}");
    slack.has_lines(2).await;
    ask_all(slack, "again").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_silent_or_floods_is_replaced() {
    let stage = Stage::ready().await;
    let slack = &stage.slack;
    let before = slack.open_lines();
    slack.fall_silent(before[0]);
    let huge = "x".repeat(5 * 1024 * 1024);
    slack.say(before[1], &huge);
    until("both were replaced", async || {
        let open = slack.open_lines();
        (open.len() == 2 && !open.iter().any(|line| before.contains(line))).then_some(())
    })
    .await;
    let log = stage.hekate.log();
    assert!(log.contains("a message of Slack's is too large"), "{log}");
    assert!(log.contains("Slack fell silent"), "{log}");
    ask_all(slack, "again").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_told_once_and_the_right_one_is_taken_without_a_restart() {
    let slack = StandIn::start().await;
    slack.take_token("xapp-1-A0123456789-9876543210-another");
    let stage = Stage::start(slack).await;
    let (slack, hekate) = (&stage.slack, &stage.hekate);
    let told = stage
        .receiver
        .hear("ops", "that Slack refuses the token", |told| {
            told.text.contains("invalid_auth")
        })
        .await;
    assert!(
        told.text.contains("slash commands are not answered"),
        "{}",
        told.text
    );
    hekate.ready().await;
    assert_eq!(hekate.get("/readyz").await.json()["slack"], false);
    let status = hekate.get("/api/v1/status?format=text").await.body;
    assert!(status.contains("invalid_auth"), "{status}");
    let asked = slack.opens().len();
    assert!(asked <= 2, "{asked}");

    // Somebody repairs nothing and reads the file again: it is tried, and told no second time.
    let reload = hekate.post("/-/reload", "", "").await;
    assert_eq!(reload.status, 200, "{}", reload.body);
    until("it is tried again", async || {
        (slack.opens().len() > asked).then_some(())
    })
    .await;
    let right = "xapp-1-A0123456789-9876543210-another";
    fs::write(stage.home.path().join("token"), right).expect("the folder takes files");
    slack.has_lines(2).await;
    stage
        .receiver
        .hear("ops", "that it is over", |told| {
            told.text.contains("over: slash commands are not answered")
        })
        .await;
    let told = stage.receiver.told_to("ops");
    let of_it = told
        .iter()
        .filter(|told| told.text.contains("invalid_auth"));
    assert_eq!(of_it.count(), 1);
    assert_eq!(hekate.get("/readyz").await.json()["slack"], true);
    // Another token again: the connections are replaced, and nobody is left alone meanwhile.
    let before = slack.open_lines();
    slack.take_token(TOKEN);
    fs::write(stage.home.path().join("token"), TOKEN).expect("the folder takes files");
    until("both were replaced", async || {
        let open = slack.open_lines();
        (open.len() == 2 && !open.iter().any(|line| before.contains(line))).then_some(())
    })
    .await;
    ask_all(slack, "again").await;
    assert!(!stage.hekate.log().contains(right));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slacks_pace_is_kept_and_its_troubles_are_waited_out() {
    let slack = StandIn::start().await;
    slack.greet(Hello::After(Duration::from_millis(1_500)));
    slack.react(&[
        Open::Broken,
        Open::Elsewhere("ws://192.0.2.1/link/?ticket=TICKET-SECRET"),
        Open::Error("internal_error"),
        Open::Throttled(2),
        Open::Ok,
    ]);
    let stage = Stage::start(slack).await;
    let slack = &stage.slack;
    slack.has_lines(2).await;
    // The first after the wish for peace.
    let opens = slack.opens();
    let pause = opens[4] - opens[3];
    assert!(pause >= Duration::from_secs(2), "{opens:?}");
    let log = stage.hekate.log();
    assert!(log.contains("an address that is not its own"), "{log}");
    ask_all(slack, "at last").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_lets_what_was_asked_be_answered() {
    let stage = Stage::ready().await;
    let slack = stage.slack.clone();
    let lines = slack.open_lines();
    for line in &lines {
        slack.ask(*line, &format!("last-{line}"), "status", true);
    }
    for line in &lines {
        slack.acknowledged(&format!("last-{line}")).await;
    }
    stage.end().await;
    slack.has_lines(0).await;
}
