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
    let mut out = Vec::new();
    let mut depth = 0_usize;
    // Whether a value or key may begin here.
    let mut is_fresh = true;
    let mut after_colon = false;
    let mut line_start = true;
    let mut before = '\n';
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let rest = &text[at..];
        match c {
            '\n' => (is_fresh, line_start) = (true, true),
            '\t' if line_start && depth == 0 => {
                out.push(Slip {
                    kind: SlipKind::Tab,
                    range: at..at + 1,
                });
                line_start = false;
            }
            ' ' | '\t' | '\r' => {}
            '#' if before.is_whitespace() => {
                let end = rest.find('\n').unwrap_or(rest.len());
                let comment = rest[..end].trim_end();
                let is_word = comment[1..].starts_with(|c: char| c.is_alphanumeric());
                if after_colon && is_word && depth > 0 {
                    let word = comment
                        .find([' ', '}', ',', '"', '\''])
                        .unwrap_or(comment.len());
                    out.push(Slip {
                        kind: SlipKind::Comment,
                        range: at..at + word,
                    });
                }
                skip_to(&mut chars, at + end);
                (before, is_fresh, line_start) = ('#', true, true);
                continue;
            }
            '"' | '\'' if is_fresh => {
                let length = quoted(rest, c);
                if rest[..length].contains('\n') {
                    let end = rest.find('\n').unwrap_or(rest.len());
                    let end = rest[..end].trim_end().len();
                    out.push(Slip {
                        kind: SlipKind::Quote,
                        range: at..at + end,
                    });
                }
                skip_to(&mut chars, at + length);
                (before, is_fresh, line_start, after_colon) = (c, false, false, false);
                continue;
            }
            '$' if depth > 0 && rest.starts_with("${") => {
                let end = rest.find(['\n', '}']).map_or(rest.len(), |end| {
                    if rest[end..].starts_with('}') {
                        end + 1
                    } else {
                        end
                    }
                });
                out.push(Slip {
                    kind: SlipKind::Variable,
                    range: at..at + end,
                });
                skip_to(&mut chars, at + end);
                (before, is_fresh, line_start, after_colon) = ('}', false, false, false);
                continue;
            }
            '{' | '[' if is_fresh => depth += 1,
            '}' | ']' if depth > 0 => {
                depth -= 1;
                is_fresh = false;
            }
            ',' if depth > 0 => is_fresh = true,
            ':' | '-' => is_fresh = rest[1..].starts_with([' ', '\n', '\r']),
            _ => is_fresh = false,
        }
        if !matches!(c, ' ' | '\t' | '\r') {
            after_colon = c == ':';
            line_start = c == '\n';
        }
        before = c;
    }
    out
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

fn skip_to(chars: &mut std::str::CharIndices<'_>, offset: usize) {
    while chars.offset() < offset && chars.next().is_some() {}
}
