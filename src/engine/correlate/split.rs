//! Somebody tells the targets of one incident apart: those that are bad become incidents of their own.
//!
//! Nothing is news by that. Whoever was told of a target is told of its own incident once and nobody is mentioned again; who is on
//! the incident of several is on what becomes of it, and reminders count on.

use std::sync::Arc;

use super::{
    super::{
        Action, Engine,
        noted::Deed,
        remind::plan_reminder,
        tell::{entry, seen_before, told_of},
        watched::Open,
    },
    Shared,
};
use crate::{
    model::{
        Batch, Incident, IncidentId, Kind, Moment, Slot, TargetId, Told, Verdict,
        cause::Member,
        planned::{Answer, Done, Person, Refused, SPLIT_MAX},
    },
    route,
};

impl Engine {
    /// Makes targets of an open incident of several incidents of their own: these, or all that are bad.
    pub(in crate::engine) fn split(
        &mut self,
        now: Moment,
        (id, named): (&IncidentId, &[TargetId]),
        by: &Person,
        batch: &mut Batch,
        actions: &mut Vec<Action>,
    ) -> Answer {
        let found = {
            let mut shared = self.commons.open.values();
            let is_it = |shared: &&Shared| shared.open.incident.id == *id;
            let shared = shared.find(is_it).map(|shared| {
                let parted = self.to_be_parted(shared, named);
                parted.map(|parted| (shared.open.incident.number, parted))
            });
            shared.transpose()?
        };
        let found = found.and_then(|(number, parted)| {
            let shared = self.commons.open.take(number)?;
            Some((number, parted, shared))
        });
        let Some((number, parted, mut shared)) = found else {
            return Err(self.cannot_be_split(id));
        };
        let mut into = Vec::new();
        let mut slots = Vec::new();
        for (slot, target) in parted {
            let own = self.part(now, (slot, &target), &mut shared, by, batch);
            into.extend(own);
            slots.push(slot);
        }
        // Nobody who was split off is what others join.
        self.recent.retain(|(slot, _)| !slots.contains(slot));
        shared.note_members();
        let is_over = shared.is_over();
        if is_over {
            let words = format!("{by} split it: whatever is bad is an incident of its own now");
            self.close_common(now, shared, (Kind::Split, &words), batch);
        } else {
            shared.open.incident.verdict = shared.worst();
            batch.incidents.push(shared.open.incident.clone());
            self.commons.open.put(number, shared);
            let named: Vec<_> = into
                .iter()
                .map(|(own, title)| format!("{title} ({own})"))
                .collect();
            let deed = Deed {
                words: format!("{by} split {} off", named.join(", ")),
                calls: None,
            };
            self.note_shared(now, number, &deed, batch);
        }
        for slot in slots {
            self.set_wake(slot);
            self.show(slot, actions);
        }
        Ok(Done::Split {
            incident: id.clone(),
            into,
            is_over,
        })
    }

    /// Why there is no incident of several of this id.
    fn cannot_be_split(&self, id: &IncidentId) -> Refused {
        let mut alone = self.watched.iter().flatten();
        let alone = alone.find(|watched| watched.open_incident().as_ref() == Some(id));
        match alone {
            Some(watched) => Refused {
                is_missing: false,
                words: format!(
                    "{id} is about {} and nobody else, so there is nothing to split",
                    watched.target.title()
                ),
            },
            None => Refused {
                is_missing: true,
                words: format!(
                    "there is no open incident {id}; it is over, was split already, or there never was one"
                ),
            },
        }
    }

