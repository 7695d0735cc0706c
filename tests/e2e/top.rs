//! `hekate top` in a real terminal: what it draws, and that the terminal is given back.

use std::{
    io::{Read as _, Write as _},
    num::NonZero,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crate::{home::Home, receiver::Receiver, targets::Targets, wait::until};

/// A terminal of a hundred columns with the screen in it.
struct Screen {
    child: Child,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Screen {
    /// `script` makes the terminal; every Debian has it. Absent if this machine has not.
    fn of(server: &str) -> Option<Self> {
        let exe = env!("CARGO_BIN_EXE_hekate");
        let line =
            format!("stty cols 100 rows 24; exec '{exe}' --server {server} top --every 200ms");
        let child = Command::new("script")
            .args(["-qefc", &line, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                skipped(&error.to_string());
                return None;
            }
        };
        let mut out = child.stdout.take().expect("it is piped");
        let shown = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&shown);
        thread::spawn(move || {
            let mut some = [0; 4_096];
            while let Ok(count @ 1..) = out.read(&mut some) {
                into.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend(&some[..count]);
            }
        });
        Some(Self { child, shown })
    }

    /// Everything that was ever written.
    fn written(&self) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// What somebody sees now: only what changed is written, so that words may be made of pieces.
    fn seen(&self) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let (rows, columns) = (NonZero::new(24), NonZero::new(100));
        let (rows, columns) = rows.zip(columns).expect("they are numbers");
        let mut terminal = vt100::Parser::new(rows, columns, 0);
        terminal.process(&shown);
        terminal.screen().contents()
    }

    async fn shows(&self, words: &str) {
        until(words, async || self.seen().contains(words).then_some(())).await;
    }

    fn press(&mut self, keys: &str) {
        let keyboard = self.child.stdin.as_mut().expect("it is piped");
        keyboard
            .write_all(keys.as_bytes())
            .expect("it is there to be typed to");
    }

    /// The exit code; what was drawn is taken away and the cursor is back.
    async fn left(&mut self) -> Option<i32> {
        let status = until("it leaves", async || self.child.try_wait().ok().flatten()).await;
        for given_back in ["\u{1b}[?1049l", "\u{1b}[?25h"] {
            until("the terminal is given back", async || {
                self.written().contains(given_back).then_some(())
            })
            .await;
        }
        status.code()
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test has to be heard of")]
fn skipped(why: &str) {
    assert!(
        std::env::var_os("HEKATE_REQUIRE_SERVERS").is_none(),
        "`script` is required: {why}"
    );
    eprintln!("SKIPPED, NOT TESTED: no terminal, `script` cannot be run: {why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_goes_on_without_hekate_and_gives_the_terminal_back() {
    let (receiver, targets) = (Receiver::start().await, Targets::start().await);
    let home = Home::new(&receiver, &["ops"]);
    home.write(&format!(
        "{}routes: [{{ to: ops }}]\n",
        targets.section(&["api", "shop"])
    ));
    let hekate = home.start().await;
    hekate.shows("shop", "operational").await;
    let server = format!("http://{}", hekate.address);
    let Some(mut screen) = Screen::of(&server) else {
        return;
    };
    screen.shows("2 targets").await;
    screen.shows("✔ operational").await;
    screen.press("\r");
    screen.shows("Esc: back").await;
    screen.shows("last look").await;
    screen.press("\u{1b}");
    hekate.kill();
    screen.shows("no answer for").await;
    screen.press("q");
    assert_eq!(screen.left().await, Some(0));

    // There is nobody to draw: said where it can be read afterwards.
    let mut alone = Screen::of(&server).expect("it was there a moment ago");
    let status = until("it leaves", async || alone.child.try_wait().ok().flatten()).await;
    assert_eq!(status.code(), Some(69));
    assert!(
        alone.written().contains("no running hekate answers")
            && !alone.written().contains("\u{1b}[?1049h"),
        "{}",
        alone.written()
    );
}
