//! What hekate calls: Slack's methods, webhooks, and the addresses for answers.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;

use super::Inside;

/// The longest payload that is taken; Slack's own limit is about as large.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// What the pretend bot may.
const SCOPES: &str = "chat:write,chat:write.public,channels:read,groups:read,channels:history,groups:history,commands";

/// Slack as hekate sees it.
pub(super) fn router(inside: Arc<Inside>) -> Router {
    Router::new()
        .route("/{tier}/api/{method}", post(call))
        .route("/{tier}/hook/{channel}", post(hook))
        .route("/{tier}/response/{id}", post(respond))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(inside)
}

async fn call(
    State(inside): State<Arc<Inside>>,
    Path((tier, method)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(pretend) = inside.named(&tier) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let token = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let is_json =
        text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
    let arguments = if is_json {
        serde_json::from_slice(&body).unwrap_or_default()
    } else {
        let pairs = form_urlencoded::parse(&body).into_owned();
        Value::Object(
            pairs
                .map(|(key, value)| (key, Value::String(value)))
                .collect(),
        )
    };
    let now = inside.clock.now().at;
    let answer = pretend.workspace().call(&method, token, &arguments, now);
    ([("x-oauth-scopes", SCOPES)], Json(answer)).into_response()
}

async fn hook(
    State(inside): State<Arc<Inside>>,
    Path((tier, channel)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let Some(pretend) = inside.named(&tier) else {
        return (StatusCode::NOT_FOUND, "no_team").into_response();
    };
    let Ok(payload) = serde_json::from_slice(&body) else {
        return (StatusCode::BAD_REQUEST, "invalid_payload").into_response();
    };
    let now = inside.clock.now().at;
    let taken = pretend.workspace().hook(&channel, payload, now);
    match taken {
        Ok(()) => "ok".into_response(),
        Err(why @ "no_service") => (StatusCode::NOT_FOUND, why).into_response(),
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    }
}

async fn respond(
    State(inside): State<Arc<Inside>>,
    Path((tier, id)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let Some(pretend) = inside.named(&tier) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(payload) = serde_json::from_slice(&body) else {
        return (StatusCode::BAD_REQUEST, "invalid_payload").into_response();
    };
    let now = inside.clock.now().at;
    let taken = pretend.workspace().respond(&id, payload, now);
    match taken {
        Ok(()) => {
            pretend.answered.send_replace(());
            "ok".into_response()
        }
        Err(why) => (StatusCode::NOT_FOUND, why).into_response(),
    }
}
