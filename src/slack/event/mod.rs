//! What Slack says that happened (Events API): somebody spoke to the bot, or opened its Home tab.
//!
//! Only what is meant for the bot is read: a message that mentions it, and a direct message to it; and, if the app was given the right to
//! hear them, ordinary messages of channels, for the replies that the file has ready. Whatever a program said, what was edited and what
//! has a `subtype` is nothing to answer, or two bots would talk for ever.
//!
//! Source: <https://docs.slack.dev/apis/events-api>.

mod identity;
#[cfg(test)]
mod tests;

use serde_json::Value;
use thiserror::Error;

pub use identity::Identity;

use super::{
    command::Typed,
    interaction::id,
    origin::{self, Origin},
};
use crate::model::text::clean;

/// The most characters of the name of a kind.
const KIND_MAX: usize = 80;
/// The longest challenge; Slack's have about 50 characters.
const CHALLENGE_MAX: usize = 200;
/// The most authorizations that are looked at; Slack sends one.
const AUTHORIZATIONS_MAX: usize = 10;
/// A person of Slack's own, whom nobody has to answer.
const SLACKBOT: &str = "USLACKBOT";

/// One thing that Slack hands over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Callback {
    /// It asks whether anybody lives at this address: the word that it wants to hear back.
    Challenge(String),
    /// Something happened.
    Happened(Box<Happening>),
    /// Something else, which is not known here.
    Other {
        /// Slack's word for it, cleaned.
        kind: String,
    },
}

/// Something that happened in a workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Happening {
    /// Names it; a repeat has the same.
    pub id: String,
    /// When, in seconds since 1970; absent if Slack does not say.
    pub at_seconds: Option<i64>,
    /// Where.
    pub origin: Origin,
    /// The users, `U…`, that Slack says this app is.
    pub own_users: Vec<String>,
    /// What.
    pub event: Event,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Somebody spoke to the bot.
    Said(Said),
    /// Somebody opened the Home tab of the app.
    HomeOpened {
        /// Who, `U…` or `W…`.
        user_id: String,
    },
    /// It is nothing to answer, for this reason.
    NotForUs(&'static str),
    /// Something that is not known here.
    Other {
        /// Slack's word for it, cleaned.
        kind: String,
    },
}

/// Words to the bot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// Who, `U…` or `W…`.
    pub user_id: String,
    /// Where, `C…`, `G…` or `D…`.
    pub channel_id: String,
    /// The message.
    pub ts: String,
    /// The message whose thread it is in, if it is in one.
    pub thread_ts: Option<String>,
    /// Who wrote the message whose thread it is in, if Slack says it.
    pub parent_user_id: Option<String>,
    /// Among whom.
    pub venue: Venue,
    /// What was said, as Slack escapes it.
    pub raw: String,
}

/// Among whom something was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Venue {
    /// In a channel, with a mention of the bot.
    Channel,
    /// To the bot alone.
    Direct,
    /// In a channel, to anybody.
    Overheard,
}

/// Why a body is nothing that happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NotACallback {
    /// It is no JSON object.
    #[error("it is no JSON object")]
    Form,
    /// A member that has to be there is missing or of another type.
    #[error("`{0}` is missing or is not what it should be")]
    Missing(&'static str),
}

impl Callback {
    /// Reads the JSON that Slack posts.
    ///
    /// # Errors
    ///
    /// If it is none, or lacks what has to be there.
    pub fn parse(body: &[u8]) -> Result<Self, NotACallback> {
        let payload: Value =
            serde_json::from_slice(body).map_err(|_unreadable| NotACallback::Form)?;
        Self::of_payload(&payload)
    }

    /// Reads the same from the payload of a connection.
    ///
    /// # Errors
    ///
    /// As [`Callback::parse`].
    pub fn of_payload(payload: &Value) -> Result<Self, NotACallback> {
        if !payload.is_object() {
            return Err(NotACallback::Form);
        }
        let kind = payload["type"].as_str();
        match kind.ok_or(NotACallback::Missing("type"))? {
            "url_verification" => challenge(&payload["challenge"])
                .map(Self::Challenge)
                .ok_or(NotACallback::Missing("challenge")),
            "event_callback" => Happening::read(payload).map(|one| Self::Happened(Box::new(one))),
            other => Ok(Self::Other {
                kind: clean(other, KIND_MAX),
            }),
        }
    }
}

/// Only what can be no markup and no header comes back.
fn challenge(value: &Value) -> Option<String> {
    let word = value.as_str()?;
    let is_word = (1..=CHALLENGE_MAX).contains(&word.len())
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.=+/".contains(&b));
    is_word.then(|| word.to_owned())
}

