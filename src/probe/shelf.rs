//! What was made ready for a question, kept for as long as the question is in the plan.

use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use crate::model::{Gap, Tick};

/// How long a question that could not be prepared stays so: roots that were missing may have been installed since.
const FAILURE_KEPT_FOR: Duration = Duration::from_mins(1);

/// Prepared things, by their questions.
pub(super) struct Shelf<Prepared>(Mutex<Entries<Prepared>>);

struct Entries<Prepared> {
    /// By the place of the question in memory, which is not given to another one while the weak reference is here.
    entries: HashMap<usize, Entry<Prepared>>,
    looks_until_cleaning: usize,
}

/// A question and what was made of it.
struct Entry<Prepared> {
    question: Weak<dyn Any + Send + Sync>,
    prepared: Result<Arc<Prepared>, (Gap, Tick)>,
}

impl<Prepared> Default for Shelf<Prepared> {
    fn default() -> Self {
        Self(Mutex::new(Entries {
            entries: HashMap::new(),
            looks_until_cleaning: 0,
        }))
    }
}

impl<Prepared> Shelf<Prepared> {
    /// What is kept for this question, or else what `prepare` makes of it; that must not hold the question itself.
    pub(super) fn get(
        &self,
        question: &Arc<dyn Any + Send + Sync>,
        now: Tick,
        prepare: impl FnOnce() -> Result<Prepared, Gap>,
    ) -> Result<Arc<Prepared>, Gap> {
        let key = Arc::as_ptr(question).addr();
        if let Some(ready) = self.entries().get(key, now) {
            return ready;
        }
        // Reading the roots takes milliseconds, so nobody else waits for it.
        let prepared = prepare().map(Arc::new);
        self.entries().entries.insert(
            key,
            Entry {
                question: Arc::downgrade(question),
                prepared: prepared.clone().map_err(|gap| (gap, now)),
            },
        );
        prepared
    }

    fn entries(&self) -> MutexGuard<'_, Entries<Prepared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Prepared> Entries<Prepared> {
    fn get(&mut self, key: usize, now: Tick) -> Option<Result<Arc<Prepared>, Gap>> {
        self.clean_now_and_then();
        match &self.entries.get(&key)?.prepared {
            Ok(prepared) => Some(Ok(Arc::clone(prepared))),
            Err((gap, at)) if now.since(*at) < FAILURE_KEPT_FOR => Some(Err(gap.clone())),
            Err(_) => None,
        }
    }

    /// Lets go of questions that nobody asks any more, and of their kept connections: about once in the time in which
    /// every question is asked once, so that it costs each look the same little.
    fn clean_now_and_then(&mut self) {
        if self.looks_until_cleaning > 0 {
            self.looks_until_cleaning -= 1;
            return;
        }
        self.entries
            .retain(|_, entry| entry.question.strong_count() > 0);
        self.looks_until_cleaning = self.entries.len().max(64);
    }
}
