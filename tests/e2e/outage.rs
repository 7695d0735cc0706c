//! The one thing it is for.

use super::{
    home::Home,
    receiver::Receiver,
    targets::{Mood, Targets, nobody},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_told_once_and_so_is_its_end_and_only_to_whom_it_concerns() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["core", "others", "ops"]);
    home.write(&format!(
        r#"
targets:
  - {{ name: blue, group: master, health: "{}" }}
  - {{ name: green, group: master, health: "{}" }}
  - {{ name: api, health: "{}" }}
routes:
  - {{ match: {{ group: master }}, to: core }}
  - {{ match: {{ target: api }}, to: others }}
  - {{ to: ops }}
"#,
        targets.url("blue"),
        targets.url("green"),
        targets.url("api")
    ));
    let hekate = home.start().await;
    hekate.ready().await;
    hekate.shows("master/blue", "operational").await;

    targets.set("blue", Mood::Down);
    let down = receiver.hear_down("core").await;
    assert!(down.text.starts_with("DOWN: master blue – "), "{down:?}");
    assert!(down.text.contains("HTTP 503"), "{down:?}");
    assert!(down.payload["blocks"].is_array(), "{down:?}");
    let shown = hekate.target("master/blue").await;
    assert_eq!(shown["verdict"], "down");
    assert_eq!(shown["incident"], down.id());

    targets.set("blue", Mood::Up);
    let up = receiver.hear_up("core", down.id()).await;
    assert!(up.text.contains("master blue"), "{up:?}");
    hekate.stop().await;

    let texts: Vec<_> = receiver.told().into_iter().map(|told| told.text).collect();
    assert_eq!(texts, [down.text, up.text]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_that_fail_for_one_reason_are_told_once() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["core"]);
    home.write_grouped(&format!(
        r#"
targets:
  - {{ name: blue, group: master, health: "{}" }}
  - {{ name: green, group: master, health: "{}" }}
"#,
        targets.url("blue"),
        targets.url("green"),
    ));
    let hekate = home.start().await;
    hekate.shows("master/blue", "operational").await;
    hekate.shows("master/green", "operational").await;

    for name in ["blue", "green"] {
        targets.set(name, Mood::Down);
    }
    let down = receiver.hear_down("core").await;
    hekate.shows("master/green", "down").await;
    for name in ["master/blue", "master/green"] {
        assert_eq!(hekate.target(name).await["incident"], down.id());
    }
    hekate.kill();
    let hekate = home.start().await;
    for name in ["blue", "green"] {
        targets.set(name, Mood::Up);
    }
    let up = receiver.hear_up("core", down.id()).await;
    assert!(up.text.contains("2 targets with component db"), "{up:?}");
    hekate.stop().await;
    // The answer to the first message may have been on its way when it was killed.
    let told = receiver.told().into_iter().filter(|told| !told.is_repeat());
    assert_eq!(told.count(), 2, "{:?}", receiver.told());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_outage_is_told_in_its_own_words() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    home.write(&format!(
        r#"
targets:
  - {{ name: hanging, health: "{}" }}
  - {{ name: dripping, health: "{}" }}
  - {{ name: leaving, health: "{}" }}
  - {{ name: refusing, health: "http://{}/health" }}
"#,
        targets.url("hanging"),
        targets.url("dripping"),
        targets.url("leaving"),
        nobody().await
    ));
    targets.set("hanging", Mood::Hang);
    targets.set("dripping", Mood::Drip);
    targets.set("leaving", Mood::HangUp);
    let hekate = home.start().await;
    for (name, words) in [
        ("hanging", "no "),
        ("dripping", "body"),
        ("leaving", "closed"),
        ("refusing", "connection refused"),
    ] {
        let told = receiver
            .hear("alerts", name, |told| {
                told.text.starts_with(&format!("DOWN: {name} "))
            })
            .await;
        assert!(told.text.contains(words), "{name}: {}", told.text);
    }
    hekate.stop().await;
}
