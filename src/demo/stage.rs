//! The pretend Slack: takes webhooks, shows them as Slack would, and lets one type the slash command.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde_json::Value;
use tokio::net::TcpListener;

use super::{gate, surroundings::Surroundings};
use crate::{
    app::{self, Failure, Options, Running},
    clock::Clock,
    model::{ChannelName, Plan, Secret, Timestamp, plan::Destination},
    preview::{self, Answer, Channel, Page, Sent, View},
    slack::signature,
};

/// How often the page looks for news.
const REFRESH_AFTER: Duration = Duration::from_secs(2);
/// Messages kept; older ones are forgotten.
const KEPT: usize = 500;
/// Where the preview of `hekate run --slack preview` answers.
const PREVIEW_ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 7878);

/// A running pretend Slack; it ends with the runtime.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// Where it answers.
    pub(super) address: SocketAddr,
    /// Where it takes messages.
    hooks: SocketAddr,
    inside: Arc<Inside>,
}

#[derive(Debug)]
struct Inside {
    clock: Clock,
    command: String,
    secret: Secret,
    /// The channels in the order of the file: key and title.
    channels: Vec<(ChannelName, String)>,
    zone: chrono_tz::Tz,
    /// What people call those who can be mentioned.
    names: Vec<(String, String)>,
    messages: Mutex<Messages>,
    /// Where the real listener answers.
    server: OnceLock<SocketAddr>,
    client: reqwest::Client,
}

#[derive(Debug, Default)]
struct Messages {
    /// How many were ever taken.
    count: usize,
    shown: Vec<(ChannelName, Timestamp, Value)>,
    answer: Option<Answer>,
}

/// What follows the question mark.
#[derive(Debug, Default, serde::Deserialize)]
struct Asked {
    /// The key of the open channel.
    #[serde(default)]
    channel: String,
}

impl Stage {
    /// Opens the page.
    ///
    /// # Errors
    ///
    /// If the address is taken.
    pub(super) async fn open(
        address: SocketAddr,
        plan: &Plan,
        around: &Surroundings,
        secret: Secret,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(3))
            .build()?;
        let channels = plan
            .channels
            .values()
            .map(|channel| (channel.name.clone(), channel.title().to_owned()))
            .collect();
        let inside = Arc::new(Inside {
            clock: around.clock().clone(),
            command: plan.slack.command.clone(),
            secret,
            channels,
            zone: plan.server.timezone,
            names: preview::names_of(&plan.on_call),
            messages: Mutex::default(),
            server: OnceLock::new(),
            client,
        });
        let router = Router::new()
            .route("/", get(show).post(ask))
            .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
            .layer(DefaultBodyLimit::max(256 * 1024))
            .with_state(Arc::clone(&inside));
        // While our own network is away nobody gets to Slack, but people still read what is there.
        let hooks = Router::new()
            .route("/webhook/{channel}", post(take))
            .layer(DefaultBodyLimit::max(256 * 1024))
            .with_state(Arc::clone(&inside));
        let network = around.clone();
        let hooks = gate::serve(hooks, around.watch(), move || network.is_network_up()).await?;
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the preview page ended");
            }
        });
        Ok(Self {
            address,
            hooks,
            inside,
        })
    }

    /// Where the slash command is answered.
    pub(super) fn connect(&self, server: SocketAddr) {
        // Set once, right after the start.
        let _ = self.inside.server.set(server);
    }

    /// Sends every channel of the plan here.
    pub(super) fn take_over(&self, plan: &mut Plan) {
        for channel in plan.channels.values_mut() {
            let url = Secret::new(format!("http://{}/webhook/{}", self.hooks, channel.name));
            channel.destination = Destination::SlackWebhook { url };
        }
    }

    /// Somebody types this after the slash command; answers with what they read.
    pub(super) async fn type_in(&self, words: &str) -> Option<String> {
        let payload = match through_slack(&self.inside, words).await {
            Ok(payload) => payload,
            Err(why) => return Some(why),
        };
        payload["text"].as_str().map(str::to_owned)
    }

    /// How many messages were ever taken.
    pub(super) fn count(&self) -> usize {
        self.inside.messages().count
    }

    /// Channel and text of the messages after the first `known`.
    pub(super) fn texts_from(&self, known: usize) -> Vec<(String, String)> {
        let messages = self.inside.messages();
        let fresh = messages
            .count
            .saturating_sub(known)
            .min(messages.shown.len());
        messages.shown[messages.shown.len() - fresh..]
            .iter()
            .map(|(channel, _, payload)| {
                (
                    channel.to_string(),
                    payload["text"].as_str().unwrap_or_default().to_owned(),
                )
            })
            .collect()
    }
}

