//! Sixty days of trouble in a store of logs, many times over: which rule cries wolf, and which finds every silence.
#![expect(
    clippy::print_stdout,
    reason = "the table of the documentation is what this prints"
)]

mod world;

use std::time::Duration;

use hekate::{
    judge::{freshness, watermark},
    model::{
        SourceName, Timestamp,
        logs::{
            Canary, CanaryPath, HttpStore, LogAnswer, LogFault, LogFaultKind, LogMemory,
            LogQuestion, LogRow, LogSource, LogStore, Reading, Subject, Witness,
        },
        plan::TlsSettings,
    },
};
use world::{App, World};

/// From one round to the next.
const ROUND: Duration = Duration::from_secs(30);
/// The longest silence that is not told.
const MAX_AGE: Duration = Duration::from_mins(5);
/// Runs of thirty days.
const RUNS: u64 = 12;

fn source() -> LogSource {
    let url: url::Url = "http://store.example.test/".parse().expect("an address");
    LogSource {
        name: SourceName::new("store"),
        store: LogStore::Graylog(HttpStore {
            url: url.clone(),
            credentials: None,
            headers: Vec::new(),
            tls: TlsSettings::default(),
        }),
        canary: Some(Canary {
            via: CanaryPath::GelfHttp(url),
            give_up: Duration::from_mins(10),
        }),
        lag_limit: Duration::from_secs(90),
        reorder_margin: Duration::ZERO,
        startup_grace: Duration::from_mins(2),
        channel: None,
    }
}

fn question() -> LogQuestion {
    LogQuestion {
        source: SourceName::new("store"),
        subject: Subject {
            query: String::from("app:x"),
            streams: Vec::new(),
            lookback: Duration::from_mins(15),
        },
        max_age: MAX_AGE,
        quiet: Vec::new(),
        is_silent_when_inactive: false,
    }
}

/// A rule: what it remembers, and whether it alarms in this round.
trait Rule {
    fn alarms(&mut self, world: &World, now: Duration) -> bool;
}

/// Counts lines of the last window, perhaps shifted back.
struct Window {
    length: Duration,
    delay: Duration,
    /// How long after an alarm the next one may come; zero = while it lasts it is one alarm.
    again_after: Duration,
    last: Option<Duration>,
}

impl Rule for Window {
    fn alarms(&mut self, world: &World, now: Duration) -> bool {
        if !world.answers(now) {
            return false;
        }
        let to = now.saturating_sub(self.delay);
        let from = to.saturating_sub(self.length);
        let is_silent = from > Duration::ZERO && world.count(now, from, to) == 0;
        if self.again_after.is_zero() {
            return is_silent;
        }
        let is_free = self.last.is_none_or(|last| now >= last + self.again_after);
        if is_silent && is_free {
            self.last = Some(now);
            return true;
        }
        false
    }
}

/// The product's own rule.
struct Watermark {
    source: LogSource,
    question: LogQuestion,
    witness: Witness,
    memory: LogMemory,
    resets_at_gaps: bool,
    rounds: u8,
    silent: u8,
}

impl Watermark {
    fn new(resets_at_gaps: bool, rounds: u8) -> Self {
        Self {
            source: source(),
            question: question(),
            witness: Witness::default(),
            memory: LogMemory::default(),
            resets_at_gaps,
            rounds,
            silent: 0,
        }
    }
}

impl Rule for Watermark {
    fn alarms(&mut self, world: &World, now: Duration) -> bool {
        let at = stamp(now);
        let ask = watermark::plan_round(&mut self.witness, &self.source, 7, at);
        let fault = || LogFault::new(LogFaultKind::Unreachable, "away");
        let does_answer = world.answers(now);
        let reading = if does_answer {
            Ok(Reading {
                event: world.newest(now, self.question.subject.lookback).map(stamp),
                ..Reading::default()
            })
        } else {
            Err(fault())
        };
        let seen = if does_answer {
            let found = ask
                .unseen
                .iter()
                .filter(|mark| world.is_visible(time(mark.sent_at), now))
                .map(|mark| mark.number)
                .collect();
            Ok(found)
        } else {
            Err(fault())
        };
        let answer = LogAnswer {
            sent: Some(Ok(())),
            seen: Some(seen),
            statement: None,
            skew_ms: None,
            readings: vec![reading.clone()],
        };
        watermark::take_in(&mut self.witness, &self.source, &ask, &answer, at);
        let evidence = freshness::Evidence {
            now: at,
            looking_since: stamp(Duration::ZERO),
            startup_grace: Duration::from_mins(2),
            is_in_maintenance: false,
            is_blind: false,
            reading: reading.as_ref().map(|reading| *reading),
            watermark: self.witness.watermark,
            is_proved_by_canary: true,
            is_store_lagging: watermark::is_lagging(&self.witness),
            lag_limit: self.source.lag_limit,
            gap_end: self.witness.gap_end.filter(|_| self.resets_at_gaps),
            skew_ms: None,
            grace_until: None,
            active_since: None,
            is_expected_silent: false,
            is_failing_otherwise: false,
        };
        let decision = freshness::decide(&mut self.memory, &self.question, &evidence);
        match decision.row {
            LogRow::Confirming | LogRow::Stale => self.silent = self.silent.saturating_add(1),
            LogRow::Fresh | LogRow::Idle | LogRow::Late => self.silent = 0,
            LogRow::Grace
            | LogRow::Blind
            | LogRow::Auth
            | LogRow::Config
            | LogRow::Unreachable
            | LogRow::Partial
            | LogRow::LaggingSource
            | LogRow::LaggingStore
            | LogRow::Unproven
            | LogRow::NeverSeen => {}
        }
        self.silent >= self.rounds
    }
}

