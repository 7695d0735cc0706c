//! `fresh`: how fresh the data is that jobs bring, for people who are no engineers.

use std::{cmp::Reverse, sync::Arc};

use serde_json::{Value, json};

use super::{
    Question, Reply, help,
    lookup::{self, Selection},
    text::{Look, mark, padded},
};
use crate::model::{
    Board, TargetId, Timestamp, Verdict,
    board::Row,
    job::{Fault, JobFacts},
    text::span,
};

/// How fresh the data of some jobs is, at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fresh {
    /// The words that narrowed it, cleaned; empty if everything was asked for.
    pub selection: String,
    /// When it was asked.
    pub now: Timestamp,
    /// One a job: those in trouble first, else in the order of the file.
    pub lines: Vec<Line>,
}

/// One job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Which.
    pub target: TargetId,
    /// What it is called.
    pub name: String,
    /// An emoji; identity, never state.
    pub icon: Option<String>,
    /// How it is.
    pub verdict: Verdict,
    /// Why, if it is in trouble; may be foreign.
    pub why: Option<String>,
    /// What is known of its runs; absent for the first moments of a process.
    pub facts: Option<Arc<JobFacts>>,
}

/// The jobs that the words select, or all.
pub(super) fn answer(question: &Question<'_>) -> Reply {
    match Fresh::select(question.board, question.words, question.now) {
        Ok(fresh) => Reply::Fresh(fresh),
        Err(Nobody {
            understood,
            nearest,
        }) => Reply::Problem {
            understood,
            nearest: nearest
                .into_iter()
                .map(|name| format!("fresh {name}"))
                .collect(),
            hint: help::hint(question.command),
            choices: None,
        },
    }
}

/// That words name no job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nobody {
    /// What was not understood, as one sentence without a full stop.
    pub understood: String,
    /// The nearest names of jobs.
    pub nearest: Vec<String>,
}

impl Fresh {
    /// The jobs that the words select; all without words.
    ///
    /// # Errors
    ///
    /// [`Nobody`] if the words name no job, with the nearest ones.
    pub fn select(board: &Board, words: &str, now: Timestamp) -> Result<Self, Nobody> {
        let jobs = || board.rows.iter().filter(|row| row.target.job().is_some());
        if jobs().next().is_none() {
            return Err(Nobody {
                understood: String::from(
                    "there is no job in the file; `jobs:` says what is to run when",
                ),
                nearest: Vec::new(),
            });
        }
        let (understood, selection) = match lookup::select(board, words) {
            Selection::Rows { rows, words } => {
                let mut lines: Vec<_> = rows
                    .iter()
                    .filter(|row| row.target.job().is_some())
                    .map(|row| line_of(row))
                    .collect();
                if !lines.is_empty() {
                    lines.sort_by_key(|line| Reverse(line.verdict));
                    return Ok(Self {
                        selection: words,
                        now,
                        lines,
                    });
                }
                (format!("`{words}` is no job"), words)
            }
            Selection::Nothing {
                understood,
                nearest: _,
            } => (understood, words.to_owned()),
        };
        let names = || jobs().map(|row| row.target.name.as_str());
        let mut nearest = lookup::nearest_words(&selection, names(), lookup::NEAREST_MAX);
        if nearest.is_empty() {
            nearest = names()
                .take(lookup::NEAREST_MAX)
                .map(str::to_owned)
                .collect();
        }
        Err(Nobody {
            understood,
            nearest,
        })
    }

    /// How many are in trouble.
    pub fn troubled(&self) -> usize {
        let mut troubled = self.lines.iter();
        let is_troubled = |line: &&Line| line.verdict != Verdict::Operational && line.why.is_some();
        troubled.by_ref().filter(is_troubled).count()
    }

    /// All of it in one sentence without a full stop.
    pub fn headline(&self) -> String {
        let jobs = match self.lines.len() {
            1 => String::from("One job"),
            several => format!("{several} jobs"),
        };
        match (self.troubled(), self.lines.as_slice()) {
            (0, [line]) => format!("{}: {}", line.name, as_of(line, &|at| ago(at, self.now))),
            (0, _) => format!("{jobs}, all as fresh as they should be"),
            (1, [line]) => format!("{} is in trouble", line.name),
            (troubled, _) => format!("{jobs}, {troubled} in trouble"),
        }
    }
}

