//! Every kind of check meets every hostile server: each look ends in time, with an outcome that blames whom it should.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use expect_test::expect_file;
use futures_util::{StreamExt as _, future::join_all, stream};
use hekate::{
    clock::Clock,
    config::{Environment, Format, load_text},
    model::{Extra, GapKind, Observation, Outcome, Plan, logs::LogAsk, plan::Question},
    probe::{Freshness, Prober},
};
use tokio::runtime::Runtime;

use super::{
    hostile::{self, Hostile, Identities, KINDS, Running},
    stage::look_id,
};

/// Shorter than the patience of any of the servers.
const LIMIT: Duration = Duration::from_secs(1);
/// What a busy machine may add to it.
const LATE: Duration = Duration::from_secs(4);
const AT_ONCE: usize = 48;

fn plan(servers: &[Running], ca_file: &str) -> Arc<Plan> {
    let text = format!(
        "channels: {{ bad: \"https://hooks.slack.com/services/T0/B0/not-a-secret\" }}\n{}",
        hostile::sections(servers, ca_file, "5s")
    );
    let outcome = load_text("targets.yaml", &text, &Environment::of([("A", "b")]));
    let said = outcome.report.render(Format::Human, false);
    outcome.plan.unwrap_or_else(|| panic!("{said}"))
}

/// What it comes to, absent if it fails or cannot be said; in which way something fails may hang on a moment, that it fails
/// does not.
fn told(seen: &Observation) -> Option<String> {
    let words = match seen.extra.as_deref() {
        Some(Extra::Logs(answer)) => match answer.readings.first() {
            Some(Ok(reading)) if reading.event.is_some() => "a time",
            Some(Ok(_)) => "no line",
            Some(Err(_)) => return None,
            None => "was not asked",
        }
        .to_owned(),
        Some(Extra::Roles(answer)) => {
            match answer.opinions.first().map(|opinion| &opinion.active) {
                Some(Ok(active)) => format!("{} active", active.len()),
                Some(Err(_)) => return None,
                None => String::from("were not asked"),
            }
        }
        Some(Extra::OwnRole(_) | Extra::Steps(_) | Extra::Ending(_)) | None => {
            match &seen.outcome {
                Outcome::Healthy => "healthy",
                Outcome::Degraded(_) => "degraded",
                Outcome::Unhealthy(_) | Outcome::Unobservable(_) => return None,
            }
            .to_owned()
        }
    };
    Some(words)
}

/// Servers and looks have threads of their own, so that neither waits for the other.
fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let builder = builder.worker_threads(2).enable_all();
    builder.build().expect("there are threads")
}

/// All looks of the plan, by the title of their target.
async fn look_at_all(plan: &Plan) -> BTreeMap<String, Observation> {
    let prober = Prober::new(Clock::start());
    let looks = plan.targets.iter().flat_map(|target| {
        let prober = &prober;
        // A log is asked by its store.
        let asked = target
            .checks
            .iter()
            .filter(|check| !matches!(check.question, Question::LogFreshness(_)));
        asked.map(move |check| async move {
            let seen = prober
                .look_with(
                    look_id(),
                    &check.question,
                    LIMIT,
                    Freshness::AsConfigured,
                    &LogAsk::default(),
                )
                .await;
            (target.title(), seen)
        })
    });
    stream::iter(looks)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

#[test]
fn every_look_ends_in_time_and_blames_whom_it_should() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (outside, inside) = (runtime(), runtime());
    let identities = Identities::new();
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, &identities.authority_pem).expect("the folder takes files");
    let ca_file = ca_file.display().to_string();
    let starting = hostile::all(&identities).into_iter().map(Hostile::start);
    let servers = outside.block_on(join_all(starting));

    // The questions themselves are good ones: servers that are well are found well.
    let well = outside.block_on(hostile::well(&servers[servers.len() - 1..], &identities));
    let all = inside.block_on(look_at_all(&plan(&well, &ca_file)));
    for kind in ["health", "http", "tls"] {
        let seen = &all[&format!("{} {kind}", well[0].name)];
        assert_eq!(told(seen).as_deref(), Some("healthy"), "{kind}");
    }

    let all = inside.block_on(look_at_all(&plan(&servers, &ca_file)));

    let (mut golden, mut looks) = (String::new(), 0);
    for server in &servers {
        golden += server.name;
        let kinds = KINDS.iter().chain(&["roles"]);
        let titles = kinds.map(|kind| (*kind, format!("{} {kind}", server.name)));
        let store = ("store", format!("log source {}", server.name));
        let mut separator = ": ";
        for (kind, title) in titles.chain([store]) {
            let Some(seen) = all.get(&title) else {
                continue;
            };
            let took = seen.finished.tick.since(seen.started.tick);
            assert!(took <= LIMIT + LATE, "{title} took {took:?}");
            if let Outcome::Unobservable(gap) = &seen.outcome {
                assert_ne!(gap.kind, GapKind::Panicked, "{title}");
            }
            if let Some(words) = told(seen) {
                let _ = write!(golden, "{separator}{kind} {words}");
                separator = ", ";
            }
            looks += 1;
        }
        golden.push('\n');
        assert_ne!(server.met(), Some(0), "nobody asked {}", server.name);
    }
    // The log is not looked at itself; its store and the roles of the group are.
    assert_eq!(looks, servers.len() * (KINDS.len() + 1));
    expect_file!["./hostility.txt"].assert_eq(&golden);
}
