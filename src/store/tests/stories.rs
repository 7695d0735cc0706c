//! What the store is for: restarts, renames, retention, readers.

use std::sync::Arc;

use super::{
    Place, at, comes_up, commit, entry, goes_down, incident, key, planned, record, settings,
    titles, transition,
};
use crate::{
    judge::sli::{CheckPast, Standing, Turn},
    model::{
        Batch, CheckKind, IncidentId, TargetId, Timestamp, Verdict,
        action::{ATTEMPTS_MAX, Attempt, AttemptId, Door, Stage},
        batch::Finished,
        lapse::{LAPSES_MAX, Lapse, LapseKind},
        planned::{Ended, HowEnded, Person, Planned},
    },
    store::{Database, Error, TargetPast, audit, blind, verify_journal},
};

pub(super) fn attempt(number: u64, stage: Stage) -> Attempt {
    Attempt {
        id: AttemptId(number),
        action: String::from("restart"),
        target: TargetId::new("master/green"),
        by: Person {
            name: String::from("@alice"),
            slack_user: Some(String::from("U0ALICE")),
        },
        door: Door::Program,
        why: None,
        role: None,
        verdict: Verdict::Down,
        nonce: format!("w{number}"),
        trigger: None,
        asked_at: at(0),
        expires_at: at(60),
        confirmed: Vec::new(),
        began_at: None,
        ended_at: None,
        stage,
        words: String::new(),
        reference: None,
        account: None,
    }
}

/// The oldest that are over go, in sled and in the journal alike, and never one that is not over.
#[test]
fn attempts_outlive_a_restart_and_do_not_add_up_for_ever() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    let most = u64::try_from(ATTEMPTS_MAX).unwrap();
    let batch = |attempts| Batch {
        attempts,
        ..Batch::new(at(0))
    };
    commit(&mut database, batch(vec![attempt(1, Stage::Running)]));
    let over = 2..=most + 3;
    let over: Vec<_> = over.map(|number| attempt(number, Stage::Refused)).collect();
    for some in over.chunks(100) {
        commit(&mut database, batch(some.to_vec()));
    }
    drop(database);
    let (database, loaded) = place.open_well();
    let numbers: Vec<_> = loaded.attempts.iter().map(|attempt| attempt.id.0).collect();
    assert_eq!(numbers.len(), ATTEMPTS_MAX + 1);
    assert_eq!(numbers[..3], [1, 4, 5]);
    drop(database);
    let audit = audit(&place.path()).unwrap();
    assert_eq!(audit.len(), ATTEMPTS_MAX + 3);
    assert_eq!(audit[0].attempt, attempt(1, Stage::Running));
}

/// Lapses of one kind and beginning are one; the oldest of too many go, in sled and in the journal alike.
#[test]
fn lapses_outlive_a_restart_and_do_not_add_up_for_ever() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    let lapse = |second, until| Lapse {
        from: at(second),
        until,
        kind: LapseKind::Blind,
        words: String::from("nobody answers"),
    };
    let most = i64::try_from(LAPSES_MAX).unwrap();
    for second in 0..=most {
        let batch = |until| Batch {
            lapses: vec![lapse(second, until)],
            ..Batch::new(at(second))
        };
        if second == most {
            commit(&mut database, batch(None));
        }
        let until = Some(at(second + 1));
        if second % 100 == 99 || second >= most - 1 {
            commit(&mut database, batch(until));
        } else if second % 100 == 0 {
            let lapses = (second..second + 99).map(|from| lapse(from, Some(at(from + 1))));
            let batch = Batch {
                lapses: lapses.collect(),
                ..Batch::new(at(second))
            };
            commit(&mut database, batch);
        }
    }
    drop(database);
    let expected: Vec<_> = (1..=most)
        .map(|second| lapse(second, Some(at(second + 1))))
        .collect();
    let (database, loaded) = place.open_well();
    assert_eq!(loaded.lapses, expected);
    drop(database);
    std::fs::remove_dir_all(place.path().join("sled")).unwrap();
    let (_, loaded, _) = place.open();
    assert_eq!(loaded.lapses, expected, "from the journal");
    let (_, loaded) = place.open_well();
    assert_eq!(loaded.lapses, expected, "from sled again");
}

