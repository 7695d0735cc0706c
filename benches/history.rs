//! A long past and a live fleet on top of it: what it costs on the disk, in memory, at the start, and when it is read.
//!
//! `cargo bench --bench history` fills a store with 400 days of 1,000 targets (an outage a week each, and how long answers took,
//! hour by hour and day by day), opens hekate on it, which looks at all of them every 10 s, and asks for pages and answers
//! meanwhile. What the API says of availability and of percentiles is compared with what was put in.
//! `cargo bench --bench history -- 5000 90` does it with other numbers of targets and days.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark says on its output what it measured, and on the other why it could not"
)]

#[expect(dead_code, reason = "the other benchmarks measure more of it")]
mod daemon;
#[path = "../tests/store/records.rs"]
#[expect(
    dead_code,
    reason = "the tests of the store write more kinds of records"
)]
mod records;
#[expect(dead_code, reason = "the other benchmark asks the servers for more")]
mod server;

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

use daemon::{Daemon, as_f64, free_port, memory_bytes, sum};
use hekate::{
    model::{
        Batch, CheckId, CheckKind, CheckRecord, Outcome, State, TargetId, Timestamp, Verdict,
        latency::{Grain, Latencies, LatencyBlock},
        plan::StoreSettings,
    },
    store::Database,
};
use tokio::{runtime::Runtime, time::Instant};

/// Hours are kept for so many days; what is older is days.
const DAYS_OF_HOURS: u64 = 8;
/// Questions of each kind.
const QUESTIONS: usize = 300;
/// From one question to the next: somebody reads all the time.
const PAUSE: Duration = Duration::from_millis(50);

struct Case {
    targets: u64,
    days: u64,
}

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let number = |place: usize, default: u64| {
        let word = words.get(place);
        word.map_or(default, |word| word.parse().expect("a number"))
    };
    if words.first().is_some_and(|word| word == "serve") {
        let runtime = Runtime::new().expect("the system gives threads");
        return runtime.block_on(server::serve());
    }
    let case = Case {
        targets: number(0, 1_000),
        days: number(1, 400),
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let now = hekate::clock::Clock::start().now().at;
    let begun = Instant::now();
    let outages = fill(&data, &case, now);
    let filled = bytes_below(&data);
    println!(
        "{} targets, {} days: filled in {:.0?}; {:.1} MB on the disk, {:.0} KB a target, of that journal {:.1} MB",
        case.targets,
        case.days,
        begun.elapsed(),
        as_f64(filled) / 1e6,
        as_f64(filled) / as_f64(case.targets) / 1e3,
        as_f64(filled - bytes_below(&data.join("sled"))) / 1e6,
    );
    counting();
    live(&case, folder.path(), &outages);
}

/// What each look costs that is counted, as `app` does it: one place of a table, one number of a sketch.
fn counting() {
    const LOOKS: u32 = 10_000_000;
    let mut checks: HashMap<(u32, u8), (CheckId, Latencies)> = HashMap::new();
    let begun = Instant::now();
    for look in 0..LOOKS {
        let number = look % 1_000;
        let counted = checks.entry((number, 0));
        let (_, counted) = counted.or_insert_with(|| (check(number.into()), Latencies::default()));
        let took = Duration::from_micros(
            5_000 + u64::from(look.wrapping_mul(2_654_435_761) >> 16) % 15_000,
        );
        counted.add(&Outcome::Healthy, took);
    }
    let classes: usize = checks
        .values()
        .map(|(_, counted)| counted.answers.classes().len())
        .sum();
    println!(
        "counting a look: {:.0} ns; {} classes a check, where one answer takes four times as long as another",
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(LOOKS),
        classes / checks.len(),
    );
}

/// Opens hekate on it and asks.
fn live(case: &Case, folder: &Path, outages: &[Vec<(Timestamp, Timestamp)>]) {
    let servers = server::start();
    let listen = free_port();
    let config = write_file(folder, case, servers.port, listen);
    let begun = Instant::now();
    let daemon = Daemon::start(&config, folder, listen);
    println!("listens after {:.0?}", begun.elapsed());
    std::thread::sleep(Duration::from_secs(25));
    let rss = |what: &str| {
        println!(
            "{what}: {:.1} MB resident",
            as_f64(memory_bytes(daemon.pid(), "VmRSS")) / 1e6
        );
    };
    rss("after two rounds");
    let before = daemon.metrics();
    let target = id(case.targets / 2);
    let begun = Instant::now();
    agrees(&ask(listen, "/api/v1/sli?window=30d").1, outages);
    println!(
        "availability of all of them over 30 days agrees; asked and compared in {:.0?}",
        begun.elapsed()
    );
    percentiles_agree(
        &ask(
            listen,
            &format!("/api/v1/targets/{target}/latency?window=90d"),
        )
        .1,
    );
    for (what, path) in [
        ("page", String::from("/")),
        ("page of a target", format!("/targets/{target}")),
        (
            "latency, 90 days",
            format!("/api/v1/targets/{target}/latency?window=90d"),
        ),
        ("status", String::from("/api/v1/status")),
        ("status of a group", String::from("/api/v1/status?words=g1")),
        ("explain", format!("/api/v1/targets/{target}/explain")),
        (
            "availability, 30 days",
            String::from("/api/v1/sli?words=g1&window=30d"),
        ),
    ] {
        let mut took: Vec<_> = (0..QUESTIONS)
            .map(|_| {
                std::thread::sleep(PAUSE);
                ask(listen, &path).0
            })
            .collect();
        took.sort_unstable();
        println!(
            "{what}: {:.1} ms in the middle, {:.1} ms at 99 %, {:.1} ms the longest",
            took[QUESTIONS / 2].as_secs_f64() * 1e3,
            took[QUESTIONS * 99 / 100].as_secs_f64() * 1e3,
            took[QUESTIONS - 1].as_secs_f64() * 1e3,
        );
    }
    let after = daemon.metrics();
    println!(
        "looks meanwhile: 99 % were late by {}, all by {}",
        late(&before, &after, 0.99),
        late(&before, &after, 1.0)
    );
    rss("at the end");
}

