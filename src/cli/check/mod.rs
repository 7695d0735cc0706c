//! `hekate check`: look once now, print, leave. It needs no running hekate and remembers nothing.

pub(super) mod logs;
mod roles;
mod steps;

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};

use super::{
    Exit,
    arguments::{Check, FailOn, Format, Global},
    file,
    terminal::Terminal,
};
use crate::{
    clock::Clock,
    command::{
        Line, Status, json,
        lookup::{self, One},
        text::{self, Look},
    },
    config::Environment,
    model::{
        Board, Observation, Plan, Reason, Rule, Slot, Target, Timestamp, Verdict,
        board::{Facts, Row},
        plan::Question,
    },
    probe::Prober,
};

/// Looks at once; a check by hand needs no more.
const LOOKS_AT_ONCE: usize = 64;

pub(super) fn check(global: &Global, check: &Check, terminal: Terminal) -> Exit {
    // A look needs no secret of Slack.
    let plan = match file::plan(global, &Environment::of_process().for_preview(), terminal) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let clock = Clock::start();
    let board = Board::of(&plan, clock.now().at, None);
    let rows = match select(&board, &check.names) {
        Ok(rows) => rows,
        Err(complaint) => {
            terminal.complain(&complaint);
            return if check.nagios {
                Exit::Plugin(3)
            } else {
                Exit::NotSo
            };
        }
    };
    let Ok(runtime) = terminal.runtime() else {
        return Exit::NotSo;
    };
    let started = clock.now().tick;
    let prober = Prober::new(clock.clone());
    let looking = async {
        tokio::select! {
            seen = look_around(&plan, &rows, &prober, &clock) => Some(seen),
            _ = tokio::signal::ctrl_c() => None,
        }
    };
    let Some(((observations, walked), roles, stores)) = runtime.block_on(looking) else {
        return Exit::Interrupted;
    };
    show(&rows, &observations, &stores, &roles);
    let now = clock.now();
    let worst = rows
        .iter()
        .map(|row| row.facts().verdict)
        .max()
        .unwrap_or(Verdict::Unknown);
    if check.nagios {
        return plugin(&rows, &observations, worst, terminal);
    }
    print(
        &plan,
        &board,
        &rows,
        &observations,
        &walked,
        &stores,
        &roles,
        now.at,
        now.tick.since(started),
        check,
        terminal,
    );
    let is_fine = match check.fail_on {
        FailOn::Degraded => worst == Verdict::Operational,
        FailOn::Down => worst != Verdict::Down,
    };
    if is_fine { Exit::Done } else { Exit::NotSo }
}

/// What a check by hand saw: looks with the steps of scenarios, roles, and stores of logs.
type Seen = (
    (Vec<Observation>, Vec<Option<steps::Walked>>),
    Vec<roles::Checked>,
    Vec<logs::Checked>,
);

/// Looks at everything in the plan once.
pub(super) struct Survey {
    /// All targets, with what was seen of them.
    pub(super) rows: Vec<Arc<Row>>,
    /// The look at each of them.
    pub(super) looks: Vec<Observation>,
    /// The stores of logs.
    pub(super) stores: Vec<logs::Checked>,
}

impl Survey {
    /// Looks.
    pub(super) async fn of(plan: &Plan, clock: &Clock) -> Self {
        let rows = Board::of(plan, clock.now().at, None).rows;
        let prober = Prober::new(clock.clone());
        let ((looks, _walked), roles, stores) = look_around(plan, &rows, &prober, clock).await;
        show(&rows, &looks, &stores, &roles);
        Self {
            rows,
            looks,
            stores,
        }
    }
}

/// Everything that a check by hand asks.
async fn look_around(plan: &Plan, rows: &[Arc<Row>], prober: &Prober, clock: &Clock) -> Seen {
    let targets: Vec<_> = rows.iter().map(|row| Arc::clone(&row.target)).collect();
    let looks = async {
        let seen = look_at(rows, prober).await;
        let roles = roles::check(plan, &targets, &seen.0, prober, clock).await;
        (seen, roles)
    };
    let stores = logs::check(plan, &targets, prober, clock);
    let ((seen, roles), stores) = tokio::join!(looks, stores);
    (seen, roles, stores)
}

