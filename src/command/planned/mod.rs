//! `silence`, `maintenance`, `deploy`, and in `taken` `ack` and `hand`: what people plan and take on, understood from words.
//!
//! Nothing is done here: words become a [`Wish`] that names its targets, or an answer that says why not.

mod taken;
mod words;

#[cfg(test)]
mod tests;

use std::{fmt::Write as _, sync::Arc, time::Duration};

pub(super) use taken::{ack, hand, split as split_incident};
pub use taken::{acknowledge, give_back, hand_over, split_up};
pub use words::{done, json_agenda, json_done, list};

use super::{
    Choice, Choices, Heard, Question, Reply,
    lookup::{self, One, SHOWN_MAX, Selection},
};
use crate::model::{
    Board, IncidentId, TargetId,
    board::Row,
    planned::{DEPLOY_DEFAULT, Length, PlanId, PlanKind, WORDS_MAX, Wish},
    text::clean,
};

/// `silence add|list|end`
pub(super) fn silence(question: &Question<'_>) -> Heard {
    heard(plan(PlanKind::Silence, question))
}

/// `maintenance start|list|end`
pub(super) fn maintenance(question: &Question<'_>) -> Heard {
    heard(plan(PlanKind::Maintenance, question))
}

/// `deploy announce|list|end`
pub(super) fn deploy(question: &Question<'_>) -> Heard {
    heard(plan(PlanKind::Deploy, question))
}

fn heard(understood: Result<Heard, Problem>) -> Heard {
    understood.unwrap_or_else(Heard::from)
}

/// Why words are no wish.
pub(super) struct Problem {
    pub(super) understood: String,
    pub(super) nearest: Vec<String>,
    pub(super) hint: String,
    pub(super) choices: Option<Box<Choices>>,
}

impl Problem {
    pub(super) fn new(understood: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            understood: understood.into(),
            nearest: Vec::new(),
            hint: hint.into(),
            choices: None,
        }
    }
}

impl Problem {
    pub(super) fn into_reply(self) -> Reply {
        Reply::Problem {
            understood: self.understood,
            nearest: self.nearest,
            hint: self.hint,
            choices: self.choices,
        }
    }
}

impl From<Problem> for Heard {
    fn from(problem: Problem) -> Self {
        Self::Reply(problem.into_reply())
    }
}

/// What somebody said of a plan, apart from its kind.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Said {
    /// Whom it is about, as people call them.
    pub names: String,
    /// When it is to end.
    pub length: Option<Length>,
    /// Why; cleaned.
    pub why: String,
    /// What is deployed; cleaned.
    pub release: Option<String>,
}

/// The first word that a plan of this kind begins with, and the others that mean the same.
const fn beginnings(kind: PlanKind) -> &'static [&'static str] {
    match kind {
        PlanKind::Silence => &["add", "start"],
        PlanKind::Maintenance => &["start", "add"],
        PlanKind::Deploy => &["announce", "add", "start"],
    }
}

fn example(kind: PlanKind, command: &str) -> String {
    match kind {
        PlanKind::Silence => {
            format!("`{command} silence add master blue for 2h because db restore`")
        }
        PlanKind::Maintenance => {
            format!("`{command} maintenance start staging for 45m because new disks`")
        }
        PlanKind::Deploy => {
            format!("`{command} deploy announce master green for 5m release 4.18.2`")
        }
    }
}

fn plan(kind: PlanKind, question: &Question<'_>) -> Result<Heard, Problem> {
    let (first, rest) = question
        .words
        .split_once(' ')
        .unwrap_or((question.words, ""));
    let is = |word: &str| lookup::is_same_word(first, word);
    if first.is_empty() || (is("list") && rest.is_empty()) {
        return Ok(Heard::List(kind));
    }
    if is("end") || is("stop") {
        return end(kind, rest, question).map(Heard::Wish);
    }
    if beginnings(kind).iter().any(|word| is(word)) {
        let hint = format!("say it as {}", example(kind, question.command));
        let said = Said::read(rest).map_err(|understood| Problem::new(understood, hint))?;
        return Ok(begin(kind, said, question.board, question.command));
    }
    // Without its first word it would be guessed whether a name or an order was meant.
    let word = kind.as_str();
    let said = Said::read(question.words).ok();
    let is_wish = said.is_some_and(|said| understand(kind, said, question.board, "").is_ok());
    let order = is_wish.then(|| format!("{word} {} {}", beginnings(kind)[0], question.words));
    Err(Problem {
        nearest: order.into_iter().chain([format!("{word} list")]).collect(),
        ..Problem::new(
            format!(
                "`{}` is nothing that can be done with a {word}",
                clean(first, SHOWN_MAX)
            ),
            format!("say it as {}", example(kind, question.command)),
        )
    })
}

