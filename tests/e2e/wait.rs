//! Waiting for something to be so.

use std::time::Duration;

/// Only a fault takes so long, on any machine.
pub(crate) const LONG: Duration = Duration::from_mins(1);
/// Between two questions whether it is so.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// Waits until there is an answer; panics if there is none within [`LONG`].
pub(crate) async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(LONG, what, look).await
}

/// Waits until there is an answer; panics if there is none within this time.
pub(crate) async fn until_within<T>(
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    };
    let found = tokio::time::timeout(limit, looking).await;
    found.unwrap_or_else(|_elapsed| panic!("waited {limit:?} in vain: {what}"))
}
