//! Named stories: what happens, and exactly what people hear.

mod eyes;
mod often;
mod several;
mod unsteady;

use std::time::Duration;

use expect_test::{Expect, expect};

use crate::{
    fleet::target,
    invariants,
    receiver::Mood,
    weather::Sky,
    world::{Disturbance, World},
};

const fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Runs a world to its end and compares what arrived.
fn check(world: &mut World, end: Duration, expected: &Expect) {
    world.run_until(end);
    world.checks.step(world.now, 0);
    expected.assert_eq(&world.told());
    invariants::finally(world, 0);
}

fn pair() -> World {
    World::new(11, vec![target("master/blue"), target("api")])
}

#[test]
fn a_crash_is_told_and_so_is_the_return() {
    let mut world = pair();
    world.weather("master/blue", minutes(5), Sky::Refused);
    world.weather("master/blue", minutes(12), Sky::Fine);
    check(
        &mut world,
        minutes(30),
        &expect![[r#"
        5m 20s #core @core opened master blue
        5m 20s #disaster @core opened master blue
        12m 23s #core recovered master blue
        12m 23s #disaster recovered master blue
    "#]],
    );
}

#[test]
fn a_black_hole_takes_longer_and_is_told_as_well() {
    let mut world = pair();
    world.weather("api", minutes(5), Sky::Silent);
    world.weather("api", minutes(8), Sky::Fine);
    check(
        &mut world,
        minutes(30),
        &expect![[r#"
            5m 34s #core opened api
            8m 16s #core recovered api
        "#]],
    );
}

#[test]
fn an_answer_that_drips_is_an_outage() {
    let mut world = pair();
    world.weather("api", minutes(5), Sky::Drip);
    world.weather("api", minutes(8), Sky::Fine);
    check(
        &mut world,
        minutes(30),
        &expect![[r#"
            5m 34s #core opened api
            8m 16s #core recovered api
        "#]],
    );
}

#[test]
fn a_body_that_says_down_is_told_fast() {
    let mut world = pair();
    world.weather("api", minutes(5), Sky::SaysDown);
    world.weather("api", minutes(8), Sky::Fine);
    check(
        &mut world,
        minutes(30),
        &expect![[r#"
            5m 13s #core opened api
            8m 13s #core recovered api
        "#]],
    );
}

#[test]
fn a_503_that_says_up_is_never_called_down() {
    let mut world = pair();
    world.weather("api", minutes(5), Sky::Contradiction);
    world.weather("api", minutes(40), Sky::Fine);
    check(
        &mut world,
        minutes(60),
        &expect![[r#"
            5m 17s #core opened api
            40m 12s #core recovered api
        "#]],
    );
}

#[test]
fn single_lost_packets_and_pauses_of_four_seconds_tell_nobody() {
    let mut world = pair();
    for minute in 1..120 {
        if minute % 11 == 0 {
            world.weather("api", minutes(minute) + seconds(minute), Sky::Silent);
            world.weather("api", minutes(minute) + seconds(minute + 3), Sky::Fine);
        }
        world.weather("master/blue", minutes(minute), Sky::Pausing);
        world.weather("master/blue", minutes(minute) + seconds(4), Sky::Fine);
    }
    check(&mut world, minutes(150), &expect![""]);
}

#[test]
fn one_lost_look_in_a_hundred_tells_nobody_for_sixty_days() {
    let mut world = World::new(3, vec![target("api")]);
    // Every 50 minutes something of 25 s: one look of a hundred, now and then two.
    let mut at = minutes(7);
    while at < Duration::from_hours(24 * 60) {
        world.weather("api", at, Sky::Silent);
        world.weather("api", at + seconds(19), Sky::Fine);
        at += minutes(50) + seconds(7);
    }
    check(&mut world, Duration::from_hours(24 * 60), &expect![[""]]);
}

#[test]
fn a_crash_loop_is_told_as_one_that_flaps_and_ends_with_the_truth() {
    let mut world = World::new(5, vec![target("api")]);
    let mut at = minutes(5);
    while at < minutes(25) {
        world.weather("api", at, Sky::Refused);
        world.weather("api", at + seconds(90), Sky::Fine);
        at += minutes(5);
    }
    check(
        &mut world,
        minutes(90),
        &expect![[r#"
            5m 29s #core opened api
            6m 50s #core recovered api
            10m 25s #core opened api
            11m 48s #core recovered api
            15m 15s #core opened api
            1h 5m 29s #core recovered api
        "#]],
    );
}

#[test]
fn killed_between_commit_and_send_it_still_tells_once() {
    // Every commit of an outage in turn is the last thing that the process does.
    for commits in 1..=8 {
        let mut world = World::new(21, vec![target("master/blue"), target("api")]);
        world.weather("master/blue", minutes(5), Sky::Refused);
        world.weather("master/blue", minutes(12), Sky::Fine);
        world.plan_disturbance(minutes(4), Disturbance::KillAfterCommits(commits));
        world.run_until(minutes(40));
        world.checks.step(world.now, commits.into());
        invariants::finally(&world, commits.into());
        let told = world.told();
        for (what, channel) in [
            ("opened", "disaster"),
            ("opened", "core"),
            ("recovered", "disaster"),
            ("recovered", "core"),
        ] {
            let copies = told.lines().filter(|line| {
                line.contains(&format!("#{channel}"))
                    && line.contains(what)
                    && line.contains("blue")
            });
            let (unmarked, marked): (Vec<_>, Vec<_>) =
                copies.partition(|line| !line.contains("(repeat)"));
            // A copy says that it may be one: the process died between the attempt and the note of its answer.
            let (unmarked, marked) = (unmarked.len(), marked.len());
            assert!(
                unmarked <= 1 && marked <= 1 && unmarked + marked >= 1,
                "killed after {commits} commits:\n{told}"
            );
        }
    }
}

#[test]
fn slack_down_for_half_an_hour_gives_one_truthful_message() {
    let mut world = World::new(9, vec![target("api")]);
    world.receiver.turn("core", minutes(4), Mood::Away);
    world.receiver.turn("core", minutes(34), Mood::Ok);
    world.weather("api", minutes(5), Sky::Refused);
    world.weather("api", minutes(12), Sky::Fine);
    check(
        &mut world,
        minutes(60),
        &expect![[r#"
        34m 5s #core opened+recovered api (late by 1724 s)
    "#]],
    );
}

#[test]
fn a_storm_of_429_is_waited_out() {
    let mut world = World::new(9, vec![target("api")]);
    world
        .receiver
        .turn("core", minutes(5), Mood::Throttles(seconds(45)));
    world.receiver.turn("core", minutes(9), Mood::Ok);
    world.weather("api", minutes(5), Sky::Refused);
    world.weather("api", minutes(20), Sky::Fine);
    check(
        &mut world,
        minutes(60),
        &expect![[r#"
        9m 6s #core opened api (late by 225 s)
        20m 13s #core recovered api
    "#]],
    );
}

#[test]
fn a_lost_answer_is_repeated_and_says_so() {
    let mut world = World::new(9, vec![target("api")]);
    world.receiver.turn("core", minutes(5), Mood::LosesAnswers);
    world.receiver.turn("core", minutes(6), Mood::Ok);
    world.weather("api", minutes(5), Sky::Refused);
    world.weather("api", minutes(20), Sky::Fine);
    check(
        &mut world,
        minutes(60),
        &expect![[r#"
        5m 21s #core opened api
        5m 32s #core opened api (repeat)
        5m 44s #core opened api (repeat)
        5m 58s #core opened api (repeat)
        6m 17s #core opened api (repeat)
        20m 13s #core recovered api
    "#]],
    );
}

#[test]
fn a_dead_webhook_hands_over_and_tells_itself_when_it_heals() {
    let mut world = World::new(9, vec![target("master/blue")]);
    world.receiver.turn("disaster", minutes(1), Mood::Refuses);
    world.receiver.turn("disaster", minutes(50), Mood::Ok);
    world.weather("master/blue", minutes(5), Sky::Refused);
    world.weather("master/blue", minutes(20), Sky::Fine);
    check(
        &mut world,
        minutes(180),
        &expect![[r#"
        5m 21s #core @core opened master blue
        20m 13s #core recovered master blue
        1h 5m 21s #disaster opened+recovered master blue (late by 3600 s)
    "#]],
    );
}

#[test]
fn reloads_in_an_outage_change_nothing_and_a_removal_says_goodbye() {
    let mut world = World::new(9, vec![target("master/blue"), target("api")]);
    world.weather("master/blue", minutes(5), Sky::Refused);
    world.weather("api", minutes(5), Sky::Refused);
    world.weather("api", minutes(20), Sky::Fine);
    for minute in 6..10 {
        world.plan_disturbance(
            minutes(minute),
            Disturbance::Reload(vec![target("api"), target("master/blue")]),
        );
    }
    world.plan_disturbance(minutes(12), Disturbance::Reload(vec![target("api")]));
    check(
        &mut world,
        minutes(40),
        &expect![[r#"
            5m 13s #core opened api
            5m 22s #core @core opened master blue
            5m 22s #disaster @core opened master blue
            12m #core removed master blue
            12m #disaster removed master blue
            20m 17s #core recovered api
        "#]],
    );
}

#[test]
fn moved_clocks_and_stalls_tell_the_team_nothing() {
    let mut world = World::new(9, vec![target("master/blue"), target("api")]);
    for (minute, by_ms) in [
        (5, 3_600_000),
        (20, -3_600_000),
        (35, -3_600_000),
        (50, 3_600_000),
    ] {
        world.plan_disturbance(minutes(minute), Disturbance::MoveClock(by_ms));
    }
    world.plan_disturbance(minutes(60), Disturbance::Stall(seconds(90)));
    world.plan_disturbance(minutes(70), Disturbance::Stall(seconds(600)));
    check(&mut world, minutes(120), &expect![[""]]);
}

#[test]
fn the_first_sight_down_is_told() {
    let mut world = pair();
    world.weather("api", Duration::ZERO, Sky::Refused);
    world.weather("api", minutes(3), Sky::Fine);
    check(
        &mut world,
        minutes(20),
        &expect![[r#"
            28s #core opened api
            3m 14s #core recovered api
        "#]],
    );
}

#[test]
fn our_own_lack_of_descriptors_is_our_own_trouble() {
    let mut world = World::new(9, vec![target("master/blue"), target("api")]);
    for name in ["master/blue", "api"] {
        world.weather(name, minutes(5), Sky::NoDescriptors);
        world.weather(name, minutes(25), Sky::Fine);
    }
    check(
        &mut world,
        minutes(60),
        &expect![[r#"
            7m 51s #ops notice looks say nothing because of trouble on this machine
            25m 24s #ops notice over: looks say nothing because of trouble on this machine
        "#]],
    );
}
