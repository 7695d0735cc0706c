//! Logs that write now and then, stores that are away now and then, and what a week of them says.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    judge::freshness,
    model::{
        SourceName,
        logs::{LogFault, LogFaultKind, Quiet, Reading, Subject},
        text::span,
    },
};

/// A Sunday, at midnight.
const BEGINNING: Timestamp = Timestamp::from_millis(1_795_305_600_000);
const ROUND_S: u64 = 30;
const MAX_AGE: Duration = Duration::from_mins(5);
/// How far the store is behind.
const LAG_S: u64 = 6;

fn at(seconds: u64) -> Timestamp {
    BEGINNING + Duration::from_secs(seconds)
}

/// A log, its store and its target, in seconds since the beginning.
struct World {
    round_s: u64,
    /// When a line was written, rising.
    lines: Vec<u64>,
    /// When the store does not answer.
    away: Vec<(u64, u64)>,
    /// When the target's endpoint says that it does not work.
    failing: Vec<(u64, u64)>,
    quiet: Vec<Quiet>,
    /// Whether anything says up to when the store is complete.
    is_proved: bool,
    memory: LogMemory,
    now: u64,
}

fn is_in(spans: &[(u64, u64)], at: u64) -> bool {
    spans.iter().any(|(from, to)| (*from..*to).contains(&at))
}

impl World {
    fn of(lines: Vec<u64>) -> Self {
        Self {
            round_s: ROUND_S,
            lines,
            away: Vec::new(),
            failing: Vec::new(),
            quiet: Vec::new(),
            is_proved: true,
            memory: LogMemory::default(),
            now: 0,
        }
    }

    /// A log that writes every so many seconds for so many days.
    fn steady(every_s: u64, days: u64) -> Self {
        Self::of(
            (0..days * DAY / every_s)
                .map(|line| line * every_s)
                .collect(),
        )
    }

    /// Takes these seconds out of the log.
    fn without(mut self, from: u64, to: u64) -> Self {
        self.lines.retain(|line| !(from..to).contains(line));
        self
    }

    fn question(&self) -> LogQuestion {
        LogQuestion {
            source: SourceName::new("graylog"),
            subject: Subject {
                query: String::from("app:x"),
                streams: Vec::new(),
                lookback: MAX_AGE * 3,
            },
            max_age: MAX_AGE,
            quiet: self.quiet.clone(),
            is_silent_when_inactive: false,
        }
    }

    fn round(&mut self, watermark: &mut Option<Timestamp>) {
        let now = self.now;
        let fault = LogFault::new(LogFaultKind::Unreachable, "away");
        let is_away = is_in(&self.away, now);
        let shown = now.saturating_sub(LAG_S);
        let newest = self.lines[..self.lines.partition_point(|line| *line <= shown)].last();
        if self.is_proved && !is_away {
            *watermark = Some(at(shown));
        }
        let evidence = Evidence {
            now: at(now),
            looking_since: BEGINNING,
            startup_grace: Duration::from_mins(2),
            is_in_maintenance: false,
            is_blind: false,
            reading: if is_away {
                Err(&fault)
            } else {
                Ok(Reading {
                    event: newest.map(|line| at(*line)),
                    ..Reading::default()
                })
            },
            watermark: *watermark,
            is_proved_by_canary: true,
            is_store_lagging: false,
            lag_limit: Duration::from_secs(90),
            gap_end: None,
            skew_ms: None,
            grace_until: None,
            active_since: None,
            is_expected_silent: false,
            is_failing_otherwise: is_in(&self.failing, now),
        };
        let question = self.question();
        freshness::decide(&mut self.memory, &question, &evidence);
    }

    fn play(mut self, days: u64) -> Self {
        let mut watermark = None;
        while self.now < days * DAY {
            self.round(&mut watermark);
            self.now += self.round_s;
        }
        self
    }

    fn facts(&self) -> PauseFacts {
        facts(&self.memory, at(self.now))
    }

