//! Socket Mode: connections to Slack that we hold, over which it asks us, so that nobody has to reach us.
//!
//! * `switchboard` decides which line is opened and closed when; it is plain.
//! * `line` is one connection, `pulse` says whether anybody is at its other end.
//! * `desk` acknowledges what comes and acts on it once.

mod desk;
mod line;
mod pulse;
mod switchboard;

use std::{collections::HashMap, fmt, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use tokio::{
    sync::{
        mpsc::{self, UnboundedReceiver, UnboundedSender},
        watch,
    },
    time::sleep_until,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{
    desk::Desk,
    line::{Line, dial, greeted},
    switchboard::{Action, Event, LineId, Loss, Switchboard, Token},
};
use crate::{
    chat::Chat, clock::Clock, model::Secret, notify::sender::Sender, slack::api::Base,
    telemetry::LineEnd,
};

/// Hears why nobody can ask us, and when that is over. It must not block.
pub type Tell = Arc<dyn Fn(Option<&str>) + Send + Sync>;

/// What it takes to hold connections.
#[derive(Clone)]
pub struct Outside {
    /// What answers people.
    pub chat: Chat,
    /// The way out of the house.
    pub sender: Sender,
    /// Who hears of trouble.
    pub tell: Tell,
    /// Chance for the waits between attempts; nothing secret hangs on it.
    pub seed: u64,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").finish_non_exhaustive()
    }
}

/// Holds connections as long as the plan has an app-level token; never ends by itself. `reloaded` says that the file was read.
pub async fn run(outside: Outside, mut reloaded: watch::Receiver<()>) {
    let (events, mut inbox) = mpsc::unbounded_channel();
    let mut exchange = Exchange {
        board: Switchboard::new(outside.seed),
        desk: Desk::new(outside.chat.clone()),
        outside,
        access: None,
        lines: HashMap::new(),
        events,
    };
    let mut event = Event::Told(exchange.read_plan());
    loop {
        exchange.handle(event);
        event = exchange.next(&mut inbox, &mut reloaded).await;
    }
}

/// Opens a connection, waits until Slack says hello, and closes it.
///
/// # Errors
///
/// Why it did not come to that, for people.
pub async fn try_once(
    sender: &Sender,
    base: &Base,
    token: &Secret,
    clock: &Clock,
) -> Result<(), String> {
    let greeted = match dial(sender, base, token, clock.now().at).await {
        Ok(mut socket) => greeted(&mut socket).await,
        Err(loss) => Err(loss),
    };
    greeted.map_err(|loss| match loss {
        Loss::Refused(why) | Loss::Broken(why) => why,
        Loss::Throttled(after) => format!(
            "Slack asks for a slower pace; try again in {} s",
            after.as_secs()
        ),
    })
}

/// Where Slack is and what lets us in.
#[derive(Clone, PartialEq, Eq)]
struct Access {
    token: Secret,
    base: Base,
}

/// Carries out what the switchboard says.
struct Exchange {
    board: Switchboard,
    desk: Arc<Desk>,
    outside: Outside,
    access: Option<Access>,
    /// Ends a line when it is asked to, and also when it is forgotten.
    lines: HashMap<LineId, DropGuard>,
    events: UnboundedSender<Event>,
}

impl Exchange {
    /// Takes over the token of the plan.
    fn read_plan(&mut self) -> Token {
        let plan = self.outside.chat.plan.load();
        let access = plan.slack.app_token.as_ref().and_then(|token| {
            // The file was checked, so this fails only if the two rules differ.
            let base = Base::parse(&plan.slack.base_url)
                .inspect_err(|why| tracing::error!(event = "slack.base", %why, "no connection to Slack is opened"))
                .ok()?;
            Some(Access {
                token: token.clone(),
                base,
            })
        });
        let token = match &access {
            None => Token::Absent,
            Some(_) if access == self.access => Token::Same,
            Some(_) => Token::Another,
        };
        self.access = access;
        token
    }

    async fn next(
        &mut self,
        inbox: &mut UnboundedReceiver<Event>,
        reloaded: &mut watch::Receiver<()>,
    ) -> Event {
        let deadline = self.board.next_deadline();
        let clock = &self.outside.chat.clock;
        let due = async {
            match deadline {
                Some(deadline) => sleep_until(clock.instant(deadline)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // There is always a sender: we hold one.
            Some(event) = inbox.recv() => event,
            Ok(()) = reloaded.changed() => Event::Told(self.read_plan()),
            () = due => Event::Due,
        }
    }

    fn handle(&mut self, event: Event) {
        note(&event, &self.outside);
        if let Event::Lost(id, _) = &event {
            self.lines.remove(id);
        }
        let now = self.outside.chat.clock.now().tick;
        for action in self.board.handle(now, event) {
            match action {
                Action::Dial(id) => self.dial(id),
                Action::HangUp(id) => drop(self.lines.remove(&id)),
                Action::Trouble(why) => {
                    tracing::error!(event = "slack.unreachable", %why, "slash commands are not answered");
                    (self.outside.tell)(Some(&why));
                }
                Action::Well => {
                    tracing::info!(
                        event = "slack.reachable",
                        "slash commands are answered again"
                    );
                    (self.outside.tell)(None);
                }
            }
        }
        self.outside.chat.metrics.slack_lines(self.board.serving());
    }

    fn dial(&mut self, id: LineId) {
        let Some(access) = self.access.clone() else {
            return;
        };
        let leave = CancellationToken::new();
        self.lines.insert(id, leave.clone().drop_guard());
        let (outside, desk) = (self.outside.clone(), Arc::clone(&self.desk));
        let events = self.events.clone();
        tokio::spawn(async move {
            let line = AssertUnwindSafe(serve(id, access, outside, desk, events.clone(), leave));
            let loss = line
                .catch_unwind()
                .await
                .unwrap_or_else(|_panic| Some(Loss::Broken(String::from("a fault of hekate"))));
            if let Some(loss) = loss {
                // Nobody listens any more only while the process ends.
                let _ = events.send(Event::Lost(id, loss));
            }
        });
    }
}

/// Opens a line and serves on it; absent if it was we who closed it.
async fn serve(
    id: LineId,
    access: Access,
    outside: Outside,
    desk: Arc<Desk>,
    events: UnboundedSender<Event>,
    leave: CancellationToken,
) -> Option<Loss> {
    let clock = outside.chat.clock.clone();
    let Access { token, base } = access;
    let dialing = dial(&outside.sender, &base, &token, clock.now().at);
    let socket = match leave.run_until_cancelled(dialing).await? {
        Ok(socket) => socket,
        Err(loss) => return Some(loss),
    };
    let line = Line {
        id,
        socket,
        base,
        desk,
        clock,
        events,
        leave,
    };
    let loss = line.hold().await;
    if loss.is_none() {
        outside.chat.metrics.slack_line_ended(LineEnd::Closed);
    }
    loss
}

/// Writes down and counts what happened to a line.
fn note(event: &Event, outside: &Outside) {
    match event {
        Event::Greeted(id) => {
            tracing::info!(event = "slack.connected", line = id.0, "connected to Slack");
        }
        Event::Lost(id, loss) => {
            let (end, why) = match loss {
                Loss::Refused(why) => (LineEnd::Refused, why.clone()),
                Loss::Throttled(after) => (
                    LineEnd::Throttled,
                    format!("Slack asks for {} s of peace", after.as_secs()),
                ),
                Loss::Broken(why) => (LineEnd::Broken, why.clone()),
            };
            tracing::warn!(event = "slack.lost", line = id.0, %why, "a connection to Slack was lost, or did not come about");
            outside.chat.metrics.slack_line_ended(end);
        }
        Event::Due | Event::Told(_) | Event::Parting(..) => {}
    }
}
