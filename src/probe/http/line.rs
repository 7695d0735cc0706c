//! One connection that speaks HTTP. Nothing is spawned: whoever waits for an answer also drives the connection, so a
//! look that is dropped takes its connection with it.

use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::future::Either;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::{Body as _, Frame, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::TokioIo;

use super::{body::BODY_BYTES_MAX, stream::Stream};

/// The most bytes and headers of an answer's head.
const HEAD_BYTES_MAX: u16 = 32 * 1024;
pub(super) const HEADERS_MAX: usize = 64;

type Wire = TokioIo<Stream>;
type Content = Full<Bytes>;

/// A connection and the address at its other end.
pub(super) struct Line {
    sender: Sender,
    driver: Driver,
    pub(super) address: SocketAddr,
}

enum Sender {
    Http1(http1::SendRequest<Content>),
    Http2(http2::SendRequest<Content>),
}

#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the usual one, and its line is in a box already"
)]
enum Driver {
    Http1(http1::Connection<Wire, Content>),
    Http2(Box<Http2Driver>),
    Done,
}

struct Http2Driver {
    connection: http2::Connection<Wire, Content, Beside>,
    beside: Beside,
    tasks: Vec<Task>,
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Collects the tasks that HTTP/2 wants to run beside the connection, to be driven with it.
#[derive(Clone, Default)]
struct Beside(Arc<Mutex<Vec<Task>>>);

impl<Work: Future<Output = ()> + Send + 'static> hyper::rt::Executor<Work> for Beside {
    fn execute(&self, work: Work) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::pin(work));
    }
}

impl Line {
    /// Speaks HTTP/1.1 over the stream.
    pub(super) async fn open_http1(
        stream: Stream,
        address: SocketAddr,
    ) -> Result<Box<Self>, hyper::Error> {
        let (sender, connection) = http1::Builder::new()
            .max_headers(HEADERS_MAX)
            .max_header_size(usize::from(HEAD_BYTES_MAX))
            .max_buf_size(usize::from(HEAD_BYTES_MAX))
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Box::new(Self {
            sender: Sender::Http1(sender),
            driver: Driver::Http1(connection),
            address,
        }))
    }

    /// Speaks HTTP/2 over the stream.
    pub(super) async fn open_http2(
        stream: Stream,
        address: SocketAddr,
    ) -> Result<Box<Self>, hyper::Error> {
        // Windows of the cap's size: what an endless body can send before we close it stays bounded.
        let window = u32::try_from(BODY_BYTES_MAX).ok();
        let beside = Beside::default();
        let (sender, connection) = http2::Builder::new(beside.clone())
            .initial_stream_window_size(window)
            .initial_connection_window_size(window)
            .max_header_list_size(u32::from(HEAD_BYTES_MAX))
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Box::new(Self {
            sender: Sender::Http2(sender),
            driver: Driver::Http2(Box::new(Http2Driver {
                connection,
                beside,
                tasks: Vec::new(),
            })),
            address,
        }))
    }

    /// Whether HTTP/2 is spoken.
    pub(super) fn is_http2(&self) -> bool {
        matches!(self.sender, Sender::Http2(_))
    }

    /// Whether a line that was kept can still be used, as far as this side knows by now.
    pub(super) async fn is_alive(&mut self) -> bool {
        poll_fn(|context| {
            self.driver.poll(context);
            let ready = match &mut self.sender {
                Sender::Http1(sender) => sender.poll_ready(context),
                Sender::Http2(sender) => sender.poll_ready(context),
            };
            let is_open = !matches!(self.driver, Driver::Done);
            Poll::Ready(is_open && matches!(ready, Poll::Ready(Ok(()))))
        })
        .await
    }

    /// Sends the request and waits for the head of the answer.
    pub(super) fn ask(
        &mut self,
        request: Request<Content>,
    ) -> impl Future<Output = Result<Response<Incoming>, hyper::Error>> {
        let answer = match &mut self.sender {
            Sender::Http1(sender) => Either::Left(sender.send_request(request)),
            Sender::Http2(sender) => Either::Right(sender.send_request(request)),
        };
        self.driver.run(answer)
    }

    /// Waits for the next piece of a body.
    pub(super) async fn piece(
        &mut self,
        body: &mut Incoming,
    ) -> Option<Result<Frame<Bytes>, hyper::Error>> {
        self.driver
            .run(poll_fn(|context| Pin::new(&mut *body).poll_frame(context)))
            .await
    }
}

impl Driver {
    /// Waits for `work`, which this connection moves forward.
    async fn run<Work: Future>(&mut self, work: Work) -> Work::Output {
        let mut work = std::pin::pin!(work);
        poll_fn(|context| {
            self.poll(context);
            work.as_mut().poll(context)
        })
        .await
    }

    /// Moves the connection as far as it goes. Its errors are seen by the one who waits for the answer.
    fn poll(&mut self, context: &mut Context<'_>) {
        let is_done = match self {
            Self::Http1(connection) => Pin::new(connection).poll(context).is_ready(),
            Self::Http2(driver) => driver.poll(context),
            Self::Done => return,
        };
        if is_done {
            *self = Self::Done;
        }
    }
}

impl Http2Driver {
    fn poll(&mut self, context: &mut Context<'_>) -> bool {
        let is_done = Pin::new(&mut self.connection).poll(context).is_ready();
        loop {
            let mut new = self
                .beside
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .split_off(0);
            if new.is_empty() {
                break;
            }
            new.retain_mut(|task| task.as_mut().poll(context).is_pending());
            self.tasks.append(&mut new);
        }
        self.tasks
            .retain_mut(|task| task.as_mut().poll(context).is_pending());
        is_done && self.tasks.is_empty()
    }
}
