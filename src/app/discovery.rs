//! Reads the sources of `discovery:` and keeps what they said last.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use reqwest::{Client, redirect, retry};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use super::Staging;
use crate::{
    clock::Clock,
    config::discovery::{Discovery, Entry, Found, Known, Lists, Origin, read_list},
    engine::Trouble,
    model::{Plan, Secret, text::clean},
    probe::discovery::Reader,
};

/// Longer no answer is waited for, at the start neither.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// More of a list is not read.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// Beside the store: what every source said last, so that a start without a source forgets no incident.
const KEPT: &str = "discovered.json";

/// What a source said.
#[derive(Debug)]
pub(super) struct Read {
    entry: String,
    list: Result<Vec<Found>, String>,
}

/// Knows what was found, and hears of what is found anew.
#[derive(Debug)]
pub(super) struct Finder {
    discovery: Discovery,
    known: BTreeMap<String, Known>,
    reader: Arc<Reader>,
    folder: PathBuf,
    /// One task for each entry; they end with this value.
    readers: JoinSet<()>,
    said: mpsc::Sender<Read>,
    heard: mpsc::Receiver<Read>,
    /// What went wrong before anybody could be told.
    first_troubles: Vec<Trouble>,
    staging: Staging,
}

impl Finder {
    /// Reads every source once, and makes the plan with which to begin: this one, or one with what was found, as `staging` wants it.
    pub(super) async fn first(
        plan: Arc<Plan>,
        discovery: Discovery,
        clock: &Clock,
        staging: Staging,
    ) -> (Arc<Plan>, Self) {
        let plan = staging.of(plan);
        let (said, heard) = mpsc::channel(4);
        let mut finder = Self {
            known: BTreeMap::new(),
            reader: Arc::new(Reader::new(clock.clone())),
            folder: plan.store.path.clone(),
            readers: JoinSet::new(),
            said,
            heard,
            first_troubles: Vec::new(),
            discovery,
            staging,
        };
        if finder.discovery.entries.is_empty() {
            return (plan, finder);
        }
        let mut kept = kept(&finder.folder);
        let read = read_all(&finder.discovery.entries, &finder.reader, &kept).await;
        for (entry, list) in read {
            let mut known = Known::of(kept.remove(&entry).unwrap_or_default());
            let learned = known.take(list);
            if let Some(Some(why)) = learned.trouble {
                finder.first_troubles.push(trouble(&entry, why, false));
            }
            finder.known.insert(entry, known);
        }
        finder.listen(false);
        let found = finder.plan().await.unwrap_or(plan);
        (found, finder)
    }

    /// Everything is there to go on: writes down what was found first, and says what went wrong with it.
    pub(super) async fn begin(&mut self) -> Vec<Trouble> {
        if !self.discovery.entries.is_empty() {
            self.keep().await;
        }
        std::mem::take(&mut self.first_troubles)
    }

    /// What holds now.
    pub(super) fn lists(&self) -> Lists {
        self.known
            .iter()
            .map(|(entry, known)| (entry.clone(), known.list.clone()))
            .collect()
    }

    /// Waits for what a source says next.
    pub(super) async fn read(&mut self) -> Option<Read> {
        self.heard.recv().await
    }

    /// Takes in what a source said: the plan, if it is another one now, and the trouble with the source if it is new.
    pub(super) async fn take(&mut self, read: Read) -> (Option<Arc<Plan>>, Option<Trouble>) {
        let Read { entry, list } = read;
        if !self
            .discovery
            .entries
            .iter()
            .any(|known| known.name == entry)
        {
            // It was still under way when the file changed.
            return (None, None);
        }
        let learned = self.known.entry(entry.clone()).or_default().take(list);
        let trouble = learned.trouble.map(|why| {
            let is_over = why.is_none();
            trouble(&entry, why.unwrap_or_default(), is_over)
        });
        if !learned.is_other {
            return (None, trouble);
        }
        self.keep().await;
        (self.plan().await, trouble)
    }

