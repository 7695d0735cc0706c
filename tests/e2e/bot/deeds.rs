//! What people do about an incident is seen in its message, once, whatever happens to hekate meanwhile.

use serde_json::{Value, json};

use super::{
    stage,
    workspace::{Does, Message, Workspace},
};
use crate::{
    home::{Hekate, Home},
    slash::{SECRET, Signed},
    targets::Mood,
    wait::until,
};

/// Says this from a terminal.
async fn say(home: &Home, hekate: &Hekate, words: &[&str]) -> String {
    let server = format!("http://{}", hekate.address);
    let mut all = vec!["--server", server.as_str()];
    all.extend(words);
    let said = home.run(&all).await;
    assert!(said.status.success(), "{said:?}");
    String::from_utf8_lossy(&said.stdout).into_owned()
}

/// Waits until the message of the incident says this.
async fn says(slack: &Workspace, words: &str) -> Message {
    until(&format!("the message says {words}"), async || {
        let first = slack.top().into_iter().next()?;
        first.payload.to_string().contains(words).then_some(first)
    })
    .await
}

/// Waits until the thread has so many lines.
async fn lines(slack: &Workspace, count: usize) -> Vec<Message> {
    until(&format!("its thread has {count} lines"), async || {
        let lines = slack.lines();
        (lines.len() == count).then_some(lines)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_on_it_is_edited_into_the_message_through_every_kill() {
    let (slack, receiver, targets, home) = stage().await;
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    targets.set("api", Mood::Down);
    let begun = slack.shows("DOWN: api – ").await;
    hekate.shows("api", "down").await;

    // Killed between the edit and the line of the thread.
    slack.next("chat.postMessage", Does::Hangs);
    say(&home, &hekate, &["ack", "api", "--reason", "I restart it"]).await;
    let taken = says(&slack, "is on it since").await;
    assert_eq!(taken.ts, begun.ts);
    assert!(taken.text().contains("is on it: I restart it"), "{taken:?}");
    assert!(
        !taken.payload.to_string().contains("<!subteam"),
        "{taken:?}"
    );
    assert_eq!(taken.payload["attachments"][0]["color"], "#ECB22E");
    lines(&slack, 1).await;
    hekate.kill();

    let hekate = home.start().await;
    until("it has looked for its line", async || {
        let calls = slack.calls();
        let is_search = |call: &String| call == "conversations.replies";
        calls.iter().any(is_search).then_some(())
    })
    .await;
    // Killed before the edit arrives.
    slack.next("chat.update", Does::Hangs);
    let arguments = [
        "silence",
        "add",
        "api",
        "--for",
        "1h",
        "--reason",
        "it is known",
    ];
    let said = say(&home, &hekate, &arguments).await;
    let (_, rest) = said.split_once("— id ").expect("it says its id");
    let id = rest.split(';').next().unwrap_or_default().to_owned();
    until("the edit is under way", async || {
        let updates = slack.calls();
        let updates = updates.iter().filter(|call| *call == "chat.update");
        (updates.count() >= 2).then_some(())
    })
    .await;
    hekate.kill();
    let hekate = home.start().await;
    says(&slack, "silent until").await;
    lines(&slack, 2).await;
    say(&home, &hekate, &["silence", "end", &id]).await;
    told_once(&lines(&slack, 3).await, &begun, &id);
    let message = says(&slack, "is on it since").await;
    assert!(!message.payload.to_string().contains("silent until"));

    targets.set("api", Mood::Up);
    let over = slack.shows("UP AGAIN: api").await;
    assert!(over.text().contains("acknowledged by"), "{over:?}");
    hekate.stop().await;
    assert_eq!(slack.top().len(), 1, "nothing is a message of its own");
    let words = |told: &crate::receiver::Told| told.text.contains("on it");
    assert!(!receiver.told().iter().any(words), "{:?}", receiver.told());
    let verified = home.run(&["store", "verify"]).await;
    assert!(verified.status.success(), "{verified:?}");
}

/// A line for each deed, in the thread alone, and nobody is mentioned.
fn told_once(lines: &[Message], begun: &Message, id: &str) {
    let told: Vec<_> = lines.iter().map(Message::text).collect();
    for (line, words) in told
        .iter()
        .zip(["is on it: I restart it", "silenced api until", id])
    {
        assert!(line.contains(words), "{told:?}");
    }
    for line in lines {
        assert_eq!(line.thread.as_deref(), Some(begun.ts.as_str()));
        assert_eq!(line.payload["reply_broadcast"], false);
        assert!(!line.payload.to_string().contains("<!"), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_until_it_recovers_ends_with_the_incident_though_hekate_was_killed() {
    let (slack, receiver, targets, home) = stage().await;
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    let arguments = [
        "silence",
        "add",
        "api",
        "--until",
        "recovered",
        "--reason",
        "it is known",
    ];
    let server = format!("http://{}", hekate.address);
    let all: Vec<_> = ["--server", &server].into_iter().chain(arguments).collect();
    let refused = home.run(&all).await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("nothing to recover from"), "{refused:?}");

    targets.set("api", Mood::Down);
    slack.shows("DOWN: api – ").await;
    let said = say(&home, &hekate, &arguments).await;
    assert!(said.contains("until it recovers, at the latest "), "{said}");
    says(&slack, "silent until it recovers").await;
    lines(&slack, 1).await;
    hekate.kill();
    targets.set("api", Mood::Up);
    let hekate = home.start().await;
    slack.shows("UP AGAIN: api").await;
    let listed = say(&home, &hekate, &["silence", "list"]).await;
    assert_eq!(listed.trim(), "nothing is silenced");
    hekate.stop().await;
    assert!(receiver.told().is_empty(), "{:?}", receiver.told());
    let verified = home.run(&["store", "verify"]).await;
    assert!(verified.status.success(), "{verified:?}");
}

/// Eva presses something below the message of the incident.
pub(super) async fn press(hekate: &Hekate, trigger: usize, pressed: Value) {
    let payload = json!({
        "type": "block_actions", "api_app_id": "A1", "team": { "id": "T0" },
        "user": { "id": "UEVA", "username": "eva" }, "channel": { "id": "C0CORE0001" },
        "container": { "type": "message_attachment", "message_ts": "1.2", "channel_id": "C0CORE0001" },
        "trigger_id": format!("{trigger}.deed"), "actions": [pressed],
    });
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish();
    let answer = Signed::of(form, SECRET, 0);
    let answer = answer.send_to(hekate, "/slack/interactive").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_it_is_handed_to_is_mentioned_once_in_the_thread() {
    let (slack, receiver, targets, mut home) = stage().await;
    home.set("SIGNING_SECRET", SECRET);
    let file = std::fs::read_to_string(home.file()).expect("it was written");
    let with_clicks = "slack: { signing_secret: \"${SIGNING_SECRET}\", bot_token:";
    home.write_text(&file.replace("slack: { bot_token:", with_clicks));
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    targets.set("api", Mood::Down);
    slack.shows("DOWN: api – ").await;
    let shown = hekate.shows("api", "down").await;
    let about = format!("i:{}", shown["incident"].as_str().expect("it is told"));
    // Until nobody could have recorded before the start what is signed now.
    let mut trigger = 0;
    until("eva is on it", async || {
        trigger += 1;
        let ack = json!({ "action_id": "hekate.ack", "value": format!("1 {about}") });
        press(&hekate, trigger, ack).await;
        let first = slack.top().into_iter().next()?;
        let is_on_it =
            first.text().contains("@eva is on it") || first.text().contains("＠eva is on it");
        is_on_it.then_some(())
    })
    .await;
    lines(&slack, 1).await;

    slack.next("chat.postMessage", Does::Hangs);
    let mut handed = json!({
        "type": "users_select", "action_id": "hekate.hand_over", "selected_user": "U0JAN",
        "block_id": format!("hand 1 {about}"),
    });
    press(&hekate, 0, handed.clone()).await;
    // Slack hands it over twice.
    handed["again"] = json!(true);
    press(&hekate, 0, handed).await;
    says(&slack, "<@U0JAN> is on it since").await;
    lines(&slack, 2).await;
    hekate.kill();
    let hekate = home.start().await;
    targets.set("api", Mood::Up);
    slack.shows("UP AGAIN: api").await;
    let lines = lines(&slack, 3).await;
    hekate.stop().await;
    let calls = lines
        .iter()
        .filter(|line| line.payload.to_string().contains("<@U0JAN>"));
    let calls: Vec<_> = calls.collect();
    assert_eq!(calls.len(), 1, "{lines:?}");
    assert_eq!(calls[0].payload["reply_broadcast"], false);
    assert_eq!(slack.top().len(), 1);
    assert!(receiver.told().is_empty(), "{:?}", receiver.told());
}
