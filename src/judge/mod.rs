//! Turns observations into verdicts: pure, total, without a clock.
//!
//! [`step`] is shown one look after the other and says when the settled verdict changes; [`pace`] says when it wants the
//! next look. What is remembered between two looks is all in [`State`], so the same looks always give the same verdicts,
//! and the [`Proof`] in every change can be judged again with [`replay`].
//!
//! The rules, in the order in which a look meets them:
//!
//! 1. A look that says nothing about the target (our own trouble) changes nothing.
//! 2. A good look ends any suspicion. The first good look of all makes a target operational; after an outage it takes
//!    several in a row over some seconds.
//! 3. A bad look of something fine starts a *burst* of fresh looks. How long the burst has to last depends on how strong
//!    the evidence is; the weakest look of the burst decides. One good look ends it, and nobody is told.
//! 4. A full burst of failures means down. If some of the answers only fell short, it means degraded; if some could not
//!    be used at all (not let in), it means unknown.
//! 5. Beside the burst a cumulative sum over the regular looks finds a target that fails again and again without ever
//!    failing in a row, and six last answers tell whether it has become slow: both mean degraded.
//! 6. What is degraded because something ends becomes degraded anew with each next warning that the file asks for.

pub mod blindness;
pub mod burn;
mod burst;
pub mod cause;
mod contract;
mod drift;
mod ending;
pub mod flapping;
pub mod freshness;
pub mod guard;
pub mod heartbeat;
pub mod job;
pub mod roles;
pub mod sli;
pub mod strain;
#[cfg(test)]
mod tests;
pub mod watermark;

use std::time::Duration;

pub use contract::{BURST_JITTER, Contract, contract};
pub use ending::successes;

use ending::{Course, warning};

use crate::model::{
    Degradation, DegradationKind, Failure, FailureClass, FailureKind, Family, Gap, Outcome, Policy,
    Proof, Reason, Rule, Seen, State, Timestamp, Verdict,
    judgement::{Good, Recovery, Spans, Trail},
    text,
};

/// No failure lasts longer than this without being decided.
const ENDLESS: Duration = Duration::from_hours(10 * 365 * 24);
/// From one good look to the next while an outage is ending.
pub const RECOVERY_GAP: Duration = Duration::from_secs(5);
/// The longest wait between two looks at something that is down; somebody is waiting for its return.
pub const DOWN_INTERVAL: Duration = Duration::from_secs(15);
/// The longest wait between two looks at something degraded.
pub const DEGRADED_INTERVAL: Duration = Duration::from_secs(10);
/// Limit of one look of a burst; shorter than a regular one so that a burst ends on time.
pub const BURST_TIMEOUT: Duration = Duration::from_secs(4);
/// Answers that are now of one kind, now of another, and never bad for so long, end an outage as the milder of the two.
const MIXED_SPAN: Duration = Duration::from_secs(30);
/// Looks that a trail holds before its middle is folded into its beginning.
const TRAIL_MAX: usize = 64;

/// A change of the settled verdict.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// Before.
    pub from: Verdict,
    /// Now.
    pub to: Verdict,
    /// Since when: for a bad verdict the start of the first bad look, else of the first good one.
    pub since: Timestamp,
    /// Why.
    pub reason: Reason,
    /// Of the looks that decided, how many spoke for `to` …
    pub looks_for: u16,
    /// … out of how many.
    pub looks_of: u16,
    /// All that it rests on.
    pub proof: Proof,
}

/// When the judge wants the next look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// In the ordinary rhythm.
    Regular {
        /// From start to start.
        every: Duration,
    },
    /// Apart from the rhythm, over a new connection: for a burst or a recovery.
    Fresh {
        /// Counted from the end of the last look.
        after: Duration,
    },
}

/// What a look means to the judge.
enum Meaning {
    Good,
    Short(FailureClass, String),
    Bad(FailureClass, String),
    NoVerdict(String),
    Nothing,
}

