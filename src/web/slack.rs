//! `POST /slack/interactive` and `POST /slack/events`: what people press in Slack and say to the bot, signed as slash commands are.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use tokio::sync::Semaphore;

use super::{
    Shared,
    slash::{believed, signed},
    trouble,
};
use crate::{
    chat::Heed,
    slack::{
        api::Base, command::ResponseUrl, control::options_json, event::Callback,
        interaction::Interaction,
    },
    telemetry::Fate,
};

/// The longest body that is read, in bytes: a click brings the whole message along, twice escaped.
pub(super) const BODY_BYTES_MAX: usize = 512 * 1024;
/// So many clicks may be worked on at once.
const CLICKS_MAX: usize = 32;

/// The places of those whose clicks are worked on.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(CLICKS_MAX)))
    }
}

/// 200 at once: the answer to a click goes to the address that came with it. Options of a menu are the answer itself.
pub(super) async fn interactive(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let count = |fate| shared.metrics.slack_envelope("interactive", fate);
    let (body, trust) = match believed(&shared, "/slack/interactive", &headers, body) {
        Ok(believed) => believed,
        Err(refusal) => {
            count(refusal.fate());
            return refusal.into_response();
        }
    };
    let base = Base::parse(&shared.plan.load().slack.base_url);
    let response_url = |text: &str| match &base {
        Ok(base) => base.response_url(text),
        Err(_not_slack) => ResponseUrl::parse(text),
    };
    match Interaction::parse(&body, response_url) {
        Ok(Interaction::Click(click)) => {
            let Ok(place) = Arc::clone(&shared.places.0).try_acquire_owned() else {
                tracing::warn!(
                    event = "slack.busy",
                    "too many clicks at once; one was sent away"
                );
                count(Fate::Busy);
                return trouble(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "busy",
                    "try again in a moment",
                );
            };
            let chat = shared.chat.clone();
            tokio::spawn(async move {
                let fate = chat.press(*click, trust).await;
                chat.metrics.slack_envelope("interactive", fate);
                drop(place);
            });
            StatusCode::OK.into_response()
        }
        Ok(Interaction::Submission(submission)) => {
            let Ok(_place) = Arc::clone(&shared.places.0).try_acquire_owned() else {
                tracing::warn!(
                    event = "slack.busy",
                    "too many forms at once; one was sent away"
                );
                count(Fate::Busy);
                return axum::Json(shared.chat.busy_form()).into_response();
            };
            let answer = shared.chat.submitted(&submission, trust).await;
            count(Fate::Answered);
            axum::Json(answer).into_response()
        }
        Ok(Interaction::Search(search)) => {
            count(Fate::Answered);
            let options = options_json(&shared.chat.search(&search).await);
            axum::Json(json!({ "options": options })).into_response()
        }
        Ok(Interaction::Other { kind }) => {
            tracing::info!(event = "slack.ignored", %kind, "nothing here takes this");
            count(Fate::Ignored);
            StatusCode::OK.into_response()
        }
        Err(why) => {
            tracing::warn!(%why, "Slack sent something pressed that cannot be read");
            count(Fate::Broken);
            trouble(StatusCode::BAD_REQUEST, "bad_interaction", &why.to_string())
        }
    }
}

/// Keeps Slack from handing over again what will not be understood the next time either.
const NO_RETRY: (HeaderName, &str) = (HeaderName::from_static("x-slack-no-retry"), "1");

/// 200 at once: the answer is said by the bot. What Slack hands over again gets 200 again and is acted on once, by its id.
pub(super) async fn events(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let count = |fate| shared.metrics.slack_envelope("events_api", fate);
    let body = match signed(&shared, "/slack/events", &headers, body) {
        Ok(body) => body,
        Err(refusal) => {
            count(refusal.fate());
            return refusal.into_response();
        }
    };
    match Callback::parse(&body) {
        Ok(Callback::Challenge(word)) => {
            tracing::info!(
                event = "slack.challenge",
                "Slack asked whether hekate takes events here"
            );
            count(Fate::Answered);
            let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (kind, word).into_response()
        }
        Ok(Callback::Happened(happening)) => match shared.chat.heed(*happening) {
            Heed::Taken => StatusCode::OK.into_response(),
            // Slack hands it over again.
            Heed::Busy => trouble(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "try again in a moment",
            ),
        },
        Ok(Callback::Other { kind }) => {
            tracing::info!(event = "slack.ignored", %kind, "nothing here takes this");
            count(Fate::Ignored);
            StatusCode::OK.into_response()
        }
        Err(why) => {
            tracing::warn!(%why, "Slack sent an event that cannot be read");
            count(Fate::Broken);
            let refusal = trouble(StatusCode::BAD_REQUEST, "bad_event", &why.to_string());
            ([NO_RETRY], refusal).into_response()
        }
    }
}
