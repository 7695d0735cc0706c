//! One look at one thing. A look never fails and never panics outward: what went wrong is data in the observation.

mod dial;
pub mod discovery;
#[cfg(feature = "dns")]
mod dns;
mod everywhere;
mod glance;
mod grpc;
pub mod health;
pub mod http;
#[cfg(feature = "icmp")]
mod icmp;
mod logs;
mod metrics;
mod roles;
mod shelf;
mod starttls;
mod steps;
mod tcp;
mod tls;
#[cfg(feature = "websocket")]
mod websocket;
mod witness;

#[cfg(any(test, feature = "fuzz"))]
pub(crate) use self::{
    logs::fuzz::{answers as fuzz_logs, stamps as fuzz_stamps},
    metrics::read_any as read_metrics,
    roles::fuzz::roles as fuzz_roles,
};

use std::{any::Any, fmt, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;

use crate::{
    clock::Clock,
    model::{Gap, GapKind, LookId, Observation, Outcome, Tick, logs::LogAsk, plan::Question},
};

use self::{
    http::{Findings, Lookup},
    shelf::Shelf,
};

/// Looks at targets. Cheap to clone: all clones share TLS settings, kept connections and the memory of addresses.
#[derive(Clone)]
pub struct Prober {
    world: Arc<World>,
}

struct World {
    clock: Clock,
    http: http::Client,
    stores: logs::Stores,
    prepared: Shelf<dial::Prepared>,
    roles: roles::Reader,
}

/// Whether a look may use what an earlier one left behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// As `connection:` of the check says.
    AsConfigured,
    /// Always a new connection; for the looks of a burst, which have to stand on their own feet.
    Fresh,
}

impl Prober {
    /// A prober that asks this machine's resolver.
    pub fn new(clock: Clock) -> Self {
        Self::with_lookup(clock, Lookup::system())
    }

    /// A prober with its own way from names to addresses.
    pub fn with_lookup(clock: Clock, lookup: Lookup) -> Self {
        Self {
            world: Arc::new(World {
                http: http::Client::new(clock.clone(), lookup),
                stores: logs::Stores::new(clock.clone()),
                prepared: Shelf::default(),
                roles: roles::Reader::new(clock.clone()),
                clock,
            }),
        }
    }

    /// Builds what every look at this question needs, so that the first look is not slower than the others.
    ///
    /// Nobody has to call it: a look prepares what is not prepared.
    ///
    /// # Errors
    ///
    /// The gap that every look would end with, such as a client certificate that cannot be used.
    pub fn prepare(&self, question: &Question) -> Result<(), Gap> {
        match question {
            Question::Health(question) => self.world.http.prepare(question),
            Question::Tcp(_) | Question::Tls(_) | Question::Websocket(_) | Question::Grpc(_) => {
                self.world.prepared(question).map(|_prepared| ())
            }
            Question::Http(question) => self.world.http.prepare_http(question),
            Question::Metrics(question) => self.world.http.prepare_metrics(question),
            Question::Dns(_)
            | Question::Heartbeat(_)
            | Question::Job(_)
            | Question::ErrorBudget(_)
            | Question::Icmp(_)
            | Question::LogFreshness(_)
            | Question::LogStore(_)
            | Question::Roles(_)
            | Question::Steps(_) => Ok(()),
        }
    }

    /// One look, over within `limit`.
    ///
    /// Dropping the future ends the look and closes its connection.
    pub async fn look(
        &self,
        look: LookId,
        question: &Question,
        limit: Duration,
        fresh: Freshness,
    ) -> Observation {
        self.look_with(look, question, limit, fresh, &LogAsk::default())
            .await
    }

