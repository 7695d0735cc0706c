//! Up to when a store of logs has provably made everything searchable.
//!
//! Silence in a store proves nothing by itself: lines may be on their way. So a line of our own, the *canary*, is sent in
//! every round, and the newest one that can be found again, with all before it found or given up, is the *watermark*:
//! whatever was written before it would be there. Without a canary the store's own statement serves, or its peers, or,
//! where a store has no pipeline that could lag (a file, a journal), the time at which it answered.

use std::time::Duration;

use crate::model::{
    Degradation, DegradationKind, Failure, FailureClass, FailureKind, Gap, GapKind, Outcome,
    Timestamp,
    logs::{
        CanaryMark, LogAnswer, LogAsk, LogFault, LogFaultKind, LogSource, LogStore, Reading,
        Witness,
    },
    text::{clean, span},
};

/// So many canaries in a row that never came back are a hole: lines of that time may be lost for good.
const HOLE_CANARIES: u8 = 3;
/// Our own absence for longer than this is a hole as well.
const AWAY: Duration = Duration::from_mins(2);
/// Canaries that are remembered while they are on their way.
const UNSEEN_MAX: usize = 64;
/// Peers speak for a store only if so many of them are heard.
const PEERS_MIN: usize = 3;
/// Incomplete answers for so long are told.
const PARTIAL_AFTER: Duration = Duration::from_mins(5);
/// Rounds in a row before a store is called behind or unreachable.
const ROUNDS: u8 = 2;
/// What a metric of a Prometheus is at most late by itself: a scrape interval.
const SCRAPE: Duration = Duration::from_mins(1);
/// VictoriaMetrics hides its newest samples for so long, beside the scrape interval.
const HIDDEN: Duration = Duration::from_secs(30);
/// A clock that differs by more than this makes times incomparable.
pub const SKEW_MAX: Duration = Duration::from_secs(30);

/// What the next round of a store should ask.
///
/// `chance` names this hekate among others, if it has no name yet.
pub fn plan_round(
    witness: &mut Witness,
    source: &LogSource,
    chance: u32,
    now: Timestamp,
) -> LogAsk {
    if witness.monitor == 0 {
        witness.monitor = chance.max(1);
    }
    let send = source.canary.as_ref().map(|_| {
        let mark = CanaryMark {
            number: witness.next_number,
            sent_at: now,
        };
        witness.next_number += 1;
        mark
    });
    LogAsk {
        monitor: format!("{:08x}", witness.monitor),
        send,
        unseen: witness.unseen.clone(),
    }
}

/// Takes in what a round brought back.
pub fn take_in(
    witness: &mut Witness,
    source: &LogSource,
    ask: &LogAsk,
    answer: &LogAnswer,
    now: Timestamp,
) {
    let has_answered = has_answered(answer);
    let is_back = witness.answered_at.is_none_or(|at| now.since(at) > AWAY);
    if has_answered {
        if is_back {
            // Nobody looked for a while: what a sparse logger wrote meanwhile may have come and gone.
            witness.gap_end = Some(now);
        }
        witness.answered_at = Some(now);
    }
    witness.skew_ms = answer.skew_ms;
    witness.statement.clone_from(&answer.statement);
    follow_canaries(witness, source, ask, answer, now);
    let proved = proved_up_to(witness, source, answer, now);
    witness.watermark = witness.watermark.max(proved);
    count_rounds(witness, source, answer, has_answered, now);
}

fn source_give_up(source: &LogSource) -> Duration {
    source
        .canary
        .as_ref()
        .map_or(Duration::ZERO, |canary| canary.give_up)
}

fn has_answered(answer: &LogAnswer) -> bool {
    answer.readings.iter().any(is_answer) || matches!(&answer.seen, Some(Ok(_)))
}

/// Whether the search worked, even if it did not like this question.
fn is_answer(reading: &Result<Reading, LogFault>) -> bool {
    match reading {
        Ok(_) => true,
        Err(fault) => matches!(fault.kind, LogFaultKind::BadQuery | LogFaultKind::NotFound),
    }
}

/// Which canaries came back, which are on their way, which are lost.
fn follow_canaries(
    witness: &mut Witness,
    source: &LogSource,
    ask: &LogAsk,
    answer: &LogAnswer,
    now: Timestamp,
) {
    let is_refused = matches!((ask.send, &answer.sent), (Some(_), Some(Err(_))));
    if let (Some(mark), false) = (ask.send, is_refused) {
        witness.unseen.push(mark);
    }
    // While the search does not answer, nothing is given up: it could not have been found.
    if let Some(Ok(seen)) = &answer.seen {
        look_for(witness, source_give_up(source), seen, now);
    }
    let excess = witness.unseen.len().saturating_sub(UNSEEN_MAX);
    witness.unseen.drain(..excess);
    // A line that was not taken in is as lost as one that never came back, and so are those of others at that time.
    let lost = excess + usize::from(is_refused);
    let lost = u8::try_from(lost).unwrap_or(u8::MAX);
    witness.lost_in_row = witness.lost_in_row.saturating_add(lost);
}

