//! Faults at the border to the system: calls that fail, and calls at which the process is killed.
//!
//! `strace` puts them there, so the binary is the one that people run. Its process is the tracer; ending it ends the
//! faults, and hekate goes on.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{home::Hekate, wait::until};

/// Whether faults can be made here; if not, it is said aloud once a test.
pub(crate) fn is_there() -> bool {
    let tried = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=none", "true"])
        .stderr(Stdio::null())
        .status();
    if tried.is_ok_and(|status| status.success()) {
        return true;
    }
    assert!(
        env::var_os("HEKATE_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
        "strace is not there or must not trace: install it, and allow ptrace"
    );
    // Not `eprintln!`: the test runner would swallow it.
    let _ = writeln!(
        io::stderr(),
        "SKIPPED, NOT TESTED: failing calls of the system, for which strace is needed"
    );
    false
}

/// A tracer with its faults; they end with this value.
pub(crate) struct Faults {
    tracer: Child,
    trace: PathBuf,
}

impl Faults {
    /// Does this to these calls of a running hekate from now on, if they are about files of its store: `error=…` or
    /// `delay_enter=…`, and `:when=…` if not always.
    pub(crate) async fn on(hekate: &Hekate, calls: &str, fault: &str, store: &Path) -> Self {
        Self::attach(hekate, calls, fault, store).await
    }

    /// Kills a running hekate just before this call, the one of this number among those of its kind that one of its
    /// threads makes from now on, if they are about files of its store.
    pub(crate) async fn kill_at(hekate: &Hekate, call: &str, number: u64, store: &Path) -> Self {
        let what = format!("signal=KILL:when={number}");
        Self::attach(hekate, call, &what, store).await
    }

    async fn attach(hekate: &Hekate, calls: &str, what: &str, store: &Path) -> Self {
        let trace = store.with_extension("trace");
        let said = store.with_extension("said");
        let mut strace = Command::new("strace");
        // Not the log, nor what talks to others; those that are there, and those that are made at need.
        let mut files = vec![
            store.to_path_buf(),
            store.join("sled"),
            store.join("sled/blobs"),
        ];
        files.extend(
            ["journal.unfinished", "opening", "trial", "ballast"].map(|name| store.join(name)),
        );
        for folder in [store, &store.join("sled")] {
            let listed = fs::read_dir(folder).expect("it can be listed").flatten();
            files.extend(
                listed
                    .map(|entry| entry.path())
                    .filter(|path| path.is_file()),
            );
        }
        for file in files {
            strace.arg("-P").arg(file);
        }
        let tracer = strace
            .args(["-f", "-y", "-s", "0", "-e", "signal=none"])
            .args(["-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{what}")])
            .arg("-o")
            .arg(&trace)
            .args(["-p", &hekate.pid().to_string()])
            .stderr(fs::File::create(&said).expect("there is room"))
            .spawn()
            .expect("it was there a moment ago");
        let faults = Self { tracer, trace };
        until("strace holds every thread", async || {
            let said = fs::read_to_string(&said).ok()?;
            said.contains("attached").then_some(())
        })
        .await;
        faults
    }

    /// Waits until at least one call met its fault.
    pub(crate) async fn bite(&self) {
        until("a call meets its fault", async || {
            let trace = fs::read_to_string(&self.trace).ok()?;
            let is_met = trace.contains("(INJECTED)") || trace.contains("(DELAYED)");
            is_met.then_some(())
        })
        .await;
    }

    /// Ends the faults.
    pub(crate) async fn end(mut self) {
        // It lets go of every thread first.
        let pid = i32::try_from(self.tracer.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("it has a number"), Signal::TERM).expect("it is our child");
        until("strace lets go", async || {
            self.tracer.try_wait().expect("it is our child")
        })
        .await;
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}
