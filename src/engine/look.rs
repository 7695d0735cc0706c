//! From a look that is due to a verdict that changed.

use std::{sync::Arc, time::Duration};

use super::{
    Action, Engine, Looked, Order, Trouble,
    watched::{Decision, Flight, Last, Watched},
};
use crate::{
    judge::{self, BURST_JITTER, Pace},
    model::{
        Batch, CheckId, Extra, Gap, GapKind, LookId, Moment, Observation, Outcome, Seen, Slot,
        Tick, Transition,
    },
    schedule::{Due, next_start},
};

/// A target of which our own trouble has hidden so many intervals is a trouble worth telling …
const OWN_TROUBLE_INTERVALS: u32 = 5;
/// … but not before this time.
const OWN_TROUBLE_AFTER: Duration = Duration::from_mins(1);

/// How many targets our own trouble hides.
#[derive(Debug, Default)]
pub(super) struct Blind {
    checks: usize,
    is_told: bool,
}

impl Engine {
    /// Starts everything that is due, as far as the cap allows.
    pub(super) fn dispatch(&mut self, now: Moment, actions: &mut Vec<Action>) {
        while let Some(due) = self.schedule.take(now.tick) {
            self.begin(now, due, actions);
        }
    }

    fn begin(&mut self, now: Moment, due: Due, actions: &mut Vec<Action>) {
        let number = self.looks + 1;
        let Some(watched) = self.at_mut(due.slot) else {
            return;
        };
        let target = Arc::clone(&watched.target);
        let Some(watching) = watched.checks.get_mut(usize::from(due.check)) else {
            return;
        };
        if watching.generation != due.generation || watching.flight.is_some() {
            return;
        }
        let is_regular = watching.is_next_regular;
        if self.listen(now, due, actions) {
            return;
        }
        let ask = self.ask_of(now, due.slot, due.check);
        let Some(watching) = self
            .at_mut(due.slot)
            .and_then(|watched| watched.checks.get_mut(usize::from(due.check)))
        else {
            return;
        };
        watching.flight = Some(Flight {
            number,
            planned: due.planned,
            is_regular,
            ask: ask.clone(),
            is_outdated: false,
        });
        let policy = &target.checks[usize::from(due.check)].policy;
        let limit = if is_regular {
            policy.timeout
        } else {
            policy.timeout.min(judge::BURST_TIMEOUT)
        };
        self.lookout.started(now.tick, due.planned);
        let limit = self.limit_now(limit, policy.interval);
        let look = LookId {
            slot: due.slot,
            check: due.check,
            number,
        };
        self.looks = number;
        self.schedule.began();
        if self.recall(now, look, actions) {
            return;
        }
        actions.push(Action::Look(Order {
            look,
            planned: due.planned,
            target,
            limit,
            is_fresh: !is_regular,
            ask,
        }));
    }

    /// Takes in what a look brought back.
    pub(super) fn observed(
        &mut self,
        now: Moment,
        mut observation: Observation,
        actions: &mut Vec<Action>,
    ) {
        self.schedule.ended();
        let LookId {
            slot,
            check,
            number,
        } = observation.look;
        let is_void = number < self.void_below;
        let Some(watching) = self
            .at_mut(slot)
            .and_then(|watched| watched.checks.get_mut(usize::from(check)))
        else {
            return;
        };
        let Some(flight) = watching.flight.take_if(|flight| flight.number == number) else {
            return;
        };
        watching.is_seen |= !is_hidden(&observation.outcome);
        // An answer to the old question bears nothing out.
        watching.is_unproved &= flight.is_outdated;
        if flight.is_regular {
            watching.regular_at = observation.started.tick;
        }
        // A good answer is good whatever happened meanwhile; a round of a store means nothing by itself.
        let is_void = is_void && (observation.outcome != Outcome::Healthy || flight.ask.is_some());
        let is_void = is_void || flight.is_outdated;
        if is_void {
            let words = String::from("the look was interrupted");
            observation.outcome = Outcome::Unobservable(Gap {
                kind: GapKind::Interrupted,
                words,
            });
        }
        // How near something is to its end is for the judge.
        let extra = observation
            .extra
            .take_if(|extra| !matches!(**extra, Extra::Ending(_)))
            .map(|extra| *extra);
        let own = extra.as_ref().filter(|_| !is_void);
        self.hear_own_role(now, observation.look, own, &observation.outcome);
        let roles = self.roles_read(now, (slot, check), own, &mut observation.outcome);
        let round = match extra {
            Some(Extra::Logs(answer)) if !is_void => {
                let ask = flight.ask.clone().unwrap_or_default();
                let meant = self.round(now, (slot, check), &ask, &answer);
                meant.map(|(outcome, source)| {
                    observation.outcome = outcome;
                    (source, answer)
                })
            }
            Some(
                Extra::Logs(_)
                | Extra::Roles(_)
                | Extra::OwnRole(_)
                | Extra::Ending(_)
                | Extra::Steps(_),
            )
            | None => None,
        };
        let flown = (flight.is_regular, flight.planned);
        let may_wait = roles.is_none() && round.is_none();
        let Some(observation) = self.doubt(now, observation, flown, may_wait) else {
            return;
        };
        self.judge_look(now, &observation, flown, actions);
        if let Some(decision) = roles {
            self.apply_roles(now, (slot, check), &decision, actions);
        }
        if let Some((source, answer)) = round {
            self.read_logs(now, (slot, check), &source, &answer, actions);
        }
    }

