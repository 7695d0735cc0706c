//! Stories of targets that call us: beats that come, are late, fail or stay away, and what nobody is blamed for.

use expect_test::expect;

use super::{World, fleet, minutes, target};
use crate::{
    engine::Event,
    model::{
        Check, CheckKind, Moment, Plan, Policy, Secret, SourceName, Target, TargetId,
        heartbeat::{HeartbeatQuestion, News, Push},
        judgement::Count,
        logs::{LogQuestion, LogSource, LogStore, LogStoreQuestion, Subject},
        plan::Question,
    },
};
use std::{sync::Arc, time::Duration};

const LISTEN: Duration = Duration::from_secs(30);

fn policy() -> Policy {
    Policy {
        interval: LISTEN,
        timeout: LISTEN / 2,
        count: Some(Count { failures: 1, of: 1 }),
        successes: 1,
        ..Policy::default()
    }
}

/// A target that calls every hour, 5 minutes late at the most.
fn caller(name: &str, every: Duration) -> Target {
    let mut target = target(name);
    target.checks = vec![Check {
        kind: CheckKind::Heartbeat,
        policy: policy(),
        question: Question::Heartbeat(Arc::new(HeartbeatQuestion {
            every,
            grace: minutes(5),
            token: Secret::new("a-token-of-many-characters"),
        })),
    }];
    target
}

fn hourly() -> Plan {
    fleet(vec![caller("export", minutes(60))])
}

impl World {
    fn beat(&mut self, at: Duration, failure: Option<&str>) {
        self.run_until(at);
        self.event(Event::Pushed(Push {
            target: TargetId::new("export"),
            news: News::Beat {
                failure: failure.map(String::from),
            },
        }));
    }

    fn line(&mut self, query: &str, written_at: Duration, lag: Option<Duration>) {
        self.event(Event::Pushed(Push {
            target: TargetId::new("log source/shipper"),
            news: News::Line {
                query: query.to_owned(),
                written_at: Some(Moment::default().at + written_at),
                lag,
            },
        }));
    }
}

