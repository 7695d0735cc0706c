//! `blackbox_exporter`: what a module asks, and of what its answer is judged.
//!
//! Source: its `CONFIGURATION.md`.

use serde_json::Value as Json;

use super::{
    draft::{Draft, SAMPLE, SAMPLE_URL},
    read::{self, Fields},
    request::Request,
    target::{Target, Value},
    words::{self, Statuses},
};

/// Asks of an address what a module asks; whether hekate can. What the module says otherwise is named.
pub(super) fn ask(draft: &mut Draft, target: &mut Target, module: &Json, address: &str) -> bool {
    let mut fields = Fields::of(module);
    let prober = fields.text("prober").unwrap_or_default();
    fields.ignore("timeout");
    let none = Json::Null;
    let section = |fields: &mut Fields<'_>| {
        let section = match prober.as_str() {
            "http" | "tcp" | "dns" | "icmp" | "grpc" | "websocket" => fields.any(&prober),
            _ => None,
        };
        section.cloned().unwrap_or_else(|| none.clone())
    };
    let said = section(&mut fields);
    let mut said = Fields::of(&said);
    match prober.as_str() {
        "http" => http(draft, target, &mut said, address),
        "tcp" => tcp(draft, target, &mut said, address),
        "dns" => dns(target, &mut said, address),
        "icmp" => Draft::plainly(target, "icmp", "host", address),
        "grpc" => grpc(draft, target, &mut said, address),
        "websocket" => websocket(draft, target, &mut said, address),
        _ => return false,
    }
    family(target, &mut said);
    draft.leave_keys(&target.from, &said.rest());
    draft.leave_keys(&target.from, &fields.rest());
    true
}

/// Asks what a module asks of an address that has to be set as a variable; whether hekate can.
pub(super) fn ask_later(draft: &mut Draft, target: &mut Target, module: &Json, name: &str) -> bool {
    let prober = module
        .get("prober")
        .and_then(read::text)
        .unwrap_or_default();
    let (stand_in, sample) = match prober.as_str() {
        "http" => ("http://module.example.test/", SAMPLE_URL),
        "websocket" => ("wss://module.example.test/", "wss://sample.example.test"),
        "tcp" | "grpc" => ("module.example.test:1", "sample.example.test:1"),
        "dns" => ("", SAMPLE),
        _ => return false,
    };
    if !ask(draft, target, module, stand_in) {
        return false;
    }
    if prober == "dns" {
        target
            .pieces
            .retain(|piece| piece.path != ["dns", "resolver"]);
        target
            .near
            .push(String::from("the resolver of this machine is asked"));
        return true;
    }
    let what = format!(
        "the address that the module `{}` is to probe",
        words::shown(name)
    );
    let variable = draft.variable(&format!("{name} target"), what, sample);
    if let Some((_, Value::Map(keys))) = target.keys.last_mut()
        && let Some((_, address)) = keys.first_mut()
    {
        *address = Value::text(format!("${{{variable}}}"));
    }
    true
}

/// Which addresses are used. That one kind is liked better says nothing: both are tried.
fn family(target: &mut Target, said: &mut Fields<'_>) {
    let liked = said.text("preferred_ip_protocol");
    let is_only = said.flag("ip_protocol_fallback") == Some(false);
    let Some((check, _)) = target.keys.last().cloned() else {
        return;
    };
    if is_only && check != "dns" {
        let word = match liked.as_deref() {
            Some("ip4") => "v4",
            Some(_) | None => "v6",
        };
        target.piece(
            &[&check, "ip"],
            Value::text(word),
            "`preferred_ip_protocol`",
        );
    }
}

