//! A folder with a file and a store, and the binary that works with it.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    receiver::Receiver,
    wait::until,
    wire::{Answer, ask, get},
};

/// A rhythm for tests. An outage is told a second after its first sign; silence takes longer, so that a busy machine is
/// not taken for one.
const RHYTHM: &str = "defaults: { interval: 1s, timeout: 800ms, confirm: { explicit: 1s, refused: 1s, silent: 4s }, successes: 1 }\n";

/// Every down and every up is to be told, or what a test counts would be told as flapping.
const UNDAMPED: &str = "damp_flapping: false\n";

/// The folder, and what the environment says.
pub(crate) struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
    /// What the binary is started with: a program and its arguments, if any.
    starter: Vec<String>,
    runs: AtomicUsize,
}

impl Home {
    /// With a webhook of the receiver for each of these channels, in variables named `WEBHOOK_` and the channel.
    pub(crate) fn new(receiver: &Receiver, channels: &[&str]) -> Self {
        let mut home = Self {
            folder: tempfile::tempdir().expect("there is room for a folder"),
            variables: Vec::new(),
            starter: Vec::new(),
            runs: AtomicUsize::new(0),
        };
        for channel in channels {
            home.set(&variable_of(channel), &receiver.url(channel));
        }
        home
    }

    /// Sets a variable of the environment for the runs to come.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Lets this program with these arguments start the binary from now on, in its own place.
    pub(crate) fn start_with(&mut self, starter: &[&str]) {
        self.starter = starter.iter().map(|word| (*word).to_owned()).collect();
    }

    /// The variables of all runs.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        self.variables.clone()
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("targets.yaml")
    }

    /// Writes the file: the head that all tests share, the channels of [`Home::new`], and this.
    pub(crate) fn write(&self, rest: &str) {
        self.write_with(RHYTHM, rest);
    }

    /// Writes the file with another rhythm.
    ///
    /// Each target is told by itself, or the targets of a test would be one incident as soon as they fail alike.
    pub(crate) fn write_with(&self, rhythm: &str, rest: &str) {
        self.write_all(&format!("{UNDAMPED}group_incidents: false\n{rhythm}"), rest);
    }

    /// Writes the file so that what goes up and down is told as flapping, as it is by default.
    pub(crate) fn write_damped(&self, rest: &str) {
        self.write_all(RHYTHM, rest);
    }

    /// Writes the file so that what has one cause is told as one, as it is by default.
    pub(crate) fn write_grouped(&self, rest: &str) {
        self.write_all(&format!("{UNDAMPED}{RHYTHM}"), rest);
    }

    fn write_all(&self, head: &str, rest: &str) {
        let mut text = format!("server: {{ listen: \"127.0.0.1:0\" }}\n{head}channels:\n");
        for (name, _) in &self.variables {
            if let Some(channel) = name.strip_prefix("WEBHOOK_") {
                let channel = channel.to_lowercase();
                let _ = writeln!(text, "  {channel}: \"${{{name}}}\"");
            }
        }
        self.write_text(&(text + rest));
    }

    /// Writes the file, in one step, as a careful editor does.
    pub(crate) fn write_text(&self, text: &str) {
        let beside = self.path().join(".targets.yaml.new");
        fs::write(&beside, text).expect("the folder takes files");
        fs::rename(&beside, self.file()).expect("the folder takes files");
    }

    /// Changes what the file says.
    pub(crate) fn rewrite(&self, change: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.file()).expect("there is a file");
        self.write_text(&change(text));
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().expect("the binary can be run"))
            .await
            .expect("waiting does not panic")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let starter = self.starter.iter().map(String::as_str);
        let words: Vec<_> = starter.chain([env!("CARGO_BIN_EXE_hekate")]).collect();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args(arguments)
            .env("HEKATE_CONFIG", self.file())
            .env_remove("HEKATE_SERVER")
            .env_remove("HEKATE_LOG")
            .env_remove("RUST_LOG")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Starts hekate and waits until it watches.
    pub(crate) async fn start(&self) -> Hekate {
        let mut hekate = self.spawn(&["run"]);
        hekate.wait_for_start().await;
        hekate
    }

    /// Starts hekate and does not wait for anything.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Hekate {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let log = self.path().join(format!("run-{run}.log"));
        let out = File::create(self.path().join(format!("run-{run}.out")));
        let child = self
            .command(arguments)
            .stdout(out.expect("the folder takes files"))
            .stderr(File::create(&log).expect("the folder takes files"))
            .spawn()
            .expect("the binary can be run");
        Hekate {
            child,
            log,
            address: ([127, 0, 0, 1], 0).into(),
        }
    }

    /// What all runs so far have logged and printed.
    pub(crate) fn words_of_all_runs(&self) -> String {
        let runs = self.runs.load(Ordering::Relaxed);
        let names = (0..runs).flat_map(|run| [format!("run-{run}.log"), format!("run-{run}.out")]);
        names
            .map(|name| fs::read_to_string(self.path().join(name)).unwrap_or_default())
            .collect()
    }
}

