//! When an exchange of roles is news: once, when it is sure, and never what was known before.
//!
//! Sure is what the source that was believed so far says in two readings one after the other, or another source for so long
//! that the first one's last answer holds no more. So a source that is away for a while, and a second opinion that differs
//! from it, tell nobody anything.

use std::time::Duration;

use crate::model::{
    TargetId, Timestamp,
    roles::{HeardSwap, Roles, RolesMemory},
};

/// Readings in a row that make it sure.
const READINGS: u8 = 2;
/// When nobody read for longer than this, it is not known when it was.
const UNSEEN: Duration = Duration::from_mins(1);

/// An exchange of roles that people have to hear of, by positions of members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct News {
    /// Those that are active now and were not when it was told last.
    pub active: Vec<usize>,
    /// Those that were active then and are not any more.
    pub inactive: Vec<usize>,
    /// Since when.
    pub since: Timestamp,
    /// If nobody was reading before that: when somebody last was.
    pub unseen_since: Option<Timestamp>,
    /// The key of the source that says so.
    pub from: &'static str,
}

/// Takes in a reading; `said_before` is when a source could say before this one.
pub(super) fn hear(
    roles: &Roles,
    memory: &mut RolesMemory,
    (from, active): (&'static str, &[u16]),
    said_before: Option<Timestamp>,
    now: Timestamp,
) -> Option<News> {
    let ids: Vec<TargetId> = active
        .iter()
        .filter_map(|position| roles.members.get(usize::from(*position)))
        .map(|member| member.target.clone())
        .collect();
    if ids.is_empty() || (roles.is_exactly_one && ids.len() > 1) {
        // That nobody is active, or that too many are, is a trouble and no exchange.
        return None;
    }
    memory
        .told
        .retain(|id| roles.members.iter().any(|member| member.target == *id));
    let is_told = ids.len() == memory.told.len() && ids.iter().all(|id| memory.told.contains(id));
    if is_told || memory.told.is_empty() {
        memory.told = ids;
        memory.told_by = Some(from.to_owned());
        memory.heard = None;
        return None;
    }
    let heard = match memory.heard.take() {
        Some(heard) if heard.active == ids && heard.from == from => HeardSwap {
            readings: heard.readings.saturating_add(1),
            ..heard
        },
        Some(_) | None => HeardSwap {
            active: ids,
            from: from.to_owned(),
            since: now,
            readings: 1,
            unseen_since: said_before.filter(|before| now.since(*before) > UNSEEN),
        },
    };
    let is_believed = memory.told_by.as_deref() == Some(from);
    let is_sure =
        heard.readings >= READINGS && (is_believed || now.since(heard.since) >= roles.stale_after);
    if !is_sure {
        memory.heard = Some(heard);
        return None;
    }
    let only_in = |one: &[TargetId], other: &[TargetId]| {
        (0..roles.members.len())
            .filter(|position| {
                let id = &roles.members[*position].target;
                one.contains(id) && !other.contains(id)
            })
            .collect()
    };
    let news = News {
        active: only_in(&heard.active, &memory.told),
        inactive: only_in(&memory.told, &heard.active),
        since: heard.since,
        unseen_since: heard.unseen_since,
        from,
    };
    memory.told = heard.active;
    memory.told_by = Some(heard.from);
    Some(news)
}
