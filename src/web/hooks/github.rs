//! What GitHub sends.
//!
//! Source: <https://docs.github.com/en/webhooks/webhook-events-and-payloads> (`release`, `deployment_status`), and
//! <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::{Release, Told, short, some_text, text, wanted, who};
use crate::model::{Secret, text::clean};

/// Whether this is `sha256=` and the HMAC of the body, in hexadecimal digits; takes the same time wherever the difference is.
pub(super) fn is_signed(secret: &Secret, signature: &str, body: &[u8]) -> bool {
    let Some(given) = signature.strip_prefix("sha256=").and_then(bytes_of) else {
        return false;
    };
    let key = secret.expose().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(body);
    mac.verify_slice(&given).is_ok()
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok())
        .collect()
}

pub(super) fn read(event: &str, body: &Value) -> Result<Told, String> {
    match event {
        "release" => release(body),
        "deployment_status" => deployment(body),
        "ping" => Ok(Told::Nothing(String::from("the webhook works"))),
        other => Ok(Told::Nothing(format!(
            "`{}` is no event that tells of a release; choose Releases or Deployment statuses",
            clean(other, 40)
        ))),
    }
}

fn release(body: &Value) -> Result<Told, String> {
    let action = text(body, "/action");
    if action != "published" {
        let action = clean(&action, 40);
        return Ok(Told::Nothing(format!(
            "the release was {action}, not published"
        )));
    }
    let project = wanted(body, &["/repository/full_name"])?;
    let id = wanted(body, &["/release/id"])?;
    Ok(Told::Release(Box::new(Release {
        key: format!("github release {id}"),
        project,
        environment: None,
        version: wanted(body, &["/release/tag_name"])?,
        by: who(
            &some_text(body, &["/release/author/login", "/sender/login"]).unwrap_or_default(),
            "GitHub",
        ),
        notes: text(body, "/release/body"),
        url: some_text(body, &["/release/html_url"]),
    })))
}

fn deployment(body: &Value) -> Result<Told, String> {
    let state = text(body, "/deployment_status/state");
    if state != "success" {
        let state = clean(&state, 40);
        return Ok(Told::Nothing(format!(
            "the deployment is `{state}`, not `success`"
        )));
    }
    let project = wanted(body, &["/repository/full_name"])?;
    let id = wanted(body, &["/deployment/id"])?;
    Ok(Told::Release(Box::new(Release {
        key: format!("github deployment {id}"),
        project,
        environment: some_text(
            body,
            &["/deployment_status/environment", "/deployment/environment"],
        ),
        version: short(&wanted(body, &["/deployment/ref", "/deployment/sha"])?),
        by: who(
            &some_text(body, &["/deployment/creator/login", "/sender/login"]).unwrap_or_default(),
            "GitHub",
        ),
        notes: text(body, "/deployment/description"),
        url: some_text(
            body,
            &[
                "/deployment_status/target_url",
                "/deployment_status/log_url",
                "/repository/html_url",
            ],
        ),
    })))
}
