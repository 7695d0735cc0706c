//! The second line beside sled: an append-only file of JSON Lines, each numbered and chained by hash.
//!
//! It shows what sled loses in silence, rebuilds the store when sled cannot be opened, is the record of who was told
//! what, and can be read with `less`. Every file begins with a checkpoint of all live state, so that the newest file is
//! enough; two are kept.

mod line;
mod read;

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

pub(super) use line::{Content, Hash, Line, Position};
pub use read::Fault;
pub(super) use read::{Reading, files, read, read_all, verify};

use super::{Error, folder::sync_folder, live::Live, schema::v1};
use crate::model::Timestamp;

/// A new file is begun when this many bytes were written after the checkpoint of the last one, and no fewer than that has.
const ROTATE_BYTES: u64 = 8 * 1024 * 1024;
/// How many files are kept, the one that is written included.
const FILES_MAX: usize = 2;

/// The journal, open for writing.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    last: Position,
    len_bytes: u64,
    checkpoint_bytes: u64,
    rotate_bytes: u64,
}

impl Journal {
    /// Goes on with the newest file that was read, after cutting off what is torn at its end; `None` if a new file has
    /// to be begun.
    pub(super) fn resume(folder: &Path, reading: &Reading) -> Result<Option<Self>, Error> {
        let Some(end) = &reading.end else {
            return Ok(None);
        };
        if !reading.faults.is_empty() {
            return Ok(None);
        }
        let file = open_to_append(&end.path)?;
        if reading.torn.is_some() {
            file.set_len(end.whole_bytes)
                .and_then(|()| file.sync_all())
                .map_err(Error::disk("cut off the torn end of", &end.path))?;
        }
        Ok(Some(Self {
            folder: folder.to_path_buf(),
            path: end.path.clone(),
            file,
            last: reading.last(),
            len_bytes: end.whole_bytes,
            checkpoint_bytes: end.first_bytes,
            rotate_bytes: ROTATE_BYTES,
        }))
    }

    /// Begins a new file after this position, with a checkpoint of this state.
    pub(super) fn begin(
        folder: &Path,
        after: Position,
        live: &Live,
        at: Timestamp,
    ) -> Result<Self, Error> {
        let mut after = after;
        if let Some(newest) = files(folder)?.last() {
            // A file that cannot be used stays for people to look at; it must not be the newest.
            let name = newest.file_name().unwrap_or_default().to_string_lossy();
            after.number = after.number.max(number_of(&name).unwrap_or(0));
        }
        let path = folder.join(format!("journal-{:016}.jsonl", after.number + 1));
        let unfinished = folder.join("journal.unfinished");
        let written = write_whole(&unfinished, after, at, live)
            .and_then(|written| fs::rename(&unfinished, &path).map(|()| written))
            .map_err(Error::disk("write", &path));
        if written.is_err() {
            drop(fs::remove_file(&unfinished));
        }
        let (last, len_bytes) = written?;
        sync_folder(folder)?;
        let journal = Self {
            folder: folder.to_path_buf(),
            file: open_to_append(&path)?,
            path,
            last,
            len_bytes,
            checkpoint_bytes: len_bytes,
            rotate_bytes: ROTATE_BYTES,
        };
        journal.drop_old_files();
        Ok(journal)
    }

    /// Where the last line stands.
    pub(super) const fn last(&self) -> Position {
        self.last
    }

    /// Adds these batches and makes them durable. After an error it must be read anew: nobody knows what is on the disk.
    pub(super) fn append(&mut self, batches: &[v1::Batch]) -> Result<Vec<Position>, Error> {
        let mut text = Vec::new();
        let mut positions = Vec::with_capacity(batches.len());
        let mut last = self.last;
        for batch in batches {
            last = line::push_batch(&mut text, last, batch);
            positions.push(last);
        }
        if let Err(error) = self.file.write_all(&text) {
            // Half a line would be found at the next opening and taken for a loss of power.
            if let Err(error) = self.file.set_len(self.len_bytes) {
                tracing::debug!(%error, "half a line stays at the end of the journal");
            }
            return Err(Error::disk("write", &self.path)(error));
        }
        self.file
            .sync_data()
            .map_err(Error::disk("sync", &self.path))?;
        self.last = last;
        self.len_bytes += u64::try_from(text.len()).unwrap_or(0);
        Ok(positions)
    }

    /// Whether enough was written for a new file.
    pub(super) const fn is_due(&self) -> bool {
        let written = self.len_bytes.saturating_sub(self.checkpoint_bytes);
        // The checkpoint of a large fleet is long; written more often it would be most of what is written.
        written >= self.rotate_bytes && written >= self.checkpoint_bytes
    }

    /// Goes over to a new file.
    pub(super) fn rotate(&mut self, live: &Live, at: Timestamp) -> Result<(), Error> {
        let rotate_bytes = self.rotate_bytes;
        *self = Self::begin(&self.folder, self.last, live, at)?;
        self.rotate_bytes = rotate_bytes;
        Ok(())
    }

    #[cfg(test)]
    pub(super) const fn rotate_after(&mut self, bytes: u64) {
        self.rotate_bytes = bytes;
    }

    fn drop_old_files(&self) {
        let files = files(&self.folder).unwrap_or_default();
        let too_many = files.len().saturating_sub(FILES_MAX);
        for file in &files[..too_many] {
            if let Err(error) = fs::remove_file(file) {
                tracing::warn!(file = %file.display(), %error, "an old file of the journal stays");
            }
        }
    }
}

/// The number in the name of a file of the journal.
fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix("journal-")?
        .strip_suffix(".jsonl")?
        .parse()
        .ok()
}

fn open_to_append(path: &Path) -> Result<File, Error> {
    File::options()
        .append(true)
        .open(path)
        .map_err(Error::disk("open", path))
}

/// Writes a file that has nothing but a checkpoint; where its line stands, and how many bytes it has.
fn write_whole(
    path: &Path,
    after: Position,
    at: Timestamp,
    live: &Live,
) -> io::Result<(Position, u64)> {
    let mut file = BufWriter::with_capacity(64 * 1024, File::create(path)?);
    let last = line::write_checkpoint(&mut file, after, at, &live.checkpoint())?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok((last, file.metadata()?.len()))
}
