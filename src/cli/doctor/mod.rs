//! `hekate doctor`: fourteen questions about everything around hekate, and what to do where an answer is not good.
//!
//! Each module sees first and says then: what was seen is data, and what is said of it is decided without asking anybody.

mod fleet;
mod line;
mod reach;
mod running;
mod store;
mod talk;

use std::{path::Path, sync::Arc, time::Duration};

use reqwest::StatusCode;

use self::{
    line::{Line, State, Subject},
    reach::Seen,
    running::Running,
    talk::Heard,
};
use super::{
    Exit,
    arguments::{Format, Global},
    ask::Server,
    check::Survey,
    file,
    slack::{
        self,
        bot::Asked,
        verify::{self, Finding},
    },
    terminal::Terminal,
};
use crate::{
    app::limits::Room,
    clock::Clock,
    config::{self, Environment, Outcome},
    model::Plan,
    slack::{manifest::Transport, signature},
};

/// Where systemd-timesyncd leaves a mark when the clock was set.
///
/// Source: systemd-timesyncd.service(8), "FILES".
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// `hekate doctor`
pub(super) fn doctor(global: &Global, terminal: Terminal) -> Exit {
    let file = match File::of(global, terminal) {
        Ok(file) => file,
        Err(line) => return told(&without_file(line), terminal),
    };
    let server = match Server::of(global, terminal) {
        Ok(server) => server,
        Err(exit) => return exit,
    };
    let Ok(runtime) = terminal.runtime() else {
        return Exit::NotSo;
    };
    terminal.remark("asking everybody once; nothing is posted to Slack \u{2026}");
    let asking = async {
        tokio::select! {
            lines = all(file, &server) => Some(lines),
            _ = tokio::signal::ctrl_c() => None,
        }
    };
    let asked = runtime.block_on(asking);
    // A disk that hangs keeps nobody here who does not want to wait for it.
    runtime.shutdown_background();
    match asked {
        Some(lines) => told(&lines, terminal),
        None => Exit::Interrupted,
    }
}

fn told(lines: &[Line], terminal: Terminal) -> Exit {
    match terminal.format {
        Format::Json => terminal.say_json(&line::json(lines)),
        Format::Short => terminal.say(&line::short(lines)),
        Format::Human | Format::Github | Format::Csv | Format::Markdown => {
            terminal.say(&line::text(lines, terminal.has_color));
        }
    }
    if lines.iter().any(|line| line.state == State::Problem) {
        Exit::NotSo
    } else {
        Exit::Done
    }
}

/// The file, as far as it can be used.
struct File {
    plan: Arc<Plan>,
    line: Line,
    /// Whether the secrets that it names are in our environment.
    has_secrets: bool,
}

impl File {
    /// Reads it; if it cannot be used, what is wrong with it is printed, and said.
    fn of(global: &Global, terminal: Terminal) -> Result<Self, Line> {
        let path = file::path(global);
        let outcome = config::load(&path, &Environment::of_process());
        let later = config::load(&path, &Environment::of_process().for_preview());
        if outcome.plan.is_none() && later.plan.is_none() {
            let report = &outcome.report;
            terminal
                .complain(&report.render(file::report_format(terminal.format), terminal.has_color));
        }
        Self::judge(&path, outcome, later)
    }

    /// What is said of it, as it was read with our environment and with nothing for what is not in there.
    fn judge(path: &Path, outcome: Outcome, later: Outcome) -> Result<Self, Line> {
        let report = &outcome.report;
        let path = path.display();
        if let Some(plan) = outcome.plan {
            let warnings = report.warnings();
            let counted = [
                file::count(plan.targets.len(), "target"),
                file::count(plan.channels.len(), "channel"),
                file::count(plan.routes.len(), "route"),
                file::count(warnings, "warning"),
            ];
            let words = format!("{path}: {}", counted.join(", "));
            let mut line = Line::fine(Subject::Config, words);
            if warnings > 0 {
                line = line
                    .at_least(State::Warning)
                    .fix("`hekate validate` explains each");
            }
            return Ok(Self {
                plan,
                line,
                has_secrets: true,
            });
        }
        let errors = file::count(report.errors(), "error");
        if let Some(plan) = later.plan {
            let words = format!("{path}: {errors}; secrets are not in this environment");
            let line = Line::new(Subject::Config, State::Problem, words)
                .with([report.first_line()])
                .fix("ask with the environment of the service, and as its user; until then Slack is not asked");
            return Ok(Self {
                plan,
                line,
                has_secrets: false,
            });
        }
        let words = format!("{path}: {errors}");
        Err(Line::new(Subject::Config, State::Problem, words)
            .with([report.first_line()])
            .fix("`hekate validate` explains each; nothing else is asked before it is right"))
    }
}

