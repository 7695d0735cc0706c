use std::net::SocketAddr;

use arc_swap::ArcSwap;
use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::mpsc::{self, UnboundedReceiver},
};

use super::*;
use crate::{
    chat::Readers,
    clock::Clock,
    command::fixture,
    model::planned::{Answer as Answered, Refused},
    notify::sender::Sender,
    telemetry::Metrics,
};

/// A desk with a line, and everything that it talks to.
struct World {
    desk: Arc<Desk>,
    base: Base,
    /// Those who wished something and wait.
    wishes: UnboundedReceiver<oneshot::Sender<Answered>>,
    door: Option<UnboundedSender<Outgoing>>,
    line: UnboundedReceiver<Outgoing>,
    /// What was posted to the address for late answers.
    posted: UnboundedReceiver<Value>,
    address: SocketAddr,
}

/// The answers that the address for late answers gives, the last one again and again.
async fn world(statuses: &[u16]) -> World {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (wisher, wishes) = mpsc::unbounded_channel();
    let (poster, posted) = mpsc::unbounded_channel();
    let (door, line) = mpsc::unbounded_channel();
    let address = slack(statuses, poster).await;
    let chat = Chat {
        board: Arc::new(ArcSwap::from_pointee(fixture::board())),
        plan: Arc::new(ArcSwap::from_pointee(fixture::plan())),
        metrics: Arc::new(Metrics::new()),
        clock: Clock::start(),
        incidents: Arc::new(|_: &_| Ok(None)),
        histories: Arc::new(|_: &_, _, _| Ok(Vec::new())),
        measures: Arc::new(|_: &_, _| Ok(Vec::new())),
        glances: Arc::new(|_| oneshot::channel().1),
        by_hand: Arc::default(),
        wishes: Arc::new(move |_, _| {
            let (answer, answered) = oneshot::channel();
            wisher.send(answer).expect("the test listens");
            answered
        }),
        orders: Arc::new(|_, _| oneshot::channel().1),
        marked: Arc::new(|_| {}),
        readers: Readers::default(),
        sender: Sender::new().expect("there is a TLS provider"),
        tell: Arc::new(|_| {}),
        losses: Arc::default(),
        pressed: Arc::default(),
        hall: Arc::default(),
        members: Arc::default(),
        turn: Arc::default(),
    };
    let mut desk = Desk::new(chat);
    Arc::get_mut(&mut desk)
        .expect("nobody else has it yet")
        .acknowledged_within = Duration::from_millis(20);
    World {
        desk,
        base: Base::parse(&format!("http://{address}")).unwrap(),
        wishes,
        door: Some(door),
        line,
        posted,
        address,
    }
}

