//! How long each part of a look may take: its own limit, and never more than what is left of the whole.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use tokio::{task::coop::unconstrained, time::Sleep};

use crate::{clock::Clock, model::Tick};

/// Finding the addresses of a name. Above it people would see "slow" where the resolver is the trouble.
pub(super) const RESOLVE: Duration = Duration::from_secs(2);
/// Opening the connection: two lost first packets (1 s, then 2 s later) still fit.
pub(super) const CONNECT: Duration = Duration::from_secs(3);
/// The TLS handshake: two round trips and the slowest signature of a busy machine.
pub(super) const TLS: Duration = Duration::from_secs(3);
/// Between two pieces of the body; an answer that pauses for longer has stalled.
pub(super) const BODY_GAP: Duration = Duration::from_secs(3);
/// A timer that rings this late was held up by us: an answer may have been waiting all the while.
const HELD_UP_AFTER: Duration = Duration::from_secs(1);

/// The time a look has, and the one timer that guards it.
pub(super) struct Limits<'look> {
    pub(super) clock: &'look Clock,
    timer: Pin<&'look mut Sleep>,
    pub(super) whole: Duration,
    end: Tick,
}

/// A part took too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Expired {
    /// The limit that was broken: the part's own, or the whole look's.
    pub(super) limit: Duration,
    /// How much later than it should the timer rang, if that is too late to accuse anybody.
    pub(super) held_up_for: Option<Duration>,
}

impl<'look> Limits<'look> {
    pub(super) fn new(
        clock: &'look Clock,
        timer: Pin<&'look mut Sleep>,
        started: Tick,
        whole: Duration,
    ) -> Self {
        Self {
            clock,
            timer,
            whole,
            end: started + whole,
        }
    }

    /// Waits for `work`, for at most `at_most` and never past the end of the look.
    ///
    /// The work is polled first, so what has arrived counts even if the time is up as well. The timer is outside of
    /// the runtime's budget: work that always has more to do cannot keep it from ringing.
    pub(super) async fn run<Work: Future>(
        &mut self,
        at_most: Duration,
        work: Work,
    ) -> Result<Work::Output, Expired> {
        let own_end = self.clock.now().tick + at_most;
        let (deadline, limit) = if own_end < self.end {
            (own_end, at_most)
        } else {
            (self.end, self.whole)
        };
        self.timer.as_mut().reset(self.clock.instant(deadline));
        let mut work = std::pin::pin!(work);
        let mut timer = std::pin::pin!(unconstrained(self.timer.as_mut()));
        let done = poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            timer.as_mut().poll(context).map(|()| None)
        })
        .await;
        done.ok_or_else(|| {
            let late = self.clock.now().tick.since(deadline);
            Expired {
                limit,
                held_up_for: (late >= HELD_UP_AFTER).then_some(late),
            }
        })
    }

    /// Waits for `work` until the end of the look.
    pub(super) async fn run_to_the_end<Work: Future>(
        &mut self,
        work: Work,
    ) -> Result<Work::Output, Expired> {
        self.run(self.whole, work).await
    }

    /// Microseconds since `then`, as phases are counted.
    pub(super) fn micros_since(&self, then: Tick) -> u32 {
        u32::try_from(self.clock.now().tick.since(then).as_micros()).unwrap_or(u32::MAX)
    }
}
