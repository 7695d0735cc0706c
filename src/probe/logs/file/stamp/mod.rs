//! When a line of a log was written, by its own word.

#[cfg(test)]
mod tests;

use chrono::{
    Datelike as _, Days, LocalResult, NaiveDate, NaiveDateTime, Offset as _, TimeZone as _,
};
use serde_json::{Map, Value};

use crate::{model::Timestamp, probe::logs::FUTURE_MAX};

use super::scan::{Cursor, Written};

/// Of a line that is no JSON so much is looked at.
const HEAD: usize = 1_024;
/// A date further to the right belongs to what the line tells.
const DATE_WITHIN: usize = 64;
/// After an unfinished line's time so many bytes have to follow, or else its zone may still be missing: ` +02:00`.
const ZONE_BYTES: usize = 7;
/// A number at the beginning of a line may be any number; one that means a time further back is not taken for one.
const BARE_NUMBER_WITHIN_MS: i64 = 366 * 86_400_000;
/// A time without a year may be this far ahead and still be wrong rather than a year old.
const AHEAD_WITHIN_MS: i64 = 2 * 86_400_000;

/// Under which names JSON lines hold their time.
const FIELDS: [&str; 12] = [
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "@t",
    "t",
    "datetime",
    "asctime",
    "eventTime",
    "Timestamp",
    "Time",
    "date",
];
/// Under which names lines of `key=value` hold their time.
const KEYS: [&[u8]; 5] = [b"ts=", b"time=", b"timestamp=", b"t=", b"@timestamp="];

/// What has to be known to understand a time that says only a part of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Of times that say no zone.
    pub(super) zone: chrono_tz::Tz,
    /// When it is read.
    pub(super) now: Timestamp,
    /// When the file was written last: of two times that a line can mean, one after it cannot be meant.
    pub(super) modified: Timestamp,
}

/// The time that a line says, in a file that was written just now.
#[cfg(any(test, feature = "fuzz"))]
pub(in crate::probe::logs) fn of_line(
    bytes: &[u8],
    is_ended: bool,
    zone: chrono_tz::Tz,
    now: Timestamp,
) -> Option<Timestamp> {
    let frame = Frame {
        zone,
        now,
        modified: now,
    };
    Line { bytes, is_ended }.stamp(&frame)
}

/// One line, with its end if that is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) is_ended: bool,
}

impl Line<'_> {
    /// The time that the line says; absent if it says none, or one in the future, which cannot be meant.
    pub(super) fn stamp(&self, frame: &Frame) -> Option<Timestamp> {
        let bytes = self.bytes.trim_ascii();
        let is_json = bytes
            .iter()
            .find(|byte| **byte != 0)
            .is_some_and(|byte| *byte == b'{');
        let at = if is_json {
            let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
            json(&bytes, frame)?
        } else {
            self.text(&plain(bytes), frame)?
        };
        (at <= frame.now + FUTURE_MAX).then(|| at.min(frame.now))
    }

    fn text(&self, head: &[u8], frame: &Frame) -> Option<Timestamp> {
        let (written, after) = keyed(head)
            .or_else(|| first(head, frame))
            .or_else(|| dated(head))
            .or_else(|| bracketed(head))?;
        if !self.is_ended && after.left() < ZONE_BYTES {
            return None;
        }
        frame.resolve(written)
    }
}

impl Frame {
    fn resolve(&self, written: Written) -> Option<Timestamp> {
        match written {
            Written::Exact(millis) => (millis >= 0).then_some(Timestamp::from_millis(millis)),
            Written::Local(time) => self.local(time),
            Written::NoYear(month, day, time) => {
                let year = self.now.to_utc().with_timezone(&self.zone).year();
                let latest = (self.now + FUTURE_MAX).as_millis();
                // The newest year in which it is not ahead of us.
                for year in (year - 4..=year + 1).rev() {
                    let Some(date) = NaiveDate::from_ymd_opt(year, month, day) else {
                        continue;
                    };
                    let at = self.local(date.and_time(time))?;
                    if at.as_millis() <= latest {
                        return Some(at);
                    }
                    if at.as_millis() - latest <= AHEAD_WITHIN_MS {
                        return None;
                    }
                }
                None
            }
        }
    }

