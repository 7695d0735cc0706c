//! What was probably meant by a word that nobody is called by.

use std::{collections::HashSet, sync::Arc};

use super::{
    Called, SHOWN_MAX, phrases,
    words::{StateWord, Word, normal, pieces, words_of},
};
use crate::{
    command::QUESTION_CHARACTERS_MAX,
    model::{Board, board::Row, text::clean},
};

/// The most suggestions that are made.
pub const NEAREST_MAX: usize = 5;

/// The most characters of a word for which a nearest one is looked for; longer ones are pastes, not names.
const CORRECTED_MAX: usize = 40;

/// The nearest selections to what was typed, best first, at most [`NEAREST_MAX`].
pub fn nearest(board: &Board, text: &str) -> Vec<String> {
    let words = words_of(&clean(text, QUESTION_CHARACTERS_MAX));
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
    let word = Letters::of(word);
    if word.count == 0 || word.count > CORRECTED_MAX {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let mut scored: Vec<(usize, &str)> = known
        .into_iter()
        .filter(|candidate| seen.insert(*candidate))
        .filter_map(|candidate| Some((distance(&word, &Letters::of(candidate))?, candidate)))
        .collect();
    scored.sort_unstable();
    scored
        .into_iter()
        .map(|(_, word)| word.to_owned())
        .take(max)
        .collect()
}

/// A normal word with what can be compared quickly.
struct Letters {
    word: String,
    count: usize,
    /// Which letters are in it: a bit for each, some of them sharing one.
    set: u64,
}

impl Letters {
    fn of(word: &str) -> Self {
        let word = normal(word);
        let (mut count, mut set) = (0, 0);
        for letter in word.chars() {
            count += 1;
            set |= 1 << (u32::from(letter) % 64);
        }
        Self { word, count, set }
    }

    /// At least so many slips are between the two words: each slip brings at most one letter that the other has not.
    fn slips_at_least(&self, other: &Self) -> usize {
        let missing = (self.set & !other.set).count_ones();
        let foreign = (other.set & !self.set).count_ones();
        let letters = usize::try_from(missing.max(foreign)).unwrap_or(usize::MAX);
        letters.max(self.count.abs_diff(other.count))
    }
}

/// How far two normal words are apart; absent if they are not near.
///
/// Among thousands of names nearly all are told apart by their lengths and letters, without counting slips.
fn distance(word: &Letters, candidate: &Letters) -> Option<usize> {
    if candidate.count == 0 {
        return None;
    }
    if word.count >= 3 && candidate.word.contains(&word.word) {
        return Some(1);
    }
    let allowed = (word.count.max(candidate.count) / 3).clamp(1, 3);
    if word.slips_at_least(candidate) > allowed {
        return None;
    }
    let distance = strsim::osa_distance(&word.word, &candidate.word);
    // A word of one or two letters is one slip away from everything.
    (distance <= allowed && distance < word.count).then_some(distance)
}

/// Says which words name nobody, and what is near.
pub(super) fn nobody(board: &Board, called: &[Called<'_>]) -> (String, Vec<String>) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_passed_over_quickly_is_never_near(
            word in "[a-eA-E_žř0-9-]{0,9}",
            candidate in "[a-eA-E_žř0-9-]{0,9}",
        ) {
            let (word, candidate) = (Letters::of(&word), Letters::of(&candidate));
            let slips = strsim::osa_distance(&word.word, &candidate.word);
            prop_assert!(word.slips_at_least(&candidate) <= slips);
        }
    }
}
