//! What people have done is one message that goes on to its end, whatever happens to hekate and to Slack meanwhile.

use super::{
    home,
    workspace::{Does, Message, Workspace},
};
use crate::{
    home::{Hekate, Home},
    jenkins::Jenkins,
    receiver::Receiver,
    targets::{Mood, Targets},
    wait::until,
};

struct Scene {
    slack: Workspace,
    receiver: Receiver,
    targets: Targets,
    jenkins: Jenkins,
    home: Home,
}

impl Scene {
    async fn new() -> Self {
        let (slack, receiver, targets) = (
            Workspace::start().await,
            Receiver::start().await,
            Targets::start().await,
        );
        let (jenkins, url) = Jenkins::start().await;
        let actions = format!(
            "actions:\n  restart:\n    allow: {{ api: true }}\n    when: {{ role: any }}\n    tell: alerts\n    \
             jenkins: {{ url: \"{url}\", job: restart, user: hekate, token: \"${{JENKINS_TOKEN}}\", params: {{ INSTANCE: \"{{name}}\" }} }}\n"
        );
        let mut home = home(&slack, &receiver, &targets, &actions);
        home.set("JENKINS_TOKEN", "canary-of-jenkins");
        Self {
            slack,
            receiver,
            targets,
            jenkins,
            home,
        }
    }

    async fn start(&self) -> Hekate {
        let hekate = self.home.start().await;
        hekate.shows("api", "operational").await;
        hekate
    }

    async fn restarts(&self, hekate: &Hekate) {
        let server = format!("http://{}", hekate.address);
        let words = [
            "--server",
            &server,
            "action",
            "run",
            "restart",
            "api",
            "--confirm",
            "api",
        ];
        let said = self.home.run(&words).await;
        assert!(said.status.success(), "{said:?}");
    }

    /// Waits until the one message says this.
    async fn says(&self, words: &str) -> Message {
        until(&format!("the message says {words}"), async || {
            let all = self.slack.messages();
            let [message] = all.as_slice() else {
                assert!(all.is_empty(), "one message, and no thread: {all:?}");
                return None;
            };
            message
                .payload
                .to_string()
                .contains(words)
                .then(|| message.clone())
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_is_one_message_from_its_beginning_to_its_end() {
    let scene = Scene::new().await;
    let hekate = scene.start().await;
    scene.restarts(&hekate).await;
    let begun = scene.says("Jenkins #812 · building").await;
    assert!(begun.text().contains("restarts api"), "{begun:?}");
    scene.targets.set("api", Mood::Down);
    hekate.shows("api", "down").await;
    scene.jenkins.end_builds();
    scene.says("coming back").await;
    scene.targets.set("api", Mood::Up);
    let told = scene.says("back after").await;
    assert_eq!(told.ts, begun.ts);
    assert!(told.text().contains("restarted api"), "{told:?}");
    assert!(told.edits > 0);
    hekate.stop().await;
    assert!(
        scene.receiver.told().is_empty(),
        "{:?}",
        scene.receiver.told()
    );
    assert!(
        !scene.slack.messages()[0]
            .payload
            .to_string()
            .contains("canary")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_it_the_same_message_says_so() {
    let scene = Scene::new().await;
    let hekate = scene.start().await;
    // Killed before it knows that its first message arrived.
    scene.slack.next("chat.postMessage", Does::Hangs);
    scene.restarts(&hekate).await;
    scene.jenkins.has_built().await;
    let begun = scene.says("restarts api").await;
    hekate.kill();

    let hekate = scene.start().await;
    let told = scene.says("may have run").await;
    assert_eq!(told.ts, begun.ts);
    assert!(told.text().contains("tried: restart api"), "{told:?}");
    until("nothing is owed any more", async || {
        let left = hekate.metric("hekate_outbox_messages").await;
        (left == Some(0.0)).then_some(())
    })
    .await;
    hekate.stop().await;
    assert_eq!(scene.slack.messages().len(), 1);
    assert_eq!(scene.jenkins.builds().len(), 1);
    assert!(
        scene.receiver.told().is_empty(),
        "{:?}",
        scene.receiver.told()
    );
    let verified = scene.home.run(&["store", "verify"]).await;
    assert!(verified.status.success(), "{verified:?}");
}
