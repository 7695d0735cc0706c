//! Grafana Loki.

use futures_util::future::BoxFuture;

use crate::model::{
    Timestamp,
    logs::{CanaryMark, LogFault, LogFaultKind, LogSource, Reading, Subject},
};

use super::{Store, web::Web};

/// Grafana Loki.
pub(super) struct Loki {
    web: Web,
}

impl Loki {
    pub(super) fn open(web: Web, source: &LogSource) -> Self {
        let _ = source;
        Self { web }
    }
}

impl Store for Loki {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        _now: Timestamp,
    ) -> BoxFuture<'a, Vec<Result<Reading, LogFault>>> {
        Box::pin(async move {
            subjects
                .iter()
                .map(|_| Err(LogFault::new(LogFaultKind::Own, "not built")))
                .collect()
        })
    }

    fn find<'a>(
        &'a self,
        _monitor: &'a str,
        _unseen: &'a [CanaryMark],
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<u64>, LogFault>> {
        Box::pin(async move { Err(LogFault::new(LogFaultKind::Own, "not built")) })
    }
    fn skew_ms(&self) -> Option<i64> {
        self.web.skew_ms()
    }
}
