//! A stand-in for Slack's side of Socket Mode: it gives addresses, holds connections, asks, and misbehaves on request.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::Instant,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

use crate::{
    wait::until,
    wire::{Request, read_request, respond},
};

/// A token that it takes.
pub(crate) const TOKEN: &str = "xapp-1-A0123456789-0123456789-0123456789abcdef";

/// The token of the bot that it takes.
pub(crate) const BOT_TOKEN: &str = "xoxb-0123456789-canary-of-the-speaker";

/// What it says to a call of the bot.
#[derive(Clone, Debug)]
pub(crate) enum Bid {
    /// It is done, and nobody hears of it.
    Lost,
    /// An error of this name.
    Error(&'static str),
    /// So many seconds of peace.
    Throttled(u64),
}

/// What it says to the wish for a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Open {
    /// Its own address, if the token is right.
    Ok,
    /// An error of this name.
    Error(&'static str),
    /// So many seconds of peace.
    Throttled(u64),
    /// 500 and a page.
    Broken,
    /// This address.
    Elsewhere(&'static str),
}

/// When it says hello.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hello {
    AtOnce,
    After(Duration),
}

/// What a connection is told to do.
enum Order {
    Say(Message),
    Reset,
    /// Ends it in order.
    Close,
    /// Reads nothing and says nothing any more.
    FallSilent,
}

/// What happened on the connections, in its order.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// Hello was said.
    Greeted(usize),
    /// The other side closed it, or it broke.
    Ended(usize),
}

/// The stand-in.
#[derive(Clone)]
pub(crate) struct StandIn {
    http: SocketAddr,
    socket: SocketAddr,
    book: Arc<Mutex<Book>>,
}

