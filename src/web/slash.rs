//! `POST /slack/command`: who sends it is checked before a byte of it is understood.

use std::sync::{Mutex, PoisonError};

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Shared, trouble};
use crate::{
    chat::Trust,
    model::Timestamp,
    slack::{
        api::Base,
        command::{ResponseUrl, SlashCommand},
        signature::{ReplayCache, verify},
    },
    telemetry::{Answer, Fate},
};

/// The signatures that were used in the last minutes.
#[derive(Default, Debug)]
pub(super) struct UsedSignatures(Mutex<ReplayCache>);

impl UsedSignatures {
    /// Whether this signed request is new; remembers it.
    fn is_new(&self, timestamp: &str, signature: &str, now: Timestamp) -> bool {
        self.0
            .lock()
            // A panic in there leaves at worst a signature too many.
            .unwrap_or_else(PoisonError::into_inner)
            .insert(timestamp, signature, now)
    }
}

/// What everybody hears whose request is not believed, whatever the reason: the reason would help only a forger.
const REFUSAL: &str = "not signed by Slack\n";

pub(super) async fn command(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let (body, trust) = match believed(&shared, "/slack/command", &headers, body) {
        Ok(believed) => believed,
        Err(refusal) => {
            shared.metrics.slash_command(refusal.answer());
            return refusal.into_response();
        }
    };
    let base = Base::parse(&shared.plan.load().slack.base_url);
    let response_url = |text: &str| match &base {
        Ok(base) => base.response_url(text),
        Err(_not_slack) => ResponseUrl::parse(text),
    };
    let command = match SlashCommand::parse_with(&body, response_url) {
        Ok(command) => command,
        Err(why) => {
            tracing::warn!(%why, "Slack sent a command that cannot be read");
            shared.metrics.slash_command(Answer::Broken);
            return trouble(StatusCode::BAD_REQUEST, "bad_command", &why.to_string());
        }
    };
    let answer = shared.chat.answer(&command, trust).await;
    axum::Json(answer.to_json()).into_response()
}

/// Why a request is not believed to be Slack's.
pub(super) enum Refusal {
    /// Slack is not let in at all.
    Closed,
    /// Its body cannot be read.
    Unreadable(BytesRejection),
    /// It is not signed as Slack signs, or was used before.
    Unsigned,
}

impl Refusal {
    fn answer(&self) -> Answer {
        match self {
            Self::Unreadable(_) => Answer::Broken,
            Self::Closed | Self::Unsigned => Answer::Refused,
        }
    }

    /// What became of something that was no slash command.
    pub(super) const fn fate(&self) -> Fate {
        match self {
            Self::Unreadable(_) => Fate::Broken,
            Self::Closed | Self::Unsigned => Fate::Refused,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Closed => trouble(StatusCode::NOT_FOUND, "not_found", "nothing lives here"),
            Self::Unreadable(rejection) => {
                trouble(rejection.status(), "bad_body", "the body cannot be read")
            }
            Self::Unsigned => {
                let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
                (StatusCode::UNAUTHORIZED, kind, REFUSAL).into_response()
            }
        }
    }
}

/// The body of a request that Slack has signed and that was not used before, and how far it is to be trusted.
pub(super) fn believed(
    shared: &Shared,
    route: &'static str,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(Bytes, Trust), Refusal> {
    let body = signed(shared, route, headers, body)?;
    let moment = shared.clock.now();
    let timestamp = only(headers, "x-slack-request-timestamp");
    let signature = only(headers, "x-slack-signature").unwrap_or_default();
    if !shared
        .used_signatures
        .is_new(timestamp.unwrap_or_default(), signature, moment.at)
    {
        tracing::warn!(
            why = "it was used before",
            route,
            "a request is not believed"
        );
        return Err(Refusal::Unsigned);
    }
    let signed_at = timestamp.and_then(|digits| digits.parse().ok());
    let trust = Trust::since_start(signed_at, moment);
    Ok((body, trust))
}

/// The body of a request that Slack has signed, maybe not for the first time.
pub(super) fn signed(
    shared: &Shared,
    route: &'static str,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Bytes, Refusal> {
    let plan = shared.plan.load_full();
    let secrets = &plan.slack.signing_secrets;
    if secrets.is_empty() {
        return Err(Refusal::Closed);
    }
    let body = body.map_err(Refusal::Unreadable)?;
    let timestamp = only(headers, "x-slack-request-timestamp");
    let signature = only(headers, "x-slack-signature");
    match verify(secrets, timestamp, signature, &body, shared.clock.now().at) {
        Ok(()) => Ok(body),
        Err(why) => {
            tracing::warn!(%why, route, "a request is not believed");
            Err(Refusal::Unsigned)
        }
    }
}

/// The value of a header that is there exactly once: of two, nobody can say which one was signed.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)?.to_str().ok()
}
