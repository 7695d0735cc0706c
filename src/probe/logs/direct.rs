//! What stores have in common that are read where the lines are written, with no pipeline in between.

use crate::model::{
    Timestamp,
    logs::{LogFault, LogFaultKind, Statement},
};

/// Nothing lies between writing and reading, so everything written up to now can be read.
pub(super) fn statement(now: Timestamp) -> Statement {
    Statement {
        complete_until: Some(now),
        drains_within: None,
        words: String::from("read where it is written"),
    }
}

/// Lines of our own cannot be sent there, so none can be found.
pub(super) fn no_canary() -> LogFault {
    LogFault::new(
        LogFaultKind::BadQuery,
        "it takes no canary, so none can be found",
    )
}
