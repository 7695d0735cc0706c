//! `hekate store backup`, `restore`, `import` and `stats`.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufReader},
    path::Path,
};

use serde_json::json;

use super::super::{Exit, arguments::Format, file::count, terminal::Terminal};
use crate::{
    model::{Timestamp, plan::StoreSettings},
    store::{self, Database, Error, Survey},
};

pub(super) fn backup(from: &Path, to: &Path, now: Timestamp, terminal: Terminal) -> Exit {
    match store::backup(from, to, now) {
        Ok(made) => {
            let size = kib(made.bytes);
            let lines = count(made.lines, "line");
            terminal.say(&format!(
                "{} is a copy of the store in {}: {size}, a journal of {lines}\n",
                to.display(),
                from.display()
            ));
            if let Some(since) = made.past_since {
                terminal.remark(&format!(
                    "hekate is running, so of the past only what happened since {since} is in it; everything that it needs to go on is"
                ));
            }
            Exit::Done
        }
        Err(error) => refused(&error, terminal),
    }
}

pub(super) fn restore(
    settings: &StoreSettings,
    from: &Path,
    now: Timestamp,
    is_forced: bool,
    terminal: Terminal,
) -> Exit {
    match store::restore(settings, from, now, is_forced) {
        Ok(restored) => {
            let loaded = &restored.loaded;
            terminal.say(&format!(
                "the store in {} is that of {} again: {}, {}, {}\n",
                settings.path.display(),
                from.display(),
                count(loaded.checks.len(), "check"),
                count(loaded.open.len(), "open incident"),
                count(loaded.outbox.len(), "message") + " owed"
            ));
            for notice in &restored.notices {
                terminal.remark(&format!("{}: {}", notice.title, notice.words));
            }
            if let Some(before) = &restored.before {
                terminal.remark(&format!("the store before it is {}", before.display()));
            }
            terminal.remark("what was told after the backup was made may be told again");
            Exit::Done
        }
        Err(error) => {
            let exit = refused(&error, terminal);
            let is_there = matches!(&error, Error::Disk { source, .. } if source.kind() == io::ErrorKind::AlreadyExists);
            if is_there {
                terminal.complain(
                    "there is a store already; with `--force` it is kept under another name",
                );
            }
            exit
        }
    }
}

/// Fills a new store; nothing of it stays if the export is not whole.
pub(super) fn import(
    settings: &StoreSettings,
    path: &Path,
    now: Timestamp,
    terminal: Terminal,
) -> Exit {
    let place = &settings.path;
    let is_there = place
        .read_dir()
        .is_ok_and(|mut listing| listing.next().is_some());
    if is_there {
        terminal.complain(&format!(
            "there is a store in {} already; move it away first",
            place.display()
        ));
        return Exit::Store;
    }
    let input = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            terminal.complain(&format!("cannot read {}: {error}", path.display()));
            return Exit::Store;
        }
    };
    let mut database = match Database::open(settings, now) {
        Ok((database, _, _)) => database,
        Err(error) => return refused(&error, terminal),
    };
    let filled = database.import(&mut BufReader::new(input), now);
    drop(database);
    match filled {
        Ok(records) => {
            terminal.say(&format!(
                "{records} records are in {} now\n",
                place.display()
            ));
            Exit::Done
        }
        Err(error) => {
            // Half a past would look like a whole one.
            drop(std::fs::remove_dir_all(place));
            refused(&error, terminal)
        }
    }
}

pub(super) fn stats(folder: &Path, terminal: Terminal) -> Exit {
    match store::survey(folder) {
        Ok(survey) if terminal.format == Format::Json => {
            terminal.say_json(&as_json(&survey));
            Exit::Done
        }
        Ok(survey) => {
            terminal.say(&as_text(&survey));
            Exit::Done
        }
        Err(error) => refused(&error, terminal),
    }
}

pub(super) fn refused(error: &Error, terminal: Terminal) -> Exit {
    terminal.complain(&error.to_string());
    Exit::Store
}

fn as_json(survey: &Survey) -> serde_json::Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "bytes": {
            "journal": survey.journal_bytes,
            "sled": survey.sled_bytes,
            "other": survey.other_bytes,
        },
        "journal": {
            "lines": survey.lines,
            "first_at": time(survey.first_at),
            "last_at": time(survey.last_at),
        },
        "checks": survey.checks,
        "open_incidents": survey.open_incidents,
        "outbox": survey.outbox,
        "planned": survey.planned,
        "lapses": survey.lapses,
        "attempts": survey.attempts,
        "releases": survey.releases,
        "living": survey.living,
    })
}

