//! From a query to an open file, without ever opening what is no regular file.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use crate::model::logs::{LogFault, LogFaultKind};

/// More files that fit a query are a query that was not meant.
const FITTING_MAX: usize = 1_000;
/// Files that are packed are the past, whatever their time says.
const PACKED: [&str; 6] = [".gz", ".xz", ".bz2", ".zst", ".zip", ".lz4"];

/// Which file it is, whatever it is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

/// A regular file that was there a moment ago.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) id: FileId,
}

/// The file that a query means; absent if there is none.
pub(super) fn find(query: &str) -> Result<Option<Found>, LogFault> {
    let path = Path::new(query);
    if query.contains('*') {
        return newest(path);
    }
    match fs::metadata(path) {
        Ok(metadata) => {
            must_be_regular(&metadata)?;
            Ok(Some(found(path.to_owned(), &metadata)))
        }
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(fault(&error)),
    }
}

/// Opens a file that was found. It may have been exchanged meanwhile: what is returned says which one it is.
pub(super) fn open(path: &Path) -> Result<Option<(File, FileId)>, LogFault> {
    // Without waiting: whatever took the file's place must not hold us.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(error) => {
            let error = io::Error::from(error);
            return if is_missing(&error) {
                Ok(None)
            } else {
                Err(fault(&error))
            };
        }
    };
    let metadata = file.metadata().map_err(|error| fault(&error))?;
    must_be_regular(&metadata)?;
    let id = id(&metadata);
    Ok(Some((file, id)))
}

/// The fault that an error of the file system stands for.
pub(super) fn fault(error: &io::Error) -> LogFault {
    let (kind, words) = match Errno::from_io_error(error) {
        Some(Errno::ACCESS | Errno::PERM) => (LogFaultKind::Auth, "no permission to read it"),
        Some(Errno::LOOP) => (
            LogFaultKind::BadQuery,
            "its symbolic links lead in a circle",
        ),
        Some(Errno::NAMETOOLONG) => (LogFaultKind::BadQuery, "the path is too long"),
        Some(Errno::MFILE | Errno::NFILE) => (
            LogFaultKind::Own,
            "this machine or this process has too many files open",
        ),
        Some(Errno::NOMEM) => (LogFaultKind::Own, "out of memory"),
        Some(_) => {
            return LogFault::new(LogFaultKind::Unreachable, error.to_string());
        }
        // Said by the library itself, before anything was asked: a NUL in the path.
        None => (LogFaultKind::BadQuery, "it is no path"),
    };
    LogFault::new(kind, words)
}

fn newest(pattern: &Path) -> Result<Option<Found>, LogFault> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy();
    let folder = pattern
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if folder.to_string_lossy().contains('*') || !name.contains('*') {
        return Err(LogFault::new(
            LogFaultKind::BadQuery,
            "* may only stand in the last part of a path",
        ));
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(fault(&error)),
    };
    let mut best: Option<((i64, i64, PathBuf), Metadata)> = None;
    let mut fitting = 0;
    for entry in entries {
        let entry = entry.map_err(|error| fault(&error))?;
        if !fits(&name, &entry.file_name().to_string_lossy()) {
            continue;
        }
        fitting += 1;
        if fitting > FITTING_MAX {
            return Err(LogFault::new(
                LogFaultKind::BadQuery,
                "more than 1,000 files fit the path",
            ));
        }
        // What is gone meanwhile, or leads nowhere, or is no file, is not the newest file.
        let Ok(metadata) = fs::metadata(entry.path()) else {
            continue;
        };
        if !metadata.is_file() {
            continue;
        }
        let rank = (metadata.mtime(), metadata.mtime_nsec(), entry.path());
        if best.as_ref().is_none_or(|(best, _)| *best < rank) {
            best = Some((rank, metadata));
        }
    }
    Ok(best.map(|((_, _, path), metadata)| found(path, &metadata)))
}

/// Whether a name fits a pattern in which `*` stands for any characters. As in a shell, hidden files have to be meant.
fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    if PACKED
        .iter()
        .any(|packed| name.ends_with(packed) && !pattern.ends_with(packed))
    {
        return false;
    }
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut left) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else {
            return false;
        };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

fn found(path: PathBuf, metadata: &Metadata) -> Found {
    Found {
        path,
        id: id(metadata),
    }
}

fn id(metadata: &Metadata) -> FileId {
    FileId {
        device: metadata.dev(),
        inode: metadata.ino(),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::NOTDIR)
    )
}

fn must_be_regular(metadata: &Metadata) -> Result<(), LogFault> {
    let kind = metadata.file_type();
    let words = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "it is a folder, not a file",
        () if kind.is_fifo() => "it is a pipe, not a file",
        () if kind.is_socket() => "it is a socket, not a file",
        () => "it is a device, not a file",
    };
    Err(LogFault::new(LogFaultKind::BadQuery, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fit() {
        let rows = [
            ("app-*.log", "app-1.log", true),
            ("app-*.log", "app-.log", true),
            ("app-*.log", "app.log", false),
            ("app-*.log", "app-1.log.1", false),
            ("app.log*", "app.log", true),
            ("app.log*", "app.log.1", true),
            ("app.log*", "app.log.2.gz", false),
            ("app.log*.gz", "app.log.2.gz", true),
            ("*", "a", true),
            ("*", ".a", false),
            (".*", ".a", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("a**c", "ac", true),
            ("aa*aa", "aaa", false),
            ("č*ž", "čšž", true),
        ];
        for (pattern, name, expected) in rows {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
