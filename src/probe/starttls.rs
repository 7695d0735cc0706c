//! The few words of plain text after which a protocol changes to TLS.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::model::{FailureKind, Outcome, text::clean, wire::StartTls};

use super::{dial::Dial, http::trouble};

/// The longest line and the most lines of one reply.
///
/// Source: RFC 5321, section 4.5.3.1.5 allows 512 bytes a line; IMAP's greetings with capabilities are longer.
const LINE_BYTES_MAX: usize = 2 * 1024;
const LINES_MAX: usize = 64;

/// Why a dialogue ended early.
enum Stop {
    /// The other side refused; what it said.
    Refused(String),
    Broken(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// Leads the dialogue up to the point where TLS begins.
///
/// # Errors
///
/// What it means that it did not get there.
pub(super) async fn speak(
    dial: &mut Dial<'_>,
    stream: &mut TcpStream,
    protocol: StartTls,
) -> Result<(), Outcome> {
    let talking = async {
        match protocol {
            StartTls::Smtp => smtp(stream).await,
            StartTls::Imap => imap(stream).await,
            StartTls::Postgres => postgres(stream).await,
        }
    };
    match dial.limits.run_to_the_end(Box::pin(talking)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Stop::Broken(error))) => Err(trouble::broken(&error)),
        Ok(Err(Stop::Refused(said))) => Err(trouble::refused(
            FailureKind::TlsHandshake,
            format!("it does not change to TLS: \"{}\"", clean(&said, 80)),
        )),
        Err(expired) => Err(dial.no_answer(expired)),
    }
}

/// Source: RFC 3207.
async fn smtp(stream: &mut TcpStream) -> Result<(), Stop> {
    smtp_reply(stream, "220").await?;
    stream.write_all(b"EHLO hekate.invalid\r\n").await?;
    smtp_reply(stream, "250").await?;
    stream.write_all(b"STARTTLS\r\n").await?;
    smtp_reply(stream, "220").await
}

/// A reply is over with the first line that has no hyphen after its code.
async fn smtp_reply(stream: &mut TcpStream, code: &str) -> Result<(), Stop> {
    for _ in 0..LINES_MAX {
        let line = line(stream).await?;
        if !line.starts_with(code) {
            return Err(Stop::Refused(line));
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(());
        }
    }
    Err(Stop::Refused(String::from("a reply without an end")))
}

/// Source: RFC 9051, section 6.2.1.
async fn imap(stream: &mut TcpStream) -> Result<(), Stop> {
    let greeting = line(stream).await?;
    if !greeting.starts_with("* ") {
        return Err(Stop::Refused(greeting));
    }
    stream.write_all(b"a STARTTLS\r\n").await?;
    for _ in 0..LINES_MAX {
        let line = line(stream).await?;
        if line.starts_with("a OK") {
            return Ok(());
        }
        if !line.starts_with("* ") {
            return Err(Stop::Refused(line));
        }
    }
    Err(Stop::Refused(String::from("a reply without an end")))
}

/// Source: "SSL Session Encryption" in the chapter on the frontend/backend protocol of `PostgreSQL`'s manual.
async fn postgres(stream: &mut TcpStream) -> Result<(), Stop> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F];
    stream.write_all(&SSL_REQUEST).await?;
    match stream.read_u8().await? {
        b'S' => Ok(()),
        other => Err(Stop::Refused(char::from(other).to_string())),
    }
}

/// One line; byte by byte, for what follows belongs to TLS.
async fn line(stream: &mut TcpStream) -> Result<String, Stop> {
    let mut bytes = Vec::with_capacity(128);
    loop {
        match stream.read_u8().await? {
            b'\n' => return Ok(String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned()),
            _ if bytes.len() >= LINE_BYTES_MAX => {
                return Err(Stop::Refused(String::from_utf8_lossy(&bytes).into_owned()));
            }
            byte => bytes.push(byte),
        }
    }
}
