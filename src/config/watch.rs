//! Notices that the content of the configuration changed.
//!
//! The folder is watched, not the file: editors replace files, and Kubernetes swaps a symlink beside them. Because some
//! file systems tell nothing (network mounts, some bind mounts), the content is compared every ten seconds as well. Only
//! a change of content counts; touching a file, or writing the same again, wakes nobody.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, sleep},
};

use super::files::Contents;

/// So long it has to be quiet before the content is compared: editors write in several steps.
const QUIET: Duration = Duration::from_millis(250);
/// So often the content is compared without being told.
const POLL: Duration = Duration::from_secs(10);
/// What is watched, and the ear for changes. Dropping it ends the watching.
#[derive(Debug)]
pub struct Watch {
    changes: mpsc::Receiver<()>,
    loaded: watch::Sender<Contents>,
    watching: tokio::task::JoinHandle<()>,
}

impl Watch {
    /// Watches everything that [`load`](super::load) read, from what it read on: a change in between is noticed.
    ///
    /// Has to be called within a runtime.
    pub fn start(loaded: &Contents) -> Self {
        Self::with_poll(loaded, POLL)
    }

    /// The same with another time between comparisons.
    fn with_poll(loaded: &Contents, poll: Duration) -> Self {
        let (told, changes) = mpsc::channel(1);
        let (loaded, watched) = watch::channel(loaded.clone());
        let watching = tokio::spawn(watching(watched, poll, told));
        Self {
            changes,
            loaded,
            watching,
        }
    }

    /// Waits until the content is another than what was loaded or told before. Many changes while nobody waits are told
    /// once.
    pub async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            // The task ends only with the runtime; there is nothing left to wait for.
            std::future::pending::<()>().await;
        }
    }

    /// Says what was loaded since: after every reading, also one with errors.
    pub fn set_loaded(&self, loaded: &Contents) {
        self.loaded.send_replace(loaded.clone());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

async fn watching(mut loaded: watch::Receiver<Contents>, poll: Duration, told: mpsc::Sender<()>) {
    let (stirred, mut stirs) = mpsc::channel(1);
    let mut watcher = watcher(stirred);
    let mut folders = BTreeSet::new();
    let mut known = loaded.borrow_and_update().clone();
    watch_folders(watcher.as_mut(), &mut folders, &known);
    let mut poll = interval(poll);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // The first tick comes at once: what changed since the reading is noticed before anything is waited for.
        tokio::select! {
            Some(()) = stirs.recv() => {
                // Every new stir begins the wait for quiet again, up to the next comparison by time.
                loop {
                    tokio::select! {
                        Some(()) = stirs.recv() => {}
                        () = sleep(QUIET) => break,
                        _ = poll.tick() => break,
                    }
                }
            }
            _ = poll.tick() => {}
            changed = loaded.changed() => {
                if changed.is_err() {
                    return;
                }
                known = loaded.borrow_and_update().clone();
                watch_folders(watcher.as_mut(), &mut folders, &known);
            }
        }
        let before = known.clone();
        // Reading may wait for a disk, so it is done where that disturbs nobody.
        let Ok(now) = tokio::task::spawn_blocking(move || before.read_again()).await else {
            continue;
        };
        if now != known {
            known = now;
            // A full channel means that the change before is not yet taken: one reading covers both.
            if told.try_send(()).is_err() && told.is_closed() {
                return;
            }
        }
    }
}

/// A watcher that stirs; without one (no inotify instances left) the comparison by time remains.
fn watcher(stirred: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let made = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let is_read = event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_)));
        if !is_read {
            let _ = stirred.try_send(());
        }
    });
    match made {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::warn!(%error, "changes of the configuration are noticed by comparing only");
            None
        }
    }
}

fn watch_folders(
    watcher: Option<&mut RecommendedWatcher>,
    folders: &mut BTreeSet<PathBuf>,
    contents: &Contents,
) {
    let Some(watcher) = watcher else { return };
    let wanted: BTreeSet<PathBuf> = std::iter::once(contents.root())
        .filter(|root| root.is_dir())
        .map(Path::to_owned)
        .chain(contents.files().filter_map(folder_of))
        .collect();
    for gone in folders.difference(&wanted) {
        let _ = watcher.unwatch(gone);
    }
    for fresh in wanted.difference(folders) {
        if let Err(error) = watcher.watch(fresh, RecursiveMode::NonRecursive) {
            tracing::warn!(folder = %fresh.display(), %error, "changes in this folder are noticed by comparing only");
        }
    }
    *folders = wanted;
}

