//! Uptime Kuma: monitors and the notifications to Slack.
//!
//! Source: its `server/model/monitor.js` (what a monitor says of itself) and the export of version 1 (`monitorList`, `notificationList`,
//! whose `config` is JSON in a text). Version 2 has no export; its list of monitors, as its socket gives it, has the same form.

mod http;

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value as Json;

use self::http::http;
use super::{
    Tree, Trouble,
    draft::Draft,
    read::{self, Fields},
    target::{Target, Value},
    words,
};

/// What a monitor says that is nothing but a look, an id or a state.
const NO_MATTER: [&str; 33] = [
    "id",
    "path",
    "pathName",
    "childrenIDs",
    "forceInactive",
    "weight",
    "description",
    "dns_last_result",
    "maintenance",
    "screenshot",
    "includeSensitiveData",
    "user_id",
    "created_date",
    "upside_down",
    "packetSize",
    "gamedigGivenPortOnly",
    "kafkaProducerBrokers",
    "kafkaProducerSaslOptions",
    "kafkaProducerSsl",
    "kafkaProducerAllowAutoTopicCreation",
    "rabbitmqNodes",
    "mqttCheckType",
    "httpBodyEncoding",
    "saveResponse",
    "saveErrorResponse",
    "responseMaxLength",
    "ping_numeric",
    "ping_per_request_timeout",
    "remote_browser",
    "screenshot_delay",
    "snmpVersion",
    "retryOnlyOnStatusCodeFailure",
    "wsIgnoreSecWebsocketAcceptHeader",
];

/// What only some kinds of monitors have, with what the others say of it by default.
const OF_OTHERS: [&str; 24] = [
    "url",
    "hostname",
    "port",
    "method",
    "keyword",
    "expectedValue",
    "jsonPath",
    "jsonPathOperator",
    "maxredirects",
    "accepted_statuscodes",
    "dns_resolve_type",
    "dns_resolve_server",
    "authMethod",
    "expiryNotification",
    "ignoreTls",
    "timeout",
    "ping_count",
    "grpcUrl",
    "grpcEnableTls",
    "grpcServiceName",
    "grpcMethod",
    "grpcProtobuf",
    "mqttTopic",
    "game",
];

