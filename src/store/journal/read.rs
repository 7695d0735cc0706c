//! Reads the journal and says what of it is whole.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use super::{
    super::{Error, live::Live},
    line::{Broken, Content, Line, Position, parse},
};

/// A place in the journal that is not as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Which file.
    pub file: PathBuf,
    /// Which line of it, from 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, line {}: {}",
            self.file.display(),
            self.line,
            self.why
        )
    }
}

/// One file, read.
#[derive(Debug)]
pub(super) struct FileReading {
    pub(super) path: PathBuf,
    /// All whole lines.
    pub(super) lines: Vec<Line>,
    /// How many bytes there are up to the end of the last whole line.
    pub(super) whole_bytes: u64,
    /// How many bytes the first line has.
    pub(super) first_bytes: u64,
    /// What is wrong before the last whole line.
    pub(super) faults: Vec<Fault>,
    /// What is wrong after it: the first place.
    pub(super) torn: Option<Fault>,
    /// How many lines there are before the first fault, and where they end.
    before_fault: (usize, u64),
}

/// The journal, read: from its newest checkpoint on.
#[derive(Default, Debug)]
pub(in crate::store) struct Reading {
    /// The files it has, oldest first.
    pub(super) files: Vec<PathBuf>,
    /// All whole lines from the newest usable checkpoint on.
    pub(in crate::store) lines: Vec<Line>,
    /// The state that they fold to; absent if there is no usable checkpoint.
    pub(in crate::store) live: Option<Live>,
    /// What is wrong between whole lines: something is lost there.
    pub(in crate::store) faults: Vec<Fault>,
    /// What is wrong after the last whole line: the end of a write that was cut off.
    pub(in crate::store) torn: Option<Fault>,
    /// Where to go on writing, if the newest file can be gone on with.
    pub(super) end: Option<End>,
    /// If nothing is wrong but in the newest file: how many of `lines` come before, and where they end.
    before_fault: Option<(usize, u64)>,
}

/// The end of the newest file.
#[derive(Debug)]
pub(super) struct End {
    pub(super) path: PathBuf,
    pub(super) whole_bytes: u64,
    pub(super) first_bytes: u64,
}

impl Reading {
    /// Where the last whole line stands; before the first if there is none.
    pub(in crate::store) fn last(&self) -> Position {
        self.lines
            .last()
            .map_or_else(Position::default, |line| line.position)
    }

    /// Takes everything from the first fault on for one write that a loss of power left in pieces, if it can be that: a
    /// disk may have written the end of a group of lines and not its middle. A later line must not be used then, for
    /// what it builds upon is not there.
    ///
    /// It can be that only if what was acknowledged, up to this line, comes before the fault, and no more lines follow
    /// than `most`, as many as one write may have.
    pub(in crate::store) fn cut_unacknowledged(&mut self, acknowledged: Position, most: u64) {
        let (Some((count, whole_bytes)), Some(end)) = (self.before_fault, &mut self.end) else {
            return;
        };
        let mut before = self.lines[..count].iter().map(|line| line.position);
        let follow = self.lines.last().map_or(0, |line| {
            line.position.number.saturating_sub(acknowledged.number)
        });
        if !before.any(|position| position == acknowledged) || follow > most {
            return;
        }
        end.whole_bytes = whole_bytes;
        self.lines.truncate(count);
        self.live = fold(&self.lines);
        self.torn = self.faults.drain(..).next();
        self.before_fault = None;
    }

    /// Whether there is a journal at all, whole or not.
    pub(in crate::store) fn has_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// The hash of the line with this number; absent if it does not reach back to it.
    pub(in crate::store) fn hash_at(&self, number: u64) -> Option<super::Hash> {
        let first = self.lines.first()?;
        if number + 1 == first.position.number {
            return Some(first.previous);
        }
        self.lines
            .iter()
            .find(|line| line.position.number == number)
            .map(|line| line.position.hash)
    }
}

/// Reads the journal from its newest usable checkpoint on. It changes nothing.
pub(in crate::store) fn read(folder: &Path) -> Result<Reading, Error> {
    let files = files(folder)?;
    let mut later: Vec<FileReading> = Vec::new();
    for path in files.iter().rev() {
        let file = read_file(path)?;
        let is_enough = begins_whole(&file);
        later.insert(0, file);
        if is_enough {
            break;
        }
    }
    Ok(join(files, later))
}

/// Every whole line of every file, oldest first, for what is older than the newest checkpoint.
pub(in crate::store) fn read_all(folder: &Path) -> Result<Vec<Line>, Error> {
    let mut lines = Vec::new();
    for path in files(folder)? {
        lines.extend(read_file(&path)?.lines);
    }
    Ok(lines)
}

