//! The slash command, as Slack sends it.

use std::fmt::Write as _;

use hekate::clock::Clock;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{
    home::{Hekate, Home},
    receiver::Receiver,
    targets::{Mood, Targets},
    wire::Answer,
};

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const BODY: &str = "token=gIkuvaNzQIHg97ATvDxqgjtO&team_id=T0001&team_domain=example&channel_id=C2147483705&channel_name=test&user_id=U2147483697&user_name=steve&command=%2Froih&text=status&api_app_id=A123456&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT0%2F1%2Fabc&trigger_id=1.2.3";

async fn send(hekate: &Hekate, secret: &str, age_seconds: i64) -> Answer {
    let timestamp = Clock::start().now().at.as_seconds() - age_seconds;
    let mut mac = <Hmac<Sha256>>::new_from_slice(secret.as_bytes()).expect("any key will do");
    mac.update(format!("v0:{timestamp}:{BODY}").as_bytes());
    let mut signature = String::from("v0=");
    for byte in mac.finalize().into_bytes() {
        let _ = write!(signature, "{byte:02x}");
    }
    let headers = format!(
        "Content-Type: application/x-www-form-urlencoded\r\nX-Slack-Request-Timestamp: {timestamp}\r\nX-Slack-Signature: {signature}\r\n"
    );
    hekate.post("/slack/command", &headers, BODY).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_is_answered_with_the_grid_and_nobody_else_is() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["alerts"]);
    home.set("SIGNING_SECRET", SECRET);
    let slack = "slack: { signing_secret: \"${SIGNING_SECRET}\" }\n";
    home.write(&(slack.to_owned() + &targets.section(&["api", "web"])));
    targets.set("api", Mood::Down);
    let hekate = home.start().await;
    hekate.ready().await;
    hekate.shows("api", "down").await;
    hekate.shows("web", "operational").await;

    let answer = send(&hekate, SECRET, 0).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let message = answer.json();
    assert!(message["blocks"].is_array(), "{message}");
    let text = message["text"].as_str().expect("everything in words");
    assert!(text.contains("api"), "{text}");
    assert!(text.to_lowercase().contains("down"), "{text}");

    for (secret, age_seconds) in [("another-secret-of-somebody-else", 0), (SECRET, 3_600)] {
        let answer = send(&hekate, secret, age_seconds).await;
        assert_eq!(answer.status, 401, "{}", answer.body);
        assert!(!answer.body.contains("api"), "{}", answer.body);
    }
    let answer = hekate.post("/slack/command", "", BODY).await;
    assert_eq!(answer.status, 401, "{}", answer.body);
    hekate.stop().await;
}