    /// Judges a look that may be believed, and plans the next one.
    pub(super) fn judge_look(
        &mut self,
        now: Moment,
        observation: &Observation,
        (is_regular, planned): (bool, Tick),
        actions: &mut Vec<Action>,
    ) {
        let LookId { slot, check, .. } = observation.look;
        // Whether we can see decides what may be said of it.
        self.note_own_trouble(now, slot, check, observation, actions);
        let pace = self.weigh(now, observation, is_regular, actions);
        self.settle_held(now, slot, actions);
        let is_overrun = self.plan_next(now, slot, check, pace, observation);
        actions.push(Action::Looked(Looked {
            slot,
            at: observation.finished.at,
            took: observation.took(),
            late: observation.started.tick.since(planned),
            result: result(&observation.outcome),
            is_overrun,
            is_own_trouble: is_hidden(&observation.outcome),
        }));
    }

    /// Shows the judge what was seen and does what follows from it; says when the next look is wanted.
    pub(super) fn weigh(
        &mut self,
        now: Moment,
        observation: &Observation,
        is_regular: bool,
        actions: &mut Vec<Action>,
    ) -> Pace {
        let LookId { slot, check, .. } = observation.look;
        let seen = Seen::of(observation, is_regular);
        let Some(policy) = self.at(slot).map(|watched| self.policy_now(watched, check)) else {
            return Pace::Regular {
                every: Duration::from_hours(1),
            };
        };
        let factor = self.lookout.factor();
        let watched = self.at_mut(slot).expect("it was there a moment ago");
        let watching = &mut watched.checks[usize::from(check)];
        let had_burst = watching.state.burst.is_some();
        let was_in_question = watching.state.burst.is_some() || watching.state.recovery.is_some();
        watching.stretch = if was_in_question {
            watching.stretch.max(factor)
        } else {
            factor
        };
        watching.note_ending(&seen.outcome);
        let change = judge::step(&policy, &mut watching.state, &seen);
        let is_plain = seen.outcome == Outcome::Healthy && !was_in_question && change.is_none();
        if !is_plain {
            watching.last = Last::of(observation);
        }
        let label = watching.last.label.clone().filter(|_| !is_plain);
        let is_in_question = watching.state.burst.is_some();
        let is_new = is_in_question && !had_burst;
        let pace = judge::pace(&policy, &watching.state, &seen);
        if is_in_question {
            self.commons.suspects.insert(slot);
        } else if had_burst && !self.at(slot).is_some_and(Watched::is_suspect) {
            self.commons.suspects.remove(&slot);
        }
        if is_new {
            self.ask_siblings(now, slot);
        }
        if is_in_question {
            self.hasten_log(now, slot, check);
        }
        if !is_plain {
            self.tally(slot, label);
        }
        if let Some(change) = change {
            self.changed(now, slot, check, change, actions);
        }
        if !is_plain {
            self.show(slot, actions);
        }
        pace
    }

    /// Plans the next look; says whether the last one ran into its time.
    fn plan_next(
        &mut self,
        now: Moment,
        slot: Slot,
        check: u8,
        pace: Pace,
        last: &Observation,
    ) -> bool {
        let chance = self.draw();
        let Some(watched) = self.at_mut(slot) else {
            return false;
        };
        let is_counted = watched.policy(check).count.is_some();
        let watching = &mut watched.checks[usize::from(check)];
        watching.generation += 1;
        let generation = watching.generation;
        let (planned, is_regular) = match pace {
            Pace::Regular { every } => {
                // Where only regular looks are counted, looks between them must not delay the next one.
                let before = if is_counted {
                    watching.regular_at
                } else {
                    last.started.tick
                };
                (next_start(before, every, chance), true)
            }
            Pace::Fresh { after } => (now.tick + after.mul_f64(1.0 + BURST_JITTER * chance), false),
        };
        let is_overrun = is_regular && watching.is_next_regular && planned < now.tick;
        watching.is_next_regular = is_regular;
        let planned = planned.max(now.tick);
        watching.planned = planned;
        self.schedule.add(Due {
            planned,
            slot,
            check,
            generation,
        });
        is_overrun
    }

