//! Servers that do as they are told, a prober, and what it says.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hekate::{
    clock::Clock,
    model::{
        LookId, Observation, Outcome, Slot,
        plan::{Connection, HealthQuestion, HttpVersion, IpFamily, Question, TlsSettings},
    },
    probe::{Freshness, Prober},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Long enough for everything that comes to come, on any machine.
pub(crate) const PATIENT: Duration = Duration::from_secs(20);
/// Short enough to wait for.
pub(crate) const SHORT: Duration = Duration::from_millis(300);

/// A server on its own port that does this with every connection.
pub(crate) async fn serve<Serve, Done>(serve: Serve) -> SocketAddr
where
    Serve: Fn(TcpStream) -> Done + Send + 'static,
    Done: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// A server that reads the request, sends these bytes and closes.
pub(crate) async fn answering(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes: Arc<[u8]> = bytes.into().into();
    serve(move |mut stream| {
        let bytes = Arc::clone(&bytes);
        async move {
            read_head(&mut stream).await;
            send(&mut stream, &bytes).await;
        }
    })
    .await
}

/// A server that reads the request, sends these bytes and then stays as it is.
pub(crate) async fn stalling(bytes: &'static str) -> SocketAddr {
    serve(move |mut stream| async move {
        read_head(&mut stream).await;
        send(&mut stream, bytes.as_bytes()).await;
        until_closed(&mut stream).await;
    })
    .await
}

/// A good answer with this body.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A port of this machine where nothing listens.
pub(crate) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has ports");
    listener.local_addr().expect("it is bound")
}

/// Reads up to the empty line; what was read, which is short if the other side left.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_left) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Sends as much as the other side takes.
pub(crate) async fn send(stream: &mut TcpStream, bytes: &[u8]) {
    let _it_may_have_left = stream.write_all(bytes).await;
}

/// Waits until the other side leaves.
pub(crate) async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) {
    let mut waste = [0; 1024];
    while let Ok(1..) = stream.read(&mut waste).await {}
}

/// A new prober.
pub(crate) fn prober() -> Prober {
    Prober::new(Clock::start())
}

/// A plain question.
pub(crate) fn question(url: &str) -> HealthQuestion {
    HealthQuestion {
        role_field: None,
        url: url.parse().expect("tests write whole URLs"),
        url_secrets: Vec::new(),
        headers: Vec::new(),
        credentials: None,
        format: None,
        critical_components: Vec::new(),
        rules: Vec::new(),
        connection: Connection::Fresh,
        http_version: HttpVersion::Http1,
        ip: IpFamily::Auto,
        all_addresses: false,
        tls: TlsSettings::default(),
    }
}

/// One look with a new prober.
pub(crate) async fn look(question: HealthQuestion, limit: Duration) -> Observation {
    look_with(&prober(), &ask(question), limit).await
}

/// A question as the plan holds it.
pub(crate) fn ask(question: HealthQuestion) -> Question {
    Question::Health(Arc::new(question))
}

/// One look with this prober, as configured.
pub(crate) async fn look_with(
    prober: &Prober,
    question: &Question,
    limit: Duration,
) -> Observation {
    let seen = prober
        .look(look_id(), question, limit, Freshness::AsConfigured)
        .await;
    assert_eq!(seen.look, look_id());
    assert!(seen.finished.tick >= seen.started.tick);
    seen
}

/// The look of all tests.
pub(crate) fn look_id() -> LookId {
    LookId {
        slot: Slot(7),
        check: 0,
        number: 42,
    }
}

/// What the observation says on one line, without what differs from run to run.
pub(crate) fn told(seen: &Observation) -> String {
    let line = match &seen.outcome {
        Outcome::Healthy => "healthy".to_owned(),
        Outcome::Degraded(short) => format!("degraded {}: {}", short.kind.as_str(), short.words),
        Outcome::Unhealthy(failure) => format!(
            "{} {}: {}",
            failure.class.as_str(),
            failure.kind.as_str(),
            failure.words
        ),
        Outcome::Unobservable(gap) => format!("gap {}: {}", gap.kind.as_str(), gap.words),
    };
    number_after(&number_after(&line, "connected in "), "port ")
}

fn number_after(line: &str, mark: &str) -> String {
    match line.split_once(mark) {
        Some((before, after)) => {
            let rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            format!("{before}{mark}N{rest}")
        }
        None => line.to_owned(),
    }
}
