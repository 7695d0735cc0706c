//! A pretend fleet and a pretend Slack on loopback, around the real thing.
//!
//! Nothing in hekate knows that it is a demo: the plan is the one of the shipped file with other addresses and a faster
//! tempo, and everything else runs as it does in production.

mod fleet;
mod gate;
mod logs;
mod stage;
mod story;
mod surroundings;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;

use self::{fleet::Fleet, stage::Stage, surroundings::Surroundings};
pub use self::{stage::preview, story::Story};
use crate::{
    app::{self, Options},
    clock::Clock,
    command::{
        self,
        text::{self, Look},
    },
    config::{
        self, Environment,
        script::{Doing, Script},
    },
    model::{
        Board, Plan, Policy, Secret, Tick, Verdict,
        board::Facts,
        judgement::Spans,
        logs::{CanaryPath, LogSource, LogStore},
        plan::{Check, Question, Target},
        witness::{Witness, WitnessQuestion},
    },
};

/// The shipped file.
const FILE: &str = include_str!("../../targets.yaml");
/// Its log source, of which the shipped file has none, because most people begin without.
const LOGS: &str = r#"
channels: { ops: "http://127.0.0.1:9/" }
log_sources:
  logs: { victorialogs: "http://127.0.0.1:9", canary: { loki_push: "http://127.0.0.1:9" } }
targets:
  - { name: blue, group: master, health: "http://127.0.0.1:9/", log_freshness: { source: logs, query: master/blue, max_age: 1m } }
  - { name: green, group: master, health: "http://127.0.0.1:9/", log_freshness: { source: logs, query: master/green, max_age: 1m } }
groups: { master: {} }
"#;
/// So that a story fits into a minute: looks every 2 s, and a confirmation of a few seconds.
const INTERVAL: Duration = Duration::from_secs(2);
/// How far the store of logs may be behind, and how long a log may be silent, at that tempo.
const LAG_LIMIT: Duration = Duration::from_secs(10);
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// So many hosts tell whether we see at all.
const STANDS: usize = 3;
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
    let secret = Secret::new("the pretend workspace's signing secret");
    let stage = Stage::open(
        SocketAddr::from(([127, 0, 0, 1], settings.port)),
        &plan,
        &around,
        secret.clone(),
    )
    .await
    .with_context(|| {
        format!(
            "the preview page at port {} (another one: --port)",
            settings.port
        )
    })?;
    let mut plan = staged(plan, &fleet, &around, &clock).await?;
    plan.slack.signing_secrets = vec![secret];
    folder.path().clone_into(&mut plan.store.path);
    stage.take_over(&mut plan);
    let plan = Arc::new(plan);
    let options = Options {
        source: None,
        environment: Environment::of::<&str, &str>([]),
        plan: Arc::clone(&plan),
        discovery: config::discovery::Discovery::default(),
    };
    let running = app::start(options).await.context("hekate itself")?;
    stage.connect(running.address);
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
    let messages = stage.count();
    running.stop().await;
    say(&format!(
        "\n{messages} messages in all. Next: write five lines of your own, `hekate validate`, `hekate run`.\n"
    ));
    Ok(())
}

/// What is printed at the beginning.
fn welcome(plan: &Plan, stage: &Stage, server: SocketAddr, story: &str) -> String {
    format!(
        "hekate {} demo — {} pretend targets on 127.0.0.1; nothing leaves this machine\n\
         \x20 Slack preview   http://{}/          (type /roih status there)\n\
         \x20 API             http://{server}/api/v1/status\n\
         \x20 why is it so    hekate explain master blue --server http://{server}\n\
         \x20 story           {story}\n\
         \x20 end             Ctrl-C\n\n",
        env!("CARGO_PKG_VERSION"),
        plan.targets.len(),
        stage.address,
    )
}

