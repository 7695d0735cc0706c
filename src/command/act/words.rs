//! What became of an order: to people as sentences, to programs as JSON.

use serde_json::{Value, json};

use super::super::Reply;
use crate::model::{
    Board, TargetId,
    action::{Action, Answered, Attempt, Confirm, Stage},
    text::span,
};

/// A question that waits for its confirmation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asking {
    /// What is asked and how it can be answered, as sentences without a full stop.
    pub sentences: Vec<String>,
    /// The word that confirms it.
    pub nonce: String,
    /// Whether a button may confirm it; else the name has to be typed.
    pub has_button: bool,
    /// Whether it can be typed into a form.
    pub by_form: ByForm,
}

/// Whether a name can be typed into a form instead of behind a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ByForm {
    /// No.
    No,
    /// When somebody asks for the form.
    OnDemand,
    /// It has opened.
    Shown,
}

impl Asking {
    /// The same question, which a form may answer as well.
    #[must_use]
    pub fn with_form(mut self, by_form: ByForm) -> Self {
        match by_form {
            ByForm::No | ByForm::OnDemand => {}
            ByForm::Shown => {
                let words = String::from("a form has opened in which its name is typed; or:");
                self.sentences.insert(self.sentences.len().min(1), words);
            }
        }
        self.by_form = by_form;
        self
    }
}

/// What became of an order, for people.
pub fn answered(answer: &Answered, board: &Board, command: &str) -> Reply {
    match answer {
        Answered::Would {
            action,
            target,
            confirm,
            needs_second_person,
        } => {
            let mut sentence = format!(
                "`{}` would be done to {}",
                title(action),
                name_of(board, target)
            );
            sentence.push_str(match confirm {
                Confirm::No => " at once",
                Confirm::Button => " after a confirmation",
                Confirm::TypeName => " after its name was typed",
            });
            if *needs_second_person {
                sentence.push_str(" and one of somebody else in Slack");
            }
            Reply::Said(vec![sentence, String::from("nothing was done")])
        }
        Answered::Confirm { attempt, how } => asking(attempt, *how, board, command),
        Answered::Second(attempt) => Reply::Said(vec![format!(
            "{} waits for somebody else who is allowed: they confirm with `{command} confirm {}` within {}",
            subject(attempt, board),
            attempt.nonce,
            span(attempt.expires_at.since(last_at(attempt)))
        )]),
        Answered::Taken(attempt) => Reply::Said(vec![taken(attempt, board)]),
        Answered::Refused { refusal, attempt } => Reply::Problem {
            understood: match attempt {
                Some(attempt) if attempt.stage == Stage::Cancelled => {
                    format!("{} was {}", subject(attempt, board), refusal.words)
                }
                Some(attempt) => format!("not done: {} ({})", refusal.words, attempt.id),
                None => format!("not done: {}", refusal.words),
            },
            nearest: Vec::new(),
            hint: refusal.way_out.clone(),
            choices: None,
        },
    }
}

fn asking(attempt: &Attempt, how: Confirm, board: &Board, command: &str) -> Reply {
    let (nonce, name) = (&attempt.nonce, name_of(board, &attempt.target));
    let within = span(attempt.expires_at.since(attempt.asked_at));
    let role = attempt
        .role
        .map_or(String::new(), |role| format!(", {}", role.words()));
    let question = format!(
        "{} {name} ({}{role})?",
        title(&attempt.action),
        attempt.verdict
    );
    let has_button = how != Confirm::TypeName;
    let typed = if has_button {
        format!("`{command} confirm {nonce}`")
    } else if wants_reason(attempt, board) {
        format!("`{command} confirm {nonce} {name} because …`")
    } else {
        format!("`{command} confirm {nonce} {name}`")
    };
    Reply::Asking(Asking {
        sentences: vec![
            question,
            format!(
                "{typed} within {within} does it, `{command} cancel {nonce}` does not — {}",
                attempt.id
            ),
        ],
        nonce: nonce.clone(),
        has_button,
        by_form: ByForm::No,
    })
}

