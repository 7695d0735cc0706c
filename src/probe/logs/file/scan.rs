//! The forms in which logs write a time, read from bytes.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

/// A time as far as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Written {
    /// Milliseconds since 1970.
    Exact(i64),
    /// Without a zone.
    Local(NaiveDateTime),
    /// Without a zone and a year: month, day.
    NoYear(u32, u32, NaiveTime),
}

/// Month names, as they begin.
const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];
const WEEKDAYS: [&[u8; 3]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];

/// A place in some bytes.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// How many bytes are left.
    pub(super) const fn left(self) -> usize {
        self.bytes.len() - self.at
    }

    /// A time in any form that can stand alone, and what comes after it.
    pub(super) fn time(self) -> Option<(Written, Self)> {
        self.dated()
            .or_else(|| self.klog())
            .or_else(|| self.epoch())
    }

    /// A time in one of the forms that begin with a date, so that they are known for what they are anywhere in a line.
    pub(super) fn dated(self) -> Option<(Written, Self)> {
        self.year_first()
            .or_else(|| self.day_first())
            .or_else(|| self.month_first())
    }

    /// `2026-01-02T03:04:05.678+01:00`, `2026/01/02 03:04:05`, `20260102T030405Z`.
    fn year_first(mut self) -> Option<(Written, Self)> {
        let year = self.digits(4)?;
        let date = if let Some(separator) = self.one_of(b"-/") {
            let month = self.digits(2)?;
            self.one_of(&[separator])?;
            NaiveDate::from_ymd_opt(year.cast_signed(), month, self.digits(2)?)?
        } else {
            let (month, day) = (self.digits(2)?, self.digits(2)?);
            NaiveDate::from_ymd_opt(year.cast_signed(), month, day)?
        };
        self.one_of(b"Tt _")?;
        let time = self.time_of_day()?;
        self.zoned(date.and_time(time))
    }

    /// `10/Oct/2000:13:55:36 +0200`, `02-Jan-2026 03:04:05`, `02 Jan 2026 03:04:05.123`, `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub(super) fn day_first(mut self) -> Option<(Written, Self)> {
        if let Some(after) = self.word(&WEEKDAYS) {
            self = after.1;
            self.one_of(b",");
            self.one_of(b" ")?;
        }
        let day = self.digits(2).or_else(|| self.digits(1))?;
        let separator = self.one_of(b"/- ")?;
        let month = self.month()?;
        self.one_of(&[separator])?;
        let year = self.digits(4)?;
        self.one_of(b": ")?;
        let date = NaiveDate::from_ymd_opt(year.cast_signed(), month, day)?;
        let time = self.time_of_day()?;
        self.zoned(date.and_time(time))
    }

    /// `Oct  9 22:33:20`, `Wed Oct 11 14:32:52.123 2000`.
    fn month_first(mut self) -> Option<(Written, Self)> {
        if let Some(after) = self.word(&WEEKDAYS) {
            self = after.1;
            self.one_of(b" ")?;
        }
        let month = self.month()?;
        self.one_of(b" ")?;
        self.one_of(b" ");
        let day = self.digits(2).or_else(|| self.digits(1))?;
        self.one_of(b" ")?;
        let time = self.time_of_day()?;
        let mut after = self;
        let year = after
            .one_of(b" ")
            .and_then(|_| after.digits(4))
            .filter(|year| (1970..2200).contains(year) && after.is_at_end_of_word());
        match year {
            Some(year) => {
                let date = NaiveDate::from_ymd_opt(year.cast_signed(), month, day)?;
                Some((Written::Local(date.and_time(time)), after))
            }
            None => Some((Written::NoYear(month, day, time), self)),
        }
    }

    /// `I0102 15:04:05.678901`, `I20260102 15:04:05`.
    fn klog(mut self) -> Option<(Written, Self)> {
        self.one_of(b"IWEFD")?;
        let count = self.bytes[self.at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let year = match count {
            4 => None,
            8 => Some(self.digits(4)?),
            _ => return None,
        };
        let (month, day) = (self.digits(2)?, self.digits(2)?);
        self.one_of(b" ")?;
        let time = self.time_of_day()?;
        let written = match year {
            Some(year) => Written::Local(
                NaiveDate::from_ymd_opt(year.cast_signed(), month, day)?.and_time(time),
            ),
            None => Written::NoYear(month, day, time),
        };
        Some((written, self))
    }

    /// `1767323045`, `1767323045.678`, `1767323045678`, and in micro- and nanoseconds.
    fn epoch(mut self) -> Option<(Written, Self)> {
        let digits = self.bytes[self.at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let text = std::str::from_utf8(&self.bytes[self.at..self.at + digits]).ok()?;
        let number: i64 = text.parse().ok()?;
        self.at += digits;
        let millis = match digits {
            10 => number * 1_000 + self.fraction(),
            13 => number,
            16 => number / 1_000,
            19 => number / 1_000_000,
            _ => return None,
        };
        self.is_at_end_of_word()
            .then_some((Written::Exact(millis), self))
    }

    /// `03:04`, `03:04:05`, `03:04:05.678`, `03:04:05,678`; 60 is a leap second; after a compact date also `030405`.
    fn time_of_day(&mut self) -> Option<NaiveTime> {
        let hour = self.digits(2)?;
        let is_compact = self.one_of(b":").is_none();
        let minute = self.digits(2)?;
        let mut second = 0;
        let mut millis = 0;
        let mut after = *self;
        if (is_compact || after.one_of(b":").is_some())
            && let Some(digits) = after.digits(2)
        {
            *self = after;
            second = digits;
            millis = self.fraction();
        } else if is_compact {
            return None;
        }
        if second == 60 {
            (second, millis) = (59, 999);
        }
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return None;
        }
        NaiveTime::from_hms_milli_opt(hour, minute, second, u32::try_from(millis).ok()?)
    }

    /// Thousandths after a point or a comma; zero if there is none.
    fn fraction(&mut self) -> i64 {
        let mut after = *self;
        if after.one_of(b".,").is_none() {
            return 0;
        }
        let mut millis = 0;
        let mut count = 0;
        while let Some(digit) = after.digits(1) {
            count += 1;
            if count <= 3 {
                millis = millis * 10 + i64::from(digit);
            }
        }
        if count == 0 {
            return 0;
        }
        *self = after;
        millis * [100, 10, 1][count.min(3) - 1]
    }

    /// The zone, if one is written: `Z`, `+01:00`, `-0500`, `+02`, ` UTC`. Other names are no zones: `CST` is three of them.
    fn zoned(self, time: NaiveDateTime) -> Option<(Written, Self)> {
        let exact = |offset: i64, after: Self| {
            let millis = time.and_utc().timestamp_millis() - offset * 1_000;
            Some((Written::Exact(millis), after))
        };
        let mut after = self;
        if after.one_of(b"Zz").is_some() && after.is_at_end_of_word() {
            return exact(0, after);
        }
        let mut after = self;
        let is_apart = after.one_of(b" ").is_some();
        if let Some((_, after)) = after.word(&[b"utc", b"gmt"])
            && after.is_at_end_of_word()
        {
            return exact(0, after);
        }
        if let Some((offset, after)) = after.offset(is_apart) {
            return exact(offset, after);
        }
        Some((Written::Local(time), self))
    }

    /// Seconds east of Greenwich. Apart from the time it has to be written in full, since ` -05` may be anything.
    fn offset(mut self, is_apart: bool) -> Option<(i64, Self)> {
        let sign = if self.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2)?;
        let mut after = self;
        after.one_of(b":");
        let minutes = after.digits(2);
        let after = match minutes {
            Some(_) => after,
            None if is_apart => return None,
            None => self,
        };
        let minutes = minutes.unwrap_or(0);
        let is_offset = hours <= 15 && minutes <= 59 && after.is_at_end_of_word();
        is_offset.then(|| (sign * i64::from(hours * 3_600 + minutes * 60), after))
    }

    fn month(&mut self) -> Option<u32> {
        let (index, after) = self.word(&MONTHS)?;
        *self = after;
        u32::try_from(index + 1).ok()
    }

    /// Which of these three letters stand here, in any case.
    fn word(self, words: &[&[u8; 3]]) -> Option<(usize, Self)> {
        let here = self.bytes.get(self.at..self.at + 3)?;
        let index = words
            .iter()
            .position(|word| here.eq_ignore_ascii_case(*word))?;
        let mut after = self;
        after.at += 3;
        Some((index, after))
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + count)?;
        let mut number = 0;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            number = number * 10 + u32::from(digit - b'0');
        }
        self.at += count;
        Some(number)
    }

    fn one_of(&mut self, any: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| any.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    fn peek(self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn is_at_end_of_word(self) -> bool {
        !self
            .peek()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }
}
