//! Those who wait for an answer of the engine: whoever wished something, gave an order, or called for a job.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::oneshot;

/// Who waits for which answer, by the number of their question.
#[derive(Debug)]
pub(super) struct Waiting<T>(Mutex<Askers<T>>);

#[derive(Debug)]
struct Askers<T> {
    last: u64,
    by_number: HashMap<u64, oneshot::Sender<T>>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(Mutex::new(Askers {
            last: 0,
            by_number: HashMap::new(),
        }))
    }
}

impl<T> Waiting<T> {
    /// Hands over a question with its number, and says where its answer comes; if nobody took the question, none comes. Whoever does not wait for the answer any more
    /// loses only the answer.
    pub(super) fn ask(&self, hand_over: impl FnOnce(u64) -> bool) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        let mut askers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        askers.last += 1;
        let number = askers.last;
        let is_taken = hand_over(number);
        askers.by_number.retain(|_, asker| !asker.is_closed());
        if is_taken {
            askers.by_number.insert(number, sender);
        }
        receiver
    }

    /// Gives an answer to whoever waits for it.
    pub(super) fn answer(&self, number: u64, answer: T) {
        let mut askers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asker) = askers.by_number.remove(&number) {
            // Whoever asked may have gone away.
            let _ = asker.send(answer);
        }
    }
}
