//! How long answers took: an hour or a day of one check as counts and a sketch of its durations.
//!
//! A sketch forgets the single durations and keeps how many lie in each of a few hundred classes, whose bounds grow by a
//! constant factor. So any quantile of it is right within [`RELATIVE_ERROR`] of itself, and sketches are added up exactly:
//! the sketch of a day is the sum of those of its hours. Source: Masson, Rim and Lee, `DDSketch`, VLDB 2019, 2.
//!
//! It is our own because the crates that do the same keep a dense array of at least a kilobyte for each, and there is one for
//! each check of each target in memory; this one takes eight bytes for each class that occurs, 20 of them as a rule.

use std::time::Duration;

use super::{CheckId, CheckKind, FailureClass, Outcome, time::Timestamp};

/// A quantile of a sketch is at most by this share of itself off the exact one, from 0.1 ms to 14 min; what is shorter or
/// longer than that counts as that.
pub const RELATIVE_ERROR: f64 = 0.02;

/// What lies between the bounds of a class and those of the next one, as a factor.
const GROWTH: f64 = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR);
/// The upper bound of the first class, in seconds.
const SHORTEST_SECONDS: f64 = 0.000_1;
/// The last class; its bound is 14.8 min.
const LAST_CLASS: u16 = 400;

/// Durations, each known within [`RELATIVE_ERROR`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sketch {
    /// How many durations are in a class, by the class; in order, and none is empty.
    classes: Vec<(u16, u32)>,
}

impl Sketch {
    /// Of these numbers in these classes, in any order; classes beyond the last one count as the last one.
    pub fn of_classes(classes: impl IntoIterator<Item = (u16, u32)>) -> Self {
        let mut sketch = Self::default();
        for (class, count) in classes {
            sketch.put(class.min(LAST_CLASS), count);
        }
        sketch
    }

    /// How many durations are in each class that is not empty, in the order of the classes.
    pub fn classes(&self) -> &[(u16, u32)] {
        &self.classes
    }

    /// Takes in one duration.
    pub fn add(&mut self, took: Duration) {
        self.put(class_of(took), 1);
    }

    /// Takes in all durations of another one.
    pub fn merge(&mut self, other: &Self) {
        for (class, count) in &other.classes {
            self.put(*class, *count);
        }
    }

    fn put(&mut self, class: u16, count: u32) {
        if count == 0 {
            return;
        }
        match self
            .classes
            .binary_search_by_key(&class, |(known, _)| *known)
        {
            Ok(place) => {
                let known = &mut self.classes[place].1;
                *known = known.saturating_add(count);
            }
            Err(place) => self.classes.insert(place, (class, count)),
        }
    }

    /// How many durations it knows.
    pub fn count(&self) -> u64 {
        let counts = self.classes.iter().map(|(_, count)| u64::from(*count));
        counts.sum()
    }

    /// The duration that so many in a hundred do not exceed (nearest rank); absent if there is none.
    pub fn percentile(&self, percent: u8) -> Option<Duration> {
        let count = self.count();
        let rank = (count * u64::from(percent.min(100))).div_ceil(100).max(1);
        let mut seen = 0;
        self.classes.iter().find_map(|(class, count)| {
            seen += u64::from(*count);
            (seen >= rank).then(|| middle_of(*class))
        })
    }
}

/// The class of a duration.
fn class_of(took: Duration) -> u16 {
    let place = (took.as_secs_f64() / SHORTEST_SECONDS).ln() / GROWTH.ln();
    if place <= 0.0 {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and the last class"
    )]
    let class = place.ceil().min(f64::from(LAST_CLASS)) as u16;
    class
}

/// What every duration of a class is at most [`RELATIVE_ERROR`] away from.
fn middle_of(class: u16) -> Duration {
    if class == 0 {
        return Duration::from_secs_f64(SHORTEST_SECONDS);
    }
    let upper = SHORTEST_SECONDS * GROWTH.powi(i32::from(class));
    Duration::from_secs_f64(upper * 2.0 / (GROWTH + 1.0))
}

