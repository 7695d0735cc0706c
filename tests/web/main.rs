//! A second opinion on signed requests: Slack's own Python library signs, the listener answers.
//!
//! Wants a Python with `slack_sdk`: `python3`, or the one that `HEKATE_PYTHON` names. Without it the test is skipped and
//! says so; with `HEKATE_REQUIRE_SERVERS` set it fails.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    io,
    net::SocketAddr,
    path::PathBuf,
    process::{Command, Output},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use hekate::{
    chat::{Chat, Readers},
    clock::Clock,
    model::{
        Board, GroupName, Plan, Policy, Secret, Severity, Target, TargetId,
        names::CheckKind,
        plan::{
            Check, Connection, Group, HealthQuestion, HttpVersion, IpFamily, Question, Server,
            SlackSettings, StoreSettings, TlsSettings,
        },
    },
    notify::sender::Sender,
    telemetry::Metrics,
    web::{Pulse, State, serve},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, task::spawn_blocking};
use tokio_util::sync::CancellationToken;

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_slacks_own_library_signs_is_answered_once() {
    let python = env::var_os("HEKATE_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let has_library = run(&python, &["-c", "import slack_sdk.signature"])
        .await
        .is_ok_and(|output| output.status.success());
    if !has_library {
        assert!(
            env::var_os("HEKATE_REQUIRE_SERVERS").is_none(),
            "a Python with slack_sdk is required; HEKATE_PYTHON can name it"
        );
        skipped("no Python with slack_sdk; HEKATE_PYTHON can name one");
        return;
    }
    let (address, _stop) = listener().await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/web/sign_and_ask.py");
    let route = format!("http://{address}/slack/command");
    let output = run(&python, &[script, &route, SECRET])
        .await
        .expect("the script starts");
    let answers = answers(&output);
    assert_eq!(answers.len(), 122);
    for answer in answers {
        assert_eq!(answer["fine"], true, "{answer}");
    }
}

/// Runs a program off the runtime's threads, since the listener needs them.
async fn run(program: &OsStr, arguments: &[&str]) -> io::Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments);
    spawn_blocking(move || command.output())
        .await
        .expect("running a program does not panic")
}

fn answers(output: &Output) -> Vec<Value> {
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{trouble}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect()
}

#[expect(clippy::print_stderr, reason = "a skipped test has to be heard of")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// The way out of the house.
fn sender() -> Sender {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Sender::new().expect("there is a TLS provider")
}

/// A listener with the secret, which lives as long as the token is not cancelled.
async fn listener() -> (SocketAddr, CancellationToken) {
    let clock = Clock::start();
    let plan = plan();
    let board = Board::of(&plan, clock.now().at, None);
    let (reload, _) = mpsc::channel(1);
    let state = State {
        chat: Chat {
            board: Arc::new(ArcSwap::from_pointee(board)),
            plan: Arc::new(ArcSwap::from_pointee(plan)),
            metrics: Arc::new(Metrics::new()),
            clock,
            incidents: Arc::new(|_: &_| Ok(None)),
            histories: Arc::new(|_: &_, _, _| Ok(Vec::new())),
            measures: Arc::new(|_: &_, _| Ok(Vec::new())),
            glances: Arc::new(|_| tokio::sync::oneshot::channel().1),
            by_hand: Arc::default(),
            wishes: Arc::new(|_, _| tokio::sync::oneshot::channel().1),
            orders: Arc::new(|_, _| tokio::sync::oneshot::channel().1),
            marked: Arc::new(|_| {}),
            readers: Readers::default(),
            sender: sender(),
            tell: Arc::new(|_| {}),
            losses: Arc::default(),
            pressed: Arc::default(),
            hall: Arc::default(),
            members: Arc::default(),
            turn: Arc::default(),
        },
        pulse: Arc::new(Pulse::new(Duration::from_mins(1))),
        reload,
        push: Arc::new(|_| false),
        ping: Arc::new(|_, _| tokio::sync::oneshot::channel().1),
        role_said: Arc::new(|_, _| {}),
        measures_each: Arc::new(|_: &_, _: &_| Ok(Vec::new())),
        times_answers: Arc::new(|_: &_, _, _: &_| Ok(Vec::new())),
        past: Arc::new(|_, _| Ok(Vec::new())),
    };
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, state, stop.clone()));
    (address, stop)
}

fn plan() -> Plan {
    let master = GroupName::new("master");
    Plan {
        actions: Arc::default(),
        replies: Arc::default(),
        releases: hekate::model::release::ReleaseSettings::default(),
        server: Server {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            timezone: chrono_tz::Europe::Prague,
            token: None,
            ping_key: None,
        },
        store: StoreSettings {
            path: PathBuf::from("data"),
            retention: Duration::from_hours(24),
        },
        slack: SlackSettings {
            command: String::from("/roih"),
            signing_secrets: vec![Secret::new("the one before"), Secret::new(SECRET)],
            ..SlackSettings::default()
        },
        page: hekate::model::page::PageSettings::default(),
        dead_man: None,
        channels: BTreeMap::new(),
        on_call: BTreeMap::new(),
        groups: vec![Group {
            is_always_active: false,
            is_production: false,
            name: master.clone(),
            aliases: Vec::new(),
            team: None,
        }],
        targets: vec![
            target(Some(master.clone()), "blue"),
            target(Some(master), "green"),
            target(None, "api"),
        ],
        groups_incidents: true,
        damps_flapping: true,
        witnesses: Arc::default(),
        maintenance: Arc::default(),
        slos: Arc::default(),
        routes: Vec::new(),
    }
}

fn target(group: Option<GroupName>, name: &str) -> Arc<Target> {
    let question = HealthQuestion {
        role_field: None,
        url: "http://127.0.0.1:9/health".parse().expect("it is a URL"),
        url_secrets: Vec::new(),
        headers: Vec::new(),
        credentials: None,
        format: None,
        critical_components: Vec::new(),
        rules: Vec::new(),
        connection: Connection::Fresh,
        http_version: HttpVersion::Http1,
        ip: IpFamily::Auto,
        all_addresses: false,
        tls: TlsSettings::default(),
    };
    Arc::new(Target {
        id: TargetId::of(group.as_ref(), name),
        name: name.to_owned(),
        group,
        aliases: Vec::new(),
        icon: Some(format!(":hekate-{name}:")),
        severity: Severity::Critical,
        runbook_url: None,
        was: None,
        depends_on: Vec::new(),
        checks: vec![Check {
            kind: CheckKind::Health,
            policy: Policy::default(),
            question: Question::Health(Arc::new(question)),
        }],
    })
}
