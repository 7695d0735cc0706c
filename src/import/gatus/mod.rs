//! Gatus: endpoints, external endpoints, alerts to Slack, maintenance, connectivity.
//!
//! Source: its README and `config/` (v5): an endpoint has conditions, all of which have to hold; what it is shows the scheme of its
//! address; alerts are told after so many failures in a row; variables of the environment work everywhere.

mod condition;
mod question;
mod told;

use std::time::Duration;

use serde_json::Value as Json;

use self::{
    condition::{Meaning, meaning},
    question::question,
    told::{Alerting, alerts, maintenance},
};
use super::{
    Tree, Trouble,
    draft::{Draft, SAMPLE},
    read::{self, Fields},
    target::{Target, Value},
    words,
};

/// What a look waits if the file says nothing.
const TIMEOUT: Duration = Duration::from_secs(10);
/// From one look to the next if the file says nothing.
const INTERVAL: Duration = Duration::from_mins(1);
/// By which a file is known.
pub(super) const KEYS: [&str; 4] = ["endpoints", "external-endpoints", "suites", "alerting"];

/// Sections that say nothing of what is watched.
const OF_ITS_OWN: [(&str, &str); 12] = [
    ("metrics", "hekate always has /metrics"),
    ("storage", "hekate keeps its own store: `store:`"),
    ("web", "where hekate listens is `server: { listen: … }`"),
    ("ui", "the status page is `page:`"),
    (
        "security",
        "who may read is `server: { token: … }` and `page: { public: … }`",
    ),
    ("remote", "other instances are not asked"),
    ("tunneling", "hekate looks from where it runs"),
    (
        "announcements",
        "what people are told is not a part of the file",
    ),
    ("debug", "say `hekate run -v`"),
    ("concurrency", "hekate looks at all of them at once"),
    (
        "disable-monitoring-lock",
        "hekate looks at all of them at once",
    ),
    (
        "skip-invalid-config-update",
        "hekate always keeps the old file while a new one is wrong",
    ),
];

