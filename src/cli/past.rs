//! `hekate report` and `hekate replay`: what the stored past says about the file. They only read.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::json;

use super::{
    Exit,
    arguments::{Format, Global, Noise, Replay, Report},
    ask, file,
    terminal::Terminal,
    weekly,
};
use crate::{
    clock::Clock,
    config::Environment,
    model::{CheckId, Plan, Timestamp, text::span},
    rehearsal::{
        noise::{self, Proposal},
        open::{self, Open},
        replay::{self, Row, Telling, WouldBe},
    },
    store::{self, Chronicle},
};

/// What is read, and from when on it is asked about.
pub(super) struct Asked {
    pub(super) plan: Arc<Plan>,
    /// Whether the file finds targets elsewhere, which nobody asks here.
    has_discovery: bool,
    pub(super) chronicle: Chronicle,
    pub(super) since: Timestamp,
}

/// `hekate report …`
pub(super) fn report(global: &Global, command: &Report, terminal: Terminal) -> Exit {
    match command {
        Report::Noise(asked) => noise_of(global, asked, terminal),
        Report::Sli(asked) => ask::sli(global, asked, terminal),
        Report::Weekly(asked) => weekly::weekly(global, asked, terminal),
    }
}

/// `hekate report noise`
fn noise_of(global: &Global, Noise { since, store }: &Noise, terminal: Terminal) -> Exit {
    let asked = match read(global, *since, store.as_deref(), terminal) {
        Ok(asked) => asked,
        Err(exit) => return exit,
    };
    let noise = noise::noise(&asked.chronicle, asked.since);
    if terminal.format == Format::Json {
        let checks: Vec<_> = noise.iter().map(noise_json).collect();
        terminal.say_json(&json!({
            "since": asked.since.to_string(),
            "known_since": asked.chronicle.since.map(|at| at.to_string()),
            "checks": checks,
        }));
        return Exit::Done;
    }
    let mut out = String::new();
    for noise in &noise {
        out.push_str(&noise_text(noise));
    }
    if noise.is_empty() {
        out.push_str("nothing was told in this time\n");
    } else if noise.iter().all(|noise| noise.false_alarms == 0) {
        out.push_str(
            "no incident is marked: `hekate mark <incident> false-alarm --reason …` makes proposals possible\n",
        );
    }
    terminal.say(&out);
    terminal.remark(&reach(&asked));
    Exit::Done
}

/// `hekate replay`
pub(super) fn replay(global: &Global, asked: &Replay, terminal: Terminal) -> Exit {
    let Replay {
        since,
        store,
        differences,
        open,
    } = asked;
    if *open {
        return replay_open(global, store.as_deref(), terminal);
    }
    let asked = match read(global, *since, store.as_deref(), terminal) {
        Ok(asked) => asked,
        Err(exit) => return exit,
    };
    let rows = replay::replay(&asked.chronicle, asked.since, &asked.plan);
    let stricter = replay::stricter(&asked.chronicle, asked.since, &asked.plan);
    let all = rows.len();
    let rows: Vec<_> = rows
        .into_iter()
        .filter(|row| row.differs() || !differences)
        .collect();
    if terminal.format == Format::Json {
        let rows: Vec<_> = rows.iter().map(row_json).collect();
        let stricter: Vec<_> = stricter.iter().map(called).collect();
        terminal.say_json(&json!({
            "since": asked.since.to_string(),
            "known_since": asked.chronicle.since.map(|at| at.to_string()),
            "troubles": rows,
            "judged_sooner": stricter,
        }));
        return Exit::Done;
    }
    let mut out = String::new();
    for row in &rows {
        out.push_str(&row_text(row, &asked.plan));
    }
    let differing = rows.iter().filter(|row| row.differs()).count();
    let _ = writeln!(
        out,
        "{all} troubles were told, {differing} of them would be told otherwise"
    );
    terminal.say(&out);
    terminal.remark(&reach(&asked));
    if !stricter.is_empty() {
        let names: Vec<_> = stricter.iter().map(called).collect();
        terminal.remark(&format!(
            "note: this file believes failures sooner than they were believed, so it would also tell troubles that were too short to be \
             told, and no look of these is stored: {}",
            names.join(", ")
        ));
    }
    terminal.remark(
        "note: blindness, roles and what several have in common are taken as they were; limits such as `max_age` or `rules:` are not tried again",
    );
    Exit::Done
}

