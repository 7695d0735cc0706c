//! How available targets were, from the real store, beside the hekate that writes it, and after a restart.

use serde_json::Value;

use super::{
    home::{Hekate, Home},
    receiver::Receiver,
    targets::{Mood, Targets},
};

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
    hekate.stop().await;
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
