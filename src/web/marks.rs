//! What an incident was worth: `POST /v1/incidents/<id>/mark {"mark": "false-alarm", "reason": "…", "by": "…"}`.

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::{Shared, operations::FROM_BROWSERS, trouble};
use crate::{
    chat::NotMarked,
    model::{
        IncidentId,
        incident::{Mark, Worth},
        text::{FOREIGN_MAX, clean},
    },
};

/// The most characters of a name.
const NAME_MAX: usize = 100;

/// 202 when it was taken, 400 if the body says no mark, 404 if there is no such incident, 409 while it is open.
pub(super) async fn mark(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // A page that somebody on this machine looks at must not speak for them.
    if FROM_BROWSERS.iter().any(|name| headers.contains_key(*name)) {
        return trouble(
            StatusCode::FORBIDDEN,
            "no_browsers",
            "only a program may ask for this, not a page",
        );
    }
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |key: &str, max| clean(said[key].as_str().unwrap_or_default(), max);
    let worth = said["mark"].as_str().and_then(Worth::from_word);
    let (reason, by) = (text("reason", FOREIGN_MAX), text("by", NAME_MAX));
    let (Some(worth), false) = (worth, reason.is_empty()) else {
        return trouble(
            StatusCode::BAD_REQUEST,
            "mark_wanted",
            "the body has to be {\"mark\": \"false-alarm\" or \"useful\", \"reason\": \"…\", \"by\": \"…\"}",
        );
    };
    let id = IncidentId::new(id.trim_start_matches('#').to_lowercase());
    let at = shared.clock.now().at;
    let by = if by.is_empty() {
        String::from("somebody")
    } else {
        by
    };
    let mark = Mark {
        worth,
        reason,
        by,
        at,
    };
    if let Err(why) = shared.mark(&id, |_| Some(mark)).await {
        return match why {
            NotMarked::Unknown => trouble(
                StatusCode::NOT_FOUND,
                "no_such_incident",
                "no incident is called so, or it is beyond retention",
            ),
            NotMarked::Open => trouble(
                StatusCode::CONFLICT,
                "still_open",
                "it is still open; say what it was worth when it is over",
            ),
            NotMarked::Store(why) => trouble(StatusCode::SERVICE_UNAVAILABLE, "store", &why),
        };
    }
    let taken = json!({ "incident": id.as_str(), "mark": worth.as_str() });
    (StatusCode::ACCEPTED, axum::Json(taken)).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use axum::{
        body::Body,
        http::{Method, Request, StatusCode},
    };

    use super::*;
    use crate::{
        model::Incident,
        web::{
            Peer, router,
            tests::{World, closed_incident, send, world},
        },
    };

    fn asked(id: &str, body: &str) -> Request<Body> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("/v1/incidents/{id}/mark"))
            .header("host", "127.0.0.1")
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let peer = Peer("127.0.0.1:1".parse().expect("an address"));
        request.extensions_mut().insert(peer);
        request
    }

    #[tokio::test]
    async fn an_incident_that_is_over_is_marked_and_no_other() {
        const GOOD: &str =
            r#"{"mark": "false-alarm", "reason": "a\u001b[31m backup", "by": "dana"}"#;
        let World { mut state, .. } = world();
        let closed = closed_incident();
        let mut open = closed.clone();
        open.id = IncidentId::from_number(8);
        open.closed_at = None;
        let known = [closed.clone(), open.clone()];
        state.chat.incidents = Arc::new(move |id: &IncidentId| {
            Ok(known.iter().find(|incident| incident.id == *id).cloned())
        });
        let marked: Arc<Mutex<Vec<Incident>>> = Arc::default();
        let seen = Arc::clone(&marked);
        state.chat.marked = Arc::new(move |incident| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(incident);
        });
        let router = router(state);
        for (id, body, status) in [
            (closed.id.as_str(), GOOD, StatusCode::ACCEPTED),
            (open.id.as_str(), GOOD, StatusCode::CONFLICT),
            ("nothing", GOOD, StatusCode::NOT_FOUND),
            (closed.id.as_str(), "", StatusCode::BAD_REQUEST),
            (closed.id.as_str(), "{\"mark\": 7}", StatusCode::BAD_REQUEST),
            (
                closed.id.as_str(),
                r#"{"mark": "useful", "reason": " "}"#,
                StatusCode::BAD_REQUEST,
            ),
            (
                closed.id.as_str(),
                r#"{"mark": "great", "reason": "x"}"#,
                StatusCode::BAD_REQUEST,
            ),
        ] {
            let answer = send(&router, asked(id, body)).await;
            assert_eq!(answer.status, status, "{id} {body}: {}", answer.body);
        }
        let mut from_a_page = asked(closed.id.as_str(), GOOD);
        let origin = "http://evil.test".parse().expect("a header");
        from_a_page.headers_mut().insert("origin", origin);
        assert_eq!(
            send(&router, from_a_page).await.status,
            StatusCode::FORBIDDEN
        );
        let marked = marked.lock().unwrap_or_else(PoisonError::into_inner);
        let [one] = marked.as_slice() else {
            panic!("one mark was taken: {marked:?}");
        };
        let mark = one.mark.as_ref().expect("a mark");
        assert_eq!((&one.id, mark.worth), (&closed.id, Worth::FalseAlarm));
        assert_eq!(
            (mark.by.as_str(), mark.reason.contains('\u{1b}')),
            ("dana", false)
        );
    }
}
