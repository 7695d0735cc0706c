//! The pretend Slack: takes what hekate says, shows it as Slack would, and hands over what is typed and pressed.

mod guard;
mod page;
mod slack;
mod way;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{RngExt as _, rngs::StdRng};
use tokio::{net::TcpListener, sync::watch};

use super::{gate, surroundings::Surroundings};
use crate::{
    clock::Clock,
    model::{Channel, Plan, Secret, Timestamp, plan::Destination, witness::WitnessQuestion},
    preview::{
        self,
        workspace::{Post, Workspace},
    },
};

/// How long the pretend Slack waits for hekate, as Slack does.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// Who looks at the Home tab opens it again after so long; Slack shows one that is open as it was.
const HOME_AFTER_MILLIS: i64 = 5_000;
/// Letters of a secret that is made up: 160 bits.
const SECRET_LETTERS: usize = 40;

/// By what a workspace is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tier {
    /// Every channel by a bot.
    Bot,
    /// Every channel by a webhook.
    Webhook,
    /// Every channel as the file has it; what is no channel of Slack's by a webhook.
    File,
}

impl Tier {
    const fn key(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Webhook => "webhook",
            Self::File => "file",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Bot => "Bot",
            Self::Webhook => "Webhooks only",
            Self::File => "As in the file",
        }
    }
}

/// A running pretend Slack with a workspace for each tier; it ends with the runtime.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// Where the page answers.
    pub(super) address: SocketAddr,
    inside: Arc<Inside>,
}

#[derive(Debug)]
struct Inside {
    clock: Clock,
    /// What the page's forms have to show.
    token: Secret,
    tiers: Vec<Pretend>,
    titles: Vec<(&'static str, &'static str)>,
    /// Where hekate reaches the pretend Slack.
    slack: OnceLock<SocketAddr>,
    client: reqwest::Client,
}

/// One workspace, with all that it takes to play Slack for one hekate.
#[derive(Debug)]
struct Pretend {
    tier: Tier,
    bot_token: Secret,
    signing_secret: Secret,
    workspace: Mutex<Workspace>,
    manners: Mutex<Manners>,
    /// Where hekate answers.
    server: OnceLock<SocketAddr>,
    /// Says that an answer came.
    answered: watch::Sender<()>,
    /// No two commands are the same.
    commands: AtomicU64,
    /// When the Home tab was opened last, in milliseconds since 1970.
    home_opened_at: AtomicI64,
}

/// What the file says of how the page looks.
#[derive(Clone, Debug)]
struct Manners {
    command: String,
    zone: chrono_tz::Tz,
    /// What people call those who can be mentioned.
    names: Vec<(String, String)>,
}

impl Stage {
    /// Opens the page, and the ways on which hekate reaches the pretend Slack.
    ///
    /// # Errors
    ///
    /// If the address is taken.
    pub(super) async fn open(
        address: SocketAddr,
        tiers: &[Tier],
        around: &Surroundings,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .build()
            .map_err(|error| std::io::Error::other(error.without_url()))?;
        let inside = Arc::new(Inside {
            clock: around.clock().clone(),
            token: made_up(),
            tiers: tiers.iter().copied().map(Pretend::new).collect(),
            titles: tiers
                .iter()
                .map(|tier| (tier.key(), tier.title()))
                .collect(),
            slack: OnceLock::new(),
            client,
        });
        // While our own network is away nobody gets to Slack, but people still read what is there.
        let network = around.clone();
        let router = slack::router(Arc::clone(&inside));
        let slack = gate::serve(router, around.watch(), move || network.is_network_up()).await?;
        // Nobody else sets it.
        let _ = inside.slack.set(slack);
        let router = page::router(Arc::clone(&inside));
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the preview page ended");
            }
        });
        Ok(Self { address, inside })
    }

    /// Says where the hekate of this tier takes what is typed and pressed.
    pub(super) fn connect(&self, tier: Tier, server: SocketAddr) {
        if let Some(pretend) = self.inside.tier_of(tier) {
            // Set once, right after the start.
            let _ = pretend.server.set(server);
        }
    }

    /// The same plan with everything of Slack's replaced by this tier: nothing that the file says of Slack is used or called.
    pub(super) fn take_over(&self, tier: Tier, plan: &mut Plan) {
        let Some(pretend) = self.inside.tier_of(tier) else {
            return;
        };
        forget_receivers(plan);
        let channels: Vec<_> = plan
            .channels
            .values()
            .map(|channel| (channel.name.to_string(), channel.title().to_owned()))
            .collect();
        let mut workspace = pretend.workspace();
        workspace.furnish(&channels);
        let base_url = self.inside.base_url(tier);
        for channel in plan.channels.values_mut() {
            channel.destination = pretend.destination(channel, &workspace, &base_url);
        }
        drop(workspace);
        plan.slack.signing_secrets = vec![pretend.signing_secret.clone()];
        plan.slack.app_token = None;
        // Without one nothing can be opened, and nobody can say who is in a user group.
        let has_bot = match tier {
            Tier::Bot => true,
            Tier::File => plan.slack.bot_token.is_some(),
            Tier::Webhook => false,
        };
        plan.slack.bot_token = has_bot.then(|| pretend.bot_token.clone());
        plan.slack.team_id = None;
        plan.slack.base_url = base_url;
        *pretend.manners() = Manners {
            command: plan.slack.command.clone(),
            zone: plan.server.timezone,
            names: preview::names_of(&plan.on_call),
        };
    }

    /// Somebody types this after the slash command, in every workspace; gives what they read in the first one.
    pub(super) async fn type_in(&self, words: &str) -> Option<String> {
        let mut first = None;
        for pretend in &self.inside.tiers {
            let read = self.inside.story_types(pretend, words).await;
            first = first.or(read);
        }
        first
    }

    /// How many posts the first workspace ever had.
    pub(super) fn count(&self) -> usize {
        let first = self.inside.tiers.first();
        first.map_or(0, |pretend| pretend.workspace().count())
    }

    /// How many messages everybody could see in the first workspace.
    pub(super) fn told(&self) -> usize {
        let first = self.inside.tiers.first();
        first.map_or(0, |pretend| pretend.workspace().told())
    }

    /// What was posted in the first workspace after the first `known` posts.
    pub(super) fn posts_from(&self, known: usize) -> Vec<Post> {
        let first = self.inside.tiers.first();
        first.map_or_else(Vec::new, |pretend| {
            pretend.workspace().posts_from(known).cloned().collect()
        })
    }
}

