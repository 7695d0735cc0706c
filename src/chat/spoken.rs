//! What people say to the bot, in a channel with a mention or to it alone, and how it answers: by Slack's methods.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Chat, Trust,
    answer::speaker,
    late::{WAIT_MAX, WAITS},
};
use crate::{
    command::Reply,
    model::{Plan, Secret},
    notify::errand::{Body, Fault},
    slack::{
        Message,
        api::Base,
        event::{Event, Happening, Identity, Said, Venue},
        origin::Home,
    },
    telemetry::Fate,
};

/// How long is waited when Slack asks for a slower pace and does not say which.
const USUAL_WAIT: Duration = Duration::from_secs(5);
/// What is counted.
const KIND: &str = "events_api";

/// Whether something that happened was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heed {
    /// It is worked on, or is nothing to work on.
    Taken,
    /// Too much is going on; it was not taken and can be handed over again.
    Busy,
}

/// Whether everybody around may read an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Privacy {
    Public,
    /// It is about the one who asked: what was not understood, not allowed, or waits for their word.
    Private,
}

/// A bot that can speak.
pub(super) struct Voice {
    pub(super) token: Secret,
    pub(super) base: Base,
}

impl Chat {
    /// Takes something that happened, once; nothing here waits. The answer is said by the bot.
    pub fn heed(&self, happening: Happening) -> Heed {
        let count = |fate| self.metrics.slack_envelope(KIND, fate);
        match &happening.event {
            // Most of what is said in channels is nobody's business here: it is dropped before it costs anything.
            Event::Said(said) if said.venue == Venue::Overheard && !self.is_of_interest(said) => {
                count(Fate::Ignored);
                return Heed::Taken;
            }
            Event::Said(_) | Event::HomeOpened { .. } => {}
            Event::NotForUs(why) => {
                tracing::debug!(event = "slack.ignored", %why, "it is nothing to answer");
                count(Fate::Ignored);
                return Heed::Taken;
            }
            Event::Other { kind } => {
                tracing::info!(event = "slack.ignored", %kind, "nothing here takes this");
                count(Fate::Ignored);
                return Heed::Taken;
            }
        }
        let Some(place) = self.hall.place() else {
            tracing::warn!(
                event = "slack.busy",
                "too many speak to the bot at once; one was sent away"
            );
            count(Fate::Busy);
            return Heed::Busy;
        };
        if !self.hall.is_first(&happening, self.clock.now().tick) {
            tracing::info!(event = "slack.repeat", id = %happening.id, "Slack handed something over again; it was acted on before");
            count(Fate::Repeat);
            return Heed::Taken;
        }
        let chat = self.clone();
        tokio::spawn(async move {
            let fate = chat.attend(happening).await;
            chat.metrics.slack_envelope(KIND, fate);
            drop(place);
        });
        Heed::Taken
    }

    /// Does what was said and answers it.
    async fn attend(&self, happening: Happening) -> Fate {
        let plan = self.plan.load_full();
        let Some(voice) = voice(&plan) else {
            tracing::warn!(
                event = "slack.unanswered",
                "somebody spoke to the bot, and the file has no `bot_token` to answer with"
            );
            return Fate::Ignored;
        };
        let identity = match self.identity(&voice).await {
            Ok(identity) => identity,
            Err(fate) => return fate,
        };
        let home = Home::new(plan.slack.team_id.as_deref(), Some(&identity));
        let admitted = home.map_or(Ok(()), |home| home.admit(&happening.origin));
        if let Err(why) = admitted {
            self.is_foreign(why, &happening.origin);
            return Fate::Ignored;
        }
        match &happening.event {
            Event::Said(said) => self.hear_said(said, &happening, &identity, &voice).await,
            Event::HomeOpened { user_id } => self.publish(&voice, user_id, None).await,
            Event::NotForUs(_) | Event::Other { .. } => Fate::Ignored,
        }
    }

    async fn hear_said(
        &self,
        said: &Said,
        happening: &Happening,
        identity: &Identity,
        voice: &Voice,
    ) -> Fate {
        let own = identity.users(happening);
        let is_own = |id: &String| own.contains(id);
        // Below what the bot told there is trouble, and nothing to joke about.
        let is_below_own = said.venue == Venue::Overheard && said.parent_user_id.iter().any(is_own);
        let typed = said.words(&own);
        let Some(typed) = typed.filter(|_| !is_own(&said.user_id) && !is_below_own) else {
            tracing::info!(
                event = "slack.ignored",
                "the bot is not meant, or said it itself"
            );
            return Fate::Ignored;
        };
        let trust = Trust::since_start(happening.at_seconds, self.clock.now());
        let is_old = (said.venue, trust) == (Venue::Overheard, Trust::MayBeRepeat);
        if !is_old && let Some(reply) = self.canned(said, &typed.text) {
            tracing::info!(event = "slack.canned", channel = %said.channel_id, "a reply of the file is said");
            return self.tell_there(&reply, said, voice).await;
        }
        if said.venue == Venue::Overheard {
            return Fate::Ignored;
        }
        let mut speaker = speaker((&said.user_id, ""), (&said.channel_id, ""), &happening.id);
        // Whoever speaks to the bot may mention it again.
        let others = typed.users.iter().filter(|id| !own.contains(id));
        speaker.mentioned = others.cloned().collect();
        let command = self.plan.load().slack.command.clone();
        tracing::info!(event = "slack.said", by = %speaker.asker.by, channel = %said.channel_id, "somebody spoke to the bot");
        let reply = self.reply(&typed.text, &speaker, trust, &command).await;
        self.tell_there(&reply, said, voice).await
    }

