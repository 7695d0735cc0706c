//! One look at an HTTP endpoint, every phase timed, every failure classed.
//!
//! The way of a look (`look`): addresses (`resolve`), the ones allowed (`address`), a connection (`connect`), perhaps TLS
//! (`tls`), a request and the head of the answer (`line`), the body (`body`), and what it means ([`health`]). Each part
//! has its limit (`limits`); what goes wrong is put into words in `trouble`. Proxies of the environment are not asked
//! and redirects are not followed: the question is how this endpoint is. An `http:` check goes the same way, but what its
//! answer has to be stands in the file (`expect`), and it may follow redirects (`redirect`).

pub(super) mod address;
mod body;
pub(super) mod connect;
pub(super) mod cover;
pub(super) mod expect;
pub(super) mod limits;
pub(super) mod line;
pub(super) mod look;
pub(super) mod prepare;
mod redirect;
pub(super) mod resolve;
pub(super) mod session;
pub(super) mod stream;
pub(super) mod tls;
pub(super) mod trouble;

use std::{any::Any, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use http::Method;
use tokio::time::Sleep;

use crate::{
    clock::Clock,
    model::{
        Detail, Extra, FailureClass, Family, Gap, Outcome, Phases, Secret, Tick,
        http::HttpQuestion,
        metrics::MetricsQuestion,
        plan::{HealthQuestion, IpFamily},
    },
};

#[cfg(doc)]
use super::health;
use super::{
    Freshness,
    everywhere::{self, Asked},
    shelf::Shelf,
};

use self::{
    limits::Limits,
    look::{Asking, Kept, Look, Pinned, Wants},
    prepare::{Place, Prepared},
    resolve::Resolver,
    session::Session,
};

pub use self::resolve::Lookup;

/// What a look found, without its times.
pub(super) struct Findings {
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
    pub(super) phases: Phases,
    pub(super) family: Option<Family>,
    pub(super) detail: Option<Box<Detail>>,
    pub(super) extra: Option<Box<Extra>>,
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
            extra: None,
        }
    }
}

/// A request that can be sent.
struct Ready {
    /// As the file or a redirect says it.
    plain: Arc<HealthQuestion>,
    /// The same with the cookies of its session.
    asked: Arc<HealthQuestion>,
    prepared: Arc<Prepared>,
}

/// Looks at HTTP endpoints.
pub(super) struct Client {
    clock: Clock,
    resolver: Resolver,
    configs: tls::Configs,
    shelf: Shelf<Prepared>,
}

impl Client {
    pub(super) fn new(clock: Clock, lookup: Lookup) -> Self {
        Self {
            clock,
            resolver: Resolver::new(lookup),
            configs: tls::Configs::new(),
            shelf: Shelf::default(),
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
        if let Some(name) = name_of_many(question, &prepared) {
            let way = (name, question.ip, prepared.port);
            let look = |pinned: Pinned| -> BoxFuture<'_, Findings> {
                let prepared = &prepared;
                Box::pin(async move {
                    let timer = pin!(self.timer(started, limit));
                    let limits = Limits::new(&self.clock, timer, started, limit);
                    let look = Look::new(&self.resolver, question, prepared, limits, freshness);
                    let mut findings = look.at(Some(&pinned)).run().await;
                    cover::cover(&mut findings, question);
                    findings
                })
            };
            return Box::pin(self.everywhere(way, started, limit, look)).await;
        }
        let timer = pin!(self.timer(started, limit));
        let limits = Limits::new(&self.clock, timer, started, limit);
        let mut findings = Look::new(&self.resolver, question, &prepared, limits, freshness)
            .run()
            .await;
        cover::cover(&mut findings, question);
        findings
    }

