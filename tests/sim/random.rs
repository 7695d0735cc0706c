//! Random worlds: any weather, any trouble of Slack, kills, stalls, moved clocks and reloads, each decided by a seed.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use hekate::model::{Target, TargetId, judgement::Count, plan::Question, planned::PlanKind};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    eyes::Net,
    fleet::target,
    invariants,
    parents::On,
    planned::{self, Deed, Opens, Rhythm, Says, Which, Whom},
    quiet,
    receiver::Mood,
    reference,
    weather::Sky,
    world::{Disturbance, World},
};

/// How long the trouble lasts; afterwards everything heals.
const TROUBLE: Duration = Duration::from_mins(90);
/// How long healing is waited for: refused channels are tried again every hour, and a doubt about partial failure goes away with
/// fifty good looks, which are over four hours where looks are 5 min apart.
const HEALING: Duration = Duration::from_mins(320);
/// Worlds of one run, unless `HEKATE_SIM_SEEDS` says otherwise.
const WORLDS: u64 = 150;

/// One world of so many lives on the real store, the others in memory.
const REAL_STORE_EVERY: u64 = 25;

/// In one world of so many, a pair holds up production.
const PRODUCTION_EVERY: u64 = 3;

/// In one world of so many people and the file plan something, in one somebody depends on somebody, and in one some trouble can
/// wait for the morning; in one of thrice as many all of it.
const HELD_EVERY: u64 = 5;

const NAMES: [&str; 4] = ["master/blue", "master/green", "cron/purple", "api"];
const SKIES: [Sky; 15] = [
    Sky::Fine,
    Sky::Pausing,
    Sky::SaysDown,
    Sky::Contradiction,
    Sky::Refused,
    Sky::Silent,
    Sky::Drip,
    Sky::SaysDegraded,
    Sky::Locked,
    Sky::NoDescriptors,
    Sky::Ends(515),
    Sky::Ends(500),
    Sky::Ends(180),
    Sky::Ends(150),
    Sky::Ends(20),
];

fn seconds(chance: &mut StdRng, from: f64, to: f64) -> Duration {
    // Logarithmic, so that blips of a second and outages of an hour are both common.
    Duration::from_secs_f64((chance.random_range(from.ln()..to.ln())).exp())
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).expect("a short world")
}

fn weather(world: &mut World, chance: &mut StdRng) {
    for name in NAMES {
        let mut at = seconds(chance, 5.0, 1_200.0);
        while at < TROUBLE {
            let sky = SKIES[chance.random_range(0..SKIES.len())];
            world.weather(name, at, sky);
            at += seconds(chance, 1.0, 1_500.0);
            if chance.random_bool(0.6) && at < TROUBLE {
                world.weather(name, at, Sky::Fine);
                at += seconds(chance, 2.0, 2_400.0);
            }
        }
        world.weather(name, TROUBLE.max(at), Sky::Fine);
    }
}

fn slack(world: &mut World, chance: &mut StdRng) {
    for channel in ["disaster", "core", "ops"] {
        let mut at = Duration::ZERO;
        while at < TROUBLE {
            let mood = match chance.random_range(0..14) {
                0 => Mood::LosesAnswers,
                1 => Mood::Broken,
                2 => Mood::Away,
                3 => Mood::Throttles(seconds(chance, 1.0, 600.0)),
                4 => Mood::Refuses,
                5 => Mood::Hangs,
                _ => Mood::Ok,
            };
            world.receiver.turn(channel, at, mood);
            at += seconds(chance, 5.0, 1_800.0);
        }
        world.receiver.turn(channel, TROUBLE, Mood::Ok);
    }
}

