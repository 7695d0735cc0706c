//! What Slack says over a connection that we hold (Socket Mode), and what it is answered.
//!
//! Source: <https://docs.slack.dev/apis/events-api/using-socket-mode>.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use thiserror::Error;

/// The longest id of an envelope; Slack's have 36 characters.
const ID_MAX: usize = 200;

/// One text message of Slack's.
#[derive(Clone, PartialEq, Debug)]
pub enum Frame {
    /// The connection is ready.
    Hello,
    /// The connection will end, or has.
    Disconnect(Parting),
    /// Something that has to be acknowledged.
    Envelope(Envelope),
    /// Something else, which wants no acknowledgement.
    Other,
}

/// Why a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parting {
    /// It will end in about ten seconds.
    Warning,
    /// It will end, and another one is to be opened.
    RefreshRequested,
    /// Socket Mode was switched off in the settings of the app.
    LinkDisabled,
    /// For a reason that is not known here.
    Other,
}

impl Parting {
    /// The word for records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::RefreshRequested => "refresh_requested",
            Self::LinkDisabled => "link_disabled",
            Self::Other => "other",
        }
    }
}

/// Something that somebody did, as Slack hands it over.
#[derive(Clone, PartialEq, Debug)]
pub struct Envelope {
    /// Names it; a repeat has the same.
    pub id: String,
    /// What kind of thing it is.
    pub kind: EnvelopeKind,
    /// Whether the acknowledgement may carry the answer.
    pub takes_payload: bool,
    /// What happened.
    pub payload: Value,
}

/// What kind of thing an envelope holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EnvelopeKind {
    /// Somebody typed a slash command.
    SlashCommand,
    /// Somebody pressed a button, sent a form, or used a shortcut.
    Interactive,
    /// Something happened that the app wants to hear of.
    Event,
    /// Something that is not known here.
    Other,
}

impl EnvelopeKind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::SlashCommand,
        Self::Interactive,
        Self::Event,
        Self::Other,
    ];

    /// Slack's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SlashCommand => "slash_commands",
            Self::Interactive => "interactive",
            Self::Event => "events_api",
            Self::Other => "other",
        }
    }

    fn from_word(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .unwrap_or(Self::Other)
    }
}

/// Why a message is none of Slack's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NotAFrame {
    /// It is no JSON object with a type.
    #[error("it is no JSON object with a type")]
    Form,
    /// It is an envelope whose id cannot be answered to.
    #[error("its envelope_id cannot be used")]
    Id,
}

impl Frame {
    /// Reads one text message.
    ///
    /// # Errors
    ///
    /// If Slack would not have sent it; there is nothing to acknowledge then.
    pub fn read(text: &str) -> Result<Self, NotAFrame> {
        let mut message: Value = serde_json::from_str(text).map_err(|_error| NotAFrame::Form)?;
        let kind = message["type"].as_str().ok_or(NotAFrame::Form)?;
        if let Some(id) = message.get("envelope_id") {
            let id = id
                .as_str()
                .filter(|id| (1..=ID_MAX).contains(&id.len()))
                .ok_or(NotAFrame::Id)?;
            return Ok(Self::Envelope(Envelope {
                id: id.to_owned(),
                kind: EnvelopeKind::from_word(kind),
                takes_payload: message["accepts_response_payload"] == true,
                payload: message["payload"].take(),
            }));
        }
        Ok(match kind {
            "hello" => Self::Hello,
            "disconnect" => Self::Disconnect(match message["reason"].as_str() {
                Some("warning") => Parting::Warning,
                Some("refresh_requested") => Parting::RefreshRequested,
                Some("link_disabled") => Parting::LinkDisabled,
                Some(_) | None => Parting::Other,
            }),
            _ => Self::Other,
        })
    }
}

/// The acknowledgement of an envelope, with the answer if it may carry one.
pub fn acknowledgement(id: &str, answer: Option<&Value>) -> String {
    match answer {
        Some(answer) => json!({ "envelope_id": id, "payload": answer }),
        None => json!({ "envelope_id": id }),
    }
    .to_string()
}
