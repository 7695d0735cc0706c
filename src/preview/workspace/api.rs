//! Slack's Web API, as far as hekate calls it.
//!
//! Source: <https://docs.slack.dev/reference/methods>.

use serde_json::{Value, json};

use super::{Kind, Post, Refused, Room, Said, Workspace};
use crate::model::Timestamp;

/// The most messages of a page, and what a page has if nobody says so.
const PAGE_MAX: usize = 999;
const PAGE: usize = 100;

/// The pretend workspace.
pub const TEAM: &str = "T0PREVIEW";
/// The app that hekate is in it.
pub const APP: &str = "A0PREVIEW";
const BOT: &str = "B0PREVIEW";
const BOT_USER: &str = "U0HEKATE";

impl Workspace {
    /// What Slack answers to a call of this method with this token. The arguments are an object; of a form all are texts.
    pub fn call(
        &mut self,
        method: &str,
        token: Option<&str>,
        arguments: &Value,
        now: Timestamp,
    ) -> Value {
        if token.is_none() {
            return refusal("not_authed");
        }
        if token != Some(self.token.expose()) {
            return refusal("invalid_auth");
        }
        let answer = match method {
            "auth.test" => Ok(json!({
                "team": "preview", "team_id": TEAM, "user": "hekate", "user_id": BOT_USER, "bot_id": BOT,
            })),
            "conversations.list" => Ok(self.list()),
            "conversations.history" => self.history(arguments),
            "conversations.replies" => self.replies(arguments),
            "chat.postMessage" => self.post_message(arguments, now),
            "chat.postEphemeral" => self.post_ephemeral(arguments, now),
            "chat.update" => self.update(arguments),
            "views.open" => self.open_form(arguments, false, now),
            "views.push" => self.open_form(arguments, true, now),
            "views.update" => self.update_form(arguments),
            "views.publish" => self.publish(arguments),
            "usergroups.users.list" => Ok(json!({ "users": self.members })),
            _ => Err("unknown_method"),
        };
        match answer {
            Ok(mut answer) => {
                answer["ok"] = json!(true);
                answer
            }
            Err(why) => refusal(why),
        }
    }

    fn list(&self) -> Value {
        let channel = |room: &Room| {
            let name = room.title.trim_start_matches('#');
            json!({ "id": room.id, "name": name, "is_member": true, "is_private": false })
        };
        let channels: Vec<_> = self.rooms.iter().map(channel).collect();
        json!({ "channels": channels, "response_metadata": { "next_cursor": "" } })
    }

    /// The newest first, as Slack has it.
    fn history(&self, arguments: &Value) -> Result<Value, Refused> {
        let room = self.channel(arguments)?;
        let oldest = arguments["oldest"].as_str().unwrap_or_default();
        let is_meant =
            |post: &&Post| post.is_in_channel() && !post.is_private() && is_after(&post.ts, oldest);
        let posts: Vec<_> = self.posts_of(&room.key).filter(is_meant).rev().collect();
        Ok(page(&posts, arguments))
    }

    /// The message and the lines of its thread, the oldest first.
    fn replies(&self, arguments: &Value) -> Result<Value, Refused> {
        let room = self.channel(arguments)?;
        let of = arguments["ts"].as_str().unwrap_or_default();
        if !self.posts_of(&room.key).any(|post| post.ts == of) {
            return Err("thread_not_found");
        }
        let is_meant = |post: &&Post| post.ts == of || post.thread.as_deref() == Some(of);
        let posts: Vec<_> = self.posts_of(&room.key).filter(is_meant).collect();
        Ok(page(&posts, arguments))
    }

    fn post_message(&mut self, arguments: &Value, now: Timestamp) -> Result<Value, Refused> {
        let room = self.channel(arguments)?.clone();
        shown(arguments)?;
        let thread = arguments["thread_ts"].as_str().map(str::to_owned);
        if let Some(thread) = &thread
            && !self.posts_of(&room.key).any(|post| post.ts == *thread)
        {
            return Err("thread_not_found");
        }
        let said = Said {
            room: room.key,
            is_broadcast: thread.is_some() && arguments["reply_broadcast"] == true,
            thread,
            kind: Kind::Bot,
            payload: arguments.clone(),
        };
        let ts = self.say(said, now);
        Ok(json!({ "channel": room.id, "ts": ts, "message": message(&ts, arguments) }))
    }

