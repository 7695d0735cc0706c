//! The slash command, as Slack sends it.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

use hekate::clock::Clock;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{
    home::{Hekate, Home},
    receiver::Receiver,
    targets::{Mood, Targets},
    wire::Answer,
};

/// What the app and hekate both know.
pub(crate) const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
/// What somebody else signs with.
pub(crate) const ANOTHER_SECRET: &str = "another-secret-of-somebody-else";

/// The section of the file that lets Slack in, with the variable that it needs.
pub(crate) fn let_in(home: &mut Home) -> &'static str {
    home.set("SIGNING_SECRET", SECRET);
    "slack: { signing_secret: \"${SIGNING_SECRET}\" }\n"
}

/// Somebody in Slack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
}

pub(crate) const STEVE: User = User {
    id: "U2147483697",
    name: "steve",
};

/// A request, as anybody could have recorded it on its way.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    headers: String,
    body: String,
}

impl Signed {
    /// What Slack sends when somebody types `/roih` and this; each time another request.
    pub(crate) fn by(user: User, text: &str) -> Self {
        Self::with(user, text, SECRET, 0)
    }

    /// The same, signed with this secret and so long ago.
    pub(crate) fn with(user: User, text: &str, secret: &str, age_seconds: i64) -> Self {
        static SENT: AtomicU64 = AtomicU64::new(1);
        let sent = SENT.fetch_add(1, Ordering::Relaxed);
        let User { id, name } = user;
        let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let body = format!(
            "token=gIkuvaNzQIHg97ATvDxqgjtO&team_id=T0001&team_domain=example&channel_id=C2147483705&channel_name=test&user_id={id}&user_name={name}&command=%2Froih&text={text}&api_app_id=A123456&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT0%2F1%2Fabc&trigger_id=1.2.{sent}"
        );
        Self::of(body, secret, age_seconds)
    }

    /// A form, signed with this secret and so long ago.
    pub(crate) fn of(body: String, secret: &str, age_seconds: i64) -> Self {
        let timestamp = Clock::start().now().at.as_seconds() - age_seconds;
        let mut mac = <Hmac<Sha256>>::new_from_slice(secret.as_bytes()).expect("any key will do");
        mac.update(format!("v0:{timestamp}:{body}").as_bytes());
        let mut signature = String::from("v0=");
        for byte in mac.finalize().into_bytes() {
            let _ = write!(signature, "{byte:02x}");
        }
        Self {
            headers: format!(
                "Content-Type: application/x-www-form-urlencoded\r\nX-Slack-Request-Timestamp: {timestamp}\r\nX-Slack-Signature: {signature}\r\n"
            ),
            body,
        }
    }

    /// The same words by the same person, with nothing to prove it.
    pub(crate) fn unsigned(mut self) -> Self {
        self.headers = String::from("Content-Type: application/x-www-form-urlencoded\r\n");
        self
    }

    /// The same signature under other words.
    pub(crate) fn changed(mut self, from: &str, to: &str) -> Self {
        let changed = self.body.replace(from, to);
        assert_ne!(changed, self.body, "nothing was changed");
        self.body = changed;
        self
    }

    pub(crate) async fn send(&self, hekate: &Hekate) -> Answer {
        self.send_to(hekate, "/slack/command").await
    }

    pub(crate) async fn send_to(&self, hekate: &Hekate, route: &str) -> Answer {
        hekate.post(route, &self.headers, &self.body).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_is_answered_with_the_grid_and_nobody_else_is() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["alerts"]);
    let slack = let_in(&mut home);
    home.write(&(slack.to_owned() + &targets.section(&["api", "web"])));
    targets.set("api", Mood::Down);
    let hekate = home.start().await;
    hekate.ready().await;
    hekate.shows("api", "down").await;
    hekate.shows("web", "operational").await;

    let answer = Signed::by(STEVE, "status").send(&hekate).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let message = answer.json();
    assert!(message["blocks"].is_array(), "{message}");
    let text = message["text"].as_str().expect("everything in words");
    assert!(text.contains("api"), "{text}");
    assert!(text.to_lowercase().contains("down"), "{text}");

    for forged in [
        Signed::with(STEVE, "status", ANOTHER_SECRET, 0),
        Signed::with(STEVE, "status", SECRET, 3_600),
        Signed::by(STEVE, "status").unsigned(),
    ] {
        let answer = forged.send(&hekate).await;
        assert_eq!(answer.status, 401, "{}", answer.body);
        assert!(!answer.body.contains("api"), "{}", answer.body);
    }
    hekate.stop().await;
}
