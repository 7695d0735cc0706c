//! Worlds of which everything is known: what truly happens to every target, and to us.

use std::time::Duration;

use hekate::model::TargetId;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    eyes::{Eyes, Net},
    weather::{Noise, Sky, Weather},
};

const DAY: f64 = 86_400.0;
/// The width of the lengths of blips: the deviation of their logarithm.
const BLIP_SIGMA: f64 = 0.87;
/// What is told was seen within this time: the longest that hekate confirms something, with the look before it.
const EVIDENCE: Duration = Duration::from_secs(90);

/// So much of what looks like a blip of a target is one of our own line.
const OURS: f64 = 0.7;
/// Nothing is an outage that lasts for less.
pub(crate) const OUTAGE_MIN: f64 = 60.0;

/// How much goes wrong in a world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Climate {
    pub(crate) name: &'static str,
    /// Looks of a hundred that fail by themselves.
    pub(crate) percent: f64,
    /// Blips of a target, a day.
    pub(crate) blips: f64,
    /// Their median length in seconds.
    pub(crate) blip_median: f64,
}

/// From a world in which little happens to one in which looks fail all the time.
pub(crate) const CLIMATES: [Climate; 3] = [
    Climate {
        name: "quiet",
        percent: 0.1,
        blips: 1.0,
        blip_median: 2.0,
    },
    Climate {
        name: "noisy",
        percent: 0.5,
        blips: 4.0,
        blip_median: 3.0,
    },
    Climate {
        name: "rough",
        percent: 2.0,
        blips: 10.0,
        blip_median: 3.0,
    },
];

/// A time in which a target truly did not work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    pub(crate) from: Duration,
    pub(crate) until: Duration,
    pub(crate) sky: Sky,
}

/// One target and what happens to it.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) id: TargetId,
    pub(crate) outages: Vec<Outage>,
    pub(crate) weather: Weather,
}

/// A fleet, its network and all that befalls them.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) subjects: Vec<Subject>,
    pub(crate) eyes: Eyes,
    pub(crate) noise: Noise,
    pub(crate) end: Duration,
}

/// What happens at random: when, and for how long.
struct Dice(StdRng);

impl Dice {
    /// A wait with this mean, for what knows nothing of the past.
    fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.0.random::<f64>()).ln()
    }

    /// A length whose logarithm is spread evenly around that of the median.
    fn blip(&mut self, median: f64) -> f64 {
        let (one, other): (f64, f64) = (self.0.random(), self.0.random());
        let normal = (-2.0 * (1.0 - one).ln()).sqrt() * (std::f64::consts::TAU * other).cos();
        median * (BLIP_SIGMA * normal).exp()
    }

    /// Times of one kind up to `end`: `mean` apart, each as long as `length` says.
    fn times(
        &mut self,
        end: f64,
        mean: f64,
        mut length: impl FnMut(&mut Self) -> f64,
    ) -> Vec<(f64, f64)> {
        let mut out = Vec::new();
        let mut at = self.wait(mean);
        while at < end {
            let until = at + length(self);
            out.push((at, until));
            at = until + self.wait(mean);
        }
        out
    }
}

/// Times that do not overlap, each with something: what comes first in the list wins.
fn settle<T: Copy>(mut wanted: Vec<(f64, f64, T)>) -> Vec<(f64, f64, T)> {
    let mut out: Vec<(f64, f64, T)> = Vec::new();
    // Of one kind the times are apart already, so only the few of the kinds before are in the way.
    let firsts = std::mem::take(&mut wanted);
    for time in firsts {
        let place = out.partition_point(|(from, _, _)| *from < time.0);
        let is_free = place
            .checked_sub(1)
            .is_none_or(|before| out[before].1 + 1.0 < time.0)
            && out.get(place).is_none_or(|after| time.1 + 1.0 < after.0);
        if is_free {
            out.insert(place, time);
        }
    }
    out
}

fn seconds(at: f64) -> Duration {
    // Whole milliseconds, as stored times are.
    Duration::from_millis(
        Duration::from_secs_f64(at)
            .as_millis()
            .try_into()
            .unwrap_or(u64::MAX),
    )
}

