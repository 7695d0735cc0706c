//! Every way in which an answer comes.

use std::{
    io::Read as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use expect_test::expect;
use flate2::{Compression, read::GzEncoder};
use hekate::model::{
    Outcome, Secret,
    plan::{Credentials, HttpVersion},
};
use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::mpsc;

use super::stage::{
    PATIENT, answering, ask, look, look_with, ok, prober, question, read_head, send, serve, told,
    until_closed,
};

#[tokio::test]
async fn a_good_answer_is_healthy_with_times_and_without_details() {
    let address = answering(ok("OK")).await;
    let seen = look(question(&format!("http://{address}/health")), PATIENT).await;
    assert_eq!(told(&seen), "healthy");
    assert_eq!(seen.status, Some(200));
    assert_eq!(seen.detail, None);
    let parts: Vec<_> = seen.phases.finished().map(|(name, _)| name).collect();
    assert_eq!(parts, ["connect", "first byte", "body"]);
}

#[tokio::test]
async fn the_request_says_who_asks_and_for_what() {
    let (heard, mut requests_heard) = mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let heard = heard.clone();
        async move {
            heard
                .send(read_head(&mut stream).await)
                .expect("the test listens");
            send(&mut stream, &ok("OK")).await;
        }
    })
    .await;
    let url = format!("http://{address}/health?full=1");
    let plain = question(&url);
    let mut own = question(&url);
    own.credentials = Some(Credentials::Basic {
        username: "monitor".to_owned(),
        password: Secret::new("s3cret"),
    });
    own.headers = vec![
        ("X-Team".to_owned(), Secret::new("core")),
        ("x-team".to_owned(), Secret::new("ops")),
        ("Accept".to_owned(), Secret::new("text/plain")),
        ("Host".to_owned(), Secret::new("api.example.test")),
    ];
    let mut bearer = question(&url);
    bearer.credentials = Some(Credentials::Bearer(Secret::new("t0ken")));
    let mut requests = String::new();
    for question in [plain, own, bearer] {
        assert_eq!(look(question, PATIENT).await.outcome, Outcome::Healthy);
        requests += &requests_heard.recv().await.expect("the server lives");
    }
    let requests = requests
        .replace(&address.to_string(), "ADDRESS")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
        .replace(hekate::probe::health::ACCEPT, "ACCEPT")
        .replace('\r', "");
    expect![[r#"
        GET /health?full=1 HTTP/1.1
        host: ADDRESS
        user-agent: hekate/VERSION
        accept: ACCEPT
        accept-encoding: gzip
        cache-control: no-cache
        connection: close

        GET /health?full=1 HTTP/1.1
        host: api.example.test
        user-agent: hekate/VERSION
        accept: text/plain
        accept-encoding: gzip
        cache-control: no-cache
        authorization: Basic bW9uaXRvcjpzM2NyZXQ=
        x-team: core
        x-team: ops
        connection: close

        GET /health?full=1 HTTP/1.1
        host: ADDRESS
        user-agent: hekate/VERSION
        accept: ACCEPT
        accept-encoding: gzip
        cache-control: no-cache
        authorization: Bearer t0ken
        connection: close

    "#]]
    .assert_eq(&requests);
}

#[tokio::test]
async fn headers_that_cannot_be_sent_are_named_without_their_value() {
    for (name, value, expected) in [
        (
            "X Team",
            "core",
            "gap not_configured: \"X Team\" is no name of a header",
        ),
        (
            "X-Team",
            "s3\ncret",
            "gap not_configured: the value of header X-Team cannot be sent",
        ),
    ] {
        let mut asked = question("http://127.0.0.1:1/");
        asked.headers = vec![(name.to_owned(), Secret::new(value))];
        assert_eq!(told(&look(asked, PATIENT).await), expected);
    }
}

#[tokio::test]
async fn redirects_are_reported_and_not_followed() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let address = serve(move |mut stream| {
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            read_head(&mut stream).await;
            send(
                &mut stream,
                b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
            )
            .await;
        }
    })
    .await;
    let seen = look(question(&format!("http://{address}/")), PATIENT).await;
    assert_eq!(seen.status, Some(302));
    assert_ne!(seen.outcome, Outcome::Healthy);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_compressed_answer_is_unpacked() {
    let mut packed = Vec::new();
    GzEncoder::new(&b"OK"[..], Compression::fast())
        .read_to_end(&mut packed)
        .expect("memory is enough");
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    )
    .into_bytes();
    answer.extend_from_slice(&packed);
    let address = answering(answer).await;
    let seen = look(question(&format!("http://{address}/")), PATIENT).await;
    assert_eq!(told(&seen), "healthy");
}

