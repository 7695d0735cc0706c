//! Copies of a store, and what is made of them again.
//!
//! A backup is a folder that is a store itself: copies of the journal, and of sled's files if nobody works with the store. The
//! journal alone is consistent at any moment, since it is only ever added to and knows where it is torn; sled's files
//! are not while sled writes them. So a backup of a running hekate has all that it needs to go on, and of the past what the
//! journal has.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{
    Database, Error, Notice,
    folder::{Folder, make_private, stamp, sync_folder},
    journal::{self, Content, Journal},
};
use crate::model::{Loaded, Timestamp, plan::StoreSettings};

/// A running hekate may begin a new file of the journal while the old ones are copied; then it is copied anew, this often.
const TRIES: u32 = 5;

/// What a backup has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backup {
    /// Its size.
    pub bytes: u64,
    /// How many lines of the journal it has.
    pub lines: usize,
    /// Since when it has the past; absent if it has all of it.
    pub past_since: Option<Timestamp>,
}

/// What was made of a backup.
#[derive(Debug)]
pub struct Restored {
    /// What the store knows now.
    pub loaded: Loaded,
    /// What had to be done for it.
    pub notices: Vec<Notice>,
    /// Where the store before it is now, if there was one.
    pub before: Option<PathBuf>,
}

/// Copies a store into a new folder. hekate may be running.
///
/// # Errors
///
/// [`Error::Disk`] if the new folder is there already or cannot be written; [`Error::Damaged`] if the journal is not whole, so
/// that the copy would not be either. Then nothing stays behind.
pub fn backup(from: &Path, to: &Path, now: Timestamp) -> Result<Backup, Error> {
    if to.exists() {
        let there = io::ErrorKind::AlreadyExists.into();
        return Err(Error::disk("make the folder", to)(there));
    }
    make_private(to).map_err(Error::disk("make the folder", to))?;
    let made = fill(from, to, now);
    if made.is_err() {
        drop(fs::remove_dir_all(to));
    }
    made
}

fn fill(from: &Path, to: &Path, now: Timestamp) -> Result<Backup, Error> {
    let lock = match Folder::lock(from, now) {
        Ok(lock) => Some(lock),
        Err(Error::InUse { .. }) => None,
        Err(error) => return Err(error),
    };
    let mut tries = 0;
    while !copy_journal(from, to)? {
        tries += 1;
        if tries == TRIES {
            return Err(Error::Damaged {
                what: "the journal",
                why: String::from("its files change faster than they can be copied"),
            });
        }
    }
    let reading = journal::read(to)?;
    if let Some(fault) = reading.faults.first() {
        return Err(Error::Damaged {
            what: "the journal",
            why: fault.to_string(),
        });
    }
    // What was being written at that moment is cut off, as after a loss of power.
    drop(Journal::resume(to, &reading)?);
    let sled = from.join("sled");
    let is_whole = lock.is_some();
    if is_whole && sled.is_dir() {
        copy_folder(&sled, &to.join("sled"))?;
    }
    sync_folder(to)?;
    let lines = journal::read_all(to)?;
    let first = lines.iter().find_map(|line| match &line.content {
        Content::Batch(batch) => Some(batch.at.0),
        Content::Checkpoint(_) => None,
    });
    Ok(Backup {
        bytes: size_of(to),
        lines: lines.len(),
        past_since: first.or(Some(now)).filter(|_| !is_whole),
    })
}

