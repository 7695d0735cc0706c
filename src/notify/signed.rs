//! Messages for receivers that are not Slack: JSON, signed as Standard Webhooks asks for.
//!
//! Headers: `webhook-id` names the message and stays the same when it is sent again, so that a receiver can drop what
//! it has; `webhook-timestamp` is the second of this attempt; `webhook-signature` is `v1,` and the Base64 of
//! HMAC-SHA256 over `{id}.{timestamp}.{body}`. Source: Standard Webhooks, specification 1.0.0.
//!
//! The body:
//!
//! ```json
//! {
//!   "version": 1,
//!   "id": "k7f2-1-hook",
//!   "channel": "hook",
//!   "is_repeat": false,
//!   "late": { "by_seconds": 312, "why": "hekate was restarted meanwhile" },
//!   "events": [ {
//!     "kind": "opened",
//!     "incident": "k7f2",
//!     "sequence": 1,
//!     "status": "open",
//!     "target": "master/blue",
//!     "group": "master",
//!     "title": "master blue",
//!     "severity": "critical",
//!     "check": "health",
//!     "from": "operational",
//!     "to": "down",
//!     "since": "2026-01-31T08:00:00.000Z",
//!     "decided_at": "2026-01-31T08:00:12.000Z",
//!     "created_at": "2026-01-31T08:00:12.000Z",
//!     "reason": { "rule": "confirmed_explicit", "words": "HTTP 503, the body says DOWN" },
//!     "looks": { "for": 4, "of": 4 },
//!     "phases_ms": { "dns": 1.2, "connect": 3.4 },
//!     "address": "192.0.2.7:443",
//!     "components": [ { "name": "db", "state": "down", "message": "timeout" } ],
//!     "last_good": { "at": "2026-01-31T07:59:30.000Z", "took_ms": 41.7, "http_status": 200 },
//!     "outage": { "worst": "down", "since": "…", "until": "…", "seconds": 300, "seen": [ { "words": "…", "times": 3 } ] },
//!     "runbook_url": "https://wiki.example.test/blue",
//!     "mention": "core",
//!     "instead_of": "disaster"
//!   } ]
//! }
//! ```
//!
//! `events` is never empty and in the order of time; the last one is what is true now. More than one means that they are
//! told late and together. `status` is `open`, `closed` (the incident is over with this event) or `none` (a notice).
//! `is_repeat`: an earlier attempt with these events may have arrived. What is not known is `null`; a list is empty
//! rather than `null`. Members may be added; none is renamed or dropped within a version.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::model::{
    ComponentState, Detail, Entry, EntryKey, Kind, Outage, Phases, Secret, TargetId,
};

use super::courier::Parcel;

/// The `webhook-id` of a message, such as `k7f2-1-hook`: the same for every attempt, another for every message.
pub fn id_of(key: &EntryKey) -> String {
    format!("{}-{}-{}", key.incident, key.sequence, key.channel)
}

/// The `webhook-signature` of a body.
///
/// The secret is `whsec_` followed by the key in Base64, or the key itself as plain text.
///
/// # Panics
///
/// Never: HMAC takes a key of any length.
pub fn signature(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&key_of(secret)).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

fn key_of(secret: &Secret) -> Vec<u8> {
    secret
        .expose()
        .strip_prefix("whsec_")
        .and_then(|text| BASE64_STANDARD.decode(text).ok())
        .unwrap_or_else(|| secret.expose().as_bytes().to_vec())
}

/// The body; its shape is in the [module](self).
pub fn body(parcel: &Parcel) -> Value {
    json!({
        "version": 1,
        "id": id_of(&parcel.key),
        "channel": parcel.channel.as_str(),
        "is_repeat": parcel.is_repeat,
        "late": parcel.late.as_ref().map(|late| json!({
            "by_seconds": late.by.as_secs(),
            "why": late.why.to_string(),
        })),
        "events": parcel.entries.iter().map(event).collect::<Vec<_>>(),
    })
}