    fn told(&self) -> String {
        let facts = self.facts();
        let pause = |pause: Option<SeenPause>| {
            pause.map_or_else(
                || String::from("-"),
                |pause| {
                    let sign = if pause.is_whole { '≤' } else { '≥' };
                    let day = pause.day.since(BEGINNING).as_secs() / DAY;
                    format!("{sign} {} on day {day}", span(pause.length))
                },
            )
        };
        let suggested = facts.suggested().map_or_else(|| String::from("-"), span);
        format!(
            "{} days, {}, told {}, suggested {suggested}",
            facts.days,
            pause(facts.longest),
            pause(facts.told),
        )
    }
}

#[test]
fn a_week_of_a_log_says_how_long_its_pauses_are() {
    let noon = 12 * HOUR;
    let cases: Vec<(&str, World, u64, &str)> = vec![
        (
            "busy: known no better than from one round to the next",
            World::steady(1, 8),
            8,
            "7 days, ≤ 30 s on day 7, told -, suggested 2 min",
        ),
        (
            "two days are too few",
            World::steady(10, 2),
            2,
            "2 days, ≤ 30 s on day 1, told -, suggested -",
        ),
        (
            "one usual pause of four minutes, on Wednesday",
            World::steady(10, 8).without(3 * DAY + noon, 3 * DAY + noon + 240),
            8,
            "7 days, ≤ 4 min 30 s on day 3, told -, suggested 15 min",
        ),
        (
            "it was eight days ago: nobody remembers",
            World::steady(10, 12).without(3 * DAY + noon, 3 * DAY + noon + 240),
            12,
            "7 days, ≤ 30 s on day 11, told -, suggested 2 min",
        ),
        (
            "sparse: every pause was told as silence, so that is how it is",
            World::steady(HOUR, 8),
            8,
            "7 days, ≤ 1 h on day 6, told -, suggested 3 h",
        ),
        (
            "silent once for two hours: that may have been an outage",
            World::steady(10, 8).without(3 * DAY + noon, 3 * DAY + noon + 2 * HOUR),
            8,
            "7 days, ≤ 30 s on day 7, told ≤ 2 h on day 3, suggested 2 min",
        ),
    ];
    assert_told(cases);
}

fn assert_told(cases: Vec<(&str, World, u64, &str)>) {
    for (story, world, days, expected) in cases {
        assert_eq!(world.play(days).told(), expected, "{story}");
    }
}

#[test]
fn what_is_no_pause_of_the_log_is_not_counted_as_one() {
    let noon = 12 * HOUR;
    let nights = Quiet {
        days: Vec::new(),
        from_minute: 22 * 60,
        to_minute: 6 * 60,
        timezone: chrono_tz::UTC,
    };
    let cases: Vec<(&str, World, u64, &str)> = vec![
        (
            "silent because it did not work",
            World {
                failing: vec![(3 * DAY + noon + 60, 3 * DAY + noon + 600)],
                ..World::steady(10, 8).without(3 * DAY + noon, 3 * DAY + noon + 600)
            },
            8,
            "7 days, ≤ 30 s on day 7, told -, suggested 2 min",
        ),
        (
            "nobody expects lines at night",
            World {
                quiet: vec![nights],
                ..(0..8).fold(World::steady(10, 8), |world, day| {
                    world.without(day * DAY + 23 * HOUR, day * DAY + 29 * HOUR)
                })
            },
            8,
            "7 days, ≤ 30 s on day 7, told -, suggested 2 min",
        ),
        (
            "the store was away for ten minutes: no pause of the log",
            World {
                away: vec![(3 * DAY + noon, 3 * DAY + noon + 600)],
                ..World::steady(10, 8)
            },
            8,
            "7 days, ≤ 30 s on day 7, told -, suggested 2 min",
        ),
        (
            "away in the middle of a pause: at least what was proved of it",
            World {
                away: vec![(3 * DAY + noon + 60, 3 * DAY + noon + 90)],
                ..World::steady(10, 8).without(3 * DAY + noon, 3 * DAY + noon + 240)
            },
            8,
            "7 days, ≥ 4 min 4 s on day 3, told -, suggested 15 min",
        ),
        (
            "nothing says up to when the store is complete",
            World {
                is_proved: false,
                ..World::steady(10, 8)
            },
            8,
            "0 days, -, told -, suggested -",
        ),
        (
            "never seen",
            World::of(Vec::new()),
            8,
            "0 days, -, told -, suggested -",
        ),
    ];
    assert_told(cases);
}

