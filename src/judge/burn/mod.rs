//! How fast the error budget of an SLO burns, and when that is too fast.
//!
//! Three rules, each with a long window, which says that it matters, and a short one, which says that it is so still; a
//! rule holds while more is spent in both than its factor allows. Down time alone burns: what is not measured, and
//! maintenance, count as if nothing had happened in them, so that a blind hour accuses nobody.
//!
//! Source: The Site Reliability Workbook (Google), chapter 5, "Multiwindow, Multi-Burn-Rate Alerts": 2% of the budget of
//! 30 days in 1 h, 5% in 6 h, 10% in 3 d.

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, time::Duration};

use super::sli::Sli;
use crate::model::{
    Degradation, DegradationKind, Failure, FailureClass, FailureKind, Gap, GapKind, Outcome,
    Timestamp,
    slo::Slo,
    text::{FOREIGN_MAX, clean, span},
};

/// The window for which the rules are written; for others their windows grow and shrink with it.
const MONTH: Duration = Duration::from_hours(30 * 24);
/// No long window is shorter: in less, one outage that people are told of anyway would always be too much.
const LONG_MIN: Duration = Duration::from_hours(1);
/// A long window is so many short ones.
const SHORT_PARTS: u32 = 12;
/// So many targets are named as those that spent most.
const NAMED_MAX: usize = 3;
/// Of the longest name so many characters are shown.
const NAME_MAX: usize = 40;
/// Thousandths of a percent in all of it, and tenths in one.
const WHOLE: u128 = 100_000;
const TENTHS: u128 = 10;

/// When a budget burns too fast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BurnRule {
    /// So many times faster than what would use all of the budget exactly in the SLO's window, in tenths.
    pub tenths: u32,
    /// What matters: more than that was spent in this time …
    pub long: Duration,
    /// … and in this one, so it goes on. A twelfth of the long one.
    pub short: Duration,
    /// Whether somebody has to act now.
    pub is_fast: bool,
}

/// The rules of an SLO with this window, the fastest first.
pub fn rules(window: Duration) -> [BurnRule; 3] {
    let rule = |tenths, hours, is_fast| {
        let scaled =
            Duration::from_hours(hours).as_millis() * window.as_millis() / MONTH.as_millis();
        let scaled = Duration::from_millis(u64::try_from(scaled).unwrap_or(u64::MAX));
        let long = scaled.max(LONG_MIN);
        BurnRule {
            tenths,
            long,
            short: long / SHORT_PARTS,
            is_fast,
        }
    };
    [rule(144, 1, true), rule(60, 6, true), rule(10, 72, false)]
}

/// Between which times has to be measured, running up to `now`.
pub fn bounds(window: Duration, now: Timestamp) -> Vec<Timestamp> {
    let rules = rules(window);
    let lengths = rules.iter().flat_map(|rule| [rule.long, rule.short]);
    let mut bounds: Vec<_> = lengths.map(|length| now - length).collect();
    bounds.extend([now - window, now]);
    bounds.sort_unstable();
    bounds.dedup();
    bounds
}

/// What was measured of one target of an SLO.
#[derive(Clone, PartialEq, Debug)]
pub struct Measured {
    /// What people call it.
    pub title: String,
    /// How it was from each of [`bounds`] to the next one.
    pub slis: Vec<Sli>,
}

/// How the error budget of an SLO stands, from what was measured between the [`bounds`].
///
/// Healthy while no rule holds; unhealthy by the fast ones, degraded by the slow one. Where a rule holds but for a short
/// window that was not measured for the most part, nothing is said.
pub fn judge(slo: &Slo, bounds: &[Timestamp], measured: &[Measured]) -> Outcome {
    let burn = Burn {
        slo,
        bounds,
        measured,
    };
    let mut doubt = None;
    for rule in rules(slo.window) {
        if !burn.is_over(rule, rule.long) {
            continue;
        }
        if burn.is_over(rule, rule.short) {
            let words = burn.words(rule);
            return if rule.is_fast {
                Outcome::Unhealthy(Failure {
                    class: FailureClass::Explicit,
                    kind: FailureKind::BudgetBurns,
                    words,
                })
            } else {
                Outcome::Degraded(Degradation {
                    kind: DegradationKind::BudgetBurns,
                    words,
                })
            };
        }
        if burn.is_unmeasured(rule.short) {
            doubt.get_or_insert(rule);
        }
    }
    doubt.map_or(Outcome::Healthy, |rule| {
        Outcome::Unobservable(Gap {
            kind: GapKind::Witness,
            words: format!(
                "most of the last {} was not measured, so nobody knows whether the error budget burns on",
                span(rule.short)
            ),
        })
    })
}