fn event(entry: &Entry) -> Value {
    let story = &entry.story;
    let detail = story.detail.as_deref();
    json!({
        "kind": entry.kind.as_str(),
        "incident": entry.key.incident.as_str(),
        "sequence": entry.key.sequence,
        "status": status(entry.kind),
        "target": story.target.as_ref().map(TargetId::as_str),
        "group": story.target.as_ref().and_then(group),
        "title": story.title,
        "members": story.many.as_ref().map(|many| json!({
            "total": many.total,
            "back": many.back,
            "shown": many.members.iter().map(|one| json!({
                "title": one.title,
                "state": one.verdict.as_str(),
                "words": one.words,
                "since": one.since.to_string(),
            })).collect::<Vec<_>>(),
        })),
        "role": story.role.map(crate::model::roles::Role::as_str),
        "severity": story.severity.as_str(),
        "check": story.check.map(crate::model::CheckKind::as_str),
        "from": story.from.as_str(),
        "to": story.to.as_str(),
        "since": story.since.to_string(),
        "decided_at": story.decided_at.to_string(),
        "created_at": entry.created_at.to_string(),
        "reason": { "rule": story.reason.rule.as_str(), "words": story.reason.words },
        "looks": { "for": story.looks_for, "of": story.looks_of },
        "phases_ms": phases(&story.phases),
        "address": detail.and_then(|detail| detail.address.as_deref()),
        "components": components(detail),
        "last_good": story.last_good.map(|good| json!({
            "at": good.at.to_string(),
            "took_ms": millis(good.took),
            "http_status": good.status,
        })),
        "outage": story.outage.as_ref().map(outage),
        "runbook_url": story.runbook_url,
        "notes": story.notes,
        "mention": entry.mention.as_ref().map(crate::model::OnCallName::as_str),
        "instead_of": entry.instead_of.as_ref().map(crate::model::ChannelName::as_str),
    })
}

const fn status(kind: Kind) -> &'static str {
    match kind {
        Kind::Opened | Kind::Changed | Kind::Reminder | Kind::Noted => "open",
        Kind::Recovered | Kind::Removed | Kind::Split => "closed",
        Kind::Notice => "none",
    }
}

fn group(target: &TargetId) -> Option<&str> {
    target.as_str().split_once('/').map(|(group, _)| group)
}

fn phases(phases: &Phases) -> Value {
    let finished: Map<_, _> = phases
        .finished()
        .map(|(name, took)| (name.replace(' ', "_"), millis(took).into()))
        .collect();
    Value::Object(finished)
}

/// Milliseconds with one digit behind the point, which is more than a network repeats.
fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 10_000.0).round() / 10.0
}

fn components(detail: Option<&Detail>) -> Vec<Value> {
    detail.map_or_else(Vec::new, |detail| {
        detail
            .components
            .iter()
            .map(|component| {
                json!({
                    "name": component.name,
                    "state": state(component.state),
                    "message": component.message,
                })
            })
            .collect()
    })
}

const fn state(state: ComponentState) -> &'static str {
    match state {
        ComponentState::Up => "up",
        ComponentState::Unknown => "unknown",
        ComponentState::Degraded => "degraded",
        ComponentState::PlannedDown => "planned_down",
        ComponentState::Down => "down",
    }
}

