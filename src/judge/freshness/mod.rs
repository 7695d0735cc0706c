//! What the newest line of a target's log proves: fifteen rows, the first that holds decides.
//!
//! Silence is measured against the watermark of the store, never against the clock: *proven silence* is the watermark
//! minus the newest line, and nothing else is ever compared with `max_age`. Any recent line is proof of life, whatever the
//! state of the store. A store that is slow, dead or unwilling makes the target's log grey, never red.

mod life;
mod pauses;

#[cfg(test)]
mod tests;

pub use life::{Life, life, read_up_to};
pub use pauses::facts as pause_facts;

use std::time::Duration;

use chrono::{Datelike as _, Timelike as _};

use super::watermark::SKEW_MAX;
use crate::model::{
    Degradation, DegradationKind, Failure, FailureClass, FailureKind, Gap, GapKind, Outcome,
    Timestamp,
    judgement::Spans,
    logs::{LogFault, LogFaultKind, LogMemory, LogQuestion, LogRow, Quiet, Reading},
    text::span,
};

/// Refusals and misunderstandings in a row before somebody is told.
const REFUSED_ROUNDS: u8 = 3;
/// Rounds in a row without an answer before the store is called unreachable.
const UNANSWERED_ROUNDS: u8 = 2;
/// Rounds in a row of proven silence that are believed.
pub const SILENT_ROUNDS: u8 = 2;

/// Silence of an endpoint whose log is alive has to last so long.
const ALIVE_SILENT_SPAN: Duration = Duration::from_secs(45);
/// A failing endpoint whose log is provably silent is believed after this.
const CORROBORATED_SPAN: Duration = Duration::from_secs(1);

/// All that a decision rests on.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that the table asks for by name"
)]
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// The time of the round.
    pub now: Timestamp,
    /// When this hekate began to look.
    pub looking_since: Timestamp,
    /// For how long after that, or after the check began, there is no verdict.
    pub startup_grace: Duration,
    /// Whether the target is in maintenance.
    pub is_in_maintenance: bool,
    /// Whether our own network is down.
    pub is_blind: bool,
    /// What the store said of this target.
    pub reading: Result<Reading, &'a LogFault>,
    /// Up to when the store is complete.
    pub watermark: Option<Timestamp>,
    /// Whether the watermark comes from our own line rather than from what the store says.
    pub is_proved_by_canary: bool,
    /// Whether the store has been behind its limit for two rounds.
    pub is_store_lagging: bool,
    /// What the store is allowed to be behind.
    pub lag_limit: Duration,
    /// When the first line was sent that was found after a hole.
    pub gap_end: Option<Timestamp>,
    /// How far the store's clock is ahead, in milliseconds.
    pub skew_ms: Option<i64>,
    /// Until when the instance is not accused: after a swap of roles, a restart, a deployment.
    pub grace_until: Option<Timestamp>,
    /// When it became active.
    pub active_since: Option<Timestamp>,
    /// Whether it is inactive and expected to be silent then.
    pub is_expected_silent: bool,
    /// Whether another check of the target says that it does not work, so that silence is no usual pause.
    pub is_failing_otherwise: bool,
}

/// What was decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The row that held.
    pub row: LogRow,
    /// The newest line.
    pub newest: Option<Timestamp>,
    /// For how long it provably has been silent.
    pub silence: Option<Duration>,
    /// Up to when that is proved.
    pub proved_to: Option<Timestamp>,
}

