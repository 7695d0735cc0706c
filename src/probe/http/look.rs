//! The way of one look, from the question to what it means.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    pin::pin,
    slice,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderName, Method, header};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use tokio::net::TcpStream;

use crate::{
    model::{
        Extra, FailureClass, FailureKind, GapKind, Outcome, Phases, Tick,
        http::Expect,
        metrics::MetricsQuestion,
        plan::{Connection, HealthQuestion, HttpVersion},
        text::clean,
    },
    probe::{
        Freshness,
        health::{self, Answer, Reading},
        metrics::{self, PAGE_BYTES_MAX},
        roles::own,
    },
};

use super::{
    Findings, address,
    body::{BODY_BYTES_MAX, Body, Collector},
    connect::{self, no_delay},
    expect,
    limits::{BODY_GAP, CONNECT, Expired, Limits, TLS},
    line::{HEADERS_MAX, Line},
    prepare::{Place, Prepared},
    resolve::Resolver,
    stream::Stream,
    trouble,
};

/// The note of a look that went to a remembered address.
const REMEMBERED: &str = "resolver failing, used the last known address";
/// The most characters of `Server` and `Via` that are kept.
const VIA_MAX: usize = 100;

/// One look under way.
pub(super) struct Look<'look> {
    resolver: &'look Resolver,
    question: &'look HealthQuestion,
    prepared: &'look Prepared,
    /// What else is asked, and how its answer is understood; absent for health.
    asking: Option<Asking<'look>>,
    /// The one address of a name that this look goes to.
    pinned: Option<&'look Pinned>,
    /// Whether the connection is taken from other looks.
    takes_line: bool,
    /// Whether the connection is left to other looks.
    keeps_line: bool,
    limits: Limits<'look>,
    trail: Trail,
}

/// What is asked beside the address, if it is not about health.
#[derive(Clone, Copy)]
pub(super) struct Asking<'look> {
    pub(super) method: &'look Method,
    pub(super) body: &'look Bytes,
    pub(super) wants: Wants<'look>,
    /// When the look began, which may have been at another address.
    pub(super) started: Tick,
    /// Whether it is a part of a scenario, whose next step needs its answer and its connection.
    pub(super) is_step: bool,
}

/// What an answer brought for what comes after it.
#[derive(Default)]
pub(super) struct Brought {
    /// Where it redirects to.
    pub(super) location: Option<String>,
    /// The answer of a step.
    pub(super) kept: Option<Box<Kept>>,
}

/// A whole answer.
pub(in crate::probe) struct Kept {
    pub(in crate::probe) headers: HeaderMap,
    pub(in crate::probe) body: Bytes,
    /// Whether the body can be relied on: not cut, and in an encoding that is known.
    pub(in crate::probe) is_whole: bool,
}

