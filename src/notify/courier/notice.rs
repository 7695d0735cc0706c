//! What people are told of trouble with telling them.

use super::Trouble;
use crate::model::{ChannelName, EntryKey};

/// A trouble with telling people, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// Names it, so that it is told once: `channel core_alerts`.
    pub key: String,
    /// Whether it is over.
    pub is_over: bool,
    /// One clause, ours.
    pub title: String,
    /// What happened, in one clause; may be foreign.
    pub words: String,
    /// A channel that cannot be told, because it is the trouble.
    pub not_to: Option<ChannelName>,
}

impl Trouble {
    /// What people are told of it.
    pub fn notice(self) -> Notice {
        match self {
            Self::Refuses {
                channel,
                why,
                told_instead,
                ..
            } => Notice {
                key: format!("channel {channel}"),
                is_over: false,
                title: format!("channel `{channel}` refuses messages"),
                words: format!("{why}; {}", instead(told_instead)),
                not_to: Some(channel),
            },
            Self::TakesAgain {
                channel,
                since,
                until,
            } => Notice {
                key: format!("channel {channel}"),
                is_over: true,
                title: format!("channel `{channel}` refuses messages"),
                words: format!("it had refused them from {since} to {until}"),
                not_to: None,
            },
            Self::Unreachable {
                channel,
                why,
                told_instead,
                ..
            } => unreachable(channel, &why, told_instead),
            Self::Reached {
                channel,
                since,
                until,
            } => Notice {
                key: format!("channel {channel} unreachable"),
                is_over: true,
                title: format!("channel `{channel}` cannot be reached"),
                words: format!("nothing had got through from {since} to {until}"),
                not_to: None,
            },
            Self::RefusesOne {
                key,
                title,
                why,
                told_instead,
            } => refuses_one(key, &title, &why, told_instead),
            Self::BotRefused { channel, why, .. } => bot_refused(&channel, &why),
            Self::BotTakenAgain {
                channel,
                since,
                until,
            } => Notice {
                is_over: true,
                words: format!("it had refused it from {since} to {until}"),
                ..bot_refused(&channel, "")
            },
            Self::Expired {
                channel,
                messages,
                why,
            } => expired(channel, &messages, why.as_deref()),
        }
    }
}

fn unreachable(channel: ChannelName, why: &str, told_instead: Option<ChannelName>) -> Notice {
    Notice {
        key: format!("channel {channel} unreachable"),
        is_over: false,
        title: format!("channel `{channel}` cannot be reached"),
        words: match told_instead {
            Some(other) => format!("{why}; what is critical goes to `{other}` meanwhile"),
            None => format!("{why}; its messages wait, and trying goes on"),
        },
        not_to: Some(channel),
    }
}

fn refuses_one(key: EntryKey, title: &str, why: &str, told_instead: Option<ChannelName>) -> Notice {
    Notice {
        key: format!("message {}-{} {}", key.incident, key.sequence, key.channel),
        is_over: false,
        title: format!("channel `{}` refuses a message", key.channel),
        words: format!(
            "“{title}” (#{}): {why}; {}",
            key.incident,
            instead(told_instead)
        ),
        not_to: Some(key.channel),
    }
}

fn bot_refused(channel: &ChannelName, why: &str) -> Notice {
    Notice {
        key: format!("bot of channel {channel}"),
        is_over: false,
        title: format!("Slack refuses the bot for channel `{channel}`"),
        words: format!(
            "{why}; its webhook is used meanwhile, whose messages cannot be edited; the bot is tried again every hour"
        ),
        not_to: None,
    }
}

fn instead(told: Option<ChannelName>) -> String {
    match told {
        Some(channel) => format!("its messages go to `{channel}` meanwhile"),
        None => String::from(
            "nobody gets its messages meanwhile; they are kept and tried again every hour",
        ),
    }
}

fn expired(channel: ChannelName, messages: &[(EntryKey, String)], why: Option<&str>) -> Notice {
    let titles: Vec<_> = messages
        .iter()
        .take(5)
        .map(|(key, title)| format!("#{} {title}", key.incident))
        .collect();
    let first = messages
        .first()
        .map(|(key, _)| format!("{}-{}", key.incident, key.sequence))
        .unwrap_or_default();
    Notice {
        key: format!("expired {channel} {first}"),
        is_over: false,
        title: format!(
            "{} messages for channel `{channel}` were given up after 72 h",
            messages.len()
        ),
        words: format!(
            "{}; it said last: {}",
            titles.join(", "),
            why.unwrap_or("nothing")
        ),
        not_to: Some(channel),
    }
}
