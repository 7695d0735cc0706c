//! Whether the store's folder takes what is written, and what is in it is whole.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::timeout;

use super::line::{Line, State, Subject};
use crate::{
    clock::Clock,
    store::{self, Examined},
};

/// What is written to see how long the disk takes: about what a batch has.
const PROBE_BYTES: usize = 4 * 1024;
/// A disk that takes longer makes messages late: they wait until it is written down that they are owed.
const SYNC_SLOW: Duration = Duration::from_millis(250);
/// A journal of years is read within seconds.
const LOOK_LIMIT: Duration = Duration::from_mins(1);
/// Below this a year of history may not fit.
const COMFORTABLE_BYTES: u64 = 1024 * 1024 * 1024;
/// The most faults of the journal that are listed.
const FAULTS_MAX: usize = 5;

/// What was seen of the folder.
#[derive(Debug)]
struct Seen {
    path: PathBuf,
    /// The folder above it that is there, if it is not.
    above: Option<PathBuf>,
    /// Whether it can be written to, and how long the disk took.
    written: Result<Duration, String>,
    free_bytes: Option<u64>,
    /// Whether other people of the machine can read it.
    is_open_to_others: bool,
    /// What the journal is like; absent if there is none.
    journal: Option<Result<Examined, String>>,
}

impl Seen {
    /// Looks. Nothing stays behind.
    fn of(path: &Path, clock: &Clock) -> Self {
        let is_there = path.is_dir();
        let there = path
            .ancestors()
            .map(|above| {
                if above.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    above
                }
            })
            .find(|above| above.exists())
            .unwrap_or(path);
        let mode = fs::metadata(path).map(|found| found.permissions().mode());
        let journal =
            is_there.then(|| store::verify_journal(path).map_err(|error| error.to_string()));
        Self {
            path: path.to_owned(),
            above: (!is_there).then(|| there.to_owned()),
            written: if there.is_dir() {
                write(there, clock).map_err(|error| error.to_string())
            } else {
                Err(format!("{} is no folder", there.display()))
            },
            free_bytes: store::free_bytes(there),
            is_open_to_others: is_there && mode.is_ok_and(|mode| mode & 0o007 != 0),
            journal,
        }
    }
}

/// Writes a small file, waits until the disk has it, and takes it away again.
fn write(folder: &Path, clock: &Clock) -> io::Result<Duration> {
    let path = folder.join(format!(".hekate-doctor-{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(&[b'.'; PROBE_BYTES])?;
        let begun = clock.now().tick;
        file.sync_all()?;
        Ok(clock.now().tick.since(begun))
    })();
    if written.is_ok() {
        fs::remove_file(&path)?;
    } else {
        // What went wrong first says more; a file that never came to be cannot be taken away.
        let _ = fs::remove_file(&path);
    }
    written
}

/// Looks, and says what is to be said: at a disk that does not answer, that.
pub(super) async fn line(path: PathBuf, is_running: bool, clock: &Clock) -> Line {
    let (folder, clock) = (path.clone(), clock.clone());
    let looking = tokio::task::spawn_blocking(move || Seen::of(&folder, &clock));
    match timeout(LOOK_LIMIT, looking).await {
        Ok(Ok(seen)) => judge(&seen, is_running),
        Ok(Err(panic)) => Line::new(
            Subject::Store,
            State::Problem,
            format!("looking at {} broke off: {panic}", path.display()),
        )
        .fix("this is a mistake of hekate's; please report it"),
        Err(_late) => silent(&path),
    }
}

fn silent(path: &Path) -> Line {
    let words = format!(
        "the disk of {} did not answer within {} s",
        path.display(),
        LOOK_LIMIT.as_secs()
    );
    Line::new(Subject::Store, State::Problem, words)
        .fix("look at the disk (`dmesg`), or put the store on one of this machine")
}

/// What is said of it.
fn judge(seen: &Seen, is_running: bool) -> Line {
    let path = seen.path.display();
    let took = match &seen.written {
        Err(why) => {
            let (at, fix) = match &seen.above {
                Some(above) => (
                    format!("{path} is not there, and cannot be made: {why}"),
                    format!(
                        "make it, for the user that runs hekate: `install -d -m 700 -o hekate {path}` (now there is {})",
                        above.display()
                    ),
                ),
                None => (
                    format!("{path} cannot be written to: {why}"),
                    format!(
                        "run this as the user that runs hekate; if that is whom you are: `chown -R` it and `chmod 700 {path}`"
                    ),
                ),
            };
            return Line::new(Subject::Store, State::Problem, at).fix(fix);
        }
        Ok(took) => *took,
    };
    let free = seen.free_bytes.map_or_else(
        || String::from("the system does not say how much is free"),
        |free| format!("{} free", size(free)),
    );
    let sync = format!("fsync {:.1} ms", took.as_secs_f64() * 1_000.0);
    let (what, faults) = contents(seen);
    let mut line = Line::fine(Subject::Store, format!("{path} {what}, {free}, {sync}"));
    match seen.free_bytes {
        Some(free) if free < store::ROOM_BYTES => {
            line = line
                .at_least(State::Problem)
                .fix("give it room: what happens on a full disk is kept in memory only");
        }
        Some(free) if free < COMFORTABLE_BYTES => {
            line = line
                .at_least(State::Warning)
                .fix("give it 1 GiB; `store.retention` says how long history is kept");
        }
        Some(_) | None => {}
    }
    if took > SYNC_SLOW {
        line = line.at_least(State::Warning).fix(
            "put it on another disk: a message waits until it is written down that it is owed",
        );
    }
    if seen.is_open_to_others {
        line = line.at_least(State::Warning).fix(format!(
            "chmod 700 {path}: others of this machine can read what services answered"
        ));
    }
    if !faults.is_empty() {
        // A running hekate writes a line in this moment, maybe.
        let is_last_alone = is_running && faults.len() == 1;
        if !is_last_alone {
            line = line
                .at_least(State::Problem)
                .fix("`hekate store verify` lists every fault; keep a copy of the folder before anything is done");
        }
        line = line.with(faults.into_iter().take(FAULTS_MAX));
    }
    line
}

