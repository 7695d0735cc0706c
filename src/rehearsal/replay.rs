//! What was told, beside what the rules of another file would have told of the same looks.

use std::{collections::BTreeSet, time::Duration};

use super::{
    past::{self, Told},
    retrial::{self, Retold},
    routing,
};
use crate::{
    judge::{self, freshness},
    model::{
        ChannelName, CheckId, FailureClass, IncidentId, OnCallName, Plan, Policy, Target,
        Timestamp, Verdict, plan::Question,
    },
    store::Chronicle,
};

/// What was told of one trouble, and what would be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Which check.
    pub check: CheckId,
    /// The incident.
    pub incident: IncidentId,
    /// As what it was told.
    pub verdict: Verdict,
    /// Since when it was bad.
    pub since: Timestamp,
    /// What was sent.
    pub was: Telling,
    /// What would be sent.
    pub would_be: WouldBe,
}

/// What was, or would be, sent of one trouble.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Telling {
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub to: BTreeSet<ChannelName>,
    /// Who was mentioned.
    pub mention: BTreeSet<OnCallName>,
    /// How many reminders.
    pub reminders: usize,
}

/// What another file would make of a trouble.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WouldBe {
    /// It would be told.
    Told {
        /// What would be sent.
        telling: Telling,
        /// As what.
        verdict: Verdict,
        /// Whether all looks that decide are stored.
        is_certain: bool,
    },
    /// It would be over before it is believed.
    Nothing {
        /// As above.
        is_certain: bool,
    },
    /// The target, or its check, is not in the file.
    NotWatched,
    /// Nobody can say; why, in one clause.
    Unknown(&'static str),
}

impl Row {
    /// Whether the file would tell it in another way, as far as anybody can say.
    pub fn differs(&self) -> bool {
        match &self.would_be {
            WouldBe::Told {
                telling, verdict, ..
            } => {
                let is_later = telling
                    .at
                    .since(self.was.at)
                    .max(self.was.at.since(telling.at));
                *verdict != self.verdict
                    || telling.to != self.was.to
                    || telling.mention != self.was.mention
                    || telling.reminders != self.was.reminders
                    || is_later > NEARLY
            }
            WouldBe::Nothing { .. } | WouldBe::NotWatched => true,
            WouldBe::Unknown(_) => false,
        }
    }
}

/// What is told sooner or later by less than this is told at the same time.
const NEARLY: Duration = Duration::from_secs(1);

/// Everything that was told since then, beside what this file would tell.
pub fn replay(chronicle: &Chronicle, since: Timestamp, plan: &Plan) -> Vec<Row> {
    let told = past::told(chronicle, since);
    told.iter().map(|one| row(one, chronicle, plan)).collect()
}

/// The checks that this file would judge sooner than they were judged: of them troubles that were too short to be told
/// would be told, and nothing is stored of these.
pub fn stricter(chronicle: &Chronicle, since: Timestamp, plan: &Plan) -> BTreeSet<CheckId> {
    past::told(chronicle, since)
        .iter()
        .filter_map(|one| {
            let held = &one.trouble.begun.proof.policy;
            let (_, policy) = rules_of(plan, one)?;
            let sooner = |class| {
                let promise = |policy| judge::contract(policy, class).never_told_under;
                promise(&policy) < promise(held)
            };
            let classes = [
                FailureClass::Explicit,
                FailureClass::Refused,
                FailureClass::Silent,
            ];
            classes.into_iter().any(sooner).then(|| one.check().clone())
        })
        .collect()
}

fn row(told: &Told<'_>, chronicle: &Chronicle, plan: &Plan) -> Row {
    let begun = told.trouble.begun;
    let incident = told.incident;
    let first = told.message.map(|message| message.key.sequence);
    let opened = chronicle
        .messages
        .iter()
        .filter(|message| message.key.incident == incident.id)
        .filter(|message| Some(message.key.sequence) == first && message.instead_of.is_none());
    let was = Telling {
        at: told
            .message
            .map_or(incident.opened_at, |message| message.created_at),
        to: opened
            .clone()
            .map(|message| message.key.channel.clone())
            .collect(),
        mention: opened
            .filter_map(|message| message.mention.clone())
            .collect(),
        reminders: told.reminders,
    };
    Row {
        check: told.check().clone(),
        incident: incident.id.clone(),
        verdict: begun.to,
        since: begun.since,
        would_be: would_be(told, &was, plan),
        was,
    }
}

fn would_be(told: &Told<'_>, was: &Telling, plan: &Plan) -> WouldBe {
    let Some((target, policy)) = rules_of(plan, told) else {
        return WouldBe::NotWatched;
    };
    match retrial::retry(&policy, told.trouble) {
        Retold::Never { is_certain } => WouldBe::Nothing { is_certain },
        Retold::Unknown(why) => WouldBe::Unknown(why),
        Retold::Told {
            at,
            verdict,
            is_certain,
        } => {
            let trace = routing::trace(plan, target, verdict, told.role(), told.component());
            // What comes between deciding and telling, such as waiting for others with the same cause, stays as it was.
            let waited = was.at.since(told.trouble.begun.at);
            let at = at + waited;
            let over_at = told.incident.closed_at.unwrap_or(told.trouble.known_until);
            WouldBe::Told {
                telling: Telling {
                    at,
                    to: trace.decision.to.iter().map(|(to, _)| to.clone()).collect(),
                    mention: trace
                        .decision
                        .to
                        .into_iter()
                        .filter_map(|(_, who)| who)
                        .collect(),
                    reminders: reminders(&trace.decision.remind_after, verdict, at, over_at),
                },
                verdict,
                is_certain,
            }
        }
    }
}

/// How many reminders come from then to then.
fn reminders(gaps: &[Duration], verdict: Verdict, from: Timestamp, to: Timestamp) -> usize {
    let Some(last) = gaps.last().filter(|_| verdict != Verdict::Unknown) else {
        return 0;
    };
    let mut at = from;
    let mut count = 0;
    let rest = std::iter::repeat(last);
    for gap in gaps.iter().chain(rest).take(10_000) {
        at = at + *gap;
        if at > to {
            break;
        }
        count += 1;
    }
    count
}

/// The target in this file and its rules, bent as the log of the target bent those that held.
fn rules_of<'a>(plan: &'a Plan, told: &Told<'_>) -> Option<(&'a Target, Policy)> {
    let check = told.check();
    let is_it = |target: &&std::sync::Arc<Target>| {
        target.id == check.target || target.was.as_ref() == Some(&check.target)
    };
    let target = plan.targets.iter().find(is_it)?;
    let asked = target
        .checks
        .iter()
        .find(|known| known.kind == check.kind)?;
    let mut policy = asked.policy.clone();
    let has_log = target
        .checks
        .iter()
        .any(|check| matches!(check.question, Question::LogFreshness(_)));
    if has_log && check.kind != crate::model::CheckKind::LogFreshness {
        let held = &told.trouble.begun.proof.policy.spans;
        if let Some(row) = freshness::bent_by(held) {
            // Only what bent the spans is asked for here, and it bends others in the same way.
            freshness::bend(&mut policy.spans, row, freshness::Life::Open);
        }
    }
    Some((target, policy))
}
