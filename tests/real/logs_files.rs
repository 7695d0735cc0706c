//! Files that rsyslog writes and logrotate rotates.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use hekate::model::logs::LogStore;

use crate::{
    logs::{Asking, until_written},
    servers::program,
};

/// rsyslog of its own, which ends with this value.
struct Rsyslog {
    child: Child,
    socket: PathBuf,
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Rsyslog {
    /// Writes `modern.log`, with RFC 3339 times, and `old.log`, with times of RFC 3164 in UTC.
    async fn start(folder: &Path) -> Option<Self> {
        let rsyslogd = program("rsyslogd")?;
        let socket = folder.join("log.sock");
        let config = format!(
            r#"
            global(workDirectory="{place}")
            module(load="imuxsock" SysSock.Use="off")
            input(type="imuxsock" Socket="{place}/log.sock" CreatePath="off" RateLimit.Interval="0")
            action(type="omfile" file="{place}/modern.log" template="RSYSLOG_FileFormat")
            action(type="omfile" file="{place}/old.log" template="RSYSLOG_TraditionalFileFormat")
            "#,
            place = folder.display(),
        );
        let file = folder.join("rsyslog.conf");
        fs::write(&file, config).expect("the folder can be written");
        let child = Command::new(rsyslogd)
            .arg("-n")
            .arg("-f")
            .arg(&file)
            .arg("-i")
            .arg(folder.join("pid"))
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .spawn()
            .expect("the program is there");
        let server = Self { child, socket };
        server.say(folder, "started").await;
        Some(server)
    }

    /// Sends a line and waits for it in both files, by whatever name they are followed.
    async fn say(&self, folder: &Path, word: &str) {
        self.say_to(&[&folder.join("modern.log"), &folder.join("old.log")], word)
            .await;
    }

    async fn say_to(&self, files: &[&Path], word: &str) {
        let sender = UnixDatagram::unbound().expect("a socket needs nothing");
        let line = format!("<14>Jan  1 00:00:00 app: {word}");
        // Its socket is there some time after its start.
        for _ in 0..3_000 {
            if sender.send_to(line.as_bytes(), &self.socket).is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for file in files {
            until_written(file, word).await;
        }
    }

    fn reopen(&self) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-HUP", &pid]).status();
        assert!(told.expect("kill is there").success());
    }
}

fn rotate(logrotate: &Path, folder: &Path, how: &str) {
    let config = format!(
        "{place}/*.log {{\n rotate 3\n {how}\n nocompress\n}}\n",
        place = folder.display()
    );
    let file = folder.join("logrotate.conf");
    fs::write(&file, config).expect("the folder can be written");
    let done = Command::new(logrotate)
        .arg("--force")
        .arg("--state")
        .arg(folder.join("state"))
        .arg(&file)
        .output()
        .expect("the program is there");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
}

#[tokio::test]
async fn rsyslog_under_logrotate() {
    let Some((rsyslogd, logrotate)) = program("rsyslogd").zip(program("logrotate")) else {
        return;
    };
    drop(rsyslogd);
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let place = folder.path();
    let rsyslog = Rsyslog::start(place).await.expect("it was found");
    let store = |name: &str| {
        let path = place.join(name);
        let store = LogStore::File {
            timezone: chrono_tz::Tz::UTC,
            rotation_grace: Duration::from_mins(1),
        };
        Asking::new(store, &[&path.to_string_lossy()])
    };
    let (modern, old) = (store("modern.log"), store("old.log"));
    let (first, first_old) = (modern.reading().await, old.reading().await);
    let first = first.event.expect("there is a line");
    let first_old = first_old.event.expect("there is a line");
    // The same line, in one file with a fraction of the second.
    assert_eq!(first.as_seconds(), first_old.as_seconds());

    // Renamed, and rsyslog was not told: it goes on in the old file, and the new one stays empty.
    rotate(&logrotate, place, "create");
    assert_eq!(modern.reading().await.event, Some(first));
    let before = modern.now();
    let renamed = [place.join("modern.log.1"), place.join("old.log.1")];
    rsyslog
        .say_to(&[&renamed[0], &renamed[1]], "in-the-old-file")
        .await;
    assert_eq!(fs::read(place.join("modern.log")).ok(), Some(Vec::new()));
    let reading = modern.reading().await;
    assert!(reading.event >= Some(before), "{reading:?} {before}");
    // Its times have no fractions; that it grew is seen for the first time.
    assert!(old.reading().await.ingest.is_some());

    // Told: it goes on in the new file.
    rsyslog.reopen();
    let before = modern.now();
    rsyslog.say_until_in(place, "in-the-new-file").await;
    let reading = modern.reading().await;
    assert!(reading.event >= Some(before), "{reading:?} {before}");

    // Copied and cut: no line, no alarm, and the next line counts.
    let last = modern.reading().await.event;
    rotate(&logrotate, place, "copytruncate");
    assert_eq!(modern.reading().await.event, last);
    let before = modern.now();
    rsyslog.say(place, "after-the-cut").await;
    let reading = modern.reading().await;
    assert!(reading.event >= Some(before), "{reading:?} {before}");
    assert!(reading.event <= Some(modern.now()));
}

impl Rsyslog {
    /// After it was told to open its files anew, the next line may still go to the old ones.
    async fn say_until_in(&self, folder: &Path, word: &str) {
        let file = folder.join("modern.log");
        let sender = UnixDatagram::unbound().expect("a socket needs nothing");
        let line = format!("<14>Jan  1 00:00:00 app: {word}");
        for _ in 0..300 {
            sender
                .send_to(line.as_bytes(), &self.socket)
                .expect("it listens");
            for _ in 0..10 {
                if fs::read_to_string(&file).is_ok_and(|all| all.contains(word)) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        panic!("it never opened its files anew");
    }
}
