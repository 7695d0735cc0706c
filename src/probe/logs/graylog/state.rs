//! What Graylog says of its own pipeline: how far its nodes have indexed, what waits in their journals.
//!
//! A node says when the last message that it indexed was received. That stands still while nothing arrives, so it counts
//! only while a node is busy; a node with an empty journal has indexed all that it took in. Neither covers the wait until
//! the search engine makes new documents visible, so that is taken off.

use std::time::Duration;

use futures_util::{StreamExt as _, future::BoxFuture, stream};
use http::header;
use reqwest::Method;
use serde_json::Value;

use crate::model::{Timestamp, logs::Statement};

use super::{Graylog, answer, dialect::Door};

/// So many nodes are asked at once.
const AT_ONCE: usize = 4;
/// From an input to the index in a node that has nothing to do: a batch waits at most one second, the rest is ample.
const TO_THE_INDEX: Duration = Duration::from_secs(3);
/// Until what is indexed can be found. A reader is not told the interval of refreshing: it is one second unless somebody
/// changed it, and those who change it for more throughput write up to 30 s. Less would claim what is not so for them; more
/// would tell silence later for everybody.
const REFRESH: Duration = Duration::from_secs(30);
/// No backlog is said to take longer.
const DRAIN_MAX: Duration = Duration::from_hours(7 * 24);

/// One node as far as it could be asked.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Node {
    /// Whether it could be asked at all.
    pub(super) has_answered: bool,
    /// When the newest message was received.
    pub(super) received: Option<Timestamp>,
    /// When the newest message that is indexed was received.
    pub(super) indexed: Option<Timestamp>,
    pub(super) journal: Option<Journal>,
}

/// What waits in a node.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Journal {
    pub(super) waiting: u64,
    pub(super) appended_per_second: f64,
    pub(super) read_per_second: f64,
}

/// How far a node is.
enum Pace {
    /// It has nothing to do.
    Idle,
    /// All up to then is indexed, if it says so.
    Busy(Option<Timestamp>),
    /// Not known.
    Untold,
}

impl Graylog {
    pub(super) async fn statement(&self, door: Door, now: Timestamp) -> Option<Statement> {
        let (nodes, balancer) = tokio::join!(self.nodes(door, now), self.balancer(door, now));
        statement(&nodes, balancer.as_deref(), now)
    }

    /// All nodes if one may ask for them, else the one that answers, and then whether there are others.
    async fn nodes(&self, door: Door, now: Timestamp) -> Vec<Node> {
        let path = format!("{}/cluster/processing/status", door.prefix);
        let all = self.get_json(&path, now).await;
        if let Ok(Value::Object(all)) = all
            && !all.is_empty()
        {
            let is_alone = all.len() == 1;
            let asked: Vec<BoxFuture<'_, Node>> = all
                .into_iter()
                .map(|(id, said)| -> BoxFuture<'_, Node> {
                    Box::pin(async move {
                        let journal = if is_alone {
                            format!("{}/system/journal", door.prefix)
                        } else {
                            format!("{}/cluster/{id}/journal", door.prefix)
                        };
                        let journal = if is_id(&id) {
                            self.get_json(&journal, now).await.ok()
                        } else {
                            None
                        };
                        node(Some(&said), journal.as_ref())
                    })
                })
                .collect();
            return stream::iter(asked).buffered(AT_ONCE).collect().await;
        }
        let status = format!("{}/system/processing/status", door.prefix);
        let journal = format!("{}/system/journal", door.prefix);
        let others = format!("{}/system/cluster/nodes", door.prefix);
        let (status, journal, others) = tokio::join!(
            self.get_json(&status, now),
            self.get_json(&journal, now),
            self.get_json(&others, now)
        );
        let mut nodes = vec![node(status.ok().as_ref(), journal.ok().as_ref())];
        // Of the others nothing is known but that they are there; if not even that, one stands for them.
        let count = others.ok().and_then(|said| said["total"].as_u64());
        if count != Some(1) {
            nodes.push(Node::default());
        }
        nodes
    }

    /// What it tells load balancers.
    async fn balancer(&self, door: Door, now: Timestamp) -> Option<String> {
        let path = format!("{}/system/lbstatus", door.prefix);
        let request = self
            .web
            .request(Method::GET, &path)
            .header(header::ACCEPT, "text/plain");
        let said = self.web.ask(request, now).await.ok()?;
        let word = String::from_utf8_lossy(&said.body).trim().to_owned();
        ["ALIVE", "THROTTLED", "DEAD"]
            .contains(&&*word)
            .then_some(word)
    }
}

