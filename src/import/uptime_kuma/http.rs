//! Monitors of Uptime Kuma that make a request: `http`, `keyword` and `json-query`.

use serde_json::Value as Json;

use crate::import::{
    draft::Draft,
    read::{self, Fields},
    request::Request,
    target::{Target, Value},
    words::{self, Statuses},
};

pub(super) fn http(draft: &mut Draft, target: &mut Target, kind: &str, fields: &mut Fields<'_>) {
    let mut request = Request {
        url: fields.text("url").unwrap_or_default(),
        method: fields.text("method"),
        body: fields.text("body"),
        is_insecure: fields.flag("ignoreTls") == Some(true),
        ..Request::default()
    };
    let redirects = fields.number("maxredirects").unwrap_or(10.0);
    request.redirects = (0..=10)
        .rev()
        .find(|count| f64::from(*count) <= redirects)
        .unwrap_or(0);
    request.headers = headers(draft, target, fields);
    let has_type = request
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if request.body.is_some() && !has_type {
        let form = match fields.text("httpBodyEncoding").as_deref() {
            Some("xml") => "text/xml; charset=utf-8",
            Some("form") => "application/x-www-form-urlencoded",
            Some(_) | None => "application/json",
        };
        request
            .headers
            .push((String::from("Content-Type"), form.to_owned()));
    }
    login(draft, target, fields, &mut request);
    request.statuses = statuses(fields);
    let url = request.url.clone();
    draft.request(target, request);
    match kind {
        "keyword" => keyword(draft, target, fields),
        "json-query" => json_query(draft, target, fields),
        _ => {}
    }
    if fields.flag("expiryNotification") == Some(true) && url.starts_with("https://") {
        draft.certificate(target, &url, None);
    }
    if fields.flag("cacheBust") == Some(true) {
        draft.leave(
            &target.from,
            "`cacheBust`: addresses are asked for as they are",
        );
    }
}

fn headers(draft: &mut Draft, target: &Target, fields: &mut Fields<'_>) -> Vec<(String, String)> {
    let Some(text) = fields.text("headers") else {
        return Vec::new();
    };
    let Ok(Json::Object(map)) = serde_json::from_str::<Json>(&text) else {
        draft.leave(&target.from, "its headers are no JSON");
        return Vec::new();
    };
    map.iter()
        .filter_map(|(name, value)| Some((name.clone(), read::text(value)?)))
        .collect()
}

fn login(draft: &mut Draft, target: &Target, fields: &mut Fields<'_>, request: &mut Request) {
    let method = fields.text("authMethod").unwrap_or_default();
    let name = fields.text("basic_auth_user");
    let password = fields.text("basic_auth_pass");
    let token = fields.text("bearer_token");
    match method.as_str() {
        "" | "null" | "basic" => {
            if let Some(name) = name {
                request.basic = Some((name, password.unwrap_or_default()));
            }
        }
        "bearer" => request.bearer = token,
        other => {
            let what = format!(
                "it logs in with `{}`, which hekate cannot",
                words::shown(other)
            );
            draft.leave(&target.from, what);
        }
    }
    for key in [
        "oauth_client_id",
        "oauth_client_secret",
        "oauth_token_url",
        "oauth_scopes",
        "oauth_audience",
        "oauth_auth_method",
        "authWorkstation",
        "authDomain",
        "tlsCa",
        "tlsCert",
        "tlsKey",
    ] {
        fields.ignore(key);
    }
}

fn statuses(fields: &mut Fields<'_>) -> Option<Statuses> {
    let ranges: Vec<(u16, u16)> = fields
        .words("accepted_statuscodes")
        .into_iter()
        .filter_map(|text| {
            let (from, to) = text.split_once('-').unwrap_or((&text, &text));
            Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
        })
        .collect();
    let is_fine = |code: u16| {
        ranges
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&code))
    };
    (!ranges.is_empty()).then(|| Statuses::which(is_fine))
}

fn keyword(draft: &mut Draft, target: &mut Target, fields: &mut Fields<'_>) {
    let Some(keyword) = fields.text("keyword") else {
        return;
    };
    let what = format!("keyword `{}`", words::shown(&keyword));
    if fields.flag("invertKeyword") == Some(true) {
        draft.leave(
            &target.from,
            format!("{what}, which must not be there: only what has to be there can be asked for"),
        );
        return;
    }
    let pattern = Value::text(regex::escape(&keyword));
    target.piece(&["http", "expect", "body"], pattern, what);
}

fn json_query(draft: &mut Draft, target: &mut Target, fields: &mut Fields<'_>) {
    let path = fields.text("jsonPath").unwrap_or_default();
    let wanted = fields.text("expectedValue").unwrap_or_default();
    let operator = fields
        .text("jsonPathOperator")
        .unwrap_or_else(|| String::from("=="));
    let what = format!("query `{}`", words::shown(&path));
    let is_plain = !path.is_empty()
        && path
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '$'));
    if !is_plain || !matches!(operator.as_str(), "==" | "!=" | "<" | "<=" | ">" | ">=") {
        draft.leave(
            &target.from,
            format!("{what}: write it as a condition of `http: {{ expect: {{ json: … }} }}`"),
        );
        return;
    }
    let path = match path.strip_prefix('$') {
        Some(rest) if rest.is_empty() || rest.starts_with(['.', '[']) => path,
        Some(_) | None if path.starts_with('[') => format!("${path}"),
        Some(_) | None => format!("$.{path}"),
    };
    let is_word = matches!(wanted.as_str(), "true" | "false" | "null");
    let is_number = serde_json::from_str::<Json>(&wanted).is_ok_and(|value| value.is_number());
    let value = if is_word || is_number {
        wanted
    } else {
        Json::from(wanted).to_string()
    };
    let condition = Value::text(format!("{path} {operator} {value}"));
    target.item(&["http", "expect", "json"], condition, what);
}
