//! Stories of reminders: they repeat what was told, and are no way to tell anything else.

use expect_test::expect;

use super::{World, fleet, minutes, target};

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
    world.run_until(minutes(62) - std::time::Duration::from_secs(30));
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
