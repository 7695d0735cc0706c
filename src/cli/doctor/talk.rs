//! Whether people are reached, and can ask: the bot, the channels, who is mentioned, who answers the slash command.

use std::time::Duration;

use super::{
    line::{Line, State, Subject},
    running::Running,
};
use crate::{
    cli::{
        file::count,
        slack::{
            bot::Asked,
            verify::{Finding, State as Seen},
        },
    },
    model::{Plan, Timestamp, plan::Destination},
};

/// Slack waits so long for an answer to a command.
///
/// Source: Slack, "Slash commands", responding to commands.
const COMMAND_LIMIT: Duration = Duration::from_secs(3);
/// An answer that takes longer leaves little of it for the way.
const COMMAND_SLOW: Duration = Duration::from_secs(1);

const fn state_of(seen: Seen) -> State {
    match seen {
        Seen::Fine => State::Fine,
        Seen::Odd => State::Warning,
        Seen::Wrong => State::Problem,
    }
}

/// Findings as one line: what is wrong is listed, the rest is counted.
fn gathered(subject: Subject, findings: &[&Finding], fine: String) -> Line {
    let mut line = Line::fine(subject, fine);
    for finding in findings.iter().filter(|one| one.state != Seen::Fine) {
        line = line
            .at_least(state_of(finding.state))
            .with([format!("{}: {}", finding.what, finding.words)]);
    }
    line
}

/// What is said of the tokens.
pub(super) fn token(plan: &Plan, asked: Option<&Asked>, connection: Option<&Finding>) -> Line {
    let socket = match connection {
        Some(_) => " + Socket Mode",
        None => "",
    };
    let mut line = match asked {
        None if has_channels(plan, is_slack) => Line::fine(
            Subject::Token,
            format!("tier: webhooks only{socket} (without a `bot_token` nothing is edited, and there are no threads)"),
        ),
        None => Line::unseen(Subject::Token, "nothing of the file is told to Slack"),
        Some(asked) => match asked.identity.state {
            Seen::Fine => Line::fine(
                Subject::Token,
                format!("{}; tier: bot{socket}", asked.identity.words),
            ),
            Seen::Odd | Seen::Wrong => Line::new(
                Subject::Token,
                State::Problem,
                format!("the bot token is not taken: {}", asked.identity.words),
            )
            .fix("OAuth & Permissions of the app shows the Bot User OAuth Token (xoxb-…); install the app again if it is gone"),
        },
    };
    if let Some(finding) = connection.filter(|finding| finding.state != Seen::Fine) {
        line = line
            .at_least(state_of(finding.state))
            .with([format!("{}: {}", finding.what, finding.words)])
            .fix("Basic Information, App-Level Tokens: it needs `connections:write`");
    }
    line
}

/// What is said of the rights of the bot.
pub(super) fn scopes(asked: Option<&Asked>) -> Line {
    let Some(asked) = asked else {
        return Line::unseen(Subject::Scopes, "there is no bot");
    };
    if asked.identity.state != Seen::Fine {
        return Line::unseen(Subject::Scopes, "nobody says whose the token is");
    }
    let all: Vec<_> = asked.scopes.iter().collect();
    let missing = all.iter().filter(|one| one.state != Seen::Fine).count();
    let words = if missing == 0 {
        String::from("the bot may do all that the file wants")
    } else {
        format!(
            "{} missing of those that the file wants",
            count(missing, "right")
        )
    };
    let line = gathered(Subject::Scopes, &all, words);
    if missing == 0 {
        line
    } else {
        line.fix("`hekate slack manifest` prints the app with all of them; put it in, and install the app again")
    }
}

fn is_slack(destination: &Destination) -> bool {
    match destination {
        Destination::SlackWebhook { .. } | Destination::SlackBot { .. } => true,
        Destination::SignedWebhook { .. } => false,
    }
}

fn has_channels(plan: &Plan, is_wanted: fn(&Destination) -> bool) -> bool {
    let mut channels = plan.channels.values();
    channels.any(|channel| is_wanted(&channel.destination))
}

