//! How much slower than usual hekate itself is, so that its own haste is not charged to others.

use std::time::Duration;

/// How much slower than usual we are ourselves: 0 to 8.
///
/// Source: the local health multiplier of Lifeguard (Dadgar, Phillips, Currey, 2018).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Strain {
    score: u8,
    /// When it last rose or fell.
    moved_at: Duration,
    /// When it last rose for each cause.
    rose_at: [Option<Duration>; 2],
}

/// What strains us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A look started much later than planned.
    Late = 0,
    /// A look waited long for its turn.
    Crowded = 1,
}

/// A look that starts so much later than planned was late.
pub const LATE: Duration = Duration::from_millis(250);
/// A look that starts so much later than planned has waited for its turn.
pub const CROWDED: Duration = Duration::from_secs(1);
const SCORE_MAX: u8 = 8;
/// A cause counts once in this time, or a thousand late looks would count for one late second.
const CAUSE_EVERY: Duration = Duration::from_secs(1);
/// After so long without a cause it falls by one.
const CLEAN: Duration = Duration::from_secs(15);
/// Nothing is ever stretched by more than this.
const FACTOR_MAX: u32 = 3;

impl Strain {
    /// Something strained us at this time since the start.
    pub fn rise(&mut self, now: Duration, cause: Cause) {
        self.fall(now);
        let last = &mut self.rose_at[cause as usize];
        if last.is_some_and(|at| now.saturating_sub(at) < CAUSE_EVERY) {
            return;
        }
        *last = Some(now);
        self.score = self.score.saturating_add(1).min(SCORE_MAX);
        self.moved_at = now;
    }

    /// Time passes.
    pub fn fall(&mut self, now: Duration) {
        let steps = now.saturating_sub(self.moved_at).as_secs() / CLEAN.as_secs();
        if steps > 0 {
            let steps = u8::try_from(steps).unwrap_or(u8::MAX);
            self.score = self.score.saturating_sub(steps);
            self.moved_at = now;
        }
    }

    /// The score, 0 to 8.
    pub const fn score(&self) -> u8 {
        self.score
    }

    /// By how much limits and spans are stretched: 1 to 3.
    pub fn factor(&self) -> u32 {
        (u32::from(self.score) + 1).min(FACTOR_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strain_rises_by_cause_and_falls_with_clean_time() {
        let at = Duration::from_millis;
        let mut strain = Strain::default();
        assert_eq!((strain.score(), strain.factor()), (0, 1));
        for _ in 0..1_000 {
            strain.rise(at(1_000), Cause::Late);
        }
        assert_eq!((strain.score(), strain.factor()), (1, 2));
        strain.rise(at(1_000), Cause::Crowded);
        assert_eq!((strain.score(), strain.factor()), (2, 3));
        for second in 2..=19 {
            strain.rise(at(second * 1_000), Cause::Late);
        }
        assert_eq!((strain.score(), strain.factor()), (8, 3));
        strain.fall(at(33_999));
        assert_eq!(strain.score(), 8);
        strain.fall(at(34_000));
        assert_eq!(strain.score(), 7);
        strain.fall(at(200_000));
        assert_eq!((strain.score(), strain.factor()), (0, 1));
    }
}
