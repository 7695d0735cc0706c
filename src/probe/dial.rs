//! The way to an open connection for everything that is not asked over HTTP: addresses, TCP, perhaps TLS, each phase
//! timed; and the asking of every address of a name at once.

use std::{
    net::{IpAddr, SocketAddr},
    pin::pin,
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Host;

use crate::{
    clock::Clock,
    model::{
        Detail, Ending, Extra, FailureClass, FailureKind, Gap, GapKind, Outcome, Phases, Tick,
        plan::{IpFamily, TlsSettings},
    },
};

use super::{
    everywhere::{self, Asked},
    http::{
        Findings, address,
        connect::{self, no_delay},
        cover::cover_all,
        limits::{CONNECT, Expired, Limits, TLS},
        prepare::Place,
        resolve::Resolver,
        stream::Stream,
        tls::{self, Protocols},
        trouble,
    },
};

/// The note of a look that went to a remembered address.
const REMEMBERED: &str = "resolver failing, used the last known address";

/// A place made ready to be connected to.
pub(super) struct Way {
    place: Place,
    port: u16,
    ip: IpFamily,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Way {
    /// Makes it ready.
    ///
    /// # Errors
    ///
    /// The gap that every look would end with: an address that is never looked at, or a certificate of ours that cannot be used.
    pub(super) fn of(
        host: &Host<String>,
        port: u16,
        ip: IpFamily,
        tls: Option<(&TlsSettings, Protocols)>,
        configs: &tls::Configs,
    ) -> Result<Self, Gap> {
        let literal = |ip_address: IpAddr| {
            address::usable(&[ip_address], ip, port)
                .map(|_usable| Place::Address(SocketAddr::new(ip_address, port)))
        };
        let place = match host {
            Host::Domain(name) => Place::Name(name.as_str().into()),
            Host::Ipv4(address) => literal((*address).into())?,
            Host::Ipv6(address) => literal((*address).into())?,
        };
        let tls = match tls {
            None => None,
            Some((settings, protocols)) => {
                let bare = match host {
                    Host::Domain(name) => name.clone(),
                    Host::Ipv4(address) => address.to_string(),
                    Host::Ipv6(address) => address.to_string(),
                };
                let name = tls::server_name(settings, &bare)?;
                let config = configs.speaking(settings, protocols)?;
                Some((TlsConnector::from(config), name))
            }
        };
        Ok(Self {
            place,
            port,
            ip,
            tls,
        })
    }

    /// The name that the certificate has to carry.
    pub(super) fn server_name(&self) -> Option<&ServerName<'static>> {
        self.tls.as_ref().map(|(_, name)| name)
    }
}

/// What an answer means.
pub(super) struct Said {
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
    /// The beginning of what came, cleaned.
    pub(super) excerpt: Option<String>,
    /// Of two answers that fall short, the one with the smaller number is the worse.
    pub(super) left: Duration,
    /// How near what it shows is to its end.
    pub(super) ending: Option<Ending>,
}

impl Said {
    /// An outcome and nothing else.
    pub(super) fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            status: None,
            excerpt: None,
            left: Duration::MAX,
            ending: None,
        }
    }
}

impl From<Outcome> for Said {
    fn from(outcome: Outcome) -> Self {
        Self::of(outcome)
    }
}

/// What is asked over a connection that stands.
pub(super) trait Ask: Send + Sync {
    /// Asks; TLS is part of the asking, for some protocols begin without it.
    fn ask<'a, 'look: 'a>(
        &'a self,
        dial: &'a mut Dial<'look>,
        stream: TcpStream,
    ) -> BoxFuture<'a, Result<Said, Said>>;
}

/// A question made ready to be asked.
pub(super) struct Prepared {
    pub(super) way: Way,
    pub(super) asks: Box<dyn Ask>,
    /// Whether every address of the name is asked.
    pub(super) all_addresses: bool,
    /// What is never shown, even if the target repeats it.
    pub(super) secrets: Vec<String>,
}

/// A look at one address under way.
pub(super) struct Dial<'look> {
    pub(super) way: &'look Way,
    pub(super) limits: Limits<'look>,
    pub(super) phases: Phases,
    address: Option<SocketAddr>,
    /// Whether the resolver failed and the last known address was used.
    is_remembered: bool,
}

/// One look: the addresses, then the question, to the first address that answers or to all of them.
pub(super) async fn look(
    prepared: &Prepared,
    resolver: &Resolver,
    clock: &Clock,
    started: Tick,
    limit: Duration,
) -> Findings {
    let mut findings = uncovered(prepared, resolver, clock, started, limit).await;
    cover_all(&mut findings, &prepared.secrets);
    findings
}

