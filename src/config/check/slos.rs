//! `slos:` how available targets are meant to be.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc, time::Duration};

use super::{
    Check,
    targets::{Groups, Others, Targets},
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
        Check as Asked, CheckKind, Group, GroupName, Policy, Target, TargetId,
        judgement::Count,
        plan::{Matcher, Question},
        slo::{BURN_EVERY, BURN_WINDOW_MIN, GROUP, Objective, Slo},
        text::{clean, span as in_words},
    },
};

/// More are measured whenever somebody asks for all of them.
const SLOS_MAX: usize = 100;
/// A month, as most agreements have it.
const WINDOW: Duration = Duration::from_hours(30 * 24);
const WINDOW_RANGE: RangeInclusive<Duration> =
    Duration::from_hours(1)..=Duration::from_hours(400 * 24);
/// What is computed takes no longer.
const LOOK_MAX: Duration = Duration::from_secs(20);

impl Check<'_> {
    /// The SLOs in the order of the file, and the error budgets that are watched; `retention` is how long the store remembers
    /// what they are measured by.
    pub(super) fn slos(
        &self,
        at: Option<At<Vec<At<RawSlo>>>>,
        retention: Duration,
        groups: &mut Groups,
        targets: &Targets,
    ) -> (Arc<[Slo]>, Others) {
        let Some(At {
            span: whole,
            value: Some(list),
        }) = at
        else {
            return (Arc::default(), Others::default());
        };
        if list.len() > SLOS_MAX {
            let words = format!("there are {} SLOs; {SLOS_MAX} is the most", list.len());
            self.report(Problem::new(Code::TooMuch, whole, words));
        }
        let mut names = BTreeMap::new();
        let (mut out, mut watched) = (Vec::new(), Vec::new());
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
            let alerts = self.burn_alerts(&raw, window, &who);
            if let (Some(name), Some(matcher), Some(objective), Some(window)) =
                (name, matcher, objective, window)
            {
                let slo = Slo {
                    name,
                    groups: matcher.groups,
                    targets: matcher.targets,
                    objective,
                    window,
                };
                watched.extend(alerts.map(|span| (Arc::new(slo.clone()), span)));
                out.push(slo);
            }
        }
        let budgets = self.budgets(watched, whole, groups, targets);
        (out.into(), budgets)
    }

    /// Where the alerts are asked for, if they are.
    fn burn_alerts(&self, raw: &RawSlo, window: Option<Duration>, who: &str) -> Option<Span> {
        let at = raw.burn_alerts.as_ref()?;
        (at.value == Some(true)).then_some(())?;
        let is_short = window.is_some_and(|window| window < BURN_WINDOW_MIN);
        if is_short {
            let words = format!("the window of {who} is too short for `burn_alerts`");
            self.report(
                Problem::new(Code::Objective, at.span, words)
                    .label(format!("{} is the least", in_words(BURN_WINDOW_MIN)))
                    .help("make `window` longer, or remove `burn_alerts`; its outages are told anyway"),
            );
        }
        (!is_short).then_some(at.span)
    }

    /// The error budgets that are watched, as targets of their own.
    fn budgets(
        &self,
        slos: Vec<(Arc<Slo>, Span)>,
        whole: Span,
        groups: &mut Groups,
        targets: &Targets,
    ) -> Others {
        let mut out = Others::default();
        if slos.is_empty() {
            return out;
        }
        if groups.references.is_declared(GROUP) {
            let span = groups.references.span(GROUP).unwrap_or(whole);
            let words = format!("`{GROUP}` is what hekate calls the error budgets of SLOs");
            self.report(
                Problem::new(Code::Name, span, words)
                    .other(whole, "of this section")
                    .help("call your group otherwise"),
            );
        }
        groups.references.declare(GROUP, whole);
        let mut names = BTreeMap::new();
        for (slo, span) in slos {
            let name = target_name(&slo.name);
            if name.is_empty() {
                let words = format!("nobody could ask for the error budget of `{}`", slo.name);
                self.report(
                    Problem::new(Code::Name, span, words)
                        .help("give the SLO a name with a letter of a to z, or a digit"),
                );
                continue;
            }
            if let Some(first) = names.insert(name.clone(), span) {
                let words = format!("two SLOs would be watched as `{GROUP}/{name}`");
                self.report(
                    Problem::new(Code::Twice, span, words)
                        .other(first, "the first one")
                        .help("make their names differ in letters or digits"),
                );
                continue;
            }
            out.targets.push(Arc::new(budget(name, slo, targets)));
        }
        let is_taken = |group: &Group| group.aliases.iter().any(|alias| alias == "slos");
        let is_taken = groups.list.iter().any(is_taken) || groups.references.is_declared("slos");
        out.group = Some(Group {
            is_always_active: false,
            is_production: false,
            name: GroupName::new(GROUP),
            aliases: (!is_taken)
                .then(|| String::from("slos"))
                .into_iter()
                .collect(),
            team: None,
        });
        out
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

/// What an SLO is called as a target: `master availability` is `slo/master-availability`.
fn target_name(name: &str) -> String {
    let words = name.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_ascii_lowercase()
}

/// An error budget as a target of its own, as severe as the most severe target of its SLO.
fn budget(name: String, slo: Arc<Slo>, targets: &Targets) -> Target {
    let group = GroupName::new(GROUP);
    let placed = targets.placed.iter().map(|placed| &placed.target);
    let of_slo = placed.filter(|target| slo.takes(target));
    Target {
        id: TargetId::of(Some(&group), &name),
        name,
        severity: of_slo
            .map(|target| target.severity)
            .max()
            .unwrap_or_default(),
        group: Some(group),
        aliases: Vec::new(),
        icon: None,
        runbook_url: None,
        was: None,
        depends_on: Vec::new(),
        checks: vec![Asked {
            kind: CheckKind::ErrorBudget,
            policy: Policy {
                interval: BURN_EVERY,
                timeout: LOOK_MAX,
                count: Some(Count { failures: 1, of: 1 }),
                successes: 1,
                slow_after: LOOK_MAX,
                ..Policy::default()
            },
            question: Question::ErrorBudget(slo),
        }],
    }
}
