//! Stories of several that fail for one reason: few messages, and an end for each.

use super::*;

/// Fifteen on hosts of their own; so many of them fail in this way for ten minutes.
fn fleet_of_which(count: usize, sky: Sky) -> World {
    let names: Vec<_> = (0..15).map(|number| format!("group{number}/one")).collect();
    let targets = names.iter().map(|name| target(name)).collect();
    let mut world = World::new(41, targets);
    for name in &names[..count] {
        world.weather(name, minutes(5), sky);
        world.weather(name, minutes(15), Sky::Fine);
    }
    world
}

/// Silence is decided one by one over half a minute, and whoever is first waits for the others for 10 s at most; those who
/// come then join it.
#[test]
fn a_third_of_the_fleet_silent_at_once_is_one_incident() {
    let mut world = fleet_of_which(5, Sky::Silent);
    check(
        &mut world,
        minutes(60),
        &expect![[r#"
            5m 43s #core opened group3 one
            5m 55s #core changed 5 targets with the same trouble: first byte timeout
            15m 25s #core recovered 5 targets with the same trouble: first byte timeout
        "#]],
    );
}

#[test]
fn all_of_the_fleet_at_once_is_one_message_and_one_for_those_who_came_later() {
    let mut world = fleet_of_which(15, Sky::Refused);
    check(
        &mut world,
        minutes(60),
        &expect![[r#"
        5m 25s #core opened 6 targets with the same trouble: connection refused
        6m 25s #core changed 15 targets with the same trouble: connection refused
        15m 22s #core recovered 15 targets with the same trouble: connection refused
    "#]],
    );
}

#[test]
fn a_shared_host_is_one_message() {
    let names = ["api", "web", "jobs", "master/blue"];
    let mut world = World::new(43, names.map(target).into());
    for name in &names[..3] {
        world.weather(name, minutes(5), Sky::Refused);
        world.weather(name, minutes(15), Sky::Fine);
    }
    check(
        &mut world,
        minutes(60),
        &expect![[r#"
        5m 15s #core opened 3 of 3 on host shared.test
        15m 22s #core recovered 3 of 3 on host shared.test
    "#]],
    );
}

#[test]
fn a_shared_component_is_one_incident() {
    let mut world = fleet_of_which(2, Sky::NoDatabase);
    check(
        &mut world,
        minutes(60),
        &expect![[r#"
        5m 24s #core opened group0 one
        5m 34s #core changed 2 targets with component db
        15m 21s #core recovered 2 targets with component db
    "#]],
    );
}