/// The shipped plan at the tempo of a demo, with a store of logs, and nowhere to go yet.
fn pretended() -> Plan {
    let environment = Environment::of::<&str, &str>([]).for_preview();
    let load = |name: &str, text: &str| config::load_text(name, text, &environment).plan;
    let shipped = load("targets.yaml", FILE).expect("the shipped file is good");
    let logs = load("logs.yaml", LOGS).expect("it is written here");
    let mut plan = Plan::clone(&shipped);
    plan.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    plan.slack.app_token = None;
    plan.slack.bot_token = None;
    plan.dead_man = None;
    let of_logs = |target: &Target| {
        let known = logs.targets.iter().find(|known| known.id == target.id)?;
        let mut checks = known.checks.iter();
        checks
            .find(|check| matches!(check.question, Question::LogFreshness(_)))
            .cloned()
    };
    let with_logs = plan.targets.iter().map(|target| {
        let mut target = Target::clone(target);
        target.checks.extend(of_logs(&target));
        Arc::new(target)
    });
    let is_store = |target: &&Arc<Target>| {
        let mut checks = target.checks.iter();
        checks.any(|check| matches!(check.question, Question::LogStore(_)))
    };
    let stores = logs.targets.iter().filter(is_store).cloned();
    plan.targets = with_logs.chain(stores).collect();
    let groups = logs.groups.iter();
    let is_new = |name| plan.groups.iter().all(|known| known.name != name);
    let groups: Vec<_> = groups
        .filter(|group| is_new(group.name.clone()))
        .cloned()
        .collect();
    plan.groups.extend(groups);
    for target in &mut plan.targets {
        for check in &mut Arc::make_mut(target).checks {
            hasten(check);
        }
    }
    plan
}

/// So that a story fits into a minute or two.
fn hasten(check: &mut Check) {
    check.policy = Policy {
        interval: INTERVAL,
        timeout: Duration::from_secs(1),
        spans: Spans {
            explicit: Duration::from_secs(4),
            refused: Duration::from_secs(4),
            silent: Duration::from_secs(5),
        },
        slow_after: Duration::from_millis(500),
        ..check.policy.clone()
    };
    if let Question::LogFreshness(question) = &mut check.question {
        Arc::make_mut(question).max_age = SILENCE_MAX;
    }
    if let Question::LogStore(question) = &mut check.question {
        let source = Arc::make_mut(&mut Arc::make_mut(question).source);
        (source.lag_limit, source.startup_grace) = (LAG_LIMIT, INTERVAL * 2);
        source.reorder_margin = Duration::ZERO;
    }
}

/// The plan with the addresses of all that pretends.
async fn staged(
    mut plan: Plan,
    fleet: &Fleet,
    around: &Surroundings,
    clock: &Clock,
) -> anyhow::Result<Plan> {
    let router = logs::router(around.clone(), clock.clone());
    let store = gate::serve(router, around.watch(), || true).await?;
    let store: url::Url = format!("http://{store}/").parse()?;
    for target in &mut plan.targets {
        let url = fleet.url_of(&target.id);
        for check in &mut Arc::make_mut(target).checks {
            if let (Question::Health(question), Some(url)) = (&mut check.question, &url) {
                Arc::make_mut(question).url = url.clone();
            }
            if let Question::LogStore(question) = &mut check.question {
                let source = &mut Arc::make_mut(question).source;
                reach(Arc::make_mut(source), &store);
            }
        }
    }
    let mut witnesses = Vec::new();
    for number in 1..=STANDS {
        let around = around.clone();
        let (changed, is_open) = (around.watch(), move || around.is_network_up());
        let address = gate::stand(changed, is_open)?;
        witnesses.push(Witness {
            name: format!("pretend host {number}"),
            question: WitnessQuestion::Connection {
                host: Secret::new(address.ip().to_string()),
                port: address.port(),
            },
        });
    }
    plan.witnesses = witnesses.into();
    Ok(plan)
}

fn reach(source: &mut LogSource, store: &url::Url) {
    if let LogStore::VictoriaLogs { http, .. } = &mut source.store {
        http.url = store.clone();
    }
    if let Some(canary) = &mut source.canary {
        canary.via = CanaryPath::LokiPush(store.clone());
    }
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
