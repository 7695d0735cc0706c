//! Stories of reminders: they repeat what was told, and are no way to tell anything else.

use std::{sync::Arc, time::Duration};

use expect_test::expect;

use super::{World, asked_otherwise, fleet, minutes, target};
use crate::{engine::Event, model::Slot};

/// It flaps and was told to stay down. When the reminder is due it answers for a moment, which is told once it has lasted.
#[test]
fn who_reads_a_reminder_is_not_told_in_passing_that_it_is_well() {
    let mut world = World::new(fleet(vec![target("api")]));
    for _ in 0..2 {
        world.set("api", "refused");
        world.run_until(world.now + minutes(1));
        world.set("api", "ok");
        world.run_until(world.now + minutes(2));
    }
    world.set("api", "refused");
    world.run_until(minutes(61) + Duration::from_secs(30));
    world.set("api", "ok");
    world.run_until(minutes(65));
    world.set("api", "refused");
    world.run_until(minutes(100));
    world.check(&expect![[r#"
        12s #core @core opened: api unknown -> down: connection refused
        1m 19s #core recovered: api down -> operational
        3m 22s #core @core opened: api operational -> down: connection refused
        4m 16s #core recovered: api down -> operational
        6m 22s #core @core opened: api operational -> down: connection refused [flapping 3x: down 1 min 6 s, up 2 min 3 s, down 53 s, up 2 min 6 s, down now]
        11m 22s #core changed: api down -> down: connection refused [flapping, but steady]
        1h 3m 24s #core recovered: api down -> operational [flapping 3x: down 1 min 6 s, up 2 min 3 s, down 53 s, up 2 min 6 s, down 55 min 28 s, up for 1 min 33 s]
        1h 5m 21s #core @core opened: api operational -> down: connection refused
        1h 35m 21s #core @core reminder: api down -> down: connection refused
    "#]]);
}

/// It answered once when the file came to ask something else of it: how it is now says the next look.
#[test]
fn nobody_is_reminded_before_the_new_question_was_answered() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.set("api", "refused");
    world.run_until(minutes(10));
    world.set("api", "ok");
    while world
        .engine
        .at(Slot(0))
        .is_some_and(|watched| watched.checks[0].state.recovery.is_none())
    {
        world.run_until(world.now + Duration::from_secs(1));
    }
    let otherwise = fleet(vec![asked_otherwise("api", None, 8081)]);
    world.event(Event::Replanned(Arc::new(otherwise)));
    let soon = world.moment().tick + Duration::from_millis(10);
    let watched = world.engine.at_mut(Slot(0)).expect("it is watched");
    watched.incident.as_mut().expect("it was told").remind = Some(soon);
    world.engine.set_wake(Slot(0));
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        12s #core @core opened: api unknown -> down: connection refused
        10m 26s #core recovered: api down -> operational
    "#]]);
}
