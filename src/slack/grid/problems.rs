//! What is not well: alone, or together with others that are ill of the same.

use std::{collections::HashMap, fmt::Write as _};

use super::{Options, REASON_MAX, since_words, stale_words};
use crate::{
    command::{Line, Status},
    model::{GroupName, Severity, Timestamp, Verdict},
    slack::{
        block::{Block, Rich},
        look,
        mrkdwn::NAME_MAX,
    },
};

/// The most lines of problems.
const LINES_MAX: usize = 12;
/// The most names in one line.
const NAMES_MAX: usize = 6;
/// The most that the lines of problems of a block cost together.
const COST_MAX: usize = 2_500;

/// Targets of one group that are in one state for one reason.
pub(super) struct Problem<'a> {
    pub(super) verdict: Verdict,
    pub(super) why: &'a str,
    /// Since when the first of them.
    pub(super) since: Timestamp,
    group: Option<&'a GroupName>,
    lines: Vec<&'a Line>,
    severity: Severity,
}

impl Problem<'_> {
    /// `master blue`, `billing 01, 02 and 12 more`: at most so many names, the group once.
    pub(super) fn names(&self, max: usize) -> String {
        let name = |line: &&Line| match line.role() {
            Some(role) => format!("{} ({})", line.target.name, role.words()),
            None => line.target.name.clone(),
        };
        let names: Vec<String> = self.lines.iter().take(max).map(name).collect();
        let mut out = match self.group {
            Some(group) => format!("{group} {}", names.join(", ")),
            None => names.join(", "),
        };
        let more = self.lines.len().saturating_sub(max);
        if more > 0 {
            let _infallible = write!(out, " and {more} more");
        }
        out
    }
}

/// All problems, those with the same group, state and reason as one; the worst first, then the more severe, then the
/// larger.
pub(super) fn merged(status: &Status) -> Vec<Problem<'_>> {
    let mut places: HashMap<(Option<&GroupName>, Verdict, &str), usize> = HashMap::new();
    let mut problems: Vec<Problem<'_>> = Vec::new();
    for line in &status.problems {
        let group = line.target.group.as_ref();
        let place = *places
            .entry((group, line.verdict(), line.why()))
            .or_insert_with(|| {
                problems.push(Problem {
                    verdict: line.verdict(),
                    why: line.why(),
                    since: line.since(),
                    group,
                    lines: Vec::new(),
                    severity: line.target.severity,
                });
                problems.len() - 1
            });
        let problem = &mut problems[place];
        problem.since = problem.since.min(line.since());
        problem.severity = problem.severity.max(line.target.severity);
        problem.lines.push(line);
    }
    problems.sort_by_key(|problem| {
        std::cmp::Reverse((problem.verdict, problem.severity, problem.lines.len()))
    });
    problems
}

/// The problems as lines, as many as fit.
pub(super) fn block(problems: &[Problem<'_>], status: &Status, options: &Options<'_>) -> Block {
    let mut rich = Rich::new();
    let mut shown = 0;
    for problem in problems {
        if shown >= LINES_MAX || rich.cost() > COST_MAX - 300 {
            break;
        }
        rich.emoji(look::circle(problem.verdict));
        if let [line] = problem.lines.as_slice() {
            rich.emoji(line.target.icon.as_deref().unwrap_or_default());
        }
        rich.bold(&problem.names(NAMES_MAX))
            .own(" ")
            .own(look::mark(problem.verdict))
            .own(" ")
            .own(&since_words(problem.since, status, options))
            .own(" · ")
            .foreign(problem.why, REASON_MAX);
        if let [line] = problem.lines.as_slice()
            && let Some(taken) = &line.facts.acknowledged
        {
            rich.own(" · ")
                .foreign(&taken.by.name, NAME_MAX)
                .own(" is on it");
        }
        rich.end_line();
        shown += 1;
    }
    let left: usize = problems[shown..]
        .iter()
        .map(|problem| problem.lines.len())
        .sum();
    if left > 0 {
        rich.own(&format!(
            "+{left} more not well: {} status problems, or with the name of a group",
            status.command
        ));
    }
    Block::rich(rich)
}

/// Every problem on its own line; for a number of targets at which all of them fit.
pub(super) fn one_by_one(status: &Status, options: &Options<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rich = Rich::new();
    for line in &status.problems {
        if rich.cost() > COST_MAX - 300 {
            blocks.push(Block::rich(std::mem::take(&mut rich)));
        }
        rich.emoji(look::circle(line.verdict()))
            .emoji(line.target.icon.as_deref().unwrap_or_default())
            .bold(&line.title())
            .own(" ")
            .own(look::mark(line.verdict()))
            .own(" ")
            .own(&since_words(line.since(), status, options));
        if !line.why().is_empty() {
            rich.own(" · ").foreign(line.why(), REASON_MAX);
        }
        if let Some(incident) = &line.facts.incident {
            rich.own(&format!(" · #{incident}"));
        }
        if let Some(taken) = &line.facts.acknowledged {
            rich.own(" · ")
                .foreign(&taken.by.name, NAME_MAX)
                .own(" is on it");
        }
        rich.own(&stale_words(line, status).unwrap_or_default())
            .end_line();
    }
    blocks.push(Block::rich(rich));
    blocks
}
