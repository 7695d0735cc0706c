//! A body, understood as far as it can be.

use crate::model::{Family, plan::HealthQuestion};

use super::{
    Answer, contains_ignoring_case,
    detect::{self, Surroundings},
    json::{self, Node},
    mask::shown,
    objects,
    parts::{Parts, Said, message_of},
    proxy::Remains,
    texts,
};

const HTML_NOTE: &str = "this page is HTML; set `format:` or the path";
const NO_STATE_NOTE: &str =
    "this JSON says nothing about health that is known; set `format:`, `rules:` or the path";

/// What came back, taken apart but not yet understood.
#[derive(Debug)]
pub(super) enum Source<'a> {
    Empty,
    Json(Node<'a>),
    /// JSON that cannot be read, and why.
    Broken(String),
    Html,
    Text(&'a str),
}

impl<'a> Source<'a> {
    /// Takes a decoded body apart.
    pub(super) fn of(answer: &Answer<'_>, text: &'a str) -> Self {
        if answer.is_unreadable {
            return Self::Broken("the body is compressed in a way that cannot be read".to_owned());
        }
        let text = text.trim();
        if text.is_empty() {
            return Self::Empty;
        }
        let content_type = answer.content_type.unwrap_or("");
        if begins_as_json(text) {
            return match json::parse(text) {
                Ok(node) => Self::Json(node),
                Err(_) if answer.is_cut => {
                    Self::Broken("the body is JSON that is too long to be read".to_owned())
                }
                Err(why) => Self::Broken(format!("the body is JSON that cannot be read: {why}")),
            };
        }
        let is_json_promised = contains_ignoring_case(content_type, "json");
        if text.starts_with('<')
            || contains_ignoring_case(content_type, "html") && texts::detect(text).is_none()
        {
            return if is_json_promised {
                Self::Broken("the body is a page where JSON was promised".to_owned())
            } else {
                Self::Html
            };
        }
        if is_json_promised && texts::detect(text).is_none() && json::parse(text).is_err() {
            return Self::Broken("the body is no JSON, though it says so".to_owned());
        }
        Self::Text(text)
    }

    /// The body as JSON, for rules.
    pub(super) fn json(&self) -> Option<&Node<'a>> {
        if let Self::Json(node) = self {
            Some(node)
        } else {
            None
        }
    }
}

/// Whether the first sign starts a JSON object or array; `[+]ping ok` starts neither.
fn begins_as_json(text: &str) -> bool {
    match text.as_bytes() {
        [b'{', ..] => true,
        [b'[', rest @ ..] => rest
            .iter()
            .find(|byte| !byte.is_ascii_whitespace())
            .is_none_or(|byte| b"{[]\"tfn0123456789".contains(byte)),
        _ => false,
    }
}

/// What a body means.
#[derive(Debug)]
pub(super) enum Meaning<'a> {
    /// It says how the target is.
    Says(Said<'a>),
    /// It says nothing about that.
    Silent,
    /// It cannot be read; why, as a clause that begins with "the body".
    Broken(String),
    /// It is not of the pinned dialect; the same.
    Foreign(String),
}

/// A body, understood.
#[derive(Debug)]
pub(super) struct Body<'a> {
    pub(super) family: Option<Family>,
    pub(super) meaning: Meaning<'a>,
    pub(super) parts: Parts<'a>,
    /// What the body as a whole gives as its reason; looked for only if it is not well.
    pub(super) message: Option<String>,
    pub(super) note: Option<&'static str>,
    /// What there is to see where nothing was understood.
    pub(super) remains: Remains<'a>,
    /// Whether it is Dropwizard's empty list of checks.
    pub(super) is_without_checks: bool,
}

impl<'a> Body<'a> {
    /// Understands a body, by the pinned dialect or by what it looks like.
    pub(super) fn of(
        question: &'a HealthQuestion,
        answer: &Answer<'a>,
        source: &'a Source<'a>,
    ) -> Self {
        let mut body = Self {
            family: Some(Family::CodeOnly),
            meaning: Meaning::Silent,
            parts: Parts::new(&question.critical_components),
            message: None,
            note: None,
            remains: Remains::Structured,
            is_without_checks: false,
        };
        if question.format == Some(Family::CodeOnly) {
            return body;
        }
        match source {
            Source::Empty => body.remains = Remains::Nothing,
            Source::Broken(why) => {
                body.family = None;
                body.meaning = Meaning::Broken(why.clone());
            }
            Source::Html => {
                body.remains = Remains::Page;
                body.note = (answer.status < 400).then_some(HTML_NOTE);
            }
            Source::Json(node) => body.understand_json(question, answer, node),
            Source::Text(text) => body.understand_text(question, text),
        }
        body.compare_with_pin(question, source);
        body
    }

    fn understand_json(
        &mut self,
        question: &'a HealthQuestion,
        answer: &Answer<'a>,
        node: &'a Node<'a>,
    ) {
        let around = Surroundings {
            status: answer.status,
            content_type: answer.content_type.unwrap_or(""),
            path: question.url.path(),
        };
        let pinned = question.format;
        self.is_without_checks = node.is_map()
            && node.members().is_empty()
            && matches!(pinned, None | Some(Family::Dropwizard));
        let family = pinned.or_else(|| detect::detect(node, around));
        let said = family.and_then(|family| objects::read(family, node, around, &mut self.parts));
        match (said, family) {
            (Some(said), Some(family)) => {
                self.family = Some(family);
                self.message = if said.state > crate::model::ComponentState::Up {
                    message_of(node)
                } else {
                    None
                };
                self.meaning = Meaning::Says(said);
            }
            _ if answer.status >= 400 => self.message = message_of(node),
            _ => self.note = Some(NO_STATE_NOTE),
        }
    }

    fn understand_text(&mut self, question: &HealthQuestion, text: &'a str) {
        let family = question.format.or_else(|| texts::detect(text));
        if let Some(family) = family
            && let Some(said) = texts::read(family, text, &mut self.parts)
        {
            self.family = Some(family);
            self.meaning = Meaning::Says(said);
            return;
        }
        self.remains = Remains::Text(text);
    }

    /// A pinned dialect that the body does not speak is never taken for well.
    fn compare_with_pin(&mut self, question: &HealthQuestion, source: &Source<'_>) {
        if let Some(pinned) = question.format
            && matches!(self.meaning, Meaning::Silent)
        {
            let what = match source {
                Source::Empty => "empty",
                Source::Html => "a page",
                Source::Text(_) => "text",
                Source::Json(_) | Source::Broken(_) => "other JSON",
            };
            self.note = None;
            self.meaning = Meaning::Foreign(format!(
                "the body is {what}, not the pinned format {pinned}"
            ));
        }
    }
}

/// The beginning of a body for people; absent where its parts were understood, so that of JSON nothing is kept but the
/// keys that may be.
pub(super) fn excerpt(body: &Body<'_>, source: &Source<'_>, text: &str) -> Option<String> {
    let is_understood =
        matches!(body.meaning, Meaning::Says(_)) && matches!(source, Source::Json(_));
    if is_understood || matches!(source, Source::Empty) {
        return None;
    }
    Some(shown(text, crate::model::text::FOREIGN_MAX)).filter(|text| !text.is_empty())
}