/// Shows the judge one look; says whether the settled verdict changes.
///
/// Looks of one check have to be shown in the order in which they were finished.
pub fn step(policy: &Policy, state: &mut State, seen: &Seen) -> Option<Change> {
    if is_plainly_fine(policy, state, seen) {
        accept_good(policy, state, seen);
        return None;
    }
    follow(state, seen);
    let from = state.settled;
    let decided = match meaning(state, seen) {
        Meaning::Nothing => {
            burst::void_if_unheard(state, seen);
            None
        }
        Meaning::Good => {
            accept_good(policy, state, seen);
            on_good(policy, state, seen)
        }
        Meaning::Short(class, words) => {
            accept_failed(policy, state, seen, false);
            on_short(policy, state, seen, class, words)
        }
        Meaning::NoVerdict(words) => on_no_verdict(policy, state, seen, words),
        Meaning::Bad(class, words) => {
            accept_failed(policy, state, seen, true);
            on_bad(policy, state, seen, class, words)
        }
    };
    let change = decided.map(|decided| settle(policy, state, from, decided));
    if change
        .as_ref()
        .is_some_and(|change| change.to != Verdict::Down)
        && state.burst.is_none()
        && (policy.count.is_none() || seen.is_regular)
        && let Meaning::Bad(class, words) = meaning(state, seen)
    {
        // Milder looks decided, and the last one is a failure: what it is the beginning of must not wait for its turn.
        burst::add(state, seen, burst::Sort::Failure, class, words);
    }
    if state.burst.is_none() && state.recovery.is_none() {
        state.trail = None;
    }
    change
}

/// When the judge wants the next look, after it was shown `last`.
pub fn pace(policy: &Policy, state: &State, last: &Seen) -> Pace {
    if let Some(burst) = &state.burst
        && policy.count.is_none()
    {
        return Pace::Fresh {
            after: burst::next_after(policy, state, burst, last),
        };
    }
    if state.recovery.is_some() {
        return Pace::Fresh {
            after: RECOVERY_GAP,
        };
    }
    let every = match state.settled {
        Verdict::Down => policy.interval.min(DOWN_INTERVAL),
        // What ends in days is no reason for haste.
        Verdict::Degraded if state.warned_at.is_some() => policy.interval,
        // Where regular looks are counted, more of them in the same time would make the count mean less.
        Verdict::Degraded if policy.count.is_none() => policy.interval.min(DEGRADED_INTERVAL),
        Verdict::Degraded | Verdict::Operational | Verdict::Suspect | Verdict::Unknown => {
            policy.interval
        }
    };
    Pace::Regular { every }
}

/// Forgets what is in question, because the time in which it arose cannot be trusted (a stall, a suspend, a clock jump).
pub fn void(state: &mut State) {
    state.burst = None;
    state.recovery = None;
    state.trail = None;
    state.answered = (0, 0);
}

/// Judges a proof again: the change that its last look makes, without its own proof compared.
///
/// The looks before it decided nothing. The spans of that time may have been longer than those that decided, because a log did
/// not say yet whether somebody was alive, or we were late ourselves; so only the last look is held to spans at all.
pub fn replay(proof: &Proof) -> Option<Change> {
    let mut state = proof.before.clone();
    let (last, before) = proof.seen.split_last()?;
    let patient = Policy {
        spans: Spans {
            explicit: ENDLESS,
            refused: ENDLESS,
            silent: ENDLESS,
        },
        ..proof.policy.clone()
    };
    for seen in before {
        step(&patient, &mut state, seen);
    }
    step(&proof.policy, &mut state, last)
}

/// What a decision makes of the settled verdict.
struct Decided {
    to: Verdict,
    rule: Rule,
    words: String,
    since: Timestamp,
    looks_for: u16,
    looks_of: u16,
    /// The warning that was decided, if it is about an end.
    warned_at: Option<Duration>,
}

fn settle(policy: &Policy, state: &mut State, from: Verdict, decided: Decided) -> Change {
    let trail = state.trail.take();
    let reason = Reason {
        rule: decided.rule,
        words: decided.words,
    };
    state.settled = decided.to;
    state.reason = reason.clone();
    state.since = decided.since;
    state.warned_at = decided
        .warned_at
        .filter(|_| decided.to == Verdict::Degraded);
    state.recovery = None;
    state.answered = (0, 0);
    // A decided burst is over: its milder looks must not soften what comes next. Only partial failure is no end of one.
    if decided.rule != Rule::PartialFailure {
        state.burst = None;
    }
    if matches!(decided.to, Verdict::Down | Verdict::Operational) {
        drift::forget(state);
    }
    if from == Verdict::Down {
        drift::forget_failures(state);
    }
    let (before, seen) = trail.map_or_else(
        || (state.clone(), Vec::new()),
        |trail| (trail.before, trail.seen),
    );
    Change {
        from,
        to: decided.to,
        since: decided.since,
        reason,
        looks_for: decided.looks_for,
        looks_of: decided.looks_of,
        proof: Proof {
            policy: policy.clone(),
            before,
            seen,
        },
    }
}

