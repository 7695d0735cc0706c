//! How long answers took: blocks of hours and days, which grow while they run, become days, and go.
//!
//! They are no part of the journal, and what is written of them is lost with sled's files: they are for reading, and nothing
//! is decided by them. A block is only ever added to, in the transaction that also takes away what it is made of, so a kill at
//! any moment counts nothing twice.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Database, Error,
    journal::Position,
    keys,
    live::rename_one,
    schema::{Form, encode, v1},
    vault::{Changes, Door},
};
use crate::model::{
    Timestamp,
    latency::{Grain, LatencyBlock},
};

/// Hours are kept so long; then they become part of their day. The chart of seven days shows hours.
const HOURS_FOR: Duration = Duration::from_hours(8 * 24);
/// So many of the newest days may still be hours: those of [`HOURS_FOR`], the running one, and one more while they become a day.
pub(super) const ROLLED_UP_DAYS: usize = 11;
/// So many checks have a day made of their hours in one call: some 25 records each.
const CHECKS_AT_ONCE: usize = 50;
/// A rename looks for so many days at most.
const DAYS_MAX: u32 = 4_000;
/// So many days beyond retention go in one call.
const DAYS_AT_ONCE: usize = 500;

/// What is changed of the tree, by key.
type Blocks = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

impl Database {
    /// Adds these counts to what is stored of their hours and days, all or none. Some hundred at once are a good number.
    ///
    /// Not for the journal: a store that has to be filled again from it has none of them. Without sled nothing is kept.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn note_latencies(&mut self, blocks: &[LatencyBlock]) -> Result<(), Error> {
        if self.is_failed {
            return Err(Error::Closed);
        }
        let result = self.add_latencies(blocks.iter().map(Form::of).collect());
        if let Err(error) = &result {
            self.is_failed = true;
            if error.is_full() {
                self.folder.free_ballast();
            }
        }
        result
    }

    pub(super) fn add_latencies(&mut self, blocks: Vec<v1::Latency>) -> Result<(), Error> {
        let Some(vault) = &self.vault else {
            return Ok(());
        };
        let changes = Changes {
            latencies: added(vault.door(), blocks)?,
            ..Changes::default()
        };
        let at = Position {
            number: self.meta.number,
            hash: self.meta.hash,
        };
        self.put(changes, at)
    }

    /// How many hours and how many days of latencies there are, by counting them.
    ///
    /// # Errors
    ///
    /// What sled reports.
    pub fn count_latencies(&self) -> Result<(u64, u64), Error> {
        let (mut hours, mut days) = (0, 0);
        self.each_latency(|block| {
            match block.grain {
                v1::Grain::Hour => hours += 1,
                v1::Grain::Day => days += 1,
            }
            Ok(())
        })?;
        Ok((hours, days))
    }

    /// Shows every block in the order of grain and time.
    pub(super) fn each_latency(
        &self,
        mut show: impl FnMut(&v1::Latency) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut from = Vec::new();
        loop {
            let page = self
                .door
                .latencies_between(from, vec![u8::MAX], DAYS_AT_ONCE)?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            from = [last.as_slice(), &[0]].concat();
            for (_, block) in &page {
                block.as_ref().map_or(Ok(()), &mut show)?;
            }
        }
    }
}

fn key_of(block: &v1::Latency) -> Vec<u8> {
    keys::latency(block.grain, block.from.0, &block.check)
}

/// When this hour of the day begins.
pub(super) fn hour_of(day: Timestamp, hour: u32) -> Timestamp {
    day + Grain::Hour.length() * hour
}

/// What the tree has to hold so that these are in it as well.
fn added(door: &Door, blocks: Vec<v1::Latency>) -> Result<Blocks, Error> {
    let known = door.latencies(blocks.iter().map(key_of).collect())?;
    let mut out: BTreeMap<Vec<u8>, LatencyBlock> = BTreeMap::new();
    for (block, known) in blocks.into_iter().zip(known) {
        let key = key_of(&block);
        let block: LatencyBlock = block.into_model();
        let held = out
            .entry(key)
            .or_insert_with(|| known.map_or_else(|| empty(&block), Form::into_model));
        held.counted.merge(&block.counted);
    }
    let stored = |block: LatencyBlock| encode(&<v1::Latency as Form<_>>::of(&block));
    Ok(out
        .into_iter()
        .map(|(key, block)| (key, Some(stored(block))))
        .collect())
}

