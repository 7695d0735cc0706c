//! Incidents as feeds, behind the same gate as the page.

use axum::{
    extract::{Query, Request, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::DateTime;

use super::{
    Shared,
    page::{Asked, language, unless_known, viewer},
    trouble,
};
use crate::{
    command::Status,
    model::{Plan, Timestamp},
    page::{Feed, Format, Look},
};

/// How often a reader had better not ask, in seconds: what it is made from is read anew once a minute.
const REFRESH_SECONDS: u64 = 60;

/// `GET /feed.rss`, `GET /feed.atom`, `GET /feed.json`
pub(super) async fn feed(
    format: Format,
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
    let viewer = match viewer(&plan, &request, false) {
        Ok(viewer) => asked.as_whom(viewer),
        Err(refusal) => return *refusal,
    };
    let Some(known) = shared.history.look(&shared).await else {
        // An empty feed would say that nothing ever happened.
        let why = "the store does not say what was; ask again in a minute";
        let mut response = trouble(StatusCode::SERVICE_UNAVAILABLE, "store", why);
        let wait = HeaderValue::from(REFRESH_SECONDS);
        response.headers_mut().insert(header::RETRY_AFTER, wait);
        return response;
    };
    let headers = request.headers();
    let board = shared.board.load_full();
    let now = shared.clock.now().at;
    let status = Status::of(&board, &board.rows, now, String::new(), "hekate");
    let feed = Feed {
        status: &status,
        incidents: &known.incidents,
        look: Look {
            title: &plan.page.title,
            language: language(&plan, &asked, headers),
            viewer,
            timezone: plan.server.timezone,
            refresh_seconds: REFRESH_SECONDS,
            is_copy: asked.copy.is_some(),
        },
        base: &base(&plan),
    };
    let (body, updated_at) = feed.write(format);
    let mut response = unless_known(headers, format.kind(), body);
    if let Some(at) = updated_at {
        if is_known_since(headers, at) {
            let fields = response.headers().clone();
            response = (StatusCode::NOT_MODIFIED, fields).into_response();
            response.headers_mut().remove(header::CONTENT_TYPE);
        }
        let date = at.to_utc().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(date) = HeaderValue::try_from(date) {
            response.headers_mut().insert(header::LAST_MODIFIED, date);
        }
    }
    let fields = response.headers_mut();
    fields.insert(
        header::VARY,
        HeaderValue::from_static("accept-language, authorization"),
    );
    if plan.page.is_public {
        fields.insert(
            "cross-origin-resource-policy",
            HeaderValue::from_static("cross-origin"),
        );
    }
    response
}

/// Where the page is for those who are elsewhere, without a slash at its end.
fn base(plan: &Plan) -> String {
    match &plan.server.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", plan.server.listen),
    }
}

/// Whether whoever asks has all that is new up to then; a tag, which says more, wins.
///
/// Source: RFC 9110, 13.1.3 (If-Modified-Since).
fn is_known_since(headers: &HeaderMap, updated_at: Timestamp) -> bool {
    if headers.contains_key(header::IF_NONE_MATCH) {
        return false;
    }
    let since = headers.get(header::IF_MODIFIED_SINCE);
    let since = since.and_then(|value| value.to_str().ok());
    let since = since.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    since.is_some_and(|since| updated_at.as_seconds() <= since.timestamp())
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use axum::{Router, body::Body};

    use super::*;
    use crate::{
        command::fixture,
        model::{Incident, TargetId, Verdict},
        web::{
            Peer, router,
            tests::{Answer, HERE, send, world},
        },
    };

    const ELSEWHERE: &str = "192.0.2.1:4000";

    fn incidents() -> Vec<Incident> {
        let mut incident = Incident::begun(1_234_567, fixture::NOW);
        incident.targets = vec![TargetId::new("master/green")];
        incident.worst = Verdict::Down;
        incident.since = fixture::NOW - Duration::from_mins(14);
        incident.closed_at = Some(fixture::NOW);
        incident.seen = vec![(String::from("no answer from 10.0.0.7"), 3)];
        vec![incident]
    }

    fn listener(is_public: bool, past: Result<Vec<Incident>, String>) -> Router {
        let mut state = world().state;
        state.past = Arc::new(move |_, _| past.clone());
        let mut plan = (*state.plan.load_full()).clone();
        plan.page.is_public = is_public;
        plan.server.public_url = Some(String::from("https://status.example.test/"));
        state.plan.store(Arc::new(plan));
        router(state)
    }

    async fn ask(
        router: &Router,
        path: &str,
        peer: Peer,
        headers: &[(&'static str, &str)],
    ) -> Answer {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        for (name, value) in headers {
            let _ = request.headers_mut().append(*name, value.parse().unwrap());
        }
        request.extensions_mut().insert(peer);
        send(router, request).await
    }

    #[tokio::test]
    async fn each_format_tells_the_same_to_whoever_may_see_the_page() {
        let elsewhere = Peer(ELSEWHERE.parse().unwrap());
        for format in Format::ALL {
            let path = format!("/{}", format.file());
            let router = listener(true, Ok(incidents()));
            let inside = ask(&router, &path, HERE, &[]).await;
            let outside = ask(&router, &path, elsewhere, &[]).await;
            for answer in [&inside, &outside] {
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
                assert_eq!(answer.headers["content-type"], format.kind());
                for words in [
                    "master green: down",
                    "tag:status.example.test,2026:incident/",
                ] {
                    assert!(answer.body.contains(words), "{words}: {}", answer.body);
                }
            }
            assert!(inside.body.contains("10.0.0.7"), "{}", inside.body);
            assert!(!outside.body.contains("10.0.0.7"), "{}", outside.body);
            let router = listener(false, Ok(incidents()));
            let refused = ask(&router, &path, elsewhere, &[]).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN);
            assert!(!refused.body.contains("green"), "{}", refused.body);
        }
    }

    #[tokio::test]
    async fn whoever_has_all_of_it_is_not_sent_it_again() {
        let router = listener(true, Ok(incidents()));
        let first = ask(&router, "/feed.atom", HERE, &[]).await;
        let tag = first.headers["etag"].to_str().unwrap().to_owned();
        let date = first.headers["last-modified"].to_str().unwrap().to_owned();
        assert_eq!(date, "Sat, 21 Nov 2026 14:14:40 GMT");
        let (earlier, later) = (
            "Sat, 21 Nov 2026 14:14:39 GMT",
            "Sun, 22 Nov 2026 00:00:00 GMT",
        );
        for (headers, is_known) in [
            (&[("If-None-Match", tag.as_str())][..], true),
            (&[("If-Modified-Since", date.as_str())], true),
            (&[("If-Modified-Since", later)], true),
            (&[("If-Modified-Since", earlier)], false),
            (&[("If-Modified-Since", "yesterday")], false),
            (
                &[("If-None-Match", "\"x\""), ("If-Modified-Since", later)],
                false,
            ),
        ] {
            let answer = ask(&router, "/feed.atom", HERE, headers).await;
            let status = if is_known {
                StatusCode::NOT_MODIFIED
            } else {
                StatusCode::OK
            };
            assert_eq!(answer.status, status, "{headers:?}");
            assert_eq!(answer.body.is_empty(), is_known, "{headers:?}");
            assert_eq!(answer.headers["etag"], tag.as_str());
            assert_eq!(answer.headers["last-modified"], date.as_str());
        }
    }

    #[tokio::test]
    async fn that_nothing_can_be_read_is_no_empty_feed() {
        let router = listener(true, Err(String::from("the disk is on fire")));
        let answer = ask(&router, "/feed.rss", HERE, &[]).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers["retry-after"], "60");
        assert!(!answer.body.contains("on fire"), "{}", answer.body);
        let router = listener(true, Ok(Vec::new()));
        let answer = ask(&router, "/feed.rss", HERE, &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(!answer.body.contains("<item>"), "{}", answer.body);
    }
}
