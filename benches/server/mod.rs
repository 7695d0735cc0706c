//! Light target servers in a process of their own, so that only the asking side is counted.
//!
//! They note when each target is asked for the first time and how long the longest pause between two questions is, which
//! is punctuality as the other side sees it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream as StdStream},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

/// Addresses of the servers: many, so that closed connections do not use up the ports.
const SERVERS: u8 = 20;
/// Targets that are kept account of.
const TARGETS_MAX: usize = 100_000;
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"UP\"}";
const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok";

/// The process with the servers; it ends when this is dropped, or when this process ends in whatever way.
pub(crate) struct Servers {
    child: Child,
    /// Its end is the servers' sign to go.
    _leash: Option<ChildStdin>,
    pub(crate) port: u16,
}

/// What the servers noted since they were last told to begin anew.
#[derive(Debug)]
pub(crate) struct Noted {
    /// Targets that were asked at all.
    pub(crate) targets: u64,
    /// From the beginning until the last of them was asked for the first time.
    pub(crate) last_first: Duration,
    /// The longest pause between two questions to the same target.
    pub(crate) longest_pause: Duration,
    /// Messages that came.
    pub(crate) messages: u64,
}

/// Starts this program again with the word `serve`.
pub(crate) fn start() -> Servers {
    let me = std::env::current_exe().expect("a benchmark is a program");
    let mut child = Command::new(me)
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let leash = child.stdin.take();
    let stdout = child.stdout.take().expect("it is piped");
    let mut servers = Servers {
        child,
        _leash: leash,
        port: 0,
    };
    let mut line = String::new();
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it says its port");
    servers.port = line.trim().parse().expect("it is a port");
    servers
}

impl Servers {
    /// Everything so far is forgotten, and time counts from now.
    pub(crate) fn begin_anew(&self) {
        self.get("/begin");
    }

    /// What was noted.
    pub(crate) fn noted(&self) -> Noted {
        let text = self.get("/noted");
        let mut numbers = text
            .split_whitespace()
            .map(|word| word.parse().expect("a number"));
        let mut next = || numbers.next().expect("four numbers");
        Noted {
            targets: next(),
            last_first: Duration::from_micros(next()),
            longest_pause: Duration::from_micros(next()),
            messages: next(),
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream =
            StdStream::connect(address(0, self.port)).expect("the servers of this run listen");
        write!(stream, "GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it answers");
        text.split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned())
            .unwrap_or_default()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address of the server for the target with this number.
pub(crate) fn address(target: u32, port: u16) -> SocketAddr {
    let last = 1 + u8::try_from(target % u32::from(SERVERS)).unwrap_or(0);
    (Ipv4Addr::new(127, 0, 0, last), port).into()
}

/// What is noted, in microseconds since `start`; zero is never.
struct Notes {
    start: Instant,
    began: AtomicU64,
    firsts: Vec<AtomicU64>,
    lasts: Vec<AtomicU64>,
    longest_pause: AtomicU64,
    messages: AtomicU64,
}

impl Notes {
    fn new() -> Self {
        let nothing = || (0..TARGETS_MAX).map(|_| AtomicU64::new(0)).collect();
        Self {
            start: Instant::now(),
            began: AtomicU64::new(0),
            firsts: nothing(),
            lasts: nothing(),
            longest_pause: AtomicU64::new(0),
            messages: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn begin(&self) {
        for each in self.firsts.iter().chain(&self.lasts) {
            each.store(0, Ordering::Relaxed);
        }
        self.longest_pause.store(0, Ordering::Relaxed);
        self.messages.store(0, Ordering::Relaxed);
        self.began.store(self.now(), Ordering::Relaxed);
    }

    fn asked(&self, target: usize) {
        let now = self.now();
        let (Some(first), Some(last)) = (self.firsts.get(target), self.lasts.get(target)) else {
            return;
        };
        match last.swap(now, Ordering::Relaxed) {
            0 => first.store(now, Ordering::Relaxed),
            before => {
                self.longest_pause
                    .fetch_max(now - before, Ordering::Relaxed);
            }
        }
    }

    fn to_line(&self) -> String {
        let began = self.began.load(Ordering::Relaxed);
        let firsts = || {
            self.firsts
                .iter()
                .map(|first| first.load(Ordering::Relaxed))
                .filter(|first| *first > 0)
        };
        format!(
            "{} {} {} {}",
            firsts().count(),
            firsts().max().unwrap_or(began).saturating_sub(began),
            self.longest_pause.load(Ordering::Relaxed),
            self.messages.load(Ordering::Relaxed)
        )
    }
}

/// Serves until whoever started it ends. A path that begins with `/hang` is never answered; the number at the end of a
/// path is the target's.
pub(crate) async fn serve() {
    end_with_the_parent();
    let notes = Arc::new(Notes::new());
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback has ports");
    let port = first.local_addr().expect("it is bound").port();
    let mut servers = JoinSet::new();
    servers.spawn(accept(first, Arc::clone(&notes)));
    for last in 2..=SERVERS {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), port)).await;
        let listener = listener.expect("the port is free on all of loopback");
        servers.spawn(accept(listener, Arc::clone(&notes)));
    }
    println!("{port}");
    servers.join_all().await;
}

/// Ends this process when the one that started it has let go of our input.
#[expect(
    clippy::exit,
    reason = "nothing in here has to be put in order before the end"
)]
pub(crate) fn end_with_the_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

