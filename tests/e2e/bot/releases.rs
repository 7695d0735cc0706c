//! A release is one message, which says in the end what came of it.

use std::time::Duration;

use super::{
    home,
    workspace::{Does, Workspace},
};
use crate::{
    receiver::Receiver,
    targets::Targets,
    wait::{until, until_within},
};

/// A minute until it is looked what came of it, as much after a start, and some time to spare.
const LOOKED: Duration = Duration::from_mins(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_edits_one_message_although_it_is_killed_before_it_knows_that_it_arrived() {
    let (slack, receiver, targets) = (
        Workspace::start().await,
        Receiver::start().await,
        Targets::start().await,
    );
    let home = home(
        &slack,
        &receiver,
        &targets,
        "releases: { channel: alerts, look_after: 1m }\n",
    );
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    slack.next("chat.postMessage", Does::Hangs);
    let server = format!("http://{}", hekate.address);
    let words = [
        "--server",
        &server,
        "release",
        "announce",
        "api",
        "--version",
        "4.18.2",
        "--change",
        "faster imports",
    ];
    let said = home.run(&words).await;
    assert!(said.status.success(), "{said:?}");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("may go down and come back untold"), "{said}");
    let message = |words: &'static str| {
        let slack = &slack;
        async move || {
            let all = slack.messages();
            assert!(all.len() <= 1, "one message, and no thread: {all:?}");
            let message = all.first()?;
            message
                .payload
                .to_string()
                .contains(words)
                .then(|| message.clone())
        }
    };
    let begun = until("it is announced", message("is released")).await;
    hekate.kill();
    let hekate = home.start().await;
    let ended = until_within(LOOKED, "it is edited", message("later: api is as before")).await;
    assert_eq!(ended.ts, begun.ts);
    assert!(
        ended.payload.to_string().contains("faster imports"),
        "{ended:?}"
    );
    until("nothing is owed any more", async || {
        let left = hekate.metric("hekate_outbox_messages").await;
        (left == Some(0.0)).then_some(())
    })
    .await;
    hekate.stop().await;
    assert!(receiver.told().is_empty(), "{:?}", receiver.told());
}
