//! How long answers took is added up, kept, made days of, renamed, exported, and never counted twice.

use std::time::Duration;

use proptest::prelude::*;

use super::{Place, at, check_of, commit, record, settings};
use crate::{
    model::{
        Batch, CheckId, Outcome, TargetId, Timestamp, Verdict,
        latency::{Grain, Latencies, LatencyBlock},
        plan::StoreSettings,
    },
    store::{Database, Removed, schema::v1},
};

const DAY_S: i64 = 86_400;

fn hour(day: i64, hour: i64) -> Timestamp {
    Grain::Day.begin(at(0))
        + Duration::from_secs(u64::try_from(day * DAY_S + hour * 3_600).unwrap())
}

/// Looks that took so many milliseconds, in the hour of this second.
pub(super) fn block(target: &str, second: i64, took_ms: &[u64]) -> LatencyBlock {
    let mut counted = Latencies::default();
    for took in took_ms {
        counted.add(&Outcome::Healthy, Duration::from_millis(*took));
    }
    counted.silent = 1;
    LatencyBlock {
        check: check_of(target),
        from: Grain::Hour.begin(at(second)),
        grain: Grain::Hour,
        counted,
    }
}

fn in_hour(target: &str, from: Timestamp, took_ms: &[u64]) -> LatencyBlock {
    LatencyBlock {
        from,
        ..block(target, 0, took_ms)
    }
}

fn looks(database: &Database, check: &CheckId, grain: Grain, begins: &[Timestamp]) -> Vec<u64> {
    let found = database.reader().latencies(check, grain, begins).unwrap();
    found.iter().map(Latencies::looks).collect()
}

fn sweep(database: &mut Database, now: Timestamp) -> Removed {
    let mut all = Removed::default();
    loop {
        let removed = database.sweep(now).unwrap();
        all.latencies += removed.latencies;
        if removed.is_complete {
            return all;
        }
    }
}

/// What is handed over in parts is one hour, also over a restart in the middle of it and over kills, which lose what was
/// not handed over.
#[test]
fn an_hour_is_the_sum_of_its_parts_over_restarts() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    let blue = check_of("blue");
    database
        .note_latencies(&[block("blue", 0, &[10, 20]), block("green", 0, &[1])])
        .unwrap();
    drop(database);
    let (mut database, _) = place.open_well();
    database
        .note_latencies(&[block("blue", 60, &[30]), block("blue", 70, &[40])])
        .unwrap();
    drop(database);
    let (database, _) = place.open_well();
    let hours = [hour(0, 0), Grain::Hour.begin(at(0)), hour(0, 23)];
    // Each part says that one got no answer.
    assert_eq!(looks(&database, &blue, Grain::Hour, &hours)[1], 4 + 3);
    let found = database
        .reader()
        .latencies(&blue, Grain::Hour, &hours)
        .unwrap();
    let p50 = found[1].answers.percentile(50).unwrap();
    assert!((19..=21).contains(&p50.as_millis()), "{p50:?}");
    assert_eq!(
        found[2],
        Latencies::default(),
        "an hour without looks is a gap"
    );
    assert_eq!(
        looks(&database, &check_of("red"), Grain::Hour, &hours),
        [0, 0, 0]
    );
    assert_eq!(looks(&database, &blue, Grain::Day, &[hour(0, 0)]), [7]);
}

/// Older hours become their day, in small steps; a day that is partly there grows; days go when retention says so.
#[test]
fn hours_become_days_and_days_go() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    let names: Vec<_> = (0..70).map(|number| format!("g/t{number}")).collect();
    for day in 0..10 {
        for part in [3, 4, 20] {
            let blocks = names
                .iter()
                .map(|name| in_hour(name, hour(day, part), &[5, 7]));
            database
                .note_latencies(&blocks.collect::<Vec<_>>())
                .unwrap();
        }
    }
    assert_eq!(database.count_latencies().unwrap(), (2_100, 0));
    let check = check_of("g/t42");
    let days: Vec<_> = (0..10).map(|day| hour(day, 0)).collect();
    let before = database
        .reader()
        .latencies(&check, Grain::Day, &days)
        .unwrap();
    assert_eq!(
        before.iter().map(Latencies::looks).collect::<Vec<_>>(),
        [9; 10]
    );
    // One call does a part of it.
    let first = database.sweep(hour(11, 2)).unwrap();
    assert!(
        !first.is_complete && first.latencies <= 50 * 24,
        "{first:?}"
    );
    let between = database
        .reader()
        .latencies(&check, Grain::Day, &days)
        .unwrap();
    assert_eq!(between, before, "whoever reads meanwhile reads the same");
    sweep(&mut database, hour(11, 2));
    assert_eq!(database.count_latencies().unwrap(), (70 * 3 * 7, 70 * 3));
    let after = database
        .reader()
        .latencies(&check, Grain::Day, &days)
        .unwrap();
    assert_eq!(after, before, "a roll-up is a sum");
    // What comes late is added to its day.
    database
        .note_latencies(&[in_hour("g/t42", hour(1, 3), &[5])])
        .unwrap();
    sweep(&mut database, hour(11, 3));
    assert_eq!(looks(&database, &check, Grain::Day, &days)[1], 11);
    assert_eq!(
        sweep(&mut database, hour(11, 3)).latencies,
        0,
        "nothing is left to do"
    );
    drop(database);
    let (mut database, _) = place.open_well();
    assert_eq!(looks(&database, &check, Grain::Day, &days)[0], 9);
    sweep(&mut database, hour(402, 0));
    assert_eq!(looks(&database, &check, Grain::Day, &days[..3]), [0, 0, 9]);
    sweep(&mut database, hour(500, 0));
    assert_eq!(database.count_latencies().unwrap(), (0, 0));
}

