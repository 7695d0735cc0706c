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
    /// When an application wrote its last line; those that are not here write all the time.
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

/// A restart is no time to accuse anybody: neither of what is silent since long, nor of what fell silent meanwhile.
#[test]
fn after_a_start_nobody_is_accused_for_a_while() {
    let mut world = world();
    world.run_until(minutes(20));
    world.event(Event::Stop);
    let loaded = world.committed.clone();
    let plan = Arc::clone(&world.engine.plan);
    let mut world = World::restored((*plan).clone(), loaded, minutes(40));
    for name in ["blue", "batch"] {
        world.store.stopped.insert(String::from(name), minutes(20));
    }
    world.run_until(minutes(41) + Duration::from_secs(55));
    let judged = world.rows.iter().filter(|(_, _, row)| *row != "grace");
    assert_eq!(judged.count(), 0, "{:?}", world.rows);
    world.run_until(minutes(60));
    world.check(&expect![[r#"
        40m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1970-01-01T00:20:00.000Z; what happened since then was not seen
        46m 35s #core opened: blue operational -> degraded: no line in its log for 26 min 35 s (proved up to 29 s ago)
        46m 35s #core @core opened: batch operational -> down: no line in its log for 26 min 35 s (proved up to 29 s ago)
    "#]]);
}

fn many() -> World {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let mut targets: Vec<_> = names.iter().map(|name| logging(name, false)).collect();
    targets.push(logging("blue", false));
    targets.push(store(&[&names[..], &["blue"]].concat()));
    World::new(fleet(targets))
}

#[test]
fn ten_logs_that_are_asked_for_wrongly_are_one_message_and_so_is_their_end() {
    let mut world = many();
    world.run_until(minutes(10));
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        let faults = &mut world.store.faults;
        faults.insert(String::from(name), LogFaultKind::NotFound);
    }
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        15m 7s #core notice: graylog: the logs of 10 targets cannot be judged: not understood (no such stream 5f2a): a, b, c, d, e, f, g, h and 2 more
    "#]]);
    world.event(Event::Stop);
    let (plan, loaded) = (Arc::clone(&world.engine.plan), world.committed.clone());
    let faults = std::mem::take(&mut world.store.faults);
    let mut world = World::restored((*plan).clone(), loaded, minutes(31));
    world.store.faults = faults;
    world.run_until(minutes(50));
    world.check(&expect![[""]]);
    world.store.faults.clear();
    world.run_until(minutes(60));
    world.check(&expect![[r#"
        50m 21s #core notice: over: graylog: the logs of 10 targets can be judged again: a, b, c, d, e, f, g, h and 2 more
    "#]]);
}

#[test]
fn refused_for_one_and_never_seen_are_told_to_the_owner_and_not_as_the_stores_trouble() {
    let mut world = world();
    let faults = &mut world.store.faults;
    faults.insert(String::from("blue"), LogFaultKind::Auth);
    world.store.mute.insert(String::from("batch"));
    world.run_until(minutes(60));
    world.check(&expect![[r#"
        2m 45s #core notice: graylog: the log of one target cannot be judged: not let in (no such stream 5f2a): blue
        15m 35s #core notice: graylog: the log of one target cannot be judged: never a line since it is asked for: batch
    "#]]);
    world.store.faults.clear();
    world.store.mute.clear();
    world.run_until(minutes(70));
    world.check(&expect![[r#"
        1h 16s #core notice: over: graylog: the logs of 2 targets can be judged again: blue, batch
    "#]]);
}

#[test]
fn a_store_that_answers_nobody_is_its_own_trouble() {
    let mut world = world();
    world.run_until(minutes(10));
    for name in ["blue", "green", "batch"] {
        let faults = &mut world.store.faults;
        faults.insert(String::from(name), LogFaultKind::Auth);
    }
    world.run_until(minutes(30));
    world.store.faults.clear();
    world.run_until(minutes(40));
    world.check(&expect![[r#"
        10m 49s #ops opened: log source graylog operational -> unknown: no such stream 5f2a
        30m 26s #ops recovered: log source graylog unknown -> operational
    "#]]);
}
