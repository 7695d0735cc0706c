//! How the store is opened: a ladder from "all is well" to "without sled".
//!
//! 1. Open sled as it is, and bring it and the journal together (`truth.rs`).
//! 2. If sled reports damage, set its snapshot file aside and open it again: it then reads its whole log.
//! 3. If it still does not open, or panics, or hangs, or has lost something in silence, set its folder aside and fill a
//!    new one from the journal, and with whatever of the past can still be read in the old one.
//! 4. If not even that works, run with the journal alone, which is durable, until the next start, and leave sled's files
//!    as they were found.
//!
//! A disk that is full, read-only or broken is no damage: that error goes to the caller, who runs from memory.

mod history;
mod salvage;
mod truth;
mod words;

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use super::{
    Error, Notice,
    database::{Database, Swept},
    folder::Folder,
    journal::{self, Journal, Reading},
    live::Live,
    schema::v1,
    vault::{Door, Vault},
};
use crate::model::{Timestamp, plan::StoreSettings};
use truth::Truth;

/// Up to so many transitions are counted at every start; counting more of them would make it slow.
const COUNTED_MAX: u64 = 20_000;
/// How often, and how long apart, sled's lock is tried again: a reader of this process may hold it for a moment more.
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The rungs of the ladder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rung {
    AsItIs,
    WithoutSnapshots,
    Anew,
    WithoutSled,
}

/// What sled holds.
#[derive(Debug)]
struct Held {
    meta: v1::Meta,
    live: Live,
    /// How many records it ought to hold and does not.
    missing: u64,
}

/// One opening, on its way.
struct Opening<'a> {
    settings: &'a StoreSettings,
    folder: Arc<Folder>,
    door: Door,
    now: Timestamp,
    notices: Vec<Notice>,
    /// Why this rung is tried, and where sled's files went.
    because: Option<String>,
    aside: Option<PathBuf>,
    /// Whether sled came up on this rung, so that its snapshot cannot be what is wrong.
    is_sled_up: bool,
    /// How many records of the past were taken over from the old files.
    salvaged: usize,
}

/// Opens the store and says what had to be done for it.
pub(super) fn open(
    settings: &StoreSettings,
    now: Timestamp,
    door: Door,
) -> Result<(Database, Vec<Notice>), Error> {
    let folder = Arc::new(Folder::lock(&settings.path, now)?);
    folder.forget_compaction();
    let mut opening = Opening {
        settings,
        folder,
        door,
        now,
        notices: Vec::new(),
        because: None,
        aside: None,
        is_sled_up: false,
        salvaged: 0,
    };
    let database = opening.climb()?;
    opening.look_after_ballast();
    for notice in &opening.notices {
        tracing::warn!(title = %notice.title, words = %notice.words, "the store needed help to open");
    }
    Ok((database, opening.notices))
}

