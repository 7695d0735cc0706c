//! The noisiest checks, and which limit would have kept them quiet.

use std::{collections::BTreeMap, time::Duration};

use super::{
    past::{self, Told},
    retrial::{self, Retold},
};
use crate::{
    model::{
        CheckId, FailureClass, Policy, Rule, Timestamp, Verdict,
        incident::Worth,
        judgement::{Count, Spans},
    },
    store::Chronicle,
};

/// Over sooner than this nobody could have helped.
pub const SHORT: Duration = Duration::from_mins(5);
/// The spans that are tried, in seconds.
const SPANS_S: [u64; 11] = [10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300];
/// The most failures that are tried where looks are counted.
const COUNT_MAX: u8 = 10;

/// What one check told.
#[derive(Clone, PartialEq, Debug)]
pub struct Noise {
    /// Which check.
    pub check: CheckId,
    /// How many troubles were told.
    pub told: usize,
    /// Those that were marked as false alarms.
    pub false_alarms: usize,
    /// Those that were marked as useful.
    pub useful: usize,
    /// Those that were over within [`SHORT`].
    pub short: usize,
    /// What would have kept it quieter; absent if nothing is marked as a false alarm, or nothing would.
    pub proposal: Option<Proposal>,
    /// Of the false alarms, those of which nobody can say what other rules would have made.
    pub unknowable: usize,
}

/// Another limit, tried on all that is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// What to write: `confirm: { silent: 45s }` or `failures: 5`.
    pub setting: String,
    /// What holds now: `20s`.
    pub instead_of: String,
    /// Of the false alarms, those that would not have been sent.
    pub avoided: usize,
    /// Of the others that are not marked, those that would not have been sent either.
    pub others_avoided: usize,
    /// By how much later, at the most, the others would have been sent.
    pub later: Duration,
    /// Whether all looks that decided are stored; else some are taken to be as bad as those before.
    pub is_certain: bool,
}

/// What was told since then, the noisiest check first: by false alarms, then by troubles that were over soon, then by all.
pub fn noise(chronicle: &Chronicle, since: Timestamp) -> Vec<Noise> {
    let told = past::told(chronicle, since);
    let mut by_check: BTreeMap<&CheckId, Vec<&Told<'_>>> = BTreeMap::new();
    for one in &told {
        by_check.entry(one.check()).or_default().push(one);
    }
    let mut out: Vec<_> = by_check
        .into_iter()
        .map(|(check, told)| noise_of(check, &told))
        .collect();
    out.sort_by_key(|noise| {
        let rank = (noise.false_alarms, noise.short, noise.told);
        (std::cmp::Reverse(rank), noise.check.clone())
    });
    out
}

fn worth(told: &Told<'_>) -> Option<Worth> {
    told.incident.mark.as_ref().map(|mark| mark.worth)
}

fn noise_of(check: &CheckId, told: &[&Told<'_>]) -> Noise {
    let marked = |wanted| {
        let marked = told.iter().filter(|one| worth(one) == Some(wanted));
        marked.count()
    };
    let is_short = |one: &&&Told<'_>| {
        let closed_at = one.incident.closed_at;
        closed_at.is_some_and(|at| at.since(one.incident.since) < SHORT)
    };
    let alarms = told
        .iter()
        .filter(|one| worth(one) == Some(Worth::FalseAlarm));
    let unknowable = alarms.filter(|one| {
        let policy = &one.trouble.begun.proof.policy;
        matches!(retrial::retry(policy, one.trouble), Retold::Unknown(_))
    });
    Noise {
        check: check.clone(),
        told: told.len(),
        false_alarms: marked(Worth::FalseAlarm),
        useful: marked(Worth::Useful),
        short: told.iter().filter(is_short).count(),
        proposal: proposal(told),
        unknowable: unknowable.count(),
    }
}

