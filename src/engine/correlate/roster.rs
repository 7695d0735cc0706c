//! The members of an incident of several, found at once and counted: one that changes costs the same in a disaster of
//! twenty thousand as in one of three.

use std::collections::{BTreeMap, HashMap};

use super::{Shared, shared_members};
use crate::model::{Incident, Target, TargetId, Verdict, cause::Member};

/// Where each member stands in the list of its incident, and how many of them are bad how.
#[derive(Debug, Default)]
pub(super) struct Roster {
    places: HashMap<TargetId, usize>,
    bad: BTreeMap<Verdict, usize>,
}

impl Roster {
    pub(super) fn of(incident: &Incident) -> Self {
        let mut roster = Self::default();
        for (place, member) in shared_members(incident).enumerate() {
            roster.places.insert(member.target.clone(), place);
            roster.count(None, badness(member));
        }
        roster
    }

    fn count(&mut self, before: Option<Verdict>, after: Option<Verdict>) {
        if before == after {
            return;
        }
        if let Some(verdict) = before
            && let Some(count) = self.bad.get_mut(&verdict)
        {
            *count -= 1;
            if *count == 0 {
                self.bad.remove(&verdict);
            }
        }
        if let Some(verdict) = after {
            *self.bad.entry(verdict).or_default() += 1;
        }
    }
}

/// How bad a member is; absent if it is back.
fn badness(member: &Member) -> Option<Verdict> {
    member.until.is_none().then_some(member.verdict)
}

impl Shared {
    /// The member that is this target.
    pub(super) fn member(&self, target: &TargetId) -> Option<&Member> {
        self.common().members.get(*self.roster.places.get(target)?)
    }

    /// Changes how a member is; the one way to do so, or the counts would be wrong. Nothing if there is no such member.
    pub(super) fn change(&mut self, target: &TargetId, change: impl FnOnce(&mut Member)) {
        let Some(place) = self.roster.places.get(target).copied() else {
            return;
        };
        let member = &mut self.common_mut().members[place];
        let before = badness(member);
        change(member);
        let after = badness(member);
        self.roster.count(before, after);
    }

    /// Adds a member; one that was there before begins anew in its place.
    pub(super) fn enlist(&mut self, member: Member) {
        if self.roster.places.contains_key(&member.target) {
            let target = member.target.clone();
            self.change(&target, |known| *known = member);
            return;
        }
        let place = self.common().members.len();
        self.roster.places.insert(member.target.clone(), place);
        self.roster.count(None, badness(&member));
        self.open.incident.targets.push(member.target.clone());
        self.common_mut().members.push(member);
    }

    /// A member has another name.
    pub(super) fn rename(&mut self, was: &TargetId, target: &Target) {
        super::super::rename_members(std::slice::from_mut(&mut self.open.incident), was, target);
        for picture in self.said.values_mut() {
            if let Some(said) = picture.remove(was) {
                picture.insert(target.id.clone(), said);
            }
        }
        if let Some(place) = self.roster.places.remove(was) {
            self.roster.places.insert(target.id.clone(), place);
        }
    }

    /// The worst of those that are bad now; `Operational` if none is.
    pub(super) fn worst(&self) -> Verdict {
        let worst = self.roster.bad.last_key_value();
        worst.map_or(Verdict::Operational, |(verdict, _)| *verdict)
    }

    /// Whether nobody is bad any more.
    pub(super) fn is_over(&self) -> bool {
        self.roster.bad.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        engine::watched::Open,
        model::{
            IncidentId, Severity, Tick, Timestamp,
            cause::{Cause, Common},
        },
    };

    fn incident() -> Incident {
        let at = Timestamp::default();
        Incident {
            id: IncidentId::from_number(1),
            number: 1,
            targets: Vec::new(),
            severity: Severity::Info,
            since: at,
            opened_at: at,
            closed_at: None,
            verdict: Verdict::Down,
            worst: Verdict::Down,
            told: Vec::new(),
            sequence: 0,
            remind_after: Vec::new(),
            reminders: 0,
            remind_at: None,
            seen: Vec::new(),
            mark: None,
            warned_at: None,
            flapping: None,
            is_short_otherwise: false,
            acknowledged: None,
            common: Some(Box::new(Common {
                cause: Cause::Together,
                population: 0,
                members: Vec::new(),
                flapping: None,
            })),
        }
    }

    fn member(name: u8, verdict: Verdict) -> Member {
        Member {
            target: TargetId::new(name.to_string()),
            title: name.to_string(),
            verdict,
            words: String::new(),
            since: Timestamp::default(),
            until: None,
            channels: Vec::new(),
            said: Vec::new(),
        }
    }

    proptest! {
        /// What is counted is what one would find by looking at every member.
        #[test]
        fn counts_are_those_of_the_members(steps in prop::collection::vec((0..6_u8, 0..4_u8), 0..40)) {
            let open = Open { incident: incident(), remind: None };
            let mut shared = Shared::new(open, Tick::ZERO);
            for (name, step) in steps {
                let target = TargetId::new(name.to_string());
                match step {
                    0 => shared.enlist(member(name, Verdict::Degraded)),
                    1 => shared.enlist(member(name, Verdict::Down)),
                    2 => shared.change(&target, |member| member.verdict = Verdict::Down),
                    _ => shared.change(&target, |member| member.until = Some(Timestamp::default())),
                }
                let members = &shared.common().members;
                let bad = || members.iter().filter(|member| member.until.is_none());
                let worst = bad().map(|member| member.verdict).max();
                prop_assert_eq!(shared.worst(), worst.unwrap_or(Verdict::Operational));
                prop_assert_eq!(shared.is_over(), bad().next().is_none());
                for member in members {
                    prop_assert_eq!(shared.member(&member.target), Some(member));
                }
                prop_assert_eq!(members.len(), shared.open.incident.targets.len());
            }
        }
    }
}
