//! A form that somebody sent: which question it answers, and what was typed into it.
//!
//! Source: <https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload>.

use serde_json::Value;

use super::{Action, BadAction, NotAnInteraction, User};
use crate::{
    command::act::Filled,
    model::{action::WORDS_MAX, text::clean},
    slack::{form, origin::Origin},
};

/// A form that was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Submission {
    /// What was typed, if this version of hekate has made the form.
    pub filled: Result<Filled, BadAction>,
    /// Who did it.
    pub user: User,
    /// From where.
    pub origin: Origin,
}

impl Submission {
    pub(super) fn read(payload: &Value) -> Result<Self, NotAnInteraction> {
        let view = &payload["view"];
        if !view.is_object() {
            return Err(NotAnInteraction::Missing("view"));
        }
        Ok(Self {
            filled: filled(view),
            user: User::read(&payload["user"])?,
            origin: Origin::of_interaction(payload),
        })
    }
}

/// What was typed: the form names the question in the same grammar as a button that asks for it.
fn filled(view: &Value) -> Result<Filled, BadAction> {
    let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
    let action = Action::read(
        &text(&view["callback_id"]),
        &text(&view["private_metadata"]),
    )?;
    let Action::TypeName(nonce) = action else {
        return Err(BadAction::Unknown);
    };
    let typed = |input: &str| {
        let value = &view["state"]["values"][input][input]["value"];
        clean(value.as_str().unwrap_or_default(), WORDS_MAX)
    };
    let why = typed(form::REASON);
    Ok(Filled {
        nonce,
        name: typed(form::NAME),
        why: Some(why).filter(|why| !why.is_empty()),
    })
}
