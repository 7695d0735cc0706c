//! One line: from the wish for it to its end.

mod dial;

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::{sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::{
    self, Bytes, Message,
    error::ProtocolError,
    protocol::{CloseFrame, frame::coding::CloseCode},
};
use tokio_util::sync::CancellationToken;

pub(super) use dial::{Socket, dial};

use super::{
    desk::{Desk, Outgoing},
    pulse::{Pulse, Sign},
    switchboard::{Event, LineId, Loss, SWITCHED_OFF},
};
use crate::{
    clock::Clock,
    model::{Tick, text::clean},
    slack::{
        api::Base,
        socket::{Frame, Parting},
    },
};

/// Slack says hello within a second; a line without it is none.
const GREETED_WITHIN: Duration = Duration::from_secs(10);
/// What was asked over a line that is to be closed has so long to be answered; Slack waits no longer.
const LEFT_WITHIN: Duration = Duration::from_secs(3);
/// For taking leave; nobody waits for the answer to it.
const GOODBYE: Duration = Duration::from_secs(1);
/// A text that does not leave within this time never will.
const SENT_WITHIN: Duration = Duration::from_secs(5);

/// A line that stands.
pub(super) struct Line {
    pub(super) id: LineId,
    pub(super) socket: Socket,
    pub(super) base: Base,
    pub(super) desk: Arc<Desk>,
    pub(super) clock: Clock,
    pub(super) events: UnboundedSender<Event>,
    /// Cancelled when the line is to be closed.
    pub(super) leave: CancellationToken,
}

/// How far a line has come.
struct State {
    pulse: Pulse,
    is_greeted: bool,
    opened_at: Tick,
    /// What keeps the line open for what was asked; absent once it is to be closed.
    door: Option<UnboundedSender<Outgoing>>,
    leave_at: Option<Tick>,
}

/// What happened next.
enum Turn {
    Leave,
    /// A text wants to leave; or none ever will any more.
    Outgoing(Option<Outgoing>),
    Incoming(Option<Result<Message, tungstenite::Error>>),
    Due,
}

/// Why a line is not gone on with.
enum Over {
    /// Everything is answered, or it took too long.
    Left,
    Lost(Loss),
}

impl Line {
    /// Serves until the line ends; absent if it was we who closed it.
    pub(super) async fn hold(mut self) -> Option<Loss> {
        let now = self.clock.now().tick;
        let (door, mut outgoing) = mpsc::unbounded_channel();
        let line = door.downgrade();
        let mut state = State {
            pulse: Pulse::new(now),
            is_greeted: false,
            opened_at: now,
            door: Some(door),
            leave_at: None,
        };
        loop {
            let turn = self.turn(&state, &mut outgoing).await;
            let gone_on = match turn {
                Turn::Leave => {
                    state.door = None;
                    state.leave_at = Some(self.clock.now().tick + LEFT_WITHIN);
                    Ok(())
                }
                Turn::Outgoing(Some(outgoing)) => self.send(outgoing).await,
                Turn::Outgoing(None) => Err(Over::Left),
                Turn::Incoming(message) => {
                    state.pulse.heard(self.clock.now().tick);
                    self.incoming(message, &mut state, &line)
                }
                Turn::Due => self.due(&mut state).await,
            };
            match gone_on {
                Ok(()) => {}
                Err(Over::Left) => {
                    self.say_goodbye(&line).await;
                    return None;
                }
                Err(Over::Lost(loss)) => return Some(loss),
            }
        }
    }

    /// Waits for what happens next. What wants to leave goes first, so that it never adds up.
    async fn turn(&mut self, state: &State, outgoing: &mut UnboundedReceiver<Outgoing>) -> Turn {
        let mut deadline = state.pulse.next_deadline();
        if !state.is_greeted {
            deadline = deadline.min(state.opened_at + GREETED_WITHIN);
        }
        if let Some(leave_at) = state.leave_at {
            deadline = deadline.min(leave_at);
        }
        tokio::select! {
            biased;
            () = self.leave.cancelled(), if state.door.is_some() => Turn::Leave,
            text = outgoing.recv() => Turn::Outgoing(text),
            message = self.socket.next() => Turn::Incoming(message),
            () = sleep_until(self.clock.instant(deadline)) => Turn::Due,
        }
    }

    fn incoming(
        &self,
        message: Option<Result<Message, tungstenite::Error>>,
        state: &mut State,
        line: &mpsc::WeakUnboundedSender<Outgoing>,
    ) -> Result<(), Over> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(()),
            Some(Ok(Message::Binary(_))) => {
                tracing::debug!(
                    event = "slack.unreadable",
                    "a message that is no text came from Slack"
                );
                return Ok(());
            }
            Some(Ok(Message::Close(frame))) => {
                let code =
                    frame.map_or_else(String::new, |frame| format!(" ({})", u16::from(frame.code)));
                return Err(lost(format!("Slack closed the connection{code}")));
            }
            Some(Err(error)) => return Err(lost(words(&error))),
            None => return Err(lost("Slack closed the connection")),
        };
        match Frame::read(&text) {
            Ok(Frame::Hello) => {
                state.is_greeted = true;
                self.report(Event::Greeted(self.id));
            }
            Ok(Frame::Disconnect(parting)) => self.parting(parting),
            Ok(Frame::Envelope(envelope)) => self.desk.take(envelope, &self.base, line),
            Ok(Frame::Other) => {
                tracing::debug!(
                    event = "slack.unknown",
                    "Slack said something that is not known here"
                );
            }
            Err(why) => {
                tracing::debug!(event = "slack.unreadable", %why, "Slack said something that cannot be read");
            }
        }
        Ok(())
    }

    fn parting(&self, parting: Parting) {
        tracing::info!(
            event = "slack.parting",
            line = self.id.0,
            reason = parting.as_str(),
            "Slack will end a connection"
        );
        self.report(Event::Parting(self.id, parting));
    }

    async fn due(&mut self, state: &mut State) -> Result<(), Over> {
        let now = self.clock.now().tick;
        if state.leave_at.is_some_and(|leave_at| now >= leave_at) {
            return Err(Over::Left);
        }
        if !state.is_greeted && now.since(state.opened_at) >= GREETED_WITHIN {
            return Err(lost("Slack did not say hello"));
        }
        match state.pulse.sign(now) {
            Sign::Fine => Ok(()),
            Sign::Ask => self.write(Message::Ping(Bytes::new())).await,
            Sign::Dead => Err(lost("Slack fell silent")),
        }
    }

    async fn send(&mut self, outgoing: Outgoing) -> Result<(), Over> {
        self.write(Message::text(outgoing.text)).await?;
        // Whoever sent it may not want to know.
        let _ = outgoing.is_sent.send(());
        Ok(())
    }

    async fn write(&mut self, message: Message) -> Result<(), Over> {
        match timeout(SENT_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(lost(words(&error))),
            Err(_elapsed) => Err(lost("Slack takes nothing any more")),
        }
    }

    /// Closes, and hears the other side out: what was on its way to us is answered at its own address.
    async fn say_goodbye(&mut self, line: &mpsc::WeakUnboundedSender<Outgoing>) {
        let frame = CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        };
        let goodbye = async {
            self.socket.close(Some(frame)).await?;
            while let Some(message) = self.socket.next().await {
                if let Message::Text(text) = message?
                    && let Ok(Frame::Envelope(envelope)) = Frame::read(&text)
                {
                    self.desk.take(envelope, &self.base, line);
                }
            }
            Ok::<_, tungstenite::Error>(())
        };
        let _how_it_ends_says_nothing = timeout(GOODBYE, goodbye).await;
    }

    fn report(&self, event: Event) {
        // Nobody listens any more only while the process ends.
        let _ = self.events.send(event);
    }
}

