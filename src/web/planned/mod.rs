//! What people plan and take on, through the API: silences, maintenances, deploys, acknowledgements.
//!
//! Whoever may read what is known may plan as well. A page in somebody's browser may not: what changes something has to say
//! that it is JSON, or to be a `DELETE`, and no page of another origin can send either unasked.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{Shared, trouble, trouble_with};
use crate::{
    command::{
        Heard, Reply,
        planned::{self, Said},
    },
    model::{
        planned::{Done, Length, Person, PlanId, PlanKind, Refused, WORDS_MAX, Wish},
        text::clean,
    },
    slack::mrkdwn::mention_user,
};

/// How long the engine may take until what was wished is stored.
const ANSWER_LIMIT: Duration = Duration::from_secs(8);
/// The most characters of somebody's name.
const NAME_MAX: usize = 80;

/// How the answer should look, and who asks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    pub(super) format: Format,
    /// `DELETE`: who ends it.
    by: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    #[default]
    Json,
    Text,
}

/// `POST /v1/silences`, `/v1/maintenance`, `/v1/deploys`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    /// Whom it is about, as people call them.
    words: String,
    /// How long: `2h`.
    r#for: Option<String>,
    until: Option<String>,
    why: Option<String>,
    release: Option<String>,
    by: Option<String>,
}

/// `POST /v1/incidents/<id>/ack`
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Acknowledge {
    why: Option<String>,
    by: Option<String>,
}

/// `POST /v1/incidents/<id>/hand-over`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandOver {
    /// A name, as who has it calls themselves.
    to: Option<String>,
    /// The id of a user of Slack, who is mentioned where a bot tells.
    to_slack_user: Option<String>,
    by: Option<String>,
}

/// `POST /v1/incidents/<id>/split`
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Split {
    /// Which of its targets, as people call them, a comma between them; all that are bad unless given.
    words: Option<String>,
    by: Option<String>,
}

pub(super) type Queried = Result<Query<Asked>, QueryRejection>;

/// `GET /v1/silences` and the like: what is on.
pub(super) fn list(kind: PlanKind, shared: &Shared, asked: Queried) -> Response {
    let format = match asked {
        Ok(Query(asked)) => asked.format,
        Err(rejection) => return bad_query(&rejection),
    };
    let agenda = shared.board.load().agenda.load_full();
    let now = shared.clock.now().at;
    match format {
        Format::Json => Json(planned::json_agenda(&agenda, kind, now)).into_response(),
        Format::Text => {
            let zone = shared.plan.load().server.timezone;
            text(&planned::list(&agenda, kind, now, zone))
        }
    }
}

/// `POST /v1/silences` and the like: it begins.
pub(super) async fn begin(
    kind: PlanKind,
    shared: Shared,
    asked: Queried,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (format, begin): (_, Begin) = match both(asked, &headers, &body) {
        Ok(both) => both,
        Err(refusal) => return *refusal,
    };
    let length = match length(begin.r#for.as_deref(), begin.until.as_deref()) {
        Ok(length) => length,
        Err(words) => return trouble(StatusCode::BAD_REQUEST, "bad_length", &words),
    };
    let said = Said {
        names: begin.words,
        length,
        why: clean(&begin.why.unwrap_or_default(), WORDS_MAX),
        release: begin.release.map(|name| clean(&name, WORDS_MAX)),
    };
    let heard = planned::begin(kind, said, &shared.board.load_full(), "hekate");
    carry_out(&shared, heard, person(begin.by.as_deref()), format).await
}

/// When it is to end, if that is said, in one of two ways.
fn length(length: Option<&str>, until: Option<&str>) -> Result<Option<Length>, String> {
    match (length, until) {
        (Some(_), Some(_)) => Err(String::from("`for` and `until` are never said together")),
        (Some(length), None) => match humantime::parse_duration(length) {
            Ok(length) => Ok(Some(Length::For(length))),
            Err(_) => Err(String::from("`for` is a length such as 30m or 2h")),
        },
        (None, Some(until)) => match planned::until(until) {
            Ok((length, "")) => Ok(Some(length)),
            Ok(_) | Err(_) => Err(String::from(
                "`until` is `recovered` or a time such as 08:00",
            )),
        },
        (None, None) => Ok(None),
    }
}

