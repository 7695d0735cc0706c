//! A disk on which nothing is left.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    home::Home,
    receiver::Receiver,
    targets::{Mood, Targets},
    wait::until,
};

const ROUTES: &str =
    "routes:\n  - { match: { target: [api, web] }, to: alerts }\n  - { to: ops }\n";

/// A small disk in memory; it goes with this value.
struct Disk(PathBuf);

impl Disk {
    /// Nothing, said aloud, where this machine does not let us.
    fn mount(place: PathBuf) -> Option<Self> {
        std::fs::create_dir(&place).expect("the folder takes folders");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
            .arg(&place)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(place));
        }
        assert!(
            env::var_os("HEKATE_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
            "a tmpfs cannot be mounted: run this test as root"
        );
        // Not `eprintln!`: the test runner would swallow it.
        let _ = writeln!(
            io::stderr(),
            "SKIPPED, NOT TESTED: a full disk, for which a tmpfs has to be mounted by root"
        );
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Somebody else on the disk who takes whatever becomes free.
struct Glutton {
    file: PathBuf,
    stop: Arc<AtomicBool>,
    is_full: Arc<AtomicBool>,
    eating: Option<JoinHandle<()>>,
}

impl Glutton {
    fn on(disk: &Path) -> Self {
        let file = disk.join("glutton");
        let stop = Arc::new(AtomicBool::new(false));
        let mut stomach = File::create(&file).expect("there is room at first");
        let is_over = Arc::clone(&stop);
        let is_full = Arc::new(AtomicBool::new(false));
        let has_eaten_all = Arc::clone(&is_full);
        let eating = thread::spawn(move || {
            let bite = vec![0xA5; 64 * 1024];
            while !is_over.load(Ordering::Relaxed) {
                // Of the last bite as much is taken as fits.
                if stomach.write_all(&bite).is_err() {
                    has_eaten_all.store(true, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(5));
                }
            }
        });
        Self {
            file,
            stop,
            is_full,
            eating: Some(eating),
        }
    }

    /// Waits until nothing is left.
    async fn full(&self) {
        until("the disk is full", async || {
            self.is_full.load(Ordering::Relaxed).then_some(())
        })
        .await;
    }

    /// It leaves and gives everything back.
    fn leave(mut self) {
        self.end();
        OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&self.file)
            .expect("it is there");
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(eating) = self.eating.take() {
            eating.join().expect("eating does not panic");
        }
    }
}

impl Drop for Glutton {
    fn drop(&mut self) {
        self.end();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn started_on_a_full_disk_it_knows_what_was_open_and_tells_what_happens() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts", "ops"]);
    let Some(disk) = Disk::mount(home.path().join("disk")) else {
        return;
    };
    let sections = targets.section(&["api", "web"]);
    home.write(&format!(
        "store: {{ path: ./disk/store }}\n{sections}{ROUTES}"
    ));
    targets.set("api", Mood::Down);
    let hekate = home.start().await;
    let api = receiver.hear_down("alerts").await;
    hekate.stop().await;
    // What was kept for such a day is gone as well.
    std::fs::remove_file(disk.0.join("store/ballast")).expect("there was room for it");

    let glutton = Glutton::on(&disk.0);
    glutton.full().await;
    let hekate = home.start().await;
    let shown = hekate.shows("api", "down").await;
    assert_eq!(shown["incident"], api.id(), "{}", hekate.log());
    assert!(hekate.event("store.trouble").is_some(), "{}", hekate.log());
    targets.set("web", Mood::Down);
    let web = receiver
        .hear("alerts", "of the second outage", |told| {
            told.text.starts_with("DOWN: web ")
        })
        .await;
    targets.set("api", Mood::Up);
    receiver.hear_up("alerts", api.id()).await;

    glutton.leave();
    until("the store is well again", async || {
        (hekate.metric("hekate_store_writable").await? > 0.0).then_some(())
    })
    .await;
    hekate.kill();
    let hekate = home.start().await;
    let shown = hekate.shows("web", "down").await;
    assert_eq!(shown["incident"], web.id(), "{}", hekate.log());
    hekate.shows("api", "operational").await;
    targets.set("web", Mood::Up);
    receiver.hear_up("alerts", web.id()).await;
    hekate.stop().await;
    let alerts = receiver.told_to("alerts");
    let unmarked = alerts.iter().filter(|told| !told.is_repeat()).count();
    assert_eq!(unmarked, 4, "{alerts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_outages_are_told_and_afterwards_everything_is_remembered() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts", "ops"]);
    let Some(disk) = Disk::mount(home.path().join("disk")) else {
        return;
    };
    let sections = targets.section(&["api", "web"]);
    home.write(&format!(
        "store: {{ path: ./disk/store }}\n{sections}{ROUTES}"
    ));
    let hekate = home.start().await;
    hekate.ready().await;

    let glutton = Glutton::on(&disk.0);
    targets.set("api", Mood::Down);
    let api = receiver.hear_down("alerts").await;
    receiver
        .hear("ops", "of the store's trouble", |told| {
            told.text.contains("store")
        })
        .await;
    // Whatever was kept free is gone now; more is told all the same.
    targets.set("web", Mood::Down);
    let web = receiver
        .hear("alerts", "of the second outage", |told| {
            told.text.starts_with("DOWN: web ")
        })
        .await;
    until("everybody can see the trouble", async || {
        let writable = hekate.metric("hekate_store_writable").await?;
        let troubles = hekate.status().await["troubles"].to_string();
        (writable < 1.0 && troubles.contains("store")).then_some(())
    })
    .await;
    assert_eq!(hekate.get("/readyz").await.status, 503);
    assert_eq!(hekate.get("/healthz").await.status, 200);

    glutton.leave();
    until("the store is well again", async || {
        (hekate.metric("hekate_store_writable").await? > 0.0).then_some(())
    })
    .await;
    hekate.ready().await;
    hekate.kill();

    let hekate = home.start().await;
    for (name, told) in [("api", &api), ("web", &web)] {
        let shown = hekate.shows(name, "down").await;
        assert_eq!(shown["incident"], told.id(), "{}", hekate.log());
        targets.set(name, Mood::Up);
        receiver.hear_up("alerts", told.id()).await;
    }
    hekate.stop().await;
    let alerts = receiver.told_to("alerts");
    let unmarked = alerts.iter().filter(|told| !told.is_repeat()).count();
    assert_eq!(unmarked, 4, "{alerts:?}");
}
