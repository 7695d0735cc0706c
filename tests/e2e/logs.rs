//! An application that falls silent while its endpoint says that all is well.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{home::Home, receiver::Receiver, targets::Targets};

/// Something that writes a line a second until it is told to be silent.
struct Writer {
    is_silent: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

fn write_line(path: &Path) {
    let now = hekate::clock::Clock::start().now().at;
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .expect("the folder takes files");
    writeln!(file, "{now} INFO still here").expect("the disk takes lines");
}

impl Writer {
    fn start(path: PathBuf) -> Self {
        let is_silent = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_silent);
        write_line(&path);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if !flag.load(Ordering::Relaxed) {
                    write_line(&path);
                }
            }
        });
        Self { is_silent, task }
    }

    fn be_silent(&self, is_silent: bool) {
        self.is_silent.store(is_silent, Ordering::Relaxed);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_falls_silent_is_told_and_so_is_its_end() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["core", "ops"]);
    let (blue, batch) = (home.path().join("blue.log"), home.path().join("batch.log"));
    home.write(&format!(
        r#"
log_sources:
  files: {{ file: {{}}, interval: 5s, timeout: 2s, startup_grace: 0s, channel: ops }}
targets:
  - name: blue
    health: "{}"
    log_freshness: {{ query: "{}", max_age: 10s }}
  - name: batch
    log_freshness: {{ query: "{}", max_age: 10s }}
routes:
  - {{ match: {{ target: [blue, batch] }}, to: core }}
  - {{ to: ops }}
"#,
        targets.url("blue"),
        blue.display(),
        batch.display(),
    ));
    let (blue, batch) = (Writer::start(blue), Writer::start(batch));

    let checked = home.run(&["check"]).await;
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(said.contains("row 3 fresh"), "{said}");

    let hekate = home.start().await;
    hekate.ready().await;
    hekate.shows("blue", "operational").await;
    hekate.shows("batch", "operational").await;
    hekate.shows("log source/files", "operational").await;

    blue.be_silent(true);
    let silent = receiver
        .hear("core", "that blue is silent", |told| {
            told.text.starts_with("DEGRADED: blue")
        })
        .await;
    assert!(silent.text.contains("no line in its log"), "{silent:?}");
    let shown = hekate.target("blue").await;
    assert_eq!(shown["log"]["state"], "silent", "{shown}");

    let server = format!("http://{}", hekate.address);
    let suggested = home.run(&["suggest", "blue", "--server", &server]).await;
    let said = String::from_utf8_lossy(&suggested.stdout);
    assert!(
        said.contains("not enough seen yet (0 days of 7)"),
        "{suggested:?}"
    );

    batch.be_silent(true);
    let down = receiver.hear_down("core").await;
    assert!(down.text.contains("batch"), "{down:?}");

    blue.be_silent(false);
    batch.be_silent(false);
    receiver
        .hear("core", "that blue is well again", |told| {
            told.is_taken() && told.id() == silent.id() && told.text != silent.text
        })
        .await;
    receiver.hear_up("core", down.id()).await;
    hekate.stop().await;
    let remembered = home.run(&["suggest"]).await;
    let said = String::from_utf8_lossy(&remembered.stdout);
    assert_eq!(
        said.matches("not enough seen yet").count(),
        2,
        "{remembered:?}"
    );
    assert_eq!(receiver.told_to("core").len(), 4, "{:?}", receiver.told());
    assert!(receiver.told_to("ops").is_empty(), "{:?}", receiver.told());
}
