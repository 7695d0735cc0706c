//! How long hekate itself takes: from the look that decides to the message that Slack has, and from a slash command to
//! its answer. `cargo bench --bench delay`.
//!
//! The real binary, on loopback, with a healthy stand-in for Slack. Targets go down one after the other, as they do, and
//! come back; the deciding look ends when its target has answered, and the message is there when the stand-in has
//! read it: both are seen by this process, so nothing that hekate says of itself is believed. Slack takes one message a
//! second and channel, so each target that falls has a channel of its own.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark says on its output what it measured, and on the other why it could not"
)]

#[expect(dead_code, reason = "the other benchmark needs more of it")]
mod daemon;

use std::{
    collections::HashMap,
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use daemon::{Daemon, free_port};
use hekate::clock::Clock;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    task::JoinSet,
    time::Instant,
};

/// Targets that are watched.
const TARGETS: usize = 1_000;
/// Those of them that fall, one after the other.
const FALLING: usize = 150;
/// From one fall to the next.
const PACE: Duration = Duration::from_millis(400);
/// A channel takes one message a second; with one for each that falls nobody waits for that.
const CHANNELS: usize = FALLING;
/// How long a target is down: longer than it takes to believe it. They fall so close one after the other that they would be one
/// incident, whose message waits for the others; here each is told by itself.
const DOWN_FOR: Duration = Duration::from_secs(30);
/// Slash commands at once, and how often.
const AT_ONCE: [(usize, usize); 3] = [(1, 20), (100, 20), (500, 6)];
/// What people ask, in turn.
const QUESTIONS: [&str; 5] = [
    "status",
    "why+target-17",
    "help",
    "history+target-3+3d",
    "targt-12",
];
/// Nobody waits longer, whoever else asks.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const COMMAND: &str = "token=gIkuvaNzQIHg97ATvDxqgjtO&team_id=T0001&team_domain=example&channel_id=C2147483705&channel_name=test&user_id=U2147483697&user_name=steve&command=%2Froih&api_app_id=A123456";

const UP: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"UP\"}";
const DOWN: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"status\":\"DOWN\"}";
const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok";

/// The targets and Slack, in one.
#[derive(Default)]
struct World {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    down: Vec<bool>,
    /// When each target last answered.
    answered: HashMap<usize, Instant>,
    /// From the last answer of a target to the message about it: of falls, of recoveries.
    falls: Vec<Duration>,
    recoveries: Vec<Duration>,
}

impl World {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes how long ago the target of this message answered.
    fn told(&self, message: &str, now: Instant) {
        // `t17` is nowhere but in the name of the target.
        let number = message.split("target-").nth(1).map(|rest| {
            rest.chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
        });
        let Some(target) = number.and_then(|digits| digits.parse().ok()) else {
            return;
        };
        self.with(|state: &mut State| {
            let Some(at) = state.answered.get(&target) else {
                return;
            };
            let delay = now.duration_since(*at);
            if state.down[target] {
                state.falls.push(delay);
            } else {
                state.recoveries.push(delay);
            }
        });
    }
}

