//! Which change belongs to which incident, when it is told later than it was decided.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use expect_test::{Expect, expect};

use super::{World, fleet, minutes, on};
use crate::{
    engine::Event,
    model::{Batch, CheckId, Target, Transition, Verdict, planned::PlanKind},
};

/// Changes by check and number, each with the incident that it was last written with.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<(CheckId, u64), (Verdict, Option<String>)>);

impl Changes {
    pub(super) fn take_in(&mut self, batch: &Batch) {
        let key = |change: &Transition| (change.check.clone(), change.number);
        let id = |change: &Transition| change.incident.as_ref().map(ToString::to_string);
        for change in &batch.transitions {
            let is_new = self
                .0
                .insert(key(change), (change.to, id(change)))
                .is_none();
            assert!(is_new, "{change:?}");
        }
        for change in &batch.claimed {
            let before = self.0.insert(key(change), (change.to, id(change)));
            assert_eq!(before, Some((change.to, None)), "{change:?}");
            let is_of = |id| batch.incidents.iter().any(|known| known.id == id);
            assert!(change.incident.clone().is_some_and(is_of), "{change:?}");
        }
    }
}

impl World {
    #[expect(clippy::needless_pass_by_value, reason = "as expect-test has it")]
    fn belongs(&self, expected: Expect) {
        let mut lines = String::new();
        for ((check, number), (to, id)) in &self.changes.0 {
            let id = id.as_deref().unwrap_or("nobody was told");
            writeln!(lines, "{} {number} {to}: {id}", check.target).expect("a string takes it");
        }
        expected.assert_eq(&lines);
    }
}

fn all(ids: &[&str]) -> Vec<Target> {
    ids.iter().map(|id| on("db1", id)).collect()
}

#[test]
fn changes_that_are_told_together_belong_to_what_tells_them() {
    let mut world = World::new(fleet(all(&["a", "b", "c"])));
    world.run_until(minutes(5));
    for target in ["a", "b", "c"] {
        world.set(target, "refused");
    }
    world.run_until(minutes(10));
    for target in ["a", "b", "c"] {
        world.set(target, "ok");
    }
    world.run_until(minutes(15));
    world.belongs(expect![[r#"
        a 1 operational: nobody was told
        a 2 down: s3ee
        a 3 operational: s3ee
        b 1 operational: nobody was told
        b 2 down: s3ee
        b 3 operational: s3ee
        c 1 operational: nobody was told
        c 2 down: s3ee
        c 3 operational: s3ee
    "#]]);
    assert!(world.engine.unclaimed.is_empty());
}

#[test]
fn what_passed_untold_belongs_to_nothing_and_is_forgotten() {
    let mut world = World::new(fleet(all(&["a", "b", "c"])));
    world.run_until(minutes(5));
    world.plan(PlanKind::Silence, &["a", "b", "c"], minutes(60));
    for target in ["a", "b", "c"] {
        world.set(target, "refused");
    }
    world.run_until(minutes(10));
    assert_eq!(world.engine.unclaimed.len(), 3);
    // One comes back, one is taken out of the file, one is told at the end.
    world.set("a", "ok");
    world.event(Event::Replanned(Arc::new(fleet(all(&["a", "c"])))));
    world.run_until(minutes(15));
    assert_eq!(world.engine.unclaimed.len(), 1);
    world.run_until(minutes(70));
    world.belongs(expect![[r#"
        a 1 operational: nobody was told
        a 2 down: nobody was told
        a 3 operational: nobody was told
        b 1 operational: nobody was told
        b 2 down: nobody was told
        c 1 operational: nobody was told
        c 2 down: 9ukj
    "#]]);
    assert!(world.engine.unclaimed.is_empty());
}
