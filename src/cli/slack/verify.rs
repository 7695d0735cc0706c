//! `hekate slack verify`: whatever of Slack can be checked without posting anything.

use std::fmt::Write as _;

use serde_json::json;
use url::Url;

use crate::{
    cli::{
        Exit,
        arguments::{Format, Global},
        file,
        terminal::Terminal,
    },
    config::Environment,
    model::{Channel, Plan, Secret, plan::Destination},
};

/// Characters of Slack's signing secrets.
const SIGNING_SECRET_LENGTH: usize = 32;
/// The fewest characters of the last part of a webhook's address.
const WEBHOOK_KEY_MIN: usize = 20;

/// How something looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::cli) enum State {
    Fine,
    /// It may work, but it is not as Slack makes it.
    Odd,
    Wrong,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Odd => "odd",
            Self::Wrong => "wrong",
        }
    }
}

/// What was found out about one thing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::cli) struct Finding {
    pub(in crate::cli) what: String,
    pub(in crate::cli) state: State,
    pub(in crate::cli) words: String,
}

impl Finding {
    pub(in crate::cli) fn new(
        what: impl Into<String>,
        state: State,
        words: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            state,
            words: words.into(),
        }
    }
}

pub(super) fn verify(global: &Global, terminal: Terminal) -> Exit {
    let plan = match file::plan(global, &Environment::of_process(), terminal) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let mut findings: Vec<_> = plan.channels.values().filter_map(webhook).collect();
    if let Some(token) = &plan.slack.bot_token {
        let wanted = super::wanted(&plan, super::transport_of(&plan));
        let scopes = wanted.bot_scopes();
        let asked = block_on(super::bot::ask(&plan, token, &scopes));
        findings.extend(asked.map_or_else(
            |why| vec![Finding::new("bot token", State::Wrong, why)],
            super::bot::Asked::findings,
        ));
        findings.push(spoken(wanted.is_spoken_to()));
    }
    findings.extend(signing_secrets(&plan));
    if let Some(token) = &plan.slack.app_token {
        let connecting = block_on(connection(&plan, token));
        findings
            .push(connecting.unwrap_or_else(|why| Finding::new("app token", State::Wrong, why)));
    }
    findings.push(command(&plan));
    match terminal.format {
        Format::Json => {
            let all: Vec<_> = findings
                .iter()
                .map(|finding| {
                    json!({ "what": finding.what, "state": finding.state.as_str(), "words": finding.words })
                })
                .collect();
            terminal.say_json(&json!(all));
        }
        Format::Human | Format::Short | Format::Github | Format::Csv | Format::Markdown => {
            terminal.say(&table(&findings));
        }
    }
    if findings.iter().any(|finding| finding.state == State::Wrong) {
        Exit::NotSo
    } else {
        Exit::Done
    }
}

/// Runs a question to its end; the error says why nothing could be asked.
fn block_on<T>(asking: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    Ok(runtime.block_on(asking))
}

fn table(findings: &[Finding]) -> String {
    let width = findings
        .iter()
        .map(|finding| finding.what.chars().count())
        .max()
        .unwrap_or_default();
    let mut out = String::new();
    for Finding { what, state, words } in findings {
        let _infallible = writeln!(out, "{:<5}  {what:<width$}  {words}", state.as_str());
    }
    out
}

/// Whether an incoming webhook has Slack's form; nothing is sent.
pub(in crate::cli) fn webhook(channel: &Channel) -> Option<Finding> {
    let Destination::SlackWebhook { url } = &channel.destination else {
        return None;
    };
    let what = format!("channel {}", channel.name);
    let Ok(url) = Url::parse(url.expose()) else {
        return Some(Finding::new(
            what,
            State::Wrong,
            "its webhook is no address",
        ));
    };
    let host = url.host_str().unwrap_or_default();
    if !matches!(host, "hooks.slack.com" | "hooks.slack-gov.com") {
        let words = format!("its messages go to {host}, which is not Slack");
        return Some(Finding::new(what, State::Odd, words));
    }
    let parts: Vec<_> = url.path().trim_matches('/').split('/').collect();
    let is_usual = matches!(parts.as_slice(), ["services", team, app, key]
        if team.starts_with('T') && app.starts_with('B') && key.len() >= WEBHOOK_KEY_MIN);
    Some(if is_usual {
        let words = format!(
            "its webhook looks right; `hekate notify test {}` posts to it",
            channel.name
        );
        Finding::new(what, State::Fine, words)
    } else {
        let words = "its webhook is not like /services/T…/B…/…; was a part of it lost?";
        Finding::new(what, State::Odd, words)
    })
}

pub(in crate::cli) fn signing_secrets(plan: &Plan) -> impl Iterator<Item = Finding> {
    plan.slack.signing_secrets.iter().map(|secret| {
        let text = secret.expose();
        let is_usual = text.len() == SIGNING_SECRET_LENGTH
            && text.bytes().all(|b| b.is_ascii_hexdigit());
        if is_usual {
            Finding::new("signing secret", State::Fine, "it looks right")
        } else {
            let words = "Slack's have 32 characters, 0 to 9 and a to f; was another value of the app taken?";
            Finding::new("signing secret", State::Odd, words)
        }
    })
}