async fn slack(statuses: &[u16], poster: UnboundedSender<Value>) -> SocketAddr {
    let statuses = Arc::new(Mutex::new(statuses.to_vec()));
    let taken = async move |State(statuses): State<Arc<Mutex<Vec<u16>>>>, body: Bytes| {
        poster
            .send(serde_json::from_slice(&body).unwrap())
            .expect("the test listens");
        let mut statuses = statuses.lock().unwrap();
        let status = if statuses.len() > 1 {
            statuses.remove(0)
        } else {
            statuses[0]
        };
        StatusCode::from_u16(status).unwrap()
    };
    let router = Router::new()
        .route("/response", post(taken))
        .with_state(statuses);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

const SILENCE: &str = "silence add master green for 1h because of a test";

impl World {
    fn take(&self, id: &str, text: &str) {
        let envelope = Envelope {
            id: id.to_owned(),
            kind: EnvelopeKind::SlashCommand,
            takes_payload: true,
            payload: json!({
                "team_id": "T1", "channel_id": "C1", "user_id": "U1", "command": "/roih", "text": text,
                "trigger_id": id, "response_url": format!("http://{}/response", self.address),
            }),
        };
        let line = match &self.door {
            Some(door) => door.downgrade(),
            None => mpsc::unbounded_channel().0.downgrade(),
        };
        self.desk.take(envelope, &self.base, &line);
    }

    /// What leaves next; it is sent at once.
    async fn left(&mut self) -> Value {
        let outgoing = self.line.recv().await.expect("the door is open");
        let _ = outgoing.is_sent.send(());
        serde_json::from_str(&outgoing.text).unwrap()
    }

    fn metrics(&self) -> String {
        let board = self.desk.chat.board.load_full();
        let now = self.desk.chat.clock.now().at;
        self.desk.chat.metrics.render(board, now)
    }

    /// Waits until one command met with this fate.
    async fn counted(&self, fate: &str) {
        let series = format!("type=\"slash_commands\",outcome=\"{fate}\"}} 1");
        while !self.metrics().contains(&series) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn refused(words: &str) -> Answered {
    Err(Refused {
        is_missing: false,
        words: words.to_owned(),
    })
}

#[tokio::test]
async fn what_takes_too_long_is_acknowledged_first_and_answered_afterwards() {
    let mut world = world(&[200]).await;
    world.take("e1", SILENCE);
    let wish = world.wishes.recv().await.unwrap();
    assert_eq!(world.left().await, json!({ "envelope_id": "e1" }));
    wish.send(refused("not today")).unwrap();
    let answer = world.posted.recv().await.unwrap();
    assert_eq!(answer["response_type"], "ephemeral");
    assert_eq!(answer["text"], "not today");
    world.counted("late").await;
}

#[tokio::test]
async fn what_was_asked_over_a_line_that_is_gone_is_answered_at_its_address() {
    let mut world = world(&[200]).await;
    world.take("e1", "status");
    // It breaks before the answer has left.
    let lost = world.line.recv().await.unwrap();
    drop(lost);
    assert!(world.posted.recv().await.unwrap()["blocks"].is_array());
    // And there is no line any more.
    world.door = None;
    world.take("e2", "status");
    assert!(world.posted.recv().await.unwrap()["blocks"].is_array());
}

#[tokio::test]
async fn a_late_answer_that_is_not_taken_is_sent_again_and_in_the_end_given_up() {
    let mut world = world(&[429, 400, 200]).await;
    world.door = None;
    world.take("e1", "status");
    assert!(world.posted.recv().await.unwrap()["blocks"].is_array());
    assert!(world.posted.recv().await.unwrap()["blocks"].is_array());
    // What cannot be shown is said.
    let plain = world.posted.recv().await.unwrap();
    assert!(plain["blocks"].is_null() && plain["text"].is_string());
    world.counted("late").await;

    let mut gone = self::world(&[404]).await;
    gone.door = None;
    gone.take("e1", "status");
    gone.posted.recv().await.unwrap();
    gone.counted("undelivered").await;
    assert!(gone.posted.try_recv().is_err());
}

#[tokio::test]
async fn more_than_can_be_worked_on_is_sent_away_with_a_word() {
    let mut world = world(&[200]).await;
    let mut waiting = Vec::new();
    for number in 0..COMMANDS_MAX {
        world.take(&format!("e{number}"), SILENCE);
        waiting.push(world.wishes.recv().await.unwrap());
    }
    world.take("one more", SILENCE);
    let busy = loop {
        let said = world.left().await;
        if said["envelope_id"] == "one more" {
            break said;
        }
    };
    let text = busy["payload"]["text"].as_str().unwrap();
    assert!(text.contains("too much at once"), "{text}");
    for wish in waiting {
        wish.send(refused("no")).unwrap();
    }
}

#[tokio::test]
async fn what_a_long_look_saw_comes_in_the_place_of_the_word_that_it_is_under_way() {
    let mut world = world(&[200]).await;
    let looks = Arc::new(Mutex::new(Vec::new()));
    let desk = Arc::get_mut(&mut world.desk).expect("nobody else has it yet");
    desk.acknowledged_within = ACKNOWLEDGED_WITHIN;
    desk.chat.glances = {
        let looks = Arc::clone(&looks);
        Arc::new(move |_| {
            let (answer, answered) = oneshot::channel();
            looks.lock().unwrap().push(answer);
            answered
        })
    };
    world.take("e1", "check api");
    let first = world.left().await;
    assert_eq!(first["payload"]["text"], "measuring api \u{2026}");
    assert!(world.posted.try_recv().is_err());
    // It ends without having seen anything.
    looks.lock().unwrap().clear();
    let answer = world.posted.recv().await.unwrap();
    assert_eq!(answer["replace_original"], true);
    let words = answer["text"].as_str().unwrap();
    assert!(words.contains("the look at api did not end"), "{words}");
}

#[tokio::test]
async fn what_a_short_look_saw_is_the_answer() {
    let mut world = world(&[200]).await;
    let desk = Arc::get_mut(&mut world.desk).expect("nobody else has it yet");
    desk.acknowledged_within = ACKNOWLEDGED_WITHIN;
    // A look that ends at once, without having seen anything.
    desk.chat.glances = Arc::new(|_| oneshot::channel().1);
    world.take("e1", "check api");
    let only = world.left().await;
    let words = only["payload"]["text"].as_str().unwrap();
    assert!(words.contains("the look at api did not end"), "{words}");
    world.counted("answered").await;
    assert!(world.posted.try_recv().is_err());
}
