//! Roles: who of a group carries the load, and what follows for its members.
//!
//! The roles of a group are a target like any other, judged by whether exactly one member is active. What its look brought
//! back is turned into a role for each member here; the role decides who is told, stands beside the name in every message,
//! and gives both halves grace after a swap.

use std::{collections::HashMap, sync::Arc};

use super::{Action, Engine, tell::entry_of, watched::Watched};
use crate::{
    judge::roles::{self as judge, Decision},
    model::{
        Batch, CheckKind, CheckRecord, EntryKey, Extra, GroupName, Kind, LookId, Memory, Moment,
        Outcome, Plan, Slot, Target, TargetId, Timestamp, Told, Verdict,
        plan::Question,
        roles::{Member, Opinion, Role, RoleFacts, RoleSource, Roles, RolesMemory},
    },
    route,
    schedule::Due,
};

/// The role of one target, with what follows from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Standing {
    pub(super) role: Role,
    /// Until when it is not accused of silence, because roles were exchanged.
    pub(super) grace_until: Option<Timestamp>,
    /// Since when it is active, if that was seen.
    pub(super) active_since: Option<Timestamp>,
    facts: Arc<RoleFacts>,
}

/// A member that says its role itself: its position, and which of its checks it is.
pub(super) type Speaker = (usize, Arc<Target>, u8);

/// Whose roles are read where.
#[derive(Debug, Default)]
pub(super) struct RoleBook {
    groups: HashMap<GroupName, Slot>,
    /// The members that say their role themselves: the roles they belong to, and their position among them.
    speakers: HashMap<Slot, (Slot, usize)>,
}

/// The standings by target, as they are remembered.
pub(super) fn remembered(
    plan: &Plan,
    records: &[CheckRecord],
    now: Timestamp,
) -> HashMap<TargetId, Standing> {
    let mut out = HashMap::new();
    for target in &plan.targets {
        if is_always_active(plan, target.group.as_ref()) {
            out.insert(target.id.clone(), always());
        }
        for check in &target.checks {
            let Question::Roles(roles) = &check.question else {
                continue;
            };
            let memory = records
                .iter()
                .filter(|record| {
                    record.check.target == target.id && record.check.kind == CheckKind::Roles
                })
                .find_map(|record| match record.memory.as_deref() {
                    Some(Memory::Roles(memory)) => Some(memory.clone()),
                    Some(
                        Memory::Witness(_) | Memory::Log(_) | Memory::Beat(_) | Memory::Job(_),
                    )
                    | None => None,
                });
            let memory = memory.unwrap_or_default();
            let standings = standings(roles, &memory, "as remembered", now);
            let ids = roles.members.iter().map(|member| member.target.clone());
            out.extend(ids.zip(standings));
        }
    }
    out
}

pub(super) fn is_always_active(plan: &Plan, group: Option<&GroupName>) -> bool {
    plan.groups
        .iter()
        .any(|known| known.is_always_active && Some(&known.name) == group)
}

fn always() -> Standing {
    Standing {
        role: Role::Active,
        grace_until: None,
        active_since: None,
        facts: Arc::new(RoleFacts {
            role: Some(Role::Active),
            since: None,
            words: String::from("always, says the file"),
        }),
    }
}

/// What memory and rules make of each member.
fn standings(roles: &Roles, memory: &RolesMemory, words: &str, now: Timestamp) -> Vec<Standing> {
    let standing = |(member, role): (&Member, Role)| {
        let (is, was) = (
            memory.active.contains(&member.target),
            memory.before.contains(&member.target),
        );
        let swapped = memory.active_since.filter(|_| is != was);
        Standing {
            role,
            grace_until: swapped.map(|at| at + roles.grace),
            active_since: swapped.filter(|_| is),
            facts: Arc::new(RoleFacts {
                role: Some(role),
                since: swapped,
                words: words.to_owned(),
            }),
        }
    };
    roles
        .members
        .iter()
        .zip(judge::standing(roles, memory, now))
        .map(standing)
        .collect()
}

