//! Who of a group is active: from what its sources say to a role for each member.
//!
//! The first source that can say decides; the others are second opinions, and their disagreement is shown. While none can
//! say, the last answer holds for a while, and then every role is unknown, which everything that protects active instances
//! treats as active. An answer "nobody" takes nobody's role away: when the active half of a pair dies, its load balancer
//! reports nobody long before we believe that it is down, and its outage must not be told as that of the waiting half.

mod news;
#[cfg(test)]
mod tests;

pub use news::News;

use crate::model::{
    Degradation, DegradationKind, Gap, GapKind, Outcome, TargetId, Timestamp,
    roles::{Member, Opinion, OwnWord, Role, RoleSource, Roles, RolesMemory},
    text::{clean, span},
};

/// Of the reason why a source cannot say so many characters are shown.
const REASON_MAX: usize = 160;

/// What follows from one reading.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The role of each member, in their order.
    pub roles: Vec<Role>,
    /// Whose role was exchanged, if it was.
    pub swap: Option<Swap>,
    /// The exchange that people have to hear of, if there is one.
    pub news: Option<News>,
    /// What the reading means for the group.
    pub outcome: Outcome,
    /// Who says so, and who says otherwise, as a clause.
    pub words: String,
}

/// An exchange of roles, by positions of members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Swap {
    /// Those that were active and are not any more.
    pub from: Vec<usize>,
    /// Those that were not active and are now.
    pub to: Vec<usize>,
}

/// What one source came to: its key, and who is active by it, or why it cannot say.
pub type Said = (&'static str, Result<Vec<u16>, String>);

/// Decides the role of each member; `opinions` are those of the sources that are asked, in their order.
pub fn decide(
    roles: &Roles,
    memory: &mut RolesMemory,
    opinions: &[Opinion],
    now: Timestamp,
) -> Decision {
    let members = &roles.members;
    memory.active.retain(|id| is_member(members, id));
    let said = all(roles, memory, opinions, now);
    let (mut swap, mut news) = (None, None);
    let deciding = said
        .iter()
        .find_map(|(from, said)| Some((*from, said.as_ref().ok()?)));
    if let Some((from, active)) = deciding {
        let said_before = memory.said_at.replace(now);
        news = news::hear(roles, memory, (from, active), said_before, now);
        memory.count = u16::try_from(active.len()).unwrap_or(u16::MAX);
        swap = take_over(members, memory, active, now);
    }
    Decision {
        roles: standing(roles, memory, now),
        swap,
        news,
        outcome: outcome(roles, memory, &said, now),
        words: words(roles, &said),
    }
}

/// The roles as they stand by memory alone, without a new reading.
pub fn standing(roles: &Roles, memory: &RolesMemory, now: Timestamp) -> Vec<Role> {
    let is_known =
        holds(roles, memory, now) && memory.active.iter().any(|id| is_member(&roles.members, id));
    let role = |member: &Member| match is_known {
        true if memory.active.contains(&member.target) => Role::Active,
        true => Role::Inactive,
        false => Role::Unknown,
    };
    roles.members.iter().map(role).collect()
}

/// Takes in what a member's own health answer says at the place where its role stands: absent if there was no answer.
pub fn hear(
    roles: &Roles,
    memory: &mut RolesMemory,
    position: usize,
    word: Option<&str>,
    now: Timestamp,
) {
    let Some(member) = roles.members.get(position) else {
        return;
    };
    memory
        .own_words
        .retain(|own| is_member(&roles.members, &own.target));
    let known = memory
        .own_words
        .iter_mut()
        .find(|own| own.target == member.target);
    match (known, word.filter(|word| !word.is_empty())) {
        (Some(own), None) => own.is_answering = false,
        (Some(own), Some(word)) => {
            own.is_active = says_active(member, word);
            own.said_at = now;
            own.is_answering = true;
        }
        (None, Some(word)) => memory.own_words.push(OwnWord {
            target: member.target.clone(),
            is_active: says_active(member, word),
            said_at: now,
            is_answering: true,
        }),
        (None, None) => {}
    }
}

/// Takes in what a caller says; the error is a sentence for the caller.
///
/// # Errors
///
/// If nobody in the group is called so.
pub fn push<'a>(
    roles: &'a Roles,
    memory: &mut RolesMemory,
    instance: &str,
    now: Timestamp,
) -> Option<&'a Member> {
    let member = find(roles, instance)?;
    memory.pushed = Some((member.target.clone(), now));
    Some(member)
}

