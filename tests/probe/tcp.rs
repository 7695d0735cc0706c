//! `tcp:` ports that answer, refuse, stay silent, say something else or never stop.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hekate::{
    clock::Clock,
    model::{
        Secret,
        plan::{IpFamily, Question, TlsSettings},
        wire::{Endpoint, TcpQuestion},
    },
    probe::{Prober, http::Lookup},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use url::Host;

use super::{
    certificates::{Authority, serve_tls},
    stage::{PATIENT, SHORT, look_with, nobody, prober, send, serve, told, until_closed},
};

/// This address as an endpoint.
pub(crate) fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint {
        host: match address.ip() {
            IpAddr::V4(ip) => Host::Ipv4(ip),
            IpAddr::V6(ip) => Host::Ipv6(ip),
        },
        port: address.port(),
    }
}

fn question(address: SocketAddr) -> TcpQuestion {
    TcpQuestion {
        endpoint: endpoint(address),
        ip: IpFamily::Auto,
        tls: None,
        send: None,
        expect: None,
        all_addresses: false,
    }
}

fn expecting(address: SocketAddr, wanted: &str) -> TcpQuestion {
    TcpQuestion {
        expect: Some(wanted.to_owned()),
        ..question(address)
    }
}

async fn say(question: TcpQuestion, limit: Duration) -> String {
    told(&look_with(&prober(), &Question::Tcp(Arc::new(question)), limit).await)
}

#[tokio::test]
async fn something_listens_or_nothing_does() {
    let open = serve(|mut stream| async move { until_closed(&mut stream).await }).await;
    let asked = Question::Tcp(Arc::new(question(open)));
    let seen = look_with(&prober(), &asked, PATIENT).await;
    assert_eq!(told(&seen), "healthy");
    assert!(seen.phases.connect_us.is_some() && seen.phases.tls_us.is_none());
    assert_eq!(
        say(question(nobody().await), PATIENT).await,
        "refused connection_refused: connection refused, nothing listens on port N"
    );
}

#[tokio::test]
async fn what_is_sent_arrives_and_the_answer_may_come_in_pieces() {
    let echo = serve(|mut stream| async move {
        let mut said = [0; 6];
        if stream.read_exact(&mut said).await.is_ok() && &said == b"PING\r\n" {
            for piece in ["+P", "O", "NG\r\n"] {
                send(&mut stream, piece.as_bytes()).await;
                tokio::task::yield_now().await;
            }
            until_closed(&mut stream).await;
        }
    })
    .await;
    let asked = TcpQuestion {
        send: Some(Secret::new("PING\r\n")),
        ..expecting(echo, "+PONG")
    };
    assert_eq!(say(asked, PATIENT).await, "healthy");
}

#[tokio::test]
async fn what_was_sent_is_not_repeated() {
    let echo = serve(|mut stream| async move {
        let mut said = [0; 18];
        if stream.read_exact(&mut said).await.is_ok() {
            send(&mut stream, &[b"-ERR ", &said[..]].concat()).await;
        }
    })
    .await;
    let asked = Question::Tcp(Arc::new(TcpQuestion {
        send: Some(Secret::new("AUTH hunter2+xyz\r\n")),
        ..expecting(echo, "+OK")
    }));
    let seen = look_with(&prober(), &asked, PATIENT).await;
    assert_eq!(
        told(&seen),
        "explicit unexpected: it said \"-ERR AUTH ***\" and closed the connection, expected \"+OK\""
    );
    assert!(!format!("{seen:?}").contains("hunter2"), "{seen:?}");
}

