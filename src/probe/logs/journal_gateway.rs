//! systemd-journal-gatewayd, which serves the journal of a machine over HTTP.
//!
//! Source: systemd-journal-gatewayd.service(8).

use futures_util::{
    future::BoxFuture,
    stream::{self, StreamExt as _},
};
use reqwest::{Method, RequestBuilder, header};
use serde::Deserialize;

use crate::model::{
    Timestamp,
    logs::{CanaryMark, LogFault, LogFaultKind, Reading, Statement, Subject},
};

use super::{Store, direct, journal, web::Web};

/// It serves each connection from a thread of its own.
const AT_ONCE: usize = 4;
/// The last ten: of one entry, version 252 returns the one before the last.
const LAST: &str = "entries=:-10:10";

/// systemd-journal-gatewayd.
pub(super) struct Gateway {
    web: Web,
}

/// The part of `/machine` that says how far the journal goes, in microseconds since 1970, as text.
#[derive(Deserialize)]
struct Machine {
    cutoff_to_realtime: String,
}

impl Gateway {
    pub(super) fn open(web: Web) -> Self {
        Self { web }
    }

    async fn read_unit(&self, subject: &Subject, now: Timestamp) -> Result<Reading, LogFault> {
        let (field, unit) = journal::unit_match(&subject.query)?;
        let request = self
            .web
            .request(Method::GET, "/entries")
            .header(header::ACCEPT, "application/json")
            .header(header::RANGE, LAST);
        let request = with_query(request, field, &unit)?;
        let answered = self.web.ask(request, now).await?;
        if let Some(fault) = answered.fault() {
            return Err(fault);
        }
        journal::newest(&answered.body, now)
    }

    async fn machine(&self, now: Timestamp) -> Option<Statement> {
        let request = self.web.request(Method::GET, "/machine");
        let answered = self.web.ask(request, now).await.ok()?;
        if answered.fault().is_some() {
            return None;
        }
        let machine: Machine = serde_json::from_slice(&answered.body).ok()?;
        let newest = journal::believable(&machine.cutoff_to_realtime, now)?;
        Some(Statement {
            complete_until: Some(newest),
            drains_within: None,
            words: String::from("the newest entry of the whole journal"),
        })
    }
}

/// The request with one match in its address.
fn with_query(
    request: RequestBuilder,
    field: &str,
    value: &str,
) -> Result<RequestBuilder, LogFault> {
    let (client, request) = request.build_split();
    let mut request = request
        .map_err(|error| LogFault::new(LogFaultKind::Own, error.without_url().to_string()))?;
    request.url_mut().query_pairs_mut().append_pair(field, value);
    Ok(RequestBuilder::from_parts(client, request))
}

impl Store for Gateway {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
    ) -> BoxFuture<'a, Vec<Result<Reading, LogFault>>> {
        let reading = subjects
            .iter()
            .map(move |subject| self.read_unit(subject, now));
        Box::pin(stream::iter(reading).buffered(AT_ONCE).collect())
    }

    fn find<'a>(
        &'a self,
        _monitor: &'a str,
        _unseen: &'a [CanaryMark],
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<u64>, LogFault>> {
        Box::pin(async { Err(direct::no_canary()) })
    }

    fn state(&self, now: Timestamp) -> BoxFuture<'_, Option<Statement>> {
        Box::pin(self.machine(now))
    }

    fn skew_ms(&self) -> Option<i64> {
        self.web.skew_ms()
    }
}
