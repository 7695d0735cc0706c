//! How available targets were, from the real store, beside the hekate that writes it, and after a restart.

use serde_json::Value;

use super::{
    home::{Hekate, Home},
    receiver::Receiver,
    slash::{ANOTHER_SECRET, SECRET, STEVE, Signed, let_in},
    targets::{Mood, Targets},
    wait::{LONG, until_within},
};

/// What the error budget of the SLO of these tests is called.
const BUDGET: &str = "slo/api-availability";

async fn run(home: &Home, hekate: &Hekate, arguments: &[&str]) -> (Option<i32>, String) {
    let server = format!("http://{}", hekate.address);
    let output = home
        .run(&[arguments, &["--server", &server]].concat())
        .await;
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), format!("{out}{err}"))
}

async fn say(home: &Home, hekate: &Hekate, arguments: &[&str]) -> String {
    let (code, said) = run(home, hekate, arguments).await;
    assert_eq!(code, Some(0), "{arguments:?}: {said}");
    said
}

/// What is measured of one target in the last hour.
async fn measured(home: &Home, hekate: &Hekate, name: &str) -> Value {
    let arguments = ["report", "sli", name, "--window", "1h", "--format", "json"];
    let said = say(home, hekate, &arguments).await;
    let value: Value = serde_json::from_str(&said).expect("it is JSON");
    let sli = value["targets"][0].clone();
    assert_eq!(sli["id"], name, "{value}");
    let parts = [
        "operational_ms",
        "degraded_ms",
        "down_ms",
        "maintenance_ms",
        "not_measured_ms",
    ];
    let sum: u64 = parts.iter().filter_map(|part| sli[*part].as_u64()).sum();
    assert_eq!(sum, 3_600_000, "the parts are the window: {sli}");
    sli
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn availability_is_what_happened_and_outlives_a_restart() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    let slo = "slos: [ { name: api availability, target: api, objective: 99.9%, window: 1h } ]\n";
    home.write(&(targets.section(&["api", "web"]) + slo));
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    hekate.shows("web", "operational").await;
    targets.set("api", Mood::Down);
    hekate.shows("api", "down").await;
    let begin = [
        "maintenance",
        "start",
        "web",
        "--for",
        "5m",
        "--reason",
        "new disks",
    ];
    let said = say(&home, &hekate, &begin).await;
    let (_, rest) = said.split_once("— id ").expect("it says its id");
    let id = rest.split(';').next().expect("an id").to_owned();
    targets.set("api", Mood::Up);
    hekate.shows("api", "operational").await;
    say(&home, &hekate, &["maintenance", "end", &id]).await;

    let api = measured(&home, &hekate, "api").await;
    let down_ms = api["down_ms"].as_u64().expect("a number");
    assert!(down_ms > 0, "{api}");
    assert_eq!(api["outages"], 1, "{api}");
    assert_eq!(api["longest_outage"]["lasted_ms"], down_ms, "{api}");
    assert!(api["not_measured_ms"].as_u64() > Some(3_000_000), "{api}");
    let web = measured(&home, &hekate, "web").await;
    let maintenance_ms = web["maintenance_ms"].as_u64().expect("a number");
    assert!(maintenance_ms > 0, "{web}");
    assert_eq!(web["percent"], "100%", "{web}");
    hekate.stop().await;

    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    let api = measured(&home, &hekate, "api").await;
    assert_eq!(api["down_ms"], down_ms, "{api}");
    let web = measured(&home, &hekate, "web").await;
    assert_eq!(web["maintenance_ms"], maintenance_ms, "{web}");

    prints_and_refuses(&home, &hekate).await;
    the_week_is_told(&home, hekate).await;
}

