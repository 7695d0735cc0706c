//! One request.

use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use url::Url;

use super::{Ended, Job, beginning, client, unanswered};
use crate::model::{
    action::{HttpCall, RanResult},
    plan::Credentials,
};

pub(super) async fn run(call: &HttpCall, job: &Job) -> Ended {
    match request(call, job) {
        Ok(request) => match request.send().await {
            Ok(response) => {
                let status = response.status();
                // Whoever hangs up before the end may undo what was begun.
                drop(beginning(response).await);
                judged(call, status)
            }
            Err(error) => Ended::of_error(error),
        },
        Err(why) => Ended::failed(why),
    }
}

fn judged(call: &HttpCall, status: StatusCode) -> Ended {
    let unanswered = unanswered(status);
    let status = status.as_u16();
    let is_good = |(from, to): &(u16, u16)| (*from..=*to).contains(&status);
    if call.success.iter().any(is_good) {
        return Ended {
            result: RanResult::Done,
            words: format!("HTTP {status}"),
            reference: None,
        };
    }
    if let Some(words) = unanswered {
        return Ended::unknown(words);
    }
    let more = if (300..400).contains(&status) {
        ", and redirects are not followed"
    } else {
        ""
    };
    Ended::failed(format!("HTTP {status}{more}"))
}

fn request(call: &HttpCall, job: &Job) -> Result<reqwest::RequestBuilder, String> {
    let client = client(call.ca_pem.as_deref(), call.timeout)?;
    let method: Method = call
        .method
        .parse()
        .map_err(|_error| format!("`{}` is no method", call.method))?;
    let is_get = method == Method::GET || method == Method::HEAD;
    let text = job.filled_in_address(call.url.expose());
    let mut url: Url = text
        .parse()
        .map_err(|error| format!("the address cannot be used: {error}"))?;
    let form = job.form(&call.params);
    if is_get && !form.is_empty() {
        let query = match url.query() {
            Some(query) if !query.is_empty() => format!("{query}&{form}"),
            Some(_) | None => form.clone(),
        };
        url.set_query(Some(&query));
    }
    let mut request = client.request(method, url);
    for (name, value) in &call.headers {
        request = request.header(name, value.expose());
    }
    request = match &call.credentials {
        None => request,
        Some(Credentials::Bearer(token)) => request.bearer_auth(token.expose()),
        Some(Credentials::Basic { username, password }) => {
            request.basic_auth(username, Some(password.expose()))
        }
    };
    Ok(match &call.json {
        Some(json) => request
            .header(header::CONTENT_TYPE, "application/json")
            .body(filled(json, job).to_string()),
        None if !is_get && !form.is_empty() => request
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form),
        None => request,
    })
}

/// The body with every text in it filled in; what is filled in stays a text.
fn filled(json: &Value, job: &Job) -> Value {
    match json {
        Value::Null | Value::Bool(_) | Value::Number(_) => json.clone(),
        Value::String(text) => Value::String(job.filled(text)),
        Value::Array(items) => items.iter().map(|item| filled(item, job)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), filled(value, job)))
            .collect(),
    }
}