    /// A time of the configured zone. In the hour that comes twice the later one is meant if it can be; in the one that
    /// does not come, the application has not heard of the change and counts on as before.
    fn local(&self, time: NaiveDateTime) -> Option<Timestamp> {
        if !(1970..10_000).contains(&time.year()) {
            return None;
        }
        let at = match self.zone.from_local_datetime(&time) {
            LocalResult::Single(at) => at.to_utc(),
            LocalResult::Ambiguous(earlier, later) => {
                let latest = self.now.min(self.modified) + FUTURE_MAX;
                if Timestamp::from(later.to_utc()) <= latest {
                    later.to_utc()
                } else {
                    earlier.to_utc()
                }
            }
            LocalResult::None => {
                let before = time.checked_sub_days(Days::new(1))?;
                let offset = self.zone.offset_from_utc_datetime(&before).fix();
                time.checked_sub_offset(offset)?.and_utc()
            }
        };
        let at = Timestamp::from(at);
        (at.as_millis() >= 0).then_some(at)
    }
}

/// The beginning of a line without what only shows or separates: NUL bytes, colours, a byte order mark, and the priority
/// and version of syslog.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut head = Vec::with_capacity(bytes.len().min(HEAD));
    let mut rest = bytes;
    while let [byte, after @ ..] = rest
        && head.len() < HEAD
    {
        rest = after;
        match byte {
            0 => {}
            0x1B => {
                let end = after.iter().position(u8::is_ascii_alphabetic);
                rest = end.map_or(&[][..], |end| &after[end + 1..]);
            }
            _ => head.push(*byte),
        }
    }
    let mut start = head.as_slice();
    start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    if let Some(after) = start.strip_prefix(b"<") {
        let digits = after
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if (1..=3).contains(&digits) && after.get(digits) == Some(&b'>') {
            start = &after[digits + 1..];
            start = start.strip_prefix(b"1 ").unwrap_or(start);
        }
    }
    start.trim_ascii_start().to_vec()
}

type Found<'a> = Option<(Written, Cursor<'a>)>;

/// `time="2026-01-02 03:04:05"` at the beginning of a word.
fn keyed(head: &[u8]) -> Found<'_> {
    (0..head.len())
        .filter(|at| *at == 0 || matches!(head[at - 1], b' ' | b'\t' | b',' | b'{'))
        .find_map(|at| {
            let key = KEYS.iter().find(|key| head[at..].starts_with(key))?;
            let value = at + key.len();
            let is_quoted = head.get(value) == Some(&b'"');
            Cursor::new(head, value + usize::from(is_quoted)).time()
        })
}

/// At the very beginning, where every form is a time.
fn first<'a>(head: &'a [u8], frame: &Frame) -> Found<'a> {
    let opening = head
        .iter()
        .take_while(|byte| matches!(byte, b'[' | b'(' | b'"' | b'\'' | b'<'))
        .count();
    let (written, after) = Cursor::new(head, opening).time()?;
    if let Written::Exact(millis) = written
        && frame.now.as_millis() - millis > BARE_NUMBER_WITHIN_MS
        && head[opening..].iter().take(10).all(u8::is_ascii_digit)
    {
        return None;
    }
    Some((written, after))
}

/// After a level, a host or a name of a logger.
fn dated(head: &[u8]) -> Found<'_> {
    (1..head.len().min(DATE_WITHIN))
        .filter(|at| {
            matches!(
                head[at - 1],
                b' ' | b'\t' | b'[' | b'(' | b'"' | b'|' | b'=' | b','
            )
        })
        .find_map(|at| Cursor::new(head, at).dated())
}

/// `[10/Oct/2000:13:55:36 +0200]` of web servers, after addresses and names of any length.
fn bracketed(head: &[u8]) -> Found<'_> {
    (1..head.len())
        .filter(|at| head[at - 1] == b'[')
        .find_map(|at| Cursor::new(head, at).day_first())
}

fn json(bytes: &[u8], frame: &Frame) -> Option<Timestamp> {
    let fields: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
    let value = FIELDS.iter().find_map(|name| fields.get(*name))?;
    match value {
        Value::String(text) => {
            let head = plain(text.trim().as_bytes());
            let (written, _) = Cursor::new(&head, 0).time()?;
            frame.resolve(written)
        }
        Value::Number(number) => Some(Timestamp::from_millis(since_epoch(number)?)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Milliseconds of a number whose unit shows in its size.
fn since_epoch(number: &serde_json::Number) -> Option<i64> {
    if let Some(whole) = number.as_i64() {
        return match whole {
            100_000_000..100_000_000_000 => Some(whole * 1_000),
            100_000_000_000..100_000_000_000_000 => Some(whole),
            100_000_000_000_000..100_000_000_000_000_000 => Some(whole / 1_000),
            100_000_000_000_000_000.. => Some(whole / 1_000_000),
            _ => None,
        };
    }
    let number = number.as_f64()?;
    let millis = match number {
        1e8..1e11 => number * 1e3,
        1e11..1e14 => number,
        1e14..1e17 => number / 1e3,
        1e17..1e20 => number / 1e6,
        _ => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the ranges above leave at most 1e14"
    )]
    Some(millis as i64)
}
