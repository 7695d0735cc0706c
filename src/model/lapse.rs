//! Times in which nobody looked, or nobody could see.

use super::time::Timestamp;

/// A time of which nothing is known, or not of everything: whoever did not answer in it is unknown for that time, and it
/// is left out of every measure of service. Lapses may overlap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lapse {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end; absent as long as it lasts.
    pub until: Option<Timestamp>,
    /// Of what kind.
    pub kind: LapseKind,
    /// Why, in one clause.
    pub words: String,
}

/// Why nobody saw.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LapseKind {
    /// No witness answered, so silence said nothing. Who answered all the same was seen.
    Blind,
    /// hekate was not running.
    Away,
    /// The process or its machine stood still, or the clock was moved forward over this time.
    Stopped,
}

impl LapseKind {
    /// For programs: `blind`, `away`, `stopped`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blind => "blind",
            Self::Away => "away",
            Self::Stopped => "stopped",
        }
    }

    /// For people: `blind`, `not running`, `stopped`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Blind => "blind",
            Self::Away => "not running",
            Self::Stopped => "stopped",
        }
    }
}

/// As many lapses are remembered; the oldest go.
pub const LAPSES_MAX: usize = 1_000;
