//! `tls:` the certificate that is shown: for whom it is, whether it is trusted, and for how long it and its chain will be.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use x509_parser::parse_x509_certificate;

use crate::model::{
    DegradationKind, Ending, FailureKind, Gap, Outcome,
    text::clean,
    wire::{StartTls, TlsQuestion},
};

use super::{
    dial::{Ask, Dial, Prepared, Said, Way},
    http::{
        stream::Stream,
        tls::{Configs, date, rough},
        trouble,
    },
    starttls,
};

/// More certificates of a chain are not looked at.
const CHAIN_MAX: usize = 8;

/// What is looked for.
struct Tls {
    /// The host, for people.
    host: String,
    warn_at: Vec<Duration>,
    starttls: Option<StartTls>,
    /// Absent if any certificate is accepted: then only its own dates count.
    verifier: Option<Arc<dyn ServerCertVerifier>>,
}

/// Makes the question ready.
pub(super) fn prepare(question: &TlsQuestion, configs: &Configs) -> Result<Prepared, Gap> {
    let settings = &question.settings;
    let verifier = if settings.insecure {
        None
    } else {
        Some(configs.verifier(settings)?)
    };
    Ok(Prepared {
        way: Way::of(
            &question.endpoint.host,
            question.endpoint.port,
            question.ip,
            Some((settings, &[])),
            configs,
        )?,
        asks: Box::new(Tls {
            host: question.endpoint.bare_host(),
            warn_at: question.warn_at.clone(),
            starttls: question.starttls,
            verifier,
        }),
        all_addresses: question.all_addresses,
        secrets: Vec::new(),
    })
}

impl Ask for Tls {
    fn ask<'a, 'look: 'a>(
        &'a self,
        dial: &'a mut Dial<'look>,
        mut stream: TcpStream,
    ) -> BoxFuture<'a, Result<Said, Said>> {
        Box::pin(async move {
            if let Some(protocol) = self.starttls {
                starttls::speak(dial, &mut stream, protocol).await?;
                dial.limits.begin_lap();
            }
            let stream = dial.wrap(stream).await?;
            let Stream::Tls(stream) = &stream else {
                unreachable!("the way to a certificate always goes through TLS");
            };
            let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let now = dial.limits.clock.now().at.to_utc().timestamp();
            Ok(self.judge(chain, dial.way.server_name(), unix(now)))
        })
    }
}

/// When something ends, and what it is.
struct End {
    at: UnixTime,
    /// `of the issuer "R11"`; absent for the certificate of the server itself.
    issuer: Option<String>,
}

impl Tls {
    /// What the chain of a handshake that worked means.
    fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        name: Option<&ServerName<'_>>,
        now: UnixTime,
    ) -> Said {
        let [leaf, rest @ ..] = chain else {
            return trouble::refused(FailureKind::Certificate, "it shows no certificate").into();
        };
        let Some((begins, ends)) = validity(leaf) else {
            return trouble::refused(FailureKind::Certificate, "its certificate cannot be read")
                .into();
        };
        // Reached only where any certificate is accepted; else the handshake has already failed.
        if ends < now {
            let ago = rough(between(ends, now));
            return trouble::refused(
                FailureKind::Certificate,
                format!("certificate expired {ago} ago ({})", date(ends)),
            )
            .into();
        }
        if begins > now {
            return trouble::refused(
                FailureKind::Certificate,
                format!("certificate is not valid yet, only from {}", date(begins)),
            )
            .into();
        }
        let own = End {
            at: ends,
            issuer: None,
        };
        let end = match (&self.verifier, name) {
            (Some(verifier), Some(name)) => self
                .end_of_trust(&**verifier, leaf, rest, name, now, ends)
                .unwrap_or(own),
            (Some(_) | None, _) => own,
        };
        let left = between(now, end.at);
        let ending = Ending::of(left, &self.warn_at);
        if ending.is_none_or(|ending| ending.warning.is_none()) {
            return Said {
                left,
                ending,
                ..Said::of(Outcome::Healthy)
            };
        }
        let whose = match &end.issuer {
            None => format!("certificate of {}", self.host),
            Some(issuer) => format!("certificate of the issuer \"{issuer}\" of {}", self.host),
        };
        Said {
            left,
            ending,
            ..Said::of(trouble::short(
                DegradationKind::Expiring,
                format!("{whose} ends in {} ({})", rough(left), date(end.at)),
            ))
        }
    }

    /// When an issuer's certificate ends the trust before the server's own ends, as far as there will be a warning.
    ///
    /// The verifier itself is asked about the moment after each end: a server may send certificates that no path needs,
    /// and their ends say nothing.
    fn end_of_trust(
        &self,
        verifier: &dyn ServerCertVerifier,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
        ends: UnixTime,
    ) -> Option<End> {
        let horizon = (*self.warn_at.iter().max()? + Ending::MARGIN).as_secs() + now.as_secs();
        let last = ends.as_secs().min(horizon);
        let mut candidates: Vec<_> = rest
            .iter()
            .take(CHAIN_MAX)
            .filter_map(|certificate| Some((validity(certificate)?.1, certificate)))
            .filter(|(at, _)| *at >= now && at.as_secs() < last)
            .collect();
        candidates.sort_by_key(|(at, _)| *at);
        let (at, certificate) = candidates.into_iter().find(|(at, _)| {
            let after = UnixTime::since_unix_epoch(Duration::from_secs(at.as_secs() + 1));
            verifier
                .verify_server_cert(leaf, rest, name, &[], after)
                .is_err()
        })?;
        Some(End {
            at,
            issuer: Some(subject(certificate)),
        })
    }
}

/// From when to when a certificate is valid.
fn validity(certificate: &CertificateDer<'_>) -> Option<(UnixTime, UnixTime)> {
    let (_rest, parsed) = parse_x509_certificate(certificate).ok()?;
    let validity = parsed.validity();
    Some((
        unix(validity.not_before.timestamp()),
        unix(validity.not_after.timestamp()),
    ))
}

/// What a certificate says that it is for: its common name, else the whole subject.
fn subject(certificate: &CertificateDer<'_>) -> String {
    let Ok((_rest, parsed)) = parse_x509_certificate(certificate) else {
        return String::new();
    };
    let subject = parsed.subject();
    let common = subject
        .iter_common_name()
        .next()
        .and_then(|name| name.as_str().ok())
        .map_or_else(|| subject.to_string(), str::to_owned);
    clean(&common, 60)
}

fn unix(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn between(earlier: UnixTime, later: UnixTime) -> Duration {
    Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
}
