//! What people say in a script: the same words as in a terminal or in Slack, understood by the same code.

use crate::{
    command::{self, Heard, Reply},
    config::script::Who,
    model::{
        Board, Timestamp,
        action::{Ask, Asker, Door, Order},
        planned::{Person, Wish},
    },
};

/// How hekate is called in a script.
const COMMAND: &str = "hekate";

/// Who says it.
pub(super) fn somebody() -> Person {
    Person {
        name: String::from("the script"),
        slack_user: None,
    }
}

/// Somebody in Slack: this user, where the step says, and in the groups that it says.
pub(super) fn in_slack(user: &str, who: &Who) -> Asker {
    Asker {
        by: Person {
            name: format!("@{user}"),
            slack_user: Some(user.to_owned()),
        },
        door: Door::Slack {
            channel: who.channel.clone(),
            channel_name: who.channel_name.clone(),
        },
        memberships: Some(who.member_of.clone()),
    }
}

/// What is asked for with these words, or why nothing is, as a sentence without a full stop.
pub(super) fn ask(board: &Board, words: &str, now: Timestamp) -> Result<Ask, String> {
    match command::hear(board, words, now, COMMAND) {
        Heard::Order(Order::Ask(ask)) => Ok(ask),
        Heard::Reply(Reply::Problem {
            understood, hint, ..
        }) => Err(format!("{understood}; {hint}")),
        Heard::Order(Order::Confirm { .. } | Order::Recall { .. } | Order::Cancel { .. })
        | Heard::Wish(_)
        | Heard::List(_)
        | Heard::Tasks(_)
        | Heard::Seek(_)
        | Heard::Measure(_)
        | Heard::OnCall
        | Heard::Opinion(_)
        | Heard::Reply(
            Reply::Status(_)
            | Reply::Help(_)
            | Reply::Past(_)
            | Reply::Known(_)
            | Reply::Asking(_)
            | Reply::History(_)
            | Reply::Looked(_)
            | Reply::Availability(_)
            | Reply::Fresh(_)
            | Reply::Said(_),
        ) => Err(format!("`{words}` asks for no action of the file")),
    }
}

/// What is wished with these words, or why nothing is, as a sentence without a full stop.
pub(super) fn wish(board: &Board, words: &str, now: Timestamp) -> Result<Wish, String> {
    match command::hear(board, words, now, COMMAND) {
        Heard::Wish(wish) => Ok(wish),
        Heard::Reply(Reply::Problem {
            understood, hint, ..
        }) => Err(format!("{understood}; {hint}")),
        Heard::List(_)
        | Heard::Order(_)
        | Heard::Tasks(_)
        | Heard::Seek(_)
        | Heard::Measure(_)
        | Heard::OnCall
        | Heard::Opinion(_)
        | Heard::Reply(
            Reply::Status(_)
            | Reply::Help(_)
            | Reply::Past(_)
            | Reply::Known(_)
            | Reply::Asking(_)
            | Reply::History(_)
            | Reply::Looked(_)
            | Reply::Availability(_)
            | Reply::Fresh(_)
            | Reply::Said(_),
        ) => Err(format!(
            "`{words}` is a question, and nothing comes of a question"
        )),
    }
}
