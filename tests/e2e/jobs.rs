//! Jobs as they are run and called for real: commands under `hekate job run`, with hekate there and away, and a run that never comes.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{
    home::{Hekate, Home},
    receiver::Receiver,
    targets::Targets,
    wait::{LONG, until, until_within},
};

const KEY: &str = "ping-key-of-the-e2e-tests";

struct Scene {
    receiver: Receiver,
    home: Home,
    _targets: Targets,
}

impl Scene {
    async fn new(jobs: &str) -> Self {
        let (receiver, targets) = (Receiver::start().await, Targets::start().await);
        let mut home = Home::new(&receiver, &["data", "ops"]);
        home.set("PING_KEY", KEY);
        home.write(&format!(
            "{}routes: [{{ to: ops }}]\njobs:\n{jobs}",
            targets.section(&["api"])
        ));
        home.rewrite(|text| {
            text.replace(
                "server: { listen",
                "server: { ping_key: \"${PING_KEY}\", listen",
            )
        });
        Self {
            receiver,
            home,
            _targets: targets,
        }
    }

    /// A run of the job `export` of a shell script; its code, what it printed and what it complained of.
    async fn job(&self, server: &str, more: &[&str], script: &str) -> (i32, String, String) {
        let mut words = vec!["--server", server, "job", "run", "export"];
        words.extend(more);
        words.extend(["--", "/bin/sh", "-c", script]);
        // As a host has it that knows nothing but where hekate is, and its key.
        let mut command = Command::new(env!("CARGO_BIN_EXE_hekate"));
        command
            .args(words)
            .env("HEKATE_PING_KEY", KEY)
            .env_remove("HEKATE_CONFIG")
            .env_remove("HEKATE_TOKEN")
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .expect("waiting does not panic")
            .expect("the binary can be run");
        (
            output.status.code().expect("it ends by itself"),
            String::from_utf8(output.stdout).expect("text"),
            String::from_utf8(output.stderr).expect("text"),
        )
    }
}

