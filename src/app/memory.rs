//! Opens the store, and goes on without one where the disk does not let us.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::{Failure, post::Mail};
use crate::{
    clock::Clock,
    engine::{self, Event, Trouble},
    model::{Loaded, Plan, Timestamp},
    store::{self, Database, News, Notice, Reader, Writer},
};

/// An opened store, or what stands in for it.
pub(super) struct Memory {
    pub(super) writer: Writer,
    /// What is known at the start.
    pub(super) loaded: Loaded,
    /// What `ops` has to hear of the opening.
    pub(super) notices: Vec<Notice>,
    /// What the store will have to say later.
    pub(super) news: mpsc::UnboundedReceiver<News>,
    /// Whether nothing of an existing store could be read.
    pub(super) is_blind: bool,
}

/// Opens the store of the plan. A disk that cannot be written is tried again by the writer; what can be read is used.
///
/// # Errors
///
/// [`Failure::Store`] if another process works with it, or a newer hekate wrote it.
pub(super) async fn open(plan: &Arc<Plan>, clock: &Clock) -> Result<Memory, Failure> {
    let settings = plan.store.clone();
    let now = clock.now().at;
    let opening = tokio::task::spawn_blocking(move || {
        let opened = Database::open(&settings, now);
        let is_sick = opened.as_ref().is_err_and(store::Error::may_pass);
        let peeked = is_sick.then(|| Database::peek(&settings).ok()).flatten();
        (opened, peeked, last_mark(&settings.path))
    });
    let (opened, peeked, mark) = opening
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    let (news_sender, news) = mpsc::unbounded_channel();
    let clock = clock.clone();
    let time: store::Now = Arc::new(move || clock.now());
    match opened {
        Ok((database, mut loaded, notices)) => {
            loaded.last_at = store::last_alive(loaded.last_at, mark);
            let (writer, _thread) =
                Writer::spawn(database, time, news_sender).map_err(Failure::Store)?;
            Ok(Memory {
                writer,
                loaded,
                notices,
                news,
                is_blind: false,
            })
        }
        Err(error) if error.may_pass() => {
            tracing::error!(event = "store.trouble", %error, "the store cannot be opened; going on from memory");
            let settings = plan.store.clone();
            let (writer, _thread) = Writer::spawn_without(settings, &error, time, news_sender)
                .map_err(Failure::Store)?;
            let is_blind = peeked.is_none();
            let loaded = peeked.unwrap_or_else(|| store::blind(now));
            Ok(Memory {
                writer,
                loaded,
                notices: Vec::new(),
                news,
                is_blind,
            })
        }
        Err(error) => Err(Failure::Store(error)),
    }
}

/// Beside the store: when this process last lived, so that a start knows how long nobody was looking.
const MARK: &str = "alive-at";

/// Writes now and then that we live.
pub(super) async fn leave_marks(plan: Arc<ArcSwap<Plan>>, clock: Clock) {
    loop {
        tokio::time::sleep(store::ALIVE_EVERY).await;
        let path = plan.load().store.path.join(MARK);
        let text = clock.now().at.as_millis().to_string();
        let writing = tokio::task::spawn_blocking(move || std::fs::write(path, text));
        if let Ok(Err(error)) = writing.await {
            tracing::debug!(%error, "the sign of life cannot be written");
        }
    }
}

/// When an earlier process last lived, as far as it is known.
fn last_mark(folder: &std::path::Path) -> Option<Timestamp> {
    let text = std::fs::read_to_string(folder.join(MARK)).ok()?;
    text.trim().parse().ok().map(Timestamp::from_millis)
}

/// Passes on what the store has to say while it runs.
pub(super) async fn spread(
    mut news: mpsc::UnboundedReceiver<News>,
    is_blind: bool,
    events: mpsc::UnboundedSender<Event>,
    mail: mpsc::UnboundedSender<Mail>,
) {
    while let Some(news) = news.recv().await {
        let is_heard = match news {
            News::Notice(notice) => events.send(told(notice)).is_ok(),
            News::Found(mut found) if is_blind => {
                let outbox = std::mem::take(&mut found.outbox);
                let living = std::mem::take(&mut found.living);
                mail.send(Mail::Found(outbox, living)).is_ok()
                    && events.send(Event::Found(found)).is_ok()
            }
            // What was found had been read before, when it could not be written.
            News::Found(_) => true,
        };
        if !is_heard {
            return;
        }
    }
}

/// Asks the store what was over before this process began, for those whose shift begins later.
pub(super) async fn recall(reader: Reader, clock: Clock, events: mpsc::UnboundedSender<Event>) {
    let since = clock.now().at - engine::PAST_FOR;
    let reading = tokio::task::spawn_blocking(move || reader.incidents(since, engine::PAST_MAX));
    match reading.await {
        Ok(Ok(incidents)) => {
            // Nobody listens any more only while the process ends.
            let _ = events.send(Event::Recalled(incidents));
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "what happened before this start is not known to those whose shift begins");
        }
        Err(panic) => tracing::error!(%panic, "reading what happened before this start"),
    }
}

/// A notice of the store as an event for the engine, which tells it to `ops`.
pub(super) fn told(Notice { title, words }: Notice) -> Event {
    tracing::warn!(event = "store.notice", %title, %words, "{title}");
    let key = format!("notice {title}");
    Event::Troubled(Trouble {
        key,
        is_over: false,
        title,
        words,
        not_to: None,
    })
}
