//! Prometheus and `VictoriaMetrics`: something exports the time of the newest line, and they have scraped it.
//!
//! An empty answer has four causes, and all of them look the same: a wrong selector, something never scraped, an exporter
//! that died, samples that stopped. So two more questions follow it: what the query said over the last hours, and whether
//! the target of those samples is `up`. An exporter that is gone says nothing about the log: it never becomes silence.

mod answer;

use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::Method;

use crate::model::{
    Timestamp,
    logs::{CanaryMark, LogFault, LogFaultKind, LogSource, Reading, Statement, Subject},
    text::span,
};

use super::{
    Store,
    claimed::{Unit, number},
    each::each,
    marks,
    web::Web,
};

use answer::{Answer, Sample};

/// What a question may take there; a store that has given up says so, which is better than our hanging up.
const TIMEOUT: &str = "4s";
/// Samples that ended so recently are a restart or a missed scrape. Below the 5 min after which incomplete answers are told
/// as trouble of the store, which this is not.
const MISSED: Duration = Duration::from_mins(4);
/// An empty answer is looked for so far back at least.
const PAST_MIN: Duration = Duration::from_hours(1);
/// And at most.
const PAST_MAX: Duration = Duration::from_hours(24);
/// Between two steps into the past. Below the 5 min for which a sample holds, so that none is stepped over.
const PAST_STEP: Duration = Duration::from_mins(4);
/// A canary older than its first is looked for as well.
const CANARY_MARGIN: Duration = Duration::from_mins(5);

/// Prometheus and `VictoriaMetrics`.
pub(super) struct Prometheus {
    web: Web,
    name: &'static str,
}

impl Prometheus {
    pub(super) fn open(web: Web, source: &LogSource) -> Self {
        let name = source.store.title();
        Self { web, name }
    }

    async fn newest(&self, subject: &Subject, now: Timestamp) -> Result<Reading, LogFault> {
        let answer = self.ask(&subject.query, now).await?;
        if answer.samples.is_empty() && !answer.is_partial {
            return self.past(subject, now).await;
        }
        Ok(Reading {
            event: newest(&answer.samples, now)?,
            ingest: None,
            is_partial: answer.is_partial,
        })
    }

    /// What an empty answer means.
    async fn past(&self, subject: &Subject, now: Timestamp) -> Result<Reading, LogFault> {
        // A missed scrape is no reason to forget what the one before it proved.
        if let Ok(answer) = self.ask(&over_time(&subject.query, MISSED), now).await
            && !answer.samples.is_empty()
        {
            return Ok(Reading {
                event: newest(&answer.samples, now)?,
                ingest: None,
                is_partial: true,
            });
        }
        let back = subject.lookback.clamp(PAST_MIN, PAST_MAX);
        let answer = match self.ask(&over_time(&subject.query, back), now).await {
            Ok(answer) => answer,
            Err(fault) if fault.kind == LogFaultKind::BadQuery => {
                return Err(not_found(format!(
                    "the query finds nothing, and nothing can be learned of its past: {}",
                    fault.words
                )));
            }
            Err(fault) => return Err(fault),
        };
        if answer.samples.is_empty() {
            if answer.is_partial {
                return Ok(Reading {
                    is_partial: true,
                    ..Reading::default()
                });
            }
            return Err(not_found(format!(
                "the query finds nothing, neither now nor in the last {}: its selector is wrong, or it was never scraped",
                span(back)
            )));
        }
        let last = newest(&answer.samples, now)?;
        let why = self.why_gone(&answer.samples, now).await;
        let before = last.map_or_else(String::new, |event| {
            format!(
                "; its last word was of a line {} ago",
                span(now.since(event))
            )
        });
        Err(not_found(format!(
            "there are no samples any more: {why}{before}"
        )))
    }

