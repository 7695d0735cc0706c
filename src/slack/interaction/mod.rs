//! What Slack sends when somebody presses something, chooses something, or types into a menu.
//!
//! Source: <https://docs.slack.dev/reference/interaction-payloads>.

mod action;
pub mod buttons;
mod pick;
pub mod pickers;
mod submission;
#[cfg(test)]
mod tests;

use serde_json::Value;
use thiserror::Error;

pub use action::{Action, BadAction, Place, Quiet, Subject};
pub use pick::{PICK, Pick};
pub use submission::Submission;

use super::{
    command::{BadResponseUrl, ResponseUrl},
    origin::Origin,
};
use crate::model::text::clean;

/// The longest id of a person, a place or a workspace; Slack's have about 11 characters.
const ID_BYTES_MAX: usize = 64;
/// The longest trigger; Slack's have about 50 characters.
const TRIGGER_BYTES_MAX: usize = 200;
/// The most characters of a person's name, of what is typed into a menu, and of the name of a kind.
const WORDS_MAX: usize = 80;

/// What somebody did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Interaction {
    /// They pressed a button or chose an option.
    Click(Box<Click>),
    /// They sent a form.
    Submission(Box<Submission>),
    /// They type into a menu that asks for its options.
    Search(Search),
    /// Something else, which nothing of ours can cause.
    Other {
        /// Slack's word for it, cleaned.
        kind: String,
    },
}

/// Something that was pressed or chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Click {
    /// What it means, if this version of hekate has made it.
    pub action: Result<Action, BadAction>,
    /// Who did it.
    pub user: User,
    /// From where.
    pub origin: Origin,
    /// Where; empty on the Home tab.
    pub channel_id: String,
    /// The message on which it was, by its time; empty on the Home tab.
    pub message_ts: String,
    /// Whether only this person sees that message.
    pub is_private: bool,
    /// Whether it was on the Home tab.
    pub is_home: bool,
    /// A word that is another for every click; empty if there is none that can be used.
    pub trigger_id: String,
    /// Where the answer goes; absent on the Home tab.
    pub response_url: Option<ResponseUrl>,
}

/// Somebody in Slack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// `U…` or `W…`.
    pub id: String,
    /// What they are called, cleaned; may be empty.
    pub name: String,
}

/// What somebody types into a menu.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    /// What the choice is for.
    pub pick: Result<Pick, BadAction>,
    /// What was typed so far, cleaned.
    pub typed: String,
    /// From where.
    pub origin: Origin,
}