    fn post_ephemeral(&mut self, arguments: &Value, now: Timestamp) -> Result<Value, Refused> {
        let room = self.channel(arguments)?.key.clone();
        shown(arguments)?;
        if !arguments["user"].is_string() {
            return Err("user_not_in_channel");
        }
        let said = Said {
            room,
            thread: None,
            is_broadcast: false,
            kind: Kind::Private,
            payload: arguments.clone(),
        };
        Ok(json!({ "message_ts": self.say(said, now) }))
    }

    fn update(&mut self, arguments: &Value) -> Result<Value, Refused> {
        let room = self.channel(arguments)?.clone();
        shown(arguments)?;
        let ts = arguments["ts"].as_str().unwrap_or_default();
        let of_it = |post: &&mut Post| post.ts == ts && post.room == room.key;
        let post = self
            .posts
            .iter_mut()
            .find(of_it)
            .ok_or("message_not_found")?;
        match post.kind {
            Kind::Bot => {}
            Kind::Webhook => return Err("cant_update_message"),
            Kind::Private | Kind::Typed => return Err("message_not_found"),
        }
        let mut payload = arguments.clone();
        if payload["metadata"].is_null() {
            payload["metadata"] = post.payload["metadata"].clone();
        }
        post.become_this(payload);
        let answer = json!({ "channel": room.id, "ts": ts, "text": arguments["text"] });
        self.forget();
        Ok(answer)
    }

    /// The channel that is meant, by its id or by `#` and its name.
    fn channel(&self, arguments: &Value) -> Result<&Room, Refused> {
        let asked = arguments["channel"].as_str().unwrap_or_default();
        let mut rooms = self.rooms.iter();
        rooms
            .find(|room| room.id == asked || (asked.starts_with('#') && room.title == asked))
            .ok_or("channel_not_found")
    }
}

fn refusal(why: Refused) -> Value {
    json!({ "ok": false, "error": why })
}

/// Slack takes no message of which nothing is to be seen.
fn shown(arguments: &Value) -> Result<(), Refused> {
    let is_text = arguments["text"]
        .as_str()
        .is_some_and(|text| !text.is_empty());
    let is_list = |key: &str| {
        arguments[key]
            .as_array()
            .is_some_and(|list| !list.is_empty())
    };
    if is_text || is_list("blocks") || is_list("attachments") {
        Ok(())
    } else {
        Err("no_text")
    }
}

/// Whether a message is newer than this time, which Slack takes in seconds with or without a fraction.
fn is_after(ts: &str, oldest: &str) -> bool {
    let micros = |text: &str| {
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
        let seconds: i64 = seconds.parse().ok()?;
        let fraction: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
        Some(seconds * 1_000_000 + fraction)
    };
    micros(oldest).is_none_or(|oldest| micros(ts).is_some_and(|ts| ts > oldest))
}

/// One page of messages; the cursor is how many were before it.
fn page(posts: &[&Post], arguments: &Value) -> Value {
    let number = |key: &str| arguments[key].as_str().and_then(|text| text.parse().ok());
    let limit: usize = number("limit").unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let from: usize = number("cursor").unwrap_or(0).min(posts.len());
    let until = (from + limit).min(posts.len());
    let messages: Vec<_> = posts[from..until]
        .iter()
        .map(|post| message(&post.ts, &post.payload))
        .collect();
    let has_more = until < posts.len();
    let next = if has_more {
        until.to_string()
    } else {
        String::new()
    };
    json!({ "messages": messages, "has_more": has_more, "response_metadata": { "next_cursor": next } })
}

/// A message as Slack gives it back.
pub(super) fn message(ts: &str, payload: &Value) -> Value {
    let mut out =
        json!({ "type": "message", "user": BOT_USER, "bot_id": BOT, "app_id": APP, "ts": ts });
    for key in ["text", "blocks", "attachments", "metadata", "thread_ts"] {
        if !payload[key].is_null() {
            out[key] = payload[key].clone();
        }
    }
    out
}
