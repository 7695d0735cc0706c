//! Stories of shifts that begin: who is told by themselves, what, and that it is once.

use std::{sync::Arc, time::Duration};

use chrono::Weekday;
use expect_test::{Expect, expect};

use super::{World, fleet, minutes, planned::told_by_bot, target};
use crate::{
    engine::Event,
    model::{
        OnCallName, Plan, Secret, Severity, Target, Timestamp,
        plan::OnCall,
        planned::PlanKind,
        rota::{Cycle, Override, Rota, Shift},
    },
};

fn shift(users: &[&str], weekday: Weekday, minute: u16) -> Shift {
    Shift {
        users: users.iter().map(|user| (*user).to_owned()).collect(),
        week: 0,
        weekday,
        minute,
    }
}

/// Alice has it until one o'clock, then Bob and Dan, then at three Dan alone. The first day of 1970 was a Thursday.
fn rota() -> Rota {
    Rota {
        timezone: chrono_tz::UTC,
        shifts: vec![
            shift(&["U0ALICE"], Weekday::Mon, 0),
            shift(&["U0BOB", "U0DAN"], Weekday::Thu, 60),
            shift(&["U0DAN"], Weekday::Thu, 180),
        ],
        cycle: Cycle::WEEKLY,
        overrides: Vec::new(),
    }
}

fn with(rota: Rota) -> Plan {
    let mut plan = fleet(vec![target("api"), target("db")]);
    let name = OnCallName::new("core");
    plan.on_call.insert(
        name.clone(),
        OnCall {
            name,
            user_group: None,
            users: Vec::new(),
            rota: Some(rota),
            quiet_hours: None,
        },
    );
    told_by_bot(&mut plan, "core");
    plan.slack.bot_token = Some(Secret::new("xoxb-1"));
    plan
}

fn file() -> Plan {
    with(rota())
}

/// What people were told by themselves.
fn notes(world: &World) -> String {
    let lines = world.told.split_inclusive('\n');
    lines.filter(|line| line.contains("#@U0")).collect()
}

#[track_caller]
fn told(world: &World, expected: &Expect) {
    expected.assert_eq(&notes(world));
}

