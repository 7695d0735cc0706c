//! Stories of what comes and goes: flapping, partial failure, sleep, summer time, and restarts at every moment of them.

use super::*;
use crate::{eyes::Net, reference, weather::Noise};

/// How many messages one channel heard.
fn heard(world: &World, channel: &str) -> usize {
    let arrived = world.receiver.arrived.iter();
    arrived
        .filter(|arrived| arrived.channel.as_str() == channel)
        .count()
}

/// The most messages of such worlds, in which it is up for half a minute and down for half a minute for two hours.
fn most_of_edges(seeds: &[u64]) -> usize {
    let worlds = seeds.iter().map(|seed| {
        let mut world = World::in_memory(*seed, vec![target("api")]);
        let mut at = minutes(5) + seconds(seed * 3);
        while at < minutes(125) {
            world.weather("api", at, Sky::Refused);
            world.weather("api", at + seconds(30), Sky::Fine);
            at += minutes(1);
        }
        world.run_until(minutes(240));
        world.checks.step(world.now, *seed);
        invariants::finally(&world, *seed);
        reference::agrees(&world, &world.kept(), *seed);
        heard(&world, "core")
    });
    worlds.max().expect("there are some")
}

/// Two outages and their ends, that it flaps, a digest, and the end of all.
#[test]
fn half_a_minute_up_and_half_a_minute_down_for_two_hours() {
    let most = most_of_edges(&[1, 2, 3, 5, 6, 7, 9]);
    expect!["at most 9 messages"].assert_eq(&format!("at most {most} messages"));
}

/// With the switch off every outage that lasts for longer than its span is told, and so is its end, however often it comes back.
#[test]
fn half_a_minute_up_and_half_a_minute_down_for_two_hours_edge_by_edge() {
    let most = most_of_edges(&[0, 4, 8]);
    expect!["at most 96 messages"].assert_eq(&format!("at most {most} messages"));
}

/// The most messages of ten worlds in which so many of a hundred looks fail for two hours.
fn most_heard(percent: f64) -> usize {
    let worlds = (0..10).map(|seed| {
        let mut world = World::in_memory(seed, vec![target("api")]);
        world.run_until(minutes(5));
        world.noise = Noise { percent, seed };
        world.run_until(minutes(125));
        world.noise = Noise::default();
        world.run_until(minutes(240));
        world.checks.step(world.now, seed);
        invariants::finally(&world, seed);
        let told = world.told();
        assert!(told.contains("#core opened api"), "{percent} %:\n{told}");
        heard(&world, "core")
    });
    worlds.max().expect("there are some")
}

#[test]
fn half_of_the_looks_fail_for_two_hours() {
    expect!["at most 10 messages"].assert_eq(&format!("at most {} messages", most_heard(50.0)));
}

#[test]
fn a_third_of_the_looks_fails_for_two_hours() {
    expect!["at most 4 messages"].assert_eq(&format!("at most {} messages", most_heard(30.0)));
}

#[test]
fn an_outage_goes_on_through_a_sleep_of_the_machine() {
    let mut world = pair();
    world.weather("api", minutes(5), Sky::Refused);
    world.weather("api", minutes(150), Sky::Fine);
    // What breaks and heals while the machine sleeps was seen by nobody.
    world.weather("master/blue", minutes(30), Sky::Silent);
    world.weather("master/blue", minutes(60), Sky::Fine);
    world.plan_disturbance(minutes(20), Disturbance::Suspend(minutes(120)));
    check(
        &mut world,
        minutes(200),
        &expect![[r#"
        5m 17s #core opened api
        2h 30m 16s #core recovered api
    "#]],
    );
}

#[test]
fn a_sleep_in_the_middle_of_a_question_asks_it_anew() {
    let mut world = pair();
    world.weather("api", minutes(5), Sky::Silent);
    world.weather("api", minutes(6), Sky::Fine);
    world.plan_disturbance(seconds(5 * 60 + 20), Disturbance::Suspend(minutes(30)));
    check(&mut world, minutes(60), &expect![[""]]);
}

#[test]
fn the_hour_that_summer_time_gives_back_makes_no_message_early_or_late() {
    // Clocks in Prague go from 3:00 back to 2:00 in minute 45.
    let mut world = pair();
    world.weather("master/blue", minutes(40), Sky::Refused);
    world.weather("master/blue", minutes(180), Sky::Fine);
    check(
        &mut world,
        minutes(200),
        &expect![[r#"
        40m 19s #core @core opened master blue
        40m 19s #disaster @core opened master blue
        1h 10m 19s #core @core reminder master blue
        1h 10m 19s #disaster @core reminder master blue
        2h 40m 19s #core reminder master blue
        2h 40m 19s #disaster reminder master blue
        3h 12s #core recovered master blue
        3h 12s #disaster recovered master blue
    "#]],
    );
}

/// What happens in a world, and who may be told of.
type Plot = (&'static str, &'static [&'static str], fn(&mut World));

const PLOTS: [Plot; 6] = [
    ("an outage", &["api"], |world| {
        world.weather("api", minutes(5), Sky::Refused);
        world.weather("api", minutes(9), Sky::Fine);
    }),
    ("a silence", &["api"], |world| {
        world.weather("api", minutes(5), Sky::Silent);
        world.weather("api", minutes(9), Sky::Fine);
    }),
    ("our own network lost", &[], |world| {
        world.eyes.turn(minutes(5), Net::Lost);
        world.eyes.turn(minutes(9), Net::Clear);
    }),
    ("the resolver lost", &[], |world| {
        world.eyes.turn(minutes(5), Net::NoAddresses);
        world.eyes.turn(minutes(9), Net::Clear);
    }),
    ("Slack lost in an outage", &["api"], |world| {
        world.eyes.turn(minutes(4), Net::NoSlack);
        world.eyes.turn(minutes(8), Net::Clear);
        world.weather("api", minutes(5), Sky::Refused);
        world.weather("api", minutes(9), Sky::Fine);
    }),
    ("two for one reason", &["2 of 2", "web", "api"], |world| {
        for name in ["api", "web"] {
            world.weather(name, minutes(5), Sky::Refused);
            world.weather(name, minutes(9), Sky::Fine);
        }
    }),
];

#[test]
fn a_restart_before_in_and_after_each_of_them_loses_and_doubles_nothing() {
    for (what, accused, plot) in PLOTS {
        for at in (230..620).step_by(7).map(seconds) {
            let targets = ["master/blue", "api", "web"].map(target);
            let mut world = World::in_memory(51, targets.into());
            plot(&mut world);
            world.plan_disturbance(at, Disturbance::Kill(seconds(3)));
            world.run_until(minutes(90));
            let told = world.told();
            let what = format!("{what}, and a restart after {at:?}:\n{told}");
            world.checks.step(world.now, 51);
            invariants::finally(&world, 51);
            reference::agrees(&world, &world.kept(), 51);
            for line in told.lines().filter(|line| line.contains("opened")) {
                let is_expected = accused.iter().any(|name| line.contains(name));
                assert!(is_expected, "{what}");
            }
            let is_told = told
                .lines()
                .any(|line| line.contains("opened") && line.contains("#core"));
            assert_eq!(is_told, !accused.is_empty(), "{what}");
        }
    }
}
