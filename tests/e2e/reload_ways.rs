//! The file changes on the disk, in every way in which files change, and nobody says so to hekate.

use std::{
    env, fs,
    io::{self, Write as _},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use futures_util::future::join_all;

use super::{
    home::{Hekate, Home},
    receiver::{Receiver, Told},
    targets::{Mood, Targets},
    wait::until,
};

/// How the new content comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// The file is opened and written, as simple editors do.
    InPlace,
    /// Another file takes its name, as careful editors do.
    Renamed,
    /// A link to a folder is replaced, as Kubernetes does with a mounted `ConfigMap`.
    Linked,
    /// The folder lies elsewhere and is mounted here, as for containers.
    Mounted,
    /// It is one file of a folder of files.
    OfFolder,
}

const WAYS: [Way; 5] = [
    Way::InPlace,
    Way::Renamed,
    Way::Linked,
    Way::Mounted,
    Way::OfFolder,
];

/// Where the file is, and how it is changed.
struct Place {
    way: Way,
    /// What hekate reads.
    seen: PathBuf,
    /// Where changes are made.
    made: PathBuf,
    versions: usize,
    is_mounted: bool,
}

impl Place {
    /// Nothing, said aloud, where this machine does not let us.
    fn new(way: Way, home: &Path) -> Option<Self> {
        let (seen, made) = (home.join("config"), home.join("elsewhere"));
        for folder in [&seen, &made] {
            fs::create_dir(folder).expect("the folder takes folders");
        }
        let mut place = Self {
            way,
            made: seen.clone(),
            seen,
            versions: 0,
            is_mounted: false,
        };
        if way == Way::Mounted {
            place.made = made;
            let mounted = Command::new("mount")
                .arg("--bind")
                .args([&place.made, &place.seen])
                .output();
            place.is_mounted = mounted.is_ok_and(|output| output.status.success());
            if !place.is_mounted {
                skip();
                return None;
            }
        }
        Some(place)
    }

    /// What hekate is started with.
    fn config(&self) -> PathBuf {
        if self.way == Way::OfFolder {
            self.seen.clone()
        } else {
            self.seen.join("targets.yaml")
        }
    }

