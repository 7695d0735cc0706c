//! Stories of the night: what waits until quiet hours are over, and what does not.

use std::time::Duration;

use expect_test::expect;

use super::{World, blindness, fleet, on, target};
use crate::{
    model::{
        OnCallName, Plan, Severity, Target, Timestamp,
        plan::{Matcher, OnCall},
        quiet_hours::QuietHours,
    },
    route::tests::to,
};

const HOUR: Duration = Duration::from_hours(1);

/// A fleet whose route mentions somebody who is to sleep from ten to seven.
fn at_night(targets: Vec<Target>) -> Plan {
    let mut plan = fleet(targets);
    let name = OnCallName::new("core");
    let core = OnCall {
        name: name.clone(),
        user_group: Some(String::from("S0CORE01")),
        users: Vec::new(),
        rota: None,
        quiet_hours: Some(QuietHours {
            from_minute: 22 * 60,
            to_minute: 7 * 60,
            timezone: chrono_tz::UTC,
            severities: vec![Severity::Warning],
        }),
    };
    plan.on_call.insert(name, core);
    plan
}

fn minor(mut target: Target) -> Target {
    target.severity = Severity::Warning;
    target
}

/// What was told, and what of it waits until when.
fn told(world: &World) -> String {
    let lines = world.entries.iter().map(|entry| {
        let hours = |at: Timestamp| at.since(Timestamp::default()).as_secs_f64() / 3_600.0;
        let until = entry.held_until.map_or_else(String::new, |at| {
            format!(", waits until {:.0} h", hours(at))
        });
        let (kind, name) = (entry.kind.as_str(), &entry.story.title);
        format!(
            "{:.1} h #{} {kind} {name}{until}\n",
            hours(entry.created_at),
            entry.key.channel
        )
    });
    lines.collect()
}

#[test]
fn what_can_wait_waits_and_its_end_is_left_to_the_courier() {
    let mut world = World::new(at_night(vec![minor(target("minor")), target("major")]));
    world.run_until(21 * HOUR);
    world.set("minor", "refused");
    // It is reminded of in the night.
    world.run_until(25 * HOUR);
    world.set("minor", "ok");
    world.run_until(26 * HOUR);
    for target in ["minor", "major"] {
        world.set(target, "refused");
        world.run_until(world.now + HOUR);
        world.set(target, "ok");
        world.run_until(world.now + HOUR);
    }
    world.run_until(32 * HOUR);
    world.set("minor", "refused");
    world.run_until(33 * HOUR);
    expect![[r#"
        21.0 h #core opened minor
        21.5 h #core reminder minor
        23.0 h #core reminder minor, waits until 31 h
        25.0 h #core recovered minor
        26.0 h #core opened minor, waits until 31 h
        26.5 h #core reminder minor, waits until 31 h
        27.0 h #core recovered minor
        28.0 h #core opened major
        28.5 h #core reminder major
        29.0 h #core recovered major
        32.0 h #core opened minor
        32.5 h #core reminder minor
    "#]]
    .assert_eq(&told(&world));
}

#[test]
fn a_second_route_to_the_same_channel_tells_it_at_once() {
    let mut plan = at_night(vec![minor(target("a/minor")), minor(target("b/minor"))]);
    let first = crate::model::Route {
        matcher: Matcher {
            groups: vec![crate::model::GroupName::new("a")],
            ..Matcher::default()
        },
        goes_on: true,
        ..to(&["core"])
    };
    plan.routes.insert(0, first);
    let mut world = World::new(plan);
    world.run_until(23 * HOUR);
    for target in ["a/minor", "b/minor"] {
        world.set(target, "refused");
        world.run_until(world.now + HOUR / 4);
    }
    expect![[r#"
        23.0 h #core opened a minor
        23.3 h #core opened b minor, waits until 31 h
    "#]]
    .assert_eq(&told(&world));
}

#[test]
fn of_several_all_have_to_be_able_to_wait() {
    let targets = vec![
        minor(on("db1", "a")),
        minor(on("db1", "b")),
        on("db2", "c"),
        minor(on("db2", "d")),
    ];
    let mut world = World::new(at_night(targets));
    world.run_until(23 * HOUR);
    for pair in [["a", "b"], ["c", "d"]] {
        for target in pair {
            world.set(target, "refused");
        }
        world.run_until(world.now + HOUR / 3);
    }
    expect![[r#"
        23.0 h #core opened 2 of 2 on host db1, waits until 31 h
        23.3 h #core opened 2 of 2 on host db2
        23.5 h #core reminder 2 of 2 on host db1, waits until 31 h
    "#]]
    .assert_eq(&told(&world));
}

/// Silence is judged when the round of witnesses that was asked for does not come back.
#[test]
fn what_waited_for_witnesses_waits_for_the_morning_as_well() {
    let mut plan = at_night(vec![minor(target("minor"))]);
    plan.witnesses = blindness::plan(&[]).witnesses;
    let mut world = World::new(plan);
    world.run_until(23 * HOUR);
    world.witnesses.are_lost = true;
    world.set("minor", "silent");
    world.run_until(23 * HOUR + HOUR / 4);
    expect![[r#"
        23.0 h #core opened minor, waits until 31 h
    "#]]
    .assert_eq(&told(&world));
}