/// What of a `tls_config` can be said here; the rest are files of another machine.
fn tls(draft: &mut Draft, target: &mut Target, said: &mut Fields<'_>, check: &str) -> bool {
    let Some(mut config) = said.section("tls_config") else {
        return false;
    };
    let mut is_said = false;
    if config.flag("insecure_skip_verify") == Some(true) {
        let value = Value::word(true);
        target.piece(&[check, "tls", "insecure"], value, "`insecure_skip_verify`");
        is_said = true;
    }
    if let Some(name) = config.text("server_name") {
        target.piece(
            &[check, "tls", "server_name"],
            Value::text(name),
            "`server_name`",
        );
        is_said = true;
    }
    for (key, ours) in [
        ("ca_file", "ca_file"),
        ("cert_file", "certificate_file"),
        ("key_file", "key_file"),
    ] {
        if let Some(path) = config.text(key) {
            let what = format!(
                "`{key}`: say `tls: {{ {ours}: {} }}` where the file is",
                words::shown(&path)
            );
            draft.leave(&target.from, what);
        }
    }
    let from = format!("{}, `tls_config`", target.from);
    draft.leave_keys(&from, &config.rest());
    is_said
}

/// User name and password, or a token, into a request.
pub(super) fn login(
    draft: &mut Draft,
    target: &Target,
    said: &mut Fields<'_>,
    request: &mut Request,
) {
    if let Some(mut basic) = said.section("basic_auth") {
        let name = basic.text("username").unwrap_or_default();
        match basic.text("password") {
            Some(password) => request.basic = Some((name, password)),
            None => draft.leave(
                &target.from,
                "`basic_auth` without a password; say `basic: { username: …, password_file: … }`",
            ),
        }
        draft.leave_keys(&target.from, &basic.rest());
    }
    if let Some(mut authorization) = said.section("authorization") {
        let kind = authorization
            .text("type")
            .unwrap_or_else(|| String::from("Bearer"));
        match authorization.text("credentials") {
            Some(token) if kind.eq_ignore_ascii_case("bearer") => request.bearer = Some(token),
            Some(token) => {
                request
                    .headers
                    .push((String::from("Authorization"), format!("{kind} {token}")));
            }
            None => draft.leave(
                &target.from,
                "`authorization` from a file; say `bearer_file: …`",
            ),
        }
        draft.leave_keys(&target.from, &authorization.rest());
    }
    if let Some(token) = said.text("bearer_token") {
        request.bearer = Some(token);
    }
}

fn http(draft: &mut Draft, target: &mut Target, said: &mut Fields<'_>, address: &str) {
    let url = if address.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    };
    let mut request = Request {
        method: said.text("method"),
        body: said.text("body"),
        redirects: if said.flag("follow_redirects") == Some(false) {
            0
        } else {
            10
        },
        ..Request::default()
    };
    request.headers = headers(draft, target, said);
    let codes: Vec<u16> = said
        .words("valid_status_codes")
        .iter()
        .filter_map(|code| code.parse().ok())
        .collect();
    request.statuses = Some(if codes.is_empty() {
        Statuses::which(|code| code / 100 == 2)
    } else {
        Statuses::which(|code| codes.contains(&code))
    });
    login(draft, target, said, &mut request);
    let is_https = url.starts_with("https://");
    request.url = url;
    draft.request(target, request);
    tls(draft, target, said, "http");
    body(draft, target, said);
    for (key, is_fine) in [("fail_if_not_ssl", is_https), ("fail_if_ssl", !is_https)] {
        if said.flag(key) == Some(true) && !is_fine {
            draft.leave(
                &target.from,
                format!("`{key}`: that would always fail here"),
            );
        }
    }
    // What is so anyway, or as good as so.
    for key in [
        "enable_http2",
        "compression",
        "valid_http_versions",
        "skip_resolve_phase_with_proxy",
    ] {
        if said
            .any(key)
            .is_some_and(|value| *value != Json::Bool(true))
            && key != "compression"
        {
            draft.leave(
                &target.from,
                format!("`{key}`; say `http_version: \"2\"` if it matters"),
            );
        }
    }
}