impl Engine {
    /// Finds out anew whose roles are read where; after every change of the plan.
    pub(super) fn bind_roles(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let mut book = RoleBook::default();
        let mut standing: HashMap<Slot, Standing> = HashMap::new();
        for (slot, roles) in self.all_roles() {
            book.groups.insert(roles.group.clone(), slot);
            let memory = self.at(slot).and_then(Watched::roles_memory);
            let memory = memory.cloned().unwrap_or_default();
            let is_spoken = roles
                .sources
                .iter()
                .any(|source| matches!(source, RoleSource::HealthField(_)));
            let known = standings(&roles, &memory, "as remembered", now.at);
            for (position, (member, known)) in roles.members.iter().zip(known).enumerate() {
                let Some(member) = self.index.get(&member.target).copied() else {
                    continue;
                };
                if is_spoken {
                    book.speakers.insert(member, (slot, position));
                }
                standing.insert(member, known);
            }
        }
        let plan = Arc::clone(&self.plan);
        for index in 0..self.watched.len() {
            let slot = Slot(u32::try_from(index).unwrap_or(u32::MAX));
            let Some(watched) = self.at(slot) else {
                continue;
            };
            let is_roles = watched.is_roles();
            let known = if is_always_active(&plan, watched.target.group.as_ref()) {
                Some(always())
            } else {
                standing.remove(&slot)
            };
            let is_same = watched
                .role
                .as_ref()
                .map(|role| (role.role, role.grace_until))
                == known.as_ref().map(|role| (role.role, role.grace_until));
            if is_roles || (is_same && watched.is_role_shown) {
                continue;
            }
            self.take_standing(slot, known, actions);
        }
        self.role_book = book;
    }

    /// Who is asked for the role of this target, right now: absent if it has none, or one that nobody can be asked for.
    pub(super) fn read_roles_of(&self, target: &TargetId) -> Option<(Arc<Roles>, Vec<Speaker>)> {
        let watched = self.at(*self.index.get(target)?)?;
        watched.role.as_ref()?;
        let slot = self.role_book.groups.get(watched.target.group.as_ref()?)?;
        let (_, roles) = self.all_roles().into_iter().find(|(at, _)| at == slot)?;
        let is_spoken = |source: &RoleSource| matches!(source, RoleSource::HealthField(_));
        if !roles.sources.iter().any(is_spoken) {
            return Some((roles, Vec::new()));
        }
        let member = |(position, member): (usize, &Member)| {
            let watched = self.at(*self.index.get(&member.target)?)?;
            let mut checks = (0_u8..).zip(&watched.target.checks);
            let (check, _) = checks.find(|(_, check)| check.kind == CheckKind::Health)?;
            Some((position, Arc::clone(&watched.target), check))
        };
        let members = roles
            .members
            .iter()
            .enumerate()
            .filter_map(member)
            .collect();
        Some((roles, members))
    }

    /// The role of this target by what was read right now and by nothing that was known before; or why nobody can say.
    pub(super) fn fresh_role(
        &self,
        now: Timestamp,
        target: &TargetId,
        opinions: &[Opinion],
        words: &[(usize, String)],
    ) -> Result<Role, String> {
        let (roles, _) = self
            .read_roles_of(target)
            .ok_or_else(|| String::from("its group does not say so any more"))?;
        let is_it = |member: &Member| member.target == *target;
        let position = roles.members.iter().position(is_it);
        let position = position.ok_or_else(|| String::from("it is in no pair any more"))?;
        let claims = |opinion: &&Opinion| {
            let place = u16::try_from(position).unwrap_or(u16::MAX);
            matches!(&opinion.active, Ok(active) if active.contains(&place))
        };
        let group = self.at(*self.index.get(target).ok_or("it is not watched")?);
        let slot =
            group.and_then(|watched| self.role_book.groups.get(watched.target.group.as_ref()?));
        let known = slot.and_then(|slot| self.at(*slot)?.roles_memory());
        let mut memory = known.cloned().unwrap_or_default();
        memory.own_words.clear();
        memory.said_at = None;
        for (position, word) in words {
            judge::hear(&roles, &mut memory, *position, Some(word), now);
        }
        let decision = judge::decide(&roles, &mut memory, opinions, now);
        if memory.said_at.is_none() {
            return Err(decision.words);
        }
        let role = decision
            .roles
            .get(position)
            .copied()
            .unwrap_or(Role::Unknown);
        // One who says that it is active is enough, whoever else says otherwise.
        match opinions.iter().find(claims) {
            Some(_) => Ok(Role::Active),
            None => Ok(role),
        }
    }

    fn all_roles(&self) -> Vec<(Slot, Arc<Roles>)> {
        let of = |(index, watched): (usize, &Option<Box<Watched>>)| {
            let watched = watched.as_ref()?;
            let roles = watched.target.checks.iter().find_map(|check| {
                if let Question::Roles(roles) = &check.question {
                    Some(Arc::clone(roles))
                } else {
                    None
                }
            })?;
            Some((Slot(u32::try_from(index).ok()?), roles))
        };
        self.watched.iter().enumerate().filter_map(of).collect()
    }

