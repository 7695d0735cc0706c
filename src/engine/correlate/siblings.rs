//! Those that share a host or a group, or that depend on each other, are looked at together when one of them fails.

use std::{collections::BTreeSet, time::Duration};

use super::super::Engine;
use crate::{
    model::{Moment, Slot, Tick},
    schedule::{Due, phase},
};

/// Larger hosts and groups are not looked at as a whole because one of theirs fails …
const SIBLINGS_MAX: usize = 24;
/// … and smaller ones within this time …
const SIBLINGS_WITHIN: Duration = Duration::from_millis(500);
/// … but not again before this.
const SIBLINGS_EVERY: Duration = Duration::from_secs(15);

impl Engine {
    /// Somebody began to fail: who shares its host or its group is looked at now, so that they are decided together.
    pub(in crate::engine) fn ask_siblings(&mut self, now: Moment, slot: Slot) {
        let Some(watched) = self.at(slot) else { return };
        let hosts = watched.target.checks.iter();
        let hosts = hosts.filter_map(|check| self.hosts.get(&check.question.host()?));
        let group = watched.target.group.as_ref();
        let group = group.and_then(|group| self.groups.get(group));
        let relatives = self.relatives(slot);
        let siblings: BTreeSet<Slot> = hosts
            .chain(group)
            .chain(&relatives)
            .filter(|siblings| siblings.len() <= SIBLINGS_MAX)
            .flatten()
            .copied()
            .filter(|sibling| *sibling != slot)
            .collect();
        for sibling in siblings {
            let Some(watched) = self.at(sibling) else {
                continue;
            };
            let checks = (0_u8..).zip(watched.asked());
            let checks: Vec<_> = checks
                .filter(|(check, is_asked)| {
                    let watching = &watched.checks[usize::from(*check)];
                    *is_asked && watching.is_seen && watching.state.burst.is_none()
                })
                .map(|(check, _)| check)
                .collect();
            let at = now.tick + phase(sibling.0 as usize, SIBLINGS_WITHIN);
            for check in checks {
                self.hurry(now, (sibling, check), at, SIBLINGS_EVERY);
            }
        }
    }

    /// Moves the next look at a check forward to `at`, unless one is on its way or was hurried less than `gap` ago.
    pub(in crate::engine) fn hurry(
        &mut self,
        now: Moment,
        (slot, check): (Slot, u8),
        at: Tick,
        gap: Duration,
    ) {
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        let watching = &mut watched.checks[usize::from(check)];
        let is_busy = watching.flight.is_some() || watching.planned <= at;
        let was_hurried = watching
            .hurried_at
            .is_some_and(|hurried| now.tick.since(hurried) < gap);
        if is_busy || was_hurried {
            return;
        }
        watching.hurried_at = Some(now.tick);
        watching.generation += 1;
        // It is no look of the ordinary rhythm: more of them in bad times would make the counts mean less.
        watching.is_next_regular = false;
        watching.planned = at;
        let due = Due {
            planned: at,
            slot,
            check,
            generation: watching.generation,
        };
        self.schedule.add(due);
    }
}
