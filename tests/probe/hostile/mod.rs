//! Servers that answer in the worst ways, and a file in which every kind of check meets each of them.

mod encrypted;
mod file;
mod languages;
mod sizes;
mod texts;
mod tls;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub(crate) use file::{KINDS, sections};
pub(crate) use tls::Identities;

/// How much it reads before it says anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    Nothing,
    Byte,
    /// To the end of a head, or of what an HTTP/2 client says first.
    Request,
}

/// What it does when all is said.
#[derive(Clone, PartialEq, Eq)]
enum Ends {
    Close,
    Reset,
    Stay,
    /// Says these bytes for ever, after this pause each time.
    Repeat(Vec<u8>, Duration),
}

/// What lies below what it says.
#[derive(Clone)]
enum Line {
    Plain,
    /// Connections wait for ever to be accepted.
    NeverAccepts,
    /// A handshake with this certificate first.
    Tls(Arc<rustls::ServerConfig>),
    /// The same, and what is said then is said beside the encryption.
    TlsThenPlain(Arc<rustls::ServerConfig>),
}

/// One of them.
#[derive(Clone)]
pub(crate) struct Hostile {
    pub(crate) name: &'static str,
    line: Line,
    reads: Reads,
    says: Vec<u8>,
    ends: Ends,
    /// Whether clients are to speak TLS with it.
    is_tls: bool,
}

/// One that is running.
pub(crate) struct Running {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    is_tls: bool,
    met: Option<Arc<AtomicU64>>,
    /// What keeps the queue of connections full.
    _waiting: Vec<TcpStream>,
    _listener: Option<TcpListener>,
}

impl Running {
    /// How many connections came to it; absent if it cannot know.
    pub(crate) fn met(&self) -> Option<u64> {
        Some(self.met.as_ref()?.load(Ordering::Relaxed))
    }
}

/// Between two pieces of a drip: slower than any reader's patience, and many times within one look.
const DRIP: Duration = Duration::from_millis(100);
/// Between two pieces of a flood: more than any reader wants, and something is left of the machine.
const FLOOD: Duration = Duration::from_millis(1);
/// Before it resets the connection, so that what it said before has arrived.
const BEFORE_RESET: Duration = Duration::from_millis(100);

fn says(name: &'static str, says: impl Into<Vec<u8>>) -> Hostile {
    Hostile {
        name,
        line: Line::Plain,
        reads: Reads::Request,
        says: says.into(),
        ends: Ends::Close,
        is_tls: false,
    }
}

/// A whole answer with this body.
fn body(name: &'static str, headers: &str, body: impl AsRef<[u8]>) -> Hostile {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    says(name, bytes)
}

fn json(name: &'static str, text: impl AsRef<[u8]>) -> Hostile {
    body(name, "Content-Type: application/json\r\n", text)
}

impl Hostile {
    fn then(self, ends: Ends) -> Self {
        Self { ends, ..self }
    }

    fn stay(self) -> Self {
        self.then(Ends::Stay)
    }

    fn reset(self) -> Self {
        self.then(Ends::Reset)
    }

    fn drip(self, piece: impl Into<Vec<u8>>) -> Self {
        self.then(Ends::Repeat(piece.into(), DRIP))
    }

    fn flood(self, piece: impl Into<Vec<u8>>) -> Self {
        self.then(Ends::Repeat(piece.into(), FLOOD))
    }

    fn after(self, reads: Reads) -> Self {
        Self { reads, ..self }
    }

    fn over(self, line: Line) -> Self {
        Self { line, ..self }
    }

    fn asked_for_tls(self) -> Self {
        Self {
            is_tls: true,
            ..self
        }
    }
}

/// All of them.
pub(crate) fn all(identities: &Identities) -> Vec<Hostile> {
    [
        sizes::all(),
        languages::all(),
        texts::all(),
        encrypted::all(identities),
    ]
    .concat()
}