#[test]
fn a_pause_that_goes_on_counts_as_long_as_it_is_proved() {
    let mut world = World::steady(10, 8).without(8 * DAY - 240, 8 * DAY).play(8);
    assert_eq!(
        world.told(),
        "7 days, ≥ 3 min 34 s on day 8, told -, suggested 15 min"
    );
    // A moved clock, or a start of the process: what went on is not known any more, the days are.
    let now = at(world.now);
    freshness::void(&mut world.memory, now);
    assert_eq!(
        world.told(),
        "7 days, ≤ 30 s on day 7, told -, suggested 2 min"
    );
    freshness::void(&mut world.memory, at(4 * DAY));
    assert_eq!(
        world.memory.pauses.days.last().map(|day| day.day),
        Some(day_of(at(4 * DAY)))
    );
}

#[test]
fn what_was_learnt_takes_little_room() {
    let world = World::steady(10, 30).play(30);
    assert_eq!(world.memory.pauses.days.len(), usize::from(DAYS_KEPT));
    let bytes = size_of::<Pauses>() + world.memory.pauses.days.capacity() * size_of::<PauseDay>();
    assert!(bytes <= 400, "{bytes}");
}

#[test]
fn a_pause_beyond_what_the_file_allows_wants_nothing() {
    let pause = |days: u64| seen_pause((u32::try_from(days * DAY).unwrap(), true, 20_000));
    assert_eq!(pause(10).wants, Some(Duration::from_secs(30 * DAY)));
    assert_eq!(pause(11).wants, None);
}

/// Gaps from one line to the next, mostly short.
fn gaps() -> impl Strategy<Value = Vec<u64>> {
    let gap = prop_oneof![20 => 1..900_u64, 2 => 900..7_200_u64, 1 => 7_200..100_000_u64];
    vec(gap, 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a log writes and whenever its store is away: nothing is suggested too early, and never less than three
    /// times a pause that was wholly seen and not told, or that was told on two days.
    #[test]
    fn a_suggestion_is_never_less_than_three_times_a_usual_pause(
        gaps in gaps(),
        away in vec((0..9 * DAY, 1..20_000_u64), 0..6),
        round_s in 30..300_u64,
    ) {
        let lines: Vec<u64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
        let away: Vec<_> = away.into_iter().map(|(from, length)| (from, from + length)).collect();
        let world = World { round_s, away: away.clone(), ..World::of(lines.clone()) }.play(9);
        let facts = world.facts();
        let suggested = facts.suggested();
        prop_assert!(suggested.is_none() || facts.days == DAYS_WANTED);
        let end = world.now - round_s;
        // Rounds are at multiples of `round_s`, and the store was there in all that matter to a pause.
        let is_seen = |from: u64, to: u64| {
            let rounds = (from / round_s)..=((to + LAG_S) / round_s + 1);
            rounds.into_iter().all(|round| !is_in(&away, round * round_s))
        };
        let seen: Vec<_> = lines
            .windows(2)
            .map(|pair| (pair[0], pair[1]))
            .filter(|(from, to)| *from >= 2 * DAY && *to + 2 * round_s + LAG_S < end && is_seen(*from, *to))
            .collect();
        let threshold = MAX_AGE.as_secs();
        for (from, to) in &seen {
            if to - from <= threshold && let Some(suggested) = suggested {
                prop_assert!(suggested.as_secs() >= TIMES * (to - from), "{from}..{to}: {suggested:?}");
            }
        }
        // What was told at all is either usual or shown.
        if let Some(longest) = seen.iter().map(|(from, to)| to - from).max() {
            let known = facts.longest.into_iter().chain(facts.told).map(|pause| pause.length.as_secs()).max();
            prop_assert!(known.unwrap_or(0) >= longest, "{longest} is not in {facts:?}");
        }
        for pause in facts.longest.into_iter().chain(facts.told) {
            prop_assert!(pause.wants.is_none_or(|wants| wants >= pause.length * 3));
        }
    }
}
