//! Hosts, ports and names that are no whole address of the web.

use std::net::{IpAddr, Ipv6Addr};

use url::{Host, Url};

use super::{Check, values::is_domain};
use crate::{
    config::{
        code::Code,
        decode::At,
        raw::{AddressText, EndpointText},
        report::Problem,
        source::Span,
    },
    model::{text::clean, wire::Endpoint},
};

impl Check<'_> {
    /// A host and a port, with variables filled in; the port may be left out if there is a usual one.
    pub(super) fn endpoint(
        &self,
        at: &At<EndpointText>,
        subject: &str,
        usual_port: Option<u16>,
    ) -> Option<Endpoint> {
        let text = &at.value.as_ref()?.0;
        let span = self.inner(at.span);
        let filled = self.filled(span, text, "address", false)?;
        self.hide_user(span, &filled.text);
        match parsed(filled.text.trim(), usual_port) {
            Ok(endpoint) => Some(endpoint),
            Err(why) => {
                self.report(
                    Problem::new(
                        Code::Address,
                        span,
                        format!("{subject} is not a usable address"),
                    )
                    .label(why)
                    .help(
                        "write host and port: db.internal:5432, 10.0.0.5:6379 or [2001:db8::1]:443",
                    ),
                );
                None
            }
        }
    }

    /// A name or an address.
    pub(super) fn host(&self, at: &At<String>, subject: &str) -> Option<Host<String>> {
        let text = self.text(at, subject)?;
        let host = text
            .parse::<Ipv6Addr>()
            .map(Host::Ipv6)
            .or_else(|_not_v6| host(&text));
        host.map_err(|why| self.no_host(at.span, subject, why)).ok()
    }

    /// A name that a resolver can be asked for, in the letters of DNS.
    pub(super) fn domain(&self, at: &At<String>, subject: &str) -> Option<String> {
        let text = self.text(at, subject)?;
        match host(&text) {
            Ok(Host::Domain(name)) => Some(name.trim_end_matches('.').to_owned()),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => {
                self.no_host(at.span, subject, "this is an address, not a name");
                None
            }
            Err(why) => {
                self.no_host(at.span, subject, why);
                None
            }
        }
    }

    fn no_host(&self, span: Span, subject: &str, why: &str) {
        self.report(
            Problem::new(
                Code::Address,
                span,
                format!("{subject} is not a usable name"),
            )
            .label(why)
            .help("write a name alone, such as db.internal, without scheme, port or path"),
        );
    }

    /// The address of a `WebSocket`.
    pub(super) fn websocket_url(&self, at: &At<AddressText>, subject: &str) -> Option<Url> {
        let text = &at.value.as_ref()?.0;
        let span = self.inner(at.span);
        let filled = self.filled(span, text, "url", false)?;
        let (scheme, rest) = filled.text.split_once("://").unwrap_or(("", &filled.text));
        let alike = match scheme {
            "ws" => "http",
            "wss" => "https",
            other => {
                let why = match other {
                    "https" => "did you mean `wss://`?",
                    "http" => "did you mean `ws://`?",
                    _ => "it should begin with wss:// or ws://",
                };
                self.report(
                    Problem::new(
                        Code::Address,
                        span,
                        format!("{subject} is not a usable address"),
                    )
                    .label(why)
                    .help("an address looks like wss://api.example.test/socket"),
                );
                return None;
            }
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        if authority.contains('@') {
            self.hide_user(span, authority);
            self.report(
                Problem::new(
                    Code::UserInfo,
                    span,
                    format!("{subject} contains a user name or password"),
                )
                .help("send them as a header: `headers: { Authorization: \"${…}\" }`"),
            );
            return None;
        }
        // Everything behind the scheme follows the rules of the web's own addresses.
        let same = format!("{alike}://{rest}");
        let mut url = self.url(span, &same, !filled.has_variables, subject)?;
        url.set_scheme(scheme).ok()?;
        Some(url)
    }

    /// Hides what stands before an `@`: it may be a password.
    fn hide_user(&self, span: Span, text: &str) {
        if let Some((before, _)) = text.rsplit_once('@') {
            let bare = before.rsplit_once("//").map_or(before, |(_, bare)| bare);
            self.findings.hide(self.piece(span, bare));
        }
    }
}

fn parsed(text: &str, usual_port: Option<u16>) -> Result<Endpoint, String> {
    if text.is_empty() {
        return Err(String::from("it is empty"));
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(format!("write it without `{}://`", clean(scheme, 10)));
    }
    if text.contains('@') {
        return Err(String::from("it may not contain a user name"));
    }
    if text.contains(['/', '?', '#']) {
        return Err(String::from("it should end with the port"));
    }
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, after)) if !after.is_empty() && !after.starts_with(':') => {
            return Err(String::from("there is no colon before the port"));
        }
        Some((_, after)) => (&text[..text.len() - after.len()], after.strip_prefix(':')),
        None => match text.rsplit_once(':') {
            Some((before, _)) if before.contains(':') => {
                return Err(String::from("write an IPv6 address in brackets: [::1]:443"));
            }
            Some((before, port)) => (before, Some(port)),
            None => (text, None),
        },
    };
    let port = match (port, usual_port) {
        (Some(port), _) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| format!("`{}` is not a port, 1 to 65535", clean(port, 20)))?,
        (None, Some(usual)) => usual,
        (None, None) => return Err(String::from("the port is missing")),
    };
    Ok(Endpoint {
        host: host(name)?,
        port,
    })
}

fn host(text: &str) -> Result<Host<String>, &'static str> {
    const WRONG: &str = "this is no name of a host";
    match Host::parse(text) {
        Ok(Host::Domain(name)) if is_domain(&name) && name.parse::<IpAddr>().is_err() => {
            Ok(Host::Domain(name))
        }
        Ok(Host::Domain(_)) | Err(_) => Err(WRONG),
        Ok(address) => Ok(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        for (text, expected) in [
            ("db.internal:5432", Ok("db.internal:5432")),
            ("10.0.0.5:1", Ok("10.0.0.5:1")),
            ("[::1]:65535", Ok("[::1]:65535")),
            ("localhost:80", Ok("localhost:80")),
            ("my_db:80", Ok("my_db:80")),
            ("bücher.test:80", Ok("xn--bcher-kva.test:80")),
            ("db.internal", Err("the port is missing")),
            ("[::1]", Err("the port is missing")),
            (
                "::1:80",
                Err("write an IPv6 address in brackets: [::1]:443"),
            ),
            ("db:0", Err("`0` is not a port, 1 to 65535")),
            ("db:65536", Err("`65536` is not a port, 1 to 65535")),
            ("db:http", Err("`http` is not a port, 1 to 65535")),
            ("[::1]80", Err("there is no colon before the port")),
            ("https://db:80", Err("write it without `https://`")),
            ("db:80/x", Err("it should end with the port")),
            ("me@db:80", Err("it may not contain a user name")),
            ("d b:80", Err("this is no name of a host")),
            (":80", Err("this is no name of a host")),
            ("", Err("it is empty")),
        ] {
            let found = parsed(text, None).map(|endpoint| endpoint.to_string());
            assert_eq!(
                found,
                expected.map(str::to_owned).map_err(str::to_owned),
                "{text}"
            );
        }
        let usual = parsed("api.test", Some(443)).unwrap();
        assert_eq!(usual.to_string(), "api.test:443");
    }
}