/// A plan of this kind that is to begin now.
pub fn begin(kind: PlanKind, said: Said, board: &Board, command: &str) -> Heard {
    heard(understand(kind, said, board, command).map(Heard::Wish))
}

fn understand(kind: PlanKind, said: Said, board: &Board, command: &str) -> Result<Wish, Problem> {
    let hint = || format!("say it as {}", example(kind, command));
    let targets = match kind {
        PlanKind::Silence | PlanKind::Maintenance => several(board, &said.names),
        PlanKind::Deploy => one(board, &said.names).map(|row| vec![row.target.id.clone()]),
    };
    let targets = targets.map_err(|problem| {
        let start = format!("{} {}", kind.as_str(), beginnings(kind)[0]);
        problem.after(&start, &said.rest(command), &hint())
    })?;
    let length = match (said.length, kind) {
        (Some(Length::Recovered), PlanKind::Deploy) => {
            let words = "a deploy ends by itself when what is deployed has come back";
            return Err(Problem::new(words, hint()));
        }
        (Some(length), _) => length,
        (None, PlanKind::Deploy) => Length::For(DEPLOY_DEFAULT),
        (None, PlanKind::Silence | PlanKind::Maintenance) => {
            return Err(Problem::new("it is not said for how long", hint()));
        }
    };
    if said.why.is_empty() && kind != PlanKind::Deploy {
        return Err(Problem::new("it is not said why", hint()));
    }
    if said.release.is_some() && kind != PlanKind::Deploy {
        return Err(Problem::new("only a deploy has a release", hint()));
    }
    Ok(Wish::Begin {
        kind,
        targets,
        length,
        why: said.why,
        release: said.release,
    })
}

fn end(kind: PlanKind, words: &str, question: &Question<'_>) -> Result<Wish, Problem> {
    let (command, word) = (question.command, kind.as_str());
    let hint = format!("`{command} {word} list` shows their ids");
    let Some(id) = PlanId::from_word(words.trim_start_matches('#')) else {
        let understood = if words.is_empty() {
            format!("it is not said which {word}")
        } else {
            format!("`{}` is no id of a {word}", clean(words, SHOWN_MAX))
        };
        return Err(Problem::new(understood, hint));
    };
    if id.kind != kind {
        let other = id.kind.as_str();
        return Err(Problem {
            nearest: vec![format!("{other} end {id}")],
            ..Problem::new(format!("{id} is a {other}"), hint)
        });
    }
    Ok(Wish::End { id })
}

/// An incident that the words name, and everybody on the board that belongs to it.
fn of_incident(board: &Board, names: &str) -> Option<(IncidentId, Vec<TargetId>)> {
    let id = lookup::incident_asked(names)?;
    let members: Vec<_> = board
        .rows
        .iter()
        .filter(|row| row.facts().incident.as_ref() == Some(&id))
        .map(|row| row.target.id.clone())
        .collect();
    (!members.is_empty()).then_some((id, members))
}

/// Names that name nobody, before it is known what they were said for.
pub(super) struct NoNames {
    pub(super) understood: String,
    pub(super) nearest: Vec<String>,
    /// Whom the words can mean, if that is what is wrong with them.
    targets: Vec<Choice>,
}

impl NoNames {
    /// As an answer to words that began and ended with these.
    fn after(self, start: &str, rest: &str, hint: &str) -> Problem {
        let nearest = self.nearest.into_iter();
        Problem {
            understood: self.understood,
            nearest: nearest
                .map(|name| format!("{start} {name}{rest}"))
                .collect(),
            hint: hint.to_owned(),
            choices: Choices::among(self.targets, start, rest),
        }
    }
}

