//! Two instances behind a real `HAProxy`, which exchange their roles.

use std::{
    env, fs,
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::{
    home::{Hekate, Home},
    receiver::Receiver,
    targets::{Mood, Targets},
    wait::until,
};

/// A running `HAProxy`; it ends with this value.
struct Proxy {
    child: Child,
    socket: PathBuf,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    /// Absent if there is none on this machine, which is said aloud.
    async fn start(folder: &Path) -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        let Some(program) = folders
            .map(|folder| folder.join("haproxy"))
            .find(|path| path.is_file())
        else {
            assert!(
                env::var_os("HEKATE_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
                "HAProxy is missing: run .ci/servers"
            );
            // Not `eprintln!`: the test runner would swallow it.
            let _ = writeln!(
                io::stderr(),
                "SKIPPED, NOT TESTED: HAProxy is missing, .ci/servers installs it"
            );
            return None;
        };
        let socket = folder.join("admin.sock");
        let file = folder.join("haproxy.cfg");
        let config = format!(
            "
global
    stats socket {} level admin
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
backend roih
    server srv-blue 127.0.0.1:1
    server srv-green 127.0.0.1:2
",
            socket.display()
        );
        fs::write(&file, config).expect("the folder takes files");
        let child = Command::new(program)
            .arg("-db")
            .arg("-f")
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program is there");
        let proxy = Self { child, socket };
        until("HAProxy listens", async || {
            UnixStream::connect(&proxy.socket).ok()
        })
        .await;
        Some(proxy)
    }

    /// Tells it something; it says nothing if it obeys.
    fn tell(&self, words: &str) {
        let mut stream = UnixStream::connect(&self.socket).expect("it listens");
        writeln!(stream, "{words}").expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert_eq!(answer.trim(), "", "{words}");
    }

    fn drain(&self, server: &str) {
        self.tell(&format!("set server roih/srv-{server} state drain"));
    }

    fn ready(&self, server: &str) {
        self.tell(&format!("set server roih/srv-{server} state ready"));
    }
}

/// Waits until blue and green have these roles in the API.
async fn roles(hekate: &Hekate, blue: &str, green: &str) {
    until(&format!("blue is {blue}, green is {green}"), async || {
        let (its, others) = (
            hekate.target("master/blue").await,
            hekate.target("master/green").await,
        );
        (its["role"] == blue && others["role"] == green).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_follows_the_role() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["core", "disaster", "ops"]);
    let Some(proxy) = Proxy::start(home.path()).await else {
        return;
    };
    proxy.drain("green");
    home.write(&format!(
        r#"
groups:
  master:
    active:
      haproxy_socket: {{ address: "{}", backend: roih }}
      map: {{ blue: srv-blue, green: srv-green }}
      every: 2s
targets:
  - {{ name: blue, group: master, health: "{}" }}
  - {{ name: green, group: master, health: "{}" }}
routes:
  - {{ match: {{ group: master, role: active }}, to: disaster }}
  - {{ match: {{ group: master, role: inactive }}, to: core }}
  - {{ to: ops }}
"#,
        proxy.socket.display(),
        targets.url("blue"),
        targets.url("green"),
    ));
    let hekate = home.start().await;
    hekate.ready().await;
    roles(&hekate, "active", "inactive").await;
    home.set("HEKATE_SERVER", &format!("http://{}", hekate.address));
    let shown = home.run(&["status"]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(line_of(&shown, "blue").contains("active"), "{shown}");
    assert!(line_of(&shown, "green").contains("inactive"), "{shown}");

    // The waiting half is the team's own affair.
    targets.set("green", Mood::Down);
    let first = receiver.hear_down("core").await;
    assert!(first.text.contains("green (inactive)"), "{}", first.text);
    targets.set("green", Mood::Up);
    receiver.hear_up("core", first.id()).await;
    assert!(receiver.told_to("disaster").is_empty());

    // The other one takes over; for a moment both do, as it should be.
    proxy.ready("green");
    roles(&hekate, "active", "active").await;
    proxy.drain("blue");
    roles(&hekate, "inactive", "active").await;
    let shown = home.run(&["status"]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(line_of(&shown, "blue").contains("inactive"), "{shown}");

    // The same outage of the same instance now goes elsewhere, and the other way round.
    targets.set("green", Mood::Down);
    let second = receiver.hear_down("disaster").await;
    assert!(second.text.contains("green (active)"), "{}", second.text);
    targets.set("blue", Mood::Down);
    let third = receiver
        .hear("core", "that blue is down", |told| {
            told.is_down() && told.is_taken() && told.text.contains("blue")
        })
        .await;
    assert!(third.text.contains("blue (inactive)"), "{}", third.text);

    // Roles are exchanged once more, in the middle of it: who heard of an outage hears of its end.
    proxy.ready("blue");
    proxy.drain("green");
    roles(&hekate, "active", "inactive").await;
    targets.set("blue", Mood::Up);
    targets.set("green", Mood::Up);
    receiver.hear_up("disaster", second.id()).await;
    receiver.hear_up("core", third.id()).await;
    hekate.stop().await;
    // Nothing but the swaps themselves, which no route of this file asks for.
    for told in receiver.told_to("ops") {
        assert!(told.text.contains("is active now"), "{told:?}");
    }
}

/// The line of a target in what the terminal shows.
fn line_of<'a>(shown: &'a str, name: &str) -> &'a str {
    let line = shown.lines().find(|line| line.contains(name));
    line.unwrap_or_else(|| panic!("{name} is not shown:\n{shown}"))
}
