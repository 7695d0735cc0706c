//! Moving in: what other programs watch, as a `targets.yaml`.
//!
//! One file for each program (`gatus`, `uptime_kuma`, `blackbox`, `prometheus`, `healthchecks`) reads the program's own form into a
//! draft. The draft is written (`write`) and loaded by the real `config` until nothing of it is refused (`prove`); what had to
//! go for that is named like everything else that has no counterpart. No secret of the old file is written anywhere: its place takes
//! a variable.

mod blackbox;
mod draft;
mod gatus;
mod healthchecks;
mod prometheus;
mod prove;
mod read;
mod request;
mod target;
mod uptime_kuma;
mod words;
mod write;

use serde_json::Value;

pub use self::read::BYTES_MAX;

use self::draft::Draft;

/// The program whose file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Gatus: its `config.yaml`, several of them, or a Kubernetes `ConfigMap` that holds it.
    Gatus,
    /// Uptime Kuma: the JSON of *Settings, Backup, Export*, or the list of monitors that its socket gives.
    UptimeKuma,
    /// `blackbox_exporter`: its `blackbox.yml`, best with a `prometheus.yml` beside it, which has the addresses.
    Blackbox,
    /// Prometheus: its `prometheus.yml`, best with a `blackbox.yml` beside it, which says how is probed.
    Prometheus,
    /// Healthchecks: what `GET /api/v3/checks/` of its API answers.
    Healthchecks,
}

impl Origin {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Gatus,
        Self::UptimeKuma,
        Self::Blackbox,
        Self::Prometheus,
        Self::Healthchecks,
    ];

    /// The word on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gatus => "gatus",
            Self::UptimeKuma => "uptime-kuma",
            Self::Blackbox => "blackbox",
            Self::Prometheus => "prometheus",
            Self::Healthchecks => "healthchecks",
        }
    }

    /// What it calls itself.
    const fn title(self) -> &'static str {
        match self {
            Self::Gatus => "Gatus",
            Self::UptimeKuma => "Uptime Kuma",
            Self::Blackbox => "blackbox_exporter",
            Self::Prometheus => "Prometheus",
            Self::Healthchecks => "Healthchecks",
        }
    }
}

/// A file of the other program.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// What it is called, for people.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The new file, with comments. It loads without an error once its variables are set.
    pub text: String,
    /// How many targets it has, jobs among them.
    pub targets: usize,
    /// How many channels it has.
    pub channels: usize,
    /// What means nearly the same, but not quite.
    pub near: Vec<Note>,
    /// What is not in the new file.
    pub left: Vec<Note>,
    /// The variables that have to be set, and what each is.
    pub variables: Vec<(String, String)>,
}

/// One remark about the old file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Note {
    /// What of the old file, in its words: `endpoint "api"`.
    pub of: String,
    /// What about it, without a full stop.
    pub what: String,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.of, self.what)
    }
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A file is not what it should be: its name, perhaps with line and column, and why.
    #[error("{place}: {why}")]
    Unreadable {
        /// `config.yaml:3:7`, or only the name.
        place: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// The files are understood, but there is nothing in them that could be watched.
    #[error("there is nothing in it that hekate could watch")]
    Nothing {
        /// Why not.
        left: Vec<Note>,
    },
    /// What was written is refused by our own reader: a fault of this program.
    #[error("hekate would refuse the file that it wrote, which is a fault of hekate:\n{0}")]
    OurFault(String),
}

/// Writes the `targets.yaml` that watches what these files watch.
///
/// # Errors
///
/// What is wrong with the files, or that there is nothing in them.
pub fn import(origin: Origin, files: &[Text<'_>]) -> Result<Imported, Trouble> {
    let mut trees = Vec::with_capacity(files.len());
    for file in files {
        let documents = match origin {
            Origin::Gatus | Origin::Blackbox | Origin::Prometheus => read::documents(*file)?,
            Origin::UptimeKuma | Origin::Healthchecks => vec![read::json(*file)?],
        };
        let found = documents.into_iter().map(|tree| Tree {
            file: file.name,
            tree,
        });
        trees.extend(found);
    }
    let mut draft = match origin {
        Origin::Gatus => gatus::draft(&trees)?,
        Origin::UptimeKuma => uptime_kuma::draft(&trees)?,
        Origin::Blackbox | Origin::Prometheus => prometheus::draft(origin, &trees)?,
        Origin::Healthchecks => healthchecks::draft(&trees)?,
    };
    let body = prove::prove(&mut draft)?;
    let names: Vec<&str> = files.iter().map(|file| file.name).collect();
    Ok(finished(origin, &names, draft, &body))
}

/// A file, read.
struct Tree<'a> {
    file: &'a str,
    tree: Value,
}

impl Tree<'_> {
    /// Says that this is no such file.
    fn is_not(&self, why: &str) -> Trouble {
        Trouble::Unreadable {
            place: words::shown(self.file),
            why: why.to_owned(),
        }
    }
}

fn finished(origin: Origin, names: &[&str], draft: Draft, body: &str) -> Imported {
    let text = format!("{}{body}", write::head(origin, names, &draft));
    let near = draft
        .targets
        .iter()
        .flat_map(|target| {
            target.near.iter().map(|what| Note {
                of: target.from.clone(),
                what: what.clone(),
            })
        })
        .chain(draft.near.iter().cloned())
        .collect();
    Imported {
        text,
        targets: draft.targets.len() + draft.jobs.len(),
        channels: draft.channels.len(),
        near,
        left: draft.left,
        variables: draft
            .variables
            .into_iter()
            .map(|(name, variable)| (name, variable.what))
            .collect(),
    }
}
