//! `websocket:` servers that upgrade, refuse, say the wrong thing, nothing, or too much.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use hekate::model::{
    Secret,
    plan::{IpFamily, Question, TlsSettings},
    wire::WebsocketQuestion,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

use super::{
    certificates::{Authority, serve_tls},
    stage::{PATIENT, SHORT, answering, look_with, prober, serve, told, until_closed},
};

fn question(address: SocketAddr) -> WebsocketQuestion {
    WebsocketQuestion {
        url: format!("ws://{address}/feed?x=1")
            .parse()
            .expect("it is a URL"),
        headers: Vec::new(),
        ip: IpFamily::Auto,
        tls: TlsSettings::default(),
        send: None,
        expect: None,
    }
}

fn expecting(address: SocketAddr, wanted: &str) -> WebsocketQuestion {
    WebsocketQuestion {
        expect: Some(wanted.to_owned()),
        ..question(address)
    }
}

async fn say(question: WebsocketQuestion, limit: Duration) -> String {
    let seen = look_with(&prober(), &Question::Websocket(Arc::new(question)), limit).await;
    told(&seen)
}

/// Repeats every message; whether the other side took its leave in the end.
async fn repeat<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) -> bool {
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(_) => {
                let _it_may_have_left = socket.send(message).await;
            }
            Message::Close(_) => return true,
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
    false
}

