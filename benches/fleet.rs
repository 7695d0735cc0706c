//! The whole daemon beside a bare client that asks the same servers at the same pace: CPU, memory, disk, punctuality.
//!
//! `cargo bench --bench fleet` measures 1,000 and 5,000 targets at 10 s, with fresh and with kept connections, and prints
//! a table. `cargo bench --bench fleet -- 20000` measures one fleet of another size. More words:
//!
//! | word | what |
//! |---|---|
//! | `kept` | connections are kept between looks |
//! | `half` | every second target hangs until its time-out of 5 s |
//! | `restart` | hekate is killed after the first measurement and started again on the same store |
//! | `alone` | no bare client |
//! | `seconds=60` | how long is counted, in place of 30 s |
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark says on its output what it measured, and on the other why it could not"
)]

mod daemon;
mod server;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use daemon::{Daemon, as_f64, cpu_seconds, free_port, memory_bytes, sum};
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use server::Servers;
use tokio::{net::TcpStream, runtime::Runtime, sync::Mutex, time::Instant};

/// A connection that may be kept.
type Line = Option<http1::SendRequest<Empty<Bytes>>>;

/// From one look at a target to the next.
const INTERVAL: Duration = Duration::from_secs(10);
/// By then every target has to have been looked at.
const FIRST_ROUND: Duration = Duration::from_secs(11);
/// The first rounds are not counted: everything is new to everybody.
const WARM_UP: Duration = Duration::from_secs(15);
/// How long is counted.
const COUNTED: Duration = Duration::from_secs(30);
/// Targets in one file of the folder; a file may have up to 1 MiB.
const TARGETS_A_FILE: u32 = 5_000;
/// What is allowed apart from the targets.
const BASE_BYTES: f64 = 20e6;

/// What is measured.
#[derive(Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one word of the command line"
)]
struct Case {
    targets: u32,
    is_kept: bool,
    is_half_hanging: bool,
    is_restarted: bool,
    is_alone: bool,
    counted: Duration,
}

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .map(|word| word.trim_start_matches("--").to_owned())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve"] => Runtime::new()
            .expect("the system gives threads")
            .block_on(server::serve()),
        ["bare", port, targets, kept] => bare(port, targets, *kept == "kept"),
        [targets, rest @ ..] => {
            let seconds = rest.iter().find_map(|word| word.strip_prefix("seconds="));
            print_head();
            measure(Case {
                targets: targets.parse().expect("a number of targets"),
                is_kept: rest.contains(&"kept"),
                is_half_hanging: rest.contains(&"half"),
                is_restarted: rest.contains(&"restart"),
                is_alone: rest.contains(&"alone"),
                counted: seconds.map_or(COUNTED, |seconds| {
                    Duration::from_secs(seconds.parse().expect("a number of seconds"))
                }),
            });
        }
        [] => {
            print_head();
            for targets in [1_000, 5_000] {
                for is_kept in [false, true] {
                    measure(Case {
                        targets,
                        is_kept,
                        is_half_hanging: false,
                        is_restarted: false,
                        is_alone: false,
                        counted: COUNTED,
                    });
                }
            }
        }
    }
}

fn measure(case: Case) {
    let servers = server::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let listen = free_port();
    let config = write_files(folder.path(), case, servers.port, listen);
    let daemon = watch(
        case,
        "first start",
        &servers,
        folder.path(),
        &config,
        listen,
    );
    if case.is_restarted {
        daemon.kill();
        watch(case, "restart", &servers, folder.path(), &config, listen).kill();
    } else {
        daemon.kill();
    }
    if !case.is_alone {
        let kind = if case.is_kept { "kept" } else { "fresh" };
        let bare = Bare(
            Command::new(std::env::current_exe().expect("a benchmark is a program"))
                .args(["bare", &servers.port.to_string()])
                .args([&case.targets.to_string(), kind])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .expect("the bare client starts"),
        );
        std::thread::sleep(WARM_UP);
        let before = cpu_seconds(bare.0.id());
        std::thread::sleep(case.counted);
        let used = cpu_seconds(bare.0.id()) - before;
        let looks = f64::from(case.targets) * case.counted.as_secs_f64() / INTERVAL.as_secs_f64();
        println!(
            "| | bare hyper | {:.0} us | {:.1} MB | | | | | | |",
            used * 1e6 / looks,
            as_f64(memory_bytes(bare.0.id(), "VmRSS")) / 1e6,
        );
    }
}

