//! Slack's own markup, built so that only we can write it.

use std::{fmt::Write as _, time::Duration};

use chrono_tz::Tz;
use url::Url;

use crate::model::{Timestamp, plan::OnCall, text};

/// The most user ids of one on-call entry that are mentioned at once.
const MENTIONED_USERS_MAX: usize = 10;

/// What people call something is shown with at most this many characters.
pub const NAME_MAX: usize = 80;

/// The three characters that Slack gives a meaning to, as entities.
///
/// To be applied once. It leaves `* _ ~` and back-ticks, for which Slack has no escape; see [`neutral`].
///
/// Source: <https://docs.slack.dev/messaging/formatting-message-text>, "Escaping text".
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push_escaped(&mut out, c));
    out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        _ => out.push(c),
    }
}

/// Any text as one line that Slack shows as it is, even where it parses: no mention, link, emoji or format comes of it.
///
/// It is cleaned, cut to `max` characters, and escaped. The characters that Slack has no escape for are replaced by ones
/// that look alike (`*` by `∗`), and only where they would act: `connection_refused` stays as it is.
pub fn neutral(text: &str, max: usize) -> String {
    let line = text::clean(text, max);
    let mut out = String::with_capacity(line.len() + 16);
    let mut before = None;
    for (at, c) in line.char_indices() {
        let rest = &line[at + c.len_utf8()..];
        match c {
            '*' => out.push('∗'),
            '~' => out.push('∼'),
            '`' => out.push('\''),
            '_' if !(is_word(before) && is_word(rest.chars().next())) => out.push('＿'),
            '@' if !is_word(before) => out.push('＠'),
            '#' if !is_word(before) => out.push('＃'),
            ':' if rest.starts_with("//") || begins_an_emoji(rest) => out.push('∶'),
            _ => push_escaped(&mut out, c),
        }
        before = Some(c);
    }
    out
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}

/// Whether the text after a colon reaches another colon without a blank, as in `:tada:`.
fn begins_an_emoji(rest: &str) -> bool {
    rest.chars()
        .position(|c| c == ':' || c.is_whitespace())
        .is_some_and(|at| at > 0 && rest.chars().nth(at) == Some(':'))
}

/// The name within an emoji in colon form, if it has the shape of one: `:hekate-blue:`.
pub fn emoji_name(code: &str) -> Option<&str> {
    let name = code.strip_prefix(':')?.strip_suffix(':')?;
    let is_name = !name.is_empty()
        && name.len() <= 100
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-+'".contains(&b));
    is_name.then_some(name)
}

/// How much of a point in time is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DateFormat {
    /// `11:59:15`
    Time,
    /// `24 Oct 11:59`
    DayAndTime,
}

impl DateFormat {
    /// The time alone, if it is within 12 hours of `now`; with its day otherwise, so that it cannot be misread.
    pub fn near(at: Timestamp, now: Timestamp) -> Self {
        let apart = at.since(now).max(now.since(at));
        if apart < Duration::from_hours(12) {
            Self::Time
        } else {
            Self::DayAndTime
        }
    }
}

/// A point in time that each reader sees in their own zone; the fallback names its zone.
///
/// Source: <https://docs.slack.dev/messaging/formatting-message-text>, "Date formatting".
pub fn date(at: Timestamp, format: DateFormat, zone: Tz) -> String {
    let tokens = match format {
        DateFormat::Time => "{time_secs}",
        DateFormat::DayAndTime => "{date_short_pretty} {time}",
    };
    format!(
        "<!date^{}^{tokens}|{}>",
        at.as_seconds(),
        clock(at, format, zone)
    )
}

/// A point in time in words, with its zone: `11:59:15 UTC`, `24 Oct 11:59 CEST`.
pub fn clock(at: Timestamp, format: DateFormat, zone: Tz) -> String {
    let local = at.to_utc().with_timezone(&zone);
    match format {
        DateFormat::Time => local.format("%H:%M:%S %Z").to_string(),
        DateFormat::DayAndTime => local.format("%-d %b %H:%M %Z").to_string(),
    }
}

