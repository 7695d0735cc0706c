//! How fast the store is: `cargo bench --bench store`.
//!
//! Prints durable transitions a second, the time of one commit, and of a store with 400 days of 1,000 targets (one
//! outage a week each) the time to open it and the bytes per transition.

#[path = "../tests/store/records.rs"]
mod records;

use std::{sync::Arc, time::Duration};

use hekate::{
    clock::Clock,
    model::{Batch, TargetId, plan::StoreSettings},
    store::Database,
};

const TARGETS: u64 = 1_000;
const DAYS: u64 = 400;

#[expect(clippy::print_stdout, reason = "printing is what it is for")]
fn main() {
    let clock = Clock::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = |name: &str| StoreSettings {
        path: folder.path().join(name),
        retention: Duration::from_hours(DAYS * 24),
    };

    for together in [1, 32] {
        let (mut database, _, _) =
            Database::open(&settings(&format!("commits-{together}")), records::at(0))
                .expect("it opens");
        let mut times = Vec::new();
        let mut number = 0;
        let start = clock.now().tick;
        for _ in 0..1_000 {
            let batches: Vec<_> = (number + 1..=number + together)
                .map(|number| Arc::new(records::batch(number)))
                .collect();
            number += together;
            let begun = clock.now().tick;
            database.commit(&batches).expect("it is written");
            times.push(clock.now().tick.since(begun));
        }
        let took = clock.now().tick.since(start);
        times.sort_unstable();
        println!(
            "{together} a commit: {:.0} durable transitions/s, commit p50 {:?}, p99 {:?}",
            1_000.0 * f64::from(u32::try_from(together).unwrap_or(1)) / took.as_secs_f64(),
            times[times.len() / 2],
            times[times.len() * 99 / 100]
        );
    }

    let settings = settings("long");
    let (mut database, _, _) = Database::open(&settings, records::at(0)).expect("it opens");
    let transitions = TARGETS * DAYS / 7 * 2;
    let start = clock.now().tick;
    for first in (0..transitions).step_by(256) {
        let mut batch = Batch::new(records::at(first));
        for number in first..(first + 256).min(transitions) {
            let mut transition = records::transition(number);
            let target = format!("group/target-{}", number % TARGETS);
            transition.check.target = TargetId::new(target);
            transition.at = records::at(number * DAYS * 86_400 / transitions);
            batch.transitions.push(transition);
            if number % 2 == 0 {
                let mut incident = records::incident(number / 2 + 1);
                incident.closed_at = Some(incident.opened_at);
                batch.incidents.push(incident);
            }
        }
        database.commit(&[Arc::new(batch)]).expect("it is written");
    }
    println!(
        "{transitions} transitions written in {:?}",
        clock.now().tick.since(start)
    );
    drop(database);
    for _ in 0..3 {
        let begun = clock.now().tick;
        let (database, _, notices) = Database::open(&settings, records::at(0)).expect("it opens");
        println!(
            "open {:?}, {} notices, {} bytes, {} bytes per transition",
            clock.now().tick.since(begun),
            notices.len(),
            database.size_bytes(),
            database.size_bytes() / transitions
        );
    }
}
