//! Says in plain words why a text is no YAML, and where the mistake most likely is.
//!
//! A reader notices a mistake where it can go on no longer, which is often lines after it: a quote that is not closed
//! swallows everything up to the next one. So the text is looked at as a person would: first for the slips that
//! everybody makes, then for the line without which the rest could be read.

use std::ops::Range;

use super::{
    code::Code,
    report::Problem,
    source::{Source, Span},
    tree,
};
use crate::model::text::clean;

/// Texts longer than this are not searched for the mistake: every try reads all of it.
const SEARCHED_MAX: usize = 64 * 1024;
/// So many lines before the one at which the reader stopped are tried.
const LINES_TRIED: usize = 60;

/// The problem for a text that a reader gave up on at this byte.
pub(super) fn explain(source: &Source, file: u16, at: usize, words: &str) -> Problem {
    let whole = Span {
        file,
        start: 0,
        end: 0,
    };
    let at = source.floor(at);
    let slips = slips(&source.text);
    let is_searched = source.text.len() <= SEARCHED_MAX;
    if let Some(slip) = slips
        .iter()
        .find(|slip| is_searched && is_readable_without(source, source.line_of(slip.range.start)))
    {
        return slip.problem(source, whole);
    }
    let stopped = source.line_of(at);
    let culprit = is_searched
        .then(|| {
            (stopped.saturating_sub(LINES_TRIED)..=stopped)
                .rev()
                .find(|&line| is_readable_without(source, line))
        })
        .flatten();
    if let Some(line) = culprit {
        let span = whole.with(marked(source, line, (line == stopped).then_some(at)));
        let (sentence, help) = in_plain_words(words);
        let mut problem = Problem::new(Code::Syntax, span, sentence).help(help);
        if line != stopped {
            problem = problem.note(format!(
                "it was noticed in line {}, but without line {} everything else can be read",
                stopped + 1,
                line + 1
            ));
        }
        return problem;
    }
    if let Some(slip) = slips.first() {
        return slip.problem(source, whole);
    }
    let span = whole.with(marked(source, stopped, Some(at)));
    let (sentence, help) = in_plain_words(words);
    Problem::new(Code::Syntax, span, sentence).help(help)
}

/// What is marked in a line: the character at which the reader stopped, else the line without its indentation.
fn marked(source: &Source, line: usize, at: Option<usize>) -> Range<usize> {
    let range = source.line(line);
    let text = &source.text[range.clone()];
    let start = range.start + (text.len() - text.trim_start().len());
    match at {
        Some(at) if at >= start && at < range.end => {
            let width = source.text[at..].chars().next().map_or(0, char::len_utf8);
            at..at + width
        }
        Some(_) | None => start..range.start + text.trim_end().len().max(start - range.start),
    }
}

/// Whether the text could be read if this line were empty, or said something harmless with the same indentation.
fn is_readable_without(source: &Source, line: usize) -> bool {
    let range = source.line(line);
    let text = &source.text[range.clone()];
    let indent = &text[..text.len() - text.trim_start_matches(' ').len()];
    let dash = if text.trim_start().starts_with("- ") {
        "- "
    } else {
        ""
    };
    [
        String::new(),
        format!("{indent}{dash}zz_: 0"),
        format!("{indent}{dash}zz_:"),
    ]
    .into_iter()
    .any(|instead| {
        let mut tried = source.text.clone();
        tried.replace_range(range.clone(), &instead);
        tree::is_yaml(&tried)
    })
}

