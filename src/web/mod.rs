//! The listener: Slack's signed requests, the API that the terminal uses, and what orchestrators and Prometheus ask.
//!
//! Everything is answered from memory; only the past asks the store. Nothing changes by `GET` but a sign of life, which
//! needs a token; a reload is for loopback peers only, and plans are for whoever may read. What Slack sends is believed only after its signature is checked. What
//! is known of the fleet is for programs on this machine, or for whoever has the token of the file.
//!
//! | route | what |
//! |---|---|
//! | `POST /slack/command` | the slash command; 404 unless a signing secret is configured |
//! | `POST /slack/interactive` | what people press in Slack; 404 likewise |
//! | `POST /slack/events` | what people say to the bot; 404 likewise |
//! | `GET /healthz` | 200 while the engine's loop turns, else 503 |
//! | `GET /readyz` | 200 once everything was looked at and while the store can be written, else 503 |
//! | `GET /metrics` | Prometheus' text format |
//! | `GET /api/v1/status` | all targets, or those that `?words=` selects |
//! | `GET /api/v1/suggest` | what `max_age` should be, of the same |
//! | `GET /api/v1/jobs` | how fresh the data of jobs is, of the same |
//! | `GET /api/v1/lapses` | when nobody looked or nobody could see, since `?since=` (`7d`) |
//! | `GET /api/v1/targets/<words>/explain` | everything known of one target |
//! | `GET /api/v1/targets/<words>/history` | its transitions |
//! | `GET /api/v1/targets/<words>/latency` | how long its answers took, over `?window=` (`24h`, `7d`, `90d`) |
//! | `POST /v1/groups/<group>/active` | whoever deploys says who is active, with the token of `push:` |
//! | `GET`, `POST /v1/silences`, `DELETE /v1/silences/<id>` | what nobody wants to hear of |
//! | the same of `/v1/maintenance` and `/v1/deploys` | what is worked on; what is being deployed |
//! | `POST`, `DELETE /v1/incidents/<id>/ack` | somebody takes an incident on, or gives it back |
//! | `POST /v1/incidents/<id>/hand-over` | somebody else is on it from now on |
//! | `GET`, `POST /api/v1/releases` | what was released; something is |
//! | `POST /hooks/github`, `/hooks/gitlab`, `/hooks/jenkins` | what others say was released, with the secrets of `releases` |
//! | `GET /api/v1/actions`, `POST /api/v1/actions/<name>` | what can be done to targets; it is done |
//! | `GET /`, `GET /targets/<words>` | the status page, and that of one target |
//! | `GET /badge/<words>.svg`, `GET /embed/<words>` | badges and cards for other pages |
//! | `GET /feed.rss`, `.atom`, `.json` | incidents as feeds |
//! | `POST /-/reload` | reads the file again |
//! | `GET` or `POST /v1/heartbeat/<group>/<name>` | a sign of life of a target, with the token of its `heartbeat` |
//! | `GET`, `POST` or `HEAD /ping/<ping key>/<job>`, `…/start`, `…/fail`, `…/log`, `…/<exit code>` | what a job says of its run |
//! | `POST /v1/heartbeat/<source>/<query>` | the newest line of a log, with the token of the log source |

mod access;
mod actions;
mod api;
mod embed;
mod feed;
mod gate;
mod heartbeat;
mod history;
mod hooks;
mod latency;
mod marks;
mod operations;
mod page;
mod ping;
mod planned;
mod releases;
mod roles;
mod serve;
mod slack;
mod slash;
mod sli;
mod stall;
mod target;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::SocketAddr,
    ops::Deref,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, Request, State as Limit},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

pub use history::{MeasuresEach, PastIncidents, TimesAnswers};
pub use serve::{listen, serve};

use crate::{
    chat::Chat,
    model::{Board, GroupName, TargetId, Tick, heartbeat::Push, job::Ping, planned::PlanKind},
    page::Format,
};

/// The longest body that is read, in bytes. A slash command is far below it.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// The limit for a whole request, its body included.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// Hands a call from outside to the engine; says whether anybody takes it.
pub type Pushes = Arc<dyn Fn(Push) -> bool + Send + Sync>;
/// Hands the call of a job to the engine; what it returns is done when what it changed is stored, and broken if nobody takes it.
pub type Pings = Arc<dyn Fn(TargetId, Ping) -> oneshot::Receiver<()> + Send + Sync>;
/// Takes who of a group is active now, by its name in the group. It must not block.
pub type RoleSaid = Arc<dyn Fn(GroupName, String) + Send + Sync>;

