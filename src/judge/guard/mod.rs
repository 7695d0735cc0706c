//! Whether somebody may have something done to a target, and what has to be confirmed first: pure, and no by default.
//!
//! The same rules are asked three times for one attempt: when it is asked for, when it is confirmed, and at the moment in
//! which it would be done.

use std::time::Duration;

use crate::model::{
    GroupName, Timestamp, Verdict,
    action::{Action, Ask, Asker, Attempt, AttemptId, Confirm, Door, Refusal, RoleWanted, Stage},
    roles::Role,
    text::{clean, span},
};

/// So many questions of one person within a minute are heard.
const ASKS_A_MINUTE: usize = 5;
const MINUTE: Duration = Duration::from_mins(1);
/// The most characters of foreign words in a refusal.
const SHOWN_MAX: usize = 60;
/// What is said when it was not said why.
const NO_REASON: &str = "it has to be said why";

/// What a decision rests on.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Now.
    pub now: Timestamp,
    /// What is to be done.
    pub action: &'a Action,
    /// What people call the target: `master green`.
    pub title: &'a str,
    /// What was asked.
    pub ask: &'a Ask,
    /// The target's group.
    pub group: Option<&'a GroupName>,
    /// Its role now, if it has one.
    pub role: Option<Role>,
    /// How it is.
    pub verdict: Verdict,
    /// Who asks.
    pub asker: &'a Asker,
    /// Earlier attempts, of all actions.
    pub recent: &'a [Attempt],
    /// The attempt that is decided on, if there is one already.
    pub attempt: Option<AttemptId>,
}

/// What has to happen before something is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Nothing.
    Allowed,
    /// The asker has to confirm, in this way.
    NeedsConfirmation(Confirm),
    /// Somebody else has to confirm.
    NeedsSecondPerson,
    /// It is not done.
    Refused(Refusal),
}

/// Decides on a question that was just asked.
pub fn decide(case: &Case<'_>) -> Decision {
    if let Err(refusal) = permit(case) {
        return Decision::Refused(refusal);
    }
    let guard = &case.action.guard;
    match (guard.confirm, &case.ask.typed) {
        (Confirm::No, _) => {}
        (how @ (Confirm::Button | Confirm::TypeName), None) => {
            return Decision::NeedsConfirmation(how);
        }
        (Confirm::Button | Confirm::TypeName, Some(typed)) => {
            if let Err(refusal) = is_name(typed, case.title, &case.ask.target) {
                return Decision::Refused(refusal);
            }
        }
    }
    if guard.needs_second_person {
        Decision::NeedsSecondPerson
    } else {
        Decision::Allowed
    }
}

/// Whether it may be done at all, whoever has confirmed.
///
/// # Errors
///
/// Why not, and what helps.
pub fn permit(case: &Case<'_>) -> Result<(), Refusal> {
    allowed(case.action, case.asker)?;
    place(case)?;
    role(case)?;
    state(case)?;
    let guard = &case.action.guard;
    let is_to_come = case.ask.reason_may_follow && guard.confirm == Confirm::TypeName;
    if guard.needs_reason && case.ask.why.trim().is_empty() && !is_to_come {
        return refused(NO_REASON, "add `because …`, or in a terminal `--reason`");
    }
    alone(case)?;
    rate(case)
}

/// Whether this action obeys this person, here.
///
/// # Errors
///
/// Why not, and what helps.
pub fn allowed(action: &Action, asker: &Asker) -> Result<(), Refusal> {
    let (allow, title) = (&action.guard.allow, action.title());
    let (channel, user) = match (&asker.door, &asker.by.slack_user) {
        (Door::Program, _) if allow.programs => return Ok(()),
        (Door::Program, _) => {
            return refused(
                format!("`{title}` is not for terminals and programs"),
                "ask in Slack, or write `api: true` into its `allow`",
            );
        }
        (Door::Slack { channel, .. }, Some(user)) => (channel, user),
        (Door::Slack { .. }, None) => {
            return refused("Slack did not say who asks", "");
        }
    };
    if !allow.channels.is_empty() && !allow.channels.contains(channel) {
        return refused(
            format!("`{title}` cannot be asked for in this channel"),
            "ask where its `allow` says, or add the id of this channel to `channels` there",
        );
    }
    let known = asker.memberships.as_ref();
    let is_member = |group: &String| known.is_some_and(|known| known.contains(group));
    if allow.users.contains(user) || allow.user_groups.iter().any(is_member) {
        return Ok(());
    }
    if let (Some(group), None) = (allow.user_groups.first(), known) {
        return refused(
            format!(
                "nobody can say whether you are in the user group {group}, so `{title}` does not obey you"
            ),
            "try again if Slack is slow, let `hekate slack verify` say what the bot lacks, or list the `users` of an `on_call` entry with this group",
        );
    }
    refused(
        format!("`{title}` does not obey you"),
        "who edits the file can add you to its `allow`",
    )
}

fn place(case: &Case<'_>) -> Result<(), Refusal> {
    let groups = &case.action.guard.when.groups;
    let is_inside = groups.is_empty() || case.group.is_some_and(|group| groups.contains(group));
    if is_inside {
        return Ok(());
    }
    let names: Vec<_> = groups.iter().map(GroupName::as_str).collect();
    refused(
        format!("{} is not in {}", case.title, names.join(" or ")),
        format!("`{}` is for these only", case.action.title()),
    )
}

