//! `hekate slack`: the app is described and checked from the command line.

use std::process::Output;

use serde_json::Value;

use super::stand_in::{Open, StandIn, TOKEN};
use crate::{home::Home, receiver::Receiver};

const TARGETS: &str = "targets: [{ name: api, health: \"http://127.0.0.1:9/\" }]\n";

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_secrets_and_webhooks_are_checked_without_a_message() {
    let (slack, receiver) = (StandIn::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["alerts"]);
    home.set("APP_TOKEN", TOKEN);
    home.set("SIGNING_SECRET", "8f742231b10e8888abcd99ab3dd285a5");
    home.write(&format!(
        "slack: {{ app_token: \"${{APP_TOKEN}}\", signing_secret: \"${{SIGNING_SECRET}}\", base_url: \"{}\" }}\n{TARGETS}",
        slack.base_url()
    ));
    let verified = home.run(&["slack", "verify"]).await;
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    assert!(
        said(&verified).contains("said hello"),
        "{}",
        said(&verified)
    );
    slack.has_lines(0).await;
    assert_eq!(slack.opens().len(), 1);

    for (open, words) in [
        (
            Open::Error("invalid_auth"),
            "invalid_auth: the token is wrong",
        ),
        (Open::Throttled(30), "try again in 30 s"),
        (Open::Broken, "HTTP 500"),
    ] {
        slack.react(&[open]);
        let verified = home.run(&["slack", "verify"]).await;
        assert_eq!(verified.status.code(), Some(1), "{}", said(&verified));
        assert!(said(&verified).contains(words), "{}", said(&verified));
        assert!(!said(&verified).contains(TOKEN), "{}", said(&verified));
    }
    let json = home.run(&["slack", "verify", "--format", "json"]).await;
    let findings: Value = serde_json::from_slice(&json.stdout).expect("it is JSON");
    let states: Vec<_> = findings
        .as_array()
        .into_iter()
        .flatten()
        .map(|finding| finding["state"].as_str().unwrap_or_default())
        .collect();
    // The webhook of a test goes to this machine, and Slack is broken.
    assert_eq!(states, ["odd", "ok", "wrong", "ok"], "{findings}");
    assert!(receiver.told().is_empty());

    home.set("APP_TOKEN", "xoxb-123-456-not-an-app-level-token");
    let verified = home.run(&["slack", "verify"]).await;
    assert_eq!(verified.status.code(), Some(78), "{}", said(&verified));
    assert!(said(&verified).contains("this is a bot token"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_is_printed_before_there_is_any_secret() {
    let receiver = Receiver::start().await;
    let home = Home::new(&receiver, &[]);
    let head = "channels: { alerts: \"${NOT_THERE_YET}\" }\n";
    let with_token = "slack: { app_token: \"${NOT_THERE_EITHER}\", command: /watch }\n";
    let print = async |text: String, arguments: &[&str]| {
        home.write_text(&text);
        let arguments = [&["slack", "manifest"], arguments].concat();
        home.run(&arguments).await
    };
    let manifest = |output: &Output| -> Value {
        assert_eq!(output.status.code(), Some(0), "{}", said(output));
        serde_json::from_slice(&output.stdout).expect("data goes to standard output, talk does not")
    };

    let of_token = print(format!("{head}{with_token}{TARGETS}"), &[]).await;
    let app = manifest(&of_token);
    assert_eq!(app["settings"]["socket_mode_enabled"], true);
    assert_eq!(app["features"]["slash_commands"][0]["command"], "/watch");
    assert!(app["features"]["slash_commands"][0]["url"].is_null());
    for words in [
        "connections:write",
        "people ask with /watch",
        "`alerts`",
        "https://api.slack.com/apps?new_app=1",
    ] {
        assert!(said(&of_token).contains(words), "{}", said(&of_token));
    }

    let app = manifest(&print(format!("{head}{TARGETS}"), &[]).await);
    assert!(app["features"]["slash_commands"].is_null());
    let app = manifest(&print(format!("{head}{TARGETS}"), &["--socket-mode"]).await);
    assert_eq!(app["settings"]["socket_mode_enabled"], true);
    let url = ["--url", "https://status.example.test"];
    let app = manifest(&print(format!("{head}{with_token}{TARGETS}"), &url).await);
    assert_eq!(app["settings"]["socket_mode_enabled"], false);
    assert_eq!(
        app["features"]["slash_commands"][0]["url"],
        "https://status.example.test/slack/command"
    );
    let refused = print(
        format!("{head}{TARGETS}"),
        &["--url", "http://status.example.test"],
    )
    .await;
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
}
