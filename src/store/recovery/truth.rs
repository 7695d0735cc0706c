//! Compares what sled holds with what the journal says, and makes both say the same.

use super::{
    super::{
        Error,
        database::Database,
        journal::{Content, Line, Position, Reading},
        keys,
        live::Live,
        schema::{encode, v1},
        vault::Changes,
    },
    Held, history,
};
use crate::model::Timestamp;

/// As many lines of the journal can be missing in sled after a crash without anything being lost: those of one commit
/// and a checkpoint.
pub(super) const BEHIND_MAX: u64 = 65;
/// How many lines are written to sled in one transaction.
const GROUP_MAX: usize = 64;

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// There is neither sled nor journal.
    New,
    /// Both agree, as far as a crash explains.
    Agreed,
    /// There is a journal and nothing that can be read in it, and no sled.
    NothingLeft,
    /// There is no usable journal.
    NoJournal,
    /// sled is empty.
    NoSled,
    /// The journal ends before sled does, by so many lines.
    JournalBehind(u64),
    /// sled is further behind than a crash explains, by so many lines.
    SledBehind(u64),
    /// So many records of live state are not in sled as they ought to be.
    SledDiffers(usize),
    /// sled is of another time or of another store.
    SledForeign,
    /// Lines of the journal are damaged; sled knows what they said up to so many lost ones.
    LinesLost(u64),
}

/// What the store holds from now on.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) found: Found,
    pub(super) live: Live,
    /// After which line the journal goes on.
    pub(super) last: Position,
    pub(super) needs_new_file: bool,
    /// Lines after this one are written to sled again.
    replay_after: Option<u64>,
    /// So many records were missing in sled by its own count.
    pub(super) missing: u64,
}

impl Truth {
    /// What sled lost without saying so, if the journal knows better. Such a sled is not to be trusted any more: it may
    /// lose the same again at the next opening.
    pub(super) fn silent_loss(&self) -> Option<String> {
        match self.found {
            Found::SledDiffers(records) => Some(format!(
                "{records} memories, incidents or messages in it are not what the journal says"
            )),
            Found::Agreed | Found::SledBehind(_) | Found::SledForeign if self.missing > 0 => {
                Some(format!(
                    "it holds {} records fewer than it ought to, without saying so",
                    self.missing
                ))
            }
            Found::New
            | Found::Agreed
            | Found::NothingLeft
            | Found::NoJournal
            | Found::NoSled
            | Found::JournalBehind(_)
            | Found::SledBehind(_)
            | Found::SledForeign
            | Found::LinesLost(_) => None,
        }
    }

    /// Whether sled is of an older time, so that holes in it are no wonder.
    pub(super) const fn is_sled_older(&self) -> bool {
        matches!(self.found, Found::SledForeign)
    }

    /// Whether sled's history may have holes that the journal can fill.
    const fn is_history_in_doubt(&self) -> bool {
        self.missing > 0
            || match self.found {
                Found::New | Found::Agreed | Found::NoJournal | Found::JournalBehind(_) => false,
                Found::NothingLeft
                | Found::NoSled
                | Found::SledBehind(_)
                | Found::SledDiffers(_)
                | Found::SledForeign
                | Found::LinesLost(_) => true,
            }
    }
}

/// Decides what is true.
pub(super) fn find(reading: &Reading, held: Option<&Held>) -> Truth {
    // A sled that was never brought to where the journal stands holds the past at most.
    let held = held.filter(|held| held.meta.number > 0);
    let truth = |found, live: &Live, last| Truth {
        found,
        live: live.clone(),
        last,
        needs_new_file: !reading.faults.is_empty(),
        replay_after: None,
        missing: held.map_or(0, |held| held.missing),
    };
    let anew = |found, live: &Live, last| Truth {
        needs_new_file: true,
        ..truth(found, live, last)
    };
    let last = reading.last();
    match (&reading.live, held) {
        (None, None) if reading.has_files() => anew(Found::NothingLeft, &Live::default(), last),
        (None, None) => anew(Found::New, &Live::default(), last),
        (None, Some(held)) => anew(Found::NoJournal, &held.live, position_of(held)),
        // A crash came between the two first writes of a new store.
        (Some(live), None) if reading.lines.len() == 1 && *live == Live::default() => {
            truth(Found::New, live, last)
        }
        (Some(live), None) => truth(Found::NoSled, live, last),
        (Some(_), Some(held)) if held.meta.number > last.number => {
            let behind = held.meta.number - last.number;
            anew(Found::JournalBehind(behind), &held.live, position_of(held))
        }
        (Some(live), Some(held)) if reading.hash_at(held.meta.number) != Some(held.meta.hash) => {
            truth(Found::SledForeign, live, last)
        }
        (Some(live), Some(held)) => {
            let number = held.meta.number;
            let expected = replayed(&held.live, &reading.lines, number);
            let behind = last.number - number;
            let (found, live) = if !reading.faults.is_empty() {
                let holes = missing_after(&reading.lines, number);
                (Found::LinesLost(holes), &expected)
            } else if expected != *live {
                (Found::SledDiffers(expected.differences(live)), live)
            } else if behind > BEHIND_MAX {
                (Found::SledBehind(behind), live)
            } else {
                (Found::Agreed, live)
            };
            Truth {
                replay_after: Some(number),
                ..truth(found, live, last)
            }
        }
    }
}