fn as_text(survey: &Survey) -> String {
    let time =
        |at: Option<Timestamp>| at.map_or_else(|| String::from("never"), |at| at.to_string());
    let rows = [
        (
            "journal",
            format!(
                "{}, {}",
                kib(survey.journal_bytes),
                count(survey.lines, "line")
            ),
        ),
        ("  from", time(survey.first_at)),
        ("  to", time(survey.last_at)),
        ("sled", kib(survey.sled_bytes)),
        ("room, and what was set aside", kib(survey.other_bytes)),
        ("checks", survey.checks.to_string()),
        ("open incidents", survey.open_incidents.to_string()),
        ("messages owed", survey.outbox.to_string()),
        (
            "silences, maintenances, deploys",
            survey.planned.to_string(),
        ),
        ("times without looks or sight", survey.lapses.to_string()),
        ("attempts at actions", survey.attempts.to_string()),
        ("releases", survey.releases.to_string()),
        ("messages that live", survey.living.to_string()),
    ];
    let mut out = String::new();
    for (what, value) in rows {
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{what:32} {value}");
    }
    out
}

pub(super) fn kib(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf, sync::Arc, time::Duration};

    use super::*;
    use crate::{
        command::fixture,
        model::{Batch, Loaded},
    };

    fn settings(path: PathBuf) -> StoreSettings {
        StoreSettings {
            path,
            retention: Duration::from_hours(24 * 400),
        }
    }

    fn write(database: &mut Database, target: &str) {
        let batch = Batch {
            transitions: fixture::transitions(target),
            ..Batch::new(fixture::NOW)
        };
        database.commit(&[Arc::new(batch)]).unwrap();
    }

    fn transitions(settings: &StoreSettings, target: &str) -> (usize, Loaded) {
        let (database, loaded, _) = Database::open(settings, fixture::NOW).unwrap();
        let mut out = Vec::new();
        database.export(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let is_of = |line: &&str| {
            line.contains("\"transition\"") && line.contains(&format!("\"{target}\""))
        };
        (text.lines().filter(is_of).count(), loaded)
    }

    #[test]
    fn a_backup_of_a_running_store_is_one_moment_of_it_and_opens() {
        let folder = tempfile::tempdir().unwrap();
        let settings_of = |name: &str| settings(folder.path().join(name));
        let running = settings_of("data");
        let (mut database, _, _) = Database::open(&running, fixture::NOW).unwrap();
        write(&mut database, "one");
        // Half a line, as it is while hekate writes.
        let journal = fs::read_dir(&running.path)
            .unwrap()
            .map(|found| found.unwrap().path())
            .find(|path| path.extension().is_some_and(|kind| kind == "jsonl"))
            .unwrap();
        let before = fs::read(&journal).unwrap();
        fs::write(&journal, [&before[..], b"{\"v\":1,\"n\":9"].concat()).unwrap();
        let copy = folder.path().join("backup");
        let made = store::backup(&running.path, &copy, fixture::NOW).unwrap();
        assert!(made.past_since.is_some() && !copy.join("sled").exists());
        fs::write(&journal, before).unwrap();
        write(&mut database, "two");
        // Never over what is there.
        let again = store::backup(&running.path, &copy, fixture::NOW);
        assert!(matches!(again, Err(Error::Disk { .. })), "{again:?}");
        // A running store cannot be replaced, and stays as it is.
        let replaced = store::restore(&running, &copy, fixture::NOW, true);
        assert!(matches!(replaced, Err(Error::InUse { .. })), "{replaced:?}");
        drop(database);
        let unasked = store::restore(&running, &copy, fixture::NOW, false);
        assert!(matches!(unasked, Err(Error::Disk { .. })), "{unasked:?}");
        assert!(transitions(&running, "two").0 > 0);
        let restored = store::restore(&running, &copy, fixture::NOW, true).unwrap();
        let wanted = fixture::transitions("one").len();
        assert_eq!(transitions(&running, "one").0, wanted);
        assert_eq!(transitions(&running, "two").0, 0);
        let old = settings(restored.before.unwrap());
        assert!(transitions(&old, "two").0 > 0);
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 3, "{names:?}");
    }

    #[test]
    fn a_backup_of_a_store_at_rest_has_all_of_the_past() {
        let folder = tempfile::tempdir().unwrap();
        let at_rest = settings(folder.path().join("data"));
        let (mut database, _, _) = Database::open(&at_rest, fixture::NOW).unwrap();
        write(&mut database, "one");
        drop(database);
        let copy = folder.path().join("backup");
        let made = store::backup(&at_rest.path, &copy, fixture::NOW).unwrap();
        assert!(made.past_since.is_none() && copy.join("sled").is_dir());
        let new = settings(folder.path().join("elsewhere/data"));
        let restored = store::restore(&new, &copy, fixture::NOW, false).unwrap();
        assert!(
            restored.before.is_none() && restored.notices.is_empty(),
            "{:?}",
            restored.notices
        );
        assert_eq!(transitions(&new, "one"), transitions(&at_rest, "one"));
    }

    #[test]
    fn a_damaged_backup_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at_rest = settings(folder.path().join("data"));
        let (mut database, _, _) = Database::open(&at_rest, fixture::NOW).unwrap();
        write(&mut database, "one");
        drop(database);
        let copy = folder.path().join("backup");
        store::backup(&at_rest.path, &copy, fixture::NOW).unwrap();
        let journal = fs::read_dir(&copy)
            .unwrap()
            .map(|found| found.unwrap().path())
            .find(|path| path.extension().is_some_and(|kind| kind == "jsonl"))
            .unwrap();
        let whole = fs::read(&journal).unwrap();
        for cut in [whole.len() / 2, whole.len() - 3] {
            let mut damaged = whole.clone();
            damaged[cut] ^= 1;
            fs::write(&journal, damaged).unwrap();
            let refused = store::restore(&at_rest, &copy, fixture::NOW, true);
            assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
        }
        fs::remove_file(&journal).unwrap();
        let refused = store::restore(&at_rest, &copy, fixture::NOW, true);
        assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
        assert!(transitions(&at_rest, "one").0 > 0);
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn an_export_becomes_the_same_store_and_half_of_one_none() {
        let folder = tempfile::tempdir().unwrap();
        let old = settings(folder.path().join("data"));
        let (mut database, _, _) = Database::open(&old, fixture::NOW).unwrap();
        for number in 0..300 {
            write(&mut database, &format!("target {number}"));
        }
        let mut exported = Vec::new();
        database.export(&mut exported).unwrap();
        drop(database);
        let new = settings(folder.path().join("new"));
        let (mut database, _, _) = Database::open(&new, fixture::NOW).unwrap();
        let records = database.import(&mut &exported[..], fixture::NOW).unwrap();
        assert_eq!(
            records,
            exported.split(|byte| *byte == b'\n').count() as u64 - 1
        );
        drop(database);
        let (database, loaded, notices) = Database::open(&new, fixture::NOW).unwrap();
        assert!(notices.is_empty(), "{notices:?}");
        let mut again = Vec::new();
        database.export(&mut again).unwrap();
        assert_eq!(
            String::from_utf8(again).unwrap(),
            String::from_utf8(exported.clone()).unwrap()
        );
        drop(database);
        assert_eq!(loaded, Database::open(&old, fixture::NOW).unwrap().1);
        for wrong in [
            &exported[..exported.len() - 9],
            b"{\"v\":9,\"check\":{}}\n",
            b"{}\n",
            b"{\"v\":1,\"what\":1}\n",
            b"x",
        ] {
            let path = folder.path().join(format!("wrong {}", wrong.len()));
            let (mut database, _, _) = Database::open(&settings(path), fixture::NOW).unwrap();
            let refused = database.import(&mut &wrong[..], fixture::NOW);
            assert!(
                matches!(refused, Err(Error::Damaged { .. } | Error::Newer { .. })),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn what_a_store_holds_is_counted_beside_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let running = settings(folder.path().join("data"));
        let (mut database, _, _) = Database::open(&running, fixture::NOW).unwrap();
        write(&mut database, "one");
        let survey = store::survey(&running.path).unwrap();
        assert_eq!((survey.lines, survey.first_at), (2, Some(fixture::NOW)));
        assert!(survey.journal_bytes > 0 && survey.sled_bytes > 0);
        assert!(as_text(&survey).contains("2 lines"), "{}", as_text(&survey));
        assert_eq!(as_json(&survey)["journal"]["lines"], 2);
    }
}
