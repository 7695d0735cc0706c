//! Whether a request really comes from Slack.
//!
//! Source: <https://docs.slack.dev/authentication/verifying-requests-from-slack>.

mod replay;
#[cfg(test)]
mod tests;

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

use crate::model::{Secret, Timestamp};

pub use replay::ReplayCache;

/// How far a request's own time may be from ours, to either side.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// The longest header that is looked at; a real one has 10 digits.
const TIMESTAMP_DIGITS_MAX: usize = 12;

/// Why a request is not believed; for logs and metrics only, as the sender is told nothing but 401.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Rejected {
    /// There is no secret to check with.
    #[error("no signing secret is configured")]
    NoSecret,
    /// `X-Slack-Request-Timestamp` is missing or no number.
    #[error("the timestamp header is missing or no number")]
    Timestamp,
    /// It was signed too long ago, or in the future.
    #[error("it was signed more than 300 s from now")]
    Stale,
    /// `X-Slack-Signature` is missing or has not the form `v0=` and 64 lower-case hexadecimal digits.
    #[error("the signature header is missing or malformed")]
    Malformed,
    /// It was signed with another secret, or for another body.
    #[error("the signature does not match")]
    Mismatch,
}

/// Whether one of the secrets has signed this body at this time, at most 300 s from now.
///
/// `body` is the raw one, before any parsing. Two secrets at once let one be rotated without a gap; empty ones are never
/// used. The comparison takes the same time wherever the difference is.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn verify(
    secrets: &[Secret],
    timestamp_header: Option<&str>,
    signature_header: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Rejected> {
    let timestamp = timestamp_header.ok_or(Rejected::Timestamp)?;
    let signed_at = parse_timestamp(timestamp).ok_or(Rejected::Timestamp)?;
    // Whole seconds on both sides, as Slack counts.
    if now.as_seconds().abs_diff(signed_at) > TOLERANCE.as_secs() {
        return Err(Rejected::Stale);
    }
    let claimed = signature_header
        .and_then(parse_signature)
        .ok_or(Rejected::Malformed)?;
    let mut usable = secrets
        .iter()
        .filter(|secret| !secret.expose().is_empty())
        .peekable();
    if usable.peek().is_none() {
        return Err(Rejected::NoSecret);
    }
    // Every secret is tried, so that the time does not tell which one is the newer.
    let matches = usable.fold(false, |found, secret| {
        mac(secret, timestamp, body).verify_slice(&claimed).is_ok() | found
    });
    if matches {
        Ok(())
    } else {
        Err(Rejected::Mismatch)
    }
}

/// The signature that Slack would send for this body, for tests and for the preview.
pub fn sign(secret: &Secret, timestamp: &str, body: &[u8]) -> String {
    let bytes = mac(secret, timestamp, body).finalize().into_bytes();
    let mut out = String::with_capacity(3 + bytes.len() * 2);
    out.push_str("v0=");
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    out
}

fn mac(secret: &Secret, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body);
    mac
}

/// Digits alone: no sign, no blank, no fraction.
fn parse_timestamp(header: &str) -> Option<i64> {
    let is_number = !header.is_empty()
        && header.len() <= TIMESTAMP_DIGITS_MAX
        && header.bytes().all(|b| b.is_ascii_digit());
    if is_number { header.parse().ok() } else { None }
}

/// Lower case alone, so that one signature has one form and a repeat is known as such.
fn parse_signature(header: &str) -> Option<[u8; 32]> {
    let hex = header.strip_prefix("v0=")?.as_bytes();
    if hex.len() != 64 {
        return None;
    }
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(out)
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
