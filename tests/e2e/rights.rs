//! Who may have what done, where and to whom: every case through the door of Slack, against a rule that is written down here once
//! more. Nothing is confirmed by whom it belongs to, so nothing may ever be done.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use super::{
    home::{Hekate, Home},
    receiver::Receiver,
    slash::{SECRET, Signed, let_in},
    targets::{Mood, Targets},
    wait::until,
};

const HERE: &str = "C0HERE";
const ELSEWHERE: &str = "C0ELSEWHERE";
/// Nobody asks for more than five things a minute, so there are several of each kind.
const MEMBERS: usize = 12;

/// What one of the file's actions is for.
#[derive(Clone, Copy, Debug)]
struct Kind {
    words: &'static str,
    /// Whether it touches what is active.
    any_role: bool,
    /// Whether it wants its target to be down.
    only_down: bool,
    /// Whether it is asked for in one channel only.
    only_here: bool,
}

const KINDS: [Kind; 4] = [
    Kind {
        words: "restart",
        any_role: false,
        only_down: false,
        only_here: true,
    },
    Kind {
        words: "force restart",
        any_role: true,
        only_down: false,
        only_here: false,
    },
    Kind {
        words: "revive",
        any_role: true,
        only_down: true,
        only_here: true,
    },
    Kind {
        words: "nobody's own",
        any_role: true,
        only_down: false,
        only_here: false,
    },
];

/// Somebody, as the file sees them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    Member,
    Stranger,
}

/// The one that carries the load.
const ACTIVE: &str = "master blue";
/// The other one.
const INACTIVE: &str = "master green";

/// One case.
#[derive(Clone, Copy, Debug)]
struct Case {
    kind: Kind,
    by: By,
    channel: &'static str,
    target: &'static str,
    is_down: bool,
}

impl Case {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for is_down in [false, true] {
            for kind in KINDS {
                for by in [By::Member, By::Stranger] {
                    for channel in [HERE, ELSEWHERE] {
                        for target in [ACTIVE, INACTIVE] {
                            all.push(Self {
                                kind,
                                by,
                                channel,
                                target,
                                is_down,
                            });
                        }
                    }
                }
            }
        }
        all
    }

    /// The rule, in other words than the guard's.
    fn may(self) -> bool {
        let is_obeyed = self.by == By::Member && self.kind.words != "nobody's own";
        let is_right_place = self.channel == HERE || !self.kind.only_here;
        let is_right_role = self.target == INACTIVE || self.kind.any_role;
        let is_right_state = self.is_down || !self.kind.only_down;
        is_obeyed && is_right_place && is_right_role && is_right_state
    }
}

/// A word that Slack gives once.
fn next() -> String {
    static GIVEN: AtomicUsize = AtomicUsize::new(1);
    format!("1.2.{}", GIVEN.fetch_add(1, Ordering::Relaxed))
}

/// The next one of the members, or of those who are none.
fn somebody(by: By) -> String {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let number = ASKED.fetch_add(1, Ordering::Relaxed) % MEMBERS;
    match by {
        By::Member => format!("U0MEMBER{number}"),
        By::Stranger => format!("U0STRANGER{number}"),
    }
}

