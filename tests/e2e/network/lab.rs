//! A network of its own for one test: the test's process with all stand-ins on one side of a cable, hekate on the other.
//!
//! The test program starts itself once more within new namespaces, where it may do to the network what it likes; nothing
//! outside of them is touched, and root is not needed where users may make namespaces.

use std::{
    env, fs,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tokio::net::UdpSocket;

use crate::{
    home::{Home, variable_of},
    receiver::Receiver,
    targets::Targets,
    wait::until,
};

/// Where the second process finds what the first one prepared.
const FOLDER: &str = "HEKATE_E2E_NETWORK";
/// Where hekate is told to ask for names.
const RESOLVER: &str = "10.9.0.53:53";
/// Where messages go; hekate finds it on a port of its own loopback, because a receiver elsewhere needs TLS.
const SLACK: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 9, 0, 1), 7_777);
/// Hosts in two networks.
pub(crate) const HOSTS: [[u8; 4]; 5] = [
    [10, 1, 0, 1],
    [10, 1, 0, 2],
    [10, 1, 0, 3],
    [10, 2, 0, 1],
    [10, 2, 0, 2],
];

/// Lays the cable between this namespace and a new one, and begins the program that follows.
const LAY: &str = r#"
folder=$1; shift
ip link set lo up
for address in 10.1.0.1 10.1.0.2 10.1.0.3 10.2.0.1 10.2.0.2 10.9.0.1 10.9.0.53; do ip address add $address/32 dev lo; done
touch "$folder/inside"
unshare --net="$folder/inside" true
ip link add outer type veth peer name inner
ip link set inner netns "$folder/inside"
ip address add 10.200.0.1/24 dev outer
ip link set outer up
nsenter --net="$folder/inside" sh -euc '
  ip link set lo up
  ip address add 10.200.0.2/24 dev inner
  ip link set inner up
  ip route add default via 10.200.0.1
  echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
  nft add table ip lab
  nft "add chain ip lab go { type nat hook output priority -100; }"
  nft "add rule ip lab go ip daddr 127.0.0.1 tcp dport 7777 dnat to 10.9.0.1"
  nft "add chain ip lab leave { type nat hook postrouting priority 100; }"
  nft "add rule ip lab leave oifname inner masquerade"'
nft add table inet lab
nft 'add chain inet lab come { type filter hook input priority 0; }'
nft 'add chain inet lab go { type filter hook output priority 0; }'
mount --bind "$folder/resolv.conf" "$(realpath /etc/resolv.conf)"
exec "$@"
"#;

/// Plays the story within a network of its own; says aloud that it does not where that is not possible.
pub(crate) fn within(test: &str, story: impl AsyncFnOnce(Lab)) {
    if let Some(folder) = env::var_os(FOLDER) {
        let runtime = tokio::runtime::Runtime::new().expect("it has threads");
        runtime.block_on(async { story(Lab::new(PathBuf::from(folder)).await).await });
        return;
    }
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let resolver = RESOLVER.trim_end_matches(":53");
    let said = format!("nameserver {resolver}\noptions timeout:1 attempts:1\n");
    fs::write(folder.path().join("resolv.conf"), said).expect("the folder takes files");
    if !can_be_laid(folder.path()) {
        return;
    }
    let program = env::current_exe().expect("it is running");
    let mut command = lay(folder.path());
    command.arg(program).args(["--exact", test, "--nocapture"]);
    let output = command.output().expect("it was there a moment ago");
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && words.contains("1 passed"),
        "{words}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn lay(folder: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--net", "--mount", "--"])
        .args(["sh", "-euc", LAY, "sh"])
        .arg(folder)
        .env(FOLDER, folder)
        .stdin(Stdio::null());
    command
}

