//! The burst: fresh looks after a first bad one, until it is believed or refuted.

use std::time::Duration;

use super::{Decided, ending};
use crate::model::{
    FailureClass, Policy, Rule, Seen, State, Verdict,
    judgement::{Burst, Count},
};

/// When the looks of a burst are wanted, in seconds after the first failure was known; beyond the last, every 15 s.
///
/// Dense at first, because most blips are over within seconds. The end of the span is always added as the last one.
const OFFSETS: [u64; 8] = [1, 4, 8, 14, 20, 30, 37, 45];
/// Something that already is degraded has to be silent for so long before it counts as down, so that a lossy path does
/// not toggle between the two.
const DEGRADED_SILENT_SPAN: Duration = Duration::from_secs(45);
/// A burst of which nothing was heard for so long (all its looks met our own trouble) is void.
const UNHEARD_MAX: Duration = Duration::from_mins(1);
/// How soon a look of a burst is repeated that met our own trouble.
const OWN_TROUBLE_GAP: Duration = Duration::from_secs(2);

/// What a bad look of a burst was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Failure,
    Shortfall,
    NoVerdict,
}

/// Adds a bad look, starting a burst if there is none.
pub(super) fn add(state: &mut State, seen: &Seen, sort: Sort, class: FailureClass, words: String) {
    let burst = state.burst.get_or_insert_with(|| Burst {
        since: seen.at,
        known: seen.finished,
        heard: seen.finished,
        looks: 0,
        failures: 0,
        shortfalls: 0,
        no_verdicts: 0,
        weakest: class,
        words: String::new(),
        warning: None,
    });
    burst.heard = seen.finished;
    burst.looks = burst.looks.saturating_add(1);
    burst.weakest = burst.weakest.max(class);
    let rank_before = rank(burst);
    let warning = ending::warning(seen);
    if sort == Sort::Shortfall {
        burst.warning = if burst.shortfalls == 0 {
            warning
        } else {
            ending::milder(burst.warning, warning)
        };
    }
    let counter = match sort {
        Sort::Failure => &mut burst.failures,
        Sort::Shortfall => &mut burst.shortfalls,
        Sort::NoVerdict => &mut burst.no_verdicts,
    };
    *counter = counter.saturating_add(1);
    let speaks = match sort {
        Sort::Failure => Verdict::Down,
        Sort::NoVerdict => Verdict::Unknown,
        Sort::Shortfall => Verdict::Degraded,
    };
    let rank_now = rank(burst);
    // What decides is the mildest that all of them bear out.
    let is_beyond = sort == Sort::Shortfall && ending::is_worse(burst.warning, warning);
    let is_said = rank_now == speaks && !is_beyond;
    if is_said || rank_before != rank_now || burst.words.is_empty() {
        burst.words = words;
    }
}

/// The verdict a full burst leads to: the mildest that any of its looks spoke for.
const fn rank(burst: &Burst) -> Verdict {
    if burst.shortfalls > 0 {
        Verdict::Degraded
    } else if burst.no_verdicts > 0 {
        Verdict::Unknown
    } else {
        Verdict::Down
    }
}

/// Drops a burst of something degraded that is not about a next warning.
pub(super) fn keep_if_worse(state: &mut State) {
    let warned_at = state.warned_at;
    let burst = state.burst.take();
    state.burst = burst.filter(|burst| ending::is_worse(warned_at, burst.warning));
}

/// A failure of something degraded refutes what the burst is about: that an end is near and the rest is well again.
pub(super) fn refute_warning(state: &mut State) {
    state.burst = state.burst.take().filter(|burst| burst.shortfalls == 0);
}

/// A good look ends the burst. Under a policy of counting it stays as long as a failure is among those counted.
pub(super) fn refute(policy: &Policy, state: &mut State) {
    let still_counted = policy.count.is_some_and(|count| counted(state, count) > 0);
    if state.burst.is_some() && !still_counted {
        state.burst = None;
        state.blips = state.blips.saturating_add(1);
    }
}

/// Drops a burst that has heard nothing for long.
pub(super) fn void_if_unheard(state: &mut State, seen: &Seen) {
    if state
        .burst
        .as_ref()
        .is_some_and(|burst| seen.finished.since(burst.heard) > UNHEARD_MAX)
    {
        super::void(state);
    }
}

/// Decides if the burst is full.
pub(super) fn decide(policy: &Policy, state: &State, seen: &Seen) -> Option<Decided> {
    let burst = state.burst.as_ref()?;
    let to = rank(burst);
    let is_next_warning = to == Verdict::Degraded
        && state.settled == to
        && ending::is_worse(state.warned_at, burst.warning);
    if to == state.settled && !is_next_warning && state.reason.rule != Rule::NotYetSeen {
        return None;
    }
    let (rule_of_down, looks_for, looks_of) = match policy.count {
        Some(count) if to == Verdict::Down => {
            let failed = counted(state, count);
            // Those of before an interruption or of before something else was known are not part of this burst.
            if failed < count.failures || burst.failures < u16::from(count.failures) {
                return None;
            }
            (
                Rule::Counted,
                u16::from(failed),
                u16::from(count.of.min(state.failed_len)),
            )
        }
        Some(count) if burst.looks < u16::from(count.failures) => return None,
        Some(_) => (Rule::Counted, burst.looks, burst.looks),
        None if seen.started.since(burst.known) < span(policy, state, burst) => return None,
        None => (Rule::Confirmed(burst.weakest), burst.failures, burst.looks),
    };
    let (rule, looks_for) = match to {
        Verdict::Degraded => (Rule::FallsShort, burst.shortfalls),
        Verdict::Unknown => (Rule::NoVerdict, burst.no_verdicts),
        Verdict::Down | Verdict::Operational | Verdict::Suspect => (rule_of_down, looks_for),
    };
    Some(Decided {
        to,
        rule,
        words: if is_next_warning {
            ending::words(state.warned_at, &burst.words)
        } else {
            burst.words.clone()
        },
        since: burst.since,
        looks_for,
        looks_of,
        warned_at: burst.warning,
    })
}

/// Failures among the last looks that a policy of counting counts.
fn counted(state: &State, count: Count) -> u8 {
    let window = if count.of >= 32 {
        u32::MAX
    } else {
        (1_u32 << count.of) - 1
    };
    u8::try_from((state.failed_bits & window).count_ones()).unwrap_or(u8::MAX)
}

/// How long this burst has to last.
fn span(policy: &Policy, state: &State, burst: &Burst) -> Duration {
    let span = policy.spans.of(burst.weakest);
    if state.settled == Verdict::Degraded && burst.weakest == FailureClass::Silent {
        span.max(DEGRADED_SILENT_SPAN)
    } else {
        span
    }
}

/// How long after the end of the last look the next look of the burst is wanted.
pub(super) fn next_after(policy: &Policy, state: &State, burst: &Burst, last: &Seen) -> Duration {
    if burst.heard != last.finished {
        return OWN_TROUBLE_GAP;
    }
    let elapsed = last.finished.since(burst.known);
    let span = span(policy, state, burst);
    if elapsed >= span {
        // The last look began before the end of the span and failed after it: one more, at once, decides.
        return Duration::ZERO;
    }
    let step = OFFSETS
        .into_iter()
        .map(Duration::from_secs)
        .find(|offset| *offset > elapsed)
        .unwrap_or_else(|| {
            let beyond = elapsed.as_secs() / 15 * 15 + 15;
            Duration::from_secs(beyond)
        });
    step.min(span).saturating_sub(elapsed)
}
