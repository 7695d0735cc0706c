//! The seeds, and what chance makes of them: a little of it always, and as much as one likes with `HEKATE_FUZZ_SECONDS`.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::Duration,
};

use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use super::*;
use crate::clock::Clock;

/// Longer inputs find nothing that shorter ones do not.
const LENGTH_MAX: usize = 4_096;
/// For each target, unless somebody says more.
const ROUNDS: u32 = 400;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = folder().join("corpus").join(name);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Bytes that parsers know.
const WORDS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\n",
    "\r\n",
    "null",
    "true",
    "-1",
    "1e999",
    "9223372036854775808",
    "\\u0000",
    "\\ud800",
    "status",
    "UP",
    "\u{202e}",
    "\0",
    "- ",
    "  ",
    "2026-11-22T00:59:30.123456789+25:61",
    "---",
];

/// A seed, or two joined, with some changes.
fn mutated(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).cloned().unwrap_or_default();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        let end = random.random_range(at..=bytes.len().min(at + 16));
        match random.random_range(0..6) {
            0 => {
                bytes.drain(at..end);
            }
            1 => {
                let word = WORDS.choose(random).expect("there are some");
                bytes.splice(at..at, word.bytes());
            }
            2 => {
                let again: Vec<_> = bytes[at..end].repeat(random.random_range(1..40));
                bytes.splice(at..at, again);
            }
            3 => {
                let other = seeds.choose(random).map_or(&[][..], Vec::as_slice);
                let from = random.random_range(0..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
        }
    }
    bytes.truncate(LENGTH_MAX);
    bytes
}

fn play((name, target): Target, bytes: &[u8]) {
    let played = catch_unwind(AssertUnwindSafe(|| target(bytes)));
    assert!(
        played.is_ok(),
        "{name} does not bear {:?}",
        String::from_utf8_lossy(bytes)
    );
}

fn play_all(target: Target) {
    let seeds = seeds(target.0);
    assert!(seeds.len() >= 5, "{} has too few seeds", target.0);
    for seed in &seeds {
        play(target, seed);
        for end in 0..seed.len().min(64) {
            play(target, &seed[..end]);
        }
    }
    let seconds = env::var("HEKATE_FUZZ_SECONDS").ok();
    let limit = seconds
        .and_then(|text| text.parse().ok())
        .map(Duration::from_secs);
    let first = limit.map_or(1, |_| rand::rng().next_u64());
    let mut random = StdRng::seed_from_u64(first);
    let (clock, mut rounds) = (Clock::start(), 0);
    let started = clock.now().tick;
    while limit.map_or(rounds < ROUNDS, |limit| {
        clock.now().tick.since(started) < limit
    }) {
        play(target, &mutated(&mut random, &seeds));
        rounds += 1;
    }
}

#[test]
fn files() {
    play_all(TARGETS[0]);
}

#[test]
fn what_slack_says_that_happened() {
    play_all(TARGETS[7]);
}

#[test]
fn health_bodies() {
    play_all(TARGETS[1]);
}

#[test]
fn what_is_pressed() {
    play_all(TARGETS[2]);
}

#[test]
fn answers_of_stores() {
    play_all(TARGETS[3]);
}

#[test]
fn pages_of_metrics() {
    play_all(TARGETS[4]);
}

#[test]
fn answers_about_roles() {
    play_all(TARGETS[5]);
}

#[test]
fn beginnings_of_lines() {
    play_all(TARGETS[6]);
}

/// A target that has no program is never looked at by libFuzzer, and a program of none looks at nothing.
#[test]
fn every_target_has_its_program() {
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    let programs = fs::read_dir(folder().join("fuzz_targets")).unwrap().count();
    assert_eq!(programs, TARGETS.len());
    for (name, _) in TARGETS {
        let program = fs::read_to_string(folder().join(format!("fuzz_targets/{name}.rs")));
        assert!(
            program
                .unwrap()
                .contains(&format!("hekate::fuzz::run(\"{name}\"")),
            "{name}"
        );
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