/// A length of time in words: `0.4 ms`, `840 ms`, `2.1 s`, `45 s`, `4 min 12 s`, `2 h 5 min`, `3 d 4 h`.
pub fn span(length: Duration) -> String {
    let micros = length.as_micros();
    let seconds = length.as_secs();
    match () {
        () if micros < 1_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        () if micros < 1_000_000 => format!("{} ms", micros / 1_000),
        () if seconds < 10 && length.subsec_millis() >= 100 => {
            format!("{seconds}.{} s", length.subsec_millis() / 100)
        }
        () if seconds < 60 => format!("{seconds} s"),
        () if seconds < 3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        () if seconds < 86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        () => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

fn two(big: u64, big_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{big} {big_unit}")
    } else {
        format!("{big} {big_unit} {small} {small_unit}")
    }
}

/// The mention of those on call, made of ids alone; absent if there is none with the shape of an id.
///
/// Source: <https://docs.slack.dev/messaging/formatting-message-text>, "Mentioning groups", "Mentioning users".
pub fn mention(on_call: &OnCall) -> Option<String> {
    let group = on_call
        .user_group
        .iter()
        .filter(|id| is_id(id, "S"))
        .map(|id| format!("<!subteam^{id}>"));
    let users = on_call
        .users
        .iter()
        .filter(|id| is_id(id, "UW"))
        .take(MENTIONED_USERS_MAX)
        .map(|id| format!("<@{id}>"));
    let all: Vec<String> = group.chain(users).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

fn is_id(id: &str, first: &str) -> bool {
    id.len() >= 3
        && id.starts_with(|c| first.contains(c))
        && id
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// A text that Slack parses, of which only we wrote the markup.
///
/// Raw markup enters as `&'static str` alone, so no text that comes from outside can be one; all else goes through
/// [`neutral`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Markup(String);

impl Markup {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Our own words, markup and all.
    pub fn own(&mut self, template: &'static str) -> &mut Self {
        self.0.push_str(template);
        self
    }

    /// Words that are not to be parsed; at most [`NAME_MAX`] characters.
    pub fn words(&mut self, words: &str) -> &mut Self {
        self.0.push_str(&neutral(words, NAME_MAX));
        self
    }

    /// As [`Markup::words`], in bold.
    pub fn bold(&mut self, words: &str) -> &mut Self {
        let words = neutral(words, NAME_MAX);
        if !words.is_empty() {
            self.0.push('*');
            self.0.push_str(&words);
            self.0.push('*');
        }
        self
    }

    /// As [`Markup::words`], as code.
    pub fn code(&mut self, words: &str) -> &mut Self {
        let words = neutral(words, NAME_MAX);
        if !words.is_empty() {
            self.0.push('`');
            self.0.push_str(&words);
            self.0.push('`');
        }
        self
    }

    /// A number with a comma at the thousands.
    pub fn number(&mut self, number: usize) -> &mut Self {
        self.0.push_str(&thousands(number));
        self
    }

    /// A length of time.
    pub fn span(&mut self, length: Duration) -> &mut Self {
        self.0.push_str(&span(length));
        self
    }

    /// A point in time, in the reader's zone.
    pub fn date(&mut self, at: Timestamp, format: DateFormat, zone: Tz) -> &mut Self {
        self.0.push_str(&date(at, format, zone));
        self
    }

    /// A point in time, in the reader's zone; with its day, if it is not near `now`.
    pub fn near(&mut self, at: Timestamp, now: Timestamp, zone: Tz) -> &mut Self {
        self.date(at, DateFormat::near(at, now), zone)
    }

    /// An emoji in colon form and a blank; nothing, if it has not the shape of one.
    pub fn emoji(&mut self, code: &str) -> &mut Self {
        if let Some(name) = emoji_name(code) {
            let _infallible = write!(self.0, ":{name}: ");
        }
        self
    }

    /// A link; the label alone, if the address is not an `http` or `https` one.
    pub fn link(&mut self, url: &str, label: &str) -> &mut Self {
        let parsed = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let label = neutral(label, NAME_MAX);
        match parsed {
            Some(url) if url.as_str().len() <= 1_000 => {
                let address = escape(url.as_str()).replace('|', "%7C");
                let _infallible = write!(self.0, "<{address}|{label}>");
            }
            _ => self.0.push_str(&label),
        }
        self
    }

    /// The mention of those on call; nothing, if nobody can be mentioned.
    pub fn mention(&mut self, on_call: &OnCall) -> &mut Self {
        self.0.push_str(&mention(on_call).unwrap_or_default());
        self
    }

    /// Circles as characters; anything else is left out.
    pub fn dots(&mut self, dots: &str) -> &mut Self {
        self.0
            .extend(dots.chars().filter(|c| "🟢🟠⚪🟡🔴".contains(*c)));
        self
    }

    /// Another markup after this one.
    pub fn append(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// As Slack is to receive it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A number with a comma at the thousands: `1,000`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
