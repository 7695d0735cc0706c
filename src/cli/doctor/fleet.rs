//! Whether the targets and the stores of their logs answer, and whether hekate has room for them.

use std::time::Duration;

use url::Url;

use super::{
    line::{Line, State, Subject},
    running::{Running, Series},
};
use crate::{
    app::limits::Room,
    cli::{
        check::{Survey, is_roles, is_store, logs},
        file::count,
    },
    model::{Outcome, Plan, Verdict, text::span},
};

/// The most targets that are named.
const NAMED_MAX: usize = 5;
/// A look that takes more than this part of its time-out fails on a slow day.
const SLOW: f64 = 0.5;
/// Looks that begin later than this are noticed by people.
const LAG_MAX: Duration = Duration::from_millis(500);

/// One target as it was seen.
#[derive(Clone, Debug)]
pub(super) struct Look {
    title: String,
    verdict: Verdict,
    why: String,
    took: Duration,
    limit: Duration,
}

/// The targets that are asked for their own sake.
pub(super) fn looks(survey: &Survey) -> Vec<Look> {
    let rows = survey.rows.iter().zip(&survey.looks);
    rows.filter(|(row, _)| !is_store(&row.target) && !is_roles(&row.target))
        .map(|(row, look)| {
            let facts = row.facts();
            let limits = row.target.checks.iter().map(|check| check.policy.timeout);
            let why = match &look.outcome {
                Outcome::Healthy => String::new(),
                Outcome::Degraded(degradation) => degradation.words.clone(),
                Outcome::Unhealthy(failure) => failure.words.clone(),
                Outcome::Unobservable(gap) => gap.words.clone(),
            };
            Look {
                title: row.target.title(),
                verdict: facts.verdict,
                why,
                took: look.took(),
                limit: limits.max().unwrap_or_default(),
            }
        })
        .collect()
}

/// What is said of the targets.
pub(super) fn targets(looks: &[Look]) -> Line {
    if looks.is_empty() {
        return Line::unseen(Subject::Targets, "the file has none");
    }
    let bad: Vec<_> = looks
        .iter()
        .filter(|look| look.verdict != Verdict::Operational)
        .collect();
    let number_of = |verdict| looks.iter().filter(|look| look.verdict == verdict).count();
    let (fine, all) = (looks.len() - bad.len(), looks.len());
    let mut words = format!("{fine} of {all} are well");
    for verdict in [Verdict::Down, Verdict::Degraded, Verdict::Unknown] {
        match number_of(verdict) {
            0 => {}
            number => words.extend([format!(", {number} {}", verdict.as_str())]),
        }
    }
    let part = |look: &&Look| look.took.as_secs_f64() / look.limit.as_secs_f64().max(0.001);
    let slowest = looks
        .iter()
        .max_by(|one, other| part(one).total_cmp(&part(other)));
    let mut line = Line::fine(Subject::Targets, String::new());
    if let Some(slowest) = slowest {
        words.extend([format!(
            "; slowest {} {} (timeout {})",
            slowest.title,
            milliseconds(slowest.took),
            span(slowest.limit)
        )]);
        if part(&slowest) > SLOW && slowest.verdict == Verdict::Operational {
            line = line
                .at_least(State::Warning)
                .fix("a longer `timeout` for it, or a faster `/health`: on a slow day it would seem down");
        }
    }
    line.words = words;
    if !bad.is_empty() {
        // One that is down is news for its team; if none is well, it is hekate that sees nothing.
        let state = if fine == 0 {
            State::Problem
        } else {
            State::Warning
        };
        line = line
            .at_least(state)
            .with(bad.iter().take(NAMED_MAX).map(|look| {
                let why = if look.why.is_empty() {
                    String::new()
                } else {
                    format!(": {}", look.why)
                };
                format!("{} is {}{why}", look.title, look.verdict.as_str())
            }))
            .fix("`hekate check --phases` shows how far each look came");
        if bad.len() > NAMED_MAX {
            line = line.with([format!("and {} more", bad.len() - NAMED_MAX)]);
        }
    }
    line
}

fn milliseconds(took: Duration) -> String {
    format!("{:.0} ms", took.as_secs_f64() * 1_000.0)
}

/// A store of logs as it was seen.
#[derive(Clone, Debug)]
pub(super) struct Store {
    name: String,
    /// Why it does not answer, if it does not.
    trouble: Option<String>,
    is_answering: bool,
    has_lost_canary: bool,
    /// Of whom it says nothing, and why.
    silent: Vec<String>,
}

