//! `hekate run --slack preview` and the page of `hekate demo`.

mod browser;
pub(crate) mod chromium;

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::json;
use tokio::net::TcpListener;

use super::{
    home::{Hekate, Home},
    receiver::Receiver,
    targets::{Mood, Targets},
    wait::until,
    wire::{Answer, ask, get},
};

const BOT_TOKEN: &str = "xoxb-0123456789-canary-of-the-preview";
const APP_TOKEN: &str = "xapp-1-A0123456789-0123456789-canary-of-the-preview";
const SIGNING_SECRET: &str = "0123456789abcdef0123456789abcdef";
const SIGNED_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Where everything of the file leads that must not be called; it counts who comes.
struct Trap {
    address: SocketAddr,
    visits: Arc<AtomicUsize>,
}

impl Trap {
    async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let trap = Self {
            address: listener.local_addr().expect("it is bound"),
            visits: Arc::default(),
        };
        let visits = Arc::clone(&trap.visits);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                visits.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
        trap
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

/// A hekate with real targets and the preview in place of Slack.
pub(crate) struct Stage {
    pub(crate) targets: Targets,
    pub(crate) hekate: Hekate,
    /// Where the page is.
    pub(crate) page: SocketAddr,
    trap: Trap,
    home: Home,
    pub(crate) receiver: Receiver,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        let (targets, receiver) = (Targets::start().await, Receiver::start().await);
        let trap = Trap::set().await;
        let mut home = Home::new(&receiver, &[]);
        for (name, value) in [
            ("BOT_TOKEN", BOT_TOKEN),
            ("APP_TOKEN", APP_TOKEN),
            ("SIGNING_SECRET", SIGNING_SECRET),
            ("SIGNED_SECRET", SIGNED_SECRET),
        ] {
            home.set(name, value);
        }
        find(&home, &[]);
        write(
            &home,
            &trap,
            &targets,
            &receiver.url("deeds"),
            &["api", "web"],
        );
        let mut hekate = home.spawn(&["run", "--slack", "preview=0"]);
        hekate.wait_for_start().await;
        let event = until("the page is there", async || hekate.event("preview")).await;
        let url = event["url"].as_str().expect("it says where").to_owned();
        let page = url.trim_start_matches("http://").trim_end_matches('/');
        Self {
            page: page.parse().expect("it is an address"),
            targets,
            hekate,
            trap,
            home,
            receiver,
        }
    }

    /// The page with this channel open.
    pub(crate) async fn shows(&self, channel: &str) -> String {
        let answer = get(self.page, &format!("/?channel={channel}")).await;
        let answer = answer.expect("the page answers");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// Waits until the page says this.
    pub(crate) async fn says(&self, channel: &str, words: &str) -> String {
        until(&format!("{channel} says {words}"), async || {
            let page = self.shows(channel).await;
            page.contains(words).then_some(page)
        })
        .await
    }

    async fn post(&self, path: &str, headers: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let headers = format!("Content-Type: application/x-www-form-urlencoded\r\n{headers}");
        let asked = ask(self.page, &format!("POST {path}"), &headers, &form.finish()).await;
        asked.expect("the page answers")
    }
}

/// A file that has everything of Slack's, and leads into the trap with all of it.
fn write(home: &Home, trap: &Trap, targets: &Targets, deeds: &str, names: &[&str]) {
    let trap = trap.address;
    let head = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\n\
         damp_flapping: false\n\
         group_incidents: false\n\
         defaults: {{ interval: 1s, timeout: 800ms, confirm: {{ explicit: 1s, refused: 1s, silent: 4s }}, successes: 1 }}\n\
         slack:\n  base_url: \"http://{trap}\"\n  bot_token: \"${{BOT_TOKEN}}\"\n  app_token: \"${{APP_TOKEN}}\"\n  signing_secret: \"${{SIGNING_SECRET}}\"\n\
         dead_man: {{ url: \"http://{trap}/ping\", every: 10s }}\n\
         channels:\n\
         \x20 alerts: {{ slack: \"#alerts\", webhook_url: \"http://{trap}/alerts\" }}\n\
         \x20 ops: \"http://{trap}/ops\"\n\
         \x20 other: {{ signed_webhook: {{ url: \"http://{trap}/other\", secret: \"${{SIGNED_SECRET}}\" }} }}\n\
         routes:\n  - {{ to: [alerts, other] }}\n\
         on_call: {{ core: {{ user_group: S0CORE01 }} }}\n\
         actions:\n  force_restart:\n    when: {{ role: any }}\n    allow: {{ users: [U0PREVIEW] }}\n    reason: required\n    \
         http: {{ method: POST, url: \"{deeds}\", json: '{{\"text\": \"{{name}} because {{reason}}\"}}' }}\n\
         discovery:\n  shops: {{ file_sd: ./list.json, every: 1s, target: {{ name: \"{{{{label.name}}}}\", health: \"http://{{{{address}}}}/{{{{label.name}}}}\" }} }}\n"
    );
    home.write_text(&(head + &targets.section(names)));
}

