//! How many messages a channel gets, and what becomes of those over it.
//!
//! `max_messages: 6 per 10m` is kept strictly: never more than six in any ten minutes. Two thirds of them may go one after the
//! other, the rest is spread over the time, so that nobody waits for longer than a third of it. Whatever waits then goes out as
//! one message that names all of it. The last message that may go at once is left for something critical that is down: it
//! takes along whatever waits beside it.
//!
//! It is counted by the "generic cell rate algorithm": one point in time says all. A restart does not know what was sent
//! before it, and begins with room for two; where nothing was ever sent, there is room for all.

use std::time::Duration;

use crate::model::{Kind, Tick, Verdict, quiet_hours::Allowance};

use super::{Item, Lane};

/// What a channel may still get.
#[derive(Debug)]
pub(super) struct Budget {
    /// So many may go one after the other …
    burst: u32,
    /// … and then one each time this has passed.
    spacing: Duration,
    /// When all of the burst will be there again.
    full_at: Tick,
}

impl Budget {
    /// A budget of which little is left, because nobody knows what was sent before; or all, because nothing was.
    pub(super) fn new(allowance: Allowance, now: Tick, is_first: bool) -> Self {
        let count = allowance.count.max(1);
        let burst = count - count / 3;
        // In any time of `within` there are at most `burst - 1` messages and one for each begun `spacing`.
        let spacing = allowance.within / (count - burst + 1);
        Self {
            burst,
            spacing,
            full_at: if is_first {
                now
            } else {
                now + spacing * burst.saturating_sub(2)
            },
        }
    }

    /// A message went out, or may have.
    pub(super) fn spend(&mut self, now: Tick) {
        self.full_at = self.full_at.max(now) + self.spacing;
    }

    /// From when on a message may go; what is not urgent leaves one for what is.
    pub(super) fn ready_at(&self, is_urgent: bool) -> Tick {
        let left = u32::from(!is_urgent && self.burst > 1);
        self.full_at - self.spacing * (self.burst - 1 - left)
    }

    /// How many messages may go now.
    pub(super) fn room(&self, now: Tick, is_urgent: bool) -> usize {
        let mut ready_at = self.ready_at(is_urgent);
        let mut count = 0;
        while ready_at <= now && count < self.burst {
            ready_at = ready_at + self.spacing;
            count += 1;
        }
        count as usize
    }
}

impl Item {
    /// Whether it says that something critical is down.
    pub(super) fn is_urgent(&self) -> bool {
        let is_news = match self.entry.kind {
            Kind::Opened | Kind::Changed => true,
            Kind::Reminder
            | Kind::Recovered
            | Kind::Removed
            | Kind::Notice
            | Kind::Noted
            | Kind::Split => false,
        };
        let story = &self.entry.story;
        is_news && story.severity.is_critical() && story.to == Verdict::Down
    }
}

impl Lane {
    /// A message went out, or may have.
    pub(super) fn spend(&mut self, now: Tick) {
        if let Some(budget) = &mut self.budget {
            budget.spend(now);
        }
    }

    /// When its budget lets one of these messages go.
    pub(super) fn budget_at(&self, group: &[usize]) -> Tick {
        let is_urgent = group.iter().any(|&place| self.queue[place].is_urgent());
        let budget = self.budget.as_ref();
        budget.map_or(Tick::ZERO, |budget| budget.ready_at(is_urgent))
    }

    /// The same; what disturbs nobody needs no budget.
    pub(super) fn room_at(&self, group: &[usize]) -> Tick {
        if self.is_quiet(group) {
            Tick::ZERO
        } else {
            self.budget_at(group)
        }
    }

    /// Whether its messages wait for nothing but its budget.
    pub(super) fn is_saving(&self, now: Tick) -> bool {
        let budget = self.budget.as_ref();
        self.failures == 0 && budget.is_some_and(|budget| budget.ready_at(false) > now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn never_more_than_allowed_in_any_time_of_that_length(
            count in 1..40_u32,
            minutes in 1..120_u64,
            asks in vec((0..200_u64, any::<bool>()), 1..300),
            is_first: bool,
        ) {
            let within = Duration::from_mins(minutes);
            let start = Tick::ZERO + Duration::from_hours(48);
            let mut budget = Budget::new(Allowance { count, within }, start, is_first);
            let mut now = start;
            let mut sent: Vec<Tick> = Vec::new();
            for (seconds, is_urgent) in asks {
                now = now + Duration::from_secs(seconds);
                if budget.room(now, is_urgent) > 0 {
                    prop_assert!(budget.ready_at(is_urgent) <= now);
                    budget.spend(now);
                    sent.push(now);
                }
            }
            for (index, at) in sent.iter().enumerate() {
                let near = sent[index..].iter().filter(|other| other.since(*at) < within);
                prop_assert!(near.count() <= count as usize);
            }
            // Nobody waits for longer than this, whatever went before.
            let wait = budget.ready_at(true).since(now);
            prop_assert!(wait <= budget.spacing, "{wait:?}");
        }
    }
}
