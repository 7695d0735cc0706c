//! Takes batches, answers, decides what the hand does next; never touches the disk.

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc},
    time::Duration,
};

use tokio::sync::{mpsc::UnboundedSender, oneshot, watch};

use super::{
    super::pending::Pending,
    Committed, Message, News, Now, Pace, Status,
    hand::{Answer, Job, Opened},
};
use crate::{
    model::{Batch, Tick, Timestamp, latency::LatencyBlock},
    store::{Error, Notice},
};

/// How many batches share one commit.
const GROUP_MAX: usize = 64;

/// How many blocks of latencies share one transaction.
const BLOCKS_AT_ONCE: usize = 250;
/// The most blocks of latencies that wait for the disk; about 20 MB.
const BLOCKS_MAX: usize = 50_000;

/// Waking so much later than planned means that this process stood still (a freeze, a suspend).
const HELD_UP: Duration = Duration::from_secs(1);

/// What the hand is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Busy {
    Committing,
    Noting,
    Opening,
    Sweeping,
    Closing,
}

pub(super) struct Keeper {
    jobs: mpsc::Sender<Job>,
    status: watch::Sender<Status>,
    news: UnboundedSender<News>,
    now: Now,
    pace: Pace,
    /// What is to be written, each with somebody who waits for it.
    queue: VecDeque<(Arc<Batch>, oneshot::Sender<Committed>)>,
    /// What the hand is writing, or was when it failed.
    in_flight: Vec<Arc<Batch>>,
    /// Who waits for what is in flight.
    waiting: Vec<oneshot::Sender<Committed>>,
    /// What nobody waits for any more.
    owed: Pending,
    /// How long answers took, to be written when there is nothing else.
    latencies: VecDeque<LatencyBlock>,
    busy: Option<(Busy, Tick)>,
    trouble: Option<(String, Timestamp)>,
    /// The store has to be opened before anything can be written.
    is_closed: bool,
    /// What is found in the store at the first opening is news.
    is_without: bool,
    retry_at: Tick,
    retry_after: Duration,
    sweep_at: Tick,
    /// Told since the trouble began; said once.
    told: Vec<Notice>,
    closing: Option<Vec<oneshot::Sender<usize>>>,
    /// A last attempt to open the store before closing was made.
    is_last_tried: bool,
}

impl Keeper {
    pub(super) fn new(
        jobs: mpsc::Sender<Job>,
        status: watch::Sender<Status>,
        news: UnboundedSender<News>,
        now: Now,
        pace: Pace,
        trouble: Option<String>,
    ) -> Self {
        let moment = now();
        let is_without = trouble.is_some();
        let mut keeper = Self {
            jobs,
            status,
            news,
            now,
            pace,
            queue: VecDeque::new(),
            in_flight: Vec::new(),
            waiting: Vec::new(),
            owed: Pending::default(),
            latencies: VecDeque::new(),
            busy: None,
            trouble: None,
            is_closed: is_without,
            is_without,
            retry_at: moment.tick + pace.retry_first,
            retry_after: pace.retry_first,
            sweep_at: moment.tick,
            told: Vec::new(),
            closing: None,
            is_last_tried: false,
        };
        if let Some(why) = trouble {
            keeper.begin_trouble(&why);
        }
        keeper
    }

