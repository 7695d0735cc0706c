//! Error budgets beside the outages that spend them: nobody is called a second time for what they were called for already.

use std::cmp::Reverse;

use super::{Engine, watched::Watched};
use crate::{
    model::{Incident, Slot, Verdict},
    route::{self, Decision},
};

impl Engine {
    /// Whom the routes name for a target as it is now.
    ///
    /// Of an error budget that burns because of an outage for which somebody was called, or that somebody silenced, nobody is mentioned.
    pub(super) fn decision(&self, slot: Slot, verdict: Verdict) -> Option<Decision> {
        let mut decision = route::route(&self.plan, self.at(slot)?.case(verdict));
        if self.spender_words(slot).is_some() {
            for (_, mention) in &mut decision.to {
                *mention = None;
            }
        }
        Some(decision)
    }

    /// `spent by master blue, which is told already (#k7f2)`, of an error budget that burns because of what people know.
    pub(super) fn spender_words(&self, slot: Slot) -> Option<String> {
        let budget = self.at(slot)?;
        let slo = budget.target.slo()?;
        budget.standing()?;
        let spenders = self.plan.targets.iter().filter(|target| slo.takes(target));
        let spenders = spenders.filter_map(|target| {
            let slot = *self.index.get(&target.id)?;
            let watched = self.at(slot)?;
            let is_down = watched.settled() == Verdict::Down;
            let called = self.telling_incident(watched);
            let called = called.filter(|incident| is_down && has_called(incident));
            let title = target.title();
            match called {
                Some(incident) => Some((
                    incident.since,
                    format!("{title}, which is told already (#{})", incident.id),
                )),
                None if is_down && self.silence_over(slot).is_some() => {
                    Some((watched.since(), format!("{title}, which is silent")))
                }
                None => None,
            }
        });
        let mut spenders: Vec<_> = spenders.collect();
        spenders.sort_by_key(|(since, _)| Reverse(*since));
        let (_, oldest) = spenders.pop()?;
        Some(match spenders.len() {
            0 => format!("spent by {oldest}"),
            more => format!("spent by {oldest} and {more} more"),
        })
    }

    /// The open incident that tells of a target, its own or one of several.
    fn telling_incident<'a>(&'a self, watched: &'a Watched) -> Option<&'a Incident> {
        let own = watched.incident.as_deref().map(|open| &open.incident);
        let shared = || {
            let shared = self.commons.open.get(watched.common?)?;
            Some(&shared.open.incident)
        };
        own.or_else(shared)
    }
}

/// Whether somebody was called for it, or has taken it on.
fn has_called(incident: &Incident) -> bool {
    incident.acknowledged.is_some() || incident.told.iter().any(|told| told.mention.is_some())
}
