//! Results of tests, for people and for programs.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use super::{Covered, Tested, Total};
use crate::{
    cli::{arguments::Test, terminal::Terminal},
    config::script::Script,
    model::{ChannelName, Severity, Verdict, plan::Question},
    rehearsal::{
        review::{Fault, Review, moment},
        routing,
        stage::BEFORE,
        words::words,
    },
};

/// Everything in words.
pub(super) fn text(total: &Total, asked: &Test, terminal: Terminal) -> String {
    let mut out = String::new();
    for file in &total.files {
        if file.results.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{}", file.name);
        for (script, review) in &file.results {
            if review.faults.is_empty() {
                if !terminal.is_quiet() {
                    let _ = writeln!(out, "  ✔ {}", script.name);
                }
                continue;
            }
            let _ = writeln!(out, "  ✖ {}", script.name);
            out.push_str(&timeline(file, script, review));
        }
    }
    if asked.coverage {
        for covered in &total.coverages {
            out.push_str(&coverage(covered));
        }
    }
    if !terminal.is_quiet() && total.tests().next().is_some() {
        out.push_str(&sum(total, asked.plays));
    }
    out
}

/// `4 tests, 1 failed; 12 plays of 26 h in all, 3,204 looks, in 0.02 s`
fn sum(total: &Total, plays: u64) -> String {
    let tests = total.tests().count();
    let failed = match total.failed() {
        0 => String::from("all as expected"),
        failed => format!("{failed} failed"),
    };
    let played: Duration = total
        .tests()
        .map(|(script, _)| BEFORE + script.ends_after)
        .sum();
    let played = played * u32::try_from(plays).unwrap_or(u32::MAX);
    let looks: u64 = total.tests().map(|(_, review)| review.looks).sum();
    let plural = if tests == 1 { "" } else { "s" };
    format!(
        "{tests} test{plural}, {failed}; {} of virtual time and {looks} looks in {:.2} s\n",
        moment(played),
        total.took.as_secs_f64()
    )
}

/// What happened, was shown and was told, with marks where it went wrong.
pub(super) fn timeline(file: &Tested, script: &Script, review: &Review) -> String {
    let mut lines: Vec<(Duration, u8, String)> = Vec::new();
    for step in &script.steps {
        let line = format!("    {:<9} ▸ {}", moment(step.after), words(&step.doing));
        lines.push((step.after, 0, line));
    }
    // What was shown at the beginning is that all is well.
    let shown = review.played.states.iter();
    for shown in shown.filter(|shown| shown.after > Duration::ZERO) {
        let shows = match shown.verdict {
            Some(verdict) => format!("is {verdict}"),
            None => String::from("is not watched any more"),
        };
        let line = format!("    {:<9}   {} {shows}", moment(shown.after), shown.target);
        lines.push((shown.after, 1, line));
    }
    for deed in &review.played.deeds {
        let words = match deed.words.as_str() {
            "" => String::new(),
            words => format!(": {words}"),
        };
        let line = format!(
            "    {:<9}   {} {} {}{words}",
            moment(deed.after),
            deed.action.replace('_', " "),
            deed.target,
            deed.outcome.as_str()
        );
        lines.push((deed.after, 1, line));
    }
    for message in &review.played.messages {
        let mention = match &message.mention {
            Some(who) => format!(" @{who}"),
            None => String::new(),
        };
        let line = format!(
            "    {:<9}   → {}{mention}: {}",
            moment(message.after),
            message.channel,
            message.text.replace('\n', " ")
        );
        lines.push((message.after, 2, line));
    }
    for fault in &review.faults {
        let after = fault.after.unwrap_or_default();
        let line = format!("  ✖ {:<9} {}", moment(after), said(file, fault));
        lines.push((after, 3, line));
    }
    lines.push((
        script.ends_after,
        4,
        format!("    {:<9} ▸ the end", moment(script.ends_after)),
    ));
    lines.sort_by_key(|(after, rank, _)| (*after, *rank));
    let mut out = String::new();
    for (_, _, line) in lines {
        let _ = writeln!(out, "  {line}");
    }
    out
}

/// `tests/a.yaml:12:5: no such message comes`
pub(super) fn said(file: &Tested, fault: &Fault) -> String {
    let place = file.report.place(fault.span);
    format!(
        "{}:{}:{}: {}",
        place.file, place.line, place.column, fault.words
    )
}

