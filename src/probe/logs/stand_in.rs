//! A server that answers as it is told, in place of stores of logs that cannot run in a test.

use std::{
    fmt::Write as _,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use url::Url;

use crate::model::{
    Timestamp,
    logs::{HttpStore, LogFault, LogSource, LogStore, Reading, Subject},
    names::SourceName,
    plan::TlsSettings,
};

use super::{Store, open_store, web};

/// 2026-11-22T01:00:00Z, the time of every question.
pub(in crate::probe) const NOW: Timestamp = Timestamp::from_millis(1_795_309_200_000);

/// What was asked.
#[derive(Clone, Debug, Default)]
pub(in crate::probe) struct Asked {
    pub(in crate::probe) method: String,
    pub(in crate::probe) path: String,
    /// Of the address and of a form.
    pub(in crate::probe) parameters: Vec<(String, String)>,
    /// With small letters.
    pub(in crate::probe) headers: Vec<(String, String)>,
}

impl Asked {
    /// A parameter, or nothing.
    pub(in crate::probe) fn parameter(&self, name: &str) -> &str {
        value(&self.parameters, name)
    }

    /// A header, or nothing.
    pub(in crate::probe) fn header(&self, name: &str) -> &str {
        value(&self.headers, name)
    }
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let pair = pairs.iter().find(|(known, _)| known == name);
    pair.map_or("", |(_, value)| value)
}

/// How it answers.
#[derive(Clone, Debug)]
pub(in crate::probe) enum Reply {
    /// An answer.
    Whole {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// None, with the connection left open.
    Hung,
    /// One that ends before its length.
    Cut(Vec<u8>),
    /// None, with the connection closed.
    Closed,
}

impl Reply {
    pub(in crate::probe) fn json(status: u16, body: &str) -> Self {
        Self::of(status, "application/json", body)
    }

    pub(in crate::probe) fn text(status: u16, body: &str) -> Self {
        Self::of(status, "text/plain; charset=utf-8", body)
    }

    pub(in crate::probe) fn of(status: u16, kind: &str, body: &str) -> Self {
        Self::Whole {
            status,
            headers: vec![(String::from("content-type"), kind.to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    /// The same with one header more.
    pub(in crate::probe) fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Whole { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

/// The server; it ends with this value.
pub(in crate::probe) struct StandIn {
    pub(in crate::probe) url: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StandIn {
    pub(in crate::probe) async fn start(
        answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, known) = (Arc::new(answer), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, known) = (Arc::clone(&answer), Arc::clone(&known));
                tokio::spawn(async move {
                    // A client that hangs up is a part of some tests.
                    let _ = serve(stream, &*answer, &known).await;
                });
            }
        });
        Self {
            url: url.parse().unwrap(),
            asked,
            task,
        }
    }

    /// One answer for everything.
    pub(in crate::probe) async fn always(reply: Reply) -> Self {
        Self::start(move |_| reply.clone()).await
    }

    /// Everything that was asked so far, in the order in which it came.
    pub(in crate::probe) fn asked(&self) -> Vec<Asked> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How it is reached.
    pub(in crate::probe) fn http(&self) -> HttpStore {
        HttpStore {
            url: self.url.clone(),
            credentials: None,
            headers: Vec::new(),
            tls: TlsSettings::default(),
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: &(impl Fn(&Asked) -> Reply + Sync),
    known: &Mutex<Vec<Asked>>,
) -> io::Result<()> {
    let asked = read(&mut stream).await?;
    let reply = answer(&asked);
    known
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(asked);
    let (status, headers, body, length) = match reply {
        Reply::Whole {
            status,
            headers,
            body,
        } => {
            let length = body.len();
            (status, headers, body, length)
        }
        Reply::Cut(body) => {
            let length = body.len() + 1_000;
            (200, Vec::new(), body, length)
        }
        Reply::Closed => return Ok(()),
        Reply::Hung => {
            // Until the client has had enough.
            let _ = stream.read(&mut [0; 1]).await?;
            return Ok(());
        }
    };
    let mut head =
        format!("HTTP/1.1 {status} Stand-in\r\nconnection: close\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await
}

async fn read(stream: &mut TcpStream) -> io::Result<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first.next().unwrap_or_default().to_owned();
    let target = first.next().unwrap_or_default().to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = value(&headers, "content-length").parse().unwrap_or(0);
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut parameters: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    if value(&headers, "content-type") == "application/x-www-form-urlencoded" {
        parameters.extend(form_urlencoded::parse(&bytes[end + 4..]).into_owned());
    }
    Ok(Asked {
        method,
        path: path.to_owned(),
        parameters,
        headers,
    })
}

/// A source without a canary.
pub(super) fn source(store: LogStore) -> LogSource {
    LogSource {
        name: SourceName::new("logs"),
        store,
        canary: None,
        lag_limit: Duration::from_secs(90),
        reorder_margin: Duration::from_secs(10),
        channel: None,
        startup_grace: Duration::ZERO,
    }
}

/// The store, opened as a round opens it.
pub(super) fn open(store: LogStore) -> Arc<dyn Store> {
    open_store(&source(store), &web::Tls::new()).unwrap()
}

/// Something wanted, for a quarter of an hour.
pub(super) fn subject(query: &str) -> Subject {
    Subject {
        query: query.to_owned(),
        streams: Vec::new(),
        lookback: Duration::from_mins(15),
    }
}

/// What is known of one subject now, as a line.
pub(super) async fn read_one(store: &dyn Store, query: &str) -> String {
    let subjects = [subject(query)];
    let readings = store.read(&subjects, NOW, crate::probe::logs::ROUND).await;
    assert_eq!(readings.len(), 1);
    told(&readings[0])
}

/// A reading as a line.
pub(super) fn told(reading: &Result<Reading, LogFault>) -> String {
    let reading = match reading {
        Ok(reading) => reading,
        Err(fault) => return format!("{}: {}", fault.kind.as_str(), fault.words),
    };
    let mut line = reading.event.map_or_else(
        || String::from("nothing"),
        |event| format!("{} ms ago", NOW.as_millis() - event.as_millis()),
    );
    if reading.is_partial {
        line.push_str(", partial");
    }
    line
}
