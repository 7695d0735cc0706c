//! An incident of several is split while hekate is killed: each part is a message of its own exactly once, or says that it is a repeat.

use serde_json::json;

use super::{
    deeds::press,
    stage,
    workspace::{Does, Message, Workspace},
};
use crate::{
    home::{Hekate, Home},
    slash::SECRET,
    targets::{Mood, Targets},
    wait::until,
};

/// `api` and `web` are told together, by a bot whose buttons work.
fn with_clicks_and_groups(home: &mut Home, targets: &Targets) {
    home.set("SIGNING_SECRET", SECRET);
    let web = targets.url("web");
    home.rewrite(|file| {
        let changes = [
            (
                "group_incidents: false",
                String::from("group_incidents: true"),
            ),
            (
                "slack: { bot_token:",
                String::from("slack: { signing_secret: \"${SIGNING_SECRET}\", bot_token:"),
            ),
            (
                "targets: [{ name: api,",
                format!("targets: [{{ name: web, health: \"{web}\" }}, {{ name: api,"),
            ),
            ("{ target: api }", String::from("{ target: [api, web] }")),
        ];
        changes.iter().fold(file, |file, (from, to)| {
            assert!(file.contains(from), "{from} is not in {file}");
            file.replace(from, to)
        })
    });
}

/// Waits until both are down in one incident; its id and its message.
async fn told_together(slack: &Workspace, hekate: &Hekate) -> (String, Message) {
    let id = until("both are in one incident", async || {
        let api = hekate.target("api").await["incident"].clone();
        let web = hekate.target("web").await["incident"].clone();
        (api == web).then(|| api.as_str().map(str::to_owned))?
    })
    .await;
    let message = until("one message tells both", async || {
        let first = slack.top().into_iter().next()?;
        let is_of_both = first.text().contains("api") && first.text().contains("web");
        is_of_both.then_some(first)
    })
    .await;
    (id, message)
}

/// Presses *Split* until it is believed: nobody could have recorded it before the start.
async fn split(slack: &Workspace, hekate: &Hekate, id: &str, is_seen: impl Fn(&Workspace) -> bool) {
    let mut trigger = 0;
    until("the split is under way", async || {
        trigger += 1;
        let pressed = json!({ "action_id": "hekate.split", "value": format!("1 i:{id}") });
        press(hekate, trigger, pressed).await;
        is_seen(slack).then_some(())
    })
    .await;
}

fn calls(slack: &Workspace, method: &str) -> usize {
    let calls = slack.calls();
    calls.iter().filter(|call| *call == method).count()
}

/// Waits until nothing is owed.
async fn settled(hekate: &Hekate) {
    until("nothing is owed any more", async || {
        let left = hekate.metric("hekate_outbox_messages").await;
        (left == Some(0.0)).then_some(())
    })
    .await;
}

/// The whole, and one message for each part: each once, and none of them a piece of news.
fn parts_once(slack: &Workspace, whole: &Message) -> Vec<Message> {
    let top = slack.top();
    assert_eq!(top[0].ts, whole.ts);
    assert!(top[0].payload.to_string().contains("split"), "{:?}", top[0]);
    let parts: Vec<_> = top.into_iter().skip(1).collect();
    for name in ["api", "web"] {
        let of_it = parts.iter().filter(|part| part.text().contains(name));
        let told: Vec<_> = of_it.collect();
        let firsts = told.iter().filter(|part| !part.text().contains("repeat"));
        assert_eq!(firsts.count(), 1, "{name}: {parts:?}");
        assert!(
            told.iter()
                .all(|part| !part.payload.to_string().contains("<!subteam")),
            "{told:?}"
        );
    }
    parts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_the_click_and_the_messages_each_part_is_told_once() {
    for hangs in ["chat.update", "chat.postMessage"] {
        let (slack, receiver, targets, mut home) = stage().await;
        with_clicks_and_groups(&mut home, &targets);
        let hekate = home.start().await;
        hekate.shows("api", "operational").await;
        hekate.shows("web", "operational").await;
        targets.set("api", Mood::Down);
        targets.set("web", Mood::Down);
        let (id, whole) = told_together(&slack, &hekate).await;
        settled(&hekate).await;

        // What this method does first after the click is done, and nobody hears that it was: then hekate is killed.
        let before = calls(&slack, hangs);
        slack.next(hangs, Does::Hangs);
        split(&slack, &hekate, &id, |slack| calls(slack, hangs) > before).await;
        hekate.kill();

        let hekate = home.start().await;
        until("the whole and its parts are there", async || {
            let top = slack.top();
            (top.len() >= 3 && top[0].payload.to_string().contains("split")).then_some(())
        })
        .await;
        settled(&hekate).await;
        let parts = parts_once(&slack, &whole);
        let incidents = [
            hekate.target("api").await["incident"].clone(),
            hekate.target("web").await["incident"].clone(),
        ];
        assert_ne!(incidents[0], incidents[1]);
        assert!(incidents.iter().all(|part| *part != id), "{incidents:?}");

        // Each goes on in its own message, and ends there.
        targets.set("api", Mood::Up);
        targets.set("web", Mood::Up);
        for name in ["api", "web"] {
            until(&format!("{name} is back in its message"), async || {
                let mut top = slack.top().into_iter();
                top.find(|message| message.text().starts_with(&format!("UP AGAIN: {name}")))
            })
            .await;
        }
        settled(&hekate).await;
        hekate.stop().await;
        assert_eq!(slack.top().len(), 1 + parts.len(), "{:?}", slack.top());
        assert!(receiver.told().is_empty(), "{:?}", receiver.told());
        let verified = home.run(&["store", "verify"]).await;
        assert!(verified.status.success(), "{verified:?}");
    }
}
