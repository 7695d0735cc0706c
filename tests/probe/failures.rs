//! Every way in which an answer fails to come.

use std::time::Duration;

use expect_test::{Expect, expect};
use hekate::model::{GapKind, Outcome};
use tokio::net::{TcpSocket, TcpStream};

use super::stage::{
    PATIENT, SHORT, answering, look, nobody, question, read_head, send, serve, stalling, told,
    until_closed,
};

async fn check(address: impl std::fmt::Display, limit: Duration, expected: Expect) {
    let url = format!("http://{address}/health?token=s3cret");
    let seen = look(question(&url), limit).await;
    assert!(!told(&seen).contains("s3cret"));
    let detail = seen.detail.as_ref().expect("a failure has details");
    assert_eq!(detail.address.as_deref(), Some(&*address.to_string()));
    expected.assert_eq(&told(&seen));
}

#[tokio::test]
async fn nothing_listens() {
    check(
        nobody().await,
        PATIENT,
        expect!["refused connection_refused: connection refused, nothing listens on port N"],
    )
    .await;
}

#[tokio::test]
async fn the_queue_of_connections_is_full() {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind(([127, 0, 0, 1], 0).into())
        .expect("loopback has ports");
    let listener = socket.listen(1).expect("it is bound");
    let address = listener.local_addr().expect("it is bound");
    // Nobody accepts: the first connections fill the queue, and from then on the system drops every knock.
    let mut waiting = Vec::new();
    while let Ok(connected) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        waiting.push(connected.expect("a full queue is silent"));
    }
    check(
        address,
        SHORT,
        expect!["silent connect_timeout: no connection within 300 ms"],
    )
    .await;
}

#[tokio::test]
async fn it_accepts_and_says_nothing() {
    check(
        stalling("").await,
        SHORT,
        expect!["silent first_byte_timeout: connected in N ms, no answer within 300 ms"],
    )
    .await;
}

#[tokio::test]
async fn the_head_comes_byte_by_byte_without_end() {
    let dripping = serve(|mut stream| async move {
        read_head(&mut stream).await;
        send(&mut stream, b"HTTP/1.1 200 OK\r\nServer: ").await;
        while stream.try_write(b"x").is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    check(
        dripping.await,
        SHORT,
        expect!["silent first_byte_timeout: connected in N ms, no answer within 300 ms"],
    )
    .await;
}

#[tokio::test]
async fn the_body_comes_byte_by_byte_without_end() {
    let dripping = serve(|mut stream| async move {
        read_head(&mut stream).await;
        send(
            &mut stream,
            b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        )
        .await;
        while stream.try_write(b"x").is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let seen = look(question(&format!("http://{}/", dripping.await)), SHORT).await;
    let line = told(&seen);
    let line = line.replace(|c: char| c.is_ascii_digit(), "N");
    expect![
        "silent body_timeout: answered NNN, but the body stopped after NN bytes (waited NNN ms)"
    ]
    .assert_eq(&line);
}

#[tokio::test]
async fn preliminary_answers_without_end() {
    let flooding = serve(|mut stream| async move {
        read_head(&mut stream).await;
        while stream.writable().await.is_ok() {
            match stream.try_write(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000)) {
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break,
                Ok(_) | Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    check(
        flooding.await,
        SHORT,
        expect!["silent first_byte_timeout: connected in N ms, no answer within 300 ms"],
    )
    .await;
}

#[tokio::test]
async fn the_body_stalls() {
    check(
        stalling("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello").await,
        SHORT,
        expect![
            "silent body_timeout: answered 200, but the body stopped after 5 bytes (waited 300 ms)"
        ],
    )
    .await;
}

#[tokio::test]
async fn the_body_is_cut_off() {
    check(
        answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello").await,
        PATIENT,
        expect!["silent body_cut: answered 200, but the body was cut off after 5 bytes"],
    )
    .await;
    check(
        answering("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await,
        PATIENT,
        expect!["silent body_cut: answered 503, but the body was cut off after 5 bytes"],
    )
    .await;
    check(
        answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nthis is no chunk\r\n")
            .await,
        PATIENT,
        expect!["silent body_cut: answered 200, but the body was cut off after 0 bytes"],
    )
    .await;
}

#[tokio::test]
async fn it_closes_without_an_answer() {
    check(
        answering("").await,
        PATIENT,
        expect!["refused connection_closed: connection closed before an answer"],
    )
    .await;
    check(
        answering("HTTP/1.1 200 OK\r\nServ").await,
        PATIENT,
        expect!["refused connection_closed: connection closed before an answer"],
    )
    .await;
}

#[tokio::test]
async fn it_resets_without_an_answer() {
    let resetting = serve(|mut stream| async move {
        read_head(&mut stream).await;
        stream.set_zero_linger().expect("the socket is open");
    });
    check(
        resetting.await,
        PATIENT,
        expect!["refused connection_closed: connection reset before an answer"],
    )
    .await;
}

#[tokio::test]
async fn what_answers_is_no_http() {
    for banner in [
        "SSH-2.0-OpenSSH_9.2p1\r\n",
        "220 mail.example.test ESMTP\r\n",
        "\0\u{1}\u{2}\r\n\r\n",
    ] {
        check(
            answering(banner).await,
            PATIENT,
            expect!["refused not_http: the answer is not HTTP"],
        )
        .await;
    }
}

#[tokio::test]
async fn the_head_is_too_large() {
    let flooding = serve(|mut stream| async move {
        read_head(&mut stream).await;
        send(&mut stream, b"HTTP/1.1 200 OK\r\n").await;
        let line = format!("X-Filler: {}\r\n", "x".repeat(1_000)).repeat(100);
        for _ in 0..1_000 {
            send(&mut stream, line.as_bytes()).await;
        }
        until_closed(&mut stream).await;
    });
    check(flooding.await, PATIENT, expect!["refused too_large: the head of the answer is larger than 32 KiB or has more than 64 headers"]).await;
    let many = "X-Filler: x\r\n".repeat(65);
    check(
        answering(format!(
            "HTTP/1.1 200 OK\r\n{many}Content-Length: 0\r\n\r\n"
        ))
        .await,
        PATIENT,
        expect!["refused too_large: the head of the answer is larger than 32 KiB or has more than 64 headers"],
    )
    .await;
}

#[tokio::test]
async fn metadata_addresses_are_never_looked_at() {
    for host in [
        "169.254.169.254",
        "[fe80::1]",
        "0.0.0.0",
        "[::]",
        "224.0.0.1",
        "[::ffff:169.254.169.254]",
    ] {
        let seen = look(
            question(&format!("http://{host}/latest/meta-data")),
            PATIENT,
        )
        .await;
        let Outcome::Unobservable(gap) = &seen.outcome else {
            panic!("{host}: {:?}", seen.outcome);
        };
        assert_eq!(gap.kind, GapKind::NotConfigured, "{host}");
        let bare = host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .expect("an address");
        assert_eq!(gap.words, format!("address {bare} is never looked at"));
    }
}

/// The timer of a look that rang more than a second late proves nothing: the answer may have been waiting.
#[tokio::test]
async fn a_look_that_was_held_up_accuses_nobody() {
    let silent = stalling("").await;
    let holding = tokio::spawn(async {
        tokio::time::sleep(SHORT / 3).await;
        std::thread::sleep(Duration::from_millis(1_400));
    });
    let seen = look(question(&format!("http://{silent}/")), SHORT).await;
    holding.await.expect("it only sleeps");
    assert!(
        told(&seen).starts_with("gap interrupted: hekate itself was held up for 1."),
        "{}",
        told(&seen)
    );
}
