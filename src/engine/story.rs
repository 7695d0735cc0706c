//! The facts of a message, gathered when it is written.

use super::{Engine, watched::Watched};
use crate::{
    judge::freshness::{self, Life},
    model::{
        ChannelName, Moment, OnCallName, Outage, Slot, Story, Timestamp, Verdict,
        plan::Question,
        planned::{Acknowledgement, Attended, Silent},
    },
};

/// Members of larger groups say nothing of each other, and a mass outage must not cost the square of its size.
const SIBLINGS_OF_AT_MOST: usize = 12;

impl Engine {
    /// The facts of a message about a target as it stands.
    pub(super) fn story(
        &self,
        now: Moment,
        slot: Slot,
        to: &[(ChannelName, Option<OnCallName>)],
        outage: Option<Outage>,
    ) -> Story {
        let check = self.at(slot).map_or(0, Watched::deciding);
        self.story_of(now, slot, check, to, outage)
    }

    /// The facts of a message about a target as one of its checks has it.
    pub(super) fn story_of(
        &self,
        now: Moment,
        slot: Slot,
        index: usize,
        to: &[(ChannelName, Option<OnCallName>)],
        outage: Option<Outage>,
    ) -> Story {
        let watched = self
            .at(slot)
            .expect("stories are told of targets that are there");
        let watching = &watched.checks[index];
        let target = &watched.target;
        let is_end = outage.is_some();
        let told_before = watched.incident.as_ref().map(|open| open.incident.verdict);
        Story {
            target: Some(target.id.clone()),
            title: target.title(),
            icon: target.icon.clone(),
            severity: watched.severity(),
            check: Some(target.checks[index].kind),
            from: told_before
                .or_else(|| outage.as_ref().map(|outage| outage.worst))
                .or(watching.decision.from)
                .unwrap_or(Verdict::Unknown),
            to: watching.state.settled,
            since: watching.state.since,
            decided_at: watching.decision.at,
            reason: watched.told_reason(index),
            looks_for: watching.decision.looks_for,
            looks_of: watching.decision.looks_of,
            phases: watching.last.phases,
            detail: watching.last.detail.clone(),
            last_good: watching.state.last_good,
            outage,
            runbook_url: target.runbook_url.clone(),
            also_told: each_once(to),
            siblings: self.around(slot),
            log: log_words(watched, watching.decision.at),
            role: watched.role.as_ref().map(|standing| standing.role),
            many: None,
            notes: self.notes(slot, is_end),
            flapping: watched.flapping(now),
            attended: match &watched.incident {
                Some(open) if !is_end => {
                    attended(open.incident.acknowledged.as_ref(), self.silence_over(slot))
                }
                Some(_) | None => None,
            },
        }
    }

    /// What is to be said beside the facts: why it is a disaster, what kept it from being told, and what happened near its beginning.
    fn notes(&self, slot: Slot, is_end: bool) -> Vec<String> {
        let mut notes: Vec<_> = self.disaster_words(slot).into_iter().collect();
        notes.extend(self.plans.notes_of([&slot]));
        notes.extend(self.spender_words(slot));
        if let Some(watched) = self.at(slot).filter(|_| !is_end) {
            let open = watched.incident.as_ref();
            let since = open.map_or_else(|| watched.since(), |open| open.incident.since);
            notes.extend(self.near_words([&slot], since));
        }
        notes
    }

    /// What is around it: what it blocks, and what the others of its group do.
    fn around(&self, slot: Slot) -> Vec<String> {
        let mut out = self.siblings(slot);
        out.extend(self.blocked_words(&[slot]));
        out
    }

    /// What the others of the same group do, worst first, at most three.
    fn siblings(&self, slot: Slot) -> Vec<String> {
        let group = self
            .at(slot)
            .and_then(|watched| watched.target.group.as_ref());
        let Some(members) = group.and_then(|group| self.groups.get(group)) else {
            return Vec::new();
        };
        if members.len() > SIBLINGS_OF_AT_MOST {
            return Vec::new();
        }
        let mut others: Vec<_> = members
            .iter()
            .filter(|member| **member != slot)
            .filter_map(|member| self.at(*member))
            .map(|watched| (watched.settled(), watched.target.title()))
            .collect();
        others.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
        others.truncate(3);
        others
            .into_iter()
            .map(|(verdict, title)| format!("{title} {verdict}"))
            .collect()
    }
}

/// What the log of a target says, and what that means beside its endpoint.
fn log_words(watched: &Watched, now: Timestamp) -> Option<String> {
    let facts = watched.log.as_deref()?;
    let mut words = facts.words(now);
    let health = watched
        .target
        .checks
        .iter()
        .zip(&watched.checks)
        .find(|(check, _)| {
            !matches!(
                check.question,
                Question::LogFreshness(_) | Question::Heartbeat(_)
            )
        });
    let together = health.and_then(|(_, watching)| {
        let is_bad = matches!(watching.state.settled, Verdict::Down | Verdict::Degraded);
        let answers = watching.last.phases.first_byte_us.is_some();
        let log = watched.log_since(watching.state.since);
        let life = log.map_or(Life::Open, |(_, life)| life);
        freshness::together(facts.row, life, is_bad, answers)
    });
    if let Some(together) = together {
        words.push_str(" \u{2192} ");
        words.push_str(together);
    }
    Some(words)
}

/// What people do about an open incident, if they do anything.
pub(super) fn attended(
    on_it: Option<&Acknowledgement>,
    silent: Option<Silent>,
) -> Option<Box<Attended>> {
    let attended = Attended {
        on_it: on_it.cloned(),
        silent,
        deed: String::new(),
        calls: None,
    };
    (!attended.is_nothing()).then(|| Box::new(attended))
}

/// Everybody who gets a message: whoever hands it on has to know all of them, or somebody hears it twice.
pub(super) fn each_once(to: &[(ChannelName, Option<OnCallName>)]) -> Vec<ChannelName> {
    let mut out: Vec<ChannelName> = Vec::new();
    for (channel, _) in to {
        if !out.contains(channel) {
            out.push(channel.clone());
        }
    }
    out
}
