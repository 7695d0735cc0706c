//! History written anew: what is old goes, all else stays, whenever it is killed.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use hekate::store::{Database, Error, compact, migrate};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{
    records::{at, batch},
    settings,
};

const FOLDER: &str = "HEKATE_STORE_TO_COMPACT";
/// So often it is killed.
const KILLS: u32 = 12;
const BATCHES: u64 = 300;

fn fill(folder: &Path) {
    let (mut database, _, _) = Database::open(&settings(folder), at(0)).expect("it opens");
    for number in 1..=BATCHES {
        database
            .commit(&[Arc::new(batch(number))])
            .expect("it is written");
    }
}

/// Everything that is in it, in a store that needs no help to open.
fn all(folder: &Path) -> String {
    let (database, _, notices) = Database::open(&settings(folder), at(1_000)).expect("it opens");
    assert!(notices.is_empty(), "{notices:?}");
    let mut out = Vec::new();
    database.export(&mut out).expect("it is read");
    String::from_utf8(out).expect("UTF-8")
}

/// Not a test: the process that is killed. It compacts again and again, and says each step.
#[test]
#[ignore = "it is started by the test below"]
fn child() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let settings = settings(&PathBuf::from(folder));
    let say = || {
        let mut out = std::io::stdout().lock();
        writeln!(out, "step").expect("the parent reads until the end");
        out.flush().expect("the parent reads until the end");
    };
    loop {
        compact(&settings, at(1_000), &mut |_, _| say()).expect("the disk is well");
        say();
    }
}

#[test]
fn killed_at_any_moment_it_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    fill(&data);
    let before = all(&data);
    let mut random = StdRng::seed_from_u64(6);
    for kill in 0..KILLS {
        let steps = random.random_range(1..60);
        let mut child = Command::new(env::current_exe().expect("this test is a file"))
            .args(["--exact", "compaction::child", "--ignored", "--nocapture"])
            .env(FOLDER, &data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("this test can be started");
        let out = child.stdout.take().expect("it is piped");
        let said = BufReader::new(out)
            .lines()
            .map_while(Result::ok)
            .filter(|line| line.ends_with("step"))
            .take(steps)
            .count();
        assert_eq!(said, steps, "it works until it is killed");
        // A moment more, another one each time: also between two steps.
        std::thread::sleep(Duration::from_millis(random.random_range(0..40)));
        child.kill().expect("it is ours to kill");
        child.wait().expect("it was started");
        assert_eq!(all(&data), before, "kill {kill}");
        // What it left is gone with the next opening.
        assert!(!data.join("sled.compact").exists(), "kill {kill}");
    }
}

#[test]
fn what_is_old_goes_and_the_files_get_smaller() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    fill(&data);
    let before = all(&data);
    let mut steps = Vec::new();
    let mut tell = |done, about| steps.push((done, about));
    let same = compact(&settings(&data), at(1_000), &mut tell).expect("it is at rest");
    assert_eq!((same.removed.transitions, same.removed.incidents), (0, 0));
    assert!(same.after_bytes < same.before_bytes, "{same:?}");
    assert_eq!(all(&data), before);
    // Each step is further than the one before, and the last one is about the end.
    assert!(steps.is_sorted_by(|one, next| one.0 < next.0), "{steps:?}");
    let (done, about) = *steps.last().expect("it was told");
    assert!(
        done == 2 * same.records && about.abs_diff(done) < about / 10,
        "{done} of {about}"
    );

    let mut short = settings(&data);
    short.retention = Duration::from_secs(100);
    let made = compact(&short, at(300), &mut |_, _| {}).expect("it is at rest");
    assert!(
        made.removed.is_complete && made.removed.transitions > 100,
        "{made:?}"
    );
    assert!(made.after_bytes < same.after_bytes, "{made:?} {same:?}");
    let (database, loaded, notices) = Database::open(&short, at(300)).expect("it opens");
    assert!(notices.is_empty(), "{notices:?}");
    // What goes on is never old.
    assert_eq!((loaded.open.len(), loaded.outbox.len()), (10, 10));
    assert!(matches!(
        compact(&short, at(300), &mut |_, _| {}),
        Err(Error::InUse { .. })
    ));
    assert!(matches!(
        migrate(&short, at(300), &mut |_, _| {}),
        Err(Error::InUse { .. })
    ));
    drop(database);
    let mut told = 0;
    let read = migrate(&short, at(300), &mut |done, _| told = done).expect("it is at rest");
    assert_eq!(told, read.records);
}
