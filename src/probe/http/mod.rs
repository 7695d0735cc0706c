//! One look at an HTTP endpoint, every phase timed, every failure classed.
//!
//! The way of a look: addresses ([`resolve`]), the ones allowed ([`address`]), a connection ([`connect`]), perhaps
//! TLS ([`tls`]), a request and the head of the answer ([`line`]), the body ([`body`]), and what it means
//! ([`health`](super::health)). Each part has its limit ([`limits`]); what goes wrong is put into words in
//! [`trouble`]. Proxies of the environment are not asked and redirects are not followed: the question is how this
//! endpoint is.

mod address;
mod body;
mod connect;
mod cover;
mod limits;
mod line;
mod prepare;
mod resolve;
mod stream;
mod tls;
mod trouble;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderName, header};
use hyper::body::Incoming;
use tokio::net::TcpStream;

use crate::{
    clock::Clock,
    model::{
        Detail, FailureKind, Family, Gap, GapKind, Outcome, Phases, Tick,
        plan::{Connection, HealthQuestion, HttpVersion},
        text::clean,
    },
};

use super::{
    Freshness,
    health::{self, Answer, Reading},
};

use self::{
    body::{Body, Collector},
    limits::{BODY_GAP, CONNECT, Limits, TLS},
    line::{HEADERS_MAX, Line},
    prepare::{Place, Prepared},
    resolve::Resolver,
    stream::Stream,
};

pub use self::resolve::Lookup;

/// How long a question that could not be prepared stays so: roots that were missing may have been installed since.
const FAILURE_KEPT_FOR: Duration = Duration::from_mins(1);
/// The most characters of `Server` and `Via` that are kept.
const VIA_MAX: usize = 100;

/// What a look found, without its times.
pub(super) struct Findings {
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
    pub(super) phases: Phases,
    pub(super) family: Option<Family>,
    pub(super) detail: Option<Box<Detail>>,
}

impl Findings {
    /// An outcome and nothing else.
    pub(super) fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            status: None,
            phases: Phases::default(),
            family: None,
            detail: None,
        }
    }
}

/// Looks at HTTP endpoints.
pub(super) struct Client {
    clock: Clock,
    resolver: Resolver,
    configs: tls::Configs,
    /// By the place of the question in memory, which is not given to another one while the weak reference is here.
    prepared: Mutex<HashMap<usize, Entry>>,
}

/// A question and what was made of it.
struct Entry {
    question: Weak<HealthQuestion>,
    prepared: Result<Arc<Prepared>, (Gap, Tick)>,
}

impl Client {
    pub(super) fn new(clock: Clock, lookup: Lookup) -> Self {
        Self {
            clock,
            resolver: Resolver::new(lookup),
            configs: tls::Configs::new(),
            prepared: Mutex::new(HashMap::new()),
        }
    }

    /// Makes a question ready.
    pub(super) fn prepare(&self, question: &Arc<HealthQuestion>) -> Result<(), Gap> {
        self.prepared(question).map(|_prepared| ())
    }

    /// One look.
    pub(super) async fn look(
        &self,
        question: &Arc<HealthQuestion>,
        started: Tick,
        limit: Duration,
        freshness: Freshness,
    ) -> Findings {
        let prepared = match self.prepared(question) {
            Ok(prepared) => prepared,
            Err(gap) => return Findings::of(Outcome::Unobservable(gap)),
        };
        let timer = std::pin::pin!(tokio::time::sleep_until(
            self.clock.instant(started + limit)
        ));
        let mut look = Look {
            client: self,
            question,
            prepared: &prepared,
            keeps_line: question.connection == Connection::Reuse
                && freshness == Freshness::AsConfigured,
            limits: Limits::new(&self.clock, timer, started, limit),
            trail: Trail::default(),
        };
        let answered = look.ask().await;
        let mut findings = look.trail.finish(answered);
        cover::cover(&mut findings, question);
        findings
    }