const EVER: Timestamp = Timestamp::from_millis(i64::MIN);

#[test]
fn a_new_store_is_empty_and_says_nothing() {
    let place = Place::new();
    let (_, loaded) = place.open_well();
    assert_eq!(loaded, crate::model::Loaded::default());
    let (_, loaded) = place.open_well();
    assert_eq!(loaded, crate::model::Loaded::default());
}

#[test]
fn after_a_restart_all_is_as_it_was() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    commit(&mut database, goes_down("master/blue", 1, 0));
    commit(&mut database, comes_up("master/blue", 1, 60));
    commit(&mut database, goes_down("master/green", 2, 120));
    drop(database);

    let (database, loaded) = place.open_well();
    assert_eq!(loaded.incidents, 2);
    assert_eq!(loaded.open, [incident(2, "master/green", 120)]);
    assert_eq!(loaded.last_at, Some(at(120)));
    let checks: Vec<_> = loaded
        .checks
        .iter()
        .map(|record| {
            (
                record.check.target.as_str(),
                record.state.settled,
                record.transitions,
            )
        })
        .collect();
    assert_eq!(
        checks,
        [
            ("master/blue", Verdict::Operational, 2),
            ("master/green", Verdict::Down, 3),
        ]
    );
    let outbox: Vec<_> = loaded.outbox.iter().map(|entry| &entry.key).collect();
    assert_eq!(outbox, [&key(1, 1), &key(2, 0)], "oldest first");

    let reader = database.reader();
    let blue = TargetId::new("master/blue");
    let history = reader.transitions(&blue, EVER, 10).unwrap();
    assert_eq!(
        history,
        [
            transition("master/blue", 1, 0),
            transition("master/blue", 2, 60)
        ]
    );
    assert_eq!(reader.transitions(&blue, at(60), 10).unwrap(), history[1..]);
    assert_eq!(reader.transitions(&blue, EVER, 1).unwrap(), history[1..]);
    assert_eq!(reader.transitions(&blue, at(61), 10).unwrap(), []);
    let first = reader
        .incident(&IncidentId::from_number(1))
        .unwrap()
        .unwrap();
    assert_eq!(first.closed_at, Some(at(60)));
    assert_eq!(
        reader.incident(&IncidentId::new("nonsense!")).unwrap(),
        None
    );
    let numbers = |since, limit| -> Vec<u64> {
        let found = reader.incidents(since, limit).unwrap();
        found.iter().map(|incident| incident.number).collect()
    };
    assert_eq!(numbers(EVER, 10), [2, 1]);
    assert_eq!(numbers(EVER, 1), [2]);
    assert_eq!(numbers(at(61), 10), [2]);
}

#[test]
fn writing_again_what_is_written_changes_nothing() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    let batches: Vec<_> = [goes_down("blue", 1, 0), comes_up("blue", 1, 60)]
        .into_iter()
        .map(Arc::new)
        .collect();
    database.commit(&batches).unwrap();
    let (live, transitions) = (database.live.clone(), database.meta.transitions);
    database.commit(&batches).unwrap();
    assert_eq!(database.live, live);
    assert_eq!(database.meta.transitions, transitions);
    database.commit(&[Arc::new(Batch::new(at(99)))]).unwrap();
    assert_eq!(database.live, live, "an empty batch is not written");
}