fn folder_of(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    Some(if folder.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        folder.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    use crate::config::{Environment, load};

    /// Longer than any test waits, so that only the folder's events can wake.
    const NEVER: Duration = Duration::from_hours(24);
    /// Ends a test that would hang; no test waits this long when all is well.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn contents(path: &Path) -> Contents {
        load(path, &Environment::default()).contents
    }

    async fn wait(watch: &mut Watch) {
        tokio::time::timeout(PATIENCE, watch.changed())
            .await
            .expect("the change is noticed");
    }

    /// A watch of a path that has looked once, and so hears of everything that is written from now on.
    ///
    /// It begins with contents that are not there any more: that it says so shows that it has looked.
    async fn settled(path: &Path, extra: &Path, before: &str) -> Watch {
        let now = fs::read(extra).unwrap();
        fs::write(extra, before).unwrap();
        let old = contents(path);
        fs::write(extra, now).unwrap();
        let mut watch = Watch::with_poll(&old, NEVER);
        wait(&mut watch).await;
        watch
    }

    #[tokio::test]
    async fn what_changed_between_reading_and_watching_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("targets.yaml");
        fs::write(&file, "a: 1").unwrap();
        settled(&file, &file, "a: 0").await;
    }

    #[tokio::test]
    async fn a_replaced_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("targets.yaml");
        fs::write(&file, "a: 1").unwrap();
        let mut watch = settled(&file, &file, "a: 0").await;
        let beside = folder.path().join(".targets.yaml.swp");
        fs::write(&beside, "a: 2").unwrap();
        fs::rename(&beside, &file).unwrap();
        wait(&mut watch).await;
    }

    #[tokio::test]
    async fn a_swapped_symlink_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("..1", "a: 1"), ("..2", "a: 2")] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("targets.yaml"), text).unwrap();
        }
        let file = folder.path().join("targets.yaml");
        std::os::unix::fs::symlink("..1", folder.path().join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/targets.yaml", &file).unwrap();
        let mut watch = settled(&file, &file, "a: 0").await;
        std::os::unix::fs::symlink("..2", folder.path().join("..data_tmp")).unwrap();
        fs::rename(
            folder.path().join("..data_tmp"),
            folder.path().join("..data"),
        )
        .unwrap();
        wait(&mut watch).await;
    }

    #[tokio::test]
    async fn a_secret_elsewhere_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let file = folder.path().join("targets.yaml");
        let secret = secrets.path().join("token");
        fs::write(&secret, "one").unwrap();
        let text = format!("slack: {{ signing_secret_file: {} }}", secret.display());
        fs::write(&file, text).unwrap();
        let mut watch = settled(&file, &secret, "zero").await;
        fs::write(&secret, "two").unwrap();
        wait(&mut watch).await;
    }

    #[tokio::test]
    async fn a_new_file_of_the_folder_is_noticed_and_the_same_content_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        fs::write(&file, "a: 1").unwrap();
        let mut watch = settled(folder.path(), &file, "a: 0").await;
        fs::write(&file, "a: 1").unwrap();
        fs::write(folder.path().join("notes.txt"), "nothing").unwrap();
        fs::write(folder.path().join("b.yaml"), "b: 1").unwrap();
        wait(&mut watch).await;
        // Everything before came first, so that one wake-up was the only one.
        assert!(watch.changes.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_secret_that_is_named_later_is_watched_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let file = folder.path().join("targets.yaml");
        let secret = secrets.path().join("token");
        fs::write(&secret, "one").unwrap();
        fs::write(&file, "a: 1").unwrap();
        let mut watch = settled(&file, &file, "a: 0").await;
        let text = format!("slack: {{ signing_secret_file: {} }}", secret.display());
        fs::write(&file, text).unwrap();
        wait(&mut watch).await;
        watch.set_loaded(&contents(&file));
        // Nothing in the first folder changes any more, so only the secret can wake.
        fs::write(&secret, "two").unwrap();
        wait(&mut watch).await;
    }

    #[tokio::test]
    async fn comparing_by_time_notices_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("targets.yaml");
        fs::write(&file, "a: 1").unwrap();
        let mut known = contents(&file);
        for text in ["a: 2", "a: 3"] {
            fs::write(&file, text).unwrap();
            let now = known.read_again();
            assert_ne!(now, known);
            known = now;
        }
        fs::remove_file(&file).unwrap();
        let gone = known.read_again();
        fs::write(&file, "").unwrap();
        assert_ne!(gone, gone.read_again());
    }
}
