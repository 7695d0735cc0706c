//! `restart master green` and whatever else the file declares; `show tasks`, `confirm`, `cancel`, `on-call`, `toy`.
//!
//! Nothing is done here: words become an [`Order`] that names one target, or an answer that says why not.

mod form;
mod words;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

pub use form::{Correction, Filled, Form, Input, corrections};
pub use words::{Asking, ByForm, answered, json_actions, json_answered};

use super::{
    Heard, Question, Reply,
    lookup::{self, One, SHOWN_MAX},
    planned::{Problem, Said},
};
use crate::{
    judge::guard::{self, Case},
    model::{
        Board, Timestamp,
        action::{Action, Ask, Asker, Confirm, Order, Refusal, RoleWanted},
        board::Row,
        plan::OnCall,
        roles::Role,
        rota::{Rota, Turn},
        text::{clean, span},
    },
};

/// So many people of a user group are named; the rest is counted.
const PEOPLE_SHOWN: usize = 10;
/// What follows `deploy` when it is about an announcement and not about an action of that name.
const PLANNED: [&str; 6] = ["announce", "add", "start", "list", "end", "stop"];

/// The action that the words begin with, and the words behind it; absent if they begin with none.
fn called<'a>(board: &Board, words: &'a str) -> Option<(Arc<Action>, &'a str)> {
    let mut best: Option<(Arc<Action>, &str, usize)> = None;
    for action in board.actions.iter() {
        for phrase in action.phrases() {
            let length = phrase.split(' ').count();
            let is_longer = best.as_ref().is_none_or(|(_, _, known)| length > *known);
            if let Some(rest) = behind(words, &phrase).filter(|_| is_longer) {
                best = Some((Arc::clone(action), rest, length));
            }
        }
    }
    best.map(|(action, rest, _)| (action, rest))
}

/// What follows the phrase, if the words begin with it; `-`, `_`, a space and case make no difference.
fn behind<'a>(words: &'a str, phrase: &str) -> Option<&'a str> {
    let mut rest = words.trim_start();
    for piece in phrase.split(' ') {
        let end = rest
            .char_indices()
            .find(|(_, c)| [' ', '-', '_'].contains(c));
        let (word, after) = match end {
            Some((at, c)) => (&rest[..at], &rest[at + c.len_utf8()..]),
            None => (rest, ""),
        };
        if word.is_empty() || word.to_lowercase() != piece {
            return None;
        }
        rest = after;
    }
    // `restart-green` is one word, and no order.
    let taken = words.trim_start().len() - rest.len();
    let last = words.trim_start()[..taken].chars().next_back();
    (rest.is_empty() || last == Some(' ')).then(|| rest.trim_start())
}

/// An order, if the words begin with an action of the file.
pub(super) fn hear(question: &Question<'_>) -> Option<Heard> {
    let (action, rest) = called(question.board, question.words)?;
    let first = rest.split(' ').next().unwrap_or_default();
    if action.phrases().any(|phrase| phrase == "deploy")
        && PLANNED.iter().any(|word| lookup::is_same_word(first, word))
    {
        return None;
    }
    let hint = format!(
        "say it as `{} {} master green`, and if you like `because …`",
        question.command,
        action.title()
    );
    let heard = Said::read(rest)
        .map_err(|understood| Problem::new(understood, hint.clone()))
        .and_then(|said| {
            if said.length.is_some() || said.release.is_some() {
                return Err(Problem::new(
                    "an action has neither a length nor a release",
                    hint,
                ));
            }
            let row = one(question.board, &action, &said.names)?;
            Ok(Heard::Order(Order::Ask(Ask {
                action: action.name.clone(),
                target: row.target.id.clone(),
                why: said.why,
                typed: None,
                nonce: String::new(),
                trigger: None,
                is_dry: false,
                reason_may_follow: false,
            })))
        });
    Some(heard.unwrap_or_else(Heard::from))
}

/// An order from its parts, as programs give it.
///
/// # Errors
///
/// What was not understood.
pub fn order(board: &Board, action: &str, names: &str) -> Result<Ask, Box<Reply>> {
    let phrase = clean(action, SHOWN_MAX);
    let known = called(board, &phrase).filter(|(_, rest)| rest.is_empty());
    let found = match known {
        Some((action, _)) => one(board, &action, names).map(|row| (action, row)),
        None => Err(Problem::new(
            format!("the file declares no action `{phrase}`"),
            "`hekate action list` shows what there is",
        )),
    };
    match found {
        Ok((action, row)) => Ok(Ask {
            action: action.name.clone(),
            target: row.target.id.clone(),
            why: String::new(),
            typed: None,
            nonce: String::new(),
            trigger: None,
            is_dry: false,
            reason_may_follow: false,
        }),
        Err(problem) => Err(Box::new(problem.into_reply())),
    }
}

