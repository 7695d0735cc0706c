//! `sli`: how available targets were. What is asked is understood here, and what was measured is put into words; the
//! arithmetic is the judge's.

mod shape;
#[cfg(test)]
mod tests;
mod text;

use std::{cmp::Reverse, collections::HashSet, time::Duration};

pub use self::{
    shape::{csv, escaped, json, markdown, sli as sli_json, slo as slo_json},
    text::{short, text},
};

pub use crate::judge::sli::{Budget, Sli, Span};

use super::{
    Heard, Question, Reply, help,
    lookup::{self, Selection},
    seek::cut_span,
};
use crate::model::{
    Board, GroupName, Target, TargetId, Timestamp,
    slo::{Objective, Slo},
    text::span,
};

/// How far back is measured unless told: a month of SLOs.
pub const WINDOW: Duration = Duration::from_hours(30 * 24);
/// The shortest window: in less than that most targets are looked at once or twice.
pub const WINDOW_MIN: Duration = Duration::from_mins(5);
/// The longest.
pub const WINDOW_MAX: Duration = Duration::from_hours(400 * 24);

/// What somebody wants to be measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Of whom, in the order of the file.
    pub targets: Vec<TargetId>,
    /// The words that selected them, cleaned; empty if everything was asked for.
    pub selection: String,
    /// How far back, from [`WINDOW_MIN`] to [`WINDOW_MAX`].
    pub window: Duration,
}

/// How available some targets were.
#[derive(Clone, PartialEq, Debug)]
pub struct Availability {
    /// The words that selected them, cleaned; empty if everything was asked for.
    pub selection: String,
    /// From when to when was measured; its end is when it was asked for.
    pub window: Span,
    /// One a target, in the order of the file.
    pub lines: Vec<Line>,
    /// The SLOs of which all targets were asked for, in the order of the file, each over its own window.
    pub slos: Vec<SloLine>,
}

/// How far an SLO is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SloLine {
    /// What it is called.
    pub name: String,
    /// What is to be reached.
    pub objective: Objective,
    /// Over how long, up to now.
    pub window: Duration,
    /// What was measured of its targets, all together.
    pub sli: Sli,
}

impl SloLine {
    /// What is allowed, and what is spent.
    pub fn budget(&self) -> Budget {
        self.sli.budget(self.objective)
    }

    /// Whether its objective is met; absent if nothing was measured.
    pub fn is_kept(&self) -> Option<bool> {
        self.sli.thousandths().map(|_| self.budget().is_kept())
    }

    /// What there is to say of it, as a clause: `99.95% of 99.9% in 30 d, 50% of the error budget left: 21 min 36 s of 43 min 12 s`.
    pub fn words(&self) -> String {
        let (objective, window) = (self.objective, span(self.window));
        let Some(share) = self.sli.words() else {
            return format!("{NOTHING_MEASURED} in {window}, {objective} is wanted");
        };
        let budget = self.budget();
        let allowed = span(budget.allowed);
        let spent = if budget.is_kept() {
            let (percent, left) = (budget.left_percent(), span(budget.left()));
            format!("{percent}% of the error budget left: {left} of {allowed}")
        } else {
            let over = span(budget.over());
            format!("the error budget of {allowed} is spent, and {over} more")
        };
        format!("{share} of {objective} in {window}, {spent}")
    }
}

/// The SLOs that only concern some of these targets, each with its targets, in the order of the file.
pub fn concerned(slos: &[Slo], board: &Board, targets: &[TargetId]) -> Vec<(Slo, Vec<TargetId>)> {
    let asked: HashSet<&TargetId> = targets.iter().collect();
    let of_slo = |slo: &Slo| {
        let rows = board.rows.iter().filter(|row| slo.takes(&row.target));
        let ids: Vec<_> = rows.map(|row| row.target.id.clone()).collect();
        let is_concerned = !ids.is_empty() && ids.iter().all(|id| asked.contains(id));
        is_concerned.then(|| (slo.clone(), ids))
    };
    slos.iter().filter_map(of_slo).collect()
}

/// How available one target was.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// Which.
    pub target: TargetId,
    /// Its group, if it has one.
    pub group: Option<GroupName>,
    /// What people call it.
    pub title: String,
    /// How long it was how.
    pub sli: Sli,
}

impl Asked {
    /// That these names, too, say who was selected.
    pub fn select_also(&mut self, names: &[&str]) {
        if !self.selection.is_empty() {
            self.selection.push_str(", of ");
        }
        self.selection.push_str(&names.join(", "));
    }

    /// Whoever the words select on the board, over this window.
    ///
    /// Stores of logs and roles of groups are no service to anybody: they are measured only if nothing else is selected.
    ///
    /// # Errors
    ///
    /// [`Nobody`] if a word names nobody, with the nearest ones.
    pub fn select(board: &Board, words: &str, window: Duration) -> Result<Self, Nobody> {
        match lookup::select(board, words) {
            Selection::Rows { rows, words } => {
                let targets = || rows.iter().map(|row| &row.target);
                let is_service = |target: &&std::sync::Arc<Target>| !target.stands_for_others();
                let has_service = targets().any(|target| is_service(&target));
                let kept = targets().filter(|target| !has_service || is_service(target));
                Ok(Self {
                    targets: kept.map(|target| target.id.clone()).collect(),
                    selection: words,
                    window,
                })
            }
            Selection::Nothing {
                understood,
                nearest,
            } => Err(Nobody {
                understood,
                nearest,
            }),
        }
    }
}

