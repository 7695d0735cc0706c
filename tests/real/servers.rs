//! Finding, starting, asking and ending real servers on loopback addresses.

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Once,
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use hekate::{
    model::{
        Outcome,
        plan::{Connection, HealthQuestion, HttpVersion, IpFamily, TlsSettings},
    },
    probe::health::{ACCEPT, Answer, Reading, read},
};
use reqwest::{Client, header, redirect::Policy};

/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Between two questions whether something has happened.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// The path if it is there; otherwise the test is to be left out, which is said, or fails, if that is asked for.
pub(crate) fn find(path: &Path) -> Option<PathBuf> {
    if path.exists() {
        return Some(path.to_owned());
    }
    assert!(
        env::var_os("HEKATE_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
        "{} is missing: run .ci/servers",
        path.display()
    );
    // Not `eprintln!`: the test runner would swallow it.
    let _ = writeln!(
        io::stderr(),
        "SKIPPED, NOT TESTED: {} is missing, .ci/servers installs it",
        path.display()
    );
    None
}

/// What `.ci/servers` put below the target folder.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let folder = env::var_os("HEKATE_SERVERS").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("servers"),
        PathBuf::from,
    );
    find(&folder.join(name))
}

/// A program of the system.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    find(&found.unwrap_or_else(|| Path::new("/usr/sbin").join(name)))
}

/// A file beside these tests.
pub(crate) fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/real")
        .join(name)
}

/// A port that nobody has: it is never given out twice, and lies below those that the kernel gives to connections, which could have taken
/// it before the server does.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 10_000;
    // Another run of these tests beside this one begins elsewhere.
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).expect("it is small");
    for _ in 0..COUNT {
        let number = (start + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        if TcpListener::bind(("127.0.0.1", FIRST + number)).is_ok() {
            return FIRST + number;
        }
    }
    panic!("loopback has no free port");
}

/// A running server; it ends with this value.
pub(crate) struct Server {
    child: Child,
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a server that says its port in the first line of its output.
    pub(crate) fn that_says_its_port(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program is there");
        let output = child.stdout.take().expect("its output is piped");
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(output).read_line(&mut line);
            let _ = sender.send(line);
        });
        let mut server = Self { child, port: 0 };
        let line = receiver
            .recv_timeout(START_LIMIT)
            .expect("it starts within the limit");
        server.port = line.trim().parse().expect("the first line is the port");
        server
    }

    /// Starts a server on a port that we choose; again on another one if it cannot have that.
    pub(crate) fn on_a_port(folder: &Path, start: impl Fn(u16) -> Command) -> Self {
        for attempt in 0..3 {
            let port = free_port();
            let log = folder.join(format!("start-{attempt}.log"));
            let file = fs::File::create(&log).expect("the folder can be written");
            let child = start(port)
                .stdin(Stdio::null())
                .stdout(file.try_clone().expect("a file can be shared"))
                .stderr(file)
                .spawn()
                .expect("the program is there");
            let mut server = Self { child, port };
            if server.listens() {
                return server;
            }
            let said = fs::read_to_string(&log).unwrap_or_default();
            let _ = writeln!(io::stderr(), "a server did not start: {said}");
        }
        panic!("a server did not start three times");
    }

    fn listens(&mut self) -> bool {
        let polls = START_LIMIT.as_millis() / POLL_EVERY.as_millis();
        for _ in 0..polls {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                // Somebody else may have answered, while this one finds that it cannot have the port.
                thread::sleep(POLL_EVERY * 5);
                return matches!(self.child.try_wait(), Ok(None));
            }
            thread::sleep(POLL_EVERY);
        }
        false
    }

    /// Its number among the processes.
    pub(crate) fn process(&self) -> i32 {
        i32::try_from(self.child.id()).expect("numbers of processes are small")
    }

    /// Asks for a path and reads what comes back.
    pub(crate) async fn look(&self, path: &str) -> Reading {
        look(self.port, path, &[]).await
    }

    /// Asks for paths and says in a line each what comes back.
    pub(crate) async fn lines(&self, paths: &[&str]) -> String {
        let mut lines = String::new();
        for path in paths {
            let line = line(&self.look(path).await).replace(&format!(":{}", self.port), ":PORT");
            lines.extend([path, " ", &line, "\n"]);
        }
        lines
    }

    /// Asks with `critical_components`.
    pub(crate) async fn look_with_critical(&self, path: &str, critical: &[&str]) -> Reading {
        look(self.port, path, critical).await
    }

    /// Looks until the outcome is as wanted, or a limit is reached.
    pub(crate) async fn look_until(&self, path: &str, is_wanted: fn(&Reading) -> bool) -> Reading {
        let polls = START_LIMIT.as_millis() / POLL_EVERY.as_millis();
        for _ in 0..polls {
            let reading = self.look(path).await;
            if is_wanted(&reading) {
                return reading;
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        panic!("{path} never answered as wanted");
    }
}

/// A client that goes straight to the server.
pub(crate) fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .build()
        .expect("a client needs nothing")
}

async fn look(port: u16, path: &str, critical: &[&str]) -> Reading {
    let url = format!("http://127.0.0.1:{port}{path}");
    let response = client()
        .get(&url)
        .header(header::ACCEPT, ACCEPT)
        .timeout(START_LIMIT)
        .send()
        .await
        .expect("the server answers");
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = response.bytes().await.expect("the answer has an end");
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let question = HealthQuestion {
        role_field: None,
        url: url.parse().expect("it is an address"),
        url_secrets: Vec::new(),
        headers: Vec::new(),
        credentials: None,
        format: None,
        critical_components: critical.iter().map(|&name| name.to_owned()).collect(),
        rules: Vec::new(),
        connection: Connection::Fresh,
        http_version: HttpVersion::Http1,
        ip: IpFamily::Auto,
        all_addresses: false,
        tls: TlsSettings::default(),
    };
    let answer = Answer {
        status,
        content_type: header(header::CONTENT_TYPE),
        location: header(header::LOCATION),
        server: header(header::SERVER),
        via: header(header::VIA),
        retry_after: header(header::RETRY_AFTER),
        body: &body,
        is_cut: false,
        is_unreadable: false,
    };
    read(&question, &answer)
}

/// A reading as one line: what it is, the dialect, the words.
pub(crate) fn line(reading: &Reading) -> String {
    let family = reading.family.map_or("-", |family| family.as_str());
    match &reading.outcome {
        Outcome::Healthy => format!("healthy [{family}]"),
        Outcome::Degraded(it) => format!("degraded [{family}] {}: {}", it.kind.as_str(), it.words),
        Outcome::Unhealthy(it) => format!(
            "unhealthy [{family}] {} {}: {}",
            it.class.as_str(),
            it.kind.as_str(),
            it.words
        ),
        Outcome::Unobservable(it) => {
            format!("unobservable [{family}] {}: {}", it.kind.as_str(), it.words)
        }
    }
}