/// What the parts of a node's answer say.
pub(super) fn node(status: Option<&Value>, journal: Option<&Value>) -> Node {
    let journal = journal.and_then(journal_of);
    // Some versions wrap the answer of each node.
    let times = status.and_then(|status| {
        [
            "/receive_times",
            "/response/receive_times",
            "/response/entity/receive_times",
        ]
        .iter()
        .find_map(|place| status.pointer(place))
    });
    // A node that saw no message yet says 1970.
    let at = |key: &str| {
        let said = times.and_then(|times| times.get(key))?;
        answer::time(said).ok().filter(|at| at.as_millis() > 0)
    };
    Node {
        has_answered: times.is_some() || journal.is_some(),
        received: at("ingest"),
        indexed: at("post_indexing"),
        journal,
    }
}

/// Ids go into an address, so they may be no path of their own.
fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn journal_of(said: &Value) -> Option<Journal> {
    let said = said.pointer("/response/entity").unwrap_or(said);
    let rate = |key: &str| said[key].as_f64().filter(|rate| *rate >= 0.0);
    if said["enabled"].as_bool() == Some(false) {
        return None;
    }
    Some(Journal {
        waiting: said["uncommitted_journal_entries"].as_u64()?,
        appended_per_second: rate("append_events_per_second").unwrap_or(0.0),
        read_per_second: rate("read_events_per_second").unwrap_or(0.0),
    })
}

/// What the nodes say together; absent if none of them said anything.
pub(super) fn statement(
    nodes: &[Node],
    balancer: Option<&str>,
    now: Timestamp,
) -> Option<Statement> {
    let is_told = nodes.iter().any(|node| node.has_answered);
    if !is_told && balancer.is_none() {
        return None;
    }
    Some(Statement {
        complete_until: complete_until(nodes, now),
        drains_within: drains_within(nodes),
        words: words(nodes, balancer),
    })
}

/// Up to when everything that was taken in can be searched; a node of which nothing is known may hold anything.
fn complete_until(nodes: &[Node], now: Timestamp) -> Option<Timestamp> {
    let mut until = now - (TO_THE_INDEX + REFRESH);
    if nodes.is_empty() {
        return None;
    }
    for node in nodes {
        match pace(node) {
            Pace::Idle => {}
            Pace::Busy(indexed) => until = until.min(indexed? - REFRESH),
            Pace::Untold => return None,
        }
    }
    Some(until)
}

fn pace(node: &Node) -> Pace {
    match (node.journal, node.received, node.indexed) {
        _ if !node.has_answered => Pace::Untold,
        (Some(journal), _, _) if journal.waiting == 0 => Pace::Idle,
        (None, Some(received), Some(indexed)) if indexed >= received => Pace::Idle,
        (Some(_), _, indexed) | (None, Some(_), indexed) => Pace::Busy(indexed),
        (None, None, _) => Pace::Untold,
    }
}

/// The slowest node's backlog at the speed at which it shrinks now; absent if one does not shrink.
fn drains_within(nodes: &[Node]) -> Option<Duration> {
    let mut longest = None;
    for journal in nodes.iter().filter_map(|node| node.journal) {
        if journal.waiting == 0 {
            continue;
        }
        let shrinks_by = journal.read_per_second - journal.appended_per_second;
        if shrinks_by <= 0.0 {
            return None;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "an estimate, and backlogs are far below 2^52"
        )]
        let seconds = journal.waiting as f64 / shrinks_by;
        let drain = Duration::try_from_secs_f64(seconds)
            .unwrap_or(DRAIN_MAX)
            .min(DRAIN_MAX);
        longest = longest.max(Some(drain));
    }
    longest
}

fn words(nodes: &[Node], balancer: Option<&str>) -> String {
    let mut parts = Vec::new();
    let journals: Vec<Journal> = nodes.iter().filter_map(|node| node.journal).collect();
    let waiting = journals
        .iter()
        .fold(0_u64, |sum, journal| sum.saturating_add(journal.waiting));
    parts.push(match waiting {
        _ if journals.is_empty() => String::from("its journal cannot be read"),
        0 => String::from("nothing waits in the journal"),
        1 => String::from("1 message in the journal"),
        _ => format!("{} messages in the journal", grouped(waiting)),
    });
    let dumb = nodes.iter().filter(|node| !node.has_answered).count();
    if dumb > 0 && nodes.len() > dumb {
        parts.push(String::from("not all nodes can be asked"));
    }
    match balancer {
        Some("THROTTLED") => parts.push(String::from("it asks for less traffic")),
        Some("DEAD") => parts.push(String::from("it asks for no traffic")),
        Some(_) | None => {}
    }
    parts.join(", ")
}

/// A number with a comma before each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
