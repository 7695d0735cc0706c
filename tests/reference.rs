//! `docs/reference.md` is made of the code: every key, command, metric and error code. `UPDATE_EXPECT=1` writes it anew.

use std::{fmt::Write as _, path::Path, sync::Arc, time::Duration};

use clap::{Command, CommandFactory as _};
use expect_test::expect_file;
use hekate::{
    cli::Arguments,
    config::{Environment, explanations, load_text, schema},
    model::{
        Board, ChannelName, CheckKind, Delivery, Failure, FailureClass, FailureKind, Kind, Outcome,
        Timestamp,
    },
    telemetry::{Fate, Metrics},
};
use serde_json::Value;

/// A text for a cell of a table.
fn cell(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    line.join(" ").replace('|', "\\|")
}

/// What may stand at a key.
fn form(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or(name);
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(only) = schema["allOf"].get(0) {
        return form(only);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let forms: Vec<String> = choices.iter().map(form).collect();
        return forms.join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .filter(|word| !word.is_null())
            .map(|word| format!("`{}`", word.to_string().trim_matches('"')))
            .collect();
        return words.join(", ");
    }
    if schema["items"].is_object() {
        return format!("list of {}", form(&schema["items"]));
    }
    if schema["additionalProperties"].is_object() {
        return format!("names, each with {}", form(&schema["additionalProperties"]));
    }
    match schema["type"].as_str() {
        // Of several types one is a text, in which a number may stand without quotes.
        Some("string") | None => String::from("text"),
        Some("boolean") => String::from("`true` or `false`"),
        Some("integer" | "number") => String::from("number"),
        Some(other) => other.to_owned(),
    }
}

/// The name of the section that this one is written out of, if it has one.
fn name_of<'a>(root: &'a Value, section: &Value) -> Option<&'a str> {
    let sections = root["definitions"].as_object()?;
    let mut same = sections
        .iter()
        .filter(|(_, of)| of["properties"] == section["properties"]);
    same.next().map(|(name, _)| name.as_str())
}

/// The rows of a table; those of a section without a name of its own follow its key.
fn rows(out: &mut String, root: &Value, section: &Value, before: &str) {
    let Some(keys) = section["properties"].as_object() else {
        return;
    };
    let required = section["required"].as_array();
    for (key, of) in keys {
        let what = cell(of["description"].as_str().unwrap_or_default());
        let is_needed = required.is_some_and(|list| list.iter().any(|one| one == key));
        let must = if is_needed { " Needed." } else { "" };
        let has_own = of["properties"].is_object();
        let form = match name_of(root, of).filter(|_| has_own) {
            Some(name) => format!("[{name}](#{})", name.to_lowercase()),
            None if has_own => String::from("section"),
            None => cell(&form(of)),
        };
        writeln!(out, "| `{before}{key}` | {what}{must} | {form} |").expect("a text takes it");
        if form == "section" {
            rows(out, root, of, &format!("{before}{key}."));
        }
    }
}

fn keys(out: &mut String, root: &Value, section: &Value) {
    if section["properties"].is_object() {
        out.push_str("\n| key | what | form |\n|---|---|---|\n");
        rows(out, root, section, "");
    }
}

fn commands(out: &mut String, command: &Command, path: &str) {
    for sub in command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
    {
        let path = format!("{path} {}", sub.get_name());
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(out, "\n### `{path}`\n\n{}", about.trim()).expect("a text takes it");
        let own = sub
            .get_arguments()
            .filter(|argument| !argument.is_global_set());
        for (at, argument) in own
            .filter(|argument| argument.get_id() != "help")
            .enumerate()
        {
            let name = match (argument.get_long(), argument.get_value_names()) {
                (Some(long), _) => format!("--{long}"),
                (None, Some(names)) => names
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" "),
                (None, None) => argument.get_id().to_string(),
            };
            let help = argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let gap = if at == 0 { "\n" } else { "" };
            writeln!(out, "{gap}* `{name}`: {}", cell(&help)).expect("a text takes it");
        }
        commands(out, sub, &path);
    }
}

/// What `/metrics` says once something of each kind has happened.
fn metrics(out: &mut String) {
    let file = "channels: { alerts: \"http://127.0.0.1:9/\" }\ntargets: [{ name: api, health: \"http://127.0.0.1:9/\" }]\n";
    let plan = load_text("targets.yaml", file, &Environment::default()).plan;
    let now = Timestamp::from_millis(0);
    let board = Board::of(&plan.expect("it is taken"), now, None);
    let metrics = Metrics::new();
    let failed = Outcome::Unhealthy(Failure {
        class: FailureClass::Explicit,
        kind: FailureKind::SaysDown,
        words: String::new(),
    });
    metrics.looked(CheckKind::Health, &failed, Duration::ZERO);
    let channel = ChannelName::new("alerts");
    metrics.delivered(&channel, Kind::Opened, &Delivery::Accepted, Duration::ZERO);
    metrics.slack_envelope("slash_commands", Fate::Answered);
    let text = metrics.render(Arc::new(board), now);
    out.push_str("\n## Metrics\n\n`GET /metrics`, in Prometheus' text format.\n\n| name | kind | what |\n|---|---|---|\n");
    let mut what = "";
    for line in text.lines() {
        if let Some((_, help)) = line
            .strip_prefix("# HELP ")
            .and_then(|rest| rest.split_once(' '))
        {
            what = help;
        } else if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        {
            writeln!(
                out,
                "| `{name}` | {kind} | {} |",
                cell(what.trim_end_matches('.'))
            )
            .expect("a text takes it");
        }
    }
}

#[test]
fn the_reference_is_that_of_the_code() {
    let schema = schema();
    let mut out = String::from(
        "# Reference\n\nMade of the code, which a test compares it with; `UPDATE_EXPECT=1 cargo test --test reference` writes it anew.\n\n\
         ## Keys of the file\n\nEvery key with an example is in [targets.yaml](../targets.yaml).\n",
    );
    keys(&mut out, &schema, &schema);
    for (name, section) in schema["definitions"].as_object().expect("it has sections") {
        let what = cell(section["description"].as_str().unwrap_or_default());
        writeln!(out, "\n### {name}\n\n{what}").expect("a text takes it");
        keys(&mut out, &schema, section);
    }
    out.push_str("\n## Commands\n\n`hekate <command> --help` says more.\n");
    commands(&mut out, &Arguments::command(), "hekate");
    metrics(&mut out);
    out.push_str("\n## Error codes\n\n`hekate explain H0102` shows an example and how it is put right.\n\n| code | what | why |\n|---|---|---|\n");
    for one in explanations() {
        writeln!(
            out,
            "| {} | {} | {} |",
            one.code,
            cell(one.title),
            cell(one.cause)
        )
        .expect("a text takes it");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    expect_file![path].assert_eq(&out);
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs")).expect("a folder");
    for page in pages.map(|page| page.expect("a page").path()) {
        let Ok(text) = std::fs::read_to_string(&page) else {
            continue;
        };
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().expect("a link ends");
            let file = target.split('#').next().unwrap_or_default();
            let is_here = file.is_empty() || target.contains("://");
            assert!(
                is_here || root.join("docs").join(file).exists(),
                "{}: {target}",
                page.display()
            );
        }
    }
}
