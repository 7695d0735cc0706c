//! What was, as pages show it: read from the store when somebody looks, off the loops, at most once a minute, and kept.
//!
//! Whoever looks waits for it only if nothing was read lately, and then hardly. What is shown says until when it was counted; what is
//! too old is not shown.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::{sync::Notify, time::timeout};

use super::State;
use crate::{
    command::{
        days::{Bars, Count},
        sli::Sli,
    },
    model::{
        CheckId, Incident, Plan, TargetId, Tick, Timestamp,
        latency::{Grain, Latencies},
    },
};

/// Reads how long answers to a check took in each hour or day that begins at these times.
///
/// It may block; the error is a sentence for people.
pub type TimesAnswers =
    Arc<dyn Fn(&CheckId, Grain, &[Timestamp]) -> Result<Vec<Latencies>, String> + Send + Sync>;

/// Measures how available these targets were in each span from one bound to the next; whoever is not watched any more is left out.
///
/// It may block; the error is a sentence for people.
pub type MeasuresEach = Arc<
    dyn Fn(&[TargetId], &[Timestamp]) -> Result<Vec<(TargetId, Vec<Sli>)>, String> + Send + Sync,
>;

/// Reads the incidents that were open at some time since then: the newest ones, at most so many, newest first.
///
/// It may block; the error is a sentence for people.
pub type PastIncidents =
    Arc<dyn Fn(Timestamp, usize) -> Result<Vec<Incident>, String> + Send + Sync>;

/// What was read is read again when somebody looks after so long, and sooner if another plan holds.
const AGAIN_AFTER: Duration = Duration::from_mins(1);
const AGAIN_AFTER_RELOAD: Duration = Duration::from_secs(5);
/// What is older than this is not shown: the store has not answered for ten rounds.
const AGE_MAX: Duration = Duration::from_mins(10);
/// So long those who look first, or first after a while, wait for it.
const FIRST_LIMIT: Duration = Duration::from_millis(250);
/// Incidents of this long are read, and at most so many.
const INCIDENTS_FOR: Duration = Duration::from_hours(30 * 24);
const INCIDENTS_MAX: usize = 200;
/// So many targets are measured in one go, so that others have their turn at the store.
const TARGETS_AT_ONCE: usize = 500;

/// What was, as it was read last.
#[derive(Debug)]
pub(super) struct Known {
    /// The days of targets and groups.
    pub(super) bars: Bars,
    /// The incidents of the last 30 days, newest first.
    pub(super) incidents: Vec<Incident>,
    /// The plan by which they were counted.
    plan: Weak<Plan>,
    read_at: Tick,
}

/// Remembers what was, and reads it again when it is asked for.
#[derive(Default, Debug)]
pub(super) struct History {
    known: ArcSwapOption<Known>,
    tried: Mutex<Tried>,
    is_read: Notify,
}

/// When it was last begun to be read.
#[derive(Default, Debug)]
struct Tried {
    at: Option<Tick>,
    plan: Weak<Plan>,
    is_under_way: bool,
}

impl History {
    /// What was, as it was known at most ten minutes ago, and usually at most two; absent if it was not read yet or cannot be read.
    pub(super) async fn look(self: &Arc<Self>, state: &State) -> Option<Arc<Known>> {
        let now = state.clock.now().tick;
        let mut is_read = std::pin::pin!(self.is_read.notified());
        is_read.as_mut().enable();
        let is_under_way = self.read_if_due(state, now);
        let known = self.fresh(now);
        let is_recent = |known: &Arc<Known>| now.since(known.read_at) <= 2 * AGAIN_AFTER;
        if known.as_ref().is_some_and(is_recent) || !is_under_way {
            return known;
        }
        // Whoever does not live to see it sees it the next time.
        let _ = timeout(FIRST_LIMIT, is_read).await;
        self.fresh(now)
    }

    fn fresh(&self, now: Tick) -> Option<Arc<Known>> {
        let known = self.known.load_full();
        known.filter(|known| now.since(known.read_at) <= AGE_MAX)
    }

    /// Begins to read if it is time to; says whether it is being read.
    fn read_if_due(self: &Arc<Self>, state: &State, now: Tick) -> bool {
        let plan = state.plan.load_full();
        let mut tried = self.tried();
        if tried.is_under_way {
            return true;
        }
        let is_same = std::ptr::eq(tried.plan.as_ptr(), Arc::as_ptr(&plan));
        let again_after = if is_same {
            AGAIN_AFTER
        } else {
            AGAIN_AFTER_RELOAD
        };
        if tried.at.is_some_and(|at| now.since(at) < again_after) {
            return false;
        }
        *tried = Tried {
            at: Some(now),
            plan: Arc::downgrade(&plan),
            is_under_way: true,
        };
        drop(tried);
        let (history, state) = (Arc::clone(self), state.clone());
        let reading = Reading(Arc::clone(self));
        tokio::spawn(async move {
            let before = history.known.load_full();
            match read(&state, &plan, before.as_deref()).await {
                Ok(known) => history.known.store(Some(Arc::new(known))),
                Err(why) => {
                    tracing::warn!(event = "page.history", %why, "the page cannot show what was");
                }
            }
            drop(reading);
        });
        true
    }

