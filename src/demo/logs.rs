//! The pretend store of logs, which speaks as much of VictoriaLogs as hekate asks of it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use super::surroundings::Surroundings;
use crate::{
    clock::Clock,
    config::script::Receiving,
    model::{TargetId, Timestamp},
};

/// Lines of hekate's own that are kept.
const KEPT: usize = 200;

#[derive(Debug)]
struct Store {
    surroundings: Surroundings,
    clock: Clock,
    /// What hekate sent, and when it came.
    lines: Mutex<Vec<(Timestamp, String)>>,
}

/// The store as a service.
pub(super) fn router(surroundings: Surroundings, clock: Clock) -> Router {
    let store = Store {
        surroundings,
        clock,
        lines: Mutex::default(),
    };
    Router::new()
        .route("/select/logsql/query", post(query))
        .route("/insert/loki/api/v1/push", post(push))
        .layer(DefaultBodyLimit::max(256 * 1024))
        .with_state(Arc::new(store))
}

impl Store {
    fn lines(&self) -> std::sync::MutexGuard<'_, Vec<(Timestamp, String)>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer that the story wants instead of a good one.
    async fn trouble(&self) -> Option<Response> {
        let status = match self.surroundings.store() {
            Receiving::Ok => return None,
            Receiving::Silent | Receiving::Refused => std::future::pending().await,
            Receiving::Error => StatusCode::INTERNAL_SERVER_ERROR,
            Receiving::Unauthorised => StatusCode::UNAUTHORIZED,
            Receiving::Throttled => StatusCode::TOO_MANY_REQUESTS,
        };
        Some(status.into_response())
    }
}

/// hekate's own lines.
async fn push(State(store): State<Arc<Store>>, body: Bytes) -> Response {
    if let Some(trouble) = store.trouble().await {
        return trouble;
    }
    let Ok(pushed) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let streams = pushed["streams"].as_array();
    let values = streams
        .into_iter()
        .flatten()
        .filter_map(|stream| stream["values"].as_array());
    let said = values
        .flatten()
        .filter_map(|value| value[1].as_str().map(str::to_owned));
    let now = store.clock.now().at;
    let mut lines = store.lines();
    lines.extend(said.map(|line| (now, line)));
    let excess = lines.len().saturating_sub(KEPT);
    lines.drain(..excess);
    StatusCode::NO_CONTENT.into_response()
}

/// Either hekate's own lines, or the newest line of a target, whose name is the query.
async fn query(State(store): State<Arc<Store>>, body: Bytes) -> Response {
    if let Some(trouble) = store.trouble().await {
        return trouble;
    }
    let mut fields = form_urlencoded::parse(&body);
    let asked = fields.find(|(key, _)| key == "query");
    let asked = asked
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default();
    if asked.contains(r#"app="hekate""#) {
        let horizon = store.surroundings.shown_up_to();
        let lines = store.lines();
        let shown = lines.iter().filter(|(at, _)| *at <= horizon);
        let rows = shown.map(|(_, line)| json!({ "_msg": line }).to_string() + "\n");
        return rows.collect::<String>().into_response();
    }
    let target = asked.lines().next().unwrap_or_default();
    let target = target.trim_matches('"');
    let newest = store.surroundings.newest_line(&TargetId::new(target));
    json!({ "lines": "1", "newest": newest.to_string() })
        .to_string()
        .into_response()
}
