//! The page in a browser.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::{Stage, chromium::Browser};
use crate::{targets::Mood, wait::until};

/// Messages of the channel, and its buttons and menus.
const ROW: &str = "#messages li.row";
const BUTTON: &str = "#messages li.row button";

/// From the start of the demo to the end of its first outage. On an idle machine it takes 45 s.
const TOUR_WITHIN: Duration = Duration::from_secs(90);

fn url(stage: &Stage, channel: &str) -> String {
    format!("http://{}/?channel={channel}", stage.page)
}

/// Where pictures go that somebody wants to look at: the folder that `HEKATE_PICTURES` names.
async fn look_at(browser: &mut Browser, name: &str) {
    if let Some(folder) = std::env::var_os("HEKATE_PICTURES") {
        let path = PathBuf::from(folder).join(format!("{name}.png"));
        browser.picture(&path).await;
    }
}

#[tokio::test]
async fn somebody_sees_an_outage_takes_it_on_asks_and_sees_its_end() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let stage = Stage::start().await;
    browser.open(&url(&stage, "alerts")).await;
    stage.targets.set("api", Mood::Down);
    // It comes by itself, without a reload.
    browser.reads(ROW, "DOWN").await;
    browser.click(BUTTON, "I'm on it").await;
    browser
        .reads("#messages li.private", "acknowledged by @you")
        .await;
    // What was chosen in a menu reaches hekate as well.
    browser.click("#messages .menu > summary", "Silence").await;
    browser.click("#messages .menu button", "for 30 min").await;
    browser.reads("#messages li.private", "silenced").await;

    browser.click(".ask input", "").await;
    browser.types("status").await;
    browser.enter().await;
    browser.reads("#messages li.private", "2 targets").await;
    look_at(&mut browser, "wide-light").await;
    // A menu that asks for its options, and a private answer that is replaced.
    browser
        .click("#messages .menu > summary", "Details of")
        .await;
    browser
        .click("#messages .menu[open] .search input", "")
        .await;
    browser.types("web").await;
    browser.enter().await;
    browser.click("#messages .options button", "web").await;
    browser.reads("#messages li.private", "last look").await;
    browser.click(BUTTON, "Refresh").await;
    browser
        .reads("#messages li.private[data-edits=\"1\"]", "last look")
        .await;

    stage.targets.set("api", Mood::Up);
    browser.reads(ROW, "UP AGAIN").await;
    browser.reads("#messages li.flash", "(edited)").await;
    browser.click(".replies a", "repl").await;
    browser.reads("aside", "Thread").await;
    browser.look_through((1280, 860), "dark").await;
    look_at(&mut browser, "wide-dark").await;
    browser.look_through((420, 800), "dark").await;
    look_at(&mut browser, "narrow-thread").await;
    browser.click("aside .close", "").await;
    browser.reads("h1", "#alerts").await;
    look_at(&mut browser, "narrow-dark").await;
    browser.look_through((1280, 860), "light").await;
    browser.click(".switch a", "Lock screen").await;
    browser.reads("li.lock", "DOWN: api").await;
    look_at(&mut browser, "lock").await;
    let overflows = browser
        .evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        .await;
    assert_eq!(overflows, false, "the page is wider than its window");
    assert_eq!(browser.complaints(), [] as [String; 0]);
    stage.hekate.stop().await;
}

#[tokio::test]
async fn somebody_types_a_name_into_a_form_hands_over_and_looks_at_their_home_tab() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let stage = Stage::start().await;
    browser.open(&url(&stage, "alerts")).await;
    stage.targets.set("api", Mood::Down);
    browser.reads(ROW, "DOWN").await;
    // A name has to be typed: the form says what is wrong with another one, and what came of it.
    browser.click(".ask input", "").await;
    browser.types("force restart api").await;
    browser.enter().await;
    browser.reads("#dialog", "Type api to go on").await;
    browser
        .click("#dialog input[name=\"typed.name\"]", "")
        .await;
    browser.types("web").await;
    browser
        .click("#dialog input[name=\"typed.reason\"]", "")
        .await;
    browser.types("it hangs").await;
    browser
        .click("#dialog button.primary", "Force restart now")
        .await;
    browser.reads("#dialog .error", "is not its name").await;
    look_at(&mut browser, "form").await;
    assert!(stage.receiver.told_to("deeds").is_empty());
    let clear = "document.querySelector('#dialog input[name=\"typed.name\"]').value = ''";
    browser.evaluate(clear).await;
    browser
        .click("#dialog input[name=\"typed.name\"]", "")
        .await;
    browser.types("api").await;
    browser
        .click("#dialog button.primary", "Force restart now")
        .await;
    stage
        .receiver
        .hear("deeds", "that it was done", |told| {
            told.text == "api because it hangs"
        })
        .await;
    browser.reads("#dialog", "force restart").await;
    look_at(&mut browser, "form-done").await;
    browser.click("#dialog button", "Close").await;
    until("the form is closed", async || {
        let is_closed = browser
            .evaluate("document.getElementById('dialog').hidden")
            .await;
        (is_closed == true).then_some(())
    })
    .await;

    browser.click(BUTTON, "I'm on it").await;
    browser.reads(ROW, "you is on it").await;
    browser
        .click("#messages .menu > summary", "Hand over")
        .await;
    browser.click("#messages .menu button", "somebody").await;
    browser.reads(ROW, "@somebody is on it").await;

    browser.click(".switch a", "Home tab").await;
    browser.reads("#messages.home", "api").await;
    browser.reads("#messages.home", "Mine").await;
    browser.click("#messages.home button", "Take over").await;
    browser
        .reads("#messages.home", "acknowledged by @you")
        .await;
    look_at(&mut browser, "home").await;
    assert_eq!(browser.complaints(), [] as [String; 0]);
    stage.hekate.stop().await;
}

