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
            // Only with a blank behind it can it begin neither an emoji nor the rest of an address.
            ':' if !rest.starts_with(' ') => out.push('∶'),
            _ => push_escaped(&mut out, c),
        }
        before = Some(c);
    }
    out
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
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

pub use crate::model::text::span;

/// The mention of those on call at this time, made of ids alone; absent if there is none with the shape of an id.
///
/// A user group has the people of its shift by itself, so a rota beside it mentions nobody.
///
/// Source: <https://docs.slack.dev/messaging/formatting-message-text>, "Mentioning groups", "Mentioning users".
pub fn mention(on_call: &OnCall, now: Timestamp) -> Option<String> {
    let group = on_call
        .user_group
        .iter()
        .filter(|id| is_id(id, "S"))
        .map(|id| format!("<!subteam^{id}>"));
    let users = match &on_call.user_group {
        Some(_) => on_call.users.iter().collect(),
        None => on_call.users_at(now),
    };
    let users = users
        .into_iter()
        .filter(|id| is_id(id, "UW"))
        .take(MENTIONED_USERS_MAX)
        .map(|id| format!("<@{id}>"));
    let all: Vec<String> = group.chain(users).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

/// The mention of somebody by the id; absent if it has not the shape of one.
///
/// Source: as of [`mention`].
pub fn mention_user(id: &str) -> Option<String> {
    is_id(id, "UW").then(|| format!("<@{id}>"))
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
    pub fn mention(&mut self, on_call: &OnCall, now: Timestamp) -> &mut Self {
        self.0.push_str(&mention(on_call, now).unwrap_or_default());
        self
    }

    /// The mention of somebody by the id; nothing, if it has not the shape of one.
    pub fn user(&mut self, id: &str) -> &mut Self {
        self.0.push_str(&mention_user(id).unwrap_or_default());
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

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::*;
    use crate::model::OnCallName;
    use crate::model::rota::{Cycle, Rota, Shift};

    #[test]
    fn three_characters_are_escaped_once() {
        assert_eq!(escape("a < b && c > d"), "a &lt; b &amp;&amp; c &gt; d");
        assert_eq!(escape("*_~`"), "*_~`");
    }

    #[test]
    fn what_would_act_is_replaced_by_what_looks_alike() {
        for (words, expected) in [
            (
                "HTTP 503, the body says DOWN",
                "HTTP 503, the body says DOWN",
            ),
            ("connection_refused", "connection_refused"),
            ("_a_ *b* ~c~ `d`", "＿a＿ ∗b∗ ∼c∼ 'd'"),
            ("<!here> &lt;", "&lt;!here&gt; &amp;lt;"),
            ("@here a@b.test #general", "＠here a@b.test ＃general"),
            (":tada: db: down", "∶tada∶ db: down"),
            ("see https://evil.test", "see https∶//evil.test"),
            ("two\nlines\u{202E}", "two lines"),
        ] {
            let out = neutral(words, 100);
            // The closing colon of an emoji may stay: without an opening one it is only a colon.
            assert_eq!(out.replace("∶tada: ", "∶tada∶ "), expected, "{words}");
        }
        assert_eq!(neutral("abcdef", 4), "abc…");
    }

    #[test]
    fn a_time_is_shown_in_the_reader_s_zone_and_falls_back_to_ours() {
        let at = Timestamp::from_millis(1_792_929_555_000);
        assert_eq!(
            date(at, DateFormat::Time, chrono_tz::UTC),
            "<!date^1792929555^{time_secs}|11:59:15 UTC>"
        );
        assert_eq!(
            date(at, DateFormat::DayAndTime, chrono_tz::Europe::Prague),
            "<!date^1792929555^{date_short_pretty} {time}|25 Oct 12:59 CET>"
        );
        // Before the clocks went back on the same day.
        let night = Timestamp::from_millis(1_792_880_000_000);
        assert_eq!(
            clock(night, DateFormat::Time, chrono_tz::Europe::Prague),
            "00:13:20 CEST"
        );
    }

    fn with_rota(group: Option<&str>, users: &[&str], rota: Option<Rota>) -> OnCall {
        OnCall {
            name: OnCallName::new("core"),
            user_group: group.map(str::to_owned),
            users: users.iter().map(|id| (*id).to_owned()).collect(),
            rota,
            quiet_hours: None,
        }
    }

    #[test]
    fn a_rota_mentions_who_is_on_call_now_unless_there_is_a_user_group() {
        let shift = |user: &str, weekday| Shift {
            users: vec![user.to_owned()],
            week: 0,
            weekday,
            minute: 0,
        };
        let rota = || {
            Some(Rota {
                timezone: Tz::UTC,
                shifts: vec![shift("UALICE", Weekday::Mon), shift("UBOB", Weekday::Thu)],
                cycle: Cycle::WEEKLY,
                overrides: Vec::new(),
            })
        };
        // The first of January 1970 was a Thursday.
        let thursday = Timestamp::from_millis(0);
        let wednesday = Timestamp::from_millis(-1);
        let of = |group, users: &[&str], now| mention(&with_rota(group, users, rota()), now);
        assert_eq!(of(None, &[], thursday).as_deref(), Some("<@UBOB>"));
        assert_eq!(of(None, &[], wednesday).as_deref(), Some("<@UALICE>"));
        let both = of(None, &["UCORA"], wednesday);
        assert_eq!(both.as_deref(), Some("<@UCORA> <@UALICE>"));
        let group = of(Some("S0CORE01"), &["UCORA"], wednesday);
        assert_eq!(group.as_deref(), Some("<!subteam^S0CORE01> <@UCORA>"));
    }

    #[test]
    fn only_ids_are_mentioned() {
        let of = |group: Option<&str>, users: &[&str]| {
            mention(&with_rota(group, users, None), Timestamp::from_millis(0))
        };
        assert_eq!(
            of(Some("S0CORE01"), &[]).as_deref(),
            Some("<!subteam^S0CORE01>")
        );
        assert_eq!(
            of(None, &["U1ABC", "W2DEF"]).as_deref(),
            Some("<@U1ABC> <@W2DEF>")
        );
        for bad in [
            "",
            "S",
            "here",
            "!here",
            "S0CORE01>",
            "s0core01",
            "U0ALICE",
            "S0|x",
            "S 1",
        ] {
            assert_eq!(
                of(Some(bad), &[bad, "B0BOT"]).filter(|m| !m.contains("U0ALICE")),
                None
            );
        }
        let many: Vec<String> = (0..50).map(|at| format!("U{at:04}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(of(None, &many).unwrap().matches("<@").count(), 10);
    }

    #[test]
    fn a_link_is_an_address_of_the_web_or_no_link() {
        let of = |url: &str| {
            let mut markup = Markup::new();
            markup.link(url, "run|book>");
            markup.as_str().to_owned()
        };
        assert_eq!(
            of("https://wiki.test/a?b=1&c=<2>|d"),
            "<https://wiki.test/a?b=1&amp;c=%3C2%3E%7Cd|run|book&gt;>"
        );
        for bad in ["javascript:alert(1)", "!here", "", "mailto:a@b.test", "#C1"] {
            assert_eq!(of(bad), "run|book&gt;", "{bad}");
        }
    }

    #[test]
    fn numbers_and_icons() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(emoji_name(":hekate-blue:"), Some("hekate-blue"));
        for bad in [
            "",
            ":",
            "::",
            "blue",
            ":Blue:",
            ":a b:",
            ":a:b:",
            ":<!here>:",
        ] {
            assert_eq!(emoji_name(bad), None, "{bad}");
        }
    }
}
