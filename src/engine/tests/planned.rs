//! Stories of what people plan: whom it keeps from being told, how it ends, and what it never stops.

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc, time::Duration};

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{
    World,
    ending::shown,
    fleet, minutes,
    roles::{dns, pair},
    target,
};
use crate::{
    engine::{Action, Engine, Event, Settings},
    model::{
        ChannelName, Entry, Kind, Loaded, Moment, Plan, Secret, TargetId, Timestamp,
        calendar::{Recurring, Times},
        plan::{Destination, Matcher},
        planned::{
            Agenda, Answer, Asked, Done, IfTaken, LENGTH_MAX, Length, PLANS_MAX, Person, PlanId,
            PlanKind, Window, Wish,
        },
    },
};

fn jan() -> Person {
    Person {
        name: String::from("jan@laptop"),
        slack_user: None,
    }
}

fn begin(kind: PlanKind, targets: &[&str], length: Duration) -> Wish {
    begin_until(kind, targets, Length::For(length))
}

fn begin_until(kind: PlanKind, targets: &[&str], length: Length) -> Wish {
    let is_deploy = kind == PlanKind::Deploy;
    Wish::Begin {
        kind,
        targets: targets.iter().map(|id| TargetId::new(*id)).collect(),
        length,
        why: String::from(if is_deploy { "" } else { "db restore" }),
        release: is_deploy.then(|| String::from("4.18.2")),
    }
}

impl World {
    /// Somebody wishes this; the answer.
    pub(super) fn wish(&mut self, wish: Wish) -> Answer {
        self.wish_by(jan(), wish)
    }

    fn wish_by(&mut self, by: Person, wish: Wish) -> Answer {
        self.event(Event::Planned(Asked {
            number: 1,
            wish,
            by,
        }));
        self.answers.pop().expect("every wish is answered at once")
    }

    pub(super) fn plan(&mut self, kind: PlanKind, targets: &[&str], length: Duration) -> PlanId {
        match self.wish(begin(kind, targets, length)) {
            Ok(Done::Begun { planned, .. }) => planned.id,
            other => panic!("it did not begin: {other:?}"),
        }
    }
}

fn api_or(id: &str) -> Matcher {
    Matcher {
        targets: vec![TargetId::new(id)],
        ..Matcher::default()
    }
}

fn window(from: Duration, to: Duration) -> Window {
    Window {
        name: String::from("rebuild"),
        matcher: api_or("api"),
        times: Times::Once {
            from: Timestamp::default() + from,
            to: Timestamp::default() + to,
        },
    }
}

fn with(window: Window) -> Plan {
    Plan {
        maintenance: vec![window].into(),
        ..fleet(vec![target("api")])
    }
}

/// What keeps `api` from being told between minute 10 and minute 40.
#[derive(Clone, Copy, Debug)]
enum Kept {
    Silence,
    Maintenance,
    Window,
}

/// Changes of weather at these minutes, and whether hekate is killed and started again at these.
fn story(kept: Kept, weather: &[(u64, &str)], restarts: &[u64]) -> String {
    let file = || match kept {
        Kept::Window => with(window(minutes(10), minutes(40))),
        Kept::Silence | Kept::Maintenance => fleet(vec![target("api")]),
    };
    let mut world = World::new(file());
    let mut told = String::new();
    for minute in 0..90 {
        if minute == 10 {
            match kept {
                Kept::Silence => {
                    world.plan(PlanKind::Silence, &["api"], minutes(30));
                }
                Kept::Maintenance => {
                    world.plan(PlanKind::Maintenance, &["api"], minutes(30));
                }
                Kept::Window => {}
            }
        }
        for (_, weather) in weather.iter().filter(|(at, _)| *at == minute) {
            world.set("api", weather);
        }
        if restarts.contains(&minute) {
            told += &world.told;
            let weather = std::mem::take(&mut world.weather);
            let open = std::mem::take(&mut world.open);
            world = World::restored(file(), world.committed.clone(), minutes(minute));
            world.weather = weather;
            for (id, incident) in open {
                world.open.entry(id).or_insert(incident);
            }
        }
        world.run_until(minutes(minute + 1));
    }
    told + &world.told
}

/// Every story under all three, the notices of those that people begin left out.
fn everywhere(weather: &[(u64, &str)], restarts: &[u64], expected: &Expect) {
    let mut out = String::new();
    let mut first: Option<String> = None;
    for kept in [Kept::Silence, Kept::Maintenance, Kept::Window] {
        let told = story(kept, weather, restarts);
        let told: String = told
            .lines()
            .filter(|line| {
                !line.contains("notice: 1 target is") && !line.contains("hekate is back")
            })
            .fold(String::new(), |mut out, line| {
                let line = line
                    .replace("silence s1 of jan@laptop: db restore", "IT")
                    .replace("maintenance m1 of jan@laptop: db restore", "IT")
                    .replace("the maintenance window `rebuild`", "IT");
                writeln!(out, "{line}").expect("a string takes it");
                out
            });
        match &first {
            Some(first) if *first == told => {}
            Some(_) => writeln!(out, "{kept:?} differs:\n{told}").expect("a string takes it"),
            None => {
                out.push_str(&told);
                first = Some(told);
            }
        }
    }
    expected.assert_eq(&out);
}