/// The name of the variable with a channel's webhook.
pub(crate) fn variable_of(channel: &str) -> String {
    format!("WEBHOOK_{}", channel.to_uppercase())
}

/// A running hekate; it ends with this value.
pub(crate) struct Hekate {
    child: Child,
    log: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Hekate {
    /// Waits until it says that it watches, and where it listens.
    pub(crate) async fn wait_for_start(&mut self) {
        let started = until("hekate starts", async || {
            let ended = self.child.try_wait().expect("it is our child");
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", self.log());
            self.event("started")
        })
        .await;
        let address = started["address"].as_str().unwrap_or_default();
        self.address = address.parse().expect("it says where it listens");
    }

    /// Waits until it has looked at everything.
    pub(crate) async fn ready(&self) {
        until("hekate is ready", async || {
            let answer = get(self.address, "/readyz").await?;
            (answer.status == 200).then_some(())
        })
        .await;
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The first logged event with this name.
    pub(crate) fn event(&self, name: &str) -> Option<Value> {
        self.events(name).into_iter().next()
    }

    /// All logged events with this name.
    pub(crate) fn events(&self, name: &str) -> Vec<Value> {
        let lines = self.log();
        let values = lines
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        values.filter(|value| value["event"] == name).collect()
    }

    /// Asks it.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        get(self.address, path)
            .await
            .unwrap_or_else(|| panic!("hekate does not answer\n{}", self.log()))
    }

    /// Asks it with headers and a body.
    pub(crate) async fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        ask(self.address, &format!("POST {path}"), headers, body)
            .await
            .unwrap_or_else(|| panic!("hekate does not answer\n{}", self.log()))
    }

    /// The grid.
    pub(crate) async fn status(&self) -> Value {
        self.get("/api/v1/status").await.json()
    }

    /// One target of the grid; `null` if it is not there.
    pub(crate) async fn target(&self, id: &str) -> Value {
        let status = self.status().await;
        let mut targets = status["targets"].as_array().into_iter().flatten();
        targets
            .find(|target| target["id"] == id)
            .cloned()
            .unwrap_or_default()
    }

    /// Waits until this target has this verdict.
    pub(crate) async fn shows(&self, id: &str, verdict: &str) -> Value {
        until(&format!("{id} is {verdict}"), async || {
            let target = self.target(id).await;
            (target["verdict"] == verdict).then_some(target)
        })
        .await
    }

    /// The value of a metric without labels.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").await.body;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.trim().parse().ok()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("it has a number"), signal).expect("it is our child");
    }

    /// Whether it has ended by now.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_some()
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        until("hekate ends", async || {
            self.child.try_wait().expect("it is our child")
        })
        .await
    }

    /// Ends it in order.
    pub(crate) async fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.ended().await;
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }

    /// Ends it at once, as a loss of power would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }
}

impl Drop for Hekate {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().rev().take(60).collect();
            let last: Vec<_> = lines.into_iter().rev().collect();
            let _ = writeln!(
                io::stderr(),
                "the end of the log of {}:\n{}",
                self.pid(),
                last.join("\n")
            );
        }
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
