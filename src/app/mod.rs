//! Wires everything together, starts it, and ends it in order.

mod attempt;
mod availability;
mod burning;
mod by_hand;
mod discovery;
mod guard;
mod heart;
mod latencies;
pub(crate) mod limits;
mod lost_answers;
mod memory;
mod orders;
mod post;
mod reload;
mod signs;
#[cfg(feature = "socket_mode")]
mod slack_lines;
mod staging;
mod still;
mod systemd;
mod waiting;

use std::{
    collections::HashMap, mem::take, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::attempt::Attempt;
pub(crate) use self::discovery::read_all as read_sources;
pub use self::staging::Staging;
pub(crate) use self::still::still;
use self::{
    discovery::Finder,
    guard::{DeadManWatch, measure_the_store, mind_the_store},
    heart::{Committing, Heart, Outside},
    latencies::Counting,
    memory::Memory,
    post::{Desk, Mail, PostOffice, Telling},
    reload::{Reloader, listen_to_wishes},
    signs::Signs,
    systemd::Watchdog,
    waiting::Waiting,
};
use crate::{
    chat::{self, Chat, Hall, Readers},
    clock::Clock,
    config::{Contents, Environment, discovery::Discovery},
    engine::{self, Action, Engine, Event},
    model::{
        Board, CheckId, Entry, Living, Loaded, Moment, Plan, TargetId, Timestamp, Transition,
        action::{Answered, Ordered},
        planned::{Answer, Asked},
    },
    notify::{
        courier::Courier,
        sender::{Sender, SenderError},
    },
    probe::Prober,
    store::{self, Reader, Writer},
    telemetry::Metrics,
    web,
};

/// `/healthz` says that we are not alive when the engine loop has not turned for so long.
const PULSE_LIMIT: Duration = Duration::from_secs(10);
/// Everything has to have ended within this time after being told to.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What a process is started with.
#[derive(Debug)]
pub struct Options {
    /// The file or folder and what was read of it; absent if the plan does not come from one.
    pub source: Option<(PathBuf, Contents)>,
    /// What `${…}` refers to.
    pub environment: Environment,
    /// The checked file.
    pub plan: Arc<Plan>,
    /// Where more targets are found.
    pub discovery: Discovery,
    /// What every plan passes before it holds.
    pub staging: Staging,
}

/// Why a process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Another process works with the store, or a newer hekate wrote it.
    #[error(transparent)]
    Store(store::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Messages cannot be sent from this machine.
    #[error("cannot send messages: {0}")]
    Sender(#[from] SenderError),
}

/// A running hekate.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// The read model.
    pub board: Arc<ArcSwap<Board>>,
    stop: CancellationToken,
    heart_stop: CancellationToken,
    post_stop: CancellationToken,
    heart: JoinHandle<()>,
    post: JoinHandle<()>,
    forwarding: JoinHandle<()>,
    writer: Writer,
}

/// What all parts share.
#[derive(Clone)]
struct Shared {
    clock: Clock,
    plan: Arc<ArcSwap<Plan>>,
    board: Arc<ArcSwap<Board>>,
    metrics: Arc<Metrics>,
    pulse: Arc<web::Pulse>,
    signs: Arc<Signs>,
    wishes: Arc<Waiting<Answer>>,
    orders: Arc<Waiting<Answered>>,
    calls: Arc<Waiting<()>>,
    writer: Writer,
    sender: Sender,
    events: mpsc::UnboundedSender<Event>,
    mail: mpsc::UnboundedSender<Mail>,
    reloaded: watch::Sender<()>,
}

/// The ends of the channels at which the two loops listen.
struct Inboxes {
    events: mpsc::UnboundedReceiver<Event>,
    mail: mpsc::UnboundedReceiver<Mail>,
}

/// Starts everything.
///
/// # Errors
///
/// Only what leaves nothing to run with; a store that cannot be written is none of that.
pub async fn start(options: Options) -> Result<Running, Failure> {
    let Options {
        source,
        environment,
        plan,
        discovery,
        staging,
    } = options;
    // Before the store: the engine forgets the incidents of targets that are not in its first plan.
    let clock = Clock::start();
    let (plan, mut finder) = Finder::first(plan, discovery, &clock, staging).await;
    let sender = Sender::new()?;
    let Memory {
        writer,
        mut loaded,
        notices,
        news,
        is_blind,
    } = memory::open(&plan, &clock).await?;
    // After the store: whoever starts a second hekate with the same file hears who the first one is.
    let listener = listen(plan.server.listen)?;
    let address = listener.local_addr().unwrap_or(plan.server.listen);
    let now = clock.now();
    let (shared, inboxes) = share(&plan, clock, writer, sender, now);
    shared.metrics.reloaded(now.at);

    let stop = CancellationToken::new();
    let (heart_stop, post_stop) = (CancellationToken::new(), CancellationToken::new());
    let (committing, commits) = mpsc::unbounded_channel();
    let (outlook, outlook_seen) = watch::channel(Telling::default());
    let owed = Owed::take(&mut loaded, is_blind);
    let post = shared.post_office(&plan, owed, inboxes.mail, outlook, now);
    let post = tokio::spawn(post.open(post_stop.clone()));
    let (heart, first) = shared.heart(Arc::clone(&plan), loaded, inboxes.events, committing, now);
    let heart = tokio::spawn(heart.beat(first, heart_stop.clone()));
    let forwarding = tokio::spawn(shared.forward(commits));
    for trouble in finder.begin().await {
        // The loop was started a moment ago and listens.
        let _ = shared.events.send(Event::Troubled(trouble));
    }
    for notice in notices {
        // The loop was started a moment ago and listens.
        let _ = shared.events.send(memory::told(notice));
    }
    spawn_until(
        &stop,
        memory::spread(news, is_blind, shared.events.clone(), shared.mail.clone()),
    );
    shared.guards(outlook_seen, &stop);
    let (reload, wishes) = mpsc::channel(4);
    let reloader =
        source.map(|(path, contents)| (shared.reloader(path, environment, finder), contents));
    spawn_until(&stop, listen_to_wishes(reloader, wishes));
    let chat = shared.chat();
    let of_home = chat.clone();
    spawn_until(&stop, async move { of_home.learn_home().await });
    #[cfg(feature = "socket_mode")]
    spawn_until(&stop, slack_lines::hold(&shared, chat.clone()));
    let state = shared.web(chat, reload);
    tokio::spawn(web::serve(listener, state, stop.clone()));

    let targets = plan.targets.len();
    systemd::ready(&format!("watching {targets} targets"));
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(event = "started", targets, %address, version, "watching {targets} targets");
    let Shared { board, writer, .. } = shared;
    Ok(Running {
        address,
        board,
        stop,
        heart_stop,
        post_stop,
        heart,
        post,
        forwarding,
        writer,
    })
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    web::listen(address).map_err(|source| Failure::Listen { address, source })
}

fn share(
    plan: &Arc<Plan>,
    clock: Clock,
    writer: Writer,
    sender: Sender,
    now: Moment,
) -> (Shared, Inboxes) {
    let (events, event_inbox) = mpsc::unbounded_channel();
    let (mail, mail_inbox) = mpsc::unbounded_channel();
    let shared = Shared {
        clock,
        plan: Arc::new(ArcSwap::new(Arc::clone(plan))),
        board: Arc::new(ArcSwap::from_pointee(Board::of(plan, now.at, None))),
        metrics: Arc::new(Metrics::new()),
        pulse: Arc::new(web::Pulse::new(PULSE_LIMIT)),
        signs: Arc::default(),
        wishes: Arc::default(),
        orders: Arc::default(),
        calls: Arc::default(),
        writer,
        sender,
        events,
        mail,
        reloaded: watch::Sender::new(()),
    };
    (
        shared,
        Inboxes {
            events: event_inbox,
            mail: mail_inbox,
        },
    )
}

/// What an earlier process owed to people.
struct Owed {
    outbox: Vec<Entry>,
    living: Vec<Living>,
    /// Whether there was none, so that nothing was ever sent.
    is_first: bool,
}

impl Owed {
    fn take(loaded: &mut Loaded, is_blind: bool) -> Self {
        Self {
            outbox: take(&mut loaded.outbox),
            living: take(&mut loaded.living),
            is_first: loaded.last_at.is_none() && !is_blind,
        }
    }
}

impl Shared {
    fn post_office(
        &self,
        plan: &Plan,
        owed: Owed,
        inbox: mpsc::UnboundedReceiver<Mail>,
        outlook: watch::Sender<Telling>,
        now: Moment,
    ) -> PostOffice {
        let mut courier = if owed.is_first {
            Courier::first(seed())
        } else {
            Courier::new(seed())
        };
        courier.configure(now, &plan.mailboxes(), plan.ops());
        courier.restore_living(owed.living);
        courier.restore(now, owed.outbox);
        let desk = Desk {
            mail: self.mail.clone(),
            events: self.events.clone(),
            clock: self.clock.clone(),
            plan: Arc::clone(&self.plan),
            board: Arc::clone(&self.board),
            writer: self.writer.clone(),
            sender: self.sender.clone(),
            metrics: Arc::clone(&self.metrics),
            attempts: TaskTracker::new(),
        };
        PostOffice {
            clock: self.clock.clone(),
            courier,
            inbox,
            desk,
            outlook,
        }
    }

    fn forward(
        &self,
        commits: mpsc::UnboundedReceiver<Committing>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let forwarding = Forwarding {
            mail: self.mail.clone(),
            wishes: Arc::clone(&self.wishes),
            orders: Arc::clone(&self.orders),
            calls: Arc::clone(&self.calls),
            events: self.events.clone(),
            clock: self.clock.clone(),
        };
        forwarding.forward(commits)
    }

    fn heart(
        &self,
        plan: Arc<Plan>,
        loaded: Loaded,
        inbox: mpsc::UnboundedReceiver<Event>,
        committing: mpsc::UnboundedSender<Committing>,
        now: Moment,
    ) -> (Heart, Vec<Action>) {
        if loaded.last_at.is_some() {
            let (reader, clock) = (self.writer.reader(), self.clock.clone());
            tokio::spawn(memory::recall(reader, clock, self.events.clone()));
        }
        let settings = engine::Settings {
            seed: seed(),
            looks_max: limits::looks_at_once(&plan),
        };
        self.board.load().ourselves.rcu(|ourselves| {
            let mut ourselves = (**ourselves).clone();
            ourselves.lapses.clone_from(&loaded.lapses);
            ourselves
        });
        let (engine, first) = Engine::start(plan, loaded, settings, now);
        let outside = Outside {
            events: self.events.clone(),
            clock: self.clock.clone(),
            prober: Prober::new(self.clock.clone()),
            writer: self.writer.clone(),
            mail: self.mail.clone(),
            committing,
            board: Arc::clone(&self.board),
            metrics: Arc::clone(&self.metrics),
            pulse: Arc::clone(&self.pulse),
            signs: Arc::clone(&self.signs),
            watchdog: Watchdog::of_environment(),
            budgets: burning::budgets(
                availability::measures_each(
                    self.writer.reader(),
                    Arc::clone(&self.plan),
                    Arc::clone(&self.board),
                ),
                Arc::clone(&self.board),
            ),
            places: HashMap::new(),
            counting: Counting::new(self.clock.now()),
        };
        (
            Heart {
                clock: self.clock.clone(),
                engine,
                inbox,
                outside,
            },
            first,
        )
    }

    /// Starts whatever watches the watchman.
    fn guards(&self, telling: watch::Receiver<Telling>, stop: &CancellationToken) {
        let status = self.writer.status();
        spawn_until(
            stop,
            mind_the_store(status.clone(), Arc::clone(&self.board), self.events.clone()),
        );
        spawn_until(
            stop,
            measure_the_store(Arc::clone(&self.plan), Arc::clone(&self.metrics)),
        );
        spawn_until(
            stop,
            memory::leave_marks(Arc::clone(&self.plan), self.clock.clone()),
        );
        let dead_man = DeadManWatch {
            clock: self.clock.clone(),
            plan: Arc::clone(&self.plan),
            board: Arc::clone(&self.board),
            signs: Arc::clone(&self.signs),
            telling,
            store: status,
            sender: self.sender.clone(),
        };
        spawn_until(stop, dead_man.keep());
    }

    fn reloader(&self, path: PathBuf, environment: Environment, finder: Finder) -> Reloader {
        Reloader {
            path,
            environment,
            finder,
            clock: self.clock.clone(),
            plan: Arc::clone(&self.plan),
            board: Arc::clone(&self.board),
            events: self.events.clone(),
            mail: self.mail.clone(),
            metrics: Arc::clone(&self.metrics),
            reloaded: self.reloaded.clone(),
        }
    }

    /// What answers people, the same for all ways to it.
    fn chat(&self) -> Chat {
        Chat {
            board: Arc::clone(&self.board),
            plan: Arc::clone(&self.plan),
            metrics: Arc::clone(&self.metrics),
            clock: self.clock.clone(),
            incidents: incidents(self.writer.reader()),
            histories: histories(self.writer.reader()),
            measures: availability::measures(
                self.writer.reader(),
                Arc::clone(&self.plan),
                Arc::clone(&self.board),
            ),
            glances: by_hand::glances(Prober::new(self.clock.clone())),
            by_hand: Arc::default(),
            wishes: {
                let (events, wishes) = (self.events.clone(), Arc::clone(&self.wishes));
                Arc::new(move |wish, by| {
                    wishes.ask(|number| {
                        let asked = Asked { number, wish, by };
                        events.send(Event::Planned(asked)).is_ok()
                    })
                })
            },
            orders: {
                let (events, orders) = (self.events.clone(), Arc::clone(&self.orders));
                Arc::new(move |order, asker| {
                    orders.ask(|number| {
                        let ordered = Ordered {
                            number,
                            order,
                            asker,
                        };
                        events.send(Event::Ordered(ordered)).is_ok()
                    })
                })
            },
            marked: {
                let events = self.events.clone();
                Arc::new(move |incident| {
                    // Nobody listens any more only while the process ends.
                    let _ = events.send(Event::Marked(Box::new(incident)));
                })
            },
            readers: Readers::default(),
            sender: self.sender.clone(),
            tell: lost_answers::teller(self.events.clone()),
            losses: Arc::default(),
            pressed: Arc::default(),
            hall: Arc::new(Hall::new(
                lost_answers::of_bot(self.events.clone()),
                lost_answers::of_strangers(self.events.clone()),
            )),
            members: Arc::default(),
            turn: Arc::default(),
        }
    }

    fn web(&self, chat: Chat, reload: mpsc::Sender<web::Reload>) -> web::State {
        web::State {
            chat,
            pulse: Arc::clone(&self.pulse),
            reload,
            push: pushes(self.events.clone()),
            ping: {
                let (events, calls) = (self.events.clone(), Arc::clone(&self.calls));
                Arc::new(move |target, ping| {
                    calls.ask(|number| events.send(Event::Pinged(number, target, ping)).is_ok())
                })
            },
            role_said: {
                let events = self.events.clone();
                Arc::new(move |group, instance| {
                    // Nobody listens any more only while the process ends.
                    let _ = events.send(Event::RoleSaid(group, instance));
                })
            },
            measures_each: availability::measures_each(
                self.writer.reader(),
                Arc::clone(&self.plan),
                Arc::clone(&self.board),
            ),
            times_answers: times_answers(self.writer.reader()),
            past: {
                let reader = self.writer.reader();
                Arc::new(move |since, limit| {
                    let read = reader.incidents(since, limit);
                    read.map_err(|error| error.to_string())
                })
            },
        }
    }
}

impl Running {
    /// Ends in order: no more looks, remember, let attempts under way end, close the store.
    pub async fn stop(self) {
        systemd::stopping();
        tracing::info!(
            event = "stopping",
            "ending; nothing that was decided is lost"
        );
        self.stop.cancel();
        self.heart_stop.cancel();
        let orderly = async {
            // A task that broke has said so itself; what it left is ended all the same.
            let _ = self.heart.await;
            let _ = self.forwarding.await;
            self.post_stop.cancel();
            let _ = self.post.await;
        };
        if tokio::time::timeout(STOP_LIMIT, orderly).await.is_err() {
            tracing::error!(
                event = "stop.late",
                "not everything ended in time; the outbox has the rest"
            );
        }
        match self.writer.close(STOP_LIMIT).await {
            Some(0) => tracing::info!(event = "stopped", "everything is written"),
            Some(records) => {
                tracing::error!(
                    event = "stop.unwritten",
                    records,
                    "the disk did not take everything"
                );
            }
            None => tracing::error!(event = "stop.unwritten", "the disk did not answer in time"),
        }
    }
}

/// Hands entries to the post office, and answers to whoever wished something, when and in the order in which what they follow
/// from is stored.
struct Forwarding {
    mail: mpsc::UnboundedSender<Mail>,
    wishes: Arc<Waiting<Answer>>,
    orders: Arc<Waiting<Answered>>,
    calls: Arc<Waiting<()>>,
    events: mpsc::UnboundedSender<Event>,
    clock: Clock,
}

impl Forwarding {
    async fn forward(self, mut commits: mpsc::UnboundedReceiver<Committing>) {
        while let Some(committing) = commits.recv().await {
            let (stored, batch) = match committing {
                Committing::Batch(stored, batch) => (stored, batch),
                Committing::Answer(number, answer) => {
                    self.wishes.answer(number, *answer);
                    continue;
                }
                Committing::Ordered(number, answer) => {
                    self.orders.answer(number, *answer);
                    continue;
                }
                Committing::Heard(number) => {
                    self.calls.answer(number, ());
                    continue;
                }
                Committing::Run(run) => {
                    orders::run(*run, &self.clock, self.events.clone());
                    continue;
                }
            };
            stored.await;
            if !batch.entries.is_empty() {
                // Nobody listens any more only while the process ends; the entries are in the store by then.
                let _ = self.mail.send(Mail::Entries(batch.entries.clone()));
            }
        }
    }
}

/// Runs a task that has nothing to finish, until the end.
fn spawn_until(stop: &CancellationToken, task: impl Future<Output = ()> + Send + 'static) {
    let stop = stop.clone();
    tokio::spawn(async move {
        stop.run_until_cancelled(task).await;
    });
}

fn histories(reader: Reader) -> chat::Histories {
    Arc::new(
        move |target: &TargetId,
              since: Timestamp,
              limit: usize|
              -> Result<Vec<Transition>, String> {
            reader
                .transitions(target, since, limit)
                .map_err(|error| error.to_string())
        },
    )
}

fn times_answers(reader: Reader) -> web::TimesAnswers {
    Arc::new(move |check: &CheckId, grain, begins: &[Timestamp]| {
        let read = reader.latencies(check, grain, begins);
        read.map_err(|error| error.to_string())
    })
}

fn pushes(events: mpsc::UnboundedSender<Event>) -> web::Pushes {
    Arc::new(move |push| events.send(Event::Pushed(push)).is_ok())
}

fn incidents(reader: Reader) -> chat::Incidents {
    Arc::new(move |id| reader.incident(id).map_err(|error| error.to_string()))
}

/// Chance for jitter; nothing secret hangs on it.
fn seed() -> u64 {
    use std::hash::BuildHasher as _;
    std::hash::RandomState::new().hash_one(std::process::id())
}
