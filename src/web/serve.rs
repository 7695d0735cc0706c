//! The listener itself: connections and their limits.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use super::{
    Peer, State,
    gate::{Gate, LAST_LOOK, Ticket},
    router,
    stall::Moving,
};

/// How long others may keep us waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long a connection without a request is left alone when others want in.
    pub(super) grace: Duration,
    /// How long somebody stands in the queue to be let in.
    pub(super) queue: Duration,
    /// For the head of a request, counted from when it could have begun; so also for an idle connection.
    pub(super) head: Duration,
    /// How long nothing may move on a connection.
    pub(super) stall: Duration,
    /// How long requests that are under way have when the listener stops.
    pub(super) stop: Duration,
}

pub(super) const LIMITS: Limits = Limits {
    grace: Duration::from_millis(250),
    // Slack waits for three seconds.
    queue: Duration::from_secs(2),
    head: Duration::from_secs(5),
    stall: Duration::from_secs(15),
    stop: Duration::from_secs(5),
};

/// The longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The most headers of a request.
const HEADERS_MAX: usize = 64;

/// How long to wait after the system refused us a connection, such as for lack of file descriptors.
const REFUSED_PAUSE: Duration = Duration::from_millis(200);

/// So many connections may wait to be accepted. Fewer, and the kernel drops what comes in a burst, and who asked asks again after a
/// second; it is cut to what the kernel allows (`net.core.somaxconn`, 4,096 by default).
const BACKLOG: u32 = 4_096;

/// Listens at this address.
///
/// # Errors
///
/// What the system says: somebody else listens there, or we may not.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // The next process may take the address of the one before at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers requests until `shutdown` is cancelled; then lets those under way end, for at most 5 seconds.
///
/// HTTP/1.1 only; at most 256 connections, 32 from one address, and as many that wait to be let in, for at most 2 s; 5 s
/// for a request's head and 10 s for all of it; heads of at most 16 KiB and 64 headers.
pub async fn serve(listener: TcpListener, state: State, shutdown: CancellationToken) {
    serve_within(listener, state, shutdown, LIMITS).await;
}

pub(super) async fn serve_within(
    listener: TcpListener,
    state: State,
    shutdown: CancellationToken,
    limits: Limits,
) {
    let clock = state.clock.clone();
    let router = router(state);
    let gate = Arc::new(Gate::new(move || clock.now().tick, limits.grace));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // The end of a long answer would wait 40 ms for the other side to say that it has the rest.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "answers of this connection may be late");
                    }
                    let (gate, router) = (Arc::clone(&gate), router.clone());
                    let stopping = shutdown.child_token();
                    connections.spawn(async move {
                        let entered = tokio::select! {
                            entered = gate.enter(peer.ip(), limits.queue) => entered,
                            () = stopping.cancelled() => None,
                        };
                        if let Some(ticket) = entered {
                            let client = Client { stream, peer, ticket };
                            connection(client, router, stopping, limits).await;
                        }
                    });
                }
                Err(error) => refused(&error).await,
            },
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    // What is left is dropped with the set, and with it its sockets.
    let _ = timeout(limits.stop, all_ended).await;
}

/// Somebody who was let in.
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    ticket: Ticket,
}

/// One connection from its first request to its end.
async fn connection(
    Client {
        stream,
        peer,
        ticket,
    }: Client,
    router: Router,
    stopping: CancellationToken,
    limits: Limits,
) {
    let ticket = Arc::new(ticket);
    let service = service_fn(|request| answer(request, peer, &ticket, router.clone()));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Moving::new(stream, limits.stall)), service);
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = ticket.has_to_leave() => {
            served.as_mut().graceful_shutdown();
            loop {
                match timeout(LAST_LOOK, served.as_mut()).await {
                    Ok(ended) => break ended,
                    Err(_late) if ticket.is_busy() => {}
                    Err(_late) => break Ok(()),
                }
            }
        }
        () = stopping.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        // Anybody can break a connection; it is no event of ours.
        tracing::trace!(%peer, %error, "connection ended");
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    ticket: &Arc<Ticket>,
    mut router: Router,
) -> Result<Response, Infallible> {
    let busy = ticket.busy();
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer));
    let response = router.call(request).await?;
    Ok(response.map(|body| busy.until_sent(body)))
}

/// Waits a little if the trouble is ours; a connection that broke before it was taken is nobody's.
async fn refused(error: &io::Error) {
    if matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    ) {
        return;
    }
    tracing::warn!(%error, "cannot take a connection");
    sleep(REFUSED_PAUSE).await;
}
