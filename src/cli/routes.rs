//! `hekate routes`: who would hear of it. It needs no running hekate.

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

use chrono_tz::Tz;
use serde_json::json;

use super::{
    Exit,
    arguments::{Format, Global, Routes},
    file,
    terminal::Terminal,
};
use crate::{
    clock::Clock,
    command::lookup::{self, One, nearest_words},
    config::Environment,
    model::{
        Board, Channel, ChannelName, OnCallName, Plan, Route, Severity, Target, Timestamp, Verdict,
        roles::Role, text::clean,
    },
    rehearsal::{
        later::{self, Later},
        routing::{self, Trace},
    },
};

/// `hekate routes`
pub(super) fn routes(global: &Global, asked: &Routes, terminal: Terminal) -> Exit {
    let environment = Environment::of_process().for_preview();
    let plan = match file::plan(global, &environment, terminal) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let Some(words) = &asked.words else {
        tree(&plan, terminal);
        return Exit::Done;
    };
    let expected = match expected(&plan, &asked.expect) {
        Ok(expected) => expected,
        Err(why) => {
            terminal.complain(&why);
            return Exit::Usage;
        }
    };
    let target = match target(&plan, words, asked.disaster) {
        Ok(target) => target,
        Err(why) => {
            terminal.complain(&why);
            return Exit::NotSo;
        }
    };
    let role = asked.role.map(super::arguments::RoleWord::role);
    if role.is_some() && routing::role_of(&plan, &target).is_none() {
        terminal.complain(&format!(
            "{} has no role: its group has no `active:`",
            target.title()
        ));
        return Exit::Usage;
    }
    let trace = routing::trace(
        &plan,
        &target,
        asked.state.verdict(),
        role,
        asked.component.as_deref(),
    );
    let later = match later(&plan, &target, asked, &trace) {
        Ok(later) => later,
        Err(why) => {
            terminal.complain(&why);
            return Exit::Usage;
        }
    };
    let told: BTreeSet<_> = trace
        .decision
        .to
        .iter()
        .map(|(channel, _)| channel.clone())
        .filter(|channel| later.lets_hear(channel))
        .collect();
    let is_as_expected = expected.as_ref().map(|expected| *expected == told);
    if terminal.format == Format::Json {
        terminal.say_json(&as_json(&plan, &target, (&trace, &later), is_as_expected));
    } else {
        terminal.say(&as_text(&plan, &target, asked.state.verdict(), &trace));
        terminal.say(&waiting(&later, plan.server.timezone));
        match (&expected, is_as_expected) {
            (Some(_), Some(true)) => terminal.say("✔ as expected\n"),
            (Some(expected), _) => terminal.say(&missed(expected, &told)),
            (None, _) => {}
        }
    }
    if is_as_expected == Some(false) {
        Exit::NotSo
    } else {
        Exit::Done
    }
}

/// What waits if it happens when it is asked for; nothing if it is not.
fn later(plan: &Plan, target: &Target, asked: &Routes, trace: &Trace) -> Result<Later, String> {
    let Some(words) = &asked.at else {
        return Ok(Later::default());
    };
    let zone = plan.server.timezone;
    let Some(at) = later::meant(words.trim(), zone, Clock::start().now().at) else {
        return Err(format!(
            "`{}` is no time in {zone}; write it as `03:00` or `2026-01-05 03:00`",
            clean(words, 40)
        ));
    };
    let case = (target, asked.state.verdict(), asked.component.as_deref());
    Ok(later::later(plan, case, trace, at))
}

/// Who hears of it only later, and why.
fn waiting(later: &Later, zone: Tz) -> String {
    let mut out = String::new();
    if let Some((name, until)) = &later.window {
        let until = until.words(zone);
        let _ = writeln!(
            out,
            "nobody before {until}, if it is still bad then: maintenance window `{name}`"
        );
        return out;
    }
    for (channel, until) in &later.quiet {
        let _ = writeln!(
            out,
            "{channel} only at {}: its quiet hours end then",
            until.words(zone)
        );
    }
    out
}