/// `DELETE /v1/silences/<id>` and the like: it ends.
pub(super) async fn end(kind: PlanKind, shared: Shared, asked: Queried, id: String) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return bad_query(&rejection),
    };
    let Some(id) = PlanId::from_word(&id).filter(|id| id.kind == kind) else {
        let words = format!("`{}` is no id of a {}", clean(&id, NAME_MAX), kind.as_str());
        return trouble(StatusCode::NOT_FOUND, "no_such_plan", &words);
    };
    let heard = Heard::Wish(Wish::End { id });
    carry_out(&shared, heard, person(asked.by.as_deref()), asked.format).await
}

/// `POST /v1/incidents/<id>/ack`: somebody takes it on; a name of its target will do in place of the id.
pub(super) async fn acknowledge(
    State(shared): State<Shared>,
    Path(whom): Path<String>,
    asked: Queried,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (format, said): (_, Acknowledge) = match both(asked, &headers, &body) {
        Ok(both) => both,
        Err(refusal) => return *refusal,
    };
    let by = person(said.by.as_deref());
    let said = Said {
        names: whom,
        why: clean(&said.why.unwrap_or_default(), WORDS_MAX),
        ..Said::default()
    };
    let heard = planned::acknowledge(said, &shared.board.load_full(), "hekate");
    carry_out(&shared, heard, by, format).await
}

/// `DELETE /v1/incidents/<id>/ack`: who is on it (`?by=`) is not any more; a name of its target will do in place of the id.
pub(super) async fn give_back(
    State(shared): State<Shared>,
    Path(whom): Path<String>,
    asked: Queried,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return bad_query(&rejection),
    };
    let heard = planned::give_back(&whom, &shared.board.load_full(), "hekate");
    carry_out(&shared, heard, person(asked.by.as_deref()), asked.format).await
}

/// `POST /v1/incidents/<id>/hand-over`: somebody else is on it from now on, whoever was before.
pub(super) async fn hand_over(
    State(shared): State<Shared>,
    Path(whom): Path<String>,
    asked: Queried,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (format, said): (_, HandOver) = match both(asked, &headers, &body) {
        Ok(both) => both,
        Err(refusal) => return *refusal,
    };
    let to = match receiver(said.to.as_deref(), said.to_slack_user.as_deref()) {
        Ok(to) => to,
        Err(words) => return trouble(StatusCode::BAD_REQUEST, "bad_person", words),
    };
    let heard = planned::hand_over(&whom, to, &shared.board.load_full(), "hekate");
    carry_out(&shared, heard, person(said.by.as_deref()), format).await
}

/// `POST /v1/incidents/<id>/split`: what is bad in an incident of several becomes incidents of their own.
pub(super) async fn split(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    asked: Queried,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (format, said): (_, Split) = match both(asked, &headers, &body) {
        Ok(both) => both,
        Err(refusal) => return *refusal,
    };
    let words = format!("{} {}", id.trim(), said.words.unwrap_or_default());
    let heard = planned::split_up(&words, &shared.board.load_full(), "hekate");
    carry_out(&shared, heard, person(said.by.as_deref()), format).await
}

/// Who is to be on it: somebody by name, whom nobody mentions, or a user of Slack.
fn receiver(name: Option<&str>, slack_user: Option<&str>) -> Result<Person, &'static str> {
    match (name, slack_user) {
        (Some(_), Some(_)) => Err("`to` and `to_slack_user` are never said together"),
        (None, Some(id)) if mention_user(id).is_some() && id.len() <= NAME_MAX => Ok(Person {
            name: format!("@{id}"),
            slack_user: Some(id.to_owned()),
        }),
        (None, Some(_)) => {
            Err("`to_slack_user` is the id of a user of Slack, such as U024BE7LH, not a name")
        }
        (name, None) => {
            let name = clean(name.unwrap_or_default(), NAME_MAX);
            if name.is_empty() {
                return Err(
                    "it is not said to whom: `to` is a name, `to_slack_user` a user of Slack",
                );
            }
            Ok(Person {
                name,
                slack_user: None,
            })
        }
    }
}