fn line_of(row: &Row) -> Line {
    let facts = row.facts();
    let is_troubled = match facts.settled {
        Verdict::Operational | Verdict::Suspect | Verdict::Unknown => false,
        Verdict::Degraded | Verdict::Down => true,
    };
    Line {
        target: row.target.id.clone(),
        name: row.target.name.clone(),
        icon: row.target.icon.clone(),
        verdict: facts.settled,
        why: is_troubled.then(|| facts.reason.words.clone()),
        facts: row.job(),
    }
}

/// `fresh as of 10:12`.
fn as_of(line: &Line, time: &dyn Fn(Timestamp) -> String) -> String {
    match line.facts.as_ref().map(|facts| &facts.good) {
        Some(Some(good)) => format!("fresh as of {}", time(good.at)),
        Some(None) => String::from("no good run seen yet"),
        None => String::from("not known yet"),
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(now.since(at)))
}

impl Line {
    /// What there is to say of it, a clause each: what is wrong, if anything is, `fresh as of 10:12 (12 min ago)`, what the job said, `every 2 h`, …;
    /// parts of it are foreign.
    pub fn clauses(&self, now: Timestamp, time: &dyn Fn(Timestamp) -> String) -> Vec<String> {
        let full = |at: Timestamp| format!("{} ({})", time(at), ago(at, now));
        let mut clauses: Vec<_> = self.why.iter().cloned().collect();
        clauses.push(as_of(self, &full));
        let Some(facts) = &self.facts else {
            return clauses;
        };
        if let Some(said) = facts.good.as_ref().map(|good| &good.said)
            && !said.is_empty()
        {
            clauses.push(said.clone());
        }
        clauses.push(facts.rhythm.clone());
        if let Some((began, _)) = facts.running.last() {
            clauses.push(format!("a run is on its way since {}", time(*began)));
        } else if let Some(due_at) = facts.due_at.filter(|due| *due > now) {
            clauses.push(format!("next due {}", time(due_at)));
        }
        if let Some(unheard) = facts.unheard {
            clauses.push(format!(
                "whether the run of {} came is not known, hekate was not listening",
                time(unheard)
            ));
        }
        clauses
    }
}

/// For a terminal: a line a job.
pub fn text(fresh: &Fresh, look: Look) -> String {
    let width = fresh.lines.iter().map(|line| line.name.chars().count());
    let width = width.max().unwrap_or(0);
    let mut out = String::new();
    for line in &fresh.lines {
        let clauses = line.clauses(fresh.now, &|at| look.time(at, fresh.now));
        let parts = [
            "  ",
            &look.paint(line.verdict, &mark(line.verdict).to_string()),
            " ",
            &padded(&line.name, width),
            "  ",
            &clauses.join(" · "),
            "\n",
        ];
        out.extend(parts);
    }
    out
}

/// For programs.
pub fn json(fresh: &Fresh) -> Value {
    let jobs: Vec<_> = fresh.lines.iter().map(json_of).collect();
    json!({ "at": fresh.now.to_string(), "selection": fresh.selection, "jobs": jobs })
}

fn json_of(line: &Line) -> Value {
    let facts = line.facts.as_deref();
    let good = facts.and_then(|facts| facts.good.as_ref());
    let last = facts.and_then(|facts| facts.last.as_ref());
    let running = facts.map_or(&[][..], |facts| &facts.running);
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "name": line.name,
        "target": line.target.as_str(),
        "state": line.verdict.as_str(),
        "why": line.why,
        "rhythm": facts.map(|facts| facts.rhythm.clone()),
        "fresh_as_of": time(good.map(|good| good.at)),
        "took_ms": good.and_then(|good| good.took).map(|took| took.as_millis()),
        "said": good.map(|good| good.said.clone()).filter(|said| !said.is_empty()),
        "last_ended_at": time(last.map(|last| last.at)),
        "last_failure": last.and_then(|last| last.failure.clone()),
        "last_fault": last.and_then(|last| last.fault).map(Fault::as_str),
        "running_since": running.iter().map(|(since, _)| since.to_string()).collect::<Vec<_>>(),
        "due_at": time(facts.and_then(|facts| facts.due_at)),
        "missed_at": time(facts.and_then(|facts| facts.missed)),
        "unheard_at": time(facts.and_then(|facts| facts.unheard)),
    })
}