#[test]
fn memories_incidents_and_history_follow_a_new_name() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    commit(&mut database, goes_down("blue", 1, 0));
    commit(&mut database, comes_up("blue", 1, 60));
    // In one commit with what goes before, and with what comes after.
    let mut renamed = Batch::new(at(120));
    renamed.renamed = vec![(TargetId::new("blue"), TargetId::new("navy"))];
    renamed.checks = vec![record("navy", Verdict::Operational, 4, 120)];
    let batches = [goes_down("blue", 2, 90), renamed, comes_up("navy", 2, 150)];
    database.commit(&batches.map(Arc::new)).unwrap();
    drop(database);

    let (database, loaded) = place.open_well();
    assert_eq!(
        loaded.checks,
        [record("navy", Verdict::Operational, 4, 150)]
    );
    let reader = database.reader();
    let of = |name| reader.transitions(&TargetId::new(name), EVER, 10).unwrap();
    assert_eq!(of("blue"), []);
    let history = of("navy");
    let numbers: Vec<_> = history.iter().map(|transition| transition.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert!(
        history
            .iter()
            .all(|one| one.check.target.as_str() == "navy")
    );
    for incident in reader.incidents(EVER, 10).unwrap() {
        assert_eq!(incident.targets, [TargetId::new("navy")]);
    }
    assert_eq!(database.meta.transitions, 4);
}

#[test]
fn two_targets_can_swap_their_names() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    commit(&mut database, goes_down("blue", 1, 0));
    commit(&mut database, goes_down("green", 2, 0));
    let (blue, green) = (TargetId::new("blue"), TargetId::new("green"));
    let mut swap = Batch::new(at(60));
    swap.renamed = vec![(blue.clone(), green.clone()), (green.clone(), blue.clone())];
    commit(&mut database, swap);
    drop(database);
    let (database, loaded) = place.open_well();
    let of = |name: &TargetId| {
        let found = database.reader().transitions(name, EVER, 10).unwrap();
        found.iter().map(|one| one.number).collect::<Vec<_>>()
    };
    assert_eq!((of(&blue), of(&green)), (vec![3], vec![1]));
    let counts: Vec<_> = loaded
        .checks
        .iter()
        .map(|record| (record.check.target.as_str(), record.transitions))
        .collect();
    assert_eq!(counts, [("blue", 3), ("green", 1)]);
}

#[test]
fn what_is_forgotten_leaves_its_history() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    commit(&mut database, goes_down("blue", 1, 0));
    let mut forgotten = Batch::new(at(60));
    forgotten.forgotten = vec![TargetId::new("blue")];
    commit(&mut database, forgotten);
    drop(database);
    let (database, loaded) = place.open_well();
    assert_eq!(loaded.checks, []);
    let history = database
        .reader()
        .transitions(&TargetId::new("blue"), EVER, 10);
    assert_eq!(history.unwrap().len(), 1);
}

#[test]
fn a_number_is_never_given_out_twice_even_to_a_notice() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    let mut notice = Batch::new(at(0));
    notice.entries = vec![entry(9, 0, "hekate", 0)];
    commit(&mut database, notice);
    let mut sent = Batch::new(at(1));
    sent.finished = vec![Finished {
        key: key(9, 0),
        how: "accepted",
        attempts: 1,
        at: at(1),
    }];
    commit(&mut database, sent);
    drop(database);
    let (_, loaded) = place.open_well();
    assert_eq!(loaded.outbox, []);
    assert_eq!(loaded.incidents, 9);
    assert!(blind(at(0)).incidents > 3_000_000);
}

