//! `GET /api/v1/sli`: how available targets were.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{Shared, trouble, trouble_with};
use crate::{
    command::{
        lookup,
        sli::{self as shape, Asked, Nobody, WINDOW, WINDOW_MAX, WINDOW_MIN},
        text::Look,
    },
    model::Board,
};

/// How the answer should look.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Text,
    /// One line each.
    Short,
    Csv,
    Markdown,
}

/// What may follow the question mark; anything else is an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// Which targets, as for `status`.
    #[serde(default)]
    words: String,
    /// Only those of these groups, by their names, with commas.
    group: Option<String>,
    /// Only these, by their ids, with commas.
    target: Option<String>,
    /// How far back: `30d`, which it is unless told.
    window: Option<String>,
    #[serde(default)]
    format: Format,
    /// With `format=text`: whether ANSI colours are used.
    #[serde(default)]
    color: bool,
}

/// `GET /api/v1/sli`
pub(super) async fn sli(
    State(shared): State<Shared>,
    question: Result<Query<Question>, QueryRejection>,
) -> Response {
    let question = match question {
        Ok(Query(question)) => question,
        Err(rejection) => {
            let words = rejection.body_text();
            return trouble(StatusCode::BAD_REQUEST, "bad_query", &words);
        }
    };
    let asked = match asked(&shared.board.load(), &question) {
        Ok(asked) => asked,
        Err(response) => return *response,
    };
    let availability = match shared.chat.availability(asked).await {
        Ok(availability) => availability,
        Err(why) => return trouble(StatusCode::SERVICE_UNAVAILABLE, "store", &why),
    };
    let typed = |kind: &'static str, text: String| ([(header::CONTENT_TYPE, kind)], text);
    let plain = "text/plain; charset=utf-8";
    match question.format {
        Format::Json => Json(shape::json(&availability)).into_response(),
        Format::Text => {
            let look = Look {
                timezone: shared.plan.load().server.timezone,
                has_color: question.color,
            };
            typed(plain, shape::text(&availability, look)).into_response()
        }
        Format::Short => typed(plain, shape::short(&availability)).into_response(),
        Format::Csv => {
            let kind = "text/csv; charset=utf-8; header=present";
            typed(kind, shape::csv(&availability)).into_response()
        }
        Format::Markdown => {
            let kind = "text/markdown; charset=utf-8";
            typed(kind, shape::markdown(&availability)).into_response()
        }
    }
}

/// Whom the question means, and how far back.
fn asked(board: &Board, question: &Question) -> Result<Asked, Box<Response>> {
    let window = match question.window.as_deref() {
        None => Some(WINDOW),
        Some(typed) => humantime::parse_duration(typed).ok(),
    };
    let window = window.filter(|window| (WINDOW_MIN..=WINDOW_MAX).contains(window));
    let Some(window) = window else {
        return Err(Box::new(trouble(
            StatusCode::BAD_REQUEST,
            "bad_window",
            "`window` is a span such as 30d, from 5m to 400d",
        )));
    };
    let mut asked = Asked::select(board, &question.words, window)
        .map_err(|nobody| Box::new(unknown(&nobody)))?;
    if let Some(groups) = &question.group {
        let known = || board.groups.iter().map(|group| group.name.as_str());
        let groups = named(groups, "group", known, |name| {
            known().any(|known| known == name)
        })?;
        asked.targets.retain(|id| {
            let group = board.row(id).and_then(|row| row.target.group.as_ref());
            group.is_some_and(|group| groups.contains(&group.as_str()))
        });
        asked.select_also(&groups);
    }
    if let Some(targets) = &question.target {
        let known = || board.rows.iter().map(|row| row.target.id.as_str());
        let is_known = |name: &str| board.row(&crate::model::TargetId::new(name)).is_some();
        let ids = named(targets, "target", known, is_known)?;
        asked.targets.retain(|id| ids.contains(&id.as_str()));
        asked.select_also(&ids);
    }
    Ok(asked)
}

/// The names in a list with commas, all of them known.
fn named<'a, 'b, I: Iterator<Item = &'b str>>(
    list: &'a str,
    what: &str,
    all: impl Fn() -> I,
    is_known: impl Fn(&str) -> bool,
) -> Result<Vec<&'a str>, Box<Response>> {
    let names = list.split(',').map(str::trim);
    let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    match names.iter().find(|name| !is_known(name)) {
        None => Ok(names),
        Some(name) => Err(Box::new(unknown(&Nobody {
            understood: format!(
                "there is no {what} `{}`",
                crate::model::text::clean(name, NAME_MAX)
            ),
            nearest: lookup::nearest_words(name, all(), lookup::NEAREST_MAX),
        }))),
    }
}

/// The most characters of a name that are said back.
const NAME_MAX: usize = 60;

fn unknown(nobody: &Nobody) -> Response {
    trouble_with(
        StatusCode::NOT_FOUND,
        "unknown_name",
        &nobody.understood,
        json!({ "nearest": nobody.nearest }),
    )
}
