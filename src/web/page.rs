//! The status page and its badges: who may see them, in which language, and whether anything changed.

use axum::{
    extract::{Path, Query, Request, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Shared, access, trouble};
use crate::{
    command::{
        Line, Status,
        lookup::{self, Selection},
    },
    model::{Plan, page::Language},
    page::{self, Look, Page, Viewer},
};

/// How often a browser asks again.
pub(super) const REFRESH_SECONDS: u64 = 15;

/// What the page and its badges may load: their own style, their own script, and answers of this host.
pub(super) const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// What may follow the question mark; whatever else people hang on an address is left alone.
#[derive(Deserialize)]
pub(super) struct Asked {
    lang: Option<String>,
    format: Option<String>,
    /// Somebody wants to see all, and is asked who they are.
    pub(super) inside: Option<String>,
    /// A copy for strangers is wanted, to be put somewhere else.
    pub(super) copy: Option<String>,
}

impl Asked {
    /// Whoever asks for a copy gets what strangers may see: nobody keeps a gate before a file.
    pub(super) const fn as_whom(&self, viewer: Viewer) -> Viewer {
        if self.copy.is_some() {
            Viewer::Public
        } else {
            viewer
        }
    }
}

/// `GET /`
pub(super) async fn page(
    State(shared): State<Shared>,
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
        Ok(viewer) => asked.as_whom(viewer),
        Err(refusal) => return *refusal,
    };
    let headers = request.headers();
    let board = shared.board.load_full();
    let now = shared.clock.now().at;
    let status = Status::of(&board, &board.rows, now, String::new(), "hekate");
    let agenda = board.agenda.load_full();
    let known = shared.history.look(&shared).await;
    let page = Page {
        status: &status,
        windows: &agenda.windows,
        bars: known.as_deref().map(|known| &known.bars),
        incidents: known.as_deref().map(|known| known.incidents.as_slice()),
        look: Look {
            title: &plan.page.title,
            language: language(&plan, &asked, headers),
            viewer,
            timezone: plan.server.timezone,
            refresh_seconds: REFRESH_SECONDS,
            is_copy: asked.copy.is_some(),
        },
    };
    let is_for_browser = match asked.format.as_deref() {
        Some("html") => true,
        Some(_) => false,
        None => wants_html(headers),
    };
    let (kind, body) = if is_for_browser {
        ("text/html; charset=utf-8", page.html())
    } else {
        ("text/plain; charset=utf-8", page.plain())
    };
    let mut response = unless_known(headers, kind, body);
    let answered = response.headers_mut();
    answered.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    answered.insert(
        header::VARY,
        HeaderValue::from_static("accept, accept-language, authorization"),
    );
    response
}

/// `GET /badge/{words}.svg`: how what the words name is; `all` is everything.
pub(super) async fn badge(
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
    let viewer = match viewer(&plan, &request, false) {
        Ok(viewer) => asked.as_whom(viewer),
        Err(refusal) => return *refusal,
    };
    let Some(words) = words.strip_suffix(".svg") else {
        return trouble(StatusCode::NOT_FOUND, "not_found", "a badge ends with .svg");
    };
    let board = shared.board.load_full();
    let now = shared.clock.now().at;
    let is_all = words == "all";
    let selection = lookup::select(&board, if is_all { "" } else { words });
    let Selection::Rows { rows, words } = selection else {
        return trouble(StatusCode::NOT_FOUND, "not_found", "nothing is called so");
    };
    let lines: Vec<_> = rows
        .iter()
        .filter(|row| viewer == Viewer::Insider || !row.target.stands_for_others())
        .map(|row| Line::of(row, now))
        .collect();
    let name = match lines.as_slice() {
        [] if !is_all => {
            return trouble(StatusCode::NOT_FOUND, "not_found", "nothing is called so");
        }
        [one] => one.target.title(),
        _ if is_all => plan.page.title.clone(),
        _ => words,
    };
    let level = page::Headline::of(lines.iter()).level;
    let language = plan.page.language;
    let mut response = unless_known(
        request.headers(),
        "image/svg+xml",
        page::badge(&name, level, language),
    );
    if plan.page.is_public {
        // It is there to be shown on other pages.
        response.headers_mut().insert(
            "cross-origin-resource-policy",
            HeaderValue::from_static("cross-origin"),
        );
    }
    response
}

/// `GET /page.css`
pub(super) async fn style() -> Response {
    fixed("text/css; charset=utf-8", page::STYLE)
}

/// `GET /page.js`
pub(super) async fn script() -> Response {
    fixed("text/javascript; charset=utf-8", page::SCRIPT)
}

fn fixed(kind: &'static str, body: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, body).into_response()
}

