//! The one clause that tells people what an answer was.

use std::fmt::Write as _;

use crate::model::{
    ComponentState, FailureKind,
    text::{self, FOREIGN_MAX},
};

use super::{
    Answer,
    body::{Body, Meaning},
    mask::shown,
    parts::{Basis, Part, Parts, Said},
    proxy::{self, Remains},
};

/// The most characters of a `Retry-After`.
const RETRY_AFTER_MAX: usize = 40;

/// The most characters of a text that is shown because nothing in it was understood.
const QUOTE_MAX: usize = 120;

/// The words cut to what a record may hold.
pub(super) fn capped(words: String) -> String {
    if words.chars().count() <= FOREIGN_MAX {
        return words;
    }
    text::clean(&words, FOREIGN_MAX)
}

/// `HTTP 503, the body says DOWN: db connection refused (2 of 7 components not up)`.
pub(super) fn says(status: u16, said: &Said<'_>, body: &Body<'_>) -> String {
    let is_bad = said.state >= ComponentState::PlannedDown;
    let mut words = match (is_bad, status) {
        (true, 200..=299) => format!("HTTP {status}, but "),
        _ => format!("HTTP {status}, "),
    };
    if said.basis == Basis::Components {
        // The body has no word for the whole, only components.
        words.push_str(&components(&body.parts));
        return capped(words);
    }
    words.push_str("the body says ");
    words.push_str(&said.shown());
    if said.state == ComponentState::PlannedDown {
        words.push_str(" (planned)");
    }
    if let Some(part) = body.parts.speaker() {
        let message = part.component.message.as_deref();
        let _ = write!(
            words,
            ": {} {}",
            part.component.name,
            message.unwrap_or(&part.word)
        );
        if body.parts.not_up > 1 {
            words.push_str(&count(&body.parts));
        }
    } else if let Some(message) = &body.message {
        let _ = write!(words, ": {message}");
    }
    capped(words)
}

/// `db is DOWN (2 of 7 components not up): connection refused`, for the worst of them.
pub(super) fn components(parts: &Parts<'_>) -> String {
    match parts.speaker() {
        Some(part) => component(part, parts),
        None => "a component is not up".to_owned(),
    }
}

/// The same for one of them.
pub(super) fn component(part: &Part, parts: &Parts<'_>) -> String {
    let mut words = format!("{} is {}{}", part.component.name, part.word, count(parts));
    if let Some(message) = &part.component.message {
        let _ = write!(words, ": {message}");
    }
    capped(words)
}

fn count(parts: &Parts<'_>) -> String {
    if parts.total < 2 {
        return String::new();
    }
    format!(" ({} of {} components not up)", parts.not_up, parts.total)
}

/// What a failure code means when the body says nothing about health.
pub(super) fn by_code(kind: FailureKind, answer: &Answer<'_>, body: &Body<'_>) -> String {
    let status = answer.status;
    if kind == FailureKind::ProxyError {
        let name = proxy::name(answer).map_or(String::new(), |name| format!(" ({name})"));
        return format!("HTTP {status}, the load balancer answered, not the app{name}");
    }
    match &body.meaning {
        Meaning::Says(said) => format!("HTTP {status}, the body says {}", said.shown()),
        Meaning::Broken(why) => format!("HTTP {status}, and {why}"),
        Meaning::Silent | Meaning::Foreign(_) => match body.remains {
            Remains::Text(text) => format!("HTTP {status}: {}", shown(text, QUOTE_MAX)),
            Remains::Nothing => format!("HTTP {status} without a body"),
            Remains::Page | Remains::Structured => match &body.message {
                Some(message) => format!("HTTP {status}: {message}"),
                None => format!("HTTP {status}"),
            },
        },
    }
}

/// `HTTP 429, asked too often, retry after 30 s`.
pub(super) fn throttled(answer: &Answer<'_>, body: &Body<'_>) -> String {
    let mut words = match &body.meaning {
        Meaning::Says(said) if said.state == ComponentState::Degraded => {
            format!("HTTP 429, the body says {}", said.shown())
        }
        Meaning::Says(_) | Meaning::Silent | Meaning::Broken(_) | Meaning::Foreign(_) => {
            "HTTP 429, we are told to ask less often".to_owned()
        }
    };
    if let Some(after) = answer
        .retry_after
        .map(|after| shown(after, RETRY_AFTER_MAX))
    {
        let unit = if after.bytes().all(|byte| byte.is_ascii_digit()) {
            " s"
        } else {
            ""
        };
        let _ = write!(words, ", retry after {after}{unit}");
    }
    words
}