/// Takes in a round and decides: pure, total, one row for everything.
pub fn decide(memory: &mut LogMemory, question: &LogQuestion, evidence: &Evidence<'_>) -> Decision {
    remember(memory, evidence);
    let since = [
        memory.newest,
        evidence.gap_end,
        evidence.grace_until,
        evidence.active_since,
        memory.asked_since,
    ]
    .into_iter()
    .flatten()
    .max();
    let silence = evidence
        .watermark
        .zip(since)
        .map(|(watermark, since)| watermark.since(since));
    let row = row(memory, question, evidence, silence);
    pauses::take_in(memory, question, evidence, (row, since, silence));
    memory.row = Some(row);
    memory.silent_rounds = match row {
        LogRow::Confirming | LogRow::Stale if evidence.reading.is_err() => memory.silent_rounds,
        LogRow::Confirming | LogRow::Stale => memory.silent_rounds.saturating_add(1),
        LogRow::Fresh | LogRow::Idle | LogRow::Late => 0,
        LogRow::Grace
        | LogRow::Blind
        | LogRow::Auth
        | LogRow::Config
        | LogRow::Unreachable
        | LogRow::Partial
        | LogRow::LaggingSource
        | LogRow::LaggingStore
        | LogRow::Unproven
        | LogRow::NeverSeen => memory.silent_rounds,
    };
    Decision {
        row,
        newest: memory.newest,
        silence,
        proved_to: evidence.watermark,
    }
}

/// Nothing that was in question holds any more: the clock was moved, the process stood still or was not there.
///
/// Times that the clock now calls future are taken for now, or a clock that was moved back would call a dead log fresh.
pub fn void(memory: &mut LogMemory, now: Timestamp) {
    memory.row = None;
    memory.silent_rounds = 0;
    for at in [
        &mut memory.newest,
        &mut memory.ingest,
        &mut memory.asked_since,
    ] {
        *at = at.map(|at| at.min(now));
    }
    pauses::void(&mut memory.pauses, now);
}

fn remember(memory: &mut LogMemory, evidence: &Evidence<'_>) {
    memory.asked_since.get_or_insert(evidence.now);
    let latest = evidence.now + SKEW_MAX;
    let believed = |at: Option<Timestamp>| at.filter(|at| *at <= latest);
    let count = |rounds: u8, is_so: bool| if is_so { rounds.saturating_add(1) } else { 0 };
    let kind = evidence.reading.as_ref().err().map(|fault| fault.kind);
    memory.refused_rounds = count(memory.refused_rounds, kind == Some(LogFaultKind::Auth));
    memory.misunderstood_rounds = count(
        memory.misunderstood_rounds,
        matches!(kind, Some(LogFaultKind::BadQuery | LogFaultKind::NotFound)),
    );
    memory.unanswered_rounds = count(
        memory.unanswered_rounds,
        matches!(
            kind,
            Some(LogFaultKind::Unreachable | LogFaultKind::Overloaded | LogFaultKind::Own)
        ),
    );
    if let Ok(reading) = &evidence.reading {
        memory.newest = memory.newest.max(believed(reading.event));
        memory.ingest = memory.ingest.max(believed(reading.ingest));
    }
}

fn row(
    memory: &LogMemory,
    question: &LogQuestion,
    evidence: &Evidence<'_>,
    silence: Option<Duration>,
) -> LogRow {
    let now = evidence.now;
    let is_recent = |at: Timestamp| now.since(at) <= question.max_age;
    let is_starting = now.since(evidence.looking_since) < evidence.startup_grace
        || memory
            .asked_since
            .is_none_or(|asked| now.since(asked) < evidence.startup_grace);
    let is_backlog = memory
        .ingest
        .zip(memory.newest)
        .is_some_and(|(ingest, event)| ingest.since(event) > evidence.lag_limit);
    let is_alive =
        memory.newest.is_some_and(is_recent) || !is_backlog && memory.ingest.is_some_and(is_recent);
    if evidence.is_in_maintenance || is_starting {
        return LogRow::Grace;
    }
    if evidence.is_blind {
        return LogRow::Blind;
    }
    if is_alive {
        return LogRow::Fresh;
    }
    if is_skewed(evidence) {
        return LogRow::Blind;
    }
    match &evidence.reading {
        Err(fault) => {
            let (row, rounds, at_least) = match fault.kind {
                LogFaultKind::Auth => (LogRow::Auth, memory.refused_rounds, REFUSED_ROUNDS),
                LogFaultKind::BadQuery | LogFaultKind::NotFound => {
                    (LogRow::Config, memory.misunderstood_rounds, REFUSED_ROUNDS)
                }
                LogFaultKind::Unreachable | LogFaultKind::Overloaded | LogFaultKind::Own => (
                    LogRow::Unreachable,
                    memory.unanswered_rounds,
                    UNANSWERED_ROUNDS,
                ),
            };
            // One answer that fails is no news; what held before it holds for another round.
            memory.row.filter(|_| rounds < at_least).unwrap_or(row)
        }
        Ok(reading) if reading.is_partial => LogRow::Partial,
        Ok(_) if is_backlog && memory.ingest.is_some_and(is_recent) => LogRow::LaggingSource,
        // A store that is behind can still prove: what our own line has overtaken is silent, however late we hear of it.
        Ok(_)
            if evidence.is_store_lagging
                && !(evidence.is_proved_by_canary
                    && silence.is_some_and(|silence| silence > question.max_age)) =>
        {
            LogRow::LaggingStore
        }
        Ok(_) => silent_row(memory, question, evidence, silence),
    }
}

