//! The answer to what somebody typed.

use std::time::Duration;

use tokio::time::timeout;

use super::{Chat, Speaker, canned, problem, stranger::elsewhere};
use crate::{
    command::{Heard, Past, Reply, act, hear, planned},
    model::{
        Incident, Moment,
        action::{Asker, Door},
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

/// Whether what is wished could be a repeat that this process would not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trust {
    /// It was said since the start.
    Fresh,
    /// It may have been said before it: questions are answered, nothing is done.
    MayBeRepeat,
}

impl Trust {
    /// How far what was said or signed at this Unix time, in seconds, is to be trusted: since the start of this process its
    /// repeats are known.
    ///
    /// Slack counts whole seconds: what is of the second of the start may have come before it.
    #[must_use]
    pub fn since_start(at_seconds: Option<i64>, now: Moment) -> Self {
        let started_at = now.at - Duration::from_micros(now.tick.as_micros());
        if at_seconds.is_some_and(|at| at > started_at.as_seconds()) {
            Self::Fresh
        } else {
            Self::MayBeRepeat
        }
    }
}

impl Chat {
    /// Answers a command that was verified, within two seconds and a little, and counts it.
    pub async fn answer(&self, command: &SlashCommand, trust: Trust) -> Message {
        let speaker = Speaker {
            mentioned: command.typed.users.clone(),
            ..who_opens_forms(speaker(
                (&command.user_id, &command.user_name),
                (&command.channel_id, &command.channel_name),
                &command.trigger_id,
            ))
        };
        if let Err(why) = self.admit(&command.origin).await {
            self.metrics.slash_command(Answer::Refused);
            return self.show(&elsewhere(why), &command.command);
        }
        let message = match self.measured(command, &speaker, trust).await {
            Some(message) => message,
            None => match self.ready(&command.typed.text) {
                Some(reply) => self.show(&canned::shown(&reply), &command.command),
                None => {
                    self.say(&command.typed.text, &speaker, trust, &command.command)
                        .await
                }
            },
        };
        self.metrics.slash_command(Answer::Answered);
        message
    }

    /// Answers words of somebody who was verified.
    pub(super) async fn say(
        &self,
        text: &str,
        speaker: &Speaker,
        trust: Trust,
        command: &str,
    ) -> Message {
        let reply = self.reply(text, speaker, trust, command).await;
        self.show(&reply, command)
    }

    /// An answer as Slack shows it to whoever asked.
    pub(super) fn show(&self, reply: &Reply, command: &str) -> Message {
        let plan = self.plan.load();
        let options = Options {
            timezone: plan.server.timezone,
            public_url: plan.server.public_url.as_deref(),
        };
        reply::render(reply, command, &options)
    }

    /// Answers words of somebody who was verified, in facts.
    pub(super) async fn reply(
        &self,
        text: &str,
        speaker: &Speaker,
        trust: Trust,
        command: &str,
    ) -> Reply {
        let board = self.board.load_full();
        let now = self.clock.now().at;
        let zone = self.plan.load().server.timezone;
        match hear(&board, text, now, command) {
            Heard::Reply(problem @ Reply::Problem { .. }) => {
                self.past(text).await.map_or(problem, |incident| {
                    Reply::Past(Past::of(incident, &board, now))
                })
            }
            Heard::Reply(
                answer @ (Reply::Status(_)
                | Reply::Help(_)
                | Reply::Past(_)
                | Reply::Known(_)
                | Reply::History(_)
                | Reply::Looked(_)
                | Reply::Availability(_)
                | Reply::Fresh(_)
                | Reply::Asking(_)
                | Reply::Said(_)),
            ) => answer,
            Heard::List(kind) => Reply::Said(planned::list(&board.agenda.load(), kind, now, zone)),
            Heard::Wish(_) | Heard::Opinion(_) | Heard::Order(_) if trust == Trust::MayBeRepeat => {
                just_started()
            }
            Heard::Wish(Wish::HandOver { incident, .. }) => match Self::mentioned(speaker) {
                Some(to) => {
                    let wish = Wish::HandOver { incident, to };
                    self.fulfilled(wish, speaker.person(), command).await
                }
                None => to_nobody(command),
            },
            Heard::Wish(wish) => self.fulfilled(wish, speaker.person(), command).await,
            Heard::Opinion(opinion) => self.opined(opinion, &speaker.asker.by).await,
            Heard::Tasks(target) => {
                self.tasks(&board, &target, &speaker.asker, command, now)
                    .await
            }
            Heard::Seek(sought) => self.sought(sought, command).await,
            Heard::Measure(asked) => self.available(asked).await,
            Heard::OnCall => {
                let groups = self.on_call_groups(&board).await;
                Reply::Said(act::on_call(&board, now, &groups))
            }
            Heard::Order(order) => self.ordered(order, speaker, command).await,
        }
    }

    /// What became of what somebody wished, as far as it is known while Slack still waits.
    pub(super) async fn fulfilled(&self, wish: Wish, by: Person, command: &str) -> Reply {
        match self.fulfil(wish, by, WISH_LIMIT).await {
            Some(Ok(done)) => {
                let now = self.clock.now().at;
                let zone = self.plan.load().server.timezone;
                Reply::Said(planned::done(&done, now, zone, command))
            }
            Some(Err(refused)) => problem(refused.words, ""),
            None => problem(
                "it may or may not have been done, for hekate did not answer in time",
                "look before you try again",
            ),
        }
    }

    /// The incident that nobody on the board knows any more, if the store finds it while Slack still waits.
    async fn past(&self, words: &str) -> Option<Incident> {
        timeout(STORE_LIMIT, self.closed_incident(words))
            .await
            .ok()?
    }
}

/// Somebody in Slack, given by id and name, in a channel that is given in the same way.
pub(super) fn speaker(user: (&str, &str), channel: (&str, &str), trigger: &str) -> Speaker {
    let trigger = clean(trigger, NAME_MAX);
    Speaker {
        asker: Asker {
            by: person(user.0, user.1),
            door: Door::Slack {
                channel: clean(channel.0, NAME_MAX),
                channel_name: clean(channel.1, NAME_MAX),
            },
            memberships: None,
        },
        trigger: Some(trigger).filter(|trigger| !trigger.is_empty()),
        opens_forms: false,
        mentioned: Vec::new(),
    }
}

/// The same somebody, whose trigger Slack takes for a form.
pub(super) fn who_opens_forms(speaker: Speaker) -> Speaker {
    Speaker {
        opens_forms: speaker.trigger.is_some(),
        ..speaker
    }
}

/// Somebody in Slack, as records call them.
pub(super) fn person(id: &str, name: &str) -> Person {
    let name = if name.is_empty() { id } else { name };
    Person {
        name: format!("@{}", clean(name, NAME_MAX)),
        slack_user: Some(clean(id, NAME_MAX)),
    }
}

/// A name that Slack did not make a mention of may be anybody's.
fn to_nobody(command: &str) -> Reply {
    problem(
        "it is not said to whom",
        format!(
            "mention one person, chosen from Slack's list: `{command} hand over master blue to @somebody`"
        ),
    )
}

/// Nothing is done that somebody could have recorded before the start and sent again.
pub(super) fn just_started() -> Reply {
    problem(
        "nothing was done: this was signed before hekate was started, so it may be a repeat",
        "say it again",
    )
}
