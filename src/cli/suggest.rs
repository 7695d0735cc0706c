//! `hekate suggest`: what `max_age` of each log should be. The running hekate knows best; where none is running, its store
//! remembers.

use std::collections::HashMap;

use super::{
    Exit,
    arguments::{Format, Global},
    ask, file,
    terminal::Terminal,
};
use crate::{
    clock::Clock,
    command::{
        Suggestion, Suggestions,
        lookup::{self, Selection},
        suggest as shape,
    },
    config::Environment,
    judge::freshness,
    model::{Board, Memory, Plan, TargetId, Timestamp, pauses::PauseFacts},
    store::{self, Database},
};

pub(super) fn suggest(global: &Global, words: &[String], terminal: Terminal) -> Exit {
    let words = words.join(" ");
    ask::suggest(global, &words, terminal).unwrap_or_else(|| from_store(global, &words, terminal))
}

/// What the store of the file remembers, while nobody works with it.
fn from_store(global: &Global, words: &str, terminal: Terminal) -> Exit {
    let plan = match file::plan(global, &Environment::of_process().for_preview(), terminal) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let folder = &plan.store.path;
    if !folder.is_dir() {
        terminal.complain(&format!(
            "no hekate is running, and there is no store in {}: nothing was seen yet",
            folder.display()
        ));
        return Exit::Unavailable;
    }
    let now = Clock::start().now().at;
    let seen = match remembered(&plan, now) {
        Ok(seen) => seen,
        Err(error) => {
            terminal.complain(&error.to_string());
            if matches!(error, store::Error::InUse { .. }) {
                terminal.complain("hint: `--server URL` names the hekate to ask");
            }
            return Exit::Store;
        }
    };
    terminal.remark("no hekate is running; this is what its store remembers");
    match lookup::select(&Board::of(&plan, now, None), words) {
        Selection::Rows { rows, .. } => {
            let lines = rows
                .into_iter()
                .filter_map(|row| Suggestion::of(&row.target, seen.get(&row.target.id).copied()))
                .collect();
            let suggestions = Suggestions { lines };
            match terminal.format {
                Format::Json => terminal.say_json(&shape::json(&suggestions)),
                Format::Short => terminal.say(&shape::short(&suggestions)),
                Format::Human | Format::Github | Format::Csv | Format::Markdown => {
                    terminal.say(&shape::text(&suggestions));
                }
            }
            Exit::Done
        }
        Selection::Nothing {
            understood,
            nearest,
        } => {
            let hint = if nearest.is_empty() {
                String::new()
            } else {
                format!("\ndid you mean: {}", nearest.join(", "))
            };
            terminal.complain(&format!("{understood}{hint}"));
            Exit::NotSo
        }
    }
}

/// What was seen of each log that was ever seen.
fn remembered(plan: &Plan, now: Timestamp) -> Result<HashMap<TargetId, PauseFacts>, store::Error> {
    let (_database, loaded, _notices) = Database::open(&plan.store, now)?;
    let seen = loaded.checks.into_iter().filter_map(|record| {
        let Some(Memory::Log(memory)) = record.memory.as_deref() else {
            return None;
        };
        memory.newest?;
        Some((record.check.target, freshness::pause_facts(memory, now)))
    });
    Ok(seen.collect())
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        command::fixture,
        model::{
            Batch, CheckId, CheckKind, CheckRecord, State,
            logs::LogMemory,
            pauses::{DAYS_WANTED, PauseDay, Pauses},
            plan::StoreSettings,
        },
    };

    /// A store that was left behind says the same as the one who wrote it; what was never seen is not in it.
    #[test]
    fn a_store_that_nobody_works_with_remembers_the_pauses() {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = fixture::plan();
        plan.store = StoreSettings {
            path: folder.path().join("data"),
            retention: Duration::from_hours(24 * 400),
        };
        let today = u16::try_from(fixture::NOW.as_seconds() / 86_400).unwrap();
        let days = (today - 7..=today).map(|day| PauseDay {
            day,
            watched_s: 80_000,
            longest_s: 100,
            is_longest_whole: true,
            ..PauseDay::default()
        });
        let memory = |newest| LogMemory {
            newest,
            pauses: Pauses {
                days: days.clone().collect(),
                ..Pauses::default()
            },
            ..LogMemory::default()
        };
        let record = |target: &str, memory| CheckRecord {
            check: CheckId {
                target: TargetId::new(target),
                kind: CheckKind::LogFreshness,
            },
            state: State::new(fixture::NOW),
            transitions: 0,
            at: fixture::NOW,
            memory: Some(Box::new(Memory::Log(memory))),
            unrest: None,
        };
        let batch = Batch {
            checks: vec![
                record("master/blue", memory(Some(fixture::NOW))),
                record("master/green", memory(None)),
            ],
            ..Batch::new(fixture::NOW)
        };
        let (mut database, _, _) = Database::open(&plan.store, fixture::NOW).unwrap();
        database.commit(&[Arc::new(batch)]).unwrap();
        drop(database);

        let seen = remembered(&plan, fixture::NOW + Duration::from_mins(1)).unwrap();
        assert_eq!(seen.len(), 1);
        let facts = seen[&TargetId::new("master/blue")];
        assert_eq!(facts.days, DAYS_WANTED);
        assert_eq!(facts.suggested(), Some(Duration::from_mins(5)));
        // A month later nothing of it is a week old.
        let later = remembered(&plan, fixture::NOW + Duration::from_hours(30 * 24)).unwrap();
        assert_eq!(later[&TargetId::new("master/blue")], PauseFacts::default());
    }
}
