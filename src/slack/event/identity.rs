//! Who the bot is, as Slack says of its token.
//!
//! Source: <https://docs.slack.dev/reference/methods/auth.test>.

use serde_json::Value;

use super::Happening;
use crate::slack::interaction::id;

/// A bot and its home.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Its user, `U…`.
    pub user_id: String,
    /// Its workspace, `T…`.
    pub team_id: String,
    /// The organisation of that, `E…`, if there is one.
    pub enterprise_id: Option<String>,
    /// The app, `A…`, if Slack says it.
    pub app_id: Option<String>,
}

impl Identity {
    /// The method that says who a token is.
    pub const METHOD: &'static str = "auth.test";

    /// Reads what Slack says; absent if it is not the token of a bot.
    pub fn read(answer: &Value) -> Option<Self> {
        let some = |name: &str| Some(id(&answer[name])).filter(|id| !id.is_empty());
        some("bot_id")?;
        Some(Self {
            user_id: some("user_id")?,
            team_id: some("team_id")?,
            enterprise_id: some("enterprise_id"),
            app_id: some("app_id"),
        })
    }

    /// Why something that happened is not this bot's to answer; absent if it is.
    ///
    /// Rights are given to people of one company, and ids of another one's people prove nothing here.
    pub fn objection(&self, happening: &Happening) -> Option<&'static str> {
        let is_home = |team: &String| self.is_home(team);
        let is_other_app = self
            .app_id
            .as_ref()
            .is_some_and(|app| !happening.api_app_id.is_empty() && *app != happening.api_app_id);
        if is_other_app {
            Some("it is for another app")
        } else if !is_home(&happening.team_id) {
            Some("it happened in another workspace")
        } else if !happening.teams_of_speaker.iter().all(is_home) {
            Some("somebody of another workspace did it")
        } else {
            None
        }
    }

    /// Whether this is its workspace, `T…`, or the organisation of that, `E…`.
    pub fn is_home(&self, team_id: &str) -> bool {
        team_id == self.team_id || Some(team_id) == self.enterprise_id.as_deref()
    }

    /// The users that are this bot: as its token says, and as Slack says of what happened.
    pub fn users(&self, happening: &Happening) -> Vec<String> {
        let mut users = vec![self.user_id.clone()];
        users.extend(happening.own_users.iter().cloned());
        users
    }
}
