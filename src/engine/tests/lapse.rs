//! Stories of what nobody saw: it is written down, so that nobody counts it later.

use expect_test::{Expect, expect};

use super::{World, blindness, fleet, minutes, target};
use crate::{
    engine::Event,
    model::{Batch, Loaded, Timestamp, lapse::Lapse},
};
use std::{fmt::Write as _, time::Duration};

impl World {
    /// Keeps the lapses of a commit as a store does.
    pub(super) fn note_lapses(&mut self, batch: &Batch) {
        for lapse in &batch.lapses {
            let known = &mut self.committed.lapses;
            known.retain(|known| known.from != lapse.from || known.kind != lapse.kind);
            known.push(lapse.clone());
        }
    }

    fn lapses(&self, expected: &Expect) {
        let mut out = String::new();
        for Lapse {
            from,
            until,
            kind,
            words,
        } in &self.committed.lapses
        {
            let until = until.map_or(String::from("…"), clock);
            let first = words.split(" (").next().unwrap_or_default();
            writeln!(out, "{} {until} {}: {first}", clock(*from), kind.as_str())
                .expect("a string takes it");
        }
        expected.assert_eq(&out);
    }
}

fn clock(at: Timestamp) -> String {
    at.to_utc().format("%H:%M:%S").to_string()
}

fn blind(world: &mut World, until: Duration) {
    for name in ["blue", "green", "red"] {
        world.set(name, "silent");
    }
    world.witnesses.say = "---";
    world.run_until(until);
}

#[test]
fn blindness_is_written_down_when_it_begins_and_with_its_notice() {
    let mut world = blindness::world();
    blind(&mut world, minutes(8));
    world.lapses(&expect![[r#"
        00:05:00 … blind: 3 of 3 witnesses do not answer
    "#]]);
    world.witnesses.say = "+++";
    let before = world.entries.len();
    while world.entries.len() == before {
        assert_eq!(world.committed.lapses[0].until, None, "before the notice");
        let later = world.now + Duration::from_millis(100);
        world.run_until(later);
    }
    world.lapses(&expect![[r#"
        00:05:00 00:08:02 blind: 3 of 3 witnesses do not answer
    "#]]);
}

#[test]
fn who_is_killed_blind_was_blind_until_the_last_sign_of_life() {
    let mut world = blindness::world();
    blind(&mut world, minutes(8));
    let loaded = Loaded {
        last_at: Some(Timestamp::default() + minutes(7)),
        ..world.committed.clone()
    };
    let plan = blindness::plan(&["blue", "green", "red"]);
    let mut world = World::restored(plan, loaded, minutes(30));
    world.run_until(minutes(35));
    world.lapses(&expect![[r#"
        00:05:00 00:07:00 blind: 3 of 3 witnesses do not answer
        00:07:00 00:30:00 away: hekate was not running
    "#]]);
}

#[test]
fn a_short_absence_is_none_and_a_clock_that_went_back_makes_none() {
    for last_at in [
        minutes(30),
        minutes(29) + Duration::from_secs(30),
        minutes(90),
    ] {
        let loaded = Loaded {
            last_at: Some(Timestamp::default() + last_at),
            ..Loaded::default()
        };
        let world = World::restored(fleet(vec![target("api")]), loaded, minutes(30));
        world.lapses(&expect![[""]]);
    }
}

#[test]
fn a_long_standstill_is_a_lapse_and_a_short_one_is_not() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.run_until(minutes(5));
    world.engine.turned(world.moment());
    world.now += Duration::from_secs(20);
    world.event(Event::Interrupted);
    world.lapses(&expect![[""]]);
    world.engine.turned(world.moment());
    world.now += minutes(20);
    world.event(Event::Interrupted);
    world.run_until(minutes(30));
    world.lapses(&expect![[r#"
        00:05:20 00:25:20 stopped: this process or its machine stood still, or its clock was moved
    "#]]);
}

/// What a store that opens late had in it is said again, for those who show it.
#[test]
fn lapses_of_a_store_that_is_found_later_are_not_lost() {
    let mut world = blindness::world();
    blind(&mut world, minutes(8));
    let found = world.committed.clone();
    let mut world = World::restored(fleet(vec![target("blue")]), Loaded::default(), minutes(20));
    world.event(Event::Found(Box::new(Loaded {
        last_at: Some(Timestamp::default() + minutes(8)),
        ..found
    })));
    world.lapses(&expect![[r#"
        00:05:00 00:08:00 blind: 3 of 3 witnesses do not answer
        00:08:00 00:20:00 away: hekate was not running
    "#]]);
}