fn print_head() {
    println!(
        "| fleet at 10 s | who | CPU a look | resident | over 20 MB, a target | most resident | disk a look | last first look after \
         | late in the first round, then (99 %, all) | longest pause |\n|---|---|---|---|---|---|---|---|---|---|"
    );
}

/// Starts hekate, measures, and prints a line.
fn watch(
    case: Case,
    what: &str,
    servers: &Servers,
    folder: &Path,
    config: &Path,
    listen: u16,
) -> Daemon {
    servers.begin_anew();
    let started = Instant::now();
    let daemon = Daemon::start(config, folder, listen);
    std::thread::sleep(FIRST_ROUND.saturating_sub(started.elapsed()));
    let first = servers.noted();
    std::thread::sleep(WARM_UP.saturating_sub(started.elapsed()));
    let (before, disk_before) = (daemon.metrics(), bytes_below(folder));
    let cpu_before = cpu_seconds(daemon.pid());
    std::thread::sleep(case.counted);
    let cpu = cpu_seconds(daemon.pid()) - cpu_before;
    let after = daemon.metrics();
    let looks = (looks(&after) - looks(&before)).max(1);
    let disk = bytes_below(folder).saturating_sub(disk_before);
    let resident = as_f64(memory_bytes(daemon.pid(), "VmRSS"));
    let noted = servers.noted();
    println!(
        "| {}{}{} | hekate, {what} | {:.0} us | {:.1} MB | {:.0} bytes | {:.1} MB | {:.3} bytes | {:.1} s ({} targets in 11 s) \
         | {}; {}, {} overruns | {:.2} s |",
        case.targets,
        if case.is_kept { " kept" } else { " fresh" },
        if case.is_half_hanging {
            ", half hanging"
        } else {
            ""
        },
        cpu * 1e6 / as_f64(looks),
        resident / 1e6,
        (resident - BASE_BYTES).max(0.0) / f64::from(case.targets),
        as_f64(memory_bytes(daemon.pid(), "VmHWM")) / 1e6,
        as_f64(disk) / as_f64(looks),
        noted.last_first.as_secs_f64(),
        first.targets,
        late("", &before),
        late(&before, &after),
        sum(&after, "hekate_overruns_total"),
        noted.longest_pause.as_secs_f64(),
    );
    if case.is_half_hanging {
        println!(
            "    {} looks in flight at the end, {} messages came",
            sum(&after, "hekate_looks_in_flight"),
            noted.messages
        );
    }
    daemon
}

/// The bare client; it ends with this, or with us.
struct Bare(Child);

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file up to 5,000 targets, else a folder of files, because a single one would be over the limit of 1 MiB.
fn write_files(folder: &Path, case: Case, port: u16, listen: u16) -> PathBuf {
    let data = folder.join("data");
    let head = format!(
        "server: {{ listen: \"127.0.0.1:{listen}\" }}\nstore: {{ path: \"{}\" }}\ndefaults: {{ interval: 10s, timeout: 5s }}\n\
         channels: {{ ops: \"http://127.0.0.1:{port}/message\" }}\n",
        data.display()
    );
    if case.targets <= TARGETS_A_FILE {
        let file = folder.join("targets.yaml");
        fs::write(&file, head + &targets(0..case.targets, case, port)).expect("the folder is ours");
        return file;
    }
    let files = folder.join("config");
    fs::create_dir(&files).expect("the folder is ours");
    fs::write(files.join("hekate.yaml"), head).expect("the folder is ours");
    for first in (0..case.targets).step_by(TARGETS_A_FILE as usize) {
        let end = case.targets.min(first + TARGETS_A_FILE);
        let file = files.join(format!("targets-{first:06}.yaml"));
        fs::write(file, targets(first..end, case, port)).expect("the folder is ours");
    }
    files
}

