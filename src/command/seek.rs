//! `history` and `check`: what the board does not know and has to be sought, in the store or by a look.

use std::{sync::Arc, time::Duration};

use super::{
    Heard, Line, Question,
    known::{self, Fact},
    lookup::{self, One},
};
use crate::model::{
    Board, Observation, TargetId, Timestamp, Transition, Verdict, board::Facts, text::span,
};

/// How far back history goes unless told.
pub const BACK: Duration = Duration::from_hours(7 * 24);
/// The longest span that can be asked for.
const BACK_MAX: Duration = Duration::from_hours(400 * 24);

/// What somebody wants to know that the board does not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sought {
    /// Of whom.
    pub target: TargetId,
    /// What.
    pub what: What,
}

/// What can be sought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// How it was.
    History {
        /// How far back, 7 d unless told, 400 d at most.
        back: Duration,
    },
    /// How it is now.
    Look,
}

/// How a target was.
#[derive(Clone, PartialEq, Debug)]
pub struct History {
    /// What people call it.
    pub title: String,
    /// How its checks changed, oldest first.
    pub transitions: Vec<Transition>,
    /// How far back was asked.
    pub back: Duration,
    /// When it was asked for.
    pub now: Timestamp,
}

/// What one look saw that somebody asked for. It is no evidence: nothing is judged by it.
#[derive(Clone, PartialEq, Debug)]
pub struct Looked {
    /// The target, with what the look saw in place of what is known.
    pub line: Line,
    /// What it counts as all the same …
    pub standing: Verdict,
    /// … and since when.
    pub standing_since: Timestamp,
    /// How long the look took.
    pub took: Duration,
    /// When it was over.
    pub now: Timestamp,
}

impl History {
    /// How it is asked for again.
    pub fn words(&self) -> String {
        let minutes = self.back.as_secs() / 60;
        let back = match (minutes % 60, minutes / 60) {
            (0, hours) if hours % 24 == 0 => format!("{}d", hours / 24),
            (0, hours) => format!("{hours}h"),
            _ => format!("{minutes}m"),
        };
        format!("history {} {back}", self.title)
    }
}

impl Looked {
    /// How it is asked for again.
    pub fn words(&self) -> String {
        format!("check {}", self.line.target.title())
    }

    /// What a look saw of a target on the board; absent if it is not watched any more.
    pub fn of(board: &Board, target: &TargetId, look: &Observation) -> Option<Self> {
        let row = board.row(target)?;
        let mut line = Line::of(row, look.finished.at);
        let (standing, standing_since) = (line.facts.settled, line.facts.since);
        line.facts = Arc::new(Facts::of_look(look));
        Some(Self {
            line,
            standing,
            standing_since,
            took: look.took(),
            now: look.finished.at,
        })
    }

    /// What the look saw, a fact a line.
    pub fn facts(&self) -> Vec<Fact> {
        known::seen(&self.line)
    }

    /// What it changes: nothing.
    pub fn standing_words(&self, time: &dyn Fn(Timestamp) -> String) -> String {
        format!(
            "it counts as {} since {}; a look by hand changes nothing of that",
            self.standing,
            time(self.standing_since)
        )
    }

    /// `84 ms`
    pub fn took_words(&self) -> String {
        span(Duration::from_millis(
            u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        ))
    }
}

/// `history master blue`, `history master blue 3d`, `history master blue for 3d`
pub(super) fn history(question: &Question<'_>) -> Heard {
    let (words, span) = cut_span(question);
    let back = span.map_or(BACK, |(_, back)| back);
    let narrowed = Question { words, ..*question };
    known::one(&narrowed, "history", span.map_or("", |(word, _)| word)).map_or_else(
        |reply| Heard::Reply(*reply),
        |row| {
            Heard::Seek(Sought {
                target: row.target.id.clone(),
                what: What::History { back },
            })
        },
    )
}

/// `check master blue`
pub(super) fn check(question: &Question<'_>) -> Heard {
    known::one(question, "check", "").map_or_else(
        |reply| Heard::Reply(*reply),
        |row| {
            Heard::Seek(Sought {
                target: row.target.id.clone(),
                what: What::Look,
            })
        },
    )
}

/// Whether these words ask for a look, as far as the first of them says.
pub fn asks_for_look(words: &str) -> bool {
    let first = words.split_whitespace().next();
    first.is_some_and(|first| lookup::is_same_word(first, "check"))
}

/// The words without a span of time behind them, and that span as it was typed and as it is. A target may be called like one.
pub(super) fn cut_span<'a>(question: &Question<'a>) -> (&'a str, Option<(&'a str, Duration)>) {
    let words = question.words.trim();
    if let One::Row(_) = lookup::one(question.board, words) {
        return (words, None);
    }
    let (before, last) = words.rsplit_once(' ').unwrap_or(("", words));
    let Ok(back) = humantime::parse_duration(last) else {
        return (words, None);
    };
    let before = before.trim_end();
    let shorter = ["for", "since", "last"].iter().find_map(|word| {
        let (rest, end) = before.rsplit_once(' ')?;
        lookup::is_same_word(end, word).then_some(rest)
    });
    let span = (last, back.min(BACK_MAX));
    (shorter.unwrap_or(before), Some(span))
}
