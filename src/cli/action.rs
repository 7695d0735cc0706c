//! `hekate action` and `hekate audit`: has something done to a target, and shows who had what done.

use std::path::Path;

use chrono_tz::Tz;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{
    Exit,
    arguments::{Action, Audit, Format, Global},
    ask::{Server, explain_refusal, print, silent, wait},
    file,
    planned::whoever_asks,
    store::verify,
    terminal::Terminal,
};
use crate::{
    config::Environment,
    model::action::Door,
    store::{self, Audited},
};

/// `hekate action …`
pub(super) fn action(global: &Global, command: &Action, terminal: Terminal) -> Exit {
    let (method, path, said) = match command {
        Action::List => (Method::GET, vec!["api", "v1", "actions"], None),
        Action::Run {
            name,
            words,
            dry_run,
            reason,
            confirm,
        } => (
            Method::POST,
            vec!["api", "v1", "actions", name.as_str()],
            Some(json!({
                "target": words.join(" "),
                "reason": reason,
                "confirm": confirm,
                "dry_run": dry_run,
                "by": whoever_asks(),
            })),
        ),
    };
    let shown = Server::of(global, terminal).and_then(|server| {
        wait(terminal, async {
            let mut query = Vec::new();
            if terminal.format != Format::Json {
                query.push(("format", "text"));
            }
            match server.send(method, &path, &query, said.as_ref()).await {
                Err(why) => Err(silent(&server, terminal, &why)),
                Ok(answer) if answer.status.is_success() => Ok(answer.text),
                Ok(answer) => {
                    terminal.complain(&explain_refusal(&answer));
                    if answer.status == StatusCode::CONFLICT {
                        terminal.remark("say it again with `--confirm '<name>'`");
                    }
                    Err(match answer.status {
                        StatusCode::FORBIDDEN
                        | StatusCode::CONFLICT
                        | StatusCode::UNPROCESSABLE_ENTITY => Exit::NotSo,
                        StatusCode::BAD_REQUEST => Exit::Usage,
                        _ => Exit::Unavailable,
                    })
                }
            }
        })
    });
    print(shown, terminal)
}

/// `hekate audit …`
pub(super) fn audit(global: &Global, command: Audit, terminal: Terminal) -> Exit {
    let plan = match file::plan(global, &Environment::of_process().for_preview(), terminal) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let folder = &plan.store.path;
    if !folder.is_dir() {
        terminal.complain(&format!("there is no store in {}", folder.display()));
        return Exit::Store;
    }
    match command {
        Audit::Verify => verify(folder, terminal),
        Audit::List => list(folder, plan.server.timezone, terminal),
    }
}

fn list(folder: &Path, zone: Tz, terminal: Terminal) -> Exit {
    let audited = match store::audit(folder) {
        Ok(audited) => audited,
        Err(error) => {
            terminal.complain(&error.to_string());
            return Exit::Store;
        }
    };
    if terminal.format == Format::Json {
        let lines: Vec<_> = audited.iter().map(json_line).collect();
        terminal.say(&format!("{:#}\n", json!({ "attempts": lines })));
        return Exit::Done;
    }
    if audited.is_empty() {
        terminal.remark("nobody has asked for anything, as far as the journal reaches back");
    }
    for audited in &audited {
        terminal.say(&format!("{}\n", line(audited, zone)));
    }
    Exit::Done
}

/// `22 Nov 16:20:00 CET  a17  @alice  restart master/green  running`
fn line(audited: &Audited, zone: Tz) -> String {
    let attempt = &audited.attempt;
    let at = audited.at.unwrap_or(attempt.asked_at);
    let mut parts = vec![
        at.words(zone),
        attempt.id.to_string(),
        attempt.by.name.clone(),
        format!("{} {}", attempt.action, attempt.target),
        attempt.stage.as_str().to_owned(),
    ];
    let confirmed: Vec<_> = attempt
        .confirmed
        .iter()
        .skip(1)
        .map(|one| &*one.by.name)
        .collect();
    if !confirmed.is_empty() {
        parts.push(format!("with {}", confirmed.join(", ")));
    }
    parts.extend(attempt.reference.clone());
    parts.push(attempt.words.clone());
    parts.extend(attempt.why.as_ref().map(|why| format!("because {why}")));
    parts.retain(|part| !part.is_empty());
    parts.join("  ")
}

fn json_line(audited: &Audited) -> serde_json::Value {
    let attempt = &audited.attempt;
    let confirmed: Vec<_> = attempt.confirmed.iter().map(|one| &one.by.name).collect();
    let channel = match &attempt.door {
        Door::Slack { channel, .. } => Some(channel),
        Door::Program => None,
    };
    json!({
        "line": audited.line,
        "at": audited.at.map(|at| at.to_string()),
        "id": attempt.id.to_string(),
        "action": attempt.action,
        "target": attempt.target.as_str(),
        "by": attempt.by.name,
        "slack_user": attempt.by.slack_user,
        "channel": channel,
        "why": attempt.why,
        "role": attempt.role.map(crate::model::roles::Role::as_str),
        "state": attempt.verdict.as_str(),
        "confirmed": confirmed,
        "stage": attempt.stage.as_str(),
        "words": attempt.words,
        "reference": attempt.reference,
        "asked_at": attempt.asked_at.to_string(),
        "began_at": attempt.began_at.map(|at| at.to_string()),
        "ended_at": attempt.ended_at.map(|at| at.to_string()),
    })
}
