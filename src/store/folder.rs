//! The folder of state: who holds it, what lies in it, and what is set aside.
//!
//! ```text
//! data/lock                     held by one process; says which one
//! data/sled/                    sled's files
//! data/sled.broken-20261121T…   sled's files that could not be used; the newest two are kept
//! data/journal-0000000000000001.jsonl
//! data/ballast                  room for recovery when the disk is full
//! data/sled.compact             for a while: sled's files written anew, or those that they replaced
//! data/opening                  openings of sled that did not come back
//! data/trial                    for a moment: whether the disk takes anything
//! ```

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::{
    Error,
    schema::{Form, Time},
};
use crate::model::Timestamp;

/// Room that is given back when the disk is full, so that the store can be opened and the most important be written.
/// sled needs half a MiB to open; the journal's next checkpoint needs about one for a thousand targets.
pub(super) const BALLAST_BYTES: u64 = 4 * 1024 * 1024;
/// The ballast is made (again) when this much is free.
pub const ROOM_BYTES: u64 = 4 * BALLAST_BYTES;
/// After this many openings in a row that did not come back, sled's files are set aside unopened. One or two may be a
/// kill or a loss of power at the wrong moment.
const OPENINGS_MAX: u32 = 3;
/// How many broken copies are kept.
const BROKEN_MAX: usize = 2;

/// Where sled's files are written anew.
pub(super) const COMPACTING: &str = "sled.compact";