#[tokio::test]
async fn without_a_script_everything_can_be_read_and_pressed() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let stage = Stage::start().await;
    stage.targets.set("api", Mood::Down);
    stage.says("alerts", "I'm on it").await;
    browser.without_scripts().await;
    browser.open(&url(&stage, "alerts")).await;
    browser.click(BUTTON, "I'm on it").await;
    stage.says("alerts", "acknowledged by").await;
    browser
        .reads("#messages li.private", "acknowledged by @you")
        .await;
    assert_eq!(browser.complaints(), [] as [String; 0]);
    stage.hekate.stop().await;
}

/// A running demo; it ends with this value.
struct Demo {
    child: Child,
    folder: tempfile::TempDir,
}

impl Demo {
    fn start(story: &str) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let out = std::fs::File::create(folder.path().join("out")).expect("there is room");
        let child = Command::new(env!("CARGO_BIN_EXE_hekate"))
            .args(["demo", "--port", "0", "--story", story])
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary can be run");
        Self { child, folder }
    }

    /// Where its page is.
    async fn page(&self) -> String {
        let out = self.folder.path().join("out");
        until("the demo says where its page is", async || {
            let words = std::fs::read_to_string(&out).ok()?;
            let line = words.lines().find(|line| line.contains("Slack preview"))?;
            let url = line
                .split_whitespace()
                .find(|word| word.starts_with("http://"))?;
            Some(url.to_owned())
        })
        .await
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // In order, so that it takes its folder along.
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let told = pid.map(|pid| kill_process(pid, Signal::TERM));
        if !matches!(told, Some(Ok(()))) {
            // It may have ended by itself.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Tells the demo's tour up to the end of its first outage, with somebody who presses and asks.
async fn tour(browser: &mut Browser) -> Demo {
    let demo = Demo::start("tour");
    let page = demo.page().await;
    browser
        .open(&format!("{page}?tier=bot&channel=core_alerts"))
        .await;
    browser.reads(ROW, "DOWN").await;
    browser.click(BUTTON, "I'm on it").await;
    browser
        .reads("#messages li.private", "acknowledged by @you")
        .await;
    browser.reads(ROW, "UP AGAIN").await;
    demo
}

#[tokio::test]
async fn within_a_minute_a_visitor_of_the_demo_sees_an_outage_presses_a_button_and_sees_the_end() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let began = Instant::now();
    let demo = tour(&mut browser).await;
    let took = began.elapsed();
    assert!(took < TOUR_WITHIN, "{took:?}");
    // The same story, as webhooks tell it: two messages in place of one.
    browser.click(".switch a", "Webhooks only").await;
    browser.reads(ROW, "UP AGAIN").await;
    browser.reads(ROW, "DOWN").await;
    assert_eq!(browser.complaints(), [] as [String; 0]);
    drop(demo);
}

/// Makes the picture of the README: `cargo test --test e2e the_picture_of_the_readme -- --ignored`.
#[tokio::test]
#[ignore = "writes a picture of the README"]
async fn the_picture_of_the_readme() {
    let mut browser = Browser::start().await.expect("chromium is there");
    browser.look_through((1160, 960), "light").await;
    let demo = tour(&mut browser).await;
    browser.click(".ask input", "").await;
    browser.types("status").await;
    browser.enter().await;
    browser.reads("#messages li.private", "7 targets").await;
    browser.click(".replies a", "repl").await;
    browser.reads("aside", "Thread").await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images/preview.png");
    browser.picture(&path).await;
    drop(demo);
}
