//! How it ends, and with which number.

use std::{fs, net::TcpListener, process::Output};

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
    home.write(&targets.section(&["api"]));
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
    home.write(&targets.section(&["api"]));
    let first = home.start().await;
    expect(&home, &["run"], 74, &first.pid().to_string()).await;
    first.ready().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_with_the_same_address_hears_it_as_well() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    home.write(&targets.section(&["api"]));
    let text = fs::read_to_string(home.file()).expect("it was written");
    let address = nobody().await.to_string();
    home.write_text(&text.replace("127.0.0.1:0", &address));
    let first = home.start().await;
    expect(&home, &["run"], 74, &first.pid().to_string()).await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_taken_is_named() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    home.write(&targets.section(&["api"]));
    let text = fs::read_to_string(home.file()).expect("it was written");
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = taken.local_addr().expect("it is bound").to_string();
    home.write_text(&text.replace("127.0.0.1:0", &address));
    expect(&home, &["run"], 1, &address).await;
}

/// One target for every state that a single look can find.
async fn mixed() -> (Targets, Home) {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    home.write(&targets.section(&["fine", "ailing", "broken", "private"]));
    targets.set("broken", Mood::Down);
    let degraded = String::from(r#"{"status":"degraded"}"#);
    targets.set("ailing", Mood::Says(200, degraded));
    targets.set("private", Mood::Says(401, String::from("{}")));
    (targets, home)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_by_hand_ends_with_what_it_found() {
    let (_targets, home) = mixed().await;
    expect(&home, &["validate"], 0, "nothing wrong").await;
    expect(&home, &["check", "fine"], 0, "fine").await;
    expect(&home, &["check", "broken"], 1, "503").await;
    expect(&home, &["check"], 1, "broken").await;
    expect(&home, &["check", "ailing"], 1, "ailing").await;
    let lenient = ["check", "ailing", "--fail-on", "down"];
    expect(&home, &lenient, 0, "ailing").await;
    expect(&home, &["check", "nosuch"], 1, "nosuch").await;
    for (name, code, word) in [
        ("fine", 0, "HEKATE OK"),
        ("ailing", 1, "HEKATE WARNING"),
        ("broken", 2, "HEKATE CRITICAL"),
        ("private", 3, "HEKATE UNKNOWN"),
    ] {
        expect(&home, &["check", "--nagios", name], code, word).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_to_a_running_hekate_need_one() {
    let (_targets, home) = mixed().await;
    let nowhere = format!("http://{}", nobody().await);
    for command in [&["status"][..], &["reload"], &["explain", "broken"]] {
        let arguments = [command, &["--server", &nowhere]].concat();
        expect(&home, &arguments, 69, "no running hekate").await;
    }
    let hekate = home.start().await;
    hekate.shows("broken", "down").await;
    let server = format!("http://{}", hekate.address);
    for (command, code, words) in [
        (&["status"][..], 0, "broken"),
        (&["explain", "broken"], 0, "503"),
        (&["history", "broken"], 0, "down"),
        (&["explain", "nosuch"], 1, "nosuch"),
    ] {
        let arguments = [command, &["--server", &server]].concat();
        expect(&home, &arguments, code, words).await;
    }
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_have_numbers_of_their_own() {
    let (_targets, home) = mixed().await;
    expect(&home, &["--nonsense"], 2, "--nonsense").await;
    expect(&home, &["run", "--log", "nonsense"], 2, "nonsense").await;
    expect(&home, &["--version"], 0, env!("CARGO_PKG_VERSION")).await;
    home.write("targets:\n  - { name: fine, helth: \"http://127.0.0.1/\" }\n");
    for command in ["run", "validate", "check"] {
        expect(&home, &[command], 78, "helth").await;
    }
}
