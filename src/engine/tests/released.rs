//! Stories of releases: how they are told, what comes of them, and what fails near them.

use expect_test::expect;

use super::{World, fleet, job::job, minutes, planned::told_by_bot, target};
use crate::{
    engine::Event,
    model::{
        ChannelName, Plan, TargetId, Verdict,
        action::{Attempt, AttemptId, Door, Stage},
        job::{Pinged, Rhythm},
        planned::{Answer, Done, Person, PlanKind, Wish},
        release::{Announced, Announcement, RELEASES_MAX},
    },
};

const NAMES: [&str; 4] = ["core/a", "core/b", "core/c", "api"];

/// Releases are told in a channel of their own.
fn plan() -> Plan {
    let mut plan = fleet(NAMES.iter().map(|id| target(id)).collect());
    let mut channel = plan.channels[&ChannelName::new("core")].clone();
    channel.name = ChannelName::new("releases");
    plan.channels.insert(channel.name.clone(), channel);
    plan.releases.channel = Some(ChannelName::new("releases"));
    plan
}

fn with_bot() -> Plan {
    let mut plan = plan();
    told_by_bot(&mut plan, "releases");
    plan
}

fn announcement(targets: &[&str], version: &str) -> Announcement {
    Announcement {
        title: if targets.len() == 1 { "core a" } else { "core" }.to_owned(),
        targets: targets.iter().map(|id| TargetId::new(*id)).collect(),
        version: version.to_owned(),
        changes: vec![String::from("faster imports")],
        url: None,
        key: None,
        is_deploy: targets.len() == 1,
    }
}

fn announce(world: &mut World, announcement: Announcement) -> Announced {
    match world.wish(Wish::Announce(Box::new(announcement))) {
        Ok(Done::Announced(announced)) => *announced,
        other => panic!("it was not announced: {other:?}"),
    }
}

fn released(world: &mut World, version: &str) -> Announced {
    announce(
        world,
        announcement(&["core/a", "core/b", "core/c"], version),
    )
}

#[test]
fn a_release_after_which_all_is_as_before_is_told_once_where_nobody_edits() {
    let mut world = World::new(plan());
    world.run_until(minutes(5));
    let announced = released(&mut world, "4.18.2");
    assert!(!announced.is_repeat && announced.deploy.is_none());
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        5m #releases notice: core 4.18.2 is released: by jan@laptop · r1 [faster imports]
    "#]]);
    let release = &world.committed.releases[0];
    let outcome = release.outcome.as_ref().expect("somebody looked");
    assert_eq!(outcome.words, ["all 3 are as before"]);
    assert_eq!(world.committed.releases.len(), 1);
}

