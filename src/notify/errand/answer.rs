//! What Slack's methods answer to a bot.
//!
//! Slack answers 200 to almost everything and says in the body whether it went well. No part of a body is ever repeated unless it
//! looks like one of Slack's words.
//!
//! Source: <https://docs.slack.dev/reference/methods/chat.postMessage>, `chat.update`, `conversations.history`.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::Call;
use crate::model::{ChannelName, EntryKey, IncidentId, Spot};

/// The kind of our own messages, as Slack's metadata has it.
pub const EVENT_TYPE: &str = "hekate_incident";
/// The longest word of an error that is repeated.
const CODE_MAX: usize = 60;

/// What Slack said to one [`Call`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It is done.
    Done,
    /// It is posted, here.
    Posted(Spot),
    /// A page of channels.
    Channels {
        /// The id of the one that is looked for, if it is among them.
        id: Option<String>,
        /// The next page.
        next: Option<String>,
    },
    /// A page of messages.
    Messages {
        /// Those that are ours.
        found: Vec<Found>,
        /// The next page.
        next: Option<String>,
    },
    /// It is not done, or nobody knows.
    Failed(Fault),
}

/// A message that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Where.
    pub spot: Spot,
    /// The sequence of the newest entry that it tells, of each incident.
    pub told: Vec<(IncidentId, u32)>,
    /// Whether it is a message that is edited as its incident goes on.
    pub does_live: bool,
}

impl Found {
    /// Up to which sequence it tells this incident.
    pub fn told_of(&self, incident: &IncidentId) -> Option<u32> {
        let told = self.told.iter().find(|(other, _)| other == incident);
        told.map(|(_, sequence)| *sequence)
    }
}

/// What names a message for us, as Slack's metadata has it: our name of the channel, what it tells, and whether it lives.
///
/// What it tells is a text, `k7f2:3 m9x2:1`, and not a list: Slack's rules for what a payload may hold are its own.
pub fn metadata<'a>(
    channel: &ChannelName,
    told: impl Iterator<Item = &'a EntryKey>,
    does_live: bool,
) -> Value {
    let mut newest: BTreeMap<&str, u32> = BTreeMap::new();
    for key in told {
        let sequence = newest.entry(key.incident.as_str()).or_default();
        *sequence = key.sequence.max(*sequence);
    }
    let told: Vec<_> = newest
        .iter()
        .map(|(incident, sequence)| format!("{incident}:{sequence}"))
        .collect();
    json!({
        "event_type": EVENT_TYPE,
        "event_payload": {
            "channel": channel.as_str(),
            "told": told.join(" "),
            "lives": does_live,
        },
    })
}

fn told_in(text: &str) -> Vec<(IncidentId, u32)> {
    let one = |word: &str| {
        let (incident, sequence) = word.rsplit_once(':')?;
        Some((IncidentId::new(incident), sequence.parse().ok()?))
    };
    text.split(' ').filter_map(one).collect()
}

/// Why it is not done; the texts hold no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Not so fast.
    Throttled {
        /// How long Slack wants to be left alone.
        after: Option<Duration>,
        /// What it said.
        why: String,
    },
    /// Not now, and certainly not done.
    Later(String),
    /// Nobody knows whether it is done.
    Lost(String),
    /// Not in this workspace, channel, or with this token: for good.
    Refused(String),
    /// Not in this form.
    Malformed(String),
    /// The message that it is about is not there any more, or is what it is for ever.
    Gone(String),
}

impl Fault {
    /// What Slack said, or what became of the request.
    pub fn why(&self) -> &str {
        let (Self::Throttled { why, .. }
        | Self::Later(why)
        | Self::Lost(why)
        | Self::Refused(why)
        | Self::Malformed(why)
        | Self::Gone(why)) = self;
        why
    }
}

/// What a word of Slack's means for the attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Throttled,
    Lost,
    Refused,
    Malformed,
    Gone,
}

/// What came over the line.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    /// The status of HTTP.
    pub status: u16,
    /// How long Slack wants to be left alone, if it says so.
    pub after: Option<Duration>,
    /// The body, or as much of it as is taken.
    pub body: &'a [u8],
    /// Whether that is all of it.
    pub is_whole: bool,
}

/// Reads the answer to a call about the parcel of this entry in the channel that the file calls so.
pub fn read(call: &Call, key: &EntryKey, channel: &str, received: &Received<'_>) -> Answer {
    match judged(received, |code| class(call, code)) {
        Ok(body) => well(call, key, channel, &body),
        Err(fault) => Answer::Failed(fault),
    }
}

