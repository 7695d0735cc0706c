//! Everything that one decision changes, stored whole or not at all; and what a store gives back at the start.

use super::{
    action::Attempt,
    heartbeat::Beat,
    incident::Incident,
    job::JobMemory,
    judgement::State,
    lapse::Lapse,
    living::Living,
    logs::{LogMemory, Witness},
    names::{CheckId, TargetId},
    notification::{Entry, EntryKey},
    planned::Planned,
    release::Release,
    roles::RolesMemory,
    time::Timestamp,
    transition::Transition,
    unrest::Unrest,
};

/// The judge's memory of one check, as it outlives a restart.
#[derive(Clone, PartialEq, Debug)]
pub struct CheckRecord {
    /// Whose memory.
    pub check: CheckId,
    /// The memory; what was in question (burst, recovery, trail) is not kept: it is asked anew.
    pub state: State,
    /// The number of its last transition.
    pub transitions: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What some kinds of check remember beside the judge.
    pub memory: Option<Box<Memory>>,
    /// How restless its target was when it was written.
    pub unrest: Option<Box<Unrest>>,
}

/// What some kinds of check remember beside the judge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Memory {
    /// Of a store of logs.
    Witness(Witness),
    /// Of a target's log.
    Log(LogMemory),
    /// Of a target that calls us.
    Beat(Beat),
    /// Of the roles of a group.
    Roles(RolesMemory),
    /// Of a job.
    Job(JobMemory),
}

/// An entry that leaves the outbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finished {
    /// Which one.
    pub key: EntryKey,
    /// How it ended: `accepted`, `folded`, `expired`, `handed over`, `passed over`.
    pub how: &'static str,
    /// Attempts that were begun.
    pub attempts: u32,
    /// When.
    pub at: Timestamp,
}

/// One commit: all of it or nothing.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Batch {
    /// When it was decided.
    pub at: Timestamp,
    /// Memories to write.
    pub checks: Vec<CheckRecord>,
    /// Targets whose memories go away (their history stays until its time).
    pub forgotten: Vec<TargetId>,
    /// Targets that changed their name: old, new. Memories, open incidents and history follow.
    pub renamed: Vec<(TargetId, TargetId)>,
    /// Transitions to add.
    pub transitions: Vec<Transition>,
    /// Transitions that were added before, now with the incident that tells of them.
    pub claimed: Vec<Transition>,
    /// Incidents to write, new, changed or closed.
    pub incidents: Vec<Incident>,
    /// Outbox entries to write, new or changed.
    pub entries: Vec<Entry>,
    /// Outbox entries to take away.
    pub finished: Vec<Finished>,
    /// Plans of people to write, new, changed or ended.
    pub planned: Vec<Planned>,
    /// Lapses to write, new or over; of one kind that begins at one time there is one.
    pub lapses: Vec<Lapse>,
    /// Attempts at actions to write, new or changed.
    pub attempts: Vec<Attempt>,
    /// Living messages to write, or to take away if they are nowhere; of an incident and a channel there is one.
    pub living: Vec<Living>,
    /// Releases to write, new or changed.
    pub releases: Vec<Release>,
}

impl Batch {
    /// An empty batch.
    pub fn new(at: Timestamp) -> Self {
        Self {
            at,
            ..Self::default()
        }
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty()
            && self.forgotten.is_empty()
            && self.renamed.is_empty()
            && self.transitions.is_empty()
            && self.claimed.is_empty()
            && self.incidents.is_empty()
            && self.entries.is_empty()
            && self.finished.is_empty()
            && self.planned.is_empty()
            && self.lapses.is_empty()
            && self.attempts.is_empty()
            && self.living.is_empty()
            && self.releases.is_empty()
    }
}

/// All that a store knows at the start.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Loaded {
    /// Memories of all checks.
    pub checks: Vec<CheckRecord>,
    /// Open incidents.
    pub open: Vec<Incident>,
    /// The highest incident number ever given out; 0 if none.
    pub incidents: u64,
    /// The outbox, oldest first.
    pub outbox: Vec<Entry>,
    /// Plans of people that have not ended.
    pub planned: Vec<Planned>,
    /// The highest number of a plan ever given out; 0 if none.
    pub plans: u64,
    /// When the last batch was written; absent in an empty store.
    pub last_at: Option<Timestamp>,
    /// Times in which nobody looked or nobody could see, oldest first; at most [`LAPSES_MAX`](super::lapse::LAPSES_MAX).
    pub lapses: Vec<Lapse>,
    /// The last attempts at actions, oldest first; at most [`ATTEMPTS_MAX`](super::action::ATTEMPTS_MAX) that are over.
    pub attempts: Vec<Attempt>,
    /// Messages that are edited as their incidents go on.
    pub living: Vec<Living>,
    /// The last releases, oldest first; at most [`RELEASES_MAX`](super::release::RELEASES_MAX).
    pub releases: Vec<Release>,
}