fn coverage(covered: &Covered) -> String {
    let mut out = format!("coverage of {}\n", covered.file.display());
    let plan = &covered.plan;
    let touched = &covered.coverage;
    let missed: Vec<_> = (0..plan.routes.len())
        .filter(|index| !touched.routes.contains(index))
        .map(|index| {
            let route = &plan.routes[index];
            let to: Vec<_> = route.to.iter().map(ChannelName::as_str).collect();
            let (name, takes) = (routing::name(plan, index), routing::conditions(route));
            format!("{name} ({takes} → {})", to.join(", "))
        })
        .collect();
    line(
        "routes",
        touched.routes.len(),
        plan.routes.len(),
        &missed,
        &mut out,
    );
    let states = [Verdict::Down, Verdict::Degraded, Verdict::Unknown];
    let missed: Vec<_> = states
        .iter()
        .filter(|state| !touched.states.contains(state))
        .map(|state| state.as_str().to_owned())
        .collect();
    line(
        "states",
        states.len() - missed.len(),
        states.len(),
        &missed,
        &mut out,
    );
    let all = [
        Severity::Disaster,
        Severity::Critical,
        Severity::Warning,
        Severity::Info,
    ];
    let all: Vec<_> = all
        .into_iter()
        .filter(|severity| plan.targets.iter().any(|one| one.severity == *severity))
        .collect();
    let missed: Vec<_> = all
        .iter()
        .filter(|severity| !touched.severities.contains(severity))
        .map(|severity| severity.as_str().to_owned())
        .collect();
    line(
        "severities",
        all.len() - missed.len(),
        all.len(),
        &missed,
        &mut out,
    );
    let missed: Vec<_> = plan
        .targets
        .iter()
        .filter(|target| !touched.targets.contains(&target.id))
        .filter(|target| {
            let is_roles =
                |check: &crate::model::Check| matches!(check.question, Question::Roles(_));
            !target.checks.iter().any(is_roles)
        })
        .map(|target| target.title())
        .collect();
    let all = plan.targets.len();
    line("targets", all - missed.len(), all, &missed, &mut out);
    out
}

/// How many are named of what is missing.
const NAMED_MAX: usize = 8;

fn line(what: &str, touched: usize, all: usize, missed: &[String], out: &mut String) {
    let missed = match missed {
        [] => String::new(),
        some => {
            let named: Vec<_> = some.iter().take(NAMED_MAX).map(String::as_str).collect();
            let more = match some.len().saturating_sub(NAMED_MAX) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("; nobody was told anything by: {}{more}", named.join(", "))
        }
    };
    let _ = writeln!(out, "  {what:<10} {touched} of {all}{missed}");
}

/// Everything for programs.
pub(super) fn json(total: &Total, has_coverage: bool) -> Value {
    let tests: Vec<_> = total
        .files
        .iter()
        .flat_map(|file| file.results.iter().map(move |result| (file, result)))
        .map(|(file, (script, review))| {
            let faults: Vec<_> = review
                .faults
                .iter()
                .map(|fault| {
                    let place = file.report.place(fault.span);
                    json!({
                        "file": place.file,
                        "line": place.line,
                        "column": place.column,
                        "after_s": fault.after.map(|after| after.as_secs_f64()),
                        "words": fault.words,
                    })
                })
                .collect();
            let messages: Vec<_> = review
                .played
                .messages
                .iter()
                .map(|message| {
                    json!({
                        "after_s": message.after.as_secs_f64(),
                        "channel": message.channel.as_str(),
                        "kinds": message.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
                        "mention": message.mention.as_ref().map(crate::model::OnCallName::as_str),
                        "text": message.text,
                    })
                })
                .collect();
            let actions: Vec<_> = review
                .played
                .deeds
                .iter()
                .map(|deed| {
                    json!({
                        "after_s": deed.after.as_secs_f64(),
                        "action": deed.action,
                        "target": deed.target.as_str(),
                        "outcome": deed.outcome.as_str(),
                        "words": deed.words,
                    })
                })
                .collect();
            json!({
                "file": file.name,
                "name": script.name,
                "is_as_expected": review.faults.is_empty(),
                "faults": faults,
                "messages": messages,
                "actions": actions,
            })
        })
        .collect();
    let mut out = json!({ "tests": tests, "failed": total.failed() });
    if has_coverage {
        out["coverage"] = total.coverages.iter().map(coverage_json).collect();
    }
    out
}

fn coverage_json(covered: &Covered) -> Value {
    let plan = &covered.plan;
    let touched = &covered.coverage;
    let routes = touched.routes.iter();
    json!({
        "file": covered.file.display().to_string(),
        "routes": routes.map(|index| routing::name(plan, *index)).collect::<Vec<_>>(),
        "states": touched.states.iter().map(|state| state.as_str()).collect::<Vec<_>>(),
        "severities": touched.severities.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
        "targets": touched.targets.iter().map(crate::model::TargetId::as_str).collect::<Vec<_>>(),
    })
}
