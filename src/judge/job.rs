//! Whether the runs of a job come, end, and end well.
//!
//! Four things can be wrong with a job, and they are told apart. It is *late* if a run was due and nothing was heard of it within
//! `grace`; a run *overruns* `max_runtime`; it is *stuck* when that has lasted for `grace` as well, or when without a `max_runtime`
//! the next run is late; and it *failed* if it says so. Only a run that ends well makes it well again.
//!
//! All times are wall time, for a job runs by the clock on the wall, and what was due is remembered: a restart postpones nothing. What
//! came while we were not listening is lost to us, though. So a deadline counts only if we were listening for at least half of
//! the time in which the sign could have come; if not, nobody is accused and nobody cleared, and the next run decides.

use std::time::Duration;

use crate::model::{
    Degradation, DegradationKind, Failure, FailureClass, FailureKind, Gap, GapKind, Outcome,
    Timestamp,
    job::{
        Ended, Fault, GoodRun, JobFacts, JobMemory, JobQuestion, Ping, Pinged, RUNS_MAX, Rhythm,
        Run, RunLag,
    },
    text::{FOREIGN_MAX, clean, span},
};

/// A run may begin so much before it is due and still be the one that is due: clocks differ. Never more than a quarter of the time
/// between two runs.
const EARLY: Duration = Duration::from_mins(1);
/// An end like the one before, of no run that is known to be on its way, is a repeat if it comes within this time: a client that lost our answer
/// calls again.
const REPEAT: Duration = Duration::from_mins(2);

/// What a call means.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Heard {
    /// What it says of the job; absent if it settles nothing.
    pub outcome: Option<Outcome>,
    /// The run that began or went on, by its place among the runs.
    pub on_its_way: Option<usize>,
    /// The run that ended, as far as it was known.
    pub ended: Option<Run>,
    /// Runs that were given up because others began or ended after them.
    pub given_up: Vec<Run>,
    /// Whether the call repeats one that was heard before.
    pub is_repeat: bool,
}

/// Times in which nobody was listening, as `(from, until)`.
pub type Deaf<'a> = &'a [(Timestamp, Timestamp)];

/// Takes in a call.
pub fn heard(question: &JobQuestion, memory: &mut JobMemory, ping: &Ping, now: Timestamp) -> Heard {
    match ping.what {
        Pinged::Began => began(question, memory, ping, now),
        Pinged::Noted => noted(memory, ping),
        Pinged::Done => ended(question, memory, ping, now, None),
        Pinged::Failed(code) => {
            let fault = ping.fault.or_else(|| {
                let is_theirs =
                    code.is_some_and(|code| question.third_party_exit_codes.contains(&code));
                is_theirs.then_some(Fault::ThirdParty)
            });
            let words = failure_words(question, code, fault, &ping.said);
            ended(question, memory, ping, now, Some((words, fault)))
        }
    }
}

fn began(question: &JobQuestion, memory: &mut JobMemory, ping: &Ping, now: Timestamp) -> Heard {
    let mut heard = Heard::default();
    let has_ended = |last: &Ended| !ping.run.is_empty() && last.id == ping.run;
    if memory.last.as_ref().is_some_and(has_ended) {
        // Its beginning was on its way for longer than the run.
        heard.is_repeat = true;
        return heard;
    }
    let known = memory.runs.iter().position(|run| run.id == ping.run);
    match known {
        // With a name of its own it is the same run, told again.
        Some(place) if !ping.run.is_empty() => {
            return Heard {
                on_its_way: Some(place),
                is_repeat: true,
                ..heard
            };
        }
        // A job that does not tell its runs apart has one at a time.
        Some(place) => heard.given_up.push(memory.runs.remove(place)),
        None => {}
    }
    if memory.runs.len() >= RUNS_MAX {
        heard.given_up.push(memory.runs.remove(0));
    }
    settle(question, memory, now, true);
    memory.runs.push(Run {
        id: ping.run.clone(),
        began_at: now,
        lag: RunLag::InTime,
        said: ping.said.clone(),
        account: None,
        shown_at: now,
    });
    heard.on_its_way = Some(memory.runs.len() - 1);
    heard
}

