//! The text of a file as it was read, places in it, and what of it must not be shown.

use std::{fmt, ops::Range};

/// One file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// How people call it: the path as they typed it.
    pub(crate) name: String,
    /// What it says.
    pub(crate) text: String,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
}

/// A piece of one file, in bytes; always on borders of characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span {
    /// Which file, counted in the order in which they were read.
    pub file: u16,
    /// The first byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

/// A [`Span`] for people and editors.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file as it was named to us.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line of the end.
    pub end_line: usize,
    /// The column after the last character.
    pub end_column: usize,
}

/// The text may hold secrets, so it is not shown.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

impl Span {
    /// The bytes as a range.
    pub(crate) const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// A piece of the same file.
    pub(crate) fn with(self, range: Range<usize>) -> Self {
        Self {
            file: self.file,
            start: u32::try_from(range.start).unwrap_or(u32::MAX),
            end: u32::try_from(range.end).unwrap_or(u32::MAX),
        }
    }
}

impl Source {
    /// Takes the text in.
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        // A byte order mark is no character of the first line, for editors neither.
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            name: name.into(),
            text,
            lines,
        }
    }

    /// The line, from 0, that holds this byte.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.lines
            .partition_point(|&start| start <= offset)
            .saturating_sub(1)
    }

    /// The bytes of a line, from 0, without its end.
    pub(crate) fn line(&self, line: usize) -> Range<usize> {
        let start = self.lines.get(line).copied().unwrap_or(self.text.len());
        let end = self
            .lines
            .get(line + 1)
            .map_or(self.text.len(), |next| next - 1);
        let end = end.max(start);
        let text = &self.text[start..end];
        start..start + text.trim_end_matches('\r').len()
    }

    /// How many lines there are.
    pub(crate) fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// Line and column, from 1, of a byte.
    fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.floor(offset);
        let line = self.line_of(offset);
        let column = self.text[self.lines[line]..offset].chars().count();
        (line + 1, column + 1)
    }

    /// The byte at a line and a column in characters, both from 1.
    pub(crate) fn offset(&self, line: usize, column: usize) -> usize {
        let range = self.line(line.saturating_sub(1));
        let text = &self.text[range.clone()];
        let skipped = text
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(text.len(), |(at, _)| at);
        range.start + skipped
    }

    /// The nearest border of a character at or before this byte.
    pub(crate) fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    /// The text of a span.
    pub(crate) fn slice(&self, span: Span) -> &str {
        let range = span.range();
        let start = self.floor(range.start);
        &self.text[start..self.floor(range.end).max(start)]
    }

    /// A span for people.
    pub(crate) fn place(&self, span: Span) -> Place {
        let (line, column) = self.position(span.start as usize);
        let (end_line, end_column) = self.position(span.end.max(span.start) as usize);
        Place {
            file: self.name.clone(),
            line,
            column,
            end_line,
            end_column,
        }
    }

    /// The text with these pieces and everything that looks like a secret made unreadable; every byte keeps its place.
    pub(crate) fn masked(&self, secrets: impl IntoIterator<Item = Range<usize>>) -> String {
        let mut out = self.text.clone();
        let found = (0..self.line_count()).flat_map(|line| {
            let range = self.line(line);
            suspicious(&self.text[range.clone()])
                .into_iter()
                .map(move |piece| range.start + piece.start..range.start + piece.end)
        });
        let mut ranges: Vec<_> = secrets
            .into_iter()
            .chain(found)
            .map(|range| self.floor(range.start)..self.floor(range.end))
            .collect();
        ranges.sort_by_key(|range| (range.start, range.end));
        let mut done = 0;
        for range in ranges {
            // What overlaps is hidden once.
            let range = range.start.max(done)..range.end;
            if let Some(piece) = self.text.get(range.clone()) {
                out.replace_range(range.clone(), &mask(piece));
                done = range.end;
            }
        }
        out
    }
}

/// A text of ours in which nothing that looks like a secret can be read.
pub(crate) fn without_secrets(text: &str) -> String {
    let mut out = text.to_owned();
    let mut ranges = suspicious_addresses(text);
    ranges.sort_by_key(|range| range.start);
    // From the end, because what is replaced changes its length; what overlaps is hidden once.
    let mut end = text.len();
    for range in ranges.into_iter().rev() {
        let range = range.start..range.end.min(end);
        if !range.is_empty() {
            out.replace_range(range.clone(), "(redacted)");
            end = range.start;
        }
    }
    out
}

/// As many bytes that say nothing, line by line.
fn mask(piece: &str) -> String {
    const WORD: &str = "(redacted)";
    let hidden: String = piece
        .chars()
        .map(|c| match (c, c.len_utf8()) {
            ('\n' | '\r', _) => c,
            (_, 1) => '*',
            (_, 2) => '·',
            (_, 3) => '•',
            (_, _) => '🔒',
        })
        .collect();
    if hidden.len() >= WORD.len()
        && hidden.is_char_boundary(WORD.len())
        && !piece[..WORD.len().min(piece.len())].contains('\n')
    {
        format!("{WORD}{}", &hidden[WORD.len()..])
    } else {
        hidden
    }
}