#[test]
fn retention_takes_the_old_and_leaves_the_open_and_the_new() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    let day = 86_400;
    for (number, target) in (1..).zip(["a", "b", "c", "d"]) {
        commit(&mut database, goes_down(target, number, 0));
        if target != "d" {
            commit(&mut database, comes_up(target, number, 60));
        }
    }
    commit(&mut database, goes_down("a", 5, 401 * day));
    // More than one call's worth.
    let many = Batch {
        transitions: (0..1_200).map(|n| transition("c/d", n, 100)).collect(),
        ..Batch::new(at(100))
    };
    commit(&mut database, many);
    let mut removed = (0, 0);
    loop {
        let swept = database.sweep(at(401 * day)).unwrap();
        removed = (removed.0 + swept.transitions, removed.1 + swept.incidents);
        if swept.is_complete {
            break;
        }
    }
    assert_eq!(removed, (1_207, 3));
    drop(database);
    let (database, loaded, notices) = Database::open(&place.settings, at(401 * day)).unwrap();
    assert_eq!(titles(&notices), [""; 0], "what was swept is not missed");
    assert_eq!(loaded.open.len(), 2);
    assert_eq!(database.meta.transitions, 1);
    let left = database
        .reader()
        .transitions(&TargetId::new("a"), EVER, 10)
        .unwrap();
    assert_eq!(left, [transition("a", 9, 401 * day)]);
    let numbers: Vec<_> = database.reader().incidents(EVER, 10).unwrap();
    let numbers: Vec<_> = numbers.iter().map(|incident| incident.number).collect();
    assert_eq!(numbers, [5, 4]);
}

fn ended(number: u64, target: &str, from: i64, until: i64) -> Planned {
    let mut planned = planned(number, target, from);
    planned.ended = Some(Ended {
        at: at(until),
        how: HowEnded::Over,
        by: None,
    });
    planned
}

fn plans(planned: Vec<Planned>, second: i64) -> Batch {
    Batch {
        planned,
        ..Batch::new(at(second))
    }
}

/// What people had announced is needed for as long as it is counted: it outlives its end, a new name and the loss of sled, and
/// goes with the rest of the past.
#[test]
fn plans_that_ended_are_remembered_until_retention_takes_them() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    commit(&mut database, plans(vec![planned(1, "blue", 0)], 0));
    let numbers = |database: &Database, since| -> Vec<u64> {
        let found = database.reader().ended(since).unwrap();
        found.iter().map(|planned| planned.id.number).collect()
    };
    assert_eq!(numbers(&database, EVER), [0; 0], "it has not ended");
    commit(&mut database, plans(vec![ended(1, "blue", 0, 600)], 600));
    commit(&mut database, plans(vec![ended(2, "green", 100, 300)], 601));
    // Written again, it is the same one.
    commit(&mut database, plans(vec![ended(1, "blue", 0, 600)], 602));
    let mut renamed = Batch::new(at(700));
    renamed.renamed = vec![(TargetId::new("blue"), TargetId::new("navy"))];
    commit(&mut database, renamed);
    let expected = [ended(2, "green", 100, 300), ended(1, "navy", 0, 600)];
    assert_eq!(database.reader().ended(EVER).unwrap(), expected);
    assert_eq!(numbers(&database, at(301)), [1]);
    assert_eq!(numbers(&database, at(600)), [1]);
    assert_eq!(numbers(&database, at(601)), [0; 0]);
    let mut exported = Vec::new();
    database.export(&mut exported).unwrap();
    let exported = String::from_utf8(exported).unwrap();
    assert_eq!(
        exported.matches("{\"v\":1,\"planned\":").count(),
        2,
        "{exported}"
    );
    drop(database);
    let (database, loaded) = place.open_well();
    assert_eq!(loaded.planned, []);
    assert_eq!(database.reader().ended(EVER).unwrap(), expected);
    drop(database);

    std::fs::remove_dir_all(place.path().join("sled")).unwrap();
    let (mut database, _, _) = place.open();
    assert_eq!(
        database.reader().ended(EVER).unwrap(),
        expected,
        "from the journal"
    );
    let days = 400 * 86_400;
    let swept = database.sweep(at(days + 301)).unwrap();
    assert_eq!(swept.plans, 1);
    assert_eq!(numbers(&database, EVER), [1]);
}

