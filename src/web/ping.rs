//! Calls of jobs, in the form that clients of Healthchecks use.
//!
//! `/ping/<ping key>/<job>`, `/ping/<the job's own token>`, or `/ping/<job>` with a bearer token: alone it says that a run ended well; behind it
//! `/start`, `/fail`, `/log` or an exit code say what else happened. `?rid=` tells runs apart. GET, POST and HEAD mean the same; the last lines of a body are
//! kept. To whoever does not know the key all names are alike.
//!
//! Source: <https://healthchecks.io/docs/http_api/>.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    Shared,
    access::{has_token, is_same},
};
use crate::model::{
    Board, Target,
    job::{Fault, JobQuestion, Ping, Pinged, RUN_ID_MAX, TOOK_MAX},
    text::{FOREIGN_MAX, clean},
};

/// The longest body that is taken, in bytes; what is kept of it is far less.
pub(super) const BODY_BYTES_MAX: usize = 256 * 1024;
/// So many bytes of a body are looked at, from its end.
const BODY_BYTES_KEPT: usize = 10_000;
/// How long a call waits until it is stored.
const STORED_WITHIN: Duration = Duration::from_secs(8);
/// Tells clients how much of a body is of use.
const BODY_LIMIT: HeaderName = HeaderName::from_static("ping-body-limit");

/// `GET`, `POST` or `HEAD /ping/…`
pub(super) async fn ping(
    State(shared): State<Shared>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let board = shared.board.load_full();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (target, suffix) = match called(&board, &parts, &headers) {
        Called::One(target, suffix) => (target, suffix),
        Called::Nobody => return (StatusCode::NOT_FOUND, "not found\n").into_response(),
        Called::Several => {
            return (
                StatusCode::CONFLICT,
                "ambiguous name: several jobs are called like this\n",
            )
                .into_response();
        }
    };
    let Some(what) = what(suffix) else {
        return (
            StatusCode::NOT_FOUND,
            "not found: behind a job comes nothing, start, fail, log, or an exit code from 0 to 255\n",
        )
            .into_response();
    };
    let ping = match said(what, query.as_deref(), &body) {
        Ok(ping) => ping,
        Err(why) => return (StatusCode::BAD_REQUEST, why).into_response(),
    };
    let stored = (shared.ping)(target.id.clone(), ping);
    let is_stored = tokio::time::timeout(STORED_WITHIN, stored).await;
    let mut answer = if matches!(is_stored, Ok(Ok(()))) {
        "OK".into_response()
    } else {
        let words = "it could not be stored in time; call again\n";
        (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
    };
    answer
        .headers_mut()
        .insert(BODY_LIMIT, HeaderValue::from(BODY_BYTES_KEPT));
    answer
}

/// Who is called, as far as the caller may know.
enum Called<'a> {
    /// Nobody with this key.
    Nobody,
    /// This one, and what stands behind it.
    One(&'a Target, Option<&'a str>),
    /// The key is right, and several have names that are written alike in paths.
    Several,
}