/// That words name nobody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nobody {
    /// What was not understood, as one sentence without a full stop.
    pub understood: String,
    /// The nearest words that would have been.
    pub nearest: Vec<String>,
}

impl Availability {
    /// What was measured of those who are still on the board.
    pub fn of(
        board: &Board,
        selection: String,
        window: Span,
        measured: Vec<(TargetId, Sli)>,
        slos: Vec<SloLine>,
    ) -> Self {
        let lines = measured.into_iter().filter_map(|(target, sli)| {
            let row = board.row(&target)?;
            Some(Line {
                group: row.target.group.clone(),
                title: row.target.title(),
                target,
                sli,
            })
        });
        Self {
            selection,
            window,
            lines: lines.collect(),
            slos,
        }
    }

    /// How long the window is.
    pub fn back(&self) -> Duration {
        self.window.until.since(self.window.from)
    }

    /// All of them as one: their times together.
    pub fn together(&self) -> Sli {
        let mut all = Sli::default();
        for line in &self.lines {
            all.add(&line.sli);
        }
        all
    }

    /// The worst first; whoever nothing is known of comes last.
    pub fn worst_first(&self) -> Vec<&Line> {
        let mut lines: Vec<_> = self.lines.iter().collect();
        lines.sort_by_key(|line| {
            let share = line.sli.thousandths();
            (share.is_none(), share, Reverse(line.sli.down))
        });
        lines
    }

    /// How it is asked for again.
    pub fn words(&self) -> String {
        let minutes = self.back().as_secs() / 60;
        let back = match (minutes % 60, minutes / 60) {
            (0, hours) if hours % 24 == 0 => format!("{}d", hours / 24),
            (0, hours) => format!("{hours}h"),
            _ => format!("{minutes}m"),
        };
        match self.selection.as_str() {
            "" => format!("sli {back}"),
            selection => format!("sli {selection} {back}"),
        }
    }

    /// Why there is nothing to show, if there is nothing.
    pub fn nothing(&self) -> Option<String> {
        self.lines
            .is_empty()
            .then(|| match self.selection.as_str() {
                "" => String::from("no targets"),
                selection => format!("no target is `{selection}`"),
            })
    }
}

/// What there is to say of a measure beside its share, as clauses: `down 7 min in 2 outages, the longest 5 min from 14:02:10`,
/// `degraded 1 h`, `maintenance 45 min`, `not measured 2 h`.
pub fn clauses(sli: &Sli, time: &dyn Fn(Timestamp) -> String) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(longest) = &sli.longest {
        let down = span(sli.down);
        let from = time(longest.from);
        out.push(match sli.outages {
            1 => format!("down {down} in one outage from {from}"),
            more => format!(
                "down {down} in {more} outages, the longest {} from {from}",
                span(longest.lasted)
            ),
        });
    }
    for (words, length) in [
        ("degraded", sli.degraded),
        ("maintenance", sli.maintenance),
        ("not measured", sli.not_measured),
    ] {
        if !length.is_zero() {
            out.push(format!("{words} {}", span(length)));
        }
    }
    out
}

/// What is said in place of a share of which nothing was measured.
pub const NOTHING_MEASURED: &str = "nothing measured";

/// `sli`, `sli master`, `sli master blue 7d`
pub(super) fn hear(question: &Question<'_>) -> Heard {
    let (words, back) = cut_span(question);
    let window = back.map_or(WINDOW, |(_, back)| back);
    let problem = |understood, nearest: Vec<String>| {
        Heard::Reply(Reply::Problem {
            understood,
            nearest,
            hint: help::hint(question.command),
            choices: None,
        })
    };
    let said = |name: &str, back: &str| {
        let words = ["sli", name, back];
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        words.join(" ")
    };
    let typed = back.map_or("", |(typed, _)| typed);
    match Asked::select(question.board, words, window) {
        Err(Nobody {
            understood,
            nearest,
        }) => {
            let nearest = nearest.iter().map(|name| said(name, typed));
            problem(understood, nearest.collect())
        }
        Ok(_) if window < WINDOW_MIN => problem(
            format!("`{typed}` is too short to be measured: from 5m to 400d"),
            ["1d", "30d"].map(|back| said(words, back)).to_vec(),
        ),
        Ok(_) if is_too_long(typed) => problem(
            format!("`{typed}` is too long to be measured: from 5m to 400d"),
            ["90d", "400d"].map(|back| said(words, back)).to_vec(),
        ),
        Ok(asked) => Heard::Measure(asked),
    }
}

/// Whether what was typed is longer than can be measured.
fn is_too_long(typed: &str) -> bool {
    humantime::parse_duration(typed).is_ok_and(|back| back > WINDOW_MAX)
}
