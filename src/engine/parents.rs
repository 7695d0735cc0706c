//! What depends on something that is down is not accused: nobody can say how it is.
//!
//! A target whose parent is down counts as unknown and is not told; if it is still bad a while after the parent is back, it
//! is. One that fails while its parent is in question waits until that is decided, as long as anything waits.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{Action, Engine, hold::Hold, watched::Watched};
use crate::model::{Batch, Moment, Slot, Verdict, plan::Parent, roles::Role};

/// So long after its parent is back what is still bad is told.
const AFTER_PARENT: Duration = Duration::from_secs(45);
/// It is put off by so much if it is answering again just then …
const RECOVERING: Duration = Duration::from_secs(15);
/// … but never for longer than this after its parent is back.
const AFTER_PARENT_MAX: Duration = Duration::from_secs(90);
/// A parent can cease to be down without a look: by a swap of roles, or with the file.
const ASKED_AGAIN: Duration = Duration::from_secs(15);
/// A way through dependencies is followed so far.
const STATIONS_MAX: u8 = 32;
/// More blocked ones than this are counted, not named.
const NAMED_MAX: usize = 3;

/// How something stands that others depend on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Up,
    InQuestion,
    Down,
}

impl Engine {
    /// Whether a trouble is not to be told because a parent is down, or was a moment ago.
    pub(super) fn hold_blocked(&self, now: Moment, slot: Slot) -> Option<Hold> {
        let watched = self.at(slot)?;
        if watched.target.depends_on.is_empty() || watched.is_only_ending() {
            return None;
        }
        if let Some(name) = self.down_parent(watched) {
            return Some(Hold {
                words: format!("blocked by {name}"),
                until: Some(now.tick + ASKED_AGAIN),
                is_blocked: true,
            });
        }
        let back = watched.parent_back?;
        let mut until = back + AFTER_PARENT;
        let is_recovering = watched.checks[watched.deciding()].state.recovery.is_some();
        if until <= now.tick && is_recovering {
            until = (now.tick + RECOVERING).min(back + AFTER_PARENT_MAX);
        }
        (until > now.tick).then(|| Hold {
            words: String::from("what it depends on is only just back"),
            until: Some(until),
            is_blocked: true,
        })
    }

    /// Notices that what blocked a target does so no more, however that came about.
    pub(super) fn note_parents(&mut self, now: Moment, slot: Slot) {
        let Some(watched) = self.at(slot) else { return };
        if watched.target.depends_on.is_empty() {
            return;
        }
        let is_blocked = watched.standing().is_some() && self.down_parent(watched).is_some();
        if let Some(watched) = self.at_mut(slot) {
            if watched.is_blocked && !is_blocked && watched.standing().is_some() {
                watched.parent_back = Some(now.tick);
            }
            watched.is_blocked = is_blocked;
        }
    }

    /// What it depends on that is down, as people call it: the farthest one, if that depends on others that are.
    ///
    /// What is in question itself blocks no less if something is down behind it.
    fn down_parent(&self, watched: &Watched) -> Option<String> {
        self.down_behind(watched, STATIONS_MAX)
    }

    fn down_behind(&self, watched: &Watched, stations: u8) -> Option<String> {
        watched.target.depends_on.iter().find_map(|parent| {
            let standing = self.standing(parent);
            if standing == Standing::Up || stations == 0 {
                return None;
            }
            let next = self.members_of(parent).next();
            let next = next.and_then(|slot| self.at(slot));
            next.and_then(|next| self.down_behind(next, stations - 1))
                .or_else(|| (standing == Standing::Down).then(|| self.name_of(parent)))
        })
    }

    fn name_of(&self, parent: &Parent) -> String {
        match parent {
            Parent::Group(group) => group.to_string(),
            Parent::Target(id) => {
                let slot = self.index.get(id);
                let watched = slot.and_then(|slot| self.at(*slot));
                watched.map_or_else(|| id.to_string(), |watched| watched.target.title())
            }
        }
    }

    fn members_of(&self, parent: &Parent) -> impl Iterator<Item = Slot> {
        let (alone, group) = match parent {
            Parent::Target(id) => (self.index.get(id).copied(), None),
            Parent::Group(group) => (None, self.groups.get(group)),
        };
        alone
            .into_iter()
            .chain(group.into_iter().flatten().copied())
    }

    fn standing(&self, parent: &Parent) -> Standing {
        let members = self.members_of(parent);
        self.standing_of(members.map(|slot| (slot, None)))
    }

