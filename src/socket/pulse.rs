//! Whether the other end of a line is still there. Plain: it is told what time it is.

use std::time::Duration;

use crate::model::Tick;

/// After so much silence it is asked.
const ASK_AFTER: Duration = Duration::from_secs(5);
/// It is given up when it has not answered for so long.
const DEAD_AFTER: Duration = Duration::from_secs(10);

/// When something was last heard, and when we last asked whether anybody is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    heard_at: Tick,
    asked_at: Option<Tick>,
}

/// What to do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sign {
    /// Wait.
    Fine,
    /// Ask.
    Ask,
    /// Nobody is there.
    Dead,
}

impl Pulse {
    /// Of a line that was opened now.
    pub(super) const fn new(now: Tick) -> Self {
        Self {
            heard_at: now,
            asked_at: None,
        }
    }

    /// Anything at all came.
    pub(super) const fn heard(&mut self, now: Tick) {
        self.heard_at = now;
        self.asked_at = None;
    }

    /// What to do at this time. After a pause of our own it is asked first, for the answer may have been waiting for us.
    pub(super) fn sign(&mut self, now: Tick) -> Sign {
        match self.asked_at {
            Some(asked_at) if now.since(asked_at) >= DEAD_AFTER => Sign::Dead,
            None if now.since(self.heard_at) >= ASK_AFTER => {
                self.asked_at = Some(now);
                Sign::Ask
            }
            Some(_) | None => Sign::Fine,
        }
    }

    /// When to look again.
    pub(super) fn next_deadline(&self) -> Tick {
        match self.asked_at {
            Some(asked_at) => asked_at + DEAD_AFTER,
            None => self.heard_at + ASK_AFTER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Tick {
        Tick::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn silence_is_asked_about_and_then_believed() {
        let mut pulse = Pulse::new(at(0));
        assert_eq!(pulse.next_deadline(), at(5));
        assert_eq!(pulse.sign(at(4)), Sign::Fine);
        assert_eq!(pulse.sign(at(5)), Sign::Ask);
        assert_eq!(pulse.next_deadline(), at(15));
        assert_eq!(pulse.sign(at(14)), Sign::Fine);
        pulse.heard(at(14));
        assert_eq!(pulse.sign(at(15)), Sign::Fine);
        assert_eq!(pulse.sign(at(19)), Sign::Ask);
        assert_eq!(pulse.sign(at(29)), Sign::Dead);
    }

    #[test]
    fn after_a_pause_of_ours_it_is_asked_first() {
        let mut pulse = Pulse::new(at(0));
        assert_eq!(pulse.sign(at(3_600)), Sign::Ask);
        assert_eq!(pulse.sign(at(3_609)), Sign::Fine);
        assert_eq!(pulse.sign(at(3_610)), Sign::Dead);
    }
}
