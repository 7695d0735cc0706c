//! All open incidents of several targets: found by what they are about, and by when they have something to say.
//!
//! In a disaster there may be one for each of ten thousand hosts, and every look of every target asks for both.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{super::watched::Open, Shared};
use crate::model::{Severity, TargetId, Tick, Verdict, cause::Cause};

#[derive(Debug, Default)]
pub(in crate::engine) struct Ledger {
    by_number: BTreeMap<u64, Shared>,
    by_cause: HashMap<Cause, BTreeSet<u64>>,
    /// When each has something to say, if it has.
    due: BTreeSet<(Tick, u64)>,
    planned: HashMap<u64, Tick>,
}

impl Ledger {
    pub(in crate::engine) fn get(&self, number: u64) -> Option<&Shared> {
        self.by_number.get(&number)
    }

    /// Whether people know from this one that a member is down, and not that this is a disaster.
    pub(in crate::engine) fn tells_milder(&self, number: u64, target: &TargetId) -> bool {
        self.get(number).is_some_and(|shared| {
            let member = shared.member(target);
            let is_down = member.is_some_and(|member| member.standing() == Verdict::Down);
            is_down && shared.open.incident.severity < Severity::Disaster
        })
    }

    pub(in crate::engine) fn values(&self) -> impl Iterator<Item = &Shared> {
        self.by_number.values()
    }

    /// Their incidents, to note in them who was told; not to plan anything.
    pub(in crate::engine) fn opens_mut(&mut self) -> impl Iterator<Item = &mut Open> {
        self.by_number.values_mut().map(|shared| &mut shared.open)
    }

    /// Changes one, and with it when it has something to say.
    pub(in crate::engine) fn change<T>(
        &mut self,
        number: u64,
        with: impl FnOnce(&mut Open) -> T,
    ) -> Option<T> {
        let mut shared = self.take(number)?;
        let out = with(&mut shared.open);
        self.put(number, shared);
        Some(out)
    }

    /// Nothing that was put off because somebody flaps has to wait any longer.
    pub(in crate::engine) fn hurry(&mut self, now: Tick) {
        let numbers: Vec<_> = self.by_number.keys().copied().collect();
        for number in numbers {
            let Some(mut shared) = self.take(number) else {
                continue;
            };
            shared.rests_at = shared.rests_at.map(|at| at.min(now));
            shared.follow_up = shared.follow_up.map(|at| at.min(now));
            self.put(number, shared);
        }
    }

    /// Takes one out to change it; whoever takes it puts it back, unless it is over.
    pub(super) fn take(&mut self, number: u64) -> Option<Shared> {
        let shared = self.by_number.remove(&number)?;
        let cause = &shared.common().cause;
        if let Some(numbers) = self.by_cause.get_mut(cause) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.by_cause.remove(cause);
            }
        }
        if let Some(at) = self.planned.remove(&number) {
            self.due.remove(&(at, number));
        }
        Some(shared)
    }

    pub(super) fn put(&mut self, number: u64, shared: Shared) {
        let due = [shared.follow_up, shared.open.remind, shared.rests_at];
        if let Some(at) = due.into_iter().flatten().min() {
            self.due.insert((at, number));
            self.planned.insert(number, at);
        }
        let cause = shared.common().cause.clone();
        self.by_cause.entry(cause).or_default().insert(number);
        self.by_number.insert(number, shared);
    }

    /// The latest of those about this cause that others may still join, and that is fit to be joined.
    pub(super) fn growing(
        &self,
        cause: &Cause,
        now: Tick,
        is_fit: impl Fn(&Shared) -> bool,
    ) -> Option<u64> {
        let mut numbers = self.by_cause.get(cause)?.iter().rev();
        let grows = |number: &&u64| {
            let shared = self.get(**number);
            shared.is_some_and(|shared| shared.grows(now) && is_fit(shared))
        };
        numbers.find(grows).copied()
    }

    /// Who has something to say by now, in the order of their numbers.
    pub(super) fn due(&self, now: Tick) -> BTreeSet<u64> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, number)| *number).collect()
    }

    /// When the next one has something to say.
    pub(super) fn next_deadline(&self) -> Option<Tick> {
        self.due.first().map(|(at, _)| *at)
    }
}