/// Copies all files of the journal, oldest first; whether they stayed the same files.
fn copy_journal(from: &Path, to: &Path) -> Result<bool, Error> {
    for old in journal::files(to)? {
        fs::remove_file(&old).map_err(Error::disk("remove", &old))?;
    }
    let files = journal::files(from)?;
    for file in &files {
        let name = file.file_name().unwrap_or_default();
        match copy_file(file, &to.join(name)) {
            Err(Error::Disk { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(false);
            }
            Err(error) => return Err(error),
            Ok(()) => {}
        }
    }
    Ok(journal::files(from)? == files)
}

/// Makes a store of a backup: copied beside its place, opened there once, and only then put in its place, in one step. The store
/// before it is kept under another name.
///
/// What happened after the backup is not known any more: what was told since may be told again.
///
/// # Errors
///
/// [`Error::Damaged`] if the backup is not whole; [`Error::InUse`] if hekate is running; [`Error::Disk`] if there is a store
/// already and it may not be replaced. Then the store is as it was.
pub fn restore(
    settings: &StoreSettings,
    from: &Path,
    now: Timestamp,
    may_replace: bool,
) -> Result<Restored, Error> {
    let (lines, faults) = journal::verify(from)?;
    let why = match faults.first() {
        Some(fault) => Some(fault.to_string()),
        None if lines == 0 => Some(format!("there is no journal in {}", from.display())),
        None => None,
    };
    if let Some(why) = why {
        let what = "the backup";
        return Err(Error::Damaged { what, why });
    }
    let place = &settings.path;
    let is_there = place
        .read_dir()
        .is_ok_and(|mut listing| listing.next().is_some());
    if is_there && !may_replace {
        let there = io::ErrorKind::AlreadyExists.into();
        return Err(Error::disk("replace", place)(there));
    }
    // Whoever works with the store must not lose it under their hands.
    let lock = is_there.then(|| Folder::lock(place, now)).transpose()?;
    let beside = named(place, &format!("restoring-{}", stamp(now)));
    let made = copy_store(from, &beside)
        .and_then(|()| open_once(settings, &beside, now))
        .and_then(|(loaded, notices)| {
            let before = put_in_place(&beside, place, is_there, now)?;
            Ok(Restored {
                loaded,
                notices,
                before,
            })
        });
    if made.is_err() {
        drop(fs::remove_dir_all(&beside));
    }
    drop(lock);
    made
}

fn copy_store(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(above) = to.parent().filter(|above| !above.as_os_str().is_empty()) {
        fs::create_dir_all(above).map_err(Error::disk("make the folder", above))?;
    }
    make_private(to).map_err(Error::disk("make the folder", to))?;
    copy_journal(from, to)?;
    let sled = from.join("sled");
    if sled.is_dir() {
        copy_folder(&sled, &to.join("sled"))?;
    }
    sync_folder(to)
}

/// Opens it as hekate would, which repairs what can be repaired and shows what cannot.
fn open_once(
    settings: &StoreSettings,
    place: &Path,
    now: Timestamp,
) -> Result<(Loaded, Vec<Notice>), Error> {
    let settings = StoreSettings {
        path: place.to_path_buf(),
        ..settings.clone()
    };
    let (_database, loaded, notices) = Database::open(&settings, now)?;
    Ok((loaded, notices))
}

/// In one step, so that whoever starts hekate at that moment finds the one or the other and never nothing.
fn put_in_place(
    beside: &Path,
    place: &Path,
    is_there: bool,
    now: Timestamp,
) -> Result<Option<PathBuf>, Error> {
    let before = if is_there {
        renameat_with(CWD, beside, CWD, place, RenameFlags::EXCHANGE)
            .map_err(|error| Error::disk("replace", place)(error.into()))?;
        let before = named(place, &format!("before-{}", stamp(now)));
        fs::rename(beside, &before).map_err(Error::disk("rename", beside))?;
        Some(before)
    } else {
        fs::rename(beside, place).map_err(Error::disk("rename", beside))?;
        None
    };
    let above = place.parent().filter(|above| !above.as_os_str().is_empty());
    sync_folder(above.unwrap_or(Path::new(".")))?;
    Ok(before)
}

/// `data.before-20261121T…`
fn named(place: &Path, what: &str) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    PathBuf::from(name)
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Error> {
    make_private(to).map_err(Error::disk("make the folder", to))?;
    let listing = from.read_dir().map_err(Error::disk("read", from))?;
    for found in listing {
        let found = found.map_err(Error::disk("read", from))?;
        let kind = found.file_type().map_err(Error::disk("read", from))?;
        let target = to.join(found.file_name());
        if kind.is_dir() {
            copy_folder(&found.path(), &target)?;
        } else if kind.is_file() {
            copy_file(&found.path(), &target)?;
        }
    }
    sync_folder(to)
}

fn copy_file(from: &Path, to: &Path) -> Result<(), Error> {
    fs::copy(from, to).map_err(Error::disk("copy", from))?;
    File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(Error::disk("sync", to))
}

pub(super) fn size_of(folder: &Path) -> u64 {
    let listing = folder.read_dir().into_iter().flatten().flatten();
    listing
        .map(|found| match found.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&found.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
