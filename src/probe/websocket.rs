//! `websocket:` whether a connection can be upgraded, and perhaps what it says first.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _, future::BoxFuture};
use http::{HeaderMap, HeaderValue, Request, header};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message,
        error::ProtocolError,
        handshake::client::generate_key,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::model::{
    DegradationKind, FailureKind, Gap, GapKind, Outcome, Secret,
    text::{FOREIGN_MAX, clean},
    wire::WebsocketQuestion,
};

use super::{
    dial::{Ask, Dial, Prepared, Said, Way},
    http::{
        cover,
        prepare::{USER_AGENT, add_own_headers},
        stream::Stream,
        tls::Configs,
        trouble,
    },
};

/// The largest frame and message that are taken.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Of what came and of what was expected so much is shown in words.
const SHOWN_MAX: usize = 80;
/// For taking leave; nobody waits for the answer to it.
const GOODBYE: Duration = Duration::from_millis(200);

/// What is sent and expected.
struct Websocket {
    /// The address but for its scheme, which has to be `ws` whatever is below it.
    uri: http::Uri,
    headers: HeaderMap,
    send: Option<Secret>,
    expect: Option<String>,
}

/// Makes the question ready.
pub(super) fn prepare(question: &WebsocketQuestion, configs: &Configs) -> Result<Prepared, Gap> {
    let url = &question.url;
    let is_tls = url.scheme() == "wss";
    let unusable = || Gap {
        kind: GapKind::NotConfigured,
        words: "the address cannot be asked".to_owned(),
    };
    let host = url.host().ok_or_else(unusable)?;
    let port = url.port_or_known_default().ok_or_else(unusable)?;
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_string(),
    };
    let query = url
        .query()
        .map_or_else(String::new, |query| format!("?{query}"));
    let uri = format!("ws://{authority}{}{query}", url.path());
    let mut headers = HeaderMap::new();
    headers.insert(
        header::HOST,
        HeaderValue::try_from(authority).map_err(|_error| unusable())?,
    );
    headers.insert(header::USER_AGENT, USER_AGENT);
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(
        header::SEC_WEBSOCKET_VERSION,
        HeaderValue::from_static("13"),
    );
    add_own_headers(&mut headers, &question.headers)?;
    Ok(Prepared {
        way: Way::of(
            &host.to_owned(),
            port,
            question.ip,
            is_tls.then_some((&question.tls, &["http/1.1"])),
            configs,
        )?,
        asks: Box::new(Websocket {
            uri: uri.try_into().map_err(|_error| unusable())?,
            headers,
            send: question.send.clone(),
            expect: question.expect.clone(),
        }),
        all_addresses: false,
        secrets: [
            cover::of_headers(&question.headers),
            cover::of_text(question.send.as_ref(), question.expect.as_deref()),
        ]
        .concat(),
    })
}

impl Ask for Websocket {
    fn ask<'a, 'look: 'a>(
        &'a self,
        dial: &'a mut Dial<'look>,
        stream: TcpStream,
    ) -> BoxFuture<'a, Result<Said, Said>> {
        Box::pin(async move {
            let stream = dial.wrap(stream).await?;
            let opening = client_async_with_config(self.request(), stream, Some(config()));
            let mut socket = match dial.limits.run_to_the_end(Box::pin(opening)).await {
                Ok(Ok((socket, _answer))) => socket,
                Ok(Err(error)) => return Err(not_upgraded(error)),
                Err(expired) => return Err(dial.no_answer(expired).into()),
            };
            dial.phases.first_byte_us = Some(dial.limits.lap());
            let said = self.talk(dial, &mut socket).await;
            let leave = CloseFrame {
                code: CloseCode::Normal,
                reason: "".into(),
            };
            let _how_it_ends_says_nothing =
                dial.limits.run(GOODBYE, socket.close(Some(leave))).await;
            said.map(|()| Said {
                status: Some(101),
                ..Said::of(Outcome::Healthy)
            })
            .map_err(|said| Said {
                status: Some(101),
                ..said
            })
        })
    }
}

impl Websocket {
    fn request(&self) -> Request<()> {
        let mut request = Request::new(());
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        if let Ok(key) = HeaderValue::try_from(generate_key()) {
            request.headers_mut().insert(header::SEC_WEBSOCKET_KEY, key);
        }
        request
    }

