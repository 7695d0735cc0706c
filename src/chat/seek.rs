//! What the board does not know: how a target was, and how it is at this moment.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

use super::{Chat, Late, Speaker, Trust, problem};
use crate::{
    command::{
        Availability, Heard, History, Looked, Reply, Sought, hear,
        seek::{What, asks_for_look},
        sli::{Asked, Sli, SloLine, Span, concerned},
    },
    model::{Observation, Target, TargetId, Tick, Timestamp, Transition, text::span},
    slack::{Message, command::SlashCommand, interaction::Place},
};

/// Reads the transitions of a target that were decided at or after a time: the latest of them, at most so many.
///
/// It may block; the error is a sentence for people.
pub type Histories =
    Arc<dyn Fn(&TargetId, Timestamp, usize) -> Result<Vec<Transition>, String> + Send + Sync>;

/// Measures how available these targets were in a span of time; whoever is not watched any more is left out.
///
/// It may block; the error is a sentence for people.
pub type Measures =
    Arc<dyn Fn(&[TargetId], Span) -> Result<Vec<(TargetId, Sli)>, String> + Send + Sync>;

/// Looks at a target once, for whoever asked. Nothing is judged by it. It must not block.
pub type Glances = Arc<dyn Fn(Arc<Target>) -> oneshot::Receiver<Observation> + Send + Sync>;

/// The most transitions of an answer.
const TRANSITIONS_MAX: usize = 1_000;
/// How long the store is waited for; Slack waits 3 s for all of it.
const STORE_LIMIT: Duration = Duration::from_secs(2);
/// How long a look by hand is waited for; its checks have limits of their own, and are done one after the other.
const LOOK_LIMIT: Duration = Duration::from_mins(2);
/// A look that takes no longer is answered at once; Slack waits 3 s.
const AT_ONCE: Duration = Duration::from_secs(1);
/// What a look saw does not come sooner after the word that it is under way, in whose place it is shown: Slack may take the
/// two in any order.
const LATE_AFTER: Duration = Duration::from_millis(500);
/// Nobody has the same target looked at more often.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// How many looks by hand may be under way at once.
const LOOKS_MAX: usize = 8;

/// Who was looked at by hand lately.
#[derive(Debug)]
pub struct ByHand {
    places: Semaphore,
    began: Mutex<HashMap<TargetId, Tick>>,
}

impl Default for ByHand {
    fn default() -> Self {
        Self {
            places: Semaphore::new(LOOKS_MAX),
            began: Mutex::default(),
        }
    }
}

impl ByHand {
    /// Whether it may be looked at now; remembers that it is. Otherwise how long not.
    fn begin(&self, target: &TargetId, now: Tick) -> Result<(), Duration> {
        let mut began = self.began.lock().unwrap_or_else(PoisonError::into_inner);
        began.retain(|_, at| now < *at + AGAIN_AFTER);
        if let Some(at) = began.get(target) {
            return Err((*at + AGAIN_AFTER).since(now));
        }
        began.insert(target.clone(), now);
        Ok(())
    }
}

impl Chat {
    /// What is shown of a command that asks for a look: what it saw, or that it is under way if it takes longer. What it saw
    /// then follows at the address of the command. Absent if no look is asked for.
    pub(super) async fn measured(
        &self,
        command: &SlashCommand,
        speaker: &Speaker,
        trust: Trust,
    ) -> Option<Message> {
        let words = command.typed.text.as_str();
        let url = command.response_url.clone()?;
        if !asks_for_look(words) {
            return None;
        }
        let (board, now) = (self.board.load(), self.clock.now().at);
        let Heard::Seek(sought) = hear(&board, words, now, &command.command) else {
            return None;
        };
        let title = board.row(&sought.target)?.target.title();
        let (chat, speaker, words) = (self.clone(), speaker.clone(), words.to_owned());
        let name = command.command.clone();
        let (answer, mut answered) = oneshot::channel();
        tokio::spawn(async move {
            let message = chat.say(&words, &speaker, trust, &name).await;
            // Whoever does not wait any more has shown that it is under way.
            if let Err(message) = answer.send(message) {
                tokio::time::sleep(LATE_AFTER).await;
                let late = Late::Show(message, Place::Instead);
                chat.respond(Some(&url), &late).await;
            }
        });
        let reply = match timeout(AT_ONCE, &mut answered).await {
            Ok(Ok(message)) => return Some(message),
            Ok(Err(_)) => problem(format!("the look at {title} did not end"), ""),
            Err(_late) => {
                answered.close();
                // It may have come in this very moment.
                if let Ok(message) = answered.try_recv() {
                    return Some(message);
                }
                Reply::Said(vec![format!("measuring {title} \u{2026}")])
            }
        };
        Some(self.show(&reply, &command.command))
    }