pub(super) const fn position_of(held: &Held) -> Position {
    Position {
        number: held.meta.number,
        hash: held.meta.hash,
    }
}

/// The state after the lines that follow this number.
fn replayed(live: &Live, lines: &[Line], after: u64) -> Live {
    let mut live = live.clone();
    let mut before = after;
    for line in lines.iter().filter(|line| line.position.number > after) {
        match &line.content {
            Content::Batch(batch) => live.apply(batch),
            // Where lines are lost, a checkpoint knows what they did; elsewhere it says nothing new, and what sled
            // itself says is to be compared with it.
            Content::Checkpoint(checkpoint) if line.position.number != before + 1 => {
                live = Live::from((**checkpoint).clone());
            }
            Content::Checkpoint(_) => {}
        }
        before = line.position.number;
    }
    live
}

/// How many lines are missing between those that follow this number.
fn missing_after(lines: &[Line], after: u64) -> u64 {
    let (mut before, mut missing) = (after, 0);
    for line in lines.iter().filter(|line| line.position.number > after) {
        missing += line.position.number - before - 1;
        before = line.position.number;
    }
    missing
}

/// Brings sled to the truth; gives back how many records of the past it got back.
pub(super) fn establish(
    database: &mut Database,
    reading: &Reading,
    truth: &Truth,
    now: Timestamp,
) -> Result<usize, Error> {
    if let Some(after) = truth.replay_after {
        replay(database, &reading.lines, after)?;
    }
    if database.live != truth.live {
        overwrite(database, &truth.live, truth.last)?;
    }
    if database.meta.number == 0 {
        // A new sled says from the start where it stands; an empty one would look like a loss.
        database.put(Changes::default(), database.journal.last())?;
    }
    if truth.is_history_in_doubt() {
        let kept_since = history::kept_since(&database.meta, &database.settings, now);
        history::restore(database, truth.last, kept_since)
    } else {
        Ok(0)
    }
}

/// Writes lines to sled that are not in it yet.
fn replay(database: &mut Database, lines: &[Line], after: u64) -> Result<(), Error> {
    let batches: Vec<(&v1::Batch, Position)> = lines
        .iter()
        .filter(|line| line.position.number > after)
        .filter_map(|line| match &line.content {
            Content::Batch(batch) => Some((&**batch, line.position)),
            Content::Checkpoint(_) => None,
        })
        .collect();
    for group in batches.chunks(GROUP_MAX) {
        database.write_to_sled(group)?;
    }
    Ok(())
}

/// Makes sled's live state this one.
fn overwrite(database: &mut Database, live: &Live, at: Position) -> Result<(), Error> {
    let before = std::mem::replace(&mut database.live, live.clone());
    let mut changes = Changes::default();
    for check in before.checks.keys().chain(live.checks.keys()) {
        let value = live.checks.get(check).map(encode);
        changes.checks.insert(keys::check(check), value);
    }
    for number in before.open.keys().chain(live.open.keys()) {
        let value = live.open.get(number).map(encode);
        let key = keys::incident(*number).to_vec();
        changes.incidents.insert(key, value);
    }
    for entry in before.outbox.keys().chain(live.outbox.keys()) {
        let value = live.outbox.get(entry).map(encode);
        changes.outbox.insert(keys::entry(entry), value);
    }
    for number in before.planned.keys().chain(live.planned.keys()) {
        let value = live.planned.get(number).map(encode);
        changes
            .planned
            .insert(keys::planned(*number).to_vec(), value);
    }
    for key @ (from, kind) in before.lapses.keys().chain(live.lapses.keys()) {
        let value = live.lapses.get(key).map(encode);
        changes.lapses.insert(keys::lapse(from.0, *kind), value);
    }
    for number in before.attempts.keys().chain(live.attempts.keys()) {
        let value = live.attempts.get(number).map(encode);
        let key = keys::attempt(*number).to_vec();
        changes.attempts.insert(key, value);
    }
    for number in before.releases.keys().chain(live.releases.keys()) {
        let value = live.releases.get(number).map(encode);
        changes
            .releases
            .insert(keys::release(*number).to_vec(), value);
    }
    for key in before.living.keys().chain(live.living.keys()) {
        let value = live.living.get(key).map(encode);
        changes.living.insert(keys::living(key), value);
    }
    database.put(changes, at)
}