#[tokio::test]
async fn every_way_to_say_something_else_has_its_words() {
    let wrong =
        serve(|mut stream| async move { send(&mut stream, b"-ERR go\x1b[31m away\r\n").await })
            .await;
    assert_eq!(
        say(expecting(wrong, "+PONG"), PATIENT).await,
        "explicit unexpected: it said \"-ERR go [31m away\" and closed the connection, expected \"+PONG\""
    );
    let endless =
        serve(|mut stream| async move { while stream.write_all(&[b'x'; 64]).await.is_ok() {} })
            .await;
    assert!(
        say(expecting(endless, "+PONG"), PATIENT)
            .await
            .starts_with("explicit unexpected: it said \"xxx")
    );
    let stuck = serve(|mut stream| async move {
        send(&mut stream, b"220 hello").await;
        until_closed(&mut stream).await;
    })
    .await;
    assert_eq!(
        say(expecting(stuck, "250"), SHORT).await,
        "explicit unexpected: it said \"220 hello\" within 300 ms, expected \"250\""
    );
    let drip = serve(|mut stream| async move {
        while stream.write_all(b".").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(
        say(expecting(drip, "250"), SHORT)
            .await
            .starts_with("explicit unexpected: it said \"..")
    );
}

#[tokio::test]
async fn silence_and_goodbyes_are_told_apart() {
    let silent = serve(|mut stream| async move { until_closed(&mut stream).await }).await;
    assert_eq!(
        say(expecting(silent, "+PONG"), SHORT).await,
        "silent first_byte_timeout: connected in N ms, no answer within 300 ms"
    );
    let leaving = serve(|stream| async move { drop(stream) }).await;
    assert_eq!(
        say(expecting(leaving, "+PONG"), PATIENT).await,
        "refused connection_closed: connected, but the connection was closed before anything came"
    );
}

#[tokio::test]
async fn the_same_inside_of_tls() {
    let authority = Authority::new("ours");
    let identity = authority.sign(&["127.0.0.1"], -1..60);
    let greeting = serve_tls(identity.server(), |mut stream| async move {
        let _it_may_have_left = stream.write_all(b"* OK ready\r\n").await;
        let _it_may_have_left = stream.shutdown().await;
    })
    .await;
    let asked = TcpQuestion {
        tls: Some(authority.trusted()),
        ..expecting(greeting, "* OK")
    };
    assert_eq!(say(asked, PATIENT).await, "healthy");
    let untrusted = TcpQuestion {
        tls: Some(TlsSettings::default()),
        ..expecting(greeting, "* OK")
    };
    let said = say(untrusted, PATIENT).await;
    assert!(
        said == "refused certificate: certificate is from an issuer that this machine does not trust"
            || said.starts_with("gap own_tls: "),
        "{said}"
    );
    let plain = serve(|mut stream| async move {
        send(&mut stream, b"220 plain text\r\n").await;
        until_closed(&mut stream).await;
    })
    .await;
    let asked = TcpQuestion {
        tls: Some(authority.trusted()),
        ..question(plain)
    };
    assert_eq!(
        say(asked, PATIENT).await,
        "refused tls_handshake: TLS handshake failed: what answers does not speak TLS"
    );
}

/// A prober to whom every name has these addresses.
fn with_addresses(addresses: &'static [&'static str]) -> Prober {
    let found: Vec<IpAddr> = addresses
        .iter()
        .map(|ip| ip.parse().expect("it is an address"))
        .collect();
    Prober::with_lookup(Clock::start(), Lookup::new(move |_name| Ok(found.clone())))
}

#[tokio::test]
async fn with_all_addresses_a_dead_half_is_seen() {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has ports");
    let port = listener.local_addr().expect("it is bound").port();
    let asked = |all_addresses| {
        Question::Tcp(Arc::new(TcpQuestion {
            endpoint: Endpoint {
                host: Host::Domain("db.test".to_owned()),
                port,
            },
            all_addresses,
            ..question(([127, 0, 0, 1], port).into())
        }))
    };
    let half = with_addresses(&["127.0.0.1", "127.0.0.2"]);
    assert_eq!(
        told(&look_with(&half, &asked(true), PATIENT).await),
        "refused connection_refused: 127.0.0.2: connection refused, nothing listens on port N; 1 of 2 addresses"
    );
    assert_eq!(
        told(&look_with(&half, &asked(false), PATIENT).await),
        "healthy"
    );
    let none = with_addresses(&["127.0.0.2", "127.0.0.3"]);
    let seen = look_with(&none, &asked(true), PATIENT).await;
    assert_eq!(
        told(&seen),
        "refused connection_refused: 127.0.0.2, 127.0.0.3: connection refused, nothing listens on port N; 2 of 2 addresses"
    );
    assert!(seen.phases.resolve_us.is_some());
    let one = with_addresses(&["127.0.0.1"]);
    assert_eq!(
        told(&look_with(&one, &asked(true), PATIENT).await),
        "healthy"
    );
}
