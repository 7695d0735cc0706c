//! `help`: what can be asked.

use super::{COMMANDS, Question, Reply};

/// One line of help.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HelpLine {
    /// What to type, with the command in front: `/roih status <words>`.
    pub usage: String,
    /// What it does, as one clause without a full stop; names to type stand in backticks.
    pub what: &'static str,
}

pub(super) fn answer(question: &Question<'_>) -> Reply {
    Reply::Help(
        COMMANDS
            .iter()
            .map(|command| HelpLine {
                usage: [question.command, command.word, command.arguments]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join(" "),
                what: command.what,
            })
            .collect(),
    )
}

/// Where to read on.
pub(super) fn hint(command: &str) -> String {
    format!("`{command} help` lists what can be asked")
}
