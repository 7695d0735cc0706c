//! The Home tab: shown when it is opened, and again after something was pressed on it.

use serde_json::json;

use super::{
    Chat, Late,
    spoken::{Voice, voice},
};
use crate::{
    command::Home,
    slack::{Message, grid::Options, home},
    telemetry::Fate,
};

/// The method that shows it.
const METHOD: &str = "views.publish";

impl Chat {
    /// Shows somebody their view, from memory; `note` is what came of what they pressed there.
    pub(super) async fn publish(
        &self,
        voice: &Voice,
        user_id: &str,
        note: Option<&Message>,
    ) -> Fate {
        let plan = self.plan.load_full();
        let (now, command) = (self.clock.now().at, &plan.slack.command);
        let facts = Home::of(&self.board.load(), user_id, now, command);
        let options = Options {
            timezone: plan.server.timezone,
            public_url: plan.server.public_url.as_deref(),
        };
        let view = home::render(&facts, note, &options);
        let with = |view| json!({ "user_id": user_id, "view": view });
        self.bid(voice, METHOD, with(view), || with(home::plain(&facts)))
            .await
    }

    /// Shows the answer to something that was pressed on the Home tab, where there is no other place for it.
    pub(super) async fn publish_late(&self, user_id: &str, late: &Late) -> Fate {
        let Some(voice) = voice(&self.plan.load()) else {
            tracing::warn!(
                event = "slack.unanswered",
                "the Home tab cannot be shown again: the file has no `bot_token`"
            );
            return Fate::Undelivered;
        };
        let note = match late {
            Late::Show(message, _) => Some(message),
            Late::Vanish => None,
        };
        self.publish(&voice, user_id, note).await
    }
}