    /// Writes down a change of verdict, and tells whoever has to hear of it.
    fn changed(
        &mut self,
        now: Moment,
        slot: Slot,
        check: u8,
        change: judge::Change,
        actions: &mut Vec<Action>,
    ) {
        let mut batch = Batch::new(now.at);
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        let index = usize::from(check);
        let kind = watched.target.checks[index].kind;
        let target = watched.target.id.clone();
        let was = watched.settled_with(index, change.from);
        let watching = &mut watched.checks[index];
        watching.transitions += 1;
        watching.decision = Decision {
            at: now.at,
            from: Some(change.from),
            looks_for: change.looks_for,
            looks_of: change.looks_of,
        };
        let mut transition = Transition {
            check: CheckId { target, kind },
            number: watching.transitions,
            from: change.from,
            to: change.to,
            at: now.at,
            since: change.since,
            reason: change.reason,
            looks_for: change.looks_for,
            looks_of: change.looks_of,
            phases: watching.last.phases,
            detail: watching.last.detail.clone(),
            last_good: watching.state.last_good,
            incident: None,
            proof: Box::new(change.proof),
        };
        transition.incident = self.settle_accounts(now, slot, &mut batch);
        self.await_claim(slot, &transition);
        // Written as it is after people were told, so that it is remembered how often they heard of it.
        batch
            .checks
            .extend(self.at(slot).map(|watched| watched.record(index, now.at)));
        batch.transitions.push(transition);
        self.free_children(now, slot, was, &mut batch, actions);
        actions.push(Action::Commit(Arc::new(batch)));
    }

    /// Counts what was seen while an incident is open.
    fn tally(&mut self, slot: Slot, label: Option<String>) {
        let Some(open) = self
            .at_mut(slot)
            .and_then(|watched| watched.incident.as_mut())
        else {
            return;
        };
        let Some(label) = label else {
            return;
        };
        let seen = &mut open.incident.seen;
        let is_full = seen.len() >= 5;
        match seen.iter_mut().find(|(known, _)| *known == label) {
            Some((_, count)) => *count = count.saturating_add(1),
            None if is_full => {}
            None => seen.push((label, 1)),
        }
        seen.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    }

    /// Watches for our own trouble hiding targets for long.
    fn note_own_trouble(
        &mut self,
        now: Moment,
        slot: Slot,
        check: u8,
        observation: &Observation,
        actions: &mut Vec<Action>,
    ) {
        let own = match &observation.outcome {
            Outcome::Unobservable(gap) if gap.kind.is_own() => Some(gap.words.clone()),
            Outcome::Healthy
            | Outcome::Degraded(_)
            | Outcome::Unhealthy(_)
            | Outcome::Unobservable(_) => None,
        };
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        let interval = watched.policy(check).interval;
        let watching = &mut watched.checks[usize::from(check)];
        let before = watching.own_trouble_since;
        watching.own_trouble_since = own.as_ref().map(|_| before.unwrap_or(now.tick));
        match (before, own) {
            (None, Some(_)) => self.blind.checks += 1,
            (Some(_), None) => self.blind.checks = self.blind.checks.saturating_sub(1),
            (Some(since), Some(words)) => {
                let limit = OWN_TROUBLE_AFTER.max(interval * OWN_TROUBLE_INTERVALS);
                // That we are blind is told by itself.
                let was_blind = self.lookout.was_blind(observation.started.tick);
                let is_known = self.blind.is_told || was_blind;
                if !is_known && now.tick.since(since) > limit {
                    self.blind.is_told = true;
                    self.tell_blindness(now, Some(words), actions);
                }
            }
            (None, None) => {}
        }
        if self.blind.is_told && self.blind.checks == 0 {
            self.blind.is_told = false;
            self.tell_blindness(now, None, actions);
        }
    }

    fn tell_blindness(&mut self, now: Moment, words: Option<String>, actions: &mut Vec<Action>) {
        actions.push(Action::LookTrouble(words.clone()));
        let trouble = Trouble {
            key: String::from("looks"),
            is_over: words.is_none(),
            title: String::from("looks say nothing because of trouble on this machine"),
            words: words.unwrap_or_default(),
            not_to: None,
        };
        self.troubled(now, trouble, actions);
    }

    /// Forgets that our own trouble hid a check that is no longer there.
    pub(super) fn forget_own_trouble(&mut self, since: Option<Tick>) {
        if since.is_some() {
            self.blind.checks = self.blind.checks.saturating_sub(1);
        }
    }
}

/// Whether our own trouble kept a look from seeing anything.
fn is_hidden(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unobservable(gap) if gap.kind.is_own())
}

/// The word for metrics.
pub(super) const fn result(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Healthy => "healthy",
        Outcome::Degraded(_) => "degraded",
        Outcome::Unhealthy(_) => "unhealthy",
        Outcome::Unobservable(_) => "unobservable",
    }
}