/// Takes the canaries that came back, and those that never will, from the list of those on their way.
fn look_for(witness: &mut Witness, give_up: Duration, seen: &[u64], now: Timestamp) {
    let mut kept = Vec::with_capacity(witness.unseen.len());
    for mark in std::mem::take(&mut witness.unseen) {
        if seen.contains(&mark.number) {
            if witness.lost_in_row >= HOLE_CANARIES {
                witness.gap_end = witness.gap_end.max(Some(mark.sent_at));
            }
            witness.lost_in_row = 0;
            witness.found_up_to = witness.found_up_to.max(Some(mark.sent_at));
        } else if now.since(mark.sent_at) > give_up {
            witness.lost_in_row = witness.lost_in_row.saturating_add(1);
        } else {
            kept.push(mark);
        }
    }
    witness.unseen = kept;
}

/// Up to when this round proves that everything can be found.
fn proved_up_to(
    witness: &Witness,
    source: &LogSource,
    answer: &LogAnswer,
    now: Timestamp,
) -> Option<Timestamp> {
    if source.canary.is_some() {
        let found = witness.found_up_to?;
        // A canary that is still missing and older than the newest found one holds the mark back: it may have come
        // into another node of the store, together with lines of that time.
        let missing = witness
            .unseen
            .iter()
            .map(|mark| mark.sent_at)
            .find(|sent_at| *sent_at < found);
        let proved = missing.map_or(found, |missing| missing.min(found));
        return Some(proved - source.reorder_margin);
    }
    if !has_answered(answer) {
        return None;
    }
    match &source.store {
        LogStore::File { .. }
        | LogStore::Journald { .. }
        | LogStore::Docker { .. }
        | LogStore::Kubernetes(_)
        | LogStore::HttpJson { .. } => Some(now),
        LogStore::JournalGateway(_) | LogStore::Push { .. } => stated(answer).or(Some(now)),
        LogStore::Prometheus { is_victoria, .. } => {
            let floor = if *is_victoria {
                SCRAPE + HIDDEN
            } else {
                SCRAPE
            };
            // If it stops scraping, what it scraped last proves nothing of later times, however well it answers.
            Some(stated(answer).map_or(now - floor, |until| until.min(now - floor)))
        }
        LogStore::Graylog(_)
        | LogStore::Elasticsearch { .. }
        | LogStore::Loki { .. }
        | LogStore::VictoriaLogs { .. } => stated(answer)
            .or_else(|| peers(answer, now))
            .map(|proved| proved - source.reorder_margin),
    }
}

fn stated(answer: &LogAnswer) -> Option<Timestamp> {
    answer.statement.as_ref()?.complete_until
}

/// The newest line of all subjects, if enough of them are heard: what comes in from one would come in from another.
fn peers(answer: &LogAnswer, now: Timestamp) -> Option<Timestamp> {
    let heard: Vec<_> = answer
        .readings
        .iter()
        .flatten()
        .filter_map(|reading| reading.event)
        .filter(|event| *event <= now)
        .collect();
    if heard.len() < PEERS_MIN {
        return None;
    }
    heard.into_iter().max()
}

fn count_rounds(
    witness: &mut Witness,
    source: &LogSource,
    answer: &LogAnswer,
    has_answered: bool,
    now: Timestamp,
) {
    let bump = |rounds: &mut u8, is_so: bool| {
        *rounds = if is_so { rounds.saturating_add(1) } else { 0 };
    };
    let is_asked = !answer.readings.is_empty() || answer.seen.is_some();
    let is_unreachable = is_asked && !has_answered;
    bump(&mut witness.unreachable_rounds, is_unreachable);
    let is_refused_line =
        matches!(&answer.sent, Some(Err(fault)) if fault.kind != LogFaultKind::Own);
    bump(&mut witness.intake_rounds, is_refused_line && has_answered);
    let is_behind =
        has_answered && lag(witness, source, now).is_some_and(|lag| lag > source.lag_limit);
    bump(&mut witness.lagging_rounds, is_behind);
    bump(
        &mut witness.good_rounds,
        !is_unreachable && !is_behind && !is_refused_line,
    );
    let is_partial = answer
        .readings
        .iter()
        .flatten()
        .any(|reading| reading.is_partial);
    witness.partial_since = is_partial.then(|| witness.partial_since.unwrap_or(now));
}