/// Reads an export.
///
/// # Errors
///
/// If one of the files is none.
pub(super) fn draft(trees: &[Tree<'_>]) -> Result<Draft, Trouble> {
    let mut draft = Draft::default();
    for tree in trees {
        let mut fields = Fields::of(&tree.tree);
        let list = match (fields.any("monitorList"), &tree.tree) {
            (Some(list), _) | (None, list @ Json::Array(_)) => list,
            // The socket gives them by their ids.
            (None, list @ Json::Object(map))
                if map.values().any(|one| one.get("type").is_some()) =>
            {
                list
            }
            (None, _) => {
                return Err(tree.is_not(
                    "this is no export of Uptime Kuma: it has no `monitorList` (version 1: Settings, Backup, Export)",
                ));
            }
        };
        let monitors: Vec<&Json> = match list {
            Json::Array(list) => list.iter().collect(),
            Json::Object(map) => map.values().collect(),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Vec::new(),
        };
        let channels = notifications(&mut draft, fields.list("notificationList"));
        if !fields.list("proxyList").is_empty() {
            draft.leave("proxies", "hekate looks from where it runs");
        }
        let groups: BTreeMap<String, String> = monitors
            .iter()
            .filter(|monitor| monitor.get("type").is_some_and(|kind| kind == "group"))
            .filter_map(|monitor| {
                let name = monitor.get("name").and_then(read::text)?;
                Some((monitor.get("id").and_then(read::text)?, name))
            })
            .collect();
        let mut has_tags = false;
        for (at, monitor) in monitors.iter().enumerate() {
            has_tags |= monitor
                .get("tags")
                .and_then(Json::as_array)
                .is_some_and(|tags| !tags.is_empty());
            one(&mut draft, monitor, at, &groups, &channels);
        }
        if has_tags {
            draft.leave(
                "tags",
                "what belongs together is a `group:`, and routes match it",
            );
        }
    }
    Ok(draft)
}

/// The channels of notifications to Slack, by the ids of these.
fn notifications(draft: &mut Draft, list: &[Json]) -> BTreeMap<String, String> {
    let mut channels = BTreeMap::new();
    for notification in list {
        let mut fields = Fields::of(notification);
        let name = fields.text("name").unwrap_or_default();
        let from = format!("notification `{}`", words::shown(&name));
        // In exports it is JSON in a text.
        let config = match fields.any("config") {
            Some(Json::String(text)) => serde_json::from_str(text).unwrap_or(Json::Null),
            Some(other) => other.clone(),
            None => notification.clone(),
        };
        let mut config = Fields::of(&config);
        let kind = config.text("type").unwrap_or_default();
        if kind != "slack" {
            let what = format!(
                "hekate does not tell `{}`; it tells Slack, and any receiver of a `signed_webhook`",
                words::shown(&kind)
            );
            draft.leave(from, what);
            continue;
        }
        let Some(webhook) = config.text("slackwebhookURL") else {
            draft.leave(from, "it has no webhook");
            continue;
        };
        let slack = config.text("slackchannel");
        let slack = slack.as_deref().filter(|name| name.starts_with('#'));
        let channel = draft.channel(&name, &webhook, slack);
        if config.flag("slackchannelnotify") == Some(true) {
            draft.nearly(
                from,
                "it mentioned the whole channel; say whom with `on_call:` and `mention:` of a route",
            );
        }
        if let Some(id) = fields.text("id") {
            channels.insert(id, channel);
        }
    }
    channels
}

fn one(
    draft: &mut Draft,
    monitor: &Json,
    at: usize,
    groups: &BTreeMap<String, String>,
    channels: &BTreeMap<String, String>,
) {
    let mut fields = Fields::of(monitor);
    let name = fields.text("name").unwrap_or_default();
    let kind = fields.text("type").unwrap_or_default();
    let from = if name.is_empty() {
        format!("monitor {}", at + 1)
    } else {
        format!("monitor `{}`", words::shown(&name))
    };
    if kind == "group" {
        // Its members say that they are in it.
        return;
    }
    if fields.flag("active") == Some(false) {
        draft.leave(from, "it is paused");
        return;
    }
    if fields.flag("upsideDown") == Some(true) {
        draft.leave(
            from,
            "it is upside down: nothing here is fine while something is down",
        );
        return;
    }
    let parent = fields.text("parent");
    let group = parent
        .and_then(|parent| groups.get(&parent))
        .map(String::as_str);
    let mut target = draft.target(&name, group, from);
    let interval = seconds(&mut fields, "interval").unwrap_or(Duration::from_mins(1));
    if kind != "push" {
        let timeout = seconds(&mut fields, "timeout").unwrap_or(interval.mul_f64(0.8));
        target.rhythm(interval, Some(timeout));
    }
    if !question(draft, &mut target, &kind, &mut fields, interval) {
        let what = format!("hekate has no check of the kind `{}`", words::shown(&kind));
        draft.leave(&target.from, what);
        return;
    }
    let retries = fields.number("maxretries").unwrap_or(0.0).min(10_000.0);
    let pause = seconds(&mut fields, "retryInterval").unwrap_or(interval);
    // The first of them is what hekate does anyway, and sooner.
    if retries >= 2.0 && kind != "push" {
        target.patience(pause.mul_f64(retries));
    }
    let again = fields
        .number("resendInterval")
        .unwrap_or(0.0)
        .min(100_000.0);
    if again > 0.0 {
        let after = interval.mul_f64(again);
        let month = Duration::from_hours(24 * 30);
        target.remind_after = Some(after.clamp(Duration::from_mins(1), month));
    }
    if let Some(told) = fields.any("notificationIDList").and_then(Json::as_object) {
        let ids = told
            .iter()
            .filter(|(_, is_on)| **is_on != Json::Bool(false));
        target.to = ids
            .filter_map(|(id, _)| channels.get(id))
            .cloned()
            .collect();
    }
    if fields.any("proxyId").is_some() {
        draft.leave(&target.from, "its proxy: hekate looks from where it runs");
    }
    for key in NO_MATTER.iter().chain(&OF_OTHERS) {
        fields.ignore(key);
    }
    fields.ignore("tags");
    draft.leave_keys(&target.from, &fields.rest());
    draft.targets.push(target);
}

fn seconds(fields: &mut Fields<'_>, key: &str) -> Option<Duration> {
    let seconds = fields.number(key)?;
    let length = Duration::try_from_secs_f64(seconds).ok()?;
    (!length.is_zero()).then_some(length)
}

/// Asks what its kind says; whether hekate can.
fn question(
    draft: &mut Draft,
    target: &mut Target,
    kind: &str,
    fields: &mut Fields<'_>,
    interval: Duration,
) -> bool {
    let host = fields.text("hostname").unwrap_or_default();
    match kind {
        "http" | "keyword" | "json-query" => http(draft, target, kind, fields),
        "port" => {
            let port = fields.text("port").unwrap_or_default();
            let address = if host.contains(':') {
                format!("[{host}]:{port}")
            } else {
                format!("{host}:{port}")
            };
            draft.endpoint(target, "tcp", &address);
        }
        "ping" => {
            Draft::plainly(target, "icmp", "host", &host);
            if let Some(count) = fields.number("ping_count") {
                let value = Value::word(count.clamp(1.0, 10.0).round());
                target.piece(&["icmp", "packets"], value, "`ping_count`");
            }
        }
        "dns" => dns(target, fields, &host),
        "push" => push(target, fields, interval),
        "websocket-upgrade" => {
            let url = fields.text("url").unwrap_or_default();
            let (url, _) = draft.address(&url, &target.id());
            let keys = vec![(String::from("url"), Value::text(url))];
            target
                .keys
                .push((String::from("websocket"), Value::Map(keys)));
            if fields.text("wsSubprotocol").is_some() {
                draft.leave(&target.from, "`wsSubprotocol`: no subprotocol is asked for");
            }
        }
        "grpc-keyword" => {
            let service = fields.text("grpcServiceName").unwrap_or_default();
            if !matches!(service.as_str(), "Health" | "grpc.health.v1.Health") {
                return false;
            }
            let address = fields.text("grpcUrl").unwrap_or_default();
            draft.endpoint(target, "grpc", &address);
            if fields.flag("grpcEnableTls") == Some(true) {
                target.piece(&["grpc", "tls"], Value::word(true), "TLS");
            }
            for key in ["grpcBody", "keyword"] {
                fields.ignore(key);
            }
            if fields.text("grpcMetadata").is_some() {
                draft.leave(&target.from, "`grpcMetadata`; say `grpc: { metadata: … }`");
            }
        }
        _ => return false,
    }
    true
}

fn dns(target: &mut Target, fields: &mut Fields<'_>, host: &str) {
    Draft::plainly(target, "dns", "name", host);
    if let Some(kind) = fields.text("dns_resolve_type") {
        let what = format!("record type `{}`", words::shown(&kind));
        target.piece(&["dns", "record"], Value::text(kind.to_uppercase()), what);
    }
    if let Some(server) = fields.text("dns_resolve_server") {
        let port = fields.text("port").unwrap_or_else(|| String::from("53"));
        // It may be a list, and any of them may answer.
        let first = server.split(',').next().unwrap_or_default().trim();
        let address = if first.contains(':') {
            format!("[{first}]:{port}")
        } else {
            format!("{first}:{port}")
        };
        let what = format!("resolver `{}`", words::shown(first));
        target.piece(&["dns", "resolver"], Value::text(address), what);
    }
}

fn push(target: &mut Target, fields: &mut Fields<'_>, interval: Duration) {
    let retries = fields.number("maxretries").unwrap_or(0.0).min(10_000.0);
    let pause = seconds(fields, "retryInterval").unwrap_or(interval);
    let mut keys = vec![(String::from("every"), Value::length(interval))];
    let grace = pause.mul_f64(retries);
    if !grace.is_zero() {
        let grace = grace.min(Duration::from_hours(7 * 24));
        keys.push((String::from("grace"), Value::length(grace)));
    }
    target
        .keys
        .push((String::from("heartbeat"), Value::Map(keys)));
    target.called();
    fields.ignore("pushToken");
}
