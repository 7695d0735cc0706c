//! Which store a round asks: the one that was opened before, if the file still says the same.

use std::sync::Arc;

use super::{KEPT_WITHOUT_SOURCE, Opened, Stores, stand_in};
use crate::{
    clock::Clock,
    model::{
        SourceName, Tick,
        logs::{LogSource, LogStore},
    },
};

fn files(name: &str, grace_s: u64) -> Arc<LogSource> {
    let store = LogStore::File {
        timezone: chrono_tz::UTC,
        rotation_grace: std::time::Duration::from_secs(grace_s),
    };
    Arc::new(LogSource {
        name: SourceName::new(name),
        ..stand_in::source(store)
    })
}

fn is_same(stores: &Stores, source: &Arc<LogSource>, before: &super::Ways) -> bool {
    let ways = stores
        .ways(source)
        .unwrap_or_else(|fault| panic!("{fault:?}"));
    Arc::ptr_eq(&ways.store, &before.store) && Arc::ptr_eq(&ways.canary, &before.canary)
}

/// Else every reload would forget what is known of rotated files, and open all connections anew.
#[test]
fn a_store_stays_open_over_a_reload_that_does_not_change_it() {
    let stores = Stores::new(Clock::start());
    let first = files("a", 60);
    let Ok(ways) = stores.ways(&first) else {
        panic!("files can always be opened");
    };
    assert!(is_same(&stores, &first, &ways));
    drop(first);
    // Another source is asked before this one is.
    assert!(!is_same(&stores, &files("b", 60), &ways));
    let again = files("a", 60);
    assert!(is_same(&stores, &again, &ways));
    assert!(is_same(&stores, &again, &ways));
    drop(again);
    assert!(
        !is_same(&stores, &files("a", 90), &ways),
        "it says something else now"
    );
}

#[test]
fn what_left_the_file_for_good_is_closed() {
    let stores = Stores::new(Clock::start());
    let source = files("a", 60);
    assert!(stores.ways(&source).is_ok());
    let mut open = stores.open.lock().expect("nobody panicked");
    let opened: &mut Opened = open.values_mut().next().expect("it was opened");
    let at = |time| Tick::ZERO + time;
    assert!(
        opened.is_kept(at(KEPT_WITHOUT_SOURCE * 5)),
        "it is still in the file"
    );
    drop(source);
    let gone = KEPT_WITHOUT_SOURCE * 6;
    assert!(opened.is_kept(at(gone)));
    assert!(opened.is_kept(at(gone + KEPT_WITHOUT_SOURCE / 2)));
    assert!(!opened.is_kept(at(gone + KEPT_WITHOUT_SOURCE)));
}