    fn put(&mut self, text: &str) {
        self.versions += 1;
        let file = self.made.join("targets.yaml");
        match self.way {
            Way::InPlace => fs::write(file, text).expect("there is room"),
            Way::Renamed | Way::Mounted | Way::OfFolder => {
                let beside = self.made.join(".targets.yaml.new");
                fs::write(&beside, text).expect("there is room");
                fs::rename(beside, file).expect("there is room");
            }
            Way::Linked => {
                let version = format!("..version-{}", self.versions);
                fs::create_dir(self.made.join(&version)).expect("there is room");
                let content = self.made.join(&version).join("targets.yaml");
                fs::write(content, text).expect("there is room");
                let fresh = self.made.join("..data_tmp");
                symlink(&version, &fresh).expect("there is room");
                fs::rename(fresh, self.made.join("..data")).expect("there is room");
                if self.versions == 1 {
                    symlink("..data/targets.yaml", file).expect("there is room");
                } else {
                    let old = format!("..version-{}", self.versions - 1);
                    fs::remove_dir_all(self.made.join(old)).expect("it is there");
                }
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_mounted {
            let _ = Command::new("umount").arg("-l").arg(&self.seen).status();
        }
    }
}

fn skip() {
    assert!(
        env::var_os("HEKATE_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
        "a folder cannot be mounted: run this test as root"
    );
    // Not `eprintln!`: the test runner would swallow it.
    let _ = writeln!(
        io::stderr(),
        "SKIPPED, NOT TESTED: a mounted folder, for which one has to be mounted by root"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_the_file_changes_it_is_noticed_and_nothing_is_told_twice() {
    join_all(WAYS.map(story)).await;
}

async fn story(way: Way) {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["alerts", "ops"]);
    let Some(mut place) = Place::new(way, home.path()) else {
        return;
    };
    let config = place.config();
    home.set("HEKATE_CONFIG", config.to_str().expect("its name is text"));
    let text = |home: &Home, targets: &str| {
        home.write(&format!(
            "targets:\n{targets}routes:\n  - {{ match: {{ group: shop }}, to: alerts }}\n  - {{ to: ops }}\n"
        ));
        fs::read_to_string(home.file()).expect("it was written")
    };
    let line = |name: &str, was: &str, path: &str| {
        let url = targets.url(path);
        format!("  - {{ name: {name}, group: shop, {was}health: \"{url}\" }}\n")
    };
    let (blue, green) = (line("blue", "", "blue"), line("green", "", "green"));
    place.put(&text(&home, &(blue.clone() + &green)));
    targets.set("blue", Mood::Down);
    targets.set("green", Mood::Down);
    let hekate = home.start().await;
    let of_blue = hear(&receiver, "DOWN: shop blue ").await;
    let of_green = hear(&receiver, "DOWN: shop green ").await;

    // A mistake: what holds goes on, and everybody can see it.
    place.put(&text(&home, &blue.replace("health:", "helth:")));
    until("the mistake is seen", async || {
        let failed = hekate
            .metric("hekate_config_last_reload_successful")
            .await?;
        (failed < 1.0).then_some(())
    })
    .await;
    receiver.hear("ops", "of the mistake", is_refusal).await;
    let refused = hekate.events("config.refused");
    assert!(
        refused[0].to_string().contains("helth"),
        "{way:?}: {refused:?}"
    );
    looks(&targets, "green").await;

    // `green` is taken out, `blue` has another name, `red` comes.
    let changed = line("navy", "was: blue, ", "blue") + &line("red", "", "red");
    place.put(&text(&home, &changed));
    let gone = hear(&receiver, "NO LONGER WATCHED: shop green").await;
    assert_eq!(gone.id(), of_green.id(), "{way:?}");
    hekate.shows("shop/red", "operational").await;
    let navy = hekate.shows("shop/navy", "down").await;
    assert_eq!(navy["incident"], of_blue.id(), "{way:?}");
    let asked = targets.asked("green");
    looks(&targets, "red").await;
    assert_eq!(
        targets.asked("green"),
        asked,
        "{way:?}: nobody looks any more"
    );
    targets.set("blue", Mood::Up);
    let up = receiver.hear_up("alerts", of_blue.id()).await;
    assert!(up.text.contains("navy"), "{way:?}: {}", up.text);
    check(hekate, &receiver, way).await;
}

/// Nothing was told twice, and both changes were taken in once.
async fn check(hekate: Hekate, receiver: &Receiver, way: Way) {
    let (refused, taken) = (
        hekate.events("config.refused"),
        hekate.events("config.reloaded"),
    );
    assert_eq!(refused.len(), 1, "{way:?}: {refused:?}");
    assert_eq!(taken.len(), 1, "{way:?}: {taken:?}");
    hekate.stop().await;
    let alerts = receiver.told_to("alerts");
    assert_eq!(alerts.len(), 4, "{way:?}: {alerts:?}");
    let ops = receiver.told_to("ops");
    let refusals = ops.iter().filter(|told| is_refusal(told)).count();
    assert_eq!((refusals, ops.len() <= 2), (1, true), "{way:?}: {ops:?}");
}

async fn hear(receiver: &Receiver, beginning: &str) -> Told {
    receiver
        .hear("alerts", beginning, |told| told.text.starts_with(beginning))
        .await
}

fn is_refusal(told: &Told) -> bool {
    told.text
        .starts_with("hekate: the changed file was not taken")
}

/// Waits for two more looks.
async fn looks(targets: &Targets, name: &str) {
    let before = targets.asked(name);
    until(&format!("{name} is looked at"), async || {
        (targets.asked(name) > before + 1).then_some(())
    })
    .await;
}
