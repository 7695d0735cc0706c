//! `status`: how the selected targets are.

use std::{cmp::Reverse, collections::HashMap, sync::Arc, time::Duration};

use super::{
    Question, Reply, help,
    lookup::{self, Selection},
};
use crate::model::{
    Board, Group, Target, Timestamp, Verdict,
    board::{Facts, LogFacts, Row},
    lapse::Lapse,
    planned::Note,
    roles::{Role, RoleFacts},
};

/// For so long a lapse is shown with every status.
const LAPSES_FOR: Duration = Duration::from_hours(24);

/// How the selected targets are, at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct Status {
    /// The words that narrowed it, cleaned; empty if everything was asked for.
    pub selection: String,
    /// How people call hekate where this was asked, such as `/roih`.
    pub command: String,
    /// When it was asked.
    pub now: Timestamp,
    /// How many targets are how.
    pub counts: Counts,
    /// Everything that is not operational: the worst first; among equals the more severe, then the more recent, so that
    /// what is cut off at the end is what everybody has known for days.
    pub problems: Vec<Line>,
    /// All selected targets by group, in the order of the file; targets without a group come last.
    pub sections: Vec<Section>,
    /// When the most recent look at any of them was finished; absent if there was none yet.
    pub measured_at: Option<Timestamp>,
    /// When the look was finished that is the oldest of their most recent ones; absent if there was none yet.
    pub oldest_at: Option<Timestamp>,
    /// hekate's own troubles, each as a clause, worst first.
    pub troubles: Vec<String>,
    /// What keeps some of the selected targets from being told of, and how many each.
    pub notes: Vec<(Note, usize)>,
    /// Times of the last 24 h in which nobody looked or nobody could see, oldest first.
    pub lapses: Vec<Lapse>,
}

/// The selected targets of one group.
#[derive(Clone, PartialEq, Debug)]
pub struct Section {
    /// The group; absent for targets without one.
    pub group: Option<Group>,
    /// The targets in the order of the file; never empty.
    pub lines: Vec<Line>,
}

/// One target at the moment of asking.
#[derive(Clone, Debug)]
pub struct Line {
    /// What the file says of it.
    pub target: Arc<Target>,
    /// What is known of it.
    pub facts: Arc<Facts>,
    /// When the last look was finished, and how long it took.
    pub looked: Option<(Timestamp, Duration)>,
    /// Whether that is longer ago than two and a half intervals.
    pub is_stale: bool,
    /// What is known of its log, if one is read.
    pub log: Option<Arc<LogFacts>>,
    /// What is known of its role, if it has one; of the roles of a group who says what.
    pub role: Option<Arc<RoleFacts>>,
}

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        self.target.id == other.target.id
            && self.facts == other.facts
            && self.looked == other.looked
            && self.is_stale == other.is_stale
            && self.log == other.log
            && self.role == other.role
    }
}

impl Line {
    /// Its role, if it has one.
    pub fn role(&self) -> Option<Role> {
        self.role.as_ref()?.role
    }

    /// What people call it, with its role: `master blue (active)`.
    pub fn title(&self) -> String {
        match self.role() {
            Some(role) => format!("{} ({})", self.target.title(), role.words()),
            None => self.target.title(),
        }
    }

    /// What is known of one row at this time.
    pub fn of(row: &Row, now: Timestamp) -> Self {
        Self {
            target: Arc::clone(&row.target),
            facts: row.facts(),
            looked: row.looked(),
            is_stale: row.is_stale(now),
            log: row.log(),
            role: row.role(),
        }
    }

    /// What the grid shows.
    pub fn verdict(&self) -> Verdict {
        self.facts.verdict
    }

    /// Why, as one clause: while a failure is being confirmed what the last bad look said, else why the verdict holds.
    pub fn why(&self) -> &str {
        match &self.facts.suspicion {
            Some(suspicion) if self.verdict() == Verdict::Suspect => &suspicion.words,
            _ => &self.facts.reason.words,
        }
    }

    /// Since when it is so.
    pub fn since(&self) -> Timestamp {
        match &self.facts.suspicion {
            Some(suspicion) if self.verdict() == Verdict::Suspect => suspicion.since,
            _ => self.facts.since,
        }
    }

    /// How long the last look took, if it is what the verdict speaks of: of something operational.
    pub fn latency(&self) -> Option<Duration> {
        // Who calls us takes no time.
        if self.target.checks.iter().all(|check| check.kind.calls_us()) {
            return None;
        }
        match self.verdict() {
            Verdict::Operational | Verdict::Degraded => self
                .looked
                .map(|(_, took)| took)
                .or_else(|| self.facts.last_good.map(|good| good.took)),
            Verdict::Suspect | Verdict::Unknown | Verdict::Down => None,
        }
    }
}

