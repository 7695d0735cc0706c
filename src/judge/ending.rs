//! What ends at a known time, such as a certificate: told once for each of its warnings, and looked at without haste.
//!
//! Each warning that the file asks for makes it a degradation anew. The time that is left in between is shown and told to
//! nobody, and a warning is only taken back when far more time is left than before: by another certificate.

use std::time::Duration;

use crate::model::{Policy, Seen, State, Verdict, text};

/// Good looks in a row that end a warning, whatever the file asks for: of several hosts behind one name, some may have
/// the new certificate while others still show the old one.
const RENEWED_LOOKS: u8 = 10;

/// Where a look points, compared with the warning that holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Course {
    /// Less is left than at the warning that holds.
    Worse,
    /// That warning still holds, or it never was about an end.
    Same,
    /// It was renewed, for a time that is within an earlier warning.
    Milder,
}

/// Compares a look at something degraded with what holds of it.
pub(super) fn course(state: &State, seen: &Seen) -> Course {
    let Some(ending) = seen.ending else {
        return Course::Same;
    };
    if is_worse(state.warned_at, ending.warning) {
        Course::Worse
    } else if is_worse(Some(ending.nearly), state.warned_at) {
        Course::Milder
    } else {
        Course::Same
    }
}

/// Whether the second warning is nearer to the end than the first; no warning at all is the farthest.
pub(super) fn is_worse(before: Option<Duration>, now: Option<Duration>) -> bool {
    left(now) < left(before)
}

/// The milder of two warnings.
pub(super) fn milder(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    if is_worse(one, other) { one } else { other }
}

fn left(warning: Option<Duration>) -> Duration {
    warning.unwrap_or(Duration::MAX)
}

/// The warning that a look is about, if it is about one.
pub(super) fn warning(seen: &Seen) -> Option<Duration> {
    seen.ending.and_then(|ending| ending.warning)
}

/// Whether a good look does not take the warning back, because hardly more is left than when it was given.
pub(super) fn still_holds(state: &State, seen: &Seen) -> bool {
    let nearly = seen.ending.map(|ending| ending.nearly);
    state.settled == Verdict::Degraded
        && state.warned_at.is_some()
        && !is_worse(nearly, state.warned_at)
}

/// How much is left is shown as of the last look; it makes no message.
pub(super) fn age(state: &mut State, seen: &Seen, words: String) {
    if state.warned_at.is_some() && warning(seen) == state.warned_at {
        state.reason.words = words;
    }
}

/// The words of a next warning.
pub(super) fn words(before: Option<Duration>, words: &str) -> String {
    let Some(before) = before else {
        return words.to_owned();
    };
    let told = format!(", was told at {}", text::span(before));
    let room = text::FOREIGN_MAX - told.chars().count();
    format!("{}{told}", text::clean(words, room))
}

/// Good looks in a row that end what holds.
pub fn successes(policy: &Policy, state: &State) -> u8 {
    if state.settled == Verdict::Degraded && state.warned_at.is_some() {
        policy.successes.max(RENEWED_LOOKS)
    } else {
        policy.successes
    }
}