/// Trouble of our own: a network that is away for a while, whole or in part.
fn eyes(world: &mut World, chance: &mut StdRng) {
    let mut at = seconds(chance, 60.0, 4_000.0);
    while at < TROUBLE {
        let net = match chance.random_range(0..10) {
            0..4 => Net::Lost,
            4..6 => Net::NoNames,
            6 => Net::NoAddresses,
            7..9 => Net::NoSlack,
            _ => Net::NoRounds,
        };
        world.eyes.turn(at, net);
        at += seconds(chance, 0.5, 1_500.0);
        if chance.random_bool(0.8) {
            world.eyes.turn(at, Net::Clear);
            at += seconds(chance, 2.0, 3_000.0);
        }
    }
    world.eyes.turn(at, Net::Clear);
}

fn disturbances(world: &mut World, chance: &mut StdRng) {
    if chance.random_bool(0.2) {
        reload_storm(world, chance);
    }
    for _ in 0..chance.random_range(0..5) {
        let at = TROUBLE.mul_f64(chance.random());
        let disturbance = match chance.random_range(0..8) {
            0 => Disturbance::Kill(seconds(chance, 0.5, 900.0)),
            1 | 2 => Disturbance::KillAfterCommits(chance.random_range(1..6)),
            3 if chance.random_bool(0.5) => Disturbance::Suspend(seconds(chance, 2.0, 3_000.0)),
            3 => Disturbance::Stall(seconds(chance, 2.0, 600.0)),
            4 => Disturbance::MoveClock(if chance.random_bool(0.5) {
                3_600_000
            } else {
                -3_600_000
            }),
            5 => {
                let some = [vec!["disaster"], vec!["core"], vec!["disaster", "core"]];
                Disturbance::LeaveOut(some[chance.random_range(0..some.len())].clone())
            }
            _ => {
                let mut targets = fleet(chance);
                if chance.random_bool(0.5) {
                    targets.remove(chance.random_range(0..targets.len()));
                }
                if chance.random_bool(0.3) {
                    let last = targets.len() - 1;
                    targets[last].was = Some(TargetId::new("nobody"));
                }
                Disturbance::Reload(targets)
            }
        };
        world.plan_disturbance(at, disturbance);
    }
}

/// What is planned in a world: windows of the file, which somebody may edit, and whatever people begin, end and take on.
fn planned_work(world: &mut World, chance: &mut StdRng) {
    let mut deed = |at, deed| world.plan_disturbance(at, Disturbance::Deed(deed));
    if chance.random_bool(0.6) {
        deed(Duration::ZERO, Deed::Windows(windows(chance)));
        if chance.random_bool(0.4) {
            let at = TROUBLE.mul_f64(chance.random());
            deed(at, Deed::Windows(windows(chance)));
        }
    }
    let mut begun: Vec<_> = (0..chance.random_range(0..9))
        .map(|_| TROUBLE.mul_f64(chance.random()))
        .collect();
    begun.sort();
    for (number, at) in begun.into_iter().enumerate() {
        let kind = PlanKind::ALL[chance.random_range(0..PlanKind::ALL.len())];
        let is_deploy = kind == PlanKind::Deploy;
        let length = seconds(chance, 60.0, if is_deploy { 900.0 } else { 4_000.0 });
        let count = if is_deploy {
            1
        } else {
            chance.random_range(1..4)
        };
        let mut targets = NAMES.to_vec();
        while targets.len() > count {
            targets.remove(chance.random_range(0..targets.len()));
        }
        // The wall clock, by which it is remembered, counts no less than milliseconds.
        let length = Duration::from_millis(millis(length).max(60_000));
        deed(
            at,
            Deed::Begin {
                kind,
                targets,
                length,
            },
        );
        if chance.random_bool(0.4) {
            deed(at + length.mul_f64(chance.random()), Deed::End(number));
        }
    }
    for _ in 0..chance.random_range(0..5) {
        let at = TROUBLE.mul_f64(chance.random());
        let which = Which::Any(chance.random_range(0..4));
        let by = chance.random_range(0..2);
        let says = if chance.random_bool(0.3) {
            Says::MineIfFree { by }
        } else {
            Says::Mine { by }
        };
        deed(at, Deed::Attend { which, says });
        for _ in 0..chance.random_range(0..3) {
            let which = if chance.random_bool(0.9) {
                Which::Taken(chance.random_range(0..4))
            } else {
                Which::Any(chance.random_range(0..4))
            };
            let by = chance.random_range(0..2);
            let says = if chance.random_bool(0.7) {
                Says::NotMine { by }
            } else {
                let to = chance.random_range(0..2);
                Says::Theirs { by, to }
            };
            deed(
                at + seconds(chance, 0.1, 2_400.0),
                Deed::Attend { which, says },
            );
        }
    }
}

