//! What Slack would show, as a web page: to see one's own messages, and press their buttons, before there is a workspace to
//! send them to.
//!
//! Plain: [`workspace`] keeps what was said, [`page()`] shows it. Where messages come from, where clicks go, and how the page is
//! served is decided elsewhere.

pub mod address;
mod control;
mod dialog;
mod emoji;
mod message;
mod mrkdwn;
mod page;
mod row;
#[cfg(test)]
mod tests;
pub mod workspace;

use std::collections::BTreeMap;

use chrono_tz::Tz;
use maud::Markup;
use serde_json::Value;

pub use self::page::{Page, page};
use crate::model::{OnCallName, plan::OnCall};

/// The page's style sheet, at `/preview.css`.
pub const STYLE: &str = include_str!("preview.css");
/// The page's script, at `/preview.js`; everything can be read and pressed without it.
pub const SCRIPT: &str = include_str!("preview.js");

/// How a reader sees times and mentions.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The reader's zone; the script uses the browser's.
    pub timezone: Tz,
    /// Ids of users and user groups, and what people call them: `S0CORE01`, `core`. Others are shown as ids.
    pub names: &'a [(String, String)],
}

/// The ids that can be mentioned, and what the file calls those on call: for [`View::names`]. The people of the preview come first,
/// then those whom the file names by their ids.
pub fn names_of(on_call: &BTreeMap<OnCallName, OnCall>) -> Vec<(String, String)> {
    let mut names: Vec<_> = [workspace::READER, workspace::SOMEBODY]
        .iter()
        .map(|(id, name)| ((*id).to_owned(), (*name).to_owned()))
        .collect();
    for one in on_call.values() {
        let group = one.user_group.iter();
        names.extend(group.map(|id| (id.clone(), one.name.to_string())));
        let users = one.users.iter().map(|id| (id.clone(), id.clone()));
        names.extend(users);
    }
    names.dedup();
    names
}

impl<'a> View<'a> {
    fn name_of<'b>(&self, id: &'b str) -> &'b str
    where
        'a: 'b,
    {
        self.names
            .iter()
            .find(|(known, _)| known == id)
            .map_or(id, |(_, name)| name.as_str())
    }
}

/// One payload as Slack would show it, with nothing that can be pressed; every text in it is escaped.
pub fn html(message: &Value, view: &View<'_>) -> Markup {
    message::html(message, view, None)
}
