//! Stories of parents and children: what depends on something that is down is not accused.

use std::{sync::Arc, time::Duration};

use expect_test::expect;

use super::{World, fleet, minutes, target};
use crate::{
    engine::Event,
    model::{GroupName, Plan, Target, TargetId, plan::Parent},
};

fn needs(parent: Parent, mut target: Target) -> Target {
    target.depends_on.push(parent);
    target
}

fn on(name: &str) -> Parent {
    Parent::Target(TargetId::new(name))
}

/// A database, what needs it, what needs that, and somebody who needs nobody.
fn chain() -> Plan {
    fleet(vec![
        target("db"),
        needs(on("db"), target("api")),
        needs(on("api"), target("web")),
        target("mail"),
    ])
}

fn world(plan: Plan) -> World {
    let mut world = World::new(plan);
    world.run_until(minutes(5));
    world
}

fn set(world: &mut World, targets: &[&str], weather: &str) {
    for target in targets {
        world.set(target, weather);
    }
}

#[test]
fn only_the_parent_is_told_and_the_children_come_back_with_it() {
    let mut world = world(chain());
    set(&mut world, &["db", "api", "web"], "refused");
    world.run_until(minutes(10));
    let shown = |world: &World, name: &str| {
        let facts = &world.shown[name];
        format!("{} ({})", facts.verdict, facts.reason.words)
    };
    assert_eq!(shown(&world, "db"), "down (connection refused)");
    assert_eq!(
        shown(&world, "api"),
        "unknown (blocked by db: connection refused)"
    );
    assert_eq!(
        shown(&world, "web"),
        "unknown (blocked by db: connection refused)"
    );
    set(&mut world, &["db", "api", "web"], "ok");
    world.run_until(minutes(20));
    assert_eq!(world.shown["web"].verdict.as_str(), "operational");
    world.check(&expect![[r#"
        5m 13s #core @core opened: db operational -> down: connection refused
        10m 20s #core recovered: db down -> operational
    "#]]);
}

/// Somebody else who fails at the same time has nothing to do with it.
#[test]
fn what_depends_on_nothing_is_told() {
    let mut world = world(chain());
    set(&mut world, &["db", "api", "mail"], "refused");
    world.run_until(minutes(10));
    world.check(&expect![[r#"
        5m 22s #core @core opened: db operational -> down: connection refused
        5m 22s #core @core opened: mail operational -> down: connection refused
    "#]]);
}

#[test]
fn a_child_that_stays_down_is_told_45_seconds_after_its_parent_is_back() {
    let mut world = world(chain());
    set(&mut world, &["db", "api"], "refused");
    world.run_until(minutes(10));
    world.set("db", "ok");
    world.run_until(minutes(15));
    set(&mut world, &["api"], "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 13s #core @core opened: db operational -> down: connection refused
        10m 22s #core recovered: db down -> operational
        11m 7s #core @core opened: api operational -> down: connection refused
        15m 24s #core recovered: api down -> operational
    "#]]);
}

#[test]
fn a_child_that_fails_just_after_its_parent_came_back_gets_the_same_time() {
    let mut world = world(chain());
    set(&mut world, &["db"], "refused");
    world.run_until(minutes(10));
    world.set("db", "ok");
    world.run_until(minutes(10) + Duration::from_secs(20));
    world.set("api", "refused");
    world.run_until(minutes(15));
    world.check(&expect![[r#"
        5m 17s #core @core opened: db operational -> down: connection refused
        10m 21s #core recovered: db down -> operational
        11m 6s #core @core opened: api operational -> down: connection refused
    "#]]);
}

/// Whoever is noticed first: if it is the child, the parent is looked at at once, and the child waits for what that says.
#[test]
fn whenever_it_begins_the_parent_is_told_and_no_child() {
    for (parent, child) in [
        ("refused", "refused"),
        ("silent", "silent"),
        ("refused", "silent"),
    ] {
        for second in 0..40 {
            let mut world = world(chain());
            world.run_until(minutes(5) + Duration::from_secs(second));
            world.set("db", parent);
            set(&mut world, &["api", "web"], child);
            world.run_until(minutes(10));
            let told = &world.told;
            assert!(told.contains("db operational -> down"), "{told}");
            let is_accused = told.contains("api") || told.contains("web");
            assert!(!is_accused, "{parent} {child} {second} s: {told}");
        }
    }
}

/// Told is told: the end of what was said before the parent went down is said as well.
#[test]
fn a_child_that_was_told_before_hears_of_its_end() {
    let mut world = world(chain());
    world.set("api", "refused");
    world.run_until(minutes(10));
    world.set("db", "refused");
    world.run_until(minutes(15));
    set(&mut world, &["db", "api"], "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 13s #core @core opened: api operational -> down: connection refused
        10m 27s #core @core opened: db operational -> down: connection refused
        15m 11s #core recovered: db down -> operational
        15m 12s #core recovered: api down -> operational
    "#]]);
}

/// A group is down when nobody in it is up that could serve.
#[test]
fn a_group_as_a_parent_is_down_when_nobody_in_it_serves() {
    let plan = || {
        fleet(vec![
            target("master/blue"),
            target("master/green"),
            needs(Parent::Group(GroupName::new("master")), target("cron")),
        ])
    };
    let mut world = world(plan());
    set(&mut world, &["master/blue", "cron"], "refused");
    world.run_until(minutes(10));
    world.check(&expect![[r#"
        5m 23s #core @core opened: master blue operational -> down: connection refused
        5m 24s #core @core opened: cron operational -> down: connection refused
    "#]]);
    let mut world = self::world(plan());
    set(
        &mut world,
        &["master/blue", "master/green", "cron"],
        "refused",
    );
    world.run_until(minutes(10));
    set(&mut world, &["master/green"], "ok");
    world.run_until(minutes(15));
    world.check(&expect![[r#"
        5m 15s #core @core opened: 2 of 2 in group master operational -> down: master blue and master green: connection refused (0 of 2 back)
        10m 41s #core changed: 2 of 2 in group master down -> down: 1 of 2 are back; still bad: master blue: connection refused (1 of 2 back)
        10m 56s #core @core opened: cron operational -> down: connection refused
    "#]]);
}

#[test]
fn a_restart_accuses_no_child_and_forgets_none() {
    for is_parent_back in [false, true] {
        let mut world = world(chain());
        set(&mut world, &["db", "api"], "refused");
        world.run_until(minutes(10));
        world.event(Event::Stop);
        let loaded = world.committed.clone();
        let mut world = World::restored(chain(), loaded, minutes(11));
        set(&mut world, &["db", "api"], "refused");
        if is_parent_back {
            world.set("db", "ok");
        }
        world.run_until(minutes(15));
        let is_told = world.told.contains("api");
        assert_eq!(is_told, is_parent_back, "{}", world.told);
    }
}

/// What it depended on is taken out of the file: nothing excuses it any more.
#[test]
fn a_child_without_its_parent_stands_for_itself() {
    let mut world = world(chain());
    set(&mut world, &["db", "api"], "refused");
    world.run_until(minutes(10));
    let plan = fleet(vec![target("api"), target("mail")]);
    world.event(Event::Replanned(Arc::new(plan)));
    world.run_until(minutes(15));
    world.check(&expect![[r#"
        5m 13s #core @core opened: db operational -> down: connection refused
        10m #core removed: db down -> unknown: it was taken out of the file, so nobody looks at it any more
        10m 11s #core @core opened: api operational -> down: connection refused
    "#]]);
}
