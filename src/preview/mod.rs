//! What Slack would show, as a web page: to see one's own messages before there is a workspace to send them to.
//!
//! Plain functions of payloads; where they come from and how the page is served is decided elsewhere.

mod emoji;
mod message;
mod mrkdwn;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono_tz::Tz;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use crate::model::Timestamp;

/// The page's style sheet, inline in the page; of use for a content security policy.
pub const STYLE: &str = include_str!("preview.css");
/// The page's script, inline in the page; the page works without it.
pub const SCRIPT: &str = include_str!("preview.js");

/// How times are shown.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The reader's zone.
    pub timezone: Tz,
}

/// One message and when it was sent.
#[derive(Clone, PartialEq, Debug)]
pub struct Sent {
    /// When it was sent.
    pub at: Timestamp,
    /// The payload, as Slack would receive it.
    pub payload: Value,
}

/// One channel and what was sent to it, the oldest first.
#[derive(Clone, PartialEq, Debug)]
pub struct Channel {
    /// What the address of the page calls it.
    pub key: String,
    /// What people call it: `#core-alerts`.
    pub title: String,
    /// Its messages, the oldest first.
    pub messages: Vec<Sent>,
}

/// A question that was typed, and its answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// What was typed after the command.
    pub question: String,
    /// The answer.
    pub sent: Sent,
}

/// The whole page.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// All channels.
    pub channels: &'a [Channel],
    /// The key of the one that is open; an unknown one opens the first.
    pub open: &'a str,
    /// The last question of this reader, if there was one.
    pub answer: Option<&'a Answer>,
    /// The slash command: `/roih`.
    pub command: &'a str,
    /// Where the page is: links and the form lead here.
    pub path: &'a str,
    /// How often it looks for news.
    pub refresh_after: Duration,
    /// How times are shown.
    pub view: View,
}

/// One payload as Slack would show it; every text in it is escaped.
pub fn html(message: &Value, view: &View) -> Markup {
    message::html(message, view)
}

/// The page: channels, messages with their raw form beside them, what a lock screen shows, and a box to ask in.
///
/// The form posts `text` (without the command) and `channel` to `path`; links are `path?channel=key`.
pub fn page(page: &Page<'_>) -> Markup {
    let open = page
        .channels
        .iter()
        .find(|channel| channel.key == page.open)
        .or_else(|| page.channels.first());
    let seconds = page.refresh_after.as_secs().max(1);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "hekate: what Slack would show" }
                noscript { meta http-equiv="refresh" content=(seconds); }
                style { (PreEscaped(STYLE)) }
            }
            body data-refresh=(seconds) {
                (sidebar(page, open))
                main {
                    @if let Some(channel) = open {
                        header { h1 { (channel.title) } (lock_screen(channel, &page.view)) }
                        (messages(channel, &page.view))
                    } @else {
                        header { h1 { "No channel yet" } }
                    }
                    (ask(page, open))
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn sidebar(page: &Page<'_>, open: Option<&Channel>) -> Markup {
    html! {
        nav {
            p.workspace { "hekate" span { "preview, nothing is sent" } }
            ul {
                @for channel in page.channels {
                    @let is_open = open.is_some_and(|open| open.key == channel.key);
                    li class=[is_open.then_some("open")] {
                        a href={ (page.path) "?channel=" (encoded(&channel.key)) } {
                            span { (channel.title) }
                            @if !channel.messages.is_empty() { span.count { (channel.messages.len()) } }
                        }
                    }
                }
            }
        }
    }
}

fn encoded(key: &str) -> String {
    form_urlencoded::byte_serialize(key.as_bytes()).collect()
}

/// The newest message as a phone shows it: its text alone.
fn lock_screen(channel: &Channel, view: &View) -> Markup {
    let Some(newest) = channel.messages.last() else {
        return html! {};
    };
    html! {
        section.lock aria-label="lock screen" {
            p { b { "Slack" } " " (channel.title) time { (clock(newest.at, view)) } }
            p { (mrkdwn::html(newest.payload["text"].as_str().unwrap_or_default(), view)) }
        }
    }
}

fn messages(channel: &Channel, view: &View) -> Markup {
    html! {
        ol #messages {
            @if channel.messages.is_empty() {
                li.quiet { "Nothing was said here. That is good." }
            }
            @for sent in &channel.messages { (row(sent, view, false)) }
        }
    }
}

fn row(sent: &Sent, view: &View, is_private: bool) -> Markup {
    let raw = serde_json::to_string_pretty(&sent.payload).unwrap_or_default();
    html! {
        li.row {
            div.avatar aria-hidden="true" { "h" }
            div.said {
                p.who {
                    b { "hekate" } span.app { "APP" }
                    time datetime=(sent.at.to_string()) { (clock(sent.at, view)) }
                    @if is_private { span.private { "Only visible to you" } }
                }
                (message::html(&sent.payload, view))
            }
            details { summary { "Block Kit JSON" } pre.raw { (raw) } }
        }
    }
}

fn ask(page: &Page<'_>, open: Option<&Channel>) -> Markup {
    html! {
        section.ask {
            @if let Some(answer) = page.answer {
                ol {
                    li.asked { (page.command) " " (answer.question) }
                    (row(&answer.sent, &page.view, true))
                }
            }
            form method="post" action=(page.path) {
                @if let Some(channel) = open {
                    input type="hidden" name="channel" value=(channel.key);
                }
                label for="text" { (page.command) }
                input #text name="text" autocomplete="off" maxlength="500" placeholder="status" aria-label="what to ask";
                button { "Send" }
            }
        }
    }
}

fn clock(at: Timestamp, view: &View) -> String {
    at.to_utc()
        .with_timezone(&view.timezone)
        .format("%H:%M:%S")
        .to_string()
}
