//! Work that may panic or never come back, done on a thread of its own.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use super::Error;

/// The limit is waited for in slices of this length. A process that stands still (frozen, suspended) loses the rest of
/// one of them and no more, so a freeze of ours is never told as a disk that hangs.
const SLICE: Duration = Duration::from_millis(250);

/// Does the work on a thread of its own: a panic becomes an error, and so does not coming back within the limit.
///
/// # Errors
/// What the work says; [`Error::Panicked`]; [`Error::Hung`].
pub(super) fn guarded<T, F>(doing: &'static str, limit: Duration, work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Error> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel();
    let thread = thread::Builder::new().name(String::from("store-sled"));
    thread
        .spawn(move || {
            // What the work holds is gone when it returns, before the answer is sent: sled's lock as well.
            let result = catch_unwind(AssertUnwindSafe(work));
            drop(sender.send(result));
        })
        .map_err(Error::disk("start a thread for", "sled"))?;
    match answer_within(limit, |slice| receiver.recv_timeout(slice)) {
        Some(Ok(result)) => result,
        Some(Err(panic)) => Err(Error::Panicked {
            doing,
            words: words_of(&*panic),
        }),
        None => Err(Error::Hung {
            doing,
            after: limit,
        }),
    }
}

/// The answer, if it comes while this process runs for so long. `wait` waits for at most as long as it is told.
fn answer_within<T>(
    limit: Duration,
    mut wait: impl FnMut(Duration) -> Result<T, RecvTimeoutError>,
) -> Option<T> {
    let mut left = limit;
    while !left.is_zero() {
        let slice = left.min(SLICE);
        match wait(slice) {
            Ok(answer) => return Some(answer),
            Err(RecvTimeoutError::Timeout) => left -= slice,
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    None
}

/// What a panic said.
pub(super) fn words_of(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().copied().map(String::from))
        .unwrap_or_else(|| String::from("it said nothing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_while_the_disk_writes_is_not_the_disk_s_fault() {
        // The wait ends ninety seconds late, for the process stood still; the disk answers right after.
        let mut waits = 0;
        let answer = answer_within(Duration::from_secs(20), |_| {
            waits += 1;
            if waits == 1 {
                Err(RecvTimeoutError::Timeout)
            } else {
                Ok("written")
            }
        });
        assert_eq!(answer, Some("written"));
    }

    #[test]
    fn a_disk_that_does_not_answer_is_waited_for_as_long_as_the_limit_says() {
        let limit = Duration::from_millis(20_100);
        let mut waited = Duration::ZERO;
        let answer = answer_within(limit, |slice| {
            waited += slice;
            Err::<(), _>(RecvTimeoutError::Timeout)
        });
        assert_eq!((answer, waited), (None, limit));
    }

    #[test]
    fn work_that_is_gone_is_not_waited_for() {
        let mut waits = 0;
        let answer = answer_within(Duration::from_secs(20), |_| {
            waits += 1;
            Err::<(), _>(RecvTimeoutError::Disconnected)
        });
        assert_eq!((answer, waits), (None, 1));
    }

    #[test]
    fn a_panic_and_a_hang_are_errors() {
        let panicked = guarded::<(), _>("read", Duration::from_mins(1), || panic!("no more"));
        assert!(matches!(panicked, Err(Error::Panicked { words, .. }) if words == "no more"));
        let (hold, held) = mpsc::channel::<()>();
        let hung = guarded("read", Duration::from_millis(1), move || {
            let _closed = held.recv();
            Ok(())
        });
        assert!(matches!(hung, Err(Error::Hung { .. })));
        drop(hold);
    }
}
