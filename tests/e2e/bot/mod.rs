//! A bot: one incident is one message, through kills, lost answers, and a Slack that will not have it.

mod accounts;
mod deeds;
mod releases;
mod runs;
mod shifts;
mod split;
mod workspace;

pub(crate) use self::workspace::Workspace;

use self::workspace::{BOT_TOKEN, CHANNEL, Does};
use crate::{
    home::Home,
    receiver::Receiver,
    targets::{Mood, Targets},
    wait::until,
};

/// `alerts` is told by the bot, and has a webhook for when the bot is refused; `ops` has a webhook only.
pub(crate) fn home(slack: &Workspace, receiver: &Receiver, targets: &Targets, rest: &str) -> Home {
    home_of("user_group: S0CORE01", slack, receiver, targets, rest)
}

/// The same with these people on call.
fn home_of(
    on_call: &str,
    slack: &Workspace,
    receiver: &Receiver,
    targets: &Targets,
    rest: &str,
) -> Home {
    let mut home = Home::new(receiver, &["spare", "ops"]);
    home.set("BOT_TOKEN", BOT_TOKEN);
    home.write_text(&format!(
        r#"
server: {{ listen: "127.0.0.1:0" }}
damp_flapping: false
group_incidents: false
defaults: {{ interval: 1s, timeout: 800ms, confirm: {{ explicit: 1s, refused: 1s, silent: 4s }}, successes: 1 }}
slack: {{ bot_token: "${{BOT_TOKEN}}", base_url: "{}" }}
channels:
  alerts: {{ slack: "{CHANNEL}", webhook_url: "${{WEBHOOK_SPARE}}" }}
  ops: "${{WEBHOOK_OPS}}"
on_call: {{ core: {{ {on_call} }} }}
targets: [{{ name: api, health: "{}" }}]
routes:
  - {{ match: {{ target: api }}, to: alerts, mention: core }}
  - {{ to: ops }}
{rest}"#,
        slack.base_url(),
        targets.url("api")
    ));
    home
}

async fn stage() -> (Workspace, Receiver, Targets, Home) {
    let (slack, receiver, targets) = (
        Workspace::start().await,
        Receiver::start().await,
        Targets::start().await,
    );
    let home = home(&slack, &receiver, &targets, "");
    (slack, receiver, targets, home)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_and_its_end_are_one_message_with_a_thread() {
    let (slack, receiver, targets, home) = stage().await;
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    targets.set("api", Mood::Down);
    let begun = slack.shows("DOWN: api – ").await;
    assert!(
        begun.payload.to_string().contains("<!subteam^S0CORE01>"),
        "{begun:?}"
    );
    assert_eq!(begun.payload["unfurl_links"], false);
    let shown = hekate.shows("api", "down").await;
    let id = shown["incident"]
        .as_str()
        .expect("it has an incident")
        .to_owned();

    targets.set("api", Mood::Up);
    let over = slack.shows("UP AGAIN: api").await;
    assert_eq!(over.ts, begun.ts);
    assert!(over.text().contains(&id) && over.edits > 0, "{over:?}");
    assert!(!over.payload.to_string().contains("<!subteam"), "{over:?}");
    let line = until("its thread tells it", async || {
        slack.lines().into_iter().next()
    })
    .await;
    assert_eq!(line.thread.as_deref(), Some(begun.ts.as_str()));
    assert!(
        line.text().contains("operational again, was down for"),
        "{line:?}"
    );
    // Nobody is called back for an outage of seconds.
    assert_eq!(line.payload["reply_broadcast"], false);
    hekate.stop().await;
    assert_eq!(slack.messages().len(), 2);
    assert!(receiver.told().is_empty(), "{:?}", receiver.told());
    assert!(!home.words_of_all_runs().contains("canary"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_the_post_and_the_store_it_finds_its_message_and_edits_it() {
    let (slack, receiver, targets, home) = stage().await;
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    slack.next("chat.postMessage", Does::Hangs);
    targets.set("api", Mood::Down);
    let begun = slack.shows("DOWN: api – ").await;
    hekate.kill();

    let hekate = home.start().await;
    until("it has looked for its message", async || {
        let calls = slack.calls();
        calls
            .iter()
            .any(|call| call == "conversations.history")
            .then_some(())
    })
    .await;
    // Killed once more between the edit and the line of the thread.
    slack.next("chat.postMessage", Does::Hangs);
    targets.set("api", Mood::Up);
    slack.shows("UP AGAIN: api").await;
    until("its line is there", async || {
        slack.lines().into_iter().next()
    })
    .await;
    hekate.kill();

    let hekate = home.start().await;
    until("it has looked for its line", async || {
        let calls = slack.calls();
        calls
            .iter()
            .any(|call| call == "conversations.replies")
            .then_some(())
    })
    .await;
    let settled = async || {
        let left = hekate.metric("hekate_outbox_messages").await;
        (left == Some(0.0)).then_some(())
    };
    until("nothing is owed any more", settled).await;
    hekate.stop().await;
    let messages = slack.messages();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!(messages[0].ts, begun.ts);
    assert!(
        !messages
            .iter()
            .any(|message| message.text().contains("repeat")),
        "{messages:?}"
    );
    assert!(receiver.told().is_empty(), "{:?}", receiver.told());
    let verified = home.run(&["store", "verify"]).await;
    assert!(verified.status.success(), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_is_refused_is_told_of_once_and_its_webhook_tells() {
    let (slack, receiver, targets, home) = stage().await;
    slack.refuse_all(Some("not_in_channel"));
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    targets.set("api", Mood::Down);
    let down = receiver.hear_down("spare").await;
    receiver
        .hear("ops", "of the bot", |told| {
            told.text.contains("refuses the bot for channel")
        })
        .await;
    targets.set("api", Mood::Up);
    receiver.hear_up("spare", down.id()).await;
    hekate.stop().await;
    assert_eq!(
        receiver.told_to("ops").len(),
        1,
        "{:?}",
        receiver.told_to("ops")
    );
    assert!(slack.messages().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bot_may_do_is_checked_without_a_message() {
    let (slack, _receiver, _targets, home) = stage().await;
    let verified = home.run(&["slack", "verify"]).await;
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert_eq!(verified.status.code(), Some(0), "{said}");
    for words in [
        "it is hekate in Example (T0)",
        "channels:history is missing",
        "the bot is in #core-alerts",
    ] {
        assert!(said.contains(words), "{said}");
    }
    slack.refuse_all(Some("token_revoked"));
    let verified = home.run(&["slack", "verify"]).await;
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert_eq!(verified.status.code(), Some(1), "{said}");
    assert!(
        said.contains("token_revoked: the token was revoked"),
        "{said}"
    );
    assert!(!said.contains("canary"), "{said}");
    assert!(slack.messages().is_empty());
    slack.refuse_all(None);
    let told = home.run(&["notify", "test", "alerts"]).await;
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert_eq!(slack.top().len(), 1);
}
