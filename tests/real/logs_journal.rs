//! Real journals, made by systemd-journal-remote from text, read by `journalctl` and systemd-journal-gatewayd.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use hekate::model::{
    Timestamp,
    logs::{HttpStore, LogFaultKind, LogStore},
    plan::TlsSettings,
};

use crate::{
    logs::Asking,
    servers::{Server, find, program},
};

/// One entry: its unit, and how many seconds ago it was taken in.
type Entry = (&'static str, i64);

/// A folder with one journal of these entries, oldest first, each sent half a second before it was taken in.
fn journal(folder: &Path, now: Timestamp, entries: &[Entry]) -> Option<PathBuf> {
    let remote = find(Path::new("/lib/systemd/systemd-journal-remote"))?;
    let place = folder.join("journal");
    fs::create_dir(&place).expect("the folder can be written");
    let mut export = String::new();
    for (number, (unit, ago)) in entries.iter().enumerate() {
        let taken = (now.as_millis() - ago * 1_000) * 1_000;
        write!(
            export,
            "__REALTIME_TIMESTAMP={taken}\n__MONOTONIC_TIMESTAMP={monotonic}\n\
             _BOOT_ID=0123456789abcdef0123456789abcdef\n_MACHINE_ID=0123456789abcdef0123456789abcdef\n\
             _SYSTEMD_UNIT={unit}\nUNIT=about.service\n_SOURCE_REALTIME_TIMESTAMP={sent}\nMESSAGE=line {number}\n\n",
            monotonic = (number + 1) * 1_000_000,
            sent = taken - 500_000,
        )
        .expect("a string takes everything");
    }
    let text = folder.join("export.txt");
    fs::write(&text, export).expect("the folder can be written");
    let made = Command::new(remote)
        .arg(format!(
            "--output={}",
            place.join("remote.journal").display()
        ))
        .arg(&text)
        .output()
        .expect("the program is there");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{said}");
    Some(place)
}

const ENTRIES: [Entry; 6] = [
    ("other.service", 300),
    ("app.service", 200),
    ("app.service", 120),
    ("app@blue.service", 90),
    ("app.service", 60),
    ("other.service", 30),
];

const UNITS: [&str; 5] = ["app", "app@blue.service", "nobody", "about", "--version"];

fn ago(now: Timestamp, seconds: u64) -> Timestamp {
    now - Duration::from_secs(seconds)
}

async fn check_units(asking: &Asking, now: Timestamp) {
    let answer = asking.round().await;
    let times: Vec<_> = answer
        .readings
        .iter()
        .map(|reading| {
            reading
                .as_ref()
                .map(|reading| (reading.event, reading.ingest))
        })
        .collect();
    let half = Duration::from_millis(500);
    assert_eq!(
        times[0],
        Ok((Some(ago(now, 60) - half), Some(ago(now, 60))))
    );
    assert_eq!(
        times[1],
        Ok((Some(ago(now, 90) - half), Some(ago(now, 90))))
    );
    assert_eq!(times[2], Ok((None, None)));
    // What systemd writes about a unit is no line of the unit.
    assert_eq!(times[3], Ok((None, None)));
    assert!(matches!(times[4], Err(fault) if fault.kind == LogFaultKind::BadQuery));
}

#[tokio::test]
async fn journalctl_reads_a_folder() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let mut asking = Asking::new(LogStore::Journald { directory: None }, &UNITS);
    let now = asking.now();
    let Some((_journalctl, directory)) =
        program("journalctl").zip(journal(folder.path(), now, &ENTRIES))
    else {
        return;
    };
    let store = |directory: PathBuf| LogStore::Journald {
        directory: Some(directory),
    };
    asking = Asking::new(store(directory), &UNITS);
    check_units(&asking, now).await;
    let statement = asking.round().await.statement;
    assert!(statement.is_some_and(|statement| statement.complete_until >= Some(now)));

    // Neither is silence.
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).expect("the folder can be written");
    let missing = folder.path().join("missing");
    for directory in [empty, missing] {
        let answer = Asking::new(store(directory), &["app"]).round().await;
        assert_eq!(answer.statement, None);
        let fault = answer.readings[0]
            .as_ref()
            .expect_err("there is no journal");
        assert_eq!(fault.kind, LogFaultKind::NotFound, "{fault:?}");
    }
}

/// The clock was wrong when the newest entries were taken in.
#[tokio::test]
async fn entries_from_the_future_do_not_hide_the_others() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let now = Asking::new(LogStore::Journald { directory: None }, &[]).now();
    let entries = [("app.service", 60), ("app.service", -3_600)];
    let Some((_journalctl, directory)) =
        program("journalctl").zip(journal(folder.path(), now, &entries))
    else {
        return;
    };
    let store = LogStore::Journald {
        directory: Some(directory),
    };
    let reading = Asking::new(store, &["app"]).reading().await;
    assert_eq!(reading.ingest, Some(ago(now, 60)));
}

#[tokio::test]
async fn the_gateway_serves_a_folder() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let now = Asking::new(LogStore::Journald { directory: None }, &[]).now();
    let gateway = find(Path::new("/lib/systemd/systemd-journal-gatewayd"));
    let Some(((activate, gateway), directory)) = program("systemd-socket-activate")
        .zip(gateway)
        .zip(journal(folder.path(), now, &ENTRIES))
    else {
        return;
    };
    let server = Server::on_a_port(folder.path(), |port| {
        let mut command = Command::new(&activate);
        command
            .arg(format!("--listen=127.0.0.1:{port}"))
            .arg(&gateway)
            .arg("--directory")
            .arg(&directory);
        command
    });
    let store = LogStore::JournalGateway(HttpStore {
        url: format!("http://127.0.0.1:{}", server.port)
            .parse()
            .expect("it is an address"),
        credentials: None,
        headers: Vec::new(),
        tls: TlsSettings::default(),
    });
    let asking = Asking::new(store, &UNITS);
    check_units(&asking, now).await;
    let answer = asking.round().await;
    let until = answer
        .statement
        .and_then(|statement| statement.complete_until);
    assert_eq!(until, Some(ago(now, 30)));
    assert!(answer.skew_ms.is_some_and(|skew| skew.abs() < 10_000));
}
