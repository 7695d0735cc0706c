//! What can be promised about a policy, computed from the same numbers that judge.

use std::time::Duration;

use super::BURST_TIMEOUT;
use crate::model::{FailureClass, Policy};

/// What holds for outages of one class of evidence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contract {
    /// Shorter than this is never told as down.
    pub never_told_under: Duration,
    /// Longer than this is always told as down, and this is the latest time of the verdict after the fault began.
    pub always_told_over: Duration,
}

/// Looks of a burst come up to this share later than planned, so that many bursts do not march in step.
pub const BURST_JITTER: f64 = 0.1;

/// The promise for failures of this class; under a policy of counting it is the same for all classes.
pub fn contract(policy: &Policy, class: FailureClass) -> Contract {
    if let Some(count) = policy.count {
        let gaps = u32::from(count.failures.saturating_sub(1));
        // The regular rhythm comes up to a tenth early, never late.
        return Contract {
            never_told_under: policy.interval.mul_f64(0.9) * gaps,
            always_told_over: policy.interval * (gaps + 1) + policy.timeout * (gaps + 1),
        };
    }
    let span = policy.spans.of(class);
    // The worst case: the fault begins just after a good look began; the next look takes its whole limit to fail; the
    // burst takes its span with jitter; its last look but one just misses the end; the deciding one takes its limit.
    let last = if span.is_zero() {
        Duration::ZERO
    } else {
        span.mul_f64(BURST_JITTER) + BURST_TIMEOUT * 2
    };
    Contract {
        never_told_under: span,
        always_told_over: policy.interval + policy.timeout + span + last,
    }
}
