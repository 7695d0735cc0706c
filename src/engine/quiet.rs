//! What waits until quiet hours are over.
//!
//! Quiet hours are those of the on-call entry that a route mentions: what goes out by such a route and is of one of their
//! severities waits, with everything that belongs to it, and is told when they end. An end is never held by itself: the
//! courier keeps it back only together with a beginning that it still holds. What is critical passes, and so does what a
//! second route without quiet hours brings to the same channel.

use std::sync::Arc;

use super::{Action, Engine};
use crate::{
    model::{Batch, Entry, Incident, Kind, Moment, TargetId, Timestamp, Verdict},
    route,
};

impl Engine {
    /// Says of each new entry until when it waits.
    pub(super) fn quieten(&self, now: Moment, actions: &mut [Action]) {
        let mut on_call = self.plan.on_call.values();
        if !on_call.any(|on_call| on_call.quiet_hours.is_some()) {
            return;
        }
        for action in actions {
            let Action::Commit(batch) = action else {
                continue;
            };
            let held: Vec<_> = batch
                .entries
                .iter()
                .map(|entry| self.held_until(now, entry, batch))
                .collect();
            if held.iter().all(Option::is_none) {
                continue;
            }
            for (entry, until) in Arc::make_mut(batch).entries.iter_mut().zip(held) {
                entry.held_until = entry.held_until.or(until);
            }
        }
    }

    fn held_until(&self, now: Moment, entry: &Entry, batch: &Batch) -> Option<Timestamp> {
        match entry.kind {
            Kind::Opened | Kind::Changed | Kind::Reminder => {}
            Kind::Recovered | Kind::Removed | Kind::Notice | Kind::Noted | Kind::Split => {
                return None;
            }
        }
        let mut incidents = batch.incidents.iter();
        let incident = incidents.rfind(|incident| incident.id == entry.key.incident);
        let about = match &entry.story.target {
            Some(target) => vec![(target, entry.story.to)],
            None => incident.map(|incident| about(incident, entry))?,
        };
        let mut until: Option<Timestamp> = None;
        for (target, verdict) in &about {
            let watched = self.at(*self.index.get(*target)?)?;
            let case = watched.case(*verdict);
            let of_this = route::quiet_until(&self.plan, case, &entry.key.channel, now.at)?;
            until = Some(until.map_or(of_this, |until| until.min(of_this)));
        }
        until
    }
}

/// The members of an incident of several that this message is about: the bad ones, or all of them if none is bad.
fn about<'a>(incident: &'a Incident, entry: &Entry) -> Vec<(&'a TargetId, Verdict)> {
    let members = incident.common.iter().flat_map(|common| &common.members);
    let told: Vec<_> = members
        .filter(|member| member.channels.contains(&entry.key.channel))
        .collect();
    let is_bad = told.iter().any(|member| member.until.is_none());
    told.into_iter()
        .filter(|member| member.until.is_none() || !is_bad)
        .map(|member| (&member.target, member.verdict))
        .collect()
}
