//! Which targets people mean: the one resolver of names, for Slack, the terminal and the API alike.
//!
//! A question is a handful of words in any order. Each word has to name the target: its name, an alias, its icon, its
//! group, or an alias of its group. Case does not matter, and `-` and `_` are the same, but a word is never completed and
//! never corrected: a word that nobody is called by is answered with the nearest ones that exist. State words such as
//! `down` narrow what is shown and never name anybody.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::model::{Board, Group, Target, Verdict, board::Row, text::clean};

/// The most suggestions that are made.
pub const NEAREST_MAX: usize = 5;

/// The most characters of one foreign word that are shown.
pub(super) const SHOWN_MAX: usize = 60;

/// The most words of a question; more are a paste, not names.
const WORDS_MAX: usize = 32;

/// The most characters of a word for which a nearest one is looked for; longer ones are pastes, not names.
const CORRECTED_MAX: usize = 40;

/// What a question for several targets came to.
#[derive(Debug)]
pub enum Selection<'a> {
    /// Everything was understood; there may still be nobody who is so (`down` when all is well).
    Rows {
        /// The rows in the order of the file.
        rows: Vec<&'a Arc<Row>>,
        /// The words, cleaned; empty if there were none.
        words: String,
    },
    /// A word names nobody, or the words together name nobody.
    Nothing {
        /// What was not understood, as one sentence without a full stop.
        understood: String,
        /// The nearest selections that would have been understood, best first.
        nearest: Vec<String>,
    },
}

/// What a question for one target came to.
#[derive(Debug)]
pub enum One<'a> {
    /// This one.
    Row(&'a Arc<Row>),
    /// It could be each of these.
    Several(Vec<&'a Arc<Row>>),
    /// Nobody.
    Nobody {
        /// What was not understood, as one sentence without a full stop.
        understood: String,
        /// The nearest names, best first.
        nearest: Vec<String>,
    },
}

/// The rows that the words select, in the order of the file; all of them if there are no words.
///
/// Words beside each other narrow (`master down`), a comma joins (`master, staging`), several state words widen each
/// other (`master down degraded`).
pub fn select<'a>(board: &'a Board, text: &str) -> Selection<'a> {
    let shown = clean(text, super::QUESTION_CHARACTERS_MAX);
    let alternatives: Vec<Vec<Word>> = shown
        .split(',')
        .map(words_of)
        .filter(|words| !words.is_empty())
        .collect();
    if alternatives.is_empty() {
        return Selection::Rows {
            rows: board.rows.iter().collect(),
            words: String::new(),
        };
    }
    if alternatives.iter().map(Vec::len).sum::<usize>() > WORDS_MAX {
        let (understood, nearest) = too_long();
        return Selection::Nothing {
            understood,
            nearest,
        };
    }
    let mut is_selected = vec![false; board.rows.len()];
    for words in &alternatives {
        if let Err(nothing) = mark(board, words, &mut is_selected) {
            return nothing;
        }
    }
    let rows = board
        .rows
        .iter()
        .zip(is_selected)
        .filter_map(|(row, is_selected)| is_selected.then_some(row))
        .collect();
    Selection::Rows { rows, words: shown }
}

/// The one target that the words name, or whose open incident they name.
///
/// A target whose complete name (`blue`, `master blue`, an alias, the icon) is exactly these words goes before others that
/// the words also fit. State words mean nothing here.
pub fn one<'a>(board: &'a Board, text: &str) -> One<'a> {
    let words = words_of(&clean(text, super::QUESTION_CHARACTERS_MAX));
    if words.is_empty() {
        return One::Nobody {
            understood: String::from("no target was named"),
            nearest: Vec::new(),
        };
    }
    if words.len() > WORDS_MAX {
        let (understood, nearest) = too_long();
        return One::Nobody {
            understood,
            nearest,
        };
    }
    let called = Called::all(&words, board);
    let fitting: Vec<&Arc<Row>> = board
        .rows
        .iter()
        .enumerate()
        .filter(|&(place, _)| called.iter().all(|called| called.rows[place]))
        .map(|(_, row)| row)
        .collect();
    match fitting.as_slice() {
        [] => {
            if let Some(row) = of_incident(board, &words) {
                return One::Row(row);
            }
            let (understood, nearest) = nobody(board, &called);
            One::Nobody {
                understood,
                nearest,
            }
        }
        [row] => One::Row(row),
        several => {
            let exact: Vec<_> = several
                .iter()
                .filter(|row| is_complete_name(&row.target, &words))
                .collect();
            match exact.as_slice() {
                [row] => One::Row(row),
                _ => One::Several(fitting),
            }
        }
    }
}

