//! A look that somebody asked for: each check of one target once, and judged by nobody.

use super::{Freshness, Prober};
use crate::model::{LookId, Observation, Slot, Target, board::Facts, plan::Question};

/// What the checks of one target saw, in the order of the file; never empty.
#[derive(Clone, PartialEq, Debug)]
pub struct Glance {
    /// A look each.
    pub looks: Vec<Observation>,
}

impl Glance {
    /// The look that says the worst, of equals the first.
    pub fn worst(mut self) -> Observation {
        let verdict = |look: &Observation| Facts::of_look(look).verdict;
        let worst = self.looks.iter().map(verdict).max();
        let at = self
            .looks
            .iter()
            .position(|look| Some(verdict(look)) == worst);
        self.looks.swap_remove(at.unwrap_or(0))
    }
}

impl Prober {
    /// Asks each check of a target once, over fresh connections, one after the other. A log is not asked beside other checks:
    /// its store is.
    pub async fn glance(&self, slot: Slot, target: &Target) -> Glance {
        let is_log = |question: &Question| matches!(question, Question::LogFreshness(_));
        let has_others = target.checks.iter().any(|check| !is_log(&check.question));
        let mut looks = Vec::new();
        for (number, check) in (0_u8..).zip(&target.checks) {
            if has_others && is_log(&check.question) {
                continue;
            }
            let id = LookId {
                slot,
                check: number,
                number: 0,
            };
            let limit = check.policy.timeout;
            let look = self.look(id, &check.question, limit, Freshness::Fresh);
            looks.push(look.await);
        }
        Glance { looks }
    }
}