impl Truth {
    /// A fleet of so many targets for so many days.
    pub(crate) fn new(seed: u64, climate: Climate, targets: usize, days: f64) -> Self {
        let mut dice = Dice(StdRng::seed_from_u64(seed));
        let end = days * DAY;
        let median = climate.blip_median;
        let mut faults = Vec::new();
        for (net, mean, length) in [
            (Net::Lost, 10.0, 300.0),
            (Net::NoNames, 15.0, 300.0),
            (Net::NoSlack, 15.0, 1_200.0),
        ] {
            let times = dice.times(end, mean * DAY, |dice| 20.0 + dice.wait(length));
            faults.extend(times.into_iter().map(|(from, until)| (from, until, net)));
        }
        let ours = dice.times(end, DAY / (climate.blips * OURS), |dice| dice.blip(median));
        faults.extend(
            ours.into_iter()
                .map(|(from, until)| (from, until, Net::Lost)),
        );
        let mut eyes = Eyes::default();
        for (from, until, net) in settle(faults) {
            eyes.turn(seconds(from), net);
            eyes.turn(seconds(until), Net::Clear);
        }
        let subjects = (0..targets).map(|number| {
            let outages = dice.times(end, 15.0 * DAY, |dice| OUTAGE_MIN + dice.wait(540.0));
            let theirs = DAY / (climate.blips * (1.0 - OURS));
            let blips = dice.times(end, theirs, |dice| dice.blip(median));
            subject(number, &mut dice, outages, blips, None)
        });
        Self {
            subjects: subjects.collect(),
            eyes,
            noise: Noise {
                percent: climate.percent,
                seed,
            },
            end: seconds(end),
        }
    }

    /// A fleet to which nothing happens but outages, each at least as long as `at_least` says for its kind.
    pub(crate) fn of_outages(
        seed: u64,
        targets: usize,
        each: usize,
        at_least: impl Fn(Sky) -> Duration,
    ) -> Self {
        let mut dice = Dice(StdRng::seed_from_u64(seed));
        let mut end = 0.0_f64;
        let subjects = (0..targets).map(|number| {
            let mut at = 600.0;
            let outages: Vec<_> = (0..each)
                .map(|index| {
                    at += dice.0.random_range(1_200.0..3_600.0);
                    let least = at_least(kind(index)).as_secs_f64();
                    let from = at;
                    at += least + dice.0.random_range(0.0..least * 2.0);
                    (from, at)
                })
                .collect();
            end = end.max(at);
            subject(number, &mut dice, outages, Vec::new(), Some(0))
        });
        Self {
            subjects: subjects.collect(),
            eyes: Eyes::default(),
            noise: Noise::default(),
            end: seconds(end + 3_600.0),
        }
    }

    /// What somebody meets who looks at this target at this time; everything that is not seen is silent to them.
    pub(crate) fn met(&self, subject: usize, at: Duration) -> Sky {
        let subject = &self.subjects[subject];
        let sky = self.noise.on(&subject.id, at, subject.weather.at(at));
        sky.through(self.eyes.at(at))
    }

    /// Whether our own network was well from a little before until a little after.
    pub(crate) fn sees(&self, from: Duration, until: Duration) -> bool {
        let margin = Duration::from_mins(5);
        let (from, until) = (from.saturating_sub(margin), until + margin);
        let mut troubles = self.eyes.near(from, until);
        troubles.all(|(_, _, net)| !net.hides())
    }

    /// Whether our own network was in trouble in the time in which what is decided now was seen.
    pub(crate) fn was_hidden(&self, decided: Duration) -> bool {
        let from = decided.saturating_sub(EVIDENCE);
        let mut troubles = self.eyes.near(from, decided);
        troubles.any(|(_, _, net)| net.hides())
    }

    /// Whether messages got out all the time.
    pub(crate) fn sends(&self, from: Duration, until: Duration) -> bool {
        let from = from.saturating_sub(Duration::from_mins(20));
        let mut troubles = self.eyes.near(from, until + Duration::from_mins(1));
        troubles.all(|(_, _, net)| net.sends())
    }
}

/// The kinds of outage in turn. What drips is silent, and so dead that it does not log either.
const fn kind(index: usize) -> Sky {
    match index % 3 {
        0 => Sky::SaysDown,
        1 => Sky::Refused,
        _ => Sky::Drip,
    }
}

/// A target with these outages, of one kind after the other from `first` on, or from any.
fn subject(
    number: usize,
    dice: &mut Dice,
    outages: Vec<(f64, f64)>,
    blips: Vec<(f64, f64)>,
    first: Option<usize>,
) -> Subject {
    let first = first.unwrap_or_else(|| dice.0.random_range(0..3));
    let outages = outages.into_iter().enumerate();
    let times: Vec<_> = outages
        .map(|(index, (from, until))| (from, until, kind(first + index)))
        .chain(
            blips
                .into_iter()
                .map(|(from, until)| (from, until, Sky::Silent)),
        )
        .collect();
    let mut weather = Weather::default();
    let mut outages = Vec::new();
    for (from, until, sky) in settle(times) {
        let (from, until) = (seconds(from), seconds(until));
        weather.turn(from, sky);
        weather.turn(until, Sky::Fine);
        if sky != Sky::Silent {
            outages.push(Outage { from, until, sky });
        }
    }
    Subject {
        id: TargetId::new(format!("group{number}/one")),
        outages,
        weather,
    }
}
