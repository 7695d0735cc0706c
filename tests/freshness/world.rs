//! Thirty days of an application that logs, and of the store that takes it in.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

const DAY: f64 = 86_400.0;
const DAYS: f64 = 30.0;

/// How often the application writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum App {
    /// Every 1 to 45 s, rarely 100 s.
    Busy,
    /// Every 60 to 200 s.
    Sparse,
}

/// A time in which the pipeline is slow: begin, end, and how far behind it is at the worst.
struct Congestion {
    from: f64,
    to: f64,
    peak: f64,
}

/// A time in which the store is away; whatever arrives in a lossy one is gone.
struct Outage {
    from: f64,
    to: f64,
    is_lossy: bool,
}

pub(crate) struct World {
    pub(crate) length: Duration,
    /// Written at, visible from; both rising. What was lost is not here.
    lines: Vec<(f64, f64)>,
    pub(crate) silences: Vec<(Duration, Duration)>,
    congestions: Vec<Congestion>,
    outages: Vec<Outage>,
    base: f64,
}

fn seconds(time: f64) -> Duration {
    Duration::from_secs_f64(time)
}

impl World {
    pub(crate) fn new(seed: u64, app: App) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let end = DAYS * DAY;
        let congestions = (0..60)
            .map(|_| {
                let from = chance.random_range(0.0..end);
                Congestion {
                    from,
                    to: from + chance.random_range(900.0..5_400.0),
                    peak: chance.random_range(90.0..1_200.0),
                }
            })
            .collect();
        let outages = (0..15)
            .map(|number| {
                let from = chance.random_range(0.0..end);
                Outage {
                    from,
                    to: from + chance.random_range(120.0..2_400.0),
                    is_lossy: number % 2 == 0,
                }
            })
            .collect();
        // One silence in each of twelve or thirteen equal parts, so that no two touch.
        let parts = if chance.random_bool(0.5) { 12 } else { 13 };
        let part = end / f64::from(parts);
        let silences: Vec<_> = (0..parts)
            .map(|number| {
                let from = part * (f64::from(number) + chance.random_range(0.1..0.7));
                (from, from + chance.random_range(420.0..3_600.0))
            })
            .collect();
        let mut world = Self {
            length: seconds(end),
            lines: Vec::new(),
            silences: Vec::new(),
            congestions,
            outages,
            base: chance.random_range(0.5..3.0),
        };
        world.write(&mut chance, app, &silences, end);
        world.silences = silences
            .iter()
            .filter(|(from, _)| *from < end)
            .map(|(from, to)| (seconds(*from), seconds(*to)))
            .collect();
        world
    }

    fn write(&mut self, chance: &mut StdRng, app: App, silences: &[(f64, f64)], end: f64) {
        let mut at = 0.0;
        let mut arrived = 0.0_f64;
        while at < end {
            at += match app {
                App::Busy if chance.random_bool(0.002) => 100.0,
                App::Busy => chance.random_range(1.0..45.0),
                App::Sparse => chance.random_range(60.0..200.0),
            };
            if let Some((_, to)) = silences.iter().find(|(from, to)| at > *from && at < *to) {
                at = *to;
            }
            arrived = arrived.max(at + self.lag(at));
            if let Some(visible) = self.stored(arrived) {
                self.lines.push((at, visible));
            }
        }
        // Lines that waited out an outage appear together.
        let mut latest = 0.0_f64;
        for line in &mut self.lines {
            latest = latest.max(line.1);
            line.1 = latest;
        }
    }

    /// How long a line written now is on its way.
    fn lag(&self, at: f64) -> f64 {
        let congested = self
            .congestions
            .iter()
            .filter(|congestion| at > congestion.from && at < congestion.to)
            .map(|congestion| {
                let middle = f64::midpoint(congestion.from, congestion.to);
                let half = (congestion.to - congestion.from) / 2.0;
                congestion.peak * (1.0 - (at - middle).abs() / half)
            })
            .fold(0.0, f64::max);
        self.base + congested
    }

    /// When what arrives now can be found; absent if it is lost.
    fn stored(&self, arrived: f64) -> Option<f64> {
        let mut visible = arrived;
        for outage in &self.outages {
            if arrived >= outage.from && arrived < outage.to {
                if outage.is_lossy {
                    return None;
                }
                visible = visible.max(outage.to);
            }
        }
        Some(visible)
    }

    /// Whether the store can be asked now.
    pub(crate) fn answers(&self, now: Duration) -> bool {
        let now = now.as_secs_f64();
        !self
            .outages
            .iter()
            .any(|outage| now >= outage.from && now < outage.to)
    }

    /// How far behind the pipeline is, rounded up generously.
    pub(crate) fn lag_at(&self, at: Duration) -> Duration {
        let at = at.as_secs_f64();
        let waits = self
            .outages
            .iter()
            .filter(|outage| at + self.lag(at) >= outage.from && at < outage.to)
            .map(|outage| outage.to - at)
            .fold(0.0, f64::max);
        seconds(self.lag(at).max(waits) + 400.0)
    }

    /// Whether a line of ours written then can be found now.
    pub(crate) fn is_visible(&self, written: Duration, now: Duration) -> bool {
        let written = written.as_secs_f64();
        // First in, first out: it cannot overtake what was written before it.
        let index = self.lines.partition_point(|(at, _)| *at <= written);
        let before = index
            .checked_sub(1)
            .map_or(0.0, |index| self.lines[index].1);
        self.stored((written + self.lag(written)).max(0.0))
            .is_some_and(|visible| visible.max(before.min(visible + 1_200.0)) <= now.as_secs_f64())
    }

    /// Lines that can be found now and were written in this window.
    pub(crate) fn count(&self, now: Duration, from: Duration, to: Duration) -> usize {
        let (now, from, to) = (now.as_secs_f64(), from.as_secs_f64(), to.as_secs_f64());
        let start = self.lines.partition_point(|(at, _)| *at < from);
        self.lines[start..]
            .iter()
            .take_while(|(at, visible)| *at <= to && *visible <= now)
            .count()
    }

    /// The newest line that can be found now, not older than the lookback.
    pub(crate) fn newest(&self, now: Duration, lookback: Duration) -> Option<Duration> {
        let index = self
            .lines
            .partition_point(|(_, visible)| *visible <= now.as_secs_f64());
        let (at, _) = self.lines.get(index.checked_sub(1)?)?;
        let at = seconds(*at);
        (at >= now.saturating_sub(lookback)).then_some(at)
    }
}
