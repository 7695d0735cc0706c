//! Who may read what is known: programs on this machine, and whoever has the token.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Peer, Shared, trouble};
use crate::model::{Plan, Secret, page::TrustedProxy};

/// Before the API, the metrics and the reload. With `server.token` everybody has to send it as a bearer token; without
/// one only programs on this machine are answered, so that an open port alone shows nobody the fleet.
pub(super) async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let plan = shared.plan.load_full();
    match &plan.server.token {
        Some(token) if !has_token(request.headers(), token) => {
            let mut refusal = trouble(
                StatusCode::UNAUTHORIZED,
                "token_wanted",
                "this needs the token of the file's `server` section: Authorization: Bearer …",
            );
            refusal
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            refusal
        }
        None if !is_local(&request) => loopback_only(),
        Some(_) | None => next.run(request).await,
    }
}

/// What somebody elsewhere hears as long as the file has no token.
pub(super) fn loopback_only() -> Response {
    trouble(
        StatusCode::FORBIDDEN,
        "loopback_only",
        "only programs on the same machine are answered; `server: { token: … }` lets others in",
    )
}

/// Whether somebody who only looks may see everything: with the token, or, without one in the file, on this machine.
///
/// A browser sends the token as a password, with any name. That opens nothing but pages: what changes anything wants the
/// header that no other page can make a browser send.
///
/// Source: RFC 7617 (Basic).
///
/// Whom a proxy of the file names sees all, too. What comes through such a proxy without a name comes from anybody, even if the proxy is
/// on this machine.
pub(super) fn sees_all(plan: &Plan, request: &Request) -> bool {
    let proxy = plan.page.trusted_proxy.as_ref();
    let proxy = proxy.filter(|proxy| is_from(proxy, request));
    if proxy.is_some_and(|proxy| is_named(proxy, request.headers())) {
        return true;
    }
    match &plan.server.token {
        Some(token) => {
            has_token(request.headers(), token) || has_password(request.headers(), token)
        }
        None => proxy.is_none() && is_local(request),
    }
}

/// Whether a request comes from where these proxies are.
fn is_from(proxy: &TrustedProxy, request: &Request) -> bool {
    let Some(Peer(peer)) = request.extensions().get() else {
        return false;
    };
    let address = peer.ip().to_canonical();
    proxy.from.iter().any(|network| network.contains(&address))
}

/// Whether it says who looks; of two headers nobody can say which one the proxy wrote.
fn is_named(proxy: &TrustedProxy, headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(&proxy.user_header).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    value.to_str().is_ok_and(|name| !name.trim().is_empty())
}

fn has_password(headers: &HeaderMap, token: &Secret) -> bool {
    given(headers, "basic")
        .and_then(|given| BASE64_STANDARD.decode(given).ok())
        .and_then(|pair| String::from_utf8(pair).ok())
        .and_then(|pair| {
            pair.split_once(':')
                .map(|(_, password)| password.to_owned())
        })
        .is_some_and(|password| is_same(&password, token))
}

/// Whether the one bearer token of the request is this one; takes the same time wherever the difference is.
pub(super) fn has_token(headers: &HeaderMap, token: &Secret) -> bool {
    given(headers, "bearer").is_some_and(|given| is_same(given, token))
}

/// What the one header says in this scheme; of two headers nobody can say which one counts.
fn given<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, given) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then_some(given.trim())
}

/// Whether a text is this secret; takes the same time wherever the difference is.
pub(super) fn is_same(given: &str, token: &Secret) -> bool {
    let hash = |text: &str| Sha256::digest(text.as_bytes());
    // Hashes are of one length, so the time does not tell the token's length either.
    hash(given)
        .as_slice()
        .ct_eq(hash(token.expose()).as_slice())
        .into()
}

/// Whether a request comes from this machine and was made for it: not passed on by a proxy, and not sent by a page
/// whose name was made to point here.
pub(super) fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<Peer>();
    peer.is_some_and(|Peer(peer)| peer.ip().to_canonical().is_loopback())
        && !FROM_PROXIES
            .iter()
            .any(|name| request.headers().contains_key(*name))
        && names_this_machine(request.uri(), request.headers())
}

/// Headers that a proxy adds and a program on this machine has no reason to send.
const FROM_PROXIES: [&str; 5] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
    "via",
];

