//! One round of questions to a store of logs: send a canary, find the earlier ones, read the newest line of everything
//! that targets want to know.
//!
//! Each kind of store is one file behind the trait [`Store`]. A round never fails: what went wrong is a classed
//! [`LogFault`] in the [`LogAnswer`], for each thing asked on its own, because an intake that is down says nothing about
//! the search. What a round means is decided elsewhere.

mod canary;
mod claimed;
mod direct;
pub(super) mod docker;
mod each;
mod elastic;
mod file;
#[cfg(any(test, feature = "fuzz"))]
pub(super) mod fuzz;
mod graylog;
#[cfg(test)]
mod hostile;
mod http_json;
mod journal;
mod journal_gateway;
mod journald;
pub(super) mod kubernetes;
mod loki;
mod marks;
mod prometheus;
#[cfg(test)]
mod stage;
#[cfg(test)]
pub(super) mod stand_in;
#[cfg(test)]
mod tests;
mod victoria_logs;
pub(super) mod web;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use futures_util::future::BoxFuture;

use crate::{
    clock::Clock,
    model::{
        Extra, Outcome, SourceName, Tick, Timestamp,
        logs::{
            Canary, CanaryMark, LogAnswer, LogAsk, LogFault, LogFaultKind, LogSource, LogStore,
            LogStoreQuestion, Reading, Statement, Subject,
        },
    },
};

use super::http::Findings;

/// A line stamped later than this from now is not believed; without an upper bound one such line would keep a dead
/// application fresh until that date.
const FUTURE_MAX: Duration = Duration::from_secs(30);

/// What a round in a test has.
#[cfg(test)]
const ROUND: Duration = Duration::from_secs(5);

/// One kind of store, opened for one source. Errors are classed; waiting is bounded by whoever asks.
trait Store: Send + Sync {
    /// The newest line of each subject within its lookback, in their order; one question for all where the store can.
    ///
    /// The round is over after `limit`, and then nothing counts that was not given back before.
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
        limit: Duration,
    ) -> BoxFuture<'a, Vec<Result<Reading, LogFault>>>;

    /// Which of these canaries of this monitor can be found now.
    fn find<'a>(
        &'a self,
        monitor: &'a str,
        unseen: &'a [CanaryMark],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<u64>, LogFault>>;

    /// What the store says of its own pipeline, if it says anything.
    fn state(&self, now: Timestamp) -> BoxFuture<'_, Option<Statement>> {
        let _ = now;
        Box::pin(async { None })
    }

    /// How far the store's clock was ahead of ours in the last answer, in milliseconds.
    fn skew_ms(&self) -> Option<i64> {
        None
    }
}

/// All stores that were asked so far, each opened once for as long as its source is in the plan and says the same.
pub(super) struct Stores {
    clock: Clock,
    tls: web::Tls,
    open: Mutex<HashMap<usize, Opened>>,
}

/// A store and the source it was opened for; the place of a source in memory is not given to another one while the weak
/// reference is here.
struct Opened {
    source: Weak<LogSource>,
    /// What it was opened with.
    settings: (SourceName, LogStore, Option<Canary>),
    ways: Ways,
    /// Since when the source is not in the plan any more.
    gone: Option<Tick>,
}

/// A file that is read again puts the same source at another place in memory; what was learnt of its store, such as how far
/// a file was read that is renamed meanwhile, is kept for so long until it is asked for.
const KEPT_WITHOUT_SOURCE: Duration = Duration::from_mins(10);

/// The two ways to a store: what it is asked through, and how our own line gets into it.
#[derive(Clone)]
struct Ways {
    store: Arc<dyn Store>,
    canary: Arc<canary::Sender>,
}

impl Stores {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            tls: web::Tls::new(),
            open: Mutex::new(HashMap::new()),
        }
    }

    /// One round, over within `limit`.
    pub(super) async fn round(
        &self,
        question: &LogStoreQuestion,
        ask: &LogAsk,
        limit: Duration,
    ) -> Findings {
        let now = self.clock.now().at;
        let answer = match self.ways(&question.source) {
            Ok(ways) => {
                let (sent, answer) = tokio::join!(
                    send(&ways.canary, question, ask, limit),
                    ask_all(&*ways.store, question, ask, now, limit)
                );
                LogAnswer { sent, ..answer }
            }
            Err(fault) => LogAnswer {
                sent: ask.send.map(|_| Err(fault.clone())),
                seen: (!ask.unseen.is_empty()).then(|| Err(fault.clone())),
                statement: None,
                skew_ms: None,
                readings: question
                    .subjects
                    .iter()
                    .map(|_| Err(fault.clone()))
                    .collect(),
            },
        };
        let mut findings = Findings::of(Outcome::Healthy);
        findings.extra = Some(Box::new(Extra::Logs(answer)));
        findings
    }

    fn ways(&self, source: &Arc<LogSource>) -> Result<Ways, LogFault> {
        let key = Arc::as_ptr(source).addr();
        let now = self.clock.now().tick;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, opened| opened.is_kept(now));
        if let Some(opened) = open.get(&key) {
            return Ok(opened.ways.clone());
        }
        let settings = (
            source.name.clone(),
            source.store.clone(),
            source.canary.clone(),
        );
        let before = open
            .iter()
            .find(|(_, opened)| opened.settings == settings)
            .map(|(before, _)| *before);
        if let Some(mut opened) = before.and_then(|before| open.remove(&before)) {
            opened.source = Arc::downgrade(source);
            opened.gone = None;
            let ways = opened.ways.clone();
            open.insert(key, opened);
            return Ok(ways);
        }
        let ways = Ways {
            store: open_store(source, &self.tls)?,
            canary: Arc::new(canary::Sender::open(source, &self.tls)),
        };
        let source = Arc::downgrade(source);
        open.insert(
            key,
            Opened {
                source,
                settings,
                ways: ways.clone(),
                gone: None,
            },
        );
        Ok(ways)
    }
}