    /// Works until the store is closed.
    pub(super) fn run(mut self, inbox: &mpsc::Receiver<Message>) {
        loop {
            let (asked, patience) = ((self.now)().tick, self.patience());
            let heard = inbox.recv_timeout(patience);
            self.forgive(asked, patience);
            match heard {
                Ok(message) => {
                    if self.hear(message) {
                        return;
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            // All that came meanwhile goes into the same commit.
            while let Ok(message) = inbox.try_recv() {
                if self.hear(message) {
                    return;
                }
            }
            self.watch_the_hand();
            self.go_on();
        }
    }

    /// How long nothing has to be done if nothing is heard.
    fn patience(&self) -> Duration {
        let tick = (self.now)().tick;
        let until = |at: Tick| at.since(tick).max(Duration::from_millis(1));
        match self.busy {
            Some((_, since)) if self.trouble.is_none() => until(since + self.pace.disk_limit),
            Some(_) => Duration::from_mins(1),
            None if self.is_closed => until(self.retry_at),
            None => until(self.sweep_at),
        }
    }

    /// Says whether the store is closed now.
    fn hear(&mut self, message: Message) -> bool {
        match message {
            Message::Commit(batch, answer) if batch.is_empty() => {
                drop(answer.send(Committed::Durable));
            }
            Message::Commit(batch, answer) => match &self.trouble {
                Some((why, _)) => {
                    self.owed.push(&batch);
                    drop(answer.send(Committed::KeptInMemory { why: why.clone() }));
                }
                None => self.queue.push_back((batch, answer)),
            },
            Message::Note(blocks) => {
                self.latencies.extend(blocks);
                let beyond = self.latencies.len().saturating_sub(BLOCKS_MAX);
                drop(self.latencies.drain(..beyond));
            }
            Message::Done(Answer::Closed) => {
                self.busy = None;
                for answer in self.closing.take().unwrap_or_default() {
                    // Whoever asked may have stopped waiting.
                    let _ = answer.send(self.unwritten());
                }
                return true;
            }
            Message::Done(answer) => self.settle(answer),
            Message::Close(answer) => {
                self.closing.get_or_insert_default().extend(answer);
            }
        }
        false
    }

    fn unwritten(&self) -> usize {
        self.owed.len() + self.in_flight.len()
    }

    fn settle(&mut self, answer: Answer) {
        self.busy = None;
        let mut is_written = false;
        match answer {
            Answer::Committed(Ok(())) => {
                is_written = true;
                self.in_flight.clear();
                for waiting in self.waiting.drain(..) {
                    drop(waiting.send(Committed::Durable));
                }
            }
            Answer::Opened(Ok(opened)) => self.opened(*opened),
            Answer::Swept(Ok(removed)) => {
                let pause = if removed.is_complete {
                    self.pace.sweep_every
                } else {
                    Duration::ZERO
                };
                self.sweep_at = (self.now)().tick + pause;
            }
            Answer::Committed(Err(error))
            | Answer::Noted(Err(error))
            | Answer::Opened(Err(error))
            | Answer::Swept(Err(error)) => self.failed(&error),
            Answer::Noted(Ok(())) | Answer::Closed => {}
        }
        // What came while the rest was written is written next; waiting for a pause would be to wait for ever.
        let is_all = self.owed.is_empty() && self.in_flight.is_empty();
        if !self.is_closed && (is_all || is_written) {
            self.end_trouble();
        }
    }

    fn opened(&mut self, opened: Opened) {
        self.is_closed = false;
        // Empty batches are not written and so not counted, and none of them ever gets here.
        self.in_flight
            .drain(..opened.written.min(self.in_flight.len()));
        if std::mem::take(&mut self.is_without) {
            drop(self.news.send(News::Found(Box::new(opened.loaded))));
        }
        for notice in opened.notices {
            if !self.told.contains(&notice) {
                self.told.push(notice.clone());
                drop(self.news.send(News::Notice(notice)));
            }
        }
    }

    fn failed(&mut self, error: &Error) {
        let tick = (self.now)().tick;
        self.is_closed = true;
        if self.trouble.is_none() {
            // Much is over as soon as the store is opened anew, so the first attempt is made at once.
            self.retry_at = tick;
            self.retry_after = self.pace.retry_first;
        } else {
            self.retry_at = tick + self.retry_after;
            self.retry_after = (self.retry_after * 2).min(self.pace.retry_most);
        }
        self.begin_trouble(&error.to_string());
    }

    /// Says so and makes nobody wait any longer.
    fn begin_trouble(&mut self, why: &str) {
        let since = match &self.trouble {
            Some((_, since)) => *since,
            None => (self.now)().at,
        };
        tracing::warn!(%why, "the store takes nothing; batches are kept in memory");
        self.trouble = Some((String::from(why), since));
        self.status.send_replace(Status::Trouble {
            why: String::from(why),
            since,
        });
        let kept = || Committed::KeptInMemory {
            why: String::from(why),
        };
        for waiting in self.waiting.drain(..) {
            drop(waiting.send(kept()));
        }
        for (batch, answer) in self.queue.drain(..) {
            self.owed.push(&batch);
            drop(answer.send(kept()));
        }
    }

    fn end_trouble(&mut self) {
        if self.trouble.take().is_none() {
            return;
        }
        self.told.clear();
        self.retry_after = self.pace.retry_first;
        let dropped = self.owed.take_dropped();
        if dropped > 0 {
            drop(self.news.send(News::Notice(Notice::new(
                "The store lost history while the disk took nothing",
                format!(
                    "{dropped} of the oldest transitions had to be dropped, for there was no more room for them in \
                     memory. Everything else was written."
                ),
            ))));
        }
        tracing::info!("the store is well again; everything was written");
        self.status.send_replace(Status::Well);
    }

    /// If this process stood still, the hand did so as well, and the disk is given its time anew.
    fn forgive(&mut self, asked: Tick, patience: Duration) {
        let tick = (self.now)().tick;
        if let Some((_, since)) = &mut self.busy
            && tick.since(asked) > patience + HELD_UP
        {
            *since = tick;
        }
    }

    /// Tells of a disk that does not answer.
    fn watch_the_hand(&mut self) {
        let Some((busy, since)) = self.busy else {
            return;
        };
        let waited = (self.now)().tick.since(since);
        if self.trouble.is_none() && waited >= self.pace.disk_limit && busy != Busy::Closing {
            self.begin_trouble(&format!(
                "the disk has not answered for {} s",
                waited.as_secs()
            ));
        }
    }

    /// Gives the hand its next job, if it has none.
    fn go_on(&mut self) {
        if self.busy.is_some() {
            return;
        }
        let tick = (self.now)().tick;
        if self.is_closed {
            let is_last = self.closing.is_some() && !self.is_last_tried;
            if is_last || self.closing.is_none() && tick >= self.retry_at {
                self.is_last_tried = self.closing.is_some();
                self.give(Busy::Opening, Job::Open(self.in_flight.clone()));
                return;
            }
        } else if !self.in_flight.is_empty() || !self.owed.is_empty() {
            self.in_flight.extend(self.owed.take());
            self.give(Busy::Committing, Job::Commit(self.in_flight.clone()));
            return;
        } else if !self.queue.is_empty() {
            let count = self.queue.len().min(GROUP_MAX);
            for (batch, answer) in self.queue.drain(..count) {
                self.in_flight.push(batch);
                self.waiting.push(answer);
            }
            self.give(Busy::Committing, Job::Commit(self.in_flight.clone()));
            return;
        }
        if !self.is_closed && self.trouble.is_none() && !self.latencies.is_empty() {
            let count = self.latencies.len().min(BLOCKS_AT_ONCE);
            let blocks = self.latencies.drain(..count).collect();
            self.give(Busy::Noting, Job::Note(blocks));
        } else if self.closing.is_some() {
            self.give(Busy::Closing, Job::Close);
        } else if !self.is_closed && tick >= self.sweep_at {
            self.give(Busy::Sweeping, Job::Sweep);
        }
    }

    fn give(&mut self, busy: Busy, job: Job) {
        self.busy = Some((busy, (self.now)().tick));
        // The hand ends only after it was told to close.
        drop(self.jobs.send(job));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::model::Moment;

    /// A keeper whose hand has been busy since the beginning, and the seconds that its clock shows.
    fn busy() -> (Keeper, Arc<AtomicU64>) {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        let now: Now = Arc::new(move || {
            Moment::default() + Duration::from_secs(clock.load(Ordering::Relaxed))
        });
        let (jobs, _hand) = mpsc::channel();
        let (status, _watcher) = watch::channel(Status::Well);
        let (news, _heard) = tokio::sync::mpsc::unbounded_channel();
        let mut keeper = Keeper::new(jobs, status, news, now, Pace::default(), None);
        keeper.busy = Some((Busy::Committing, Tick::ZERO));
        (keeper, seconds)
    }

    #[test]
    fn a_disk_that_takes_long_is_a_trouble() {
        let (mut keeper, seconds) = busy();
        let patience = keeper.patience();
        seconds.store(5, Ordering::Relaxed);
        keeper.forgive(Tick::ZERO, patience);
        keeper.watch_the_hand();
        assert!(keeper.trouble.is_some());
    }

    #[test]
    fn a_freeze_of_ours_is_not_the_disk_s_fault() {
        let (mut keeper, seconds) = busy();
        let patience = keeper.patience();
        seconds.store(90, Ordering::Relaxed);
        keeper.forgive(Tick::ZERO, patience);
        keeper.watch_the_hand();
        assert!(keeper.trouble.is_none());
        // But from then on it has its usual time and no more.
        seconds.store(96, Ordering::Relaxed);
        keeper.watch_the_hand();
        assert!(keeper.trouble.is_some());
    }
}