/// The stores of logs.
pub(super) fn stores(survey: &Survey) -> Vec<Store> {
    let stores = survey.stores.iter();
    stores
        .map(|store: &logs::Checked| Store {
            name: store.name().to_owned(),
            trouble: store.trouble().map(str::to_owned),
            is_answering: store.is_answering(),
            has_lost_canary: store.has_lost_canary(),
            silent: store.silent().collect(),
        })
        .collect()
}

/// What is said of the stores of logs.
pub(super) fn sources(stores: &[Store]) -> Line {
    if stores.is_empty() {
        return Line::unseen(Subject::Logs, "the file has none");
    }
    let answering = stores.iter().filter(|store| store.is_answering).count();
    let words = format!("{answering} of {} answer", stores.len());
    let mut line = Line::fine(Subject::Logs, words);
    for store in stores {
        let name = &store.name;
        if !store.is_answering {
            let why = store.trouble.as_deref().unwrap_or("it does not answer");
            line = line
                .at_least(State::Problem)
                .with([format!("{name}: {why}")])
                .fix(format!(
                    "`hekate check {name}` shows the whole round; until it answers, freshness is unknown"
                ));
            continue;
        }
        if let Some(why) = &store.trouble {
            line = line
                .at_least(State::Warning)
                .with([format!("{name}: {why}")]);
        }
        if store.has_lost_canary {
            line = line
                .at_least(State::Warning)
                .with([format!("{name}: our own line did not come back")])
                .fix("follow it: `canary:` says where it is sent; a store that is behind cannot prove a silence");
        }
        if !store.silent.is_empty() {
            let silent = store.silent.iter().take(NAMED_MAX).cloned();
            line = line
                .at_least(State::Warning)
                .with(silent)
                .fix("try the `query` in the store's own window: a query that finds nothing proves nothing");
        }
    }
    line
}

/// What is said of who watches hekate.
pub(super) fn dead_man(plan: &Plan) -> Line {
    match &plan.dead_man {
        Some(dead_man) => Line::fine(
            Subject::DeadMan,
            format!(
                "{} is pinged every {}",
                host(dead_man.url.expose()),
                span(dead_man.every)
            ),
        ),
        None => Line::new(
            Subject::DeadMan,
            State::Warning,
            "nobody outside notices if hekate, its machine or its network dies",
        )
        .fix("`dead_man: { url: … }`, for example at Healthchecks or another hekate's `heartbeat`"),
    }
}

/// The host of an address; the rest may be the permission to call it.
fn host(address: &str) -> String {
    let host = Url::parse(address).ok();
    let host = host.and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| String::from("an address that cannot be read"))
}

/// What is said of the room for all of it.
pub(super) fn capacity(plan: &Plan, room: Room, running: &Running) -> Line {
    let checks = plan.targets.iter().flat_map(|target| &target.checks);
    let rate: f64 = checks
        .filter(|check| !check.question.calls_us())
        .map(|check| 1.0 / check.policy.interval.as_secs_f64().max(0.001))
        .sum();
    let mut words = format!(
        "{}, {rate:.1} looks a second, at most {} at once",
        count(plan.targets.len(), "target"),
        room.needed
    );
    let mut line = Line::fine(Subject::Capacity, String::new());
    if room.needed > room.looks {
        line = line
            .at_least(State::Warning)
            .with([format!(
                "{} open files are allowed here, and {} may be wanted if everything hangs",
                room.allowed, room.files
            )])
            .fix(format!("`ulimit -n {0}`, `LimitNOFILE={0}`", room.files));
    }
    if let Ok(series) = running.series() {
        let (more, is_late) = lateness(series);
        words.push_str(&more);
        if is_late {
            line = line
                .at_least(State::Warning)
                .fix("give it more of a processor, or longer `interval`s");
        }
    }
    line.words = words;
    line
}