#[test]
fn who_is_next_hears_what_is_open_what_is_silent_and_what_happened() {
    let mut world = World::new(file());
    world.set("db", "refused");
    world.run_until(minutes(10));
    world.set("db", "ok");
    world.run_until(minutes(20));
    world.set("api", "refused");
    world.run_until(minutes(30));
    world.plan(PlanKind::Silence, &["api"], minutes(120));
    world.run_until(minutes(59));
    told(&world, &expect![[r#""#]]);
    world.run_until(minutes(61));
    told(
        &world,
        &expect![[r#"
        1h #@U0BOB notice: you are on call for core: until 1 Jan 03:00:00 UTC [open: api DOWN since 1 Jan 00:20:13 UTC (#9ukj); silent or in maintenance: api until 1 Jan 02:30:00 UTC, db restore (s1); in the shift before, as far as is known (since 1 Jan 00:00:00 UTC): 1 incident, db DOWN for 10 min 7 s (#s3ee)]
        1h #@U0DAN notice: you are on call for core: until 1 Jan 03:00:00 UTC [open: api DOWN since 1 Jan 00:20:13 UTC (#9ukj); silent or in maintenance: api until 1 Jan 02:30:00 UTC, db restore (s1); in the shift before, as far as is known (since 1 Jan 00:00:00 UTC): 1 incident, db DOWN for 10 min 7 s (#s3ee)]
    "#]],
    );
    world.set("api", "ok");
    world.run_until(minutes(179));
    // Dan goes on, and is not told again; it is Alice's turn on Monday.
    world.run_until(minutes(4 * 24 * 60 + 1));
    told(
        &world,
        &expect![[r#"
        1h #@U0BOB notice: you are on call for core: until 1 Jan 03:00:00 UTC [open: api DOWN since 1 Jan 00:20:13 UTC (#9ukj); silent or in maintenance: api until 1 Jan 02:30:00 UTC, db restore (s1); in the shift before, as far as is known (since 1 Jan 00:00:00 UTC): 1 incident, db DOWN for 10 min 7 s (#s3ee)]
        1h #@U0DAN notice: you are on call for core: until 1 Jan 03:00:00 UTC [open: api DOWN since 1 Jan 00:20:13 UTC (#9ukj); silent or in maintenance: api until 1 Jan 02:30:00 UTC, db restore (s1); in the shift before, as far as is known (since 1 Jan 00:00:00 UTC): 1 incident, db DOWN for 10 min 7 s (#s3ee)]
        4days #@U0ALICE notice: you are on call for core: until 8 Jan 01:00:00 UTC [nothing is open; in the shift before: nothing that is over by now]
    "#]],
    );
}

#[test]
fn a_kill_neither_loses_nor_repeats_it() {
    let mut world = World::new(file());
    world.run_until(minutes(50));
    let before = world.committed.clone();
    world.run_until(minutes(61));
    let after = world.committed.clone();
    assert_eq!(notes(&world).lines().count(), 2);
    assert!(after.last_at >= Some(Timestamp::default() + minutes(60)));
    for (loaded, count) in [(before, 2), (after, 0)] {
        let mut again = World::restored(file(), loaded, minutes(65));
        again.run_until(minutes(75));
        assert_eq!(notes(&again).lines().count(), count, "{}", again.told);
    }
    // Whoever never ran owes nobody anything.
    let mut first = World::restored(file(), crate::model::Loaded::default(), minutes(65));
    first.run_until(minutes(75));
    assert_eq!(notes(&first), "");
}

#[test]
fn a_file_that_is_read_again_does_not_repeat_it() {
    let mut world = World::new(file());
    world.run_until(minutes(61));
    let told = notes(&world);
    // The file is read again, and with it the rota.
    world.event(Event::Replanned(Arc::new(file())));
    world.run_until(minutes(70));
    assert_eq!(notes(&world), told);
}

#[test]
fn who_stands_in_is_told_and_so_is_who_comes_back() {
    let mut rota = rota();
    let at = |at: u64| Timestamp::default() + minutes(at);
    rota.overrides.push(Override {
        users: vec![String::from("U0EVE")],
        from: at(90),
        until: at(120),
    });
    let mut world = World::new(with(rota));
    world.run_until(minutes(130));
    let whom: Vec<_> = world
        .entries
        .iter()
        .filter(|entry| entry.key.channel.as_str().starts_with('@'))
        .map(|entry| {
            (
                entry.created_at.as_seconds() / 60,
                entry.key.channel.to_string(),
            )
        })
        .collect();
    let expected = [
        (60, "@U0BOB"),
        (60, "@U0DAN"),
        (90, "@U0EVE"),
        (120, "@U0BOB"),
        (120, "@U0DAN"),
    ];
    let expected = expected.map(|(at, whom)| (at, whom.to_owned()));
    assert_eq!(whom, expected);
}

#[test]
fn without_a_bot_nobody_can_be_told_alone() {
    let mut plan = file();
    plan.slack.bot_token = None;
    let mut world = World::new(plan);
    world.run_until(minutes(61));
    assert_eq!(notes(&world), "");
}

#[test]
fn what_an_earlier_process_saw_end_is_told_as_well() {
    let mut world = World::new(file());
    world.set("db", "refused");
    world.run_until(minutes(10));
    let open = world.open.values().next().expect("it is open").clone();
    world.set("db", "ok");
    world.run_until(minutes(20));
    let mut closed = open;
    closed.closed_at = Some(Timestamp::default() + Duration::from_secs(610));
    let loaded = world.committed.clone();
    let mut again = World::restored(file(), loaded, minutes(25));
    again.run_until(minutes(26));
    let mut forgetful = World::restored(file(), world.committed.clone(), minutes(25));
    again.event(Event::Recalled(vec![closed]));
    again.run_until(minutes(61));
    forgetful.run_until(minutes(61));
    told(
        &again,
        &expect![[r#"
        1h #@U0BOB notice: you are on call for core: until 1 Jan 03:00:00 UTC [nothing is open; in the shift before, as far as is known (since 1 Jan 00:00:00 UTC): 1 incident, db DOWN for 9 min 53 s (#s3ee)]
        1h #@U0DAN notice: you are on call for core: until 1 Jan 03:00:00 UTC [nothing is open; in the shift before, as far as is known (since 1 Jan 00:00:00 UTC): 1 incident, db DOWN for 9 min 53 s (#s3ee)]
    "#]],
    );
    told(
        &forgetful,
        &expect![[r#"
        1h #@U0BOB notice: you are on call for core: until 1 Jan 03:00:00 UTC [nothing is open; in the shift before, as far as is known (since 1 Jan 00:25:00 UTC): nothing that is over by now]
        1h #@U0DAN notice: you are on call for core: until 1 Jan 03:00:00 UTC [nothing is open; in the shift before, as far as is known (since 1 Jan 00:25:00 UTC): nothing that is over by now]
    "#]],
    );
}

#[test]
fn the_worst_is_named_first_however_much_is_open() {
    let mut plan = file();
    plan.targets = ["one", "two", "three", "four"]
        .into_iter()
        .map(|id| {
            let severity = if id == "four" {
                Severity::Critical
            } else {
                Severity::Warning
            };
            Arc::new(Target {
                severity,
                ..target(id)
            })
        })
        .collect();
    plan.groups_incidents = false;
    let mut world = World::new(plan);
    for (minute, id) in (10..).zip(["one", "two", "three", "four"]) {
        world.run_until(minutes(minute));
        world.set(id, "refused");
    }
    world.run_until(minutes(61));
    let notes = notes(&world);
    let (_, open) = notes.split_once("[open: ").expect("something is open");
    let (open, _) = open.split_once(']').expect("it ends");
    let named: Vec<_> = open
        .split("; ")
        .filter_map(|one| one.split(' ').next())
        .collect();
    assert_eq!(named[..4], ["four", "one", "two", "and"], "{notes}");
}
