//! What the running hekate answers, each time it is asked.

use chrono::{DateTime, Utc};
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::{
    super::ask::{Answer, Server, explain_refusal},
    figures::Figures,
};
use crate::model::{Timestamp, Verdict};

/// One answer.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// What is known of the targets.
    pub(super) status: Status,
    /// What hekate says of itself.
    pub(super) figures: Figures,
}

/// The answer to `/api/v1/status`, as far as the screen shows it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Status {
    /// When it was answered, by the clock of that machine.
    pub(super) now: DateTime<Utc>,
    /// How many targets are how.
    pub(super) counts: Counts,
    /// Our own troubles.
    #[serde(default)]
    pub(super) troubles: Vec<String>,
    /// In the order of the file.
    pub(super) targets: Vec<Target>,
}

/// How many targets are how.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    pub(super) down: usize,
    pub(super) degraded: usize,
    pub(super) unknown: usize,
    pub(super) suspect: usize,
    pub(super) operational: usize,
    pub(super) total: usize,
}

/// One target.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Target {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) verdict: String,
    pub(super) since: DateTime<Utc>,
    pub(super) reason: Reason,
    #[serde(default)]
    pub(super) incident: Option<String>,
    #[serde(default)]
    pub(super) age_ms: Option<u64>,
    #[serde(default)]
    pub(super) stale: bool,
    #[serde(default)]
    pub(super) latency_ms: Option<f64>,
    #[serde(default)]
    pub(super) role: Option<String>,
    #[serde(default)]
    pub(super) acknowledged: Option<Acknowledged>,
    #[serde(default)]
    pub(super) planned: Option<Planned>,
}

/// Why it is so.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Reason {
    pub(super) words: String,
}

/// Who is on it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Acknowledged {
    pub(super) by: String,
}

/// What keeps it from being told.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Planned {
    pub(super) kind: String,
}

impl Status {
    /// When it was answered.
    pub(super) fn at(&self) -> Timestamp {
        self.now.into()
    }
}

impl Target {
    /// Its verdict; a word of a later version counts as what is not known.
    pub(super) fn verdict(&self) -> Verdict {
        Verdict::from_word(&self.verdict).unwrap_or(Verdict::Unknown)
    }
}

/// Asks for all that the screen shows.
///
/// # Errors
///
/// What the screen says in its place.
pub(super) async fn page(server: &Server) -> Result<Page, String> {
    let (status, metrics) = tokio::join!(
        server.ask(Method::GET, &["api", "v1", "status"], &[]),
        server.ask(Method::GET, &["metrics"], &[])
    );
    let status = accepted(status?)?;
    let metrics = accepted(metrics?)?;
    let status = serde_json::from_str(&status)
        .map_err(|_not_ours| String::from("it answered something else than hekate would"))?;
    Ok(Page {
        status,
        figures: Figures::read(&metrics),
    })
}

/// Asks for everything known of one target, in words.
///
/// # Errors
///
/// What is shown in its place.
pub(super) async fn details(server: &Server, target: &str) -> Result<String, String> {
    let path = ["api", "v1", "targets", target, "explain"];
    let answer = server
        .ask(Method::GET, &path, &[("format", "text")])
        .await?;
    accepted(answer)
}

fn accepted(answer: Answer) -> Result<String, String> {
    if answer.status == StatusCode::OK {
        Ok(answer.text)
    } else {
        Err(explain_refusal(&answer))
    }
}
