//! `{{…}}` in the texts of a target: where a value of its range is put in.
//!
//! Values are put in before variables (`${…}`) are looked at, and only into texts: a value can never add a key or a list.

use std::ops::Range;

use super::{
    source::{Source, Span},
    tree::{Form, Kind, Node},
};

/// A `{{…}}` of ours: `{{each}}`, `{{01..20}}`, `{{blue,green}}`.
///
/// What begins with a dot or a dollar, or has other signs in it, belongs to somebody else: queries of logs have templates
/// of their own (`{{.message}}`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Placeholder<'a> {
    /// Where it stands in the text, braces included.
    pub(super) range: Range<usize>,
    /// What it says, braces included.
    pub(super) whole: &'a str,
    /// What stands between the braces.
    pub(super) word: &'a str,
}

/// All placeholders of a text, in order.
pub(super) fn placeholders(text: &str) -> Vec<Placeholder<'_>> {
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("{{").map(|at| from + at) {
        let inside = &text[at + 2..];
        let Some(length) = inside.find("}}") else {
            break;
        };
        let end = at + 2 + length + 2;
        let word = inside[..length].trim();
        if is_ours(word) {
            out.push(Placeholder {
                range: at..end,
                whole: &text[at..end],
                word,
            });
            from = end;
        } else {
            // `{{{each}}` begins one sign later.
            from = at + 1;
        }
    }
    out
}

fn is_ours(word: &str) -> bool {
    let is_foreign = word.starts_with(['.', '$', '-']);
    !word.is_empty()
        && !is_foreign
        && word
            .split(',')
            .all(|part| part.trim().chars().all(is_of_a_value))
}

/// Whether a value of a list may have this sign.
pub(super) fn is_of_a_value(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// The text with every placeholder replaced by what `value` says of it; without an answer it stays.
pub(super) fn filled<'v>(
    text: &str,
    value: impl Fn(&Placeholder<'_>) -> Option<&'v str>,
) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for placeholder in placeholders(text) {
        if let Some(value) = value(&placeholder) {
            out.push_str(&text[done..placeholder.range.start]);
            out.push_str(value);
            done = placeholder.range.end;
        }
    }
    out.push_str(&text[done..]);
    out
}

/// Calls with every single value below a node, and the key that it stands under.
pub(super) fn each_text<'n>(
    node: &'n Node,
    key: &'n str,
    visit: &mut impl FnMut(&'n str, Span, &'n str),
) {
    match &node.kind {
        Kind::Scalar(Form::Text, text) => visit(key, node.span, text),
        Kind::Scalar(Form::Null | Form::Bool(_) | Form::Number, _) => {}
        Kind::List(items) => {
            for item in items {
                each_text(item, key, visit);
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                each_text(&entry.value, &entry.key, visit);
            }
        }
    }
}

/// The same node with other texts in the same places.
pub(super) fn with_texts(node: &Node, change: &impl Fn(&str) -> String) -> Node {
    let kind = match &node.kind {
        Kind::Scalar(Form::Text, text) => Kind::Scalar(Form::Text, change(text)),
        Kind::Scalar(form, text) => Kind::Scalar(*form, text.clone()),
        Kind::List(items) => {
            Kind::List(items.iter().map(|item| with_texts(item, change)).collect())
        }
        Kind::Map(entries) => Kind::Map(
            entries
                .iter()
                .map(|entry| super::tree::Entry {
                    key: entry.key.clone(),
                    span: entry.span,
                    value: with_texts(&entry.value, change),
                })
                .collect(),
        ),
    };
    Node {
        span: node.span,
        kind,
    }
}

/// The place of a piece of a value if the value is written as it reads, else that of the whole value.
pub(super) fn piece(source: Option<&Source>, span: Span, piece: &str) -> Span {
    match source.and_then(|source| source.slice(span).find(piece)) {
        Some(at) => {
            let start = span.start as usize + at;
            span.with(start..start + piece.len())
        }
        None => span,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ours_are_told_from_those_of_others() {
        for (text, words) in [
            ("", &[][..]),
            (
                "https://{{each}}.example.test/{{ each }}",
                &["each", "each"],
            ),
            ("{{01..20}}", &["01..20"]),
            ("{{blue, green}}", &["blue, green"]),
            ("{{.message}} {{$x}} {{- end}} {{if x}} {{}}", &[]),
            ("{{each} {each}} {each} ${each}", &[]),
            ("{{{each}}}", &["each"]),
            ("{{žluť}}", &["žluť"]),
            ("{{", &[]),
        ] {
            let found: Vec<_> = placeholders(text)
                .iter()
                .map(|placeholder| placeholder.word)
                .collect();
            assert_eq!(found, words, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_placeholders_changes(text in "[{}a-z$., é]{0,40}") {
            prop_assert_eq!(filled(&text, |_| None), text.clone());
            for placeholder in placeholders(&text) {
                prop_assert_eq!(&text[placeholder.range.clone()], placeholder.whole);
            }
            let marked = filled(&text, |_| Some("#"));
            prop_assert_eq!(marked.matches('#').count(), placeholders(&text).len());
        }
    }
}