/// The one target that the words name, perhaps as a part of a disaster.
fn target(plan: &Plan, words: &str, is_disaster: bool) -> Result<Arc<Target>, String> {
    let board = Board::of(plan, Timestamp::default(), None);
    match lookup::one(&board, words) {
        One::Row(row) => {
            let mut target = Arc::clone(&row.target);
            if is_disaster {
                Arc::make_mut(&mut target).severity = Severity::Disaster;
            }
            Ok(target)
        }
        One::Several(rows) => {
            let names: Vec<_> = rows.iter().map(|row| row.target.title()).collect();
            Err(format!(
                "`{words}` means several targets: {}",
                names.join(", ")
            ))
        }
        One::Nobody {
            understood,
            nearest,
        } if nearest.is_empty() => Err(understood),
        One::Nobody {
            understood,
            nearest,
        } => Err(format!(
            "{understood}\ndid you mean: {}",
            nearest.join(", ")
        )),
    }
}

/// The channels that are expected; absent if nothing is.
fn expected(plan: &Plan, words: &[String]) -> Result<Option<BTreeSet<ChannelName>>, String> {
    if words.is_empty() {
        return Ok(None);
    }
    let names = || plan.channels.keys().map(ChannelName::as_str);
    let mut out = BTreeSet::new();
    for word in words {
        let Some(name) = plan.channels.keys().find(|name| name.as_str() == word) else {
            let near = nearest_words(word, names(), 1);
            let hint = match near.first() {
                Some(near) => format!("; did you mean `{near}`?"),
                None => format!("; channels: {}", names().collect::<Vec<_>>().join(", ")),
            };
            return Err(format!("there is no channel `{word}`{hint}"));
        };
        out.insert(name.clone());
    }
    Ok(Some(out))
}

fn missed(expected: &BTreeSet<ChannelName>, told: &BTreeSet<ChannelName>) -> String {
    let mut out = String::from("✖ not as expected\n");
    for name in expected.difference(told) {
        let _ = writeln!(out, "  {name} would hear nothing");
    }
    for name in told.difference(expected) {
        let _ = writeln!(out, "  {name} would hear of it, and is not expected to");
    }
    out
}

fn tree(plan: &Plan, terminal: Terminal) {
    if terminal.format == Format::Json {
        let routes: Vec<_> = (0..plan.routes.len())
            .map(|index| route_json(plan, index))
            .collect();
        terminal.say_json(&json!({ "routes": routes }));
        return;
    }
    let mut out = String::new();
    for (index, route) in plan.routes.iter().enumerate() {
        let _ = writeln!(out, "{}", line(plan, index));
        details(
            plan,
            route.mention.as_ref().map(OnCallName::as_str),
            route,
            &mut out,
        );
        if route.goes_on {
            let _ = writeln!(out, "         and the next ones are asked as well");
        }
    }
    terminal.say(&out);
}

/// `route 1  match group=master  → disaster (#disaster)`
fn line(plan: &Plan, index: usize) -> String {
    let route = &plan.routes[index];
    format!(
        "{}  match {}  → {}",
        routing::name(plan, index),
        routing::conditions(route),
        channels(plan, &route.to)
    )
}

fn channels<'a>(plan: &Plan, names: impl IntoIterator<Item = &'a ChannelName>) -> String {
    let title = |name: &ChannelName| match plan.channels.get(name).map(Channel::title) {
        Some(title) if title != name.as_str() => format!("{name} ({title})"),
        Some(_) | None => name.to_string(),
    };
    let names: Vec<_> = names.into_iter().map(title).collect();
    names.join(", ")
}

/// Whom it mentions and when it reminds.
fn details(plan: &Plan, mention: Option<&str>, route: &Route, out: &mut String) {
    if let Some(name) = mention {
        let who = plan
            .on_call
            .iter()
            .find(|(known, _)| known.as_str() == name)
            .map(|(_, who)| {
                let group = who.user_group.iter();
                group.chain(who.people()).cloned().collect::<Vec<_>>()
            })
            .unwrap_or_default();
        let _ = writeln!(out, "         mention {name} ({})", who.join(", "));
    }
    if !route.remind_after.is_empty() {
        let gaps: Vec<_> = route
            .remind_after
            .iter()
            .map(|gap| humantime::format_duration(*gap).to_string())
            .collect();
        let _ = writeln!(
            out,
            "         remind after {}, the last gap again and again, while it is still bad",
            gaps.join(", ")
        );
    }
}

