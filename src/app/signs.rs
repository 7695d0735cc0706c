//! Signs that watching works, for the dead-man ping.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::Tick;

/// When looks last began and last said something about their target.
#[derive(Debug, Default)]
pub(super) struct Signs {
    began: AtomicU64,
    seen: AtomicU64,
}

impl Signs {
    /// A look was handed out.
    pub(super) fn began(&self, now: Tick) {
        self.began.fetch_max(now.as_micros() + 1, Ordering::Relaxed);
    }

    /// A look said something about its target, good or bad.
    pub(super) fn seen(&self, now: Tick) {
        self.seen.fetch_max(now.as_micros() + 1, Ordering::Relaxed);
    }

    /// When a look was last handed out.
    pub(super) fn last_began(&self) -> Option<Tick> {
        at(&self.began)
    }

    /// When a look last said something about its target.
    pub(super) fn last_seen(&self) -> Option<Tick> {
        at(&self.seen)
    }
}

fn at(moment: &AtomicU64) -> Option<Tick> {
    moment
        .load(Ordering::Relaxed)
        .checked_sub(1)
        .map(Tick::from_micros)
}