fn id(number: u64) -> String {
    format!("g{}/t{number}", number / 100)
}

/// When this target was down: once a week for 1 to 60 min, never at the same time of the week.
fn outages_of(number: u64, case: &Case, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let week = Duration::from_hours(7 * 24);
    let weeks = u32::try_from(case.days / 7).expect("some years");
    let down = |back: u32| {
        let mixed = (number * 2_654_435_761 + u64::from(back) * 40_503) % 518_400;
        let from = now - week * back + Duration::from_secs(mixed);
        (from, from + Duration::from_secs(60 + mixed % 3_541))
    };
    (1..=weeks).rev().map(down).collect()
}

/// How long answers of one target took in an hour or a day: around its own median, some much slower.
fn counted(number: u64, looks: u64) -> Latencies {
    let mut counted = Latencies::default();
    let median = 5_000 + number % 97 * 1_000;
    for look in 0..looks {
        let spread = [
            80, 85, 90, 93, 96, 98, 100, 102, 105, 109, 115, 124, 140, 170, 230, 390,
        ];
        let place = usize::try_from((look * 7 + number) % 16).expect("it is small");
        counted.add(
            &Outcome::Healthy,
            Duration::from_micros(median * spread[place] / 100),
        );
    }
    counted.silent = u32::try_from(looks / 300).unwrap_or(0);
    counted
}

fn fill(data: &Path, case: &Case, now: Timestamp) -> Vec<Vec<(Timestamp, Timestamp)>> {
    let settings = StoreSettings {
        path: data.to_path_buf(),
        retention: Duration::from_hours(case.days * 24),
    };
    let (mut database, _, _) = Database::open(&settings, now).expect("it opens");
    let outages: Vec<_> = (0..case.targets)
        .map(|number| outages_of(number, case, now))
        .collect();
    for (number, outages) in (0..).zip(&outages) {
        write_transitions(&mut database, number, outages, now, case);
    }
    let hours = Grain::Hour.last(u32::try_from(DAYS_OF_HOURS * 24).expect("some days"), now);
    let days = Grain::Day.last(
        u32::try_from(case.days).expect("some years"),
        now - Grain::Day.length() * 8,
    );
    let begins = hours.map(|from| (Grain::Hour, from, 360));
    let begins = begins.chain(days.map(|from| (Grain::Day, from, 8_640)));
    for (grain, from, looks) in begins {
        let blocks = (0..case.targets).map(|number| LatencyBlock {
            check: check(number),
            from,
            grain,
            counted: counted(number, looks),
        });
        for some in blocks.collect::<Vec<_>>().chunks(250) {
            database.note_latencies(some).expect("it is written");
        }
    }
    an_hour_in_parts(&mut database, case, now);
    outages
}

/// The running hour as a running hekate writes it, every ten minutes.
fn an_hour_in_parts(database: &mut Database, case: &Case, now: Timestamp) {
    let (before, begun) = (database.size_bytes(), Instant::now());
    for _ in 0..6 {
        let blocks = (0..case.targets).map(|number| LatencyBlock {
            check: check(number),
            from: Grain::Hour.begin(now),
            grain: Grain::Hour,
            counted: counted(number, 60),
        });
        for some in blocks.collect::<Vec<_>>().chunks(250) {
            database.note_latencies(some).expect("it is written");
        }
    }
    let looks = case.targets * 360;
    println!(
        "an hour in six parts: {:.2} bytes a look, written in {:.0?}",
        as_f64(database.size_bytes().saturating_sub(before)) / as_f64(looks),
        begun.elapsed()
    );
}

fn check(number: u64) -> CheckId {
    CheckId {
        target: TargetId::new(id(number)),
        kind: CheckKind::Health,
    }
}

