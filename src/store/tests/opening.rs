//! The ladder: what sled and the journal can be found like, and what is done and told.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Place, at, comes_up, commit, goes_down, titles};
use crate::{
    model::{Batch, Loaded, TargetId, Timestamp},
    store::{Database, Error, schema::v1, verify_journal},
};

/// A store with an open incident, an unsent message and some history.
fn with_history(place: &Place) -> Loaded {
    let (mut database, _) = place.open_well();
    for number in 1..=20 {
        let second = i64::try_from(number).unwrap() * 100;
        commit(&mut database, goes_down("blue", number, second));
        commit(&mut database, comes_up("blue", number, second + 60));
    }
    commit(&mut database, goes_down("green", 21, 5_000));
    let loaded = database.live.to_loaded();
    drop(database);
    loaded
}

fn journal_of(place: &Place) -> PathBuf {
    let mut files: Vec<_> = fs::read_dir(place.path())
        .unwrap()
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    files.sort();
    files.pop().unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(file.file_name());
        if file.path().is_dir() {
            copy_folder(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

/// Opens it, expects what was there, and expects the second opening to have nothing more to say.
fn opens_with(place: &Place, expected: &Loaded, told: &[&str]) -> u64 {
    let (database, loaded, notices) = place.open();
    assert_eq!(titles(&notices), told, "{notices:#?}");
    assert_eq!(&loaded, expected);
    drop(database);
    let (database, loaded) = place.open_well();
    assert_eq!(&loaded, expected);
    assert_eq!(
        database.door.live().unwrap().unwrap().1.to_loaded(),
        *expected,
        "sled says the same"
    );
    let history = database
        .reader()
        .transitions(&TargetId::new("blue"), Timestamp::from_millis(0), 100)
        .unwrap();
    u64::try_from(history.len()).unwrap()
}

#[test]
fn sled_gone_is_filled_from_the_journal() {
    let place = Place::new();
    let expected = with_history(&place);
    fs::remove_dir_all(place.path().join("sled")).unwrap();
    let history = opens_with(
        &place,
        &expected,
        &["The store was rebuilt from its journal"],
    );
    assert_eq!(history, 40);
}

#[test]
fn a_spoiled_snapshot_is_set_aside() {
    let place = Place::new();
    let expected = with_history(&place);
    // sled writes one when it opens a log that has grown.
    place.open_well();
    for file in fs::read_dir(place.path().join("sled")).unwrap().flatten() {
        if file.file_name().to_string_lossy().starts_with("snap.") {
            fs::write(file.path(), b"").unwrap();
        }
    }
    let history = opens_with(
        &place,
        &expected,
        &["The store's snapshot file was set aside"],
    );
    assert_eq!(history, 40);
}

/// Four lines of one write, of which this one is zeros, as after a loss of power; and what was durable before them.
fn torn_group(place: &Place, torn: usize) -> Loaded {
    let expected = with_history(place);
    let whole = fs::read(journal_of(place)).unwrap();
    let (mut database, _) = place.open_well();
    let group: Vec<_> = (22..26)
        .map(|number| v1::Batch::of(&goes_down(&format!("of {number}"), number, 6_000)))
        .collect();
    database.journal.append(&group).unwrap();
    drop(database);
    let mut text = fs::read(journal_of(place)).unwrap();
    let starts: Vec<_> = std::iter::once(whole.len())
        .chain(
            (whole.len()..text.len())
                .filter(|&at| text[at] == b'\n')
                .map(|at| at + 1),
        )
        .collect();
    text[starts[torn]..starts[torn + 1]].fill(0);
    fs::write(journal_of(place), text).unwrap();
    expected
}

#[test]
fn of_a_group_in_pieces_only_what_comes_before_the_hole_is_used() {
    for torn in 0..4 {
        let place = Place::new();
        let before = torn_group(&place, torn);
        let (database, loaded, notices) = place.open();
        assert_eq!(
            titles(&notices),
            ["The end of the store's journal was cut off"],
            "{notices:#?}"
        );
        assert_eq!(loaded.open.len(), before.open.len() + torn);
        drop(database);
        let (_, again) = place.open_well();
        assert_eq!(again, loaded);
        assert_eq!(verify_journal(&place.path()).unwrap().faults, []);
    }
}

#[test]
fn an_older_copy_of_sled_is_brought_up_to_date() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    commit(&mut database, goes_down("blue", 30, 0));
    drop(database);
    let older = place.path().join("older");
    copy_folder(&place.path().join("sled"), &older);
    let expected = with_history(&place);
    fs::remove_dir_all(place.path().join("sled")).unwrap();
    fs::rename(older, place.path().join("sled")).unwrap();
    // 41 commits are what one crash explains at most, so they are no news.
    assert_eq!(opens_with(&place, &expected, &[]), 41);
}

#[test]
fn a_journal_gone_is_begun_anew() {
    let place = Place::new();
    let expected = with_history(&place);
    fs::remove_file(journal_of(&place)).unwrap();
    let history = opens_with(&place, &expected, &["The store's journal was gone"]);
    assert_eq!(history, 40);
    assert_eq!(verify_journal(&place.path()).unwrap().faults, []);
}

#[test]
fn an_older_journal_does_not_turn_back_the_time() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    commit(&mut database, goes_down("blue", 30, 0));
    drop(database);
    let journal = journal_of(&place);
    let older = fs::read(&journal).unwrap();
    let expected = with_history(&place);
    fs::write(&journal, older).unwrap();
    opens_with(&place, &expected, &["The store's journal was behind"]);
}

#[test]
fn a_torn_end_is_cut_off() {
    let place = Place::new();
    let expected = with_history(&place);
    let journal = journal_of(&place);
    let whole = fs::read(&journal).unwrap();
    for torn in [
        &b"{\"v\":1,\"n\":43,\"at\":\"20"[..],
        b"\n",
        &[0; 4_096],
        b"\xFF\xFE\n\n",
    ] {
        fs::write(&journal, [&whole, torn].concat()).unwrap();
        opens_with(
            &place,
            &expected,
            &["The end of the store's journal was cut off"],
        );
        assert_eq!(fs::read(&journal).unwrap(), whole);
    }
}

#[test]
fn a_line_changed_by_hand_is_named_and_sled_knows_better() {
    let place = Place::new();
    let expected = with_history(&place);
    let journal = journal_of(&place);
    let text = fs::read_to_string(&journal).unwrap();
    let forged = text.replacen("\"blue\"", "\"blau\"", 9);
    fs::write(&journal, &forged).unwrap();
    let examined = verify_journal(&place.path()).unwrap();
    assert!(!examined.faults.is_empty());
    assert_eq!(examined.faults[0].line, 2);
    assert_eq!(
        examined.faults[0].why,
        "it is not what was written: the hash is another"
    );
    opens_with(&place, &expected, &["The store's journal is damaged"]);
}

#[test]
fn a_missing_line_is_seen_by_the_chain() {
    let place = Place::new();
    let expected = with_history(&place);
    let journal = journal_of(&place);
    let text = fs::read_to_string(&journal).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let without = [&lines[..10], &lines[11..]].concat().join("\n") + "\n";
    fs::write(&journal, without).unwrap();
    let examined = verify_journal(&place.path()).unwrap();
    assert_eq!(examined.faults.len(), 1);
    assert_eq!(
        (examined.faults[0].line, examined.faults[0].why.as_str()),
        (11, "it does not follow line 10")
    );
    opens_with(&place, &expected, &["The store's journal is damaged"]);
}

#[test]
fn with_a_damaged_journal_and_no_sled_the_rest_is_kept() {
    let place = Place::new();
    let expected = with_history(&place);
    let journal = journal_of(&place);
    let text = fs::read_to_string(&journal).unwrap();
    let mut lines: Vec<_> = text.lines().map(String::from).collect();
    // Something about blue that a later line says again.
    lines[5] = lines[5].replace("HTTP", "http");
    fs::write(&journal, lines.join("\n") + "\n").unwrap();
    fs::remove_dir_all(place.path().join("sled")).unwrap();
    let (_, loaded, notices) = place.open();
    assert_eq!(
        titles(&notices),
        ["The store's journal is damaged"],
        "{notices:#?}"
    );
    assert_eq!(loaded.open.last(), expected.open.last());
    assert_eq!(loaded.checks, expected.checks);
    assert_eq!(loaded.incidents, expected.incidents);
}

#[test]
fn garbage_everywhere_is_an_empty_store_and_says_so() {
    let place = Place::new();
    with_history(&place);
    fs::write(journal_of(&place), "garbage\n").unwrap();
    fs::remove_dir_all(place.path().join("sled")).unwrap();
    opens_with(&place, &Loaded::default(), &["The store is empty"]);
}

#[test]
fn records_that_vanish_from_sled_are_noticed_and_restored() {
    let place = Place::new();
    let expected = with_history(&place);
    let db = sled::open(place.path().join("sled")).unwrap();
    for tree in ["checks", "transitions", "outbox"] {
        let tree = db.open_tree(tree).unwrap();
        let (key, _) = tree.first().unwrap().unwrap();
        tree.remove(key).unwrap();
    }
    drop(db);
    let told = ["The store was rebuilt from its journal"];
    let history = opens_with(&place, &expected, &told);
    assert_eq!(history, 40);
}

#[test]
fn records_that_vanish_from_sled_alone_are_counted() {
    let place = Place::new();
    let expected = with_history(&place);
    let db = sled::open(place.path().join("sled")).unwrap();
    let transitions = db.open_tree("transitions").unwrap();
    let (key, _) = transitions.first().unwrap().unwrap();
    transitions.remove(key).unwrap();
    drop((transitions, db));
    let journal = journal_of(&place);
    let text = fs::read_to_string(&journal).unwrap();
    // Without the line that could restore it.
    fs::write(&journal, text.lines().next().unwrap().to_owned() + "\n").unwrap();
    let (_, loaded, notices) = place.open();
    assert_eq!(loaded, expected);
    assert_eq!(
        titles(&notices),
        [
            "The store's journal was behind",
            "The store had lost records"
        ],
        "{notices:#?}"
    );
}

#[test]
fn a_store_of_a_newer_hekate_is_left_alone() {
    let place = Place::new();
    with_history(&place);
    let before = fs::read(journal_of(&place)).unwrap();
    let db = sled::open(place.path().join("sled")).unwrap();
    let meta = db.open_tree("meta").unwrap();
    let mut value = meta.get("meta").unwrap().unwrap().to_vec();
    value[0] = 2;
    meta.insert("meta", value).unwrap();
    drop((meta, db));
    let error = Database::open(&place.settings, at(0)).unwrap_err();
    assert!(matches!(error, Error::Newer { found: 2, .. }), "{error}");
    assert!(!error.may_pass());
    assert_eq!(fs::read(journal_of(&place)).unwrap(), before);
}

#[test]
fn openings_that_never_came_back_end_the_loop() {
    let place = Place::new();
    let expected = with_history(&place);
    // As three processes that were ended in the middle leave it.
    fs::write(place.path().join("opening"), "3\n").unwrap();
    opens_with(
        &place,
        &expected,
        &["The store was rebuilt from its journal"],
    );
    let aside = fs::read_dir(place.path()).unwrap().flatten();
    let aside = aside.filter(|file| {
        file.file_name()
            .to_string_lossy()
            .starts_with("sled.broken-")
    });
    assert_eq!(aside.count(), 1);
}

#[test]
fn a_rename_is_kept_when_history_is_restored() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    commit(&mut database, goes_down("old", 1, 0));
    let mut renamed = Batch::new(at(30));
    renamed.renamed = vec![(TargetId::new("old"), TargetId::new("blue"))];
    commit(&mut database, renamed);
    commit(&mut database, comes_up("blue", 1, 60));
    let expected = database.live.to_loaded();
    drop(database);
    assert_eq!(opens_with(&place, &expected, &[]), 2, "there is no hole");
    fs::remove_dir_all(place.path().join("sled")).unwrap();
    let history = opens_with(
        &place,
        &expected,
        &["The store was rebuilt from its journal"],
    );
    assert_eq!(history, 2);
}