/// What is counted of a target: the turns of each of its checks since a time, and how it stands.
#[test]
fn the_past_of_verdicts_is_read_check_by_check() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    commit(&mut database, goes_down("blue", 1, 0));
    commit(&mut database, comes_up("blue", 1, 60));
    commit(&mut database, goes_down("blue2", 2, 70));
    let target = |name: &str, kinds: &[CheckKind]| (TargetId::new(name), kinds.to_vec());
    let asked = [
        target("blue", &[CheckKind::LogFreshness, CheckKind::Health]),
        target("nobody", &[CheckKind::Health]),
        target("empty", &[]),
    ];
    let pasts = database.reader().pasts(&asked, at(1)).unwrap();
    let health = CheckPast {
        is_log: false,
        turns: vec![Turn {
            number: 2,
            from: Verdict::Down,
            to: Verdict::Operational,
            at: at(60),
            since: at(50),
        }],
        standing: Some(Standing {
            settled: Verdict::Operational,
            since: at(60),
            number: 2,
        }),
    };
    let log = CheckPast {
        is_log: true,
        ..CheckPast::default()
    };
    let past = |checks| TargetPast {
        checks,
        known_since: None,
    };
    assert_eq!(
        pasts,
        [
            past(vec![log, health]),
            past(vec![CheckPast::default()]),
            past(Vec::new()),
        ]
    );
}

#[test]
fn a_second_process_is_told_who_holds_the_store() {
    let place = Place::new();
    let (database, _) = place.open_well();
    let error = Database::open(&place.settings, at(7)).unwrap_err();
    let Error::InUse { pid, since, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*pid, Some(std::process::id()));
    assert_eq!(*since, Some(at(1_000_000)));
    let words = error.to_string();
    assert!(
        words.contains(&format!("in use by process {}", std::process::id())),
        "{words}"
    );
    drop(database);
    place.open_well();
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_with_its_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Database::open(&settings(&file.path().join("data")), at(0)).unwrap_err();
    assert!(matches!(error, Error::Disk { .. }), "{error}");
    assert!(error.may_pass());
    assert!(
        error.to_string().starts_with("cannot make the folder /"),
        "{error}"
    );
}

#[test]
fn the_journal_begins_a_new_file_and_keeps_two() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    database.journal.rotate_after(20_000);
    for number in 1..60 {
        let second = i64::try_from(number).unwrap() * 100;
        commit(&mut database, goes_down("blue", number, second));
        commit(&mut database, comes_up("blue", number, second + 60));
    }
    let live = database.live.clone();
    drop(database);
    let files = std::fs::read_dir(place.path()).unwrap().flatten();
    let files = files.filter(|file| file.file_name().to_string_lossy().ends_with(".jsonl"));
    assert_eq!(files.count(), 2);
    assert_eq!(verify_journal(&place.path()).unwrap().faults, []);
    let (database, _) = place.open_well();
    assert_eq!(database.live, live);
    assert_eq!(database.meta.transitions, 118);
    assert!(database.size_bytes() > 4 * 1024 * 1024, "with the ballast");
}

#[test]
fn everything_can_be_exported_as_lines_of_json() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    commit(&mut database, goes_down("blue", 1, 0));
    commit(&mut database, comes_up("blue", 1, 60));
    let many = Batch {
        transitions: (0..1_000).map(|n| transition("green", n, 100)).collect(),
        ..Batch::new(at(100))
    };
    commit(&mut database, many);
    let mut out = Vec::new();
    let lines = database.export(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(usize::try_from(lines).unwrap(), text.lines().count());
    let kinds = |kind: &str| {
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines
            .filter(|line| line["v"] == 1 && line[kind].is_object())
            .count()
    };
    let counts = ["check", "incident", "entry", "transition"].map(kinds);
    assert_eq!(counts, [1, 1, 1, 1_002]);
}

#[test]
fn what_is_known_can_be_read_without_writing() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    commit(&mut database, goes_down("blue", 1, 0));
    let (_, expected, _) = {
        drop(database);
        place.open()
    };
    assert_eq!(Database::peek(&place.settings).unwrap(), expected);
    let nowhere = settings(&place.path().join("nowhere"));
    assert_eq!(
        Database::peek(&nowhere).unwrap(),
        crate::model::Loaded::default()
    );
    assert!(!nowhere.path.exists());
}
