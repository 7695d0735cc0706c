//! The product in a world of which everything is known: its engine and its courier, with a second signal or without.

use std::{collections::HashMap, sync::Arc, time::Duration};

use hekate::model::{
    Check, CheckKind, EntryKey, Kind, Policy, SourceName, Target, TargetId, Verdict,
    logs::{
        Canary, CanaryPath, HttpStore, LogQuestion, LogSource, LogStore, LogStoreQuestion, Subject,
    },
    plan::{Question, TlsSettings},
};

use super::{score::Told, truth::Truth};
use crate::{fleet, world::World};

/// How long everything goes on after the last that happens.
const AFTER: Duration = Duration::from_hours(3);

/// Whether logs are read as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signals {
    Health,
    HealthAndLogs,
}

/// What people are told of one target.
#[derive(Clone, Default, Debug)]
pub(crate) struct Heard {
    pub(crate) told: Vec<Told>,
    /// When it was told to be degraded, apart from an outage.
    pub(crate) partly: Vec<Duration>,
}

/// What people are told of each target.
pub(crate) fn play(seed: u64, truth: &Truth, signals: Signals) -> Vec<Heard> {
    let mut targets: Vec<_> = truth
        .subjects
        .iter()
        .map(|subject| fleet::target(subject.id.as_str()))
        .collect();
    if signals == Signals::HealthAndLogs {
        add_logs(&mut targets);
    }
    let mut world = World::alone(seed, targets);
    for subject in &truth.subjects {
        let weather = subject.weather.clone();
        world.weather.insert(subject.id.clone(), weather);
    }
    world.eyes = truth.eyes.clone();
    world.noise = truth.noise;
    world.run_until(truth.end + AFTER);
    world.checks.step(world.now, seed);
    told(&world, truth)
}

fn told(world: &World, truth: &Truth) -> Vec<Heard> {
    let mut heard: HashMap<&EntryKey, (Duration, u32)> = HashMap::new();
    for arrived in &world.receiver.arrived {
        for key in &arrived.keys {
            heard.entry(key).or_insert((arrived.at, 0)).1 += 1;
        }
    }
    let mut told: HashMap<&TargetId, Heard> = HashMap::new();
    for (at, _, entry) in &world.chronicle.decided {
        let Some(target) = &entry.story.target else {
            continue;
        };
        let of_target = told.entry(target).or_default();
        let is_down = match (entry.kind, entry.story.to) {
            (Kind::Opened | Kind::Changed, Verdict::Down) => true,
            (Kind::Recovered | Kind::Changed, _) => false,
            (Kind::Opened, _) => {
                of_target.partly.push(*at);
                continue;
            }
            (Kind::Reminder | Kind::Removed | Kind::Notice | Kind::Noted | Kind::Split, _) => {
                continue;
            }
        };
        let of_target = &mut of_target.told;
        // What was not down before is not back now.
        if !is_down && !of_target.last().is_some_and(|last| last.is_down) {
            continue;
        }
        let heard = heard.get(&entry.key);
        of_target.push(Told {
            decided: *at,
            is_down,
            heard: heard.map(|(at, _)| *at),
            copies: heard.map_or(0, |(_, copies)| *copies),
        });
    }
    let subjects = truth.subjects.iter();
    subjects
        .map(|subject| told.remove(&subject.id).unwrap_or_default())
        .collect()
}

/// Every target logs into one store, which has a canary.
fn add_logs(targets: &mut Vec<Target>) {
    let url: url::Url = "http://store.example.test/".parse().expect("an address");
    let source = Arc::new(LogSource {
        name: SourceName::new("store"),
        store: LogStore::Graylog(HttpStore {
            url: url.clone(),
            credentials: None,
            headers: Vec::new(),
            tls: TlsSettings::default(),
        }),
        canary: Some(Canary {
            via: CanaryPath::GelfHttp(url),
            give_up: Duration::from_mins(10),
        }),
        lag_limit: Duration::from_secs(90),
        reorder_margin: Duration::ZERO,
        startup_grace: Duration::from_mins(2),
        channel: None,
    });
    let mut subjects = Vec::new();
    for target in &mut *targets {
        let subject = Subject {
            query: target.id.to_string(),
            streams: Vec::new(),
            lookback: Duration::from_mins(15),
        };
        subjects.push(subject.clone());
        target.checks.push(Check {
            kind: CheckKind::LogFreshness,
            policy: Policy::default(),
            question: Question::LogFreshness(Arc::new(LogQuestion {
                source: SourceName::new("store"),
                subject,
                max_age: Duration::from_mins(5),
                quiet: Vec::new(),
                is_silent_when_inactive: false,
            })),
        });
    }
    let mut store = fleet::target("store");
    store.checks[0].kind = CheckKind::LogStore;
    store.checks[0].question = Question::LogStore(Arc::new(LogStoreQuestion { source, subjects }));
    targets.push(store);
}
