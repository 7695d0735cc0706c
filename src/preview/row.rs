//! One message with who said it, its thread, and what of it is to be copied.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::{
    View,
    control::Spot,
    message, mrkdwn,
    page::Page,
    workspace::{Kind, Post},
};
use crate::model::Timestamp;

/// Where payloads can be tried in Slack itself.
const BUILDER: &str = "https://app.slack.com/block-kit-builder/#";

/// A message. `place` tells the same message in the channel from the one in the thread beside it.
pub(super) fn row(page: &Page<'_>, post: &Post, place: &str) -> Markup {
    let view = &page.view;
    let id = format!("{place}{}", post.ts.replace('.', "-"));
    if post.kind == Kind::Typed {
        let line = post.payload["text"].as_str().unwrap_or_default();
        return html! {
            li.typed id=(id) { "You typed " code { (line) } (clock(post.at, view)) }
        };
    }
    let spot = Spot { page, ts: &post.ts };
    let is_private = post.is_private();
    html! {
        li.row.private[is_private] id=(id) data-edits=(post.edits) {
            div.avatar aria-hidden="true" { "h" }
            div.said {
                p.who {
                    b { "hekate" } span.app { "APP" } (clock(post.at, view))
                    @if post.edits > 0 && !is_private { span.note { "(edited)" } }
                    @if is_private { span.note { "Only visible to you" } }
                    @if post.is_broadcast && place == "m" { span.note { "also sent to the channel from its thread" } }
                }
                (message::html(&post.payload, view, Some(spot)))
                @if place == "m" { (replies(page, post)) }
            }
            (raw(&post.payload))
        }
    }
}

/// How to get to the thread of a message.
fn replies(page: &Page<'_>, post: &Post) -> Markup {
    let of = post.thread.as_deref().unwrap_or(&post.ts);
    let lines = page.workspace.posts_of(&post.room);
    let lines: Vec<_> = lines
        .filter(|line| line.thread.as_deref() == Some(of))
        .collect();
    let count = lines.len();
    let Some(newest) = lines.last() else {
        return html! {};
    };
    let link = page.address.with_thread(Some(of)).link();
    html! {
        p.replies {
            a href=(link) {
                @if post.thread.is_some() { "View the thread" }
                @else if count == 1 { "1 reply" }
                @else { (count) " replies" }
            }
            @if post.thread.is_none() { span.note { "the last one at " (clock(newest.at, &page.view)) } }
        }
    }
}

/// The payload as Slack received it, to be copied or to be tried out.
fn raw(payload: &Value) -> Markup {
    let pretty = serde_json::to_string_pretty(payload).unwrap_or_default();
    html! {
        details.raw {
            summary { "JSON" }
            p.tools {
                button.copy type="button" { "Copy" }
                a href=(builder(payload)) target="_blank" rel="noreferrer noopener" { "Open in Block Kit Builder" }
            }
            pre { (pretty) }
        }
    }
}

/// A link that opens what can be seen of a payload in Slack's Block Kit Builder; the payload is behind the `#`, which browsers
/// keep to themselves.
pub(super) fn builder(payload: &Value) -> String {
    let mut shown = json!({});
    for key in ["blocks", "attachments"] {
        if payload[key].is_array() {
            shown[key] = payload[key].clone();
        }
    }
    if shown == json!({}) {
        let text = json!({ "type": "mrkdwn", "text": payload["text"] });
        shown["blocks"] = json!([{ "type": "section", "text": text }]);
    }
    let encoded = form_urlencoded::byte_serialize(shown.to_string().as_bytes()).collect::<String>();
    // A blank is no plus in there.
    format!("{BUILDER}{}", encoded.replace('+', "%20"))
}

/// When it was, as a reader in the zone of the file sees it; the script knows the zone of the browser.
pub(super) fn clock(at: Timestamp, view: &View<'_>) -> Markup {
    mrkdwn::time(at.to_utc(), "{time_secs}", "", view)
}