/// The one target that the words name. Of several that they all name, the only one whose role fits, if the asker sees its name
/// before anything is done.
fn one<'a>(board: &'a Board, action: &Action, names: &str) -> Result<&'a Arc<Row>, Problem> {
    let title = action.title();
    let hint = || {
        format!("say it as `{title} master green`; `show tasks` with a name says what can be done")
    };
    match lookup::one(board, names) {
        One::Row(row) => Ok(row),
        One::Several(rows) => {
            let fits = |row: &&&Arc<Row>| {
                let groups = &action.guard.when.groups;
                let is_here = groups.is_empty()
                    || row
                        .target
                        .group
                        .as_ref()
                        .is_some_and(|g| groups.contains(g));
                is_here && has_role(action, row)
            };
            let fitting: Vec<_> = rows.iter().filter(fits).collect();
            match fitting.as_slice() {
                [row] if action.guard.confirm != Confirm::No => Ok(row),
                _ => Err(Problem {
                    nearest: rows
                        .iter()
                        .take(lookup::NEAREST_MAX)
                        .map(|row| format!("{title} {}", row.target.title()))
                        .collect(),
                    ..Problem::new(
                        format!("this could be each of {} targets", rows.len()),
                        "name one of them",
                    )
                }),
            }
        }
        One::Nobody {
            understood,
            nearest,
        } => Err(Problem {
            nearest: nearest
                .into_iter()
                .map(|name| format!("{title} {name}"))
                .collect(),
            ..Problem::new(understood, hint())
        }),
    }
}

/// Whether its role is one that this action is surely for; what has no role, or one that nobody knows, is not.
fn has_role(action: &Action, row: &Row) -> bool {
    let role = row.role().and_then(|facts| facts.role);
    match action.guard.when.role {
        RoleWanted::NotActive | RoleWanted::Inactive => role == Some(Role::Inactive),
        RoleWanted::Active => role == Some(Role::Active),
        // It is for each of them, so which one is meant has to be said.
        RoleWanted::Any => false,
    }
}

/// `show tasks <target>`
pub(super) fn show(question: &Question<'_>) -> Heard {
    let (first, rest) = question
        .words
        .split_once(' ')
        .unwrap_or((question.words, ""));
    let hint = format!("say it as `{} show tasks master green`", question.command);
    if !["tasks", "task", "actions"]
        .iter()
        .any(|word| lookup::is_same_word(first, word))
    {
        let understood = if first.is_empty() {
            String::from("it is not said what to show")
        } else {
            format!("`{}` cannot be shown", clean(first, SHOWN_MAX))
        };
        return Problem::new(understood, hint).into();
    }
    match lookup::one(question.board, rest) {
        One::Row(row) => Heard::Tasks(row.target.id.clone()),
        One::Several(rows) => Problem {
            nearest: rows
                .iter()
                .take(lookup::NEAREST_MAX)
                .map(|row| format!("show tasks {}", row.target.title()))
                .collect(),
            ..Problem::new(
                format!("this could be each of {} targets", rows.len()),
                "name one of them",
            )
        }
        .into(),
        One::Nobody {
            understood,
            nearest,
        } => Problem {
            nearest: nearest
                .into_iter()
                .map(|name| format!("show tasks {name}"))
                .collect(),
            ..Problem::new(understood, hint)
        }
        .into(),
    }
}

/// What this person could have done to this target now, and why not the rest.
pub fn tasks(
    board: &Board,
    row: &Row,
    asker: &Asker,
    now: Timestamp,
    command: &str,
) -> Vec<String> {
    let title = row.target.title();
    if board.actions.is_empty() {
        return vec![String::from(
            "the file declares no actions; `actions:` in targets.yaml is the place",
        )];
    }
    let mut out = Vec::new();
    for action in board.actions.iter() {
        let name = action.title();
        let line = match permitted(action, row, asker, now) {
            Ok(()) => {
                let mut line = format!("`{command} {name} {title}`");
                line.push_str(match action.guard.confirm {
                    Confirm::No => ", at once",
                    Confirm::Button => ", after a confirmation",
                    Confirm::TypeName => ", after its name was typed",
                });
                if action.guard.needs_second_person {
                    line.push_str(" and somebody else has confirmed");
                }
                if action.guard.needs_reason {
                    line.push_str("; say `because …`");
                }
                if let Some(rate) = action.guard.rate {
                    line.push_str("; at most ");
                    let _ = write!(line, "{} per {}", rate.count, span(rate.within));
                }
                line
            }
            Err(refusal) => format!("not {name}: {}", refusal.words),
        };
        out.push(line);
    }
    out
}

fn permitted(action: &Action, row: &Row, asker: &Asker, now: Timestamp) -> Result<(), Refusal> {
    let title = row.target.title();
    let ask = Ask {
        action: action.name.clone(),
        target: row.target.id.clone(),
        // That a reason is wanted is said beside it.
        why: String::from("shown"),
        typed: None,
        nonce: String::new(),
        trigger: None,
        is_dry: true,
        reason_may_follow: false,
    };
    guard::permit(&Case {
        now,
        action,
        title: &title,
        ask: &ask,
        group: row.target.group.as_ref(),
        role: row.role().and_then(|facts| facts.role),
        verdict: row.facts().settled,
        asker,
        recent: &[],
        attempt: None,
    })
}

