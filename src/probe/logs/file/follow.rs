//! Following one path through growth, cutting and rotation.

use std::{fs::File, io, os::unix::fs::MetadataExt as _, sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    model::{
        Timestamp,
        logs::{LogFault, LogFaultKind, Reading},
    },
    probe::logs::FUTURE_MAX,
};

use super::{
    place::{self, FileId, Found},
    stamp::Frame,
    window::Window,
};

/// So much of the end of a file is read for times.
const TAIL: usize = 64 * 1024;
/// So many files that were at the path before are followed as well.
const FORMER_MAX: usize = 2;

/// What holds for all files of a source.
pub(super) struct Rules {
    /// Of times that say no zone.
    pub(super) zone: chrono_tz::Tz,
    /// For how long a missing file is a rotation.
    pub(super) rotation_grace: Duration,
    /// How many more files may be kept open between looks.
    pub(super) kept_open: Arc<Semaphore>,
}

/// What is known of one path.
#[derive(Default)]
pub(super) struct Followed {
    current: Option<Tracked>,
    /// What was at the path before, newest first: after a rename an application may go on writing there.
    former: Vec<Tracked>,
    newest: Option<Timestamp>,
    grown_at: Option<Timestamp>,
    looked_at: Option<Timestamp>,
    present_at: Option<Timestamp>,
}

/// One file, by whatever name.
struct Tracked {
    id: FileId,
    /// Open while it is looked at, and in between if there is a permit for it.
    file: Option<File>,
    permit: Option<OwnedSemaphorePermit>,
    seen: Option<Seen>,
    has_lines: bool,
    has_grown: bool,
    /// When it grew last, or was found.
    moved_at: Timestamp,
}

/// How a file was at the last look.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    size: u64,
    modified: (i64, i64),
    digest: u64,
}

/// What one look at one file brought.
#[derive(Clone, Copy, Default)]
struct News {
    event: Option<Timestamp>,
    grown_at: Option<Timestamp>,
}

/// What became of a file since the last look.
enum Change {
    /// Nobody looked before.
    First,
    /// Longer than so many bytes.
    Grown(u64),
    /// Shorter: it was cut, and what it holds may be old or new.
    Cut,
    /// As long, with other content.
    Rewritten,
}

