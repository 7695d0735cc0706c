//! Wires everything together, starts it, and ends it in order.

mod guard;
mod heart;
pub mod limits;
mod post;
mod reload;
mod signs;
mod systemd;

use std::{collections::HashMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    guard::{DeadManWatch, mind_the_store},
    heart::{Committing, Heart, Outside},
    post::{Desk, Mail, PostOffice},
    reload::Reloader,
    signs::Signs,
    systemd::Watchdog,
};
use crate::{
    clock::Clock,
    config::{self, Environment},
    engine::{self, Engine},
    model::{Board, Loaded, Plan, TargetId, Timestamp, Transition},
    notify::{courier::Courier, sender::Sender},
    probe::Prober,
    store::{self, Database, Notice, Reader, Writer},
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
    /// The file or folder; absent if the plan does not come from one.
    pub path: Option<PathBuf>,
    /// What `${…}` refers to.
    pub environment: Environment,
    /// The checked file.
    pub plan: Arc<Plan>,
}

/// Why a process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Another process works with the store.
    #[error("{0}")]
    Store(#[source] store::Error),
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
    Sender(#[from] crate::notify::sender::SenderError),
}

/// A running hekate.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// The read model.
    pub board: Arc<ArcSwap<Board>>,
    /// Both clocks.
    pub clock: Clock,
    /// Reads the file again when told to, with the reason.
    pub reload: mpsc::Sender<web::Reload>,
    stop: CancellationToken,
    heart_stop: CancellationToken,
    post_stop: CancellationToken,
    heart: JoinHandle<()>,
    post: JoinHandle<()>,
    committing: JoinHandle<()>,
    writer: Writer,
}

/// Starts everything.
///
/// # Errors
///
/// Only what leaves nothing to run with; a store that cannot be written is none of that.
pub async fn start(options: Options) -> Result<Running, Failure> {
    let Options {
        path,
        environment,
        plan,
    } = options;
    let clock = Clock::start();
    let metrics = Arc::new(Metrics::new());
    let sender = Sender::new()?;
    let now = clock.now();
    // Before the address: whoever starts a second hekate with the same file hears who the first one is.
    let Opened {
        writer,
        mut loaded,
        notices,
        news,
        is_blind,
    } = open_store(&plan, &clock).await?;
    let address = plan.server.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| Failure::Listen { address, source })?;
    let address = listener
        .local_addr()
        .map_err(|source| Failure::Listen { address, source })?;

    let board = Arc::new(ArcSwap::from_pointee(Board::of(&plan, now.at, None)));
    let shared_plan = Arc::new(ArcSwap::new(Arc::clone(&plan)));
    let (events, inbox) = mpsc::unbounded_channel();
    let (mail, letters) = mpsc::unbounded_channel();
    let (committing, commits) = mpsc::unbounded_channel();
    let (outlook, outlook_seen) = watch::channel(crate::notify::courier::Outlook::default());
    let stop = CancellationToken::new();
    let (heart_stop, post_stop) = (CancellationToken::new(), CancellationToken::new());

    let mut courier = Courier::new(seed());
    courier.configure(now, &plan.channels, plan.ops());
    courier.restore(now, std::mem::take(&mut loaded.outbox));
    let settings = engine::Settings {
        seed: seed(),
        looks_max: limits::looks_at_once(),
    };
    let (engine, first) = Engine::start(Arc::clone(&plan), loaded, settings, now);
    let pulse = Arc::new(web::Pulse::new(PULSE_LIMIT));
    let signs = Arc::new(Signs::default());
    metrics.reloaded(now.at);

    let desk = Desk {
        mail: mail.clone(),
        events: events.clone(),
        clock: clock.clone(),
        plan: Arc::clone(&shared_plan),
        board: Arc::clone(&board),
        writer: writer.clone(),
        sender: sender.clone(),
        metrics: Arc::clone(&metrics),
        attempts: TaskTracker::new(),
    };
    let post = PostOffice {
        clock: clock.clone(),
        courier,
        inbox: letters,
        desk,
        outlook,
    };
    let post = tokio::spawn(post.open(post_stop.clone()));
    let committing_task = tokio::spawn(forward(commits, mail.clone()));
    let heart = Heart {
        clock: clock.clone(),
        engine,
        inbox,
        outside: Outside {
            events: events.clone(),
            clock: clock.clone(),
            prober: Prober::new(clock.clone()),
            writer: writer.clone(),
            committing,
            board: Arc::clone(&board),
            metrics: Arc::clone(&metrics),
            pulse: Arc::clone(&pulse),
            signs: Arc::clone(&signs),
            watchdog: Watchdog::of_environment(),
            places: HashMap::new(),
        },
    };
    let heart = tokio::spawn(heart.beat(first, heart_stop.clone()));
    for notice in notices {
        // The engine loop was started a moment ago and listens.
        let _ = events.send(of_notice(notice));
    }

    let (store_events, store_mail) = (events.clone(), mail.clone());
    let (reload, wishes) = mpsc::channel(4);
    let guards = Guards {
        clock: clock.clone(),
        plan: Arc::clone(&shared_plan),
        board: Arc::clone(&board),
        signs,
        sender,
    };
    guards.watch(
        &writer,
        outlook_seen,
        events.clone(),
        Arc::clone(&metrics),
        &stop,
    );
    let reloader = path.map(|path| Reloader {
        path,
        environment,
        clock: clock.clone(),
        plan: Arc::clone(&shared_plan),
        board: Arc::clone(&board),
        events,
        mail,
        metrics: Arc::clone(&metrics),
    });
    spawn_until(&stop, spread_news(news, is_blind, store_events, store_mail));
    spawn_until(&stop, listen_to_wishes(reloader, wishes));
    let state = web::State {
        board: Arc::clone(&board),
        plan: shared_plan,
        metrics,
        pulse,
        history: history(writer.reader()),
        reload: reload.clone(),
        clock: clock.clone(),
    };
    tokio::spawn(web::serve(listener, state, stop.clone()));
    systemd::ready(&format!("watching {} targets", plan.targets.len()));
    tracing::info!(
        event = "started",
        targets = plan.targets.len(),
        %address,
        version = env!("CARGO_PKG_VERSION"),
        "watching {} targets",
        plan.targets.len()
    );
    Ok(Running {
        address,
        board,
        clock,
        reload,
        stop,
        heart_stop,
        post_stop,
        heart,
        post,
        committing: committing_task,
        writer,
    })
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
            let _ = self.committing.await;
            self.post_stop.cancel();
            let _ = self.post.await;
            match self.writer.close(STOP_LIMIT).await {
                Some(0) => {}
                Some(lost) => tracing::error!(
                    event = "stop.unwritten",
                    records = lost,
                    "the disk did not take everything"
                ),
                None => {
                    tracing::error!(event = "stop.unwritten", "the disk did not answer in time")
                }
            }
        };
        if tokio::time::timeout(STOP_LIMIT, orderly).await.is_err() {
            tracing::error!(
                event = "stop.late",
                "not everything ended in time; the outbox and the journal have the rest"
            );
        }
    }
}