/// Whether the store's clock differs by so much that its times cannot be compared with ours.
fn is_skewed(evidence: &Evidence<'_>) -> bool {
    evidence
        .skew_ms
        .is_some_and(|skew| Duration::from_millis(skew.unsigned_abs()) > SKEW_MAX)
}

/// The rows of a store that answers, is complete and not behind.
fn silent_row(
    memory: &LogMemory,
    question: &LogQuestion,
    evidence: &Evidence<'_>,
    silence: Option<Duration>,
) -> LogRow {
    let Some(silence) = silence else {
        return LogRow::Unproven;
    };
    if memory.newest.is_none() {
        return LogRow::NeverSeen;
    }
    if evidence.is_expected_silent || is_quiet(&question.quiet, evidence.now) {
        return LogRow::Idle;
    }
    if silence <= question.max_age {
        LogRow::Late
    } else if memory.silent_rounds.saturating_add(1) < SILENT_ROUNDS {
        LogRow::Confirming
    } else {
        LogRow::Stale
    }
}

/// Whether silence is expected at this time of the week.
pub fn is_quiet(windows: &[Quiet], now: Timestamp) -> bool {
    windows.iter().any(|quiet| {
        let local = now.to_utc().with_timezone(&quiet.timezone);
        let minute = u16::try_from(local.hour() * 60 + local.minute()).unwrap_or(0);
        let day = u8::try_from(local.weekday().num_days_from_monday()).unwrap_or(0);
        let begins_on = |day: u8| quiet.days.is_empty() || quiet.days.contains(&day);
        let (from, to) = (quiet.from_minute, quiet.to_minute);
        if from < to {
            begins_on(day) && (from..to).contains(&minute)
        } else {
            begins_on(day) && minute >= from || begins_on((day + 6) % 7) && minute < to
        }
    })
}

/// What the decision means to the judge of the target's verdict.
///
/// Proven silence of something that has an endpoint is a degradation, because the endpoint is the better witness; of
/// something that has none it is a failure. Grey rows say nothing at all.
pub fn outcome(decision: &Decision, evidence: &Evidence<'_>, is_log_only: bool) -> Outcome {
    if evidence.reading.is_err() && decision.row != LogRow::Fresh {
        // A row that only holds on from the round before is no new evidence.
        return grey(decision.row);
    }
    match decision.row {
        LogRow::Fresh | LogRow::Idle | LogRow::Late => Outcome::Healthy,
        LogRow::Confirming | LogRow::Stale if is_log_only => Outcome::Unhealthy(Failure {
            class: FailureClass::Explicit,
            kind: FailureKind::LogSilence,
            words: silence_words(decision, evidence.now),
        }),
        LogRow::Confirming | LogRow::Stale => Outcome::Degraded(Degradation {
            kind: DegradationKind::LogSilence,
            words: silence_words(decision, evidence.now),
        }),
        LogRow::Grace
        | LogRow::Blind
        | LogRow::Auth
        | LogRow::Config
        | LogRow::Unreachable
        | LogRow::Partial
        | LogRow::LaggingSource
        | LogRow::LaggingStore
        | LogRow::Unproven
        | LogRow::NeverSeen => grey(decision.row),
    }
}

