//! What an endpoint of Gatus asks, and of what the answer is judged.

use super::condition::Meaning;
use crate::import::{
    draft::Draft,
    read::Fields,
    request::Request,
    target::{Target, Value},
    words::{self, Statuses},
};

/// How many redirects are followed, unless none are.
const REDIRECTS: u32 = 10;

/// Asks what the scheme of the address says; whether hekate can.
pub(super) fn question(
    draft: &mut Draft,
    target: &mut Target,
    url: &str,
    fields: &mut Fields<'_>,
    client: Option<&mut Fields<'_>>,
    meanings: &[(String, Meaning)],
) -> bool {
    let body = fields.text("body");
    if let Some(mut dns) = fields.section("dns") {
        dns_question(draft, target, &mut dns, url, meanings);
        return true;
    }
    let (scheme, address) = url.split_once("://").unwrap_or(("", url));
    let host = address.split('/').next().unwrap_or(address);
    match scheme {
        "http" | "https" | "" => {
            http(draft, target, url, fields, client, body, meanings);
            return true;
        }
        "tcp" => draft.endpoint(target, "tcp", host),
        "ssh" if fields.any("ssh").is_none() => {
            draft.endpoint(target, "tcp", host);
            target.piece(&["tcp", "expect"], Value::text("SSH-"), "the banner");
        }
        "tls" => draft.endpoint(target, "tls", host),
        "starttls" => {
            draft.endpoint(target, "tls", host);
            target.piece(&["tls", "starttls"], Value::word("smtp"), "STARTTLS");
        }
        "icmp" => Draft::plainly(target, "icmp", "host", host),
        "grpc" | "grpcs" => {
            draft.endpoint(target, "grpc", host);
            if scheme == "grpcs" {
                target.piece(&["grpc", "tls"], Value::word(true), "TLS");
            }
        }
        "ws" | "wss" => {
            let (url, _) = draft.address(url, &target.id());
            let keys = vec![(String::from("url"), Value::text(url))];
            target
                .keys
                .push((String::from("websocket"), Value::Map(keys)));
            let headers = headers(fields);
            draft.headers(target, "websocket", "headers", headers);
        }
        _ => return false,
    }
    let check = target.keys.last().map_or("", |(key, _)| key).to_owned();
    if let Some(body) = body {
        match check.as_str() {
            "tcp" | "websocket" => draft.sent(target, &check, &body),
            _ => draft.leave(&target.from, "`body`: nothing is sent there"),
        }
    }
    let is_insecure = client.and_then(|client| client.flag("insecure")) == Some(true);
    if is_insecure && check == "tls" {
        target.piece(
            &["tls", "insecure"],
            Value::word(true),
            "any certificate is accepted",
        );
    }
    conditions_of_others(draft, target, &check, meanings);
    true
}

fn headers(fields: &mut Fields<'_>) -> Vec<(String, String)> {
    let headers = fields.texts("headers");
    headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn http(
    draft: &mut Draft,
    target: &mut Target,
    url: &str,
    fields: &mut Fields<'_>,
    client: Option<&mut Fields<'_>>,
    body: Option<String>,
    meanings: &[(String, Meaning)],
) {
    let mut headers = headers(fields);
    let mut body = body;
    if fields.flag("graphql") == Some(true) {
        body = body.map(|query| serde_json::json!({ "query": query }).to_string());
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            headers.push((
                String::from("Content-Type"),
                String::from("application/json"),
            ));
        }
    }
    let (mut is_insecure, mut redirects) = (false, REDIRECTS);
    if let Some(client) = client {
        is_insecure = client.flag("insecure") == Some(true);
        if client.flag("ignore-redirect") == Some(true) {
            redirects = 0;
        }
    }
    // Without a condition on it any status is fine.
    let mut statuses = Statuses::which(|_| true);
    for (_, meaning) in meanings {
        if let Meaning::Status(some) = meaning {
            statuses = statuses.and(some);
        }
    }
    let request = Request {
        url: url.to_owned(),
        method: fields.text("method"),
        headers,
        body,
        redirects,
        statuses: Some(statuses),
        is_insecure,
        ..Request::default()
    };
    draft.request(target, request);
    for (text, meaning) in meanings {
        let shown = words::shown(text);
        let what = format!("condition `{shown}`");
        match meaning {
            Meaning::Implied | Meaning::Status(_) => {}
            Meaning::Within(limit) => {
                // Whatever takes longer than the limit of the look fails anyway.
                if target.timeout.is_none_or(|timeout| *limit < timeout) {
                    let value = Value::length(*limit);
                    target.piece(&["http", "expect", "max_duration"], value, what);
                }
            }
            Meaning::Body(pattern) => one_body(draft, target, pattern, what),
            Meaning::Json(condition) => {
                target.item(
                    &["http", "expect", "json"],
                    Value::text(condition.as_str()),
                    what,
                );
            }
            Meaning::JsonNearly(condition, why) => {
                target.item(
                    &["http", "expect", "json"],
                    Value::text(condition.as_str()),
                    what,
                );
                target.near.push(format!("`{shown}`: {why}"));
            }
            Meaning::Certificate(left) => draft.certificate(target, url, Some(*left)),
            Meaning::Unknown(why) => draft.leave(&target.from, format!("{what}: {why}")),
        }
    }
}

