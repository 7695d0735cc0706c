//! The page on the web: shown, and acted on.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, RawQuery, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::{Inside, Manners, Pretend, guard};
use crate::preview::{
    self, Page, View,
    address::{Address, Look},
    workspace::Press,
};

/// How often the page looks for news.
const REFRESH_AFTER: Duration = Duration::from_secs(1);
/// How long a click waits for its answer before the page is shown without it.
const ANSWER_SHOWN_WITHIN: Duration = Duration::from_secs(2);
/// The longest form that is read, in bytes.
const FORM_BYTES_MAX: usize = 16 * 1024;
/// What the page may load and do: its own style, its own script, and nothing of anybody else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const FIXED: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Without any, browsers would not say where a form comes from either.
    (header::REFERRER_POLICY, "same-origin"),
];

/// The page as a service.
pub(super) fn router(inside: Arc<Inside>) -> Router {
    let file = |kind: &'static str, text: &'static str| {
        get(move || async move { (FIXED, [(header::CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route("/", get(show))
        .route("/ask", post(ask))
        .route("/press", post(press))
        .route("/submit", post(submit))
        .route("/close", post(close))
        .route(
            "/preview.css",
            file("text/css; charset=utf-8", preview::STYLE),
        )
        .route(
            "/preview.js",
            file("text/javascript; charset=utf-8", preview::SCRIPT),
        )
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .with_state(inside)
}

async fn show(
    State(inside): State<Arc<Inside>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    if let Err(refusal) = guard::reads(&headers) {
        return refusal.into_response();
    }
    let address = Address::read(query.unwrap_or_default().as_bytes());
    let Some((pretend, address)) = inside.found(address) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if address.look == Look::Home
        && pretend.is_home_due(inside.clock.now().at)
        && let Err(why) = inside.opens_home(pretend).await
    {
        tracing::warn!(%why, "the Home tab of the preview is not shown");
    }
    let found = match &address.search {
        Some(search) => match inside.searches(pretend, search).await {
            Ok(found) => Some(found),
            Err(why) => {
                tracing::warn!(%why, "a menu of the preview has no options");
                None
            }
        },
        None => None,
    };
    let manners = pretend.manners().clone();
    let mut workspace = pretend.workspace();
    workspace.read(&address.channel);
    let Manners {
        command,
        zone,
        names,
    } = &manners;
    let page = Page {
        workspace: &workspace,
        tiers: &inside.titles,
        address: &address,
        found: found.as_ref(),
        command,
        token: inside.token.expose(),
        refresh_after: REFRESH_AFTER,
        view: View {
            timezone: *zone,
            names,
        },
    };
    let html = preview::page(&page).into_string();
    drop(workspace);
    let etag = etag(&html);
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| *known == *etag)
    {
        return (StatusCode::NOT_MODIFIED, FIXED).into_response();
    }
    (FIXED, [(header::ETAG, etag)], Html(html)).into_response()
}

/// What was typed goes through the real, signed way and comes back as Slack would show it.
async fn ask(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Response {
    let (pretend, address) = match inside.acting(&headers, &body) {
        Ok(acting) => acting,
        Err(refusal) => return refusal.into_response(),
    };
    let typed = field(&body, "text");
    let command = pretend.manners().command.clone();
    let typed = typed.trim();
    let words = typed.strip_prefix(command.as_str()).unwrap_or(typed).trim();
    inside.types(pretend, &address.channel, words).await;
    Redirect::to(&address.link()).into_response()
}

/// What was pressed goes the same way; the answer comes to the pretend Slack by itself.
async fn press(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Response {
    let (pretend, address) = match inside.acting(&headers, &body) {
        Ok(acting) => acting,
        Err(refusal) => return refusal.into_response(),
    };
    let (ts, part, chosen) = (
        field(&body, "ts"),
        field(&body, "part"),
        field(&body, "chosen"),
    );
    let pressed = Press {
        ts: &ts,
        part: &part,
        chosen: Some(chosen.as_str()).filter(|chosen| !chosen.is_empty()),
    };
    let mut answered = pretend.answered.subscribe();
    match inside.presses(pretend, pressed).await {
        // What comes later is shown later.
        Ok(()) => drop(timeout(ANSWER_SHOWN_WITHIN, answered.changed()).await),
        Err(why) => {
            let said = serde_json::json!({ "text": format!("nothing was pressed: {why}") });
            let now = inside.clock.now().at;
            pretend.workspace().answered(&address.channel, said, now);
        }
    }
    Redirect::to(&address.link()).into_response()
}

/// A form that lies over the page is sent; what is wrong with it, or came of it, is shown in it.
async fn submit(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Response {
    let (pretend, address) = match inside.acting(&headers, &body) {
        Ok(acting) => acting,
        Err(refusal) => return refusal.into_response(),
    };
    let typed = form_urlencoded::parse(&body)
        .filter_map(|(key, value)| {
            let block = key.strip_prefix("typed.")?;
            Some((block.to_owned(), value.into_owned()))
        })
        .collect();
    if let Err(why) = inside.submits(pretend, &field(&body, "view"), typed).await {
        let said = serde_json::json!({ "text": format!("nothing was sent: {why}") });
        let now = inside.clock.now().at;
        pretend.workspace().answered(&address.channel, said, now);
    }
    Redirect::to(&address.link()).into_response()
}

async fn close(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Response {
    let (pretend, address) = match inside.acting(&headers, &body) {
        Ok(acting) => acting,
        Err(refusal) => return refusal.into_response(),
    };
    pretend.workspace().close();
    Redirect::to(&address.link()).into_response()
}

impl Inside {
    /// The workspace that is looked at, and the address with a workspace and a channel that are there.
    fn found(&self, address: Address) -> Option<(&Pretend, Address)> {
        let pretend = self.tier(&address.tier)?;
        let workspace = pretend.workspace();
        let room = workspace
            .room(&address.channel)
            .or_else(|| workspace.rooms().first());
        let channel = room.map_or_else(String::new, |room| room.key.clone());
        drop(workspace);
        let tier = pretend.tier.key().to_owned();
        Some((
            pretend,
            Address {
                tier,
                channel,
                ..address
            },
        ))
    }

    /// Where a form of the page acts, if it is one.
    fn acting(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(&Pretend, Address), guard::Refusal> {
        guard::acts(headers, &self.token, &field(body, "token"))?;
        let found = self.found(Address::read(body));
        found.ok_or((StatusCode::NOT_FOUND, "there is no workspace\n"))
    }
}

fn field(body: &[u8], name: &str) -> String {
    form_urlencoded::parse(body)
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// The same for the same page.
fn etag(html: &str) -> String {
    let digest = Sha256::digest(html.as_bytes());
    let mut out = String::from("\"");
    for byte in digest.iter().take(12) {
        // A text takes everything.
        let _ = write!(out, "{byte:02x}");
    }
    out.push('"');
    out
}
