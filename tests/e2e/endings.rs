//! How it ends, and with which number.

use std::process::Output;

use rustix::process::Signal;

use super::{
    home::Home,
    receiver::Receiver,
    targets::{Mood, Targets, nobody},
};

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

async fn expect(home: &Home, arguments: &[&str], code: i32, words: &str) {
    let output = home.run(arguments).await;
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(words), "{arguments:?}: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_it_in_order_and_the_store_opens_again() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    home.write(&format!(
        "targets:\n  - {{ name: api, health: \"{}\" }}\n",
        targets.url("api")
    ));
    targets.set("api", Mood::Down);
    let mut id = None;
    for (signal, code) in [
        (Signal::INT, 130),
        (Signal::TERM, 0),
        (Signal::INT, 130),
        (Signal::TERM, 0),
    ] {
        let mut hekate = home.start().await;
        assert!(hekate.event("store.notice").is_none(), "{}", hekate.log());
        let shown = hekate.shows("api", "down").await;
        let down = receiver.hear_down("alerts").await;
        assert_eq!(shown["incident"], down.id());
        assert_eq!(id.get_or_insert_with(|| down.id().to_owned()), down.id());
        hekate.signal(signal);
        assert_eq!(hekate.ended().await.code(), Some(code), "{}", hekate.log());
        expect(&home, &["store", "verify"], 0, "0 faults").await;
    }
    assert_eq!(receiver.told().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_is_refused_and_hears_who_was_first() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    home.write(&format!(
        "targets:\n  - {{ name: api, health: \"{}\" }}\n",
        targets.url("api")
    ));
    let first = home.start().await;
    expect(&home, &["run"], 74, &first.pid().to_string()).await;
    first.ready().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_has_its_number() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    let names = ["fine", "ailing", "broken", "private"];
    let mut text = String::from("targets:\n");
    for name in names {
        text += &format!(
            "  - {{ name: {name}, health: \"{}\" }}\n",
            targets.url(name)
        );
    }
    home.write(&text);
    targets.set("broken", Mood::Down);
    let degraded = String::from(r#"{"status":"degraded"}"#);
    targets.set("ailing", Mood::Says(200, degraded));
    targets.set("private", Mood::Says(401, String::from("{}")));

    expect(&home, &["validate"], 0, "nothing wrong").await;
    expect(&home, &["check", "fine"], 0, "fine").await;
    expect(&home, &["check", "broken"], 1, "503").await;
    expect(&home, &["check"], 1, "broken").await;
    expect(&home, &["check", "ailing"], 1, "ailing").await;
    expect(
        &home,
        &["check", "ailing", "--fail-on", "down"],
        0,
        "ailing",
    )
    .await;
    expect(&home, &["check", "nosuch"], 1, "nosuch").await;
    for (name, code, word) in [
        ("fine", 0, "HEKATE OK"),
        ("ailing", 1, "HEKATE WARNING"),
        ("broken", 2, "HEKATE CRITICAL"),
        ("private", 3, "HEKATE UNKNOWN"),
    ] {
        expect(&home, &["check", "--nagios", name], code, word).await;
    }
    let nowhere = format!("http://{}", nobody().await);
    expect(
        &home,
        &["status", "--server", &nowhere],
        69,
        "no running hekate",
    )
    .await;
    expect(
        &home,
        &["reload", "--server", &nowhere],
        69,
        "no running hekate",
    )
    .await;
    expect(&home, &["--nonsense"], 2, "--nonsense").await;
    expect(&home, &["run", "--log", "nonsense"], 2, "nonsense").await;
    expect(&home, &["--version"], 0, env!("CARGO_PKG_VERSION")).await;

    let hekate = home.start().await;
    hekate.shows("broken", "down").await;
    let server = format!("http://{}", hekate.address);
    expect(&home, &["status", "--server", &server], 0, "broken").await;
    expect(&home, &["explain", "broken", "--server", &server], 0, "503").await;
    expect(
        &home,
        &["history", "broken", "--server", &server],
        0,
        "down",
    )
    .await;
    expect(
        &home,
        &["explain", "nosuch", "--server", &server],
        1,
        "nosuch",
    )
    .await;
    hekate.stop().await;

    home.write("targets:\n  - { name: fine, helth: \"http://127.0.0.1/\" }\n");
    for command in ["run", "validate", "check"] {
        expect(&home, &[command], 78, "helth").await;
    }
}