fn outage(outage: &Outage) -> Value {
    let seen: Vec<_> = outage
        .seen
        .iter()
        .map(|(words, times)| json!({ "words": words, "times": times }))
        .collect();
    json!({
        "worst": outage.worst.as_str(),
        "since": outage.since.to_string(),
        "until": outage.until.to_string(),
        "seconds": outage.until.since(outage.since).as_secs(),
        "seen": seen,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::expect_file;

    use super::*;
    use crate::notify::courier::Way;
    use crate::{
        model::{
            ChannelName, CheckKind, Component, EntryState, IncidentId, OnCallName, Reason, Rule,
            Severity, Story, Timestamp, Verdict, judgement::Good,
        },
        notify::courier::{Late, LateReason},
    };

    /// The first is the example of the specification's own libraries; all were computed a second time with Python's
    /// `hmac`.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let cases = [
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "a plain key",
                "k7f2-3-hook",
                1_700_000_000,
                r#"{"a":1}"#,
                "v1,IB0JzQobJW5aYluBMTSd1MlqhfU/FIMYAZPNLsaykfA=",
            ),
        ];
        for (secret, id, timestamp, body, expected) in cases {
            let secret = Secret::new(secret);
            assert_eq!(signature(&secret, id, timestamp, body.as_bytes()), expected);
        }
    }

    fn story() -> Story {
        Story {
            target: Some(TargetId::new("master/blue")),
            title: String::from("master blue"),
            icon: Some(String::from(":hekate-blue:")),
            severity: Severity::Critical,
            check: Some(CheckKind::Health),
            from: Verdict::Operational,
            to: Verdict::Down,
            since: Timestamp::from_millis(1_769_846_400_000),
            decided_at: Timestamp::from_millis(1_769_846_412_000),
            reason: Reason {
                rule: Rule::Confirmed(crate::model::FailureClass::Explicit),
                words: String::from("HTTP 503, the body says \"DOWN\""),
            },
            looks_for: 4,
            looks_of: 4,
            phases: Phases {
                resolve_us: Some(1_234),
                first_byte_us: Some(40_050),
                ..Phases::default()
            },
            detail: Some(Box::new(Detail {
                address: Some(String::from("192.0.2.7:443")),
                components: vec![Component {
                    name: String::from("db"),
                    state: ComponentState::Down,
                    message: Some(String::from("timeout")),
                }],
                components_total: 6,
                ..Detail::default()
            })),
            last_good: Some(Good {
                at: Timestamp::from_millis(1_769_846_370_000),
                took: Duration::from_micros(41_700),
                status: Some(200),
            }),
            outage: None,
            runbook_url: Some(String::from("https://wiki.example.test/blue")),
            also_told: Vec::new(),
            siblings: Vec::new(),
            log: None,
            role: None,
            many: None,
            notes: Vec::new(),
            flapping: None,
            attended: None,
        }
    }

    fn entry(kind: Kind, sequence: u32, story: Story) -> Entry {
        Entry {
            key: EntryKey {
                incident: IncidentId::new("k7f2"),
                sequence,
                channel: ChannelName::new("hook"),
            },
            kind,
            created_at: story.decided_at,
            mention: Some(OnCallName::new("core")),
            story: Arc::new(story),
            state: EntryState::Queued,
            attempts: 0,
            held_until: None,
            instead_of: Some(ChannelName::new("disaster")),
        }
    }

    #[test]
    fn the_body_has_the_documented_shape() {
        let opened = entry(Kind::Opened, 1, story());
        let over = Story {
            from: Verdict::Down,
            to: Verdict::Operational,
            detail: None,
            outage: Some(Outage {
                worst: Verdict::Down,
                since: Timestamp::from_millis(1_769_846_400_000),
                until: Timestamp::from_millis(1_769_846_700_000),
                seen: vec![(String::from("HTTP 503"), 3)],
            }),
            ..story()
        };
        let recovered = entry(Kind::Recovered, 2, over);
        let parcel = Parcel {
            key: recovered.key.clone(),
            channel: recovered.key.channel.clone(),
            entries: vec![opened, recovered],
            is_repeat: false,
            late: Some(Late {
                by: Duration::from_secs(312),
                why: LateReason::Restart,
            }),
            is_plain: false,
            way: Way::Post,
            search: None,
        };
        let text = serde_json::to_string_pretty(&body(&parcel)).unwrap();
        expect_file!["../../tests/notify/signed_body.json"].assert_eq(&(text + "\n"));
    }

    #[test]
    fn a_notice_has_no_target() {
        let notice = Story {
            target: None,
            check: None,
            last_good: None,
            detail: None,
            ..story()
        };
        let notice = entry(Kind::Notice, 1, notice);
        let parcel = Parcel {
            key: notice.key.clone(),
            channel: notice.key.channel.clone(),
            entries: vec![notice],
            is_repeat: true,
            late: None,
            is_plain: false,
            way: Way::Post,
            search: None,
        };
        let body = body(&parcel);
        assert_eq!(body["late"], Value::Null);
        assert_eq!(body["is_repeat"], true);
        let event = &body["events"][0];
        assert_eq!(event["status"], "none");
        for absent in ["target", "group", "check", "last_good", "outage", "address"] {
            assert_eq!(event[absent], Value::Null, "{absent}");
        }
        assert_eq!(event["components"], json!([]));
    }
}
