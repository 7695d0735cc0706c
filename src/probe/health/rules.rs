//! `rules:` of the file: the first that matches decides, whatever code and body say.

use std::cmp::Ordering;

use serde_json::Value;

use crate::model::{
    Degradation, DegradationKind, Failure, FailureClass, FailureKind, Outcome,
    plan::{Comparison, HealthRule, RuleVerdict, Subject},
    text::{self, FOREIGN_MAX},
};

use super::json::Node;

/// What the rules make of an answer; nothing if none of them matches.
///
/// `body` is absent where the body is no JSON; a path then finds nothing.
pub(super) fn decide(
    rules: &[HealthRule],
    status: u16,
    body: Option<&Node<'_>>,
) -> Option<Outcome> {
    if rules.is_empty() {
        return None;
    }
    let is_json_asked = rules
        .iter()
        .any(|rule| matches!(rule.subject, Subject::Json(_)));
    let body = body.filter(|_| is_json_asked).map(Node::to_value);
    let rule = rules
        .iter()
        .find(|rule| holds(rule, status, body.as_ref()))?;
    let words = text::clean(&rule.say, FOREIGN_MAX);
    Some(match rule.then {
        RuleVerdict::Operational => Outcome::Healthy,
        RuleVerdict::Degraded => Outcome::Degraded(Degradation {
            kind: DegradationKind::RuleMatched,
            words,
        }),
        RuleVerdict::Down => Outcome::Unhealthy(Failure {
            class: FailureClass::Explicit,
            kind: FailureKind::RuleMatched,
            words,
        }),
    })
}

pub(super) fn holds(rule: &HealthRule, status: u16, body: Option<&Value>) -> bool {
    match &rule.subject {
        Subject::Status => holds_for(rule, &[&Value::from(status)]),
        Subject::Json(path) => match body {
            Some(body) => holds_for(rule, &path.query(body).all()),
            None => holds_for(rule, &[]),
        },
    }
}

fn holds_for(rule: &HealthRule, found: &[&Value]) -> bool {
    let any = |wanted: fn(Ordering) -> bool| {
        rule.value.as_ref().is_some_and(|value| {
            found
                .iter()
                .any(|node| compare(node, value).is_some_and(wanted))
        })
    };
    match rule.comparison {
        Comparison::Exists => !found.is_empty(),
        Comparison::Missing => found.is_empty(),
        Comparison::Equal => rule
            .value
            .as_ref()
            .is_some_and(|value| found.iter().any(|node| is_equal(node, value))),
        Comparison::NotEqual => rule.value.as_ref().is_some_and(|value| {
            found.is_empty() || found.iter().any(|node| !is_equal(node, value))
        }),
        Comparison::Less => any(Ordering::is_lt),
        Comparison::LessOrEqual => any(Ordering::is_le),
        Comparison::Greater => any(Ordering::is_gt),
        Comparison::GreaterOrEqual => any(Ordering::is_ge),
    }
}

/// Equal as JSON, where `1` and `1.0` are one number.
fn is_equal(one: &Value, other: &Value) -> bool {
    compare(one, other).map_or(one == other, Ordering::is_eq)
}

/// The order of two numbers; nothing for anything else.
fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64()) {
        return Some(one.cmp(&other));
    }
    if let (Some(one), Some(other)) = (one.as_u64(), other.as_u64()) {
        return Some(one.cmp(&other));
    }
    one.as_f64()?.partial_cmp(&other.as_f64()?)
}
