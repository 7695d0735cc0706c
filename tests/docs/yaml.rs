//! Every block of YAML is taken by the real reader: a whole file as it is, a part of one beside the fleet of the pages.

use std::{fs, path::Path};

use hekate::config::{Environment, Format, load_text};
use regex::Regex;
use serde::Deserialize as _;
use serde_yaml::{Mapping, Value};

use crate::page::Block;

/// The fleet that the pages speak of.
pub(crate) fn fleet() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docs/fleet.yaml");
    fs::read_to_string(path).expect("the fleet is there")
}

/// What every variable of a text could be: a webhook, a token, a secret.
pub(crate) fn variables(text: &str) -> Vec<(String, String)> {
    let variable = Regex::new(r"\$\{([A-Z0-9_]+)").expect("it is one");
    let mut found: Vec<_> = variable
        .captures_iter(text)
        .map(|found| found[1].to_owned())
        .map(|name| {
            let value = match name.as_str() {
                "SLACK_BOT_TOKEN" => "xoxb-0-not-a-token-0123456789".to_owned(),
                "SLACK_APP_TOKEN" => "xapp-1-not-a-token-0123456789".to_owned(),
                name if name.starts_with("SLACK_WEBHOOK") => {
                    format!("https://hooks.slack.com/services/T0/B0/{name}")
                }
                _ => "0123456789abcdef0123456789abcdef".to_owned(),
            };
            (name, value)
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Panics if hekate would not take it.
pub(crate) fn check(page: &str, block: &Block) {
    let text = block.lines.join("\n") + "\n";
    let place = format!("{page}:{}", block.begins_at + 1);
    let first = serde_yaml::Deserializer::from_str(&text).next();
    let value = first.map(Value::deserialize).expect("a document");
    let value = value.unwrap_or_else(|error| panic!("{place}: {error}\n{text}"));
    let Value::Mapping(part) = value else {
        panic!("{place}: no section of anything\n{text}");
    };
    if part.contains_key("apiVersion") || part.contains_key("script") {
        // Of Kubernetes; or a script, which has to stand in a file that `hekate test` plays.
        return;
    }
    let is_whole = part.contains_key("targets") && part.contains_key("channels");
    let whole = if is_whole {
        text
    } else {
        beside_the_fleet(part)
    };
    let said = variables(&whole);
    let said: Vec<_> = said
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let outcome = load_text("targets.yaml", &whole, &Environment::of(said));
    let report = outcome.report.render(Format::Human, false);
    let is_taken = if is_whole {
        outcome.report.problems.is_empty()
    } else {
        outcome.plan.is_some()
    };
    assert!(is_taken, "{place}\n{report}");
}

/// The fleet's file with these sections: names are added to names, lists take the place of lists.
fn beside_the_fleet(part: Mapping) -> String {
    let mut whole: Mapping = serde_yaml::from_str(&fleet()).expect("the fleet is YAML");
    for (section, content) in part {
        match (whole.get_mut(&section), content) {
            (Some(Value::Mapping(known)), Value::Mapping(more)) => known.extend(more),
            (Some(Value::Sequence(known)), Value::Sequence(more)) if section == "targets" => {
                known.extend(more);
            }
            (_, content) => {
                whole.insert(section, content);
            }
        }
    }
    serde_yaml::to_string(&whole).expect("it was YAML")
}
