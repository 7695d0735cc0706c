//! One line of the journal: how it is written, how it is read, how it is known to be whole.
//!
//! ```text
//! {"v":1,"n":12,"at":"2026-11-21T22:25:26.123Z","prev":"<hash of line 11>","batch":{…},"hash":"<hash of this line>"}
//! ```
//!
//! The hash is SHA-256, in hexadecimal, of all bytes of the line before `,"hash"`; because `prev` is among them, a line
//! stands for all lines before it. In place of `batch` the first line of a file has `checkpoint`.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::schema::{Time, VERSION, v1};
use crate::model::Timestamp;

/// SHA-256.
pub(in crate::store) type Hash = [u8; 32];

/// Where in the journal something stands.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::store) struct Position {
    /// The number of the line; 0 is before the first.
    pub(in crate::store) number: u64,
    /// Its hash; zeros before the first.
    pub(in crate::store) hash: Hash,
}

/// What a line carries.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::store) enum Content {
    /// One commit.
    Batch(Box<v1::Batch>),
    /// All live state.
    Checkpoint(Box<v1::Checkpoint>),
}

/// A line that is whole.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::store) struct Line {
    /// Where it stands.
    pub(in crate::store) position: Position,
    /// The hash of the line before it.
    pub(in crate::store) previous: Hash,
    /// What it carries.
    pub(in crate::store) content: Content,
}

/// Why a line is not whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Broken {
    /// It is whole, but a newer hekate wrote it.
    Newer(u8),
    /// It is not what was written.
    Damaged(String),
}

const BEFORE_HASH: &str = ",\"hash\":\"";
const AFTER_HASH: &str = "\"}";

#[derive(Serialize)]
struct Written<'a> {
    v: u8,
    n: u64,
    at: Time,
    prev: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<&'a v1::Batch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<&'a v1::CheckpointOf<'a>>,
}

#[derive(Deserialize)]
struct Read {
    v: u8,
    n: u64,
    prev: String,
    batch: Option<Box<v1::Batch>>,
    checkpoint: Option<Box<v1::Checkpoint>>,
}

#[derive(Deserialize)]
struct ReadVersion {
    v: u8,
}

/// Adds the line of a batch to the text and gives back where it stands.
pub(super) fn push_batch(text: &mut Vec<u8>, after: Position, batch: &v1::Batch) -> Position {
    let result = write(text, after, batch.at, Some(batch), None);
    result.expect("a buffer takes everything")
}

/// Writes the line of a checkpoint and gives back where it stands.
///
/// # Errors
///
/// Those of the sink.
pub(super) fn write_checkpoint(
    sink: &mut impl Write,
    after: Position,
    at: Timestamp,
    checkpoint: &v1::CheckpointOf<'_>,
) -> io::Result<Position> {
    write(sink, after, Time(at), None, Some(checkpoint))
}

fn write(
    sink: &mut impl Write,
    after: Position,
    at: Time,
    batch: Option<&v1::Batch>,
    checkpoint: Option<&v1::CheckpointOf<'_>>,
) -> io::Result<Position> {
    let number = after.number + 1;
    let mut open = Unclosed {
        sink,
        hash: Sha256::new(),
        last: None,
    };
    let written = Written {
        v: VERSION,
        n: number,
        at,
        prev: &to_hex(&after.hash),
        batch,
        checkpoint,
    };
    serde_json::to_writer(&mut open, &written)?;
    let hash: Hash = open.hash.finalize().into();
    write!(sink, "{BEFORE_HASH}{}{AFTER_HASH}", to_hex(&hash))?;
    sink.write_all(b"\n")?;
    Ok(Position { number, hash })
}

/// Passes on everything but the very last byte, the bracket that closes the line, and hashes what it passes on.
///
/// So a line is written as it comes: the checkpoint of a large fleet has tens of megabytes.
struct Unclosed<'a, Sink> {
    sink: &'a mut Sink,
    hash: Sha256,
    last: Option<u8>,
}

impl<Sink: Write> Write for Unclosed<'_, Sink> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some((last, before)) = bytes.split_last() {
            for bytes in [self.last.replace(*last).as_slice(), before] {
                self.hash.update(bytes);
                self.sink.write_all(bytes)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Reads a line, without the new line at its end.
pub(super) fn parse(line: &[u8]) -> Result<Line, Broken> {
    let damaged = |why: &str| Broken::Damaged(String::from(why));
    let text = str::from_utf8(line).map_err(|_| damaged("it is no text"))?;
    let whole = text
        .strip_suffix(AFTER_HASH)
        .and_then(|rest| rest.rsplit_once(BEFORE_HASH))
        .and_then(|(signed, hash)| Some((signed, from_hex(hash)?)));
    let (signed, hash) = whole.ok_or_else(|| damaged("it is not complete"))?;
    if Hash::from(Sha256::digest(signed.as_bytes())) != hash {
        return Err(damaged("it is not what was written: the hash is another"));
    }
    let read: Result<Read, _> = serde_json::from_str(text);
    // What a newer hekate wrote may or may not look like what we know.
    let version = match &read {
        Ok(read) => Some(read.v),
        Err(_) => serde_json::from_str(text).ok().map(|ReadVersion { v }| v),
    };
    if let Some(newer) = version.filter(|version| *version > VERSION) {
        return Err(Broken::Newer(newer));
    }
    let read = read.map_err(|error| Broken::Damaged(error.to_string()))?;
    let content = match (read.batch, read.checkpoint) {
        (Some(batch), None) => Content::Batch(batch),
        (None, Some(checkpoint)) => Content::Checkpoint(checkpoint),
        _ => return Err(damaged("it has neither a batch nor a checkpoint, or both")),
    };
    Ok(Line {
        position: Position {
            number: read.n,
            hash,
        },
        previous: from_hex(&read.prev).ok_or_else(|| damaged("`prev` is no hash"))?,
        content,
    })
}

fn to_hex(hash: &Hash) -> String {
    let mut text = String::with_capacity(64);
    for byte in hash {
        std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"))
            .expect("writing to a string does not fail");
    }
    text
}

fn from_hex(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(hash)
}