/// Servers by the same names that are well, to compare with.
pub(crate) async fn well(servers: &[Running], identities: &Identities) -> Vec<Running> {
    let plain = json("well", r#"{"status":"UP"}"#);
    let encrypted = plain
        .clone()
        .over(Line::Tls(Arc::clone(&identities.good)))
        .asked_for_tls();
    let (plain, encrypted) = (plain.start().await, encrypted.start().await);
    let same = |server: &Running| Running {
        name: server.name,
        address: if server.is_tls {
            encrypted.address
        } else {
            plain.address
        },
        is_tls: server.is_tls,
        met: None,
        _waiting: Vec::new(),
        _listener: None,
    };
    servers.iter().map(same).collect()
}

impl Hostile {
    /// Starts it on a port of its own.
    pub(crate) async fn start(self) -> Running {
        let (name, is_tls) = (self.name, self.is_tls);
        if matches!(self.line, Line::NeverAccepts) {
            return never_accepting(name).await;
        }
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has ports");
        let address = listener.local_addr().expect("it is bound");
        let met = Arc::new(AtomicU64::new(0));
        let (counting, hostile) = (Arc::clone(&met), Arc::new(self));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counting.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(Arc::clone(&hostile).serve(stream));
            }
        });
        Running {
            name,
            address,
            is_tls,
            met: Some(met),
            _waiting: Vec::new(),
            _listener: None,
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        match &self.line {
            Line::Plain | Line::NeverAccepts => self.play(stream, |stream| stream).await,
            Line::Tls(config) => {
                let acceptor = TlsAcceptor::from(Arc::clone(config));
                if let Ok(stream) = acceptor.accept(stream).await {
                    self.play(stream, |stream| stream.into_inner().0).await;
                }
            }
            Line::TlsThenPlain(config) => {
                let acceptor = TlsAcceptor::from(Arc::clone(config));
                if let Ok(stream) = acceptor.accept(stream).await {
                    let stream: TlsStream<_> = stream;
                    self.play(stream.into_inner().0, |stream| stream).await;
                }
            }
        }
    }

    async fn play<S>(&self, mut stream: S, below: impl FnOnce(S) -> TcpStream)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.reads {
            Reads::Nothing => {}
            Reads::Byte => {
                let _it_may_have_left = stream.read(&mut [0]).await;
            }
            Reads::Request => read_request(&mut stream).await,
        }
        let _it_may_have_left = stream.write_all(&self.says).await;
        let _it_may_have_left = stream.flush().await;
        match &self.ends {
            Ends::Close => {
                let _it_may_have_left = stream.shutdown().await;
            }
            Ends::Reset => {
                tokio::time::sleep(BEFORE_RESET).await;
                let stream = below(stream);
                stream.set_zero_linger().expect("it is a socket");
            }
            Ends::Stay => while let Ok(1..) = stream.read(&mut [0; 4_096]).await {},
            Ends::Repeat(piece, pause) => {
                while stream.write_all(piece).await.is_ok() && stream.flush().await.is_ok() {
                    tokio::time::sleep(*pause).await;
                }
            }
        }
    }
}

/// Reads to the end of a head; what is no HTTP is answered as soon as it pauses.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) {
    const PAUSE: Duration = Duration::from_millis(200);
    let mut bytes = Vec::new();
    let mut came = stream
        .read_buf(&mut bytes)
        .await
        .is_ok_and(|count| count > 0);
    while came && !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        let next = timeout(PAUSE, stream.read_buf(&mut bytes)).await;
        came = matches!(next, Ok(Ok(1..)));
    }
}

/// Fills its own queue of connections, so that the system drops every further knock.
async fn never_accepting(name: &'static str) -> Running {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    socket
        .bind(([127, 0, 0, 1], 0).into())
        .expect("loopback has ports");
    let listener = socket.listen(1).expect("it is bound");
    let address = listener.local_addr().expect("it is bound");
    let mut waiting = Vec::new();
    while let Ok(connected) = timeout(DRIP * 3, TcpStream::connect(address)).await {
        waiting.push(connected.expect("a full queue is silent"));
    }
    Running {
        name,
        address,
        is_tls: false,
        met: None,
        _waiting: waiting,
        _listener: Some(listener),
    }
}
