//! How targets were day by day, for bars: counted once, and of that only what can still change again and again.
//!
//! The arithmetic is the judge's; here are the days of a zone, what a day counts as, and what is kept from one count to the next.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, time::Duration};

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;

use crate::{
    judge::sli::Sli,
    model::{Board, GroupName, TargetId, Timestamp, calendar::begins_at},
};

/// So many days are shown, today among them.
pub const DAYS: usize = 90;

/// So many of the newest days are counted each time: a change reaches back to when it truly began, and an absence is known only
/// when it is over. Older ones stay as they were counted.
const COUNTED_AGAIN: usize = 3;

/// The most targets whose days are kept, 4 kB each; of more only those of groups are.
pub const TARGETS_MAX: usize = 1_000;

/// How long a target was how on one day, in milliseconds. Of a group: the longest that one of its targets was.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Day {
    /// It worked.
    pub operational_ms: u64,
    /// It worked, but not well.
    pub degraded_ms: u64,
    /// It did not work.
    pub down_ms: u64,
    /// Somebody worked on it.
    pub maintenance_ms: u64,
    /// Nobody can say how it was.
    pub not_measured_ms: u64,
}

/// What a day counts as: the worst that there was of it.
///
/// Ordered from the best to the worst, but for what was not seen, which is neither.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum How {
    /// Nothing is known of it.
    Unseen,
    /// It was well as far as it was seen, and more than a tenth of it was not.
    InPart,
    /// It was well.
    Well,
    /// Somebody worked on it.
    Maintenance,
    /// It did not work well for some time.
    Degraded,
    /// It did not work for some time.
    Down,
}

impl How {
    /// All of them, worst first.
    pub const ALL: [Self; 6] = [
        Self::Down,
        Self::Degraded,
        Self::Maintenance,
        Self::Well,
        Self::InPart,
        Self::Unseen,
    ];
}

impl Day {
    fn of(sli: &Sli) -> Self {
        Self {
            operational_ms: millis(sli.operational),
            degraded_ms: millis(sli.degraded),
            down_ms: millis(sli.down),
            maintenance_ms: millis(sli.maintenance),
            not_measured_ms: millis(sli.not_measured),
        }
    }

    fn both(self, other: Self, choose: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            operational_ms: choose(self.operational_ms, other.operational_ms),
            degraded_ms: choose(self.degraded_ms, other.degraded_ms),
            down_ms: choose(self.down_ms, other.down_ms),
            maintenance_ms: choose(self.maintenance_ms, other.maintenance_ms),
            not_measured_ms: choose(self.not_measured_ms, other.not_measured_ms),
        }
    }

    /// What it counts as.
    pub const fn how(&self) -> How {
        let seen_ms = self.operational_ms;
        match self {
            Self { down_ms: 1.., .. } => How::Down,
            Self {
                degraded_ms: 1.., ..
            } => How::Degraded,
            Self {
                maintenance_ms: 1..,
                ..
            } => How::Maintenance,
            _ if seen_ms == 0 => How::Unseen,
            _ if self.not_measured_ms.saturating_mul(9) > seen_ms => How::InPart,
            _ => How::Well,
        }
    }

    /// How long it was what it counts as; of a day of which a part was not seen, how long that was.
    pub const fn length(&self) -> Duration {
        Duration::from_millis(match self.how() {
            How::Down => self.down_ms,
            How::Degraded => self.degraded_ms,
            How::Maintenance => self.maintenance_ms,
            How::Well => self.operational_ms,
            How::InPart | How::Unseen => self.not_measured_ms,
        })
    }
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// The days of a target or of a group, oldest first; [`DAYS`] of them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Bar {
    days: Vec<Day>,
    /// Of a group: the times of all its targets together, day by day. Of a target nothing, because those are its days.
    together: Vec<Day>,
}

impl Bar {
    /// How each day was.
    pub fn days(&self) -> &[Day] {
        &self.days
    }

    /// All days as one, and of a group all targets as one.
    pub fn total(&self) -> Sli {
        let days = if self.together.is_empty() {
            &self.days
        } else {
            &self.together
        };
        let sum = days.iter().fold(Day::default(), |sum, day| {
            sum.both(*day, u64::saturating_add)
        });
        Sli {
            operational: Duration::from_millis(sum.operational_ms),
            degraded: Duration::from_millis(sum.degraded_ms),
            down: Duration::from_millis(sum.down_ms),
            maintenance: Duration::from_millis(sum.maintenance_ms),
            not_measured: Duration::from_millis(sum.not_measured_ms),
            ..Sli::default()
        }
    }
}

/// How targets and groups were in the last [`DAYS`] days.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bars {
    /// Until when was counted.
    pub until: Timestamp,
    /// The oldest day.
    pub first: NaiveDate,
    targets: HashMap<TargetId, Bar>,
    groups: HashMap<GroupName, Bar>,
}

