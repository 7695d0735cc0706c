//! The manifests of the app, whole: a person pastes them.

use expect_test::{ExpectFile, expect_file};
use hekate::slack::manifest::{Bot, Transport, Wanted};

fn is(webhooks: &[&str], transport: Transport, file: &ExpectFile) {
    is_with(webhooks, Bot::default(), transport, file);
}

fn is_with(webhooks: &[&str], bot: Bot, transport: Transport, file: &ExpectFile) {
    let wanted = Wanted {
        command: String::from("/roih"),
        webhooks: webhooks.iter().map(|name| (*name).to_owned()).collect(),
        bot,
        transport,
    };
    let manifest = wanted.manifest();
    let text = format!("{manifest:#}\n");
    file.assert_eq(&text);
    // Slack's limits, in characters. Source: the reference of the app manifest.
    let length = |path: &str| {
        let text = manifest.pointer(path).and_then(|value| value.as_str());
        text.map_or(0, |text| text.chars().count())
    };
    for (path, max) in [
        ("/display_information/name", 35),
        ("/display_information/description", 140),
        ("/features/bot_user/display_name", 80),
        ("/features/slash_commands/0/command", 32),
        ("/features/slash_commands/0/description", 2_000),
        ("/features/slash_commands/0/usage_hint", 1_000),
    ] {
        assert!(length(path) <= max, "{path}");
    }
    // No right is asked for that nothing needs, and each has its reason.
    for scope in wanted.scopes() {
        assert!(text.contains(scope.name) && !scope.why.is_empty());
    }
    let scopes = manifest["oauth_config"]["scopes"]["bot"].as_array();
    assert_eq!(scopes.map(Vec::len), Some(wanted.scopes().len()));
}

#[test]
fn the_app_asks_for_what_the_file_uses_and_no_more() {
    is(
        &["alerts"],
        Transport::None,
        &expect_file!["manifest_webhook.json"],
    );
    is(
        &["alerts", "ops"],
        Transport::SocketMode,
        &expect_file!["manifest_socket_mode.json"],
    );
    is(
        &["alerts"],
        Transport::Http(String::from("https://status.example.test/slack/command")),
        &expect_file!["manifest_http.json"],
    );
    is(
        &[],
        Transport::SocketMode,
        &expect_file!["manifest_command_only.json"],
    );
    let told = |channels: &[&str], by_name: &[&str]| Bot {
        channels: channels.iter().map(|name| (*name).to_owned()).collect(),
        by_name: by_name.iter().map(|name| (*name).to_owned()).collect(),
        has_token: true,
        user_groups: Vec::new(),
        on_call: Vec::new(),
        overheard: Vec::new(),
    };
    is_with(
        &[],
        told(&["alerts"], &[]),
        Transport::None,
        &expect_file!["manifest_bot_by_id.json"],
    );
    is_with(
        &["alerts"],
        told(&["alerts", "ops"], &["ops"]),
        Transport::SocketMode,
        &expect_file!["manifest_bot.json"],
    );
    let asking = Bot {
        user_groups: vec![String::from("S0CORE01"), String::from("S0DATA01")],
        on_call: vec![String::from("S0CORE01")],
        ..told(&["alerts"], &[])
    };
    is_with(
        &[],
        asking,
        Transport::SocketMode,
        &expect_file!["manifest_user_groups.json"],
    );
    let overhearing = Bot {
        overheard: vec![String::from("C0CORE001")],
        ..told(&["alerts"], &[])
    };
    is_with(
        &[],
        overhearing,
        Transport::SocketMode,
        &expect_file!["manifest_replies.json"],
    );
    // It tells nothing, and is spoken to all the same.
    is_with(
        &["alerts"],
        told(&[], &[]),
        Transport::Http(String::from("https://status.example.test/slack/command")),
        &expect_file!["manifest_spoken_http.json"],
    );
}