fn noted(memory: &mut JobMemory, ping: &Ping) -> Heard {
    let place = place_of(memory, &ping.run);
    if let Some(run) = place.and_then(|place| memory.runs.get_mut(place)) {
        run.said.clone_from(&ping.said);
    }
    Heard {
        on_its_way: place,
        ..Heard::default()
    }
}

fn ended(
    question: &JobQuestion,
    memory: &mut JobMemory,
    ping: &Ping,
    now: Timestamp,
    failure: Option<(String, Option<Fault>)>,
) -> Heard {
    let run = place_of(memory, &ping.run).map(|place| memory.runs.remove(place));
    let is_repeat = run.is_none()
        && memory.last.as_ref().is_some_and(|last| {
            let is_alike = last.id == ping.run && last.failure.is_some() == failure.is_some();
            is_alike && (!ping.run.is_empty() || now.since(last.at) < REPEAT)
        });
    if is_repeat && !ping.run.is_empty() {
        return Heard {
            is_repeat,
            ..Heard::default()
        };
    }
    // Whoever has measured it knows better: the call of its beginning may have been late, or lost.
    let took = ping
        .took
        .or_else(|| run.as_ref().map(|run| now.since(run.began_at)));
    settle(question, memory, now, run.is_none());
    // Whoever began before and should have ended long ago will not end any more.
    let began_at = run.as_ref().map_or(now, |run| run.began_at);
    let is_lost = |run: &mut Run| run.lag == RunLag::Stuck && run.began_at <= began_at;
    let given_up = memory.runs.extract_if(.., is_lost).collect();
    let outcome = match &failure {
        None => Outcome::Healthy,
        Some((words, _)) => Outcome::Unhealthy(Failure {
            class: FailureClass::Explicit,
            kind: FailureKind::JobFailed,
            words: words.clone(),
        }),
    };
    if failure.is_none() {
        memory.good = Some(GoodRun {
            at: now,
            took,
            said: ping.said.clone(),
        });
    }
    // A repeat knows less of the run than what it repeats.
    if !is_repeat {
        let (failure, fault) = failure.unzip();
        memory.last = Some(Ended {
            id: ping.run.clone(),
            at: now,
            took,
            failure,
            fault: fault.flatten(),
        });
    }
    Heard {
        outcome: Some(outcome),
        on_its_way: None,
        ended: run,
        given_up,
        is_repeat,
    }
}

/// The run that a call is about: the one of that name; if the call names none, the one without a name, or the only one.
fn place_of(memory: &JobMemory, id: &str) -> Option<usize> {
    let named = memory.runs.iter().position(|run| run.id == id);
    let is_only = id.is_empty() && memory.runs.len() == 1;
    named.or_else(|| is_only.then_some(0))
}

/// A sign came at this time: what was due up to then is settled, and a run that is due in a moment has begun early.
fn settle(question: &JobQuestion, memory: &mut JobMemory, now: Timestamp, may_be_early: bool) {
    memory.settled_to = memory.settled_to.max(now);
    if may_be_early
        && let Rhythm::Cron(_) = question.rhythm
        && let Some(due) = question.rhythm.due_after(now)
        && due.since(now) <= EARLY.min(question.rhythm.gap(now) / 4)
    {
        memory.settled_to = memory.settled_to.max(due);
    }
    (memory.missed, memory.unheard) = (None, None);
}

fn failure_words(
    question: &JobQuestion,
    code: Option<u8>,
    fault: Option<Fault>,
    said: &str,
) -> String {
    let mut words = match code {
        Some(code) => format!("failed with exit code {code}"),
        None => String::from("failed"),
    };
    match (fault, &question.third_party) {
        (Some(Fault::ThirdParty), Some(name)) => {
            words.push_str(", the fault of ");
            words.push_str(name);
        }
        (Some(Fault::ThirdParty), None) => words.push_str(", the fault of a third party"),
        (Some(Fault::Ours), _) => words.push_str(", a fault of ours"),
        (None, _) => {}
    }
    if !said.is_empty() {
        words.push_str(": ");
        words.push_str(said);
    }
    clean(&words, FOREIGN_MAX)
}

