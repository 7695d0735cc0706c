//! Slack's methods: where they are, and what they answer.
//!
//! Source: <https://docs.slack.dev/reference/methods/apps.connections.open>.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use url::{Host, Url};

use super::command::{BadResponseUrl, ResponseUrl};
use crate::model::Secret;

/// The method that gives the address of a connection.
pub const CONNECTIONS_OPEN: &str = "apps.connections.open";

/// Slack's own domains; the second is for governments.
const DOMAINS: [&str; 2] = ["slack.com", "slack-gov.com"];
/// How long is waited when Slack asks for a slower pace and does not say which.
const USUAL_WAIT: Duration = Duration::from_secs(30);
/// The longest word of an error that is repeated.
const CODE_MAX: usize = 40;

/// Where Slack is: tokens go there and nowhere else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Base {
    url: Url,
    /// Whether it is a stand-in of Slack on this machine.
    is_stand_in: bool,
}

/// An address that is not Slack's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the address is not Slack's")]
pub struct NotSlack;

impl Base {
    /// Takes `https` and a host of Slack's, or a stand-in on this machine.
    ///
    /// # Errors
    ///
    /// If it is anything else, so that no token ever leaves for another host.
    pub fn parse(text: &str) -> Result<Self, NotSlack> {
        let url = Url::parse(text).map_err(|_unreadable| NotSlack)?;
        let is_stand_in = is_loopback(&url) && matches!(url.scheme(), "http" | "https");
        let is_slack = url.scheme() == "https" && is_of_slack(&url);
        if is_slack || is_stand_in {
            Ok(Self { url, is_stand_in })
        } else {
            Err(NotSlack)
        }
    }

    /// The address of a method.
    pub fn method(&self, name: &str) -> String {
        let base = self.url.as_str().trim_end_matches('/');
        format!("{base}/api/{name}")
    }

    /// Takes an address of a connection that Slack gave: `wss` and a host of Slack's; of a stand-in also `ws` on this machine.
    ///
    /// # Errors
    ///
    /// If it is anything else.
    pub fn connection(&self, address: &Secret) -> Result<Url, NotSlack> {
        let url = Url::parse(address.expose()).map_err(|_unreadable| NotSlack)?;
        let is_own = self.is_stand_in && is_loopback(&url) && url.scheme() == "ws";
        if is_own || (url.scheme() == "wss" && is_of_slack(&url)) {
            Ok(url)
        } else {
            Err(NotSlack)
        }
    }

    /// Takes an address for late answers; a stand-in may give addresses of its own.
    ///
    /// # Errors
    ///
    /// If it is neither Slack's nor the stand-in's.
    pub fn response_url(&self, text: &str) -> Result<ResponseUrl, BadResponseUrl> {
        if self.is_stand_in {
            ResponseUrl::parse_allowing(text, &self.url)
        } else {
            ResponseUrl::parse(text)
        }
    }
}

fn is_of_slack(url: &Url) -> bool {
    let is_plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    is_plain
        && url.host_str().is_some_and(|host| {
            DOMAINS.iter().any(|domain| {
                host.strip_suffix(domain)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
        })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What came of the wish for a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Opened {
    /// Its address; whoever knows it can be us, once.
    Address(Secret),
    /// No, and asking again will not help: the error, for people.
    Refused(String),
    /// Not so fast.
    Throttled {
        /// How long Slack wants to be left alone.
        after: Duration,
    },
    /// No, for a reason that may pass.
    Failed(String),
}

/// What Slack says to [`CONNECTIONS_OPEN`] with this status, the wait that it asks for, and the beginning of its body.
///
/// Nothing of a body is repeated but what looks like one of Slack's words.
pub fn opened(status: u16, after: Option<Duration>, body: &[u8]) -> Opened {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    if status == 200 && answer["ok"] == true {
        return match answer["url"].as_str() {
            Some(url) => Opened::Address(Secret::new(url)),
            None => Opened::Failed(String::from("Slack said ok, but gave no address")),
        };
    }
    let code = answer["error"].as_str().filter(|code| is_word(code));
    if status == 429 || matches!(code, Some("ratelimited" | "rate_limited")) {
        return Opened::Throttled {
            after: after.unwrap_or(USUAL_WAIT),
        };
    }
    let Some(code) = code else {
        return Opened::Failed(format!("HTTP {status}, and no answer of Slack's"));
    };
    match PERMANENT.iter().find(|(known, _)| *known == code) {
        Some((code, meaning)) => Opened::Refused(format!("{code}: {meaning}")),
        None => Opened::Failed(code.to_owned()),
    }
}

fn is_word(code: &str) -> bool {
    (1..=CODE_MAX).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The errors that no second attempt heals, and what they mean for whoever has to repair it.
const PERMANENT: &[(&str, &str)] = &[
    ("access_denied", "the app may not do this"),
    (
        "account_inactive",
        "the token's owner or workspace was deleted",
    ),
    (
        "enterprise_is_restricted",
        "the token does not work in this organisation",
    ),
    (
        "forbidden_team",
        "the app may not connect for this workspace",
    ),
    (
        "invalid_auth",
        "the token is wrong, or calls from this address are not allowed",
    ),
    ("missing_scope", "the token lacks `connections:write`"),
    ("no_permission", "the token lacks `connections:write`"),
    (
        "not_allowed_token_type",
        "this is another kind of token; an app-level token begins with `xapp-`",
    ),
    ("not_authed", "no token arrived"),
    (
        "team_access_not_granted",
        "the token was not given access to the workspace",
    ),
    ("team_disabled", "the workspace is disabled"),
    ("token_expired", "the token has expired"),
    ("token_revoked", "the token was revoked"),
    (
        "two_factor_setup_required",
        "the token's owner has to set up two-factor authentication",
    ),
    (
        "user_removed_from_team",
        "the token's owner was removed from the workspace",
    ),
];
