//! The whole page: channels, messages, a thread beside them, and a box to ask in.

use std::time::Duration;

use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use super::{
    View,
    address::{Address, Look},
    dialog, mrkdwn,
    row::{clock, row},
    workspace::{Post, Room, Workspace},
};

/// The whole page.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The workspace that is looked at.
    pub workspace: &'a Workspace,
    /// Keys and titles of all workspaces; one of several can be chosen.
    pub tiers: &'a [(&'static str, &'static str)],
    /// What of it is looked at: a workspace and a channel that are there, if there are any.
    pub address: &'a Address,
    /// The options that were found for [`Address::search`], as Slack is answered.
    pub found: Option<&'a Value>,
    /// The slash command: `/roih`.
    pub command: &'a str,
    /// Forms send it back, so that no other page can press anything.
    pub token: &'a str,
    /// How often the script looks for news.
    pub refresh_after: Duration,
    /// How times and mentions are shown.
    pub view: View<'a>,
}

/// The page. Forms post to `/ask` and `/press`, with the fields of [`Address`] and `token`; `/ask` has `text`, `/press` has
/// `ts`, `part`, and `chosen` if it is a menu; `/submit` has `view` and `typed.<block>`, `/close` nothing more.
pub fn page(page: &Page<'_>) -> Markup {
    let open = page.workspace.room(&page.address.channel);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "hekate: what Slack would show" }
                // What is being typed into a form is not lost.
                @if page.workspace.form().is_none() { noscript { meta http-equiv="refresh" content="5"; } }
                link rel="stylesheet" href="/preview.css";
                script src="/preview.js" defer {}
            }
            body data-refresh-millis=(page.refresh_after.as_millis()) {
                (sidebar(page))
                main {
                    header {
                        h1 { (open.map_or("No channel yet", |room| room.title.as_str())) }
                        (switches(page))
                    }
                    @if let Some(room) = open {
                        @match page.address.look {
                            Look::Messages => (messages(page, room)),
                            Look::LockScreen => (lock_screen(page, room)),
                            Look::Home => (dialog::home(page)),
                        }
                        (ask(page))
                    }
                }
                (thread(page))
                (dialog::dialog(page))
            }
        }
    }
}

fn sidebar(page: &Page<'_>) -> Markup {
    html! {
        nav aria-label="channels" {
            p.workspace { "hekate" span { "preview, nothing is sent" } }
            ul {
                @for room in page.workspace.rooms() {
                    @let is_open = room.key == page.address.channel;
                    @let unread = page.workspace.unread(&room.key);
                    li class=[is_open.then_some("open")] {
                        a href=(page.address.in_channel(&room.key).link()) class=[(unread > 0).then_some("unread")] {
                            span { (room.title) }
                            @if unread > 0 { span.count title="unread" { (unread) } }
                        }
                    }
                }
            }
        }
    }
}

/// What Slack would be told by, and how it is looked at.
fn switches(page: &Page<'_>) -> Markup {
    let looks = [
        (Look::Messages, "Messages"),
        (Look::LockScreen, "Lock screen"),
        (Look::Home, "Home tab"),
    ];
    html! {
        div.switches {
            @if page.tiers.len() > 1 {
                p.switch aria-label="tier" {
                    @for (key, title) in page.tiers {
                        a href=(page.address.in_tier(key).link()) aria-current=[(*key == page.address.tier).then_some("true")] { (title) }
                    }
                }
            }
            p.switch aria-label="view" {
                @for (look, title) in looks {
                    a href=(page.address.looking(look).link()) aria-current=[(look == page.address.look).then_some("true")] { (title) }
                }
            }
        }
    }
}

fn messages(page: &Page<'_>, room: &Room) -> Markup {
    let mut posts = page
        .workspace
        .posts_of(&room.key)
        .filter(|post| post.is_in_channel())
        .peekable();
    html! {
        ol #messages data-key={ (page.address.tier) " " (room.key) } {
            @if posts.peek().is_none() {
                li.quiet { "Nothing was said here. That is good." }
            }
            @for post in posts { (row(page, post, "m")) }
        }
    }
}

/// Every message as a phone shows it while it is locked: by its text alone, as it was when it came.
fn lock_screen(page: &Page<'_>, room: &Room) -> Markup {
    let wakes = |post: &&Post| post.is_in_channel() && !post.is_private();
    html! {
        ol #messages.locked data-key={ "lock " (page.address.tier) " " (room.key) } {
            @for post in page.workspace.posts_of(&room.key).filter(wakes) {
                li.lock id={ "l" (post.ts.replace('.', "-")) } {
                    p { b { "Slack" } " " (room.title) (clock(post.at, &page.view)) }
                    p { (mrkdwn::html(&post.notice, &page.view)) }
                }
            }
        }
    }
}

/// The thread that is open, beside everything else.
fn thread(page: &Page<'_>) -> Markup {
    let of = page.address.thread.as_deref();
    let Some(first) = of.and_then(|ts| page.workspace.post(ts)) else {
        return html! { aside hidden {} };
    };
    let lines = page.workspace.posts_of(&first.room);
    let lines = lines.filter(|post| post.thread.as_deref() == of);
    html! {
        aside aria-label="thread" {
            header {
                h2 { "Thread" }
                a.close href=(page.address.with_thread(None).link()) aria-label="close" { "×" }
            }
            ol {
                (row(page, first, "t"))
                @for line in lines { (row(page, line, "t")) }
            }
        }
    }
}

fn ask(page: &Page<'_>) -> Markup {
    html! {
        form.ask method="post" action="/ask" {
            (fields(page))
            label for="text" { (page.command) }
            input #text name="text" autocomplete="off" maxlength="500" placeholder="status" aria-label="what to ask";
            button.primary { "Send" }
        }
    }
}

/// What every form that acts has to say.
pub(super) fn fields(page: &Page<'_>) -> Markup {
    html! {
        input type="hidden" name="token" value=(page.token);
        (place(page))
    }
}

/// Where the reader is, as fields of a form.
pub(super) fn place(page: &Page<'_>) -> Markup {
    html! {
        input type="hidden" name="tier" value=(page.address.tier);
        input type="hidden" name="channel" value=(page.address.channel);
        @if let Some(thread) = &page.address.thread {
            input type="hidden" name="thread" value=(thread);
        }
        @match page.address.look {
            Look::Messages => {}
            Look::LockScreen => { input type="hidden" name="look" value="lock"; }
            Look::Home => { input type="hidden" name="look" value="home"; }
        }
    }
}