/// When something can change next without a call.
pub fn next_deadline(question: &JobQuestion, memory: &JobMemory) -> Option<Timestamp> {
    let of_runs = memory
        .runs
        .iter()
        .filter_map(|run| deadline_of(question, run));
    of_runs.chain(late_at(question, memory)).min()
}

/// When a run falls behind next, if it can.
fn deadline_of(question: &JobQuestion, run: &Run) -> Option<Timestamp> {
    match (run.lag, question.max_runtime) {
        (RunLag::InTime, Some(max)) => Some(run.began_at + max),
        (RunLag::InTime | RunLag::Overrun, _) => stuck_at(question, run),
        (RunLag::Stuck, _) => None,
    }
}

fn stuck_at(question: &JobQuestion, run: &Run) -> Option<Timestamp> {
    let limit = match question.max_runtime {
        Some(max) => Some(run.began_at + max),
        None => question.rhythm.due_after(run.began_at + EARLY),
    };
    limit.map(|limit| limit + question.grace)
}

/// When the next run counts as late; absent as long as one is on its way, and if none is ever due.
fn late_at(question: &JobQuestion, memory: &JobMemory) -> Option<Timestamp> {
    let is_on_its_way = memory.runs.iter().any(|run| run.lag != RunLag::Stuck);
    let due = question.rhythm.due_after(memory.settled_to)?;
    (!is_on_its_way).then_some(due + question.grace)
}

/// What the deadlines mean that have passed; absent if none has, or if it says nothing new.
pub fn passed(
    question: &JobQuestion,
    memory: &mut JobMemory,
    now: Timestamp,
    deaf: Deaf<'_>,
) -> Option<Outcome> {
    let mut worst: Option<Outcome> = None;
    let mut lost = Vec::new();
    for (place, run) in memory.runs.iter_mut().enumerate() {
        let (before, mut is_seen) = (run.lag, true);
        while let Some(at) = deadline_of(question, run).filter(|at| *at <= now) {
            is_seen = is_heard((run.began_at, at), deaf);
            run.lag = match (run.lag, question.max_runtime) {
                (RunLag::InTime, Some(_)) => RunLag::Overrun,
                (RunLag::InTime | RunLag::Overrun | RunLag::Stuck, _) => RunLag::Stuck,
            };
            if run.lag == RunLag::Stuck && !is_seen {
                lost.push(place);
            }
        }
        if run.lag > before && is_seen {
            worst = Some(worse(worst, behind(question, run, now)));
        }
    }
    for place in lost.into_iter().rev() {
        let run = memory.runs.remove(place);
        memory.unheard = Some(run.began_at);
        worst = Some(worse(worst, unheard("it began", run.began_at, now)));
    }
    if late_at(question, memory).is_some_and(|at| at <= now) {
        worst = match late(question, memory, now, deaf) {
            Some(late) => Some(worse(worst, late)),
            None => worst,
        };
    }
    worst
}

/// A run is due, and nothing was heard of it in time.
fn late(
    question: &JobQuestion,
    memory: &mut JobMemory,
    now: Timestamp,
    deaf: Deaf<'_>,
) -> Option<Outcome> {
    let latest = now - question.grace;
    let first = question.rhythm.due_after(memory.settled_to)?;
    let due = question
        .rhythm
        .last_due(memory.settled_to, latest)
        .unwrap_or(first);
    memory.settled_to = memory.settled_to.max(due);
    let window = (due, due + question.grace);
    if !is_heard(window, deaf) {
        memory.unheard = Some(due);
        return Some(unheard("a run was due", due, now));
    }
    memory.missed = Some(due);
    // A run that is stuck was told, and is why no other begins.
    if !memory.runs.is_empty() {
        return None;
    }
    let before = match (&memory.good, &memory.last) {
        (Some(good), _) => format!("the last good run ended {} ago", ago(good.at, now)),
        (None, Some(last)) => format!("the last run failed {} ago", ago(last.at, now)),
        (None, None) => String::from("none was ever seen"),
    };
    let away = deaf_within(window, deaf);
    let but = if away.is_zero() {
        String::new()
    } else {
        format!("; nobody was listening for {} of that", span(seconds(away)))
    };
    Some(unhealthy(
        FailureKind::JobLate,
        &format!(
            "late: no run since one was due {} ago ({}, grace {}); {before}{but}",
            ago(due, now),
            question.rhythm,
            span(question.grace)
        ),
    ))
}

