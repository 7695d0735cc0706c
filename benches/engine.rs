//! How many observations the engine takes in a second: all good, and with one look in fifty failing; and what it costs
//! when everything fails at once and comes back.
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
    for place in [Place::One, Place::Pairs, Place::OneOfTwo] {
        for targets in [MANY / 4, MANY] {
            let cost = fail_and_recover(targets, place);
            println!(
                "{targets} targets {}: {} messages, {:.2} s of CPU in {} s, the longest turn {:.1} ms",
                place.words(),
                cost.messages,
                cost.busy.as_secs_f64(),
                cost.lasted.as_secs(),
                cost.longest.as_secs_f64() * 1_000.0
            );
        }
    }
}

/// As many as may fail at once.
const MANY: u32 = 20_000;
/// From one turn of the engine's loop to the next, while everything fails.
const STEP: Duration = Duration::from_millis(100);

/// Where targets are.
#[derive(Clone, Copy)]
enum Place {
    /// All on one host, which dies.
    One,
    /// Two on each host, and all hosts die.
    Pairs,
    /// All behind one host, and one in two fails, so that nobody can say whether it is the host.
    OneOfTwo,
}

impl Place {
    const fn words(self) -> &'static str {
        match self {
            Self::One => "on one host fail and come back",
            Self::Pairs => "on half as many hosts fail and come back",
            Self::OneOfTwo => "on one host, of which half fail and come back",
        }
    }

    fn host(self, number: u32) -> String {
        match self {
            Self::One | Self::OneOfTwo => String::from("10.0.0.1"),
            Self::Pairs => {
                let [_, high, middle, low] = (number / 2).to_be_bytes();
                format!("10.{high}.{middle}.{low}")
            }
        }
    }

    const fn fails(self, number: u32) -> bool {
        match self {
            Self::One | Self::Pairs => true,
            Self::OneOfTwo => number.is_multiple_of(2),
        }
    }
}

/// What a failure of many costs.
#[derive(Default)]
struct Cost {
    messages: usize,
    busy: Duration,
    longest: Duration,
    lasted: Duration,
}

/// Half a minute of peace, a minute and a half in which everything refuses, and a minute and a half in which all are well.
fn fail_and_recover(targets: u32, place: Place) -> Cost {
    let mut now = Moment::default();
    let mut plan = plan();
    plan.targets = (0..targets)
        .map(|number| Arc::new(target_at(number, &place.host(number))))
        .collect();
    let settings = Settings {
        seed: 1,
        looks_max: usize::MAX,
    };
    let (mut engine, mut actions) = Engine::start(Arc::new(plan), Loaded::default(), settings, now);
    let mut cost = Cost::default();
    let phases = [(30, false), (90, true), (90, false)];
    let end = Duration::from_secs(phases.iter().map(|(seconds, _)| seconds).sum());
    while cost.lasted < end {
        let [peace, trouble, _] = phases.map(|(seconds, _)| Duration::from_secs(seconds));
        let is_trouble = cost.lasted >= peace && cost.lasted < peace + trouble;
        let mut orders = Vec::new();
        // Whatever is wanted at once is had at once; all of it is one turn of the loop.
        let before = cpu();
        engine.handle(now, Event::Due, &mut actions);
        loop {
            for action in actions.drain(..) {
                if let Action::Look(order) = action {
                    orders.push(order);
                } else if let Action::Commit(batch) = action {
                    cost.messages += batch.entries.len();
                }
            }
            let Some(order) = orders.pop() else { break };
            let is_bad = is_trouble && place.fails(order.look.slot.0);
            let event = Event::Observed(observation(&order, now, is_bad));
            let before = cpu();
            engine.handle(now, event, &mut actions);
            cost.longest = cost.longest.max(cpu().saturating_sub(before));
        }
        cost.busy += cpu().saturating_sub(before);
        now = now + STEP;
        cost.lasted += STEP;
    }
    cost
}

fn cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

fn observation(order: &Order, now: Moment, is_bad: bool) -> Observation {
    Observation {
        look: order.look,
        started: now,
        finished: now,
        outcome: if is_bad { bad() } else { Outcome::Healthy },
        status: (!is_bad).then_some(200),
        phases: Phases::default(),
        family: Some(Family::Simple),
        detail: None,
        extra: None,
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
    let before = cpu();
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
                | Action::ShowJob(..)
                | Action::Heard(_)
                | Action::Noted(..)
                | Action::LookTrouble(_)
                | Action::AskWitnesses(_)
                | Action::Blind(_)
                | Action::ShowAgenda(_)
                | Action::Answer(..)
                | Action::Ordered(..)
                | Action::Reread(_)
                | Action::Run(_) => {}
            }
        }
        if let Some(order) = flights.pop() {
            seen += 1;
            let is_bad = one_in.is_some_and(|n| seen % n == 0);
            let event = Event::Observed(observation(&order, now, is_bad));
            engine.handle(now, event, &mut actions);
        } else {
            now = now + Duration::from_millis(100);
            engine.handle(now, Event::Due, &mut actions);
        }
    }
    (cpu().saturating_sub(before).as_secs_f64(), commits)
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
        actions: Arc::default(),
        replies: Arc::default(),
        releases: hekate::model::release::ReleaseSettings::default(),
        server: Server {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: None,
            timezone: chrono_tz::UTC,
            token: None,
            ping_key: None,
        },
        store: StoreSettings {
            path: PathBuf::from("none"),
            retention: Duration::from_hours(24),
        },
        slack: SlackSettings {
            command: String::from("/roih"),
            signing_secrets: Vec::new(),
            ..SlackSettings::default()
        },
        page: hekate::model::page::PageSettings::default(),
        dead_man: None,
        channels: BTreeMap::from([(
            channel.clone(),
            Channel {
                name: channel.clone(),
                label: None,
                destination,
                fallback: None,
                max_messages: None,
            },
        )]),
        on_call: BTreeMap::new(),
        groups: Vec::new(),
        targets: (0..TARGETS)
            .map(|number| Arc::new(target(number)))
            .collect(),
        groups_incidents: true,
        damps_flapping: true,
        witnesses: Arc::default(),
        maintenance: Arc::default(),
        slos: Arc::default(),
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
    target_at(number, "127.0.0.1:9")
}

fn target_at(number: u32, host: &str) -> Target {
    let name = format!("t{number}");
    let question = HealthQuestion {
        role_field: None,
        url: format!("http://{host}/health")
            .parse()
            .expect("it is a URL"),
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
        depends_on: Vec::new(),
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