    /// Asks the target of the samples whether it is up.
    async fn why_gone(&self, samples: &[Sample], now: Timestamp) -> &'static str {
        let unknown = "its exporter is gone, or is not scraped";
        let Some((job, instance)) = samples.iter().find_map(Sample::target) else {
            return unknown;
        };
        let query = format!(
            "up{{job={},instance={}}}",
            marks::quoted(job),
            marks::quoted(instance)
        );
        let Ok(answer) = self.ask(&query, now).await else {
            return unknown;
        };
        match answer.samples.first() {
            None => "its target is not scraped any more",
            Some(up) if up.value > 0.0 => "its exporter is up, but does not export it any more",
            Some(_) => "its exporter does not answer (`up` is 0), which says nothing about the log",
        }
    }

    async fn ask(&self, query: &str, now: Timestamp) -> Result<Answer, LogFault> {
        let millis = now.as_millis().max(0);
        let time = format!("{}.{:03}", millis / 1_000, millis % 1_000);
        let parameters = [("query", query), ("time", &time), ("timeout", TIMEOUT)];
        let request = self
            .web
            .request_with(Method::GET, "/api/v1/query", &parameters);
        answer::read(&self.web.ask(request, now).await?, self.name)
    }
}

impl Store for Prometheus {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
        limit: Duration,
    ) -> BoxFuture<'a, Vec<Result<Reading, LogFault>>> {
        Box::pin(each(limit, subjects, move |subject| {
            self.newest(subject, now)
        }))
    }

    /// The canary is one number that grows: everything sent up to it was taken in.
    fn find<'a>(
        &'a self,
        monitor: &'a str,
        unseen: &'a [CanaryMark],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<u64>, LogFault>> {
        Box::pin(async move {
            let Some(oldest) = unseen.iter().map(|mark| mark.sent_at).min() else {
                return Ok(Vec::new());
            };
            let back = now.since(oldest).min(PAST_MAX) + CANARY_MARGIN;
            let query = format!(
                "last_over_time(hekate_canary_sent_timestamp_seconds{{monitor={}}}[{}s])",
                marks::quoted(monitor),
                back.as_secs(),
            );
            let answer = self.ask(&query, now).await?;
            let Some(taken_in) = newest(&answer.samples, now)? else {
                return Ok(Vec::new());
            };
            let seen = unseen.iter().filter(|mark| mark.sent_at <= taken_in);
            Ok(seen.map(|mark| mark.number).collect())
        })
    }

    /// How far the scrapes have come. The one in the middle, because a job that is scraped once in ten minutes is no lag.
    fn state(&self, now: Timestamp) -> BoxFuture<'_, Option<Statement>> {
        Box::pin(async move {
            let answer = self.ask("quantile(0.5, timestamp(up))", now).await.ok()?;
            let scraped = newest(&answer.samples, now).ok()??;
            let scraped = scraped.min(now);
            Some(Statement {
                complete_until: Some(scraped),
                drains_within: None,
                words: format!(
                    "its targets were last scraped {} ago",
                    span(now.since(scraped))
                ),
            })
        })
    }

    fn skew_ms(&self) -> Option<i64> {
        self.web.skew_ms()
    }
}

/// The last sample of each series over a time.
fn over_time(query: &str, back: Duration) -> String {
    let (query, seconds) = (query.trim(), back.as_secs());
    if is_selector(query) {
        return format!("last_over_time({query}[{seconds}s])");
    }
    // What is computed can only be looked at in steps; what lived for less than a step may lie between two of them. On
    // lines of its own: the query may end with a comment.
    let step = (back / 60).min(PAST_STEP).as_secs();
    format!("last_over_time((\n{query}\n)[{seconds}s:{step}s])")
}

/// Whether this is a name, or a name with matchers, and nothing else.
fn is_selector(query: &str) -> bool {
    let is_of_a_name =
        |character: char| character.is_ascii_alphanumeric() || "_:".contains(character);
    let rest = query.trim_start_matches(is_of_a_name);
    let matchers = rest
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    match matchers {
        Some(matchers) => !matchers.contains(['{', '}', '#']),
        None => rest.is_empty(),
    }
}

/// The newest of the times that can be believed; if there is none, why the first one cannot.
fn newest(samples: &[Sample], now: Timestamp) -> Result<Option<Timestamp>, LogFault> {
    let mut newest = None;
    let mut fault = None;
    for sample in samples {
        match number(sample.value, Unit::Seconds, now) {
            Ok(at) => newest = newest.max(Some(at)),
            Err(why) => {
                fault.get_or_insert(why);
            }
        }
    }
    match (newest, fault) {
        (None, Some(fault)) => Err(fault),
        (newest, _) => Ok(newest.flatten()),
    }
}

fn not_found(words: String) -> LogFault {
    LogFault::new(LogFaultKind::NotFound, words)
}

#[cfg(test)]
mod tests;
