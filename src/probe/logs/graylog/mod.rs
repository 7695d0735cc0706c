//! Graylog, in all its dialects from 2.x on.
//!
//! From 5.1 on a search is a `POST` to `search/messages`; never the `GET` of the same name, which from 6.2 on ignores the
//! streams it is given and searches all that can be read. Older servers have the legacy universal search. Both take a span
//! with an upper end. Graylog has no one question for many queries, so each subject is a question of its own, a few at
//! a time.

mod answer;
mod dialect;
mod state;
#[cfg(test)]
mod tests;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};
use reqwest::{Method, RequestBuilder, header};
use serde_json::{Value, json};

use crate::model::{
    Timestamp,
    logs::{CanaryMark, LogFault, LogFaultKind, Reading, Statement, Subject},
};

use self::dialect::{Dialect, Door};
use super::{
    FUTURE_MAX, Store, canary,
    each::each,
    web::{Answered, Web, with_json},
};

/// So many canaries are looked for in one question; the legacy search has them in its address, which may have about 8 kB.
const CANARIES_AT_ONCE: usize = 40;
/// The fields of a message that a reading is made of.
const FIELDS: [&str; 3] = [
    "timestamp",
    "gl2_receive_timestamp",
    "gl2_processing_timestamp",
];

/// Graylog.
pub(super) struct Graylog {
    web: Web,
    /// Where its API is and which search it has, as long as that is known; asked for once by whoever comes first.
    door: tokio::sync::Mutex<Option<Door>>,
    /// Up to when everything was searchable as it last said.
    complete_until: Mutex<Option<Timestamp>>,
}

/// What is looked for, in the words of both dialects.
struct Search<'a> {
    query: &'a str,
    streams: &'a [String],
    from: Timestamp,
    to: Timestamp,
    size: usize,
    fields: &'a [&'a str],
}

impl Graylog {
    pub(super) fn open(web: Web) -> Self {
        Self {
            web,
            door: tokio::sync::Mutex::new(None),
            complete_until: Mutex::new(None),
        }
    }

    /// A request with who we are and what we take. Without `Accept` the search answers in whatever form it likes; without
    /// `X-Requested-By` whatever is no `GET` is refused.
    fn request(&self, method: Method, path: &str, parameters: &[(&str, &str)]) -> RequestBuilder {
        let is_get = method == Method::GET;
        let plain = if parameters.is_empty() {
            self.web.request(method, path)
        } else {
            self.web.request_with(method, path, parameters)
        };
        let mut request = plain.header(header::ACCEPT, "application/json");
        if !is_get {
            request = request.header("X-Requested-By", "hekate");
        }
        match self.web.token() {
            Some(token) => request.basic_auth(token, Some("token")),
            None => request,
        }
    }

