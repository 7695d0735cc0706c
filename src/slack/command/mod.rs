//! What Slack sends when somebody types a slash command.
//!
//! Source: <https://docs.slack.dev/interactivity/implementing-slash-commands>.

mod response_url;
#[cfg(test)]
mod tests;
mod typed;

use serde_json::Value;
use thiserror::Error;

pub use response_url::{BadResponseUrl, ResponseUrl};
pub use typed::Typed;

use super::origin::Origin;

/// A slash command, to be parsed only after its signature was verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlashCommand {
    /// From where; a command says of which workspace whoever typed it is by where it comes from.
    pub origin: Origin,
    /// The workspace's name in addresses.
    pub team_domain: String,
    /// Where it was typed.
    pub channel_id: String,
    /// What that place is called; `directmessage` or `privategroup` where it has no name to tell.
    pub channel_name: String,
    /// Who typed it, `U…` or `W…`.
    pub user_id: String,
    /// The name of who typed it; Slack may stop sending it.
    pub user_name: String,
    /// The command itself: `/roih`.
    pub command: String,
    /// What followed it.
    pub typed: Typed,
    /// Where late answers go.
    pub response_url: Option<ResponseUrl>,
    /// A word that is another for every command.
    pub trigger_id: String,
}

/// Why a body is no slash command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NotACommand {
    /// A field that has to be there is missing or empty.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
    /// A field is there twice, so that two readers could see two commands.
    #[error("the field `{0}` is there twice")]
    Twice(&'static str),
    /// The address for late answers is not Slack's.
    #[error("response_url: {0}")]
    ResponseUrl(#[from] BadResponseUrl),
}

/// The fields we read; Slack may send others, and those are ignored.
const FIELDS: [&str; 13] = [
    "team_id",
    "team_domain",
    "enterprise_id",
    "is_enterprise_install",
    "channel_id",
    "channel_name",
    "user_id",
    "user_name",
    "command",
    "text",
    "response_url",
    "trigger_id",
    "api_app_id",
];

impl SlashCommand {
    /// Reads the form that Slack posts.
    ///
    /// # Errors
    ///
    /// If a field is missing or there twice, or if `response_url` leads anywhere but to Slack.
    pub fn parse(form: &[u8]) -> Result<Self, NotACommand> {
        Self::parse_with(form, ResponseUrl::parse)
    }

    /// As [`SlashCommand::parse`], with another rule for `response_url`: for a stand-in of Slack.
    ///
    /// # Errors
    ///
    /// As [`SlashCommand::parse`].
    pub fn parse_with(
        form: &[u8],
        response_url: impl Fn(&str) -> Result<ResponseUrl, BadResponseUrl>,
    ) -> Result<Self, NotACommand> {
        Self::of(Fields::read(form)?, response_url)
    }

    /// Reads the same from the payload of a connection, where it is an object of texts.
    ///
    /// # Errors
    ///
    /// As [`SlashCommand::parse`].
    pub fn of_payload(
        payload: &Value,
        response_url: impl Fn(&str) -> Result<ResponseUrl, BadResponseUrl>,
    ) -> Result<Self, NotACommand> {
        Self::of(Fields::of_payload(payload), response_url)
    }

    fn of(
        mut fields: Fields,
        response_url: impl Fn(&str) -> Result<ResponseUrl, BadResponseUrl>,
    ) -> Result<Self, NotACommand> {
        let address = fields.take("response_url");
        Ok(Self {
            origin: Origin {
                team_id: fields.needed("team_id")?,
                enterprise_id: fields.take("enterprise_id"),
                is_of_organisation: fields.take("is_enterprise_install") == "true",
                api_app_id: fields.take("api_app_id"),
                teams_of_person: Vec::new(),
            },
            team_domain: fields.take("team_domain"),
            channel_id: fields.needed("channel_id")?,
            channel_name: fields.take("channel_name"),
            user_id: fields.needed("user_id")?,
            user_name: fields.take("user_name"),
            command: fields.needed("command")?,
            typed: Typed::read(&fields.take("text")),
            response_url: match address.as_str() {
                "" => None,
                address => Some(response_url(address)?),
            },
            trigger_id: fields.take("trigger_id"),
        })
    }
}

struct Fields([Option<String>; FIELDS.len()]);

impl Fields {
    fn read(form: &[u8]) -> Result<Self, NotACommand> {
        let mut fields = Self([const { None }; FIELDS.len()]);
        for (key, value) in form_urlencoded::parse(form) {
            let Some(place) = FIELDS.iter().position(|field| *field == key) else {
                continue;
            };
            if fields.0[place].replace(value.into_owned()).is_some() {
                return Err(NotACommand::Twice(FIELDS[place]));
            }
        }
        Ok(fields)
    }

    /// What is no text is as good as missing; only `is_enterprise_install` has been seen as a bool.
    fn of_payload(payload: &Value) -> Self {
        Self(FIELDS.map(|field| match payload.get(field)? {
            Value::String(text) => Some(text.clone()),
            Value::Bool(is_so) => Some(is_so.to_string()),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        }))
    }

    fn take(&mut self, name: &'static str) -> String {
        FIELDS
            .iter()
            .position(|field| *field == name)
            .and_then(|place| self.0[place].take())
            .unwrap_or_default()
    }

    fn needed(&mut self, name: &'static str) -> Result<String, NotACommand> {
        Some(self.take(name))
            .filter(|value| !value.is_empty())
            .ok_or(NotACommand::Missing(name))
    }
}