/// `hekate replay --open`
fn replay_open(global: &Global, store: Option<&Path>, terminal: Terminal) -> Exit {
    let asked = match read(global, Duration::ZERO, store, terminal) {
        Ok(asked) => asked,
        Err(exit) => return exit,
    };
    let open = open::of_chronicle(&asked.chronicle);
    let changed: Vec<_> = open
        .iter()
        .map(|open| {
            let changes = open::changes(open, &asked.plan, asked.since);
            (open, open::words(&changes, &asked.plan))
        })
        .collect();
    if terminal.format == Format::Json {
        let incidents: Vec<_> = changed
            .iter()
            .map(|(open, changes)| open_json(open, changes))
            .collect();
        terminal.say_json(&json!({ "open": incidents }));
        return Exit::Done;
    }
    let mut out = String::new();
    for (open, changes) in &changed {
        let mark = if changes.is_empty() { " " } else { "✖" };
        let since = open.since.words(asked.plan.server.timezone);
        let (id, title, verdict) = (&open.id, open.title(), open.verdict);
        let _ = writeln!(out, "{mark} #{id} {title}, {verdict} since {since}");
        for change in changes {
            let _ = writeln!(out, "      {change}");
        }
    }
    let differing = changed.iter().filter(|(_, changes)| !changes.is_empty());
    let differing = differing.count();
    let all = match changed.len() {
        0 => {
            terminal.say("no incident is open\n");
            return Exit::Done;
        }
        1 => String::from("1 incident is open"),
        more => format!("{more} incidents are open"),
    };
    let _ = writeln!(
        out,
        "{all}; this file says something else of {differing} of them"
    );
    terminal.say(&out);
    terminal.remark(
        "note: what is open goes on as it was told: whoever was told is reminded and hears of the end; only when it gets worse are the \
         routes of the file asked again",
    );
    if asked.has_discovery {
        terminal.remark(
            "note: what `discovery:` finds is not asked here, so a target that is not in the file may be found there",
        );
    }
    Exit::Done
}

fn open_json(open: &Open, changes: &[String]) -> serde_json::Value {
    json!({
        "incident": open.id.as_str(),
        "targets": open.members.iter().map(|member| member.target.as_str()).collect::<Vec<_>>(),
        "state": open.verdict.as_str(),
        "since": open.since.to_string(),
        "changes": changes,
    })
}

pub(super) fn read(
    global: &Global,
    since: Duration,
    store: Option<&Path>,
    terminal: Terminal,
) -> Result<Asked, Exit> {
    let environment = Environment::of_process().for_preview();
    let (plan, _contents, discovery) = file::load(global, &environment, terminal)?;
    let folder: PathBuf = store.map_or_else(|| plan.store.path.clone(), Path::to_owned);
    if !folder.is_dir() {
        terminal.complain(&format!("there is no store in {}", folder.display()));
        return Err(Exit::Store);
    }
    let chronicle = store::chronicle(&folder).map_err(|error| {
        terminal.complain(&error.to_string());
        Exit::Store
    })?;
    Ok(Asked {
        plan,
        has_discovery: !discovery.entries.is_empty(),
        chronicle,
        since: Clock::start().now().at - since,
    })
}

/// How far back the answer reaches, if that is not as far as was asked.
pub(super) fn reach(asked: &Asked) -> String {
    let zone = asked.plan.server.timezone;
    match asked.chronicle.since {
        Some(since) if since > asked.since => format!(
            "note: the journal reaches back to {} only; what was before it is not counted",
            since.words(zone)
        ),
        Some(_) => format!("since {}", asked.since.words(zone)),
        None => String::from("note: the journal is empty"),
    }
}

fn called(check: &CheckId) -> String {
    format!("{} {}", check.target, check.kind)
}

pub(super) fn noise_text(noise: &noise::Noise) -> String {
    let mut out = format!(
        "{}: {} told, {} marked as false alarms, {} as useful, {} over within {}\n",
        called(&noise.check),
        noise.told,
        noise.false_alarms,
        noise.useful,
        noise.short,
        span(noise::SHORT)
    );
    match &noise.proposal {
        Some(proposal) => out.push_str(&proposal_text(proposal, noise.false_alarms)),
        None if noise.false_alarms > 0 => {
            out.push_str("  no longer limit would have kept its false alarms back without losing what was useful\n");
        }
        None => {}
    }
    if noise.unknowable > 0 {
        let _ = writeln!(
            out,
            "  of {} of them nobody can say what other limits would have made: too few of their looks are stored",
            noise.unknowable
        );
    }
    out
}