impl Followed {
    /// Looks at the path.
    ///
    /// The time of its newest line is the first of these that there is: the newest time written in what is new, else the
    /// time at which something new was written, else, at the first look, the time of the file's last change.
    pub(super) fn look(
        &mut self,
        query: &str,
        lookback: Duration,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Reading, LogFault> {
        self.forget_the_future(now);
        let is_there = match place::find(query)? {
            Some(found) => self.turn_to(&found, now)?,
            None => false,
        };
        self.observe(lookback, rules, now)?;
        self.looked_at = Some(now);
        if is_there {
            self.present_at = Some(now);
        }
        match self.present_at {
            Some(at) if now.since(at) <= rules.rotation_grace || is_there => Ok(self.reading(now)),
            Some(_) | None => Err(LogFault::new(
                LogFaultKind::NotFound,
                "there is no such file",
            )),
        }
    }

    /// The ends of the file and of those before it.
    pub(super) fn tails(&self, most: usize) -> Vec<Vec<u8>> {
        let files = self.current.iter().chain(&self.former);
        files
            .filter_map(|tracked| {
                let file = tracked.file.as_ref()?;
                let size = file.metadata().ok()?.len();
                Some(Window::read(file, size, most).ok()?.into_bytes())
            })
            .collect()
    }

    fn reading(&self, now: Timestamp) -> Reading {
        Reading {
            event: self.newest.map(|at| at.min(now)),
            ingest: self.grown_at.map(|at| at.min(now)),
            is_partial: false,
        }
    }

    /// After the clock was set back, what was known lies in the future; then everything is looked at anew.
    fn forget_the_future(&mut self, now: Timestamp) {
        if self.newest.max(self.grown_at) <= Some(now + FUTURE_MAX) {
            return;
        }
        (self.newest, self.grown_at) = (None, None);
        for tracked in self.current.iter_mut().chain(&mut self.former) {
            tracked.seen = None;
        }
    }

    /// Makes the file at the path the current one; whether it was still there.
    fn turn_to(&mut self, found: &Found, now: Timestamp) -> Result<bool, LogFault> {
        if let Some(current) = &self.current
            && current.id == found.id
            && current.file.is_some()
        {
            return Ok(true);
        }
        let Some((file, id)) = place::open(&found.path)? else {
            return Ok(false);
        };
        if let Some(current) = &mut self.current
            && current.id == id
        {
            current.file = Some(file);
            return Ok(true);
        }
        let known = self.former.iter().position(|former| former.id == id);
        let mut next = match known {
            Some(at) => self.former.remove(at),
            None => Tracked::new(id, now),
        };
        next.file = Some(file);
        let before = self.current.replace(next);
        if let Some(before) = before.filter(|before| before.file.is_some()) {
            self.former.insert(0, before);
            self.former.truncate(FORMER_MAX);
        }
        Ok(true)
    }

    fn observe(
        &mut self,
        lookback: Duration,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<(), LogFault> {
        let mut failure = None;
        let mut news = Vec::with_capacity(1 + FORMER_MAX);
        if let Some(current) = &mut self.current {
            match current.observe(self.looked_at, rules.zone, now) {
                Ok(brought) => news.push(brought),
                Err(error) => {
                    // A handle can grow stale on a network file system; the path is opened again next time.
                    current.file = None;
                    current.permit = None;
                    failure = Some(place::fault(&error));
                }
            }
        }
        let has_lines = self
            .current
            .as_ref()
            .is_some_and(|current| current.has_lines);
        let looked_at = self.looked_at;
        self.former.retain_mut(|former| {
            let Ok(brought) = former.observe(looked_at, rules.zone, now) else {
                return false;
            };
            news.push(brought);
            former.has_grown || (!has_lines && now.since(former.moved_at) <= lookback)
        });
        for brought in news {
            self.newest = self.newest.max(brought.event);
            self.grown_at = self.grown_at.max(brought.grown_at);
        }
        for tracked in self.current.iter_mut().chain(&mut self.former) {
            tracked.keep(&rules.kept_open);
        }
        failure.map_or(Ok(()), Err)
    }
}

impl Tracked {
    const fn new(id: FileId, now: Timestamp) -> Self {
        Self {
            id,
            file: None,
            permit: None,
            seen: None,
            has_lines: false,
            has_grown: false,
            moved_at: now,
        }
    }

    /// Keeps the file open if there is room, else closes it.
    fn keep(&mut self, room: &Arc<Semaphore>) {
        if self.file.is_some() && self.permit.is_none() {
            self.permit = Arc::clone(room).try_acquire_owned().ok();
            if self.permit.is_none() {
                self.file = None;
            }
        }
    }

    fn observe(
        &mut self,
        looked_at: Option<Timestamp>,
        zone: chrono_tz::Tz,
        now: Timestamp,
    ) -> io::Result<News> {
        self.has_grown = false;
        let Some(file) = &self.file else {
            return Ok(News::default());
        };
        let metadata = file.metadata()?;
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        let size = metadata.len();
        if let Some(seen) = self.seen
            && (seen.size, seen.modified) == (size, modified)
        {
            return Ok(News::default());
        }
        let window = Window::read(file, size, TAIL)?;
        let digest = window.digest();
        let change = match self.seen {
            None => Some(Change::First),
            Some(seen) if size > seen.size => Some(Change::Grown(seen.size)),
            Some(seen) if size < seen.size => Some(Change::Cut),
            Some(seen) if digest != seen.digest => Some(Change::Rewritten),
            Some(_) => None,
        };
        self.seen = Some(Seen {
            size,
            modified,
            digest,
        });
        let modified = millis(modified);
        let Some(change) = change else {
            return Ok(News::default());
        };
        Ok(self.weigh(&change, &window, modified, looked_at, zone, now))
    }

    fn weigh(
        &mut self,
        change: &Change,
        window: &Window,
        modified: Timestamp,
        looked_at: Option<Timestamp>,
        zone: chrono_tz::Tz,
        now: Timestamp,
    ) -> News {
        let from = match change {
            Change::Grown(size) => *size,
            Change::First | Change::Cut | Change::Rewritten => 0,
        };
        let has_content = window.has_content(from);
        self.has_lines = has_content || (self.has_lines && !matches!(change, Change::Cut));
        if !has_content {
            return News::default();
        }
        let frame = Frame {
            zone,
            now,
            modified,
        };
        let stamp = window.newest(from, &frame);
        // It was written between the last look and now, whatever the clock of a file server says.
        let written_at = modified.max(looked_at.unwrap_or(modified)).min(now);
        match change {
            Change::First => News {
                event: stamp.or(Some(modified).filter(|at| *at <= now + FUTURE_MAX)),
                grown_at: None,
            },
            Change::Cut => News {
                event: stamp,
                grown_at: None,
            },
            Change::Grown(_) | Change::Rewritten => {
                self.has_grown = true;
                self.moved_at = now;
                News {
                    event: stamp.or(Some(written_at)),
                    grown_at: Some(written_at),
                }
            }
        }
    }
}

fn millis((seconds, nanos): (i64, i64)) -> Timestamp {
    Timestamp::from_millis(
        seconds
            .saturating_mul(1_000)
            .saturating_add(nanos / 1_000_000),
    )
}
