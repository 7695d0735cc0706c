//! Which targets people mean: the one resolver of names, for Slack, the terminal and the API alike.
//!
//! A question is a handful of words in any order. Each word has to name the target: its name, an alias, its icon, its
//! group, or an alias of its group. Case does not matter, and `-` and `_` are the same, but a word is never completed and
//! never corrected: a word that nobody is called by is answered with the nearest ones that exist. State words such as
//! `down` narrow what is shown and never name anybody.

use std::{collections::HashMap, sync::Arc};

use crate::model::{Board, Group, GroupName, Target, Verdict, board::Row, text::clean};

/// The most suggestions that are made.
pub const NEAREST_MAX: usize = 5;

/// The most characters of one foreign word that are shown.
pub(super) const SHOWN_MAX: usize = 60;

/// The most words of a question that are read.
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

/// The one target that the words name.
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
    let names = Names::of(board);
    let fitting: Vec<&Arc<Row>> = board
        .rows
        .iter()
        .filter(|row| words.iter().all(|word| names.name(&row.target, word)))
        .collect();
    match fitting.as_slice() {
        [] => {
            let (understood, nearest) = nobody(board, &names, &words);
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

/// The nearest selections to what was typed, best first, at most [`NEAREST_MAX`].
pub fn nearest(board: &Board, text: &str) -> Vec<String> {
    let words = words_of(&clean(text, super::QUESTION_CHARACTERS_MAX));
    nobody(board, &Names::of(board), &words).1
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
    let mut scored: Vec<(usize, String)> = known
        .into_iter()
        .filter_map(|candidate| {
            let distance = distance(&word, length, &normal(candidate))?;
            Some((distance, candidate.to_owned()))
        })
        .collect();
    scored.sort();
    scored.dedup_by(|a, b| a.1 == b.1);
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
        .take(WORDS_MAX)
        .collect()
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

/// Who is called what, on one board.
struct Names<'a> {
    board: &'a Board,
    groups: HashMap<&'a str, &'a Group>,
}

impl<'a> Names<'a> {
    fn of(board: &'a Board) -> Self {
        let groups = board
            .groups
            .iter()
            .map(|group| (group.name.as_str(), group))
            .collect();
        Self { board, groups }
    }

    fn group_of(&self, target: &Target) -> Option<&'a Group> {
        let name = target.group.as_ref()?;
        self.groups.get(name.as_str()).copied()
    }

    /// Whether this word is one of those that the target is called by.
    fn name(&self, target: &Target, word: &Word) -> bool {
        let group = self.group_of(target);
        own_phrases(target)
            .chain(target.group.as_ref().map(GroupName::as_str))
            .chain(group.into_iter().flat_map(group_phrases))
            .flat_map(pieces)
            .any(|piece| letters(piece).eq(word.normal.chars()))
    }

    /// Whether anything on the board is called by this word.
    fn is_known(&self, word: &Word) -> bool {
        self.board
            .rows
            .iter()
            .any(|row| self.name(&row.target, word))
            || self
                .board
                .groups
                .iter()
                .flat_map(group_phrases)
                .flat_map(pieces)
                .any(|piece| letters(piece).eq(word.normal.chars()))
    }

    /// Every phrase that something is called by.
    fn phrases(&self) -> impl Iterator<Item = &'a str> {
        let groups = self.board.groups.iter().flat_map(group_phrases);
        let targets = self
            .board
            .rows
            .iter()
            .flat_map(|row| own_phrases(&row.target));
        groups.chain(targets)
    }
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
    let is_all_of = |phrases: &[&str]| {
        let name: Vec<&str> = phrases.iter().flat_map(|phrase| pieces(phrase)).collect();
        let has = |word: &Word| {
            name.iter()
                .any(|piece| letters(piece).eq(word.normal.chars()))
        };
        let is_said = |piece: &&str| {
            words
                .iter()
                .any(|word| letters(piece).eq(word.normal.chars()))
        };
        !name.is_empty() && words.iter().all(has) && name.iter().all(is_said)
    };
    own_phrases(target).any(|phrase| is_all_of(&[phrase])) || is_all_of(&[target.id.as_str()])
}

