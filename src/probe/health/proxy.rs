//! Who answered: the application, or something in front of it.

use super::{Answer, contains_ignoring_case, mask::shown};

/// The most characters of a proxy's name.
const NAME_MAX: usize = 40;

/// What load balancers, proxies and networks for content call themselves in `Server`; any part of it counts.
/// Left out is what runs applications as well as it stands in front of them and cannot be told apart, such as Jetty.
const NAMES: [&str; 27] = [
    "akamai",
    "apache",
    "apisix",
    "awselb",
    "azure",
    "big-ip",
    "bunnycdn",
    "caddy",
    "cloudflare",
    "cloudfront",
    "cowboy",
    "envoy",
    "fastly",
    "fly/",
    "gfe",
    "google frontend",
    "haproxy",
    "httpapi",
    "iis",
    "kong",
    "nginx",
    "openresty",
    "pingora",
    "squid",
    "tengine",
    "traefik",
    "varnish",
];

/// How proxies begin when they answer in plain text for an application that they cannot reach, in lower case.
/// Source: the texts of Envoy and Traefik.
const TEXT_STARTS: [&str; 3] = [
    "no available server",
    "no healthy upstream",
    "upstream connect error",
];

/// What kind of body an answer has that says nothing about health.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Remains<'a> {
    /// No body.
    Nothing,
    /// A page.
    Page,
    /// Some text.
    Text(&'a str),
    /// Something that only an application sends.
    Structured,
}

/// Whether a 503 with such a body came from something in front of the application.
pub(super) fn has_answered(answer: &Answer<'_>, remains: Remains<'_>) -> bool {
    let is_bare = match remains {
        Remains::Structured => return false,
        Remains::Text(text) => {
            return TEXT_STARTS.iter().any(|start| {
                text.get(..start.len())
                    .is_some_and(|text| text.eq_ignore_ascii_case(start))
            });
        }
        Remains::Nothing => true,
        Remains::Page => false,
    };
    match answer.server {
        Some(server) => NAMES
            .iter()
            .any(|name| contains_ignoring_case(server, name)),
        // HAProxy and others send a page without their name; nothing at all could be anybody.
        None => answer.via.is_some() || !is_bare,
    }
}

/// The name of what answered, without its version: from `Server`, else the nearest in `Via`.
pub(super) fn name(answer: &Answer<'_>) -> Option<String> {
    let name = match (answer.server, answer.via) {
        (Some(server), _) => server.split(['/', ' ']).next(),
        // `1.1 varnish (Varnish/7.1)`: the protocol, then who received it; the nearest is the last.
        (None, Some(via)) => via
            .rsplit(',')
            .next()
            .and_then(|hop| hop.split_whitespace().nth(1)),
        (None, None) => None,
    };
    name.map(|name| shown(name, NAME_MAX))
        .filter(|name| !name.is_empty())
}