    fn prepared(&self, question: &Arc<HealthQuestion>) -> Result<Arc<Prepared>, Gap> {
        let key = Arc::as_ptr(question).addr();
        let now = self.clock.now().tick;
        if let Some(entry) = self.entries().get(&key) {
            match &entry.prepared {
                Ok(prepared) => return Ok(Arc::clone(prepared)),
                Err((gap, at)) if now.since(*at) < FAILURE_KEPT_FOR => return Err(gap.clone()),
                Err(_) => {}
            }
        }
        // Reading the roots takes milliseconds, so nobody else waits for it.
        let prepared = Prepared::of(question, &self.configs).map(Arc::new);
        let mut entries = self.entries();
        // A new question is rare, and comes with a reload: the time to let go of those that are gone.
        entries.retain(|_, entry| entry.question.strong_count() > 0);
        entries.insert(
            key,
            Entry {
                question: Arc::downgrade(question),
                prepared: prepared.clone().map_err(|gap| (gap, now)),
            },
        );
        prepared
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, HashMap<usize, Entry>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One look under way.
struct Look<'look> {
    client: &'look Client,
    question: &'look HealthQuestion,
    prepared: &'look Prepared,
    /// Whether the connection is taken from and left to other looks.
    keeps_line: bool,
    limits: Limits<'look>,
    trail: Trail,
}

/// The head of an answer, with the body still to come.
type Head = http::Response<Incoming>;

/// What was learned on the way, whatever the end.
#[derive(Default)]
struct Trail {
    phases: Phases,
    status: Option<u16>,
    address: Option<SocketAddr>,
    via: Option<String>,
    note: Option<&'static str>,
}

impl Look<'_> {
    async fn ask(&mut self) -> Result<Reading, Outcome> {
        let kept = self.keeps_line.then(|| self.prepared.take_kept()).flatten();
        let (mut line, answer) = match kept {
            Some(kept) => self.head_over_kept(*kept).await?,
            None => self.head_over_fresh().await?,
        };
        let (reading, is_whole) = self.read(&mut line, answer).await?;
        if self.keeps_line && is_whole {
            self.prepared.keep(Box::new(line));
        }
        Ok(reading)
    }

    /// Asks over the connection of an earlier look, and over a fresh one if that turns out to be dead.
    ///
    /// A dead kept connection says nothing about the target: servers close what is idle whenever they like, also while
    /// the request is on its way, and a firewall may have forgotten the connection without telling anybody. So a
    /// failure over it is never the answer; if it is silent for half of the look, a fresh one is asked as well and the
    /// first answer counts.
    async fn head_over_kept(&mut self, mut line: Line) -> Result<(Line, Head), Outcome> {
        if !line.is_alive().await {
            return self.head_over_fresh().await;
        }
        let asked_at = self.client.clock.now().tick;
        let patience = self.limits.whole / 2;
        let request = self.request(&line);
        let address = line.address;
        let answer = {
            let mut asking = std::pin::pin!(line.ask(request));
            match self.limits.run(patience, asking.as_mut()).await {
                Ok(Ok(answer)) if !is_goodbye(&answer) => answer,
                Ok(_) => return self.head_over_fresh().await,
                Err(_expired) => {
                    let fresh = std::pin::pin!(self.head_over_fresh());
                    match select(asking, fresh).await {
                        Either::Left((Ok(answer), _)) if !is_goodbye(&answer) => answer,
                        Either::Left((_, fresh)) => return fresh.await,
                        Either::Right((fresh, _)) => return fresh,
                    }
                }
            }
        };
        self.trail = Trail {
            address: Some(address),
            ..Trail::default()
        };
        self.trail.phases.first_byte_us = Some(self.limits.micros_since(asked_at));
        Ok((line, answer))
    }

    async fn head_over_fresh(&mut self) -> Result<(Line, Head), Outcome> {
        let mut line = self.open().await?;
        let answer = self.head(&mut line).await?;
        Ok((line, answer))
    }

    /// Opens a connection: addresses, TCP, TLS, HTTP.
    async fn open(&mut self) -> Result<Line, Outcome> {
        let addresses = self.addresses().await?;
        self.trail.address = addresses.first().copied();
        let (stream, address) = self.connect(&addresses).await?;
        self.trail.address = Some(address);
        let asks_http2 = self.question.http_version == HttpVersion::Http2;
        let (stream, is_http2) = if self.prepared.tls.is_some() {
            let stream = self.handshake(stream).await?;
            let is_http2 = asks_http2 && stream.has_chosen_http2();
            (stream, is_http2)
        } else {
            if asks_http2 {
                no_delay(&stream);
            }
            (Stream::Plain(stream), asks_http2)
        };
        let opened = if is_http2 {
            self.limits
                .run_to_the_end(Line::open_http2(stream, address))
                .await
        } else {
            self.limits
                .run_to_the_end(Line::open_http1(stream, address))
                .await
        };
        match opened {
            Ok(line) => line.map_err(|error| trouble::head(&error)),
            Err(expired) => Err(self.no_answer(expired)),
        }
    }