/// What the looks of one check brought back, over some time.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Latencies {
    /// How long those took that were answered by what was asked, well or not quite. Failures are not among them: an error
    /// is quick, and a limit says only how long was waited.
    pub answers: Sketch,
    /// How many failed with an answer that says so.
    pub explicit: u32,
    /// How many were refused.
    pub refused: u32,
    /// How many got no answer.
    pub silent: u32,
    /// How many looks say nothing about the target.
    pub gaps: u32,
}

impl Latencies {
    /// Takes in one look.
    pub fn add(&mut self, outcome: &Outcome, took: Duration) {
        let count = match outcome {
            Outcome::Healthy | Outcome::Degraded(_) => return self.answers.add(took),
            Outcome::Unhealthy(failure) => match failure.class {
                FailureClass::Explicit => &mut self.explicit,
                FailureClass::Refused => &mut self.refused,
                FailureClass::Silent => &mut self.silent,
            },
            Outcome::Unobservable(_) => &mut self.gaps,
        };
        *count = count.saturating_add(1);
    }

    /// Takes in all that another one counts.
    pub fn merge(&mut self, other: &Self) {
        self.answers.merge(&other.answers);
        for (count, more) in [
            (&mut self.explicit, other.explicit),
            (&mut self.refused, other.refused),
            (&mut self.silent, other.silent),
            (&mut self.gaps, other.gaps),
        ] {
            *count = count.saturating_add(more);
        }
    }

    /// How many looks failed.
    pub fn failures(&self) -> u64 {
        [self.explicit, self.refused, self.silent]
            .map(u64::from)
            .iter()
            .sum()
    }

    /// How many looks say something about the target.
    pub fn looks(&self) -> u64 {
        self.answers.count() + self.failures()
    }
}

/// How much time one block covers. Both begin at full hours and days of UTC, whatever the zone of people, so that blocks of
/// one day are never torn apart by a change of the zone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Grain {
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Grain {
    /// How long it is.
    pub const fn length(self) -> Duration {
        match self {
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
        }
    }

    /// The word for records and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// When the hour or the day of this time began.
    pub fn begin(self, at: Timestamp) -> Timestamp {
        let length = i64::try_from(self.length().as_millis()).unwrap_or(i64::MAX);
        let millis = at.as_millis();
        Timestamp::from_millis(millis.saturating_sub(millis.rem_euclid(length)))
    }

    /// The beginnings of the last `count` of them, the running one of `now` the last.
    pub fn last(self, count: u32, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let running = self.begin(now);
        (0..count)
            .rev()
            .map(move |back| running - self.length() * back)
    }
}

/// What is stored of one check and one hour or day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LatencyBlock {
    /// Of which check.
    pub check: CheckId,
    /// When it began.
    pub from: Timestamp,
    /// How much time it covers.
    pub grain: Grain,
    /// What was counted.
    pub counted: Latencies,
}

