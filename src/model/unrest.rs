//! How restless a target was lately, as it outlives a restart.

use super::{time::Timestamp, verdict::Verdict};

/// What is remembered of a target's ups and downs, and of how often people heard of it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Unrest {
    /// The penalty for going down, in points, when it last grew; 0 to 4,000.
    pub points: u32,
    /// When that was.
    pub at: Timestamp,
    /// Whether it is flapping.
    pub is_flapping: bool,
    /// How often it went bad since it was last at rest.
    pub outages: u32,
    /// When the first of those began.
    pub since: Timestamp,
    /// Its last changes, oldest first, at most [`Unrest::EDGES_MAX`].
    pub edges: Vec<Edge>,
    /// When people heard of it within the last hour, oldest first.
    pub told: Vec<Timestamp>,
}

impl Unrest {
    /// More changes than these are counted, not listed.
    pub const EDGES_MAX: usize = 8;
}

/// One change of what is known of a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// What it became.
    pub to: Verdict,
    /// Since when.
    pub at: Timestamp,
}

/// What is told of something that flaps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flapping {
    /// How often it went bad.
    pub outages: u32,
    /// When the first of those began.
    pub since: Timestamp,
    /// Its last changes in words, oldest first: `down 40 s, up 2 min, down now`; empty if it is about several.
    pub timeline: String,
    /// Whether what is told has lasted, so that it is told in spite of the flapping.
    pub is_steady: bool,
}
