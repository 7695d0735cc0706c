//! A certificate authority of our own, and servers with what it signed.

use std::{net::SocketAddr, sync::Arc};

use chrono::{Datelike as _, Days};
use hekate::{
    clock::Clock,
    model::{Secret, plan::TlsSettings},
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::stage::serve;

/// Signs certificates.
pub(crate) struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("there is entropy");
        let certificate = params.self_signed(&key).expect("it signs itself");
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for these names, from and to this many days from now.
    pub(crate) fn sign(&self, names: &[&str], days: std::ops::Range<i64>) -> Identity {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let params = dated(names, days);
        let key = KeyPair::generate().expect("there is entropy");
        let certificate = params.signed_by(&key, &self.issuer).expect("it can sign");
        Identity {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key,
        }
    }

    /// An authority below this one, valid for these days.
    pub(crate) fn subordinate(&self, name: &str, days: std::ops::Range<i64>) -> Self {
        let mut params = dated(Vec::new(), days);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("there is entropy");
        let certificate = params.signed_by(&key, &self.issuer).expect("it can sign");
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// Its own certificate.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// Settings that trust this authority.
    pub(crate) fn trusted(&self) -> TlsSettings {
        TlsSettings {
            ca_pem: Some(self.certificate.pem().into_bytes().into()),
            ..TlsSettings::default()
        }
    }

    /// A server's configuration that demands a certificate of this authority from its clients.
    pub(crate) fn demanding(&self, identity: &Identity) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots
            .add(self.certificate.der().clone())
            .expect("it is a certificate");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .expect("there is a root");
        builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![identity.certificate.clone()], identity.key())
            .expect("the key fits")
    }
}

impl Identity {
    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).expect("it is a key")
    }

    /// The client's half of `settings` with this identity.
    pub(crate) fn as_client(&self, settings: TlsSettings) -> TlsSettings {
        TlsSettings {
            certificate_pem: Some(self.certificate_pem.clone().into_bytes().into()),
            key_pem: Some(Secret::new(self.key.serialize_pem())),
            ..settings
        }
    }

    /// A server's configuration.
    pub(crate) fn server(&self) -> ServerConfig {
        self.server_with(&[])
    }

    /// A server's configuration that sends these as well.
    pub(crate) fn server_with(&self, rest: &[CertificateDer<'static>]) -> ServerConfig {
        let chain = [std::slice::from_ref(&self.certificate), rest].concat();
        builder()
            .with_no_client_auth()
            .with_single_cert(chain, self.key())
            .expect("the key fits")
    }
}

/// A TLS server that does this with every connection whose handshake worked.
pub(crate) async fn serve_tls<Serve, Done>(config: ServerConfig, serve_one: Serve) -> SocketAddr
where
    Serve: Fn(TlsStream<TcpStream>) -> Done + Clone + Send + Sync + 'static,
    Done: Future<Output = ()> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve(move |stream| {
        let (acceptor, serve_one) = (acceptor.clone(), serve_one.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve_one(stream).await;
            }
        }
    })
    .await
}

/// The date this many days from now, as the authority writes it.
pub(crate) fn date(days: i64) -> chrono::NaiveDate {
    let today = Clock::start().now().at.to_utc().date_naive();
    let distance = Days::new(days.unsigned_abs());
    if days < 0 {
        today - distance
    } else {
        today + distance
    }
}

/// What a certificate says, from and to this many days from now.
fn dated(names: Vec<String>, days: std::ops::Range<i64>) -> CertificateParams {
    let mut params = CertificateParams::new(names).expect("the names are names");
    let (year, month, day) = ymd(days.start);
    params.not_before = rcgen::date_time_ymd(year, month, day);
    let (year, month, day) = ymd(days.end);
    params.not_after = rcgen::date_time_ymd(year, month, day);
    params
}

fn ymd(days: i64) -> (i32, u8, u8) {
    let date = date(days);
    let small = |number: u32| u8::try_from(number).expect("days and months are small");
    (date.year(), small(date.month()), small(date.day()))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn builder() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring speaks both versions")
}
