//! One payload as Slack would show it.

use maud::{Markup, html};
use serde_json::Value;

use super::{View, mrkdwn};

/// The blocks and attachments, or the text where there are none.
pub(super) fn html(message: &Value, view: &View) -> Markup {
    let blocks = list(message, "blocks");
    let attachments = list(message, "attachments");
    html! {
        div.message {
            @if blocks.is_empty() && attachments.is_empty() {
                p.section { (mrkdwn::html(string(message, "text"), view)) }
            }
            @for block in blocks { (self::block(block, view)) }
            @for part in attachments {
                div.attachment style=[bar(part)] {
                    @for block in list(part, "blocks") { (self::block(block, view)) }
                }
            }
        }
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The colour of the bar, if it is one.
fn bar(part: &Value) -> Option<String> {
    let color = string(part, "color");
    let digits = color.strip_prefix('#')?;
    let is_color = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_color.then(|| format!("border-color:{color}"))
}

fn block(block: &Value, view: &View) -> Markup {
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
            @for element in list(block, "elements") { (rich(element)) }
        },
        "actions" => html! {
            div.actions {
                @for element in list(block, "elements") {
                    button type="button" disabled class=(string(element, "style")) {
                        (text(if element["text"].is_object() { &element["text"] } else { &element["placeholder"] }, view))
                    }
                }
            }
        },
        other => html! { p.unknown { "(a block of type " code { (other) } ")" } },
    }
}

fn text(object: &Value, view: &View) -> Markup {
    let words = string(object, "text");
    if object["type"] == "mrkdwn" {
        mrkdwn::html(words, view)
    } else {
        html! { (words) }
    }
}

fn rich(element: &Value) -> Markup {
    let pieces = list(element, "elements");
    match string(element, "type") {
        "rich_text_preformatted" => {
            html! { pre { @for piece in pieces { (string(piece, "text")) } } }
        }
        "rich_text_quote" => html! { blockquote { @for piece in pieces { (self::piece(piece)) } } },
        "rich_text_list" => html! {
            ul { @for item in pieces { li { @for piece in list(item, "elements") { (self::piece(piece)) } } } }
        },
        _ => html! { p.rich { @for piece in pieces { (self::piece(piece)) } } },
    }
}

fn piece(piece: &Value) -> Markup {
    let words = string(piece, "text");
    match string(piece, "type") {
        "emoji" => mrkdwn::emoji(string(piece, "name")),
        "user" => html! { span.mention { "@" (string(piece, "user_id")) } },
        "usergroup" => html! { span.mention { "@" (string(piece, "usergroup_id")) } },
        _ if piece["style"]["bold"] == true => html! { b { (words) } },
        _ if piece["style"]["code"] == true => html! { code { (words) } },
        _ => html! { (words) },
    }
}
