//! Nothing is handed out that hekate would refuse: the draft is loaded by the real reader, and what it refuses is taken out and named.

use std::collections::BTreeSet;

use super::{
    Note, Trouble,
    draft::{Draft, SAMPLE},
    target::{Piece, Target, Value},
    write,
};
use crate::{
    config::{self, Environment, Format, Level, Outcome},
    model::text::clean,
};

/// What the new file is called while it is tried.
const NAME: &str = "targets.yaml";
/// The most targets that hekate takes.
const TARGETS_MAX: usize = 20_000;

/// The text of the draft without what is refused.
///
/// # Errors
///
/// If nothing is left, or if our own reader refuses what cannot be taken out.
pub(super) fn prove(draft: &mut Draft) -> Result<String, Trouble> {
    draft.some_channel();
    if draft.targets.len() > TARGETS_MAX {
        let more = draft.targets.split_off(TARGETS_MAX);
        draft.leave(
            format!("{} more", more.len()),
            format!("hekate watches at most {TARGETS_MAX} targets"),
        );
    }
    if draft.targets.iter().any(|target| target.has("heartbeat")) {
        // Under this very name, whatever else the old file called so.
        draft.variables.remove("HEKATE_TOKEN");
        let what = "what callers send as a bearer token; make one with `openssl rand -hex 32`";
        draft.variable("HEKATE_TOKEN", what, SAMPLE);
    }
    jobs(draft);
    let whole = draft.targets.clone();
    let mut defaults = draft.settle();
    for round in 0..5 {
        if draft.targets.is_empty() && draft.jobs.is_empty() {
            return Err(Trouble::Nothing {
                left: std::mem::take(&mut draft.left),
            });
        }
        let (text, lines) = write::body(draft, &defaults);
        let outcome = config::load_text(NAME, &text, &draft.environment());
        if outcome.plan.is_some() {
            return Ok(text);
        }
        match round {
            0 => {
                draft.targets.clone_from(&whole);
                each(draft);
                defaults = draft.settle();
            }
            1 | 2 => blamed(draft, &outcome, &lines),
            3 => without_plans(draft, &outcome),
            _ => {
                return Err(Trouble::OurFault(
                    outcome.report.render(Format::Short, false),
                ));
            }
        }
    }
    Err(Trouble::OurFault(String::from("it is never taken")))
}

/// Tries every target by itself, and its pieces one by one.
fn each(draft: &mut Draft) {
    let environment = draft.environment();
    let mut kept = Vec::with_capacity(draft.targets.len());
    for mut target in std::mem::take(&mut draft.targets) {
        let Some(why) = refused(&target, &target.pieces, &environment) else {
            kept.push(target);
            continue;
        };
        if let Some(why) = refused(&target, &[], &environment) {
            draft.leave(&target.from, why);
            continue;
        }
        let (mut fine, mut left) = (Vec::new(), Vec::new());
        for piece in std::mem::take(&mut target.pieces) {
            match refused(&target, std::slice::from_ref(&piece), &environment) {
                None => fine.push(piece),
                Some(why) => left.push((piece, why)),
            }
        }
        if refused(&target, &fine, &environment).is_some() {
            // Each is fine, and all of them together are not.
            left.extend(fine.drain(..).map(|piece| (piece, why.clone())));
        }
        for (piece, why) in left {
            draft.leave(&target.from, format!("{}: {why}", piece.what));
        }
        target.pieces = fine;
        kept.push(target);
    }
    draft.targets = kept;
}

/// Tries every job by itself; two of one name are one too many.
fn jobs(draft: &mut Draft) {
    if draft.jobs.is_empty() {
        return;
    }
    draft.variables.remove("HEKATE_PING_KEY");
    let what = "what callers have in the path; make one with `openssl rand -hex 32`";
    draft.variable("HEKATE_PING_KEY", what, SAMPLE);
    let environment = draft.environment();
    let mut names = BTreeSet::new();
    let mut kept = Vec::with_capacity(draft.jobs.len());
    for job in std::mem::take(&mut draft.jobs) {
        let outcome = config::load_text(NAME, &write::job_alone(&job), &environment);
        if outcome.plan.is_none() {
            draft.leave(&job.from, first_error(&outcome));
        } else if names.insert(job.name.clone()) {
            kept.push(job);
        } else {
            draft.leave(&job.from, "another job is called like it");
        }
    }
    draft.jobs = kept;
}

fn refused(target: &Target, pieces: &[Piece], environment: &Environment) -> Option<String> {
    let outcome = config::load_text(NAME, &write::alone(target, pieces), environment);
    outcome.plan.is_none().then(|| first_error(&outcome))
}

fn first_error(outcome: &Outcome) -> String {
    let errors = outcome.report.problems.iter();
    let first = errors
        .filter(|problem| problem.level == Level::Error)
        .map(|problem| {
            if problem.label.is_empty() {
                problem.sentence.clone()
            } else {
                format!("{} ({})", problem.sentence, problem.label)
            }
        })
        .next();
    clean(
        &first.unwrap_or_else(|| String::from("hekate refuses it")),
        200,
    )
}

/// Takes out the targets at whose lines something is wrong.
fn blamed(draft: &mut Draft, outcome: &Outcome, lines: &[usize]) {
    let wrong: BTreeSet<usize> = places(outcome)
        .into_iter()
        .filter_map(|line| lines.partition_point(|first| *first <= line).checked_sub(1))
        .collect();
    let why = first_error(outcome);
    let mut index = 0;
    let mut left = Vec::new();
    draft.targets.retain(|target| {
        let is_wrong = wrong.contains(&index);
        index += 1;
        if is_wrong {
            left.push(Note {
                of: target.from.clone(),
                what: why.clone(),
            });
        }
        !is_wrong
    });
    draft.left.extend(left);
}

/// The lines of all errors.
fn places(outcome: &Outcome) -> Vec<usize> {
    let report = outcome.report.render(Format::Short, false);
    report
        .lines()
        .filter(|line| line.contains(": error["))
        .filter_map(|line| {
            line.strip_prefix(NAME)?
                .strip_prefix(':')?
                .split(':')
                .next()?
                .parse()
                .ok()
        })
        .collect()
}

/// Without routes and planned work, which name targets that may be gone.
fn without_plans(draft: &mut Draft, outcome: &Outcome) {
    let why = first_error(outcome);
    for window in std::mem::take(&mut draft.windows) {
        draft.leave(window.from, &why);
    }
    if !draft.has_one_route {
        draft.has_one_route = true;
        draft.leave(
            "who is told of what",
            format!("{why}; all are told of everything"),
        );
    }
    for (name, _) in std::mem::take(&mut draft.witnesses) {
        draft.leave(format!("witness `{name}`"), &why);
    }
    for channel in &mut draft.channels {
        // What Slack calls it is for people only.
        if let Value::Map(keys) = &mut channel.value {
            keys.retain(|(key, _)| key != "slack");
        }
    }
}
