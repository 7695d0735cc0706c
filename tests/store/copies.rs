//! Copies of a store that is written meanwhile, and a restore that is killed.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use hekate::{
    model::Timestamp,
    store::{Database, backup, restore},
};

use super::{
    records::{at, batch},
    settings,
};

/// So often a restore is killed, at a later moment each time.
const KILLS: u64 = 24;

/// The numbers of the batches whose history is in a store.
fn numbers(path: &Path) -> BTreeSet<u64> {
    let (database, _, notices) = Database::open(&settings(path), at(1_000_000)).expect("it opens");
    assert!(notices.is_empty(), "{notices:?}");
    let mut out = Vec::new();
    database.export(&mut out).expect("it is read");
    let text = String::from_utf8(out).expect("UTF-8");
    text.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .filter_map(|line| line["transition"]["at"].as_str().map(str::to_owned))
        .map(|time| {
            let time: Timestamp = time
                .parse::<chrono::DateTime<chrono::Utc>>()
                .expect("a time")
                .into();
            time.since(at(0)).as_secs()
        })
        .collect()
}

#[test]
fn a_copy_of_a_store_that_is_written_meanwhile_is_one_moment_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("data");
    let (mut database, _, _) = Database::open(&settings(&place), at(0)).expect("it opens");
    database
        .commit(&[Arc::new(batch(1))])
        .expect("it is written");
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = {
        let is_over = Arc::clone(&is_over);
        thread::spawn(move || {
            let mut number = 2;
            while !is_over.load(Ordering::Relaxed) {
                database
                    .commit(&[Arc::new(batch(number))])
                    .expect("it is written");
                number += 1;
            }
            number
        })
    };
    let mut before = 0;
    for copy in 0..8 {
        let copy = folder.path().join(format!("copy-{copy}"));
        let made = backup(&place, &copy, at(0)).expect("it is copied");
        assert!(made.past_since.is_some(), "it was in use");
        let again = folder.path().join("again");
        restore(&settings(&again), &copy, at(1_000_000), false).expect("it is whole");
        let found = numbers(&again);
        let first = *found.first().expect("there is something in it");
        let last = *found.last().expect("there is something in it");
        // The journal of a store that is written fast has not all of the past any more.
        assert!(
            found.iter().copied().eq(first..=last),
            "it has everything from {first} up to a moment, {last}, and not {} of it",
            found.len()
        );
        assert!(last >= before, "and a later copy is of a later one");
        before = last;
        fs::remove_dir_all(&again).expect("it can be removed");
    }
    is_over.store(true, Ordering::Relaxed);
    let written = writer.join().expect("it went well");
    assert!(before > 1 && before < written, "it was written meanwhile");
}

/// A store with so many batches.
fn store_of(path: &Path, batches: u64) {
    let (mut database, _, _) = Database::open(&settings(path), at(0)).expect("it opens");
    for number in 1..=batches {
        database
            .commit(&[Arc::new(batch(number))])
            .expect("it is written");
    }
}

#[test]
fn a_restore_that_is_killed_leaves_the_one_store_or_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("data");
    let copy = folder.path().join("copy");
    store_of(&folder.path().join("old"), 30);
    backup(&folder.path().join("old"), &copy, at(0)).expect("it is copied");
    let file = folder.path().join("targets.yaml");
    let text = "channels: { alerts: \"http://127.0.0.1:9/\" }\ntargets: [{ name: a, health: \"http://127.0.0.1:9/\" }]\n";
    fs::write(&file, text).expect("it is written");
    let mut seen = BTreeSet::new();
    for kill in 0..KILLS {
        store_of(&place, 50);
        let mut child = Command::new(env!("CARGO_BIN_EXE_hekate"))
            .args(["store", "restore", "--force", "--config"])
            .args([&file, &copy])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("hekate runs");
        // The last one comes to its end, however slow the machine is.
        if kill + 1 < KILLS {
            thread::sleep(Duration::from_millis(kill * kill));
            child.kill().expect("it is killed or over");
        }
        child.wait().expect("it is over");
        let found = numbers(&place);
        let count = found.len();
        assert!(
            found == (1..=30).collect() || found == (1..=50).collect(),
            "after {} ms there were {count}",
            kill * kill
        );
        seen.insert(count);
        let left: Vec<_> = fs::read_dir(folder.path())
            .expect("a folder")
            .map(|found| found.expect("it is there").path())
            .filter(|path| path.to_string_lossy().contains("data"))
            .collect();
        for path in left {
            fs::remove_dir_all(path).expect("it can be removed");
        }
    }
    assert_eq!(
        seen,
        BTreeSet::from([30, 50]),
        "some kills came before, some after"
    );
}
