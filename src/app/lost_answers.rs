//! Who hears that answers to people are lost on their way to Slack, and that somebody comes from elsewhere.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc::UnboundedSender;

use crate::{
    chat::{Strangers, Tell},
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

/// Tells `ops` what came from another workspace or for another app. It is over as soon as it is told: nothing was done.
pub(super) fn of_strangers(events: UnboundedSender<Event>) -> Strangers {
    let told = AtomicU64::new(0);
    Arc::new(move |words: &str| {
        let number = told.fetch_add(1, Ordering::Relaxed);
        let trouble = Trouble {
            // What was told is told again when it comes again later.
            key: format!("slack_stranger {number}"),
            is_over: false,
            title: String::from(
                "somebody elsewhere uses hekate in Slack; nothing was done for them",
            ),
            words: words.to_owned(),
            not_to: None,
        };
        // Nobody listens any more only while the process ends.
        let _ = events.send(Event::Troubled(trouble));
    })
}
