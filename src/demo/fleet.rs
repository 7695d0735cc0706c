//! The pretend fleet: one listener, one path a target, and a story that decides how each answers.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use url::Url;

use crate::{
    clock::Clock,
    model::{Plan, TargetId, Tick},
};

/// What happens, in two lines below each other.
pub(super) const STORY: &str = "0:12 the database of the first target gives out, 0:36 it is back;\n                  a blip, a slow one and a degraded one beside it; again every 2 min";
/// The story begins anew after this time.
const AGAIN_AFTER: u64 = 120;

/// How a target answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mood {
    Well,
    NoDatabase,
    QueueDegraded,
    Hangs,
    Slow,
}

/// How the target at this position answers, so many seconds into the story.
const fn mood(position: usize, second: u64) -> Mood {
    match (position, second) {
        (0, 12..36) => Mood::NoDatabase,
        // A blip of three seconds: noticed, and told to nobody.
        (2, 20..23) => Mood::Hangs,
        (3, 40..75) => Mood::Slow,
        (4, 60..90) => Mood::QueueDegraded,
        _ => Mood::Well,
    }
}

/// A running pretend fleet; it ends with the runtime.
#[derive(Debug)]
pub(super) struct Fleet {
    address: SocketAddr,
}

struct Script {
    ids: Vec<TargetId>,
    clock: Clock,
}

impl Fleet {
    pub(super) async fn open(plan: &Plan, clock: Clock) -> std::io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let ids = plan
            .targets
            .iter()
            .map(|target| target.id.clone())
            .collect();
        let router = Router::new()
            .route("/{*target}", get(answer))
            .with_state(Arc::new(Script { ids, clock }));
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the pretend fleet ended");
            }
        });
        Ok(Self { address })
    }

    /// Where this target answers.
    pub(super) fn url_of(&self, target: &TargetId) -> Url {
        let mut url =
            Url::parse(&format!("http://{}/", self.address)).expect("a socket address makes a URL");
        url.set_path(target.as_str());
        url
    }
}

async fn answer(State(script): State<Arc<Script>>, Path(target): Path<String>) -> Response {
    let second = script.clock.now().tick.since(Tick::ZERO).as_secs() % AGAIN_AFTER;
    let Some(position) = script.ids.iter().position(|id| id.as_str() == target) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let well = r#"{"status":"UP","components":{"db":{"status":"UP"},"queue":{"status":"UP"}}}"#;
    match mood(position, second) {
        Mood::Well => body(StatusCode::OK, well),
        Mood::NoDatabase => body(
            StatusCode::SERVICE_UNAVAILABLE,
            r#"{"status":"DOWN","components":{"db":{"status":"DOWN","details":{"error":"connection pool exhausted <0 of 50 idle>"}},"queue":{"status":"UP"}}}"#,
        ),
        Mood::QueueDegraded => body(
            StatusCode::OK,
            r#"{"status":"DEGRADED","components":{"db":{"status":"UP"},"queue":{"status":"DEGRADED","details":{"message":"18204 jobs behind"}}}}"#,
        ),
        Mood::Hangs => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            body(StatusCode::OK, well)
        }
        Mood::Slow => {
            tokio::time::sleep(Duration::from_millis(700)).await;
            body(StatusCode::OK, well)
        }
    }
}

fn body(status: StatusCode, json: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], json).into_response()
}
