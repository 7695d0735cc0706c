//! What was acted on already: Slack hands things over again when it is not sure that they arrived.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use crate::model::Tick;

/// Repeats come within minutes; Slack's own last one comes 5 minutes after the first.
const REMEMBERED: Duration = Duration::from_hours(1);
/// The most that is remembered; above it the oldest is forgotten. Each is some 40 bytes long.
const CAPACITY: usize = 10_000;

/// The words of the last hour, each there once.
#[derive(Default, Debug)]
pub struct Seen {
    known: HashSet<String>,
    by_age: VecDeque<(Tick, String)>,
}

impl Seen {
    /// Remembers a word; whether it is new.
    pub fn insert(&mut self, word: String, now: Tick) -> bool {
        while let Some((seen_at, oldest)) = self.by_age.front() {
            if now.since(*seen_at) <= REMEMBERED && self.by_age.len() < CAPACITY {
                break;
            }
            self.known.remove(oldest);
            self.by_age.pop_front();
        }
        if !self.known.insert(word.clone()) {
            return false;
        }
        self.by_age.push_back((now, word));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Tick {
        Tick::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_word_is_new_once_in_an_hour() {
        let mut seen = Seen::default();
        assert!(seen.insert(String::from("a"), at(0)));
        assert!(!seen.insert(String::from("a"), at(1)));
        assert!(seen.insert(String::from("b"), at(1)));
        assert!(!seen.insert(String::from("a"), at(3_600)));
        assert!(seen.insert(String::from("a"), at(3_601)));
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_the_oldest() {
        let mut seen = Seen::default();
        for number in 0..CAPACITY {
            assert!(seen.insert(number.to_string(), at(0)));
        }
        assert!(seen.insert(String::from("one more"), at(1)));
        assert_eq!((seen.known.len(), seen.by_age.len()), (CAPACITY, CAPACITY));
        assert!(!seen.insert((CAPACITY - 1).to_string(), at(1)));
        assert!(seen.insert(String::from("0"), at(1)));
    }
}
