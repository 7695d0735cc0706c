//! Owns the database and does one job at a time.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};

use super::{
    super::{
        Database, Error, Notice, database::Removed, guarded::words_of, schema::v1, vault::Door,
    },
    Message, Now,
};
use crate::model::{Batch, Loaded, latency::LatencyBlock, plan::StoreSettings};

/// What the keeper asks for.
pub(super) enum Job {
    /// Write these.
    Commit(Vec<Arc<Batch>>),
    /// Close the store if it is open, and open it. These were being written when it failed, after this line.
    Open(Vec<Arc<Batch>>),
    /// Add these to what is known of how long answers took.
    Note(Vec<LatencyBlock>),
    /// Take away what is beyond retention.
    Sweep,
    /// Close the store and stop.
    Close,
}

/// What became of it.
pub(super) enum Answer {
    Committed(Result<(), Error>),
    Opened(Result<Box<Opened>, Error>),
    Noted(Result<(), Error>),
    Swept(Result<Removed, Error>),
    Closed,
}

/// A store that was opened again.
pub(super) struct Opened {
    /// What was in it.
    pub(super) loaded: Loaded,
    pub(super) notices: Vec<Notice>,
    /// How many of the batches in question are in it already.
    pub(super) written: usize,
}

pub(super) struct Hand {
    database: Option<Database>,
    settings: StoreSettings,
    door: Door,
    now: Now,
    /// The last line of the journal before the commit that failed.
    before: u64,
}

impl Hand {
    pub(super) const fn new(
        database: Option<Database>,
        settings: StoreSettings,
        door: Door,
        now: Now,
    ) -> Self {
        Self {
            database,
            settings,
            door,
            now,
            before: 0,
        }
    }

    #[cfg(test)]
    pub(super) const fn after(mut self, before: u64) -> Self {
        self.before = before;
        self
    }

    /// Starts its thread and gives back where jobs go.
    pub(super) fn spawn(
        mut self,
        answers: mpsc::Sender<Message>,
    ) -> Result<mpsc::Sender<Job>, Error> {
        let (sender, jobs) = mpsc::channel();
        thread::Builder::new()
            .name(String::from("store-hand"))
            .spawn(move || {
                for job in jobs {
                    let answer = self.work_guarded(job);
                    let is_last = matches!(answer, Answer::Closed);
                    // Without a keeper nobody wants the answer, nor another job.
                    if answers.send(Message::Done(answer)).is_err() || is_last {
                        return;
                    }
                }
            })
            .map_err(Error::disk("start a thread for", "the store"))?;
        Ok(sender)
    }

    /// A panic in here is our own fault; the keeper hears of it as of any failure, and the store is opened anew.
    fn work_guarded(&mut self, job: Job) -> Answer {
        let (is_opening, is_closing) = (matches!(job, Job::Open(_)), matches!(job, Job::Close));
        catch_unwind(AssertUnwindSafe(|| self.work(job))).unwrap_or_else(|panic| {
            self.database = None;
            let error = Error::Panicked {
                doing: "do its work",
                words: words_of(&*panic),
            };
            match (is_opening, is_closing) {
                (_, true) => Answer::Closed,
                (true, _) => Answer::Opened(Err(error)),
                _ => Answer::Committed(Err(error)),
            }
        })
    }

    fn work(&mut self, job: Job) -> Answer {
        match job {
            Job::Commit(batches) => Answer::Committed(self.commit(&batches)),
            Job::Open(in_question) => Answer::Opened(self.open(&in_question).map(Box::new)),
            Job::Note(blocks) => {
                let database = self.database.as_mut().ok_or(Error::Closed);
                Answer::Noted(database.and_then(|database| database.note_latencies(&blocks)))
            }
            Job::Sweep => {
                let now = (self.now)().at;
                let database = self.database.as_mut().ok_or(Error::Closed);
                Answer::Swept(database.and_then(|database| database.sweep(now)))
            }
            Job::Close => {
                self.database = None;
                Answer::Closed
            }
        }
    }

    fn commit(&mut self, batches: &[Arc<Batch>]) -> Result<(), Error> {
        let database = self.database.as_mut().ok_or(Error::Closed)?;
        self.before = database.sequence();
        database.commit(batches)
    }

    fn open(&mut self, in_question: &[Arc<Batch>]) -> Result<Opened, Error> {
        // A descriptor whose sync failed once says that all is well the next time, though it is not; so all are closed.
        self.database = None;
        let now = (self.now)().at;
        let (database, loaded, notices) =
            Database::open_behind(&self.settings, now, self.door.clone())?;
        let written = if in_question.is_empty() {
            0
        } else {
            let there = database.committed_after(self.before)?;
            in_question
                .iter()
                .filter(|batch| !batch.is_empty())
                .zip(&there)
                .take_while(|(batch, there)| v1::Batch::of(batch) == **there)
                .count()
        };
        self.database = Some(database);
        Ok(Opened {
            loaded,
            notices,
            written,
        })
    }
}