    fn tried(&self) -> MutexGuard<'_, Tried> {
        // Nothing in here can be left half done by a panic.
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// It is being read until this is dropped, whatever happens meanwhile.
struct Reading(Arc<History>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.tried().is_under_way = false;
        self.0.is_read.notify_waiters();
    }
}

/// Reads what was; days that cannot change any more are taken from what was read before.
async fn read(state: &State, plan: &Arc<Plan>, before: Option<&Known>) -> Result<Known, String> {
    let (board, now) = (state.board.load_full(), state.clock.now());
    let targets = board.rows.iter().map(|row| &row.target);
    let ids: Vec<_> = targets
        .filter(|target| !target.stands_for_others())
        .map(|target| target.id.clone())
        .collect();
    let before = before.filter(|known| std::ptr::eq(known.plan.as_ptr(), Arc::as_ptr(plan)));
    let zone = plan.server.timezone;
    let mut count = Count::begin(now.at, zone, ids.len(), before.map(|known| &known.bars));
    for some in ids.chunks(TARGETS_AT_ONCE) {
        let (measure, some) = (Arc::clone(&state.measures_each), some.to_vec());
        let bounds = count.bounds().to_vec();
        let measured = state.readers.ask(move || measure(&some, &bounds)).await?;
        count.take(&board, measured);
    }
    let past = Arc::clone(&state.past);
    let read = move || past(now.at - INCIDENTS_FOR, INCIDENTS_MAX);
    let incidents = state.readers.ask(read).await?;
    Ok(Known {
        incidents,
        bars: count.end(),
        plan: Arc::downgrade(plan),
        read_at: now.tick,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use super::*;
    use crate::web::{
        router,
        tests::{get_of, world},
    };

    const NOT_COUNTED: &str = "is not counted yet";

    fn well(targets: &[TargetId], bounds: &[Timestamp]) -> Vec<(TargetId, Vec<Sli>)> {
        let days = bounds.windows(2).map(|day| Sli {
            operational: day[1].since(day[0]),
            ..Sli::default()
        });
        let days: Vec<_> = days.collect();
        targets
            .iter()
            .map(|id| (id.clone(), days.clone()))
            .collect()
    }

    #[tokio::test]
    async fn the_store_is_asked_once_for_many_looks() {
        let mut state = world().state;
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        state.measures_each = Arc::new(move |targets: &_, bounds: &_| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(well(targets, bounds))
        });
        let router = router(state);
        for _ in 0..3 {
            let page = get_of(&router, "/?format=html").await.body;
            assert!(
                page.contains("100% of what was measured in 90 days")
                    && !page.contains(NOT_COUNTED),
                "{page}"
            );
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_keeps_nobody_waiting() {
        let mut state = world().state;
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        state.measures_each = Arc::new(move |targets: &_, bounds: &_| {
            let _ = released.lock().unwrap().recv();
            Ok(well(targets, bounds))
        });
        let history = Arc::new(History::default());
        assert!(history.look(&state).await.is_none());
        let router = router(state.clone());
        let page = get_of(&router, "/?format=html").await;
        assert!(page.body.contains(NOT_COUNTED), "{}", page.body);
        let is_read = history.is_read.notified();
        // Both of them read.
        release.send(()).unwrap();
        drop(release);
        is_read.await;
        assert!(history.look(&state).await.is_some());
    }

    #[tokio::test]
    async fn a_store_that_fails_is_left_alone_for_a_while() {
        let mut state = world().state;
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        state.measures_each = Arc::new(move |_: &_, _: &_| {
            count.fetch_add(1, Ordering::Relaxed);
            Err(String::from("the disk is on fire"))
        });
        let router = router(state);
        for _ in 0..3 {
            let page = get_of(&router, "/?format=html").await;
            assert!(page.body.contains(NOT_COUNTED), "{}", page.body);
            assert!(!page.body.contains("on fire"), "{}", page.body);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_fault_of_ours_does_not_end_it() {
        let mut state = world().state;
        state.measures_each = Arc::new(|_: &_, _: &_| panic!("a fault, as this test wants it"));
        let history = Arc::new(History::default());
        assert!(history.look(&state).await.is_none());
        assert!(!history.tried().is_under_way);
    }
}
