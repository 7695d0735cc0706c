//! Commands about the file and the store's folder; none of them needs a running hekate.

use std::{path::PathBuf, sync::Arc};

use super::{
    Exit,
    arguments::{Format, Global, Validate},
    terminal::Terminal,
};
use crate::{
    config::{self, Contents, Environment, discovery::Discovery},
    model::Plan,
};

/// Where the file is: as told, else `./targets.yaml`, else `/etc/hekate/targets.yaml`.
pub(super) fn path(global: &Global) -> PathBuf {
    global.config.clone().unwrap_or_else(|| {
        let here = PathBuf::from("targets.yaml");
        let there = PathBuf::from("/etc/hekate/targets.yaml");
        if !here.exists() && there.exists() {
            there
        } else {
            here
        }
    })
}

pub(super) fn report_format(format: Format) -> config::Format {
    match format {
        Format::Human | Format::Csv | Format::Markdown => config::Format::Human,
        Format::Short => config::Format::Short,
        Format::Json => config::Format::Json,
        Format::Github => config::Format::Github,
    }
}

/// The plan of the file; what is wrong with it is printed.
pub(super) fn plan(
    global: &Global,
    environment: &Environment,
    terminal: Terminal,
) -> Result<Arc<Plan>, Exit> {
    load(global, environment, terminal).map(|(plan, _contents, _discovery)| plan)
}

/// The same, with what was read.
pub(super) fn load(
    global: &Global,
    environment: &Environment,
    terminal: Terminal,
) -> Result<(Arc<Plan>, Contents, Discovery), Exit> {
    let outcome = config::load(&path(global), environment);
    if let Some(plan) = outcome.plan {
        return Ok((plan, outcome.contents, outcome.discovery));
    }
    terminal.complain(
        &outcome
            .report
            .render(report_format(terminal.format), terminal.has_color),
    );
    Err(Exit::Config)
}

/// `hekate validate`
pub(super) fn validate(global: &Global, validate: &Validate, terminal: Terminal) -> Exit {
    let path = path(global);
    let outcome = config::load(&path, &Environment::of_process());
    terminal.say(
        &outcome
            .report
            .render(report_format(terminal.format), terminal.has_color),
    );
    match outcome.plan {
        None => Exit::Config,
        Some(_) if validate.deny_warnings && outcome.report.warnings() > 0 => {
            terminal.complain("warnings are errors here (--deny-warnings)");
            Exit::NotSo
        }
        Some(plan) => {
            if terminal.format == Format::Human && !terminal.is_quiet() {
                let counted = [
                    count(plan.targets.len(), "target"),
                    count(plan.channels.len(), "channel"),
                    count(plan.routes.len(), "route"),
                ];
                let found = match outcome.report.warnings() {
                    0 => String::from("nothing wrong"),
                    warnings => count(warnings, "warning"),
                };
                terminal.say(&format!(
                    "{}: {}; {found}\n",
                    path.display(),
                    counted.join(", ")
                ));
            }
            Exit::Done
        }
    }
}

/// A number of things, in words.
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// The error codes that the words are, if each of them is one.
pub(super) fn codes(words: &[String]) -> Option<Vec<String>> {
    words.iter().map(|word| code(word)).collect()
}

fn code(word: &str) -> Option<String> {
    let digits = word.strip_prefix(['H', 'h'])?;
    let is_one = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_one.then(|| format!("H{digits}"))
}

/// `hekate explain H0102`
pub(super) fn explain(codes: &[String], terminal: Terminal) -> Exit {
    let mut exit = Exit::Done;
    let mut told = Vec::new();
    for code in codes {
        if let Some(explanation) = config::explanation(code) {
            told.push(explanation);
        } else {
            terminal.complain(&format!(
                "there is no code {code}; `hekate validate` names the codes of what it finds"
            ));
            exit = Exit::NotSo;
        }
    }
    if terminal.format == Format::Json {
        let told: Vec<_> = told
            .iter()
            .map(|told| {
                serde_json::json!({
                    "code": told.code.as_str(),
                    "title": told.title,
                    "cause": told.cause,
                    "example": told.example,
                    "fix": told.fix,
                })
            })
            .collect();
        terminal.say_json(&serde_json::json!({ "explanations": told }));
        return exit;
    }
    for (at, told) in told.iter().enumerate() {
        let gap = if at > 0 { "\n" } else { "" };
        terminal.say(&format!(
            "{gap}{}: {}\n\n{}\n\nlike this:\n\n{}\n\ninstead:\n\n{}\n",
            told.code,
            told.title,
            told.cause,
            indented(told.example),
            indented(told.fix),
        ));
    }
    exit
}

fn indented(text: &str) -> String {
    let lines: Vec<_> = text
        .trim_end()
        .lines()
        .map(|line| format!("    {line}"))
        .collect();
    lines.join("\n")
}

/// `hekate schema`
pub(super) fn schema(is_of_tests: bool, terminal: Terminal) -> Exit {
    let schema = if is_of_tests {
        config::schema_of_tests()
    } else {
        config::schema()
    };
    terminal.say_json(&schema);
    Exit::Done
}
