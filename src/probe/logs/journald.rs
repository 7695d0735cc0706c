//! The journal of this machine, read through `journalctl`.
//!
//! `journalctl` says nothing and ends well when there is no entry, no such unit, no journal at all, and no permission to
//! read it. So every round first proves that the journal can be read, by its newest entry of any unit; only then is an
//! empty answer silence.

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use futures_util::{
    future::BoxFuture,
    stream::{self, StreamExt as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
    sync::{Mutex, Semaphore, oneshot},
};

use crate::model::{
    Timestamp,
    logs::{CanaryMark, LogFault, LogFaultKind, LogSource, LogStore, Reading, Statement, Subject},
};

use super::{Store, direct, journal};

/// So many copies of `journalctl` run at the same time for one source.
const AT_ONCE: usize = 4;
/// More of what it says is not read; one entry without its message has a few hundred bytes.
const OUTPUT_MAX: u64 = 64 * 1024;
/// So many of the last entries are asked for.
const LINES: usize = 10;
/// Where programs are if the environment does not say it.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The journal of this machine.
pub(super) struct Journald {
    program: PathBuf,
    directory: Option<PathBuf>,
    running: Arc<Semaphore>,
    /// The proof of the round that began at this time; a round asks for it twice.
    proof: Mutex<Option<(Timestamp, Result<(), LogFault>)>>,
}

/// What a program said until it ended.
struct Ended {
    status: ExitStatus,
    out: Vec<u8>,
    words: String,
}

impl Journald {
    pub(super) fn open(source: &LogSource) -> Self {
        let directory = match &source.store {
            LogStore::Journald { directory } => directory.clone(),
            LogStore::Graylog(_)
            | LogStore::Elasticsearch { .. }
            | LogStore::Loki { .. }
            | LogStore::VictoriaLogs { .. }
            | LogStore::Prometheus { .. }
            | LogStore::File { .. }
            | LogStore::JournalGateway(_)
            | LogStore::Docker { .. }
            | LogStore::Kubernetes(_)
            | LogStore::HttpJson { .. }
            | LogStore::Push { .. } => None,
        };
        Self::with_program(Path::new("journalctl"), directory)
    }

    fn with_program(program: &Path, directory: Option<PathBuf>) -> Self {
        Self {
            program: program.to_owned(),
            directory,
            running: Arc::new(Semaphore::new(AT_ONCE)),
            proof: Mutex::new(None),
        }
    }

    /// Whether the journal can be read: it has an entry of anybody.
    async fn prove(&self, now: Timestamp) -> Result<(), LogFault> {
        let mut proof = self.proof.lock().await;
        if let Some((at, proved)) = &*proof
            && *at == now
        {
            return proved.clone();
        }
        let proved = self.newest(None, now).await.and_then(|found| {
            let (reading, words) = found;
            if words.contains("not seeing messages from other users") {
                return Err(not_let_in());
            }
            match reading.ingest {
                Some(_) => Ok(()),
                None => Err(LogFault::new(
                    LogFaultKind::NotFound,
                    "there is no journal, or nothing in it",
                )),
            }
        });
        *proof = Some((now, proved.clone()));
        proved
    }

    async fn read_unit(&self, subject: &Subject, now: Timestamp) -> Result<Reading, LogFault> {
        let (field, unit) = journal::unit_match(&subject.query)?;
        let (reading, _) = self.newest(Some(format!("{field}={unit}")), now).await?;
        Ok(reading)
    }

    /// The newest entry that fits, and what else was said.
    async fn newest(
        &self,
        wanted: Option<String>,
        now: Timestamp,
    ) -> Result<(Reading, String), LogFault> {
        let mut command = Command::new(&self.program);
        command
            .args(["--no-pager", "--output=json"])
            // Some, for the newest may be of a time when the clock was wrong. No `--until`, which would search by time
            // and find nothing in a journal where that goes back.
            .arg(format!("--lines={LINES}"))
            .arg("--output-fields=_SOURCE_REALTIME_TIMESTAMP");
        if let Some(directory) = &self.directory {
            let mut argument = OsString::from("--directory=");
            argument.push(directory);
            command.arg(argument);
        }
        command.args(wanted);
        let ended = self.run(command).await?;
        if !ended.status.success() {
            return Err(failed(&ended));
        }
        if ended.words.contains("insufficient permissions") {
            return Err(not_let_in());
        }
        Ok((journal::newest(&ended.out, now)?, ended.words))
    }

    /// Runs a program to its end. If nobody waits any more it is killed; its place is free again only when it is gone,
    /// since one that hangs in the kernel outlives even that.
    async fn run(&self, mut command: Command) -> Result<Ended, LogFault> {
        let Ok(place) = Arc::clone(&self.running).acquire_owned().await else {
            return Err(own("no place to run journalctl"));
        };
        command
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_else(|| PATH.into()))
            // Its words are read below.
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| not_started(&error))?;
        let (mut answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = end(&mut child) => Some(ended),
                () = answer.closed() => None,
            };
            match ended {
                Some(ended) => drop(answer.send(ended)),
                None => drop(child.kill().await),
            }
            drop(place);
        });
        answered
            .await
            .map_err(|_gone| own("hekate is ending"))?
            .map_err(|error| own(&error.to_string()))
    }
}

