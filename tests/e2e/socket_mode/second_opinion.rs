//! Whether the stand-in speaks as Slack does: Slack's own library for Python listens to it.
//!
//! Wants a Python with `slack_sdk`: `python3`, or the one that `HEKATE_PYTHON` names.

use std::{
    env,
    ffi::OsString,
    process::{Command, Stdio},
};

use super::stand_in::{StandIn, TOKEN};
use crate::wait::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slacks_own_library_understands_the_stand_in() {
    let python = env::var_os("HEKATE_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let has_library = Command::new(&python)
        .args(["-c", "import slack_sdk.socket_mode"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has_library {
        assert!(
            env::var_os("HEKATE_REQUIRE_SERVERS").is_none(),
            "a Python with slack_sdk is required; HEKATE_PYTHON can name it"
        );
        skipped("no Python with slack_sdk; HEKATE_PYTHON can name one");
        return;
    }
    let slack = StandIn::start().await;
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/e2e/socket_mode/listen.py"
    );
    let mut listening = Command::new(&python)
        .args([script, &slack.base_url(), TOKEN])
        .stdin(Stdio::null())
        .spawn()
        .expect("the script starts");
    let line = slack.has_lines(1).await[0];
    slack.ask(line, "e1", "status", true);
    let said = slack.acknowledged("e1").await;
    assert_eq!(said["payload"]["text"], "heard /roih status of U1");
    // As hekate does, it opens another connection when it is told that this one will end.
    slack.disconnect(line, "refresh_requested");
    let line = until("it is replaced", async || {
        let open = slack.open_lines();
        open.into_iter().find(|other| *other != line)
    })
    .await;
    slack.ask(line, "e2", "help", true);
    let said = slack.acknowledged("e2").await;
    assert_eq!(said["payload"]["text"], "heard /roih help of U1");
    listening.kill().expect("it is our child");
    listening.wait().expect("it is our child");
}

#[expect(clippy::print_stderr, reason = "a skipped test has to be heard of")]
fn skipped(why: &str) {
    eprintln!("SKIPPED, NOT TESTED: {why}");
}
