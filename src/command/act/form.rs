//! A form in which the name of a target is typed, and why: what it says, and what is wrong with what was typed.

use std::time::Duration;

use crate::{
    judge::guard,
    model::{
        Board, Timestamp, Verdict,
        action::{Action, Answered, Asker, Attempt, AttemptId, Call, Stage},
        roles::Role,
        text::span,
    },
};

/// What the form says. Everything in it is as of now, not as of when it was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Form {
    /// The word of the question, by which the form is known when it comes back.
    pub nonce: String,
    /// What people call the action: `force restart`.
    pub action: String,
    /// What people call the target, and have to type: `master blue`.
    pub target: String,
    /// Its state.
    pub verdict: Verdict,
    /// Its role, if it has one.
    pub role: Option<Role>,
    /// What is done, as a clause: `builds ops/restart in Jenkins`.
    pub deed: String,
    /// Why, if it was said before.
    pub why: Option<String>,
    /// Whether it still has to be said why.
    pub wants_reason: bool,
    /// Whether somebody else has to confirm as well.
    pub needs_second_person: bool,
    /// How long it can still be confirmed.
    pub within: Duration,
    /// What people call the attempt.
    pub id: AttemptId,
}

/// What was typed into a form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filled {
    /// The word of the question.
    pub nonce: String,
    /// The name.
    pub name: String,
    /// Why; absent if the form did not ask for it, or nothing was typed.
    pub why: Option<String>,
}

/// Where somebody types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// The name of the target.
    Name,
    /// The reason.
    Reason,
}

/// What is wrong with what was typed, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Correction {
    /// Where.
    pub input: Input,
    /// What, as a sentence without a full stop.
    pub words: String,
}

impl Form {
    /// The form of a question that waits; absent if the file or the board do not know what it is about any more.
    pub fn of(attempt: &Attempt, board: &Board, now: Timestamp) -> Option<Self> {
        let mut actions = board.actions.iter();
        let action = actions.find(|action| action.name == attempt.action)?;
        let row = board.row(&attempt.target)?;
        Some(Self {
            nonce: attempt.nonce.clone(),
            action: action.title(),
            target: row.target.title(),
            verdict: row.facts().settled,
            role: row.role().and_then(|facts| facts.role),
            deed: deed(action),
            why: attempt.why.clone(),
            wants_reason: action.guard.needs_reason && attempt.why.is_none(),
            needs_second_person: action.guard.needs_second_person,
            within: Duration::from_secs(attempt.expires_at.since(now).as_secs()),
            id: attempt.id,
        })
    }
}

/// What an action does, as a clause; nothing of its addresses, which may be secret.
fn deed(action: &Action) -> String {
    match &action.call {
        Call::Http(http) => format!("sends one {} request", http.method),
        Call::Jenkins(jenkins) => format!("builds {} in Jenkins", jenkins.job.join("/")),
        Call::Own(own) => format!("begins a {} of {}", own.kind.as_str(), span(own.length)),
    }
}

/// What the asker can type otherwise, so that a question which still waits is confirmed after all. None if that would not help.
pub fn corrections(
    answer: &Answered,
    filled: &Filled,
    asker: &Asker,
    board: &Board,
) -> Vec<Correction> {
    let attempt = match answer {
        Answered::Refused {
            attempt: Some(attempt),
            ..
        } if attempt.stage == Stage::Asked && asker.is(&attempt.by) => attempt,
        Answered::Refused { .. }
        | Answered::Would { .. }
        | Answered::Confirm { .. }
        | Answered::Second(_)
        | Answered::Taken(_) => return Vec::new(),
    };
    let mut actions = board.actions.iter();
    let action = actions.find(|action| action.name == attempt.action);
    let (Some(action), Some(row)) = (action, board.row(&attempt.target)) else {
        return Vec::new();
    };
    let title = row.target.title();
    let name = guard::is_name(&filled.name, &title, &attempt.target).err();
    let name = name.map(|refusal| Correction {
        input: Input::Name,
        words: format!("{}; {}", refusal.words, refusal.way_out),
    });
    let why = attempt.why.as_deref().or(filled.why.as_deref());
    let reason = guard::has_reason(action, why, &attempt.nonce, &title).err();
    let reason = reason.map(|refusal| Correction {
        input: Input::Reason,
        words: refusal.words,
    });
    name.into_iter().chain(reason).collect()
}
