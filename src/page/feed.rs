//! Incidents as feeds: RSS, Atom and JSON Feed, each with the same entries under ids that stay.
//!
//! Source: RSS 2.0 (rssboard.org), RFC 4287 (Atom), JSON Feed 1.1 (jsonfeed.org), RFC 4151 (`tag:`).

use maud::{Markup, PreEscaped, html};
use serde_json::json;

use super::{
    Look,
    past::{Story, Teller},
    words::Phrase,
};
use crate::{
    command::Status,
    model::{
        Incident, Timestamp,
        text::{clean, span},
    },
};

/// The most entries of a feed, the newest ones.
const ENTRIES_MAX: usize = 50;
/// The most characters of a title or of a text.
const TEXT_MAX: usize = 1_000;

/// Which format a feed has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// RSS 2.0.
    Rss,
    /// Atom.
    Atom,
    /// JSON Feed 1.1.
    Json,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rss, Self::Atom, Self::Json];

    /// The last part of its address.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Rss => "feed.rss",
            Self::Atom => "feed.atom",
            Self::Json => "feed.json",
        }
    }

    /// As people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rss => "RSS",
            Self::Atom => "Atom",
            Self::Json => "JSON Feed",
        }
    }

    /// Its media type.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Rss => "application/rss+xml",
            Self::Atom => "application/atom+xml",
            Self::Json => "application/feed+json",
        }
    }
}

/// What a feed is made from.
#[derive(Clone, Copy, Debug)]
pub struct Feed<'a> {
    /// How everything is at this moment; it knows what targets are called.
    pub status: &'a Status,
    /// The incidents, newest first.
    pub incidents: &'a [Incident],
    /// How it is to look.
    pub look: Look<'a>,
    /// Where the page is, `https://status.example.test`, without a slash at its end.
    pub base: &'a str,
}

/// One incident of a feed.
struct Entry {
    /// The same for as long as the page is at one address.
    id: String,
    link: String,
    title: String,
    text: String,
    since: Timestamp,
    updated_at: Timestamp,
}