/// Reads all files as one, as Gatus does with a folder.
///
/// # Errors
///
/// If one of them is no such file.
pub(super) fn draft(trees: &[Tree<'_>]) -> Result<Draft, Trouble> {
    let mut draft = Draft::default();
    draft.is_shell = true;
    let mut alerting = Alerting::default();
    for tree in trees {
        if !KEYS.iter().any(|key| tree.tree.get(*key).is_some()) {
            return Err(tree.is_not("this is no configuration of Gatus: it has no `endpoints`"));
        }
        told::alerting(&mut draft, &mut alerting, &tree.tree);
    }
    for tree in trees {
        file(&mut draft, &alerting, &tree.tree);
    }
    if alerting.slack.is_none() && alerting.of_group.is_empty() {
        draft.nearly(
            "alerts",
            "none went to Slack, and hekate tells one channel of everything",
        );
    }
    Ok(draft)
}

fn file(draft: &mut Draft, alerting: &Alerting, tree: &Json) {
    let mut fields = Fields::of(tree);
    fields.ignore("alerting");
    for (at, endpoint) in fields.list("endpoints").iter().enumerate() {
        one(draft, alerting, endpoint, at);
    }
    for (at, endpoint) in fields.list("external-endpoints").iter().enumerate() {
        external(draft, alerting, endpoint, at);
    }
    for suite in fields.list("suites") {
        let name = suite.get("name").and_then(read::text).unwrap_or_default();
        draft.leave(
            format!("suite `{}`", words::shown(&name)),
            "write it as `steps:`: requests in order, with `extract:` for what one brings for the next",
        );
    }
    if let Some(window) = fields.any("maintenance") {
        let all = ["info", "warning", "critical", "disaster"].map(String::from);
        let matched = (String::from("severity"), Value::texts(all.to_vec()));
        maintenance(draft, window, "Gatus maintenance", "`maintenance`", matched);
    }
    if let Some(mut connectivity) = fields.section("connectivity") {
        let checker = connectivity.section("checker");
        let target = checker.and_then(|mut checker| checker.text("target"));
        if let Some(target) = target {
            let address = (
                String::from("tcp"),
                Value::text(draft.open(&target, SAMPLE)),
            );
            let name = String::from("connectivity");
            draft.witnesses.push((name, Value::Map(vec![address])));
        }
    }
    for (key, why) in OF_ITS_OWN {
        if fields.any(key).is_some() {
            draft.leave(format!("`{key}`"), why);
        }
    }
    let anchors: Vec<&str> = fields.rest();
    // Sections of anybody's own, which hold anchors.
    let rest: Vec<&str> = anchors
        .into_iter()
        .filter(|key| {
            !key.starts_with("x-") && !key.starts_with('.') && !key.starts_with("default")
        })
        .collect();
    draft.leave_keys("the file", &rest);
}

fn title(kind: &str, name: &str, at: usize) -> String {
    if name.is_empty() {
        format!("{kind} {}", at + 1)
    } else {
        format!("{kind} `{}`", words::shown(name))
    }
}

fn one(draft: &mut Draft, alerting: &Alerting, endpoint: &Json, at: usize) {
    let mut fields = Fields::of(endpoint);
    let name = fields.text("name").unwrap_or_default();
    let from = title("endpoint", &name, at);
    if !fields.is_section() {
        draft.leave(from, "it is no section");
        return;
    }
    if fields.flag("enabled") == Some(false) {
        draft.leave(from, "it is disabled (`enabled: false`)");
        return;
    }
    let Some(url) = fields.text("url") else {
        draft.leave(from, "it has no `url`");
        return;
    };
    let group = fields.text("group");
    let mut target = draft.target(&name, group.as_deref(), from);
    let mut client = fields.section("client");
    let timeout = client.as_mut().and_then(|client| client.text("timeout"));
    let timeout = length(draft, &mut target, timeout, "`client.timeout`").unwrap_or(TIMEOUT);
    let interval = fields.text("interval");
    let interval = length(draft, &mut target, interval, "`interval`").unwrap_or(INTERVAL);
    target.rhythm(interval, Some(timeout));
    let meanings: Vec<(String, Meaning)> = fields
        .words("conditions")
        .into_iter()
        .map(|text| {
            let meaning = meaning(&text);
            (text, meaning)
        })
        .collect();
    let is_asked = question(
        draft,
        &mut target,
        &url,
        &mut fields,
        client.as_mut(),
        &meanings,
    );
    if !is_asked {
        let scheme = url.split("://").next().unwrap_or_default();
        let what = format!("hekate has no check of the kind `{}`", words::shown(scheme));
        draft.leave(&target.from, what);
        return;
    }
    if let Some(client) = client {
        let from = format!("{}, `client`", target.from);
        draft.leave_keys(&from, &client.rest());
    }
    alerts(
        draft,
        alerting,
        &mut target,
        &mut fields,
        group.as_deref(),
        interval,
    );
    for (at, window) in fields.list("maintenance-windows").iter().enumerate() {
        let matched = (String::from("target"), Value::text(target.id()));
        let name = format!("{} {}", target.name, at + 1);
        let from = format!("{}, maintenance {}", target.from, at + 1);
        maintenance(draft, window, &name, &from, matched);
    }
    fields.ignore("ui");
    draft.leave_keys(&target.from, &fields.rest());
    draft.targets.push(target);
}

fn length(
    draft: &mut Draft,
    target: &mut Target,
    text: Option<String>,
    what: &str,
) -> Option<Duration> {
    let text = text?;
    let read = words::duration(&text).filter(|length| !length.is_zero());
    if read.is_none() {
        let what = format!("{what} `{}` is no duration", words::shown(&text));
        draft.leave(&target.from, what);
    }
    read
}

fn external(draft: &mut Draft, alerting: &Alerting, endpoint: &Json, at: usize) {
    let mut fields = Fields::of(endpoint);
    let name = fields.text("name").unwrap_or_default();
    let from = title("external endpoint", &name, at);
    if fields.flag("enabled") == Some(false) {
        draft.leave(from, "it is disabled (`enabled: false`)");
        return;
    }
    let group = fields.text("group");
    let heartbeat = fields.section("heartbeat");
    let every = heartbeat.and_then(|mut heartbeat| heartbeat.text("interval"));
    let Some(every) = every.and_then(|text| words::duration(&text)) else {
        draft.leave(
            from,
            "it says no `heartbeat.interval`, so hekate would not know when a call is missing; write `heartbeat: 1h`",
        );
        return;
    };
    let mut target = draft.target(&name, group.as_deref(), from);
    let keys = vec![(String::from("every"), Value::length(every))];
    target
        .keys
        .push((String::from("heartbeat"), Value::Map(keys)));
    target.called();
    fields.ignore("token");
    alerts(
        draft,
        alerting,
        &mut target,
        &mut fields,
        group.as_deref(),
        every,
    );
    draft.leave_keys(&target.from, &fields.rest());
    draft.targets.push(target);
}
