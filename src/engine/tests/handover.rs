//! Stories of a pair whose logs are read: who may be silent, and from when on nobody is excused any more.

use std::sync::Arc;

use expect_test::expect;

use super::{
    World,
    logs::{log_of, store},
    minutes,
    roles::{dns, pair},
};
use crate::model::TargetId;

/// Blue and green with their logs; the inactive one is expected to be silent, or not.
fn world(is_silent_when_inactive: bool) -> World {
    let mut plan = pair(vec![dns()]);
    for name in ["master/blue", "master/green"] {
        let id = TargetId::new(name);
        let target = plan.targets.iter_mut().find(|target| target.id == id);
        let target = Arc::make_mut(target.expect("it is in the pair"));
        target.checks.push(log_of(name, is_silent_when_inactive));
    }
    let store = store(&["master/blue", "master/green"]);
    plan.targets.push(Arc::new(store));
    World::new(plan)
}

fn falls_silent(world: &mut World, name: &str) {
    let now = world.now;
    world.store.stopped.insert(name.to_owned(), now);
}

fn writes(world: &mut World, name: &str) {
    world.store.stopped.remove(name);
}

#[test]
fn the_inactive_half_may_be_silent_if_the_file_says_so() {
    let mut world = world(true);
    world.run_until(minutes(10));
    falls_silent(&mut world, "master/green");
    world.run_until(minutes(60));
    world.check(&expect![[""]]);
    expect![[r#"
        23s grace
        2m 41s fresh
        15m 20s idle
    "#]]
    .assert_eq(&world.rows_of("master/green"));
    // The same silence of the active half is told.
    falls_silent(&mut world, "master/blue");
    world.run_until(minutes(70));
    world.check(&expect![[r#"
        1h 6m 10s #disaster opened: master blue (active) operational -> degraded: no line in its log for 6 min 10 s (proved up to 27 s ago)
        1h 6m 10s #core opened: master blue (active) operational -> degraded: no line in its log for 6 min 10 s (proved up to 27 s ago)
    "#]]);
}

#[test]
fn without_that_word_both_halves_have_to_write() {
    let mut world = world(false);
    world.run_until(minutes(10));
    falls_silent(&mut world, "master/green");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        16m 15s #core opened: master green (inactive) operational -> degraded: no line in its log for 6 min 15 s (proved up to 28 s ago)
    "#]]);
}

#[test]
fn who_becomes_active_has_time_to_begin_writing() {
    let mut world = world(true);
    world.run_until(minutes(10));
    falls_silent(&mut world, "master/green");
    world.run_until(minutes(30));
    world.active = Some(vec![1]);
    falls_silent(&mut world, "master/blue");
    world.run_until(minutes(36));
    writes(&mut world, "master/green");
    world.run_until(minutes(50));
    world.check(&expect![[r#"
        30m 13s #core notice: master: green is active now, blue is not: read from DNS
    "#]]);
    expect![[r#"
        23s grace
        2m 41s fresh
        15m 20s idle
        30m 30s late
        36m 16s fresh
    "#]]
    .assert_eq(&world.rows_of("master/green"));
}

#[test]
fn who_became_active_and_never_writes_is_told_after_the_grace() {
    let mut world = world(true);
    world.run_until(minutes(10));
    falls_silent(&mut world, "master/green");
    world.run_until(minutes(30));
    world.active = Some(vec![1]);
    falls_silent(&mut world, "master/blue");
    world.run_until(minutes(60));
    world.check(&expect![[r#"
        30m 13s #core notice: master: green is active now, blue is not: read from DNS
        39m 8s #disaster opened: master green (active) operational -> degraded: no line in its log for 29 min 8 s (proved up to 28 s ago)
        39m 8s #core opened: master green (active) operational -> degraded: no line in its log for 29 min 8 s (proved up to 28 s ago)
    "#]]);
    expect![[r#"
        23s grace
        2m 41s fresh
        35m 17s idle
    "#]]
    .assert_eq(&world.rows_of("master/blue"));
}
