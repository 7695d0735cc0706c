//! Where a late answer goes: only ever to Slack.

use thiserror::Error;
use url::{Host, Url};

use crate::model::Secret;

/// The domains whose hosts are Slack's; the second is for governments.
const DOMAINS: [&str; 2] = [".slack.com", ".slack-gov.com"];
/// The longest address that is looked at.
const LENGTH_MAX: usize = 1_000;

/// An address that takes five answers within 30 minutes. Whoever knows it may answer, so it is a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResponseUrl(Secret);

/// Why an address is not taken for Slack's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BadResponseUrl {
    /// It is no address, or one with characters that readers of addresses disagree about.
    #[error("it is no plain address")]
    Unclear,
    /// It is not `https`.
    #[error("it is not https")]
    Scheme,
    /// It has a user or a password in it.
    #[error("it has a user in it")]
    User,
    /// It names a port of its own.
    #[error("it has a port in it")]
    Port,
    /// Its host is not one of Slack's.
    #[error("its host is not Slack's")]
    Host,
}

impl ResponseUrl {
    /// Takes an address of Slack's: `https`, a host under `slack.com` or `slack-gov.com`, no user, no port.
    ///
    /// # Errors
    ///
    /// If it is anything else, so that a stolen signing secret cannot make us call other hosts.
    pub fn parse(text: &str) -> Result<Self, BadResponseUrl> {
        let url = plain_url(text)?;
        if url.scheme() != "https" {
            return Err(BadResponseUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
            return Err(BadResponseUrl::User);
        }
        if url.port().is_some() {
            return Err(BadResponseUrl::Port);
        }
        match url.host() {
            Some(Host::Domain(host)) if is_slack(host) => Ok(Self(Secret::new(url.as_str()))),
            Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) | None => {
                Err(BadResponseUrl::Host)
            }
        }
    }

    /// As [`ResponseUrl::parse`], and also any address of this origin: for a stand-in of Slack.
    ///
    /// # Errors
    ///
    /// As [`ResponseUrl::parse`].
    pub fn parse_allowing(text: &str, origin: &Url) -> Result<Self, BadResponseUrl> {
        match plain_url(text) {
            Ok(url) if url.origin() == origin.origin() && !text.contains('@') => {
                Ok(Self(Secret::new(url.as_str())))
            }
            Ok(_) | Err(_) => Self::parse(text),
        }
    }

    /// The address, for the one place that calls it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Refuses what one reader takes for one host and the next for another.
fn plain_url(text: &str) -> Result<Url, BadResponseUrl> {
    let is_plain = text.len() <= LENGTH_MAX
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&b));
    if !is_plain {
        return Err(BadResponseUrl::Unclear);
    }
    Url::parse(text).map_err(|_unreadable| BadResponseUrl::Unclear)
}

fn is_slack(host: &str) -> bool {
    DOMAINS.iter().any(|domain| {
        host.strip_suffix(domain)
            .is_some_and(|label| !label.is_empty() && !label.starts_with('.'))
    })
}
