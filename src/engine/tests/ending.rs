//! Stories of certificates that end: each warning is told once, whatever else is wrong with their targets.

use std::{sync::Arc, time::Duration};

use expect_test::expect;

use super::{World, fleet, minutes, target};
use crate::{
    engine::Event,
    model::{
        Check, CheckKind, Degradation, DegradationKind, Ending, Extra, Outcome, Plan, Policy,
        Target, TargetId, Verdict,
        plan::{IpFamily, Question, TlsSettings},
        wire::{Endpoint, TlsQuestion},
    },
};

/// When is warned, in days.
const WARN_AT: [u64; 3] = [21, 7, 1];

fn warn_at() -> [Duration; 3] {
    WARN_AT.map(|days| Duration::from_hours(24 * days))
}

fn ends(weather: &str) -> Ending {
    let left = weather
        .strip_prefix("ends in ")
        .unwrap_or_else(|| panic!("the story does not know `{weather}`"));
    let left = humantime::parse_duration(left).expect("a time");
    Ending::of(left, &warn_at()).expect("somebody has to know")
}

/// The outcome of a look at a certificate that `ends in 20 days`.
pub(super) fn outcome(weather: &str) -> Outcome {
    if ends(weather).warning.is_none() {
        return Outcome::Healthy;
    }
    Outcome::Degraded(Degradation {
        kind: DegradationKind::Expiring,
        words: format!("certificate {weather}"),
    })
}

pub(super) fn extra(weather: &str) -> Option<Box<Extra>> {
    weather
        .starts_with("ends in ")
        .then(|| Box::new(Extra::Ending(ends(weather))))
}

fn certificate() -> Check {
    Check {
        kind: CheckKind::Tls,
        policy: Policy {
            interval: Duration::from_mins(5),
            ..Policy::default()
        },
        question: Question::Tls(Arc::new(TlsQuestion {
            endpoint: Endpoint {
                host: url::Host::Domain(String::from("api.example.test")),
                port: 443,
            },
            ip: IpFamily::default(),
            all_addresses: false,
            settings: TlsSettings::default(),
            starttls: None,
            warn_at: warn_at().to_vec(),
        })),
    }
}

/// A target with an endpoint and a certificate.
pub(super) fn shown(id: &str) -> Target {
    let mut target = target(id);
    target.checks.push(certificate());
    target
}

fn api() -> Plan {
    let mut only = target("api");
    only.checks = vec![certificate()];
    fleet(vec![only])
}

