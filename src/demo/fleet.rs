//! The pretend fleet: a listener for each target, which answers as the story has it.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::{Value, json};
use url::Url;

use super::{
    gate,
    surroundings::{Mood, Surroundings},
};
use crate::{
    config::script::Answer,
    model::{Plan, TargetId},
};

/// Nobody waits so long for an answer.
const NEVER: Duration = Duration::from_secs(30);

/// A running pretend fleet; it ends with the runtime.
#[derive(Debug)]
pub(super) struct Fleet {
    addresses: HashMap<TargetId, SocketAddr>,
}

impl Fleet {
    pub(super) async fn open(plan: &Plan, surroundings: &Surroundings) -> std::io::Result<Self> {
        let mut addresses = HashMap::new();
        for target in &plan.targets {
            let id = target.id.clone();
            let router = Router::new()
                .fallback(any(answer))
                .with_state((surroundings.clone(), id.clone()));
            let around = surroundings.clone();
            let is_open = move || around.takes_connections(&id);
            let address = gate::serve(router, surroundings.watch(), is_open).await?;
            addresses.insert(target.id.clone(), address);
        }
        Ok(Self { addresses })
    }

    /// Where this target answers.
    pub(super) fn url_of(&self, target: &TargetId) -> Option<Url> {
        let address = self.addresses.get(target)?;
        Url::parse(&format!("http://{address}/health")).ok()
    }
}

async fn answer(State((surroundings, target)): State<(Surroundings, TargetId)>) -> Response {
    let mood = surroundings.mood(&target);
    tokio::time::sleep(mood.took).await;
    let (status, body) = match mood.answer {
        Answer::Ok => (StatusCode::OK, health("UP", "UP", None)),
        Answer::Degraded => (StatusCode::OK, health("DEGRADED", "UP", Some(&mood))),
        Answer::Down => (
            StatusCode::SERVICE_UNAVAILABLE,
            health("DOWN", "DOWN", Some(&mood)),
        ),
        Answer::Error => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Answer::NotFound => return StatusCode::NOT_FOUND.into_response(),
        Answer::Unauthorised => return StatusCode::UNAUTHORIZED.into_response(),
        Answer::Refused | Answer::Silent => {
            tokio::time::sleep(NEVER).await;
            return StatusCode::GATEWAY_TIMEOUT.into_response();
        }
    };
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (status, headers, body.to_string()).into_response()
}

/// A body that names its components; what is wrong is said by the database if it is down, else by the queue.
fn health(status: &str, db: &str, mood: Option<&Mood>) -> Value {
    let says = mood.and_then(|mood| mood.says.as_deref());
    let details = says.map_or(json!({}), |says| json!({ "error": says }));
    let queue = if status == "DEGRADED" { status } else { "UP" };
    let (of_db, of_queue) = if db == "UP" {
        (json!({}), details)
    } else {
        (details, json!({}))
    };
    json!({
        "status": status,
        "components": {
            "db": { "status": db, "details": of_db },
            "queue": { "status": queue, "details": of_queue },
        },
    })
}