/// What it means that a run falls behind.
fn behind(question: &JobQuestion, run: &Run, now: Timestamp) -> Outcome {
    let limit = match question.max_runtime {
        Some(max) => format!("max_runtime is {}", span(max)),
        None => String::from("the next one is due"),
    };
    let said = if run.said.is_empty() {
        String::new()
    } else {
        format!(": {}", run.said)
    };
    let what = match run.lag {
        RunLag::Stuck => "stuck",
        RunLag::InTime | RunLag::Overrun => "overrun",
    };
    let words = format!(
        "{what}: a run has been on its way for {}, {limit}{said}",
        ago(run.began_at, now)
    );
    if run.lag == RunLag::Stuck {
        return unhealthy(FailureKind::JobStuck, &words);
    }
    Outcome::Degraded(Degradation {
        kind: DegradationKind::Overrun,
        words: clean(&words, FOREIGN_MAX),
    })
}

fn unhealthy(kind: FailureKind, words: &str) -> Outcome {
    Outcome::Unhealthy(Failure {
        class: FailureClass::Explicit,
        kind,
        words: clean(words, FOREIGN_MAX),
    })
}

fn unheard(what: &str, since: Timestamp, now: Timestamp) -> Outcome {
    Outcome::Unobservable(Gap {
        kind: GapKind::Witness,
        words: format!(
            "{what} {} ago, and nobody was listening when the sign could have come",
            ago(since, now)
        ),
    })
}

/// The worse of two.
fn worse(known: Option<Outcome>, other: Outcome) -> Outcome {
    let rank = |outcome: &Outcome| match outcome {
        Outcome::Unhealthy(_) => 3,
        Outcome::Degraded(_) => 2,
        Outcome::Unobservable(_) => 1,
        Outcome::Healthy => 0,
    };
    match known {
        Some(known) if rank(&known) >= rank(&other) => known,
        Some(_) | None => other,
    }
}

/// Whether somebody was listening for at least half of a time.
fn is_heard(window: (Timestamp, Timestamp), deaf: Deaf<'_>) -> bool {
    let whole = window.1.since(window.0);
    deaf_within(window, deaf) * 2 <= whole
}

/// How long of a time nobody was listening. Times of deafness may overlap.
fn deaf_within((from, until): (Timestamp, Timestamp), deaf: Deaf<'_>) -> Duration {
    let mut parts: Vec<_> = deaf
        .iter()
        .map(|(begin, end)| ((*begin).max(from), (*end).min(until)))
        .filter(|(begin, end)| begin < end)
        .collect();
    parts.sort_unstable();
    let (mut total, mut counted_to) = (Duration::ZERO, from);
    for (begin, end) in parts {
        total += end.since(begin.max(counted_to));
        counted_to = counted_to.max(end);
    }
    total
}

/// Whole seconds: a deadline is met some moments after it.
fn ago(at: Timestamp, now: Timestamp) -> String {
    span(seconds(now.since(at)))
}

const fn seconds(length: Duration) -> Duration {
    Duration::from_secs(length.as_secs())
}

/// What is shown of a job.
pub fn facts(question: &JobQuestion, memory: &JobMemory) -> JobFacts {
    JobFacts {
        rhythm: question.rhythm.to_string(),
        good: memory.good.clone(),
        last: memory.last.clone(),
        running: memory
            .runs
            .iter()
            .map(|run| (run.began_at, run.said.clone()))
            .collect(),
        due_at: question.rhythm.due_after(memory.settled_to),
        missed: memory.missed,
        unheard: memory.unheard,
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
