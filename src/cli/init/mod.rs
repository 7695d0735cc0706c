//! `hekate init`: a small file to begin with, from four answers or from what is around. It asks nobody on the network and
//! writes over nothing.

mod around;

use std::{
    fs::OpenOptions,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::Path,
};

use self::around::Around;
use super::{
    Exit,
    arguments::{Global, Init},
    terminal::Terminal,
};
use crate::{
    config::{self, Environment, Level},
    model::text::clean,
};

/// What is watched and who is told.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Answers {
    /// Names and addresses.
    targets: Vec<(String, String)>,
    /// The variable that holds the webhook.
    variable: String,
    timezone: String,
    /// Where hekate listens.
    listen: String,
}

/// `hekate init`
pub(super) fn init(global: &Global, asked: &Init, terminal: Terminal) -> Exit {
    let path = global
        .config
        .clone()
        .unwrap_or_else(|| "targets.yaml".into());
    if path.exists() {
        terminal.complain(&format!(
            "{} is there already and is left as it is; check it with `hekate validate`, or say `--config FILE` for another one",
            path.display()
        ));
        return Exit::NotSo;
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let around = Around::look(folder.unwrap_or(Path::new(".")));
    for (program, file) in &around.others {
        terminal.remark(&format!(
            "{file} is a file of another monitor: `hekate import {program} {file} --to {}` takes it over",
            path.display()
        ));
    }
    let is_talk = !asked.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    let answers = if is_talk {
        let Some(answers) = talk(&around, terminal) else {
            terminal.complain("\nnothing was written");
            return Exit::Interrupted;
        };
        answers
    } else {
        around.answers()
    };
    let text = written(&answers, &around);
    if let Some(why) = refusal(&text) {
        // What people typed was tried when they typed it.
        terminal.complain(&format!("nothing was written: {why}"));
        return Exit::NotSo;
    }
    if let Err(error) = write(&path, &text) {
        terminal.complain(&format!("cannot write {}: {error}", path.display()));
        return Exit::NotSo;
    }
    let option = match &global.config {
        Some(path) => format!(" --config {}", path.display()),
        None => String::new(),
    };
    let webhook = if std::env::var_os(&answers.variable).is_some_and(|value| !value.is_empty()) {
        format!("{} is set, so Slack is told", answers.variable)
    } else {
        format!("{} is not set, so nobody is told yet", answers.variable)
    };
    terminal.say(&format!(
        "{} is written; {webhook}. Next:\n\n  hekate check{option}                  look once now\n  hekate run --slack preview{option}    watch, and see at http://127.0.0.1:7878/ what Slack would show\n",
        path.display()
    ));
    Exit::Done
}

/// Four questions; nothing if somebody has enough of them.
fn talk(around: &Around, terminal: Terminal) -> Option<Answers> {
    let usual = around.answers();
    terminal
        .complain("Four questions; Enter takes what stands in brackets, Ctrl-C writes nothing.\n");
    let shown: Vec<&str> = usual.targets.iter().map(|(_, url)| url.as_str()).collect();
    let mut answers = usual.clone();
    answers.targets = ask(
        "What shall be looked at? Addresses of health endpoints, with spaces between them",
        &shown.join(" "),
        terminal,
        |text| {
            let targets = named(text);
            let tried = Answers {
                targets: targets.clone(),
                ..usual.clone()
            };
            match refusal(&written(&tried, around)) {
                None if targets.is_empty() => Err(String::from("there is no address in it")),
                None => Ok(targets),
                Some(why) => Err(why),
            }
        },
    )?;
    answers.variable = ask(
        "Which environment variable will hold the address of Slack's incoming webhook?",
        &usual.variable,
        terminal,
        |text| {
            let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if is_name {
                Ok(text.to_owned())
            } else {
                Err(String::from(
                    "a variable has letters, digits and `_`; the address itself does not belong in the file",
                ))
            }
        },
    )?;
    let tried = |answers: Answers| match refusal(&written(&answers, around)) {
        None => Ok(answers),
        Some(why) => Err(why),
    };
    answers = ask(
        "Which time zone do you live in?",
        &usual.timezone,
        terminal,
        |text| {
            tried(Answers {
                timezone: text.to_owned(),
                ..answers.clone()
            })
        },
    )?;
    ask(
        "Where shall the status page and the API be?",
        &usual.listen,
        terminal,
        |text| {
            tried(Answers {
                listen: text.to_owned(),
                ..answers.clone()
            })
        },
    )
}

/// Asks until an answer is fine; nothing at the end of input, or after ten bad ones.
fn ask<T>(
    question: &str,
    usual: &str,
    terminal: Terminal,
    understood: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    for _ in 0..10 {
        terminal.prompt(&format!("{question}\n  [{usual}] "));
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).ok()?;
        if read == 0 {
            return None;
        }
        let text = match line.trim() {
            "" => usual,
            text => text,
        };
        match understood(text) {
            Ok(value) => return Some(value),
            Err(why) => terminal.complain(&format!("  {}", clean(&why, 300))),
        }
    }
    None
}

/// Addresses and a name for each, from its host.
fn named(text: &str) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let words = text.split([' ', ',', '\t']).filter(|word| !word.is_empty());
    for word in words {
        let url = if word.contains("://") {
            word.to_owned()
        } else {
            format!("https://{word}")
        };
        let host = url.split("://").nth(1).unwrap_or_default();
        let host = host.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let name = match host.split_once(':') {
            Some(("localhost" | "127.0.0.1", port)) => {
                format!("port-{port}")
            }
            Some((name, _)) => name.to_owned(),
            None => host.to_owned(),
        };
        let is_taken = |name: &str| out.iter().any(|(known, _)| known == name);
        let mut own = name.clone();
        let mut count = 1;
        while is_taken(&own) {
            count += 1;
            own = format!("{name} {count}");
        }
        let name = own;
        out.push((name, url));
    }
    out
}