/// What the listener needs to know. Cheap to clone.
#[derive(Clone)]
pub struct State {
    /// What answers people, in chat and here.
    pub chat: Chat,
    /// Whether the engine is alive.
    pub pulse: Arc<Pulse>,
    /// Where a wish to read the file again goes.
    pub reload: mpsc::Sender<Reload>,
    /// Where signs of life go.
    pub push: Pushes,
    /// Where the calls of jobs go.
    pub ping: Pings,
    /// Where it goes who of a group is active.
    pub role_said: RoleSaid,
    /// Measures how available targets were, day by day.
    pub measures_each: MeasuresEach,
    /// Reads the incidents of the past.
    pub past: PastIncidents,
    /// Reads how long answers took.
    pub times_answers: TimesAnswers,
}

impl Deref for State {
    type Target = Chat;

    fn deref(&self) -> &Chat {
        &self.chat
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("pulse", &self.pulse)
            .finish_non_exhaustive()
    }
}

/// A wish to read the file again.
#[derive(Debug)]
pub struct Reload {
    /// Takes what came of it: a sentence about what changed, or the report of what is wrong with the file.
    pub answer: oneshot::Sender<Result<String, String>>,
}

/// The beat of the engine's loop.
#[derive(Debug)]
pub struct Pulse {
    beat_us: AtomicU64,
    limit: Duration,
    has_seen_all: AtomicBool,
}

impl Pulse {
    /// A pulse that is missed when no beat came for `limit`; the start of the process counts as the first beat.
    pub const fn new(limit: Duration) -> Self {
        Self {
            beat_us: AtomicU64::new(0),
            limit,
            has_seen_all: AtomicBool::new(false),
        }
    }

    /// The loop has turned.
    pub fn beat(&self, now: Tick) {
        self.beat_us.store(now.as_micros(), Ordering::Relaxed);
    }

    /// How long ago the loop last turned.
    pub fn age(&self, now: Tick) -> Duration {
        now.since(Tick::from_micros(self.beat_us.load(Ordering::Relaxed)))
    }

    /// Whether the loop turned within the limit.
    pub fn is_beating(&self, now: Tick) -> bool {
        self.age(now) <= self.limit
    }

    /// Whether everything on the board was looked at once in this process. Once true it stays true: a target added
    /// later does not make a running process unready.
    pub fn has_seen_all(&self, board: &Board) -> bool {
        if self.has_seen_all.load(Ordering::Relaxed) {
            return true;
        }
        let has_seen_all = board.rows.iter().all(|row| row.looked().is_some());
        if has_seen_all {
            self.has_seen_all.store(true, Ordering::Relaxed);
        }
        has_seen_all
    }
}

/// Who is at the other end of the connection; put beside every request by [`serve()`].
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The state with what the listener remembers itself.
#[derive(Clone)]
struct Shared {
    state: State,
    used_signatures: Arc<slash::UsedSignatures>,
    places: slack::Places,
    history: Arc<history::History>,
}