/// Who answers the slash command.
fn command(plan: &Plan) -> Finding {
    let what = plan.slack.command.as_str();
    let has_secret = !plan.slack.signing_secrets.is_empty();
    if plan.slack.app_token.is_some() {
        Finding::new(
            what,
            State::Fine,
            "comes over connections to Slack (Socket Mode)",
        )
    } else if has_secret {
        let words = format!(
            "comes by signed requests to /slack/command, /slack/interactive and /slack/events; hekate listens on {}",
            plan.server.listen
        );
        Finding::new(what, State::Fine, words)
    } else {
        let words = "is not answered: the file has neither `app_token` nor `signing_secret`";
        Finding::new(what, State::Odd, words)
    }
}

/// Who hears what is said to the bot. Slack does not tell a bot which events its app wants.
fn spoken(is_heard: bool) -> Finding {
    let what = "mentions, messages";
    if is_heard {
        let words = "are answered if the app wants their events: `hekate slack manifest` says which, the Home tab shows that they come";
        Finding::new(what, State::Fine, words)
    } else {
        let words =
            "to the bot are not heard: the file has neither `app_token` nor `signing_secret`";
        Finding::new(what, State::Odd, words)
    }
}

/// Opens a connection, waits until Slack says hello, and closes it.
#[cfg(feature = "socket_mode")]
pub(in crate::cli) async fn connection(plan: &Plan, token: &Secret) -> Finding {
    use crate::{clock::Clock, notify::sender::Sender, slack::api::Base, socket};

    let trying = async {
        let sender = Sender::new().map_err(|error| error.to_string())?;
        let base = Base::parse(&plan.slack.base_url).map_err(|error| error.to_string())?;
        socket::try_once(&sender, &base, token, &Clock::start()).await
    };
    match trying.await {
        Ok(()) => Finding::new(
            "app token",
            State::Fine,
            "Slack opened a connection and said hello; it was closed again",
        ),
        Err(why) => Finding::new("app token", State::Wrong, why),
    }
}

/// A build without connections takes no file that wants them.
#[cfg(not(feature = "socket_mode"))]
pub(in crate::cli) fn connection(_plan: &Plan, _token: &Secret) -> std::future::Ready<Finding> {
    let words = "this hekate was built without `socket_mode`";
    std::future::ready(Finding::new("app token", State::Wrong, words))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::{command::fixture, model::ChannelName};

    fn channel(url: &str) -> Channel {
        Channel {
            name: ChannelName::new("alerts"),
            label: None,
            destination: Destination::SlackWebhook {
                url: Secret::new(url),
            },
            fallback: None,
            max_messages: None,
        }
    }

    #[test]
    fn what_a_person_reads_of_every_form() {
        let mut findings: Vec<_> = [
            "https://hooks.slack.com/services/T0123ABCD/B0123ABCD/abcdefghijklmnopqrstuvwx",
            "https://hooks.slack.com/services/T0123ABCD/B0123ABCD/abc",
            "https://hooks.slack.com/services/B0123ABCD/T0123ABCD/abcdefghijklmnopqrstuvwx",
            "http://127.0.0.1:9/preview",
        ]
        .iter()
        .filter_map(|url| webhook(&channel(url)))
        .collect();
        let mut plan = fixture::plan();
        findings.push(command(&plan));
        plan.slack.signing_secrets = vec![
            Secret::new("8f742231b10e8888abcd99ab3dd285a5"),
            Secret::new("xoxb-1-2-3"),
        ];
        findings.extend(signing_secrets(&plan));
        findings.push(command(&plan));
        plan.slack.app_token = Some(Secret::new("xapp-1"));
        findings.push(command(&plan));
        findings.extend([false, true].map(spoken));
        expect![[r#"
            ok     channel alerts      its webhook looks right; `hekate notify test alerts` posts to it
            odd    channel alerts      its webhook is not like /services/T…/B…/…; was a part of it lost?
            odd    channel alerts      its webhook is not like /services/T…/B…/…; was a part of it lost?
            odd    channel alerts      its messages go to 127.0.0.1, which is not Slack
            odd    /roih               is not answered: the file has neither `app_token` nor `signing_secret`
            ok     signing secret      it looks right
            odd    signing secret      Slack's have 32 characters, 0 to 9 and a to f; was another value of the app taken?
            ok     /roih               comes by signed requests to /slack/command, /slack/interactive and /slack/events; hekate listens on 127.0.0.1:8080
            ok     /roih               comes over connections to Slack (Socket Mode)
            odd    mentions, messages  to the bot are not heard: the file has neither `app_token` nor `signing_secret`
            ok     mentions, messages  are answered if the app wants their events: `hekate slack manifest` says which, the Home tab shows that they come
        "#]].assert_eq(&table(&findings));
    }
}