async fn end(child: &mut Child) -> io::Result<Ended> {
    let (out, words) = (child.stdout.take(), child.stderr.take());
    let (out, words) = tokio::join!(all_of(out), all_of(words));
    Ok(Ended {
        out: out?,
        words: String::from_utf8_lossy(&words?).into_owned(),
        status: child.wait().await?,
    })
}

/// What a pipe brings, up to the limit; then it is closed, and whoever writes on ends.
async fn all_of(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(OUTPUT_MAX).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

fn not_started(error: &io::Error) -> LogFault {
    if error.kind() == io::ErrorKind::NotFound {
        own("journalctl is not installed")
    } else {
        own(&format!("journalctl cannot be started: {error}"))
    }
}

fn failed(ended: &Ended) -> LogFault {
    let words = ended.words.trim();
    let kind = if words.contains("Permission denied") {
        LogFaultKind::Auth
    } else if words.contains("No such file or directory") || words.contains("Not a directory") {
        LogFaultKind::NotFound
    } else {
        LogFaultKind::Unreachable
    };
    if words.is_empty() {
        LogFault::new(kind, format!("journalctl ended with {}", ended.status))
    } else {
        LogFault::new(kind, words)
    }
}

fn not_let_in() -> LogFault {
    LogFault::new(
        LogFaultKind::Auth,
        "no permission to read the journal; it takes the group systemd-journal",
    )
}

fn own(words: &str) -> LogFault {
    LogFault::new(LogFaultKind::Own, words)
}

impl Store for Journald {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
        _limit: Duration,
    ) -> BoxFuture<'a, Vec<Result<Reading, LogFault>>> {
        Box::pin(async move {
            if let Err(fault) = self.prove(now).await {
                return subjects.iter().map(|_| Err(fault.clone())).collect();
            }
            let mut reading = Vec::with_capacity(subjects.len());
            for subject in subjects {
                reading.push(self.read_unit(subject, now));
            }
            stream::iter(reading).buffered(AT_ONCE).collect().await
        })
    }

    fn find<'a>(
        &'a self,
        _monitor: &'a str,
        _unseen: &'a [CanaryMark],
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<u64>, LogFault>> {
        Box::pin(async { Err(direct::no_canary()) })
    }

    fn state(&self, now: Timestamp) -> BoxFuture<'_, Option<Statement>> {
        Box::pin(async move {
            self.prove(now).await.ok()?;
            Some(direct::statement(now))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

    use expect_test::{Expect, expect};
    use tempfile::TempDir;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    /// A program in place of `journalctl` that runs these lines of shell.
    fn stand_in(lines: &str) -> (TempDir, Journald) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("journalctl");
        fs::write(
            &program,
            format!("#!/bin/sh\ncd '{}'\n{lines}\n", folder.path().display()),
        )
        .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let journald = Journald::with_program(&program, None);
        (folder, journald)
    }

    fn subjects(queries: &[&str]) -> Vec<Subject> {
        let subject = |query: &&str| Subject {
            query: (*query).to_owned(),
            streams: Vec::new(),
            lookback: Duration::from_mins(15),
        };
        queries.iter().map(subject).collect()
    }

    async fn check(lines: &str, queries: &[&str], expected: Expect) {
        let (_folder, journald) = stand_in(lines);
        let readings = journald
            .read(&subjects(queries), NOW, crate::probe::logs::ROUND)
            .await;
        let lines: Vec<_> = readings.iter().map(|one| format!("{one:?}")).collect();
        let mut text = lines.join("\n") + "\n";
        let statement = journald.state(NOW).await;
        text += if statement.is_some() {
            "complete"
        } else {
            "says nothing"
        };
        expected.assert_eq(&text);
    }

    const NEWEST: &str = r#"echo '{"__REALTIME_TIMESTAMP":"1799999999000000","_SOURCE_REALTIME_TIMESTAMP":"1799999998000000"}'"#;

    #[tokio::test]
    async fn a_readable_journal() {
        let lines = format!("case \"$*\" in *_SYSTEMD_UNIT=quiet.service) ;; *) {NEWEST};; esac");
        check(
            &lines,
            &["app", "quiet", "--rotate"],
            expect![[r#"
                Ok(Reading { event: Some(2027-01-15T07:59:58.000Z), ingest: Some(2027-01-15T07:59:59.000Z), is_partial: false })
                Ok(Reading { event: None, ingest: None, is_partial: false })
                Err(LogFault { kind: BadQuery, words: "it is not the name of a unit" })
                complete"#]],
        )
        .await;
    }

    /// All of these end well and say nothing on standard output: no silence may be read into that.
    #[tokio::test]
    async fn a_journal_that_cannot_be_read_is_not_silent() {
        check(
            "exit 0",
            &["app"],
            expect![[r#"
                Err(LogFault { kind: NotFound, words: "there is no journal, or nothing in it" })
                says nothing"#]],
        )
        .await;
        check(
            "echo 'No journal files were opened due to insufficient permissions.' >&2",
            &["app"],
            expect![[r#"
                Err(LogFault { kind: Auth, words: "no permission to read the journal; it takes the group systemd-journal" })
                says nothing"#]],
        )
        .await;
        let hint = format!(
            "echo 'Hint: You are currently not seeing messages from other users and the system.' >&2; {NEWEST}"
        );
        check(
            &hint,
            &["app"],
            expect![[r#"
                Err(LogFault { kind: Auth, words: "no permission to read the journal; it takes the group systemd-journal" })
                says nothing"#]],
        )
        .await;
        check(
            "echo 'Failed to open /nowhere: No such file or directory' >&2; exit 1",
            &["app"],
            expect![[r#"
                Err(LogFault { kind: NotFound, words: "Failed to open /nowhere: No such file or directory" })
                says nothing"#]],
        )
        .await;
        check(
            "exit 3",
            &["app"],
            expect![[r#"
                Err(LogFault { kind: Unreachable, words: "journalctl ended with exit status: 3" })
                says nothing"#]],
        )
        .await;
        check(
            "head -c 1000000 /dev/zero",
            &["app"],
            expect![[r#"
                Err(LogFault { kind: Unreachable, words: "journalctl ended with exit status: 141" })
                says nothing"#]],
        )
        .await;
    }

    #[tokio::test]
    async fn a_missing_program_is_our_own_trouble() {
        let journald = Journald::with_program(Path::new("/nowhere/journalctl"), None);
        let readings = journald
            .read(&subjects(&["app"]), NOW, crate::probe::logs::ROUND)
            .await;
        let fault = readings[0].as_ref().unwrap_err();
        assert_eq!(fault.kind, LogFaultKind::Own);
        assert_eq!(fault.words, "journalctl is not installed");
    }

    /// The shell gets what the query says as one word, and no environment of ours.
    #[tokio::test]
    async fn arguments_are_words_and_the_environment_is_bare() {
        let lines = format!("printf '%s\\n' \"$@\" > arguments; env > environment; {NEWEST}");
        let (folder, mut journald) = stand_in(&lines);
        journald.directory = Some(PathBuf::from("/var/log/with space"));
        journald
            .read(&subjects(&["app@blue"]), NOW, crate::probe::logs::ROUND)
            .await[0]
            .as_ref()
            .unwrap();
        expect![[r#"
            --no-pager
            --output=json
            --lines=10
            --output-fields=_SOURCE_REALTIME_TIMESTAMP
            --directory=/var/log/with space
            _SYSTEMD_UNIT=app@blue.service
        "#]]
        .assert_eq(&fs::read_to_string(folder.path().join("arguments")).unwrap());
        let environment = fs::read_to_string(folder.path().join("environment")).unwrap();
        assert!(!environment.contains("CARGO"), "{environment}");
        assert!(environment.contains("LC_ALL=C"), "{environment}");
    }

    /// It hangs in reading a pipe that nobody writes to.
    #[tokio::test]
    async fn one_that_hangs_is_killed_when_nobody_waits_any_more() {
        let (folder, journald) =
            stand_in("mkfifo never; echo $$ > started.new; mv started.new started; read x < never");
        let subjects = subjects(&["app"]);
        let mut read = journald.read(&subjects, NOW, crate::probe::logs::ROUND);
        let pid = loop {
            let soon = Duration::from_millis(5);
            assert!(
                tokio::time::timeout(soon, &mut read).await.is_err(),
                "it hangs"
            );
            if let Ok(pid) = fs::read_to_string(folder.path().join("started")) {
                break pid.trim().to_owned();
            }
        };
        drop(read);
        // All places are free again, which is so only when the child is gone.
        let places = journald.running.acquire_many(4).await.unwrap();
        assert!(!Path::new("/proc").join(pid).join("exe").exists());
        drop(places);
    }
}