/// What the reader said, in the words of people, and what to do.
fn in_plain_words(words: &str) -> (String, &'static str) {
    let has = |part: &str| words.contains(part);
    let (sentence, help) = if has("mapping values are not allowed")
        || has("mapping values not allowed")
    {
        (
            "a `:` stands where YAML does not expect one",
            "put the value in quotes if it contains `: `, and check that the line is indented like its neighbours",
        )
    } else if has("tab") {
        (
            "this line is indented with a tab",
            "YAML is indented with spaces only",
        )
    } else if has("quoted scalar") || has("unclosed quote") {
        (
            "a quote is not closed",
            "close it on the same line; inside of \"…\" a quote is written \\\"",
        )
    } else if has("flow") || has("',' or") || has("unclosed bracket") {
        (
            "a `{ … }` or `[ … ]` is broken here",
            "check its commas, quotes and closing brackets; `#` after a space begins a comment",
        )
    } else if has("indent")
        || has("expected key")
        || has("'-' indicator")
        || has("block mapping")
        || has("block end")
    {
        (
            "this line does not fit the lines above it",
            "lines of one list or map are indented by the same number of spaces; is a `:` or `- ` missing?",
        )
    } else if has("simple key") || has("':'") {
        (
            "this line has no `key: value` form",
            "a key is followed by a colon and a space",
        )
    } else if has("node content") {
        (
            "a value is missing or cannot be read here",
            "is a closing bracket or a value missing?",
        )
    } else if has("anchor") || has("alias") {
        (
            "`&` and `*` begin an anchor or an alias in YAML",
            "put the value in quotes if it is meant as text",
        )
    } else if has("cannot start any token") || has("unexpected character") || has("reserved") {
        (
            "a value cannot begin with this character",
            "put the value in quotes",
        )
    } else {
        let words = words.split(" at line ").next().unwrap_or(words);
        return (
            format!("this is not YAML: {}", clean(words, 120)),
            "check the quotes, brackets and indentation of this line",
        );
    };
    (sentence.to_owned(), help)
}

/// A slip that everybody makes.
struct Slip {
    kind: SlipKind,
    range: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SlipKind {
    /// `{ a: ${X} }`
    Variable,
    /// `{ a: #b }`
    Comment,
    /// A tab where spaces belong.
    Tab,
    /// A quote that goes on over the end of its line.
    Quote,
}

impl Slip {
    fn problem(&self, source: &Source, whole: Span) -> Problem {
        let span = whole.with(self.range.clone());
        let text = clean(&source.text[self.range.clone()], 80);
        match self.kind {
            SlipKind::Variable => Problem::new(
                Code::VariableInBraces,
                span,
                format!("`{text}` must be in quotes inside of {{ … }} and [ … ]"),
            )
            .label(format!("write \"{text}\"")),
            SlipKind::Comment => swallowed(span, None, &text),
            SlipKind::Tab => Problem::new(Code::Syntax, span, "this line is indented with a tab")
                .help("YAML is indented with spaces only"),
            SlipKind::Quote => Problem::new(
                Code::Syntax,
                span,
                "this quote is not closed on its line",
            )
            .label("opened here")
            .help("close it; inside of \"…\" a quote is written \\\", inside of '…' it is doubled"),
        }
    }
}

/// The problem of a value that YAML took for a comment.
pub(super) fn swallowed(span: Span, key: Option<&str>, comment: &str) -> Problem {
    let word = comment
        .split([' ', '}', ']', ',', '"', '\''])
        .next()
        .unwrap_or(comment);
    let key = key.map_or_else(
        || String::from("this value"),
        |key| format!("`{}`", clean(key, 64)),
    );
    Problem::new(
        Code::Swallowed,
        span,
        format!("{key} is empty because `#` begins a comment in YAML"),
    )
    .label(format!("put it in quotes: \"{word}\""))
}

/// Reads the text as a person would, well enough to find slips.
fn slips(text: &str) -> Vec<Slip> {
    let mut scan = Scan {
        text,
        at: 0,
        depth: 0,
        is_fresh: true,
        is_after_colon: false,
        is_line_start: true,
        before: '\n',
        slips: Vec::new(),
    };
    while scan.step() {}
    scan.slips
}

/// Where the reading is.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// How many braces and brackets are open.
    depth: usize,
    /// Whether a value or key may begin here.
    is_fresh: bool,
    is_after_colon: bool,
    is_line_start: bool,
    before: char,
    slips: Vec<Slip>,
}