/// What Slack says to a call that is about no parcel, if it is done.
///
/// # Errors
///
/// Why it is not done, or that nobody knows.
pub fn done(received: &Received<'_>) -> Result<Value, Fault> {
    judged(received, class_of)
}

fn judged(received: &Received<'_>, class: impl Fn(&str) -> Option<Class>) -> Result<Value, Fault> {
    let Received {
        status,
        after,
        body,
        is_whole,
    } = *received;
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if body["ok"] == true && (200..300).contains(&status) {
        return Ok(body);
    }
    let code = body["error"].as_str().filter(|code| is_word(code));
    let words = match code {
        Some(code) => meaning(code),
        None => format!("HTTP {status}, and no answer of Slack's"),
    };
    Err(match (status, code) {
        (429, _) => Fault::Throttled { after, why: words },
        (_, Some(code)) => match class(code) {
            Some(Class::Throttled) => Fault::Throttled { after, why: words },
            Some(Class::Lost) => Fault::Lost(words),
            Some(Class::Refused) => Fault::Refused(words),
            Some(Class::Malformed) => Fault::Malformed(words),
            Some(Class::Gone) => Fault::Gone(words),
            None => Fault::Later(words),
        },
        (408, None) => Fault::Later(words),
        (500.., None) => Fault::Lost(words),
        (200..=299, None) if !is_whole => {
            Fault::Lost(format!("HTTP {status}, but the answer was cut off"))
        }
        (_, None) => Fault::Refused(words),
    })
}

fn well(call: &Call, key: &EntryKey, channel: &str, body: &Value) -> Answer {
    let cursor = body["response_metadata"]["next_cursor"].as_str();
    let next = cursor
        .filter(|cursor| !cursor.is_empty())
        .map(str::to_owned);
    match call {
        Call::Channels { .. } => {
            let name = channel.trim_start_matches('#');
            let all = body["channels"].as_array().into_iter().flatten();
            let id = all
                .filter(|one| one["name"] == name)
                .find_map(|one| one["id"].as_str());
            Answer::Channels {
                id: id.map(str::to_owned),
                next,
            }
        }
        Call::History { channel_id, .. } => messages(body, key, channel_id, next),
        Call::Replies { of, .. } => messages(body, key, &of.channel_id, next),
        Call::Update { .. } => Answer::Done,
        Call::Post { .. } | Call::Reply { .. } => {
            match (body["channel"].as_str(), body["ts"].as_str()) {
                (Some(channel_id), Some(ts)) => Answer::Posted(Spot {
                    channel_id: channel_id.to_owned(),
                    ts: ts.to_owned(),
                }),
                _ => Answer::Failed(Fault::Lost(String::from(
                    "Slack said ok, but not where the message is",
                ))),
            }
        }
    }
}

/// The messages among these that are ours, and told for this channel of the file.
fn messages(body: &Value, key: &EntryKey, channel_id: &str, next: Option<String>) -> Answer {
    let all = body["messages"].as_array().into_iter().flatten();
    let found = all.filter_map(|message| {
        let metadata = &message["metadata"];
        let payload = &metadata["event_payload"];
        let is_ours =
            metadata["event_type"] == EVENT_TYPE && payload["channel"] == key.channel.as_str();
        Some(Found {
            spot: Spot {
                channel_id: channel_id.to_owned(),
                ts: message["ts"].as_str()?.to_owned(),
            },
            told: told_in(payload["told"].as_str().filter(|_| is_ours)?),
            does_live: payload["lives"] == true,
        })
    });
    Answer::Messages {
        found: found.collect(),
        next,
    }
}

