//! What can be pressed: forms that need no script.

use maud::{Markup, html};
use serde_json::Value;

use super::{
    View,
    message::{list, string, text},
    page::{Page, fields, place},
};

/// Where a message is, as far as its controls have to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<'a> {
    pub(super) page: &'a Page<'a>,
    /// The message, by its time.
    pub(super) ts: &'a str,
}

/// A control that can be pressed. `part` is where it is in the payload.
pub(super) fn html(element: &Value, part: &str, spot: Spot<'_>) -> Markup {
    match string(element, "type") {
        "button" => html! {
            form method="post" action="/press" {
                (pressing(spot, part))
                button class=(style(element)) { (text(&element["text"], &spot.page.view)) }
            }
        },
        "static_select" => html! {
            details.menu {
                summary { (text(&element["placeholder"], &spot.page.view)) }
                (options(list(element, "options"), part, spot))
            }
        },
        "external_select" => search(element, part, spot),
        "users_select" => people(element, part, spot),
        _ => disabled(element, &spot.page.view),
    }
}

/// A control that can only be looked at.
pub(super) fn disabled(element: &Value, view: &View<'_>) -> Markup {
    let label = if element["text"].is_object() {
        &element["text"]
    } else {
        &element["placeholder"]
    };
    html! { button type="button" disabled class=(style(element)) { (text(label, view)) } }
}

/// A menu that asks for its options.
fn search(element: &Value, part: &str, spot: Spot<'_>) -> Markup {
    let page = spot.page;
    let asked = page.address.search.as_ref();
    let asked = asked.filter(|search| search.ts == spot.ts && search.part == part);
    html! {
        details.menu open[asked.is_some()] {
            summary { (text(&element["placeholder"], &page.view)) }
            form.search method="get" action="/" {
                (place(page))
                input type="hidden" name="in" value=(spot.ts);
                input type="hidden" name="menu" value=(part);
                input name="typed" autocomplete="off" maxlength="80" aria-label="what to look for"
                    value=[asked.map(|search| search.typed.as_str())];
                button { "Find" }
            }
            @if let (Some(_), Some(found)) = (asked, page.found) {
                @let found = list(found, "options");
                @if found.is_empty() { p.note { "No such name." } }
                (options(found, part, spot))
            }
        }
    }
}

/// A menu of everybody in the workspace, of whom the preview knows those whom the file names and its own.
fn people(element: &Value, part: &str, spot: Spot<'_>) -> Markup {
    let names = spot.page.view.names.iter();
    let people = names.filter(|(id, _)| id.starts_with(['U', 'W']));
    html! {
        details.menu {
            summary { (text(&element["placeholder"], &spot.page.view)) }
            form.options method="post" action="/press" {
                (pressing(spot, part))
                @for (id, name) in people {
                    button name="chosen" value=(id) { (name) }
                }
            }
        }
    }
}

fn options(options: &[Value], part: &str, spot: Spot<'_>) -> Markup {
    html! {
        form.options method="post" action="/press" {
            (pressing(spot, part))
            @for option in options {
                button name="chosen" value=(string(option, "value")) { (text(&option["text"], &spot.page.view)) }
            }
        }
    }
}

fn pressing(spot: Spot<'_>, part: &str) -> Markup {
    html! {
        (fields(spot.page))
        input type="hidden" name="ts" value=(spot.ts);
        input type="hidden" name="part" value=(part);
    }
}

fn style(element: &Value) -> &'static str {
    match string(element, "style") {
        "primary" => "primary",
        "danger" => "danger",
        _ => "",
    }
}
