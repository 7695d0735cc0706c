//! The rules of judgement, from `defaults`, the group and the target: the nearest one that says something decides.

use std::{collections::BTreeSet, time::Duration};

use super::{Check, Typed, values::spoken};
use crate::{
    config::{
        code::Code,
        decode::{At, TextOr},
        raw::{self, Confirm, CountText, DurationText, SeverityWord},
        report::Problem,
        source::Span,
    },
    model::{
        Policy, Severity,
        judgement::{Count, Spans},
        text::clean,
    },
};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);
/// The most looks that `failures: x of y` can count.
const COUNTED_MAX: u8 = 32;

/// What `defaults`, groups and targets have in common, as typed.
pub(super) struct Fields<'a> {
    pub(super) interval: Option<&'a At<DurationText>>,
    pub(super) timeout: Option<&'a At<DurationText>>,
    pub(super) confirm: Option<&'a At<TextOr<Confirm>>>,
    pub(super) failures: Option<&'a At<CountText>>,
    pub(super) successes: Option<&'a At<u32>>,
    pub(super) slow_after: Option<&'a At<DurationText>>,
    pub(super) severity: Option<&'a At<SeverityWord>>,
}

/// Borrows the fields of a section.
macro_rules! fields {
    ($raw:expr) => {
        $crate::config::check::timing::Fields {
            interval: $raw.interval.as_ref(),
            timeout: $raw.timeout.as_ref(),
            confirm: $raw.confirm.as_ref(),
            failures: $raw.failures.as_ref(),
            successes: $raw.successes.as_ref(),
            slow_after: $raw.slow_after.as_ref(),
            severity: $raw.severity.as_ref(),
        }
    };
}
pub(super) use fields;

/// The same, checked one by one.
#[derive(Default, Debug)]
pub(super) struct Layer {
    interval: Option<Typed<Duration>>,
    timeout: Option<Typed<Duration>>,
    confirm: Option<Partial>,
    failures: Option<Typed<Count>>,
    successes: Option<Typed<u8>>,
    slow_after: Option<Typed<Duration>>,
    severity: Option<Severity>,
}

/// `confirm:` as far as it says something.
#[derive(Clone, Copy, Default, Debug)]
struct Partial {
    explicit: Option<Duration>,
    refused: Option<Duration>,
    silent: Option<Duration>,
}

impl Layer {
    /// How bad it says that trouble is for people.
    pub(super) const fn severity(&self) -> Option<Severity> {
        self.severity
    }
}

/// Pairs of places that were already complained about: `defaults` are wrong once, not once for every target.
#[derive(Default)]
pub(super) struct Complaints(BTreeSet<(Option<Span>, Option<Span>, Code)>);