/// `confirm <word> [<name>] [because …]`
pub(super) fn confirm(question: &Question<'_>) -> Heard {
    match word_of(question) {
        Ok((nonce, rest)) => {
            let (name, why) = name_and_reason(&rest);
            Heard::Order(Order::Confirm {
                nonce,
                typed: Some(name).filter(|name| !name.is_empty()),
                why,
            })
        }
        Err(problem) => problem.into(),
    }
}

/// What stands before the word `because`, and what is said with it.
fn name_and_reason(words: &str) -> (String, Option<String>) {
    let mut ends = std::iter::once(0).chain(words.match_indices(' ').map(|(at, _)| at + 1));
    let is_because = |at: &usize| {
        let word = words[*at..].split(' ').next().unwrap_or_default();
        word.trim_start_matches(['-', '—', '–'])
            .eq_ignore_ascii_case("because")
    };
    let said = ends.find(is_because).and_then(|at| {
        let said = Said::read(&words[at..]).ok()?;
        Some((words[..at].trim().to_owned(), said.why))
    });
    match said {
        Some((name, why)) => (name, Some(why).filter(|why| !why.is_empty())),
        None => (words.to_owned(), None),
    }
}

/// `cancel <word>`
pub(super) fn cancel(question: &Question<'_>) -> Heard {
    match word_of(question) {
        Ok((nonce, _)) => Heard::Order(Order::Cancel { nonce }),
        Err(problem) => problem.into(),
    }
}

fn word_of(question: &Question<'_>) -> Result<(String, String), Problem> {
    let words = question.words.trim();
    let (nonce, rest) = words.split_once(' ').unwrap_or((words, ""));
    if nonce.is_empty() {
        return Err(Problem::new(
            "it is not said what",
            "every question says the word that confirms it",
        ));
    }
    Ok((clean(nonce, SHOWN_MAX), rest.trim().to_owned()))
}

/// Who is in user groups, by their ids, as far as somebody was asked; absent who could not say.
pub type Groups = BTreeMap<String, Option<Vec<String>>>;

/// `on-call`: who is on call by the file, as sentences without a full stop; who is in its user groups is said of those that are given.
pub fn on_call(board: &Board, now: Timestamp, groups: &Groups) -> Vec<String> {
    if board.on_call.is_empty() {
        return vec![String::from(
            "the file names nobody; `on_call:` in targets.yaml is the place",
        )];
    }
    let line = |entry: &OnCall| {
        let mut who = Vec::new();
        who.extend(entry.user_group.as_ref().map(|id| {
            let people = groups.get(id).map(|people| in_group(people.as_deref()));
            format!("user group {id}{}", people.unwrap_or_default())
        }));
        who.extend(entry.users.iter().map(|id| format!("user {id}")));
        who.extend(entry.rota.as_ref().and_then(|rota| turns(rota, now)));
        let quiet = if entry.quiet_hours.is_some() {
            "; has quiet hours for what can wait"
        } else {
            ""
        };
        format!("{}: {}{quiet}", entry.name, who.join(", "))
    };
    board.on_call.iter().map(line).collect()
}

/// ` (user U0ALICE and user U0BOB)`
fn in_group(people: Option<&[String]>) -> String {
    let Some(people) = people else {
        return String::from(" (who is in it is unknown: Slack did not say)");
    };
    let mut names: Vec<_> = people
        .iter()
        .take(PEOPLE_SHOWN)
        .map(|id| format!("user {id}"))
        .collect();
    match people.len().saturating_sub(PEOPLE_SHOWN) {
        0 if names.is_empty() => names.push(String::from("nobody is in it")),
        0 => {}
        more => names.push(format!("{more} more")),
    }
    format!(" ({})", names.join(" and "))
}

/// `user U0ALICE until Mon 30 Nov 09:00 CET, then user U0BOB`
fn turns(rota: &Rota, now: Timestamp) -> Option<String> {
    let names = |turn: &Turn<'_>| {
        let users = turn.users.iter().map(|id| format!("user {id}"));
        users.collect::<Vec<_>>().join(" and ")
    };
    let turn = rota.turn_at(now)?;
    let next = rota.turn_at(turn.until)?;
    let until = turn.until.to_utc().with_timezone(&rota.timezone);
    Some(format!(
        "{} until {}, then {}",
        names(&turn),
        until.format("%a %-d %b %H:%M %Z"),
        names(&next)
    ))
}

/// `toy`: whoever plays with it shall have an answer.
pub(super) fn toy(question: &Question<'_>) -> Heard {
    const LINES: [&str; 4] = [
        "here is a small wooden train; it restarts only when nobody is on it",
        "a rubber duck listens; tell it what the last deploy changed",
        "three juggling balls: blue, green, and the one that was never deployed",
        "a kite; it is up, has been for a while, and nobody was told",
    ];
    let place = question.now.as_seconds().rem_euclid(4);
    let line = LINES[usize::try_from(place).unwrap_or(0)];
    Heard::Reply(Reply::Said(vec![line.to_owned()]))
}