/// So often the lock is asked for …
const LOCK_ATTEMPTS: u32 = 50;
/// … with this between. A process that starts another one lends it all its locks for a moment, until that one is what it is
/// to be; so a lock that was just given back may still be held by nobody who means it.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The folder, locked for this process.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The lock goes when this is closed, whatever ends the process.
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is not there and locks it.
    pub(super) fn lock(path: &Path, now: Timestamp) -> Result<Self, Error> {
        if !path.is_dir() {
            make_durable(path).map_err(Error::disk("make the folder", path))?;
        }
        let name = path.join("lock");
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&name)
            .map_err(Error::disk("open", &name))?;
        match patiently(|| lock.try_lock(), || thread::sleep(LOCK_PAUSE)) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(path, &mut lock)),
            Err(TryLockError::Error(error)) => return Err(Error::disk("lock", name)(error)),
        }
        // On a full disk the words may not fit; the lock holds all the same.
        let words = format!("{} {now}\n", std::process::id());
        let written = lock
            .set_len(0)
            .and_then(|()| lock.write_all(words.as_bytes()));
        if let Err(error) = written {
            tracing::debug!(%error, "the lock file does not say who holds it");
        }
        Ok(Self {
            path: path.to_path_buf(),
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where sled's files are.
    pub(super) fn sled(&self) -> PathBuf {
        self.path.join("sled")
    }

    /// Removes what a compaction left behind that was killed: half of new files, or the old ones.
    pub(super) fn forget_compaction(&self) {
        let left = self.path.join(COMPACTING);
        match fs::remove_dir_all(&left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %left.display(), "it stays, and only takes room");
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Notes that sled is about to be opened, and says whether that should be dared.
    pub(super) fn begin_opening(&self) -> bool {
        let name = self.path.join("opening");
        let before = fs::read_to_string(&name).ok();
        let before = before.and_then(|text| text.trim().parse::<u32>().ok());
        let count = before.unwrap_or(0).saturating_add(1);
        // If it cannot be written the disk is full or read-only, and this guard is the least of all troubles.
        drop(fs::write(&name, format!("{count}\n")));
        count <= OPENINGS_MAX
    }

    /// Notes that opening came back, well or not.
    pub(super) fn end_opening(&self) {
        drop(fs::remove_file(self.path.join("opening")));
    }

    /// Whether the disk takes anything: a few bytes, written, synced and taken away again.
    pub(super) fn try_writing(&self) -> Result<(), Error> {
        let name = self.path.join("trial");
        let tried = File::create(&name).and_then(|mut file| {
            file.write_all(b"hekate\n")?;
            file.sync_all()
        });
        drop(fs::remove_file(&name));
        tried.map_err(Error::disk("write", name))
    }

    fn snapshots(&self) -> Vec<PathBuf> {
        let listing = self.sled().read_dir().into_iter().flatten();
        listing
            .flatten()
            .filter(|file| file.file_name().to_string_lossy().starts_with("snap."))
            .map(|file| file.path())
            .collect()
    }

    /// Whether there are snapshot files of sled, from which it starts faster but which it does not need.
    pub(super) fn has_snapshots(&self) -> bool {
        !self.snapshots().is_empty()
    }

    /// Moves sled's snapshot files away.
    pub(super) fn set_snapshots_aside(&self, now: Timestamp) -> Result<(), Error> {
        for file in self.snapshots() {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let aside = self.aside(&name, now);
            fs::rename(&file, &aside).map_err(Error::disk("set aside", &file))?;
        }
        self.keep_newest("snap.");
        Ok(())
    }

    /// Moves sled's folder away and gives back its new place; `None` if there was none.
    pub(super) fn set_sled_aside(&self, now: Timestamp) -> Result<Option<PathBuf>, Error> {
        let aside = self.aside("sled", now);
        match fs::rename(self.sled(), &aside) {
            Ok(()) => {
                self.keep_newest("sled");
                Ok(Some(aside))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::disk("set aside", self.sled())(error)),
        }
    }

    /// Puts sled's folder back that was set aside, in place of a new one that could not be filled.
    pub(super) fn put_sled_back(&self, aside: &Path) -> Result<(), Error> {
        match fs::remove_dir_all(self.sled()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::disk("remove", self.sled())(error));
            }
            Ok(()) | Err(_) => {}
        }
        fs::rename(aside, self.sled()).map_err(Error::disk("put back", aside))
    }

    fn aside(&self, name: &str, now: Timestamp) -> PathBuf {
        let first = self.path.join(format!("{name}.broken-{}", stamp(now)));
        // Two in one second are told apart by a number.
        let more = (2..).map(|number| {
            let name = format!("{name}.broken-{}-{number}", stamp(now));
            self.path.join(name)
        });
        std::iter::once(first)
            .chain(more)
            .find(|path: &PathBuf| !path.exists())
            .expect("the numbers do not end before the names of one second do")
    }

    fn keep_newest(&self, beginning: &str) {
        let Ok(listing) = self.path.read_dir() else {
            return;
        };
        let mut broken: Vec<_> = listing
            .flatten()
            .map(|file| file.path())
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(beginning) && name.contains(".broken-")
            })
            .collect();
        broken.sort();
        let too_many = broken.len().saturating_sub(BROKEN_MAX);
        for path in broken.drain(..too_many) {
            let gone = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            if let Err(error) = gone {
                tracing::warn!(path = %path.display(), %error, "an old broken copy stays");
            }
        }
    }

    /// Gives the room of the ballast back to the disk; says whether there was any.
    pub(super) fn free_ballast(&self) -> bool {
        fs::remove_file(self.path.join("ballast")).is_ok()
    }

    /// Makes the ballast if there is room for it, and says whether it is there.
    pub(super) fn keep_ballast(&self) -> bool {
        let name = self.path.join("ballast");
        let is_whole = |length: u64| length == BALLAST_BYTES;
        if fs::metadata(&name).is_ok_and(|found| is_whole(found.len())) {
            return true;
        }
        if !self.has_room() {
            return false;
        }
        let made = fill(&name);
        if made.is_err() {
            drop(fs::remove_file(&name));
        }
        made.is_ok()
    }

    /// Whether the disk is far from full.
    pub(super) fn has_room(&self) -> bool {
        self.free_bytes().is_some_and(|free| free >= ROOM_BYTES)
    }

    /// How much can still be written to the disk.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        free_bytes(&self.path)
    }

    /// How many bytes all its files have.
    pub(super) fn size_bytes(&self) -> u64 {
        fn of(path: &Path) -> u64 {
            let Ok(listing) = path.read_dir() else {
                return 0;
            };
            let sizes = listing.flatten().map(|file| match file.metadata() {
                Ok(found) if found.is_dir() => of(&file.path()),
                Ok(found) => found.len(),
                Err(_) => 0,
            });
            sizes.sum()
        }
        of(&self.path)
    }

    /// Makes what was renamed, made or taken away in the folder outlive a loss of power.
    pub(super) fn sync(&self) -> Result<(), Error> {
        sync_folder(&self.path)
    }
}

