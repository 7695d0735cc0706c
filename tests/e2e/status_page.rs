//! The status page, in a real browser.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{
    home::{Hekate, Home},
    preview::chromium::Browser,
    receiver::Receiver,
    targets::{Mood, Targets},
    wait::until,
    wire::{Answer, ask},
};

/// The page asks again at once when it is looked at again.
const LOOK_AGAIN: &str = "document.dispatchEvent(new Event('visibilitychange'))";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_its_end_and_our_own_are_shown_without_a_reload() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let (receiver, targets) = (Receiver::start().await, Targets::start().await);
    let home = Home::new(&receiver, &["ops"]);
    home.write(&format!(
        "page: {{ title: Example, language: en }}\ntargets: [{{ name: api, health: \"{}\" }}]\n",
        targets.url("api")
    ));
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    browser.open(&format!("http://{}/", hekate.address)).await;
    browser.reads("h1", "It works").await;
    targets.set("api", Mood::Down);
    hekate.shows("api", "down").await;
    browser.evaluate(LOOK_AGAIN).await;
    browser.reads("h1", "api is down").await;
    browser.reads(".problems", "since").await;
    // What became worse is opened; what somebody closed then stays closed while something else changes.
    let is_open = "document.querySelector('details').open";
    assert_eq!(browser.evaluate(is_open).await, true);
    browser
        .evaluate("document.querySelector('details').open = false")
        .await;
    let taken = home
        .run(&[
            "ack",
            "api",
            "--server",
            &format!("http://{}", hekate.address),
        ])
        .await;
    assert!(taken.status.success(), "{taken:?}");
    browser.evaluate(LOOK_AGAIN).await;
    browser.reads(".problems", "is on it").await;
    assert_eq!(browser.evaluate(is_open).await, false);
    targets.set("api", Mood::Up);
    hekate.shows("api", "operational").await;
    browser.evaluate(LOOK_AGAIN).await;
    browser.reads("h1", "It works").await;
    // A language is a link, for those without a script too.
    browser.click("a", "čeština").await;
    browser.reads("h1", "Vše běží").await;
    hekate.stop().await;
    // A minute later nobody has answered.
    browser
        .evaluate("{ const now = Date.now; Date.now = () => now() + 60000; }")
        .await;
    until("the page says that it is old", async || {
        browser.evaluate(LOOK_AGAIN).await;
        let is_hidden = browser
            .evaluate("document.getElementById('stale').hidden")
            .await;
        (is_hidden == false).then_some(())
    })
    .await;
    let refused: Vec<_> = browser
        .complaints()
        .iter()
        .filter(|complaint| !complaint.contains("ERR_CONNECTION"))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_works_without_a_script_and_fits_a_telephone() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let (receiver, targets) = (Receiver::start().await, Targets::start().await);
    let home = Home::new(&receiver, &["ops"]);
    let long = "a".repeat(64);
    home.write(&format!(
        "targets:\n  - {{ name: api, health: \"{0}\" }}\n  - {{ name: {long}, health: \"{0}\" }}\n",
        targets.url("api")
    ));
    targets.set("api", Mood::Down);
    let hekate = home.start().await;
    hekate.shows("api", "down").await;
    hekate.shows(&long, "down").await;
    browser.without_scripts().await;
    for scheme in ["light", "dark"] {
        browser.look_through((390, 844), scheme).await;
        browser.open(&format!("http://{}/", hekate.address)).await;
        browser.reads("h1", "are down").await;
        let width = browser
            .evaluate("document.documentElement.scrollWidth")
            .await;
        assert!(width.as_u64().is_some_and(|width| width <= 390), "{width}");
    }
    assert!(
        browser.complaints().is_empty(),
        "{:?}",
        browser.complaints()
    );
    hekate.stop().await;
}

