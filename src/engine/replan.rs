//! The file changed: what is unchanged goes on as if nothing had happened.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use super::{
    Action, Engine,
    watched::{Watched, Watching},
};
use crate::{
    model::{
        Batch, Check, Moment, Plan, Policy, Slot, Target, TargetId, logs::LogQuestion,
        plan::Question,
    },
    schedule::{Due, phase},
};

impl Engine {
    /// Takes over a new plan.
    ///
    /// A target is the same if its id is the same, or if it says `was:` an id that is gone. The same target keeps its
    /// verdicts, counters, incident and rhythm; only a changed question forgets what was in question. A target that is gone is
    /// forgotten, and whoever was told of its trouble hears that it ends.
    pub(super) fn replan(&mut self, now: Moment, plan: &Arc<Plan>, actions: &mut Vec<Action>) {
        let mut batch = Batch::new(now.at);
        let ids: HashSet<TargetId> = plan
            .targets
            .iter()
            .map(|target| target.id.clone())
            .collect();
        let otherwise = |target: &&Arc<Target>| {
            let slot = self.index.get(&target.id).copied();
            let known = slot.and_then(|slot| self.at(slot));
            known.is_some_and(|watched| *watched.target != ***target)
        };
        let asked_otherwise = plan.targets.iter().filter(otherwise);
        let asked_otherwise = asked_otherwise.map(|target| target.id.clone()).collect();
        let is_seen_otherwise = self.plan.witnesses != plan.witnesses;
        self.plan = Arc::clone(plan);
        self.replan_shifts();
        self.forget_production();
        for target in &plan.targets {
            let was = target
                .was
                .as_ref()
                .filter(|was| !ids.contains(*was) && !self.index.contains_key(&target.id));
            if let Some((was, slot)) = was.and_then(|was| self.index.remove_entry(was)) {
                self.index.insert(target.id.clone(), slot);
                self.move_out(slot);
                self.update(now, slot, target);
                if let Some(watched) = self.at_mut(slot) {
                    watched.rename_incident(&mut batch);
                }
                self.rename_member(&was, slot, &mut batch);
                batch.renamed.push((was, target.id.clone()));
                actions.push(Action::Placed(slot, target.id.clone()));
                self.show(slot, actions);
            } else if let Some(slot) = self.index.get(&target.id).copied() {
                self.update(now, slot, target);
            } else {
                let watched = Watched::new(Arc::clone(target), now);
                let slot = self.place(watched, actions);
                self.plan_first_looks(now, slot);
                self.show(slot, actions);
            }
        }
        let gone: BTreeSet<TargetId> = self
            .index
            .keys()
            .filter(|id| !ids.contains(*id))
            .cloned()
            .collect();
        for id in gone {
            self.remove(now, id, &mut batch, actions);
        }
        self.recount_production(now, &mut batch);
        let freed = self.heed_flapping(now, &mut batch);
        self.bind_readers();
        self.bind_roles(now, actions);
        self.replace_witnesses(now, is_seen_otherwise);
        for slot in freed {
            self.settle_accounts(now, slot, &mut batch);
            self.show(slot, actions);
        }
        let renamed = std::mem::take(&mut batch.renamed);
        batch.renamed.clone_from(&renamed);
        self.replan_releases(&renamed, asked_otherwise, now, &mut batch);
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
        self.replan_plans(now, &renamed, actions);
    }

    /// Gives a place its target's new form.
    fn update(&mut self, now: Moment, slot: Slot, target: &Arc<Target>) {
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        if *watched.target == **target {
            return;
        }
        self.move_out(slot);
        self.forget_unclaimed(slot, Some(target));
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        let old = std::mem::replace(&mut watched.target, Arc::clone(target));
        let mut kept = std::mem::take(&mut watched.checks);
        let mut dues = Vec::new();
        for (index, check) in (0_u8..).zip(&target.checks) {
            let before = old
                .checks
                .iter()
                .position(|other| other.kind == check.kind)
                .filter(|at| *at < kept.len());
            let mut watching = match before {
                Some(at) => std::mem::replace(&mut kept[at], Watching::fresh(now)),
                None => Watching::fresh(now),
            };
            let old_check = before.map(|at| &old.checks[at]);
            watching.change_question(old_check, check);
            if let Some(old) = old_check {
                watching.change_rules(&old.policy, &check.policy);
            }
            let is_moved = before != Some(usize::from(index));
            let is_of_other_pace =
                old_check.is_none_or(|old| old.policy.interval != check.policy.interval);
            let is_in_question =
                watching.state.burst.is_some() || watching.state.recovery.is_some();
            let is_asked = !matches!(check.question, Question::LogFreshness(_));
            if is_asked && (is_moved || (is_of_other_pace && !is_in_question)) {
                watching.generation += 1;
                watching.is_next_regular = true;
                let wait = phase(
                    slot.0 as usize,
                    check.policy.interval.min(Duration::from_secs(10)),
                );
                // Never later than it would have been, or reloads one after the other would keep it from being looked at.
                let planned = if before.is_some() {
                    watching.planned.min(now.tick + wait)
                } else {
                    now.tick + wait
                };
                watching.planned = planned;
                dues.push(Due {
                    planned,
                    slot,
                    check: index,
                    generation: watching.generation,
                });
            }
            watched.checks.push(watching);
        }
        watched.await_changed_beat(&old, now);
        watched.await_job(now);
        let lost: Vec<_> = kept
            .iter()
            .filter_map(|watching| watching.own_trouble_since)
            .collect();
        for since in lost {
            self.forget_own_trouble(Some(since));
        }
        for due in dues {
            self.schedule.add(due);
        }
        self.move_in(slot);
    }

