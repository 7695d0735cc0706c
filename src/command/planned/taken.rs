//! `ack`, `ack end`, `hand over`, `split`: who is on an incident, and what it is about, understood from words.

use std::sync::Arc;

use super::{NoNames, Problem, Said, heard, of_incident, one};
use crate::{
    command::{
        Choice, Heard, Question,
        lookup::{self, SHOWN_MAX},
    },
    model::{
        Board, IncidentId,
        board::Row,
        planned::{IfTaken, Person, Wish},
        text::clean,
    },
};

/// `ack <incident or target> [because …]`
pub(in crate::command) fn ack(question: &Question<'_>) -> Heard {
    let (first, rest) = question.words.split_once(' ').unwrap_or_default();
    if lookup::is_same_word(first, "end") {
        return give_back(rest, question.board, question.command);
    }
    let said = match Said::read(question.words) {
        Ok(said) => said,
        Err(understood) => return Problem::new(understood, ack_hint(question.command)).into(),
    };
    acknowledge(said, question.board, question.command)
}

/// An incident that somebody gives back: `ack end <incident or target>`.
pub fn give_back(names: &str, board: &Board, command: &str) -> Heard {
    heard(given_back(names, board, command).map(Heard::Wish))
}

fn given_back(names: &str, board: &Board, command: &str) -> Result<Wish, Problem> {
    let hint = format!("say it as `{command} ack end k7f2` or `{command} ack end master blue`");
    let incident = incident_named(board, names, command)
        .map_err(|problem| problem.after("ack end", "", &hint))??;
    Ok(Wish::GiveBack { incident })
}

/// `hand over <incident or target> to @somebody`
pub(in crate::command) fn hand(question: &Question<'_>) -> Heard {
    heard(handed_over(question).map(Heard::Wish))
}

fn handed_over(question: &Question<'_>) -> Result<Wish, Problem> {
    let command = question.command;
    let hint = format!("say it as `{command} hand over master blue to @somebody`");
    let words = question.words;
    let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
    let rest = if lookup::is_same_word(first, "over") {
        rest
    } else {
        words
    };
    let parts = rest
        .rsplit_once(" to ")
        .map(|(names, to)| (names, to.trim()));
    let Some((names, to)) = parts.filter(|(_, to)| to.len() > 1 && to.starts_with('@')) else {
        return Err(Problem::new("it is not said to whom", hint));
    };
    if to.contains(" because ") {
        let words = "whoever is handed something is mentioned, and no reason is told";
        return Err(Problem::new(words, hint));
    }
    // Whoever heard it knows whom Slack means.
    let to = Person {
        name: clean(to, SHOWN_MAX),
        slack_user: None,
    };
    given_to(names.trim(), to, question.board, command)
}

/// An incident that somebody else is on from now on: `hand over <incident or target> to …`.
pub fn hand_over(names: &str, to: Person, board: &Board, command: &str) -> Heard {
    heard(given_to(names, to, board, command).map(Heard::Wish))
}

fn given_to(names: &str, to: Person, board: &Board, command: &str) -> Result<Wish, Problem> {
    let hint = format!("say it as `{command} hand over master blue to @somebody`");
    let rest = format!(" to {to}");
    let incident = incident_named(board, names, command)
        .map_err(|problem| problem.after("hand over", &rest, &hint))??;
    Ok(Wish::HandOver { incident, to })
}

fn ack_hint(command: &str) -> String {
    format!("say it as `{command} ack k7f2` or `{command} ack master blue because I restart it`")
}

/// `split <incident> [<target>, …]`
pub(in crate::command) fn split(question: &Question<'_>) -> Heard {
    split_up(question.words, question.board, question.command)
}

/// An incident of several of which all that is bad, or what is named, becomes incidents of their own: `k7f2`, `k7f2 master blue`.
pub fn split_up(words: &str, board: &Board, command: &str) -> Heard {
    heard(parted(words, board, command).map(Heard::Wish))
}

fn parted(words: &str, board: &Board, command: &str) -> Result<Wish, Problem> {
    let hint = format!("say it as `{command} split k7f2` or `{command} split k7f2 master blue`");
    let (first, names) = words.trim().split_once(' ').unwrap_or((words.trim(), ""));
    if first.is_empty() {
        return Err(Problem::new("it is not said which incident", hint));
    }
    let asked = clean(first.trim_start_matches('#'), SHOWN_MAX).to_lowercase();
    let open = board.rows.iter().find_map(|row| {
        let incident = row.facts().incident.clone();
        incident.filter(|incident| incident.as_str() == asked)
    });
    let incident = match open {
        Some(incident) => incident,
        // Whoever names a target has not said of which incident, and many words could be the id of one that is over.
        None => match (one(board, words.trim()), lookup::incident_asked(first)) {
            (Ok(row), _) => {
                let title = row.target.title();
                let mut problem = Problem::new(format!("{title} is a target, no incident"), hint);
                if let Some(incident) = &row.facts().incident {
                    let nearest = [
                        format!("split {incident} {title}"),
                        format!("split {incident}"),
                    ];
                    problem.nearest = nearest.to_vec();
                }
                return Err(problem);
            }
            (Err(_), Some(incident)) => incident,
            (Err(_), None) => return Err(Problem::new(format!("`{asked}` is no incident"), hint)),
        },
    };
    let mut targets = Vec::new();
    for name in names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let row = one(board, name)
            .map_err(|problem| problem.after(&format!("split {incident}"), "", &hint))?;
        targets.push(row.target.id.clone());
    }
    Ok(Wish::Split { incident, targets })
}

/// An incident that somebody takes on.
pub fn acknowledge(said: Said, board: &Board, command: &str) -> Heard {
    heard(taken_on(said, board, command).map(Heard::Wish))
}

fn taken_on(said: Said, board: &Board, command: &str) -> Result<Wish, Problem> {
    let hint = || ack_hint(command);
    if said.length.is_some() || said.release.is_some() {
        return Err(Problem::new(
            "an incident is taken on until it changes, not for a time",
            hint(),
        ));
    }
    if said.names.trim().is_empty() {
        let open = |row: &&Arc<Row>| row.facts().incident.is_some();
        let targets = Choice::of(board.rows.iter().filter(open));
        let nobody = NoNames {
            understood: String::from("it is not said which incident"),
            nearest: Vec::new(),
            targets,
        };
        return Err(nobody.after("ack", &said.rest(command), &hint()));
    }
    let incident = incident_named(board, &said.names, command)
        .map_err(|problem| problem.after("ack", &said.rest(command), &hint()))??;
    let why = Some(said.why).filter(|why| !why.is_empty());
    Ok(Wish::Acknowledge {
        incident,
        why,
        if_taken: IfTaken::TakeOver,
    })
}

/// The open incident that the words name, by its id or by a target; or, if they name one thing, why that has none.
fn incident_named(
    board: &Board,
    names: &str,
    command: &str,
) -> Result<Result<IncidentId, Problem>, NoNames> {
    if let Some((incident, _)) = of_incident(board, names) {
        return Ok(Ok(incident));
    }
    let row = one(board, names)?;
    Ok(row.facts().incident.clone().ok_or_else(|| {
        let title = row.target.title();
        Problem::new(
            format!("{title} has no open incident"),
            format!("`{command} status` shows what is open"),
        )
    }))
}