/// Whether this machine has the programs, and its kernel lets us.
fn can_be_laid(folder: &Path) -> bool {
    let mut missing = ["unshare", "nsenter", "ip", "nft"].map(Some);
    for program in &mut missing {
        let found = Command::new("sh")
            .args(["-c", "command -v \"$0\" >/dev/null"])
            .arg(program.unwrap_or_default())
            .status();
        *program = program.filter(|_| !found.is_ok_and(|status| status.success()));
    }
    let missing: Vec<_> = missing.into_iter().flatten().collect();
    assert!(
        missing.is_empty()
            || env::var_os("HEKATE_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
        "{missing:?} must be installed"
    );
    let tried = missing.is_empty().then(|| lay(folder).arg("true").output());
    let why = match tried {
        Some(Ok(output)) if output.status.success() => return true,
        Some(Ok(output)) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Some(Err(error)) => error.to_string(),
        None => format!("{missing:?} are not installed"),
    };
    // Not `eprintln!`: the test runner would swallow it.
    let _ = writeln!(
        io::stderr(),
        "SKIPPED, NOT TESTED: bad networks, for which namespaces are needed: {why}"
    );
    false
}

/// The network, everything in it, and a home for hekate on the other side.
pub(crate) struct Lab {
    pub(crate) targets: Vec<Targets>,
    pub(crate) receiver: Receiver,
    pub(crate) home: Home,
    folder: PathBuf,
}

impl Lab {
    async fn new(folder: PathBuf) -> Self {
        let mut targets = Vec::new();
        for host in HOSTS {
            targets.push(Targets::start_at((host, 0).into()).await);
        }
        let receiver = Receiver::start_at(SLACK.into()).await;
        tokio::spawn(answer_names());
        let mut home = Home::new(&receiver, &["alerts", "ops"]);
        let inside = format!("--net={}", folder.join("inside").display());
        home.start_with(&["nsenter", &inside]);
        for channel in ["alerts", "ops"] {
            let url = receiver.url(channel).replace("10.9.0.1:", "127.0.0.1:");
            home.set(&variable_of(channel), &url);
        }
        Self {
            targets,
            receiver,
            home,
            folder,
        }
    }

    /// Where a target is asked.
    pub(crate) fn url(&self, index: usize) -> String {
        self.targets[index].url("health")
    }

    /// Where a target is asked by a name that only the resolver of this network knows.
    pub(crate) fn named_url(&self, index: usize) -> String {
        named(&self.url(index))
    }

    /// Drops what these words of `nft` match, of all that comes over the cable from hekate …
    pub(crate) fn drop_coming(&self, what: &str) {
        self.command(
            "nft",
            &format!("add rule inet lab come iifname outer {what} drop"),
        );
    }

    /// … and of all that goes to it.
    pub(crate) fn drop_going(&self, what: &str) {
        self.command(
            "nft",
            &format!("add rule inet lab go oifname outer {what} drop"),
        );
    }

    /// Pulls the cable.
    pub(crate) fn pull(&self) {
        self.command("ip", "link set outer down");
    }

    /// All is well again.
    pub(crate) fn mend(&self) {
        self.command("nft", "flush table inet lab");
        self.command("ip", "link set outer up");
    }

    fn command(&self, program: &str, arguments: &str) {
        let mut command = Command::new(program);
        let output = command.args(arguments.split(' ')).output();
        let output = output.expect("it was there a moment ago");
        let words = String::from_utf8_lossy(&output.stderr);
        let place = self.folder.display();
        assert!(
            output.status.success(),
            "{place}: {program} {arguments}: {words}"
        );
    }

    /// Waits until every target was asked so many more times.
    pub(crate) async fn asked(&self, times: u64) {
        let asked = |targets: &Targets| targets.asked("health");
        let before: Vec<_> = self.targets.iter().map(asked).collect();
        until("every target was asked", async || {
            let mut pairs = self.targets.iter().zip(&before);
            let is_asked = |(targets, before): (&Targets, &u64)| asked(targets) >= before + times;
            pairs.all(is_asked).then_some(())
        })
        .await;
    }

    /// The words of all that was told, in their order.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = self.receiver.told().into_iter();
        told.map(|told| format!("{}: {}", told.channel, told.text))
            .collect()
    }
}

/// The same address with a name for its host: `10.1.0.2` is `host-10-1-0-2.test`.
fn named(url: &str) -> String {
    let rest = url.trim_start_matches("http://");
    let (host, rest) = rest.split_once(':').expect("it has a port");
    format!("http://host-{}.test:{rest}", host.replace('.', "-"))
}

/// The resolver: knows what [`named`] makes, and nothing else.
///
/// Source: RFC 1035, section 4: twelve bytes of header, the question, and answers that point at its name.
async fn answer_names() {
    let address: SocketAddr = RESOLVER.parse().expect("an address");
    let socket = UdpSocket::bind(address)
        .await
        .expect("nobody listens there");
    let mut bytes = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
        if let Some(answer) = answered(&bytes[..length]) {
            let _it_may_have_left = socket.send_to(&answer, from).await;
        }
    }
}

fn answered(asked: &[u8]) -> Option<Vec<u8>> {
    let label = usize::from(*asked.get(12)?);
    let name = std::str::from_utf8(asked.get(13..13 + label)?).ok()?;
    let octets: Vec<u8> = name
        .strip_prefix("host-")?
        .split('-')
        .filter_map(|part| part.parse().ok())
        .collect();
    let end = 12 + asked[12..].iter().position(|byte| *byte == 0)? + 5;
    let is_ipv4 = asked.get(end - 4..end - 2)? == [0, 1];
    let mut out = asked[..end].to_vec();
    out[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_ipv4), 0, 0, 0, 0]);
    if is_ipv4 {
        // Remembered by nobody.
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        out.extend(octets);
    }
    Some(out)
}