/// Marks the rows that all of these words select.
fn mark<'a>(
    board: &'a Board,
    words: &[Word],
    is_selected: &mut [bool],
) -> Result<(), Selection<'a>> {
    let names = Names::of(board);
    // A state word that somebody is called by is still a name: nobody may become unreachable by its name.
    let (names_only, states): (Vec<&Word>, Vec<&Word>) = words
        .iter()
        .partition(|word| word.state.is_none() || names.is_known(word));
    let mut is_somebody = names_only.is_empty();
    for (row, is_selected) in board.rows.iter().zip(is_selected) {
        let verdict = row.facts().verdict;
        let is_named = names_only.iter().all(|word| {
            names.name(&row.target, word)
                || word.state.is_some_and(|state| state.holds_for(verdict))
        });
        is_somebody |= is_named;
        let has_state = states.is_empty()
            || states
                .iter()
                .any(|word| word.state.is_some_and(|state| state.holds_for(verdict)));
        *is_selected |= is_named && has_state;
    }
    // An empty group is known and has nobody in it: that is an answer.
    if is_somebody || matches!(names_only.as_slice(), [word] if names.is_known(word)) {
        return Ok(());
    }
    let (understood, nearest) = nobody(board, &names, words);
    Err(Selection::Nothing {
        understood,
        nearest,
    })
}

/// Says which words name nobody, and what is near.
fn nobody(board: &Board, names: &Names<'_>, words: &[Word]) -> (String, Vec<String>) {
    let unknown: Vec<&Word> = words
        .iter()
        .filter(|word| word.state.is_none() && !names.is_known(word))
        .collect();
    let list = |words: &[&Word]| {
        words
            .iter()
            .map(|word| format!("`{}`", clean(&word.typed, SHOWN_MAX)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if unknown.is_empty() {
        let all: Vec<&Word> = words.iter().collect();
        return (
            format!("nothing is called all of {}", list(&all)),
            best_fitting(board, names, words),
        );
    }
    let understood = format!("nothing is called {}", list(&unknown));
    (understood, corrected(names, words, &unknown))
}

/// The targets that most of the words name.
fn best_fitting(board: &Board, names: &Names<'_>, words: &[Word]) -> Vec<String> {
    let mut scored: Vec<(usize, String)> = board
        .rows
        .iter()
        .map(|row| {
            let fitting = words
                .iter()
                .filter(|word| names.name(&row.target, word))
                .count();
            (fitting, row)
        })
        .filter(|&(fitting, _)| fitting > 0)
        .map(|(fitting, row)| (fitting, row.target.title()))
        .collect();
    // Stable: among equals the order of the file.
    scored.sort_by_key(|(fitting, _)| std::cmp::Reverse(*fitting));
    scored
        .into_iter()
        .map(|(_, title)| title)
        .take(NEAREST_MAX)
        .collect()
}

/// The question with its first unknown word replaced by each of the nearest known ones.
fn corrected(names: &Names<'_>, words: &[Word], unknown: &[&Word]) -> Vec<String> {
    let Some(wrong) = unknown.first() else {
        return Vec::new();
    };
    let states = StateWord::ALL.iter().map(|&(word, _)| word);
    let pieces_known = names.phrases().flat_map(pieces).chain(states);
    let near = nearest_words(&wrong.typed, pieces_known, NEAREST_MAX);
    if unknown.len() > 1 {
        return near;
    }
    near.into_iter()
        .map(|replacement| {
            words
                .iter()
                .map(|word| {
                    if word.normal == wrong.normal {
                        replacement.clone()
                    } else {
                        clean(&word.typed, SHOWN_MAX)
                    }
                })
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}
