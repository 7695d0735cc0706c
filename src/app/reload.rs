//! Reads the file again: on SIGHUP, when it changed, and when somebody asks.

use std::{path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
};

use super::{
    discovery::{Finder, Read},
    post::Mail,
};
use crate::{
    clock::Clock,
    config::{self, Contents, Environment, Format, watch::Watch},
    engine::{Event, Trouble},
    model::{Board, Plan},
    rehearsal::open,
    telemetry::Metrics,
    web,
};

/// Takes over changed files.
pub(super) struct Reloader {
    pub(super) path: PathBuf,
    pub(super) environment: Environment,
    pub(super) finder: Finder,
    pub(super) clock: Clock,
    pub(super) plan: Arc<ArcSwap<Plan>>,
    pub(super) board: Arc<ArcSwap<Board>>,
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) mail: mpsc::UnboundedSender<Mail>,
    pub(super) metrics: Arc<Metrics>,
    /// Says that the file was read and is good, whether or not it has changed.
    pub(super) reloaded: watch::Sender<()>,
}

impl Reloader {
    /// Reads the file and takes it over if it is good: a sentence about what changed.
    ///
    /// # Errors
    ///
    /// The whole report for people; the old plan goes on.
    async fn reload(&mut self, watch: &Watch, why: &str) -> Result<String, String> {
        let (path, environment) = (self.path.clone(), self.environment.clone());
        let lists = self.finder.lists();
        let loading =
            tokio::task::spawn_blocking(move || config::load_with(&path, &environment, &lists));
        let outcome = loading
            .await
            .map_err(|error| format!("reading the file broke off: {error}"))?;
        watch.set_loaded(&outcome.contents);
        match outcome.plan {
            Some(plan) => {
                for trouble in self.finder.take_over(outcome.discovery) {
                    self.say(Event::Troubled(trouble));
                }
                let summary = self.take(self.finder.staged(plan), why);
                self.reloaded.send_replace(());
                Ok(summary)
            }
            None => Err(self.refuse(&outcome.report, why)),
        }
    }

    /// Takes over what a source of discovery said.
    async fn found(&mut self, read: Read) {
        let (plan, trouble) = self.finder.take(read).await;
        if let Some(trouble) = trouble {
            self.say(Event::Troubled(trouble));
        }
        let Some(plan) = plan else { return };
        let old = self.plan.load_full();
        if *old == *plan {
            return;
        }
        let summary = changes(&old, &plan);
        self.log_open(&old, &plan, "discovery");
        self.plan.store(Arc::clone(&plan));
        self.say(Event::Replanned(plan));
        // Nobody listens any more only while the process ends.
        let _ = self.mail.send(Mail::Channels);
        tracing::info!(event = "discovered", summary, "other targets were found");
    }

