//! The memory of signed requests, so that a captured one works only once.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use crate::model::Timestamp;

/// How long a request is remembered: twice as long as one may be old or early.
const REMEMBERED: Duration = Duration::from_mins(10);
/// The most requests that are remembered: about 100 a second, far above what Slack sends one app.
const CAPACITY: usize = 65_536;

/// The signed requests of the last 10 minutes.
///
/// To be asked only after [`verify`](super::verify) has said yes, so that nobody without the secret can fill it.
#[derive(Debug, Default)]
pub struct ReplayCache {
    known: HashSet<(String, String)>,
    by_age: VecDeque<(Timestamp, (String, String))>,
}

impl ReplayCache {
    /// Nothing is remembered yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers a request; whether it is the first of its kind.
    ///
    /// A full memory refuses: what cannot be remembered cannot be told from a repeat.
    pub fn insert(&mut self, timestamp: &str, signature: &str, now: Timestamp) -> bool {
        self.forget(now);
        let request = (timestamp.to_owned(), signature.to_owned());
        if self.known.contains(&request) || self.known.len() >= CAPACITY {
            return false;
        }
        self.known.insert(request.clone());
        self.by_age.push_back((now, request));
        true
    }

    /// How many requests are remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((seen_at, _)) = self.by_age.front() {
            if now.since(*seen_at) <= REMEMBERED {
                break;
            }
            if let Some((_, request)) = self.by_age.pop_front() {
                self.known.remove(&request);
            }
        }
    }
}
