//! What a store would give back at the next start, without a disk.

use super::{live::Live, schema::v1};
use crate::model::{Batch, Loaded, Timestamp};

/// Batches taken in as the journal takes them in: turned into their stored form, folded into the live state, and turned
/// back at a start by what opens a real store. Only the disk is not there.
#[derive(Debug, Default)]
pub struct InMemory {
    live: Live,
    alive_at: Option<Timestamp>,
}

impl InMemory {
    /// Takes in one batch, whole.
    pub fn commit(&mut self, batch: &Batch) {
        if !batch.is_empty() {
            self.live.apply(&v1::Batch::of(batch));
        }
    }

    /// Notes that whoever writes was alive at this time, as a running hekate does beside its store.
    pub const fn mark_alive(&mut self, at: Timestamp) {
        self.alive_at = Some(at);
    }

    /// What is known at a start.
    pub fn loaded(&self) -> Loaded {
        let mut loaded = self.live.to_loaded();
        loaded.last_at = super::last_alive(loaded.last_at, self.alive_at);
        loaded
    }
}
