//! Certificates that are good, and all kinds that are not.

use std::sync::Arc;

use chrono::{Datelike as _, Days};
use hekate::clock::Clock;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Servers' halves of TLS, all but the self-signed one from the same authority.
pub(crate) struct Identities {
    /// What is trusted.
    pub(crate) authority_pem: String,
    pub(crate) good: Arc<ServerConfig>,
    pub(crate) of_another: Arc<ServerConfig>,
    pub(crate) expired: Arc<ServerConfig>,
    pub(crate) not_yet_valid: Arc<ServerConfig>,
    pub(crate) self_signed: Arc<ServerConfig>,
    /// A good one behind two hundred others.
    pub(crate) crowded: Arc<ServerConfig>,
}

const HOST: &str = "127.0.0.1";

impl Identities {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.distinguished_name.push(DnType::CommonName, "ours");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("there is entropy");
        let authority = params.self_signed(&key).expect("it signs itself");
        let issuer = Issuer::new(params, key);
        let signed = |name: &str, days| {
            let key = KeyPair::generate().expect("there is entropy");
            let certificate = dated(name, days).signed_by(&key, &issuer);
            let certificate = certificate.expect("it can sign").der().clone();
            (certificate, key)
        };
        let alone = |(certificate, key): (CertificateDer<'static>, KeyPair)| {
            config(vec![certificate], &key)
        };
        let key = KeyPair::generate().expect("there is entropy");
        let own = dated(HOST, -1..60).self_signed(&key);
        let own = own.expect("it signs itself").der().clone();
        let (certificate, its_key) = signed(HOST, -1..60);
        let crowd = std::iter::once(certificate)
            .chain(std::iter::repeat_n(authority.der().clone(), 200))
            .collect();
        Self {
            authority_pem: authority.pem(),
            good: alone(signed(HOST, -1..60)),
            of_another: alone(signed("other.example.test", -1..60)),
            expired: alone(signed(HOST, -60..-2)),
            not_yet_valid: alone(signed(HOST, 2..60)),
            self_signed: config(vec![own], &key),
            crowded: config(crowd, &its_key),
        }
    }
}

fn config(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("it is a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks both versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the key fits");
    Arc::new(config)
}

/// Good from and to so many days from now.
fn dated(name: &str, days: std::ops::Range<i64>) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("it is a name");
    let (year, month, day) = date(days.start);
    params.not_before = rcgen::date_time_ymd(year, month, day);
    let (year, month, day) = date(days.end);
    params.not_after = rcgen::date_time_ymd(year, month, day);
    params
}

fn date(days: i64) -> (i32, u8, u8) {
    let today = Clock::start().now().at.to_utc().date_naive();
    let distance = Days::new(days.unsigned_abs());
    let date = if days < 0 {
        today - distance
    } else {
        today + distance
    };
    let small = |number: u32| u8::try_from(number).expect("days and months are small");
    (date.year(), small(date.month()), small(date.day()))
}