    /// As [`Prober::look`], with what the engine adds to a round of questions to a store of logs.
    pub async fn look_with(
        &self,
        look: LookId,
        question: &Question,
        limit: Duration,
        fresh: Freshness,
        ask: &LogAsk,
    ) -> Observation {
        let started = self.world.clock.now();
        let asking = async {
            match question {
                Question::Health(question) => {
                    self.world
                        .http
                        .look(question, started.tick, limit, fresh)
                        .await
                }
                Question::LogStore(question) => {
                    Box::pin(self.world.stores.round(question, ask, limit)).await
                }
                Question::Tcp(_)
                | Question::Tls(_)
                | Question::Websocket(_)
                | Question::Grpc(_) => {
                    Box::pin(self.world.dial(question, started.tick, limit)).await
                }
                Question::Dns(_) | Question::Icmp(_) => {
                    Box::pin(self.world.ask_the_network(question, started.tick, limit)).await
                }
                Question::Http(question) => {
                    let asking = self.world.http.ask(question, started.tick, limit, fresh);
                    Box::pin(asking).await
                }
                Question::Metrics(question) => {
                    let asking = self
                        .world
                        .http
                        .metrics(question, started.tick, limit, fresh);
                    Box::pin(asking).await
                }
                Question::Steps(question) => {
                    let world = &self.world;
                    let run = steps::look(&world.http, question, &world.clock, started.tick, limit);
                    Box::pin(run).await
                }
                Question::Heartbeat(_) | Question::Job(_) => {
                    Findings::of(Outcome::Unobservable(Gap {
                        kind: GapKind::Witness,
                        words: String::from("it calls hekate, so there is nothing to ask"),
                    }))
                }
                Question::Roles(roles) => Box::pin(self.world.roles.read(roles, limit)).await,
                Question::LogFreshness(_) | Question::ErrorBudget(_) => {
                    Findings::of(Outcome::Unobservable(Gap {
                        kind: GapKind::Witness,
                        words: String::from("it is not asked by itself"),
                    }))
                }
            }
        };
        let found = AssertUnwindSafe(asking)
            .catch_unwind()
            .await
            .unwrap_or_else(|_panic| Findings::of(panicked()));
        Observation {
            look,
            started,
            finished: self.world.clock.now(),
            outcome: found.outcome,
            status: found.status,
            phases: found.phases,
            family: found.family,
            detail: found.detail,
            extra: found.extra,
        }
    }
}

impl World {
    /// One look over a connection that is not HTTP's.
    async fn dial(&self, question: &Question, started: Tick, limit: Duration) -> Findings {
        let prepared = match self.prepared(question) {
            Ok(prepared) => prepared,
            Err(gap) => return Findings::of(Outcome::Unobservable(gap)),
        };
        let resolver = self.http.resolver();
        dial::look(&prepared, resolver, &self.clock, started, limit).await
    }

    fn prepared(&self, question: &Question) -> Result<Arc<dial::Prepared>, Gap> {
        let configs = self.http.configs();
        let (any, now): (Arc<dyn Any + Send + Sync>, _) = match question {
            Question::Tcp(question) => (Arc::clone(question) as _, self.clock.now().tick),
            Question::Tls(question) => (Arc::clone(question) as _, self.clock.now().tick),
            Question::Websocket(question) => (Arc::clone(question) as _, self.clock.now().tick),
            Question::Grpc(question) => (Arc::clone(question) as _, self.clock.now().tick),
            Question::Health(_)
            | Question::Http(_)
            | Question::Metrics(_)
            | Question::Steps(_)
            | Question::Heartbeat(_)
            | Question::Job(_)
            | Question::ErrorBudget(_)
            | Question::LogFreshness(_)
            | Question::LogStore(_)
            | Question::Roles(_)
            | Question::Dns(_)
            | Question::Icmp(_) => return Err(not_built("this way of asking")),
        };
        self.prepared.get(&any, now, || match question {
            Question::Tcp(question) => tcp::prepare(question, configs),
            Question::Tls(question) => tls::prepare(question, configs),
            #[cfg(feature = "websocket")]
            Question::Websocket(question) => websocket::prepare(question, configs),
            #[cfg(not(feature = "websocket"))]
            Question::Websocket(_) => Err(not_built("`websocket`")),
            Question::Grpc(question) => grpc::prepare(question, configs),
            Question::Health(_)
            | Question::Http(_)
            | Question::Metrics(_)
            | Question::Steps(_)
            | Question::Heartbeat(_)
            | Question::Job(_)
            | Question::ErrorBudget(_)
            | Question::LogFreshness(_)
            | Question::LogStore(_)
            | Question::Roles(_)
            | Question::Dns(_)
            | Question::Icmp(_) => Err(not_built("this way of asking")),
        })
    }

