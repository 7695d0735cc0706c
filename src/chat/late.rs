//! Answers to the address that came with what somebody said or pressed.

use std::{sync::PoisonError, time::Duration};

use serde_json::{Value, json};

use super::{Chat, losses::News};
use crate::{
    model::Delivery,
    slack::{Message, command::ResponseUrl, interaction::Place},
    telemetry::Fate,
};

/// Waits before the attempts to answer. Slack takes five answers at one address, within 30 min, and a message a second in a
/// channel.
pub(super) const WAITS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
];
/// The longest wait that Slack may ask for; nobody looks for an answer that comes later.
pub(super) const WAIT_MAX: Duration = Duration::from_mins(1);

/// What is to be done at the address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Late {
    /// This is shown, there.
    Show(Message, Place),
    /// What was pressed on disappears.
    Vanish,
}

impl Late {
    fn to_json(&self) -> Value {
        match self {
            Self::Show(message, place) => json_of(message, *place),
            Self::Vanish => json!({ "delete_original": true }),
        }
    }

    /// The words alone, for when Slack refuses how it looks.
    fn plain(&self) -> Self {
        match self {
            Self::Show(message, place) => Self::Show(message.plain(), *place),
            Self::Vanish => Self::Vanish,
        }
    }
}

fn json_of(message: &Message, place: Place) -> Value {
    let mut out = message.to_json();
    let (kind, is_instead) = match place {
        Place::Beside => ("ephemeral", false),
        Place::Instead => ("ephemeral", true),
        Place::Channel => ("in_channel", false),
    };
    out["response_type"] = json!(kind);
    out["replace_original"] = json!(is_instead);
    out
}

impl Chat {
    /// Sends it, again if it may help and Slack would still take it. What is lost is logged, and told when it lasts.
    pub async fn respond(&self, url: Option<&ResponseUrl>, late: &Late) -> Fate {
        let Some(url) = url else {
            tracing::warn!(
                event = "slack.unanswered",
                "there is an answer, and no address for it"
            );
            return Fate::Undelivered;
        };
        let mut body = late.to_json();
        let mut last = String::new();
        let mut is_ours = false;
        let mut asked_for = Duration::ZERO;
        for wait in WAITS {
            tokio::time::sleep(wait.max(asked_for)).await;
            let now = self.clock.now().at;
            let bytes = body.to_string().into_bytes();
            match self.sender.respond(url.expose(), bytes, now).await {
                Delivery::Accepted | Delivery::Posted(_) => {
                    self.arrived();
                    return Fate::Late;
                }
                Delivery::Retry { why, after, .. } => {
                    last = why;
                    asked_for = after.unwrap_or_default();
                    is_ours = true;
                    if asked_for > WAIT_MAX {
                        break;
                    }
                }
                Delivery::Refused {
                    why,
                    is_malformed: true,
                } => {
                    (last, is_ours) = (why, false);
                    body = late.plain().to_json();
                }
                Delivery::Unsure { why } => {
                    (last, is_ours) = (why, true);
                    break;
                }
                // Slack is there; the address was used up, or is too old.
                Delivery::Refused { why, .. } => {
                    (last, is_ours) = (why, false);
                    break;
                }
            }
        }
        tracing::warn!(event = "slack.unanswered", why = %last, "a late answer was not taken");
        if is_ours {
            self.lost(&last);
        }
        Fate::Undelivered
    }

    pub(super) fn arrived(&self) {
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        if losses.arrived() == Some(News::Over) {
            (self.tell)(None);
        }
    }

    pub(super) fn lost(&self, why: &str) {
        let now = self.clock.now().tick;
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        if losses.lost(now) == Some(News::Begun) {
            (self.tell)(Some(why));
        }
    }
}