/// These are on the list of what was found.
fn find(home: &Home, urls: &[(&str, String)]) {
    let targets = urls.iter().map(|(name, url)| {
        let place = url.trim_start_matches("http://").split('/').next();
        json!({ "targets": [place], "labels": { "name": name } })
    });
    let list: Vec<_> = targets.collect();
    let beside = home.path().join("list.new");
    fs::write(&beside, json!(list).to_string()).expect("the folder takes files");
    fs::rename(&beside, home.path().join("list.json")).expect("the folder takes files");
}

/// The first hidden field of this name.
fn field(page: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let at = page.find(&mark).expect("there is such a field") + mark.len();
    let rest = &page[at..];
    rest[..rest.find('"').expect("it ends")].to_owned()
}

#[tokio::test]
async fn nothing_that_the_file_says_of_slack_is_called_and_what_is_told_here_counts_for_nobody_else()
 {
    let stage = Stage::start().await;
    stage.targets.set("api", Mood::Down);
    // Every kind of channel is there, and hears.
    let page = stage.says("alerts", "<b>DOWN</b>").await;
    stage.says("other", "<b>DOWN</b>").await;
    for part in ["#alerts", ">ops<", ">other<", "I'm on it"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    // A changed file is taken over, and leads nowhere else.
    write(
        &stage.home,
        &stage.trap,
        &stage.targets,
        &stage.receiver.url("deeds"),
        &["api", "web", "third"],
    );
    until("the file is taken over", async || {
        let reloaded = stage.hekate.events("config.reloaded");
        (!reloaded.is_empty()).then_some(())
    })
    .await;
    stage.targets.set("third", Mood::Down);
    stage.says("other", "third").await;
    // So are targets that are found.
    stage.targets.set("found", Mood::Down);
    find(&stage.home, &[("found", stage.targets.url("found"))]);
    stage.says("alerts", "found").await;
    stage.targets.set("api", Mood::Up);
    let page = stage.says("alerts", "(edited)").await;
    for secret in [BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, SIGNED_SECRET] {
        assert!(!page.contains(secret), "a secret is on the page");
    }
    assert_eq!(stage.trap.visits(), 0, "something left");
    assert!(stage.home.path().join("data/preview").is_dir());

    // The same file without the preview: the trap is where it should be, and what the page heard was told to nobody.
    let Stage {
        hekate,
        home,
        trap,
        targets,
        ..
    } = stage;
    hekate.stop().await;
    assert_eq!(trap.visits(), 0, "something left at the end");
    targets.set("third", Mood::Down);
    let real = home.start().await;
    until("the real ones are called", async || {
        (trap.visits() > 0).then_some(())
    })
    .await;
    let explained = until("the outage begins anew", async || {
        let target = real.target("third").await;
        target["incident"].is_string().then_some(target)
    })
    .await;
    assert_eq!(explained["verdict"], "down");
    real.stop().await;
}

#[tokio::test]
async fn only_this_machine_may_look_and_only_the_page_may_press() {
    let stage = Stage::start().await;
    let page = stage.shows("alerts").await;
    let token = field(&page, "token");
    let status = |token: &str| {
        let token = token.to_owned();
        async move {
            vec![
                ("token", token),
                ("channel", String::from("alerts")),
                ("text", String::from("status")),
            ]
        }
    };
    for (headers, token, expected) in [
        ("", token.as_str(), 303),
        ("Origin: http://evil.example.test\r\n", token.as_str(), 403),
        ("Sec-Fetch-Site: cross-site\r\n", token.as_str(), 403),
        ("", "guessed", 403),
    ] {
        let fields = status(token).await;
        let fields: Vec<_> = fields
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        let answer = stage.post("/ask", headers, &fields).await;
        assert_eq!(answer.status, expected, "{headers}{token}");
    }
    stage.says("alerts", "2 targets").await;

    let answer = stage
        .home
        .run(&["run", "--slack", "preview=0.0.0.0:7979"])
        .await;
    assert_eq!(answer.status.code(), Some(2));
    let words = String::from_utf8_lossy(&answer.stderr).into_owned();
    for part in [
        "this machine only",
        "preview=7979",
        "ssh -L 7979:127.0.0.1:7979",
    ] {
        assert!(words.contains(part), "{part} is not in {words}");
    }
    stage.hekate.stop().await;
}