/// What is said of the channels, each with its tier.
pub(super) fn channels(plan: &Plan, asked: Option<&Asked>, webhooks: &[Finding]) -> Line {
    let of_bot = asked.map_or(&[][..], |asked| &asked.channels);
    let all: Vec<_> = webhooks.iter().chain(of_bot).collect();
    let number_of = |is_wanted: fn(&Destination) -> bool| {
        let channels = plan.channels.values();
        channels
            .filter(|channel| is_wanted(&channel.destination))
            .count()
    };
    let tiers = [
        (
            number_of(|one| matches!(one, Destination::SlackBot { .. })),
            "by the bot",
        ),
        (
            number_of(|one| matches!(one, Destination::SlackWebhook { .. })),
            "by webhook",
        ),
        (
            number_of(|one| matches!(one, Destination::SignedWebhook { .. })),
            "elsewhere, signed",
        ),
    ];
    let tiers: Vec<_> = tiers
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, how)| format!("{number} {how}"))
        .collect();
    let words = format!(
        "{}: {}",
        count(plan.channels.len(), "channel"),
        tiers.join(", ")
    );
    let mut line = gathered(Subject::Channels, &all, words);
    if asked.is_some_and(|asked| asked.identity.state != Seen::Fine) {
        line = line.at_least(State::Warning).with([String::from(
            "those of the bot cannot be looked at without its token",
        )]);
    }
    if line.state > State::Fine {
        line = line.fix(
            "`hekate notify test CHANNEL` posts a marked test message, and says what Slack said",
        );
    }
    line
}

/// What is said of those who are mentioned.
pub(super) fn mentions(plan: &Plan, asked: Option<&Asked>, now: Timestamp) -> Line {
    let groups: Vec<_> = asked
        .map_or(&[][..], |asked| &asked.groups)
        .iter()
        .collect();
    let people: usize = plan.on_call.values().map(|one| one.people().len()).sum();
    let named = plan
        .on_call
        .values()
        .filter(|one| one.user_group.is_some())
        .count();
    if plan.on_call.is_empty() && groups.is_empty() {
        return Line::unseen(Subject::Mentions, "the file mentions nobody");
    }
    let mut words = format!(
        "mentioned: {}, {}",
        match people {
            1 => String::from("1 person"),
            number => format!("{number} people"),
        },
        count(named, "user group")
    );
    if asked.is_none() && named > 0 {
        words.push_str("; without a bot nobody can ask Slack about the groups");
    }
    let mut line = gathered(Subject::Mentions, &groups, words);
    if line.state > State::Fine {
        line = line.fix(
            "the id of a group begins with S: in Slack, People & user groups, ⋮, Copy group ID",
        );
    }
    for on_call in plan.on_call.values() {
        if on_call.user_group.is_none() && on_call.users_at(now).is_empty() {
            line = line
                .at_least(State::Warning)
                .with([format!("nobody is on call for {} now", on_call.name)])
                .fix("close the gap in its `rota`, or name `users` for whenever nobody else is");
        }
    }
    line
}

/// How the slash command was answered when it was asked here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    /// It could not be asked.
    NotAsked,
    /// After so long.
    Answered(Duration),
    /// This was said instead.
    Refused(String),
}

/// What is said of whoever answers the slash command.
pub(super) fn command(
    plan: &Plan,
    running: &Running,
    heard: &Heard,
    public: Option<&Result<(), String>>,
) -> Line {
    let name = &plan.slack.command;
    if plan.slack.app_token.is_some() {
        return over_connections(name, running);
    }
    if plan.slack.signing_secrets.is_empty() {
        return Line::new(
            Subject::Command,
            State::Warning,
            format!("{name} is answered by nobody: neither `app_token` nor `signing_secret` is in the file"),
        )
        .fix("`hekate slack manifest --socket-mode` makes an app that needs no public address");
    }
    if let Err(why) = &running.is_there {
        return not_running(name, running, why);
    }
    let mut line = match heard {
        Heard::NotAsked => Line::unseen(Subject::Command, format!("{name} was not asked")),
        Heard::Answered(took) => {
            let words = format!(
                "{name} answers in {:.0} ms (Slack waits {} s)",
                took.as_secs_f64() * 1_000.0,
                COMMAND_LIMIT.as_secs()
            );
            let line = Line::fine(Subject::Command, words);
            if *took > COMMAND_SLOW {
                line.at_least(State::Warning)
                    .fix("look at the load of the machine: an answer takes a few milliseconds of its own")
            } else {
                line
            }
        }
        Heard::Refused(why) => Line::new(
            Subject::Command,
            State::Problem,
            format!("the hekate at {} does not answer {name}: {why}", running.address),
        )
        .fix("it runs with another `signing_secret`, or with another file: `hekate reload`, or start it again"),
    };
    match public {
        Some(Err(why)) => {
            line = line
                .at_least(State::Warning)
                .with([format!("`public_url` does not lead here from this machine: {why}")])
                .fix("Slack calls it from outside: try `curl` on its /healthz there, or take Socket Mode");
        }
        Some(Ok(())) => line.words.push_str("; `public_url` leads to it"),
        None => {
            line = line.at_least(State::Warning).with([String::from(
                "the file has no `public_url`, so nobody can say whether Slack reaches it",
            )]);
        }
    }
    line
}