fn proposal_text(proposal: &Proposal, false_alarms: usize) -> String {
    let mut out = format!(
        "  {} (now {}): {} of {false_alarms} false alarms would not have been sent",
        proposal.setting, proposal.instead_of, proposal.avoided
    );
    if proposal.others_avoided > 0 {
        let _ = write!(out, ", nor {} that nobody marked", proposal.others_avoided);
    }
    let _ = write!(out, "; the others up to {} later", span(proposal.later));
    if !proposal.is_certain {
        out.push_str(" (probably: not all looks in between are stored)");
    }
    out.push('\n');
    out
}

pub(super) fn noise_json(noise: &noise::Noise) -> serde_json::Value {
    json!({
        "target": noise.check.target.as_str(),
        "check": noise.check.kind.as_str(),
        "told": noise.told,
        "false_alarms": noise.false_alarms,
        "useful": noise.useful,
        "short": noise.short,
        "unknowable": noise.unknowable,
        "proposal": noise.proposal.as_ref().map(|proposal| json!({
            "setting": proposal.setting,
            "instead_of": proposal.instead_of,
            "avoided": proposal.avoided,
            "others_avoided": proposal.others_avoided,
            "later_s": proposal.later.as_secs_f64(),
            "is_certain": proposal.is_certain,
        })),
    })
}

fn row_text(row: &Row, plan: &Plan) -> String {
    let zone = plan.server.timezone;
    let mark = if row.differs() { "✖" } else { " " };
    let would_be = match &row.would_be {
        WouldBe::Told { .. } if !row.differs() => String::from("the same"),
        WouldBe::Told {
            telling,
            verdict,
            is_certain,
        } => {
            let moved = moved(row.was.at, telling.at);
            let state = if *verdict == row.verdict {
                String::new()
            } else {
                format!("{verdict}, ")
            };
            format!("{state}{}{moved}{}", told(telling), probably(*is_certain))
        }
        WouldBe::Nothing { is_certain } => format!(
            "nothing: over before it is believed{}",
            probably(*is_certain)
        ),
        WouldBe::NotWatched => String::from("nothing: this check is not in the file"),
        WouldBe::Unknown(why) => format!("cannot be known: {why}"),
    };
    format!(
        "{mark} {}  {} {} #{}\n      was       {}\n      would be  {would_be}\n",
        row.was.at.words(zone),
        called(&row.check),
        row.verdict,
        row.incident,
        told(&row.was)
    )
}

fn probably(is_certain: bool) -> &'static str {
    if is_certain {
        ""
    } else {
        " (probably: not all looks in between are stored)"
    }
}

fn moved(was: Timestamp, would_be: Timestamp) -> String {
    let (later, sooner) = (would_be.since(was), was.since(would_be));
    if later >= Duration::from_secs(1) {
        format!(", {} later", span(later))
    } else if sooner >= Duration::from_secs(1) {
        format!(", {} sooner", span(sooner))
    } else {
        String::new()
    }
}

/// `core_alerts, disaster @core, 2 reminders`
fn told(telling: &Telling) -> String {
    if telling.to.is_empty() {
        return String::from("nobody");
    }
    let to: Vec<_> = telling.to.iter().map(ToString::to_string).collect();
    let mut out = to.join(", ");
    for who in &telling.mention {
        let _ = write!(out, " @{who}");
    }
    match telling.reminders {
        0 => {}
        1 => out.push_str(", 1 reminder"),
        more => {
            let _ = write!(out, ", {more} reminders");
        }
    }
    out
}

fn row_json(row: &Row) -> serde_json::Value {
    let telling = |telling: &Telling| {
        json!({
            "at": telling.at.to_string(),
            "to": telling.to.iter().map(crate::model::ChannelName::as_str).collect::<Vec<_>>(),
            "mention": telling.mention.iter().map(crate::model::OnCallName::as_str).collect::<Vec<_>>(),
            "reminders": telling.reminders,
        })
    };
    let would_be = match &row.would_be {
        WouldBe::Told {
            telling: sent,
            verdict,
            is_certain,
        } => json!({ "told": telling(sent), "state": verdict.as_str(), "is_certain": is_certain }),
        WouldBe::Nothing { is_certain } => json!({ "told": null, "is_certain": is_certain }),
        WouldBe::NotWatched => json!({ "told": null, "is_watched": false }),
        WouldBe::Unknown(why) => json!({ "unknown": why }),
    };
    json!({
        "target": row.check.target.as_str(),
        "check": row.check.kind.as_str(),
        "incident": row.incident.as_str(),
        "state": row.verdict.as_str(),
        "since": row.since.to_string(),
        "was": telling(&row.was),
        "would_be": would_be,
        "differs": row.differs(),
    })
}
