//! How well somebody did who told people of a world of which everything is known.

use std::time::Duration;

use super::truth::{Outage, Truth};

/// One decision, and whether people heard of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) decided: Duration,
    /// Whether it says that the target is down, rather than back.
    pub(crate) is_down: bool,
    pub(crate) heard: Option<Duration>,
    /// How often people heard it.
    pub(crate) copies: u32,
}

impl Told {
    pub(crate) fn new(decided: Duration, is_down: bool, heard: Option<Duration>) -> Self {
        Self {
            decided,
            is_down,
            heard,
            copies: heard.is_some().into(),
        }
    }
}

/// A look may have begun before the end of what it tells of, and wait for others.
const GRACE: Duration = Duration::from_secs(30);

/// So long after an outage its end may still be partial.
const AFTERMATH: Duration = Duration::from_hours(1);

/// The sums over many targets.
#[derive(Clone, Default, Debug)]
pub(crate) struct Score {
    pub(crate) target_years: f64,
    pub(crate) wrong: u32,
    /// Told as degraded, away from any outage.
    pub(crate) wrong_partly: u32,
    /// Wrong ones of which our own network was, or may have been, the reason.
    pub(crate) wrong_by_us: u32,
    pub(crate) outages: u32,
    pub(crate) missed: u32,
    pub(crate) delays: Vec<Duration>,
    pub(crate) returns: Vec<Duration>,
    pub(crate) lost: u32,
    pub(crate) repeated: u32,
    /// Told as down and not told as back exactly once.
    pub(crate) unended: u32,
}

impl Score {
    /// Adds what was told of one target.
    pub(crate) fn add(&mut self, truth: &Truth, subject: usize, told: &[Told]) {
        self.target_years += truth.end.as_secs_f64() / (365.0 * 86_400.0);
        let outages = &truth.subjects[subject].outages;
        for one in told {
            self.lost += u32::from(one.heard.is_none());
            self.repeated += one.copies.saturating_sub(1);
            if one.is_down && one.heard.is_some() && during(outages, one.decided).is_none() {
                self.wrong += 1;
                self.wrong_by_us += u32::from(truth.was_hidden(one.decided));
            }
        }
        for (index, one) in told.iter().enumerate().filter(|(_, one)| one.is_down) {
            let ends = told[index + 1..].iter().take_while(|next| !next.is_down);
            let heard: u32 = ends.map(|end| end.copies).sum();
            self.unended += u32::from(one.heard.is_some() && heard != 1);
        }
        for outage in outages {
            self.meet(truth, *outage, told);
        }
    }

    fn meet(&mut self, truth: &Truth, outage: Outage, told: &[Told]) {
        let Outage { from, until, .. } = outage;
        // Nobody can see through their own trouble; what it hides is not counted, for nobody.
        if !truth.sees(from, until) || until + Duration::from_mins(30) > truth.end {
            return;
        }
        self.outages += 1;
        let first = told.partition_point(|one| one.decided < from);
        let later = &told[first..];
        // It may have been called down a moment before, by a blip that went over into the outage.
        let was_down = first
            .checked_sub(1)
            .is_some_and(|before| told[before].is_down);
        let down = later
            .first()
            .filter(|one| one.is_down && one.decided <= until + GRACE);
        let Some(down) = down else {
            self.missed += u32::from(!was_down);
            return;
        };
        if truth.sends(from, until + Duration::from_mins(10)) {
            let heard = down.heard.map(|heard| heard.saturating_sub(from));
            self.delays.extend(heard);
            let back = later.get(1).and_then(|one| one.heard);
            self.returns
                .extend(back.map(|heard| heard.saturating_sub(until)));
        }
    }

    /// Adds when a target was told to be degraded. After an outage that may be right for a while.
    pub(crate) fn add_partly(&mut self, truth: &Truth, subject: usize, times: &[Duration]) {
        let outages = &truth.subjects[subject].outages;
        let is_near = |at: Duration| {
            let after = outages.partition_point(|outage| outage.from <= at);
            let last = after.checked_sub(1).map(|last| outages[last].until);
            last.is_some_and(|until| at <= until + AFTERMATH)
        };
        let wrong = times.iter().filter(|at| !is_near(**at));
        self.wrong_partly += u32::try_from(wrong.count()).expect("few");
    }

    /// All of another one.
    pub(crate) fn merge(&mut self, other: Self) {
        self.target_years += other.target_years;
        self.wrong += other.wrong;
        self.wrong_partly += other.wrong_partly;
        self.wrong_by_us += other.wrong_by_us;
        self.outages += other.outages;
        self.missed += other.missed;
        self.delays.extend(other.delays);
        self.returns.extend(other.returns);
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.unended += other.unended;
    }

    pub(crate) fn wrong_a_year(&self) -> f64 {
        f64::from(self.wrong) / self.target_years
    }
}

/// The outage that this time belongs to.
fn during(outages: &[Outage], at: Duration) -> Option<&Outage> {
    let after = outages.partition_point(|outage| outage.from <= at);
    let last = outages.get(after.checked_sub(1)?)?;
    (at <= last.until + GRACE).then_some(last)
}

/// The mean, and the value that so many of a hundred do not exceed.
pub(crate) fn mean_and(mut lengths: Vec<Duration>, percent: usize) -> (Duration, Duration) {
    lengths.sort();
    let count = lengths.len().max(1);
    let mean = lengths.iter().sum::<Duration>() / u32::try_from(count).expect("few");
    let index = (lengths.len() * percent / 100).min(count - 1);
    (mean, lengths.get(index).copied().unwrap_or_default())
}
