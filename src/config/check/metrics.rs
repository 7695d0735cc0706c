//! `metrics:` of a target.

use std::sync::Arc;

use super::{
    Check,
    health::word,
    timing::{Complaints, Fields, Layer},
};
use crate::{
    config::{
        code::Code,
        decode::{At, Named, TextOr},
        raw::{self, metrics as typed},
        report::Problem,
        source::Span,
    },
    model::{
        Check as Asked, CheckKind, Secret,
        metrics::{Absent, Combine, Limits, MetricsQuestion},
        plan::{HealthQuestion, Question},
        text::clean,
    },
};

/// The longest name of a metric or value of a label, in bytes.
const TEXT_MAX: usize = 1024;
/// What is asked for unless the file says otherwise: text that is read here, and no binary form.
const ACCEPT: &str = "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.8, text/plain;q=0.5, */*;q=0.1";

impl Check<'_> {
    /// One value among the metrics of a target, and how large it may be.
    pub(super) fn metrics(
        &mut self,
        at: &At<typed::Metrics>,
        target: &str,
        layers: &[&Layer],
        complaints: &mut Complaints,
    ) -> Option<Asked> {
        let raw = at.value.as_ref()?;
        let subject = format!("`metrics` of `{}`", clean(target, 64));
        let own = self.layer(&Fields {
            interval: raw.interval.as_ref(),
            timeout: raw.timeout.as_ref(),
            confirm: None,
            failures: None,
            successes: None,
            slow_after: None,
            severity: None,
        });
        let layers: Vec<&Layer> = [&own].into_iter().chain(layers.iter().copied()).collect();
        let (policy, _severity) = self.policy(&layers, target, complaints);
        let asked = self.page_of_metrics(at.span, raw, &subject);
        if raw.name.is_none() && !self.findings.was_meant(at.span, "name") {
            self.report(
                Problem::new(Code::Missing, at.span, format!("{subject} has no `name`"))
                    .help("add `name: queue_depth`, the name of a metric"),
            );
        }
        let name = raw.name.as_ref().and_then(|at| self.metric_name(at));
        let labels = self.metric_labels(raw.labels.as_ref());
        self.has_limit(raw, at.span, &subject);
        let number = |at: &Option<At<f64>>| at.as_ref().and_then(|at| at.value);
        self.limits_agree(raw);
        Some(Asked {
            kind: CheckKind::Metrics,
            policy,
            question: Question::Metrics(Arc::new(MetricsQuestion {
                asked: Arc::new(asked?),
                name: name?,
                labels,
                combine: word(raw.combine.as_ref(), |word| Combine::from_word(&word.0))
                    .unwrap_or_default(),
                down: Limits {
                    above: number(&raw.above),
                    below: number(&raw.below),
                },
                degraded: Limits {
                    above: number(&raw.degraded_above),
                    below: number(&raw.degraded_below),
                },
                absent: word(raw.absent.as_ref(), |word| Absent::from_word(&word.0))
                    .unwrap_or_default(),
            })),
        })
    }

    fn page_of_metrics(
        &mut self,
        span: Span,
        raw: &typed::Metrics,
        subject: &str,
    ) -> Option<HealthQuestion> {
        let health = At {
            span,
            value: Some(TextOr::Section(raw::Health {
                url: raw.url.clone(),
                headers: raw.headers.clone(),
                basic: raw.basic.clone(),
                bearer: raw.bearer.clone(),
                bearer_file: raw.bearer_file.clone(),
                ip: raw.ip.clone(),
                tls: raw.tls.clone(),
                ..raw::Health::default()
            })),
        };
        let mut asked = self.asked(&health, subject)?;
        let is_accept = |(name, _): &(String, Secret)| name.eq_ignore_ascii_case("accept");
        if !asked.headers.iter().any(is_accept) {
            asked
                .headers
                .push((String::from("accept"), Secret::new(ACCEPT)));
        }
        Some(asked)
    }

    fn metric_name(&self, at: &At<String>) -> Option<String> {
        let text = self.text(at, "`name`")?;
        let why = if text.contains(['{', '}', '"', '=']) {
            "labels have a key of their own: `labels: { queue: mail }`"
        } else if text.contains(char::is_whitespace) {
            "it contains a space"
        } else if text.len() > TEXT_MAX {
            "it is too long"
        } else if text.starts_with(|c: char| c.is_ascii_digit()) {
            "it begins with a digit"
        } else {
            return Some(text);
        };
        self.report(
            Problem::new(
                Code::Name,
                at.span,
                format!("`{}` is not the name of a metric", clean(&text, 64)),
            )
            .label(why)
            .help("write the name alone, as a line of the page begins: `queue_depth`"),
        );
        None
    }

    fn metric_labels(&self, at: Option<&At<Named<String>>>) -> Vec<(String, String)> {
        let list = at
            .and_then(|at| at.value.as_ref())
            .map_or(&[][..], |Named(list)| list);
        list.iter()
            .filter_map(|(key, at)| Some((key.value.clone()?, self.text(at, "a label")?)))
            .collect()
    }

    fn has_limit(&self, raw: &typed::Metrics, span: Span, subject: &str) {
        let limits = [
            ("above", &raw.above),
            ("below", &raw.below),
            ("degraded_above", &raw.degraded_above),
            ("degraded_below", &raw.degraded_below),
        ];
        let is_limited = limits
            .iter()
            .any(|(key, limit)| limit.is_some() || self.findings.was_meant(span, key));
        if !is_limited {
            self.report(
                Problem::new(
                    Code::Missing,
                    span,
                    format!("{subject} compares its value with nothing"),
                )
                .help("add `above`, `below`, `degraded_above` or `degraded_below`"),
            );
        }
    }

    /// A limit that another one hides, or two that leave no good value, are slips.
    fn limits_agree(&self, raw: &typed::Metrics) {
        let pairs = [
            ("degraded_above", &raw.degraded_above, "above", &raw.above),
            ("below", &raw.below, "degraded_below", &raw.degraded_below),
            ("below", &raw.below, "above", &raw.above),
            (
                "degraded_below",
                &raw.degraded_below,
                "degraded_above",
                &raw.degraded_above,
            ),
        ];
        for (lower, low, upper, high) in pairs {
            let (Some(low), Some(high)) = (low, high) else {
                continue;
            };
            let (Some(value), Some(limit)) = (low.value, high.value) else {
                continue;
            };
            // A target may have to be exactly so: not above and not below the same number.
            let may_be_equal = lower.ends_with("below") && upper.ends_with("above");
            let help = if lower == "below" && upper == "above" {
                "a value is well from `below` to `above`"
            } else {
                "what is degraded lies between what is well and what is down"
            };
            if value > limit || value >= limit && !may_be_equal {
                self.report(
                    Problem::new(
                        Code::Range,
                        low.span,
                        format!("`{lower}` has to be less than `{upper}`"),
                    )
                    .other(high.span, "which is here")
                    .help(help),
                );
            }
        }
    }
}