struct Book {
    token: String,
    opens: Vec<Instant>,
    /// The next reactions; the last one holds on.
    reactions: VecDeque<Open>,
    hello: Hello,
    orders: Vec<mpsc::UnboundedSender<Order>>,
    happenings: Vec<(Instant, Happening)>,
    /// What was acknowledged: on which connection, and how.
    said: Vec<(usize, Value)>,
    responses: Vec<Value>,
    /// What the bot did: the method, and its arguments.
    calls: Vec<(String, Value)>,
    /// Who is in every user group.
    members: Vec<&'static str>,
    /// What is said to the next calls of a method that are not answered well.
    bids: VecDeque<(&'static str, Bid)>,
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        let bound = async || TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (http, socket) = (bound().await, bound().await);
        let stand_in = Self {
            http: http.local_addr().expect("it is bound"),
            socket: socket.local_addr().expect("it is bound"),
            book: Arc::new(Mutex::new(Book {
                token: TOKEN.to_owned(),
                opens: Vec::new(),
                reactions: VecDeque::from([Open::Ok]),
                hello: Hello::AtOnce,
                orders: Vec::new(),
                happenings: Vec::new(),
                said: Vec::new(),
                responses: Vec::new(),
                calls: Vec::new(),
                members: Vec::new(),
                bids: VecDeque::new(),
            })),
        };
        let serving = stand_in.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = http.accept().await {
                tokio::spawn(serving.clone().answer(stream));
            }
        });
        let serving = stand_in.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(serving.clone().hold(stream));
            }
        });
        stand_in
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// An address for late answers.
    pub(crate) fn response_url(&self) -> String {
        format!("http://{}/response", self.http)
    }

    pub(crate) fn react(&self, reactions: &[Open]) {
        self.book().reactions = reactions.iter().cloned().collect();
    }

    pub(crate) fn greet(&self, hello: Hello) {
        self.book().hello = hello;
    }

    /// Takes this token and no other from now on.
    pub(crate) fn take_token(&self, token: &str) {
        token.clone_into(&mut self.book().token);
    }

    /// When a connection was wished for.
    pub(crate) fn opens(&self) -> Vec<Instant> {
        self.book().opens.clone()
    }

    pub(crate) fn happenings(&self) -> Vec<(Instant, Happening)> {
        self.book().happenings.clone()
    }

    /// The connections that were greeted and have not ended.
    pub(crate) fn open_lines(&self) -> Vec<usize> {
        let mut open = Vec::new();
        for (_, happening) in self.happenings() {
            match happening {
                Happening::Greeted(line) => open.push(line),
                Happening::Ended(line) => open.retain(|known| *known != line),
            }
        }
        open
    }

    /// Waits until exactly these many connections are open.
    pub(crate) async fn has_lines(&self, count: usize) -> Vec<usize> {
        until(&format!("{count} connections are open"), async || {
            let open = self.open_lines();
            (open.len() == count).then_some(open)
        })
        .await
    }

    pub(crate) fn say(&self, line: usize, text: &str) {
        self.order(line, Order::Say(Message::text(text)));
    }

    pub(crate) fn say_bytes(&self, line: usize, bytes: &'static [u8]) {
        self.order(line, Order::Say(Message::binary(bytes)));
    }

    pub(crate) fn disconnect(&self, line: usize, reason: &str) {
        let message = json!({ "type": "disconnect", "reason": reason, "debug_info": {} });
        self.say(line, &message.to_string());
    }

    /// Slack says goodbye.
    pub(crate) fn close(&self, line: usize) {
        self.order(line, Order::Close);
    }

    pub(crate) fn reset(&self, line: usize) {
        self.order(line, Order::Reset);
    }

    pub(crate) fn fall_silent(&self, line: usize) {
        self.order(line, Order::FallSilent);
    }

    /// Somebody types `/roih` and this.
    pub(crate) fn ask(&self, line: usize, id: &str, text: &str, takes_payload: bool) {
        let mut envelope = self.command(id, text);
        envelope["accepts_response_payload"] = json!(takes_payload);
        self.say(line, &envelope.to_string());
    }

    /// The envelope of a command.
    pub(crate) fn command(&self, id: &str, text: &str) -> Value {
        json!({
            "envelope_id": id, "type": "slash_commands", "accepts_response_payload": true,
            "payload": {
                "token": "old", "team_id": "T1", "team_domain": "firm", "channel_id": "C1", "channel_name": "ops",
                "user_id": "U1", "user_name": "alice", "command": "/roih", "text": text, "api_app_id": "A1",
                "is_enterprise_install": "false", "response_url": self.response_url(), "trigger_id": format!("t.{id}"),
            },
        })
    }

    /// Everything that was said on the connections about this envelope.
    pub(crate) fn said_of(&self, id: &str) -> Vec<Value> {
        let book = self.book();
        let of_it = book
            .said
            .iter()
            .filter(|(_, said)| said["envelope_id"] == id);
        of_it.map(|(_, said)| said.clone()).collect()
    }

    /// Waits until this envelope is acknowledged.
    pub(crate) async fn acknowledged(&self, id: &str) -> Value {
        until(&format!("{id} is acknowledged"), async || {
            self.said_of(id).into_iter().next()
        })
        .await
    }

    /// What came to the address for late answers.
    pub(crate) fn responses(&self) -> Vec<Value> {
        self.book().responses.clone()
    }

    /// Answers the next call of this method so.
    pub(crate) fn bid(&self, method: &'static str, bid: Bid) {
        self.book().bids.push_back((method, bid));
    }

    /// These people are in every user group from now on.
    pub(crate) fn let_in(&self, members: &[&'static str]) {
        self.book().members = members.to_vec();
    }

    /// What the bot did with these methods: the arguments of each call, in their order.
    pub(crate) fn calls(&self, method: &str) -> Vec<Value> {
        let book = self.book();
        let of_it = book.calls.iter().filter(|(called, _)| called == method);
        of_it.map(|(_, arguments)| arguments.clone()).collect()
    }

    async fn answer_bot(&self, mut stream: TcpStream, request: &Request) {
        let method = request.path.trim_start_matches("/api/").to_owned();
        let is_bot = request.header("authorization") == Some(&format!("Bearer {BOT_TOKEN}"));
        let arguments = serde_json::from_slice(&request.body).unwrap_or_default();
        let (bid, members) = {
            let mut book = self.book();
            book.calls.push((method.clone(), arguments));
            let place = book.bids.iter().position(|(of, _)| *of == method);
            let bid = place.and_then(|place| book.bids.remove(place));
            (bid, book.members.clone())
        };
        let json = "Content-Type: application/json\r\n";
        let (status, head, body) = match (is_bot, bid.map(|(_, bid)| bid)) {
            (false, _) => (
                200,
                json.to_owned(),
                json!({ "ok": false, "error": "invalid_auth" }),
            ),
            (true, Some(Bid::Lost)) => return,
            (true, Some(Bid::Error(error))) => {
                (200, json.to_owned(), json!({ "ok": false, "error": error }))
            }
            (true, Some(Bid::Throttled(seconds))) => (
                429,
                format!("{json}Retry-After: {seconds}\r\n"),
                json!({ "ok": false, "error": "ratelimited" }),
            ),
            (true, None) => (
                200,
                json.to_owned(),
                json!({
                    "ok": true, "user_id": "U0HEKATE", "bot_id": "B0", "team_id": "T1", "app_id": "A1", "channel": "C1", "ts": "1.2",
                    "users": members,
                }),
            ),
        };
        respond(&mut stream, status, &head, &body.to_string()).await;
    }

    fn order(&self, line: usize, order: Order) {
        // It may have ended.
        let _ = self.book().orders[line].send(order);
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, happening: Happening) {
        self.book().happenings.push((Instant::now(), happening));
    }

    async fn answer(self, mut stream: TcpStream) {
        let Some(request) = read_request(&mut stream).await else {
            return;
        };
        if request.path == "/response" {
            let response = serde_json::from_slice(&request.body).unwrap_or_default();
            self.book().responses.push(response);
            respond(&mut stream, 200, "", "ok").await;
            return;
        }
        if request.path != "/api/apps.connections.open" {
            self.answer_bot(stream, &request).await;
            return;
        }
        let reaction = {
            let mut book = self.book();
            book.opens.push(Instant::now());
            let reaction = if book.reactions.len() > 1 {
                book.reactions.pop_front()
            } else {
                book.reactions.front().cloned()
            };
            let bearer = format!("Bearer {}", book.token);
            let reaction = reaction.unwrap_or(Open::Ok);
            if reaction == Open::Ok && request.header("authorization") != Some(&bearer) {
                Open::Error("invalid_auth")
            } else {
                reaction
            }
        };
        let json = "Content-Type: application/json\r\n";
        match reaction {
            Open::Ok => {
                let url = format!("ws://{}/link/?ticket=TICKET-SECRET&app_id=A1", self.socket);
                let body = json!({ "ok": true, "url": url }).to_string();
                respond(&mut stream, 200, json, &body).await;
            }
            Open::Elsewhere(url) => {
                let body = json!({ "ok": true, "url": url }).to_string();
                respond(&mut stream, 200, json, &body).await;
            }
            Open::Error(error) => {
                let body = json!({ "ok": false, "error": error }).to_string();
                respond(&mut stream, 200, json, &body).await;
            }
            Open::Throttled(seconds) => {
                let head = format!("{json}Retry-After: {seconds}\r\n");
                let body = r#"{"ok":false,"error":"ratelimited"}"#;
                respond(&mut stream, 429, &head, body).await;
            }
            Open::Broken => respond(&mut stream, 500, "", "<html>Oh no</html>").await,
        }
    }

    async fn hold(self, stream: TcpStream) {
        let Ok(mut socket) = accept_async(stream).await else {
            return;
        };
        let (sender, mut orders) = mpsc::unbounded_channel();
        let (line, hello) = {
            let mut book = self.book();
            book.orders.push(sender);
            (book.orders.len() - 1, book.hello)
        };
        match hello {
            Hello::AtOnce => {}
            Hello::After(delay) => tokio::time::sleep(delay).await,
        }
        let greeting = json!({
            "type": "hello", "num_connections": 1, "connection_info": { "app_id": "A1" },
            "debug_info": { "host": "stand-in", "approximate_connection_time": 3600 },
        });
        if socket
            .send(Message::text(greeting.to_string()))
            .await
            .is_err()
        {
            return;
        }
        self.note(Happening::Greeted(line));
        self.talk(line, &mut socket, &mut orders).await;
        self.note(Happening::Ended(line));
    }

    async fn talk(
        &self,
        line: usize,
        socket: &mut WebSocketStream<TcpStream>,
        orders: &mut mpsc::UnboundedReceiver<Order>,
    ) {
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Say(message)) => {
                        // The other side may have left, or may refuse what is too large.
                        let _ = socket.send(message).await;
                    }
                    Some(Order::Close) => {
                        // What comes next is the other side's goodbye.
                        let _ = socket.close(None).await;
                    }
                    Some(Order::Reset) => {
                        socket.get_ref().set_zero_linger().expect("it is a socket");
                        return;
                    }
                    Some(Order::FallSilent) => {
                        // Nothing is read any more; that the other side closed is seen by a failing write.
                        while socket.get_ref().writable().await.is_ok()
                            && !has_left(socket.get_ref()) {
                            tokio::time::sleep(Duration::from_millis(50)).await;
                        }
                        return;
                    }
                    None => return,
                },
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let said = serde_json::from_str(&text).unwrap_or_default();
                        self.book().said.push((line, said));
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                },
            }
        }
    }
}

/// Whether the other side has closed, as far as the kernel knows; what it sent before is thrown away.
fn has_left(stream: &TcpStream) -> bool {
    let mut waste = [0; 4096];
    match stream.try_read(&mut waste) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}
