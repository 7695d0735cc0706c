//! Counts how long answers take while an hour goes on, and hands the counts to the store now and then.
//!
//! One number is changed for each look; nothing waits. What was counted since it was last handed over is all that a kill can
//! lose: those looks are then missing in their hour.

use std::{collections::HashMap, time::Duration};

use crate::model::{
    CheckId, LookId, Moment, Observation, Slot, Tick, Timestamp,
    latency::{Grain, Latencies, LatencyBlock},
};

/// So often the counts are handed over: ten minutes of numbers are what a kill costs, and a store that is written more often
/// would be written for nothing.
const WRITE_EVERY: Duration = Duration::from_mins(10);
/// The first time comes sooner, so that somebody who tries it sees something.
const FIRST_AFTER: Duration = Duration::from_mins(1);

/// What was counted since it was last handed over.
#[derive(Debug)]
pub(super) struct Counting {
    /// The hour of all that is counted.
    hour: Timestamp,
    write_at: Tick,
    checks: HashMap<(Slot, u8), (CheckId, Latencies)>,
}

impl Counting {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            hour: Grain::Hour.begin(now.at),
            write_at: now.tick + FIRST_AFTER,
            checks: HashMap::new(),
        }
    }

    /// Whether what was counted has to be handed over before anything of this time is.
    pub(super) fn is_due(&self, now: Moment) -> bool {
        now.tick >= self.write_at || Grain::Hour.begin(now.at) != self.hour
    }

    /// Counts one look; whose it is is asked only for the first one.
    pub(super) fn add(&mut self, seen: &Observation, whose: impl FnOnce() -> CheckId) {
        let LookId { slot, check, .. } = seen.look;
        let counted = self.checks.entry((slot, check));
        let (_, counted) = counted.or_insert_with(|| (whose(), Latencies::default()));
        counted.add(&seen.outcome, seen.took());
    }

    /// Whether nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// All that was counted; from now on it is counted anew.
    pub(super) fn take(&mut self, now: Moment) -> Vec<LatencyBlock> {
        let from = std::mem::replace(&mut self.hour, Grain::Hour.begin(now.at));
        self.write_at = now.tick + WRITE_EVERY;
        let blocks = self
            .checks
            .drain()
            .map(|(_, (check, counted))| LatencyBlock {
                check,
                from,
                grain: Grain::Hour,
                counted,
            });
        blocks.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CheckKind, Outcome, Phases, TargetId};

    fn seen(slot: u32, now: Moment) -> Observation {
        Observation {
            look: LookId {
                slot: Slot(slot),
                check: 0,
                number: 1,
            },
            started: now,
            finished: now + Duration::from_millis(20),
            outcome: Outcome::Healthy,
            status: None,
            phases: Phases::default(),
            family: None,
            detail: None,
            extra: None,
        }
    }

    fn whose(name: &str) -> impl Fn() -> CheckId {
        let target = TargetId::new(name);
        move || CheckId {
            target: target.clone(),
            kind: CheckKind::Health,
        }
    }

    /// An hour that ends is handed over before a look of the next one is counted, and each look is handed over once.
    #[test]
    fn each_look_is_handed_over_once_in_its_hour() {
        let begin = Moment::default();
        let mut counting = Counting::new(begin);
        let mut handed = Vec::new();
        for minute in 0..125 {
            let now = begin + Duration::from_mins(minute);
            if counting.is_due(now) {
                handed.extend(counting.take(now));
            }
            counting.add(&seen(0, now), whose("blue"));
            counting.add(&seen(1, now), whose("green"));
        }
        handed.extend(counting.take(begin + Duration::from_mins(125)));
        assert!(counting.is_empty());
        for name in ["blue", "green"] {
            let of_it = handed
                .iter()
                .filter(|block| block.check.target.as_str() == name);
            let mut hours = [0; 3];
            for block in of_it {
                let hour = block.from.as_seconds() / 3_600 - begin.at.as_seconds() / 3_600;
                hours[usize::try_from(hour).unwrap()] += block.counted.looks();
            }
            assert_eq!(hours, [60, 60, 5]);
        }
        // Once after a minute, then every ten minutes and at each full hour.
        assert!((26..=34).contains(&handed.len()), "{}", handed.len());
    }

    /// A clock that is put back is another hour, not a wrong one.
    #[test]
    fn a_clock_that_is_moved_begins_another_hour() {
        let begin = Moment::default() + Duration::from_hours(5);
        let mut counting = Counting::new(begin);
        counting.add(&seen(0, begin), whose("blue"));
        let back = Moment {
            at: begin.at - Duration::from_hours(2),
            ..begin
        };
        assert!(counting.is_due(back));
        assert_eq!(counting.take(back)[0].from, Grain::Hour.begin(begin.at));
        counting.add(&seen(0, back), whose("blue"));
        assert_eq!(counting.take(back)[0].from, Grain::Hour.begin(back.at));
    }
}
