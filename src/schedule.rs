//! Who is due: the one timer queue for all looks.
//!
//! Starts are spread evenly at the beginning and drift apart afterwards, because every next start is drawn a little
//! early. A global cap keeps a machine from drowning when half of the fleet hangs; whoever is due then waits in the order
//! of being due, and the wait is measured, never charged to the target.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use crate::model::{Slot, Tick};

/// The earliest share of an interval after which the next look may start; the latest is the whole interval.
pub const EARLIEST: f64 = 0.9;

/// A look that is to start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Due {
    /// When it should start.
    pub planned: Tick,
    /// Whose look.
    pub slot: Slot,
    /// Which of the target's checks.
    pub check: u8,
    /// Which plan of that check this is; an older one is void.
    pub generation: u32,
}

/// The queue of all looks to come.
#[derive(Debug)]
pub struct Schedule {
    queue: BinaryHeap<Reverse<Due>>,
    in_flight: usize,
    cap: usize,
}

impl Schedule {
    /// An empty schedule that lets at most `cap` looks (at least one) be in flight.
    pub fn new(cap: usize) -> Self {
        Self {
            queue: BinaryHeap::new(),
            in_flight: 0,
            cap: cap.max(1),
        }
    }

    /// Plans a look; the caller forgets earlier plans of the check by their generation.
    pub fn add(&mut self, due: Due) {
        self.queue.push(Reverse(due));
    }

    /// Takes the next look that is due, unless as many as allowed are in flight.
    pub fn take(&mut self, now: Tick) -> Option<Due> {
        if self.in_flight >= self.cap {
            return None;
        }
        let Reverse(due) = *self.queue.peek()?;
        if due.planned > now {
            return None;
        }
        self.queue.pop().map(|Reverse(due)| due)
    }

    /// A look has started.
    pub fn began(&mut self) {
        self.in_flight += 1;
    }

    /// A look has ended.
    pub fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// How many looks are in flight.
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// When the next look is due; nothing while the cap is reached, because then an end has to come first.
    pub fn next_deadline(&self) -> Option<Tick> {
        if self.in_flight >= self.cap {
            return None;
        }
        self.queue.peek().map(|Reverse(due)| due.planned)
    }
}

/// Where in its first interval the target with this position starts: even for any number of targets.
///
/// Source: the golden ratio sequence; each further member falls into one of the widest gaps left by those before it.
pub fn phase(position: usize, interval: Duration) -> Duration {
    const GOLDEN: u32 = 0x9E37_79B9;
    let share = u32::try_from(position % (1 << 32))
        .unwrap_or(0)
        .wrapping_mul(GOLDEN);
    interval.mul_f64(f64::from(share) / 4_294_967_296.0)
}

/// When the next regular look starts: one interval after the last start, up to a tenth early.
///
/// `chance` is a number from 0 to 1.
pub fn next_start(last: Tick, interval: Duration, chance: f64) -> Tick {
    last + interval.mul_f64(EARLIEST + (1.0 - EARLIEST) * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(millis: u64, slot: u32) -> Due {
        Due {
            planned: Tick::ZERO + Duration::from_millis(millis),
            slot: Slot(slot),
            check: 0,
            generation: 0,
        }
    }

    #[test]
    fn looks_come_in_the_order_of_being_due() {
        let mut schedule = Schedule::new(10);
        for (millis, slot) in [(30, 1), (10, 2), (20, 3)] {
            schedule.add(due(millis, slot));
        }
        let now = Tick::ZERO + Duration::from_millis(20);
        let order: Vec<_> = std::iter::from_fn(|| schedule.take(now))
            .map(|due| due.slot.0)
            .collect();
        assert_eq!(order, [2, 3]);
        assert_eq!(
            schedule.next_deadline(),
            Some(Tick::ZERO + Duration::from_millis(30))
        );
    }

    #[test]
    fn over_the_cap_the_longest_waiting_goes_first() {
        let mut schedule = Schedule::new(1);
        schedule.add(due(0, 1));
        schedule.add(due(5, 2));
        schedule.add(due(1, 3));
        let now = Tick::ZERO + Duration::from_secs(1);
        assert_eq!(schedule.take(now).map(|due| due.slot.0), Some(1));
        schedule.began();
        assert_eq!(schedule.take(now), None);
        assert_eq!(schedule.next_deadline(), None);
        schedule.ended();
        assert_eq!(schedule.take(now).map(|due| due.slot.0), Some(3));
    }

    #[test]
    fn first_looks_are_spread_evenly_over_the_interval() {
        for count in [1, 7, 40, 1_000] {
            let interval = Duration::from_secs(10);
            let mut starts: Vec<_> = (0..count)
                .map(|position| phase(position, interval))
                .collect();
            starts.sort();
            assert!(starts.iter().all(|start| *start < interval));
            let widest = starts
                .windows(2)
                .map(|pair| pair[1].saturating_sub(pair[0]))
                .max()
                .unwrap_or_default();
            let even = interval / u32::try_from(count).expect("small");
            assert!(
                widest <= even * 3,
                "{count} targets: widest gap {widest:?}, even {even:?}"
            );
        }
    }

    #[test]
    fn the_next_start_is_never_late_and_at_most_a_tenth_early() {
        let interval = Duration::from_secs(30);
        let last = Tick::ZERO + interval;
        assert_eq!(next_start(last, interval, 1.0), last + interval);
        assert_eq!(
            next_start(last, interval, 0.0),
            last + Duration::from_secs(27)
        );
    }
}
