//! Elasticsearch from 6.3 on, and OpenSearch.
//!
//! One search asks for all subjects: a filter for each, and the newest time in each. By default these stores answer with
//! what they have, so that half a cluster, or an index that is gone, looks like silence; every default that allows so is
//! turned off. A query that cannot be parsed spoils the whole question, so then each is asked for on its own.

mod answer;
#[cfg(test)]
mod tests;

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use reqwest::{Method, RequestBuilder, header};
use serde_json::{Map, Value, json};

use crate::model::{
    Timestamp,
    logs::{
        CanaryMark, CanaryPath, LogFault, LogFaultKind, LogSource, LogStore, Reading, Statement,
        Subject,
    },
};

use super::{
    FUTURE_MAX, Store, canary,
    each::{each, limit_of},
    web::{Web, with_json},
};

pub(super) use self::answer::fault;

/// So many subjects are one question.
const SUBJECTS_AT_ONCE: usize = 100;
/// So many canaries are looked for in one question.
const CANARIES_AT_ONCE: usize = 200;
/// The store gives up by itself after this, before we do.
const STORE_TIMEOUT: &str = "3s";
/// How often the settings of the index are read.
const SETTINGS_AGAIN_AFTER: Duration = Duration::from_hours(1);
/// With these, what cannot be searched is an error and not a silence.
const STRICT: [(&str, &str); 3] = [
    ("allow_partial_search_results", "false"),
    ("allow_no_indices", "false"),
    ("ignore_unavailable", "false"),
];

/// Elasticsearch and OpenSearch.
pub(super) struct Elastic {
    web: Web,
    index: String,
    /// Where canaries are looked for: their own index, or that of everything else.
    canary_index: String,
    time_field: String,
    ingest_field: Option<String>,
    /// Queries that were not understood; they are asked apart, so that they do not spoil the question of the others.
    misunderstood: Mutex<HashSet<Subject>>,
    /// Whether the field of time was seen to be one.
    has_time: AtomicBool,
    settings: Mutex<Option<Settings>>,
}

/// Readings with the places of their subjects.
type Placed = Vec<(usize, Result<Reading, LogFault>)>;

/// What the settings of the index said, and when they were read.
#[derive(Clone)]
struct Settings {
    read_at: Timestamp,
    words: Option<String>,
}

impl Elastic {
    pub(super) fn open(web: Web, source: &LogSource) -> Self {
        let (index, time_field, ingest_field) = match &source.store {
            LogStore::Elasticsearch {
                index,
                time_field,
                ingest_field,
                ..
            } => (index.clone(), time_field.clone(), ingest_field.clone()),
            LogStore::Graylog(_)
            | LogStore::Loki { .. }
            | LogStore::VictoriaLogs { .. }
            | LogStore::Prometheus { .. }
            | LogStore::File { .. }
            | LogStore::Journald { .. }
            | LogStore::JournalGateway(_)
            | LogStore::Docker { .. }
            | LogStore::Kubernetes(_)
            | LogStore::HttpJson { .. }
            | LogStore::Push { .. } => (String::from("*"), String::from("@timestamp"), None),
        };
        let canary_index = match source.canary.as_ref().map(|canary| &canary.via) {
            Some(CanaryPath::ElasticIndex(own)) => own.clone(),
            Some(
                CanaryPath::GelfHttp(_)
                | CanaryPath::GelfTcp(_)
                | CanaryPath::LokiPush(_)
                | CanaryPath::File(_)
                | CanaryPath::Import(_),
            )
            | None => index.clone(),
        };
        Self {
            web,
            index,
            canary_index,
            time_field,
            ingest_field,
            misunderstood: Mutex::new(HashSet::new()),
            has_time: AtomicBool::new(false),
            settings: Mutex::new(None),
        }
    }

    /// The JSON of a good answer.
    async fn json(&self, request: RequestBuilder, now: Timestamp) -> Result<Value, LogFault> {
        let answered = self.web.ask(authorized(&self.web, request), now).await?;
        match fault(&answered) {
            Some(fault) => Err(fault),
            None => answered.json(),
        }
    }

    async fn search(&self, index: &str, body: &Value, now: Timestamp) -> Result<Value, LogFault> {
        let path = format!("/{}/_search", segment(index));
        let request = self.web.request_with(Method::POST, &path, &STRICT);
        self.json(with_json(request, body), now).await
    }

    /// One question for all of these.
    async fn together(
        &self,
        subjects: &[&Subject],
        now: Timestamp,
    ) -> Result<Vec<Result<Reading, LogFault>>, LogFault> {
        let said = self
            .search(&self.index, &self.question(subjects, now), now)
            .await?;
        answer::readings(&said, subjects.len(), now)
    }

