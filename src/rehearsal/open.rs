//! What another file changes for what is open.
//!
//! An open incident goes on as it was told: its reminders and its end go to whoever was told, whatever the file says by then. Only
//! when it gets worse are routes asked again. So what another file says of it is shown beside what was told, before or while
//! the file is taken over.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};

use super::routing;
use crate::{
    model::{
        Board, ChannelName, CheckKind, ComponentState, Incident, IncidentId, OnCallName, Plan,
        Severity, Target, TargetId, Timestamp, Verdict, cause::Cause, roles::Role, text::clean,
    },
    route::{self, Case},
    store::Chronicle,
};

/// An incident that is open, as it was told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open {
    /// Which.
    pub id: IncidentId,
    /// Its worst.
    pub verdict: Verdict,
    /// Since when it is bad.
    pub since: Timestamp,
    /// Who was told, and who was mentioned there.
    pub told: BTreeMap<ChannelName, Option<OnCallName>>,
    /// When it is reminded of; empty = not at all.
    pub remind_after: Vec<Duration>,
    /// Whom it is about.
    pub members: Vec<Member>,
}

/// One target of an open incident.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Which.
    pub target: TargetId,
    /// How bad it was for people when it was told, if that is known of this one.
    pub severity: Option<Severity>,
    /// What it is; no trouble if it is back already.
    pub verdict: Verdict,
    /// Its role, as far as it is known.
    pub role: Option<Role>,
    /// The component that is down, if its body named one.
    pub component: Option<String>,
    /// How it is looked at, as far as that is known.
    pub checks: Vec<CheckKind>,
}

/// Something that a file says otherwise of an open incident.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A target is not in the file.
    Removed(TargetId),
    /// A target has another name in it.
    Renamed(TargetId, TargetId),
    /// A target is as bad for people as it says there.
    Severity(TargetId, Severity, Severity),
    /// Others would be told, or mentioned.
    Told {
        /// Who was.
        was: BTreeMap<ChannelName, Option<OnCallName>>,
        /// Who would be.
        would_be: BTreeMap<ChannelName, Option<OnCallName>>,
    },
    /// It would be reminded of at other times.
    Reminders {
        /// When it is.
        was: Vec<Duration>,
        /// When it would be.
        would_be: Vec<Duration>,
    },
    /// A `maintenance:` window is open for a target.
    Window {
        /// Which target.
        target: TargetId,
        /// What it is called.
        name: String,
        /// Until when.
        until: Timestamp,
    },
    /// A target is not looked at in this way there.
    Unasked(TargetId, CheckKind),
    /// Quiet hours hold what a channel would be told of a target.
    Quiet {
        /// Which channel.
        channel: ChannelName,
        /// Which target.
        target: TargetId,
        /// Until when.
        until: Timestamp,
    },
}

/// The incidents that are open on the board, in the order of their first targets.
pub fn of_board(board: &Board) -> Vec<Open> {
    let mut out: Vec<Open> = Vec::new();
    for row in &board.rows {
        let facts = row.facts();
        let Some(id) = &facts.incident else { continue };
        let components = facts.detail.iter().flat_map(|detail| &detail.components);
        let mut down = components.filter(|component| component.state == ComponentState::Down);
        let member = Member {
            target: row.target.id.clone(),
            severity: Some(row.target.severity),
            verdict: facts.settled,
            role: row.role().and_then(|role| role.role),
            component: down.next().map(|component| component.name.clone()),
            checks: row.target.checks.iter().map(|check| check.kind).collect(),
        };
        if let Some(open) = out.iter_mut().find(|open| open.id == *id) {
            open.verdict = open.verdict.max(facts.settled);
            open.since = open.since.min(facts.since);
            open.members.push(member);
            continue;
        }
        let told = facts.told.iter();
        out.push(Open {
            id: id.clone(),
            verdict: facts.settled,
            since: facts.since,
            told: told
                .map(|told| (told.channel.clone(), told.mention.clone()))
                .collect(),
            remind_after: facts.remind_after.clone(),
            members: vec![member],
        });
    }
    out
}

