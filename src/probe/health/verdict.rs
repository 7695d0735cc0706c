//! Code and body together: the table of what an answer means.

use crate::model::{
    ComponentState, Degradation, DegradationKind, Failure, FailureClass, FailureKind, Gap, GapKind,
    Outcome, plan::HealthQuestion,
};

use super::{
    Answer,
    body::{Body, Meaning},
    parts::{Basis, Said},
    phrase, proxy, vocabulary,
};

/// What the answer means, if no rule of the file decides.
pub(super) fn decide(question: &HealthQuestion, answer: &Answer<'_>, body: &Body<'_>) -> Outcome {
    match answer.status {
        200..=299 => with_good_code(answer, body),
        300..=399 => redirected(question, answer),
        401 | 403 => gap(
            GapKind::NotAuthorised,
            format!("HTTP {}, we are not let in", answer.status),
        ),
        // A proxy or a network that wants us to log in stands between us and the target.
        407 | 511 => gap(
            GapKind::NotAuthorised,
            format!("HTTP {}, something on the way wants a login", answer.status),
        ),
        501 if body.is_without_checks => gap(
            GapKind::NotConfigured,
            "HTTP 501, the application has no health checks registered".to_owned(),
        ),
        404 => failure(
            FailureKind::NotFound,
            "HTTP 404, there is nothing at this path".to_owned(),
        ),
        405 | 501 => failure(
            FailureKind::NotFound,
            format!("HTTP {}, this path does not answer GET", answer.status),
        ),
        429 => degraded(DegradationKind::Throttled, phrase::throttled(answer, body)),
        _ => with_bad_code(answer, body),
    }
}

fn with_good_code(answer: &Answer<'_>, body: &Body<'_>) -> Outcome {
    match &body.meaning {
        Meaning::Says(said) => in_spite_of_code(answer, body, said).unwrap_or_else(|| good(body)),
        Meaning::Silent => Outcome::Healthy,
        Meaning::Broken(why) => degraded(
            DegradationKind::BrokenBody,
            format!("HTTP {}, but {why}", answer.status),
        ),
        Meaning::Foreign(why) => degraded(
            DegradationKind::OtherFormat,
            format!("HTTP {}, but {why}", answer.status),
        ),
    }
}

/// Code and body both say that it works; the components may know better.
fn good(body: &Body<'_>) -> Outcome {
    let parts = &body.parts;
    // A component that knows nothing of itself spoils nothing, unless it is one that matters.
    if parts.worst > ComponentState::Unknown || parts.critical_part.is_some() {
        return degraded(DegradationKind::Component, phrase::components(parts));
    }
    Outcome::Healthy
}

fn with_bad_code(answer: &Answer<'_>, body: &Body<'_>) -> Outcome {
    match &body.meaning {
        // A bad code with a word that nobody knows: no contradiction, and nothing that softens the code.
        Meaning::Says(said) if said.basis != Basis::Foreign => in_spite_of_code(answer, body, said)
            .unwrap_or_else(|| {
                degraded(
                    DegradationKind::Contradiction,
                    format!("HTTP {}, but the body says {}", answer.status, said.shown()),
                )
            }),
        Meaning::Says(_) | Meaning::Silent | Meaning::Broken(_) | Meaning::Foreign(_) => {
            by_code(answer, body)
        }
    }
}

/// What a body means whatever the code beside it; nothing if it says that all is well.
fn in_spite_of_code(answer: &Answer<'_>, body: &Body<'_>, said: &Said<'_>) -> Option<Outcome> {
    let parts = &body.parts;
    if let Some(part) = parts.critical_down() {
        return Some(Outcome::Unhealthy(Failure {
            class: FailureClass::Explicit,
            kind: FailureKind::CriticalComponent,
            words: phrase::component(part, parts),
        }));
    }
    match said.state {
        ComponentState::Up => None,
        ComponentState::Unknown => Some(gap(
            GapKind::SaysUnknown,
            phrase::says(answer.status, said, body),
        )),
        ComponentState::Degraded if vocabulary::is_throttled(said.word) => Some(degraded(
            DegradationKind::Throttled,
            phrase::says(answer.status, said, body),
        )),
        ComponentState::Degraded if said.basis == Basis::Components => Some(degraded(
            DegradationKind::Component,
            phrase::components(parts),
        )),
        ComponentState::Degraded => Some(degraded(
            DegradationKind::SaysDegraded,
            phrase::says(answer.status, said, body),
        )),
        ComponentState::PlannedDown | ComponentState::Down if parts.is_down_without_critical() => {
            Some(degraded(
                DegradationKind::Component,
                phrase::components(parts),
            ))
        }
        ComponentState::PlannedDown | ComponentState::Down => Some(Outcome::Unhealthy(Failure {
            class: FailureClass::Explicit,
            kind: FailureKind::SaysDown,
            words: phrase::says(answer.status, said, body),
        })),
    }
}

/// What a code means with a body that says nothing about health.
fn by_code(answer: &Answer<'_>, body: &Body<'_>) -> Outcome {
    let kind = match answer.status {
        // 520 to 530 are Cloudflare's own words for an origin that it cannot reach.
        502 | 504 | 520..=530 => FailureKind::ProxyError,
        503 if proxy::has_answered(answer, body.remains) => FailureKind::ProxyError,
        400..=499 => FailureKind::ClientError,
        _ => FailureKind::ServerError,
    };
    failure(kind, phrase::by_code(kind, answer, body))
}

fn redirected(question: &HealthQuestion, answer: &Answer<'_>) -> Outcome {
    let Some(location) = answer.location else {
        return degraded(
            DegradationKind::Redirected,
            format!("HTTP {}, a redirect that names no place", answer.status),
        );
    };
    let place = super::place::Place::of(&question.url, location);
    if place.is_login {
        return gap(
            GapKind::NotAuthorised,
            format!(
                "HTTP {}, redirected to a login page: {}",
                answer.status, place.shown
            ),
        );
    }
    degraded(
        DegradationKind::Redirected,
        format!("HTTP {}, redirected to {}", answer.status, place.shown),
    )
}

fn degraded(kind: DegradationKind, words: String) -> Outcome {
    Outcome::Degraded(Degradation {
        kind,
        words: phrase::capped(words),
    })
}

fn failure(kind: FailureKind, words: String) -> Outcome {
    Outcome::Unhealthy(Failure {
        class: FailureClass::Refused,
        kind,
        words: phrase::capped(words),
    })
}

fn gap(kind: GapKind, words: String) -> Outcome {
    Outcome::Unobservable(Gap {
        kind,
        words: phrase::capped(words),
    })
}
