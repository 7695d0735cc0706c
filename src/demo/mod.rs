//! A pretend fleet and a pretend Slack on loopback, around the real thing.
//!
//! Nothing in hekate knows that it is a demo: the plan is the one of the shipped file with other addresses and a faster
//! tempo, and everything else runs as it does in production.

mod fleet;
mod stage;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;

pub use self::stage::preview;
use self::{fleet::Fleet, stage::Stage};
use crate::{
    app::{self, Options},
    clock::Clock,
    command::{
        self,
        text::{self, Look},
    },
    config::{self, Environment},
    model::{
        Board, Plan, Policy, Secret, Tick, Verdict,
        board::Facts,
        judgement::Spans,
        plan::{HealthQuestion, Question, Target},
    },
};

/// The shipped file.
const FILE: &str = include_str!("../../targets.yaml");
/// So that a story fits into a minute: looks every 2 s, and a confirmation of a few seconds.
const INTERVAL: Duration = Duration::from_secs(2);
/// How often the terminal is told what changed.
const GLANCE: Duration = Duration::from_millis(250);

/// How to play.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Where the preview page answers; 0 for any.
    pub port: u16,
    /// End by itself after this time.
    pub end_after: Option<Duration>,
    /// Whether to print colours.
    pub has_color: bool,
}

/// Plays until it is asked to end.
///
/// # Errors
///
/// If the port is taken or no temporary folder can be made.
pub async fn play(
    settings: Settings,
    say: impl Fn(&str),
    end: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let folder = TemporaryFolder::new().context("a temporary folder")?;
    let outcome = config::load_text(
        "targets.yaml",
        FILE,
        &Environment::of::<&str, &str>([]).for_preview(),
    );
    let plan = outcome.plan.context("the shipped file")?;
    let clock = Clock::start();
    let fleet = Fleet::open(&plan, clock.clone())
        .await
        .context("the pretend fleet")?;
    let secret = Secret::new("the pretend workspace's signing secret");
    let stage = Stage::open(
        SocketAddr::from(([127, 0, 0, 1], settings.port)),
        &plan,
        clock.clone(),
        secret.clone(),
    )
    .await
    .with_context(|| {
        format!(
            "the preview page at port {} (another one: --port)",
            settings.port
        )
    })?;
    let plan = Arc::new(staged(&plan, &fleet, &stage, secret, folder.path()));
    let options = Options {
        source: None,
        environment: Environment::of::<&str, &str>([]),
        plan: Arc::clone(&plan),
        discovery: config::discovery::Discovery::default(),
    };
    let running = app::start(options).await.context("hekate itself")?;
    stage.connect(running.address);
    say(&format!(
        "hekate {} demo — {} pretend targets on 127.0.0.1; nothing leaves this machine\n\
         \x20 Slack preview   http://{}/          (type /roih status there)\n\
         \x20 API             http://{}/api/v1/status\n\
         \x20 why is it so    hekate explain master blue --server http://{}\n\
         \x20 story           {}\n\
         \x20 end             Ctrl-C\n\n",
        env!("CARGO_PKG_VERSION"),
        plan.targets.len(),
        stage.address,
        running.address,
        running.address,
        fleet::STORY,
    ));
    let watching = watch(&running.board, &clock, &stage, &plan, settings, &say);
    let limit = async {
        match settings.end_after {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = watching => {}
        () = limit => {}
        () = end => {}
    }
    let messages = stage.count();
    running.stop().await;
    say(&format!(
        "\n{messages} messages in all. Next: write five lines of your own, `hekate validate`, `hekate run`.\n"
    ));
    Ok(())
}

/// The shipped plan with the pretend fleet's and the pretend Slack's addresses, at the tempo of a demo.
fn staged(
    plan: &Plan,
    fleet: &Fleet,
    stage: &Stage,
    secret: Secret,
    folder: &std::path::Path,
) -> Plan {
    let mut staged = plan.clone();
    staged.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    folder.clone_into(&mut staged.store.path);
    staged.slack.signing_secrets = vec![secret];
    staged.slack.app_token = None;
    staged.slack.bot_token = None;
    staged.dead_man = None;
    stage.take_over(&mut staged);
    let quick = Spans {
        explicit: Duration::from_secs(4),
        refused: Duration::from_secs(4),
        silent: Duration::from_secs(5),
    };
    staged.targets = plan
        .targets
        .iter()
        .map(|target| {
            let mut target = Target::clone(target);
            for check in &mut target.checks {
                let Question::Health(question) = &check.question else {
                    continue;
                };
                let question = HealthQuestion {
                    url: fleet.url_of(&target.id),
                    ..HealthQuestion::clone(question)
                };
                check.question = Question::Health(Arc::new(question));
                check.policy = Policy {
                    interval: INTERVAL,
                    timeout: Duration::from_secs(1),
                    spans: quick,
                    slow_after: Duration::from_millis(500),
                    ..check.policy.clone()
                };
            }
            Arc::new(target)
        })
        .collect();
    staged
}

/// Prints what changes, and the grid when something was told.
async fn watch(
    board: &arc_swap::ArcSwap<Board>,
    clock: &Clock,
    stage: &Stage,
    plan: &Plan,
    settings: Settings,
    say: &impl Fn(&str),
) {
    let look = Look {
        timezone: plan.server.timezone,
        has_color: settings.has_color,
    };
    let mut known = vec![(Verdict::Unknown, Verdict::Unknown); board.load().rows.len()];
    let mut told = 0;
    loop {
        tokio::time::sleep(GLANCE).await;
        let now = clock.now();
        let board = board.load();
        for (row, known) in board.rows.iter().zip(&mut known) {
            let facts = row.facts();
            let (before, settled) = *known;
            let after = facts.verdict;
            *known = (after, facts.settled);
            if before != after {
                say(&format!(
                    "[{}] {:<14} {before} → {after}   {}\n",
                    since_start(now.tick),
                    row.target.title(),
                    why(before, settled, &facts)
                ));
            }
        }
        let messages = stage.count();
        if messages > told {
            for (channel, text) in stage.texts_from(told) {
                say(&format!(
                    "[{}] #{channel} hears: {}\n",
                    since_start(now.tick),
                    as_read(&text)
                ));
            }
            told = messages;
            if let command::Reply::Status(status) = command::ask(&board, "", now.at, "hekate") {
                say(&format!("\n{}\n", text::grid(&status, look)));
            }
        }
    }
}

/// Why a verdict changed, and what had been settled before.
fn why(before: Verdict, settled: Verdict, facts: &Facts) -> &str {
    match &facts.suspicion {
        Some(suspicion) => &suspicion.words,
        // What holds is what held before; its reason is an old one.
        None if before == Verdict::Suspect && facts.settled == settled => {
            "a good look ended the suspicion; nobody is told"
        }
        None => &facts.reason.words,
    }
}

/// The text of a message as Slack shows it: what was escaped for Slack is read as it was meant.
fn as_read(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

fn since_start(now: Tick) -> String {
    let seconds = now.since(Tick::ZERO).as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// A folder that is gone when it is dropped.
#[derive(Debug)]
struct TemporaryFolder(std::path::PathBuf);

impl TemporaryFolder {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("hekate-demo-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "the temporary folder of the demo stays");
        }
    }
}