/// Writes down what was seen, as the grid shows it.
fn show(
    rows: &[Arc<Row>],
    observations: &[Observation],
    stores: &[logs::Checked],
    roles: &[roles::Checked],
) {
    for (row, observation) in rows.iter().zip(observations) {
        row.set_looked(observation.finished.at, observation.took());
        let of_roles = roles.iter().find(|roles| {
            is_roles(&row.target) && Some(roles.group()) == row.target.group.as_ref()
        });
        let outcome = of_roles.map_or(&observation.outcome, roles::Checked::outcome);
        row.set_facts(Facts::of_outcome(observation, outcome));
        let store = stores
            .iter()
            .find(|store| is_store(&row.target) && store.name() == row.target.name);
        if let Some(store) = store.filter(|store| !store.is_answering()) {
            let words = store.trouble().unwrap_or("it does not answer").to_owned();
            row.set_facts(Facts {
                verdict: Verdict::Down,
                settled: Verdict::Down,
                reason: Reason {
                    rule: Rule::FirstLook,
                    words,
                },
                ..Facts::unknown(observation.started.at)
            });
        }
    }
}

/// The rows that the names select, in the order of the file; every name has to select exactly one or a group.
fn select(board: &Board, names: &[String]) -> Result<Vec<Arc<Row>>, String> {
    if names.is_empty() {
        return Ok(board.rows.clone());
    }
    let mut ids = Vec::new();
    // All words may be one target in any order, or each argument names something of its own.
    if let One::Row(row) = lookup::one(board, &names.join(" ")) {
        return Ok(vec![Arc::clone(row)]);
    }
    for name in names {
        match lookup::select(board, name) {
            lookup::Selection::Rows { rows, .. } => {
                ids.extend(rows.iter().map(|row| row.target.id.clone()));
            }
            lookup::Selection::Nothing {
                understood,
                nearest,
            } => {
                let hint = if nearest.is_empty() {
                    String::new()
                } else {
                    format!("\ndid you mean: {}", nearest.join(", "))
                };
                return Err(format!("{understood}{hint}"));
            }
        }
    }
    Ok(board
        .rows
        .iter()
        .filter(|row| ids.contains(&row.target.id))
        .cloned()
        .collect())
}

/// Looks at everything once; of several checks of a target the worst is what counts, of equals the first.
async fn look_at(
    rows: &[Arc<Row>],
    prober: &Prober,
) -> (Vec<Observation>, Vec<Option<steps::Walked>>) {
    let look = |(index, row): (usize, &Arc<Row>)| {
        let (prober, target) = (prober.clone(), Arc::clone(&row.target));
        async move {
            let slot = Slot(u32::try_from(index).unwrap_or(u32::MAX));
            let glance = prober.glance(slot, &target).await;
            let mut looks = glance.looks.iter();
            let walked = looks.find_map(|look| steps::Walked::of(&target, look));
            (glance.worst(), walked)
        }
    };
    stream::iter(rows.iter().enumerate().map(look).collect::<Vec<_>>())
        .buffered(LOOKS_AT_ONCE)
        .unzip()
        .await
}

pub(super) fn is_store(target: &Target) -> bool {
    target
        .checks
        .iter()
        .any(|check| matches!(check.question, Question::LogStore(_)))
}

pub(super) fn is_roles(target: &Target) -> bool {
    target
        .checks
        .iter()
        .any(|check| matches!(check.question, Question::Roles(_)))
}

