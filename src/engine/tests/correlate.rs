//! Stories of many: what has one cause is told once.

use expect_test::expect;

use super::{World, fleet, minutes, on};
use crate::{
    engine::Event,
    model::{Loaded, Plan, Slot, plan::Matcher},
    route::tests::to,
};
use std::{sync::Arc, time::Duration};

fn world(targets: &[(&str, &str)]) -> World {
    let targets = targets.iter().map(|(host, id)| on(host, id)).collect();
    let mut world = World::new(fleet(targets));
    world.run_until(minutes(5));
    world
}

fn set(world: &mut World, targets: &[&str], weather: &str) {
    for target in targets {
        world.set(target, weather);
    }
}

const SIX: [(&str, &str); 6] = [
    ("db1", "a"),
    ("db1", "b"),
    ("db1", "c"),
    ("web1", "d"),
    ("web2", "e"),
    ("web3", "f"),
];

#[test]
fn a_host_that_dies_is_one_message_and_one_end() {
    let mut world = world(&SIX);
    set(&mut world, &["a", "b", "c"], "silent");
    world.run_until(minutes(15));
    set(&mut world, &["a", "b", "c"], "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 35s #core @core opened: 3 of 3 on host db1 operational -> down: a, b and c: no answer (0 of 3 back)
        15m 14s #core recovered: 3 of 3 on host db1 down -> operational (3 of 3 back)
    "#]]);
}

#[test]
fn who_is_back_is_told_when_not_all_are() {
    let mut world = world(&SIX);
    set(&mut world, &["a", "b", "c"], "refused");
    world.run_until(minutes(10));
    set(&mut world, &["a", "b"], "ok");
    world.run_until(minutes(15));
    set(&mut world, &["c"], "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 14s #core @core opened: 3 of 3 on host db1 operational -> down: a, b and c: connection refused (0 of 3 back)
        10m 41s #core changed: 3 of 3 on host db1 down -> down: 2 of 3 are back; still bad: c: connection refused (2 of 3 back)
        15m 18s #core recovered: 3 of 3 on host db1 down -> operational (3 of 3 back)
    "#]]);
}

/// Killed between the decision and the telling: the restart tells it, and as what it is.
#[test]
fn what_was_decided_and_not_told_before_a_restart_is_told_together() {
    let mut world = world(&SIX);
    set(&mut world, &["d", "e", "f"], "refused");
    world.run_until(minutes(6));
    let loaded = Loaded {
        open: Vec::new(),
        ..world.committed.clone()
    };
    let targets = SIX.iter().map(|(host, id)| on(host, id)).collect();
    let mut world = World::restored(fleet(targets), loaded, minutes(6));
    set(&mut world, &["d", "e", "f"], "refused");
    world.run_until(minutes(10));
    world.check(&expect![[r#"
        6m 8s #core @core opened: 3 targets with the same trouble: connection refused operational -> down: d, e and f: connection refused (0 of 3 back)
    "#]]);
}

#[test]
fn what_waited_in_a_restart_is_told_once_something_was_seen() {
    let mut world = world(&SIX);
    set(&mut world, &["d", "e", "f"], "refused");
    world.run_until(minutes(6));
    let loaded = Loaded {
        open: Vec::new(),
        ..world.committed.clone()
    };
    let targets = SIX.iter().map(|(host, id)| on(host, id)).collect();
    let mut world = World::restored(fleet(targets), loaded, minutes(6));
    set(&mut world, &["a", "b", "c", "d", "e", "f"], "no-files");
    world.run_until(minutes(7));
    assert_eq!(world.told, "");
    set(&mut world, &["d", "e", "f"], "refused");
    set(&mut world, &["a", "b", "c"], "ok");
    world.run_until(minutes(9));
    world.check(&expect![[r#"
        7m 10s #core @core opened: 3 targets with the same trouble: connection refused operational -> down: d, e and f: connection refused (0 of 3 back)
    "#]]);
}

/// Slowness is never in question, so nobody waits for anybody; the third within half a minute shows that it is one trouble.
#[test]
fn many_that_become_slow_at_once_are_soon_one_trouble() {
    let names: Vec<_> = (0..9).map(|number| format!("group{number}/one")).collect();
    let targets = names
        .iter()
        .map(|name| on(&format!("{name}.test").replace('/', "-"), name));
    let mut world = World::new(fleet(targets.collect()));
    world.run_until(minutes(5));
    for name in &names {
        world.set(name, "slow");
    }
    world.run_until(minutes(20));
    for name in &names {
        world.set(name, "ok");
    }
    world.run_until(minutes(40));
    world.check(&expect![[r#"
        6m 56s #core opened: group6 one operational -> degraded: slow: 5 of the last 6 answers took longer than 2 s
        7m 5s #core opened: group3 one operational -> degraded: slow: 5 of the last 6 answers took longer than 2 s
        7m 8s #core changed: 2 targets with the same trouble: slow answers degraded -> degraded: group6 one and group8 one: slow: 5 of the last 6 answers took longer than 2 s (0 of 2 back)
        8m 8s #core changed: 8 targets with the same trouble: slow answers degraded -> degraded: group6 one, group8 one, group5 one, group0 one and 4 more: slow: 5 of the last 6 answers took longer than 2 s (0 of 8 back)
        20m 49s #core recovered: group3 one degraded -> operational
        20m 56s #core recovered: 8 targets with the same trouble: slow answers degraded -> operational (8 of 8 back)
    "#]]);
}

/// Whoever was told alone because the others were not decided yet is one of them all the same.
#[test]
fn who_was_told_alone_is_joined_by_those_decided_after_it() {
    let names: Vec<_> = (0..15).map(|number| format!("group{number}/one")).collect();
    let targets = names
        .iter()
        .map(|name| on(&format!("{name}.test").replace('/', "-"), name));
    let mut world = World::new(fleet(targets.collect()));
    world.run_until(minutes(5));
    for name in &names[..5] {
        world.set(name, "silent");
    }
    world.run_until(minutes(15));
    for name in &names {
        world.set(name, "ok");
    }
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 40s #core @core opened: 3 targets with the same trouble: first byte timeout operational -> down: group0 one, group3 one and group4 one: no answer (0 of 3 back)
        6m 40s #core changed: 5 targets with the same trouble: first byte timeout down -> down: group0 one, group3 one, group4 one, group2 one and 1 more: no answer (0 of 5 back)
        15m 13s #core recovered: 5 targets with the same trouble: first byte timeout down -> operational (5 of 5 back)
    "#]]);
}

#[test]
fn who_follows_later_joins() {
    let mut world = world(&SIX);
    set(&mut world, &["a"], "refused");
    world.run_until(minutes(8));
    set(&mut world, &["b"], "refused");
    world.run_until(minutes(12));
    set(&mut world, &["c"], "refused");
    world.run_until(minutes(16));
    set(&mut world, &["a", "b", "c"], "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 21s #core @core opened: a operational -> down: connection refused
        8m 33s #core changed: 2 of 3 on host db1 down -> down: a and b: connection refused (0 of 2 back)
        12m 20s #core changed: 3 of 3 on host db1 down -> down: a, b and c: connection refused (0 of 3 back)
        16m 20s #core recovered: 3 of 3 on host db1 down -> operational (3 of 3 back)
    "#]]);
}

#[test]
fn two_that_share_nothing_are_two_troubles() {
    let mut world = world(&SIX);
    set(&mut world, &["d", "e"], "refused");
    world.run_until(minutes(10));
    set(&mut world, &["d", "e"], "ok");
    world.run_until(minutes(15));
    world.check(&expect![[r#"
        5m 18s #core @core opened: d operational -> down: connection refused
        5m 41s #core @core opened: e operational -> down: connection refused
        10m 14s #core recovered: d down -> operational
        10m 24s #core recovered: e down -> operational
    "#]]);
}

#[test]
fn a_group_of_two_that_fails_is_one_trouble() {
    let mut world = world(&[("a", "master/blue"), ("b", "master/green"), ("c", "other")]);
    set(&mut world, &["master/blue", "master/green"], "refused");
    world.run_until(minutes(45));
    set(&mut world, &["master/blue", "master/green"], "ok");
    world.run_until(minutes(50));
    world.check(&expect![[r#"
        5m 15s #core @core opened: 2 of 2 in group master operational -> down: master blue and master green: connection refused (0 of 2 back)
        35m 15s #core @core reminder: 2 of 2 in group master down -> down: master blue and master green: connection refused (0 of 2 back)
        45m 22s #core recovered: 2 of 2 in group master down -> operational (2 of 2 back)
    "#]]);
}

#[test]
fn a_member_that_gets_worse_is_told_to_whom_it_concerns() {
    let mut world = world(&[("a", "master/blue"), ("b", "master/green")]);
    set(&mut world, &["master/blue", "master/green"], "degraded");
    world.run_until(minutes(10));
    set(&mut world, &["master/blue"], "refused");
    world.run_until(minutes(15));
    set(&mut world, &["master/blue", "master/green"], "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 10s #core opened: 2 of 2 in group master operational -> degraded: master blue and master green: the body says DEGRADED (0 of 2 back)
        10m 16s #core @core changed: 2 of 2 in group master degraded -> down: master blue and master green (0 of 2 back)
        15m 12s #core recovered: 2 of 2 in group master down -> operational (2 of 2 back)
    "#]]);
}

#[test]
fn a_restart_in_the_middle_changes_nothing() {
    let mut world = world(&SIX);
    set(&mut world, &["a", "b", "c"], "refused");
    world.run_until(minutes(10));
    world.event(Event::Stop);
    let (loaded, plan) = (world.committed.clone(), (*world.engine.plan).clone());
    let told = std::mem::take(&mut world.told);
    let mut world = World::restored(plan, loaded, minutes(11));
    world.told = told;
    set(&mut world, &["b", "c"], "refused");
    world.run_until(minutes(15));
    set(&mut world, &["b", "c"], "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 14s #core @core opened: 3 of 3 on host db1 operational -> down: a, b and c: connection refused (0 of 3 back)
        12m #core changed: 3 of 3 on host db1 down -> down: 1 of 3 are back; still bad: b and c: connection refused (1 of 3 back)
        15m 15s #core recovered: 3 of 3 on host db1 down -> operational (3 of 3 back)
    "#]]);
}

#[test]
fn what_is_taken_out_of_the_file_is_not_waited_for() {
    let mut world = world(&SIX);
    set(&mut world, &["a", "b", "c"], "refused");
    world.run_until(minutes(10));
    set(&mut world, &["a"], "ok");
    world.run_until(minutes(12));
    let plan = Plan {
        targets: world
            .engine
            .plan
            .targets
            .iter()
            .filter(|target| !["b", "c"].contains(&target.name.as_str()))
            .cloned()
            .collect(),
        ..(*world.engine.plan).clone()
    };
    world.event(Event::Replanned(Arc::new(plan)));
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 14s #core @core opened: 3 of 3 on host db1 operational -> down: a, b and c: connection refused (0 of 3 back)
        10m 41s #core changed: 3 of 3 on host db1 down -> down: 1 of 3 are back; still bad: b and c: connection refused (1 of 3 back)
        12m #core removed: 3 of 3 on host db1 down -> unknown:  (3 of 3 back)
    "#]]);
}

/// A channel hears of its own targets alone, and of the end when all are back.
#[test]
fn each_channel_hears_of_what_is_its_own() {
    let targets = SIX.iter().map(|(host, id)| on(host, id)).collect();
    let plan = fleet(targets);
    let mut only_a = to(&["ops"]);
    only_a.matcher = Matcher {
        targets: vec![crate::model::TargetId::new("a")],
        ..Matcher::default()
    };
    let mut routes = plan.routes.clone();
    routes.insert(0, only_a);
    let mut world = World::new(Plan { routes, ..plan });
    world.run_until(minutes(5));
    set(&mut world, &["a", "b", "c"], "refused");
    world.run_until(minutes(10));
    set(&mut world, &["a"], "ok");
    world.run_until(minutes(15));
    set(&mut world, &["b", "c"], "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 14s #ops opened: 3 of 3 on host db1 operational -> down: a: connection refused (0 of 1 back)
        5m 14s #core @core opened: 3 of 3 on host db1 operational -> down: b and c: connection refused (0 of 2 back)
        10m 41s #ops changed: 3 of 3 on host db1 down -> operational: 1 of 1 are back (1 of 1 back)
        15m 21s #ops recovered: 3 of 3 on host db1 down -> operational (1 of 1 back)
        15m 21s #core recovered: 3 of 3 on host db1 down -> operational (2 of 2 back)
    "#]]);
}

/// A component that is down everywhere is the business of those who run it, and so is one that is down on one target.
#[test]
fn a_component_has_its_own_people() {
    let targets = SIX.iter().map(|(host, id)| on(host, id)).collect();
    let plan = fleet(targets);
    let mut database = to(&["ops"]);
    database.matcher.components = vec![String::from("DB")];
    let mut routes = plan.routes.clone();
    routes.insert(0, database);
    let mut world = World::new(Plan { routes, ..plan });
    world.run_until(minutes(5));
    set(&mut world, &["a", "b", "c", "d", "e", "f"], "db");
    world.run_until(minutes(10));
    set(&mut world, &["a", "b", "c", "d", "e", "f"], "ok");
    world.run_until(minutes(15));
    set(&mut world, &["e"], "db");
    set(&mut world, &["f"], "refused");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 15s #ops opened: 4 targets with component db operational -> down: a, b, c and d: db is down (0 of 4 back)
        6m 15s #ops changed: 6 targets with component db down -> down: a, b, c, d and 2 more: db is down (0 of 6 back)
        10m 25s #ops recovered: 6 targets with component db down -> operational (6 of 6 back)
        15m 12s #ops opened: e operational -> down: db is down
        15m 18s #core @core opened: f operational -> down: connection refused
    "#]]);
}

/// Somebody who is always in question delays what stands alone by nothing, and what may belong to it by ten seconds.
#[test]
fn waiting_has_an_end() {
    let mut world = world(&SIX);
    set(&mut world, &["a"], "refused");
    world.run_until(minutes(5) + Duration::from_secs(20));
    set(&mut world, &["b"], "silent");
    world.run_until(minutes(7));
    world.check(&expect![[r#"
        5m 21s #core @core opened: a operational -> down: connection refused
        6m 6s #core changed: 2 of 3 on host db1 down -> down: a and b (0 of 2 back)
    "#]]);
}

/// A file that was edited while hekate was stopped: the new name belongs to the old incident.
#[test]
fn a_name_that_changed_while_nobody_ran_stays_a_member() {
    let mut world = world(&SIX);
    set(&mut world, &["a", "b", "c"], "refused");
    world.run_until(minutes(10));
    world.event(Event::Stop);
    let (loaded, mut plan) = (world.committed.clone(), (*world.engine.plan).clone());
    let mut renamed = on("db1", "z");
    renamed.was = Some(crate::model::TargetId::new("a"));
    plan.targets[0] = Arc::new(renamed);
    let mut world = World::restored(plan, loaded, minutes(11));
    set(&mut world, &["z", "b", "c"], "refused");
    world.run_until(minutes(15));
    set(&mut world, &["z", "b", "c"], "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        15m 18s #core recovered: 3 of 3 on host db1 down -> operational (3 of 3 back)
    "#]]);
}

/// A suspicion that was thrown away holds nobody up.
#[test]
fn what_is_no_longer_in_question_delays_nothing() {
    let mut world = world(&SIX);
    set(&mut world, &["d", "e"], "silent");
    world.run_until(minutes(5) + Duration::from_secs(20));
    world.event(Event::Interrupted);
    set(&mut world, &["d", "e"], "ok");
    set(&mut world, &["a"], "refused");
    world.run_until(minutes(10));
    world.check(&expect![[r#"
        5m 32s #core @core opened: a operational -> down: connection refused
    "#]]);
}

/// What has waited for others and was held up by a look that contradicted it does not wait for them once more.
#[test]
fn nothing_waits_twice_for_others() {
    let mut contradicted = 0;
    let step = |world: &mut World| world.run_until(world.now + Duration::from_millis(100));
    for second in 0..30 {
        let mut targets: Vec<_> = SIX.iter().map(|(host, id)| on(host, id)).collect();
        targets[0].checks[0].policy.interval = Duration::from_secs(5);
        let mut world = World::new(fleet(targets));
        world.run_until(minutes(5));
        set(&mut world, &["a"], "refused");
        world.run_until(minutes(5) + Duration::from_secs(second));
        set(&mut world, &["b"], "silent");
        let waits = |world: &World| world.engine.commons.next_deadline().is_some();
        while world.told.is_empty() && !waits(&world) && world.now < minutes(6) {
            step(&mut world);
        }
        set(&mut world, &["a"], "ok");
        let is_held = |world: &World| {
            let watched = world.engine.at(Slot(0)).expect("it is watched");
            watched.hold.is_some()
        };
        while world.told.is_empty() && !is_held(&world) && world.now < minutes(6) {
            step(&mut world);
        }
        if !is_held(&world) {
            continue;
        }
        set(&mut world, &["a"], "refused");
        while is_held(&world) && world.now < minutes(8) {
            step(&mut world);
        }
        contradicted += 1;
        assert!(
            world.told.contains("opened"),
            "{second}: nothing was told by {:?}",
            world.now
        );
    }
    assert!(contradicted > 0);
}

/// One channel heard of a member at once, the others were to hear of it in a while: after a restart in between, only they do.
#[test]
fn after_a_restart_no_channel_is_told_again_what_it_was_told() {
    let mut world = world(&[("a", "master/blue"), ("b", "master/green")]);
    set(&mut world, &["master/blue", "master/green"], "refused");
    world.run_until(minutes(10));
    set(&mut world, &["master/blue"], "ok");
    world.run_until(minutes(11));
    set(&mut world, &["master/blue"], "401");
    while !world.told.contains("#ops") && world.now < minutes(14) {
        world.run_until(world.now + Duration::from_secs(1));
    }
    let (loaded, plan) = (world.committed.clone(), (*world.engine.plan).clone());
    let (told, now) = (std::mem::take(&mut world.told), world.now);
    let mut world = World::restored(plan, loaded, now + Duration::from_secs(1));
    world.told = told;
    set(&mut world, &["master/blue"], "401");
    set(&mut world, &["master/green"], "refused");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 14s #core @core opened: 2 of 2 in group master operational -> down: master blue and master green: connection refused (0 of 2 back)
        10m 53s #core changed: 2 of 2 in group master down -> down: 1 of 2 are back; still bad: master green: connection refused (1 of 2 back)
        11m 30s #ops opened: 2 of 2 in group master operational -> unknown: master blue: HTTP 401 (0 of 1 back)
        12m 32s #core changed: 2 of 2 in group master down -> down: master blue and master green (0 of 2 back)
    "#]]);
}

/// A certificate keeps no incident of others open, and one look that met nothing but the certificate is no end either.
#[test]
fn one_look_that_meets_only_a_certificate_is_no_end() {
    for seconds in 0..40 {
        let mut world = world(&SIX);
        set(&mut world, &["a", "b", "c"], "refused");
        world.run_until(minutes(10));
        world.set("a", "degraded");
        set(&mut world, &["b", "c"], "ok");
        world.run_until(minutes(10) + Duration::from_secs(seconds));
        world.set("a", "ends in 20 days");
        world.run_until(world.now + Duration::from_secs(5));
        world.set("a", "degraded");
        world.run_until(minutes(20));
        assert!(!world.told.contains("recovered"), "{}", world.told);
        world.set("a", "ends in 20 days");
        world.run_until(minutes(30));
        assert!(world.told.contains("recovered"), "{}", world.told);
    }
}
