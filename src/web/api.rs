//! The API that the terminal uses: status, suggest, explain, history; as JSON, or as text with `?format=text`.

use std::{str::FromStr, time::Duration};

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::{Shared, latency, trouble, trouble_with};
use crate::{
    command::{
        Fresh, Line, Past, Status, Suggestions, fresh, json as shape,
        lookup::{self, One, Selection},
        suggest,
        text::{self, Look},
    },
    model::{Board, Incident, TargetId, Timestamp, Transition, board::Row},
};

/// How far back history goes unless told.
const HISTORY_DEFAULT: Duration = Duration::from_hours(7 * 24);

/// How many transitions are given unless told.
const TRANSITIONS_DEFAULT: usize = 100;

/// The most transitions that are given.
const TRANSITIONS_MAX: usize = 1_000;

/// How the answer should look.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Text,
    /// One line each where that is possible, else as text.
    Short,
}

/// What may follow the question mark; anything else is an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// `status`: which targets.
    #[serde(default)]
    words: String,
    #[serde(default)]
    format: Format,
    /// With `format=text`: whether ANSI colours are used.
    #[serde(default)]
    color: bool,
    /// `history`: from when, as a span (`7d`) or a time (RFC 3339).
    since: Option<String>,
    /// `latency`: how far back, `24h` (which it is unless told), `7d` or `90d`.
    window: Option<String>,
    /// `history`: at most so many, the latest.
    limit: Option<usize>,
}

/// `GET /api/v1/status`
pub(super) async fn status(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return bad_query(&rejection),
    };
    let board = shared.board.load_full();
    let now = shared.clock.now().at;
    match lookup::select(&board, &asked.words) {
        Selection::Rows { rows, words } => {
            let status = Status::of(&board, rows, now, words, "hekate");
            match asked.format {
                Format::Json => Json(shape::status(&status)).into_response(),
                Format::Text => plain(text::status(&status, look(&shared, &asked))),
                Format::Short => plain(text::short(&status)),
            }
        }
        Selection::Nothing {
            understood,
            nearest,
        } => match shared.chat.closed_incident(&asked.words).await {
            Some(incident) => past(&shared, incident, "explain", &asked).await,
            None => unknown(&understood, &nearest),
        },
    }
}

/// `GET /api/v1/lapses`: times in which nobody looked or nobody could see; always JSON.
pub(super) async fn lapses(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return bad_query(&rejection),
    };
    let now = shared.clock.now().at;
    let Some(since) = since(asked.since.as_deref(), now) else {
        return bad_since();
    };
    let ourselves = shared.board.load().ourselves.load_full();
    Json(shape::lapses(ourselves.lapses_since(since), now)).into_response()
}

/// `GET /api/v1/suggest`
pub(super) async fn suggest(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return bad_query(&rejection),
    };
    let board = shared.board.load_full();
    match lookup::select(&board, &asked.words) {
        Selection::Rows { rows, .. } => {
            let suggestions = Suggestions::of(rows);
            match asked.format {
                Format::Json => Json(suggest::json(&suggestions)).into_response(),
                Format::Text => plain(suggest::text(&suggestions)),
                Format::Short => plain(suggest::short(&suggestions)),
            }
        }
        Selection::Nothing {
            understood,
            nearest,
        } => unknown(&understood, &nearest),
    }
}

/// `GET /api/v1/jobs`
pub(super) async fn jobs(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return bad_query(&rejection),
    };
    let board = shared.board.load_full();
    match Fresh::select(&board, &asked.words, shared.clock.now().at) {
        Ok(fresh) => match asked.format {
            Format::Json => Json(fresh::json(&fresh)).into_response(),
            Format::Text | Format::Short => plain(fresh::text(&fresh, look(&shared, &asked))),
        },
        Err(nobody) => unknown(&nobody.understood, &nobody.nearest),
    }
}

/// `GET /api/v1/targets/<words>/explain` and `…/history` and `…/latency`; the words may be an id with its slash.
pub(super) async fn target(
    State(shared): State<Shared>,
    Path(question): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return bad_query(&rejection),
    };
    let Some((words, what)) = question.rsplit_once('/') else {
        return nothing_here();
    };
    let board = shared.board.load_full();
    let row = match row_of(&board, words) {
        Ok(row) => row,
        Err(response) => {
            return match shared.chat.closed_incident(words).await {
                Some(incident) => past(&shared, incident, what, &asked).await,
                None => *response,
            };
        }
    };
    match what {
        "explain" => explain(&shared, row, &asked).await,
        "history" => history(&shared, row, &asked).await,
        "latency" => latency::answer(&shared, row, asked.window.as_deref()).await,
        _ => nothing_here(),
    }
}

