//! `steps:` one run of a scenario: requests in order, with the cookies and the connections of a single visitor.
//!
//! The first step that fails ends the run and is its outcome, in its own class of evidence. Steps that clean up are taken
//! whatever happened before; what comes of them is a note and never the outcome. So that a step that hangs leaves time for
//! them, a quarter of the limit is kept back if there are any.

mod values;

use std::{mem, time::Duration};

use crate::{
    clock::Clock,
    model::{
        Detail, Extra, FailureClass, FailureKind, Outcome, Phases, Tick,
        steps::{Step, StepSeen, StepsQuestion},
        text::{FOREIGN_MAX, clean, span},
    },
};

use self::values::Values;
use super::http::{Client, Findings, cover, expect, limits::Expired, session::Session, trouble};

/// One run, over within the limit.
pub(super) async fn look(
    client: &Client,
    question: &StepsQuestion,
    clock: &Clock,
    started: Tick,
    limit: Duration,
) -> Findings {
    let mut run = Run {
        client,
        clock,
        session: Session::default(),
        values: Values::of(question),
        seen: Vec::with_capacity(question.steps.len()),
        phases: Phases::default(),
        status: None,
        outcome: Outcome::Healthy,
        detail: None,
    };
    let has_cleanup = question.steps.iter().any(|step| step.is_cleanup);
    let own = if has_cleanup { limit * 3 / 4 } else { limit };
    let mut goes_on = true;
    for (number, step) in (1..).zip(&question.steps) {
        if step.is_cleanup {
            run.clean_up(step, number, started + limit).await;
        } else if goes_on {
            goes_on = run.take(step, number, (own, started + own)).await;
        } else {
            run.leave_out(step, number, None);
        }
    }
    run.finish()
}

/// One run under way.
struct Run<'run> {
    client: &'run Client,
    clock: &'run Clock,
    session: Session,
    values: Values,
    seen: Vec<StepSeen>,
    phases: Phases,
    status: Option<u16>,
    outcome: Outcome,
    detail: Option<Box<Detail>>,
}

