//! Who may use the page: this machine, by its own name, and for whatever acts this page alone.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, StatusCode, header};
use subtle::ConstantTimeEq as _;

use crate::model::Secret;

/// Why a request is refused, as it is told.
pub(super) type Refusal = (StatusCode, &'static str);

/// Lets in who asks for this machine by a name of its own: another site whose name was pointed here is not let in.
///
/// # Errors
///
/// If it asks for another host.
pub(super) fn reads(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_own = host(headers).is_some_and(is_this_machine);
    is_own.then_some(()).ok_or((
        StatusCode::MISDIRECTED_REQUEST,
        "the preview answers at 127.0.0.1 and localhost only\n",
    ))
}

/// Lets in what a form of this very page sends.
///
/// # Errors
///
/// If it may come from another page.
pub(super) fn acts(headers: &HeaderMap, token: &Secret, shown: &str) -> Result<(), Refusal> {
    reads(headers)?;
    let own = host(headers).map(|host| format!("http://{host}"));
    let is_own_origin = headers
        .get(header::ORIGIN)
        .is_none_or(|origin| own.is_some_and(|own| origin.as_bytes() == own.as_bytes()));
    let is_own_site = headers
        .get("sec-fetch-site")
        .is_none_or(|site| site == "same-origin" || site == "none");
    let is_known = bool::from(token.expose().as_bytes().ct_eq(shown.as_bytes()));
    (is_own_origin && is_own_site && is_known)
        .then_some(())
        .ok_or((
            StatusCode::FORBIDDEN,
            "this did not come from the preview page as it is now; load it again\n",
        ))
}

fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

fn is_this_machine(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        Some(_) | None => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn this_machine_is_asked_for_by_its_own_names() {
        for host in [
            "127.0.0.1:7878",
            "localhost:7878",
            "LOCALHOST",
            "[::1]:7878",
            "[::1]",
            "127.0.0.1",
        ] {
            assert_eq!(reads(&headers(&[("host", host)])), Ok(()), "{host}");
        }
        for host in [
            "rebound.example.test:7878",
            "127.0.0.1.example.test",
            "192.0.2.1:7878",
            "",
            "localhost:7878:1",
        ] {
            assert!(reads(&headers(&[("host", host)])).is_err(), "{host}");
        }
        assert!(reads(&headers(&[])).is_err());
        let twice = headers(&[("host", "localhost"), ("host", "localhost")]);
        assert!(reads(&twice).is_err());
    }

    #[test]
    fn only_a_form_of_the_page_acts() {
        let token = Secret::new("t0ken");
        let own = ("host", "localhost:7878");
        for (others, shown, is_let_in) in [
            (vec![], "t0ken", true),
            (
                vec![
                    ("origin", "http://localhost:7878"),
                    ("sec-fetch-site", "same-origin"),
                ],
                "t0ken",
                true,
            ),
            (vec![], "", false),
            (vec![], "t0kem", false),
            (vec![("origin", "http://localhost:7879")], "t0ken", false),
            (vec![("origin", "null")], "t0ken", false),
            (vec![("sec-fetch-site", "same-site")], "t0ken", false),
            (vec![("sec-fetch-site", "cross-site")], "t0ken", false),
        ] {
            let pairs: Vec<_> = std::iter::once(own).chain(others).collect();
            let seen = acts(&headers(&pairs), &token, shown).is_ok();
            assert_eq!(seen, is_let_in, "{pairs:?} {shown}");
        }
    }
}