/// How punctual a running hekate is, in words, and whether that is bad.
fn lateness(series: &Series) -> (String, bool) {
    let lag = series.at_most("hekate_scheduler_lag_seconds", 0.99);
    let words = lag.map_or_else(String::new, |lag| {
        if lag.is_infinite() {
            String::from("; more than 1 % of them begin late by seconds")
        } else {
            format!("; 99 % of them begin within {:.0} ms", lag * 1_000.0)
        }
    });
    (words, lag.is_some_and(|lag| lag > LAG_MAX.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::{cli::doctor::line::text, command::fixture, model::Secret, model::plan::DeadMan};

    fn look(title: &str, verdict: Verdict, why: &str, took_ms: u64) -> Look {
        Look {
            title: title.to_owned(),
            verdict,
            why: why.to_owned(),
            took: Duration::from_millis(took_ms),
            limit: Duration::from_secs(5),
        }
    }

    fn store(name: &str) -> Store {
        Store {
            name: name.to_owned(),
            trouble: None,
            is_answering: true,
            has_lost_canary: false,
            silent: Vec::new(),
        }
    }

    #[test]
    fn what_is_said_of_every_fleet() {
        let well = look("master blue", Verdict::Operational, "", 84);
        let slow = look("cron yellow", Verdict::Operational, "", 3_900);
        let down = look("master green", Verdict::Down, "connection refused", 3);
        let many = vec![down.clone(); 7];
        let lines = [
            targets(&[]),
            targets(std::slice::from_ref(&well)),
            targets(&[well.clone(), slow]),
            targets(&[well, down.clone()]),
            targets(&many),
            sources(&[]),
            sources(&[store("graylog")]),
            sources(&[
                Store {
                    trouble: Some(String::from("it refused the token (401)")),
                    is_answering: false,
                    ..store("graylog")
                },
                Store {
                    has_lost_canary: true,
                    silent: vec![String::from("cron yellow: no line within its lookback")],
                    ..store("loki")
                },
            ]),
        ];
        expect![[r#"
             6 · targets       the file has none
             6 ✔ targets       1 of 1 are well; slowest master blue 84 ms (timeout 5 s)
             6 ! targets       2 of 2 are well; slowest cron yellow 3900 ms (timeout 5 s)
                               fix: a longer `timeout` for it, or a faster `/health`: on a slow day it would seem down
             6 ! targets       1 of 2 are well, 1 down; slowest master blue 84 ms (timeout 5 s)
                               master green is down: connection refused
                               fix: `hekate check --phases` shows how far each look came
             6 ✖ targets       0 of 7 are well, 7 down; slowest master green 3 ms (timeout 5 s)
                               master green is down: connection refused
                               master green is down: connection refused
                               master green is down: connection refused
                               master green is down: connection refused
                               master green is down: connection refused
                               and 2 more
                               fix: `hekate check --phases` shows how far each look came
             7 · log sources   the file has none
             7 ✔ log sources   1 of 1 answer
             7 ✖ log sources   1 of 2 answer
                               graylog: it refused the token (401)
                               loki: our own line did not come back
                               cron yellow: no line within its lookback
                               fix: `hekate check graylog` shows the whole round; until it answers, freshness is unknown
                               fix: follow it: `canary:` says where it is sent; a store that is behind cannot prove a silence
                               fix: try the `query` in the store's own window: a query that finds nothing proves nothing
            2 fine, 2 warnings, 2 problems
        "#]].assert_eq(&text(&lines, false));
    }

    #[test]
    fn what_is_said_of_who_watches_and_of_the_room() {
        let mut plan = fixture::plan();
        plan.dead_man = None;
        let alone = dead_man(&plan);
        plan.dead_man = Some(DeadMan {
            url: Secret::new("https://hc.example.test/ping/canary"),
            every: Duration::from_mins(1),
        });
        let room = Room {
            looks: 1_000,
            needed: 7,
            files: 526,
            allowed: 2_512,
        };
        let punctual = "hekate_scheduler_lag_seconds_bucket{le=\"0.005\"} 9\nhekate_scheduler_lag_seconds_bucket{le=\"+Inf\"} 9\n";
        let late = "hekate_scheduler_lag_seconds_bucket{le=\"0.005\"} 9\nhekate_scheduler_lag_seconds_bucket{le=\"+Inf\"} 90\n";
        let lines = [
            alone,
            dead_man(&plan),
            capacity(&plan, room, &Running::fixed(false, "")),
            capacity(&plan, room, &Running::fixed(true, punctual)),
            capacity(
                &plan,
                Room { looks: 5, ..room },
                &Running::fixed(true, late),
            ),
        ];
        expect![[r#"
            13 ! dead man      nobody outside notices if hekate, its machine or its network dies
                               fix: `dead_man: { url: … }`, for example at Healthchecks or another hekate's `heartbeat`
            13 ✔ dead man      hc.example.test is pinged every 1 min
            14 ✔ capacity      5 targets, 0.2 looks a second, at most 7 at once
            14 ✔ capacity      5 targets, 0.2 looks a second, at most 7 at once; 99 % of them begin within 5 ms
            14 ! capacity      5 targets, 0.2 looks a second, at most 7 at once; more than 1 % of them begin late by seconds
                               2512 open files are allowed here, and 526 may be wanted if everything hangs
                               fix: `ulimit -n 526`, `LimitNOFILE=526`
                               fix: give it more of a processor, or longer `interval`s
            3 fine, 2 warnings, 0 problems
        "#]].assert_eq(&text(&lines, false));
    }
}
