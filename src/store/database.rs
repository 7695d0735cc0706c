//! The store itself: one commit is one line of the journal and one transaction of sled, or nothing.

use std::{collections::BTreeSet, fmt, sync::Arc};

use super::{
    Error, Notice,
    folder::Folder,
    journal::{self, Content, Journal, Position},
    keys,
    latency::{rename_latencies, roll_up},
    live::{Live, LivingKey, rename_in, rename_of, rename_one},
    reader::Reader,
    recovery,
    schema::{Time, encode, v1},
    vault::{Changes, Door, Vault},
};
use crate::model::{Batch, Loaded, Timestamp, living::LIVING_MAX, plan::StoreSettings};

/// How many records one call of [`Database::sweep`] takes away at most.
const SWEEP_MAX: usize = 500;

/// The store, opened and locked. Every call waits for the disk.
///
/// After an error of [`commit`](Self::commit) nobody knows what is on the disk, so it answers [`Error::Closed`] until it
/// is dropped and opened again.
pub struct Database {
    // The order is the order of closing: the lock goes last.
    pub(super) vault: Option<Vault>,
    pub(super) journal: Journal,
    pub(super) door: Door,
    pub(super) live: Live,
    /// As it stands in sled.
    pub(super) meta: v1::Meta,
    pub(super) settings: StoreSettings,
    pub(super) is_failed: bool,
    pub(super) swept: Swept,
    pub(super) folder: Arc<Folder>,
}

/// Not what is in it, which is much.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.settings.path)
            .field("number", &self.journal.last().number)
            .field("is_failed", &self.is_failed)
            .finish_non_exhaustive()
    }
}

/// How far the sweep has come.
#[derive(Clone, Default, Debug)]
pub(super) struct Swept {
    transitions: Vec<u8>,
    incidents: u64,
}

/// What one call of [`Database::sweep`] took away.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Removed {
    /// Transitions.
    pub transitions: usize,
    /// Closed incidents.
    pub incidents: usize,
    /// Plans of people that had ended.
    pub plans: usize,
    /// Blocks of latencies: hours that became part of their day, and days.
    pub latencies: usize,
    /// Whether everything was looked at once; if not, call again soon.
    pub is_complete: bool,
}

impl Database {
    /// Opens the store in the folder of the settings, makes it if there is none, and repairs it if it can be repaired:
    /// what it did is told in the notices, each once.
    ///
    /// sled that cannot be used is set aside and filled again from the journal; live state (memories, open incidents,
    /// the outbox) is then whole, and of the history what the journal still has.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] if another process works with the folder; [`Error::Newer`] if a newer hekate wrote it;
    /// [`Error::Disk`] if the disk is full, read-only or does not answer: [`peek`](Self::peek) may then still read it.
    pub fn open(
        settings: &StoreSettings,
        now: Timestamp,
    ) -> Result<(Self, Loaded, Vec<Notice>), Error> {
        Self::open_behind(settings, now, Door::default())
    }

    /// As [`open`](Self::open), for readers that look through this door already.
    pub(super) fn open_behind(
        settings: &StoreSettings,
        now: Timestamp,
        door: Door,
    ) -> Result<(Self, Loaded, Vec<Notice>), Error> {
        let (database, notices) = recovery::open(settings, now, door)?;
        let loaded = database.live.to_loaded();
        Ok((database, loaded, notices))
    }

    /// What the journal says should be known at the start, without writing anything: for a disk that can be read only.
    /// Empty if there is nothing to read.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`] if it cannot be read; [`Error::Newer`] if a newer hekate wrote it.
    pub fn peek(settings: &StoreSettings) -> Result<Loaded, Error> {
        let reading = journal::read(&settings.path)?;
        Ok(reading.live.unwrap_or_default().to_loaded())
    }