/// A server that upgrades and then writes these bytes.
async fn raw(bytes: Vec<u8>) -> SocketAddr {
    serve(move |stream: TcpStream| {
        let bytes = bytes.clone();
        async move {
            if let Ok(socket) = accept_async(stream).await {
                let mut stream = socket.into_inner();
                let _it_may_have_left = stream.write_all(&bytes).await;
                until_closed(&mut stream).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn it_asks_listens_and_takes_its_leave() {
    let (sender, mut left) = tokio::sync::mpsc::unbounded_channel();
    let echo = serve(move |stream| {
        let sender = sender.clone();
        async move {
            if let Ok(mut socket) = accept_async(stream).await {
                let _nobody_may_listen = sender.send(repeat(&mut socket).await);
            }
        }
    })
    .await;
    let asked = WebsocketQuestion {
        send: Some(Secret::new("ping 1")),
        ..expecting(echo, "ping")
    };
    assert_eq!(say(asked, PATIENT).await, "healthy");
    assert_eq!(left.recv().await, Some(true));
    assert_eq!(say(question(echo), PATIENT).await, "healthy");
    let asked = WebsocketQuestion {
        send: Some(Secret::new("pong")),
        ..expecting(echo, "ping")
    };
    assert_eq!(
        say(asked, PATIENT).await,
        "explicit unexpected: the first message is \"pong\", expected \"ping\""
    );
}

#[tokio::test]
async fn the_same_inside_of_tls() {
    let authority = Authority::new("ours");
    let identity = authority.sign(&["127.0.0.1"], -1..60);
    let echo = serve_tls(identity.server(), |stream| async move {
        if let Ok(mut socket) = accept_async(stream).await {
            repeat(&mut socket).await;
        }
    })
    .await;
    let asked = WebsocketQuestion {
        url: format!("wss://{echo}/").parse().expect("it is a URL"),
        tls: authority.trusted(),
        send: Some(Secret::new("ping")),
        ..expecting(echo, "ping")
    };
    assert_eq!(say(asked, PATIENT).await, "healthy");
}

#[tokio::test]
async fn answers_in_place_of_an_upgrade_have_their_classes() {
    for (status, expected) in [
        (
            "200 OK",
            "refused unexpected: answered 200 in place of an upgrade",
        ),
        (
            "302 Found",
            "degraded redirected: answered 302 in place of an upgrade",
        ),
        (
            "401 Unauthorized",
            "gap not_authorised: answered 401 in place of an upgrade",
        ),
        (
            "404 Not Found",
            "refused not_found: answered 404 in place of an upgrade",
        ),
        (
            "429 Slow Down",
            "degraded throttled: answered 429 in place of an upgrade",
        ),
        (
            "500 Oh",
            "refused server_error: answered 500 in place of an upgrade",
        ),
        (
            "503 Oh",
            "refused proxy_error: answered 503 in place of an upgrade",
        ),
    ] {
        let address = answering(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
        assert_eq!(say(question(address), PATIENT).await, expected);
    }
    let address = answering("SSH-2.0-OpenSSH\r\n\r\n").await;
    assert_eq!(
        say(question(address), PATIENT).await,
        "refused not_http: the answer is not HTTP"
    );
    let address = answering("").await;
    assert_eq!(
        say(question(address), PATIENT).await,
        "refused connection_closed: connection closed before an answer"
    );
    let address = answering(
        "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: d3Jvbmc=\r\n\r\n",
    )
    .await;
    let said = say(question(address), PATIENT).await;
    assert!(
        said.starts_with("refused unexpected: answered, but it is no upgrade: "),
        "{said}"
    );
}

#[tokio::test]
async fn what_goes_wrong_after_the_upgrade_has_its_words() {
    let silent = raw(Vec::new()).await;
    assert_eq!(
        say(expecting(silent, "x"), SHORT).await,
        "silent body_timeout: upgraded, but no message within 300 ms (connected in N ms)"
    );
    // A text frame that announces 1 GiB, and one that announces 1 MiB and comes.
    let huge = raw([&[0x81, 127, 0, 0, 0, 0, 64, 0, 0, 0][..], &[b'x'; 100]].concat()).await;
    let large = raw([
        &[0x81, 127, 0, 0, 0, 0, 0, 16, 0, 0][..],
        &vec![b'x'; 1 << 20],
    ]
    .concat())
    .await;
    for address in [huge, large] {
        assert_eq!(
            say(expecting(address, "x"), PATIENT).await,
            "refused too_large: the first message is larger than 64 KiB"
        );
    }
    let garbage = raw(vec![0xFF; 64]).await;
    let said = say(expecting(garbage, "x"), PATIENT).await;
    assert!(
        said.starts_with("refused unexpected: upgraded, but then: "),
        "{said}"
    );
    let leaving = raw(vec![0x88, 6, 0x03, 0xF3, b'o', b'o', b'p', b's']).await;
    assert_eq!(
        say(expecting(leaving, "x"), PATIENT).await,
        "refused connection_closed: upgraded, but then closed before a message (1011 oops)"
    );
    let cutting = serve(|stream| async move { drop(accept_async(stream).await) }).await;
    assert_eq!(
        say(expecting(cutting, "x"), PATIENT).await,
        "refused connection_closed: upgraded, but then closed before a message"
    );
}

/// Pings are answered, but they are no message, however many they are.
#[tokio::test]
async fn a_flood_of_pings_ends_with_the_limit() {
    let flood = serve(|stream| async move {
        if let Ok(socket) = accept_async(stream).await {
            let (mut reader, mut writer) = tokio::io::split(socket.into_inner());
            let reading = until_closed(&mut reader);
            let writing = async { while writer.write_all(&[0x89, 0]).await.is_ok() {} };
            futures_util::future::join(reading, writing).await;
        }
    })
    .await;
    let said = say(expecting(flood, "x"), SHORT).await;
    assert!(
        said.starts_with("silent body_timeout: upgraded, but no message within 300 ms"),
        "{said}"
    );
}

#[tokio::test]
async fn who_never_answers_is_not_waited_for() {
    let silent = serve(|mut stream| async move { until_closed(&mut stream).await }).await;
    assert_eq!(
        say(question(silent), SHORT).await,
        "silent first_byte_timeout: connected in N ms, no answer within 300 ms"
    );
    let endless = serve(|mut stream| async move {
        let _it_may_have_left = stream.write_all(b"HTTP/1.1 101 X\r\n").await;
        while stream
            .write_all(b"X-More: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    let said = say(question(endless), PATIENT).await;
    assert!(said.starts_with("refused "), "{said}");
}