/// What is in it, and what is wrong with that.
fn contents(seen: &Seen) -> (String, Vec<String>) {
    match &seen.journal {
        None => (
            String::from("is not there yet; the first start makes it"),
            Vec::new(),
        ),
        Some(Err(why)) => (String::from("cannot be read"), vec![why.clone()]),
        Some(Ok(examined)) => {
            let faults: Vec<_> = examined.faults.iter().map(ToString::to_string).collect();
            let words = if faults.is_empty() {
                format!("is whole ({} lines of history)", examined.lines)
            } else {
                format!("has {} faults in {} lines", faults.len(), examined.lines)
            };
            (words, faults)
        }
    }
}

/// A number of bytes, as people say it: `73 GB`.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    let unit = UNITS.into_iter().find(|(_, unit)| bytes >= *unit);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(name, unit)| format!("{} {name}", bytes / unit),
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::cli::doctor::line::text;

    fn seen() -> Seen {
        Seen {
            path: PathBuf::from("./data"),
            above: None,
            written: Ok(Duration::from_micros(2_100)),
            free_bytes: Some(73_400_000_000),
            is_open_to_others: false,
            journal: Some(Ok(Examined {
                lines: 812,
                faults: Vec::new(),
            })),
        }
    }

    #[test]
    fn what_is_said_of_every_folder() {
        let denied = || Err(String::from("Permission denied (os error 13)"));
        let lines = [
            seen(),
            Seen {
                above: Some(PathBuf::from(".")),
                journal: None,
                ..seen()
            },
            Seen {
                above: Some(PathBuf::from("/var/lib")),
                written: denied(),
                journal: None,
                ..seen()
            },
            Seen {
                written: denied(),
                ..seen()
            },
            Seen {
                free_bytes: Some(9_000_000),
                ..seen()
            },
            Seen {
                free_bytes: Some(500_000_000),
                written: Ok(Duration::from_millis(900)),
                is_open_to_others: true,
                ..seen()
            },
            Seen {
                journal: Some(Err(String::from("a newer hekate wrote it"))),
                ..seen()
            },
        ]
        .map(|seen| judge(&seen, false));
        let lines = [&lines[..], &[silent(Path::new("./data"))]].concat();
        expect![[r#"
             2 ✔ store         ./data is whole (812 lines of history), 73 GB free, fsync 2.1 ms
             2 ✔ store         ./data is not there yet; the first start makes it, 73 GB free, fsync 2.1 ms
             2 ✖ store         ./data is not there, and cannot be made: Permission denied (os error 13)
                               fix: make it, for the user that runs hekate: `install -d -m 700 -o hekate ./data` (now there is /var/lib)
             2 ✖ store         ./data cannot be written to: Permission denied (os error 13)
                               fix: run this as the user that runs hekate; if that is whom you are: `chown -R` it and `chmod 700 ./data`
             2 ✖ store         ./data is whole (812 lines of history), 9 MB free, fsync 2.1 ms
                               fix: give it room: what happens on a full disk is kept in memory only
             2 ! store         ./data is whole (812 lines of history), 500 MB free, fsync 900.0 ms
                               fix: give it 1 GiB; `store.retention` says how long history is kept
                               fix: put it on another disk: a message waits until it is written down that it is owed
                               fix: chmod 700 ./data: others of this machine can read what services answered
             2 ✖ store         ./data cannot be read, 73 GB free, fsync 2.1 ms
                               a newer hekate wrote it
                               fix: `hekate store verify` lists every fault; keep a copy of the folder before anything is done
             2 ✖ store         the disk of ./data did not answer within 60 s
                               fix: look at the disk (`dmesg`), or put the store on one of this machine
            2 fine, 1 warning, 5 problems
        "#]].assert_eq(&text(&lines, false));
    }

    #[test]
    fn a_real_folder_is_looked_at_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start();
        let line = judge(&Seen::of(&folder.path().join("a/b"), &clock), false);
        assert_eq!(line.state, State::Fine, "{line:?}");
        assert!(line.words.contains("is not there yet"), "{line:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // Somebody's file is where the folder should be.
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let line = judge(&Seen::of(&file.join("data"), &clock), false);
        assert_eq!(line.state, State::Problem, "{line:?}");
        assert!(line.words.contains("file is no folder"), "{line:?}");
    }
}
