//! Plain files.
//!
//! A query is a path, whose last part may hold `*`: then the newest file that fits is followed, and those before it for as
//! long as they still grow. Everything that touches the file system runs on a thread for blocking work, because a network
//! file system that hangs does not even let `stat` go; such a thread cannot be ended, so there are never more than a few.

mod follow;
mod marks;
mod place;
mod scan;
mod stamp;
mod window;

#[cfg(any(test, feature = "fuzz"))]
pub(super) use stamp::of_line;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, TryLockError},
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};
use tokio::sync::Semaphore;

use crate::model::{
    Timestamp,
    logs::{
        CanaryMark, CanaryPath, LogFault, LogFaultKind, LogSource, LogStore, Reading, Statement,
        Subject,
    },
};

use super::{Store, direct};

use self::follow::{Followed, Rules};

/// A look at one file that takes longer is not waited for, so that it costs the others of its round nothing.
const LOOK_WITHIN: Duration = Duration::from_secs(3);
/// So many threads of one source may hang at the same time, each in a file of its own; the files of the others are read on.
const WORKERS_MAX: usize = 4;
/// So many files of one source are kept open between looks; what is above that is read as well, but not followed when it
/// is renamed.
const KEPT_OPEN_MAX: usize = 256;

/// Plain files.
pub(super) struct Files {
    rules: Arc<Rules>,
    workers: Arc<Semaphore>,
    within: Duration,
    followed: Mutex<HashMap<Subject, Arc<Mutex<Followed>>>>,
    /// Where our own lines are appended, and what is known of that file.
    canary: Option<(String, Arc<Mutex<Followed>>)>,
}

impl Files {
    pub(super) fn open(source: &LogSource) -> Self {
        let (zone, rotation_grace) = match &source.store {
            LogStore::File {
                timezone,
                rotation_grace,
            } => (*timezone, *rotation_grace),
            LogStore::Graylog(_)
            | LogStore::Elasticsearch { .. }
            | LogStore::Loki { .. }
            | LogStore::VictoriaLogs { .. }
            | LogStore::Prometheus { .. }
            | LogStore::Journald { .. }
            | LogStore::JournalGateway(_)
            | LogStore::Docker { .. }
            | LogStore::Kubernetes(_)
            | LogStore::HttpJson { .. }
            | LogStore::Push { .. } => (chrono_tz::UTC, Duration::ZERO),
        };
        let canary = source
            .canary
            .as_ref()
            .and_then(|canary| match &canary.via {
                CanaryPath::File(path) => Some(path.to_string_lossy().into_owned()),
                CanaryPath::GelfHttp(_)
                | CanaryPath::GelfTcp(_)
                | CanaryPath::LokiPush(_)
                | CanaryPath::ElasticIndex(_)
                | CanaryPath::Import(_) => None,
            })
            .map(|path| (path, Arc::default()));
        Self {
            rules: Arc::new(Rules {
                zone,
                rotation_grace,
                kept_open: Arc::new(Semaphore::new(KEPT_OPEN_MAX)),
            }),
            workers: Arc::new(Semaphore::new(WORKERS_MAX)),
            within: LOOK_WITHIN,
            followed: Mutex::new(HashMap::new()),
            canary,
        }
    }

    /// What is known of each subject; what is no longer asked for is forgotten and its files are closed.
    fn followed(&self, subjects: &[Subject]) -> Vec<Arc<Mutex<Followed>>> {
        let mut known = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut asked = HashMap::with_capacity(subjects.len());
        let mut states = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let state = known.remove(subject).unwrap_or_default();
            states.push(Arc::clone(&state));
            asked.insert(subject.clone(), state);
        }
        *known = asked;
        states
    }

    /// Works on one file away from the runtime. Whoever still works on it from an earlier round hangs, and is left to.
    async fn work<T: Send + 'static>(
        &self,
        state: Arc<Mutex<Followed>>,
        doing: impl FnOnce(&mut Followed) -> Result<T, LogFault> + Send + 'static,
    ) -> Result<T, LogFault> {
        if matches!(state.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(hangs("since the round before"));
        }
        let workers = Arc::clone(&self.workers);
        let working = async move {
            let Ok(permit) = workers.acquire_owned().await else {
                return Err(own());
            };
            let worker = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                doing(&mut state.lock().unwrap_or_else(PoisonError::into_inner))
            });
            worker.await.unwrap_or_else(|_panic| Err(own()))
        };
        let limit = humantime::format_duration(self.within);
        tokio::time::timeout(self.within, working)
            .await
            .unwrap_or_else(|_late| Err(hangs(&format!("within {limit}"))))
    }
}

fn hangs(since: &str) -> LogFault {
    LogFault::new(
        LogFaultKind::Unreachable,
        format!("the file system has not answered {since}"),
    )
}

fn own() -> LogFault {
    LogFault::new(
        LogFaultKind::Own,
        "reading the file broke off by a fault of hekate itself",
    )
}

impl Store for Files {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
        _limit: Duration,
    ) -> BoxFuture<'a, Vec<Result<Reading, LogFault>>> {
        let states = self.followed(subjects);
        Box::pin(join_all(subjects.iter().zip(states).map(
            move |(subject, state)| {
                let (subject, rules) = (subject.clone(), Arc::clone(&self.rules));
                self.work(state, move |followed| {
                    followed.look(&subject.query, subject.lookback, &rules, now)
                })
            },
        )))
    }

    fn find<'a>(
        &'a self,
        monitor: &'a str,
        unseen: &'a [CanaryMark],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<u64>, LogFault>> {
        Box::pin(async move {
            let Some((path, state)) = &self.canary else {
                return Err(direct::no_canary());
            };
            let (path, rules) = (path.clone(), Arc::clone(&self.rules));
            let (monitor, unseen) = (monitor.to_owned(), unseen.to_owned());
            self.work(Arc::clone(state), move |followed| {
                let oldest = unseen.first().map_or(now, |mark| mark.sent_at);
                followed.look(&path, now.since(oldest), &rules, now)?;
                let found = marks::numbers(&followed.tails(marks::SEARCHED), &monitor);
                Ok(unseen
                    .iter()
                    .map(|mark| mark.number)
                    .filter(|number| found.contains(number))
                    .collect())
            })
            .await
        })
    }

    fn state(&self, now: Timestamp) -> BoxFuture<'_, Option<Statement>> {
        Box::pin(async move { Some(direct::statement(now)) })
    }
}
