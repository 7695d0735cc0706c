//! The card that other pages may show in a frame, behind the same gate as the page.

use axum::{
    extract::{Path, Query, Request, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::{
    MayBeFramed, Shared,
    page::{Asked, POLICY, REFRESH_SECONDS, language, unless_known, viewer},
    trouble,
};
use crate::{
    command::{
        Status,
        lookup::{self, Selection},
    },
    model::Plan,
    page::{Look, Page, Viewer},
};

/// `GET /embed/{words}`: how what the words name is; `all` is everything.
pub(super) async fn embed(
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
    let is_all = words == "all";
    let nothing = || trouble(StatusCode::NOT_FOUND, "not_found", "nothing is called so");
    let selection = lookup::select(&board, if is_all { "" } else { &words });
    let Selection::Rows { rows, words } = selection else {
        return nothing();
    };
    let rows: Vec<_> = rows
        .into_iter()
        .filter(|row| viewer == Viewer::Insider || !row.target.stands_for_others())
        .collect();
    let name = match rows.as_slice() {
        [] if !is_all => return nothing(),
        _ if is_all => plan.page.title.clone(),
        [one] => one.target.title(),
        _ => words,
    };
    let status = Status::of(&board, rows, now, String::new(), "hekate");
    let page = Page {
        status: &status,
        windows: &[],
        bars: None,
        incidents: None,
        look: Look {
            title: &plan.page.title,
            language: language(&plan, &asked, request.headers()),
            viewer,
            timezone: plan.server.timezone,
            refresh_seconds: REFRESH_SECONDS,
            is_copy: false,
        },
    };
    let kind = "text/html; charset=utf-8";
    let mut response = unless_known(request.headers(), kind, page.card(&name));
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_SECURITY_POLICY, policy(&plan));
    let vary = HeaderValue::from_static("accept-language, authorization");
    fields.insert(header::VARY, vary);
    if !plan.page.embed_on.is_empty() {
        fields.insert(
            "cross-origin-resource-policy",
            HeaderValue::from_static("cross-origin"),
        );
        response.extensions_mut().insert(MayBeFramed);
    }
    response
}

/// As for the page, but that pages of the file's origins may show it.
///
/// Source: Content Security Policy Level 3, 6.4.2 (frame-ancestors).
fn policy(plan: &Plan) -> HeaderValue {
    let origins = &plan.page.embed_on;
    if origins.is_empty() {
        return POLICY;
    }
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors {}",
        origins.join(" ")
    );
    HeaderValue::try_from(policy).unwrap_or(POLICY)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{Router, body::Body};

    use super::*;
    use crate::web::{
        Peer, router,
        tests::{Answer, HERE, send, world},
    };

    fn listener(is_public: bool, embed_on: &[&str]) -> Router {
        let state = world().state;
        let mut plan = (*state.plan.load_full()).clone();
        plan.page.is_public = is_public;
        plan.page.embed_on = embed_on.iter().map(|origin| (*origin).to_owned()).collect();
        state.plan.store(Arc::new(plan));
        router(state)
    }

    async fn ask(router: &Router, path: &str, peer: Peer) -> Answer {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        request.extensions_mut().insert(peer);
        send(router, request).await
    }

    #[tokio::test]
    async fn only_the_card_can_be_shown_by_others_and_only_by_those_of_the_file() {
        const OTHERS: &str = "https://wiki.example.test https://intra.example.test:8443";
        let origins: Vec<_> = OTHERS.split(' ').collect();
        for (embed_on, ancestors) in [(&[][..], "'none'"), (&origins, OTHERS)] {
            let router = listener(true, embed_on);
            for path in [
                "/embed/all",
                "/embed/master",
                "/",
                "/targets/green",
                "/badge/all.svg",
                "/feed.rss",
                "/nobody",
            ] {
                let answer = ask(&router, path, HERE).await;
                let policy = answer.headers["content-security-policy"].to_str().unwrap();
                let may_be_framed = path.starts_with("/embed") && !embed_on.is_empty();
                let ancestors = if may_be_framed { ancestors } else { "'none'" };
                assert!(
                    policy.ends_with(&format!("frame-ancestors {ancestors}")),
                    "{path}: {policy}"
                );
                assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
                assert_eq!(
                    answer.headers.contains_key("x-frame-options"),
                    !may_be_framed,
                    "{path}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_card_says_how_what_it_names_is_to_whoever_sees_the_page() {
        let elsewhere = Peer("192.0.2.1:4000".parse().unwrap());
        let router = listener(true, &[]);
        for (path, words) in [
            ("/embed/all", "master green is down"),
            ("/embed/master", "master green is down"),
            ("/embed/blue%20master", "master blue cannot be seen"),
            ("/embed/master/blue?lang=cs", "master blue není vidět"),
        ] {
            for peer in [HERE, elsewhere] {
                let answer = ask(&router, path, peer).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
                assert!(answer.body.contains(words), "{path}: {}", answer.body);
            }
        }
        let unknown = ask(&router, "/embed/nobody", elsewhere).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
        let refused = ask(&listener(false, &[]), "/embed/all", elsewhere).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
}
