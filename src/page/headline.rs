//! The one sentence that the page begins with: as bad as it is, and no better.

use crate::{
    command::Line,
    model::{
        Verdict,
        plan::Severity,
        planned::{Note, PlanKind},
        roles::Role,
    },
};

/// How all of it is, by its worst part.
///
/// Ordered: what is planned never outranks an outage elsewhere, and what cannot be seen is never fine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Nothing is watched.
    Empty,
    /// All of it works.
    Fine,
    /// It works as far as is certain, and something failed a look that is being repeated.
    Checking,
    /// Somebody works on a part of it, as planned.
    Maintenance,
    /// Of a part of it nobody can say how it is.
    Unseen,
    /// A part of it works, but not well.
    Degraded,
    /// Something is down that carries no load, or that does not have to be up at once.
    Partial,
    /// Something is down that people need.
    Outage,
}

impl Level {
    /// A word for style sheets and programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Fine => "fine",
            Self::Checking => "checking",
            Self::Maintenance => "maintenance",
            Self::Unseen => "unseen",
            Self::Degraded => "degraded",
            Self::Partial => "partial",
            Self::Outage => "outage",
        }
    }

    /// How one target is.
    pub fn of(line: &Line) -> Self {
        let is_planned = maintenance(line).is_some();
        match line.verdict() {
            Verdict::Down | Verdict::Degraded if is_planned => Self::Maintenance,
            Verdict::Down if is_needed(line) => Self::Outage,
            Verdict::Down => Self::Partial,
            Verdict::Degraded => Self::Degraded,
            Verdict::Unknown => Self::Unseen,
            // The last that is known of it is too old to be true.
            Verdict::Operational | Verdict::Suspect if line.is_stale => Self::Unseen,
            Verdict::Operational | Verdict::Suspect if is_planned => Self::Maintenance,
            Verdict::Suspect => Self::Checking,
            Verdict::Operational => Self::Fine,
        }
    }
}

/// The maintenance that a target is in, if any.
pub(super) fn maintenance(line: &Line) -> Option<&Note> {
    let note = line.facts.note.as_ref()?;
    (note.kind == PlanKind::Maintenance).then_some(note)
}

/// Whether people miss it at once: it is critical, and it is not the half that only stands by.
fn is_needed(line: &Line) -> bool {
    line.target.severity >= Severity::Critical && line.role() != Some(Role::Inactive)
}

/// What the sentence is made of.
#[derive(Clone, PartialEq, Debug)]
pub struct Headline {
    /// How all of it is.
    pub level: Level,
    /// What is exactly so, as people call it and with its role, in the order of the lines.
    pub affected: Vec<(String, Option<Role>)>,
    /// How many there are in all.
    pub total: usize,
}

impl Headline {
    /// Of these lines.
    pub fn of<'a>(lines: impl Iterator<Item = &'a Line> + Clone) -> Self {
        let level = lines.clone().map(Level::of).max().unwrap_or(Level::Empty);
        let affected = lines.clone().filter(|line| Level::of(line) == level);
        Self {
            level,
            affected: if level > Level::Fine {
                affected
                    .map(|line| (line.target.title(), line.role()))
                    .collect()
            } else {
                Vec::new()
            },
            total: lines.count(),
        }
    }
}