    fn take(&self, plan: Arc<Plan>, why: &str) -> String {
        let old = self.plan.load_full();
        self.metrics.reloaded(self.clock.now().at);
        self.set_trouble(None);
        self.say(Event::Troubled(trouble(String::new(), true)));
        if *old == *plan {
            tracing::info!(
                event = "config.reloaded",
                why,
                "the file says what it said before"
            );
            return String::from("nothing changed");
        }
        let open = self.log_open(&old, &plan, why);
        let mut notes = vec![changes(&old, &plan)];
        if old.server.listen != plan.server.listen {
            notes.push(String::from("`server.listen` holds from the next start on"));
        }
        if old.store.path != plan.store.path {
            notes.push(String::from("`store.path` holds from the next start on"));
        }
        let summary = notes.join("; ");
        self.plan.store(Arc::clone(&plan));
        self.say(Event::Replanned(plan));
        // Nobody listens any more only while the process ends.
        let _ = self.mail.send(Mail::Channels);
        tracing::info!(
            event = "config.reloaded",
            why,
            summary,
            "the changed file was taken"
        );
        std::iter::once(summary)
            .chain(open)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Logs what the new plan says otherwise of every open incident; answers with a line for each.
    fn log_open(&self, old: &Plan, new: &Plan, why: &str) -> Vec<String> {
        let now = self.clock.now().at;
        let mut lines = Vec::new();
        for incident in open::of_board(&self.board.load()) {
            let changes = open::changes_between(&incident, old, new, now);
            if changes.is_empty() {
                continue;
            }
            let changes = open::words(&changes, new).join("; ");
            let (id, title) = (&incident.id, incident.title());
            tracing::info!(
                event = "config.open_incident",
                why,
                incident = %id,
                about = %title,
                state = %incident.verdict,
                changes,
                "what holds from now on says something else of what is open; whoever was told hears of the end all the same"
            );
            lines.push(format!("#{id} {title}, {}: {changes}", incident.verdict));
        }
        lines
    }

    fn refuse(&self, report: &config::Report, why: &str) -> String {
        let first = report.first_line();
        self.metrics.reload_failed();
        self.set_trouble(Some(&first));
        tracing::error!(event = "config.refused", why, problem = %first, "the changed file was not taken; the old plan goes on");
        self.say(Event::Troubled(trouble(first, false)));
        report.render(Format::Human, false)
    }

    fn set_trouble(&self, why: Option<&str>) {
        let at = self.clock.now().at;
        self.board.load().ourselves.rcu(|ourselves| {
            let mut ourselves = (**ourselves).clone();
            ourselves.config_trouble = why.map(|why| (why.to_owned(), at));
            ourselves
        });
    }

    fn say(&self, event: Event) {
        // Nobody listens any more only while the process ends.
        let _ = self.events.send(event);
    }
}

fn trouble(words: String, is_over: bool) -> Trouble {
    Trouble {
        key: String::from("config"),
        is_over,
        title: String::from("the changed file was not taken; the old plan goes on"),
        words,
        not_to: None,
    }
}

/// What came, went and changed, as a sentence.
fn changes(old: &Plan, new: &Plan) -> String {
    let find = |plan: &Plan, id| plan.targets.iter().find(|target| target.id == id).cloned();
    let came = new
        .targets
        .iter()
        .filter(|target| find(old, target.id.clone()).is_none())
        .count();
    let went = old
        .targets
        .iter()
        .filter(|target| find(new, target.id.clone()).is_none())
        .count();
    let changed = new
        .targets
        .iter()
        .filter(|target| find(old, target.id.clone()).is_some_and(|before| before != **target))
        .count();
    format!(
        "{} targets: {came} new, {went} gone, {changed} changed",
        new.targets.len()
    )
}

/// Takes wishes to read the file again: from the network, from SIGHUP and from the watch over the folder.
pub(super) async fn listen_to_wishes(
    reloader: Option<(Reloader, Contents)>,
    mut wishes: mpsc::Receiver<web::Reload>,
) {
    let Some((mut reloader, contents)) = reloader else {
        while let Some(wish) = wishes.recv().await {
            // Whoever asked may have gone.
            let _ = wish
                .answer
                .send(Err(String::from("this hekate was not started from a file")));
        }
        return;
    };
    let mut watch = Watch::start(&contents);
    let mut hangups = hangups();
    loop {
        let hangup = async {
            match &mut hangups {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            wish = wishes.recv() => {
                let Some(wish) = wish else { return };
                let answer = reloader.reload(&watch, "somebody asked").await;
                // Whoever asked may have gone.
                let _ = wish.answer.send(answer);
            }
            () = watch.changed() => drop(reloader.reload(&watch, "the file changed").await),
            Some(read) = reloader.finder.read() => reloader.found(read).await,
            Some(()) = hangup => drop(reloader.reload(&watch, "SIGHUP").await),
        }
    }
}

fn hangups() -> Option<Signal> {
    signal(SignalKind::hangup())
        .inspect_err(|error| tracing::warn!(%error, "SIGHUP cannot be listened to"))
        .ok()
}