/// The clock was moved or the process stood still: what was measured against it says nothing any more.
pub fn void(witness: &mut Witness, now: Timestamp) {
    witness.watermark = None;
    witness.found_up_to = None;
    witness.unseen.clear();
    witness.lost_in_row = 0;
    witness.gap_end = Some(now);
    witness.partial_since = None;
    witness.answered_at = witness.answered_at.map(|_| now);
    for rounds in [
        &mut witness.unreachable_rounds,
        &mut witness.intake_rounds,
        &mut witness.lagging_rounds,
        &mut witness.good_rounds,
    ] {
        *rounds = 0;
    }
}

/// How far the store is behind; absent where that cannot be known.
pub fn lag(witness: &Witness, source: &LogSource, now: Timestamp) -> Option<Duration> {
    let is_measured = source.canary.is_some()
        || witness
            .statement
            .as_ref()
            .is_some_and(|statement| statement.complete_until.is_some());
    if !is_measured {
        return None;
    }
    let margin = source.reorder_margin;
    witness
        .watermark
        .map(|watermark| now.since(watermark).saturating_sub(margin))
}

/// Whether the store has been behind for long enough to say so.
pub fn is_lagging(witness: &Witness) -> bool {
    witness.lagging_rounds >= ROUNDS
}

/// What a round means for the store itself, which is a target of its own.
pub fn store_outcome(
    witness: &Witness,
    source: &LogSource,
    answer: &LogAnswer,
    now: Timestamp,
) -> Outcome {
    let faults: Vec<&LogFault> = answer
        .readings
        .iter()
        .filter_map(|reading| reading.as_ref().err())
        .collect();
    let first = |kinds: &[LogFaultKind]| faults.iter().find(|fault| kinds.contains(&fault.kind));
    if let Some(own) = first(&[LogFaultKind::Own]).filter(|_| !has_answered(answer)) {
        return gap(GapKind::OwnResources, own.words.clone());
    }
    // Where others are let in, it is the question that is wrong, and its owner who can put it right.
    let lets_nobody_in = answer.readings.iter().all(Result::is_err);
    if let Some(refused) = first(&[LogFaultKind::Auth]).filter(|_| lets_nobody_in) {
        return gap(GapKind::NotAuthorised, refused.words.clone());
    }
    if witness.unreachable_rounds > 0 {
        let fault = first(&[LogFaultKind::Unreachable, LogFaultKind::Overloaded]);
        let (kind, words) = fault.map_or(
            (
                FailureKind::FirstByteTimeout,
                String::from("it does not answer"),
            ),
            |fault| (FailureKind::FirstByteTimeout, fault.words.clone()),
        );
        return Outcome::Unhealthy(Failure {
            class: FailureClass::Refused,
            kind,
            words,
        });
    }
    if witness.intake_rounds > 0 {
        let words = match &answer.sent {
            Some(Err(fault)) => fault.words.clone(),
            Some(Ok(())) | None => String::new(),
        };
        return behind(format!("takes no lines in: {words}"));
    }
    if witness.lagging_rounds > 0 {
        return behind(lag_words(witness, source, now));
    }
    if witness
        .partial_since
        .is_some_and(|since| now.since(since) >= PARTIAL_AFTER)
    {
        return behind(String::from("its answers have been incomplete for 5 min"));
    }
    if let Some(fault) = first(&[LogFaultKind::BadQuery, LogFaultKind::NotFound])
        && faults.len() == answer.readings.len()
    {
        return gap(GapKind::NotConfigured, fault.words.clone());
    }
    Outcome::Healthy
}

/// How far it is behind and for how long still, as one clause.
fn lag_words(witness: &Witness, source: &LogSource, now: Timestamp) -> String {
    let behind = lag(witness, source, now).unwrap_or_default();
    let mut words = format!("is {} behind", span(behind));
    if let Some(found) = witness.found_up_to
        && let Some(watermark) = witness.watermark
        && found.since(watermark) > source.reorder_margin + Duration::from_secs(1)
    {
        words = format!(
            "misses lines that were sent {} ago, while newer ones arrive",
            span(behind)
        );
    }
    if let Some(statement) = &witness.statement {
        if !statement.words.is_empty() {
            words.push_str("; ");
            words.push_str(&clean(&statement.words, 120));
        }
        if let Some(drains) = statement.drains_within {
            words.push_str("; caught up in about ");
            words.push_str(&span(drains));
        }
    }
    words
}

fn behind(words: String) -> Outcome {
    Outcome::Degraded(Degradation {
        kind: DegradationKind::Lagging,
        words,
    })
}

fn gap(kind: GapKind, words: String) -> Outcome {
    Outcome::Unobservable(Gap { kind, words })
}
