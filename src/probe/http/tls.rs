//! TLS: whom we trust, who we are, and how a handshake fails in plain words.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, ServerName, UnixTime,
    pem::{self, PemObject as _},
};
use rustls_platform_verifier::Verifier;

use crate::model::{
    FailureKind, Gap, GapKind, Outcome,
    plan::{HttpVersion, TlsSettings},
    text::clean,
};

use super::trouble;

/// Hands out one configuration for all targets with the same settings, for as long as one of them is there.
pub(in crate::probe) struct Configs {
    provider: Arc<CryptoProvider>,
    made: Mutex<Vec<Made>>,
    system: Mutex<Option<Arc<dyn ServerCertVerifier>>>,
}

/// What is offered to be spoken inside of TLS, the preferred one first; nothing leaves it open.
///
/// Source: RFC 7301 (ALPN).
pub(in crate::probe) type Protocols = &'static [&'static str];

struct Made {
    settings: TlsSettings,
    protocols: Protocols,
    config: Weak<ClientConfig>,
}

impl Configs {
    pub(in crate::probe) fn new() -> Self {
        Self {
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            made: Mutex::new(Vec::new()),
            system: Mutex::new(None),
        }
    }

    /// The configuration for these settings and HTTP.
    pub(in crate::probe) fn of(
        &self,
        settings: &TlsSettings,
        version: HttpVersion,
    ) -> Result<Arc<ClientConfig>, Gap> {
        self.speaking(
            settings,
            match version {
                HttpVersion::Http1 => &["http/1.1"],
                HttpVersion::Http2 => &["h2", "http/1.1"],
            },
        )
    }

    /// The configuration for these settings and whatever is spoken inside.
    pub(in crate::probe) fn speaking(
        &self,
        settings: &TlsSettings,
        protocols: Protocols,
    ) -> Result<Arc<ClientConfig>, Gap> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // The name is checked per target, so it does not make a configuration another one.
        let key = TlsSettings {
            server_name: None,
            ..settings.clone()
        };
        let known = made
            .iter()
            .find(|one| one.protocols == protocols && one.settings == key)
            .and_then(|one| one.config.upgrade());
        if let Some(config) = known {
            return Ok(config);
        }
        let config = Arc::new(self.build(&key, protocols)?);
        made.retain(|one| one.config.strong_count() > 0);
        made.push(Made {
            settings: key,
            protocols,
            config: Arc::downgrade(&config),
        });
        Ok(config)
    }

    fn build(&self, settings: &TlsSettings, protocols: Protocols) -> Result<ClientConfig, Gap> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| own(format!("TLS cannot be set up: {}", trouble::plain(&error))))?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(settings)?);
        let mut config = match identity(settings)? {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
                own(format!(
                    "tls.certificate_file and tls.key_file cannot be used: {}",
                    trouble::plain(&error)
                ))
            })?,
        };
        // A resumed session skips the certificate, which is one of the things that a look is for.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Ok(config)
    }

    /// Who decides whether a certificate is trusted.
    pub(in crate::probe) fn verifier(
        &self,
        settings: &TlsSettings,
    ) -> Result<Arc<dyn ServerCertVerifier>, Gap> {
        if settings.insecure {
            return Ok(Arc::new(AcceptsAnyCertificate(Arc::clone(&self.provider))));
        }
        if let Some(pem) = &settings.ca_pem {
            let roots = certificates(pem, "tls.ca_file")?;
            let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&self.provider))
                .map_err(|error| {
                    own(format!(
                        "tls.ca_file cannot be used: {}",
                        trouble::plain(&error)
                    ))
                })?;
            return Ok(Arc::new(verifier));
        }
        let mut system = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verifier) = &*system {
            return Ok(Arc::clone(verifier));
        }
        let verifier = Verifier::new(Arc::clone(&self.provider)).map_err(|_none| {
            own("this machine has no TLS root certificates (install ca-certificates)".to_owned())
        })?;
        let verifier: Arc<dyn ServerCertVerifier> = Arc::new(verifier);
        *system = Some(Arc::clone(&verifier));
        Ok(verifier)
    }
}