    fn question(&self, subjects: &[&Subject], now: Timestamp) -> Value {
        let lookback = subjects.iter().map(|subject| subject.lookback).max();
        let mut filters = Map::new();
        for (number, subject) in subjects.iter().enumerate() {
            let filter = json!({ "bool": { "filter": [
                self.since(now - subject.lookback, now),
                query(&subject.query),
            ] } });
            filters.insert(answer::name(number), filter);
        }
        let mut newest = json!({ "event": { "max": { "field": self.time_field } } });
        if let Some(field) = &self.ingest_field {
            newest["ingest"] = json!({ "max": { "field": field } });
        }
        json!({
            "size": 0,
            "track_total_hits": false,
            "timeout": STORE_TIMEOUT,
            "query": { "bool": { "filter": [
                self.since(now - lookback.unwrap_or_default(), now),
            ] } },
            "aggs": { "subjects": { "filters": { "filters": filters }, "aggs": newest } },
        })
    }

    fn since(&self, from: Timestamp, now: Timestamp) -> Value {
        json!({ "range": { &self.time_field: {
            "gte": from.as_millis(),
            "lte": (now + FUTURE_MAX).as_millis(),
            "format": "epoch_millis",
        } } })
    }

    /// A field that is not there matches nothing, for ever, and without a word. So as long as nothing at all was found, it
    /// has to be seen once that the field is there and is a time, before silence is believed.
    async fn believe(&self, readings: &mut [Result<Reading, LogFault>], now: Timestamp) {
        let has_event = |reading: &Result<Reading, LogFault>| matches!(reading, Ok(found) if found.event.is_some());
        if readings.iter().any(has_event) {
            self.has_time.store(true, Ordering::Relaxed);
        }
        if self.has_time.load(Ordering::Relaxed) || readings.iter().all(Result::is_err) {
            return;
        }
        if let Err(fault) = self.check_time(now).await {
            for reading in readings.iter_mut().filter(|reading| reading.is_ok()) {
                *reading = Err(fault.clone());
            }
        }
    }

    async fn check_time(&self, now: Timestamp) -> Result<(), LogFault> {
        let path = format!("/{}/_field_caps", segment(&self.index));
        let request = self
            .web
            .request_with(Method::GET, &path, &[("fields", &self.time_field)]);
        let said = self.json(request, now).await?;
        let kinds = said["fields"][&self.time_field].as_object();
        let is_time = kinds
            .is_some_and(|kinds| kinds.contains_key("date") || kinds.contains_key("date_nanos"));
        self.has_time.store(is_time, Ordering::Relaxed);
        if is_time {
            return Ok(());
        }
        let lack = match kinds {
            Some(_) => "is no date",
            None => "does not exist",
        };
        Err(LogFault::new(
            LogFaultKind::BadQuery,
            format!("the field {} of {} {lack}", self.time_field, self.index),
        ))
    }

    /// Each on its own, a few at a time; who is not understood is remembered.
    async fn apart(
        &self,
        subjects: &[(usize, &Subject)],
        now: Timestamp,
        limit: Duration,
    ) -> Placed {
        let readings = each(limit, subjects, |(_, subject)| async {
            let mut one = self.together(&[*subject], now).await?;
            one.pop().unwrap_or_else(|| Ok(Reading::default()))
        })
        .await;
        let mut misunderstood = self.misunderstood();
        for ((_, subject), reading) in subjects.iter().zip(&readings) {
            if is_bad_query(reading) {
                misunderstood.insert((*subject).clone());
            } else {
                misunderstood.remove(*subject);
            }
        }
        drop(misunderstood);
        let places = subjects.iter().map(|(place, _)| *place);
        places.zip(readings).collect()
    }

    /// As many as one question takes, and each apart if one of them is not understood.
    async fn group(
        &self,
        subjects: &[(usize, &Subject)],
        now: Timestamp,
        limit: Duration,
    ) -> Placed {
        let all: Vec<&Subject> = subjects.iter().map(|(_, subject)| *subject).collect();
        match self.together(&all, now).await {
            Ok(readings) => {
                let places = subjects.iter().map(|(place, _)| *place);
                places.zip(readings).collect()
            }
            Err(fault) if fault.kind == LogFaultKind::BadQuery && subjects.len() > 1 => {
                self.apart(subjects, now, limit).await
            }
            Err(fault) => all_of(subjects, &fault),
        }
    }