async fn shown(hekate: &Hekate) -> serde_json::Value {
    hekate.get("/api/v1/jobs").await.json()["jobs"][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_runs_as_it_would_alone_and_its_end_is_told_with_its_last_lines() {
    let scene = Scene::new("  export: { period: 1h, channel: data }\n").await;
    let hekate = scene.home.start().await;
    let server = format!("http://{}", hekate.address);
    let script =
        "echo out; echo err >&2; test -z \"$HEKATE_PING_KEY\" || echo leaked; echo 18 204 rows";
    let (code, out, err) = scene.job(&server, &[], script).await;
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, "out\n18 204 rows\n", "err\n")
    );
    let job = shown(&hekate).await;
    assert!(
        job["fresh_as_of"].is_string() && job["took_ms"].is_number(),
        "{job}"
    );
    let told = scene
        .receiver
        .hear("data", "the end of the run", |told| {
            told.text.contains("is done")
        })
        .await;
    assert!(told.text.contains("18 204 rows"), "{}", told.text);

    let (code, _, _) = scene.job(&server, &[], "echo disk full; exit 3").await;
    assert_eq!(code, 3);
    let told = scene.receiver.hear_down("data").await;
    assert!(
        told.text.contains("exit code 3") && told.text.contains("disk full"),
        "{}",
        told.text
    );

    // What does not end is ended, and what a signal ends has its code.
    let (code, _, _) = scene
        .job(&server, &["--max-runtime", "300ms"], "exec sleep 600")
        .await;
    assert_eq!(code, 128 + 15);
    let job = shown(&hekate).await;
    let failure = job["last_failure"].as_str().unwrap_or_default().to_owned();
    assert!(
        failure.contains("ended by hekate after 300 ms"),
        "{failure}"
    );
    assert_eq!(
        job["running_since"].as_array().map(Vec::len),
        Some(0),
        "{job}"
    );

    // What cannot be run is told like what failed.
    let nothing = scene.home.path().join("no-program");
    fs::write(&nothing, "").expect("the folder takes files");
    fs::set_permissions(&nothing, fs::Permissions::from_mode(0o644)).expect("it is ours");
    for (program, expected) in [("./not-there", 127), ("./no-program", 126)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hekate"));
        command
            .args(["--server", &server, "job", "run", "export", "--", program])
            .env("HEKATE_PING_KEY", KEY)
            .env_remove("HEKATE_CONFIG")
            .current_dir(scene.home.path());
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .expect("waiting does not panic")
            .expect("the binary can be run");
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
    }
    let (code, _, _) = scene.job(&server, &[], "true").await;
    assert_eq!(code, 0);
    hekate.shows("job/export", "operational").await;
    hekate.stop().await;
    assert!(!scene.home.words_of_all_runs().contains(KEY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_runs_although_hekate_is_away_and_is_told_when_it_is_back() {
    let scene = Scene::new("  export: { period: 1h, channel: data }\n").await;
    let hekate = scene.home.start().await;
    let address = hekate.address;
    let server = format!("http://{address}");
    scene
        .home
        .rewrite(|text| text.replace("127.0.0.1:0", &address.to_string()));
    hekate.stop().await;
    // Away at its beginning and at its end; back before the minute is over.
    let run = scene.job(&server, &[], "echo while you were away");
    let back = async {
        until("it has run", async || {
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            Some(())
        })
        .await;
        scene.home.start().await
    };
    let ((code, out, err), hekate) = tokio::join!(run, back);
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, "while you were away\n", "")
    );
    let job = shown(&hekate).await;
    assert_eq!(job["said"], "while you were away", "{job}");
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_opens_nothing_is_said_and_the_command_runs_all_the_same() {
    let scene = Scene::new("  other: { period: 1h }\n").await;
    let hekate = scene.home.start().await;
    let server = format!("http://{}", hekate.address);
    let (code, out, err) = scene.job(&server, &[], "echo done; exit 5").await;
    assert_eq!((code, out.as_str()), (5, "done\n"));
    assert!(
        err.contains("could not be told") && !err.contains(KEY),
        "{err}"
    );
    let (code, out, err) = scene.job("nonsense", &[], "echo done").await;
    assert_eq!((code, out.as_str()), (0, "done\n"));
    assert!(err.contains("nobody will hear"), "{err}");
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_does_not_come_is_told_and_a_restart_does_not_postpone_it() {
    let jobs =
        "  export: { schedule: \"* * * * *\", grace: 5s, channel: data, aliases: [deals] }\n";
    let scene = Scene::new(jobs).await;
    let hekate = scene.home.start().await;
    hekate.shows("job/export", "unknown").await;
    hekate.kill();
    let hekate = scene.home.start().await;
    // The minute that follows, and some for a slow machine.
    until_within(LONG * 2, "it is due", async || {
        let answer = hekate.get("/api/v1/jobs").await.json();
        let time =
            |text: &serde_json::Value| chrono::DateTime::parse_from_rfc3339(text.as_str()?).ok();
        let (now, due) = (time(&answer["at"])?, time(&answer["jobs"][0]["due_at"])?);
        (due <= now).then_some(())
    })
    .await;
    let told = scene.receiver.hear_down("data").await;
    assert!(
        told.text.contains("late") && told.text.contains("none was ever seen"),
        "{}",
        told.text
    );
    let said = scene
        .home
        .run(&[
            "--server",
            &format!("http://{}", hekate.address),
            "fresh",
            "deals",
        ])
        .await;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("no good run seen yet"), "{said}");
    hekate.stop().await;
}

/// The Python with the clients of Healthchecks, if it is there.
fn clients() -> Option<PathBuf> {
    let folder = env::var_os("HEKATE_SERVERS").map_or_else(
        || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("servers"),
        PathBuf::from,
    );
    let python = folder.join("healthchecks/bin/python");
    if python.exists() {
        return Some(python);
    }
    assert!(
        env::var_os("HEKATE_REQUIRE_SERVERS").is_none(),
        "the clients of Healthchecks are required in {}",
        python.display()
    );
    skipped("no clients of Healthchecks; `.ci/servers` installs them");
    None
}

#[expect(clippy::print_stderr, reason = "a skipped test has to be heard of")]
fn skipped(why: &str) {
    eprintln!("SKIPPED, NOT TESTED: {why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn public_clients_of_healthchecks_are_served_as_they_are() {
    const UUID: &str = "7c0d4b6e-4a0e-4f5c-9a43-0d5f4a1b2c3d";
    let Some(python) = clients() else { return };
    let jobs = "  export: { period: 1h, channel: data, token: \"${JOB_UUID}\" }\n";
    let mut scene = Scene::new(jobs).await;
    scene.home.set("JOB_UUID", UUID);
    let hekate = scene.home.start().await;
    let mut command = Command::new(python);
    command.args([
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/healthchecks.py"),
        &format!("http://{}", hekate.address),
        KEY,
        UUID,
    ]);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("waiting does not panic")
        .expect("the script can be run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        said,
        "(True, 'OK')\n(True, 'OK')\n(True, 'OK')\n(True, 'OK')\n(True, 'OK')\n{'rows': 7}\n"
    );
    let told = scene.receiver.hear_down("data").await;
    assert!(told.text.contains("disk full"), "{}", told.text);
    let job = shown(&hekate).await;
    assert_eq!(job["state"], "operational", "{job}");
    assert!(job["took_ms"].is_number(), "{job}");
    hekate.stop().await;
    let words = scene.home.words_of_all_runs();
    assert!(!words.contains(KEY) && !words.contains(UUID));
}
