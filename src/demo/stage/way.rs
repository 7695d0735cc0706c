//! The way from the pretend Slack to hekate: the same signed requests as Slack's.

use std::collections::BTreeMap;

use axum::http::header;
use serde_json::{Value, json};

use super::{Inside, Pretend};
use crate::{
    preview::{
        address::Search,
        workspace::{APP, NotThere, Press, READER, SOMEBODY, TEAM},
    },
    slack::signature,
};

impl Inside {
    /// The reader types a line into a channel, and reads the answer there.
    pub(super) async fn types(&self, pretend: &Pretend, channel: &str, words: &str) {
        let command = pretend.manners().command.clone();
        let line = format!("{command} {words}");
        let now = self.clock.now().at;
        let id = pretend.workspace().typed(channel, line.trim_end(), now);
        let answers_at = format!("{}/{id}", self.answers_at(pretend.tier));
        // Only what the reader does opens forms on their page.
        let trigger = pretend.workspace().trigger(now);
        let said = (words, trigger.as_str());
        let form = command_form(pretend, channel, said, READER, &answers_at);
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
        let trigger = pretend.trigger();
        let said = (words, trigger.as_str());
        let form = command_form(pretend, &channel, said, SOMEBODY, &answers_at);
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

    /// The reader sends the form with this name, with this typed into its blocks; the answer is shown in it.
    ///
    /// # Errors
    ///
    /// Why nothing was sent, in words.
    pub(super) async fn submits(
        &self,
        pretend: &Pretend,
        view: &str,
        typed: BTreeMap<String, String>,
    ) -> Result<(), String> {
        let now = self.clock.now().at;
        let payload = pretend.workspace().submitted(view, typed, now);
        let payload = payload.map_err(|why: NotThere| why.to_string())?;
        let form = one("payload", &payload.to_string());
        let answer = self.hand_over(pretend, "/slack/interactive", form).await?;
        pretend.workspace().resolved(answer.as_ref());
        Ok(())
    }

    /// The reader opens the Home tab; the bot shows it by itself.
    pub(super) async fn opens_home(&self, pretend: &Pretend) -> Result<(), String> {
        let now = self.clock.now().at;
        let number = pretend.trigger();
        let event = json!({
            "type": "event_callback", "team_id": TEAM, "api_app_id": APP, "event_id": number,
            "event_time": now.as_seconds(),
            "authorizations": [{ "team_id": TEAM, "user_id": "U0HEKATE", "is_bot": true }],
            "event": {
                "type": "app_home_opened", "user": READER.0, "channel": "D0PREVIEW", "tab": "home",
                "event_ts": format!("{}.000000", now.as_seconds()),
            },
        });
        self.post(
            pretend,
            "/slack/events",
            "application/json",
            event.to_string(),
        )
        .await?;
        Ok(())
    }

    /// Posts a signed form; gives the JSON of the answer, if it has any.
    async fn hand_over(
        &self,
        pretend: &Pretend,
        route: &str,
        form: String,
    ) -> Result<Option<Value>, String> {
        self.post(pretend, route, "application/x-www-form-urlencoded", form)
            .await
    }

    /// The same of any kind.
    async fn post(
        &self,
        pretend: &Pretend,
        route: &str,
        kind: &str,
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
            .header(header::CONTENT_TYPE, kind)
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
    (words, trigger): (&str, &str),
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
        .append_pair("team_id", TEAM)
        .append_pair("team_domain", "preview")
        .append_pair("api_app_id", APP)
        .append_pair("trigger_id", trigger)
        .append_pair("response_url", answers_at)
        .finish()
}
