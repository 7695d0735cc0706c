//! Carries out what the engine and the courier decide.

use std::time::Duration;

use super::{BEFORE, Coming, Message, Shown, Stage};
use crate::{
    engine::{Action, Event, Order, Trouble},
    model::{Batch, Delivery, Kind, Slot, board::Facts, notification::Entry},
    notify::courier::{Parcel, Step},
    rehearsal::routing,
    slack::message,
};

/// How long witnesses take.
const WITNESSES_TAKE: Duration = Duration::from_millis(30);

impl Stage<'_> {
    /// Tells the engine what happened; while hekate is not running nobody listens.
    pub(super) fn event(&mut self, event: Event) {
        let now = self.moment();
        let mut actions = Vec::new();
        if let Some(process) = &mut self.process {
            process.engine.handle(now, event, &mut actions);
        }
        self.carry_out(actions);
    }

    pub(super) fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Placed(slot, target) => {
                    if let Some(process) = &mut self.process {
                        process.slots.insert(slot, target);
                    }
                }
                Action::Look(order) => self.look(order),
                Action::Commit(batch) => self.commit(&batch),
                Action::Noted(incident, channel) => {
                    if let Some(process) = &mut self.process {
                        process.courier.noted(&incident, &channel);
                    }
                }
                Action::Show(slot, facts) => self.show(slot, *facts),
                Action::Answer(number, answer) => self.answered(number, *answer),
                Action::Ordered(number, answered) => self.ordered(number, *answered),
                Action::Reread(reread) => self.reread(&reread),
                Action::Run(run) => self.run_action(&run),
                Action::AskWitnesses(order) => {
                    let ends = Coming::Witnesses {
                        number: order.number,
                        count: order.witnesses.len(),
                    };
                    self.push(self.now + WITNESSES_TAKE, ends);
                }
                Action::Vacated(_)
                | Action::Looked(_)
                | Action::ShowLog(..)
                | Action::ShowRole(..)
                | Action::ShowJob(..)
                | Action::Heard(_)
                | Action::LookTrouble(_)
                | Action::ShowAgenda(_)
                | Action::Blind(_) => {}
            }
        }
    }

    fn look(&mut self, order: Order) {
        let started = self.moment();
        let seen = Box::new(self.scenery.look(&order, self.clocks()));
        self.played.looks += 1;
        let ends_at = self.now + seen.took;
        let ends = Coming::LookEnds {
            order: Box::new(order),
            started,
            seen,
        };
        self.push(ends_at, ends);
    }

    fn show(&mut self, slot: Slot, facts: Facts) {
        let Some(process) = &self.process else {
            return;
        };
        let Some(target) = process.slots.get(&slot).cloned() else {
            return;
        };
        let verdict = facts.verdict;
        if let Some(row) = process.board.row(&target) {
            row.set_facts(facts);
        }
        if self.shown.insert(target.clone(), verdict) != Some(verdict) {
            let after = self.after();
            self.played.states.push(Shown {
                after,
                target,
                verdict: Some(verdict),
            });
        }
    }

    /// Everything is durable at once here; a store that is slow is not what a script is about.
    fn commit(&mut self, batch: &Batch) {
        #[cfg(test)]
        self.batches.push(batch.clone());
        self.memory.commit(batch);
        for incident in &batch.incidents {
            let targets = incident.targets.iter().cloned().collect();
            self.incidents.insert(incident.id.clone(), targets);
        }
        for attempt in &batch.attempts {
            self.note_attempt(attempt);
        }
        let now = self.moment();
        for entry in &batch.entries {
            self.cover(entry);
            if let Some(process) = &mut self.process {
                process.courier.enqueue(now, entry.clone());
            }
        }
    }

    /// Notes what a new telling touched.
    fn cover(&mut self, entry: &Entry) {
        if !matches!(entry.kind, Kind::Opened | Kind::Changed) {
            return;
        }
        let verdict = entry.story.to;
        let coverage = self.played.coverage.of_mut(&self.file);
        let about = self.incidents.get(&entry.key.incident);
        for id in about.into_iter().flatten() {
            let Some(target) = self.plan.targets.iter().find(|known| known.id == *id) else {
                continue;
            };
            let trace = routing::trace(&self.plan, target, verdict, entry.story.role, None);
            coverage.routes.extend(trace.decision.routes);
            coverage.states.insert(verdict);
            coverage.severities.insert(target.severity);
            coverage.targets.insert(id.clone());
        }
    }

    /// Lets the courier do what it wants to do now.
    pub(super) fn post(&mut self) {
        loop {
            let now = self.moment();
            let Some(process) = &mut self.process else {
                return;
            };
            let steps = process.courier.poll(now);
            if steps.is_empty() {
                return;
            }
            self.steps(steps);
        }
    }

    pub(super) fn steps(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Commit(batch) => self.memory.commit(&batch),
                Step::Send { mark, parcel } => {
                    self.memory.commit(&mark);
                    self.send(&parcel);
                }
                Step::StandsIn {
                    incident, channel, ..
                } => self.event(Event::StoodIn(incident, channel)),
                Step::Report(trouble) => {
                    let notice = trouble.notice();
                    self.event(Event::Troubled(Trouble {
                        key: notice.key,
                        is_over: notice.is_over,
                        title: notice.title,
                        words: notice.words,
                        not_to: notice.not_to,
                    }));
                }
            }
        }
    }

    /// Whether all of it is news of runs of jobs: before the script begins each job ran well once, and where the file wants to
    /// hear of that, that is no trouble.
    fn tells_of_runs(&self, parcel: &Parcel) -> bool {
        let jobs = self
            .plan
            .targets
            .iter()
            .filter(|known| known.job().is_some());
        let titles: Vec<_> = jobs.map(|job| format!("{} ", job.title())).collect();
        parcel.entries.iter().all(|entry| {
            let headline = &entry.story.title;
            entry.kind == Kind::Notice && titles.iter().any(|title| headline.starts_with(title))
        })
    }

    fn send(&mut self, parcel: &Parcel) {
        let (took, delivery) = self.scenery.send(&parcel.channel);
        let is_early = self.now < BEFORE;
        if delivery == Delivery::Accepted && !(is_early && self.tells_of_runs(parcel)) {
            let newest = parcel.newest();
            let about = |entry: &Entry| {
                let of_incident = self.incidents.get(&entry.key.incident).cloned();
                of_incident.unwrap_or_else(|| entry.story.target.iter().cloned().collect())
            };
            let message = Message {
                after: self.after(),
                is_early,
                channel: parcel.channel.clone(),
                kinds: parcel.entries.iter().map(|entry| entry.kind).collect(),
                mention: newest.mention.clone(),
                incident: newest.key.incident.clone(),
                targets: parcel.entries.iter().flat_map(about).collect(),
                text: message::of_parcel(&self.plan, parcel, self.moment().at)
                    .text()
                    .to_owned(),
            };
            self.played.messages.push(message);
        }
        let key = parcel.key.clone();
        self.push(self.now + took, Coming::SendEnds { key, delivery });
    }
}
