//! Roles from a name, asked of dnsmasq by this machine's own resolver.
//!
//! That resolver asks port 53 of the server in `/etc/resolv.conf`, so the test runs in a network and with files of its own.

use std::{
    env, fs,
    io::{self, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use hekate::model::roles::RoleSource;

use crate::{roles::Colours, servers::program};

const INSIDE: &str = "roles_dns::inside";
/// Set where [`INSIDE`] has a network of its own.
const ALONE: &str = "HEKATE_TEST_IS_ALONE";
/// Far longer than dnsmasq takes to listen.
const START_POLLS: u32 = 3_000;

/// dnsmasq with these options; it ends with this value.
struct Names(Child);

impl Drop for Names {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Names {
    fn start(options: &[&str]) -> Self {
        let dnsmasq = program("dnsmasq").expect("the test outside has found it");
        let child = Command::new(dnsmasq)
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--user=root",
                "--no-resolv",
                "--no-hosts",
                "--pid-file=",
                "--listen-address=127.0.0.1",
                "--bind-interfaces",
                "--local=/example.test/",
                "--host-record=blue.example.test,127.0.0.11",
                "--host-record=green.example.test,127.0.0.12,::12",
            ])
            .args(options)
            .stdin(Stdio::null())
            .spawn()
            .expect("the program is there");
        let mut names = Self(child);
        for _ in 0..START_POLLS {
            if TcpStream::connect("127.0.0.1:53").is_ok() {
                return names;
            }
            let ended = names.0.try_wait().expect("it is our child");
            assert!(ended.is_none(), "dnsmasq ended: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("dnsmasq never listened");
    }
}

#[test]
fn a_name_that_points_at_the_active_one() {
    if program("dnsmasq").is_none() {
        return;
    }
    let can_be_alone = Command::new("unshare")
        .args(["-mn", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !can_be_alone {
        // Not `eprintln!`: the test runner would swallow it. Nor can this be installed, so it is never a must.
        let _ = writeln!(
            io::stderr(),
            "SKIPPED, NOT TESTED: roles from DNS, because this user must not make a network of its own"
        );
        return;
    }
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let resolver = folder.path().join("resolv.conf");
    fs::write(
        &resolver,
        "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    )
    .expect("the folder takes files");
    let script = r#"ip link set lo up && mount --bind "$1" /etc/resolv.conf && exec "$2" --exact "$3" --ignored --nocapture"#;
    let ended = Command::new("unshare")
        .args(["-mn", "sh", "-c", script, "sh"])
        .arg(&resolver)
        .arg(env::current_exe().expect("this test is a program"))
        .arg(INSIDE)
        .env(ALONE, "1")
        .output()
        .expect("it was there a moment ago");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&ended.stderr)
    );
}

#[tokio::test]
#[ignore = "the test above runs it, in a network of its own"]
async fn inside() {
    assert!(env::var_os(ALONE).is_some(), "only the test above runs it");
    let colours = Colours::with_addresses([("blue.example.test", 80), ("green.example.test", 80)]);
    let source = [RoleSource::Dns {
        name: String::from("active.example.test"),
    }];
    for (options, expected) in [
        (
            &["--host-record=active.example.test,127.0.0.11"][..],
            "blue",
        ),
        (&["--host-record=active.example.test,::12"][..], "green"),
        (
            &["--cname=active.example.test,green.example.test"][..],
            "green",
        ),
        (
            &[
                "--cname=active.example.test,middle.example.test",
                "--cname=middle.example.test,blue.example.test",
            ][..],
            "blue",
        ),
        (
            &[
                "--host-record=active.example.test,127.0.0.11",
                "--host-record=active.example.test,127.0.0.12",
            ][..],
            "blue green",
        ),
        (
            &["--host-record=active.example.test,127.0.0.99"][..],
            "! it names `127.0.0.99`, which is no member",
        ),
        (
            &[][..],
            "! failed to lookup address information: Name or service not known",
        ),
    ] {
        let names = Names::start(options);
        assert_eq!(colours.read(&source).await, [expected], "{options:?}");
        drop(names);
    }
    // Nobody answers: it is not known who is active, which is another thing than nobody.
    let said = colours.read(&source).await;
    assert_eq!(
        said,
        ["! failed to lookup address information: Temporary failure in name resolution"]
    );
}
