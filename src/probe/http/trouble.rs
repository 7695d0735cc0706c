//! What went wrong on the way to an answer: which class of evidence it is, and how to say it to people.
//!
//! The words never hold the path, query, user or headers of a request.

use std::{error::Error, fmt::Display, io, net::SocketAddr, time::Duration};

use rustix::io::Errno;

use crate::model::{
    Degradation, DegradationKind, Failure, FailureClass, FailureKind, Gap, GapKind, Outcome,
    text::{FOREIGN_MAX, clean},
};

use super::{connect::Refusals, limits::Expired, tls};

/// A failure that something answered for.
pub(in crate::probe) fn refused(kind: FailureKind, words: impl Into<String>) -> Outcome {
    failure(FailureClass::Refused, kind, words.into())
}

/// A failure by nothing coming back.
pub(in crate::probe) fn silent(kind: FailureKind, words: impl Into<String>) -> Outcome {
    failure(FailureClass::Silent, kind, words.into())
}

fn failure(class: FailureClass, kind: FailureKind, words: String) -> Outcome {
    Outcome::Unhealthy(Failure { class, kind, words })
}

/// A complete answer that is not what it should be.
pub(in crate::probe) fn explicit(kind: FailureKind, words: impl Into<String>) -> Outcome {
    failure(FailureClass::Explicit, kind, words.into())
}

/// An answer that falls short.
pub(in crate::probe) fn short(kind: DegradationKind, words: impl Into<String>) -> Outcome {
    Outcome::Degraded(Degradation {
        kind,
        words: words.into(),
    })
}

/// No evidence about the target at all.
pub(in crate::probe) fn gap(kind: GapKind, words: impl Into<String>) -> Outcome {
    Outcome::Unobservable(Gap {
        kind,
        words: words.into(),
    })
}

/// A span as people write it: `300 ms`, `2.5 s`, `10 s`; what is shorter than a millisecond is one.
pub(in crate::probe) fn span(span: Duration) -> String {
    let span = span.max(Duration::from_millis(1));
    let tenths = (span.as_millis() + 50) / 100;
    match (span.as_millis(), tenths % 10) {
        (millis @ ..1_000, _) => format!("{millis} ms"),
        (_, 0) => format!("{} s", tenths / 10),
        (_, rest) => format!("{}.{rest} s", tenths / 10),
    }
}

/// An error's own words as one clean line.
pub(in crate::probe) fn plain(error: &dyn Display) -> String {
    clean(&error.to_string(), FOREIGN_MAX / 2)
}

impl Expired {
    /// What a broken limit means: what the part says, unless it was we who were held up.
    pub(in crate::probe) fn accuse(self, outcome: impl FnOnce() -> Outcome) -> Outcome {
        match self.held_up_for {
            Some(late) => gap(
                GapKind::Interrupted,
                format!(
                    "hekate itself was held up for {} during the look",
                    span(late)
                ),
            ),
            None => outcome(),
        }
    }
}

/// The gap for an error that says what this machine lacks.
pub(in crate::probe) fn own_resources(errno: Errno) -> Option<Outcome> {
    let lacking = match errno {
        Errno::MFILE => "this process has no file descriptors left",
        Errno::NFILE => "this machine has no file descriptors left",
        Errno::NOBUFS => "this machine has no network buffers left",
        Errno::NOMEM => "this machine has no memory left",
        Errno::ADDRNOTAVAIL | Errno::ADDRINUSE => "this machine has no local ports left",
        _ => return None,
    };
    Some(gap(GapKind::OwnResources, lacking))
}

/// What the refusals of all addresses mean together.
///
/// The strongest evidence speaks: a machine without IPv6 says "no route" for one half of the addresses, and that must
/// not hide that the other half refused.
pub(in crate::probe) fn connect(refusals: &Refusals) -> Outcome {
    strongest(refusals, None)
}

