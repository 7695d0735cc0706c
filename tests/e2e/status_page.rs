//! The status page, in a real browser.

use super::{
    home::Home,
    preview::chromium::Browser,
    receiver::Receiver,
    targets::{Mood, Targets},
    wait::until,
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