/// The incidents that a store knows as open, oldest first.
pub fn of_chronicle(chronicle: &Chronicle) -> Vec<Open> {
    let open = chronicle.incidents.iter().filter(|one| one.is_open());
    open.map(|incident| of_incident(incident, chronicle))
        .collect()
}

fn of_incident(incident: &Incident, chronicle: &Chronicle) -> Open {
    let mut messages = chronicle.messages.iter();
    let newest = messages.rfind(|message| message.key.incident == incident.id);
    let role = newest.and_then(|message| message.story.role);
    let common = incident.common.as_deref();
    let component = common.and_then(|common| {
        if let Cause::Component(name) = &common.cause {
            Some(name.clone())
        } else {
            None
        }
    });
    let told = incident.told.iter();
    let members = incident.targets.iter().map(|target| Member {
        target: target.clone(),
        // Of several only the worst is stored.
        severity: common.is_none().then_some(incident.severity),
        // Mentions and channels are those of the worst that was told.
        verdict: incident.worst,
        role,
        component: component.clone(),
        checks: Vec::new(),
    });
    Open {
        id: incident.id.clone(),
        verdict: incident.worst,
        since: incident.since,
        told: told
            .map(|told| (told.channel.clone(), told.mention.clone()))
            .collect(),
        remind_after: incident.remind_after.clone(),
        members: members.collect(),
    }
}

/// What this file says otherwise of an open incident at this time.
pub fn changes(open: &Open, plan: &Plan, now: Timestamp) -> Vec<Change> {
    let mut out = Vec::new();
    let mut would_be: BTreeMap<ChannelName, Option<OnCallName>> = BTreeMap::new();
    let mut reminders: Option<Vec<Duration>> = None;
    for member in &open.members {
        let Some(target) = found(plan, &member.target) else {
            out.push(Change::Removed(member.target.clone()));
            continue;
        };
        if target.id != member.target {
            let (was, is) = (member.target.clone(), target.id.clone());
            out.push(Change::Renamed(was, is));
        }
        if let Some(was) = member.severity.filter(|was| *was != target.severity) {
            let is = target.severity;
            out.push(Change::Severity(target.id.clone(), was, is));
        }
        let is_asked = |kind: &CheckKind| target.checks.iter().any(|check| check.kind == *kind);
        let unasked = member.checks.iter().filter(|kind| !is_asked(kind));
        out.extend(unasked.map(|kind| Change::Unasked(target.id.clone(), *kind)));
        if member.verdict == Verdict::Operational {
            continue;
        }
        let component = member.component.as_deref();
        let trace = routing::trace(plan, target, member.verdict, member.role, component);
        reminders.get_or_insert(trace.decision.remind_after);
        let case = case_of(target, member, trace.role);
        for (channel, mention) in trace.decision.to {
            if let Some(until) = route::quiet_until(plan, case, &channel, now) {
                out.push(Change::Quiet {
                    channel: channel.clone(),
                    target: target.id.clone(),
                    until,
                });
            }
            let known = would_be.entry(channel).or_default();
            *known = known.take().or(mention);
        }
        out.extend(window(plan, target, member, trace.role, now));
    }
    if let Some(reminders) = reminders {
        if would_be != open.told {
            let was = open.told.clone();
            out.push(Change::Told { was, would_be });
        }
        if reminders != open.remind_after {
            out.push(Change::Reminders {
                was: open.remind_after.clone(),
                would_be: reminders,
            });
        }
    }
    out
}

/// What a file changes that takes the place of another one: only what the old one did not say as well.
pub fn changes_between(open: &Open, old: &Plan, new: &Plan, now: Timestamp) -> Vec<Change> {
    let before = changes(open, old, now);
    let mut changes = changes(open, new, now);
    changes.retain(|change| !before.contains(change));
    changes
}

fn found<'a>(plan: &'a Plan, id: &TargetId) -> Option<&'a Arc<Target>> {
    let targets = plan.targets.iter();
    let was = targets
        .clone()
        .find(|target| target.was.as_ref() == Some(id));
    targets.clone().find(|target| target.id == *id).or(was)
}