/// What is said if the file cannot be used.
fn without_file(line: Line) -> Vec<Line> {
    let rest = Subject::ALL.into_iter().skip(1);
    let unseen = rest.map(|subject| Line::unseen(subject, "not asked"));
    std::iter::once(line).chain(unseen).collect()
}

/// Asks everything.
async fn all(file: File, server: &Server) -> Vec<Line> {
    let clock = Clock::start();
    let plan = &file.plan;
    let running = Running::of(server).await;
    let address = reach::address(plan).filter(|_| file.has_secrets);
    let way = async {
        match &address {
            Some(address) => Some(Seen::of(address, &clock).await),
            None => None,
        }
    };
    let of_slack = async {
        if file.has_secrets {
            Some(OfSlack::of(plan, &running, server, &clock).await)
        } else {
            None
        }
    };
    let folder = store::line(plan.store.path.clone(), running.is_there.is_ok(), &clock);
    let (survey, way, of_slack, folder) =
        tokio::join!(Survey::of(plan, &clock), way, of_slack, folder);
    let is_synchronised = Path::new(SYNCHRONISED).exists();
    let mut lines = vec![folder];
    lines.extend(reach::judge(way.as_ref(), is_synchronised));
    lines.push(fleet::targets(&fleet::looks(&survey)));
    lines.push(fleet::sources(&fleet::stores(&survey)));
    match of_slack {
        Some(of_slack) => {
            lines.extend(of_slack.judge(plan, &running, &clock));
            lines.push(fleet::dead_man(plan));
        }
        None => lines.extend(
            [
                Subject::Token,
                Subject::Scopes,
                Subject::Channels,
                Subject::Mentions,
                Subject::Command,
                Subject::DeadMan,
            ]
            .map(|subject| Line::unseen(subject, "its secrets are not in this environment")),
        ),
    }
    lines.push(fleet::capacity(plan, Room::here(plan), &running));
    lines.push(file.line);
    lines.sort_by_key(|line| line.subject);
    lines
}

/// What Slack, and who answers it, say.
struct OfSlack {
    asked: Option<Asked>,
    connection: Option<Finding>,
    webhooks: Vec<Finding>,
    heard: Heard,
    public: Option<Result<(), String>>,
}

impl OfSlack {
    async fn of(plan: &Plan, running: &Running, server: &Server, clock: &Clock) -> Self {
        let wanted = slack::wanted(plan, slack::transport_of(plan));
        let asked = match &plan.slack.bot_token {
            Some(token) => Some(slack::bot::ask(plan, token, &wanted.bot_scopes()).await),
            None => None,
        };
        let connection = match &plan.slack.app_token {
            // One connection more may be handed what belongs to those of a hekate that runs.
            Some(token) if running.is_there.is_err() => Some(verify::connection(plan, token).await),
            Some(_) | None => None,
        };
        let is_asked = running.is_there.is_ok() && plan.slack.app_token.is_none();
        let of_bot = asked.as_ref().and_then(|asked| asked.team_id.as_deref());
        let team_id = plan.slack.team_id.as_deref().or(of_bot);
        let (mut heard, mut public) = (Heard::NotAsked, None);
        if is_asked && !plan.slack.signing_secrets.is_empty() {
            heard = ask_command(plan, server, team_id, clock).await;
            if let Transport::Http(url) = slack::transport_of(plan)
                && !url.is_empty()
            {
                public = Some(reach::healthz(&url).await);
            }
        }
        let mut webhooks: Vec<_> = plan.channels.values().filter_map(verify::webhook).collect();
        webhooks.extend(verify::signing_secrets(plan));
        Self {
            asked,
            connection,
            webhooks,
            heard,
            public,
        }
    }

    fn judge(&self, plan: &Plan, running: &Running, clock: &Clock) -> [Line; 5] {
        let asked = self.asked.as_ref();
        [
            talk::token(plan, asked, self.connection.as_ref()),
            talk::scopes(asked),
            talk::channels(plan, asked, &self.webhooks),
            talk::mentions(plan, asked, clock.now().at),
            talk::command(plan, running, &self.heard, self.public.as_ref()),
        ]
    }
}