    async fn addresses(&mut self) -> Result<Vec<SocketAddr>, Outcome> {
        let prepared = self.prepared;
        let usable = |addresses: &[_]| address::usable(addresses, self.question.ip, prepared.port);
        let addresses = match &prepared.host {
            Place::Address(address) => usable(&[*address]),
            Place::Name(name) => {
                let asked_at = self.client.clock.now().tick;
                let resolver = &self.client.resolver;
                let found = resolver.resolve(name, &mut self.limits).await?;
                self.trail.phases.resolve_us = Some(self.limits.micros_since(asked_at));
                if found.is_remembered {
                    self.trail.note = Some("resolver failing, used the last known address");
                }
                usable(&found.addresses)
            }
        };
        addresses.map_err(|refused| match refused {
            Some(address) => trouble::gap(
                GapKind::NotConfigured,
                format!("address {address} is never looked at"),
            ),
            None => trouble::gap(
                GapKind::NotConfigured,
                "there is no address of the family that `ip` asks for",
            ),
        })
    }

    async fn connect(
        &mut self,
        addresses: &[SocketAddr],
    ) -> Result<(TcpStream, SocketAddr), Outcome> {
        let started = self.client.clock.now().tick;
        let mut refusals = Vec::new();
        let connecting = connect::connect(addresses, &mut refusals);
        match self.limits.run(CONNECT, connecting).await {
            Ok(Some(open)) => {
                self.trail.phases.connect_us = Some(self.limits.micros_since(started));
                Ok(open)
            }
            Ok(None) => Err(trouble::connect(&refusals)),
            Err(expired) => Err(trouble::connect_expired(&refusals, expired)),
        }
    }

    async fn handshake(&mut self, stream: TcpStream) -> Result<Stream, Outcome> {
        let Some((connector, name)) = &self.prepared.tls else {
            return Ok(Stream::Plain(stream));
        };
        no_delay(&stream);
        let started = self.client.clock.now().tick;
        let shaking = connector.connect(name.clone(), stream);
        match self.limits.run(TLS, shaking).await {
            Ok(Ok(stream)) => {
                self.trail.phases.tls_us = Some(self.limits.micros_since(started));
                Ok(Stream::Tls(Box::new(stream)))
            }
            Ok(Err(error)) => Err(trouble::handshake(&error)),
            Err(expired) => Err(expired.accuse(|| {
                trouble::silent(
                    FailureKind::TlsTimeout,
                    format!(
                        "{}, but the TLS handshake did not end within {}",
                        self.connected(),
                        trouble::span(expired.limit)
                    ),
                )
            })),
        }
    }

    fn request(&self, line: &Line) -> http::Request<http_body_util::Empty<bytes::Bytes>> {
        if line.is_http2() {
            self.prepared.http2()
        } else {
            self.prepared.http1(!self.keeps_line)
        }
    }

    /// Sends the request and waits for the head of the answer.
    async fn head(&mut self, line: &mut Line) -> Result<Head, Outcome> {
        let asked_at = self.client.clock.now().tick;
        let request = self.request(line);
        match self.limits.run_to_the_end(line.ask(request)).await {
            Ok(Ok(answer)) => {
                self.trail.phases.first_byte_us = Some(self.limits.micros_since(asked_at));
                Ok(answer)
            }
            Ok(Err(error)) => Err(trouble::head(&error)),
            Err(expired) => Err(self.no_answer(expired)),
        }
    }

