//! Changes of which nobody was told at once: they are written again when an incident tells of them.
//!
//! A change is stored the moment it is decided. What has to wait, because others may have the same cause or because somebody
//! plans something there, is told later, and only then it is known to which incident the change belongs.

use std::{collections::BTreeMap, sync::Arc};

use super::{Action, Engine};
use crate::model::{CheckKind, IncidentId, Slot, Target, Transition, Verdict};

/// Changes for the worse that no incident tells of yet: the newest of each check.
pub(super) type Unclaimed = BTreeMap<(Slot, CheckKind), Box<Transition>>;

impl Engine {
    /// Keeps a change in mind until an incident tells of it, or until it has passed untold.
    pub(super) fn await_claim(&mut self, slot: Slot, transition: &Transition) {
        let check = transition.check.kind;
        let is_untold = transition.incident.is_none() && transition.to > Verdict::Suspect;
        if is_untold {
            let kept = Box::new(transition.clone());
            self.unclaimed.insert((slot, check), kept);
        } else {
            self.unclaimed.remove(&(slot, check));
        }
    }

    /// What a target is not asked any more has nothing to tell.
    pub(super) fn forget_unclaimed(&mut self, slot: Slot, target: Option<&Target>) {
        self.unclaimed.retain(|(kept, kind), _| {
            let mut checks = target.iter().flat_map(|target| &target.checks);
            *kept != slot || checks.any(|check| check.kind == *kind)
        });
    }

    /// Writes changes again, with the incidents that tell of them by now, in one commit with these.
    pub(super) fn claim(&mut self, actions: &mut [Action]) {
        if self.unclaimed.is_empty() {
            return;
        }
        for action in actions {
            let Action::Commit(batch) = action else {
                continue;
            };
            if batch.incidents.is_empty() {
                continue;
            }
            let mut claimed = Vec::new();
            for (place, transition) in &self.unclaimed {
                let Some(id) = self.incident_of(place.0) else {
                    continue;
                };
                if batch.incidents.iter().any(|incident| incident.id == *id) {
                    claimed.push((*place, id.clone(), transition.clone()));
                }
            }
            for (place, id, mut transition) in claimed {
                self.unclaimed.remove(&place);
                if let Some(watched) = self.at(place.0) {
                    transition.check.target = watched.target.id.clone();
                }
                transition.incident = Some(id);
                Arc::make_mut(batch).claimed.push(*transition);
            }
        }
    }

    /// The open incident of a target, its own or one of several.
    fn incident_of(&self, slot: Slot) -> Option<&IncidentId> {
        let watched = self.at(slot)?;
        let own = watched.incident.as_deref();
        let shared = watched
            .common
            .and_then(|number| self.commons.open.get(number));
        let open = own.or_else(|| shared.map(|shared| &shared.open));
        open.map(|open| &open.incident.id)
    }
}
