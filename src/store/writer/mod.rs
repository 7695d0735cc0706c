//! The writer: never loses a batch and never makes anybody wait for a sick disk.
//!
//! Two threads of its own. The *keeper* (`keeper.rs`) takes batches, answers, and decides; it never touches the disk.
//! The *hand* (`hand.rs`) owns the [`Database`] and does one job at a time, however long the disk takes. While the disk
//! takes nothing, batches are merged and kept in memory and every caller is told so at once; telling people goes on.

mod hand;
mod keeper;
#[cfg(test)]
mod tests;

use std::{
    future::Future,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::{mpsc::UnboundedSender, oneshot, watch};

use super::{Database, Error, Notice, Reader, vault::Door};
use crate::model::{Batch, Loaded, Moment, Timestamp, latency::LatencyBlock, plan::StoreSettings};
use hand::{Answer, Hand};
use keeper::Keeper;

/// How the writer learns what time it is.
pub type Now = Arc<dyn Fn() -> Moment + Send + Sync>;

/// What became of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Committed {
    /// It outlives a loss of power.
    Durable,
    /// It is kept in memory and will be written when the disk takes it; a restart before that forgets it.
    KeptInMemory {
        /// What is wrong with the disk.
        why: String,
    },
}

/// How the store is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// All that was committed is on the disk.
    Well,
    /// Batches are kept in memory.
    Trouble {
        /// What is wrong.
        why: String,
        /// Since when.
        since: Timestamp,
    },
}

/// What the writer has to say outside of answers.
#[derive(Clone, PartialEq, Debug)]
pub enum News {
    /// Something for ops.
    Notice(Notice),
    /// A writer that began without a store opened it, and this is what was in it all along, before anything was added.
    Found(Box<Loaded>),
}

/// How long things take; other values are for tests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// After a failure the store is opened anew after this, then twice that, and so on …
    pub(super) retry_first: Duration,
    /// … up to this.
    pub(super) retry_most: Duration,
    /// A disk that takes longer is told as trouble, though the job goes on.
    pub(super) disk_limit: Duration,
    /// From the end of one sweep to the start of the next.
    pub(super) sweep_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry_first: Duration::from_secs(1),
            retry_most: Duration::from_secs(30),
            disk_limit: Duration::from_secs(5),
            sweep_every: Duration::from_hours(1),
        }
    }
}

/// What the keeper hears.
enum Message {
    Commit(Arc<Batch>, oneshot::Sender<Committed>),
    /// How long answers took, since the last such message.
    Note(Vec<LatencyBlock>),
    Done(Answer),
    /// Write what can be written and stop; answers how many records were not.
    Close(Option<oneshot::Sender<usize>>),
}

/// The way to the store for everything that runs. Cheap to clone; when the last clone is dropped the store is closed.
#[derive(Clone, Debug)]
pub struct Writer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    messages: mpsc::Sender<Message>,
    status: watch::Receiver<Status>,
    reader: Reader,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // If the keeper is gone already there is nothing left to close.
        drop(self.messages.send(Message::Close(None)));
    }
}

impl Writer {
    /// Starts writing to this store.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`] if the system starts no more threads.
    pub fn spawn(
        database: Database,
        now: Now,
        news: UnboundedSender<News>,
    ) -> Result<(Self, JoinHandle<()>), Error> {
        Self::start(Start::With(Box::new(database)), now, news, Pace::default())
    }

    /// Starts without a store, in trouble for this reason, and goes on trying to open it.
    ///
    /// What [`Database::peek`] reads may be used meanwhile; if not even that can be read, incident numbers have to begin
    /// where no older one can be, see [`blind`](super::blind).
    ///
    /// # Errors
    ///
    /// [`Error::Disk`] if the system starts no more threads.
    pub fn spawn_without(
        settings: StoreSettings,
        why: &Error,
        now: Now,
        news: UnboundedSender<News>,
    ) -> Result<(Self, JoinHandle<()>), Error> {
        let start = Start::Without(settings, why.to_string());
        Self::start(start, now, news, Pace::default())
    }

    fn start(
        start: Start,
        now: Now,
        news: UnboundedSender<News>,
        pace: Pace,
    ) -> Result<(Self, JoinHandle<()>), Error> {
        let (messages, inbox) = mpsc::channel();
        let door = match &start {
            Start::With(database) => database.door.clone(),
            Start::Without(..) => Door::default(),
        };
        let (status, watcher) = watch::channel(Status::Well);
        let (database, settings, trouble) = match start {
            Start::With(database) => {
                let settings = database.settings.clone();
                (Some(*database), settings, None)
            }
            Start::Without(settings, why) => (None, settings, Some(why)),
        };
        let hand = Hand::new(database, settings, door.clone(), Arc::clone(&now));
        let jobs = hand.spawn(messages.clone())?;
        let keeper = Keeper::new(jobs, status, news, now, pace, trouble);
        let thread = std::thread::Builder::new()
            .name(String::from("store-keeper"))
            .spawn(move || keeper.run(&inbox))
            .map_err(Error::disk("start a thread for", "the store"))?;
        let shared = Shared {
            messages,
            status: watcher,
            reader: Reader::new(door),
        };
        Ok((
            Self {
                shared: Arc::new(shared),
            },
            thread,
        ))
    }

    /// Hands a batch over, at once and in the order of calls, and answers when it is durable or when it is known that
    /// it has to wait in memory. Dropping the future changes nothing: the batch is handed over.
    ///
    /// After [`close`](Self::close) nothing is taken any more, and the answer is that it is kept in memory: the
    /// caller's.
    pub fn commit(&self, batch: Arc<Batch>) -> impl Future<Output = Committed> + Send + use<> {
        let (sender, receiver) = oneshot::channel();
        let is_taken = self
            .shared
            .messages
            .send(Message::Commit(batch, sender))
            .is_ok();
        async move {
            let closed = || Committed::KeptInMemory {
                why: Error::Closed.to_string(),
            };
            if is_taken {
                receiver.await.unwrap_or_else(|_| closed())
            } else {
                closed()
            }
        }
    }

    /// Hands over how long answers took. It is written when nothing else has to be, added to what is stored; while the disk
    /// takes nothing a limited number of blocks is kept, the newest.
    pub fn note_latencies(&self, blocks: Vec<LatencyBlock>) {
        // After the end nothing is taken any more; a part of an hour that is not known is a smaller number of looks.
        let _ = self.shared.messages.send(Message::Note(blocks));
    }

    /// How the store is, and whenever that changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.clone()
    }

    /// A way to read history.
    pub fn reader(&self) -> Reader {
        self.shared.reader.clone()
    }

    /// Writes what was handed over, closes the store and says how many records could not be written; `None` if the disk
    /// took longer than the limit.
    pub async fn close(&self, limit: Duration) -> Option<usize> {
        let (sender, receiver) = oneshot::channel();
        if self
            .shared
            .messages
            .send(Message::Close(Some(sender)))
            .is_err()
        {
            return Some(0);
        }
        tokio::time::timeout(limit, receiver).await.ok()?.ok()
    }
}

/// With what a writer begins.
enum Start {
    With(Box<Database>),
    Without(StoreSettings, String),
}
