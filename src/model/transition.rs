//! A change of verdict: the only thing that can notify.

use super::{
    judgement::{Good, Proof},
    names::{CheckId, IncidentId},
    observation::{Detail, Phases},
    time::Timestamp,
    verdict::{Reason, Verdict},
};

/// One change of the settled verdict of one check.
#[derive(Clone, PartialEq, Debug)]
pub struct Transition {
    /// Whose verdict changed.
    pub check: CheckId,
    /// Runs up by one with every transition of this check, from 1: a gap is a loss.
    pub number: u64,
    /// From which verdict.
    pub from: Verdict,
    /// To which verdict.
    pub to: Verdict,
    /// When it was decided.
    pub at: Timestamp,
    /// Since when it holds: for a bad verdict the start of the first bad look, else the first good one.
    pub since: Timestamp,
    /// Why.
    pub reason: Reason,
    /// Of the looks that decided, how many spoke for the new verdict …
    pub looks_for: u16,
    /// … out of how many.
    pub looks_of: u16,
    /// The parts of the look that decided.
    pub phases: Phases,
    /// What the look that decided brought along.
    pub detail: Option<Box<Detail>>,
    /// The last good look before a bad verdict.
    pub last_good: Option<Good>,
    /// The incident it opened, continued or closed.
    pub incident: Option<IncidentId>,
    /// What it rests on.
    pub proof: Box<Proof>,
}