impl Inside {
    fn messages(&self) -> std::sync::MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts hekate with real targets and the pretend Slack.
///
/// # Errors
///
/// As [`app::start`], and if the preview's port is taken.
pub async fn preview(mut options: Options) -> Result<Running, Failure> {
    let address = SocketAddr::from(PREVIEW_ADDRESS);
    let secret = Secret::new("the pretend workspace's signing secret");
    let around = Surroundings::new(Clock::start());
    let stage = Stage::open(address, &options.plan, &around, secret.clone())
        .await
        .map_err(|error| Failure::Listen {
            address,
            source: std::io::Error::other(error.to_string()),
        })?;
    let mut plan = Plan::clone(&options.plan);
    plan.slack.signing_secrets = vec![secret];
    // The real Slack is not to ask, either.
    plan.slack.app_token = None;
    plan.slack.bot_token = None;
    stage.take_over(&mut plan);
    options.plan = Arc::new(plan);
    // A reload would bring the real channels back, so the file is not watched.
    options.source = None;
    let running = app::start(options).await?;
    stage.connect(running.address);
    tracing::info!(event = "preview", url = %format!("http://{address}/"), "messages go to the preview page only");
    Ok(running)
}

/// An incoming webhook.
async fn take(
    State(inside): State<Arc<Inside>>,
    Path(channel): Path<String>,
    body: Bytes,
) -> Response {
    let name = ChannelName::new(channel);
    if !inside.channels.iter().any(|(known, _)| *known == name) {
        return (StatusCode::NOT_FOUND, "no_service").into_response();
    }
    let Ok(payload) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "invalid_payload").into_response();
    };
    let now = inside.clock.now().at;
    let mut messages = inside.messages();
    messages.count += 1;
    messages.shown.push((name, now, payload));
    if messages.shown.len() > KEPT {
        messages.shown.remove(0);
    }
    "ok".into_response()
}

/// The page.
async fn show(State(inside): State<Arc<Inside>>, Query(asked): Query<Asked>) -> Response {
    let messages = inside.messages();
    let channels: Vec<Channel> = inside
        .channels
        .iter()
        .map(|(name, title)| Channel {
            key: name.to_string(),
            title: title.clone(),
            messages: messages
                .shown
                .iter()
                .filter(|(channel, ..)| channel == name)
                .map(|(_, at, payload)| Sent {
                    at: *at,
                    payload: payload.clone(),
                })
                .collect(),
        })
        .collect();
    let page = Page {
        channels: &channels,
        open: &asked.channel,
        answer: messages.answer.as_ref(),
        command: &inside.command,
        path: "/",
        refresh_after: REFRESH_AFTER,
        view: View {
            timezone: inside.zone,
            names: &inside.names,
        },
    };
    let html = preview::page(&page).into_string();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
    let headers: [(HeaderName, HeaderValue); 3] = [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(policy),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (headers, Html(html)).into_response()
}

/// What was typed goes through the real, signed way and comes back as Slack would show it.
async fn ask(State(inside): State<Arc<Inside>>, body: Bytes) -> Response {
    let field = |name: &str| {
        form_urlencoded::parse(&body)
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let typed = field("text");
    let words = typed.trim();
    let words = words
        .strip_prefix(inside.command.as_str())
        .unwrap_or(words)
        .trim()
        .to_owned();
    let payload = match through_slack(&inside, &words).await {
        Ok(payload) => payload,
        Err(why) => {
            serde_json::json!({ "text": format!("{} did not answer: {why}", inside.command) })
        }
    };
    let at = inside.clock.now().at;
    inside.messages().answer = Some(Answer {
        question: words,
        sent: Sent { at, payload },
    });
    let channel = form_urlencoded::Serializer::new(String::new())
        .append_pair("channel", &field("channel"))
        .finish();
    Redirect::to(&format!("/?{channel}")).into_response()
}

async fn through_slack(inside: &Inside, words: &str) -> Result<Value, String> {
    let server = inside.server.get().ok_or("hekate is still starting")?;
    let now = inside.clock.now().at;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("command", &inside.command)
        .append_pair("text", words)
        .append_pair("user_id", "U0PREVIEW")
        .append_pair("channel_id", "C0PREVIEW")
        .append_pair("team_id", "T0PREVIEW")
        .append_pair("trigger_id", &now.as_millis().to_string())
        .append_pair(
            "response_url",
            "https://hooks.slack.com/commands/T0PREVIEW/1/preview",
        )
        .finish();
    let timestamp = now.as_seconds().to_string();
    let signed = signature::sign(&inside.secret, &timestamp, form.as_bytes());
    let told = |error: reqwest::Error| error.without_url().to_string();
    let response = inside
        .client
        .post(format!("http://{server}/slack/command"))
        .header("X-Slack-Request-Timestamp", timestamp)
        .header("X-Slack-Signature", signed)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .map_err(told)?;
    let bytes = response.bytes().await.map_err(told)?;
    serde_json::from_slice(&bytes).map_err(|_| String::from("the answer is no JSON"))
}