fn main() {
    let runtime = Runtime::new().expect("the system gives threads");
    let world = Arc::new(World::default());
    world.with(|state| state.down = vec![false; TARGETS]);
    let address = runtime.block_on(serve(Arc::clone(&world)));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let listen = free_port();
    let file = folder.path().join("targets.yaml");
    std::fs::write(&file, config(folder.path(), address, listen)).expect("the folder is ours");
    let daemon = Daemon::start(&file, folder.path(), listen);
    // Everything has been looked at, and stored, after one interval.
    std::thread::sleep(Duration::from_secs(13));

    for (burst_of, bursts) in AT_ONCE {
        let mut times: Vec<Duration> = runtime.block_on(async {
            let mut times = Vec::new();
            for burst in 0..bursts {
                times.extend(commands(listen, burst, burst_of).await);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            times
        });
        report(
            &format!("/slack/command, {TARGETS} targets, {burst_of} at once"),
            &mut times,
        );
        let most = times.iter().max().copied().unwrap_or_default();
        assert!(
            most <= ANSWER_LIMIT,
            "somebody waited for {most:?} while {burst_of} asked at once"
        );
    }

    runtime.block_on(fall(&world));
    let (mut falls, mut recoveries) = world.with(|state| {
        (
            std::mem::take(&mut state.falls),
            std::mem::take(&mut state.recoveries),
        )
    });
    report("deciding look to accepted message, down", &mut falls);
    report(
        "deciding look to accepted message, recovered",
        &mut recoveries,
    );
    daemon.kill();
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |hundredths: usize| {
        let index = (times.len() * hundredths / 100).min(times.len().saturating_sub(1));
        times.get(index).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    println!(
        "{what}: {} times, p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
        times.len(),
        at(50),
        at(99),
        at(100)
    );
}

fn config(folder: &std::path::Path, address: SocketAddr, listen: u16) -> String {
    let mut text = format!(
        "server: {{ listen: \"127.0.0.1:{listen}\" }}\nstore: {{ path: \"{}\" }}\ngroup_incidents: false\ndefaults: {{ interval: 10s, timeout: 5s }}\n\
         slack: {{ signing_secret: {SECRET} }}\nchannels:\n  ops: \"http://{address}/message\"\n",
        folder.join("data").display()
    );
    let mut add = |line: String| writeln!(text, "{line}").expect("a string takes everything");
    for channel in 0..CHANNELS {
        add(format!(
            "  channel-{channel}: \"http://{address}/message/{channel}\""
        ));
    }
    add(String::from("routes:"));
    for channel in 0..CHANNELS {
        add(format!(
            "  - {{ match: {{ target: target-{channel} }}, to: channel-{channel} }}"
        ));
    }
    add(String::from("  - { to: ops }\ntargets:"));
    for target in 0..TARGETS {
        add(format!(
            "  - {{ name: target-{target}, health: \"http://{address}/health/{target}\" }}"
        ));
    }
    text
}

/// Lets targets fall and come back.
async fn fall(world: &World) {
    let start = Instant::now();
    let mut turns: Vec<(Duration, usize, bool)> = Vec::new();
    for target in 0..FALLING {
        let at = PACE * u32::try_from(target).unwrap_or(0);
        turns.push((at, target, true));
        turns.push((at + DOWN_FOR, target, false));
    }
    turns.sort_unstable();
    for (at, target, is_down) in turns {
        tokio::time::sleep_until(start + at).await;
        world.with(|state| state.down[target] = is_down);
    }
    // The last message comes when the last target has proved that it is back.
    let limit = Instant::now() + Duration::from_secs(90);
    while world.with(|state| state.recoveries.len()) < FALLING && Instant::now() < limit {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn serve(world: Arc<World>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&world)));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, world: Arc<World>) {
    let mut bytes = Vec::new();
    loop {
        let Some((head, body)) = request(&mut stream, &mut bytes).await else {
            return;
        };
        if head.starts_with("POST ") {
            world.told(&body, Instant::now());
            if stream.write_all(TAKEN.as_bytes()).await.is_err() {
                return;
            }
            continue;
        }
        let path = head.split(' ').nth(1).unwrap_or_default();
        let target = path.rsplit('/').next().and_then(|word| word.parse().ok());
        let is_down = target.is_some_and(|target: usize| world.with(|state| state.down[target]));
        let text = if is_down { DOWN } else { UP };
        if let Some(target) = target {
            world.with(|state| state.answered.insert(target, Instant::now()));
        }
        // Looks are told to be the last on their connection.
        let _ = stream.write_all(text.as_bytes()).await;
        return;
    }
}

/// The next request: its head and its body.
async fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(String, String)> {
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length: usize = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse().ok())
                .unwrap_or(0);
            let whole = end + 4 + length;
            if bytes.len() >= whole {
                let body = String::from_utf8_lossy(&bytes[end + 4..whole]).into_owned();
                bytes.drain(..whole);
                return Some((head, body));
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).await {
            Ok(read @ 1..) => bytes.extend_from_slice(&more[..read]),
            Ok(_) | Err(_) => return None,
        }
    }
}

/// So many slash commands at once, each over a connection of its own; how long each took.
async fn commands(listen: u16, burst: usize, count: usize) -> Vec<Duration> {
    let mut asking = JoinSet::new();
    for number in 0..count {
        asking.spawn(async move {
            // No two are the same, for a signature counts once.
            let text = QUESTIONS[number % QUESTIONS.len()];
            let body = format!("{COMMAND}&text={text}&trigger_id={burst}.{count}.{number}");
            let timestamp = Clock::start().now().at.as_seconds();
            let mut mac =
                <Hmac<Sha256>>::new_from_slice(SECRET.as_bytes()).expect("any key will do");
            mac.update(format!("v0:{timestamp}:{body}").as_bytes());
            let mut signature = String::from("v0=");
            for byte in mac.finalize().into_bytes() {
                write!(signature, "{byte:02x}").expect("a string takes everything");
            }
            let request = format!(
                "POST /slack/command HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
                 X-Slack-Request-Timestamp: {timestamp}\r\nX-Slack-Signature: {signature}\r\n\r\n{body}",
                body.len()
            );
            let begun = Instant::now();
            let mut stream = TcpStream::connect(("127.0.0.1", listen))
                .await
                .expect("the daemon listens");
            stream
                .write_all(request.as_bytes())
                .await
                .expect("it reads");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.expect("it answers");
            let took = begun.elapsed();
            let text = String::from_utf8_lossy(&answer);
            assert!(text.starts_with("HTTP/1.1 200"), "{text}");
            took
        });
    }
    asking.join_all().await
}
