//! TLS that works, and every way in which it does not.

use std::net::SocketAddr;

use expect_test::{Expect, expect};
use hekate::model::plan::{HttpVersion, TlsSettings};
use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_rustls::server::TlsStream;

use super::{
    certificates::{Authority, Identity, date, serve_tls},
    stage::{PATIENT, SHORT, look, ok, question, read_head, send, serve, told, until_closed},
};

async fn answer(mut stream: TlsStream<TcpStream>) {
    read_head(&mut stream).await;
    let _it_may_have_left = stream.write_all(&ok("OK")).await;
    let _it_may_have_left = stream.shutdown().await;
}

async fn told_of(host: &str, server: SocketAddr, tls: TlsSettings) -> String {
    let mut asked = question(&format!("https://{host}:{}/health", server.port()));
    asked.tls = tls;
    told(&look(asked, PATIENT).await)
}

/// A certificate for loopback that is good for a month.
fn good(authority: &Authority) -> Identity {
    authority.sign(&["127.0.0.1", "localhost"], -1..30)
}

#[tokio::test]
async fn a_trusted_certificate_is_healthy_and_its_handshake_timed() {
    let authority = Authority::new("us");
    let server = serve_tls(good(&authority).server(), answer).await;
    let mut asked = question(&format!("https://127.0.0.1:{}/", server.port()));
    asked.tls = authority.trusted();
    let seen = look(asked, PATIENT).await;
    assert_eq!(told(&seen), "healthy");
    let parts: Vec<_> = seen.phases.finished().map(|(name, _)| name).collect();
    assert_eq!(parts, ["connect", "tls", "first byte", "body"]);
}

#[tokio::test]
async fn certificates_that_nobody_should_accept() {
    let authority = Authority::new("us");
    let cases: [(&[&str], _, TlsSettings, Expect); 6] = [
        (
            &["127.0.0.1"],
            -30..-3,
            authority.trusted(),
            expect!["refused certificate: certificate expired 3 days ago (END)"],
        ),
        (
            &["127.0.0.1"],
            3..30,
            authority.trusted(),
            expect![
                "refused certificate: certificate is not valid yet, only from START (in 2 days)"
            ],
        ),
        (
            &["other.example.test"],
            -1..30,
            authority.trusted(),
            expect![
                "refused certificate: certificate is for other.example.test, not for 127.0.0.1"
            ],
        ),
        (
            &["a.test", "b.test", "c.test", "d.test", "e.test"],
            -1..30,
            authority.trusted(),
            expect![
                "refused certificate: certificate is for a.test, b.test and 3 more, not for 127.0.0.1"
            ],
        ),
        (
            &["127.0.0.1"],
            -1..30,
            Authority::new("somebody else").trusted(),
            expect![
                "refused certificate: certificate is from an issuer that this machine does not trust"
            ],
        ),
        (
            &["127.0.0.1"],
            -1..30,
            TlsSettings {
                server_name: Some("api.example.test".to_owned()),
                ..authority.trusted()
            },
            expect!["refused certificate: certificate is for 127.0.0.1, not for api.example.test"],
        ),
    ];
    for (names, days, settings, expected) in cases {
        let (starts, ends) = (date(days.start).to_string(), date(days.end).to_string());
        let server = serve_tls(authority.sign(names, days).server(), answer).await;
        let line = told_of("127.0.0.1", server, settings).await;
        let line = line.replace(&starts, "START").replace(&ends, "END");
        expected.assert_eq(&line);
    }
}

#[tokio::test]
async fn insecure_accepts_all_of_them() {
    let authority = Authority::new("us");
    let server = serve_tls(authority.sign(&["other.test"], -30..-3).server(), answer).await;
    let insecure = TlsSettings {
        insecure: true,
        ..TlsSettings::default()
    };
    assert_eq!(told_of("127.0.0.1", server, insecure).await, "healthy");
}

#[tokio::test]
async fn another_name_may_be_expected() {
    let authority = Authority::new("us");
    let server = serve_tls(
        authority.sign(&["api.example.test"], -1..30).server(),
        answer,
    )
    .await;
    let named = TlsSettings {
        server_name: Some("api.example.test".to_owned()),
        ..authority.trusted()
    };
    assert_eq!(told_of("127.0.0.1", server, named).await, "healthy");
}