    fn misunderstood(&self) -> std::sync::MutexGuard<'_, HashSet<Subject>> {
        self.misunderstood
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn seen(
        &self,
        monitor: &str,
        marks: &[CanaryMark],
        now: Timestamp,
    ) -> Result<Vec<u64>, LogFault> {
        let Some(oldest) = marks.iter().map(|mark| mark.sent_at).min() else {
            return Ok(Vec::new());
        };
        let ids: Vec<String> = marks
            .iter()
            .map(|mark| canary::id(monitor, mark.number))
            .collect();
        // The field may be one word or a text of several, depending on the template; a phrase fits both. The id of a document
        // fits always, if the document is ours.
        let mut any = vec![json!({ "ids": { "values": &ids } })];
        for id in &ids {
            any.push(json!({ "match_phrase": { canary::FIELD: id } }));
            let word = format!("{}={id}", canary::FIELD);
            any.push(json!({ "match_phrase": { "message": word } }));
        }
        let body = json!({
            "size": marks.len() * 4,
            "track_total_hits": false,
            "timeout": STORE_TIMEOUT,
            "_source": [canary::FIELD, "message"],
            "query": { "bool": {
                "filter": [self.since(oldest - canary::STAMP_LEEWAY, now)],
                "should": any,
                "minimum_should_match": 1,
            } },
        });
        let said = self.search(&self.canary_index, &body, now).await?;
        answer::canaries(&said, monitor, marks)
    }

    /// How often the index makes new documents visible, for people, read once an hour.
    async fn settings(&self, now: Timestamp) -> Option<String> {
        let is_new = |settings: &Settings| {
            now >= settings.read_at && now.since(settings.read_at) < SETTINGS_AGAIN_AFTER
        };
        let known = self
            .settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(known) = known.filter(is_new) {
            return known.words;
        }
        let path = format!("/{}/_settings/index.refresh_interval", segment(&self.index));
        let request = self
            .web
            .request_with(Method::GET, &path, &[("flat_settings", "true")]);
        let words = match self.json(request, now).await {
            Ok(said) => answer::refresh(&said),
            // Who may read documents may not always read settings; that does not change from round to round.
            Err(fault) if matches!(fault.kind, LogFaultKind::Auth | LogFaultKind::NotFound) => None,
            Err(_) => return None,
        };
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = Some(Settings {
            read_at: now,
            words: words.clone(),
        });
        words
    }
}

/// A request with an API key, if that is how the store is logged in to; other credentials are there already.
pub(super) fn authorized(web: &Web, request: RequestBuilder) -> RequestBuilder {
    match web.token() {
        Some(key) => request.header(header::AUTHORIZATION, format!("ApiKey {key}")),
        None => request,
    }
}

/// A name as one segment of a path; what else a path cannot have is taken care of where it is set.
pub(super) fn segment(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F")
}

/// The words of the file as a query, in Lucene's language as everywhere around these stores.
fn query(words: &str) -> Value {
    match words.trim() {
        "" | "*" => json!({ "match_all": {} }),
        words => json!({ "query_string": { "query": words, "analyze_wildcard": true } }),
    }
}

/// The same fault for all of them.
fn all_of(subjects: &[(usize, &Subject)], fault: &LogFault) -> Placed {
    subjects
        .iter()
        .map(|(place, _)| (*place, Err(fault.clone())))
        .collect()
}

fn is_bad_query(reading: &Result<Reading, LogFault>) -> bool {
    matches!(reading, Err(fault) if fault.kind == LogFaultKind::BadQuery)
}

impl Store for Elastic {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
        limit: Duration,
    ) -> BoxFuture<'a, Vec<Result<Reading, LogFault>>> {
        Box::pin(async move {
            let (alone, rest): (Vec<_>, Vec<_>) = {
                let mut misunderstood = self.misunderstood();
                misunderstood.retain(|subject| subjects.contains(subject));
                subjects
                    .iter()
                    .enumerate()
                    .partition(|(_, subject)| misunderstood.contains(subject))
            };
            let groups: Vec<&[(usize, &Subject)]> = rest.chunks(SUBJECTS_AT_ONCE).collect();
            let together = each(limit, &groups, |group| async {
                Ok(self.group(group, now, limit_of(limit)).await)
            });
            let (together, mut placed) = tokio::join!(together, self.apart(&alone, now, limit));
            for (group, answers) in groups.into_iter().zip(together) {
                placed.extend(answers.unwrap_or_else(|fault| all_of(group, &fault)));
            }
            placed.sort_by_key(|(place, _)| *place);
            let mut readings: Vec<_> = placed.into_iter().map(|(_, reading)| reading).collect();
            self.believe(&mut readings, now).await;
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
            let mut seen = Vec::new();
            for marks in unseen.chunks(CANARIES_AT_ONCE) {
                seen.extend(self.seen(monitor, marks, now).await?);
            }
            Ok(seen)
        })
    }

    /// What it has taken in is visible after one interval of refreshing, but lines wait before it, in shippers and
    /// queues of which it knows nothing. So it never says up to when everything is there.
    fn state(&self, now: Timestamp) -> BoxFuture<'_, Option<Statement>> {
        Box::pin(async move {
            let words = self.settings(now).await?;
            Some(Statement {
                complete_until: None,
                drains_within: None,
                words,
            })
        })
    }

    fn skew_ms(&self) -> Option<i64> {
        self.web.skew_ms()
    }
}