/// The name that the certificate has to carry.
pub(in crate::probe) fn server_name(
    settings: &TlsSettings,
    host: &str,
) -> Result<ServerName<'static>, Gap> {
    let name = settings.server_name.as_deref().unwrap_or(host);
    ServerName::try_from(name.to_owned()).map_err(|_not_a_name| Gap {
        kind: GapKind::NotConfigured,
        words: format!(
            "{} is no name that a certificate can have",
            clean(name, 100)
        ),
    })
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(settings: &TlsSettings) -> Result<Option<Identity>, Gap> {
    match (&settings.certificate_pem, &settings.key_pem) {
        (None, None) => Ok(None),
        (Some(chain), Some(key)) => {
            let chain = certificates(chain, "tls.certificate_file")?;
            let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
                .map_err(|_error| own("tls.key_file holds no private key in PEM".to_owned()))?;
            Ok(Some((chain, key)))
        }
        (Some(_), None) => Err(own("tls.certificate_file has no tls.key_file".to_owned())),
        (None, Some(_)) => Err(own("tls.key_file has no tls.certificate_file".to_owned())),
    }
}

fn certificates(pem: &[u8], key: &str) -> Result<Vec<CertificateDer<'static>>, Gap> {
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(list) if !list.is_empty() => Ok(list),
        Ok(_) | Err(_) => Err(own(format!("{key} holds no certificate in PEM"))),
    }
}

fn own(words: String) -> Gap {
    Gap {
        kind: GapKind::OwnTls,
        words,
    }
}

/// `insecure: true`: the certificate is not looked at, whoever it is from and whatever it says.
#[derive(Debug)]
struct AcceptsAnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptsAnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a TLS error means.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library adds errors at will; those without words of their own keep the library's"
)]
pub(in crate::probe) fn outcome(error: &Error) -> Outcome {
    match error {
        Error::InvalidCertificate(error) => {
            trouble::refused(FailureKind::Certificate, certificate_words(error))
        }
        Error::AlertReceived(alert) => trouble::refused(
            FailureKind::TlsHandshake,
            format!(
                "TLS refused by the server: {}",
                spaced(&format!("{alert:?}"))
            ),
        ),
        Error::InvalidMessage(_) => trouble::refused(
            FailureKind::TlsHandshake,
            "TLS handshake failed: what answers does not speak TLS",
        ),
        Error::PeerIncompatible(_) => trouble::refused(
            FailureKind::TlsHandshake,
            "TLS handshake failed: no version or cipher in common",
        ),
        other => trouble::refused(
            FailureKind::TlsHandshake,
            format!("TLS handshake failed: {}", trouble::plain(other)),
        ),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library adds errors at will; those without words of their own keep the library's"
)]
pub(in crate::probe) fn certificate_words(error: &CertificateError) -> String {
    match error {
        CertificateError::ExpiredContext { time, not_after } => format!(
            "certificate expired {} ago ({})",
            rough(seconds_between(*not_after, *time)),
            date(*not_after)
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "certificate is not valid yet, only from {} (in {})",
            date(*not_before),
            rough(seconds_between(*time, *not_before))
        ),
        CertificateError::Expired => "certificate expired".to_owned(),
        CertificateError::NotValidYet => "certificate is not valid yet".to_owned(),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "certificate is for {}, not for {}",
            listed(presented),
            clean(&expected.to_str(), 100)
        ),
        CertificateError::NotValidForName => "certificate is for another name".to_owned(),
        CertificateError::UnknownIssuer => {
            "certificate is from an issuer that this machine does not trust".to_owned()
        }
        CertificateError::Revoked => "certificate is revoked".to_owned(),
        CertificateError::BadSignature => "certificate has a wrong signature".to_owned(),
        other => format!("certificate refused: {}", trouble::plain(other)),
    }
}

/// The names in a certificate: foreign text, and at most three of them.
fn listed(presented: &[String]) -> String {
    // The library writes `DnsName("a.test")` and `IpAddress(10.0.0.1)`; people read a.test and 10.0.0.1.
    let bare = |name: &String| {
        let inner = name
            .split_once('(')
            .map_or(name.as_str(), |(_kind, inner)| inner.trim_end_matches(')'));
        clean(inner.trim_matches('"'), 60)
    };
    match presented {
        [] => "no name at all".to_owned(),
        names @ ([_] | [_, _] | [_, _, _]) => names.iter().map(bare).collect::<Vec<_>>().join(", "),
        [first, second, rest @ ..] => {
            format!("{}, {} and {} more", bare(first), bare(second), rest.len())
        }
    }
}

fn seconds_between(earlier: UnixTime, later: UnixTime) -> Duration {
    Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
}

/// A span in its largest unit, rounded down: `3 days`, `1 hour`.
pub(in crate::probe) fn rough(span: Duration) -> String {
    let seconds = span.as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

pub(in crate::probe) fn date(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds, 0))
        .map_or_else(
            || "an impossible date".to_owned(),
            |date| date.format("%Y-%m-%d").to_string(),
        )
}

/// `HandshakeFailure` as people write it: `handshake failure`.
fn spaced(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
