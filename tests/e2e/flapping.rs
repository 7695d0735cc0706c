//! What goes up and down all the time.

use rustix::process::Signal;

use super::{
    home::{Hekate, Home},
    receiver::{Receiver, Told},
    targets::{Mood, Targets},
};

/// Goes down and comes back, so often.
async fn flap(hekate: &Hekate, targets: &Targets, times: u32) {
    for _ in 0..times {
        targets.set("api", Mood::Down);
        hekate.shows("api", "down").await;
        targets.set("api", Mood::Up);
        hekate.shows("api", "operational").await;
    }
}

fn is_flapping(told: &Told) -> bool {
    told.text.starts_with("FLAPPING: api") && told.is_taken()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_up_and_down_is_told_as_one_and_ends_with_the_truth() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["core"]);
    let section = targets.section(&["api"]);
    home.write_damped(&section);
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;

    flap(&hekate, &targets, 6).await;
    let flapping = receiver.hear("core", "that it flaps", is_flapping).await;
    assert!(flapping.text.contains("bad 3 times"), "{flapping:?}");

    // It goes on in a new process, which knows what was told.
    hekate.kill();
    let hekate = home.start().await;
    hekate.ready().await;
    flap(&hekate, &targets, 2).await;

    // Its end is half an hour away, unless somebody wants to hear of everything.
    home.write(&section);
    hekate.signal(Signal::HUP);
    receiver.hear_up("core", flapping.id()).await;
    flap(&hekate, &targets, 1).await;
    hekate.stop().await;

    let told = receiver.told_to("core").into_iter();
    let told = told.filter(|told| !told.is_repeat());
    let words: Vec<_> = told
        .map(|told| told.text.split(':').next().unwrap_or_default().to_owned())
        .collect();
    let expected = [
        "DOWN", "UP AGAIN", "DOWN", "UP AGAIN", "FLAPPING", "UP AGAIN", "DOWN", "UP AGAIN",
    ];
    assert_eq!(words, expected);
}
