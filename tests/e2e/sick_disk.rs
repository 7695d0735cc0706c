//! A disk that is there and fails: nothing can be synced, nothing can be written, or nothing comes back.

use futures_util::future::join_all;

use super::{
    home::{Hekate, Home},
    receiver::{Receiver, Told},
    strace::{self, Faults},
    targets::{Mood, Targets},
    wait::until,
};

const ROUTES: &str =
    "routes:\n  - { match: { target: [api, web] }, to: alerts }\n  - { to: ops }\n";

/// What fails, how, and what ops hears of it for sure.
const FAULTS: [(&str, &str, Option<&str>); 10] = [
    ("fsync,fdatasync", "error=EIO", Some(CANNOT_BE_WRITTEN)),
    ("pwrite64,write", "error=EIO", Some(CANNOT_BE_WRITTEN)),
    ("pwrite64,write", "error=ENOSPC", Some(CANNOT_BE_WRITTEN)),
    ("fdatasync", "delay_enter=8s", Some(CANNOT_BE_WRITTEN)),
    // Only sled writes so.
    (
        "pwrite64",
        "error=EIO",
        Some("The store runs on its journal alone"),
    ),
    // Once, and then now and then.
    ("fdatasync", "error=EIO:when=1", None),
    ("write,fsync,fdatasync,pwrite64", "error=EIO:when=1+2", None),
    ("write,fsync,fdatasync,pwrite64", "error=EIO:when=2+3", None),
    (
        "write,pwrite64,pread64,fdatasync",
        "error=EIO:when=1+4",
        None,
    ),
    ("write,pwrite64,ftruncate", "error=ENOSPC:when=2+2", None),
];
const CANNOT_BE_WRITTEN: &str = "hekate: the store cannot be written";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_disk_fails_all_is_told_and_afterwards_all_is_remembered() {
    if strace::is_there() {
        join_all(FAULTS.map(|(calls, fault, words)| story(calls, fault, words))).await;
    }
}

async fn story(calls: &str, fault: &str, words: Option<&str>) {
    let is_trouble = |told: &Told| words.is_some_and(|words| told.text.contains(words));
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts", "ops"]);
    home.write(&(targets.section(&["api", "web"]) + ROUTES));
    targets.set("api", Mood::Down);
    let hekate = home.start().await;
    let api = receiver.hear_down("alerts").await;
    hekate.shows("web", "operational").await;

    let faults = Faults::on(&hekate, calls, fault, &home.path().join("data")).await;
    targets.set("web", Mood::Down);
    let web = receiver.hear("alerts", "of web", is_of_web).await;
    faults.bite().await;
    if words.is_some() {
        receiver
            .hear("ops", "of the store's trouble", is_trouble)
            .await;
    }
    if words == Some(CANNOT_BE_WRITTEN) {
        until("everybody can see the trouble", async || {
            let troubles = hekate.status().await["troubles"].to_string();
            (is_writable(&hekate, 0.0).await && troubles.contains("store")).then_some(())
        })
        .await;
    }
    // An outage that ends meanwhile is told as well.
    targets.set("api", Mood::Up);
    receiver.hear_up("alerts", api.id()).await;
    faults.end().await;

    until("the store is well again", async || {
        is_writable(&hekate, 1.0).await.then_some(())
    })
    .await;
    hekate.ready().await;
    hekate.kill();
    let hekate = home.start().await;
    if words.is_some() {
        let notices = hekate.events("store.notice");
        assert!(notices.is_empty(), "{calls} {fault}: {notices:?}");
    }
    let shown = hekate.shows("web", "down").await;
    assert_eq!(shown["incident"], web.id(), "{}", hekate.log());
    hekate.shows("api", "operational").await;
    targets.set("web", Mood::Up);
    receiver.hear_up("alerts", web.id()).await;
    hekate.stop().await;
    let alerts = receiver.told_to("alerts");
    let told: Vec<_> = alerts.iter().map(|told| told.text.as_str()).collect();
    assert_eq!(told.len(), 4, "{calls} {fault}: {told:?}");
    let mut ops = receiver.told_to("ops");
    ops.retain(is_trouble);
    assert_eq!(
        ops.len(),
        usize::from(words.is_some()),
        "{calls} {fault}: {ops:?}"
    );
}

fn is_of_web(told: &Told) -> bool {
    told.text.starts_with("DOWN: web ")
}

async fn is_writable(hekate: &Hekate, wanted: f64) -> bool {
    let found = hekate.metric("hekate_store_writable").await;
    found.is_some_and(|found| found.total_cmp(&wanted).is_eq())
}