/// What checks whether everybody can use a page, as `.ci/servers` installs it.
pub(super) fn axe() -> Option<String> {
    let servers = env::var_os("HEKATE_SERVERS").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("servers"),
        PathBuf::from,
    );
    let path = servers.join("axe/node_modules/axe-core/axe.min.js");
    let script = fs::read_to_string(path).ok();
    if script.is_none() {
        assert!(
            env::var_os("HEKATE_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
            "axe-core is missing: run .ci/servers"
        );
        // Not `eprintln!`: the test runner would swallow it.
        let _ = writeln!(
            io::stderr(),
            "SKIPPED, NOT TESTED: axe-core is missing, .ci/servers installs it"
        );
    }
    script
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_can_use_the_page_by_day_and_by_night() {
    let Some(axe) = axe() else {
        return;
    };
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let (receiver, targets) = (Receiver::start().await, Targets::start().await);
    let home = Home::new(&receiver, &["ops"]);
    let (well, bad) = (targets.url("well"), targets.url("bad"));
    home.write(&format!(
        "groups: {{ master: {{}}, cron: {{}} }}\n\
         maintenance: [{{ name: nightly, match: {{ group: cron }}, schedule: \"0 2 * * *\", duration: 45m }}]\n\
         targets:\n  - {{ name: blue, group: master, health: \"{well}\" }}\n  - {{ name: green, group: master, health: \"{bad}\" }}\n  \
         - {{ name: purple, group: cron, health: \"{well}\" }}\n"
    ));
    targets.set("bad", Mood::Down);
    let hekate = home.start().await;
    hekate.shows("master/green", "down").await;
    for path in ["/", "/targets/master/green", "/embed/all"] {
        for (language, scheme) in [
            ("en", "light"),
            ("en", "dark"),
            ("cs", "light"),
            ("cs", "dark"),
        ] {
            browser.look_through((390, 844), scheme).await;
            let page = format!("http://{}{path}?lang={language}", hekate.address);
            browser.open(&page).await;
            let width = browser
                .evaluate("document.documentElement.scrollWidth")
                .await;
            assert!(width.as_u64() <= Some(390), "{path} {language}: {width}");
            browser.evaluate(&axe).await;
            let violations = browser
                .evaluate(
                    "axe.run().then((found) => found.violations.map((one) => \
                     one.id + ': ' + one.nodes.map((node) => node.html).join(' ')))",
                )
                .await;
            assert_eq!(
                violations,
                serde_json::json!([]),
                "{path} {language} {scheme}"
            );
        }
    }
    // It sees what nobody could use.
    let nameless = "document.querySelector('main').append(document.createElement('button')); \
                    axe.run().then((found) => found.violations.length)";
    let violations = browser.evaluate(nameless).await;
    assert!(violations.as_u64() > Some(0), "{violations}");
    hekate.stop().await;
}

/// Whether this is XML, and how many entries there are.
fn feed(file: &str, entries: &str) -> String {
    format!(
        "fetch('/{file}').then((answer) => answer.text()).then((text) => {{ \
         const read = new DOMParser().parseFromString(text, 'application/xml'); \
         return read.querySelector('parsererror') ? text : read.querySelectorAll('{entries}').length; }})"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_is_shown_and_told_to_readers_of_feeds_after_a_restart_too() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let (receiver, targets) = (Receiver::start().await, Targets::start().await);
    let home = Home::new(&receiver, &["ops"]);
    home.write(&format!(
        "page: {{ title: \"<b>Tom & Jerry ]]>\", language: en }}\ntargets: [{{ name: api, health: \"{}\" }}]\n",
        targets.url("api")
    ));
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    targets.set("api", Mood::Down);
    hekate.shows("api", "down").await;
    targets.set("api", Mood::Up);
    hekate.shows("api", "operational").await;
    is_told(&mut browser, &hekate).await;
    hekate.stop().await;
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    is_told(&mut browser, &hekate).await;
    hekate.stop().await;
}

/// The day with its outage, and the incident that is over: on both pages, and in all feeds.
async fn is_told(browser: &mut Browser, hekate: &Hekate) {
    for path in ["/", "/targets/api"] {
        browser
            .open(&format!("http://{}{path}", hekate.address))
            .await;
        // What is well is folded.
        let unfold = "document.querySelectorAll('details').forEach((part) => part.open = true)";
        browser.evaluate(unfold).await;
        browser.reads("span.days", "down: 1 day (").await;
        browser.reads("span.days", "no data: 89 days").await;
        browser.reads(".past", "api").await;
    }
    browser.reads("table.each", "down").await;
    for (file, entries) in [("feed.rss", "item"), ("feed.atom", "entry")] {
        let found = browser.evaluate(&feed(file, entries)).await;
        assert_eq!(found, 1, "{file}");
    }
    let items =
        "fetch('/feed.json').then((answer) => answer.json()).then((feed) => feed.items.length)";
    assert_eq!(browser.evaluate(items).await, 1);
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_can_be_reached_and_seen_with_the_keyboard_alone() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let (receiver, targets) = (Receiver::start().await, Targets::start().await);
    let home = Home::new(&receiver, &["ops"]);
    home.write(&targets.section(&["api", "web"]));
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    for path in ["/", "/targets/api", "/embed/all"] {
        browser
            .open(&format!("http://{}{path}", hekate.address))
            .await;
        let all = browser
            .evaluate("[...document.querySelectorAll('a, summary')].filter((part) => part.checkVisibility()).length")
            .await;
        let all = all.as_u64().expect("a number");
        assert!(all > 0, "{path}");
        browser.evaluate("window.reached = new Set(); true").await;
        for _ in 0..all {
            browser.press("Tab").await;
            // Where the focus is can be seen.
            let outline = browser
                .evaluate("reached.add(document.activeElement), getComputedStyle(document.activeElement).outlineStyle")
                .await;
            assert_ne!(outline, "none", "{path}");
        }
        let reached = browser
            .evaluate("[...reached].filter((part) => part.matches('a, summary')).length")
            .await;
        assert_eq!(reached, all, "{path}");
    }
    // What is folded is opened by a key.
    let is_open = "document.querySelector('details').open";
    browser
        .open(&format!("http://{}/targets/api", hekate.address))
        .await;
    browser.reads("summary", "each day by itself").await;
    assert_eq!(browser.evaluate(is_open).await, false);
    browser
        .evaluate("document.querySelector('summary').focus()")
        .await;
    browser.enter().await;
    assert_eq!(browser.evaluate(is_open).await, true);
    hekate.stop().await;
}

const TOKEN: &str = "a-token-of-many-characters";

/// Asks with the token or as a stranger.
async fn asked(hekate: &Hekate, path: &str, is_inside: bool) -> Answer {
    let headers = if is_inside {
        format!("Authorization: Bearer {TOKEN}\r\n")
    } else {
        String::new()
    };
    let answer = ask(hekate.address, &format!("GET {path}"), &headers, "").await;
    answer.unwrap_or_else(|| panic!("hekate does not answer\n{}", hekate.log()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_see_nothing_on_any_page_that_is_not_theirs_to_see() {
    let (receiver, targets) = (Receiver::start().await, Targets::start().await);
    let mut home = Home::new(&receiver, &["ops"]);
    home.set("HEKATE_TOKEN", TOKEN);
    let url = targets.url("blue");
    home.write(&format!(
        "page: {{ public: true, language: en }}\ngroups: {{ master: {{ active: {{ file: active.txt }} }} }}\n\
         targets: [{{ name: blue, group: master, health: \"{url}\" }}]\n"
    ));
    home.rewrite(|text| {
        text.replace(
            "server: { listen: \"127.0.0.1:0\" }",
            "server: { listen: \"127.0.0.1:0\", token: \"${HEKATE_TOKEN}\" }",
        )
    });
    // Nobody is active who is there, so the roles of the group are in trouble.
    fs::write(home.path().join("active.txt"), "nobody\n").expect("the folder takes files");
    targets.set("blue", Mood::Down);
    let hekate = home.start().await;
    let roles = until("both are in trouble", async || {
        let status = asked(&hekate, "/api/v1/status", true).await.json();
        let all = status["targets"].as_array()?.clone();
        let roles = all.iter().find(|target| target["id"] != "master/blue")?;
        let is_told = all.iter().all(|target| target["verdict"] != "operational");
        let is_down = all.iter().any(|target| target["verdict"] == "down");
        (is_told && is_down).then(|| roles["id"].as_str().map(str::to_owned))?
    })
    .await;
    let host = url.split('/').nth(2).expect("a host").to_owned();
    for (path, is_theirs) in [
        ("/".to_owned(), true),
        ("/?format=html".to_owned(), true),
        ("/?format=html&copy".to_owned(), true),
        ("/targets/master/blue".to_owned(), true),
        ("/badge/all.svg".to_owned(), true),
        ("/embed/all".to_owned(), true),
        ("/feed.rss".to_owned(), true),
        ("/feed.atom".to_owned(), true),
        ("/feed.json".to_owned(), true),
        (format!("/targets/{roles}"), false),
        (format!("/badge/{roles}.svg"), false),
        (format!("/embed/{roles}"), false),
    ] {
        let inside = asked(&hekate, &path, true).await;
        assert_eq!(inside.status, 200, "{path}: {}", inside.body);
        let outside = asked(&hekate, &path, false).await;
        let status = if is_theirs { 200 } else { 404 };
        assert_eq!(outside.status, status, "{path}: {}", outside.body);
        for secret in [&roles, &host, "the body says", "active.txt", TOKEN] {
            assert!(
                !outside.body.contains(secret),
                "{path}, {secret}: {}",
                outside.body
            );
        }
    }
    // What insiders see is there, so that the words above are the right ones.
    let inside = asked(&hekate, "/", true).await;
    assert!(inside.body.contains("the body says"), "{}", inside.body);
    hekate.stop().await;
}
