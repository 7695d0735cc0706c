//! What goes in comes out, in every form it is stored in, and old bytes stay readable.

use std::{fmt::Debug, path::Path, sync::Arc, time::Duration};

use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Place, comes_up, entry, generators, goes_down, incident, planned, record, stories::attempt,
    transition,
};
use crate::{
    model::{
        Batch, ChannelName, CheckKind, CheckRecord, Entry, IncidentId, Kind, Memory, Verdict,
        action::Stage,
        living::Account,
        logs::{LogMemory, LogRow},
        pauses::{Pause, PauseDay, Pauses},
        planned::{Acknowledgement, Attended, Ended, HowEnded, Person, Silent},
    },
    store::{
        Error, InMemory,
        journal::read,
        keys,
        live::Live,
        pending::Pending,
        schema::{Form, decode, encode, v1},
    },
};

fn through_bytes<F: Form<M> + Serialize + DeserializeOwned, M>(model: &M) -> M {
    let bytes = encode(&F::of(model));
    decode::<F>("a record", &bytes).unwrap().into_model()
}

fn through_json<F: Form<M> + Serialize + DeserializeOwned, M>(model: &M) -> M {
    let text = serde_json::to_string(&F::of(model)).unwrap();
    assert!(!text.contains('\n'), "a line has to stay a line");
    serde_json::from_str::<F>(&text).unwrap().into_model()
}

