//! What people can ask, and the answers as plain facts of the board: no network, no clock, no format of any chat.
//!
//! One file a command; [`COMMANDS`] is the only list of them, and help is made from it. [`lookup`] is the only place that
//! decides which target a person means. How an answer looks is decided elsewhere: [`text`] for terminals, [`json`] for
//! programs, the `slack` module for Slack.

pub mod act;
mod choices;
pub mod days;
pub mod fresh;
mod help;
mod home;
pub mod json;
pub mod known;
pub mod lookup;
mod mark;
mod past;
pub mod planned;
pub mod release;
pub mod seek;
pub mod sli;
mod status;
pub mod suggest;
pub mod text;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use choices::{Choice, Choices};
pub use fresh::Fresh;
pub use help::HelpLine;
pub use home::{Home, Taken, Trouble};
pub use known::Known;
pub use mark::Opinion;
pub use past::Past;
pub use seek::{History, Looked, Sought};
pub use sli::Availability;
pub use status::{Counts, Line, Section, Status};
pub use suggest::{Suggestion, Suggestions};

use crate::model::{
    Board, TargetId, Timestamp,
    action::Order,
    planned::{PlanKind, Wish},
    text::clean,
};

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
    /// All that is known of one target.
    Known(Box<Known>),
    /// How a target was.
    History(History),
    /// What a look saw that was asked for.
    Looked(Box<Looked>),
    /// How available targets were.
    Availability(Availability),
    /// How fresh the data of jobs is.
    Fresh(Fresh),
    /// Sentences without a full stop; what can be typed stands in backticks.
    Said(Vec<String>),
    /// Something waits for a confirmation.
    Asking(act::Asking),
    /// The question could not be answered as it was put.
    Problem {
        /// What was understood and what was not, as one sentence without a full stop.
        understood: String,
        /// The nearest questions that would be answered, best first, each complete as it would be typed after the
        /// command: `status master blue`; at most 5.
        nearest: Vec<String>,
        /// What to do next, as one sentence without a full stop.
        hint: String,
        /// Whom the words can mean, if it is known; `nearest` begins with the first of them.
        choices: Option<Box<Choices>>,
    },
}

/// What somebody typed, understood.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    /// It is answered from what is known.
    Reply(Reply),
    /// It is answered by what is planned: everything of this kind.
    List(PlanKind),
    /// Something is to be done; whoever heard it knows by whom, and hands it on.
    Wish(Wish),
    /// Something is to be done to a target, or confirmed, or not done; whoever heard it knows by whom, and hands it on.
    Order(Order),
    /// What whoever asks could have done to this target.
    Tasks(TargetId),
    /// Somebody says what an incident was worth.
    Opinion(Opinion),
    /// It is to be sought; whoever heard it knows where.
    Seek(Sought),
    /// It is to be measured how available these were; whoever heard it knows from what.
    Measure(sli::Asked),
    /// Who is on call; whoever heard it may know who is in the user groups: [`act::on_call`] says it.
    OnCall,
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
    hear: fn(&Question<'_>) -> Heard,
}

/// Everything that can be asked, in the order in which help shows it.
pub const COMMANDS: &[Command] = &[
    Command {
        word: "status",
        arguments: "",
        what: "how everything is, problems first",
        hear: |question| Heard::Reply(status::answer(question)),
    },
    Command {
        word: "status",
        arguments: "<words>",
        what: "only what the words name, in any order: group, target, alias, icon, `down`, `degraded`, `unknown`, \
               `suspect`, `operational` or `problems`; a comma joins several",
        hear: |question| Heard::Reply(status::answer(question)),
    },
    Command {
        word: "why",
        arguments: "<target or incident>",
        what: "all that is known of it: what the last looks saw, who was told and when, what keeps it from being told",
        hear: |question| known::answer(question, "why"),
    },
    Command {
        word: "health",
        arguments: "<target>",
        what: "the same, for something that is well",
        hear: |question| known::answer(question, "health"),
    },
    Command {
        word: "history",
        arguments: "<target> [<7d>]",
        what: "how it changed, latest first",
        hear: seek::history,
    },
    Command {
        word: "sli",
        arguments: "[<words>] [<30d>]",
        what: "how available they were, the worst first: outages, maintenance, and what nobody could measure",
        hear: sli::hear,
    },
    Command {
        word: "fresh",
        arguments: "[<job>]",
        what: "how fresh the data is that jobs bring: when each last ended well, and what keeps it from the next time",
        hear: |question| Heard::Reply(fresh::answer(question)),
    },
    Command {
        word: "release",
        arguments: "announce <names> version <version>[: <what changed>; …]",
        what: "say that something is released: it is told, looked after, and said with whatever fails near it",
        hear: release::heard,
    },
    Command {
        word: "releases",
        arguments: "[words]",
        what: "what was released lately, to all or to those whom the words name, and what came of it",
        hear: |question| Heard::Reply(release::answer(question)),
    },
    Command {
        word: "check",
        arguments: "<target>",
        what: "look at it now; nothing is judged by that",
        hear: seek::check,
    },
    Command {
        word: "ack",
        arguments: "<incident or target> [because <reason>]",
        what: "take it on: no reminders until it changes; `ack end <incident>` gives it back",
        hear: planned::ack,
    },
    Command {
        word: "hand",
        arguments: "over <incident or target> to @<somebody>",
        what: "somebody else is on it from now on, and is mentioned; Slack has to know them",
        hear: planned::hand,
    },
    Command {
        word: "split",
        arguments: "<incident> [<targets>]",
        what: "what is bad in an incident of several is told one by one from now on; or only the targets that are named",
        hear: planned::split_incident,
    },
    Command {
        word: "silence",
        arguments: "add <words> for <2h> because <reason>",
        what: "tell nothing new of them for at most a day; or `until recovered`, `until 08:00`; `list` shows what is silenced, `end <id>` ends it",
        hear: planned::silence,
    },
    Command {
        word: "maintenance",
        arguments: "start <words> for <45m> because <reason>",
        what: "the same, because somebody works on them; `list` and `end <id>` as well",
        hear: planned::maintenance,
    },
    Command {
        word: "deploy",
        arguments: "announce <target> [for <5m>] [release <name>]",
        what: "it may go down for a while, unless it is active; `list` and `end <id>` as well",
        hear: planned::deploy,
    },
    Command {
        word: "show",
        arguments: "tasks <target>",
        what: "what you can have done to it, such as `restart master green`, and why not the rest",
        hear: act::show,
    },
    Command {
        word: "confirm",
        arguments: "<word> [<target>]",
        what: "do what was asked; the question says the word, and `cancel <word>` takes it back",
        hear: act::confirm,
    },
    Command {
        word: "cancel",
        arguments: "<word>",
        what: "take back what was asked",
        hear: act::cancel,
    },
    Command {
        word: "panic",
        arguments: "",
        what: "everything that is wrong, and nothing else",
        hear: |question| {
            Heard::Reply(status::answer(&Question {
                words: "problems",
                ..*question
            }))
        },
    },
    Command {
        word: "on-call",
        arguments: "",
        what: "who is on call, and who is in a user group",
        hear: |_| Heard::OnCall,
    },
    Command {
        word: "toy",
        arguments: "",
        what: "something to play with",
        hear: act::toy,
    },
    Command {
        word: "mark",
        arguments: "<incident> false-alarm because <reason>",
        what: "what it was worth when it is over; or `useful`",
        hear: mark::answer,
    },
    Command {
        word: "help",
        arguments: "",
        what: "this list",
        hear: |question| Heard::Reply(help::answer(question)),
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

fn question_of<'a>(
    board: &'a Board,
    words: &'a str,
    now: Timestamp,
    command: &'a str,
) -> Question<'a> {
    Question {
        board,
        words,
        now,
        command,
    }
}

