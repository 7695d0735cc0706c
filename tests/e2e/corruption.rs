//! Damaged files of the store.

use std::{
    fs,
    path::{Path, PathBuf},
};

use futures_util::future::join_all;

use super::{
    chance::{Chance, count},
    home::{Hekate, Home},
    receiver::Receiver,
    targets::{Mood, Targets},
    wait::until,
};

const ROUTES: &str =
    "routes:\n  - { match: { target: [api, web] }, to: alerts }\n  - { to: ops }\n";

#[derive(Clone, Copy, Debug)]
enum Damage {
    FlipBytes,
    ZeroPage,
    CutHalf,
    Empty,
    Delete,
}

const DAMAGES: [Damage; 5] = [
    Damage::FlipBytes,
    Damage::ZeroPage,
    Damage::CutHalf,
    Damage::Empty,
    Damage::Delete,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_damaged_it_starts_and_remembers_what_is_open() {
    let rounds = usize::try_from(count("HEKATE_E2E_CORRUPTIONS", 8)).expect("a number of rounds");
    let mut chance = Chance::of("corruption");
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts", "ops"]);
    home.write(&(targets.section(&["api", "web"]) + ROUTES));
    targets.set("api", Mood::Down);
    let hekate = home.start().await;
    let id = receiver.hear_down("alerts").await.id().to_owned();
    end(&mut chance, hekate).await;

    let store = home.path().join("data");
    for round in 0..rounds {
        let (file, damage) = harm(&mut chance, &store);
        let what = format!("round {round}: {damage:?} of {}", file.display());
        let before = set_aside(&store);
        let hekate = home.start().await;
        hekate.ready().await;
        let api = hekate.shows("api", "down").await;
        assert_eq!(api["incident"], id.as_str(), "{what}\n{}", hekate.log());
        for notice in hekate.events("store.notice") {
            let title = notice["title"].as_str().expect("it has a title").to_owned();
            receiver
                .hear("ops", &title, |told| told.text.contains(&title))
                .await;
        }
        if set_aside(&store) != before {
            let log = hekate.log();
            assert!(log.contains("store.notice"), "{what}\n{log}");
        }
        end(&mut chance, hekate).await;
    }

    let hekate = home.start().await;
    targets.set("api", Mood::Up);
    receiver.hear_up("alerts", &id).await;
    until("it is over", async || {
        hekate.target("api").await["incident"]
            .is_null()
            .then_some(())
    })
    .await;
    hekate.stop().await;
    let alerts = receiver.told_to("alerts");
    let ups = alerts.iter().filter(|told| told.is_up());
    assert_eq!(ups.count(), 1, "{alerts:?}");
    for told in &alerts[1..] {
        assert!(told.is_up() || told.is_repeat(), "{}", told.text);
        assert_eq!(told.id(), id);
    }
}

/// Ends it, by force or in order.
async fn end(chance: &mut Chance, hekate: Hekate) {
    if chance.below(2) == 0 {
        hekate.kill();
    } else {
        hekate.stop().await;
    }
}

/// Damages one file of the store.
fn harm(chance: &mut Chance, store: &Path) -> (PathBuf, Damage) {
    let mut files = Vec::new();
    collect(store, &mut files);
    files.sort();
    let file = files.swap_remove(chance.below(files.len()));
    let damage = DAMAGES[chance.below(DAMAGES.len())];
    harm_one(chance, &file, damage);
    (file, damage)
}

fn harm_one(chance: &mut Chance, file: &Path, damage: Damage) {
    let mut bytes = fs::read(file).expect("it can be read");
    let length = bytes.len();
    match damage {
        Damage::FlipBytes if length > 0 => {
            for _ in 0..20 {
                bytes[chance.below(length)] ^= 0x55;
            }
        }
        Damage::ZeroPage => {
            let start = chance.below(length / 4_096 + 1) * 4_096;
            let end = length.min(start + 4_096);
            bytes[start..end].fill(0);
        }
        Damage::CutHalf => bytes.truncate(length / 2),
        Damage::FlipBytes | Damage::Empty | Damage::Delete => bytes.clear(),
    }
    match damage {
        Damage::Delete => fs::remove_file(file).expect("it can be removed"),
        Damage::FlipBytes | Damage::ZeroPage | Damage::CutHalf | Damage::Empty => {
            fs::write(file, bytes).expect("it can be written");
        }
    }
}

/// The files that a start reads.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("it can be listed").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !name.contains(".broken-") {
            collect(&path, files);
        } else if path.is_file() && name != "ballast" && !name.contains(".broken-") {
            files.push(path);
        }
    }
}