#[test]
fn down_before_and_up_inside_is_told_inside() {
    everywhere(
        &[(5, "refused"), (20, "ok")],
        &[],
        &expect![[r#"
        5m 21s #core @core opened: api operational -> down: connection refused
        20m 13s #core recovered: api down -> operational
    "#]],
    );
}

#[test]
fn down_before_and_up_after_goes_on_without_reminders_inside() {
    everywhere(
        &[(5, "refused"), (60, "ok")],
        &[],
        &expect![[r#"
        5m 21s #core @core opened: api operational -> down: connection refused
        40m #core @core reminder: api down -> down: connection refused
        1h 24s #core recovered: api down -> operational
    "#]],
    );
}

#[test]
fn down_and_up_inside_is_not_told() {
    everywhere(&[(20, "refused"), (30, "ok")], &[], &expect![[""]]);
}

#[test]
fn down_through_the_end_is_told_at_once() {
    everywhere(
        &[(20, "refused"), (60, "ok")],
        &[],
        &expect![[r#"
        40m #core @core opened: api operational -> down: connection refused [held back by IT]
        1h 22s #core recovered: api down -> operational
    "#]],
    );
}

#[test]
fn down_after_the_end_is_told_as_ever() {
    everywhere(
        &[(50, "refused"), (60, "ok")],
        &[],
        &expect![[r#"
        50m 17s #core @core opened: api operational -> down: connection refused
        1h 17s #core recovered: api down -> operational
    "#]],
    );
}

#[test]
fn what_gets_worse_inside_is_told_at_the_end_and_what_gets_better_at_once() {
    everywhere(
        &[(5, "degraded"), (20, "refused"), (70, "ok")],
        &[],
        &expect![[r#"
            5m 17s #core opened: api operational -> degraded: the body says DEGRADED
            40m #core @core changed: api degraded -> down: connection refused [held back by IT]
            1h 10m #core @core reminder: api down -> down: connection refused
            1h 10m 24s #core recovered: api down -> operational
        "#]],
    );
    everywhere(
        &[(5, "refused"), (20, "degraded"), (70, "ok")],
        &[],
        &expect![[r#"
            5m 21s #core @core opened: api operational -> down: connection refused
            20m 13s #core changed: api down -> degraded: the body says DEGRADED
            40m #core @core reminder: api degraded -> degraded: the body says DEGRADED
            1h 10m 17s #core recovered: api down -> operational
        "#]],
    );
}

#[test]
fn a_restart_inside_changes_nothing() {
    everywhere(
        &[(20, "refused"), (60, "ok")],
        &[15, 25, 35],
        &expect![[r#"
            40m #core @core opened: api unknown -> down: connection refused [held back by IT]
            1h 13s #core recovered: api down -> operational
        "#]],
    );
    everywhere(&[(20, "refused"), (30, "ok")], &[25], &expect![""]);
    everywhere(
        &[(5, "refused"), (20, "ok")],
        &[15],
        &expect![[r#"
            5m 21s #core @core opened: api operational -> down: connection refused
            20m 22s #core recovered: api down -> operational
        "#]],
    );
}

#[test]
fn what_else_is_wrong_inside_is_told_at_the_end() {
    let mut world = World::new(fleet(vec![shown("api")]));
    world.set("api tls", "ends in 20 days");
    world.run_until(minutes(20));
    world.plan(PlanKind::Silence, &["api"], minutes(30));
    world.set("api", "degraded");
    world.run_until(minutes(70));
    world.set("api", "ok");
    world.run_until(minutes(80));
    world.check(&expect![[r#"
        8s #core opened: api unknown -> degraded: certificate ends in 20 days
        20m #core notice: 1 target is silenced until 1 Jan 00:50:00 UTC: by jan@laptop: db restore · api · s1
        50m #core changed: api degraded -> degraded: the body says DEGRADED [held back by silence s1 of jan@laptop: db restore]
        1h 10m 19s #core changed: api degraded -> degraded: the rest is well again; certificate ends in 20 days
    "#]]);
}

/// It went down a moment before, and those who know of the incident were to hear of it in a minute.
#[test]
fn that_a_member_got_worse_waits_for_the_end_as_well() {
    let members = ["shop/a", "shop/b"];
    let mut world = World::new(fleet(members.map(target).to_vec()));
    world.run_until(minutes(5));
    world.set("shop/a", "degraded");
    world.set("shop/b", "refused");
    world.run_until(minutes(5) + Duration::from_secs(30));
    world.set("shop/a", "refused");
    world.run_until(minutes(6));
    world.plan(PlanKind::Silence, &["shop/a"], minutes(10));
    world.run_until(minutes(20));
    for name in members {
        world.set(name, "ok");
    }
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        5m 14s #core @core opened: 2 of 2 in group shop operational -> down: shop a and shop b (0 of 2 back)
        6m #core notice: 1 target is silenced until 1 Jan 00:16:00 UTC: by jan@laptop: db restore · shop a · s1
        16m #core changed: 2 of 2 in group shop down -> down: shop a and shop b: connection refused (0 of 2 back)
        20m 19s #core recovered: 2 of 2 in group shop down -> operational (2 of 2 back)
    "#]]);
}

/// Down inside, and nobody looks while the end passes.
fn away_over_the_end(weather: &str, expected: &Expect) {
    let plan = || fleet(vec![target("api")]);
    let mut world = World::new(plan());
    world.run_until(minutes(10));
    world.plan(PlanKind::Silence, &["api"], minutes(30));
    world.set("api", "refused");
    world.run_until(minutes(20));
    let mut world = World::restored(plan(), world.committed.clone(), minutes(50));
    world.set("api", weather);
    world.run_until(minutes(70));
    world.check(expected);
}

#[test]
fn what_passed_while_nobody_looked_is_no_alarm_and_what_did_not_is_told_after_a_look() {
    away_over_the_end(
        "ok",
        &expect![[r#"
        50m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 00:10:34 UTC; what happened since then was not seen
    "#]],
    );
    away_over_the_end(
        "refused",
        &expect![[r#"
        50m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 00:10:34 UTC; what happened since then was not seen
        50m #core @core opened: api unknown -> down: connection refused [held back by silence s1 of jan@laptop: db restore]
    "#]],
    );
}

#[test]
fn what_passed_while_time_stood_still_is_no_alarm_and_what_did_not_is_told_after_a_look() {
    let mut world = World::new(fleet(vec![target("api"), target("web")]));
    world.run_until(minutes(10));
    world.plan(PlanKind::Silence, &["api", "web"], minutes(30));
    world.set("api", "refused");
    world.set("web", "refused");
    world.run_until(minutes(20));
    world.engine.turned(world.moment());
    world.told.clear();
    world.now = minutes(50);
    world.set("web", "ok");
    world.event(Event::Interrupted);
    world.check(&expect![[""]]);
    world.run_until(minutes(70));
    world.check(&expect![[r#"
        50m #core @core opened: api operational -> down: connection refused [held back by silence s1 of jan@laptop: db restore]
    "#]]);
}

#[test]
fn whoever_would_hear_is_told_of_a_silence_and_of_its_early_end() {
    let mut world = World::new(fleet(vec![
        target("master/blue"),
        target("master/green"),
        target("api"),
    ]));
    world.run_until(minutes(5));
    let id = world.plan(
        PlanKind::Silence,
        &["master/blue", "master/green"],
        minutes(60),
    );
    world.set("master/blue", "refused");
    world.set("api", "refused");
    world.run_until(minutes(15));
    world.check(&expect![[r#"
        5m #core notice: 2 targets are silenced until 1 Jan 01:05:00 UTC: by jan@laptop: db restore · master blue, master green · s1
        5m 29s #core @core opened: api operational -> down: connection refused
    "#]]);
    let answer = world.wish(Wish::End { id }).expect("it is there");
    assert!(matches!(answer, Done::Ended(planned) if planned.id == id));
    world.check(&expect![[r#"
        15m #core notice: 2 targets are not silenced any more: jan@laptop ended it · master blue, master green · s1
        15m #core @core opened: master blue operational -> down: connection refused [held back by silence s1 of jan@laptop: db restore]
    "#]]);
    let refused = world.wish(Wish::End { id }).expect_err("it has ended");
    assert!(refused.is_missing, "{refused:?}");
    assert_eq!(world.committed.planned, []);
}

#[test]
fn several_that_are_let_go_together_are_one_message() {
    let targets = ["a", "b", "c", "d"];
    let mut world = World::new(fleet(
        targets.map(|name| target(&format!("shop/{name}"))).to_vec(),
    ));
    world.run_until(minutes(5));
    let ids = targets.map(|name| format!("shop/{name}"));
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.plan(PlanKind::Maintenance, &names, minutes(30));
    for name in &names {
        world.set(name, "refused");
    }
    world.run_until(minutes(40));
    for name in &names {
        world.set(name, "ok");
    }
    world.run_until(minutes(50));
    world.check(&expect![[r#"
        5m #core notice: 4 targets are in maintenance until 1 Jan 00:35:00 UTC: by jan@laptop: db restore · shop a, shop b, shop c, shop d · m1
        35m #core @core opened: 4 of 4 in group shop operational -> down: shop a, shop b, shop c and shop d: connection refused [held back by maintenance m1 of jan@laptop: db restore] (0 of 4 back)
        40m 23s #core recovered: 4 of 4 in group shop down -> operational (4 of 4 back)
    "#]]);
}

#[test]
fn a_reload_can_end_a_window_and_open_one() {
    let mut world = World::new(with(window(minutes(5), minutes(60))));
    world.run_until(minutes(10));
    world.set("api", "refused");
    world.run_until(minutes(20));
    world.check(&expect![[""]]);
    world.event(Event::Replanned(Arc::new(fleet(vec![target("api")]))));
    world.check(&expect![[r#"
        20m #core @core opened: api operational -> down: connection refused [held back by the maintenance window `rebuild`]
    "#]]);
    world.set("api", "ok");
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        20m 14s #core recovered: api down -> operational
    "#]]);
    let other = with(window(minutes(5), minutes(60)));
    world.event(Event::Replanned(Arc::new(other)));
    world.set("api", "refused");
    world.run_until(minutes(59));
    world.check(&expect![[""]]);
    world.run_until(minutes(61));
    world.check(&expect![[r#"
        1h #core @core opened: api operational -> down: connection refused [held back by the maintenance window `rebuild`]
    "#]]);
}

#[test]
fn a_silence_follows_a_target_to_its_new_name() {
    let mut renamed = target("master/azure");
    renamed.was = Some(TargetId::new("master/blue"));
    let mut world = World::new(fleet(vec![target("master/blue")]));
    world.run_until(minutes(5));
    world.plan(PlanKind::Silence, &["master/blue"], minutes(30));
    world.event(Event::Replanned(Arc::new(fleet(vec![renamed.clone()]))));
    world.set("master/azure", "refused");
    world.run_until(minutes(20));
    let mut again = World::restored(fleet(vec![renamed]), world.committed.clone(), minutes(20));
    again.set("master/azure", "refused");
    again.run_until(minutes(40));
    again.check(&expect![[r#"
        20m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 00:05:21 UTC; what happened since then was not seen
        35m #core @core opened: master azure unknown -> down: connection refused [held back by silence s1 of jan@laptop: db restore]
    "#]]);
    // Renamed while hekate was not running.
    let mut later = target("master/sky");
    later.was = Some(TargetId::new("master/azure"));
    let mut again = World::restored(fleet(vec![later]), world.committed.clone(), minutes(20));
    again.set("master/sky", "refused");
    again.run_until(minutes(30));
    again.check(&expect![[r#"
        20m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 00:05:21 UTC; what happened since then was not seen
    "#]]);
}

#[test]
fn an_announced_deploy_may_go_down_and_come_back_once() {
    let mut world = World::new(fleet(vec![target("api"), target("web")]));
    world.run_until(minutes(5));
    world.plan(PlanKind::Deploy, &["api"], minutes(5));
    world.set("api", "refused");
    world.run_until(minutes(7));
    world.set("api", "ok");
    world.run_until(minutes(8));
    assert_eq!(world.committed.planned, [], "it came back, so it is over");
    world.check(&expect![[""]]);
    world.set("api", "refused");
    world.run_until(minutes(10));
    world.check(&expect![[r#"
        8m 20s #core @core opened: api operational -> down: connection refused
    "#]]);
}

#[test]
fn a_deploy_that_does_not_come_back_is_told_with_its_release() {
    let mut world = World::new(fleet(vec![target("api"), target("web")]));
    world.run_until(minutes(5));
    world.plan(PlanKind::Deploy, &["api"], minutes(5));
    world.set("api", "refused");
    world.set("web", "refused");
    world.run_until(minutes(9));
    world.check(&expect![[r#"
        5m 14s #core @core opened: web operational -> down: connection refused
    "#]]);
    world.run_until(minutes(11));
    world.check(&expect![[r#"
        10m #core @core opened: api operational -> down: connection refused [did not come back after release 4.18.2, announced 1 Jan 00:05:00 UTC by jan@laptop (d1)]
    "#]]);
}

/// What fails in different ways after the same release was put there fails because of the release; who did not get it does not.
#[test]
fn what_fails_after_the_same_release_is_told_as_one() {
    let names = ["api", "web", "mail"];
    let mut world = World::new(fleet(names.map(target).into()));
    world.run_until(minutes(5));
    world.plan(PlanKind::Deploy, &["api"], minutes(5));
    world.plan(PlanKind::Deploy, &["web"], minutes(5));
    world.run_until(minutes(20));
    for (name, weather) in names.iter().zip(["refused", "db", "degraded"]) {
        world.set(name, weather);
    }
    world.run_until(minutes(25));
    for name in names {
        world.set(name, "ok");
    }
    world.run_until(minutes(90));
    world.set("api", "refused");
    world.set("web", "db");
    world.run_until(minutes(95));
    world.check(&expect![[r#"
        20m 12s #core opened: mail operational -> degraded: the body says DEGRADED
        20m 28s #core @core opened: web operational -> down: db is down
        20m 29s #core changed: 2 targets after release 4.18.2 down -> down: web and api (0 of 2 back)
        25m 15s #core recovered: 2 targets after release 4.18.2 down -> operational (2 of 2 back)
        25m 15s #core recovered: mail degraded -> operational
        1h 30m 26s #core @core opened: web operational -> down: db is down
        1h 30m 40s #core @core opened: api operational -> down: connection refused
    "#]]);
}

#[test]
fn a_second_announcement_takes_the_place_of_the_first() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.run_until(minutes(5));
    let first = world.plan(PlanKind::Deploy, &["api"], minutes(5));
    world.run_until(minutes(8));
    let second = world.plan(PlanKind::Deploy, &["api"], minutes(5));
    assert_ne!(first, second);
    let on: Vec<_> = world.committed.planned.iter().map(|one| one.id).collect();
    assert_eq!(on, [second]);
    world.set("api", "refused");
    world.run_until(minutes(12));
    world.check(&expect![[""]]);
    world.run_until(minutes(14));
    world.check(&expect![[r#"
        13m #core @core opened: api operational -> down: connection refused [did not come back after release 4.18.2, announced 1 Jan 00:08:00 UTC by jan@laptop (d2)]
    "#]]);
}

#[test]
fn the_active_one_of_a_pair_gets_no_grace_until_it_is_switched_away() {
    let mut world = World::new(pair(vec![dns()]));
    world.run_until(minutes(5));
    let answer = world.wish(begin(PlanKind::Deploy, &["master/blue"], minutes(20)));
    let Ok(Done::Begun { but: Some(but), .. }) = answer else {
        panic!("{answer:?}");
    };
    expect!["master blue is active, so until it is switched away its trouble is told at once"]
        .assert_eq(&but);
    world.plan(PlanKind::Deploy, &["master/green"], minutes(20));
    world.set("master/green", "refused");
    world.run_until(minutes(10));
    world.check(&expect![[""]]);
    world.set("master/blue", "refused");
    world.run_until(minutes(12));
    world.check(&expect![[r#"
        10m 22s #disaster @core opened: master blue (active) operational -> down: connection refused
        10m 22s #core @core opened: master blue (active) operational -> down: connection refused
    "#]]);
}

#[test]
fn an_acknowledgement_ends_reminders_until_it_changes() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.set("api", "refused");
    world.run_until(minutes(10));
    let (id, incident) = world.open.first_key_value().expect("it is open");
    let id = id.clone();
    assert_eq!(incident.acknowledged, None);
    let wish = |why: Option<&str>, id: &str| Wish::Acknowledge {
        incident: crate::model::IncidentId::new(id),
        why: why.map(str::to_owned),
        if_taken: IfTaken::TakeOver,
    };
    let answer = world.wish(wish(Some("I restart it"), &id));
    assert!(
        matches!(answer, Ok(Done::Acknowledged { .. })),
        "{answer:?}"
    );
    world.run_until(Duration::from_hours(5));
    world.check(&expect![[r#"
        12s #core @core opened: api unknown -> down: connection refused
    "#]]);
    // It is remembered, and so is that nobody is reminded.
    let open = world.open.clone();
    let mut world = World::restored(
        fleet(vec![target("api")]),
        world.committed.clone(),
        Duration::from_hours(5),
    );
    world.open = open;
    world.set("api", "refused");
    world.run_until(Duration::from_hours(9));
    world.check(&expect![[r#"
        5h #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 00:10:00 UTC; what happened since then was not seen
    "#]]);
    let taken = world.open[&id].acknowledged.clone();
    assert_eq!(taken.map(|taken| taken.by), Some(jan()));
    world.set("api", "degraded");
    world.run_until(Duration::from_hours(13));
    world.check(&expect![[r#"
        9h 23s #core changed: api down -> degraded: the body says DEGRADED
        9h 30m 23s #core @core reminder: api degraded -> degraded: the body says DEGRADED
        11h 23s #core reminder: api degraded -> degraded: the body says DEGRADED
    "#]]);
    assert!(matches!(
        world.wish(wish(None, &id)),
        Ok(Done::Acknowledged { .. })
    ));
    world.set("api", "ok");
    world.run_until(Duration::from_hours(14));
    world.check(&expect![[r#"
        13h 13s #core recovered: api down -> operational [acknowledged by jan@laptop]
    "#]]);
    for id in [id.as_str(), "k7f2", ""] {
        let refused = world.wish(wish(None, id)).expect_err("nothing is open");
        assert!(refused.is_missing, "{refused:?}");
    }
}

/// Whoever gives it back is not on it any more, alone or with others: the message says so, and reminders go on.
#[test]
fn who_is_on_it_can_give_it_back_and_nobody_else() {
    for names in [&["api"][..], &["shop/a", "shop/b", "shop/c"]] {
        let mut world = World::new(with_bot(names));
        world.run_until(minutes(5));
        for name in names {
            world.set(name, "refused");
        }
        world.run_until(minutes(10));
        let id = world.open.keys().next().expect("it is open").clone();
        let give_back = || Wish::GiveBack {
            incident: crate::model::IncidentId::new(id.as_str()),
        };
        let refused = world.wish(give_back()).expect_err("nobody has it");
        assert!(refused.words.contains("nobody is on"), "{refused:?}");
        world.wish(take(&id, None)).expect("taken");
        let eva = Person {
            name: String::from("@eva"),
            slack_user: Some(String::from("U0EVA")),
        };
        let refused = world.wish_by(eva, give_back()).expect_err("it is jan's");
        assert!(refused.words.contains("jan@laptop is on"), "{refused:?}");
        assert!(!refused.is_missing);
        world.run_until(Duration::from_hours(3));
        let reminders = |world: &World| {
            let entries = world.entries.iter();
            entries.filter(|entry| entry.kind == Kind::Reminder).count()
        };
        assert_eq!((reminders(&world), world.open[&id].remind_at), (0, None));
        let done = world.wish(give_back());
        let Ok(Done::GivenBack { incident, titles }) = done else {
            panic!("{done:?}");
        };
        assert_eq!(
            (incident.as_str(), titles.len()),
            (id.as_str(), names.len())
        );
        assert_eq!(world.open[&id].acknowledged, None);
        assert!(world.open[&id].remind_at.is_some(), "it is remembered");
        let noted = world.entries.last().expect("its message says so");
        let attended = noted
            .story
            .attended
            .clone()
            .expect("somebody did something");
        assert_eq!(noted.kind, Kind::Noted);
        assert_eq!(attended.deed, "jan@laptop is not on it any more");
        assert!(attended.on_it.is_none() && attended.calls.is_none());
        world.run_until(Duration::from_hours(8));
        assert!(reminders(&world) > 0, "reminders go on");
        for name in names {
            world.set(name, "ok");
        }
        world.run_until(Duration::from_hours(9));
        let refused = world.wish(give_back()).expect_err("it is over");
        assert!(refused.is_missing, "{refused:?}");
    }
}

/// Of two who press a button in the same moment one is on it, alone or with others.
#[test]
fn who_is_first_keeps_it_unless_it_is_taken_over() {
    for names in [&["api"][..], &["shop/a", "shop/b", "shop/c"]] {
        let mut world = World::new(fleet(names.iter().map(|name| target(name)).collect()));
        world.run_until(minutes(5));
        for name in names {
            world.set(name, "refused");
        }
        world.run_until(minutes(8));
        let id = world.open.keys().next().expect("it is open").clone();
        let mut wish = |name: &str, if_taken| {
            let by = Person {
                name: name.to_owned(),
                slack_user: None,
            };
            let wish = Wish::Acknowledge {
                incident: crate::model::IncidentId::new(id.as_str()),
                why: None,
                if_taken,
            };
            match world.wish_by(by, wish) {
                Ok(Done::Acknowledged {
                    acknowledgement, ..
                }) => acknowledgement.by.name,
                Ok(other) => panic!("{other:?}"),
                Err(refused) => refused.words,
            }
        };
        assert_eq!(wish("eva", IfTaken::Leave), "eva");
        let since = " has been on ";
        assert!(wish("jan", IfTaken::Leave).starts_with(&format!("eva{since}{id} since 1 Jan ")));
        assert!(wish("eva", IfTaken::Leave).starts_with(&format!("you have had {id} since ")));
        assert_eq!(wish("jan", IfTaken::TakeOver), "jan");
        assert!(wish("eva", IfTaken::Leave).starts_with(&format!("jan{since}")));
    }
}

#[test]
fn a_silence_until_it_recovers_ends_with_the_incident_and_after_a_day_in_any_case() {
    let silence = || begin_until(PlanKind::Silence, &["api"], Length::Recovered);
    let mut world = World::new(fleet(vec![target("api"), target("web")]));
    world.run_until(minutes(5));
    let refused = world.wish(silence()).expect_err("nothing is wrong");
    assert!(
        refused.words.contains("nothing to recover from"),
        "{refused:?}"
    );
    world.set("api", "refused");
    world.run_until(minutes(10));
    world.wish(silence()).expect("it is bad");
    // Worse is not told, a kill changes nothing, and the end is told.
    world.run_until(Duration::from_hours(3));
    let open = world.open.clone();
    let mut world = World::restored(
        fleet(vec![target("api"), target("web")]),
        world.committed.clone(),
        Duration::from_hours(3),
    );
    world.open = open;
    world.set("api", "refused");
    world.run_until(Duration::from_hours(5));
    assert_eq!(world.committed.planned.len(), 1);
    world.set("api", "ok");
    world.run_until(Duration::from_hours(6));
    assert_eq!(world.committed.planned, []);
    assert_eq!(world.shown["api"].note, None);
    world.set("api", "refused");
    world.run_until(Duration::from_hours(6) + minutes(2));
    world.wish(silence()).expect("it is bad again");
    world.run_until(Duration::from_hours(32));
    world.check(&expect![[r#"
        3h #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 00:10:00 UTC; what happened since then was not seen
        5h 16s #core recovered: api down -> operational
        6h 23s #core @core opened: api operational -> down: connection refused
        6h 2m #core notice: 1 target is silenced until it recovers, at the latest 2 Jan 06:02:00 UTC: by jan@laptop: db restore · api · s2
        1day 6h 2m #core @core reminder: api down -> down: connection refused
        1day 7h 32m #core reminder: api down -> down: connection refused
    "#]]);
    assert_eq!(world.committed.planned, []);
}

#[test]
fn a_silence_of_several_until_they_recover_ends_with_the_last_of_them() {
    let mut world = World::new(fleet(vec![target("api"), target("web"), target("cron")]));
    world.run_until(minutes(5));
    world.set("api", "refused");
    world.run_until(minutes(8));
    let wish = begin_until(PlanKind::Maintenance, &["api", "web"], Length::Recovered);
    world.wish(wish).expect("one of them is bad");
    // What goes bad meanwhile is held back as well, and holds it.
    world.run_until(minutes(20));
    world.set("web", "refused");
    world.run_until(minutes(25));
    world.set("api", "ok");
    world.run_until(minutes(30));
    assert_eq!(world.committed.planned.len(), 1);
    assert!(world.shown["api"].note.is_some());
    world.set("web", "ok");
    world.run_until(minutes(35));
    assert_eq!(world.committed.planned, []);
    assert_eq!(
        (&world.shown["api"].note, &world.shown["web"].note),
        (&None, &None)
    );
    world.check(&expect![[r#"
        5m 23s #core @core opened: api operational -> down: connection refused
        8m #core notice: 2 targets are in maintenance until they recover, at the latest 2 Jan 00:08:00 UTC: by jan@laptop: db restore · api, web · m1
        25m 23s #core recovered: api down -> operational
    "#]]);
}

#[test]
fn a_time_of_day_is_that_of_the_zone_of_the_file() {
    let mut plan = fleet(vec![target("api")]);
    plan.server.timezone = chrono_tz::Europe::Prague;
    let mut world = World::new(plan);
    world.run_until(minutes(5));
    let eight = Length::At(Length::clock("08:00").expect("it is a time"));
    let wish = begin_until(PlanKind::Silence, &["api"], eight);
    let Ok(Done::Begun { planned, .. }) = world.wish(wish) else {
        panic!("it begins");
    };
    // At midnight of 1970 it is one o'clock in Prague.
    assert_eq!(
        planned.until,
        Timestamp::default() + Duration::from_hours(7)
    );
}

/// A bot tells this channel.
pub(super) fn told_by_bot(plan: &mut Plan, name: &str) {
    let channel = plan.channels.get_mut(&ChannelName::new(name));
    channel.expect("it is in the file").destination = Destination::SlackBot {
        channel: format!("#{name}"),
        token: Secret::new("xoxb-1"),
        base_url: String::from("https://slack.example.test"),
        spare: None,
    };
}

/// `core` is told by a bot; `ops` hears of everything as well, by a webhook.
pub(super) fn with_bot(ids: &[&str]) -> Plan {
    let mut plan = fleet(ids.iter().map(|id| target(id)).collect());
    told_by_bot(&mut plan, "core");
    plan.routes[0].to.push(ChannelName::new("ops"));
    plan
}

pub(super) fn take(id: &str, why: Option<&str>) -> Wish {
    Wish::Acknowledge {
        incident: crate::model::IncidentId::new(id),
        why: why.map(str::to_owned),
        if_taken: IfTaken::TakeOver,
    }
}

#[test]
fn what_people_do_is_a_step_of_the_messages_that_live() {
    let mut world = World::new(with_bot(&["api"]));
    world.set("api", "refused");
    world.run_until(minutes(10));
    let id = world.open.keys().next().expect("it is open").clone();
    world.wish(take(&id, Some("I restart it"))).expect("taken");
    let sequence = world.open[&id].sequence;
    // It is stored with what it tells of.
    let open = world.committed.open.iter().find(|it| it.id.as_str() == id);
    assert!(open.is_some_and(|it| it.acknowledged.is_some() && it.sequence == sequence));
    let silence = world.plan(PlanKind::Silence, &["api"], minutes(60));
    world.run_until(minutes(20));
    world.wish(Wish::End { id: silence }).expect("it is there");
    world.plan(PlanKind::Maintenance, &["api"], minutes(10));
    world.run_until(minutes(40));
    world.set("api", "degraded");
    world.run_until(minutes(60));
    world.set("api", "ok");
    world.run_until(minutes(70));
    world.check(&expect![[r#"
        12s #core @core opened: api unknown -> down: connection refused
        12s #ops @core opened: api unknown -> down: connection refused
        10m #core noted: api: jan@laptop is on it: I restart it
        10m #ops notice: 1 target is silenced until 1 Jan 01:10:00 UTC: by jan@laptop: db restore · api · s1
        10m #core noted: api: jan@laptop silenced api until 1 Jan 01:10:00 UTC: db restore (s1)
        20m #ops notice: 1 target is not silenced any more: jan@laptop ended it · api · s1
        20m #core noted: api: jan@laptop ended silence s1
        20m #ops notice: 1 target is in maintenance until 1 Jan 00:30:00 UTC: by jan@laptop: db restore · api · m2
        20m #core noted: api: jan@laptop put api into maintenance until 1 Jan 00:30:00 UTC: db restore (m2)
        30m #core noted: api: maintenance m2 is over
        40m 15s #core changed: api down -> degraded: the body says DEGRADED
        40m 15s #ops changed: api down -> degraded: the body says DEGRADED
        1h 12s #core recovered: api down -> operational
        1h 12s #ops recovered: api down -> operational
    "#]]);
    let sequences: BTreeSet<_> = world.entries.iter().map(|entry| &entry.key).collect();
    assert_eq!(sequences.len(), world.entries.len(), "no two steps are one");
    let on_it = |entry: &&Entry| {
        let attended = entry.story.attended.as_ref();
        attended.is_some_and(|attended| attended.on_it.is_some())
    };
    // Until it changes; its message forgets it then.
    let with = world.entries.iter().filter(on_it);
    assert!(with.clone().count() > 0);
    assert!(with.into_iter().all(|entry| entry.kind == Kind::Noted));
}

#[test]
fn whoever_it_is_handed_to_is_called_once_and_is_on_it() {
    let mut world = World::new(with_bot(&["api"]));
    world.set("api", "refused");
    world.run_until(minutes(10));
    let id = world.open.keys().next().expect("it is open").clone();
    world.wish(take(&id, None)).expect("taken");
    let to = Person {
        name: String::from("@U0EVA"),
        slack_user: Some(String::from("U0EVA")),
    };
    let wish = |to: &Person| Wish::HandOver {
        incident: crate::model::IncidentId::new(id.as_str()),
        to: to.clone(),
    };
    world.wish(wish(&to)).expect("handed over");
    // Who takes it from somebody by the same menu need not be told so.
    world.wish_by(to.clone(), wish(&to)).expect("it is hers");
    assert_eq!(
        world.open[&id].acknowledged.as_ref().map(|taken| &taken.by),
        Some(&to)
    );
    let calls = world.entries.iter().filter_map(|entry| {
        let attended = entry.story.attended.as_ref()?;
        Some((attended.deed.as_str(), attended.calls.as_deref()))
    });
    assert_eq!(
        calls.collect::<Vec<_>>(),
        [
            ("jan@laptop is on it", None),
            ("jan@laptop handed it over to @U0EVA", Some("U0EVA")),
            ("@U0EVA handed it over to @U0EVA", None),
        ]
    );
    assert!(
        world
            .entries
            .iter()
            .all(|entry| entry.kind != Kind::Noted || entry.mention.is_none())
    );
}

#[test]
fn several_show_what_people_do_about_all_of_them_and_about_some() {
    let mut world = World::new(with_bot(&["shop/a", "shop/b", "shop/c", "shop/d", "api"]));
    world.run_until(minutes(5));
    for name in ["shop/a", "shop/b", "shop/c"] {
        world.set(name, "refused");
    }
    world.run_until(minutes(8));
    let id = world.open.keys().next().expect("it is open").clone();
    world.wish(take(&id, None)).expect("taken");
    // One of them is no silence of all; whoever is not in it is told of it as ever.
    world.plan(PlanKind::Silence, &["shop/a"], minutes(60));
    world.plan(
        PlanKind::Silence,
        &["shop/a", "shop/b", "shop/c"],
        minutes(30),
    );
    world.plan(PlanKind::Silence, &["shop/a", "api"], minutes(30));
    world.set("shop/a", "ok");
    world.run_until(minutes(12));
    let shown: Vec<_> = world
        .entries
        .iter()
        .filter(|entry| entry.key.channel.as_str() == "core" && entry.key.incident.as_str() == id)
        .map(|entry| {
            let attended = entry.story.attended.as_deref().cloned().unwrap_or_default();
            let is_silent = attended.silent.is_some();
            (entry.kind.as_str(), attended.on_it.is_some(), is_silent)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("opened", false, false),
            ("noted", true, false),
            ("noted", true, false),
            ("noted", true, true),
            ("noted", true, true),
            ("changed", true, false),
        ]
    );
    let deeds = world.entries.iter().filter_map(|entry| {
        let attended = entry.story.attended.as_ref()?;
        (entry.kind == Kind::Noted).then_some(attended.deed.as_str())
    });
    let deeds: Vec<_> = deeds.collect();
    expect![[r#"
        jan@laptop is on it
        jan@laptop silenced shop a until 1 Jan 01:08:00 UTC: db restore (s1)
        jan@laptop silenced shop a, shop b, shop c until 1 Jan 00:38:00 UTC: db restore (s2)
        jan@laptop silenced shop a, api until 1 Jan 00:38:00 UTC: db restore (s3)"#]]
    .assert_eq(&deeds.join("\n"));
}

/// Nobody is called for what people do, so it takes no place of the six an hour in which one hears of a target.
#[test]
fn however_much_people_do_about_several_their_end_is_told_in_time() {
    let names = ["shop/a", "shop/b", "shop/c"];
    let mut world = World::new(with_bot(&["shop/a", "shop/b", "shop/c", "shop/d"]));
    world.run_until(minutes(5));
    for name in names {
        world.set(name, "refused");
    }
    world.run_until(minutes(8));
    let id = world.open.keys().next().expect("it is open").clone();
    for number in 0..10 {
        let why = format!("try {number}");
        world.wish(take(&id, Some(&why))).expect("taken");
    }
    for name in names {
        world.set(name, "ok");
    }
    world.run_until(minutes(12));
    assert_eq!(world.open.len(), 0);
    let ends = world
        .entries
        .iter()
        .filter(|entry| entry.kind == Kind::Recovered && entry.key.channel.as_str() == "core");
    assert_eq!(ends.count(), 1);
}

#[test]
fn several_are_taken_on_as_one_until_another_joins() {
    let mut world = World::new(fleet(
        ["a", "b", "c", "d"]
            .map(|name| target(&format!("shop/{name}")))
            .to_vec(),
    ));
    world.run_until(minutes(5));
    for name in ["shop/a", "shop/b", "shop/c"] {
        world.set(name, "refused");
    }
    world.run_until(minutes(8));
    let id = world.open.keys().next().expect("it is open").clone();
    let wish = Wish::Acknowledge {
        incident: crate::model::IncidentId::new(id.as_str()),
        why: None,
        if_taken: IfTaken::TakeOver,
    };
    let Ok(Done::Acknowledged { titles, .. }) = world.wish(wish) else {
        panic!("it is open");
    };
    assert_eq!(titles, ["shop a", "shop b", "shop c"]);
    world.run_until(minutes(12));
    world.set("shop/d", "refused");
    world.run_until(minutes(60));
    world.check(&expect![[r#"
        5m 13s #core @core opened: 3 of 4 in group shop operational -> down: shop a, shop b and shop c: connection refused (0 of 3 back)
        12m 18s #core changed: 4 of 4 in group shop down -> down: shop a, shop b, shop c and shop d: connection refused (0 of 4 back)
        42m 18s #core @core reminder: 4 of 4 in group shop down -> down: shop a, shop b, shop c and shop d: connection refused (0 of 4 back)
    "#]]);
}

#[test]
fn what_cannot_be_planned_is_refused_and_nothing_is_stored() {
    let mut world = World::new(fleet(vec![target("api")]));
    let long = LENGTH_MAX + Duration::from_secs(1);
    let mut out = String::new();
    for wish in [
        begin(PlanKind::Silence, &["api"], long),
        begin(PlanKind::Silence, &["api"], Duration::from_secs(59)),
        begin(PlanKind::Deploy, &["api"], Duration::from_hours(2)),
        begin(PlanKind::Silence, &["gone"], minutes(5)),
        begin(PlanKind::Silence, &[], minutes(5)),
        Wish::End {
            id: PlanId {
                kind: PlanKind::Silence,
                number: 41,
            },
        },
    ] {
        let refused = world.wish(wish).expect_err("it cannot be");
        writeln!(out, "{refused:?}").expect("a string takes it");
    }
    expect![[r#"
        Refused { is_missing: false, words: "it may last from 1 min to 1 d" }
        Refused { is_missing: false, words: "it may last from 1 min to 1 d" }
        Refused { is_missing: false, words: "it may last from 1 min to 1 h" }
        Refused { is_missing: true, words: "nobody of them is watched any more" }
        Refused { is_missing: true, words: "nobody of them is watched any more" }
        Refused { is_missing: true, words: "there is no silence s41; it has ended, or there never was one" }
    "#]].assert_eq(&out);
    assert_eq!(world.committed.planned, []);
    for _ in 0..PLANS_MAX {
        world.plan(PlanKind::Maintenance, &["api"], minutes(5));
    }
    let refused = world.wish(begin(PlanKind::Silence, &["api"], minutes(5)));
    assert!(refused.is_err(), "{refused:?}");
    world.run_until(minutes(6));
    assert_eq!(world.committed.planned, []);
    assert_eq!(world.committed.plans, PLANS_MAX as u64);
}

/// What is shown of plans after a handful of events at these times: ticks and wall clock by themselves.
fn agenda(plan: Plan, events: Vec<(u64, u64, Event)>) -> Option<Arc<Agenda>> {
    let settings = Settings {
        seed: 7,
        looks_max: 100,
    };
    let (mut engine, mut actions) = Engine::start(
        Arc::new(plan),
        Loaded::default(),
        settings,
        Moment::default(),
    );
    for (tick, wall, event) in events {
        let now = Moment {
            tick: (Moment::default() + minutes(tick)).tick,
            at: (Moment::default() + minutes(wall)).at,
        };
        engine.handle(now, event, &mut actions);
    }
    actions.into_iter().rev().find_map(|action| match action {
        Action::ShowAgenda(agenda) => Some(agenda),
        Action::Placed(..)
        | Action::Vacated(_)
        | Action::Look(_)
        | Action::Commit(_)
        | Action::Noted(..)
        | Action::Looked(_)
        | Action::Show(..)
        | Action::ShowLog(..)
        | Action::ShowRole(..)
        | Action::ShowJob(..)
        | Action::Heard(_)
        | Action::LookTrouble(_)
        | Action::AskWitnesses(_)
        | Action::Blind(_)
        | Action::Answer(..)
        | Action::Ordered(..)
        | Action::Reread(_)
        | Action::Run(_) => None,
    })
}

#[test]
fn a_clock_that_is_moved_makes_no_silence_longer() {
    let asked = || {
        Event::Planned(Asked {
            number: 1,
            wish: begin(PlanKind::Silence, &["api"], minutes(60)),
            by: jan(),
        })
    };
    let plan = || fleet(vec![target("api")]);
    let is_on = |events| {
        let agenda = agenda(plan(), events).expect("it is shown");
        !agenda.made.is_empty()
    };
    assert!(is_on(vec![(1, 1, asked()), (30, 30, Event::Due)]));
    assert!(!is_on(vec![(1, 1, asked()), (61, 61, Event::Due)]));
    // Back by ten hours: it still ends after an hour.
    assert!(is_on(vec![
        (601, 601, asked()),
        (630, 30, Event::Interrupted)
    ]));
    assert!(!is_on(vec![
        (601, 601, asked()),
        (630, 30, Event::Interrupted),
        (661, 61, Event::Due)
    ]));
    // The machine slept for two hours: what was to end meanwhile has ended.
    assert!(!is_on(vec![(1, 1, asked()), (30, 150, Event::Interrupted)]));
}

#[test]
fn a_window_follows_the_wall_clock_wherever_it_is_moved() {
    let plan = || with(window(minutes(10), minutes(40)));
    let is_open = |events| {
        agenda(plan(), events).expect("it is shown").windows[0]
            .open
            .is_some()
    };
    assert!(!is_open(vec![(1, 1, Event::Due)]));
    assert!(is_open(vec![(11, 11, Event::Due)]));
    assert!(!is_open(vec![(11, 11, Event::Due), (41, 41, Event::Due)]));
    assert!(!is_open(vec![
        (11, 11, Event::Due),
        (12, 50, Event::Interrupted)
    ]));
    assert!(is_open(vec![
        (50, 50, Event::Due),
        (51, 20, Event::Interrupted)
    ]));
}

#[test]
fn a_window_that_comes_again_opens_again() {
    let hourly = Recurring::parse("10 * * * *", chrono_tz::UTC, minutes(30)).expect("a line");
    let mut world = World::new(with(Window {
        times: Times::Recurring(hourly),
        ..window(minutes(0), minutes(1))
    }));
    for hour in 0..3 {
        world.run_until(minutes(hour * 60 + 15));
        world.set("api", "refused");
        world.run_until(minutes(hour * 60 + 25));
        world.set("api", "ok");
    }
    world.run_until(minutes(3 * 60 + 15));
    world.set("api", "refused");
    world.run_until(minutes(3 * 60 + 59));
    world.check(&expect![[r#"
        3h 40m #core @core opened: api operational -> down: connection refused [held back by the maintenance window `rebuild`]
    "#]]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever people plan and end, and whenever hekate is killed: nothing begins to be told of what a plan is over, and
    /// when the last plan is over people know how it is.
    #[test]
    fn in_the_end_people_know_how_it_is(
        steps in proptest::collection::vec((0_u8..7, 1_u64..20), 1..14),
    ) {
        let plan = || fleet(vec![target("api"), target("web")]);
        let mut world = World::new(plan());
        for (step, length) in steps {
            let kind = match step {
                0 => PlanKind::Silence,
                1 => PlanKind::Maintenance,
                _ => PlanKind::Deploy,
            };
            match step {
                0..=2 => {
                    world.plan(kind, &["api"], minutes(length));
                }
                3 => world.set("api", "refused"),
                4 => world.set("api", "ok"),
                5 => {
                    let ids: Vec<_> = world.committed.planned.iter().map(|one| one.id).collect();
                    for id in ids {
                        let wish = Wish::End { id };
                        let is_ended = world.wish(wish).is_ok();
                        prop_assert!(is_ended);
                    }
                }
                _ => {
                    let weather = world.weather.clone();
                    world = World::restored(plan(), world.committed.clone(), world.now);
                    world.weather = weather;
                }
            }
            let is_kept = !world.committed.planned.is_empty();
            world.told.clear();
            let until = world.now + Duration::from_secs(30);
            world.run_until(until);
            if is_kept && !world.committed.planned.is_empty() {
                prop_assert!(!world.told.contains("opened: api"), "{}", world.told);
            }
            let until = world.now + minutes(length);
            world.run_until(until);
        }
        world.run_until(world.now + minutes(60));
        prop_assert_eq!(&world.committed.planned, &[]);
        let is_down = world.weather.get("api").is_some_and(|weather| weather == "refused");
        prop_assert_eq!(!world.open.is_empty(), is_down, "{}", world.told);
    }
}