impl Bars {
    /// Those of a target, if it was counted by itself.
    pub fn target(&self, id: &TargetId) -> Option<&Bar> {
        self.targets.get(id)
    }

    /// Those of a group.
    pub fn group(&self, name: &GroupName) -> Option<&Bar> {
        self.groups.get(name)
    }

    /// Which day stands at this place.
    pub fn date(&self, place: usize) -> NaiveDate {
        later(self.first, place)
    }
}

fn later(date: NaiveDate, days: usize) -> NaiveDate {
    let days = Days::new(u64::try_from(days).unwrap_or(0));
    date.checked_add_days(days).unwrap_or(date)
}

/// A count that is under way.
#[derive(Debug)]
pub struct Count<'a> {
    first: NaiveDate,
    bounds: Vec<Timestamp>,
    before: Option<&'a Bars>,
    /// So many of the days before are dropped, and then so many kept.
    dropped: usize,
    kept: usize,
    has_targets: bool,
    targets: HashMap<TargetId, Bar>,
    groups: HashMap<GroupName, Bar>,
}

impl<'a> Count<'a> {
    /// Begins one of so many targets up to now, by the days of this zone. What was counted before of the same targets, by the same
    /// plan and in the same zone, spares most of it.
    pub fn begin(now: Timestamp, zone: Tz, targets: usize, before: Option<&'a Bars>) -> Self {
        let today = now.to_utc().with_timezone(&zone).date_naive();
        let back = Days::new(u64::try_from(DAYS - 1).unwrap_or(0));
        let first = today.checked_sub_days(back).unwrap_or(today);
        let dropped = before.and_then(|before| {
            let days = first.signed_duration_since(before.first).num_days();
            // One of the days that are kept must not have been today.
            usize::try_from(days)
                .ok()
                .filter(|days| *days < COUNTED_AGAIN - 1)
        });
        let kept = dropped.map_or(0, |_| DAYS - COUNTED_AGAIN);
        let bounds = (kept..DAYS).map(|place| begins_at(later(first, place), zone).min(now));
        Self {
            first,
            bounds: bounds.chain([now]).collect(),
            before: before.filter(|_| dropped.is_some()),
            dropped: dropped.unwrap_or(0),
            kept,
            has_targets: targets <= TARGETS_MAX,
            targets: HashMap::new(),
            groups: HashMap::new(),
        }
    }

    /// The beginnings of the days that are to be measured, and the end of the last one.
    pub fn bounds(&self) -> &[Timestamp] {
        &self.bounds
    }

    /// Takes what was measured of some targets, one answer a day.
    pub fn take(&mut self, board: &Board, measured: Vec<(TargetId, Vec<Sli>)>) {
        for (target, slis) in measured {
            let days: Vec<_> = slis.iter().map(Day::of).collect();
            let group = board.row(&target).and_then(|row| row.target.group.as_ref());
            if let Some(group) = group {
                self.add(group, &days);
            }
            if self.has_targets {
                let before = self.before.and_then(|before| before.targets.get(&target));
                let known = self.known(before.map(Bar::days).unwrap_or_default());
                let bar = Bar {
                    days: known.chain(days).collect(),
                    together: Vec::new(),
                };
                self.targets.insert(target, bar);
            }
        }
    }

    fn add(&mut self, group: &GroupName, days: &[Day]) {
        if !self.groups.contains_key(group) {
            let before = self.before.and_then(|before| before.groups.get(group));
            let known = |days: fn(&Bar) -> &[Day]| {
                let mut known: Vec<_> = self.known(before.map(days).unwrap_or_default()).collect();
                known.resize(DAYS, Day::default());
                known
            };
            let bar = Bar {
                days: known(|bar| &bar.days),
                together: known(|bar| &bar.together),
            };
            self.groups.insert(group.clone(), bar);
        }
        let Some(bar) = self.groups.get_mut(group) else {
            return;
        };
        for (place, day) in (self.kept..).zip(days) {
            if let Some(known) = bar.days.get_mut(place) {
                *known = known.both(*day, u64::max);
            }
            if let Some(known) = bar.together.get_mut(place) {
                *known = known.both(*day, u64::saturating_add);
            }
        }
    }

    /// The days of before that stay; whatever is missing of them was not measured.
    fn known<'b>(&self, days: &'b [Day]) -> impl Iterator<Item = Day> + use<'b> {
        let days = days.iter().copied().skip(self.dropped);
        days.chain(std::iter::repeat(Day::default()))
            .take(self.kept)
    }

    /// What came of it.
    pub fn end(self) -> Bars {
        Bars {
            until: self.bounds.last().copied().unwrap_or_default(),
            first: self.first,
            targets: self.targets,
            groups: self.groups,
        }
    }
}
