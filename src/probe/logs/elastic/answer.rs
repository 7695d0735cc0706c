//! What Elasticsearch and OpenSearch answer: the newest times, whether all of the store took part, and errors.

use serde_json::Value;

use crate::model::{
    Timestamp,
    logs::{CanaryMark, LogFault, LogFaultKind, Reading},
    text::clean,
};
use crate::probe::logs::{FUTURE_MAX, canary, web::Answered};

/// The latest time that is taken for one, in milliseconds: the end of the year 9999.
const MILLIS_MAX: f64 = 253_402_300_799_999.0;

/// The name of a subject in question and answer.
pub(super) fn name(number: usize) -> String {
    format!("s{number}")
}

/// Why the answer is no good one; absent if it is.
pub(in crate::probe::logs) fn fault(answered: &Answered) -> Option<LogFault> {
    let general = answered.fault()?;
    let status = answered.status.as_u16();
    let Some(said) = answered.json().ok().filter(Value::is_object) else {
        return Some(general);
    };
    let error = &said["error"];
    // The root says "Failed to parse query [a AND]" where the whole only says "all shards failed".
    let causes = ["/root_cause/0", "/failed_shards/0/reason", "/caused_by", ""]
        .map(|place| error.pointer(place));
    let text = |key: &str| {
        causes
            .iter()
            .flatten()
            .find_map(|cause| cause[key].as_str())
            .or_else(|| error.as_str())
            .filter(|text| !text.is_empty())
    };
    let is = |word: &str| {
        causes
            .iter()
            .flatten()
            .any(|cause| cause["type"].as_str() == Some(word))
    };
    let kind = match status {
        _ if is("circuit_breaking_exception") || is("es_rejected_execution_exception") => {
            LogFaultKind::Overloaded
        }
        _ => general.kind,
    };
    let words = text("reason").or_else(|| text("type")).map_or_else(
        || general.words.clone(),
        |reason| format!("HTTP {status}: {}", clean(reason, 240)),
    );
    Some(LogFault::new(kind, words))
}

/// A reading for each subject, in their order.
pub(super) fn readings(
    said: &Value,
    count: usize,
    now: Timestamp,
) -> Result<Vec<Result<Reading, LogFault>>, LogFault> {
    let is_partial = is_partial(said)?;
    let buckets = said["aggregations"]["subjects"]["buckets"]
        .as_object()
        .ok_or_else(not_a_search)?;
    let reading = |number| {
        let bucket = buckets
            .get(&name(number))
            .ok_or_else(|| strange("it did not answer this"))?;
        reading(bucket, is_partial, now)
    };
    Ok((0..count).map(reading).collect())
}

fn reading(bucket: &Value, is_partial: bool, now: Timestamp) -> Result<Reading, LogFault> {
    let event = time(&bucket["event"])?;
    let ingest = time(&bucket["ingest"])?;
    let count = bucket["doc_count"]
        .as_u64()
        .ok_or_else(|| strange("it does not say how many lines it found"))?;
    if count > 0 && event.is_none() {
        return Err(strange("it found lines, but does not say of when"));
    }
    let until = now + FUTURE_MAX;
    let is_future = |at: Option<Timestamp>| at.is_some_and(|at| at > until);
    Ok(Reading {
        event: event.filter(|at| *at <= until),
        ingest: ingest.filter(|at| *at <= until),
        // A later line hides an earlier one, so what is not believed leaves the answer incomplete.
        is_partial: is_partial || is_future(event) || is_future(ingest),
    })
}

/// The newest time of an aggregation, in milliseconds as a double; `null` if nothing matched.
fn time(newest: &Value) -> Result<Option<Timestamp>, LogFault> {
    if newest.is_null() {
        return Ok(None);
    }
    let value = newest
        .get("value")
        .ok_or_else(|| strange("its newest time is not there"))?;
    if value.is_null() {
        return Ok(None);
    }
    value
        .as_f64()
        .filter(|millis| (0.0..=MILLIS_MAX).contains(millis))
        .map(|millis| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the range was looked at, and parts of a millisecond may go"
            )]
            let millis = millis as i64;
            Some(Timestamp::from_millis(millis))
        })
        .ok_or_else(|| {
            strange(&format!(
                "its newest time is no time: {}",
                clean(&value.to_string(), 60)
            ))
        })
}

/// Whether a part of the store did not take part.
fn is_partial(said: &Value) -> Result<bool, LogFault> {
    let timed_out = said["timed_out"].as_bool().ok_or_else(not_a_search)?;
    let shards = |key: &str| said["_shards"][key].as_u64();
    let (total, failed) = shards("total")
        .zip(shards("failed"))
        .ok_or_else(not_a_search)?;
    if total == 0 {
        return Err(LogFault::new(
            LogFaultKind::NotFound,
            "no index has this name",
        ));
    }
    // A cluster elsewhere that could not be asked is left out.
    let is_skipped = said["_clusters"]["skipped"]
        .as_u64()
        .is_some_and(|skipped| skipped > 0);
    Ok(timed_out || failed > 0 || is_skipped)
}

/// The numbers of the canaries among these that were found, each once, in their order.
pub(super) fn canaries(
    said: &Value,
    monitor: &str,
    marks: &[CanaryMark],
) -> Result<Vec<u64>, LogFault> {
    let hits = said["hits"]["hits"].as_array().ok_or_else(not_a_search)?;
    let all = |place: &'static str| -> Vec<&str> {
        let texts = hits.iter().map(|hit| hit.pointer(place)?.as_str());
        texts.flatten().collect()
    };
    let ids = [all("/_id"), all("/_source/hekate_canary")].concat();
    let lines = all("/_source/message");
    Ok(canary::seen(&ids, &lines, monitor, marks))
}

/// What the settings say about refreshing, for people; absent if every index has what is usual.
pub(super) fn refresh(said: &Value) -> Option<String> {
    let mut intervals: Vec<String> = said
        .as_object()?
        .values()
        .filter_map(|index| {
            let settings = &index["settings"];
            let interval = settings.get("index.refresh_interval");
            let interval = interval.or_else(|| settings.pointer("/index/refresh_interval"));
            interval?.as_str().map(|text| clean(text, 20))
        })
        .collect();
    intervals.sort_unstable();
    intervals.dedup();
    let is_never = |interval: &String| interval.starts_with('-');
    match &*intervals {
        [] => None,
        _ if intervals.iter().any(is_never) => {
            Some(String::from("an index of it does not refresh by itself"))
        }
        [one] => Some(format!("new lines can be found after {one}")),
        several => Some(format!(
            "new lines can be found after {}, depending on the index",
            several.join(" or ")
        )),
    }
}

fn not_a_search() -> LogFault {
    strange("its answer is not that of a search")
}

fn strange(words: &str) -> LogFault {
    LogFault::new(LogFaultKind::Unreachable, words)
}
