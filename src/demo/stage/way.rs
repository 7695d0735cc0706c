//! The way from the pretend Slack to hekate: the same signed requests as Slack's.

use axum::http::header;
use serde_json::Value;

use super::{Inside, Pretend};
use crate::{
    preview::{
        address::Search,
        workspace::{NotThere, Press},
    },
    slack::signature,
};

/// Who looks at the page, by id and name.
const READER: (&str, &str) = ("U0PREVIEW", "you");
/// Who is part of a story.
const SOMEBODY: (&str, &str) = ("U0SOMEBODY", "somebody");

impl Inside {
    /// The reader types a line into a channel, and reads the answer there.
    pub(super) async fn types(&self, pretend: &Pretend, channel: &str, words: &str) {
        let command = pretend.manners().command.clone();
        let line = format!("{command} {words}");
        let now = self.clock.now().at;
        let id = pretend.workspace().typed(channel, line.trim_end(), now);
        let answers_at = format!("{}/{id}", self.answers_at(pretend.tier));
        let form = command_form(pretend, channel, words, READER, &answers_at);
        let payload = match self.hand_over(pretend, "/slack/command", form).await {
            Ok(Some(payload)) => payload,
            Ok(None) => return,
            Err(why) => serde_json::json!({ "text": format!("{command} did not answer: {why}") }),
        };
        let now = self.clock.now().at;
        pretend.workspace().answered(channel, payload, now);
    }

    /// Somebody of the story types a line; gives what they read.
    pub(super) async fn story_types(&self, pretend: &Pretend, words: &str) -> Option<String> {
        let channel = pretend.workspace().rooms().first()?.key.clone();
        // Nobody looks for what would come late.
        let answers_at = format!("{}/0", self.answers_at(pretend.tier));
        let form = command_form(pretend, &channel, words, SOMEBODY, &answers_at);
        match self.hand_over(pretend, "/slack/command", form).await {
            Ok(payload) => payload?["text"].as_str().map(str::to_owned),
            Err(why) => Some(why),
        }
    }

    /// The reader presses something; the answer comes by itself.
    ///
    /// # Errors
    ///
    /// Why nothing was pressed, in words.
    pub(super) async fn presses(&self, pretend: &Pretend, press: Press<'_>) -> Result<(), String> {
        let answers_at = self.answers_at(pretend.tier);
        let now = self.clock.now().at;
        let payload = pretend.workspace().pressed(press, READER, &answers_at, now);
        let payload = payload.map_err(|why: NotThere| why.to_string())?;
        let form = one("payload", &payload.to_string());
        self.hand_over(pretend, "/slack/interactive", form).await?;
        Ok(())
    }

    /// The options of a menu into which this was typed.
    ///
    /// # Errors
    ///
    /// Why there are none, in words.
    pub(super) async fn searches(
        &self,
        pretend: &Pretend,
        search: &Search,
    ) -> Result<Value, String> {
        let press = Press {
            ts: &search.ts,
            part: &search.part,
            chosen: None,
        };
        let payload = pretend.workspace().searched(press, &search.typed, READER);
        let mut payload = payload.map_err(|why: NotThere| why.to_string())?;
        payload["trigger_id"] = Value::String(pretend.trigger());
        let form = one("payload", &payload.to_string());
        let found = self.hand_over(pretend, "/slack/interactive", form).await?;
        Ok(found.unwrap_or_default())
    }

    /// Posts a signed form; gives the JSON of the answer, if it has any.
    async fn hand_over(
        &self,
        pretend: &Pretend,
        route: &str,
        form: String,
    ) -> Result<Option<Value>, String> {
        let server = pretend.server.get().ok_or("hekate is still starting")?;
        let timestamp = self.clock.now().at.as_seconds().to_string();
        let signed = signature::sign(&pretend.signing_secret, &timestamp, form.as_bytes());
        let told = |error: reqwest::Error| error.without_url().to_string();
        let response = self
            .client
            .post(format!("http://{server}{route}"))
            .header("X-Slack-Request-Timestamp", timestamp)
            .header("X-Slack-Signature", signed)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .map_err(told)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(told)?;
        if !status.is_success() {
            return Err(format!("HTTP {}", status.as_u16()));
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let json = serde_json::from_slice(&bytes);
        json.map(Some)
            .map_err(|_unreadable| String::from("the answer is no JSON"))
    }
}

fn one(key: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair(key, value)
        .finish()
}

/// The form of a command that this person types.
fn command_form(
    pretend: &Pretend,
    channel: &str,
    words: &str,
    (user, name): (&str, &str),
    answers_at: &str,
) -> String {
    let room = pretend.workspace().room(channel).cloned();
    let (id, title) = room.map_or_else(Default::default, |room| (room.id, room.title));
    form_urlencoded::Serializer::new(String::new())
        .append_pair("command", &pretend.manners().command)
        .append_pair("text", words)
        .append_pair("user_id", user)
        .append_pair("user_name", name)
        .append_pair("channel_id", &id)
        .append_pair("channel_name", title.trim_start_matches('#'))
        .append_pair("team_id", "T0PREVIEW")
        .append_pair("team_domain", "preview")
        .append_pair("api_app_id", "A0PREVIEW")
        .append_pair("trigger_id", &pretend.trigger())
        .append_pair("response_url", answers_at)
        .finish()
}
