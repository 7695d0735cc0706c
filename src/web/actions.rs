//! What people want done, through the API; guarded as in Slack.
//!
//! Whoever may read what is known may ask; whether it is done is decided by the guard of the action, which has to say
//! `api: true`. A page in somebody's browser cannot ask, as with what people plan.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Shared,
    planned::{Format, Queried, bad_query, both, person, text},
    trouble, trouble_with,
};
use crate::{
    command::{Reply, act},
    model::{
        action::{Answered, Ask, Asker, Confirm, Door, Order},
        planned::WORDS_MAX,
        text::clean,
    },
};

/// How long the engine may take until what follows is stored.
const ANSWER_LIMIT: Duration = Duration::from_secs(8);
/// The most characters of a key that tells a repeat.
const KEY_MAX: usize = 80;

/// `POST /api/v1/actions/<name>`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// To what, as people call it.
    target: String,
    reason: Option<String>,
    /// The name of the target, typed once more.
    confirm: Option<String>,
    #[serde(default)]
    dry_run: bool,
    by: Option<String>,
}

/// `GET /api/v1/actions`: what the file declares.
pub(super) async fn list(State(shared): State<Shared>, asked: Queried) -> Response {
    let format = match asked {
        Ok(Query(asked)) => asked.format,
        Err(rejection) => return bad_query(&rejection),
    };
    let board = shared.board.load();
    match format {
        Format::Json => Json(act::json_actions(&board)).into_response(),
        Format::Text if board.actions.is_empty() => {
            text(&[String::from("the file declares no actions")])
        }
        Format::Text => {
            let line = |action: &std::sync::Arc<crate::model::action::Action>| {
                let who = if action.guard.allow.programs {
                    ""
                } else {
                    ", only in Slack"
                };
                format!(
                    "{} (confirm: {}{who})",
                    action.title(),
                    action.guard.confirm.as_str()
                )
            };
            text(&board.actions.iter().map(line).collect::<Vec<_>>())
        }
    }
}

/// `POST /api/v1/actions/<name>`: it is done, if the guard lets it.
pub(super) async fn run(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    asked: Queried,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (format, wanted): (_, Wanted) = match both(asked, &headers, &body) {
        Ok(both) => both,
        Err(refusal) => return *refusal,
    };
    let ask = match act::order(&shared.board.load_full(), &name, &wanted.target) {
        Ok(ask) => ask,
        Err(reply) => return not_understood(&reply),
    };
    let key = headers.get("idempotency-key");
    let ask = Ask {
        why: clean(&wanted.reason.unwrap_or_default(), WORDS_MAX),
        typed: wanted.confirm,
        trigger: key
            .and_then(|key| key.to_str().ok())
            .map(|key| clean(key, KEY_MAX)),
        ..ask
    };
    let asker = Asker {
        by: person(wanted.by.as_deref()),
        door: Door::Program,
        memberships: None,
    };
    let answer = give(&shared, ask, asker, wanted.dry_run).await;
    answered(&shared, answer, wanted.dry_run, format)
}

/// Asks whether it would be done, and then, if nothing is wanted of the asker any more, for it. A refusal is asked for as well,
/// so that it is in the records.
async fn give(shared: &Shared, ask: Ask, asker: Asker, is_dry: bool) -> Option<Answered> {
    let dry = Order::Ask(Ask {
        is_dry: true,
        ..ask.clone()
    });
    let first = shared.give(dry, asker.clone(), ANSWER_LIMIT).await?;
    let wants_confirmation = match &first {
        Answered::Would { confirm, .. } => *confirm != Confirm::No && ask.typed.is_none(),
        Answered::Confirm { .. }
        | Answered::Second(_)
        | Answered::Taken(_)
        | Answered::Refused { .. } => false,
    };
    if is_dry || wants_confirmation {
        return Some(first);
    }
    shared.give(Order::Ask(ask), asker, ANSWER_LIMIT).await
}

fn answered(shared: &Shared, answer: Option<Answered>, is_dry: bool, format: Format) -> Response {
    let Some(answer) = answer else {
        return trouble(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_answer",
            "it may or may not have been done; look before you try again",
        );
    };
    let status = match &answer {
        Answered::Would { .. } if is_dry => StatusCode::OK,
        Answered::Would { target, .. } => {
            let board = shared.board.load();
            let name = board.row(target).map(|row| row.target.title());
            let name = name.unwrap_or_else(|| target.to_string());
            return trouble_with(
                StatusCode::CONFLICT,
                "confirmation_wanted",
                &format!("it has to be confirmed with the name of the target: {name}"),
                json!({ "confirm": name }),
            );
        }
        Answered::Confirm { .. } | Answered::Second(_) | Answered::Taken(_) => StatusCode::ACCEPTED,
        Answered::Refused { refusal, .. } => {
            let words = if refusal.way_out.is_empty() {
                refusal.words.clone()
            } else {
                format!("{}; {}", refusal.words, refusal.way_out)
            };
            let more = act::json_answered(&answer);
            return trouble_with(StatusCode::FORBIDDEN, "refused", &words, more);
        }
    };
    let body = match format {
        Format::Json => Json(act::json_answered(&answer)).into_response(),
        Format::Text => match act::answered(&answer, &shared.board.load(), "/roih") {
            Reply::Said(sentences) => text(&sentences),
            Reply::Asking(asking) => text(&asking.sentences),
            Reply::Problem { understood, .. } => text(&[understood]),
            Reply::Status(_)
            | Reply::Help(_)
            | Reply::Past(_)
            | Reply::Known(_)
            | Reply::History(_)
            | Reply::Looked(_)
            | Reply::Availability(_)
            | Reply::Fresh(_) => text(&[]),
        },
    };
    (status, body).into_response()
}

fn not_understood(reply: &Reply) -> Response {
    match reply {
        Reply::Problem {
            understood,
            nearest,
            ..
        } => trouble_with(
            StatusCode::UNPROCESSABLE_ENTITY,
            "not_understood",
            understood,
            json!({ "nearest": nearest }),
        ),
        Reply::Status(_)
        | Reply::Help(_)
        | Reply::Past(_)
        | Reply::Known(_)
        | Reply::Asking(_)
        | Reply::History(_)
        | Reply::Looked(_)
        | Reply::Availability(_)
        | Reply::Fresh(_)
        | Reply::Said(_) => trouble(StatusCode::NOT_FOUND, "not_found", "nothing lives here"),
    }
}
