//! Disasters: a production group that nobody holds up any more.
//!
//! A group that the file calls `production` is lost when all of its active members are down, or, of three or more, most of
//! them. Each of those that are down is then as bad as it gets, and whoever hears of disasters hears of its incident. Who is
//! not active holds nothing up and is missed by nobody; who cannot be seen may be up; and what goes down in planned work is
//! no disaster.

use std::collections::BTreeMap;

use super::{Engine, hold::Hold, watched::Watched};
use crate::model::{Batch, GroupName, Moment, Severity, Slot, Verdict};

/// Of at least so many, most are enough.
const MANY: usize = 3;

/// How the production groups do, counted as their members change: one that changes costs the same in a group of ten
/// thousand as in a pair.
#[derive(Debug, Default)]
pub(super) struct Production {
    groups: BTreeMap<GroupName, Held>,
}

/// Who holds a group up.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Held {
    active: usize,
    down: usize,
}

/// What one member adds to that.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Part {
    is_active: bool,
    is_down: bool,
}

impl Held {
    const fn is_lost(self) -> bool {
        let is_all = self.down > 0 && self.down == self.active;
        is_all || self.active >= MANY && 2 * self.down > self.active
    }

    fn add(&mut self, part: Part) {
        self.active += usize::from(part.is_active);
        self.down += usize::from(part.is_down);
    }

    fn remove(&mut self, part: Part) {
        self.active -= usize::from(part.is_active);
        self.down -= usize::from(part.is_down);
    }

    fn words(self, group: &GroupName) -> String {
        if self.down == self.active {
            format!("nobody active in {group} is up")
        } else {
            let (down, active) = (self.down, self.active);
            format!("{down} of {active} active ones in {group} are down")
        }
    }
}

impl Engine {
    /// Counts all production groups anew, as after a start or a change of the file. Nobody is told by that; who is not told
    /// yet is told with the next look.
    pub(super) fn count_production(&mut self) {
        let groups = self.plan.groups.iter().filter(|group| group.is_production);
        let mut counted: BTreeMap<_, _> = groups
            .map(|group| (group.name.clone(), Held::default()))
            .collect();
        for index in 0..self.watched.len() {
            let slot = Slot(u32::try_from(index).unwrap_or(u32::MAX));
            let part = self.part_of(slot);
            let Some(watched) = self.at_mut(slot) else {
                continue;
            };
            let held = watched.target.group.as_ref();
            let held = held.and_then(|group| counted.get_mut(group));
            watched.part = part.filter(|_| held.is_some()).unwrap_or_default();
            if let Some(held) = held {
                held.add(watched.part);
            }
        }
        self.production = Production { groups: counted };
    }

    /// Goes on under another file: who is a part of a disaster by now is told as such.
    pub(super) fn recount_production(&mut self, now: Moment, batch: &mut Batch) {
        self.count_production();
        let groups = self.production.groups.clone();
        for (group, held) in groups {
            let members = self.groups.get(&group).cloned().unwrap_or_default();
            let parts = self.mark_disaster(&members, held);
            self.tell_disaster(now, parts, batch);
        }
    }

    /// Counts nothing until all is counted anew.
    pub(super) fn forget_production(&mut self) {
        self.production = Production::default();
    }

    /// Takes in how a target is now. Answers of whom people know that they are down, and not that this is a disaster: they are
    /// to be told as such, with the target itself or after it.
    pub(super) fn note_disaster(&mut self, slot: Slot) -> Vec<Slot> {
        if self.production.groups.is_empty() {
            return Vec::new();
        }
        let part = self.part_of(slot).unwrap_or_default();
        let Some(watched) = self.at_mut(slot) else {
            return Vec::new();
        };
        let before = watched.part;
        let group = watched.target.group.clone();
        let Some((group, held)) =
            group.and_then(|group| Some((group.clone(), self.production.groups.get_mut(&group)?)))
        else {
            return Vec::new();
        };
        let was_lost = held.is_lost();
        held.remove(before);
        held.add(part);
        let held = *held;
        if let Some(watched) = self.at_mut(slot) {
            watched.part = part;
        }
        if held.is_lost() == was_lost {
            return self.mark_disaster(&[slot], held);
        }
        let members = self.groups.get(&group).cloned().unwrap_or_default();
        self.mark_disaster(&members, held)
    }

    /// Who is a part of a disaster now. Whoever was told of one is told on as such until its incident is over.
    fn mark_disaster(&mut self, members: &[Slot], held: Held) -> Vec<Slot> {
        let mut found = Vec::new();
        for slot in members.iter().copied() {
            let Some(watched) = self.at_mut(slot) else {
                continue;
            };
            let is_part = held.is_lost() && watched.part.is_down;
            let is_told = watched.incident.is_some() || watched.common.is_some();
            watched.is_disaster = is_part || is_told && watched.is_disaster;
            if is_part && self.is_told_milder(slot) {
                // Whoever is told of the next one is told of this one with it.
                self.prepare_member(slot);
                found.push(slot);
            }
        }
        found
    }

    /// Whoever hears of disasters is told of those of which they have not heard yet; of several in one incident, once. Of one
    /// that may be coming back they are told when looks have made up their mind.
    pub(super) fn tell_disaster(&mut self, now: Moment, parts: Vec<Slot>, batch: &mut Batch) {
        for slot in parts {
            let Some(watched) = self.at_mut(slot) else {
                continue;
            };
            if watched.is_in_doubt() {
                watched.hold = Some(Box::new(Hold {
                    words: String::from("that this is a disaster waits for the next look"),
                    until: None,
                    is_blocked: false,
                }));
            } else {
                self.escalate(now, slot, batch);
            }
        }
    }

    /// Whether people were told that it is down, and not that this is a disaster. If they were told of something milder, that
    /// it got worse goes to everybody who has to hear of it anyway.
    fn is_told_milder(&self, slot: Slot) -> bool {
        self.at(slot).is_some_and(|watched| match watched.common {
            None => watched.incident.as_ref().is_some_and(|open| {
                let incident = &open.incident;
                incident.verdict == Verdict::Down && incident.severity < Severity::Disaster
            }),
            Some(number) => self.commons.open.tells_milder(number, &watched.target.id),
        })
    }

    /// Why its being down is a disaster, if it is one.
    pub(super) fn disaster_words(&self, slot: Slot) -> Option<String> {
        let watched = self.at(slot).filter(|watched| watched.part.is_down)?;
        let group = watched.target.group.as_ref()?;
        let held = self.production.groups.get(group)?;
        held.is_lost().then(|| held.words(group))
    }

    /// What it adds to its group; absent if it has no say in it.
    fn part_of(&self, slot: Slot) -> Option<Part> {
        let watched = self.at(slot)?;
        let is_active = watched
            .role
            .as_ref()
            .is_none_or(|role| role.role.is_active());
        let is_one = !watched.stands_for_others() && is_active;
        let is_down = watched.settled() == Verdict::Down && self.hold_planned(slot).is_none();
        is_one.then_some(Part {
            is_active: true,
            is_down,
        })
    }
}

impl Watched {
    /// How bad its trouble is for people as things are.
    pub(super) fn severity(&self) -> Severity {
        if self.is_disaster {
            Severity::Disaster
        } else {
            self.target.severity
        }
    }
}
