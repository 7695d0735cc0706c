//! Targets with certificates of a private authority.

use std::{fs, net::SocketAddr, sync::Arc};

use chrono::{Datelike as _, Days};
use hekate::clock::Clock;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{
    home::Home,
    receiver::Receiver,
    wire::{read_request, respond},
};

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params
            .distinguished_name
            .push(DnType::CommonName, "a private authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("there is entropy");
        let certificate = params.self_signed(&key).expect("it signs itself");
        Self {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A server with a certificate for `127.0.0.1`, good from and to so many days from now.
    async fn serve(&self, days: std::ops::Range<i64>) -> SocketAddr {
        let mut params =
            CertificateParams::new(vec![String::from("127.0.0.1")]).expect("it is a name");
        let (year, month, day) = date(days.start);
        params.not_before = rcgen::date_time_ymd(year, month, day);
        let (year, month, day) = date(days.end);
        params.not_after = rcgen::date_time_ymd(year, month, day);
        let key = KeyPair::generate().expect("there is entropy");
        let certificate = params.signed_by(&key, &self.issuer).expect("it can sign");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks both versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("it is a key"),
            )
            .expect("the key fits");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has ports");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    if read_request(&mut stream).await.is_some() {
                        respond(&mut stream, 200, "", r#"{"status":"UP"}"#).await;
                    }
                });
            }
        });
        address
    }
}

/// The date so many days from now.
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_authority_is_trusted_where_the_file_says_so_and_no_longer_than_it_says() {
    let receiver = Receiver::start().await;
    let authority = Authority::new();
    let (good, expired) = (
        authority.serve(-2..30).await,
        authority.serve(-30..-2).await,
    );
    let home = Home::new(&receiver, &["alerts"]);
    fs::write(home.path().join("ca.pem"), &authority.pem).expect("the folder takes files");
    home.write(&format!(
        r#"
targets:
  - name: good
    health: {{ url: "https://{good}/health", tls: {{ ca_file: ca.pem }} }}
  - name: expired
    health: {{ url: "https://{expired}/health", tls: {{ ca_file: ca.pem }} }}
  - name: stranger
    health: {{ url: "https://{good}/health" }}
"#
    ));
    let hekate = home.start().await;
    hekate.shows("good", "operational").await;
    for (name, word) in [("expired", "expired"), ("stranger", "certificate")] {
        let told = receiver
            .hear("alerts", name, |told| {
                told.text.starts_with(&format!("DOWN: {name} "))
            })
            .await;
        assert!(told.text.contains("certificate"), "{}", told.text);
        assert!(told.text.contains(word), "{}", told.text);
    }
    hekate.shows("good", "operational").await;
    hekate.stop().await;
}
