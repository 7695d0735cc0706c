//! The whole daemon beside a bare client that asks the same servers at the same pace: CPU, memory, disk, punctuality.
//!
//! `cargo bench --bench fleet` measures 1,000 and 5,000 targets at 10 s, with fresh and with kept connections;
//! `cargo bench --bench fleet -- 20000` one fleet of another size, `… -- 20000 half` the same with half of it hanging.
#![expect(
    clippy::print_stdout,
    reason = "a benchmark says what it measured on its output"
)]

mod server;

use std::{
    fmt::Write as _,
    fs,
    io::Read as _,
    net::TcpStream as StdStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, runtime::Runtime, sync::Mutex, time::Instant};

/// A connection that may be kept.
type Line = Option<http1::SendRequest<Empty<Bytes>>>;

/// From one look at a target to the next.
const INTERVAL: Duration = Duration::from_secs(10);
/// The first round is not counted: everything is new to everybody.
const WARM_UP: Duration = Duration::from_secs(15);
/// How long is counted.
const COUNTED: Duration = Duration::from_secs(30);
/// Clock ticks a second in `/proc/<pid>/stat`; Linux has kept it at this for user space for ever.
const TICKS: f64 = 100.0;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve"] => Runtime::new()
            .expect("the system gives threads")
            .block_on(server::serve()),
        ["bare", port, targets, kept] => bare(port, targets, *kept == "kept"),
        [targets, rest @ ..] => {
            let targets = targets.parse().expect("a number of targets");
            measure(targets, false, rest.contains(&"half"));
        }
        [] => {
            for targets in [1_000, 5_000] {
                for is_kept in [false, true] {
                    measure(targets, is_kept, false);
                }
            }
        }
    }
}

/// What one process used while it was counted.
struct Used {
    cpu_seconds: f64,
    resident_kib: u64,
}

