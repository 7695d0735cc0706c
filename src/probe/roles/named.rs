//! From names and addresses, as they stand where roles are read, to members.

use std::net::IpAddr;

use url::Url;

use crate::model::{roles::Member, text::clean};

use super::Said;

/// Of a name that is no member's so many characters are shown.
const SHOWN_MAX: usize = 60;

/// The member that is called so.
pub(super) fn by_name(members: &[Member], name: &str) -> Option<u16> {
    let position = |is_meant: &dyn Fn(&Member) -> bool| {
        let found = members.iter().position(is_meant)?;
        u16::try_from(found).ok()
    };
    position(&|member| member.called == name).or_else(|| position(&|member| member.name == name))
}

/// The member at this host and port; without a port, the only one at this host.
pub(super) fn by_address(members: &[Member], host: &str, port: Option<u16>) -> Option<u16> {
    let mut found = (0_u16..).zip(members).filter(|(_, member)| {
        member.address.as_ref().is_some_and(|(its_host, its_port)| {
            is_same_host(its_host, host) && port.is_none_or(|port| port == *its_port)
        })
    });
    match (found.next(), found.next()) {
        (Some((position, _)), None) => Some(position),
        (Some(_) | None, _) => None,
    }
}

/// The member that this text means: its name, `host:port`, a host, or an address with a scheme.
pub(super) fn by_any(members: &[Member], text: &str) -> Option<u16> {
    // Some editors begin a file with a mark of its encoding.
    let text = text.trim_start_matches('\u{feff}').trim();
    by_name(members, text).or_else(|| {
        if text.contains("://") {
            return by_url(members, text);
        }
        let (host, port) = host_and_port(text);
        by_name(members, host).or_else(|| by_address(members, host, port))
    })
}

/// The member at the address of this URL.
pub(super) fn by_url(members: &[Member], text: &str) -> Option<u16> {
    let url: Url = text.parse().ok()?;
    let host = url.host_str()?;
    by_address(members, host, url.port_or_known_default()).or_else(|| by_name(members, host))
}

/// As [`by_any`], or the sentence that it is nobody's.
pub(super) fn one(members: &[Member], text: &str) -> Said {
    match by_any(members, text) {
        Some(position) => Ok(vec![position]),
        None => Err(nobody(text)),
    }
}

/// The sentence that this is no member's name.
pub(super) fn nobody(text: &str) -> String {
    let shown = clean(text, SHOWN_MAX);
    if shown.is_empty() {
        String::from("it names nobody")
    } else {
        format!("it names `{shown}`, which is no member")
    }
}

fn host_and_port(text: &str) -> (&str, Option<u16>) {
    if text.parse::<IpAddr>().is_ok() {
        return (text, None);
    }
    match text.rsplit_once(':') {
        Some((host, port)) => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        None => (text, None),
    }
}

fn is_same_host(one: &str, other: &str) -> bool {
    let bare = |host: &str| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.trim_end_matches('.').to_ascii_lowercase()
    };
    let (one, other) = (bare(one), bare(other));
    one == other
        || matches!(
            (one.parse::<IpAddr>(), other.parse::<IpAddr>()),
            (Ok(one), Ok(other)) if one.to_canonical() == other.to_canonical()
        )
}