/// Everybody whom the words name; never everybody because there were no words.
pub(super) fn several(board: &Board, names: &str) -> Result<Vec<TargetId>, NoNames> {
    let nobody = |understood: &str| NoNames {
        understood: understood.to_owned(),
        nearest: Vec::new(),
        targets: Vec::new(),
    };
    if names.trim_matches([',', ' ']).is_empty() {
        return Err(nobody("no target was named"));
    }
    let selection = lookup::select(board, names);
    if let Selection::Rows { rows, .. } = &selection
        && of_incident(board, names).is_none_or(|(_, members)| members.len() < rows.len())
    {
        return match rows.as_slice() {
            [] => Err(nobody("nobody is like that now")),
            rows => Ok(rows.iter().map(|row| row.target.id.clone()).collect()),
        };
    }
    match (of_incident(board, names), selection) {
        (Some((_, members)), _) => Ok(members),
        (
            None,
            Selection::Nothing {
                understood,
                nearest,
            },
        ) => Err(NoNames {
            understood,
            nearest,
            targets: Vec::new(),
        }),
        (None, Selection::Rows { .. }) => Err(nobody("nobody is like that now")),
    }
}

/// The one whom the words name.
fn one<'a>(board: &'a Board, names: &str) -> Result<&'a Arc<Row>, NoNames> {
    match lookup::one(board, names) {
        One::Row(row) => Ok(row),
        One::Several(rows) => {
            let understood = format!("this could be each of {} targets", rows.len());
            let targets = Choice::of(rows);
            let titles = targets.iter().map(|choice| choice.title.clone());
            Err(NoNames {
                understood,
                nearest: titles.take(lookup::NEAREST_MAX).collect(),
                targets,
            })
        }
        One::Nobody {
            understood,
            nearest,
        } => Err(NoNames {
            understood,
            nearest,
            targets: Vec::new(),
        }),
    }
}

impl Said {
    /// What was said beside the names, as it would be typed behind them: in Slack as words, in a terminal as options.
    fn rest(&self, command: &str) -> String {
        let is_terminal = !command.starts_with('/');
        let dashes = if is_terminal { "--" } else { "" };
        let mut rest = String::new();
        match self.length {
            Some(Length::For(length)) => {
                let length = humantime::format_duration(length).to_string();
                let _ = write!(rest, " {dashes}for {}", length.replace(' ', ""));
            }
            Some(Length::At(time)) => {
                let _ = write!(rest, " {dashes}until {}", time.format("%H:%M"));
            }
            Some(Length::Recovered) => {
                let _ = write!(rest, " {dashes}until recovered");
            }
            None => {}
        }
        if let Some(release) = &self.release {
            let _ = write!(rest, " {dashes}release {release}");
        }
        if !self.why.is_empty() && is_terminal {
            let _ = write!(rest, " --reason '{}'", self.why.replace('\'', r"'\''"));
        } else if !self.why.is_empty() {
            let _ = write!(rest, " because {}", self.why);
        }
        rest
    }