/// The look that nearly all looks are: good, quick, of something that is fine. Nothing can change through it.
fn is_plainly_fine(policy: &Policy, state: &State, seen: &Seen) -> bool {
    seen.outcome == Outcome::Healthy
        && state.settled == Verdict::Operational
        && state.burst.is_none()
        && seen.took() <= policy.slow_after
        && !is_of_other_format(state, seen)
}

/// Keeps the trail of what was shown while something is in question.
fn follow(state: &mut State, seen: &Seen) {
    let trail = state
        .trail
        .take()
        .filter(|trail| trail.seen.len() < TRAIL_MAX);
    let mut trail = trail.unwrap_or_else(|| {
        Box::new(Trail {
            before: state.clone(),
            seen: Vec::with_capacity(1),
        })
    });
    trail.seen.push(seen.clone());
    state.trail = Some(trail);
}

fn meaning(state: &State, seen: &Seen) -> Meaning {
    match &seen.outcome {
        Outcome::Healthy if is_of_other_format(state, seen) => {
            let usual = state.family.map_or("another format", Family::as_str);
            Meaning::Short(
                FailureClass::Refused,
                format!(
                    "answered with a page that says nothing, where it used to answer in `{usual}`"
                ),
            )
        }
        Outcome::Healthy => Meaning::Good,
        Outcome::Degraded(Degradation { kind, words }) => {
            let class = match kind {
                DegradationKind::SaysDegraded
                | DegradationKind::Component
                | DegradationKind::RuleMatched
                | DegradationKind::Expiring
                | DegradationKind::Unexpected
                | DegradationKind::LogSilence
                | DegradationKind::Lagging
                | DegradationKind::Roles
                | DegradationKind::Overrun
                | DegradationKind::BudgetBurns => FailureClass::Explicit,
                DegradationKind::Contradiction
                | DegradationKind::BrokenBody
                | DegradationKind::OtherFormat
                | DegradationKind::Redirected
                | DegradationKind::Throttled => FailureClass::Refused,
            };
            Meaning::Short(class, words.clone())
        }
        Outcome::Unhealthy(Failure {
            kind: FailureKind::NotFound,
            words,
            ..
        }) if !state.ever_worked => Meaning::NoVerdict(words.clone()),
        Outcome::Unhealthy(Failure { class, words, .. }) => Meaning::Bad(*class, words.clone()),
        Outcome::Unobservable(Gap { kind, .. }) if kind.says_nothing() => Meaning::Nothing,
        Outcome::Unobservable(Gap { words, .. }) => Meaning::NoVerdict(words.clone()),
    }
}

/// A good-looking answer without meaning where there always was a meaning: typically a proxy's page.
fn is_of_other_format(state: &State, seen: &Seen) -> bool {
    seen.family == Some(Family::CodeOnly)
        && state
            .family
            .is_some_and(|family| !matches!(family, Family::CodeOnly | Family::Word))
}

fn accept_good(policy: &Policy, state: &mut State, seen: &Seen) {
    state.ever_worked = true;
    state.last_good = Some(Good {
        at: seen.at,
        took: seen.took(),
        status: seen.status,
    });
    if seen.family.is_some() {
        state.family = seen.family;
    }
    if seen.is_regular {
        drift::count(policy, state, false);
        drift::count_slow(state, seen.took() > policy.slow_after);
    }
}

fn accept_failed(policy: &Policy, state: &mut State, seen: &Seen, is_failure: bool) {
    if seen.is_regular {
        drift::count(policy, state, is_failure);
    }
}