impl Opening<'_> {
    fn climb(&mut self) -> Result<Database, Error> {
        let mut rung = Rung::AsItIs;
        if !self.folder.begin_opening() {
            self.because = Some(String::from(
                "several starts in a row ended while sled was being opened",
            ));
            rung = Rung::Anew;
        }
        let mut is_ballast_tried = false;
        loop {
            let result = self.prepare(rung).and_then(|()| self.stand_on(rung));
            let mut error = match result {
                Ok(database) => {
                    self.folder.end_opening();
                    return Ok(database);
                }
                Err(error) => error,
            };
            // On a disk that takes nothing sled fails as with damaged files, and no other files would help.
            if is_damage(&error)
                && let Err(sick) = self.folder.try_writing()
            {
                error = sick;
            }
            tracing::debug!(?rung, %error, "the store does not open");
            if error.is_full() && !is_ballast_tried && self.folder.free_ballast() {
                is_ballast_tried = true;
                continue;
            }
            let next = if is_damage(&error) {
                self.above(rung)
            } else {
                None
            };
            let Some(next) = next else {
                if matches!(rung, Rung::Anew | Rung::WithoutSled)
                    && let Some(aside) = self.aside.take()
                {
                    // The disk and not sled is in trouble: the next opening shall find what this one found.
                    self.folder.put_sled_back(&aside)?;
                }
                self.folder.end_opening();
                return Err(error);
            };
            self.because = Some(error.to_string());
            rung = next;
        }
    }

    fn above(&self, rung: Rung) -> Option<Rung> {
        match rung {
            Rung::AsItIs if !self.is_sled_up && self.folder.has_snapshots() => {
                Some(Rung::WithoutSnapshots)
            }
            Rung::AsItIs | Rung::WithoutSnapshots => Some(Rung::Anew),
            Rung::Anew => Some(Rung::WithoutSled),
            Rung::WithoutSled => None,
        }
    }

    fn prepare(&mut self, rung: Rung) -> Result<(), Error> {
        match rung {
            Rung::AsItIs => {}
            Rung::WithoutSnapshots => self.folder.set_snapshots_aside(self.now)?,
            Rung::Anew | Rung::WithoutSled => {
                let aside = self.folder.set_sled_aside(self.now)?;
                self.aside = self.aside.take().or(aside);
                self.folder.sync()?;
            }
        }
        Ok(())
    }

    /// Opens everything as this rung asks for.
    fn stand_on(&mut self, rung: Rung) -> Result<Database, Error> {
        // Read anew on each rung: the one before may have written.
        let mut reading = journal::read(self.folder.path())?;
        self.is_sled_up = false;
        let vault = match rung {
            Rung::AsItIs | Rung::WithoutSnapshots | Rung::Anew => Some(self.open_vault()?),
            Rung::WithoutSled => None,
        };
        self.is_sled_up = vault.is_some();
        if rung == Rung::Anew
            && let (Some(aside), Some(vault)) = (&self.aside, &vault)
        {
            self.salvaged = salvage::salvage(aside, vault)?;
        }
        let held = match &vault {
            Some(vault) => look(vault)?,
            None => None,
        };
        if let Some(held) = &held {
            reading.cut_unacknowledged(truth::position_of(held), truth::BEHIND_MAX);
        }
        self.tell_torn(&reading);
        let truth = truth::find(&reading, held.as_ref());
        if rung != Rung::Anew {
            self.distrust(&reading, held.as_ref(), &truth)?;
        }
        let journal = self.open_journal(&reading, &truth)?;
        let (meta, live) = held.map(|held| (held.meta, held.live)).unwrap_or_default();
        let mut database = Database {
            vault,
            journal,
            door: self.door.clone(),
            live,
            meta,
            settings: self.settings.clone(),
            is_failed: false,
            swept: Swept::default(),
            folder: Arc::clone(&self.folder),
        };
        let restored = truth::establish(&mut database, &reading, &truth, self.now)?;
        if rung == Rung::WithoutSled
            && let Some(aside) = self.aside.take()
        {
            // No other files do better, so these may be whole; the next start tries them, and what they know of the past.
            self.folder.put_sled_back(&aside)?;
        }
        self.tell(rung, &reading, &truth, restored);
        Ok(database)
    }

    /// An error if sled has lost something in silence that the journal still knows.
    fn distrust(&self, reading: &Reading, held: Option<&Held>, truth: &Truth) -> Result<(), Error> {
        let Some(held) = held.filter(|_| !truth.needs_new_file) else {
            return Ok(());
        };
        let kept_since = history::kept_since(&held.meta, self.settings, self.now);
        let number = held.meta.number;
        let why = match truth.silent_loss() {
            Some(why) => Some(why),
            None if truth.is_sled_older() => None,
            None => match history::holes(&self.door, &reading.lines, number, kept_since)? {
                0 => None,
                holes => Some(format!(
                    "{holes} transitions that the journal has are not in it"
                )),
            },
        };
        why.map_or(Ok(()), |why| Err(Error::Damaged { what: "sled", why }))
    }

    fn open_vault(&self) -> Result<Vault, Error> {
        let mut tries = 0;
        loop {
            match Vault::open(&self.folder.sled(), self.door.clone()) {
                Err(Error::Sled { why, .. }) if tries < LOCK_TRIES && why.contains("lock on") => {
                    tries += 1;
                    thread::sleep(LOCK_PAUSE);
                }
                result => return result,
            }
        }
    }

    fn open_journal(&self, reading: &Reading, truth: &Truth) -> Result<Journal, Error> {
        let path = self.folder.path();
        if !truth.needs_new_file
            && let Some(journal) = Journal::resume(path, reading)?
        {
            return Ok(journal);
        }
        Journal::begin(path, truth.last, &truth.live, self.now)
    }

    fn tell_torn(&mut self, reading: &Reading) {
        if let Some(torn) = &reading.torn {
            let notice = Notice::new(
                "The end of the store's journal was cut off",
                format!(
                    "Line {} of {} is not complete, as after a loss of power: {}. It was cut off; what was acknowledged \
                     is compared with sled.",
                    torn.line,
                    torn.file.display(),
                    torn.why
                ),
            );
            // A lower rung may have said it and not come to cutting it off.
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
    }

    fn tell(&mut self, rung: Rung, reading: &Reading, truth: &Truth, restored: usize) {
        let because = self.because.take().unwrap_or_default();
        let live = format!(
            "{} memories of checks, {} open incidents and {} messages that wait to be sent are there. Of the past, {} \
             records could be read in the old files and {restored} more in the journal.",
            truth.live.checks.len(),
            truth.live.open.len(),
            truth.live.outbox.len(),
            self.salvaged
        );
        let aside = self.aside.as_ref().map_or_else(
            || String::from("There were no old files."),
            |aside| format!("The old files are in {}.", aside.display()),
        );
        match rung {
            Rung::AsItIs => {}
            Rung::WithoutSnapshots => self.notices.push(Notice::new(
                "The store's snapshot file was set aside",
                format!("sled could not use it ({because}) and read its whole log instead. {live}"),
            )),
            Rung::Anew => self.notices.push(Notice::new(
                "The store was rebuilt from its journal",
                format!("sled's files cannot be used: {because}. {live} {aside}"),
            )),
            Rung::WithoutSled => self.notices.push(Notice::new(
                "The store runs on its journal alone",
                format!(
                    "sled cannot be used at all: {because}. Everything new is kept in the journal, but history cannot be \
                     asked for until a restart, which tries sled's files again. {live}"
                ),
            )),
        }
        self.notices.extend(words::notices(
            reading,
            truth,
            rung != Rung::AsItIs,
            restored,
        ));
    }

    fn look_after_ballast(&mut self) {
        if self.folder.keep_ballast() || self.folder.has_room() {
            return;
        }
        let free = self.folder.free_bytes().unwrap_or(0) / (1024 * 1024);
        self.notices.push(Notice::new(
            "The disk of the store is nearly full",
            format!(
                "{free} MiB are left for {}. When nothing is left hekate goes on from memory, and a restart would forget \
                 what was not written. Make room.",
                self.folder.path().display()
            ),
        ));
    }
}

