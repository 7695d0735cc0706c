//! `grpc:` servers that say how they are, that know nothing of health, that are no gRPC at all.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use hekate::model::{
    Secret,
    plan::{IpFamily, Question},
    wire::GrpcQuestion,
};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
};

use super::{
    certificates::{Authority, serve_tls},
    stage::{PATIENT, SHORT, answering, look_with, prober, serve, told, until_closed},
    tcp::endpoint,
};

fn question(address: SocketAddr) -> GrpcQuestion {
    GrpcQuestion {
        endpoint: endpoint(address),
        service: String::new(),
        ip: IpFamily::Auto,
        tls: None,
        metadata: Vec::new(),
    }
}

async fn say(question: GrpcQuestion, limit: Duration) -> String {
    told(&look_with(&prober(), &Question::Grpc(Arc::new(question)), limit).await)
}

/// What a server answers to every call.
#[derive(Clone, Copy)]
struct Answer {
    status: u16,
    kind: &'static str,
    /// In the head: an answer without a message.
    early: &'static [(&'static str, &'static str)],
    message: &'static [u8],
    trailers: &'static [(&'static str, &'static str)],
}

const SERVING: Answer = Answer {
    status: 200,
    kind: "application/grpc+proto",
    early: &[],
    message: &[0, 0, 0, 0, 2, 8, 1],
    trailers: &[("grpc-status", "0")],
};

fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        })
        .collect()
}

/// What came with a call: its path, its headers and its message.
type Call = (String, HeaderMap, Bytes);

async fn answer_calls(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    answer: Answer,
    calls: mpsc::UnboundedSender<Call>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let calls = calls.clone();
        async move {
            let (head, body) = request.into_parts();
            let message = body
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes);
            let _nobody_may_listen = calls.send((
                head.uri.path().to_owned(),
                head.headers,
                message.unwrap_or_default(),
            ));
            let mut frames: Vec<Result<Frame<Bytes>, Infallible>> = Vec::new();
            if !answer.message.is_empty() {
                frames.push(Ok(Frame::data(Bytes::from_static(answer.message))));
            }
            if !answer.trailers.is_empty() {
                frames.push(Ok(Frame::trailers(map(answer.trailers))));
            }
            let mut response = Response::new(StreamBody::new(stream::iter(frames)));
            *response.status_mut() = answer.status.try_into().expect("it is a status");
            *response.headers_mut() = map(answer.early);
            response
                .headers_mut()
                .insert("content-type", HeaderValue::from_static(answer.kind));
            Ok::<_, Infallible>(response)
        }
    });
    let _it_may_have_left = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn server(answer: Answer) -> (SocketAddr, mpsc::UnboundedReceiver<Call>) {
    let (calls, came) = mpsc::unbounded_channel();
    let address = serve(move |stream| answer_calls(stream, answer, calls.clone())).await;
    (address, came)
}