impl Inside {
    fn tier_of(&self, tier: Tier) -> Option<&Pretend> {
        self.tiers.iter().find(|pretend| pretend.tier == tier)
    }

    /// The workspace with this key, else the first one.
    fn tier(&self, key: &str) -> Option<&Pretend> {
        let named = self.named(key);
        named.or_else(|| self.tiers.first())
    }

    fn named(&self, key: &str) -> Option<&Pretend> {
        self.tiers.iter().find(|pretend| pretend.tier.key() == key)
    }

    /// Where Slack's methods are for this tier.
    fn base_url(&self, tier: Tier) -> String {
        let slack = self.slack.get().map(ToString::to_string);
        format!("http://{}/{}", slack.unwrap_or_default(), tier.key())
    }

    /// Below this address answers are taken.
    fn answers_at(&self, tier: Tier) -> String {
        format!("{}/response", self.base_url(tier))
    }
}

impl Pretend {
    fn new(tier: Tier) -> Self {
        let bot_token = Secret::new(format!("xoxb-{}", made_up().expose()));
        let mut workspace = Workspace::new(bot_token.clone());
        match tier {
            Tier::Bot | Tier::Webhook => workspace.admit_reader(),
            // What is done there is real, and obeys whom the file names.
            Tier::File => {}
        }
        Self {
            tier,
            workspace: Mutex::new(workspace),
            bot_token,
            signing_secret: made_up(),
            manners: Mutex::new(Manners {
                command: String::from("/roih"),
                zone: chrono_tz::UTC,
                names: Vec::new(),
            }),
            server: OnceLock::new(),
            answered: watch::Sender::new(()),
            commands: AtomicU64::new(1),
            home_opened_at: AtomicI64::new(0),
        }
    }

    fn workspace(&self) -> MutexGuard<'_, Workspace> {
        // A panic in there leaves at worst a message too few.
        self.workspace
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn manners(&self) -> MutexGuard<'_, Manners> {
        self.manners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another word for every command.
    fn trigger(&self) -> String {
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        format!("preview.{}.{number}", self.tier.key())
    }

    /// Whether the Home tab is to be shown anew: it was not for a while, and somebody looks at it.
    fn is_home_due(&self, now: Timestamp) -> bool {
        let now = now.as_millis();
        let before = self.home_opened_at.load(Ordering::Relaxed);
        let is_due = now - before >= HOME_AFTER_MILLIS;
        if is_due {
            self.home_opened_at.store(now, Ordering::Relaxed);
        }
        is_due
    }

    /// How a channel is reached in this tier.
    fn destination(&self, channel: &Channel, workspace: &Workspace, base_url: &str) -> Destination {
        let key = channel.name.as_str();
        let hook = Secret::new(format!("{base_url}/hook/{key}"));
        let by_bot = |spare| Destination::SlackBot {
            channel: workspace
                .room(key)
                .map_or_else(String::new, |room| room.id.clone()),
            token: self.bot_token.clone(),
            base_url: base_url.to_owned(),
            spare,
        };
        match (self.tier, &channel.destination) {
            (Tier::Bot, _) => by_bot(None),
            (Tier::File, Destination::SlackBot { spare, .. }) => {
                by_bot(spare.as_ref().map(|_real| hook))
            }
            (Tier::File, Destination::SlackWebhook { .. } | Destination::SignedWebhook { .. })
            | (Tier::Webhook, _) => Destination::SlackWebhook { url: hook },
        }
    }
}

/// Asks no witness that is only there because a channel's messages go that way: they do not.
fn forget_receivers(plan: &mut Plan) {
    let place_of = |channel: &Channel| {
        let url = match &channel.destination {
            Destination::SlackWebhook { url } | Destination::SignedWebhook { url, .. } => {
                url.expose()
            }
            Destination::SlackBot { base_url, .. } => base_url,
        };
        let url = url::Url::parse(url).ok()?;
        Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
    };
    let places: Vec<_> = plan.channels.values().filter_map(place_of).collect();
    let is_other = |question: &WitnessQuestion| match question {
        WitnessQuestion::Connection { host, port } => !places
            .iter()
            .any(|(known, at)| known.trim_matches(['[', ']']) == host.expose() && at == port),
        WitnessQuestion::Name(_) | WitnessQuestion::Gateway | WitnessQuestion::Loopback => true,
    };
    let witnesses = plan.witnesses.iter();
    plan.witnesses = witnesses
        .filter(|witness| is_other(&witness.question))
        .cloned()
        .collect();
}

/// A secret that nobody knew before.
fn made_up() -> Secret {
    let mut chance: StdRng = rand::make_rng();
    let digit = |_| char::from_digit(chance.random_range(0..16), 16).unwrap_or('0');
    Secret::new((0..SECRET_LETTERS).map(digit).collect::<String>())
}
