//! `grpc:` what a server says of itself through `grpc.health.v1.Health/Check`.
//!
//! The call is one HTTP/2 request over the same connection as everything else, and its two messages have one field
//! each, so no library of gRPC is needed for it.
//!
//! Source: the gRPC Health Checking Protocol (`health.proto`) and "gRPC over HTTP2" of the gRPC project; Protocol Buffers'
//! encoding (varints and fields of length).

use std::{borrow::Cow, pin::pin};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use tokio::net::TcpStream;

use crate::model::{
    DegradationKind, FailureKind, Gap, GapKind, Outcome, text::clean, wire::GrpcQuestion,
};

use super::{
    dial::{Ask, Dial, Prepared, Said, Way},
    http::{
        cover,
        limits::BODY_GAP,
        line::Line,
        prepare::{USER_AGENT, add_own_headers},
        tls::Configs,
        trouble,
    },
};

/// More of an answer is not read; it has two bytes when all is well.
const ANSWER_BYTES_MAX: usize = 4 * 1024;
/// Bytes before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// The call.
struct Grpc {
    uri: Uri,
    headers: HeaderMap,
    message: Bytes,
    service: String,
}

/// Makes the question ready.
pub(super) fn prepare(question: &GrpcQuestion, configs: &Configs) -> Result<Prepared, Gap> {
    let scheme = if question.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let uri = Uri::try_from(format!(
        "{scheme}://{}/grpc.health.v1.Health/Check",
        question.endpoint
    ))
    .map_err(|_error| Gap {
        kind: GapKind::NotConfigured,
        words: "the address cannot be asked".to_owned(),
    })?;
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, USER_AGENT);
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    add_own_headers(&mut headers, &question.metadata)?;
    let tls = question
        .tls
        .as_ref()
        .map(|settings| (settings, &["h2"] as &[&str]));
    Ok(Prepared {
        way: Way::of(
            &question.endpoint.host,
            question.endpoint.port,
            question.ip,
            tls,
            configs,
        )?,
        asks: Box::new(Grpc {
            uri,
            headers,
            message: encoded(&question.service),
            service: question.service.clone(),
        }),
        all_addresses: false,
        secrets: cover::of_headers(&question.metadata),
    })
}

impl Ask for Grpc {
    fn ask<'a, 'look: 'a>(
        &'a self,
        dial: &'a mut Dial<'look>,
        stream: TcpStream,
    ) -> BoxFuture<'a, Result<Said, Said>> {
        Box::pin(async move {
            let peer = stream
                .peer_addr()
                .map_err(|error| trouble::broken(&error))?;
            let stream = dial.wrap(stream).await?;
            let opening = Box::pin(Line::open_http2(stream, peer));
            let mut line = match dial.limits.run_to_the_end(opening).await {
                Ok(Ok(line)) => line,
                Ok(Err(error)) => return Err(trouble::head(&error).into()),
                Err(expired) => return Err(dial.no_answer(expired).into()),
            };
            let request = self.request(dial);
            let asked = dial.limits.run_to_the_end(pin!(line.ask(request))).await;
            let (head, mut body) = match asked {
                Ok(Ok(answer)) => answer.into_parts(),
                Ok(Err(error)) => return Err(trouble::head(&error).into()),
                Err(expired) => return Err(dial.no_answer(expired).into()),
            };
            dial.phases.first_byte_us = Some(dial.limits.lap());
            let status = head.status.as_u16();
            let said = match refusal(status, &head.headers) {
                Some(outcome) => Err(outcome),
                None => match Status::of(&head.headers) {
                    // An answer without a message has its status at the top.
                    Some(status) => Ok(self.meaning(&status, &[])),
                    None => self.read(dial, &mut line, &mut body).await,
                },
            };
            let outcome = said.unwrap_or_else(|outcome| outcome);
            Ok(Said {
                status: Some(status),
                ..Said::of(outcome)
            })
        })
    }
}

impl Grpc {
    fn request(&self, dial: &Dial<'_>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.message.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = http::Version::HTTP_2;
        *request.headers_mut() = self.headers.clone();
        // The server is told how long anybody waits. Source: "Timeout" in gRPC over HTTP2; at most eight digits.
        let millis = dial.limits.whole.as_millis().min(99_999_999);
        if let Ok(value) = HeaderValue::try_from(format!("{millis}m")) {
            request.headers_mut().insert("grpc-timeout", value);
        }
        request
    }

