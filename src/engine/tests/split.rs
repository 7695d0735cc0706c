//! Stories of one incident that becomes several.

use expect_test::expect;

use super::{
    World, minutes,
    planned::{take, with_bot},
};
use crate::model::{
    IncidentId, Kind, Plan, TargetId,
    planned::{Answer, Done, SPLIT_MAX, Wish},
};

const NAMES: [&str; 4] = ["shop/a", "shop/b", "shop/c", "api"];

fn split(world: &mut World, id: &str, targets: &[&str]) -> Answer {
    world.wish(Wish::Split {
        incident: IncidentId::new(id),
        targets: targets.iter().map(|id| TargetId::new(*id)).collect(),
    })
}

fn refused(answer: Answer) -> String {
    match answer {
        Err(refused) => refused.words,
        Ok(done) => panic!("it was done: {done:?}"),
    }
}

/// What became of it, as `shop a (k7f3)`.
fn parts(answer: Answer) -> (Vec<(String, String)>, bool) {
    match answer {
        Ok(Done::Split { into, is_over, .. }) => {
            let into = into.into_iter();
            let into = into.map(|(id, title)| (title, id.as_str().to_owned()));
            (into.collect(), is_over)
        }
        other => panic!("it was not split: {other:?}"),
    }
}

/// The group is down, as one incident.
fn storm(plan: Plan) -> (World, String) {
    let mut world = World::new(plan);
    world.run_until(minutes(5));
    for name in ["shop/a", "shop/b", "shop/c"] {
        world.set(name, "refused");
    }
    world.run_until(minutes(8));
    assert_eq!(world.open.len(), 1);
    let id = world.open.keys().next().expect("it is open").clone();
    (world, id)
}

#[test]
fn all_that_is_bad_is_told_by_itself_from_then_on() {
    let (mut world, id) = storm(with_bot(&NAMES));
    world.wish(take(&id, None)).expect("taken");
    let (into, is_over) = parts(split(&mut world, &id, &[]));
    assert!(is_over);
    assert_eq!(into.len(), 3);
    // Who is on all of it is on each.
    let parts = || into.iter().map(|(_, id)| &world.open[id]);
    assert!(parts().all(|incident| incident.acknowledged.is_some()));
    assert!(parts().all(|incident| incident.common.is_none()));
    assert!(!world.open.contains_key(&id));
    world.set("shop/a", "ok");
    world.run_until(minutes(20));
    // Nobody joins what was told apart.
    world.set("api", "refused");
    world.set("shop/b", "ok");
    world.set("shop/c", "ok");
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        5m 13s #core @core opened: 3 of 3 in group shop operational -> down: shop a, shop b and shop c: connection refused (0 of 3 back)
        5m 13s #ops @core opened: 3 of 3 in group shop operational -> down: shop a, shop b and shop c: connection refused (0 of 3 back)
        8m #core noted: 3 of 3 in group shop: jan@laptop is on it (0 of 3 back)
        8m #core opened: shop a operational -> down: connection refused [was told as a part of s3ee; jan@laptop split it]
        8m #ops opened: shop a operational -> down: connection refused [was told as a part of s3ee; jan@laptop split it]
        8m #core opened: shop b operational -> down: connection refused [was told as a part of s3ee; jan@laptop split it]
        8m #ops opened: shop b operational -> down: connection refused [was told as a part of s3ee; jan@laptop split it]
        8m #core opened: shop c operational -> down: connection refused [was told as a part of s3ee; jan@laptop split it]
        8m #ops opened: shop c operational -> down: connection refused [was told as a part of s3ee; jan@laptop split it]
        8m #core split: 3 of 3 in group shop down -> unknown: jan@laptop split it: whatever is bad is an incident of its own now [acknowledged by jan@laptop] (0 of 3 back)
        8m #ops split: 3 of 3 in group shop down -> unknown: jan@laptop split it: whatever is bad is an incident of its own now [acknowledged by jan@laptop] (0 of 3 back)
        8m 11s #core recovered: shop a down -> operational [acknowledged by jan@laptop]
        8m 11s #ops recovered: shop a down -> operational [acknowledged by jan@laptop]
        20m 11s #core recovered: shop b down -> operational [acknowledged by jan@laptop]
        20m 11s #ops recovered: shop b down -> operational [acknowledged by jan@laptop]
        20m 23s #core recovered: shop c down -> operational [acknowledged by jan@laptop]
        20m 23s #ops recovered: shop c down -> operational [acknowledged by jan@laptop]
        20m 36s #core @core opened: api operational -> down: connection refused
        20m 36s #ops @core opened: api operational -> down: connection refused
    "#]]);
}

