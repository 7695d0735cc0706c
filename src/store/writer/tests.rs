//! Batches in good and in bad times.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{
    Committed, Message, News, Now, Pace, Start, Status, Writer,
    hand::{Answer, Hand, Job},
};
use crate::{
    model::{Batch, Moment, Tick},
    store::{
        Database, Error,
        schema::v1,
        tests::{Place, at, comes_up, goes_down},
        vault::Door,
    },
};

const PACE: Pace = Pace {
    retry_first: Duration::from_millis(10),
    retry_most: Duration::from_millis(40),
    disk_limit: Duration::from_mins(1),
    sweep_every: Duration::from_mins(10),
};

/// A clock that goes on by a little at each look, so that what waits for a time comes to it.
fn now() -> Now {
    let ticks = Mutex::new(0);
    Arc::new(move || {
        let mut ticks = ticks.lock().unwrap();
        *ticks += 1_000;
        Moment {
            tick: Tick::from_micros(*ticks),
            at: at(1_000_000),
        }
    })
}

fn start(start: Start, pace: Pace) -> (Writer, UnboundedReceiver<News>) {
    let (news, heard) = unbounded_channel();
    let (writer, _thread) = Writer::start(start, now(), news, pace).unwrap();
    (writer, heard)
}

fn batches() -> Vec<Arc<Batch>> {
    (1..=20)
        .flat_map(|number| {
            let second = i64::try_from(number).unwrap() * 100;
            [
                goes_down("blue", number, second),
                comes_up("blue", number, second + 60),
            ]
        })
        .map(Arc::new)
        .collect()
}

async fn until_well(writer: &Writer) {
    let mut status = writer.status();
    status
        .wait_for(|status| *status == Status::Well)
        .await
        .unwrap();
}

/// What all of them together leave, and the number of transitions.
fn holds(place: &Place, batches: &[Arc<Batch>]) {
    let expected = {
        let mut live = crate::store::live::Live::default();
        for batch in batches {
            live.apply(&v1::Batch::of(batch));
        }
        live.to_loaded()
    };
    let (database, loaded) = place.open_well();
    assert_eq!(loaded, expected);
    let transitions: usize = batches.iter().map(|batch| batch.transitions.len()).sum();
    assert_eq!(
        database.door.count_transitions().unwrap(),
        u64::try_from(transitions).unwrap()
    );
}

#[tokio::test]
async fn in_good_times_everything_is_durable_when_it_is_answered() {
    let place = Place::new();
    let (writer, _heard) = start(Start::With(Box::new(place.open_well().0)), PACE);
    let batches = batches();
    let commits: Vec<_> = batches
        .iter()
        .map(|batch| writer.commit(Arc::clone(batch)))
        .collect();
    for commit in commits {
        assert_eq!(commit.await, Committed::Durable);
    }
    let empty = writer.commit(Arc::new(Batch::new(at(0)))).await;
    assert_eq!(empty, Committed::Durable);
    assert_eq!(*writer.status().borrow(), Status::Well);
    let reader = writer.reader();
    let blue = crate::model::TargetId::new("blue");
    assert_eq!(reader.transitions(&blue, at(0), 100).unwrap().len(), 40);
    assert_eq!(writer.close(Duration::from_mins(1)).await, Some(0));
    assert!(matches!(
        reader.transitions(&blue, at(0), 100),
        Err(Error::Closed)
    ));
    let late = writer.commit(Arc::clone(&batches[0])).await;
    assert!(matches!(late, Committed::KeptInMemory { .. }));
    holds(&place, &batches);
}

#[tokio::test]
async fn a_dropped_writer_closes_the_store_after_the_last_batch() {
    let place = Place::new();
    let (news, _heard) = unbounded_channel();
    let database = Box::new(place.open_well().0);
    let (writer, thread) = Writer::start(Start::With(database), now(), news, PACE).unwrap();
    let batches = batches();
    for batch in &batches {
        drop(writer.commit(Arc::clone(batch)));
    }
    drop(writer);
    tokio::task::spawn_blocking(|| thread.join().unwrap())
        .await
        .unwrap();
    holds(&place, &batches);
}

