//! A hundred ways to damage one file of a store. Sled and the journal stand in for each other, so whatever single file
//! is damaged, what hekate needs to go on is whole, and what is lost of the past is told.
//!
//! `HEKATE_DAMAGES` says how many ways, 100 if it says nothing.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use hekate::{
    model::{Loaded, Timestamp},
    store::Database,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{records, settings};

#[derive(Clone, Copy, Debug)]
enum Damage {
    FlipOne,
    FlipTwenty,
    ZeroPage,
    ZeroEnd,
    CutHalf,
    CutEnd,
    Empty,
    Delete,
    OlderCopy,
}

const DAMAGES: [Damage; 9] = [
    Damage::FlipOne,
    Damage::FlipTwenty,
    Damage::ZeroPage,
    Damage::ZeroEnd,
    Damage::CutHalf,
    Damage::CutEnd,
    Damage::Empty,
    Damage::Delete,
    Damage::OlderCopy,
];

/// Every file of the store that holds something, with its path inside of the folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) {
        for file in fs::read_dir(folder).expect("it is readable").flatten() {
            let path = file.path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let inside = path.strip_prefix(root).expect("it is inside");
                found.push(inside.to_path_buf());
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.retain(|path| path != Path::new("lock") && path != Path::new("ballast"));
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for file in fs::read_dir(from).expect("it is readable").flatten() {
        let target = to.join(file.file_name());
        if file.path().is_dir() {
            copy(&file.path(), &target);
        } else if file.file_name() != "ballast" {
            fs::copy(file.path(), target).expect("a copy");
        }
    }
}

fn damage(path: &Path, older: &Path, how: Damage, random: &mut StdRng) {
    let mut bytes = fs::read(path).expect("it is readable");
    let length = bytes.len();
    let place = random.random_range(0..length.max(1));
    match how {
        Damage::FlipOne | Damage::FlipTwenty => {
            let count = if matches!(how, Damage::FlipOne) {
                1
            } else {
                20
            };
            for _ in 0..count {
                if length > 0 {
                    let place = random.random_range(0..length);
                    bytes[place] ^= 1 << random.random_range(0..8);
                }
            }
        }
        Damage::ZeroPage => {
            let start = place / 4_096 * 4_096;
            bytes[start..(start + 4_096).min(length)].fill(0);
        }
        Damage::ZeroEnd => bytes[place..].fill(0),
        Damage::CutHalf => bytes.truncate(length / 2),
        Damage::CutEnd => bytes.truncate(length - random.random_range(0..=length.min(4_096))),
        Damage::Empty => bytes.clear(),
        Damage::Delete => {
            fs::remove_file(path).expect("it is there");
            return;
        }
        Damage::OlderCopy => match fs::read(older) {
            Ok(older) => bytes = older,
            Err(_) => return,
        },
    }
    fs::write(path, bytes).expect("it is writable");
}

fn history(database: &Database) -> usize {
    let reader = database.reader();
    (0..20)
        .map(|number| {
            let target = records::target(number);
            // Damage of an old page of history may show only when it is read.
            reader
                .transitions(&target, Timestamp::default(), usize::MAX)
                .map_or(0, |found| found.len())
        })
        .sum()
}

/// A store as it was some time ago, and as it is.
fn prepare(older: &Path, whole: &Path) -> Loaded {
    let (mut database, _, _) = Database::open(&settings(whole), records::at(0)).expect("it opens");
    let commit = |database: &mut Database, numbers: std::ops::RangeInclusive<u64>| {
        for number in numbers {
            let mut batch = records::batch(number);
            if number % 40 == 0 {
                // So large that sled keeps it in a file of its own.
                batch.transitions[0].reason.words = "x".repeat(300_000);
            }
            database.commit(&[Arc::new(batch)]).expect("it is written");
        }
    };
    commit(&mut database, 1..=100);
    drop(database);
    copy(whole, older);
    let (mut database, _, _) = Database::open(&settings(whole), records::at(0)).expect("it opens");
    commit(&mut database, 101..=240);
    drop(database);
    let (_, loaded, notices) = Database::open(&settings(whole), records::at(0)).expect("it opens");
    assert_eq!(notices, []);
    loaded
}

#[test]
fn whatever_single_file_is_damaged_nothing_needed_is_lost() {
    let ways: usize =
        env::var("HEKATE_DAMAGES").map_or(100, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (older, whole) = (folder.path().join("older"), folder.path().join("whole"));
    let expected = prepare(&older, &whole);
    let files = files(&whole);
    assert!(
        files.iter().any(|path| path.starts_with("sled/blobs")),
        "{files:?}"
    );
    let mut random = StdRng::seed_from_u64(11);
    let mut told = 0;
    for way in 0..ways {
        let file = &files[way % files.len()];
        let how = DAMAGES[way / files.len() % DAMAGES.len()];
        let case = format!("{how:?} of {} (way {way})", file.display());
        let data = folder.path().join(format!("way-{way}"));
        copy(&whole, &data);
        damage(&data.join(file), &older.join(file), how, &mut random);

        let opened = Database::open(&settings(&data), records::at(1_000));
        let (mut database, loaded, notices) =
            opened.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(loaded, expected, "{case}: {notices:#?}");
        let first = notices.clone();
        told += usize::from(!notices.is_empty());
        if notices.is_empty() && history(&database) < 240 {
            // Nothing looked wrong at the start; then it is an old page, and the question itself must fail.
            let fails = (0..20).any(|number| {
                let target = records::target(number);
                let found =
                    database
                        .reader()
                        .transitions(&target, Timestamp::default(), usize::MAX);
                found.is_err()
            });
            assert!(fails, "{case}: history is missing in silence");
        }
        let next = records::batch(241);
        database
            .commit(&[Arc::new(next)])
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        drop(database);
        let opened = Database::open(&settings(&data), records::at(2_000));
        let (_, loaded, notices) = opened.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(notices, [], "{case}: told once, {first:#?}");
        assert_eq!(loaded.incidents, 241, "{case}");
        fs::remove_dir_all(&data).expect("it is ours");
    }
    assert!(told > ways / 4, "damage is noticed: {told} of {ways}");
}
