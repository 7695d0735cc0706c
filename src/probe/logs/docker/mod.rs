//! Docker, and what speaks as it does: the last line of a container, asked over the engine's socket.
//!
//! Source: Docker Engine API, "Get container logs".

pub(in crate::probe) mod engine;
pub(super) mod frames;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use futures_util::{
    future::BoxFuture,
    stream::{self, StreamExt as _},
};

use crate::model::{
    Timestamp,
    logs::{CanaryMark, LogFault, LogFaultKind, LogSource, LogStore, Reading, Statement, Subject},
};

use super::{Store, direct};

use engine::{Engine, refused};

/// So many containers of one engine are asked for at the same time.
const AT_ONCE: usize = 4;
/// More of an answer is not read; times stand at the beginnings of lines, and one line is asked for.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// The longest name or id that is asked for.
const NAME_MAX: usize = 255;

/// Docker.
pub(super) struct Docker {
    engine: Engine,
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
        Self {
            engine: Engine { socket },
        }
    }

    async fn read_container(&self, subject: &Subject, now: Timestamp) -> Result<Reading, LogFault> {
        let name = container(&subject.query)?;
        let path =
            format!("/containers/{name}/logs?stdout=1&stderr=1&tail=1&timestamps=1&follow=0");
        let (status, body) = self.engine.get(&path, ANSWER_BYTES_MAX).await?;
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

impl Store for Docker {
    fn read<'a>(
        &'a self,
        subjects: &'a [Subject],
        now: Timestamp,
        _limit: Duration,
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
