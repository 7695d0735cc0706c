//! Who is on call next is told alone, once, whatever happens to hekate meanwhile.

use std::time::Duration;

use chrono::{TimeDelta, Timelike as _, Utc};

use super::{
    home_of,
    workspace::{Does, Workspace},
};
use crate::{
    receiver::Receiver,
    targets::{Mood, Targets},
    wait::{until, until_within},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_next_is_told_alone_and_once_though_hekate_was_killed() {
    let (slack, receiver, targets) = (
        Workspace::start().await,
        Receiver::start().await,
        Targets::start().await,
    );
    // The next whole minute that leaves the time to start.
    #[expect(
        clippy::disallowed_methods,
        reason = "the shift has to begin while hekate runs, whose clock is the real one"
    )]
    let now = Utc::now();
    let wait = if now.second() < 30 { 1 } else { 2 };
    let begins = now + TimeDelta::minutes(wait);
    let ends = begins + TimeDelta::hours(2);
    let minute = "%Y-%m-%d %H:%M";
    let on_call = format!(
        "rota: {{ timezone: UTC, shifts: [{{ who: U0ALICE, from: \"mon 00:00\" }}], overrides: [{{ who: U0BOB, from: \"{}\", to: \"{}\" }}] }}",
        begins.format(minute),
        ends.format(minute)
    );
    let home = home_of(&on_call, &slack, &receiver, &targets, "");
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    targets.set("api", Mood::Down);
    slack.shows("DOWN: api – ").await;
    slack.next("chat.postMessage", Does::Hangs);
    let note = until_within(Duration::from_mins(3), "Bob is told", async || {
        slack.direct().into_iter().next()
    })
    .await;
    assert_eq!(note["channel"], "U0BOB");
    let text = note["text"].as_str().unwrap_or_default();
    assert!(text.contains("you are on call for core"), "{text}");
    let all = note.to_string();
    assert!(all.contains("open: api DOWN since"), "{all}");
    assert!(!all.contains("<!") && !all.contains("<@"), "{all}");
    // Slack has it, and hekate never hears that it does.
    hekate.kill();
    let hekate = home.start().await;
    let again = until("it is told once more, and says so", async || {
        slack.direct().into_iter().nth(1)
    })
    .await;
    let again = again.to_string();
    assert!(
        again.contains("repeat: first delivery unconfirmed"),
        "{again}"
    );
    hekate.stop().await;
    // After that nobody is told any more.
    let hekate = home.start().await;
    targets.set("api", Mood::Up);
    slack.shows("UP AGAIN: api").await;
    hekate.stop().await;
    assert_eq!(slack.direct().len(), 2);
}