/// An answer that falls short.
fn on_short(
    policy: &Policy,
    state: &mut State,
    seen: &Seen,
    class: FailureClass,
    words: String,
) -> Option<Decided> {
    let course = match state.settled {
        Verdict::Down => return recover(policy, state, seen, Verdict::Degraded, words),
        Verdict::Operational | Verdict::Unknown | Verdict::Suspect => Course::Worse,
        Verdict::Degraded => ending::course(state, seen),
    };
    match course {
        Course::Worse => {
            if state.settled == Verdict::Degraded {
                // What was in question before was something else.
                burst::keep_if_worse(state);
            }
            state.recovery = None;
            burst::add(state, seen, burst::Sort::Shortfall, class, words);
            burst::decide(policy, state, seen)
        }
        Course::Same => {
            state.burst = None;
            state.recovery = None;
            ending::age(state, seen, words);
            None
        }
        Course::Milder => {
            state.burst = None;
            recover(policy, state, seen, Verdict::Degraded, words)
        }
    }
}

fn on_good(policy: &Policy, state: &mut State, seen: &Seen) -> Option<Decided> {
    burst::refute(policy, state);
    if ending::still_holds(state, seen) {
        state.recovery = None;
        return None;
    }
    match state.settled {
        Verdict::Operational | Verdict::Suspect => drift::is_slow(state).then(|| Decided {
            to: Verdict::Degraded,
            rule: Rule::Slow,
            words: slow_words(policy, state),
            since: seen.at,
            looks_for: u16::try_from(state.slow_bits.count_ones()).unwrap_or(6),
            looks_of: 6,
            warned_at: None,
        }),
        Verdict::Unknown if state.reason.rule == Rule::NotYetSeen => Some(Decided {
            to: Verdict::Operational,
            rule: Rule::FirstLook,
            words: String::from("the first look was good"),
            since: seen.at,
            looks_for: 1,
            looks_of: 1,
            warned_at: None,
        }),
        Verdict::Degraded if !drift::is_quiet(state) && state.warned_at.is_some() => {
            // It was renewed, and what was wrong beside it still is.
            let words = if state.slow_bits.count_ones() > 1 {
                slow_words(policy, state)
            } else {
                String::from("some looks failed in the last minutes")
            };
            recover(policy, state, seen, Verdict::Degraded, words)
        }
        Verdict::Degraded if !drift::is_quiet(state) => {
            state.recovery = None;
            None
        }
        Verdict::Unknown | Verdict::Degraded | Verdict::Down => {
            recover(policy, state, seen, Verdict::Operational, String::new())
        }
    }
}

fn on_bad(
    policy: &Policy,
    state: &mut State,
    seen: &Seen,
    class: FailureClass,
    words: String,
) -> Option<Decided> {
    state.recovery = None;
    if state.settled == Verdict::Down {
        if drift::is_all_failing(state) {
            // That it answered now and then is long ago: the end of this outage is judged by what comes then.
            state.answered = (0, 0);
        } else if state.answered.0 > 0 {
            state.answered.1 = state.answered.1.saturating_add(1);
        }
        return None;
    }
    if policy.count.is_some() && !seen.is_regular {
        // Only looks of the ordinary rhythm are counted, so only they may decide.
        return None;
    }
    if state.settled == Verdict::Degraded {
        burst::refute_warning(state);
    }
    burst::add(state, seen, burst::Sort::Failure, class, words);
    burst::decide(policy, state, seen).or_else(|| {
        let is_new = state.settled != Verdict::Degraded && policy.count.is_none();
        (is_new && drift::is_failing(state)).then(|| {
            let failed = state.failed_bits.count_ones();
            Decided {
                to: Verdict::Degraded,
                rule: Rule::PartialFailure,
                words: format!(
                    "fails again and again: {failed} of the last {} looks",
                    state.failed_len
                ),
                since: seen.at,
                looks_for: u16::try_from(failed).unwrap_or(u16::MAX),
                looks_of: u16::from(state.failed_len),
                warned_at: None,
            }
        })
    })
}