/// The smallest change that avoids the most false alarms and nothing that was useful.
fn proposal(told: &[&Told<'_>]) -> Option<Proposal> {
    let last = told
        .iter()
        .rev()
        .find(|one| worth(one) == Some(Worth::FalseAlarm))?;
    let policy = &last.trouble.begun.proof.policy;
    let candidates = match policy.count {
        Some(count) => counts(count),
        None => spans(class_of(last), &policy.spans),
    };
    let tried = candidates
        .into_iter()
        .filter_map(|candidate| tried(&candidate, told));
    let mut best: Option<Proposal> = None;
    for proposal in tried {
        if best
            .as_ref()
            .is_none_or(|best| proposal.avoided > best.avoided)
        {
            best = Some(proposal);
        }
    }
    best.filter(|best| best.avoided > 0)
}

/// Another rule: what to write, what holds now, and what it makes of the rules that held.
struct Candidate {
    setting: String,
    instead_of: String,
    change: Change,
}

#[derive(Clone, Copy)]
enum Change {
    Span(FailureClass, Duration),
    Count(Count),
}

impl Change {
    /// The rules that held, changed; a rule that was stricter stays.
    fn of(self, policy: &Policy) -> Policy {
        let mut policy = policy.clone();
        match self {
            Self::Span(class, span) => {
                let spans = &mut policy.spans;
                let of_class = match class {
                    FailureClass::Explicit => &mut spans.explicit,
                    FailureClass::Refused => &mut spans.refused,
                    FailureClass::Silent => &mut spans.silent,
                };
                *of_class = (*of_class).max(span);
            }
            Self::Count(count) => policy.count = Some(count),
        }
        policy
    }
}

/// How strong the evidence of a trouble was.
fn class_of(told: &Told<'_>) -> FailureClass {
    match told.trouble.begun.reason.rule {
        Rule::Confirmed(class) => class,
        Rule::NotYetSeen
        | Rule::FirstLook
        | Rule::Counted
        | Rule::FallsShort
        | Rule::PartialFailure
        | Rule::Slow
        | Rule::NoVerdict
        | Rule::Recovered
        | Rule::AnswersAgain
        | Rule::Stale
        | Rule::Blocked => FailureClass::Explicit,
    }
}

fn spans(class: FailureClass, now: &Spans) -> Vec<Candidate> {
    let now = now.of(class);
    let longer = SPANS_S.iter().map(|span| Duration::from_secs(*span));
    let longer = longer.filter(|span| *span > now);
    longer
        .map(|span| Candidate {
            setting: format!(
                "confirm: {{ {}: {} }}",
                class.as_str(),
                humantime::format_duration(span)
            ),
            instead_of: humantime::format_duration(now).to_string(),
            change: Change::Span(class, span),
        })
        .collect()
}

fn counts(now: Count) -> Vec<Candidate> {
    let said = |count: Count| {
        if count.failures == count.of {
            count.failures.to_string()
        } else {
            format!("{} of {}", count.failures, count.of)
        }
    };
    (now.failures.saturating_add(1)..=COUNT_MAX)
        .map(|failures| {
            let of = now.of.saturating_add(failures - now.failures);
            let count = Count { failures, of };
            Candidate {
                setting: format!("failures: {}", said(count)),
                instead_of: said(now),
                change: Change::Count(count),
            }
        })
        .collect()
}

/// What a candidate would have done; absent if it would have kept something useful from being told.
fn tried(candidate: &Candidate, told: &[&Told<'_>]) -> Option<Proposal> {
    let mut proposal = Proposal {
        setting: candidate.setting.clone(),
        instead_of: candidate.instead_of.clone(),
        avoided: 0,
        others_avoided: 0,
        later: Duration::ZERO,
        is_certain: true,
    };
    for one in told {
        let begun = one.trouble.begun;
        let policy = candidate.change.of(&begun.proof.policy);
        let mark = worth(one);
        match retrial::retry(&policy, one.trouble) {
            Retold::Never { .. } if mark == Some(Worth::Useful) => return None,
            Retold::Never { is_certain } => {
                proposal.is_certain &= is_certain;
                if mark == Some(Worth::FalseAlarm) {
                    proposal.avoided += 1;
                } else {
                    proposal.others_avoided += 1;
                }
            }
            Retold::Told {
                at,
                verdict,
                is_certain,
            } if mark != Some(Worth::FalseAlarm) => {
                // Told as something milder would be no less of a loss than told late.
                if verdict < Verdict::Down && begun.to == Verdict::Down && mark.is_some() {
                    return None;
                }
                proposal.is_certain &= is_certain;
                proposal.later = proposal.later.max(at.since(begun.at));
            }
            Retold::Told { .. } | Retold::Unknown(_) => {}
        }
    }
    Some(proposal)
}