fn is_word(code: &str) -> bool {
    (1..=CODE_MAX).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The word, with what it means for whoever has to repair it, if that is known.
pub fn meaning(code: &str) -> String {
    match WORDS.iter().find(|(word, ..)| *word == code) {
        Some((word, _, meaning)) if !meaning.is_empty() => format!("{word}: {meaning}"),
        Some(_) | None => code.to_owned(),
    }
}

fn class(call: &Call, code: &str) -> Option<Class> {
    let is_edit = matches!(call, Call::Update { .. });
    // The message may be in another channel, or of another workspace, than what the file says by now.
    let is_elsewhere = matches!(code, "channel_not_found" | "is_archived" | "not_in_channel");
    if is_edit && is_elsewhere {
        Some(Class::Gone)
    } else {
        class_of(code)
    }
}

fn class_of(code: &str) -> Option<Class> {
    if code.starts_with("restricted_action") {
        return Some(Class::Refused);
    }
    let known = WORDS.iter().find(|(word, ..)| *word == code);
    known.map(|(_, class, _)| *class)
}

/// What Slack says, what it means for the attempt, and for whoever has to repair it. Whatever is not here is tried again later.
const WORDS: &[(&str, Class, &str)] = &[
    ("access_denied", Class::Refused, "the app may not do this"),
    (
        "account_inactive",
        Class::Refused,
        "the bot or its workspace was deleted",
    ),
    ("as_user_not_supported", Class::Refused, ""),
    ("attachment_payload_limit_exceeded", Class::Malformed, ""),
    (
        "cant_update_message",
        Class::Gone,
        "the message is another one's",
    ),
    ("cannot_reply_to_message", Class::Gone, ""),
    (
        "channel_not_found",
        Class::Refused,
        "the channel does not exist, or is private and the bot was not invited",
    ),
    (
        "edit_window_closed",
        Class::Gone,
        "the workspace lets nobody edit messages that are so old",
    ),
    (
        "ekm_access_denied",
        Class::Refused,
        "an administrator has suspended posting",
    ),
    (
        "enterprise_is_restricted",
        Class::Refused,
        "the token does not work in this organisation",
    ),
    ("fatal_error", Class::Lost, "a fault on Slack's side"),
    ("internal_error", Class::Lost, "a fault on Slack's side"),
    (
        "invalid_arguments",
        Class::Malformed,
        "Slack cannot read this form of the message",
    ),
    ("invalid_attachments", Class::Malformed, ""),
    (
        "invalid_auth",
        Class::Refused,
        "the token is wrong, or calls from this address are not allowed",
    ),
    (
        "invalid_blocks",
        Class::Malformed,
        "Slack cannot show this form of the message",
    ),
    (
        "invalid_blocks_format",
        Class::Malformed,
        "Slack cannot read this form of the message",
    ),
    ("is_archived", Class::Refused, "the channel is archived"),
    ("message_not_found", Class::Gone, "the message was deleted"),
    (
        "messages_tab_disabled",
        Class::Refused,
        "the app takes no direct messages; the manifest of `hekate slack manifest` lets it",
    ),
    (
        "missing_scope",
        Class::Refused,
        "the token lacks a right; `hekate slack verify` says which",
    ),
    (
        "msg_blocks_too_long",
        Class::Malformed,
        "the message is too long",
    ),
    ("msg_too_long", Class::Malformed, "the message is too long"),
    (
        "no_permission",
        Class::Refused,
        "the token lacks a right; `hekate slack verify` says which",
    ),
    (
        "no_text",
        Class::Malformed,
        "Slack sees no text in this form of the message",
    ),
    (
        "not_allowed_token_type",
        Class::Refused,
        "this is another kind of token; a bot token begins with `xoxb-`",
    ),
    ("not_authed", Class::Refused, "no token arrived"),
    (
        "not_enabled",
        Class::Refused,
        "the app has no Home tab; the manifest of `hekate slack manifest` gives it one",
    ),
    (
        "not_in_channel",
        Class::Refused,
        "the bot is not in the channel: invite it, or let it have `chat:write.public`",
    ),
    (
        "org_login_required",
        Class::Refused,
        "the workspace is being moved to an organisation",
    ),
    (
        "rate_limited",
        Class::Throttled,
        "it asks for a slower pace",
    ),
    ("ratelimited", Class::Throttled, "it asks for a slower pace"),
    ("request_timeout", Class::Lost, ""),
    (
        "team_access_not_granted",
        Class::Refused,
        "the token was not given access to the workspace",
    ),
    (
        "team_not_found",
        Class::Refused,
        "the workspace does not exist",
    ),
    ("thread_not_found", Class::Gone, "the message was deleted"),
    ("token_expired", Class::Refused, "the token has expired"),
    ("token_revoked", Class::Refused, "the token was revoked"),
    (
        "too_many_attachments",
        Class::Malformed,
        "Slack cannot show this form of the message",
    ),
    (
        "user_not_in_channel",
        Class::Refused,
        "who asked is not in the channel any more",
    ),
];
