//! What is told: a stand-in for Slack's incoming webhooks that remembers every message and misbehaves on request.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

use super::{
    wait::until,
    wire::{Request, read_request, respond, until_closed},
};

/// The pace at which Slack takes messages of a channel; a little less, for two clocks never agree.
const SECOND: Duration = Duration::from_millis(900);

/// What it does with a message that it has read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reaction {
    /// Takes it.
    Ok,
    /// Takes it, and takes its time.
    SlowOk,
    /// Answers 500; it may have taken it.
    Broken,
    /// Asks for so many seconds of peace.
    Throttled(u64),
    /// Takes one message a second, and asks for a second of peace otherwise, as Slack does.
    OneASecond,
    /// Says nothing.
    Hang,
    /// Resets the connection.
    Reset,
    /// Answers with a page that is not its own.
    Garbage,
    /// Says that the webhook was removed.
    NoService,
    /// Quotes the address that it was asked for, as error pages do.
    Quote,
}

/// A message that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) channel: String,
    pub(crate) text: String,
    pub(crate) payload: Value,
    pub(crate) head: String,
    pub(crate) reaction: Reaction,
    pub(crate) at: Instant,
}

impl Told {
    /// The id of its incident.
    pub(crate) fn id(&self) -> &str {
        let (_, rest) = self.text.rsplit_once('#').unwrap_or_else(|| {
            panic!("this message names no incident: {}", self.text);
        });
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        &rest[..end.unwrap_or(rest.len())]
    }

    pub(crate) fn is_down(&self) -> bool {
        self.text.starts_with("DOWN: ")
    }

    pub(crate) fn is_up(&self) -> bool {
        self.text.starts_with("UP AGAIN: ")
    }

    pub(crate) fn is_repeat(&self) -> bool {
        self.text.contains("(repeat: first delivery unconfirmed)")
    }

    pub(crate) fn is_taken(&self) -> bool {
        matches!(
            self.reaction,
            Reaction::Ok | Reaction::SlowOk | Reaction::OneASecond
        )
    }
}

/// The stand-in.
#[derive(Clone)]
pub(crate) struct Receiver {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
}

#[derive(Default)]
struct Book {
    told: Vec<Told>,
    /// The next reactions by channel; the last one holds on.
    reactions: HashMap<String, VecDeque<Reaction>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into()).await
    }

    /// At an address where nobody listens.
    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address)
            .await
            .expect("nobody listens there");
        let receiver = Self {
            address: listener.local_addr().expect("it is bound"),
            book: Arc::default(),
        };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        receiver
    }

    /// The webhook of a channel; what follows a `-` in the last part names nothing.
    pub(crate) fn url(&self, channel: &str) -> String {
        format!("http://{}/services/T0/B0/{channel}", self.address)
    }

    /// Lets a channel react so to its next messages; the last reaction holds on.
    pub(crate) fn react(&self, channel: &str, reactions: &[Reaction]) {
        let reactions = reactions.iter().copied().collect();
        self.book().reactions.insert(channel.to_owned(), reactions);
    }

    /// All that arrived so far, in its order.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.book().told.clone()
    }

    /// All that arrived for a channel so far.
    pub(crate) fn told_to(&self, channel: &str) -> Vec<Told> {
        let mut told = self.told();
        told.retain(|told| told.channel == channel);
        told
    }

    /// Waits for a message for this channel that is like this.
    pub(crate) async fn hear(
        &self,
        channel: &str,
        what: &str,
        is_it: impl Fn(&Told) -> bool,
    ) -> Told {
        until(&format!("{channel} hears {what}"), async || {
            self.told_to(channel).into_iter().find(&is_it)
        })
        .await
    }

    /// Waits until this channel hears that something is down, and has taken it.
    pub(crate) async fn hear_down(&self, channel: &str) -> Told {
        self.hear(channel, "of an outage", |told| {
            told.is_down() && told.is_taken()
        })
        .await
    }

    /// Waits until this channel hears that this incident is over.
    pub(crate) async fn hear_up(&self, channel: &str, id: &str) -> Told {
        self.hear(channel, "of its end", |told| {
            told.is_up() && told.is_taken() && told.id() == id
        })
        .await
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, request: &Request) -> Reaction {
        let last = request.path.rsplit('/').next().unwrap_or_default();
        let channel = last.split('-').next().unwrap_or_default().to_owned();
        let payload: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let mut book = self.book();
        let reaction = match book.reactions.get_mut(&channel) {
            Some(reactions) if reactions.len() > 1 => reactions.pop_front(),
            Some(reactions) => reactions.front().copied(),
            None => None,
        };
        let mut reaction = reaction.unwrap_or(Reaction::Ok);
        let mut before = book.told.iter().filter(|told| told.channel == channel);
        let is_soon = before.any(|told| told.is_taken() && told.at.elapsed() < SECOND);
        if reaction == Reaction::OneASecond && is_soon {
            reaction = Reaction::Throttled(1);
        }
        book.told.push(Told {
            channel,
            text: payload["text"].as_str().unwrap_or_default().to_owned(),
            payload,
            head: request.head.clone(),
            reaction,
            at: Instant::now(),
        });
        reaction
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some(request) = read_request(&mut stream).await else {
            return;
        };
        match self.note(&request) {
            Reaction::Ok | Reaction::OneASecond => respond(&mut stream, 200, "", "ok").await,
            Reaction::SlowOk => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                respond(&mut stream, 200, "", "ok").await;
            }
            Reaction::Broken => respond(&mut stream, 500, "", "rollup_error").await,
            Reaction::Throttled(seconds) => {
                let after = format!("Retry-After: {seconds}\r\n");
                respond(&mut stream, 429, &after, "rate_limited").await;
            }
            Reaction::Hang => until_closed(&mut stream).await,
            Reaction::Reset => {
                stream.set_zero_linger().expect("it is a socket");
            }
            Reaction::Garbage => {
                respond(&mut stream, 200, "", "<html>Please log in</html>").await;
            }
            Reaction::NoService => respond(&mut stream, 404, "", "no_service").await,
            Reaction::Quote => {
                let body = format!("Cannot POST {}", request.path);
                respond(&mut stream, 404, "", &body).await;
            }
        }
    }
}
