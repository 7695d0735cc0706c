//! The daemon as a child of a benchmark: it never outlives the benchmark, and what it says is shown if that fails.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::Instant;

/// Clock ticks a second in `/proc/<pid>/stat`; Linux has kept it at this for user space for ever.
const TICKS: f64 = 100.0;
/// A start that takes longer has failed.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A process that is killed when this is dropped.
pub(crate) struct Daemon {
    child: Child,
    words: PathBuf,
    listen: u16,
}

impl Daemon {
    /// Starts hekate with this file or folder and waits until it answers at this port.
    pub(crate) fn start(config: &Path, folder: &Path, listen: u16) -> Self {
        let words = folder.join("stderr.txt");
        let file = File::create(&words).expect("the folder is ours");
        let child = Command::new(env!("CARGO_BIN_EXE_hekate"))
            .args(["run", "--quiet", "--config"])
            .arg(config)
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("the program is there");
        let mut daemon = Self {
            child,
            words,
            listen,
        };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", listen)).is_err() {
            let ended = daemon.child.try_wait().expect("it is ours");
            assert!(ended.is_none(), "hekate ended at once: {ended:?}");
            assert!(started.elapsed() < START_LIMIT, "hekate does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        daemon
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// As the system would without a warning.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// What `/metrics` says.
    pub(crate) fn metrics(&self) -> String {
        let mut stream =
            TcpStream::connect(("127.0.0.1", self.listen)).expect("the daemon listens");
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it answers");
        text
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let words = fs::read_to_string(&self.words).unwrap_or_default();
            eprintln!("hekate said:\n{words}");
        }
    }
}

/// A port that is free for the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has ports");
    listener.local_addr().expect("it is bound").port()
}

/// User and system time of a process with all its threads.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let after_name = stat.rsplit_once(')').expect("the name is in brackets").1;
    let fields: Vec<f64> = after_name
        .split_whitespace()
        .skip(1)
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    (fields[10] + fields[11]) / TICKS
}

/// A line of `/proc/<pid>/status` in bytes: `VmRSS` is what is resident, `VmHWM` the most that ever was.
pub(crate) fn memory_bytes(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.expect("Linux says it") * 1024
}

/// The sum of all series whose line begins so.
pub(crate) fn sum(text: &str, name: &str) -> u64 {
    let values = text
        .lines()
        .filter(|line| line.starts_with(name))
        .filter_map(|line| line.rsplit(' ').next());
    values.filter_map(|value| value.parse::<u64>().ok()).sum()
}

/// Measurements are small numbers.
#[expect(clippy::cast_precision_loss, reason = "measurements are small numbers")]
pub(crate) fn as_f64(number: u64) -> f64 {
    number as f64
}
