//! Words of other programs in ours: durations, names, statuses, patterns, and what looks like a secret.

use std::time::Duration;

use crate::model::text::clean;

/// A duration as Go (`1h30m`, `1.5s`, `500ms`) or Prometheus (`1d`, `2w`) writes it.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() || text == "0" {
        return (text == "0").then_some(Duration::ZERO);
    }
    let mut rest = text;
    let mut length = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .filter(|digits| *digits > 0)?;
        let number = &rest[..digits];
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ns" => Duration::from_nanos(1),
            "us" | "µs" | "μs" => Duration::from_micros(1),
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            "d" => Duration::from_hours(24),
            "w" => Duration::from_hours(7 * 24),
            "y" => Duration::from_hours(365 * 24),
            _ => return None,
        };
        rest = &rest[letters..];
        // Whole numbers are not to suffer from fractions.
        let part = if let Ok(number) = number.parse::<u32>() {
            unit.checked_mul(number)?
        } else {
            let number: f64 = number.parse().ok()?;
            Duration::try_from_secs_f64(unit.as_secs_f64() * number).ok()?
        };
        length = length.checked_add(part)?;
    }
    Some(length)
}

/// A duration as the new file has it: `1m 30s`.
pub(super) fn written(length: Duration) -> String {
    let mut millis = length.as_millis();
    let mut parts = Vec::new();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ] {
        if millis >= size {
            parts.push(format!("{}{unit}", millis / size));
            millis %= size;
        }
    }
    if parts.is_empty() {
        return String::from("0s");
    }
    parts.join(" ")
}

/// What the old file says, for a line of a comment or a terminal: cleaned and short, with nothing of it that looks like a password.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut out = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        match (word.find("://"), word.rfind('@')) {
            (Some(scheme), Some(at)) if at > scheme => {
                out.push_str(&word[..scheme + 3]);
                out.push('…');
                out.push_str(&without_random(&word[at..]));
            }
            _ => out.push_str(&without_random(word)),
        }
    }
    let out = match out.split_once('?') {
        Some((before, query)) if is_secret_word(query) => format!("{before}?…"),
        Some(_) | None => out,
    };
    clean(&out, LONGEST)
}

/// Whether a part of an address looks as if it were drawn by lot: then it is a secret.
pub(super) fn is_random(part: &str) -> bool {
    part.len() >= 24
        && part.contains(|c: char| c.is_ascii_digit())
        && part.contains(|c: char| c.is_ascii_alphabetic())
        && part
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// An address without the parts of it that look like secrets.
pub(super) fn without_random(text: &str) -> String {
    let parts: Vec<&str> = text
        .split('/')
        .map(|part| if is_random(part) { "…" } else { part })
        .collect();
    parts.join("/")
}

/// A name that the new file takes: one line, no `/`, which stands between group and name, and no braces, which are ranges.
pub(super) fn name(text: &str) -> String {
    const LONGEST: usize = 56;
    let mild: String = text
        .chars()
        .map(|c| match c {
            '/' | '\\' => '-',
            '{' => '(',
            '}' => ')',
            '$' | '@' | '#' | '<' | '>' | '`' => ' ',
            other => other,
        })
        .collect();
    let mut name = clean(&mild, LONGEST);
    loop {
        let trimmed = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        if trimmed.len() == name.len() {
            break;
        }
        name = String::from(trimmed);
    }
    match name.as_str() {
        "" => String::from("unnamed"),
        // What hekate calls its stores of logs.
        "log source" => String::from("log sources"),
        _ => name,
    }
}

/// The name of a variable: `SHOP_CHECKOUT_PASSWORD`.
pub(super) fn variable(hint: &str) -> String {
    const LONGEST: usize = 48;
    let mut out = String::new();
    for c in hint.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_uppercase());
        } else if !out.ends_with('_') && !out.is_empty() {
            out.push('_');
        }
        if out.len() >= LONGEST {
            break;
        }
    }
    let out = out.trim_end_matches('_');
    match out.chars().next() {
        None => String::from("SECRET"),
        Some(first) if first.is_ascii_digit() => format!("N{out}"),
        Some(_) => out.to_owned(),
    }
}