/// Whether it has to be said why, and was not yet.
fn wants_reason(attempt: &Attempt, board: &Board) -> bool {
    let mut actions = board.actions.iter();
    let action = actions.find(|action| action.name == attempt.action);
    attempt.why.is_none() && action.is_some_and(|action| action.guard.needs_reason)
}

fn taken(attempt: &Attempt, board: &Board) -> String {
    let subject = subject(attempt, board);
    let mut more = Vec::new();
    more.extend(attempt.reference.clone());
    if !attempt.words.is_empty() {
        more.push(attempt.words.clone());
    }
    let more = more.join(", ");
    match attempt.stage {
        Stage::Checking => {
            format!(
                "{subject}: who is active is read once more, then it is done; what comes of it is told in public"
            )
        }
        Stage::Running => format!("{subject} is being done; what comes of it is told in public"),
        Stage::Settling => format!("{subject} was done ({more}); hekate waits for it to come back"),
        Stage::Asked
        | Stage::Seconding
        | Stage::Done
        | Stage::Failed
        | Stage::Refused
        | Stage::Expired
        | Stage::Cancelled
        | Stage::Unknown => {
            let colon = if more.is_empty() { "" } else { ": " };
            format!("{subject}: {}{colon}{more}", attempt.stage.as_str())
        }
    }
}

fn last_at(attempt: &Attempt) -> crate::model::Timestamp {
    let last = attempt.confirmed.last();
    last.map_or(attempt.asked_at, |confirmed| confirmed.at)
}

fn title(action: &str) -> String {
    action.replace(['_', '-'], " ")
}

/// `a17, restart master green`
fn subject(attempt: &Attempt, board: &Board) -> String {
    format!(
        "{}, {} {}",
        attempt.id,
        title(&attempt.action),
        name_of(board, &attempt.target)
    )
}

fn name_of(board: &Board, target: &TargetId) -> String {
    let row = board.row(target);
    row.map_or_else(|| target.to_string(), |row| row.target.title())
}

/// What became of an order, for programs.
pub fn json_answered(answer: &Answered) -> Value {
    match answer {
        Answered::Would {
            action,
            target,
            confirm,
            needs_second_person,
        } => json!({
            "result": "would_run",
            "action": action,
            "target": target.as_str(),
            "confirm": confirm.as_str(),
            "second_person": needs_second_person,
        }),
        Answered::Confirm { attempt, how } => {
            json!({ "result": "confirm", "confirm": how.as_str(), "attempt": json_attempt(attempt) })
        }
        Answered::Second(attempt) => {
            json!({ "result": "second_person", "attempt": json_attempt(attempt) })
        }
        Answered::Taken(attempt) => json!({ "result": "taken", "attempt": json_attempt(attempt) }),
        Answered::Refused { refusal, attempt } => json!({
            "result": "refused",
            "why": refusal.words,
            "way_out": refusal.way_out,
            "attempt": attempt.as_deref().map(json_attempt),
        }),
    }
}

fn json_attempt(attempt: &Attempt) -> Value {
    json!({
        "id": attempt.id.to_string(),
        "action": attempt.action,
        "target": attempt.target.as_str(),
        "by": attempt.by.name,
        "stage": attempt.stage.as_str(),
        "word": attempt.nonce,
        "expires_at": attempt.expires_at.to_string(),
        "words": attempt.words,
        "reference": attempt.reference,
    })
}

/// The actions of the file, for programs; nothing of what they send.
pub fn json_actions(board: &Board) -> Value {
    let one = |action: &Action| {
        let guard = &action.guard;
        json!({
            "name": action.name,
            "aliases": action.aliases,
            "confirm": guard.confirm.as_str(),
            "second_person": guard.needs_second_person,
            "reason": guard.needs_reason,
            "api": guard.allow.programs,
            "takes_active": guard.when.role.takes_active(),
        })
    };
    let actions: Vec<_> = board.actions.iter().map(|action| one(action)).collect();
    json!({ "actions": actions })
}