    /// The file was read again: other sources, and the troubles that ended with the old ones.
    pub(super) fn take_over(&mut self, discovery: Discovery) -> Vec<Trouble> {
        let is_same = self.discovery.entries == discovery.entries;
        self.discovery = discovery;
        self.say_what_is_left_out();
        if is_same {
            return Vec::new();
        }
        let names: Vec<&str> = self
            .discovery
            .entries
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        let gone: Vec<String> = self
            .known
            .keys()
            .filter(|name| !names.contains(&name.as_str()))
            .cloned()
            .collect();
        for name in &gone {
            self.known.remove(name);
        }
        self.listen(true);
        gone.iter()
            .map(|name| trouble(name, String::new(), true))
            .collect()
    }

    /// The plan of the file with what was found; nothing, if the file cannot be understood with it.
    async fn plan(&mut self) -> Option<Arc<Plan>> {
        let (discovery, lists) = (self.discovery.clone(), self.lists());
        let making = tokio::task::spawn_blocking(move || discovery.again(&lists));
        let outcome = making.await.ok().flatten()?;
        if outcome.plan.is_none() {
            let problem = outcome.report.first_line();
            tracing::error!(event = "discovery.refused", %problem, "what was found was not taken");
            return None;
        }
        self.discovery = outcome.discovery;
        self.say_what_is_left_out();
        outcome.plan.map(|plan| self.staged(plan))
    }

    /// The plan that holds in place of one that was read.
    pub(super) fn staged(&self, plan: Arc<Plan>) -> Arc<Plan> {
        self.staging.of(plan)
    }

    fn say_what_is_left_out(&self) {
        for why in &self.discovery.left_out {
            tracing::warn!(event = "discovery.left_out", %why, "something that was found is not watched");
        }
    }

    /// Starts a reader for each entry, in place of those before.
    fn listen(&mut self, is_at_once: bool) {
        self.readers = JoinSet::new();
        for entry in self.discovery.entries.clone() {
            let said = self.said.clone();
            let reader = Arc::clone(&self.reader);
            let known = self.known.get(&entry.name);
            // What a source says of a thing may rest on what it said of it before.
            let mut before = known.map_or_else(Vec::new, |known| known.list.clone());
            self.readers.spawn(async move {
                let mut wait = if is_at_once {
                    Duration::ZERO
                } else {
                    entry.every
                };
                loop {
                    tokio::time::sleep(wait).await;
                    wait = entry.every;
                    let list = read(&entry, &reader, &before).await;
                    if let Ok(list) = &list
                        && !list.is_empty()
                    {
                        before.clone_from(list);
                    }
                    let read = Read {
                        entry: entry.name.clone(),
                        list,
                    };
                    if said.send(read).await.is_err() {
                        return;
                    }
                }
            });
        }
    }

    /// Writes down what holds, in one step.
    async fn keep(&self) {
        let (folder, lists) = (self.folder.clone(), self.lists());
        let writing = tokio::task::spawn_blocking(move || write(&folder, &lists));
        if let Ok(Err(error)) = writing.await {
            tracing::warn!(event = "discovery.unkept", %error, "what was found cannot be written down; a restart without its source would forget it");
        }
    }
}

fn trouble(entry: &str, words: String, is_over: bool) -> Trouble {
    Trouble {
        key: format!("discovery {entry}"),
        is_over,
        title: format!("the source `{entry}` of discovery cannot be read; what was known goes on"),
        words,
        not_to: None,
    }
}

/// Reads all sources at once; `before` are the lists that hold.
pub(crate) async fn read_all(
    entries: &[Entry],
    reader: &Reader,
    before: &Lists,
) -> Vec<(String, Result<Vec<Found>, String>)> {
    let reading = entries.iter().map(async |entry| {
        let before = before.get(&entry.name).map_or(&[][..], Vec::as_slice);
        (entry.name.clone(), read(entry, reader, before).await)
    });
    futures_util::future::join_all(reading).await
}

