//! Who hears that answers to people are lost on their way to Slack.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use crate::{
    chat::Tell,
    engine::{Event, Trouble},
};

/// Tells `ops` that answers to people are lost on their way to Slack, and when that is over.
pub(super) fn teller(events: UnboundedSender<Event>) -> Tell {
    Arc::new(move |why: Option<&str>| {
        if let Some(why) = why {
            tracing::error!(event = "slack.answers_lost", %why, "answers do not reach Slack");
        } else {
            tracing::info!(event = "slack.answers_arrive", "answers reach Slack again");
        }
        let trouble = Trouble {
            key: String::from("slack_answers"),
            is_over: why.is_none(),
            title: String::from("late answers and answers to clicks do not reach Slack"),
            words: why.unwrap_or_default().to_owned(),
            not_to: None,
        };
        // Nobody listens any more only while the process ends.
        let _ = events.send(Event::Troubled(trouble));
    })
}

/// Tells `ops` that Slack lets the bot answer nobody, and when that is over.
pub(super) fn of_bot(events: UnboundedSender<Event>) -> Tell {
    Arc::new(move |why: Option<&str>| {
        if let Some(why) = why {
            tracing::error!(event = "slack.bot_mute", %why, "Slack refuses what the bot answers");
        } else {
            tracing::info!(event = "slack.bot_speaks", "the bot answers again");
        }
        let trouble = Trouble {
            key: String::from("slack_bot_answers"),
            is_over: why.is_none(),
            title: String::from("Slack refuses what the bot answers to those who speak to it"),
            words: why.unwrap_or_default().to_owned(),
            not_to: None,
        };
        // Nobody listens any more only while the process ends.
        let _ = events.send(Event::Troubled(trouble));
    })
}
