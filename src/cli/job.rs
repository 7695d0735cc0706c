//! `hekate job run`: runs a command and says when it began, how it gets on and how it ended, whether or not hekate is there to hear it.

use std::{
    collections::VecDeque,
    io::IsTerminal as _,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::{Client, StatusCode, Url};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use super::{
    Exit,
    arguments::{Global, JobRun},
    file,
    terminal::Terminal,
};
use crate::{
    clock::Clock,
    config::{self, Environment},
    model::{
        Secret,
        job::TOOK_MAX,
        text::{clean, span},
    },
};

/// The variable with the token of a hekate that wants one.
const TOKEN_VARIABLE: &str = "HEKATE_TOKEN";
/// The variable with the ping key.
const KEY_VARIABLE: &str = "HEKATE_PING_KEY";
/// The variable with the address, which may hold the key.
const URL_VARIABLE: &str = "HEKATE_PING_URL";
/// How long one call may take.
const CALL_WITHIN: Duration = Duration::from_secs(5);
/// How long the end is tried to be told, from the end on.
const END_TOLD_WITHIN: Duration = Duration::from_mins(1);
/// The first pause between two calls; each next one is twice as long, up to `PAUSE_MAX`.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// What is told to end has so long until it is killed.
const KILLED_AFTER: Duration = Duration::from_secs(10);
/// The longest line that is kept as evidence, in bytes.
const LINE_BYTES_MAX: usize = 1_000;
/// The code of a command that is not there, as shells have it.
const NOT_FOUND: u8 = 127;
/// The code of a command that cannot be run, as shells have it.
const NOT_RUN: u8 = 126;

/// Runs a command as a run of a job.
pub(super) fn run(global: &Global, asked: &JobRun, terminal: Terminal) -> Exit {
    let line = Line::of(global, asked);
    if let Err(why) = &line {
        // The job is more than its monitoring.
        terminal.complain(&format!("nobody will hear of this run: {why}"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(supervise(asked, line.ok(), terminal)),
        Err(error) => {
            terminal.complain(&error.to_string());
            Exit::Passed(NOT_RUN)
        }
    }
}

/// The way to hekate for one run.
#[derive(Clone)]
struct Line {
    client: Client,
    /// What `/start` and the code of the end come behind; a key may be part of it.
    url: Url,
    token: Option<Secret>,
    run: String,
}

impl Line {
    /// As `--ping-url` says; else at the server of the file or of `--server`, with the key or the token of the variables or of the file.
    fn of(global: &Global, asked: &JobRun) -> Result<Self, String> {
        let given = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        let (mut url, key, token) = if let Some(url) = &asked.ping_url {
            (url.clone(), None, None)
        } else {
            let (server, key, token) = of_file(global);
            let server = global.server.clone().unwrap_or(server);
            (server, given(KEY_VARIABLE).map(Secret::new).or(key), token)
        };
        if asked.ping_url.is_none() {
            url = format!("{}/ping", url.trim_end_matches('/'));
        }
        let parsed = Url::parse(&url)
            .ok()
            .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
        // It may hold a key, so it is not repeated.
        let Some(mut url) = parsed else {
            return Err(String::from(
                "its address is none such as https://status.example.test",
            ));
        };
        if asked.ping_url.is_none()
            && let Ok(mut segments) = url.path_segments_mut()
        {
            if let Some(key) = &key {
                segments.push(key.expose());
            }
            segments.push(&asked.name);
        }
        let token = given(TOKEN_VARIABLE).map(Secret::new).or(token);
        let client = Client::builder()
            .no_proxy()
            .timeout(CALL_WITHIN)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            client,
            url,
            token: token.filter(|_| key.is_none()),
            run: run_id(),
        })
    }

    /// One call; whether hekate has taken it in, or why it never will.
    async fn call(&self, suffix: &str, took: Option<Duration>, body: &str) -> Result<(), Failed> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(suffix);
        }
        url.query_pairs_mut().append_pair("rid", &self.run);
        if let Some(took) = took {
            let millis = took.as_millis().to_string();
            url.query_pairs_mut().append_pair("took_ms", &millis);
        }
        let mut request = self.client.post(url).body(body.to_owned());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let answer = request.send().await;
        // The address may hold a key.
        let answer = answer.map_err(|error| Failed::Passing(error.without_url().to_string()))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(
                Failed::ForGood(String::from("hekate has no job of this name for this key")),
            ),
            StatusCode::CONFLICT | StatusCode::BAD_REQUEST => {
                let said = answer.text().await.unwrap_or_default();
                Err(Failed::ForGood(clean(&said, 200)))
            }
            status => Err(Failed::Passing(format!("it answered {status}"))),
        }
    }

    /// Calls until it is taken in, for this long.
    async fn tell(
        &self,
        suffix: &str,
        took: Option<Duration>,
        body: &str,
        within: Duration,
    ) -> Result<(), String> {
        let clock = Clock::start();
        let since = clock.now().tick;
        let mut pause = PAUSE;
        loop {
            match self.call(suffix, took, body).await {
                Ok(()) => return Ok(()),
                Err(Failed::ForGood(why)) => return Err(why),
                Err(Failed::Passing(why)) if clock.now().tick.since(since) + pause > within => {
                    return Err(why);
                }
                Err(Failed::Passing(_)) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

/// Why a call was not taken in.
enum Failed {
    /// It may be the next time.
    Passing(String),
    /// It never will be.
    ForGood(String),
}

/// Where the file says that hekate listens, and what its callers have to know.
fn of_file(global: &Global) -> (String, Option<Secret>, Option<Secret>) {
    let path = file::path(global);
    let nothing = || (String::from("http://127.0.0.1:8080"), None, None);
    if global.server.is_some() {
        return nothing();
    }
    let environment = Environment::of_process().for_preview();
    let Some(plan) = config::load(&path, &environment).plan else {
        return nothing();
    };
    let mut listen = plan.server.listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let server = &plan.server;
    let (key, token) = (server.ping_key.clone(), server.token.clone());
    (format!("http://{listen}"), key, token)
}

/// A name that no other run has, in the form of a UUID.
fn run_id() -> String {
    use std::hash::BuildHasher as _;
    // Nothing secret hangs on it.
    let seed = std::hash::RandomState::new().hash_one(std::process::id());
    let id: u128 = StdRng::seed_from_u64(seed).random();
    let hex = format!("{id:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// Runs the command to its end, whatever becomes of the calls.
async fn supervise(asked: &JobRun, line: Option<Line>, terminal: Terminal) -> Exit {
    let clock = Clock::start();
    let started = clock.now().tick;
    let starting = line.clone().map(|line| {
        tokio::spawn(async move {
            // As long as it runs: who hears of it late hears of it all the same.
            line.tell("start", None, "", Duration::MAX / 2).await
        })
    });
    let evidence = Evidence::new(asked.tail);
    let code = match spawn(asked) {
        Ok(mut child) => {
            let copies =
                [
                    child.stdout.take().map(|from| {
                        tokio::spawn(copy(from, tokio::io::stdout(), evidence.clone()))
                    }),
                    child.stderr.take().map(|from| {
                        tokio::spawn(copy(from, tokio::io::stderr(), evidence.clone()))
                    }),
                ];
            let code = attend(&mut child, asked.max_runtime, &evidence).await;
            for copying in copies.into_iter().flatten() {
                // What a grandchild still writes is not waited for.
                let _ = tokio::time::timeout(Duration::from_secs(1), copying).await;
            }
            code
        }
        Err(error) => {
            let is_absent = error.kind() == std::io::ErrorKind::NotFound;
            let words = format!("{}: {error}", asked.command[0]);
            terminal.complain(&words);
            evidence.add(words.as_bytes());
            if is_absent { NOT_FOUND } else { NOT_RUN }
        }
    };
    // What ended before its beginning was heard of took some time all the same.
    let took = clock.now().tick.since(started);
    let Some(line) = line else {
        return Exit::Passed(code);
    };
    if let Some(starting) = starting {
        starting.abort();
    }
    let told = line
        .tell(
            &code.to_string(),
            Some(took.min(TOOK_MAX)),
            &evidence.text(),
            END_TOLD_WITHIN,
        )
        .await;
    match told {
        Ok(()) if std::io::stderr().is_terminal() => terminal.remark(&format!(
            "hekate: the end is reported (code {code} after {}, run {})",
            span(Duration::from_secs(took.as_secs())),
            line.run
        )),
        Ok(()) => {}
        Err(why) => terminal.complain(&format!("the end of this run could not be told: {why}")),
    }
    Exit::Passed(code)
}

fn spawn(asked: &JobRun) -> std::io::Result<Child> {
    let (program, arguments) = asked
        .command
        .split_first()
        .ok_or_else(|| std::io::Error::other("there is no command"))?;
    Command::new(program)
        .args(arguments)
        // What opens hekate's doors is no business of the job's.
        .env_remove(KEY_VARIABLE)
        .env_remove(URL_VARIABLE)
        .env_remove(TOKEN_VARIABLE)
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Waits for the end, passes signals on, and ends what takes too long; the code as a shell has it.
async fn attend(child: &mut Child, max_runtime: Option<Duration>, evidence: &Evidence) -> u8 {
    let process = child
        .id()
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let mut terminate = signal(SignalKind::terminate()).ok();
    let mut interrupt = signal(SignalKind::interrupt()).ok();
    let mut hang_up = signal(SignalKind::hangup()).ok();
    let limit = tokio::time::sleep(max_runtime.unwrap_or(Duration::from_hours(24 * 3_650)));
    tokio::pin!(limit);
    let mut is_ending = false;
    loop {
        let passed = tokio::select! {
            status = child.wait() => return code_of(&status),
            Some(()) = heard(&mut terminate) => Signal::TERM,
            Some(()) = heard(&mut interrupt) => Signal::INT,
            Some(()) = heard(&mut hang_up) => Signal::HUP,
            () = &mut limit => {
                limit.as_mut().reset(tokio::time::Instant::now() + KILLED_AFTER);
                if is_ending {
                    Signal::KILL
                } else {
                    is_ending = true;
                    let max = span(max_runtime.unwrap_or_default());
                    evidence.add(format!("ended by hekate after {max}").as_bytes());
                    Signal::TERM
                }
            }
        };
        if let Some(process) = process {
            // It may have ended a moment ago.
            let _ = kill_process(process, passed);
        }
    }
}

async fn heard(signals: &mut Option<tokio::signal::unix::Signal>) -> Option<()> {
    match signals {
        Some(signals) => signals.recv().await,
        None => std::future::pending().await,
    }
}

fn code_of(status: &std::io::Result<std::process::ExitStatus>) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let Ok(status) = status else { return NOT_RUN };
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(NOT_RUN)
}

/// Passes output on as it comes, and keeps its last lines.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    evidence: Evidence,
) {
    let mut piece = vec![0; 8 * 1024];
    let mut is_open = true;
    while let Ok(length) = from.read(&mut piece).await {
        if length == 0 {
            break;
        }
        evidence.add_raw(&piece[..length]);
        if is_open {
            // A pipe that somebody closed must not end the job.
            let written = to.write_all(&piece[..length]).await;
            is_open = written.is_ok() && to.flush().await.is_ok();
        }
    }
}

/// The last lines of what a job said.
#[derive(Clone)]
struct Evidence(Arc<Mutex<Lines>>);

struct Lines {
    max: usize,
    ended: VecDeque<Vec<u8>>,
    open: Vec<u8>,
}

impl Evidence {
    fn new(max: usize) -> Self {
        Self(Arc::new(Mutex::new(Lines {
            max,
            ended: VecDeque::new(),
            open: Vec::new(),
        })))
    }

    /// A line.
    fn add(&self, line: &[u8]) {
        self.add_raw(b"\n");
        self.add_raw(line);
        self.add_raw(b"\n");
    }

    /// A piece of output, which may end anywhere.
    fn add_raw(&self, piece: &[u8]) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let room = LINE_BYTES_MAX.saturating_sub(lines.open.len());
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            lines.open.extend_from_slice(&text[..text.len().min(room)]);
            if part.len() > text.len() {
                lines.end_line();
            }
        }
    }

    fn text(&self) -> String {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.end_line();
        let ended = lines.ended.iter().map(|line| String::from_utf8_lossy(line));
        ended.collect::<Vec<_>>().join("\n")
    }
}

impl Lines {
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.open);
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        self.ended.push_back(line);
        while self.ended.len() > self.max {
            self.ended.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_wherever_pieces_end() {
        let evidence = Evidence::new(2);
        for piece in ["one\ntw", "o\n\n  \nthr", "ee"] {
            evidence.add_raw(piece.as_bytes());
        }
        assert_eq!(evidence.text(), "two\nthree");
        evidence.add_raw(&vec![b'x'; 5_000_000]);
        let kept = evidence.text();
        assert!(kept.len() < 2 * LINE_BYTES_MAX, "{}", kept.len());
        let none = Evidence::new(0);
        none.add(b"something");
        assert_eq!(none.text(), "");
    }

    #[test]
    fn runs_have_names_of_their_own() {
        let (one, other) = (run_id(), run_id());
        assert_ne!(one, other);
        let lengths: Vec<_> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
