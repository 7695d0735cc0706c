//! `hekate slack`: the app in Slack, made and checked.

pub(super) mod bot;
pub(super) mod verify;

use std::collections::BTreeSet;

use super::{
    Exit,
    arguments::{Global, Manifest, Slack},
    file,
    terminal::Terminal,
};
use crate::{
    config::Environment,
    model::{Plan, plan::Destination, plan::SLACK_URL},
    slack::manifest::{Bot, Transport, Wanted, link, request_url},
};

pub(super) fn slack(global: &Global, command: &Slack, terminal: Terminal) -> Exit {
    match command {
        Slack::Manifest(asked) => manifest(global, asked, terminal),
        Slack::Verify => verify::verify(global, terminal),
    }
}

/// Prints the manifest of the app that the file wants.
fn manifest(global: &Global, asked: &Manifest, terminal: Terminal) -> Exit {
    // The secrets come from the app, so they need not be there yet.
    let environment = Environment::of_process().for_preview();
    let plan = match file::plan(global, &environment, terminal) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let transport = match transport(&plan, asked) {
        Ok(transport) => transport,
        Err(why) => {
            terminal.complain(&why);
            return Exit::Usage;
        }
    };
    let wanted = wanted(&plan, transport);
    if !wanted.is_anything() {
        terminal.complain(
            "the file uses nothing of Slack: no channel has a `webhook_url` or a bot, and nothing answers the slash command \
             (`--socket-mode` or `--url https://…`)",
        );
        return Exit::NotSo;
    }
    let manifest = wanted.manifest();
    terminal.say_json(&manifest);
    terminal.remark(&steps(&wanted, &plan, &link(&manifest)));
    Exit::Done
}

pub(super) fn wanted(plan: &Plan, transport: Transport) -> Wanted {
    let mut webhooks = Vec::new();
    let obeyed = plan.actions.iter();
    let obeyed = obeyed.flat_map(|action| action.guard.allow.user_groups.iter().cloned());
    let obeyed: BTreeSet<_> = obeyed.collect();
    let overheard = plan.replies.iter();
    let overheard: BTreeSet<_> = overheard
        .flat_map(|reply| reply.channels.iter().cloned())
        .collect();
    let mut bot = Bot {
        has_token: plan.slack.bot_token.is_some(),
        user_groups: obeyed.into_iter().collect(),
        on_call: plan
            .on_call
            .values()
            .filter_map(|on_call| on_call.user_group.clone())
            .collect(),
        overheard: overheard.into_iter().collect(),
        ..Bot::default()
    };
    for channel in plan.channels.values() {
        let name = || channel.name.to_string();
        match &channel.destination {
            Destination::SlackWebhook { .. } => webhooks.push(name()),
            Destination::SignedWebhook { .. } => {}
            Destination::SlackBot {
                channel: place,
                spare,
                ..
            } => {
                bot.channels.push(name());
                if place.starts_with('#') {
                    bot.by_name.push(name());
                }
                if spare.is_some() {
                    webhooks.push(name());
                }
            }
        }
    }
    Wanted {
        command: plan.slack.command.clone(),
        webhooks,
        bot,
        transport,
    }
}

/// How the file has Slack ask hekate, wherever that listens.
pub(super) fn transport_of(plan: &Plan) -> Transport {
    if plan.slack.app_token.is_some() {
        Transport::SocketMode
    } else if plan.slack.signing_secrets.is_empty() {
        Transport::None
    } else {
        Transport::Http(plan.server.public_url.clone().unwrap_or_default())
    }
}

/// What was asked for, else what the file says.
fn transport(plan: &Plan, asked: &Manifest) -> Result<Transport, String> {
    let http = |base: &str| {
        request_url(base).map(Transport::Http).ok_or_else(|| {
            String::from("Slack calls https addresses only, such as https://status.example.test")
        })
    };
    if asked.socket_mode {
        return Ok(Transport::SocketMode);
    }
    if let Some(url) = &asked.url {
        return http(url);
    }
    if plan.slack.app_token.is_some() {
        return Ok(Transport::SocketMode);
    }
    match &plan.server.public_url {
        Some(url) if !plan.slack.signing_secrets.is_empty() => http(url),
        Some(_) | None => Ok(Transport::None),
    }
}

/// What a person does next, with the reason for everything that the app asks for.
fn steps(wanted: &Wanted, plan: &Plan, link: &str) -> String {
    let mut lines = vec![String::from("\nWhat the app asks for, and why:")];
    for scope in wanted.scopes() {
        lines.push(format!("  {:<17} {}", scope.name, scope.why));
    }
    lines.push(String::from("\nWhat to do:"));
    let mut steps = vec![if plan.slack.base_url == SLACK_URL {
        format!(
            "make the app: paste this at https://api.slack.com/apps, Create New App, From a manifest; or open\n     {link}"
        )
    } else {
        String::from(
            "make the app: paste this where your Slack makes apps, Create New App, From a manifest",
        )
    }];
    steps.push(String::from("install it to the workspace"));
    match &wanted.transport {
        Transport::None => {}
        Transport::Http(url) => steps.push(format!(
            "Basic Information, App Credentials: the signing secret is SLACK_SIGNING_SECRET; Slack will call {url}"
        )),
        Transport::SocketMode => steps.push(String::from(
            "Basic Information, App-Level Tokens: make one with the scope connections:write; it is SLACK_APP_TOKEN",
        )),
    }
    if !wanted.bot.channels.is_empty() || wanted.is_spoken_to() {
        steps.push(String::from(
            "OAuth & Permissions: the Bot User OAuth Token is SLACK_BOT_TOKEN; in private channels say `/invite @hekate`",
        ));
    }
    if !wanted.webhooks.is_empty() {
        steps.push(format!(
            "Incoming Webhooks: add one for each of {}",
            wanted.webhooks.join(", ")
        ));
    }
    steps.push(String::from("hekate slack verify"));
    if wanted.is_spoken_to() {
        steps.push(String::from(
            "`/invite @hekate` where it is to be mentioned; direct messages and the Home tab need no invitation",
        ));
    }
    for (at, step) in steps.iter().enumerate() {
        lines.push(format!("  {}. {step}", at + 1));
    }
    if wanted.transport == Transport::None {
        lines.push(format!(
            "\nNothing will answer {}: `--socket-mode` (no public address needed) or `--url https://…` makes an app that does.",
            wanted.command
        ));
    }
    lines.join("\n") + "\n"
}