/// What there is to judge.
struct Burn<'a> {
    slo: &'a Slo,
    bounds: &'a [Timestamp],
    measured: &'a [Measured],
}

impl Burn<'_> {
    /// One target's time from so long ago until now.
    fn since(&self, one: &Measured, back: Duration) -> Sli {
        let from = self.bounds.last().map(|now| *now - back);
        let mut all = Sli::default();
        for (begin, sli) in self.bounds.iter().zip(&one.slis) {
            if from.is_some_and(|from| *begin >= from) {
                all.add(sli);
            }
        }
        all
    }

    /// All targets' times from so long ago until now.
    fn together(&self, back: Duration) -> Sli {
        let mut all = Sli::default();
        for one in self.measured {
            all.add(&self.since(one, back));
        }
        all
    }

    /// The pace in the last `back`: what was spent in hundred-thousandths, and what of that one time the pace is.
    fn pace(&self, back: Duration) -> (u128, u128) {
        let targets = self.measured.len() as u128;
        let missing = WHOLE - u128::from(self.slo.objective.thousandths());
        let spent = self.together(back).down.as_millis() * WHOLE;
        (spent, back.as_millis() * targets * missing)
    }

    fn is_over(&self, rule: BurnRule, back: Duration) -> bool {
        let (spent, once) = self.pace(back);
        spent * TENTHS > once * u128::from(rule.tenths)
    }

    fn is_unmeasured(&self, back: Duration) -> bool {
        let all = self.together(back);
        all.not_measured * 2 > all.window()
    }

    /// `burns 41× too fast for 99.9% in 30 d: down 2 min 30 s in the last 1 h; 62% of the error budget left (26 min of
    /// 43 min), gone in 18 h at this pace; most by master blue (2 min 30 s)`
    fn words(&self, rule: BurnRule) -> String {
        let (spent, once) = self.pace(rule.long);
        let lately = self.together(rule.long);
        let budget = self.together(self.slo.window).budget(self.slo.objective);
        let (left, allowed) = (span(budget.left()), span(budget.allowed));
        let rest = if budget.left().is_zero() {
            format!("the error budget of {allowed} is spent")
        } else {
            let ms =
                budget.left().as_millis() * rule.long.as_millis() / lately.down.as_millis().max(1);
            let gone = Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX));
            format!(
                "{}% of the error budget left ({left} of {allowed}), gone in {} at this pace",
                budget.left_percent(),
                span(gone)
            )
        };
        let words = format!(
            "burns {}\u{d7} too fast for {} in {}: down {} in the last {}; {rest}{}",
            times(spent, once),
            self.slo.objective,
            span(self.slo.window),
            span(lately.down),
            span(rule.long),
            self.spenders(rule.long)
        );
        clean(&words, FOREIGN_MAX)
    }

    /// `; most by master blue (2 min 30 s), master green (10 s)`; of an SLO of one target nothing.
    fn spenders(&self, back: Duration) -> String {
        if self.measured.len() < 2 {
            return String::new();
        }
        let each = self.measured.iter();
        let mut each: Vec<_> = each
            .map(|one| (self.since(one, back).down, one.title.as_str()))
            .filter(|(down, _)| !down.is_zero())
            .collect();
        each.sort_by_key(|(down, _)| Reverse(*down));
        let named = each.iter().take(NAMED_MAX);
        let named: Vec<_> = named
            .map(|(down, title)| format!("{} ({})", clean(title, NAME_MAX), span(*down)))
            .collect();
        let more = match each.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("; most by {}{more}", named.join(", "))
    }
}

/// How many times `once` it is, rounded down: `41`, and below ten `1.2`.
fn times(spent: u128, once: u128) -> String {
    let tenths = spent * TENTHS / once.max(1);
    match (tenths / TENTHS, tenths % TENTHS) {
        (whole, tenth) if whole < TENTHS && tenth > 0 => format!("{whole}.{tenth}"),
        (whole, _) => whole.to_string(),
    }
}