#[expect(
    clippy::too_many_arguments,
    reason = "one call, and a struct would only be unpacked again"
)]
fn print(
    plan: &Plan,
    board: &Board,
    rows: &[Arc<Row>],
    observations: &[Observation],
    walked: &[Option<steps::Walked>],
    stores: &[logs::Checked],
    roles: &[roles::Checked],
    now: Timestamp,
    took: Duration,
    check: &Check,
    terminal: Terminal,
) {
    let status = Status::of(board, rows, now, String::new(), "hekate");
    if terminal.format == Format::Json {
        let targets: Vec<_> = rows
            .iter()
            .map(|row| {
                let mut target = json::explain(&Line::of(row, now), now);
                let own = |walked: &&steps::Walked| walked.is_of(&row.target);
                if let Some(walked) = walked.iter().flatten().find(own) {
                    target["steps"] = walked.json();
                }
                target
            })
            .collect();
        let stores: Vec<_> = stores.iter().map(logs::Checked::json).collect();
        let roles: Vec<_> = roles.iter().map(roles::Checked::json).collect();
        terminal.say_json(&serde_json::json!({
            "targets": targets, "log_sources": stores, "roles": roles,
        }));
        return;
    }
    let look = Look {
        timezone: plan.server.timezone,
        has_color: terminal.has_color,
    };
    if terminal.format == Format::Short {
        terminal.say(&text::short(&status));
        return;
    }
    terminal.say(&text::grid(&status, look));
    for walked in walked.iter().flatten() {
        terminal.say(&walked.text());
    }
    for store in stores {
        terminal.say(&store.text());
    }
    for roles in roles {
        terminal.say(&roles.text());
    }
    if check.phases {
        for (row, observation) in rows.iter().zip(observations) {
            let parts: Vec<_> = observation
                .phases
                .finished()
                .map(|(name, took)| format!("{name} {}", milliseconds(took)))
                .collect();
            let title = row.target.title();
            let parts = if parts.is_empty() {
                String::from("nothing was finished")
            } else {
                parts.join(" · ")
            };
            let total = milliseconds(observation.took());
            terminal.say(&format!("{title}: {parts} · total {total}\n"));
        }
    } else if status
        .problems
        .iter()
        .any(|line| line.verdict() == Verdict::Down)
    {
        terminal.remark("hint: `hekate check --phases` shows how far each look came");
    }
    terminal.remark(&format!(
        "looked in {}; one look confirms nothing, `hekate run` does",
        milliseconds(took)
    ));
}

pub(super) fn milliseconds(span: Duration) -> String {
    format!("{:.1} ms", span.as_secs_f64() * 1_000.0)
}

/// One line, performance data, and the exit code that monitoring plug-ins share.
///
/// Source: Monitoring Plugins Development Guidelines, "Plugin Output for Nagios" and "Plugin Return Codes".
fn plugin(
    rows: &[Arc<Row>],
    observations: &[Observation],
    worst: Verdict,
    terminal: Terminal,
) -> Exit {
    let (word, code) = match worst {
        Verdict::Operational => ("OK", 0),
        Verdict::Degraded | Verdict::Suspect => ("WARNING", 1),
        Verdict::Down => ("CRITICAL", 2),
        Verdict::Unknown => ("UNKNOWN", 3),
    };
    let bad: Vec<_> = rows
        .iter()
        .map(|row| (row.target.title(), row.facts()))
        .filter(|(_, facts)| facts.verdict != Verdict::Operational)
        .map(|(title, facts)| format!("{title} {}: {}", facts.verdict, facts.reason.words))
        .collect();
    let summary = if bad.is_empty() {
        match rows.len() {
            1 => String::from("1 target operational"),
            several => format!("{several} targets operational"),
        }
    } else {
        bad.join("; ")
    };
    // A bar ends the text and begins the performance data.
    let summary = summary.replace(['|', '\n'], "/");
    let measured: Vec<_> = rows
        .iter()
        .zip(observations)
        .map(|(row, observation)| {
            let label = row.target.id.as_str().replace(['\'', '='], "_");
            format!("'{label}'={:.6}s", observation.took().as_secs_f64())
        })
        .collect();
    terminal.say(&format!(
        "HEKATE {word} - {summary} | {}\n",
        measured.join(" ")
    ));
    Exit::Plugin(code)
}