impl Scan<'_> {
    /// Reads one character, or a comment, quoted text or variable as a whole.
    fn step(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let Some(c) = rest.chars().next() else {
            return false;
        };
        match c {
            '#' if self.before.is_whitespace() => self.comment(rest),
            '"' | '\'' if self.is_fresh => self.quote(rest, c),
            '$' if self.depth > 0 && rest.starts_with("${") => self.variable(rest),
            '{' if self.depth > 0 && rest.starts_with("{{") => self.range(rest),
            _ => self.character(rest, c),
        }
        true
    }

    fn comment(&mut self, rest: &str) {
        let end = rest.find('\n').unwrap_or(rest.len());
        let comment = rest[..end].trim_end();
        let is_word = comment[1..].starts_with(char::is_alphanumeric);
        if self.is_after_colon && is_word && self.depth > 0 {
            let length = comment
                .find([' ', '}', ',', '"', '\''])
                .unwrap_or(comment.len());
            self.slip(SlipKind::Comment, length);
        }
        self.at += end;
        self.before = '#';
    }

    fn quote(&mut self, rest: &str, quote: char) {
        let length = quoted(rest, quote);
        if let Some(line_end) = rest[..length].find('\n') {
            self.slip(SlipKind::Quote, rest[..line_end].trim_end().len());
        }
        self.pass(length, quote);
    }

    /// A `{{01..20}}`, which YAML takes for maps; the value around it has to be in quotes.
    fn range(&mut self, rest: &str) {
        let line_end = rest.find('\n').unwrap_or(rest.len());
        let Some(close) = rest[..line_end].find("}}") else {
            self.character(rest, '{');
            return;
        };
        let before = &self.text[..self.at];
        let start = before
            .rfind([' ', '\n', ',', '[', '{'])
            .map_or(0, |sign| sign + 1);
        let tail = &rest[close + 2..line_end];
        let end = tail.find([' ', ',', '}', ']']).unwrap_or(tail.len());
        let length = close + 2 + end;
        self.slips.push(Slip {
            kind: SlipKind::Variable,
            range: start..self.at + length,
        });
        self.pass(length, '}');
    }

    fn variable(&mut self, rest: &str) {
        let line_end = rest.find('\n').unwrap_or(rest.len());
        let length = rest[..line_end].find('}').map_or(line_end, |end| end + 1);
        self.slip(SlipKind::Variable, length);
        self.pass(length, '}');
    }

    fn character(&mut self, rest: &str, c: char) {
        match c {
            ' ' | '\r' => {}
            '\t' => {
                if self.is_line_start && self.depth == 0 {
                    self.slip(SlipKind::Tab, 1);
                    self.is_line_start = false;
                }
            }
            '\n' => {
                self.is_fresh = true;
                self.is_line_start = true;
                self.is_after_colon = false;
            }
            _ => {
                if self.is_fresh && matches!(c, '{' | '[') {
                    self.depth += 1;
                } else if self.depth > 0 && matches!(c, '}' | ']') {
                    self.depth -= 1;
                    self.is_fresh = false;
                } else {
                    self.is_fresh = match c {
                        ',' => self.depth > 0,
                        ':' | '-' => rest[1..].starts_with([' ', '\n', '\r']),
                        _ => false,
                    };
                }
                self.is_line_start = false;
                self.is_after_colon = c == ':';
            }
        }
        self.before = c;
        self.at += c.len_utf8();
    }

    fn slip(&mut self, kind: SlipKind, length: usize) {
        let range = self.at..self.at + length;
        self.slips.push(Slip { kind, range });
    }

    /// Goes past something that is a value.
    fn pass(&mut self, length: usize, last: char) {
        self.at += length;
        self.before = last;
        self.is_fresh = false;
        self.is_line_start = false;
        self.is_after_colon = false;
    }
}

/// How many bytes a quoted text takes, its quotes included; all that is left if it is not closed.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote == '"' {
            chars.next();
        } else if c == quote {
            if quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') {
                chars.next();
            } else {
                return at + 1;
            }
        }
    }
    text.len()
}
