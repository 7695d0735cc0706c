//! A pretend workspace of Slack, kept in memory: what was posted, edited and answered, and where it is shown.
//!
//! Plain: it reads no clock and opens nothing. [`Workspace::call`] is the Web API as far as hekate uses it,
//! [`Workspace::hook`] an incoming webhook, [`Workspace::respond`] the address that comes with a command or a click, and
//! [`Workspace::pressed`] what Slack sends when somebody presses something.

mod api;
mod press;
#[cfg(test)]
mod tests;
mod views;

use std::collections::VecDeque;

use serde_json::Value;

use self::views::Views;
pub use self::{
    api::{APP, TEAM},
    press::{NotThere, Press},
    views::Form,
};
use crate::model::{Secret, Timestamp};

/// Posts that are kept, and the most bytes of all of them; the oldest are forgotten first.
const KEPT: usize = 500;
const KEPT_BYTES: usize = 8 * 1024 * 1024;
/// Private answers and typed questions that a channel keeps; Slack forgets them as well.
const PRIVATE_KEPT: usize = 8;
/// Addresses for answers that are known at once.
const ADDRESSES_KEPT: usize = 200;
/// How often an address takes an answer, and for how long, as Slack has it.
const ANSWERS_MAX: u8 = 5;
const ANSWERS_WITHIN_MILLIS: i64 = 30 * 60 * 1_000;

/// Who looks at the page, by id and name: whoever clicks is this one person.
pub const READER: (&str, &str) = ("U0PREVIEW", "you");
/// Who is part of a story.
pub const SOMEBODY: (&str, &str) = ("U0SOMEBODY", "somebody");
/// In place of the time of a post: the Home tab.
pub const HOME: &str = "home";

/// Why something is not taken, in Slack's words.
pub type Refused = &'static str;

/// The pretend workspace.
#[derive(Debug)]
pub struct Workspace {
    rooms: Vec<Room>,
    posts: VecDeque<Post>,
    addresses: VecDeque<Address>,
    /// What a bot has to show.
    token: Secret,
    /// The time of the newest post in microseconds; no two are the same.
    newest_micros: i64,
    /// How many posts there ever were, and how many of them everybody sees.
    count: usize,
    told: usize,
    /// How many addresses there ever were.
    addressed: u64,
    views: Views,
    /// Who is in every user group.
    members: Vec<String>,
}

/// A channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Room {
    /// What the file calls it.
    pub key: String,
    /// What people call it: `#core-alerts`.
    pub title: String,
    /// Slack's id of it.
    pub id: String,
}

/// How a post came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A bot said it; it can edit it.
    Bot,
    /// It came by an incoming webhook.
    Webhook,
    /// An answer that only the one who asked can see.
    Private,
    /// What the reader typed.
    Typed,
}

/// Something that was said.
#[derive(Clone, PartialEq, Debug)]
pub struct Post {
    /// Its time, which is its name in Slack: `1792929600.000000`.
    pub ts: String,
    /// When it was said first.
    pub at: Timestamp,
    /// The key of its channel.
    pub room: String,
    /// The message in whose thread it is.
    pub thread: Option<String>,
    /// Whether a line of a thread is sent to the channel as well.
    pub is_broadcast: bool,
    /// How it came to be.
    pub kind: Kind,
    /// As Slack received it last.
    pub payload: Value,
    /// Its text when it was said first: a phone shows that, and hears of no edit.
    pub notice: String,
    /// How often it was edited.
    pub edits: u32,
    /// Whether its channel was open since.
    pub is_read: bool,
    bytes: usize,
}

impl Post {
    /// Whether it stands in the channel itself.
    pub const fn is_in_channel(&self) -> bool {
        self.thread.is_none() || self.is_broadcast
    }

    /// Whether only the one who asked can see it.
    pub const fn is_private(&self) -> bool {
        match self.kind {
            Kind::Private | Kind::Typed => true,
            Kind::Bot | Kind::Webhook => false,
        }
    }
}

/// Where answers to a command or a click are taken.
#[derive(Debug)]
struct Address {
    id: String,
    room: String,
    /// The post that was pressed on.
    origin: Option<String>,
    answers_left: u8,
    until: Timestamp,
}