/// How many targets are how.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// It works.
    pub operational: usize,
    /// It failed a look and is being confirmed.
    pub suspect: usize,
    /// We cannot say.
    pub unknown: usize,
    /// It works, but not well.
    pub degraded: usize,
    /// It does not work.
    pub down: usize,
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Operational => self.operational += 1,
            Verdict::Suspect => self.suspect += 1,
            Verdict::Unknown => self.unknown += 1,
            Verdict::Degraded => self.degraded += 1,
            Verdict::Down => self.down += 1,
        }
    }

    /// How many are so.
    pub fn of(&self, verdict: Verdict) -> usize {
        match verdict {
            Verdict::Operational => self.operational,
            Verdict::Suspect => self.suspect,
            Verdict::Unknown => self.unknown,
            Verdict::Degraded => self.degraded,
            Verdict::Down => self.down,
        }
    }

    /// All of them.
    pub fn total(&self) -> usize {
        Verdict::ALL
            .into_iter()
            .map(|verdict| self.of(verdict))
            .sum()
    }

    /// Each verdict that there is, worst first, and how many.
    pub fn present(&self) -> impl Iterator<Item = (Verdict, usize)> + '_ {
        Verdict::ALL
            .into_iter()
            .rev()
            .map(|verdict| (verdict, self.of(verdict)))
            .filter(|&(_, count)| count > 0)
    }
}

impl Status {
    /// How these rows of the board are, whatever selected them.
    pub fn of<'a>(
        board: &Board,
        rows: impl IntoIterator<Item = &'a Arc<Row>>,
        now: Timestamp,
        selection: String,
        command: &str,
    ) -> Self {
        let lines: Vec<Line> = rows.into_iter().map(|row| Line::of(row, now)).collect();
        let mut counts = Counts::default();
        for line in &lines {
            counts.add(line.verdict());
        }
        let mut problems: Vec<Line> = lines
            .iter()
            .filter(|line| line.verdict() != Verdict::Operational)
            .cloned()
            .collect();
        problems.sort_by_key(|line| Reverse((line.verdict(), line.target.severity, line.since())));
        let ourselves = board.ourselves.load();
        let looks = || {
            lines
                .iter()
                .filter_map(|line| line.looked)
                .map(|(at, _)| at)
        };
        Self {
            selection,
            command: command.to_owned(),
            now,
            counts,
            measured_at: looks().max(),
            oldest_at: looks().min(),
            problems,
            troubles: ourselves.troubles(),
            notes: notes(&lines),
            lapses: ourselves.lapses_since(now - LAPSES_FOR).cloned().collect(),
            sections: sections(board, lines),
        }
    }

    /// All selected targets, group by group.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.sections.iter().flat_map(|section| &section.lines)
    }
}

/// Each plan once, with the number of targets that it keeps from being told of.
fn notes(lines: &[Line]) -> Vec<(Note, usize)> {
    let mut out: Vec<(Note, usize)> = Vec::new();
    for note in lines.iter().filter_map(|line| line.facts.note.as_ref()) {
        match out.iter_mut().find(|(known, _)| known == note) {
            Some((_, count)) => *count += 1,
            None => out.push((note.clone(), 1)),
        }
    }
    out
}

/// Sorts lines into the groups of the file.
fn sections(board: &Board, lines: Vec<Line>) -> Vec<Section> {
    let places: HashMap<_, usize> = board
        .groups
        .iter()
        .enumerate()
        .map(|(place, group)| (&group.name, place))
        .collect();
    let mut by_place: Vec<Vec<Line>> = vec![Vec::new(); board.groups.len() + 1];
    for line in lines {
        let place = line
            .target
            .group
            .as_ref()
            .and_then(|name| places.get(name).copied())
            .unwrap_or(board.groups.len());
        by_place[place].push(line);
    }
    by_place
        .into_iter()
        .enumerate()
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(place, lines)| Section {
            group: board.groups.get(place).cloned(),
            lines,
        })
        .collect()
}

pub(super) fn answer(question: &Question<'_>) -> Reply {
    let &Question {
        board,
        words,
        now,
        command,
    } = question;
    match lookup::select(board, words) {
        Selection::Rows { rows, words } => {
            Reply::Status(Status::of(board, rows, now, words, command))
        }
        Selection::Nothing {
            understood,
            nearest,
        } => Reply::Problem {
            understood,
            nearest: nearest
                .into_iter()
                .map(|name| format!("status {name}"))
                .collect(),
            hint: help::hint(command),
            choices: None,
        },
    }
}
