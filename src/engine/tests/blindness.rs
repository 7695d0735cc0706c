//! Stories of our own eyes: who is silent, they or we?

use expect_test::expect;

use super::{World, fleet, minutes, target};
use crate::{
    engine::Event,
    model::{
        Plan, Secret, TargetId, Verdict,
        witness::{ROUND_LIMIT, Round, RoundOrder, Witness, WitnessQuestion},
    },
};
use std::{fmt::Write as _, time::Duration};

/// The witnesses of a story: a sign each, `+` for those that answer.
pub(super) struct Witnesses {
    pub(super) say: &'static str,
    rounds: Vec<(Duration, RoundOrder)>,
    pub(super) asked: usize,
    /// Rounds that are asked for from now on never come back.
    pub(super) are_lost: bool,
}

impl Default for Witnesses {
    fn default() -> Self {
        Self {
            say: "+++",
            rounds: Vec::new(),
            asked: 0,
            are_lost: false,
        }
    }
}

impl Witnesses {
    pub(super) fn asked(&mut self, now: Duration, order: RoundOrder) {
        self.asked += 1;
        if self.are_lost {
            return;
        }
        let took = if self.say.contains('-') {
            ROUND_LIMIT
        } else {
            Duration::from_millis(10)
        };
        self.rounds.push((now + took, order));
    }

    pub(super) fn next_at(&self) -> Option<Duration> {
        self.rounds.first().map(|(at, _)| *at)
    }

    pub(super) fn answer(&mut self) -> Round {
        let (_, order) = self.rounds.remove(0);
        let answers = self.say.chars().map(|said| match said {
            '+' => Ok(()),
            _ => Err(String::from("no answer within 3 s")),
        });
        Round {
            number: order.number,
            answers: answers.collect(),
        }
    }
}

impl World {
    pub(super) fn show_blind(&mut self, is_blind: bool) {
        let at = humantime::format_duration(Duration::from_secs(self.now.as_secs()));
        let word = if is_blind { "blind" } else { "sees" };
        writeln!(self.told, "{at} {word}").expect("a string takes it");
    }
}

pub(super) fn plan(names: &[&str]) -> Plan {
    let witness = |name: &str| Witness {
        name: name.to_owned(),
        question: WitnessQuestion::Connection {
            host: Secret::new(name),
            port: 443,
        },
    };
    Plan {
        witnesses: ["slack", "resolver", "balancer"].map(witness).into(),
        ..fleet(names.iter().map(|name| target(name)).collect())
    }
}

pub(super) fn world() -> World {
    let mut world = World::new(plan(&["blue", "green", "red"]));
    world.run_until(minutes(5));
    world
}

fn set_all(world: &mut World, weather: &str) {
    for name in ["blue", "green", "red"] {
        world.set(name, weather);
    }
}

#[test]
fn when_everything_is_silent_it_is_us() {
    let mut world = world();
    set_all(&mut world, "silent");
    world.witnesses.say = "---";
    world.run_until(minutes(8));
    assert_eq!(
        world.engine.verdict(&TargetId::new("blue")),
        Some(Verdict::Operational)
    );
    set_all(&mut world, "ok");
    world.witnesses.say = "+++";
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        5m 5s blind
        8m 2s sees
        8m 2s #ops notice: hekate was blind: from 1 Jan 00:05:00 UTC to 1 Jan 00:08:02 UTC (3 min 2 s): 3 of 3 witnesses do not answer (slack: no answer within 3 s; resolver: no answer within 3 s; balancer: no answer within 3 s); 3 targets could not be seen, and nothing is known of them for that time
    "#]]);
}

