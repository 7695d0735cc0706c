//! Asking a Docker engine: over its socket, or over TCP.

use std::{error::Error, io, path::PathBuf};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::{Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustix::io::Errno;
use serde::Deserialize;
use tokio::net::UnixStream;
use tokio_util::task::AbortOnDropHandle;

use crate::model::logs::{LogFault, LogFaultKind};

/// An engine behind a socket of this machine.
pub(in crate::probe) struct Engine {
    pub(in crate::probe) socket: PathBuf,
}

/// What the engine says when it cannot do what is asked.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Engine {
    /// Asks for this path; of the answer at most so many bytes are read, rounded up to whole pieces.
    pub(in crate::probe) async fn get(
        &self,
        path: &str,
        bytes_max: usize,
    ) -> Result<(StatusCode, Vec<u8>), LogFault> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| no_connection(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| cut(&error))?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = Request::get(path)
            // The engine wants a host and does not look at it.
            .header(header::HOST, "docker")
            .header(
                header::USER_AGENT,
                concat!("hekate/", env!("CARGO_PKG_VERSION")),
            )
            .body(Empty::<Bytes>::new())
            .map_err(|error| LogFault::new(LogFaultKind::Own, error.to_string()))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| cut(&error))?;
        read_body(response, bytes_max).await
    }
}

async fn read_body(
    response: Response<Incoming>,
    bytes_max: usize,
) -> Result<(StatusCode, Vec<u8>), LogFault> {
    let status = response.status();
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while bytes.len() < bytes_max
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(|error| cut(&error))?;
        if let Ok(part) = frame.into_data() {
            bytes.extend_from_slice(&part);
        }
    }
    Ok((status, bytes))
}

pub(super) fn no_connection(error: &io::Error) -> LogFault {
    let (kind, words) = match Errno::from_io_error(error) {
        Some(Errno::ACCESS | Errno::PERM) => (
            LogFaultKind::Auth,
            "no permission to open the socket; it takes the group docker",
        ),
        Some(Errno::NOENT | Errno::NOTDIR) => {
            (LogFaultKind::Unreachable, "there is no such socket")
        }
        Some(Errno::CONNREFUSED) => (LogFaultKind::Unreachable, "nobody listens at the socket"),
        Some(Errno::MFILE | Errno::NFILE) => (
            LogFaultKind::Own,
            "this machine or this process has too many files open",
        ),
        Some(Errno::NAMETOOLONG) | None => {
            (LogFaultKind::BadQuery, "the path cannot be one of a socket")
        }
        Some(_) => return LogFault::new(LogFaultKind::Unreachable, error.to_string()),
    };
    LogFault::new(kind, words)
}

/// The deepest cause says what happened.
fn cut(error: &hyper::Error) -> LogFault {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    LogFault::new(LogFaultKind::Unreachable, cause.to_string())
}

/// An answer that is none. Engines say in JSON why; proxies before them may say it otherwise.
pub(in crate::probe) fn refused(status: StatusCode, body: &[u8]) -> LogFault {
    let kind = match status.as_u16() {
        401 | 403 => LogFaultKind::Auth,
        // 409: the container is being removed.
        404 | 409 => LogFaultKind::NotFound,
        429 => LogFaultKind::Overloaded,
        // 501: its logging driver cannot be read.
        400..=499 | 501 => LogFaultKind::BadQuery,
        _ => LogFaultKind::Unreachable,
    };
    let said = serde_json::from_slice::<Refusal>(body).map_or_else(
        |_| String::from_utf8_lossy(body).into_owned(),
        |refusal| refusal.message,
    );
    let status = status.as_u16();
    if said.trim().is_empty() {
        LogFault::new(kind, format!("HTTP {status}"))
    } else {
        LogFault::new(kind, format!("HTTP {status}: {said}"))
    }
}
