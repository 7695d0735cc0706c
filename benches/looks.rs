//! What a look costs in CPU, beside a bare hyper client that asks the same servers the same things in the same run.
//!
//! The servers run in a process of their own, so that only the asking side is counted.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark says on its output what it measured, and on the other why it could not"
)]

#[expect(dead_code, reason = "the other benchmark needs more of it")]
mod server;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hekate::{
    clock::Clock,
    model::{
        LookId, Outcome, Slot,
        plan::{Connection, HealthQuestion, HttpVersion, IpFamily, Question, TlsSettings},
    },
    probe::{Freshness, Prober},
};
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustix::time::{ClockId, clock_gettime};
use tokio::{net::TcpStream, runtime::Runtime, sync::Mutex, task::JoinSet};

/// How many looks are under way at once.
const AT_ONCE: usize = 64;
/// Looks per measurement, whatever the number of targets.
const LOOKS: usize = 10_000;
/// Measurements of each kind, in turns; the middle one counts.
const ROUNDS: usize = 3;
fn main() {
    let runtime = Runtime::new().expect("the system gives threads");
    if std::env::args().any(|argument| argument == "serve") {
        runtime.block_on(server::serve());
        return;
    }
    let servers = server::start();
    for connection in [Connection::Fresh, Connection::Reuse] {
        for targets in [1_000, 5_000] {
            measure(&runtime, servers.port, connection, targets);
        }
    }
}

/// CPU of both clients, in turns, and their ratio.
fn measure(runtime: &Runtime, port: u16, connection: Connection, targets: u32) {
    let addresses: Vec<SocketAddr> = (0..targets)
        .map(|target| server::address(target, port))
        .collect();
    let before = resident_kib();
    let ours = Arc::new(Ours::new(&addresses, connection));
    let kib = resident_kib().saturating_sub(before);
    let bare = Arc::new(Bare::new(addresses, connection));
    // Once around before anything counts: kept connections are open, and buffers have their size.
    runtime.block_on(run(Arc::clone(&ours), targets as usize));
    runtime.block_on(run(Arc::clone(&bare), targets as usize));
    let (mut ours_us, mut bare_us) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare_us.push(cost(|| runtime.block_on(run(Arc::clone(&bare), LOOKS))));
        ours_us.push(cost(|| runtime.block_on(run(Arc::clone(&ours), LOOKS))));
    }
    let (ours_us, bare_us) = (middle(ours_us), middle(bare_us));
    println!(
        "{connection:?}, {targets} targets: hekate {ours_us:.1} us, bare hyper {bare_us:.1} us of CPU per look, \
         ratio {:.2}; {:.1} KiB per target before its first look",
        ours_us / bare_us,
        f64::from(kib) / f64::from(targets),
    );
}

/// Somebody who can look at a target by its number.
trait Looks: Send + Sync + 'static {
    fn look(&self, target: usize) -> impl Future<Output = ()> + Send;
    fn targets(&self) -> usize;
}

/// So many looks, so many at once.
async fn run<Client: Looks>(client: Arc<Client>, looks: usize) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut lanes = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (client, next) = (Arc::clone(&client), Arc::clone(&next));
        lanes.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= looks {
                    break;
                }
                let (client, target) = (Arc::clone(&client), number % client.targets());
                // A task per look, as the engine does it.
                tokio::spawn(async move { client.look(target).await })
                    .await
                    .expect("a look does not panic");
            }
        });
    }
    lanes.join_all().await;
}

/// CPU microseconds of this process per look.
fn cost(work: impl FnOnce()) -> f64 {
    let cpu = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default();
    let before = cpu();
    work();
    let looks = u32::try_from(LOOKS).unwrap_or(u32::MAX);
    cpu().saturating_sub(before).as_secs_f64() * 1e6 / f64::from(looks)
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Resident memory of this process.
fn resident_kib() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// The prober.
struct Ours {
    prober: Prober,
    questions: Vec<Question>,
}

impl Ours {
    fn new(addresses: &[SocketAddr], connection: Connection) -> Self {
        let prober = Prober::new(Clock::start());
        let questions: Vec<_> = addresses
            .iter()
            .map(|address| {
                Question::Health(Arc::new(HealthQuestion {
                    role_field: None,
                    url: format!("http://{address}/health")
                        .parse()
                        .expect("it is a URL"),
                    url_secrets: Vec::new(),
                    headers: Vec::new(),
                    credentials: None,
                    format: None,
                    critical_components: Vec::new(),
                    rules: Vec::new(),
                    connection,
                    http_version: HttpVersion::Http1,
                    ip: IpFamily::Auto,
                    all_addresses: false,
                    tls: TlsSettings::default(),
                }))
            })
            .collect();
        for question in &questions {
            prober.prepare(question).expect("the question can be asked");
        }
        Self { prober, questions }
    }
}

impl Looks for Ours {
    async fn look(&self, target: usize) {
        let id = LookId {
            slot: Slot(0),
            check: 0,
            number: 0,
        };
        let limit = Duration::from_secs(5);
        let seen = self
            .prober
            .look(id, &self.questions[target], limit, Freshness::AsConfigured)
            .await;
        assert_eq!(seen.outcome, Outcome::Healthy);
    }

    fn targets(&self) -> usize {
        self.questions.len()
    }
}

/// A client with as little around hyper as one can write: no limits of time or size, no classes, no phases.
struct Bare {
    addresses: Vec<SocketAddr>,
    connection: Connection,
    kept: Vec<Mutex<Option<http1::SendRequest<Empty<Bytes>>>>>,
}

impl Bare {
    fn new(addresses: Vec<SocketAddr>, connection: Connection) -> Self {
        Self {
            kept: addresses.iter().map(|_| Mutex::new(None)).collect(),
            addresses,
            connection,
        }
    }
}

impl Looks for Bare {
    async fn look(&self, target: usize) {
        let mut kept = match self.connection {
            Connection::Reuse => Some(self.kept[target].lock().await),
            Connection::Fresh => None,
        };
        let earlier = kept.as_mut().and_then(|kept| kept.take());
        let mut sender = if let Some(sender) = earlier {
            sender
        } else {
            let stream = TcpStream::connect(self.addresses[target])
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
            .header("host", self.addresses[target].to_string())
            .header("user-agent", "bare/1.0")
            .header("accept", "application/json")
            .header("accept-encoding", "gzip")
            .header("cache-control", "no-cache");
        if self.connection == Connection::Fresh {
            request = request.header("connection", "close");
        }
        let request = request.body(Empty::new()).expect("the headers are good");
        let answer = sender.send_request(request).await.expect("it answers");
        assert_eq!(answer.status(), 200);
        let body = answer.into_body().collect().await.expect("it is whole");
        assert!(!body.to_bytes().is_empty());
        if let Some(kept) = &mut kept {
            **kept = Some(sender);
        }
    }

    fn targets(&self) -> usize {
        self.addresses.len()
    }
}