/// Whether what is called like this, or says this, should be kept from readers of a file.
pub(super) fn is_secret_word(text: &str) -> bool {
    const WORDS: [&str; 14] = [
        "auth",
        "token",
        "key",
        "secret",
        "pass",
        "pwd",
        "cookie",
        "session",
        "credential",
        "signature",
        "sig=",
        "jwt",
        "bearer",
        "apikey",
    ];
    let text = text.to_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// A pattern with `*` as a regular expression for the whole text.
pub(super) fn glob(pattern: &str) -> String {
    let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
    format!("(?s)^{}$", parts.join(".*"))
}

/// The text that a pattern `*text*` looks for, if that is all it does.
pub(super) fn within(pattern: &str) -> Option<&str> {
    let text = pattern.strip_prefix('*')?.strip_suffix('*')?;
    (!text.is_empty() && !text.contains('*')).then_some(text)
}

/// Which status codes are fine, from 100 to 599.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Statuses(Vec<bool>);

impl Statuses {
    const FIRST: u16 = 100;

    /// Those for which it holds.
    pub(super) fn which(holds: impl Fn(u16) -> bool) -> Self {
        Self((Self::FIRST..600).map(holds).collect())
    }

    /// Those that are in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(one, other)| *one && *other)
                .collect(),
        )
    }

    /// As the new file has them: `2xx`, `404`, `200-204`; nothing if there are none.
    pub(super) fn words(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut from = None;
        for code in Self::FIRST..=600 {
            let holds = self
                .0
                .get(usize::from(code - Self::FIRST))
                .copied()
                .unwrap_or(false);
            match (from, holds) {
                (None, true) => from = Some(code),
                (Some(first), false) => {
                    let last = code - 1;
                    out.push(if first == last {
                        first.to_string()
                    } else if first % 100 == 0 && last == first + 99 {
                        format!("{}xx", first / 100)
                    } else {
                        format!("{first}-{last}")
                    });
                    from = None;
                }
                (None, false) | (Some(_), true) => {}
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_of_go_and_of_prometheus_are_read() {
        for (text, seconds) in [
            ("30s", Some(30.0)),
            ("1h30m", Some(5_400.0)),
            ("1.5s", Some(1.5)),
            ("500ms", Some(0.5)),
            ("2w", Some(1_209_600.0)),
            ("1d12h", Some(129_600.0)),
            ("0", Some(0.0)),
            ("30", None),
            ("s", None),
            ("1x", None),
            ("-5s", None),
            ("", None),
            ("1..2s", None),
        ] {
            let read = duration(text).map(|length| length.as_secs_f64());
            assert_eq!(read, seconds, "{text}");
        }
        assert_eq!(written(Duration::from_millis(90_500)), "1m 30s 500ms");
        assert_eq!(written(Duration::from_hours(48)), "2d");
        assert_eq!(written(Duration::ZERO), "0s");
    }

    #[test]
    fn statuses_are_said_as_shortly_as_they_can_be() {
        let below_300 = Statuses::which(|code| code < 300);
        let not_204 = Statuses::which(|code| code != 204);
        assert_eq!(below_300.words(), ["100-299"]);
        assert_eq!(below_300.and(&not_204).words(), ["100-203", "205-299"]);
        assert_eq!(Statuses::which(|code| code / 100 == 2).words(), ["2xx"]);
        assert_eq!(
            Statuses::which(|code| code == 200 || code == 599).words(),
            ["200", "599"]
        );
        assert!(Statuses::which(|_| false).words().is_empty());
    }

    #[test]
    fn what_is_shown_holds_no_password() {
        let text = "https://user:hunter2@host.test/path?api_key=hunter2";
        assert_eq!(shown(text), "https://…@host.test/path?…");
        assert_eq!(shown("a\nb"), "a b");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(millis in 0_u64..10_000_000_000) {
            let length = Duration::from_millis(millis);
            prop_assert_eq!(humantime::parse_duration(&written(length)).unwrap(), length);
            prop_assert_eq!(duration(&written(length).replace(' ', "")).unwrap(), length);
        }

        #[test]
        fn any_text_becomes_a_name_and_a_variable(text in any::<String>()) {
            let name = name(&text);
            prop_assert!(!name.is_empty() && !name.contains('/') && name.chars().count() <= 64);
            prop_assert_eq!(clean(&name, 64), name);
            let variable = variable(&text);
            prop_assert!(variable.starts_with(|c: char| c.is_ascii_uppercase()));
            prop_assert!(variable.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
            let _ = duration(&text);
            let _ = shown(&text);
        }
    }
}
