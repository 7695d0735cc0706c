//! `metrics:` one value among the metrics of a target, compared with what the file allows.
//!
//! What says nothing about the value accuses nobody of more than that: a page that is not one of metrics falls short, a
//! series that is not there means what the file says, and of a page that was not read to its end only what was read counts.

mod text;

use std::{borrow::Cow, cmp::Ordering};

use crate::model::{
    Degradation, DegradationKind, Failure, FailureClass, FailureKind, Gap, GapKind, Outcome,
    metrics::{Absent, Combine, Limits, MetricsQuestion},
    text::{FOREIGN_MAX, clean},
};

use self::text::{Found, Reach, Series};
use super::health::{self, Answer, Reading};

/// The most bytes of a page of metrics that are read, decompressed; a large application shows 1 MiB.
pub(super) const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most characters of the labels of a series within the words.
const LABELS_MAX: usize = 100;

/// The same reading for bytes of any kind, without a request.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn read_any(question: &MetricsQuestion, answer: &Answer<'_>) -> Reading {
    read(question, answer)
}

/// What the answer to a request for metrics means.
pub(super) fn read(question: &MetricsQuestion, answer: &Answer<'_>) -> Reading {
    if !(200..=299).contains(&answer.status) {
        // A page is not there for the same reasons for which a health answer is not, whatever its body says.
        let answer = Answer {
            body: b"",
            ..*answer
        };
        return Reading {
            family: None,
            ..health::read(&question.asked, &answer)
        };
    }
    Reading {
        outcome: outcome(question, answer),
        family: None,
        detail: None,
    }
}

fn outcome(question: &MetricsQuestion, answer: &Answer<'_>) -> Outcome {
    let status = answer.status;
    if answer.is_unreadable {
        let words = format!(
            "HTTP {status}, but its metrics came in an encoding that is not known or is broken"
        );
        return degraded(DegradationKind::BrokenBody, &words);
    }
    let page = page(answer);
    let found = text::find(&page, &question.name, &question.labels);
    // No name begins so, but a page for people may well hold a line that looks like a value.
    let is_markup = page.trim_start().starts_with('<');
    let is_strange = !found.is_metrics && found.reach == Reach::Before;
    if is_markup || is_strange && !is_only_comments(&page) {
        let is_html = answer
            .content_type
            .is_some_and(|kind| kind.starts_with("text/html"));
        let what = if is_markup || is_html {
            "a page for people"
        } else {
            "something else"
        };
        let words = format!("HTTP {status}, but {what} came in place of metrics");
        return degraded(DegradationKind::OtherFormat, &words);
    }
    let unread = if found.reach == Reach::Past {
        None
    } else {
        unread(answer, &found)
    };
    judged(question, &found, unread)
}

/// What the series mean; `unread` says why there may be more of them.
fn judged(question: &MetricsQuestion, found: &Found<'_>, unread: Option<&str>) -> Outcome {
    let name = &question.name;
    let values: Vec<&Series<'_>> = found
        .series
        .iter()
        .filter(|series| !series.value.is_nan())
        .collect();
    let alone = |value| (value, None);
    let compared: Vec<(f64, Option<&Series<'_>>)> = match question.combine {
        _ if values.is_empty() => Vec::new(),
        Combine::Any => values
            .iter()
            .map(|series| (series.value, Some(*series)))
            .collect(),
        // Of a part of them nothing is known that holds for all.
        Combine::Sum | Combine::Max | Combine::Min if unread.is_some() => Vec::new(),
        Combine::Sum => vec![alone(values.iter().map(|series| series.value).sum())],
        Combine::Max => vec![alone(folded(&values, f64::max))],
        Combine::Min => vec![alone(folded(&values, f64::min))],
    };
    if let Some(words) = beyond(question, question.down, &compared) {
        return down(&words);
    }
    if let Some(words) = beyond(question, question.degraded, &compared) {
        return degraded(DegradationKind::RuleMatched, &words);
    }
    if found.is_broken {
        let words = format!("a line of `{name}` among its metrics cannot be read");
        return degraded(DegradationKind::BrokenBody, &words);
    }
    if let Some(why) = unread {
        return unknown(&if found.reach == Reach::Before {
            format!("{why}, and there is no `{name}` in what was read of it")
        } else {
            format!("{why}, so there may be more of `{name}`")
        });
    }
    if values.is_empty() {
        return absent(question, found);
    }
    if compared.iter().any(|(value, _)| value.is_nan()) {
        return unknown(&format!(
            "`{name}` adds up to no number: there are infinities of both signs"
        ));
    }
    Outcome::Healthy
}

