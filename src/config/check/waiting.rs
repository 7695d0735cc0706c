//! `max_messages:` of channels and `quiet_hours:` of on-call entries: what makes a message wait.

use std::{ops::RangeInclusive, time::Duration};

use chrono_tz::Tz;

use super::Check;
use crate::{
    config::{
        code::Code,
        decode::{At, OneOrMany},
        raw::{self, AllowanceText, DurationText},
        report::Problem,
    },
    model::{
        plan::Severity,
        quiet_hours::{Allowance, QuietHours},
        text::clean,
    },
};

/// More messages than that are no limit.
const COUNT_MAX: u32 = 1_000;
/// Within less time than this every restart would empty a budget, and within more nobody would hear of a day.
const WITHIN: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(24);

impl Check<'_> {
    /// `6 per 10m`.
    pub(super) fn allowance(&self, at: &At<AllowanceText>) -> Option<Allowance> {
        let AllowanceText(text) = at.value.as_ref()?;
        let parts = text.split_once(" per ");
        let parts = parts.and_then(|(count, within)| Some((count.trim().parse().ok()?, within)));
        let Some((count, within)) = parts else {
            self.report(
                Problem::new(
                    Code::Allowance,
                    at.span,
                    format!(
                        "`{}` is not a number of messages in a time",
                        clean(text, 40)
                    ),
                )
                .help("write it like `6 per 10m`"),
            );
            return None;
        };
        if !(1..=COUNT_MAX).contains(&count) {
            self.report(
                Problem::new(
                    Code::Allowance,
                    at.span,
                    format!("a channel cannot get {count} messages at most"),
                )
                .help(format!(
                    "1 to {COUNT_MAX}; to be told of nothing, take the channel out of the routes"
                )),
            );
            return None;
        }
        let within = At {
            span: at.span,
            value: Some(DurationText(within.to_owned())),
        };
        let within = self.duration(&within, "the time of `max_messages`", WITHIN);
        Some(Allowance {
            count,
            within: within.value?,
        })
    }

    /// `{ from: "22:00", to: "07:00", severities: [warning] }`.
    pub(super) fn quiet_hours(&self, at: &At<raw::QuietHours>, zone: Tz) -> Option<QuietHours> {
        let raw = at.value.as_ref()?;
        for (key, has) in [("from", raw.from.is_some()), ("to", raw.to.is_some())] {
            if !has && !self.findings.was_meant(at.span, key) {
                self.report(Problem::new(
                    Code::Missing,
                    at.span,
                    format!("`quiet_hours` has no `{key}`"),
                ));
            }
        }
        let timezone = raw.timezone.as_ref().map(|at| self.timezone(at));
        let from = raw.from.as_ref().and_then(|at| self.minute(at));
        let to = raw.to.as_ref().and_then(|at| self.minute(at));
        let severities = self.quiet_severities(raw.severities.as_ref());
        let (from_minute, to_minute) = (from?, to?);
        if from_minute % (24 * 60) == to_minute % (24 * 60) {
            self.report(
                Problem::new(Code::QuietHours, at.span, "these quiet hours would never be over")
                    .help("let them end at another time than they begin; what is held needs a time at which it is told"),
            );
            return None;
        }
        Some(QuietHours {
            from_minute: from_minute % (24 * 60),
            to_minute,
            timezone: timezone.unwrap_or(Some(zone))?,
            severities: severities?,
        })
    }

    fn quiet_severities(
        &self,
        at: Option<&At<OneOrMany<raw::SeverityWord>>>,
    ) -> Option<Vec<Severity>> {
        let Some(at) = at else {
            return Some(vec![Severity::Info, Severity::Warning]);
        };
        let OneOrMany(words) = at.value.as_ref()?;
        let mut severities = Vec::new();
        for word in words {
            let severity = Severity::from_word(&word.value.as_ref()?.0)?;
            if severity.is_critical() {
                self.report(
                    Problem::new(
                        Code::QuietHours,
                        word.span,
                        format!("what is {severity} is told at any hour"),
                    )
                    .help("if it can wait until the morning, give its targets `severity: warning`"),
                );
                return None;
            }
            severities.push(severity);
        }
        Some(severities)
    }
}
