//! Killed at each step on the way from a change to its message, one after the other.
//!
//! A commit appends to the journal, syncs it, writes to sled, and syncs that. A message is told after three of them have
//! begun: the change itself, the mark that an attempt begins, and the mark that it was accepted.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::{
    chance::count,
    home::{Hekate, Home},
    receiver::{Reaction, Receiver, Told},
    strace::{self, Faults},
    targets::{Mood, Targets},
    wait::until,
};

const ROUTES: &str =
    "routes:\n  - { match: { target: [api, web] }, to: alerts }\n  - { to: ops }\n";

/// The calls of three commits in their order, each with its number among those of its kind: the journal is appended to
/// and synced, sled written and synced.
const CALLS: [(&str, u64); 11] = [
    ("write", 1),
    ("fdatasync", 1),
    ("pwrite64", 1),
    ("pwrite64", 2),
    ("fdatasync", 2),
    ("write", 2),
    ("fdatasync", 3),
    ("fdatasync", 4),
    ("write", 3),
    ("fdatasync", 5),
    ("fdatasync", 6),
];
/// How many of these run at once.
const AT_ONCE: usize = 7;

/// Where it is killed.
#[derive(Clone, Copy, Debug)]
enum Point {
    /// Before this call.
    Call(&'static str, u64),
    /// When the receiver has the message and has not answered.
    Unanswered,
    /// When the receiver has answered.
    Answered,
}

fn points() -> Vec<Point> {
    let wanted = count("HEKATE_E2E_KILL_POINTS", 4);
    let wanted = usize::try_from(wanted).map_or(CALLS.len(), |wanted| wanted.min(CALLS.len()));
    let calls = (0..wanted).map(|index| CALLS[index * CALLS.len() / wanted]);
    calls
        .map(|(call, number)| Point::Call(call, number))
        .chain([Point::Unanswered, Point::Answered])
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_whichever_step_it_is_killed_all_is_told_and_a_second_copy_says_so() {
    if strace::is_there() {
        for points in points().chunks(AT_ONCE) {
            join_all(points.iter().map(|point| story(*point))).await;
        }
        for points in points().chunks(AT_ONCE) {
            join_all(points.iter().map(|point| grouped(*point))).await;
        }
    }
}

/// Lets these fail, and kills hekate there.
async fn kill_at(
    point: Point,
    hekate: &mut Hekate,
    home: &Home,
    (targets, receiver): (&Targets, &Receiver),
    failing: &[&str],
) {
    let store = home.path().join("data");
    let _faults = match point {
        Point::Call(call, number) => Some(Faults::kill_at(hekate, call, number, &store).await),
        Point::Unanswered => {
            receiver.react("alerts", &[Reaction::Hang, Reaction::Ok]);
            None
        }
        Point::Answered => None,
    };
    for name in failing {
        targets.set(name, Mood::Down);
    }
    match point {
        Point::Call(..) => die(hekate, targets, receiver).await,
        Point::Unanswered | Point::Answered => {
            receiver.hear("alerts", "something", |_| true).await;
        }
    }
}

/// Two that fail for one reason: whatever of it was told, told it is to its end, under one name.
async fn grouped(point: Point) {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts", "ops"]);
    home.write_grouped(&(targets.section(&["api", "web"]) + ROUTES));
    let mut hekate = home.start().await;
    hekate.ready().await;
    let sides = (&targets, &receiver);
    kill_at(point, &mut hekate, &home, sides, &["api", "web"]).await;
    hekate.kill();

    let hekate = home.start().await;
    let down = receiver.hear_down("alerts").await;
    for name in ["api", "web"] {
        let shown = hekate.shows(name, "down").await;
        assert_eq!(shown["incident"], down.id(), "{point:?}: {name}");
    }
    for name in ["api", "web"] {
        targets.set(name, Mood::Up);
    }
    receiver.hear_up("alerts", down.id()).await;
    hekate.stop().await;
    let told = receiver.told_to("alerts");
    let ids: BTreeSet<_> = told.iter().map(Told::id).collect();
    assert_eq!(ids.len(), 1, "{point:?}: {told:?}");
    let texts: BTreeSet<_> = told.iter().map(|told| &told.text).collect();
    assert_eq!(texts.len(), told.len(), "{point:?}: {told:?}");
    let ups: Vec<_> = told.iter().filter(|told| told.is_up()).collect();
    assert_eq!(ups.len(), 1, "{point:?}: {told:?}");
    let verified = home.run(&["store", "verify"]).await;
    assert!(verified.status.success(), "{point:?}: {verified:?}");
}

async fn story(point: Point) {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts", "ops"]);
    home.write(&(targets.section(&["api", "web"]) + ROUTES));
    let mut hekate = home.start().await;
    hekate.ready().await;
    let sides = (&targets, &receiver);
    kill_at(point, &mut hekate, &home, sides, &["api"]).await;
    // Twice in a row each call of a kind comes for sure; later ones may be one commit with what comes meanwhile.
    if let Point::Call(call, 1) | Point::Call(call @ ("fdatasync" | "write"), 2) = point {
        assert!(hekate.has_ended(), "nothing came to a {call}");
    }
    hekate.kill();

    let hekate = home.start().await;
    let down = receiver.hear_down("alerts").await;
    let shown = hekate.shows("api", "down").await;
    assert_eq!(shown["incident"], down.id(), "{point:?}");
    hekate.shows("web", "operational").await;
    targets.set("api", Mood::Up);
    receiver.hear_up("alerts", down.id()).await;
    hekate.stop().await;

    let told = receiver.told_to("alerts");
    let (ups, downs): (Vec<_>, Vec<_>) = told.iter().partition(|told| told.is_up());
    assert_eq!(ups.len(), 1, "{point:?}: {told:?}");
    assert!(!ups[0].is_repeat(), "{point:?}: {told:?}");
    assert!(matches!(downs.len(), 1 | 2), "{point:?}: {told:?}");
    if let [first, second] = downs.as_slice() {
        assert!(
            !first.is_repeat() && second.is_repeat(),
            "{point:?}: {told:?}"
        );
        assert_eq!(first.id(), second.id(), "{point:?}");
    }
    let is_known = |text: &str| text.contains("journal was cut off");
    let ops = receiver.told_to("ops");
    assert!(
        ops.iter().all(|told| is_known(&told.text)),
        "{point:?}: {ops:?}"
    );
    let verified = home.run(&["store", "verify"]).await;
    assert!(verified.status.success(), "{point:?}: {verified:?}");
}

/// Waits until it is killed, or was looking on for so long after the message that nothing more comes.
async fn die(hekate: &mut Hekate, targets: &Targets, receiver: &Receiver) {
    let mut told_at = None;
    until("it dies", async || {
        if told_at.is_none() && !receiver.told_to("alerts").is_empty() {
            told_at = Some(targets.asked("api"));
        }
        let is_quiet = told_at.is_some_and(|told_at| targets.asked("api") > told_at + 2);
        (hekate.has_ended() || is_quiet).then_some(())
    })
    .await;
}
