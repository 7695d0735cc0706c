//! Whether something that does not answer lives: whether its log goes on.
//!
//! A line from before the silence proves nothing of what came after it. A line from after it proves life; that there is
//! none proves something only if the store shows all of a time in which there usually would be one.

use std::time::Duration;

use super::Evidence;
use crate::model::Timestamp;

/// So much of what came after the beginning of the silence has to be shown before its lack of lines says anything.
///
/// Rounds hasten while somebody is in question, so whatever was written after this is seen as well before it is decided.
const SHOWN: Duration = Duration::from_secs(10);

/// What a log says since its target began to be silent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// A line was written after that.
    Alive,
    /// None was, and the store shows at least the first 10 s after that.
    Quiet,
    /// The store does not show enough of what came after that.
    Open,
}

/// What a log says since `since`; `newest` is its newest line, and all of it was read up to `read_up_to`.
pub fn life(newest: Option<Timestamp>, read_up_to: Option<Timestamp>, since: Timestamp) -> Life {
    if newest.is_some_and(|newest| newest > since) {
        Life::Alive
    } else if read_up_to.is_some_and(|read| read >= since + SHOWN) {
        Life::Quiet
    } else {
        Life::Open
    }
}

/// Up to when a round has read all of the log, if it has.
pub fn read_up_to(evidence: &Evidence<'_>) -> Option<Timestamp> {
    let is_whole = matches!(evidence.reading, Ok(reading) if !reading.is_partial);
    let is_comparable = !super::is_skewed(evidence);
    evidence.watermark.filter(|_| is_whole && is_comparable)
}
