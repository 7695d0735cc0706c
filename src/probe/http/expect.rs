//! Whether an answer is what the file expects.

use std::time::Duration;

use http::HeaderMap;
use url::Url;

use crate::{
    model::{
        Degradation, DegradationKind, Failure, FailureClass, FailureKind, Outcome,
        http::{Expect, Pattern},
        text::{FOREIGN_MAX, clean},
    },
    probe::health::{self, Answer, Reading},
};

use super::trouble::span;

/// The most characters of a foreign value, or of one of the file, within the words.
const VALUE_MAX: usize = 60;

/// What an answer that took so long means: everything that was expected of it holds, or the first that does not.
pub(super) fn read(
    expect: &Expect,
    answer: &Answer<'_>,
    headers: &HeaderMap,
    took: Duration,
) -> Reading {
    let unmet = unmet_status(expect, answer)
        .map(|words| (FailureClass::Refused, words))
        .or_else(|| {
            let unmet = unmet_header(expect, headers).or_else(|| unmet_body(expect, answer));
            let unmet = unmet.or_else(|| unmet_duration(expect, took))?;
            Some((FailureClass::Explicit, unmet))
        });
    Reading {
        outcome: unmet.map_or(Outcome::Healthy, |(class, words)| {
            unexpected(expect, class, &words)
        }),
        family: None,
        detail: None,
    }
}

/// What it means that an answer is not as expected.
pub(in crate::probe) fn unexpected(expect: &Expect, class: FailureClass, words: &str) -> Outcome {
    let words = clean(words, FOREIGN_MAX);
    if expect.is_mild {
        return Outcome::Degraded(Degradation {
            kind: DegradationKind::Unexpected,
            words,
        });
    }
    Outcome::Unhealthy(Failure {
        class,
        kind: FailureKind::Unexpected,
        words,
    })
}

/// Whether this status code is expected.
pub(super) fn is_expected(expect: &Expect, status: u16) -> bool {
    expect
        .statuses
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&status))
}

fn unmet_status(expect: &Expect, answer: &Answer<'_>) -> Option<String> {
    if is_expected(expect, answer.status) {
        return None;
    }
    let expected: Vec<_> = expect.statuses.iter().copied().map(shown).collect();
    let expected = expected.join(" or ");
    let status = answer.status;
    let to = answer
        .location
        .filter(|_| (300..400).contains(&status))
        .map(|location| format!(" to {}", place(location)));
    let to = to.unwrap_or_default();
    Some(format!("HTTP {status}{to} (expected {expected})"))
}

fn shown((first, last): (u16, u16)) -> String {
    match (first, last) {
        (first, last) if first == last => first.to_string(),
        (first, last) if first % 100 == 0 && last == first + 99 => format!("{}xx", first / 100),
        (first, last) => format!("{first}-{last}"),
    }
}

/// Where a redirect leads, without the query, which may hold a secret.
fn place(location: &str) -> String {
    let shown = if let Ok(url) = Url::parse(location) {
        let host = url.host_str().unwrap_or_default();
        format!("{}://{host}{}", url.scheme(), url.path())
    } else {
        let end = location.find(['?', '#']).unwrap_or(location.len());
        location[..end].to_owned()
    };
    clean(&shown, VALUE_MAX * 2)
}

fn unmet_header(expect: &Expect, headers: &HeaderMap) -> Option<String> {
    expect.headers.iter().find_map(|(name, pattern)| {
        let mut values = headers.get_all(name).iter().peekable();
        if values.peek().is_none() {
            return Some(format!("header `{}` is missing", clean(name, VALUE_MAX)));
        }
        let is_found = values.any(|value| {
            pattern
                .0
                .is_match(&String::from_utf8_lossy(value.as_bytes()))
        });
        // Its value is not repeated: it may be a cookie or a token.
        (!is_found).then(|| {
            format!(
                "header `{}` does not match `{}`",
                clean(name, VALUE_MAX),
                written(pattern)
            )
        })
    })
}

fn unmet_body(expect: &Expect, answer: &Answer<'_>) -> Option<String> {
    let wants_body = expect.body.is_some() || !expect.json.is_empty();
    if wants_body && answer.is_unreadable {
        return Some(String::from(
            "the body came in an encoding that is not known",
        ));
    }
    if let Some(max) = expect.max_bytes
        && (answer.is_cut || answer.body.len() > max as usize)
    {
        return Some(format!("the body is longer than {max} bytes"));
    }
    if !wants_body {
        return None;
    }
    let text = String::from_utf8_lossy(answer.body);
    if let Some(pattern) = &expect.body
        && !pattern.0.is_match(&text)
    {
        return Some(format!("the body does not match `{}`", written(pattern)));
    }
    if expect.json.is_empty() {
        return None;
    }
    if answer.is_cut {
        return Some(String::from("the body is too long to be read as JSON"));
    }
    health::unmet(&expect.json, answer.body)
}

fn unmet_duration(expect: &Expect, took: Duration) -> Option<String> {
    let max = expect.max_duration?;
    (took > max).then(|| format!("took {} (allowed {})", span(took), span(max)))
}

fn written(pattern: &Pattern) -> String {
    clean(pattern.0.as_str(), VALUE_MAX)
}
