//! Stories of error budgets: told like everything else, and quietly beside an outage for which somebody was called.

use expect_test::expect;

use super::{World, fleet, minutes, target};
use crate::model::{
    Check, CheckKind, GroupName, Plan, Policy, Severity, Target,
    judgement::Count,
    plan::Question,
    slo::{BURN_EVERY, Objective, Slo},
};

fn budget() -> Target {
    let slo = Slo {
        name: String::from("master availability"),
        groups: vec![GroupName::new("master")],
        targets: Vec::new(),
        objective: Objective::parse("99.9%").expect("an objective"),
        window: std::time::Duration::from_hours(30 * 24),
    };
    Target {
        checks: vec![Check {
            kind: CheckKind::ErrorBudget,
            policy: Policy {
                interval: BURN_EVERY,
                timeout: BURN_EVERY / 3,
                count: Some(Count { failures: 1, of: 1 }),
                successes: 1,
                ..Policy::default()
            },
            question: Question::ErrorBudget(slo.into()),
        }],
        ..target("slo/master-availability")
    }
}

fn watched() -> Plan {
    fleet(vec![
        target("master/blue"),
        target("master/green"),
        target("cron/purple"),
        budget(),
    ])
}

const BUDGET: &str = "slo/master-availability";

#[test]
fn a_budget_that_burns_is_told_by_one_look_and_so_is_its_end() {
    let mut world = World::new(watched());
    world.run_until(minutes(5));
    world.set(BUDGET, "db");
    world.run_until(minutes(10));
    world.set(BUDGET, "degraded");
    world.run_until(minutes(20));
    world.set(BUDGET, "ok");
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        5m 28s #core @core opened: slo master-availability operational -> down: db is down
        10m 14s #core changed: slo master-availability down -> degraded: the body says DEGRADED
        20m 34s #core recovered: slo master-availability down -> operational
    "#]]);
}

#[test]
fn nobody_is_called_again_for_an_outage_for_which_they_were_called() {
    let mut world = World::new(watched());
    world.run_until(minutes(5));
    world.set("master/blue", "refused");
    world.run_until(minutes(7));
    world.set(BUDGET, "db");
    world.run_until(minutes(10));
    world.set("master/blue", "ok");
    world.set(BUDGET, "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 20s #core @core opened: master blue operational -> down: connection refused
        7m 21s #core opened: slo master-availability operational -> down: db is down [spent by master blue, which is told already (#s3ee)]
        10m 10s #core recovered: slo master-availability down -> operational
        10m 15s #core recovered: master blue down -> operational
    "#]]);
    // Somebody else's outage is no reason.
    world.set("cron/purple", "refused");
    world.run_until(minutes(22));
    world.set(BUDGET, "db");
    world.run_until(minutes(24));
    world.check(&expect![[r#"
        20m 22s #core @core opened: cron purple operational -> down: connection refused
        22m 35s #core @core opened: slo master-availability operational -> down: db is down
    "#]]);
}

#[test]
fn an_outage_that_called_nobody_is_no_reason_to_be_quiet() {
    let mut plan = watched();
    for target in plan.targets.iter_mut().take(1) {
        std::sync::Arc::make_mut(target).severity = Severity::Warning;
    }
    let mut world = World::new(plan);
    world.run_until(minutes(5));
    world.set("master/blue", "refused");
    world.run_until(minutes(7));
    world.set(BUDGET, "db");
    world.run_until(minutes(10));
    world.check(&expect![[r#"
        5m 20s #core opened: master blue operational -> down: connection refused
        7m 21s #core @core opened: slo master-availability operational -> down: db is down
    "#]]);
}

#[test]
fn a_restart_in_the_midst_tells_nothing_again_and_a_gap_ends_nothing() {
    let mut world = World::new(watched());
    world.run_until(minutes(5));
    world.set(BUDGET, "db");
    world.run_until(minutes(7));
    world.check(&expect![[r#"
        5m 28s #core @core opened: slo master-availability operational -> down: db is down
    "#]]);
    let mut loaded = std::mem::take(&mut world.committed);
    loaded.last_at = Some(world.moment().at);
    let mut world = World::restored(watched(), loaded, minutes(8));
    world.set(BUDGET, "witness");
    world.run_until(minutes(20));
    world.set(BUDGET, "db");
    world.run_until(minutes(25));
    world.check(&expect![[""]]);
    world.set(BUDGET, "ok");
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        25m 13s #core recovered: slo master-availability down -> operational
    "#]]);
}
