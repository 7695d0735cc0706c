//! Wishes on their way to the engine, and answers on their way back to whoever asked.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    engine::Event,
    model::planned::{Answer, Asked, Person, Wish},
};

/// Who waits for which answer.
#[derive(Debug, Default)]
pub(super) struct Wishes(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    askers: HashMap<u64, oneshot::Sender<Answer>>,
}

impl Wishes {
    /// Hands a wish to the engine. Whoever does not wait for the answer any more loses only the answer.
    pub(super) fn ask(
        &self,
        events: &mpsc::UnboundedSender<Event>,
        wish: Wish,
        by: Person,
    ) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.last += 1;
        let number = waiting.last;
        let is_taken = events
            .send(Event::Planned(Asked { number, wish, by }))
            .is_ok();
        waiting.askers.retain(|_, asker| !asker.is_closed());
        if is_taken {
            waiting.askers.insert(number, sender);
        }
        receiver
    }

    /// Gives an answer to whoever waits for it.
    pub(super) fn answer(&self, number: u64, answer: Answer) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asker) = waiting.askers.remove(&number) {
            // Whoever asked may have gone away.
            let _ = asker.send(answer);
        }
    }
}
