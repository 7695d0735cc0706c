//! A form that lies over the page, as Slack draws it, and the Home tab.

use maud::{Markup, html};
use serde_json::Value;

use super::{
    control::Spot,
    message::{self, list, string, text},
    page::{Page, fields},
    workspace::{Form, HOME},
};

/// The form that is open, or nothing to see.
pub(super) fn dialog(page: &Page<'_>) -> Markup {
    let Some(form) = page.workspace.form() else {
        return html! { section #dialog hidden {} };
    };
    let view = &form.view;
    html! {
        section #dialog data-edits=(form.edits) {
            div role="dialog" aria-modal="true" aria-labelledby="dialog-title" {
                header {
                    h2 #dialog-title { (text(&view["title"], &page.view)) }
                    form method="post" action="/close" {
                        (fields(page))
                        button.close aria-label="close" { "×" }
                    }
                }
                form.fill method="post" action="/submit" {
                    (fields(page))
                    input type="hidden" name="view" value=(form.id);
                    @for block in list(view, "blocks") { (part(block, form, page)) }
                    @if view["submit"].is_object() {
                        p.actions { button.primary { (text(&view["submit"], &page.view)) } }
                    }
                }
                @if view["close"].is_object() {
                    form method="post" action="/close" {
                        (fields(page))
                        button { (text(&view["close"], &page.view)) }
                    }
                }
            }
        }
    }
}

fn part(block: &Value, form: &Form, page: &Page<'_>) -> Markup {
    if block["type"] != "input" {
        let one = serde_json::json!({ "blocks": [block] });
        return message::html(&one, &page.view, None);
    }
    let name = string(block, "block_id");
    let element = &block["element"];
    let most = element["max_length"].as_u64().unwrap_or(3_000);
    let error = form.errors.get(name);
    html! {
        label.input {
            span { (text(&block["label"], &page.view)) }
            input name={ "typed." (name) } autocomplete="off" maxlength=(most)
                placeholder=(string(&element["placeholder"], "text"))
                value=[form.typed.get(name).map(String::as_str)]
                aria-invalid=[error.map(|_| "true")];
            @if let Some(error) = error { span.error role="alert" { (error) } }
        }
    }
}

/// The Home tab of the app, as its bot shows it to the reader.
pub(super) fn home(page: &Page<'_>) -> Markup {
    html! {
        ol #messages.home data-key={ "home " (page.address.tier) } {
            @match page.workspace.home() {
                Some(view) => {
                    li #home {
                        (message::html(view, &page.view, Some(Spot { page, ts: HOME })))
                    }
                }
                None => li.quiet { "A Home tab is shown by a bot, once it is opened; webhooks have none." },
            }
        }
    }
}
