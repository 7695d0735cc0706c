//! The store with real files in a temporary folder.

mod generators;
mod latencies;
mod opening;
mod round_trip;
mod stories;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempfile::TempDir;

use super::{Database, Notice};
use crate::model::{
    Batch, ChannelName, CheckId, CheckKind, CheckRecord, Entry, EntryKey, EntryState, Incident,
    IncidentId, Kind, Loaded, Phases, Policy, Proof, Reason, Rule, Severity, State, Story,
    TargetId, Timestamp, Told, Transition, Verdict,
    batch::Finished,
    plan::{Matcher, StoreSettings},
    planned::{Person, PlanId, PlanKind, Planned},
};

/// A Monday in 2026.
pub(super) const START_MS: i64 = 1_792_396_800_000;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(START_MS + second * 1_000)
}

pub(super) fn settings(path: &Path) -> StoreSettings {
    StoreSettings {
        path: path.to_path_buf(),
        retention: Duration::from_hours(400 * 24),
    }
}

/// A folder for a store, and how to open it.
pub(super) struct Place {
    folder: TempDir,
    pub(super) settings: StoreSettings,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let settings = settings(&folder.path().join("data"));
        Self { folder, settings }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) fn open(&self) -> (Database, Loaded, Vec<Notice>) {
        Database::open(&self.settings, at(1_000_000)).unwrap()
    }

    /// Opens it where nothing is to be told.
    pub(super) fn open_well(&self) -> (Database, Loaded) {
        let (database, loaded, notices) = self.open();
        assert_eq!(notices, []);
        (database, loaded)
    }
}

pub(super) fn check_of(target: &str) -> CheckId {
    CheckId {
        target: TargetId::new(target),
        kind: CheckKind::Health,
    }
}

pub(super) fn record(target: &str, verdict: Verdict, transitions: u64, second: i64) -> CheckRecord {
    let mut state = State::new(at(second));
    state.settled = verdict;
    CheckRecord {
        check: check_of(target),
        state,
        transitions,
        at: at(second),
        memory: None,
        unrest: None,
    }
}

pub(super) fn transition(target: &str, number: u64, second: i64) -> Transition {
    let (from, to) = if number % 2 == 1 {
        (Verdict::Operational, Verdict::Down)
    } else {
        (Verdict::Down, Verdict::Operational)
    };
    Transition {
        check: check_of(target),
        number,
        from,
        to,
        at: at(second),
        since: at(second - 10),
        reason: reason(),
        looks_for: 3,
        looks_of: 3,
        phases: Phases::default(),
        detail: None,
        last_good: None,
        incident: Some(IncidentId::from_number(number.div_ceil(2))),
        proof: Box::new(Proof {
            policy: Policy::default(),
            before: State::new(at(second - 60)),
            seen: Vec::new(),
        }),
    }
}

pub(super) fn reason() -> Reason {
    Reason {
        rule: Rule::Counted,
        words: String::from("HTTP 503, the body says DOWN"),
    }
}

pub(super) fn incident(number: u64, target: &str, second: i64) -> Incident {
    Incident {
        id: IncidentId::from_number(number),
        number,
        targets: vec![TargetId::new(target)],
        severity: Severity::Critical,
        since: at(second - 10),
        opened_at: at(second),
        closed_at: None,
        verdict: Verdict::Down,
        worst: Verdict::Down,
        told: vec![Told {
            channel: ChannelName::new("alerts"),
            at: at(second),
            mention: None,
        }],
        sequence: 1,
        remind_after: vec![Duration::from_mins(30)],
        reminders: 0,
        remind_at: Some(at(second + 1_800)),
        seen: vec![(String::from("HTTP 503"), 3)],
        mark: None,
        common: None,
        warned_at: Some(Duration::from_hours(7 * 24)),
        flapping: None,
        is_short_otherwise: false,
        acknowledged: None,
    }
}

pub(super) fn entry(number: u64, sequence: u32, target: &str, second: i64) -> Entry {
    Entry {
        key: key(number, sequence),
        kind: Kind::Opened,
        created_at: at(second),
        mention: None,
        story: Arc::new(Story {
            target: Some(TargetId::new(target)),
            title: String::from(target),
            icon: None,
            severity: Severity::Critical,
            check: Some(CheckKind::Health),
            from: Verdict::Operational,
            to: Verdict::Down,
            since: at(second - 10),
            decided_at: at(second),
            reason: reason(),
            looks_for: 3,
            looks_of: 3,
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

pub(super) fn key(number: u64, sequence: u32) -> EntryKey {
    EntryKey {
        incident: IncidentId::from_number(number),
        sequence,
        channel: ChannelName::new("alerts"),
    }
}

/// What the engine writes when a target goes down: memory, transition, incident, message.
pub(super) fn goes_down(target: &str, number: u64, second: i64) -> Batch {
    Batch {
        at: at(second),
        checks: vec![record(target, Verdict::Down, number * 2 - 1, second)],
        transitions: vec![transition(target, number * 2 - 1, second)],
        incidents: vec![incident(number, target, second)],
        entries: vec![entry(number, 0, target, second)],
        ..Batch::default()
    }
}

/// … and when it is up again; the first message is delivered meanwhile.
pub(super) fn comes_up(target: &str, number: u64, second: i64) -> Batch {
    let mut closed = incident(number, target, second - 60);
    closed.closed_at = Some(at(second));
    let mut recovered = entry(number, 1, target, second);
    recovered.kind = Kind::Recovered;
    Batch {
        at: at(second),
        checks: vec![record(target, Verdict::Operational, number * 2, second)],
        transitions: vec![transition(target, number * 2, second)],
        incidents: vec![closed],
        entries: vec![recovered],
        finished: vec![Finished {
            key: key(number, 0),
            how: "accepted",
            attempts: 1,
            at: at(second),
        }],
        ..Batch::default()
    }
}

/// A silence of an hour.
pub(super) fn planned(number: u64, target: &str, second: i64) -> Planned {
    Planned {
        id: PlanId {
            kind: PlanKind::Silence,
            number,
        },
        matcher: Matcher {
            targets: vec![TargetId::new(target)],
            ..Matcher::default()
        },
        why: String::from("db restore"),
        release: None,
        by: Person {
            name: String::from("jan@laptop"),
            slack_user: None,
        },
        from: at(second),
        until: at(second + 3_600),
        is_until_recovered: false,
        ended: None,
    }
}

pub(super) fn commit(database: &mut Database, batch: Batch) {
    database.commit(&[Arc::new(batch)]).unwrap();
}

/// Titles of notices, for comparing.
pub(super) fn titles(notices: &[Notice]) -> Vec<&str> {
    notices.iter().map(|notice| notice.title.as_str()).collect()
}
