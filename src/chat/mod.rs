//! Answers what people type, press and say in Slack, whichever way it came: by a signed request or through a connection of ours.
//!
//! Who asks was verified before. Everything is answered from memory; only an incident that is over asks the store.

mod act;
mod answer;
mod canned;
mod click;
mod form;
mod hall;
mod home;
mod late;
mod losses;
mod members;
mod opinion;
mod seek;
#[cfg(test)]
mod seek_tests;
mod seen;
mod spoken;
mod stranger;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{Mutex as AsyncMutex, Semaphore, oneshot},
    time::timeout,
};

pub use answer::Trust;
pub use hall::Hall;
pub use late::Late;
pub use losses::Losses;
pub use members::Members;
pub use opinion::NotMarked;
pub use seek::{ByHand, Glances, Histories, Measures};
pub use seen::Seen;
pub use spoken::Heed;

use crate::{
    clock::Clock,
    command::{Reply, lookup},
    model::{
        Board, Incident, IncidentId, Plan,
        action::{Answered, Asker, Order},
        planned::{Answer, Person, Wish},
    },
    notify::sender::Sender,
    telemetry::Metrics,
};

/// How many questions to the store may be under way at once.
const STORE_READERS_MAX: usize = 4;

/// Reads an incident, open or closed, if the store still has it.
///
/// It may block; the error is a sentence for people.
pub type Incidents = Arc<dyn Fn(&IncidentId) -> Result<Option<Incident>, String> + Send + Sync>;

/// Hands a wish to the engine; what comes back is answered when what was done is stored. It must not block.
pub type Wishes = Arc<dyn Fn(Wish, Person) -> oneshot::Receiver<Answer> + Send + Sync>;

/// Hands an order to the engine; what comes back is answered when what follows from it is stored. It must not block.
pub type Orders = Arc<dyn Fn(Order, Asker) -> oneshot::Receiver<Answered> + Send + Sync>;
/// Takes an incident that is over, with what somebody said of it. It must not block.
pub type Marked = Arc<dyn Fn(Incident) + Send + Sync>;

/// Hears why answers do not reach Slack, and when that is over. It must not block.
pub type Tell = Arc<dyn Fn(Option<&str>) + Send + Sync>;

/// Hears what came from another workspace or for another app, in one clause. It must not block.
pub type Strangers = Arc<dyn Fn(&str) + Send + Sync>;

/// Somebody who was verified, and where they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Speaker {
    /// Who, and where.
    pub asker: Asker,
    /// A word that Slack gives to this command or click alone, if it gave one.
    pub trigger: Option<String>,
    /// Whether that word opens a form, for 3 s.
    pub opens_forms: bool,
    /// The people whom they mentioned, by Slack's ids, in order.
    pub mentioned: Vec<String>,
}

impl Speaker {
    /// As records call them.
    pub fn person(&self) -> Person {
        self.asker.by.clone()
    }
}

/// What it takes to answer people. Cheap to clone.
#[derive(Clone)]
pub struct Chat {
    /// The read model.
    pub board: Arc<ArcSwap<Board>>,
    /// The plan that holds.
    pub plan: Arc<ArcSwap<Plan>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What time it is.
    pub clock: Clock,
    /// The door to the store's incidents.
    pub incidents: Incidents,
    /// The door to the store's history.
    pub histories: Histories,
    /// Measures how available targets were.
    pub measures: Measures,
    /// Looks at a target for whoever asks.
    pub glances: Glances,
    /// Who was looked at for somebody lately.
    pub by_hand: Arc<ByHand>,
    /// Where it goes what people plan and take on.
    pub wishes: Wishes,
    /// Where it goes what people want done.
    pub orders: Orders,
    /// Takes a mark.
    pub marked: Marked,
    /// Whose turn it is to ask the store.
    pub readers: Readers,
    /// The way out of the house, for answers that come late.
    pub sender: Sender,
    /// Who hears that answers are lost.
    pub tell: Tell,
    /// What was lost lately.
    pub losses: Arc<Mutex<Losses>>,
    /// What was pressed in the last hour.
    pub pressed: Arc<Mutex<Seen>>,
    /// Where people speak to the bot.
    pub hall: Arc<Hall>,
    /// Who is in which user group, as Slack said lately.
    pub members: Arc<Members>,
    /// Whose turn it is to do what two people could do at once.
    pub turn: Arc<AsyncMutex<()>>,
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").finish_non_exhaustive()
    }
}

impl Chat {
    /// The incident that the words name, if they name one and the store still has it.
    pub async fn closed_incident(&self, words: &str) -> Option<Incident> {
        let id: IncidentId = lookup::incident_asked(words)?;
        let read = Arc::clone(&self.incidents);
        match self.readers.ask(move || read(&id)).await {
            Ok(incident) => incident,
            Err(why) => {
                tracing::warn!(%why, "an incident cannot be read");
                None
            }
        }
    }

    /// What became of a wish; absent if nobody said so in time.
    pub async fn fulfil(&self, wish: Wish, by: Person, limit: Duration) -> Option<Answer> {
        let answer = (self.wishes)(wish, by);
        timeout(limit, answer).await.ok()?.ok()
    }
}

/// Asks the store off the runtime's threads, few questions at a time.
#[derive(Clone, Debug)]
pub struct Readers(Arc<Semaphore>);

impl Default for Readers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(STORE_READERS_MAX)))
    }
}

impl Readers {
    /// Asks when it is its turn.
    ///
    /// # Errors
    ///
    /// A sentence for people: what the store said, or that hekate is stopping.
    pub async fn ask<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let permit = Arc::clone(&self.0)
            .acquire_owned()
            .await
            .map_err(|_closed| String::from("hekate is stopping"))?;
        let reading = tokio::task::spawn_blocking(move || {
            let read = read();
            drop(permit);
            read
        });
        reading
            .await
            .map_err(|_panic| String::from("a fault of hekate; its log says more"))?
    }
}

/// That something cannot be answered or done: a sentence without a full stop, and what to do next.
fn problem(understood: impl Into<String>, hint: impl Into<String>) -> Reply {
    Reply::Problem {
        understood: understood.into(),
        nearest: Vec::new(),
        hint: hint.into(),
        choices: None,
    }
}
