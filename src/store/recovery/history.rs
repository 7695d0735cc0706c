//! Finds holes in sled's history and fills them from the journal.

use std::collections::BTreeMap;

use super::super::{
    Error,
    database::{Database, ended as ended_record},
    journal::{self, Content, Line, Position},
    keys,
    live::{rename_in, rename_of, rename_one},
    schema::{encode, v1},
    vault::{Changes, Door},
};
use crate::model::{Timestamp, plan::StoreSettings};

/// How many records are written in one transaction.
const GROUP_MAX: usize = 500;

/// The past as the journal knows it, under the names of today.
#[derive(Default)]
struct Past {
    transitions: Vec<v1::Transition>,
    incidents: BTreeMap<u64, v1::Incident>,
    /// Plans of people that have ended, by number.
    ended: BTreeMap<u64, v1::Planned>,
}

fn past_in<'a>(lines: impl Iterator<Item = &'a Line>) -> Past {
    let mut past = Past::default();
    for line in lines {
        let Content::Batch(batch) = &line.content else {
            continue;
        };
        if !batch.renamed.is_empty() {
            for transition in &mut past.transitions {
                rename_one(&mut transition.check.target, &batch.renamed);
            }
            for incident in past.incidents.values_mut() {
                rename_in(incident, &batch.renamed);
            }
            for planned in past.ended.values_mut() {
                rename_of(planned, &batch.renamed);
            }
        }
        past.transitions.extend(batch.transitions.iter().cloned());
        let incidents = batch.incidents.iter().cloned();
        past.incidents
            .extend(incidents.map(|incident| (incident.number, incident)));
        let planned = batch.planned.iter();
        let ended = planned.filter(|planned| planned.ended_at().is_some());
        past.ended
            .extend(ended.map(|planned| (planned.id.number, planned.clone())));
    }
    past
}

/// Since when nothing was taken away on purpose.
pub(super) fn kept_since(meta: &v1::Meta, settings: &StoreSettings, now: Timestamp) -> Timestamp {
    let kept_since = now - settings.retention;
    meta.swept_before
        .map_or(kept_since, |swept| swept.0.max(kept_since))
}

/// How many transitions sled lacks that the journal has on a line up to this number.
pub(super) fn holes(
    door: &Door,
    lines: &[Line],
    number: u64,
    kept_since: Timestamp,
) -> Result<usize, Error> {
    let past = past_in(lines.iter().filter(|line| line.position.number <= number));
    let keys: Vec<_> = past
        .transitions
        .iter()
        .filter(|transition| transition.at.0 >= kept_since)
        .map(keys::transition)
        .collect();
    let there = door.has_transitions(keys)?;
    Ok(there.into_iter().filter(|is_there| !is_there).count())
}

/// Writes all transitions and closed incidents to sled that the journal has and sled has not, and the plans that have ended;
/// gives back how many transitions and incidents.
pub(super) fn restore(
    database: &mut Database,
    at: Position,
    kept_since: Timestamp,
) -> Result<usize, Error> {
    let Some(vault) = &database.vault else {
        return Ok(0);
    };
    let door = vault.door().clone();
    let lines = journal::read_all(database.folder.path())?;
    let past = past_in(lines.iter());
    let transitions: Vec<_> = past
        .transitions
        .iter()
        .filter(|transition| transition.at.0 >= kept_since)
        .map(|transition| (keys::transition(transition), transition))
        .collect();
    let there = door.has_transitions(transitions.iter().map(|(key, _)| key.clone()).collect())?;
    let mut records = Vec::new();
    for ((key, transition), _) in transitions
        .into_iter()
        .zip(there)
        .filter(|(_, is_there)| !is_there)
    {
        records.push((key, encode(transition), true));
    }
    for incident in past.incidents.values() {
        let is_kept = incident.closed_at.is_some_and(|at| at.0 >= kept_since);
        if is_kept && door.incident(incident.number)?.is_none() {
            let key = keys::incident(incident.number).to_vec();
            records.push((key, encode(incident), false));
        }
    }
    let ended = past.ended.values();
    let ended: Vec<_> = ended
        .filter(|planned| planned.ended_at().is_some_and(|at| at.0 >= kept_since))
        .filter_map(ended_record)
        .collect();
    for group in ended.chunks(GROUP_MAX) {
        let mut changes = Changes::default();
        for (key, value) in group {
            changes.ended.insert(key.clone(), Some(value.clone()));
        }
        database.put(changes, at)?;
    }
    for group in records.chunks(GROUP_MAX) {
        let mut changes = Changes::default();
        for (key, value, is_transition) in group {
            let tree = if *is_transition {
                &mut changes.transitions
            } else {
                &mut changes.incidents
            };
            tree.insert(key.clone(), Some(value.clone()));
        }
        database.put(changes, at)?;
    }
    Ok(records.len())
}
