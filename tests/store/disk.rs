//! A disk that is full or read-only, as a small file system of its own. Needs the right to mount; skipped loudly
//! without it, unless `HEKATE_REQUIRE_SERVERS=1` says that it must not be.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use hekate::{
    clock::Clock,
    store::{Committed, Database, News, Now, Status, Writer},
};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use crate::{records, settings};

/// A mounted tmpfs, unmounted at the end.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let is_mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "hekate-test"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if is_mounted {
            return Some(Self { folder });
        }
        assert!(
            env::var_os("HEKATE_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
            "a tmpfs cannot be mounted, and HEKATE_REQUIRE_SERVERS=1 says that this test must run"
        );
        let mut out = std::io::stderr();
        writeln!(
            out,
            "SKIPPED: a tmpfs cannot be mounted; full and read-only disks are not tested"
        )
        .expect("there is a standard error");
        None
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    /// Leaves no byte free.
    fn fill(&self) {
        let mut filler = fs::File::options()
            .create(true)
            .append(true)
            .open(self.filler())
            .expect("one more file fits");
        for size in [64 * 1024, 4_096, 1] {
            while filler.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.filler()).expect("it is there");
    }

    fn remount(&self, how: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,{how}")])
            .arg(self.folder.path())
            .status()
            .expect("mount is there");
        assert!(status.success(), "remount {how}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let status = Command::new("umount")
            .arg("-l")
            .arg(self.folder.path())
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "it is unmounted"
        );
    }
}

fn now() -> Now {
    let clock = Clock::start();
    Arc::new(move || clock.now())
}

async fn until(status: &mut watch::Receiver<Status>, is_well: bool) -> Status {
    let wanted = |status: &Status| (*status == Status::Well) == is_well;
    let seen = tokio::time::timeout(Duration::from_mins(2), status.wait_for(wanted)).await;
    seen.expect("the status changes")
        .expect("the writer lives")
        .clone()
}