/// The member with this name.
pub fn find<'a>(roles: &'a Roles, name: &str) -> Option<&'a Member> {
    let by_name = roles.members.iter().find(|member| member.name == name);
    by_name.or_else(|| roles.members.iter().find(|member| member.called == name))
}

fn says_active(member: &Member, word: &str) -> bool {
    ["true", "active"]
        .iter()
        .any(|yes| word.eq_ignore_ascii_case(yes))
        || word == member.name
        || word == member.called
}

fn is_member(members: &[Member], id: &TargetId) -> bool {
    members.iter().any(|member| member.target == *id)
}

/// Whether the last answer still holds.
fn holds(roles: &Roles, memory: &RolesMemory, now: Timestamp) -> bool {
    roles.sources.contains(&RoleSource::Always)
        || memory
            .said_at
            .is_some_and(|at| now.since(at) <= roles.stale_after)
}

/// What all sources say, in their order, those that are answered from memory included.
pub fn all(roles: &Roles, memory: &RolesMemory, opinions: &[Opinion], now: Timestamp) -> Vec<Said> {
    let count = u16::try_from(roles.members.len()).unwrap_or(u16::MAX);
    let mut asked = opinions.iter();
    roles
        .sources
        .iter()
        .map(|source| {
            let said = match source {
                RoleSource::Always => Ok((0..count).collect()),
                RoleSource::HealthField(_) => of_themselves(roles, memory, now),
                RoleSource::Push { .. } => pushed(roles, memory),
                RoleSource::Header { .. }
                | RoleSource::Body { .. }
                | RoleSource::Redirect { .. }
                | RoleSource::HaproxyCsv { .. }
                | RoleSource::HaproxySocket { .. }
                | RoleSource::Traefik { .. }
                | RoleSource::Envoy { .. }
                | RoleSource::KubernetesService { .. }
                | RoleSource::KubernetesEndpoints { .. }
                | RoleSource::Dns { .. }
                | RoleSource::File { .. }
                | RoleSource::Command { .. } => asked.next().map_or_else(
                    || Err(String::from("it was not read")),
                    |opinion| opinion.active.clone(),
                ),
            };
            let said = said.map(|mut active| {
                active.retain(|position| *position < count);
                active.sort_unstable();
                active.dedup();
                active
            });
            (source.as_str(), said)
        })
        .collect()
}

/// What the members say of themselves. One that does not answer keeps its word, unless another one says that it is active.
fn of_themselves(roles: &Roles, memory: &RolesMemory, now: Timestamp) -> Result<Vec<u16>, String> {
    let (mut speaking, mut held) = (Vec::new(), Vec::new());
    let mut mute = None;
    for (position, member) in (0_u16..).zip(&roles.members) {
        let own = memory
            .own_words
            .iter()
            .find(|own| own.target == member.target && now.since(own.said_at) <= roles.stale_after);
        match own {
            Some(own) if own.is_active && own.is_answering => speaking.push(position),
            Some(own) if own.is_active => held.push(position),
            Some(own) if own.is_answering => {}
            Some(_) | None => mute = mute.or(Some(&member.name)),
        }
    }
    match (speaking.is_empty(), held.is_empty(), mute) {
        (false, _, _) => Ok(speaking),
        (true, false, _) => Ok(held),
        (true, true, None) => Ok(Vec::new()),
        (true, true, Some(name)) => Err(format!(
            "{name} does not say it, and nobody else says to be active"
        )),
    }
}