fn targets(numbers: std::ops::Range<u32>, case: Case, port: u16) -> String {
    let connection = if case.is_kept { "reuse" } else { "fresh" };
    let mut text = String::from("targets:\n");
    for target in numbers {
        let address = server::address(target, port);
        let path = if case.is_half_hanging && target % 2 == 1 {
            "hang"
        } else {
            "health"
        };
        let line = writeln!(
            text,
            "  - {{ name: t{target}, health: {{ url: \"http://{address}/{path}/{target}\", connection: {connection} }} }}"
        );
        line.expect("a string takes everything");
    }
    text
}

fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn looks(metrics: &str) -> u64 {
    sum(metrics, "hekate_probe_results_total{")
}

/// How late looks started between two readings, from the buckets of the histogram.
fn late(before: &str, after: &str) -> String {
    let count = |text| sum(text, "hekate_scheduler_lag_seconds_count");
    let total = count(after) - count(before);
    let buckets: Vec<_> = after
        .lines()
        .filter_map(|line| line.strip_prefix("hekate_scheduler_lag_seconds_bucket{le=\""))
        .filter_map(|rest| rest.split_once("\"} "))
        .map(|(bound, _)| {
            let name = format!("hekate_scheduler_lag_seconds_bucket{{le=\"{bound}\"}}");
            (bound, sum(after, &name) - sum(before, &name))
        })
        .collect();
    let bound = |share: f64| {
        buckets
            .iter()
            .find(|(_, count)| as_f64(*count) >= as_f64(total) * share)
            .map_or("?", |(bound, _)| bound)
    };
    format!("<= {} s, <= {} s", bound(0.99), bound(1.0))
}

/// A client with as little around hyper as one can write, at the same pace, until it is ended.
fn bare(port: &str, targets: &str, is_kept: bool) {
    let port: u16 = port.parse().expect("a port");
    let targets: u32 = targets.parse().expect("a number");
    server::end_with_the_parent();
    Runtime::new()
        .expect("the system gives threads")
        .block_on(async {
            let start = Instant::now();
            let kept: Arc<Vec<Mutex<Line>>> =
                Arc::new((0..targets).map(|_| Mutex::new(None)).collect());
            let mut number: u32 = 0;
            loop {
                let (round, target) = (number / targets, number % targets);
                let due =
                    INTERVAL * round + INTERVAL.mul_f64(f64::from(target) / f64::from(targets));
                tokio::time::sleep_until(start + due).await;
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    let mut line = kept[target as usize].lock().await;
                    ask(server::address(target, port), &mut line, is_kept).await;
                });
                number += 1;
            }
        });
}

async fn ask(address: std::net::SocketAddr, line: &mut Line, is_kept: bool) {
    let mut sender = if let Some(sender) = line.take() {
        sender
    } else {
        let stream = TcpStream::connect(address)
            .await
            .expect("the server listens");
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("nothing is sent yet");
        tokio::spawn(connection);
        sender
    };
    sender.ready().await.expect("the server keeps it open");
    let mut request = Request::get("/health")
        .header("host", address.to_string())
        .header("user-agent", "bare/1.0")
        .header("accept", "application/json")
        .header("accept-encoding", "gzip")
        .header("cache-control", "no-cache");
    if !is_kept {
        request = request.header("connection", "close");
    }
    let request = request.body(Empty::new()).expect("the headers are good");
    let answer = sender.send_request(request).await.expect("it answers");
    let body = answer.into_body().collect().await.expect("it is whole");
    assert!(!body.to_bytes().is_empty());
    if is_kept {
        *line = Some(sender);
    }
}