/// Everything that is wrong with the journal, and how many lines are whole.
pub(in crate::store) fn verify(folder: &Path) -> Result<(usize, Vec<Fault>), Error> {
    let (mut whole, mut faults) = (0, Vec::new());
    let mut before: Option<Position> = None;
    for path in files(folder)? {
        let file = read_file(&path)?;
        whole += file.lines.len();
        faults.extend(file.faults);
        faults.extend(file.torn);
        if let (Some(before), Some(first)) = (before, file.lines.first())
            && (first.previous != before.hash || first.position.number != before.number + 1)
        {
            faults.push(Fault {
                file: path,
                line: 1,
                why: format!(
                    "it does not follow line {} of the file before it",
                    before.number
                ),
            });
        }
        before = file.lines.last().map(|line| line.position).or(before);
    }
    Ok((whole, faults))
}

/// Whether its first whole line is a checkpoint.
fn begins_whole(file: &FileReading) -> bool {
    let first = file.lines.first().map(|line| &line.content);
    matches!(first, Some(Content::Checkpoint(_)))
}

fn join(files: Vec<PathBuf>, parts: Vec<FileReading>) -> Reading {
    let mut reading = Reading {
        files,
        ..Reading::default()
    };
    let count = parts.len();
    for (index, part) in parts.into_iter().enumerate() {
        let is_newest = index + 1 == count;
        if is_newest && reading.faults.is_empty() && !part.faults.is_empty() {
            let (count, bytes) = part.before_fault;
            let is_used = count > 0 && (!reading.lines.is_empty() || begins_whole(&part));
            reading.before_fault = is_used.then(|| (reading.lines.len() + count, bytes));
        }
        reading.faults.extend(part.faults);
        if is_newest && !part.lines.is_empty() {
            reading.torn = part.torn;
            reading.end = Some(End {
                path: part.path,
                whole_bytes: part.whole_bytes,
                first_bytes: part.first_bytes,
            });
        } else {
            reading.faults.extend(part.torn);
        }
        let is_usable = |line: &Line| matches!(line.content, Content::Checkpoint(_));
        let has_checkpoint = !reading.lines.is_empty();
        let lines = part.lines.into_iter();
        reading
            .lines
            .extend(lines.skip_while(|line| !has_checkpoint && !is_usable(line)));
    }
    reading.live = fold(&reading.lines);
    reading
}

/// The state after these lines, of which the first has to be a checkpoint; absent if there are none.
fn fold(lines: &[Line]) -> Option<Live> {
    let mut live: Option<Live> = None;
    for line in lines {
        match (&line.content, &mut live) {
            // A later one says nothing new, unless lines were lost before it.
            (Content::Checkpoint(checkpoint), live) => {
                *live = Some(Live::from((**checkpoint).clone()));
            }
            (Content::Batch(batch), Some(live)) => live.apply(batch),
            (Content::Batch(_), None) => {}
        }
    }
    live
}

/// The files of the journal in this folder, oldest first.
pub(in crate::store) fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let listing = match folder.read_dir() {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::disk("read", folder)(error)),
    };
    let mut files = Vec::new();
    for file in listing {
        let file = file.map_err(Error::disk("read", folder))?;
        if super::number_of(&file.file_name().to_string_lossy()).is_some() {
            files.push(file.path());
        }
    }
    // The numbers are padded, so that the order of the names is theirs.
    files.sort();
    Ok(files)
}

pub(super) fn read_file(path: &Path) -> Result<FileReading, Error> {
    let bytes = fs::read(path).map_err(Error::disk("read", path))?;
    let mut reading = FileReading {
        path: path.to_path_buf(),
        lines: Vec::new(),
        whole_bytes: 0,
        first_bytes: 0,
        faults: Vec::new(),
        torn: None,
        before_fault: (0, 0),
    };
    // What is wrong and not yet followed by a whole line.
    let mut pending = Vec::new();
    let mut start = 0_u64;
    for (index, raw) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        start += u64::try_from(raw.len()).unwrap_or(0);
        let parsed = match raw.strip_suffix(b"\n") {
            Some(line) => parse(line),
            None => Err(Broken::Damaged(String::from("it is not complete"))),
        };
        let fault = |why: String| Fault {
            file: path.to_path_buf(),
            line: index + 1,
            why,
        };
        let line = match parsed {
            Ok(line) => line,
            Err(Broken::Newer(found)) => {
                let what = "a line of the journal";
                return Err(Error::Newer { what, found });
            }
            Err(Broken::Damaged(why)) => {
                pending.push(fault(why));
                continue;
            }
        };
        if let Some(before) = reading.lines.last().map(|line| line.position) {
            if line.position.number <= before.number {
                pending.push(fault(String::from("it was there before")));
                continue;
            }
            if line.previous != before.hash && pending.is_empty() {
                pending.push(fault(format!("it does not follow line {}", before.number)));
            }
        }
        if reading.faults.is_empty() && !pending.is_empty() {
            reading.before_fault = (reading.lines.len(), reading.whole_bytes);
        }
        reading.faults.append(&mut pending);
        if reading.lines.is_empty() {
            reading.first_bytes = start;
        }
        reading.whole_bytes = start;
        reading.lines.push(line);
    }
    if bytes.is_empty() {
        pending.push(Fault {
            file: path.to_path_buf(),
            line: 1,
            why: String::from("the file is empty"),
        });
    }
    reading.torn = pending.into_iter().next();
    Ok(reading)
}