#[test]
fn each_warning_is_told_once_and_so_is_the_renewal() {
    let mut world = World::new(api());
    world.run_until(minutes(30));
    for left in ["20 days", "19 days", "8 days", "7 days", "6 days", "23 h"] {
        world.set("api tls", &format!("ends in {left}"));
        world.run_until(world.now + Duration::from_hours(6));
    }
    world.set("api tls", "ok");
    world.run_until(world.now + minutes(30));
    world.check(&expect![[r#"
        32m 50s #core opened: api operational -> degraded: certificate ends in 20 days
        18h 31m 46s #core changed: api degraded -> degraded: certificate ends in 7 days, was told at 21 d
        1day 6h 32m 5s #core changed: api degraded -> degraded: certificate ends in 23 h, was told at 7 d
        1day 12h 33m 50s #core recovered: api degraded -> operational
    "#]]);
    assert!(world.open.is_empty(), "{:?}", world.open);
}

#[test]
fn a_certificate_is_looked_at_in_its_ordinary_rhythm() {
    let mut world = World::new(api());
    world.set("api tls", "ends in 20 days");
    world.run_until(minutes(10));
    let looks = world.looks;
    world.run_until(minutes(10) + Duration::from_hours(5));
    let looks = world.looks - looks;
    assert!((55..=70).contains(&looks), "{looks} looks in five hours");
}

#[test]
fn a_restart_and_a_reload_tell_no_warning_again() {
    let mut world = World::new(api());
    world.set("api tls", "ends in 6 days");
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        8s #core opened: api unknown -> degraded: certificate ends in 6 days
    "#]]);
    world.event(Event::Replanned(Arc::new(fleet(vec![shown("api")]))));
    world.run_until(minutes(60));
    world.event(Event::Stop);
    let loaded = world.committed.clone();
    let mut world = World::restored(fleet(vec![shown("api")]), loaded, minutes(61));
    world.set("api tls", "ends in 5 days");
    world.run_until(minutes(120));
    world.check(&expect![[""]]);
    world.set("api tls", "ends in 20 h");
    world.run_until(minutes(180));
    world.check(&expect![[r#"
        2h 2m 1s #core changed: api degraded -> degraded: certificate ends in 20 h, was told at 7 d
    "#]]);
}

#[test]
fn what_falls_short_beside_a_certificate_is_told_and_so_is_its_end() {
    let mut world = World::new(fleet(vec![shown("api")]));
    world.set("api tls", "ends in 20 days");
    world.run_until(minutes(30));
    world.set("api", "degraded");
    world.run_until(minutes(60));
    world.set("api", "ok");
    world.run_until(minutes(90));
    world.set("api tls", "ok");
    world.run_until(minutes(120));
    world.check(&expect![[r#"
        8s #core opened: api unknown -> degraded: certificate ends in 20 days
        30m 25s #core changed: api degraded -> degraded: the body says DEGRADED
        1h 13s #core changed: api degraded -> degraded: the rest is well again; certificate ends in 20 days
        1h 34m 26s #core recovered: api degraded -> operational
    "#]]);
}

#[test]
fn a_warning_is_told_though_the_target_is_degraded_already() {
    let mut world = World::new(fleet(vec![shown("api")]));
    world.run_until(minutes(10));
    world.set("api", "degraded");
    world.run_until(minutes(30));
    for left in ["20 days", "6 days"] {
        world.set("api tls", &format!("ends in {left}"));
        world.run_until(world.now + minutes(30));
    }
    // It is renewed, and much later it ends again; the other trouble was there all along.
    world.set("api tls", "ok");
    world.run_until(minutes(120));
    world.set("api tls", "ends in 20 days");
    world.run_until(minutes(150));
    world.set("api tls", "ok");
    world.run_until(minutes(180));
    world.set("api", "ok");
    world.run_until(minutes(210));
    world.check(&expect![[r#"
        10m 33s #core opened: api operational -> degraded: the body says DEGRADED
        33m 3s #core changed: api degraded -> degraded: certificate ends in 20 days
        40m 33s #core reminder: api degraded -> degraded: the body says DEGRADED
        1h 1m 47s #core changed: api degraded -> degraded: certificate ends in 6 days, was told at 21 d
        2h 4m 30s #core changed: api degraded -> degraded: certificate ends in 20 days
        2h 10m 33s #core reminder: api degraded -> degraded: the body says DEGRADED
        3h 17s #core recovered: api degraded -> operational
    "#]]);
    assert!(world.open.is_empty(), "{:?}", world.open);
}

#[test]
fn an_outage_between_two_warnings_repeats_none() {
    let mut world = World::new(fleet(vec![shown("api")]));
    world.set("api tls", "ends in 20 days");
    world.run_until(minutes(30));
    world.set("api", "refused");
    world.set("api tls", "refused");
    world.run_until(minutes(60));
    world.set("api", "ok");
    world.set("api tls", "ends in 20 days");
    world.run_until(minutes(90));
    world.set("api tls", "ends in 6 days");
    world.run_until(minutes(120));
    world.set("api tls", "ok");
    world.run_until(minutes(150));
    world.check(&expect![[r#"
        8s #core opened: api unknown -> degraded: certificate ends in 20 days
        30m 28s #core @core changed: api degraded -> down: connection refused
        1h 20s #core changed: api down -> degraded: certificate ends in 20 days
        1h 33m 25s #core changed: api degraded -> degraded: certificate ends in 6 days, was told at 21 d
        2h 3m 5s #core recovered: api down -> operational
    "#]]);
    let settled = world.engine.verdict(&TargetId::new("api"));
    assert_eq!(settled, Some(Verdict::Operational));
}

/// The pressing warning is over, and whoever heard it hears that, though the new certificate is short as well.
#[test]
fn a_renewal_for_a_short_time_is_told() {
    let mut world = World::new(api());
    world.set("api tls", "ends in 20 h");
    world.run_until(minutes(30));
    world.set("api tls", "ends in 20 days");
    world.run_until(minutes(120));
    world.set("api tls", "ends in 20 h");
    world.run_until(minutes(180));
    world.check(&expect![[r#"
        8s #core opened: api unknown -> degraded: certificate ends in 20 h
        33m 56s #core changed: api degraded -> degraded: renewed; certificate ends in 20 days
        2h 4m 33s #core changed: api degraded -> degraded: certificate ends in 20 h, was told at 21 d
    "#]]);
}