/// What it means that the time to connect is up.
pub(in crate::probe) fn connect_expired(refusals: &Refusals, expired: Expired) -> Outcome {
    let time_out = expired.accuse(|| {
        silent(
            FailureKind::ConnectTimeout,
            format!("no connection within {}", span(expired.limit)),
        )
    });
    strongest(refusals, Some(time_out))
}

fn strongest(refusals: &Refusals, other: Option<Outcome>) -> Outcome {
    refusals
        .iter()
        .map(|(address, error)| attempt(*address, error))
        .chain(other)
        .min_by_key(weakness)
        .unwrap_or_else(|| {
            silent(
                FailureKind::Unreachable,
                "there is no address to connect to",
            )
        })
}

/// Orders what the attempts of one look say, the strongest evidence first. What we lack ourselves comes before silence:
/// an address that we could not try might have answered.
fn weakness(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Healthy | Outcome::Degraded(_) => 0,
        Outcome::Unhealthy(failure) => match (failure.class, failure.kind) {
            (FailureClass::Explicit | FailureClass::Refused, _) => 1,
            (FailureClass::Silent, FailureKind::Unreachable) => 4,
            (FailureClass::Silent, _) => 3,
        },
        Outcome::Unobservable(gap) if gap.kind == GapKind::OwnNetwork => 5,
        Outcome::Unobservable(_) => 2,
    }
}

fn attempt(address: SocketAddr, error: &io::Error) -> Outcome {
    let Some(errno) = Errno::from_io_error(error) else {
        return silent(
            FailureKind::Unreachable,
            format!("no connection: {}", plain(error)),
        );
    };
    own_resources(errno).unwrap_or_else(|| match errno {
        Errno::CONNREFUSED => refused(
            FailureKind::ConnectionRefused,
            format!(
                "connection refused, nothing listens on port {}",
                address.port()
            ),
        ),
        Errno::CONNRESET | Errno::CONNABORTED => refused(
            FailureKind::ConnectionClosed,
            "connection reset while it was being opened",
        ),
        Errno::TIMEDOUT => silent(
            FailureKind::ConnectTimeout,
            "no connection, the system gave up trying",
        ),
        Errno::NETDOWN => gap(GapKind::OwnNetwork, "this machine's own network is down"),
        Errno::NETUNREACH | Errno::HOSTUNREACH if !has_route(address) => gap(
            GapKind::OwnNetwork,
            format!("this machine has no route to {}", address.ip()),
        ),
        Errno::NETUNREACH => silent(
            FailureKind::Unreachable,
            "a router says that the network cannot be reached",
        ),
        Errno::HOSTUNREACH => silent(
            FailureKind::Unreachable,
            "a router says that the host cannot be reached",
        ),
        Errno::ACCESS | Errno::PERM => gap(
            GapKind::OwnNetwork,
            format!(
                "this machine's firewall forbids connections to {}",
                address.ip()
            ),
        ),
        _ => silent(
            FailureKind::Unreachable,
            format!("no connection: {}", plain(error)),
        ),
    })
}