    fn take_standing(&mut self, slot: Slot, standing: Option<Standing>, actions: &mut Vec<Action>) {
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        let facts = standing
            .as_ref()
            .map(|standing| Arc::clone(&standing.facts));
        let has_nothing = facts.is_none() && !watched.is_role_shown;
        watched.is_role_shown = facts.is_some();
        watched.role = standing;
        if !has_nothing {
            actions.push(Action::ShowRole(slot, facts));
        }
    }

    /// What a reading of roles means for its group, if this was one. A reading that says nothing leaves the last answer.
    pub(super) fn roles_read(
        &mut self,
        now: Moment,
        (slot, check): (Slot, u8),
        extra: Option<&Extra>,
        outcome: &mut Outcome,
    ) -> Option<Decision> {
        let watched = self.at_mut(slot)?;
        let asked = watched.target.checks.get(usize::from(check))?;
        let Question::Roles(roles) = &asked.question else {
            return None;
        };
        let roles = Arc::clone(roles);
        let opinions = match extra {
            Some(Extra::Roles(answer)) => &answer.opinions[..],
            Some(Extra::Logs(_) | Extra::OwnRole(_) | Extra::Ending(_) | Extra::Steps(_))
            | None => &[],
        };
        let memory = watched.roles_mut(check);
        let decision = judge::decide(&roles, memory, opinions, now.at);
        let is_ours = matches!(outcome, Outcome::Unobservable(gap) if gap.kind.is_own());
        if !is_ours {
            *outcome = decision.outcome.clone();
        }
        Some(decision)
    }

    /// Gives every member its role, writes an exchange down, and tells of troubles that became those of an active one.
    pub(super) fn apply_roles(
        &mut self,
        now: Moment,
        (slot, check): (Slot, u8),
        decision: &Decision,
        actions: &mut Vec<Action>,
    ) {
        let Some(watched) = self.at(slot) else { return };
        let Question::Roles(roles) = &watched.target.checks[usize::from(check)].question else {
            return;
        };
        let roles = Arc::clone(roles);
        let memory = watched.roles_memory().cloned().unwrap_or_default();
        let mut batch = Batch::new(now.at);
        let is_news = decision.swap.is_some() || decision.news.is_some();
        if is_news || watched.known_active != memory.active {
            batch
                .checks
                .push(watched.record(usize::from(check), now.at));
        }
        if let Some(watched) = self.at_mut(slot) {
            watched.known_active.clone_from(&memory.active);
        }
        if let Some(news) = decision.news.as_ref().filter(|_| roles.is_announced) {
            self.announce(now, slot, &roles, news, &mut batch);
        }
        self.show_reading(slot, &memory, &decision.words, actions);
        let known = standings(&roles, &memory, &decision.words, now.at);
        for (member, standing) in roles.members.iter().zip(known) {
            let Some(member) = self.index.get(&member.target).copied() else {
                continue;
            };
            let Some(watched) = self.at(member) else {
                continue;
            };
            if watched.role.as_ref() == Some(&standing) {
                continue;
            }
            let was_active = watched
                .role
                .as_ref()
                .is_none_or(|before| before.role.is_active());
            let is_active = standing.role.is_active();
            self.take_standing(member, Some(standing), actions);
            let disaster = self.note_disaster(member);
            self.tell_disaster(now, disaster, &mut batch);
            if is_active && !was_active {
                self.escalate(now, member, &mut batch);
            }
        }
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
    }

    /// Shows at the roles themselves who says what.
    fn show_reading(
        &mut self,
        slot: Slot,
        memory: &RolesMemory,
        words: &str,
        actions: &mut Vec<Action>,
    ) {
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        let facts = RoleFacts {
            role: None,
            since: memory.active_since,
            words: words.to_owned(),
        };
        if watched.role_reading.as_deref() != Some(&facts) {
            let facts = Arc::new(facts);
            watched.role_reading = Some(Arc::clone(&facts));
            actions.push(Action::ShowRole(slot, Some(facts)));
        }
    }

    /// Takes in what a look at a member says of its role.
    pub(super) fn hear_own_role(
        &mut self,
        now: Moment,
        look: LookId,
        extra: Option<&Extra>,
        outcome: &Outcome,
    ) {
        let Some((slot, position)) = self.role_book.speakers.get(&look.slot).copied() else {
            return;
        };
        let is_health = self
            .at(look.slot)
            .and_then(|watched| watched.target.checks.get(usize::from(look.check)))
            .is_some_and(|check| check.kind == CheckKind::Health);
        let word = match extra {
            Some(Extra::OwnRole(word)) => Some(word.as_str()),
            Some(Extra::Logs(_) | Extra::Roles(_) | Extra::Ending(_) | Extra::Steps(_)) | None => {
                None
            }
        };
        let is_ours = matches!(outcome, Outcome::Unobservable(gap) if gap.kind.is_own());
        let Some(watched) = self.at_mut(slot).filter(|_| is_health && !is_ours) else {
            return;
        };
        let Some((check, roles)) = watched.its_roles() else {
            return;
        };
        judge::hear(&roles, watched.roles_mut(check), position, word, now.at);
    }