    async fn talk(
        &self,
        dial: &mut Dial<'_>,
        socket: &mut WebSocketStream<Stream>,
    ) -> Result<(), Said> {
        if let Some(text) = &self.send {
            let sending = socket.send(Message::text(text.expose()));
            match dial.limits.run_to_the_end(sending).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(broken(&error).into()),
                Err(expired) => return Err(dial.no_answer(expired).into()),
            }
        }
        let Some(wanted) = &self.expect else {
            return Ok(());
        };
        let came = match dial.limits.run_to_the_end(first(socket)).await {
            Ok(came) => came?,
            Err(expired) => return Err(silent(dial, expired)),
        };
        dial.phases.body_us = Some(dial.limits.lap());
        if came
            .windows(wanted.len())
            .any(|piece| piece == wanted.as_bytes())
        {
            return Ok(());
        }
        let came = String::from_utf8_lossy(&came);
        let words = format!(
            "the first message is \"{}\", expected \"{}\"",
            clean(&came, SHOWN_MAX),
            clean(wanted, SHOWN_MAX)
        );
        Err(Said {
            excerpt: Some(clean(&came, FOREIGN_MAX)),
            ..Said::of(trouble::explicit(FailureKind::Unexpected, words))
        })
    }
}

/// The first message with content; pings are answered on the way.
async fn first(socket: &mut WebSocketStream<Stream>) -> Result<Vec<u8>, Said> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.as_bytes().to_vec()),
            Some(Ok(Message::Binary(bytes))) => return Ok(bytes.to_vec()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(frame))) => {
                let why = frame.map_or_else(String::new, |frame| {
                    format!(" ({} {})", u16::from(frame.code), clean(&frame.reason, 60))
                });
                return Err(trouble::refused(
                    FailureKind::ConnectionClosed,
                    format!("upgraded, but then closed before a message{why}"),
                )
                .into());
            }
            Some(Err(error)) => return Err(broken(&error).into()),
            None => {
                return Err(trouble::refused(
                    FailureKind::ConnectionClosed,
                    "upgraded, but then closed before a message",
                )
                .into());
            }
        }
    }
}

fn silent(dial: &Dial<'_>, expired: super::http::limits::Expired) -> Said {
    expired
        .accuse(|| {
            trouble::silent(
                FailureKind::BodyTimeout,
                format!(
                    "upgraded, but no message within {} ({})",
                    trouble::span(expired.limit),
                    dial.connected()
                ),
            )
        })
        .into()
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
}

/// What it means that there was no upgrade.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's other errors all mean that no proper answer came"
)]
fn not_upgraded(error: Error) -> Said {
    match error {
        Error::Http(answer) => {
            let status = answer.status().as_u16();
            Said {
                status: Some(status),
                ..Said::of(other_status(status))
            }
        }
        Error::Protocol(ProtocolError::HandshakeIncomplete) => trouble::refused(
            FailureKind::ConnectionClosed,
            "connection closed before an answer",
        )
        .into(),
        Error::Protocol(ProtocolError::HttparseError(_)) | Error::HttpFormat(_) => {
            trouble::refused(FailureKind::NotHttp, "the answer is not HTTP").into()
        }
        Error::Io(error) => trouble::broken(&error).into(),
        Error::Capacity(_) | Error::AttackAttempt => trouble::too_large().into(),
        other => trouble::refused(
            FailureKind::Unexpected,
            format!("answered, but it is no upgrade: {}", trouble::plain(&other)),
        )
        .into(),
    }
}

/// What an answer other than 101 means.
fn other_status(status: u16) -> Outcome {
    let words = format!("answered {status} in place of an upgrade");
    match status {
        401 | 403 => trouble::gap(GapKind::NotAuthorised, words),
        300..=399 => trouble::short(DegradationKind::Redirected, words),
        404 | 405 | 501 => trouble::refused(FailureKind::NotFound, words),
        429 => trouble::short(DegradationKind::Throttled, words),
        400..=499 => trouble::refused(FailureKind::ClientError, words),
        502..=504 => trouble::refused(FailureKind::ProxyError, words),
        500..=599 => trouble::refused(FailureKind::ServerError, words),
        _ => trouble::refused(FailureKind::Unexpected, words),
    }
}

/// What it means that the upgraded connection failed.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's other errors all mean that the rules of WebSocket were broken"
)]
fn broken(error: &Error) -> Outcome {
    match error {
        Error::Io(error) => trouble::broken(error),
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => trouble::refused(
            FailureKind::ConnectionClosed,
            "upgraded, but then closed before a message",
        ),
        Error::Capacity(_) | Error::WriteBufferFull(_) => trouble::refused(
            FailureKind::TooLarge,
            "the first message is larger than 64 KiB",
        ),
        other => trouble::refused(
            FailureKind::Unexpected,
            format!("upgraded, but then: {}", trouble::plain(other)),
        ),
    }
}
