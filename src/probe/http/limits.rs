//! How long each part of a look may take: its own limit, and never more than what is left of the whole.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{task::coop::unconstrained, time::Sleep};

use crate::{clock::Clock, model::Tick};

/// Finding the addresses of a name. Above it people would see "slow" where the resolver is the trouble.
pub(in crate::probe) const RESOLVE: Duration = Duration::from_secs(2);
/// Opening the connection: two lost first packets (1 s, then 2 s later) still fit.
pub(in crate::probe) const CONNECT: Duration = Duration::from_secs(3);
/// The TLS handshake: two round trips and the slowest signature of a busy machine.
pub(in crate::probe) const TLS: Duration = Duration::from_secs(3);
/// Between two pieces of the body; an answer that pauses for longer has stalled.
pub(in crate::probe) const BODY_GAP: Duration = Duration::from_secs(3);
/// A timer that rings this late was held up by us: an answer may have been waiting all the while.
const HELD_UP_AFTER: Duration = Duration::from_secs(1);

/// The time a look has, and the one timer that guards it.
pub(in crate::probe) struct Limits<'look> {
    pub(in crate::probe) clock: &'look Clock,
    pub(in crate::probe) whole: Duration,
    end: Tick,
    timer: Pin<&'look mut Sleep>,
    /// When the timer will ring, if it was set at all: setting it is dear, so a look that is quick sets it once.
    rings_at: Option<Tick>,
    pub(in crate::probe) lap_began_at: Tick,
}

/// A part took too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::probe) struct Expired {
    /// The limit that was broken: the part's own, or the whole look's.
    pub(in crate::probe) limit: Duration,
    /// How much later than it should the timer rang, if that is too late to accuse anybody.
    pub(in crate::probe) held_up_for: Option<Duration>,
}

impl Expired {
    /// What should have been over at the deadline, and it is later now.
    pub(in crate::probe) fn since(deadline: Tick, limit: Duration, now: Tick) -> Self {
        let late = now.since(deadline);
        Self {
            limit,
            held_up_for: (late >= HELD_UP_AFTER).then_some(late),
        }
    }
}

impl<'look> Limits<'look> {
    pub(in crate::probe) fn new(
        clock: &'look Clock,
        timer: Pin<&'look mut Sleep>,
        started: Tick,
        whole: Duration,
    ) -> Self {
        Self {
            clock,
            whole,
            end: started + whole,
            timer,
            rings_at: None,
            lap_began_at: clock.now().tick,
        }
    }

    /// Waits for `work`, for at most `at_most` and never past the end of the look.
    ///
    /// The work is polled first, so what has arrived counts even if the time is up as well.
    pub(in crate::probe) async fn run<Work: Future>(
        &mut self,
        at_most: Duration,
        work: Work,
    ) -> Result<Work::Output, Expired> {
        let mut work = std::pin::pin!(work);
        let mut deadline = None;
        let done = poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            let deadline =
                *deadline.get_or_insert_with(|| self.end.min(self.clock.now().tick + at_most));
            self.poll_timer(deadline, context).map(|()| None)
        })
        .await;
        done.ok_or_else(|| self.expired(deadline.unwrap_or(self.end), at_most))
    }

    /// Waits for `work` until the end of the look.
    pub(in crate::probe) async fn run_to_the_end<Work: Future>(
        &mut self,
        work: Work,
    ) -> Result<Work::Output, Expired> {
        self.run(self.whole, work).await
    }

    /// Ready when the deadline has come. A timer that was set for an earlier part is left alone until it rings.
    ///
    /// The timer is outside of the runtime's budget: work that always has more to do cannot keep it from ringing.
    fn poll_timer(&mut self, deadline: Tick, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let rings_at = match self.rings_at {
                Some(rings_at) if rings_at <= deadline => rings_at,
                Some(_) | None => {
                    self.timer.as_mut().reset(self.clock.instant(deadline));
                    self.rings_at = Some(deadline);
                    deadline
                }
            };
            let timer = std::pin::pin!(unconstrained(self.timer.as_mut()));
            ready!(timer.poll(context));
            if rings_at == deadline {
                return Poll::Ready(());
            }
            self.rings_at = None;
        }
    }

    fn expired(&self, deadline: Tick, at_most: Duration) -> Expired {
        let limit = if deadline < self.end {
            at_most
        } else {
            self.whole
        };
        Expired::since(deadline, limit, self.clock.now().tick)
    }

    /// Microseconds since the last lap, as phases are counted; a new lap begins.
    pub(in crate::probe) fn lap(&mut self) -> u32 {
        let now = self.clock.now().tick;
        let lap = now.since(self.lap_began_at).as_micros();
        self.lap_began_at = now;
        u32::try_from(lap).unwrap_or(u32::MAX)
    }

    /// A new lap begins, whatever the last one was for.
    pub(in crate::probe) fn begin_lap(&mut self) {
        self.lap_began_at = self.clock.now().tick;
    }
}