    /// Writes these batches in their order, all or none, and returns when they would outlive a loss of power.
    ///
    /// Within a batch renames come first, then what is forgotten, then what is written, then what is finished. Empty
    /// batches are skipped. Writing a batch again changes nothing but the journal.
    ///
    /// # Errors
    ///
    /// Whatever the disk or sled reports. It is then not known whether they are written; see [`Database`].
    pub fn commit(&mut self, batches: &[Arc<Batch>]) -> Result<(), Error> {
        if self.is_failed {
            return Err(Error::Closed);
        }
        let batches: Vec<_> = batches
            .iter()
            .filter(|batch| !batch.is_empty())
            .map(|batch| v1::Batch::of(batch))
            .collect();
        let result = self.write(&batches);
        if let Err(error) = &result {
            self.is_failed = true;
            if error.is_full() {
                self.folder.free_ballast();
            }
        }
        result
    }

    /// Whatever was committed after this line, as the journal has it on the disk.
    pub(super) fn committed_after(&self, number: u64) -> Result<Vec<v1::Batch>, Error> {
        let lines = journal::read_all(self.folder.path())?;
        let later = lines
            .into_iter()
            .filter(|line| line.position.number > number);
        Ok(later
            .filter_map(|line| match line.content {
                Content::Batch(batch) => Some(*batch),
                Content::Checkpoint(_) => None,
            })
            .collect())
    }

    /// About how many records there are; a few kinds are not counted.
    pub(super) const fn count(&self) -> u64 {
        let meta = &self.meta;
        1 + meta.checks
            + meta.transitions
            + meta.incidents
            + meta.outbox
            + meta.planned
            + meta.lapses
    }

    /// The number of the last line of the journal.
    pub(super) const fn sequence(&self) -> u64 {
        self.journal.last().number
    }

    pub(super) fn write(&mut self, batches: &[v1::Batch]) -> Result<(), Error> {
        let Some(last) = batches.last() else {
            return Ok(());
        };
        let positions = self.journal.append(batches)?;
        let numbered: Vec<_> = batches.iter().zip(positions).collect();
        self.write_to_sled(&numbered)?;
        if self.journal.is_due()
            && let Err(error) = self.journal.rotate(&self.live, last.at.0)
        {
            // What was asked for is written; the old file goes on until there is room for a new one.
            tracing::warn!(%error, "the journal cannot begin a new file");
        }
        Ok(())
    }

    /// Brings sled and the live state to what these lines of the journal say.
    pub(super) fn write_to_sled(
        &mut self,
        batches: &[(&v1::Batch, Position)],
    ) -> Result<(), Error> {
        let mut changes = Changes::default();
        let mut written = None;
        for (batch, position) in batches {
            // The history that a rename moves has to be in sled before it.
            if !batch.renamed.is_empty()
                && let Some(at) = written.take()
            {
                self.put(std::mem::take(&mut changes), at)?;
            }
            self.collect(batch, &mut changes)?;
            written = Some(*position);
        }
        written.map_or(Ok(()), |at| self.put(changes, at))
    }

    /// One transaction of sled.
    pub(super) fn put(&mut self, changes: Changes, at: Position) -> Result<(), Error> {
        let before = v1::Meta {
            number: at.number,
            hash: at.hash,
            last_incident: self.live.last_incident,
            last_plan: self.live.last_plan,
            last_at: self.live.last_at,
            ..self.meta.clone()
        };
        if let Some(vault) = &self.vault {
            self.meta = vault.write(before, changes)?;
        }
        Ok(())
    }