impl Opened {
    fn is_kept(&mut self, now: Tick) -> bool {
        if self.source.strong_count() > 0 {
            self.gone = None;
            return true;
        }
        now.since(*self.gone.get_or_insert(now)) < KEPT_WITHOUT_SOURCE
    }
}

/// Sends the canary of a round, if it has one and the source has a way for it.
async fn send(
    canary: &canary::Sender,
    question: &LogStoreQuestion,
    ask: &LogAsk,
    limit: Duration,
) -> Option<Result<(), LogFault>> {
    let (mark, _) = (ask.send?, question.source.canary.as_ref()?);
    Some(within(limit, canary.send(&ask.monitor, mark)).await)
}

/// The questions of a round at the same time, each with the whole limit; its canary is sent by [`send`].
async fn ask_all(
    store: &dyn Store,
    question: &LogStoreQuestion,
    ask: &LogAsk,
    now: Timestamp,
    limit: Duration,
) -> LogAnswer {
    let subjects = &question.subjects;
    let finding = async {
        if ask.unseen.is_empty() {
            return None;
        }
        Some(within(limit, store.find(&ask.monitor, &ask.unseen, now)).await)
    };
    let reading = async {
        let read = tokio::time::timeout(limit, store.read(subjects, now, limit)).await;
        let mut read =
            read.unwrap_or_else(|_late| subjects.iter().map(|_| Err(late(limit))).collect());
        // A store that answers fewer than it was asked has not answered the rest.
        read.resize_with(subjects.len(), || {
            Err(LogFault::new(
                LogFaultKind::Unreachable,
                "it did not answer this",
            ))
        });
        read
    };
    let stating = async {
        tokio::time::timeout(limit, store.state(now))
            .await
            .ok()
            .flatten()
    };
    let (seen, readings, statement) = tokio::join!(finding, reading, stating);
    LogAnswer {
        sent: None,
        seen,
        statement,
        skew_ms: store.skew_ms(),
        readings,
    }
}

async fn within<T>(
    limit: Duration,
    asking: impl Future<Output = Result<T, LogFault>>,
) -> Result<T, LogFault> {
    tokio::time::timeout(limit, asking)
        .await
        .unwrap_or_else(|_late| Err(late(limit)))
}

fn late(limit: Duration) -> LogFault {
    LogFault::new(
        LogFaultKind::Unreachable,
        format!("no answer within {}", humantime::format_duration(limit)),
    )
}

fn open_store(source: &LogSource, tls: &web::Tls) -> Result<Arc<dyn Store>, LogFault> {
    Ok(match &source.store {
        LogStore::Graylog(http) => Arc::new(graylog::Graylog::open(web::Web::open(http, tls)?)),
        LogStore::Elasticsearch { http, .. } => {
            Arc::new(elastic::Elastic::open(web::Web::open(http, tls)?, source))
        }
        LogStore::Loki { http, .. } => {
            Arc::new(loki::Loki::open(web::Web::open(http, tls)?, source))
        }
        LogStore::VictoriaLogs { http, .. } => Arc::new(victoria_logs::VictoriaLogs::open(
            web::Web::open(http, tls)?,
            source,
        )),
        LogStore::Prometheus { http, .. } => Arc::new(prometheus::Prometheus::open(
            web::Web::open(http, tls)?,
            source,
        )),
        LogStore::File { .. } => Arc::new(file::Files::open(source)),
        LogStore::Journald { .. } => Arc::new(journald::Journald::open(source)),
        LogStore::JournalGateway(http) => {
            Arc::new(journal_gateway::Gateway::open(web::Web::open(http, tls)?))
        }
        LogStore::Docker { .. } => Arc::new(docker::Docker::open(source)),
        LogStore::Kubernetes(http) => {
            Arc::new(kubernetes::Kubernetes::open(web::Web::open(http, tls)?))
        }
        LogStore::HttpJson { http, .. } => Arc::new(http_json::HttpJson::open(
            web::Web::open(http, tls)?,
            source,
        )),
        LogStore::Push { .. } => {
            return Err(LogFault::new(
                LogFaultKind::Own,
                "a source that calls us is not asked",
            ));
        }
    })
}
