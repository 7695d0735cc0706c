//! Questions about the past, for other threads.

use super::{
    Error, keys,
    latency::{ROLLED_UP_DAYS, hour_of},
    schema::{Form, v1},
    vault::Door,
};
use crate::{
    judge::sli::{CheckPast, Standing, Turn},
    model::{
        CheckId, CheckKind, CheckRecord, Incident, IncidentId, TargetId, Timestamp, Transition,
        latency::{Grain, Latencies},
        planned::Planned,
    },
};

/// So many targets are read in one go: none may take as long as a disk that does not answer.
const TARGETS_AT_ONCE: usize = 100;
/// The most changes of one target that are read; what is older is not known then.
const TURNS_MAX: usize = 20_000;

/// What the store remembers of the verdicts of one target.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TargetPast {
    /// One for each check that was asked for, in that order.
    pub checks: Vec<CheckPast>,
    /// Since when all of it is there, if older changes were too many to be read.
    pub known_since: Option<Timestamp>,
}

/// Reads history beside the writer. Cheap to clone; goes on working when the store is closed and opened again.
///
/// Every call waits for the disk, up to 20 s on one that does not answer: not for a thread that others wait for.
#[derive(Clone, Debug)]
pub struct Reader {
    door: Door,
}

impl Reader {
    pub(super) const fn new(door: Door) -> Self {
        Self { door }
    }

    /// The newest `limit` transitions of all checks of this target decided at or after `since`, oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] while there is no store; else what the disk or sled reports.
    pub fn transitions(
        &self,
        target: &TargetId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Transition>, Error> {
        let found = self.door.transitions(target.as_str(), since, limit)?;
        Ok(found.into_iter().map(Form::into_model).collect())
    }

    /// How the verdicts of these checks of these targets changed since then, and how they stand; one answer a target, in
    /// the given order.
    ///
    /// # Errors
    ///
    /// As [`transitions`](Self::transitions).
    pub fn pasts(
        &self,
        targets: &[(TargetId, Vec<CheckKind>)],
        since: Timestamp,
    ) -> Result<Vec<TargetPast>, Error> {
        let mut out = Vec::with_capacity(targets.len());
        for some in targets.chunks(TARGETS_AT_ONCE) {
            let checks = some.iter().map(|(target, kinds)| {
                let kinds = kinds.iter();
                let checks = kinds.map(|kind| CheckId {
                    target: target.clone(),
                    kind: *kind,
                });
                checks.map(|check| Form::of(&check)).collect()
            });
            let found = self.door.turns(checks.collect(), since, TURNS_MAX)?;
            for ((turned, is_cut), (_, kinds)) in found.into_iter().zip(some) {
                let oldest = |turns: &[Turn]| turns.first().map(|turn| turn.at);
                let known_since = turned.iter().filter_map(|(turns, _)| oldest(turns)).min();
                let checks = turned.into_iter().zip(kinds);
                out.push(TargetPast {
                    checks: checks
                        .map(|((turns, record), kind)| past_of(turns, record, *kind))
                        .collect(),
                    known_since: known_since.filter(|_| is_cut),
                });
            }
        }
        Ok(out)
    }

    /// Plans of people that ended at or after this time and are not beyond retention, oldest end first.
    ///
    /// # Errors
    ///
    /// As [`transitions`](Self::transitions).
    pub fn ended(&self, since: Timestamp) -> Result<Vec<Planned>, Error> {
        let found = self.door.ended_since(since)?;
        Ok(found.into_iter().map(Form::into_model).collect())
    }

    /// How long answers to this check took in each of these hours or days, which begin at these times, oldest first; empty where nothing
    /// is known. The running one has what was written so far.
    ///
    /// # Errors
    ///
    /// As [`transitions`](Self::transitions).
    pub fn latencies(
        &self,
        check: &CheckId,
        grain: Grain,
        begins: &[Timestamp],
    ) -> Result<Vec<Latencies>, Error> {
        let check = Form::of(check);
        // Hours first become part of their days later, so a day is what there is of it and of its hours.
        let of_grain = |grain, begins: &[Timestamp]| {
            let keys = begins
                .iter()
                .map(|from| keys::latency(Form::of(&grain), *from, &check));
            let found = self.door.latencies(keys.collect())?;
            let counted = |block: Option<v1::Latency>| -> Latencies {
                block.map_or_else(Latencies::default, |block| block.into_model().counted)
            };
            Ok::<Vec<Latencies>, Error>(found.into_iter().map(counted).collect())
        };
        let mut out = of_grain(grain, begins)?;
        if grain == Grain::Day {
            let hours = |day: Timestamp| (0..24).map(move |hour| hour_of(day, hour));
            let hours: Vec<_> = begins
                .iter()
                .rev()
                .copied()
                .take(ROLLED_UP_DAYS)
                .flat_map(hours)
                .collect();
            let found = of_grain(Grain::Hour, &hours)?;
            for (day, hours) in out.iter_mut().rev().zip(found.chunks(24)) {
                for hour in hours {
                    day.merge(hour);
                }
            }
        }
        Ok(out)
    }

    /// The incident with this id, open or closed, if it is not beyond retention.
    ///
    /// # Errors
    ///
    /// As [`transitions`](Self::transitions).
    pub fn incident(&self, id: &IncidentId) -> Result<Option<Incident>, Error> {
        let Some(number) = id.number() else {
            return Ok(None);
        };
        Ok(self.door.incident(number)?.map(Form::into_model))
    }

    /// The newest `limit` incidents that were open at some time since then, newest first.
    ///
    /// # Errors
    ///
    /// As [`transitions`](Self::transitions).
    pub fn incidents(&self, since: Timestamp, limit: usize) -> Result<Vec<Incident>, Error> {
        let was_open = move |incident: &v1::Incident| {
            incident
                .closed_at
                .is_none_or(|closed_at| closed_at.0 >= since)
        };
        let found = self.door.incidents(limit, was_open)?;
        Ok(found.into_iter().map(Form::into_model).collect())
    }
}

fn past_of(turns: Vec<Turn>, record: Option<v1::Check>, kind: CheckKind) -> CheckPast {
    let standing = record.map(|record| {
        let record: CheckRecord = record.into_model();
        Standing {
            settled: record.state.settled,
            since: record.state.since,
            number: record.transitions,
        }
    });
    CheckPast {
        is_log: kind == CheckKind::LogFreshness,
        turns,
        standing,
    }
}