/// What is said, before it has a time of its own.
struct Said {
    room: String,
    thread: Option<String>,
    is_broadcast: bool,
    kind: Kind,
    payload: Value,
}

impl Workspace {
    /// An empty one, which believes whoever shows this token to be its bot.
    pub fn new(token: Secret) -> Self {
        Self {
            rooms: Vec::new(),
            posts: VecDeque::new(),
            addresses: VecDeque::new(),
            token,
            newest_micros: 0,
            count: 0,
            told: 0,
            addressed: 0,
            views: Views::default(),
            members: Vec::new(),
        }
    }

    /// The reader is in every user group from now on, so that what a group may can be tried; before it nobody is in any.
    pub fn admit_reader(&mut self) {
        self.members = vec![READER.0.to_owned()];
    }

    /// Has these channels from now on, given by key and title; those that were there keep their ids and what was said.
    pub fn furnish(&mut self, channels: &[(String, String)]) {
        let old = std::mem::take(&mut self.rooms);
        let mut next = old.iter().filter_map(Room::number).max().unwrap_or(0) + 1;
        for (key, title) in channels {
            let id = old.iter().find(|room| room.key == *key).map_or_else(
                || {
                    let id = format!("C0PREVIEW{next:03}");
                    next += 1;
                    id
                },
                |room| room.id.clone(),
            );
            self.rooms.push(Room {
                key: key.clone(),
                title: title.clone(),
                id,
            });
        }
    }

    /// All channels, in the order of the file.
    pub fn rooms(&self) -> &[Room] {
        &self.rooms
    }

    /// The channel with this key.
    pub fn room(&self, key: &str) -> Option<&Room> {
        self.rooms.iter().find(|room| room.key == key)
    }

    /// Everything that was said in a channel and its threads, the oldest first.
    pub fn posts_of<'a>(&'a self, key: &'a str) -> impl DoubleEndedIterator<Item = &'a Post> {
        self.posts.iter().filter(move |post| post.room == key)
    }

    /// The post with this time.
    pub fn post(&self, ts: &str) -> Option<&Post> {
        self.posts.iter().find(|post| post.ts == ts)
    }

    /// How many in a channel the reader has not seen.
    pub fn unread(&self, key: &str) -> usize {
        let fresh = |post: &&Post| !post.is_read && post.is_in_channel() && !post.is_private();
        self.posts_of(key).filter(fresh).count()
    }

    /// The reader has the channel open.
    pub fn read(&mut self, key: &str) {
        for post in self.posts.iter_mut().filter(|post| post.room == key) {
            post.is_read = true;
        }
    }

    /// How many posts there ever were.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// How many posts there ever were that everybody sees.
    pub const fn told(&self) -> usize {
        self.told
    }

    /// The posts after the first `known` that ever were, as far as they are kept.
    pub fn posts_from(&self, known: usize) -> impl Iterator<Item = &Post> {
        let fresh = self.count.saturating_sub(known).min(self.posts.len());
        self.posts.iter().skip(self.posts.len() - fresh)
    }

    /// Takes the payload of an incoming webhook.
    ///
    /// # Errors
    ///
    /// In Slack's words, if there is no such channel, or nothing to show.
    pub fn hook(&mut self, room: &str, payload: Value, now: Timestamp) -> Result<(), Refused> {
        if self.room(room).is_none() {
            return Err("no_service");
        }
        let is_message = |key: &str| payload[key].is_string() || payload[key].is_array();
        if !["text", "blocks", "attachments"]
            .into_iter()
            .any(is_message)
        {
            return Err("no_text");
        }
        let said = Said {
            room: room.to_owned(),
            thread: None,
            is_broadcast: false,
            kind: Kind::Webhook,
            payload,
        };
        self.say(said, now);
        Ok(())
    }

    /// The reader typed this; gives the address for late answers.
    pub fn typed(&mut self, room: &str, line: &str, now: Timestamp) -> String {
        let said = Said {
            room: room.to_owned(),
            thread: None,
            is_broadcast: false,
            kind: Kind::Typed,
            payload: serde_json::json!({ "text": line }),
        };
        self.say(said, now);
        self.open_address(room, None, now)
    }

