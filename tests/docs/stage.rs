//! A scratch folder in which the commands of a page are run, with a hekate and with what it watches and tells.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use crate::{wanted::Ids, yaml};

/// How often is asked whether something has come, and how often at most: a minute, which only a fault takes.
const POLL_EVERY: Duration = Duration::from_millis(20);
const POLLS_AT_MOST: u32 = 3_000;

/// The host of the fleet that is down, and the one that was.
const DOWN: &str = "/green.example.test/";
const WAS_DOWN: &str = "/db.example.test/";
/// A test of the fleet, so that `hekate test` alone has one.
const SCRIPT: &str = "name: the API is told
config: ../../targets.yaml
script: [{ at: 1m, target: api, health: refused }, { at: 5m, end: true }]
expect: [{ within: [1m, 2m], channel: alerts, kind: opened }]
";
/// What is read from outside of the scratch folder.
const LENT: [(&str, &str); 7] = [
    ("examples", "examples"),
    ("docs", "docs"),
    ("config.yaml", "tests/import/gatus.yaml"),
    ("backup.json", "tests/import/uptime_kuma.json"),
    ("prometheus.yml", "tests/import/prometheus.yml"),
    ("blackbox.yml", "tests/import/blackbox.yml"),
    ("healthchecks.json", "tests/import/healthchecks.json"),
];

/// What a command came to.
pub(crate) struct Ran {
    /// `None`: it goes on.
    pub(crate) code: Option<i32>,
    /// Standard output and standard error, with the names of the pages.
    pub(crate) printed: String,
}

pub(crate) struct Stage {
    folder: TempDir,
    /// Where everything of `example.test` is in truth.
    world: SocketAddr,
    /// Whether [`WAS_DOWN`] is well again.
    mended: Arc<AtomicBool>,
    running: Option<Running>,
    runs: u32,
    last_code: i32,
    pub(crate) ids: Ids,
}