    /// Resolves a name once, and looks at each of its addresses at the same time.
    async fn everywhere<'a>(
        &self,
        (name, family, port): (&Arc<str>, IpFamily, u16),
        started: Tick,
        limit: Duration,
        look: impl Fn(Pinned) -> BoxFuture<'a, Findings>,
    ) -> Findings {
        let timer = pin!(self.timer(started, limit));
        let mut limits = Limits::new(&self.clock, timer, started, limit);
        let found = match self.resolver.resolve(name, &mut limits).await {
            Ok(found) => found,
            Err(outcome) => return Findings::of(outcome),
        };
        let resolve_us = limits.lap();
        let mut addresses = match address::all_usable(&found.addresses, family, port) {
            Ok(addresses) => addresses,
            Err(gap) => return Findings::of(Outcome::Unobservable(gap)),
        };
        let known = addresses.len();
        addresses.truncate(everywhere::ADDRESSES_MAX);
        let looks = addresses.iter().map(|address| {
            let looking = look(Pinned {
                name: Arc::clone(name),
                ip: address.ip(),
                is_remembered: found.is_remembered,
                resolve_us,
            });
            async move {
                Asked {
                    ip: address.ip(),
                    left: Duration::MAX,
                    findings: looking.await,
                }
            }
        });
        everywhere::joined(join_all(looks).await, known)
    }

    fn timer(&self, started: Tick, limit: Duration) -> Sleep {
        tokio::time::sleep_until(self.clock.instant(started + limit))
    }

    /// The way from names to addresses that all kinds of check share.
    pub(super) fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// The TLS configurations that all kinds of check share.
    pub(super) fn configs(&self) -> &tls::Configs {
        &self.configs
    }

    /// Makes an `http:` question ready.
    pub(super) fn prepare_http(&self, question: &HttpQuestion) -> Result<(), Gap> {
        self.prepared(&question.asked).map(|_prepared| ())
    }

    /// One request, and what its answer has to be; redirects are followed as far as the file says.
    pub(super) async fn ask(
        &self,
        question: &HttpQuestion,
        started: Tick,
        limit: Duration,
        freshness: Freshness,
    ) -> Findings {
        let prepared = match self.prepared(&question.asked) {
            Ok(prepared) => prepared,
            Err(gap) => return Findings::of(Outcome::Unobservable(gap)),
        };
        let first = |prepared: &Arc<Prepared>| Ready {
            plain: Arc::clone(&question.asked),
            asked: Arc::clone(&question.asked),
            prepared: Arc::clone(prepared),
        };
        let time = (started, limit, freshness);
        let Some(name) = name_of_many(&question.asked, &prepared) else {
            let asked = self.exchange(question, first(&prepared), time, None, None);
            return asked.await.0;
        };
        let way = (name, question.asked.ip, prepared.port);
        let look = |pinned: Pinned| -> BoxFuture<'_, Findings> {
            let ready = first(&prepared);
            Box::pin(async move {
                let asked = self.exchange(question, ready, time, None, Some(&pinned));
                asked.await.0
            })
        };
        Box::pin(self.everywhere(way, started, limit, look)).await
    }

    /// The same as a step of a scenario: with its cookies and connections, and the answer for what comes after it.
    pub(super) async fn ask_within(
        &self,
        question: &HttpQuestion,
        started: Tick,
        limit: Duration,
        session: &mut Session,
    ) -> (Findings, Option<Box<Kept>>) {
        match session.ready(Arc::clone(&question.asked), &self.configs) {
            Ok(first) => {
                let time = (started, limit, Freshness::AsConfigured);
                self.exchange(question, first, time, Some(session), None)
                    .await
            }
            Err(gap) => (Findings::of(Outcome::Unobservable(gap)), None),
        }
    }

    /// A request, to wherever its name leads or to one of its addresses, and those after it that redirects ask for.
    async fn exchange(
        &self,
        question: &HttpQuestion,
        mut ready: Ready,
        (started, limit, freshness): (Tick, Duration, Freshness),
        mut session: Option<&mut Session>,
        pinned: Option<&Pinned>,
    ) -> (Findings, Option<Box<Kept>>) {
        let mut method = Method::try_from(question.method.as_str()).unwrap_or_default();
        let body = question.body.as_ref().map(Secret::expose);
        let mut body = Bytes::copy_from_slice(body.unwrap_or_default().as_bytes());
        let mut hops = question.follow_redirects;
        loop {
            let timer = pin!(self.timer(started, limit));
            let limits = Limits::new(&self.clock, timer, started, limit);
            let asking = Asking {
                method: &method,
                body: &body,
                wants: Wants::Answer(&question.expect),
                started,
                is_step: session.is_some(),
            };
            let (mut findings, brought) = Look::new(
                &self.resolver,
                &ready.asked,
                &ready.prepared,
                limits,
                freshness,
            )
            .at(pinned)
            .run_asking(asking)
            .await;
            if let Some(session) = &mut session {
                session.learn(&ready, brought.kept.as_deref());
            }
            if let Some(location) = brought.location.filter(|_| hops > 0) {
                hops -= 1;
                let becomes_get = redirect::becomes_get(findings.status, &method);
                let carries = !becomes_get && !body.is_empty();
                let next = redirect::follow(&ready.plain, &location, carries)
                    .and_then(|next| self.redirected(next, session.as_deref_mut()));
                match next {
                    Ok(next) => {
                        if becomes_get {
                            method = Method::GET;
                            body = Bytes::new();
                        }
                        ready = next;
                        continue;
                    }
                    Err(why) => {
                        findings.outcome =
                            expect::unexpected(&question.expect, FailureClass::Refused, &why);
                    }
                }
            }
            cover::cover_http(&mut findings, question);
            return (findings, brought.kept);
        }
    }

    /// Makes the request ready that a redirect asks for.
    fn redirected(
        &self,
        next: HealthQuestion,
        session: Option<&mut Session>,
    ) -> Result<Ready, String> {
        let next = Arc::new(next);
        let ready = match session {
            Some(session) => session.ready(next, &self.configs),
            None => Prepared::of(&next, &self.configs).map(|prepared| Ready {
                plain: Arc::clone(&next),
                asked: next,
                prepared: Arc::new(prepared),
            }),
        };
        ready.map_err(|gap| format!("redirects to a place that is not asked: {}", gap.words))
    }

    /// Makes a `metrics:` question ready.
    pub(super) fn prepare_metrics(&self, question: &MetricsQuestion) -> Result<(), Gap> {
        self.prepared(&question.asked).map(|_prepared| ())
    }

    /// One look at a page of metrics.
    pub(super) async fn metrics(
        &self,
        question: &MetricsQuestion,
        started: Tick,
        limit: Duration,
        freshness: Freshness,
    ) -> Findings {
        let asked = &question.asked;
        let prepared = match self.prepared(asked) {
            Ok(prepared) => prepared,
            Err(gap) => return Findings::of(Outcome::Unobservable(gap)),
        };
        let timer = pin!(self.timer(started, limit));
        let limits = Limits::new(&self.clock, timer, started, limit);
        let asking = Asking {
            method: &Method::GET,
            body: &Bytes::new(),
            wants: Wants::Metrics(question),
            started,
            is_step: false,
        };
        let look = Look::new(&self.resolver, asked, &prepared, limits, freshness);
        let (mut findings, _brought) = look.run_asking(asking).await;
        cover::cover(&mut findings, asked);
        findings
    }

    fn prepared(&self, question: &Arc<HealthQuestion>) -> Result<Arc<Prepared>, Gap> {
        let any: Arc<dyn Any + Send + Sync> = Arc::<HealthQuestion>::clone(question);
        self.shelf.get(&any, self.clock.now().tick, || {
            Prepared::of(question, &self.configs)
        })
    }
}

/// The name whose addresses are all looked at, if that is asked for.
fn name_of_many<'a>(question: &HealthQuestion, prepared: &'a Prepared) -> Option<&'a Arc<str>> {
    match &prepared.place {
        Place::Name(name) if question.all_addresses => Some(name),
        Place::Name(_) | Place::Address(_) => None,
    }
}