fn role(case: &Case<'_>) -> Result<(), Refusal> {
    let (title, action) = (case.title, case.action.title());
    let wanted = case.action.guard.when.role;
    match (wanted, case.role) {
        (RoleWanted::Any, _)
        | (RoleWanted::NotActive, None | Some(Role::Inactive))
        | (RoleWanted::Inactive, Some(Role::Inactive))
        | (RoleWanted::Active, Some(Role::Active)) => Ok(()),
        (RoleWanted::NotActive | RoleWanted::Inactive, Some(Role::Active)) => refused(
            format!("{title} is active"),
            format!("switch it away first; `{action}` leaves what is active alone"),
        ),
        (
            RoleWanted::NotActive | RoleWanted::Inactive | RoleWanted::Active,
            Some(Role::Unknown),
        ) => refused(
            format!("nobody can say now whether {title} is active"),
            "`why` says who was asked; try again when it is known",
        ),
        (RoleWanted::Inactive | RoleWanted::Active, None) => refused(
            format!("{title} has no role"),
            format!("`{action}` is for instances of groups that say who of them is active"),
        ),
        (RoleWanted::Active, Some(Role::Inactive)) => refused(
            format!("{title} is not active"),
            format!("`{action}` is for what is active"),
        ),
    }
}

fn state(case: &Case<'_>) -> Result<(), Refusal> {
    let states = &case.action.guard.when.states;
    if states.is_empty() || states.contains(&case.verdict) {
        return Ok(());
    }
    let states: Vec<_> = states.iter().map(|state| state.as_str()).collect();
    refused(
        format!("{} is {}", case.title, case.verdict),
        format!(
            "`{}` is for what is {}",
            case.action.title(),
            states.join(" or ")
        ),
    )
}

/// Two things at once at one target are one too many.
fn alone(case: &Case<'_>) -> Result<(), Refusal> {
    let others = case
        .recent
        .iter()
        .filter(|attempt| Some(attempt.id) != case.attempt);
    let mut here = others.filter(|attempt| attempt.target == case.ask.target);
    let busy = here.find(|attempt| matches!(attempt.stage, Stage::Checking | Stage::Running));
    match busy {
        Some(other) => refused(
            format!(
                "{} is being done to {} already, by {} ({})",
                other.action.replace('_', " "),
                case.title,
                other.by,
                other.id
            ),
            "wait until it is over",
        ),
        None => Ok(()),
    }
}

fn rate(case: &Case<'_>) -> Result<(), Refusal> {
    let others = || {
        let recent = case.recent.iter();
        recent.filter(|attempt| Some(attempt.id) != case.attempt)
    };
    let asked = others()
        .filter(|attempt| case.asker.is(&attempt.by) && case.now.since(attempt.asked_at) < MINUTE);
    if asked.count() >= ASKS_A_MINUTE {
        return refused(
            format!("you asked for {ASKS_A_MINUTE} things within a minute"),
            "wait for a minute",
        );
    }
    let Some(rate) = case.action.guard.rate else {
        return Ok(());
    };
    let begun = others()
        .filter(|attempt| attempt.action == case.action.name)
        .filter_map(|attempt| match attempt.stage {
            Stage::Checking => Some(case.now),
            Stage::Running
            | Stage::Settling
            | Stage::Done
            | Stage::Failed
            | Stage::Unknown
            | Stage::Asked
            | Stage::Seconding
            | Stage::Refused
            | Stage::Expired
            | Stage::Cancelled => attempt.began_at,
        });
    let mut begun: Vec<_> = begun
        .filter(|at| case.now.since(*at) < rate.within)
        .collect();
    begun.sort();
    let count = usize::try_from(rate.count).unwrap_or(usize::MAX);
    match begun.len().checked_sub(count) {
        None => Ok(()),
        Some(first) => refused(
            format!(
                "`{}` was done {} times within {}, which is as often as the file allows",
                case.action.title(),
                begun.len(),
                span(rate.within)
            ),
            format!(
                "it may be done again in {}",
                span((begun[first] + rate.within).since(case.now))
            ),
        ),
    }
}

/// Whether this is the name of the target, letter by letter but for case, and spaces around it.
///
/// # Errors
///
/// What to type.
pub fn is_name(typed: &str, title: &str, id: &crate::model::TargetId) -> Result<(), Refusal> {
    let typed = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_same = |name: &str| name.to_lowercase() == typed.to_lowercase();
    if is_same(title) || is_same(id.as_str()) {
        return Ok(());
    }
    refused(
        format!("`{}` is not its name", clean(&typed, SHOWN_MAX)),
        format!("type `{title}`"),
    )
}

/// Whether it was said why, if this action wants that; `nonce` is the word of the question.
///
/// # Errors
///
/// What to add.
pub fn has_reason(
    action: &Action,
    why: Option<&str>,
    nonce: &str,
    title: &str,
) -> Result<(), Refusal> {
    if action.guard.needs_reason && why.is_none_or(|why| why.trim().is_empty()) {
        return refused(NO_REASON, format!("`confirm {nonce} {title} because …`"));
    }
    Ok(())
}

/// Whether somebody may confirm what another one asked for.
///
/// # Errors
///
/// Why not, and what helps.
pub fn may_second(action: &Action, asked_by: &Attempt, second: &Asker) -> Result<(), Refusal> {
    // At a terminal anybody can be called anything; only Slack says for sure that it is somebody else.
    if second.by.slack_user.is_none() {
        return refused(
            "the second person has to confirm in Slack",
            "only there it is known to be somebody else",
        );
    }
    if second.is(&asked_by.by) {
        return refused(
            "somebody else has to confirm it",
            "ask a colleague who is allowed as well",
        );
    }
    allowed(action, second)
}

fn refused<T>(words: impl Into<String>, way_out: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal {
        words: words.into(),
        way_out: way_out.into(),
    })
}

#[cfg(test)]
mod tests;