    /// Reads the message and the trailers after it.
    async fn read(
        &self,
        dial: &mut Dial<'_>,
        line: &mut Line,
        body: &mut Incoming,
    ) -> Result<Outcome, Outcome> {
        let mut bytes = Vec::new();
        let mut status = None;
        while status.is_none() && !body.is_end_stream() {
            let piece = dial.limits.run(BODY_GAP, pin!(line.piece(body))).await;
            let frame = match piece {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => break,
                Ok(Some(Err(error))) => return Err(trouble::body(&error, 200, bytes.len())),
                Err(expired) => {
                    return Err(expired.accuse(|| {
                        trouble::silent(
                            FailureKind::BodyTimeout,
                            format!(
                                "the answer began and did not end (waited {})",
                                trouble::span(expired.limit)
                            ),
                        )
                    }));
                }
            };
            match frame.into_data() {
                Ok(data) => bytes.extend_from_slice(&data),
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    status = Status::of(&trailers);
                }
            }
            if bytes.len() > ANSWER_BYTES_MAX {
                return Err(trouble::refused(
                    FailureKind::TooLarge,
                    "the answer is larger than 4 KiB",
                ));
            }
        }
        dial.phases.body_us = Some(dial.limits.lap());
        match status {
            Some(status) => Ok(self.meaning(&status, &bytes)),
            None => Err(trouble::silent(
                FailureKind::BodyCut,
                "the answer ended without a status of gRPC",
            )),
        }
    }

    /// What the whole answer means.
    fn meaning(&self, status: &Status, bytes: &[u8]) -> Outcome {
        if status.code != 0 {
            return self.refused_call(status);
        }
        match serving(bytes) {
            Some(1) => Outcome::Healthy,
            Some(2) => trouble::explicit(
                FailureKind::SaysDown,
                format!("{} says NOT_SERVING", self.whose()),
            ),
            Some(0) => trouble::gap(
                GapKind::SaysUnknown,
                format!("{} says UNKNOWN", self.whose()),
            ),
            Some(3) => trouble::gap(
                GapKind::NotConfigured,
                format!(
                    "the server does not know {} (SERVICE_UNKNOWN)",
                    self.whose()
                ),
            ),
            Some(other) => trouble::short(
                DegradationKind::Unexpected,
                format!(
                    "{} answers with a status nobody knows, {other}",
                    self.whose()
                ),
            ),
            None => trouble::refused(
                FailureKind::Unexpected,
                "the answer is no HealthCheckResponse",
            ),
        }
    }

    /// What a status other than OK means.
    ///
    /// Source: "Status codes and their use in gRPC" of the gRPC project.
    fn refused_call(&self, status: &Status) -> Outcome {
        let name = status.name();
        let said = if status.message.is_empty() {
            String::new()
        } else {
            format!(": \"{}\"", status.message)
        };
        match status.code {
            5 => trouble::gap(
                GapKind::NotConfigured,
                format!("the server does not know {} (NOT_FOUND)", self.whose()),
            ),
            12 => trouble::gap(
                GapKind::NotConfigured,
                "the server has no health service (UNIMPLEMENTED)",
            ),
            7 | 16 => trouble::gap(GapKind::NotAuthorised, format!("{name}{said}")),
            8 => trouble::short(DegradationKind::Throttled, format!("{name}{said}")),
            4 => trouble::silent(FailureKind::FirstByteTimeout, format!("{name}{said}")),
            _ => trouble::refused(FailureKind::ServerError, format!("{name}{said}")),
        }
    }

    fn whose(&self) -> Cow<'_, str> {
        if self.service.is_empty() {
            Cow::Borrowed("the server")
        } else {
            Cow::Owned(format!("service {}", clean(&self.service, 80)))
        }
    }
}

/// `grpc-status` and `grpc-message`.
struct Status {
    code: u32,
    /// Cleaned.
    message: String,
}

impl Status {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let code = headers.get("grpc-status")?.to_str().ok()?.parse().ok();
        let message = headers
            .get("grpc-message")
            .map(|value| String::from_utf8_lossy(&unescaped(value.as_bytes())).into_owned())
            .unwrap_or_default();
        Some(Self {
            // What is no number is unknown (2), as the gRPC project asks for.
            code: code.unwrap_or(2),
            message: clean(&message, 120),
        })
    }

    fn name(&self) -> Cow<'static, str> {
        const NAMES: [&str; 17] = [
            "OK",
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
            "PERMISSION_DENIED",
            "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION",
            "ABORTED",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
            "UNAUTHENTICATED",
        ];
        usize::try_from(self.code)
            .ok()
            .and_then(|code| NAMES.get(code))
            .map_or_else(
                || Cow::Owned(format!("status {}", self.code)),
                |name| Cow::Borrowed(*name),
            )
    }
}