/// Whether this machine's own routing table knows a way: connecting a datagram socket asks it and sends nothing.
///
/// The same error number comes from our own table and from a router far away; only the former is our fault.
fn has_route(address: SocketAddr) -> bool {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => ([0_u8; 4], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    std::net::UdpSocket::bind(any)
        .and_then(|socket| socket.connect(address))
        .is_ok()
}

/// What it means that the TLS handshake failed.
pub(in crate::probe) fn handshake(error: &io::Error) -> Outcome {
    if let Some(inner) = cause::<rustls::Error>(error) {
        return tls::outcome(inner);
    }
    match Errno::from_io_error(error) {
        Some(errno) => own_resources(errno).unwrap_or_else(|| broken_handshake(error)),
        None => broken_handshake(error),
    }
}

fn broken_handshake(error: &io::Error) -> Outcome {
    match network_silence(error) {
        Some(outcome) => outcome,
        None => refused(
            FailureKind::TlsHandshake,
            "connection closed during the TLS handshake",
        ),
    }
}

/// What an error after the connection stood means if the network itself reported it.
fn network_silence(error: &io::Error) -> Option<Outcome> {
    match Errno::from_io_error(error)? {
        Errno::NETDOWN => Some(gap(
            GapKind::OwnNetwork,
            "this machine's own network is down",
        )),
        Errno::NETUNREACH | Errno::HOSTUNREACH => Some(silent(
            FailureKind::Unreachable,
            "a router says that the host cannot be reached any more",
        )),
        Errno::TIMEDOUT => Some(silent(
            FailureKind::FirstByteTimeout,
            "connected, and the network went silent",
        )),
        _ => None,
    }
}

/// What it means that no head of an answer came.
pub(in crate::probe) fn head(error: &hyper::Error) -> Outcome {
    if let Some(inner) = cause::<rustls::Error>(error) {
        return tls::outcome(inner);
    }
    if error.is_parse_too_large() {
        return too_large();
    }
    if error.is_parse() {
        return refused(FailureKind::NotHttp, "the answer is not HTTP");
    }
    if let Some(inner) = cause::<io::Error>(error) {
        return broken(inner);
    }
    if has_broken_http2_rules(error) {
        return refused(FailureKind::NotHttp, "the answer is not HTTP/2");
    }
    refused(
        FailureKind::ConnectionClosed,
        "connection closed before an answer",
    )
}

/// What it means that a connection broke while an answer was awaited.
pub(in crate::probe) fn broken(error: &io::Error) -> Outcome {
    if let Some(inner) = cause::<rustls::Error>(error) {
        return tls::outcome(inner);
    }
    let own = Errno::from_io_error(error).and_then(own_resources);
    own.or_else(|| network_silence(error)).unwrap_or_else(|| {
        let words = if error.kind() == io::ErrorKind::ConnectionReset {
            "connection reset before an answer"
        } else {
            "connection closed before an answer"
        };
        refused(FailureKind::ConnectionClosed, words)
    })
}

/// The head of the answer broke a limit of size.
pub(in crate::probe) fn too_large() -> Outcome {
    refused(
        FailureKind::TooLarge,
        "the head of the answer is larger than 32 KiB or has more than 64 headers",
    )
}

/// What it means that the body ended before its end.
pub(in crate::probe) fn body(error: &hyper::Error, status: u16, received: usize) -> Outcome {
    let own = cause::<io::Error>(error)
        .and_then(Errno::from_io_error)
        .and_then(own_resources);
    own.unwrap_or_else(|| {
        silent(
            FailureKind::BodyCut,
            format!("answered {status}, but the body was cut off after {received} bytes"),
        )
    })
}

/// Whether the error is only a TLS stream that ended without saying goodbye, as many servers do.
pub(in crate::probe) fn is_end_without_goodbye(error: &hyper::Error) -> bool {
    cause::<io::Error>(error).is_some_and(|inner| inner.kind() == io::ErrorKind::UnexpectedEof)
}

/// HTTP/2's own errors have no public type here; those that our side detected say so in their text.
fn has_broken_http2_rules(error: &hyper::Error) -> bool {
    error.source().is_some_and(|source| {
        let text = source.to_string();
        text.contains("detected") || text.contains("invalid")
    })
}

/// The first error of this type, in the chain of sources or inside of an I/O error of the chain.
fn cause<'e, Wanted: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e Wanted> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<Wanted>() {
            return Some(found);
        }
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn refusals(errors: &[(&str, Errno)]) -> Refusals {
        errors
            .iter()
            .map(|(address, errno)| {
                let error = io::Error::from_raw_os_error(errno.raw_os_error());
                (address.parse().unwrap(), error)
            })
            .collect()
    }

    fn line(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Unhealthy(failure) => format!(
                "{} {}: {}",
                failure.class.as_str(),
                failure.kind.as_str(),
                failure.words
            ),
            Outcome::Unobservable(gap) => format!("gap {}: {}", gap.kind.as_str(), gap.words),
            Outcome::Healthy | Outcome::Degraded(_) => format!("{outcome:?}"),
        }
    }

    #[test]
    fn every_refusal_has_its_class() {
        let cases: [(Errno, Expect); 12] = [
            (
                Errno::CONNREFUSED,
                expect![
                    "refused connection_refused: connection refused, nothing listens on port 80"
                ],
            ),
            (
                Errno::CONNRESET,
                expect!["refused connection_closed: connection reset while it was being opened"],
            ),
            (
                Errno::TIMEDOUT,
                expect!["silent connect_timeout: no connection, the system gave up trying"],
            ),
            // Loopback is always in the routing table, so these can only come from afar.
            (
                Errno::HOSTUNREACH,
                expect!["silent unreachable: a router says that the host cannot be reached"],
            ),
            (
                Errno::NETUNREACH,
                expect!["silent unreachable: a router says that the network cannot be reached"],
            ),
            (
                Errno::NETDOWN,
                expect!["gap own_network: this machine's own network is down"],
            ),
            (
                Errno::PERM,
                expect![
                    "gap own_network: this machine's firewall forbids connections to 127.0.0.1"
                ],
            ),
            (
                Errno::MFILE,
                expect!["gap own_resources: this process has no file descriptors left"],
            ),
            (
                Errno::NFILE,
                expect!["gap own_resources: this machine has no file descriptors left"],
            ),
            (
                Errno::NOBUFS,
                expect!["gap own_resources: this machine has no network buffers left"],
            ),
            (
                Errno::ADDRNOTAVAIL,
                expect!["gap own_resources: this machine has no local ports left"],
            ),
            (
                Errno::PROTO,
                expect!["silent unreachable: no connection: Protocol error (os error 71)"],
            ),
        ];
        for (errno, expected) in cases {
            expected.assert_eq(&line(&connect(&refusals(&[("127.0.0.1:80", errno)]))));
        }
    }

    /// A machine without IPv6 has no route to one half of the addresses, which says nothing about the other half.
    #[test]
    fn the_strongest_evidence_speaks() {
        let (four, six) = ("127.0.0.1:80", "[::1]:80");
        let kind = |outcome: Outcome| line(&outcome).split(':').next().unwrap().to_owned();
        for (first, second, expected) in [
            (
                Errno::CONNREFUSED,
                Errno::NETDOWN,
                "refused connection_refused",
            ),
            (Errno::HOSTUNREACH, Errno::NETDOWN, "silent unreachable"),
            (
                Errno::HOSTUNREACH,
                Errno::CONNREFUSED,
                "refused connection_refused",
            ),
            (Errno::MFILE, Errno::HOSTUNREACH, "gap own_resources"),
            (
                Errno::MFILE,
                Errno::CONNREFUSED,
                "refused connection_refused",
            ),
            (Errno::TIMEDOUT, Errno::NETDOWN, "silent connect_timeout"),
        ] {
            let both = refusals(&[(four, first), (six, second)]);
            assert_eq!(kind(connect(&both)), expected);
            let turned = refusals(&[(six, second), (four, first)]);
            assert_eq!(kind(connect(&turned)), expected);
        }
        let expired = Expired {
            limit: Duration::from_secs(3),
            held_up_for: None,
        };
        for (errno, expected) in [
            (Errno::NETDOWN, "silent connect_timeout"),
            (Errno::CONNREFUSED, "refused connection_refused"),
            (Errno::MFILE, "gap own_resources"),
        ] {
            let one = refusals(&[(six, errno)]);
            assert_eq!(kind(connect_expired(&one, expired)), expected);
        }
        let held_up = Expired {
            held_up_for: Some(Duration::from_secs(2)),
            ..expired
        };
        assert_eq!(
            kind(connect_expired(&Vec::new(), held_up)),
            "gap interrupted"
        );
    }

    #[test]
    fn spans_are_short_and_exact_enough() {
        for (millis, expected) in [
            (0, "1 ms"),
            (3, "3 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (2_540, "2.5 s"),
            (9_960, "10 s"),
            (65_000, "65 s"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), expected);
        }
    }
}
