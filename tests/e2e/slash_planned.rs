//! What people plan in Slack: signed words, and what they change until somebody ends it or it is over.

use std::{fs, time::Duration};

use chrono::{DateTime, Utc};
use hekate::{clock::Clock, model::Timestamp};
use serde_json::Value;

use super::{
    home::{Hekate, Home},
    receiver::{Receiver, Told},
    slash::{ANOTHER_SECRET, SECRET, STEVE, Signed, User, let_in},
    targets::{Mood, Targets},
    wait::{until, until_within},
};

const JANA: User = User {
    id: "U0JANA777",
    name: "jana",
};

/// Longer than the shortest silence lasts.
const SILENCE_LIMIT: Duration = Duration::from_mins(2);

/// Each target by itself, and nobody is reminded: whatever is told is news.
fn prepare(home: &mut Home, targets: &Targets, names: &[&str]) {
    let slack = let_in(home);
    let routes = "routes: [ { to: core, remind_after: 4h } ]\n";
    home.write(&format!("{slack}{}{routes}", targets.section(names)));
}

/// Types it, and takes an answer that nobody else sees.
async fn say(hekate: &Hekate, user: User, text: &str) -> String {
    let request = Signed::by(user, text);
    said(text, &request, hekate).await
}

async fn said(text: &str, request: &Signed, hekate: &Hekate) -> String {
    let answer = request.send(hekate).await;
    assert_eq!(answer.status, 200, "{text}: {}", answer.body);
    let message = answer.json();
    assert_eq!(message["response_type"], "ephemeral", "{text}: {message}");
    readable(message["text"].as_str().unwrap_or_default())
}

/// As people read it: with the signs that others stand in for, so that Slack does not act upon them.
fn readable(text: &str) -> String {
    text.replace('＠', "@").replace('∶', ":")
}

/// As [`say`], as often as it takes until a hekate that was just started is sure that nobody repeats it.
async fn say_after_a_start(hekate: &Hekate, user: User, text: &str) -> String {
    until(&format!("{text} is believed"), async || {
        let answer = say(hekate, user, text).await;
        (!answer.contains(JUST_STARTED)).then_some(answer)
    })
    .await
}

/// What a wish is told that may have been signed before hekate was started.
const JUST_STARTED: &str = "before hekate was started";

/// Nobody believes it, and nothing is said about why.
async fn is_refused(what: &str, request: &Signed, hekate: &Hekate) {
    let answer = request.send(hekate).await;
    assert_eq!(answer.status, 401, "{what}: {}", answer.body);
    assert_eq!(answer.body, "not signed by Slack\n", "{what}");
}

/// The silences of a hekate, as programs read them.
async fn silences(hekate: &Hekate) -> Vec<Value> {
    let answer = hekate.get("/v1/silences").await.json();
    answer["plans"].as_array().cloned().unwrap_or_default()
}

/// That a target is down.
fn is_down_of(name: &str) -> impl Fn(&Told) -> bool + '_ {
    move |told| told.text.starts_with(&format!("DOWN: {name} "))
}

fn has_heard_of(receiver: &Receiver, name: &str) -> bool {
    receiver.told().iter().any(is_down_of(name))
}

