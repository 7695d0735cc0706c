//! A process that commits is killed again and again; nothing that it was told to be durable may be gone.
//!
//! `HEKATE_KILLS` says how often, 30 if it says nothing.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use hekate::{
    model::{Batch, Timestamp, Transition},
    store::{Database, Notice},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{records, settings};

const FOLDER: &str = "HEKATE_STORE_OF_CHILD";

/// Not a test: the process that is killed. It commits numbered batches and says each number when it is durable.
#[test]
#[ignore = "it is started by the test below"]
fn child() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let say = |words: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{words}").expect("the parent reads until the end");
        out.flush().expect("the parent reads until the end");
    };
    say("opening");
    let settings = settings(&PathBuf::from(folder));
    let (mut database, loaded, notices) =
        Database::open(&settings, records::at(0)).expect("a killed store opens");
    for notice in notices {
        say(&format!("notice {}: {}", notice.title, notice.words));
    }
    let mut number = loaded.incidents;
    loop {
        // Some commits alone, some together.
        let count = 1 + number % 4;
        let batches: Vec<_> = (number + 1..=number + count)
            .map(|number| Arc::new(records::batch(number)))
            .collect();
        database.commit(&batches).expect("the disk is well");
        number += count;
        say(&format!("durable {number}"));
    }
}

/// Starts the child, kills it after so many commits (0: while it opens), and says the last durable number.
fn run_and_kill(folder: &Path, commits: usize) -> Option<u64> {
    let mut child = Command::new(env::current_exe().expect("this test is a file"))
        .args(["--exact", "kill::child", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this test can be started");
    let out = child.stdout.take().expect("it is piped");
    let mut seen = 0;
    let mut last = None;
    for line in BufReader::new(out).lines() {
        let line = line.expect("it is text");
        let line = line.trim_start_matches("test kill::child ... ");
        if let Some(number) = line.strip_prefix("durable ") {
            // All that it said counts, also what it said before it noticed that it is dead.
            last = Some(number.parse().expect("it is a number"));
            seen += 1;
        } else if line.starts_with("notice ") {
            // A torn end is what a kill may leave; anything else would be a loss.
            assert!(
                line.contains("journal was cut off") || line.contains("several starts in a row"),
                "{line}"
            );
        }
        let is_time = seen == commits && (commits > 0 || line == "opening");
        if is_time {
            child.kill().expect("it is ours to kill");
        }
    }
    child.wait().expect("it was started");
    last
}

#[test]
fn nothing_durable_is_lost_by_kill_9() {
    let kills: u32 = env::var("HEKATE_KILLS").map_or(30, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let mut random = StdRng::seed_from_u64(7);
    let mut durable = 0;
    for round in 0..kills {
        let commits = if round % 6 == 5 {
            0
        } else {
            random.random_range(1..60)
        };
        durable = run_and_kill(&data, commits).unwrap_or(durable);
        if round % 5 == 4 || round + 1 == kills {
            check(&data, durable);
        }
    }
    assert!(durable > u64::from(kills), "it did commit: {durable}");
}

fn check(folder: &Path, durable: u64) {
    // What a kill may leave was asserted when the store was opened.
    let _ = check_history(folder, durable, records::batch, "killed");
}

/// Opens a store of which so many batches were acknowledged, asserts that each of these is there as it was made and
/// that nothing is half, and gives back what the opening had to say.
pub(crate) fn check_history(
    folder: &Path,
    durable: u64,
    batch: fn(u64) -> Batch,
    case: &str,
) -> Vec<Notice> {
    let (database, loaded, notices) =
        Database::open(&settings(folder), records::at(0)).expect("it opens");
    assert!(
        loaded.incidents >= durable,
        "{case}: {} of {durable}, {notices:?}",
        loaded.incidents
    );
    // One commit may have become durable without having said so.
    let last = loaded.incidents;
    assert!(last <= durable + 4, "{case}: {last} of {durable}");
    let reader = database.reader();
    let mut transitions: Vec<Transition> = (0..20)
        .flat_map(|number| {
            reader
                .transitions(&records::target(number), Timestamp::default(), usize::MAX)
                .expect("history is readable")
        })
        .collect();
    transitions.sort_by_key(|transition| transition.number);
    let numbers: Vec<_> = transitions
        .iter()
        .map(|transition| transition.number)
        .collect();
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "{case}");
    for transition in &transitions {
        assert_eq!(
            transition,
            &batch(transition.number).transitions[0],
            "{case}"
        );
    }
    let owed: Vec<_> = loaded
        .outbox
        .iter()
        .map(|entry| entry.key.clone())
        .collect();
    let first = last.saturating_sub(9).max(1);
    let expected: Vec<_> = (first..=last).map(records::key).collect();
    assert_eq!(
        owed, expected,
        "{case}: the outbox is that of the last commit, no more and no less"
    );
    let open: Vec<_> = loaded.open.iter().map(|incident| incident.number).collect();
    assert_eq!(open, (first..=last).collect::<Vec<_>>(), "{case}");
    notices
}