    /// The answer to what the board does not know.
    pub(super) async fn sought(&self, sought: Sought, command: &str) -> Reply {
        match sought.what {
            What::History { back } => self.history_of(&sought.target, back).await,
            What::Look => self.look_at(&sought.target, command).await,
        }
    }

    async fn history_of(&self, target: &TargetId, back: Duration) -> Reply {
        let now = self.clock.now().at;
        let (read, id) = (Arc::clone(&self.histories), target.clone());
        let asking = self
            .readers
            .ask(move || read(&id, now - back, TRANSITIONS_MAX));
        match timeout(STORE_LIMIT, asking).await {
            Ok(Ok(mut transitions)) => {
                transitions.sort_by_key(|transition| (transition.at, transition.number));
                let board = self.board.load();
                let title = board
                    .row(target)
                    .map_or_else(|| target.to_string(), |row| row.target.title());
                Reply::History(History {
                    title,
                    transitions,
                    back,
                    now,
                })
            }
            Ok(Err(why)) => problem(format!("the store does not say: {why}"), ""),
            Err(_late) => problem("the store did not answer in time", "ask again"),
        }
    }

    /// How available these targets were, up to now.
    ///
    /// # Errors
    ///
    /// A sentence for people: what the store said.
    pub async fn availability(&self, asked: Asked) -> Result<Availability, String> {
        let until = self.clock.now().at;
        let window = Span {
            from: until - asked.window,
            until,
        };
        let (board, plan) = (self.board.load_full(), self.plan.load());
        let slos = concerned(&plan.slos, &board, &asked.targets);
        let (measure, targets) = (Arc::clone(&self.measures), asked.targets);
        let measuring = self.readers.ask(move || {
            let measured = measure(&targets, window)?;
            let slos = slos.into_iter().map(|(slo, targets)| {
                let from = until - slo.window;
                let mut sli = Sli::default();
                for (_, of_target) in measure(&targets, Span { from, until })? {
                    sli.add(&of_target);
                }
                Ok(SloLine {
                    name: slo.name,
                    objective: slo.objective,
                    window: slo.window,
                    sli,
                })
            });
            Ok((measured, slos.collect::<Result<Vec<_>, String>>()?))
        });
        let (measured, slos) = measuring.await?;
        let selection = asked.selection;
        Ok(Availability::of(&board, selection, window, measured, slos))
    }

    /// The same for somebody in Slack, who does not wait long.
    pub(super) async fn available(&self, asked: Asked) -> Reply {
        match timeout(STORE_LIMIT, self.availability(asked)).await {
            Ok(Ok(availability)) => Reply::Availability(availability),
            Ok(Err(why)) => problem(format!("the store does not say: {why}"), ""),
            Err(_late) => problem(
                "the store did not answer in time",
                "ask for fewer targets, or for less time: `sli master 7d`",
            ),
        }
    }

    async fn look_at(&self, target: &TargetId, command: &str) -> Reply {
        let board = self.board.load_full();
        let Some(row) = board.row(target) else {
            return problem("it is not watched any more", "");
        };
        let title = row.target.title();
        let why = format!("`{command} why {title}` shows what the last looks saw");
        if row.target.stands_for_others() {
            let words = format!("{title} is asked for others, in rounds, and not by hand");
            return problem(words, why);
        }
        let Ok(_place) = self.by_hand.places.try_acquire() else {
            return problem("too many looks by hand are under way", "ask again");
        };
        if let Err(wait) = self.by_hand.begin(target, self.clock.now().tick) {
            let words = format!(
                "somebody had {title} looked at just now; it can be again in {}",
                span(Duration::from_secs(wait.as_secs().max(1)))
            );
            return problem(words, why);
        }
        let look = (self.glances)(Arc::clone(&row.target));
        let looked = match timeout(LOOK_LIMIT, look).await {
            Ok(Ok(look)) => Looked::of(&board, target, &look),
            Ok(Err(_)) | Err(_) => None,
        };
        looked.map_or_else(
            || problem(format!("the look at {title} did not end"), why),
            |looked| Reply::Looked(Box::new(looked)),
        )
    }
}