    /// What this batch changes in sled; the live state is changed on the way.
    fn collect(&mut self, batch: &v1::Batch, changes: &mut Changes) -> Result<(), Error> {
        if !batch.renamed.is_empty() {
            self.move_history(batch.at, &batch.renamed, changes)?;
        }
        let mut touched: BTreeSet<&str> = batch.forgotten.iter().map(String::as_str).collect();
        for (old, new) in &batch.renamed {
            touched.extend([old.as_str(), new.as_str()]);
        }
        let of_touched = |live: &Live| -> Vec<v1::CheckId> {
            // The usual batch moves and forgets nothing, and looking for what it touches would cost as much as the fleet
            // is large.
            if touched.is_empty() {
                return Vec::new();
            }
            let checks = live.checks.keys();
            checks
                .filter(|check| touched.contains(check.target.as_str()))
                .cloned()
                .collect()
        };
        let mut checks = of_touched(&self.live);
        // A new lapse may make the oldest go.
        let lapses = if batch.lapses.is_empty() {
            Vec::new()
        } else {
            let new = batch.lapses.iter().map(|lapse| (lapse.from, lapse.kind));
            let known = self.live.lapses.keys().take(batch.lapses.len());
            new.chain(known.copied()).collect()
        };
        let living = self.touched_living(batch);
        self.apply(batch, changes);
        for key in living {
            let value = self.live.living.get(&key).map(encode);
            changes.living.insert(keys::living(&key), value);
        }
        for key @ (from, kind) in lapses {
            let value = self.live.lapses.get(&key).map(encode);
            changes.lapses.insert(keys::lapse(from.0, kind), value);
        }
        checks.extend(of_touched(&self.live));
        checks.extend(batch.checks.iter().map(|check| check.check.clone()));
        for check in checks {
            let value = self.live.checks.get(&check).map(encode);
            changes.checks.insert(keys::check(&check), value);
        }
        for transition in &batch.transitions {
            let key = keys::transition(transition);
            changes.transitions.insert(key, Some(encode(transition)));
        }
        for incident in &batch.incidents {
            let key = keys::incident(incident.number).to_vec();
            changes.incidents.insert(key, Some(encode(incident)));
        }
        let entries = batch.entries.iter().map(|entry| &entry.key);
        let finished = batch.finished.iter().map(|finished| &finished.key);
        for key in entries.chain(finished) {
            let value = self.live.outbox.get(key).map(encode);
            changes.outbox.insert(keys::entry(key), value);
        }
        for planned in &batch.planned {
            let number = planned.id.number;
            let value = self.live.planned.get(&number).map(encode);
            changes
                .planned
                .insert(keys::planned(number).to_vec(), value);
            if let Some((key, value)) = ended(planned) {
                changes.ended.insert(key, Some(value));
            }
        }
        Ok(())
    }

    /// Applies the batch to the live state, and collects what that changes of the attempts and releases that are kept: a new one may
    /// make the oldest go.
    fn apply(&mut self, batch: &v1::Batch, changes: &mut Changes) {
        let before: Vec<u64> = if batch.attempts.is_empty() {
            Vec::new()
        } else {
            self.live.attempts.keys().copied().collect()
        };
        let releases: Vec<u64> = if batch.releases.is_empty() {
            Vec::new()
        } else {
            self.live.releases.keys().copied().collect()
        };
        self.live.apply(batch);
        let written = batch.attempts.iter().map(|attempt| attempt.id);
        let gone = before
            .into_iter()
            .filter(|number| !self.live.attempts.contains_key(number));
        for number in written.chain(gone) {
            let value = self.live.attempts.get(&number).map(encode);
            let key = keys::attempt(number).to_vec();
            changes.attempts.insert(key, value);
        }
        let written = batch.releases.iter().map(|release| release.id);
        let gone = releases
            .into_iter()
            .filter(|number| !self.live.releases.contains_key(number));
        for number in written.chain(gone) {
            let value = self.live.releases.get(&number).map(encode);
            changes
                .releases
                .insert(keys::release(number).to_vec(), value);
        }
    }

    /// The living messages that this batch may change.
    fn touched_living(&self, batch: &v1::Batch) -> BTreeSet<LivingKey> {
        let keys = batch.living.iter();
        let mut touched: BTreeSet<_> = keys
            .map(|living| (living.incident.clone(), living.channel.clone()))
            .collect();
        // New ones may make the oldest go.
        if self.live.living.len() + touched.len() > LIVING_MAX {
            touched.extend(self.live.living.keys().cloned());
        }
        touched
    }

