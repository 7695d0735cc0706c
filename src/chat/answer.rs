//! The answer to one slash command.

use std::time::Duration;

use tokio::time::timeout;

use super::Chat;
use crate::{
    command::{Heard, Past, Reply, hear, planned},
    model::{
        Incident,
        planned::{Person, Wish},
        text::clean,
    },
    slack::{Message, command::SlashCommand, grid::Options, reply},
    telemetry::Answer,
};

/// How long the store is waited for; Slack waits 3 s for all of it.
const STORE_LIMIT: Duration = Duration::from_secs(1);

/// How long it may take until what somebody wished is stored; Slack waits 3 s for all of it.
const WISH_LIMIT: Duration = Duration::from_secs(2);
/// The most characters of somebody's name.
const NAME_MAX: usize = 80;

impl Chat {
    /// Answers a command that was verified, within two seconds and a little, and counts it.
    ///
    /// Nothing is done, and a question is answered, if it may be a repeat that this process would not know: then it was not
    /// said since the start.
    pub async fn answer(&self, command: &SlashCommand, is_since_start: bool) -> Message {
        let plan = self.plan.load_full();
        let board = self.board.load_full();
        let now = self.clock.now().at;
        let zone = plan.server.timezone;
        let answer = match hear(&board, &command.typed.text, now, &command.command) {
            Heard::Reply(problem @ Reply::Problem { .. }) => self
                .past(&command.typed.text)
                .await
                .map_or(problem, |incident| {
                    Reply::Past(Past::of(incident, &board, now))
                }),
            Heard::Reply(
                answer @ (Reply::Status(_)
                | Reply::Help(_)
                | Reply::Past(_)
                | Reply::Known(_)
                | Reply::Asking(_)
                | Reply::Said(_)),
            ) => answer,
            Heard::List(kind) => Reply::Said(planned::list(&board.agenda.load(), kind, now, zone)),
            Heard::Wish(_) | Heard::Order(_) if !is_since_start => just_started(),
            Heard::Wish(wish) => self.fulfilled(wish, command).await,
            Heard::Tasks(target) => self.tasks(&board, &target, command, now),
            Heard::Order(order) => self.ordered(order, command).await,
        };
        let options = Options {
            timezone: zone,
            public_url: plan.server.public_url.as_deref(),
        };
        let message = reply::render(&answer, &command.command, &options);
        self.metrics.slash_command(Answer::Answered);
        message
    }

    /// What became of what somebody wished, as far as it is known while Slack still waits.
    async fn fulfilled(&self, wish: Wish, command: &SlashCommand) -> Reply {
        match self.fulfil(wish, person(command), WISH_LIMIT).await {
            Some(Ok(done)) => {
                let now = self.clock.now().at;
                let zone = self.plan.load().server.timezone;
                Reply::Said(planned::done(&done, now, zone, &command.command))
            }
            Some(Err(refused)) => Reply::Problem {
                understood: refused.words,
                nearest: Vec::new(),
                hint: String::new(),
            },
            None => Reply::Problem {
                understood: String::from(
                    "it may or may not have been done, for hekate did not answer in time",
                ),
                nearest: Vec::new(),
                hint: String::from("look before you try again"),
            },
        }
    }

    /// The incident that nobody on the board knows any more, if the store finds it while Slack still waits.
    async fn past(&self, words: &str) -> Option<Incident> {
        timeout(STORE_LIMIT, self.closed_incident(words))
            .await
            .ok()?
    }
}

/// Who typed it, as Slack says in a request that was verified.
pub(super) fn person(command: &SlashCommand) -> Person {
    let name = match command.user_name.as_str() {
        "" => &command.user_id,
        name => name,
    };
    Person {
        name: format!("@{}", clean(name, NAME_MAX)),
        slack_user: Some(clean(&command.user_id, NAME_MAX)),
    }
}

/// Nothing is done that somebody could have recorded before the start and sent again.
fn just_started() -> Reply {
    Reply::Problem {
        understood: String::from(
            "nothing was done: this was signed before hekate was started, so it may be a repeat",
        ),
        nearest: Vec::new(),
        hint: String::from("say it again"),
    }
}