fn write_transitions(
    database: &mut Database,
    number: u64,
    outages: &[(Timestamp, Timestamp)],
    now: Timestamp,
    case: &Case,
) {
    let mut batch = Batch::new(now);
    for (place, (from, until)) in (0..).zip(outages) {
        let incident_number = number * case.days.div_ceil(7) + place + 1;
        for (is_end, at) in [(false, *from), (true, *until)] {
            let mut transition = records::transition(incident_number);
            transition.check = check(number);
            transition.number = place * 2 + 1 + u64::from(is_end);
            (transition.at, transition.since) = (at + Duration::from_secs(8), at);
            if is_end {
                (transition.from, transition.to) = (Verdict::Down, Verdict::Operational);
            }
            batch.transitions.push(transition);
        }
        let mut incident = records::incident(incident_number);
        incident.targets = vec![TargetId::new(id(number))];
        (incident.since, incident.opened_at) = (*from, *from);
        incident.closed_at = Some(*until);
        batch.incidents.push(incident);
    }
    let mut state = State::new(outages.last().map_or(now, |(_, until)| *until));
    state.settled = Verdict::Operational;
    batch.checks.push(CheckRecord {
        check: check(number),
        state,
        transitions: u64::try_from(outages.len()).expect("it is small") * 2,
        at: now,
        memory: None,
        unrest: None,
    });
    database.commit(&[Arc::new(batch)]).expect("it is written");
}

/// What the API says of every target is the sum of what was put in.
fn agrees(answer: &str, outages: &[Vec<(Timestamp, Timestamp)>]) {
    let answer: serde_json::Value = serde_json::from_str(answer).expect("it is JSON");
    let time = |name: &str| -> Timestamp {
        let text = answer[name].as_str().expect("it says from when to when");
        chrono::DateTime::parse_from_rfc3339(text)
            .expect("it is a time")
            .to_utc()
            .into()
    };
    let (from, until) = (time("from"), time("until"));
    let lines = answer["targets"].as_array().expect("it says them");
    assert_eq!(lines.len(), outages.len());
    for line in lines {
        let id = line["id"].as_str().expect("it has one");
        let number: usize = id
            .rsplit_once('t')
            .expect("its name")
            .1
            .parse()
            .expect("its number");
        let down: Duration = outages[number]
            .iter()
            .map(|(down, up)| (*up).min(until).since((*down).max(from)))
            .sum();
        let said = Duration::from_millis(line["down_ms"].as_u64().expect("it says so"));
        assert_eq!(said.as_secs(), down.as_secs(), "{id}: {line}");
    }
}

/// 16 looks in turn around the median: the eighth of them is 2 % over it.
fn percentiles_agree(answer: &str) {
    let answer: serde_json::Value = serde_json::from_str(answer).expect("it is JSON");
    let check = &answer["checks"][0];
    let id = answer["target"].as_str().expect("it says of whom");
    let number: u32 = id
        .rsplit_once('t')
        .expect("its name")
        .1
        .parse()
        .expect("its number");
    let median = f64::from(5 + number % 97);
    for (percentile, share) in [("p50_ms", 1.02), ("p95_ms", 3.9)] {
        let said = check[percentile].as_f64().expect("it was measured");
        let is_near = (said / (median * share) - 1.0).abs() <= 0.025;
        assert!(is_near, "{percentile} {said} instead of {}", median * share);
    }
}

fn write_file(folder: &Path, case: &Case, port: u16, listen: u16) -> std::path::PathBuf {
    let data = folder.join("data");
    let mut text = format!(
        "server: {{ listen: \"127.0.0.1:{listen}\" }}\nstore: {{ path: \"{}\", retention: {}d }}\n\
         defaults: {{ interval: 10s, timeout: 5s }}\nchannels: {{ ops: \"http://127.0.0.1:{port}/message\" }}\ngroups:\n",
        data.display(),
        case.days
    );
    for group in 0..case.targets.div_ceil(100) {
        writeln!(text, "  g{group}: {{}}").expect("a string takes everything");
    }
    text.push_str("targets:\n");
    for number in 0..case.targets {
        let address = server::address(u32::try_from(number).expect("it is small"), port);
        writeln!(
            text,
            "  - {{ name: t{number}, group: g{}, health: \"http://{address}/health/{number}\" }}",
            number / 100
        )
        .expect("a string takes everything");
    }
    let file = folder.join("targets.yaml");
    fs::write(&file, text).expect("the folder is ours");
    file
}

/// Asks with a connection of its own; how long that took, and the body.
fn ask(listen: u16, path: &str) -> (Duration, String) {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", listen)).expect("the daemon listens");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html, */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    let took = begun.elapsed();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("it is HTTP");
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    (took, body.to_owned())
}

/// How late this share of the looks between two readings was at most.
fn late(before: &str, after: &str, share: f64) -> String {
    let name = "hekate_scheduler_lag_seconds";
    let total = sum(after, &format!("{name}_count")) - sum(before, &format!("{name}_count"));
    let bounds = after.lines().filter_map(|line| {
        line.strip_prefix(name)?
            .strip_prefix("_bucket{le=\"")?
            .split_once("\"} ")
    });
    for (bound, _) in bounds {
        let bucket = format!("{name}_bucket{{le=\"{bound}\"}}");
        if as_f64(sum(after, &bucket) - sum(before, &bucket)) >= as_f64(total) * share {
            return format!("at most {bound} s ({total} looks)");
        }
    }
    String::from("?")
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