/// Whether it is worth knowing how long answers to this kind of check take: whether it asks what is watched, by itself.
pub const fn is_timed(kind: CheckKind) -> bool {
    match kind {
        CheckKind::Health
        | CheckKind::Http
        | CheckKind::Tcp
        | CheckKind::Tls
        | CheckKind::Dns
        | CheckKind::Grpc
        | CheckKind::Icmp
        | CheckKind::Websocket
        | CheckKind::Steps
        | CheckKind::Metrics => true,
        CheckKind::LogFreshness
        | CheckKind::Heartbeat
        | CheckKind::LogStore
        | CheckKind::Roles
        | CheckKind::Job
        | CheckKind::ErrorBudget => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// From 0.1 ms to 14 min, as many short ones as long ones.
    fn took() -> impl Strategy<Value = Duration> {
        (-4.0_f64..2.92).prop_map(|power| Duration::from_secs_f64(10_f64.powf(power)))
    }

    fn sketch(took: &[Duration]) -> Sketch {
        let mut sketch = Sketch::default();
        for took in took {
            sketch.add(*took);
        }
        sketch
    }

    fn exact(took: &[Duration], percent: usize) -> Duration {
        let mut sorted = took.to_vec();
        sorted.sort_unstable();
        sorted[(took.len() * percent).div_ceil(100).max(1) - 1]
    }

    proptest! {
        #[test]
        fn quantiles_of_merged_sketches_are_as_near_as_promised(
            parts in vec(vec(took(), 0..120), 1..30),
            percent in 0_u8..=100,
        ) {
            let all: Vec<_> = parts.concat();
            let mut merged = Sketch::default();
            for part in &parts {
                merged.merge(&sketch(part));
            }
            prop_assert_eq!(&merged, &sketch(&all), "adding up is exact");
            prop_assert_eq!(merged.count(), all.len() as u64);
            let Some(found) = merged.percentile(percent) else {
                prop_assert!(all.is_empty());
                return Ok(());
            };
            let exact = exact(&all, usize::from(percent)).as_secs_f64();
            // A nanosecond is lost where a `Duration` is made.
            let off = (found.as_secs_f64() - exact).abs() - 1e-9;
            prop_assert!(off <= exact * RELATIVE_ERROR * 1.000_001, "{found:?} instead of {exact}");
        }

        #[test]
        fn it_never_grows_beyond_its_classes(took in vec(any::<Duration>(), 0..2_000)) {
            let sketch = sketch(&took);
            prop_assert!(sketch.classes().len() <= usize::from(LAST_CLASS) + 1);
            prop_assert!(sketch.classes().is_sorted_by(|one, two| one.0 < two.0));
            prop_assert_eq!(sketch.count(), took.len() as u64);
        }

        #[test]
        fn classes_of_strangers_are_put_in_order(classes in vec(any::<(u16, u32)>(), 0..50)) {
            let sketch = Sketch::of_classes(classes);
            prop_assert!(sketch.classes().is_sorted_by(|one, two| one.0 < two.0));
            prop_assert!(sketch.classes().iter().all(|(class, count)| *class <= LAST_CLASS && *count > 0));
            let again = Sketch::of_classes(sketch.classes().to_vec());
            prop_assert_eq!(again, sketch);
        }

        #[test]
        fn an_hour_and_a_day_begin_before_what_is_in_them(millis in -4_102_444_800_000_i64..4_102_444_800_000) {
            let at = Timestamp::from_millis(millis);
            for grain in [Grain::Hour, Grain::Day] {
                let begin = grain.begin(at);
                prop_assert!(begin <= at && at < begin + grain.length());
                prop_assert_eq!(grain.begin(begin), begin);
            }
            prop_assert_eq!(Grain::Day.begin(Grain::Hour.begin(at)), Grain::Day.begin(at));
        }
    }

    #[test]
    fn what_failed_is_counted_and_not_timed() {
        use crate::model::{Failure, FailureKind, Gap, GapKind};
        let mut counted = Latencies::default();
        let failed = |class| {
            Outcome::Unhealthy(Failure {
                class,
                kind: FailureKind::Unexpected,
                words: String::new(),
            })
        };
        let ms = Duration::from_millis;
        counted.add(&Outcome::Healthy, ms(100));
        counted.add(&failed(FailureClass::Explicit), ms(1));
        counted.add(&failed(FailureClass::Refused), ms(1));
        counted.add(&failed(FailureClass::Silent), ms(5_000));
        let gap = Gap {
            kind: GapKind::OwnNetwork,
            words: String::new(),
        };
        counted.add(&Outcome::Unobservable(gap), ms(5_000));
        assert_eq!(
            (counted.looks(), counted.failures(), counted.gaps),
            (4, 3, 1)
        );
        assert_eq!(
            (counted.explicit, counted.refused, counted.silent),
            (1, 1, 1)
        );
        let longest = counted.answers.percentile(100).unwrap();
        assert!((ms(98)..=ms(102)).contains(&longest), "{longest:?}");
    }
}
