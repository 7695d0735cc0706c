//! What happens to an envelope: it is acknowledged, and if it is for us and new, it is acted on.

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    sync::{
        Semaphore,
        mpsc::{UnboundedSender, WeakUnboundedSender},
        oneshot,
    },
    time::timeout,
};

use super::seen::Seen;
use crate::{
    chat::Chat,
    model::Delivery,
    notify::sender::Sender,
    slack::{
        Message,
        api::Base,
        command::SlashCommand,
        socket::{Envelope, EnvelopeKind, acknowledgement},
    },
    telemetry::{Answer, Fate},
};

/// Slack waits 3 s for an acknowledgement; what is not answered by then is answered afterwards.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(2_500);
/// So many commands may be worked on at once.
const COMMANDS_MAX: usize = 32;
/// Waits before the attempts to deliver a late answer; Slack takes five of them.
const RESPONSE_WAITS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// A text on its way out, and where it is said that it has left.
pub(super) struct Outgoing {
    pub(super) text: String,
    pub(super) is_sent: oneshot::Sender<()>,
}

/// The desk that all lines share.
pub(super) struct Desk {
    chat: Chat,
    sender: Sender,
    seen: Mutex<Seen>,
    places: Arc<Semaphore>,
    acknowledged_within: Duration,
}

impl Desk {
    pub(super) fn new(chat: Chat, sender: Sender) -> Arc<Self> {
        Arc::new(Self {
            chat,
            sender,
            seen: Mutex::default(),
            places: Arc::new(Semaphore::new(COMMANDS_MAX)),
            acknowledged_within: ACKNOWLEDGED_WITHIN,
        })
    }

    /// Takes an envelope; nothing here waits. The answer goes over the line as long as it is there.
    pub(super) fn take(
        self: &Arc<Self>,
        envelope: Envelope,
        base: &Base,
        line: &WeakUnboundedSender<Outgoing>,
    ) {
        let back = Back {
            line: line.upgrade(),
            id: envelope.id.clone(),
        };
        if !self.is_new(&envelope) {
            tracing::info!(event = "slack.repeat", id = %envelope.id, "Slack handed something over again; it was acted on before");
            self.count(&envelope, Fate::Repeat);
            back.acknowledge(None);
            return;
        }
        match envelope.kind {
            EnvelopeKind::SlashCommand => {
                tokio::spawn(Arc::clone(self).command(envelope, base.clone(), back));
            }
            EnvelopeKind::Interactive | EnvelopeKind::Event | EnvelopeKind::Other => {
                tracing::debug!(
                    event = "slack.ignored",
                    kind = envelope.kind.as_str(),
                    "nobody here takes this"
                );
                self.count(&envelope, Fate::Ignored);
                back.acknowledge(None);
            }
        }
    }

    /// Whether neither this envelope nor the same command in another one came before.
    fn is_new(&self, envelope: &Envelope) -> bool {
        let now = self.chat.clock.now().tick;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = seen.insert(format!("envelope {}", envelope.id), now);
        let trigger = match envelope.kind {
            EnvelopeKind::SlashCommand => envelope.payload["trigger_id"].as_str(),
            EnvelopeKind::Interactive | EnvelopeKind::Event | EnvelopeKind::Other => None,
        };
        // A trigger of any length would fill the memory; Slack's have 50 characters.
        let is_first = trigger
            .filter(|trigger| (1..=200).contains(&trigger.len()))
            .is_none_or(|trigger| seen.insert(format!("trigger {trigger}"), now));
        is_new && is_first
    }

    async fn command(self: Arc<Self>, mut envelope: Envelope, base: Base, back: Back) {
        let payload = envelope.payload.take();
        let read = SlashCommand::of_payload(&payload, |text| base.response_url(text));
        let command = match read {
            Ok(command) => command,
            Err(why) => {
                tracing::warn!(%why, "Slack sent a command that cannot be read");
                self.chat.metrics.slash_command(Answer::Broken);
                self.count(&envelope, Fate::Broken);
                back.acknowledge(None);
                return;
            }
        };
        let Ok(_place) = self.places.try_acquire() else {
            tracing::warn!(
                event = "slack.busy",
                "too many commands at once; one was sent away"
            );
            self.count(&envelope, Fate::Busy);
            back.acknowledge(envelope.takes_payload.then(busy).as_ref());
            return;
        };
        let mut answering = std::pin::pin!(self.chat.answer(&command, true));
        let message = if envelope.takes_payload {
            match timeout(self.acknowledged_within, &mut answering).await {
                Ok(message) => {
                    if back.say(Some(&message.to_json())).await {
                        self.count(&envelope, Fate::Answered);
                        return;
                    }
                    // The line is gone, and with it the place for the answer.
                    message
                }
                Err(_late) => {
                    back.acknowledge(None);
                    answering.await
                }
            }
        } else {
            back.acknowledge(None);
            answering.await
        };
        let fate = self.respond(&command, &message).await;
        self.count(&envelope, fate);
    }

    /// Sends an answer to the address that came with the command.
    async fn respond(&self, command: &SlashCommand, message: &Message) -> Fate {
        let Some(url) = &command.response_url else {
            tracing::warn!(
                event = "slack.unanswered",
                "an answer came too late, and the command has no address for late ones"
            );
            return Fate::Undelivered;
        };
        let mut body = message.to_json();
        let mut last = String::new();
        for wait in RESPONSE_WAITS {
            tokio::time::sleep(wait).await;
            let now = self.chat.clock.now().at;
            let bytes = body.to_string().into_bytes();
            match self.sender.respond(url.expose(), bytes, now).await {
                Delivery::Accepted | Delivery::Posted(_) => return Fate::Late,
                Delivery::Retry { why, .. } => last = why,
                Delivery::Refused {
                    why,
                    is_malformed: true,
                } => {
                    last = why;
                    body = message.plain().to_json();
                }
                Delivery::Unsure { why } | Delivery::Refused { why, .. } => {
                    last = why;
                    break;
                }
            }
        }
        tracing::warn!(event = "slack.unanswered", why = %last, "a late answer was not taken");
        Fate::Undelivered
    }

    fn count(&self, envelope: &Envelope, fate: Fate) {
        self.chat
            .metrics
            .slack_envelope(envelope.kind.as_str(), fate);
    }
}

/// The way back to Slack for one envelope.
struct Back {
    /// Absent if the line had gone by the time the envelope was read.
    line: Option<UnboundedSender<Outgoing>>,
    id: String,
}

impl Back {
    /// Acknowledges and does not wait.
    fn acknowledge(&self, answer: Option<&Value>) {
        drop(self.hand_over(answer));
    }

    /// Acknowledges; whether it has left.
    async fn say(&self, answer: Option<&Value>) -> bool {
        match self.hand_over(answer) {
            Some(sent) => sent.await.is_ok(),
            None => false,
        }
    }

    fn hand_over(&self, answer: Option<&Value>) -> Option<oneshot::Receiver<()>> {
        let (is_sent, sent) = oneshot::channel();
        let text = acknowledgement(&self.id, answer);
        let line = self.line.as_ref()?;
        line.send(Outgoing { text, is_sent }).ok()?;
        Some(sent)
    }
}

fn busy() -> Value {
    serde_json::json!({
        "response_type": "ephemeral",
        "text": "hekate is asked too much at once; try again in a moment",
    })
}