fn empty(like: &LatencyBlock) -> LatencyBlock {
    LatencyBlock {
        counted: crate::model::latency::Latencies::default(),
        ..like.clone()
    }
}

/// Makes days of hours that are old enough, and takes away days that are beyond retention, a few of each; whether that was all.
pub(super) fn roll_up(
    door: &Door,
    now: Timestamp,
    retention: Duration,
    changes: &mut Blocks,
) -> Result<bool, Error> {
    let begin = |grain| keys::latencies_from(grain, Timestamp::from_millis(i64::MIN));
    let before = |grain, at| keys::latencies_from(grain, at);
    let old = Grain::Day.begin(now - HOURS_FOR.min(retention));
    let (first, last) = (begin(v1::Grain::Hour), before(v1::Grain::Hour, old));
    let hours = door.latencies_between(first, last, CHECKS_AT_ONCE)?;
    // A day that is made now may be beyond retention itself, which the next call sees.
    let is_last_hours = hours.is_empty();
    for (key, hour) in hours {
        match hour {
            // Nobody can read it, and it would be in the way for ever.
            None => drop(changes.insert(key, None)),
            Some(_) if changes.contains_key(&key) => {}
            Some(hour) => make_day(door, &hour, changes)?,
        }
    }
    let cutoff = Grain::Day.begin(now - retention);
    let (first, last) = (begin(v1::Grain::Day), before(v1::Grain::Day, cutoff));
    let days = door.latencies_between(first, last, DAYS_AT_ONCE)?;
    let is_last_days = days.len() < DAYS_AT_ONCE;
    for (key, _) in days {
        changes.insert(key, None);
    }
    Ok(is_last_hours && is_last_days)
}

/// Makes of this hour and all others of its day and check a part of that day.
fn make_day(door: &Door, hour: &v1::Latency, changes: &mut Blocks) -> Result<(), Error> {
    let day = Grain::Day.begin(hour.from.0);
    let hours =
        (0..24).map(|number| keys::latency(v1::Grain::Hour, hour_of(day, number), &hour.check));
    let hours: Vec<_> = hours.collect();
    let found = door.latencies(hours.clone())?;
    let of_day = |block: v1::Latency| v1::Latency {
        grain: v1::Grain::Day,
        from: Form::of(&day),
        ..block
    };
    let found: Vec<_> = hours.into_iter().zip(found).collect();
    let there = found.iter().filter(|(_, block)| block.is_some());
    let gone: Vec<_> = there.map(|(key, _)| (key.clone(), None)).collect();
    let blocks = found.into_iter().filter_map(|(_, block)| block).map(of_day);
    changes.extend(added(door, blocks.collect())?);
    changes.extend(gone);
    Ok(())
}

/// Moves latencies of these checks, which have other names from now on, in place of what may be left behind there.
pub(super) fn rename_latencies(
    door: &Door,
    checks: &[v1::CheckId],
    renamed: &[(String, String)],
    now: Timestamp,
    retention: Duration,
) -> Result<Blocks, Error> {
    let days = retention.as_secs() / Grain::Day.length().as_secs();
    let days = u32::try_from(days).unwrap_or(DAYS_MAX).min(DAYS_MAX);
    // Hours of a clock that was moved since are left behind; nobody misses them.
    let hours = u32::try_from(ROLLED_UP_DAYS * 24).unwrap_or(u32::MAX);
    let (mut gone, mut moved) = (Blocks::new(), Blocks::new());
    for check in checks {
        let mut wanted = Vec::new();
        for (grain, count) in [(Grain::Hour, hours), (Grain::Day, days + 2)] {
            let begins = grain.last(count, now + grain.length());
            wanted.extend(begins.map(|from| keys::latency(Form::of(&grain), from, check)));
        }
        for mut block in door.latencies(wanted)?.into_iter().flatten() {
            gone.insert(key_of(&block), None);
            rename_one(&mut block.check.target, renamed);
            moved.insert(key_of(&block), Some(encode(&block)));
        }
    }
    // Two may swap their names.
    gone.extend(moved);
    Ok(gone)
}