/// A round of a store cannot wait for the witnesses, so it proves nothing before they have vouched for it.
#[test]
fn a_store_that_is_asked_often_is_not_accused_before_the_witnesses_were_asked() {
    for (say, words) in [
        ("---", ""),
        (
            "+++",
            "opened: log source graylog operational -> down: no answer within 5 s",
        ),
    ] {
        let mut store = super::logs::store(&["blue"]);
        store.checks[0].policy.interval = Duration::from_secs(5);
        let mut plan = plan(&["green"]);
        plan.targets.push(store.into());
        let mut world = World::new(plan);
        world.run_until(minutes(5));
        world.told.clear();
        world.witnesses.say = say;
        world.store.is_away = true;
        // Until just before the witnesses would be asked in their rhythm, and a while longer.
        for second in 1..=30 {
            world.run_until(minutes(5) + Duration::from_secs(second));
            let told: Vec<_> = world
                .told
                .lines()
                .filter(|line| line.contains('#'))
                .collect();
            assert!(!words.is_empty() || told.is_empty(), "{told:?}");
        }
        assert!(world.told.contains(words), "{}", world.told);
    }
}

#[test]
fn long_blindness_is_told_while_it_lasts_in_case_somebody_hears_it() {
    let mut world = world();
    set_all(&mut world, "silent");
    world.witnesses.say = "---";
    world.run_until(minutes(25));
    set_all(&mut world, "ok");
    world.witnesses.say = "+++";
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        5m 5s blind
        10m 5s #ops notice: blind since 1 Jan 00:05:00 UTC: nobody is accused of silence: 3 of 3 witnesses do not answer (slack: no answer within 3 s; resolver: no answer within 3 s; balancer: no answer within 3 s)
        25m 2s sees
        25m 2s #ops notice: over: blindness: from 1 Jan 00:05:00 UTC to 1 Jan 00:25:02 UTC (20 min 2 s): 3 of 3 witnesses do not answer (slack: no answer within 3 s; resolver: no answer within 3 s; balancer: no answer within 3 s); 3 targets could not be seen, and nothing is known of them for that time
    "#]]);
}

