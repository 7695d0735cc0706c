//! A run of a job is one message that goes on to its end, whatever happens to hekate meanwhile; a failure mentions its owner beside it.

use super::{
    home,
    workspace::{Message, Workspace},
};
use crate::{
    home::{Hekate, Home},
    receiver::Receiver,
    targets::Targets,
    wait::until,
};

const KEY: &str = "ping-key-of-the-e2e-tests";
const JOBS: &str = "jobs:
  export: { period: 1h, grace: 5m, max_runtime: 45m, channel: alerts, owner: U0ALICE123 }
";

async fn stage() -> (Workspace, Home) {
    let (slack, receiver, targets) = (
        Workspace::start().await,
        Receiver::start().await,
        Targets::start().await,
    );
    let mut home = home(&slack, &receiver, &targets, JOBS);
    home.set("PING_KEY", KEY);
    home.rewrite(|text| {
        text.replace(
            "server: { listen",
            "server: { ping_key: \"${PING_KEY}\", listen",
        )
    });
    (slack, home)
}

/// Waits until a message of the channel says this.
async fn says(slack: &Workspace, words: &str) -> Message {
    until(&format!("a message says {words}"), async || {
        let mut all = slack.top().into_iter();
        all.find(|message| message.text().contains(words))
    })
    .await
}

async fn ping(hekate: &Hekate, rest: &str, body: &str) {
    let path = format!("/ping/{KEY}/export{rest}");
    let answer = hekate.post(&path, "", body).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "OK"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_one_message_through_a_kill_and_a_failure_mentions_its_owner() {
    let (slack, home) = stage().await;
    let hekate = home.start().await;
    ping(&hekate, "/start?rid=run-1", "").await;
    let begun = says(&slack, "job export is running").await;
    // What was answered is stored: the next process knows of the run.
    hekate.kill();
    let hekate = home.start().await;
    ping(&hekate, "?rid=run-1", "reading\n18 204 rows").await;
    let done = says(&slack, "job export is done").await;
    assert_eq!(done.ts, begun.ts);
    assert!(done.text().contains("18 204 rows"), "{done:?}");
    // A client that lost the answer calls again.
    ping(&hekate, "?rid=run-1", "reading\n18 204 rows").await;
    hekate.shows("job/export", "operational").await;

    ping(&hekate, "/start?rid=run-2", "").await;
    ping(&hekate, "/3?rid=run-2", "disk full <!channel>").await;
    let failed = says(&slack, "DOWN: job export").await;
    let told = failed.payload.to_string();
    assert!(told.contains("<@U0ALICE123>"), "{told}");
    assert!(
        told.contains("exit code 3") && !failed.text().contains("<!channel>"),
        "{told}"
    );
    let run = says(&slack, "job export failed").await;
    assert!(!run.payload.to_string().contains("<@U0"), "{run:?}");
    until("it is shown", async || {
        let status = hekate.get("/api/v1/jobs").await;
        let shown = status.json();
        (shown["jobs"][0]["last_failure"].is_string()).then_some(())
    })
    .await;
    let all = slack.top();
    assert_eq!(all.len(), 3, "two runs and one incident: {all:?}");
    hekate.stop().await;
    let words = home.words_of_all_runs();
    assert!(!words.contains(KEY), "the key is in no log");
}
