//! Stories of jobs: what is told of each run and of what goes wrong, once, by whom it concerns, through restarts.

use std::{sync::Arc, time::Duration};

use expect_test::expect;

use super::{World, fleet, minutes, planned::told_by_bot, target};
use crate::{
    engine::{Action, Event},
    model::{
        ChannelName, Check, CheckKind, Loaded, Memory, OnCallName, Plan, Policy, Route, Secret,
        Target, TargetId, Verdict,
        calendar::Recurring,
        job::{JobKeys, JobQuestion, Ping, Pinged, Rhythm},
        judgement::Count,
        plan::{Matcher, Question},
    },
};

const LISTEN: Duration = Duration::from_secs(30);

pub(super) fn job(rhythm: Rhythm, told_in: Option<&str>) -> Target {
    let question = JobQuestion {
        rhythm,
        grace: minutes(10),
        max_runtime: Some(minutes(45)),
        third_party: None,
        third_party_exit_codes: Vec::new(),
        told_in: told_in.map(ChannelName::new),
        keys: JobKeys {
            own: Some(Secret::new("a-token-of-many-characters")),
            server: None,
            ping: None,
        },
    };
    Target {
        checks: vec![Check {
            kind: CheckKind::Job,
            policy: Policy {
                interval: LISTEN,
                timeout: LISTEN / 2,
                count: Some(Count { failures: 1, of: 1 }),
                successes: 1,
                ..Policy::default()
            },
            question: Question::Job(Arc::new(question)),
        }],
        ..target("job/export")
    }
}

/// Every two hours from midnight on, told in `data` each run.
fn two_hourly() -> Plan {
    let line = Recurring::parse("0 */2 * * *", chrono_tz::UTC, Duration::ZERO);
    let rhythm = Rhythm::Cron(line.expect("a line"));
    let mut plan = fleet(vec![job(rhythm, Some("data"))]);
    let data = plan.channels[&ChannelName::new("core")].clone();
    plan.channels.insert(
        ChannelName::new("data"),
        crate::model::Channel {
            name: ChannelName::new("data"),
            ..data
        },
    );
    plan.routes.insert(
        0,
        Route {
            matcher: Matcher {
                targets: vec![TargetId::new("job/export")],
                ..Matcher::default()
            },
            to: vec![ChannelName::new("data")],
            mention: Some(OnCallName::new("@U0ALICE")),
            remind_after: Vec::new(),
            goes_on: false,
        },
    );
    plan
}

fn by_bot() -> Plan {
    let mut plan = two_hourly();
    told_by_bot(&mut plan, "data");
    plan
}

impl World {
    pub(super) fn ping(&mut self, at: Duration, what: Pinged, said: &str) {
        self.run_until(at);
        self.event(Event::Pinged(
            7,
            TargetId::new("job/export"),
            Ping {
                what,
                run: String::new(),
                said: said.to_owned(),
                fault: None,
                took: None,
            },
        ));
        assert_eq!(self.heard.pop(), Some(7), "whoever calls is answered");
    }

    /// Killed now, and started again at this time.
    fn restart(mut self, plan: Plan, at: Duration) -> Self {
        let told = std::mem::take(&mut self.told);
        let mut loaded = std::mem::take(&mut self.committed);
        loaded.last_at = Some(self.moment().at);
        let mut world = Self::restored(plan, loaded, at);
        world.told.insert_str(0, &told);
        world
    }

    fn run(&mut self, from: Duration, to: Duration, said: &str) {
        self.ping(from, Pinged::Began, "");
        self.ping(to, Pinged::Done, said);
    }
}