fn measure(targets: u32, is_kept: bool, is_half_hanging: bool) {
    let (mut servers, port) = server::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let listen = free_port();
    write_file(
        folder.path(),
        targets,
        port,
        listen,
        is_kept,
        is_half_hanging,
    );
    let mut hekate = Command::new(env!("CARGO_BIN_EXE_hekate"))
        .args(["run", "--quiet", "--config"])
        .arg(folder.path().join("targets.yaml"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the daemon starts");
    std::thread::sleep(WARM_UP);
    let (looks_before, disk_before) = (looks(listen), bytes_below(folder.path()));
    let ours = count(&hekate);
    let looks = looks(listen).saturating_sub(looks_before).max(1);
    let disk = bytes_below(folder.path()).saturating_sub(disk_before);
    let lag = lag_quantiles(listen);
    end(&mut hekate);
    let kind = if is_kept { "kept" } else { "fresh" };
    let per_look = ours.cpu_seconds * 1e6 / as_f64(looks);
    let memory = as_f64(ours.resident_kib) / 1024.0;
    println!(
        "{targets} targets at 10 s, {kind} connections{}: hekate {per_look:.0} us of CPU per look, {memory:.1} MiB resident \
         ({:.1} KiB per target over 20 MB), {:.3} bytes of disk per look, {lag}",
        if is_half_hanging {
            ", half of them hanging"
        } else {
            ""
        },
        (as_f64(ours.resident_kib) - 20_000.0).max(0.0) / f64::from(targets),
        as_f64(disk) / as_f64(looks),
    );
    if !is_half_hanging {
        let mut bare = Command::new(std::env::current_exe().expect("a benchmark is a program"))
            .args(["bare", &port.to_string(), &targets.to_string(), kind])
            .stdout(Stdio::null())
            .spawn()
            .expect("the bare client starts");
        std::thread::sleep(WARM_UP);
        let used = count(&bare);
        end(&mut bare);
        // The bare client asks exactly once an interval; hekate up to a tenth earlier.
        let bare_looks = f64::from(targets) * COUNTED.as_secs_f64() / INTERVAL.as_secs_f64();
        let bare_per_look = used.cpu_seconds * 1e6 / bare_looks;
        println!(
            "    bare hyper {bare_per_look:.0} us of CPU per look, {:.1} MiB resident; ratio of CPU {:.2}",
            as_f64(used.resident_kib) / 1024.0,
            per_look / bare_per_look,
        );
    }
    end(&mut servers);
}

#[expect(clippy::cast_precision_loss, reason = "measurements are small numbers")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

fn end(child: &mut Child) {
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("loopback has ports");
    listener.local_addr().expect("it is bound").port()
}

fn write_file(
    folder: &Path,
    targets: u32,
    port: u16,
    listen: u16,
    is_kept: bool,
    is_half_hanging: bool,
) {
    let connection = if is_kept { "reuse" } else { "fresh" };
    let mut text = format!(
        "server: {{ listen: \"127.0.0.1:{listen}\" }}\nstore: {{ path: ./data }}\ndefaults: {{ interval: 10s, timeout: 5s }}\n\
         channels: {{ ops: \"http://127.0.0.1:9/none\" }}\ntargets:\n"
    );
    for target in 0..targets {
        let address = server::address(target, port);
        let path = if is_half_hanging && target % 2 == 1 {
            "hang"
        } else {
            "health"
        };
        let line = writeln!(
            text,
            "  - {{ name: t{target}, health: {{ url: \"http://{address}/{path}\", connection: {connection} }} }}"
        );
        line.expect("a string takes everything");
    }
    fs::write(folder.join("targets.yaml"), text).expect("the folder is ours");
}

/// What a process uses from now on, until the time is over.
fn count(child: &Child) -> Used {
    let before = cpu_seconds(child.id());
    std::thread::sleep(COUNTED);
    Used {
        cpu_seconds: cpu_seconds(child.id()) - before,
        resident_kib: resident_kib(child.id()),
    }
}

/// User and system time of a process with all its threads.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let after_name = stat.rsplit_once(')').expect("the name is in brackets").1;
    let fields: Vec<f64> = after_name
        .split_whitespace()
        .skip(1)
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    (fields[10] + fields[11]) / TICKS
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .expect("Linux says it")
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

fn metrics(port: u16) -> String {
    use std::io::Write as _;
    let mut stream = StdStream::connect(("127.0.0.1", port)).expect("the daemon listens");
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers");
    text
}

fn sum(text: &str, name: &str) -> u64 {
    let values = text
        .lines()
        .filter(|line| line.starts_with(name))
        .filter_map(|line| line.rsplit(' ').next());
    values.filter_map(|value| value.parse::<u64>().ok()).sum()
}

fn looks(port: u16) -> u64 {
    sum(&metrics(port), "hekate_probe_results_total{")
}

/// How late looks started, from the buckets of the histogram.
fn lag_quantiles(port: u16) -> String {
    let text = metrics(port);
    let count = sum(&text, "hekate_scheduler_lag_seconds_count").max(1);
    let bound = |share: f64| {
        let wanted = as_f64(count) * share;
        text.lines()
            .filter_map(|line| line.strip_prefix("hekate_scheduler_lag_seconds_bucket{le=\""))
            .filter_map(|rest| rest.split_once("\"} "))
            .find(|(_, value)| value.parse::<f64>().unwrap_or(0.0) >= wanted)
            .map_or_else(|| String::from("?"), |(bound, _)| bound.to_owned())
    };
    let overruns = sum(&text, "hekate_overruns_total");
    format!(
        "late by at most {} s (99 %), {} s (all), {overruns} overruns of {count} looks",
        bound(0.99),
        bound(1.0)
    )
}

/// A client with as little around hyper as one can write, at the same pace, until it is ended.
fn bare(port: &str, targets: &str, is_kept: bool) {
    let port: u16 = port.parse().expect("a port");
    let targets: u32 = targets.parse().expect("a number");
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
