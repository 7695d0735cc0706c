//! The shipped file as the demo plays it: at another tempo, with a store of logs, and with the addresses of what pretends.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{fleet::Fleet, gate, logs, surroundings::Surroundings};
use crate::{
    clock::Clock,
    config::{self, Environment},
    model::{
        ChannelName, Plan, Policy, Secret,
        judgement::Spans,
        logs::{CanaryPath, LogSource, LogStore},
        plan::{Check, Question, Target},
        witness::{Witness, WitnessQuestion},
    },
};

/// The shipped file.
const FILE: &str = include_str!("../../targets.yaml");
/// Its log source, of which the shipped file has none, because most people begin without.
const LOGS: &str = r#"
channels: { ops: "http://127.0.0.1:9/" }
log_sources:
  logs: { victorialogs: "http://127.0.0.1:9", canary: { loki_push: "http://127.0.0.1:9" } }
targets:
  - { name: blue, group: master, health: "http://127.0.0.1:9/", log_freshness: { source: logs, query: master/blue, max_age: 1m } }
  - { name: green, group: master, health: "http://127.0.0.1:9/", log_freshness: { source: logs, query: master/green, max_age: 1m } }
groups: { master: {} }
"#;
/// So that a story fits into a minute: looks every 2 s, and a confirmation of a few seconds.
const INTERVAL: Duration = Duration::from_secs(2);
/// What came of a release is looked at in the same minute.
const LOOK_AFTER: Duration = Duration::from_mins(1);
/// How far the store of logs may be behind, and how long a log may be silent, at that tempo.
const LAG_LIMIT: Duration = Duration::from_secs(10);
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// So many hosts tell whether we see at all.
const STANDS: usize = 3;

/// The shipped plan at the tempo of a demo, with a store of logs, and nowhere to go yet.
pub(super) fn pretended() -> Plan {
    let environment = Environment::of::<&str, &str>([]).for_preview();
    let load = |name: &str, text: &str| config::load_text(name, text, &environment).plan;
    let shipped = load("targets.yaml", FILE).expect("the shipped file is good");
    let logs = load("logs.yaml", LOGS).expect("it is written here");
    let mut plan = Plan::clone(&shipped);
    plan.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    plan.dead_man = None;
    let releases = ChannelName::new("releases");
    plan.releases.channel = Some(releases).filter(|name| plan.channels.contains_key(name));
    plan.releases.look_after = LOOK_AFTER;
    let of_logs = |target: &Target| {
        let known = logs.targets.iter().find(|known| known.id == target.id)?;
        let mut checks = known.checks.iter();
        checks
            .find(|check| matches!(check.question, Question::LogFreshness(_)))
            .cloned()
    };
    let with_logs = plan.targets.iter().map(|target| {
        let mut target = Target::clone(target);
        target.checks.extend(of_logs(&target));
        Arc::new(target)
    });
    let is_store = |target: &&Arc<Target>| {
        let mut checks = target.checks.iter();
        checks.any(|check| matches!(check.question, Question::LogStore(_)))
    };
    let stores = logs.targets.iter().filter(is_store).cloned();
    plan.targets = with_logs.chain(stores).collect();
    let groups = logs.groups.iter();
    let is_new = |name| plan.groups.iter().all(|known| known.name != name);
    let groups: Vec<_> = groups
        .filter(|group| is_new(group.name.clone()))
        .cloned()
        .collect();
    plan.groups.extend(groups);
    for target in &mut plan.targets {
        for check in &mut Arc::make_mut(target).checks {
            hasten(check);
        }
    }
    plan
}

/// So that a story fits into a minute or two.
fn hasten(check: &mut Check) {
    check.policy = Policy {
        interval: INTERVAL,
        timeout: Duration::from_secs(1),
        spans: Spans {
            explicit: Duration::from_secs(4),
            refused: Duration::from_secs(4),
            silent: Duration::from_secs(5),
        },
        slow_after: Duration::from_millis(500),
        ..check.policy.clone()
    };
    if let Question::LogFreshness(question) = &mut check.question {
        Arc::make_mut(question).max_age = SILENCE_MAX;
    }
    if let Question::LogStore(question) = &mut check.question {
        let source = Arc::make_mut(&mut Arc::make_mut(question).source);
        (source.lag_limit, source.startup_grace) = (LAG_LIMIT, INTERVAL * 2);
        source.reorder_margin = Duration::ZERO;
    }
}

/// The plan with the addresses of all that pretends.
pub(super) async fn staged(
    mut plan: Plan,
    fleet: &Fleet,
    around: &Surroundings,
    clock: &Clock,
) -> anyhow::Result<Plan> {
    let router = logs::router(around.clone(), clock.clone());
    let store = gate::serve(router, around.watch(), || true).await?;
    let store: url::Url = format!("http://{store}/").parse()?;
    for target in &mut plan.targets {
        let url = fleet.url_of(&target.id);
        for check in &mut Arc::make_mut(target).checks {
            if let (Question::Health(question), Some(url)) = (&mut check.question, &url) {
                Arc::make_mut(question).url = url.clone();
            }
            if let Question::LogStore(question) = &mut check.question {
                let source = &mut Arc::make_mut(question).source;
                reach(Arc::make_mut(source), &store);
            }
        }
    }
    let mut witnesses = Vec::new();
    for number in 1..=STANDS {
        let around = around.clone();
        let (changed, is_open) = (around.watch(), move || around.is_network_up());
        let address = gate::stand(changed, is_open)?;
        witnesses.push(Witness {
            name: format!("pretend host {number}"),
            question: WitnessQuestion::Connection {
                host: Secret::new(address.ip().to_string()),
                port: address.port(),
            },
        });
    }
    plan.witnesses = witnesses.into();
    Ok(plan)
}

fn reach(source: &mut LogSource, store: &url::Url) {
    if let LogStore::VictoriaLogs { http, .. } = &mut source.store {
        http.url = store.clone();
    }
    if let Some(canary) = &mut source.canary {
        canary.via = CanaryPath::LokiPush(store.clone());
    }
}
