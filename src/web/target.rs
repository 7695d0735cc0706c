//! The page of one target, behind the same gate as that of all of them.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, Query, Request, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use tokio::time::timeout;

use super::{
    Shared, latency,
    page::{Asked, POLICY, REFRESH_SECONDS, language, unless_known, viewer},
    trouble,
};
use crate::{
    command::{
        Status,
        lookup::{self, Selection},
    },
    model::{Board, TargetId, Timestamp, Transition, board::Row},
    page::{CHANGES_MAX, Look, Page, TargetPage, Viewer},
};

/// Changes of this long are shown.
const CHANGES_FOR: Duration = Duration::from_hours(30 * 24);
/// The store is waited for so long; without it the page is shown without them.
pub(super) const STORE_LIMIT: Duration = Duration::from_millis(500);

/// `GET /targets/{words}`: the words are an id, or whatever else names one target.
pub(super) async fn target(
    State(shared): State<Shared>,
    Path(words): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
    request: Request,
) -> Response {
    let Ok(Query(asked)) = asked else {
        return trouble(
            StatusCode::BAD_REQUEST,
            "bad_query",
            "the address cannot be read",
        );
    };
    let plan = shared.plan.load_full();
    let viewer = match viewer(&plan, &request, asked.inside.is_some()) {
        Ok(viewer) => viewer,
        Err(refusal) => return *refusal,
    };
    let (board, now) = (shared.board.load_full(), shared.clock.now().at);
    let row = row(&board, &words);
    let row = row.filter(|row| viewer == Viewer::Insider || !row.target.stands_for_others());
    let status = Status::of(&board, &board.rows, now, String::new(), "hekate");
    let line = row.and_then(|row| status.lines().find(|line| line.target.id == row.target.id));
    let Some(line) = line else {
        // Strangers are not told what else there is.
        return trouble(StatusCode::NOT_FOUND, "not_found", "no target is called so");
    };
    let changes = match viewer {
        Viewer::Insider => changes(&shared, &line.target.id, now).await,
        Viewer::Public => None,
    };
    let charts = latency::charts(&shared, line, now).await;
    let known = shared.history.look(&shared).await;
    let agenda = board.agenda.load_full();
    let page = TargetPage {
        page: Page {
            status: &status,
            windows: &agenda.windows,
            bars: known.as_deref().map(|known| &known.bars),
            incidents: known.as_deref().map(|known| known.incidents.as_slice()),
            look: Look {
                title: &plan.page.title,
                language: language(&plan, &asked, request.headers()),
                viewer,
                timezone: plan.server.timezone,
                refresh_seconds: REFRESH_SECONDS,
                is_copy: false,
            },
        },
        line,
        changes: changes.as_deref(),
        charts: charts.as_deref().unwrap_or_default(),
        channels: &plan.channels,
    };
    let kind = "text/html; charset=utf-8";
    let mut response = unless_known(request.headers(), kind, page.html());
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    let vary = HeaderValue::from_static("accept-language, authorization");
    fields.insert(header::VARY, vary);
    response
}

/// The one target that the words name.
fn row<'a>(board: &'a Board, words: &str) -> Option<&'a Arc<Row>> {
    if let Some(row) = board.row(&TargetId::new(words)) {
        return Some(row);
    }
    let Selection::Rows { rows, .. } = lookup::select(board, words) else {
        return None;
    };
    match rows.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

/// How it changed lately, oldest first; absent if the store does not say so in time.
async fn changes(shared: &Shared, id: &TargetId, now: Timestamp) -> Option<Vec<Transition>> {
    let (read, id) = (Arc::clone(&shared.histories), id.clone());
    let asking = shared
        .readers
        .ask(move || read(&id, now - CHANGES_FOR, CHANGES_MAX));
    match timeout(STORE_LIMIT, asking).await {
        Ok(Ok(mut changes)) => {
            changes.sort_by_key(|change| (change.since, change.number));
            Some(changes)
        }
        Ok(Err(why)) => {
            tracing::warn!(event = "page.history", %why, "the page of a target cannot show its changes");
            None
        }
        Err(_late) => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body};

    use super::*;
    use crate::web::{
        Peer, router,
        tests::{Answer, HERE, send, world},
    };

    fn listener(is_public: bool) -> Router {
        let state = world().state;
        let mut plan = (*state.plan.load_full()).clone();
        plan.page.is_public = is_public;
        state.plan.store(Arc::new(plan));
        router(state)
    }

    async fn ask(router: &Router, path: &str, peer: Peer) -> Answer {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        request.extensions_mut().insert(peer);
        send(router, request).await
    }

    #[tokio::test]
    async fn a_target_has_a_page_of_its_own() {
        let elsewhere = Peer("192.0.2.1:4000".parse().unwrap());
        let router = listener(true);
        for path in [
            "/targets/master/green",
            "/targets/green%20master",
            "/targets/green",
        ] {
            let inside = ask(&router, path, HERE).await;
            assert_eq!(inside.status, StatusCode::OK, "{path}: {}", inside.body);
            for words in ["master green: down", "no answer within 5 s", "#core-alerts"] {
                assert!(inside.body.contains(words), "{words}: {}", inside.body);
            }
            let public = ask(&router, path, elsewhere).await;
            assert_eq!(public.status, StatusCode::OK, "{path}: {}", public.body);
            assert!(
                public.body.contains("master green: down"),
                "{}",
                public.body
            );
            for secret in [
                "no answer within",
                "core-alerts",
                "secret-host",
                "do-not-show",
            ] {
                assert!(!public.body.contains(secret), "{secret}: {}", public.body);
            }
            let policy = public.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'"), "{policy}");
        }
        // One of several is nobody in particular.
        for path in [
            "/targets/nobody",
            "/targets/master",
            "/targets/%00",
            "/targets/..%2f..%2fetc",
        ] {
            let answer = ask(&router, path, HERE).await;
            assert_eq!(
                answer.status,
                StatusCode::NOT_FOUND,
                "{path}: {}",
                answer.body
            );
        }
        let refused = ask(&listener(false), "/targets/green", elsewhere).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        let unknown = ask(&listener(false), "/targets/nobody", elsewhere).await;
        assert_eq!(
            unknown.status,
            StatusCode::FORBIDDEN,
            "nobody learns who is there"
        );
    }
}
