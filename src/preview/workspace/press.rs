//! What Slack sends when somebody presses, chooses, or types into a menu.
//!
//! Source: <https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>.

use serde_json::{Value, json};
use thiserror::Error;

use super::{
    HOME, Kind, Post, Workspace,
    api::{APP, TEAM, message},
};
use crate::model::Timestamp;

/// Something that is pressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Press<'a> {
    /// The post, by its time.
    pub ts: &'a str,
    /// The control within its payload, as a pointer of JSON: `/blocks/2/elements/0`.
    pub part: &'a str,
    /// What is chosen, if it is a menu: the value of the option.
    pub chosen: Option<&'a str>,
}

/// What was pressed is not there, or not any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("what was pressed is not there any more")]
pub struct NotThere;

impl Workspace {
    /// The payload of a click by this person, given by id and name. Answers go below `answers_at`.
    ///
    /// # Errors
    ///
    /// If there is nothing of that kind to press: only what was shown can be.
    pub fn pressed(
        &mut self,
        press: Press<'_>,
        who: (&str, &str),
        answers_at: &str,
        now: Timestamp,
    ) -> Result<Value, NotThere> {
        if press.ts == HOME {
            return self.pressed_at_home(press, who, now);
        }
        let (post, control) = self.control(press.ts, press.part)?;
        let action = control.action(press.chosen, now)?;
        let mut payload = self.envelope(Some(post), "block_actions", who);
        payload["container"] = container(post, press.part, &payload["channel"]["id"]);
        payload["actions"] = json!([action]);
        // Of what only one person sees Slack sends nothing along.
        if post.kind != Kind::Private {
            payload["message"] = message(&post.ts, &post.payload);
        }
        let (room, ts) = (post.room.clone(), post.ts.clone());
        let id = self.open_address(&room, Some(ts), now);
        payload["response_url"] = json!(format!("{answers_at}/{id}"));
        payload["trigger_id"] = json!(self.trigger(now));
        Ok(payload)
    }

    /// On the Home tab there is no channel, and no address for an answer: the tab is shown anew.
    fn pressed_at_home(
        &mut self,
        press: Press<'_>,
        who: (&str, &str),
        now: Timestamp,
    ) -> Result<Value, NotThere> {
        let home = self.home().ok_or(NotThere)?;
        let action = Control::of(home, press.part)?.action(press.chosen, now)?;
        let mut payload = self.envelope(None, "block_actions", who);
        payload["container"] = json!({ "type": "view", "view_id": "V0HOME" });
        payload["view"] = json!({ "id": "V0HOME", "type": "home" });
        payload["actions"] = json!([action]);
        payload["trigger_id"] = json!(self.trigger(now));
        Ok(payload)
    }

    /// The payload with which Slack asks for the options of a menu, of which this was typed.
    ///
    /// # Errors
    ///
    /// If there is no such menu.
    pub fn searched(
        &self,
        press: Press<'_>,
        typed: &str,
        who: (&str, &str),
    ) -> Result<Value, NotThere> {
        let (post, control) = if press.ts == HOME {
            let home = self.home().ok_or(NotThere)?;
            (None, Control::of(home, press.part)?)
        } else {
            let (post, control) = self.control(press.ts, press.part)?;
            (Some(post), control)
        };
        if control.element["type"] != "external_select" {
            return Err(NotThere);
        }
        let mut payload = self.envelope(post, "block_suggestion", who);
        payload["container"] = match post {
            Some(post) => container(post, press.part, &payload["channel"]["id"]),
            None => json!({ "type": "view", "view_id": "V0HOME" }),
        };
        payload["action_id"] = control.element["action_id"].clone();
        payload["block_id"] = json!(control.block_id);
        payload["value"] = json!(typed);
        Ok(payload)
    }

    fn control(&self, ts: &str, part: &str) -> Result<(&Post, Control<'_>), NotThere> {
        let post = self.post(ts).ok_or(NotThere)?;
        Ok((post, Control::of(&post.payload, part)?))
    }

    fn envelope(&self, post: Option<&Post>, kind: &str, (id, name): (&str, &str)) -> Value {
        let room = post.and_then(|post| self.room(&post.room));
        let channel = room.map_or_else(
            || json!({}),
            |room| json!({ "id": room.id, "name": room.title.trim_start_matches('#') }),
        );
        json!({
            "type": kind,
            "user": { "id": id, "username": name, "name": name, "team_id": TEAM },
            "api_app_id": APP,
            "token": "preview",
            "team": { "id": TEAM, "domain": "preview" },
            "enterprise": null,
            "is_enterprise_install": false,
            "channel": channel,
        })
    }
}

struct Control<'a> {
    element: &'a Value,
    block_id: String,
}

impl<'a> Control<'a> {
    /// The control at this place of a payload.
    fn of(payload: &'a Value, part: &str) -> Result<Self, NotThere> {
        let (of_block, _number) = part.rsplit_once("/elements/").ok_or(NotThere)?;
        let block = payload.pointer(of_block).ok_or(NotThere)?;
        let element = payload.pointer(part).ok_or(NotThere)?;
        if block["type"] != "actions" {
            return Err(NotThere);
        }
        // Slack gives a name to a block that has none.
        let block_id = block["block_id"].as_str().unwrap_or(of_block).to_owned();
        Ok(Self { element, block_id })
    }

    /// What Slack says of it when it is pressed, or this is chosen in it.
    fn action(&self, chosen: Option<&str>, now: Timestamp) -> Result<Value, NotThere> {
        let mut action = json!({
            "type": self.element["type"],
            "action_id": self.element["action_id"],
            "block_id": self.block_id,
            "action_ts": seconds(now),
        });
        match (self.element["type"].as_str(), chosen) {
            (Some("button"), None) => {
                action["value"] = self.element["value"].clone();
                action["text"] = self.element["text"].clone();
            }
            (Some("static_select"), Some(value)) => {
                let options = self.element["options"].as_array().into_iter().flatten();
                let mut options = options.filter(|option| option["value"] == value);
                action["selected_option"] = options.next().ok_or(NotThere)?.clone();
            }
            // Its options were asked for, and are not part of the message.
            (Some("external_select"), Some(value)) => {
                let text = json!({ "type": "plain_text", "text": value, "emoji": true });
                action["selected_option"] = json!({ "text": text, "value": value });
            }
            // Who can be chosen is not part of the message either: everybody in the workspace.
            (Some("users_select"), Some(user)) => action["selected_user"] = json!(user),
            _ => return Err(NotThere),
        }
        Ok(action)
    }
}

fn container(post: &Post, part: &str, channel_id: &Value) -> Value {
    let mut out = json!({
        "type": "message",
        "message_ts": post.ts,
        "channel_id": channel_id,
        "is_ephemeral": post.kind == Kind::Private,
    });
    let attachment = part.strip_prefix("/attachments/");
    if let Some((number, _)) = attachment.and_then(|rest| rest.split_once('/')) {
        out["type"] = json!("message_attachment");
        out["attachment_id"] = json!(number.parse::<u32>().unwrap_or_default() + 1);
        out["is_app_unfurl"] = json!(false);
    }
    out
}

fn seconds(now: Timestamp) -> String {
    format!("{}.{:03}000", now.as_seconds(), now.as_millis() % 1_000)
}
