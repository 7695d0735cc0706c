//! A store of every released version opens, and has in it what that version said was in it.
//!
//! `tests/store/releases/make` makes one with the hekate of a release; the folder of a version has its store (`data`) and what it
//! exported (`export.jsonl`).

use std::{collections::BTreeMap, fs, path::Path};

use hekate::{
    model::Timestamp,
    store::{Database, compact, migrate},
};
use serde_json::Value;

use super::settings;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("it takes folders");
    for found in fs::read_dir(from).expect("it is there").flatten() {
        let target = to.join(found.file_name());
        if found.path().is_dir() {
            copy(&found.path(), &target);
        } else {
            fs::copy(found.path(), target).expect("it takes files");
        }
    }
}

/// Whether all that an older version knew is there; a newer one may know more of it.
fn has(now: &Value, then: &Value) -> bool {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => then.iter().all(|(key, value)| {
            // The format is the one in which it is written now.
            key == "v" || now.get(key).is_some_and(|now| has(now, value))
        }),
        (Value::Array(now), Value::Array(then)) => {
            now.len() == then.len() && now.iter().zip(then).all(|(now, then)| has(now, then))
        }
        _ => now == then,
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("an export is JSON Lines"))
        .collect()
}

#[test]
fn a_store_of_every_release_opens_and_nothing_of_it_is_lost() {
    let releases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/releases");
    let mut tried = Vec::new();
    for release in fs::read_dir(releases).expect("there are some").flatten() {
        if !release.path().is_dir() {
            continue;
        }
        let version = release.file_name().to_string_lossy().into_owned();
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        copy(&release.path().join("data"), &data);
        let then = fs::read_to_string(release.path().join("export.jsonl"));
        let then = lines(&then.expect("it said what was in it"));
        let now: Timestamp = "2026-11-24T00:00:00Z"
            .parse::<chrono::DateTime<chrono::Utc>>()
            .expect("a time")
            .into();
        let settings = settings(&data);
        let read = migrate(&settings, now, &mut |_, _| {}).expect("it is migrated");
        assert!(read.records >= then.len() as u64, "{version}");
        compact(&settings, now, &mut |_, _| {}).expect("it is compacted");
        let (database, _, notices) = Database::open(&settings, now).expect("it opens");
        assert!(notices.is_empty(), "{version}: {notices:?}");
        let mut out = Vec::new();
        database.export(&mut out).expect("it is read");
        let found = lines(&String::from_utf8(out).expect("UTF-8"));
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for line in &then {
            assert!(
                found.iter().any(|found| has(found, line)),
                "{version}: this is not there any more: {line}"
            );
            let mut keys = line.as_object().into_iter().flat_map(|line| line.keys());
            let kind = keys.find(|key| *key != "v").expect("it has one");
            *kinds.entry(kind.clone()).or_default() += 1;
        }
        // A store in which there is little proves little.
        for kind in [
            "store",
            "check",
            "planned",
            "incident",
            "transition",
            "attempt",
        ] {
            assert!(
                kinds.contains_key(kind),
                "{version} has no {kind}: {kinds:?}"
            );
        }
        tried.push(version);
    }
    assert!(tried.iter().any(|version| version == "0.1.0"), "{tried:?}");
}