#[tokio::test]
async fn the_call_is_as_the_standard_asks_for() {
    let (address, mut calls) = server(SERVING).await;
    let asked = GrpcQuestion {
        service: "shop.v1.Cart".to_owned(),
        metadata: vec![("authorization".to_owned(), Secret::new("Bearer t0ken"))],
        ..question(address)
    };
    assert_eq!(say(asked, PATIENT).await, "healthy");
    let (path, headers, message) = calls.recv().await.expect("a call came");
    assert_eq!(path, "/grpc.health.v1.Health/Check");
    assert_eq!(headers["te"], "trailers");
    assert_eq!(headers["content-type"], "application/grpc");
    assert_eq!(headers["grpc-timeout"], "20000m");
    assert_eq!(headers["authorization"], "Bearer t0ken");
    assert_eq!(&message[..], b"\0\0\0\0\x0e\x0a\x0cshop.v1.Cart");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the table of all answers is long")]
async fn every_answer_has_its_meaning() {
    let message = |message| Answer { message, ..SERVING };
    let early = |early| Answer {
        early,
        message: &[],
        trailers: &[],
        ..SERVING
    };
    let http = |status, kind| Answer {
        status,
        kind,
        ..SERVING
    };
    for (answer, expected) in [
        (SERVING, "healthy"),
        (
            message(&[0, 0, 0, 0, 2, 8, 2]),
            "explicit says_down: service cart says NOT_SERVING",
        ),
        (
            message(&[0, 0, 0, 0, 0]),
            "gap says_unknown: service cart says UNKNOWN",
        ),
        (
            message(&[0, 0, 0, 0, 2, 8, 3]),
            "gap not_configured: the server does not know service cart (SERVICE_UNKNOWN)",
        ),
        (
            message(&[0, 0, 0, 0, 2, 8, 9]),
            "degraded unexpected: service cart answers with a status nobody knows, 9",
        ),
        (
            message(b"what?"),
            "refused unexpected: the answer is no HealthCheckResponse",
        ),
        (
            early(&[("grpc-status", "5"), ("grpc-message", "unknown%20service")]),
            "gap not_configured: the server does not know service cart (NOT_FOUND)",
        ),
        (
            early(&[("grpc-status", "12")]),
            "gap not_configured: the server has no health service (UNIMPLEMENTED)",
        ),
        (
            early(&[
                ("grpc-status", "16"),
                ("grpc-message", "who%20are%20you%3F"),
            ]),
            "gap not_authorised: UNAUTHENTICATED: \"who are you?\"",
        ),
        (
            early(&[("grpc-status", "8")]),
            "degraded throttled: RESOURCE_EXHAUSTED",
        ),
        (
            early(&[("grpc-status", "14")]),
            "refused server_error: UNAVAILABLE",
        ),
        (
            early(&[("grpc-status", "x")]),
            "refused server_error: UNKNOWN",
        ),
        (
            Answer {
                trailers: &[("grpc-status", "13")],
                ..SERVING
            },
            "refused server_error: INTERNAL",
        ),
        (
            Answer {
                trailers: &[],
                ..SERVING
            },
            "silent body_cut: the answer ended without a status of gRPC",
        ),
        (
            message(&[b'x'; 5_000]),
            "refused too_large: the answer is larger than 4 KiB",
        ),
        (
            http(502, "text/html"),
            "refused proxy_error: answered 502, and not with gRPC",
        ),
        (
            http(404, "text/html"),
            "refused not_found: answered 404, and not with gRPC",
        ),
        (
            http(200, "text/html"),
            "refused unexpected: answered 200, and not with gRPC",
        ),
        (
            http(403, "text/html"),
            "gap not_authorised: answered 403, and not with gRPC",
        ),
    ] {
        let (address, _calls) = server(answer).await;
        let asked = GrpcQuestion {
            service: "cart".to_owned(),
            ..question(address)
        };
        assert_eq!(say(asked, PATIENT).await, expected);
    }
}

#[tokio::test]
async fn the_same_inside_of_tls() {
    let authority = Authority::new("ours");
    let mut config = authority.sign(&["127.0.0.1"], -1..60).server();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (calls, _came) = mpsc::unbounded_channel();
    let address = serve_tls(config, move |stream| {
        answer_calls(stream, SERVING, calls.clone())
    })
    .await;
    let asked = GrpcQuestion {
        tls: Some(authority.trusted()),
        ..question(address)
    };
    assert_eq!(say(asked, PATIENT).await, "healthy");
}

#[tokio::test]
async fn what_is_no_grpc_is_not_waited_for() {
    let old = answering("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let said = say(question(old), PATIENT).await;
    assert!(said.starts_with("refused "), "{said}");
    let silent = serve(|mut stream| async move { until_closed(&mut stream).await }).await;
    assert_eq!(
        say(question(silent), SHORT).await,
        "silent first_byte_timeout: connected in N ms, no answer within 300 ms"
    );
    let endless =
        serve(|mut stream| async move { while stream.write_all(&[b'x'; 64]).await.is_ok() {} })
            .await;
    let said = say(question(endless), PATIENT).await;
    assert!(said.starts_with("refused "), "{said}");
    let leaving = serve(|stream| async move { drop(stream) }).await;
    let said = say(question(leaving), PATIENT).await;
    // Closed or reset: that depends on whether our first frame arrives before the end.
    assert!(
        said.starts_with("refused connection_closed: connection "),
        "{said}"
    );
}
