//! What `hekate store` shows of a store: whether the journal is whole, and everything that is in it as JSON Lines.

use std::{
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    Error,
    database::Database,
    journal::{self, Fault},
    schema::{Time, VERSION, v1},
};
use crate::model::Timestamp;

/// What was found in a journal.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Examined {
    /// Lines that are whole and follow each other.
    pub lines: usize,
    /// What is wrong, in the order of the files.
    pub faults: Vec<Fault>,
}

/// Checks number, hash and chain of every line of the journal in the store's folder. It only reads, and a running
/// hekate does not mind; a line that is being written at that moment looks torn.
///
/// # Errors
///
/// [`Error::Disk`] if the folder cannot be read; [`Error::Newer`] if a newer hekate wrote it.
pub fn verify_journal(folder: &Path) -> Result<Examined, Error> {
    let (lines, faults) = journal::verify(folder)?;
    Ok(Examined { lines, faults })
}

/// One line of an export.
#[derive(Serialize)]
struct Exported<'a> {
    v: u8,
    #[serde(flatten)]
    record: Record<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Record<'a> {
    /// The first line: what no other record says.
    Store(StoreLine),
    Check(&'a v1::Check),
    Incident(&'a v1::Incident),
    Entry(&'a v1::Entry),
    Planned(&'a v1::Planned),
    Lapse(&'a v1::Lapse),
    Attempt(&'a v1::Attempt),
    Release(&'a v1::Release),
    Living(&'a v1::Living),
    Transition(&'a v1::Transition),
    Latency(&'a v1::Latency),
}

/// What a store knows of itself.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct StoreLine {
    /// When something was written last.
    pub(super) at: Option<Time>,
    /// The highest number of an incident that was given out.
    pub(super) incidents: u64,
    /// The highest number of a plan that was given out.
    pub(super) plans: u64,
}

/// How many records are read at once.
const PAGE: usize = 500;

impl Database {
    /// Writes everything the store holds as JSON Lines: what it knows of itself, memories, outbox, plans, lapses, attempts, living messages, releases, incidents, transitions, latencies. Each line has the
    /// version of its format in `v` and its record under the name of its kind; gives back how many lines there are.
    ///
    /// # Errors
    ///
    /// What the disk or sled reports, or what writing reports.
    pub fn export(&self, out: &mut dyn Write) -> Result<u64, Error> {
        let mut lines = 0;
        let mut write = |record: Record<'_>| -> Result<(), Error> {
            let line = Exported { v: VERSION, record };
            serde_json::to_writer(&mut *out, &line)
                .map_err(io::Error::from)
                .and_then(|()| out.write_all(b"\n"))
                .map_err(Error::disk("write", "the export"))?;
            lines += 1;
            Ok(())
        };
        write(Record::Store(StoreLine {
            at: self.live.last_at,
            incidents: self.live.last_incident,
            plans: self.live.last_plan,
        }))?;
        for check in self.live.checks.values() {
            write(Record::Check(check))?;
        }
        for entry in self.live.outbox.values() {
            write(Record::Entry(entry))?;
        }
        // What has ended comes first, so that whoever reads it again ends nothing that goes on.
        for planned in &self.door.ended_since(Timestamp::from_millis(i64::MIN))? {
            write(Record::Planned(planned))?;
        }
        for planned in self.live.planned.values() {
            write(Record::Planned(planned))?;
        }
        for lapse in self.live.lapses.values() {
            write(Record::Lapse(lapse))?;
        }
        for attempt in self.live.attempts.values() {
            write(Record::Attempt(attempt))?;
        }
        for living in self.live.living.values() {
            write(Record::Living(living))?;
        }
        for release in self.live.releases.values() {
            write(Record::Release(release))?;
        }
        let door = &self.door;
        let mut number = 0;
        loop {
            let page = door.incidents_from(number, PAGE)?;
            for incident in &page {
                write(Record::Incident(incident))?;
            }
            match page.last() {
                Some(last) if page.len() == PAGE => number = last.number + 1,
                _ => break,
            }
        }
        let mut from = Vec::new();
        loop {
            let (page, next) = door.transitions_from(from, PAGE)?;
            for transition in &page {
                write(Record::Transition(transition))?;
            }
            match next {
                Some(next) => from = next,
                None => break,
            }
        }
        self.each_latency(|block| write(Record::Latency(block)))?;
        Ok(lines)
    }
}
