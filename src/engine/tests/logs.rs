//! Stories of logs: an application that writes, a store that may be behind, away or both, and what people are told.

use expect_test::expect;

use super::{World, fleet, minutes, target};
use crate::{
    engine::{Event, Order},
    model::{
        Check, CheckKind, Extra, Moment, Policy, Slot, SourceName, Target, TargetId, Timestamp,
        board::LogFacts,
        judgement::Count,
        logs::{
            Canary, CanaryPath, HttpStore, LogAnswer, LogFault, LogFaultKind, LogQuestion,
            LogSource, LogStore, LogStoreQuestion, Reading, Subject,
        },
        plan::{Question, TlsSettings},
        text::span,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};

const EVERY: Duration = Duration::from_secs(30);

/// A store of logs in virtual time: everything that was written up to its horizon can be found.
#[derive(Default)]
pub(super) struct Store {
    /// When an application wrote its last line, zero = never; those that are not here write all the time.
    pub(super) stopped: BTreeMap<String, Duration>,
    /// How far behind it is.
    pub(super) lag: Duration,
    /// Its horizon stands still here.
    pub(super) stuck_at: Option<Duration>,
    /// It does not answer.
    pub(super) is_away: bool,
    /// It takes no lines in.
    pub(super) is_intake_down: bool,
    /// What was sent between these times is lost.
    pub(super) lost: Option<(Duration, Duration)>,
    /// What it answers to some questions, however well it is.
    faults: BTreeMap<String, LogFaultKind>,
    /// Those who never wrote a line.
    mute: BTreeSet<String>,
}

fn time(at: Timestamp) -> Duration {
    at.since(Moment::default().at)
}

fn stamp(time: Duration) -> Timestamp {
    Moment::default().at + time
}

impl Store {
    fn horizon(&self, now: Duration) -> Duration {
        let horizon = now.saturating_sub(self.lag);
        self.stuck_at.map_or(horizon, |stuck| stuck.min(horizon))
    }

    pub(super) fn answer(&self, order: &Order, now: Duration) -> Option<Box<Extra>> {
        let check = &order.target.checks[usize::from(order.look.check)];
        let Question::LogStore(question) = &check.question else {
            return None;
        };
        let ask = order.ask.as_ref().expect("a round has its question");
        let fault = || LogFault::new(LogFaultKind::Unreachable, "no answer within 5 s");
        let horizon = self.horizon(now);
        let is_kept = |at: Duration| self.lost.is_none_or(|(from, to)| at < from || at >= to);
        let seen = ask
            .unseen
            .iter()
            .filter(|mark| time(mark.sent_at) <= horizon && is_kept(time(mark.sent_at)))
            .map(|mark| mark.number)
            .collect();
        let read = |subject: &Subject| {
            if let Some(kind) = self.faults.get(&subject.query) {
                return Err(LogFault::new(*kind, "no such stream 5f2a"));
            }
            if self.mute.contains(&subject.query) {
                return Ok(Reading::default());
            }
            let written = self.stopped.get(&subject.query).copied().unwrap_or(now);
            if written.is_zero() {
                return Ok(Reading::default());
            }
            let mut newest = written.min(horizon);
            if let Some((from, to)) = self.lost
                && newest >= from
                && newest < to
            {
                newest = from;
            }
            Ok(Reading {
                event: Some(stamp(newest)),
                ..Reading::default()
            })
        };
        let answer = LogAnswer {
            sent: ask.send.map(|_| {
                if self.is_away || self.is_intake_down {
                    Err(fault())
                } else {
                    Ok(())
                }
            }),
            seen: (!ask.unseen.is_empty()).then_some(if self.is_away {
                Err(fault())
            } else {
                Ok(seen)
            }),
            statement: None,
            skew_ms: None,
            readings: question
                .subjects
                .iter()
                .map(|subject| {
                    if self.is_away {
                        Err(fault())
                    } else {
                        read(subject)
                    }
                })
                .collect(),
        };
        Some(Box::new(Extra::Logs(answer)))
    }
}

impl World {
    pub(super) fn show_log(&mut self, slot: Slot, facts: &LogFacts) {
        let id = self
            .engine
            .at(slot)
            .map_or_else(String::new, |watched| watched.target.id.to_string());
        let row = facts.row.as_str();
        let last = self.rows.iter().rev().find(|(_, of, _)| *of == id);
        if last.is_none_or(|(_, _, before)| *before != row) {
            self.rows.push((self.now, id, row));
        }
    }

    pub(super) fn rows_of(&self, target: &str) -> String {
        let mut out = String::new();
        for (at, _, row) in self.rows.iter().filter(|(_, of, _)| of == target) {
            let at = humantime::format_duration(Duration::from_secs(at.as_secs()));
            writeln!(out, "{at} {row}").expect("a string takes it");
        }
        out
    }
}

fn policy(successes: u8) -> Policy {
    Policy {
        interval: EVERY,
        count: Some(Count { failures: 2, of: 2 }),
        successes,
        slow_after: Duration::from_secs(5),
        ..Policy::default()
    }
}

fn source() -> Arc<LogSource> {
    let url: url::Url = "http://graylog.example.test/api"
        .parse()
        .expect("an address");
    Arc::new(LogSource {
        name: SourceName::new("graylog"),
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
    })
}

fn subject(name: &str) -> Subject {
    Subject {
        query: name.to_owned(),
        streams: Vec::new(),
        lookback: Duration::from_mins(15),
    }
}

/// A target whose log is read; without its endpoint if `is_log_only`.
fn logging(name: &str, is_log_only: bool) -> Target {
    let mut target = target(name);
    if is_log_only {
        target.checks.clear();
    }
    target.checks.push(log_of(name, false));
    target
}

pub(super) fn log_of(name: &str, is_silent_when_inactive: bool) -> Check {
    Check {
        kind: CheckKind::LogFreshness,
        policy: policy(1),
        question: Question::LogFreshness(Arc::new(LogQuestion {
            source: SourceName::new("graylog"),
            subject: subject(name),
            max_age: Duration::from_mins(5),
            quiet: Vec::new(),
            is_silent_when_inactive,
        })),
    }
}

pub(super) fn store(subjects: &[&str]) -> Target {
    let question = LogStoreQuestion {
        source: source(),
        subjects: subjects.iter().map(|name| subject(name)).collect(),
    };
    let mut target = target("log source/graylog");
    target.checks = vec![Check {
        kind: CheckKind::LogStore,
        policy: policy(2),
        question: Question::LogStore(Arc::new(question)),
    }];
    target
}

fn world() -> World {
    World::new(fleet(vec![
        logging("blue", false),
        logging("green", false),
        logging("batch", true),
        store(&["blue", "green", "batch"]),
    ]))
}

#[test]
fn a_log_that_falls_silent_degrades_and_says_up_to_when_it_is_proved() {
    let mut world = world();
    world.run_until(minutes(20));
    world
        .store
        .stopped
        .insert(String::from("blue"), minutes(20));
    world.run_until(minutes(40));
    world.store.stopped.clear();
    world.run_until(minutes(45));
    world.check(&expect![[r#"
        26m 3s #core opened: blue operational -> degraded: no line in its log for 6 min 3 s (proved up to 28 s ago)
        40m 19s #core recovered: blue degraded -> operational
    "#]]);
    expect![[r#"
        23s grace
        2m 45s fresh
        25m 6s late
        25m 35s silent, being confirmed
        26m 3s silent
        40m 19s fresh
    "#]]
    .assert_eq(&world.rows_of("blue"));
}

#[test]
fn without_an_endpoint_silence_is_an_outage() {
    let mut world = world();
    world.run_until(minutes(20));
    world
        .store
        .stopped
        .insert(String::from("batch"), minutes(20));
    world.run_until(minutes(40));
    world.store.stopped.clear();
    world.run_until(minutes(45));
    world.check(&expect![[r#"
        26m 3s #core @core opened: batch operational -> down: no line in its log for 6 min 3 s (proved up to 28 s ago)
        40m 19s #core recovered: batch down -> operational
    "#]]);
}

#[test]
fn a_store_that_is_behind_is_its_own_incident_and_accuses_nobody() {
    let mut world = world();
    world.run_until(minutes(20));
    world.store.stuck_at = Some(minutes(20));
    world.run_until(minutes(50));
    world.store.stuck_at = None;
    world.run_until(minutes(60));
    world.check(&expect![[r#"
        22m 15s #core opened: log source graylog operational -> degraded: is 2 min 21 s behind
        50m 24s #core recovered: log source graylog degraded -> operational
    "#]]);
    expect![[r#"
        23s grace
        2m 45s fresh
        25m 6s store behind
        50m 18s fresh
    "#]]
    .assert_eq(&world.rows_of("blue"));
}

#[test]
fn a_store_that_is_away_is_its_own_incident_and_accuses_nobody() {
    let mut world = world();
    world.run_until(minutes(20));
    world.store.is_away = true;
    world.run_until(minutes(50));
    world.store.is_away = false;
    world.store.lost = Some((minutes(20), minutes(50)));
    world.run_until(minutes(70));
    world.check(&expect![[r#"
        20m 51s #core @core opened: log source graylog operational -> down: no answer within 5 s
        50m 13s #core recovered: log source graylog down -> operational
    "#]]);
    expect![[r#"
        23s grace
        2m 45s fresh
        24m 54s store unreachable
        50m 3s fresh
    "#]]
    .assert_eq(&world.rows_of("blue"));
}

#[test]
fn an_intake_that_is_down_is_told_while_the_search_works() {
    let mut world = world();
    world.run_until(minutes(20));
    world.store.is_intake_down = true;
    world.run_until(minutes(30));
    world.store.is_intake_down = false;
    world.run_until(minutes(40));
    world.check(&expect![[r#"
        20m 51s #core opened: log source graylog operational -> degraded: takes no lines in: no answer within 5 s
        30m 55s #core recovered: log source graylog degraded -> operational
    "#]]);
}

/// A silence is reminded of like everything else that lasts, though nobody looks at a log by itself.
#[test]
fn a_log_that_stays_silent_is_reminded_of() {
    let mut world = world();
    world.run_until(minutes(20));
    world
        .store
        .stopped
        .insert(String::from("blue"), minutes(20));
    world.run_until(minutes(80));
    world.check(&expect![[r#"
        26m 3s #core opened: blue operational -> degraded: no line in its log for 6 min 3 s (proved up to 28 s ago)
        56m 3s #core reminder: blue degraded -> degraded: no line in its log for 6 min 3 s (proved up to 28 s ago)
    "#]]);
}

#[test]
fn a_silent_log_lets_a_failing_endpoint_be_believed_at_once() {
    let mut world = world();
    world.run_until(minutes(20));
    world
        .store
        .stopped
        .insert(String::from("blue"), minutes(20));
    world.run_until(minutes(30));
    world.set("blue", "silent");
    world.run_until(minutes(35));
    world.check(&expect![[r#"
        26m 3s #core opened: blue operational -> degraded: no line in its log for 6 min 3 s (proved up to 28 s ago)
        30m 37s #core @core changed: blue degraded -> down: no answer
    "#]]);
}

#[test]
fn a_living_log_makes_a_silent_endpoint_wait() {
    let mut world = world();
    world.run_until(minutes(20));
    world.set("blue", "silent");
    world.run_until(minutes(25));
    world.check(&expect![[r#"
        21m 19s #core @core opened: blue operational -> down: no answer
    "#]]);
}

/// A line of before the silence is no sign of life: who fell silent in both is told as soon as who has no log.
#[test]
fn a_log_that_ends_with_its_endpoint_makes_nobody_wait() {
    let mut world = world();
    world.run_until(minutes(20));
    let lines = [("blue", minutes(20))];
    for (name, at) in lines {
        world.store.stopped.insert(String::from(name), at);
    }
    world.set("blue", "silent");
    world.run_until(minutes(25));
    world.check(&expect![[r#"
        20m 54s #core @core opened: blue operational -> down: no answer
    "#]]);
    let told = world.entries.last().expect("a message");
    expect!["last line 54 s ago via Graylog (lag 6 s) → no line in its log since then either: the process is gone or hangs"].assert_eq(told.story.log.as_deref().unwrap_or(""));
}

/// A store that is behind says nothing of what came after the silence began, so it is waited for: 45 s at most.
#[test]
fn a_store_that_shows_nothing_yet_is_waited_for() {
    let mut world = world();
    world.store.lag = Duration::from_secs(50);
    world.run_until(minutes(20));
    world
        .store
        .stopped
        .insert(String::from("blue"), minutes(20));
    world.set("blue", "silent");
    world.run_until(minutes(25));
    world.check(&expect![[r#"
        21m 19s #core @core opened: blue operational -> down: no answer
    "#]]);
}

/// While nobody is in question a store is asked in its rhythm, and while somebody is for long, no more often than that.
#[test]
fn a_store_is_hastened_only_while_it_can_tell_something() {
    let mut world = world();
    world.run_until(minutes(20));
    let before = world.rounds;
    world.run_until(minutes(22));
    assert!((3..=5).contains(&(world.rounds - before)), "its rhythm");
    world
        .store
        .stopped
        .insert(String::from("blue"), minutes(22));
    world.set("blue", "silent");
    let before = world.rounds;
    world.run_until(minutes(23));
    let hastened = world.rounds - before;
    assert!((4..=9).contains(&hastened), "{hastened} rounds");
    let before = world.rounds;
    world.run_until(minutes(30));
    assert!((12..=17).contains(&(world.rounds - before)), "its rhythm");
}

#[test]
fn a_moved_clock_throws_the_watermark_away() {
    let mut world = world();
    world.run_until(minutes(20));
    world
        .store
        .stopped
        .insert(String::from("blue"), minutes(20));
    world.run_until(minutes(24));
    world.event(Event::Interrupted);
    world.run_until(minutes(29));
    world.check(&expect![[r#""#]]);
    assert_eq!(
        world.engine.verdict(&TargetId::new("blue")),
        Some(crate::model::Verdict::Operational)
    );
}

#[test]
fn a_restart_fakes_no_gap_and_no_silence() {
    let mut world = world();
    world.run_until(minutes(20));
    world.event(Event::Stop);
    let loaded = world.committed.clone();
    let plan = Arc::clone(&world.engine.plan);
    let mut world = World::restored(
        (*plan).clone(),
        loaded,
        minutes(20) + Duration::from_secs(20),
    );
    world
        .store
        .stopped
        .insert(String::from("blue"), minutes(20));
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        26m 25s #core opened: blue operational -> degraded: no line in its log for 6 min 25 s (proved up to 29 s ago)
    "#]]);
}

/// What an intake that is down did not take is gone, and whoever wrote seldom must not be called silent for it.
#[test]
fn lines_that_were_never_taken_in_are_no_silence() {
    let mut world = world();
    world.run_until(minutes(20));
    world.store.is_intake_down = true;
    world.store.lost = Some((minutes(20), minutes(50)));
    world
        .store
        .stopped
        .insert(String::from("blue"), minutes(48));
    world.run_until(minutes(50));
    world.store.is_intake_down = false;
    world.run_until(minutes(54));
    world.check(&expect![[r#"
        20m 51s #core opened: log source graylog operational -> degraded: takes no lines in: no answer within 5 s
        50m 51s #core recovered: log source graylog degraded -> operational
    "#]]);
}

/// What a log proved before a restart says nothing of now, and a failing endpoint is confirmed as always.
#[test]
fn a_verdict_of_before_a_restart_hurries_nothing() {
    let mut world = world();
    world.run_until(minutes(20));
    world
        .store
        .stopped
        .insert(String::from("blue"), minutes(20));
    world.run_until(minutes(30));
    world.event(Event::Stop);
    let loaded = world.committed.clone();
    let plan = Arc::clone(&world.engine.plan);
    let mut world = World::restored(
        (*plan).clone(),
        loaded,
        minutes(30) + Duration::from_secs(20),
    );
    world.set("blue", "silent");
    world.run_until(minutes(31));
    world.check(&expect![[r#"
        30m 49s #core @core changed: blue degraded -> down: no answer
    "#]]);
}

impl World {
    /// The longest usual pause of a target's log, as it is shown, and how much of a week was seen.
    fn pauses(&self, target: &str) -> String {
        let slot = self.engine.index[&TargetId::new(target)];
        let watched = self.engine.at(slot).expect("it has a place");
        let facts = watched.log.as_ref().expect("its log was read").pauses;
        let longest = facts.longest.map(|pause| span(pause.length));
        format!("{} days, {}", facts.days, longest.unwrap_or_default())
    }
}

#[test]
fn the_pauses_of_a_log_outlive_a_restart_and_a_changed_max_age_but_not_another_query() {
    let mut world = world();
    world.run_until(minutes(13 * 60));
    let stop = world.now;
    world.store.stopped.insert(String::from("blue"), stop);
    world.run_until(stop + minutes(4));
    world.store.stopped.clear();
    world.run_until(stop + minutes(6));
    assert_eq!(world.pauses("blue"), "1 days, 4 min 25 s");
    world.event(Event::Stop);
    let now = world.now + minutes(10);
    let plan = Arc::clone(&world.engine.plan);
    let mut world = World::restored((*plan).clone(), world.committed.clone(), now);
    world.run_until(now + minutes(2));
    assert_eq!(world.pauses("blue"), "1 days, 4 min 25 s");

    let with = |change: fn(&mut LogQuestion)| {
        let mut blue = logging("blue", false);
        let Question::LogFreshness(question) = &mut blue.checks[1].question else {
            panic!("the second check is the log");
        };
        change(Arc::make_mut(question));
        Event::Replanned(Arc::new(fleet(vec![
            blue,
            logging("green", false),
            logging("batch", true),
            store(&["blue", "green", "batch"]),
        ])))
    };
    world.event(with(|question| question.max_age = minutes(15)));
    world.run_until(now + minutes(4));
    assert_eq!(world.pauses("blue"), "1 days, 4 min 25 s");
    // What another log said and when is nothing that this one can be held to.
    world.event(with(|question| question.subject = subject("green")));
    world.run_until(now + minutes(8));
    assert_eq!(world.pauses("blue"), "0 days, 30 s");
}

/// A log that is asked for by other words has not been seen yet, whatever the one before said.
#[test]
fn a_changed_query_accuses_nobody_of_the_silence_of_another_log() {
    let mut world = world();
    world.run_until(minutes(20));
    world
        .store
        .stopped
        .insert(String::from("batcj"), Duration::ZERO);
    let mut batch = logging("batch", true);
    let Question::LogFreshness(question) = &mut batch.checks[0].question else {
        panic!("its only check is the log");
    };
    Arc::make_mut(question).subject = subject("batcj");
    world.event(Event::Replanned(Arc::new(fleet(vec![
        logging("blue", false),
        logging("green", false),
        batch,
        store(&["blue", "green", "batcj"]),
    ]))));
    world.run_until(minutes(35));
    world.check(&expect![[""]]);
}
