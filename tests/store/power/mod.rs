//! The loss of power: what a disk may hold when it comes at any moment, and that the store opens with all that was
//! acknowledged.
//!
//! A process that commits is recorded, system call by system call. Of any moment of that recording a disk is made as a
//! loss of power could leave it: what was synced is there; of everything later each sector is there or not, in any
//! order; a name is there if its folder was synced, and of later changes of names only some first ones are there.
//! Nothing is assumed that only some file systems do, such as keeping the name of a synced file.
//!
//! `HEKATE_POWER_LOSSES` says how many disks, 200 if it says nothing. Needs `strace`; skipped loudly without it, unless
//! `HEKATE_REQUIRE_SERVERS=1` says that it must not be.

mod image;
mod recording;

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use hekate::{model::Batch, store::Database};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;

use self::{image::Keeps, recording::Recording};
use crate::{kill, records, settings};

/// For a large store and its rebuilt copy, several times over.
const ROOM_BYTES: u64 = 512 * 1024 * 1024;
const FOLDER: &str = "HEKATE_STORE_OF_RECORDED_CHILD";
const HISTORY: &str = "HEKATE_HISTORY_OF_RECORDED_CHILD";

/// What the recorded process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum History {
    /// Small batches, and an ordinary end and start in the middle.
    Ordinary,
    /// Batches so large that sled keeps each in a file of its own and the journal begins a new file.
    Large,
    /// Small batches, and in the middle sled's file is damaged, so that sled is set aside and filled anew.
    Rebuilt,
}

/// Not a test: the process that is recorded. It commits numbered batches and says each number when it is durable.
#[test]
#[ignore = "it is started by the tests below"]
fn child() {
    let (Some(folder), Some(history)) = (env::var_os(FOLDER), env::var_os(HISTORY)) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let settings = settings(&folder);
    let is_rebuilt = history == "Rebuilt";
    let (batch, runs) = if history == "Large" {
        (large as fn(u64) -> Batch, [(1, 30), (31, 60)])
    } else {
        (records::batch as fn(u64) -> Batch, [(1, 60), (61, 160)])
    };
    for (first, last) in runs {
        let is_second = first > 1;
        if is_rebuilt && is_second {
            damage(&folder.join("sled/db"));
        }
        let (mut database, _, notices) =
            Database::open(&settings, records::at(0)).expect("the disk is well");
        assert_eq!(
            notices.is_empty(),
            !(is_rebuilt && is_second),
            "{notices:?}"
        );
        let mut number = first;
        while number <= last {
            let count = 1 + number % 4;
            let batches: Vec<_> = (number..number + count)
                .map(|number| Arc::new(batch(number)))
                .collect();
            database.commit(&batches).expect("the disk is well");
            number += count;
            // In one call of the system, so that the recording has it as one.
            let said = format!("durable {}\n", number - 1);
            let mut out = std::io::stdout().lock();
            out.write_all(said.as_bytes()).expect("somebody listens");
            out.flush().expect("somebody listens");
        }
    }
}

/// A batch of which sled keeps a record in a file of its own.
fn large(number: u64) -> Batch {
    let mut batch = records::batch(number);
    batch.transitions[0].reason.words = "x".repeat(300_000);
    batch
}

fn damage(file: &Path) {
    let mut bytes = fs::read(file).expect("it is there");
    bytes.fill(0xA5);
    let file = fs::File::create(file).expect("it is writable");
    (&file).write_all(&bytes).expect("there is room");
    file.sync_all().expect("the disk is well");
}

/// Nothing, said aloud, where nothing can be recorded.
fn record(folder: &Path, history: History) -> Option<Recording> {
    let tried = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    if !tried.is_ok_and(|status| status.success()) {
        skip();
        return None;
    }
    let trace = folder.join("trace");
    let data = folder.join("data");
    let recorded = Command::new("strace")
        .args(["-f", "-qq", "-s", "4000000", "-e", "signal=none", "-e"])
        .arg(format!("trace={}", recording::CALLS))
        .arg("-o")
        .arg(&trace)
        .arg(env::current_exe().expect("this test is a file"))
        .args(["--exact", "power::child", "--ignored", "--nocapture"])
        .env(FOLDER, &data)
        .env(HISTORY, format!("{history:?}"))
        .stdout(Stdio::null())
        .status();
    let recorded = recorded.expect("it was there a moment ago");
    assert!(recorded.success(), "the recorded process: {recorded}");
    let text = fs::read(&trace).expect("strace wrote it");
    Some(Recording::read(&text, &data))
}

fn skip() {
    assert!(
        env::var_os("HEKATE_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
        "strace is not there or must not trace, and HEKATE_REQUIRE_SERVERS=1 says that this test must run"
    );
    let mut out = std::io::stderr();
    writeln!(
        out,
        "SKIPPED: strace cannot trace; losses of power are not tested"
    )
    .expect("there is a standard error");
}

fn lose_power(history: History, images: usize) {
    let folder = quick_folder();
    let Some(recording) = record(folder.path(), history) else {
        return;
    };
    let acknowledged = recording.acknowledged();
    assert!(acknowledged.len() > 15, "it did commit: {acknowledged:?}");
    let batch = match history {
        History::Ordinary | History::Rebuilt => records::batch,
        History::Large => large,
    };
    let mut random = StdRng::seed_from_u64(13);
    let mut told = 0;
    for number in 0..images {
        // Every other time at the worst moment: when something was acknowledged just now.
        let moment = if number % 2 == 0 {
            acknowledged[random.random_range(0..acknowledged.len())].0 + 1
        } else {
            random.random_range(0..=recording.len())
        };
        let keeps = Keeps::ALL[number / 2 % Keeps::ALL.len()];
        let durable = recording.acknowledged_before(moment);
        let case =
            format!("{history:?}, {keeps:?} at {moment} (image {number}), {durable} acknowledged");
        let data = folder.path().join(format!("image-{number}"));
        image::make(&recording, moment, keeps, &data, &mut random);

        let opened = Database::open(&settings(&data), records::at(1_000));
        let (database, _, notices) = opened.unwrap_or_else(|error| panic!("{case}: {error}"));
        drop(database);
        told += usize::from(!notices.is_empty());
        let words: Vec<_> = notices.iter().map(|notice| &notice.title).collect();
        let case = format!("{case}, {words:?}");
        let again = kill::check_history(&data, durable, batch, &case);
        assert_eq!(again, [], "{case}: told once");
        fs::remove_dir_all(&data).expect("it is ours");
    }
    assert!(
        told * 3 <= images || history == History::Rebuilt,
        "{history:?}: a loss of power is ordinary, and {told} of {images} were news"
    );
}

/// What a disk might hold needs no disk; what lies in memory is synced at once.
fn quick_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let has_room = rustix::fs::statvfs(memory)
        .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) > ROOM_BYTES);
    let folder = if has_room {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    folder.expect("a temporary folder")
}

fn images() -> usize {
    env::var("HEKATE_POWER_LOSSES").map_or(200, |text| text.parse().expect("a number"))
}

#[test]
fn whatever_a_loss_of_power_leaves_what_was_acknowledged_is_there() {
    lose_power(History::Ordinary, images());
}

#[test]
fn the_same_while_sled_is_filled_anew() {
    lose_power(History::Rebuilt, images().div_ceil(5));
}

#[test]
fn the_same_with_large_records_and_a_new_file_of_the_journal() {
    lose_power(History::Large, images().div_ceil(12));
}