/// Reads one source.
async fn read(entry: &Entry, reader: &Reader, before: &[Found]) -> Result<Vec<Found>, String> {
    let late = |_elapsed| Err(String::from("there was no answer within 5 s"));
    match &entry.from {
        Origin::Files(paths) => {
            let paths = paths.clone();
            let reading = tokio::task::spawn_blocking(move || read_files(&paths));
            let broke_off = |_broken| String::from("the reading broke off");
            timeout(ANSWER_WITHIN, reading)
                .await
                .map_or_else(late, |read| read.map_err(broke_off)?)
        }
        Origin::Http { url, bearer } => {
            let asking = ask(url.clone(), bearer.as_ref().map(Secret::expose));
            timeout(ANSWER_WITHIN, asking)
                .await
                .map_or_else(late, |bytes| read_list(&bytes?))
        }
        // It has a limit of its own.
        Origin::Place(place) => reader.read(place, before).await,
    }
}

fn read_files(paths: &[PathBuf]) -> Result<Vec<Found>, String> {
    let mut all = Vec::new();
    for path in paths {
        let said = |why: String| format!("{}: {why}", path.display());
        let meta = std::fs::metadata(path).map_err(|error| said(error.to_string()))?;
        if !meta.is_file() || meta.len() > BYTES_MAX as u64 {
            return Err(said(String::from("it is no file, or too large")));
        }
        let bytes = std::fs::read(path).map_err(|error| said(error.to_string()))?;
        all.extend(read_list(&bytes).map_err(said)?);
    }
    all.sort();
    all.dedup();
    Ok(all)
}

async fn ask(url: url::Url, bearer: Option<&str>) -> Result<Vec<u8>, String> {
    let words = |error: reqwest::Error| clean(&root(&error.without_url()), 120);
    let client = Client::builder()
        .user_agent(concat!("hekate/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(ANSWER_WITHIN)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .referer(false)
        .pool_max_idle_per_host(0)
        .http1_only()
        .build()
        .map_err(words)?;
    let mut request = client.get(url).header("Accept", "application/json");
    if let Some(token) = bearer {
        request = request.bearer_auth(token);
    }
    let mut response = request.send().await.map_err(words)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(format!("it answers {}", response.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(words)? {
        body.extend_from_slice(&piece);
        if body.len() > BYTES_MAX {
            return Err(String::from("its answer is too long"));
        }
    }
    Ok(body)
}

/// The innermost cause says most.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// A thing as it is written down.
#[derive(Serialize, Deserialize)]
struct Kept {
    address: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

fn kept(folder: &Path) -> Lists {
    let Ok(bytes) = std::fs::read(folder.join(KEPT)) else {
        return Lists::new();
    };
    let read = serde_json::from_slice::<BTreeMap<String, Vec<Kept>>>(&bytes);
    let lists = read.unwrap_or_else(|error| {
        tracing::warn!(event = "discovery.unkept", %error, "what was found before cannot be read");
        BTreeMap::new()
    });
    let found = |kept: Kept| Found {
        address: kept.address,
        labels: kept.labels,
    };
    lists
        .into_iter()
        .map(|(entry, list)| (entry, list.into_iter().map(found).collect()))
        .collect()
}

fn write(folder: &Path, lists: &Lists) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let beside = folder.join(".discovered.json.new");
    let kept = |found: &Found| Kept {
        address: found.address.clone(),
        labels: found.labels.clone(),
    };
    let lists: BTreeMap<&String, Vec<Kept>> = lists
        .iter()
        .map(|(entry, list)| (entry, list.iter().map(kept).collect()))
        .collect();
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(&serde_json::to_vec(&lists)?)?;
    file.sync_all()?;
    std::fs::rename(&beside, folder.join(KEPT))
}