/// The headers of a request, from both places for them.
fn headers(draft: &mut Draft, target: &Target, said: &mut Fields<'_>) -> Vec<(String, String)> {
    let headers = said.texts("headers");
    let mut headers: Vec<_> = headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    if let Some(mut more) = said.section("http_headers") {
        for name in more.keys() {
            let value = more.section(name).and_then(|mut header| {
                let values = header.list("values").iter().chain(header.list("secrets"));
                values.filter_map(read::text).next_back()
            });
            match value {
                Some(value) => headers.push((name.to_owned(), value)),
                None => draft.leave(
                    &target.from,
                    format!("header `{}` from a file", words::shown(name)),
                ),
            }
        }
    }
    headers
}

/// What has to be in the body and in the headers.
fn body(draft: &mut Draft, target: &mut Target, said: &mut Fields<'_>) {
    let wanted = said.words("fail_if_body_not_matches_regexp");
    for (at, pattern) in wanted.into_iter().enumerate() {
        let what = format!(
            "`fail_if_body_not_matches_regexp: {}`",
            words::shown(&pattern)
        );
        if at == 0 {
            target.piece(&["http", "expect", "body"], Value::text(pattern), what);
        } else {
            draft.leave(
                &target.from,
                format!("{what}: there is one pattern of the body already"),
            );
        }
    }
    for spec in said.list("fail_if_header_not_matches") {
        let mut spec = Fields::of(spec);
        let (Some(header), Some(pattern)) = (spec.text("header"), spec.text("regexp")) else {
            continue;
        };
        let what = format!("header `{}`", words::shown(&header));
        if spec.flag("allow_missing") == Some(true) {
            draft.leave(
                &target.from,
                format!("{what}, which may be missing: it would have to be there"),
            );
        } else {
            let path = ["http", "expect", "header", header.as_str()];
            target.piece(&path, Value::text(pattern), what);
        }
    }
    for key in ["fail_if_body_matches_regexp", "fail_if_header_matches"] {
        if !said.list(key).is_empty() {
            draft.leave(
                &target.from,
                format!("`{key}`: only what has to be there can be asked for"),
            );
        }
    }
    for key in [
        "fail_if_body_json_matches_cel",
        "fail_if_body_json_not_matches_cel",
    ] {
        if let Some(expression) = said.text(key) {
            let what = format!(
                "`{key}: {}`: write it as a condition of `expect: {{ json: … }}`",
                words::shown(&expression)
            );
            draft.leave(&target.from, what);
        }
    }
}

fn tcp(draft: &mut Draft, target: &mut Target, said: &mut Fields<'_>, address: &str) {
    draft.endpoint(target, "tcp", address);
    let is_tls = said.flag("tls") == Some(true);
    if !tls(draft, target, said, "tcp") && is_tls {
        target.piece(&["tcp", "tls"], Value::word(true), "TLS");
    }
    let steps = said.list("query_response");
    let is_more = |step: &Json| {
        ["starttls", "expect_bytes"]
            .iter()
            .any(|key| step.get(key).is_some())
    };
    if steps.iter().any(is_more) {
        let what =
            "`query_response`: bytes and STARTTLS are not spoken; that something listens is asked";
        draft.leave(&target.from, what);
        return;
    }
    let (mut has_sent, mut has_expected) = (false, false);
    for step in steps {
        let mut step = Fields::of(step);
        if let Some(text) = step.text("send") {
            // It sends a line.
            let text = format!("{text}\n");
            if has_sent || has_expected {
                draft.leave(
                    &target.from,
                    "`query_response`: one line is sent, and then one answer is expected",
                );
            } else {
                draft.sent(target, "tcp", &text);
            }
            has_sent = true;
        }
        if let Some(pattern) = step.text("expect") {
            let what = format!("`expect: {}`", words::shown(&pattern));
            match literal(&pattern) {
                Some(text) if !has_expected => {
                    target.piece(&["tcp", "expect"], Value::text(text), what);
                }
                Some(_) => draft.leave(&target.from, format!("{what}: one answer is expected")),
                None => draft.leave(
                    &target.from,
                    format!("{what}: only a text can be expected, no pattern"),
                ),
            }
            has_expected = true;
        }
        step.ignore("labels");
        draft.leave_keys(&format!("{}, `query_response`", target.from), &step.rest());
    }
}

