//! What one person wants to see first: how everything is, what they have taken on, who is on call.

use std::{cmp::Reverse, sync::Arc};

use super::{Line, Status, act};
use crate::model::{
    Board, IncidentId, Timestamp, Verdict,
    planned::{Acknowledgement, Planned},
};

/// All of it, at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct Home {
    /// How everything is.
    pub status: Status,
    /// What is not well: what shares an incident is one trouble; the worst first.
    pub troubles: Vec<Trouble>,
    /// What this person has taken on and is not over, the newest first.
    pub taken: Vec<Taken>,
    /// What this person has begun and is not over, what ends first first.
    pub begun: Vec<Arc<Planned>>,
    /// Who is on call, as sentences without a full stop.
    pub on_call: Vec<String>,
    /// What could be typed next, each after the command.
    pub tries: [String; 3],
}

/// What is not well for one reason.
#[derive(Clone, PartialEq, Debug)]
pub struct Trouble {
    /// The incident, if there is one.
    pub incident: Option<IncidentId>,
    /// Who; never empty.
    pub lines: Vec<Line>,
    /// Whether this person has taken it on.
    pub is_theirs: bool,
}

/// An incident that somebody has taken on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Which.
    pub incident: IncidentId,
    /// Who it is about.
    pub titles: Vec<String>,
    /// When, and what was said.
    pub acknowledgement: Acknowledgement,
}

impl Home {
    /// What this person, by their id in Slack, sees now. `command` is how people call hekate.
    pub fn of(board: &Board, user_id: &str, now: Timestamp, command: &str) -> Self {
        let status = Status::of(board, &board.rows, now, String::new(), command);
        let troubles = troubles(&status.problems, user_id);
        let is_theirs = |taken: &Acknowledgement| taken.by.slack_user.as_deref() == Some(user_id);
        let mut taken: Vec<_> = troubles
            .iter()
            .filter_map(|trouble| {
                let of_it = trouble.lines.iter();
                let mut acknowledged = of_it.filter_map(|line| line.facts.acknowledged.as_ref());
                Some(Taken {
                    incident: trouble.incident.clone()?,
                    titles: trouble.lines.iter().map(Line::title).collect(),
                    acknowledgement: acknowledged.find(|taken| is_theirs(taken))?.clone(),
                })
            })
            .collect();
        taken.sort_by_key(|taken| Reverse(taken.acknowledgement.at));
        let agenda = board.agenda.load();
        let mut begun: Vec<_> = agenda
            .made
            .iter()
            .filter(|plan| plan.by.slack_user.as_deref() == Some(user_id) && plan.ended.is_none())
            .cloned()
            .collect();
        begun.sort_by_key(|plan| plan.until);
        let example = status.problems.first().or_else(|| status.lines().next());
        let example = example.map_or_else(
            || String::from("on-call"),
            |line| format!("why {}", line.target.title()),
        );
        Self {
            troubles,
            taken,
            begun,
            on_call: act::on_call(board, now, &act::Groups::new()),
            tries: [String::from("status"), example, String::from("help")],
            status,
        }
    }
}

/// Lines with the same incident together, in the order of the first of each.
fn troubles(problems: &[Line], user_id: &str) -> Vec<Trouble> {
    let is_theirs = |line: &Line| {
        let taken = line.facts.acknowledged.as_ref();
        taken.is_some_and(|taken| taken.by.slack_user.as_deref() == Some(user_id))
    };
    let mut places = std::collections::HashMap::new();
    let mut troubles: Vec<Trouble> = Vec::new();
    for line in problems {
        let incident = line.facts.incident.clone();
        let place = match &incident {
            Some(id) => *places.entry(id.clone()).or_insert(troubles.len()),
            None => troubles.len(),
        };
        match troubles.get_mut(place) {
            Some(trouble) => {
                trouble.is_theirs |= is_theirs(line);
                trouble.lines.push(line.clone());
            }
            None => troubles.push(Trouble {
                incident,
                is_theirs: is_theirs(line),
                lines: vec![line.clone()],
            }),
        }
    }
    troubles
}

impl Trouble {
    /// How bad it is.
    pub fn worst(&self) -> Verdict {
        let verdicts = self.lines.iter().map(Line::verdict);
        verdicts.max().unwrap_or(Verdict::Unknown)
    }

    /// Since when the first of the worst of them.
    pub fn since(&self) -> Option<Timestamp> {
        let worst = self.worst();
        let lines = self.lines.iter().filter(|line| line.verdict() == worst);
        lines.map(Line::since).min()
    }
}