struct Opened {
    writer: Writer,
    loaded: Loaded,
    notices: Vec<Notice>,
    news: mpsc::UnboundedReceiver<store::News>,
    /// Whether nothing of an existing store could be read.
    is_blind: bool,
}

/// Opens the store; where the disk does not let us, looks and messages go on from memory and it is tried again.
async fn open_store(plan: &Arc<Plan>, clock: &Clock) -> Result<Opened, Failure> {
    let settings = plan.store.clone();
    let now = clock.now().at;
    let opening = tokio::task::spawn_blocking(move || {
        Database::open(&settings, now).map_err(|error| {
            let known =
                matches!(error, store::Error::Disk { .. }).then(|| Database::peek(&settings).ok());
            (error, known.flatten())
        })
    });
    let opened = opening
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    let (news_sender, news) = mpsc::unbounded_channel();
    let clock = clock.clone();
    let time: store::Now = Arc::new(move || clock.now());
    match opened {
        Ok((database, loaded, notices)) => {
            let (writer, _threads) =
                Writer::spawn(database, time, news_sender).map_err(Failure::Store)?;
            Ok(Opened {
                writer,
                loaded,
                notices,
                news,
                is_blind: false,
            })
        }
        Err((error @ store::Error::Disk { .. }, known)) => {
            tracing::error!(event = "store.trouble", %error, "the store cannot be opened; going on from memory");
            let settings = plan.store.clone();
            let (writer, _threads) = Writer::spawn_without(settings, &error, time, news_sender)
                .map_err(Failure::Store)?;
            let is_blind = known.is_none();
            let loaded = known.unwrap_or_else(|| store::blind(now));
            Ok(Opened {
                writer,
                loaded,
                notices: Vec::new(),
                news,
                is_blind,
            })
        }
        Err((error, _)) => Err(Failure::Store(error)),
    }
}

