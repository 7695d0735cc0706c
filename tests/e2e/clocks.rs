//! Clocks that jump by hours, as when somebody sets them or a machine wakes with a dead battery.
//!
//! `libfaketime` stands between the binary and the system's clock; the monotonic clock goes its way, as it does then.
//!
//! A machine that was suspended is the same to hekate: it did not run, its monotonic clock stood still, and the wall clock
//! went on. The clock that counts suspensions as well, `CLOCK_BOOTTIME`, is one that hekate never reads.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use rustix::process::Signal;

use super::{
    home::{Hekate, Home},
    receiver::{Receiver, Told},
    targets::{Mood, Targets},
    wait::until,
};

const NAMES: [&str; 5] = ["t0", "t1", "t2", "t3", "t4"];
/// What a jump of hours is at least, in milliseconds.
const HOURS_MS: i64 = 10_000_000;

/// The library, or nothing, said aloud.
fn library() -> Option<PathBuf> {
    let folders = ["x86_64-linux-gnu", "aarch64-linux-gnu"];
    let paths = folders.map(|folder| format!("/usr/lib/{folder}/faketime/libfaketimeMT.so.1"));
    let found = paths
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists());
    if found.is_none() {
        assert!(
            env::var_os("HEKATE_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
            "libfaketime must be installed"
        );
        // Not `eprintln!`: the test runner would swallow it.
        let _ = writeln!(
            io::stderr(),
            "SKIPPED, NOT TESTED: clocks that jump, for which libfaketime is needed"
        );
    }
    found
}

/// Lets every hekate of this home see the clock of [`set_clock`].
fn stand_between(home: &mut Home, library: &Path) {
    for (name, value) in [
        ("LD_PRELOAD", library.display().to_string()),
        (
            "FAKETIME_TIMESTAMP_FILE",
            home.path().join("clock").display().to_string(),
        ),
        ("FAKETIME_NO_CACHE", String::from("1")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", String::from("1")),
        ("DONT_FAKE_MONOTONIC", String::from("1")),
    ] {
        home.set(name, &value);
    }
    set_clock(home, "+0");
}

/// Moves the clock of every hekate of this home.
fn set_clock(home: &Home, offset: &str) {
    let (beside, file) = (home.path().join("clock.new"), home.path().join("clock"));
    fs::write(&beside, offset).expect("the folder takes files");
    fs::rename(&beside, &file).expect("the folder takes files");
}

/// Waits until hekate notices that its clock jumped, and has looked at everything several times since.
async fn notices(hekate: &Hekate, targets: &Targets) {
    until("the jump is noticed", async || {
        let mut seen = hekate.events("clock.mistrusted").into_iter();
        seen.any(|event| {
            let step = event["wall_step_ms"].as_i64();
            step.is_some_and(|step| step.abs() > HOURS_MS)
        })
        .then_some(())
    })
    .await;
    all_are_asked(targets).await;
}

async fn all_are_asked(targets: &Targets) {
    let before = NAMES.map(|name| targets.asked(name));
    until("everything was looked at eight more times", async || {
        let mut pairs = NAMES.iter().zip(before);
        let is_asked = |(name, before): (&&str, u64)| targets.asked(name) >= before + 8;
        pairs.all(is_asked).then_some(())
    })
    .await;
}

async fn jump(offset: &str, lapses: usize) {
    let Some(library) = library() else { return };
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["alerts", "ops"]);
    stand_between(&mut home, &library);
    let names = NAMES.join(", ");
    let routes = format!(
        "routes:\n  - {{ match: {{ target: [{names}] }}, to: alerts, remind_after: [1h] }}\n  - {{ to: ops }}\n"
    );
    home.write_grouped(&(targets.section(&NAMES) + &routes));
    let hekate = home.start().await;
    hekate.ready().await;
    targets.set("t0", Mood::Down);
    let first = receiver.hear_down("alerts").await;

    set_clock(&home, offset);
    notices(&hekate, &targets).await;
    let t0 = hekate.shows("t0", "down").await;
    assert_eq!(t0["incident"], first.id());
    let said = hekate.get("/api/v1/lapses").await.json();
    let found = said["lapses"].as_array().map_or(0, Vec::len);
    assert_eq!(found, lapses, "{said}");

    // What is known survives a restart in the new time as well, and what is new is told as ever.
    hekate.kill();
    let hekate = home.start().await;
    all_are_asked(&targets).await;
    targets.set("t1", Mood::HangUp);
    let second = receiver
        .hear("alerts", "of the second one", |told| {
            told.is_down() && told.id() != first.id()
        })
        .await;
    for (name, id) in [("t0", first.id()), ("t1", second.id())] {
        targets.set(name, Mood::Up);
        receiver.hear_up("alerts", id).await;
    }
    hekate.stop().await;
    let told: Vec<_> = receiver.told().into_iter().map(|told| told.text).collect();
    assert_eq!(told.len(), 4, "two outages and their ends: {told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_forward_by_hours_tells_nobody_anything() {
    // Nothing was looked at in the hours that the clock left out.
    jump("+3h", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_by_hours_tells_nobody_anything() {
    jump("-3h", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_sleeps_past_the_end_of_a_silence_tells_what_is_still_down_when_it_wakes() {
    let Some(library) = library() else { return };
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["alerts"]);
    stand_between(&mut home, &library);
    home.write(&targets.section(&NAMES));
    let hekate = home.start().await;
    hekate.ready().await;
    let server = format!("http://{}", hekate.address);
    let silence = async |words: &[&str]| {
        let mut all = vec!["--server", &server, "silence"];
        all.extend(words);
        let output = home.run(&all).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    silence(&["add", "t0,", "t1", "--for", "30m", "--reason", "x"]).await;
    for name in ["t0", "t1"] {
        targets.set(name, Mood::Down);
        hekate.shows(name, "down").await;
    }
    assert!(receiver.told().iter().all(|told| !told.is_down()));

    // While it sleeps one of them comes back, and another one fails.
    hekate.signal(Signal::STOP);
    set_clock(&home, "+3h");
    targets.set("t1", Mood::Up);
    targets.set("t2", Mood::Down);
    hekate.signal(Signal::CONT);
    notices(&hekate, &targets).await;
    let is_of = |name: &'static str| move |told: &Told| told.is_down() && told.text.contains(name);
    let t0 = receiver.hear("alerts", "of t0", is_of("t0")).await;
    assert!(t0.text.contains("held back by silence s1"), "{t0:?}");
    let t2 = receiver.hear("alerts", "of t2", is_of("t2")).await;
    assert!(!t2.text.contains("held back"), "{t2:?}");
    assert_eq!(silence(&["list"]).await, "nothing is silenced\n");
    for (name, id) in [("t0", t0.id()), ("t2", t2.id())] {
        targets.set(name, Mood::Up);
        receiver.hear_up("alerts", id).await;
    }
    hekate.stop().await;
    let told: Vec<_> = receiver.told().into_iter().map(|told| told.text).collect();
    let news = told.iter().filter(|text| !text.contains("silenced"));
    assert_eq!(news.count(), 4, "two outages and their ends: {told:?}");
}
