//! How many observations the engine takes in a second: all good, and with one look in fifty failing.
#![expect(
    clippy::print_stdout,
    reason = "a benchmark says what it measured on its output"
)]

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use hekate::{
    engine::{Action, Engine, Event, Order, Settings},
    model::{
        Channel, ChannelName, Check, CheckKind, Failure, FailureClass, FailureKind, Family, Loaded,
        Moment, Observation, Outcome, Phases, Plan, Policy, Route, Secret, Severity, Target,
        TargetId,
        plan::{
            Connection, Destination, HealthQuestion, HttpVersion, IpFamily, Matcher, Question,
            Server, SlackSettings, StoreSettings, TlsSettings,
        },
    },
};
use rustix::time::{ClockId, clock_gettime};

const TARGETS: u32 = 5_000;
const OBSERVATIONS: u32 = 3_000_000;

fn main() {
    for one_in in [None, Some(50)] {
        let (seconds, transitions) = run(one_in);
        let rate = f64::from(OBSERVATIONS) / seconds;
        let what = one_in.map_or_else(
            || String::from("all good"),
            |n| format!("one look in {n} fails"),
        );
        println!("{what}: {rate:.0} observations a second of CPU, {transitions} commits");
    }
}

/// CPU seconds for all observations, and how many commits came of them.
fn run(one_in: Option<u32>) -> (f64, usize) {
    let mut now = Moment::default();
    let settings = Settings {
        seed: 1,
        looks_max: usize::MAX,
    };
    let (mut engine, mut actions) =
        Engine::start(Arc::new(plan()), Loaded::default(), settings, now);
    let mut flights: Vec<Order> = Vec::new();
    let mut commits = 0;
    let mut seen = 0;
    let before = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default();
    while seen < OBSERVATIONS {
        for action in actions.drain(..) {
            match action {
                Action::Look(order) => flights.push(order),
                Action::Commit(_) => commits += 1,
                Action::Placed(..)
                | Action::Vacated(_)
                | Action::Looked(_)
                | Action::Show(..)
                | Action::ShowLog(..)
                | Action::ShowRole(..)
                | Action::Noted(..)
                | Action::LookTrouble(_)
                | Action::AskWitnesses(_)
                | Action::Blind(_)
                | Action::ShowAgenda(_)
                | Action::Answer(..) => {}
            }
        }
        if let Some(order) = flights.pop() {
            seen += 1;
            let is_bad = one_in.is_some_and(|n| seen % n == 0);
            let observation = Observation {
                look: order.look,
                started: now,
                finished: now,
                outcome: if is_bad { bad() } else { Outcome::Healthy },
                status: Some(200),
                phases: Phases::default(),
                family: Some(Family::Simple),
                detail: None,
                extra: None,
            };
            engine.handle(now, Event::Observed(observation), &mut actions);
        } else {
            now = now + Duration::from_millis(100);
            engine.handle(now, Event::Due, &mut actions);
        }
    }
    let after = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default();
    (after.saturating_sub(before).as_secs_f64(), commits)
}

fn bad() -> Outcome {
    Outcome::Unhealthy(Failure {
        class: FailureClass::Refused,
        kind: FailureKind::ConnectionRefused,
        words: String::from("connection refused"),
    })
}

fn plan() -> Plan {
    let channel = ChannelName::new("ops");
    let destination = Destination::SlackWebhook {
        url: Secret::new("http://127.0.0.1:9/"),
    };
    Plan {
        server: Server {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: None,
            timezone: chrono_tz::UTC,
            token: None,
        },
        store: StoreSettings {
            path: PathBuf::from("none"),
            retention: Duration::from_hours(24),
        },
        slack: SlackSettings {
            command: String::from("/roih"),
            signing_secrets: Vec::new(),
        },
        dead_man: None,
        channels: BTreeMap::from([(
            channel.clone(),
            Channel {
                name: channel.clone(),
                label: None,
                destination,
                fallback: None,
            },
        )]),
        on_call: BTreeMap::new(),
        groups: Vec::new(),
        targets: (0..TARGETS)
            .map(|number| Arc::new(target(number)))
            .collect(),
        groups_incidents: true,
        witnesses: Arc::default(),
        maintenance: Arc::default(),
        routes: vec![Route {
            matcher: Matcher::default(),
            to: vec![channel],
            mention: None,
            remind_after: Vec::new(),
            goes_on: false,
        }],
    }
}

fn target(number: u32) -> Target {
    let name = format!("t{number}");
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
    Target {
        id: TargetId::new(name.as_str()),
        name,
        group: None,
        aliases: Vec::new(),
        icon: None,
        severity: Severity::Critical,
        runbook_url: None,
        was: None,
        checks: vec![Check {
            kind: CheckKind::Health,
            policy: Policy {
                interval: Duration::from_secs(10),
                ..Policy::default()
            },
            question: Question::Health(Arc::new(question)),
        }],
    }
}