fn grey(row: LogRow) -> Outcome {
    Outcome::Unobservable(Gap {
        kind: GapKind::Witness,
        words: String::from(row.as_str()),
    })
}

fn silence_words(decision: &Decision, now: Timestamp) -> String {
    let newest = decision
        .newest
        .map_or(Duration::ZERO, |newest| now.since(newest));
    let lag = decision
        .proved_to
        .map_or(Duration::ZERO, |proved| now.since(proved));
    format!(
        "no line in its log for {} (proved up to {} ago)",
        span(newest),
        span(lag)
    )
}

/// Whether a target is wrong in the file: refused or misunderstood for long enough to say so.
pub fn is_misconfigured(memory: &LogMemory, question: &LogQuestion, now: Timestamp) -> bool {
    let is_never_seen = memory.newest.is_none()
        && memory.unanswered_rounds == 0
        && memory
            .asked_since
            .is_some_and(|asked| now.since(asked) > question.max_age * 3);
    memory.refused_rounds >= REFUSED_ROUNDS
        || memory.misunderstood_rounds >= REFUSED_ROUNDS
        || is_never_seen
}

/// The spans of an endpoint as its log bends them: a log that may be alive makes silence need longer, a provably silent
/// one lets a failure be believed at once.
///
/// `life` is what the log said since the endpoint began to be silent.
pub fn bend(spans: &mut Spans, row: LogRow, life: Life) {
    if row == LogRow::Fresh && life != Life::Quiet {
        spans.silent = spans.silent.max(ALIVE_SILENT_SPAN);
    } else if row == LogRow::Stale {
        for span in [&mut spans.explicit, &mut spans.refused, &mut spans.silent] {
            *span = (*span).min(CORROBORATED_SPAN);
        }
    }
}

/// What the log said, as far as the spans tell that something was decided by; absent if it bent nothing.
pub fn bent_by(spans: &Spans) -> Option<LogRow> {
    let longest = spans.explicit.max(spans.refused).max(spans.silent);
    if longest <= CORROBORATED_SPAN {
        Some(LogRow::Stale)
    } else {
        (spans.silent == ALIVE_SILENT_SPAN).then_some(LogRow::Fresh)
    }
}

/// How health and log say it together, for people: what a person would conclude from both.
///
/// `life` is what the log said since the endpoint is as it is.
pub fn together(
    row: LogRow,
    life: Life,
    is_health_bad: bool,
    is_answering: bool,
) -> Option<&'static str> {
    match (row, is_health_bad, is_answering) {
        (LogRow::Fresh, true, false) => Some(match life {
            Life::Alive => {
                "its log is alive: the endpoint is stuck or the way to it is, the process is not gone"
            }
            Life::Quiet => "no line in its log since then either: the process is gone or hangs",
            Life::Open => "its log does not say yet whether the process lives",
        }),
        (LogRow::Fresh, true, true) => Some("its log is alive"),
        (LogRow::Stale | LogRow::Confirming, true, false) => {
            Some("its log is silent as well: the process is gone or hangs")
        }
        (LogRow::Stale | LogRow::Confirming, true, true) => Some("its log is silent as well"),
        (row, true, _) if row.is_grey() => Some("its log cannot say now"),
        (
            LogRow::Fresh
            | LogRow::Stale
            | LogRow::Confirming
            | LogRow::Late
            | LogRow::Idle
            | LogRow::Grace
            | LogRow::Blind
            | LogRow::Auth
            | LogRow::Config
            | LogRow::Unreachable
            | LogRow::Partial
            | LogRow::LaggingSource
            | LogRow::LaggingStore
            | LogRow::Unproven
            | LogRow::NeverSeen,
            _,
            _,
        ) => None,
    }
}