/// What an answer means that does not come from a gRPC server.
fn refusal(status: u16, headers: &HeaderMap) -> Option<Outcome> {
    let is_grpc = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    let words = format!("answered {status}, and not with gRPC");
    match status {
        200 if is_grpc => None,
        200 => Some(trouble::refused(FailureKind::Unexpected, words)),
        401 | 403 => Some(trouble::gap(GapKind::NotAuthorised, words)),
        404 => Some(trouble::refused(FailureKind::NotFound, words)),
        429 => Some(trouble::short(DegradationKind::Throttled, words)),
        502..=504 => Some(trouble::refused(FailureKind::ProxyError, words)),
        500..=599 => Some(trouble::refused(FailureKind::ServerError, words)),
        _ => Some(trouble::refused(FailureKind::ClientError, words)),
    }
}

/// A `HealthCheckRequest` with its prefix: field 1 is the service.
fn encoded(service: &str) -> Bytes {
    let mut message = Vec::with_capacity(PREFIX + 4 + service.len());
    if !service.is_empty() {
        message.push(0x0A);
        let mut rest = service.len();
        while rest >= 0x80 {
            message.push(u8::try_from(rest & 0x7F).unwrap_or(0) | 0x80);
            rest >>= 7;
        }
        message.push(u8::try_from(rest).unwrap_or(0));
        message.extend_from_slice(service.as_bytes());
    }
    let length = u32::try_from(message.len()).unwrap_or(0).to_be_bytes();
    let mut out = vec![0];
    out.extend_from_slice(&length);
    out.extend_from_slice(&message);
    out.into()
}

/// The status in a `HealthCheckResponse` with its prefix; an absent field is 0.
fn serving(bytes: &[u8]) -> Option<u64> {
    let (prefix, message) = bytes.split_at_checked(PREFIX)?;
    let length = u32::from_be_bytes(prefix[1..].try_into().ok()?);
    if prefix[0] != 0 || usize::try_from(length).ok()? != message.len() {
        return None;
    }
    let mut rest = message;
    let mut status = 0;
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        match (key >> 3, key & 7) {
            (1, 0) => status = varint(&mut rest)?,
            (_, 0) => {
                varint(&mut rest)?;
            }
            (_, 1) => rest = rest.get(8..)?,
            (_, 2) => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                rest = rest.get(length..)?;
            }
            (_, 5) => rest = rest.get(4..)?,
            _ => return None,
        }
    }
    Some(status)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for place in 0..10 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7F).checked_shl(7 * place)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// `%20` and its like undone. Source: "Status-Message" in gRPC over HTTP2.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        let escaped = match (byte, after) {
            (b'%', [high, low, ..]) => digit(high).zip(digit(low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            rest = &after[2..];
        } else {
            out.push(*byte);
            rest = after;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_are_as_the_standard_says() {
        assert_eq!(&encoded("")[..], [0, 0, 0, 0, 0]);
        assert_eq!(&encoded("ab")[..], [0, 0, 0, 0, 4, 0x0A, 2, b'a', b'b']);
        let long = "s".repeat(300);
        assert_eq!(encoded(&long)[..8], [0, 0, 0, 1, 47, 0x0A, 0xAC, 0x02]);
        assert_eq!(serving(&[0, 0, 0, 0, 2, 0x08, 1]), Some(1));
        assert_eq!(serving(&[0, 0, 0, 0, 0]), Some(0));
        // Fields of later versions are passed over.
        assert_eq!(serving(&[0, 0, 0, 0, 6, 0x12, 2, 7, 7, 0x08, 2]), Some(2));
        for broken in [
            &[][..],
            &[0, 0, 0, 0],
            &[1, 0, 0, 0, 2, 0x08, 1],
            &[0, 0, 0, 0, 9, 0x08, 1],
            &[0, 0, 0, 0, 1, 0x08],
            &[0, 0, 0, 0, 2, 0x0B, 1],
        ] {
            assert_eq!(serving(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn messages_of_a_status_are_unescaped() {
        assert_eq!(unescaped(b"a%20b%zz%4"), b"a b%zz%4");
    }

    proptest! {
        #[test]
        fn no_answer_can_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), length in 0_u8..64) {
            serving(&bytes);
            let mut framed = vec![0, 0, 0, 0, length];
            framed.extend_from_slice(&bytes);
            serving(&framed);
            unescaped(&bytes);
        }
    }
}
