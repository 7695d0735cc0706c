//! Stories of what waits: for quiet hours to end, and for a budget to have room.

use std::time::Duration;

use expect_test::{Expect, expect};

use crate::model::{
    Kind::{Changed, Opened, Recovered, Reminder},
    Severity::{Critical, Warning},
    quiet_hours::Allowance,
};

use super::{
    LateReason, Parcel,
    world::{Fate, World, channel},
};

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

fn world() -> World {
    World::new(7, &[channel("alerts", Some("ops")), channel("ops", None)])
}

fn well(_: Duration, _: &Parcel) -> Fate {
    Fate::accept()
}

#[track_caller]
fn all_told(world: &World, expected: &Expect) {
    assert!(world.outbox.is_empty(), "{:?}", world.outbox);
    assert_eq!(world.courier.outlook().held, 0);
    expected.assert_eq(&world.diary);
}

#[test]
fn what_quiet_hours_held_is_one_message_when_they_end() {
    let mut world = world();
    world.quiet_until = Some(9 * HOUR);
    world.tell("aaaa", 1, "alerts", Opened, Warning);
    world.run(2 * HOUR, well);
    assert_eq!(world.courier.outlook().held, 1);
    assert_eq!(world.courier.oldest_waits(world.now().tick), None);
    world.tell("aaaa", 2, "alerts", Recovered, Warning);
    world.tell("bbbb", 1, "alerts", Opened, Warning);
    world.run(3 * HOUR, well);
    world.tell("bbbb", 2, "alerts", Reminder, Warning);
    world.run(12 * HOUR, |_, parcel| {
        assert!(parcel.is_digest());
        assert_eq!(parcel.late, None);
        Fate::accept()
    });
    all_told(
        &world,
        &expect![[r#"
        09:00:00.0 alerts <- aaaa opened aaaa recovered bbbb opened bbbb reminder => accepted
    "#]],
    );
}

/// Ticks are finer than dates, so those that wait until seven wait until different ticks.
#[test]
fn what_waits_until_the_same_time_is_one_message_whenever_it_began_to_wait() {
    let mut world = world();
    world.quiet_until = Some(9 * HOUR);
    world.tell("aaaa", 1, "alerts", Opened, Warning);
    world.run(2 * HOUR + Duration::from_micros(700), well);
    world.tell("bbbb", 1, "alerts", Opened, Warning);
    world.run(3 * HOUR + Duration::from_micros(1_300), well);
    world.tell("cccc", 1, "alerts", Opened, Warning);
    world.run(12 * HOUR, well);
    all_told(
        &world,
        &expect![[r#"
        09:00:00.0 alerts <- aaaa opened bbbb opened cccc opened => accepted
    "#]],
    );
}

#[test]
fn what_waits_is_told_at_that_time_of_day_though_the_machine_slept_or_the_clock_was_moved() {
    let told_at = |moved: i64| {
        let mut world = world();
        world.quiet_until = Some(9 * HOUR);
        world.tell("aaaa", 1, "alerts", Opened, Warning);
        world.run(2 * HOUR, well);
        world.wall_millis += moved * 60_000;
        world.courier.clock_stepped(world.now());
        world.tell("aaaa", 2, "alerts", Recovered, Warning);
        world.run(12 * HOUR, well);
        assert!(world.outbox.is_empty(), "{:?}", world.outbox);
        world.diary
    };
    expect![[r#"
        08:00:00.0 alerts <- aaaa opened aaaa recovered => accepted
    "#]]
    .assert_eq(&told_at(60));
    expect![[r#"
        09:30:00.0 alerts <- aaaa opened aaaa recovered => accepted
    "#]]
    .assert_eq(&told_at(-30));
    // It is past that time at once.
    expect![[r#"
        02:00:00.0 alerts <- aaaa opened aaaa recovered => accepted
    "#]]
    .assert_eq(&told_at(600));
}

#[test]
fn what_does_not_wait_passes_and_takes_along_what_came_before_it() {
    let mut world = world();
    world.quiet_until = Some(9 * HOUR);
    world.tell("aaaa", 1, "alerts", Opened, Warning);
    world.run(HOUR, well);
    world.quiet_until = None;
    world.tell("cccc", 1, "alerts", Opened, Critical);
    world.tell("aaaa", 2, "alerts", Changed, Critical);
    world.run(2 * HOUR, well);
    all_told(
        &world,
        &expect![[r#"
            01:00:00.0 alerts <- aaaa opened aaaa changed => accepted
            01:00:01.2 alerts <- cccc opened => accepted
        "#]],
    );
}

#[test]
fn the_end_of_what_was_told_before_is_told_at_once() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Warning);
    world.run(HOUR, well);
    world.quiet_until = Some(9 * HOUR);
    world.tell("aaaa", 2, "alerts", Reminder, Warning);
    world.run(2 * HOUR, well);
    world.tell("aaaa", 3, "alerts", Recovered, Warning);
    world.run(3 * HOUR, well);
    all_told(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa opened => accepted
        02:00:00.0 alerts <- aaaa reminder aaaa recovered => accepted
    "#]],
    );
}

#[test]
fn what_is_told_in_the_night_wakes_nobody_for_what_can_wait() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Warning);
    world.run(HOUR, well);
    world.quiet_until = Some(9 * HOUR);
    world.tell("aaaa", 2, "alerts", Reminder, Warning);
    world.tell("bbbb", 1, "alerts", Opened, Warning);
    world.run(2 * HOUR, well);
    world.tell("aaaa", 3, "alerts", Recovered, Warning);
    world.run(12 * HOUR, well);
    all_told(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened => accepted
            02:00:00.0 alerts <- aaaa reminder aaaa recovered => accepted
            09:00:00.0 alerts <- bbbb opened => accepted
        "#]],
    );
}

#[test]
fn a_restart_in_the_night_and_one_over_its_end() {
    for down in [MINUTE, 8 * HOUR] {
        let mut world = world();
        world.quiet_until = Some(9 * HOUR);
        world.tell("aaaa", 1, "alerts", Opened, Warning);
        world.tell("bbbb", 1, "alerts", Opened, Warning);
        world.run(2 * HOUR, well);
        world.restart(down);
        let mut late = Vec::new();
        world.run(12 * HOUR, |at, parcel| {
            assert!(at >= 9 * HOUR && parcel.entries.len() == 2, "{parcel:?}");
            late.extend(parcel.late.clone().map(|late| late.why));
            Fate::accept()
        });
        assert_eq!(world.messages("alerts"), 1);
        let is_over = down > HOUR;
        assert_eq!(late.first() == Some(&LateReason::Restart), is_over);
    }
}

#[test]
fn a_channel_that_is_broken_at_night_wakes_nobody_else() {
    let mut world = world();
    world.quiet_until = Some(9 * HOUR);
    world.tell("aaaa", 1, "alerts", Opened, Warning);
    world.run(HOUR, well);
    world.quiet_until = None;
    world.tell("bbbb", 1, "alerts", Opened, Critical);
    world.run(8 * HOUR, |_, parcel| match parcel.channel.as_str() {
        "alerts" => Fate::gone(),
        _ => Fate::accept(),
    });
    assert_eq!(world.messages("ops"), 1);
    world.run(30 * HOUR, well);
    assert_eq!(world.messages("ops"), 1);
    assert_eq!(world.messages("alerts"), 2, "{}", world.diary);
    assert!(world.outbox.is_empty(), "{}", world.diary);
}

fn thrifty() -> World {
    let mut alerts = channel("alerts", None);
    alerts.max_messages = Some(Allowance {
        count: 6,
        within: 10 * MINUTE,
    });
    let mut world = World::new(7, &[alerts]);
    // What was sent before the start is long ago by now.
    world.run(HOUR, well);
    world
}

#[test]
fn what_a_budget_has_no_room_for_is_told_as_one() {
    let mut world = thrifty();
    for number in 0..9 {
        let incident = format!("w{number:03}");
        world.tell(&incident, 1, "alerts", Opened, Warning);
        world.run(HOUR + MINUTE / 4 * (number + 1), well);
    }
    world.tell("w000", 2, "alerts", Recovered, Warning);
    world.run(2 * HOUR, well);
    all_told(
        &world,
        &expect![[r#"
        01:00:00.0 alerts <- w000 opened => accepted
        01:00:15.0 alerts <- w001 opened => accepted
        01:00:30.0 alerts <- w002 opened => accepted
        01:03:20.2 alerts <- w003 opened w004 opened w005 opened w006 opened w007 opened w008 opened w000 recovered, 155 s late because the channel gets no more messages than its `max_messages` => accepted
    "#]],
    );
}

/// The first is told at once; of a crowd nobody is told a message a second for minutes, and none is called late.
#[test]
fn a_crowd_without_a_budget_is_told_in_few_messages() {
    let mut world = world();
    for number in 0..200 {
        let incident = format!("w{number:03}");
        world.tell(&incident, 1, "alerts", Opened, Critical);
    }
    world.run(HOUR, |_, parcel| {
        assert_eq!(parcel.late, None);
        Fate::accept()
    });
    assert!(world.outbox.is_empty(), "{}", world.diary);
    assert_eq!(world.messages("alerts"), 10, "{}", world.diary);
}

#[test]
fn something_critical_finds_the_place_that_was_kept_for_it() {
    let mut world = thrifty();
    for number in 0..6 {
        let incident = format!("w{number:03}");
        world.tell(&incident, 1, "alerts", Opened, Warning);
        world.run(HOUR + MINUTE / 4 * (number + 1), well);
    }
    world.tell("crit", 1, "alerts", Opened, Critical);
    world.run(2 * HOUR, well);
    all_told(
        &world,
        &expect![[r#"
        01:00:00.0 alerts <- w000 opened => accepted
        01:00:15.0 alerts <- w001 opened => accepted
        01:00:30.0 alerts <- w002 opened => accepted
        01:01:30.0 alerts <- w003 opened w004 opened w005 opened crit opened => accepted
    "#]],
    );
}

#[test]
fn many_at_once_are_told_at_once() {
    let mut world = thrifty();
    for number in 0..20 {
        let incident = format!("w{number:03}");
        world.tell(&incident, 1, "alerts", Opened, Critical);
    }
    world.run(HOUR + 2 * MINUTE, well);
    assert!(world.outbox.is_empty(), "{}", world.diary);
    assert_eq!(world.messages("alerts"), 1, "{}", world.diary);
}
