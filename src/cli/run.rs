//! `hekate run` and `hekate demo`.

use std::time::Duration;

use super::{
    Exit,
    arguments::{Global, Log, Run},
    file,
    terminal::Terminal,
};
use crate::{
    app::{self, Failure, Options, Running},
    config::Environment,
    telemetry::{self, LogFormat},
};

/// How long threads that hang in the system are waited for at the end.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(1);

/// How glibc is told to give back what is free at the end of its heap as soon as it is worth it, in bytes.
///
/// Left alone, it learns from the large pieces that reading the file takes that such pieces are usual here, and keeps what
/// thousands of targets needed once at the start for good. The threshold can be set from the environment only, and only
/// before the first allocation, so the process begins once more under the same number.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HEAP_KEPT: (&str, &str) = ("MALLOC_TRIM_THRESHOLD_", "131072");

/// Begins once more with a heap that gives back what is free; goes on as it is if that cannot be.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn begin_with_a_small_heap() {
    use std::{env, os::unix::process::CommandExt as _, process::Command};

    let (name, value) = HEAP_KEPT;
    if env::var_os(name).is_some() {
        return;
    }
    if let Ok(program) = env::current_exe() {
        // It returns only if it failed, as for a program that has been replaced on the disk; nothing is lost then but memory.
        let _ = Command::new(program)
            .args(env::args_os().skip(1))
            .env(name, value)
            .exec();
    }
}

/// `hekate run`
pub(super) fn run(global: &Global, run: &Run, terminal: Terminal) -> Exit {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    begin_with_a_small_heap();
    let format = match run.log {
        Some(Log::Text) => LogFormat::Pretty,
        Some(Log::Json) => LogFormat::Json,
        None => LogFormat::Auto,
    };
    if let Err(exit) = log(format, global, terminal) {
        return exit;
    }
    #[cfg(feature = "demo")]
    let (preview, is_preview) = (run.slack, run.slack.is_some());
    #[cfg(not(feature = "demo"))]
    let is_preview = false;
    let environment = Environment::of_process();
    let environment = if is_preview {
        environment.for_preview()
    } else {
        environment
    };
    let (plan, contents, discovery) = match file::load(global, &environment, terminal) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let source = Some((file::path(global), contents));
    let options = Options {
        source,
        environment,
        plan,
        discovery,
        staging: app::Staging::default(),
    };
    live(terminal, async move {
        #[cfg(feature = "demo")]
        if let Some(place) = preview {
            return crate::demo::preview(options, place).await;
        }
        app::start(options).await
    })
}

/// `hekate demo`
#[cfg(feature = "demo")]
pub(super) fn demo(demo: &super::arguments::Demo, terminal: Terminal) -> Exit {
    use crate::demo;
    let settings = demo::Settings {
        port: demo.port,
        story: demo.story,
        end_after: demo.end_after,
        has_color: terminal.has_color,
    };
    let runtime = match runtime(terminal) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let say = move |text: &str| terminal.say(text);
    match runtime.block_on(demo::play(settings, say, async {
        asked_to_end().await;
    })) {
        Ok(()) => Exit::Done,
        Err(failure) => {
            terminal.complain(&format!("the demo cannot start: {failure:#}"));
            Exit::NotSo
        }
    }
}

fn log(format: LogFormat, global: &Global, terminal: Terminal) -> Result<(), Exit> {
    let verbosity = if global.quiet {
        -1
    } else {
        i8::try_from(global.verbose.min(2)).unwrap_or(2)
    };
    telemetry::init_logging(format, verbosity).map_err(|error| {
        terminal.complain(&error.to_string());
        Exit::Usage
    })
}

fn runtime(terminal: Terminal) -> Result<tokio::runtime::Runtime, Exit> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            terminal.complain(&format!("cannot start: {error}"));
            Exit::NotSo
        })
}

/// Runs until a signal, then ends in order.
fn live(terminal: Terminal, start: impl Future<Output = Result<Running, Failure>>) -> Exit {
    let runtime = match runtime(terminal) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let exit = runtime.block_on(async {
        let running = match start.await {
            Ok(running) => running,
            Err(failure) => {
                terminal.complain(&failure.to_string());
                return match failure {
                    Failure::Store(_) => Exit::Store,
                    Failure::Listen { .. } | Failure::Sender(_) => Exit::NotSo,
                };
            }
        };
        let exit = asked_to_end().await;
        running.stop().await;
        exit
    });
    // A name that is being resolved holds a thread of the system; nobody waits for it.
    runtime.shutdown_timeout(SHUTDOWN_LIMIT);
    exit
}

/// Waits for Ctrl-C or SIGTERM.
async fn asked_to_end() -> Exit {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be listened to");
            return match tokio::signal::ctrl_c().await {
                Ok(()) | Err(_) => Exit::Interrupted,
            };
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Exit::Interrupted,
        _ = terminate.recv() => Exit::Done,
    }
}
