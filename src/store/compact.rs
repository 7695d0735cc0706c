//! The history in as little room as it takes.
//!
//! sled only ever adds to its files and gives room back late, so after years with much that was swept they are larger than what
//! is in them. Here all that is in them is written into a new sled beside the old one, compared with it record by record, and put in
//! its place in one step. The journal is left as it is: it is the audit log, has its own bounds, and is all that a start needs
//! besides.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{
    Database, Error, Removed,
    folder::{COMPACTING, make_private, sync_folder},
    vault::{Door, Vault},
};
use crate::model::{Timestamp, plan::StoreSettings};

/// Who hears how far something has come: how many records are done, and about how many there are.
pub type Progress<'told> = &'told mut dyn FnMut(u64, u64);

/// What a compaction came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compacted {
    /// The size of sled's files before.
    pub before_bytes: u64,
    /// Their size now.
    pub after_bytes: u64,
    /// What was taken away because it is older than the retention.
    pub removed: Removed,
    /// How many records there are.
    pub records: u64,
}

/// What a migration came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Migrated {
    /// The format in which everything is now.
    pub format: u32,
    /// How many records were read, which is all of them.
    pub records: u64,
}

/// Takes away what is older than the retention, and writes the rest of the history into new files. hekate must not be running.
///
/// Whoever is killed in the middle finds the old files or the new ones; both hold the same.
///
/// # Errors
///
/// [`Error::InUse`] if hekate is running; [`Error::Disk`] if there is no room for both, or the disk does not take it;
/// [`Error::Damaged`] if the new files do not hold what the old ones do. Then the store is as it was.
pub fn compact(
    settings: &StoreSettings,
    now: Timestamp,
    progress: Progress<'_>,
) -> Result<Compacted, Error> {
    let (mut database, _, _) = Database::open(settings, now)?;
    let removed = sweep(&mut database, now)?;
    let old = database.folder.sled();
    let beside = database.folder.path().join(COMPACTING);
    let before_bytes = size_of(&old);
    if database
        .folder
        .free_bytes()
        .is_some_and(|free| free < before_bytes)
    {
        let full = io::ErrorKind::StorageFull.into();
        return Err(Error::disk("make room beside", &old)(full));
    }
    let about = 2 * database.count();
    let vault = database.vault.take().ok_or(Error::Closed)?;
    let written = write_anew(vault.door(), &beside, about, progress);
    // Its files are exchanged next, so nobody may have them open.
    drop(vault);
    let written = written.and_then(|records| {
        renameat_with(CWD, &beside, CWD, &old, RenameFlags::EXCHANGE)
            .map_err(|error| Error::disk("replace", &old)(error.into()))?;
        database.folder.sync()?;
        Ok(records)
    });
    // The half of a new one, or the old one.
    database.folder.forget_compaction();
    written.map(|records| Compacted {
        before_bytes,
        after_bytes: size_of(&old),
        removed,
        records,
    })
}

/// Opens a store of any older version, which repairs it and brings it to the newest format as `hekate run` would, and reads
/// every record of it once. hekate must not be running.
///
/// # Errors
///
/// [`Error::InUse`] if hekate is running; [`Error::Newer`] if a newer hekate wrote it; otherwise what cannot be read.
pub fn migrate(
    settings: &StoreSettings,
    now: Timestamp,
    progress: Progress<'_>,
) -> Result<Migrated, Error> {
    let (database, _, _) = Database::open(settings, now)?;
    let mut lines = Lines {
        count: 0,
        about: database.count(),
        progress,
    };
    let records = database.export(&mut lines)?;
    Ok(Migrated {
        format: super::schema::VERSION.into(),
        records,
    })
}

fn sweep(database: &mut Database, now: Timestamp) -> Result<Removed, Error> {
    let mut all = Removed::default();
    while !all.is_complete {
        let some = database.sweep(now)?;
        all.transitions += some.transitions;
        all.incidents += some.incidents;
        all.plans += some.plans;
        all.latencies += some.latencies;
        all.is_complete = some.is_complete;
    }
    Ok(all)
}

/// Makes a new sled of what is behind the door, closes it, opens it again, and compares the two.
fn write_anew(
    from: &Door,
    beside: &Path,
    about: u64,
    progress: Progress<'_>,
) -> Result<u64, Error> {
    // As sled has them and not as we know them: what is not copied would be lost.
    let trees = from.tree_names()?;
    make_private(beside).map_err(Error::disk("make the folder", beside))?;
    let mut done = 0;
    let new = Vault::open(beside, Door::default())?;
    for tree in &trees {
        let mut after = None;
        loop {
            let page = from.page(tree, after)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            done += page.len() as u64;
            new.door().fill(tree, page)?;
            progress(done, about);
        }
    }
    new.finish()?;
    drop(new);
    sync_all(beside)?;
    let records = done;
    let new = Vault::open(beside, Door::default())?;
    for tree in &trees {
        let mut after = None;
        loop {
            let page = from.page(tree, after.clone())?;
            if page != new.door().page(tree, after)? {
                return Err(Error::Damaged {
                    what: "the new store",
                    why: format!("{} is not what it was", String::from_utf8_lossy(tree)),
                });
            }
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            done += page.len() as u64;
            progress(done, about);
        }
    }
    drop(new);
    sync_all(beside)?;
    Ok(records)
}

/// Makes every file below a folder outlive a loss of power, and its name.
fn sync_all(folder: &Path) -> Result<(), Error> {
    let listing = folder.read_dir().map_err(Error::disk("read", folder))?;
    for found in listing.flatten() {
        let path = found.path();
        if path.is_dir() {
            sync_all(&path)?;
        } else {
            File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(Error::disk("sync", path))?;
        }
    }
    sync_folder(folder)
}

fn size_of(folder: &Path) -> u64 {
    let listing = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = listing.map(|found| match found.metadata() {
        Ok(entry) if entry.is_dir() => size_of(&found.path()),
        Ok(entry) => entry.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// Counts the lines that are written to it, and keeps none.
struct Lines<'told> {
    count: u64,
    about: u64,
    progress: Progress<'told>,
}

impl io::Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // One more piece than there are ends of lines.
        let lines = bytes.split(|byte| *byte == b'\n').count().saturating_sub(1) as u64;
        if lines > 0 {
            self.count += lines;
            (self.progress)(self.count, self.about);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{Place, at, commit, goes_down};

    /// Trees are added from version to version, and one that is forgotten here would be lost.
    #[test]
    fn every_tree_is_taken_along_whoever_made_it() {
        let place = Place::new();
        let (mut database, _) = place.open_well();
        commit(&mut database, goes_down("blue", 1, 100));
        let tree = b"of_a_later_version";
        let records = vec![(b"key".to_vec(), vec![7; 3])];
        database.door.fill(tree, records.clone()).unwrap();
        let names = |database: &Database| {
            let mut names = database.door.tree_names().unwrap();
            names.sort();
            names
        };
        let before = names(&database);
        drop(database);
        let made = compact(&place.settings, at(1_000_000), &mut |_, _| {}).unwrap();
        assert!(made.removed.is_complete);
        let (database, loaded) = place.open_well();
        assert_eq!(loaded.open.len(), 1);
        assert_eq!(names(&database), before);
        assert_eq!(database.door.page(tree, None).unwrap(), records);
    }
}
