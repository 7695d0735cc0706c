//! Understands what a health endpoint answered.

use crate::model::{
    Detail, Failure, FailureClass, FailureKind, Family, Outcome, plan::HealthQuestion,
};

/// What is asked for: JSON before text.
pub const ACCEPT: &str =
    "application/health+json, application/json;q=0.9, text/plain;q=0.5, */*;q=0.1";

/// What came back over HTTP.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Location`.
    pub location: Option<&'a str>,
    /// `Server`.
    pub server: Option<&'a str>,
    /// `Via`.
    pub via: Option<&'a str>,
    /// `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// The body, decompressed.
    pub body: &'a [u8],
    /// Whether the body went on after the cap.
    pub is_cut: bool,
    /// Whether the body could not be decompressed.
    pub is_unreadable: bool,
}

/// What it means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// The outcome.
    pub outcome: Outcome,
    /// The dialect.
    pub family: Option<Family>,
    /// What else is worth telling.
    pub detail: Option<Box<Detail>>,
}

/// Reads by the status alone.
pub fn read(_question: &HealthQuestion, answer: &Answer<'_>) -> Reading {
    let outcome = match answer.status {
        200..300 => Outcome::Healthy,
        status => Outcome::Unhealthy(Failure {
            class: FailureClass::Refused,
            kind: FailureKind::ServerError,
            words: format!("answered {status}"),
        }),
    };
    Reading {
        outcome,
        family: Some(Family::CodeOnly),
        detail: None,
    }
}
