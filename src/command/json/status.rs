//! The answer to `status`, written straight to bytes: thousands of targets never become a tree of values first.
//!
//! Members stand in the order of the alphabet, as in every other answer; a test holds that.

use serde::{Serialize, Serializer};

use super::{millis, whole_millis};
use crate::{
    command::{self, Line},
    model::{
        GroupName, IncidentId, Timestamp, Verdict,
        board::LogFacts,
        lapse,
        planned::{Acknowledgement, Note},
        roles::{Role, RoleFacts},
    },
};

/// The shape of [`status()`](super::status()).
#[derive(Serialize)]
pub struct Status<'a> {
    counts: Counts,
    lapses: Vec<Lapse<'a>>,
    measured_at: Option<Time>,
    now: Time,
    oldest_at: Option<Time>,
    selection: &'a str,
    targets: Vec<Target<'a>>,
    troubles: &'a [String],
}

impl<'a> Status<'a> {
    pub(super) fn of(status: &'a command::Status) -> Self {
        Self {
            counts: Counts::of(status),
            lapses: status.lapses.iter().map(Lapse::of).collect(),
            measured_at: status.measured_at.map(Time),
            now: Time(status.now),
            oldest_at: status.oldest_at.map(Time),
            selection: &status.selection,
            targets: status
                .lines()
                .map(|line| Target::of(line, status.now))
                .collect(),
            troubles: &status.troubles,
        }
    }
}

/// How many targets are how, and how many there are.
#[derive(Serialize)]
struct Counts {
    degraded: usize,
    down: usize,
    operational: usize,
    suspect: usize,
    total: usize,
    unknown: usize,
}

impl Counts {
    fn of(status: &command::Status) -> Self {
        let counts = &status.counts;
        Self {
            degraded: counts.of(Verdict::Degraded),
            down: counts.of(Verdict::Down),
            operational: counts.of(Verdict::Operational),
            suspect: counts.of(Verdict::Suspect),
            total: counts.total(),
            unknown: counts.of(Verdict::Unknown),
        }
    }
}

/// A time in which nobody looked or nobody could see.
#[derive(Serialize)]
pub(super) struct Lapse<'a> {
    from: Time,
    kind: &'static str,
    until: Option<Time>,
    words: &'a str,
}

impl<'a> Lapse<'a> {
    pub(super) fn of(lapse: &'a lapse::Lapse) -> Self {
        Self {
            from: Time(lapse.from),
            kind: lapse.kind.as_str(),
            until: lapse.until.map(Time),
            words: &lapse.words,
        }
    }
}

/// One target.
#[derive(Serialize)]
pub(super) struct Target<'a> {
    acknowledged: Option<Acknowledged<'a>>,
    age_ms: Option<u64>,
    group: Option<&'a str>,
    icon: Option<&'a str>,
    id: &'a str,
    incident: Option<&'a str>,
    latency_ms: Option<f64>,
    log: Option<Log<'a>>,
    name: &'a str,
    planned: Option<Planned<'a>>,
    reason: Reason<'a>,
    role: Option<&'static str>,
    roles: Option<Roles<'a>>,
    settled: &'static str,
    severity: &'static str,
    since: Time,
    stale: bool,
    title: String,
    verdict: &'static str,
}

impl<'a> Target<'a> {
    pub(super) fn of(line: &'a Line, now: Timestamp) -> Self {
        let target = &line.target;
        let facts = &line.facts;
        Self {
            acknowledged: facts.acknowledged.as_ref().map(Acknowledged::of),
            age_ms: line.looked.map(|(at, _)| whole_millis(now.since(at))),
            group: target.group.as_ref().map(GroupName::as_str),
            icon: target.icon.as_deref(),
            id: target.id.as_str(),
            incident: facts.incident.as_ref().map(IncidentId::as_str),
            latency_ms: line.latency().map(millis),
            log: line.log.as_deref().map(Log::of),
            name: &target.name,
            planned: facts.note.as_ref().map(Planned::of),
            reason: Reason::of(line),
            role: line.role().map(Role::as_str),
            roles: line.role.as_deref().map(Roles::of),
            settled: facts.settled.as_str(),
            severity: target.severity.as_str(),
            since: Time(line.since()),
            stale: line.is_stale,
            title: target.title(),
            verdict: line.verdict().as_str(),
        }
    }
}

/// Who took it on.
#[derive(Serialize)]
struct Acknowledged<'a> {
    at: Time,
    by: &'a str,
    why: Option<&'a str>,
}

impl<'a> Acknowledged<'a> {
    fn of(taken: &'a Acknowledgement) -> Self {
        Self {
            at: Time(taken.at),
            by: &taken.by.name,
            why: taken.why.as_deref(),
        }
    }
}

/// What is known of its log.
#[derive(Serialize)]
struct Log<'a> {
    complete_until: Option<Time>,
    newest_at: Option<Time>,
    row: u8,
    source: &'a str,
    state: &'static str,
}

impl<'a> Log<'a> {
    fn of(log: &'a LogFacts) -> Self {
        Self {
            complete_until: log.proved_to.map(Time),
            newest_at: log.newest.map(Time),
            row: log.row.number(),
            source: log.source.as_str(),
            state: log.row.as_str(),
        }
    }
}

/// What keeps it from being told of.
#[derive(Serialize)]
struct Planned<'a> {
    by: Option<&'a str>,
    kind: &'static str,
    name: &'a str,
    until: Time,
}

impl<'a> Planned<'a> {
    fn of(note: &'a Note) -> Self {
        Self {
            by: note.by.as_deref(),
            kind: note.kind.as_str(),
            name: &note.name,
            until: Time(note.until),
        }
    }
}

/// Why its verdict holds. What is suspect is judged by no rule yet.
#[derive(Serialize)]
struct Reason<'a> {
    rule: Option<&'static str>,
    words: &'a str,
}

impl<'a> Reason<'a> {
    fn of(line: &'a Line) -> Self {
        let rule = match line.verdict() {
            Verdict::Suspect => None,
            Verdict::Operational | Verdict::Unknown | Verdict::Degraded | Verdict::Down => {
                Some(line.facts.reason.rule.as_str())
            }
        };
        Self {
            rule,
            words: line.why(),
        }
    }
}

/// Who says which role it has.
#[derive(Serialize)]
struct Roles<'a> {
    since: Option<Time>,
    words: &'a str,
}

impl<'a> Roles<'a> {
    fn of(facts: &'a RoleFacts) -> Self {
        Self {
            since: facts.since.map(Time),
            words: &facts.words,
        }
    }
}

/// RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy)]
struct Time(Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
