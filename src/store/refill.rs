//! An export as a store again.

use std::io::BufRead;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    Database, Error,
    examine::StoreLine,
    schema::{Time, VERSION, v1},
    vault::Changes,
};
use crate::model::Timestamp;

/// So many records go into one commit.
const AT_ONCE: usize = 500;
/// The longest line that is read, in bytes; a record has some thousand at most.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

impl Database {
    /// Takes over what [`export`](Self::export) wrote, into a store that is empty; gives back how many records there were.
    /// `now` is when it is done, for exports that do not say when they were made.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] for a line that is none of an export; [`Error::Newer`] if a newer hekate wrote it; what the disk or sled
    /// reports. What came before that line is in the store then, which is better thrown away.
    pub fn import(&mut self, input: &mut dyn BufRead, now: Timestamp) -> Result<u64, Error> {
        let mut last = StoreLine {
            at: Some(Time(now)),
            incidents: 0,
            plans: 0,
        };
        let mut batch = empty(now);
        let (mut count, mut pending) = (0_u64, 0);
        let mut latencies = Vec::new();
        let mut line = Vec::new();
        while read_line(input, &mut line)? {
            count += 1;
            let damaged = |why: String| Error::Damaged {
                what: "the export",
                why: format!("line {count}: {why}"),
            };
            if let Some(store) = take(&line, &mut batch, &mut latencies, damaged)? {
                last = store;
                batch.at = store.at.unwrap_or(Time(now));
                continue;
            }
            if latencies.len() == AT_ONCE {
                self.add_latencies(std::mem::take(&mut latencies))?;
            }
            pending += 1;
            if pending == AT_ONCE {
                let at = batch.at;
                self.write(&[std::mem::replace(&mut batch, empty(at.0))])?;
                pending = 0;
            }
        }
        if pending > 0 {
            self.write(&[batch])?;
        }
        self.add_latencies(latencies)?;
        self.live.last_incident = self.live.last_incident.max(last.incidents);
        self.live.last_plan = self.live.last_plan.max(last.plans);
        let at = last.at.unwrap_or(Time(now));
        self.live.last_at = Some(at);
        // The numbers are in no batch, so the journal has to say them by a checkpoint.
        self.journal.rotate(&self.live, at.0)?;
        let end = self.journal.last();
        self.put(Changes::default(), end)?;
        Ok(count)
    }
}

fn empty(at: Timestamp) -> v1::Batch {
    v1::Batch::of(&crate::model::Batch::new(at))
}

/// The next line without its end; whether there is one.
fn read_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<bool, Error> {
    line.clear();
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    let read = std::io::Read::take(&mut *input, limit)
        .read_until(b'\n', line)
        .map_err(Error::disk("read", "the export"))?;
    Ok(read > 0)
}

fn record<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// Puts one record into the batch; gives it back if it is about the store itself.
fn take(
    line: &[u8],
    batch: &mut v1::Batch,
    latencies: &mut Vec<v1::Latency>,
    damaged: impl Fn(String) -> Error,
) -> Result<Option<StoreLine>, Error> {
    let mut map: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
    let version = map.remove("v").and_then(|version| version.as_u64());
    match version.and_then(|version| u8::try_from(version).ok()) {
        Some(VERSION) => {}
        Some(found) if found > VERSION => {
            let what = "a line of the export";
            return Err(Error::Newer { what, found });
        }
        Some(_) | None => return Err(damaged(String::from("it says no version that there was"))),
    }
    let mut records = map.into_iter();
    let (Some((kind, value)), None) = (records.next(), records.next()) else {
        return Err(damaged(String::from("it has to have one record")));
    };
    let taken = match kind.as_str() {
        "store" => return record(value).map(Some).map_err(damaged),
        "check" => record(value).map(|it| batch.checks.push(it)),
        "incident" => record(value).map(|it| batch.incidents.push(it)),
        "entry" => record(value).map(|it| batch.entries.push(it)),
        "planned" => record(value).map(|it| batch.planned.push(it)),
        "lapse" => record(value).map(|it| batch.lapses.push(it)),
        "attempt" => record(value).map(|it| batch.attempts.push(it)),
        "living" => record(value).map(|it| batch.living.push(it)),
        "release" => record(value).map(|it| batch.releases.push(it)),
        "transition" => record(value).map(|it| batch.transitions.push(it)),
        "latency" => record(value).map(|it| latencies.push(it)),
        _ => Err(String::from("it is of a kind that there is not")),
    };
    taken.map_err(damaged)?;
    Ok(None)
}
