//! A thousand targets, half of which say nothing.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    home::Home,
    receiver::Receiver,
    targets::{Mood, Targets},
    wait::until,
};

const TARGETS: usize = 1_000;
/// Their interval, and what a busy machine may add to it.
const INTERVAL_MS: u64 = 5_000;
const SLACK_MS: u64 = 5_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_silent_half_does_not_make_the_other_half_late() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["hanging", "healthy", "ops"]);
    let mut text = String::from("targets:\n");
    for number in 0..TARGETS {
        let group = if number % 2 == 0 { "bad" } else { "good" };
        let name = format!("{group}{number}");
        let url = targets.url(&name);
        if group == "bad" {
            targets.set(&name, Mood::Hang);
        }
        let _ = writeln!(
            text,
            "  - {{ name: {name}, group: {group}, health: \"{url}\" }}"
        );
    }
    text += "routes:\n  - { match: { group: bad }, to: hanging }\n  - { match: { group: good }, to: healthy }\n  - { to: ops }\n";
    let rhythm = "defaults: { interval: 5s, timeout: 3s, confirm: 8s, successes: 1 }\n";
    home.write_with(rhythm, &text);
    let hekate = home.start().await;
    until("all were looked at", async || {
        let answer = hekate.get("/readyz").await.json();
        (answer["first_round"] == true).then_some(())
    })
    .await;

    // Until the silent ones have been told, and all the way there, the others are looked at in their rhythm.
    let mut oldest = 0;
    until("the silent half is down", async || {
        let status = hekate.status().await;
        oldest = oldest.max(oldest_of(&status, "good"));
        (status["counts"]["down"] == TARGETS / 2).then_some(())
    })
    .await;
    assert!(
        oldest <= INTERVAL_MS + SLACK_MS,
        "a healthy one was last looked at {oldest} ms ago"
    );
    let told = receiver.hear_down("hanging").await;
    assert!(told.text.contains("bad"), "{}", told.text);
    hekate.stop().await;
    assert!(receiver.told_to("healthy").is_empty());
    assert!(receiver.told_to("ops").is_empty());
}

fn oldest_of(status: &Value, group: &str) -> u64 {
    let targets = status["targets"].as_array().into_iter().flatten();
    targets
        .filter(|target| target["group"] == group)
        .filter_map(|target| {
            assert_eq!(target["settled"], "operational", "{target}");
            target["age_ms"].as_u64()
        })
        .max()
        .unwrap_or(0)
}
