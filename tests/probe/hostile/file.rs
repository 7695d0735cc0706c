//! A file in which every kind of check meets every server.

use std::fmt::Write as _;

use super::Running;

/// The kinds of check that meet each server, as names of its targets.
pub(crate) const KINDS: [&str; 7] = ["health", "http", "tcp", "tls", "websocket", "grpc", "log"];

/// The stores of logs and the places of roles that speak HTTP; servers get them in turn.
fn store(number: usize, url: &str, tls: &str) -> String {
    let kinds = [
        format!("loki: {{ url: \"{url}\"{tls} }}"),
        format!("victorialogs: {{ url: \"{url}\"{tls} }}"),
        format!("prometheus: {{ url: \"{url}\"{tls} }}"),
        format!("victoriametrics: {{ url: \"{url}\"{tls} }}"),
        format!("elasticsearch: {{ url: \"{url}\", index: logs{tls} }}"),
        format!("graylog: {{ url: \"{url}/api\", token: \"0123456789abcdef\"{tls} }}"),
        format!("journal_gateway: {{ url: \"{url}\"{tls} }}"),
        format!("kubernetes: {{ url: \"{url}\", token: \"0123456789abcdef\"{tls} }}"),
        format!("http_json: {{ url: \"{url}/info\", pointer: /status, format: text{tls} }}"),
    ];
    kinds[number % kinds.len()].clone()
}

fn roles(number: usize, url: &str, tls: &str) -> String {
    let kinds = [
        format!("haproxy_csv: {{ url: \"{url}/stats\", backend: b{tls} }}"),
        format!("traefik: {{ url: \"{url}\", service: b@file{tls} }}"),
        format!("envoy: {{ url: \"{url}\", cluster: b{tls} }}"),
        format!("header: {{ url: \"{url}\", name: X-Active{tls} }}"),
        format!("body: {{ url: \"{url}\", pointer: /status{tls} }}"),
        format!("redirect: {{ url: \"{url}\"{tls} }}"),
        format!(
            "kubernetes_endpoints: {{ url: \"{url}\", service: b, token: \"0123456789abcdef\"{tls} }}"
        ),
    ];
    kinds[number % kinds.len()].clone()
}

/// The groups, stores of logs and targets of a file in which everything meets these servers.
pub(crate) fn sections(servers: &[Running], ca_file: &str, every: &str) -> String {
    let (mut groups, mut sources, mut targets) = (String::new(), String::new(), String::new());
    for (number, server) in servers.iter().enumerate() {
        let (name, address) = (server.name, server.address);
        let s = if server.is_tls { "s" } else { "" };
        let tls = if server.is_tls {
            format!(", tls: {{ ca_file: \"{ca_file}\" }}")
        } else {
            String::new()
        };
        let url = format!("http{s}://{address}");
        let roles = roles(number, &url, &tls);
        let _ = writeln!(
            groups,
            "  {name}:\n    active:\n      every: {every}\n      {roles}"
        );
        let store = store(number, &url, &tls);
        let _ = writeln!(
            sources,
            "  {name}: {{ {store}, interval: {every}, timeout: 1s, startup_grace: 0s, channel: bad }}"
        );
        let query = if store.starts_with("kubernetes") {
            "prod/app=b"
        } else {
            "up"
        };
        let checks = [
            format!("health: {{ url: \"{url}/health\"{tls} }}"),
            format!(
                "http: {{ url: \"{url}/x\", follow_redirects: 5, expect: {{ json: [\"$.status == 'UP'\"], body: \"(U+)+P\" }}{tls} }}"
            ),
            format!(
                "tcp: {{ address: \"{address}\", send: \"PING\\r\\n\\r\\n\", expect: \"+PONG\"{tls} }}"
            ),
            format!(
                "tls: {{ address: \"{address}\"{} }}",
                tls.replacen(", tls: {", ", ", 1).trim_end_matches('}')
            ),
            format!(
                "websocket: {{ url: \"ws{s}://{address}/feed\", send: hi, expect: pong{tls} }}"
            ),
            format!("grpc: {{ address: \"{address}\"{tls} }}"),
            format!("log_freshness: {{ source: {name}, query: \"{query}\", max_age: 1m }}"),
        ];
        for (kind, check) in KINDS.iter().zip(checks) {
            let _ = writeln!(targets, "  - {{ name: {kind}, group: {name}, {check} }}");
        }
    }
    format!("groups:\n{groups}log_sources:\n{sources}targets:\n{targets}")
}