impl Happening {
    fn read(payload: &Value) -> Result<Self, NotACallback> {
        let needed = |name: &'static str| match id(&payload[name]) {
            empty if empty.is_empty() => Err(NotACallback::Missing(name)),
            id => Ok(id),
        };
        let event = &payload["event"];
        let kind = event["type"].as_str();
        let kind = kind.ok_or(NotACallback::Missing("event.type"))?;
        let authorizations = payload["authorizations"].as_array().into_iter().flatten();
        let of_organisation = &payload["authorizations"][0]["is_enterprise_install"];
        let teams = ["user_team", "source_team", "team"];
        Ok(Self {
            id: needed("event_id")?,
            at_seconds: payload["event_time"].as_i64(),
            origin: Origin {
                team_id: needed("team_id")?,
                enterprise_id: id(&payload["enterprise_id"]),
                is_of_organisation: origin::is_true(of_organisation),
                api_app_id: id(&payload["api_app_id"]),
                teams_of_person: teams
                    .iter()
                    .map(|name| id(&event[*name]))
                    .filter(|id| !id.is_empty())
                    .collect(),
            },
            own_users: authorizations
                .take(AUTHORIZATIONS_MAX)
                .filter(|one| one["is_bot"] == true)
                .map(|one| id(&one["user_id"]))
                .filter(|id| !id.is_empty())
                .collect(),
            event: Event::read(kind, event)?,
        })
    }
}

impl Event {
    fn read(kind: &str, event: &Value) -> Result<Self, NotACallback> {
        match kind {
            "app_mention" => Said::read(event, Venue::Channel),
            "message" if event["channel_type"] == "im" => Said::read(event, Venue::Direct),
            "app_home_opened" => match (id(&event["user"]), event["tab"].as_str()) {
                (user_id, _) if user_id.is_empty() => Err(NotACallback::Missing("event.user")),
                (user_id, Some("home")) => Ok(Self::HomeOpened { user_id }),
                (_, Some(_) | None) => Ok(Self::NotForUs("it is another tab")),
            },
            "message" if is_in_channel(event) && event["text"].is_string() => {
                Said::read(event, Venue::Overheard)
            }
            "message" => Ok(Self::NotForUs("it was not said to the bot")),
            other => Ok(Self::Other {
                kind: clean(other, KIND_MAX),
            }),
        }
    }
}

/// What marks a message as no plain words of a person, and what that means.
const MARKS: [(&str, &str); 6] = [
    ("subtype", "it is no plain message"),
    ("bot_id", "a program said it"),
    ("bot_profile", "a program said it"),
    ("app_id", "a program said it"),
    ("edited", "it was edited"),
    ("hidden", "it is hidden"),
];

impl Said {
    fn read(event: &Value, venue: Venue) -> Result<Event, NotACallback> {
        let is_there = |name: &str| !matches!(event[name], Value::Null | Value::Bool(false));
        if let Some((_, why)) = MARKS.iter().find(|(name, _)| is_there(name)) {
            return Ok(Event::NotForUs(why));
        }
        let user_id = id(&event["user"]);
        if user_id.is_empty() || user_id == SLACKBOT {
            return Ok(Event::NotForUs("no person said it"));
        }
        let channel_id = id(&event["channel"]);
        if channel_id.is_empty() {
            return Err(NotACallback::Missing("event.channel"));
        }
        let raw = event["text"].as_str();
        Ok(Event::Said(Self {
            user_id,
            // Slack's channels of two people begin with a D, whichever way the words came.
            venue: match venue {
                Venue::Channel if channel_id.starts_with('D') => Venue::Direct,
                Venue::Channel | Venue::Direct | Venue::Overheard => venue,
            },
            channel_id,
            ts: message_ts(&event["ts"]).ok_or(NotACallback::Missing("event.ts"))?,
            thread_ts: message_ts(&event["thread_ts"]),
            parent_user_id: Some(id(&event["parent_user_id"])).filter(|id| !id.is_empty()),
            raw: raw.ok_or(NotACallback::Missing("event.text"))?.to_owned(),
        }))
    }

    /// The words after the mention of one of these users, as the person saw them; in a direct message a mention is not needed.
    ///
    /// Absent if nobody of these is mentioned where it takes a mention, and of an ordinary message if somebody is: that comes
    /// as a mention as well.
    pub fn words(&self, own: &[String]) -> Option<Typed> {
        let after = own
            .iter()
            .filter_map(|id| behind_mention(&self.raw, id))
            .max_by_key(|rest| rest.len());
        let rest = match (self.venue, after) {
            (Venue::Channel, after) => after?,
            (Venue::Overheard, Some(_)) => return None,
            // What stands before it is part of the words, unless nothing does.
            (Venue::Direct, Some(rest)) if self.raw.trim_start().starts_with("<@") => rest,
            (Venue::Direct, Some(_) | None) | (Venue::Overheard, None) => &self.raw,
        };
        Some(Typed::read(rest.trim_start_matches([':', ',', ' '])))
    }
}

/// Whether it was said in a channel, public or private, and not among a few.
fn is_in_channel(event: &Value) -> bool {
    matches!(event["channel_type"].as_str(), Some("channel" | "group"))
}

/// What follows the first `<@U…>` or `<@U…|name>` of this user.
fn behind_mention<'a>(raw: &'a str, user_id: &str) -> Option<&'a str> {
    raw.match_indices("<@").find_map(|(at, open)| {
        let rest = raw[at + open.len()..].strip_prefix(user_id)?;
        if let Some(after) = rest.strip_prefix('>') {
            return Some(after);
        }
        let (label, after) = rest.strip_prefix('|')?.split_once('>')?;
        (!label.contains('<')).then_some(after)
    })
}

/// The time of a message, which is its name: digits, a dot, digits.
fn message_ts(value: &Value) -> Option<String> {
    let ts = id(value);
    let (seconds, rest) = ts.split_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (is_number(seconds) && is_number(rest)).then_some(ts)
}
