//! `metrics:` one value among the metrics that a target shows in Prometheus' text format.

use std::sync::Arc;

use super::plan::HealthQuestion;

/// `metrics:` one value, and how large it may be.
#[derive(Clone, PartialEq, Debug)]
pub struct MetricsQuestion {
    /// Where and as whom it is asked, the same way as a health endpoint; what only means something to health bodies is
    /// left at its defaults.
    pub asked: Arc<HealthQuestion>,
    /// `name:` the name of the metric, as a series carries it.
    pub name: String,
    /// `labels:` what a series has to carry to be counted; others may be beside them.
    pub labels: Vec<(String, String)>,
    /// `combine:` what several series are together. Default: each is compared by itself.
    pub combine: Combine,
    /// `above:` and `below:`; beyond them it is down.
    pub down: Limits,
    /// `degraded_above:` and `degraded_below:`; beyond them it falls short.
    pub degraded: Limits,
    /// `absent:` what it means that there is no such series, or only ones that are NaN. Default: nothing is known.
    pub absent: Absent,
}

/// How large a value may be; what is on the limit is still fine.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Limits {
    /// More than this is beyond it; finite.
    pub above: Option<f64>,
    /// Less than this is beyond it; finite.
    pub below: Option<f64>,
}

/// What several series are together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Combine {
    /// Each is compared by itself, and one that is beyond a limit is enough. The default, as alerting rules do it.
    #[default]
    Any,
    /// Their sum.
    Sum,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

impl Combine {
    /// All words.
    pub const ALL_WORDS: [&'static str; 4] = ["any", "sum", "max", "min"];

    /// The one with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "any" => Some(Self::Any),
            "sum" => Some(Self::Sum),
            "max" => Some(Self::Max),
            "min" => Some(Self::Min),
            _ => None,
        }
    }
}

/// What it means that a value is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Absent {
    /// Nothing is known: nobody is accused, and `ops` hears of it. The default.
    #[default]
    Unknown,
    /// All is well: a counter of errors often appears with the first one.
    Operational,
    /// It falls short.
    Degraded,
    /// It is down.
    Down,
}

impl Absent {
    /// All words.
    pub const ALL_WORDS: [&'static str; 4] = ["unknown", "operational", "degraded", "down"];

    /// The one with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "unknown" => Some(Self::Unknown),
            "operational" => Some(Self::Operational),
            "degraded" => Some(Self::Degraded),
            "down" => Some(Self::Down),
            _ => None,
        }
    }
}
