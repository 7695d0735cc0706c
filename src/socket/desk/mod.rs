//! What happens to an envelope: it is acknowledged, and if it is for us and new, it is acted on.

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::{
        Semaphore,
        mpsc::{UnboundedSender, WeakUnboundedSender},
        oneshot,
    },
    time::timeout,
};

use crate::{
    chat::{Chat, Heed, Late, Seen, Trust},
    slack::{
        api::Base,
        command::SlashCommand,
        control::options_json,
        event::Callback,
        interaction::{Interaction, Place},
        socket::{Envelope, EnvelopeKind, acknowledgement},
    },
    telemetry::{Answer, Fate},
};

/// Slack waits 3 s for an acknowledgement; what is not answered by then is answered afterwards.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(2_500);
/// So many commands may be worked on at once.
const COMMANDS_MAX: usize = 32;

/// A text on its way out, and where it is said that it has left.
pub(super) struct Outgoing {
    pub(super) text: String,
    pub(super) is_sent: oneshot::Sender<()>,
}

/// The desk that all lines share.
pub(super) struct Desk {
    chat: Chat,
    seen: Mutex<Seen>,
    places: Arc<Semaphore>,
    acknowledged_within: Duration,
}

impl Desk {
    pub(super) fn new(chat: Chat) -> Arc<Self> {
        Arc::new(Self {
            chat,
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
            EnvelopeKind::Interactive => {
                tokio::spawn(Arc::clone(self).interaction(envelope, base.clone(), back));
            }
            EnvelopeKind::Event => {
                back.acknowledge(None);
                self.event(&envelope);
            }
            EnvelopeKind::Other => {
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
            self.is_busy(&envelope);
            let busy = Chat::busy().to_json();
            back.acknowledge(envelope.takes_payload.then_some(&busy));
            return;
        };
        let mut answering = std::pin::pin!(self.chat.answer(&command, Trust::Fresh));
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
        let late = Late::Show(message, Place::Beside);
        let fate = self
            .chat
            .respond(command.response_url.as_ref(), &late)
            .await;
        self.count(&envelope, fate);
    }

    /// Something that was pressed: acknowledged at once, because the answer goes to its own address.
    async fn interaction(self: Arc<Self>, mut envelope: Envelope, base: Base, back: Back) {
        let payload = envelope.payload.take();
        match Interaction::of_payload(&payload, |text| base.response_url(text)) {
            Ok(Interaction::Click(click)) => {
                back.acknowledge(None);
                let Ok(_place) = self.places.try_acquire() else {
                    self.is_busy(&envelope);
                    let busy = Late::Show(Chat::busy(), Place::Beside);
                    self.chat.respond(click.response_url.as_ref(), &busy).await;
                    return;
                };
                let fate = self.chat.press(*click, Trust::Fresh).await;
                self.count(&envelope, fate);
            }
            Ok(Interaction::Submission(submission)) => {
                let answer = match self.places.try_acquire() {
                    Ok(_place) => {
                        self.count(&envelope, Fate::Answered);
                        self.chat.submitted(&submission, Trust::Fresh).await
                    }
                    Err(_busy) => {
                        self.is_busy(&envelope);
                        self.chat.busy_form()
                    }
                };
                back.acknowledge(envelope.takes_payload.then_some(&answer));
            }
            Ok(Interaction::Search(search)) => {
                let options = json!({ "options": options_json(&self.chat.search(&search).await) });
                self.count(&envelope, Fate::Answered);
                back.acknowledge(envelope.takes_payload.then_some(&options));
            }
            Ok(Interaction::Other { kind }) => {
                tracing::info!(event = "slack.ignored", %kind, "nothing here takes this");
                self.count(&envelope, Fate::Ignored);
                back.acknowledge(None);
            }
            Err(why) => {
                tracing::warn!(%why, "Slack sent something pressed that cannot be read");
                self.count(&envelope, Fate::Broken);
                back.acknowledge(None);
            }
        }
    }

    /// Something that happened; it was acknowledged, and what is answered is said by the bot.
    fn event(&self, envelope: &Envelope) {
        match Callback::of_payload(&envelope.payload) {
            Ok(Callback::Happened(happening)) => match self.chat.heed(*happening) {
                // Acknowledged is acknowledged: nobody hands it over again, and the log says so.
                Heed::Taken | Heed::Busy => {}
            },
            Ok(Callback::Challenge(_) | Callback::Other { .. }) => {
                tracing::info!(event = "slack.ignored", "nothing here takes this");
                self.count(envelope, Fate::Ignored);
            }
            Err(why) => {
                tracing::warn!(%why, "Slack sent an event that cannot be read");
                self.count(envelope, Fate::Broken);
            }
        }
    }

    fn is_busy(&self, envelope: &Envelope) {
        tracing::warn!(
            event = "slack.busy",
            "too many commands at once; one was sent away"
        );
        self.count(envelope, Fate::Busy);
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