/// What became of an incident, or the transitions that belong to it.
async fn past(shared: &Shared, incident: Incident, what: &str, asked: &Asked) -> Response {
    let now = shared.clock.now().at;
    let board = shared.board.load_full();
    match (what, incident.targets.first().cloned()) {
        ("explain", _) => {
            let past = Past::of(incident, &board, now);
            match asked.format {
                Format::Json => Json(shape::past(&past)).into_response(),
                Format::Text | Format::Short => {
                    let plan = shared.plan.load();
                    plain(text::past(&past, &plan.channels, look(shared, asked)))
                }
            }
        }
        ("history", Some(target)) => {
            let read = read_history(shared, target.clone(), incident.since, TRANSITIONS_MAX).await;
            let of_it =
                |transition: &Transition| transition.incident.as_ref() == Some(&incident.id);
            let read = read.map(|transitions| transitions.into_iter().filter(of_it).collect());
            let title = Past::of(incident.clone(), &board, now).title();
            transitions(shared, target.as_str(), &title, read, asked)
        }
        _ => nothing_here(),
    }
}

async fn explain(shared: &Shared, row: &Row, asked: &Asked) -> Response {
    let now = shared.clock.now().at;
    let line = Line::of(row, now);
    let charts = latency::lately(shared, &row.target, now).await;
    match asked.format {
        Format::Json => {
            let mut value = shape::explain(&line, now);
            value["latency_24h"] = latency::totals(&charts);
            Json(value).into_response()
        }
        Format::Text | Format::Short => {
            let plan = shared.plan.load();
            plain(text::explain(
                &line,
                &plan.channels,
                &latency::sentences(&charts),
                now,
                look(shared, asked),
            ))
        }
    }
}

async fn history(shared: &Shared, row: &Row, asked: &Asked) -> Response {
    let now = shared.clock.now().at;
    let Some(since) = since(asked.since.as_deref(), now) else {
        return bad_since();
    };
    let limit = asked
        .limit
        .unwrap_or(TRANSITIONS_DEFAULT)
        .min(TRANSITIONS_MAX);
    let read = read_history(shared, row.target.id.clone(), since, limit).await;
    transitions(
        shared,
        row.target.id.as_str(),
        &row.target.title(),
        read,
        asked,
    )
}

fn transitions(
    shared: &Shared,
    id: &str,
    title: &str,
    read: Result<Vec<Transition>, String>,
    asked: &Asked,
) -> Response {
    match (read, asked.format) {
        (Ok(transitions), Format::Json) => Json(shape::history(id, &transitions)).into_response(),
        (Ok(transitions), Format::Text | Format::Short) => {
            let now = shared.clock.now().at;
            plain(text::history(title, &transitions, now, look(shared, asked)))
        }
        (Err(why), _) => trouble(StatusCode::SERVICE_UNAVAILABLE, "store", &why),
    }
}

/// Asks the store for transitions, oldest first.
async fn read_history(
    shared: &Shared,
    id: TargetId,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<Transition>, String> {
    let read = std::sync::Arc::clone(&shared.histories);
    let mut transitions = shared.readers.ask(move || read(&id, since, limit)).await?;
    transitions.sort_by_key(|transition| (transition.at, transition.number));
    Ok(transitions)
}

/// The target with exactly this id, else the one that the words name.
fn row_of<'a>(board: &'a Board, words: &str) -> Result<&'a Row, Box<Response>> {
    if let Some(row) = board.row(&TargetId::new(words)) {
        return Ok(row);
    }
    match lookup::one(board, words) {
        One::Row(row) => Ok(row),
        One::Several(rows) => {
            let ids: Vec<&str> = rows
                .iter()
                .map(|row| row.target.id.as_str())
                .take(CANDIDATES_MAX)
                .collect();
            Err(Box::new(trouble_with(
                StatusCode::CONFLICT,
                "ambiguous",
                &format!("this could be each of {} targets", rows.len()),
                json!({ "candidates": ids }),
            )))
        }
        One::Nobody {
            understood,
            nearest,
        } => Err(Box::new(unknown(&understood, &nearest))),
    }
}

/// The most targets that an ambiguous name is answered with.
const CANDIDATES_MAX: usize = 20;

fn since(given: Option<&str>, now: Timestamp) -> Option<Timestamp> {
    let Some(given) = given else {
        return Some(now - HISTORY_DEFAULT);
    };
    humantime::parse_duration(given)
        .map(|span| now - span)
        .ok()
        .or_else(|| DateTime::<Utc>::from_str(given).ok().map(Timestamp::from))
}

fn bad_since() -> Response {
    trouble(
        StatusCode::BAD_REQUEST,
        "bad_since",
        "`since` is a span such as 7d or a time such as 2026-01-31T12:00:00Z",
    )
}

fn look(shared: &Shared, asked: &Asked) -> Look {
    Look {
        timezone: shared.plan.load().server.timezone,
        has_color: asked.color,
    }
}

fn plain(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

fn unknown(understood: &str, nearest: &[String]) -> Response {
    trouble_with(
        StatusCode::NOT_FOUND,
        "unknown_name",
        understood,
        json!({ "nearest": nearest }),
    )
}

fn nothing_here() -> Response {
    trouble(StatusCode::NOT_FOUND, "not_found", "nothing lives here")
}

fn bad_query(rejection: &QueryRejection) -> Response {
    trouble(StatusCode::BAD_REQUEST, "bad_query", &rejection.body_text())
}
