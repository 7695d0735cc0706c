//! What people can ask, and the answers as plain facts of the board: no network, no clock, no format of any chat.
//!
//! One file a command; [`COMMANDS`] is the only list of them, and help is made from it. [`lookup`] is the only place that
//! decides which target a person means. How an answer looks is decided elsewhere: [`text`] for terminals, [`json`] for
//! programs, the `slack` module for Slack.

mod help;
pub mod json;
pub mod lookup;
mod past;
mod status;
pub mod suggest;
pub mod text;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use help::HelpLine;
pub use past::Past;
pub use status::{Counts, Line, Section, Status};
pub use suggest::{Suggestion, Suggestions};

use crate::model::{Board, Timestamp, text::clean};

/// The most characters of a question that are read; the rest of a long paste is ignored.
const QUESTION_CHARACTERS_MAX: usize = 500;

/// An answer, ready to be rendered.
///
/// Everything in it that came from the asking person or from a target is cleaned and capped, and not yet escaped.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    /// How the selected targets are.
    Status(Status),
    /// What can be asked, in the order to be shown.
    Help(Vec<HelpLine>),
    /// What became of an incident that was named by its id.
    Past(Past),
    /// The question could not be answered as it was put.
    Problem {
        /// What was understood and what was not, as one sentence without a full stop.
        understood: String,
        /// The nearest questions that would be answered, best first, each complete as it would be typed after the
        /// command: `status master blue`; at most 5.
        nearest: Vec<String>,
        /// What to do next, as one sentence without a full stop.
        hint: String,
    },
}

/// One thing that people can ask for.
#[derive(Debug)]
pub struct Command {
    /// The first word.
    pub word: &'static str,
    /// What may follow it, for help; empty if nothing may.
    pub arguments: &'static str,
    /// What it does, as one clause without a full stop.
    pub what: &'static str,
    answer: fn(&Question<'_>) -> Reply,
}

/// Everything that can be asked, in the order in which help shows it.
pub const COMMANDS: &[Command] = &[
    Command {
        word: "status",
        arguments: "",
        what: "how everything is, problems first",
        answer: status::answer,
    },
    Command {
        word: "status",
        arguments: "<words>",
        what: "only what the words name, in any order: group, target, alias, icon, `down`, `degraded`, `unknown`, \
               `suspect`, `operational` or `problems`; a comma joins several",
        answer: status::answer,
    },
    Command {
        word: "help",
        arguments: "",
        what: "this list",
        answer: help::answer,
    },
];

/// A question on its way to the answer.
#[derive(Clone, Copy)]
struct Question<'a> {
    board: &'a Board,
    /// What follows the command's word.
    words: &'a str,
    now: Timestamp,
    /// How people call hekate where this was asked.
    command: &'a str,
}

/// Answers a question from what is known now.
///
/// `text` is what follows `command` (`/roih` in Slack, `hekate` in a terminal); an empty one asks for the status of
/// everything. Words that are no command but all name something are a question for its status. Nothing is ever guessed:
/// a word that nobody knows is answered with the nearest ones that exist.
pub fn ask(board: &Board, text: &str, now: Timestamp, command: &str) -> Reply {
    let text = clean(text, QUESTION_CHARACTERS_MAX);
    let (first, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let question = |words| Question {
        board,
        words,
        now,
        command,
    };
    if first.is_empty() {
        return status::answer(&question(""));
    }
    if let Some(known) = command_called(first) {
        return (known.answer)(&question(rest));
    }
    match status::answer(&question(&text)) {
        Reply::Problem { .. } => unknown_command(first, rest, &question(&text)),
        reply @ (Reply::Status(_) | Reply::Help(_) | Reply::Past(_)) => reply,
    }
}

fn command_called(word: &str) -> Option<&'static Command> {
    COMMANDS
        .iter()
        .find(|command| lookup::is_same_word(word, command.word))
}

/// Whether the status of this would be known.
fn is_answered(words: &str, question: &Question<'_>) -> bool {
    let asked = Question { words, ..*question };
    !matches!(status::answer(&asked), Reply::Problem { .. })
}

/// Neither a command nor names: says so and offers what is near of both.
fn unknown_command(first: &str, rest: &str, question: &Question<'_>) -> Reply {
    let mut nearest: Vec<String> = lookup::nearest_words(
        first,
        COMMANDS.iter().map(|command| command.word),
        lookup::NEAREST_MAX,
    )
    .into_iter()
    .map(|word| match (word.as_str(), rest) {
        ("status", rest) if !rest.is_empty() && is_answered(rest, question) => {
            format!("status {rest}")
        }
        _ => word,
    })
    .collect();
    nearest.extend(
        lookup::nearest(question.board, question.words)
            .into_iter()
            .map(|name| format!("status {name}")),
    );
    nearest.truncate(lookup::NEAREST_MAX);
    Reply::Problem {
        understood: format!(
            "`{}` is no command, and nothing that is watched is called that",
            clean(first, lookup::SHOWN_MAX)
        ),
        nearest,
        hint: help::hint(question.command),
    }
}
