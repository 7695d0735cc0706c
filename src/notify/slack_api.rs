//! Calls to Slack that are no messages to a channel: methods of its API, and answers to a person that come late.

use std::time::Duration;

use reqwest::{Response, header};

use crate::model::{Delivery, Secret, Timestamp};

use super::{
    answer,
    sender::{Sender, beginning, failed, reading},
};

/// How long a late answer may take; somebody looks at the screen and waits for it.
const RESPONDED_WITHIN: Duration = Duration::from_secs(5);

/// What a method answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// The status of HTTP.
    pub status: u16,
    /// How long Slack wants to be left alone, if it says so.
    pub after: Option<Duration>,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// What a method that only reads answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heard {
    /// The status of HTTP.
    pub status: u16,
    /// The rights of the token, if Slack says them.
    pub scopes: Option<Vec<String>>,
    /// The body, or as much of it as is taken.
    pub body: Vec<u8>,
}

/// A page of a thousand channels has less.
const HEARD_BYTES_MAX: usize = 8 * 1024 * 1024;

impl Sender {
    /// Calls a method without arguments, once, within 10 s; `now` is for a `Retry-After` that is a date.
    ///
    /// # Errors
    ///
    /// Why there is no answer, in words without the address and the token.
    pub async fn call(&self, method: &str, token: &Secret, now: Timestamp) -> Result<Said, String> {
        let request = self
            .client
            .post(method)
            .bearer_auth(token.expose())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("");
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let after = after(&response, now);
                let (body, _is_whole) = beginning(response).await;
                Ok(Said {
                    status,
                    after,
                    body,
                })
            }
            Err(error) => match failed(error) {
                Delivery::Retry { why, .. }
                | Delivery::Unsure { why }
                | Delivery::Refused { why, .. } => Err(why),
                Delivery::Accepted | Delivery::Posted(_) => Err(String::from("no answer")),
            },
        }
    }

    /// Asks a method that only reads, once, within 10 s.
    ///
    /// # Errors
    ///
    /// Why there is no answer, in words without the address and the token.
    pub async fn question(
        &self,
        method: &str,
        token: &Secret,
        pairs: &[(&str, &str)],
    ) -> Result<Heard, String> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        let request = self
            .client
            .post(method)
            .bearer_auth(token.expose())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.finish());
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let scopes = response.headers().get("x-oauth-scopes");
                let scopes = scopes.and_then(|scopes| scopes.to_str().ok());
                let scopes = scopes
                    .map(|scopes| scopes.split(',').map(|one| one.trim().to_owned()).collect());
                let (body, _is_whole) = reading(response, HEARD_BYTES_MAX).await;
                Ok(Heard {
                    status,
                    scopes,
                    body,
                })
            }
            Err(error) => match failed(error) {
                Delivery::Retry { why, .. }
                | Delivery::Unsure { why }
                | Delivery::Refused { why, .. } => Err(why),
                Delivery::Accepted | Delivery::Posted(_) => Err(String::from("no answer")),
            },
        }
    }

    /// Posts a late answer to the address that came with the question, once, within 5 s.
    pub async fn respond(&self, url: &str, body: Vec<u8>, now: Timestamp) -> Delivery {
        let request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .timeout(RESPONDED_WITHIN)
            .body(body);
        match request.send().await {
            Ok(response) => answer::of_signed(response.status().as_u16(), after(&response, now)),
            Err(error) => failed(error),
        }
    }
}

pub(super) fn after(response: &Response, now: Timestamp) -> Option<Duration> {
    let header = |name| response.headers().get(name)?.to_str().ok();
    header(header::RETRY_AFTER).and_then(|wait| answer::wait_of(wait, header(header::DATE), now))
}