    async fn get(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Answered, LogFault> {
        let request = self.request(Method::GET, path, parameters);
        self.web.ask(request, now).await
    }

    /// The JSON of a good answer.
    async fn get_json(&self, path: &str, now: Timestamp) -> Result<Value, LogFault> {
        let answered = self.get(path, &[], now).await?;
        match answer::fault(&answered) {
            Some(fault) => Err(fault),
            None => answered.json(),
        }
    }

    /// The messages that a search finds, newest first, in the form of its dialect.
    async fn search(
        &self,
        door: Door,
        search: &Search<'_>,
        now: Timestamp,
    ) -> Result<Value, LogFault> {
        let query = match search.query.trim() {
            "" => "*",
            query => query,
        };
        let (from, to) = (search.from.to_string(), search.to.to_string());
        let answered = match door.dialect {
            Dialect::Messages => {
                let body = json!({
                    "query": query,
                    "streams": search.streams,
                    "timerange": { "type": "absolute", "from": from, "to": to },
                    "sort": "timestamp",
                    "sort_order": "desc",
                    "from": 0,
                    "size": search.size,
                    "fields": search.fields,
                });
                let path = format!("{}/search/messages", door.prefix);
                let request = with_json(self.request(Method::POST, &path, &[]), &body);
                self.web.ask(request, now).await?
            }
            Dialect::Universal => {
                let path = format!("{}/search/universal/absolute", door.prefix);
                let (fields, limit) = (search.fields.join(","), search.size.to_string());
                let filter = format!("streams:{}", search.streams.join(","));
                let mut parameters = vec![
                    ("query", query),
                    ("from", &*from),
                    ("to", &*to),
                    ("limit", &*limit),
                    ("offset", "0"),
                    ("fields", &*fields),
                    ("sort", "timestamp:desc"),
                    ("decorate", "false"),
                ];
                if !search.streams.is_empty() {
                    parameters.push(("filter", &filter));
                }
                self.get(&path, &parameters, now).await?
            }
        };
        match answer::fault(&answered) {
            Some(fault) => Err(fault),
            None => answered.json(),
        }
    }

    /// The newest message of one subject.
    async fn newest(
        &self,
        door: Door,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<Reading, LogFault> {
        // The legacy filter takes several streams in some versions only, so each is a question of its own there.
        let apart = match door.dialect {
            Dialect::Universal if subject.streams.len() > 1 => 1,
            Dialect::Universal | Dialect::Messages => subject.streams.len().max(1),
        };
        let mut groups = subject.streams.chunks(apart);
        let mut newest = self
            .newest_of(door, subject, groups.next().unwrap_or(&[]), now)
            .await;
        for streams in groups {
            let other = self.newest_of(door, subject, streams, now).await;
            newest = answer::newer(newest, other);
        }
        newest
    }

    async fn newest_of(
        &self,
        door: Door,
        subject: &Subject,
        streams: &[String],
        now: Timestamp,
    ) -> Result<Reading, LogFault> {
        let search = Search {
            query: &subject.query,
            streams,
            from: now - subject.lookback,
            to: now + FUTURE_MAX,
            size: 1,
            fields: &FIELDS,
        };
        let found = self.search(door, &search, now).await?;
        answer::reading(door.dialect, &found, now)
    }

    async fn seen(
        &self,
        door: Door,
        monitor: &str,
        marks: &[CanaryMark],
        now: Timestamp,
    ) -> Result<Vec<u64>, LogFault> {
        let Some(oldest) = marks.iter().map(|mark| mark.sent_at).min() else {
            return Ok(Vec::new());
        };
        let search = Search {
            query: &canary_query(monitor, marks),
            streams: &[],
            from: oldest - canary::STAMP_LEEWAY,
            to: now + FUTURE_MAX,
            // Some may have been taken in twice.
            size: marks.len() * 4,
            fields: &["timestamp", canary::FIELD, "message"],
        };
        let found = self.search(door, &search, now).await?;
        answer::canaries(door.dialect, &found, monitor, marks)
    }

    /// What it answers no longer fits what is known of it, so the next round asks again who it is.
    async fn forget_if_changed<T>(&self, answers: &[Result<T, LogFault>]) {
        let is_gone = |answer: &Result<T, LogFault>| matches!(answer, Err(fault) if fault.kind == LogFaultKind::NotFound);
        if answers.iter().any(is_gone) {
            *self.door.lock().await = None;
        }
    }

    /// What was complete stays complete: a node that is busy for a moment does not take back what was said before.
    fn never_back(&self, statement: &mut Statement, now: Timestamp) {
        if let Some(said) = statement.complete_until {
            let mut until = self
                .complete_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // What lies ahead of now was said before our clock was set back.
            let before = until.filter(|before| *before <= now);
            *until = Some(before.map_or(said, |before| before.max(said)));
            statement.complete_until = *until;
        }
    }
}

/// The line may have kept its field, or a shipper may have made one text of it.
fn canary_query(monitor: &str, marks: &[CanaryMark]) -> String {
    let quoted = |before: &str| {
        let ids: Vec<String> = marks
            .iter()
            .map(|mark| {
                let id = canary::id(monitor, mark.number);
                format!("\"{before}{}\"", escaped(&id))
            })
            .collect();
        ids.join(" OR ")
    };
    let field = canary::FIELD;
    format!(
        "{field}:({}) OR message:({})",
        quoted(""),
        quoted(&format!("{field}="))
    )
}

/// Text inside of quotes in Lucene's language.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

impl Store for Graylog {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
        limit: Duration,
    ) -> BoxFuture<'a, Vec<Result<Reading, LogFault>>> {
        Box::pin(async move {
            let door = match self.door(now).await {
                Ok(door) => door,
                Err(fault) => return subjects.iter().map(|_| Err(fault.clone())).collect(),
            };
            let readings = each(limit, subjects, |subject| self.newest(door, subject, now)).await;
            self.forget_if_changed(&readings).await;
            readings
        })
    }

    fn find<'a>(
        &'a self,
        monitor: &'a str,
        unseen: &'a [CanaryMark],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<u64>, LogFault>> {
        Box::pin(async move {
            let door = self.door(now).await?;
            let parts = unseen
                .chunks(CANARIES_AT_ONCE)
                .map(|marks| self.seen(door, monitor, marks, now));
            let found = join_all(parts).await;
            self.forget_if_changed(&found).await;
            let found: Result<Vec<Vec<u64>>, LogFault> = found.into_iter().collect();
            Ok(found?.concat())
        })
    }

    fn state(&self, now: Timestamp) -> BoxFuture<'_, Option<Statement>> {
        Box::pin(async move {
            let door = self.door(now).await.ok()?;
            let mut statement = self.statement(door, now).await?;
            self.never_back(&mut statement, now);
            Some(statement)
        })
    }

    fn skew_ms(&self) -> Option<i64> {
        self.web.skew_ms()
    }
}
