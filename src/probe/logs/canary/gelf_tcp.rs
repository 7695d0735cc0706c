//! GELF over TCP: one message, ended by a zero byte, without an answer.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::model::logs::{LogFault, LogFaultKind};
use crate::probe::logs::web;

/// A server that does not want the message resets the connection; one that took it closes it, or keeps it open.
const REFUSES_WITHIN: Duration = Duration::from_millis(500);

/// Sends a message. All that can be known is that the connection took it.
pub(super) async fn send(address: &str, message: &str) -> Result<(), LogFault> {
    deliver(address, message)
        .await
        .map_err(|error| match web::own_lack(&error) {
            Some(own) => own,
            None => LogFault::new(LogFaultKind::Unreachable, error.to_string()),
        })
}

async fn deliver(address: &str, message: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let mut bytes = Vec::with_capacity(message.len() + 1);
    bytes.extend_from_slice(message.as_bytes());
    bytes.push(0);
    stream.write_all(&bytes).await?;
    stream.shutdown().await?;
    let mut waste = [0; 64];
    match tokio::time::timeout(REFUSES_WITHIN, stream.read(&mut waste)).await {
        Ok(Err(error)) => Err(error),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}