/// Everything that the journal holds of a plan, oldest first.
fn in_the_journal(home: &Home, number: u64) -> Vec<Value> {
    let folder = fs::read_dir(home.path().join("data")).expect("there is a store");
    let mut files: Vec<_> = folder
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).expect("the journal is text");
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).expect("a line is JSON");
            let plans = line["batch"]["planned"].as_array();
            let plans = plans.into_iter().flatten().cloned();
            found.extend(plans.filter(|plan| plan["id"]["number"] == number));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_from_slack_keeps_new_troubles_back_until_somebody_ends_it_and_nothing_else() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["core"]);
    prepare(&mut home, &targets, &["api", "db", "web"]);
    let hekate = home.start().await;
    for name in ["api", "db", "web"] {
        hekate.shows(name, "operational").await;
    }
    targets.set("db", Mood::Down);
    let db = receiver.hear_down("core").await;

    let begin = "silence add api, db for 30m because db restore";
    let answer = say_after_a_start(&hekate, STEVE, begin).await;
    assert!(answer.starts_with("silenced 2 targets until "), "{answer}");
    for words in ["by @steve", "id s1", "one incident is open already"] {
        assert!(answer.contains(words), "{words}: {answer}");
    }
    // Silence is no secret.
    let notice = |told: &Told| told.text.contains("silenced until");
    let notice = receiver.hear("core", "of the silence", notice).await;
    assert!(
        readable(&notice.text).contains("by @steve: db restore"),
        "{notice:?}"
    );

    targets.set("api", Mood::Down);
    let api = hekate.shows("api", "down").await;
    assert_eq!(api["planned"]["name"], "s1", "{api}");
    assert!(api["incident"].is_null(), "{api}");
    // Whoever is not silenced is told, so nothing else keeps messages back …
    targets.set("web", Mood::Down);
    let web = receiver.hear("core", "of web", is_down_of("web")).await;
    // … and so is the end of what was told before.
    targets.set("db", Mood::Up);
    receiver.hear_up("core", db.id()).await;
    targets.set("web", Mood::Up);
    receiver.hear_up("core", web.id()).await;
    assert!(!has_heard_of(&receiver, "api"), "{:?}", receiver.told());

    hekate.kill();
    let hekate = home.start().await;
    hekate.shows("api", "down").await;
    let listed = say(&hekate, JANA, "silence").await;
    assert!(listed.starts_with("'s1' 2 targets until "), "{listed}");
    for words in [" left), by @steve: db restore", "api, db"] {
        assert!(listed.contains(words), "{words}: {listed}");
    }
    assert!(!has_heard_of(&receiver, "api"), "{:?}", receiver.told());

    let ended = say_after_a_start(&hekate, JANA, "silence end s1").await;
    assert!(ended.contains("what is still bad is told now"), "{ended}");
    let down = receiver.hear("core", "of api", is_down_of("api")).await;
    let why = "held back by silence s1 of @steve: db restore";
    assert!(readable(&down.text).contains(why), "{down:?}");
    let notice = |told: &Told| told.text.contains("not silenced any more");
    let notice = receiver.hear("core", "of the end", notice).await;
    assert!(
        readable(&notice.text).contains("@jana ended it"),
        "{notice:?}"
    );
    targets.set("api", Mood::Up);
    receiver.hear_up("core", down.id()).await;
    hekate.stop().await;

    // Names in Slack change; the ids of people do not.
    let kept = in_the_journal(&home, 1);
    let (first, last) = (kept.first(), kept.last());
    let first = first.unwrap_or_else(|| panic!("the journal knows nothing of it"));
    assert_eq!(first["by"]["slack_user"], STEVE.id, "{first}");
    assert!(first["ended"].is_null(), "{first}");
    let last = last.unwrap_or(first);
    assert_eq!(last["by"]["slack_user"], STEVE.id, "{last}");
    assert_eq!(last["ended"]["by"]["slack_user"], JANA.id, "{last}");
    assert_eq!(last["ended"]["by"]["name"], "@jana", "{last}");
    let verified = home.run(&["store", "verify"]).await;
    assert!(verified.status.success(), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_signed_or_somebody_repeats_silences_nobody_and_ends_nothing() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["core"]);
    prepare(&mut home, &targets, &["api", "web"]);
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    hekate.shows("web", "operational").await;
    let begin = "silence add api for 30m because db restore";
    say_after_a_start(&hekate, STEVE, "help").await;
    let recorded = until("a silence is believed", async || {
        let request = Signed::by(STEVE, begin);
        let answer = said(begin, &request, &hekate).await;
        (!answer.contains(JUST_STARTED)).then_some(request)
    })
    .await;
    let before = silences(&hekate).await;
    assert_eq!(before.len(), 1, "{before:?}");
    assert_eq!(before[0]["targets"][0], "api");

    let (more, end) = ("silence add web for 2h because x", "silence end s1");
    for text in [more, end] {
        let signed = || Signed::by(STEVE, text);
        for (what, forged) in [
            ("unsigned", signed().unsigned()),
            (
                "another secret",
                Signed::with(STEVE, text, ANOTHER_SECRET, 0),
            ),
            ("too old", Signed::with(STEVE, text, SECRET, 3_600)),
            ("too early", Signed::with(STEVE, text, SECRET, -3_600)),
            ("another user", signed().changed(STEVE.id, JANA.id)),
            (
                "other words",
                signed().changed("&text=silence", "&text=Silence"),
            ),
        ] {
            is_refused(&format!("{text}, {what}"), &forged, &hekate).await;
        }
    }
    is_refused("the same again", &recorded, &hekate).await;
    // Words that could be an order, and are not, change nothing either.
    let answer = say(&hekate, STEVE, "silence web 30m db restore").await;
    assert!(answer.contains("say it as"), "{answer}");
    assert_eq!(silences(&hekate).await, before);

    // A request that was recorded silences nobody again when its silence has ended …
    let ended = say(&hekate, JANA, end).await;
    assert!(ended.contains("has ended"), "{ended}");
    is_refused("the same after its end", &recorded, &hekate).await;
    assert_eq!(silences(&hekate).await, [] as [Value; 0]);
    // … nor when hekate was killed and has forgotten what it was sent.
    hekate.kill();
    let hekate = home.start().await;
    let answer = said(begin, &recorded, &hekate).await;
    assert!(answer.contains(JUST_STARTED), "{answer}");
    assert_eq!(silences(&hekate).await, [] as [Value; 0]);
    targets.set("api", Mood::Down);
    let down = receiver.hear("core", "of api", is_down_of("api")).await;
    assert!(!down.text.contains("held back"), "{down:?}");
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_from_slack_ends_in_time_though_hekate_was_killed() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["core"]);
    prepare(&mut home, &targets, &["api", "web"]);
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    hekate.shows("web", "operational").await;
    let answer = say_after_a_start(&hekate, STEVE, "silence add api for 1m because x").await;
    assert!(answer.starts_with("silenced 1 target until "), "{answer}");
    let silences = silences(&hekate).await;
    let ends_at = silences[0]["until"].as_str().unwrap_or_default();
    let ends_at: DateTime<Utc> = ends_at.parse().expect("it says when it ends");
    let ends_at = Timestamp::from(ends_at);
    targets.set("api", Mood::Down);
    hekate.shows("api", "down").await;
    hekate.kill();

    let hekate = home.start().await;
    hekate.shows("api", "down").await;
    let heard = until_within(SILENCE_LIMIT, "core hears of api", async || {
        let told = receiver.told_to("core").into_iter().find(is_down_of("api"));
        told.map(|told| (told, now()))
    });
    let (down, heard_at) = heard.await;
    assert!(heard_at >= ends_at, "{heard_at} is before {ends_at}");
    let why = "held back by silence s1 of @steve: x";
    assert!(readable(&down.text).contains(why), "{down:?}");
    let listed = say(&hekate, JANA, "silence list").await;
    assert_eq!(listed, "nothing is silenced");
    hekate.stop().await;
    let kept = in_the_journal(&home, 1);
    let last = kept
        .last()
        .unwrap_or_else(|| panic!("nothing is known of it"));
    assert_eq!(last["ended"]["how"], "over", "{last}");
    assert!(last["ended"]["by"].is_null(), "{last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_maintenance_an_acknowledgement_and_a_deploy_from_slack_name_who_said_so() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["core"]);
    prepare(&mut home, &targets, &["api", "db", "web"]);
    let hekate = home.start().await;
    for name in ["api", "db", "web"] {
        hekate.shows(name, "operational").await;
    }
    let begin = "maintenance start api for 45m because new disks";
    let answer = say_after_a_start(&hekate, STEVE, begin).await;
    assert!(
        answer.starts_with("maintenance of 1 target until "),
        "{answer}"
    );
    let deploy = "deploy announce web for 10m release 4.18.2";
    let answer = say(&hekate, STEVE, deploy).await;
    let announced = "deploy of 4.18.2 announced for web until ";
    assert!(answer.starts_with(announced), "{answer}");

    for name in ["api", "web"] {
        targets.set(name, Mood::Down);
        hekate.shows(name, "down").await;
    }
    targets.set("db", Mood::Down);
    let db = receiver.hear("core", "of db", is_down_of("db")).await;
    assert_eq!(
        receiver
            .told_to("core")
            .iter()
            .filter(|told| told.is_down())
            .count(),
        1
    );

    let taken = say(
        &hekate,
        JANA,
        &format!("ack {} because I restart it", db.id()),
    )
    .await;
    assert!(
        taken.contains("acknowledged by @jana: I restart it"),
        "{taken}"
    );
    let shown = hekate.target("db").await;
    assert_eq!(shown["acknowledged"]["by"], "@jana", "{shown}");
    targets.set("db", Mood::Up);
    let up = receiver.hear_up("core", db.id()).await;
    let who = "acknowledged by @jana: I restart it";
    assert!(readable(&up.text).contains(who), "{up:?}");

    // What was deployed has come back, so its next trouble is news.
    targets.set("web", Mood::Up);
    until("the deploy is over", async || {
        let listed = say(&hekate, JANA, "deploy").await;
        (listed == "no deploy is announced").then_some(())
    })
    .await;
    assert!(!has_heard_of(&receiver, "web"), "{:?}", receiver.told());
    targets.set("web", Mood::Down);
    receiver.hear("core", "of web", is_down_of("web")).await;

    assert!(!has_heard_of(&receiver, "api"), "{:?}", receiver.told());
    let ended = say(&hekate, JANA, "maintenance end m1").await;
    assert!(ended.contains("has ended"), "{ended}");
    let down = receiver.hear("core", "of api", is_down_of("api")).await;
    let why = "held back by maintenance m1 of @steve: new disks";
    assert!(readable(&down.text).contains(why), "{down:?}");
    hekate.stop().await;
    assert_eq!(who_of(&home, 1), [STEVE.id, JANA.id]);
    assert_eq!(who_of(&home, 2), [STEVE.id, ""]);
}

/// Who began a plan and who ended it, by the journal.
fn who_of(home: &Home, number: u64) -> [String; 2] {
    let kept = in_the_journal(home, number);
    let last = kept.last().unwrap_or_else(|| panic!("{number} is unknown"));
    assert!(last["ended"].is_object(), "{last}");
    let id = |by: &Value| by["slack_user"].as_str().unwrap_or_default().to_owned();
    [id(&last["by"]), id(&last["ended"]["by"])]
}

fn now() -> Timestamp {
    Clock::start().now().at
}
