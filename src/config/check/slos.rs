//! `slos:` how available targets are meant to be.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc, time::Duration};

use super::{
    Check,
    targets::{Groups, Targets},
};
use crate::{
    config::{
        code::Code,
        decode::At,
        raw::{Match as RawMatch, slos::Slo as RawSlo},
        report::Problem,
        source::Span,
    },
    model::{
        plan::Matcher,
        slo::{Objective, Slo},
        text::{clean, span as in_words},
    },
};

/// More are measured whenever somebody asks for all of them.
const SLOS_MAX: usize = 100;
/// A month, as most agreements have it.
const WINDOW: Duration = Duration::from_hours(30 * 24);
const WINDOW_RANGE: RangeInclusive<Duration> =
    Duration::from_hours(1)..=Duration::from_hours(400 * 24);

impl Check<'_> {
    /// The SLOs in the order of the file; `retention` is how long the store remembers what they are measured by.
    pub(super) fn slos(
        &self,
        at: Option<At<Vec<At<RawSlo>>>>,
        retention: Duration,
        groups: &Groups,
        targets: &Targets,
    ) -> Arc<[Slo]> {
        let Some(At {
            span: whole,
            value: Some(list),
        }) = at
        else {
            return Arc::default();
        };
        if list.len() > SLOS_MAX {
            let words = format!("there are {} SLOs; {SLOS_MAX} is the most", list.len());
            self.report(Problem::new(Code::TooMuch, whole, words));
        }
        let mut names = BTreeMap::new();
        let mut out = Vec::new();
        for (index, at) in list.into_iter().enumerate() {
            let span = at.span;
            let Some(raw) = at.value else { continue };
            let name = self.slo_name(&raw, span, &mut names);
            let who = match &name {
                Some(name) => format!("SLO `{name}`"),
                None => format!("SLO {}", index + 1),
            };
            let matcher = self.slo_matcher(&raw, span, &who, groups, targets);
            let objective = self.objective(&raw, span, &who);
            let window = self.slo_window(&raw, retention);
            if let (Some(name), Some(matcher), Some(objective), Some(window)) =
                (name, matcher, objective, window)
            {
                out.push(Slo {
                    name,
                    groups: matcher.groups,
                    targets: matcher.targets,
                    objective,
                    window,
                });
            }
        }
        out.into()
    }

    fn slo_name(
        &self,
        raw: &RawSlo,
        span: Span,
        names: &mut BTreeMap<String, Span>,
    ) -> Option<String> {
        let Some(at) = &raw.name else {
            if !self.findings.was_meant(span, "name") {
                self.report(
                    Problem::new(Code::Missing, span, "this SLO has no `name`")
                        .help("add `name: master availability`; people read it in answers"),
                );
            }
            return None;
        };
        let name = clean(&self.text(at, "`name`")?, 64);
        if let Some(first) = names.insert(name.clone(), at.span) {
            let words = format!("two SLOs are called `{name}`");
            self.report(Problem::new(Code::Twice, at.span, words).other(first, "the first one"));
        }
        Some(name)
    }

    /// Whom it is about; absent if that is wrong.
    fn slo_matcher(
        &self,
        raw: &RawSlo,
        span: Span,
        who: &str,
        groups: &Groups,
        targets: &Targets,
    ) -> Option<Matcher> {
        if raw.group.is_none() && raw.target.is_none() {
            let mut keys = ["group", "target"].iter();
            if !keys.any(|key| self.findings.was_meant(span, key)) {
                let words = format!("{who} does not say whom it is about");
                self.report(
                    Problem::new(Code::Missing, span, words)
                        .help("add `group: master`, or `target: master/blue`"),
                );
            }
            return None;
        }
        let typed = At {
            span,
            value: Some(RawMatch {
                group: raw.group.clone(),
                target: raw.target.clone(),
                ..RawMatch::default()
            }),
        };
        let mut is_doubtful = false;
        let matcher = self.matcher(typed, who, groups, targets, &mut is_doubtful);
        (!is_doubtful).then_some(matcher)
    }

    fn objective(&self, raw: &RawSlo, span: Span, who: &str) -> Option<Objective> {
        let Some(at) = &raw.objective else {
            if !self.findings.was_meant(span, "objective") {
                let words = format!("{who} has no `objective`");
                self.report(
                    Problem::new(Code::Missing, span, words).help("add `objective: 99.9%`"),
                );
            }
            return None;
        };
        let text = self.text(at, "`objective`")?;
        match Objective::parse(&text) {
            Ok(objective) => Some(objective),
            Err(why) => {
                let words = format!("`{}` is no objective", clean(&text, 32));
                self.report(
                    Problem::new(Code::Objective, self.inner(at.span), words)
                        .label(why)
                        .help("write it as `99.9%`: more than 0% and less than 100%"),
                );
                None
            }
        }
    }

    fn slo_window(&self, raw: &RawSlo, retention: Duration) -> Option<Duration> {
        let Some(at) = &raw.window else {
            return Some(WINDOW.min(retention));
        };
        let window = self.duration(at, "`window`", WINDOW_RANGE).value?;
        if window > retention {
            self.report(
                Problem::new(
                    Code::Objective,
                    at.span,
                    "the store forgets sooner than that",
                )
                .label(format!("its `retention` is {}", in_words(retention)))
                .help("make `window` shorter, or `retention` of `store` longer"),
            );
            return None;
        }
        Some(window)
    }
}