#[test]
fn a_silent_target_is_told_as_quickly_as_ever_while_the_witnesses_answer() {
    let mut world = world();
    world.set("blue", "silent");
    world.run_until(minutes(8));
    world.set("blue", "ok");
    world.run_until(minutes(10));
    world.check(&expect![[r#"
        5m 40s #core @core opened: blue operational -> down: no answer
        8m 10s #core recovered: blue down -> operational
    "#]]);
}

#[test]
fn refused_connections_are_told_however_blind_we_are() {
    let mut world = world();
    world.witnesses.say = "---";
    world.set("blue", "refused");
    world.run_until(minutes(8));
    world.check(&expect![[r#"
        5m 5s blind
        5m 23s #core @core opened: blue operational -> down: connection refused
    "#]]);
}

#[test]
fn one_silent_witness_of_three_changes_nothing() {
    let mut world = world();
    world.witnesses.say = "-++";
    world.set("blue", "silent");
    world.run_until(minutes(8));
    world.check(&expect![[r#"
        5m 43s #core @core opened: blue operational -> down: no answer
    "#]]);
}

#[test]
fn what_is_still_silent_when_we_see_again_is_told_then() {
    let mut world = world();
    set_all(&mut world, "silent");
    world.witnesses.say = "---";
    world.run_until(minutes(8));
    world.witnesses.say = "+++";
    world.set("blue", "ok");
    world.set("green", "ok");
    world.run_until(minutes(12));
    world.check(&expect![[r#"
        5m 5s blind
        8m 2s sees
        8m 2s #ops notice: hekate was blind: from 1 Jan 00:05:00 UTC to 1 Jan 00:08:02 UTC (3 min 2 s): 3 of 3 witnesses do not answer (slack: no answer within 3 s; resolver: no answer within 3 s; balancer: no answer within 3 s); 3 targets could not be seen, and nothing is known of them for that time
        8m 32s #core @core opened: red operational -> down: no answer
    "#]]);
}

#[test]
fn what_was_down_before_stays_down_and_its_end_is_told() {
    let mut world = world();
    world.set("blue", "silent");
    world.run_until(minutes(7));
    set_all(&mut world, "silent");
    world.witnesses.say = "---";
    world.run_until(minutes(10));
    world.witnesses.say = "+++";
    set_all(&mut world, "ok");
    world.run_until(minutes(15));
    world.check(&expect![[r#"
        5m 40s #core @core opened: blue operational -> down: no answer
        7m 13s blind
        10m 1s sees
        10m 1s #ops notice: hekate was blind: from 1 Jan 00:07:07 UTC to 1 Jan 00:10:01 UTC (2 min 54 s): 3 of 3 witnesses do not answer (slack: no answer within 3 s; resolver: no answer within 3 s; balancer: no answer within 3 s); 3 targets could not be seen, and nothing is known of them for that time
        10m 11s #core recovered: blue down -> operational
    "#]]);
}

#[test]
fn witnesses_are_asked_on_demand_and_now_and_then() {
    let mut world = world();
    let before = world.witnesses.asked;
    world.run_until(minutes(15));
    let quiet = world.witnesses.asked - before;
    assert!((38..=41).contains(&quiet), "{quiet} rounds in ten minutes");
    world.event(Event::Interrupted);
    world.set("blue", "silent");
    world.run_until(minutes(16));
    world.check(&expect![[r#"
        15m 29s #core @core opened: blue operational -> down: no answer
    "#]]);
}

/// Rounds that are lost are our own fault, and hide no outage.
#[test]
fn witnesses_that_never_come_back_keep_nobody_from_being_told() {
    let mut world = world();
    world.witnesses.are_lost = true;
    world.run_until(minutes(6));
    world.set("blue", "silent");
    world.run_until(minutes(8));
    world.check(&expect![[r#"
        6m 45s #core @core opened: blue operational -> down: no answer
    "#]]);
}

/// Silence that was nearly confirmed when our own network failed for one round: a good round after it vouches for nothing
/// that was not seen before.
#[test]
fn what_was_silent_while_we_saw_badly_completes_no_accusation() {
    let mut completed = 0;
    for second in 10..50 {
        let mut world = world();
        world.run_until(minutes(6));
        world.set("blue", "silent");
        world.run_until(world.now + Duration::from_secs(second));
        if !world.told.is_empty() {
            break;
        }
        world.witnesses.say = "---";
        let step = |world: &mut World| world.run_until(world.now + Duration::from_millis(100));
        while world.engine.lookout.held.is_empty() && !world.engine.lookout.is_blind() {
            step(&mut world);
        }
        while !world.engine.lookout.sight.is_open() && !world.engine.lookout.is_blind() {
            step(&mut world);
        }
        if world.engine.lookout.is_blind() {
            continue;
        }
        completed += 1;
        world.witnesses.say = "+++";
        step(&mut world);
        world.set("blue", "ok");
        world.run_until(minutes(9));
        assert_eq!(world.told, "", "silent for {second} s");
    }
    assert!(completed > 0);
}

/// It answered well, and then everything fell silent: whether it still is down nobody can say, so nobody is reminded of it.
#[test]
fn nobody_is_reminded_because_of_silence_that_no_witness_vouches_for() {
    let reminder_at = minutes(35) + Duration::from_secs(40);
    for second in 1..40 {
        let mut world = world();
        world.set("blue", "silent");
        world.run_until(reminder_at.saturating_sub(Duration::from_secs(second)));
        assert_eq!(world.told.lines().count(), 1, "{}", world.told);
        world.set("blue", "ok");
        world.run_until(world.now + Duration::from_secs(11));
        let before = world.told.clone();
        set_all(&mut world, "silent");
        world.witnesses.say = "---";
        world.run_until(world.now + Duration::from_secs(30));
        let after = world.told.strip_prefix(&before).expect("more was told");
        assert!(
            !after.contains("reminder"),
            "{second} s before it: {before}{after}"
        );
    }
}

/// Nor is anybody reminded of what was not looked at since time stood still.
#[test]
fn an_interruption_puts_a_reminder_off_until_somebody_looked() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.set("api", "refused");
    world.run_until(minutes(30) + Duration::from_secs(9));
    world.set("api", "ok");
    world.now = minutes(31);
    world.event(Event::Interrupted);
    world.run_until(minutes(35));
    world.check(&expect![[r#"
        12s #core @core opened: api unknown -> down: connection refused
        31m 10s #core recovered: api down -> operational
    "#]]);
}