/// Waits for the hello of a connection, and takes leave.
///
/// # Errors
///
/// What came in its place.
pub(super) async fn greeted(socket: &mut Socket) -> Result<(), Loss> {
    let hello = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => match Frame::read(&text) {
                    Ok(Frame::Hello) => return Ok(()),
                    Ok(Frame::Disconnect(Parting::LinkDisabled)) => {
                        return Err(String::from(SWITCHED_OFF));
                    }
                    Ok(Frame::Disconnect(_) | Frame::Envelope(_) | Frame::Other) | Err(_) => {}
                },
                Some(Ok(Message::Close(_))) | None => {
                    return Err(String::from("Slack closed the connection"));
                }
                Some(Ok(
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
                )) => {}
                Some(Err(error)) => return Err(words(&error)),
            }
        }
    };
    let greeted = timeout(GREETED_WITHIN, hello)
        .await
        .unwrap_or_else(|_elapsed| Err(String::from("Slack did not say hello")));
    let _how_it_ends_says_nothing = timeout(GOODBYE, socket.close(None)).await;
    greeted.map_err(Loss::Broken)
}

fn lost(why: impl Into<String>) -> Over {
    Over::Lost(Loss::Broken(why.into()))
}

/// What is wrong with a connection, without its address.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's other errors all mean that the rules of WebSocket were broken"
)]
fn words(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Io(error) => {
            format!("the connection broke: {}", clean(&error.to_string(), 100))
        }
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            String::from("Slack closed the connection")
        }
        tungstenite::Error::Capacity(_) => String::from("a message of Slack's is too large"),
        tungstenite::Error::Http(answer) => {
            format!("HTTP {} in place of a connection", answer.status().as_u16())
        }
        _ => String::from("the rules of WebSocket were broken"),
    }
}