    /// Says an answer where somebody spoke.
    async fn tell_there(&self, reply: &Reply, said: &Said, voice: &Voice) -> Fate {
        let command = self.plan.load().slack.command.clone();
        let message = self.show(reply, &command).spoken();
        let (method, message) = match (said.venue, privacy(reply)) {
            (Venue::Direct, Privacy::Public | Privacy::Private) => ("chat.postMessage", message),
            // A button below what everybody reads would answer whoever presses it; who wants that says it themselves.
            (Venue::Channel | Venue::Overheard, Privacy::Public) => {
                ("chat.postMessage", message.without_controls())
            }
            (Venue::Channel | Venue::Overheard, Privacy::Private) => {
                ("chat.postEphemeral", message)
            }
        };
        let address = address(said, method);
        let body = |message: &Message| {
            let mut body = message.to_json();
            for (name, value) in &address {
                body[*name] = json!(value);
            }
            body
        };
        self.bid(voice, method, body(&message), || body(&message.plain()))
            .await
    }

    /// Who the bot is, for somebody who spoke to it.
    async fn identity(&self, voice: &Voice) -> Result<Identity, Fate> {
        self.asked_identity(voice).await.map_err(|fault| {
            self.mute(&fault);
            Fate::Undelivered
        })
    }

    /// Who the bot is: as it is known, or as Slack says.
    pub(super) async fn asked_identity(&self, voice: &Voice) -> Result<Identity, Fault> {
        let ask = async || self.ask_identity(voice).await;
        self.hall.identity(&voice.token, ask).await
    }

    /// Asks Slack who the bot is, whatever is known.
    pub(super) async fn ask_identity(&self, voice: &Voice) -> Result<Identity, Fault> {
        let address = voice.base.method(Identity::METHOD);
        let now = self.clock.now().at;
        let body = Body::Form(Vec::new());
        let answer = self.sender.bid(&address, &voice.token, now, body).await?;
        Identity::read(&answer).ok_or_else(|| {
            Fault::Refused(String::from("this is the token of a person, not of a bot"))
        })
    }

    /// Calls a method, again if it may help; `plain` is the same for when Slack refuses how it looks. What Slack may have taken
    /// is not said twice.
    pub(super) async fn bid(
        &self,
        voice: &Voice,
        method: &str,
        body: Value,
        plain: impl Fn() -> Value,
    ) -> Fate {
        let address = voice.base.method(method);
        let mut json = body;
        let mut asked_for = Duration::ZERO;
        let mut last = Fault::Later(String::new());
        for wait in WAITS {
            tokio::time::sleep(wait.max(asked_for)).await;
            let now = self.clock.now().at;
            let said = Body::Json(json.clone());
            match self.sender.bid(&address, &voice.token, now, said).await {
                Ok(_) => {
                    self.hall.taken();
                    self.arrived();
                    return Fate::Late;
                }
                Err(fault) => last = fault,
            }
            match &last {
                Fault::Throttled { after, .. } => {
                    asked_for = after.unwrap_or(USUAL_WAIT);
                    if asked_for > WAIT_MAX {
                        break;
                    }
                }
                Fault::Later(_) => {}
                Fault::Malformed(_) => json = plain(),
                Fault::Lost(_) | Fault::Refused(_) | Fault::Gone(_) => break,
            }
        }
        self.mute(&last);
        Fate::Undelivered
    }

    /// The bot could not speak: logged, and told when it lasts or will last.
    fn mute(&self, fault: &Fault) {
        let why = fault.why();
        tracing::warn!(event = "slack.unanswered", %why, "an answer of the bot was not taken");
        match fault {
            Fault::Throttled { .. } | Fault::Later(_) | Fault::Lost(_) => self.lost(why),
            Fault::Refused(_) => self.hall.refused(why),
            Fault::Malformed(_) | Fault::Gone(_) => {}
        }
    }
}

/// With what the file lets the bot speak.
pub(super) fn voice(plan: &Plan) -> Option<Voice> {
    let token = plan.slack.bot_token.clone()?;
    // The file was checked, so this fails only if the two rules differ.
    let base = Base::parse(&plan.slack.base_url)
        .inspect_err(|why| tracing::error!(event = "slack.base", %why, "the bot says nothing"))
        .ok()?;
    Some(Voice { token, base })
}

/// What the file says and what everybody sees anyway is for everybody; what is about the one who asked is not.
const fn privacy(reply: &Reply) -> Privacy {
    match reply {
        Reply::Status(_)
        | Reply::Help(_)
        | Reply::Past(_)
        | Reply::Known(_)
        | Reply::History(_)
        | Reply::Looked(_)
        | Reply::Availability(_)
        | Reply::Fresh(_)
        | Reply::Said(_) => Privacy::Public,
        Reply::Asking(_) | Reply::Problem { .. } => Privacy::Private,
    }
}

/// Where an answer goes.
fn address<'a>(said: &'a Said, method: &str) -> Vec<(&'static str, &'a str)> {
    let mut address = vec![("channel", said.channel_id.as_str())];
    let thread = said.thread_ts.as_deref();
    let thread = if method == "chat.postEphemeral" {
        address.push(("user", &said.user_id));
        // Slack shows nothing private in a thread that nobody has begun.
        thread
    } else {
        match said.venue {
            Venue::Channel | Venue::Overheard => thread.or(Some(&said.ts)),
            Venue::Direct => thread,
        }
    };
    address.extend(thread.map(|thread| ("thread_ts", thread)));
    address
}
