//! The only reader of clocks: monotonic and wall time, and what is wrong between them.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::model::{Moment, Tick, Timestamp};

/// Both clocks. Cheap to clone; all clones count from the same start.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Arc<Instant>,
}

impl Clock {
    /// Starts counting ticks now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the clocks"
    )]
    pub fn start() -> Self {
        Self {
            start: Arc::new(Instant::now()),
        }
    }

    /// Reads both clocks.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the clocks"
    )]
    pub fn now(&self) -> Moment {
        let tick =
            Tick::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX));
        let at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis());
        Moment {
            tick,
            at: Timestamp::from_millis(i64::try_from(at).unwrap_or(i64::MAX)),
        }
    }

    /// The runtime's instant of a tick, to wait for it.
    pub fn instant(&self, tick: Tick) -> tokio::time::Instant {
        (*self.start + Duration::from_micros(tick.as_micros())).into()
    }
}
