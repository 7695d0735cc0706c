//! A stand-in for Slack's Web API as a bot sees it: messages that are posted, edited, found, and answers that never come.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    wait::until,
    wire::{Request, read_request, respond, until_closed},
};

/// The only token that it takes.
pub(crate) const BOT_TOKEN: &str = "xoxb-0123456789-canary-of-the-bot";
/// The only channel that it has, by name and by id.
pub(crate) const CHANNEL: &str = "#core-alerts";
const CHANNEL_ID: &str = "C0CORE0001";

/// What it does with the next call of a method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Does {
    /// As it is asked, and answers.
    Well,
    /// As it is asked, and never answers.
    Hangs,
    /// Nothing, with this error.
    Refuses(&'static str),
}

/// A message as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) ts: String,
    pub(crate) thread: Option<String>,
    pub(crate) payload: Value,
    pub(crate) edits: usize,
}

impl Message {
    pub(crate) fn text(&self) -> &str {
        self.payload["text"].as_str().unwrap_or_default()
    }
}

#[derive(Default)]
struct Book {
    messages: Vec<Message>,
    direct: Vec<Value>,
    calls: Vec<String>,
    script: VecDeque<(&'static str, Does)>,
    always: Option<&'static str>,
}

/// The stand-in.
#[derive(Clone)]
pub(crate) struct Workspace {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
}

impl Workspace {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("the loopback interface is there");
        let workspace = Self {
            address: listener.local_addr().expect("it is bound"),
            book: Arc::default(),
        };
        let serving = workspace.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        workspace
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets the next call of this method go so.
    pub(crate) fn next(&self, method: &'static str, does: Does) {
        self.book().script.push_back((method, does));
    }

    /// Refuses everything with this error from now on, or nothing any more.
    pub(crate) fn refuse_all(&self, error: Option<&'static str>) {
        self.book().always = error;
    }

    /// The messages of the channel, as they are now.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.book().messages.clone()
    }

    /// What people were told alone.
    pub(crate) fn direct(&self) -> Vec<Value> {
        self.book().direct.clone()
    }

    /// Those that are no lines of a thread.
    pub(crate) fn top(&self) -> Vec<Message> {
        let mut messages = self.messages();
        messages.retain(|message| message.thread.is_none());
        messages
    }

    /// The lines of the threads.
    pub(crate) fn lines(&self) -> Vec<Message> {
        let mut messages = self.messages();
        messages.retain(|message| message.thread.is_some());
        messages
    }

    /// The methods that were called, in their order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.book().calls.clone()
    }

    /// Waits until the first message of the channel begins so.
    pub(crate) async fn shows(&self, beginning: &str) -> Message {
        until(&format!("the channel shows {beginning}"), async || {
            let first = self.top().into_iter().next()?;
            first.text().starts_with(beginning).then_some(first)
        })
        .await
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some(request) = read_request(&mut stream).await else {
            return;
        };
        match self.answer(&request) {
            Some(answer) => {
                let headers = "Content-Type: application/json\r\nX-OAuth-Scopes: chat:write,chat:write.public,channels:read,groups:read\r\n";
                respond(&mut stream, 200, headers, &answer.to_string()).await;
            }
            None => until_closed(&mut stream).await,
        }
    }

    /// The answer, if there is to be one.
    fn answer(&self, request: &Request) -> Option<Value> {
        let method = request.path.trim_start_matches("/api/").to_owned();
        let is_known = request.header("authorization") == Some(&format!("Bearer {BOT_TOKEN}"));
        let mut book = self.book();
        book.calls.push(method.clone());
        let no = |error: &str| Some(json!({ "ok": false, "error": error }));
        if !is_known {
            return no("invalid_auth");
        }
        let place = book.script.iter().position(|(of, _)| *of == method);
        let does = place.and_then(|place| book.script.remove(place));
        let does = match (book.always, does) {
            (Some(error), _) => Does::Refuses(error),
            (None, Some((_, does))) => does,
            (None, None) => Does::Well,
        };
        if let Does::Refuses(error) = does {
            return no(error);
        }
        let answer = book.act(&method, request);
        (does == Does::Well).then_some(answer)
    }
}

impl Book {
    fn act(&mut self, method: &str, request: &Request) -> Value {
        let json: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let form: Vec<_> = form_urlencoded::parse(&request.body).into_owned().collect();
        let field = |name: &str| {
            let found = form.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        match method {
            "auth.test" => {
                json!({ "ok": true, "user": "hekate", "team": "Example", "team_id": "T0", "bot_id": "B0" })
            }
            "conversations.list" => json!({ "ok": true, "channels": [
                { "id": "C0OTHER", "name": "random", "is_member": false },
                { "id": CHANNEL_ID, "name": CHANNEL.trim_start_matches('#'), "is_member": true },
            ] }),
            "usergroups.users.list" => {
                assert_eq!(field("usergroup"), "S0CORE01");
                json!({ "ok": true, "users": ["U1", "U2"] })
            }
            "chat.postMessage" => self.post(json),
            "chat.update" => {
                let found = self
                    .messages
                    .iter_mut()
                    .find(|message| json["ts"] == message.ts.as_str());
                let Some(message) = found.filter(|_| json["channel"] == CHANNEL_ID) else {
                    return json!({ "ok": false, "error": "message_not_found" });
                };
                message.payload = json;
                message.edits += 1;
                json!({ "ok": true, "channel": CHANNEL_ID, "ts": message.ts })
            }
            "conversations.history" | "conversations.replies" => {
                assert_eq!(field("channel"), CHANNEL_ID);
                assert_eq!(field("include_all_metadata"), "true");
                let thread = (method == "conversations.replies").then(|| field("ts"));
                let messages = self
                    .messages
                    .iter()
                    .filter(|message| message.thread == thread);
                let messages: Vec<_> = messages
                    .map(|message| {
                        json!({ "ts": message.ts, "metadata": message.payload["metadata"] })
                    })
                    .collect();
                json!({ "ok": true, "messages": messages })
            }
            _ => json!({ "ok": false, "error": "unknown_method" }),
        }
    }

    fn post(&mut self, payload: Value) -> Value {
        if payload["channel"]
            .as_str()
            .is_some_and(|to| to.starts_with("U0"))
        {
            let ts = format!("1792929349.{:06}", self.direct.len());
            self.direct.push(payload);
            return json!({ "ok": true, "channel": "D0DIRECT", "ts": ts });
        }
        if payload["channel"] != CHANNEL && payload["channel"] != CHANNEL_ID {
            return json!({ "ok": false, "error": "channel_not_found" });
        }
        let ts = format!("1792929348.{:06}", self.messages.len());
        self.messages.push(Message {
            ts: ts.clone(),
            thread: payload["thread_ts"].as_str().map(str::to_owned),
            payload,
            edits: 0,
        });
        json!({ "ok": true, "channel": CHANNEL_ID, "ts": ts })
    }
}