fn stamp(time: Duration) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000) + time
}

fn time(at: Timestamp) -> Duration {
    at.since(stamp(Duration::ZERO))
}

/// How a rule did.
#[derive(Default)]
struct Score {
    false_alarms: u32,
    found: u32,
    silences: u32,
    delays: Vec<Duration>,
}

impl Score {
    fn median_delay(&mut self) -> u64 {
        self.delays.sort();
        self.delays
            .get(self.delays.len() / 2)
            .map_or(0, Duration::as_secs)
    }
}

/// Plays one world under one rule.
fn play(world: &World, rule: &mut dyn Rule, score: &mut Score) {
    let mut is_on = false;
    let mut found = vec![false; world.silences.len()];
    let mut now = Duration::ZERO;
    while now < world.length {
        now += ROUND;
        let alarms = rule.alarms(world, now);
        if alarms && !is_on {
            // An alarm is true if it comes in a silence, or while its end is still on its way.
            let hit = world
                .silences
                .iter()
                .position(|(from, to)| now > *from && now <= *to + world.lag_at(*to) + ROUND * 2);
            match hit {
                Some(index) => {
                    if !found[index] {
                        found[index] = true;
                        score
                            .delays
                            .push(now.saturating_sub(world.silences[index].0));
                    }
                }
                None => score.false_alarms += 1,
            }
        }
        is_on = alarms;
    }
    score.silences += u32::try_from(found.len()).expect("few");
    score.found += u32::try_from(found.iter().filter(|found| **found).count()).expect("few");
}

fn window(length: Duration, delay: Duration, again_after: Duration) -> Box<dyn Rule> {
    Box::new(Window {
        length,
        delay,
        again_after,
        last: None,
    })
}

type Make = fn() -> Box<dyn Rule>;

const RULES: [(&str, Make); 6] = [
    ("fewer than one line in 1 min, again after 10 min", || {
        window(
            Duration::from_mins(1),
            Duration::ZERO,
            Duration::from_mins(10),
        )
    }),
    ("no line for 5 min", || {
        window(MAX_AGE, Duration::ZERO, Duration::ZERO)
    }),
    ("the same, asked 2 min late", || {
        window(MAX_AGE, Duration::from_mins(2), Duration::ZERO)
    }),
    ("watermark, holes noticed, two rounds", || {
        Box::new(Watermark::new(true, 2))
    }),
    ("watermark, holes not noticed", || {
        Box::new(Watermark::new(false, 2))
    }),
    ("watermark, one round", || Box::new(Watermark::new(true, 1))),
];

fn scores(app: App) -> Vec<(&'static str, Score)> {
    std::thread::scope(|scope| {
        let handles: Vec<_> = RULES
            .iter()
            .map(|(name, make)| {
                scope.spawn(move || {
                    let mut score = Score::default();
                    for run in 0..RUNS {
                        let world = World::new(run, app);
                        play(&world, &mut *make(), &mut score);
                    }
                    (*name, score)
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().expect("no rule panics"))
            .collect()
    })
}

/// The table of docs/log-freshness.md is what this prints.
#[test]
fn the_watermark_never_cries_wolf_and_finds_every_silence() {
    for app in [App::Busy, App::Sparse] {
        println!("{app:?}: false alarms in 30 days | found | median delay");
        for (name, mut score) in scores(app) {
            let per_month = f64::from(score.false_alarms) / 12.0;
            let delay = score.median_delay();
            println!(
                "{name:50} {per_month:7.1} | {}/{} | {} s",
                score.found, score.silences, delay
            );
            if name.starts_with("watermark, holes noticed") {
                assert!(
                    score.false_alarms <= 1,
                    "{app:?}: {} false alarms in 360 days",
                    score.false_alarms
                );
                assert_eq!(score.found, score.silences, "{app:?}: a silence was missed");
            }
        }
    }
}