/// Only one pattern of the body can be asked for.
fn one_body(draft: &mut Draft, target: &mut Target, pattern: &str, what: String) {
    let path = ["http", "expect", "body"];
    if target.pieces.iter().any(|piece| piece.path == path) {
        draft.leave(
            &target.from,
            format!("{what}: there is one pattern of the body already"),
        );
    } else {
        target.piece(&path, Value::text(pattern), what);
    }
}

/// What can be asked of anything but HTTP.
fn conditions_of_others(
    draft: &mut Draft,
    target: &mut Target,
    check: &str,
    meanings: &[(String, Meaning)],
) {
    for (text, meaning) in meanings {
        let shown = words::shown(text);
        let what = format!("condition `{shown}`");
        match meaning {
            Meaning::Implied => {}
            Meaning::Within(limit) => {
                target.piece(&["slow_after"], Value::length(*limit), what);
                target
                    .near
                    .push(format!("`{shown}`: slower is degraded, not down"));
            }
            Meaning::Certificate(left) if check == "tls" => {
                let value = Draft::warned(target, *left);
                target.piece(&["tls", "warn_at"], value, what);
            }
            Meaning::Json(condition) if check == "grpc" && condition.contains("SERVING") => {}
            Meaning::Body(_) if matches!(check, "tcp" | "websocket") => {
                let found = text.split_once("pat(").and_then(|(_, rest)| {
                    words::within(rest.trim_end().strip_suffix(')')?).map(str::to_owned)
                });
                match found {
                    Some(part) => target.piece(&[check, "expect"], Value::text(part), what),
                    None => draft.leave(
                        &target.from,
                        format!("{what}: only a part of the answer can be asked for"),
                    ),
                }
            }
            Meaning::Status(_)
            | Meaning::Body(_)
            | Meaning::Json(_)
            | Meaning::JsonNearly(..)
            | Meaning::Certificate(_) => {
                draft.leave(
                    &target.from,
                    format!("{what}: `{check}` cannot be asked for that"),
                );
            }
            Meaning::Unknown(why) => draft.leave(&target.from, format!("{what}: {why}")),
        }
    }
}

fn dns_question(
    draft: &mut Draft,
    target: &mut Target,
    dns: &mut Fields<'_>,
    resolver: &str,
    meanings: &[(String, Meaning)],
) {
    let name = dns.text("query-name").unwrap_or_default();
    Draft::plainly(target, "dns", "name", name.trim_end_matches('.'));
    if let Some(kind) = dns.text("query-type") {
        let kind = kind.to_uppercase();
        let what = format!("query type `{}`", words::shown(&kind));
        target.piece(&["dns", "record"], Value::text(kind), what);
    }
    let what = format!("resolver `{}`", words::shown(resolver));
    let resolver = resolver.rsplit("://").next().unwrap_or(resolver);
    target.piece(&["dns", "resolver"], Value::text(resolver), what);
    for (text, meaning) in meanings {
        let shown = words::shown(text);
        let what = format!("condition `{shown}`");
        let exact = text.strip_prefix("[BODY] == ").map(str::trim);
        match (meaning, exact) {
            // To any answer the patterns fit.
            (Meaning::Implied, _) | (Meaning::Body(_), Some("pat(*.*.*.*)" | "pat(*)")) => {}
            (Meaning::Body(_), Some(record)) if !record.contains(['*', '(']) => {
                let record = record.trim_end_matches('.');
                target.item(&["dns", "contains"], Value::text(record), what);
            }
            (Meaning::Unknown(why), _) => {
                draft.leave(&target.from, format!("{what}: {why}"));
            }
            (Meaning::Within(limit), _) => {
                target.piece(&["slow_after"], Value::length(*limit), what);
                target
                    .near
                    .push(format!("`{shown}`: slower is degraded, not down"));
            }
            (
                Meaning::Body(_)
                | Meaning::Status(_)
                | Meaning::Json(_)
                | Meaning::JsonNearly(..)
                | Meaning::Certificate(_),
                _,
            ) => draft.leave(
                &target.from,
                format!("{what}: `dns` cannot be asked for that"),
            ),
        }
    }
}