fn over_connections(name: &str, running: &Running) -> Line {
    match (&running.is_there, running.series()) {
        (Err(why), _) => not_running(name, running, why),
        (Ok(()), Err(why)) => Line::unseen(
            Subject::Command,
            format!(
                "{name} comes over connections; the hekate at {} does not show its metrics: {why}",
                running.address
            ),
        ),
        (Ok(()), Ok(series)) => match series.get("hekate_slack_connections") {
            Some(open) if open >= 1.0 => Line::fine(
                Subject::Command,
                format!("{name} comes over {open:.0} open connections to Slack"),
            ),
            Some(_) | None => Line::new(
                Subject::Command,
                State::Problem,
                format!("{name} is not heard: no connection to Slack is open"),
            )
            .fix("its log says why, events `slack.…`; line 8 here says whether the app token is taken"),
        },
    }
}

fn not_running(name: &str, running: &Running, why: &str) -> Line {
    Line::unseen(
        Subject::Command,
        format!(
            "{name} was not asked: no hekate answers at {} ({why})",
            running.address
        ),
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::{
        cli::doctor::line::text,
        command::fixture,
        model::{Secret, plan::OnCall},
    };

    fn fine(what: &str, words: &str) -> Finding {
        Finding::new(what, Seen::Fine, words)
    }

    fn asked() -> Asked {
        Asked {
            identity: fine("bot token", "it is hekate in Example (T0)"),
            team_id: Some(String::from("T0")),
            scopes: vec![fine("bot scopes", "it has all that it needs")],
            channels: vec![fine("channel alerts", "the bot is in #alerts")],
            groups: vec![fine("user group S0CORE01", "it has 4 members")],
        }
    }

    fn revoked() -> Asked {
        Asked {
            identity: Finding::new(
                "bot token",
                Seen::Wrong,
                "token_revoked: the token was revoked",
            ),
            team_id: None,
            scopes: Vec::new(),
            channels: Vec::new(),
            groups: Vec::new(),
        }
    }

    #[test]
    #[expect(
        clippy::too_many_lines,
        reason = "one table of what is seen and what is said"
    )]
    fn what_is_said_of_every_bot() {
        let mut plan = fixture::plan();
        let lacking = Asked {
            scopes: vec![Finding::new(
                "bot scopes",
                Seen::Wrong,
                "chat:write is missing: the bot tells `alerts`",
            )],
            channels: vec![Finding::new(
                "channel alerts",
                Seen::Wrong,
                "the bot is not in #alerts: `/invite` it there",
            )],
            groups: vec![Finding::new(
                "user group S0CORE01",
                Seen::Wrong,
                "nobody is in it",
            )],
            ..asked()
        };
        let broken = Finding::new("app token", Seen::Wrong, "invalid_auth: the token is wrong");
        let webhook = Finding::new("channel ops", Seen::Odd, "its webhook is not like Slack's");
        let now = fixture::NOW;
        let mut lines = vec![
            token(&plan, None, None),
            token(&plan, Some(&asked()), Some(&fine("app token", "hello"))),
            token(&plan, Some(&revoked()), Some(&broken)),
            scopes(None),
            scopes(Some(&asked())),
            scopes(Some(&revoked())),
            scopes(Some(&lacking)),
            channels(&plan, Some(&asked()), &[]),
            channels(&plan, Some(&revoked()), &[]),
            channels(&plan, Some(&lacking), &[webhook]),
        ];
        plan.on_call.clear();
        lines.push(mentions(&plan, None, now));
        let core = OnCall {
            name: crate::model::OnCallName::new("core"),
            user_group: Some(String::from("S0CORE01")),
            users: Vec::new(),
            rota: None,
            quiet_hours: None,
        };
        plan.on_call.insert(core.name.clone(), core.clone());
        lines.push(mentions(&plan, None, now));
        lines.push(mentions(&plan, Some(&asked()), now));
        lines.push(mentions(&plan, Some(&lacking), now));
        plan.on_call.insert(
            core.name.clone(),
            OnCall {
                user_group: None,
                ..core
            },
        );
        lines.push(mentions(
            &plan,
            Some(&Asked {
                groups: Vec::new(),
                ..asked()
            }),
            now,
        ));
        expect![[r#"
             8 ✔ Slack token   tier: webhooks only (without a `bot_token` nothing is edited, and there are no threads)
             8 ✔ Slack token   it is hekate in Example (T0); tier: bot + Socket Mode
             8 ✖ Slack token   the bot token is not taken: token_revoked: the token was revoked
                               app token: invalid_auth: the token is wrong
                               fix: OAuth & Permissions of the app shows the Bot User OAuth Token (xoxb-…); install the app again if it is gone
                               fix: Basic Information, App-Level Tokens: it needs `connections:write`
             9 · Slack scopes  there is no bot
             9 ✔ Slack scopes  the bot may do all that the file wants
             9 · Slack scopes  nobody says whose the token is
             9 ✖ Slack scopes  1 right missing of those that the file wants
                               bot scopes: chat:write is missing: the bot tells `alerts`
                               fix: `hekate slack manifest` prints the app with all of them; put it in, and install the app again
            10 ✔ channels      1 channel: 1 by webhook
            10 ! channels      1 channel: 1 by webhook
                               those of the bot cannot be looked at without its token
                               fix: `hekate notify test CHANNEL` posts a marked test message, and says what Slack said
            10 ✖ channels      1 channel: 1 by webhook
                               channel ops: its webhook is not like Slack's
                               channel alerts: the bot is not in #alerts: `/invite` it there
                               fix: `hekate notify test CHANNEL` posts a marked test message, and says what Slack said
            11 · mentions      the file mentions nobody
            11 ✔ mentions      mentioned: 0 people, 1 user group; without a bot nobody can ask Slack about the groups
            11 ✔ mentions      mentioned: 0 people, 1 user group
            11 ✖ mentions      mentioned: 0 people, 1 user group
                               user group S0CORE01: nobody is in it
                               fix: the id of a group begins with S: in Slack, People & user groups, ⋮, Copy group ID
            11 ! mentions      mentioned: 0 people, 0 user groups
                               nobody is on call for core now
                               fix: close the gap in its `rota`, or name `users` for whenever nobody else is
            6 fine, 2 warnings, 4 problems
        "#]].assert_eq(&text(&lines, false));
    }

    #[test]
    fn what_is_said_of_who_answers_the_command() {
        let mut plan = fixture::plan();
        plan.slack.signing_secrets.clear();
        let (gone, there) = (Running::fixed(false, ""), Running::fixed(true, ""));
        let answered = Heard::Answered(Duration::from_millis(38));
        let mut lines = vec![command(&plan, &there, &Heard::NotAsked, None)];
        plan.slack.signing_secrets = vec![Secret::new("8f742231b10e8888abcd99ab3dd285a5")];
        let unbelieved = Heard::Refused(String::from("it does not believe our signature"));
        let astray = Err(String::from("HTTP 404"));
        lines.extend([
            command(&plan, &gone, &Heard::NotAsked, None),
            command(&plan, &there, &answered, Some(&Ok(()))),
            command(&plan, &there, &answered, None),
            command(
                &plan,
                &there,
                &Heard::Answered(Duration::from_millis(1_400)),
                Some(&astray),
            ),
            command(&plan, &there, &unbelieved, Some(&Ok(()))),
        ]);
        plan.slack.app_token = Some(Secret::new("xapp-1"));
        lines.extend([
            command(&plan, &gone, &Heard::NotAsked, None),
            command(&plan, &there, &Heard::NotAsked, None),
            command(
                &plan,
                &Running::fixed(true, "hekate_slack_connections 2\n"),
                &Heard::NotAsked,
                None,
            ),
        ]);
        expect![[r#"
            12 ! command       /roih is answered by nobody: neither `app_token` nor `signing_secret` is in the file
                               fix: `hekate slack manifest --socket-mode` makes an app that needs no public address
            12 · command       /roih was not asked: no hekate answers at http://127.0.0.1:8080/ (Connection refused (os error 111))
            12 ✔ command       /roih answers in 38 ms (Slack waits 3 s); `public_url` leads to it
            12 ! command       /roih answers in 38 ms (Slack waits 3 s)
                               the file has no `public_url`, so nobody can say whether Slack reaches it
            12 ! command       /roih answers in 1400 ms (Slack waits 3 s)
                               `public_url` does not lead here from this machine: HTTP 404
                               fix: look at the load of the machine: an answer takes a few milliseconds of its own
                               fix: Slack calls it from outside: try `curl` on its /healthz there, or take Socket Mode
            12 ✖ command       the hekate at http://127.0.0.1:8080/ does not answer /roih: it does not believe our signature; `public_url` leads to it
                               fix: it runs with another `signing_secret`, or with another file: `hekate reload`, or start it again
            12 · command       /roih was not asked: no hekate answers at http://127.0.0.1:8080/ (Connection refused (os error 111))
            12 ✖ command       /roih is not heard: no connection to Slack is open
                               fix: its log says why, events `slack.…`; line 8 here says whether the app token is taken
            12 ✔ command       /roih comes over 2 open connections to Slack
            2 fine, 3 warnings, 2 problems
        "#]].assert_eq(&text(&lines, false));
    }
}
