//! One payload as Slack would show it.

use maud::{Markup, html};
use serde_json::Value;

use super::{
    View,
    control::{self, Spot},
    mrkdwn,
};

/// What every block needs to know.
#[derive(Clone, Copy)]
struct Around<'a> {
    view: &'a View<'a>,
    /// Where its controls are; absent if nothing can be pressed.
    spot: Option<Spot<'a>>,
}

/// The blocks and attachments, or the text where there are none; without a spot nothing can be pressed.
pub(super) fn html(message: &Value, view: &View<'_>, spot: Option<Spot<'_>>) -> Markup {
    let around = Around { view, spot };
    let blocks = list(message, "blocks");
    let attachments = list(message, "attachments");
    html! {
        div.message {
            @if blocks.is_empty() && attachments.is_empty() {
                p.section { (mrkdwn::html(string(message, "text"), view)) }
            }
            @for (at, block) in blocks.iter().enumerate() {
                (self::block(block, &format!("/blocks/{at}"), around))
            }
            @for (number, part) in attachments.iter().enumerate() {
                div.attachment {
                    (bar(part))
                    @for (at, block) in list(part, "blocks").iter().enumerate() {
                        (self::block(block, &format!("/attachments/{number}/blocks/{at}"), around))
                    }
                }
            }
        }
    }
}

pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The bar at the side of an attachment; its colour is an attribute of a shape, since the page allows no inline styles.
fn bar(part: &Value) -> Markup {
    let color = string(part, "color");
    let digits = color.strip_prefix('#').unwrap_or_default();
    let is_color = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    html! {
        svg.bar aria-hidden="true" { rect width="100%" height="100%" fill=[is_color.then_some(color)] {} }
    }
}

/// A block; `place` is where it is in the payload.
fn block(block: &Value, place: &str, around: Around<'_>) -> Markup {
    let view = around.view;
    match string(block, "type") {
        "section" => html! {
            @if block["text"].is_object() { p.section { (text(&block["text"], view)) } }
            @if !list(block, "fields").is_empty() {
                div.fields {
                    @for field in list(block, "fields") { div { (text(field, view)) } }
                }
            }
        },
        "header" => html! { h3 { (text(&block["text"], view)) } },
        "context" => html! {
            p.context {
                @for element in list(block, "elements") { span { (text(element, view)) } }
            }
        },
        "divider" => html! { hr; },
        "rich_text" => html! {
            @for element in list(block, "elements") { (rich(element, view)) }
        },
        "actions" => html! {
            div.actions {
                @for (at, element) in list(block, "elements").iter().enumerate() {
                    @match around.spot {
                        Some(spot) => (control::html(element, &format!("{place}/elements/{at}"), spot)),
                        None => (control::disabled(element, view)),
                    }
                }
            }
        },
        other => html! { p.unknown { "(a block of type " code { (other) } ")" } },
    }
}

pub(super) fn text(object: &Value, view: &View<'_>) -> Markup {
    let words = string(object, "text");
    if object["type"] == "mrkdwn" {
        mrkdwn::html(words, view)
    } else {
        html! { (words) }
    }
}

fn rich(element: &Value, view: &View<'_>) -> Markup {
    let pieces = list(element, "elements");
    match string(element, "type") {
        "rich_text_preformatted" => {
            html! { pre { @for piece in pieces { (string(piece, "text")) } } }
        }
        "rich_text_quote" => {
            html! { blockquote { @for piece in pieces { (self::piece(piece, view)) } } }
        }
        "rich_text_list" => html! {
            ul { @for item in pieces { li { @for piece in list(item, "elements") { (self::piece(piece, view)) } } } }
        },
        _ => html! { p.rich { @for piece in pieces { (self::piece(piece, view)) } } },
    }
}

fn piece(piece: &Value, view: &View<'_>) -> Markup {
    let words = string(piece, "text");
    match string(piece, "type") {
        "emoji" => mrkdwn::emoji(string(piece, "name")),
        "user" => mrkdwn::mention(string(piece, "user_id"), view),
        "usergroup" => mrkdwn::mention(string(piece, "usergroup_id"), view),
        _ if piece["style"]["bold"] == true => html! { b { (words) } },
        _ if piece["style"]["code"] == true => html! { code { (words) } },
        _ => html! { (words) },
    }
}
