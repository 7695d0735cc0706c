//! What keeps something bad from being told yet.
//!
//! Every reason passes through [`Engine::hold`]: it may stop a new telling, and one of something worse than was told. It
//! never stops a look, nor that something told is better or over. When the reason ends, what is still bad is told at once.

use std::time::Duration;

use super::Engine;
use crate::model::{Moment, Slot, Tick, Verdict};

/// How long after an outage a mere degradation of the same target is held back.
const AFTER_DOWN: Duration = Duration::from_mins(30);

/// Why something bad is not told yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Hold {
    /// Why, as people read it: `it was down less than 30 min ago`.
    pub(super) words: String,
    /// When it is to be asked again whether it still holds; absent if something else than time ends it.
    pub(super) until: Option<Tick>,
    /// Whether nobody can say how it is, because what it depends on is down.
    pub(super) is_blocked: bool,
}

impl Engine {
    /// Why this is not to be told yet, if there is a reason.
    pub(super) fn hold(&self, now: Moment, slot: Slot, verdict: Verdict) -> Option<Hold> {
        self.hold_blocked(now, slot)
            .or_else(|| self.hold_after_down(now, slot, verdict))
            .or_else(|| self.hold_planned(slot))
            .or_else(|| self.hold_unseen(slot))
    }

    /// A degradation soon after an outage is the rest of it.
    fn hold_after_down(&self, now: Moment, slot: Slot, verdict: Verdict) -> Option<Hold> {
        let watched = self.at(slot)?;
        let until = watched.down_ended? + AFTER_DOWN;
        let is_rest = verdict == Verdict::Degraded && watched.incident.is_none();
        (is_rest && until > now.tick).then(|| Hold {
            words: String::from("it was down less than 30 min ago"),
            until: Some(until),
            is_blocked: false,
        })
    }

    /// Asks whether something is held back that was not told, or is worse than what was, and remembers the answer.
    pub(super) fn is_held(&mut self, now: Moment, slot: Slot, verdict: Verdict) -> bool {
        let hold = self.hold(now, slot, verdict);
        let is_held = hold.is_some();
        if is_held {
            self.note_kept(slot);
        }
        if let Some(watched) = self.at_mut(slot) {
            watched.hold = hold.map(Box::new);
        }
        is_held
    }
}
