//! Stories of how often people hear of something: days of flapping, and nights in which what can wait waits.

use std::collections::BTreeSet;

use hekate::model::{Severity, Target};

use super::*;
use crate::reference;

const fn hours(count: u64) -> Duration {
    Duration::from_hours(count)
}

/// When one channel heard something for the first time.
fn heard_at(world: &World, channel: &str) -> Vec<Duration> {
    let arrived = world.receiver.arrived.iter();
    arrived
        .filter(|arrived| arrived.channel.as_str() == channel && !arrived.is_repeat)
        .map(|arrived| arrived.at)
        .collect()
}

#[test]
fn a_day_of_something_that_flaps_is_six_messages_an_hour_at_most_and_ends_with_the_truth() {
    let mut most = Vec::new();
    for (seed, down, up) in [(1, 60, 60), (2, 90, 300), (3, 600, 1_200), (5, 600, 45)] {
        let mut world = World::in_memory(seed, vec![target("api")]);
        let mut at = minutes(5);
        while at < hours(24) {
            world.weather("api", at, Sky::Refused);
            world.weather("api", at + seconds(down), Sky::Fine);
            at += seconds(down + up);
        }
        world.plan_disturbance(hours(7), Disturbance::Kill(seconds(40)));
        world.plan_disturbance(hours(15), Disturbance::KillAfterCommits(1));
        world.run_until(hours(28));
        world.checks.step(world.now, seed);
        invariants::finally(&world, seed);
        reference::agrees(&world, &world.kept(), seed);
        let heard = heard_at(&world, "core");
        for from in &heard {
            let hour = heard
                .iter()
                .filter(|at| *from <= **at && **at < *from + hours(1));
            assert!(hour.count() <= 6, "{seed}: {heard:?}");
        }
        let told = world.told();
        assert!(
            told.trim_end().ends_with("recovered api"),
            "{seed}:\n{told}"
        );
        most.push((down + up, heard.len()));
    }
    // From one outage to the next in seconds, and how many messages that were in the whole day.
    expect!["[(120, 11), (390, 11), (1800, 98), (645, 8)]"].assert_eq(&format!("{most:?}"));
}

fn minor(id: &str) -> Target {
    Target {
        severity: Severity::Warning,
        ..target(id)
    }
}

/// A world that begins at a quarter past two in the morning; clocks are put back an hour later, so it is seven after 5 h 45 min.
fn night(seed: u64) -> World {
    let fleet = vec![
        minor("master/blue"),
        target("master/green"),
        minor("master/teal"),
    ];
    let mut world = World::new(seed, fleet);
    world.let_sleep();
    world.weather("master/blue", minutes(30), Sky::SaysDegraded);
    world.weather("master/blue", hours(8), Sky::Fine);
    world.weather("master/teal", hours(1), Sky::Refused);
    world.weather("master/teal", hours(2), Sky::Fine);
    world.weather("master/green", hours(3), Sky::Refused);
    world.weather("master/green", hours(4), Sky::Fine);
    world
}

#[test]
fn in_the_night_only_what_cannot_wait_is_told_and_the_morning_names_the_rest() {
    let mut world = night(1);
    check(
        &mut world,
        hours(10),
        &expect![[r#"
        3h 16s #core @core opened master green
        3h 16s #disaster @core opened master green
        3h 30m 16s #core @core reminder master green
        3h 30m 16s #disaster @core reminder master green
        4h 15s #core recovered master green
        4h 15s #disaster recovered master green
        5h 45m #core opened+opened+reminder+reminder+recovered+reminder+reminder master blue
        5h 45m #disaster opened+opened+reminder+reminder+recovered+reminder+reminder master blue
        6h 30m 16s #core reminder master blue
        6h 30m 16s #disaster reminder master blue
        8h 16s #core recovered master blue
        8h 16s #disaster recovered master blue
    "#]],
    );
    let arrived = world.receiver.arrived.iter();
    for morning in arrived.filter(|arrived| arrived.keys.len() > 2) {
        let named: BTreeSet<_> = morning.keys.iter().map(|key| &key.incident).collect();
        assert_eq!(
            named.len(),
            2,
            "what is over by then is named, too: {morning:?}"
        );
    }
}

#[test]
fn a_kill_in_the_night_loses_nothing_of_what_waits() {
    let undisturbed = {
        let mut world = night(1);
        world.run_until(hours(10));
        words_of(&world.told())
    };
    for minute in [31, 59, 61, 100, 150, 200, 340, 344] {
        let mut world = night(1);
        world.plan_disturbance(minutes(minute), Disturbance::Kill(seconds(20)));
        world.run_until(hours(10));
        world.checks.step(world.now, 1);
        invariants::finally(&world, 1);
        assert_eq!(
            words_of(&world.told()),
            undisturbed,
            "killed at {minute} min"
        );
    }
}

/// What was told of targets, without when.
fn words_of(told: &str) -> Vec<String> {
    let lines = told.lines().filter_map(|line| line.split_once('#'));
    let told = lines.filter(|(_, words)| !words.starts_with("ops notice"));
    // Reminders may be earlier or later than the beginning of something else.
    let sorted = told.map(|(_, words)| {
        let mut kinds: Vec<_> = words.split(['+', ' ']).collect();
        kinds.sort_unstable();
        kinds.join(" ")
    });
    sorted.collect()
}