#[test]
fn what_got_worse_is_told_and_what_fails_near_it_says_so() {
    let mut world = World::new(plan());
    world.set("core/c", "refused");
    world.run_until(minutes(5));
    world.told.clear();
    released(&mut world, "4.18.2");
    world.run_until(minutes(7));
    world.set("core/a", "refused");
    world.set("core/c", "ok");
    world.set("api", "refused");
    world.run_until(minutes(9));
    world.set("api", "ok");
    world.run_until(minutes(40));
    world.check(&expect![[r#"
        5m #releases notice: core 4.18.2 is released: by jan@laptop · r1 [faster imports]
        7m 14s #core @core opened: api operational -> down: connection refused
        7m 21s #core recovered: core c down -> operational
        7m 22s #core @core opened: core a operational -> down: connection refused [core 4.18.2 by jan@laptop went out 2 min 10 s before]
        9m 19s #core recovered: api down -> operational
        15m #releases notice: worse after core 4.18.2: 10 min later: worse: core a is DOWN since 1 Jan 00:07:10 UTC; better: core c is operational, it was DOWN
        37m 22s #core @core reminder: core a down -> down: connection refused [core 4.18.2 by jan@laptop went out 2 min 10 s before]
    "#]]);
    assert_eq!(
        world.shown["core/a"].near,
        ["core 4.18.2 by jan@laptop went out 2 min 10 s before"]
    );
    assert_eq!(world.shown["api"].near, Vec::<String>::new());
}

#[test]
fn a_group_that_fails_together_says_it_once() {
    let mut world = World::new(plan());
    world.run_until(minutes(5));
    released(&mut world, "4.18.2");
    world.run_until(minutes(6));
    for name in &NAMES[..3] {
        world.set(name, "refused");
    }
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m #releases notice: core 4.18.2 is released: by jan@laptop · r1 [faster imports]
        6m 16s #core @core opened: 3 of 3 in group core operational -> down: core a, core b and core c: connection refused [core 4.18.2 by jan@laptop went out 1 min 3 s before] (0 of 3 back)
        15m #releases notice: worse after core 4.18.2: 10 min later: worse: core a is DOWN since 1 Jan 00:06:03 UTC, core b is DOWN since 1 Jan 00:06:03 UTC, core c is DOWN since 1 Jan 00:06:03 UTC
    "#]]);
}

#[test]
fn those_of_one_release_that_fail_in_different_ways_may_fail_because_of_it() {
    let mut world = World::new(plan());
    world.run_until(minutes(5));
    let both = Announcement {
        title: String::from("core a, api"),
        ..announcement(&["core/a", "api"], "4.18.2")
    };
    announce(&mut world, both);
    world.run_until(minutes(6));
    world.set("core/a", "refused");
    world.set("api", "silent");
    world.run_until(minutes(8));
    world.check(&expect![[r#"
        5m #releases notice: core a, api 4.18.2 is released: by jan@laptop · r1 [faster imports]
        6m 25s #core @core opened: core a operational -> down: connection refused [core a, api 4.18.2 by jan@laptop went out 1 min 3 s before]
        6m 35s #core changed: 2 targets after release 4.18.2 down -> down: core a and api (0 of 2 back)
    "#]]);
}

#[test]
fn what_was_bad_for_a_while_is_worse_too() {
    let mut world = World::new(plan());
    world.run_until(minutes(5));
    released(&mut world, "4.18.2");
    world.set("core/b", "refused");
    world.run_until(minutes(8));
    world.set("core/b", "ok");
    world.run_until(minutes(16));
    let release = &world.committed.releases[0];
    let outcome = release.outcome.as_ref().expect("somebody looked");
    expect!["worse: core b was DOWN for 3 min 9 s (#9ukj)"].assert_eq(&outcome.words.join("\n"));
    assert!(outcome.is_worse);
}

#[test]
fn where_a_bot_edits_it_is_one_message_and_killed_between_it_is_ended_once() {
    let mut world = World::new(with_bot());
    world.run_until(minutes(5));
    released(&mut world, "4.18.2");
    world.run_until(minutes(6));
    let begun = world.entries.last().expect("it is told").clone();
    assert!(begun.begins_account());
    world.check(&expect![[r#"
        5m #releases noted: core 4.18.2 is released: by jan@laptop · r1 [faster imports]
    "#]]);
    for begins in [7, 9] {
        // Killed, again and again, before anybody has looked.
        world = World::restored(with_bot(), world.committed.clone(), minutes(begins));
        world.run_until(minutes(begins + 1));
    }
    world.check(&expect![[r#""#]]);
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        15m #releases notice: core 4.18.2 is released: by jan@laptop · r1 [10 min later: all 3 are as before; faster imports]
    "#]]);
    let end = world.entries.last().expect("it is told").clone();
    assert!(end.ends_account());
    assert_eq!(end.key.incident, begun.key.incident);
    // Killed behind it: nothing is said again.
    world = World::restored(with_bot(), world.committed.clone(), minutes(21));
    world.run_until(minutes(60));
    world.check(&expect![[r#"
        21m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 00:15:00 UTC; what happened since then was not seen
    "#]]);
}

#[test]
fn whoever_was_away_when_it_was_time_looks_when_they_are_back() {
    let mut world = World::new(plan());
    world.run_until(minutes(5));
    released(&mut world, "4.18.2");
    world.run_until(minutes(6));
    let loaded = world.committed.clone();
    let mut world = World::restored(plan(), loaded, minutes(25));
    world.set("core/a", "refused");
    world.run_until(minutes(45));
    world.check(&expect![[r#"
        25m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 00:05:00 UTC; what happened since then was not seen
        25m 12s #core @core opened: core a operational -> down: connection refused [core 4.18.2 by jan@laptop went out 20 min before]
        26m #releases notice: worse after core 4.18.2: 21 min later: worse: core a is DOWN since 1 Jan 00:25:00 UTC
    "#]]);
}

#[test]
fn one_instance_may_go_down_and_come_back_untold() {
    let mut world = World::new(plan());
    world.run_until(minutes(5));
    let announced = announce(&mut world, announcement(&["core/a"], "4.18.2"));
    let deploy = announced.deploy.expect("it is being deployed");
    assert_eq!(deploy.id.kind, PlanKind::Deploy);
    world.set("core/a", "refused");
    world.run_until(minutes(7));
    world.set("core/a", "ok");
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        5m #releases notice: core a 4.18.2 is released: by jan@laptop · r1 [faster imports]
    "#]]);
}

#[test]
fn the_same_is_announced_once() {
    let mut world = World::new(plan());
    world.run_until(minutes(5));
    let first = released(&mut world, "4.18.2").release;
    world.run_until(minutes(14));
    let again = released(&mut world, "4.18.2");
    assert!(again.is_repeat);
    assert_eq!(again.release.id, first.id);
    world.run_until(minutes(16));
    assert!(!released(&mut world, "4.18.2").is_repeat);
    let keyed = |version: &str, key: &str| Announcement {
        key: Some(key.to_owned()),
        ..announcement(&["core/a", "core/b"], version)
    };
    assert!(!announce(&mut world, keyed("4.18.2", "build 812")).is_repeat);
    // Killed between: what the store knows is known.
    let mut world = World::restored(plan(), world.committed.clone(), minutes(90));
    assert!(announce(&mut world, keyed("4.18.2", "build 812")).is_repeat);
    assert!(!announce(&mut world, keyed("4.18.2", "build 813")).is_repeat);
    let nobody = world.wish(Wish::Announce(Box::new(announcement(&["gone"], "1"))));
    assert!(matches!(nobody, Answer::Err(refused) if refused.is_missing));
}

#[test]
fn the_oldest_are_forgotten() {
    let mut world = World::new(plan());
    world.run_until(minutes(1));
    for number in 0..RELEASES_MAX + 20 {
        released(&mut world, &number.to_string());
    }
    let (known, _) = world.engine.chronicle();
    assert_eq!(known.len(), RELEASES_MAX);
    assert_eq!(known[0].version, "20");
    world.run_until(minutes(30));
    let looked = world.committed.releases.iter();
    let looked = looked.filter(|release| release.outcome.is_some());
    assert_eq!(looked.count(), RELEASES_MAX);
}

#[test]
fn a_channel_that_is_gone_is_told_nothing_and_a_new_name_is_followed() {
    let mut world = World::new(with_bot());
    world.run_until(minutes(5));
    released(&mut world, "4.18.2");
    let mut other = fleet(vec![target("core/a2"), target("core/b"), target("api")]);
    std::sync::Arc::make_mut(&mut other.targets[0]).was = Some(TargetId::new("core/a"));
    world.event(Event::Replanned(std::sync::Arc::new(other)));
    world.told.clear();
    world.set("core/a2", "refused");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 17s #core @core opened: core a2 operational -> down: connection refused [core 4.18.2 by jan@laptop went out 5.5 s before]
    "#]]);
    let release = &world.committed.releases[0];
    let outcome = release.outcome.as_ref().expect("somebody looked");
    expect!["worse: core a2 is DOWN since 1 Jan 00:05:05 UTC"].assert_eq(&outcome.words.join("\n"));
}

#[test]
fn a_changed_file_is_near() {
    let mut plan = plan();
    let mut world = World::new(plan.clone());
    world.run_until(minutes(5));
    let changed = &mut plan.targets[3];
    std::sync::Arc::make_mut(changed).severity = crate::model::Severity::Warning;
    world.event(Event::Replanned(std::sync::Arc::new(plan)));
    world.run_until(minutes(6));
    world.set("core/b", "refused");
    world.set("api", "refused");
    world.run_until(minutes(8));
    world.check(&expect![[r#"
        6m 18s #core opened: api operational -> down: connection refused [how it is looked at was changed 1 min 6 s before]
        6m 36s #core @core opened: core b operational -> down: connection refused
    "#]]);
}

#[test]
fn a_run_of_a_job_is_near_unless_it_is_routine_and_never_its_own_reason() {
    let said = [60, 10].map(|every| {
        let mut plan = plan();
        let hourly = Rhythm::Every(minutes(every));
        plan.targets.push(std::sync::Arc::new(job(hourly, None)));
        let mut world = World::new(plan.clone());
        for minute in (0..)
            .step_by(usize::try_from(every).expect("it fits"))
            .take(2)
        {
            world.ping(minutes(minute + 1), Pinged::Began, "");
            world.ping(minutes(minute + 2), Pinged::Done, "");
        }
        let fails_at = every + 12;
        world.ping(minutes(fails_at), Pinged::Failed(Some(1)), "disk full");
        world.set("api", "refused");
        world.run_until(minutes(fails_at + 2));
        let near = |world: &World, name: &str| world.shown[name].near.join("; ");
        assert_eq!(near(&world, "job/export"), "");
        let said = near(&world, "api");
        // Killed: how its last run ended is known all the same.
        let mut world = World::restored(plan, world.committed.clone(), minutes(fails_at + 3));
        world.set("api", "refused");
        world.run_until(minutes(fails_at + 4));
        assert_eq!(near(&world, "api"), said);
        said
    });
    assert_eq!(
        said,
        [
            "job export failed 3.6 s before",
            "job export failed 11 s before"
        ]
    );
}

#[test]
fn what_somebody_had_done_to_one_of_a_pair_is_near_the_other() {
    let mut world = World::new(plan());
    world.run_until(minutes(5));
    let at = world.moment().at;
    let mut batch = crate::model::Batch::new(at);
    batch.attempts.push(Attempt {
        id: AttemptId(17),
        action: String::from("restart"),
        target: TargetId::new("core/a"),
        by: Person {
            name: String::from("alice@laptop"),
            slack_user: None,
        },
        door: Door::Program,
        trigger: None,
        why: None,
        role: None,
        verdict: Verdict::Operational,
        nonce: String::new(),
        asked_at: at,
        expires_at: at,
        confirmed: Vec::new(),
        began_at: Some(at),
        ended_at: None,
        stage: Stage::Running,
        words: String::new(),
        reference: None,
        account: None,
    });
    world.engine.note_changes_of(&batch);
    world.set("core/b", "refused");
    world.set("api", "refused");
    world.run_until(minutes(7));
    assert_eq!(
        world.shown["core/b"].near,
        ["restart of core a by alice@laptop 1.3 s before"]
    );
    assert_eq!(world.shown["api"].near, Vec::<String>::new());
}