/// All batches up to this number are there, once each.
fn check(folder: &Path, last: u64) {
    let (database, loaded, _) =
        Database::open(&settings(folder), records::at(0)).expect("it opens");
    assert_eq!(loaded.incidents, last);
    let owed: Vec<_> = loaded
        .outbox
        .iter()
        .map(|entry| entry.key.clone())
        .collect();
    assert_eq!(
        owed,
        (last - 9..=last).map(records::key).collect::<Vec<_>>()
    );
    let count: usize = (0..20)
        .map(|number| {
            let history = database.reader().transitions(
                &records::target(number),
                hekate::model::Timestamp::default(),
                usize::MAX,
            );
            history.expect("history is readable").len()
        })
        .sum();
    assert_eq!(count, usize::try_from(last).expect("a small number"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_delays_writing_and_loses_nothing() {
    let Some(disk) = Disk::mount() else {
        return;
    };
    let (database, _, notices) =
        Database::open(&settings(&disk.data()), records::at(0)).expect("it opens");
    assert_eq!(notices, []);
    let (news, mut heard) = mpsc::unbounded_channel();
    let (writer, _thread) = Writer::spawn(database, now(), news).expect("threads start");
    let mut status = writer.status();
    let commit = |number| writer.commit(Arc::new(records::batch(number)));
    for number in 1..=50 {
        assert_eq!(commit(number).await, Committed::Durable);
    }
    disk.fill();
    let mut number = 50;
    let why = loop {
        number += 1;
        if let Committed::KeptInMemory { why } = commit(number).await {
            break why;
        }
        // The ballast was given back and is room for a while; somebody takes that as well.
        disk.fill();
        assert!(number < 100_000, "a full disk takes no end of batches");
    };
    assert!(why.contains("No space left"), "{why}");
    // However long it lasts, answers come.
    for _ in 0..200 {
        number += 1;
        let committed = commit(number).await;
        if committed == Committed::Durable {
            disk.fill();
        }
    }
    disk.free();
    until(&mut status, true).await;
    number += 1;
    assert_eq!(commit(number).await, Committed::Durable);
    assert_eq!(writer.close(Duration::from_mins(1)).await, Some(0));
    drop(writer);
    let mut titles = Vec::new();
    while let Some(news) = heard.recv().await {
        match news {
            News::Notice(notice) => titles.push(notice.title),
            News::Found(_) => panic!("the store was known from the start"),
        }
    }
    assert!(
        titles
            .iter()
            .all(|title| title == "The disk of the store is nearly full"),
        "{titles:?}"
    );
    check(&disk.data(), number);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_on_a_full_disk_is_read_and_opened_later() {
    let Some(disk) = Disk::mount() else {
        return;
    };
    let settings = settings(&disk.data());
    let (mut database, _, _) = Database::open(&settings, records::at(0)).expect("it opens");
    for number in 1..=50 {
        database
            .commit(&[Arc::new(records::batch(number))])
            .expect("it is written");
    }
    drop(database);

    // With the ballast it opens.
    disk.fill();
    let (database, loaded, notices) = Database::open(&settings, records::at(0)).expect("it opens");
    let titles: Vec<_> = notices.iter().map(|notice| notice.title.as_str()).collect();
    assert_eq!(titles, ["The disk of the store is nearly full"]);
    drop(database);

    // Without it, and with sled to be made anew, it does not; and can still be read.
    drop(fs::remove_file(disk.data().join("ballast")));
    fs::remove_dir_all(disk.data().join("sled")).expect("it is there");
    disk.fill();
    let opened = Database::open(&settings, records::at(0)).map(drop);
    let error = opened.expect_err("there is no room");
    assert!(error.is_full() && error.may_pass(), "{error}");
    assert_eq!(Database::peek(&settings).expect("it is readable"), loaded);
    let (news, mut heard) = mpsc::unbounded_channel();
    let (writer, _thread) =
        Writer::spawn_without(settings, &error, now(), news).expect("threads start");
    let mut status = writer.status();
    assert!(matches!(
        until(&mut status, false).await,
        Status::Trouble { .. }
    ));
    let committed = writer.commit(Arc::new(records::batch(51))).await;
    assert!(matches!(committed, Committed::KeptInMemory { .. }));
    disk.free();
    until(&mut status, true).await;
    assert_eq!(writer.close(Duration::from_mins(1)).await, Some(0));
    drop(writer);
    assert_eq!(heard.recv().await, Some(News::Found(Box::new(loaded))));
    let Some(News::Notice(notice)) = heard.recv().await else {
        panic!("that sled was gone is news");
    };
    assert_eq!(notice.title, "The store was rebuilt from its journal");
    check(&disk.data(), 51);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk_is_waited_for() {
    let Some(disk) = Disk::mount() else {
        return;
    };
    let settings = settings(&disk.data());
    let (mut database, _, _) = Database::open(&settings, records::at(0)).expect("it opens");
    for number in 1..=20 {
        database
            .commit(&[Arc::new(records::batch(number))])
            .expect("it is written");
    }
    drop(database);
    disk.remount("ro");
    let opened = Database::open(&settings, records::at(0)).map(drop);
    let error = opened.expect_err("it cannot be written");
    assert!(error.may_pass() && !error.is_full(), "{error}");
    assert_eq!(
        Database::peek(&settings).expect("it is readable").incidents,
        20
    );
    let (news, _heard) = mpsc::unbounded_channel();
    let (writer, _thread) =
        Writer::spawn_without(settings, &error, now(), news).expect("threads start");
    let mut status = writer.status();
    for number in 21..=30 {
        let committed = writer.commit(Arc::new(records::batch(number))).await;
        assert!(matches!(committed, Committed::KeptInMemory { .. }));
    }
    disk.remount("rw");
    until(&mut status, true).await;
    assert_eq!(
        writer.commit(Arc::new(records::batch(31))).await,
        Committed::Durable
    );
    assert_eq!(writer.close(Duration::from_mins(1)).await, Some(0));
    drop(writer);
    check(&disk.data(), 31);
}
