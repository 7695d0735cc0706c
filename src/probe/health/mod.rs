//! What a health endpoint's answer means: the body first, the code second, the components always.
//!
//! [`read`] is a plain function of the question and the answer. It knows eighteen dialects ([`Family`]), finds out by
//! itself which one it sees, and keeps of a body only what people may see: names, states and messages of components,
//! cleaned and without secrets. The steps: the bytes become a `Source`, that is understood as a `Body`, and the table
//! in `verdict` joins it with the code. A rule of the file comes before all of that.

mod body;
mod detect;
mod json;
mod mask;
mod objects;
mod parts;
mod phrase;
mod place;
mod proxy;
mod rules;
mod texts;
mod verdict;
mod vocabulary;

use crate::model::{
    Detail, Family, Outcome,
    plan::{HealthQuestion, HealthRule},
};

use body::{Body, Meaning, Source};
use parts::Basis;

/// The `Accept` header to send: JSON before all. With `*/*` alone some frameworks answer with a page.
pub const ACCEPT: &str =
    "application/health+json;q=0.9, application/json, text/plain;q=0.8, */*;q=0.1";

/// The most characters of `Server` and `Via` that are kept.
const VIA_MAX: usize = 100;

/// What came back, as far as it matters for its meaning.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status code, 100 to 599 if the server is honest; any other number is read as a failure.
    pub status: u16,
    /// `Content-Type`
    pub content_type: Option<&'a str>,
    /// `Location`
    pub location: Option<&'a str>,
    /// `Server`
    pub server: Option<&'a str>,
    /// `Via`
    pub via: Option<&'a str>,
    /// `Retry-After`
    pub retry_after: Option<&'a str>,
    /// The body, decompressed, at most 256 KiB.
    pub body: &'a [u8],
    /// Whether there was more than the cap lets through.
    pub is_cut: bool,
    /// Whether the body came in an encoding that is not known or is broken; `body` is ignored then.
    pub is_unreadable: bool,
}

/// What it means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// For the judge.
    pub outcome: Outcome,
    /// The dialect of the body; absent where the body was not asked for its meaning or cannot be read.
    pub family: Option<Family>,
    /// For people; absent for a plain good answer. The address is left to the caller.
    pub detail: Option<Box<Detail>>,
}

/// Says what an answer to a health question means.
///
/// It never fails and never panics: whatever is wrong with the answer is in the outcome.
pub fn read(question: &HealthQuestion, answer: &Answer<'_>) -> Reading {
    let text = if answer.is_unreadable {
        "".into()
    } else {
        json::decode(answer.body)
    };
    let source = Source::of(answer, &text);
    let body = Body::of(question, answer, &source);
    let by_rule = rules::decide(&question.rules, answer.status, source.json());
    let note = if by_rule.is_some() {
        None
    } else {
        note(answer, &body)
    };
    let outcome = by_rule.unwrap_or_else(|| verdict::decide(question, answer, &body));
    let is_good = outcome == Outcome::Healthy;
    let family = body.family.filter(|_| speaks_of_health(answer.status));
    if is_good && note.is_none() && body.parts.kept.is_empty() {
        return Reading {
            outcome,
            family,
            detail: None,
        };
    }
    let detail = Detail {
        address: None,
        excerpt: if is_good {
            None
        } else {
            body::excerpt(&body, &source, &text)
        },
        via: if is_good { None } else { via(answer) },
        note,
        components_total: body.parts.total,
        components: body
            .parts
            .kept
            .into_iter()
            .map(|part| part.component)
            .collect(),
    };
    Reading {
        outcome,
        family,
        detail: Some(Box::new(detail)),
    }
}

/// A JSON body, with the limits on depth and size that hold for all of them; nothing if it is none.
pub(super) fn value(body: &[u8]) -> Option<serde_json::Value> {
    let text = json::decode(body);
    json::parse(&text).ok().map(|node| node.to_value())
}

/// The first of these conditions that does not hold for this body, in words.
pub(super) fn unmet(conditions: &[HealthRule], body: &[u8]) -> Option<String> {
    let Some(value) = value(body) else {
        return Some(String::from("the body is no JSON"));
    };
    let unmet = conditions
        .iter()
        .find(|condition| !rules::holds(condition, 0, Some(&value)))?;
    Some(format!("`{}` does not hold", unmet.say))
}

/// Foreign text ready to be shown: cleaned, without what looks like a secret, at most `max` characters.
pub(super) fn shown(foreign: &str, max: usize) -> String {
    mask::shown(foreign, max)
}

/// Whether the body of an answer with this code is about health at all, rather than about the way to it.
fn speaks_of_health(status: u16) -> bool {
    !matches!(status, 300..=399 | 401 | 403 | 404 | 405 | 407 | 511)
}

/// What else is worth a line, in our own words.
fn note(answer: &Answer<'_>, body: &Body<'_>) -> Option<String> {
    use crate::model::ComponentState::{PlannedDown, Up};

    if !speaks_of_health(answer.status) {
        return None;
    }
    let status = answer.status;
    let is_good_code = (200..=299).contains(&status);
    if let Meaning::Says(said) = &body.meaning {
        if is_good_code && said.state >= PlannedDown && said.basis != Basis::Components {
            return Some(format!("{status} but the body says {}", said.shown()));
        }
        if !is_good_code && said.state == Up && status != 429 {
            return Some("code and body disagree".to_owned());
        }
    }
    if is_good_code
        && !matches!(body.meaning, Meaning::Broken(_) | Meaning::Foreign(_))
        && let Some(name) = body.parts.unnamed_critical()
    {
        return Some(format!(
            "`{}` of `critical_components` is not named in the body",
            mask::shown(name, VIA_MAX)
        ));
    }
    body.note.map(str::to_owned)
}

/// What the answer says about who sent it.
fn via(answer: &Answer<'_>) -> Option<String> {
    let text = match (answer.server, answer.via) {
        (Some(server), Some(via)) => format!("{server}, via {via}"),
        (Some(server), None) => server.to_owned(),
        (None, Some(via)) => format!("via {via}"),
        (None, None) => return None,
    };
    Some(mask::shown(&text, VIA_MAX)).filter(|text| !text.is_empty())
}

/// Whether a text holds another, whatever the case of its ASCII letters.
fn contains_ignoring_case(text: &str, part: &str) -> bool {
    text.as_bytes()
        .windows(part.len())
        .any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

#[cfg(test)]
mod tests;
