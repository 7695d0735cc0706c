//! A fingerprint of everything that was done: two runs of one seed have to do the same, to the last byte.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use hekate::model::LookId;

/// FNV-1a over 64 bits, which stays the same from one version of Rust to the next.
#[derive(Clone, Debug)]
pub(crate) struct Trace(u64);

impl Default for Trace {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Trace {
    /// Something was done.
    pub(crate) fn add(&mut self, what: &impl fmt::Debug) {
        write!(self, "{what:?};").expect("a number takes it");
    }

    /// A look was begun. There are millions of them.
    pub(crate) fn look(&mut self, now: Duration, look: LookId, limit: Duration) {
        for number in [
            now.as_micros() as u64,
            u64::from(look.slot.0),
            u64::from(look.check),
            look.number,
            limit.as_micros() as u64,
        ] {
            self.0 = (self.0 ^ number).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// All of it so far.
    pub(crate) const fn value(&self) -> u64 {
        self.0
    }
}

impl fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