impl Feed<'_> {
    /// In this format, and when there was last anything new in it; absent if there is nothing in it.
    #[must_use]
    pub fn write(&self, format: Format) -> (String, Option<Timestamp>) {
        let entries = self.entries();
        let updated_at = entries.iter().map(|entry| entry.updated_at).max();
        let body = match format {
            Format::Rss => document(&self.rss(&entries, updated_at)),
            Format::Atom => document(&self.atom(&entries, updated_at)),
            Format::Json => self.json(&entries),
        };
        (body, updated_at)
    }

    fn entries(&self) -> Vec<Entry> {
        let teller = Teller::of(self.status, &self.look);
        let stories = teller.stories(self.incidents).take(ENTRIES_MAX);
        stories.map(|story| self.entry(&story)).collect()
    }

    fn entry(&self, story: &Story) -> Entry {
        let language = self.look.language;
        let level = language.level(story.level);
        let state = match story.until {
            Some(until) => {
                let lasted = span(until.since(story.since));
                format!("{level}, {} ({lasted})", language.say(Phrase::Ended))
            }
            None => level.to_owned(),
        };
        let from = format!("{} {}", language.say(Phrase::Since), self.time(story.since));
        let until = story
            .until
            .map(|until| format!("{} {}", language.say(Phrase::Until), self.time(until)));
        let false_alarm = story
            .is_false_alarm
            .then(|| language.say(Phrase::FalseAlarm).to_owned());
        let clauses = [
            Some(from),
            until,
            story.why.clone(),
            false_alarm,
            story.attended.clone(),
        ];
        let clauses: Vec<_> = clauses.into_iter().flatten().collect();
        Entry {
            id: self.id(&story.id),
            link: format!("{}/#incident-{}", self.base, story.id),
            title: said(&format!("{}: {state}", story.names)),
            text: said(&clauses.join("; ")),
            since: story.since,
            updated_at: story.updated_at,
        }
    }

    /// An id that no other page gives.
    fn id(&self, incident: &str) -> String {
        let (_, rest) = self.base.split_once("://").unwrap_or(("", self.base));
        let host = rest.split('/').next().unwrap_or_default();
        // Of an address of IPv6 no brackets.
        let host = host.replace(['[', ']'], "");
        format!("tag:{host},2026:incident/{incident}")
    }

    fn time(&self, at: Timestamp) -> String {
        let local = at.to_utc().with_timezone(&self.look.timezone);
        local.format("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    fn address(&self, format: Format) -> String {
        format!("{}/{}", self.base, format.file())
    }

    fn title(&self) -> String {
        said(self.look.title)
    }

    fn rss(&self, entries: &[Entry], updated_at: Option<Timestamp>) -> Markup {
        html! {
            rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" {
                channel {
                    title { (self.title()) }
                    (element("link", &format!("{}/", self.base)))
                    description { (self.title()) }
                    language { (self.look.language.tag()) }
                    (PreEscaped("<atom:link rel=\"self\" type=\"application/rss+xml\" href=\""))
                    (self.address(Format::Rss))
                    (PreEscaped("\"/>"))
                    @if let Some(at) = updated_at { (element("lastBuildDate", &at.to_utc().to_rfc2822())) }
                    @for entry in entries {
                        item {
                            title { (entry.title) }
                            (element("link", &entry.link))
                            (PreEscaped("<guid isPermaLink=\"false\">")) (entry.id) (PreEscaped("</guid>"))
                            (element("pubDate", &entry.since.to_utc().to_rfc2822()))
                            // Readers take it as HTML, so it is escaped once for them and once for XML.
                            description { (html! { (entry.text) }.into_string()) }
                        }
                    }
                }
            }
        }
    }

    fn atom(&self, entries: &[Entry], updated_at: Option<Timestamp>) -> Markup {
        let link = |rel: &str, href: &str| {
            html! {
                (PreEscaped("<link rel=\"")) (rel) (PreEscaped("\" href=\"")) (href) (PreEscaped("\"/>"))
            }
        };
        html! {
            feed xmlns="http://www.w3.org/2005/Atom" xml:lang=(self.look.language.tag()) {
                title { (self.title()) }
                id { (self.id("")) }
                updated { (updated_at.unwrap_or_default().to_string()) }
                author { name { (self.title()) } }
                (link("self", &self.address(Format::Atom)))
                (link("alternate", &format!("{}/", self.base)))
                @for entry in entries {
                    entry {
                        id { (entry.id) }
                        title { (entry.title) }
                        published { (entry.since.to_string()) }
                        updated { (entry.updated_at.to_string()) }
                        (link("alternate", &entry.link))
                        summary { (entry.text) }
                    }
                }
            }
        }
    }

    fn json(&self, entries: &[Entry]) -> String {
        let items: Vec<_> = entries
            .iter()
            .map(|entry| {
                json!({
                    "id": entry.id,
                    "url": entry.link,
                    "title": entry.title,
                    "content_text": entry.text,
                    "date_published": entry.since.to_string(),
                    "date_modified": entry.updated_at.to_string(),
                })
            })
            .collect();
        let feed = json!({
            "version": "https://jsonfeed.org/version/1.1",
            "title": self.title(),
            "home_page_url": format!("{}/", self.base),
            "feed_url": self.address(Format::Json),
            "language": self.look.language.tag(),
            "items": items,
        });
        feed.to_string()
    }
}

fn document(markup: &Markup) -> String {
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}\n", markup.0)
}

/// An element that HTML would not close, or would write otherwise.
fn element(name: &'static str, text: &str) -> Markup {
    html! { (PreEscaped("<")) (PreEscaped(name)) (PreEscaped(">")) (text) (PreEscaped("</")) (PreEscaped(name)) (PreEscaped(">")) }
}

/// Text that any of the formats can hold.
///
/// Source: XML 1.0, 2.2 (characters).
fn said(text: &str) -> String {
    let mut text = clean(text, TEXT_MAX);
    text.retain(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'));
    text
}

/// The page's links to its feeds.
pub(super) fn links(look: &Look<'_>) -> Markup {
    html! {
        @for format in Format::ALL {
            link rel="alternate" type=(format.kind()) title=(format.title()) href=(near(look, format));
        }
    }
}

/// The same for people.
pub(super) fn anchors(look: &Look<'_>) -> Markup {
    html! {
        @for format in Format::ALL {
            " \u{b7} " a href=(near(look, format)) { (format.title()) }
        }
    }
}

/// Where a feed is, seen from the page.
fn near(look: &Look<'_>, format: Format) -> String {
    if look.is_copy {
        format.file().to_owned()
    } else {
        format!("/{}?lang={}", format.file(), look.language.tag())
    }
}