/// All that a path may mean; the keys decide. Each is compared whatever the others say.
fn called<'a>(board: &'a Board, parts: &[&'a str], headers: &HeaderMap) -> Called<'a> {
    let first = parts.first().copied().unwrap_or_default();
    let second = parts.get(1).copied();
    let mut own = None;
    let mut named = Vec::new();
    for (target, question) in jobs(board) {
        let keys = &question.keys;
        let is_own = keys.own.as_ref().is_some_and(|own| is_same(first, own));
        let has_key = keys.ping.as_ref().is_some_and(|key| is_same(first, key));
        let bearer = [&keys.own, &keys.server].into_iter().flatten();
        let has_bearer = bearer.fold(false, |known, key| known | has_token(headers, key));
        if is_own && parts.len() <= 2 {
            own = Some((target, second));
        }
        if has_key && let Some(name) = second.filter(|_| parts.len() <= 3) {
            named.push((target, name, parts.get(2).copied()));
        }
        if has_bearer && parts.len() <= 2 {
            named.push((target, first, second));
        }
    }
    if let Some((target, suffix)) = own {
        return Called::One(target, suffix);
    }
    let exact = named.iter().find(|(target, name, _)| target.name == *name);
    if let Some((target, _, suffix)) = exact {
        return Called::One(target, *suffix);
    }
    let alike = named
        .iter()
        .filter(|(target, name, _)| in_paths(&target.name) == in_paths(name));
    let mut alike: Vec<_> = alike.collect();
    alike.dedup_by_key(|(target, ..)| &target.id);
    match alike.as_slice() {
        [] => Called::Nobody,
        [(target, _, suffix)] => Called::One(target, *suffix),
        [_, _, ..] => Called::Several,
    }
}

fn jobs(board: &Board) -> impl Iterator<Item = (&Target, &JobQuestion)> {
    board.rows.iter().filter_map(|row| {
        let (_, question) = row.target.job()?;
        Some((row.target.as_ref(), question.as_ref()))
    })
}

/// A name as it is written in paths: small letters, digits, and `-` for everything else.
fn in_paths(name: &str) -> String {
    let word = |c: char| if c.is_alphanumeric() { c } else { '-' };
    name.to_lowercase().chars().map(word).collect()
}

/// What the word behind a job says.
fn what(suffix: Option<&str>) -> Option<Pinged> {
    Some(match suffix {
        None => Pinged::Done,
        Some("start") => Pinged::Began,
        Some("fail") => Pinged::Failed(None),
        Some("log") => Pinged::Noted,
        Some(code) => match code.parse::<u8>().ok()? {
            0 => Pinged::Done,
            code => Pinged::Failed(Some(code)),
        },
    })
}

/// What a body in JSON can say.
#[derive(Deserialize)]
struct Said {
    message: Option<String>,
    fault: Option<String>,
}

/// The call as it is understood; the error is a sentence for people.
fn said(what: Pinged, query: Option<&str>, body: &[u8]) -> Result<Ping, String> {
    let (mut run, mut fault, mut took) = (String::new(), None, None);
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match key.as_ref() {
            "rid" => run = run_id(&value)?,
            "fault" => fault = Some(fault_of(&value)?),
            "took_ms" => took = Some(length(&value)?),
            // Clients of Healthchecks send others, which mean nothing here.
            _ => {}
        }
    }
    let start = body.len().saturating_sub(BODY_BYTES_KEPT);
    let json = serde_json::from_slice::<Said>(body).ok();
    let words = match json {
        Some(said) if said.message.is_some() || said.fault.is_some() => {
            if let Some(word) = &said.fault {
                fault = Some(fault_of(word)?);
            }
            clean(&said.message.unwrap_or_default(), FOREIGN_MAX)
        }
        Some(_) | None => last_lines(&String::from_utf8_lossy(&body[start..])),
    };
    Ok(Ping {
        what,
        run,
        said: words,
        fault,
        took,
    })
}

/// How long a run took.
fn length(millis: &str) -> Result<Duration, String> {
    let length = millis.parse().ok().map(Duration::from_millis);
    length.filter(|length| *length <= TOOK_MAX).ok_or_else(|| {
        format!(
            "`took_ms` is a whole number of milliseconds, at most {}, not `{}`\n",
            TOOK_MAX.as_millis(),
            clean(millis, 40)
        )
    })
}

fn run_id(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    if text.is_empty() || text.len() > RUN_ID_MAX || !text.chars().all(is_plain) {
        return Err(format!(
            "invalid rid: up to {RUN_ID_MAX} letters, digits, - _ . and :, such as a UUID\n"
        ));
    }
    Ok(text.to_ascii_lowercase())
}

fn fault_of(word: &str) -> Result<Fault, String> {
    Fault::from_word(word).ok_or_else(|| {
        format!(
            "`fault` is `ours` or `third_party`, not `{}`\n",
            clean(word, 40)
        )
    })
}

/// The last lines that say something, oldest first, as far as there is room for them: what went wrong stands at the end.
fn last_lines(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut room = FOREIGN_MAX;
    for line in text.lines().rev() {
        let line = clean(line, room);
        if line.is_empty() {
            continue;
        }
        let length = line.chars().count() + 3;
        lines.push(line);
        if length >= room || lines.len() == 3 {
            break;
        }
        room -= length;
    }
    lines.reverse();
    clean(&lines.join(" · "), FOREIGN_MAX)
}

#[cfg(test)]
#[path = "ping_tests.rs"]
mod tests;