/// How much can still be written to the disk that this folder is on; absent if the system does not say.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Makes the names in this folder outlive a loss of power.
pub(super) fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::disk("sync", path))
}

/// Makes the folder and those above it, so that their names outlive a loss of power: what is synced in a folder that
/// cannot be found is lost all the same.
fn make_durable(path: &Path) -> io::Result<()> {
    let mut made: Vec<_> = path
        .ancestors()
        .take_while(|folder| !folder.is_dir())
        .collect();
    made.retain(|folder| !folder.as_os_str().is_empty());
    make_private(path)?;
    for folder in made {
        let above = folder
            .parent()
            .filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        match File::open(above).and_then(|above| above.sync_all()) {
            // Whoever may make a folder in there may all the same not be let to read it.
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// What foreign services answered lies in here, so other people of the machine have no business with it.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Real bytes, not a hole: a hole takes no room, and so has none to give back.
fn fill(name: &Path) -> io::Result<()> {
    let mut file = File::create(name)?;
    let block = vec![0x5A; 64 * 1024];
    let mut left = BALLAST_BYTES;
    while left > 0 {
        file.write_all(&block)?;
        left = left.saturating_sub(u64::try_from(block.len()).unwrap_or(left));
    }
    file.sync_all()
}

/// Asks for a lock until it is had, or was asked for often enough.
fn patiently(
    mut ask: impl FnMut() -> Result<(), TryLockError>,
    mut pause: impl FnMut(),
) -> Result<(), TryLockError> {
    for _ in 1..LOCK_ATTEMPTS {
        match ask() {
            Err(TryLockError::WouldBlock) => pause(),
            answer @ (Ok(()) | Err(TryLockError::Error(_))) => return answer,
        }
    }
    ask()
}

fn in_use(path: &Path, lock: &mut File) -> Error {
    let mut words = String::new();
    // What cannot be read is told as not known.
    drop(lock.take(200).read_to_string(&mut words));
    let mut words = words.split_whitespace();
    let pid = words.next().and_then(|word| word.parse().ok());
    let since = words
        .next()
        .and_then(|word| serde_json::from_value::<Time>(word.into()).ok())
        .map(Form::into_model);
    Error::InUse {
        path: path.to_path_buf(),
        pid,
        since,
    }
}

/// A time as it stands in names of files: sorts by time and needs no quotes in a shell.
pub(super) fn stamp(now: Timestamp) -> String {
    now.to_utc().format("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a lock is asked for and waited for that is given at this attempt.
    fn asked(given_at: u32) -> (bool, u32, u32) {
        let (mut asked, mut paused) = (0, 0);
        let answer = patiently(
            || {
                asked += 1;
                match asked {
                    attempt if attempt == given_at => Ok(()),
                    _ => Err(TryLockError::WouldBlock),
                }
            },
            || paused += 1,
        );
        (answer.is_ok(), asked, paused)
    }

    #[test]
    fn a_lock_that_is_only_lent_is_waited_for_and_one_that_is_held_is_not() {
        assert_eq!(asked(1), (true, 1, 0));
        assert_eq!(asked(4), (true, 4, 3));
        assert_eq!(
            asked(LOCK_ATTEMPTS),
            (true, LOCK_ATTEMPTS, LOCK_ATTEMPTS - 1)
        );
        assert_eq!(asked(u32::MAX), (false, LOCK_ATTEMPTS, LOCK_ATTEMPTS - 1));
    }

    #[test]
    fn a_lock_that_cannot_be_asked_for_is_an_error_at_once() {
        let mut asked = 0;
        let answer = patiently(
            || {
                asked += 1;
                Err(TryLockError::Error(io::ErrorKind::Unsupported.into()))
            },
            || {},
        );
        assert!(matches!(answer, Err(TryLockError::Error(_))));
        assert_eq!(asked, 1);
    }
}