fn folded(values: &[&Series<'_>], of: fn(f64, f64) -> f64) -> f64 {
    let values = values.iter().map(|series| series.value);
    values.reduce(of).unwrap_or(f64::NAN)
}

/// The value that is furthest beyond the limits, in words, and how many others are beyond them as well.
fn beyond(
    question: &MetricsQuestion,
    limits: Limits,
    compared: &[(f64, Option<&Series<'_>>)],
) -> Option<String> {
    let sides: [(&str, Option<f64>, Ordering); 2] = [
        ("above", limits.above, Ordering::Greater),
        ("below", limits.below, Ordering::Less),
    ];
    for (word, limit, wrong) in sides {
        let Some(limit) = limit else { continue };
        let mut worst: Option<(f64, Option<&Series<'_>>)> = None;
        let mut count = 0;
        for (value, series) in compared {
            if value.partial_cmp(&limit) == Some(wrong) {
                count += 1;
                let is_worse =
                    worst.is_none_or(|(other, _)| value.partial_cmp(&other) == Some(wrong));
                if is_worse {
                    worst = Some((*value, *series));
                }
            }
        }
        let Some((value, series)) = worst else {
            continue;
        };
        // A single series needs no labels to be known by.
        let labels = series
            .filter(|_| compared.len() > 1)
            .map_or_else(String::new, |series| shown_labels(question, series));
        let prefix = match question.combine {
            Combine::Any => "",
            Combine::Sum => "the sum of ",
            Combine::Max => "the largest ",
            Combine::Min => "the smallest ",
        };
        let more = match count {
            0 | 1 => String::new(),
            2 => String::from(" (and 1 more series)"),
            several => format!(" (and {} more series)", several - 1),
        };
        let (value, limit) = shown_pair(value, limit);
        return Some(format!(
            "{prefix}`{}{labels}` is {value}, {word} {limit}{more}",
            question.name
        ));
    }
    None
}

/// The labels of a series that the file does not name.
fn shown_labels(question: &MetricsQuestion, series: &Series<'_>) -> String {
    let own = series.labels.iter().filter(|(key, value)| {
        !question
            .labels
            .iter()
            .any(|(wanted, held)| key == wanted && value == held)
    });
    let own: Vec<_> = own.map(|(key, value)| format!("{key}={value}")).collect();
    if own.is_empty() {
        return String::new();
    }
    format!("{{{}}}", health::shown(&own.join(","), LABELS_MAX))
}

/// A value and its limit, short, but never alike when they differ.
fn shown_pair(value: f64, limit: f64) -> (String, String) {
    let short = (shown(value), shown(limit));
    if short.0 == short.1 {
        return (value.to_string(), limit.to_string());
    }
    short
}

fn shown(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size >= 1e15 {
        return format!("{value:e}").replace("inf", "infinite");
    }
    if size != 0.0 && size < 1e-4 {
        return format!("{value:e}");
    }
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// There is no value: what that means, and what there is in its place.
fn absent(question: &MetricsQuestion, found: &Found<'_>) -> Outcome {
    let name = &question.name;
    let words = if !found.series.is_empty() {
        format!("`{name}` is NaN, which is no value")
    } else if found.reach != Reach::Before {
        format!("no `{name}` among its metrics carries these labels")
    } else {
        match found.kind {
            Some(kind @ ("histogram" | "summary" | "gaugehistogram")) => {
                format!(
                    "`{name}` is a {kind}; its values are called `{name}_count` and `{name}_sum`"
                )
            }
            Some("counter") => format!(
                "there is no `{name}` among its metrics; its counter may be called `{name}_total`"
            ),
            Some(_) | None => format!("there is no `{name}` among its metrics"),
        }
    };
    match question.absent {
        Absent::Unknown => unknown(&words),
        Absent::Operational => Outcome::Healthy,
        Absent::Degraded => degraded(DegradationKind::RuleMatched, &words),
        Absent::Down => down(&words),
    }
}

/// The page as text; of one that was cut only the whole lines.
fn page<'a>(answer: &Answer<'a>) -> Cow<'a, str> {
    let body = if answer.is_cut {
        let end = answer.body.iter().rposition(|byte| *byte == b'\n');
        &answer.body[..end.map_or(0, |end| end + 1)]
    } else {
        answer.body
    };
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    String::from_utf8_lossy(body)
}

/// Why the page may go on after what was read of it.
fn unread(answer: &Answer<'_>, found: &Found<'_>) -> Option<&'static str> {
    // Source: OpenMetrics 1.0, "EOF": without it the page is not whole.
    let is_open = answer
        .content_type
        .is_some_and(|kind| kind.starts_with("application/openmetrics-text"));
    match (answer.is_cut, is_open && !found.has_end) {
        (true, _) => Some("its page of metrics is longer than 4 MiB"),
        (false, true) => Some("its page of metrics breaks off"),
        (false, false) => None,
    }
}

fn is_only_comments(page: &str) -> bool {
    page.lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

fn down(words: &str) -> Outcome {
    Outcome::Unhealthy(Failure {
        class: FailureClass::Explicit,
        kind: FailureKind::RuleMatched,
        words: clean(words, FOREIGN_MAX),
    })
}

fn degraded(kind: DegradationKind, words: &str) -> Outcome {
    Outcome::Degraded(Degradation {
        kind,
        words: clean(words, FOREIGN_MAX),
    })
}

fn unknown(words: &str) -> Outcome {
    Outcome::Unobservable(Gap {
        kind: GapKind::SaysUnknown,
        words: clean(words, FOREIGN_MAX),
    })
}