/// Keys whose values are secrets wherever they stand, in lower case.
const SECRET_KEYS: [&str; 12] = [
    "webhook_url",
    "signing_secret",
    "previous_signing_secret",
    "secret",
    "password",
    "bearer",
    "token",
    "bot_token",
    "app_token",
    "authorization",
    "api_key",
    "cookie",
];

/// Whether values under this key are secrets.
pub(crate) fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    SECRET_KEYS.contains(&key.as_str())
        || ["_token", "_key", "_secret", "_password"]
            .iter()
            .any(|end| key.ends_with(end))
}

/// The pieces of a line that look like secrets, whatever the structure around them: it may be broken.
fn suspicious(line: &str) -> Vec<Range<usize>> {
    let mut out = suspicious_addresses(line);
    out.extend(secret_values(line));
    out.retain(|range| !range.is_empty() && !line[range.clone()].contains("${"));
    out
}

/// The same by the look of addresses and tokens alone.
fn suspicious_addresses(line: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for marker in ["/services/", "/triggers/", "/workflows/"] {
        for (at, _) in line.match_indices(marker) {
            let start = at + marker.len();
            let end = token_end(line, start);
            // The first two parts say which webhook it is; all that follows is the secret.
            let tail = line[start..end]
                .match_indices('/')
                .nth(1)
                .map_or(start, |(slash, _)| start + slash + 1);
            out.push(tail..end);
        }
    }
    for (at, _) in line.match_indices("xox").chain(line.match_indices("xapp-")) {
        let end = token_end(line, at);
        if end - at > 8 {
            out.push(line.ceil_char_boundary(at + 5)..end);
        }
    }
    for (at, _) in line.match_indices("://") {
        let start = at + 3;
        let end = token_end(line, start);
        let authority = &line[start..start + line[start..end].find('/').unwrap_or(end - start)];
        if let Some(user) = authority.rfind('@') {
            out.push(start..start + user);
        }
        if let Some(query) = line[start..end].find('?') {
            out.push(start + query + 1..end);
        }
    }
    out.retain(|range| !range.is_empty() && !line[range.clone()].contains("${"));
    out
}

/// Values after keys of secrets.
fn secret_values(line: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for (at, _) in line.match_indices(':') {
        let before = line[..at].trim_end_matches(['"', '\'']);
        let start = before
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .map_or(0, |at| {
                at + before[at..].chars().next().map_or(1, char::len_utf8)
            });
        if !is_secret_key(&before[start..]) {
            continue;
        }
        let rest = &line[at + 1..];
        let skipped = rest.len() - rest.trim_start().len();
        let value = rest.trim_start();
        let begin = at + 1 + skipped;
        let (from, length) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                (begin + 1, value[1..].find(quote).unwrap_or(value.len() - 1))
            }
            Some('$' | '{' | '[' | '#') | None => continue,
            Some(_) => (begin, value.find([',', '}', ' ']).unwrap_or(value.len())),
        };
        // A Slack webhook keeps its readable beginning: it says which one it is.
        if !line[from..from + length].starts_with("https://hooks.slack") {
            out.push(from..from + length);
        }
    }
    out
}

/// Where an address or token that begins here ends.
fn token_end(line: &str, start: usize) -> usize {
    line[start..]
        .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '}' | ']' | '`'))
        .map_or(line.len(), |length| start + length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_are_characters() {
        let source = Source::new("a.yaml", "x: modrá 🐈 b\r\ny: 1\n");
        let at = source.text.find('b').unwrap();
        let place = source.place(Span::default().with(at..at + 1));
        assert_eq!((place.line, place.column, place.end_column), (1, 12, 13));
        assert_eq!(&source.text[source.line(0)], "x: modrá 🐈 b");
        assert_eq!(&source.text[source.line(1)], "y: 1");
    }

    #[test]
    fn what_looks_like_a_secret_is_hidden_in_its_place() {
        for (line, shown) in [
            (
                r#"a: "https://hooks.slack.com/services/T0/B0/abcdefghijklmn""#,
                r#"a: "https://hooks.slack.com/services/T0/B0/(redacted)****""#,
            ),
            ("bot_token: xoxb-1234567890", "bot_token: (redacted)*****"),
            ("a: xoxbé-1234567890", "a: xoxbé(redacted)*"),
            ("a: xapp-1234567890", "a: xapp-(redacted)"),
            ("bearer: 'hunter2'", "bearer: '*******'"),
            ("bearer: \"${TOKEN}\"", "bearer: \"${TOKEN}\""),
            ("url: http://me:pw@host/x", "url: http://*****@host/x"),
            ("url: http://host/x?key=1", "url: http://host/x?*****"),
            ("{ password: žluť, a: 1 }", "{ password: ·**·, a: 1 }"),
            ("critical_components: [db]", "critical_components: [db]"),
        ] {
            let source = Source::new("a", line);
            let masked = source.masked([]);
            assert_eq!(masked.len(), line.len());
            assert_eq!(masked, shown);
        }
    }

    proptest! {
        #[test]
        fn masking_moves_no_byte(text in "(?s).{0,80}", start in 0_usize..90, length in 0_usize..30) {
            let source = Source::new("a", text);
            let text = &source.text;
            let range = start..start + length;
            let masked = source.masked([range]);
            prop_assert_eq!(masked.len(), text.len());
            prop_assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
        }
    }
}