/// Why a payload is no interaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NotAnInteraction {
    /// It is no form with one `payload` that is a JSON object.
    #[error("it is no form with one payload of JSON")]
    Form,
    /// A member that has to be there is missing or of another type.
    #[error("`{0}` is missing or is not what it should be")]
    Missing(&'static str),
    /// The address for answers is not Slack's.
    #[error("response_url: {0}")]
    ResponseUrl(#[from] BadResponseUrl),
}

impl Interaction {
    /// Reads the form that Slack posts.
    ///
    /// # Errors
    ///
    /// If it is none, or lacks what has to be there, or `response_url` leads anywhere but to Slack.
    pub fn parse(
        form: &[u8],
        response_url: impl Fn(&str) -> Result<ResponseUrl, BadResponseUrl>,
    ) -> Result<Self, NotAnInteraction> {
        let mut payloads = form_urlencoded::parse(form)
            .filter_map(|(key, value)| (key == "payload").then_some(value));
        let (Some(text), None) = (payloads.next(), payloads.next()) else {
            return Err(NotAnInteraction::Form);
        };
        let payload: Value =
            serde_json::from_str(&text).map_err(|_error| NotAnInteraction::Form)?;
        Self::of_payload(&payload, response_url)
    }

    /// Reads the same from the payload of a connection.
    ///
    /// # Errors
    ///
    /// As [`Interaction::parse`].
    pub fn of_payload(
        payload: &Value,
        response_url: impl Fn(&str) -> Result<ResponseUrl, BadResponseUrl>,
    ) -> Result<Self, NotAnInteraction> {
        if !payload.is_object() {
            return Err(NotAnInteraction::Form);
        }
        let kind = payload["type"].as_str();
        match kind.ok_or(NotAnInteraction::Missing("type"))? {
            "block_actions" => {
                Click::read(payload, response_url).map(|click| Self::Click(Box::new(click)))
            }
            "view_submission" => {
                Submission::read(payload).map(|submission| Self::Submission(Box::new(submission)))
            }
            "block_suggestion" => Ok(Self::Search(Search {
                pick: Pick::read(payload["block_id"].as_str().unwrap_or_default()),
                typed: clean(payload["value"].as_str().unwrap_or_default(), WORDS_MAX),
                origin: Origin::of_interaction(payload),
            })),
            other => Ok(Self::Other {
                kind: clean(other, WORDS_MAX),
            }),
        }
    }
}

impl Click {
    fn read(
        payload: &Value,
        response_url: impl Fn(&str) -> Result<ResponseUrl, BadResponseUrl>,
    ) -> Result<Self, NotAnInteraction> {
        let user = User::read(&payload["user"])?;
        let pressed = payload["actions"].get(0);
        let pressed = pressed.ok_or(NotAnInteraction::Missing("actions"))?;
        let container = &payload["container"];
        Ok(Self {
            action: action_of(pressed),
            user,
            origin: Origin::of_interaction(payload),
            channel_id: match id(&payload["channel"]["id"]) {
                empty if empty.is_empty() => id(&container["channel_id"]),
                channel => channel,
            },
            message_ts: id(&container["message_ts"]),
            is_private: container["is_ephemeral"] == true,
            is_home: container["type"] == "view",
            trigger_id: capped(&payload["trigger_id"], TRIGGER_BYTES_MAX),
            response_url: match payload["response_url"].as_str() {
                None | Some("") => None,
                Some(address) => Some(response_url(address)?),
            },
        })
    }

    /// What to call whoever pressed it.
    pub fn who(&self) -> &str {
        if self.user.name.is_empty() {
            &self.user.id
        } else {
            &self.user.name
        }
    }
}

impl User {
    /// Reads the member `user` of what Slack sends.
    fn read(user: &Value) -> Result<Self, NotAnInteraction> {
        let user_id = id(&user["id"]);
        if user_id.is_empty() {
            return Err(NotAnInteraction::Missing("user.id"));
        }
        let name = match &user["username"] {
            Value::String(name) => name,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => user["name"].as_str().unwrap_or_default(),
        };
        Ok(Self {
            id: user_id,
            name: clean(name, WORDS_MAX),
        })
    }
}

/// What was pressed: a button carries a value, a menu the option that was chosen.
fn action_of(pressed: &Value) -> Result<Action, BadAction> {
    let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
    let action_id = text(&pressed["action_id"]);
    let value = match pressed.get("selected_option") {
        Some(option) => text(&option["value"]),
        None => text(&pressed["value"]),
    };
    if action_id == action::HAND_OVER {
        let user = id(&pressed["selected_user"]);
        return action::handed(&text(&pressed["block_id"]), &user);
    }
    if action_id == PICK {
        return Pick::read(&text(&pressed["block_id"]))?.chosen(&value);
    }
    Action::read(&action_id, &value)
}

/// An id as Slack makes them; empty if it is none.
pub(super) fn id(value: &Value) -> String {
    capped(value, ID_BYTES_MAX)
}

fn capped(value: &Value, bytes_max: usize) -> String {
    let text = value.as_str().unwrap_or_default();
    let is_word = text.len() <= bytes_max && text.bytes().all(|b| b.is_ascii_graphic());
    if is_word {
        text.to_owned()
    } else {
        String::new()
    }
}
