//! Docker, and what speaks as it does: the last line of a container, asked over the engine's socket.
//!
//! Source: Docker Engine API, "Get container logs".

pub(super) mod frames;

#[cfg(test)]
mod tests;

use std::{error::Error, io, path::PathBuf};

use bytes::Bytes;
use futures_util::{
    future::BoxFuture,
    stream::{self, StreamExt as _},
};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::{Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustix::io::Errno;
use serde::Deserialize;
use tokio::net::UnixStream;
use tokio_util::task::AbortOnDropHandle;

use crate::model::{
    Timestamp,
    logs::{CanaryMark, LogFault, LogFaultKind, LogSource, LogStore, Reading, Statement, Subject},
};

use super::{Store, direct};

/// So many containers of one engine are asked for at the same time.
const AT_ONCE: usize = 4;
/// More of an answer is not read; times stand at the beginnings of lines, and one line is asked for.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// The longest name or id that is asked for.
const NAME_MAX: usize = 255;

/// Docker.
pub(super) struct Docker {
    socket: PathBuf,
}

/// What the engine says when it cannot do what is asked.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Docker {
    pub(super) fn open(source: &LogSource) -> Self {
        let socket = match &source.store {
            LogStore::Docker { socket } => socket.clone(),
            LogStore::Graylog(_)
            | LogStore::Elasticsearch { .. }
            | LogStore::Loki { .. }
            | LogStore::VictoriaLogs { .. }
            | LogStore::Prometheus { .. }
            | LogStore::File { .. }
            | LogStore::Journald { .. }
            | LogStore::JournalGateway(_)
            | LogStore::Kubernetes(_)
            | LogStore::HttpJson { .. }
            | LogStore::Push { .. } => PathBuf::from("/var/run/docker.sock"),
        };
        Self { socket }
    }

    async fn read_container(&self, subject: &Subject, now: Timestamp) -> Result<Reading, LogFault> {
        let name = container(&subject.query)?;
        let path =
            format!("/containers/{name}/logs?stdout=1&stderr=1&tail=1&timestamps=1&follow=0");
        let (status, body) = self.get(&path).await?;
        if !status.is_success() {
            return Err(refused(status, &body));
        }
        // The engine stamps a line when it takes it in, so that is both its times.
        let newest = frames::newest(&body, now)?;
        Ok(Reading {
            event: newest,
            ingest: newest,
            is_partial: false,
        })
    }

    async fn get(&self, path: &str) -> Result<(StatusCode, Vec<u8>), LogFault> {
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
        read_body(response).await
    }
}

async fn read_body(response: Response<Incoming>) -> Result<(StatusCode, Vec<u8>), LogFault> {
    let status = response.status();
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES_MAX
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(|error| cut(&error))?;
        if let Ok(part) = frame.into_data() {
            bytes.extend_from_slice(&part);
        }
    }
    Ok((status, bytes))
}

/// The query, if it is the name or id of a container; it becomes a part of an address.
fn container(query: &str) -> Result<&str, LogFault> {
    let is_valid = query.len() <= NAME_MAX
        && query.starts_with(|c: char| c.is_ascii_alphanumeric())
        && query
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if is_valid {
        Ok(query)
    } else {
        Err(LogFault::new(
            LogFaultKind::BadQuery,
            "it is not the name or id of a container",
        ))
    }
}

fn no_connection(error: &io::Error) -> LogFault {
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
fn refused(status: StatusCode, body: &[u8]) -> LogFault {
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

impl Store for Docker {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
    ) -> BoxFuture<'a, Vec<Result<Reading, LogFault>>> {
        let mut reading = Vec::with_capacity(subjects.len());
        for subject in subjects {
            reading.push(self.read_container(subject, now));
        }
        Box::pin(stream::iter(reading).buffered(AT_ONCE).collect())
    }

    fn find<'a>(
        &'a self,
        _monitor: &'a str,
        _unseen: &'a [CanaryMark],
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<u64>, LogFault>> {
        Box::pin(async { Err(direct::no_canary()) })
    }

    fn state(&self, now: Timestamp) -> BoxFuture<'_, Option<Statement>> {
        Box::pin(async move { Some(direct::statement(now)) })
    }
}
