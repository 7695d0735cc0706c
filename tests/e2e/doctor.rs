//! `hekate doctor`, with real sockets, a real folder and a hekate that runs or does not.

use serde_json::Value;

use super::{
    bot::{self, Workspace},
    home::{Hekate, Home},
    receiver::Receiver,
    slash::{self, ANOTHER_SECRET},
    targets::{Mood, Targets},
};

/// What it answers, by code, and how it ended.
async fn asked(home: &Home, hekate: Option<&Hekate>) -> (Value, i32) {
    // Nobody listens at port 1.
    let server = hekate.map_or_else(
        || String::from("http://127.0.0.1:1"),
        |hekate| format!("http://{}", hekate.address),
    );
    let output = home
        .run(&["doctor", "--format", "json", "--server", &server])
        .await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!said.contains("canary"), "{said}");
    let report: Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said} {output:?}"));
    assert_eq!(report["checks"].as_array().map(Vec::len), Some(14));
    (report, output.status.code().unwrap_or(-1))
}

fn line<'a>(report: &'a Value, code: &str) -> (&'a str, String) {
    let checks = report["checks"].as_array().expect("a list");
    let found = checks.iter().find(|check| check["code"] == code);
    let found = found.unwrap_or_else(|| panic!("no {code} in {report}"));
    (
        found["state"].as_str().unwrap_or_default(),
        found.to_string(),
    )
}

async fn stage() -> (Workspace, Receiver, Targets, Home) {
    let (slack, receiver, targets) = (
        Workspace::start().await,
        Receiver::start().await,
        Targets::start().await,
    );
    let mut home = bot::home(&slack, &receiver, &targets, "");
    home.set("SIGNING_SECRET", slash::SECRET);
    home.rewrite(|text| {
        text.replace(
            "slack: { ",
            "slack: { signing_secret: \"${SIGNING_SECRET}\", ",
        )
    });
    (slack, receiver, targets, home)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_good_is_said_to_be_and_nothing_is_posted() {
    let (slack, receiver, targets, home) = stage().await;
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    let (report, code) = asked(&home, Some(&hekate)).await;
    for (code, words) in [
        ("store", "is whole"),
        ("network", "connected in"),
        ("targets", "1 of 1 are well"),
        ("slack_token", "it is hekate in Example (T0); tier: bot"),
        ("mentions", "1 user group"),
        ("capacity", "of them begin within"),
    ] {
        let (state, said) = line(&report, code);
        assert!(state == "fine" && said.contains(words), "{code}: {said}");
    }
    let (_, said) = line(&report, "command");
    assert!(said.contains("/roih answers in"), "{said}");
    let (state, said) = line(&report, "dead_man");
    assert!(
        state == "warning" && said.contains("nobody outside"),
        "{said}"
    );
    // One that is down is news for its team, not trouble of hekate's; here it is the only one.
    assert_eq!(code, 0, "{report:#}");
    targets.set("api", Mood::Down);
    let (report, code) = asked(&home, Some(&hekate)).await;
    let (state, said) = line(&report, "targets");
    assert!(state == "problem" && said.contains("api is down"), "{said}");
    assert_eq!(code, 1);
    hekate.stop().await;
    assert!(receiver.told_to("ops").is_empty());
    let posted = slack.calls();
    assert!(
        posted.iter().filter(|call| call.contains("chat.")).count() <= 1,
        "only of the outage: {posted:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_broken_is_said_with_what_to_do() {
    let (slack, _receiver, _targets, mut home) = stage().await;
    // No hekate runs, the token was revoked, and a file is where the store should be.
    slack.refuse_all(Some("token_revoked"));
    std::fs::write(home.path().join("data"), "").expect("a file");
    let (report, code) = asked(&home, None).await;
    for (code, state_of_it, words) in [
        ("store", "problem", "is no folder"),
        (
            "slack_token",
            "problem",
            "token_revoked: the token was revoked",
        ),
        ("slack_scopes", "unseen", "nobody says whose the token is"),
        (
            "command",
            "unseen",
            "no hekate answers at http://127.0.0.1:1/",
        ),
    ] {
        let (state, said) = line(&report, code);
        assert!(
            state == state_of_it && said.contains(words),
            "{code}: {said}"
        );
    }
    assert_eq!(code, 1);
    std::fs::remove_file(home.path().join("data")).expect("it is there");
    slack.refuse_all(None);
    // It runs with a secret that was changed since.
    let hekate = home.start().await;
    home.set("SIGNING_SECRET", ANOTHER_SECRET);
    let (report, code) = asked(&home, Some(&hekate)).await;
    let (state, said) = line(&report, "command");
    assert!(
        state == "problem" && said.contains("does not believe our signature"),
        "{said}"
    );
    assert_eq!(code, 1);
    hekate.stop().await;
    // Slack is not there at all, and secrets are somewhere else.
    home.rewrite(|text| text.replace(&slack.base_url(), "http://127.0.0.1:1"));
    let (report, _) = asked(&home, None).await;
    let (state, said) = line(&report, "network");
    assert!(state == "problem" && said.contains("refused"), "{said}");
    home.rewrite(|text| text.replace("${BOT_TOKEN}", "${BOT_TOKEN_ELSEWHERE}"));
    let (report, code) = asked(&home, None).await;
    let (state, said) = line(&report, "config");
    assert!(
        state == "problem" && said.contains("BOT_TOKEN_ELSEWHERE is not set"),
        "{said}"
    );
    assert_eq!(line(&report, "slack_token").0, "unseen");
    assert_eq!(line(&report, "targets").0, "fine");
    assert_eq!(code, 1);
}