    /// Names, and behind them in any order `for 2h` or `until 08:00` or `until recovered`, `release 4.18.2`, and last `because …`; a dash before a word, as in a
    /// terminal, makes no difference. What follows a length or a release and is none of these is the reason as well.
    pub(super) fn read(words: &str) -> Result<Self, String> {
        let mut said = Self::default();
        let mut names: Vec<&str> = Vec::new();
        let mut rest = words.trim();
        let mut is_behind_names = false;
        while !rest.is_empty() {
            let (word, after) = split(rest);
            let (key, value) = word
                .split_once('=')
                .map_or((word, None), |(key, value)| (key, Some(value)));
            let key = key.trim_start_matches(['-', '—', '–']).to_lowercase();
            let is_option = word.starts_with(['-', '—', '–']);
            let value = value.filter(|_| is_option);
            match key.as_str() {
                "for" => {
                    let (length, after) = length(value, after)?;
                    said.set_length(Length::For(length))?;
                    is_behind_names = true;
                    rest = after;
                }
                "until" => {
                    let read = match value {
                        Some(value) => until(value).map(|(length, _)| (length, after)),
                        None => until(after),
                    };
                    // `for 2h until the disks are there` is a reason.
                    let is_reason = is_behind_names && !is_option && read.is_err();
                    rest = if is_reason {
                        said.why = reason(rest);
                        ""
                    } else {
                        let (length, after) = read?;
                        said.set_length(length)?;
                        after
                    };
                    is_behind_names = true;
                }
                "release" => {
                    let (release, after) =
                        value.map_or_else(|| split(after), |value| (value, after));
                    said.set_release(release)?;
                    is_behind_names = true;
                    rest = after;
                }
                "because" | "reason" => {
                    said.why = reason(&match value {
                        Some(value) => format!("{value} {after}"),
                        None => after.to_owned(),
                    });
                    rest = "";
                }
                _ if is_option => {
                    return Err(format!("`{}` is not known here", clean(word, SHOWN_MAX)));
                }
                _ if is_behind_names => {
                    said.why = reason(rest);
                    rest = "";
                }
                _ => {
                    names.push(word);
                    rest = after;
                }
            }
        }
        said.names = names.join(" ");
        Ok(said)
    }
}

impl Said {
    fn set_length(&mut self, length: Length) -> Result<(), String> {
        match self.length.replace(length) {
            Some(_) => Err(String::from("it is said twice for how long")),
            None => Ok(()),
        }
    }

    fn set_release(&mut self, release: &str) -> Result<(), String> {
        if release.is_empty() {
            return Err(String::from("it is not said which release"));
        }
        match self.release.replace(clean(release, WORDS_MAX)) {
            Some(_) => Err(String::from("it is said twice which release")),
            None => Ok(()),
        }
    }
}

/// `recovered`, `it recovers`, `08:00`, `tomorrow 08:00`: when a plan is to end, and what is said behind it.
///
/// # Errors
///
/// A clause that says what is none of these.
pub fn until(words: &str) -> Result<(Length, &str), String> {
    let (first, after) = split(words.trim());
    let is = |word: &str, other: &str| word.eq_ignore_ascii_case(other);
    let (second, behind) = split(after);
    if is(first, "recovered") || is(first, "recovery") {
        return Ok((Length::Recovered, after));
    }
    if is(first, "it") && (is(second, "recovers") || is(second, "recovered")) {
        return Ok((Length::Recovered, behind));
    }
    // No plan lasts longer than a day, so the next such time may be that of tomorrow anyway.
    let (clock, behind) = if is(first, "tomorrow") {
        (second, behind)
    } else {
        (first, after)
    };
    let clock = Length::clock(clock).map(Length::At);
    clock.map(|length| (length, behind)).ok_or_else(|| {
        let first = clean(first, SHOWN_MAX);
        format!("`{first}` is neither a time such as 08:00 nor `recovered`")
    })
}

/// The first word and what follows it.
fn split(words: &str) -> (&str, &str) {
    let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
    (word, rest.trim_start())
}

/// `2h`, `2h 30m`, `2 hours`: as many words as are a length.
fn length<'a>(value: Option<&'a str>, after: &'a str) -> Result<(Duration, &'a str), String> {
    if let Some(value) = value {
        return match humantime::parse_duration(value) {
            Ok(length) => Ok((length, after)),
            Err(_) => Err(no_length(value)),
        };
    }
    let mut found = None;
    let ends = after
        .match_indices(' ')
        .map(|(at, _)| at)
        .chain([after.len()]);
    for end in ends.take(4) {
        if let Ok(length) = humantime::parse_duration(&after[..end]) {
            found = Some((length, after[end..].trim_start()));
        }
    }
    found.ok_or_else(|| no_length(split(after).0))
}

fn no_length(word: &str) -> String {
    if word.is_empty() {
        String::from("it is not said for how long")
    } else {
        format!(
            "`{}` is no length such as 30m or 2h",
            clean(word, SHOWN_MAX)
        )
    }
}

/// A reason without the quotes around it, and of a length that can be shown.
fn reason(words: &str) -> String {
    let quotes = ['"', '\'', '“', '”', '„', '‘', '’'];
    clean(words.trim_matches(quotes), WORDS_MAX)
}
