//! What people have to hear of something that is degraded and stays degraded: the next warning of what ends, and what is
//! wrong beside it.
//!
//! A certificate that ends in three weeks makes its target degraded for three weeks. Whatever else falls short in that
//! time is news all the same, and so is its end; and each warning is told once, whatever else is wrong.

use std::time::Duration;

use super::{
    Engine,
    watched::{Watched, Watching},
};
use crate::model::{Batch, DegradationKind, Incident, Moment, Outcome, Reason, Slot, Verdict};

impl Engine {
    /// Tells what else is wrong with a target whose verdict was told.
    pub(super) fn tell_other_shortfalls(&mut self, now: Moment, slot: Slot, batch: &mut Batch) {
        // Each round tells one of two things, once.
        for _ in 0..2 {
            let Some(watched) = self.at_mut(slot) else {
                return;
            };
            watched.take_back_warning(batch);
            let Some((check, is_worse)) = watched.news() else {
                return;
            };
            if self.is_hushed(now, slot) || is_worse && self.is_held(now, slot, Verdict::Degraded) {
                return;
            }
            self.change(now, slot, Verdict::Degraded, check, batch);
        }
    }
}

impl Watching {
    /// Counts looks that met nothing wrong but an end that is near; what could not be seen is none and ends no row.
    pub(super) fn note_ending(&mut self, outcome: &Outcome) {
        let is_well = match outcome {
            Outcome::Healthy => true,
            Outcome::Degraded(degradation) => degradation.kind == DegradationKind::Expiring,
            Outcome::Unhealthy(_) => false,
            Outcome::Unobservable(_) => return,
        };
        self.endings = if is_well {
            self.endings.saturating_add(1)
        } else {
            0
        };
    }
}

impl Watched {
    /// The nearest end that was decided: which check says so, and at which warning.
    fn ending(&self) -> Option<(usize, Duration)> {
        self.short()
            .filter_map(|check| Some((check, self.checks[check].state.warned_at?)))
            .min_by_key(|(_, warned_at)| *warned_at)
    }

    /// Whether all that is wrong with it is an end that is near.
    pub(super) fn is_only_ending(&self) -> bool {
        self.settled() == Verdict::Degraded
            && self.ending().is_some()
            && self.short_otherwise().is_none()
    }

    /// Whether that was seen by as many looks in a row as end anything else, and if so, whether the last look was the one
    /// that was missing.
    pub(super) fn nothing_but_endings(&self) -> Option<bool> {
        let is_enough = |check: usize| {
            let (looks, enough) = (
                self.checks[check].endings,
                self.target.checks[check].policy.successes,
            );
            (looks >= enough).then_some(looks == enough)
        };
        let mut is_new = false;
        for check in self.short().filter(|_| self.is_only_ending()) {
            is_new |= is_enough(check)?;
        }
        self.is_only_ending().then_some(is_new)
    }

    /// The first check that falls short for another reason than an end.
    fn short_otherwise(&self) -> Option<usize> {
        self.short()
            .find(|check| self.checks[*check].state.warned_at.is_none())
    }

    /// The checks that are degraded and have a say.
    fn short(&self) -> impl Iterator<Item = usize> {
        (0..self.checks.len()).filter(|check| {
            self.weighs(*check) && self.checks[*check].state.settled == Verdict::Degraded
        })
    }

    /// The check that has news: it is nearer to its end than told, or was renewed and still is near, it falls short for
    /// another reason, or that reason has passed and the end is left. Says also whether that is worse than what was told.
    fn news(&self) -> Option<(usize, bool)> {
        let incident = &self.incident.as_ref()?.incident;
        if incident.verdict != Verdict::Degraded || self.standing() != Some(Verdict::Degraded) {
            return None;
        }
        let is_told = |warned_at| incident.warned_at.is_some_and(|told| told <= warned_at);
        match (self.ending(), self.short_otherwise()) {
            (Some((check, warned_at)), _) if !is_told(warned_at) => Some((check, true)),
            (Some((check, _)), _) if self.is_farther(incident) => Some((check, false)),
            (_, Some(check)) if !incident.is_short_otherwise => Some((check, true)),
            (Some((check, _)), None) if incident.is_short_otherwise => Some((check, false)),
            (Some(_) | None, _) => None,
        }
    }

    /// What was renewed for long will be told again when it ends, though the incident goes on for another reason. As long as
    /// people were not told of that one, the warning is all that they know.
    fn take_back_warning(&mut self, batch: &mut Batch) {
        let goes_on = self.standing() == Some(Verdict::Degraded);
        let is_renewed = goes_on && self.ending().is_none() && self.is_known();
        let Some(open) = self.incident.as_mut().filter(|_| is_renewed) else {
            return;
        };
        let incident = &mut open.incident;
        let is_told_otherwise =
            incident.verdict == Verdict::Degraded && incident.is_short_otherwise;
        if incident.warned_at.is_some() && is_told_otherwise {
            incident.warned_at = None;
            batch.incidents.push(incident.clone());
        }
    }

    /// Whether every check can say how it is.
    fn is_known(&self) -> bool {
        let mut checks = self.checks.iter();
        checks.all(|watching| watching.state.settled != Verdict::Unknown)
    }

    /// Whether what ends was renewed, for less time than people want to be warned of.
    fn is_farther(&self, incident: &Incident) -> bool {
        let ending = self.ending().filter(|_| self.is_known());
        ending.is_some_and(|(_, warned_at)| incident.warned_at.is_some_and(|told| warned_at > told))
    }

    /// Why a check is as it is, as the next message says it: what is over of what was told is the news.
    pub(super) fn told_reason(&self, check: usize) -> Reason {
        let mut reason = self.checks[check].state.reason.clone();
        let was_short_otherwise = self.incident.as_ref().is_some_and(|open| {
            open.incident.verdict == Verdict::Degraded && open.incident.is_short_otherwise
        });
        let is_renewed = self
            .incident
            .as_ref()
            .is_some_and(|open| self.is_farther(&open.incident));
        let is_left = self.ending().is_some_and(|(ending, _)| ending == check);
        if is_renewed && is_left {
            reason.words = format!("renewed; {}", reason.words);
        } else if was_short_otherwise && is_left && self.is_only_ending() {
            reason.words = format!("the rest is well again; {}", reason.words);
        }
        reason
    }

    /// Writes down what of a degradation an incident tells with this check.
    pub(super) fn note_told(&self, incident: &mut Incident, check: usize) {
        let state = &self.checks[check].state;
        if state.settled != Verdict::Degraded {
            // What it is like when this is over is told anew.
            incident.is_short_otherwise = false;
        } else if let Some(warned_at) = state.warned_at {
            incident.warned_at = Some(warned_at);
            // A check that was about something else and is about its end now has nothing else to tell.
            incident.is_short_otherwise &= self.short_otherwise().is_some();
        } else {
            incident.is_short_otherwise = true;
        }
    }
}
