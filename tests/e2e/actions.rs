//! What people have done to targets, with the real binary, a signed Slack and a Jenkins that answers on loopback.

use std::{fs, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{
    home::{Hekate, Home},
    jenkins::Jenkins,
    receiver::Receiver,
    slash::{STEVE, Signed, User, let_in},
    targets::{Mood, Targets},
    wait::until,
};

const JANA: User = User {
    id: "U0JANA777",
    name: "jana",
};
const EVE: User = User {
    id: "U0EVE666",
    name: "eve",
};

/// What only Jenkins may see.
const TOKEN: &str = "canary-of-jenkins-4f1d";

/// A pair whose roles stand in a file, a Jenkins, and people.
struct Scene {
    targets: Targets,
    receiver: Receiver,
    home: Home,
    jenkins: Jenkins,
}

impl Scene {
    async fn new(guard: &str) -> Self {
        let (targets, receiver) = (Targets::start().await, Receiver::start().await);
        let (jenkins, url) = Jenkins::start().await;
        let mut home = Home::new(&receiver, &["ops"]);
        home.set("JENKINS_TOKEN", TOKEN);
        let slack = let_in(&mut home);
        let (blue, green) = (targets.url("blue"), targets.url("green"));
        home.write(&format!(
            "{slack}groups: {{ master: {{ active: {{ file: active.txt }} }} }}\n\
             targets:\n  - {{ name: blue, group: master, health: \"{blue}\" }}\n  - {{ name: green, group: master, health: \"{green}\" }}\n\
             actions:\n  restart:\n    allow: {{ users: [{}, {}], api: true }}\n{guard}    jenkins: {{ url: \"{url}\", job: restart, user: hekate, \
             token: \"${{JENKINS_TOKEN}}\", params: {{ INSTANCE: \"{{name}}\" }} }}\n  \
             hush:\n    allow: {{ users: [{}], api: true }}\n    when: {{ role: any }}\n    silence: {{ for: 30m }}\n",
            STEVE.id, JANA.id, STEVE.id
        ));
        let scene = Self {
            targets,
            receiver,
            home,
            jenkins,
        };
        scene.active("blue");
        scene
    }

    fn active(&self, name: &str) {
        fs::write(self.home.path().join("active.txt"), name).expect("the folder takes files");
    }

    async fn start(&self) -> Hekate {
        let hekate = self.home.start().await;
        hekate.ready().await;
        until("the roles are read", async || {
            (hekate.target("master/green").await["role"] == "inactive").then_some(())
        })
        .await;
        hekate
    }

    async fn audit(&self) -> Vec<Value> {
        let output = self.home.run(&["--format", "json", "audit", "list"]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let list: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{output:?}"));
        list["attempts"].as_array().cloned().unwrap_or_default()
    }

    /// The stages of an attempt in the order in which they were written.
    async fn stages(&self, id: &str) -> Vec<String> {
        let audit = self.audit().await;
        let of = audit.iter().filter(|line| line["id"] == id);
        of.map(|line| line["stage"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

/// Types it, as often as it takes until a hekate that was just started is sure that nobody repeats it.
async fn say(hekate: &Hekate, user: User, text: &str) -> String {
    until(&format!("{text} is believed"), async || {
        let answer = Signed::by(user, text).send(hekate).await;
        assert_eq!(answer.status, 200, "{text}: {}", answer.body);
        let message = answer.json();
        assert_eq!(message["response_type"], "ephemeral", "{text}: {message}");
        let words = message["text"].as_str().unwrap_or_default();
        let words = words.replace('＠', "@").replace('∶', ":");
        (!words.contains("before hekate was started")).then_some(words)
    })
    .await
}

/// Whether a file below this folder holds the token, as it is or as it is sent.
fn has_token(folder: &Path) -> bool {
    let sent = BASE64_STANDARD.encode(format!("hekate:{TOKEN}"));
    let entries = fs::read_dir(folder).expect("it can be listed").flatten();
    entries.map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            return has_token(&path);
        }
        let bytes = fs::read(&path).expect("it can be read");
        let text = String::from_utf8_lossy(&bytes);
        text.contains(TOKEN) || text.contains(&sent)
    })
}

/// The word that confirms what was asked.
fn word_of(answer: &str) -> String {
    let (_, rest) = answer
        .rsplit_once("confirm ")
        .unwrap_or_else(|| panic!("{answer}"));
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
    rest[..end.unwrap_or(rest.len())].to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inactive_one_is_restarted_once_and_everybody_reads_who_did_it() {
    let scene = Scene::new("").await;
    let hekate = scene.start().await;

    let no = say(&hekate, STEVE, "restart master blue").await;
    assert!(no.contains("master blue is active"), "{no}");
    let no = say(&hekate, EVE, "restart master green").await;
    assert!(no.contains("does not obey you"), "{no}");
    let asked = say(&hekate, STEVE, "restart master green because it hangs").await;
    assert!(
        asked.contains("restart master green (operational, inactive)?"),
        "{asked}"
    );
    let confirm = format!("confirm {}", word_of(&asked));
    let no = say(&hekate, JANA, &confirm).await;
    assert!(no.contains("only @steve can confirm it"), "{no}");
    say(&hekate, STEVE, &confirm).await;
    scene.jenkins.has_built().await;
    let again = say(&hekate, STEVE, &confirm).await;
    assert!(again.contains("a3"), "{again}");

    scene.targets.set("green", Mood::Down);
    hekate.shows("master/green", "down").await;
    scene.jenkins.end_builds();
    scene.targets.set("green", Mood::Up);
    let told = scene
        .receiver
        .hear("ops", "what came of it", |told| {
            told.text.contains("restarted master green")
        })
        .await;
    for part in ["steve", "Jenkins #812", "back after", "because it hangs"] {
        assert!(
            told.text.replace('＃', "#").contains(part),
            "{part}: {}",
            told.text
        );
    }
    let downs = scene.receiver.told();
    assert!(
        !downs.iter().any(super::receiver::Told::is_down),
        "the deploy grace kept it from being told"
    );
    assert_eq!(scene.jenkins.builds(), ["INSTANCE=green"]);
    assert_eq!(
        scene.stages("a3").await,
        ["asked", "confirmed", "running", "done, coming back", "done"]
    );
    assert_eq!(scene.stages("a1").await, ["refused"]);
    hekate.stop().await;
    assert!(
        !has_token(scene.home.path()),
        "the token is written somewhere"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_line_of_the_audit_is_found() {
    let scene = Scene::new("").await;
    let hekate = scene.start().await;
    say(&hekate, EVE, "restart master green").await;
    hekate.stop().await;
    let whole = scene.home.run(&["audit", "verify"]).await;
    assert_eq!(whole.status.code(), Some(0), "{whole:?}");
    let folder = fs::read_dir(scene.home.path().join("data")).expect("there is a store");
    let journal = folder
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .expect("there is a journal");
    let text = fs::read_to_string(&journal).expect("it is text");
    assert!(text.contains("@eve"));
    fs::write(&journal, text.replace("@eve", "@bob")).expect("the folder takes files");
    let changed = scene.home.run(&["audit", "verify"]).await;
    assert_eq!(changed.status.code(), Some(1), "{changed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_is_swapped_before_the_confirmation_stops_it() {
    let scene = Scene::new("").await;
    let hekate = scene.start().await;
    let asked = say(&hekate, STEVE, "restart master green").await;
    scene.active("green");
    say(&hekate, STEVE, &format!("confirm {}", word_of(&asked))).await;
    let told = scene
        .receiver
        .hear("ops", "that it was refused", |told| {
            told.text.contains("tried: restart master green")
        })
        .await;
    assert!(
        told.text
            .contains("was inactive when it was asked, and is active now"),
        "{}",
        told.text
    );
    assert_eq!(scene.stages("a1").await, ["asked", "confirmed", "refused"]);
    assert!(scene.jenkins.builds().is_empty());
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_when_hekate_was_killed_may_have_run_and_is_not_begun_again() {
    let scene = Scene::new("").await;
    let hekate = scene.start().await;
    let asked = say(&hekate, STEVE, "restart master green").await;
    let confirm = format!("confirm {}", word_of(&asked));
    say(&hekate, STEVE, &confirm).await;
    scene.jenkins.has_built().await;
    hekate.kill();

    let hekate = scene.start().await;
    let told = scene
        .receiver
        .hear("ops", "that it may have run", |told| {
            told.text.contains("may have run")
        })
        .await;
    assert!(told.text.contains("master green"), "{}", told.text);
    let again = say(&hekate, STEVE, &confirm).await;
    assert!(again.contains("may have run"), "{again}");
    assert_eq!(scene.jenkins.builds().len(), 1);
    let stages = scene.stages("a1").await;
    assert_eq!(
        stages.last().map(String::as_str),
        Some("may have run"),
        "{stages:?}"
    );
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_the_rate_and_the_terminal() {
    let guard = "    second_person: true\n    rate: 1 per 1h\n    reason: required\n";
    let scene = Scene::new(guard).await;
    let hekate = scene.start().await;
    let server = format!("http://{}", hekate.address);
    let run = async |more: &[&str]| {
        let words = [
            "--server", &server, "action", "run", "restart", "master", "green",
        ];
        let arguments: Vec<&str> = words.iter().chain(more).copied().collect();
        let output = scene.home.run(&arguments).await;
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let (code, text) = run(&["--dry-run"]).await;
    assert!(
        code == Some(1) && text.contains("it has to be said why"),
        "{code:?} {text}"
    );
    let (code, text) = run(&["--dry-run", "--reason", "it hangs"]).await;
    assert!(
        code == Some(0) && text.contains("nothing was done"),
        "{code:?} {text}"
    );
    assert!(scene.audit().await.is_empty(), "dry runs leave no trace");
    let (code, text) = run(&["--reason", "it hangs"]).await;
    assert!(
        code == Some(1) && text.contains("master green"),
        "{code:?} {text}"
    );
    let (code, text) = run(&["--reason", "it hangs", "--confirm", "master blue"]).await;
    assert!(
        code == Some(1) && text.contains("is not its name"),
        "{code:?} {text}"
    );
    let (code, text) = run(&["--reason", "it hangs", "--confirm", "master green"]).await;
    assert!(
        code == Some(0) && text.contains("somebody else"),
        "{code:?} {text}"
    );
    let confirm = format!("confirm {}", word_of(&text));
    let no = say(&hekate, EVE, &confirm).await;
    assert!(no.contains("does not obey you"), "{no}");
    assert!(scene.jenkins.builds().is_empty());
    scene.jenkins.end_builds();
    say(&hekate, JANA, &confirm).await;
    scene.jenkins.has_built().await;
    until("it is done", async || {
        let stages = scene.stages("a2").await;
        stages
            .iter()
            .any(|stage| stage == "done, coming back")
            .then_some(())
    })
    .await;
    let no = say(&hekate, STEVE, "restart master green because again").await;
    assert!(no.contains("as often as the file allows"), "{no}");
    let tasks = say(&hekate, STEVE, "show tasks master blue").await;
    assert!(
        tasks.contains("not restart: master blue is active"),
        "{tasks}"
    );
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_that_an_action_begins_outlives_a_kill_and_is_in_the_audit() {
    let scene = Scene::new("").await;
    let hekate = scene.start().await;
    let no = say(&hekate, JANA, "hush master blue").await;
    assert!(no.contains("does not obey you"), "{no}");
    let asked = say(&hekate, STEVE, "hush master blue because it is known").await;
    say(&hekate, STEVE, &format!("confirm {}", word_of(&asked))).await;
    until("it is done", async || {
        let stages = scene.stages("a2").await;
        (stages.last().map(String::as_str) == Some("done")).then_some(())
    })
    .await;
    hekate.kill();
    let hekate = scene.start().await;
    let on = say(&hekate, STEVE, "silence list").await;
    assert!(on.contains("it is known") && on.contains("s1"), "{on}");
    assert!(scene.jenkins.builds().is_empty());
    assert_eq!(scene.stages("a2").await, ["asked", "confirmed", "done"]);
    say(&hekate, STEVE, "silence end s1").await;
    scene.targets.set("blue", Mood::Down);
    hekate.shows("master/blue", "down").await;
    hekate.stop().await;
}