/// Hands a wish on and waits until it is stored; what was no wish is explained.
pub(super) async fn carry_out(
    shared: &Shared,
    heard: Heard,
    by: Person,
    format: Format,
) -> Response {
    let wish = match heard {
        Heard::Wish(wish) => wish,
        Heard::Reply(Reply::Problem {
            understood,
            nearest,
            ..
        }) => {
            return trouble_with(
                StatusCode::UNPROCESSABLE_ENTITY,
                "not_understood",
                &understood,
                json!({ "nearest": nearest }),
            );
        }
        Heard::Reply(_)
        | Heard::List(_)
        | Heard::Opinion(_)
        | Heard::Order(_)
        | Heard::Tasks(_)
        | Heard::Seek(_)
        | Heard::Measure(_)
        | Heard::OnCall => {
            return trouble(StatusCode::NOT_FOUND, "not_found", "nothing lives here");
        }
    };
    let is_new = matches!(wish, Wish::Begin { .. } | Wish::Announce(_));
    match shared.fulfil(wish, by, ANSWER_LIMIT).await {
        None => trouble(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_answer",
            "it may or may not have been done; look before you try again",
        ),
        Some(Err(Refused { is_missing, words })) => {
            let (status, code) = if is_missing {
                (StatusCode::NOT_FOUND, "not_there")
            } else {
                (StatusCode::UNPROCESSABLE_ENTITY, "refused")
            };
            trouble(status, code, &words)
        }
        Some(Ok(done)) => {
            let is_known = matches!(&done, Done::Announced(announced) if announced.is_repeat);
            let status = if is_new && !is_known {
                StatusCode::CREATED
            } else {
                StatusCode::OK
            };
            let answer = match format {
                Format::Json => Json(planned::json_done(&done)).into_response(),
                Format::Text => {
                    let (now, zone) = (shared.clock.now().at, shared.plan.load().server.timezone);
                    text(&planned::done(&done, now, zone, "hekate"))
                }
            };
            (status, answer).into_response()
        }
    }
}

/// Whoever calls, as they call themselves.
pub(super) fn person(name: Option<&str>) -> Person {
    let name = clean(name.unwrap_or_default(), NAME_MAX);
    Person {
        name: if name.is_empty() {
            String::from("somebody with access to the API")
        } else {
            name
        },
        slack_user: None,
    }
}

/// How the answer should look, and what the body says.
pub(super) fn both<T: DeserializeOwned>(
    asked: Queried,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Format, T), Box<Response>> {
    let Query(asked) = asked.map_err(|rejection| Box::new(bad_query(&rejection)))?;
    Ok((asked.format, read(headers, body)?))
}

fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Box<Response>> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Box::new(trouble(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "json_wanted",
            "the body has to be JSON and to say so: Content-Type: application/json",
        )));
    }
    let body = if body.trim_ascii().is_empty() {
        b"{}"
    } else {
        body
    };
    serde_json::from_slice(body).map_err(|error| {
        let why = format!(
            "the body is not what is wanted: {}",
            clean(&error.to_string(), WORDS_MAX)
        );
        Box::new(trouble(StatusCode::BAD_REQUEST, "bad_body", &why))
    })
}

pub(super) fn text(sentences: &[String]) -> Response {
    let mut text = sentences.join("\n");
    text.push('\n');
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

pub(super) fn bad_query(rejection: &QueryRejection) -> Response {
    trouble(StatusCode::BAD_REQUEST, "bad_query", &rejection.body_text())
}

#[cfg(test)]
pub(super) mod tests;