/// What was last pushed; it holds until it is pushed otherwise.
fn pushed(roles: &Roles, memory: &RolesMemory) -> Result<Vec<u16>, String> {
    let Some((target, _)) = &memory.pushed else {
        return Err(String::from("nobody has called yet"));
    };
    let position = (0_u16..)
        .zip(&roles.members)
        .find(|(_, member)| member.target == *target);
    position.map_or_else(
        || Err(String::from("who was named last is no member any more")),
        |(position, _)| Ok(vec![position]),
    )
}

/// Remembers who is active now; says whose role was exchanged.
fn take_over(
    members: &[Member],
    memory: &mut RolesMemory,
    active: &[u16],
    now: Timestamp,
) -> Option<Swap> {
    let ids: Vec<TargetId> = active
        .iter()
        .filter_map(|position| members.get(usize::from(*position)))
        .map(|member| member.target.clone())
        .collect();
    let is_same =
        ids.len() == memory.active.len() && ids.iter().all(|id| memory.active.contains(id));
    if ids.is_empty() || is_same {
        return None;
    }
    let before = std::mem::replace(&mut memory.active, ids);
    if before.is_empty() {
        memory.active_since = None;
        return None;
    }
    let only_in = |one: &[TargetId], other: &[TargetId]| {
        (0..members.len())
            .filter(|position| {
                let id = &members[*position].target;
                one.contains(id) && !other.contains(id)
            })
            .collect()
    };
    let swap = Swap {
        from: only_in(&before, &memory.active),
        to: only_in(&memory.active, &before),
    };
    memory.active_since = Some(now);
    memory.before = before;
    Some(swap)
}

/// What the reading means for the group as a whole.
fn outcome(roles: &Roles, memory: &RolesMemory, said: &[Said], now: Timestamp) -> Outcome {
    if !holds(roles, memory, now) {
        let reason = said
            .iter()
            .find_map(|(from, said)| Some(format!("{from}: {}", said.as_ref().err()?)))
            .unwrap_or_default();
        let since = memory
            .said_at
            .map_or_else(String::new, |at| format!(" for {}", span(now.since(at))));
        return Outcome::Unobservable(Gap {
            kind: GapKind::SaysUnknown,
            words: format!(
                "nobody can say who is active{since}: {}",
                clean(&reason, REASON_MAX)
            ),
        });
    }
    if !roles.is_exactly_one {
        return Outcome::Healthy;
    }
    let words = match memory.count {
        0 => String::from("nobody is active"),
        1 => return Outcome::Healthy,
        count => {
            let names = names(roles, |member| memory.active.contains(&member.target));
            let count = if count == 2 {
                String::from("two")
            } else {
                count.to_string()
            };
            format!("{count} are active: {names}")
        }
    };
    Outcome::Degraded(Degradation {
        kind: DegradationKind::Roles,
        words,
    })
}

fn names(roles: &Roles, is_named: impl Fn(&Member) -> bool) -> String {
    let names: Vec<&str> = roles
        .members
        .iter()
        .filter(|member| is_named(member))
        .map(|member| member.name.as_str())
        .collect();
    names.join(", ")
}

/// `haproxy_csv says blue; health_field says green`: who decided, and whoever says otherwise or cannot say.
fn words(roles: &Roles, said: &[Said]) -> String {
    let decided = said.iter().find_map(|(_, said)| said.as_ref().ok());
    let mut out: Vec<String> = Vec::new();
    let mut has_decided = false;
    for (from, said) in said {
        match said {
            Ok(active) if has_decided && Some(active) == decided => {}
            Ok(active) => {
                has_decided = true;
                let positions: Vec<usize> = active
                    .iter()
                    .map(|position| usize::from(*position))
                    .collect();
                let named: Vec<&str> = positions
                    .iter()
                    .filter_map(|position| roles.members.get(*position))
                    .map(|member| member.name.as_str())
                    .collect();
                let named = if named.is_empty() {
                    String::from("nobody")
                } else {
                    named.join(", ")
                };
                out.push(format!("{from} says {named}"));
            }
            Err(why) => out.push(format!("{from} cannot say: {}", clean(why, REASON_MAX))),
        }
    }
    out.join("; ")
}
