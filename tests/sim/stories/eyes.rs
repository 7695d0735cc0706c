//! Stories of our own network: whatever it hides, nobody is accused, and what was real is told after.

use hekate::notify::dead_man::{DeadManFacts, may_ping};

use super::*;
use crate::eyes::Net;

/// Three that are on hosts of their own, and a network that is like this from minute 5 to minute 8.
fn fleet_behind(net: Net) -> World {
    let names = ["master/blue", "cron/purple", "api"];
    let mut world = World::new(31, names.map(target).into());
    world.eyes.turn(minutes(5), net);
    world.eyes.turn(minutes(8), Net::Clear);
    world
}

/// Whether an outside service would hear from us now, if all but our sight were well.
fn pings(world: &World) -> bool {
    let now = world.moment().tick;
    may_ping(&DeadManFacts {
        now,
        interval: seconds(30),
        scheduled_at: Some(now),
        looked_at: Some(now),
        is_store_writable: true,
        oldest_waits: None,
        blind_for: world
            .checks
            .blind_since()
            .map(|since| world.now.saturating_sub(since)),
        parked_critical: 0,
    })
    .is_ok()
}

#[test]
fn our_own_network_is_lost_and_nobody_is_accused() {
    let mut world = fleet_behind(Net::Lost);
    world.run_until(minutes(5));
    assert!(pings(&world));
    world.run_until(minutes(6));
    assert!(!pings(&world), "somebody else has to page now");
    world.run_until(minutes(9));
    assert!(pings(&world));
    check(
        &mut world,
        minutes(30),
        &expect![[r#"
        8m 2s #ops notice hekate was blind
    "#]],
    );
}

#[test]
fn what_broke_while_our_own_network_was_lost_is_told_after() {
    let mut world = fleet_behind(Net::Lost);
    world.weather("api", minutes(6), Sky::Silent);
    world.weather("api", minutes(15), Sky::Fine);
    // And what was over before anybody could see it is told to nobody.
    world.weather("cron/purple", minutes(6), Sky::Refused);
    world.weather("cron/purple", minutes(7), Sky::Fine);
    check(
        &mut world,
        minutes(30),
        &expect![[r#"
        8m 2s #ops notice hekate was blind
        8m 32s #core opened api
        15m 20s #core recovered api
    "#]],
    );
}

#[test]
fn an_outage_that_was_told_stands_while_our_own_network_is_lost() {
    let mut world = fleet_behind(Net::Lost);
    world.weather("master/blue", minutes(2), Sky::Refused);
    world.weather("master/blue", minutes(6), Sky::Fine);
    check(
        &mut world,
        minutes(30),
        &expect![[r#"
        2m 33s #core @core opened master blue
        2m 33s #disaster @core opened master blue
        8m 2s #ops notice hekate was blind
        8m 12s #core recovered master blue
        8m 12s #disaster recovered master blue
    "#]],
    );
}

#[test]
fn the_resolver_is_lost_and_answers_are_believed_all_the_same() {
    let mut world = fleet_behind(Net::NoNames);
    world.weather("api", seconds(5 * 60 + 30), Sky::Refused);
    world.weather("api", minutes(12), Sky::Fine);
    world.weather("master/blue", seconds(5 * 60 + 30), Sky::Silent);
    world.weather("master/blue", minutes(12), Sky::Fine);
    check(
        &mut world,
        minutes(30),
        &expect![[r#"
        8m 2s #ops notice hekate was blind
        8m 33s #core opened api (late by 159 s)
        8m 35s #core @core opened master blue
        8m 35s #disaster @core opened master blue
        12m 14s #core recovered master blue
        12m 14s #disaster recovered master blue
        12m 18s #core recovered api
    "#]],
    );
}

#[test]
fn the_resolver_is_lost_and_no_address_is_known() {
    let mut world = fleet_behind(Net::NoAddresses);
    check(
        &mut world,
        minutes(30),
        &expect![[r#"
        8m 2s #ops notice hekate was blind
    "#]],
    );
}

#[test]
fn slack_alone_is_lost_and_looking_goes_on() {
    let names = ["master/blue", "api"];
    let mut world = World::new(31, names.map(target).into());
    world.eyes.turn(minutes(5), Net::NoSlack);
    world.eyes.turn(minutes(20), Net::Clear);
    world.weather("api", minutes(6), Sky::Refused);
    world.weather("api", minutes(10), Sky::Fine);
    world.weather("master/blue", minutes(12), Sky::Silent);
    world.weather("master/blue", minutes(25), Sky::Fine);
    world.run_until(minutes(15));
    assert!(world.checks.blind_since().is_none() && pings(&world));
    check(
        &mut world,
        minutes(90),
        &expect![[r#"
        20m 4s #core opened+recovered api (late by 807 s)
        20m 5s #core @core opened master blue (late by 438 s)
        20m 13s #disaster @core opened master blue (late by 446 s)
        25m 24s #core recovered master blue
        25m 24s #disaster recovered master blue
    "#]],
    );
}

#[test]
fn rounds_that_never_come_back_hide_no_outage() {
    let mut world = fleet_behind(Net::NoRounds);
    world.weather("api", minutes(6), Sky::Silent);
    world.weather("api", minutes(12), Sky::Fine);
    check(
        &mut world,
        minutes(30),
        &expect![[r#"
        6m 50s #core opened api
        12m 16s #core recovered api
    "#]],
    );
}