/// The window of the file that is open for it; of several the one that is open longest.
fn window(
    plan: &Plan,
    target: &Target,
    member: &Member,
    role: Option<Role>,
    now: Timestamp,
) -> Option<Change> {
    let case = case_of(target, member, role);
    let windows = plan.maintenance.iter();
    let windows = windows.filter(|window| route::misses(&window.matcher, case).is_none());
    let open = windows.filter_map(|window| Some((window, window.times.open_at(now)?.1)));
    let (window, until) = open.max_by_key(|(_, until)| *until)?;
    Some(Change::Window {
        target: target.id.clone(),
        name: window.name.clone(),
        until,
    })
}

/// A member as the routes and windows of a file see it.
fn case_of<'a>(target: &'a Target, member: &'a Member, role: Option<Role>) -> Case<'a> {
    Case {
        target: &target.id,
        group: target.group.as_ref(),
        severity: target.severity,
        verdict: member.verdict,
        role,
        component: member.component.as_deref(),
    }
}

impl Open {
    /// Whom it is about, as people write it: `master blue`, or the first and how many more.
    pub fn title(&self) -> String {
        let first = self.members.first();
        let first = first.map_or_else(String::new, |member| called(&member.target));
        match self.members.len() {
            0 | 1 => first,
            more => format!("{first} and {} more", more - 1),
        }
    }
}

/// Changes as clauses, several of one kind as one.
pub fn words(changes: &[Change], plan: &Plan) -> Vec<String> {
    let mut out = Vec::new();
    let removed = changes.iter().filter_map(|change| {
        if let Change::Removed(target) = change {
            Some(called(target))
        } else {
            None
        }
    });
    let removed: BTreeSet<_> = removed.collect();
    if !removed.is_empty() {
        let removed: Vec<_> = removed.into_iter().collect();
        out.push(format!(
            "not in the file: {}; whoever was told hears that nobody watches it any more",
            removed.join(", ")
        ));
    }
    for change in changes {
        match change {
            Change::Removed(_) => {}
            Change::Renamed(was, is) => {
                out.push(format!("{} is called {}", called(was), called(is)));
            }
            Change::Severity(target, was, is) => {
                out.push(format!("{} was {was}, would be {is}", called(target)));
            }
            Change::Told { was, would_be } => out.push(format!(
                "was told to {}, would be told to {}",
                hearers(was),
                hearers(would_be)
            )),
            Change::Reminders { was, would_be } => out.push(format!(
                "was to be reminded of {}, would be {}",
                times(was),
                times(would_be)
            )),
            Change::Window {
                target,
                name,
                until,
            } => out.push(format!(
                "maintenance window `{}` covers {}: reminders wait until {}",
                clean(name, 64),
                called(target),
                until.words(plan.server.timezone)
            )),
            Change::Unasked(target, kind) => {
                out.push(format!("{} has no `{kind}` any more", called(target)));
            }
            Change::Quiet {
                channel,
                target,
                until,
            } => out.push(format!(
                "quiet hours: {channel} hears of {} again from {}",
                called(target),
                until.words(plan.server.timezone)
            )),
        }
    }
    out
}

fn called(target: &TargetId) -> String {
    target.as_str().replacen('/', " ", 1)
}

/// `core_alerts @core, ops`
fn hearers(of: &BTreeMap<ChannelName, Option<OnCallName>>) -> String {
    let named = of.iter().map(|(channel, mention)| match mention {
        Some(mention) => format!("{channel} @{mention}"),
        None => channel.to_string(),
    });
    let named: Vec<_> = named.collect();
    if named.is_empty() {
        return String::from("nobody");
    }
    named.join(", ")
}

fn times(of: &[Duration]) -> String {
    if of.is_empty() {
        return String::from("never");
    }
    let mut out = String::from("after ");
    for (index, after) in of.iter().enumerate() {
        let gap = if index > 0 { ", " } else { "" };
        let _ = write!(out, "{gap}{}", humantime::format_duration(*after));
    }
    out
}