#[tokio::test]
async fn a_server_that_demands_a_certificate() {
    let authority = Authority::new("us");
    let server = serve_tls(authority.demanding(&good(&authority)), answer).await;
    let line = told_of("127.0.0.1", server, authority.trusted()).await;
    expect!["refused tls_handshake: TLS refused by the server: certificate required"]
        .assert_eq(&line);
    let client = authority.sign(&["monitor"], -1..30);
    let line = told_of("127.0.0.1", server, client.as_client(authority.trusted())).await;
    assert_eq!(line, "healthy");
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_our_own_fault() {
    let authority = Authority::new("us");
    let other = authority.sign(&["monitor"], -1..30);
    let good = good(&authority);
    let cases: [(TlsSettings, Expect); 5] = [
        (
            TlsSettings {
                ca_pem: Some(b"no PEM".as_slice().into()),
                ..TlsSettings::default()
            },
            expect!["gap own_tls: tls.ca_file holds no certificate in PEM"],
        ),
        (
            TlsSettings {
                key_pem: None,
                ..good.as_client(authority.trusted())
            },
            expect!["gap own_tls: tls.certificate_file has no tls.key_file"],
        ),
        (
            TlsSettings {
                certificate_pem: None,
                ..good.as_client(authority.trusted())
            },
            expect!["gap own_tls: tls.key_file has no tls.certificate_file"],
        ),
        (
            TlsSettings {
                key_pem: other.as_client(authority.trusted()).key_pem,
                ..good.as_client(authority.trusted())
            },
            expect![
                "gap own_tls: tls.certificate_file and tls.key_file cannot be used: keys may not be consistent: KeyMismatch"
            ],
        ),
        (
            TlsSettings {
                server_name: Some("not a name".to_owned()),
                ..authority.trusted()
            },
            expect!["gap not_configured: not a name is no name that a certificate can have"],
        ),
    ];
    for (settings, expected) in cases {
        let server = ([127, 0, 0, 1], 1).into();
        expected.assert_eq(&told_of("127.0.0.1", server, settings).await);
    }
}

#[tokio::test]
async fn tls_asked_of_a_plain_port() {
    let server = serve(|mut stream| async move {
        stream.readable().await.expect("a client says hello");
        send(
            &mut stream,
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
        until_closed(&mut stream).await;
    })
    .await;
    let line = told_of("127.0.0.1", server, TlsSettings::default()).await;
    expect!["refused tls_handshake: TLS handshake failed: what answers does not speak TLS"]
        .assert_eq(&line);
    let closing = serve(|_stream| async {}).await;
    let line = told_of("127.0.0.1", closing, TlsSettings::default()).await;
    expect!["refused tls_handshake: connection closed during the TLS handshake"].assert_eq(&line);
}

#[tokio::test]
async fn plain_http_asked_of_a_tls_port() {
    let authority = Authority::new("us");
    let server = serve_tls(good(&authority).server(), answer).await;
    let seen = look(question(&format!("http://{server}/health")), PATIENT).await;
    expect!["refused not_http: the answer is not HTTP"].assert_eq(&told(&seen));
}

#[tokio::test]
async fn a_handshake_that_stalls() {
    let silent = serve(|mut stream| async move { until_closed(&mut stream).await }).await;
    let seen = look(question(&format!("https://{silent}/")), SHORT).await;
    expect![
        "silent tls_timeout: connected in N ms, but the TLS handshake did not end within 300 ms"
    ]
    .assert_eq(&told(&seen));
}

/// Many servers end a TLS stream without saying goodbye; where the end is the only mark of the body's end, it counts.
#[tokio::test]
async fn an_end_without_goodbye() {
    let authority = Authority::new("us");
    for (head, expected) in [
        (
            "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nOK",
            expect!["healthy"],
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nOK",
            expect!["silent body_cut: answered 200, but the body was cut off after 2 bytes"],
        ),
        (
            "",
            expect!["refused connection_closed: connection closed before an answer"],
        ),
    ] {
        let config = good(&authority).server();
        let server = serve_tls(config, move |mut stream| async move {
            read_head(&mut stream).await;
            let _it_may_have_left = stream.write_all(head.as_bytes()).await;
            let _it_may_have_left = stream.flush().await;
        })
        .await;
        let line = told_of("127.0.0.1", server, authority.trusted()).await;
        expected.assert_eq(&line);
    }
}

#[tokio::test]
async fn http2_is_spoken_if_the_server_chooses_it() {
    let authority = Authority::new("us");
    for protocols in [vec![b"h2".to_vec()], vec![b"http/1.1".to_vec()], Vec::new()] {
        let mut config = good(&authority).server();
        config.alpn_protocols = protocols;
        let server = serve_tls(config, |stream| async move {
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let service = service_fn(move |request: Request<hyper::body::Incoming>| async move {
                assert_eq!(request.version() == hyper::Version::HTTP_2, is_http2);
                Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(
                    b"OK",
                ))))
            });
            let _ends_with_the_look =
                hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
        })
        .await;
        let mut asked = question(&format!("https://{server}/"));
        asked.http_version = HttpVersion::Http2;
        asked.tls = authority.trusted();
        assert_eq!(told(&look(asked, PATIENT).await), "healthy");
    }
}
