//! Times in which nobody looked or nobody could see are written down: what was not seen is not counted later.

use std::time::Duration;

use super::Engine;
use crate::model::{
    Batch, Moment, Timestamp,
    lapse::{Lapse, LapseKind},
};

/// Shorter absences are no lapse: most targets are not even looked at twice in that time.
const WORTH_NOTING: Duration = Duration::from_mins(1);

impl Engine {
    /// The loop turned: until now nothing was missed.
    pub fn turned(&mut self, now: Moment) {
        self.handled = now;
    }

    /// Since when nobody listened, if this process stood still: how long that was, by either clock.
    pub(super) fn deaf(&self, now: Moment) -> Duration {
        let by_tick = now.tick.since(self.handled.tick);
        by_tick.max(now.at.since(self.handled.at))
    }

    /// This process stood still for so long, or the clock was moved over this time: either way nothing was looked at in it.
    pub(super) fn note_standstill(now: Moment, deaf: Duration, batch: &mut Batch) {
        if deaf < WORTH_NOTING {
            return;
        }
        batch.lapses.push(Lapse {
            from: now.at - deaf,
            until: Some(now.at),
            kind: LapseKind::Stopped,
            words: String::from("this process or its machine stood still, or its clock was moved"),
        });
    }

    /// What an earlier process left unfinished ended with its last sign of life; and from then on nobody was looking, until
    /// this process began.
    pub(super) fn close_lapses(
        began: Timestamp,
        known: Vec<Lapse>,
        last_at: Timestamp,
        batch: &mut Batch,
    ) {
        // A clock that was moved back meanwhile must not make a lapse of times to come.
        let last_at = last_at.min(began);
        for lapse in known.into_iter().filter(|lapse| lapse.until.is_none()) {
            batch.lapses.push(Lapse {
                until: Some(last_at.max(lapse.from)),
                ..lapse
            });
        }
        if began.since(last_at) >= WORTH_NOTING {
            batch.lapses.push(Lapse {
                from: last_at,
                until: Some(began),
                kind: LapseKind::Away,
                words: String::from("hekate was not running"),
            });
        }
    }
}