/// Passes on what the store has to say.
async fn spread_news(
    mut news: mpsc::UnboundedReceiver<store::News>,
    is_blind: bool,
    events: mpsc::UnboundedSender<engine::Event>,
    mail: mpsc::UnboundedSender<Mail>,
) {
    while let Some(news) = news.recv().await {
        // Nobody listens any more only while the process ends.
        let _ = match news {
            store::News::Notice(notice) => events.send(of_notice(notice)).is_ok(),
            store::News::Found(mut found) if is_blind => {
                let outbox = std::mem::take(&mut found.outbox);
                mail.send(Mail::Found(outbox)).is_ok()
                    && events.send(engine::Event::Found(found)).is_ok()
            }
            store::News::Found(_) => true,
        };
    }
}

fn of_notice(Notice { title, words }: Notice) -> engine::Event {
    tracing::warn!(event = "store.notice", %title, %words, "{title}");
    let key = format!("notice {title}");
    engine::Event::Troubled(engine::Trouble {
        key,
        is_over: false,
        title,
        words,
        not_to: None,
    })
}

/// Hands entries to the post office when, and in the order in which, their batches are stored.
async fn forward(
    mut commits: mpsc::UnboundedReceiver<Committing>,
    mail: mpsc::UnboundedSender<Mail>,
) {
    while let Some((stored, batch)) = commits.recv().await {
        stored.await;
        if !batch.entries.is_empty() {
            // Nobody listens any more only while the process ends; the entries are in the store by then.
            let _ = mail.send(Mail::Entries(batch.entries.clone()));
        }
    }
}

struct Guards {
    clock: Clock,
    plan: Arc<ArcSwap<Plan>>,
    board: Arc<ArcSwap<Board>>,
    signs: Arc<Signs>,
    sender: Sender,
}

impl Guards {
    fn watch(
        self,
        writer: &Writer,
        outlook: watch::Receiver<crate::notify::courier::Outlook>,
        events: mpsc::UnboundedSender<engine::Event>,
        metrics: Arc<Metrics>,
        stop: &CancellationToken,
    ) {
        spawn_until(
            stop,
            mind_the_store(writer.status(), Arc::clone(&self.board), events),
        );
        spawn_until(
            stop,
            guard::measure_the_store(Arc::clone(&self.plan), metrics),
        );
        let watch = DeadManWatch {
            clock: self.clock,
            plan: self.plan,
            board: self.board,
            signs: self.signs,
            outlook,
            store: writer.status(),
            sender: self.sender,
        };
        spawn_until(stop, watch.keep());
    }
}

/// Runs a task that has nothing to finish, until the end.
fn spawn_until(stop: &CancellationToken, task: impl Future<Output = ()> + Send + 'static) {
    let stop = stop.clone();
    tokio::spawn(async move {
        stop.run_until_cancelled(task).await;
    });
}

/// Takes wishes to read the file again, from the network, from SIGHUP and from the watch over the folder.
async fn listen_to_wishes(reloader: Option<Reloader>, mut wishes: mpsc::Receiver<web::Reload>) {
    let Some(reloader) = reloader else {
        while let Some(wish) = wishes.recv().await {
            // Whoever asked may have gone.
            let _ = wish
                .answer
                .send(Err(String::from("this hekate was not started from a file")));
        }
        return;
    };
    let (_keep, mut changes) = mpsc::channel::<()>(1);
    let mut hangups = hangups();
    loop {
        tokio::select! {
            wish = wishes.recv() => {
                let Some(wish) = wish else { return };
                let answer = reloader.reload("somebody asked").await;
                // Whoever asked may have gone.
                let _ = wish.answer.send(answer);
            }
            Some(()) = changes.recv() => drop(reloader.reload("the file changed").await),
            Some(()) = async { match &mut hangups { Some(signal) => signal.recv().await, None => std::future::pending().await } } => {
                drop(reloader.reload("SIGHUP").await);
            }
        }
    }
}

fn hangups() -> Option<tokio::signal::unix::Signal> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
        .inspect_err(|error| tracing::warn!(%error, "SIGHUP cannot be listened to"))
        .ok()
}

fn history(reader: Reader) -> web::History {
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

/// Chance for jitter; nothing secret hangs on it.
fn seed() -> u64 {
    use std::hash::BuildHasher as _;
    std::hash::RandomState::new().hash_one(std::process::id())
}
