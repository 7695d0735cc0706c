//! What comes in from outside by itself: calls of those that are not asked.

use std::{sync::Arc, time::Duration};

use super::{BEFORE, Coming, Stage};
use crate::{
    engine::Event,
    model::{
        GroupName, Plan, SourceName, TargetId,
        heartbeat::{News, Push},
        job::{Ping, Pinged},
        logs::LogStore,
        plan::Question,
    },
};

/// How often a log that is pushed says its newest line.
const PUSH_EVERY: Duration = Duration::from_secs(10);

impl Stage<'_> {
    /// Plans the calls that this plan expects and the one before it did not.
    pub(super) fn plan_calls(&mut self, before: Option<&Plan>) {
        let plan = Arc::clone(&self.plan);
        let known: Vec<_> = before.into_iter().flat_map(beats).collect();
        for (target, every) in beats(&plan) {
            if known.contains(&(target.clone(), every)) {
                continue;
            }
            // One beat comes exactly at the beginning of the script; whoever is expected later calls at once.
            let mut first = BEFORE;
            while first > every {
                first -= every;
            }
            let first = if before.is_some() { self.now } else { first };
            self.push(first, Coming::Beat { target, every });
        }
        self.plan_runs(before);
        let known: Vec<_> = before.into_iter().flat_map(pushed).collect();
        for (target, source) in pushed(&plan) {
            if !known.contains(&(target.clone(), source.clone())) {
                self.push(self.now, Coming::Lines { target, source });
            }
        }
    }

    /// Plans the runs of jobs that the plan before did not know: each ran well a moment before the script begins.
    fn plan_runs(&mut self, before: Option<&Plan>) {
        let known: Vec<_> = before.into_iter().flat_map(jobs).collect();
        let plan = Arc::clone(&self.plan);
        for (target, rhythm) in jobs(&plan) {
            if !known.contains(&(target.clone(), rhythm.clone())) {
                let first = if before.is_some() {
                    self.now
                } else {
                    BEFORE / 2
                };
                self.push(first, Coming::Run { target, rhythm });
            }
        }
    }

    /// A job runs, and will again when it is due by the clock of the world.
    pub(super) fn run_again(&mut self, target: TargetId, rhythm: String) {
        let plan = Arc::clone(&self.plan);
        let mut targets = plan.targets.iter();
        let Some((_, question)) = targets
            .find(|known| known.id == target)
            .and_then(|known| known.job())
            .filter(|(_, question)| question.rhythm.to_string() == rhythm)
        else {
            return;
        };
        if self.scenery.is_network_up() {
            for what in [Pinged::Began, Pinged::Done] {
                let ping = Ping {
                    what,
                    run: String::new(),
                    said: String::new(),
                    fault: None,
                    took: None,
                };
                self.event(Event::Pinged(0, target.clone(), ping));
            }
        }
        let now = self.clocks().world;
        if let Some(due) = question.rhythm.due_after(now) {
            let next = self.now + due.since(now);
            self.push(next, Coming::Run { target, rhythm });
        }
    }

    /// A target calls, and will again as long as the file expects it to.
    pub(super) fn beat_again(&mut self, target: TargetId, every: Duration) {
        if beats(&self.plan).any(|known| known == (target.clone(), every)) {
            self.beat(&target);
            self.push(self.now + every, Coming::Beat { target, every });
        }
    }

    pub(super) fn beat(&mut self, target: &TargetId) {
        if let Some(news) = self.scenery.beat(target) {
            let target = target.clone();
            self.event(Event::Pushed(Push { target, news }));
        }
    }

    /// Shippers say their newest lines, and will again as long as the file knows them.
    pub(super) fn lines_again(&mut self, target: TargetId, source: SourceName) {
        if pushed(&self.plan).any(|known| known == (target.clone(), source.clone())) {
            self.lines(&target, &source);
            self.push(self.now + PUSH_EVERY, Coming::Lines { target, source });
        }
    }

    fn lines(&mut self, target: &TargetId, source: &SourceName) {
        if !self.scenery.is_network_up() {
            return;
        }
        let plan = Arc::clone(&self.plan);
        let clocks = self.clocks();
        let stores = plan.targets.iter().filter(|known| known.id == *target);
        for check in stores.flat_map(|target| &target.checks) {
            let Question::LogStore(question) = &check.question else {
                continue;
            };
            for subject in &question.subjects {
                let Some((newest, lag)) = self.scenery.newest(source, subject, clocks) else {
                    continue;
                };
                let push = Push {
                    target: target.clone(),
                    news: News::Line {
                        query: subject.query.clone(),
                        // Whoever ships it has a clock of their own.
                        written_at: Some(newest.world),
                        lag: Some(lag),
                    },
                };
                self.event(Event::Pushed(push));
            }
        }
    }

    /// Where whoever deploys says who of these groups is active, they say it.
    pub(super) fn tell_roles(&mut self, is_meant: impl Fn(&GroupName) -> bool) {
        let plan = Arc::clone(&self.plan);
        for check in plan.targets.iter().flat_map(|target| &target.checks) {
            if let Question::Roles(roles) = &check.question
                && is_meant(&roles.group)
                && let Some(active) = self.scenery.the_active(roles)
            {
                self.event(Event::RoleSaid(roles.group.clone(), active.to_owned()));
            }
        }
    }
}

/// Who calls, and how often.
fn beats(plan: &Plan) -> impl Iterator<Item = (TargetId, Duration)> {
    plan.targets.iter().filter_map(|target| {
        let (_, question) = target.heartbeat()?;
        Some((target.id.clone(), question.every))
    })
}

/// The jobs, and when they run.
fn jobs(plan: &Plan) -> impl Iterator<Item = (TargetId, String)> {
    plan.targets.iter().filter_map(|target| {
        let (_, question) = target.job()?;
        Some((target.id.clone(), question.rhythm.to_string()))
    })
}

/// The stores into which shippers push, as targets and by name.
fn pushed(plan: &Plan) -> impl Iterator<Item = (TargetId, SourceName)> {
    plan.targets.iter().flat_map(|target| {
        target.checks.iter().filter_map(|check| {
            if let Question::LogStore(question) = &check.question
                && matches!(question.source.store, LogStore::Push { .. })
            {
                Some((target.id.clone(), question.source.name.clone()))
            } else {
                None
            }
        })
    })
}
