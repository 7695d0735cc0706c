//! The only file that names sled. Everything that sled does is done in here, guarded.
//!
//! sled 0.34.7 may panic on damaged files, and then one of its own threads may be gone and callers wait for ever. So
//! every call runs on a thread of its own that catches panics, and the caller waits for a limited time. A thread that
//! does not come back is left behind with the files it holds; whoever opens the store next sets them aside. What no
//! thread can catch (an abort, being killed for its memory) is caught by [`Folder`](super::folder::Folder): it counts
//! the openings that did not come back, and after a few of them the files are set aside unopened.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sled::{
    Transactional,
    transaction::{ConflictableTransactionError, TransactionError, TransactionalTree},
};

use super::{
    Error,
    folder::sync_folder,
    guarded::guarded,
    keys,
    live::Live,
    schema::{Form as _, decode, encode, v1},
};
use crate::{judge::sli::Turn, model::Timestamp};

/// How long opening may take. A store of 1.4 GB, twenty times the usual, was measured at 5 s on a slow machine.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// How long any other call may take; a disk that needs longer is as good as none.
const CALL_LIMIT: Duration = Duration::from_secs(20);
/// sled's cache, in bytes. sled uses several times as much memory as this says.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// sled's trees, opened.
struct Trees {
    db: sled::Db,
    meta: sled::Tree,
    checks: sled::Tree,
    transitions: sled::Tree,
    incidents: sled::Tree,
    outbox: sled::Tree,
    planned: sled::Tree,
    ended: sled::Tree,
    lapses: sled::Tree,
    attempts: sled::Tree,
    living: sled::Tree,
    releases: sled::Tree,
    latencies: sled::Tree,
}

/// How many records [`Door::page`] gives at once.
const PAGE: usize = 1_000;

/// The key of the one record in the tree `meta`.
const META: &[u8] = b"meta";

/// Some records, and the key to go on from if these are not the last.
pub(super) type Page<T> = (Vec<T>, Option<Vec<u8>>);

/// A block of latencies with its key; absent if it cannot be read.
pub(super) type Block = (Vec<u8>, Option<v1::Latency>);

/// Keys and values as they lie in sled.
pub(super) type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// The trees that hold the past.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Past {
    Transitions,
    Incidents,
    /// Plans of people that have ended.
    Ended,
    /// How long answers took.
    Latencies,
}

/// From where a tree is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    First,
    Last,
}

/// What one transaction writes and takes away, by key.
#[derive(Clone, Default, Debug)]
pub(super) struct Changes {
    pub(super) checks: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) transitions: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) incidents: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) outbox: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) planned: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) ended: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) lapses: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) attempts: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) living: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) releases: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) latencies: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Changes {
    /// How many records it touches.
    pub(super) fn len(&self) -> usize {
        [
            &self.checks,
            &self.transitions,
            &self.incidents,
            &self.outbox,
            &self.planned,
            &self.ended,
            &self.lapses,
            &self.attempts,
            &self.living,
            &self.releases,
            &self.latencies,
        ]
        .map(BTreeMap::len)
        .iter()
        .sum()
    }
}

/// A way to sled's trees that several threads can share; empty once the store is closed.
#[derive(Clone, Default)]
pub(super) struct Door(Arc<Mutex<Option<Arc<Trees>>>>);

/// sled's own form of itself is everything that is in it.
impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.trees().is_ok() {
            "open"
        } else {
            "closed"
        })
    }
}

