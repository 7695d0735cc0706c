//! The words in which software says how it is.

use crate::model::ComponentState;

use ComponentState::{Degraded, Down, PlannedDown, Unknown, Up};

/// Every word that is understood, folded as [`state_of`] folds, sorted.
const WORDS: [(&str, ComponentState); 82] = [
    ("200ok", Up),
    ("alive", Up),
    ("amber", Degraded),
    ("available", Up),
    ("booting", Unknown),
    ("broken", Down),
    ("critical", Down),
    ("dead", Down),
    ("degraded", Degraded),
    ("down", Down),
    ("drain", PlannedDown),
    ("draining", PlannedDown),
    ("err", Down),
    ("error", Down),
    ("fail", Down),
    ("failed", Down),
    ("failing", Down),
    ("failure", Down),
    ("false", Down),
    ("fatal", Down),
    ("good", Up),
    ("green", Up),
    ("healthy", Up),
    ("impaired", Degraded),
    ("initialising", Unknown),
    ("initializing", Unknown),
    ("live", Up),
    ("loading", Unknown),
    ("maint", PlannedDown),
    ("maintenance", PlannedDown),
    ("notalive", Down),
    ("notavailable", Down),
    ("nothealthy", Down),
    ("notlive", Down),
    ("notok", Down),
    ("notready", Down),
    ("notrunning", Down),
    ("notserving", Down),
    ("notworking", Down),
    ("offline", Down),
    ("ok", Up),
    ("okay", Up),
    ("online", Up),
    ("operational", Up),
    ("outage", Down),
    ("outofservice", PlannedDown),
    ("partial", Degraded),
    ("partiallyavailable", Degraded),
    ("pass", Up),
    ("passed", Up),
    ("passing", Up),
    ("pending", Unknown),
    ("pong", Up),
    ("ready", Up),
    ("red", Down),
    ("running", Up),
    ("serving", Up),
    ("shutdown", PlannedDown),
    ("shuttingdown", PlannedDown),
    ("starting", Unknown),
    ("startingup", Unknown),
    ("stopped", Down),
    ("stopping", PlannedDown),
    ("success", Up),
    ("successful", Up),
    ("terminating", PlannedDown),
    ("throttled", Degraded),
    ("true", Up),
    ("unavailable", Down),
    ("undefined", Unknown),
    ("undermaintenance", PlannedDown),
    ("unhealthy", Down),
    ("unknown", Unknown),
    ("unstable", Degraded),
    ("up", Up),
    ("upandrunning", Up),
    ("warmingup", Unknown),
    ("warn", Degraded),
    ("warning", Degraded),
    ("well", Up),
    ("working", Up),
    ("yellow", Degraded),
];

/// The longest word above.
const WORD_BYTES_MAX: usize = 18;

/// What a word means: letters and digits count, their case and everything between them does not, so that
/// `OUT_OF_SERVICE` and `out of service` are one. Nothing for a word that nobody knows.
pub(super) fn state_of(word: &str) -> Option<ComponentState> {
    let mut folded = [0; WORD_BYTES_MAX];
    let mut length = 0;
    for c in word.chars() {
        if c.is_ascii_alphanumeric() {
            *folded.get_mut(length)? = u8::try_from(c.to_ascii_lowercase()).ok()?;
            length += 1;
        } else if c.is_alphanumeric() {
            return None;
        }
    }
    let folded = folded.get(..length)?;
    WORDS
        .binary_search_by(|(known, _)| known.as_bytes().cmp(folded))
        .ok()
        .and_then(|found| WORDS.get(found))
        .map(|(_, state)| *state)
}

/// Whether this is the word for "asked too often".
pub(super) fn is_throttled(word: &str) -> bool {
    word.trim().eq_ignore_ascii_case("throttled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_folded_and_found_whole() {
        assert!(WORDS.is_sorted_by(|(one, _), (next, _)| one < next));
        for (word, state) in WORDS {
            assert!(word.len() <= WORD_BYTES_MAX);
            assert_eq!(state_of(word), Some(state), "{word}");
            assert_eq!(state_of(&word.to_uppercase()), Some(state), "{word}");
        }
        assert_eq!(
            WORDS.iter().map(|(word, _)| word.len()).max(),
            Some(WORD_BYTES_MAX)
        );
    }

    #[test]
    fn case_and_signs_do_not_matter_and_anything_else_is_unknown() {
        let cases = [
            ("OUT_OF_SERVICE", Some(PlannedDown)),
            ("Partially Available", Some(Degraded)),
            (" ok! ", Some(Up)),
            ("200 OK", Some(Up)),
            ("shutting_down", Some(PlannedDown)),
            ("not-ready", Some(Down)),
            ("", None),
            ("…", None),
            ("up 3", None),
            ("ÚP", None),
            ("updated", None),
            ("operational but a word that is far too long", None),
        ];
        for (word, state) in cases {
            assert_eq!(state_of(word), state, "{word}");
        }
    }
}