/// Asks the hekate that runs for `help`, signed as Slack would sign it.
async fn ask_command(plan: &Plan, server: &Server, team_id: Option<&str>, clock: &Clock) -> Heard {
    let Some(secret) = plan.slack.signing_secrets.first() else {
        return Heard::NotAsked;
    };
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("team_id", team_id.unwrap_or("T0DOCTOR")),
        ("channel_id", "C0DOCTOR"),
        ("user_id", "U0DOCTOR"),
        ("command", plan.slack.command.as_str()),
        ("text", "help"),
    ]);
    let body = form.finish();
    let begun = clock.now();
    let timestamp = begun.at.as_seconds().to_string();
    let signed = signature::sign(secret, &timestamp, body.as_bytes());
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-slack-request-timestamp", timestamp.as_str()),
        ("x-slack-signature", signed.as_str()),
    ];
    let took = |clock: &Clock| -> Duration { clock.now().tick.since(begun.tick) };
    match server
        .post(&["slack", "command"], &headers, body.clone())
        .await
    {
        Ok(answer) if answer.status == StatusCode::OK => Heard::Answered(took(clock)),
        Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => {
            Heard::Refused(String::from("it does not believe our signature"))
        }
        Ok(answer) => Heard::Refused(format!("HTTP {}", answer.status.as_u16())),
        Err(why) => Heard::Refused(why),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const GOOD: &str = "channels: { ops: \"${OPS_WEBHOOK}\" }\ntargets: [{ name: api, health: \"https://api.example.test\" }]\n";

    fn judged(text: &str, is_set: bool) -> Vec<Line> {
        let environment = if is_set {
            Environment::of([(
                "OPS_WEBHOOK",
                "https://hooks.slack.com/services/T0/B0/canary",
            )])
        } else {
            Environment::default()
        };
        let read = |environment: &Environment| config::load_text("targets.yaml", text, environment);
        let (outcome, later) = (read(&environment), read(&environment.clone().for_preview()));
        match File::judge(Path::new("targets.yaml"), outcome, later) {
            Ok(file) => {
                assert_eq!(file.has_secrets, is_set);
                vec![file.line]
            }
            Err(line) => without_file(line),
        }
    }

    #[test]
    fn what_is_said_of_every_file() {
        let mut lines = judged(GOOD, true);
        lines.extend(judged(GOOD, false));
        lines.extend(judged("targets: [{ nam: api }]\n", true));
        let text = line::text(&lines, false);
        assert!(!text.contains("canary"), "{text}");
        expect![[r#"
             1 ✔ config        targets.yaml: 1 target, 1 channel, 1 route, 0 warnings
             1 ✖ config        targets.yaml: 1 error; secrets are not in this environment
                               targets.yaml:1:19: error[H0130]: environment variable OPS_WEBHOOK is not set
                               fix: ask with the environment of the service, and as its user; until then Slack is not asked
             1 ✖ config        targets.yaml: 3 errors
                               targets.yaml:1:1: error[H0208]: there is no channel, so nobody would be told of anything (and 2 more)
                               fix: `hekate validate` explains each; nothing else is asked before it is right
             2 · store         not asked
             3 · clock         not asked
             4 · network       not asked
             5 · TLS           not asked
             6 · targets       not asked
             7 · log sources   not asked
             8 · Slack token   not asked
             9 · Slack scopes  not asked
            10 · channels      not asked
            11 · mentions      not asked
            12 · command       not asked
            13 · dead man      not asked
            14 · capacity      not asked
            1 fine, 0 warnings, 2 problems
        "#]].assert_eq(&text);
        expect![[r#"
            fine config: targets.yaml: 1 target, 1 channel, 1 route, 0 warnings
        "#]]
        .assert_eq(&line::short(&lines[..1]));
        expect![[r#"
            {
              "checks": [
                {
                  "code": "config",
                  "details": [
                    "targets.yaml:1:19: error[H0130]: environment variable OPS_WEBHOOK is not set"
                  ],
                  "fixes": [
                    "ask with the environment of the service, and as its user; until then Slack is not asked"
                  ],
                  "number": 1,
                  "state": "problem",
                  "words": "targets.yaml: 1 error; secrets are not in this environment"
                }
              ],
              "fine": 0,
              "problems": 1,
              "version": "VERSION",
              "warnings": 0
            }
        "#]].assert_eq(
            &format!("{:#}\n", line::json(&lines[1..2]))
                .replace(env!("CARGO_PKG_VERSION"), "VERSION"),
        );
    }

    #[test]
    fn every_question_has_its_number_and_a_code_of_its_own() {
        let numbers: Vec<_> = Subject::ALL.map(Subject::number).into_iter().collect();
        assert_eq!(numbers, (1..=14).collect::<Vec<_>>());
        let codes: std::collections::BTreeSet<_> =
            Subject::ALL.map(Subject::code).into_iter().collect();
        assert_eq!(codes.len(), 14);
    }
}