async fn says(hekate: &Hekate, user: &str, channel: &str, text: &str) -> String {
    until(&format!("{text} is believed"), async || {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([
            ("team_id", "T0001"),
            ("channel_id", channel),
            ("user_id", user),
            ("user_name", user),
            ("command", "/roih"),
            ("text", text),
            ("trigger_id", &next()),
        ]);
        let answer = Signed::of(form.finish(), SECRET, 0).send(hekate).await;
        assert_eq!(answer.status, 200, "{text}: {}", answer.body);
        let said = answer.json()["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (!said.contains("before hekate was started")).then_some(said)
    })
    .await
}

/// The word that would confirm what was asked, if it was.
fn word_of(said: &str) -> Option<&str> {
    let (_, rest) = said.rsplit_once("confirm ")?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
    Some(&rest[..end.unwrap_or(rest.len())])
}

async fn presses(hekate: &Hekate, user: &str, action: &str, value: &str) {
    let payload = json!({
        "type": "block_actions", "api_app_id": "A1", "team": { "id": "T0001" },
        "user": { "id": user, "username": user }, "channel": { "id": HERE }, "trigger_id": next(),
        "container": { "type": "message", "message_ts": "1.2", "channel_id": HERE, "is_ephemeral": true },
        "actions": [{ "type": "button", "block_id": "b", "action_id": action, "value": value }],
    });
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("payload", &payload.to_string());
    let answer = Signed::of(form.finish(), SECRET, 0)
        .send_to(hekate, "/slack/interactive")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn stages(home: &Home) -> Vec<String> {
    let output = home.run(&["--format", "json", "audit", "list"]).await;
    let list: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let attempts = list["attempts"].as_array().cloned().unwrap_or_default();
    let stages = attempts.iter().map(|one| one["stage"].as_str());
    stages
        .map(|stage| stage.unwrap_or_default().to_owned())
        .collect()
}

/// A pair whose roles stand in a file, and the four actions.
async fn stage() -> (Targets, Receiver, Home, Hekate) {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["ops"]);
    let slack = let_in(&mut home);
    let members: Vec<_> = (0..MEMBERS).map(|n| format!("U0MEMBER{n}")).collect();
    let members = members.join(", ");
    // Whoever is called would be seen among the targets.
    let call = format!(
        "http: {{ method: POST, url: \"{}\" }}",
        targets.url("called")
    );
    home.write(&format!(
        "{slack}groups: {{ master: {{ active: {{ file: active.txt }} }} }}\n\
         targets:\n  - {{ name: blue, group: master, health: \"{}\" }}\n  - {{ name: green, group: master, health: \"{}\" }}\n\
         actions:\n\
         \x20 restart: {{ allow: {{ users: [{members}], channels: [{HERE}] }}, {call} }}\n\
         \x20 force_restart: {{ allow: {{ users: [{members}] }}, when: {{ role: any }}, {call} }}\n\
         \x20 revive: {{ allow: {{ users: [{members}], channels: [{HERE}] }}, when: {{ role: any, state: down }}, {call} }}\n\
         \x20 nobodys_own: {{ aliases: [\"nobody's own\"], allow: {{ api: true }}, when: {{ role: any }}, {call} }}\n",
        targets.url("blue"),
        targets.url("green"),
    ));
    fs::write(home.path().join("active.txt"), "blue").expect("the folder takes files");
    let hekate = home.start().await;
    hekate.ready().await;
    until("the roles are read", async || {
        (hekate.target("master/green").await["role"] == "inactive").then_some(())
    })
    .await;
    (targets, receiver, home, hekate)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_in_every_place_to_every_target_in_every_state() {
    let (targets, _receiver, home, hekate) = stage().await;
    let mut asked = 0;
    let mut is_down = false;
    for case in Case::all() {
        if case.is_down != is_down {
            is_down = case.is_down;
            targets.set("blue", Mood::Down);
            targets.set("green", Mood::Down);
            hekate.shows("master/blue", "down").await;
            hekate.shows("master/green", "down").await;
        }
        let by = somebody(case.by);
        let words = format!("{} {}", case.kind.words, case.target);
        let said = says(&hekate, &by, case.channel, &words).await;
        let word = word_of(&said);
        assert_eq!(word.is_some(), case.may(), "{case:?}: {said}");
        let Some(word) = word else {
            continue;
        };
        asked += 1;
        // Nobody else confirms it, by whatever way.
        for who in [By::Member, By::Stranger] {
            let another = somebody(who);
            assert_ne!(another, by);
            let typed = format!("confirm {word} {}", case.target);
            let said = says(&hekate, &another, HERE, &typed).await;
            assert!(said.contains("only "), "{case:?}: {said}");
            presses(
                &hekate,
                &another,
                "hekate.action.confirm",
                &format!("1 {word}"),
            )
            .await;
        }
        let said = says(&hekate, &by, case.channel, &format!("cancel {word}")).await;
        assert!(!said.is_empty());
        // What is over stays over, for whomever it belonged to as well.
        let late = says(
            &hekate,
            &by,
            case.channel,
            &format!("confirm {word} {}", case.target),
        )
        .await;
        assert!(word_of(&late).is_none(), "{late}");
    }
    let expected = Case::all().into_iter().filter(|case| case.may()).count();
    assert!(asked == expected && asked > 10, "{asked} of {expected}");
    let stages = stages(&home).await;
    let harmless = ["asked", "refused", "cancelled"];
    assert!(
        !stages.is_empty()
            && stages
                .iter()
                .all(|stage| harmless.contains(&stage.as_str())),
        "{stages:?}"
    );
    assert_eq!(targets.asked("called"), 0);
    hekate.stop().await;
}
