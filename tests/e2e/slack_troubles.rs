//! A Slack that breaks, throttles, hangs, resets, lies, or has forgotten the webhook.

use std::{fmt::Write as _, time::Duration};

use super::{
    home::Home,
    receiver::{Reaction, Receiver, Told},
    targets::{Mood, Targets, nobody},
    wait::until,
};

const PASSING: [(&str, Reaction); 4] = [
    ("broken", Reaction::Broken),
    ("throttled", Reaction::Throttled(3)),
    ("hanging", Reaction::Hang),
    ("reset", Reaction::Reset),
];
const LASTING: [(&str, Reaction); 2] = [
    ("garbage", Reaction::Garbage),
    ("gone", Reaction::NoService),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_arrives_and_is_marked_as_a_repeat_only_if_an_answer_was_lost() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let channels = PASSING.map(|(channel, _)| channel);
    let home = Home::new(&receiver, &[&channels[..], &["ops"]].concat());
    home.write(&one_target_per_channel(&targets, &channels));
    for (channel, reaction) in PASSING {
        receiver.react(channel, &[reaction, Reaction::Ok]);
        targets.set(channel, Mood::Down);
    }
    let hekate = home.start().await;

    for (channel, reaction) in PASSING {
        let taken = receiver.hear_down(channel).await;
        let told = receiver.told_to(channel);
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[0].id(), taken.id());
        assert!(!told[0].is_repeat(), "{told:?}");
        let is_unsure = !matches!(reaction, Reaction::Throttled(_));
        assert_eq!(taken.is_repeat(), is_unsure, "{channel}: {told:?}");
        if let Reaction::Throttled(seconds) = reaction {
            let waited = told[1].at - told[0].at;
            // The first one is noted a moment after it came, so a little less is seen.
            let asked = Duration::from_millis(seconds * 1_000 - 200);
            assert!(waited >= asked, "it was asked for peace: {waited:?}");
        }
    }
    for (channel, _) in PASSING {
        targets.set(channel, Mood::Up);
        let id = receiver.hear_down(channel).await.id().to_owned();
        let up = receiver.hear_up(channel, &id).await;
        assert!(!up.is_repeat(), "{up:?}");
        assert_eq!(receiver.told_to(channel).len(), 3);
    }
    assert!(receiver.told_to("ops").is_empty());
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_webhook_is_gone_the_fallback_hears_and_everybody_can_see_it() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let channels = LASTING.map(|(channel, _)| channel);
    let home = Home::new(&receiver, &[&channels[..], &["ops"]].concat());
    home.write(&one_target_per_channel(&targets, &channels));
    for (channel, reaction) in LASTING {
        receiver.react(channel, &[reaction]);
        targets.set(channel, Mood::Down);
    }
    let hekate = home.start().await;

    for (channel, _) in LASTING {
        let is_of = |told: &Told| told.text.starts_with(&format!("DOWN: {channel} "));
        let down = receiver.hear("ops", channel, is_of).await;
        assert!(!down.is_repeat(), "{down:?}");
        let words = format!("hekate: channel '{channel}' refuses messages");
        receiver
            .hear("ops", "of the trouble", |told| {
                told.text.starts_with(&words)
            })
            .await;
        until("the grid shows it", async || {
            let troubles = hekate.status().await["troubles"].to_string();
            troubles
                .contains(&format!("`{channel}` refuses messages"))
                .then_some(())
        })
        .await;
        targets.set(channel, Mood::Up);
        receiver.hear_up("ops", down.id()).await;
    }
    let ops = receiver.told_to("ops");
    for (channel, _) in LASTING {
        let downs = ops
            .iter()
            .filter(|told| told.text.starts_with(&format!("DOWN: {channel} ")));
        assert_eq!(downs.count(), 1, "{ops:?}");
        assert_eq!(receiver.told_to(channel).len(), 1, "it is left in peace");
    }
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_slack_cannot_be_reached_messages_wait_and_are_no_repeats() {
    let targets = Targets::start().await;
    let address = nobody().await;
    let mut home = Home::new(&Receiver::start().await, &[]);
    home.set(
        "WEBHOOK_ALERTS",
        &format!("http://{address}/services/T0/B0/alerts"),
    );
    home.write(&targets.section(&["api"]));
    targets.set("api", Mood::Down);
    let hekate = home.start().await;
    until("it was tried in vain", async || {
        hekate.event("notify.retry")
    })
    .await;
    // The whole outage passes unheard; both ends of it are told afterwards, in their order.
    targets.set("api", Mood::Up);
    hekate.shows("api", "operational").await;
    // In order, so that what became of the last attempt is stored: killed in the middle of one it would have to say that it may have
    // arrived, as `kills` and `kill_points` have it.
    hekate.stop().await;
    let hekate = home.start().await;
    let receiver = Receiver::start_at(address).await;
    let down = receiver.hear_down("alerts").await;
    let up = receiver.hear_up("alerts", down.id()).await;
    hekate.stop().await;
    let texts: Vec<_> = receiver.told().into_iter().map(|told| told.text).collect();
    assert_eq!(texts, [down.text, up.text]);
    assert!(
        !texts.iter().any(|text| text.contains("repeat")),
        "{texts:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_while_slack_hangs_it_ends_in_time_and_tells_again_afterwards() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    home.write(&targets.section(&["api"]));
    receiver.react("alerts", &[Reaction::Hang, Reaction::Ok]);
    targets.set("api", Mood::Down);
    let hekate = home.start().await;
    let lost = receiver.hear("alerts", "anything", |_| true).await;
    assert!(!lost.is_repeat(), "{}", lost.text);
    hekate.stop().await;

    let hekate = home.start().await;
    let down = receiver.hear_down("alerts").await;
    assert_eq!(down.id(), lost.id());
    assert!(down.is_repeat(), "{}", down.text);
    targets.set("api", Mood::Up);
    receiver.hear_up("alerts", down.id()).await;
    hekate.stop().await;
    assert_eq!(receiver.told().len(), 3);
}

/// A target for each channel with a route to it; everything else goes to `ops`.
pub(crate) fn one_target_per_channel(targets: &Targets, channels: &[&str]) -> String {
    let mut text = targets.section(channels) + "routes:\n";
    for channel in channels {
        let _ = writeln!(
            text,
            "  - {{ match: {{ target: {channel} }}, to: {channel} }}"
        );
    }
    text + "  - { to: ops }\n"
}
