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
