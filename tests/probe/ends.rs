//! `tls:` certificates that end soon, have ended, or whose issuers end before them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hekate::model::{
    Extra, Observation,
    plan::{IpFamily, Question, TlsSettings},
    wire::{StartTls, TlsQuestion},
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use super::{
    certificates::{Authority, date, serve_tls},
    stage::{PATIENT, SHORT, look_with, prober, send, serve, told, until_closed},
    tcp::endpoint,
};

const HOST: &str = "127.0.0.1";

fn question(address: SocketAddr, settings: TlsSettings) -> TlsQuestion {
    TlsQuestion {
        endpoint: endpoint(address),
        ip: IpFamily::Auto,
        settings,
        warn_at: TlsQuestion::WARN_AT.to_vec(),
        starttls: None,
        all_addresses: false,
    }
}

async fn look(question: TlsQuestion, limit: Duration) -> Observation {
    look_with(&prober(), &Question::Tls(Arc::new(question)), limit).await
}

async fn showing(config: ServerConfig) -> SocketAddr {
    serve_tls(config, |mut stream| async move {
        until_closed(&mut stream).await;
    })
    .await
}

/// What is said of a certificate that is valid for these days.
async fn said(days: std::ops::Range<i64>) -> String {
    let authority = Authority::new("ours");
    let address = showing(authority.sign(&[HOST], days).server()).await;
    told(&look(question(address, authority.trusted()), PATIENT).await)
}

#[tokio::test]
async fn days_left_decide() {
    // Dates end at midnight, so of the last day only a part is left.
    for (days, expected) in [
        (-1..60, "healthy".to_owned()),
        (-1..23, "healthy".to_owned()),
        (
            -1..21,
            format!(
                "degraded expiring: certificate of {HOST} ends in 20 days ({})",
                date(21)
            ),
        ),
        (
            -1..7,
            format!(
                "degraded expiring: certificate of {HOST} ends in 6 days ({})",
                date(7)
            ),
        ),
        (
            -9..-2,
            format!(
                "refused certificate: certificate expired 2 days ago ({})",
                date(-2)
            ),
        ),
    ] {
        assert_eq!(said(days.clone()).await, expected, "{days:?}");
    }
    let last_day = said(-1..1).await;
    assert!(
        last_day.starts_with(&format!(
            "degraded expiring: certificate of {HOST} ends in "
        )) && !last_day.contains("day"),
        "{last_day}"
    );
}

/// What is said beside the words: within which warning the end is, and within which it would be a day later.
#[tokio::test]
async fn warnings_are_counted_with_a_day_to_spare() {
    let authority = Authority::new("ours");
    let day = |days: u64| Duration::from_hours(24 * days);
    for (days, expected) in [
        (60, None),
        (23, None),
        (22, Some((None, day(21)))),
        (21, Some((Some(day(21)), day(21)))),
        (8, Some((Some(day(21)), day(7)))),
        (7, Some((Some(day(7)), day(7)))),
        (1, Some((Some(day(1)), day(1)))),
    ] {
        let address = showing(authority.sign(&[HOST], -1..days).server()).await;
        let seen = look(question(address, authority.trusted()), PATIENT).await;
        let ending = if let Some(Extra::Ending(ending)) = seen.extra.as_deref() {
            Some((ending.warning, ending.nearly))
        } else {
            None
        };
        assert_eq!(ending, expected, "{days} days");
    }
}

#[tokio::test]
async fn the_steps_are_the_files() {
    let authority = Authority::new("ours");
    let address = showing(authority.sign(&[HOST], -1..60).server()).await;
    let asked = TlsQuestion {
        warn_at: vec![Duration::from_hours(24 * 90)],
        ..question(address, authority.trusted())
    };
    assert_eq!(
        told(&look(asked, PATIENT).await),
        format!(
            "degraded expiring: certificate of {HOST} ends in 59 days ({})",
            date(60)
        )
    );
}

#[tokio::test]
async fn another_name_or_issuer_is_refused() {
    let authority = Authority::new("ours");
    let address = showing(authority.sign(&["other.test"], -1..60).server()).await;
    assert_eq!(
        told(&look(question(address, authority.trusted()), PATIENT).await),
        format!("refused certificate: certificate is for other.test, not for {HOST}")
    );
    let stranger = Authority::new("a stranger").trusted();
    assert_eq!(
        told(&look(question(address, stranger), PATIENT).await),
        "refused certificate: certificate is from an issuer that this machine does not trust"
    );
}

/// With `insecure` whoever signed it is all the same, but its dates are not.
#[tokio::test]
async fn dates_count_for_any_certificate() {
    let settings = TlsSettings {
        insecure: true,
        ..TlsSettings::default()
    };
    let authority = Authority::new("nobody knows");
    for (days, expected) in [
        (-1..60, "healthy".to_owned()),
        (
            -1..7,
            format!(
                "degraded expiring: certificate of {HOST} ends in 6 days ({})",
                date(7)
            ),
        ),
        (
            -9..-2,
            format!(
                "refused certificate: certificate expired 2 days ago ({})",
                date(-2)
            ),
        ),
        (
            3..9,
            format!(
                "refused certificate: certificate is not valid yet, only from {}",
                date(3)
            ),
        ),
    ] {
        let address = showing(authority.sign(&["other.test"], days).server()).await;
        let seen = look(question(address, settings.clone()), PATIENT).await;
        assert_eq!(told(&seen), expected);
    }
}

