//! How long answers took: over a stop, a kill and a new start, and on the page in a browser.

use serde_json::Value;

use super::{
    home::{Hekate, Home},
    preview::chromium::Browser,
    receiver::Receiver,
    status_page::axe,
    targets::{Mood, Targets},
    wait::until,
    wire::get,
};

/// What the API says of the last 24 hours.
async fn measured(hekate: &Hekate, name: &str) -> Value {
    let path = format!("/api/v1/targets/{name}/latency");
    let answer = get(hekate.address, &path).await;
    let answer = answer.unwrap_or_else(|| panic!("hekate does not answer\n{}", hekate.log()));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["checks"][0].clone()
}

async fn asked_more(targets: &Targets, name: &str, more: u64) {
    let before = targets.asked(name);
    until("it was looked at", async || {
        (targets.asked(name) >= before + more).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_are_counted_once_over_a_stop_a_kill_and_a_start() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    home.write(&targets.section(&["api"]));
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    targets.set("api", Mood::Down);
    hekate.shows("api", "down").await;
    targets.set("api", Mood::Up);
    hekate.shows("api", "operational").await;
    hekate.stop().await;
    let asked = targets.asked("api");

    let hekate = home.start().await;
    let api = measured(&hekate, "api").await;
    let looks = api["looks"].as_u64().expect("a number");
    // One look may have been under way at the end.
    assert!((asked - 1..=asked).contains(&looks), "{asked}: {api}");
    let failed = api["failures"]["explicit"].as_u64().expect("a number");
    assert!((2..looks).contains(&failed), "{api}");
    let (p50, p99) = (api["p50_ms"].as_f64(), api["p99_ms"].as_f64());
    assert!(p50 > Some(0.0) && p50 <= p99, "{api}");

    // What was not written is lost with a kill, and nothing else.
    hekate.shows("api", "operational").await;
    asked_more(&targets, "api", 3).await;
    hekate.kill();
    let hekate = home.start().await;
    assert_eq!(measured(&hekate, "api").await["looks"], looks);
    hekate.shows("api", "operational").await;
    let before = targets.asked("api");
    asked_more(&targets, "api", 3).await;
    hekate.stop().await;
    let hekate = home.start().await;
    let later = measured(&hekate, "api").await["looks"].as_u64();
    assert!(later >= Some(looks + 3), "{later:?}");
    let all = targets.asked("api");
    assert!(
        later <= Some(looks + all - before + 2),
        "{later:?} of {all}"
    );
    hekate.stop().await;
}

/// It is drawn by day and by night, on a telephone, in each language, for everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_long_answers_take_is_drawn_for_everybody() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    home.write(&targets.section(&["api"]));
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    hekate.stop().await;
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    for (language, said) in [
        ("en", "health, 7 days: half within"),
        ("cs", "health, 7 dní: polovina do"),
    ] {
        for scheme in ["light", "dark"] {
            browser.look_through((390, 844), scheme).await;
            let page = format!("http://{}/targets/api?lang={language}", hekate.address);
            browser.open(&page).await;
            let unfold = "document.querySelectorAll('details').forEach((part) => part.open = true)";
            browser.evaluate(unfold).await;
            browser.reads("main", said).await;
            let charts = browser
                .evaluate("document.querySelectorAll('.chart > svg').length")
                .await;
            assert_eq!(charts, 3);
            let width = browser
                .evaluate("document.documentElement.scrollWidth")
                .await;
            assert!(width.as_u64() <= Some(390), "{language} {scheme}: {width}");
            // A single hour is a line that can be seen.
            let length = browser
                .evaluate("document.querySelector('.chart path.p50').getTotalLength()")
                .await;
            assert!(length.as_f64() > Some(0.0), "{length}");
            if let Some(axe) = axe() {
                browser.evaluate(&axe).await;
                let violations = browser
                    .evaluate(
                        "axe.run().then((found) => found.violations.map((one) => \
                         one.id + ': ' + one.nodes.map((node) => node.html).join(' ')))",
                    )
                    .await;
                assert_eq!(violations, serde_json::json!([]), "{language} {scheme}");
            }
        }
    }
    assert!(
        browser.complaints().is_empty(),
        "{:?}",
        browser.complaints()
    );
    hekate.stop().await;
}
