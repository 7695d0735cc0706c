//! Signs that watching works, for the dead-man ping.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::Tick;

/// When looks last began and last were good.
#[derive(Debug, Default)]
pub struct Signs {
    began: AtomicU64,
    healthy: AtomicU64,
}

impl Signs {
    /// A look was handed out.
    pub fn began(&self, now: Tick) {
        self.began.fetch_max(now.as_micros() + 1, Ordering::Relaxed);
    }

    /// A look was good.
    pub fn healthy(&self, now: Tick) {
        self.healthy.fetch_max(now.as_micros() + 1, Ordering::Relaxed);
    }

    /// When a look was last handed out.
    pub fn last_began(&self) -> Option<Tick> {
        at(&self.began)
    }

    /// When a look was last good.
    pub fn last_healthy(&self) -> Option<Tick> {
        at(&self.healthy)
    }
}

fn at(moment: &AtomicU64) -> Option<Tick> {
    moment.load(Ordering::Relaxed).checked_sub(1).map(Tick::from_micros)
}
