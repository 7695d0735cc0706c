//! What only shows over many looks: partial failure by a cumulative sum, and slowness.
//!
//! Source: the cumulative sum test (CUSUM), E. S. Page, "Continuous inspection schemes", Biometrika 41, 1954. Each
//! regular look adds the logarithm of how much likelier it is for a target that fails 30 % of its looks than for one that
//! fails at its own usual rate.

use crate::model::{Policy, State};

/// Thousandths of a nat at which a target counts as partly failing. With looks every 30 s, a target that fails 0.5 to
/// 2 % of its looks at random gets there once in 36 to 41 years.
const ALARM: u32 = 15_000;
/// Where the sum stops, so that healing is noticed in minutes.
const CAP: u32 = 18_000;
/// The doubt that is left when a target answers again but still fails now and then.
const DOUBT: u32 = 10_000;
/// Failing looks, in thousandths, of a target that partly fails.
const FAILING: f64 = 300.0;
/// Looks after which half of the own rate of failure is forgotten.
const FORGET_AFTER: u16 = 2_000;

/// Counts a regular look that answered or failed.
pub(super) fn count(policy: &Policy, state: &mut State, is_failure: bool) {
    state.failed_bits = (state.failed_bits << 1) | u32::from(is_failure);
    state.failed_len = (state.failed_len + 1).min(32);
    if state.settled == crate::model::Verdict::Down {
        return;
    }
    let usual = f64::from(usual_per_mille(state));
    if !is_failure {
        // Under counting as well: what was left of a doubt has to go away, or nothing degraded would ever heal.
        state.score = state
            .score
            .saturating_sub(nats((1_000.0 - usual) / (1_000.0 - FAILING)));
    } else if policy.count.is_none() {
        state.score = state.score.saturating_add(nats(FAILING / usual)).min(CAP);
    }
    if state.seen_lately >= FORGET_AFTER {
        state.seen_lately /= 2;
        state.failed_lately /= 2;
    }
    state.seen_lately += 1;
    state.failed_lately += u16::from(is_failure);
}

/// The own usual rate of failure, in thousandths: measured, but not under 5 and not over 20; 10 while little was seen.
fn usual_per_mille(state: &State) -> u32 {
    if state.seen_lately < 200 {
        return 10;
    }
    (u32::from(state.failed_lately) * 1_000 / u32::from(state.seen_lately)).clamp(5, 20)
}

/// The natural logarithm in whole thousandths, so that sums are the same everywhere.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the ratio is over 1 and under 1,000"
)]
fn nats(ratio: f64) -> u32 {
    (ratio.ln() * 1_000.0).round() as u32
}

/// Whether it fails too often.
pub(super) const fn is_failing(state: &State) -> bool {
    state.score >= ALARM
}

/// Counts how long a good regular look took.
pub(super) fn count_slow(state: &mut State, is_slow: bool) {
    state.slow_bits = ((state.slow_bits << 1) | u8::from(is_slow)) & 0b11_1111;
    state.slow_len = (state.slow_len + 1).min(6);
}

/// Whether at least five of the last six answers were slow. Single slow answers are lost packets that TCP repeated.
pub(super) const fn is_slow(state: &State) -> bool {
    state.slow_len == 6 && state.slow_bits.count_ones() >= 5
}

/// Whether nothing of either is left.
pub(super) const fn is_quiet(state: &State) -> bool {
    state.score == 0 && state.slow_bits.count_ones() <= 1
}

/// Counts a regular look that neither failed nor answered: those before it are further away.
pub(super) fn pass(state: &mut State) {
    state.failed_bits <<= 1;
    state.failed_len = (state.failed_len + 1).min(32);
}

/// Forgets which of the last looks failed: they belong to an outage that was told and is over.
pub(super) const fn forget_failures(state: &mut State) {
    state.failed_bits = 0;
    state.failed_len = 0;
}

/// Whether the last eight regular looks have all failed, which is minutes of nothing else.
pub(super) const fn is_all_failing(state: &State) -> bool {
    state.failed_len >= 8 && state.failed_bits & 0xFF == 0xFF
}

/// Leaves a doubt that only good looks over minutes take away.
pub(super) const fn doubt(state: &mut State) {
    state.score = DOUBT;
}

/// Forgets both, because a new chapter begins.
pub(super) const fn forget(state: &mut State) {
    state.score = 0;
    state.slow_bits = 0;
    state.slow_len = 0;
}