/// What happened and how available it was, and without a running hekate only what happened.
async fn the_week_is_told(home: &Home, hekate: Hekate) {
    let week = ["report", "weekly", "--window", "1h"];
    let text = say(home, &hekate, &week).await;
    for words in [
        "without a group\n  available     ",
        " in one outage from ",
        "api availability: ",
        "  incidents     1 began: 1 down\n",
        "  acknowledged  none\n",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let json = [&week[..], &["--format", "json", "--quiet"]].concat();
    let value: Value = serde_json::from_str(&say(home, &hekate, &json).await).expect("JSON");
    assert_eq!(value["incidents"]["begun"], 1, "{value}");
    assert_eq!(value["groups"][0]["availability"]["outages"], 1, "{value}");
    let page = [&week[..], &["--format", "markdown"]].concat();
    let page = say(home, &hekate, &page).await;
    assert!(page.contains("\n## without a group\n"), "{page}");
    let server = format!("http://{}", hekate.address);
    hekate.stop().await;
    let output = home
        .run(&[&week[..], &["--server", &server]].concat())
        .await;
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    assert!(
        out.contains("1 began: 1 down") && !out.contains("available"),
        "{out}"
    );
    assert!(err.contains("no hekate answers at "), "{err}");
}

/// Text, tables, and what cannot be measured.
async fn prints_and_refuses(home: &Home, hekate: &Hekate) {
    let text = say(home, hekate, &["report", "sli", "--window", "1h"]).await;
    for words in [
        "down ",
        "maintenance ",
        "together (2 targets)",
        "SLO api availability: ",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let csv = say(home, hekate, &["report", "sli", "web", "--format", "csv"]).await;
    assert!(csv.contains("\r\nweb,,web,"), "{csv}");
    for (arguments, code, words) in [
        (&["report", "sli", "wbe"][..], 1, "did you mean: web"),
        (
            &["report", "sli", "--group", "master"],
            1,
            "there is no group",
        ),
        (&["report", "sli", "--window", "1s"], 2, "from 5m to 400d"),
        (&["report", "sli", "--window", "soon"], 2, "--window"),
        (
            &["status", "--format", "csv"],
            2,
            "only `hekate report sli`",
        ),
    ] {
        let (found, said) = run(home, hekate, arguments).await;
        assert_eq!(found, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

/// Asks in Slack, over the signed door; the answer is shown to nobody else.
async fn ask(hekate: &Hekate, text: &str) -> Value {
    let answer = Signed::by(STEVE, text).send(hekate).await;
    assert_eq!(answer.status, 200, "{text}: {}", answer.body);
    let message = answer.json();
    assert_eq!(message["response_type"], "ephemeral", "{text}: {message}");
    message
}

/// All that is written in a rich message, as it is read.
fn written(value: &Value) -> String {
    match value {
        Value::Array(parts) => parts.iter().map(written).collect(),
        Value::Object(fields) => {
            let own = fields.get("text").and_then(Value::as_str);
            let parts = ["blocks", "elements"].map(|name| fields.get(name).map(written));
            let parts: String = parts.into_iter().flatten().collect();
            own.filter(|_| parts.is_empty())
                .unwrap_or(&parts)
                .to_owned()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => String::new(),
    }
}

/// The length of what comes right after these words, in seconds: `down 1.9 s in one outage` is 1.9, `59 min 12 s` is 3,552.
fn seconds_after(text: &str, words: &str) -> f64 {
    let (_, rest) = text
        .split_once(words)
        .unwrap_or_else(|| panic!("{words}: {text}"));
    let mut words = rest.split_whitespace();
    let mut lengths = Vec::new();
    while let Some(number) = words.next().and_then(|word| word.parse::<f64>().ok()) {
        lengths.push(match words.next() {
            Some("h") => number * 3_600.0,
            Some("min") => number * 60.0,
            Some("s") => number,
            other => panic!("{number} {other:?}: {text}"),
        });
    }
    assert!(!lengths.is_empty(), "a length with its unit: {text}");
    lengths.into_iter().sum()
}

/// What cannot be measured, and who is not Slack.
async fn nothing_else_is_measured(hekate: &Hekate) {
    // What nobody can measure is said with what can be.
    for (asked, words) in [
        ("sli wbe 1h", "web"),
        ("sli web 1s", "from 5m to 400d"),
        ("sli web 900d", "too long to be measured: from 5m to 400d"),
    ] {
        let message = ask(hekate, asked).await;
        let said = message["text"].as_str().unwrap_or_default();
        assert!(said.contains(words), "{asked}: {message}");
    }
    for forged in [
        Signed::with(STEVE, "sli api 1h", ANOTHER_SECRET, 0),
        Signed::with(STEVE, "sli api 1h", SECRET, 3_600),
        Signed::by(STEVE, "sli api 1h").unsigned(),
        Signed::by(STEVE, "sli api 1h").changed("sli", "why"),
    ] {
        let answer = forged.send(hekate).await;
        assert_eq!(answer.status, 401, "{}", answer.body);
        assert!(!answer.body.contains("api"), "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_is_told_how_available_targets_were_with_units_and_nobody_else_is() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["alerts"]);
    let slack = let_in(&mut home);
    let slo = "slos: [ { name: api availability, target: api, objective: 99.9%, window: 1h } ]\n";
    home.write(&(slack.to_owned() + &targets.section(&["api", "web"]) + slo));
    let hekate = home.start().await;
    hekate.shows("web", "operational").await;
    hekate.shows("api", "operational").await;
    targets.set("api", Mood::Down);
    hekate.shows("api", "down").await;
    targets.set("api", Mood::Up);
    hekate.shows("api", "operational").await;

    // What it was is what a program reads of it.
    let api = measured(&home, &hekate, "api").await;
    let down_seconds = api["down_ms"].as_f64().expect("a number") / 1_000.0;
    let message = ask(&hekate, "sli api 1h").await;
    let text = message["text"].as_str().expect("everything in words");
    assert!(
        text.starts_with("Availability of api in the last 1 h: "),
        "{text}"
    );
    assert!(text.contains('%'), "{text}");
    let words = written(&message);
    // Time goes on, so the share is not the one of a moment ago.
    let share = words.split_once("% api: ").map(|(before, _)| before);
    let share = share.and_then(|before| before.rsplit(' ').next()?.parse::<f64>().ok());
    assert!(
        share.is_some_and(|share| (0.0..100.0).contains(&share)),
        "{words}"
    );
    assert!(words.contains(" in one outage from "), "{words}");
    let said = seconds_after(&words, "api: down ");
    assert!(
        (said - down_seconds).abs() <= 1.0,
        "{down_seconds}: {words}"
    );
    let not_measured = seconds_after(&words, "not measured ");
    assert!((3_000.0..3_600.0).contains(&not_measured), "{words}");
    assert!(words.contains("SLO api availability: "), "{words}");

    // Everybody, the worst first, and together.
    let words = written(&ask(&hekate, "sli 1h").await);
    let place = |name: &str| {
        words
            .find(name)
            .unwrap_or_else(|| panic!("{name}: {words}"))
    };
    assert!(place("% api: ") < place("% web"), "{words}");
    assert!(place("% web") < place("% together, 2 targets"), "{words}");

    nothing_else_is_measured(&hekate).await;

    // The same after it was killed.
    hekate.kill();
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    let words = written(&ask(&hekate, "sli api 1h").await);
    let said = seconds_after(&words, "api: down ");
    assert!(
        (said - down_seconds).abs() <= 1.0,
        "{down_seconds}: {words}"
    );
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_budget_that_burns_is_told_once_through_a_kill() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    // A second of an hour is many times too much.
    let slo = "slos: [ { name: Api availability, target: api, objective: 99.999%, burn_alerts: true } ]\n";
    home.write(&(targets.section(&["api", "web"]) + slo));
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    hekate.shows(BUDGET, "operational").await;
    targets.set("api", Mood::Down);
    let outage = receiver.hear_down("alerts").await;
    let burns = || {
        let told = receiver.told_to("alerts").into_iter();
        let told: Vec<_> = told
            .filter(|told| told.text.contains("too fast for 99.999% in 30 d"))
            .collect();
        told
    };
    let told = until_within(LONG * 2, "that the budget burns", async || burns().pop()).await;
    assert!(told.text.contains("slo api-availability"), "{}", told.text);
    hekate.kill();

    let hekate = home.start().await;
    targets.set("api", Mood::Up);
    receiver.hear_up("alerts", outage.id()).await;
    hekate.shows(BUDGET, "down").await;
    assert_eq!(burns().len(), 1, "{:?}", receiver.told());
    // It is no service, so it is in no measure.
    let text = say(&home, &hekate, &["report", "sli"]).await;
    assert!(text.contains("together (2 targets)"), "{text}");
    assert!(text.contains("SLO Api availability"), "{text}");
    let status = run(&home, &hekate, &["status", "slos"]).await.1;
    assert!(status.contains("api-availability"), "{status}");
    hekate.stop().await;
}
