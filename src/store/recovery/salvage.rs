//! Takes over from damaged files of sled whatever of the past can still be read.

use std::path::Path;

use super::super::{
    schema::{decode, v1},
    vault::{Changes, Door, Past, Side, Vault},
};

/// How many records are taken over in one transaction.
const PAGE: usize = 500;

/// Copies transitions, closed incidents, plans that ended and latencies from the files in `old`, from both ends up to the first place that cannot be
/// read, and gives back how many. Live state is not taken: the journal knows it better.
pub(super) fn salvage(old: &Path, new: &Vault) -> Result<usize, super::Error> {
    let door = Door::default();
    // What does not open has nothing to give.
    let Ok(_vault) = Vault::open(old, door.clone()) else {
        return Ok(0);
    };
    let mut meta = v1::Meta::default();
    let mut count = 0;
    for past in [
        Past::Transitions,
        Past::Incidents,
        Past::Ended,
        Past::Latencies,
    ] {
        let mut first = None;
        for side in [Side::First, Side::Last] {
            let mut from = None;
            loop {
                let (records, is_end) = door.past(past, side, from.clone(), PAGE);
                let is_met = |key: &Vec<u8>| first.as_ref().is_some_and(|first| key <= first);
                let is_over = is_end || records.last().is_none_or(|(key, _)| is_met(key));
                from = records.last().map(|(key, _)| key.clone()).or(from);
                let mut changes = Changes::default();
                let tree = match past {
                    Past::Transitions => &mut changes.transitions,
                    Past::Incidents => &mut changes.incidents,
                    Past::Ended => &mut changes.ended,
                    Past::Latencies => &mut changes.latencies,
                };
                for (key, value) in records {
                    if is_worth_it(past, &value) && !is_met(&key) {
                        tree.insert(key, Some(value));
                    }
                }
                count += changes.len();
                if changes.len() > 0 {
                    meta = new.write(meta, changes)?;
                }
                if is_over {
                    break;
                }
            }
            if matches!(side, Side::First) {
                first = from;
            }
        }
    }
    Ok(count)
}

fn is_worth_it(past: Past, value: &[u8]) -> bool {
    match past {
        Past::Transitions => decode::<v1::Transition>("a transition", value).is_ok(),
        Past::Incidents => decode::<v1::Incident>("an incident", value)
            .is_ok_and(|incident| incident.closed_at.is_some()),
        Past::Ended => decode::<v1::Planned>("a plan", value).is_ok(),
        Past::Latencies => decode::<v1::Latency>("a block of latencies", value).is_ok(),
    }
}