/// The text that a simple pattern looks for.
fn literal(pattern: &str) -> Option<String> {
    let text = pattern.strip_prefix('^').unwrap_or(pattern);
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        match c {
            '\\' => out.push(letters.next().filter(|c| !c.is_alphanumeric())?),
            // At the beginning it is a sign that has to be there once.
            '+' if out.is_empty() => out.push(c),
            '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '$' | '^' | '+' => return None,
            c => out.push(c),
        }
    }
    (!out.is_empty()).then_some(out)
}

fn dns(target: &mut Target, said: &mut Fields<'_>, address: &str) {
    let name = said.text("query_name").unwrap_or_default();
    Draft::plainly(target, "dns", "name", name.trim_end_matches('.'));
    let kind = said
        .text("query_type")
        .unwrap_or_else(|| String::from("ANY"));
    let what = format!("query type `{}`", words::shown(&kind));
    target.piece(&["dns", "record"], Value::text(kind.to_uppercase()), what);
    let what = format!("resolver `{}`", words::shown(address));
    target.piece(&["dns", "resolver"], Value::text(address), what);
    let codes: Vec<String> = said.words("valid_rcodes");
    if !codes.is_empty() && codes != ["NOERROR"] {
        target
            .near
            .push(String::from("every answer but NOERROR is a failure"));
    }
    for (key, usual) in [("transport_protocol", "udp"), ("query_class", "IN")] {
        if said.any(key).is_some_and(|value| *value != usual) {
            target.near.push(format!("`{key}` is `{usual}` here"));
        }
    }
    said.ignore("recursion_desired");
}

fn grpc(draft: &mut Draft, target: &mut Target, said: &mut Fields<'_>, address: &str) {
    draft.endpoint(target, "grpc", address);
    if let Some(service) = said.text("service") {
        target.piece(&["grpc", "service"], Value::text(service), "`service`");
    }
    let is_tls = said.flag("tls") == Some(true);
    if !tls(draft, target, said, "grpc") && is_tls {
        target.piece(&["grpc", "tls"], Value::word(true), "TLS");
    }
    if let Some(mut metadata) = said.section("metadata") {
        let mut pairs = Vec::new();
        for name in metadata.keys() {
            let value = metadata.list(name).iter().find_map(read::text);
            pairs.extend(value.map(|value| (name.to_owned(), value)));
        }
        draft.headers(target, "grpc", "metadata", pairs);
    }
}

fn websocket(draft: &mut Draft, target: &mut Target, said: &mut Fields<'_>, address: &str) {
    let (url, _) = draft.address(address, &target.id());
    let keys = vec![(String::from("url"), Value::text(url))];
    target
        .keys
        .push((String::from("websocket"), Value::Map(keys)));
    let headers = said.texts("headers");
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    draft.headers(target, "websocket", "headers", headers);
    let first = said.list("query_response").first();
    if let Some(first) = first {
        let mut step = Fields::of(first);
        if let Some(text) = step.text("send") {
            draft.sent(target, "websocket", &text);
        }
        if let Some(pattern) = step.text("expect") {
            let what = format!("`expect: {}`", words::shown(&pattern));
            match literal(&pattern) {
                Some(text) => target.piece(&["websocket", "expect"], Value::text(text), what),
                None => draft.leave(
                    &target.from,
                    format!("{what}: only a text can be expected, no pattern"),
                ),
            }
        }
    }
    if said.list("query_response").len() > 1 {
        draft.leave(
            &target.from,
            "`query_response`: one message is sent, and then one is expected",
        );
    }
}
