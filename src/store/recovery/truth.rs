//! Compares what sled holds with what the journal says, and makes both say the same.

use super::{
    super::{
        Error, Notice,
        database::Database,
        journal::{Content, Fault, Line, Position, Reading},
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
const BEHIND_MAX: u64 = 65;
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
    missing: u64,
}

impl Truth {
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
                let lost = missing_after(&reading.lines, number);
                (Found::LinesLost(lost), &expected)
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

const fn position_of(held: &Held) -> Position {
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
    let held = database.meta.number;
    if let Some(after) = truth.replay_after {
        replay(database, &reading.lines, after)?;
    }
    if database.live != truth.live {
        overwrite(database, &truth.live, truth.last)?;
    }
    let kept_since = now - database.settings.retention;
    let kept_since = database
        .meta
        .swept_before
        .map_or(kept_since, |swept| swept.0.max(kept_since));
    if database.meta.number == 0 {
        // A new sled says from the start where it stands; an empty one would look like a loss.
        database.put(Changes::default(), database.journal.last())?;
    }
    let is_hole = truth.is_history_in_doubt()
        || history::has_hole(database, &reading.lines, held, kept_since)?;
    if is_hole {
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
    database.put(changes, at)
}

/// What ops has to hear of it. If sled was emptied on purpose, that is told elsewhere.
pub(super) fn words(
    reading: &Reading,
    truth: &Truth,
    is_told: bool,
    restored: usize,
) -> Option<Notice> {
    let faults = || {
        let first: Vec<String> = reading
            .faults
            .iter()
            .take(3)
            .map(Fault::to_string)
            .collect();
        format!(
            "{} damaged place(s): {}",
            reading.faults.len(),
            first.join("; ")
        )
    };
    let notice = match truth.found {
        Found::New | Found::Agreed if truth.missing == 0 && restored == 0 => return None,
        Found::New | Found::Agreed => Notice::new(
            "The store had lost records",
            format!(
                "sled held {} records fewer than it ought to, without saying so; {restored} were restored from the journal.",
                truth.missing
            ),
        ),
        Found::NothingLeft => Notice::new(
            "The store is empty",
            format!(
                "Neither sled nor the journal could be used ({}). hekate starts without a memory: open incidents and \
                 unsent messages are lost.",
                faults()
            ),
        ),
        Found::NoJournal => Notice::new(
            "The store's journal was gone",
            if reading.has_files() {
                format!(
                    "Nothing in it could be used ({}). sled has everything; a new journal was begun.",
                    faults()
                )
            } else {
                String::from("sled has everything; a new journal was begun.")
            },
        ),
        Found::NoSled if is_told && reading.faults.is_empty() => return None,
        Found::NoSled if is_told => Notice::new(
            "The store's journal is damaged",
            format!("{}. What these lines said is lost.", faults()),
        ),
        Found::NoSled => Notice::new(
            "The store was rebuilt from its journal",
            format!(
                "sled's files were gone. Live state is whole; {restored} records of the past were restored."
            ),
        ),
        Found::JournalBehind(lines) => Notice::new(
            "The store's journal was behind",
            format!(
                "It ends {lines} lines before sled does, as if its end were cut off or an older copy put back. sled has \
                 everything; the journal goes on in a new file."
            ),
        ),
        Found::SledBehind(lines) => Notice::new(
            "The store was behind its journal",
            format!(
                "sled had lost the last {lines} commits without saying so, or an older copy was put back. They were \
                 written again from the journal, and {restored} older records."
            ),
        ),
        Found::SledDiffers(records) => Notice::new(
            "The store had lost records",
            format!(
                "{records} memories, incidents or messages in sled were not what the journal says. They were set right, \
                 and {restored} records of the past restored."
            ),
        ),
        Found::SledForeign => Notice::new(
            "The store was not of the same time as its journal",
            format!(
                "sled's files are older than the journal reaches back, or of another store. Live state was taken from \
                 the journal, and {restored} records of the past; between the two some history may be missing."
            ),
        ),
        Found::LinesLost(0) => Notice::new(
            "The store's journal is damaged",
            format!(
                "{}. sled knows what these lines said; nothing is lost, and a new file was begun.",
                faults()
            ),
        ),
        Found::LinesLost(lost) => Notice::new(
            "The store's journal is damaged",
            format!(
                "{}. {lost} commits that sled did not have yet are lost; a new file was begun.",
                faults()
            ),
        ),
    };
    Some(notice)
}
