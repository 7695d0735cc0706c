//! Frozen and woken, as by a laptop's lid or a virtual machine that was moved.

use std::time::Duration;

use rustix::process::Signal;

use super::{chance::count, home::Home, receiver::Receiver, targets::Targets, wait::until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hears_of_a_freeze() {
    let head = "group_incidents: false\n";
    tokio::join!(freeze(head), freeze(""));
}

async fn freeze(head: &str) {
    let seconds = count("HEKATE_E2E_STOP_SECONDS", 4);
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts"]);
    let names: Vec<_> = (0..30).map(|number| format!("t{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    home.write_grouped(&(head.to_owned() + &targets.section(&names)));
    let hekate = home.start().await;
    hekate.ready().await;

    hekate.signal(Signal::STOP);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let before: Vec<_> = names.iter().map(|name| targets.asked(name)).collect();
    hekate.signal(Signal::CONT);

    // Long enough after it that everything that was in question would have been decided.
    until("everything was looked at six more times", async || {
        let mut pairs = names.iter().zip(&before);
        pairs
            .all(|(name, before)| targets.asked(name) >= before + 6)
            .then_some(())
    })
    .await;
    let counts = hekate.status().await["counts"].clone();
    assert_eq!(counts["down"], 0, "{counts}");
    hekate.stop().await;
    let told: Vec<_> = receiver.told().into_iter().map(|told| told.text).collect();
    assert_eq!(told, Vec::<String>::new());
    let log = home.words_of_all_runs();
    assert!(log.contains("clock.mistrusted"), "{log}");
}
