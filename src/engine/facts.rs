//! What is shown of a target: the facts behind the grid, `explain` and the API.

use std::time::Duration;

use super::{
    Action, Engine,
    watched::{Open, Watched, Watching},
};
use crate::{
    judge,
    model::{
        Policy, Reason, Rule, Slot, Verdict,
        board::{Facts, Suspicion},
        heartbeat::HeartbeatQuestion,
        text::span,
    },
};

impl Engine {
    /// Publishes what is known of a target.
    pub(super) fn show(&self, slot: Slot, actions: &mut Vec<Action>) {
        if let Some(watched) = self.at(slot) {
            let shared = watched
                .common
                .and_then(|number| self.commons.open.get(number));
            let open = watched.incident.as_deref();
            let open = open.or_else(|| shared.map(|shared| &shared.open));
            let mut facts = facts(watched, open);
            facts.note = self.note_of(slot);
            if let Some(open) = open {
                facts.near = self.near_words([&slot], open.incident.since);
            }
            actions.push(Action::Show(slot, Box::new(facts)));
            self.show_job(slot, actions);
        }
    }
}

fn facts(watched: &Watched, open: Option<&Open>) -> Facts {
    let deciding = watched.deciding();
    let suspicious = watched
        .checks
        .iter()
        .position(|watching| watching.state.shown() == Verdict::Suspect);
    let blocked = watched.hold.as_deref().filter(|hold| hold.is_blocked);
    let settled = match blocked {
        Some(_) => Verdict::Unknown,
        None => watched.settled(),
    };
    let verdict = match (settled, suspicious.filter(|_| blocked.is_none())) {
        (Verdict::Operational | Verdict::Unknown, Some(_)) => Verdict::Suspect,
        (settled, _) => settled,
    };
    let watching = &watched.checks[deciding];
    let asked = suspicious
        .filter(|_| verdict == Verdict::Suspect)
        .map_or(watching, |check| &watched.checks[check]);
    let policy = &watched.target.checks[deciding].policy;
    let question = &watched.target.checks[deciding].question;
    let waits_for = question.heartbeat().map(|beat| next_beat(watching, beat));
    let waits_for = waits_for.or_else(|| question.job().map(|_| watched.next_of_job()));
    Facts {
        verdict,
        settled,
        reason: match blocked {
            Some(hold) => Reason {
                rule: Rule::Blocked,
                words: format!("{}: {}", hold.words, watching.state.reason.words),
            },
            None => watching.state.reason.clone(),
        },
        since: watching.state.since,
        suspicion: asked.state.burst.as_ref().map(|burst| Suspicion {
            words: burst.words.clone(),
            since: burst.since,
            looks: burst.looks,
        }),
        incident: open.map(|open| open.incident.id.clone()),
        told: open
            .iter()
            .flat_map(|open| &open.incident.told)
            .cloned()
            .collect(),
        remind_after: open.map_or_else(Vec::new, |open| open.incident.remind_after.clone()),
        acknowledged: open.and_then(|open| open.incident.acknowledged.clone()),
        note: None,
        last_good: watching.state.last_good,
        phases: asked.last.phases,
        detail: asked.last.detail.clone(),
        held: watched.hold.as_ref().map(|hold| hold.words.clone()),
        next: waits_for.unwrap_or_else(|| next(asked, policy)),
        near: Vec::new(),
    }
}

/// What will happen next of something that calls us.
fn next_beat(watching: &Watching, question: &HeartbeatQuestion) -> String {
    match watching.state.settled {
        Verdict::Operational | Verdict::Suspect => format!(
            "a beat is expected every {}; missed {} later",
            span(question.every),
            span(question.grace)
        ),
        Verdict::Unknown | Verdict::Degraded | Verdict::Down => {
            String::from("operational after the next beat")
        }
    }
}

/// What will happen next, as a clause.
fn next(watching: &Watching, policy: &Policy) -> String {
    let state = &watching.state;
    let seconds = |length: Duration| span(Duration::from_secs(length.as_secs()));
    let successes = judge::successes(policy, state);
    let good_looks = match successes {
        1 => String::from("a good look"),
        looks => format!("{looks} good looks in a row"),
    };
    if let Some(recovery) = &state.recovery {
        return format!(
            "{} after {successes} such looks in a row ({} so far)",
            recovery.towards, recovery.looks
        );
    }
    if let Some(burst) = &state.burst {
        let bad = burst.looks;
        return match policy.count {
            Some(count) => format!(
                "decided when {} of {} looks have failed",
                count.failures, count.of
            ),
            None => format!(
                "told if it lasts {} from the first failure on ({bad} bad looks so far); one good look ends it",
                seconds(policy.spans.of(burst.weakest)),
            ),
        };
    }
    match state.settled {
        Verdict::Down => format!("operational after {good_looks} (0 so far)"),
        Verdict::Degraded if state.score > 0 => {
            String::from("operational when its looks have been good for some minutes")
        }
        Verdict::Unknown if state.reason.rule == Rule::NotYetSeen => {
            String::from("the first look decides")
        }
        Verdict::Degraded | Verdict::Unknown => {
            format!("operational after {good_looks}")
        }
        Verdict::Operational | Verdict::Suspect => {
            format!("looked at again within {}", seconds(policy.interval))
        }
    }
}
