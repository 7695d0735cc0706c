//! Chance that can be had again.

use std::{
    env,
    hash::{BuildHasher as _, RandomState},
    io::{self, Write as _},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// A number of rounds or seconds from the environment.
pub(crate) fn count(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is `{text}`, which is no number"))
    })
}

/// The chance of one test.
pub(crate) struct Chance(StdRng);

impl Chance {
    /// With the seed of the environment, or a new one, which is printed.
    pub(crate) fn of(test: &str) -> Self {
        let seed = count("HEKATE_E2E_SEED", RandomState::new().hash_one(test));
        // Printed only if the test fails, or if asked for.
        let _ = writeln!(io::stderr(), "{test}: HEKATE_E2E_SEED={seed}");
        Self(StdRng::seed_from_u64(seed))
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    /// A span between these two, in milliseconds.
    pub(crate) fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.0.random_range(range))
    }
}