async fn uncovered(
    prepared: &Prepared,
    resolver: &Resolver,
    clock: &Clock,
    started: Tick,
    limit: Duration,
) -> Findings {
    let timer = pin!(tokio::time::sleep_until(clock.instant(started + limit)));
    let mut dial = Dial {
        way: &prepared.way,
        limits: Limits::new(clock, timer, started, limit),
        phases: Phases::default(),
        address: None,
        is_remembered: false,
    };
    let mut addresses = match dial.addresses(resolver, prepared.all_addresses).await {
        Ok(addresses) => addresses,
        Err(outcome) => return dial.finish(outcome.into()),
    };
    if !prepared.all_addresses || addresses.len() == 1 {
        let said = dial.ask(&*prepared.asks, &addresses).await;
        return dial.finish(said);
    }
    let known = addresses.len();
    addresses.truncate(everywhere::ADDRESSES_MAX);
    let is_remembered = dial.is_remembered;
    let resolve_us = dial.phases.resolve_us;
    let asked = addresses.iter().map(|address| async move {
        let timer = pin!(tokio::time::sleep_until(clock.instant(started + limit)));
        let mut dial = Dial {
            way: &prepared.way,
            limits: Limits::new(clock, timer, started, limit),
            phases: Phases {
                resolve_us,
                ..Phases::default()
            },
            address: Some(*address),
            is_remembered,
        };
        let said = dial
            .ask(&*prepared.asks, std::slice::from_ref(address))
            .await;
        let left = said.left;
        let mut findings = dial.finish(said);
        cover_all(&mut findings, &prepared.secrets);
        Asked {
            ip: address.ip(),
            left,
            findings,
        }
    });
    everywhere::joined(join_all(asked).await, known)
}

impl Dial<'_> {
    async fn addresses(
        &mut self,
        resolver: &Resolver,
        are_all_asked: bool,
    ) -> Result<Vec<SocketAddr>, Outcome> {
        let name = match &self.way.place {
            Place::Address(address) => {
                self.address = Some(*address);
                return Ok(vec![*address]);
            }
            Place::Name(name) => name,
        };
        let found = resolver.resolve(name, &mut self.limits).await?;
        self.phases.resolve_us = Some(self.limits.lap());
        self.is_remembered = found.is_remembered;
        let (ip, port) = (self.way.ip, self.way.port);
        let usable = if are_all_asked {
            address::all_usable(&found.addresses, ip, port)
        } else {
            address::usable(&found.addresses, ip, port)
        };
        let usable = usable.map_err(Outcome::Unobservable)?;
        self.address = usable.first().copied();
        Ok(usable)
    }

    async fn ask(&mut self, asks: &dyn Ask, addresses: &[SocketAddr]) -> Said {
        let stream = match self.connect(addresses).await {
            Ok(stream) => stream,
            Err(outcome) => return outcome.into(),
        };
        asks.ask(self, stream).await.unwrap_or_else(|said| said)
    }

    async fn connect(&mut self, addresses: &[SocketAddr]) -> Result<TcpStream, Outcome> {
        let mut refusals = Vec::new();
        let connecting = connect::connect(addresses, &mut refusals);
        let connected = self.limits.run(CONNECT, pin!(connecting)).await;
        match connected {
            Ok(Some((stream, address))) => {
                self.phases.connect_us = Some(self.limits.lap());
                self.address = Some(address);
                no_delay(&stream);
                Ok(stream)
            }
            Ok(None) => Err(trouble::connect(&refusals)),
            Err(expired) => Err(trouble::connect_expired(&refusals, expired)),
        }
    }

    /// Wraps the connection in TLS if the way asks for it.
    ///
    /// # Errors
    ///
    /// What it means that the handshake failed.
    pub(super) async fn wrap(&mut self, stream: TcpStream) -> Result<Stream, Outcome> {
        let Some((connector, name)) = &self.way.tls else {
            return Ok(Stream::Plain(stream));
        };
        let shaking = Box::pin(connector.connect(name.clone(), stream));
        match self.limits.run(TLS, shaking).await {
            Ok(Ok(stream)) => {
                self.phases.tls_us = Some(self.limits.lap());
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

    /// What it means that nothing came within the limit.
    pub(super) fn no_answer(&self, expired: Expired) -> Outcome {
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
    pub(super) fn connected(&self) -> String {
        let micros = self.phases.connect_us.unwrap_or_default();
        let took = Duration::from_micros(u64::from(micros));
        format!("connected in {}", trouble::span(took))
    }

    /// Joins what the answer means with what was learned on the way.
    fn finish(self, said: Said) -> Findings {
        let outcome = self.judged_by_memory(said.outcome);
        let mut findings = Findings::of(outcome);
        findings.status = said.status;
        findings.phases = self.phases;
        findings.extra = said.ending.map(Extra::Ending).map(Box::new);
        if findings.outcome != Outcome::Healthy || self.is_remembered {
            findings.detail = Some(Box::new(Detail {
                address: self.address.map(|address| address.to_string()),
                excerpt: said.excerpt,
                note: self.is_remembered.then(|| REMEMBERED.to_owned()),
                ..Detail::default()
            }));
        }
        findings
    }

    /// Silence at a remembered address accuses nobody: the target may have moved, and the resolver has taken its part
    /// of the time. Whatever did come back from there still counts.
    fn judged_by_memory(&self, outcome: Outcome) -> Outcome {
        match &outcome {
            Outcome::Unhealthy(failure)
                if self.is_remembered && failure.class == FailureClass::Silent =>
            {
                trouble::gap(
                    GapKind::Resolver,
                    format!(
                        "the resolver is failing, and at the last known address: {}",
                        failure.words
                    ),
                )
            }
            Outcome::Healthy
            | Outcome::Degraded(_)
            | Outcome::Unhealthy(_)
            | Outcome::Unobservable(_) => outcome,
        }
    }
}