#[test]
fn a_bot_has_one_message_a_run_and_a_failure_is_told_beside_it() {
    let mut world = World::new(by_bot());
    world.run(minutes(120), minutes(132), "18 204 rows");
    world.run(minutes(240), minutes(251), "");
    world.ping(minutes(360), Pinged::Began, "");
    world.ping(minutes(362), Pinged::Noted, "page 3 of 90");
    world.ping(minutes(363), Pinged::Failed(Some(3)), "disk full");
    world.run(minutes(480), minutes(490), "");
    world.run_until(minutes(600));
    world.check(&expect![[r#"
        2h #data noted: job export is running: since 1 Jan 02:00:00 UTC
        2h 12m #data notice: job export is done: in 12 min · 18 204 rows
        4h #data noted: job export is running: since 1 Jan 04:00:00 UTC · took 12 min last time
        4h 11m #data notice: job export is done: in 11 min
        6h #data noted: job export is running: since 1 Jan 06:00:00 UTC · took 11 min last time
        6h 2m #data noted: job export is running: since 1 Jan 06:00:00 UTC · took 11 min last time · page 3 of 90
        6h 3m #data @@U0ALICE opened: job export operational -> down: failed with exit code 3: disk full
        6h 3m #data notice: job export failed: after 3 min · with exit code 3: disk full
        8h #data noted: job export is running: since 1 Jan 08:00:00 UTC · took 11 min last time
        8h 10m #data recovered: job export down -> operational
        8h 10m #data notice: job export is done: in 10 min
    "#]]);
    assert_eq!(world.looks, 0, "nobody is asked");
}

#[test]
fn a_webhook_is_told_of_ends_and_of_a_failure_once() {
    let mut world = World::new(two_hourly());
    world.run(minutes(120), minutes(132), "18 204 rows");
    world.ping(minutes(240), Pinged::Began, "");
    world.ping(minutes(243), Pinged::Failed(None), "disk full");
    world.run(minutes(360), minutes(370), "");
    world.run_until(minutes(480));
    world.check(&expect![[r#"
        2h 12m #data notice: job export is done: in 12 min · 18 204 rows
        4h 3m #data @@U0ALICE opened: job export operational -> down: failed: disk full
        6h 10m #data recovered: job export down -> operational
    "#]]);
}

#[test]
fn late_and_stuck_are_told_at_their_deadlines_and_one_good_run_ends_it() {
    let mut world = World::new(by_bot());
    // The first one is due at two.
    world.run_until(minutes(129));
    world.check(&expect![[""]]);
    world.run_until(minutes(200));
    world.check(&expect![[r#"
        2h 10m #data @@U0ALICE opened: job export unknown -> down: late: no run since one was due 10 min ago (at 0 */2 * * *, grace 10 min); none was ever seen
    "#]]);
    world.run(minutes(240), minutes(250), "");
    world.ping(minutes(360), Pinged::Began, "");
    world.run_until(minutes(404));
    world.check(&expect![[r#"
        4h #data noted: job export is running: since 1 Jan 04:00:00 UTC
        4h 10m #data recovered: job export down -> operational
        4h 10m #data notice: job export is done: in 10 min
        6h #data noted: job export is running: since 1 Jan 06:00:00 UTC · took 10 min last time
    "#]]);
    world.run_until(minutes(450));
    world.check(&expect![[r#"
        6h 45m #data opened: job export operational -> degraded: overrun: a run has been on its way for 45 min, max_runtime is 45 min
        6h 45m #data noted: job export takes longer than it may: running for 45 min · max_runtime is 45 min
        6h 55m #data @@U0ALICE changed: job export degraded -> down: stuck: a run has been on its way for 55 min, max_runtime is 45 min
        6h 55m #data noted: job export is stuck: running for 55 min · max_runtime is 45 min
    "#]]);
    world.ping(minutes(455), Pinged::Done, "");
    world.run_until(minutes(470));
    world.check(&expect![[r#"
        7h 35m #data recovered: job export down -> operational
        7h 35m #data notice: job export is done: in 1 h 35 min
    "#]]);
}

#[test]
fn a_restart_postpones_nothing_and_forgets_no_run() {
    let mut world = World::new(by_bot());
    world.run(minutes(120), minutes(130), "");
    world.ping(minutes(240), Pinged::Began, "");
    world.run_until(minutes(250));
    let mut world = world.restart(by_bot(), minutes(250) + Duration::from_secs(20));
    world.ping(minutes(252), Pinged::Done, "");
    world.run_until(minutes(365));
    // The run of six is late at ten past, whatever happens to this process.
    let mut world = world.restart(by_bot(), minutes(365) + Duration::from_secs(20));
    world.run_until(minutes(372));
    world.check(&expect![[r#"
        2h #data noted: job export is running: since 1 Jan 02:00:00 UTC
        2h 10m #data notice: job export is done: in 10 min
        4h #data noted: job export is running: since 1 Jan 04:00:00 UTC · took 10 min last time
        4h 12m #data notice: job export is done: in 12 min
        6h 10m #data @@U0ALICE opened: job export operational -> down: late: no run since one was due 10 min ago (at 0 */2 * * *, grace 10 min); the last good run ended 1 h 58 min ago
    "#]]);
}

#[test]
fn nobody_is_accused_of_a_run_that_may_have_come_unheard() {
    let mut world = World::new(by_bot());
    world.run(minutes(120), minutes(130), "");
    world.run_until(minutes(235));
    let mut world = world.restart(by_bot(), minutes(255));
    world.run_until(minutes(300));
    let facts = world.jobs.values().next().expect("it is shown");
    assert!(
        facts.unheard.is_some() && facts.missed.is_none(),
        "{facts:?}"
    );
    world.run(minutes(360), minutes(365), "");
    world.run_until(minutes(470));
    world.check(&expect![[r#"
        2h #data noted: job export is running: since 1 Jan 02:00:00 UTC
        2h 10m #data notice: job export is done: in 10 min
        4h 15m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 03:55:00 UTC; what happened since then was not seen
        6h #data noted: job export is running: since 1 Jan 06:00:00 UTC · took 10 min last time
        6h 5m #data notice: job export is done: in 5 min
    "#]]);
}

#[test]
fn a_call_is_as_good_as_a_look_for_the_age_of_what_is_known() {
    let mut world = World::new(two_hourly());
    let job = TargetId::new("job/export");
    let mut actions = Vec::new();
    let ping = Ping {
        what: Pinged::Done,
        run: String::new(),
        said: String::new(),
        fault: None,
        took: None,
    };
    let moment = world.moment();
    let event = Event::Pinged(1, job, ping);
    world.engine.handle(moment, event, &mut actions);
    let looked = actions
        .iter()
        .any(|action| matches!(action, Action::Looked(looked) if looked.at == moment.at));
    assert!(looked, "{actions:?}");
}

#[test]
fn what_is_known_of_a_run_is_stored_with_what_is_told_of_it() {
    let mut world = World::new(by_bot());
    world.ping(minutes(120), Pinged::Began, "");
    let memory = |world: &World| match world.committed.checks[0].memory.as_deref() {
        Some(Memory::Job(memory)) => memory.clone(),
        other => panic!("{other:?}"),
    };
    let run = memory(&world).runs.remove(0);
    let account = run.account.expect("a message tells of it");
    let of_run = world
        .entries
        .iter()
        .filter(|entry| entry.key.incident == account.incident);
    assert_eq!(of_run.count(), 1);
    world.ping(minutes(121), Pinged::Failed(None), "");
    assert!(memory(&world).runs.is_empty());
    let export = TargetId::new("job/export");
    assert_eq!(world.engine.verdict(&export), Some(Verdict::Down));
}

#[test]
fn another_rhythm_counts_from_now_on_and_the_same_one_goes_on() {
    let mut world = World::new(by_bot());
    world.run(minutes(120), minutes(130), "");
    world.run_until(minutes(235));
    let mut hourly = by_bot();
    let line = Recurring::parse("*/5 * * * *", chrono_tz::UTC, Duration::ZERO);
    hourly.targets = vec![Arc::new(job(
        Rhythm::Cron(line.expect("a line")),
        Some("data"),
    ))];
    world.event(Event::Replanned(Arc::new(hourly)));
    world.run_until(minutes(249));
    world.check(&expect![[r#"
        2h #data noted: job export is running: since 1 Jan 02:00:00 UTC
        2h 10m #data notice: job export is done: in 10 min
    "#]]);
    world.run_until(minutes(251));
    world.check(&expect![[r#"
        4h 10m #data @@U0ALICE opened: job export operational -> down: late: no run since one was due 10 min ago (at */5 * * * *, grace 10 min); the last good run ended 2 h ago [how it is looked at was changed 15 min before]
    "#]]);
}

/// A job that runs every minute, behind another target, so that its first turn would not be the first of all.
fn behind_another() -> Plan {
    let line = Recurring::parse("* * * * *", chrono_tz::UTC, Duration::ZERO);
    let mut job = job(Rhythm::Cron(line.expect("a line")), None);
    if let Question::Job(question) = &mut job.checks[0].question {
        Arc::make_mut(question).grace = Duration::from_secs(5);
    }
    fleet(vec![target("api"), job])
}

#[test]
fn the_first_run_is_due_from_the_start_on_and_not_from_the_first_turn_in_the_round() {
    let start = minutes(9) + Duration::from_secs(59);
    let mut world = World::restored(behind_another(), Loaded::default(), start);
    // Killed at once: what was due stays due.
    world.run_until(start + Duration::from_millis(1));
    let mut world = world.restart(behind_another(), start + Duration::from_millis(500));
    world.run_until(minutes(10) + Duration::from_secs(6));
    world.check(&expect![[r#"
        10m 5s #core @core opened: job export unknown -> down: late: no run since one was due 5 s ago (at * * * * *, grace 5 s); none was ever seen
    "#]]);
}

#[test]
fn a_deadline_right_after_a_restart_is_met() {
    let mut world = World::restored(behind_another(), Loaded::default(), minutes(9));
    world.run(
        minutes(9) + Duration::from_secs(1),
        minutes(9) + Duration::from_secs(2),
        "",
    );
    world.run_until(minutes(10) + Duration::from_secs(2));
    let start = minutes(10) + Duration::from_secs(3);
    let mut world = world.restart(behind_another(), start);
    world.run_until(start + Duration::from_secs(3));
    world.check(&expect![[r#"
        10m 5s #core @core opened: job export operational -> down: late: no run since one was due 5 s ago (at * * * * *, grace 5 s); the last good run ended 1 min 3 s ago
    "#]]);
}