    /// Somebody who deploys says who of a group is active now: it is remembered, and the roles are read at once.
    pub(super) fn role_said(
        &mut self,
        now: Moment,
        group: &GroupName,
        instance: &str,
        actions: &mut Vec<Action>,
    ) {
        let Some(slot) = self.role_book.groups.get(group).copied() else {
            return;
        };
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        let Some((check, roles)) = watched.its_roles() else {
            return;
        };
        let index = usize::from(check);
        if judge::push(&roles, watched.roles_mut(check), instance, now.at).is_none() {
            return;
        }
        let mut batch = Batch::new(now.at);
        batch.checks.push(watched.record(index, now.at));
        actions.push(Action::Commit(Arc::new(batch)));
        let watching = &mut watched.checks[index];
        if watching.flight.is_none() {
            watching.generation += 1;
            watching.planned = now.tick;
            let due = Due {
                planned: now.tick,
                slot,
                check,
                generation: watching.generation,
            };
            self.schedule.add(due);
        }
    }

    /// A target that became active while it is in trouble, or whose trouble became a disaster: whoever would be told of that
    /// is told now.
    pub(super) fn escalate(&mut self, now: Moment, slot: Slot, batch: &mut Batch) {
        let Some(watched) = self.at(slot) else { return };
        if let Some(number) = watched.common {
            self.escalate_member(now, slot, number, batch);
            return;
        }
        let Some(verdict) = watched
            .incident
            .as_ref()
            .map(|open| open.incident.verdict)
            .filter(|verdict| *verdict != Verdict::Unknown)
        else {
            return;
        };
        let decision = route::route(&self.plan, watched.case(verdict));
        let story = Arc::new(self.story(now, slot, &decision.to, None));
        let severity = watched.severity();
        let Some(open) = self
            .at_mut(slot)
            .and_then(|watched| watched.incident.as_mut())
        else {
            return;
        };
        let incident = &mut open.incident;
        let is_worse = severity > incident.severity;
        incident.severity = severity.max(incident.severity);
        let before = batch.entries.len();
        for (channel, mention) in decision.to {
            let key = EntryKey {
                incident: incident.id.clone(),
                sequence: incident.sequence,
                channel: channel.clone(),
            };
            let told = incident
                .told
                .iter_mut()
                .find(|told| told.channel == channel);
            let kind = match told {
                None => {
                    incident.told.push(Told {
                        channel,
                        at: now.at,
                        mention: mention.clone(),
                    });
                    Kind::Opened
                }
                Some(told) if told.mention.is_none() && mention.is_some() => {
                    told.mention.clone_from(&mention);
                    Kind::Reminder
                }
                Some(_) => continue,
            };
            batch
                .entries
                .push(entry_of(key, kind, now, mention, &story));
        }
        let is_told = batch.entries.len() > before;
        incident.sequence += u32::from(is_told);
        if is_told || is_worse {
            batch.incidents.push(incident.clone());
        }
        if is_told && let Some(watched) = self.at_mut(slot) {
            watched.restless.tell(now);
        }
    }
}

impl Watched {
    pub(super) fn is_roles(&self) -> bool {
        self.its_roles().is_some()
    }

    fn its_roles(&self) -> Option<(u8, Arc<Roles>)> {
        (0_u8..)
            .zip(&self.target.checks)
            .find_map(|(index, check)| {
                if let Question::Roles(roles) = &check.question {
                    Some((index, Arc::clone(roles)))
                } else {
                    None
                }
            })
    }

    fn roles_memory(&self) -> Option<&RolesMemory> {
        self.checks
            .iter()
            .find_map(|watching| match watching.memory.as_deref() {
                Some(Memory::Roles(memory)) => Some(memory),
                Some(Memory::Witness(_) | Memory::Log(_) | Memory::Beat(_) | Memory::Job(_))
                | None => None,
            })
    }

    fn roles_mut(&mut self, check: u8) -> &mut RolesMemory {
        let memory = &mut self.checks[usize::from(check)].memory;
        if !matches!(memory.as_deref(), Some(Memory::Roles(_))) {
            *memory = Some(Box::new(Memory::Roles(RolesMemory::default())));
        }
        match memory.as_deref_mut() {
            Some(Memory::Roles(roles)) => roles,
            Some(Memory::Witness(_) | Memory::Log(_) | Memory::Beat(_) | Memory::Job(_)) | None => {
                unreachable!("it was just put there")
            }
        }
    }
}
