//! Releases through the API: what was released, and an announcement.

use axum::{
    Json,
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Shared,
    planned::{Format, Queried, bad_query, both, carry_out, person, text},
    trouble_with,
};
use crate::command::release::{self, Said};

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    format: Format,
    /// Only what those got whom the words name.
    #[serde(default)]
    words: String,
}

/// `POST /api/v1/releases`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Announce {
    /// Who gets it, as people call them.
    words: String,
    version: String,
    /// What changed, a line each.
    #[serde(default)]
    changes: Lines,
    url: Option<String>,
    /// Whoever announces the same again says the same word.
    key: Option<String>,
    by: Option<String>,
}

/// Lines as a list, or as one text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    List(Vec<String>),
    Text(String),
}

impl Default for Lines {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// `GET /api/v1/releases`: the newest first.
pub(super) async fn list(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return bad_query(&rejection),
    };
    let (board, now) = (shared.board.load_full(), shared.clock.now().at);
    let agenda = board.agenda.load_full();
    match release::select(&board, &agenda, &asked.words) {
        Ok(releases) => match asked.format {
            Format::Json => Json(release::json(&releases, now)).into_response(),
            Format::Text => text(&release::lines(&releases, now)),
        },
        Err((understood, nearest)) => trouble_with(
            StatusCode::NOT_FOUND,
            "not_understood",
            &understood,
            json!({ "nearest": nearest }),
        ),
    }
}

/// `POST /api/v1/releases`: something is released.
pub(super) async fn announce(
    State(shared): State<Shared>,
    asked: Queried,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (format, said): (_, Announce) = match both(asked, &headers, &body) {
        Ok(both) => both,
        Err(refusal) => return *refusal,
    };
    let by = person(said.by.as_deref());
    let said = Said {
        names: said.words,
        version: said.version,
        changes: match said.changes {
            Lines::List(lines) => lines,
            Lines::Text(text) => text.lines().map(str::to_owned).collect(),
        },
        url: said.url,
        key: said.key,
    };
    let heard = release::announce(said, &shared.board.load_full(), "hekate");
    carry_out(&shared, heard, by, format).await
}
