//! Killed at any moment, with fifty incidents on their way.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    chance::{Chance, count},
    home::Home,
    receiver::{Reaction, Receiver, Told},
    slack_troubles::one_target_per_channel,
    targets::{Mood, Targets},
    wait::until_within,
};
use std::time::Duration;

const TARGETS: usize = 50;
/// Attempts that can be under way at once; each kill can leave so many answers unheard.
const IN_FLIGHT_MAX: usize = 8;
/// Fifty channels have to hear several messages each.
const LONG: Duration = Duration::from_mins(3);

/// Whether what has one cause is told as one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Telling {
    EachByItself,
    Grouped,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_is_told_twice_without_saying_so() {
    story(Telling::EachByItself).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_is_anything_of_several_with_one_cause() {
    story(Telling::Grouped).await;
}

async fn story(telling: Telling) {
    let kills = usize::try_from(count("HEKATE_E2E_KILLS", 8)).expect("a number of kills");
    let mut chance = Chance::of("kills");
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let names: Vec<_> = (0..TARGETS).map(|number| format!("t{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let home = Home::new(&receiver, &[&names[..], &["ops"]].concat());
    let file = one_target_per_channel(&targets, &names);
    match telling {
        Telling::EachByItself => home.write(&file),
        Telling::Grouped => home.write_grouped(&file),
    }
    for name in &names {
        // A slow answer leaves more time to be killed before it is heard.
        receiver.react(name, &[Reaction::SlowOk]);
    }

    let mut is_down = [false; TARGETS];
    for _ in 0..kills {
        for _ in 0..TARGETS / 2 {
            let one = chance.below(TARGETS);
            is_down[one] = !is_down[one];
            targets.set(names[one], if is_down[one] { Mood::Down } else { Mood::Up });
        }
        let hekate = home.spawn(&["run"]);
        tokio::time::sleep(chance.millis(50..3_000)).await;
        hekate.kill();
    }

    // What stays down for long is told, whatever happened before.
    let hekate = home.start().await;
    for name in &names {
        targets.set(name, Mood::Down);
    }
    until_within(LONG, "everybody hears of an open outage", async || {
        let told = by_channel(&receiver.told());
        let is_told = |name: &&str| told.get(*name).is_some_and(|told| !open(told).is_empty());
        names.iter().all(is_told).then_some(())
    })
    .await;
    for name in &names {
        targets.set(name, Mood::Up);
    }
    until_within(LONG, "everybody hears of the end", async || {
        let told = by_channel(&receiver.told());
        told.values()
            .all(|told| open(told).is_empty())
            .then_some(())
    })
    .await;
    hekate.stop().await;

    let mut repeats = 0;
    for (channel, told) in by_channel(&receiver.told()) {
        if channel != "ops" {
            repeats += match telling {
                Telling::EachByItself => check(&channel, &told),
                Telling::Grouped => check_grouped(&channel, &told),
            };
        }
    }
    assert!(
        repeats <= kills * IN_FLIGHT_MAX,
        "{repeats} repeats of {kills} kills"
    );
    let verified = home.run(&["store", "verify"]).await;
    assert!(verified.status.success(), "{verified:?}");
}

fn by_channel(told: &[Told]) -> BTreeMap<String, Vec<Told>> {
    let mut sorted: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    for told in told {
        sorted
            .entry(told.channel.clone())
            .or_default()
            .push(told.clone());
    }
    sorted.remove("ops");
    sorted
}

/// The incidents that are told and not yet told to be over.
fn open(told: &[Told]) -> BTreeSet<&str> {
    let mut open = BTreeSet::new();
    for told in told {
        if told.is_down() {
            open.insert(told.id());
        } else if told.is_up() {
            open.remove(told.id());
        }
    }
    open
}

/// How many messages of a channel are marked as repeats; everything else comes once and in its order.
fn check(channel: &str, told: &[Told]) -> usize {
    let mut seen = BTreeSet::new();
    let mut ended = BTreeSet::new();
    for told in told {
        assert!(told.is_down() || told.is_up(), "{channel}: {}", told.text);
        let is_first = seen.insert((told.is_up(), told.id()));
        assert!(
            is_first || told.is_repeat(),
            "{channel} hears twice of the same and it does not say so: {}",
            told.text
        );
        if told.is_up() {
            assert!(
                seen.contains(&(false, told.id())),
                "{channel} hears of the end of what it never heard of: {}",
                told.text
            );
            ended.insert(told.id());
        } else {
            assert!(
                !ended.contains(told.id()),
                "{channel} hears of an outage after its end: {}",
                told.text
            );
        }
    }
    told.iter().filter(|told| told.is_repeat()).count()
}

/// The same where an incident is told on as others join it and come back: nothing after its end, and the same only once.
fn check_grouped(channel: &str, told: &[Told]) -> usize {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let mut ended = BTreeSet::new();
    for told in told {
        let before = last.insert(told.id(), &told.text);
        assert!(
            before != Some(told.text.as_str()) || told.is_repeat(),
            "{channel} hears twice of the same and it does not say so: {}",
            told.text
        );
        assert!(
            before.is_some() || !told.is_up(),
            "{channel} hears of the end of what it never heard of: {}",
            told.text
        );
        let is_ended = ended.contains(told.id());
        assert!(
            !is_ended || told.is_up() && told.is_repeat(),
            "{channel} hears of something after its end: {}",
            told.text
        );
        if told.is_up() {
            ended.insert(told.id());
        }
    }
    told.iter().filter(|told| told.is_repeat()).count()
}
