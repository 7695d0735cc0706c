//! What is watched: one server whose every path has a mood of its own.

use std::{
    collections::HashMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};

use super::wire::{read_request, respond, until_closed};

/// How a target answers.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Mood {
    /// All is well.
    Up,
    /// It says that it is down.
    Down,
    /// It takes the connection and the request and says nothing.
    Hang,
    /// It answers a byte at a time and never comes to an end.
    Drip,
    /// It hangs up after the request.
    HangUp,
    /// It says this with this status.
    Says(u16, String),
    /// It is down and repeats what it was sent, as careless error pages do.
    Echo,
    /// It is down and quotes what this header said, without saying what it is.
    Quote(&'static str),
}

/// The server.
#[derive(Clone)]
pub(crate) struct Targets {
    address: SocketAddr,
    moods: Arc<Mutex<HashMap<String, (Mood, u64)>>>,
}

impl Targets {
    pub(crate) async fn start() -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into()).await
    }

    /// At an address of this machine.
    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address)
            .await
            .expect("nobody listens there");
        let targets = Self {
            address: listener.local_addr().expect("it is bound"),
            moods: Arc::default(),
        };
        let serving = targets.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        targets
    }

    /// Where a target answers.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// The section of the file with these targets.
    pub(crate) fn section(&self, names: &[&str]) -> String {
        let mut text = String::from("targets:\n");
        for name in names {
            let url = self.url(name);
            let _ = writeln!(text, "  - {{ name: {name}, health: \"{url}\" }}");
        }
        text
    }

    /// Makes a target answer so from now on.
    pub(crate) fn set(&self, name: &str, mood: Mood) {
        self.with(name, |entry| entry.0 = mood);
    }

    /// How often a target was asked.
    pub(crate) fn asked(&self, name: &str) -> u64 {
        self.with(name, |entry| entry.1)
    }

    fn with<T>(&self, name: &str, look: impl FnOnce(&mut (Mood, u64)) -> T) -> T {
        let mut moods = self.moods.lock().unwrap_or_else(PoisonError::into_inner);
        look(moods.entry(name.to_owned()).or_insert((Mood::Up, 0)))
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some(request) = read_request(&mut stream).await else {
            return;
        };
        let path = request.path.split('?').next().unwrap_or_default();
        let mood = self.with(path.trim_start_matches('/'), |entry| {
            entry.1 += 1;
            entry.0.clone()
        });
        match mood {
            Mood::Up => respond(&mut stream, 200, JSON, r#"{"status":"UP"}"#).await,
            Mood::Down => respond(&mut stream, 503, JSON, DOWN).await,
            Mood::Hang => until_closed(&mut stream).await,
            Mood::Drip => drip(&mut stream).await,
            Mood::HangUp => {}
            Mood::Says(status, body) => respond(&mut stream, status, JSON, &body).await,
            Mood::Echo => {
                let body = serde_json::json!({ "status": "DOWN", "error": request.head });
                respond(&mut stream, 503, JSON, &body.to_string()).await;
            }
            Mood::Quote(header) => {
                let value = request.header(header).unwrap_or_default();
                let value = value.rsplit("earer ").next().unwrap_or(value);
                let value = value.trim_start_matches("Basic ");
                let error = format!("nobody knows {value} here");
                let parts = serde_json::json!({ value: { "status": "DOWN", "details": { "error": error } } });
                let body =
                    serde_json::json!({ "status": "DOWN", "error": error, "components": parts });
                respond(&mut stream, 503, JSON, &body.to_string()).await;
            }
        }
    }
}

const JSON: &str = "Content-Type: application/json\r\n";
const DOWN: &str = r#"{"status":"DOWN","components":{"db":{"status":"DOWN","details":{"error":"connection pool exhausted"}}}}"#;

async fn drip(stream: &mut TcpStream) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n";
    let mut sent = stream.write_all(head.as_bytes()).await;
    while sent.is_ok() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        sent = stream.write_all(b".").await;
    }
}

/// An address of this machine where nothing listens.
pub(crate) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has ports");
    listener.local_addr().expect("it is bound")
}