impl Deref for Shared {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

/// All routes, without the limits on connections that [`serve()`] adds.
pub fn router(state: State) -> Router {
    router_with(state, REQUEST_LIMIT)
}

fn router_with(state: State, limit: Duration) -> Router {
    let shared = Shared {
        state,
        used_signatures: Arc::default(),
        places: slack::Places::default(),
        history: Arc::default(),
    };
    let guarded = Router::new()
        .route("/metrics", get(operations::metrics))
        .route("/-/reload", post(operations::reload))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/suggest", get(api::suggest))
        .route("/api/v1/jobs", get(api::jobs))
        .route("/api/v1/lapses", get(api::lapses))
        .route("/api/v1/sli", get(sli::sli))
        .route("/api/v1/targets/{*question}", get(api::target))
        .route(
            "/api/v1/releases",
            get(releases::list).post(releases::announce),
        )
        .route("/api/v1/actions", get(actions::list))
        .route("/api/v1/actions/{name}", post(actions::run))
        .route(
            "/v1/incidents/{id}/ack",
            post(planned::acknowledge).delete(planned::give_back),
        )
        .route("/v1/incidents/{id}/hand-over", post(planned::hand_over))
        .route("/v1/incidents/{id}/split", post(planned::split))
        .route("/v1/incidents/{id}/mark", post(marks::mark))
        .merge(plans("/v1/silences", PlanKind::Silence))
        .merge(plans("/v1/maintenance", PlanKind::Maintenance))
        .merge(plans("/v1/deploys", PlanKind::Deploy))
        .route_layer(middleware::from_fn_with_state(
            shared.clone(),
            access::guard,
        ));
    Router::new()
        .route("/slack/command", post(slash::command))
        .route(
            "/slack/interactive",
            post(slack::interactive).layer(DefaultBodyLimit::max(slack::BODY_BYTES_MAX)),
        )
        .route(
            "/slack/events",
            post(slack::events).layer(DefaultBodyLimit::max(slack::BODY_BYTES_MAX)),
        )
        .route("/", get(page::page))
        .route("/page.css", get(page::style))
        .route("/page.js", get(page::script))
        .route("/badge/{*words}", get(page::badge))
        .route("/embed/{*words}", get(embed::embed))
        .merge(feeds())
        .route("/targets/{*words}", get(target::target))
        .route("/healthz", get(operations::healthz))
        .route("/readyz", get(operations::readyz))
        .merge(calls())
        .merge(guarded)
        .fallback(|| async { trouble(StatusCode::NOT_FOUND, "not_found", "nothing lives here") })
        .method_not_allowed_fallback(|| async {
            trouble(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this route wants another method",
            )
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(limit, guard))
        .with_state(shared)
}

/// The routes of incidents as feeds.
fn feeds() -> Router<Shared> {
    Format::ALL
        .into_iter()
        .fold(Router::new(), |router, format| {
            let path = format!("/{}", format.file());
            let answer = async move |shared, asked, request| {
                feed::feed(format, shared, asked, request).await
            };
            router.route(&path, get(answer))
        })
}

/// The routes of what calls us, each with a key of its own.
fn calls() -> Router<Shared> {
    Router::new()
        .route("/v1/groups/{group}/active", post(roles::active))
        .route(
            "/v1/heartbeat/{*whom}",
            get(heartbeat::beat).post(heartbeat::beat),
        )
        .merge(hooks())
        .route(
            "/ping/{*path}",
            get(ping::ping)
                .post(ping::ping)
                .layer(DefaultBodyLimit::max(ping::BODY_BYTES_MAX)),
        )
}

/// The routes of what builds and deploys, each with a secret of its own.
fn hooks() -> Router<Shared> {
    Router::new()
        .route("/hooks/github", post(hooks::github))
        .route("/hooks/gitlab", post(hooks::gitlab))
        .route("/hooks/jenkins", post(hooks::jenkins))
        .route("/hooks/jenkins/{token}", post(hooks::jenkins_with_path))
        .layer(DefaultBodyLimit::max(hooks::BODY_BYTES_MAX))
}

/// The routes of the plans of one kind.
fn plans(path: &str, kind: PlanKind) -> Router<Shared> {
    let one = format!("{path}/{{id}}");
    Router::new()
        .route(
            path,
            get(async move |Limit(shared): Limit<Shared>, asked| {
                planned::list(kind, &shared, asked)
            })
            .post(
                async move |Limit(shared): Limit<Shared>, asked, headers, body| {
                    planned::begin(kind, shared, asked, headers, body).await
                },
            ),
        )
        .route(
            &one,
            delete(
                async move |Limit(shared): Limit<Shared>, asked, Path(id): Path<String>| {
                    planned::end(kind, shared, asked, id).await
                },
            ),
        )
}

/// An error as every route gives it: `{"error": {"code": …, "message": …}}`.
fn trouble(status: StatusCode, code: &str, message: &str) -> Response {
    trouble_with(status, code, message, json!({}))
}

/// An error with more members beside code and message.
fn trouble_with(status: StatusCode, code: &str, message: &str, more: Value) -> Response {
    let mut error = more;
    error["code"] = code.into();
    error["message"] = message.into();
    (status, axum::Json(json!({ "error": error }))).into_response()
}

/// Around every request: its limit, a net under panics, and the headers that keep a browser from making anything of it.
async fn guard(Limit(limit): Limit<Duration>, request: Request, next: Next) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = match tokio::time::timeout(limit, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => trouble(
            StatusCode::INTERNAL_SERVER_ERROR,
            "our_fault",
            "a fault of hekate; its log says more",
        ),
        Err(_too_late) => trouble(
            StatusCode::REQUEST_TIMEOUT,
            "too_late",
            "the request was not over in time",
        ),
    };
    let may_be_framed = response.extensions().get::<MayBeFramed>().is_some();
    for (name, value) in HARMLESS {
        if may_be_framed && name == header::X_FRAME_OPTIONS {
            continue;
        }
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Put beside an answer whose own policy says which pages may show it in a frame: the older header knows no list of them.
#[derive(Clone, Copy, Debug)]
struct MayBeFramed;

const HARMLESS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];
