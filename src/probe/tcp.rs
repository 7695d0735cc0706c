//! `tcp:` whether something listens, and perhaps what it says.

use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::model::{
    FailureKind, Gap, Outcome, Secret,
    text::{FOREIGN_MAX, clean},
    wire::TcpQuestion,
};

use super::{
    dial::{Ask, Dial, Prepared, Said, Way},
    http::{cover, stream::Stream, tls::Configs, trouble},
};

/// More of an answer is not read; greetings and replies of one line are far shorter.
const ANSWER_BYTES_MAX: usize = 4 * 1024;
/// Of what came and of what was expected so much is shown in words.
const SHOWN_MAX: usize = 80;

/// What is said and expected.
struct Tcp {
    send: Option<Secret>,
    expect: Option<String>,
}

/// Makes the question ready.
pub(super) fn prepare(question: &TcpQuestion, configs: &Configs) -> Result<Prepared, Gap> {
    let tls = question
        .tls
        .as_ref()
        .map(|settings| (settings, &[] as &[&str]));
    Ok(Prepared {
        way: Way::of(
            &question.endpoint.host,
            question.endpoint.port,
            question.ip,
            tls,
            configs,
        )?,
        asks: Box::new(Tcp {
            send: question.send.clone(),
            expect: question.expect.clone(),
        }),
        all_addresses: question.all_addresses,
        secrets: cover::of_text(question.send.as_ref(), question.expect.as_deref()),
    })
}

impl Ask for Tcp {
    fn ask<'a, 'look: 'a>(
        &'a self,
        dial: &'a mut Dial<'look>,
        stream: TcpStream,
    ) -> BoxFuture<'a, Result<Said, Said>> {
        Box::pin(async move {
            let mut stream = dial.wrap(stream).await?;
            if let Some(text) = &self.send {
                let sending = async {
                    stream.write_all(text.expose().as_bytes()).await?;
                    stream.flush().await
                };
                match dial.limits.run_to_the_end(sending).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return Err(trouble::broken(&error).into()),
                    Err(expired) => return Err(dial.no_answer(expired).into()),
                }
            }
            match &self.expect {
                Some(wanted) => expect(dial, &mut stream, wanted).await,
                None => Ok(Outcome::Healthy.into()),
            }
        })
    }
}

/// Reads until the wanted text came.
async fn expect(dial: &mut Dial<'_>, stream: &mut Stream, wanted: &str) -> Result<Said, Said> {
    let mut came = Vec::with_capacity(256);
    let holds = |came: &[u8]| {
        came.windows(wanted.len())
            .any(|piece| piece == wanted.as_bytes())
    };
    loop {
        let mut piece = [0; 512];
        let room = piece.len().min(ANSWER_BYTES_MAX - came.len());
        let read = dial
            .limits
            .run_to_the_end(stream.read(&mut piece[..room]))
            .await;
        let length = match read {
            Ok(Ok(0)) if came.is_empty() => {
                return Err(trouble::refused(
                    FailureKind::ConnectionClosed,
                    "connected, but the connection was closed before anything came",
                )
                .into());
            }
            Ok(Ok(0)) => return Err(other(&came, wanted, "and closed the connection")),
            Ok(Ok(length)) => length,
            Ok(Err(error)) if came.is_empty() => return Err(trouble::broken(&error).into()),
            Ok(Err(_broken)) => return Err(other(&came, wanted, "and the connection broke")),
            Err(expired) if came.is_empty() || expired.held_up_for.is_some() => {
                return Err(dial.no_answer(expired).into());
            }
            Err(expired) => {
                let end = format!("within {}", trouble::span(expired.limit));
                return Err(other(&came, wanted, &end));
            }
        };
        came.extend_from_slice(&piece[..length]);
        if dial.phases.first_byte_us.is_none() {
            dial.phases.first_byte_us = Some(dial.limits.lap());
        }
        if holds(&came) {
            return Ok(Outcome::Healthy.into());
        }
        if came.len() >= ANSWER_BYTES_MAX {
            return Err(other(&came, wanted, "and went on"));
        }
    }
}

/// Something else came.
fn other(came: &[u8], wanted: &str, end: &str) -> Said {
    let came = String::from_utf8_lossy(came);
    let words = format!(
        "it said \"{}\" {end}, expected \"{}\"",
        clean(&came, SHOWN_MAX),
        clean(wanted, SHOWN_MAX)
    );
    Said {
        excerpt: Some(clean(&came, FOREIGN_MAX)),
        ..Said::of(trouble::explicit(FailureKind::Unexpected, words))
    }
}