/// Somebody tells the targets of one incident apart, again and again.
fn splits(world: &mut World, chance: &mut StdRng) {
    for _ in 0..chance.random_range(0..12) {
        let at = TROUBLE.mul_f64(chance.random());
        let deed = Deed::Split {
            which: chance.random_range(0..4),
            only_first: chance.random_bool(0.5),
        };
        world.plan_disturbance(at, Disturbance::Deed(deed));
    }
}

/// Whom some of the targets depend on: on targets and on a group, never in a circle.
fn dependencies(world: &mut World, chance: &mut StdRng) {
    let mut order = NAMES.to_vec();
    let mut earlier: Vec<&'static str> = Vec::new();
    while !order.is_empty() {
        let child = order.remove(chance.random_range(0..order.len()));
        for parent in &earlier {
            if chance.random_bool(0.4) {
                world.dependencies.add(child, On::Target(parent));
            }
        }
        let is_group = ["master/blue", "master/green"]
            .iter()
            .all(|member| earlier.contains(member));
        if is_group && chance.random_bool(0.5) {
            world.dependencies.add(child, On::Group("master"));
        }
        earlier.push(child);
    }
    world.reload();
}

/// Somebody wants to sleep, and the trouble of some targets can wait until they do not.
fn quiet_hours(world: &mut World, chance: &mut StdRng) {
    let mut minor = NAMES.to_vec();
    minor.retain(|_| chance.random_bool(0.7));
    world.minor = minor;
    world.let_sleep();
}

/// Some windows that come once, or again and again.
fn windows(chance: &mut StdRng) -> Vec<Opens> {
    let window = |chance: &mut StdRng| {
        let whom = match chance.random_range(0..6) {
            0 => Whom::Group("master"),
            1 => Whom::Group("cron"),
            number => Whom::Target(NAMES[number - 2]),
        };
        let rhythm = match chance.random_range(0..4) {
            0 => Rhythm::Hourly(chance.random_range(0..60)),
            1 => Rhythm::Nightly,
            _ => Rhythm::Once(TROUBLE.mul_f64(chance.random())),
        };
        Opens {
            whom,
            rhythm,
            length: Duration::from_millis(millis(seconds(chance, 20.0, 3_000.0))),
        }
    };
    (0..chance.random_range(0..4))
        .map(|_| window(chance))
        .collect()
}

/// All targets, some of them under other rules or asked otherwise.
fn fleet(chance: &mut StdRng) -> Vec<Target> {
    let vary = |name: &&str| {
        let mut target = target(name);
        let check = &mut target.checks[0];
        if chance.random_bool(0.3) {
            let failures = chance.random_range(2..4);
            let of = chance.random_range(failures..8);
            check.policy.count = Some(Count { failures, of });
        }
        if chance.random_bool(0.3) {
            check.policy.interval = Duration::from_secs([10, 60, 300][chance.random_range(0..3)]);
        }
        if chance.random_bool(0.2)
            && let Question::Health(question) = &check.question
        {
            let mut question = (**question).clone();
            question
                .url
                .set_path(&format!("/{}", chance.random_range(0..100)));
            check.question = Question::Health(Arc::new(question));
        }
        target
    };
    NAMES.iter().map(vary).collect()
}

/// Somebody edits the file again and again for a minute or two.
fn reload_storm(world: &mut World, chance: &mut StdRng) {
    let mut at = TROUBLE.mul_f64(chance.random());
    for _ in 0..chance.random_range(20..80) {
        world.plan_disturbance(at, Disturbance::Reload(fleet(chance)));
        at += seconds(chance, 0.05, 8.0);
    }
}