#[tokio::test]
async fn a_failed_commit_is_kept_and_written_after_the_store_is_opened_anew() {
    let place = Place::new();
    let mut database = place.open_well().0;
    database.is_failed = true;
    let (writer, _heard) = start(Start::With(Box::new(database)), PACE);
    let reader = writer.reader();
    let batches = batches();
    let first = writer.commit(Arc::clone(&batches[0])).await;
    let Committed::KeptInMemory { why } = first else {
        panic!("it was to fail");
    };
    assert_eq!(why, "the store is closed");
    for batch in &batches[1..] {
        // In memory or durable by now; never refused, never waiting.
        writer.commit(Arc::clone(batch)).await;
    }
    until_well(&writer).await;
    let blue = crate::model::TargetId::new("blue");
    // The reader of before looks into the store of now.
    assert_eq!(reader.transitions(&blue, at(0), 1).unwrap().len(), 1);
    assert_eq!(writer.close(Duration::from_mins(1)).await, Some(0));
    holds(&place, &batches);
}

#[tokio::test]
async fn without_a_store_it_waits_for_one_and_tells_what_is_in_it() {
    let place = Place::new();
    let batches = batches();
    let (mut database, _) = place.open_well();
    database.commit(&batches[..10]).unwrap();
    let held = database.live.to_loaded();
    let error = Database::open(&place.settings, at(0)).unwrap_err();
    let without = Start::Without(place.settings.clone(), error.to_string());
    let (writer, mut heard) = start(without, PACE);
    for batch in &batches[10..] {
        let committed = writer.commit(Arc::clone(batch)).await;
        assert!(
            matches!(committed, Committed::KeptInMemory { .. }),
            "{committed:?}"
        );
    }
    let Status::Trouble { why, since } = writer.status().borrow().clone() else {
        panic!("there is no store");
    };
    assert!(why.contains("in use by process"), "{why}");
    assert_eq!(since, at(1_000_000));
    drop(database);
    until_well(&writer).await;
    assert_eq!(heard.recv().await, Some(News::Found(Box::new(held))));
    assert_eq!(writer.close(Duration::from_mins(1)).await, Some(0));
    holds(&place, &batches);
}

#[tokio::test]
async fn closing_without_a_store_says_what_is_not_written() {
    let place = Place::new();
    let (_database, _) = place.open_well();
    let without = Start::Without(place.settings.clone(), String::from("no store"));
    let (writer, _heard) = start(without, PACE);
    writer.commit(Arc::new(goes_down("blue", 1, 0))).await;
    assert_eq!(writer.close(Duration::from_mins(1)).await, Some(4));
}

#[tokio::test]
async fn a_disk_that_does_not_answer_is_told_and_waited_for() {
    let place = Place::new();
    let hasty = Pace {
        disk_limit: Duration::ZERO,
        ..PACE
    };
    let (writer, _heard) = start(Start::With(Box::new(place.open_well().0)), hasty);
    let batches = batches();
    for batch in &batches {
        // Every commit is too slow by this measure.
        let committed = writer.commit(Arc::clone(batch)).await;
        if let Committed::KeptInMemory { why } = committed {
            assert_eq!(why, "the disk has not answered for 0 s");
        }
    }
    until_well(&writer).await;
    assert_eq!(writer.close(Duration::from_mins(1)).await, Some(0));
    holds(&place, &batches);
}

#[test]
fn what_was_written_though_it_failed_is_not_written_twice() {
    let place = Place::new();
    let (mut database, _) = place.open_well();
    let batches = batches();
    let before = database.sequence();
    // The journal has it, the acknowledgement never came.
    database
        .journal
        .append(&[v1::Batch::of(&batches[0])])
        .unwrap();
    let hand = Hand::new(
        Some(database),
        place.settings.clone(),
        Door::default(),
        now(),
    )
    .after(before);
    let (answers, inbox) = mpsc::channel();
    let jobs = hand.spawn(answers).unwrap();
    jobs.send(Job::Open(batches[..3].to_vec())).unwrap();
    let Message::Done(Answer::Opened(Ok(opened))) = inbox.recv().unwrap() else {
        panic!("it opens");
    };
    assert_eq!(opened.written, 1);
    assert_eq!(opened.loaded.open.len(), 1);
}