#[test]
fn a_short_retention_leaves_no_hours_behind() {
    let folder = tempfile::TempDir::new().unwrap();
    let settings = StoreSettings {
        retention: Duration::from_hours(48),
        ..settings(&folder.path().join("data"))
    };
    let (mut database, _, _) = Database::open(&settings, at(0)).unwrap();
    for day in 0..5 {
        database
            .note_latencies(&[in_hour("blue", hour(day, 1), &[5])])
            .unwrap();
    }
    sweep(&mut database, hour(4, 2));
    assert_eq!(database.count_latencies().unwrap(), (3, 0));
}

/// A new name takes them along; two that swap their names swap them.
#[test]
fn latencies_follow_their_target() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    let mut known = Batch::new(at(0));
    known.checks = vec![
        record("blue", Verdict::Operational, 0, 0),
        record("green", Verdict::Operational, 0, 0),
    ];
    commit(&mut database, known);
    database
        .note_latencies(&[block("blue", 0, &[10]), block("green", 0, &[1, 1])])
        .unwrap();
    let swap = |one: &str, two: &str| (TargetId::new(one), TargetId::new(two));
    let mut renamed = Batch::new(at(60));
    renamed.renamed = vec![swap("blue", "green"), swap("green", "blue")];
    commit(&mut database, renamed);
    let now = [Grain::Hour.begin(at(0))];
    assert_eq!(looks(&database, &check_of("blue"), Grain::Hour, &now), [3]);
    assert_eq!(looks(&database, &check_of("green"), Grain::Hour, &now), [2]);
    let mut renamed = Batch::new(at(70));
    renamed.renamed = vec![swap("blue", "navy")];
    commit(&mut database, renamed);
    assert_eq!(looks(&database, &check_of("blue"), Grain::Hour, &now), [0]);
    assert_eq!(looks(&database, &check_of("navy"), Grain::Hour, &now), [3]);
}

#[test]
fn latencies_are_exported_and_taken_over() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    let many: Vec<_> = (0..1_300)
        .map(|n| block(&format!("t{n}"), 0, &[n, n + 1]))
        .collect();
    for some in many.chunks(250) {
        database.note_latencies(some).unwrap();
    }
    let mut exported = Vec::new();
    let lines = database.export(&mut exported).unwrap();
    assert_eq!(lines, 1_301);
    let other = Place::new();
    let (mut filled, _) = other.open_well();
    filled.import(&mut exported.as_slice(), at(0)).unwrap();
    let mut again = Vec::new();
    filled.export(&mut again).unwrap();
    let lines = |bytes: &[u8]| -> Vec<String> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.lines()
            .filter(|line| line.contains("latency"))
            .map(String::from)
            .collect()
    };
    assert_eq!(lines(&again), lines(&exported));
}

/// A block that cannot be read is a gap, and is in nobody's way.
#[test]
fn a_damaged_block_is_a_gap() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    let from = hour(0, 3);
    let check = <v1::CheckId as crate::store::schema::Form<_>>::of(&check_of("blue"));
    let key = crate::store::keys::latency(v1::Grain::Hour, from, &check);
    let changes = crate::store::vault::Changes {
        latencies: [(key, Some(vec![1, 2, 3]))].into(),
        ..Default::default()
    };
    let end = database.journal.last();
    database.put(changes, end).unwrap();
    assert_eq!(
        looks(&database, &check_of("blue"), Grain::Hour, &[from]),
        [0]
    );
    sweep(&mut database, hour(20, 0));
    let left = database
        .door
        .latencies_between(Vec::new(), vec![255], 10)
        .unwrap();
    assert_eq!(left.len(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever is handed over in whatever order, with restarts and sweeps in between: nothing is lost and nothing is counted
    /// twice.
    #[test]
    fn every_look_is_counted_once(
        parts in proptest::collection::vec((0_i64..14, 0_i64..24, 0_usize..3, 1_usize..5, 0_u8..8), 1..40),
    ) {
        let place = Place::new();
        let (mut database, _) = place.open_well();
        let names = ["blue", "blue2", "master/blue"];
        let mut expected = [[0_u64; 14]; 3];
        for (day, of_day, name, count, then) in parts {
            let took: Vec<u64> = (1..=count as u64).collect();
            database.note_latencies(&[in_hour(names[name], hour(day, of_day), &took)]).unwrap();
            expected[name][usize::try_from(day).unwrap()] += count as u64 + 1;
            match then {
                0 => {
                    drop(database);
                    database = place.open_well().0;
                }
                1 => {
                    database.sweep(hour(14, 5)).unwrap();
                }
                _ => {}
            }
        }
        let days: Vec<_> = (0..14).map(|day| hour(day, 0)).collect();
        for _ in 0..2 {
            for (name, expected) in names.iter().zip(&expected) {
                // Hours of the clock of tomorrow's reader: all of them may still be hours.
                let days_of = looks(&database, &check_of(name), Grain::Day, &days);
                prop_assert_eq!(&days_of[3..], &expected[3..]);
            }
            sweep(&mut database, hour(14, 5));
        }
        for (name, expected) in names.iter().zip(&expected) {
            prop_assert_eq!(looks(&database, &check_of(name), Grain::Day, &days), expected);
        }
    }
}