/// Answers a question from what is known now; of what is no question but an order, says so.
///
/// Otherwise as [`hear`].
pub fn ask(board: &Board, text: &str, now: Timestamp, command: &str) -> Reply {
    match hear(board, text, now, command) {
        Heard::Reply(reply) => reply,
        Heard::OnCall => Reply::Said(act::on_call(board, now, &act::Groups::new())),
        Heard::List(_)
        | Heard::Wish(_)
        | Heard::Opinion(_)
        | Heard::Order(_)
        | Heard::Tasks(_)
        | Heard::Seek(_)
        | Heard::Measure(_) => Reply::Problem {
            understood: String::from("nothing can be done here, only asked"),
            nearest: Vec::new(),
            hint: help::hint(command),
            choices: None,
        },
    }
}

/// Understands what was typed, and answers what is a question from what is known now.
///
/// `text` is what follows `command` (`/roih` in Slack, `hekate` in a terminal); an empty one asks for the status of
/// everything. Words that are no command but all name something are a question for its status. Nothing is ever guessed:
/// a word that nobody knows is answered with the nearest ones that exist.
pub fn hear(board: &Board, text: &str, now: Timestamp, command: &str) -> Heard {
    let text = clean(text, QUESTION_CHARACTERS_MAX);
    let (first, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let question = |words| question_of(board, words, now, command);
    if first.is_empty() {
        return Heard::Reply(status::answer(&question("")));
    }
    // Declared by the file, so it goes first; none can be called like a command but `deploy`.
    if let Some(heard) = act::hear(&question(&text)) {
        return heard;
    }
    if let Some(known) = command_called(first) {
        return (known.hear)(&question(rest));
    }
    Heard::Reply(match status::answer(&question(&text)) {
        Reply::Problem { .. } => unknown_command(first, rest, &question(&text)),
        reply @ (Reply::Status(_)
        | Reply::Help(_)
        | Reply::Past(_)
        | Reply::Known(_)
        | Reply::History(_)
        | Reply::Looked(_)
        | Reply::Availability(_)
        | Reply::Fresh(_)
        | Reply::Asking(_)
        | Reply::Said(_)) => reply,
    })
}

/// Whether this begins as something that hekate does: with a command, or an action of the file.
pub fn is_command(board: &Board, text: &str, now: Timestamp, command: &str) -> bool {
    let text = clean(text, QUESTION_CHARACTERS_MAX);
    let first = text.split(' ').next().unwrap_or_default();
    command_called(first).is_some() || act::hear(&question_of(board, &text, now, command)).is_some()
}

fn command_called(word: &str) -> Option<&'static Command> {
    COMMANDS
        .iter()
        .find(|command| lookup::is_same_word(word, command.word))
}

/// Whether a command with these words behind it would be understood.
fn is_understood(word: &str, words: &str, question: &Question<'_>) -> bool {
    let heard = command_called(word).map(|known| (known.hear)(&Question { words, ..*question }));
    heard.is_some_and(|heard| !matches!(heard, Heard::Reply(Reply::Problem { .. })))
}

/// Neither a command nor names: says so and offers what is near of both.
fn unknown_command(first: &str, rest: &str, question: &Question<'_>) -> Reply {
    let mut nearest: Vec<String> = lookup::nearest_words(
        first,
        COMMANDS.iter().map(|command| command.word),
        lookup::NEAREST_MAX,
    )
    .into_iter()
    .filter_map(|word| {
        if !rest.is_empty() && is_understood(&word, rest, question) {
            return Some(format!("{word} {rest}"));
        }
        // Some say nothing by themselves.
        is_understood(&word, "", question).then_some(word)
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
        choices: None,
    }
}
