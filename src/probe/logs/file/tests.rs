//! Real files, rotated, cut and broken in every way that was seen; and hostile ones.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions, Permissions},
    io::Write as _,
    os::unix::{
        fs::{FileExt as _, PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    sync::mpsc,
    time::{Duration, SystemTime},
};

use chrono_tz::Tz;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::model::{SourceName, logs::Canary};

use super::*;

/// 2027-01-15T08:00:00Z
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const GRACE: Duration = Duration::from_secs(60);

/// A folder of logs and who reads it, with a clock that only the story moves.
struct World {
    folder: TempDir,
    files: Files,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = LogSource {
            name: SourceName::new("files"),
            store: LogStore::File {
                timezone: Tz::Europe__Prague,
                rotation_grace: GRACE,
            },
            canary: Some(Canary {
                via: CanaryPath::File(folder.path().join("canary.log")),
                give_up: Duration::from_mins(10),
            }),
            lag_limit: Duration::from_secs(90),
            reorder_margin: Duration::ZERO,
            channel: None,
        };
        Self {
            files: Files::open(&source),
            folder,
            now: NOW,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn subject(&self, name: impl AsRef<OsStr>) -> Subject {
        Subject {
            query: self
                .folder
                .path()
                .join(name.as_ref())
                .to_string_lossy()
                .into_owned(),
            streams: Vec::new(),
            lookback: Duration::from_mins(15),
        }
    }

    fn wait(&mut self, seconds: u64) -> Timestamp {
        self.now = self.now + Duration::from_secs(seconds);
        self.now
    }

    /// Sets the time of the last change to now, as the file system would have.
    fn touch(&self, path: &Path) {
        let at = SystemTime::UNIX_EPOCH
            + Duration::from_millis(self.now.as_millis().try_into().unwrap());
        File::open(path).unwrap().set_modified(at).unwrap();
    }

    fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).open(&path).unwrap();
        file.write_all(text.as_ref()).unwrap();
        self.touch(&path);
    }

    async fn read(&self, name: &str) -> Result<Reading, LogFault> {
        let mut readings = self.files.read(&[self.subject(name)], self.now).await;
        assert_eq!(readings.len(), 1);
        readings.pop().unwrap()
    }

    /// The event's time; absent if nothing is known.
    async fn event(&self, name: &str) -> Option<Timestamp> {
        self.read(name).await.unwrap().event
    }

    async fn fault(&self, name: &str) -> LogFaultKind {
        self.read(name).await.unwrap_err().kind
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::from(chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc())
}

#[tokio::test]
async fn a_line_says_when_it_was_written() {
    let mut world = World::new();
    world.append(
        "a",
        "2027-01-15 08:58:00,250 INFO zone of the file\nno time\n",
    );
    // Written later than it says: its own word counts.
    assert_eq!(world.event("a").await, Some(at("2027-01-15T07:58:00.25Z")));
    world.wait(30);
    assert_eq!(world.event("a").await, Some(at("2027-01-15T07:58:00.25Z")));
    world.append("a", "2027-01-15T08:00:20Z INFO\n");
    let reading = world.read("a").await.unwrap();
    assert_eq!(reading.event, Some(at("2027-01-15T08:00:20Z")));
    assert_eq!(reading.ingest, Some(world.now));
}

/// First the time of the change, then what grows; a touch alone is no line.
#[tokio::test]
async fn lines_without_times_count_when_they_come() {
    let mut world = World::new();
    world.append("a", "hello\n");
    let first = world.now;
    world.wait(30);
    assert_eq!(world.event("a").await, Some(first));
    world.wait(30);
    world.touch(&world.path("a"));
    assert_eq!(world.event("a").await, Some(first));
    let second = world.wait(30);
    world.append("a", "again\n");
    world.wait(10);
    let reading = world.read("a").await.unwrap();
    assert_eq!(
        (reading.event, reading.ingest),
        (Some(second), Some(second))
    );
    // White space and NUL bytes are no lines.
    world.wait(30);
    world.append("a", "\n\n \0\0\n");
    assert_eq!(world.event("a").await, Some(second));
}

/// A new version of an application may write times that nobody can read; the old ones are still in the tail.
#[tokio::test]
async fn an_old_time_in_the_tail_does_not_hide_new_lines() {
    let mut world = World::new();
    world.append("a", "2027-01-15T07:50:00Z old format\n");
    assert_eq!(world.event("a").await, Some(at("2027-01-15T07:50:00Z")));
    let later = world.wait(600);
    world.append("a", "ten past nine: new format\n");
    assert_eq!(world.event("a").await, Some(later));
}

/// The file server's clock is an hour behind: what came since the last look did not come before it.
#[tokio::test]
async fn a_change_is_not_older_than_the_look_before_it() {
    let mut world = World::new();
    world.append("a", "one\n");
    let first = world.now;
    world.event("a").await;
    world.append("a", "two\n");
    let behind = SystemTime::UNIX_EPOCH + Duration::from_millis(1_799_996_400_000);
    File::open(world.path("a"))
        .unwrap()
        .set_modified(behind)
        .unwrap();
    world.wait(30);
    assert_eq!(world.event("a").await, Some(first));
}

/// A writer that fills buffers ends in the middle of a line, and in the middle of a time.
#[tokio::test]
async fn a_line_is_read_again_when_its_end_comes() {
    let mut world = World::new();
    world.append("a", "2027-01-15 08:50:00 one\n2027-01-15 08:55:00");
    assert_eq!(world.event("a").await, Some(at("2027-01-15T07:50:00Z")));
    world.wait(5);
    // It was not 08:55 in Prague.
    world.append("a", "+00:00 two\n");
    assert_eq!(
        world.event("a").await,
        Some(world.now.min(at("2027-01-15T08:55:00Z")))
    );
}

#[tokio::test]
async fn rename_and_create_follows_the_writer() {
    let mut world = World::new();
    world.append("a", "one\n");
    world.event("a").await;
    world.wait(30);
    fs::rename(world.path("a"), world.path("a.1")).unwrap();
    // In between there is no file, which is no news.
    assert_eq!(world.event("a").await, Some(NOW));
    File::create(world.path("a")).unwrap();
    world.touch(&world.path("a"));
    // The new file has been changed just now, and nobody wrote a line.
    assert_eq!(world.event("a").await, Some(NOW));
    let old_grows = world.wait(30);
    world.append("a.1", "two\n");
    assert_eq!(world.event("a").await, Some(old_grows));
    let new_grows = world.wait(30);
    world.append("a", "three\n");
    assert_eq!(world.event("a").await, Some(new_grows));
    // From now on the old one is no longer open.
    world.wait(30);
    world.append("a.1", "four\n");
    assert_eq!(world.event("a").await, Some(new_grows));
}

/// A header in the new file is a line, and the application still writes to the old one.
#[tokio::test]
async fn what_still_grows_is_followed_beside_a_new_file_with_lines() {
    let mut world = World::new();
    world.append("a", "one\n");
    world.event("a").await;
    fs::rename(world.path("a"), world.path("a.1")).unwrap();
    world.append("a", "# a header\n");
    for _ in 0..3 {
        let grown = world.wait(30);
        world.append("a.1", "more\n");
        assert_eq!(world.event("a").await, Some(grown));
    }
}

#[tokio::test]
async fn a_file_that_was_deleted_under_its_writer_is_told_after_the_grace() {
    let mut world = World::new();
    world.append("a", "one\n");
    world.event("a").await;
    let mut writer = OpenOptions::new()
        .append(true)
        .open(world.path("a"))
        .unwrap();
    fs::remove_file(world.path("a")).unwrap();
    let later = world.wait(59);
    writer.write_all(b"two\n").unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(later.as_millis().try_into().unwrap());
    writer.set_modified(at).unwrap();
    assert_eq!(world.event("a").await, Some(later));
    world.wait(2);
    assert_eq!(world.fault("a").await, LogFaultKind::NotFound);
    world.append("a", "three\n");
    assert_eq!(world.event("a").await, Some(world.now));
}

#[tokio::test]
async fn a_file_that_never_was_there_is_not_a_rotation() {
    let world = World::new();
    assert_eq!(world.fault("a").await, LogFaultKind::NotFound);
    assert_eq!(world.fault("no/such/folder").await, LogFaultKind::NotFound);
    world.append("file", "");
    assert_eq!(world.fault("file/below").await, LogFaultKind::NotFound);
}

#[tokio::test]
async fn cutting_is_neither_progress_nor_an_alarm() {
    let mut world = World::new();
    world.append("a", "one\ntwo\n");
    world.event("a").await;
    world.wait(30);
    File::create(world.path("a")).unwrap();
    world.touch(&world.path("a"));
    assert_eq!(world.event("a").await, Some(NOW));
    let later = world.wait(30);
    world.append("a", "three\n");
    assert_eq!(world.event("a").await, Some(later));
}

/// `copytruncate` under a writer that does not append: it goes on where it was, and leaves a hole of NUL bytes.
#[tokio::test]
async fn a_hole_is_no_line() {
    let mut world = World::new();
    let path = world.path("a");
    let writer = File::create(&path).unwrap();
    let mut place = 0;
    let mut write = |text: &str| {
        writer.write_all_at(text.as_bytes(), place).unwrap();
        place += text.len() as u64;
    };
    write(&format!("{}\n", "x".repeat(100)));
    world.touch(&path);
    world.event("a").await;
    world.wait(30);
    fs::copy(&path, world.path("a.1")).unwrap();
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(0)
        .unwrap();
    world.touch(&path);
    assert_eq!(world.event("a").await, Some(NOW));
    // Longer, and nothing but a hole.
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(80)
        .unwrap();
    world.touch(&path);
    assert_eq!(world.event("a").await, Some(NOW));
    let later = world.wait(30);
    write("two\n");
    world.touch(&path);
    assert_eq!(
        fs::read(&path)
            .unwrap()
            .iter()
            .filter(|byte| **byte == 0)
            .count(),
        101
    );
    assert_eq!(world.event("a").await, Some(later));
    // A time after the hole is at the beginning of its line.
    let path = world.path("b");
    fs::write(&path, [&[0; 101][..], b"2027-01-15T07:59:00Z x\n"].concat()).unwrap();
    assert_eq!(world.event("b").await, Some(at("2027-01-15T07:59:00Z")));
}

/// A sign of life that is written over and over, always as long.
#[tokio::test]
async fn a_file_that_is_written_anew_with_the_same_length() {
    let mut world = World::new();
    let write = |world: &World, text: &str| {
        fs::write(world.path("a"), text).unwrap();
        world.touch(&world.path("a"));
    };
    write(&world, "run 1\n");
    world.event("a").await;
    let later = world.wait(30);
    write(&world, "run 2\n");
    assert_eq!(world.event("a").await, Some(later));
    world.wait(30);
    write(&world, "run 2\n");
    assert_eq!(world.event("a").await, Some(later));
}

#[tokio::test]
async fn a_star_follows_the_newest_file_and_the_one_before_it() {
    let mut world = World::new();
    world.append("app-14.log", "2027-01-14T23:00:00Z\n");
    world.append("app-15.log", "2027-01-15T07:59:00Z x\n");
    world.append("app-15.log.gz", "packed");
    world.append("other.log", "2027-01-15T08:00:00Z x\n");
    fs::create_dir(world.path("app-dir.log")).unwrap();
    symlink(world.path("nowhere"), world.path("app-link.log")).unwrap();
    world.touch(&world.path("app-14.log"));
    assert_eq!(
        world.event("app-*.log").await,
        Some(at("2027-01-15T07:59:00Z"))
    );
    world.wait(60);
    world.append("app-16.log", "2027-01-15T08:00:50Z x\n");
    assert_eq!(
        world.event("app-*.log").await,
        Some(at("2027-01-15T08:00:50Z"))
    );
    world.wait(60);
    world.append("app-15.log", "2027-01-15T08:01:50Z x\n");
    assert_eq!(
        world.event("app-*.log").await,
        Some(at("2027-01-15T08:01:50Z"))
    );
    assert_eq!(world.fault("*/app.log").await, LogFaultKind::BadQuery);
    assert_eq!(world.fault("nothing-*.log").await, LogFaultKind::NotFound);
}

#[tokio::test]
async fn what_is_no_file_is_not_opened() {
    let world = World::new();
    fs::create_dir(world.path("folder")).unwrap();
    let _listener = UnixListener::bind(world.path("socket")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(world.path("pipe"))
        .status();
    assert!(made.unwrap().success());
    symlink(world.path("loop"), world.path("loop")).unwrap();
    symlink("/dev/zero", world.path("device")).unwrap();
    let long = "x".repeat(300);
    for name in ["folder", "socket", "pipe", "loop", "device", &long, "nul\0"] {
        assert_eq!(world.fault(name).await, LogFaultKind::BadQuery, "{name}");
    }
    // A file whose place a folder takes.
    world.append("a", "one\n");
    world.event("a").await;
    fs::remove_file(world.path("a")).unwrap();
    fs::create_dir(world.path("a")).unwrap();
    assert_eq!(world.fault("a").await, LogFaultKind::BadQuery);
}

#[tokio::test]
async fn a_link_is_followed_to_where_it_points_now() {
    let mut world = World::new();
    world.append("one", "x\n");
    symlink(world.path("one"), world.path("current")).unwrap();
    world.event("current").await;
    let later = world.wait(30);
    world.append("two", "y\n");
    fs::remove_file(world.path("current")).unwrap();
    symlink(world.path("two"), world.path("current")).unwrap();
    assert_eq!(world.event("current").await, Some(later));
}

#[tokio::test]
async fn a_file_that_may_not_be_read() {
    let world = World::new();
    world.append("a", "one\n");
    fs::set_permissions(world.path("a"), Permissions::from_mode(0o000)).unwrap();
    let denied = std::io::Error::from(rustix::io::Errno::ACCESS);
    assert_eq!(place::fault(&denied).kind, LogFaultKind::Auth);
    // Nothing is forbidden to the superuser.
    if !rustix::process::geteuid().is_root() {
        assert_eq!(world.fault("a").await, LogFaultKind::Auth);
    }
}

#[tokio::test]
async fn only_the_end_of_a_huge_file_is_read() {
    let world = World::new();
    let path = world.path("a");
    File::create(&path).unwrap().set_len(1 << 30).unwrap();
    world.touch(&path);
    assert_eq!(world.event("a").await, None);
    world.append("a", "\n2027-01-15T07:59:00Z x\n");
    assert_eq!(world.event("a").await, Some(at("2027-01-15T07:59:00Z")));
    // A line without an end: its beginning is far away.
    let mut endless = b"2027-01-15T07:00:00Z ".to_vec();
    endless.resize(300_000, b'2');
    world.append("b", endless);
    assert_eq!(world.event("b").await, Some(world.now));
}

#[tokio::test]
async fn a_time_in_the_future_is_not_believed() {
    let mut world = World::new();
    world.append(
        "a",
        "2027-01-15T07:59:00Z x\n2027-01-15T08:00:31Z y\n2099-01-01T00:00:00Z z\n",
    );
    assert_eq!(world.event("a").await, Some(at("2027-01-15T07:59:00Z")));
    world.append("b", "2099-01-01T00:00:00Z z\n");
    assert_eq!(world.event("b").await, Some(world.now));
    // The clock is set back by an hour: what was known is from the future now.
    world.append("a", "2027-01-15T08:00:00Z x\n");
    assert_eq!(world.event("a").await, Some(world.now));
    world.now = world.now - Duration::from_hours(1);
    assert_eq!(world.event("a").await, None);
    world.wait(10);
    world.append("a", "2027-01-15T07:00:10Z x\n");
    assert_eq!(world.event("a").await, Some(world.now));
}

/// More files than may be kept open are read, each time anew.
#[tokio::test]
async fn without_room_to_keep_them_open_files_are_still_read() {
    let mut world = World::new();
    let rules = Rules {
        zone: Tz::UTC,
        rotation_grace: GRACE,
        kept_open: Arc::new(Semaphore::new(0)),
    };
    world.files.rules = Arc::new(rules);
    world.append("a", "one\n");
    assert_eq!(world.event("a").await, Some(world.now));
    let later = world.wait(30);
    world.append("a", "two\n");
    assert_eq!(world.event("a").await, Some(later));
    let later = world.wait(30);
    fs::rename(world.path("a"), world.path("a.1")).unwrap();
    world.append("a", "three\n");
    assert_eq!(world.event("a").await, Some(later));
}

/// What is no longer asked for is closed.
#[tokio::test]
async fn files_are_given_back() {
    let world = World::new();
    world.append("a", "one\n");
    world.event("a").await;
    let room = &world.files.rules.kept_open;
    assert_eq!(room.available_permits(), KEPT_OPEN_MAX - 1);
    world.files.read(&[], world.now).await;
    assert_eq!(room.available_permits(), KEPT_OPEN_MAX);
}

/// One file hangs: its look ends, it is not tried again while it hangs, and the others are read.
#[tokio::test]
async fn a_file_system_that_hangs_takes_one_thread() {
    let mut world = World::new();
    world.files.within = Duration::from_millis(50);
    world.append("a", "one\n");
    world.append("b", "one\n");
    let subjects = [world.subject("a"), world.subject("b")];
    let hung = Arc::clone(&world.files.followed(&subjects)[0]);
    let (release, released) = mpsc::channel::<()>();
    let hanging = world.files.work(hung, move |_| {
        let _ = released.recv();
        Ok(())
    });
    assert_eq!(hanging.await.unwrap_err().kind, LogFaultKind::Unreachable);
    world.files.within = LOOK_WITHIN;
    for _ in 0..8 {
        let readings = world.files.read(&subjects, world.now).await;
        let fault = readings[0].as_ref().unwrap_err();
        assert_eq!(
            fault.words,
            "the file system has not answered since the round before"
        );
        assert_eq!(readings[1].as_ref().unwrap().event, Some(world.now));
    }
    assert_eq!(world.files.workers.available_permits(), WORKERS_MAX - 1);
    drop(release);
    // When all places are free it is no longer hanging.
    let all = u32::try_from(WORKERS_MAX).unwrap();
    drop(world.files.workers.acquire_many(all).await.unwrap());
    let readings = world.files.read(&subjects, world.now).await;
    assert_eq!(readings[0].as_ref().unwrap().event, Some(world.now));
}

#[tokio::test]
async fn canaries_are_found_also_in_the_file_before() {
    let world = World::new();
    let marks: Vec<_> = (1..=5)
        .map(|number| CanaryMark {
            number,
            sent_at: world.now,
        })
        .collect();
    let find = || world.files.find("prague-1", &marks, world.now);
    assert_eq!(find().await.unwrap_err().kind, LogFaultKind::NotFound);
    world.append(
        "canary.log",
        "{\"hekate_canary\":\"prague-1-1\"}\nx hekate_canary=prague-1-3\n",
    );
    assert_eq!(find().await.unwrap(), [1, 3]);
    fs::rename(world.path("canary.log"), world.path("canary.log.1")).unwrap();
    assert_eq!(find().await.unwrap(), [1, 3]);
    File::create(world.path("canary.log")).unwrap();
    assert_eq!(find().await.unwrap(), [1, 3]);
    world.append(
        "canary.log",
        "{\"hekate_canary\":\"prague-1-5\"}\n{\"hekate_canary\":\"prague-4\"}\n",
    );
    let found = find().await.unwrap();
    assert!(found.contains(&5) && !found.contains(&4), "{found:?}");
    let without = Files {
        canary: None,
        ..World::new().files
    };
    assert_eq!(
        without.find("x", &marks, world.now).await.unwrap_err().kind,
        LogFaultKind::BadQuery
    );
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..60),
        "[0-9TZ:./ +-]{0,40}".prop_map(String::into_bytes),
        "(2027-01-15T0[0-9]:00:00Z|Jan 1[0-9] 08:00:00|I0115 08:00:00|1[0-9]{9}|9{13,19}) x\n"
            .prop_map(String::into_bytes),
        r#"\{"(ts|time|@timestamp)": ?("[0-9T:-]{0,20}"|-?[0-9]{1,20}(\.[0-9]{1,3})?|null)\}\n"#
            .prop_map(String::into_bytes),
        Just(vec![0; 50]),
        Just(b"\n".to_vec()),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in the file, whatever happens to it and to the clock.
    #[test]
    fn nothing_panics_and_nothing_is_read_in_the_future(
        steps in proptest::collection::vec((0_u8..5, content(), 0_i64..100_000), 1..8)
    ) {
        let world = World::new();
        let path = world.path("a");
        let rules = &world.files.rules;
        let mut followed = Followed::default();
        for (step, bytes, millis) in steps {
            match step {
                0 => fs::write(&path, &bytes).unwrap(),
                1 => drop(fs::rename(&path, world.path("b"))),
                2 => drop(File::options().write(true).open(&path).map(|file| file.set_len(10))),
                _ => world.append("a", &bytes),
            }
            // Back and forth.
            let now = Timestamp::from_millis(1_800_000_000_000 + millis - 50_000);
            if let Ok(reading) = followed.look(&path.to_string_lossy(), GRACE, rules, now) {
                prop_assert!(reading.event <= Some(now) && reading.ingest <= Some(now));
                prop_assert!(reading.event >= Some(Timestamp::default()) || reading.event.is_none());
            }
        }
    }
}