fn on_no_verdict(
    policy: &Policy,
    state: &mut State,
    seen: &Seen,
    words: String,
) -> Option<Decided> {
    if seen.is_regular {
        drift::pass(state);
    }
    match state.settled {
        Verdict::Unknown if state.reason.rule == Rule::NoVerdict => {
            state.burst = None;
            state.recovery = None;
            None
        }
        Verdict::Operational | Verdict::Unknown | Verdict::Suspect | Verdict::Degraded => {
            state.recovery = None;
            burst::add(
                state,
                seen,
                burst::Sort::NoVerdict,
                FailureClass::Refused,
                words,
            );
            burst::decide(policy, state, seen)
        }
        Verdict::Down => recover(policy, state, seen, Verdict::Unknown, words),
    }
}

/// Counts looks that point away from a bad verdict, and decides when there are enough of one kind in a row.
fn recover(
    policy: &Policy,
    state: &mut State,
    seen: &Seen,
    towards: Verdict,
    words: String,
) -> Option<Decided> {
    if towards == Verdict::Operational {
        state.answered.0 = state.answered.0.saturating_add(1);
    }
    let before = state.recovery;
    let recovery = match before {
        Some(recovery) if recovery.towards == towards => Recovery {
            looks: recovery.looks.saturating_add(1),
            ..recovery
        },
        // It points elsewhere now, but none of its looks was bad since the beginning.
        before => Recovery {
            towards,
            looks: 1,
            started: before.map_or(seen.started, |before| before.started),
            since: seen.at,
        },
    };
    state.recovery = Some(recovery);
    if let Some(before) = before.filter(|before| before.towards != towards)
        && state.settled != Verdict::Degraded
        && seen.started.since(before.started) >= MIXED_SPAN
    {
        return Some(mixed(state, seen, before, towards, words));
    }
    let successes = successes(policy, state);
    let span = RECOVERY_GAP * u32::from(successes.saturating_sub(1));
    if recovery.looks < successes || seen.started.since(recovery.started) < span {
        return None;
    }
    let looks = u16::from(recovery.looks);
    let (good, bad) = state.answered;
    let still_fails = towards == Verdict::Operational && state.settled == Verdict::Down && bad >= 3;
    if still_fails {
        drift::doubt(state);
        return Some(Decided {
            to: Verdict::Degraded,
            rule: Rule::AnswersAgain,
            words: format!(
                "answers again, but {bad} of {} looks still failed",
                u32::from(good) + u32::from(bad)
            ),
            since: recovery.since,
            looks_for: good,
            looks_of: good.saturating_add(bad),
            warned_at: None,
        });
    }
    let (rule, words) = match towards {
        Verdict::Operational => (Rule::Recovered, good_looks(looks)),
        Verdict::Degraded => (Rule::FallsShort, words),
        Verdict::Unknown | Verdict::Suspect | Verdict::Down => (Rule::NoVerdict, words),
    };
    Some(Decided {
        to: towards,
        rule,
        words,
        since: recovery.since,
        looks_for: looks,
        looks_of: looks,
        warned_at: warning(seen),
    })
}

fn good_looks(looks: u16) -> String {
    match looks {
        1 => String::from("a good look"),
        looks => format!("{looks} good looks in a row"),
    }
}

fn slow_words(policy: &Policy, state: &State) -> String {
    format!(
        "slow: {} of the last 6 answers took longer than {}",
        state.slow_bits.count_ones(),
        text::span(policy.slow_after)
    )
}

/// What an outage becomes whose looks are no longer bad, without being of one kind for long enough.
fn mixed(state: &State, seen: &Seen, before: Recovery, towards: Verdict, words: String) -> Decided {
    let (to, rule) = if [before.towards, towards].contains(&Verdict::Degraded) {
        (Verdict::Degraded, Rule::FallsShort)
    } else {
        (Verdict::Unknown, Rule::NoVerdict)
    };
    let looks = state.trail.iter().flat_map(|trail| &trail.seen);
    let looks: Vec<_> = looks
        .filter(|seen| seen.started >= before.started)
        .collect();
    let other = looks
        .iter()
        .filter(|seen| seen.outcome != Outcome::Healthy)
        .count();
    let count = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    Decided {
        to,
        rule,
        words: if words.is_empty() {
            String::from("answers again, but not every answer is good")
        } else {
            words
        },
        since: before.since.min(seen.at),
        looks_for: count(other),
        looks_of: count(looks.len()),
        warned_at: warning(seen),
    }
}