fn as_text(plan: &Plan, target: &Target, verdict: Verdict, trace: &Trace) -> String {
    let role = match trace.role {
        Some(Role::Unknown) => {
            String::from(", role unknown (taken as active; `--role` says another)")
        }
        Some(role) => format!(", {}", role.words()),
        None => String::new(),
    };
    let mut out = format!("{}: {verdict}, {}{role}\n", target.title(), target.severity);
    for step in &trace.steps {
        let route = &plan.routes[step.index];
        if let Some(key) = step.misses {
            let _ = writeln!(
                out,
                "  {} is not taken: its `{key}` does not match",
                routing::name(plan, step.index)
            );
            continue;
        }
        let _ = writeln!(out, "{}", line(plan, step.index));
        if trace.is_for_ops {
            continue;
        }
        let mentioned = |(channel, who): &(ChannelName, Option<OnCallName>)| {
            route
                .to
                .contains(channel)
                .then_some(who.as_ref())
                .flatten()
                .filter(|who| Some(*who) == route.mention.as_ref())
                .map(ToString::to_string)
        };
        let mention = trace.decision.to.iter().find_map(mentioned);
        let reminds = trace.decision.routes.first() == Some(&step.index);
        let shown = Route {
            remind_after: if reminds {
                route.remind_after.clone()
            } else {
                Vec::new()
            },
            ..route.clone()
        };
        details(plan, mention.as_deref(), &shown, &mut out);
        if let (Some(name), None) = (&route.mention, &mention) {
            let _ = writeln!(
                out,
                "         {name} is not mentioned: {}",
                unmentioned(target, verdict)
            );
        }
    }
    if trace.is_for_ops {
        out.push_str("what cannot be seen goes to the channel for hekate's own trouble, unless a route asks for `state: unknown`\n");
    }
    let told: Vec<_> = trace
        .decision
        .to
        .iter()
        .map(|(channel, _)| channel)
        .collect();
    let _ = writeln!(out, "told: {}", channels(plan, told));
    out
}

/// Why nobody is mentioned although a route would.
fn unmentioned(target: &Target, verdict: Verdict) -> &'static str {
    if !target.severity.is_critical() {
        "its severity is not critical"
    } else if verdict != Verdict::Down {
        "only what is down mentions anybody"
    } else {
        "it is the inactive one, and the route does not name that role"
    }
}

fn route_json(plan: &Plan, index: usize) -> serde_json::Value {
    let route = &plan.routes[index];
    json!({
        "route": routing::name(plan, index),
        "match": routing::conditions(route),
        "to": route.to.iter().map(ChannelName::as_str).collect::<Vec<_>>(),
        "mention": route.mention.as_ref().map(OnCallName::as_str),
        "remind_after_s": route.remind_after.iter().map(std::time::Duration::as_secs).collect::<Vec<_>>(),
        "continue": route.goes_on,
    })
}

fn as_json(
    plan: &Plan,
    target: &Target,
    (trace, later): (&Trace, &Later),
    is_as_expected: Option<bool>,
) -> serde_json::Value {
    let asked: Vec<_> = trace
        .steps
        .iter()
        .map(|step| {
            json!({
                "route": routing::name(plan, step.index),
                "is_taken": step.misses.is_none(),
                "misses": step.misses,
            })
        })
        .collect();
    let told: Vec<_> = trace
        .decision
        .to
        .iter()
        .map(|(channel, who)| {
            json!({ "channel": channel.as_str(), "mention": who.as_ref().map(OnCallName::as_str) })
        })
        .collect();
    json!({
        "target": target.id.as_str(),
        "role": trace.role.map(Role::as_str),
        "asked": asked,
        "told": told,
        "window": later.window.as_ref().map(|(name, until)| json!({ "name": name, "until": until.to_string() })),
        "quiet": later.quiet.iter().map(|(channel, until)| json!({ "channel": channel.as_str(), "until": until.to_string() })).collect::<Vec<_>>(),
        "is_for_ops": trace.is_for_ops,
        "remind_after_s": trace.decision.remind_after.iter().map(std::time::Duration::as_secs).collect::<Vec<_>>(),
        "is_as_expected": is_as_expected,
    })
}
