//! Who comes from elsewhere: from another workspace, or for another app. They hear a sentence, `ops` hears of them, and nothing is
//! done.
//!
//! Slack signs for an app, wherever it is installed; that what comes is from here is checked by itself, the same way for both ways on
//! which it comes.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    Chat,
    hall::Known,
    problem,
    spoken::{Voice, voice},
};
use crate::{
    command::Reply,
    model::text::clean,
    notify::errand::Fault,
    slack::{
        event::Identity,
        origin::{Foreign, Home, Origin},
    },
};

/// Who comes before Slack has said who the bot is waits so long for it. An answer to a person may take 300 ms, but this is once.
const KNOWN_WITHIN: Duration = Duration::from_millis(800);

impl Chat {
    /// Asks Slack who the bot is, so that nobody has to wait for it later. For the start; that it cannot be asked is no fault.
    pub async fn learn_home(self) {
        let plan = self.plan.load_full();
        let is_asked = plan.slack.app_token.is_some() || !plan.slack.signing_secrets.is_empty();
        if let Some(voice) = voice(&plan).filter(|_| is_asked)
            && let Err(fault) = self.asked_identity(&voice).await
        {
            let why = fault.why();
            tracing::info!(event = "slack.identity", %why, "who the bot is cannot be asked; the next command asks again");
        }
    }

    /// Whether something comes from here.
    ///
    /// Where neither the file nor Slack can say where that is, everything does that Slack signs: it hands things over only from where
    /// somebody has installed the app.
    ///
    /// # Errors
    ///
    /// That it comes from elsewhere, and by what; `ops` hears of it.
    pub(super) async fn admit(&self, origin: &Origin) -> Result<(), Foreign> {
        let Some(home) = self.home().await else {
            return Ok(());
        };
        home.admit(origin)
            .inspect_err(|why| self.is_foreign(*why, origin))
    }

    /// Logs it, and tells `ops`.
    pub(super) fn is_foreign(&self, why: Foreign, origin: &Origin) {
        let (team, app) = (origin.place(), &origin.api_app_id);
        tracing::warn!(event = "slack.foreign", %team, %app, %why, "it is not answered, and nothing is done");
        self.hall.stranger(why, origin, self.clock.now().tick);
    }

    async fn home(&self) -> Option<Home> {
        let plan = self.plan.load_full();
        let team_id = plan.slack.team_id.as_deref();
        let identity = match voice(&plan) {
            Some(voice) => match self.hall.known_identity(&voice.token) {
                Known::Is(identity) => Some(identity),
                // What the file says is enough.
                Known::Asked | Known::Nobody if team_id.is_some() => None,
                Known::Asked | Known::Nobody => self.identity_soon(voice).await,
            },
            None => None,
        };
        Home::new(team_id, identity.as_ref())
    }

    /// Who the bot is, if Slack says it soon. The question goes on when nobody waits any more.
    async fn identity_soon(&self, voice: Voice) -> Option<Identity> {
        let now = self.clock.now().tick;
        if self.hall.was_in_vain(now) {
            return None;
        }
        let chat = self.clone();
        let asking = tokio::spawn(async move {
            let now = || chat.clock.now().tick;
            let ask = async || chat.ask_identity(&voice).await;
            let asked = chat.hall.identity_for_waiting(&voice.token, now, ask).await;
            let noted = asked.inspect_err(|fault| {
                if let Some(why) = fault.as_ref().map(Fault::why) {
                    tracing::info!(event = "slack.identity", %why, "who the bot is cannot be asked; somebody who comes later asks again");
                }
            });
            noted.ok()
        });
        let heard = timeout(KNOWN_WITHIN, asking).await;
        let identity = heard.ok().and_then(Result::ok).flatten();
        if identity.is_none() {
            self.hall.in_vain(self.clock.now().tick);
        }
        identity
    }
}

/// What somebody hears whom this hekate does not know.
pub(super) fn elsewhere(why: Foreign) -> Reply {
    match why {
        Foreign::Workspace => problem(
            "nothing was done: this comes from another workspace than that of hekate's bot",
            "say it in the workspace that hekate is for",
        ),
        Foreign::Person => problem(
            "nothing was done: hekate listens to people of its own workspace only, and you come from another one",
            "ask somebody of this workspace to do it",
        ),
        Foreign::App => problem(
            "nothing was done: this comes by another Slack app than hekate's",
            "use hekate's own command and messages",
        ),
    }
}

/// What `ops` hears.
pub(super) fn reported(why: Foreign, origin: &Origin) -> String {
    let place = origin.place();
    match why {
        Foreign::Workspace => format!(
            "it came from the workspace {place}; remove the app there, or write `team_id` under `slack` if that is the right one"
        ),
        Foreign::Person => {
            let teams = clean(&origin.teams_of_person.join(", "), 80);
            format!("somebody of the workspace {teams} did it in a channel that is shared with you")
        }
        Foreign::App => format!(
            "it came by the app {}, which is not the app of `bot_token`; is the signing secret or the app token that of another app?",
            clean(&origin.api_app_id, 64)
        ),
    }
}
