//! Where something comes from, and whether that is where this hekate lives.
//!
//! A signature proves that Slack hands something over for the app, and an app can be installed in several workspaces: ids of the
//! people of another one prove nothing here.
//!
//! Source: <https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>,
//! <https://docs.slack.dev/apis/events-api>.

#[cfg(test)]
mod tests;

use serde_json::Value;
use thiserror::Error;

use super::{event::Identity, interaction::id};
use crate::model::text::clean;

/// The most characters of an id for people; Slack's have about 11.
const ID_MAX: usize = 64;

/// Where something comes from, as Slack says it. What Slack does not say is empty.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Origin {
    /// The workspace, `T…`; empty where the app is installed for a whole organisation.
    pub team_id: String,
    /// The organisation of the workspace, `E…`; empty if there is none.
    pub enterprise_id: String,
    /// Whether the app is installed for the whole organisation.
    pub is_of_organisation: bool,
    /// The app, `A…`.
    pub api_app_id: String,
    /// The workspaces of whoever did it: in a channel that is shared it may be another company.
    pub teams_of_person: Vec<String>,
}

/// Why something is not this hekate's to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Foreign {
    /// It is for another app.
    #[error("it is for another app")]
    App,
    /// It happened in another workspace.
    #[error("it happened in another workspace")]
    Workspace,
    /// Somebody of another workspace did it.
    #[error("somebody of another workspace did it")]
    Person,
}

/// Where a hekate lives: whose people it obeys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Home {
    /// The workspace, `T…`, and the organisation, `E…`, as far as they are known.
    ids: Vec<String>,
    app_id: Option<String>,
}

impl Origin {
    /// Reads it from what Slack sends when somebody presses or sends something.
    pub(super) fn of_interaction(payload: &Value) -> Self {
        Self {
            team_id: id(&payload["team"]["id"]),
            enterprise_id: id(&payload["enterprise"]["id"]),
            is_of_organisation: is_true(&payload["is_enterprise_install"]),
            api_app_id: id(&payload["api_app_id"]),
            teams_of_person: Some(id(&payload["user"]["team_id"]))
                .into_iter()
                .filter(|id| !id.is_empty())
                .collect(),
        }
    }

    /// The workspace for people: its id, or that of the organisation, cleaned.
    pub fn place(&self) -> String {
        let said = [&self.team_id, &self.enterprise_id];
        let said = said.into_iter().find(|id| !id.is_empty());
        said.map_or_else(
            || String::from("that Slack does not name"),
            |id| clean(id, ID_MAX),
        )
    }
}

/// Slack writes it as a word in forms, and as what it is in JSON.
pub(super) fn is_true(value: &Value) -> bool {
    *value == true || *value == "true"
}

impl Home {
    /// As the file says it, else as Slack says of the bot; absent if nobody says it.
    pub fn new(team_id: Option<&str>, bot: Option<&Identity>) -> Option<Self> {
        let of_bot = |bot: &Identity| -> Vec<String> {
            let organisation = bot.enterprise_id.iter();
            [&bot.team_id]
                .into_iter()
                .chain(organisation)
                .cloned()
                .collect()
        };
        let ids = match (team_id, bot) {
            (None, None) => return None,
            (None, Some(bot)) => of_bot(bot),
            // The file's word counts; the organisation is only known with the bot's.
            (Some(team), Some(bot)) if bot.is_home(team) => of_bot(bot),
            (Some(team), Some(_) | None) => vec![team.to_owned()],
        };
        let app_id = bot.and_then(|bot| bot.app_id.clone());
        Some(Self { ids, app_id })
    }

    /// Whether something that comes from there is to be answered.
    ///
    /// # Errors
    ///
    /// That it is foreign, and by what.
    pub fn admit(&self, origin: &Origin) -> Result<(), Foreign> {
        let is_home = |id: &String| self.ids.contains(id);
        let is_other_app = self
            .app_id
            .as_ref()
            .is_some_and(|app| !origin.api_app_id.is_empty() && *app != origin.api_app_id);
        if is_other_app {
            return Err(Foreign::App);
        }
        // The app of an organisation is in workspaces of it that nobody has to list.
        if origin.is_of_organisation && is_home(&origin.enterprise_id) {
            return Ok(());
        }
        let place = if origin.team_id.is_empty() {
            &origin.enterprise_id
        } else {
            &origin.team_id
        };
        if !is_home(place) {
            Err(Foreign::Workspace)
        } else if origin.teams_of_person.iter().all(is_home) {
            Ok(())
        } else {
            Err(Foreign::Person)
        }
    }
}