#[tokio::test]
async fn an_issuer_that_ends_first_is_named() {
    let root = Authority::new("root");
    let middle = root.subordinate("Middle \"1\"", -1..7);
    let identity = middle.sign(&[HOST], -1..60);
    let address = showing(identity.server_with(&[middle.certificate()])).await;
    assert_eq!(
        told(&look(question(address, root.trusted()), PATIENT).await),
        format!(
            "degraded expiring: certificate of the issuer \"Middle \"1\"\" of {HOST} ends in 6 days ({})",
            date(7)
        )
    );
}

/// Servers send more certificates than anybody needs, such as the cross signature of an old root.
#[tokio::test]
async fn the_end_of_a_certificate_that_no_path_needs_says_nothing() {
    let root = Authority::new("root");
    let needless = Authority::new("old root").subordinate("root", -1..3);
    let ended = root.subordinate("long gone", -9..-3);
    let identity = root.sign(&[HOST], -1..60);
    let chain = [needless.certificate(), ended.certificate()];
    let address = showing(identity.server_with(&chain)).await;
    assert_eq!(
        told(&look(question(address, root.trusted()), PATIENT).await),
        "healthy"
    );
}

/// A server that speaks these lines in turn, `>` from the client and `<` from itself, and then TLS.
async fn speaking(config: ServerConfig, lines: &'static [&'static str]) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve(move |mut stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move {
            for line in lines {
                match line.split_at(1) {
                    ("<", said) => send(&mut stream, said.as_bytes()).await,
                    (_, wanted) => {
                        let mut came = vec![0; wanted.len()];
                        if stream.read_exact(&mut came).await.is_err() || came != wanted.as_bytes()
                        {
                            return;
                        }
                    }
                }
            }
            if let Ok(mut stream) = acceptor.accept(stream).await {
                until_closed(&mut stream).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn protocols_that_begin_in_plain_text_change_to_tls() {
    let authority = Authority::new("ours");
    let config = || authority.sign(&[HOST], -1..60).server();
    let smtp: &[&str] = &[
        "<220-mail.test\r\n220 ready\r\n",
        ">EHLO hekate.invalid\r\n",
        "<250-mail.test\r\n250-SIZE 1\r\n250 STARTTLS\r\n",
        ">STARTTLS\r\n",
        "<220 go\r\n",
    ];
    let imap: &[&str] = &["<* OK ready\r\n", ">a STARTTLS\r\n", "<* hm\r\na OK go\r\n"];
    for (protocol, lines) in [(StartTls::Smtp, smtp), (StartTls::Imap, imap)] {
        let asked = TlsQuestion {
            starttls: Some(protocol),
            ..question(speaking(config(), lines).await, authority.trusted())
        };
        assert_eq!(told(&look(asked, PATIENT).await), "healthy", "{protocol:?}");
    }
    // The request has bytes that are no text, so the server reads all eight.
    let acceptor = TlsAcceptor::from(Arc::new(config()));
    let address = serve(move |mut stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move {
            let mut request = [0; 8];
            if stream.read_exact(&mut request).await.is_ok()
                && request == [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F]
                && stream.write_all(b"S").await.is_ok()
                && let Ok(mut stream) = acceptor.accept(stream).await
            {
                until_closed(&mut stream).await;
            }
        }
    })
    .await;
    let asked = TlsQuestion {
        starttls: Some(StartTls::Postgres),
        ..question(address, authority.trusted())
    };
    assert_eq!(told(&look(asked, PATIENT).await), "healthy");
}

#[tokio::test]
async fn refusals_to_change_have_their_words() {
    let authority = Authority::new("ours");
    let cases: [(StartTls, &'static str, &str); 5] = [
        (
            StartTls::Smtp,
            "554 no\r\n",
            "refused tls_handshake: it does not change to TLS: \"554 no\"",
        ),
        (
            StartTls::Imap,
            "SSH-2.0-x\r\n",
            "refused tls_handshake: it does not change to TLS: \"SSH-2.0-x\"",
        ),
        (
            StartTls::Postgres,
            "N",
            "refused tls_handshake: it does not change to TLS: \"N\"",
        ),
        (
            StartTls::Smtp,
            "",
            "silent first_byte_timeout: connected in N ms, no answer within 300 ms",
        ),
        (
            StartTls::Smtp,
            "220 no end of line",
            "silent first_byte_timeout: connected in N ms, no answer within 300 ms",
        ),
    ];
    for (protocol, greeting, expected) in cases {
        let address = serve(move |mut stream| async move {
            send(&mut stream, greeting.as_bytes()).await;
            until_closed(&mut stream).await;
        })
        .await;
        let asked = TlsQuestion {
            starttls: Some(protocol),
            ..question(address, authority.trusted())
        };
        assert_eq!(told(&look(asked, SHORT).await), expected);
    }
    let endless =
        serve(|mut stream| async move { while stream.write_all(&[b'2'; 64]).await.is_ok() {} })
            .await;
    let asked = TlsQuestion {
        starttls: Some(StartTls::Smtp),
        ..question(endless, authority.trusted())
    };
    assert!(
        told(&look(asked, PATIENT).await)
            .starts_with("refused tls_handshake: it does not change to TLS: \"2222")
    );
}

#[tokio::test]
async fn who_does_not_shake_hands_is_not_waited_for() {
    let authority = Authority::new("ours");
    let silent = serve(|mut stream| async move { until_closed(&mut stream).await }).await;
    assert_eq!(
        told(&look(question(silent, authority.trusted()), SHORT).await),
        "silent tls_timeout: connected in N ms, but the TLS handshake did not end within 300 ms"
    );
    let leaving = serve(|stream| async move { drop(stream) }).await;
    assert_eq!(
        told(&look(question(leaving, authority.trusted()), PATIENT).await),
        "refused tls_handshake: connection closed during the TLS handshake"
    );
}