async fn accept(listener: TcpListener, notes: Arc<Notes>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(answer(stream, Arc::clone(&notes)));
            }
            Err(error) => {
                eprintln!("the servers cannot accept: {error}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// Answers requests until one says that it is the last.
async fn answer(mut stream: TcpStream, notes: Arc<Notes>) {
    let mut head = [0; 2048];
    let mut filled = 0;
    while let Ok(read @ 1..) = stream.read(&mut head[filled..]).await {
        filled += read;
        if head.starts_with(b"POST ") {
            message(&mut stream, head[..filled].to_vec(), &notes).await;
            return;
        }
        if !head[..filled].ends_with(b"\r\n\r\n") {
            continue;
        }
        if head.starts_with(b"GET /begin") {
            notes.begin();
        }
        if head.starts_with(b"GET /noted") {
            let line = notes.to_line();
            // Whoever asked may be gone.
            let _ = stream
                .write_all(format!("HTTP/1.1 200 OK\r\n\r\n{line}").as_bytes())
                .await;
            return;
        }
        if let Some(target) = number_of(&head) {
            notes.asked(target);
        }
        if head.starts_with(b"GET /hang") {
            // Until the other side gives up.
            while let Ok(1..) = stream.read(&mut head).await {}
            return;
        }
        let is_last = head[..filled]
            .windows(5)
            .any(|word| word.eq_ignore_ascii_case(b"close"));
        if stream.write_all(ANSWER.as_bytes()).await.is_err() || is_last {
            return;
        }
        filled = 0;
    }
}

/// Takes messages as a healthy Slack does.
async fn message(stream: &mut TcpStream, mut bytes: Vec<u8>, notes: &Notes) {
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                notes.messages.fetch_add(1, Ordering::Relaxed);
                if stream.write_all(TAKEN.as_bytes()).await.is_err() {
                    return;
                }
                bytes.clear();
            }
        }
        let mut more = [0; 4096];
        let Ok(read @ 1..) = stream.read(&mut more).await else {
            return;
        };
        bytes.extend_from_slice(&more[..read]);
    }
}

/// `12` of `GET /health/12 HTTP/1.1`.
fn number_of(head: &[u8]) -> Option<usize> {
    let path = head.split(|byte| *byte == b' ').nth(1)?;
    let number = path.rsplit(|byte| *byte == b'/').next()?;
    std::str::from_utf8(number).ok()?.parse().ok()
}