    fn remove(&mut self, now: Moment, id: TargetId, batch: &mut Batch, actions: &mut Vec<Action>) {
        let Some(slot) = self.index.remove(&id) else {
            return;
        };
        self.move_out(slot);
        self.forget_unclaimed(slot, None);
        if let Some(watched) = self.watched.get_mut(slot.0 as usize).and_then(Option::take) {
            if let Some(wake) = watched.wake {
                self.wakes.remove(&(wake, slot));
            }
            for watching in &watched.checks {
                self.forget_own_trouble(watching.own_trouble_since);
            }
            self.commons.suspects.remove(&slot);
            if let Some(open) = watched.incident {
                Self::close_removed(now, &id, open.incident, batch);
            }
            if let Some(number) = watched.common {
                self.remove_member(now, number, &id, batch);
            }
        }
        batch.forgotten.push(id);
        actions.push(Action::Vacated(slot));
    }

    /// Takes a target out of its group and from its hosts, under the names that it has now.
    fn move_out(&mut self, slot: Slot) {
        let Some(watched) = self.at(slot) else { return };
        let target = Arc::clone(&watched.target);
        for host in target
            .checks
            .iter()
            .filter_map(|check| check.question.host())
        {
            leave(&mut self.hosts, &host, slot);
        }
        if let Some(group) = &target.group {
            leave(&mut self.groups, group, slot);
        }
        for parent in &target.depends_on {
            leave(&mut self.children, parent, slot);
        }
    }
}

/// Whether both read a log, but not the same one.
fn is_other_log(old: &Check, new: &Check) -> bool {
    let (Question::LogFreshness(old), Question::LogFreshness(new)) = (&old.question, &new.question)
    else {
        return false;
    };
    let of = |question: &LogQuestion| {
        let subject = &question.subject;
        (
            question.source.clone(),
            subject.query.clone(),
            subject.streams.clone(),
        )
    };
    of(old) != of(new)
}

impl Watching {
    fn fresh(now: Moment) -> Self {
        let mut watching = Self::new(now.at);
        watching.generation = 1;
        watching
    }

    /// Goes on under other rules.
    fn change_rules(&mut self, old: &Policy, new: &Policy) {
        if old == new {
            return;
        }
        // A proof is judged again under one policy. What was shown under the old one is in the state that it begins with.
        self.state.trail = None;
        if old.count.is_some() != new.count.is_some() {
            // A failure that is still counted may be long ago, and a span must not be counted from there.
            self.void();
        }
    }

    /// Goes on under another question: the verdict holds until looks change it, everything else is asked anew.
    fn change_question(&mut self, old: Option<&Check>, new: &Check) {
        if old.is_some_and(|old| old.question == new.question) {
            return;
        }
        self.void();
        if let Some(flight) = &mut self.flight {
            flight.is_outdated = true;
        }
        self.state.family = None;
        self.state.ever_worked = false;
        if old.is_some_and(|old| is_other_log(old, new)) {
            // Its newest line was not of this log, and so was no pause of it.
            self.memory = None;
            self.read_up_to = None;
        }
    }
}

/// Takes somebody out of a list of those at a place; a place that nobody is at is forgotten.
fn leave<K: Hash + Eq>(places: &mut HashMap<K, Vec<Slot>>, place: &K, slot: Slot) {
    if let Some(members) = places.get_mut(place) {
        members.retain(|member| *member != slot);
        if members.is_empty() {
            places.remove(place);
        }
    }
}