    /// Who is to become an incident of its own, in the order in which they joined.
    fn to_be_parted(
        &self,
        shared: &Shared,
        named: &[TargetId],
    ) -> Result<Vec<(Slot, TargetId)>, Refused> {
        let incident = &shared.open.incident;
        let id = &incident.id;
        let refused = |words| Refused {
            is_missing: false,
            words,
        };
        for target in named {
            let title = target.as_str().replacen('/', " ", 1);
            let why = match shared.member(target) {
                Some(member) if member.is_split_off() => "is an incident of its own already",
                Some(Member { until: Some(_), .. }) => "is back, so there is nothing to split off",
                Some(Member { until: None, .. }) => continue,
                None => "does not belong to it",
            };
            return Err(refused(format!("{title} {why} ({id}); nothing was done")));
        }
        let bad: Vec<_> = shared
            .common()
            .bad()
            .filter_map(|member| {
                let slot = self.index.get(&member.target).copied()?;
                let is_of_it = self.at(slot)?.common == Some(incident.number);
                is_of_it.then_some((slot, member))
            })
            .collect();
        match bad.as_slice() {
            [] => {
                return Err(refused(format!(
                    "nobody of {id} is bad any more; it ends by itself"
                )));
            }
            [(_, only)] => {
                return Err(refused(format!(
                    "only {} is still bad in {id}, so there is nothing to split",
                    only.title
                )));
            }
            [_, _, ..] => {}
        }
        let wanted = |target: &TargetId| named.is_empty() || named.contains(target);
        let bad = bad.iter().filter(|(_, member)| wanted(&member.target));
        let parted: Vec<_> = bad
            .map(|(slot, member)| (*slot, member.target.clone()))
            .collect();
        if parted.len() > SPLIT_MAX {
            return Err(refused(format!(
                "{} at once would be a message for each; at most {SPLIT_MAX}: say which, `split {id} master blue`",
                parted.len()
            )));
        }
        Ok(parted)
    }

    /// Makes one target an incident of its own, as it was told.
    fn part(
        &mut self,
        now: Moment,
        (slot, target): (Slot, &TargetId),
        shared: &mut Shared,
        by: &Person,
        batch: &mut Batch,
    ) -> Option<(IncidentId, String)> {
        let member = shared.member(target)?.clone();
        let whole = &shared.open.incident;
        let watched = self.at(slot)?;
        let decision = route::route(&self.plan, watched.case(member.verdict));
        let told = whole.told.iter();
        let told = told.filter(|told| member.channels.contains(&told.channel));
        let number = self.incidents + 1;
        let mut incident = Incident {
            targets: vec![target.clone()],
            severity: watched.severity(),
            since: member.since,
            verdict: member.verdict,
            worst: member.verdict,
            told: told
                .map(|told| Told {
                    at: now.at,
                    ..told.clone()
                })
                .collect(),
            remind_after: decision.remind_after,
            reminders: whole.reminders,
            seen: seen_before(watched),
            acknowledged: whole.acknowledged.clone(),
            ..Incident::begun(number, now.at)
        };
        watched.note_told(&mut incident, watched.deciding());
        let title = watched.target.title();
        let hearers: Vec<_> = told_of(&incident).collect();
        let mut story = self.story(now, slot, &hearers, None);
        // What it is by now is told as ever; this says no more than what was told.
        story.to = member.verdict;
        story.since = member.since;
        story.reason.words.clone_from(&member.words);
        story.notes = vec![format!("was told as a part of {}; {by} split it", whole.id)];
        self.incidents = number;
        let story = Arc::new(story);
        for told in &incident.told {
            let channel = told.channel.clone();
            let told = entry(&incident, channel, Kind::Opened, now, None, &story);
            batch.entries.push(told);
        }
        incident.sequence += 1;
        let remind = plan_reminder(&mut incident, now);
        batch.incidents.push(incident.clone());
        let own = incident.id.clone();
        shared.change(target, |member| member.split_off(now.at, &own));
        for said in shared.said.values_mut() {
            if let Some(said) = said.get_mut(target) {
                *said = Verdict::Operational;
            }
        }
        if let Some(watched) = self.at_mut(slot) {
            watched.common = None;
            watched.hold = None;
            watched.incident = Some(Box::new(Open { incident, remind }));
        }
        Some((own, title))
    }
}
