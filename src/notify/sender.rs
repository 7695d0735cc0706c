//! Carries out one attempt to deliver one message.
//!
//! What matters most about an attempt that failed is whether the message may have arrived. Everything up to the first
//! byte of the request (address, connection, TLS) certainly kept it here; everything after it, a lost answer above all,
//! leaves it open, and the next attempt has to say so.

use std::{error::Error, io, time::Duration};

use reqwest::{Client, Response, StatusCode, header, redirect, retry};

use crate::model::{Delivery, Secret, Timestamp, plan::Destination, text};

use super::{answer, signed};

/// Slack asks clients to wait; ten seconds is what a slow day of its needs. Above it a channel would stand still.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Name, connection and TLS together.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// More of an answer is not read: Slack's longest is one line.
const ANSWER_BYTES_MAX: usize = 8 * 1024;

/// One message, ready to leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payload {
    /// Names the message for a receiver of signed webhooks, see [`signed::id_of`].
    pub id: String,
    /// When this attempt begins; signed webhooks carry it.
    pub sent_at: Timestamp,
    /// JSON.
    pub body: Vec<u8>,
}

/// Why there is no sender.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// No TLS implementation was chosen for this process.
    #[error("no TLS provider is installed in this process")]
    NoTlsProvider,
    /// The HTTP client cannot be made, as on a machine without root certificates.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// The way out of the house for messages: one client, no redirects, no proxy of the environment, nothing cached.
#[derive(Clone, Debug)]
pub struct Sender {
    pub(super) client: Client,
}

impl Sender {
    /// Makes the client. It trusts the machine's root certificates.
    ///
    /// # Errors
    ///
    /// If no rustls provider is installed as the default of the process, or the roots cannot be read.
    pub fn new() -> Result<Self, SenderError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(SenderError::NoTlsProvider);
        }
        let client = Client::builder()
            .user_agent(concat!("hekate/", env!("CARGO_PKG_VERSION")))
            .timeout(ANSWER_WITHIN)
            .connect_timeout(CONNECT_WITHIN)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .no_gzip()
            .referer(false)
            // A kept connection may be closed by the other side in the moment it is used again; then nobody knows
            // whether the message arrived. At one message a second a new one costs little.
            .pool_max_idle_per_host(0)
            .http1_only()
            .build()
            .map_err(|error| SenderError::Client(error.without_url().to_string()))?;
        Ok(Self { client })
    }

    /// Sends once and says what became of it, within 10 s.
    pub async fn deliver(&self, destination: &Destination, payload: &Payload) -> Delivery {
        let request = match destination {
            Destination::SlackWebhook { url } => self.client.post(url.expose()),
            Destination::SlackBot { .. } => {
                return Delivery::Refused {
                    why: String::from("a bot delivers by an errand"),
                    is_malformed: false,
                };
            }
            Destination::SignedWebhook { url, secret } => {
                let timestamp = payload.sent_at.as_seconds();
                let signature = signed::signature(secret, &payload.id, timestamp, &payload.body);
                self.client
                    .post(url.expose())
                    .header("webhook-id", &payload.id)
                    .header("webhook-timestamp", timestamp)
                    .header("webhook-signature", signature)
            }
        };
        let sent = request
            .header(header::CONTENT_TYPE, "application/json")
            .body(payload.body.clone())
            .send()
            .await;
        match sent {
            Ok(response) => judged(destination, payload, response).await,
            Err(error) => failed(error),
        }
    }

    /// Posts a text, or gets if the other side does not take posts; fine is every 2xx.
    ///
    /// # Errors
    ///
    /// Why not, in words without the address.
    pub(super) async fn ping(&self, url: &Secret, body: String) -> Result<(), String> {
        let posted = self.client.post(url.expose()).body(body).send().await;
        let answered = match posted {
            Ok(response) if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
                self.client.get(url.expose()).send().await
            }
            other => other,
        };
        match answered {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(format!("HTTP {}", response.status().as_u16())),
            Err(error) => match failed(error) {
                Delivery::Retry { why, .. }
                | Delivery::Unsure { why }
                | Delivery::Refused { why, .. } => Err(why),
                Delivery::Accepted | Delivery::Posted(_) => Ok(()),
            },
        }
    }
}

async fn judged(destination: &Destination, payload: &Payload, response: Response) -> Delivery {
    let status = response.status().as_u16();
    let header = |name| response.headers().get(name)?.to_str().ok();
    let after = header(header::RETRY_AFTER)
        .and_then(|wait| answer::wait_of(wait, header(header::DATE), payload.sent_at));
    match destination {
        Destination::SignedWebhook { .. } => answer::of_signed(status, after),
        Destination::SlackWebhook { .. } | Destination::SlackBot { .. } => {
            let (body, is_whole) = beginning(response).await;
            // Any other status says enough without the body.
            if !is_whole && (200..300).contains(&status) {
                return Delivery::Unsure {
                    why: format!("HTTP {status}, but the answer was cut off"),
                };
            }
            answer::of_slack(status, after, &body)
        }
    }
}

/// The first bytes of a body, and whether they came without a fault.
pub(super) async fn beginning(response: Response) -> (Vec<u8>, bool) {
    reading(response, ANSWER_BYTES_MAX).await
}

/// At most so many bytes of a body, and whether they came without a fault.
pub(super) async fn reading(mut response: Response, bytes_max: usize) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = bytes_max - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if body.len() == bytes_max {
                    return (body, true);
                }
            }
            Ok(None) => return (body, true),
            Err(_) => return (body, false),
        }
    }
}

/// What an attempt without an answer means.
pub(super) fn failed(error: reqwest::Error) -> Delivery {
    // Its text carries the whole address otherwise.
    let error = error.without_url();
    if error.is_builder() {
        return Delivery::Refused {
            why: String::from("its address cannot be used"),
            is_malformed: false,
        };
    }
    if error.is_connect() {
        return Delivery::Retry {
            after: None,
            is_throttled: false,
            why: no_connection(&error),
        };
    }
    Delivery::Unsure {
        why: if error.is_timeout() {
            format!("no answer within {} s", ANSWER_WITHIN.as_secs())
        } else {
            String::from("the connection broke before an answer came")
        },
    }
}

fn no_connection(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no connection within {} s", CONNECT_WITHIN.as_secs());
    }
    if error.is_dns() {
        return String::from("its name was not found");
    }
    if let Some(tls) = tls_fault(error) {
        return format!("TLS failed: {}", text::clean(&tls.to_string(), 200));
    }
    let mut cause: &(dyn Error + 'static) = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    match cause.downcast_ref::<io::Error>() {
        Some(fault) if fault.kind() == io::ErrorKind::ConnectionRefused => {
            String::from("connection refused")
        }
        Some(fault) => format!("no connection: {}", text::clean(&fault.to_string(), 200)),
        None => String::from("no connection"),
    }
}

/// The TLS error among the causes; it likes to hide inside of I/O errors, which do not name it as their source.
fn tls_fault<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    let inside = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
        .and_then(|inside| tls_fault(inside));
    inside.or_else(|| tls_fault(error.source()?))
}