/// How an answer that is not about health is understood.
#[derive(Clone, Copy)]
pub(super) enum Wants<'look> {
    /// By what the file expects of it.
    Answer(&'look Expect),
    /// As a page of metrics.
    Metrics(&'look MetricsQuestion),
}

/// One address of a name that was resolved before.
#[derive(Clone, Debug)]
pub(super) struct Pinned {
    /// Looks at other names, where a redirect leads, resolve them.
    pub(super) name: Arc<str>,
    pub(super) ip: IpAddr,
    /// Whether it is the last known one, because the resolver is in trouble.
    pub(super) is_remembered: bool,
    /// How long the name took.
    pub(super) resolve_us: u32,
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
    /// What is left for later.
    brought: Brought,
    /// Whether the resolver failed and the last known address was used.
    is_remembered: bool,
    /// What the body says at the place of its role, if that is asked for.
    own_role: Option<String>,
}

impl<'look> Look<'look> {
    pub(super) fn new(
        resolver: &'look Resolver,
        question: &'look HealthQuestion,
        prepared: &'look Prepared,
        limits: Limits<'look>,
        freshness: Freshness,
    ) -> Self {
        let reuses =
            question.connection == Connection::Reuse && freshness == Freshness::AsConfigured;
        Self {
            resolver,
            question,
            prepared,
            asking: None,
            pinned: None,
            takes_line: reuses,
            keeps_line: reuses,
            limits,
            trail: Trail::default(),
        }
    }

    /// Goes to this address of the name, over a connection of its own.
    pub(super) fn at(mut self, pinned: Option<&'look Pinned>) -> Self {
        self.keeps_line &= pinned.is_none();
        self.pinned = pinned;
        self
    }

    /// Looks.
    pub(super) async fn run(mut self) -> Findings {
        let answered = self.ask().await;
        self.trail.finish(answered)
    }

    /// Asks and expects this, in place of a healthy body.
    pub(super) async fn run_asking(mut self, asking: Asking<'look>) -> (Findings, Brought) {
        // A request that changes something must not be sent twice, as it is when a kept connection turns out to be dead.
        let is_safe = asking.method.is_safe();
        self.takes_line &= is_safe;
        self.keeps_line &= is_safe || asking.is_step;
        self.asking = Some(asking);
        let answered = self.ask().await;
        let brought = std::mem::take(&mut self.trail.brought);
        (self.trail.finish(answered), brought)
    }

    async fn ask(&mut self) -> Result<Reading, Outcome> {
        let kept = self.takes_line.then(|| self.prepared.take_kept()).flatten();
        let (mut line, answer) = match kept {
            Some(kept) => Box::pin(self.head_over_kept(kept)).await?,
            None => self.head_over_fresh().await?,
        };
        let (reading, is_whole) = self.read(&mut line, answer).await?;
        if self.keeps_line && is_whole {
            self.prepared.keep(line);
        }
        Ok(reading)
    }

    /// Asks over the connection of an earlier look, and over a fresh one if that turns out to be dead.
    ///
    /// A dead kept connection says nothing about the target: servers close what is idle whenever they like, also while
    /// the request is on its way, and a firewall may have forgotten the connection without telling anybody. So a
    /// failure over it is never the answer; if it is silent for half of the look, a fresh one is asked as well and the
    /// first answer counts.
    async fn head_over_kept(&mut self, mut line: Box<Line>) -> Result<(Box<Line>, Head), Outcome> {
        if !line.is_alive().await {
            return Box::pin(self.head_over_fresh()).await;
        }
        let asked_at = self.limits.lap_began_at;
        let patience = self.limits.whole / 2;
        let request = self.request(&line);
        let address = line.address;
        let answer = {
            let mut asking = pin!(line.ask(request));
            match self.limits.run(patience, asking.as_mut()).await {
                Ok(Ok(answer)) if !is_goodbye(&answer) => answer,
                Ok(_) => {
                    self.limits.begin_lap();
                    return Box::pin(self.head_over_fresh()).await;
                }
                Err(_expired) => {
                    self.limits.begin_lap();
                    let fresh = Box::pin(self.head_over_fresh());
                    match select(asking, fresh).await {
                        Either::Left((Ok(answer), _)) if !is_goodbye(&answer) => answer,
                        Either::Left((_, fresh)) => return fresh.await,
                        Either::Right((fresh, _)) => return fresh,
                    }
                }
            }
        };
        // The fresh connection may have left traces of its own.
        self.limits.lap_began_at = asked_at;
        self.trail = Trail {
            address: Some(address),
            ..Trail::default()
        };
        self.trail.phases.first_byte_us = Some(self.limits.lap());
        Ok((line, answer))
    }

    async fn head_over_fresh(&mut self) -> Result<(Box<Line>, Head), Outcome> {
        let mut line = self.open().await?;
        let answer = self.head(&mut line).await?;
        Ok((line, answer))
    }

    /// Opens a connection: addresses, TCP, TLS, HTTP.
    async fn open(&mut self) -> Result<Box<Line>, Outcome> {
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
                .run_to_the_end(Box::pin(Line::open_http2(stream, address)))
                .await
        } else {
            self.limits
                .run_to_the_end(pin!(Line::open_http1(stream, address)))
                .await
        };
        match opened {
            Ok(line) => line.map_err(|error| trouble::head(&error)),
            Err(expired) => Err(self.no_answer(expired)),
        }
    }

    async fn addresses(&mut self) -> Result<Cow<'look, [SocketAddr]>, Outcome> {
        let name = match &self.prepared.place {
            Place::Address(address) => return Ok(Cow::Borrowed(slice::from_ref(address))),
            Place::Name(name) => name,
        };
        if let Some(pinned) = self.pinned.filter(|pinned| pinned.name == *name) {
            self.trail.phases.resolve_us = Some(pinned.resolve_us);
            self.trail.is_remembered = pinned.is_remembered;
            let address = SocketAddr::new(pinned.ip, self.prepared.port);
            return Ok(Cow::Owned(vec![address]));
        }
        let found = self.resolver.resolve(name, &mut self.limits).await?;
        self.trail.phases.resolve_us = Some(self.limits.lap());
        self.trail.is_remembered = found.is_remembered;
        address::usable(&found.addresses, self.question.ip, self.prepared.port)
            .map(Cow::Owned)
            .map_err(Outcome::Unobservable)
    }

    async fn connect(
        &mut self,
        addresses: &[SocketAddr],
    ) -> Result<(TcpStream, SocketAddr), Outcome> {
        let mut refusals = Vec::new();
        let connecting = connect::connect(addresses, &mut refusals);
        let connected = self.limits.run(CONNECT, pin!(connecting)).await;
        match connected {
            Ok(Some(open)) => {
                self.trail.phases.connect_us = Some(self.limits.lap());
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
        let shaking = Box::pin(connector.connect(name.clone(), stream));
        match self.limits.run(TLS, shaking).await {
            Ok(Ok(stream)) => {
                self.trail.phases.tls_us = Some(self.limits.lap());
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

    fn request(&self, line: &Line) -> http::Request<Full<Bytes>> {
        let mut request = if line.is_http2() {
            self.prepared.http2()
        } else {
            self.prepared.http1(!self.keeps_line)
        };
        if let Some(asking) = &self.asking {
            request.method_mut().clone_from(asking.method);
            *request.body_mut() = Full::new(asking.body.clone());
        }
        request
    }

    /// Sends the request and waits for the head of the answer.
    async fn head(&mut self, line: &mut Line) -> Result<Head, Outcome> {
        let request = self.request(line);
        match self.limits.run_to_the_end(pin!(line.ask(request))).await {
            Ok(Ok(answer)) => {
                self.trail.phases.first_byte_us = Some(self.limits.lap());
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
        let body = match self.body(line, &head.headers, incoming, status).await {
            Ok(body) => body,
            Err(outcome) => {
                self.trail.via = via(&head.headers);
                return Err(outcome);
            }
        };
        self.trail.phases.body_us = Some(self.limits.lap());
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
        if let Some(pointer) = &self.question.role_field {
            self.trail.own_role = Some(own::word(pointer, &body.bytes));
        }
        let reading = match &self.asking {
            None => health::read(self.question, &answer),
            Some(asking) => match asking.wants {
                Wants::Answer(expect) => {
                    let took = self.limits.clock.now().tick.since(asking.started);
                    if head.status.is_redirection() && !expect::is_expected(expect, status) {
                        self.trail.brought.location = answer.location.map(str::to_owned);
                    }
                    expect::read(expect, &answer, &head.headers, took)
                }
                Wants::Metrics(question) => metrics::read(question, &answer),
            },
        };
        if reading.outcome != Outcome::Healthy {
            self.trail.via = via(&head.headers);
        }
        let is_whole = !body.is_cut && !body.is_unreadable;
        if self.asking.is_some_and(|asking| asking.is_step) {
            self.trail.brought.kept = Some(Box::new(Kept {
                headers: head.headers,
                body: body.bytes,
                is_whole,
            }));
        }
        Ok((reading, is_whole))
    }

    async fn body(
        &mut self,
        line: &mut Line,
        headers: &HeaderMap,
        mut incoming: Incoming,
        status: u16,
    ) -> Result<Body, Outcome> {
        let encoding = headers.get(header::CONTENT_ENCODING);
        let cap = match self.asking.as_ref().map(|asking| asking.wants) {
            Some(Wants::Metrics(_)) => PAGE_BYTES_MAX,
            Some(Wants::Answer(_)) | None => BODY_BYTES_MAX,
        };
        let mut collector = Collector::new(encoding.map(http::HeaderValue::as_bytes), cap);
        // A body that is known to be at its end is not asked for more: that would only move the connection.
        while collector.wants_more() && !incoming.is_end_stream() {
            let piece = match self
                .limits
                .run(BODY_GAP, pin!(line.piece(&mut incoming)))
                .await
            {
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

    fn no_answer(&self, expired: Expired) -> Outcome {
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
            outcome: self.judged_by_memory(outcome),
            family: None,
            detail: None,
        });
        let mut detail = reading.detail;
        if reading.outcome != Outcome::Healthy || self.is_remembered {
            let detail = detail.get_or_insert_default();
            detail.address = self.address.map(|address| address.to_string());
            if detail.via.is_none() {
                detail.via = self.via;
            }
            if self.is_remembered {
                detail.note = Some(match detail.note.take() {
                    Some(other) => format!("{other}; {REMEMBERED}"),
                    None => REMEMBERED.to_owned(),
                });
            }
        }
        Findings {
            outcome: reading.outcome,
            status: self.status,
            phases: self.phases,
            family: reading.family,
            detail,
            extra: self.own_role.map(|word| Box::new(Extra::OwnRole(word))),
        }
    }

    /// Silence at a remembered address accuses nobody: the target may have moved, and the resolver has taken its part
    /// of the time. Whatever did come back from there still counts.
    fn judged_by_memory(&self, outcome: Outcome) -> Outcome {
        if let Outcome::Unhealthy(failure) = &outcome
            && failure.class == FailureClass::Silent
            && self.is_remembered
        {
            return trouble::gap(
                GapKind::Resolver,
                format!(
                    "the resolver is failing, and at the last known address: {}",
                    failure.words
                ),
            );
        }
        outcome
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
