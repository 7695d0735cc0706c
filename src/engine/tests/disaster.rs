//! Stories of production groups that nobody holds up any more.

use std::{sync::Arc, time::Duration};

use expect_test::expect;

use super::{World, fleet, minutes, roles::dns, roles::pair, target};
use crate::{
    engine::Event,
    model::{GroupName, Loaded, Plan, Route, Severity, TargetId, plan::Matcher},
    route::tests::{plan, to},
};

/// Everybody is told of disasters, and the team of everything.
fn everybody(mut fleet: Plan) -> Plan {
    let disasters = Route {
        matcher: Matcher {
            severities: vec![Severity::Disaster],
            ..Matcher::default()
        },
        goes_on: true,
        ..to(&["everybody"])
    };
    fleet.routes.insert(0, disasters);
    fleet.channels = plan(&["core", "ops", "everybody"], Vec::new()).channels;
    fleet
}

fn production(names: &[&str]) -> Plan {
    let mut fleet = everybody(fleet(names.iter().map(|name| target(name)).collect()));
    fleet.groups = vec![crate::model::Group {
        name: GroupName::new("master"),
        aliases: Vec::new(),
        team: None,
        is_always_active: true,
        is_production: true,
    }];
    fleet
}

#[test]
fn when_nobody_active_is_up_everybody_hears_of_it() {
    let mut world = World::new(production(&["master/blue", "master/green", "cron/red"]));
    world.run_until(minutes(5));
    world.set("cron/red", "refused");
    world.set("master/blue", "refused");
    world.run_until(minutes(10));
    world.set("master/green", "db");
    world.run_until(minutes(40));
    world.set("master/green", "ok");
    world.run_until(minutes(45));
    world.set("master/blue", "ok");
    world.set("cron/red", "ok");
    world.run_until(minutes(120));
    world.check(&expect![[r#"
        5m 23s #core @core opened: master blue (active) operational -> down: connection refused
        5m 29s #core @core opened: cron red operational -> down: connection refused
        10m 30s #everybody opened: 2 of 2 in group master operational -> down: master blue (active) and master green (active) (0 of 2 back)
        10m 30s #core changed: 2 of 2 in group master down -> down: master blue (active) and master green (active) (0 of 2 back)
        35m 23s #core @core reminder: 2 of 2 in group master down -> down: master blue (active) and master green (active) (0 of 2 back)
        35m 23s #everybody reminder: 2 of 2 in group master down -> down: master blue (active) and master green (active) (0 of 2 back)
        35m 29s #core @core reminder: cron red down -> down: connection refused
        40m 42s #core changed: 2 of 2 in group master down -> down: 1 of 2 are back; still bad: master blue (active): connection refused (1 of 2 back)
        40m 42s #everybody changed: 2 of 2 in group master down -> down: 1 of 2 are back; still bad: master blue (active): connection refused (1 of 2 back)
        45m 10s #core recovered: 2 of 2 in group master down -> operational (2 of 2 back)
        45m 10s #everybody recovered: 2 of 2 in group master down -> operational (2 of 2 back)
        45m 21s #core recovered: cron red down -> operational
    "#]]);
    assert!(world.open.is_empty(), "{:?}", world.open);
}

#[test]
fn of_three_most_are_enough_and_of_two_one_is_not() {
    let mut world = World::new(production(&[
        "master/a", "master/b", "master/c", "master/d",
    ]));
    world.run_until(minutes(5));
    for name in ["master/a", "master/b"] {
        world.set(name, "refused");
        world.run_until(world.now + minutes(10));
    }
    assert!(!world.told.contains("#everybody"), "{}", world.told);
    world.set("master/c", "refused");
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        5m 17s #core @core opened: master a (active) operational -> down: connection refused
        15m 14s #core changed: 2 of 4 in group master down -> down: master a (active) and master b (active): connection refused (0 of 2 back)
        25m 33s #everybody opened: master c (active) operational -> down: connection refused [3 of 4 active ones in master are down]
        25m 33s #core @core opened: master c (active) operational -> down: connection refused [3 of 4 active ones in master are down]
        25m 33s #everybody opened: 2 of 4 in group master operational -> down: master a (active) and master b (active): connection refused (0 of 2 back)
    "#]]);
}

/// The inactive half of a pair holds nothing up, and nobody misses it; when the active one goes, that is a disaster, and so
/// it is if the roles change while one is down.
#[test]
fn only_who_is_active_counts() {
    let mut roles = everybody(pair(vec![dns()]));
    roles.groups = production(&[]).groups;
    roles.groups[0].is_always_active = false;
    let mut world = World::new(roles);
    world.run_until(minutes(5));
    world.set("master/green", "refused");
    world.run_until(minutes(10));
    assert!(!world.told.contains("#everybody"), "{}", world.told);
    world.active = Some(vec![1]);
    world.run_until(minutes(15));
    world.set("master/green", "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 41s #core opened: master green (inactive) operational -> down: connection refused
        10m 3s #everybody opened: master green (active) down -> down: connection refused [nobody active in master is up]
        10m 3s #disaster @core opened: master green (active) down -> down: connection refused [nobody active in master is up]
        10m 3s #core @core reminder: master green (active) down -> down: connection refused [nobody active in master is up]
        10m 13s #core notice: master: green is active now, blue is not: read from DNS
        15m 19s #core recovered: master green (active) down -> operational
        15m 19s #everybody recovered: master green (active) down -> operational
        15m 19s #disaster recovered: master green (active) down -> operational
    "#]]);
}

#[test]
fn a_restart_in_a_disaster_tells_nothing_twice() {
    let fleet = production(&["master/blue", "master/green"]);
    let mut world = World::new(fleet.clone());
    world.run_until(minutes(5));
    for name in ["master/blue", "master/green"] {
        world.set(name, "refused");
    }
    world.run_until(minutes(10));
    let loaded: Loaded = world.committed.clone();
    let told = world.told.clone();
    assert!(told.contains("#everybody"), "{told}");
    let mut world = World::restored(fleet, loaded, minutes(10));
    for name in ["master/blue", "master/green"] {
        world.set(name, "refused");
    }
    world.run_until(minutes(20));
    assert!(!world.told.contains("master"), "{}", world.told);
    world.set("master/green", "ok");
    world.set("master/blue", "ok");
    world.run_until(minutes(25));
    world.check(&expect![[r#"
        10m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 00:05:14 UTC; what happened since then was not seen
        20m 16s #everybody recovered: 2 of 2 in group master down -> operational (2 of 2 back)
        20m 16s #core recovered: 2 of 2 in group master down -> operational (2 of 2 back)
    "#]]);
}

#[test]
fn a_file_that_calls_a_group_production_is_heeded_at_once() {
    let mut plain = production(&["master/blue", "master/green"]);
    plain.groups[0].is_production = false;
    let mut world = World::new(plain.clone());
    world.run_until(minutes(5));
    for name in ["master/blue", "master/green"] {
        world.set(name, "refused");
    }
    world.run_until(minutes(10));
    assert!(!world.told.contains("#everybody"), "{}", world.told);
    let heeded = production(&["master/blue", "master/green", "master/red"]);
    let shrunk = production(&["master/blue", "master/green"]);
    world.event(Event::Replanned(Arc::new(heeded)));
    world.run_until(minutes(10) + Duration::from_secs(1));
    world.event(Event::Replanned(Arc::new(plain)));
    world.event(Event::Replanned(Arc::new(shrunk)));
    world.run_until(minutes(15));
    for name in ["master/blue", "master/green"] {
        world.set(name, "ok");
    }
    world.run_until(minutes(25));
    world.check(&expect![[r#"
        5m 14s #core @core opened: 2 of 2 in group master operational -> down: master blue (active) and master green (active): connection refused (0 of 2 back)
        10m #everybody opened: 2 of 2 in group master operational -> down: master blue (active) and master green (active): connection refused (0 of 2 back)
        15m 21s #core recovered: 2 of 2 in group master down -> operational (2 of 2 back)
        15m 21s #everybody recovered: 2 of 2 in group master down -> operational (2 of 2 back)
    "#]]);
    assert!(world.open.is_empty(), "{:?}", world.open);
}

#[test]
fn who_may_be_coming_back_is_no_part_of_a_disaster_before_looks_say_so() {
    let weathers = ["refused", "db", "silent"].into_iter();
    for (weather, seconds) in weathers.flat_map(|weather| (0..40).map(move |at| (weather, at))) {
        let mut world = World::new(production(&["master/blue", "master/green"]));
        world.run_until(minutes(5));
        world.set("master/blue", "refused");
        world.run_until(minutes(20));
        world.set("master/green", weather);
        world.run_until(world.now + Duration::from_secs(seconds));
        world.set("master/blue", "ok");
        let opened = "#everybody opened: master blue";
        while world.now < minutes(25) {
            let was_told = world.told.contains(opened);
            let blue = world.engine.index[&TargetId::new("master/blue")];
            let blue = world.engine.at(blue).expect("it is watched");
            let may_be_back = blue.checks[0].state.recovery.is_some();
            world.run_until(world.now + Duration::from_millis(100));
            let is_told = world.told.contains(opened);
            assert!(was_told || !is_told || !may_be_back, "{}", world.told);
        }
    }
}