#[test]
fn a_missed_beat_is_told_at_its_deadline_and_the_next_one_ends_it() {
    let mut world = World::new(hourly());
    world.beat(minutes(10), None);
    // Late within its grace.
    world.beat(minutes(74), None);
    world.run_until(minutes(138));
    world.check(&expect![[""]]);
    world.run_until(minutes(300));
    world.check(&expect![[r#"
        2h 19m #core @core opened: export operational -> down: no beat for 1 h 5 min (expected every 1 h, grace 5 min)
        2h 49m #core @core reminder: export down -> down: no beat for 1 h 5 min (expected every 1 h, grace 5 min)
        4h 19m #core reminder: export down -> down: no beat for 1 h 5 min (expected every 1 h, grace 5 min)
    "#]]);
    world.beat(minutes(310), None);
    world.run_until(minutes(320));
    world.check(&expect![[r#"
        5h 10m #core recovered: export down -> operational
    "#]]);
    assert_eq!(world.looks, 0, "nobody is asked");
}

#[test]
fn a_failure_that_is_reported_is_told_at_once() {
    let mut world = World::new(hourly());
    world.beat(minutes(10), None);
    world.beat(minutes(70), Some("disk full"));
    world.check(&expect![[r#"
        1h 10m #core @core opened: export operational -> down: it reported a failure: disk full
    "#]]);
    // The next one failed as well, and then none came: it is the same outage.
    world.beat(minutes(130), Some(""));
    world.run_until(minutes(400));
    world.beat(minutes(400), None);
    world.check(&expect![[r#"
        1h 40m #core @core reminder: export down -> down: it reported a failure: disk full
        3h 10m #core reminder: export down -> down: it reported a failure: disk full
        5h 10m #core reminder: export down -> down: it reported a failure: disk full
        6h 40m #core recovered: export down -> operational
    "#]]);
}

#[test]
fn one_that_never_called_is_told_after_a_whole_wait() {
    let mut world = World::new(hourly());
    world.run_until(minutes(64));
    world.check(&expect![[""]]);
    world.run_until(minutes(66));
    world.check(&expect![[r#"
        1h 5m #core @core opened: export unknown -> down: no beat yet (expected every 1 h, grace 5 min)
    "#]]);
}

#[test]
fn a_restart_accuses_nobody_of_a_beat_that_may_have_come_meanwhile() {
    let mut world = World::new(hourly());
    world.beat(minutes(10), None);
    world.run_until(minutes(30));
    world.event(Event::Stop);
    // Away for one minute in the middle of the hour: nothing was lost, so the deadline stays.
    let mut world = World::restored(hourly(), world.committed, minutes(31));
    world.run_until(minutes(74));
    world.check(&expect![[""]]);
    world.run_until(minutes(76));
    world.check(&expect![[r#"
        1h 15m #core @core opened: export operational -> down: no beat for 1 h 5 min (expected every 1 h, grace 5 min)
    "#]]);
    world.beat(minutes(80), None);
    world.event(Event::Stop);
    world.check(&expect![[r#"
        1h 20m #core recovered: export down -> operational
    "#]]);
    // Away when the next one was due: the one after it is waited for.
    let mut world = World::restored(hourly(), world.committed, minutes(150));
    world.run_until(minutes(214));
    world.check(&expect![[r#"
        2h 30m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 01:20:00 UTC; what happened since then was not seen
    "#]]);
    world.run_until(minutes(216));
    world.check(&expect![[r#"
        3h 35m #core @core opened: export operational -> down: no beat for 2 h 15 min (expected every 1 h, grace 5 min)
    "#]]);
}

#[test]
fn an_outage_goes_on_through_a_restart_until_a_beat_comes() {
    let mut world = World::new(hourly());
    world.run_until(minutes(70));
    world.check(&expect![[r#"
        1h 5m #core @core opened: export unknown -> down: no beat yet (expected every 1 h, grace 5 min)
    "#]]);
    world.event(Event::Stop);
    let mut world = World::restored(hourly(), world.committed, minutes(71));
    world.run_until(minutes(140));
    world.check(&expect![[r#"
        1h 35m #core @core reminder: export down -> down: no beat yet (expected every 1 h, grace 5 min)
    "#]]);
    world.beat(minutes(141), None);
    world.check(&expect![[r#"
        2h 21m #core recovered: export down -> operational
    "#]]);
}

#[test]
fn a_crash_forgets_no_beat_that_was_written_down() {
    let mut world = World::new(hourly());
    world.beat(minutes(10), None);
    world.beat(minutes(70), None);
    let committed = world.committed.clone();
    let mut world = World::restored(hourly(), committed, minutes(71));
    world.run_until(minutes(134));
    world.check(&expect![[""]]);
    world.run_until(minutes(136));
    world.check(&expect![[r#"
        2h 15m #core @core opened: export operational -> down: no beat for 1 h 5 min (expected every 1 h, grace 5 min)
    "#]]);
}

#[test]
fn a_suspend_is_no_silence() {
    let mut world = World::new(hourly());
    world.beat(minutes(10), None);
    world.run_until(minutes(60));
    // The process stood still for an hour.
    world.now = minutes(120);
    world.event(Event::Interrupted);
    world.run_until(minutes(184));
    world.check(&expect![[""]]);
    world.run_until(minutes(186));
    world.check(&expect![[r#"
        3h 5m #core @core opened: export operational -> down: no beat for 2 h 55 min (expected every 1 h, grace 5 min)
    "#]]);
}

#[test]
fn a_changed_rhythm_begins_with_what_is_known() {
    let mut world = World::new(hourly());
    world.beat(minutes(10), None);
    world.run_until(minutes(20));
    let plan = fleet(vec![caller("export", minutes(30))]);
    world.event(Event::Replanned(Arc::new(plan)));
    world.run_until(minutes(44));
    world.check(&expect![[""]]);
    world.run_until(minutes(46));
    world.check(&expect![[r#"
        45m #core @core opened: export operational -> down: no beat for 35 min (expected every 30 min, grace 5 min) [how it is looked at was changed 25 min before]
    "#]]);
    // A call for something that is not there is no trouble.
    world.event(Event::Replanned(Arc::new(fleet(vec![target("api")]))));
    world.beat(minutes(50), None);
    world.check(&expect![[r#"
        46m #core removed: export down -> unknown: it was taken out of the file, so nobody looks at it any more
    "#]]);
}

fn subject(query: &str) -> Subject {
    Subject {
        query: query.to_owned(),
        streams: Vec::new(),
        lookback: minutes(15),
    }
}

fn shipped() -> Plan {
    let mut blue = target("blue");
    blue.checks = vec![Check {
        kind: CheckKind::LogFreshness,
        policy: policy(),
        question: Question::LogFreshness(Arc::new(LogQuestion {
            source: SourceName::new("shipper"),
            subject: subject("blue"),
            max_age: minutes(5),
            quiet: Vec::new(),
            is_silent_when_inactive: false,
        })),
    }];
    let mut store = target("log source/shipper");
    store.checks = vec![Check {
        kind: CheckKind::LogStore,
        policy: Policy {
            count: Some(Count { failures: 2, of: 2 }),
            successes: 2,
            ..Policy::default()
        },
        question: Question::LogStore(Arc::new(LogStoreQuestion {
            source: Arc::new(LogSource {
                name: SourceName::new("shipper"),
                store: LogStore::Push {
                    token: Secret::new("a-token-of-many-characters"),
                },
                canary: None,
                lag_limit: Duration::from_secs(90),
                reorder_margin: Duration::ZERO,
                startup_grace: Duration::from_mins(2),
                channel: None,
            }),
            subjects: vec![subject("blue")],
        })),
    }];
    fleet(vec![blue, store])
}

#[test]
fn a_log_that_is_pushed_is_judged_by_what_was_pushed() {
    let mut world = World::new(shipped());
    for minute in 1..20 {
        world.run_until(minutes(minute));
        world.line("blue", minutes(minute), None);
        // Nobody asked for this one.
        world.line("green", minutes(minute), None);
    }
    world.check(&expect![[""]]);
    // The shipper lives and says that there is nothing new; a clock that runs ahead hides nothing.
    for minute in 20..40 {
        world.run_until(minutes(minute));
        world.line("blue", minutes(19), None);
    }
    world.check(&expect![[r#"
        24m 22s #core @core opened: blue operational -> down: no line in its log for 5 min 22 s (proved up to 0 s ago)
    "#]]);
    world.line("blue", minutes(900), None);
    world.run_until(minutes(44));
    world.check(&expect![[r#"
        39m 7s #core recovered: blue down -> operational
    "#]]);
    assert_eq!(world.looks, 0, "nobody is asked");
}

#[test]
fn nothing_that_is_pushed_is_silent_soon_after_a_start() {
    let mut world = World::new(shipped());
    for minute in 1..20 {
        world.run_until(minutes(minute));
        world.line("blue", minutes(minute), None);
    }
    // A crash: the newest line that was written down is old.
    let mut world = World::restored(shipped(), world.committed, minutes(20));
    world.run_until(minutes(25));
    world.check(&expect![[""]]);
    world.run_until(minutes(27));
    world.check(&expect![[r#"
        25m 27s #core @core opened: blue operational -> down: no line in its log for 23 min 27 s (proved up to 0 s ago)
    "#]]);
}

#[test]
fn a_shipper_that_is_behind_says_so_and_its_logs_are_not_accused() {
    let mut world = World::new(shipped());
    for minute in 1..60 {
        world.run_until(minutes(minute));
        let lag = if minute < 20 { 0 } else { 10 };
        world.line(
            "blue",
            minutes(minute.saturating_sub(lag)),
            Some(minutes(lag)),
        );
    }
    world.check(&expect![[r#"
        21m 59s #core opened: log source shipper operational -> degraded: is 2 min 21 s behind; the shipper says that it is 10 min behind
        51m 59s #core reminder: log source shipper degraded -> degraded: is 2 min 21 s behind; the shipper says that it is 10 min behind
    "#]]);
}
