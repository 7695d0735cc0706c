//! Words, as people type them and as names consist of them.

use crate::model::Verdict;

/// A word of a question.
pub(super) struct Word {
    /// As it is compared.
    pub(super) normal: String,
    /// As it was typed.
    pub(super) typed: String,
    /// What it says of how something is, if it does.
    pub(super) state: Option<StateWord>,
}

impl Word {
    /// Whether this word is one of those that a phrase is made of.
    pub(super) fn is_in(&self, phrase: &str) -> bool {
        pieces(phrase).any(|piece| self.is(piece))
    }

    pub(super) fn is(&self, piece: &str) -> bool {
        if piece.is_ascii() {
            // The common case, without a detour by way of characters.
            let folded = |byte: u8| match byte.to_ascii_lowercase() {
                b'-' => b'_',
                byte => byte,
            };
            return piece.len() == self.normal.len()
                && piece.bytes().map(folded).eq(self.normal.bytes());
        }
        letters(piece).eq(self.normal.chars())
    }
}

/// A word that says how something is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StateWord {
    Verdict(Verdict),
    Problems,
}

impl StateWord {
    pub(super) const ALL: [(&'static str, Self); 7] = [
        ("problems", Self::Problems),
        ("problem", Self::Problems),
        ("down", Self::Verdict(Verdict::Down)),
        ("degraded", Self::Verdict(Verdict::Degraded)),
        ("unknown", Self::Verdict(Verdict::Unknown)),
        ("suspect", Self::Verdict(Verdict::Suspect)),
        ("operational", Self::Verdict(Verdict::Operational)),
    ];

    fn from_word(normal: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(word, _)| *word == normal)
            .map(|&(_, state)| state)
    }

    pub(super) fn holds_for(self, verdict: Verdict) -> bool {
        match self {
            Self::Problems => verdict != Verdict::Operational,
            Self::Verdict(wanted) => verdict == wanted,
        }
    }
}

/// Takes a phrase apart into words, without the punctuation that people put around them.
pub(super) fn words_of(phrase: &str) -> Vec<Word> {
    pieces(phrase)
        .map(|typed| {
            let normal = normal(typed);
            let state = StateWord::from_word(&normal);
            Word {
                normal,
                typed: typed.to_owned(),
                state,
            }
        })
        .collect()
}

/// Whether two words are the same to people: case and `-` against `_` do not matter.
pub fn is_same_word(a: &str, b: &str) -> bool {
    letters(a).eq(letters(b))
}

/// The words of a name or question: what stands between spaces, slashes and commas, bare of quotes and the like.
pub(super) fn pieces(phrase: &str) -> impl Iterator<Item = &str> {
    phrase
        .split(|c: char| c.is_whitespace() || c == '/' || c == ',')
        .map(|piece| piece.trim_matches(is_wrapping))
        .filter(|piece| !piece.is_empty())
}

/// Punctuation that people and chats put around a word and that is no part of it.
fn is_wrapping(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '`'
            | '*'
            | '?'
            | '!'
            | '.'
            | ';'
            | '('
            | ')'
            | '„'
            | '“'
            | '”'
            | '‘'
            | '’'
            | '«'
            | '»'
    )
}

fn letters(word: &str) -> impl Iterator<Item = char> {
    word.chars()
        .flat_map(char::to_lowercase)
        .map(|c| if c == '-' { '_' } else { c })
}

pub(super) fn normal(word: &str) -> String {
    letters(word).collect()
}