    /// A target stands as its verdict says; a group is down when nobody in it is up that could serve. The inactive half of
    /// a pair could not, and neither the roles of a group nor a store of logs serve anybody.
    fn standing_of(&self, members: impl Iterator<Item = (Slot, Option<Verdict>)>) -> Standing {
        let mut worst = None;
        for (slot, instead) in members {
            let Some(watched) = self.at(slot) else {
                continue;
            };
            let role = watched.role.as_ref().map(|standing| standing.role);
            if role == Some(Role::Inactive) || watched.stands_for_others() {
                continue;
            }
            match instead.unwrap_or_else(|| watched.settled()) {
                Verdict::Down => {
                    worst.get_or_insert(Standing::Down);
                }
                Verdict::Operational | Verdict::Suspect | Verdict::Unknown | Verdict::Degraded
                    if watched.is_suspect() =>
                {
                    worst = Some(Standing::InQuestion);
                }
                Verdict::Operational | Verdict::Suspect | Verdict::Unknown | Verdict::Degraded => {
                    return Standing::Up;
                }
            }
        }
        worst.unwrap_or(Standing::Up)
    }

    /// Whether something that it depends on may be about to turn out as down.
    pub(super) fn is_parent_in_question(&self, slot: Slot) -> bool {
        let parents = self.at(slot).map(|watched| &watched.target.depends_on);
        let mut parents = parents.into_iter().flatten();
        parents.any(|parent| self.standing(parent) == Standing::InQuestion)
    }

    /// Those that depend on it, and those that it depends on: they are looked at when it fails.
    pub(super) fn relatives(&self, slot: Slot) -> Vec<Vec<Slot>> {
        let Some(watched) = self.at(slot) else {
            return Vec::new();
        };
        let own = Parent::Target(watched.target.id.clone());
        let group = watched.target.group.clone().map(Parent::Group);
        let children = [Some(own), group].into_iter().flatten();
        let children = children.filter_map(|parent| self.children.get(&parent).cloned());
        let parents = watched.target.depends_on.iter();
        let parents = parents.map(|parent| self.members_of(parent).collect());
        children.chain(parents).collect()
    }

    /// A verdict changed: if it was down and others depend on it, they are given time to come back, or are told after it.
    ///
    /// What waits because of it is asked again at once.
    pub(super) fn free_children(
        &mut self,
        now: Moment,
        slot: Slot,
        from: Verdict,
        batch: &mut Batch,
        actions: &mut Vec<Action>,
    ) {
        let Some(watched) = self.at(slot) else { return };
        let to = watched.settled();
        if (from == Verdict::Down) == (to == Verdict::Down) {
            return;
        }
        let own = Parent::Target(watched.target.id.clone());
        let group = watched.target.group.clone().map(Parent::Group);
        for parent in [Some(own), group].into_iter().flatten() {
            let Some(children) = self.children.get(&parent).cloned() else {
                continue;
            };
            let before = self.members_of(&parent);
            let before = before.map(|member| (member, (member == slot).then_some(from)));
            let was_down = self.standing_of(before) == Standing::Down;
            let is_down = self.standing(&parent) == Standing::Down;
            if was_down == is_down {
                continue;
            }
            for child in children {
                if let Some(watched) = self.at_mut(child) {
                    watched.is_blocked = false;
                    watched.parent_back = was_down.then_some(now.tick);
                }
                let is_bad = self
                    .at(child)
                    .is_some_and(|watched| watched.standing().is_some());
                if is_bad {
                    self.settle_accounts(now, child, batch);
                    self.show(child, actions);
                }
            }
        }
    }

    /// What is blocked by it now, in a few words, for its message.
    pub(super) fn blocked_words(&self, slots: &[Slot]) -> Option<String> {
        let relations = slots.iter().filter_map(|slot| {
            let target = &self.at(*slot)?.target;
            let own = Parent::Target(target.id.clone());
            Some([Some(own), target.group.clone().map(Parent::Group)])
        });
        let parents: BTreeSet<_> = relations.flatten().flatten().collect();
        let children = parents
            .iter()
            .filter(|parent| self.standing(parent) == Standing::Down)
            .filter_map(|parent| self.children.get(parent))
            .flatten();
        let blocked: BTreeSet<_> = children
            .filter(|child| {
                self.at(**child).is_some_and(|watched| {
                    watched.is_suspect() || watched.standing().is_some() && watched.told().is_none()
                })
            })
            .collect();
        let names: Vec<_> = blocked
            .iter()
            .take(NAMED_MAX)
            .filter_map(|child| Some(self.at(**child)?.target.title()))
            .collect();
        let more = match blocked.len().saturating_sub(names.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!names.is_empty()).then(|| format!("blocks {}{more}", names.join(", ")))
    }

    /// Writes down on what a target depends, so that those find it.
    pub(super) fn move_in_children(&mut self, slot: Slot) {
        let Some(watched) = self.at(slot) else { return };
        let target = Arc::clone(&watched.target);
        for parent in &target.depends_on {
            self.children.entry(parent.clone()).or_default().push(slot);
        }
    }
}
