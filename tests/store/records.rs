//! Batches as the engine writes them, numbered so that each can be found again.

use std::{sync::Arc, time::Duration};

use hekate::model::{
    Batch, ChannelName, CheckId, CheckKind, CheckRecord, Entry, EntryKey, EntryState, Failure,
    FailureClass, FailureKind, Incident, IncidentId, Kind, Outcome, Phases, Policy, Proof, Reason,
    Rule, Seen, Severity, State, Story, TargetId, Tick, Timestamp, Told, Transition, Verdict,
    batch::Finished,
};

/// A Monday in 2026, and so many seconds.
pub(crate) fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(1_792_396_800_000) + Duration::from_secs(second)
}

/// The target that batch `number` is about.
pub(crate) fn target(number: u64) -> TargetId {
    TargetId::new(format!("group/target-{}", number % 20))
}

/// The message of batch `number`.
pub(crate) fn key(number: u64) -> EntryKey {
    EntryKey {
        incident: IncidentId::from_number(number),
        sequence: 0,
        channel: ChannelName::new("alerts"),
    }
}

/// Batch `number`: a transition, a memory, an incident, a message; the incident and the message of ten batches before
/// come to their end.
pub(crate) fn batch(number: u64) -> Batch {
    let mut incidents = vec![incident(number)];
    let mut finished = Vec::new();
    if number > 10 {
        let mut closed = incident(number - 10);
        closed.closed_at = Some(at(number));
        incidents.push(closed);
        finished.push(Finished {
            key: key(number - 10),
            how: "accepted",
            attempts: 1,
            at: at(number),
        });
    }
    let check = CheckId {
        target: target(number),
        kind: CheckKind::Health,
    };
    let mut state = State::new(at(number));
    state.settled = Verdict::Down;
    Batch {
        checks: vec![CheckRecord {
            check,
            state,
            transitions: number,
            at: at(number),
            memory: None,
            unrest: None,
        }],
        transitions: vec![transition(number)],
        incidents,
        entries: vec![entry(number)],
        finished,
        ..Batch::new(at(number))
    }
}

fn reason() -> Reason {
    Reason {
        rule: Rule::Confirmed(FailureClass::Explicit),
        words: String::from("HTTP 503, the body says DOWN"),
    }
}

/// The transition of batch `number`, with the proof of an ordinary burst.
pub(crate) fn transition(number: u64) -> Transition {
    let seen = |look: u64| Seen {
        started: Tick::from_micros(number * 1_000_000 + look),
        finished: Tick::from_micros(number * 1_000_000 + look + 23_000),
        at: at(number),
        is_regular: look == 0,
        outcome: Outcome::Unhealthy(Failure {
            class: FailureClass::Explicit,
            kind: FailureKind::SaysDown,
            words: String::from("HTTP 503, the body says DOWN"),
        }),
        status: Some(503),
        family: None,
        ending: None,
    };
    Transition {
        check: CheckId {
            target: target(number),
            kind: CheckKind::Health,
        },
        number,
        from: Verdict::Operational,
        to: Verdict::Down,
        at: at(number),
        since: at(number),
        reason: reason(),
        looks_for: 4,
        looks_of: 4,
        phases: Phases::default(),
        detail: None,
        last_good: None,
        incident: Some(IncidentId::from_number(number)),
        proof: Box::new(Proof {
            policy: Policy::default(),
            before: State::new(at(number)),
            seen: (0..4).map(seen).collect(),
        }),
    }
}

/// The incident of batch `number`, open.
pub(crate) fn incident(number: u64) -> Incident {
    Incident {
        id: IncidentId::from_number(number),
        number,
        targets: vec![target(number)],
        severity: Severity::Critical,
        since: at(number),
        opened_at: at(number),
        closed_at: None,
        verdict: Verdict::Down,
        worst: Verdict::Down,
        told: vec![Told {
            channel: ChannelName::new("alerts"),
            at: at(number),
            mention: None,
        }],
        sequence: 1,
        remind_after: Vec::new(),
        reminders: 0,
        remind_at: None,
        seen: Vec::new(),
        mark: None,
        common: None,
        warned_at: None,
        flapping: None,
        is_short_otherwise: false,
        acknowledged: None,
    }
}

/// The message of batch `number`, owed.
pub(crate) fn entry(number: u64) -> Entry {
    Entry {
        key: key(number),
        kind: Kind::Opened,
        created_at: at(number),
        mention: None,
        story: Arc::new(Story {
            target: Some(target(number)),
            title: String::from("master blue"),
            icon: None,
            severity: Severity::Critical,
            check: Some(CheckKind::Health),
            from: Verdict::Operational,
            to: Verdict::Down,
            since: at(number),
            decided_at: at(number),
            reason: reason(),
            looks_for: 4,
            looks_of: 4,
            phases: Phases::default(),
            detail: None,
            last_good: None,
            outage: None,
            runbook_url: None,
            also_told: Vec::new(),
            siblings: Vec::new(),
            log: None,
            role: None,
            many: None,
            notes: Vec::new(),
            flapping: None,
            attended: None,
        }),
        state: EntryState::Queued,
        attempts: 0,
        held_until: None,
        instead_of: None,
    }
}
