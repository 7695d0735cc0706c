//! Commands about the file and the store's folder; none of them needs a running hekate.

use std::{path::PathBuf, sync::Arc};

use super::{
    Exit,
    arguments::{Format, Global, Store, Validate},
    terminal::Terminal,
};
use crate::{
    config::{self, Contents, Environment},
    model::Plan,
    store,
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

fn report_format(format: Format) -> config::Format {
    match format {
        Format::Human => config::Format::Human,
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
    load(global, environment, terminal).map(|(plan, _contents)| plan)
}

/// The same, with what was read.
pub(super) fn load(
    global: &Global,
    environment: &Environment,
    terminal: Terminal,
) -> Result<(Arc<Plan>, Contents), Exit> {
    let outcome = config::load(&path(global), environment);
    if let Some(plan) = outcome.plan {
        return Ok((plan, outcome.contents));
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
            if terminal.format == Format::Human {
                let counted = [
                    count(plan.targets.len(), "target"),
                    count(plan.channels.len(), "channel"),
                    count(plan.routes.len(), "route"),
                ];
                terminal.say(&format!(
                    "{}: {}; nothing wrong
",
                    path.display(),
                    counted.join(", ")
                ));
            }
            Exit::Done
        }
    }
}

/// A number of things, in words.
fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// The error code among the words, if they are one.
pub(super) fn code(words: &[String]) -> Option<String> {
    let [word] = words else { return None };
    let digits = word.strip_prefix(['H', 'h'])?;
    (digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| format!("H{digits}"))
}

/// `hekate explain H0102`
pub(super) fn explain(code: &str, terminal: Terminal) -> Exit {
    let Some(explanation) = config::explanation(code) else {
        terminal.complain(&format!(
            "there is no code {code}; `hekate validate` names the codes of what it finds"
        ));
        return Exit::NotSo;
    };
    let config::Explanation {
        code,
        title,
        cause,
        example,
        fix,
    } = explanation;
    terminal.say(&format!(
        "{code}: {title}\n\n{cause}\n\nlike this:\n\n{}\n\ninstead:\n\n{}\n",
        indented(example),
        indented(fix),
    ));
    Exit::Done
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
pub(super) fn schema(terminal: Terminal) -> Exit {
    terminal.say_json(&config::schema());
    Exit::Done
}

/// `hekate store …`
pub(super) fn store(global: &Global, command: &Store, terminal: Terminal) -> Exit {
    let plan = match plan(global, &Environment::of_process().for_preview(), terminal) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    match command {
        Store::Verify => verify(&plan.store.path, terminal),
    }
}

fn verify(folder: &std::path::Path, terminal: Terminal) -> Exit {
    match store::verify_journal(folder) {
        Ok(examined) => {
            for fault in &examined.faults {
                terminal.say(&format!("{fault}\n"));
            }
            let (lines, faults) = (examined.lines, examined.faults.len());
            terminal.say(&format!(
                "{lines} lines are whole and follow each other; {faults} faults\n"
            ));
            if examined.faults.is_empty() {
                Exit::Done
            } else {
                Exit::NotSo
            }
        }
        Err(error) => {
            terminal.complain(&error.to_string());
            Exit::Store
        }
    }
}
