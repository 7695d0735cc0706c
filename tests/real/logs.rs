//! One round of questions to a store of logs, as the engine asks it.

use std::{path::Path, sync::Arc, time::Duration};

use hekate::{
    clock::Clock,
    model::{
        Extra, LookId, Slot, SourceName, Timestamp,
        logs::{
            LogAnswer, LogAsk, LogFault, LogSource, LogStore, LogStoreQuestion, Reading, Subject,
        },
        plan::Question,
    },
    probe::{Freshness, Prober},
};

const LOOK: LookId = LookId {
    slot: Slot(1),
    check: 0,
    number: 1,
};

/// Far more than any of these stores takes.
const LIMIT: Duration = Duration::from_secs(30);

/// A store, and the targets that want to know something of it.
pub(crate) struct Asking {
    clock: Clock,
    prober: Prober,
    question: Question,
}

impl Asking {
    pub(crate) fn new(store: LogStore, queries: &[&str]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let source = Arc::new(LogSource {
            name: SourceName::new("store"),
            store,
            canary: None,
            lag_limit: Duration::from_secs(90),
            reorder_margin: Duration::from_secs(10),
            channel: None,
            startup_grace: Duration::ZERO,
        });
        let subject = |query: &&str| Subject {
            query: (*query).to_owned(),
            streams: Vec::new(),
            lookback: Duration::from_mins(15),
        };
        let subjects = queries.iter().map(subject).collect();
        let clock = Clock::start();
        Self {
            prober: Prober::new(clock.clone()),
            question: Question::LogStore(Arc::new(LogStoreQuestion { source, subjects })),
            clock,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now().at
    }

    pub(crate) async fn round(&self) -> LogAnswer {
        let seen = self
            .prober
            .look_with(
                LOOK,
                &self.question,
                LIMIT,
                Freshness::AsConfigured,
                &LogAsk::default(),
            )
            .await;
        match seen.extra.map(|extra| *extra) {
            Some(Extra::Logs(answer)) => answer,
            other => panic!("a round answers, not {other:?}"),
        }
    }

    /// What the first target wants to know.
    pub(crate) async fn read(&self) -> Result<Reading, LogFault> {
        self.round().await.readings.swap_remove(0)
    }

    /// The same, of a store that answers.
    pub(crate) async fn reading(&self) -> Reading {
        self.read().await.expect("the store answers")
    }
}

/// Waits until a file holds a text.
pub(crate) async fn until_written(path: &Path, text: &str) {
    for _ in 0..3_000 {
        if std::fs::read_to_string(path).is_ok_and(|all| all.contains(text)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{text} never came to {}", path.display());
}