/// An IP address or `localhost`; HTTP/1.0 may name nothing.
fn names_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let host = match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => match headers.get(header::HOST) {
            None => return true,
            Some(host) => Authority::try_from(host.as_bytes()).ok(),
        },
    };
    host.is_some_and(|host| {
        let name = host.host();
        let bare = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(name);
        name.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc};

    use axum::{Router, body::Body};

    use super::*;
    use crate::web::{
        router,
        tests::{HERE, World, send, world},
    };

    const TOKEN: &str = "a-token-of-many-characters";
    const GUARDED: [&str; 7] = [
        "/metrics",
        "/api/v1/status",
        "/api/v1/suggest",
        "/api/v1/lapses",
        "/api/v1/sli",
        "/api/v1/targets/api/explain",
        "/api/v1/targets/api/history",
    ];

    fn asking(path: &str, peer: Option<&str>, headers: &[(&'static str, &str)]) -> Request {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        for (name, value) in headers {
            let _ = request.headers_mut().append(*name, value.parse().unwrap());
        }
        if let Some(peer) = peer {
            let peer: SocketAddr = peer.parse().unwrap();
            request.extensions_mut().insert(Peer(peer));
        }
        request
    }

    async fn status(router: &Router, request: Request) -> StatusCode {
        send(router, request).await.status
    }

    #[tokio::test]
    async fn without_a_token_only_this_machine_is_answered() {
        let World { state, .. } = world();
        let router = router(state);
        for path in GUARDED {
            for (peer, headers) in [
                ("127.0.0.1:4000", &[][..]),
                ("127.0.0.1:4000", &[("Host", "127.0.0.1:8080")]),
                ("[::1]:4000", &[("Host", "[::1]:8080")]),
                ("[::ffff:127.0.0.1]:4000", &[("Host", "LocalHost:8080")]),
            ] {
                let answer = status(&router, asking(path, Some(peer), headers)).await;
                assert_eq!(answer, StatusCode::OK, "{path} {peer} {headers:?}");
            }
            for (peer, headers) in [
                (None, &[][..]),
                (Some("192.0.2.1:4000"), &[]),
                (Some("[2001:db8::1]:4000"), &[]),
                (Some("192.0.2.1:4000"), &[("Authorization", "Bearer ")]),
                // Through a proxy on this machine.
                (Some("127.0.0.1:4000"), &[("X-Forwarded-For", "192.0.2.1")]),
                (Some("127.0.0.1:4000"), &[("Via", "1.1 proxy")]),
                (Some("127.0.0.1:4000"), &[("Host", "status.example.test")]),
                // A page whose name was made to point here.
                (
                    Some("127.0.0.1:4000"),
                    &[("Host", "evil.example.test:8080")],
                ),
                (
                    Some("127.0.0.1:4000"),
                    &[("Host", "127.0.0.1.evil.example.test")],
                ),
                (Some("127.0.0.1:4000"), &[("Host", "")]),
            ] {
                let answer = send(&router, asking(path, peer, headers)).await;
                assert_eq!(
                    answer.status,
                    StatusCode::FORBIDDEN,
                    "{path} {peer:?} {headers:?}"
                );
                assert_eq!(answer.error_code(), "loopback_only");
            }
        }
        // Whether it lives is no secret.
        let request = asking("/healthz", Some("192.0.2.1:4000"), &[]);
        assert_eq!(status(&router, request).await, StatusCode::OK);
    }

    #[tokio::test]
    async fn with_a_token_everybody_has_to_send_it() {
        let World { state, .. } = world();
        let mut plan = (*state.plan.load_full()).clone();
        plan.server.token = Some(Secret::new(TOKEN));
        state.plan.store(Arc::new(plan));
        let router = router(state);
        let right = format!("Bearer {TOKEN}");
        let lower = format!("bearer {TOKEN}");
        for path in GUARDED {
            for peer in ["192.0.2.1:4000", "127.0.0.1:4000"] {
                for header in [&right, &lower] {
                    let request = asking(path, Some(peer), &[("Authorization", header)]);
                    assert_eq!(
                        status(&router, request).await,
                        StatusCode::OK,
                        "{path} {peer}"
                    );
                }
                let (longer, shorter) = (format!("{right}x"), &right[..right.len() - 1]);
                for headers in [
                    &[][..],
                    &[("Authorization", "Bearer ")],
                    &[("Authorization", "Bearer")],
                    &[("Authorization", TOKEN)],
                    &[("Authorization", longer.as_str())],
                    &[("Authorization", shorter)],
                    &[("Authorization", &right.to_uppercase())],
                    &[("Authorization", &right.replace("Bearer", "Basic"))],
                    // Of two nobody can say which one counts.
                    &[("Authorization", &right), ("Authorization", &right)],
                    &[("X-Token", TOKEN)],
                ] {
                    let answer = send(&router, asking(path, Some(peer), headers)).await;
                    assert_eq!(
                        answer.status,
                        StatusCode::UNAUTHORIZED,
                        "{path} {headers:?}"
                    );
                    assert_eq!(answer.headers["www-authenticate"], "Bearer");
                    assert!(!answer.body.contains(TOKEN), "{}", answer.body);
                }
            }
            let tokens_in_the_address = format!("{path}?token={TOKEN}");
            let request = asking(&tokens_in_the_address, Some("127.0.0.1:1"), &[]);
            assert_eq!(status(&router, request).await, StatusCode::UNAUTHORIZED);
        }
    }

    #[tokio::test]
    async fn a_token_does_not_make_a_reload_possible_from_elsewhere() {
        let World { state, .. } = world();
        let mut plan = (*state.plan.load_full()).clone();
        plan.server.token = Some(Secret::new(TOKEN));
        state.plan.store(Arc::new(plan));
        let router = router(state);
        let reload = |peer: Peer, token: Option<&str>| {
            let mut request = Request::post("/-/reload").body(Body::empty()).unwrap();
            request.extensions_mut().insert(peer);
            if let Some(token) = token {
                let value = format!("Bearer {token}").parse().unwrap();
                request.headers_mut().insert("authorization", value);
            }
            request
        };
        let elsewhere = Peer("192.0.2.1:4000".parse().unwrap());
        let answer = status(&router, reload(elsewhere, Some(TOKEN))).await;
        assert_eq!(answer, StatusCode::FORBIDDEN);
        let answer = status(&router, reload(HERE, None)).await;
        assert_eq!(answer, StatusCode::UNAUTHORIZED);
    }

    /// What people look at.
    const PAGES: [&str; 9] = [
        "/",
        "/?format=text",
        "/targets/master/green",
        "/badge/all.svg",
        "/badge/master/green.svg",
        "/embed/all",
        "/feed.rss",
        "/feed.atom",
        "/feed.json",
    ];
    const PROXY: &str = "10.1.2.3:4000";
    const ELSEWHERE: &str = "192.0.2.1:4000";
    const MACHINE: &str = "127.0.0.1:4000";

    fn behind_a_proxy(has_token: bool, is_public: bool, from: &str) -> Router {
        let World { state, .. } = world();
        let mut plan = (*state.plan.load_full()).clone();
        plan.server.token = has_token.then(|| Secret::new(TOKEN));
        plan.page.is_public = is_public;
        plan.page.trusted_proxy = Some(TrustedProxy {
            from: vec![from.parse().unwrap()],
            user_header: String::from("x-forwarded-user"),
        });
        state.plan.store(Arc::new(plan));
        router(state)
    }

    #[tokio::test]
    async fn whom_a_trusted_proxy_names_sees_the_page_and_nobody_else_says_who_they_are() {
        let named = &[("X-Forwarded-User", "eva")][..];
        let bearer = format!("Bearer {TOKEN}");
        let right = &[("Authorization", bearer.as_str())][..];
        // From where, with which headers; whether they are let in with a token in the file, and without one.
        let cases = [
            (PROXY, named, [true, true]),
            (
                PROXY,
                &[("x-forwarded-user", "eva"), ("Via", "1.1 proxy")],
                [true, true],
            ),
            ("[::ffff:10.1.2.3]:4000", named, [true, true]),
            (PROXY, &[], [false, false]),
            (PROXY, &[("X-Forwarded-User", " ")], [false, false]),
            // The proxy may have added its own to what somebody sent.
            (
                PROXY,
                &[("X-Forwarded-User", "eva"), ("X-Forwarded-User", "bob")],
                [false, false],
            ),
            (PROXY, &[("X-Remote-User", "eva")], [false, false]),
            (PROXY, right, [true, false]),
            (ELSEWHERE, named, [false, false]),
            (ELSEWHERE, &[], [false, false]),
            (ELSEWHERE, right, [true, false]),
            ("11.0.0.1:4000", named, [false, false]),
            // Whoever is on the machine needs no header, and none helps where there is a token.
            (MACHINE, named, [false, true]),
            (MACHINE, &[], [false, true]),
        ];
        for has_token in [true, false] {
            let router = behind_a_proxy(has_token, false, "10.0.0.0/8");
            for path in PAGES {
                for (peer, headers, [with, without]) in &cases {
                    let answer = send(&router, asking(path, Some(peer), headers)).await;
                    let is_in = if has_token { *with } else { *without };
                    let what = format!("token {has_token}, {path}, {peer}, {headers:?}");
                    assert_eq!(
                        answer.status == StatusCode::OK,
                        is_in,
                        "{what}: {}",
                        answer.body
                    );
                    assert!(is_in || !answer.body.contains("green"), "{what}");
                }
            }
            // What programs ask is another matter: a header that a browser is made to send must not change anything.
            for path in GUARDED {
                let answer = send(&router, asking(path, Some(PROXY), named)).await;
                assert!(!answer.status.is_success(), "{path}");
            }
            let answer = send(&router, asking("/?format=text", Some(PROXY), named)).await;
            assert!(
                answer.body.contains("no answer within 5 s"),
                "{}",
                answer.body
            );
        }
        for path in PAGES {
            let router = behind_a_proxy(true, true, "10.0.0.0/8");
            let answer = send(&router, asking(path, Some(ELSEWHERE), named)).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert!(
                !answer.body.contains("no answer within"),
                "{path}: {}",
                answer.body
            );
        }
    }

    #[tokio::test]
    async fn what_comes_through_a_proxy_on_this_machine_does_not_come_from_this_machine() {
        let router = behind_a_proxy(false, false, "127.0.0.1/32");
        for path in PAGES {
            let nobody = send(&router, asking(path, Some(MACHINE), &[])).await;
            assert_eq!(nobody.status, StatusCode::FORBIDDEN, "{path}");
            let named = asking(path, Some(MACHINE), &[("X-Forwarded-User", "eva")]);
            assert_eq!(status(&router, named).await, StatusCode::OK, "{path}");
        }
    }
}
