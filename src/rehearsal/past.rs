//! The troubles of the past, one for each telling, with what is known of them.

use std::collections::BTreeMap;

use super::retrial::Trouble;
use crate::{
    model::{
        CheckId, ComponentState, Entry, Incident, Kind, Timestamp, Transition, Verdict,
        cause::Cause, roles::Role,
    },
    store::Chronicle,
};

/// One trouble that was told: an incident, and how one check of it became bad.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The incident.
    pub incident: &'a Incident,
    /// How it began.
    pub trouble: Trouble<'a>,
    /// The message that told it, if there was one.
    pub message: Option<&'a Entry>,
    /// How many reminders were sent.
    pub reminders: usize,
}

impl Told<'_> {
    /// Which check.
    pub const fn check(&self) -> &CheckId {
        &self.trouble.begun.check
    }

    /// The component that was down: the one that several had in common, else the first that its body called down.
    pub fn component(&self) -> Option<&str> {
        let common = self.incident.common.as_ref().map(|common| &common.cause);
        if let Some(Cause::Component(name)) = common {
            return Some(name);
        }
        let detail = self.trouble.begun.detail.as_deref()?;
        let mut components = detail.components.iter();
        let down = components.find(|component| component.state == ComponentState::Down)?;
        Some(&down.name)
    }

    /// Its role as it was told.
    pub fn role(&self) -> Option<Role> {
        self.message.and_then(|message| message.story.role)
    }
}

/// The troubles that were told since then, in order: for each incident the first bad change of each of its targets.
///
/// Warnings of an end, such as that of a certificate, are none: no rule of judgement decides them.
pub fn told(chronicle: &Chronicle, since: Timestamp) -> Vec<Told<'_>> {
    let mut by_check: BTreeMap<&CheckId, Vec<&Transition>> = BTreeMap::new();
    for transition in &chronicle.transitions {
        by_check
            .entry(&transition.check)
            .or_default()
            .push(transition);
    }
    let mut out = Vec::new();
    let incidents = chronicle.incidents.iter();
    for incident in incidents.filter(|incident| incident.opened_at >= since) {
        for target in &incident.targets {
            let began = chronicle.transitions.iter().find(|transition| {
                transition.check.target == *target
                    && transition.to > Verdict::Suspect
                    && transition.incident.as_ref() == Some(&incident.id)
            });
            let Some(begun) = began.filter(|_| !incident.is_only_ending()) else {
                continue;
            };
            let next = by_check
                .get(&begun.check)
                .into_iter()
                .flatten()
                .find(|other| other.number == begun.number + 1);
            let mut messages = chronicle
                .messages
                .iter()
                .filter(|message| message.key.incident == incident.id);
            let reminders = messages.clone();
            out.push(Told {
                incident,
                trouble: Trouble {
                    begun,
                    next: next.copied(),
                    known_until: chronicle.until.unwrap_or(begun.at),
                },
                message: messages.find(|message| message.kind == Kind::Opened),
                reminders: reminders
                    .filter(|message| message.kind == Kind::Reminder)
                    .map(|message| message.key.sequence)
                    .collect::<std::collections::BTreeSet<_>>()
                    .len(),
            });
        }
    }
    out.sort_by_key(|told| told.trouble.begun.at);
    out
}