    /// Reads the body and says what the answer means, and whether the connection is at the end of it.
    async fn read(&mut self, line: &mut Line, answer: Head) -> Result<(Reading, bool), Outcome> {
        let (head, incoming) = answer.into_parts();
        let status = head.status.as_u16();
        self.trail.status = Some(status);
        if head.headers.len() > HEADERS_MAX {
            return Err(trouble::too_large());
        }
        let started = self.client.clock.now().tick;
        let body = match self.body(line, &head.headers, incoming, status).await {
            Ok(body) => body,
            Err(outcome) => {
                self.trail.via = via(&head.headers);
                return Err(outcome);
            }
        };
        self.trail.phases.body_us = Some(self.limits.micros_since(started));
        let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
        let answer = Answer {
            status,
            content_type: text(header::CONTENT_TYPE),
            location: text(header::LOCATION),
            server: text(header::SERVER),
            via: text(header::VIA),
            retry_after: text(header::RETRY_AFTER),
            body: &body.bytes,
            is_cut: body.is_cut,
            is_unreadable: body.is_unreadable,
        };
        let reading = health::read(self.question, &answer);
        if reading.outcome != Outcome::Healthy {
            self.trail.via = via(&head.headers);
        }
        Ok((reading, !body.is_cut && !body.is_unreadable))
    }

    async fn body(
        &mut self,
        line: &mut Line,
        headers: &HeaderMap,
        mut incoming: Incoming,
        status: u16,
    ) -> Result<Body, Outcome> {
        let encoding = headers.get(header::CONTENT_ENCODING);
        let mut collector = Collector::new(encoding.map(http::HeaderValue::as_bytes));
        while collector.wants_more() {
            let piece = match self.limits.run(BODY_GAP, line.piece(&mut incoming)).await {
                Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
                Ok(None) => break,
                // Without a length the end of the stream is the end of the body, said goodbye or not.
                Ok(Some(Err(error)))
                    if has_no_length(headers) && trouble::is_end_without_goodbye(&error) =>
                {
                    break;
                }
                Ok(Some(Err(error))) => {
                    return Err(trouble::body(&error, status, collector.received()));
                }
                Err(expired) => {
                    return Err(expired.accuse(|| {
                        trouble::silent(
                            FailureKind::BodyTimeout,
                            format!(
                                "answered {status}, but the body stopped after {} bytes (waited {})",
                                collector.received(),
                                trouble::span(expired.limit)
                            ),
                        )
                    }));
                }
            };
            collector.take(piece);
        }
        Ok(collector.finish())
    }

    fn no_answer(&self, expired: limits::Expired) -> Outcome {
        expired.accuse(|| {
            trouble::silent(
                FailureKind::FirstByteTimeout,
                format!(
                    "{}, no answer within {}",
                    self.connected(),
                    trouble::span(expired.limit)
                ),
            )
        })
    }

    /// `connected in 3 ms`.
    fn connected(&self) -> String {
        let micros = self.trail.phases.connect_us.unwrap_or_default();
        let took = Duration::from_micros(u64::from(micros));
        format!("connected in {}", trouble::span(took))
    }
}

impl Trail {
    /// Joins what the answer means with what was learned on the way.
    fn finish(self, answered: Result<Reading, Outcome>) -> Findings {
        let reading = answered.unwrap_or_else(|outcome| Reading {
            outcome,
            family: None,
            detail: None,
        });
        let mut detail = reading.detail;
        if reading.outcome != Outcome::Healthy || self.note.is_some() {
            let detail = detail.get_or_insert_default();
            detail.address = self.address.map(|address| address.to_string());
            if detail.via.is_none() {
                detail.via = self.via;
            }
            if let Some(note) = self.note {
                detail.note = Some(match detail.note.take() {
                    Some(other) => format!("{other}; {note}"),
                    None => note.to_owned(),
                });
            }
        }
        Findings {
            outcome: reading.outcome,
            status: self.status,
            phases: self.phases,
            family: reading.family,
            detail,
        }
    }
}

/// What the answer says about who sent it.
fn via(headers: &HeaderMap) -> Option<String> {
    let said: Vec<_> = [header::SERVER, header::VIA]
        .iter()
        .filter_map(|name| headers.get(name))
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    let said = clean(&said.join(", "), VIA_MAX);
    (!said.is_empty()).then_some(said)
}

/// 408 is how some servers take leave of an idle connection.
fn is_goodbye(answer: &Head) -> bool {
    answer.status() == http::StatusCode::REQUEST_TIMEOUT
}

/// Whether the body ends where the connection ends.
fn has_no_length(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::CONTENT_LENGTH)
        && !headers.contains_key(header::TRANSFER_ENCODING)
}

/// Small writes leave at once. It only makes the look quicker, so a system that refuses it changes nothing.
fn no_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
}