impl Run<'_> {
    /// Takes a step; whether the next one follows. The time is that of all steps, and when it is over.
    async fn take(&mut self, step: &Step, number: usize, (whole, end): (Duration, Tick)) -> bool {
        let title = step.title(number);
        let now = self.clock.now().tick;
        let left = end.since(now);
        if left.is_zero() {
            let expired = Expired::since(end, whole, now);
            let outcome = expired.accuse(|| {
                let words = format!(
                    "there was no time left for it, the steps before it took {}",
                    span(whole)
                );
                trouble::silent(FailureKind::FirstByteTimeout, words)
            });
            let words = words_of(&outcome).to_owned();
            self.leave_out(step, number, Some(words));
            self.outcome = of_step(outcome, &title);
            return false;
        }
        let limit = step.timeout.map_or(left, |own| own.min(left));
        let (findings, took, goes_on) = self.ask(step, limit).await;
        self.add(&findings.phases);
        self.status = findings.status.or(self.status);
        let trouble = Some(words_of(&findings.outcome)).filter(|words| !words.is_empty());
        self.seen.push(StepSeen {
            title: title.clone(),
            took,
            status: findings.status,
            trouble: trouble.map(str::to_owned),
            is_cleanup: false,
        });
        // Of several steps that fall short the first is told, unless one fails after it.
        let is_worse = !goes_on || self.outcome == Outcome::Healthy;
        if findings.outcome != Outcome::Healthy && is_worse {
            self.outcome = of_step(findings.outcome, &title);
        }
        if let Some(detail) = findings.detail.filter(|_| is_worse) {
            self.detail = Some(detail);
        }
        goes_on
    }

    async fn clean_up(&mut self, step: &Step, number: usize, end: Tick) {
        let left = end.since(self.clock.now().tick);
        if left.is_zero() {
            self.leave_out(
                step,
                number,
                Some(String::from("there was no time left for it")),
            );
            return;
        }
        let limit = step.timeout.map_or(left, |own| own.min(left));
        let (findings, took, _) = self.ask(step, limit).await;
        let trouble = Some(words_of(&findings.outcome)).filter(|words| !words.is_empty());
        self.seen.push(StepSeen {
            title: step.title(number),
            took,
            status: findings.status,
            trouble: trouble.map(str::to_owned),
            is_cleanup: true,
        });
    }

    /// Writes down that a step was not taken, and perhaps why.
    fn leave_out(&mut self, step: &Step, number: usize, trouble: Option<String>) {
        self.seen.push(StepSeen {
            title: step.title(number),
            took: None,
            status: None,
            trouble,
            is_cleanup: step.is_cleanup,
        });
    }

    /// Asks, and takes the values that later steps need; whether they can follow.
    async fn ask(&mut self, step: &Step, limit: Duration) -> (Findings, Option<Duration>, bool) {
        let began = self.clock.now().tick;
        let expect = &step.request.expect;
        let unexpected = |why: &str| expect::unexpected(expect, FailureClass::Explicit, why);
        let request = match self.values.fill(step) {
            Ok(request) => request,
            Err(why) => return (Findings::of(unexpected(&why)), None, false),
        };
        let asking = self
            .client
            .ask_within(&request, began, limit, &mut self.session);
        let (mut findings, kept) = Box::pin(asking).await;
        let mut goes_on = matches!(findings.outcome, Outcome::Healthy | Outcome::Degraded(_));
        if goes_on && let Err(why) = self.values.take(step, kept.as_deref()) {
            goes_on = false;
            if findings.outcome == Outcome::Healthy {
                findings.outcome = unexpected(&why);
            }
        }
        cover::cover_all(&mut findings, &self.secrets());
        let took = self.clock.now().tick.since(began);
        (findings, Some(took), goes_on)
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets = self.values.secrets();
        let cookies = self.session.cookie_values().iter().map(String::as_str);
        secrets.extend(values::covered(cookies));
        secrets
    }

    fn add(&mut self, phases: &Phases) {
        let sum = |all: &mut Option<u32>, more: Option<u32>| {
            if let Some(more) = more {
                *all = Some(all.unwrap_or_default().saturating_add(more));
            }
        };
        sum(&mut self.phases.resolve_us, phases.resolve_us);
        sum(&mut self.phases.connect_us, phases.connect_us);
        sum(&mut self.phases.tls_us, phases.tls_us);
        sum(&mut self.phases.first_byte_us, phases.first_byte_us);
        sum(&mut self.phases.body_us, phases.body_us);
    }

    fn finish(mut self) -> Findings {
        let secrets = self.secrets();
        let mut seen = mem::take(&mut self.seen);
        for step in &mut seen {
            if let Some(trouble) = &mut step.trouble {
                cover::cover_text(trouble, &secrets);
            }
        }
        let note = note(&seen, self.outcome == Outcome::Healthy);
        let mut detail = self.detail;
        if let Some(note) = note {
            let detail = detail.get_or_insert_default();
            detail.note = Some(match detail.note.take() {
                Some(other) => clean(&format!("{note}; {other}"), FOREIGN_MAX),
                None => note,
            });
        }
        let mut findings = Findings {
            outcome: self.outcome,
            status: self.status,
            phases: self.phases,
            family: None,
            detail,
            extra: Some(Box::new(Extra::Steps(seen))),
        };
        cover::cover_all(&mut findings, &secrets);
        findings
    }
}

/// How the steps went; of a good run only what did not clean up.
fn note(seen: &[StepSeen], is_good: bool) -> Option<String> {
    let parts: Vec<_> = seen
        .iter()
        .filter(|step| !is_good || step.is_cleanup && step.trouble.is_some())
        .map(|step| match (step.took, &step.trouble) {
            (_, Some(trouble)) if step.is_cleanup => {
                format!("{}, which cleans up: {trouble}", step.title)
            }
            (Some(took), trouble) => {
                let mark = if trouble.is_some() { ", failed" } else { "" };
                format!("{} {}{mark}", step.title, span(took))
            }
            (None, _) => format!("{} not taken", step.title),
        })
        .collect();
    (!parts.is_empty()).then(|| clean(&parts.join(" · "), FOREIGN_MAX))
}

/// The same outcome, with the step in its words.
fn of_step(mut outcome: Outcome, title: &str) -> Outcome {
    let words = match &mut outcome {
        Outcome::Healthy => return outcome,
        Outcome::Degraded(degradation) => &mut degradation.words,
        Outcome::Unhealthy(failure) => &mut failure.words,
        Outcome::Unobservable(gap) => &mut gap.words,
    };
    *words = clean(&format!("{title}: {words}"), FOREIGN_MAX);
    outcome
}

fn words_of(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Healthy => "",
        Outcome::Degraded(degradation) => &degradation.words,
        Outcome::Unhealthy(failure) => &failure.words,
        Outcome::Unobservable(gap) => &gap.words,
    }
}
