//! What a public address says: a header of its answer, a place in its body, or where it sends visitors.

use http::{HeaderName, StatusCode, header};
use reqwest::Method;
use serde_json::Value;

use crate::{
    model::{Timestamp, roles::Member},
    probe::logs::web::{Answered, Web},
};

use super::{Said, named};

/// Asks for the base address itself.
pub(super) async fn get(web: &Web, now: Timestamp) -> Result<Answered, String> {
    ask(web, Method::GET, now).await
}

async fn ask(web: &Web, method: Method, now: Timestamp) -> Result<Answered, String> {
    let base = web.base().clone();
    let request = web
        .request_to(method, &base)
        .ok_or_else(|| String::from("its address has credentials in it"))?;
    web.ask(request, now).await.map_err(|fault| fault.words)
}

/// Asks for this path below the base address, with these parameters; anything but 2xx is no answer.
pub(super) async fn json(
    web: &Web,
    path: &str,
    parameters: &[(&str, &str)],
    now: Timestamp,
) -> Result<Value, String> {
    let request = if parameters.is_empty() {
        web.request(Method::GET, path)
    } else {
        web.request_with(Method::GET, path, parameters)
    };
    let answer = web.ask(request, now).await.map_err(|fault| fault.words)?;
    whole(&answer)?;
    serde_json::from_slice(&answer.body).map_err(|_| String::from("its answer is no JSON"))
}

/// An error unless the status is 2xx.
pub(super) fn whole(answer: &Answered) -> Result<(), String> {
    answer.fault().map_or(Ok(()), |fault| Err(fault.words))
}

pub(super) async fn header(web: &Web, name: &str, members: &[Member], now: Timestamp) -> Said {
    let answer = get(web, now).await?;
    let key = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| String::from("it is not the name of a header"))?;
    // Of a header that is there twice the last one is of the proxy nearest to the member or the last attempt.
    let value = answer.headers.get_all(key).iter().next_back();
    let value = value.ok_or_else(|| format!("the answer has no `{name}`"))?;
    let value = String::from_utf8_lossy(value.as_bytes());
    from_header(answer.status, &value, members)
}

/// nginx lists everyone that it tried (`a, b`; `a : b` after an internal redirect); the last one served the answer, unless the
/// answer is that none of them could be reached. One alone that could not be reached is still the one that has the load.
pub(super) fn from_header(status: StatusCode, value: &str, members: &[Member]) -> Said {
    let is_of_the_proxy = matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
    );
    if is_of_the_proxy && value.contains(',') {
        let status = status.as_u16();
        return Err(format!(
            "HTTP {status}, and none of those that were asked answered"
        ));
    }
    let last = value.rsplit(',').next().unwrap_or_default();
    let last = last.rsplit(" : ").next().unwrap_or_default();
    named::one(members, last.trim().trim_start_matches("unix:"))
}

pub(super) async fn body(web: &Web, pointer: &str, members: &[Member], now: Timestamp) -> Said {
    let answer = get(web, now).await?;
    whole(&answer)?;
    from_body(&answer.body, pointer, members)
}

/// A name, or a list of names; the whole text without a pointer.
pub(super) fn from_body(body: &[u8], pointer: &str, members: &[Member]) -> Said {
    if pointer.is_empty() {
        return named::one(members, &String::from_utf8_lossy(body));
    }
    let json: Value =
        serde_json::from_slice(body).map_err(|_| String::from("its answer is no JSON"))?;
    match json.pointer(pointer) {
        Some(Value::String(name)) => named::one(members, name),
        Some(Value::Array(names)) => names
            .iter()
            .map(|name| {
                let name = name.as_str().unwrap_or_default();
                named::by_any(members, name).ok_or_else(|| named::nobody(name))
            })
            .collect(),
        Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            Err(format!("what stands at `{pointer}` is no name"))
        }
        None => Err(format!("there is nothing at `{pointer}`")),
    }
}

pub(super) async fn redirect(web: &Web, members: &[Member], now: Timestamp) -> Said {
    let answer = ask(web, Method::HEAD, now).await?;
    let status = answer.status.as_u16();
    let location = answer.headers.get(header::LOCATION);
    match location.and_then(|location| location.to_str().ok()) {
        Some(location) if answer.status.is_redirection() => {
            let url = web.base().join(location);
            let url = url.map_err(|_| String::from("its Location is no address"))?;
            named::by_url(members, url.as_str())
                .map(|position| vec![position])
                .ok_or_else(|| named::nobody(url.host_str().unwrap_or_default()))
        }
        Some(_) | None => Err(format!("it does not redirect (HTTP {status})")),
    }
}
