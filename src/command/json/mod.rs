//! Answers for programs: the shapes of the API and of `--format json`.
//!
//! They are stable: members are added, never renamed and never given another meaning. Times are RFC 3339 in UTC with
//! milliseconds, spans are whole or fractional milliseconds with the unit in the name, what is not known is `null`.
//! Neither addresses of targets nor anything secret is in them.

use std::time::Duration;

use serde_json::{Map, Value, json};

pub use self::status::Status;
use self::status::{Lapse, Target};

use super::{Line, Past};
use crate::{
    command,
    model::{
        Component, ComponentState, IncidentId, TargetId, Timestamp, Transition, judgement::Good,
        lapse, observation::Detail, observation::Phases,
    },
};

mod status;

/// The answer to `status`:
///
/// ```json
/// {"now": "…", "selection": "master", "counts": {"down": 1, "degraded": 0, "unknown": 0, "suspect": 0,
///  "operational": 1, "total": 2}, "measured_at": "…", "oldest_at": "…", "troubles": [], "lapses": [], "targets": [{
///   "id": "master/blue", "name": "blue", "group": "master", "title": "master blue", "icon": ":hekate-blue:",
///   "severity": "critical", "verdict": "down", "settled": "down", "since": "…", "reason": {"rule":
///   "confirmed_silent", "words": "no answer within 5 s"}, "incident": "k7f2", "age_ms": 4000, "stale": false,
///   "latency_ms": null, "role": "active", "roles": {"since": null, "words": "haproxy_csv says blue"}, "acknowledged": null,
///   "planned": null, "log": null}]}
/// ```
///
/// `verdict` differs from `settled` only while it is `suspect`; `reason` and `since` speak of `verdict`. `age_ms` is how
/// long ago the last look was finished. Targets are in the order of the file, group by group.
pub fn status(status: &command::Status) -> Status<'_> {
    Status::of(status)
}

/// Times in which nobody looked or nobody could see, oldest first: `{"now", "lapses": [{"from", "until", "kind", "words"}]}`.
///
/// `until` is `null` as long as one lasts; `kind` is `blind`, `away` or `stopped`. They may overlap.
pub fn lapses<'a>(lapses: impl Iterator<Item = &'a lapse::Lapse>, now: Timestamp) -> Value {
    json!({ "now": time(now), "lapses": lapses.map(Lapse::of).collect::<Vec<_>>() })
}

/// Everything known of one target: as in [`status()`], and `checks`, `suspicion`, `held`, `told`, `last_good`, `phases_ms`,
/// `detail` and `next`.
pub fn explain(line: &Line, now: Timestamp) -> Value {
    let mut out = json!(Target::of(line, now));
    let facts = &line.facts;
    out["checks"] = line
        .target
        .checks
        .iter()
        .map(|check| check.kind.as_str())
        .collect();
    out["suspicion"] = facts.suspicion.as_ref().map_or(Value::Null, |suspicion| {
        json!({
            "words": suspicion.words,
            "since": time(suspicion.since),
            "looks": suspicion.looks,
        })
    });
    out["held"] = json!(facts.held);
    out["told"] = facts
        .told
        .iter()
        .map(|told| json!({ "channel": told.channel.as_str(), "at": time(told.at) }))
        .collect();
    out["last_good"] = good(facts.last_good);
    out["phases_ms"] = phases(facts.phases);
    out["detail"] = detail(facts.detail.as_deref());
    out["next"] = facts.next.clone().into();
    out["near"] = facts.near.clone().into();
    out
}

/// An incident of the past: `{"incident": {"id", "targets", "worst", "since", "closed_at", "told": [{"channel", "at"}],
/// "seen": [{"words", "times"}], "near": […]}}`.
pub fn past(past: &Past) -> Value {
    json!({ "incident": {
        "id": past.id.as_str(),
        "targets": past.targets.iter().map(TargetId::as_str).collect::<Vec<_>>(),
        "worst": past.worst.as_str(),
        "since": time(past.since),
        "closed_at": past.closed_at.map(time),
        "told": past
            .told
            .iter()
            .map(|(channel, at)| json!({ "channel": channel.as_str(), "at": time(*at) }))
            .collect::<Vec<_>>(),
        "seen": past
            .seen
            .iter()
            .map(|(words, times)| json!({ "words": words, "times": times }))
            .collect::<Vec<_>>(),
        "near": past.near,
        "mark": past.mark.as_ref().map(|mark| json!({
            "worth": mark.worth.as_str(),
            "reason": mark.reason,
            "by": mark.by,
            "at": time(mark.at),
        })),
    } })
}

/// Transitions of one target, oldest first: `{"target": …, "transitions": [{"check", "number", "from", "to", "at",
/// "since", "reason", "looks_for", "looks_of", "incident", "phases_ms", "detail", "last_good"}]}`.
pub fn history(target: &str, transitions: &[Transition]) -> Value {
    json!({
        "target": target,
        "transitions": transitions.iter().map(transition).collect::<Vec<_>>(),
    })
}

fn transition(transition: &Transition) -> Value {
    json!({
        "check": transition.check.kind.as_str(),
        "number": transition.number,
        "from": transition.from.as_str(),
        "to": transition.to.as_str(),
        "at": time(transition.at),
        "since": time(transition.since),
        "reason": { "rule": transition.reason.rule.as_str(), "words": transition.reason.words },
        "looks_for": transition.looks_for,
        "looks_of": transition.looks_of,
        "incident": transition.incident.as_ref().map(IncidentId::as_str),
        "phases_ms": phases(transition.phases),
        "detail": detail(transition.detail.as_deref()),
        "last_good": good(transition.last_good),
    })
}

fn good(good: Option<Good>) -> Value {
    good.map_or(
        Value::Null,
        |good| json!({ "at": time(good.at), "took_ms": millis(good.took), "status": good.status }),
    )
}

fn phases(phases: Phases) -> Value {
    phases
        .finished()
        .map(|(name, length)| (name.replace(' ', "_"), millis(length).into()))
        .collect::<Map<_, _>>()
        .into()
}

fn detail(detail: Option<&Detail>) -> Value {
    detail.map_or(Value::Null, |detail| {
        json!({
            "components": detail.components.iter().map(component).collect::<Vec<_>>(),
            "components_total": detail.components_total,
            "excerpt": detail.excerpt,
            "via": detail.via,
            "note": detail.note,
        })
    })
}

fn component(component: &Component) -> Value {
    json!({
        "name": component.name,
        "state": component_word(component.state),
        "message": component.message,
    })
}

pub(super) const fn component_word(state: ComponentState) -> &'static str {
    match state {
        ComponentState::Up => "up",
        ComponentState::Unknown => "unknown",
        ComponentState::Degraded => "degraded",
        ComponentState::PlannedDown => "planned_down",
        ComponentState::Down => "down",
    }
}

fn time(at: Timestamp) -> String {
    at.to_string()
}

fn whole_millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds with three digits, so that what the clock measured comes out as it was.
fn millis(length: Duration) -> f64 {
    let micros = u32::try_from(length.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1_000.0
}