#[test]
fn one_is_split_off_and_the_rest_goes_on() {
    let (mut world, id) = storm(with_bot(&NAMES));
    let (into, is_over) = parts(split(&mut world, &id, &["shop/b"]));
    assert!(!is_over);
    assert_eq!(into.len(), 1);
    assert!(world.open.contains_key(&id));
    world.set("shop/a", "ok");
    world.set("shop/c", "ok");
    world.run_until(minutes(15));
    world.set("shop/b", "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 13s #core @core opened: 3 of 3 in group shop operational -> down: shop a, shop b and shop c: connection refused (0 of 3 back)
        5m 13s #ops @core opened: 3 of 3 in group shop operational -> down: shop a, shop b and shop c: connection refused (0 of 3 back)
        8m #core opened: shop b operational -> down: connection refused [was told as a part of s3ee; jan@laptop split it]
        8m #ops opened: shop b operational -> down: connection refused [was told as a part of s3ee; jan@laptop split it]
        8m #core noted: 2 of 3 in group shop: jan@laptop split shop b (9ukj) off (0 of 3 back)
        8m 13s #core recovered: 2 of 3 in group shop down -> operational (2 of 3 back)
        8m 13s #ops recovered: 2 of 3 in group shop down -> operational (2 of 3 back)
        15m 13s #core recovered: shop b down -> operational
        15m 13s #ops recovered: shop b down -> operational
    "#]]);
    assert!(world.open.values().all(|incident| !incident.is_open()));
}

#[test]
fn what_cannot_be_split_says_why() {
    let (mut world, id) = storm(with_bot(&NAMES));
    world.set("api", "refused");
    world.run_until(minutes(22));
    let alone = world.open.keys().find(|other| **other != id).cloned();
    let alone = alone.expect("it is told by itself");
    let before = world.entries.len();
    let mut said = vec![
        refused(split(&mut world, "zzzz", &[])),
        refused(split(&mut world, &alone, &[])),
        refused(split(&mut world, &id, &["api"])),
    ];
    assert_eq!(world.entries.len(), before, "nothing was done");
    parts(split(&mut world, &id, &["shop/b"]));
    said.push(refused(split(&mut world, &id, &["shop/b"])));
    world.set("shop/a", "ok");
    world.run_until(minutes(24));
    said.push(refused(split(&mut world, &id, &["shop/a"])));
    said.push(refused(split(&mut world, &id, &[])));
    let (mut world, id) = storm(with_bot(&NAMES));
    parts(split(&mut world, &id, &[]));
    // Whoever clicked first has done it.
    said.push(refused(split(&mut world, &id, &[])));
    expect![[r#"
        there is no open incident zzzz; it is over, was split already, or there never was one
        9ukj is about api and nobody else, so there is nothing to split
        api does not belong to it (s3ee); nothing was done
        shop b is an incident of its own already (s3ee); nothing was done
        shop a is back, so there is nothing to split off (s3ee); nothing was done
        only shop c is still bad in s3ee, so there is nothing to split
        there is no open incident s3ee; it is over, was split already, or there never was one"#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn more_than_people_want_to_read_are_named_first() {
    let names: Vec<String> = (0..=SPLIT_MAX).map(|n| format!("shop/n{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = World::new(with_bot(&names));
    world.run_until(minutes(5));
    for name in &names {
        world.set(name, "refused");
    }
    world.run_until(minutes(8));
    let id = world.open.keys().next().expect("it is open").clone();
    let words = refused(split(&mut world, &id, &[]));
    assert!(words.contains("at most 20"), "{words}");
    let (into, is_over) = parts(split(&mut world, &id, &names[..SPLIT_MAX]));
    assert_eq!((into.len(), is_over), (SPLIT_MAX, false));
}

/// Killed right after it was stored, and once more when a part of it is over.
#[test]
fn what_was_split_stays_split_after_a_restart() {
    for targets in [&[][..], &["shop/b"]] {
        let (mut world, id) = storm(with_bot(&NAMES));
        let (into, _) = parts(split(&mut world, &id, targets));
        let was_open: Vec<_> = world.open.keys().cloned().collect();
        for over in [false, true] {
            if over {
                world.set("shop/b", "ok");
                world.run_until(minutes(14));
            }
            let now = minutes(if over { 14 } else { 8 });
            let mut again = World::restored(with_bot(&NAMES), world.committed.clone(), now);
            for name in ["shop/a", "shop/c"] {
                again.set(name, "refused");
            }
            again.set("shop/b", if over { "ok" } else { "refused" });
            again.run_until(minutes(18));
            let news = again
                .entries
                .iter()
                .filter(|entry| entry.kind != Kind::Notice);
            assert_eq!(news.count(), 0, "{targets:?} {over}: {:?}", again.entries);
            for name in ["shop/a", "shop/b", "shop/c"] {
                again.set(name, "ok");
            }
            again.run_until(minutes(25));
            let ended = again.entries.iter().filter(|entry| {
                entry.kind == Kind::Recovered && entry.key.channel.as_str() == "core"
            });
            let ended = ended.map(|entry| entry.key.incident.as_str().to_owned());
            let mut ended: Vec<_> = ended.collect();
            ended.sort();
            let mut owed = was_open.clone();
            owed.retain(|open| {
                !over
                    || into
                        .iter()
                        .all(|(title, own)| own != open || title != "shop b")
            });
            owed.sort();
            assert_eq!(ended, owed, "{targets:?} {over}");
        }
    }
}