/// As whom somebody sees the page, or why they do not.
pub(super) fn viewer(
    plan: &Plan,
    request: &Request,
    wants_inside: bool,
) -> Result<Viewer, Box<Response>> {
    if access::sees_all(plan, request) {
        return Ok(Viewer::Insider);
    }
    if plan.page.is_public && !wants_inside {
        return Ok(Viewer::Public);
    }
    if plan.server.token.is_none() {
        return Err(Box::new(access::loopback_only()));
    }
    let mut refusal = trouble(
        StatusCode::UNAUTHORIZED,
        "token_wanted",
        "the token of the file's `server` section is the password; any name will do",
    );
    refusal.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"hekate\", charset=\"UTF-8\""),
    );
    Err(Box::new(refusal))
}

/// As asked for, else as the browser likes it, else as the file says.
pub(super) fn language(plan: &Plan, asked: &Asked, headers: &HeaderMap) -> Language {
    let asked_for = asked.lang.as_deref().and_then(Language::of_tag);
    let liked = || {
        let header = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        Language::liked(header)
    };
    asked_for.or_else(liked).unwrap_or(plan.page.language)
}

/// Browsers name HTML; a terminal takes anything.
fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("text/html"))
}

/// The body, or that it is the one that the asker has.
///
/// Source: RFC 9110, 13.1.2 (If-None-Match).
pub(super) fn unless_known(headers: &HeaderMap, kind: &'static str, body: String) -> Response {
    let digest = Sha256::digest(body.as_bytes());
    let tag = BASE64_URL_SAFE_NO_PAD.encode(&digest[..12]);
    let tag = format!("\"{tag}\"");
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let is_known = known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == tag || one == "*");
    let fields = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, String::from("private, no-cache")),
    ];
    if is_known {
        return (StatusCode::NOT_MODIFIED, fields).into_response();
    }
    (fields, [(header::CONTENT_TYPE, kind)], body).into_response()
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc};

    use axum::{Router, body::Body};
    use base64::{Engine as _, prelude::BASE64_STANDARD};

    use super::*;
    use crate::{
        model::Secret,
        web::{
            Peer, router,
            tests::{Answer, send, world},
        },
    };

    const TOKEN: &str = "a-token-of-many-characters";
    const BROWSER: (&str, &str) = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    const ELSEWHERE: &str = "192.0.2.1:4000";
    const HERE: &str = "127.0.0.1:4000";

    /// A listener, with a token and a page for everybody or without.
    fn listener(has_token: bool, is_public: bool) -> Router {
        let state = world().state;
        let mut plan = (*state.plan.load_full()).clone();
        plan.page.is_public = is_public;
        plan.page.title = String::from("ROIH platform");
        if has_token {
            plan.server.token = Some(Secret::new(TOKEN));
        }
        state.plan.store(Arc::new(plan));
        router(state)
    }

    async fn ask(
        router: &Router,
        path: &str,
        peer: &str,
        headers: &[(&'static str, &str)],
    ) -> Answer {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        for (name, value) in headers {
            let _ = request.headers_mut().append(*name, value.parse().unwrap());
        }
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(Peer(peer));
        send(router, request).await
    }

    fn password(of: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(format!("anybody:{of}")))
    }

    #[tokio::test]
    async fn who_sees_what() {
        let right = password(TOKEN);
        let wrong = password("another-token-of-many");
        let bearer = format!("Bearer {TOKEN}");
        // has token, is public, from where, with which password, seen: all, names, nothing
        for (has_token, is_public, peer, sent, seen) in [
            (false, false, HERE, None, "all"),
            (false, false, ELSEWHERE, None, "403"),
            (false, false, ELSEWHERE, Some(&right), "403"),
            (false, true, HERE, None, "all"),
            (false, true, ELSEWHERE, None, "names"),
            (true, false, HERE, None, "401"),
            (true, false, ELSEWHERE, Some(&wrong), "401"),
            (true, false, ELSEWHERE, Some(&right), "all"),
            (true, false, ELSEWHERE, Some(&bearer), "all"),
            (true, true, ELSEWHERE, None, "names"),
            (true, true, ELSEWHERE, Some(&wrong), "names"),
            (true, true, ELSEWHERE, Some(&right), "all"),
        ] {
            let router = listener(has_token, is_public);
            let mut headers = vec![BROWSER];
            headers.extend(sent.map(|sent| ("Authorization", sent.as_str())));
            let answer = ask(&router, "/", peer, &headers).await;
            let found = match answer.status {
                StatusCode::OK if answer.body.contains("/?inside") => "names",
                StatusCode::OK => "all",
                StatusCode::UNAUTHORIZED => "401",
                StatusCode::FORBIDDEN => "403",
                other => panic!("{other}"),
            };
            let what = format!("token {has_token}, public {is_public}, {peer}, {sent:?}");
            assert_eq!(found, seen, "{what}");
            assert!(!answer.body.contains(TOKEN), "{what}");
            if found == "401" {
                let challenge = answer.headers["www-authenticate"].to_str().unwrap();
                assert!(challenge.starts_with("Basic realm="), "{what}");
            }
            let badge = ask(&router, "/badge/all.svg", peer, &headers).await;
            assert_eq!(badge.status, answer.status, "{what}");
        }
    }

    #[tokio::test]
    async fn whoever_wants_to_see_all_is_asked_who_they_are() {
        let router = listener(true, true);
        let answer = ask(&router, "/?inside", ELSEWHERE, &[BROWSER]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let right = password(TOKEN);
        let headers = [BROWSER, ("Authorization", right.as_str())];
        let answer = ask(&router, "/?inside", ELSEWHERE, &headers).await;
        assert_eq!(answer.status, StatusCode::OK);
        // A password that a browser sends by itself opens nothing that another page could use.
        let answer = ask(&router, "/api/v1/status", ELSEWHERE, &headers).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn browsers_get_a_page_and_terminals_text_each_in_their_language() {
        let router = listener(false, false);
        for (path, headers, beginning, words) in [
            (
                "/",
                &[BROWSER][..],
                "<!DOCTYPE html><html lang=\"en\">",
                "ROIH platform",
            ),
            (
                "/",
                &[BROWSER, ("Accept-Language", "cs,en;q=0.5")],
                "<!DOCTYPE html><html lang=\"cs\">",
                "čeština",
            ),
            (
                "/?lang=cs",
                &[BROWSER, ("Accept-Language", "en")],
                "<!DOCTYPE html><html lang=\"cs\">",
                "",
            ),
            (
                "/?lang=xx&utm=1",
                &[BROWSER],
                "<!DOCTYPE html><html lang=\"en\">",
                "",
            ),
            ("/", &[], "", "master"),
            ("/", &[("Accept", "*/*")], "", "master"),
            ("/?format=text", &[BROWSER], "", "master"),
        ] {
            let answer = ask(&router, path, HERE, headers).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            let is_page = answer.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html");
            assert_eq!(is_page, !beginning.is_empty(), "{path} {headers:?}");
            assert!(
                answer.body.starts_with(beginning) && answer.body.contains(words),
                "{}",
                answer.body
            );
            let policy = answer.headers["content-security-policy"].to_str().unwrap();
            assert!(
                policy.contains("default-src 'none'") && !policy.contains("unsafe"),
                "{policy}"
            );
            assert_eq!(answer.headers["x-frame-options"], "DENY");
        }
    }

    #[tokio::test]
    async fn whoever_has_the_page_is_not_sent_it_again() {
        let router = listener(false, false);
        let first = ask(&router, "/", HERE, &[BROWSER]).await;
        let tag = first.headers["etag"].to_str().unwrap().to_owned();
        for (known, status) in [
            (tag.clone(), StatusCode::NOT_MODIFIED),
            (format!("W/{tag}"), StatusCode::NOT_MODIFIED),
            (format!("\"x\", {tag}"), StatusCode::NOT_MODIFIED),
            (String::from("\"x\""), StatusCode::OK),
        ] {
            let answer = ask(&router, "/", HERE, &[BROWSER, ("If-None-Match", &known)]).await;
            assert_eq!(answer.status, status, "{known}");
            assert_eq!(answer.body.is_empty(), status == StatusCode::NOT_MODIFIED);
        }
    }

    #[tokio::test]
    async fn a_badge_is_of_what_its_name_says() {
        let router = listener(false, true);
        for (path, status, words) in [
            ("/badge/all.svg", StatusCode::OK, "ROIH platform: "),
            ("/badge/master.svg", StatusCode::OK, "master: "),
            ("/badge/blue%20master.svg", StatusCode::OK, "master blue: "),
            ("/badge/master/blue.svg", StatusCode::OK, "master blue: "),
            (
                "/badge/nobody.svg",
                StatusCode::NOT_FOUND,
                "nothing is called so",
            ),
            ("/badge/master.png", StatusCode::NOT_FOUND, ".svg"),
        ] {
            let answer = ask(&router, path, ELSEWHERE, &[]).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
            assert!(answer.body.contains(words), "{path}: {}", answer.body);
            if status == StatusCode::OK {
                assert_eq!(answer.headers["content-type"], "image/svg+xml");
                assert_eq!(
                    answer.headers["cross-origin-resource-policy"],
                    "cross-origin"
                );
            }
        }
    }

    #[tokio::test]
    async fn style_and_script_are_there_for_everybody() {
        let router = listener(true, false);
        for (path, kind) in [("/page.css", "text/css"), ("/page.js", "text/javascript")] {
            let answer = ask(&router, path, ELSEWHERE, &[]).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert!(
                answer.headers["content-type"]
                    .to_str()
                    .unwrap()
                    .starts_with(kind)
            );
        }
    }
}