    /// One look below connections.
    #[cfg_attr(
        not(any(feature = "dns", feature = "icmp")),
        expect(
            unused_variables,
            clippy::unused_async,
            reason = "without these kinds nothing is waited for"
        )
    )]
    async fn ask_the_network(
        &self,
        question: &Question,
        started: Tick,
        limit: Duration,
    ) -> Findings {
        match question {
            #[cfg(feature = "dns")]
            Question::Dns(question) => dns::look(question, &self.clock, started, limit).await,
            #[cfg(not(feature = "dns"))]
            Question::Dns(_) => Findings::of(Outcome::Unobservable(not_built("`dns`"))),
            #[cfg(not(feature = "icmp"))]
            Question::Icmp(_) => Findings::of(Outcome::Unobservable(not_built("`icmp`"))),
            #[cfg(feature = "icmp")]
            Question::Icmp(question) => {
                icmp::look(question, self.http.resolver(), &self.clock, started, limit).await
            }
            Question::Health(_)
            | Question::Http(_)
            | Question::Metrics(_)
            | Question::Steps(_)
            | Question::Heartbeat(_)
            | Question::Job(_)
            | Question::ErrorBudget(_)
            | Question::LogFreshness(_)
            | Question::LogStore(_)
            | Question::Roles(_)
            | Question::Tcp(_)
            | Question::Tls(_)
            | Question::Websocket(_)
            | Question::Grpc(_) => {
                Findings::of(Outcome::Unobservable(not_built("this way of asking")))
            }
        }
    }
}

impl fmt::Debug for Prober {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prober").finish_non_exhaustive()
    }
}

/// The file is told of it when it is read, so only a plan from elsewhere gets here.
fn not_built(what: &str) -> Gap {
    Gap {
        kind: GapKind::NotConfigured,
        words: format!("this hekate was built without {what}"),
    }
}

/// The panic's own words went to the log through the panic hook; they may hold anything, so they stay there.
fn panicked() -> Outcome {
    Outcome::Unobservable(Gap {
        kind: GapKind::Panicked,
        words: "the look broke off by a fault of hekate itself".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use crate::model::{
        Slot,
        plan::{Connection, HealthQuestion, HttpVersion, IpFamily, TlsSettings},
    };

    use super::*;

    const LOOK: LookId = LookId {
        slot: Slot(1),
        check: 0,
        number: 1,
    };
    const LIMIT: Duration = Duration::from_secs(1);

    fn question() -> Question {
        Question::Health(Arc::new(HealthQuestion {
            role_field: None,
            url: "http://127.0.0.1:1/health".parse().unwrap(),
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
        }))
    }

    /// Timers need a runtime and panic without one: a panic inside of a look that is easy to have.
    #[test]
    fn a_panic_inside_of_a_look_is_a_gap() {
        let (prober, question) = (Prober::new(Clock::start()), question());
        let look = pin!(prober.look(LOOK, &question, LIMIT, Freshness::AsConfigured));
        let Poll::Ready(seen) = look.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it panics at once");
        };
        assert_eq!(seen.look, LOOK);
        assert_eq!(seen.outcome, panicked());
    }

    /// Every look is moved into a task of its own, so its size is paid for each time; rarely used parts are in boxes.
    #[test]
    fn a_look_under_way_is_small() {
        let (prober, question) = (Prober::new(Clock::start()), question());
        let look = prober.look(LOOK, &question, LIMIT, Freshness::AsConfigured);
        assert!(size_of_val(&look) <= 2_048, "{} bytes", size_of_val(&look));
    }
}
