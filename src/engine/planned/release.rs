//! Which release a target got a short while ago, because several that fail after the same one may fail because of it.

use std::time::Duration;

use super::{Plans, Reach, Standing};
use crate::{
    engine::{Engine, watched::Watched},
    model::{Slot, Tick, planned::PlanKind},
};

/// So long after its deploy a release is what may be wrong with a target.
const LATELY: Duration = Duration::from_hours(1);

/// A release that was put somewhere.
#[derive(Debug)]
pub(super) struct Released {
    reach: Reach,
    release: String,
    ended: Tick,
}

impl Plans {
    /// A plan has ended; if it was the deploy of a release, what fails now may fail because of that.
    pub(super) fn remember_release(&mut self, now: Tick, standing: Standing) {
        self.lately
            .retain(|released| now.since(released.ended) <= LATELY);
        let planned = &standing.planned;
        if planned.id.kind == PlanKind::Deploy
            && let Some(release) = planned.release.clone()
        {
            self.lately.push(Released {
                reach: standing.reach,
                release,
                ended: now,
            });
        }
    }

    /// The release that this target gets now, or got last.
    fn release_of(&self, now: Tick, watched: &Watched) -> Option<&str> {
        let made = self.made.iter().rev();
        let mut made = made.filter(|standing| standing.planned.id.kind == PlanKind::Deploy);
        let coming = made.find(|standing| standing.reach.takes(watched));
        let mut lately = self.lately.iter().rev();
        let come = lately
            .find(|released| now.since(released.ended) <= LATELY && released.reach.takes(watched));
        let coming = coming.and_then(|standing| standing.planned.release.as_deref());
        coming.or(come.map(|released| released.release.as_str()))
    }
}

impl Engine {
    /// The release that this target gets now, or got within the last hour, as far as it was announced.
    pub(in crate::engine) fn release_of(&self, now: Tick, slot: Slot) -> Option<String> {
        let watched = self.at(slot)?;
        let deployed = self.plans.release_of(now, watched);
        let announced = || self.releases.version_of(now, &watched.target.id, LATELY);
        deployed.or_else(announced).map(str::to_owned)
    }
}
