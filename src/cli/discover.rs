//! `hekate discover`: what would be looked at. It needs no running hekate and remembers nothing.

use std::{collections::HashMap, fmt::Write as _};

use super::{
    Exit,
    arguments::{Format, Global},
    file,
    terminal::Terminal,
};
use crate::{
    app,
    clock::Clock,
    config::{Environment, discovery::Lists},
    model::{Target, plan::Question},
    probe::discovery::Reader,
};

pub(super) fn discover(global: &Global, terminal: Terminal) -> Exit {
    let environment = Environment::of_process().for_preview();
    let (mut plan, _contents, mut discovery) = match file::load(global, &environment, terminal) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let Ok(runtime) = terminal.runtime() else {
        return Exit::NotSo;
    };
    let mut exit = Exit::Done;
    let mut lists = HashMap::new();
    let reader = Reader::new(Clock::start());
    let nothing = Lists::new();
    let reading = app::read_sources(&discovery.entries, &reader, &nothing);
    for (entry, list) in runtime.block_on(reading) {
        match list {
            Ok(list) => {
                lists.insert(entry, list);
            }
            Err(why) => {
                terminal.complain(&format!("`{entry}` cannot be read: {why}"));
                exit = Exit::NotSo;
            }
        }
    }
    let lists = lists.into_iter().collect();
    if let Some(outcome) = discovery.again(&lists)
        && let Some(with_found) = outcome.plan
    {
        plan = with_found;
        discovery = outcome.discovery;
    }
    for why in &discovery.left_out {
        terminal.complain(why);
        exit = Exit::NotSo;
    }
    let sources: HashMap<_, _> = discovery
        .targets
        .iter()
        .map(|(entry, id)| (id, entry.as_str()))
        .collect();
    let rows: Vec<[String; 3]> = plan
        .targets
        .iter()
        .map(|target| {
            let source = sources.get(&target.id).copied().unwrap_or("file");
            [source.to_owned(), target.id.to_string(), address(target)]
        })
        .collect();
    if terminal.format == Format::Json {
        let targets: Vec<_> = rows
            .iter()
            .map(|[source, id, url]| serde_json::json!({ "source": source, "id": id, "url": url }))
            .collect();
        terminal.say_json(&serde_json::json!({ "targets": targets }));
    } else {
        terminal.say(&table(&rows));
    }
    exit
}

/// Where a target's health is asked for; what a variable brought into it is not shown.
fn address(target: &Target) -> String {
    let question = target.checks.iter().find_map(|check| {
        let Question::Health(question) = &check.question else {
            return None;
        };
        Some(question)
    });
    match question {
        Some(question) if question.url_secrets.is_empty() => {
            let mut url = question.url.clone();
            if url.query().is_some() {
                url.set_query(Some("…"));
            }
            url.to_string()
        }
        Some(_) => String::from("(with a variable)"),
        None => String::new(),
    }
}

fn table(rows: &[[String; 3]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let (source, id) = (width(0), width(1));
    let mut out = String::new();
    for row in rows {
        let line = format!("{:source$}  {:id$}  {}", row[0], row[1], row[2]);
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}
