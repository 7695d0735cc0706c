//! The status page: one honest sentence, then what is wrong, then everything.
//!
//! It is made from the board alone, without waiting for anything, and works without a script. What strangers see is decided in
//! one place, [`Viewer`]: they see names, states and times, and nothing of what services answered, where they are, or who
//! does what.

mod badge;
mod bars;
mod embed;
mod feed;
mod headline;
mod html;
mod latency;
mod past;
#[cfg(test)]
mod past_tests;
mod plain;
mod target;
#[cfg(test)]
mod tests;
mod words;

use chrono_tz::Tz;

pub use self::{
    badge::badge,
    feed::{Feed, Format},
    headline::{Headline, Level},
    latency::{Chart, Window},
    target::{CHANGES_MAX, TargetPage, address},
};

use crate::{
    command::{Line, Status, days::Bars},
    model::{Incident, Timestamp, Verdict, page::Language, planned::WindowFacts},
};

/// The style sheet, which the page asks for as `/page.css`.
pub const STYLE: &str = include_str!("page.css");
/// The script, which the page asks for as `/page.js`: it only asks for the page again and shows what changed.
pub const SCRIPT: &str = include_str!("page.js");

/// So many problems are told by themselves; the others stand in their groups.
const PROBLEMS_MAX: usize = 100;

/// Who looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Viewer {
    /// Somebody of the team: everything is shown.
    Insider,
    /// Anybody: names, states and times only. Of stores of logs and readings of roles, which are nobody's service, nothing.
    Public,
}

/// How the page is to look.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// What it is called.
    pub title: &'a str,
    /// In which language it is.
    pub language: Language,
    /// Who looks.
    pub viewer: Viewer,
    /// The zone of the times shown.
    pub timezone: Tz,
    /// How often a browser asks again, in seconds.
    pub refresh_seconds: u64,
    /// Whether it is a copy that lies in a folder by itself, beside the files that it names.
    pub is_copy: bool,
}

/// What the page is made from.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// How everything is at this moment.
    pub status: &'a Status,
    /// The maintenance windows of the file.
    pub windows: &'a [WindowFacts],
    /// How the last days were; absent if that is not known yet or cannot be read.
    pub bars: Option<&'a Bars>,
    /// Incidents, newest first; absent likewise.
    pub incidents: Option<&'a [Incident]>,
    /// How it is to look.
    pub look: Look<'a>,
}

impl Page<'_> {
    /// For a browser.
    #[must_use]
    pub fn html(&self) -> String {
        html::page(self).into_string()
    }

    /// For a terminal.
    #[must_use]
    pub fn plain(&self) -> String {
        plain::page(self)
    }

    /// Who of them is shown.
    fn is_shown(&self, line: &Line) -> bool {
        match self.look.viewer {
            Viewer::Insider => true,
            Viewer::Public => !line.target.stands_for_others(),
        }
    }

    fn lines(&self) -> impl Iterator<Item = &Line> + Clone {
        let sections = self.status.sections.iter();
        let lines = sections.flat_map(|section| &section.lines);
        lines.filter(|line| self.is_shown(line))
    }

    /// What is not as it should be, worst first. What is well while somebody works on it is not among them.
    fn problems(&self) -> Vec<(Level, &Line)> {
        let is_stale = |line: &&Line| line.verdict() == Verdict::Operational && line.is_stale;
        // The order of the status is kept among equals.
        let known = self.status.problems.iter();
        let mut problems: Vec<_> = known
            .filter(|line| self.is_shown(line))
            .chain(self.lines().filter(is_stale))
            .map(|line| (Level::of(line), line))
            .collect();
        problems.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        problems
    }

    fn headline(&self) -> Headline {
        Headline::of(self.lines())
    }

    /// Why it is so; strangers are not told, because it says where things are and what they answer.
    fn why<'a>(&self, line: &'a Line) -> Option<&'a str> {
        match self.look.viewer {
            Viewer::Insider => Some(line.why()),
            Viewer::Public => None,
        }
    }

    /// What happened near the beginning of its trouble; strangers are not told either.
    fn near<'a>(&self, line: &'a Line) -> &'a [String] {
        match self.look.viewer {
            Viewer::Insider => &line.facts.near,
            Viewer::Public => &[],
        }
    }

    /// A time as people of its zone read it: `14:02`, with its date if it is of another day.
    fn time(&self, at: Timestamp) -> String {
        let local = at.to_utc().with_timezone(&self.look.timezone);
        let today = self.status.now.to_utc().with_timezone(&self.look.timezone);
        let format = if local.date_naive() == today.date_naive() {
            "%H:%M"
        } else {
            "%Y-%m-%d %H:%M"
        };
        local.format(format).to_string()
    }

    /// The zone of the times, `CET`.
    fn zone(&self) -> String {
        let now = self.status.now.to_utc().with_timezone(&self.look.timezone);
        now.format("%Z").to_string()
    }
}
