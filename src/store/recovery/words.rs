//! What ops hears of what was found at the opening.

use super::{
    super::{
        Notice,
        journal::{Fault, Reading},
    },
    truth::{Found, Truth},
};

/// What of it is worth a notice. That sled was emptied by the ladder is told by the ladder.
pub(super) fn notices(
    reading: &Reading,
    truth: &Truth,
    is_sled_told: bool,
    restored: usize,
) -> Vec<Notice> {
    let found = match truth.found {
        Found::New | Found::Agreed if truth.missing == 0 && restored == 0 => None,
        Found::NoSled if is_sled_told && reading.faults.is_empty() => None,
        Found::New
        | Found::Agreed
        | Found::SledBehind(_)
        | Found::SledDiffers(_)
        | Found::SledForeign => Some(of_sled(truth, restored)),
        Found::NoSled if !is_sled_told && reading.faults.is_empty() => {
            Some(of_sled(truth, restored))
        }
        Found::NothingLeft
        | Found::NoJournal
        | Found::NoSled
        | Found::JournalBehind(_)
        | Found::LinesLost(_) => Some(of_journal(reading, truth)),
    };
    let is_journal = matches!(
        truth.found,
        Found::NoJournal | Found::JournalBehind(_) | Found::LinesLost(_)
    );
    let missing = (is_journal && truth.missing > 0).then(|| of_missing(truth, restored));
    found.into_iter().chain(missing).collect()
}

fn of_missing(truth: &Truth, restored: usize) -> Notice {
    Notice::new(
        "The store had lost records",
        format!(
            "sled held {} records fewer than it ought to, without saying so; {restored} were restored from the journal.",
            truth.missing
        ),
    )
}

fn of_sled(truth: &Truth, restored_count: usize) -> Notice {
    let restored = format!("{restored_count} records of the past were restored from the journal");
    let (title, words) = match truth.found {
        Found::SledBehind(lines) => (
            "The store was behind its journal",
            format!(
                "sled did not have the last {lines} commits: it lost them without saying so, hekate ran on the journal \
                 alone, or an older copy was put back. They were written again, and {restored}."
            ),
        ),
        Found::SledDiffers(records) => (
            "The store had lost records",
            format!(
                "{records} memories, incidents or messages in sled were not what the journal says. They were set right, \
                 and {restored}."
            ),
        ),
        Found::SledForeign => (
            "The store was not of the same time as its journal",
            format!(
                "sled's files are older than the journal reaches back, or of another store. Live state was taken from \
                 the journal, and {restored}; between the two some history may be missing."
            ),
        ),
        Found::NoSled => (
            "The store was rebuilt from its journal",
            format!("sled's files were gone. Live state is whole, and {restored}."),
        ),
        Found::New
        | Found::Agreed
        | Found::NothingLeft
        | Found::NoJournal
        | Found::JournalBehind(_)
        | Found::LinesLost(_) => return of_missing(truth, restored_count),
    };
    Notice::new(title, words)
}

fn of_journal(reading: &Reading, truth: &Truth) -> Notice {
    let first: Vec<String> = reading
        .faults
        .iter()
        .take(3)
        .map(Fault::to_string)
        .collect();
    let faults = format!(
        "{} damaged: {}",
        match reading.faults.len() {
            1 => String::from("One place is"),
            places => format!("{places} places are"),
        },
        first.join("; ")
    );
    let (title, words) = match truth.found {
        Found::NothingLeft => (
            "The store is empty",
            format!(
                "Neither sled nor the journal can be used. {faults}. hekate starts without a memory: open incidents and \
                 unsent messages are lost."
            ),
        ),
        Found::NoJournal if reading.has_files() => (
            "The store's journal is damaged",
            format!(
                "Nothing in it can be used. {faults}. sled has everything; a new journal was begun."
            ),
        ),
        Found::NoJournal => (
            "The store's journal was gone",
            String::from("sled has everything; a new journal was begun."),
        ),
        Found::JournalBehind(lines) => (
            "The store's journal was behind",
            format!(
                "It ends {lines} lines before sled does, as if its end were cut off or an older copy put back. sled has \
                 everything; the journal goes on in a new file."
            ),
        ),
        Found::LinesLost(0) => (
            "The store's journal is damaged",
            format!("{faults}. sled knows what was written there; a new file was begun."),
        ),
        Found::LinesLost(lost) => (
            "The store's journal is damaged",
            format!(
                "{faults}. {lost} commits that sled did not have yet are lost; a new file was begun."
            ),
        ),
        Found::NoSled
        | Found::New
        | Found::Agreed
        | Found::SledBehind(_)
        | Found::SledDiffers(_)
        | Found::SledForeign => (
            "The store's journal is damaged",
            format!("{faults}. sled could not be asked, so what was written there is lost."),
        ),
    };
    Notice::new(title, words)
}