/// The file.
fn written(answers: &Answers, around: &Around) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut out = format!(
        "# What hekate watches, and whom it tells. Written by `hekate init`; it is yours now.\n\
         # All keys with examples: `targets.yaml` beside hekate's sources; what a mistake means: `hekate validate`.\n\n\
         server:\n  listen: {}      # the status page, the API, /metrics\n  timezone: {}\n\n\
         channels:\n  \
         # The address of an incoming webhook of Slack (https://api.slack.com/messaging/webhooks) comes from the environment.\n  \
         # While the variable is not set, messages go to a port of this machine at which nobody listens.\n  \
         alerts: \"${{{}:-http://127.0.0.1:9/nobody-listens}}\"\n\n\
         targets:\n",
        quoted(&answers.listen),
        quoted(&answers.timezone),
        answers.variable,
    );
    for (name, url) in &answers.targets {
        let is_own = around.is_own(url);
        if is_own {
            out.push_str("  # hekate itself, so that there is something to see. Put the health endpoint of your service here.\n");
        }
        let key = if is_own { "http" } else { "health" };
        let (name, url) = (quoted(name), quoted(url));
        out.extend([
            "  - { name: ",
            &name,
            ", ",
            key,
            ": ",
            &url,
            " }
",
        ]);
    }
    out.push_str(
        "  # - { name: api, group: shop, health: \"https://api.example.test/health\", runbook_url: \"https://wiki.example.test/api\" }\n  \
         # - { name: database, group: shop, tcp: \"db.internal:5432\" }\n  \
         # - { name: certificate, tls: \"shop.example.test\" }\n  \
         # - { name: export, heartbeat: 1h }        # calls /v1/heartbeat/export itself; needs `server: { token: … }`\n",
    );
    if around.has_docker {
        out.push_str(
            "\n# Containers that say `hekate.enable=true` and `hekate.health=/health`:\n\
             # discovery:\n#   containers:\n#     docker: {}\n\
             #     target: { name: \"{{label.name}}\", health: \"http://{{address}}{{label.health}}\" }\n",
        );
    }
    if around.has_kubernetes {
        out.push_str(
            "\n# What the cluster runs behind services with the annotation `hekate.io/health: /health`: see `discovery:` with `kubernetes:`.\n",
        );
    }
    out
}

/// Why hekate would not take it; nothing if it would.
fn refusal(text: &str) -> Option<String> {
    let outcome = config::load_text("targets.yaml", text, &Environment::default());
    if outcome.plan.is_some() {
        return None;
    }
    let errors = outcome.report.problems.iter();
    let first = errors
        .filter(|problem| problem.level == Level::Error)
        .map(|problem| {
            let help = problem.help.first().map_or("", String::as_str);
            match (problem.label.as_str(), help) {
                ("", "") => problem.sentence.clone(),
                ("", help) => format!("{}; {help}", problem.sentence),
                (label, _) => format!("{}: {label}", problem.sentence),
            }
        })
        .next();
    Some(first.unwrap_or_else(|| String::from("it cannot be understood")))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        // Half of it would be found by the next command.
        let _ = std::fs::remove_file(path);
    }
    written
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_taken_without_a_variable_and_without_a_warning() {
        let around = Around {
            has_docker: true,
            has_kubernetes: true,
            ..Around::default()
        };
        for around in [Around::default(), around] {
            let text = written(&around.answers(), &around);
            let outcome = config::load_text("targets.yaml", &text, &Environment::default());
            let said = outcome.report.render(config::Format::Human, false);
            assert!(outcome.report.problems.is_empty(), "{text}\n{said}");
        }
    }

    #[test]
    fn addresses_get_names_of_their_hosts() {
        let named = named(
            "https://api.example.test/health, shop.example.test:8443/up http://localhost:8081/ https://api.example.test/b",
        );
        expect![[r#"
            [
                (
                    "api.example.test",
                    "https://api.example.test/health",
                ),
                (
                    "shop.example.test",
                    "https://shop.example.test:8443/up",
                ),
                (
                    "port-8081",
                    "http://localhost:8081/",
                ),
                (
                    "api.example.test 2",
                    "https://api.example.test/b",
                ),
            ]
        "#]]
        .assert_debug_eq(&named);
    }

    #[test]
    fn a_bad_answer_is_explained() {
        let around = Around::default();
        let with = |url: &str| {
            let answers = Answers {
                targets: named(url),
                ..around.answers()
            };
            refusal(&written(&answers, &around)).unwrap()
        };
        assert!(with("htps://api.example.test").contains("did you mean `https://`?"));
        assert!(
            with("https://").contains("the host is missing") || with("https://").contains("name")
        );
    }

    proptest! {
        #[test]
        fn no_answer_makes_a_file_that_is_no_yaml(url in "\\PC{0,30}", zone in "\\PC{0,20}") {
            let around = Around::default();
            let answers = Answers {
                targets: named(&url),
                timezone: zone,
                ..around.answers()
            };
            // Either it is taken, or it is said what is wrong with an answer; never that the text is broken.
            if let Some(why) = refusal(&written(&answers, &around)) {
                prop_assert!(!why.contains("YAML"), "{why}");
            }
        }
    }
}
