//! What needs a process of its own: the environment and the limits of a process belong to all of its tests.

use std::{
    fs::File,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use expect_test::expect;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::stage::{PATIENT, answering, look, ok, question, serve, told};

/// Says to the child what to look at.
const URL: &str = "HEKATE_TEST_URL";
/// Comes before the line that the child hands back.
const MARK: &str = "child told: ";

/// Runs one of the ignored tests below in a process of its own; what it told.
async fn child(test: &'static str, variables: Vec<(&'static str, String)>) -> String {
    let output = tokio::task::spawn_blocking(move || {
        let me = std::env::current_exe().expect("a test is a program");
        Command::new(me)
            .args([
                &format!("children::{test}"),
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .envs(variables)
            .stderr(Stdio::inherit())
            .output()
            .expect("the child runs")
    })
    .await
    .expect("it only waits");
    let printed = String::from_utf8_lossy(&output.stdout);
    let (_, told) = printed.split_once(MARK).expect("the child tells");
    told.lines().next().unwrap_or_default().to_owned()
}

#[expect(clippy::print_stdout, reason = "the parent reads it")]
async fn tell() {
    let url = std::env::var(URL).expect("only a parent runs this");
    let seen = look(question(&url), PATIENT).await;
    println!("\n{MARK}{}", told(&seen));
}

#[tokio::test]
#[ignore = "run by the test that sets its environment"]
async fn looks_as_the_environment_is() {
    tell().await;
}

#[tokio::test]
#[ignore = "run by the test that wants it"]
async fn looks_without_file_descriptors() {
    let few = Some(64);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: few,
            maximum: few,
        },
    )
    .expect("a limit may be lowered");
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }
    tell().await;
}

#[tokio::test]
async fn without_file_descriptors_nobody_is_accused() {
    let server = answering(ok("OK")).await;
    let url = format!("http://{server}/");
    let line = child("looks_without_file_descriptors", vec![(URL, url)]).await;
    expect!["gap own_resources: this process has no file descriptors left"].assert_eq(&line);
}

#[tokio::test]
async fn proxies_of_the_environment_are_not_asked() {
    let hits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&hits);
    let trap = serve(move |_stream| {
        count.fetch_add(1, Ordering::SeqCst);
        async {}
    })
    .await;
    let server = answering(ok("OK")).await;
    let mut variables = vec![(URL, format!("http://{server}/"))];
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        variables.push((name, format!("http://{trap}")));
    }
    assert_eq!(
        child("looks_as_the_environment_is", variables).await,
        "healthy"
    );
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_machine_without_roots_accuses_nobody() {
    let variables = vec![
        (URL, "https://127.0.0.1:1/".to_owned()),
        ("SSL_CERT_FILE", "/nonexistent/roots.pem".to_owned()),
        ("SSL_CERT_DIR", "/nonexistent".to_owned()),
    ];
    let line = child("looks_as_the_environment_is", variables).await;
    expect!["gap own_tls: this machine has no TLS root certificates (install ca-certificates)"]
        .assert_eq(&line);
}
