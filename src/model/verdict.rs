//! What we hold to be true of a target, and why.

use std::fmt;

use super::observation::FailureClass;

/// What we hold to be true.
///
/// Ordered from best to worst for a person: the worst of a target's checks is the target's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// It works.
    Operational,
    /// It failed a look and is being confirmed; shown, never told.
    Suspect,
    /// We cannot say.
    Unknown,
    /// It works, but not well.
    Degraded,
    /// It does not work.
    Down,
}

impl Verdict {
    /// All of them, best first.
    pub const ALL: [Self; 5] = [
        Self::Operational,
        Self::Suspect,
        Self::Unknown,
        Self::Degraded,
        Self::Down,
    ];

    /// The word for people, records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::Suspect => "suspect",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }

    /// The verdict with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == word)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The rule of judgement that decided.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rule {
    /// Nothing was seen yet.
    NotYetSeen,
    /// The first look that counts was good.
    FirstLook,
    /// A full burst of looks failed; how strong the weakest of them was.
    Confirmed(FailureClass),
    /// So many of the last regular looks failed as the file asks for.
    Counted,
    /// A full burst of answers fell short.
    FallsShort,
    /// Too many regular looks failed over time, though never all in a row.
    PartialFailure,
    /// Most of the last answers were slower than the limit.
    Slow,
    /// A full burst of answers could not be used: not let in, or nothing known at that path.
    NoVerdict,
    /// Enough good looks in a row.
    Recovered,
    /// It answers again after an outage, but many looks still fail.
    AnswersAgain,
    /// No look was finished for too long, through our own fault.
    Stale,
    /// What it depends on is down, so that nobody can say how it is.
    Blocked,
}

impl Rule {
    /// Whether it was decided by looks that were bad, or good, from one moment to another; else by a single look or by
    /// how many of the last ones were bad, and no span belongs to it.
    pub const fn has_span(self) -> bool {
        match self {
            Self::Confirmed(_)
            | Self::Counted
            | Self::FallsShort
            | Self::NoVerdict
            | Self::Recovered
            | Self::AnswersAgain
            | Self::Stale => true,
            Self::NotYetSeen
            | Self::FirstLook
            | Self::PartialFailure
            | Self::Slow
            | Self::Blocked => false,
        }
    }

    /// The word for records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotYetSeen => "not_yet_seen",
            Self::FirstLook => "first_look",
            Self::Confirmed(FailureClass::Explicit) => "confirmed_explicit",
            Self::Confirmed(FailureClass::Refused) => "confirmed_refused",
            Self::Confirmed(FailureClass::Silent) => "confirmed_silent",
            Self::Counted => "counted",
            Self::FallsShort => "falls_short",
            Self::PartialFailure => "partial_failure",
            Self::Slow => "slow",
            Self::NoVerdict => "no_verdict",
            Self::Recovered => "recovered",
            Self::AnswersAgain => "answers_again",
            Self::Stale => "stale",
            Self::Blocked => "blocked",
        }
    }
}

/// Why a verdict is what it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// Which rule decided.
    pub rule: Rule,
    /// One clause for people without a full stop: `HTTP 503, the body says DOWN`; cleaned, at most 300 characters.
    pub words: String,
}
