//! Stories of those who go up and down, and of how often people hear of them.

use expect_test::expect;

use super::{World, fleet, minutes, on, target};
use crate::{
    engine::Event,
    model::{Kind, Plan, Timestamp, plan::Matcher},
    route::tests::to,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn one() -> World {
    let mut world = World::new(fleet(vec![target("api")]));
    world.run_until(minutes(5));
    world
}

/// Bad for so long, then well for so long, so often.
fn flap(world: &mut World, targets: &[&str], bad: Duration, well: Duration, times: u32) {
    for _ in 0..times {
        for (weather, length) in [("refused", bad), ("ok", well)] {
            for target in targets {
                world.set(target, weather);
            }
            world.run_until(world.now + length);
        }
    }
}

/// Nobody heard more than six times of one target within an hour.
fn check_bound(world: &World) {
    let mut heard: BTreeMap<String, BTreeSet<(Timestamp, u32)>> = BTreeMap::new();
    for entry in &world.entries {
        let story = &entry.story;
        if entry.kind == Kind::Notice || entry.key.channel.as_str() != "core" {
            continue;
        }
        let members = story.many.iter().flat_map(|many| &many.members);
        let mut titles: Vec<_> = members.map(|one| one.title.clone()).collect();
        if story.many.is_none() {
            titles.push(story.title.clone());
        }
        for title in titles {
            let told = (entry.created_at, entry.key.sequence);
            heard.entry(title).or_default().insert(told);
        }
    }
    for times in heard.values() {
        let times: Vec<_> = times.iter().map(|(at, _)| *at).collect();
        for (index, at) in times.iter().enumerate() {
            let hour = times[index..].iter();
            let count = hour.filter(|other| other.since(*at) < Duration::from_hours(1));
            assert!(count.count() <= 6, "{}", world.told);
        }
    }
}

#[test]
fn two_hours_of_half_a_minute_up_and_half_a_minute_down() {
    let mut world = one();
    flap(&mut world, &["api"], seconds(30), seconds(30), 120);
    world.run_until(world.now + Duration::from_hours(3));
    check_bound(&world);
    assert!(world.told.lines().count() <= 7, "{}", world.told);
    assert!(world.open.is_empty());
    world.check(&expect![[r#"
        5m 21s #core @core opened: api operational -> down: connection refused
        5m 47s #core recovered: api down -> operational
        6m 28s #core @core opened: api operational -> down: connection refused
        6m 53s #core recovered: api down -> operational
        9m 12s #core @core opened: api operational -> down: connection refused [flapping 3x: down 25 s, up 40 s, down 24 s, up 2 min 19 s, down now]
        1h 9m 12s #core reminder: api down -> operational: 3 good looks in a row [flapping 29x: down 40 s, up 2 min 19 s, down 38 s, up 1 min 20 s, down 38 s, up 1 min 20 s, down 38 s, up for 21 s]
        2h 34m 50s #core recovered: api down -> operational [flapping, but steady]
    "#]]);
}

#[test]
fn any_period_from_one_minute_to_one_hour() {
    for period in 1..=60 {
        let mut world = one();
        let half = seconds(period * 30);
        flap(
            &mut world,
            &["api"],
            half,
            half,
            u32::try_from(600 / period).expect("a small number"),
        );
        check_bound(&world);
        world.run_until(world.now + Duration::from_hours(3));
        check_bound(&world);
        assert!(world.open.is_empty(), "{period} min: {}", world.told);
        let last = world.told.lines().last().unwrap_or_default().to_owned();
        assert!(
            last.is_empty() || last.contains("recovered"),
            "{}",
            world.told
        );
    }
}

#[test]
fn half_of_all_looks_fail_for_two_hours_and_then_a_third() {
    for (of, at_most) in [(2, 10), (3, 10)] {
        let mut world = one();
        for look in 0..(120 * 60 / 7) {
            // A pattern without a rhythm of its own.
            let is_bad = (look * look + look / 3) % 7 % of == 0;
            world.set("api", if is_bad { "refused" } else { "ok" });
            world.run_until(world.now + seconds(7));
        }
        world.set("api", "ok");
        world.run_until(world.now + Duration::from_hours(3));
        check_bound(&world);
        assert!(world.told.lines().count() <= at_most, "{}", world.told);
        assert!(world.open.is_empty(), "{}", world.told);
    }
}

#[test]
fn what_stays_down_is_told_in_spite_of_it_and_so_is_that_it_is_up() {
    let mut world = one();
    flap(&mut world, &["api"], minutes(1), minutes(2), 4);
    world.set("api", "refused");
    world.run_until(world.now + minutes(90));
    world.set("api", "ok");
    world.run_until(world.now + minutes(90));
    check_bound(&world);
    world.check(&expect![[r#"
        5m 21s #core @core opened: api operational -> down: connection refused
        6m 16s #core recovered: api down -> operational
        8m 22s #core @core opened: api operational -> down: connection refused
        9m 16s #core recovered: api down -> operational
        11m 21s #core @core opened: api operational -> down: connection refused [flapping 3x: down 54 s, up 2 min 6 s, down 53 s, up 2 min 4 s, down now]
        22m 17s #core changed: api down -> down: connection refused [flapping, but steady]
        1h 8m 22s #core @core reminder: api down -> down: connection refused [flapping, but steady]
        1h 47m 10s #core recovered: api down -> operational
    "#]]);
    assert!(world.open.is_empty());
}

#[test]
fn a_restart_before_in_and_after_changes_nothing() {
    let plan = || fleet(vec![target("api")]);
    let mut told = Vec::new();
    for restarts in [false, true] {
        let mut world = one();
        for _ in 0..10 {
            flap(&mut world, &["api"], minutes(1), minutes(2), 1);
            if restarts {
                let said = std::mem::take(&mut world.told);
                let entries = std::mem::take(&mut world.entries);
                world = World::restored(plan(), world.committed.clone(), world.now);
                world.told = said;
                world.entries = entries;
            }
        }
        world.run_until(world.now + Duration::from_hours(2));
        check_bound(&world);
        assert!(world.open.is_empty(), "{}", world.told);
        let lines = world.told.lines();
        // When exactly it went down differs by seconds, because looks begin anew.
        let words = |line: &str| {
            let (_, words) = line.split_once('#')?;
            words.split(':').next().map(String::from)
        };
        told.push(lines.filter_map(words).collect::<Vec<_>>());
    }
    assert_eq!(told[0], told[1]);
}

#[test]
fn a_reload_a_new_name_and_a_removal() {
    let mut world = one();
    flap(&mut world, &["api"], minutes(1), minutes(2), 4);
    let mut renamed = target("web");
    renamed.was = Some(crate::model::TargetId::new("api"));
    world.event(Event::Replanned(Arc::new(fleet(vec![renamed]))));
    flap(&mut world, &["web"], minutes(1), minutes(2), 2);
    world.event(Event::Replanned(Arc::new(fleet(Vec::new()))));
    world.check(&expect![[r#"
        5m 21s #core @core opened: api operational -> down: connection refused
        6m 16s #core recovered: api down -> operational
        8m 22s #core @core opened: api operational -> down: connection refused
        9m 16s #core recovered: api down -> operational
        11m 21s #core @core opened: api operational -> down: connection refused [flapping 3x: down 54 s, up 2 min 6 s, down 53 s, up 2 min 4 s, down now]
        23m #core removed: web down -> unknown: it was taken out of the file, so nobody looks at it any more
    "#]]);
    assert!(world.open.is_empty());
}

#[test]
fn what_we_cannot_see_adds_nothing() {
    let mut world = one();
    for _ in 0..10 {
        world.set("api", "401");
        world.run_until(world.now + minutes(2));
        world.set("api", "ok");
        world.run_until(world.now + minutes(2));
    }
    world.run_until(world.now + minutes(90));
    assert!(!world.told.contains("flapping"), "{}", world.told);
    assert!(world.open.is_empty(), "{}", world.told);
}

#[test]
fn several_that_flap_together_are_one_incident_that_stays_open() {
    let fleet = fleet(vec![on("db1", "a"), on("db1", "b"), on("db1", "c")]);
    let mut world = World::new(fleet);
    world.run_until(minutes(5));
    flap(&mut world, &["a", "b", "c"], minutes(1), minutes(2), 40);
    check_bound(&world);
    world.run_until(world.now + Duration::from_hours(2));
    check_bound(&world);
    assert!(world.open.is_empty(), "{}", world.told);
    world.check(&expect![[r#"
        5m 15s #core @core opened: 3 of 3 on host db1 operational -> down: a, b and c: connection refused (0 of 3 back)
        6m 23s #core recovered: 3 of 3 on host db1 down -> operational (3 of 3 back)
        8m 25s #core @core opened: 3 of 3 on host db1 operational -> down: a, b and c: connection refused (0 of 3 back)
        9m 19s #core recovered: 3 of 3 on host db1 down -> operational (3 of 3 back)
        11m 22s #core @core opened: 3 of 3 on host db1 operational -> down: a, b and c: connection refused [flapping 3x: ] (0 of 3 back)
        1h 8m 38s #core @core reminder: 3 of 3 on host db1 down -> down: a, b and c: connection refused [flapping 22x: ] (0 of 3 back)
        2h 8m 10s #core changed: 3 of 3 on host db1 operational -> operational: 3 of 3 are back [flapping 40x: ] (3 of 3 back)
        2h 33m 11s #core recovered: 3 of 3 on host db1 down -> operational [flapping 40x: ] (3 of 3 back)
    "#]]);
}

#[test]
fn one_of_several_that_flaps_keeps_the_others_waiting_for_no_truth() {
    let fleet = fleet(vec![on("db1", "a"), on("db1", "b"), on("db1", "c")]);
    let mut world = World::new(fleet);
    world.run_until(minutes(5));
    flap(&mut world, &["a"], minutes(1), minutes(2), 4);
    for target in ["a", "b", "c"] {
        world.set(target, "refused");
    }
    world.run_until(world.now + minutes(20));
    for target in ["b", "c"] {
        world.set(target, "ok");
    }
    flap(&mut world, &["a"], minutes(1), minutes(2), 10);
    world.run_until(world.now + Duration::from_hours(2));
    check_bound(&world);
    assert!(world.open.is_empty(), "{}", world.told);
    world.check(&expect![[r#"
        5m 23s #core @core opened: a operational -> down: connection refused
        6m 16s #core recovered: a down -> operational
        8m 20s #core @core opened: a operational -> down: connection refused
        9m 14s #core recovered: a down -> operational
        11m 20s #core @core opened: a operational -> down: connection refused [flapping 3x: down 53 s, up 2 min 3 s, down 53 s, up 2 min 6 s, down now]
        17m 15s #core @core opened: 2 of 3 on host db1 operational -> down: b and c: connection refused (0 of 2 back)
        22m 14s #core changed: a down -> down: connection refused [flapping, but steady]
        37m 21s #core recovered: 2 of 3 on host db1 down -> operational (2 of 2 back)
        1h 10m 10s #core changed: a down -> operational: 3 good looks in a row [flapping, but steady]
        1h 35m 10s #core recovered: a down -> operational [flapping, but steady]
    "#]]);
}

#[test]
fn who_hears_only_of_degradations_hears_of_their_end() {
    let degraded = crate::model::Route {
        matcher: Matcher {
            states: vec![crate::model::Verdict::Degraded],
            ..Matcher::default()
        },
        ..to(&["ops"])
    };
    let base = fleet(vec![target("api")]);
    let plan = Plan {
        routes: [degraded].into_iter().chain(base.routes.clone()).collect(),
        ..base
    };
    let mut world = World::new(plan);
    world.run_until(minutes(5));
    for _ in 0..20 {
        for weather in ["degraded", "refused", "ok"] {
            world.set("api", weather);
            world.run_until(world.now + minutes(3));
        }
    }
    world.run_until(world.now + Duration::from_hours(2));
    check_bound(&world);
    assert!(world.open.is_empty(), "{}", world.told);
}

#[test]
fn who_is_well_again_shares_no_incident_though_its_end_was_not_told() {
    let fleet = fleet(vec![on("db1", "a"), on("db1", "b")]);
    let mut world = World::new(fleet);
    world.run_until(minutes(5));
    flap(&mut world, &["a"], minutes(1), minutes(2), 3);
    flap(&mut world, &["b"], minutes(2), minutes(2), 1);
    world.run_until(world.now + Duration::from_hours(2));
    check_bound(&world);
    assert!(world.open.is_empty(), "{}", world.told);
    world.check(&expect![[r#"
        5m 21s #core @core opened: a operational -> down: connection refused
        6m 14s #core recovered: a down -> operational
        8m 19s #core @core opened: a operational -> down: connection refused
        9m 12s #core recovered: a down -> operational
        11m 18s #core @core opened: a operational -> down: connection refused [flapping 3x: down 52 s, up 2 min 5 s, down 52 s, up 2 min 6 s, down now]
        14m 35s #core @core opened: b operational -> down: connection refused
        16m 12s #core recovered: b down -> operational
        1h 5m 21s #core recovered: a down -> operational [flapping, but steady]
    "#]]);
}

/// Six times of `a` within the hour; it is down by the end of it.
fn a_was_told_often(fleet: Plan) -> World {
    let mut world = World::new(fleet);
    world.run_until(minutes(5));
    for weather in ["degraded", "ok", "refused", "degraded", "ok"] {
        world.set("a", weather);
        world.run_until(world.now + minutes(5));
    }
    world.set("a", "refused");
    world.run_until(world.now + minutes(1));
    world
}

#[test]
fn of_whom_much_was_told_nobody_else_has_to_wait_for() {
    let fleet = fleet(vec![on("db1", "a"), on("db1", "b"), on("db1", "c")]);
    let mut world = a_was_told_often(fleet);
    world.set("b", "refused");
    world.run_until(world.now + minutes(2));
    world.set("c", "refused");
    world.run_until(world.now + minutes(2));
    for target in ["a", "b", "c"] {
        world.set(target, "ok");
    }
    world.run_until(world.now + Duration::from_hours(2));
    check_bound(&world);
    assert!(world.open.is_empty(), "{}", world.told);
    world.check(&expect![[r#"
        5m 19s #core opened: a operational -> degraded: the body says DEGRADED
        10m 13s #core recovered: a degraded -> operational
        15m 39s #core @core opened: a operational -> down: connection refused
        20m 21s #core changed: a down -> degraded: the body says DEGRADED
        25m 16s #core recovered: a down -> operational
        30m 12s #core @core opened: a operational -> down: connection refused
        31m 35s #core @core opened: b operational -> down: connection refused
        33m 27s #core changed: 2 of 3 on host db1 down -> down: b and c: connection refused (0 of 2 back)
        35m 18s #core recovered: 2 of 3 on host db1 down -> operational (2 of 2 back)
        1h 10m 13s #core recovered: a down -> operational
    "#]]);
}

#[test]
fn one_of_several_that_stays_down_is_told_in_time_however_much_was_told() {
    let fleet = fleet(vec![on("db1", "a"), on("db1", "b"), on("db1", "c")]);
    let mut world = World::new(fleet);
    world.run_until(minutes(5));
    for target in ["a", "b", "c"] {
        world.set(target, "refused");
    }
    world.run_until(world.now + minutes(2));
    // Each change of another one is told by itself, until there is no room for more.
    for (target, weather) in [
        ("a", "ok"),
        ("a", "degraded"),
        ("a", "ok"),
        ("a", "degraded"),
    ] {
        world.set(target, weather);
        world.run_until(world.now + minutes(9));
    }
    world.set("b", "ok");
    world.run_until(world.now + minutes(6));
    world.set("b", "refused");
    world.run_until(world.now + minutes(20));
    for target in ["a", "b", "c"] {
        world.set(target, "ok");
    }
    world.run_until(world.now + Duration::from_hours(3));
    assert!(world.open.is_empty(), "{}", world.told);
    world.check(&expect![[r#"
        5m 15s #core @core opened: 3 of 3 on host db1 operational -> down: a, b and c: connection refused (0 of 3 back)
        7m 51s #core changed: 3 of 3 on host db1 down -> down: 1 of 3 are back; still bad: b and c: connection refused (1 of 3 back)
        16m 30s #core changed: 3 of 3 on host db1 down -> down: a, b and c (0 of 3 back)
        25m 42s #core changed: 3 of 3 on host db1 down -> down: 1 of 3 are back; still bad: b and c: connection refused (1 of 3 back)
        34m 25s #core changed: 3 of 3 on host db1 down -> down: a, b and c (0 of 3 back)
        43m 48s #core changed: 3 of 3 on host db1 down -> down: 1 of 3 are back; still bad: a and c (1 of 3 back)
        54m 37s #core changed: 3 of 3 on host db1 down -> down: a, b and c (0 of 3 back)
        1h 16m 30s #core recovered: 3 of 3 on host db1 down -> operational (3 of 3 back)
    "#]]);
}

#[test]
fn a_warning_whose_end_was_not_told_is_not_told_again() {
    let mut world = one();
    let cert = "ends in 20 days";
    for weather in [cert, "ok", cert, "ok", cert, "ok", cert] {
        world.set("api", weather);
        world.run_until(world.now + minutes(6));
    }
    world.run_until(world.now + minutes(30));
    world.set("api", "ok");
    world.run_until(world.now + Duration::from_hours(3));
    check_bound(&world);
    assert!(world.open.is_empty(), "{}", world.told);
    world.check(&expect![[r#"
        5m 17s #core opened: api operational -> degraded: certificate ends in 20 days
        11m 49s #core recovered: api degraded -> operational
        17m 9s #core opened: api operational -> degraded: certificate ends in 20 days
        24m 7s #core recovered: api degraded -> operational
        29m 25s #core opened: api operational -> degraded: certificate ends in 20 days
        1h 18m 16s #core recovered: api degraded -> operational
    "#]]);
}

#[test]
fn of_what_flaps_a_look_that_fails_after_good_ones_is_no_outage_that_lasts() {
    // When it has lasted depends on the looks before, so the lost look is tried everywhere around that.
    for offset in 0..25 {
        let mut world = one();
        flap(&mut world, &["api"], minutes(1), minutes(2), 3);
        world.set("api", "silent");
        world.run_until(world.now + seconds(305 + offset));
        let told = world.told.clone();
        // Two good looks are no recovery yet, and the one that is lost ends it.
        let looks = world.looks;
        world.set("api", "ok");
        while world.looks < looks + 2 {
            world.run_until(world.now + seconds(1));
        }
        world.set("api", "silent");
        world.run_until(world.now + seconds(11));
        world.set("api", "ok");
        world.run_until(world.now + minutes(2));
        assert_eq!(world.told, told, "offset {offset}");
    }
}

fn undamped(plan: Plan) -> Plan {
    Plan {
        damps_flapping: false,
        ..plan
    }
}

#[test]
fn with_the_switch_off_every_down_and_every_up_is_told() {
    let mut world = World::new(undamped(fleet(vec![target("api")])));
    world.run_until(minutes(5));
    flap(&mut world, &["api"], minutes(1), minutes(2), 10);
    assert!(world.open.is_empty());
    let words = |line: &str| line.split_once(": api ").map(|(_, words)| words.to_owned());
    let told: Vec<_> = world.told.lines().filter_map(words).collect();
    let edges = [
        "operational -> down: connection refused",
        "down -> operational",
    ];
    assert_eq!(told, edges.repeat(10), "{}", world.told);
}

#[test]
fn switched_off_while_it_flaps_the_truth_is_told_once() {
    for (is_down, is_restarted) in [(true, false), (false, false), (true, true), (false, true)] {
        let mut world = one();
        flap(&mut world, &["api"], minutes(1), minutes(2), 4);
        let weather = if is_down { "refused" } else { "ok" };
        world.set("api", weather);
        world.run_until(world.now + minutes(2));
        assert_eq!(world.open.len(), 1, "it flaps: {}", world.told);
        let before = world.told.clone();
        let plan = undamped(fleet(vec![target("api")]));
        if is_restarted {
            world = World::restored(plan, world.committed.clone(), world.now);
            world.set("api", weather);
        } else {
            world.told.clear();
            world.event(Event::Replanned(Arc::new(plan)));
        }
        world.run_until(world.now + minutes(1));
        let heard = |world: &World| {
            let lines = world.told.lines();
            let lines = lines.filter_map(|line| {
                line.split_once(" #core ")
                    .map(|(_, words)| words.to_owned())
            });
            lines.collect::<Vec<_>>()
        };
        // That it is down is what people read last.
        let end = "recovered: api down -> operational";
        let told: &[&str] = if is_down { &[] } else { &[end] };
        assert_eq!(heard(&world), told, "{before}\n{}", world.told);
        world.set("api", "ok");
        world.run_until(world.now + minutes(5));
        assert_eq!(heard(&world), [end], "{before}\n{}", world.told);
        assert!(world.open.is_empty());
    }
}

#[test]
fn switched_off_while_one_of_several_flaps_their_end_is_told() {
    let fleet = || fleet(vec![on("db1", "a"), on("db1", "b"), on("db1", "c")]);
    let mut world = World::new(fleet());
    world.run_until(minutes(5));
    flap(&mut world, &["a", "b", "c"], minutes(1), minutes(2), 5);
    assert_eq!(world.open.len(), 1, "{}", world.told);
    world.told.clear();
    world.event(Event::Replanned(Arc::new(undamped(fleet()))));
    world.run_until(world.now + seconds(30));
    assert!(world.open.is_empty(), "{}", world.told);
    world.check(&expect![[r#"
        20m #core recovered: 3 of 3 on host db1 down -> operational (3 of 3 back)
    "#]]);
}

/// Begins anew after this time; what was told before is forgotten by the story, not by the engine.
fn restarted(world: &World, away: Duration, weather: &str) -> World {
    let plan = Plan::clone(&world.engine.plan);
    let mut restarted = World::restored(plan, world.committed.clone(), world.now + away);
    restarted.set("api", weather);
    restarted
}

#[test]
fn that_it_lasts_is_not_told_by_a_look_that_met_our_own_trouble() {
    let mut world = one();
    flap(&mut world, &["api"], minutes(1), minutes(2), 3);
    world.set("api", "refused");
    world.run_until(world.now + minutes(4));
    let mut world = restarted(&world, minutes(2), "no-files");
    world.run_until(world.now + minutes(5));
    assert!(!world.told.contains("api down"), "{}", world.told);
    world.set("api", "refused");
    world.run_until(world.now + minutes(1));
    assert!(
        world.told.contains("changed: api down -> down"),
        "{}",
        world.told
    );
}

#[test]
fn what_had_to_wait_is_not_told_after_a_restart_before_somebody_looked() {
    let mut world = one();
    let last = "ends in 20 hours";
    for weather in [
        "ends in 20 days",
        "ends in 6 days",
        last,
        "refused",
        last,
        "refused",
    ] {
        world.set("api", weather);
        world.run_until(world.now + minutes(2));
    }
    let told = world.told.lines().last().unwrap_or_default();
    assert!(
        told.contains("down -> degraded"),
        "that it is down again waits: {}",
        world.told
    );
    let mut world = restarted(&world, minutes(10), "ok");
    world.run_until(world.now + Duration::from_hours(2));
    assert!(!world.told.contains("-> down"), "{}", world.told);
    assert!(world.told.contains("recovered: api"), "{}", world.told);
    assert!(world.open.is_empty());
}

#[test]
fn silence_that_lasts_is_told_in_spite_of_it_as_soon_as_witnesses_vouch_for_us() {
    for offset in 0..30 {
        let mut world = World::new(super::blindness::plan(&["api"]));
        // One of them is away, so each round takes a while.
        world.witnesses.say = "++-";
        world.run_until(minutes(5));
        flap(&mut world, &["api"], minutes(1), minutes(2), 3);
        world.run_until(world.now + seconds(offset));
        world.set("api", "silent");
        world.run_until(world.now + minutes(7));
        let told = world.told.lines().last().unwrap_or_default();
        assert!(told.contains("steady"), "offset {offset}: {}", world.told);
    }
}