/// An answer without end is cut at the cap and its connection closed, so that the server notices.
#[tokio::test]
async fn an_endless_body_is_read_up_to_the_cap() {
    let (ended, mut ends) = mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let ended = ended.clone();
        async move {
            read_head(&mut stream).await;
            send(
                &mut stream,
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n",
            )
            .await;
            let filler = vec![b'x'; 64 * 1024];
            while tokio::io::AsyncWriteExt::write_all(&mut stream, &filler)
                .await
                .is_ok()
            {}
            ended.send(()).expect("the test listens");
        }
    })
    .await;
    let seen = look(question(&format!("http://{address}/")), PATIENT).await;
    assert_eq!(seen.status, Some(200));
    assert!(
        seen.phases.body_us.is_some(),
        "the body was read as far as we read"
    );
    ends.recv().await.expect("the server was cut off");
}

#[tokio::test]
async fn a_gzip_bomb_does_not_go_off() {
    let mut bomb = Vec::new();
    GzEncoder::new(
        std::io::repeat(0).take(64 * 1024 * 1024),
        Compression::best(),
    )
    .read_to_end(&mut bomb)
    .expect("it is small");
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    )
    .into_bytes();
    answer.extend_from_slice(&bomb);
    let address = answering(answer).await;
    let seen = look(question(&format!("http://{address}/")), PATIENT).await;
    assert_eq!(seen.status, Some(200));
    assert!(seen.phases.body_us.is_some());
}

/// HTTP/1.0 as old servers speak it: no length, the end of the connection is the end.
#[tokio::test]
async fn an_answer_without_a_length_ends_with_its_connection() {
    let address = answering("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nOK").await;
    let seen = look(question(&format!("http://{address}/")), PATIENT).await;
    assert_eq!(told(&seen), "healthy");
}

#[tokio::test]
async fn who_answered_is_told_with_what_is_wrong() {
    let address = answering(
        "HTTP/1.1 502 Bad Gateway\r\nServer: nginx/1.25\r\nVia: 1.1 edge\u{7f}\r\nContent-Length: 0\r\n\r\n",
    );
    let address = address.await;
    let seen = look(question(&format!("http://{address}/")), PATIENT).await;
    assert_eq!(told(&seen).split_whitespace().next(), Some("refused"));
    let address = stalled_behind_a_proxy().await;
    let seen = look(question(&format!("http://{address}/")), super::stage::SHORT).await;
    let detail = seen.detail.expect("a failure has details");
    assert_eq!(detail.via.as_deref(), Some("nginx/1.25, 1.1 edge"));
}

async fn stalled_behind_a_proxy() -> std::net::SocketAddr {
    super::stage::stalling(
        "HTTP/1.1 200 OK\r\nServer: nginx/1.25\r\nVia: 1.1 edge\r\nContent-Length: 10\r\n\r\n",
    )
    .await
}

#[tokio::test]
async fn http2_by_prior_knowledge() {
    let address = serve(|stream| async move {
        let service = service_fn(|request: Request<hyper::body::Incoming>| async move {
            assert_eq!(request.version(), hyper::Version::HTTP_2);
            assert!(request.uri().authority().is_some());
            Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(b"OK"))))
        });
        let _ends_with_the_look = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    })
    .await;
    let mut asked = question(&format!("http://{address}/health"));
    asked.http_version = HttpVersion::Http2;
    assert_eq!(told(&look(asked, PATIENT).await), "healthy");
}

#[tokio::test]
async fn http2_asked_of_somebody_who_does_not_speak_it() {
    let address =
        answering("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await;
    let mut asked = question(&format!("http://{address}/health"));
    asked.http_version = HttpVersion::Http2;
    expect!["refused not_http: the answer is not HTTP/2"]
        .assert_eq(&told(&look(asked, PATIENT).await));
    let silent = serve(|mut stream| async move { until_closed(&mut stream).await }).await;
    let mut asked = question(&format!("http://{silent}/health"));
    asked.http_version = HttpVersion::Http2;
    expect!["silent first_byte_timeout: connected in N ms, no answer within 300 ms"]
        .assert_eq(&told(&look(asked, super::stage::SHORT).await));
}

/// Many at once through one prober: the shared parts do not mix answers up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_at_once_do_not_mix() {
    let good = answering(ok("OK")).await;
    let bad = answering("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").await;
    let prober = prober();
    let looks: Vec<_> = (0..200)
        .map(|number| {
            let address = if number % 2 == 0 { good } else { bad };
            let (prober, asked) = (prober.clone(), ask(question(&format!("http://{address}/"))));
            tokio::spawn(async move { look_with(&prober, &asked, PATIENT).await.status })
        })
        .collect();
    for (number, look) in looks.into_iter().enumerate() {
        let expected = if number % 2 == 0 { 200 } else { 500 };
        assert_eq!(look.await.expect("a look does not panic"), Some(expected));
    }
}
