//! Where a redirect leads, and whether we go there.

use http::Method;

use crate::model::plan::{HealthQuestion, TlsSettings};

/// The same question at the place that a redirect names. At another host nobody is told who we are, nor what is sent.
///
/// # Errors
///
/// Why it is not followed, as a clause.
pub(super) fn follow(
    asked: &HealthQuestion,
    location: &str,
    carries_body: bool,
) -> Result<HealthQuestion, String> {
    let Ok(mut url) = asked.url.join(location) else {
        return Err(String::from("redirects to an address that cannot be used"));
    };
    match (asked.url.scheme(), url.scheme()) {
        ("https", "http") => {
            return Err(String::from(
                "redirects from https to http, which is not followed",
            ));
        }
        (_, "http" | "https") => {}
        (_, _) => return Err(String::from("redirects to something that is not HTTP")),
    }
    url.set_fragment(None);
    // Only an address without a host refuses these, and one of HTTP has a host.
    if url.set_username("").is_err() || url.set_password(None).is_err() {
        return Err(String::from("redirects to an address that cannot be used"));
    }
    let mut next = asked.clone();
    if url.origin() != asked.url.origin() {
        if carries_body {
            return Err(String::from(
                "redirects what is sent to another host, which is not followed",
            ));
        }
        next.credentials = None;
        next.headers.clear();
        next.tls = TlsSettings {
            ca_pem: asked.tls.ca_pem.clone(),
            ..TlsSettings::default()
        };
    }
    next.url = url;
    Ok(next)
}

/// Whether the request after a redirect with this status is a plain GET.
///
/// Source: RFC 9110, section 15.4: 303 always, 301 and 302 after a POST; 307 and 308 keep the method.
pub(super) fn becomes_get(status: Option<u16>, method: &Method) -> bool {
    match status {
        Some(303) => *method != Method::HEAD,
        Some(301 | 302) => *method == Method::POST,
        _ => false,
    }
}
