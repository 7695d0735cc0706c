//! Signs of life, for `/healthz`, systemd and the dead-man ping.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::model::{Tick, Timestamp};

/// What the engine loop leaves behind with every turn.
#[derive(Debug, Default)]
pub struct Pulse {
    beat: AtomicU64,
    healthy: AtomicI64,
    looks: AtomicU64,
}

impl Pulse {
    /// The engine loop took a turn.
    pub fn beat(&self, now: Tick) {
        self.beat.store(now.as_micros(), Ordering::Relaxed);
    }

    /// A look came back.
    pub fn looked(&self, at: Timestamp, is_healthy: bool) {
        self.looks.fetch_add(1, Ordering::Relaxed);
        if is_healthy {
            self.healthy.fetch_max(at.as_millis(), Ordering::Relaxed);
        }
    }

    /// When the engine loop last took a turn.
    pub fn last_beat(&self) -> Tick {
        Tick::from_micros(self.beat.load(Ordering::Relaxed))
    }

    /// When a look last was good; absent if none was.
    pub fn last_healthy(&self) -> Option<Timestamp> {
        let at = self.healthy.load(Ordering::Relaxed);
        (at != 0).then(|| Timestamp::from_millis(at))
    }

    /// Looks that came back so far.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }
}
