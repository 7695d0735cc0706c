//! systemd-journal-gatewayd, which serves the journal of a machine over HTTP.
//!
//! Source: systemd-journal-gatewayd.service(8).

use std::time::Duration;

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
    request
        .url_mut()
        .query_pairs_mut()
        .append_pair(field, value);
    Ok(RequestBuilder::from_parts(client, request))
}

impl Store for Gateway {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
        _limit: Duration,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use crate::{
        model::{logs::HttpStore, plan::TlsSettings},
        probe::logs::web::Tls,
    };

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    /// A gateway that answers by the target of the request, and the heads of what it was asked.
    async fn gateway(
        answer: fn(&str) -> (&'static str, &'static str),
    ) -> (Gateway, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/journal", listener.local_addr().unwrap());
        let (tell, asked) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let tell = tell.clone();
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        request.push(stream.read_u8().await.unwrap());
                    }
                    let request = String::from_utf8(request).unwrap();
                    let target = request.split(' ').nth(1).unwrap();
                    let (status, body) = answer(target);
                    let answer = format!(
                        "HTTP/1.1 {status}\r\nDate: Fri, 15 Jan 2027 08:00:07 GMT\r\nConnection: close\r\n\r\n{body}"
                    );
                    tell.send(request).unwrap();
                    stream.write_all(answer.as_bytes()).await.unwrap();
                });
            }
        });
        let http = HttpStore {
            url: url.parse().unwrap(),
            credentials: None,
            headers: Vec::new(),
            tls: TlsSettings::default(),
        };
        let web = Web::open(&http, &Tls::new()).unwrap();
        (Gateway::open(web), asked)
    }

    fn subjects(queries: &[&str]) -> Vec<Subject> {
        let subject = |query: &&str| Subject {
            query: (*query).to_owned(),
            streams: Vec::new(),
            lookback: Duration::from_mins(15),
        };
        queries.iter().map(subject).collect()
    }

    #[tokio::test]
    async fn units_are_read() {
        let (gateway, mut asked) = gateway(|target| match target {
            "/journal/entries?_SYSTEMD_UNIT=app%40blue.service" => (
                "200 OK",
                "{\"__REALTIME_TIMESTAMP\":\"1799999999000000\",\"_SOURCE_REALTIME_TIMESTAMP\":\"1799999998000000\"}\n\
                 {\"__REALTIME_TIMESTAMP\":\"1799999997000000\",\"MESSAGE\":[255,0]}\n",
            ),
            "/journal/entries?_SYSTEMD_UNIT=quiet.service" => ("200 OK", ""),
            "/journal/entries?_SYSTEMD_UNIT=page.service" => ("200 OK", "<html>login</html>"),
            "/journal/machine" => ("200 OK", r#"{"machine_id":"0","cutoff_to_realtime":"1799999999500000"}"#),
            _ => ("500 Internal Server Error", "broken"),
        })
        .await;
        let queries = ["app@blue", "quiet", "page", "broken", "a?b"];
        let readings = gateway
            .read(&subjects(&queries), NOW, crate::probe::logs::ROUND)
            .await;
        let lines: Vec<_> = readings.iter().map(|one| format!("{one:?}")).collect();
        let text = lines.join("\n") + "\n";
        expect![[r#"
            Ok(Reading { event: Some(2027-01-15T07:59:58.000Z), ingest: Some(2027-01-15T07:59:59.000Z), is_partial: false })
            Ok(Reading { event: None, ingest: None, is_partial: false })
            Err(LogFault { kind: Unreachable, words: "its answer has no entries of a journal" })
            Err(LogFault { kind: Unreachable, words: "HTTP 500: broken" })
            Err(LogFault { kind: BadQuery, words: "it is not the name of a unit" })
        "#]]
        .assert_eq(&text);
        assert_eq!(gateway.skew_ms(), Some(7_500));
        let head = asked.recv().await.unwrap().to_ascii_lowercase();
        assert!(head.contains("range: entries=:-10:10\r\n"), "{head}");
        assert!(head.contains("accept: application/json\r\n"), "{head}");
        let statement = gateway.state(NOW).await.unwrap();
        assert_eq!(
            statement.complete_until,
            Some(Timestamp::from_millis(1_799_999_999_500))
        );
    }

    #[tokio::test]
    async fn an_old_or_strange_machine_states_nothing() {
        for body in [
            "",
            "{}",
            r#"{"cutoff_to_realtime":"x"}"#,
            r#"{"cutoff_to_realtime":"1900000000000000"}"#,
        ] {
            let (gateway, _asked) = match body {
                "" => gateway(|_| ("404 Not Found", "")).await,
                "{}" => gateway(|_| ("200 OK", "{}")).await,
                r#"{"cutoff_to_realtime":"x"}"# => {
                    gateway(|_| ("200 OK", r#"{"cutoff_to_realtime":"x"}"#)).await
                }
                _ => gateway(|_| ("200 OK", r#"{"cutoff_to_realtime":"1900000000000000"}"#)).await,
            };
            assert_eq!(gateway.state(NOW).await, None, "{body}");
        }
    }
}
