//! Which targets people mean: the one resolver of names, for Slack, the terminal and the API alike.
//!
//! A question is a handful of words in any order. Each word has to name the target: its name, an alias, its icon, its
//! group, or an alias of its group. Case does not matter, and `-` and `_` are the same, but a word is never completed and
//! never corrected: a word that nobody is called by is answered with the nearest ones that exist. State words such as
//! `down` narrow what is shown and never name anybody.

mod nearest;
mod words;

use std::{collections::HashMap, sync::Arc};

use self::{
    nearest::nobody,
    words::{Word, pieces, words_of},
};
pub use self::{
    nearest::{NEAREST_MAX, nearest, nearest_words},
    words::is_same_word,
};
use crate::model::{Board, Group, IncidentId, Target, board::Row, text::clean};

/// The most characters of one foreign word that are shown.
pub(super) const SHOWN_MAX: usize = 60;

/// The most words of a question; more are a paste, not names.
const WORDS_MAX: usize = 32;

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
            let Some(id) = incident_of(words) else {
                return nothing;
            };
            let mut is_any = false;
            for (row, is_selected) in board.rows.iter().zip(&mut is_selected) {
                let is_member = row.facts().incident.as_ref() == Some(&id);
                *is_selected |= is_member;
                is_any |= is_member;
            }
            if !is_any {
                return nothing;
            }
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
            if let Some(place) = of_incident(board, &words) {
                return One::Row(&board.rows[place]);
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

/// The place of the target whose open incident is named.
fn of_incident(board: &Board, words: &[Word]) -> Option<usize> {
    let id = incident_of(words)?;
    let is_it = |row: &Arc<Row>| row.facts().incident.as_ref() == Some(&id);
    board.rows.iter().position(is_it)
}

/// The incident that a question names and that may be in the past: a single word, with or without `#`, that is an id.
///
/// What is known of it is in the store, not on the board; a word that only looks like an id is no incident there.
pub fn incident_asked(text: &str) -> Option<IncidentId> {
    let words = words_of(&clean(text, super::QUESTION_CHARACTERS_MAX));
    let words = match words.as_slice() {
        [command, rest @ ..] if ["status", "why"].contains(&command.normal.as_str()) => rest,
        all => all,
    };
    incident_of(words).filter(|id| id.number().is_some())
}

fn incident_of(words: &[Word]) -> Option<IncidentId> {
    let [word] = words else { return None };
    let id = word.normal.trim_start_matches('#');
    (!id.is_empty()).then(|| IncidentId::new(id))
}

/// A question of too many words: not one of them is left out in silence.
fn too_long() -> (String, Vec<String>) {
    (format!("that is more than {WORDS_MAX} words"), Vec::new())
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