    /// Moves transitions, incidents, plans that have ended and latencies of targets to their new names.
    fn move_history(
        &self,
        at: Time,
        renamed: &[(String, String)],
        changes: &mut Changes,
    ) -> Result<(), Error> {
        let Some(vault) = &self.vault else {
            return Ok(());
        };
        let is_renamed = |check: &&v1::CheckId| renamed.iter().any(|(old, _)| *old == check.target);
        let checks: Vec<_> = self
            .live
            .checks
            .keys()
            .filter(is_renamed)
            .cloned()
            .collect();
        let (now, kept) = (at.0, self.settings.retention);
        let latencies = rename_latencies(vault.door(), &checks, renamed, now, kept)?;
        changes.latencies.extend(latencies);
        let beginning = Timestamp::from_millis(i64::MIN);
        let mut moved = Vec::new();
        for (old, _) in renamed {
            moved.extend(vault.door().transitions(old, beginning, usize::MAX)?);
        }
        for transition in &moved {
            changes
                .transitions
                .insert(keys::transition(transition), None);
        }
        for mut transition in moved {
            rename_one(&mut transition.check.target, renamed);
            let key = keys::transition(&transition);
            changes.transitions.insert(key, Some(encode(&transition)));
        }
        let names: Vec<_> = renamed.iter().map(|(old, _)| old.clone()).collect();
        let is_about = move |incident: &v1::Incident| {
            incident.targets.iter().any(|target| names.contains(target))
        };
        for mut incident in vault.door().incidents(usize::MAX, is_about)? {
            rename_in(&mut incident, renamed);
            let key = keys::incident(incident.number).to_vec();
            changes.incidents.insert(key, Some(encode(&incident)));
        }
        for mut planned in vault.door().ended_since(beginning)? {
            if rename_of(&mut planned, renamed)
                && let Some((key, value)) = ended(&planned)
            {
                changes.ended.insert(key, Some(value));
            }
        }
        Ok(())
    }

    /// A way to read history from other threads.
    pub fn reader(&self) -> Reader {
        Reader::new(self.door.clone())
    }

    /// Takes away transitions, closed incidents, plans that ended and latencies, all older than the retention of the settings, and
    /// makes days of the older hours of latencies; at most a
    /// few hundred records of each a call, going on where the last call ended. Looks after the ballast as well.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn sweep(&mut self, now: Timestamp) -> Result<Removed, Error> {
        if self.is_failed {
            return Err(Error::Closed);
        }
        self.folder.keep_ballast();
        let Some(vault) = &self.vault else {
            return Ok(Removed {
                is_complete: true,
                ..Removed::default()
            });
        };
        let cutoff = now - self.settings.retention;
        let door = vault.door();
        let from = self.swept.transitions.clone();
        let (old, next) = door.retired(from, cutoff, SWEEP_MAX)?;
        let incidents = door.incidents_from(self.swept.incidents, SWEEP_MAX)?;
        let next_incident = (incidents.len() == SWEEP_MAX)
            .then(|| incidents.last().map(|incident| incident.number + 1))
            .flatten();
        let mut changes = Changes::default();
        changes
            .transitions
            .extend(old.into_iter().map(|key| (key, None)));
        for incident in incidents {
            if incident.closed_at.is_some_and(|at| at.0 < cutoff) {
                let key = keys::incident(incident.number).to_vec();
                changes.incidents.insert(key, None);
            }
        }
        let plans = door.ended_before(cutoff, SWEEP_MAX)?;
        let is_all_rolled_up = roll_up(door, now, self.settings.retention, &mut changes.latencies)?;
        let is_complete = next.is_none()
            && next_incident.is_none()
            && plans.len() < SWEEP_MAX
            && is_all_rolled_up;
        changes
            .ended
            .extend(plans.into_iter().map(|key| (key, None)));
        let removed = Removed {
            transitions: changes.transitions.len(),
            incidents: changes.incidents.len(),
            plans: changes.ended.len(),
            latencies: changes
                .latencies
                .values()
                .filter(|value| value.is_none())
                .count(),
            is_complete,
        };
        self.swept = Swept {
            transitions: next.unwrap_or_default(),
            incidents: next_incident.unwrap_or(0),
        };
        if changes.len() > 0 {
            self.meta.swept_before = self.meta.swept_before.max(Some(Time(cutoff)));
            let at = Position {
                number: self.meta.number,
                hash: self.meta.hash,
            };
            let result = self.put(changes, at);
            self.is_failed = result.is_err();
            result?;
        }
        Ok(removed)
    }

    /// How many bytes the folder takes, with the journal, the ballast and what was set aside.
    pub fn size_bytes(&self) -> u64 {
        self.folder.size_bytes()
    }
}

/// The key and the record of a plan that has ended; absent of one that has not.
pub(super) fn ended(planned: &v1::Planned) -> Option<(Vec<u8>, Vec<u8>)> {
    let at = planned.ended_at()?;
    Some((keys::ended(at.0, planned.id.number), encode(planned)))
}