struct Running {
    child: Child,
    address: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stage {
    /// An empty folder, and nobody runs.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (name, of) in LENT {
            symlink(root.join(of), folder.path().join(name)).expect("the folder takes links");
        }
        let mended = Arc::new(AtomicBool::new(false));
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).expect("the folder takes folders");
        symlink(env!("CARGO_BIN_EXE_hekate"), bin.join("hekate")).expect("the folder takes links");
        for folders in ["backups", "etc/hekate", "etc/systemd/system"] {
            fs::create_dir_all(folder.path().join(folders)).expect("the folder takes folders");
        }
        let script = folder.path().join("export.sh");
        fs::write(&script, "#!/bin/sh\necho 18 204 rows\n").expect("the folder takes files");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is ours");
        Self {
            folder,
            world: world(Arc::clone(&mended)),
            mended,
            running: None,
            runs: 0,
            last_code: 0,
            ids: Ids::default(),
        }
    }

    /// With the fleet of the pages, and a hekate that has told of what is down in it.
    pub(crate) fn with_the_fleet() -> Self {
        let mut stage = Self::new();
        stage.write("targets.yaml", &yaml::fleet());
        stage.write("new.yaml", &yaml::fleet());
        stage.write("tests/alerts/api.yaml", SCRIPT);
        stage.start(&["run"]);
        for (target, written) in [("master/green", "k7f2"), ("staging/db", "m3xa")] {
            let incident = stage.wait_for(|log| {
                events(log, "target.transition").find_map(|event| {
                    // The target and the module share a key of these lines; the words tell them apart.
                    let words = event["message"].as_str().unwrap_or_default();
                    let is_it = words.starts_with(&format!("{target} is down"));
                    let id = event["incident"].as_str().filter(|_| is_it);
                    id.map(str::to_owned)
                })
            });
            stage.ids.learn(written, &incident);
        }
        stage.mended.store(true, Ordering::Relaxed);
        stage.wait_for(|log| {
            events(log, "target.transition")
                .any(|event| event["from"] == "down")
                .then_some(())
        });
        stage
    }

    /// Writes a file as a page shows it. Without its own words for them a file of targets listens at a port that is free,
    /// and looks at the pace of tests; both stand at its end, so that places in it are those of the page.
    pub(crate) fn write(&mut self, name: &str, text: &str) {
        let mut text = self.real(text).replace("127.0.0.1:8080", "127.0.0.1:0");
        if text.contains("targets:") && text.contains("channels:") {
            if !text.contains("\nserver:") && !text.starts_with("server:") {
                text += "server: { listen: \"127.0.0.1:0\" }\n";
            }
            if !text.contains("defaults:") {
                text += "defaults: { interval: 1s, timeout: 800ms, confirm: { explicit: 1s, refused: 1s, silent: 4s }, successes: 1 }\n";
            }
        }
        let path = self.folder.path().join(self.real(name));
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("it takes folders");
        fs::write(path, text).expect("the folder takes files");
    }

    /// Runs a command of a page.
    pub(crate) fn run(&mut self, command: &str) -> Ran {
        let command = self.real(&self.ids.in_truth(command));
        let words = command.split('#').next().unwrap_or_default();
        let words: Vec<&str> = words.split_whitespace().collect();
        match words.as_slice() {
            ["hekate", more @ ..] if goes_on(more) => return self.go_on(more),
            // It needs a terminal, on which it is tried elsewhere; here it only has to be a command that there is.
            ["hekate", "top", more @ ..] => {
                let more = more.join(" ");
                return self.run_to_its_end(&format!("hekate top {more} --help > /dev/null"));
            }
            ["systemctl", "stop", "hekate"] => self.end(),
            ["systemctl", "start" | "restart", "hekate"] => {
                self.end();
                self.start(&["run"]);
            }
            _ => return self.run_to_its_end(&command),
        }
        Ran {
            code: Some(0),
            printed: String::new(),
        }
    }

    fn run_to_its_end(&mut self, command: &str) -> Ran {
        let script = format!("(exit {}); {command}", self.last_code);
        let output = self
            .command("timeout")
            .args(["60", "bash", "-o", "pipefail", "-c"])
            .arg(format!("exec 2>&1\n{script}"))
            .output()
            .expect("there is bash");
        let code = output.status.code().unwrap_or(-1);
        self.last_code = code;
        Ran {
            code: Some(code),
            printed: self.as_written(&String::from_utf8_lossy(&output.stdout)),
        }
    }

    /// Starts what does not end by itself, and waits for what it says at first.
    fn go_on(&mut self, words: &[&str]) -> Ran {
        if words.contains(&"--watch") {
            let mut watching = self
                .command("hekate")
                .args(words)
                .stdout(Stdio::piped())
                .spawn()
                .expect("the binary can be run");
            let mut first = [0; 1];
            let out = watching.stdout.as_mut().expect("it is a pipe");
            out.read_exact(&mut first).expect("it shows something");
            let _ = watching.kill();
            let _ = watching.wait();
            return Ran {
                code: None,
                printed: String::new(),
            };
        }
        self.end();
        // The port of the pages may be somebody's on this machine.
        let preview = Regex::new(r"^preview(=\d+)?$").expect("it is one");
        let mut words: Vec<String> = words
            .iter()
            .map(|word| preview.replace(word, "preview=0").into_owned())
            .collect();
        if words[0] == "demo" {
            words.extend(["--port", "0"].map(str::to_owned));
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.start(&words);
        if words[0] == "run" {
            self.wait_until_ready();
        }
        let printed = fs::read_to_string(self.out()).unwrap_or_default();
        Ran {
            code: None,
            printed: self.as_written(&printed),
        }
    }

    fn start(&mut self, words: &[&str]) {
        self.runs += 1;
        let (out, log) = (File::create(self.out()), File::create(self.log()));
        let child = self
            .command("hekate")
            .args(words)
            .stdout(out.expect("the folder takes files"))
            .stderr(log.expect("the folder takes files"))
            .spawn()
            .expect("the binary can be run");
        self.running = Some(Running {
            child,
            address: String::new(),
        });
        let is_demo = words[0] == "demo";
        let out = self.out();
        let address = self.wait_for(|log| {
            if is_demo {
                let said = fs::read_to_string(&out).unwrap_or_default();
                let page =
                    Regex::new(r"status page +http://(\S+)/\n(.*\n)+ +end ").expect("it is one");
                let found = page.captures(&said)?[1].to_owned();
                return Some(found);
            }
            let started = events(log, "started").next()?;
            started["address"].as_str().map(str::to_owned)
        });
        let running = self.running.as_mut().expect("it was started");
        running.address = address;
    }

    /// Waits until it has looked at everything once.
    fn wait_until_ready(&mut self) {
        let address = self
            .running
            .as_ref()
            .expect("it was started")
            .address
            .clone();
        self.wait_for(|_log| {
            let mut stream = TcpStream::connect(&address).ok()?;
            write!(
                stream,
                "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
            )
            .ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            answer.starts_with("HTTP/1.1 200").then_some(())
        });
    }

    /// Ends it as systemd would, and waits for that.
    fn end(&mut self) {
        if let Some(mut running) = self.running.take() {
            let id = running.child.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &id]).status();
            let _ = running.child.wait();
        }
    }

    fn wait_for<T>(&mut self, look: impl Fn(&str) -> Option<T>) -> T {
        for _ in 0..POLLS_AT_MOST {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            if let Some(found) = look(&log) {
                return found;
            }
            let child = self.running.as_mut().map(|running| &mut running.child);
            let ended = child.and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "it ended: {ended:?}\n{log}");
            thread::sleep(POLL_EVERY);
        }
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        panic!("waited in vain\n{log}")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join(format!("run-{}.out", self.runs))
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join(format!("run-{}.log", self.runs))
    }

    /// In the folder, with the binary in front of everything, and with every variable that a file of the pages names.
    fn command(&self, program: &str) -> Command {
        let bin = self.folder.path().join("bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = if program == "hekate" {
            Command::new(bin.join(program))
        } else {
            Command::new(program)
        };
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("TZ", "Europe/Prague")
            .env("HEKATE_LOG", "info")
            .env("VERSION", "4.18.2")
            .env("KEY", "key-of-the-other-program")
            .stdin(Stdio::null());
        let files = yaml::fleet() + "${SLACK_BOT_TOKEN} ${JENKINS_TOKEN}";
        for (name, value) in yaml::variables(&files) {
            let webhook = format!("http://{}/hooks.example.test/{name}", self.world);
            let is_webhook = name.starts_with("SLACK_WEBHOOK");
            command.env(&name, if is_webhook { &webhook } else { &value });
        }
        if let Some(running) = &self.running {
            command.env("HEKATE_SERVER", format!("http://{}", running.address));
        }
        command
    }

    /// What the pages say, with places of this machine in it.
    fn real(&self, text: &str) -> String {
        let mut text = text.replace("sudo ", "");
        if let Some(running) = &self.running {
            let here = format!("http://{}", running.address);
            text = text.replace("http://127.0.0.1:8080", &here);
            // A manifest is for Slack, and names what Slack reaches.
            if !text.contains("slack manifest") {
                text = text.replace("https://status.example.test", &here);
            }
        }
        let folder = self.folder.path().display().to_string();
        for (written, real) in [
            ("/var/lib/hekate", "/data"),
            ("/backups/", "/backups/"),
            ("/etc/systemd/", "/etc/systemd/"),
            ("/etc/hekate/", "/"),
        ] {
            text = text.replace(written, &format!("{folder}{real}"));
        }
        let world = self.world;
        text = text.replace(
            "https://healthchecks.io/api/v3/checks/",
            &format!("http://{world}/healthchecks.json"),
        );
        let hosts = Regex::new(r"https?://([a-z.-]+\.example\.test)").expect("it is one");
        let hosts = hosts.replace_all(&text, |found: &regex::Captures<'_>| {
            if &found[1] == "status.example.test" {
                found[0].to_owned()
            } else {
                format!("http://{world}/{}", &found[1])
            }
        });
        hosts.into_owned()
    }

    /// What was printed, with the names of the pages in it.
    fn as_written(&self, printed: &str) -> String {
        let folder = self.folder.path().display().to_string();
        let mut text = printed
            .replace(&format!("{folder}/data"), "/var/lib/hekate")
            .replace(&format!("{folder}/"), "/")
            .replace(&format!("http://{}/", self.world), "https://");
        if let Some(running) = &self.running {
            text = text.replace(&running.address, "127.0.0.1:8080");
        }
        text
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether this command goes on until somebody ends it.
fn goes_on(words: &[&str]) -> bool {
    matches!(words.first(), Some(&("run" | "demo"))) || words.contains(&"--watch")
}

fn events<'log>(log: &'log str, name: &'log str) -> impl Iterator<Item = Value> + 'log {
    log.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(move |event| event["event"] == name)
}

/// A server that is all hosts of the pages: those that are down answer so, receivers of messages take everything.
fn world(mended: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let is_mended = mended.load(Ordering::Relaxed);
            thread::spawn(move || answer(stream, is_mended));
        }
    });
    address
}

/// Answers one request; whoever hangs up in the middle gets nothing.
fn answer(mut stream: TcpStream, is_mended: bool) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().ok()?;
        }
    }
    reader.take(length).read_to_end(&mut Vec::new()).ok()?;
    let path = first.split(' ').nth(1).unwrap_or_default();
    let is_down = path.starts_with(DOWN) || path.starts_with(WAS_DOWN) && !is_mended;
    let (status, body) = if first.starts_with("POST") {
        ("200 OK", String::from("ok"))
    } else if is_down {
        (
            "503 Service Unavailable",
            String::from("{\"status\":\"DOWN\"}"),
        )
    } else if path == "/healthchecks.json" {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let body = fs::read_to_string(root.join("tests/import/healthchecks.json"));
        ("200 OK", body.unwrap_or_default())
    } else {
        ("200 OK", String::from("{\"status\":\"UP\"}"))
    };
    let kind = if first.starts_with("POST") {
        "text/plain"
    } else {
        "application/json"
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .ok()
}
