//! A thousand targets, half of which say nothing.

use std::{fmt::Write as _, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use super::{
    home::Home,
    receiver::{Reaction, Receiver, Told},
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

const FALLING: usize = 200;
/// From the first that hekate shows as down to the first message.
const FIRST_WITHIN: Duration = Duration::from_secs(5);

/// Each is an incident of its own here, which is the worst that can happen to a channel that takes one message a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_that_fall_at_once_each_is_told_once_however_slow_slack_is() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    receiver.react("core", &[Reaction::OneASecond]);
    let home = Home::new(&receiver, &["core"]);
    let names: Vec<_> = (0..FALLING).map(|number| format!("t{number:03}")).collect();
    let mut text = String::from("targets:\n");
    for name in &names {
        let _ = writeln!(
            text,
            "  - {{ name: {name}, health: \"{}\" }}",
            targets.url(name)
        );
    }
    home.write(&text);
    let hekate = home.start().await;
    let counts = async |verdict: &str| hekate.status().await["counts"][verdict].as_u64();
    let all = u64::try_from(FALLING).ok();
    until("all are well", async || {
        (counts("operational").await == all).then_some(())
    })
    .await;

    for name in &names {
        targets.set(name, Mood::Down);
    }
    until("one is down", async || {
        counts("down").await.filter(|count| *count > 0)
    })
    .await;
    let begun = Instant::now();
    let first = receiver.hear_down("core").await;
    assert!(first.at <= begun + FIRST_WITHIN, "{:?}", first.at - begun);
    let told = each_told(&receiver, &names, 1).await;
    assert!(
        told < FALLING / 4,
        "{told} messages, and nobody reads so many"
    );

    for name in &names {
        targets.set(name, Mood::Up);
    }
    until("all are well again", async || {
        (counts("operational").await == all).then_some(())
    })
    .await;
    let told = each_told(&receiver, &names, 2).await;
    assert!(
        told < FALLING / 2,
        "{told} messages, and nobody reads so many"
    );
    hekate.stop().await;
    assert!(
        receiver
            .told_to("core")
            .iter()
            .all(|told| !told.is_repeat())
    );
}

/// Waits until each name was in so many messages that were taken; none is in more. Answers how many messages that were.
async fn each_told(receiver: &Receiver, names: &[String], times: usize) -> usize {
    until("each was told", async || {
        let mut told = receiver.told_to("core");
        told.retain(Told::is_taken);
        let texts: Vec<_> = told.iter().map(|told| told.payload.to_string()).collect();
        let mut counts = names.iter().map(|name| {
            texts
                .iter()
                .filter(|text| text.contains(name.as_str()))
                .count()
        });
        let doubled = counts.clone().filter(|count| *count > times).count();
        assert_eq!(doubled, 0, "told more than {times} times: {texts:#?}");
        counts.all(|count| count == times).then_some(told.len())
    })
    .await
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