/// What was set aside so far.
fn set_aside(store: &Path) -> Vec<String> {
    let entries = fs::read_dir(store).expect("it can be listed").flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains(".broken-"))
        .collect();
    names.sort();
    names
}

/// Puts what belongs to sled, or what does not, back to how it was in an older copy.
fn put_back(older: &Path, store: &Path, is_sled: bool) {
    for entry in fs::read_dir(store).expect("it can be listed").flatten() {
        if entry.path().is_dir() && is_sled {
            fs::remove_dir_all(entry.path()).expect("it can be removed");
        } else if entry.path().is_file() && !is_sled {
            fs::remove_file(entry.path()).expect("it can be removed");
        }
    }
    for entry in fs::read_dir(older).expect("it can be listed").flatten() {
        if entry.path().is_dir() == is_sled {
            copy(&entry.path(), &store.join(entry.file_name()));
        }
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("there is room");
        for entry in fs::read_dir(from).expect("it can be listed").flatten() {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).expect("there is room");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_of_an_older_copy_brings_nothing_back_that_is_over() {
    join_all([true, false].map(half_an_older_copy)).await;
}

async fn half_an_older_copy(is_sled: bool) {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts", "ops"]);
    home.write(&(targets.section(&["api", "web"]) + ROUTES));
    let (store, older) = (home.path().join("data"), home.path().join("older"));
    // In the copy `api` is down and `web` is not; afterwards it is the other way round.
    targets.set("api", Mood::Down);
    let hekate = home.start().await;
    let api = receiver.hear_down("alerts").await;
    hekate.shows("web", "operational").await;
    hekate.stop().await;
    copy(&store, &older);
    targets.set("api", Mood::Up);
    targets.set("web", Mood::Down);
    let hekate = home.start().await;
    receiver.hear_up("alerts", api.id()).await;
    let web = receiver
        .hear("alerts", "of the other one", |told| {
            told.text.starts_with("DOWN: web ")
        })
        .await;
    hekate.stop().await;
    put_back(&older, &store, is_sled);

    let hekate = home.start().await;
    hekate.ready().await;
    let shown = hekate.shows("web", "down").await;
    assert_eq!(shown["incident"], web.id(), "{}", hekate.log());
    hekate.shows("api", "operational").await;
    targets.set("web", Mood::Up);
    receiver.hear_up("alerts", web.id()).await;
    hekate.stop().await;
    let alerts = receiver.told_to("alerts");
    let unmarked = alerts.iter().filter(|told| !told.is_repeat()).count();
    assert_eq!(unmarked, 4, "sled: {is_sled}, {alerts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_everything_damaged_it_starts_all_the_same_and_says_so() {
    join_all(DAMAGES.map(everything_damaged)).await;
}

async fn everything_damaged(damage: Damage) {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts", "ops"]);
    home.write(&(targets.section(&["api", "web"]) + ROUTES));
    targets.set("api", Mood::Down);
    let hekate = home.start().await;
    receiver.hear_down("alerts").await;
    hekate.kill();

    let mut chance = Chance::of(&format!("everything damaged, {damage:?}"));
    let mut files = Vec::new();
    collect(&home.path().join("data"), &mut files);
    for file in &files {
        harm_one(&mut chance, file, damage);
    }
    let hekate = home.start().await;
    hekate.ready().await;
    let shown = hekate.shows("api", "down").await;
    let id = shown["incident"].as_str().expect("an outage has an id");
    receiver
        .hear("alerts", &format!("of #{id}, with {damage:?}"), |told| {
            told.is_down() && told.id() == id
        })
        .await;
    targets.set("api", Mood::Up);
    receiver.hear_up("alerts", id).await;
    hekate.stop().await;
    let alerts = receiver.told_to("alerts");
    let downs = alerts.iter().filter(|told| told.is_down());
    let is_forgotten = downs.filter(|told| !told.is_repeat()).count() > 1;
    // Where nothing is left at all, it looks like the first start.
    if is_forgotten && !matches!(damage, Damage::Delete) {
        assert!(!receiver.told_to("ops").is_empty(), "{damage:?}");
    }
}
