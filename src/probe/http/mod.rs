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
mod expect;
pub(super) mod limits;
pub(super) mod line;
mod look;
pub(super) mod prepare;
mod redirect;
pub(super) mod resolve;
pub(super) mod stream;
pub(super) mod tls;
pub(super) mod trouble;

use std::{any::Any, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Method;

use crate::{
    clock::Clock,
    model::{
        Detail, Extra, FailureClass, Family, Gap, Outcome, Phases, Secret, Tick,
        http::HttpQuestion, metrics::MetricsQuestion, plan::HealthQuestion,
    },
};

#[cfg(doc)]
use super::health;
use super::{Freshness, shelf::Shelf};

use self::{
    limits::Limits,
    look::{Asking, Look, Wants},
    prepare::Prepared,
    resolve::Resolver,
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
        let timer = pin!(tokio::time::sleep_until(
            self.clock.instant(started + limit)
        ));
        let limits = Limits::new(&self.clock, timer, started, limit);
        let mut findings = Look::new(&self.resolver, question, &prepared, limits, freshness)
            .run()
            .await;
        cover::cover(&mut findings, question);
        findings
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
        let mut prepared = match self.prepared(&question.asked) {
            Ok(prepared) => prepared,
            Err(gap) => return Findings::of(Outcome::Unobservable(gap)),
        };
        let mut asked = Arc::clone(&question.asked);
        let mut method = Method::try_from(question.method.as_str()).unwrap_or_default();
        let body = question.body.as_ref().map(Secret::expose);
        let mut body = Bytes::copy_from_slice(body.unwrap_or_default().as_bytes());
        let mut hops = question.follow_redirects;
        loop {
            let timer = pin!(tokio::time::sleep_until(
                self.clock.instant(started + limit)
            ));
            let limits = Limits::new(&self.clock, timer, started, limit);
            let asking = Asking {
                method: &method,
                body: &body,
                wants: Wants::Answer(&question.expect),
                started,
            };
            let (mut findings, location) =
                Look::new(&self.resolver, &asked, &prepared, limits, freshness)
                    .run_asking(asking)
                    .await;
            if let Some(location) = location.filter(|_| hops > 0) {
                hops -= 1;
                let next = redirect::follow(&asked, &location).and_then(|next| {
                    let prepared = Prepared::of(&next, &self.configs);
                    let prepared = prepared.map_err(|gap| {
                        format!("redirects to a place that is not asked: {}", gap.words)
                    });
                    Ok((next, prepared?))
                });
                match next {
                    Ok((next, ready)) => {
                        if redirect::becomes_get(findings.status, &method) {
                            method = Method::GET;
                            body = Bytes::new();
                        }
                        (asked, prepared) = (Arc::new(next), Arc::new(ready));
                        continue;
                    }
                    Err(why) => {
                        findings.outcome =
                            expect::unexpected(&question.expect, FailureClass::Refused, &why);
                    }
                }
            }
            cover::cover_http(&mut findings, question);
            return findings;
        }
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
        let timer = pin!(tokio::time::sleep_until(
            self.clock.instant(started + limit)
        ));
        let limits = Limits::new(&self.clock, timer, started, limit);
        let asking = Asking {
            method: &Method::GET,
            body: &Bytes::new(),
            wants: Wants::Metrics(question),
            started,
        };
        let look = Look::new(&self.resolver, asked, &prepared, limits, freshness);
        let (mut findings, _redirects) = look.run_asking(asking).await;
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