/// Plays a world to its end; gives the fingerprint of all that was done.
fn play(seed: u64) -> u64 {
    let mut chance = StdRng::seed_from_u64(seed);
    let is_undisturbed = chance.random_bool(0.3);
    let targets = if is_undisturbed {
        NAMES.iter().map(|name| target(name)).collect()
    } else {
        fleet(&mut chance)
    };
    let mut world = if seed.is_multiple_of(REAL_STORE_EVERY) {
        World::new(seed, targets)
    } else {
        World::in_memory(seed, targets)
    };
    if seed % PRODUCTION_EVERY == 1 {
        world.hold_production();
    }
    if seed % HELD_EVERY == 2 {
        // A chance of its own, so that what else befalls the world is what it would be without it.
        planned_work(&mut world, &mut StdRng::seed_from_u64(!seed));
    }
    if seed % HELD_EVERY == 3 || seed % (3 * HELD_EVERY) == 2 {
        dependencies(&mut world, &mut StdRng::seed_from_u64(!seed ^ 1));
    }
    if seed % HELD_EVERY == 4 || seed % (3 * HELD_EVERY) == 2 {
        quiet_hours(&mut world, &mut StdRng::seed_from_u64(!seed ^ 2));
    }
    if seed % HELD_EVERY < 3 {
        splits(&mut world, &mut StdRng::seed_from_u64(!seed ^ 3));
    }
    weather(&mut world, &mut chance);
    if chance.random_bool(0.7) {
        slack(&mut world, &mut chance);
    }
    if chance.random_bool(0.4) {
        eyes(&mut world, &mut chance);
    }
    if !is_undisturbed {
        disturbances(&mut world, &mut chance);
        world.plan_disturbance(TROUBLE, Disturbance::LeaveOut(Vec::new()));
    }
    world.run_until(TROUBLE + HEALING);
    let heard = world.when_all_is_heard();
    if heard > world.now {
        world.run_until(heard);
    }
    world.checks.step(world.now, seed);
    invariants::finally(&world, seed);
    invariants::bounded(&world, seed);
    let keeping = world.kept();
    reference::agrees(&world, &keeping, seed);
    planned::agrees(&world, &keeping, seed);
    quiet::agrees(&world, seed);
    if is_undisturbed {
        invariants::truthful(&world, seed);
    }
    world.trace.value()
}

#[test]
fn the_same_seed_does_the_same_to_the_last_byte() {
    for seed in [0, 216_724_616_537_112, 216_724_616_537_125] {
        let first = play(seed);
        let second = std::thread::spawn(move || play(seed)).join();
        assert_eq!(second.ok(), Some(first), "HEKATE_SIM_SEED={seed}");
    }
}

#[test]
fn whatever_happens_people_are_told_the_truth_once() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    if let Some(seed) = number("HEKATE_SIM_SEED") {
        println!("HEKATE_SIM_SEED={seed} did {:016x}", play(seed));
        return;
    }
    let first =
        number("HEKATE_SIM_FIRST").unwrap_or_else(|| RandomState::new().hash_one("seed") >> 16);
    let worlds = number("HEKATE_SIM_SEEDS").unwrap_or(WORLDS);
    println!("{worlds} worlds from HEKATE_SIM_SEED={first} on");
    // One failing world does not keep the others from being played: all of them are named.
    let fails = |seed: &u64| std::panic::catch_unwind(|| play(*seed)).is_err();
    let failed: Vec<_> = std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            scope.spawn(move || {
                let seeds = (first..first + worlds).filter(|seed| seed % 2 == half);
                seeds.filter(fails).collect::<Vec<_>>()
            })
        });
        let failed = halves.map(|half| half.join().expect("what panics in a world is caught"));
        failed.concat()
    });
    assert!(failed.is_empty(), "HEKATE_SIM_SEED: {failed:?}");
}
