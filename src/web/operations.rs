//! What orchestrators, Prometheus and operators ask: alive, ready, numbers, read the file again.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::{sync::oneshot, task::spawn_blocking};

use super::{Reload, Shared, access::is_local, trouble};
use crate::telemetry::METRICS_CONTENT_TYPE;

/// `GET /healthz`
pub(super) async fn healthz(State(shared): State<Shared>) -> Response {
    let now = shared.clock.now().tick;
    let (status, word) = if shared.pulse.is_beating(now) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "stuck")
    };
    let age = u64::try_from(shared.pulse.age(now).as_millis()).unwrap_or(u64::MAX);
    (status, Json(json!({ "status": word, "loop_age_ms": age }))).into_response()
}

/// `GET /readyz`
pub(super) async fn readyz(State(shared): State<Shared>) -> Response {
    let board = shared.board.load();
    let is_store_writable = board.ourselves.load().store_trouble.is_none();
    let has_seen_all = shared.pulse.has_seen_all(&board);
    let is_beating = shared.pulse.is_beating(shared.clock.now().tick);
    let (status, word) = if is_store_writable && has_seen_all && is_beating {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    };
    // Not ready is what a restart or another instance may heal; that Slack cannot ask us is neither.
    let is_slack_well = board.ourselves.load().slack_trouble.is_none();
    (
        status,
        Json(json!({
            "status": word,
            "first_round": has_seen_all,
            "store": is_store_writable,
            "loop": is_beating,
            "slack": is_slack_well,
        })),
    )
        .into_response()
}

/// `GET /metrics`
pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    let (metrics, board) = (Arc::clone(&shared.metrics), shared.board.load_full());
    let now = shared.clock.now().at;
    // Twenty thousand targets are 140,000 lines: too long a piece of work between two others.
    match spawn_blocking(move || metrics.render(board, now)).await {
        Ok(text) => ([(header::CONTENT_TYPE, METRICS_CONTENT_TYPE)], text).into_response(),
        Err(_panic) => trouble(
            StatusCode::INTERNAL_SERVER_ERROR,
            "our_fault",
            "a fault of hekate; its log says more",
        ),
    }
}

/// `POST /-/reload`: for somebody on this machine who is not a browser and not behind a proxy, token or not.
pub(super) async fn reload(State(shared): State<Shared>, request: Request) -> Response {
    if !is_local(&request)
        || FROM_BROWSERS
            .iter()
            .any(|name| request.headers().contains_key(*name))
    {
        return trouble(
            StatusCode::FORBIDDEN,
            "loopback_only",
            "only a program on the same machine may ask for this",
        );
    }
    let (answer, answered) = oneshot::channel();
    if shared.reload.try_send(Reload { answer }).is_err() {
        return trouble(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "the file is being read already, or hekate is stopping",
        );
    }
    match answered.await {
        Ok(Ok(summary)) => {
            Json(json!({ "status": "reloaded", "summary": summary })).into_response()
        }
        Ok(Err(report)) => trouble(StatusCode::UNPROCESSABLE_ENTITY, "not_taken", &report),
        Err(_dropped) => trouble(
            StatusCode::SERVICE_UNAVAILABLE,
            "stopping",
            "hekate is stopping",
        ),
    }
}

/// Headers that a browser adds and a program has no reason to send.
pub(super) const FROM_BROWSERS: [&str; 2] = ["origin", "sec-fetch-site"];