    /// What came back at once from something that was typed.
    pub fn answered(&mut self, room: &str, payload: Value, now: Timestamp) {
        let kind = kind_of(&payload);
        let said = Said {
            room: room.to_owned(),
            thread: None,
            is_broadcast: false,
            kind,
            payload,
        };
        self.say(said, now);
    }

    /// Takes an answer at an address that came with a command or a click.
    ///
    /// # Errors
    ///
    /// In Slack's words, if the address is unknown, too old, or was used five times.
    pub fn respond(&mut self, id: &str, body: Value, now: Timestamp) -> Result<(), Refused> {
        let known = self.addresses.iter_mut().find(|known| known.id == id);
        let address = known.ok_or("used_url")?;
        if now > address.until {
            return Err("expired_url");
        }
        address.answers_left = address.answers_left.checked_sub(1).ok_or("used_url")?;
        let (room, origin) = (address.room.clone(), address.origin.clone());
        if body["delete_original"] == true {
            self.posts.retain(|post| Some(&post.ts) != origin.as_ref());
            return Ok(());
        }
        let replaced = origin.filter(|_| body["replace_original"] == true);
        let place = replaced.and_then(|ts| self.posts.iter().position(|post| post.ts == ts));
        match place.and_then(|place| self.posts.get_mut(place)) {
            Some(post) => post.become_this(body),
            None => self.answered(&room, body, now),
        }
        self.forget();
        Ok(())
    }

    /// An address for answers about what happened in this channel, on this post.
    fn open_address(&mut self, room: &str, origin: Option<String>, now: Timestamp) -> String {
        self.addressed += 1;
        let id = self.addressed.to_string();
        self.addresses.push_back(Address {
            id: id.clone(),
            room: room.to_owned(),
            origin,
            answers_left: ANSWERS_MAX,
            until: Timestamp::from_millis(now.as_millis() + ANSWERS_WITHIN_MILLIS),
        });
        if self.addresses.len() > ADDRESSES_KEPT {
            self.addresses.pop_front();
        }
        id
    }

    /// Adds a post; gives its time.
    fn say(&mut self, said: Said, now: Timestamp) -> String {
        self.newest_micros = (now.as_millis() * 1_000).max(self.newest_micros + 1);
        let ts = format!(
            "{}.{:06}",
            self.newest_micros / 1_000_000,
            self.newest_micros % 1_000_000
        );
        let bytes = said.payload.to_string().len();
        self.posts.push_back(Post {
            ts: ts.clone(),
            at: now,
            room: said.room,
            thread: said.thread,
            is_broadcast: said.is_broadcast,
            kind: said.kind,
            notice: said.payload["text"].as_str().unwrap_or_default().to_owned(),
            payload: said.payload,
            edits: 0,
            is_read: false,
            bytes,
        });
        self.count += 1;
        self.told += usize::from(self.posts.back().is_some_and(|post| !post.is_private()));
        self.forget();
        ts
    }

    /// Forgets the oldest of what is too much.
    fn forget(&mut self) {
        let bytes = |posts: &VecDeque<Post>| posts.iter().map(|post| post.bytes).sum::<usize>();
        while self.posts.len() > KEPT || (bytes(&self.posts) > KEPT_BYTES && self.posts.len() > 1) {
            self.posts.pop_front();
        }
        let Some(room) = self.posts.back().map(|post| post.room.clone()) else {
            return;
        };
        let private = |post: &&Post| post.is_private();
        let mut excess = self
            .posts_of(&room)
            .filter(private)
            .count()
            .saturating_sub(PRIVATE_KEPT);
        self.posts.retain(|post| {
            let is_excess = excess > 0 && post.is_private() && post.room == room;
            excess -= usize::from(is_excess);
            !is_excess
        });
    }
}

impl Post {
    fn become_this(&mut self, payload: Value) {
        self.bytes = payload.to_string().len();
        self.payload = payload;
        self.edits += 1;
    }
}

impl Room {
    fn number(&self) -> Option<u32> {
        self.id.strip_prefix("C0PREVIEW")?.parse().ok()
    }
}

/// Who sees an answer.
fn kind_of(payload: &Value) -> Kind {
    if payload["response_type"] == "in_channel" {
        Kind::Bot
    } else {
        Kind::Private
    }
}