/// Whether the error says that sled's files are damaged, or sled itself is.
const fn is_damage(error: &Error) -> bool {
    match error {
        Error::Sled { .. }
        | Error::Panicked { .. }
        | Error::Hung { .. }
        | Error::Damaged { .. } => true,
        Error::InUse { .. } | Error::Disk { .. } | Error::Newer { .. } | Error::Closed => false,
    }
}

/// Reads what sled holds and counts it; `None` if it is new.
fn look(vault: &Vault) -> Result<Option<Held>, Error> {
    let door = vault.door();
    let Some((mut meta, live, incidents)) = door.live()? else {
        return Ok(None);
    };
    let mut missing = 0;
    let mut correct = |told: &mut u64, found: u64| {
        missing += told.saturating_sub(found);
        *told = found;
    };
    let size = |records: usize| u64::try_from(records).unwrap_or(u64::MAX);
    correct(&mut meta.checks, size(live.checks.len()));
    correct(&mut meta.outbox, size(live.outbox.len()));
    correct(&mut meta.planned, size(live.planned.len()));
    correct(&mut meta.lapses, size(live.lapses.len()));
    correct(&mut meta.incidents, incidents);
    if meta.transitions <= COUNTED_MAX {
        let found = door.count_transitions()?;
        correct(&mut meta.transitions, found);
    }
    Ok(Some(Held {
        meta,
        live,
        missing,
    }))
}
