//! An example message, about the first target of the file.

use std::{sync::Arc, time::Duration};

use super::arguments::MessageKind;
use crate::model::{
    ChannelName, CheckKind, Component, ComponentState, Detail, Entry, EntryKey, EntryState,
    FailureClass, IncidentId, Kind, Outage, Phases, Plan, Reason, Rule, Severity, Story, Timestamp,
    Verdict, judgement::Good,
};

/// How long ago the example began.
const AGO: Duration = Duration::from_secs(192);

/// An example of this kind.
pub(super) fn entry_of(plan: &Plan, kind: MessageKind, now: Timestamp) -> Entry {
    let story = story(plan, kind, now);
    let is_down = story.to == Verdict::Down;
    let kind = match kind {
        MessageKind::Reminder => Kind::Reminder,
        MessageKind::Recovered => Kind::Recovered,
        MessageKind::Down | MessageKind::Degraded | MessageKind::Unknown | MessageKind::Status => {
            Kind::Opened
        }
    };
    let channel = plan
        .channels
        .keys()
        .next()
        .cloned()
        .unwrap_or_else(|| ChannelName::new("alerts"));
    let mention = plan
        .routes
        .iter()
        .find_map(|route| route.mention.clone())
        .filter(|_| is_down);
    Entry {
        mention,
        ..entry(kind, channel, story, now)
    }
}

fn story(plan: &Plan, kind: MessageKind, now: Timestamp) -> Story {
    let target = plan.targets.first();
    let title = target.map_or_else(|| String::from("api"), |target| target.title());
    let since = now - AGO;
    let (to, words) = match kind {
        MessageKind::Degraded => (
            Verdict::Degraded,
            "queue is DEGRADED (1 of 7 components not up)",
        ),
        MessageKind::Unknown => (Verdict::Unknown, "HTTP 401, it does not let us in"),
        MessageKind::Recovered => (Verdict::Operational, "3 good looks in a row"),
        MessageKind::Down | MessageKind::Reminder | MessageKind::Status => (
            Verdict::Down,
            "HTTP 503, the body says DOWN: db connection pool exhausted",
        ),
    };
    let is_over = to == Verdict::Operational;
    let seen = vec![
        (String::from("HTTP 503"), 14),
        (String::from("first byte timeout"), 2),
    ];
    Story {
        target: target.map(|target| target.id.clone()),
        icon: target.and_then(|target| target.icon.clone()),
        severity: target.map_or(Severity::Critical, |target| target.severity),
        check: Some(CheckKind::Health),
        from: if is_over {
            Verdict::Down
        } else {
            Verdict::Operational
        },
        to,
        since,
        reason: Reason {
            rule: Rule::Confirmed(FailureClass::Explicit),
            words: words.to_owned(),
        },
        looks_for: 4,
        looks_of: 4,
        phases: Phases {
            resolve_us: Some(400),
            connect_us: Some(3_000),
            tls_us: Some(11_000),
            first_byte_us: Some(84_000),
            body_us: Some(300),
        },
        detail: (!is_over).then(|| Box::new(detail())),
        last_good: Some(Good {
            at: since - Duration::from_secs(28),
            took: Duration::from_millis(88),
            status: Some(200),
        }),
        outage: is_over.then_some(Outage {
            worst: Verdict::Down,
            since,
            until: now,
            seen,
        }),
        runbook_url: target.and_then(|target| target.runbook_url.clone()),
        ..Story::plain(title, String::new(), now)
    }
}

fn detail() -> Detail {
    let component = Component {
        name: String::from("db"),
        state: ComponentState::Down,
        message: Some(String::from("connection pool exhausted <0 of 50 idle>")),
    };
    Detail {
        address: Some(String::from("192.0.2.10:443")),
        components: vec![component],
        components_total: 7,
        excerpt: None,
        via: Some(String::from("nginx")),
        note: None,
    }
}

/// An entry that belongs to no incident.
pub(super) fn entry(kind: Kind, channel: ChannelName, story: Story, now: Timestamp) -> Entry {
    Entry {
        key: EntryKey {
            incident: IncidentId::new("test"),
            sequence: 0,
            channel,
        },
        kind,
        created_at: now,
        mention: None,
        story: Arc::new(story),
        state: EntryState::Queued,
        attempts: 0,
        held_until: None,
        instead_of: None,
    }
}
