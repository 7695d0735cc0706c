//! The end of a file, and the lines in it.

use std::{
    fs::File,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    os::unix::fs::FileExt as _,
};

use crate::model::Timestamp;

use super::stamp::{Frame, Line};

/// The bytes from `start` to the end of a file.
pub(super) struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// Reads at most `most` bytes before `size`; fewer if the file is being cut at this moment.
    pub(super) fn read(file: &File, size: u64, most: usize) -> io::Result<Self> {
        let wanted = usize::try_from(size).unwrap_or(usize::MAX).min(most);
        let start = size - wanted as u64;
        let mut bytes = vec![0; wanted];
        let mut filled = 0;
        while filled < wanted {
            match file.read_at(&mut bytes[filled..], start + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(Self { start, bytes })
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Tells one content from another.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.bytes.hash(&mut hasher);
        hasher.finish()
    }

    /// Whether anything was written at or after this place in the file. A hole, which a writer leaves that was not told
    /// that its file has been cut, reads as NUL bytes; those nobody wrote.
    pub(super) fn has_content(&self, from: u64) -> bool {
        let skip = usize::try_from(from.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.bytes
            .get(skip..)
            .unwrap_or_default()
            .iter()
            .any(|byte| *byte != 0 && !byte.is_ascii_whitespace())
    }

    /// The newest time that is written in a line which ends after this place in the file.
    pub(super) fn newest(&self, from: u64, frame: &Frame) -> Option<Timestamp> {
        let mut end = self.start;
        let mut newest = None;
        for (index, bytes) in self
            .bytes
            .split_inclusive(|byte| *byte == b'\n')
            .enumerate()
        {
            end += bytes.len() as u64;
            // The first one has lost its beginning, unless it is the first of the file.
            let is_whole = index > 0 || self.start == 0;
            if is_whole && end > from {
                let line = Line {
                    bytes,
                    is_ended: bytes.ends_with(b"\n"),
                };
                newest = newest.max(line.stamp(frame));
            }
        }
        newest
    }
}