fn same<F: Form<M> + Serialize + DeserializeOwned, M: PartialEq + Debug>(model: &M) {
    assert_eq!(&through_bytes::<F, M>(model), model);
    assert_eq!(&through_json::<F, M>(model), model);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_memory_survives(record in generators::record()) {
        same::<v1::Check, _>(&record);
    }

    #[test]
    fn a_transition_survives(transition in generators::transition()) {
        same::<v1::Transition, _>(&transition);
    }

    #[test]
    fn an_incident_survives(incident in generators::incident()) {
        same::<v1::Incident, _>(&incident);
    }

    #[test]
    fn an_entry_survives(entry in generators::entry()) {
        same::<v1::Entry, _>(&entry);
    }

    #[test]
    fn an_attempt_survives(attempt in generators::attempt()) {
        same::<v1::Attempt, _>(&attempt);
    }

    #[test]
    fn a_living_message_survives(living in generators::living()) {
        same::<v1::Living, _>(&living);
    }

    #[test]
    fn a_plan_survives(planned in generators::planned()) {
        same::<v1::Planned, _>(&planned);
    }

    #[test]
    fn latencies_survive(block in generators::latency()) {
        same::<v1::Latency, _>(&block);
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = bytes;
        drop(decode::<v1::Entry>("an entry", &bytes));
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        drop(decode::<v1::Entry>("an entry", &bytes));
        drop(decode::<v1::Transition>("a transition", &bytes));
        drop(decode::<v1::Check>("a memory", &bytes));
        drop(decode::<v1::Incident>("an incident", &bytes));
        drop(decode::<v1::Latency>("latencies", &bytes).map(Form::into_model));
    }

    #[test]
    fn keys_sort_by_target_and_then_by_time(
        one in generators::transition(),
        two in generators::transition(),
    ) {
        let (one, two) = (<v1::Transition as Form<_>>::of(&one), <v1::Transition as Form<_>>::of(&two));
        let order = (&one.check, one.at, one.number).cmp(&(&two.check, two.at, two.number));
        prop_assert_eq!(keys::transition(&one).cmp(&keys::transition(&two)), order);
        let key = keys::transition(&one);
        let history = keys::history_of(&one.check.target);
        prop_assert_eq!(keys::target_part(&key), Some(history.as_slice()));
        prop_assert_eq!(keys::time_part(&key), Some(one.at.0));
        prop_assert!(key < keys::after(&history));
        let is_same_target = one.check.target == two.check.target;
        let second = keys::transition(&two);
        prop_assert_eq!(second >= history && second < keys::after(&history), is_same_target);
    }

    #[test]
    fn merged_batches_do_what_the_single_ones_did(
        batches in proptest::collection::vec(generators::batch(), 0..6),
    ) {
        let (mut one_by_one, mut merged, mut pending) = (Live::default(), Live::default(), Pending::default());
        for batch in &batches {
            one_by_one.apply(&v1::Batch::of(batch));
            pending.push(batch);
        }
        let kept = pending.take();
        prop_assert_eq!(
            kept.iter().map(|batch| batch.transitions.len()).sum::<usize>(),
            batches.iter().map(|batch| batch.transitions.len()).sum::<usize>()
        );
        for batch in kept {
            merged.apply(&v1::Batch::of(&batch));
        }
        // The number of incidents is that of the highest ever written, and what is finished again is not written.
        merged.last_incident = one_by_one.last_incident;
        prop_assert_eq!(merged, one_by_one);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_committed_is_there_again(
        batches in proptest::collection::vec(generators::batch(), 1..5),
    ) {
        let place = Place::new();
        let (mut database, _) = place.open_well();
        let mut expected = Live::default();
        let mut in_memory = InMemory::default();
        for batch in &batches {
            in_memory.commit(batch);
            database.commit(&[Arc::new(batch.clone())]).unwrap();
            if !batch.is_empty() {
                expected.apply(&v1::Batch::of(batch));
            }
        }
        let counted = database.door.count_transitions().unwrap();
        prop_assert_eq!(database.meta.transitions, counted);
        drop(database);
        let (database, loaded) = place.open_well();
        prop_assert_eq!(&database.live, &expected);
        let held = database.door.live().unwrap().unwrap().1;
        prop_assert_eq!(&held, &expected, "sled holds the same as the journal");
        prop_assert_eq!(&loaded, &expected.to_loaded());
        prop_assert_eq!(loaded, in_memory.loaded(), "the same without a disk");
        prop_assert_eq!(read(&place.path()).unwrap().live.unwrap(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_exported_makes_the_same_store(
        batches in proptest::collection::vec(generators::batch(), 1..5),
    ) {
        let exported = |place: &Place| {
            let mut out = Vec::new();
            place.open_well().0.export(&mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let old = Place::new();
        let mut database = old.open_well().0;
        for batch in &batches {
            database.commit(&[Arc::new(batch.clone())]).unwrap();
        }
        drop(database);
        let text = exported(&old);
        let new = Place::new();
        let mut database = new.open_well().0;
        database.import(&mut text.as_bytes(), batches[0].at).unwrap();
        drop(database);
        prop_assert_eq!(exported(&new), text);
        prop_assert_eq!(new.open_well().1, old.open_well().1);
    }
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let mut bytes = encode(&<v1::Check as Form<_>>::of(&record(
        "blue",
        Verdict::Down,
        1,
        0,
    )));
    bytes[0] = 2;
    let error = decode::<v1::Check>("a memory of the judge", &bytes).unwrap_err();
    assert!(matches!(error, Error::Newer { found: 2, .. }), "{error}");
    bytes[0] = 0;
    let error = decode::<v1::Check>("a memory of the judge", &bytes).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    bytes[0] = 1;
    bytes.push(0);
    let error = decode::<v1::Check>("a memory of the judge", &bytes).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

/// The memory of a log with everything in it that can be.
fn of_log() -> CheckRecord {
    let log = LogMemory {
        warned: Vec::new(),
        newest: Some(super::at(50)),
        ingest: Some(super::at(51)),
        asked_since: Some(super::at(0)),
        refused_rounds: 1,
        misunderstood_rounds: 2,
        unanswered_rounds: 3,
        silent_rounds: 4,
        row: Some(LogRow::Late),
        pauses: Pauses {
            open: Some(Pause {
                since: super::at(50),
                proved: Duration::from_secs(7),
                is_whole: true,
                is_told: false,
                is_excused: true,
            }),
            proved_at: Some(super::at(57)),
            days: vec![PauseDay {
                day: 20_718,
                watched_s: 86_000,
                longest_s: 240,
                is_longest_whole: true,
                told_s: 3_600,
                is_told_whole: false,
            }],
        },
    };
    let mut record = record("master/blue", Verdict::Operational, 7, 57);
    record.check.kind = CheckKind::LogFreshness;
    record.memory = Some(Box::new(Memory::Log(log)));
    record
}

/// The same entry as one that tells what somebody did.
fn noted(mut entry: Entry) -> Entry {
    entry.kind = Kind::Noted;
    Arc::make_mut(&mut entry.story).attended = Some(Box::new(Attended {
        on_it: Some(Acknowledgement {
            by: Person {
                name: String::from("eva"),
                slack_user: Some(String::from("U0EVA")),
            },
            at: super::at(60),
            why: Some(String::from("I restart it")),
        }),
        silent: Some(Silent {
            until: super::at(3_600),
            is_until_recovered: false,
        }),
        deed: String::from("eva is on it: I restart it"),
        calls: Some(String::from("U0EVA")),
    }));
    entry
}

/// Bytes that version 1 wrote. They may be added to and never changed: stores in the field are full of them.
#[test]
fn old_bytes_are_read_for_ever() {
    let records = [
        (
            "check.v1",
            encode(&<v1::Check as Form<_>>::of(&record(
                "master/blue",
                Verdict::Down,
                7,
                0,
            ))),
        ),
        (
            "check-log.v1",
            encode(&<v1::Check as Form<_>>::of(&of_log())),
        ),
        (
            "transition.v1",
            encode(&<v1::Transition as Form<_>>::of(&transition(
                "master/blue",
                7,
                0,
            ))),
        ),
        (
            "incident.v1",
            encode(&<v1::Incident as Form<_>>::of(&incident(
                4,
                "master/blue",
                0,
            ))),
        ),
        (
            "entry.v1",
            encode(&<v1::Entry as Form<_>>::of(&entry(4, 0, "master/blue", 0))),
        ),
        (
            "planned.v1",
            encode(&<v1::Planned as Form<_>>::of(&planned(
                41,
                "master/blue",
                0,
            ))),
        ),
        (
            "meta.v1",
            encode(&v1::Meta {
                number: 12,
                hash: [7; 32],
                checks: 1,
                transitions: 300,
                incidents: 4,
                outbox: 1,
                planned: 1,
                lapses: 2,
                last_incident: 4,
                last_plan: 41,
                last_at: Some(Form::of(&super::at(0))),
                swept_before: None,
            }),
        ),
    ];
    for (name, bytes) in records {
        assert_eq!(golden(name, &bytes), bytes, "{name}");
    }
    let mut batch: Batch = comes_up("master/blue", 4, 0);
    batch.planned.push(planned(41, "master/blue", 0));
    let text = serde_json::to_string(&v1::Batch::of(&batch)).unwrap();
    let old = String::from_utf8(golden("batch.v1.json", text.as_bytes())).unwrap();
    assert_eq!(old, text);
    let read: v1::Batch = serde_json::from_str(&old).unwrap();
    assert_eq!(read, v1::Batch::of(&batch));
}

/// What came later stands behind what was there.
#[test]
fn what_came_later_is_read_for_ever_too() {
    let entry = noted(entry(4, 0, "master/blue", 0));
    let stored = <v1::Entry as Form<_>>::of(&entry);
    let bytes = encode(&stored);
    assert_eq!(golden("entry-noted.v1", &bytes), bytes);
    let text = serde_json::to_vec(&stored).unwrap();
    assert_eq!(golden("entry-noted.v1.json", &text), text);
    same::<v1::Entry, _>(&entry);
    let mut attempt = attempt(17, Stage::Running);
    let before = encode(&<v1::Attempt as Form<_>>::of(&attempt));
    assert_eq!(golden("attempt.v1", &before), before);
    attempt.account = Some(Account {
        incident: IncidentId::from_number(5),
        channel: ChannelName::new("ops"),
        sequence: 2,
    });
    let after = encode(&<v1::Attempt as Form<_>>::of(&attempt));
    assert_eq!(golden("attempt-told.v1", &after), after);
    let mut planned = planned(41, "master/blue", 0);
    planned.is_until_recovered = true;
    planned.ended = Some(Ended {
        at: super::at(60),
        how: HowEnded::Recovered,
        by: None,
    });
    let stored = <v1::Planned as Form<_>>::of(&planned);
    let bytes = encode(&stored);
    assert_eq!(golden("planned-recovered.v1", &bytes), bytes);
    let text = serde_json::to_vec(&stored).unwrap();
    assert_eq!(golden("planned-recovered.v1.json", &text), text);
    same::<v1::Planned, _>(&planned);
}

/// As what came later, in a tree of its own.
#[test]
fn latencies_are_read_for_ever_too() {
    let block = super::latencies::block("master/blue", 0, &[4, 5, 5, 180, 9_000]);
    let stored = <v1::Latency as Form<_>>::of(&block);
    let bytes = encode(&stored);
    assert_eq!(golden("latency.v1", &bytes), bytes);
    let text = serde_json::to_vec(&stored).unwrap();
    assert_eq!(golden("latency.v1.json", &text), text);
    let key = keys::latency(stored.grain, stored.from.0, &stored.check);
    assert_eq!(golden("latency-key.v1", &key), key);
}

/// The bytes of this name. `UPDATE_EXPECT=1` writes a name that is new; what is there it never changes.
fn golden(name: &str, new: &[u8]) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/tests/golden");
    let path = folder.join(name);
    if !path.exists() && std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        std::fs::write(&path, new).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A whole store of version 1: a journal with a checkpoint and the batches after it.
#[test]
fn an_old_journal_opens() {
    let mut batches = [
        goes_down("master/blue", 1, 0),
        comes_up("master/blue", 1, 60),
        goes_down("master/green", 2, 120),
    ];
    let mut over = planned(2, "master/blue", 60);
    over.ended = Some(Ended {
        at: over.until,
        how: HowEnded::Over,
        by: None,
    });
    batches[0].planned.push(planned(1, "master/green", 0));
    batches[1].planned.push(planned(2, "master/blue", 60));
    batches[2].planned.push(over);
    let name = "journal-0000000000000001.jsonl";
    let today = Place::new();
    let (mut database, _) = today.open_well();
    for batch in &batches {
        super::commit(&mut database, batch.clone());
    }
    let written = std::fs::read(today.path().join(name)).unwrap();

    let place = Place::new();
    std::fs::create_dir_all(place.path()).unwrap();
    std::fs::write(place.path().join(name), golden(name, &written)).unwrap();
    let (database, loaded, notices) = place.open();
    assert_eq!(
        super::titles(&notices),
        ["The store was rebuilt from its journal"]
    );
    let mut expected = Live::default();
    for batch in &batches {
        expected.apply(&v1::Batch::of(batch));
    }
    assert_eq!(loaded, expected.to_loaded());
    assert_eq!(database.door.count_transitions().unwrap(), 3);
}
