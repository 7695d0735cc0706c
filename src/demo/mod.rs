//! A pretend fleet and a pretend Slack on loopback, around the real thing.
//!
//! Nothing in hekate knows that it is a demo: the plan is the one of the shipped file with other addresses and a faster
//! tempo, and everything else runs as it does in production.

mod fleet;
mod gate;
mod logs;
mod place;
mod plan;
mod preview;
mod stage;
mod story;
mod surroundings;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;

use self::{
    fleet::Fleet,
    plan::{pretended, staged},
    stage::{Stage, Tier},
    surroundings::Surroundings,
};
pub use self::{
    place::{NoPlace, Place},
    preview::preview,
    story::Story,
};
use crate::{
    app::{self, Options, Running, Staging},
    clock::Clock,
    command::{
        self,
        text::{self, Look},
    },
    config::{
        self, Environment,
        script::{Doing, Script},
    },
    model::{Board, Plan, Tick, Verdict, board::Facts},
    preview::workspace::Post,
};

/// How often the terminal is told what changed.
const GLANCE: Duration = Duration::from_millis(250);

/// How to play.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Where the preview page answers; 0 for any.
    pub port: u16,
    /// What happens.
    pub story: Story,
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
    let plan = pretended();
    let script = settings.story.script(&plan).map_err(anyhow::Error::msg)?;
    let clock = Clock::start();
    let around = Surroundings::new(clock.clone());
    let fleet = Fleet::open(&plan, &around)
        .await
        .context("the pretend fleet")?;
    let page = SocketAddr::from(([127, 0, 0, 1], settings.port));
    let stage = Stage::open(page, &[Tier::Bot, Tier::Webhook], &around)
        .await
        .with_context(|| {
            format!(
                "the preview page at port {} (another one: --port)",
                settings.port
            )
        })?;
    // The same is told to both, by a hekate each: to a bot's workspace, and to one with webhooks only.
    let play = Play {
        plan: &plan,
        fleet: &fleet,
        around: &around,
        stage: &stage,
        folder: folder.path(),
    };
    let running = play.begin(Tier::Bot).await.context("hekate itself")?;
    let beside = play
        .begin(Tier::Webhook)
        .await
        .context("hekate with webhooks only")?;
    say(&welcome(&plan, &stage, running.address, &script.name));
    let watching = watch(&running.board, &clock, &stage, &plan, settings, &say);
    let telling = tell(&script, &clock, &around, &stage, &say);
    let limit = async {
        match settings.end_after {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = watching => {}
        () = telling => {}
        () = limit => {}
        () = end => {}
    }
    let messages = match stage.told() {
        1 => String::from("1 message"),
        several => format!("{several} messages"),
    };
    tokio::join!(running.stop(), beside.stop());
    say(&format!(
        "\n{messages} in all. Next: write five lines of your own, `hekate validate`, `hekate run`.\n"
    ));
    Ok(())
}

/// All that pretends, around which a hekate runs.
struct Play<'a> {
    plan: &'a Plan,
    fleet: &'a Fleet,
    around: &'a Surroundings,
    stage: &'a Stage,
    folder: &'a Path,
}

impl Play<'_> {
    /// Starts a hekate that tells the workspace of this tier.
    async fn begin(&self, tier: Tier) -> anyhow::Result<Running> {
        let clock = self.around.clock();
        let mut plan = staged(self.plan.clone(), self.fleet, self.around, clock).await?;
        plan.store.path = self.folder.join(match tier {
            Tier::Bot | Tier::File => "bot",
            Tier::Webhook => "webhook",
        });
        self.stage.take_over(tier, &mut plan);
        let options = Options {
            source: None,
            environment: Environment::of::<&str, &str>([]),
            plan: Arc::new(plan),
            discovery: config::discovery::Discovery::default(),
            staging: Staging::default(),
        };
        let running = app::start(options).await?;
        self.stage.connect(tier, running.address);
        Ok(running)
    }
}

/// What is printed at the beginning.
fn welcome(plan: &Plan, stage: &Stage, server: SocketAddr, story: &str) -> String {
    format!(
        "hekate {} demo — {} pretend targets on 127.0.0.1; nothing leaves this machine\n\
         \x20 Slack preview   http://{}/          (press buttons, type /roih status)\n\
         \x20 status page     http://{server}/\n\
         \x20 API             http://{server}/api/v1/status\n\
         \x20 why is it so    hekate explain master blue --server http://{server}\n\
         \x20 story           {story}\n\
         \x20 end             Ctrl-C\n\n",
        env!("CARGO_PKG_VERSION"),
        plan.targets.len(),
        stage.address,
    )
}

/// Lets the story happen, again and again.
async fn tell(
    script: &Script,
    clock: &Clock,
    around: &Surroundings,
    stage: &Stage,
    say: &impl Fn(&str),
) {
    loop {
        let begun = tokio::time::Instant::now();
        for step in &script.steps {
            tokio::time::sleep_until(begun + step.after).await;
            around.turn(&step.doing);
            if let Doing::Command { words } = &step.doing {
                let answer = stage.type_in(words).await;
                let at = since_start(clock.now().tick);
                say(&format!("[{at}] somebody types: {words}\n"));
                if let Some(answer) = answer {
                    say(&format!("[{at}] and reads: {}\n", as_read(&answer)));
                }
            }
        }
        tokio::time::sleep_until(begun + script.ends_after).await;
    }
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
            for post in stage.posts_from(told) {
                if let Some(line) = heard(&post) {
                    say(&format!("[{}] {line}\n", since_start(now.tick)));
                }
            }
            told = messages;
            if let command::Reply::Status(status) = command::ask(&board, "", now.at, "hekate") {
                say(&format!("\n{}\n", text::grid(&status, look)));
            }
        }
    }
}

/// What everybody hears by a post; nothing, if it was for the reader of the page.
fn heard(post: &Post) -> Option<String> {
    if post.is_private() {
        return None;
    }
    let how = if post.is_in_channel() {
        "hears"
    } else {
        "has in a thread"
    };
    let text = as_read(post.payload["text"].as_str().unwrap_or_default());
    Some(format!("#{} {how}: {text}", post.room))
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
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("hekate-demo-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
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