impl Door {
    fn trees(&self) -> Result<Arc<Trees>, Error> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or(Error::Closed)
    }

    fn set(&self, trees: Option<Arc<Trees>>) -> Option<Arc<Trees>> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, trees)
    }

    fn call<T, F>(&self, doing: &'static str, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Trees) -> Result<T, Error> + Send + 'static,
    {
        let trees = self.trees()?;
        guarded(doing, CALL_LIMIT, move || work(&trees))
    }

    /// The names of all trees that there are, also of those that only a newer version knows.
    pub(super) fn tree_names(&self) -> Result<Vec<Vec<u8>>, Error> {
        self.call("read", |trees| {
            let names = trees.db.tree_names();
            Ok(names.into_iter().map(|name| name.to_vec()).collect())
        })
    }

    /// The next records of a tree as they lie in it, after this key or from its beginning; none if there are no more.
    pub(super) fn page(&self, tree: &[u8], after: Option<Vec<u8>>) -> Result<Records, Error> {
        let tree = tree.to_vec();
        self.call("read", move |trees| {
            let tree = trees.db.open_tree(tree).map_err(failed("open a tree"))?;
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            tree.range::<Vec<u8>, _>((from, Bound::Unbounded))
                .take(PAGE)
                .map(|found| {
                    let (key, value) = found.map_err(failed("read"))?;
                    Ok((key.to_vec(), value.to_vec()))
                })
                .collect()
        })
    }

    /// Writes records into a tree as they are; they are durable once [`Vault::finish`] came back.
    pub(super) fn fill(&self, tree: &[u8], records: Records) -> Result<(), Error> {
        let tree = tree.to_vec();
        self.call("write", move |trees| {
            let tree = trees.db.open_tree(tree).map_err(failed("open a tree"))?;
            let mut batch = sled::Batch::default();
            for (key, value) in records {
                batch.insert(key, value);
            }
            tree.apply_batch(batch).map_err(failed("write"))
        })
    }

    /// The newest `limit` transitions of this target at or after `since`, oldest first.
    pub(super) fn transitions(
        &self,
        target: &str,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<v1::Transition>, Error> {
        let range = keys::history_from(target, since)..keys::after(&keys::history_of(target));
        self.call("read transitions", move |trees| {
            let mut found = Vec::new();
            for record in trees.transitions.range(range).rev().take(limit) {
                let (_, value) = record.map_err(failed("read transitions"))?;
                found.push(decode("a transition", &value)?);
            }
            found.reverse();
            Ok(found)
        })
    }

    /// The newest `limit` turns of each of these checks decided at or after `since`, and how each stands: target by target, its
    /// checks in the given order; and whether there were more turns of the target.
    pub(super) fn turns(
        &self,
        targets: Vec<Vec<v1::CheckId>>,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Vec<Turned>, bool)>, Error> {
        self.call("read transitions", move |trees| {
            let of_target = |checks: &Vec<v1::CheckId>| turned(trees, checks, since, limit);
            targets.iter().map(of_target).collect()
        })
    }

    /// Plans of people that ended at or after this time, oldest end first.
    pub(super) fn ended_since(&self, since: Timestamp) -> Result<Vec<v1::Planned>, Error> {
        self.call("read plans that ended", move |trees| {
            let records = trees.ended.range(keys::ended_from(since)..);
            records
                .map(|record| {
                    let (_, value) = record.map_err(failed("read plans that ended"))?;
                    decode("a plan", &value)
                })
                .collect()
        })
    }

    /// Keys of up to `limit` plans that ended before `cutoff`, oldest first.
    pub(super) fn ended_before(
        &self,
        cutoff: Timestamp,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.call("read keys", move |trees| {
            let keys = trees.ended.range(..keys::ended_from(cutoff)).keys();
            keys.take(limit)
                .map(|key| Ok(key.map_err(failed("read keys"))?.to_vec()))
                .collect()
        })
    }

    /// The incident with this number.
    pub(super) fn incident(&self, number: u64) -> Result<Option<v1::Incident>, Error> {
        self.call("read an incident", move |trees| {
            let found = trees.incidents.get(keys::incident(number));
            let found = found.map_err(failed("read an incident"))?;
            found.map(|value| decode("an incident", &value)).transpose()
        })
    }

    /// At most `limit` incidents that `wanted` picks, newest first.
    pub(super) fn incidents<F>(&self, limit: usize, wanted: F) -> Result<Vec<v1::Incident>, Error>
    where
        F: Fn(&v1::Incident) -> bool + Send + 'static,
    {
        self.call("read incidents", move |trees| {
            let mut found = Vec::new();
            for record in trees.incidents.iter().rev() {
                if found.len() >= limit {
                    break;
                }
                let (_, value) = record.map_err(failed("read incidents"))?;
                let incident = decode("an incident", &value)?;
                if wanted(&incident) {
                    found.push(incident);
                }
            }
            Ok(found)
        })
    }

    /// Keys of transitions older than `cutoff`, looked for from the key `from` on: up to `limit` of them, found with up
    /// to `limit` steps from target to target; and where to go on, if that is not the end.
    pub(super) fn retired(
        &self,
        from: Vec<u8>,
        cutoff: Timestamp,
        limit: usize,
    ) -> Result<Page<Vec<u8>>, Error> {
        self.call("read keys", move |trees| {
            let (mut found, mut steps, mut from) = (Vec::new(), 0, from);
            while found.len() < limit && steps < limit {
                let Some(key) = trees.transitions.range(from.as_slice()..).keys().next() else {
                    return Ok((found, None));
                };
                let key = key.map_err(failed("read keys"))?;
                match (keys::target_part(&key), keys::time_part(&key)) {
                    (Some(target), Some(at)) if at >= cutoff => {
                        from = keys::after(target);
                        steps += 1;
                    }
                    _ => {
                        from = key.to_vec();
                        from.push(0);
                        found.push(key.to_vec());
                    }
                }
            }
            Ok((found, Some(from)))
        })
    }

    /// Up to `limit` incidents from this number on, lowest number first.
    pub(super) fn incidents_from(
        &self,
        number: u64,
        limit: usize,
    ) -> Result<Vec<v1::Incident>, Error> {
        self.call("read incidents", move |trees| {
            let records = trees.incidents.range(keys::incident(number)..).take(limit);
            records
                .map(|record| {
                    let (_, value) = record.map_err(failed("read incidents"))?;
                    decode("an incident", &value)
                })
                .collect()
        })
    }

    /// Up to `limit` transitions from this key on, and where to go on, if that is not the end.
    pub(super) fn transitions_from(
        &self,
        from: Vec<u8>,
        limit: usize,
    ) -> Result<Page<v1::Transition>, Error> {
        self.call("read transitions", move |trees| {
            let (mut found, mut next) = (Vec::new(), None);
            for record in trees.transitions.range(from..).take(limit) {
                let (key, value) = record.map_err(failed("read transitions"))?;
                found.push(decode("a transition", &value)?);
                let mut after = key.to_vec();
                after.push(0);
                next = Some(after);
            }
            let is_end = found.len() < limit;
            Ok((found, next.filter(|_| !is_end)))
        })
    }

    /// Up to `limit` records of the past as they lie there, from this side on, beyond the key `beyond`; and whether
    /// there are no more of them, be it that they end or that the next cannot be read.
    pub(super) fn past(
        &self,
        past: Past,
        side: Side,
        beyond: Option<Vec<u8>>,
        limit: usize,
    ) -> (Records, bool) {
        let read = self.call("read the past", move |trees| {
            let tree = match past {
                Past::Transitions => &trees.transitions,
                Past::Incidents => &trees.incidents,
                Past::Ended => &trees.ended,
                Past::Latencies => &trees.latencies,
            };
            let beyond = beyond.map_or(Bound::Unbounded, Bound::Excluded);
            let range = match side {
                Side::First => tree.range::<Vec<u8>, _>((beyond, Bound::Unbounded)),
                Side::Last => tree.range::<Vec<u8>, _>((Bound::Unbounded, beyond)),
            };
            let mut records = Vec::new();
            let mut keep = |record: sled::Result<(sled::IVec, sled::IVec)>| match record {
                Ok((key, value)) if records.len() < limit => {
                    records.push((key.to_vec(), value.to_vec()));
                    true
                }
                Ok(_) | Err(_) => false,
            };
            match side {
                Side::First => range.take(limit).all(&mut keep),
                Side::Last => range.rev().take(limit).all(&mut keep),
            };
            let is_end = records.len() < limit;
            Ok((records, is_end))
        });
        // A page on which sled panics or hangs is one that cannot be read.
        read.unwrap_or((Vec::new(), true))
    }

    /// The blocks of latencies with these keys, in their order; what cannot be read is not there.
    pub(super) fn latencies(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Option<v1::Latency>>, Error> {
        self.call("read latencies", move |trees| {
            keys.iter()
                .map(|key| {
                    let found = trees.latencies.get(key);
                    let found = found.map_err(failed("read latencies"))?;
                    Ok(found.and_then(|value| latency(&value)))
                })
                .collect()
        })
    }

    /// Up to `limit` blocks of latencies with their keys, from the first key to before the last; what cannot be read has only its
    /// key.
    pub(super) fn latencies_between(
        &self,
        first: Vec<u8>,
        last: Vec<u8>,
        limit: usize,
    ) -> Result<Vec<Block>, Error> {
        self.call("read latencies", move |trees| {
            let records = trees.latencies.range(first..last).take(limit);
            records
                .map(|record| {
                    let (key, value) = record.map_err(failed("read latencies"))?;
                    Ok((key.to_vec(), latency(&value)))
                })
                .collect()
        })
    }

    /// How many transitions there are, by counting them.
    pub(super) fn count_transitions(&self) -> Result<u64, Error> {
        self.call("count transitions", |trees| {
            let mut count = 0;
            for key in trees.transitions.iter().keys() {
                key.map_err(failed("count transitions"))?;
                count += 1;
            }
            Ok(count)
        })
    }

    /// What sled knows of itself, the live state it holds, and how many incidents; `None` in an empty store.
    pub(super) fn live(&self) -> Result<Option<(v1::Meta, Live, u64)>, Error> {
        self.call("read the live state", |trees| {
            let meta = trees.meta.get(META).map_err(failed("read its own state"))?;
            let Some(meta) = meta else {
                return Ok(None);
            };
            let meta: v1::Meta = decode("the store's own state", &meta)?;
            let mut live = Live {
                last_incident: meta.last_incident,
                last_plan: meta.last_plan,
                last_at: meta.last_at,
                ..Live::default()
            };
            for record in &trees.checks {
                let (_, value) = record.map_err(failed("read the judge's memories"))?;
                let check: v1::Check = decode("a memory of the judge", &value)?;
                live.checks.insert(check.check.clone(), check);
            }
            for record in &trees.outbox {
                let (_, value) = record.map_err(failed("read the outbox"))?;
                let entry: v1::Entry = decode("an entry of the outbox", &value)?;
                live.outbox.insert(entry.key.clone(), entry);
            }
            for record in &trees.planned {
                let (_, value) = record.map_err(failed("read plans"))?;
                let planned: v1::Planned = decode("a plan", &value)?;
                live.planned.insert(planned.id.number, planned);
            }
            for record in &trees.lapses {
                let (_, value) = record.map_err(failed("read the lapses"))?;
                let lapse: v1::Lapse = decode("a lapse", &value)?;
                live.lapses.insert((lapse.from, lapse.kind), lapse);
            }
            for record in &trees.attempts {
                let (_, value) = record.map_err(failed("read attempts at actions"))?;
                let attempt: v1::Attempt = decode("an attempt at an action", &value)?;
                live.attempts.insert(attempt.id, attempt);
            }
            for record in &trees.living {
                let (_, value) = record.map_err(failed("read living messages"))?;
                let living: v1::Living = decode("a living message", &value)?;
                let key = (living.incident.clone(), living.channel.clone());
                live.living.insert(key, living);
            }
            for record in &trees.releases {
                let (_, value) = record.map_err(failed("read releases"))?;
                let release: v1::Release = decode("a release", &value)?;
                live.releases.insert(release.id, release);
            }
            let mut incidents = 0;
            for record in &trees.incidents {
                incidents += 1;
                let (_, value) = record.map_err(failed("read incidents"))?;
                let incident: v1::Incident = decode("an incident", &value)?;
                if incident.closed_at.is_none() {
                    live.open.insert(incident.number, incident);
                }
            }
            Ok(Some((meta, live, incidents)))
        })
    }

    /// Whether sled holds the transition with this key.
    pub(super) fn has_transitions(&self, keys: Vec<Vec<u8>>) -> Result<Vec<bool>, Error> {
        self.call("read transitions", move |trees| {
            keys.iter()
                .map(|key| {
                    let found = trees.transitions.contains_key(key);
                    found.map_err(failed("read transitions"))
                })
                .collect()
        })
    }
}

/// A block of latencies; one that is damaged is worth no more than one that is lost.
fn latency(value: &[u8]) -> Option<v1::Latency> {
    match decode("a block of latencies", value) {
        Ok(block) => Some(block),
        Err(error) => {
            tracing::debug!(%error, "a block of latencies cannot be read");
            None
        }
    }
}

/// What is remembered of one check: its turns, oldest first, and how it stands.
pub(super) type Turned = (Vec<Turn>, Option<v1::Check>);

/// The transitions of one target are one range; how its checks stand is read after them, so that it is never older.
fn turned(
    trees: &Trees,
    checks: &[v1::CheckId],
    since: Timestamp,
    limit: usize,
) -> Result<(Vec<Turned>, bool), Error> {
    let mut out: Vec<Turned> = checks.iter().map(|_| (Vec::new(), None)).collect();
    let Some(target) = checks.first().map(|check| check.target.as_str()) else {
        return Ok((out, false));
    };
    let range = keys::history_from(target, since)..keys::after(&keys::history_of(target));
    let mut count = 0;
    for record in trees.transitions.range(range).rev().take(limit) {
        let (_, value) = record.map_err(failed("read transitions"))?;
        let transition: v1::Transition = decode("a transition", &value)?;
        count += 1;
        let place = checks.iter().position(|check| *check == transition.check);
        if let Some(place) = place {
            // What a change rests on is most of it, and is not asked for.
            out[place].0.push(Turn {
                number: transition.number,
                from: transition.from.into_model(),
                to: transition.to.into_model(),
                at: transition.at.0,
                since: transition.since.0,
            });
        }
    }
    for (check, (turns, standing)) in checks.iter().zip(&mut out) {
        turns.reverse();
        let found = trees.checks.get(keys::check(check));
        let found = found.map_err(failed("read the judge's memories"))?;
        *standing = found
            .map(|value| decode("a memory of the judge", &value))
            .transpose()?;
    }
    Ok((out, count == limit))
}

/// sled, opened and locked.
#[derive(Debug)]
pub(super) struct Vault {
    door: Door,
    folder: PathBuf,
    /// sled's own file once more: its `fdatasync` covers what sled wrote, because it goes by file and not by descriptor.
    file: Option<File>,
}

impl Vault {
    /// Opens sled in this folder, and makes it if it is not there.
    pub(super) fn open(folder: &Path, door: Door) -> Result<Self, Error> {
        let path = folder.to_path_buf();
        let is_new = !folder.join("db").exists();
        let trees = guarded("open the store", OPEN_LIMIT, move || open_trees(&path))?;
        if is_new {
            sync_names(folder)?;
        }
        let file = folder.join("db");
        let file = File::options()
            .write(true)
            .open(&file)
            .map_err(Error::disk("open", file))?;
        door.set(Some(Arc::new(trees)));
        Ok(Self {
            door,
            folder: folder.to_path_buf(),
            file: Some(file),
        })
    }

    /// The way in for readers.
    pub(super) const fn door(&self) -> &Door {
        &self.door
    }

    /// Writes all of it in one transaction and makes it durable. The counts of transitions and incidents in `meta` are
    /// those before; they are brought up to date with what is really new or gone, and the new state is given back.
    pub(super) fn write(&self, meta: v1::Meta, changes: Changes) -> Result<v1::Meta, Error> {
        let written = self.door.call("write", move |trees| {
            let written = transact(trees, &meta, &changes)?;
            trees.db.flush().map_err(failed("flush"))?;
            Ok(written)
        })?;
        self.sync()?;
        Ok(written)
    }

    /// Makes what [`Door::fill`] wrote durable.
    pub(super) fn finish(&self) -> Result<(), Error> {
        self.door.call("flush", |trees| {
            trees.db.flush().map_err(failed("flush")).map(|_bytes| ())
        })?;
        self.sync()
    }

    /// sled's own flush does not call `fsync` on Linux, so what it acknowledged would survive a kill but not the loss
    /// of power.
    fn sync(&self) -> Result<(), Error> {
        let file = self.file.as_ref().ok_or(Error::Closed)?;
        file.sync_data()
            .map_err(Error::disk("sync", self.folder.join("db")))?;
        // Records beyond about 128 KiB lie in files of their own, which sled does not sync at all.
        let blobs = self.folder.join("blobs");
        let Ok(listing) = blobs.read_dir() else {
            return Ok(());
        };
        let mut is_any = false;
        for blob in listing.flatten() {
            is_any = true;
            let path = blob.path();
            match File::open(&path).and_then(|file| file.sync_data()) {
                Ok(()) => {}
                // sled took it away meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::disk("sync", path)(error)),
            }
        }
        if is_any { sync_folder(&blobs) } else { Ok(()) }
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.file = None;
        if let Some(trees) = self.door.set(None) {
            // sled flushes and syncs when it goes; both may panic or hang, and neither has anything new to write.
            if let Err(error) = guarded("close", CALL_LIMIT, move || {
                drop(trees);
                Ok(())
            }) {
                tracing::warn!(%error, "the store was not closed well");
            }
        }
    }
}

/// sled does not make the names of its files durable, and a file whose name is lost is lost.
fn sync_names(folder: &Path) -> Result<(), Error> {
    let conf = folder.join("conf");
    File::open(&conf)
        .and_then(|file| file.sync_all())
        .map_err(Error::disk("sync", conf))?;
    sync_folder(folder)?;
    folder.parent().map_or(Ok(()), sync_folder)
}

fn open_trees(folder: &Path) -> Result<Trees, Error> {
    let db = sled::Config::new()
        .path(folder)
        .cache_capacity(CACHE_BYTES)
        // The background flush stays on: it also rewrites pages and frees segments. Nothing relies on it for
        // durability, every commit flushes for itself.
        .flush_every_ms(Some(500))
        .open()
        .map_err(failed("open"))?;
    let tree = |name: &str| db.open_tree(name).map_err(failed("open a tree"));
    Ok(Trees {
        meta: tree("meta")?,
        checks: tree("checks")?,
        transitions: tree("transitions")?,
        incidents: tree("incidents")?,
        outbox: tree("outbox")?,
        planned: tree("planned")?,
        // Came later than the others; of an older store it is empty.
        ended: tree("ended")?,
        lapses: tree("lapses")?,
        attempts: tree("attempts")?,
        living: tree("living")?,
        releases: tree("releases")?,
        latencies: tree("latencies")?,
        db,
    })
}

/// Writes one transaction. sled may run the closure more than once, so it counts from the start each time.
fn transact(trees: &Trees, before: &v1::Meta, changes: &Changes) -> Result<v1::Meta, Error> {
    (
        &trees.meta,
        &trees.checks,
        &trees.transitions,
        &trees.incidents,
        &trees.outbox,
        &trees.planned,
        &trees.lapses,
        &trees.attempts,
        &trees.living,
        &trees.releases,
        &trees.ended,
        &trees.latencies,
    )
        .transaction(
            |(
                meta,
                checks,
                transitions,
                incidents,
                outbox,
                planned,
                lapses,
                attempts,
                living,
                releases,
                ended,
                latencies,
            )| {
                let mut after = before.clone();
                after.checks = put(checks, before.checks, &changes.checks)?;
                after.transitions = put(transitions, before.transitions, &changes.transitions)?;
                after.incidents = put(incidents, before.incidents, &changes.incidents)?;
                after.outbox = put(outbox, before.outbox, &changes.outbox)?;
                after.planned = put(planned, before.planned, &changes.planned)?;
                after.lapses = put(lapses, before.lapses, &changes.lapses)?;
                // Nobody counts them: the journal has every one of them, and the two are compared.
                put(attempts, u64::MAX / 2, &changes.attempts)?;
                // Not counted: the journal knows each of them, and one that is lost costs a new message.
                put(living, 0, &changes.living)?;
                // As with attempts.
                put(releases, u64::MAX / 2, &changes.releases)?;
                // Not counted either: what is lost of them is only missing in reports.
                put(ended, 0, &changes.ended)?;
                put(latencies, 0, &changes.latencies)?;
                meta.insert(META, encode(&after))?;
                Ok::<_, ConflictableTransactionError<()>>(after)
            },
        )
        .map_err(|error| match error {
            TransactionError::Storage(error) => failed("write")(error),
            TransactionError::Abort(()) => Error::Sled {
                doing: "write",
                why: String::from("it gave up a transaction that nobody gave up"),
            },
        })
}

/// Writes and takes away, and gives back how many records there are now if there were `count`.
fn put(
    tree: &TransactionalTree,
    count: u64,
    changes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>,
) -> Result<u64, ConflictableTransactionError<()>> {
    let mut count = count;
    for (key, value) in changes {
        match value {
            Some(value) => {
                if tree.insert(key.as_slice(), value.as_slice())?.is_none() {
                    count += 1;
                }
            }
            None => {
                if tree.remove(key.as_slice())?.is_some() {
                    count = count.saturating_sub(1);
                }
            }
        }
    }
    Ok(count)
}

/// sled's error as one of ours: only its words leave this file.
fn failed(doing: &'static str) -> impl FnOnce(sled::Error) -> Error {
    move |error| match error {
        sled::Error::Io(source) if is_of_the_disk(&source) => Error::Disk {
            doing,
            path: PathBuf::from("sled"),
            source,
        },
        sled::Error::Io(_)
        | sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_)
        | sled::Error::Corruption { .. } => Error::Sled {
            doing,
            why: error.to_string(),
        },
    }
}

/// Whether the disk or this process is in trouble. Any other error of reading or writing says that sled's files are not
/// as they were left: one is missing, one is too short.
fn is_of_the_disk(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::OutOfMemory
    ) || matches!(
        error.raw_os_error(),
        Some(TOO_MANY_FILES | TOO_MANY_FILES_OF_ALL)
    )
}

/// `EMFILE`.
const TOO_MANY_FILES: i32 = 24;
/// `ENFILE`.
const TOO_MANY_FILES_OF_ALL: i32 = 23;