/// The target whose open incident is named, with or without `#`.
fn of_incident<'a>(board: &'a Board, words: &[Word]) -> Option<&'a Arc<Row>> {
    let [word] = words else { return None };
    let id = word.typed.trim_start_matches('#');
    board.rows.iter().find(|row| {
        row.facts()
            .incident
            .as_ref()
            .is_some_and(|incident| incident.as_str() == id)
    })
}

/// The nearest selections to what was typed, best first, at most [`NEAREST_MAX`].
pub fn nearest(board: &Board, text: &str) -> Vec<String> {
    let words = words_of(&clean(text, super::QUESTION_CHARACTERS_MAX));
    nobody(board, &Called::all(&words, board)).1
}

/// The words among `known` that are near to `word`, nearest first, each once, at most `max`.
///
/// Near is: it begins or ends alike, contains it, or differs in at most a third of its letters.
pub fn nearest_words<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    max: usize,
) -> Vec<String> {
    let word = normal(word);
    let length = word.chars().count();
    if length == 0 || length > CORRECTED_MAX {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let mut scored: Vec<(usize, String)> = known
        .into_iter()
        .filter(|candidate| seen.insert(*candidate))
        .filter_map(|candidate| {
            let distance = distance(&word, length, &normal(candidate))?;
            Some((distance, candidate.to_owned()))
        })
        .collect();
    scored.sort();
    scored.into_iter().map(|(_, word)| word).take(max).collect()
}

/// Whether two words are the same to people: case and `-` against `_` do not matter.
pub fn is_same_word(a: &str, b: &str) -> bool {
    letters(a).eq(letters(b))
}

/// How far two normal words are apart; absent if they are not near.
fn distance(word: &str, length: usize, candidate: &str) -> Option<usize> {
    let candidate_length = candidate.chars().count();
    if candidate_length == 0 {
        return None;
    }
    if length >= 3 && candidate.contains(word) {
        return Some(1);
    }
    let allowed = (length.max(candidate_length) / 3).clamp(1, 3);
    if length.abs_diff(candidate_length) > allowed {
        return None;
    }
    let distance = strsim::osa_distance(word, candidate);
    // A word of one or two letters is one slip away from everything.
    (distance <= allowed && distance < length).then_some(distance)
}

/// A word of a question.
struct Word {
    /// As it is compared.
    normal: String,
    /// As it was typed.
    typed: String,
    state: Option<StateWord>,
}

impl Word {
    /// Whether this word is one of those that a phrase is made of.
    fn is_in(&self, phrase: &str) -> bool {
        pieces(phrase).any(|piece| self.is(piece))
    }

    fn is(&self, piece: &str) -> bool {
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
enum StateWord {
    Verdict(Verdict),
    Problems,
}

impl StateWord {
    const ALL: [(&'static str, Self); 7] = [
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

    fn holds_for(self, verdict: Verdict) -> bool {
        match self {
            Self::Problems => verdict != Verdict::Operational,
            Self::Verdict(wanted) => verdict == wanted,
        }
    }
}

/// Takes a phrase apart into words, without the punctuation that people put around them.
fn words_of(phrase: &str) -> Vec<Word> {
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

/// A question of too many words: not one of them is left out in silence.
fn too_long() -> (String, Vec<String>) {
    (format!("that is more than {WORDS_MAX} words"), Vec::new())
}

/// The words of a name or question: what stands between spaces, slashes and commas, bare of quotes and the like.
fn pieces(phrase: &str) -> impl Iterator<Item = &str> {
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

fn normal(word: &str) -> String {
    letters(word).collect()
}

/// Whom one word names, found once for the whole board.
struct Called<'a> {
    word: &'a Word,
    /// For each row, whether the word is one of those that its target is called by.
    rows: Vec<bool>,
    /// Whether anything is called by this word, be it a group with nobody in it.
    is_known: bool,
}

impl<'a> Called<'a> {
    fn by(word: &'a Word, board: &Board) -> Self {
        let mut groups: HashMap<&str, bool> = board
            .groups
            .iter()
            .map(|group| {
                let is_called = group_phrases(group).any(|phrase| word.is_in(phrase));
                (group.name.as_str(), is_called)
            })
            .collect();
        let rows: Vec<bool> = board
            .rows
            .iter()
            .map(|row| {
                let by_group = row.target.group.as_ref().is_some_and(|name| {
                    *groups
                        .entry(name.as_str())
                        .or_insert_with(|| word.is_in(name.as_str()))
                });
                by_group || own_phrases(&row.target).any(|phrase| word.is_in(phrase))
            })
            .collect();
        let is_known = rows.contains(&true) || groups.into_values().any(|is_called| is_called);
        Self {
            word,
            rows,
            is_known,
        }
    }

    fn all(words: &'a [Word], board: &Board) -> Vec<Self> {
        words.iter().map(|word| Self::by(word, board)).collect()
    }
}

/// Every phrase that something is called by.
fn phrases(board: &Board) -> impl Iterator<Item = &str> {
    let groups = board.groups.iter().flat_map(group_phrases);
    let targets = board.rows.iter().flat_map(|row| own_phrases(&row.target));
    groups.chain(targets)
}

/// What a target is called, its group apart.
fn own_phrases(target: &Target) -> impl Iterator<Item = &str> {
    std::iter::once(target.name.as_str())
        .chain(target.aliases.iter().map(String::as_str))
        .chain(target.icon.as_deref())
}

fn group_phrases(group: &Group) -> impl Iterator<Item = &str> {
    std::iter::once(group.name.as_str()).chain(group.aliases.iter().map(String::as_str))
}

/// Whether the words, in any order, are all of the words of a name of this target and no more.
fn is_complete_name(target: &Target, words: &[Word]) -> bool {
    let is_all_of = |phrase: &str| {
        let is_said = |piece| words.iter().any(|word| word.is(piece));
        words.iter().all(|word| word.is_in(phrase)) && pieces(phrase).all(is_said)
    };
    own_phrases(target).any(is_all_of) || is_all_of(target.id.as_str())
}

/// Marks the rows that all of these words select.
fn mark<'a>(
    board: &'a Board,
    words: &[Word],
    is_selected: &mut [bool],
) -> Result<(), Selection<'a>> {
    let called = Called::all(words, board);
    // A state word that somebody is called by is still a name: nobody may become unreachable by its name.
    let (names, states): (Vec<&Called<'_>>, Vec<&Called<'_>>) = called
        .iter()
        .partition(|called| called.word.state.is_none() || called.is_known);
    let mut is_somebody = names.is_empty();
    for (place, (row, is_selected)) in board.rows.iter().zip(is_selected).enumerate() {
        let has_state = |called: &Called<'_>| {
            let verdict = row.facts().verdict;
            called
                .word
                .state
                .is_some_and(|state| state.holds_for(verdict))
        };
        let is_named = names
            .iter()
            .all(|called| called.rows[place] || has_state(called));
        is_somebody |= is_named;
        *is_selected |=
            is_named && (states.is_empty() || states.iter().any(|called| has_state(called)));
    }
    // An empty group is known and has nobody in it: that is an answer.
    if is_somebody || matches!(names.as_slice(), [called] if called.is_known) {
        return Ok(());
    }
    let (understood, nearest) = nobody(board, &called);
    Err(Selection::Nothing {
        understood,
        nearest,
    })
}

/// Says which words name nobody, and what is near.
fn nobody(board: &Board, called: &[Called<'_>]) -> (String, Vec<String>) {
    let list = |words: &mut dyn Iterator<Item = &Word>| {
        words
            .map(|word| format!("`{}`", clean(&word.typed, SHOWN_MAX)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let unknown: Vec<&Word> = called
        .iter()
        .filter(|called| called.word.state.is_none() && !called.is_known)
        .map(|called| called.word)
        .collect();
    if unknown.is_empty() {
        let all = list(&mut called.iter().map(|called| called.word));
        return (
            format!("nothing is called all of {all}"),
            best_fitting(board, called),
        );
    }
    let understood = format!("nothing is called {}", list(&mut unknown.iter().copied()));
    (understood, corrected(board, called, &unknown))
}

/// The targets that most of the words name.
fn best_fitting(board: &Board, called: &[Called<'_>]) -> Vec<String> {
    let mut scored: Vec<(usize, &Arc<Row>)> = board
        .rows
        .iter()
        .enumerate()
        .map(|(place, row)| {
            let fitting = called.iter().filter(|called| called.rows[place]).count();
            (fitting, row)
        })
        .filter(|&(fitting, _)| fitting > 0)
        .collect();
    // Stable: among equals the order of the file.
    scored.sort_by_key(|&(fitting, _)| std::cmp::Reverse(fitting));
    scored
        .into_iter()
        .map(|(_, row)| row.target.title())
        .take(NEAREST_MAX)
        .collect()
}

/// The question with its first unknown word replaced by each of the nearest known ones.
fn corrected(board: &Board, called: &[Called<'_>], unknown: &[&Word]) -> Vec<String> {
    let Some(wrong) = unknown.first() else {
        return Vec::new();
    };
    let states = StateWord::ALL.iter().map(|&(word, _)| word);
    let pieces_known = phrases(board).flat_map(pieces).chain(states);
    let near = nearest_words(&wrong.typed, pieces_known, NEAREST_MAX);
    if unknown.len() > 1 {
        return near;
    }
    near.into_iter()
        .map(|replacement| {
            called
                .iter()
                .map(|called| {
                    if called.word.normal == wrong.normal {
                        replacement.clone()
                    } else {
                        clean(&called.word.typed, SHOWN_MAX)
                    }
                })
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}
