//! What is released: announced by those who sign for it, told once, looked after through kills, and told with what fails near it.

use std::{fmt::Write as _, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::{
    home::Home,
    receiver::Receiver,
    targets::{Mood, Targets},
    wait::until_within,
};

const SECRET: &str = "canary-of-a-webhook-of-github";
/// A minute until it is looked what came of it, as much after a start, and some time to spare.
const LOOKED: Duration = Duration::from_mins(4);

fn signed(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key will do");
    mac.update(body.as_bytes());
    let mut signature = String::from("sha256=");
    for byte in mac.finalize().into_bytes() {
        write!(signature, "{byte:02x}").expect("a string takes it");
    }
    signature
}

/// As GitHub says that a release is published.
fn published() -> String {
    json!({
        "action": "published", "repository": { "full_name": "acme/core" },
        "release": { "id": 7, "tag_name": "4.18.2", "author": { "login": "alice" }, "body": "* faster <!channel> imports" },
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_github_signs_is_told_once_and_what_got_worse_after_a_kill() {
    let (receiver, targets) = (Receiver::start().await, Targets::start().await);
    let mut home = Home::new(&receiver, &["alerts", "ops"]);
    home.set("GITHUB_SECRET", SECRET);
    home.write(&format!(
        "{}routes: [{{ to: alerts }}]\nreleases: {{ channel: alerts, look_after: 1m, github_secret: \"${{GITHUB_SECRET}}\", \
         projects: {{ acme/core: {{ target: [api, shop] }} }} }}\n",
        targets.section(&["api", "shop"])
    ));
    let hekate = home.start().await;
    hekate.shows("shop", "operational").await;
    hekate.shows("api", "operational").await;
    let body = published();
    let headers = |signature: &str| {
        format!(
            "X-GitHub-Event: release\r\nX-Hub-Signature-256: {signature}\r\nContent-Type: application/json\r\n"
        )
    };
    let forged = headers(&signed("{}"));
    assert_eq!(
        hekate.post("/hooks/github", &forged, &body).await.status,
        401
    );
    let right = headers(&signed(&body));
    let answer = hekate.post("/hooks/github", &right, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    // GitHub sends again what was not answered in time.
    let again = hekate.post("/hooks/github", &right, &body).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert!(again.body.contains("known already"), "{}", again.body);
    let told = receiver
        .hear("alerts", "the release", |told| {
            told.text.contains("4.18.2 is released")
        })
        .await;
    assert!(!told.text.contains("<!channel>"), "{told:?}");

    targets.set("api", Mood::Down);
    let down = receiver.hear_down("alerts").await;
    assert!(
        down.text.contains("4.18.2 by alice (GitHub) went out"),
        "{down:?}"
    );
    let why = home
        .run(&[
            "--server",
            &format!("http://{}", hekate.address),
            "explain",
            "api",
        ])
        .await;
    let why = String::from_utf8_lossy(&why.stdout).into_owned();
    assert!(why.contains("went out"), "{why}");
    hekate.kill();
    what_got_worse_is_told_once(&home, &receiver).await;
}

/// After a kill, before anybody has looked what came of it.
async fn what_got_worse_is_told_once(home: &Home, receiver: &Receiver) {
    let hekate = home.start().await;
    until_within(LOOKED, "what came of it is told", async || {
        let told = receiver.told_to("alerts");
        told.iter()
            .any(|told| told.text.contains("worse after") && told.text.contains("api is DOWN"))
            .then_some(())
    })
    .await;
    let server = format!("http://{}", hekate.address);
    let list = home.run(&["--server", &server, "releases", "api"]).await;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(
        list.contains("4.18.2 by alice (GitHub)") && list.contains("worse: api is DOWN"),
        "{list}"
    );
    hekate.stop().await;
    let count = |words: &str| {
        let told = receiver.told_to("alerts");
        told.iter()
            .filter(|told| told.text.contains(words) && !told.is_repeat())
            .count()
    };
    assert_eq!((count("is released"), count("worse after")), (1, 1));
    assert!(!home.words_of_all_runs().contains(SECRET));
    let verified = home.run(&["store", "verify"]).await;
    assert!(verified.status.success(), "{verified:?}");
}