impl Check<'_> {
    pub(super) fn defaults(&self, at: Option<At<raw::Defaults>>) -> Layer {
        let raw = at.and_then(|at| at.value).unwrap_or_default();
        self.layer(&fields!(raw))
    }

    pub(super) fn layer(&self, fields: &Fields<'_>) -> Layer {
        let duration = |at: Option<&At<DurationText>>, key: &str, range| {
            at.map(|at| self.duration(at, key, range))
        };
        if let (Some(confirm), Some(failures)) = (fields.confirm, fields.failures) {
            self.report(
                Problem::new(
                    Code::TwoConfirmations,
                    failures.span,
                    "`failures` and `confirm` are two ways to say the same",
                )
                .other(confirm.span, "and here")
                .help("keep `confirm` to say how long failures have to last, or `failures` to count looks"),
            );
        }
        let confirmed = Duration::ZERO..=Duration::from_hours(1);
        Layer {
            interval: duration(fields.interval, "`interval`", SECOND..=DAY),
            timeout: duration(
                fields.timeout,
                "`timeout`",
                Duration::from_millis(10)..=Duration::from_mins(5),
            ),
            confirm: fields.confirm.map(|at| self.confirm(at, &confirmed)),
            failures: fields.failures.map(|at| self.count(at)),
            successes: fields
                .successes
                .map(|at| self.whole(at, "`successes`", 1..=10)),
            slow_after: duration(
                fields.slow_after,
                "`slow_after`",
                Duration::from_millis(1)..=Duration::from_mins(5),
            ),
            severity: fields
                .severity
                .and_then(|at| Severity::from_word(&at.value.as_ref()?.0)),
        }
    }

    fn confirm(
        &self,
        at: &At<TextOr<Confirm>>,
        range: &std::ops::RangeInclusive<Duration>,
    ) -> Partial {
        match &at.value {
            Some(TextOr::Text(text)) => {
                let at = At {
                    span: at.span,
                    value: Some(DurationText(text.clone())),
                };
                let all = self.duration(&at, "`confirm`", range.clone()).value;
                Partial {
                    explicit: all,
                    refused: all,
                    silent: all,
                }
            }
            Some(TextOr::Section(raw)) => {
                let of = |at: &Option<At<DurationText>>, key: &str| {
                    self.duration(at.as_ref()?, key, range.clone()).value
                };
                Partial {
                    explicit: of(&raw.explicit, "`explicit`"),
                    refused: of(&raw.refused, "`refused`"),
                    silent: of(&raw.silent, "`silent`"),
                }
            }
            None => Partial::default(),
        }
    }

    fn count(&self, at: &At<CountText>) -> Typed<Count> {
        let value = at.value.as_ref().and_then(|CountText(text)| {
            let words: Vec<_> = text.split_whitespace().collect();
            let numbers = match words.as_slice() {
                [failures] => Some((*failures, *failures)),
                [failures, "of", of] => Some((*failures, *of)),
                _ => None,
            };
            let count = numbers.and_then(|(failures, of)| {
                Some(Count {
                    failures: failures.parse().ok()?,
                    of: of.parse().ok()?,
                })
            });
            let Some(count) = count else {
                self.report(
                    Problem::new(
                        Code::Count,
                        at.span,
                        format!("`{}` is not a count of failures", clean(text, 40)),
                    )
                    .help("write `3` for three in a row, or `3 of 5`"),
                );
                return None;
            };
            if count.failures == 0 || count.failures > count.of || count.of > COUNTED_MAX {
                self.report(
                    Problem::new(
                        Code::Count,
                        at.span,
                        format!(
                            "{} failures of {} looks can never be counted",
                            count.failures, count.of
                        ),
                    )
                    .help(format!(
                        "at least one failure, and at most {COUNTED_MAX} looks"
                    )),
                );
                return None;
            }
            Some(count)
        });
        Typed {
            span: at.span,
            value,
        }
    }

    /// The policy of one target, and its severity. The layers come nearest first.
    pub(super) fn policy(
        &self,
        layers: &[&Layer],
        title: &str,
        complaints: &mut Complaints,
    ) -> (Policy, Severity) {
        let default = Policy::default();
        let interval = nearest_typed(layers, |layer| layer.interval);
        let timeout = nearest_typed(layers, |layer| layer.timeout);
        let slow_after = nearest_typed(layers, |layer| layer.slow_after);
        let interval_value = value_or(interval, default.interval);
        let timeout_value = value_or(timeout, default.timeout.min(interval_value * 4 / 5));
        let slow_value = value_or(slow_after, default.slow_after.min(timeout_value / 2));
        // Looks of short intervals have no second to spare.
        let is_long = interval_value > SECOND * 5;
        let fits = timeout_value < interval_value
            && (!is_long || timeout_value + SECOND <= interval_value);
        let is_known = interval.is_none_or(|typed| typed.value.is_some())
            && timeout.is_none_or(|typed| typed.value.is_some());
        if is_known && !fits {
            let values = (interval_value, timeout_value);
            self.too_slow(interval, timeout, values, title, complaints);
        }
        if let Some(slow) = slow_after
            && slow.value.is_some_and(|value| value >= timeout_value)
            && is_known
            && complaints.0.insert((
                Some(slow.span),
                timeout.map(|typed| typed.span),
                Code::NeverSlow,
            ))
        {
            let mut problem = Problem::new(
                Code::NeverSlow,
                slow.span,
                format!(
                    "no answer can take longer than `slow_after` {}: the timeout is {}",
                    spoken(slow_value),
                    spoken(timeout_value)
                ),
            )
            .help("make `slow_after` shorter than `timeout`");
            if let Some(timeout) = timeout {
                problem = problem.other(timeout.span, "timeout");
            }
            self.report(problem);
        }
        let severity = layers.iter().find_map(|layer| layer.severity);
        let policy = Policy {
            interval: interval_value,
            timeout: timeout_value,
            spans: spans(layers),
            count: count(layers),
            successes: value_or(
                nearest_typed(layers, |layer| layer.successes),
                default.successes,
            ),
            slow_after: slow_value,
        };
        (policy, severity.unwrap_or_default())
    }

    fn too_slow(
        &self,
        interval: Option<Typed<Duration>>,
        timeout: Option<Typed<Duration>>,
        (interval_value, timeout_value): (Duration, Duration),
        title: &str,
        complaints: &mut Complaints,
    ) {
        let spans = (
            interval.map(|typed| typed.span),
            timeout.map(|typed| typed.span),
        );
        // Without a typed timeout the default fits itself to the interval.
        let Some(place) = spans.1 else { return };
        if !complaints.0.insert((spans.0, spans.1, Code::Timing)) {
            return;
        }
        let gap = if timeout_value < interval_value {
            "at least 1s "
        } else {
            ""
        };
        let mut problem = Problem::new(
            Code::Timing,
            place,
            format!(
                "timeout {} is not {gap}shorter than interval {}",
                spoken(timeout_value),
                spoken(interval_value)
            ),
        )
        .help("looks must not overlap: make the timeout shorter, or the interval longer");
        problem = match spans.0 {
            Some(interval) => problem.label("timeout").other(interval, "interval"),
            None => problem.label(format!(
                "the interval is {} if nothing else is said",
                spoken(interval_value)
            )),
        };
        self.report(problem.note(format!("this is so for `{title}`")));
    }
}

fn nearest_typed<T: Copy>(
    layers: &[&Layer],
    of: impl Fn(&Layer) -> Option<Typed<T>>,
) -> Option<Typed<T>> {
    layers.iter().find_map(|layer| of(layer))
}

fn value_or<T>(typed: Option<Typed<T>>, default: T) -> T {
    typed.and_then(|typed| typed.value).unwrap_or(default)
}

/// Every class is decided by the nearest layer that names it.
fn spans(layers: &[&Layer]) -> Spans {
    let default = Spans::default();
    let of = |class: fn(&Partial) -> Option<Duration>| {
        layers
            .iter()
            .find_map(|layer| layer.confirm.as_ref().and_then(class))
    };
    Spans {
        explicit: of(|confirm| confirm.explicit).unwrap_or(default.explicit),
        refused: of(|confirm| confirm.refused).unwrap_or(default.refused),
        silent: of(|confirm| confirm.silent).unwrap_or(default.silent),
    }
}

/// Counting holds unless a nearer layer asks for spans.
fn count(layers: &[&Layer]) -> Option<Count> {
    layers
        .iter()
        .find(|layer| layer.failures.is_some() || layer.confirm.is_some())
        .and_then(|layer| layer.failures)
        .and_then(|typed| typed.value)
}
